//! The reductions of `message.h`: operators are strings, types numbers.
//!
//! Invariant: an operator a type doesn't have is an error on every rank, before anything is sent.

use rma::{Error, ErrorKind, Op, Reducible, Result, Team};
use std::ffi::{c_int, c_void};

/// An operator, and what happens to the elements before.
#[derive(Clone, Copy)]
struct Operator {
    op: Op,
    before: Before,
}

#[derive(Clone, Copy, PartialEq)]
enum Before {
    Nothing,
    Absolute,
    /// 1 if not zero.
    Truth,
}

fn operator(name: &str) -> Result<Operator> {
    let (op, before) = match name.trim() {
        "+" => (Op::Sum, Before::Nothing),
        "*" => (Op::Prod, Before::Nothing),
        "max" => (Op::Max, Before::Nothing),
        "min" => (Op::Min, Before::Nothing),
        "absmax" => (Op::Max, Before::Absolute),
        "absmin" => (Op::Min, Before::Absolute),
        "or" | "|" | "bor" => (Op::Or, Before::Nothing),
        "and" | "&" | "band" => (Op::And, Before::Nothing),
        "&&" | "land" => (Op::Min, Before::Truth),
        "||" | "lor" => (Op::Max, Before::Truth),
        other => {
            return Err(Error::new(ErrorKind::Type, "reduce", format!("there is no operator \"{other}\"")));
        }
    };
    Ok(Operator { op, before })
}

/// What reductions need of a number.
trait Number: Reducible + PartialOrd {
    fn absolute(self) -> Self;
    fn truth(self) -> Self;
}

macro_rules! numbers {
    ($($t:ty, $absolute:ident, $one:literal, $zero:literal;)*) => {$(
        impl Number for $t {
            fn absolute(self) -> $t {
                self.$absolute()
            }

            fn truth(self) -> $t {
                if self != $zero { $one } else { $zero }
            }
        }
    )*};
}

numbers! {
    i32, wrapping_abs, 1, 0;
    i64, wrapping_abs, 1, 0;
    f32, abs, 1.0, 0.0;
    f64, abs, 1.0, 0.0;
}

/// Combines everybody's `count` numbers of a type.
///
/// # Safety
/// `data` may be read and written for so many numbers of that type.
pub(crate) unsafe fn reduce(
    team: &Team,
    data: *mut c_void,
    count: c_int,
    op: &str,
    kind: c_int,
) -> Result<()> {
    let operator = operator(op)?;
    let count = count.max(0) as usize;
    // SAFETY: the caller's promise.
    unsafe {
        match kind {
            -99 => reduce_as::<i32>(team, data, count, operator),
            -101 | -102 => reduce_as::<i64>(team, data, count, operator),
            -306 => reduce_as::<f32>(team, data, count, operator),
            -307 => reduce_as::<f64>(team, data, count, operator),
            _ => Err(no_type(kind)),
        }
    }
}

fn no_type(kind: c_int) -> Error {
    Error::new(
        ErrorKind::Type,
        "reduce",
        format!("{kind} is none of ARMCI_INT, LONG, LONG_LONG, FLOAT, DOUBLE"),
    )
}

/// # Safety
/// As [`reduce`].
unsafe fn reduce_as<T: Number>(
    team: &Team,
    data: *mut c_void,
    count: usize,
    operator: Operator,
) -> Result<()> {
    if count == 0 {
        return Ok(());
    }
    // SAFETY: the caller's promise.
    let data = unsafe { std::slice::from_raw_parts_mut(data.cast::<T>(), count) };
    match operator.before {
        Before::Nothing => {}
        Before::Absolute => data.iter_mut().for_each(|number| *number = number.absolute()),
        Before::Truth => data.iter_mut().for_each(|number| *number = number.truth()),
    }
    team.allreduce(data, operator.op)
}

/// Everybody's `data` becomes that of the rank whose leading number of a type is the least or greatest; of equals the lowest rank wins.
/// Ranks that don't contribute only receive.
pub(crate) fn select(team: &Team, data: &mut [u8], op: &str, kind: c_int, contributes: bool) -> Result<()> {
    let is_min = op.starts_with("min");
    if !is_min && !op.starts_with("max") {
        return Err(Error::new(ErrorKind::Type, "select", format!("\"{op}\" is neither min nor max")));
    }
    let size = match kind {
        -99 | -306 => 4,
        -101 | -102 | -307 => 8,
        _ => return Err(no_type(kind)),
    };
    if data.len() < size {
        let message = format!("{} bytes hold no number of {size}", data.len());
        return Err(Error::new(ErrorKind::Shape, "select", message));
    }
    let mut mine = vec![u8::from(contributes)];
    mine.extend_from_slice(data);
    let all = team.allgather(&mine)?;
    let entries = all.chunks(mine.len()).filter(|entry| entry[0] != 0).map(|entry| &entry[1..]);
    let is_before = |a: &[u8], b: &[u8]| match kind {
        -99 => before(i32::from_ne_bytes(head(a)), i32::from_ne_bytes(head(b)), is_min),
        -306 => before(f32::from_ne_bytes(head(a)), f32::from_ne_bytes(head(b)), is_min),
        -307 => before(f64::from_ne_bytes(head(a)), f64::from_ne_bytes(head(b)), is_min),
        _ => before(i64::from_ne_bytes(head(a)), i64::from_ne_bytes(head(b)), is_min),
    };
    if let Some(best) = entries.reduce(|best, entry| if is_before(entry, best) { entry } else { best }) {
        data.copy_from_slice(best);
    }
    Ok(())
}

fn before<T: PartialOrd>(a: T, b: T, is_min: bool) -> bool {
    if is_min { a < b } else { a > b }
}

fn head<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes[..N].try_into().expect("checked to be as long")
}
