//! Arrays whose elements are in another job ([`crate::record::elsewhere`]).

use super::Array;
use crate::dtype::DType;
use crate::error::{Error, Kind, Result};
use crate::record::Node;
use crate::session;
use crate::view::{Dims, checked_size};
use smallvec::SmallVec;

/// # Elements of another job (not collective)
impl Array {
    /// An array of this shape and type, whose elements are in another job; its axes lie in memory in this order, the outermost first.
    ///
    /// # Errors
    /// A shape that no array has, or an order that is not each axis once.
    pub fn elsewhere(shape: &[usize], dtype: DType, order: Option<&[usize]>) -> Result<Array> {
        session::check("array")?;
        checked_size(shape)?;
        let Some(order) = order else {
            return Ok(Array::from_node(Node::elsewhere(SmallVec::from_slice(shape), dtype)));
        };
        let mut sorted: Dims = SmallVec::from_slice(order);
        sorted.sort_unstable();
        if sorted.len() != shape.len() || !sorted.iter().copied().eq(0..shape.len()) {
            return Err(Error::new(Kind::Value, "the order of the axes is not each axis once"));
        }
        let lying = order.iter().map(|&axis| shape[axis]).collect();
        Ok(Array::from_node(Node::elsewhere(lying, dtype)).in_order(order))
    }

    /// The elements of this array, and of what else shows them, are those of another job from now on: none is left here.
    pub fn estrange(&self) {
        let here =
            |node: &std::sync::Arc<Node>| (!node.is_elsewhere()).then(|| (node.shape.clone(), node.dtype));
        if let Some((shape, dtype)) = self.cell.peek(here) {
            self.cell.set(Node::elsewhere(shape, dtype));
        }
    }

    /// Whether the elements are in another job.
    pub fn is_elsewhere(&self) -> bool {
        self.cell.peek_known(|node| node.is_elsewhere()).unwrap_or(false)
    }
}
