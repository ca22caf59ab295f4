//! The matrices of a stack, dealt out to ranks and threads.
//!
//! Ranks have runs of the stack, cut at whole matrices, which they read wherever they lie. Small matrices are shared out among
//! the threads one by one, each thread with scratch memory of its own; of large ones the threads share the blocks.

use super::matrix::{Field, Sizes, Work, one};
use super::{Task, large};
use crate::array::Array;
use crate::error::{Error, Kind, Result};
use crate::exec::pool;
use crate::memory::{Blocks, afford, blocks_for, is_small};
use crate::record::{Arg, Expr, Node};
use crate::session;
use crate::stage::{Reads, Room, Run, Spread, Stage};
use crate::view::Dims;
use ga_dense::Crew;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Elements of a matrix from which on threads share its blocks.
const LARGE: usize = 128 * 128;
/// Elements of a stack that are not worth waking a thread for.
const SERIAL: usize = 1 << 10;

/// [`super::decompose`] for one type.
pub(super) fn run<T: Field>(
    task: Task,
    a: &Array,
    b: Option<&Array>,
    size: [usize; 2],
) -> Result<Vec<Array>> {
    let axes = a.ndim() - 2;
    let stack = Dims::from_slice(&a.shape()[..axes]);
    let count: usize = stack.iter().product();
    let width = b.map_or(0, |b| b.shape()[axes + 1]);
    let dtype = a.dtype();
    let sizes = Sizes { rows: size[0], columns: size[1], width };
    let made = task.makes(size, width, dtype);
    let shapes: Vec<Dims> =
        made.iter().map(|(core, _)| stack.iter().chain(core).copied().collect()).collect();
    let lens: Vec<usize> = made.iter().map(|(core, _)| core.iter().product()).collect();
    let session = session::get();
    let ranks = session.size;
    let inputs = [a.size(), b.map_or(0, Array::size)];
    let all = inputs.into_iter().chain(lens.iter().map(|len| len * count));
    let is_split = ranks > 1 && !all.into_iter().all(is_small);
    let is_large = is_split && large::takes(task, size, count);
    let mut stage =
        Stage::new(task.name()).reads(a.arg(), a.shape(), dtype, Reads::All).can_fail().foreseen();
    if let Some(b) = b {
        stage = stage.reads(b.arg(), b.shape(), dtype, Reads::All);
    }
    let edge = |rank: usize| (count as u128 * rank as u128 / ranks as u128) as usize;
    for ((shape, (_, dtype)), len) in shapes.iter().zip(&made).zip(&lens) {
        let spread = match () {
            () if ranks == 1 => Spread::Usual,
            () if !is_split => Spread::Replicated,
            () if is_large => Spread::Cut(Blocks::distributed(shape, ranks)),
            () => Spread::Cut(Blocks::beginning_at((0..ranks).map(|rank| edge(rank) * len), count * len)),
        };
        stage = stage.writes(shape, *dtype, spread);
    }
    let nodes = stage.run(|room, runs| {
        if is_large {
            return large::run::<T>(task, sizes, count, room, runs);
        }
        let mine = if is_split { edge(session.rank)..edge(session.rank + 1) } else { 0..count };
        let threads = if ranks > 1 && !is_split { 1 } else { session.threads };
        let at_once = if size[0] * size[1] < LARGE { threads } else { 1 };
        afford(task.scratch(size, width) * at_once * size_of::<T>())?;
        some::<T>(task, sizes, mine, threads, room, runs, &lens)
    })?;
    let placed = nodes.into_iter().map(|node| {
        let is_placed = node.storage().is_none_or(|storage| storage.blocks() == blocks_for(&node.shape));
        if is_placed || ranks == 1 || !is_split {
            return Array::from_node(node);
        }
        let (shape, dtype) = (node.shape.clone(), node.dtype);
        Array::from_node(Node::lazy(shape, dtype, Expr::Cast(Arg::whole(node))))
    });
    Ok(placed.collect())
}

/// Where threads write what they make of a matrix: each what belongs to its own matrices.
struct Target {
    first: *mut u8,
    len_bytes: usize,
}

// SAFETY: an address; `some` says why no two threads write to the same place.
unsafe impl Sync for Target {}

/// This rank's run of the stack.
fn some<T: Field>(
    task: Task,
    sizes: Sizes,
    mine: Range<usize>,
    threads: usize,
    room: &Room<'_>,
    runs: &mut [Run<'_>],
    lens: &[usize],
) -> Result<()> {
    let (own, beside) = (sizes.rows * sizes.columns, sizes.rows * sizes.width);
    let all = |k: usize, len: usize| room.at::<T>(k, mine.start * len..mine.end * len);
    let a = all(0, own)?;
    let b = if task.takes_two() { all(1, beside)? } else { Cow::Borrowed(&[][..]) };
    let count = mine.len();
    let targets: Vec<Target> = runs
        .iter_mut()
        .zip(lens)
        .map(|(run, len)| {
            let bytes = run.bytes();
            debug_assert!(count == 0 || bytes.len().is_multiple_of(count) && (*len > 0 || bytes.is_empty()));
            Target { first: bytes.as_mut_ptr(), len_bytes: bytes.len() / count.max(1) }
        })
        .collect();
    let is_done = AtomicBool::new(true);
    let at = |i: usize, crew: Crew<'_>, work: &mut Work<T>| {
        let mut outs: Vec<&mut [u8]> = targets
            .iter()
            // SAFETY: the bytes of matrix `i` in this rank's runs of new buffers, which are borrowed mutably until all is done;
            // each `i` is worked on once.
            .map(|to| unsafe {
                std::slice::from_raw_parts_mut(to.first.wrapping_add(i * to.len_bytes), to.len_bytes)
            })
            .collect();
        if !one(
            task,
            crew,
            sizes,
            &a[i * own..(i + 1) * own],
            &b[i * beside..(i + 1) * beside],
            &mut outs,
            work,
        ) {
            is_done.store(false, Relaxed);
        }
    };
    if own >= LARGE || threads == 1 || count < 2 || own * count < SERIAL {
        let share = |pieces: usize, work: &(dyn Fn(usize) + Sync)| pool::split(pieces, threads, &|p| work(p));
        let crew = if threads > 1 && own >= LARGE { Crew::new(threads, &share) } else { Crew::alone() };
        let mut work = Work::default();
        (0..count).for_each(|i| at(i, crew, &mut work));
    } else {
        let pieces = (8 * threads).min(count);
        pool::split(pieces, threads, &|p| {
            let mut work = Work::default();
            (count * p / pieces..count * (p + 1) / pieces).for_each(|i| at(i, Crew::alone(), &mut work));
        });
    }
    match is_done.into_inner() {
        true => Ok(()),
        false => Err(Error::new(Kind::LinAlg, task.complaint())),
    }
}
