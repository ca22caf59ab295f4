//! The result of a full reduction over some elements, to be combined with those of other elements.

use crate::dtype::{DType, Scalar};
use crate::ops::ReduceOp;

/// A reduction's value over a set of elements; `value` is `None` over no elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Partial {
    /// The operation.
    pub op: ReduceOp,
    /// The combined element (for `ArgMin`/`ArgMax` the extreme element itself).
    pub value: Option<Scalar>,
    /// For `ArgMin`/`ArgMax`: the index value of the extreme element. Else 0.
    pub index: i64,
}

impl Partial {
    /// Over no elements.
    pub fn empty(op: ReduceOp) -> Partial {
        Partial { op, value: None, index: 0 }
    }

    /// Over the elements of both; `self` comes first (matters for ties of indices and for rounding).
    pub fn combine(self, later: Partial) -> Partial {
        let _ = later;
        todo!()
    }

    /// The reduction's result in NumPy: the value or identity, or the index as `I64`; `None` when there is none
    /// (`zero-size array to reduction operation minimum which has no identity`).
    pub fn finish(self, dtype: DType) -> Option<Scalar> {
        let _ = dtype;
        todo!()
    }
}
