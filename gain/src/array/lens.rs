//! Arrays that show the elements of another as something else: real and imaginary parts, and the same memory as another type.
//!
//! Such an array is a view like any other, of the bytes of its base: its offset and steps count bytes, and every operation
//! on views works as it does on elements. What shows the base's own elements at their own places has no lens any more.

use super::Array;
use crate::dtype::{Category as TypeKind, DType, category, real_part};
use crate::error::{Error, Kind, Result};
use crate::ops::Op;
use crate::plan;
use crate::plan::lens::{part, part_bytes};
use crate::record::{Arg, Expr, Node};
use crate::view::View;
use std::sync::Arc;

/// The elements of type `dtype` in the memory of `base` at the bytes that the view shows, as an operand.
pub(super) fn arg(base: Arc<Node>, dtype: DType, bytes: View) -> Arg {
    Arg::whole(Node::lazy(bytes.shape.clone(), dtype, Expr::Lens { base, bytes }))
}

/// # Lenses
///
/// Views, too: nothing is moved or evaluated.
impl Array {
    /// `self.real`: of a real array the array itself.
    pub fn real(&self) -> Array {
        self.part(Op::Real).unwrap_or_else(|| self.with_view(self.view.clone()))
    }

    /// `self.imag` of a complex array; `None` for a real one, which has none to show.
    pub fn imag(&self) -> Option<Array> {
        self.part(Op::Imag)
    }

    fn part(&self, op: Op) -> Option<Array> {
        let dtype = self.dtype();
        if category(dtype) != TypeKind::Complex {
            return None;
        }
        let mut bytes = self.bytes();
        if op == Op::Imag {
            bytes.offset += real_part(dtype).size_bytes() as isize;
        }
        Some(self.seen(bytes, real_part(dtype)))
    }

    /// `self.view(dtype)`: the same memory as elements of another type.
    pub fn view_as(&self, dtype: DType) -> Result<Array> {
        let (old, new) = (self.dtype().size_bytes(), dtype.size_bytes());
        let mut bytes = self.bytes();
        if old == new {
            return Ok(self.seen(bytes, dtype));
        }
        let fail = |text: &str| Err(Error::new(Kind::Value, text));
        let Some(last) = self.ndim().checked_sub(1) else {
            return fail("Changing the dtype of a 0d array is only supported if the itemsize is unchanged");
        };
        if bytes.shape[last] != 1 && bytes.size() != 0 && bytes.strides[last] != old as isize {
            return fail("To change to a dtype of a different size, the last axis must be contiguous");
        }
        if new < old {
            bytes.shape[last] *= old / new;
        } else {
            let len_bytes = bytes.shape[last] * old;
            if !len_bytes.is_multiple_of(new) {
                return fail(
                    "When changing to a larger dtype, its size must be a divisor of the total size in bytes of the last axis of the array.",
                );
            }
            bytes.shape[last] = len_bytes / new;
        }
        bytes.strides[last] = new as isize;
        Ok(self.seen(bytes, dtype))
    }

    /// The view, counted in bytes of the base.
    pub(super) fn bytes(&self) -> View {
        match self.lens {
            None => self.view.finer(self.cell.dtype.size_bytes()),
            Some(_) => self.view.clone(),
        }
    }

    /// The bytes of the base that the view shows, as elements of this type.
    pub(super) fn seen(&self, bytes: View, dtype: DType) -> Array {
        let own = if dtype == self.cell.dtype { bytes.coarser(dtype.size_bytes()) } else { None };
        let (view, lens) = own.map_or((bytes, Some(dtype)), |view| (view, None));
        Array { cell: self.cell.clone(), view, lens, derived: true }
    }

    /// The bytes that `region` shows become the elements of `value`, as type `dtype`.
    pub(super) fn write_through(&self, dtype: DType, region: View, value: Arg) -> Result<()> {
        if region.size() == 0 {
            return Ok(());
        }
        self.bound()?;
        let base = self.cell.get();
        let (shape, own) = (base.shape.clone(), base.dtype);
        if let Some((op, at)) = part(own, dtype, &region) {
            let kept = if op == Op::Real { Op::Imag } else { Op::Real };
            let kept = arg(base, dtype, part_bytes(own, kept, &at));
            let parts = if op == Op::Real { [value, kept] } else { [kept, value] };
            let whole = Node::lazy(region.shape, own, Expr::Join(parts));
            return self.write_elements(at, Arg::whole(whole));
        }
        let node = Node::lazy(shape, own, Expr::Patch { base, region, value, seen: Some(dtype) });
        self.take(&node)?;
        plan::force(&node)
    }
}
