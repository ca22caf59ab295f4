//! Broadcasts and reductions of C's own data.
//!
//! Invariant: an operator that a type doesn't have is an error on every rank, before anything is sent.

use crate::fault::{Fault, Result, refuse};
use crate::guard::exported;
use crate::state::text;
use crate::types::{self, C_DBL, C_DCPL, C_FLOAT, C_INT, C_LONG, C_LONGLONG, C_SCPL};
use rma::{Complex32, Complex64, Op, Plain, Reducible, Team};
use std::ffi::{c_char, c_int, c_void};

/// What reductions need of a number.
trait Number: Reducible + Plain {
    fn absolute(self) -> Self;

    /// 1 if it is not 0.
    fn truth(self) -> Self;

    /// The greater or lesser absolute value, where [`Op`] has no order.
    fn by_modulus(team: &Team, data: &mut [Self], is_max: bool) -> Result<()>;
}

macro_rules! ordered {
    ($($t:ty, $absolute:ident;)*) => {$(
        impl Number for $t {
            fn absolute(self) -> $t {
                self.$absolute()
            }

            fn truth(self) -> $t {
                u8::from(self != <$t>::default()).into()
            }

            fn by_modulus(team: &Team, data: &mut [$t], is_max: bool) -> Result<()> {
                Ok(team.allreduce(data, if is_max { Op::Max } else { Op::Min })?)
            }
        }
    )*};
}

ordered! {
    i32, wrapping_abs;
    i64, wrapping_abs;
    f32, abs;
    f64, abs;
}

macro_rules! complex {
    ($($t:ty;)*) => {$(
        impl Number for $t {
            fn absolute(self) -> $t {
                <$t>::new(self.norm(), 0.0)
            }

            fn truth(self) -> $t {
                <$t>::new(u8::from(self != <$t>::default()).into(), 0.0)
            }

            fn by_modulus(team: &Team, data: &mut [$t], is_max: bool) -> Result<()> {
                Ok(team.allreduce_with(data, |a: $t, b: $t| if (a.norm() >= b.norm()) == is_max { a } else { b })?)
            }
        }
    )*};
}

complex! {
    Complex32;
    Complex64;
}

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
/// `data` may be read and written for so many numbers; the operator is as [`name`] wants it.
unsafe fn reduce<T: Number>(team: &Team, data: *mut T, count: c_int, op: *const c_char) -> Result<()> {
    // SAFETY: the caller's promise.
    let name = unsafe { name(op) };
    let Ok(count) = usize::try_from(count) else { refuse!("{count} numbers") };
    if count == 0 {
        return Ok(());
    }
    if !data.is_aligned() || data.is_null() {
        refuse!("{data:p} is no address of a number");
    }
    // SAFETY: the caller's promise; aligned, as just checked.
    let data = unsafe { std::slice::from_raw_parts_mut(data, count) };
    let op = match &*name {
        "+" => Op::Sum,
        "*" => Op::Prod,
        "max" => return T::by_modulus(team, data, true),
        "min" => return T::by_modulus(team, data, false),
        "absmax" | "absmin" => {
            data.iter_mut().for_each(|number| *number = number.absolute());
            return T::by_modulus(team, data, name == "absmax");
        }
        "&&" | "||" => {
            data.iter_mut().for_each(|number| *number = number.truth());
            return T::by_modulus(team, data, name == "||");
        }
        "or" | "|" => Op::Or,
        "and" | "&" => Op::And,
        other => refuse!("there is no operator \"{other}\""),
    };
    Ok(team.allreduce(data, op)?)
}

/// As [`reduce`], of a type known by its number.
///
/// # Safety
/// As there.
unsafe fn reduce_kind(
    team: &Team,
    kind: c_int,
    data: *mut c_void,
    count: c_int,
    op: *const c_char,
) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe {
        match kind {
            C_INT => reduce(team, data.cast::<i32>(), count, op),
            C_LONG | C_LONGLONG => reduce(team, data.cast::<i64>(), count, op),
            C_FLOAT => reduce(team, data.cast::<f32>(), count, op),
            C_DBL => reduce(team, data.cast::<f64>(), count, op),
            C_SCPL => reduce(team, data.cast::<Complex32>(), count, op),
            C_DCPL => reduce(team, data.cast::<Complex64>(), count, op),
            _ => Err(types::unfit(kind)),
        }
    }
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

exported! {
    GA_Brdcst(buf: *mut c_void, len: c_int, root: c_int) = |ga| ga.groups.with(ga.groups.default(), |team| broadcast(team, buf, len, root));
    GA_Pgroup_brdcst(group: c_int, buf: *mut c_void, len: c_int, root: c_int) =
        |ga| ga.groups.with(group, |team| broadcast(team, buf, len, root));

    GA_Gop(kind: c_int, x: *mut c_void, n: c_int, op: *const c_char) =
        |ga| reduce_kind(&ga.groups.default_team()?, types::kind(&ga.registered, kind)?.number, x, n, op);
    NGA_Igop, GA_Igop(x: *mut i32, n: c_int, op: *const c_char) = |ga| reduce(&ga.groups.default_team()?, x, n, op);
    GA_Lgop, GA_Llgop(x: *mut i64, n: c_int, op: *const c_char) = |ga| reduce(&ga.groups.default_team()?, x, n, op);
    GA_Fgop(x: *mut f32, n: c_int, op: *const c_char) = |ga| reduce(&ga.groups.default_team()?, x, n, op);
    NGA_Dgop, GA_Dgop(x: *mut f64, n: c_int, op: *const c_char) = |ga| reduce(&ga.groups.default_team()?, x, n, op);
    GA_Cgop(x: *mut Complex32, n: c_int, op: *const c_char) = |ga| reduce(&ga.groups.default_team()?, x, n, op);
    GA_Zgop(x: *mut Complex64, n: c_int, op: *const c_char) = |ga| reduce(&ga.groups.default_team()?, x, n, op);

    NGA_Pgroup_igop, GA_Pgroup_igop(group: c_int, x: *mut i32, n: c_int, op: *const c_char) =
        |ga| reduce(&ga.groups.team(group)?, x, n, op);
    NGA_Pgroup_lgop, NGA_Pgroup_llgop, GA_Pgroup_lgop, GA_Pgroup_llgop(group: c_int, x: *mut i64, n: c_int, op: *const c_char) =
        |ga| reduce(&ga.groups.team(group)?, x, n, op);
    NGA_Pgroup_fgop, GA_Pgroup_fgop(group: c_int, x: *mut f32, n: c_int, op: *const c_char) =
        |ga| reduce(&ga.groups.team(group)?, x, n, op);
    NGA_Pgroup_dgop, GA_Pgroup_dgop(group: c_int, x: *mut f64, n: c_int, op: *const c_char) =
        |ga| reduce(&ga.groups.team(group)?, x, n, op);
    GA_Pgroup_cgop(group: c_int, x: *mut Complex32, n: c_int, op: *const c_char) =
        |ga| reduce(&ga.groups.team(group)?, x, n, op);
    NGA_Pgroup_zgop, GA_Pgroup_zgop(group: c_int, x: *mut Complex64, n: c_int, op: *const c_char) =
        |ga| reduce(&ga.groups.team(group)?, x, n, op);
}
