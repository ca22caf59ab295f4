//! Subscripts within extents: by guards of the call where that can be said before it runs, else by a check.
//!
//! An access that every iteration makes, with affine subscripts, is guarded: the least and the greatest subscript are
//! forms of the arguments. Accesses under conditions are checked when they run: a guard would refuse calls in which
//! they never happen. A failed check abandons the run, as a negative subscript means another element to Python.

use crate::affine::{Affine, Sym};
use crate::ir::*;

/// What is around an access: loops, outermost first, and whether a condition is.
#[derive(Clone, Default)]
struct Around {
    loops: Vec<Var>,
    is_conditional: bool,
}

/// Guards or checks every access of a program.
pub(crate) fn place(program: &mut Program) {
    let mut body = std::mem::take(&mut program.body);
    block(program, &mut body, &Around::default());
    program.body = body;
}

fn block(program: &mut Program, body: &mut [S], around: &Around) {
    for stmt in body {
        let line = stmt.line;
        match &mut stmt.kind {
            SKind::Set(_, value) => expression(program, value, around, line),
            SKind::Store(target, value) => {
                expression(program, value, around, line);
                access(program, target, around, line);
            }
            SKind::If(condition, yes, no) => {
                expression(program, condition, around, line);
                let within = Around { is_conditional: true, ..around.clone() };
                block(program, yes, &within);
                block(program, no, &within);
            }
            SKind::For(inner) => {
                expression(program, &mut inner.lo, around, line);
                expression(program, &mut inner.hi, around, line);
                let mut within = around.clone();
                within.loops.push(inner.var);
                block(program, &mut inner.body, &within);
            }
        }
    }
}

fn expression(program: &mut Program, whole: &mut E, around: &Around, line: u32) {
    match whole {
        E::Int(_) | E::Float(_) | E::Bool(_) | E::Var(_) | E::Dim(..) => {}
        E::Load(read) => access(program, read, around, line),
        E::Bin(_, _, a, b) | E::Compare(_, _, a, b) => {
            expression(program, a, around, line);
            expression(program, b, around, line);
        }
        E::And(a, b) | E::Or(a, b) => {
            expression(program, a, around, line);
            expression(program, b, &Around { is_conditional: true, ..around.clone() }, line);
        }
        E::Neg(_, a) | E::ToFloat(a) | E::Not(a) => expression(program, a, around, line),
        E::If(condition, yes, no) => {
            expression(program, condition, around, line);
            let within = Around { is_conditional: true, ..around.clone() };
            expression(program, yes, &within, line);
            expression(program, no, &within, line);
        }
        E::Math(_, args, _) => args.iter_mut().for_each(|arg| expression(program, arg, around, line)),
    }
}

/// Extent of an axis as a form.
pub(crate) fn extent(program: &Program, arr: Arr, axis: usize) -> Affine {
    match &program.arrays[arr].dims {
        Some(dims) => dims[axis].clone(),
        None => Affine::of(Sym::Dim(arr, axis)),
    }
}

fn access(program: &mut Program, access: &mut Access, around: &Around, line: u32) {
    let mut wanted = Vec::new();
    let mut is_checked = false;
    for (axis, index) in access.index.iter_mut().enumerate() {
        let form = Affine::from(index, &program.vars);
        let ends = form
            .and_then(|form| Some((form.extreme(false, &program.vars)?, form.extreme(true, &program.vars)?)));
        let room = ends.and_then(|(least, most)| {
            Some((least, extent(program, access.arr, axis).plus(&most, -1)?.plus(&Affine::constant(1), -1)?))
        });
        let is_known = |form: &Affine| form.terms.is_empty() && form.constant >= 0;
        match room {
            Some((least, room)) if is_known(&least) && is_known(&room) => {}
            // Under a condition, but guarded for an access elsewhere.
            Some((least, room))
                if [&least, &room].into_iter().all(|form| is_known(form) || is_guarded(program, form)) => {}
            Some((least, room)) if !around.is_conditional => {
                let extent = extent(program, access.arr, axis);
                wanted.extend(alternatives(program, index, &extent, around, least, room));
            }
            _ => is_checked = true,
        }
        expression(program, index, around, line);
    }
    access.is_checked = is_checked;
    let name = program.arrays[access.arr].name.clone();
    for (form, instead) in wanted {
        // The same form with other things that are as good is another guard.
        let covers = |guard: &Guard| {
            guard.form == form && !guard.is_equality && (guard.instead.is_empty() || guard.instead == instead)
        };
        let is_known = form.terms.is_empty() && form.constant >= 0;
        if !is_known && !program.guards.iter().any(covers) {
            program.guards.push(Guard {
                form,
                instead,
                is_equality: false,
                what: format!("line {line}: a subscript of `{name}` is within it"),
            });
        }
    }
}

fn is_guarded(program: &Program, form: &Affine) -> bool {
    program.guards.iter().any(|guard| guard.form == *form && !guard.is_equality && guard.instead.is_empty())
}

/// The two guards of a subscript, each with what is as good: a loop that is run at all bounds the variables in its own
/// bounds (`for j in range(i + 1, n)` says that `i` is at most `n - 2`).
fn alternatives(
    program: &Program,
    index: &E,
    extent: &Affine,
    around: &Around,
    least: Affine,
    room: Affine,
) -> [(Affine, Vec<Affine>); 2] {
    let vars = &program.vars;
    let (mut low, mut high) = (Vec::new(), Vec::new());
    let own = Affine::from(index, vars).unwrap_or_default();
    let one = Affine::constant(1);
    // With the variable at a bound: the greatest subscript if that bounds it from above, else the least.
    let mut with = |var: Var, bound: Affine, is_above: bool| -> Option<()> {
        let form = own.substitute(Sym::Var(var), &bound)?;
        if is_above {
            high.push(extent.plus(&form.extreme(true, vars)?, -1)?.plus(&one, -1)?);
        } else {
            low.push(form.extreme(false, vars)?);
        }
        Some(())
    };
    for (at, outer) in around.loops.iter().enumerate() {
        let sym = Sym::Var(*outer);
        let coefficient = own.coefficient(sym);
        for inner in &around.loops[at + 1..] {
            let Role::Loop(lo, hi, 1) = &vars[*inner].role else { continue };
            let Some((lo, hi)) = Affine::from(lo, vars).zip(Affine::from(hi, vars)) else { continue };
            let here = Affine::of(sym);
            let sides = (lo.coefficient(sym), hi.coefficient(sym));
            if sides == (1, 0) && coefficient != 0 {
                // outer + rest = lo < hi
                let most = || hi.plus(&one, -1)?.plus(&lo.plus(&here, -1)?, -1);
                let _ = most().and_then(|bound| with(*outer, bound, coefficient > 0));
            }
            if sides == (0, 1) && coefficient != 0 {
                // lo < hi = outer + rest
                let least = || lo.plus(&one, 1)?.plus(&hi.plus(&here, -1)?, -1);
                let _ = least().and_then(|bound| with(*outer, bound, coefficient < 0));
            }
        }
    }
    [(least, low), (room, high)]
}
