//! Counts, and sums of weights, of elements that fall into bins.
//!
//! Each thread has bins of its own; they are added up on each rank, then across the ranks, each of which gets those that it has
//! in the result.

use super::by_size;
use crate::dtype::{Complex64, DType};
use crate::error::Result;
use crate::exec::{self, pool};
use crate::lock;
use crate::session;
use crate::stage::{Room, Run};
use bytemuck::Pod;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Mutex;

/// Elements that are looked at together.
pub(super) const WINDOW: usize = 1 << 10;

/// Elements that are worth a thread.
const PIECE: usize = 1 << 14;

/// What bins hold.
pub(super) trait Sum: Pod + PartialEq + Send + Sync {
    const DTYPE: DType;
    const ONE: Self;
    /// Whether any order of adding gives the same.
    const IS_EXACT: bool;
    fn add(&mut self, other: Self);
}

impl Sum for i64 {
    const DTYPE: DType = DType::I64;
    const ONE: i64 = 1;
    const IS_EXACT: bool = true;
    #[inline(always)]
    fn add(&mut self, other: i64) {
        *self = self.wrapping_add(other);
    }
}

impl Sum for f64 {
    const DTYPE: DType = DType::F64;
    const ONE: f64 = 1.0;
    const IS_EXACT: bool = false;
    #[inline(always)]
    fn add(&mut self, other: f64) {
        *self += other;
    }
}

impl Sum for Complex64 {
    const DTYPE: DType = DType::C128;
    const ONE: Complex64 = Complex64::new(1.0, 0.0);
    const IS_EXACT: bool = false;
    #[inline(always)]
    fn add(&mut self, other: Complex64) {
        self.re += other.re;
        self.im += other.im;
    }
}

/// Elements of some type, as bytes.
pub(super) struct Column<'a> {
    dtype: DType,
    bytes: Cow<'a, [u8]>,
}

impl<'a> Column<'a> {
    /// These elements of operand `k`, which was declared to be read as a whole.
    pub(super) fn of(room: &Room<'a>, k: usize, dtype: DType, range: Range<usize>) -> Result<Column<'a>> {
        fn bytes<'a, T: Pod>(room: &Room<'a>, k: usize, range: Range<usize>) -> Result<Cow<'a, [u8]>> {
            Ok(match room.at::<T>(k, range)? {
                Cow::Borrowed(elements) => Cow::Borrowed(bytemuck::cast_slice(elements)),
                Cow::Owned(elements) => Cow::Owned(bytemuck::cast_slice(&elements).to_vec()),
            })
        }
        Ok(Column { dtype, bytes: by_size!(dtype, bytes(room, k, range))? })
    }

    /// This rank's elements of operand `k`.
    pub(super) fn own(room: &Room<'a>, k: usize, dtype: DType) -> Column<'a> {
        fn bytes<'a, T: Pod>(room: &Room<'a>, k: usize) -> &'a [u8] {
            bytemuck::cast_slice(room.own::<T>(k))
        }
        Column { dtype, bytes: Cow::Borrowed(by_size!(dtype, bytes(room, k))) }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len() / self.dtype.size_bytes()
    }

    /// Some of the elements, converted to a type whose memory is `T`, in `room` if they aren't of that type.
    #[inline]
    pub(super) fn window<'r, T: Pod>(
        &'r self,
        dtype: DType,
        range: Range<usize>,
        room: &'r mut [T; WINDOW],
    ) -> &'r [T] {
        assert_eq!(size_of::<T>(), dtype.size_bytes(), "memory of the type's size");
        let (item, len) = (self.dtype.size_bytes(), range.len());
        let bytes = &self.bytes[range.start * item..range.end * item];
        if self.dtype == dtype {
            return bytemuck::cast_slice(bytes);
        }
        let to = &mut room[..len];
        // SAFETY: both have `len` elements of the types told.
        unsafe { exec::convert(self.dtype, dtype, len, bytes.as_ptr(), to.as_mut_ptr().cast()) };
        to
    }
}

/// Bins, each thread's added up, after `work` was called for each piece of `len` elements with bins to add to. It may be
/// called with `size` bins, all zero, or with those of other pieces.
pub(super) fn tally<W: Sum>(
    len: usize,
    size: usize,
    work: impl Fn(Range<usize>, &mut Vec<W>) + Sync,
) -> Vec<W> {
    // Bins of their own must be worth it.
    let most = (len / size.max(1)).clamp(1, session::get().threads);
    let threads = if len > PIECE { most } else { 1 };
    // What isn't exact is added in an order that doesn't depend on which thread is quicker.
    let pieces = if W::IS_EXACT && threads > 1 { len.div_ceil(PIECE) } else { threads };
    let kept: Mutex<Vec<(usize, Vec<W>)>> = Mutex::new(Vec::new());
    pool::split(pieces, threads, &|piece| {
        let mut bins = match W::IS_EXACT {
            true => lock(&kept).pop().map(|(_, bins)| bins),
            false => None,
        }
        .unwrap_or_else(|| vec![W::zeroed(); size]);
        work(len * piece / pieces..len * (piece + 1) / pieces, &mut bins);
        lock(&kept).push((piece, bins));
    });
    let mut all = kept.into_inner().unwrap_or_default();
    all.sort_by_key(|(piece, _)| *piece);
    let mut all = all.into_iter().map(|(_, bins)| bins);
    let mut sum = all.next().unwrap_or_default();
    for bins in all {
        if bins.len() > sum.len() {
            sum.resize(bins.len(), W::zeroed());
        }
        sum.iter_mut().zip(bins).for_each(|(sum, x)| sum.add(x));
    }
    sum
}

/// Whether each rank has a part of operand `k` only.
pub(super) fn is_cut(room: &Room<'_>, k: usize) -> bool {
    room.is_shared() && (0..session::get().size).any(|rank| room.range_of(k, rank).len() != room.len(k))
}

/// Adds up the ranks' bins, where each has some (else all have the same), into their runs of the result. Collective.
pub(super) fn join<W: Sum>(room: &Room<'_>, run: &mut Run<'_>, bins: &[W], is_cut: bool) -> Result<()> {
    let range = run.range();
    if !is_cut {
        run.elements::<W>().copy_from_slice(&bins[range]);
        return Ok(());
    }
    let all = match run.is_shared() {
        true => {
            room.exchange((0..session::get().size).map(|rank| bins[run.range_of(rank)].to_vec()).collect())?
        }
        false => room.everybodys(bins)?,
    };
    let out = run.elements::<W>();
    out.fill(W::zeroed());
    for bins in all {
        out.iter_mut().zip(bins).for_each(|(sum, x)| sum.add(x));
    }
    Ok(())
}
