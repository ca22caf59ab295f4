//! Programs: straight-line code on elements.

use crate::dtype::{DType, Scalar};
use crate::ops::{Loop, ReduceOp};
use smallvec::SmallVec;

/// A value in a program under construction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Val(u32);

/// Builds a [`Program`]. Values are named in the order they are made; unused ones cost nothing.
#[derive(Default, Debug)]
pub struct Builder {
    dtypes: Vec<DType>,
}

/// Compiled straight-line code: immutable, reusable on any number of domains.
#[derive(Debug)]
pub struct Program {
    _private: (),
}

impl Builder {
    /// An empty program.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// The next leaf, in the order of [`Domain::leaves`](super::Domain::leaves). An index leaf has type `I64`.
    pub fn leaf(&mut self, dtype: DType) -> Val {
        let _ = dtype;
        todo!()
    }

    /// A constant, in its own type (weak ones in their default type: convert first).
    pub fn constant(&mut self, value: Scalar) -> Val {
        let _ = value;
        todo!()
    }

    /// `value` converted to `dtype`; itself if it has that type.
    pub fn cast(&mut self, value: Val, dtype: DType) -> Val {
        let _ = (value, dtype);
        todo!()
    }

    /// The (first) output of an operation; arguments are converted to the loop's input types.
    pub fn apply(&mut self, op: &Loop, args: &[Val]) -> Val {
        self.apply_all(op, args)[0]
    }

    /// All outputs of an operation.
    pub fn apply_all(&mut self, op: &Loop, args: &[Val]) -> SmallVec<[Val; 2]> {
        let _ = (op, args);
        todo!()
    }

    /// `if_true` where the bool `mask` holds, else `if_false`; both of one type.
    pub fn select(&mut self, mask: Val, if_true: Val, if_false: Val) -> Val {
        let _ = (mask, if_true, if_false);
        todo!()
    }

    /// The type of a value.
    pub fn dtype(&self, value: Val) -> DType {
        self.dtypes[value.0 as usize]
    }

    /// Store `value` to the next memory output of the domain.
    pub fn store(&mut self, value: Val) {
        let _ = value;
        todo!()
    }

    /// Combine all elements of `value` into the next [`Partial`](super::Partial) of the pass. For indices
    /// (`ArgMin`, `ArgMax`), `index` is the `I64` value that names an element; it must grow in iteration order.
    pub fn reduce(&mut self, op: ReduceOp, value: Val, index: Option<Val>) {
        let _ = (op, value, index);
        todo!()
    }

    /// Combine the elements of `value` into the next memory output, whose strides are 0 along the reduced axes.
    /// The memory already holds what they are combined with (the identity, or the first element's values).
    /// For indices there are two memory outputs: the extreme elements, then their `I64` indices.
    pub fn reduce_axes(&mut self, op: ReduceOp, value: Val, index: Option<Val>) {
        let _ = (op, value, index);
        todo!()
    }

    /// Compile.
    pub fn finish(self) -> Program {
        todo!()
    }
}

impl Program {
    /// Types of the leaves.
    pub fn leaves(&self) -> &[DType] {
        todo!()
    }

    /// Types of the memory outputs.
    pub fn outputs(&self) -> &[DType] {
        todo!()
    }
}
