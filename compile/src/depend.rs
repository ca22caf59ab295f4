//! Which iterations of a loop depend on one another: exact for affine subscripts and bounds.
//!
//! Two accesses of one place, one of them a write, in different iterations of a loop are a dependence that the loop
//! carries. A loop that carries none is parallel; one that carries only dependences between `x = x op ...` of one
//! operation is a reduction. Scalars that each iteration assigns before it reads them are its own. Unknown bounds and
//! subscripts count as any, so what is called parallel is.

use crate::affine::{Affine, Sym};
use crate::ir::*;
use crate::solve::System;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a loop is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    /// Iterations may run in any order.
    Parallel,
    /// So they may, but for the order in which floats are added up.
    Reduction,
    /// Some iteration needs an earlier one.
    Carried,
}

/// Operation of a reduction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fold {
    Add,
    Mul,
    Max,
    Min,
}

/// A statement that accumulates: its operation and what is accumulated.
pub(crate) fn accumulation<'a>(target: &E, value: &'a E) -> Option<(Fold, &'a E)> {
    let clean = |rest: &E| {
        let mut is_clean = true;
        rest.walk(&mut |part| is_clean &= part != target);
        is_clean
    };
    match value {
        E::Bin(op, _, a, b) => {
            let fold = match op {
                Bin::Add | Bin::Sub => Fold::Add,
                Bin::Mul => Fold::Mul,
                Bin::Maximum => Fold::Max,
                Bin::Minimum => Fold::Min,
                _ => return None,
            };
            if **a == *target && clean(b) {
                return Some((fold, b));
            }
            (**b == *target && *op != Bin::Sub && clean(a)).then_some((fold, &**a))
        }
        // `max(x, e)` of Python
        E::If(condition, yes, no) => {
            let E::Compare(op @ (Compare::Gt | Compare::Lt), _, a, b) = &**condition else { return None };
            if (a, b) != (yes, no) {
                return None;
            }
            let fold = if *op == Compare::Gt { Fold::Max } else { Fold::Min };
            match (**yes == *target, **no == *target) {
                (true, false) if clean(no) => Some((fold, no)),
                (false, true) if clean(yes) => Some((fold, yes)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// A loop or a condition around an access.
#[derive(Clone)]
enum Around {
    Loop(usize, Var),
    /// Not negative.
    Condition(Affine),
}

/// Columns with their coefficients, the constant, and whether it is an equality (else: not negative).
type Row = (Vec<(usize, i64)>, i64, bool);

/// A use of an array's element.
struct Use {
    arr: Arr,
    index: Vec<Option<Affine>>,
    is_write: bool,
    fold: Option<Fold>,
    around: Vec<Around>,
}

/// All loops of a program.
pub(crate) struct Loops {
    /// By the loop's variable.
    pub(crate) class: BTreeMap<Var, Class>,
}

struct Walk<'a> {
    program: &'a Program,
    around: Vec<Around>,
    uses: Vec<Use>,
    number: usize,
    scalars: BTreeMap<Var, Class>,
}

/// Classifies the loops among these statements.
pub(crate) fn classify(program: &Program, body: &[S]) -> Loops {
    let mut walk =
        Walk { program, around: Vec::new(), uses: Vec::new(), number: 0, scalars: BTreeMap::new() };
    walk.block(body);
    let mut class = walk.scalars.clone();
    for a in &walk.uses {
        for b in &walk.uses {
            if a.arr == b.arr && (a.is_write || b.is_write) {
                let both = a.fold.is_some() && a.fold == b.fold;
                for var in common(a, b) {
                    let known = class.get(&var).copied().unwrap_or(Class::Carried);
                    if known == Class::Carried || (known == Class::Reduction && both) {
                        continue;
                    }
                    if is_carried(&program.vars, a, b, var) {
                        class.insert(var, if both { Class::Reduction } else { Class::Carried });
                    }
                }
            }
        }
    }
    Loops { class }
}

fn common(a: &Use, b: &Use) -> Vec<Var> {
    let loops = |around: &[Around]| -> Vec<(usize, Var)> {
        let only = around.iter().filter_map(|around| {
            if let Around::Loop(number, var) = around { Some((*number, *var)) } else { None }
        });
        only.collect()
    };
    let (a, b) = (loops(&a.around), loops(&b.around));
    a.iter().zip(&b).take_while(|(a, b)| a == b).map(|(a, _)| a.1).collect()
}

/// Whether the two accesses can meet within one execution of all these statements but in different places of it: an
/// iteration of `a` before one of `b` of the loop of `level`, all loops around it in the same iteration.
fn is_carried(vars: &[VarInfo], a: &Use, b: &Use, level: Var) -> bool {
    may_meet(vars, a, b, Some(level))
}

/// Builds the system: `level` is the loop whose iterations differ (`a` earlier); loops further out are in the same
/// iteration, loops further in anywhere. Without a level, all common loops are in the same iteration.
fn may_meet(vars: &[VarInfo], a: &Use, b: &Use, level: Option<Var>) -> bool {
    let mut columns: BTreeMap<(Sym, u8), usize> = BTreeMap::new();
    let shared = common(a, b);
    let outer: Vec<Var> = match level {
        Some(level) => shared.iter().copied().take_while(|var| *var != level).collect(),
        None => shared.clone(),
    };
    // Symbols of the common outer iteration and of the call are one column for both.
    let side = |sym: Sym, which: u8| match sym {
        Sym::Var(var) if matches!(vars[var].role, Role::Loop(..)) && !outer.contains(&var) => (sym, which),
        _ => (sym, 0),
    };
    let mut rows: Vec<Row> = Vec::new();
    let column = |key: (Sym, u8), columns: &mut BTreeMap<(Sym, u8), usize>| {
        let next = columns.len();
        *columns.entry(key).or_insert(next)
    };
    let row = |form: &Affine,
               which: u8,
               factor: i64,
               columns: &mut BTreeMap<(Sym, u8), usize>|
     -> Vec<(usize, i64)> {
        form.terms.iter().map(|(sym, value)| (column(side(*sym, which), columns), value * factor)).collect()
    };
    for (which, used) in [(1u8, a), (2u8, b)] {
        for around in &used.around {
            match around {
                Around::Condition(form) => {
                    rows.push((row(form, which, 1, &mut columns), form.constant, false))
                }
                Around::Loop(_, var) => {
                    let Role::Loop(lo, hi, step) = &vars[*var].role else { continue };
                    let here = Affine::of(Sym::Var(*var));
                    let (lo, hi) = (Affine::from(lo, vars), Affine::from(hi, vars));
                    let sign = step.signum();
                    if let Some(from) = lo.as_ref().and_then(|lo| here.plus(lo, -1)) {
                        let cells = row(&from, which, sign, &mut columns);
                        rows.push((cells.clone(), from.constant * sign, false));
                        if step.abs() > 1 {
                            // here - lo = step * counter; the counter's column has a symbol that nothing else has.
                            let counter = column(
                                (Sym::Dim(usize::MAX - var, 0), if outer.contains(var) { 0 } else { which }),
                                &mut columns,
                            );
                            let mut cells = row(&from, which, 1, &mut columns);
                            cells.push((counter, -step));
                            rows.push((cells, from.constant, true));
                        }
                    }
                    if let Some(to) = hi.and_then(|hi| hi.plus(&here, -1)) {
                        rows.push((row(&to, which, sign, &mut columns), to.constant * sign - 1, false));
                    }
                }
            }
        }
    }
    for (x, y) in a.index.iter().zip(&b.index) {
        if let (Some(x), Some(y)) = (x, y) {
            let mut cells = row(x, 1, 1, &mut columns);
            cells.extend(row(y, 2, -1, &mut columns));
            rows.push((cells, x.constant - y.constant, true));
        }
    }
    if let Some(level) = level {
        let Role::Loop(_, _, step) = &vars[level].role else { return true };
        let here = Affine::of(Sym::Var(level));
        let mut cells = row(&here, 2, step.signum(), &mut columns);
        cells.extend(row(&here, 1, -step.signum(), &mut columns));
        rows.push((cells, -1, false));
    }
    let n = columns.len();
    let mut system = System::new(n);
    for (cells, constant, is_equality) in rows {
        let mut dense = vec![0; n + 1];
        for (at, value) in cells {
            dense[at] += value;
        }
        dense[n] = constant;
        if is_equality { system.equal(dense) } else { system.least(dense) }
    }
    for (key, at) in &columns {
        // Extents aren't negative.
        if let (Sym::Dim(arr, _), _) = key
            && *arr < usize::MAX / 2
        {
            let mut dense = vec![0; n + 1];
            dense[*at] = 1;
            system.least(dense);
        }
    }
    system.has_solution()
}

/// Forms that a condition says are not negative; nothing of what isn't affine.
fn conditions(vars: &[VarInfo], condition: &E, holds: bool) -> Vec<Affine> {
    match condition {
        E::And(a, b) if holds => [conditions(vars, a, true), conditions(vars, b, true)].concat(),
        E::Or(a, b) if !holds => [conditions(vars, a, false), conditions(vars, b, false)].concat(),
        E::Not(a) => conditions(vars, a, !holds),
        E::Compare(op, Ty::Int, a, b) => {
            let Some((a, b)) = Affine::from(a, vars).zip(Affine::from(b, vars)) else { return Vec::new() };
            let one = Affine::constant(1);
            let less = |x: &Affine, y: &Affine| y.plus(x, -1).and_then(|form| form.plus(&one, -1));
            let at_most = |x: &Affine, y: &Affine| y.plus(x, -1);
            let op = if holds {
                *op
            } else {
                match op {
                    Compare::Lt => Compare::Ge,
                    Compare::Le => Compare::Gt,
                    Compare::Gt => Compare::Le,
                    Compare::Ge => Compare::Lt,
                    Compare::Eq => Compare::Ne,
                    Compare::Ne => Compare::Eq,
                }
            };
            let forms = match op {
                Compare::Lt => vec![less(&a, &b)],
                Compare::Le => vec![at_most(&a, &b)],
                Compare::Gt => vec![less(&b, &a)],
                Compare::Ge => vec![at_most(&b, &a)],
                Compare::Eq => vec![at_most(&a, &b), at_most(&b, &a)],
                Compare::Ne => Vec::new(),
            };
            forms.into_iter().flatten().collect()
        }
        _ => Vec::new(),
    }
}

impl Walk<'_> {
    fn read(&mut self, expression: &E, fold: Option<(Fold, &Access)>) {
        let loads: Vec<Access> = expression.loads().into_iter().cloned().collect();
        for access in loads {
            let fold = fold.and_then(|(fold, target)| (*target == access).then_some(fold));
            self.access(&access, false, fold);
        }
    }

    fn access(&mut self, access: &Access, is_write: bool, fold: Option<Fold>) {
        let index = access.index.iter().map(|index| Affine::from(index, &self.program.vars)).collect();
        self.uses.push(Use { arr: access.arr, index, is_write, fold, around: self.around.clone() });
    }

    fn block(&mut self, body: &[S]) {
        for stmt in body {
            match &stmt.kind {
                SKind::Set(_, value) => self.read(value, None),
                SKind::Store(access, value) => {
                    let fold = accumulation(&E::Load(Box::new(access.clone())), value).map(|found| found.0);
                    self.read(value, fold.map(|fold| (fold, access)));
                    for index in &access.index {
                        self.read(index, None);
                    }
                    self.access(access, true, fold);
                }
                SKind::If(condition, yes, no) => {
                    self.read(condition, None);
                    for (branch, holds) in [(yes, true), (no, false)] {
                        let depth = self.around.len();
                        self.around.extend(
                            conditions(&self.program.vars, condition, holds)
                                .into_iter()
                                .map(Around::Condition),
                        );
                        self.block(branch);
                        self.around.truncate(depth);
                    }
                }
                SKind::For(inner) => {
                    self.read(&inner.lo, None);
                    self.read(&inner.hi, None);
                    let class = scalars(&inner.body);
                    self.scalars.insert(inner.var, class);
                    self.number += 1;
                    self.around.push(Around::Loop(self.number, inner.var));
                    self.block(&inner.body);
                    self.around.pop();
                }
            }
        }
    }
}

/// What an iteration does with scalars.
pub(crate) struct Own {
    /// Read before it is certainly assigned.
    pub(crate) exposed: Vec<Var>,
    pub(crate) written: Vec<Var>,
    /// Accumulated from one iteration to the next.
    pub(crate) folds: Vec<(Var, Fold)>,
    /// Assigned in every iteration.
    pub(crate) is_certain: Vec<Var>,
}

/// What an iteration of a loop with this body does with scalars.
pub(crate) fn own(body: &[S]) -> Own {
    let (mut found, mut assigned) = (Scalars::default(), Vec::new());
    found.block(body, &mut assigned);
    let folds = found.folds.iter().filter(|fold| found.exposed.contains(&fold.0)).copied().collect();
    let mut written = found.written;
    written.sort_unstable();
    written.dedup();
    Own { exposed: found.exposed, written, folds, is_certain: assigned }
}

/// Arrays of which one element is touched by several iterations of a loop, one of them to write it; whether all that the loop does
/// with the array is adding to it.
pub(crate) fn shared(program: &Program, outer: &[Var], stmt: &S, level: Var) -> Vec<(Arr, bool)> {
    let mut walk =
        Walk { program, around: Vec::new(), uses: Vec::new(), number: 0, scalars: BTreeMap::new() };
    for var in outer {
        walk.number += 1;
        walk.around.push(Around::Loop(walk.number, *var));
    }
    walk.block(std::slice::from_ref(stmt));
    let mut found: Vec<(Arr, bool)> = Vec::new();
    for a in &walk.uses {
        for b in &walk.uses {
            let may_matter = a.arr == b.arr && (a.is_write || b.is_write);
            if may_matter
                && !found.iter().any(|found| found.0 == a.arr)
                && is_carried(&program.vars, a, b, level)
            {
                let is_sum =
                    |used: &Use| used.fold == Some(Fold::Add) && used.index.iter().all(Option::is_some);
                let is_sum = walk.uses.iter().filter(|used| used.arr == a.arr).all(is_sum);
                found.push((a.arr, is_sum));
            }
        }
    }
    found
}

/// What scalars make of a loop with this body.
fn scalars(body: &[S]) -> Class {
    let mut found = Scalars::default();
    found.block(body, &mut Vec::new());
    let mut class = Class::Parallel;
    for var in &found.exposed {
        if !found.written.contains(var) {
            continue;
        }
        let folds: Vec<_> = found.folds.iter().filter(|fold| fold.0 == *var).collect();
        let is_fold = !found.others.contains(var) && folds.windows(2).all(|pair| pair[0].1 == pair[1].1);
        if !is_fold {
            return Class::Carried;
        }
        class = Class::Reduction;
    }
    class
}

#[derive(Default)]
struct Scalars {
    /// Read before this iteration has certainly assigned them.
    exposed: Vec<Var>,
    written: Vec<Var>,
    /// Of accumulating statements.
    folds: Vec<(Var, Fold)>,
    /// Read or written by other statements.
    others: Vec<Var>,
}

impl Scalars {
    fn read(&mut self, expression: &E, assigned: &[Var], except: Option<Var>) {
        expression.walk(&mut |part| {
            if let E::Var(var) = part {
                if !assigned.contains(var) {
                    self.exposed.push(*var);
                }
                if except != Some(*var) {
                    self.others.push(*var);
                }
            }
        });
    }

    fn block(&mut self, body: &[S], assigned: &mut Vec<Var>) {
        for stmt in body {
            match &stmt.kind {
                SKind::Set(var, value) => {
                    let fold = accumulation(&E::Var(*var), value);
                    self.read(value, assigned, fold.map(|_| *var));
                    match fold {
                        Some((fold, _)) => self.folds.push((*var, fold)),
                        None => self.others.push(*var),
                    }
                    self.written.push(*var);
                    assigned.push(*var);
                }
                SKind::Store(access, value) => {
                    self.read(value, assigned, None);
                    access.index.iter().for_each(|index| self.read(index, assigned, None));
                }
                SKind::If(condition, yes, no) => {
                    self.read(condition, assigned, None);
                    let (mut after_yes, mut after_no) = (assigned.clone(), assigned.clone());
                    self.block(yes, &mut after_yes);
                    self.block(no, &mut after_no);
                    assigned.extend(after_yes.into_iter().filter(|var| after_no.contains(var)));
                }
                SKind::For(inner) => {
                    self.read(&inner.lo, assigned, None);
                    self.read(&inner.hi, assigned, None);
                    let mut within = assigned.clone();
                    within.push(inner.var);
                    self.block(&inner.body, &mut within);
                }
            }
        }
    }
}

/// Whether two accesses in one iteration of all loops around `a` can be of one place, `b` anywhere in loops within.
pub(crate) fn can_meet(program: &Program, a: &Access, b: &Access, loops: &[Var], within: &[Var]) -> bool {
    let index =
        |access: &Access| access.index.iter().map(|index| Affine::from(index, &program.vars)).collect();
    let around = |vars: &[Var]| {
        vars.iter().enumerate().map(|(number, var)| Around::Loop(number, *var)).collect::<Vec<_>>()
    };
    let mut deep = around(loops);
    deep.extend(within.iter().enumerate().map(|(number, var)| Around::Loop(1000 + number, *var)));
    let a = Use { arr: a.arr, index: index(a), is_write: true, fold: None, around: around(loops) };
    let b = Use { arr: b.arr, index: index(b), is_write: false, fold: None, around: deep };
    may_meet(&program.vars, &a, &b, None)
}

/// Which of the items of a loop's body have to stay before which: `(a, b)` if something of `a` comes before something
/// of `b` that needs it, in one iteration or in another. `outer` are the loops around it.
pub(crate) fn edges(program: &Program, outer: &[Var], level: Var, items: &[S]) -> Vec<(usize, usize)> {
    let mut walk =
        Walk { program, around: Vec::new(), uses: Vec::new(), number: 0, scalars: BTreeMap::new() };
    for var in outer.iter().chain([&level]) {
        walk.number += 1;
        walk.around.push(Around::Loop(walk.number, *var));
    }
    let mut owner = Vec::new();
    let mut scalars = Vec::new();
    for (number, item) in items.iter().enumerate() {
        walk.block(std::slice::from_ref(item));
        owner.resize(walk.uses.len(), number);
        let mut found = Scalars::default();
        found.block(std::slice::from_ref(item), &mut Vec::new());
        scalars.push(found);
    }
    let mut edges = Vec::new();
    for (p, one) in scalars.iter().enumerate() {
        for (q, other) in scalars.iter().enumerate() {
            let touches = |var: &Var| {
                other.written.contains(var) || other.others.contains(var) || other.exposed.contains(var)
            };
            if p != q && one.written.iter().any(touches) {
                edges.extend([(p, q), (q, p)]);
            }
        }
    }
    for (a, &p) in walk.uses.iter().zip(&owner) {
        for (b, &q) in walk.uses.iter().zip(&owner) {
            if p == q || a.arr != b.arr || !(a.is_write || b.is_write) || edges.contains(&(p, q)) {
                continue;
            }
            if (p < q && may_meet(&program.vars, a, b, None)) || is_carried(&program.vars, a, b, level) {
                edges.push((p, q));
            }
        }
    }
    edges
}

/// Whether a store of a perfect nest may write what a load of the same nest reads in a later iteration.
pub(crate) fn flows(program: &Program, loops: &[Var], store: &Access, load: &Access) -> bool {
    let around: Vec<Around> =
        loops.iter().enumerate().map(|(number, var)| Around::Loop(number, *var)).collect();
    let of = |access: &Access, is_write| Use {
        arr: access.arr,
        index: access.index.iter().map(|index| Affine::from(index, &program.vars)).collect(),
        is_write,
        fold: None,
        around: around.clone(),
    };
    let (store, load) = (of(store, true), of(load, false));
    loops.iter().any(|level| is_carried(&program.vars, &store, &load, *level))
}
