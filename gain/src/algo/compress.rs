//! The elements, or the flat indices, where a bool array holds: in C order, as one axis; and elements as often as an array of
//! counts says.
//!
//! Each rank looks at its run, twice: it counts, then it copies. With the counts of the ranks before it, it knows where its
//! elements are in the result, and sends them to whom they belong there.

use super::pick::threads;
use super::{Cells, WINDOW, by_size};
use crate::dtype::{DType, Scalar};
use crate::error::{Error, Kind, Result};
use crate::exec::pool;
use crate::ops::ReduceOp;
use crate::plan;
use crate::record::{Arg, Expr, Node};
use crate::session;
use crate::stage::{Reads, Room, Run, Spread, Stage};
use crate::view::{Dims, checked_size};
use bytemuck::Pod;
use smallvec::SmallVec;
use std::ops::Range;
use std::sync::Arc;

/// The elements of `values`, of this shape and type, where `mask` holds; their flat indices if there are none. Collective.
pub(crate) fn compress(values: Option<Arg>, mask: Arg, shape: &[usize], dtype: DType) -> Result<Arc<Node>> {
    let mask = whole(mask, shape, DType::Bool)?;
    let ones = Node::lazy(mask.shape.clone(), DType::I64, Expr::Cast(Arg::whole(mask.clone())));
    let total = folded(ReduceOp::Sum, ones)? as usize;
    let mut stage = Stage::new("compress").reads(Arg::whole(mask), shape, DType::Bool, Reads::Own);
    let has_values = values.is_some();
    if let Some(values) = values {
        stage = stage.reads(values, shape, dtype, Reads::All);
    }
    let len: Dims = SmallVec::from_slice(&[total]);
    let made = stage.writes(&len, dtype, Spread::Usual).run(|room, runs| match has_values {
        true => by_size!(dtype, copy(room, &mut runs[0])),
        false => number(room, &mut runs[0]),
    })?;
    Ok(made.into_iter().next().expect("one result"))
}

/// Each of the `len` elements of `values`, of this type, as often as its count says. Collective.
///
/// # Errors
/// `ValueError` if a count is negative, or there are more than can be.
pub(crate) fn expand(values: Arg, counts: Arg, len: usize, dtype: DType) -> Result<Arc<Node>> {
    let counts = whole(counts, &[len], DType::I64)?;
    if len > 0 && folded(ReduceOp::Min, counts.clone())? < 0 {
        return Err(Error::new(Kind::Value, "repeats may not contain negative values."));
    }
    let total = checked_size(&[folded(ReduceOp::Sum, counts.clone())? as usize])?;
    let stage = Stage::new("repeat").reads(Arg::whole(counts), &[len], DType::I64, Reads::Own);
    let made = stage
        .reads(values, &[len], dtype, Reads::All)
        .writes(&[total], dtype, Spread::Usual)
        .run(|room, runs| by_size!(dtype, repeat(room, &mut runs[0])))?;
    Ok(made.into_iter().next().expect("one result"))
}

/// A whole array, stored, of elements of this type.
fn whole(arg: Arg, shape: &[usize], dtype: DType) -> Result<Arc<Node>> {
    let node = match arg {
        Arg::Node(node, view)
            if view.is_whole(node.len()) && view.shape == node.shape && node.dtype == dtype =>
        {
            node
        }
        arg => Node::lazy(SmallVec::from_slice(shape), dtype, Expr::Cast(arg)),
    };
    plan::force(&node)?;
    Ok(node)
}

/// A fold of integers; 0 of none.
fn folded(op: ReduceOp, node: Arc<Node>) -> Result<i64> {
    let shape = node.shape.clone();
    Ok(match plan::fold_all(op, Arg::whole(node), &shape, "reduce")?.finish(DType::I64) {
        Some(Scalar::I64(found)) => found,
        _ => 0,
    })
}

/// Elements that are written at once, whether they are wanted or not.
const AHEAD: usize = 4;

fn repeat<T: Pod + Send + Sync>(room: &Room<'_>, run: &mut Run<'_>) -> Result<()> {
    let values = room.at::<T>(1, room.range(0))?;
    let values = &values[..];
    let sum = |counts: &[i64]| counts.iter().sum::<i64>() as usize;
    place(room, run, sum, |range: Range<usize>, counts: &[i64], out: &mut [T]| {
        let mut next = 0;
        for (&count, &value) in counts.iter().zip(&values[range]) {
            let count = count as usize;
            match out[next..].first_chunk_mut::<AHEAD>() {
                // What is too much the next elements write over.
                Some(chunk) if count <= AHEAD => *chunk = [value; AHEAD],
                _ => out[next..next + count].fill(value),
            }
            next += count;
        }
    })
}

fn copy<T: Pod + Send + Sync>(room: &Room<'_>, run: &mut Run<'_>) -> Result<()> {
    let values = room.at::<T>(1, room.range(0))?;
    let values = &values[..];
    place(room, run, count, |range: Range<usize>, mask: &[u8], out: &mut [T]| {
        // Writes all and keeps those that hold: no branch that a processor might guess wrongly.
        let (mut next, values) = (0, &values[range]);
        for (&holds, &value) in mask.iter().zip(values) {
            if next == out.len() {
                break;
            }
            out[next] = value;
            next += usize::from(holds);
        }
    })
}

fn number(room: &Room<'_>, run: &mut Run<'_>) -> Result<()> {
    let first = room.range(0).start;
    place(room, run, count, |range: Range<usize>, mask: &[u8], out: &mut [i64]| {
        let (mut next, start) = (0, (first + range.start) as i64);
        for (k, &holds) in mask.iter().enumerate() {
            if next == out.len() {
                break;
            }
            out[next] = start + k as i64;
            next += usize::from(holds);
        }
    })
}

/// Lets `take` write what a window of this rank's run of the mask or the counts asks for, which are `count` elements, and brings it
/// where it belongs.
fn place<M: Pod + Send + Sync, T: Pod + Send + Sync>(
    room: &Room<'_>,
    run: &mut Run<'_>,
    count: impl Fn(&[M]) -> usize + Sync,
    take: impl Fn(Range<usize>, &[M], &mut [T]) + Sync,
) -> Result<()> {
    let mask = room.own::<M>(0);
    let windows = mask.len().div_ceil(WINDOW);
    let window = |k: usize| k * WINDOW..mask.len().min((k + 1) * WINDOW);
    let threads = threads(mask.len());
    let mut ends = vec![0; windows];
    {
        let ends = Cells::of(&mut ends);
        pool::split(windows, threads, &|k| {
            // SAFETY: each window has a count of its own.
            unsafe { ends.at(k).write(count(&mask[window(k)])) };
        });
    }
    let mut total = 0;
    for end in &mut ends {
        total += *end;
        *end = total;
    }
    let fill = |out: &mut [T]| {
        let out = Cells::of(out);
        pool::split(windows, threads, &|k| {
            let from = if k == 0 { 0 } else { ends[k - 1] };
            // SAFETY: the windows' elements follow each other, and are `total` in all.
            let part = unsafe { std::slice::from_raw_parts_mut(out.at(from), ends[k] - from) };
            take(window(k), &mask[window(k)], part);
        });
    };
    let is_cut =
        (0..session::get().size).any(|rank| room.is_shared() && room.range_of(0, rank).len() != room.len(0));
    if !is_cut {
        // Every rank has all of the mask, and takes what is in its run.
        let mut all = vec![T::zeroed(); total];
        let range = run.range();
        return match range == (0..total) {
            true => {
                fill(run.elements());
                Ok(())
            }
            false => {
                fill(&mut all);
                run.elements().copy_from_slice(&all[range]);
                Ok(())
            }
        };
    }
    let mut mine = vec![T::zeroed(); total];
    fill(&mut mine);
    let before = room.prefix(total as u64, |a, b| a + b)?.unwrap_or(0) as usize;
    if !run.is_shared() {
        let all = room.everybodys(&mine)?;
        let out = run.elements();
        let mut at = 0;
        for part in all {
            out[at..at + part.len()].copy_from_slice(&part);
            at += part.len();
        }
        return Ok(());
    }
    let parts = (0..session::get().size)
        .map(|rank| {
            let owned = run.range_of(rank);
            let (from, to) = (owned.start.max(before), owned.end.min(before + total));
            if from < to { mine[from - before..to - before].to_vec() } else { Vec::new() }
        })
        .collect();
    let mut at = 0;
    let out = run.elements();
    for part in room.exchange(parts)? {
        out[at..at + part.len()].copy_from_slice(&part);
        at += part.len();
    }
    Ok(())
}

fn count(mask: &[u8]) -> usize {
    // In bytes, which a chunk's sum fits.
    mask.chunks(128).map(|chunk| usize::from(chunk.iter().sum::<u8>())).sum()
}
