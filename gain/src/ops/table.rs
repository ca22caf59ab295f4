//! The list: one line per operation, which says all there is to say of it but its loops over memory.

use crate::dtype::{DType, Scalar};

/// Which loops an operation has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    /// bool, integers, floats, complex; result of the same type (`add` of bools is or).
    Arith,
    /// As `Arith` without bool (bool operands take the `int8` loop, or are refused by name).
    NoBool,
    /// Same with the result of `absolute` real, and bool allowed.
    Any,
    /// Integers (bool as `int8`) and floats.
    Real,
    /// Floats; integers are converted to the float that holds them.
    Float,
    /// Floats and complex.
    FloatComplex,
    /// Rounding: bool and integers are returned as they are; floats.
    Round,
    /// `true_divide`: integers give `f64`.
    Divide,
    /// `f64` and `c128` only.
    FloatPower,
    /// Integers.
    Int,
    /// Integers and bool.
    IntBool,
    /// Any type; bool result.
    Test,
    /// Any two types; bool result; `u64` against signed compares exactly.
    Compare,
    /// Floats only, bool result.
    Signbit,
    /// Float and integer exponent.
    Ldexp,
    /// Float to float and `i32`.
    Frexp,
    /// Integers to `u8`.
    Count,
    /// Parts of complex numbers; real result.
    Part,
    /// A bool and two of any one type, of which the result is one.
    Choice,
}

/// An operation: one of NumPy's numeric ufuncs, or one of the helpers `real`, `imag`, `angle`, `where`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Op {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Fmod,
    Divmod,
    Power,
    FloatPower,
    Arctan2,
    Hypot,
    Logaddexp,
    Logaddexp2,
    Maximum,
    Minimum,
    Fmax,
    Fmin,
    Heaviside,
    Copysign,
    Nextafter,
    Ldexp,
    Gcd,
    Lcm,
    BitwiseAnd,
    BitwiseOr,
    BitwiseXor,
    LeftShift,
    RightShift,
    LogicalAnd,
    LogicalOr,
    LogicalXor,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    Negative,
    Positive,
    Absolute,
    Fabs,
    Sign,
    Rint,
    Floor,
    Ceil,
    Trunc,
    Sqrt,
    Square,
    Cbrt,
    Reciprocal,
    Exp,
    Exp2,
    Expm1,
    Log,
    Log2,
    Log10,
    Log1p,
    Sin,
    Cos,
    Tan,
    Arcsin,
    Arccos,
    Arctan,
    Sinh,
    Cosh,
    Tanh,
    Arcsinh,
    Arccosh,
    Arctanh,
    Degrees,
    Radians,
    Deg2rad,
    Rad2deg,
    Conjugate,
    Spacing,
    Frexp,
    Modf,
    LogicalNot,
    Invert,
    BitwiseCount,
    Isfinite,
    Isinf,
    Isnan,
    Signbit,
    Real,
    Imag,
    Angle,
    Clip,
    Where,
}

/// How long an operation takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cost {
    /// Little more than moving an element does.
    Light,
    /// As `Light` for real numbers, as `Heavy` for complex ones.
    Middle,
    /// Much longer.
    Heavy,
}

/// Floating-point exceptions of an operation on floats and complex numbers (those of integers are told by `kernels::flags`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Raises {
    /// None: it moves, compares or rounds.
    Quiet,
    /// Some.
    Loud,
}

/// What is left of no elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Start {
    /// Nothing: that is an error.
    Missing,
    Zero,
    One,
    /// All bits set.
    Ones,
    MinusInfinity,
}

/// How an operation combines the elements of an array.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fold {
    /// Not at all: it has not two inputs and one output.
    None,
    /// From left to right.
    Ordered,
    /// In any order.
    Free(Start),
}

/// Most inputs of an operation.
pub const MAX_INPUTS: usize = 3;

/// Operation, name, inputs, outputs, loops, cost, exceptions, folds.
struct Row(Op, &'static str, u8, u8, Family, Cost, Raises, Fold);

/// In the order of the enum, which the test below checks.
const TABLE: &[Row] = &[
    Row(Op::Add, "add", 2, 1, Family::Arith, Cost::Light, Raises::Loud, Fold::Free(Start::Zero)),
    Row(Op::Subtract, "subtract", 2, 1, Family::Arith, Cost::Light, Raises::Loud, Fold::Ordered),
    Row(Op::Multiply, "multiply", 2, 1, Family::Arith, Cost::Light, Raises::Loud, Fold::Free(Start::One)),
    Row(Op::Divide, "divide", 2, 1, Family::Divide, Cost::Middle, Raises::Loud, Fold::Ordered),
    Row(Op::FloorDivide, "floor_divide", 2, 1, Family::Real, Cost::Heavy, Raises::Loud, Fold::Ordered),
    Row(Op::Remainder, "remainder", 2, 1, Family::Real, Cost::Heavy, Raises::Loud, Fold::Ordered),
    Row(Op::Fmod, "fmod", 2, 1, Family::Real, Cost::Heavy, Raises::Loud, Fold::Ordered),
    Row(Op::Divmod, "divmod", 2, 2, Family::Real, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Power, "power", 2, 1, Family::NoBool, Cost::Heavy, Raises::Loud, Fold::Ordered),
    Row(Op::FloatPower, "float_power", 2, 1, Family::FloatPower, Cost::Heavy, Raises::Loud, Fold::Ordered),
    Row(Op::Arctan2, "arctan2", 2, 1, Family::Float, Cost::Heavy, Raises::Loud, Fold::Ordered),
    Row(Op::Hypot, "hypot", 2, 1, Family::Float, Cost::Heavy, Raises::Loud, Fold::Free(Start::Zero)),
    Row(
        Op::Logaddexp,
        "logaddexp",
        2,
        1,
        Family::Float,
        Cost::Heavy,
        Raises::Loud,
        Fold::Free(Start::MinusInfinity),
    ),
    Row(
        Op::Logaddexp2,
        "logaddexp2",
        2,
        1,
        Family::Float,
        Cost::Heavy,
        Raises::Loud,
        Fold::Free(Start::MinusInfinity),
    ),
    Row(Op::Maximum, "maximum", 2, 1, Family::Any, Cost::Light, Raises::Quiet, Fold::Free(Start::Missing)),
    Row(Op::Minimum, "minimum", 2, 1, Family::Any, Cost::Light, Raises::Quiet, Fold::Free(Start::Missing)),
    Row(Op::Fmax, "fmax", 2, 1, Family::Any, Cost::Light, Raises::Quiet, Fold::Free(Start::Missing)),
    Row(Op::Fmin, "fmin", 2, 1, Family::Any, Cost::Light, Raises::Quiet, Fold::Free(Start::Missing)),
    Row(Op::Heaviside, "heaviside", 2, 1, Family::Float, Cost::Heavy, Raises::Quiet, Fold::Ordered),
    Row(Op::Copysign, "copysign", 2, 1, Family::Float, Cost::Light, Raises::Quiet, Fold::Ordered),
    Row(Op::Nextafter, "nextafter", 2, 1, Family::Float, Cost::Heavy, Raises::Loud, Fold::Ordered),
    Row(Op::Ldexp, "ldexp", 2, 1, Family::Ldexp, Cost::Heavy, Raises::Loud, Fold::Ordered),
    Row(Op::Gcd, "gcd", 2, 1, Family::Int, Cost::Heavy, Raises::Loud, Fold::Free(Start::Zero)),
    Row(Op::Lcm, "lcm", 2, 1, Family::Int, Cost::Heavy, Raises::Loud, Fold::Ordered),
    Row(
        Op::BitwiseAnd,
        "bitwise_and",
        2,
        1,
        Family::IntBool,
        Cost::Light,
        Raises::Loud,
        Fold::Free(Start::Ones),
    ),
    Row(
        Op::BitwiseOr,
        "bitwise_or",
        2,
        1,
        Family::IntBool,
        Cost::Light,
        Raises::Loud,
        Fold::Free(Start::Zero),
    ),
    Row(
        Op::BitwiseXor,
        "bitwise_xor",
        2,
        1,
        Family::IntBool,
        Cost::Light,
        Raises::Loud,
        Fold::Free(Start::Zero),
    ),
    Row(Op::LeftShift, "left_shift", 2, 1, Family::Int, Cost::Light, Raises::Loud, Fold::Ordered),
    Row(Op::RightShift, "right_shift", 2, 1, Family::Int, Cost::Light, Raises::Loud, Fold::Ordered),
    Row(
        Op::LogicalAnd,
        "logical_and",
        2,
        1,
        Family::Test,
        Cost::Light,
        Raises::Quiet,
        Fold::Free(Start::One),
    ),
    Row(Op::LogicalOr, "logical_or", 2, 1, Family::Test, Cost::Light, Raises::Quiet, Fold::Free(Start::Zero)),
    Row(
        Op::LogicalXor,
        "logical_xor",
        2,
        1,
        Family::Test,
        Cost::Light,
        Raises::Quiet,
        Fold::Free(Start::Zero),
    ),
    Row(Op::Less, "less", 2, 1, Family::Compare, Cost::Light, Raises::Quiet, Fold::Ordered),
    Row(Op::LessEqual, "less_equal", 2, 1, Family::Compare, Cost::Light, Raises::Quiet, Fold::Ordered),
    Row(Op::Greater, "greater", 2, 1, Family::Compare, Cost::Light, Raises::Quiet, Fold::Ordered),
    Row(Op::GreaterEqual, "greater_equal", 2, 1, Family::Compare, Cost::Light, Raises::Quiet, Fold::Ordered),
    Row(Op::Equal, "equal", 2, 1, Family::Compare, Cost::Light, Raises::Quiet, Fold::Ordered),
    Row(Op::NotEqual, "not_equal", 2, 1, Family::Compare, Cost::Light, Raises::Quiet, Fold::Ordered),
    Row(Op::Negative, "negative", 1, 1, Family::NoBool, Cost::Light, Raises::Quiet, Fold::None),
    Row(Op::Positive, "positive", 1, 1, Family::NoBool, Cost::Light, Raises::Quiet, Fold::None),
    Row(Op::Absolute, "absolute", 1, 1, Family::Any, Cost::Middle, Raises::Loud, Fold::None),
    Row(Op::Fabs, "fabs", 1, 1, Family::Float, Cost::Light, Raises::Quiet, Fold::None),
    Row(Op::Sign, "sign", 1, 1, Family::NoBool, Cost::Light, Raises::Loud, Fold::None),
    Row(Op::Rint, "rint", 1, 1, Family::FloatComplex, Cost::Light, Raises::Quiet, Fold::None),
    Row(Op::Floor, "floor", 1, 1, Family::Round, Cost::Light, Raises::Quiet, Fold::None),
    Row(Op::Ceil, "ceil", 1, 1, Family::Round, Cost::Light, Raises::Quiet, Fold::None),
    Row(Op::Trunc, "trunc", 1, 1, Family::Round, Cost::Light, Raises::Quiet, Fold::None),
    Row(Op::Sqrt, "sqrt", 1, 1, Family::FloatComplex, Cost::Middle, Raises::Loud, Fold::None),
    Row(Op::Square, "square", 1, 1, Family::NoBool, Cost::Light, Raises::Loud, Fold::None),
    Row(Op::Cbrt, "cbrt", 1, 1, Family::Float, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Reciprocal, "reciprocal", 1, 1, Family::NoBool, Cost::Middle, Raises::Loud, Fold::None),
    Row(Op::Exp, "exp", 1, 1, Family::FloatComplex, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Exp2, "exp2", 1, 1, Family::FloatComplex, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Expm1, "expm1", 1, 1, Family::FloatComplex, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Log, "log", 1, 1, Family::FloatComplex, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Log2, "log2", 1, 1, Family::FloatComplex, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Log10, "log10", 1, 1, Family::FloatComplex, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Log1p, "log1p", 1, 1, Family::FloatComplex, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Sin, "sin", 1, 1, Family::FloatComplex, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Cos, "cos", 1, 1, Family::FloatComplex, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Tan, "tan", 1, 1, Family::FloatComplex, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Arcsin, "arcsin", 1, 1, Family::FloatComplex, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Arccos, "arccos", 1, 1, Family::FloatComplex, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Arctan, "arctan", 1, 1, Family::FloatComplex, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Sinh, "sinh", 1, 1, Family::FloatComplex, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Cosh, "cosh", 1, 1, Family::FloatComplex, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Tanh, "tanh", 1, 1, Family::FloatComplex, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Arcsinh, "arcsinh", 1, 1, Family::FloatComplex, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Arccosh, "arccosh", 1, 1, Family::FloatComplex, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Arctanh, "arctanh", 1, 1, Family::FloatComplex, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Degrees, "degrees", 1, 1, Family::Float, Cost::Middle, Raises::Loud, Fold::None),
    Row(Op::Radians, "radians", 1, 1, Family::Float, Cost::Middle, Raises::Loud, Fold::None),
    Row(Op::Deg2rad, "deg2rad", 1, 1, Family::Float, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Rad2deg, "rad2deg", 1, 1, Family::Float, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Conjugate, "conjugate", 1, 1, Family::NoBool, Cost::Light, Raises::Quiet, Fold::None),
    Row(Op::Spacing, "spacing", 1, 1, Family::Float, Cost::Heavy, Raises::Quiet, Fold::None),
    Row(Op::Frexp, "frexp", 1, 2, Family::Frexp, Cost::Heavy, Raises::Quiet, Fold::None),
    Row(Op::Modf, "modf", 1, 2, Family::Float, Cost::Heavy, Raises::Quiet, Fold::None),
    Row(Op::LogicalNot, "logical_not", 1, 1, Family::Test, Cost::Light, Raises::Quiet, Fold::None),
    Row(Op::Invert, "invert", 1, 1, Family::IntBool, Cost::Light, Raises::Loud, Fold::None),
    Row(Op::BitwiseCount, "bitwise_count", 1, 1, Family::Count, Cost::Heavy, Raises::Loud, Fold::None),
    Row(Op::Isfinite, "isfinite", 1, 1, Family::Test, Cost::Light, Raises::Quiet, Fold::None),
    Row(Op::Isinf, "isinf", 1, 1, Family::Test, Cost::Light, Raises::Quiet, Fold::None),
    Row(Op::Isnan, "isnan", 1, 1, Family::Test, Cost::Light, Raises::Quiet, Fold::None),
    Row(Op::Signbit, "signbit", 1, 1, Family::Signbit, Cost::Light, Raises::Quiet, Fold::None),
    Row(Op::Real, "real", 1, 1, Family::Part, Cost::Light, Raises::Quiet, Fold::None),
    Row(Op::Imag, "imag", 1, 1, Family::Part, Cost::Light, Raises::Quiet, Fold::None),
    Row(Op::Angle, "angle", 1, 1, Family::Part, Cost::Heavy, Raises::Quiet, Fold::None),
    Row(Op::Clip, "clip", 3, 1, Family::Any, Cost::Light, Raises::Quiet, Fold::None),
    Row(Op::Where, "where", 3, 1, Family::Choice, Cost::Light, Raises::Quiet, Fold::None),
];

/// Second names of the same operation.
const ALIASES: &[(&str, Op)] = &[
    ("true_divide", Op::Divide),
    ("mod", Op::Remainder),
    ("pow", Op::Power),
    ("abs", Op::Absolute),
    ("conj", Op::Conjugate),
    ("acos", Op::Arccos),
    ("asin", Op::Arcsin),
    ("atan", Op::Arctan),
    ("atan2", Op::Arctan2),
    ("acosh", Op::Arccosh),
    ("asinh", Op::Arcsinh),
    ("atanh", Op::Arctanh),
    ("bitwise_not", Op::Invert),
    ("bitwise_invert", Op::Invert),
    ("bitwise_left_shift", Op::LeftShift),
    ("bitwise_right_shift", Op::RightShift),
];

impl Op {
    /// How many there are.
    pub(crate) const COUNT: usize = TABLE.len();

    /// Every operation.
    pub fn all() -> impl Iterator<Item = Op> {
        TABLE.iter().map(|row| row.0)
    }

    /// NumPy's name.
    pub fn name(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// The operation NumPy calls `name`, under any of its names.
    pub fn from_name(name: &str) -> Option<Op> {
        let listed = TABLE.iter().find(|row| row.1 == name).map(|row| row.0);
        listed.or_else(|| ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, op)| *op))
    }

    /// Number of inputs (`ufunc.nin`).
    pub fn inputs(self) -> usize {
        TABLE[self as usize].2.into()
    }

    /// Number of outputs (`ufunc.nout`).
    pub fn outputs(self) -> usize {
        TABLE[self as usize].3.into()
    }

    pub(crate) fn family(self) -> Family {
        TABLE[self as usize].4
    }

    /// Whether it takes much longer than moving an element does.
    pub(crate) fn is_heavy(self, is_complex: bool) -> bool {
        match TABLE[self as usize].5 {
            Cost::Light => false,
            Cost::Middle => is_complex,
            Cost::Heavy => true,
        }
    }

    /// Whether floats and complex numbers never give it cause for a floating-point exception.
    pub(crate) fn is_quiet(self) -> bool {
        TABLE[self as usize].6 == Raises::Quiet
    }

    /// Whether it combines two elements to one: `reduce`, `accumulate` and their like are there for it.
    pub fn is_binary(self) -> bool {
        TABLE[self as usize].7 != Fold::None
    }

    /// Whether elements may be combined in any order.
    pub fn is_reorderable(self) -> bool {
        matches!(TABLE[self as usize].7, Fold::Free(_))
    }

    /// What no elements are combined to, in this type (`ufunc.identity`).
    pub fn identity(self, dtype: DType) -> Option<Scalar> {
        match TABLE[self as usize].7 {
            Fold::Free(Start::Zero) => Some(Scalar::zero(dtype)),
            Fold::Free(Start::One) => Some(Scalar::one(dtype)),
            Fold::Free(Start::Ones) => Some(Scalar::I64(-1).cast(dtype)),
            Fold::Free(Start::MinusInfinity) => Some(Scalar::F64(f64::NEG_INFINITY).cast(dtype)),
            Fold::Free(Start::Missing) | Fold::Ordered | Fold::None => None,
        }
    }
}

/// How elements are combined by a reduction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ReduceOp {
    /// `add.reduce`, in the element's own type (convert first: NumPy sums small integers as `i64`).
    Sum,
    /// `multiply.reduce`
    Prod,
    /// `minimum.reduce`: a NaN wins.
    Min,
    /// `maximum.reduce`: a NaN wins.
    Max,
    /// `fmin.reduce`: a NaN loses.
    FMin,
    /// `fmax.reduce`
    FMax,
    /// `logical_or.reduce`; elements must be bool.
    Any,
    /// `logical_and.reduce`; elements must be bool.
    All,
    /// `logical_xor.reduce`; elements must be bool.
    Parity,
    /// `bitwise_and.reduce`
    And,
    /// `bitwise_or.reduce`
    Or,
    /// `bitwise_xor.reduce`
    Xor,
    /// Index of the first minimum (the first NaN if there is one).
    ArgMin,
    /// Index of the first maximum (the first NaN if there is one).
    ArgMax,
}

impl ReduceOp {
    /// The reduction that folds with this operation, where there is one.
    pub fn of(op: Op) -> Option<ReduceOp> {
        FOLDS.iter().find(|(_, folded)| *folded == op).map(|(reduction, _)| *reduction)
    }

    /// The operation that it folds with; none for indices.
    pub fn op(self) -> Option<Op> {
        FOLDS.iter().find(|(reduction, _)| *reduction == self).map(|(_, op)| *op)
    }

    /// NumPy's name: that of the operation.
    pub fn name(self) -> &'static str {
        match self {
            ReduceOp::ArgMin => "argmin",
            ReduceOp::ArgMax => "argmax",
            other => other.op().map_or("reduce", Op::name),
        }
    }

    /// Whether the result is an index.
    pub const fn is_index(self) -> bool {
        matches!(self, ReduceOp::ArgMin | ReduceOp::ArgMax)
    }

    /// Whether a reduction over no elements has a value.
    pub fn has_identity(self) -> bool {
        self.op().is_some_and(|op| op.identity(DType::Bool).is_some())
    }
}

/// The operations that fused passes fold with; others are folded by `algo`.
const FOLDS: [(ReduceOp, Op); 12] = [
    (ReduceOp::Sum, Op::Add),
    (ReduceOp::Prod, Op::Multiply),
    (ReduceOp::Min, Op::Minimum),
    (ReduceOp::Max, Op::Maximum),
    (ReduceOp::FMin, Op::Fmin),
    (ReduceOp::FMax, Op::Fmax),
    (ReduceOp::Any, Op::LogicalOr),
    (ReduceOp::All, Op::LogicalAnd),
    (ReduceOp::Parity, Op::LogicalXor),
    (ReduceOp::And, Op::BitwiseAnd),
    (ReduceOp::Or, Op::BitwiseOr),
    (ReduceOp::Xor, Op::BitwiseXor),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_in_the_order_of_the_enum() {
        for (i, row) in TABLE.iter().enumerate() {
            assert_eq!(row.0 as usize, i, "{}", row.1);
            assert_eq!(Op::from_name(row.1), Some(row.0));
        }
        for (alias, op) in ALIASES {
            assert_eq!(Op::from_name(alias), Some(*op));
        }
    }
}
