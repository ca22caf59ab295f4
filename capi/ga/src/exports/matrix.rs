//! Matrices and vectors: diagonals, rows, columns, norms, symmetry; chosen and random elements.
//!
//! Invariant: a random array is told its seed by the highest count of any rank, so that ranks agree about it whatever they did
//! before, in other groups.

use crate::bounds;
use crate::fault::{Result, refuse};
use crate::guard::{plain, wide};
use crate::operand::{scalar, store, typed};
use crate::types::{elements, numbers};
use common::text;
use ga_core::Extreme;
use rma::{Op, Team};
use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering};

/// How many arrays were filled with random numbers.
static RANDOM: AtomicU64 = AtomicU64::new(0);

/// The next seed, the same on all ranks of a team. Collective.
fn seed(team: &Team) -> Result<u64> {
    let mut seed = [RANDOM.load(Ordering::Relaxed) + 1];
    team.allreduce(&mut seed, Op::Max)?;
    RANDOM.store(seed[0], Ordering::Relaxed);
    Ok(seed[0])
}

/// Operations on a matrix with a vector.
macro_rules! with_vector {
    ($($name:ident = $dispatch:ident, $method:ident;)*) => { plain! { $(
        $name(g_a: c_int, g_v: c_int) = |ga| {
            let (a, v) = (ga.target(g_a)?, ga.array(g_v)?);
            $dispatch!(a, |a: T| Ok(a.$method(typed(v)?)?))
        };
    )*} };
}

with_vector! {
    GA_Set_diagonal = elements, set_diagonal;
    GA_Add_diagonal = numbers, add_diagonal;
    GA_Scale_rows = numbers, scale_rows;
    GA_Scale_cols = numbers, scale_cols;
}

plain! {
    GA_Get_diag(g_a: c_int, g_v: c_int) = |ga| {
        let (a, v) = (ga.array(g_a)?, ga.target(g_v)?);
        elements!(a, |a: T| Ok(a.get_diagonal(typed(v)?)?))
    };
    GA_Zero_diagonal(g_a: c_int) = |ga| elements!(ga.target(g_a)?, |a: T| Ok(a.zero_diagonal()?));
    GA_Shift_diagonal(g_a: c_int, shift: *const c_void) =
        |ga| numbers!(ga.target(g_a)?, |a: T| Ok(a.shift_diagonal(scalar("c", shift)?)?));
    GA_Symmetrize(g_a: c_int) = |ga| numbers!(ga.target(g_a)?, |a: T| Ok(a.symmetrize()?));
    GA_Norm1(g_a: c_int, norm: *mut f64) =
        |ga| numbers!(ga.array(g_a)?, |a: T| store("nm", norm.cast(), a.norm1()?));
    GA_Norm_infinity(g_a: c_int, norm: *mut f64) =
        |ga| numbers!(ga.array(g_a)?, |a: T| store("nm", norm.cast(), a.norm_infinity()?));
    NGA_Randomize, GA_Randomize(g_a: c_int, limit: *const c_void) = |ga| {
        let array = ga.target(g_a)?;
        numbers!(array, |a: T| Ok(a.randomize(seed(a.team())?, scalar("value", limit)?)?))
    };
}

wide! {
    NGA_Select_elem / NGA_Select_elem64(g_a: c_int, op: *const c_char, value: *mut c_void, index: *mut Int) = |ga| {
        let array = ga.array(g_a)?;
        let name = text(op);
        let extreme = match name.get(..3) {
            Some("min") => Extreme::Min,
            Some("max") => Extreme::Max,
            _ => refuse!("operation '{name}' is neither \"min\" nor \"max\""),
        };
        if index.is_null() {
            refuse!("index is a null pointer");
        }
        numbers!(array, |a: T| {
            let (found, at) = a.select_elem(extreme)?;
            store("val", value, found)?;
            bounds::write_places(index, at.iter().map(|i| *i as i64));
            Ok(())
        })
    };
}
