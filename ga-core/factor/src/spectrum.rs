//! Eigenvalues and vectors of real symmetric tridiagonal matrices: by halves that differ from the whole by one outer product
//! (divide and conquer), small ones by QL iteration.
//!
//! ```text
//! | t0    |   | q0    | (| d0    |            ) | q0^T      |
//! |    t1 | = |    q1 | (|    d1 | + rho z z^T) |      q1^T |    of whose middle the vectors are known from its values
//! ```
//!
//! Vectors of the middle are made from a `z` computed from the values found (Gu and Eisenstat), so they are orthogonal
//! however close values are. What of `z` is rounding, and values that are equal but for it, are taken out before.
//!
//! Of the whole, only some columns may be wanted: nearly all of the work is the last product, which is then shared out.

use crate::Number;
use crate::secular::{Root, Update};
use ga_dense::{Accum, Conj, Crew, MatMut, MatRef, Reborrow, ReborrowMut};
use num_traits::Float;
use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Mutex;

/// Orders that QL iterates for.
const LEAF: usize = 32;
/// Orders whose halves are each one thread's.
const APART: usize = 512;
/// Iterations for one value: a few are usual.
const ITERATIONS: usize = 80;

/// A real number that matrices are made of.
pub trait Part: Number<Part = Self> + Float {}

impl<P: Number<Part = P> + Float> Part for P {}

/// Replaces the diagonal by the eigenvalues, ascending; of what is beside it nothing is left. False if there are none.
pub fn values<P: Part>(diagonal: &mut [P], beside: &mut [P]) -> bool {
    let scale = scaled(diagonal, beside);
    let is_done = iterate(diagonal, beside, None);
    diagonal.sort_by(|x, y| x.partial_cmp(y).unwrap_or(Ordering::Equal));
    diagonal.iter_mut().for_each(|x| *x *= scale);
    is_done
}

/// [`values`], and in the columns of `to` the vectors of those wanted. The crew shares the work.
pub fn vectors<P: Part>(
    crew: Crew<'_>,
    diagonal: &mut [P],
    beside: &mut [P],
    wanted: Range<usize>,
    mut to: MatMut<'_, P>,
) -> bool {
    let order = diagonal.len();
    assert!(to.nrows() == order && to.ncols() == wanted.len(), "a column for each value");
    let scale = scaled(diagonal, beside);
    let is_done = if wanted.len() == order {
        solve(crew, diagonal, beside, to.rb_mut())
    } else {
        let mut all = vec![P::zero(); order * order];
        let mut all = MatMut::from_column_major_slice_mut(&mut all, order, order);
        if order <= LEAF {
            let is_done = solve(crew, diagonal, beside, all.rb_mut());
            to.copy_from(all.rb().subcols(wanted.start, wanted.len()));
            is_done
        } else {
            let (half, rho) = cut(diagonal, beside);
            halves(crew, diagonal, beside, all.rb_mut(), half) && {
                Merge::new(diagonal, all.rb_mut(), half, rho).finish(crew, diagonal, wanted, all, Some(to));
                true
            }
        }
    };
    diagonal.iter_mut().for_each(|x| *x *= scale);
    is_done
}

/// Divides a matrix by its largest element, which is returned.
fn scaled<P: Part>(diagonal: &mut [P], beside: &mut [P]) -> P {
    let most = diagonal.iter().chain(&*beside).fold(P::zero(), |most, x| Float::max(most, Float::abs(*x)));
    if most == P::zero() || !Float::is_finite(most) {
        return P::one();
    }
    diagonal.iter_mut().chain(beside).for_each(|x| *x /= most);
    most
}

/// Values of a matrix, and vectors in place of what `q` has.
fn solve<P: Part>(crew: Crew<'_>, diagonal: &mut [P], beside: &mut [P], mut q: MatMut<'_, P>) -> bool {
    let order = diagonal.len();
    if order <= LEAF {
        q.fill(P::zero());
        (0..order).for_each(|j| q[(j, j)] = P::one());
        return iterate(diagonal, beside, Some(q.rb_mut())) && {
            sort(diagonal, q);
            true
        };
    }
    let (half, rho) = cut(diagonal, beside);
    if !halves(crew, diagonal, beside, q.rb_mut(), half) {
        return false;
    }
    Merge::new(diagonal, q.rb_mut(), half, rho).finish(crew, diagonal, 0..order, q, None);
    true
}

/// Takes off the diagonal what the halves of a matrix have not: where the second begins, and the element beside.
fn cut<P: Part>(diagonal: &mut [P], beside: &[P]) -> (usize, P) {
    let half = diagonal.len() / 2;
    let rho = beside[half - 1];
    diagonal[half - 1] -= Float::abs(rho);
    diagonal[half] -= Float::abs(rho);
    (half, rho)
}

/// Solves both halves; what of `q` belongs to neither becomes zero.
fn halves<P: Part>(
    crew: Crew<'_>,
    diagonal: &mut [P],
    beside: &mut [P],
    q: MatMut<'_, P>,
    half: usize,
) -> bool {
    let order = diagonal.len();
    let (left, right) = q.split_at_col_mut(half);
    let (first_q, mut below) = left.split_at_row_mut(half);
    let (mut above, second_q) = right.split_at_row_mut(half);
    below.fill(P::zero());
    above.fill(P::zero());
    let (first, second) = diagonal.split_at_mut(half);
    let (first_beside, second_beside) = beside.split_at_mut(half);
    let first_beside = &mut first_beside[..half - 1];
    if order > APART || crew.threads() == 1 {
        return solve(crew, first, first_beside, first_q) && solve(crew, second, second_beside, second_q);
    }
    let parts = [(first, first_beside, first_q), (second, second_beside, second_q)];
    let parts = parts.map(|part| Mutex::new((Some(part), false)));
    crew.share(2, &|p| {
        let mut part = parts[p].lock().expect("nobody panics");
        let (diagonal, beside, q) = part.0.take().expect("each once");
        part.1 = solve(Crew::alone(), diagonal, beside, q);
    });
    parts.into_iter().all(|part| part.into_inner().expect("nobody panics").1)
}

/// Sorts values, and columns with them.
fn sort<P: Part>(values: &mut [P], mut q: MatMut<'_, P>) {
    for i in 0..values.len() {
        let least =
            (i + 1..values.len()).fold(i, |least, j| if values[j] < values[least] { j } else { least });
        if least != i {
            values.swap(i, least);
            (0..q.nrows()).for_each(|k| {
                let held = q[(k, i)];
                q[(k, i)] = q[(k, least)];
                q[(k, least)] = held;
            });
        }
    }
}

/// QL iteration with implicit shifts on a matrix whose elements are at most 1; the columns of `q` are rotated alike. False if it doesn't end.
fn iterate<P: Part>(d: &mut [P], e: &mut [P], mut q: Option<MatMut<'_, P>>) -> bool {
    let (order, two) = (d.len(), P::one() + P::one());
    let small = P::min_positive_value() / (P::epsilon() * P::epsilon());
    let tenth = P::from(0.1).expect("a small number");
    for first in 0..order {
        for count in 0.. {
            // (Beside the largest element, which is 1, a tenth of its rounding is nothing.)
            let is_small = |k: usize| {
                Float::abs(e[k]) <= P::epsilon() * (Float::abs(d[k]) + Float::abs(d[k + 1]) + tenth)
            };
            let last = (first..order - 1).find(|&k| is_small(k)).unwrap_or(order - 1);
            if last == first {
                break;
            }
            if count == ITERATIONS {
                return false;
            }
            let half = (d[first + 1] - d[first]) / (two * e[first]);
            let root = Float::hypot(half, P::one());
            let shifted = half + if half < P::zero() { -root } else { root };
            let mut g = d[last] - d[first] + e[first] / shifted;
            let (mut sine, mut cosine, mut taken) = (P::one(), P::one(), P::zero());
            let mut is_whole = true;
            for k in (first..last).rev() {
                let (f, b) = (sine * e[k], cosine * e[k]);
                let square = f * f + g * g;
                // (Squares of what is small lose digits.)
                let r = if square > small { Float::sqrt(square) } else { Float::hypot(f, g) };
                if k + 1 < last {
                    e[k + 1] = r;
                }
                if r == P::zero() {
                    // (Underflow: the matrix falls into two here.)
                    d[k + 1] -= taken;
                    if k + 1 == last {
                        e[k] = P::zero();
                    }
                    is_whole = false;
                    break;
                }
                sine = f / r;
                cosine = g / r;
                g = d[k + 1] - taken;
                let t = (d[k] - g) * sine + two * cosine * b;
                taken = sine * t;
                d[k + 1] = g + taken;
                g = cosine * t - b;
                if let Some(q) = &mut q {
                    rotate(q.rb_mut(), k, cosine, sine);
                }
            }
            if is_whole {
                d[first] -= taken;
                e[first] = g;
            }
        }
    }
    d.iter().all(|d| Float::is_finite(*d))
}

/// Rotates columns `k` and `k + 1`.
fn rotate<P: Part>(q: MatMut<'_, P>, k: usize, cosine: P, sine: P) {
    let (left, right) = q.split_at_col_mut(k + 1);
    let (x, y) = (left.col_mut(k).try_as_col_major_mut(), right.col_mut(0).try_as_col_major_mut());
    let (x, y) =
        (x.expect("contiguous columns").as_slice_mut(), y.expect("contiguous columns").as_slice_mut());
    for (x, y) in x.iter_mut().zip(y) {
        let f = *y;
        *y = sine * *x + cosine * f;
        *x = cosine * *x - sine * f;
    }
}

/// Which halves a column has elements in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Above,
    Both,
    Below,
}

/// Two halves, of which what needs no more work has been taken out.
struct Merge<P> {
    half: usize,
    rho: P,
    /// Columns that are left, by values, with their values and elements of `z`.
    kept: Vec<usize>,
    values: Vec<P>,
    z: Vec<P>,
    /// Columns that are vectors as they are.
    ready: Vec<usize>,
    sides: Vec<Side>,
}

impl<P: Part> Merge<P> {
    /// Takes out what can be; columns are rotated to that end, and values with them.
    fn new(d: &mut [P], mut q: MatMut<'_, P>, half: usize, rho: P) -> Self {
        let order = d.len();
        let sign = if rho < P::zero() { -P::one() } else { P::one() };
        let root = Float::sqrt(P::one() / (P::one() + P::one()));
        let mut z: Vec<P> = (0..order)
            .map(|j| if j < half { q[(half - 1, j)] * root } else { sign * q[(half, j)] * root })
            .collect();
        let rho = Float::abs(rho) * (P::one() + P::one());
        let mut sides: Vec<Side> =
            (0..order).map(|j| if j < half { Side::Above } else { Side::Below }).collect();
        let mut by_value: Vec<usize> = (0..order).collect();
        by_value.sort_by(|&i, &j| d[i].partial_cmp(&d[j]).unwrap_or(Ordering::Equal));
        let most = |x: &[P]| x.iter().fold(P::zero(), |most, x| Float::max(most, Float::abs(*x)));
        let slack = P::from(8).expect("a small number") * P::epsilon() * Float::max(most(d), most(&z));
        let (mut kept, mut ready, mut last): (Vec<usize>, Vec<usize>, Option<usize>) = (vec![], vec![], None);
        for j in by_value {
            if rho * Float::abs(z[j]) <= slack {
                ready.push(j);
                continue;
            }
            let Some(i) = last.replace(j) else { continue };
            let length = Float::sqrt(z[i] * z[i] + z[j] * z[j]);
            let (cosine, sine) = (z[j] / length, -z[i] / length);
            if Float::abs((d[j] - d[i]) * cosine * sine) > slack {
                kept.push(i);
                continue;
            }
            // Equal but for rounding: rotated so that one of both has nothing in z.
            (z[j], z[i]) = (length, P::zero());
            let (x, y) = (d[i], d[j]);
            let (c, s) = (cosine * cosine, sine * sine);
            (d[i], d[j]) = (x * c + y * s, x * s + y * c);
            if sides[i] != sides[j] {
                (sides[i], sides[j]) = (Side::Both, Side::Both);
            }
            for k in 0..order {
                let (x, y) = (q[(k, i)], q[(k, j)]);
                q[(k, i)] = cosine * x + sine * y;
                q[(k, j)] = cosine * y - sine * x;
            }
            ready.push(i);
        }
        kept.extend(last);
        let values = kept.iter().map(|&j| d[j]).collect();
        let z = kept.iter().map(|&j| z[j]).collect();
        Merge { half, rho, kept, values, z, ready, sides }
    }

    /// The values of the whole in `d`, and the vectors wanted in `to`, or in `q` itself.
    fn finish(
        self,
        crew: Crew<'_>,
        d: &mut [P],
        wanted: Range<usize>,
        mut q: MatMut<'_, P>,
        to: Option<MatMut<'_, P>>,
    ) {
        let (order, count, half) = (d.len(), self.kept.len(), self.half);
        let squares: Vec<P> = self.z.iter().map(|&z| z * z).collect();
        let update = Update { diagonal: &self.values, squares: &squares, rho: self.rho };
        let mut roots = vec![Root { origin: 0, beyond: P::zero() }; count];
        pieces(crew, &mut roots, 1, &|first, roots| {
            roots.iter_mut().enumerate().for_each(|(j, root)| *root = update.root(first + j));
        });
        let z = self.z_of(crew, &roots);
        // Where each value of the whole comes from: a root, or a column that is ready.
        let root_values = roots.iter().map(|root| self.values[root.origin] + root.beyond);
        let ready = self.ready.iter().map(|&j| (d[j], Err(j)));
        let mut all: Vec<(P, Result<usize, usize>)> =
            root_values.enumerate().map(|(j, value)| (value, Ok(j))).chain(ready).collect();
        all.sort_by(|x, y| x.0.partial_cmp(&y.0).unwrap_or(Ordering::Equal));
        d.iter_mut().zip(&all).for_each(|(d, (value, _))| *d = *value);
        let all = &all[wanted];
        // Rows of the middle's vectors: those of columns above, in both halves, below.
        let (kept, sides) = (&self.kept, &self.sides);
        let of = |side: Side| (0..count).filter(move |&i| sides[kept[i]] == side);
        let rows: Vec<usize> = of(Side::Above).chain(of(Side::Both)).chain(of(Side::Below)).collect();
        let (above, below) = (count - of(Side::Below).count(), of(Side::Above).count());
        let columns: Vec<Root<P>> = all.iter().filter_map(|(_, from)| from.ok().map(|j| roots[j])).collect();
        let mut middle = vec![P::zero(); count * columns.len()];
        pieces(crew, &mut middle, count.max(1), &|first, some| {
            for (j, column) in some.chunks_exact_mut(count).enumerate() {
                let Root { origin, beyond } = columns[first + j];
                let base = self.values[origin];
                let mut sum = P::zero();
                for (to, &i) in column.iter_mut().zip(&rows) {
                    let x = z[i] / ((self.values[i] - base) - beyond);
                    sum += x * x;
                    *to = x;
                }
                let length = Float::sqrt(sum);
                column.iter_mut().for_each(|x| *x /= length);
            }
        });
        // What products read, apart from where they write.
        let pack = |from: &MatMut<'_, P>, rows_of: Range<usize>, which: &[usize]| -> Vec<P> {
            let mut packed = Vec::with_capacity(rows_of.len() * which.len());
            for &i in which {
                let column = from.rb().col(kept[i]).subrows(rows_of.start, rows_of.len());
                packed.extend(column.iter().copied());
            }
            packed
        };
        let upper = pack(&q, 0..half, &rows[..above]);
        let lower = pack(&q, half..order, &rows[below..]);
        let is_whole = columns.len() == all.len();
        let mut kept_ready = Vec::new();
        for (_, from) in all {
            if let Err(j) = from {
                kept_ready.extend(q.rb().col(*j).iter().copied());
            }
        }
        let to = match to {
            Some(to) => to,
            None => q.rb_mut(),
        };
        let mut made = Vec::new();
        let mut to = to;
        {
            let target = if is_whole {
                to.rb_mut()
            } else {
                made.resize(order * columns.len(), P::zero());
                MatMut::from_column_major_slice_mut(&mut made, order, columns.len())
            };
            let middle = MatRef::from_column_major_slice(&middle, count, columns.len());
            let (top, bottom) = target.split_at_row_mut(half);
            let upper = MatRef::from_column_major_slice(&upper, half, above);
            let lower = MatRef::from_column_major_slice(&lower, order - half, count - below);
            let (first, second) = (middle.subrows(0, above), middle.subrows(below, count - below));
            P::product_by(crew, top, Accum::Replace, P::one(), (upper, Conj::No), (first, Conj::No));
            P::product_by(crew, bottom, Accum::Replace, P::one(), (lower, Conj::No), (second, Conj::No));
        }
        if is_whole {
            return;
        }
        let (mut from_made, mut from_ready) = (made.chunks_exact(order), kept_ready.chunks_exact(order));
        for (j, (_, from)) in all.iter().enumerate() {
            let column = if from.is_ok() { from_made.next() } else { from_ready.next() };
            let column = column.expect("a column for each value");
            to.rb_mut().col_mut(j).iter_mut().zip(column).for_each(|(to, x)| *to = *x);
        }
    }

    /// The `z` of which the roots are exact.
    fn z_of(&self, crew: Crew<'_>, roots: &[Root<P>]) -> Vec<P> {
        let d = &self.values;
        let mut made = vec![P::one(); d.len()];
        pieces(crew, &mut made, 1, &|first, some| {
            let own = &d[first..first + some.len()];
            for (j, root) in roots.iter().enumerate() {
                let (base, pole) = (d[root.origin], d[j]);
                let factor = |at: P, pole: P| ((at - base) - root.beyond) / (at - pole);
                let inside = (j.max(first) - first).min(some.len());
                let (before, behind) = some.split_at_mut(inside);
                before.iter_mut().zip(own).for_each(|(z, &at)| *z *= factor(at, pole));
                let mut behind = behind.iter_mut().zip(&own[inside..]);
                if j >= first && j < first + own.len() {
                    let (z, &at) = behind.next().expect("element j");
                    *z *= (at - base) - root.beyond;
                }
                behind.for_each(|(z, &at)| *z *= factor(at, pole));
            }
        });
        let signed = |(made, z): (P, &P)| {
            let size = Float::sqrt(Float::abs(made));
            if *z < P::zero() { -size } else { size }
        };
        made.into_iter().zip(&self.z).map(signed).collect()
    }
}

/// Calls `work` with runs of whole lines of `len` elements and the number of the first line.
fn pieces<X: Send>(crew: Crew<'_>, all: &mut [X], len: usize, work: &(dyn Fn(usize, &mut [X]) + Sync)) {
    let lines = all.len() / len;
    let count = if crew.threads() == 1 || lines < 64 { 1 } else { 4 * crew.threads() };
    let run = lines.div_ceil(count).max(1);
    let runs: Vec<Mutex<&mut [X]>> = all.chunks_mut(run * len).map(Mutex::new).collect();
    if !runs.is_empty() {
        crew.share(runs.len(), &|p| work(p * run, &mut runs[p].lock().expect("nobody panics")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(d: &[f64], e: &[f64], wanted: Range<usize>) {
        let n = d.len();
        let (mut values, mut beside) = (d.to_vec(), e.to_vec());
        let mut q = vec![0.0; n * wanted.len()];
        let to = MatMut::from_column_major_slice_mut(&mut q, n, wanted.len());
        assert!(vectors(Crew::alone(), &mut values, &mut beside, wanted.clone(), to));
        assert!(values.is_sorted());
        let scale = d.iter().chain(e).fold(1e-300, |most: f64, x| most.max(x.abs()));
        let (mut alone, mut beside) = (d.to_vec(), e.to_vec());
        assert!(super::values(&mut alone, &mut beside));
        for (x, y) in alone.iter().zip(&values) {
            assert!((x - y).abs() <= 1e-14 * n as f64 * scale, "{x} {y}");
        }
        for (k, j) in wanted.clone().enumerate() {
            let v = &q[k * n..(k + 1) * n];
            for i in 0..n {
                let mut sum = d[i] * v[i];
                if i > 0 {
                    sum += e[i - 1] * v[i - 1];
                }
                if i + 1 < n {
                    sum += e[i] * v[i + 1];
                }
                assert!((sum - values[j] * v[i]).abs() <= 1e-14 * n as f64 * scale, "residual of {j} of {n}");
            }
            for l in 0..=k {
                let dot: f64 = v.iter().zip(&q[l * n..(l + 1) * n]).map(|(x, y)| x * y).sum();
                let expected = if l == k { 1.0 } else { 0.0 };
                assert!((dot - expected).abs() <= 1e-14 * n as f64, "{l} and {k} of {n}: {dot}");
            }
        }
    }

    #[test]
    fn vectors_of_tridiagonal_matrices() {
        let mut state = 7u64;
        let mut random = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as f64 / (1u64 << 31) as f64 - 0.5
        };
        for n in [1, 2, 3, 31, 32, 33, 64, 65, 100, 257] {
            let many: [(Vec<f64>, Vec<f64>); 6] = [
                ((0..n).map(|_| random()).collect(), (1..n).map(|_| random()).collect()),
                (vec![2.0; n], vec![-1.0; n - 1]),
                (vec![0.0; n], vec![0.0; n - 1]),
                // Wilkinson's: pairs that agree to all digits.
                ((0..n).map(|i| (i as f64 - n as f64 / 2.0).abs()).collect(), vec![1.0; n - 1]),
                (
                    (0..n).map(|i| 10f64.powi(-(i as i32 % 40))).collect(),
                    (1..n).map(|i| 1e-9 * (i % 3) as f64).collect(),
                ),
                (vec![1e-200; n], (1..n).map(|i| 1e-200 * i as f64).collect()),
            ];
            for (d, e) in many {
                check(&d, &e, 0..n);
                check(&d, &e, n / 3..n - n / 4);
            }
        }
    }
}
