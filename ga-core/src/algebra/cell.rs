//! Loops over boxes in memory: axes merged, rows, tiles, whole cache lines.
//!
//! Invariant: memory of the array is touched through raw pointers only; values are computed in tiles that fit
//! the first-level cache, and a tile is computed before it is written. Results too large for the caches are
//! written with non-temporal stores, which spare the memory one read of every line, and those are fenced
//! before return.

use crate::dims::Dims;
use crate::number::Number;
use rma::Element;

/// Elements per tile. Two tiles and what is read meanwhile stay in the first-level cache for all types.
const TILE: usize = 256;
/// From this size on a destination is not worth having in the cache.
pub(super) const STREAM_BYTES: usize = 8 << 20;
/// A cache line.
pub(super) const LINE: usize = 64;

/// A stack tile, aligned for whole-line stores.
#[repr(align(64))]
pub(super) struct Tile<A>(pub(super) A);

/// A box of my elements beside `N` boxes of as many elements, each with its strides.
pub(super) struct Cell<T, const N: usize> {
    pub(super) extents: Dims,
    pub(super) own: (*mut T, Dims),
    pub(super) inputs: [(*const T, Dims); N],
}

/// A row of a cell: along its innermost axis.
pub(super) struct Row<T, const N: usize> {
    pub(super) len: usize,
    pub(super) own: *mut T,
    pub(super) inputs: [*const T; N],
    /// Strides of the own elements and of the inputs'.
    stride: usize,
    strides: [usize; N],
}

impl<T: Element, const N: usize> Cell<T, N> {
    /// A box of these extents. Axes of extent 1 vanish, and neighbours that all sides go through as one merge.
    pub(super) fn new(extents: Dims, own: (*mut T, Dims), inputs: [(*const T, Dims); N]) -> Self {
        let (mut cell, mut kept) = (Cell { extents, own, inputs }, 0);
        for d in 0..cell.extents.len() {
            let extent = cell.extents[d];
            if extent == 1 {
                continue;
            }
            let goes_on = |strides: &Dims| kept > 0 && strides[kept - 1] == extent * strides[d];
            let merges = goes_on(&cell.own.1) && cell.inputs.iter().all(|(_, strides)| goes_on(strides));
            let at = if merges { kept - 1 } else { kept };
            cell.extents[at] = if merges { cell.extents[at] * extent } else { extent };
            cell.own.1[at] = cell.own.1[d];
            cell.inputs.iter_mut().for_each(|(_, strides)| strides[at] = strides[d]);
            kept = at + 1;
        }
        let keep = |dims: &Dims, single: usize| match kept {
            0 => Dims::from([single]),
            _ => Dims::from(&dims[..kept]),
        };
        cell.extents = keep(&cell.extents, 1);
        cell.own.1 = keep(&cell.own.1, 1);
        cell.inputs.iter_mut().for_each(|(_, strides)| *strides = keep(strides, 1));
        cell
    }

    /// Number of elements.
    pub(super) fn len(&self) -> usize {
        self.extents.iter().product()
    }

    /// Calls `f` for each row.
    #[inline]
    pub(super) fn rows(&self, mut f: impl FnMut(Row<T, N>)) {
        let inner = self.extents.len() - 1;
        let mut row = Row {
            len: self.extents[inner],
            own: self.own.0,
            inputs: self.inputs.each_ref().map(|(first, _)| *first),
            stride: self.own.1[inner],
            strides: self.inputs.each_ref().map(|(_, strides)| strides[inner]),
        };
        let mut index = Dims::filled(0, inner);
        loop {
            f(Row { ..row });
            let Some(d) = (0..inner).rev().find(|&d| index[d] + 1 < self.extents[d]) else { return };
            // One step along axis d, and back to the beginning along those after it.
            let ahead = |strides: &Dims| {
                let back: usize = (d + 1..inner).map(|e| index[e] * strides[e]).sum();
                strides[d].wrapping_sub(back) as isize
            };
            row.own = row.own.wrapping_offset(ahead(&self.own.1));
            for (input, (_, strides)) in row.inputs.iter_mut().zip(&self.inputs) {
                *input = input.wrapping_offset(ahead(strides));
            }
            index[d] += 1;
            index[d + 1..].fill(0);
        }
    }

    /// Sets each of the own elements to `f` of the inputs' at its place; these may be the own elements.
    ///
    /// # Safety
    /// The cell's elements are there, the own ones to be written, and nobody else accesses those or writes
    /// to the inputs meanwhile; an input that shares memory with the own elements has each at its own place.
    pub(super) unsafe fn map(&self, f: impl Fn([T; N]) -> T) {
        // What is read from where it goes to is in the cache already.
        let in_place = self.inputs.iter().any(|(first, _)| *first == self.own.0.cast_const());
        let aligned = self.own.0.addr().is_multiple_of(size_of::<T>());
        let stream = !in_place && aligned && self.len() * size_of::<T>() >= STREAM_BYTES;
        // SAFETY: the caller's promises, row by row.
        self.rows(|row| unsafe { row.map(stream, &f) });
        if stream {
            fence();
        }
    }
}

impl<T: Element, const N: usize> Row<T, N> {
    /// All sides have their elements one beside the other.
    #[inline]
    pub(super) fn is_dense(&self) -> bool {
        self.stride == 1 && self.strides.iter().all(|&stride| stride == 1)
    }

    /// The own element and those of the inputs at a place.
    ///
    /// # Safety
    /// `i` is below the row's length, whose elements are there and not being written to.
    #[inline(always)]
    pub(super) unsafe fn values(&self, i: usize) -> (T, [T; N]) {
        // SAFETY: the caller's promise.
        unsafe {
            let inputs = std::array::from_fn(|k| *self.inputs[k].add(i * self.strides[k]));
            (*self.own.add(i * self.stride), inputs)
        }
    }

    /// [`Cell::map`] for this row.
    ///
    /// # Safety
    /// As there; with `stream` the own elements are aligned to their size.
    #[inline]
    unsafe fn map(&self, stream: bool, f: &impl Fn([T; N]) -> T) {
        let Row { len, own, inputs, .. } = *self;
        if !self.is_dense() {
            for i in 0..len {
                // SAFETY: i < len; the caller grants the row's elements.
                unsafe {
                    let values = std::array::from_fn(|k| *inputs[k].add(i * self.strides[k]));
                    *own.add(i * self.stride) = f(values);
                }
            }
            return;
        }
        // By way of a tile, so that the compiler need not care whether the inputs are the own elements.
        let mut tile = Tile([T::default(); TILE]);
        let mut start = 0;
        while start < len {
            // The first tile is cut short, so that later ones begin on a line.
            let head = if stream && start == 0 { own.align_offset(LINE).min(TILE) } else { 0 };
            let count = if head > 0 { head } else { TILE }.min(len - start);
            for (i, value) in tile.0[..count].iter_mut().enumerate() {
                // SAFETY: start + i < len.
                *value = f(std::array::from_fn(|k| unsafe { *inputs[k].add(start + i) }));
            }
            // SAFETY: start + count <= len, and the caller grants the row; the tile is ours, and past the
            // head the destination lies on a line.
            unsafe { store(own.add(start), tile.0.as_ptr(), count, stream && head == 0) };
            start += count;
        }
    }
}

impl<T: Element> Row<T, 0> {
    /// Sets each of the own elements to `f` of itself.
    ///
    /// # Safety
    /// The row's elements are there, and nobody else accesses them meanwhile.
    pub(super) unsafe fn update(&self, f: impl Fn(T) -> T) {
        // The loop over dense elements is one that the compiler can turn into vectors.
        let stride = if self.is_dense() { 1 } else { self.stride };
        if stride == 1 {
            for i in 0..self.len {
                // SAFETY: i < len; the caller grants the row's elements.
                unsafe { *self.own.add(i) = f(*self.own.add(i)) };
            }
            return;
        }
        for i in 0..self.len {
            // SAFETY: as above.
            unsafe { *self.own.add(i * stride) = f(*self.own.add(i * stride)) };
        }
    }

    /// Sets all own elements to `value`, whatever they were.
    ///
    /// # Safety
    /// As [`Row::update`], but for what the elements are; zero bytes are an element if `is_zero`.
    unsafe fn fill(&self, value: T, is_zero: bool) {
        // SAFETY: i < len; the caller grants the row's elements, which lie one after the other where the stride is 1.
        unsafe {
            match (self.stride, is_zero) {
                // The C library sets bytes with the widest stores there are.
                (1, true) => self.own.write_bytes(0, self.len),
                // A loop that the compiler can turn into vectors.
                (1, false) => (0..self.len).for_each(|i| self.own.add(i).write(value)),
                (stride, _) => (0..self.len).for_each(|i| self.own.add(i * stride).write(value)),
            }
        }
    }
}

impl<T: Element> Cell<T, 0> {
    /// Sets all own elements to `value`, whatever they were.
    ///
    /// # Safety
    /// As [`Cell::map`].
    pub(super) unsafe fn fill(&self, value: T) {
        #[cfg(target_arch = "x86_64")]
        if self.len() * size_of::<T>() >= STREAM_BYTES && std::arch::is_x86_feature_detected!("avx") {
            self.rows(|row| match row.stride {
                // SAFETY: the caller's promise, row by row; AVX is there.
                1 => unsafe { fill_past_caches(row.own, value, row.len) },
                // SAFETY: as above.
                _ => unsafe { row.fill(value, false) },
            });
            return fence();
        }
        // SAFETY: an element has no padding.
        let bytes = unsafe { std::slice::from_raw_parts((&raw const value).cast::<u8>(), size_of::<T>()) };
        let is_zero = bytes.iter().all(|byte| *byte == 0);
        // SAFETY: the caller's promise, row by row.
        self.rows(|row| unsafe { row.fill(value, is_zero) });
    }
}

impl<T: Number> Row<T, 1> {
    /// The sum of the products of the two sides, in eight partial sums; the order depends on the length only.
    ///
    /// # Safety
    /// The row's elements are there, and nobody writes to them meanwhile.
    pub(super) unsafe fn dot(&self) -> T {
        const LANES: usize = 8;
        let mut sums = [T::ZERO; LANES];
        let whole = self.len - self.len % LANES;
        if self.is_dense() {
            let (a, b) = (self.own.cast_const(), self.inputs[0]);
            for start in (0..whole).step_by(LANES) {
                for (lane, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: start + lane < len; the caller grants both.
                    *sum = sum.plus(unsafe { (*a.add(start + lane)).times(*b.add(start + lane)) });
                }
            }
        }
        for i in if self.is_dense() { whole..self.len } else { 0..self.len } {
            // SAFETY: i < len, as above.
            let (a, [b]) = unsafe { self.values(i) };
            sums[i % LANES] = sums[i % LANES].plus(a.times(b));
        }
        let mut width = LANES / 2;
        while width > 0 {
            for lane in 0..width {
                sums[lane] = sums[lane].plus(sums[lane + width]);
            }
            width /= 2;
        }
        sums[0]
    }
}

/// Sets `count` elements to `value`, whole lines past the caches, half a line at a time: stores of 16 bytes reach two thirds of the rate.
///
/// # Safety
/// `dst` is good for `count` elements; the processor has AVX. A [`fence`] comes before any synchronisation.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx")]
unsafe fn fill_past_caches<T: Element>(dst: *mut T, value: T, count: usize) {
    use std::arch::x86_64::{__m256i, _mm256_load_si256, _mm256_stream_si256};
    let per_line = LINE / size_of::<T>();
    // Elements that no line begins with are all before the first.
    let head = dst.align_offset(LINE).min(count);
    let body = (count - head) / per_line * per_line;
    let line = Tile([value; LINE]);
    // SAFETY: head, body and rest are parts of the `count` elements; the body begins on a line, as does the tile, which is at least one long.
    unsafe {
        let half = _mm256_load_si256((&raw const line).cast::<__m256i>());
        (0..head).for_each(|i| dst.add(i).write(value));
        let lines = dst.add(head).cast::<__m256i>();
        for i in 0..body * size_of::<T>() / size_of::<__m256i>() {
            _mm256_stream_si256(lines.add(i), half);
        }
        (head + body..count).for_each(|i| dst.add(i).write(value));
    }
}

/// Copies `count` elements out of a tile; with `stream`, whole lines go past the cache.
///
/// # Safety
/// `dst` and `src` are good for `count` elements; with `stream` both lie on a line.
#[inline(always)]
pub(super) unsafe fn store<T: Element>(dst: *mut T, src: *const T, count: usize, stream: bool) {
    let mut streamed = 0;
    #[cfg(target_arch = "x86_64")]
    if stream {
        use std::arch::x86_64::{__m128i, _mm_load_si128, _mm_stream_si128};
        let (dst, src) = (dst.cast::<__m128i>(), src.cast::<__m128i>());
        streamed = count - count % (LINE / size_of::<T>());
        for i in 0..streamed * size_of::<T>() / size_of::<__m128i>() {
            // SAFETY: i stays within count elements; both pointers are aligned to a line, as the caller says.
            unsafe { _mm_stream_si128(dst.add(i), _mm_load_si128(src.add(i))) };
        }
    }
    let _ = stream;
    // SAFETY: the caller's promise; the tile is on our stack, so the two don't overlap.
    unsafe { std::ptr::copy_nonoverlapping(src.add(streamed), dst.add(streamed), count - streamed) }
}

/// Orders the non-temporal stores before whatever synchronisation follows.
pub(super) fn fence() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_sfence()
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A cell of extents 3x`rows`x`len` in memory that is `pad` elements wider, from `skip` on.
    fn padded<T: Element, const N: usize>(
        own: *mut T,
        inputs: [*const T; N],
        (rows, len, pad): (usize, usize, usize),
    ) -> Cell<T, N> {
        let strides = Dims::row_major_strides(&[3, rows, len + pad]);
        Cell::new(
            Dims::from([3, rows, len]),
            (own, strides.clone()),
            inputs.map(|input| (input, strides.clone())),
        )
    }

    #[test]
    fn map_sets_each_element_once() {
        let long = STREAM_BYTES / 8 + 77;
        for (rows, len, pad, skip) in
            [(1, 0, 0, 0), (1, 1, 2, 0), (5, 255, 1, 3), (4, 256, 0, 0), (3, 1000, 0, 5), (1, long, 9, 3)]
        {
            let volume = 3 * rows * (len + pad);
            let source: Vec<u64> = (0..volume as u64).collect();
            let mut memory = vec![0u64; volume + skip];
            if len > 0 {
                // SAFETY: both vectors have the cell's elements from there on.
                unsafe {
                    padded(memory.as_mut_ptr().add(skip), [source.as_ptr()], (rows, len, pad))
                        .map(|[v]| v + 7)
                };
            }
            let naive = |i: usize| if i % (len + pad) < len { i as u64 + 7 } else { 0 };
            assert!((0..volume).all(|i| memory[skip + i] == naive(i)), "{rows} {len} {pad} {skip}");
            assert!(memory[..skip].iter().all(|&v| v == 0));
        }
    }

    /// Short fills and those that go past the caches, from anywhere, whatever the type and the length of rows.
    fn fills<T: Element + PartialEq>(value: T) {
        let long = STREAM_BYTES / size_of::<T>() / 3;
        for (rows, len, pad, skip) in [
            (1, 0, 0, 0),
            (1, 1, 2, 0),
            (5, 255, 1, 3),
            (1, long + 77, 9, 3),
            (long / 1000 + 1, 1003, 2, 1),
            (long + 1, 1, 1, 0),
        ] {
            let volume = 3 * rows * (len + pad);
            let mut memory = vec![T::default(); volume + skip];
            if len > 0 {
                // SAFETY: the vector has the cell's elements from there on.
                unsafe { padded(memory.as_mut_ptr().add(skip), [], (rows, len, pad)).fill(value) };
            }
            let is_inside = |i: usize| i >= skip && (i - skip) % (len + pad) < len;
            let is_right =
                |(i, found): (usize, &T)| *found == if is_inside(i) { value } else { T::default() };
            assert!(memory.iter().enumerate().all(is_right), "{rows} {len} {pad} {skip}");
        }
    }

    #[test]
    fn fill_sets_each_element_and_no_other() {
        fills(7u8);
        fills(-2.5f32);
        fills(1e300f64);
        fills(rma::Complex64::new(1.0, -1.0));
    }

    #[test]
    fn dot_of_integers_is_exact() {
        for len in [0, 1, 7, 8, 9, 63, 1000] {
            let mut a: Vec<i64> = (0..len).map(|i| i * 3 - 5).collect();
            let b: Vec<i64> = (0..len).map(|i| 11 - i).collect();
            let naive: i64 = a.iter().zip(&b).map(|(x, y)| x * y).sum();
            let (extents, stride) = (Dims::from([len as usize]), Dims::from([1]));
            let cell = Cell::new(extents, (a.as_mut_ptr(), stride.clone()), [(b.as_ptr(), stride)]);
            let mut total = 0;
            // SAFETY: both have len elements.
            cell.rows(|row| total += unsafe { row.dot() });
            assert_eq!(total, naive);
        }
    }

    proptest! {
        /// Oracle: walk the axes. Any strides on either side.
        #[test]
        fn rows_visit_each_place_once(
            axes in prop::collection::vec((1usize..4, 0usize..20, 0usize..20), 0..5), dense in 0usize..5,
        ) {
            let n = axes.len();
            let extents = Dims::from_fn(n, |d| axes[d].0);
            let (mut own, mut input) = (Dims::from_fn(n, |d| axes[d].1), Dims::from_fn(n, |d| axes[d].2));
            let mut stride = 1;
            for d in (n.saturating_sub(dense)..n).rev() {
                (own[d], input[d]) = (stride, stride);
                stride *= extents[d];
            }
            let mut naive = vec![(0, 0)];
            for d in 0..n {
                naive = naive
                    .iter()
                    .flat_map(|&(x, y)| (0..axes[d].0).map(move |i| (i, x, y)))
                    .map(|(i, x, y)| (x + i * own[d], y + i * input[d]))
                    .collect();
            }
            let mut memory: Vec<u16> = (0..600).collect();
            let (first, second) = (memory.as_mut_ptr(), memory.as_ptr());
            let mut seen = Vec::new();
            Cell::new(extents, (first, own), [(second, input)]).rows(|row| {
                for i in 0..row.len {
                    // SAFETY: five axes of strides below 20 and extents below 4 end before element 300, and
                    // dense ones add less than as many.
                    let (x, [y]) = unsafe { row.values(i) };
                    seen.push((x as usize, y as usize));
                }
            });
            prop_assert_eq!(seen, naive);
        }
    }
}
