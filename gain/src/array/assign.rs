//! Assignment: a variable gets another value.

use super::{Array, Operand, direct};
use crate::error::{Error, Kind, Result, shape_text};
use crate::plan;
use crate::record::{Arg, Expr, Node, WEIGHT_LIMIT};
use crate::session;
use crate::status;
use crate::view::{Index, View};
use smallvec::SmallVec;
use std::sync::Arc;

/// # Assignment
impl Array {
    /// `self[items] = value`, with NumPy's overlap semantics: the value is as before the assignment.
    ///
    /// Recorded, and carried out together with what reads it; at once if only a small part of the array is written and
    /// nobody else needs its old contents.
    pub fn set<'a>(&self, items: &[Index], value: impl Into<Operand<'a>>) -> Result<()> {
        let _turn = session::take_turn("assignment")?;
        let value = value.into();
        let region = self.view.index(items)?;
        if let Operand::Scalar(x) = value
            && region.size() == 1
            && self.lens.is_none()
        {
            let x = status::converted(x, x.assigned(self.dtype())?);
            return match self.cell.poke(region.offset as usize, x)? {
                true => Ok(()),
                false => self.write(region, Arg::Const(x)),
            };
        }
        if region.overlaps() {
            return Err(Error::new(Kind::Value, "assignment destination is read-only"));
        }
        let value = match value {
            Operand::Scalar(x) => Arg::Const(status::converted(x, x.assigned(self.dtype())?)),
            // `a[i] += x` ends with assigning to `a[i]` what `a[i]` is.
            Operand::Array(a)
                if Arc::ptr_eq(&a.cell, &self.cell) && a.lens == self.lens && a.view == region =>
            {
                return Ok(());
            }
            Operand::Array(a) => {
                a.bound()?;
                status::converts(a.dtype(), self.dtype());
                match a.arg() {
                    Arg::Node(node, view) => Arg::Node(node, broadcast_into(&view, &region.shape)?),
                    number => number,
                }
            }
        };
        if region.size() > 0 { self.write(region, value) } else { Ok(()) }
    }

    /// `self[...] = value`
    pub fn assign<'a>(&self, value: impl Into<Operand<'a>>) -> Result<()> {
        self.set(&[], value)
    }

    /// The elements of `region` become those of `value`, which has the region's shape.
    pub(super) fn write(&self, region: View, value: Arg) -> Result<()> {
        match self.lens {
            None => self.write_elements(region, value),
            Some(dtype) => self.write_through(dtype, region, value),
        }
    }

    /// As [`Array::write`], the region counting elements of the base.
    pub(super) fn write_elements(&self, region: View, value: Arg) -> Result<()> {
        let (region, value) = tidy(region, value);
        // (What has another type is converted, which may have exceptions that NumPy tells of at once. What is the variable's
        // own is overwritten, too; another value is given to others as a whole.)
        let is_other = matches!(&value, Arg::Node(node, _) if node.dtype != self.cell.dtype);
        let is_whole = region.is_whole(self.cell.len());
        if (is_other || !is_whole || self.cell.own_home().is_some())
            && direct::assign(&self.cell, &region, &value)?
        {
            return Ok(());
        }
        let base = self.cell.get();
        if is_whole
            && !base.is_open()
            && let Some(node) = whole_value(&base, &value)
        {
            let node = plan::settled(node)?;
            self.cell.set(node.clone());
            return if node.origin.policy.raises() { decide(&node) } else { Ok(()) };
        }
        drop(base);
        if is_whole && !is_other && direct::assign(&self.cell, &region, &value)? {
            return Ok(());
        }
        let base = self.cell.get();
        // A loop that updates part after part from its neighbours: each part in place, none recomputed.
        if let Arg::Node(from, _) = &value
            && base.is_patch()
            && plan::is_small_part(&region, &base)
            && plan::reads(from, &base)
        {
            plan::force(&base)?;
        }
        let (shape, dtype) = (base.shape.clone(), base.dtype);
        let node = Node::lazy(shape, dtype, Expr::Patch { base, region, value, seen: None });
        self.take(&node)?;
        if node.origin.policy.raises() {
            return decide(&node);
        }
        if node.weight > WEIGHT_LIMIT { plan::force(&node) } else { plan::force_small_patch(&node) }
    }
}

impl Array {
    /// The variable gets the value of an assignment, which is carried out at once if it writes or reads open memory.
    pub(super) fn take(&self, node: &Arc<Node>) -> Result<()> {
        // Open memory stays the variable's if this fails. Other memory is reused only if the variable has it no more.
        if self.cell.peek(|value| value.is_open()) {
            plan::force(node)?;
        }
        self.cell.set(node.clone());
        if node.is_volatile() { plan::force(node) } else { Ok(()) }
    }
}

/// Evaluates now what may have to raise, on all ranks alike.
pub(super) fn decide(node: &Arc<Node>) -> Result<()> {
    plan::force(node)?;
    session::get().agree_on_events(session::Purpose::Combine)
}

/// The value of an array all of whose elements are assigned.
fn whole_value(base: &Arc<Node>, value: &Arg) -> Option<Arc<Node>> {
    match value {
        Arg::Const(x) => Some(Node::lazy(base.shape.clone(), base.dtype, Expr::Fill(*x))),
        Arg::Node(node, view) => {
            if node.shape == base.shape && node.dtype == base.dtype && view.is_whole(node.len()) {
                return Some(node.clone());
            }
            let view = view.reshape(&base.shape).ok().flatten()?;
            let cast = Expr::Cast(Arg::Node(node.clone(), view));
            Some(Node::lazy(base.shape.clone(), base.dtype, cast))
        }
    }
}

/// The same assignment with positive steps, axes from the widest step to the narrowest, none of extent 1.
fn tidy(region: View, value: Arg) -> (View, Arg) {
    let (region, flips) = region.unflip();
    let mut order: SmallVec<[usize; 4]> = (0..region.ndim()).filter(|&d| region.shape[d] != 1).collect();
    order.sort_by_key(|&d| std::cmp::Reverse(region.strides[d]));
    let value = value.map_view(|view| view.flip(&flips).permute(&order));
    (region.permute(&order), value)
}

/// A value's view repeated to the shape it is assigned to; leading axes of extent 1 may be in excess.
fn broadcast_into(view: &View, shape: &[usize]) -> Result<View> {
    let excess = view.ndim().saturating_sub(shape.len());
    let droppable = view.shape[..excess].iter().all(|&n| n == 1);
    let order: SmallVec<[usize; 4]> = (excess..view.ndim()).collect();
    let fits = droppable.then(|| view.permute(&order).try_broadcast(shape)).flatten();
    fits.ok_or_else(|| {
        Error::new(
            Kind::Shape,
            format!(
                "could not broadcast input array from shape {} into shape {}",
                // (Of more axes than it may have, leading ones of extent 1 don't count.)
                shape_text(&view.shape[view.shape[..excess].iter().take_while(|&&n| n == 1).count()..]),
                shape_text(shape)
            ),
        )
    })
}
