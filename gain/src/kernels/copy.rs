//! Moving elements between rows: gathering strided leaves, scattering to strided outputs, streaming stores.

use super::{CHUNK, Slot};
use num_complex::Complex;

/// A two-dimensional walk over memory: byte strides per row and per column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    /// First element.
    pub(crate) ptr: *mut u8,
    /// Byte strides: row, column.
    pub(crate) strides: [isize; 2],
}

#[inline]
unsafe fn gather_typed<T: Copy>(from: Walk, to: *mut T, rows: usize, columns: usize) {
    let [by_row, by_column] = from.strides;
    // SAFETY: the caller's promise: both walks stay within memory for `rows` x `columns` elements.
    unsafe {
        if by_row == 0 && rows > 1 {
            gather_typed(from, to, 1, columns);
            let mut done = 1;
            while done < rows {
                let more = done.min(rows - done);
                std::ptr::copy_nonoverlapping(to, to.add(done * columns), more * columns);
                done += more;
            }
        } else if by_column == 0 {
            for r in 0..rows {
                let x = from.ptr.offset(r as isize * by_row).cast::<T>().read_unaligned();
                for c in 0..columns {
                    to.add(r * columns + c).write(x);
                }
            }
        // Walk along the shorter stride in the inner loop, so that a transposed leaf is read by whole lines.
        } else if by_row.unsigned_abs() < by_column.unsigned_abs() && rows > 1 {
            for c in 0..columns {
                let column = from.ptr.offset(c as isize * by_column);
                for r in 0..rows {
                    let x = column.offset(r as isize * by_row).cast::<T>().read_unaligned();
                    to.add(r * columns + c).write(x);
                }
            }
        } else {
            for r in 0..rows {
                let row = from.ptr.offset(r as isize * by_row);
                if by_column == size_of::<T>() as isize {
                    std::ptr::copy_nonoverlapping(row.cast::<T>(), to.add(r * columns), columns);
                } else {
                    for c in 0..columns {
                        let x = row.offset(c as isize * by_column).cast::<T>().read_unaligned();
                        to.add(r * columns + c).write(x);
                    }
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn scatter_typed<T: Copy>(from: *const T, step: usize, to: Walk, rows: usize, columns: usize) {
    let [by_row, by_column] = to.strides;
    // SAFETY: the caller's promise.
    unsafe {
        for r in 0..rows {
            let row = to.ptr.offset(r as isize * by_row);
            if step != 0 && by_column == size_of::<T>() as isize {
                std::ptr::copy_nonoverlapping(from.add(r * columns), row.cast(), columns);
                continue;
            }
            for c in 0..columns {
                let x = if step == 0 {
                    from.read_unaligned()
                } else {
                    from.add(r * columns + c).read_unaligned()
                };
                row.offset(c as isize * by_column).cast::<T>().write_unaligned(x);
            }
        }
    }
}

/// Read `rows` x `columns` elements of `size` bytes into contiguous memory.
///
/// # Safety
/// The walk is readable, `to` is writable, aligned and elsewhere.
pub(crate) unsafe fn gather(size: usize, from: Walk, to: *mut u8, rows: usize, columns: usize) {
    // SAFETY: passed on.
    unsafe {
        match size {
            1 => gather_typed::<u8>(from, to, rows, columns),
            2 => gather_typed::<u16>(from, to.cast(), rows, columns),
            4 => gather_typed::<u32>(from, to.cast(), rows, columns),
            8 => gather_typed::<u64>(from, to.cast(), rows, columns),
            _ => gather_typed::<Complex<f64>>(from, to.cast(), rows, columns),
        }
    }
}

/// Write a tile (or a splat) to `rows` x `columns` elements of `size` bytes.
///
/// # Safety
/// `from` is readable for the tile, the walk is writable.
pub(crate) unsafe fn scatter(size: usize, from: Slot, to: Walk, rows: usize, columns: usize) {
    // SAFETY: passed on.
    unsafe {
        match size {
            1 => scatter_typed::<u8>(from.ptr, from.step, to, rows, columns),
            2 => scatter_typed::<u16>(from.ptr.cast(), from.step, to, rows, columns),
            4 => scatter_typed::<u32>(from.ptr.cast(), from.step, to, rows, columns),
            8 => scatter_typed::<u64>(from.ptr.cast(), from.step, to, rows, columns),
            _ => scatter_typed::<Complex<f64>>(from.ptr.cast(), from.step, to, rows, columns),
        }
    }
}

/// Write [`CHUNK`] copies of the element at `from` to `to`.
///
/// # Safety
/// One element is readable at `from`, `CHUNK` writable at `to`.
#[inline]
pub(crate) unsafe fn splat(size: usize, from: *const u8, to: *mut u8) {
    // SAFETY: passed on; each cast reads `size` bytes and writes `CHUNK * size`.
    unsafe {
        match size {
            1 => to.cast::<[u8; CHUNK]>().write_unaligned([from.read(); CHUNK]),
            2 => to.cast::<[u16; CHUNK]>().write_unaligned([from.cast::<u16>().read_unaligned(); CHUNK]),
            4 => to.cast::<[u32; CHUNK]>().write_unaligned([from.cast::<u32>().read_unaligned(); CHUNK]),
            8 => to.cast::<[u64; CHUNK]>().write_unaligned([from.cast::<u64>().read_unaligned(); CHUNK]),
            _ => to.cast::<[u128; CHUNK]>().write_unaligned([from.cast::<u128>().read_unaligned(); CHUNK]),
        }
    }
}

/// Copy `len` bytes with stores that bypass the caches, where the machine has them and `to` is 32-byte aligned;
/// what is left over at both ends is stored normally. Ordinary copy elsewhere.
///
/// # Safety
/// `len` bytes are readable at `from` and writable at `to`, apart from each other. Before another thread reads
/// `to`, the caller executes [`stream_fence`].
#[inline]
pub(crate) unsafe fn stream(from: *const u8, to: *mut u8, len: usize) {
    #[cfg(target_arch = "x86_64")]
    if super::lanes::wide() {
        // SAFETY: AVX2 is there; the rest is passed on.
        return unsafe { stream_avx(from, to, len) };
    }
    // SAFETY: passed on.
    unsafe { std::ptr::copy_nonoverlapping(from, to, len) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn stream_avx(from: *const u8, to: *mut u8, len: usize) {
    use std::arch::x86_64::{_mm256_loadu_si256, _mm256_stream_si256};
    // SAFETY: every access lies within `len` bytes; the streamed address is a multiple of 32 by construction.
    unsafe {
        let head = to.align_offset(64).min(len);
        std::ptr::copy_nonoverlapping(from, to, head);
        let lines = (len - head) / 64;
        let (mut a, mut d) = (from.add(head), to.add(head));
        for _ in 0..lines {
            let (x, y) = (_mm256_loadu_si256(a.cast()), _mm256_loadu_si256(a.add(32).cast()));
            _mm256_stream_si256(d.cast(), x);
            _mm256_stream_si256(d.add(32).cast(), y);
            a = a.add(64);
            d = d.add(64);
        }
        std::ptr::copy_nonoverlapping(a, d, (len - head) % 64);
    }
}

/// Orders streaming stores before everything that follows.
#[inline]
pub(crate) fn stream_fence() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}
