//! Boxes of strided memory as streams of bytes.
//!
//! A box has contiguous runs repeated over up to eight strides; its *stream* is all its bytes, run by run, the first stride
//! moving fastest. A message carries a stretch of that stream, wherever it begins and ends, so sender and receiver may see the
//! same stream in differently strided memory.

use crate::transport::Rows;

/// Most strides of a box.
pub(super) const LEVELS: usize = 8;

/// A box relative to the address where its first run begins. Invariant: `counts[0]` is the length of a run; levels of one
/// repetition and levels that continue the one below are merged away; entries beyond `levels` are unused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) levels: usize,
    pub(super) counts: [usize; LEVELS + 1],
    pub(super) strides: [isize; LEVELS],
}

impl Shape {
    /// One run.
    pub(super) fn run(len: usize) -> Shape {
        let mut counts = [1; LEVELS + 1];
        counts[0] = len;
        Shape { levels: 0, counts, strides: [0; LEVELS] }
    }

    /// `counts[0]` bytes repeated `counts[i + 1]` times at `strides[i]`.
    pub(super) fn new(counts: &[usize], strides: &[isize]) -> Shape {
        let mut shape = Shape::run(counts[0]);
        if counts.contains(&0) {
            shape.counts[0] = 0;
            return shape;
        }
        for (count, stride) in counts[1..].iter().zip(strides) {
            let below = shape.levels;
            let reach = match below {
                0 => shape.counts[0] as isize,
                _ => shape.strides[below - 1].wrapping_mul(shape.counts[below] as isize),
            };
            if *count == 1 {
                continue;
            }
            if *stride == reach {
                shape.counts[below] *= count;
                continue;
            }
            shape.counts[below + 1] = *count;
            shape.strides[below] = *stride;
            shape.levels += 1;
        }
        shape
    }

    pub(super) fn remote(rows: Rows<'_>) -> Shape {
        Shape::new(rows.counts, rows.remote_strides)
    }

    pub(super) fn local(rows: Rows<'_>) -> Shape {
        Shape::new(rows.counts, rows.local_strides)
    }

    /// Bytes of the stream.
    pub(super) fn len(&self) -> usize {
        // A peer may say anything.
        self.counts[..=self.levels].iter().fold(1, |len: usize, count| len.saturating_mul(*count))
    }

    /// Whether the box is one run.
    pub(super) fn is_run(&self) -> bool {
        self.levels == 0
    }

    /// Calls `visit(offset from the box's address, length)` for each run of the stream's bytes `from..from + len`.
    pub(super) fn for_each_run(&self, from: usize, len: usize, mut visit: impl FnMut(isize, usize)) {
        if len == 0 {
            return;
        }
        let run = self.counts[0];
        let (mut row, mut skip, mut left) = (from / run, from % run, len);
        // Where in each level the run stands.
        let mut places = [0usize; LEVELS];
        let levels = || self.counts[1..=self.levels].iter().zip(&self.strides);
        let mut offset = 0isize;
        for (place, (count, stride)) in places.iter_mut().zip(levels()) {
            *place = row % count;
            row /= count;
            offset += *place as isize * stride;
        }
        loop {
            let now = left.min(run - skip);
            visit(offset + skip as isize, now);
            left -= now;
            if left == 0 {
                return;
            }
            skip = 0;
            for (place, (count, stride)) in places.iter_mut().zip(levels()) {
                *place += 1;
                offset += stride;
                if *place < *count {
                    break;
                }
                offset -= stride * *place as isize;
                *place = 0;
            }
        }
    }

    /// Where number `at` of the stream lies, and how many bytes follow it without a gap.
    pub(super) fn run_at(&self, at: usize) -> (isize, usize) {
        let mut found = (0, 0);
        self.for_each_run(at, 1, |offset, _| found = (offset, self.counts[0] - at % self.counts[0]));
        found
    }

    /// The span of addresses that a box at `offset` may touch.
    pub(super) fn span(&self, offset: u64) -> Span {
        let (below, above) = self.extent().unwrap_or((usize::MAX, usize::MAX));
        Span { start: offset.saturating_sub(below as u64), end: offset.saturating_add(above as u64) }
    }

    /// How many bytes the box reaches below its address and above it; `None` on overflow.
    pub(super) fn extent(&self) -> Option<(usize, usize)> {
        crate::spot::extent(&self.counts[..=self.levels], &self.strides[..self.levels])
    }
}

/// A range of offsets in an arena.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Default for Span {
    fn default() -> Span {
        Span::EMPTY
    }
}

impl Span {
    pub(super) const EMPTY: Span = Span { start: u64::MAX, end: 0 };
    pub(super) const ALL: Span = Span { start: 0, end: u64::MAX };

    pub(super) fn overlaps(self, other: Span) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// The least span that holds both.
    pub(super) fn with(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Offsets of all bytes of the stream, the naive way.
    fn bytes(counts: &[usize], strides: &[isize]) -> Vec<isize> {
        let mut all: Vec<isize> = (0..counts[0] as isize).collect();
        for (count, stride) in counts[1..].iter().zip(strides) {
            all = (0..*count as isize)
                .flat_map(|i| all.iter().map(move |byte| byte + i * stride).collect::<Vec<_>>())
                .collect();
        }
        all
    }

    #[test]
    fn every_stretch_of_the_stream_is_the_naive_one() {
        let cases: [(&[usize], &[isize]); 6] = [
            (&[5], &[]),
            (&[4, 3], &[4]),
            (&[4, 3], &[7]),
            (&[2, 3, 4], &[-5, 40]),
            (&[3, 1, 2, 2], &[9, 3, 20]),
            (&[2, 0, 3], &[8, 64]),
        ];
        for (counts, strides) in cases {
            let (shape, naive) = (Shape::new(counts, strides), bytes(counts, strides));
            assert_eq!(shape.len(), naive.len());
            for from in 0..=naive.len() {
                for len in 0..=naive.len() - from {
                    let mut seen = Vec::new();
                    shape.for_each_run(from, len, |offset, len| seen.extend(offset..offset + len as isize));
                    assert_eq!(seen, naive[from..from + len], "{counts:?} {strides:?} {from} {len}");
                }
            }
        }
    }

    #[test]
    fn levels_that_continue_one_another_are_one_run() {
        assert!(Shape::new(&[8, 4, 3], &[8, 32]).is_run());
        assert_eq!(Shape::new(&[8, 4, 3], &[16, 64]).levels, 1);
    }
}
