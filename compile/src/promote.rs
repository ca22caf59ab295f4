//! Elements that stay the same during an innermost loop are kept in scalars around it.
//!
//! `C[i][j] += ...` over k becomes a scalar that is read before and stored behind the loop, if nothing else in the loop
//! can be the same element. Values and their order stay what they were; an empty loop touches nothing.

use crate::affine::{Affine, Sym};
use crate::depend::can_meet;
use crate::ir::*;

/// Rewrites these statements of the program; `loops` are those around them.
pub(crate) fn promote(program: &mut Program, body: Vec<S>, loops: &mut Vec<Var>) -> Vec<S> {
    let mut done = Vec::new();
    for stmt in body {
        let line = stmt.line;
        match stmt.kind {
            SKind::If(condition, yes, no) => {
                let (yes, no) = (promote(program, yes, loops), promote(program, no, loops));
                done.push(S { line, kind: SKind::If(condition, yes, no) });
            }
            SKind::For(mut inner) => {
                let is_innermost = !has_loop(&inner.body);
                if is_innermost {
                    done.push(kept(program, inner, loops, line));
                } else {
                    loops.push(inner.var);
                    inner.body = promote(program, inner.body, loops);
                    loops.pop();
                    done.push(S { line, kind: SKind::For(inner) });
                }
            }
            kind => done.push(S { line, kind }),
        }
    }
    done
}

/// Whether there is a loop among the statements.
pub(crate) fn has_loop(body: &[S]) -> bool {
    body.iter().any(|stmt| match &stmt.kind {
        SKind::For(_) => true,
        SKind::If(_, yes, no) => has_loop(yes) || has_loop(no),
        _ => false,
    })
}

/// Accesses of statements without loops, and whether each is a write.
fn accesses(body: &[S], found: &mut Vec<(Access, bool)>) {
    let mut read = |value: &E| found.extend(value.loads().into_iter().map(|access| (access.clone(), false)));
    for stmt in body {
        match &stmt.kind {
            SKind::Set(_, value) => read(value),
            SKind::Store(access, value) => {
                read(value);
                access.index.iter().for_each(&mut read);
            }
            SKind::If(condition, ..) => read(condition),
            SKind::For(_) => {}
        }
    }
    for stmt in body {
        match &stmt.kind {
            SKind::Store(access, _) => found.push((access.clone(), true)),
            SKind::If(_, yes, no) => {
                accesses(yes, found);
                accesses(no, found);
            }
            _ => {}
        }
    }
}

fn kept(program: &mut Program, mut inner: Loop, loops: &[Var], line: u32) -> S {
    let mut found = Vec::new();
    accesses(&inner.body, &mut found);
    let mut places: Vec<Access> = Vec::new();
    for (access, _) in &found {
        let is_fixed = access.index.iter().all(|index| {
            Affine::from(index, &program.vars).is_some_and(|form| form.coefficient(Sym::Var(inner.var)) == 0)
        });
        let alone = || {
            let is_written =
                |place: &Access| found.iter().any(|(other, is_write)| *is_write && other == place);
            found.iter().filter(|(other, _)| other.arr == access.arr && other != access).all(
                |(other, is_write)| {
                    (!is_write && !is_written(access))
                        || !can_meet(program, access, other, loops, &[inner.var])
                },
            )
        };
        if is_fixed
            && !access.is_checked
            && !places.contains(access)
            && !found.iter().any(|(other, _)| other == access && other.is_checked)
            && alone()
        {
            places.push(access.clone());
        }
    }
    if places.is_empty() {
        return S { line, kind: SKind::For(inner) };
    }
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for place in places {
        let ty = program.arrays[place.arr].ty;
        program.vars.push(VarInfo {
            name: format!("kept{}", program.vars.len()),
            ty,
            role: Role::Local,
            is_numpy: false,
        });
        let var = program.vars.len() - 1;
        inner.body = replaced(inner.body, &place, var);
        before.push(S { line, kind: SKind::Set(var, E::Load(Box::new(place.clone()))) });
        if found.iter().any(|(other, is_write)| *is_write && *other == place) {
            after.push(S { line, kind: SKind::Store(place, E::Var(var)) });
        }
    }
    let (first, last) = if inner.step > 0 {
        (inner.lo.clone(), inner.hi.clone())
    } else {
        (inner.hi.clone(), inner.lo.clone())
    };
    let is_run = E::Compare(Compare::Lt, Ty::Int, Box::new(first), Box::new(last));
    before.push(S { line, kind: SKind::For(inner) });
    before.extend(after);
    S { line, kind: SKind::If(is_run, before, Vec::new()) }
}

fn replaced(body: Vec<S>, place: &Access, var: Var) -> Vec<S> {
    let mut value = |value: E| {
        value.map(&mut |part| match part {
            E::Load(access) if *access == *place => E::Var(var),
            part => part,
        })
    };
    let mut done = Vec::new();
    for S { line, kind } in body {
        let kind = match kind {
            SKind::Set(to, from) => SKind::Set(to, value(from)),
            SKind::Store(access, from) if access == *place => SKind::Set(var, value(from)),
            SKind::Store(mut access, from) => {
                access.index = access.index.into_iter().map(&mut value).collect();
                SKind::Store(access, value(from))
            }
            SKind::If(condition, yes, no) => {
                SKind::If(value(condition), replaced(yes, place, var), replaced(no, place, var))
            }
            kind => kind,
        };
        done.push(S { line, kind });
    }
    done
}
