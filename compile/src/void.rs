//! What statements may meet when they run: something for which Python raises, or what the processor's flags say wrongly.

use crate::affine::Affine;
use crate::ir::*;

/// Whether there is a maximum or minimum of NumPy's.
pub(crate) fn has_extremes(body: &[S]) -> bool {
    let within = |value: &E| {
        let mut is_any = false;
        value.walk(&mut |part| {
            is_any |= matches!(part, E::Bin(Bin::Maximum | Bin::Minimum, Ty::Float, ..));
        });
        is_any
    };
    body.iter().any(|stmt| match &stmt.kind {
        SKind::Set(_, value) | SKind::Store(_, value) => within(value),
        SKind::If(condition, yes, no) => within(condition) || has_extremes(yes) || has_extremes(no),
        SKind::For(inner) => has_extremes(&inner.body),
    })
}

/// Whether a run may turn out void.
pub(crate) fn may_be_void(program: &Program, body: &[S]) -> bool {
    let odd = |value: &E| {
        // Guarded subscripts are affine, and small.
        let bare = value.clone().map(&mut |part| match part {
            E::Load(mut access) if !access.is_checked => {
                access.index.clear();
                E::Load(access)
            }
            part => part,
        });
        let mut is_odd = false;
        bare.walk(&mut |part| {
            is_odd |= match part {
                E::Load(access) => access.is_checked,
                E::Bin(Bin::Div | Bin::FloorDiv | Bin::Mod, ..) | E::Math(_, _, true) => true,
                // Ints that are no subscripts may leave 64 bits.
                E::Bin(_, Ty::Int, ..) | E::Neg(Ty::Int, _) => true,
                _ => false,
            }
        });
        is_odd
    };
    let is_affine = |bound: &E| Affine::from(bound, &program.vars).is_some();
    body.iter().any(|stmt| match &stmt.kind {
        SKind::Set(_, value) => odd(value),
        SKind::Store(access, value) => access.is_checked || odd(value),
        SKind::If(condition, yes, no) => {
            odd(condition) || may_be_void(program, yes) || may_be_void(program, no)
        }
        SKind::For(inner) => {
            !is_affine(&inner.lo) || !is_affine(&inner.hi) || may_be_void(program, &inner.body)
        }
    })
}
