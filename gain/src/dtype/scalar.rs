//! One element with its type, or a Python number that has none yet.

use super::{Category, Complex32, Complex64, Contribution, DType, category, f16};
use crate::error::{Error, Kind};

/// A value: typed, or a weak Python `int`, `float`, `complex` (a Python `bool` is `Bool`).
#[derive(Clone, Copy, PartialEq, Debug)]
#[allow(missing_docs)]
pub enum Scalar {
    Bool(bool),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    F16(f16),
    F32(f32),
    F64(f64),
    C64(Complex32),
    C128(Complex64),
    /// A Python `int`; the caller has clamped it to this range (beyond 64 bits it fits no type anyway).
    PyInt(i128),
    PyFloat(f64),
    PyComplex(Complex64),
}

macro_rules! from_rust {
    ($($t:ty => $v:ident),*) => {$(
        impl From<$t> for Scalar {
            fn from(x: $t) -> Scalar {
                Scalar::$v(x)
            }
        }
    )*};
}
from_rust!(bool => Bool, i8 => I8, i16 => I16, i32 => I32, i64 => I64, u8 => U8, u16 => U16, u32 => U32,
    u64 => U64, f16 => F16, f32 => F32, f64 => F64, Complex32 => C64, Complex64 => C128);

/// The three exact forms a scalar passes through on its way to another type.
enum Wide {
    Int(i128),
    Float(f64),
    Complex(Complex64),
}

/// Whether `int64` or `uint64` can hold it.
fn fits_64_bits(x: i128) -> bool {
    i64::try_from(x).is_ok() || u64::try_from(x).is_ok()
}

impl Scalar {
    /// What this value contributes to type promotion.
    pub const fn operand(self) -> Contribution {
        use Scalar::*;
        Contribution::Typed(match self {
            Bool(_) => DType::Bool,
            I8(_) => DType::I8,
            I16(_) => DType::I16,
            I32(_) => DType::I32,
            I64(_) => DType::I64,
            U8(_) => DType::U8,
            U16(_) => DType::U16,
            U32(_) => DType::U32,
            U64(_) => DType::U64,
            F16(_) => DType::F16,
            F32(_) => DType::F32,
            F64(_) => DType::F64,
            C64(_) => DType::C64,
            C128(_) => DType::C128,
            PyInt(_) => return Contribution::Int,
            PyFloat(_) => return Contribution::Float,
            PyComplex(_) => return Contribution::Complex,
        })
    }

    /// The type of an array made from this value alone.
    pub const fn dtype(self) -> DType {
        self.operand().default_dtype()
    }

    /// The type of an array that NumPy makes of this value: a Python integer that `int64` can't hold makes `uint64`, and
    /// one that fits neither an error (NumPy makes an array of objects).
    pub fn own_type(self) -> Result<DType, Error> {
        match self {
            Scalar::PyInt(x) if i64::try_from(x).is_ok() => Ok(DType::I64),
            Scalar::PyInt(x) if u64::try_from(x).is_ok() => Ok(DType::U64),
            Scalar::PyInt(_) => Err(Error::new(
                Kind::Type,
                "gain has no arrays of dtype object, only of bools and numbers of up to 64 bits",
            )),
            _ => Ok(self.dtype()),
        }
    }

    /// The value of an integer or a bool.
    pub fn as_i128(self) -> Option<i128> {
        match self.wide() {
            Wide::Int(x) => Some(x),
            _ => None,
        }
    }

    fn wide(self) -> Wide {
        use Scalar::*;
        match self {
            Bool(x) => Wide::Int(x.into()),
            I8(x) => Wide::Int(x.into()),
            I16(x) => Wide::Int(x.into()),
            I32(x) => Wide::Int(x.into()),
            I64(x) => Wide::Int(x.into()),
            U8(x) => Wide::Int(x.into()),
            U16(x) => Wide::Int(x.into()),
            U32(x) => Wide::Int(x.into()),
            U64(x) => Wide::Int(x.into()),
            PyInt(x) => Wide::Int(x),
            F16(x) => Wide::Float(x.into()),
            F32(x) => Wide::Float(x.into()),
            F64(x) | PyFloat(x) => Wide::Float(x),
            C64(z) => Wide::Complex(Complex64::new(z.re.into(), z.im.into())),
            C128(z) | PyComplex(z) => Wide::Complex(z),
        }
    }

    /// The real part as `f64` (rounded for large integers).
    pub fn as_f64(self) -> f64 {
        match self.wide() {
            Wide::Int(x) => x as f64,
            Wide::Float(x) => x,
            Wide::Complex(z) => z.re,
        }
    }

    /// As a complex number.
    pub fn as_c128(self) -> Complex64 {
        match self.wide() {
            Wide::Complex(z) => z,
            _ => Complex64::new(self.as_f64(), 0.0),
        }
    }

    /// As `i64`, the way C converts on x86-64 (integers wrap; floats out of range give `i64::MIN`).
    pub fn as_i64(self) -> i64 {
        match self.wide() {
            Wide::Int(x) => x as i64,
            _ => crate::kernels::cast::float_to_i64(self.as_f64()),
        }
    }

    /// Truth: anything but zero (a NaN is true).
    pub fn as_bool(self) -> bool {
        match self.wide() {
            Wide::Int(x) => x != 0,
            Wide::Float(x) => x != 0.0,
            Wide::Complex(z) => z.re != 0.0 || z.im != 0.0,
        }
    }

    /// Converted to `dtype` as NumPy's `astype` does: integers wrap, floats truncate, imaginary parts are dropped.
    pub fn cast(self, dtype: DType) -> Scalar {
        use crate::kernels::cast::{float_to_i32, float_to_i64, float_to_u32, float_to_u64};
        use crate::kernels::half;
        use Scalar::*;
        let int = |small: fn(i128) -> Scalar| match self.wide() {
            Wide::Int(x) => small(x),
            _ => small(float_to_i32(self.as_f64()).into()),
        };
        match dtype {
            DType::Bool => Bool(self.as_bool()),
            DType::I8 => int(|x| I8(x as i8)),
            DType::I16 => int(|x| I16(x as i16)),
            DType::I32 => int(|x| I32(x as i32)),
            DType::U8 => int(|x| U8(x as u8)),
            DType::U16 => int(|x| U16(x as u16)),
            DType::U32 => match self.wide() {
                Wide::Int(x) => U32(x as u32),
                _ => U32(float_to_u32(self.as_f64())),
            },
            DType::I64 => match self.wide() {
                Wide::Int(x) => I64(x as i64),
                _ => I64(float_to_i64(self.as_f64())),
            },
            DType::U64 => match self.wide() {
                Wide::Int(x) => U64(x as u64),
                _ => U64(float_to_u64(self.as_f64())),
            },
            // Integers by way of `float32`, as NumPy takes them there.
            DType::F16 => match self.wide() {
                Wide::Int(x) => F16(half::narrow_one(x as f32)),
                _ => F16(half::narrow_one(half::odd(self.as_f64()))),
            },
            DType::F32 => match self.wide() {
                Wide::Int(x) => F32(x as f32),
                _ => F32(self.as_f64() as f32),
            },
            DType::F64 => F64(self.as_f64()),
            DType::C64 => {
                let z = self.as_c128();
                C64(Complex32::new(z.re as f32, z.im as f32))
            }
            DType::C128 => C128(self.as_c128()),
        }
    }

    /// As [`cast`](Self::cast), but a Python integer that `dtype` can't hold is an error, as in NumPy 2
    /// (`OverflowError: Python integer 300 out of bounds for uint8`).
    pub fn convert(self, dtype: DType) -> Result<Scalar, Error> {
        if let (Scalar::F64(_), DType::F64) = (self, dtype) {
            return Ok(self);
        }
        if let Scalar::PyInt(x) = self {
            let range: Option<(i128, i128)> = match dtype {
                DType::I8 => Some((i8::MIN.into(), i8::MAX.into())),
                DType::I16 => Some((i16::MIN.into(), i16::MAX.into())),
                DType::I32 => Some((i32::MIN.into(), i32::MAX.into())),
                DType::I64 => Some((i64::MIN.into(), i64::MAX.into())),
                DType::U8 => Some((0, u8::MAX.into())),
                DType::U16 => Some((0, u16::MAX.into())),
                DType::U32 => Some((0, u32::MAX.into())),
                DType::U64 => Some((0, u64::MAX.into())),
                _ => None,
            };
            if range.is_some_and(|(lo, hi)| x < lo || x > hi) {
                // What fits no 64 bits NumPy has not yet compared with the type's bounds when it gives up.
                let text = if dtype == DType::I64 || !fits_64_bits(x) {
                    "Python int too large to convert to C long".to_owned()
                } else {
                    format!("Python integer {x} out of bounds for {dtype}")
                };
                return Err(Error::new(Kind::Overflow, text));
            }
        }
        Ok(self.cast(dtype))
    }

    /// As [`convert`](Self::convert), for `np.where`: an integer wraps as long as 64 bits hold it.
    pub fn wrapped(self, dtype: DType) -> Result<Scalar, Error> {
        match self {
            Scalar::PyInt(x) if fits_64_bits(x) => Ok(self.cast(dtype)),
            _ => self.convert(dtype),
        }
    }

    /// As [`convert`](Self::convert), for an assignment: a Python complex is no real number, a Python NaN or infinity no
    /// integer, and any other Python float the integer it is cut to (NumPy asks Python's `float` and `int`).
    pub fn assigned(self, dtype: DType) -> Result<Scalar, Error> {
        let is_integer = matches!(category(dtype), Category::Signed | Category::Unsigned);
        match self {
            Scalar::PyComplex(_) if is_integer => Err(Error::new(
                Kind::Type,
                "int() argument must be a string, a bytes-like object or a real number, not 'complex'",
            )),
            Scalar::PyComplex(_) if category(dtype) == Category::Float => Err(Error::new(
                Kind::Type,
                "float() argument must be a string or a real number, not 'complex'",
            )),
            Scalar::PyFloat(x) if is_integer && x.is_nan() => {
                Err(Error::new(Kind::Value, "cannot convert float NaN to integer"))
            }
            Scalar::PyFloat(x) if is_integer && x.is_infinite() => {
                Err(Error::new(Kind::Overflow, "cannot convert float infinity to integer"))
            }
            Scalar::PyFloat(x) if is_integer => Scalar::PyInt(x as i128).convert(dtype),
            _ => self.convert(dtype),
        }
    }

    /// The bytes of the value in its own type (weak ones in their default type), zero beyond its size.
    pub fn bytes(self) -> [u8; 16] {
        fn put<T: bytemuck::NoUninit>(x: T) -> [u8; 16] {
            let mut out = [0; 16];
            let bytes = bytemuck::bytes_of(&x);
            out[..bytes.len()].copy_from_slice(bytes);
            out
        }
        use Scalar::*;
        match self {
            Bool(x) => put(u8::from(x)),
            I8(x) => put(x),
            I16(x) => put(x),
            I32(x) => put(x),
            I64(x) => put(x),
            U8(x) => put(x),
            U16(x) => put(x),
            U32(x) => put(x),
            U64(x) => put(x),
            F16(x) => put(x),
            F32(x) => put(x),
            F64(x) => put(x),
            C64(x) => put(x),
            C128(x) => put(x),
            weak => weak.cast(weak.dtype()).bytes(),
        }
    }

    /// The inverse of [`bytes`](Self::bytes): the first `dtype.size_bytes()` bytes of `bytes`.
    ///
    /// # Panics
    /// When there are fewer bytes than that.
    pub fn from_bytes(dtype: DType, bytes: &[u8]) -> Scalar {
        fn get<T: bytemuck::AnyBitPattern>(bytes: &[u8]) -> T {
            bytemuck::pod_read_unaligned(&bytes[..size_of::<T>()])
        }
        use Scalar::*;
        match dtype {
            DType::Bool => Bool(bytes[0] != 0),
            DType::I8 => I8(get(bytes)),
            DType::I16 => I16(get(bytes)),
            DType::I32 => I32(get(bytes)),
            DType::I64 => I64(get(bytes)),
            DType::U8 => U8(get(bytes)),
            DType::U16 => U16(get(bytes)),
            DType::U32 => U32(get(bytes)),
            DType::U64 => U64(get(bytes)),
            DType::F16 => F16(get(bytes)),
            DType::F32 => F32(get(bytes)),
            DType::F64 => F64(get(bytes)),
            DType::C64 => C64(get(bytes)),
            DType::C128 => C128(get(bytes)),
        }
    }

    /// Zero of the type.
    pub fn zero(dtype: DType) -> Scalar {
        Scalar::Bool(false).cast(dtype)
    }

    /// One of the type.
    pub fn one(dtype: DType) -> Scalar {
        Scalar::Bool(true).cast(dtype)
    }

    /// Whether this is a weak Python number.
    pub const fn is_weak(self) -> bool {
        !matches!(self.operand(), Contribution::Typed(_))
    }

    /// Whether the value is of an integer (not bool) kind.
    pub const fn is_integer(self) -> bool {
        matches!(category(self.dtype()), Category::Signed | Category::Unsigned)
    }
}
