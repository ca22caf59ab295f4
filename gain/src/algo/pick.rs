//! Which elements index arrays name: NumPy's `a[i, :, j]`, whose result has the axes of the arrays, broadcast, in the place of
//! theirs.
//!
//! A [`Pick`] says where each element of the result is in the flat memory of the array: an offset per element of the
//! broadcast arrays and strides for the axes before and behind. All indices are checked, on all ranks together
//! ([`Pick::places`]), before anything is read or written.

use crate::dtype::DType;
use crate::error::{Error, Kind, Result};
use crate::exec::pool;
use crate::record::{Arg, Node};
use crate::session;
use crate::stage::{Reads, Room, Stage};
use crate::view::{Dims, Strides};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// An index array, of any integer type.
#[derive(Debug)]
pub(crate) struct Indices {
    /// The numbers, over their own shape.
    pub(crate) value: Arg,
    /// Their shape.
    pub(crate) shape: Dims,
    /// The array's axis that they are along, its extent, and elements from one coordinate to the next.
    pub(crate) axis: usize,
    pub(crate) extent: usize,
    pub(crate) stride: isize,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Pick {
    /// The first element of the array, in its memory.
    pub(crate) offset: isize,
    /// Extents and strides of the result's axes before those of the index arrays, and of those behind.
    pub(crate) outer: (Dims, Strides),
    pub(crate) inner: (Dims, Strides),
    /// What the index arrays broadcast to.
    pub(crate) among: Dims,
    pub(crate) indices: SmallVec<[Indices; 2]>,
}

/// Elements that are worth a thread.
pub(super) const PIECE: usize = 1 << 15;

/// Elements of its share of which a rank asks others, or sends them, at once.
pub(super) const ROUND: usize = 1 << 19;

impl Pick {
    /// The result's shape.
    pub(crate) fn shape(&self) -> Dims {
        self.outer.0.iter().chain(&self.among).chain(&self.inner.0).copied().collect()
    }

    /// Declares the index arrays as the operands that come next.
    pub(super) fn declare(&self, stage: Stage) -> Stage {
        self.indices
            .iter()
            .fold(stage, |stage, one| stage.reads(one.value.clone(), &one.shape, DType::I64, Reads::All))
    }

    /// Where the results are another job's, which has yet to look at the indices: an error if one is outside of those that are here.
    pub(super) fn check_if_foreseen(&self, made: &[Arc<Node>]) -> Result<()> {
        let is_there = |node: &Arc<Node>| node.is_elsewhere();
        if !made.iter().any(is_there) || self.among.contains(&0) {
            return Ok(());
        }
        let here = self.indices.iter().filter(|one| !one.value.node().is_some_and(is_there));
        for one in here {
            let stage = Stage::new("getitem").reads(one.value.clone(), &one.shape, DType::I64, Reads::All);
            stage.run(|room, _| {
                let numbers = room.at::<i64>(0, 0..room.len(0))?;
                one.bad(&numbers).map_or(Ok(()), |bad| Err(one.outside(bad)))
            })?;
        }
        Ok(())
    }

    /// The elements of the broadcast index arrays that a range of the result needs.
    fn needed(&self, range: &Range<usize>) -> Range<usize> {
        let (among, inner): (usize, usize) = (self.among.iter().product(), self.inner.0.iter().product());
        let outer: usize = self.outer.0.iter().product();
        match outer {
            1 if !range.is_empty() => range.start / inner..range.end.div_ceil(inner),
            _ => 0..among,
        }
    }

    /// Where the elements that the index arrays name lie, for a range of the result; `first` is the operand's number of
    /// the first index array. An error on all ranks if an index is outside on one. Collective.
    pub(super) fn places<'a>(
        &'a self,
        room: &Room<'a>,
        first: usize,
        range: &Range<usize>,
    ) -> Result<Places<'a>> {
        let needed = self.needed(range);
        let mut indices = SmallVec::new();
        let mut wrong = None;
        for (k, one) in self.indices.iter().enumerate() {
            let numbers = match one.shape == self.among {
                true => room.at::<i64>(first + k, needed.clone())?,
                false => {
                    let all = room.at::<i64>(first + k, 0..room.len(first + k))?;
                    Cow::Owned(self.repeated(&one.shape, &needed).map(|i| all[i]).collect())
                }
            };
            wrong = wrong.or(one.bad(&numbers).map(|index| [k as u64 + 1, index as u64]));
            indices.push((numbers, one.extent as i64, one.stride));
        }
        let told = room.everybodys(&wrong.unwrap_or([0; 2]))?;
        if let Some(bad) = told.iter().filter(|word| word[0] > 0).min_by_key(|word| word[0]) {
            return Err(self.indices[bad[0] as usize - 1].outside(bad[1] as i64));
        }
        Ok(Places::new(self, needed.start, indices))
    }

    /// Calls `each` with every run of the result ([`Places::runs`]), by one thread, given the numbers of all index arrays. An
    /// error before the first call if an index is outside.
    pub(crate) fn each(
        &self,
        numbers: &[&[i64]],
        each: impl FnMut(usize, isize, isize, usize),
    ) -> Result<()> {
        let among = self.among.iter().product();
        if among == 0 {
            // (Indices that broadcast to none aren't looked at.)
            return Ok(());
        }
        let mut indices = SmallVec::new();
        for (one, &numbers) in self.indices.iter().zip(numbers) {
            if let Some(&bad) = one.first_bad(numbers) {
                return Err(one.outside(bad));
            }
            let numbers = match one.shape == self.among {
                true => Cow::Borrowed(numbers),
                false => Cow::Owned(self.repeated(&one.shape, &(0..among)).map(|i| numbers[i]).collect()),
            };
            indices.push((numbers, one.extent as i64, one.stride));
        }
        let total = self.shape().iter().product();
        Places::new(self, 0, indices).runs(0..total, each);
        Ok(())
    }

    /// For a range of the broadcast index arrays, the elements of one of them.
    fn repeated(&self, shape: &[usize], range: &Range<usize>) -> impl Iterator<Item = usize> {
        let axes = self.among.len();
        let mut steps = vec![0; axes];
        let mut step = 1;
        for (axis, &extent) in shape.iter().enumerate().rev() {
            steps[axes - shape.len() + axis] = if extent == 1 { 0 } else { step };
            step *= extent;
        }
        let extents = self.among.clone();
        range.clone().map(move |mut i| {
            let mut at = 0;
            for axis in (0..axes).rev() {
                at += i % extents[axis] * steps[axis];
                i /= extents[axis];
            }
            at
        })
    }
}

impl Indices {
    /// The first index that is outside.
    fn bad(&self, indices: &[i64]) -> Option<i64> {
        let pieces = indices.len().div_ceil(PIECE);
        let found = Mutex::new(None::<(usize, i64)>);
        pool::split(pieces, threads(indices.len()), &|piece| {
            let part = &indices[piece * PIECE..indices.len().min((piece + 1) * PIECE)];
            if let Some(&bad) = self.first_bad(part) {
                let mut found = crate::lock(&found);
                if found.is_none_or(|(before, _)| piece < before) {
                    *found = Some((piece, bad));
                }
            }
        });
        found.into_inner().ok().flatten().map(|(_, bad)| bad)
    }

    fn first_bad<'a>(&self, indices: &'a [i64]) -> Option<&'a i64> {
        let extent = self.extent as i64;
        // Of an index outside one of these is negative. (Without an exit, so that it is a loop of vectors.)
        let signs = |i: i64| i.wrapping_add(extent) | (extent - 1).wrapping_sub(i);
        let are_inside = indices.iter().fold(0, |all, &i| all | signs(i)) >= 0;
        if are_inside { None } else { indices.iter().find(|i| !(-extent..extent).contains(i)) }
    }

    fn outside(&self, index: i64) -> Error {
        let Indices { axis, extent, .. } = self;
        Error::new(Kind::Index, format!("index {index} is out of bounds for axis {axis} with size {extent}"))
    }
}

/// How many threads so many elements are worth.
pub(super) fn threads(len: usize) -> usize {
    if len <= PIECE { 1 } else { session::get().threads }
}

/// This rank's share of so many values.
pub(super) fn share_of(total: usize) -> Range<usize> {
    shares(total).nth(session::get().rank).unwrap_or(0..0)
}

/// All ranks' shares of so many values.
pub(super) fn shares(total: usize) -> impl Iterator<Item = Range<usize>> {
    let size = session::get().size;
    let bound = move |rank: usize| (total as u128 * rank as u128 / size as u128) as usize;
    (0..size).map(move |rank| bound(rank)..bound(rank + 1))
}

/// For each index array its numbers, the extent of its axis and the stride along it.
type Numbers<'a> = SmallVec<[(Cow<'a, [i64]>, i64, isize); 2]>;

/// Where a range of the result lies, in C order.
#[derive(Debug)]
pub(super) struct Places<'a> {
    pick: &'a Pick,
    /// From this element of the broadcast index arrays on, those numbers; extents and strides of their axes.
    from: usize,
    indices: Numbers<'a>,
    among: usize,
    inner: usize,
    /// The elements behind lie in a row, at this step.
    step: Option<isize>,
}

/// Places that are worked out at once.
const WINDOW: usize = 256;

impl<'a> Places<'a> {
    fn new(pick: &'a Pick, from: usize, indices: Numbers<'a>) -> Places<'a> {
        let (shape, strides) = &pick.inner;
        let mut axes = shape.iter().zip(strides).filter(|(n, _)| **n > 1);
        let mut step = Some(1);
        if let Some((mut extent, &first)) = axes.next_back().map(|(n, s)| (*n as isize, s)) {
            step = Some(first);
            for (&n, &stride) in axes.rev() {
                if stride != first * extent {
                    step = None;
                }
                extent *= n as isize;
            }
        }
        Places {
            pick,
            from,
            indices,
            among: pick.among.iter().product(),
            inner: shape.iter().product(),
            step,
        }
    }

    /// What the index arrays come to from their element `b` on.
    fn window(&self, b: usize, places: &mut [isize]) {
        places.fill(self.pick.offset);
        for (numbers, extent, stride) in &self.indices {
            // (`extent` for those that count from the end.)
            let numbers = numbers[b - self.from..].iter().map(|&i| (i + (extent & (i >> 63))) as isize);
            match stride {
                1 => places.iter_mut().zip(numbers).for_each(|(place, i)| *place += i),
                _ => places.iter_mut().zip(numbers).for_each(|(place, i)| *place += i * stride),
            }
        }
    }

    /// Calls `each` with the number of the first of some elements that follow each other, and their places.
    #[inline]
    pub(super) fn windows(&self, range: Range<usize>, mut each: impl FnMut(usize, &[isize])) {
        let mut window = [0; WINDOW];
        if self.inner == 1 && self.pick.outer.0.iter().product::<usize>() == 1 {
            let mut at = range.start;
            while at < range.end {
                let places = &mut window[..(range.end - at).min(WINDOW)];
                self.window(at, places);
                each(at, places);
                at += places.len();
            }
            return;
        }
        let (mut first, mut count) = (range.start, 0);
        self.runs(range, |_, place, step, len| {
            for k in 0..len as isize {
                window[count] = place + step * k;
                count += 1;
                if count == WINDOW {
                    each(first, &window);
                    (first, count) = (first + WINDOW, 0);
                }
            }
        });
        if count > 0 {
            each(first, &window[..count]);
        }
    }

    /// Whether indices name single elements.
    pub(super) fn are_single(&self) -> bool {
        self.inner == 1
    }

    /// Of indices that name single elements: calls `each` with the number of the first of some that follow each other, and with
    /// their places, counted from the one that comes before these.
    #[inline]
    pub(super) fn lists(&self, range: Range<usize>, mut each: impl FnMut(usize, isize, &[isize])) {
        let mut window = [0; WINDOW];
        let mut at = range.start;
        while at < range.end {
            let (p, b) = (at / self.among, at % self.among);
            let places = &mut window[..(self.among - b).min(range.end - at).min(WINDOW)];
            self.window(b, places);
            each(at, place(&self.pick.outer, p), places);
            at += places.len();
        }
    }

    /// Calls `each` with the number of the first element of a run, its place, the step to the next and how many they are.
    #[inline]
    pub(super) fn runs(&self, range: Range<usize>, mut each: impl FnMut(usize, isize, isize, usize)) {
        if self.are_single() {
            return self.lists(range, |at, outer, places| {
                places.iter().enumerate().for_each(|(k, place)| each(at + k, outer + place, 1, 1));
            });
        }
        let mut window = [0; WINDOW];
        let mut at = range.start;
        while at < range.end {
            let (row, skip) = (at / self.inner, at % self.inner);
            let (p, b) = (row / self.among, row % self.among);
            let outer = place(&self.pick.outer, p);
            self.window(b, &mut window[..1]);
            let first = outer + window[0];
            let len = (self.inner - skip).min(range.end - at);
            match self.step {
                Some(step) => each(at, first + skip as isize * step, step, len),
                None => (0..len).for_each(|k| each(at + k, first + place(&self.pick.inner, skip + k), 1, 1)),
            }
            at += len;
        }
    }
}

/// Where element `i` of these axes is.
fn place((shape, strides): &(Dims, Strides), mut i: usize) -> isize {
    let mut at = 0;
    for (&n, &stride) in shape.iter().zip(strides).rev() {
        at += (i % n) as isize * stride;
        i /= n;
    }
    at
}
