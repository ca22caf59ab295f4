//! The list: one line per operation.

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
}

/// An operation: one of NumPy's numeric ufuncs, or one of the helpers `real`, `imag`, `angle`.
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
}

struct Row(Op, &'static str, u8, u8, Family);

/// In the order of the enum, which the test below checks.
const TABLE: &[Row] = &[
    Row(Op::Add, "add", 2, 1, Family::Arith),
    Row(Op::Subtract, "subtract", 2, 1, Family::Arith),
    Row(Op::Multiply, "multiply", 2, 1, Family::Arith),
    Row(Op::Divide, "divide", 2, 1, Family::Divide),
    Row(Op::FloorDivide, "floor_divide", 2, 1, Family::Real),
    Row(Op::Remainder, "remainder", 2, 1, Family::Real),
    Row(Op::Fmod, "fmod", 2, 1, Family::Real),
    Row(Op::Divmod, "divmod", 2, 2, Family::Real),
    Row(Op::Power, "power", 2, 1, Family::NoBool),
    Row(Op::FloatPower, "float_power", 2, 1, Family::FloatPower),
    Row(Op::Arctan2, "arctan2", 2, 1, Family::Float),
    Row(Op::Hypot, "hypot", 2, 1, Family::Float),
    Row(Op::Logaddexp, "logaddexp", 2, 1, Family::Float),
    Row(Op::Logaddexp2, "logaddexp2", 2, 1, Family::Float),
    Row(Op::Maximum, "maximum", 2, 1, Family::Any),
    Row(Op::Minimum, "minimum", 2, 1, Family::Any),
    Row(Op::Fmax, "fmax", 2, 1, Family::Any),
    Row(Op::Fmin, "fmin", 2, 1, Family::Any),
    Row(Op::Heaviside, "heaviside", 2, 1, Family::Float),
    Row(Op::Copysign, "copysign", 2, 1, Family::Float),
    Row(Op::Nextafter, "nextafter", 2, 1, Family::Float),
    Row(Op::Ldexp, "ldexp", 2, 1, Family::Ldexp),
    Row(Op::Gcd, "gcd", 2, 1, Family::Int),
    Row(Op::Lcm, "lcm", 2, 1, Family::Int),
    Row(Op::BitwiseAnd, "bitwise_and", 2, 1, Family::IntBool),
    Row(Op::BitwiseOr, "bitwise_or", 2, 1, Family::IntBool),
    Row(Op::BitwiseXor, "bitwise_xor", 2, 1, Family::IntBool),
    Row(Op::LeftShift, "left_shift", 2, 1, Family::Int),
    Row(Op::RightShift, "right_shift", 2, 1, Family::Int),
    Row(Op::LogicalAnd, "logical_and", 2, 1, Family::Test),
    Row(Op::LogicalOr, "logical_or", 2, 1, Family::Test),
    Row(Op::LogicalXor, "logical_xor", 2, 1, Family::Test),
    Row(Op::Less, "less", 2, 1, Family::Compare),
    Row(Op::LessEqual, "less_equal", 2, 1, Family::Compare),
    Row(Op::Greater, "greater", 2, 1, Family::Compare),
    Row(Op::GreaterEqual, "greater_equal", 2, 1, Family::Compare),
    Row(Op::Equal, "equal", 2, 1, Family::Compare),
    Row(Op::NotEqual, "not_equal", 2, 1, Family::Compare),
    Row(Op::Negative, "negative", 1, 1, Family::NoBool),
    Row(Op::Positive, "positive", 1, 1, Family::NoBool),
    Row(Op::Absolute, "absolute", 1, 1, Family::Any),
    Row(Op::Fabs, "fabs", 1, 1, Family::Float),
    Row(Op::Sign, "sign", 1, 1, Family::NoBool),
    Row(Op::Rint, "rint", 1, 1, Family::FloatComplex),
    Row(Op::Floor, "floor", 1, 1, Family::Round),
    Row(Op::Ceil, "ceil", 1, 1, Family::Round),
    Row(Op::Trunc, "trunc", 1, 1, Family::Round),
    Row(Op::Sqrt, "sqrt", 1, 1, Family::FloatComplex),
    Row(Op::Square, "square", 1, 1, Family::NoBool),
    Row(Op::Cbrt, "cbrt", 1, 1, Family::Float),
    Row(Op::Reciprocal, "reciprocal", 1, 1, Family::NoBool),
    Row(Op::Exp, "exp", 1, 1, Family::FloatComplex),
    Row(Op::Exp2, "exp2", 1, 1, Family::FloatComplex),
    Row(Op::Expm1, "expm1", 1, 1, Family::FloatComplex),
    Row(Op::Log, "log", 1, 1, Family::FloatComplex),
    Row(Op::Log2, "log2", 1, 1, Family::FloatComplex),
    Row(Op::Log10, "log10", 1, 1, Family::FloatComplex),
    Row(Op::Log1p, "log1p", 1, 1, Family::FloatComplex),
    Row(Op::Sin, "sin", 1, 1, Family::FloatComplex),
    Row(Op::Cos, "cos", 1, 1, Family::FloatComplex),
    Row(Op::Tan, "tan", 1, 1, Family::FloatComplex),
    Row(Op::Arcsin, "arcsin", 1, 1, Family::FloatComplex),
    Row(Op::Arccos, "arccos", 1, 1, Family::FloatComplex),
    Row(Op::Arctan, "arctan", 1, 1, Family::FloatComplex),
    Row(Op::Sinh, "sinh", 1, 1, Family::FloatComplex),
    Row(Op::Cosh, "cosh", 1, 1, Family::FloatComplex),
    Row(Op::Tanh, "tanh", 1, 1, Family::FloatComplex),
    Row(Op::Arcsinh, "arcsinh", 1, 1, Family::FloatComplex),
    Row(Op::Arccosh, "arccosh", 1, 1, Family::FloatComplex),
    Row(Op::Arctanh, "arctanh", 1, 1, Family::FloatComplex),
    Row(Op::Degrees, "degrees", 1, 1, Family::Float),
    Row(Op::Radians, "radians", 1, 1, Family::Float),
    Row(Op::Deg2rad, "deg2rad", 1, 1, Family::Float),
    Row(Op::Rad2deg, "rad2deg", 1, 1, Family::Float),
    Row(Op::Conjugate, "conjugate", 1, 1, Family::NoBool),
    Row(Op::Spacing, "spacing", 1, 1, Family::Float),
    Row(Op::Frexp, "frexp", 1, 2, Family::Frexp),
    Row(Op::Modf, "modf", 1, 2, Family::Float),
    Row(Op::LogicalNot, "logical_not", 1, 1, Family::Test),
    Row(Op::Invert, "invert", 1, 1, Family::IntBool),
    Row(Op::BitwiseCount, "bitwise_count", 1, 1, Family::Count),
    Row(Op::Isfinite, "isfinite", 1, 1, Family::Test),
    Row(Op::Isinf, "isinf", 1, 1, Family::Test),
    Row(Op::Isnan, "isnan", 1, 1, Family::Test),
    Row(Op::Signbit, "signbit", 1, 1, Family::Signbit),
    Row(Op::Real, "real", 1, 1, Family::Part),
    Row(Op::Imag, "imag", 1, 1, Family::Part),
    Row(Op::Angle, "angle", 1, 1, Family::Part),
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
        Some(match op {
            Op::Add => ReduceOp::Sum,
            Op::Multiply => ReduceOp::Prod,
            Op::Minimum => ReduceOp::Min,
            Op::Maximum => ReduceOp::Max,
            Op::Fmin => ReduceOp::FMin,
            Op::Fmax => ReduceOp::FMax,
            Op::LogicalOr => ReduceOp::Any,
            Op::LogicalAnd => ReduceOp::All,
            Op::LogicalXor => ReduceOp::Parity,
            Op::BitwiseAnd => ReduceOp::And,
            Op::BitwiseOr => ReduceOp::Or,
            Op::BitwiseXor => ReduceOp::Xor,
            _ => return None,
        })
    }

    /// Whether the result is an index.
    pub const fn is_index(self) -> bool {
        matches!(self, ReduceOp::ArgMin | ReduceOp::ArgMax)
    }

    /// Whether a reduction over no elements has a value.
    pub const fn has_identity(self) -> bool {
        use ReduceOp::*;
        !matches!(self, Min | Max | FMin | FMax | ArgMin | ArgMax)
    }
}

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
