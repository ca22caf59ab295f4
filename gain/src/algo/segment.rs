//! Folds of segments along an axis, from left to right: `reduceat`, and `reduce` of what fused passes don't fold with.
//!
//! Each rank computes the results that it owns, and reads the elements they are made of wherever they are.

use super::rows::{Line, Rows, line, row};
use super::{WINDOW, agreed, by_size, told};
use crate::dtype::{DType, Scalar};
use crate::error::Result;
use crate::exec::pool;
use crate::kernels::{Kernel, Operands, Slot};
use crate::lock;
use crate::ops::Loop;
use crate::record::{Arg, Node};
use crate::session;
use crate::stage::{Reads, Room, Run, Spread, Stage};
use bytemuck::Pod;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// What is folded.
pub(crate) struct Segments<'a> {
    /// The method, as reports call it.
    pub(crate) name: &'static str,
    /// The array's extents.
    pub(crate) shape: &'a [usize],
    /// The first of the folded axes, and the one after the last.
    pub(crate) axes: Range<usize>,
    /// Segments of the folded axes' flat index; one is empty only if there is a start.
    pub(crate) segments: &'a [Range<usize>],
    /// The result's extents: a segment for each element in the folded axes' place.
    pub(crate) result: &'a [usize],
    /// What each result begins with; else with the first element.
    pub(crate) start: Option<Scalar>,
    /// Which elements take part, a bool array of the shape; only where there is a start.
    pub(crate) mask: Option<Arg>,
}

/// Folds the segments of `value`.
pub(crate) fn fold(op: &Loop, value: Arg, what: &Segments<'_>) -> Result<Arc<Node>> {
    let mut found = 0;
    let mut stage = Stage::new(what.name).reads(value, what.shape, op.inputs[0], Reads::All).writes(
        what.result,
        op.outputs[0],
        Spread::Usual,
    );
    if let Some(mask) = &what.mask {
        stage = stage.reads(mask.clone(), what.shape, DType::Bool, Reads::All);
    }
    let made = stage.foreseen().run(|room, runs| {
        found = by_size!(op.outputs[0], fold_run(op, what, room, &mut runs[0]))?;
        Ok(())
    })?;
    told(what.name, found)?;
    Ok(made.into_iter().next().expect("one result"))
}

/// What the folding of a result needs.
#[derive(Clone, Copy)]
struct Plan<'a, T> {
    op: &'a Loop,
    what: &'a Segments<'a>,
    /// Elements along the folded axes, and in a row of those behind.
    n: usize,
    inner: usize,
    start: Option<T>,
    /// Folds elements that follow each other.
    line: Option<Line<T>>,
    /// The same of many, in any order.
    row: Option<Kernel>,
}

/// Results that a thread computes, and their range.
type Part<'a, T> = (Range<usize>, &'a mut [T]);

/// Fewer elements than this are not worth waking a thread for.
const SERIAL: usize = 1 << 16;

/// Rows of elements up to this length are summed in one go.
const ROW: usize = 1024;

fn fold_run<T: Pod + Send + Sync>(
    op: &Loop,
    what: &Segments<'_>,
    room: &Room<'_>,
    run: &mut Run<'_>,
) -> Result<u64> {
    let n: usize = what.shape[what.axes.clone()].iter().product();
    let inner: usize = what.shape[what.axes.end..].iter().product();
    let start: Option<T> = what.start.map(|x| bytemuck::pod_read_unaligned(&x.bytes()[..size_of::<T>()]));
    let line = if inner == 1 && what.mask.is_none() { line::<T>(op.op, op.outputs[0]) } else { None };
    let row = if line.is_some() { row(op.op, op.outputs[0]) } else { None };
    let plan = Plan { op, what, n, inner, start, line, row };
    let range = run.range();
    let out = run.elements::<T>();
    if room.is_shared() && session::get().size > 1 {
        let found = plan.fold(range, out, |k| room.at::<T>(0, k), |k| room.at::<u8>(1, k))?;
        return agreed(room, found);
    }
    // All is here: threads take some of the results each.
    let elements = room.at::<T>(0, 0..room.len(0))?;
    let mask = what.mask.as_ref().map(|_| room.at::<u8>(1, 0..room.len(1))).transpose()?;
    let (elements, mask) = (&*elements, mask.as_deref().unwrap_or_default());
    // Cut so that rows behind the folded axes stay whole, or long.
    let unit = if inner < 2 * ROW { inner.max(1) } else { ROW };
    let units = range.len().div_ceil(unit);
    let pieces = (elements.len() / SERIAL).clamp(1, units.max(1));
    let found = AtomicU64::new(0);
    let parts: Vec<Mutex<Option<Part<'_, T>>>> = {
        let (mut rest, mut parts) = (out, Vec::with_capacity(pieces));
        for k in 0..pieces {
            let [from, to] = [k, k + 1].map(|k| (units * k / pieces * unit).min(range.len()));
            let (part, more) = rest.split_at_mut(to - from);
            parts.push(Mutex::new(Some((range.start + from..range.start + to, part))));
            rest = more;
        }
        parts
    };
    pool::split(pieces, if pieces > 1 { session::get().threads } else { 1 }, &|k| {
        let (range, out) = lock(&parts[k]).take().expect("each piece once");
        let bits =
            plan.fold(range, out, |k| Ok(Cow::Borrowed(&elements[k])), |k| Ok(Cow::Borrowed(&mask[k])));
        found.fetch_or(bits.expect("nothing is fetched"), Relaxed);
    });
    agreed(room, found.into_inner())
}

impl<T: Pod> Plan<'_, T> {
    /// Folds the segments whose results are those of `range`; tells what was found.
    fn fold<'e>(
        &self,
        range: Range<usize>,
        out: &mut [T],
        elements_of: impl Fn(Range<usize>) -> Result<Cow<'e, [T]>>,
        mask_of: impl Fn(Range<usize>) -> Result<Cow<'e, [u8]>>,
    ) -> Result<u64>
    where
        T: 'e,
    {
        let Plan { op, what, n, inner, start, line, row } = *self;
        let mut rows = if line.is_some() { Rows::of_line(op) } else { Rows::new(op) };
        let mut scratch = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let (place, column) = (at / inner, at % inner);
            let len = (range.end - at).min(inner - column);
            let (plane, segment) = (place / what.segments.len(), &what.segments[place % what.segments.len()]);
            let folded = &mut out[at - range.start..][..len];
            if let Some(start) = start {
                folded.fill(start);
            }
            let mut is_first = start.is_none();
            // Rows together, unless most of what lies between them would be of no use.
            let together = if 2 * len >= inner { (WINDOW / inner).max(1) } else { 1 };
            let mut k = segment.start;
            while k < segment.end {
                let end = segment.end.min(k + together);
                let first = (plane * n + k) * inner + column;
                let window = first..first + (end - k - 1) * inner + len;
                let elements = elements_of(window.clone())?;
                if let Some(line) = line {
                    for few in elements.chunks(ROW) {
                        let so_far = if is_first { None } else { Some(folded[0]) };
                        let sum = match row.filter(|_| few.len() > SHORT) {
                            Some(row) => line(so_far, &[fold_row(row, few)], None),
                            None => line(so_far, few, None),
                        };
                        folded[0] = sum.unwrap_or(folded[0]);
                        is_first = false;
                    }
                    k = end;
                    continue;
                }
                let mask = what.mask.as_ref().map(|_| mask_of(window)).transpose()?;
                for i in 0..end - k {
                    let elements = &elements[i * inner..][..len];
                    match &mask {
                        _ if is_first => folded.copy_from_slice(elements),
                        None => rows.onto(folded, elements),
                        Some(mask) => {
                            scratch.clear();
                            scratch.extend_from_slice(folded);
                            rows.onto(&mut scratch, elements);
                            let chosen = mask[i * inner..][..len].iter().zip(&scratch);
                            folded
                                .iter_mut()
                                .zip(chosen)
                                .filter(|(_, (m, _))| **m != 0)
                                .for_each(|(to, (_, x))| *to = *x);
                        }
                    }
                    is_first = false;
                }
                k = end;
            }
            at += len;
        }
        Ok(rows.found())
    }
}

/// Fewer elements than this are combined one after the other.
const SHORT: usize = 8;

/// What a row of elements comes to by a kernel that reduces it.
fn fold_row<T: Pod>(kernel: Kernel, row: &[T]) -> T {
    let mut sum = T::zeroed();
    let slots = [Slot::row((&raw mut sum).cast()), Slot::row(row.as_ptr().cast_mut().cast())];
    // SAFETY: the kernel's type is as large as `T`; it reads the row and writes one element.
    unsafe { kernel(row.len(), slots.as_ptr(), &Operands { dst: [0; 2], src: [1; 8] }) };
    sum
}
