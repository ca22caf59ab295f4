//! Element types: the written list of what an array may hold.
//!
//! [`Element`] is sealed over this list; below it everything is `(DType, bytes)`. The order of [`DType`]'s
//! variants and their numbers are part of no file format and may grow.

pub use half::f16;
pub use num_complex::{Complex32, Complex64};

/// What one element is. Sizes are in bytes; alignment equals that of the Rust type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
#[repr(u8)]
pub enum DType {
    /// NumPy `bool`: one byte, 0 or 1.
    Bool,
    /// `int8`
    I8,
    /// `int16`
    I16,
    /// `int32`
    I32,
    /// `int64`
    I64,
    /// `uint8`
    U8,
    /// `uint16`
    U16,
    /// `uint32`
    U32,
    /// `uint64`
    U64,
    /// `float16`: kept, not computed with.
    F16,
    /// `float32`
    F32,
    /// `float64`
    F64,
    /// `complex64`: two `f32`.
    C64,
    /// `complex128`: two `f64`.
    C128,
}

impl DType {
    /// Every element type, in the order of the numbers.
    pub const ALL: [DType; 14] = [
        DType::Bool,
        DType::I8,
        DType::I16,
        DType::I32,
        DType::I64,
        DType::U8,
        DType::U16,
        DType::U32,
        DType::U64,
        DType::F16,
        DType::F32,
        DType::F64,
        DType::C64,
        DType::C128,
    ];

    /// Size of one element in bytes.
    #[inline]
    pub const fn size_bytes(self) -> usize {
        match self {
            DType::Bool | DType::I8 | DType::U8 => 1,
            DType::I16 | DType::U16 | DType::F16 => 2,
            DType::I32 | DType::U32 | DType::F32 => 4,
            DType::I64 | DType::U64 | DType::F64 | DType::C64 => 8,
            DType::C128 => 16,
        }
    }

    /// NumPy's name of the type.
    pub const fn name(self) -> &'static str {
        match self {
            DType::Bool => "bool",
            DType::I8 => "int8",
            DType::I16 => "int16",
            DType::I32 => "int32",
            DType::I64 => "int64",
            DType::U8 => "uint8",
            DType::U16 => "uint16",
            DType::U32 => "uint32",
            DType::U64 => "uint64",
            DType::F16 => "float16",
            DType::F32 => "float32",
            DType::F64 => "float64",
            DType::C64 => "complex64",
            DType::C128 => "complex128",
        }
    }
}

impl std::fmt::Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A Rust type that arrays may hold.
///
/// Sealed: implemented for the types of [`DType`] alone. Plain data without padding, valid when shared
/// between processes; every type but `bool` accepts any bit pattern.
pub trait Element:
    Copy
    + PartialEq
    + Default
    + Send
    + Sync
    + std::fmt::Debug
    + bytemuck::NoUninit
    + bytemuck::CheckedBitPattern
    + 'static
    + sealed::Sealed
{
    /// The run-time name of this type.
    const DTYPE: DType;
}

macro_rules! elements {
    ($($t:ty => $d:ident),* $(,)?) => {$(
        impl sealed::Sealed for $t {}
        impl Element for $t {
            const DTYPE: DType = DType::$d;
        }
    )*};
}

elements! {
    bool => Bool, i8 => I8, i16 => I16, i32 => I32, i64 => I64, u8 => U8, u16 => U16, u32 => U32, u64 => U64,
    f16 => F16, f32 => F32, f64 => F64, Complex32 => C64, Complex64 => C128,
}
