//! Data types: the element list of the lower floors, scalars, and NumPy 2's promotion and casting rules.
//!
//! Invariant: nothing here depends on values, except [`Scalar::convert`], which is where a Python integer
//! that doesn't fit its array's type is refused.

mod promote;
mod scalar;

pub use promote::{Casting, Contribution, can_cast, promote, result_type};
pub use scalar::Scalar;
pub use shm::element::{Complex32, Complex64, DType, Element, f16};

/// NumPy's one-letter kind, ordered so that a weak Python scalar is compared by `<`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Category {
    /// `b`
    Bool,
    /// `u`
    Unsigned,
    /// `i`
    Signed,
    /// `f`
    Float,
    /// `c`
    Complex,
}

/// The kind of a type (NumPy's `dtype.kind`).
pub const fn category(dtype: DType) -> Category {
    match dtype {
        DType::Bool => Category::Bool,
        DType::U8 | DType::U16 | DType::U32 | DType::U64 => Category::Unsigned,
        DType::I8 | DType::I16 | DType::I32 | DType::I64 => Category::Signed,
        DType::F16 | DType::F32 | DType::F64 => Category::Float,
        DType::C64 | DType::C128 => Category::Complex,
    }
}

/// Whether the type is a signed or unsigned integer (bool is not).
pub const fn is_integer(dtype: DType) -> bool {
    matches!(category(dtype), Category::Signed | Category::Unsigned)
}

/// The type of the real and imaginary parts; a real type is its own.
pub const fn real_part(dtype: DType) -> DType {
    match dtype {
        DType::C64 => DType::F32,
        DType::C128 => DType::F64,
        other => other,
    }
}
