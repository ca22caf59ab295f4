//! Subscripts within extents: by guards of the call where that can be said before it runs, else by a check.
//!
//! An access that every iteration makes, with affine subscripts, is guarded: the least and the greatest subscript are
//! forms of the arguments. Accesses under conditions are checked when they run: a guard would refuse calls in which
//! they never happen. A failed check abandons the run, as a negative subscript means another element to Python.

use crate::affine::{Affine, Sym};
use crate::ir::*;

/// Guards or checks every access of a program.
pub(crate) fn place(program: &mut Program) {
    let mut body = std::mem::take(&mut program.body);
    block(program, &mut body, false);
    program.body = body;
}

fn block(program: &mut Program, body: &mut [S], is_conditional: bool) {
    for stmt in body {
        let line = stmt.line;
        match &mut stmt.kind {
            SKind::Set(_, value) => expression(program, value, is_conditional, line),
            SKind::Store(target, value) => {
                expression(program, value, is_conditional, line);
                access(program, target, is_conditional, line);
            }
            SKind::If(condition, yes, no) => {
                expression(program, condition, is_conditional, line);
                block(program, yes, true);
                block(program, no, true);
            }
            SKind::For(inner) => {
                expression(program, &mut inner.lo, is_conditional, line);
                expression(program, &mut inner.hi, is_conditional, line);
                block(program, &mut inner.body, is_conditional);
            }
        }
    }
}

fn expression(program: &mut Program, whole: &mut E, is_conditional: bool, line: u32) {
    match whole {
        E::Int(_) | E::Float(_) | E::Bool(_) | E::Var(_) | E::Dim(..) => {}
        E::Load(read) => access(program, read, is_conditional, line),
        E::Bin(_, _, a, b) | E::Compare(_, _, a, b) => {
            expression(program, a, is_conditional, line);
            expression(program, b, is_conditional, line);
        }
        E::And(a, b) | E::Or(a, b) => {
            expression(program, a, is_conditional, line);
            expression(program, b, true, line);
        }
        E::Neg(_, a) | E::ToFloat(a) | E::Not(a) => expression(program, a, is_conditional, line),
        E::If(condition, yes, no) => {
            expression(program, condition, is_conditional, line);
            expression(program, yes, true, line);
            expression(program, no, true, line);
        }
        E::Math(_, args, _) => args.iter_mut().for_each(|arg| expression(program, arg, is_conditional, line)),
    }
}

/// Extent of an axis as a form.
pub(crate) fn extent(program: &Program, arr: Arr, axis: usize) -> Affine {
    match &program.arrays[arr].dims {
        Some(dims) => dims[axis].clone(),
        None => Affine::of(Sym::Dim(arr, axis)),
    }
}

fn access(program: &mut Program, access: &mut Access, is_conditional: bool, line: u32) {
    let mut wanted = Vec::new();
    let mut is_checked = false;
    for (axis, index) in access.index.iter_mut().enumerate() {
        let form = Affine::from(index, &program.vars);
        let ends = form.and_then(|form| Some((form.extreme(false, &program.vars)?, form.extreme(true, &program.vars)?)));
        let room = ends.and_then(|(least, most)| {
            Some((least, extent(program, access.arr, axis).plus(&most, -1)?.plus(&Affine::constant(1), -1)?))
        });
        let is_known = |form: &Affine| form.terms.is_empty() && form.constant >= 0;
        match room {
            Some((least, room)) if is_known(&least) && is_known(&room) => {}
            Some((least, room)) if !is_conditional => wanted.extend([least, room]),
            _ => is_checked = true,
        }
        expression(program, index, is_conditional, line);
    }
    access.is_checked = is_checked;
    let name = program.arrays[access.arr].name.clone();
    for form in wanted {
        let is_known = form.terms.is_empty() && form.constant >= 0;
        if !is_known && !program.guards.iter().any(|guard| guard.form == form && !guard.is_equality) {
            program.guards.push(Guard { form, is_equality: false, what: format!("line {line}: a subscript of `{name}` is within it") });
        }
    }
}
