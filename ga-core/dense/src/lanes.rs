//! Vectors of real numbers, and the loops made of them: with AVX2 and FMA where the processor has them.
//!
//! The loops are generic over [`Lanes`] and inlined into one function per instruction set, so that the methods, which
//! are inlined in turn, become instructions. AVX-512 would gain nothing: two units of 256 bits or one of 512 are the
//! same to a small product, and a vector against a matrix waits for memory.

// Indices count rows, vectors and columns of several arrays at a time.
#![allow(clippy::needless_range_loop)]

/// A real number that the loops are compiled for.
pub(crate) trait Real: Copy {
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;

    /// For each of `ROWS` rows, which begin `step` apart: the sums of products with `V` vectors, `len` apart.
    ///
    /// # Safety
    /// `len` elements of each row and vector are readable.
    unsafe fn dots<const V: usize, const ROWS: usize>(
        len: usize,
        a: *const Self,
        step: isize,
        x: *const Self,
    ) -> [[Self; V]; ROWS];

    /// Adds `x[v][c]` times column `c` to the `v`-th run of `y`, for `COLUMNS` columns, which begin `step` apart.
    ///
    /// # Safety
    /// Columns are readable, and the `V` runs of `y` writable, for `len` elements each.
    unsafe fn add_columns<const V: usize, const COLUMNS: usize>(
        len: usize,
        a: *const Self,
        step: isize,
        x: [[Self; COLUMNS]; V],
        y: *mut Self,
    );

    /// `c = a b`, or `c += a b`, for a few rows and columns: `size` is `m, n, k`.
    ///
    /// # Safety
    /// `a` is an m x k matrix with these strides, `b` k x n and `c` m x n with contiguous rows, these steps apart; `c`
    /// overlaps neither and is writable.
    unsafe fn small(
        size: [usize; 3],
        a: (*const Self, [isize; 2]),
        b: (*const Self, isize),
        c: (*mut Self, isize),
        is_added: bool,
    );
}

/// Some numbers side by side.
///
/// All methods are unsafe for the same reason: they are called where the instructions they are made of may be used;
/// `load` and `store` access `COUNT` numbers.
trait Lanes: Copy {
    type Part: Real;
    const COUNT: usize;

    unsafe fn splat(x: Self::Part) -> Self;
    unsafe fn load(from: *const Self::Part) -> Self;
    unsafe fn store(self, to: *mut Self::Part);
    /// `self + a * b`
    unsafe fn plus(self, a: Self, b: Self) -> Self;
    /// The sum of all.
    unsafe fn sum(self) -> Self::Part;
    /// `sum + a * b` for single numbers.
    unsafe fn one(sum: Self::Part, a: Self::Part, b: Self::Part) -> Self::Part;
}

/// Numbers side by side in the baseline's instructions.
#[derive(Clone, Copy)]
struct Four<T>([T; 4]);

macro_rules! lanes {
    ($t:ty, $vector:ident, $count:literal, $splat:ident, $load:ident, $store:ident, $plus:ident) => {
        impl Lanes for Four<$t> {
            type Part = $t;
            const COUNT: usize = 4;

            #[inline(always)]
            unsafe fn splat(x: $t) -> Self {
                Four([x; 4])
            }

            #[inline(always)]
            unsafe fn load(from: *const $t) -> Self {
                // SAFETY: the caller's promise.
                Four(unsafe { from.cast::<[$t; 4]>().read_unaligned() })
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut $t) {
                // SAFETY: the caller's promise.
                unsafe { to.cast::<[$t; 4]>().write_unaligned(self.0) }
            }

            #[inline(always)]
            unsafe fn plus(self, a: Self, b: Self) -> Self {
                Four(std::array::from_fn(|i| self.0[i] + a.0[i] * b.0[i]))
            }

            #[inline(always)]
            unsafe fn sum(self) -> $t {
                (self.0[0] + self.0[1]) + (self.0[2] + self.0[3])
            }

            #[inline(always)]
            unsafe fn one(sum: $t, a: $t, b: $t) -> $t {
                sum + a * b
            }
        }

        #[cfg(target_arch = "x86_64")]
        impl Lanes for std::arch::x86_64::$vector {
            type Part = $t;
            const COUNT: usize = $count;

            #[inline(always)]
            unsafe fn splat(x: $t) -> Self {
                // SAFETY: the caller's promise.
                unsafe { std::arch::x86_64::$splat(x) }
            }

            #[inline(always)]
            unsafe fn load(from: *const $t) -> Self {
                // SAFETY: the caller's promise.
                unsafe { std::arch::x86_64::$load(from) }
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut $t) {
                // SAFETY: the caller's promise.
                unsafe { std::arch::x86_64::$store(to, self) }
            }

            #[inline(always)]
            unsafe fn plus(self, a: Self, b: Self) -> Self {
                // SAFETY: the caller's promise.
                unsafe { std::arch::x86_64::$plus(a, b, self) }
            }

            #[inline(always)]
            unsafe fn sum(self) -> $t {
                let mut lanes = [0.0; $count];
                // SAFETY: the caller's promise, and room for all.
                unsafe { self.store(lanes.as_mut_ptr()) };
                let mut half = $count / 2;
                while half > 0 {
                    for i in 0..half {
                        lanes[i] += lanes[i + half];
                    }
                    half /= 2;
                }
                lanes[0]
            }

            #[inline(always)]
            unsafe fn one(sum: $t, a: $t, b: $t) -> $t {
                a.mul_add(b, sum)
            }
        }

        impl Real for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;

            unsafe fn dots<const V: usize, const ROWS: usize>(
                len: usize,
                a: *const Self,
                step: isize,
                x: *const Self,
            ) -> [[Self; V]; ROWS] {
                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx2,fma")]
                unsafe fn wide<const V: usize, const ROWS: usize>(
                    len: usize,
                    a: *const $t,
                    step: isize,
                    x: *const $t,
                ) -> [[$t; V]; ROWS] {
                    // SAFETY: passed on.
                    unsafe { dots::<std::arch::x86_64::$vector, V, ROWS>(len, a, step, x) }
                }
                // SAFETY: passed on; the processor has the instructions.
                unsafe {
                    #[cfg(target_arch = "x86_64")]
                    if is_wide() {
                        return wide::<V, ROWS>(len, a, step, x);
                    }
                    dots::<Four<$t>, V, ROWS>(len, a, step, x)
                }
            }

            unsafe fn add_columns<const V: usize, const COLUMNS: usize>(
                len: usize,
                a: *const Self,
                step: isize,
                x: [[Self; COLUMNS]; V],
                y: *mut Self,
            ) {
                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx2,fma")]
                unsafe fn wide<const V: usize, const COLUMNS: usize>(
                    len: usize,
                    a: *const $t,
                    step: isize,
                    x: [[$t; COLUMNS]; V],
                    y: *mut $t,
                ) {
                    // SAFETY: passed on.
                    unsafe { add_columns::<std::arch::x86_64::$vector, V, COLUMNS>(len, a, step, x, y) }
                }
                // SAFETY: passed on; the processor has the instructions.
                unsafe {
                    #[cfg(target_arch = "x86_64")]
                    if is_wide() {
                        return wide::<V, COLUMNS>(len, a, step, x, y);
                    }
                    add_columns::<Four<$t>, V, COLUMNS>(len, a, step, x, y);
                }
            }

            unsafe fn small(
                size: [usize; 3],
                a: (*const Self, [isize; 2]),
                b: (*const Self, isize),
                c: (*mut Self, isize),
                is_added: bool,
            ) {
                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx2,fma")]
                unsafe fn wide(
                    size: [usize; 3],
                    a: (*const $t, [isize; 2]),
                    b: (*const $t, isize),
                    c: (*mut $t, isize),
                    is_added: bool,
                ) {
                    // SAFETY: passed on.
                    unsafe { small::<std::arch::x86_64::$vector>(size, a, b, c, is_added) }
                }
                // SAFETY: passed on; the processor has the instructions.
                unsafe {
                    #[cfg(target_arch = "x86_64")]
                    if is_wide() {
                        return wide(size, a, b, c, is_added);
                    }
                    small::<Four<$t>>(size, a, b, c, is_added);
                }
            }
        }
    };
}

lanes! { f32, __m256, 8, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_fmadd_ps }
lanes! { f64, __m256d, 4, _mm256_set1_pd, _mm256_loadu_pd, _mm256_storeu_pd, _mm256_fmadd_pd }

#[cfg(target_arch = "x86_64")]
#[inline]
fn is_wide() -> bool {
    std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
}

/// [`Real::dots`], two vectors of each row at a time.
#[inline(always)]
unsafe fn dots<L: Lanes, const V: usize, const ROWS: usize>(
    len: usize,
    a: *const L::Part,
    step: isize,
    x: *const L::Part,
) -> [[L::Part; V]; ROWS] {
    // SAFETY: indices stay below `len`; the caller's promises.
    unsafe {
        let mut even = [[L::splat(L::Part::ZERO); V]; ROWS];
        let mut odd = even;
        let mut l = 0;
        while l + 2 * L::COUNT <= len {
            for v in 0..V {
                let (x0, x1) = (L::load(x.add(v * len + l)), L::load(x.add(v * len + l + L::COUNT)));
                for r in 0..ROWS {
                    let row = a.offset(r as isize * step).add(l);
                    even[r][v] = even[r][v].plus(L::load(row), x0);
                    odd[r][v] = odd[r][v].plus(L::load(row.add(L::COUNT)), x1);
                }
            }
            l += 2 * L::COUNT;
        }
        let mut out = [[L::Part::ZERO; V]; ROWS];
        let one = L::splat(L::Part::ONE);
        for r in 0..ROWS {
            for v in 0..V {
                let mut sum = even[r][v].plus(odd[r][v], one).sum();
                for l in l..len {
                    sum = L::one(sum, *a.offset(r as isize * step).add(l), *x.add(v * len + l));
                }
                out[r][v] = sum;
            }
        }
        out
    }
}

/// [`Real::add_columns`]
#[inline(always)]
unsafe fn add_columns<L: Lanes, const V: usize, const COLUMNS: usize>(
    len: usize,
    a: *const L::Part,
    step: isize,
    x: [[L::Part; COLUMNS]; V],
    y: *mut L::Part,
) {
    // SAFETY: indices stay below `len`; the caller's promises.
    unsafe {
        let factors = x.map(|x| x.map(|x| L::splat(x)));
        let mut i = 0;
        while i + L::COUNT <= len {
            let mut sums = [L::splat(L::Part::ZERO); V];
            for v in 0..V {
                sums[v] = L::load(y.add(v * len + i));
            }
            for c in 0..COLUMNS {
                let column = L::load(a.offset(c as isize * step).add(i));
                for v in 0..V {
                    sums[v] = sums[v].plus(column, factors[v][c]);
                }
            }
            for v in 0..V {
                sums[v].store(y.add(v * len + i));
            }
            i += L::COUNT;
        }
        for i in i..len {
            for v in 0..V {
                let to = y.add(v * len + i);
                for c in 0..COLUMNS {
                    *to = L::one(*to, *a.offset(c as isize * step).add(i), x[v][c]);
                }
            }
        }
    }
}

/// [`Real::small`]: blocks of four rows and two vectors, then what is left.
#[inline(always)]
unsafe fn small<L: Lanes>(
    [m, n, k]: [usize; 3],
    (a, a_steps): (*const L::Part, [isize; 2]),
    (b, b_step): (*const L::Part, isize),
    (c, c_step): (*mut L::Part, isize),
    is_added: bool,
) {
    // SAFETY: blocks lie inside the extents; the caller's promises.
    unsafe {
        let mut i = 0;
        while i < m {
            let (a, c) = (a.offset(i as isize * a_steps[0]), c.offset(i as isize * c_step));
            if i + 4 <= m {
                rows::<L, 4>([n, k], (a, a_steps), (b, b_step), (c, c_step), is_added);
                i += 4;
            } else {
                rows::<L, 1>([n, k], (a, a_steps), (b, b_step), (c, c_step), is_added);
                i += 1;
            }
        }
    }
}

#[inline(always)]
unsafe fn rows<L: Lanes, const ROWS: usize>(
    [n, k]: [usize; 2],
    a: (*const L::Part, [isize; 2]),
    (b, b_step): (*const L::Part, isize),
    (c, c_step): (*mut L::Part, isize),
    is_added: bool,
) {
    // SAFETY: as in `small`.
    unsafe {
        let mut j = 0;
        while j + 2 * L::COUNT <= n {
            block::<L, ROWS, 2>(k, a, (b.add(j), b_step), (c.add(j), c_step), is_added);
            j += 2 * L::COUNT;
        }
        while j + L::COUNT <= n {
            block::<L, ROWS, 1>(k, a, (b.add(j), b_step), (c.add(j), c_step), is_added);
            j += L::COUNT;
        }
        let (a, a_steps) = a;
        for j in j..n {
            let mut sums = [L::Part::ZERO; ROWS];
            for l in 0..k as isize {
                let b = *b.add(j).offset(l * b_step);
                for (r, sum) in sums.iter_mut().enumerate() {
                    *sum = L::one(*sum, *a.offset(r as isize * a_steps[0] + l * a_steps[1]), b);
                }
            }
            for (r, sum) in sums.into_iter().enumerate() {
                let to = c.add(j).offset(r as isize * c_step);
                *to = if is_added { L::one(*to, sum, L::Part::ONE) } else { sum };
            }
        }
    }
}

#[inline(always)]
unsafe fn block<L: Lanes, const ROWS: usize, const WIDTH: usize>(
    k: usize,
    (a, a_steps): (*const L::Part, [isize; 2]),
    (b, b_step): (*const L::Part, isize),
    (c, c_step): (*mut L::Part, isize),
    is_added: bool,
) {
    // SAFETY: as in `small`.
    unsafe {
        let mut sums = [[L::splat(L::Part::ZERO); WIDTH]; ROWS];
        if is_added {
            for r in 0..ROWS {
                for w in 0..WIDTH {
                    sums[r][w] = L::load(c.offset(r as isize * c_step).add(w * L::COUNT));
                }
            }
        }
        for l in 0..k as isize {
            let mut line = [L::splat(L::Part::ZERO); WIDTH];
            for w in 0..WIDTH {
                line[w] = L::load(b.offset(l * b_step).add(w * L::COUNT));
            }
            for r in 0..ROWS {
                let x = L::splat(*a.offset(r as isize * a_steps[0] + l * a_steps[1]));
                for w in 0..WIDTH {
                    sums[r][w] = sums[r][w].plus(x, line[w]);
                }
            }
        }
        for r in 0..ROWS {
            for w in 0..WIDTH {
                sums[r][w].store(c.offset(r as isize * c_step).add(w * L::COUNT));
            }
        }
    }
}
