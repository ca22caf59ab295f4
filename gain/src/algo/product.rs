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

use crate::dtype::DType;
use crate::error::Result;
use crate::kernels::matmul::{Product, Stack, matmul};
use crate::memory::{Blocks, blocks_for, is_small};
use crate::ops::ReduceOp;
use crate::plan::{self, Fetched, Part, between, by_owner};
use crate::record::{Arg, Expr, Node};
use crate::session;
use crate::stage::{Room, Run, Spread, Stage};
use crate::status::{INVALID, OVER};
use crate::view::{Dims, Strides, View};
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

impl Cut {
    /// What the ranks compare.
    fn name(self) -> &'static str {
        match self {
            Cut::None => "a product",
            Cut::Rows => "a product by rows",
            Cut::Columns => "a product by columns",
            Cut::Inner => "a product along the inner axis",
        }
    }
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
    if shape.contains(&0) || k == 0 {
        let zero = Stage::new("a product").writes(&shape, dtype, Spread::Usual).run(|_, c| {
            c[0].bytes().fill(0);
            Ok(())
        })?;
        return Ok((zero[0].clone(), false));
    }
    let kind = Product {
        dtype,
        stack: Dims::from_slice(&shape[..axes]),
        size: [m, n, k],
        conjugate,
        accumulate: false,
    };
    let cut = choose(&kind);
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
    let is_whole = cut == Cut::None && ranks == 1;
    let spread = match cut {
        Cut::None if is_whole => Spread::Usual,
        Cut::None => Spread::Replicated,
        _ => Spread::Cut(Blocks::distributed(&stored_shape, ranks)),
    };
    let to = View::contiguous(&stored_shape).permute(&order);
    let mut raised = 0;
    let made = Stage::new(cut.name())
        .reads_in_place(a.0)
        .reads_in_place(b.0)
        .writes(&stored_shape, dtype, spread)
        .foreseen()
        .run(|room, c| {
            raised = share(&kind, cut, room, [a.1, b.1], (&mut c[0], to))?;
            Ok(())
        })?;
    let made = made[0].clone();
    let is_placed = made.storage().is_some_and(|c| c.blocks() == blocks_for(&shape));
    let placed = match cut {
        Cut::None | Cut::Rows if is_placed => made,
        Cut::Inner => {
            let op = if dtype == DType::Bool { ReduceOp::Any } else { ReduceOp::Sum };
            let reduced: SmallVec<[bool; 4]> = (0..stored_shape.len()).map(|d| d == 0).collect();
            plan::fold_axes(op, Arg::whole(made), dtype, &stored_shape, &reduced)?.values
        }
        _ => {
            let view = View::contiguous(&stored_shape).permute(&order);
            Node::lazy(shape, dtype, Expr::Cast(Arg::Node(made, view)))
        }
    };
    Ok((placed, !is_whole || raised & (INVALID | OVER) != 0))
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

/// This rank's part of a product, written to `c`, whose elements the view shows in the product's shape (with a cut along
/// the inner axis, those of rank 0). Returns the floating-point exceptions.
fn share(
    kind: &Product,
    cut: Cut,
    room: &Room<'_>,
    [a_view, b_view]: [&View; 2],
    (c, mut c_view): (&mut Run<'_>, View),
) -> Result<u8> {
    if cut == Cut::None && [0, 1].iter().all(|&k| room.blocks(k).count() == 1) {
        return Ok(whole(kind, room, [a_view, b_view], c, &c_view));
    }
    let session = session::get();
    let (axes, [m, n, k]) = (kind.stack.len(), kind.size);
    let mut space = kind.stack.clone();
    space.extend([m, n, k]);
    let mut everything: Part = (SmallVec::from_elem(0, axes + 3), space.clone());
    if cut == Cut::Inner {
        let edge = |rank: usize| (k as u128 * rank as u128 / session.size as u128) as usize;
        everything.0[axes + 2] = edge(session.rank);
        everything.1[axes + 2] = edge(session.rank + 1) - edge(session.rank);
        c_view.offset += c.range().start as isize;
    }
    let a_at = spread(a_view, [Some(axes), None, Some(axes + 1)], &space);
    let b_at = spread(b_view, [None, Some(axes + 1), Some(axes)], &space);
    let c_at = spread(&c_view, [Some(axes), Some(axes + 1), None], &space);
    let first = everything.0[axes + 2];
    let mut parts = match cut {
        Cut::Rows | Cut::Columns => between(everything, &c_at, c.range().start, c.range().end),
        Cut::None | Cut::Inner => vec![everything],
    };
    for (operand, view) in [(0, &a_at), (1, &b_at)] {
        if room.blocks(operand).count() > 1 {
            parts = parts.into_iter().flat_map(|part| by_owner(part, room.blocks(operand), view)).collect();
        }
    }
    parts.sort_by_key(|(lo, _)| lo[axes + 2]);
    let mut fetched = Fetched::default();
    let item = kind.dtype.size_bytes() as isize;
    let mut raised = 0;
    for (lo, counts) in &parts {
        let from_a = room.part(0, &a_at.patch(lo, counts), &mut fetched)?;
        let from_b = room.part(1, &b_at.patch(lo, counts), &mut fetched)?;
        fetched.arrive()?;
        let to = c_at.patch(lo, counts);
        let matrix = |ptr: *mut u8, strides: &[isize], [row, column]: [usize; 2], item: isize| Stack {
            ptr,
            steps: strides[..axes].iter().map(|s| s * item).collect(),
            strides: [strides[axes + row] * item, strides[axes + column] * item],
        };
        let a_part = matrix(from_a.ptr, &from_a.strides, [0, 2], 1);
        let b_part = matrix(from_b.ptr, &from_b.strides, [2, 1], 1);
        let c_part = matrix(c.address(to.offset), &to.strides, [0, 1], item);
        let part = Product {
            stack: SmallVec::from_slice(&counts[..axes]),
            size: [counts[axes], counts[axes + 1], counts[axes + 2]],
            accumulate: lo[axes + 2] > first,
            ..*kind
        };
        // SAFETY: the three parts lie inside live buffers, each within one owner's mapped block or in `fetched`, which
        // has arrived; `c` is this rank's run of a new buffer; what the operands hold was written before the last
        // synchronisation and is written by nobody while a stage runs.
        raised |= unsafe { matmul(&part, &a_part, &b_part, &c_part, session.threads) };
    }
    Ok(raised)
}

/// All of a product, from operands that lie in one piece each.
fn whole(kind: &Product, room: &Room<'_>, [a, b]: [&View; 2], c: &mut Run<'_>, c_view: &View) -> u8 {
    let item = kind.dtype.size_bytes() as isize;
    let at = |ptr: *mut u8, view: &View| {
        let (steps, own) = view.strides.split_at(view.ndim() - 2);
        Stack {
            ptr,
            steps: steps.iter().map(|s| s * item).collect(),
            strides: [own[0] * item, own[1] * item],
        }
    };
    let [from_a, from_b] = [(0, a), (1, b)].map(|(k, view)| at(room.address(k, view.offset), view));
    let to = at(c.address(c_view.offset), c_view);
    // SAFETY: views of live buffers that lie in this process as a whole; what they hold is written by nobody while a stage
    // runs; `c` is this rank's run of a new buffer, which is all of it.
    unsafe { matmul(kind, &from_a, &from_b, &to, session::get().threads) }
}

/// A view in the space of products: its leading axes are the stack's, `last[d]` is its axis along `(i, j, l)[d]`.
fn spread(view: &View, last: [Option<usize>; 3], space: &[usize]) -> View {
    let axes = space.len() - 3;
    let mut strides = Strides::from_slice(&view.strides[..axes]);
    strides.extend(last.iter().map(|axis| axis.map_or(0, |axis| view.strides[axis])));
    View { offset: view.offset, shape: SmallVec::from_slice(space), strides }
}
