//! Vectors and masks: segmented scans, packing, enumeration, bins.
//!
//! Invariant: all of this is on arrays of one axis, of any distributions; the owner of what is written (of the mask, for packing)
//! computes. What goes on from one part to the next (a sum, a value, a place) is gathered from all parts first, in the order of
//! indices, so that a vector dealt out cyclically is as good as any. All are collective and synchronise before and after.

use crate::array::GlobalArray;
use crate::error::{Error, ErrorKind, Result};
use crate::number::Number;
use crate::own::Part;
use crate::sight::Sight;
use rma::Element;
use std::ops::Range;

/// What a scan carries on from one element to the next: nothing before the first mark, then a value.
type Carry<T> = Option<T>;

impl<T: Element> GlobalArray<T> {
    /// Each element of the range becomes the last element of `source`, at or before it in the range, that `mask` marks (is not 0
    /// there); the zero before the first mark. Collective. `GA_Scan_copy`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] unless all three are vectors of one length, [`ErrorKind::Range`] for a range that leaves them,
    /// [`ErrorKind::Team`] for arrays of different teams.
    #[track_caller]
    pub fn scan_copy_from<M: Element>(
        &self,
        source: &Self,
        mask: &GlobalArray<M>,
        range: Range<usize>,
    ) -> Result<()> {
        self.check_masked("scan_copy_from", source, mask, &range, true)?;
        self.scan(
            "scan_copy_from",
            (source, mask),
            range,
            |last, is_marked, value| if is_marked { Some(value) } else { last },
            |last, _| last,
            |_, last, _| Some(last.unwrap_or_default()),
        )
    }

    /// Each element of the range becomes the sum of `source` from the last place at or before it that `mask` marks up to itself;
    /// with `is_exclusive`, up to the one before it. Elements before the first mark stay what they are. Collective. `GA_Scan_add`.
    ///
    /// # Errors
    /// As [`GlobalArray::scan_copy_from`].
    #[track_caller]
    pub fn scan_add_from<M: Element>(
        &self,
        source: &Self,
        mask: &GlobalArray<M>,
        range: Range<usize>,
        is_exclusive: bool,
    ) -> Result<()>
    where
        T: Number,
    {
        self.check_masked("scan_add_from", source, mask, &range, true)?;
        self.scan(
            "scan_add_from",
            (source, mask),
            range,
            |sum, is_marked, value| if is_marked { Some(value) } else { sum.map(|sum| sum.plus(value)) },
            |sum, part| sum.map(|sum| sum.plus(part)),
            |before, sum, is_marked| match is_exclusive {
                true if is_marked => Some(T::ZERO),
                true => before,
                false => sum,
            },
        )
    }

    /// The marked elements of `source` in the range, side by side from the first element of this vector on; returns how many they
    /// are. Collective. `GA_Pack`.
    ///
    /// # Errors
    /// As [`GlobalArray::scan_copy_from`], and [`ErrorKind::Range`] when this vector is too short; it may have another length
    /// than the other two.
    #[track_caller]
    pub fn pack_from<M: Element>(
        &self,
        source: &Self,
        mask: &GlobalArray<M>,
        range: Range<usize>,
    ) -> Result<usize> {
        source.check_masked("pack_from", source, mask, &range, true)?;
        self.check_masked("pack_from", source, mask, &range, false)?;
        self.sync_for("pack_from")?;
        let own = mask.marked_parts(range)?;
        let (starts, total) = mask.places(own.iter().map(|(range, marks)| (range.start, count(marks))))?;
        self.check_room("pack_from", total)?;
        for ((range, marks), start) in own.into_iter().zip(starts) {
            let mut values = source.fetched(range)?;
            let mut marks = marks.iter();
            values.retain(|_| marks.next() == Some(&true));
            self.put(start..start + values.len(), &values)?;
        }
        self.sync_for("pack_from")?;
        Ok(total)
    }

    /// The reverse of [`GlobalArray::pack_from`]: the first elements of `source` go to the marked places of this vector in the
    /// range; returns how many they are. Collective. `GA_Unpack`.
    ///
    /// # Errors
    /// As [`GlobalArray::pack_from`], with the parts of the two exchanged.
    #[track_caller]
    pub fn unpack_from<M: Element>(
        &self,
        source: &Self,
        mask: &GlobalArray<M>,
        range: Range<usize>,
    ) -> Result<usize> {
        self.check_masked("unpack_from", self, mask, &range, true)?;
        self.check_masked("unpack_from", source, mask, &range, false)?;
        self.sync_for("unpack_from")?;
        let parts: Vec<Part<T>> = self.own_parts(&[range.start], &[range.end]).collect();
        let marks: Vec<Vec<bool>> = parts.iter().map(|part| mask.marks(span(part))).collect::<Result<_>>()?;
        let counted = parts.iter().zip(&marks).map(|(part, marks)| (span(part).start, count(marks)));
        let (starts, total) = self.places(counted)?;
        source.check_room("unpack_from", total)?;
        for ((part, marks), start) in parts.iter().zip(&marks).zip(starts) {
            let values = source.fetched(start..start + count(marks))?;
            let places = marks.iter().enumerate().filter(|(_, is_marked)| **is_marked);
            for ((k, _), value) in places.zip(values) {
                // SAFETY: an element of my part, which is nobody else's between the two synchronisations.
                unsafe { part.first.add(k).write(value) };
            }
        }
        self.sync_for("unpack_from")?;
        Ok(total)
    }

    /// Element number `k` of the range becomes `start + k * step`. Collective. `GA_Patch_enum`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] unless this is a vector, [`ErrorKind::Range`] for a range that leaves it.
    #[track_caller]
    pub fn enumerate(&self, range: Range<usize>, start: T, step: T) -> Result<()>
    where
        T: Number,
    {
        self.check_masked("enumerate", self, self, &range, true)?;
        self.sync_for("enumerate")?;
        for part in self.own_parts(&[range.start], &[range.end]) {
            for (k, i) in span(&part).enumerate() {
                let value = start.plus(T::from_count(i - range.start).times(step));
                // SAFETY: an element of my part, which is nobody else's between the two synchronisations.
                unsafe { part.first.add(k).write(value) };
            }
        }
        self.sync_for("enumerate")
    }

    /// Scans the range: `step` goes on by one element, `join` by a part without a mark, from what `step` has made of its elements
    /// and the zero; `shown` says what becomes of an element, given the states before and after it.
    #[track_caller]
    fn scan<M: Element>(
        &self,
        op: &'static str,
        (source, mask): (&Self, &GlobalArray<M>),
        range: Range<usize>,
        step: impl Fn(Carry<T>, bool, T) -> Carry<T>,
        join: impl Fn(Carry<T>, T) -> Carry<T>,
        shown: impl Fn(Carry<T>, Carry<T>, bool) -> Carry<T>,
    ) -> Result<()> {
        self.sync_for(op)?;
        let parts: Vec<Part<T>> = self.own_parts(&[range.start], &[range.end]).collect();
        let (mut own, mut heads, mut sums) = (Vec::new(), Vec::new(), Vec::new());
        for part in &parts {
            let (values, marks) = (source.fetched(span(part))?, mask.marks(span(part))?);
            let sum = values.iter().zip(&marks).try_fold(T::default(), |c, (&v, &m)| step(Some(c), m, v));
            heads.push([span(part).start, marks.contains(&true) as usize]);
            sums.push(sum.unwrap_or_default());
            own.push((values, marks));
        }
        let gathered = |e| Error::from_rma("allgatherv", e);
        let heads = self.team().allgatherv(heads.as_flattened()).map_err(gathered)?;
        let sums = self.team().allgatherv(&sums).map_err(gathered)?;
        let heads = heads.iter().flat_map(|list| list.as_chunks::<2>().0);
        let mut all: Vec<_> = heads.zip(sums.iter().flatten()).map(|(head, &sum)| (*head, sum)).collect();
        all.sort_by_key(|(head, _)| head[0]);
        let (mut carry, mut ahead) = (None, all.into_iter().peekable());
        for (part, (values, marks)) in parts.iter().zip(own) {
            let start = span(part).start;
            while let Some(([_, has_mark], sum)) = ahead.next_if(|(head, _)| head[0] < start) {
                carry = if has_mark == 1 { Some(sum) } else { join(carry, sum) };
            }
            let mut state = carry;
            for (k, (&value, &is_marked)) in values.iter().zip(&marks).enumerate() {
                let after = step(state, is_marked, value);
                if let Some(value) = shown(state, after, is_marked) {
                    // SAFETY: an element of my part, which is nobody else's between the two synchronisations.
                    unsafe { part.first.add(k).write(value) };
                }
                state = after;
            }
        }
        self.sync_for(op)
    }

    /// Vectors of one team; `is_ranged`: in which the range is. Source and mask have one length.
    fn check_masked<M: Element>(
        &self,
        op: &'static str,
        source: &Self,
        mask: &GlobalArray<M>,
        range: &Range<usize>,
        is_ranged: bool,
    ) -> Result<()> {
        let shapes = [self.shape(), source.shape(), mask.shape()];
        let is_alike = !is_ranged || (shapes[0] == shapes[2] && shapes[1] == shapes[2]);
        if shapes.iter().any(|shape| shape.len() != 1) || !is_alike {
            return Err(Error::numbered(ErrorKind::Shape, op, |by| {
                let shapes = shapes.map(|shape| by.extents(shape)).join(", ");
                format!("arrays of shapes {shapes}; they must be vectors of one length")
            }));
        }
        if is_ranged {
            self.distribution().check_bounds(op, &[range.start], &[range.end])?;
        }
        for team in [source.team(), mask.team()] {
            if !team.is_same(self.team()) {
                let message = |by: Sight| format!("{} and an array of another team", by.array(self.raw()));
                return Err(Error::numbered(ErrorKind::Team, op, message));
            }
        }
        Ok(())
    }

    /// Refuses a vector of fewer than `total` elements; all ranks know both.
    fn check_room(&self, op: &'static str, total: usize) -> Result<()> {
        if total <= self.len() {
            return Ok(());
        }
        let message = format!("{total} marked elements and a vector of {}", self.len());
        Err(Error::new(ErrorKind::Range, op, message))
    }

    /// A copy of some elements, from wherever they are.
    fn fetched(&self, range: Range<usize>) -> Result<Vec<T>> {
        let mut values = vec![T::default(); range.len()];
        self.get(range, &mut values)?;
        Ok(values)
    }

    /// Which of some elements are not 0.
    fn marks(&self, range: Range<usize>) -> Result<Vec<bool>> {
        Ok(self.fetched(range)?.into_iter().map(|value| value != T::default()).collect())
    }

    /// My parts of a range, with their marks.
    fn marked_parts(&self, range: Range<usize>) -> Result<Vec<(Range<usize>, Vec<bool>)>> {
        let parts = self.own_parts(&[range.start], &[range.end]);
        parts.map(|part| Ok((span(&part), self.marks(span(&part))?))).collect()
    }

    /// From the first index and the count of each part of mine: how much all parts before it count, and all together.
    /// Collective.
    fn places(&self, own: impl Iterator<Item = (usize, usize)>) -> Result<(Vec<usize>, usize)> {
        let own: Vec<[usize; 2]> = own.map(|(start, count)| [start, count]).collect();
        let all = self.team().allgatherv(own.as_flattened()).map_err(|e| Error::from_rma("allgatherv", e))?;
        let mut all: Vec<[usize; 2]> = all.iter().flat_map(|list| list.as_chunks::<2>().0).copied().collect();
        all.sort_unstable();
        let mut total = 0;
        for part in &mut all {
            total += std::mem::replace(&mut part[1], total);
        }
        let before = |start| all[all.partition_point(|part| part[0] < start)][1];
        Ok((own.iter().map(|part| before(part[0])).collect(), total))
    }
}

/// The indices of a part of a vector.
fn span<T>(part: &Part<T>) -> Range<usize> {
    part.patch.lo()[0]..part.patch.hi()[0]
}

fn count(marks: &[bool]) -> usize {
    marks.iter().filter(|is_marked| **is_marked).count()
}
