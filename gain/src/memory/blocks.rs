//! Which rank owns which flat indices.
//!
//! A buffer of `len` elements is cut into one run per rank. The cuts lie on multiples of `unit`: the length of a row of the
//! first axis, or of the first axes together, if that makes the largest run hardly larger than the others; else they lie
//! anywhere. Or they lie where the program says. Replicated buffers have one run.

use crate::session::mix;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// The cut of a flat buffer. Equal values mean equal cuts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Blocks {
    len: usize,
    unit: usize,
    ranks: usize,
    distributed: bool,
    /// Where the runs begin, and the length, if the program said so.
    starts: Option<&'static [usize]>,
}

/// Units per rank from which on one more or less doesn't matter.
const EVEN: usize = 8;

/// The cuts that programs asked for: a few, kept for good.
static CUTS: Mutex<Option<HashSet<&'static [usize]>>> = Mutex::new(None);

impl Blocks {
    /// A copy on every rank.
    pub(crate) fn replicated(len: usize) -> Blocks {
        Blocks { len, unit: 1, ranks: 1, distributed: false, starts: None }
    }

    /// An array of this shape over `ranks` ranks.
    pub(crate) fn distributed(shape: &[usize], ranks: usize) -> Blocks {
        let len: usize = shape.iter().product();
        let (mut rows, mut unit) = (1, 1);
        if len > 0 && ranks > 1 {
            for n in shape {
                rows *= n;
                if rows >= EVEN * ranks || rows.is_multiple_of(ranks) {
                    unit = len / rows;
                    break;
                }
            }
        }
        Blocks { len, unit, ranks, distributed: true, starts: None }
    }

    /// `len` elements in runs that begin here, one per rank; the first at 0, none before the one of the rank before.
    pub(crate) fn beginning_at(starts: impl IntoIterator<Item = usize>, len: usize) -> Blocks {
        let starts: Vec<usize> = starts.into_iter().chain([len]).collect();
        let ranks = starts.len() - 1;
        let mut cuts = CUTS.lock().unwrap_or_else(PoisonError::into_inner);
        let cuts = cuts.get_or_insert_default();
        let starts = match cuts.get(&starts[..]) {
            Some(known) => known,
            None => {
                let kept: &'static [usize] = starts.leak();
                cuts.insert(kept);
                kept
            }
        };
        Blocks { len, unit: 1, ranks, distributed: true, starts: Some(starts) }
    }

    /// The same cut of elements of another size, where it is one.
    pub(crate) fn resized(&self, from_bytes: usize, to_bytes: usize) -> Option<Blocks> {
        let len = self.len * from_bytes / to_bytes;
        if self.ranks == 1 {
            return Some(Blocks { len, unit: 1, starts: None, ..*self });
        }
        if let Some(starts) = self.starts {
            let fits = starts.iter().all(|start| (start * from_bytes).is_multiple_of(to_bytes));
            let scaled = starts[..self.ranks].iter().map(|start| start * from_bytes / to_bytes);
            return fits.then(|| Blocks::beginning_at(scaled, len));
        }
        let unit_bytes = self.unit * from_bytes;
        unit_bytes.is_multiple_of(to_bytes).then(|| Blocks { len, unit: unit_bytes / to_bytes, ..*self })
    }

    /// The same for equal cuts only.
    pub(crate) fn words(&self) -> [u64; 4] {
        // Cuts that programs asked for are kept once each.
        let starts = self.starts.map_or(0, |starts| starts.as_ptr().addr() as u64);
        [self.len as u64, self.unit as u64, (self.ranks as u64) << 1 | u64::from(self.distributed), starts]
    }

    /// A number for the cut, for ranks to compare: a program may have told them different ones.
    pub(crate) fn number(&self) -> u64 {
        let starts = self.starts.unwrap_or_default();
        starts.iter().fold(self.len as u64, |sum, &start| mix(sum ^ start as u64))
    }

    /// Whether the program said where the runs begin.
    #[inline]
    pub(crate) fn is_custom(&self) -> bool {
        self.starts.is_some()
    }

    /// Whether each rank owns a run of its own.
    pub(crate) fn is_distributed(&self) -> bool {
        self.distributed
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Number of runs.
    pub(crate) fn count(&self) -> usize {
        self.ranks
    }

    /// First index of run `r`; `start(count())` is the length.
    #[inline]
    pub(crate) fn start(&self, r: usize) -> usize {
        if let Some(starts) = self.starts {
            return starts[r];
        }
        let rows = (self.len / self.unit) as u128;
        self.unit * (rows * r as u128 / self.ranks as u128) as usize
    }

    /// The run that index `i` is in.
    #[inline]
    pub(crate) fn owner(&self, i: usize) -> usize {
        if self.ranks == 1 {
            return 0;
        }
        if let Some(starts) = self.starts {
            return starts.partition_point(|&start| start <= i) - 1;
        }
        let (rows, row) = ((self.len / self.unit) as u128, (i / self.unit) as u128);
        (((row + 1) * self.ranks as u128 - 1) / rows) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_another_size_have_the_same_cut() {
        for shape in [&[7usize, 3][..], &[2, 5], &[1], &[100], &[4, 4, 4], &[3, 0], &[9, 8]] {
            for ranks in 1..6 {
                let b = Blocks::distributed(shape, ranks);
                for (from, to) in [(8, 4), (16, 8), (8, 1), (1, 8), (8, 16), (4, 4)] {
                    let cuts: Vec<usize> = (0..=ranks).map(|r| b.start(r) * from).collect();
                    match b.resized(from, to) {
                        Some(c) => {
                            let inner = ranks - usize::from(ranks == 1);
                            assert!((0..inner.max(1)).all(|r| c.start(r) * to == cuts[r]));
                            assert_eq!(c.len(), b.len() * from / to);
                        }
                        None => assert!(to > from && ranks > 1),
                    }
                }
            }
        }
    }

    #[test]
    fn runs_are_even() {
        for (shape, ranks) in
            [(&[5usize, 1000][..], 4), (&[7, 3, 100], 2), (&[4, 10], 4), (&[33, 5], 4), (&[9, 9, 9], 4)]
        {
            let b = Blocks::distributed(shape, ranks);
            let longest = (0..ranks).map(|r| b.start(r + 1) - b.start(r)).max().unwrap();
            assert!(longest * ranks * 8 <= b.len() * 9 + ranks * 8, "{shape:?} over {ranks}: {longest}");
        }
    }

    #[test]
    fn a_cut_of_the_programs_own() {
        let b = Blocks::beginning_at([0, 0, 5, 5], 9);
        assert_eq!(b, Blocks::beginning_at([0, 0, 5, 5], 9));
        assert_ne!(b, Blocks::beginning_at([0, 1, 5, 5], 9));
        assert_eq!((0..9).map(|i| b.owner(i)).collect::<Vec<_>>(), [1, 1, 1, 1, 1, 3, 3, 3, 3]);
        assert_eq!(b.resized(8, 4), Some(Blocks::beginning_at([0, 0, 10, 10], 18)));
        assert_eq!(b.resized(4, 8), None);
    }

    #[test]
    fn owner_is_the_run_that_contains() {
        for shape in [&[7usize, 3][..], &[2, 5], &[1], &[100], &[4, 4, 4], &[3, 0]] {
            for ranks in 1..6 {
                let b = Blocks::distributed(shape, ranks);
                assert_eq!((b.start(0), b.start(ranks)), (0, b.len()));
                for i in 0..b.len() {
                    let r = (0..ranks).find(|&r| (b.start(r)..b.start(r + 1)).contains(&i)).unwrap();
                    assert_eq!(b.owner(i), r, "{shape:?} over {ranks}, index {i}");
                }
            }
        }
    }
}
