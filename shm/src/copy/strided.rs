//! Strided boxes: merging of levels, the walk over rows, and the copy loop per row size.

mod vectors;

use std::convert::Infallible;

/// Most strides of a box (ARMCI's limit).
pub const MOST_LEVELS: usize = 8;

/// A strided box on two sides, levels merged: `rows[0]` is the innermost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Contiguous bytes.
    pub(crate) row_bytes: usize,
    levels: [Level; MOST_LEVELS],
    depth: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Level {
    count: usize,
    dst: isize,
    src: isize,
}

impl Shape {
    /// Checks and merges: a level whose stride on both sides is the extent of what lies below becomes part of
    /// it. `None` when the box is empty.
    pub(crate) fn new(dst_strides: &[isize], src_strides: &[isize], counts: &[usize]) -> Option<Shape> {
        assert!(
            !counts.is_empty()
                && counts.len() <= MOST_LEVELS + 1
                && dst_strides.len() + 1 >= counts.len()
                && src_strides.len() + 1 >= counts.len(),
            "strided box of {} counts, {} and {} strides",
            counts.len(),
            dst_strides.len(),
            src_strides.len()
        );
        if counts.contains(&0) {
            return None;
        }
        let mut shape = Shape { row_bytes: counts[0], levels: Default::default(), depth: 0 };
        for ((&count, &dst), &src) in counts[1..].iter().zip(dst_strides).zip(src_strides) {
            if count > 1 {
                shape.push(Level { count, dst, src });
            }
        }
        Some(shape)
    }

    fn push(&mut self, level: Level) {
        match self.levels[..self.depth].last_mut() {
            None if level.dst == self.row_bytes as isize && level.src == level.dst => {
                self.row_bytes *= level.count;
            }
            Some(below)
                if below.dst * below.count as isize == level.dst
                    && below.src * below.count as isize == level.src =>
            {
                below.count *= level.count;
            }
            _ => {
                self.levels[self.depth] = level;
                self.depth += 1;
            }
        }
    }

    /// The first innermost run of rows, with the box starting at `dst` and `src`.
    #[inline]
    pub(crate) fn rows(&self, dst: *mut u8, src: *const u8) -> Rows {
        let inner = if self.depth == 0 { Level { count: 1, dst: 0, src: 0 } } else { self.levels[0] };
        Rows {
            dst,
            src,
            rows: inner.count,
            dst_stride: inner.dst,
            src_stride: inner.src,
            row_bytes: self.row_bytes,
        }
    }
}

/// Rows at constant distances.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    pub(crate) dst: *mut u8,
    pub(crate) src: *const u8,
    pub(crate) rows: usize,
    pub(crate) dst_stride: isize,
    pub(crate) src_stride: isize,
    pub(crate) row_bytes: usize,
}

impl Rows {
    /// The same rows elsewhere.
    #[inline]
    pub(crate) fn moved(self, dst: isize, src: isize) -> Rows {
        Rows { dst: self.dst.wrapping_offset(dst), src: self.src.wrapping_offset(src), ..self }
    }

    /// Without the first `n` rows.
    #[inline]
    pub(crate) fn skip(self, n: usize) -> Rows {
        let steps = n as isize;
        Rows { rows: self.rows - n, ..self.moved(steps * self.dst_stride, steps * self.src_stride) }
    }
}

/// Calls `run(dst offset, src offset)` for each innermost run of rows, in row-major order, until an error.
#[inline]
pub(crate) fn for_each_run<E>(
    shape: &Shape,
    mut run: impl FnMut(isize, isize) -> Result<(), E>,
) -> Result<(), E> {
    let outer = if shape.depth > 1 { &shape.levels[1..shape.depth] } else { &[] };
    let (mut index, mut dst, mut src) = ([0usize; MOST_LEVELS], 0isize, 0isize);
    'next: loop {
        run(dst, src)?;
        for (i, level) in index.iter_mut().zip(outer) {
            *i += 1;
            dst += level.dst;
            src += level.src;
            if *i < level.count {
                continue 'next;
            }
            *i = 0;
            dst -= level.dst * level.count as isize;
            src -= level.src * level.count as isize;
        }
        return Ok(());
    }
}

/// Copies a strided box: `counts[0]` contiguous bytes, repeated `counts[1]` times at `strides[0]`, and so on
/// (ARMCI's shape, as in `ARMCI_PutS`). Strides are in bytes, may be negative, and there is one fewer of them
/// than counts; at most [`MOST_LEVELS`]. A count of zero copies nothing.
///
/// # Safety
/// Every row of both boxes is mapped (`dst` for writing), source and destination rows do not overlap; races
/// as the module says.
pub unsafe fn copy_strided(
    dst: *mut u8,
    dst_strides: &[isize],
    src: *const u8,
    src_strides: &[isize],
    counts: &[usize],
) {
    let Some(shape) = Shape::new(dst_strides, src_strides, counts) else { return };
    let first = shape.rows(dst, src);
    // Rows whose distance is a multiple of the page all fall into one set of the first-level cache. The tight
    // loops then have so many of them in flight that they evict one another (measured: half the rate of a
    // call per row); only whole lines, written without being read, don't suffer.
    let one_set = |stride: isize| stride % 4096 == 0;
    let crowded = one_set(first.src_stride) || one_set(first.dst_stride) && first.row_bytes < 64;
    let by_vectors = vectors::suit(&first);
    let Ok(()) = for_each_run::<Infallible>(&shape, |d, s| {
        let rows = first.moved(d, s);
        // SAFETY: each row of the run is mapped and disjoint from the others' counterparts (caller).
        unsafe {
            match rows.row_bytes {
                _ if by_vectors => vectors::copy_rows(rows),
                _ if crowded => copy_rows_any(rows),
                8 => copy_rows::<8>(rows),
                16 => copy_rows::<16>(rows),
                32 => copy_rows::<32>(rows),
                64 => copy_rows::<64>(rows),
                _ => copy_rows_any(rows),
            }
        }
        Ok(())
    });
}

/// Rows of a size known to the compiler: a few vector moves each.
///
/// # Safety
/// All rows are mapped on both sides, `ROW` bytes long, and don't overlap.
#[inline]
unsafe fn copy_rows<const ROW: usize>(mut rows: Rows) {
    while rows.rows > 0 {
        // SAFETY: `dst` and `src` are at the start of a row (caller); alignment is not assumed.
        unsafe {
            rows.dst.cast::<[u8; ROW]>().write_unaligned(rows.src.cast::<[u8; ROW]>().read_unaligned())
        };
        rows = rows.skip(1);
    }
}

/// # Safety
/// As [`copy_rows`], for rows of any size.
#[inline]
unsafe fn copy_rows_any(rows: Rows) {
    let Rows { mut dst, mut src, .. } = rows;
    for _ in 0..rows.rows {
        // SAFETY: `dst` and `src` are at the start of a row (caller).
        unsafe { super::copy(dst, src, rows.row_bytes) };
        (dst, src) = (dst.wrapping_offset(rows.dst_stride), src.wrapping_offset(rows.src_stride));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A box as dense index arithmetic: for each level a count and per side a stride that keeps rows apart.
    fn boxes() -> impl Strategy<Value = (Vec<usize>, Vec<isize>, Vec<isize>)> {
        let level = (1usize..5, 0usize..3, 0usize..3, any::<bool>(), any::<bool>());
        (
            prop::sample::select(vec![1usize, 3, 7, 8, 16, 24, 32, 48, 64, 65, 100, 128, 200]),
            prop::collection::vec(level, 0..4),
        )
            .prop_map(|(row, levels)| {
                let (mut counts, mut dst, mut src) = (vec![row], vec![], vec![]);
                let (mut d, mut s) = (row, row);
                for (count, dst_gap, src_gap, dst_back, src_back) in levels {
                    let (ds, ss) = (d + dst_gap * 5, s + src_gap * 3);
                    counts.push(count);
                    dst.push(if dst_back { -(ds as isize) } else { ds as isize });
                    src.push(if src_back { -(ss as isize) } else { ss as isize });
                    (d, s) = (ds * count, ss * count);
                }
                (counts, dst, src)
            })
    }

    /// Offsets of every byte of the box, in order.
    fn offsets(counts: &[usize], strides: &[isize]) -> Vec<isize> {
        let mut all: Vec<isize> = (0..counts[0] as isize).collect();
        for (count, stride) in counts[1..].iter().zip(strides) {
            all = (0..*count as isize)
                .flat_map(|i| all.iter().map(move |o| o + i * stride).collect::<Vec<_>>())
                .collect();
        }
        all
    }

    proptest! {
        #[test]
        fn copies_what_byte_by_byte_copies((counts, dst_strides, src_strides) in boxes()) {
            let (to, from) = (offsets(&counts, &dst_strides), offsets(&counts, &src_strides));
            let extent = |o: &[isize]| (*o.iter().min().unwrap(), *o.iter().max().unwrap());
            let ((dst_low, dst_high), (src_low, src_high)) = (extent(&to), extent(&from));
            let source: Vec<u8> = (0..=src_high - src_low).map(|i| (i * 7 % 251) as u8 + 1).collect();
            let mut expected = vec![0u8; (dst_high - dst_low + 1) as usize];
            for (t, f) in to.iter().zip(&from) {
                expected[(t - dst_low) as usize] = source[(f - src_low) as usize];
            }
            let mut target = vec![0u8; expected.len()];
            // SAFETY: both boxes lie inside their vectors by construction of the extents.
            unsafe {
                let dst = target.as_mut_ptr().offset(-dst_low);
                copy_strided(dst, &dst_strides, source.as_ptr().offset(-src_low), &src_strides, &counts);
            }
            prop_assert_eq!(target, expected);
        }
    }

    /// Rows of `row` bytes at these strides, beginning `to` and `from` bytes into a line, against byte by byte;
    /// the bytes between rows stay as they were.
    fn check_rows(row: usize, strides: (usize, usize), (to, from): (usize, usize), rows: usize) {
        let extent = |stride: usize| (rows - 1) * stride + row + 128;
        let source: Vec<u8> = (0..extent(strides.1)).map(|i| (i * 7 % 251) as u8).collect();
        let mut target = vec![0xff_u8; extent(strides.0)];
        let dst = target.as_ptr().align_offset(64) + to;
        let src = source.as_ptr().align_offset(64) + from;
        let mut expected = target.clone();
        for at in 0..rows {
            for byte in 0..row {
                expected[dst + at * strides.0 + byte] = source[src + at * strides.1 + byte];
            }
        }
        // SAFETY: at most 63 + 63 bytes before the first row, and the vectors have 128 more than the rows take.
        unsafe {
            let (dst, src) = (target.as_mut_ptr().add(dst), source.as_ptr().add(src));
            copy_strided(dst, &[strides.0 as isize], src, &[strides.1 as isize], &[row, rows]);
        }
        assert!(
            target == expected,
            "{rows} rows of {row} bytes, {to} and {from} bytes into a line, {strides:?} apart"
        );
    }

    #[test]
    fn rows_of_every_size_arrive_and_nothing_else_changes() {
        for row in 1..=2100 {
            let (to, from) = (row * 5 % 64, row * 11 % 64);
            check_rows(row, (row + 1, row), (to, from), 3);
            check_rows(row, (row, row + 67), (from, to), 3);
        }
    }

    #[test]
    fn rows_arrive_whatever_the_alignments() {
        for row in [31, 32, 63, 65, 127, 128, 129, 200, 512, 1000, 1024, 1025] {
            for to in 0..64 {
                for from in 0..64 {
                    check_rows(row, (row + 3, row), (to, from), 2);
                }
            }
        }
    }

    #[test]
    fn rows_a_page_apart_arrive() {
        for row in [8, 64, 96, 104, 512, 1024, 2048] {
            check_rows(row, (4096, row), (0, 16), 5);
            check_rows(row, (row, 4096), (16, 0), 5);
            check_rows(row, (4096, 8192), (1, 31), 5);
        }
    }

    #[test]
    fn levels_merge() {
        let merged = |counts: &[usize], dst: &[isize], src: &[isize]| {
            let shape = Shape::new(dst, src, counts).unwrap();
            (shape.row_bytes, shape.depth)
        };
        assert_eq!(merged(&[8, 4, 3], &[8, 32], &[8, 32]), (96, 0));
        assert_eq!(merged(&[8, 4, 3], &[8, 64], &[8, 32]), (32, 1));
        assert_eq!(merged(&[8, 4, 3], &[16, 64], &[24, 96]), (8, 1));
        assert_eq!(merged(&[8, 1, 3], &[999, 8], &[999, 8]), (24, 0));
        assert!(Shape::new(&[8], &[8], &[8, 0]).is_none());
    }
}
