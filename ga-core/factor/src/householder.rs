//! QR by Householder reflections, LAPACK's: `Q = H_0 H_1 .. , H_j = 1 - tau_j v_j v_j^H`, `v_j` one at row `j` and zero above.
//!
//! Blocks of reflections `1 - V T V^H`, within blocks of them, so that all but a few columns at a time is products.

use crate::Number;
use ga_dense::{Accum, Conj, Crew, MatMut, MatRef, Reborrow, ReborrowMut};
use num_traits::{Float, Zero};

/// Columns of a block that the crew applies, and how many times narrower the blocks within are.
const BLOCK: usize = 64;
const RATIO: usize = 4;

/// Replaces a matrix by R and, below its diagonal, the vectors; `tau` has an element for each of them.
pub fn qr<T: Number>(crew: Crew<'_>, a: MatMut<'_, T>, tau: &mut [T]) {
    assert_eq!(tau.len(), a.nrows().min(a.ncols()), "one number for each reflection");
    factor(crew, a, tau, BLOCK);
}

fn factor<T: Number>(crew: Crew<'_>, mut a: MatMut<'_, T>, tau: &mut [T], width: usize) {
    let (count, columns) = (tau.len(), a.ncols());
    if count <= width || width < RATIO {
        if width < 2 * RATIO || count * columns <= 256 {
            return narrow(a, tau);
        }
        return factor(crew, a, tau, width / RATIO);
    }
    for start in (0..count).step_by(width) {
        let wide = width.min(count - start);
        let height = a.nrows() - start;
        let part = a.rb_mut().submatrix_mut(start, start, height, columns - start);
        let (mut block, rest) = part.split_at_col_mut(wide);
        factor(crew, block.rb_mut(), &mut tau[start..start + wide], width / RATIO);
        if rest.ncols() > 0 {
            Reflections::new(block.rb(), &tau[start..start + wide]).apply(crew, true, rest);
        }
    }
}

/// One reflection after the other.
fn narrow<T: Number>(mut a: MatMut<'_, T>, tau: &mut [T]) {
    let (rows, columns) = (a.nrows(), a.ncols());
    for (j, tau) in tau.iter_mut().enumerate() {
        let (left, right) = a.rb_mut().submatrix_mut(j, j, rows - j, columns - j).split_at_col_mut(1);
        let mut v = left.col_mut(0);
        *tau = reflection(&mut v);
        if *tau == T::zero() {
            continue;
        }
        let (v, mut right) = (v.rb(), right);
        for mut column in right.rb_mut().col_iter_mut() {
            let mut sum = column[0];
            let (below, tail) = (v.subrows(1, rows - j - 1), column.rb().subrows(1, rows - j - 1));
            sum += inner(
                below.try_as_col_major().map(|x| x.as_slice()),
                tail.try_as_col_major().map(|x| x.as_slice()),
                || below.iter().zip(tail.iter()).fold(T::zero(), |sum, (&v, &x)| sum + v.adjoint() * x),
            );
            let factor = tau.adjoint() * sum;
            column[0] -= factor;
            let tail = column.rb_mut().subrows_mut(1, rows - j - 1);
            tail.iter_mut().zip(below.iter()).for_each(|(x, &v)| *x -= factor * v);
        }
    }
}

/// The sum of products with conjugates: of contiguous elements in several sums at a time.
fn inner<T: Number>(v: Option<&[T]>, x: Option<&[T]>, otherwise: impl FnOnce() -> T) -> T {
    const LANES: usize = 8;
    let (Some(v), Some(x)) = (v, x) else { return otherwise() };
    let mut sums = [T::zero(); LANES];
    let (mut vs, mut xs) = (v.chunks_exact(LANES), x.chunks_exact(LANES));
    for (v, x) in vs.by_ref().zip(xs.by_ref()) {
        for k in 0..LANES {
            sums[k] += v[k].adjoint() * x[k];
        }
    }
    let rest =
        vs.remainder().iter().zip(xs.remainder()).fold(T::zero(), |sum, (&v, &x)| sum + v.adjoint() * x);
    sums.into_iter().fold(rest, |sum, x| sum + x)
}

/// Makes a column the vector of the reflection that maps it to a multiple of the first unit vector, and its first element
/// that multiple, which is real. Returns tau; zero if there is nothing to reflect.
pub(crate) fn reflection<T: Number>(v: &mut ga_dense::ColMut<'_, T>) -> T {
    let alpha = v[0];
    let rest = norm(v.nrows() - 1, |i| v[i + 1]);
    if rest == T::Part::zero() && alpha.im() == T::Part::zero() {
        return T::zero();
    }
    let size = alpha.re().hypot(alpha.im()).hypot(rest);
    let beta = if alpha.re().is_sign_negative() { size } else { -size };
    let tau = T::from_parts((beta - alpha.re()) / beta, -alpha.im() / beta);
    let scale = T::one() / (alpha - T::of(beta));
    v.rb_mut().iter_mut().skip(1).for_each(|x| *x *= scale);
    v[0] = T::of(beta);
    tau
}

/// The Euclidean norm, whose squares neither overflow nor vanish.
pub(crate) fn norm<T: Number>(len: usize, at: impl Fn(usize) -> T) -> T::Part {
    let all = || (0..len).map(&at);
    let sum = all().fold(T::Part::zero(), |sum, x| sum + x.square());
    let small = T::Part::min_positive_value() / T::Part::epsilon();
    if Float::is_finite(sum) && sum > small {
        return Float::sqrt(sum);
    }
    let most = all().fold(T::Part::zero(), |most, x| Float::max(most, x.length()));
    if sum.is_nan() || most == T::Part::zero() || !Float::is_finite(most) {
        return if sum.is_nan() { sum } else { most };
    }
    let scaled = all().fold(T::Part::zero(), |sum, x| {
        let size = x.length() / most;
        sum + size * size
    });
    most * Float::sqrt(scaled)
}

/// Some reflections as `1 - V T V^H`.
#[derive(Debug)]
pub struct Reflections<T> {
    rows: usize,
    width: usize,
    v: Vec<T>,
    t: Vec<T>,
}

impl<T: Number> Reflections<T> {
    /// Of the vectors below the diagonal of these columns, as many as there are factors.
    pub fn new(packed: MatRef<'_, T>, tau: &[T]) -> Self {
        let (rows, width) = (packed.nrows(), tau.len());
        let v = vectors(packed, width);
        let view = MatRef::from_column_major_slice(&v, rows, width);
        let mut gram = vec![T::zero(); width * width];
        let to = MatMut::from_column_major_slice_mut(&mut gram, width, width);
        T::product(to, Accum::Replace, T::one(), (view.transpose(), Conj::Yes), (view, Conj::No));
        // Column j of T: -tau_j T (V^H v_j) above the diagonal, tau_j on it.
        let mut t = vec![T::zero(); width * width];
        for j in 0..width {
            for i in 0..j {
                let sum = (i..j).fold(T::zero(), |sum, l| sum + t[l * width + i] * gram[j * width + l]);
                t[j * width + i] = -tau[j] * sum;
            }
            t[j * width + j] = tau[j];
        }
        Reflections { rows, width, v, t }
    }

    /// With the triangle T of the reflections known: `width` columns of as many elements.
    pub fn with(packed: MatRef<'_, T>, width: usize, t: Vec<T>) -> Self {
        assert_eq!(t.len(), width * width, "a square triangle");
        Reflections { rows: packed.nrows(), width, v: vectors(packed, width), t }
    }

    /// T, column by column.
    pub fn triangle(&self) -> &[T] {
        &self.t
    }

    /// `c = (1 - V T V^H) c`, or its adjoint.
    pub fn apply(&self, crew: Crew<'_>, is_adjoint: bool, c: MatMut<'_, T>) {
        let (width, columns) = (self.width, c.ncols());
        let v = MatRef::from_column_major_slice(&self.v, self.rows, width);
        let t = MatRef::from_column_major_slice(&self.t, width, width);
        let t = if is_adjoint { (t.transpose(), Conj::Yes) } else { (t, Conj::No) };
        let (mut w, mut tw) = (vec![T::zero(); width * columns], vec![T::zero(); width * columns]);
        let to = MatMut::from_column_major_slice_mut(&mut w, width, columns);
        T::product_by(crew, to, Accum::Replace, T::one(), (v.transpose(), Conj::Yes), (c.rb(), Conj::No));
        let w = MatRef::from_column_major_slice(&w, width, columns);
        let to = MatMut::from_column_major_slice_mut(&mut tw, width, columns);
        T::product_by(crew, to, Accum::Replace, T::one(), t, (w, Conj::No));
        let tw = MatRef::from_column_major_slice(&tw, width, columns);
        T::product_by(crew, c, Accum::Add, -T::one(), (v, Conj::No), (tw, Conj::No));
    }
}

/// Householder's vectors of the columns of a packed factor, with their ones and zeros.
fn vectors<T: Number>(packed: MatRef<'_, T>, width: usize) -> Vec<T> {
    let rows = packed.nrows();
    let mut v = vec![T::zero(); rows * width];
    for (j, column) in v.chunks_exact_mut(rows.max(1)).enumerate() {
        column[j] = T::one();
        column[j + 1..].iter_mut().enumerate().for_each(|(i, x)| *x = packed[(j + 1 + i, j)]);
    }
    v
}

/// The first columns of Q, as many as `q` has, from what [`qr`] made.
pub fn form_q<T: Number>(crew: Crew<'_>, packed: MatRef<'_, T>, tau: &[T], mut q: MatMut<'_, T>) {
    let (rows, columns, count) = (q.nrows(), q.ncols(), tau.len().min(q.ncols()));
    assert!(rows == packed.nrows() && columns <= rows && count <= columns, "columns of a square matrix");
    q.fill(T::zero());
    (0..columns).for_each(|j| q[(j, j)] = T::one());
    for start in (0..count).step_by(BLOCK).rev() {
        let width = BLOCK.min(count - start);
        let block = packed.submatrix(start, start, rows - start, width);
        let to = q.rb_mut().submatrix_mut(start, start, rows - start, columns - start);
        Reflections::new(block, &tau[start..start + width]).apply(crew, false, to);
    }
}
