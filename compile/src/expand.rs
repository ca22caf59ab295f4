//! Scalars and rows that each iteration has for itself, given a place for each iteration.
//!
//! A scalar that is set and then summed up within two loops, or a row that array operators fill within one, keeps these
//! loops from being distributed: all iterations share it. With an element for each iteration the sum may become a
//! product of matrices (`idiom`), whose result is what was added up. Only worth its memory if that comes of it.

use crate::affine::{Affine, Sym};
use crate::ir::*;

/// The program with such scalars and rows expanded; `None` if there are none.
pub(crate) fn expanded(program: &Program) -> Option<Program> {
    let mut new = program.clone();
    let mut is_any = false;
    let mut given = Vec::new();
    gives(&program.give, &mut given);
    for var in 0..program.vars.len() {
        let info = &program.vars[var];
        let is_own = matches!(info.role, Role::Local)
            && info.ty == Ty::Float
            && !given.contains(&Slot::Scalar(var))
            && !program.params.contains(&Slot::Scalar(var));
        let is_summed = |path: &Home<'_>| {
            let is_set =
                matches!(&path.first.kind, SKind::Set(set, value) if *set == var && !in_value(value, var));
            path.loops.len() == 2 && path.has_loop && is_set
        };
        let path = is_own.then(|| home(&program.body, &|stmt| uses_var(stmt, var))).flatten();
        if let Some(path) = path.filter(is_summed) {
            is_any |= scalar(&mut new, var, &path.loops).is_some();
        }
    }
    for arr in 0..program.arrays.len() {
        let info = &program.arrays[arr];
        if info.dims.is_some()
            && info.ndim == 1
            && info.ty == Ty::Float
            && !info.is_list
            && !given.contains(&Slot::Array(arr))
        {
            let path = home(&program.body, &|stmt| uses_array(stmt, arr));
            if let Some(path) = path.filter(|path| path.loops.len() == 1) {
                is_any |= row(&mut new, arr, &path.loops).is_some();
            }
        }
    }
    is_any.then_some(new)
}

fn gives(give: &Give, found: &mut Vec<Slot>) {
    match give {
        Give::Nothing => {}
        Give::Scalar(var, ..) => found.push(Slot::Scalar(*var)),
        Give::Array(arr) => found.push(Slot::Array(*arr)),
        Give::Tuple(parts) => parts.iter().for_each(|part| gives(part, found)),
    }
}

/// The innermost block that has all uses.
struct Home<'a> {
    loops: Vec<Var>,
    first: &'a S,
    /// Whether one of the users is a loop.
    has_loop: bool,
}

fn home<'a>(body: &'a [S], uses: &dyn Fn(&S) -> bool) -> Option<Home<'a>> {
    let mut loops = Vec::new();
    let mut body = body;
    loop {
        let users: Vec<&S> = body.iter().filter(|stmt| uses(stmt)).collect();
        match users[..] {
            [] => return None,
            [S { kind: SKind::For(inner), .. }] => {
                loops.push(inner.var);
                body = &inner.body;
            }
            _ => {
                let has_loop = users.iter().any(|user| matches!(user.kind, SKind::For(_)));
                return Some(Home { loops, first: users[0], has_loop });
            }
        }
    }
}

fn in_value(value: &E, var: Var) -> bool {
    let mut is_in = false;
    value.walk(&mut |part| is_in |= *part == E::Var(var));
    is_in
}

fn array_in(value: &E, arr: Arr) -> bool {
    value.loads().iter().any(|access| access.arr == arr)
}

fn uses_var(stmt: &S, var: Var) -> bool {
    match &stmt.kind {
        SKind::Set(set, value) => *set == var || in_value(value, var),
        SKind::Store(access, value) => {
            in_value(value, var) || access.index.iter().any(|index| in_value(index, var))
        }
        SKind::If(condition, yes, no) => {
            in_value(condition, var) || yes.iter().chain(no).any(|stmt| uses_var(stmt, var))
        }
        SKind::For(inner) => {
            in_value(&inner.lo, var)
                || in_value(&inner.hi, var)
                || inner.body.iter().any(|stmt| uses_var(stmt, var))
        }
    }
}

fn uses_array(stmt: &S, arr: Arr) -> bool {
    match &stmt.kind {
        SKind::Set(_, value) => array_in(value, arr),
        SKind::Store(access, value) => {
            access.arr == arr || array_in(value, arr) || access.index.iter().any(|index| array_in(index, arr))
        }
        SKind::If(condition, yes, no) => {
            array_in(condition, arr) || yes.iter().chain(no).any(|stmt| uses_array(stmt, arr))
        }
        SKind::For(inner) => {
            array_in(&inner.lo, arr)
                || array_in(&inner.hi, arr)
                || inner.body.iter().any(|stmt| uses_array(stmt, arr))
        }
    }
}

/// Extents that hold every value of these loop variables, none of which is negative.
fn extents(program: &Program, loops: &[Var]) -> Option<Vec<Affine>> {
    let extent = |var: &Var| {
        let here = Affine::of(Sym::Var(*var));
        let least = here.extreme(false, &program.vars)?;
        let is_counted = least.terms.is_empty() && least.constant >= 0;
        if is_counted { here.extreme(true, &program.vars)?.plus(&Affine::constant(1), 1) } else { None }
    };
    loops.iter().map(extent).collect()
}

fn scalar(program: &mut Program, var: Var, loops: &[Var]) -> Option<()> {
    let dims = extents(program, loops)?;
    let name = program.vars[var].name.clone();
    program.arrays.push(ArrInfo {
        name,
        ty: Ty::Float,
        ndim: loops.len(),
        is_list: false,
        dims: Some(dims),
        is_written: true,
    });
    let index: Vec<E> = loops.iter().map(|var| E::Var(*var)).collect();
    let place = Access { arr: program.arrays.len() - 1, index, is_checked: false };
    let load = E::Load(Box::new(place.clone()));
    let body = std::mem::take(&mut program.body);
    program.body =
        rewritten(body, &mut |part| if part == E::Var(var) { load.clone() } else { part }, &mut |kind| {
            match kind {
                SKind::Set(set, value) if set == var => SKind::Store(place.clone(), value),
                kind => kind,
            }
        });
    Some(())
}

fn row(program: &mut Program, arr: Arr, loops: &[Var]) -> Option<()> {
    let mut dims = extents(program, loops)?;
    dims.extend(program.arrays[arr].dims.clone()?);
    program.arrays[arr].ndim = dims.len();
    program.arrays[arr].dims = Some(dims);
    let lead: Vec<E> = loops.iter().map(|var| E::Var(*var)).collect();
    let longer = |access: &mut Access| {
        if access.arr == arr && access.index.len() == 1 {
            access.index.splice(0..0, lead.iter().cloned());
        }
    };
    let body = std::mem::take(&mut program.body);
    program.body = rewritten(
        body,
        &mut |part| match part {
            E::Load(mut access) => {
                longer(&mut access);
                E::Load(access)
            }
            part => part,
        },
        &mut |kind| match kind {
            SKind::Store(mut access, value) => {
                longer(&mut access);
                SKind::Store(access, value)
            }
            kind => kind,
        },
    );
    Some(())
}

fn rewritten(body: Vec<S>, value: &mut dyn FnMut(E) -> E, kind: &mut dyn FnMut(SKind) -> SKind) -> Vec<S> {
    let mut done = Vec::new();
    for stmt in body {
        let mut map = |part: E| part.map(&mut |part| value(part));
        let new = match stmt.kind {
            SKind::Set(set, from) => SKind::Set(set, map(from)),
            SKind::Store(mut access, from) => {
                access.index = access.index.into_iter().map(&mut map).collect();
                SKind::Store(access, map(from))
            }
            SKind::If(condition, yes, no) => {
                let condition = map(condition);
                SKind::If(condition, rewritten(yes, value, kind), rewritten(no, value, kind))
            }
            SKind::For(mut inner) => {
                (inner.lo, inner.hi) = (map(inner.lo), map(inner.hi));
                inner.body = rewritten(inner.body, value, kind);
                SKind::For(inner)
            }
        };
        done.push(S { line: stmt.line, kind: kind(new) });
    }
    done
}
