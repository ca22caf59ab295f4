//! From a typed operation to its kernel.

use super::number::Int;
use super::{Kernel, boolean, compare, complex, float, half, integer, math};
use crate::dtype::DType;
use crate::ops::{Loop, Op};
use num_complex::Complex;

fn int<T: Int>(op: Op) -> Option<Kernel> {
    integer::unary::<T>(op).or_else(|| integer::binary::<T>(op)).or_else(|| compare::ordered::<T>(op))
}

fn f32(op: Op) -> Option<Kernel> {
    math::kernel::<f32>(op)
        .or_else(|| float::binary::<f32>(op))
        .or_else(|| float::unary::<f32>(op))
        .or_else(|| compare::ordered::<f32>(op))
}

fn f64(op: Op) -> Option<Kernel> {
    math::kernel::<f64>(op)
        .or_else(|| float::binary::<f64>(op))
        .or_else(|| float::unary::<f64>(op))
        .or_else(|| compare::ordered::<f64>(op))
}

fn c64(op: Op) -> Option<Kernel> {
    complex::binary::<f32>(op)
        .or_else(|| complex::unary::<f32>(op))
        .or_else(|| complex::calls_f32(op))
        .or_else(|| compare::complex::<f32>(op))
}

fn c128(op: Op) -> Option<Kernel> {
    complex::binary::<f64>(op)
        .or_else(|| complex::unary::<f64>(op))
        .or_else(|| complex::calls_f64(op))
        .or_else(|| compare::complex::<f64>(op))
}

/// The kernel of an operation all of whose inputs have one type, where there is one.
pub(crate) fn uniform(op: Op, dtype: DType) -> Option<Kernel> {
    match dtype {
        DType::F16 => half::kernel(op),
        DType::Bool => boolean::binary(op).or_else(|| boolean::unary(op)),
        DType::I8 => int::<i8>(op),
        DType::I16 => int::<i16>(op),
        DType::I32 => int::<i32>(op),
        DType::I64 => int::<i64>(op),
        DType::U8 => int::<u8>(op),
        DType::U16 => int::<u16>(op),
        DType::U32 => int::<u32>(op),
        DType::U64 => int::<u64>(op),
        DType::F32 => f32(op),
        DType::F64 => f64(op),
        DType::C64 => c64(op),
        DType::C128 => c128(op),
    }
}

/// The kernel of a loop that [`resolve`](crate::ops::resolve) returned.
pub(crate) fn kernel(op: &Loop) -> Kernel {
    let special = match op.inputs {
        [DType::I64, DType::U64, _] => compare::signed_unsigned(op.op),
        [DType::U64, DType::I64, _] => compare::unsigned_signed(op.op),
        [_, dtype, _] if op.op == Op::Where => Some(select(dtype)),
        _ => None,
    };
    let kernel = special.or_else(|| uniform(op.op, op.inputs[0]));
    kernel.unwrap_or_else(|| unreachable!("no kernel for {op:?}, though it was resolved"))
}

/// The complex number of two parts of type `part`, and its type.
pub(crate) fn join(part: DType) -> (Kernel, DType) {
    use super::lanes::map2;
    match part {
        DType::F32 => (map2(|re: f32, im: f32| Complex { re, im }), DType::C64),
        DType::F64 => (map2(|re: f64, im: f64| Complex { re, im }), DType::C128),
        other => unreachable!("{other} is no part of a complex number"),
    }
}

/// `mask ? x : y` for elements of `dtype`.
fn select(dtype: DType) -> Kernel {
    use super::lanes::map3;
    match dtype.size_bytes() {
        1 => map3(|mask: u8, x: u8, y: u8| if mask != 0 { x } else { y }),
        2 => map3(|mask: u8, x: u16, y: u16| if mask != 0 { x } else { y }),
        4 => map3(|mask: u8, x: u32, y: u32| if mask != 0 { x } else { y }),
        8 => map3(|mask: u8, x: u64, y: u64| if mask != 0 { x } else { y }),
        _ => map3(|mask: u8, x: Complex<f64>, y: Complex<f64>| if mask != 0 { x } else { y }),
    }
}
