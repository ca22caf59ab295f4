//! Matrix products: each rank makes its part of the result from all of the operands' blocks, read in place.
//!
//! The products `a[i,l] * b[l,j]` are a space of three axes `(i, j, l)`; operands and result are views of it that
//! stand still along one axis. Cutting that space by owners gives the calls of the local kernel.

use super::cut::{between, by_owner, source};
use crate::agree::Purpose;
use crate::dtype::DType;
use crate::error::Result;
use crate::graph::Node;
use crate::kernels::matmul::{Matrix, matmul};
use crate::storage::{Blocks, Storage, is_small};
use crate::view::{Dims, View, checked_size};
use crate::world;
use smallvec::SmallVec;
use std::sync::Arc;

/// The product of two stored matrices of type `dtype`, given by views of two axes. Collective.
pub(crate) fn product(
    dtype: DType,
    (a, a_view): (&Arc<Node>, &View),
    (b, b_view): (&Arc<Node>, &View),
) -> Result<Arc<Node>> {
    let ([m, k], [_, n]) = (extents(a_view), extents(b_view));
    let world = world::get();
    let shape: Dims = SmallVec::from_slice(&[m, n]);
    checked_size(&shape)?;
    let is_spread = m * n > 0 && !is_small((m * n).saturating_mul(k.max(1)));
    let c = if is_spread {
        Storage::with_blocks(Blocks::distributed(&shape, world.size), dtype.size_bytes())?
    } else {
        Storage::replicated(m * n, dtype.size_bytes())?
    };
    let a_of = |view: &View| spread(view, [Some(0), None, Some(1)], &[m, n, k]);
    let b_of = |view: &View| spread(view, [None, Some(1), Some(0)], &[m, n, k]);
    let c_at = spread(&View::contiguous(&shape), [Some(0), Some(1), None], &[m, n, k]);
    let (a_at, b_at) = (a_of(a_view), b_of(b_view));
    let (a, b) = (stored(a), stored(b));
    a.check()?;
    b.check()?;
    if a.is_fresh() || b.is_fresh() {
        world::synchronise(Purpose::Pass)?;
    }
    if k == 0 {
        c.fill(crate::dtype::Scalar::zero(dtype));
    } else if m * n > 0 {
        let whole = (SmallVec::from_elem(0, 3), SmallVec::from_slice(&[m, n, k]));
        let (start, end) = match is_spread {
            true => (c.blocks().start(world.rank), c.blocks().start(world.rank + 1)),
            false => (0, m * n),
        };
        let mut parts = between(whole, &c_at, start, end);
        for (storage, view) in [(a, &a_at), (b, &b_at)] {
            if storage.blocks().count() > 1 {
                parts = parts.into_iter().flat_map(|part| by_owner(part, storage, view)).collect();
            }
        }
        parts.sort_by_key(|(lo, _)| lo[2]);
        let mut scratch = Vec::new();
        let owner = if is_spread { world.rank } else { 0 };
        for (lo, counts) in &parts {
            let from_a = source(a, &a_at.patch(lo, counts), &mut scratch)?;
            let from_b = source(b, &b_at.patch(lo, counts), &mut scratch)?;
            let to = c_at.patch(lo, counts);
            let item = c.item_bytes() as isize;
            let a_part = Matrix { ptr: from_a.ptr, strides: [from_a.strides[0], from_a.strides[2]] };
            let b_part = Matrix { ptr: from_b.ptr, strides: [from_b.strides[2], from_b.strides[1]] };
            let strides = [to.strides[0] * item, to.strides[1] * item];
            let c_part = Matrix { ptr: c.address(owner, to.offset), strides };
            // SAFETY: the three parts lie inside live buffers, each within one owner's mapped block or in `scratch`;
            // `c` is a new buffer, of which this rank writes its own run alone; what `a` and `b` hold was written
            // before the last synchronisation and by nobody since (passes are collective, and it is this thread's turn).
            unsafe {
                let size = [counts[0], counts[1], counts[2]];
                matmul(dtype, size, a_part, b_part, c_part, lo[2] > 0, world.threads);
            }
        }
    }
    world::count(|c| &c.passes, 1);
    c.mark_written();
    a.mark_read();
    b.mark_read();
    Ok(Node::stored(shape, dtype, c))
}

fn stored(node: &Arc<Node>) -> &Storage {
    node.storage().expect("operands are stored before")
}

fn extents(view: &View) -> [usize; 2] {
    [view.shape[0], view.shape[1]]
}

/// A view of two axes in the space of three: `axes[d]` is its axis along axis `d`.
fn spread(view: &View, axes: [Option<usize>; 3], shape: &[usize; 3]) -> View {
    View {
        offset: view.offset,
        shape: SmallVec::from_slice(shape),
        strides: axes.iter().map(|a| a.map_or(0, |a| view.strides[a])).collect(),
    }
}
