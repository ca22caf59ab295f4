//! Folds of segments along an axis, from left to right: `reduceat`, and `reduce` of what fused passes don't fold with.
//!
//! Each rank computes the results that it owns, and reads the elements they are made of wherever they are.

use super::rows::{Rows, line};
use super::{WINDOW, agreed, by_size, told};
use crate::dtype::{DType, Scalar};
use crate::error::Result;
use crate::ops::Loop;
use crate::record::{Arg, Node};
use crate::stage::{Reads, Room, Run, Spread, Stage};
use bytemuck::Pod;
use std::ops::Range;
use std::sync::Arc;

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
    let made = stage.run(|room, runs| {
        found = by_size!(op.outputs[0], fold_run(op, what, room, &mut runs[0]))?;
        Ok(())
    })?;
    told(what.name, found)?;
    Ok(made.into_iter().next().expect("one result"))
}

fn fold_run<T: Pod>(op: &Loop, what: &Segments<'_>, room: &Room<'_>, run: &mut Run<'_>) -> Result<u64> {
    let mut rows = Rows::new(op);
    let n: usize = what.shape[what.axes.clone()].iter().product();
    let inner: usize = what.shape[what.axes.end..].iter().product();
    let start: Option<T> = what.start.map(|x| bytemuck::pod_read_unaligned(&x.bytes()[..size_of::<T>()]));
    let line = if inner == 1 && what.mask.is_none() { line::<T>(op.op, op.outputs[0]) } else { None };
    let range = run.range();
    let out = run.elements::<T>();
    let mut scratch = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let (row, column) = (at / inner, at % inner);
        let len = (range.end - at).min(inner - column);
        let (plane, segment) = (row / what.segments.len(), &what.segments[row % what.segments.len()]);
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
            let elements = room.at::<T>(0, window.clone())?;
            if let Some(line) = line {
                let so_far = if is_first { None } else { Some(folded[0]) };
                folded[0] = line(so_far, &elements, None).unwrap_or(folded[0]);
                is_first = false;
                k = end;
                continue;
            }
            let mask = what.mask.as_ref().map(|_| room.at::<u8>(1, window)).transpose()?;
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
    agreed(room, rows.found())
}
