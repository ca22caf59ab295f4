//! Drivers: they turn a function of elements into a [`Kernel`].
//!
//! The function is a closure without captures, of which each driver conjures an instance, so that a kernel is a
//! plain function pointer. Each driver exists twice: for the baseline and for AVX2 with FMA, chosen when the kernel
//! is looked up. Bodies work chunk by chunk on arrays, which the compiler turns into vectors.

use super::{CHUNK, Kernel, Operands, Slot};

/// The instructions that kernels may use.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(crate) enum Level {
    /// What every processor of the architecture has.
    Base = 1,
    /// AVX2 and fused multiply-add.
    Avx2 = 2,
    /// AVX-512 besides: F, DQ, BW, VL.
    Avx512 = 3,
}

/// What the processor has.
fn detect() -> Level {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("avx2") && has!("fma") && has!("bmi1") && has!("bmi2") && has!("lzcnt") && has!("popcnt") {
            let more = has!("avx512f") && has!("avx512dq") && has!("avx512bw") && has!("avx512vl");
            return if more { Level::Avx512 } else { Level::Avx2 };
        }
    }
    Level::Base
}

/// The level of this process: what the processor has, or less if `GAIN_SIMD` (`base`, `avx2`) says so.
#[inline]
pub(crate) fn level() -> Level {
    use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
    static LEVEL: AtomicU8 = AtomicU8::new(0);
    #[cold]
    fn first() -> Level {
        let most = match std::env::var("GAIN_SIMD").as_deref() {
            Ok("base") => Level::Base,
            Ok("avx2") => Level::Avx2,
            _ => Level::Avx512,
        };
        let level = detect().min(most);
        LEVEL.store(level as u8, Relaxed);
        level
    }
    let level = match LEVEL.load(Relaxed) {
        1 => Level::Base,
        2 => Level::Avx2,
        3 => Level::Avx512,
        _ => first(),
    };
    #[cfg(test)]
    let level = level.min(LIMIT.get());
    level
}

#[cfg(test)]
thread_local! {
    /// The level that a test has set for its thread.
    static LIMIT: std::cell::Cell<Level> = const { std::cell::Cell::new(Level::Avx512) };
}

/// Runs a test at each level that the processor has.
#[cfg(test)]
pub(crate) fn at_each_level(test: impl Fn(Level)) {
    for limit in [Level::Base, Level::Avx2, Level::Avx512] {
        LIMIT.set(limit);
        if level() == limit {
            test(limit);
        }
    }
    LIMIT.set(Level::Avx512);
}

/// Whether the AVX2 and FMA variants may be used.
#[inline]
pub(crate) fn wide() -> bool {
    level() >= Level::Avx2
}

/// Whether the AVX-512 variants may be used.
#[inline]
pub(crate) fn wider() -> bool {
    level() >= Level::Avx512
}

/// An instance of a closure type without captures.
///
/// # Safety
/// An instance exists or existed (the caller got one by value), and the type is `Copy`.
#[inline(always)]
pub(crate) unsafe fn conjure<F: Copy>() -> F {
    const { assert!(size_of::<F>() == 0) };
    // SAFETY: reading no bytes needs an aligned pointer only; the caller vouches that the type is inhabited.
    unsafe { std::ptr::NonNull::<F>::dangling().read() }
}

/// Keeps the compiler from vectorising a loop of less than a chunk.
#[inline(always)]
pub(crate) fn scalar_fence() {
    // SAFETY: no instruction at all.
    unsafe { std::arch::asm!("", options(nomem, nostack, preserves_flags)) }
}

/// Pointer and step of a slot.
///
/// # Safety
/// `index` is within the table.
#[inline(always)]
pub(crate) unsafe fn slot<T>(slots: *const Slot, index: u16) -> (*mut T, usize) {
    // SAFETY: the caller's promise.
    let slot = unsafe { *slots.add(index.into()) };
    (slot.ptr.cast(), slot.step)
}

/// Computes a chunk and then stores it. A plain loop: the library's array functions are not always inlined, and what
/// is not inlined into an AVX2 variant is compiled without AVX2.
///
/// # Safety
/// `to` is writable for a chunk.
#[inline(always)]
pub(super) unsafe fn write_chunk<R: Copy>(to: *mut R, f: impl Fn(usize) -> R) {
    let mut chunk = [std::mem::MaybeUninit::<R>::uninit(); CHUNK];
    let mut i = 0;
    while i < CHUNK {
        chunk[i].write(f(i));
        i += 1;
    }
    // SAFETY: the caller's promise; all places of `chunk` are written.
    unsafe { to.cast::<[std::mem::MaybeUninit<R>; CHUNK]>().write_unaligned(chunk) }
}

/// Chunks of a block: where all elements are bytes, one chunk is half a vector.
const BLOCK: usize = 8 * CHUNK;

/// Whether elements are bytes, which go by blocks.
const fn are_bytes<A, B, R>() -> bool {
    size_of::<A>() == 1 && size_of::<B>() == 1 && size_of::<R>() == 1
}

/// As [`write_chunk`], for a block.
///
/// # Safety
/// `to` is writable for a block.
#[inline(always)]
unsafe fn write_block<R: Copy>(to: *mut R, f: impl Fn(usize) -> R) {
    let mut block = [std::mem::MaybeUninit::<R>::uninit(); BLOCK];
    let mut i = 0;
    while i < BLOCK {
        block[i].write(f(i));
        i += 1;
    }
    // SAFETY: the caller's promise; all places of `block` are written.
    unsafe { to.cast::<[std::mem::MaybeUninit<R>; BLOCK]>().write_unaligned(block) }
}

macro_rules! driver {
    ($(#[$doc:meta])* $name:ident, $body:ident, $base:ident, $avx:ident, <$($g:ident),*>, ($($arg:ty),*) -> $ret:ty) => {
        unsafe fn $base<$($g: Copy,)* F: Fn($($arg),*) -> $ret + Copy>(n: usize, s: *const Slot, o: &Operands) {
            // SAFETY: the driver below was given an `F`; the rest is the kernel's contract.
            unsafe { $body(n, s, o, conjure::<F>()) }
        }

        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
        unsafe fn $avx<$($g: Copy,)* F: Fn($($arg),*) -> $ret + Copy>(n: usize, s: *const Slot, o: &Operands) {
            // SAFETY: as above.
            unsafe { $body(n, s, o, conjure::<F>()) }
        }

        $(#[$doc])*
        pub(crate) fn $name<$($g: Copy,)* F: Fn($($arg),*) -> $ret + Copy>(_function: F) -> Kernel {
            #[cfg(target_arch = "x86_64")]
            if wide() {
                return $avx::<$($g,)* F>;
            }
            $base::<$($g,)* F>
        }
    };
}

#[inline(always)]
unsafe fn body1<A: Copy, R: Copy>(n: usize, s: *const Slot, o: &Operands, f: impl Fn(A) -> R) {
    // SAFETY: the kernel's contract; each access below stays within `n` elements, or within the splat.
    unsafe {
        let (mut a, step) = slot::<A>(s, o.src[0]);
        let (mut d, _) = slot::<R>(s, o.dst[0]);
        let mut n = n;
        while are_bytes::<A, A, R>() && n >= BLOCK && step != 0 {
            let x = a.cast::<[A; BLOCK]>().read_unaligned();
            write_block(d, |i| f(x[i]));
            (a, d, n) = (a.add(BLOCK), d.add(BLOCK), n - BLOCK);
        }
        for _ in 0..n / CHUNK {
            let x = a.cast::<[A; CHUNK]>().read_unaligned();
            write_chunk(d, |i| f(x[i]));
            a = a.add(step);
            d = d.add(CHUNK);
        }
        for i in 0..n % CHUNK {
            d.add(i).write_unaligned(f(a.add(i).read_unaligned()));
            scalar_fence();
        }
    }
}

#[inline(always)]
unsafe fn body2<A: Copy, B: Copy, R: Copy>(n: usize, s: *const Slot, o: &Operands, f: impl Fn(A, B) -> R) {
    // SAFETY: as in `body1`.
    unsafe {
        let (mut a, step_a) = slot::<A>(s, o.src[0]);
        let (mut b, step_b) = slot::<B>(s, o.src[1]);
        let (mut d, _) = slot::<R>(s, o.dst[0]);
        let mut n = n;
        while are_bytes::<A, B, R>() && n >= BLOCK && step_a != 0 {
            let x = a.cast::<[A; BLOCK]>().read_unaligned();
            if step_b == 0 {
                let y = b.read_unaligned();
                write_block(d, |i| f(x[i], y));
            } else {
                let y = b.cast::<[B; BLOCK]>().read_unaligned();
                write_block(d, |i| f(x[i], y[i]));
                b = b.add(BLOCK);
            }
            (a, d, n) = (a.add(BLOCK), d.add(BLOCK), n - BLOCK);
        }
        for _ in 0..n / CHUNK {
            let x = a.cast::<[A; CHUNK]>().read_unaligned();
            let y = b.cast::<[B; CHUNK]>().read_unaligned();
            write_chunk(d, |i| f(x[i], y[i]));
            a = a.add(step_a);
            b = b.add(step_b);
            d = d.add(CHUNK);
        }
        for i in 0..n % CHUNK {
            d.add(i).write_unaligned(f(a.add(i).read_unaligned(), b.add(i).read_unaligned()));
            scalar_fence();
        }
    }
}

#[inline(always)]
unsafe fn body3<A: Copy, B: Copy, C: Copy, R: Copy>(
    n: usize,
    s: *const Slot,
    o: &Operands,
    f: impl Fn(A, B, C) -> R,
) {
    // SAFETY: as in `body1`.
    unsafe {
        let (mut a, step_a) = slot::<A>(s, o.src[0]);
        let (mut b, step_b) = slot::<B>(s, o.src[1]);
        let (mut c, step_c) = slot::<C>(s, o.src[2]);
        let (mut d, _) = slot::<R>(s, o.dst[0]);
        for _ in 0..n / CHUNK {
            let x = a.cast::<[A; CHUNK]>().read_unaligned();
            let y = b.cast::<[B; CHUNK]>().read_unaligned();
            let z = c.cast::<[C; CHUNK]>().read_unaligned();
            write_chunk(d, |i| f(x[i], y[i], z[i]));
            a = a.add(step_a);
            b = b.add(step_b);
            c = c.add(step_c);
            d = d.add(CHUNK);
        }
        for i in 0..n % CHUNK {
            let (x, y) = (a.add(i).read_unaligned(), b.add(i).read_unaligned());
            d.add(i).write_unaligned(f(x, y, c.add(i).read_unaligned()));
            scalar_fence();
        }
    }
}

#[inline(always)]
unsafe fn body_split1<A: Copy, R: Copy, Q: Copy>(
    n: usize,
    s: *const Slot,
    o: &Operands,
    f: impl Fn(A) -> (R, Q),
) {
    // SAFETY: as in `body1`.
    unsafe {
        let (mut a, step) = slot::<A>(s, o.src[0]);
        let ((mut d, _), (mut e, _)) = (slot::<R>(s, o.dst[0]), slot::<Q>(s, o.dst[1]));
        for _ in 0..n / CHUNK {
            let x = a.cast::<[A; CHUNK]>().read_unaligned();
            write_chunk(d, |i| f(x[i]).0);
            write_chunk(e, |i| f(x[i]).1);
            a = a.add(step);
            d = d.add(CHUNK);
            e = e.add(CHUNK);
        }
        for i in 0..n % CHUNK {
            let (r, q) = f(a.add(i).read_unaligned());
            d.add(i).write_unaligned(r);
            e.add(i).write_unaligned(q);
            scalar_fence();
        }
    }
}

#[inline(always)]
unsafe fn body4<A: Copy, R: Copy>(n: usize, s: *const Slot, o: &Operands, f: impl Fn(A, A, A, A) -> R) {
    // SAFETY: as in `body1`.
    unsafe {
        let mut p: [(*mut A, usize); 4] = std::array::from_fn(|k| slot::<A>(s, o.src[k]));
        let (mut d, _) = slot::<R>(s, o.dst[0]);
        for _ in 0..n / CHUNK {
            let x: [[A; CHUNK]; 4] = std::array::from_fn(|k| p[k].0.cast::<[A; CHUNK]>().read_unaligned());
            write_chunk(d, |i| f(x[0][i], x[1][i], x[2][i], x[3][i]));
            for (a, step) in &mut p {
                *a = a.add(*step);
            }
            d = d.add(CHUNK);
        }
        for i in 0..n % CHUNK {
            let x: [A; 4] = std::array::from_fn(|k| p[k].0.add(i).read_unaligned());
            d.add(i).write_unaligned(f(x[0], x[1], x[2], x[3]));
            scalar_fence();
        }
    }
}

/// Operands 2, 5 and 6 are splats, kept in registers.
#[inline(always)]
unsafe fn body_weighted<A: Copy, R: Copy>(
    n: usize,
    s: *const Slot,
    o: &Operands,
    f: impl Fn([A; 2], A, [A; 2], A, A) -> R,
) {
    // SAFETY: as in `body1`.
    unsafe {
        let mut p: [(*mut A, usize); 4] = std::array::from_fn(|k| slot::<A>(s, o.src[[0, 1, 3, 4][k]]));
        let [v, w, u]: [A; 3] = std::array::from_fn(|k| slot::<A>(s, o.src[[2, 5, 6][k]]).0.read_unaligned());
        let (mut d, _) = slot::<R>(s, o.dst[0]);
        for _ in 0..n / CHUNK {
            let x: [[A; CHUNK]; 4] = std::array::from_fn(|k| p[k].0.cast::<[A; CHUNK]>().read_unaligned());
            write_chunk(d, |i| f([x[0][i], x[1][i]], v, [x[2][i], x[3][i]], w, u));
            for (a, step) in &mut p {
                *a = a.add(*step);
            }
            d = d.add(CHUNK);
        }
        for i in 0..n % CHUNK {
            let x: [A; 4] = std::array::from_fn(|k| p[k].0.add(i).read_unaligned());
            d.add(i).write_unaligned(f([x[0], x[1]], v, [x[2], x[3]], w, u));
            scalar_fence();
        }
    }
}

driver!(
    /// `d = f([a, b], v, [c, e], w, u)` with splats `v`, `w`, `u` (operands 2, 5, 6)
    weighted, body_weighted, weighted_base, weighted_avx2, <A, R>, ([A; 2], A, [A; 2], A, A) -> R
);
driver!(
    /// `d = f(a)`
    map1, body1, map1_base, map1_avx2, <A, R>, (A) -> R
);
driver!(
    /// `(d, e) = f(a)`
    split1, body_split1, split1_base, split1_avx2, <A, R, Q>, (A) -> (R, Q)
);
driver!(
    /// `d = f(a, b)`
    map2, body2, map2_base, map2_avx2, <A, B, R>, (A, B) -> R
);
driver!(
    /// `d = f(a, b, c)`
    map3, body3, map3_base, map3_avx2, <A, B, C, R>, (A, B, C) -> R
);
driver!(
    /// `d = f(a, b, c, e)`
    map4, body4, map4_base, map4_avx2, <A, R>, (A, A, A, A) -> R
);

/// `d = a`
pub(crate) fn same<T: Copy>() -> Kernel {
    unsafe fn run<T: Copy>(n: usize, s: *const Slot, o: &Operands) {
        // SAFETY: the kernel's contract; the output may be the input.
        unsafe {
            let ((a, step), (d, _)) = (slot::<T>(s, o.src[0]), slot::<T>(s, o.dst[0]));
            if step != 0 {
                return d.cast::<u8>().copy_from(a.cast(), n * size_of::<T>());
            }
            let x = a.read_unaligned();
            (0..n).for_each(|i| d.add(i).write_unaligned(x));
        }
    }
    run::<T>
}

/// `d` is the same whatever the input.
pub(crate) fn always<R: Copy, F: Fn() -> R + Copy>(_value: F) -> Kernel {
    unsafe fn run<R: Copy, F: Fn() -> R + Copy>(n: usize, s: *const Slot, o: &Operands) {
        // SAFETY: `always` was given an `F`; the rest is the kernel's contract.
        unsafe {
            let (x, (d, _)) = (conjure::<F>()(), slot::<R>(s, o.dst[0]));
            (0..n).for_each(|i| d.add(i).write_unaligned(x));
        }
    }
    run::<R, F>
}

/// `d = f(a)`, one element at a time: for functions that are calls anyway.
pub(crate) fn each1<A: Copy, R: Copy, F: Fn(A) -> R + Copy>(_function: F) -> Kernel {
    unsafe fn run<A: Copy, R: Copy, F: Fn(A) -> R + Copy>(n: usize, s: *const Slot, o: &Operands) {
        // SAFETY: `each1` was given an `F`; the rest is the kernel's contract.
        unsafe {
            let f = conjure::<F>();
            let ((a, step), (d, _)) = (slot::<A>(s, o.src[0]), slot::<R>(s, o.dst[0]));
            for i in 0..n {
                d.add(i).write_unaligned(f(a.add(i * step / CHUNK).read_unaligned()));
                scalar_fence();
            }
        }
    }
    run::<A, R, F>
}

/// `d = f(a, b)`, one element at a time. `f` returning `None` writes 1 to the second output's byte.
pub(crate) fn each2<A: Copy, B: Copy, R: Copy, F: Fn(A, B) -> Option<R> + Copy>(_function: F) -> Kernel {
    unsafe fn run<A: Copy, B: Copy, R: Copy, F: Fn(A, B) -> Option<R> + Copy>(
        n: usize,
        s: *const Slot,
        o: &Operands,
    ) {
        // SAFETY: as in `each1`; the second output is a valid byte for kernels that can fail.
        unsafe {
            let f = conjure::<F>();
            let ((a, step_a), (b, step_b)) = (slot::<A>(s, o.src[0]), slot::<B>(s, o.src[1]));
            let (d, _) = slot::<R>(s, o.dst[0]);
            for i in 0..n {
                let (x, y) =
                    (a.add(i * step_a / CHUNK).read_unaligned(), b.add(i * step_b / CHUNK).read_unaligned());
                match f(x, y) {
                    Some(r) => d.add(i).write_unaligned(r),
                    None => slot::<u8>(s, o.dst[1]).0.write(1),
                }
                scalar_fence();
            }
        }
    }
    run::<A, B, R, F>
}

/// `(d, e) = f(a, b)`, one element at a time.
pub(crate) fn split2<A: Copy, R: Copy, F: Fn(A, A) -> (R, R) + Copy>(_function: F) -> Kernel {
    unsafe fn run<A: Copy, R: Copy, F: Fn(A, A) -> (R, R) + Copy>(n: usize, s: *const Slot, o: &Operands) {
        // SAFETY: as in `each1`.
        unsafe {
            let f = conjure::<F>();
            let ((a, step_a), (b, step_b)) = (slot::<A>(s, o.src[0]), slot::<A>(s, o.src[1]));
            let ((d, _), (e, _)) = (slot::<R>(s, o.dst[0]), slot::<R>(s, o.dst[1]));
            for i in 0..n {
                let (r, q) =
                    f(a.add(i * step_a / CHUNK).read_unaligned(), b.add(i * step_b / CHUNK).read_unaligned());
                d.add(i).write_unaligned(r);
                e.add(i).write_unaligned(q);
                scalar_fence();
            }
        }
    }
    run::<A, R, F>
}
