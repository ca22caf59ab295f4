//! Small matrices, as they come in stacks: rows of elements in one buffer, plain loops, nothing allocated.
//!
//! Orders up to 4 are known to the compiler, and the loops exist once more with AVX2 where the processor has it.

use crate::Number;
use num_traits::{Float, Zero};

/// Orders up to which these loops are faster than blocks.
pub const SMALL: usize = 32;

/// Defines a function with a body for orders known to the compiler, and for the instructions at hand.
macro_rules! versions {
    ($(#[$doc:meta])* $name:ident, $body:ident ($n:ident $(, $arg:ident: $t:ty)*) -> $out:ty) => {
        $(#[$doc])*
        pub fn $name<T: Number>($n: usize $(, $arg: $t)*) -> $out {
            #[inline(always)]
            fn by_order<T: Number>($n: usize $(, $arg: $t)*) -> $out {
                match $n {
                    1 => $body(1 $(, $arg)*),
                    2 => $body(2 $(, $arg)*),
                    3 => $body(3 $(, $arg)*),
                    4 => $body(4 $(, $arg)*),
                    n => $body(n $(, $arg)*),
                }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn wide<T: Number>($n: usize $(, $arg: $t)*) -> $out {
                by_order($n $(, $arg)*)
            }
            #[cfg(target_arch = "x86_64")]
            if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                // SAFETY: the processor has the instructions.
                return unsafe { wide($n $(, $arg)*) };
            }
            by_order($n $(, $arg)*)
        }
    };
}

versions! {
    /// Replaces `n` rows of `n` by their factors L and U; `from` tells which row of the matrix each was. The answer says whether
    /// their order is odd.
    small_lu, lu_body(n, a: &mut [T], from: &mut [usize]) -> bool
}

versions! {
    /// Replaces `n` rows of right-hand sides, in the order of the factors' rows, by the solutions.
    small_solve, solve_body(n, a: &[T], x: &mut [T]) -> ()
}

versions! {
    /// Replaces the lower triangle of `n` rows by its Cholesky factor. The answer says whether the matrix is positive definite.
    small_cholesky, cholesky_body(n, a: &mut [T]) -> bool
}

#[inline(always)]
fn lu_body<T: Number>(n: usize, a: &mut [T], from: &mut [usize]) -> bool {
    assert!(a.len() == n * n && from.len() == n, "a square matrix");
    let mut is_odd = false;
    from.iter_mut().enumerate().for_each(|(i, place)| *place = i);
    for k in 0..n {
        let (mut pivot, mut most) = (k, a[k * n + k].size());
        for i in k + 1..n {
            let size = a[i * n + k].size();
            if size > most {
                (pivot, most) = (i, size);
            }
        }
        if pivot != k {
            for j in 0..n {
                a.swap(k * n + j, pivot * n + j);
            }
            from.swap(k, pivot);
            is_odd = !is_odd;
        }
        let diagonal = a[k * n + k];
        if diagonal == T::zero() {
            continue;
        }
        let (above, below) = a.split_at_mut((k + 1) * n);
        let row = &above[k * n..];
        for i in 0..n - k - 1 {
            let to = &mut below[i * n..(i + 1) * n];
            let factor = to[k] / diagonal;
            to[k] = factor;
            for j in k + 1..n {
                to[j] -= factor * row[j];
            }
        }
    }
    is_odd
}

#[inline(always)]
fn solve_body<T: Number>(n: usize, a: &[T], x: &mut [T]) {
    assert!(a.len() == n * n && n > 0 && x.len().is_multiple_of(n), "right-hand sides of the order");
    let width = x.len() / n;
    for i in 0..n {
        let (above, below) = x.split_at_mut(i * width);
        for k in 0..i {
            let factor = a[i * n + k];
            for j in 0..width {
                below[j] -= factor * above[k * width + j];
            }
        }
    }
    for i in (0..n).rev() {
        let (above, below) = x.split_at_mut((i + 1) * width);
        let to = &mut above[i * width..];
        for k in i + 1..n {
            let factor = a[i * n + k];
            for j in 0..width {
                to[j] -= factor * below[(k - i - 1) * width + j];
            }
        }
        let diagonal = a[i * n + i];
        for x in to.iter_mut() {
            *x /= diagonal;
        }
    }
}

#[inline(always)]
fn cholesky_body<T: Number>(n: usize, a: &mut [T]) -> bool {
    assert_eq!(a.len(), n * n, "a square matrix");
    for i in 0..n {
        for j in 0..=i {
            let mut sum = a[i * n + j];
            for k in 0..j {
                sum -= a[i * n + k] * a[j * n + k].adjoint();
            }
            if i > j {
                a[i * n + j] = sum / a[j * n + j];
                continue;
            }
            if sum.re() <= T::Part::zero() || sum.re().is_nan() {
                return false;
            }
            a[i * n + i] = T::of(Float::sqrt(sum.re()));
        }
    }
    true
}

/// A determinant in two ways.
#[derive(Clone, Copy, Debug)]
pub struct Determinant<T: Number> {
    /// A number of size one, or zero.
    pub sign: T,
    /// The logarithm of its size.
    pub log: T::Part,
    /// The number itself.
    pub value: T,
}

/// The determinant of a matrix from the diagonal of U, and whether the rows' order is odd.
pub fn determinant<T: Number>(diagonal: impl Iterator<Item = T>, is_odd: bool) -> Determinant<T> {
    let one = if is_odd { -T::one() } else { T::one() };
    let mut made = Determinant { sign: one, log: T::Part::zero(), value: one };
    for x in diagonal {
        let size = x.length();
        made.value *= x;
        if size == T::Part::zero() {
            return Determinant { sign: T::zero(), log: T::Part::neg_infinity(), value: T::zero() };
        }
        // (Of a real number that is infinite or none, too.)
        made.sign *= if !T::IS_REAL {
            x / T::of(size)
        } else if x.re() < T::Part::zero() {
            -T::one()
        } else {
            T::one()
        };
        made.log += Float::ln(size);
    }
    if made.value == T::zero() || !Float::is_finite(made.value.re()) || !Float::is_finite(made.value.im()) {
        // On the way only, maybe.
        made.value = made.sign * T::of(Float::exp(made.log));
    }
    made
}
