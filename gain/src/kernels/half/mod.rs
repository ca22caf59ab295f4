//! Loops on half-precision numbers: widened to `f32` a block at a time, computed by the loops of that type, and rounded
//! back once.
//!
//! Invariant: an operation on halves is the operation on `f32` rounded to the nearest half, ties to even, also as a part
//! of a longer expression.

mod convert;
mod loops;

pub(super) use convert::cast;
pub(crate) use convert::{narrow_one, odd};
pub(super) use loops::{kernel, report};

use std::mem::MaybeUninit;

/// Elements widened at once.
const BLOCK: usize = 256;

/// A block of them.
type Wide = MaybeUninit<[f32; BLOCK]>;
