//! `accumulate`: what the elements along an axis come to, up to each.
//!
//! An array is seen as planes of `n` rows of elements along the axis; ranks have runs of the flat index. What may be
//! combined in any order each rank scans from the beginning of its run; then it learns what the ranks before it came to in
//! the plane that it goes on with, and puts that before its elements. What must be taken in order is scanned from the
//! plane's beginning by every rank, which is no slower than waiting for the others.

use super::rows::{Rows, line};
use super::{WINDOW, agreed, by_size, told};
use crate::error::Result;
use crate::ops::Loop;
use crate::record::{Arg, Node};
use crate::stage::{Reads, Room, Run, Spread, Stage};
use bytemuck::Pod;
use std::ops::Range;
use std::sync::Arc;

/// `op.accumulate` of an array of this shape along an axis.
pub(crate) fn accumulate(op: &Loop, value: Arg, shape: &[usize], axis: usize) -> Result<Arc<Node>> {
    let mut found = 0;
    let dims = Along { n: shape[axis], inner: shape[axis + 1..].iter().product() };
    let made = Stage::new("accumulate")
        .reads(value, shape, op.inputs[0], Reads::All)
        .writes(shape, op.outputs[0], Spread::Usual)
        .foreseen()
        .run(|room, runs| {
            found = by_size!(op.outputs[0], scan(op, dims, room, &mut runs[0]))?;
            Ok(())
        })?;
    told("accumulate", found)?;
    Ok(made.into_iter().next().expect("one result"))
}

#[derive(Clone, Copy)]
struct Along {
    /// Elements along the axis.
    n: usize,
    /// Elements in a row.
    inner: usize,
}

impl Along {
    /// Where the plane of an element begins.
    fn plane(self, at: usize) -> usize {
        at - at % (self.n * self.inner)
    }
}

fn scan<T: Pod>(op: &Loop, dims: Along, room: &Room<'_>, run: &mut Run<'_>) -> Result<u64> {
    let mut rows = match dims.inner == 1 && line::<T>(op.op, op.outputs[0]).is_some() {
        true => Rows::of_line(op),
        false => Rows::new(op),
    };
    let range = run.range();
    let is_free = op.op.is_reorderable();
    let begin = if is_free || range.is_empty() { range.start } else { dims.plane(range.start) };
    let state = scan_run::<T>(op, dims, room, begin, &range, run.elements(), &mut rows)?;
    if is_free && room.is_shared() {
        join(dims, room, &range, &state, run.elements(), &mut rows)?;
    }
    agreed(room, rows.found())
}

/// Scans the elements from `begin` on, and writes those of `range`. Returns what each column of the last plane came to.
fn scan_run<T: Pod>(
    op: &Loop,
    dims: Along,
    room: &Room<'_>,
    begin: usize,
    range: &Range<usize>,
    out: &mut [T],
    rows: &mut Rows,
) -> Result<Vec<T>> {
    let Along { n, inner } = dims;
    let mut state = vec![T::zeroed(); inner];
    let line = if inner == 1 { line::<T>(op.op, op.outputs[0]) } else { None };
    let mut at = begin;
    while at < range.end {
        let window = at..range.end.min(at + WINDOW);
        let elements = room.at::<T>(0, window.clone())?;
        while at < window.end {
            let offset = at % (n * inner);
            let rest = &elements[at - window.start..];
            let is_first = offset < inner || at < begin + inner;
            if let Some(line) = line {
                let mut len = rest.len().min(n - offset);
                let so_far = if is_first { None } else { Some(state[0]) };
                // What is not of the range only leads there.
                let steps = match at < range.start {
                    true => {
                        len = len.min(range.start - at);
                        None
                    }
                    false => Some(&mut out[at - range.start..][..len]),
                };
                state[0] = line(so_far, &rest[..len], steps).unwrap_or(state[0]);
                at += len;
                continue;
            }
            let mut end = window.end.min(at + inner - offset % inner);
            for border in [begin + inner, range.start] {
                end = if at < border { end.min(border) } else { end };
            }
            let (len, column) = (end - at, offset % inner);
            let columns = &mut state[column..column + len];
            match is_first {
                true => columns.copy_from_slice(&rest[..len]),
                false => rows.onto(columns, &rest[..len]),
            }
            if at >= range.start {
                out[at - range.start..][..len].copy_from_slice(columns);
            }
            at = end;
        }
    }
    Ok(state)
}

/// Puts what the ranks before have in the plane at the run's beginning before its elements. Collective.
fn join<T: Pod>(
    dims: Along,
    room: &Room<'_>,
    range: &Range<usize>,
    state: &[T],
    out: &mut [T],
    rows: &mut Rows,
) -> Result<()> {
    let Along { n, inner } = dims;
    let ranges = room.everybodys(&[range.start as u64, range.end as u64])?;
    // Who ends with a plane has nothing for others.
    let is_open = !range.is_empty() && !range.end.is_multiple_of(n * inner);
    let states = room.everybodys(if is_open { state } else { &[] })?;
    if range.is_empty() {
        return Ok(());
    }
    let plane = dims.plane(range.start);
    let mut carry = vec![T::zeroed(); inner];
    // The plane's elements up to here are in it.
    let mut seen = plane;
    for (ends, state) in ranges.iter().zip(&states) {
        let (from, to) = (ends[0] as usize, ends[1] as usize);
        if from >= to || to > range.start || to <= plane {
            continue;
        }
        let from = from.max(plane);
        // The columns of its elements: all, or up to two pieces.
        let mut at = if to - from >= inner { to - inner } else { from };
        let known = (seen - plane).min(inner);
        while at < to {
            let column = (at - plane) % inner;
            let mut len = (to - at).min(inner - column);
            if column < known {
                len = len.min(known - column);
                rows.onto(&mut carry[column..][..len], &state[column..][..len]);
            } else {
                carry[column..][..len].copy_from_slice(&state[column..][..len]);
            }
            at += len;
        }
        seen = to;
    }
    let known = (seen - plane).min(inner);
    if known == 0 {
        return Ok(());
    }
    let end = range.end.min(plane + n * inner);
    if inner == 1 {
        rows.under_one(carry[0], &mut out[..end - range.start]);
        return Ok(());
    }
    let mut at = range.start;
    while at < end {
        let column = (at - plane) % inner;
        let len = (end - at).min(inner - column);
        let both = known.saturating_sub(column).min(len);
        rows.under(&carry[column..][..both], &mut out[at - range.start..][..both]);
        at += len;
    }
    Ok(())
}
