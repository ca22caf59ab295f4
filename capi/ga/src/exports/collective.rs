//! Broadcasts and reductions of C's own data.
//!
//! Invariant: an operator that a type doesn't have is an error on every rank, before anything is sent.

use crate::fault::{Fault, Result, refuse};
use crate::guard::plain;
use crate::types::{self, C_DBL, C_DCPL, C_FLOAT, C_INT, C_LONG, C_LONGLONG, C_SCPL};
use common::{Operator, text};
use rma::{Complex32, Complex64, DType, Team};
use std::ffi::{c_char, c_int, c_void};

/// The name of an operator. As in the original `+` and `*` need nothing after them, so the address of a `char` will do.
///
/// # Safety
/// Null, one of these two, or terminated.
unsafe fn name(op: *const c_char) -> String {
    // SAFETY: not null, so there is a first character, and what isn't one of the two is terminated.
    unsafe {
        match op.as_ref().map(|first| *first as u8) {
            Some(first @ (b'+' | b'*')) => char::from(first).to_string(),
            _ => text(op).trim().to_owned(),
        }
    }
}

/// Combines everybody's `count` numbers.
///
/// # Safety
/// `data` may be read and written for so many numbers of that type; the operator is as [`name`] wants it.
pub(crate) unsafe fn reduce(
    team: &Team,
    kind: c_int,
    data: *mut c_void,
    count: c_int,
    op: *const c_char,
) -> Result<()> {
    // SAFETY: the caller's promise.
    let name = unsafe { name(op) };
    let Ok(count) = usize::try_from(count) else { refuse!("{count} numbers") };
    let Some(operator) = Operator::named(&name) else { refuse!("there is no operator \"{name}\"") };
    let dtype = match kind {
        C_INT => DType::I32,
        C_LONG | C_LONGLONG => DType::I64,
        C_FLOAT => DType::F32,
        C_DBL => DType::F64,
        C_SCPL => DType::C64,
        C_DCPL => DType::C128,
        _ => return Err(types::unfit(kind)),
    };
    // SAFETY: the caller's promise.
    Ok(unsafe { common::reduce(team, dtype, data, count, operator) }?)
}

/// Everybody gets the root's bytes.
///
/// # Safety
/// The buffer may be read and written for so many bytes.
unsafe fn broadcast(team: &Team, buf: *mut c_void, len: c_int, root: c_int) -> Result<()> {
    let (Ok(len), Some(root)) =
        (usize::try_from(len), usize::try_from(root).ok().filter(|root| *root < team.size()))
    else {
        return Err(Fault::new(format_args!("{len} bytes of rank {root} of {}", team.size())));
    };
    if len == 0 {
        return Ok(());
    }
    if buf.is_null() {
        refuse!("the buffer is a null pointer");
    }
    // SAFETY: the caller's promise.
    let bytes = unsafe { std::slice::from_raw_parts_mut(buf.cast::<u8>(), len) };
    Ok(team.broadcast(bytes, root)?)
}

plain! {
    GA_Brdcst(buf: *mut c_void, len: c_int, root: c_int) = |ga| ga.groups.with(ga.groups.default(), |team| broadcast(team, buf, len, root));
    GA_Pgroup_brdcst(group: c_int, buf: *mut c_void, len: c_int, root: c_int) =
        |ga| ga.groups.with(group, |team| broadcast(team, buf, len, root));

    GA_Gop(kind: c_int, x: *mut c_void, n: c_int, op: *const c_char) =
        |ga| reduce(&ga.groups.default_team()?, types::kind(&ga.registered, kind)?.number, x, n, op);
    NGA_Igop, GA_Igop(x: *mut i32, n: c_int, op: *const c_char) = |ga| reduce(&ga.groups.default_team()?, C_INT, x.cast(), n, op);
    GA_Lgop, GA_Llgop(x: *mut i64, n: c_int, op: *const c_char) = |ga| reduce(&ga.groups.default_team()?, C_LONG, x.cast(), n, op);
    GA_Fgop(x: *mut f32, n: c_int, op: *const c_char) = |ga| reduce(&ga.groups.default_team()?, C_FLOAT, x.cast(), n, op);
    NGA_Dgop, GA_Dgop(x: *mut f64, n: c_int, op: *const c_char) = |ga| reduce(&ga.groups.default_team()?, C_DBL, x.cast(), n, op);
    GA_Cgop(x: *mut Complex32, n: c_int, op: *const c_char) = |ga| reduce(&ga.groups.default_team()?, C_SCPL, x.cast(), n, op);
    GA_Zgop(x: *mut Complex64, n: c_int, op: *const c_char) = |ga| reduce(&ga.groups.default_team()?, C_DCPL, x.cast(), n, op);

    NGA_Pgroup_igop, GA_Pgroup_igop(group: c_int, x: *mut i32, n: c_int, op: *const c_char) =
        |ga| reduce(&ga.groups.team(group)?, C_INT, x.cast(), n, op);
    NGA_Pgroup_lgop, NGA_Pgroup_llgop, GA_Pgroup_lgop, GA_Pgroup_llgop(group: c_int, x: *mut i64, n: c_int, op: *const c_char) =
        |ga| reduce(&ga.groups.team(group)?, C_LONG, x.cast(), n, op);
    NGA_Pgroup_fgop, GA_Pgroup_fgop(group: c_int, x: *mut f32, n: c_int, op: *const c_char) =
        |ga| reduce(&ga.groups.team(group)?, C_FLOAT, x.cast(), n, op);
    NGA_Pgroup_dgop, GA_Pgroup_dgop(group: c_int, x: *mut f64, n: c_int, op: *const c_char) =
        |ga| reduce(&ga.groups.team(group)?, C_DBL, x.cast(), n, op);
    GA_Pgroup_cgop(group: c_int, x: *mut Complex32, n: c_int, op: *const c_char) =
        |ga| reduce(&ga.groups.team(group)?, C_SCPL, x.cast(), n, op);
    NGA_Pgroup_zgop, GA_Pgroup_zgop(group: c_int, x: *mut Complex64, n: c_int, op: *const c_char) =
        |ga| reduce(&ga.groups.team(group)?, C_DCPL, x.cast(), n, op);
}
