//! Which rank owns which flat indices.
//!
//! A buffer of `len` elements is cut into one run per rank. The cuts lie on multiples of `unit`, the length of a row
//! of axis 0, when there are at least as many rows as ranks; else anywhere. Replicated buffers have one run.

/// The cut of a flat buffer. Equal values mean equal cuts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Blocks {
    len: usize,
    unit: usize,
    ranks: usize,
    distributed: bool,
}

impl Blocks {
    /// A copy on every rank.
    pub(crate) fn replicated(len: usize) -> Blocks {
        Blocks { len, unit: 1, ranks: 1, distributed: false }
    }

    /// An array of this shape over `ranks` ranks.
    pub(crate) fn distributed(shape: &[usize], ranks: usize) -> Blocks {
        let len: usize = shape.iter().product();
        let rows = shape.first().copied().unwrap_or(1);
        let unit = if rows >= ranks && len > 0 && ranks > 1 { len / rows } else { 1 };
        Blocks { len, unit, ranks, distributed: true }
    }

    /// The same cut of elements of another size, where it is one.
    pub(crate) fn resized(&self, from_bytes: usize, to_bytes: usize) -> Option<Blocks> {
        let len = self.len * from_bytes / to_bytes;
        if self.ranks == 1 {
            return Some(Blocks { len, unit: 1, ..*self });
        }
        let unit_bytes = self.unit * from_bytes;
        unit_bytes.is_multiple_of(to_bytes).then(|| Blocks { len, unit: unit_bytes / to_bytes, ..*self })
    }

    /// The same for equal cuts only.
    pub(crate) fn words(&self) -> [u64; 3] {
        [self.len as u64, self.unit as u64, (self.ranks as u64) << 1 | u64::from(self.distributed)]
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
        let rows = (self.len / self.unit) as u128;
        self.unit * (rows * r as u128 / self.ranks as u128) as usize
    }

    /// The run that index `i` is in.
    #[inline]
    pub(crate) fn owner(&self, i: usize) -> usize {
        if self.ranks == 1 {
            return 0;
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
