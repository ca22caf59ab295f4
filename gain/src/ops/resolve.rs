//! From an operation and operand types to a loop.

use super::Op;
use super::table::{Family, MAX_INPUTS};
use crate::dtype::{
    Casting, Category, Contribution, DType, Scalar, can_cast, category, is_integer, promote, real_part,
    result_type,
};
use crate::error::{Error, Kind};

/// A typed operation: inputs are converted to `inputs`, outputs have `outputs`. Unused places repeat the first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Loop {
    /// What is computed.
    pub op: Op,
    /// Types of the inputs (`op.inputs()` of them count).
    pub inputs: [DType; MAX_INPUTS],
    /// Types of the outputs (`op.outputs()` of them count).
    pub outputs: [DType; 2],
}

impl Loop {
    /// `np.where`: elements of the second or of the third input, which are of this type.
    pub fn choice(dtype: DType) -> Loop {
        Loop { op: Op::Where, inputs: [DType::Bool, dtype, dtype], outputs: [dtype; 2] }
    }
}

fn type_error<T>(message: String) -> Result<T, Error> {
    Err(Error::new(Kind::Type, message))
}

fn casting_error<T>(message: String) -> Result<T, Error> {
    Err(Error::new(Kind::Casting, message))
}

/// The loop NumPy would run on these operands.
///
/// # Errors
/// `TypeError` with NumPy's text when the operation has no loop for them.
pub fn resolve(op: Op, operands: &[Contribution]) -> Result<Loop, Error> {
    refuse_bool(op, operands, None)?;
    if op.family() == Family::Compare
        && let [Contribution::Typed(a), Contribution::Typed(b)] = *operands
        && let Some(inputs) = mixed_signs(a, b)
    {
        return Ok(Loop { op, inputs, outputs: [DType::Bool; 2] });
    }
    if op == Op::Ldexp {
        return ldexp(operands);
    }
    let common = match (op.family(), operands) {
        // The first loop both convert to safely, which for integers of 16 bits of either sign is `float32`.
        (Family::Float, &[Contribution::Typed(a), Contribution::Typed(b)]) => {
            promote(to_float(a), to_float(b))
        }
        _ => result_type(operands),
    };
    match uniform(op, common) {
        Some(found) => Ok(found),
        None if matches!(op, Op::Gcd | Op::Lcm) => type_error(no_loop(op, operands, None)),
        None => type_error(format!(
            "ufunc '{}' not supported for the input types, and the inputs could not be safely coerced to any \
             supported types according to the casting rule ''safe''",
            op.name()
        )),
    }
}

/// `u64` against a signed integer: compared exactly, not as floats.
fn mixed_signs(a: DType, b: DType) -> Option<[DType; MAX_INPUTS]> {
    match (a, b) {
        (DType::U64, b) if category(b) == Category::Signed => Some([DType::U64, DType::I64, DType::U64]),
        (a, DType::U64) if category(a) == Category::Signed => Some([DType::I64, DType::U64, DType::I64]),
        _ => None,
    }
}

fn ldexp(operands: &[Contribution]) -> Result<Loop, Error> {
    let exponent = operands[1].default_dtype();
    // A Python integer is no reason for a wider type than the smallest.
    let mantissa = match operands[0] {
        Contribution::Int if exponent != DType::Bool => DType::F16,
        other => to_float(other.default_dtype()),
    };
    let fits = can_cast(exponent, DType::I64, Casting::Safe);
    if let (true, Category::Float) = (fits, category(mantissa)) {
        return Ok(Loop { op: Op::Ldexp, inputs: [mantissa, DType::I64, mantissa], outputs: [mantissa; 2] });
    }
    type_error(
        "ufunc 'ldexp' not supported for the input types, and the inputs could not be safely coerced to any \
         supported types according to the casting rule ''safe''"
            .into(),
    )
}

/// Bools that NumPy refuses by name, as operands or as `dtype=`.
fn refuse_bool(op: Op, operands: &[Contribution], dtype: Option<DType>) -> Result<(), Error> {
    if dtype.unwrap_or_else(|| result_type(operands)) != DType::Bool {
        return Ok(());
    }
    match op {
        Op::Subtract => type_error(
            "numpy boolean subtract, the `-` operator, is not supported, use the bitwise_xor, the `^` operator, or \
             the logical_xor function instead."
                .into(),
        ),
        Op::Negative => type_error(
            "The numpy boolean negative, the `-` operator, is not supported, use the `~` operator or the \
             logical_not function instead."
                .into(),
        ),
        Op::Positive | Op::Sign => type_error(no_loop(op, operands, dtype)),
        _ => Ok(()),
    }
}

/// The text for operations that look for a loop of the operands' types and of `dtype=` alone.
pub(crate) fn no_loop(op: Op, operands: &[Contribution], dtype: Option<DType>) -> String {
    let of_type = |dtype: DType| {
        let name = dtype.name();
        let (first, rest) = name.split_at(if name.starts_with('u') { 2 } else { 1 });
        format!("<class 'numpy.dtypes.{}{rest}DType'>", first.to_uppercase())
    };
    let class = |operand: &Contribution| match *operand {
        Contribution::Typed(dtype) => of_type(dtype),
        Contribution::Int => "<class 'numpy.dtypes._PyLongDType'>".into(),
        Contribution::Float => "<class 'numpy.dtypes._PyFloatDType'>".into(),
        Contribution::Complex => "<class 'numpy.dtypes._PyComplexDType'>".into(),
    };
    let inputs: Vec<String> = operands.iter().map(class).collect();
    let inputs = if let [one] = &inputs[..] { one.clone() } else { format!("({})", inputs.join(", ")) };
    let output = dtype.map_or("None".into(), of_type);
    format!("ufunc '{}' did not contain a loop with signature matching types {inputs} -> {output}", op.name())
}

/// The smallest float that holds an integer type's values, or the largest; floats and complex are themselves.
fn to_float(dtype: DType) -> DType {
    match dtype {
        DType::Bool | DType::I8 | DType::U8 => DType::F16,
        DType::I16 | DType::U16 => DType::F32,
        DType::I32 | DType::U32 | DType::I64 | DType::U64 => DType::F64,
        other => other,
    }
}

/// Bool as the smallest integer, where an operation has no bool loop.
fn to_int(dtype: DType) -> DType {
    if dtype == DType::Bool { DType::I8 } else { dtype }
}

/// The loop for operands of one common type.
fn uniform(op: Op, common: DType) -> Option<Loop> {
    let is_complex = category(common) == Category::Complex;
    let is_whole = common == DType::Bool || is_integer(common);
    let same = |dtype: DType| Some((dtype, [dtype; 2]));
    let found = match op.family() {
        Family::Arith => same(common),
        Family::NoBool => same(to_int(common)),
        Family::Any if op == Op::Absolute => Some((common, [real_part(common); 2])),
        Family::Any => same(common),
        Family::Real if is_complex => None,
        Family::Real => same(to_int(common)),
        Family::Float if is_complex => None,
        Family::Float | Family::FloatComplex => same(to_float(common)),
        Family::Round if is_complex => None,
        Family::Round => same(common),
        Family::Divide if is_whole => same(DType::F64),
        Family::Divide => same(common),
        Family::FloatPower if is_complex => same(DType::C128),
        Family::FloatPower => same(DType::F64),
        Family::Int if matches!(op, Op::Gcd | Op::Lcm) && !is_integer(common) => None,
        Family::Int if is_whole => same(to_int(common)),
        Family::IntBool if is_whole => same(common),
        Family::Int | Family::IntBool => None,
        Family::Test | Family::Compare => Some((common, [DType::Bool; 2])),
        Family::Signbit if is_complex => None,
        Family::Signbit => Some((to_float(common), [DType::Bool; 2])),
        Family::Ldexp => None,
        Family::Frexp if is_complex => None,
        Family::Frexp => Some((to_float(common), [to_float(common), DType::I32])),
        Family::Count if is_whole => Some((to_int(common), [DType::U8; 2])),
        Family::Count => None,
        // An arctangent of an integer 0 and the argument.
        Family::Part if op == Op::Angle && common == DType::Bool => Some((DType::F64, [DType::F64; 2])),
        Family::Part if op == Op::Angle => Some((to_float(common), [real_part(to_float(common)); 2])),
        Family::Part => Some((common, [real_part(common); 2])),
        Family::Choice => return Some(Loop::choice(common)),
    };
    found.map(|(input, outputs)| Loop { op, inputs: [input; MAX_INPUTS], outputs })
}

/// As [`resolve`] with `dtype=` (the output's type chooses the loop) and `casting=` (how inputs may be converted).
///
/// # Errors
/// `TypeError` with NumPy's text.
pub fn resolve_with(
    op: Op,
    operands: &[Contribution],
    dtype: Option<DType>,
    casting: Casting,
) -> Result<Loop, Error> {
    let is_complex = |&operand: &Contribution| category(operand.default_dtype()) == Category::Complex;
    let chosen = match dtype {
        None => Some(resolve(op, operands)?),
        Some(DType::Bool) if matches!(op.family(), Family::Test | Family::Compare) => {
            Some(resolve(op, operands)?)
        }
        // Whose results have one type, whatever the operands'.
        Some(DType::Bool) if op.family() == Family::Signbit => resolve(op, operands).ok(),
        Some(DType::U8) if op.family() == Family::Count => {
            resolve(op, operands).ok().or(uniform(op, DType::U8))
        }
        Some(dtype) if op == Op::Ldexp => match category(dtype) {
            // (What converts safely, as for every loop that is looked for by its types.)
            Category::Float if !matches!(operands[0], Contribution::Typed(from) if !can_cast(from, dtype, Casting::Safe)) => {
                resolve(op, &[dtype.into(), operands[1]]).ok()
            }
            _ => None,
        },
        // The size of a complex number has a type that may be asked for, if its parts have it or a narrower one.
        Some(dtype)
            if op == Op::Absolute && is_complex(&operands[0]) && category(dtype) == Category::Float =>
        {
            let own = resolve(op, operands)?;
            match (own.outputs[0], dtype) {
                (parts, asked) if parts == asked => Some(own),
                (DType::F32, DType::F64) => uniform(op, DType::C128),
                _ => uniform(op, dtype),
            }
        }
        Some(dtype) => {
            refuse_bool(op, operands, Some(dtype))?;
            uniform(op, dtype).filter(|found| found.outputs[..op.outputs()].iter().all(|&made| made == dtype))
        }
    };
    let Some(chosen) = chosen else {
        let is_exact = match op {
            Op::Absolute => !is_complex(&operands[0]),
            _ => matches!(op, Op::Gcd | Op::Lcm),
        };
        return type_error(if is_exact {
            no_loop(op, operands, dtype)
        } else {
            format!("No loop matching the specified signature and casting was found for ufunc {}", op.name())
        });
    };
    // What a Python number is, beside elements of the loop's type.
    let beside = |operand: Contribution, to: DType| match operand {
        Contribution::Typed(from) => from,
        number => result_type(&[to.into(), number]),
    };
    if casting == Casting::Equiv {
        for (&operand, to) in operands.iter().zip(chosen.inputs) {
            let (found, name) = (beside(operand, to), ["int", "float", "complex"]);
            let name = match operand {
                Contribution::Typed(_) => continue,
                Contribution::Int => name[0],
                Contribution::Float => name[1],
                Contribution::Complex => name[2],
            };
            if found != operand.default_dtype() {
                return type_error(format!(
                    "cannot cast Python {name} to {found} under the casting rule 'equiv'"
                ));
            }
        }
    }
    // Of which only the truth counts.
    let is_logical = matches!(op, Op::LogicalAnd | Op::LogicalOr | Op::LogicalXor);
    for (i, (&operand, to)) in operands.iter().zip(chosen.inputs).enumerate() {
        let allowed = match operand {
            _ if is_logical => true,
            Contribution::Typed(from) => can_cast(from, to, casting),
            _ if dtype.is_none() => true,
            Contribution::Int => to != DType::Bool || casting == Casting::Unsafe,
            Contribution::Float => category(to) >= Category::Float || casting == Casting::Unsafe,
            Contribution::Complex => category(to) == Category::Complex || casting == Casting::Unsafe,
        };
        if !allowed {
            let number = if operands.len() == 1 { String::new() } else { format!(" {i}") };
            return casting_error(format!(
                "Cannot cast ufunc '{}' input{number} from dtype('{}') to dtype('{to}') with casting rule '{}'",
                op.name(),
                beside(operand, to),
                casting.name()
            ));
        }
    }
    Ok(chosen)
}

/// As [`resolve_with`], and converts the operands that are scalars (`values[i]`; `None` for arrays) to the loop's
/// types. A Python integer beyond an array's type is an error, except in comparisons, which get a wider loop.
///
/// # Errors
/// As [`resolve_with`], and `OverflowError` with NumPy's text.
pub fn resolve_values(
    op: Op,
    operands: &[Contribution],
    values: &[Option<Scalar>],
    dtype: Option<DType>,
    casting: Casting,
) -> Result<(Loop, [Option<Scalar>; MAX_INPUTS]), Error> {
    let mut found = resolve_with(op, operands, dtype, casting)?;
    if op.family() == Family::Compare && is_integer(found.inputs[0]) {
        for (i, value) in values.iter().enumerate() {
            if let Some(Scalar::PyInt(x)) = *value
                && Scalar::PyInt(x).convert(found.inputs[i]).is_err()
            {
                found.inputs = beyond(found.inputs[1 - i], x, i);
            }
        }
    }
    let is_logical = matches!(op, Op::LogicalAnd | Op::LogicalOr | Op::LogicalXor);
    let mut converted = [None; MAX_INPUTS];
    for (i, value) in values.iter().enumerate() {
        if let Some(value) = value {
            let outside =
                matches!(value, Scalar::PyInt(x) if i64::try_from(*x).is_err() && u64::try_from(*x).is_err());
            let in_floats = op.family() == Family::Compare && found.inputs[i] == DType::F64 && outside;
            converted[i] = Some(match value {
                // Compared with integers of at most 64 bits, it may as well be infinite.
                Scalar::PyInt(x) if in_floats => Scalar::F64(f64::INFINITY.copysign(*x as f64)),
                // Of which only the truth counts.
                Scalar::PyInt(x) if is_logical && !outside => {
                    Scalar::PyInt(i128::from(*x != 0)).convert(found.inputs[i])?
                }
                other => other.convert(found.inputs[i])?,
            });
        }
    }
    Ok((found, converted))
}

/// Input types that compare an integer type with the out-of-range integer `x` at input `at`.
fn beyond(other: DType, x: i128, at: usize) -> [DType; MAX_INPUTS] {
    let (typed, value) = if i64::try_from(x).is_ok() {
        (if other == DType::U64 { DType::U64 } else { DType::I64 }, DType::I64)
    } else if u64::try_from(x).is_ok() {
        (if category(other) == Category::Signed { DType::I64 } else { DType::U64 }, DType::U64)
    } else {
        (DType::F64, DType::F64)
    };
    if at == 0 { [value, typed, value] } else { [typed, value, typed] }
}

/// Checks that the `output`-th result may be stored to an array of type `to` (`out=`, in-place operators).
///
/// # Errors
/// `TypeError` with NumPy's text.
pub fn check_output(found: &Loop, output: usize, to: DType, casting: Casting) -> Result<(), Error> {
    let from = found.outputs[output];
    if can_cast(from, to, casting) {
        return Ok(());
    }
    // NumPy counts the outputs after the inputs.
    let number =
        if found.op.outputs() == 1 { String::new() } else { format!(" {}", found.op.inputs() + output) };
    casting_error(format!(
        "Cannot cast ufunc '{}' output{number} from dtype('{from}') to dtype('{to}') with casting rule '{}'",
        found.op.name(),
        casting.name()
    ))
}
