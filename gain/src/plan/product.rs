//! Matrix products, one or a stack of them: each rank makes a part from all of the operands' blocks, read in place.
//!
//! The products `a[.., i, l] * b[.., l, j]` are a space of the axes `(.., i, j, l)`; operands and result are views of it
//! that stand still along some of them. Cutting that space by owners gives the calls of the local kernel.
//!
//! Which rank makes what, so that the least is read and moved:
//!
//! | cut | each rank | for |
//! | --- | --- | --- |
//! | none | makes all of it | one rank; little work |
//! | rows | makes its own run of the result | what is left |
//! | columns | makes a run of the transposed result, which is then moved to its place | few rows and many columns |
//! | inner | multiplies a range of the inner axis; the partial results are added in the order of ranks | long sums, small results |

use super::cut::{Part, between, by_owner, source};
use super::fetch::Fetched;
use super::fold_axes;
use crate::dtype::DType;
use crate::error::Result;
use crate::kernels::matmul::{Product, Stack, matmul};
use crate::memory::{Blocks, Storage, blocks_for, is_small};
use crate::ops::ReduceOp;
use crate::record::{Arg, Expr, Node};
use crate::session::{self, Decision, Purpose};
use crate::status::site;
use crate::status::{INVALID, OVER};
use crate::view::{Dims, Strides, View, c_strides};
use smallvec::SmallVec;
use std::sync::Arc;

/// The parts of a product that ranks make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cut {
    None,
    Rows,
    Columns,
    Inner,
}

/// A stored operand: its elements are where the view says.
pub(crate) type Factor<'a> = (&'a Arc<Node>, &'a View);

/// The product of stacks of stored matrices of type `dtype`: views of the same axes but for the last two. The left one's
/// conjugates are meant if so said. Also whether there may have been floating-point exceptions: where ranks share the work,
/// always. Collective.
pub(crate) fn product(
    dtype: DType,
    conjugate: bool,
    a: Factor<'_>,
    b: Factor<'_>,
) -> Result<(Arc<Node>, bool)> {
    let axes = a.1.ndim() - 2;
    let [m, k] = [a.1.shape[axes], a.1.shape[axes + 1]];
    let n = b.1.shape[axes + 1];
    let mut shape = Dims::from_slice(&a.1.shape[..axes]);
    shape.extend([m, n]);
    let kind = Product {
        dtype,
        stack: Dims::from_slice(&shape[..axes]),
        size: [m, n, k],
        conjugate,
        accumulate: false,
    };
    stored(a.0).check()?;
    stored(b.0).check()?;
    let item = dtype.size_bytes();
    if shape.contains(&0) || k == 0 {
        let c = Storage::new(&shape, item)?;
        c.fill(crate::dtype::Scalar::zero(dtype));
        return Ok((Node::stored(shape, dtype, c), false));
    }
    let cut = choose(&kind);
    let shared = [a, b].map(|x| x.0).into_iter().find(|x| stored(x).blocks().is_distributed());
    if cut == Cut::None && [a, b].iter().all(|x| stored(x.0).blocks().count() == 1) {
        return whole(&kind, shape, a, b);
    }
    // (Numbers of replicated values may differ.)
    session::get().note(Decision::Stage, shared.map_or(0, |x| x.number), cut as u64, site::current().site);
    let ranks = session::get().size;
    // The result as it is stored, and as the shape asked for.
    let (stored_shape, order): (Dims, Dims) = match cut {
        Cut::None | Cut::Rows => (shape.clone(), (0..axes + 2).collect()),
        Cut::Columns => {
            let order = (1..=axes + 1).chain([0]).collect();
            ([n].into_iter().chain(shape[..=axes].iter().copied()).collect(), order)
        }
        Cut::Inner => ([ranks].into_iter().chain(shape.iter().copied()).collect(), (1..axes + 3).collect()),
    };
    let c = match cut {
        Cut::None => Storage::replicated(stored_shape.iter().product(), item)?,
        _ => Storage::with_blocks(Blocks::distributed(&stored_shape, ranks), item)?,
    };
    share(&kind, cut, a, b, &c, View::contiguous(&stored_shape).permute(&order))?;
    let is_placed = c.blocks() == blocks_for(&shape);
    let made = Node::stored(stored_shape.clone(), dtype, c);
    let placed = match cut {
        Cut::None | Cut::Rows if is_placed => made,
        Cut::Inner => {
            let op = if dtype == DType::Bool { ReduceOp::Any } else { ReduceOp::Sum };
            let reduced: SmallVec<[bool; 4]> = (0..stored_shape.len()).map(|d| d == 0).collect();
            fold_axes(op, Arg::whole(made), dtype, &stored_shape, &reduced)?.values
        }
        _ => {
            let view = View::contiguous(&stored_shape).permute(&order);
            Node::lazy(shape, dtype, Expr::Cast(Arg::Node(made, view)))
        }
    };
    Ok((placed, true))
}

/// The cut for which the ranks together read and move the fewest elements.
fn choose(kind: &Product) -> Cut {
    let ranks = session::get().size;
    let [m, n, k] = kind.size;
    let stack: usize = kind.stack.iter().product();
    if ranks == 1 || is_small(stack * m * n * k) {
        return Cut::None;
    }
    let [a, b, c] = [stack * m * k, stack * k * n, stack * m * n];
    // How many ranks make rows of the same product, and so read the same right factor.
    let readers = ranks.min(stack * m).div_ceil(ranks.min(stack));
    let rows = a + readers * b;
    let columns = if n < ranks { usize::MAX } else { ranks * a + b + 2 * c };
    let inner = if k < ranks { usize::MAX } else { a + b + 2 * ranks * c };
    match rows.min(columns).min(inner) {
        least if least == rows => Cut::Rows,
        least if least == columns => Cut::Columns,
        _ => Cut::Inner,
    }
}

/// All of the product by the calling rank, from operands that lie in one piece.
fn whole(kind: &Product, shape: Dims, a: Factor<'_>, b: Factor<'_>) -> Result<(Arc<Node>, bool)> {
    let c = Storage::new(&shape, kind.dtype.size_bytes())?;
    let at = |storage: &Storage, view: &View| {
        let item = storage.item_bytes() as isize;
        let mut steps: Strides = view.strides.iter().map(|s| s * item).collect();
        let strides = [steps[steps.len() - 2], steps[steps.len() - 1]];
        steps.truncate(steps.len() - 2);
        Stack { ptr: storage.address(0, view.offset), steps, strides }
    };
    let to = View { offset: 0, strides: c_strides(&shape), shape };
    let [from_a, from_b, to_c] = [at(stored(a.0), a.1), at(stored(b.0), b.1), at(&c, &to)];
    // SAFETY: views of live buffers that lie in this process as a whole; `c` is a new one. What the operands hold was
    // written by this rank, and by nobody since: it is this thread's turn.
    let raised = unsafe { matmul(kind, &from_a, &from_b, &to_c, session::get().threads) };
    session::get().count(|c| &c.passes, 1);
    c.mark_written();
    Ok((Node::stored(to.shape, kind.dtype, c), raised & (INVALID | OVER) != 0))
}

/// This rank's part of a product, written to `c`, whose elements `c_view` shows in the product's shape (with a cut along
/// the inner axis, those of rank 0).
fn share(
    kind: &Product,
    cut: Cut,
    (a, a_view): Factor<'_>,
    (b, b_view): Factor<'_>,
    c: &Storage,
    mut c_view: View,
) -> Result<()> {
    let session = session::get();
    let (axes, [m, n, k]) = (kind.stack.len(), kind.size);
    let mut space = kind.stack.clone();
    space.extend([m, n, k]);
    let (a, b) = (stored(a), stored(b));
    if a.is_fresh() || b.is_fresh() {
        session::get().synchronise(Purpose::Pass)?;
    }
    let mut everything: Part = (SmallVec::from_elem(0, axes + 3), space.clone());
    if cut == Cut::Inner {
        let edge = |rank: usize| (k as u128 * rank as u128 / session.size as u128) as usize;
        everything.0[axes + 2] = edge(session.rank);
        everything.1[axes + 2] = edge(session.rank + 1) - edge(session.rank);
        c_view.offset += c.blocks().start(session.rank) as isize;
    }
    let a_at = spread(a_view, [Some(axes), None, Some(axes + 1)], &space);
    let b_at = spread(b_view, [None, Some(axes + 1), Some(axes)], &space);
    let c_at = spread(&c_view, [Some(axes), Some(axes + 1), None], &space);
    let first = everything.0[axes + 2];
    let mut parts = match cut {
        Cut::Rows | Cut::Columns => {
            between(everything, &c_at, c.blocks().start(session.rank), c.blocks().start(session.rank + 1))
        }
        Cut::None | Cut::Inner => vec![everything],
    };
    for (storage, view) in [(a, &a_at), (b, &b_at)] {
        if storage.blocks().count() > 1 {
            parts = parts.into_iter().flat_map(|part| by_owner(part, storage, view)).collect();
        }
    }
    parts.sort_by_key(|(lo, _)| lo[axes + 2]);
    let mut fetched = Fetched::default();
    let owner = if cut == Cut::None { 0 } else { session.rank };
    let item = c.item_bytes() as isize;
    for (lo, counts) in &parts {
        let from_a = source(a, &a_at.patch(lo, counts), &mut fetched)?;
        let from_b = source(b, &b_at.patch(lo, counts), &mut fetched)?;
        fetched.arrive()?;
        let to = c_at.patch(lo, counts);
        let matrix = |ptr: *mut u8, strides: &[isize], [row, column]: [usize; 2], item: isize| Stack {
            ptr,
            steps: strides[..axes].iter().map(|s| s * item).collect(),
            strides: [strides[axes + row] * item, strides[axes + column] * item],
        };
        let a_part = matrix(from_a.ptr, &from_a.strides, [0, 2], 1);
        let b_part = matrix(from_b.ptr, &from_b.strides, [2, 1], 1);
        let c_part = matrix(c.address(owner, to.offset), &to.strides, [0, 1], item);
        let part = Product {
            stack: SmallVec::from_slice(&counts[..axes]),
            size: [counts[axes], counts[axes + 1], counts[axes + 2]],
            accumulate: lo[axes + 2] > first,
            ..*kind
        };
        // SAFETY: the three parts lie inside live buffers, each within one owner's mapped block or in `fetched`, which
        // has arrived; `c` is
        // a new buffer, of which this rank writes its own run alone; what `a` and `b` hold was written before the last
        // synchronisation and by nobody since (passes are collective, and it is this thread's turn).
        unsafe { matmul(&part, &a_part, &b_part, &c_part, session.threads) };
    }
    session::get().count(|c| &c.passes, 1);
    c.mark_written();
    a.mark_read();
    b.mark_read();
    Ok(())
}

fn stored(node: &Arc<Node>) -> &Storage {
    node.storage().expect("operands are stored before")
}

/// A view in the space of products: its leading axes are the stack's, `last[d]` is its axis along `(i, j, l)[d]`.
fn spread(view: &View, last: [Option<usize>; 3], space: &[usize]) -> View {
    let axes = space.len() - 3;
    let mut strides = Strides::from_slice(&view.strides[..axes]);
    strides.extend(last.iter().map(|axis| axis.map_or(0, |axis| view.strides[axis])));
    View { offset: view.offset, shape: SmallVec::from_slice(space), strides }
}
