//! Cutting boxes into pieces for threads. Where something is reduced, how depends on the box alone, so that the grouping of
//! reductions does, too; elsewhere on the number of threads, and one thread has one piece.
//!
//! Axes are cut from the outermost on until pieces are small enough. An axis that is reduced is cut if it is long: then
//! the pieces along it each reduce to results of their own, which a pass over those combines.

use super::axes::Layout;
use super::builder::Builder;
use super::domain::{Domain, Leaf, Stream};
use super::geometry::Geometry;
use super::program::{Program, Reduce};
use super::{PerAxis, Task};
use smallvec::{SmallVec, smallvec};
use std::borrow::Cow;

/// Elements of a piece: large against its set-up, small enough that threads finish together.
const PIECE: usize = 1 << 16;

/// The same at most, where nothing is reduced and each thread has some pieces nevertheless.
const LARGE_PIECE: usize = 1 << 18;
const PIECES_EACH: usize = 4;

/// A memory's innermost axis is not cut into less than this.
const RUN: usize = 256;

/// A reduced axis is cut if it has this many coordinates at least, into this many pieces at most.
const LONG_AXIS: usize = 256;
const GROUPS: usize = 64;

/// A box arranged and ready to be cut.
pub(super) struct Prepared<'p> {
    pub(super) program: &'p Program,
    pub(super) domain: Domain,
    pub(super) geometry: Geometry,
    /// For a reduction over axes.
    pub(super) layout: Option<Layout>,
    /// Axes along which the box is cut, and the extents of pieces along them; later ones vary faster.
    cuts: SmallVec<[(usize, usize); 2]>,
    /// Results of pieces that share outputs, for each reduction.
    shares: SmallVec<[Shares; 1]>,
    /// Index of its first piece in the pass.
    pub(super) first: usize,
}

// SAFETY: the pointers in a domain are plain addresses; `run`'s caller vouches for what lies there.
unsafe impl Sync for Prepared<'_> {}

/// Results of groups of pieces, one row of all results per group, packed in the order of the kept axes.
struct Shares {
    values: Vec<u128>,
    numbers: Vec<i64>,
    /// Elements of a row.
    len: usize,
    /// Which of the cuts makes groups.
    cut: usize,
    /// The outputs that they are for.
    outs: SmallVec<[Stream; 2]>,
}

impl<'p> Prepared<'p> {
    /// Arranges a task whose pieces are numbered from `first`, for so many threads.
    pub(super) fn new(task: Task<'p>, first: usize, threads: usize) -> Prepared<'p> {
        let Task { program, mut domain } = task;
        domain.normalise();
        let mut layout = Layout::of(program, &mut domain);
        let geometry = match &layout {
            Some(layout) => layout.geometry(program, &domain),
            None => {
                program.numbers().for_each(|leaf| domain.count_up(leaf));
                Geometry::of(program, &domain)
            }
        };
        let (cuts, group) = cuts(program, &domain, piece_len(program, &domain, threads));
        let shares: SmallVec<[Shares; 1]> = group.map_or_else(SmallVec::new, |cut| {
            program.axes().iter().map(|reduce| Shares::new(reduce, &mut domain, cuts[cut], cut)).collect()
        });
        if let Some(layout) = &mut layout {
            layout.fresh = !shares.is_empty();
        }
        Prepared { program, domain, geometry, layout, cuts, shares, first }
    }

    pub(super) fn pieces(&self) -> usize {
        self.cuts.iter().map(|&(axis, extent)| self.domain.shape[axis].div_ceil(extent)).product()
    }

    /// The part of the box that is piece `k`.
    pub(super) fn piece(&self, mut k: usize) -> Cow<'_, Domain> {
        if self.cuts.is_empty() {
            return Cow::Borrowed(&self.domain);
        }
        let mut part = self.domain.clone();
        for (i, &(axis, extent)) in self.cuts.iter().enumerate().rev() {
            let len = self.domain.shape[axis];
            let at = k % len.div_ceil(extent);
            k /= len.div_ceil(extent);
            part = part.cut(axis, at * extent, ((at + 1) * extent).min(len));
            for (shares, reduce) in self.shares.iter().zip(self.program.axes()) {
                if shares.cut == i {
                    shares.shift(reduce, &mut part, at);
                }
            }
        }
        Cow::Owned(part)
    }

    /// What combines the results of this task's groups into its outputs, once they are there: a program per reduction.
    pub(super) fn second(&self) -> impl Iterator<Item = (Program, Domain)> {
        let lines = self.shares.iter().zip(self.program.axes()).enumerate();
        lines.map(|(k, (shares, reduce))| self.combining(k, shares, reduce))
    }

    fn combining(&self, k: usize, shares: &Shares, reduce: &Reduce) -> (Program, Domain) {
        let mut builder = Builder::new();
        let value = builder.leaf(reduce.dtype);
        let number = reduce.index.map(|_| builder.leaf(crate::dtype::DType::I64));
        builder.mark(self.program.watch.reducer(k));
        builder.reduce_axes(reduce.op, value, number);
        let (axis, extent) = self.cuts[shares.cut];
        let out = reduce.out.expect("an axis reduction has an output");
        let kept: SmallVec<[usize; 4]> =
            (0..self.domain.shape.len()).filter(|&axis| shares.outs[0].strides[axis] != 0).collect();
        let mut shape: PerAxis<usize> = smallvec![self.domain.shape[axis].div_ceil(extent)];
        shape.extend(kept.iter().map(|&axis| self.domain.shape[axis]));
        let rows = |ptr: *mut u8, size: usize, own: &Stream| {
            let mut strides: PerAxis<isize> = smallvec![(shares.len * size) as isize];
            strides.extend(kept.iter().map(|&axis| own.strides[axis]));
            Leaf::Memory(Stream { ptr, strides })
        };
        let values = shares.values.as_ptr().cast_mut().cast();
        let mut leaves = smallvec![rows(values, reduce.dtype.size_bytes(), &self.domain.outs[out])];
        if number.is_some() {
            leaves.push(rows(shares.numbers.as_ptr().cast_mut().cast(), 8, &self.domain.outs[out + 1]));
        }
        let outs = shares.outs.iter().map(|stream| {
            let mut strides: PerAxis<isize> = smallvec![0];
            strides.extend(kept.iter().map(|&axis| stream.strides[axis]));
            Stream { ptr: stream.ptr, strides }
        });
        (builder.finish(), Domain { outs: outs.collect(), shape, leaves })
    }
}

impl Shares {
    /// Puts rows for the groups in the place of the reduction's outputs.
    fn new(reduce: &Reduce, domain: &mut Domain, (axis, extent): (usize, usize), cut: usize) -> Shares {
        let out = reduce.out.expect("an axis reduction has an output");
        let (groups, mut len) = (domain.shape[axis].div_ceil(extent), 1);
        let mut steps: PerAxis<isize> = SmallVec::from_elem(0, domain.shape.len());
        for axis in (0..domain.shape.len()).rev().filter(|&axis| domain.outs[out].strides[axis] != 0) {
            steps[axis] = len as isize;
            len *= domain.shape[axis];
        }
        let own = |ptr: *mut u8, size: usize| Stream {
            ptr,
            strides: steps.iter().map(|s| s * size as isize).collect(),
        };
        let size = reduce.dtype.size_bytes();
        let mut values = vec![0u128; (groups * len * size).div_ceil(16)];
        let mut numbers = vec![0i64; if reduce.index.is_some() { groups * len } else { 0 }];
        let mut outs =
            smallvec![std::mem::replace(&mut domain.outs[out], own(values.as_mut_ptr().cast(), size))];
        if reduce.index.is_some() {
            outs.push(std::mem::replace(&mut domain.outs[out + 1], own(numbers.as_mut_ptr().cast(), 8)));
        }
        Shares { values, numbers, len, cut, outs }
    }

    /// Moves a piece's outputs to the row of its group.
    fn shift(&self, reduce: &Reduce, part: &mut Domain, group: usize) {
        let out = reduce.out.expect("an axis reduction has an output");
        for (k, size) in [reduce.dtype.size_bytes(), 8].into_iter().enumerate().take(self.outs.len()) {
            let stream = &mut part.outs[out + k];
            stream.ptr = stream.ptr.wrapping_add(group * self.len * size);
        }
    }
}

/// About how many elements a piece of a box has.
fn piece_len(program: &Program, domain: &Domain, threads: usize) -> usize {
    match threads {
        _ if !program.reduces.is_empty() => PIECE,
        0 | 1 => usize::MAX / 2,
        _ => (domain.len() / (threads * PIECES_EACH)).clamp(PIECE, LARGE_PIECE),
    }
}

/// The cuts of a box into pieces of about this length, and which of them, if any, is along a reduced axis.
fn cuts(program: &Program, domain: &Domain, piece: usize) -> (SmallVec<[(usize, usize); 2]>, Option<usize>) {
    let out = program.axes().first().and_then(|reduce| reduce.out).map(|out| &domain.outs[out].strides);
    let is_reduced = |axis: usize| out.is_some_and(|strides| strides[axis] == 0);
    let mut order: SmallVec<[usize; 8]> =
        (0..domain.shape.len()).filter(|&axis| domain.shape[axis] > 1).collect();
    if out.is_some() {
        // As memory has them, not as they are walked.
        order.sort_by_key(|&axis| std::cmp::Reverse(domain.reach(axis)));
    }
    let innermost = order.last().copied();
    let (mut cuts, mut group) = (SmallVec::new(), None);
    let mut len = domain.len();
    for axis in order {
        if len <= piece + piece / 2 {
            break;
        }
        let extent = domain.shape[axis];
        let mut least = if Some(axis) == innermost { RUN } else { 1 };
        if is_reduced(axis) {
            if extent < LONG_AXIS || group.is_some() {
                continue;
            }
            least = extent.div_ceil(GROUPS).max(LONG_AXIS / 8).max(least);
        }
        let part = (piece * extent / len).max(least);
        if part < extent {
            if is_reduced(axis) {
                group = Some(cuts.len());
            }
            cuts.push((axis, part));
            len = len / extent * part;
        }
    }
    (cuts, group)
}
