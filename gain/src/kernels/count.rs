//! Sums of bools as integers: how many of a row are true.

use super::lanes::{slot, wide};
use super::{CHUNK, Kernel, Operands, Slot};

/// Bytes added side by side.
const LANES: usize = 64;

/// Additions of ones that a byte holds.
const DEPTH: usize = 255;

#[inline(always)]
unsafe fn body(n: usize, s: *const Slot, o: &Operands) {
    // SAFETY: the kernel's contract: `n` bytes of 0 or 1, or a splat of one.
    unsafe {
        let (mut from, step) = slot::<u8>(s, o.src[0]);
        let (to, _) = slot::<i64>(s, o.dst[0]);
        if step < CHUNK {
            return to.write_unaligned(n as i64 * i64::from(from.read()));
        }
        let (mut total, mut left) = (0u64, n / LANES);
        while left > 0 {
            let len = left.min(DEPTH);
            let mut sums = [0u8; LANES];
            for _ in 0..len {
                let x = from.cast::<[u8; LANES]>().read_unaligned();
                for i in 0..LANES {
                    sums[i] = sums[i].wrapping_add(x[i]);
                }
                from = from.add(LANES);
            }
            total += sums.iter().map(|&x| u64::from(x)).sum::<u64>();
            left -= len;
        }
        for i in 0..n % LANES {
            total += u64::from(from.add(i).read());
        }
        to.write_unaligned(total as i64);
    }
}

unsafe fn base(n: usize, s: *const Slot, o: &Operands) {
    // SAFETY: the kernel's contract.
    unsafe { body(n, s, o) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
unsafe fn avx2(n: usize, s: *const Slot, o: &Operands) {
    // SAFETY: the kernel's contract.
    unsafe { body(n, s, o) }
}

/// The kernel that folds a row of bools into an `i64`.
pub(crate) fn kernel() -> Kernel {
    #[cfg(target_arch = "x86_64")]
    if wide() {
        return avx2;
    }
    base
}
