//! The loops: one per element type, compiled for each instruction set and chosen once per process.

use crate::element::{Complex32, Complex64, DType};

/// `dst[i] += alpha * src[i]` over `len` bytes of elements.
pub(super) type Kernel = unsafe fn(dst: *mut u8, src: *const u8, len: usize, alpha: *const u8);

trait Arithmetic: Copy {
    fn add_scaled(self, alpha: Self, x: Self) -> Self;
}

macro_rules! integers {
    ($($t:ty),*) => {$(
        impl Arithmetic for $t {
            #[inline(always)]
            fn add_scaled(self, alpha: Self, x: Self) -> Self {
                self.wrapping_add(alpha.wrapping_mul(x))
            }
        }
    )*};
}
integers!(i8, i16, i32, i64, u8, u16, u32, u64);

macro_rules! fields {
    ($($t:ty),*) => {$(
        impl Arithmetic for $t {
            #[inline(always)]
            fn add_scaled(self, alpha: Self, x: Self) -> Self {
                self + alpha * x
            }
        }
    )*};
}
fields!(f32, f64, Complex32, Complex64);

/// NumPy's `bool` as its byte.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Boolean(u8);

impl Arithmetic for Boolean {
    #[inline(always)]
    fn add_scaled(self, alpha: Self, x: Self) -> Self {
        Boolean(self.0 | alpha.0 & x.0)
    }
}

#[inline(always)]
unsafe fn scaled_sum<T: Arithmetic>(dst: *mut u8, src: *const u8, len: usize, alpha: *const u8) {
    let (dst, src) = (dst.cast::<T>(), src.cast::<T>());
    // SAFETY: alpha is one element, src and dst hold len bytes of them (caller).
    unsafe {
        let alpha = alpha.cast::<T>().read_unaligned();
        for i in 0..len / size_of::<T>() {
            let sum = dst.add(i).read_unaligned().add_scaled(alpha, src.add(i).read_unaligned());
            dst.add(i).write_unaligned(sum);
        }
    }
}

pub(super) fn kernel(dtype: DType) -> Kernel {
    match dtype {
        DType::Bool => scaled_sum::<Boolean>,
        DType::I8 => scaled_sum::<i8>,
        DType::I16 => scaled_sum::<i16>,
        DType::I32 => scaled_sum::<i32>,
        DType::I64 => scaled_sum::<i64>,
        DType::U8 => scaled_sum::<u8>,
        DType::U16 => scaled_sum::<u16>,
        DType::U32 => scaled_sum::<u32>,
        DType::U64 => scaled_sum::<u64>,
        DType::F32 => scaled_sum::<f32>,
        DType::F64 => scaled_sum::<f64>,
        DType::C64 => scaled_sum::<Complex32>,
        DType::C128 => scaled_sum::<Complex64>,
    }
}
