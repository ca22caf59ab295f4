//! Eigenvalues and singular values of very small matrices by Jacobi's rotations: nothing is allocated, and tiny values
//! are as exact as the matrix.
//!
//! Matrices are columns of elements in one buffer. A matrix with an element that is no finite number has no values.

use crate::Number;
use crate::householder::norm;
use num_traits::{Float, One, Zero};

/// Orders up to which rotations are faster than a reduction to fewer diagonals.
pub const FEW: usize = 6;
/// Sweeps after which what is off the diagonal is rounding: ten are more than any matrix of these orders takes.
const SWEEPS: usize = 40;

/// Rotates columns `p` and `q`: `phase q` is meant, by the angle of this cosine and sine.
#[inline(always)]
fn rotate<T: Number>(a: &mut [T], rows: usize, p: usize, q: usize, (c, s): (T::Part, T::Part), phase: T) {
    let (c, s) = (T::of(c), T::of(s));
    for i in 0..rows {
        let (x, y) = (a[p * rows + i], a[q * rows + i] * phase);
        a[p * rows + i] = c * x - s * y;
        a[q * rows + i] = s * x + c * y;
    }
}

/// Cosine and sine of the angle that makes what is off the diagonal zero.
#[inline(always)]
fn angle<P: Float>(first: P, second: P, off: P) -> (P, P) {
    let two = P::one() + P::one();
    let zeta = (second - first) / (two * off);
    let sign = if zeta.is_sign_negative() { -P::one() } else { P::one() };
    let t = sign / (zeta.abs() + (P::one() + zeta * zeta).sqrt());
    let c = P::one() / (P::one() + t * t).sqrt();
    (c, t * c)
}

/// The eigenvalues, ascending, of the Hermitian matrix in the lower triangle of `a`, which is used up; `v` becomes the vectors,
/// column by column. False if an element is no finite number.
pub fn hermitian<T: Number>(n: usize, a: &mut [T], values: &mut [T::Part], v: &mut [T]) -> bool {
    for j in 0..n {
        a[j * n + j] = T::of(a[j * n + j].re());
        for i in j + 1..n {
            a[i * n + j] = a[j * n + i].adjoint();
        }
    }
    if !a.iter().all(|x| Float::is_finite(x.re()) && Float::is_finite(x.im())) {
        return false;
    }
    v.fill(T::zero());
    (0..n).for_each(|j| v[j * n + j] = T::one());
    let most = a.iter().fold(T::Part::zero(), |most, x| Float::max(most, x.length()));
    let scale = if most > T::Part::zero() { most } else { T::Part::one() };
    a.iter_mut().for_each(|x| *x = T::from_parts(x.re() / scale, x.im() / scale));
    let tiny = T::Part::epsilon() * T::Part::epsilon();
    for sweep in 0.. {
        let mut is_done = true;
        for p in 0..n {
            for q in p + 1..n {
                let off = a[q * n + p];
                let size = off.length();
                let (first, second) = (a[p * n + p].re(), a[q * n + q].re());
                if size <= tiny {
                    continue;
                }
                is_done = false;
                let (turn, phase) = (angle(first, second, size), off.adjoint() / T::of(size));
                rotate(a, n, p, q, turn, phase);
                // The same for rows, conjugated.
                let (c, s) = (T::of(turn.0), T::of(turn.1));
                for j in 0..n {
                    let (x, y) = (a[j * n + p], a[j * n + q] * phase.adjoint());
                    a[j * n + p] = c * x - s * y;
                    a[j * n + q] = s * x + c * y;
                }
                a[q * n + p] = T::zero();
                a[p * n + q] = T::zero();
                rotate(v, n, p, q, turn, phase);
            }
        }
        if is_done || sweep == SWEEPS {
            break;
        }
    }
    (0..n).for_each(|j| values[j] = a[j * n + j].re() * scale);
    order(n, values, |i, j| (0..n).for_each(|k| v.swap(i * n + k, j * n + k)), |x, y| x < y);
    true
}

/// Sorts values, telling of each exchange.
fn order<P: Copy>(
    n: usize,
    values: &mut [P],
    mut exchange: impl FnMut(usize, usize),
    is_before: impl Fn(P, P) -> bool,
) {
    for i in 0..n {
        let first =
            (i + 1..n).fold(i, |first, j| if is_before(values[j], values[first]) { j } else { first });
        if first != i {
            values.swap(i, first);
            exchange(i, first);
        }
    }
}

/// The singular values, descending, of `rows` x `n`, `rows >= n`, in the columns of `u`: their first `n` become left vectors, and those
/// behind them, as many as there is room for, complete an orthonormal basis. `v` becomes the right vectors. False if there are
/// none.
pub fn singular<T: Number>(rows: usize, n: usize, u: &mut [T], values: &mut [T::Part], v: &mut [T]) -> bool {
    if !u[..rows * n].iter().all(|x| Float::is_finite(x.re()) && Float::is_finite(x.im())) {
        return false;
    }
    v.fill(T::zero());
    (0..n).for_each(|j| v[j * n + j] = T::one());
    let most = u[..rows * n].iter().fold(T::Part::zero(), |most, x| Float::max(most, x.length()));
    let scale = if most > T::Part::zero() { most } else { T::Part::one() };
    u[..rows * n].iter_mut().for_each(|x| *x = T::from_parts(x.re() / scale, x.im() / scale));
    // What rounding leaves of a sum of so many products.
    let slack = T::Part::epsilon() * part::<T::Part>(2 * rows.max(2));
    for sweep in 0.. {
        let mut is_done = true;
        for p in 0..n {
            for q in p + 1..n {
                let (mut first, mut second, mut off) = (T::Part::zero(), T::Part::zero(), T::zero());
                for i in 0..rows {
                    let (x, y) = (u[p * rows + i], u[q * rows + i]);
                    first += x.square();
                    second += y.square();
                    off += x.adjoint() * y;
                }
                let size = off.length();
                if size <= slack * (first * second).sqrt() || size < T::Part::min_positive_value() {
                    continue;
                }
                is_done = false;
                let (turn, phase) = (angle(first, second, size), off.adjoint() / T::of(size));
                rotate(u, rows, p, q, turn, phase);
                rotate(v, n, p, q, turn, phase);
            }
        }
        if is_done || sweep == SWEEPS {
            break;
        }
    }
    (0..n).for_each(|j| values[j] = norm(rows, |i| u[j * rows + i]));
    let exchange = |i: usize, j: usize| {
        (0..rows).for_each(|k| u.swap(i * rows + k, j * rows + k));
        (0..n).for_each(|k| v.swap(i * n + k, j * n + k));
    };
    order(n, values, exchange, |x, y| x > y);
    // Columns shorter than this are rounding of nothing.
    let nothing = T::Part::min_positive_value() / T::Part::epsilon();
    let mut made = 0;
    while made < n && values[made] > nothing {
        let length = T::of(values[made]);
        u[made * rows..(made + 1) * rows].iter_mut().for_each(|x| *x /= length);
        made += 1;
    }
    let columns = u.len() / rows.max(1);
    complete(rows, made, columns, u);
    values[..n].iter_mut().for_each(|x| *x *= scale);
    true
}

/// Makes the columns from `made` on orthonormal to one another and to those before.
fn complete<T: Number>(rows: usize, made: usize, columns: usize, u: &mut [T]) {
    let mut axis = 0;
    for j in made..columns {
        for tried in 0.. {
            let (before, own) = u.split_at_mut(j * rows);
            let own = &mut own[..rows];
            own.fill(T::zero());
            own[axis % rows] = T::one();
            axis += 1;
            // Twice is enough.
            for _ in 0..2 {
                for column in before.chunks_exact(rows) {
                    let sum = column.iter().zip(&*own).fold(T::zero(), |sum, (&c, &x)| sum + c.adjoint() * x);
                    own.iter_mut().zip(column).for_each(|(x, &c)| *x -= sum * c);
                }
            }
            let length = norm(rows, |i| own[i]);
            // Some axis is this far from any space that isn't everything.
            if length * length * part::<T::Part>(2 * rows) > T::Part::one() || tried == rows {
                own.iter_mut().for_each(|x| *x /= T::of(length));
                break;
            }
        }
    }
}

/// A count as a real number.
fn part<P: Float>(count: usize) -> P {
    P::from(count).expect("a small number")
}
