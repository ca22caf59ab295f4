//! Conversions between element types, as a C compiler on x86-64 does them.

use super::lanes::map1;
use super::number::Real;
use super::{Kernel, half};
use crate::dtype::DType;
use num_complex::Complex;

/// `(int64_t)x`: truncation; NaN and out of range give `i64::MIN` (what `cvttsd2si` returns).
#[inline(always)]
pub(crate) fn float_to_i64(x: f64) -> i64 {
    if (-9223372036854775808.0..9223372036854775808.0).contains(&x) { x as i64 } else { i64::MIN }
}

/// `(int32_t)x`: as [`float_to_i64`] with `i32::MIN`.
#[inline(always)]
pub(crate) fn float_to_i32(x: f64) -> i32 {
    if x > -2147483649.0 && x < 2147483648.0 { x as i32 } else { i32::MIN }
}

/// `(uint32_t)x`: through `i64`, then the low half.
#[inline(always)]
pub(crate) fn float_to_u32(x: f64) -> u32 {
    float_to_i64(x) as u32
}

/// `(uint64_t)x`: below 2^63 as `i64` (negative values wrap), above by subtracting 2^63.
#[inline(always)]
pub(crate) fn float_to_u64(x: f64) -> u64 {
    if x >= 9223372036854775808.0 {
        (float_to_i64(x - 9223372036854775808.0) as u64) ^ (1 << 63)
    } else {
        float_to_i64(x) as u64
    }
}

/// A type others are converted to, given the exact forms they come in.
trait FromExact: Copy {
    fn from_int(x: i64) -> Self;
    fn from_u64(x: u64) -> Self;
    fn from_f32(x: f32) -> Self;
    fn from_f64(x: f64) -> Self;
}

macro_rules! targets {
    ($($t:ty: |$x:ident| $from_float:expr;)*) => {$(
        impl FromExact for $t {
            #[inline(always)]
            fn from_int(x: i64) -> Self { x as $t }
            #[inline(always)]
            fn from_u64(x: u64) -> Self { x as $t }
            #[inline(always)]
            fn from_f32($x: f32) -> Self { let $x = f64::from($x); $from_float }
            #[inline(always)]
            fn from_f64($x: f64) -> Self { $from_float }
        }
    )*};
}

targets! {
    i8: |x| float_to_i32(x) as i8;
    i16: |x| float_to_i32(x) as i16;
    i32: |x| float_to_i32(x);
    i64: |x| float_to_i64(x);
    u8: |x| float_to_i32(x) as u8;
    u16: |x| float_to_i32(x) as u16;
    u32: |x| float_to_u32(x);
    u64: |x| float_to_u64(x);
    f32: |x| x as f32;
    f64: |x| x;
}

/// Loops from any type to a real one; imaginary parts are dropped.
fn to_real<T: FromExact>(from: DType) -> Kernel {
    match from {
        DType::F16 => unreachable!("by way of float32"),
        DType::Bool | DType::U8 => map1(|x: u8| T::from_int(x.into())),
        DType::I8 => map1(|x: i8| T::from_int(x.into())),
        DType::I16 => map1(|x: i16| T::from_int(x.into())),
        DType::I32 => map1(|x: i32| T::from_int(x.into())),
        DType::I64 => map1(|x: i64| T::from_int(x)),
        DType::U16 => map1(|x: u16| T::from_int(x.into())),
        DType::U32 => map1(|x: u32| T::from_int(x.into())),
        DType::U64 => map1(|x: u64| T::from_u64(x)),
        DType::F32 => map1(|x: f32| T::from_f32(x)),
        DType::F64 => map1(|x: f64| T::from_f64(x)),
        DType::C64 => map1(|z: Complex<f32>| T::from_f32(z.re)),
        DType::C128 => map1(|z: Complex<f64>| T::from_f64(z.re)),
    }
}

/// Loops from any type to a complex one.
fn to_complex<T: FromExact + Real>(from: DType) -> Kernel {
    match from {
        DType::F16 => unreachable!("by way of float32"),
        DType::Bool | DType::U8 => map1(|x: u8| Complex { re: T::from_int(x.into()), im: T::ZERO }),
        DType::I8 => map1(|x: i8| Complex { re: T::from_int(x.into()), im: T::ZERO }),
        DType::I16 => map1(|x: i16| Complex { re: T::from_int(x.into()), im: T::ZERO }),
        DType::I32 => map1(|x: i32| Complex { re: T::from_int(x.into()), im: T::ZERO }),
        DType::I64 => map1(|x: i64| Complex { re: T::from_int(x), im: T::ZERO }),
        DType::U16 => map1(|x: u16| Complex { re: T::from_int(x.into()), im: T::ZERO }),
        DType::U32 => map1(|x: u32| Complex { re: T::from_int(x.into()), im: T::ZERO }),
        DType::U64 => map1(|x: u64| Complex { re: T::from_u64(x), im: T::ZERO }),
        DType::F32 => map1(|x: f32| Complex { re: T::from_f32(x), im: T::ZERO }),
        DType::F64 => map1(|x: f64| Complex { re: T::from_f64(x), im: T::ZERO }),
        DType::C64 => map1(|z: Complex<f32>| Complex { re: T::from_f32(z.re), im: T::from_f32(z.im) }),
        DType::C128 => map1(|z: Complex<f64>| Complex { re: T::from_f64(z.re), im: T::from_f64(z.im) }),
    }
}

/// Loops from any type to bool: anything but zero is true, a NaN too.
fn to_bool(from: DType) -> Kernel {
    match from {
        DType::F16 => unreachable!("by way of float32"),
        DType::Bool | DType::U8 | DType::I8 => map1(|x: u8| u8::from(x != 0)),
        DType::I16 | DType::U16 => map1(|x: u16| u8::from(x != 0)),
        DType::I32 | DType::U32 => map1(|x: u32| u8::from(x != 0)),
        DType::I64 | DType::U64 => map1(|x: u64| u8::from(x != 0)),
        DType::F32 => map1(|x: f32| u8::from(x != 0.0)),
        DType::F64 => map1(|x: f64| u8::from(x != 0.0)),
        DType::C64 => map1(|z: Complex<f32>| u8::from(z.re != 0.0 || z.im != 0.0)),
        DType::C128 => map1(|z: Complex<f64>| u8::from(z.re != 0.0 || z.im != 0.0)),
    }
}

/// The loop that converts `from` to `to`; a copy when they are the same.
pub(crate) fn kernel(from: DType, to: DType) -> Kernel {
    if let Some(kernel) = half::cast(from, to) {
        return kernel;
    }
    match to {
        DType::F16 => unreachable!("by way of float32"),
        DType::Bool => to_bool(from),
        DType::I8 => to_real::<i8>(from),
        DType::I16 => to_real::<i16>(from),
        DType::I32 => to_real::<i32>(from),
        DType::I64 => to_real::<i64>(from),
        DType::U8 => to_real::<u8>(from),
        DType::U16 => to_real::<u16>(from),
        DType::U32 => to_real::<u32>(from),
        DType::U64 => to_real::<u64>(from),
        DType::F32 => to_real::<f32>(from),
        DType::F64 => to_real::<f64>(from),
        DType::C64 => to_complex::<f32>(from),
        DType::C128 => to_complex::<f64>(from),
    }
}
