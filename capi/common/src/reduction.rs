//! Reductions whose operators have names.
//!
//! Invariant: an operator that a type doesn't have is an error on every rank, before anything is sent.

use rma::{Complex32, Complex64, DType, Error, ErrorKind, Op, Reducible, Result, Team};
use std::ffi::c_void;

/// How everybody's numbers are combined.
#[derive(Clone, Copy)]
pub enum Operator {
    /// As they are.
    Plain(Op),
    /// The greatest, or the least; of complex ones by absolute value.
    Extreme(bool),
    /// The greatest absolute value, or the least.
    Absolute(bool),
    /// 1 if any isn't zero, or if all aren't; else 0.
    Truth(bool),
}

impl Operator {
    /// The operator of a name, if there is one.
    pub fn named(name: &str) -> Option<Operator> {
        Some(match name.trim() {
            "+" => Operator::Plain(Op::Sum),
            "*" => Operator::Plain(Op::Prod),
            "max" => Operator::Extreme(true),
            "min" => Operator::Extreme(false),
            "absmax" => Operator::Absolute(true),
            "absmin" => Operator::Absolute(false),
            "or" | "|" | "bor" => Operator::Plain(Op::Or),
            "and" | "&" | "band" => Operator::Plain(Op::And),
            "||" | "lor" => Operator::Truth(true),
            "&&" | "land" => Operator::Truth(false),
            _ => return None,
        })
    }

    fn combine<T: Number>(self, team: &Team, data: &mut [T]) -> Result<()> {
        match self {
            Operator::Plain(op) => team.allreduce(data, op),
            Operator::Extreme(is_max) => T::extreme(team, data, is_max),
            Operator::Absolute(is_max) => {
                data.iter_mut().for_each(|number| *number = number.absolute());
                T::extreme(team, data, is_max)
            }
            Operator::Truth(is_any) => {
                data.iter_mut().for_each(|number| *number = number.truth());
                T::extreme(team, data, is_any)
            }
        }
    }
}

/// What reductions need of a number.
trait Number: Reducible {
    fn absolute(self) -> Self;

    /// 1 if it is not 0.
    fn truth(self) -> Self;

    /// The greatest or the least.
    fn extreme(team: &Team, data: &mut [Self], is_max: bool) -> Result<()>;
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

            fn extreme(team: &Team, data: &mut [$t], is_max: bool) -> Result<()> {
                team.allreduce(data, if is_max { Op::Max } else { Op::Min })
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

            fn extreme(team: &Team, data: &mut [$t], is_max: bool) -> Result<()> {
                team.allreduce_with(data, |a: $t, b: $t| if (a.norm() >= b.norm()) == is_max { a } else { b })
            }
        }
    )*};
}

complex! {
    Complex32;
    Complex64;
}

/// Combines everybody's `count` numbers of a type. Collective over the team.
///
/// # Errors
/// `Type` when there is no such reduction, `Alignment` when `data` is null; those of an allreduce.
///
/// # Safety
/// `data` may be read and written for so many numbers.
pub unsafe fn reduce(
    team: &Team,
    dtype: DType,
    data: *mut c_void,
    count: usize,
    operator: Operator,
) -> Result<()> {
    /// # Safety
    /// As there.
    unsafe fn of<T: Number>(team: &Team, data: *mut c_void, count: usize, operator: Operator) -> Result<()> {
        let data = data.cast::<T>();
        if data.is_null() {
            return Err(Error::new(ErrorKind::Alignment, "reduce", "the numbers are a null pointer"));
        }
        if data.is_aligned() {
            // SAFETY: the caller's promise; aligned, as just checked.
            return operator.combine(team, unsafe { std::slice::from_raw_parts_mut(data, count) });
        }
        // SAFETY: so many numbers are readable by the caller's promise.
        let mut numbers: Vec<T> = (0..count).map(|i| unsafe { data.add(i).read_unaligned() }).collect();
        operator.combine(team, &mut numbers)?;
        for (i, number) in numbers.into_iter().enumerate() {
            // SAFETY: writable by the caller's promise.
            unsafe { data.add(i).write_unaligned(number) };
        }
        Ok(())
    }
    if count == 0 {
        return Ok(());
    }
    // SAFETY: the caller's promise.
    unsafe {
        match dtype {
            DType::I32 => of::<i32>(team, data, count, operator),
            DType::I64 => of::<i64>(team, data, count, operator),
            DType::F32 => of::<f32>(team, data, count, operator),
            DType::F64 => of::<f64>(team, data, count, operator),
            DType::C64 => of::<Complex32>(team, data, count, operator),
            DType::C128 => of::<Complex64>(team, data, count, operator),
            _ => Err(Error::new(ErrorKind::Type, "reduce", format!("there is none of {dtype}"))),
        }
    }
}
