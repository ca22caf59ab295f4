//! Contractions: sums of products over three loops or more become matrix products of a library.
//!
//! Loops at the top of a kernel are distributed over what stands in them as far as dependences allow; a nest that then
//! holds nothing but `T[...] += product` with simple subscripts is a contraction over a box of indices. What is
//! triangular is computed in full and masked. Sums are taken in another order than written, hence not under `strict`.

use crate::affine::{Affine, Sym};
use crate::depend::{self, Fold, accumulation};
use crate::factor::{self, Factor};
use crate::ir::*;
use serde::{Deserialize, Serialize};

/// A part of a kernel, run one after the other.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Machine code.
    Code(Vec<S>),
    /// Library calls, or this code where they aren't worth it.
    Contract(Vec<Contraction>, Vec<S>),
    /// A factorization, or this code.
    Factor(Factor, Vec<S>),
}

/// Along an axis of an operand.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Along {
    /// An index of the box, moved by a form that stays the same.
    Index(usize, Affine),
    /// One place.
    Fixed(Affine),
}

/// `out[...] += factor * product of operands`, summed over the indices that `out` doesn't have.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Contraction {
    /// First index and end of each.
    pub(crate) bounds: Vec<(Affine, Affine)>,
    pub(crate) out: (Arr, Vec<Along>),
    pub(crate) operands: Vec<(Arr, Vec<Along>)>,
    /// Scalars that the product is multiplied by.
    pub(crate) factors: Vec<E>,
    pub(crate) is_subtracted: bool,
    /// Which operand (`None`: the result), and the form `index a - index b + offset` that isn't negative where it counts.
    pub(crate) masks: Vec<(Option<usize>, usize, usize, Affine)>,
}

/// The steps of a kernel.
pub(crate) fn steps(program: &Program) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut is_any = false;
    let push = |steps: &mut Vec<Step>, stmt: S| match steps.last_mut() {
        Some(Step::Code(body)) => body.push(stmt),
        _ => steps.push(Step::Code(vec![stmt])),
    };
    for (at, stmt) in program.body.iter().enumerate() {
        if let Some(factor) = factor::found(program, stmt, &program.body[at + 1..]) {
            is_any = true;
            steps.push(Step::Factor(factor, vec![stmt.clone()]));
            continue;
        }
        if !may_contract(std::slice::from_ref(stmt), 0) {
            push(&mut steps, stmt.clone());
            continue;
        }
        let parts = distributed(program, stmt.clone(), &mut Vec::new());
        let found: Vec<_> = parts.iter().map(|part| contraction(program, part)).collect();
        if found.iter().all(Option::is_none) {
            push(&mut steps, stmt.clone());
            continue;
        }
        is_any = true;
        for (part, found) in parts.into_iter().zip(found) {
            match found {
                Some(found) => steps.push(Step::Contract(found, vec![part])),
                None => push(&mut steps, part),
            }
        }
    }
    if is_any { steps } else { vec![Step::Code(program.body.clone())] }
}

/// Whether there is a sum of products three loops deep, in an element or in a scalar.
pub(crate) fn is_promising(program: &Program) -> bool {
    fn within(body: &[S], depth: usize) -> bool {
        body.iter().any(|stmt| match &stmt.kind {
            SKind::For(inner) => within(&inner.body, depth + 1),
            SKind::Set(var, value) => depth >= 3 && matches!(accumulation(&E::Var(*var), value), Some((Fold::Add, term)) if term.loads().len() > 1),
            _ => false,
        })
    }
    within(&program.body, 0) || may_contract(&program.body, 0)
}

/// Whether there is a sum of products three loops deep.
fn may_contract(body: &[S], depth: usize) -> bool {
    body.iter().any(|stmt| match &stmt.kind {
        SKind::For(inner) => may_contract(&inner.body, depth + 1),
        SKind::Store(access, value) => {
            depth >= 3 && matches!(accumulation(&E::Load(Box::new(access.clone())), value), Some((Fold::Add, term)) if term.loads().len() > 1)
        }
        _ => false,
    })
}

/// A loop as several, as far as they go; other statements are left as they are.
pub(crate) fn distributed(program: &Program, stmt: S, outer: &mut Vec<Var>) -> Vec<S> {
    let S { line, kind: SKind::For(inner) } = stmt else { return vec![stmt] };
    let mut items = Vec::new();
    outer.push(inner.var);
    for item in inner.body.clone() {
        items.extend(distributed(program, item, outer));
    }
    outer.pop();
    let groups = if items.len() > 1 {
        groups(&depend::edges(program, outer, inner.var, &items), items.len())
    } else {
        vec![vec![0]]
    };
    let mut done = Vec::new();
    for group in groups {
        let body = group.into_iter().map(|item| items[item].clone()).collect();
        done.push(S { line, kind: SKind::For(Loop { body, ..inner.clone() }) });
    }
    done
}

/// Strongly connected parts of items, in an order that respects the edges, and else that of the source.
fn groups(edges: &[(usize, usize)], number: usize) -> Vec<Vec<usize>> {
    let mut reach = vec![vec![false; number]; number];
    for (a, b) in edges {
        reach[*a][*b] = true;
    }
    for via in 0..number {
        for a in 0..number {
            for b in 0..number {
                reach[a][b] |= reach[a][via] && reach[via][b];
            }
        }
    }
    let mut left: Vec<usize> = (0..number).collect();
    let mut done = Vec::new();
    while !left.is_empty() {
        let together = |a: usize, b: usize| a == b || (reach[a][b] && reach[b][a]);
        let is_first =
            |item: &usize| left.iter().all(|other| together(*item, *other) || !reach[*other][*item]);
        let first = *left
            .iter()
            .find(|item| is_first(item))
            .expect("parts that are strongly connected have an order");
        let (group, rest) = left.iter().partition(|item| together(first, **item));
        left = rest;
        done.push(group);
    }
    done
}

/// The contractions of a perfect nest around one sum of products.
fn contraction(program: &Program, stmt: &S) -> Option<Vec<Contraction>> {
    let mut loops: Vec<&Loop> = Vec::new();
    let mut at = stmt;
    let (out, value) = loop {
        match &at.kind {
            SKind::For(inner) if inner.body.len() == 1 && inner.step == 1 => {
                loops.push(inner);
                at = &inner.body[0];
            }
            SKind::Store(access, value) => break (access, value),
            _ => return None,
        }
    };
    if loops.len() < 3 || program.arrays[out.arr].ty != Ty::Float {
        return None;
    }
    let (fold, term) = accumulation(&E::Load(Box::new(out.clone())), value)?;
    if fold != Fold::Add {
        return None;
    }
    let is_subtracted = matches!(value, E::Bin(Bin::Sub, ..));
    let vars: Vec<Var> = loops.iter().map(|inner| inner.var).collect();
    let mut products = Vec::new();
    terms(term, is_subtracted, &mut products);
    products
        .into_iter()
        .map(|(product, is_subtracted)| one(program, &vars, &loops, out, product, is_subtracted))
        .collect()
}

/// The terms of a sum, each with whether it is subtracted.
fn terms<'a>(value: &'a E, is_subtracted: bool, found: &mut Vec<(&'a E, bool)>) {
    match value {
        E::Bin(op @ (Bin::Add | Bin::Sub), Ty::Float, a, b) => {
            terms(a, is_subtracted, found);
            terms(b, is_subtracted != (*op == Bin::Sub), found);
        }
        other => found.push((other, is_subtracted)),
    }
}

fn factors<'a>(value: &'a E, found: &mut Vec<&'a E>) {
    match value {
        E::Bin(Bin::Mul, Ty::Float, a, b) => {
            factors(a, found);
            factors(b, found);
        }
        other => found.push(other),
    }
}

fn one(
    program: &Program,
    vars: &[Var],
    loops: &[&Loop],
    out: &Access,
    product: &E,
    is_subtracted: bool,
) -> Option<Contraction> {
    let shifts = shifts(program, vars, out, product);
    let moved = |form: Affine| -> Option<Affine> {
        let mut form = form;
        for (var, shift) in vars.iter().zip(&shifts) {
            if let Some(shift) = shift {
                form = form.substitute(Sym::Var(*var), &Affine::of(Sym::Var(*var)).plus(shift, -1)?)?;
            }
        }
        Some(form)
    };
    let along = |access: &Access| -> Option<Vec<Along>> {
        let mut axes = Vec::new();
        for index in &access.index {
            let form = moved(Affine::from(index, &program.vars)?)?;
            let used: Vec<usize> =
                (0..vars.len()).filter(|at| form.coefficient(Sym::Var(vars[*at])) != 0).collect();
            axes.push(match used[..] {
                [] => Along::Fixed(form),
                [at] if form.coefficient(Sym::Var(vars[at])) == 1 => {
                    let rest = form.plus(&Affine::of(Sym::Var(vars[at])), -1)?;
                    Along::Index(at, rest)
                }
                _ => return None,
            });
        }
        let indices: Vec<usize> = axes
            .iter()
            .filter_map(|axis| if let Along::Index(at, _) = axis { Some(*at) } else { None })
            .collect();
        let is_simple = indices.iter().enumerate().all(|(at, index)| !indices[..at].contains(index));
        (is_simple && !access.is_checked).then_some(axes)
    };
    let has = |axes: &[Along], index: usize| {
        axes.iter().any(|axis| matches!(axis, Along::Index(at, _) if *at == index))
    };
    let mut parts = Vec::new();
    factors(product, &mut parts);
    let (mut operands, mut scalars) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            E::Load(access) => {
                let axes = along(access)?;
                if access.arr == out.arr && depend::flows(program, vars, out, access) {
                    return None;
                }
                if program.arrays[access.arr].ty != Ty::Float
                    || axes.iter().all(|axis| matches!(axis, Along::Fixed(_)))
                {
                    return None;
                }
                operands.push((access.arr, axes));
            }
            E::Float(_) => scalars.push(part.clone()),
            E::Var(var) if program.vars[*var].ty == Ty::Float => scalars.push(part.clone()),
            _ => return None,
        }
    }
    let target = along(out)?;
    let summed = (0..vars.len()).filter(|index| !has(&target, *index)).count();
    let everywhere = (0..vars.len()).all(|index| operands.iter().any(|operand| has(&operand.1, index)));
    if operands.len() < 2 || summed == 0 || !everywhere {
        return None;
    }
    let (mut bounds, mut masks) = (Vec::new(), Vec::new());
    for (at, inner) in loops.iter().enumerate() {
        let here = Affine::of(Sym::Var(inner.var));
        let (lo, hi) = (Affine::from(&inner.lo, &program.vars)?, Affine::from(&inner.hi, &program.vars)?);
        // here - lo >= 0, hi - 1 - here >= 0
        for form in [here.plus(&lo, -1)?, hi.plus(&here, -1)?.plus(&Affine::constant(1), -1)?] {
            let form = moved(form)?;
            let used: Vec<usize> =
                (0..vars.len()).filter(|index| form.coefficient(Sym::Var(vars[*index])) != 0).collect();
            if used == [at] {
                continue;
            }
            let [a, b] = used[..] else { return None };
            let (plus, minus) =
                match (form.coefficient(Sym::Var(vars[a])), form.coefficient(Sym::Var(vars[b]))) {
                    (1, -1) => (a, b),
                    (-1, 1) => (b, a),
                    _ => return None,
                };
            let rest = form
                .plus(&Affine::of(Sym::Var(vars[plus])), -1)?
                .plus(&Affine::of(Sym::Var(vars[minus])), 1)?;
            let whom = if has(&target, plus) && has(&target, minus) {
                None
            } else {
                Some(operands.iter().position(|operand| has(&operand.1, plus) && has(&operand.1, minus))?)
            };
            masks.push((whom, plus, minus, rest));
        }
        let there = match &shifts[at] {
            Some(shift) => here.plus(shift, 1)?,
            None => here,
        };
        let least = there.extreme(false, &program.vars)?;
        let end = there.extreme(true, &program.vars)?.plus(&Affine::constant(1), 1)?;
        bounds.push((least, end));
    }
    Some(Contraction { bounds, out: (out.arr, target), operands, factors: scalars, is_subtracted, masks })
}

/// What to add to loop variables so that subscripts are single indices: array operators count from the start of a slice,
/// `x[i + 1 + j]`, where `j` may as well begin at `i + 1`. The same wherever the variable stands, or nothing.
fn shifts(program: &Program, vars: &[Var], out: &Access, product: &E) -> Vec<Option<Affine>> {
    let accesses: Vec<&Access> = product.loads().into_iter().chain([out]).collect();
    let forms: Vec<Affine> = accesses
        .iter()
        .flat_map(|access| &access.index)
        .filter_map(|index| Affine::from(index, &program.vars))
        .collect();
    let shift = |var: &Var| {
        let own = Affine::of(Sym::Var(*var));
        let mut rests =
            forms.iter().filter(|form| form.coefficient(Sym::Var(*var)) == 1).map(|form| form.plus(&own, -1));
        let first = rests.next()??;
        // Only variables of loops further out may be added.
        let is_outer = |sym: &Sym| matches!(sym, Sym::Var(other) if vars.contains(other) && other < var);
        let has_outer = first.terms.keys().any(is_outer);
        let has_inner = first
            .terms
            .keys()
            .any(|sym| matches!(sym, Sym::Var(other) if vars.contains(other) && other >= var));
        (has_outer && !has_inner && rests.all(|rest| rest.as_ref() == Some(&first))).then_some(first)
    };
    vars.iter().map(shift).collect()
}
