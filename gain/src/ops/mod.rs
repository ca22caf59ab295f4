//! NumPy's numeric ufuncs: their names, loop types, result types and error texts. No loops over memory here.
//!
//! [`resolve`] turns an operation and its operands' types into a [`Loop`]: the types its inputs must be
//! converted to and the types of its outputs. The executor runs loops; nothing else decides types.

mod resolve;
mod table;

pub(crate) use resolve::no_loop;
pub use resolve::{Loop, check_output, resolve, resolve_values, resolve_with};
pub use table::{MAX_INPUTS, Op, ReduceOp};
