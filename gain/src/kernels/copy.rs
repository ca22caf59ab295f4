//! Moving elements between rows: gathering strided leaves, scattering to strided outputs, streaming stores.

use super::lanes::{Level, level};
use super::{CHUNK, Slot};
use num_complex::Complex;
use std::mem::MaybeUninit;

/// A two-dimensional walk over memory: byte strides per row and per column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    /// First element.
    pub(crate) ptr: *mut u8,
    /// Byte strides: row, column.
    pub(crate) strides: [isize; 2],
}

/// Copies elements that lie `STEP` apart, a chunk at a time by loads of all that lies between; returns how many. Nothing
/// beyond the last of them is read.
#[inline(always)]
unsafe fn every<T: Copy, const STEP: usize, const READ: usize>(
    from: *const T,
    to: *mut T,
    n: usize,
) -> usize {
    const { assert!(READ == STEP * CHUNK) };
    let mut done = 0;
    // SAFETY: the caller's promise: the last element read lies before element `(done + CHUNK) STEP`, which is there.
    unsafe {
        while done + CHUNK < n {
            let all = from.add(done * STEP).cast::<[T; READ]>().read_unaligned();
            let mut chunk = [MaybeUninit::<T>::uninit(); CHUNK];
            let mut i = 0;
            while i < CHUNK {
                chunk[i].write(all[i * STEP]);
                i += 1;
            }
            to.add(done).cast::<[MaybeUninit<T>; CHUNK]>().write_unaligned(chunk);
            done += CHUNK;
        }
    }
    done
}

/// The same for elements in reverse order: `from` is the first of them, the last in memory.
#[inline(always)]
unsafe fn backwards<T: Copy>(from: *const T, to: *mut T, n: usize) -> usize {
    let mut done = 0;
    // SAFETY: the caller's promise.
    unsafe {
        while done + CHUNK <= n {
            let all = from.wrapping_sub(done + CHUNK - 1).cast::<[T; CHUNK]>().read_unaligned();
            let mut chunk = [MaybeUninit::<T>::uninit(); CHUNK];
            let mut i = 0;
            while i < CHUNK {
                chunk[i].write(all[CHUNK - 1 - i]);
                i += 1;
            }
            to.add(done).cast::<[MaybeUninit<T>; CHUNK]>().write_unaligned(chunk);
            done += CHUNK;
        }
    }
    done
}

/// Copies a row of `n` elements with `stride` bytes between them.
#[inline(always)]
unsafe fn gather_row<T: Copy>(row: *const u8, stride: isize, to: *mut T, n: usize) {
    let (from, size) = (row.cast::<T>(), size_of::<T>() as isize);
    // SAFETY: the caller's promise.
    unsafe {
        if stride == size {
            return std::ptr::copy_nonoverlapping(from, to, n);
        }
        let done = match stride / size {
            _ if stride % size != 0 => 0,
            2 => every::<T, 2, { 2 * CHUNK }>(from, to, n),
            3 => every::<T, 3, { 3 * CHUNK }>(from, to, n),
            4 => every::<T, 4, { 4 * CHUNK }>(from, to, n),
            -1 => backwards(from, to, n),
            _ => 0,
        };
        for c in done..n {
            to.add(c).write(row.offset(c as isize * stride).cast::<T>().read_unaligned());
        }
    }
}

#[inline(always)]
unsafe fn gather_typed<T: Copy>(from: Walk, to: *mut T, rows: usize, columns: usize) {
    let [by_row, by_column] = from.strides;
    // SAFETY: the caller's promise: both walks stay within memory for `rows` x `columns` elements.
    unsafe {
        if by_row == 0 && rows > 1 {
            gather_row(from.ptr, by_column, to, columns);
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
                gather_row(row, by_column, to.add(r * columns), columns);
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

#[inline(always)]
unsafe fn gather_sized(size: usize, from: Walk, to: *mut u8, rows: usize, columns: usize) {
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

/// Read `rows` x `columns` elements of `size` bytes into contiguous memory.
///
/// # Safety
/// The walk is readable, `to` is writable, aligned and elsewhere.
pub(crate) unsafe fn gather(size: usize, from: Walk, to: *mut u8, rows: usize, columns: usize) {
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
    unsafe fn avx512(size: usize, from: Walk, to: *mut u8, rows: usize, columns: usize) {
        // SAFETY: passed on.
        unsafe { gather_sized(size, from, to, rows, columns) }
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
    unsafe fn avx2(size: usize, from: Walk, to: *mut u8, rows: usize, columns: usize) {
        // SAFETY: passed on.
        unsafe { gather_sized(size, from, to, rows, columns) }
    }
    // SAFETY: passed on; the level says what the processor has.
    unsafe {
        match level() {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => avx512(size, from, to, rows, columns),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => avx2(size, from, to, rows, columns),
            _ => gather_sized(size, from, to, rows, columns),
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
