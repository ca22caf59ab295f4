//! Promotion and casting between types: NEP 50.

use super::{Category, DType, category};
use smallvec::SmallVec;

/// What an operand contributes to the choice of a type: an array's or NumPy scalar's type counts in full,
/// a Python `int`, `float` or `complex` by its kind alone. (A Python `bool` is an ordinary `Bool`.)
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Contribution {
    /// An array or a typed scalar.
    Typed(DType),
    /// A Python `int`.
    Int,
    /// A Python `float`.
    Float,
    /// A Python `complex`.
    Complex,
}

impl From<DType> for Contribution {
    fn from(dtype: DType) -> Self {
        Contribution::Typed(dtype)
    }
}

impl Contribution {
    const fn rank(self) -> u8 {
        match self {
            Contribution::Typed(_) => 0,
            Contribution::Int => 1,
            Contribution::Float => 2,
            Contribution::Complex => 3,
        }
    }

    /// The type this operand has on its own.
    pub const fn default_dtype(self) -> DType {
        match self {
            Contribution::Typed(dtype) => dtype,
            Contribution::Int => DType::I64,
            Contribution::Float => DType::F64,
            Contribution::Complex => DType::C128,
        }
    }
}

/// Which conversions are allowed (NumPy's `casting=`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Casting {
    /// Same type only.
    No,
    /// The same here: there are no byte orders.
    Equiv,
    /// Values are preserved.
    Safe,
    /// Safe, or within a kind (`f64` to `f32`, `i64` to `u8` is not).
    SameKind,
    /// Anything.
    Unsafe,
}

impl Casting {
    /// NumPy's spelling.
    pub const fn name(self) -> &'static str {
        match self {
            Casting::No => "no",
            Casting::Equiv => "equiv",
            Casting::Safe => "safe",
            Casting::SameKind => "same_kind",
            Casting::Unsafe => "unsafe",
        }
    }

    /// From NumPy's spelling.
    pub fn from_name(name: &str) -> Option<Casting> {
        Some(match name {
            "no" => Casting::No,
            "equiv" => Casting::Equiv,
            "safe" => Casting::Safe,
            "same_kind" => Casting::SameKind,
            "unsafe" => Casting::Unsafe,
            _ => return None,
        })
    }
}

/// The smallest type both convert to safely (`np.promote_types`).
pub const fn promote(a: DType, b: DType) -> DType {
    use DType::*;
    let (small, large) = if a as u8 <= b as u8 { (a, b) } else { (b, a) };
    if small as u8 == large as u8 {
        return large;
    }
    match (category(small), category(large)) {
        (Category::Bool, _) => large,
        (Category::Signed, Category::Signed) | (Category::Unsigned, Category::Unsigned) => large,
        (Category::Signed, Category::Unsigned) => match (small, large) {
            (_, U64) => F64,
            (I64, _) | (_, U32) => I64,
            (I32, _) | (_, U16) => I32,
            _ => I16,
        },
        (Category::Signed | Category::Unsigned, Category::Float | Category::Complex) => {
            match (small, large) {
                (I16 | U16, F16) => F32,
                (I8 | U8 | I16 | U16, _) => large,
                (_, F16 | F32 | F64) => F64,
                _ => C128,
            }
        }
        (Category::Float, Category::Complex) => match (small, large) {
            (F64, _) => C128,
            _ => large,
        },
        _ => large,
    }
}

/// The common type of several operands (`np.result_type`): typed ones are promoted, a weak one only raises
/// the kind. No operand gives `F64`.
pub fn result_type(operands: &[Contribution]) -> DType {
    let mut weak: Option<Contribution> = None;
    let mut types: SmallVec<[DType; 4]> = SmallVec::new();
    for &operand in operands {
        match operand {
            Contribution::Typed(d) => types.push(d),
            w => weak = Some(weak.map_or(w, |old| if old.rank() < w.rank() { w } else { old })),
        }
    }
    // The highest kind first: that of `int16`, `uint16` and `float32` is `float32`.
    if types.len() > 2 {
        types.sort_by_key(|&d| std::cmp::Reverse(category(d)));
    }
    let typed = types.into_iter().reduce(promote);
    match (typed, weak) {
        (None, None) => DType::F64,
        (None, Some(w)) => w.default_dtype(),
        (Some(t), None) => t,
        (Some(t), Some(w)) => match (w, category(t)) {
            (Contribution::Int, Category::Bool) => DType::I64,
            (Contribution::Int, _) => t,
            (Contribution::Float, Category::Float | Category::Complex) => t,
            (Contribution::Float, _) => DType::F64,
            (_, Category::Complex) => t,
            (_, _) if matches!(t, DType::F16 | DType::F32) => DType::C64,
            _ => DType::C128,
        },
    }
}

/// Whether `from` converts to `to` under `casting` (`np.can_cast` on types).
pub fn can_cast(from: DType, to: DType, casting: Casting) -> bool {
    match casting {
        Casting::No | Casting::Equiv => from == to,
        Casting::Safe => promote(from, to) == to,
        Casting::SameKind => promote(from, to) == to || category(from) <= category(to),
        Casting::Unsafe => true,
    }
}
