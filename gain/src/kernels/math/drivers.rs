//! Drivers for heavy functions: variants for AVX2 and AVX-512, and a guard with a slow way out.
//!
//! A function is a type whose method is always inlined: a closure may be left a call, compiled without vectors.
//! The elements that don't fill a chunk are copied to one and go the same way, so that an element's result doesn't
//! depend on its place.

use crate::kernels::lanes::{scalar_fence, slot, wider};
use crate::kernels::{CHUNK, Kernel, Operands, Slot};
use std::mem::MaybeUninit;

/// A function of one number.
pub(super) trait Unary<T> {
    /// Whether there are numbers for which [`slow`](Unary::slow) has to be asked.
    const GUARDED: bool = false;
    /// Whether `slow`, too, is straight code, and gives what `of` does where both hold: chunks take one or the other.
    const SLOW_IS_STRAIGHT: bool = false;
    /// The value, where [`is_fast`](Unary::is_fast).
    fn of(x: T) -> T;
    /// Whether `of` holds here.
    #[inline(always)]
    fn is_fast(_: T) -> bool {
        true
    }
    /// The value elsewhere.
    #[inline(always)]
    fn slow(x: T) -> T {
        Self::of(x)
    }
}

/// A function of two numbers, with one value or two.
pub(super) trait Binary<T> {
    /// The value or the values.
    type Out: Copy;
    /// As in [`Unary`].
    const GUARDED: bool = false;
    /// As in [`Unary`].
    const SLOW_IS_STRAIGHT: bool = false;
    /// As in [`Unary`].
    fn of(x: T, y: T) -> Self::Out;
    /// As in [`Unary`].
    #[inline(always)]
    fn is_fast(_: T, _: T) -> bool {
        true
    }
    /// As in [`Unary`].
    #[inline(always)]
    fn slow(x: T, y: T) -> Self::Out {
        Self::of(x, y)
    }
}

/// A real function of a complex number.
pub(super) trait Planar<T> {
    /// As in [`Unary`]; `slow` is straight code.
    const GUARDED: bool = false;
    /// The value, where [`is_fast`](Planar::is_fast).
    fn of(re: T, im: T) -> T;
    /// As in [`Unary`].
    #[inline(always)]
    fn is_fast(_: T, _: T) -> bool {
        true
    }
    /// As in [`Unary`].
    #[inline(always)]
    fn slow(re: T, im: T) -> T {
        Self::of(re, im)
    }
}

/// First elements and steps of the inputs.
type Inputs<T, const N: usize> = [(*mut T, usize); N];

/// Runs a loop over whole chunks, in place and then on a copy of the rest filled up with its first element.
///
/// # Safety
/// The contract of a kernel with `N` inputs and `M` outputs of type `T`; that of `chunks` is met by as many whole
/// chunks behind each pointer.
#[inline(always)]
unsafe fn whole_chunks<T: Copy, const N: usize, const M: usize>(
    n: usize,
    s: *const Slot,
    o: &Operands,
    chunks: unsafe fn(usize, Inputs<T, N>, [*mut T; M]),
) {
    // SAFETY: the caller's promise; copies stay within `rest` elements of memory and a chunk here.
    unsafe {
        let inputs: Inputs<T, N> = std::array::from_fn(|k| slot::<T>(s, o.src[k]));
        let outputs: [*mut T; M] = std::array::from_fn(|k| slot::<T>(s, o.dst[k]).0);
        let (whole, rest) = (n / CHUNK, n % CHUNK);
        if whole > 0 {
            chunks(whole, inputs, outputs);
        }
        if rest > 0 {
            let mut from = [[MaybeUninit::<T>::uninit(); CHUNK]; N];
            for ((place, step), copy) in inputs.iter().zip(&mut from) {
                for (i, copy) in copy.iter_mut().enumerate() {
                    let i = if i < rest { i } else { 0 };
                    copy.write(place.add(whole * step + i).read_unaligned());
                    scalar_fence();
                }
            }
            let mut to = [[MaybeUninit::<T>::uninit(); CHUNK]; M];
            let copies = std::array::from_fn(|k| (from[k].as_mut_ptr().cast(), CHUNK));
            chunks(1, copies, std::array::from_fn(|k| to[k].as_mut_ptr().cast()));
            for (place, values) in outputs.iter().zip(&to) {
                for (i, value) in values.iter().enumerate().take(rest) {
                    place.add(whole * CHUNK + i).write_unaligned(value.assume_init());
                    scalar_fence();
                }
            }
        }
    }
}

macro_rules! driver {
    ($(#[$doc:meta])* $name:ident, $body:ident, $inputs:literal, $outputs:literal, $function:path) => {
        $(#[$doc])*
        pub(super) fn $name<T: Copy, F: $function>() -> Kernel {
            macro_rules! variant {
                ($variant:ident $attribute:meta) => {
                    #[$attribute]
                    unsafe fn chunks<T: Copy, F: $function>(
                        count: usize, inputs: Inputs<T, $inputs>, outputs: [*mut T; $outputs],
                    ) {
                        // SAFETY: passed on.
                        unsafe { $body::<T, F>(count, inputs, outputs) }
                    }
                    unsafe fn $variant<T: Copy, F: $function>(n: usize, s: *const Slot, o: &Operands) {
                        // SAFETY: the kernel's contract; `chunks` reads and writes whole chunks.
                        unsafe { whole_chunks(n, s, o, chunks::<T, F>) }
                    }
                };
            }
            #[cfg(target_arch = "x86_64")]
            {
                fn avx512_variant<T: Copy, F: $function>() -> Kernel {
                    variant!(avx512 target_feature(enable =
                        "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,bmi1,bmi2,lzcnt,popcnt"));
                    avx512::<T, F>
                }
                fn avx2_variant<T: Copy, F: $function>() -> Kernel {
                    variant!(avx2 target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt"));
                    avx2::<T, F>
                }
                if wider() { avx512_variant::<T, F>() } else { avx2_variant::<T, F>() }
            }
            #[cfg(not(target_arch = "x86_64"))]
            {
                variant!(base inline);
                base::<T, F>
            }
        }
    };
}

/// Whether all of a chunk is fast.
#[inline(always)]
fn all(is_fast: impl Fn(usize) -> bool) -> bool {
    let (mut all, mut i) = (true, 0);
    while i < CHUNK {
        all &= is_fast(i);
        i += 1;
    }
    all
}

/// Where values wait to be stored, when a long function is compiled to a loop of several vectors: aligned, so that
/// they can be had back before they have reached the cache.
#[repr(align(64))]
struct Values<T>([MaybeUninit<T>; CHUNK]);

/// Computes a chunk and then stores it to `$to`. Not a function of a closure, which may be left a call.
macro_rules! write_chunk {
    ($to:expr, $i:ident => $value:expr) => {{
        let mut values = Values([MaybeUninit::uninit(); CHUNK]);
        let mut $i = 0;
        while $i < CHUNK {
            values.0[$i].write($value);
            $i += 1;
        }
        $to.cast::<[MaybeUninit<T>; CHUNK]>().write_unaligned(values.0)
    }};
}

/// # Safety
/// `count` chunks are readable behind each input, one if it is a splat, and writable behind each output.
#[inline(always)]
unsafe fn body1<T: Copy, F: Unary<T>>(count: usize, [(mut a, step)]: Inputs<T, 1>, [mut d]: [*mut T; 1]) {
    // SAFETY: the caller's promise.
    unsafe {
        for _ in 0..count {
            let fast = !F::GUARDED || all(|i| F::is_fast(a.add(i).read_unaligned()));
            if !fast && F::SLOW_IS_STRAIGHT {
                write_chunk!(d, i => F::slow(a.add(i).read_unaligned()));
            } else if !fast {
                for i in 0..CHUNK {
                    let x = a.add(i).read_unaligned();
                    d.add(i).write_unaligned(if F::is_fast(x) { F::of(x) } else { F::slow(x) });
                    scalar_fence();
                }
            } else {
                write_chunk!(d, i => F::of(a.add(i).read_unaligned()));
            }
            a = a.add(step);
            d = d.add(CHUNK);
        }
    }
}

/// # Safety
/// As for `body1`.
#[inline(always)]
unsafe fn body2<T: Copy, F: Binary<T, Out = T>>(count: usize, inputs: Inputs<T, 2>, [mut d]: [*mut T; 1]) {
    // SAFETY: the caller's promise.
    unsafe {
        let [(mut a, step_a), (mut b, step_b)] = inputs;
        for _ in 0..count {
            let fast =
                !F::GUARDED || all(|i| F::is_fast(a.add(i).read_unaligned(), b.add(i).read_unaligned()));
            if !fast && F::SLOW_IS_STRAIGHT {
                write_chunk!(d, i => F::slow(a.add(i).read_unaligned(), b.add(i).read_unaligned()));
            } else if !fast {
                for i in 0..CHUNK {
                    let (x, y) = (a.add(i).read_unaligned(), b.add(i).read_unaligned());
                    d.add(i).write_unaligned(if F::is_fast(x, y) { F::of(x, y) } else { F::slow(x, y) });
                    scalar_fence();
                }
            } else {
                write_chunk!(d, i => F::of(a.add(i).read_unaligned(), b.add(i).read_unaligned()));
            }
            a = a.add(step_a);
            b = b.add(step_b);
            d = d.add(CHUNK);
        }
    }
}

/// # Safety
/// As for `body1`.
#[inline(always)]
unsafe fn body_split2<T: Copy, F: Binary<T, Out = (T, T)>>(
    count: usize,
    inputs: Inputs<T, 2>,
    [mut d, mut e]: [*mut T; 2],
) {
    // SAFETY: the caller's promise.
    unsafe {
        let [(mut a, step_a), (mut b, step_b)] = inputs;
        for _ in 0..count {
            if F::GUARDED && !all(|i| F::is_fast(a.add(i).read_unaligned(), b.add(i).read_unaligned())) {
                for i in 0..CHUNK {
                    let (x, y) = (a.add(i).read_unaligned(), b.add(i).read_unaligned());
                    let (first, second) = if F::is_fast(x, y) { F::of(x, y) } else { F::slow(x, y) };
                    d.add(i).write_unaligned(first);
                    e.add(i).write_unaligned(second);
                    scalar_fence();
                }
            } else {
                let (x, y) =
                    (a.cast::<[T; CHUNK]>().read_unaligned(), b.cast::<[T; CHUNK]>().read_unaligned());
                let mut first = Values([MaybeUninit::<T>::uninit(); CHUNK]);
                let mut second = Values([MaybeUninit::<T>::uninit(); CHUNK]);
                let mut i = 0;
                while i < CHUNK {
                    let (one, two) = F::of(x[i], y[i]);
                    first.0[i].write(one);
                    second.0[i].write(two);
                    i += 1;
                }
                d.cast::<[MaybeUninit<T>; CHUNK]>().write_unaligned(first.0);
                e.cast::<[MaybeUninit<T>; CHUNK]>().write_unaligned(second.0);
            }
            a = a.add(step_a);
            b = b.add(step_b);
            d = d.add(CHUNK);
            e = e.add(CHUNK);
        }
    }
}

driver!(
    /// `d = f(a)`
    math1, body1, 1, 1, Unary<T>
);
driver!(
    /// `d = f(a, b)`
    math2, body2, 2, 1, Binary<T, Out = T>
);
driver!(
    /// `(d, e) = f(a, b)`
    split2, body_split2, 2, 2, Binary<T, Out = (T, T)>
);

/// `d = f(z)`: parts first, then as for two numbers.
pub(super) fn planar1<T: Copy, F: Planar<T>>() -> Kernel {
    /// # Safety
    /// The kernel's contract, for complex numbers of two `T`.
    #[inline(always)]
    unsafe fn body<T: Copy, F: Planar<T>>(n: usize, s: *const Slot, o: &Operands) {
        // SAFETY: the caller's promise; the last chunk is a copy, of which the first elements are there.
        unsafe {
            let (mut a, step) = slot::<[T; 2]>(s, o.src[0]);
            let (mut d, _) = slot::<T>(s, o.dst[0]);
            let mut left = n;
            while left > 0 {
                let len = left.min(CHUNK);
                let mut z = [a.read_unaligned(); CHUNK];
                if len == CHUNK {
                    z = a.cast::<[[T; 2]; CHUNK]>().read_unaligned();
                } else {
                    a.copy_to_nonoverlapping(z.as_mut_ptr(), len);
                }
                let mut parts = [[z[0][0]; CHUNK]; 2];
                for i in 0..CHUNK {
                    (parts[0][i], parts[1][i]) = (z[i][0], z[i][1]);
                }
                let [re, im] = parts;
                let mut values = Values([MaybeUninit::uninit(); CHUNK]);
                let mut i = 0;
                if F::GUARDED && !all(|i| F::is_fast(re[i], im[i])) {
                    while i < CHUNK {
                        values.0[i].write(F::slow(re[i], im[i]));
                        i += 1;
                    }
                }
                while i < CHUNK {
                    values.0[i].write(F::of(re[i], im[i]));
                    i += 1;
                }
                if len == CHUNK {
                    d.cast::<[MaybeUninit<T>; CHUNK]>().write_unaligned(values.0);
                } else {
                    d.cast::<MaybeUninit<T>>().copy_from_nonoverlapping(values.0.as_ptr(), len);
                }
                (a, d) = (a.add(step), d.add(CHUNK));
                left -= len;
            }
        }
    }
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
        unsafe fn avx512<T: Copy, F: Planar<T>>(n: usize, s: *const Slot, o: &Operands) {
            // SAFETY: passed on.
            unsafe { body::<T, F>(n, s, o) }
        }
        #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
        unsafe fn avx2<T: Copy, F: Planar<T>>(n: usize, s: *const Slot, o: &Operands) {
            // SAFETY: passed on.
            unsafe { body::<T, F>(n, s, o) }
        }
        if wider() { avx512::<T, F> } else { avx2::<T, F> }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        body::<T, F>
    }
}
