//! Where the exceptions of each loop are to be found.

use super::flags::{Report, element};
use super::lanes::slot;
use super::number::Int;
use super::{Operands, Slot, half, math};
use crate::dtype::{Category, DType, category};
use crate::ops::{Loop, Op};
use crate::status::{DIVIDE, INVALID, OVER};

/// The exceptions of a loop.
pub(crate) fn of(op: &Loop) -> Report {
    let dtype = op.inputs[0];
    match category(dtype) {
        Category::Bool | Category::Signed | Category::Unsigned => of_integers(op.op, dtype),
        Category::Float if dtype == DType::F16 => half::report(op.op),
        Category::Float | Category::Complex if op.op.is_quiet() => Report::Never,
        Category::Float => math::of_function(op.op, dtype),
        Category::Complex => {
            let ours = match dtype {
                DType::C64 => math::planar_report::<f32>(op.op),
                _ => math::planar_report::<f64>(op.op),
            };
            ours.unwrap_or(Report::Exact)
        }
    }
}

fn of_integers(op: Op, dtype: DType) -> Report {
    macro_rules! by_type {
        ($check:ident) => {
            match dtype {
                DType::I8 => $check::<i8>,
                DType::I16 => $check::<i16>,
                DType::I32 => $check::<i32>,
                DType::I64 => $check::<i64>,
                DType::U8 | DType::Bool => $check::<u8>,
                DType::U16 => $check::<u16>,
                DType::U32 => $check::<u32>,
                _ => $check::<u64>,
            }
        };
    }
    match op {
        Op::FloorDivide | Op::Divmod => Report::Checked(by_type!(of_quotient)),
        Op::Remainder | Op::Fmod => Report::Checked(by_type!(of_remainder)),
        Op::Reciprocal => Report::Checked(by_type!(of_reciprocal)),
        _ => Report::Never,
    }
}

unsafe fn of_remainder<T: Int>(n: usize, s: *const Slot, o: &Operands) -> u8 {
    // SAFETY: the kernel's contract.
    unsafe {
        let n = if slot::<T>(s, o.src[1]).1 == 0 { n.min(1) } else { n };
        let mut zeros = false;
        for i in 0..n {
            zeros |= element::<T>(s, o.src[1], i) == T::ZERO;
        }
        if zeros { DIVIDE } else { 0 }
    }
}

unsafe fn of_quotient<T: Int>(n: usize, s: *const Slot, o: &Operands) -> u8 {
    let minus_one = T::ZERO.sub(T::ONE);
    // SAFETY: the kernel's contract.
    unsafe {
        let found = of_remainder::<T>(n, s, o);
        if !T::SIGNED || (slot::<T>(s, o.src[1]).1 == 0 && element::<T>(s, o.src[1], 0) != minus_one) {
            return found;
        }
        let mut wraps = false;
        for i in 0..n {
            wraps |= element::<T>(s, o.src[0], i) == T::MIN && element::<T>(s, o.src[1], i) == minus_one;
        }
        found | if wraps { OVER } else { 0 }
    }
}

unsafe fn of_reciprocal<T: Int>(n: usize, s: *const Slot, o: &Operands) -> u8 {
    // SAFETY: the kernel's contract.
    let zeros = (0..n).any(|i| unsafe { element::<T>(s, o.src[0], i) } == T::ZERO);
    // One divided by it is infinite, which no integer is.
    if zeros { DIVIDE | INVALID } else { 0 }
}
