//! What a task makes of one matrix, on the rank that has it.
//!
//! Matrices come and go as rows of elements; what works by columns does so in scratch memory, which is kept from matrix to
//! matrix.

use super::Task;
use bytemuck::Pod;
use ga_dense::{Conj, Crew, MatMut, MatRef, ReborrowMut};
use ga_factor::{
    FEW, Number, SMALL, Triangle, cholesky, copy_turned, determinant, eigen, form_q, hermitian, lu, qr,
    singular, small_cholesky, small_lu, small_solve, solve_triangular,
};
use num_complex::Complex;
use num_traits::{Float, One, Zero};

/// Orders from which on eigenvalues are found by all threads together.
const SHARED: usize = 128;

/// An element of a matrix.
pub(super) trait Field: Number<Part: Pod> + Pod + ga_core::linalg::Field {}

impl Field for f32 {}
impl Field for f64 {}
impl Field for Complex<f32> {}
impl Field for Complex<f64> {}

/// Rows and columns of a matrix, and columns of its right-hand sides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) width: usize,
}

/// Scratch memory.
pub(super) struct Work<T: Number> {
    a: Vec<T>,
    b: Vec<T>,
    c: Vec<T>,
    values: Vec<T::Part>,
    from: Vec<usize>,
    complex: Vec<Complex<T::Part>>,
}

impl<T: Number> Default for Work<T> {
    fn default() -> Self {
        Work { a: vec![], b: vec![], c: vec![], values: vec![], from: vec![], complex: vec![] }
    }
}

/// The memory of a result as its elements.
fn typed<T: Pod>(bytes: &mut [u8]) -> &mut [T] {
    // (What has no elements lies nowhere in particular.)
    if bytes.is_empty() { &mut [] } else { bytemuck::cast_slice_mut(bytes) }
}

/// So much of a vector.
fn sized<T: Copy>(x: &mut Vec<T>, len: usize, zero: T) -> &mut [T] {
    if x.len() < len {
        x.resize(len, zero);
    }
    &mut x[..len]
}

/// Makes `outs` of `a` and `b`. False if there is no answer.
pub(super) fn one<T: Field>(
    task: Task,
    crew: Crew<'_>,
    sizes: Sizes,
    a: &[T],
    b: &[T],
    outs: &mut [&mut [u8]],
    work: &mut Work<T>,
) -> bool {
    let (m, n) = (sizes.rows, sizes.columns);
    match task {
        Task::Solve => systems(crew, n, a, Some(b), typed(outs[0]), work),
        Task::Inverse => systems(crew, n, a, None, typed(outs[0]), work),
        Task::Determinant => {
            let is_odd = factor(crew, n, a, work);
            let made = determinant((0..n).map(|i| work.a[i * n + i]), is_odd);
            typed(outs[0])[0] = made.sign;
            typed(outs[1])[0] = made.log;
            typed(outs[2])[0] = made.value;
            true
        }
        Task::Cholesky { is_upper } => lower_factor(crew, n, is_upper, a, typed(outs[0]), work),
        Task::Lu => {
            let (packed, from) = (sized(&mut work.a, m * n, T::zero()), sized(&mut work.from, m, 0));
            copy_turned(a, packed, m, n);
            lu(crew, MatMut::from_column_major_slice_mut(packed, m, n), from);
            copy_turned(packed, typed(outs[0]), n, m);
            typed::<i64>(outs[1]).iter_mut().zip(from).for_each(|(to, from)| *to = *from as i64);
            true
        }
        Task::Qr { columns } => {
            let [packed_out, tau, q] = outs else { unreachable!("three results") };
            let packed = sized(&mut work.a, m * n, T::zero());
            copy_turned(a, packed, m, n);
            let tau = typed(tau);
            qr(crew, MatMut::from_column_major_slice_mut(packed, m, n), tau);
            copy_turned(packed, typed(packed_out), n, m);
            if columns > 0 {
                let made = sized(&mut work.b, m * columns, T::zero());
                let packed = MatRef::from_column_major_slice(packed, m, n);
                form_q(crew, packed, tau, MatMut::from_column_major_slice_mut(made, m, columns));
                copy_turned(made, typed(q), columns, m);
            }
            true
        }
        Task::Svd { vectors } => singular_values(m, n, vectors, a, outs, work),
        Task::Hermitian { is_upper, vectors } => hermitian_values(crew, n, is_upper, vectors, a, outs, work),
        Task::Eigen { vectors } => any_values(n, vectors, a, outs, work),
        Task::Triangular { is_lower, is_unit, is_transposed, is_conjugated } => {
            if !is_unit && (0..n).any(|i| a[i * n + i] == T::zero()) {
                return false;
            }
            let t = MatRef::from_row_major_slice(a, n, n);
            let t = if is_transposed { t.transpose() } else { t };
            let conj = if is_conjugated { Conj::Yes } else { Conj::No };
            let kind = Triangle { is_lower: is_lower != is_transposed, is_unit };
            let x = sized(&mut work.b, n * sizes.width, T::zero());
            copy_turned(b, x, n, sizes.width);
            solve_triangular(crew, kind, (t, conj), MatMut::from_column_major_slice_mut(x, n, sizes.width));
            copy_turned(x, typed(outs[0]), sizes.width, n);
            true
        }
    }
}

/// Factors a square matrix in `work.a` and `work.from`: by rows if it is small, else by columns. Whether the rows' order is odd.
fn factor<T: Field>(crew: Crew<'_>, n: usize, a: &[T], work: &mut Work<T>) -> bool {
    let (packed, from) = (sized(&mut work.a, n * n, T::zero()), sized(&mut work.from, n, 0));
    if n <= SMALL {
        packed.copy_from_slice(a);
        return small_lu(n, packed, from);
    }
    copy_turned(a, packed, n, n);
    lu(crew, MatMut::from_column_major_slice_mut(packed, n, n), from);
    // An order is as odd as the number of its cycles of even length.
    let (mut seen, mut is_odd) = (vec![false; n], false);
    for start in 0..n {
        let mut i = start;
        while !seen[i] {
            seen[i] = true;
            i = from[i];
            is_odd ^= i != start;
        }
    }
    is_odd
}

/// `x` with `a x = b`, or the inverse.
fn systems<T: Field>(
    crew: Crew<'_>,
    n: usize,
    a: &[T],
    b: Option<&[T]>,
    x: &mut [T],
    work: &mut Work<T>,
) -> bool {
    if n == 0 {
        return true;
    }
    factor(crew, n, a, work);
    if (0..n).any(|i| work.a[i * n + i] == T::zero()) {
        return false;
    }
    let width = x.len() / n;
    if n <= SMALL {
        for (i, row) in x.chunks_exact_mut(width.max(1)).enumerate() {
            match b {
                Some(b) => row.copy_from_slice(&b[work.from[i] * width..(work.from[i] + 1) * width]),
                None => {
                    row.fill(T::zero());
                    row[work.from[i]] = T::one();
                }
            }
        }
        small_solve(n, &work.a[..n * n], x);
        return true;
    }
    let made = sized(&mut work.b, n * width, T::zero());
    let from = &work.from[..n];
    for (j, column) in made.chunks_exact_mut(n).enumerate() {
        for (to, &from) in column.iter_mut().zip(from) {
            *to = match b {
                Some(b) => b[from * width + j],
                None if from == j => T::one(),
                None => T::zero(),
            };
        }
    }
    let factors = MatRef::from_column_major_slice(&work.a[..n * n], n, n);
    let mut to = MatMut::from_column_major_slice_mut(made, n, width);
    let [lower, upper] = [true, false].map(|is_lower| Triangle { is_lower, is_unit: is_lower });
    solve_triangular(crew, lower, (factors, Conj::No), to.rb_mut());
    solve_triangular(crew, upper, (factors, Conj::No), to);
    copy_turned(made, x, width, n);
    true
}

/// The lower triangle of a Hermitian matrix, column by column, zeros above it; of the upper one the conjugate.
fn load_lower<T: Field>(n: usize, is_upper: bool, a: &[T], to: &mut [T]) {
    if !is_upper {
        copy_turned(a, to, n, n);
    } else if T::IS_REAL {
        to.copy_from_slice(a);
    } else {
        to.iter_mut().zip(a).for_each(|(to, x)| *to = x.adjoint());
    }
    (0..n).for_each(|j| to[j * n..j * n + j].fill(T::zero()));
}

fn lower_factor<T: Field>(
    crew: Crew<'_>,
    n: usize,
    is_upper: bool,
    a: &[T],
    to: &mut [T],
    work: &mut Work<T>,
) -> bool {
    let packed = sized(&mut work.a, n * n, T::zero());
    if n <= SMALL {
        for i in 0..n {
            for j in 0..n {
                let x = if is_upper { a[j * n + i].adjoint() } else { a[i * n + j] };
                packed[i * n + j] = if j <= i { x } else { T::zero() };
            }
        }
        if n > 0 && !small_cholesky(n, packed) {
            return false;
        }
        match is_upper {
            false => to.copy_from_slice(packed),
            true => (0..n * n).for_each(|at| to[at] = packed[at % n * n + at / n].adjoint()),
        }
        return true;
    }
    load_lower(n, is_upper, a, packed);
    if (0..n).any(|j| Float::is_nan(packed[j * n + j].re()))
        || cholesky(crew, MatMut::from_column_major_slice_mut(packed, n, n)).is_err()
    {
        return false;
    }
    for j in 0..n {
        packed[j * n..j * n + j].fill(T::zero());
        // (Of a complex factor the kernel leaves what rounding made of imaginary parts.)
        packed[j * n + j] = T::of(packed[j * n + j].re());
    }
    if is_upper {
        to.iter_mut().zip(&*packed).for_each(|(to, x)| *to = x.adjoint());
    } else {
        copy_turned(packed, to, n, n);
    }
    !(0..n).any(|j| Float::is_nan(packed[j * n + j].re()))
}

fn singular_values<T: Field>(
    m: usize,
    n: usize,
    vectors: Option<bool>,
    a: &[T],
    outs: &mut [&mut [u8]],
    work: &mut Work<T>,
) -> bool {
    let k = m.min(n);
    let is_full = vectors == Some(true);
    let [left, right] = if is_full { [m, n] } else { [k, k] };
    if k == 0 {
        for (out, extents) in outs.iter_mut().skip(1).zip([[m, left], [right, n]]) {
            let to: &mut [T] = typed(out);
            to.fill(T::zero());
            (0..extents[0].min(extents[1])).for_each(|i| to[i * extents[1] + i] = T::one());
        }
        return true;
    }
    let is_any = |test: fn(T::Part) -> bool| a.iter().any(|x| test(x.re()) || test(x.im()));
    if vectors.is_none() && is_any(Float::is_infinite) && !is_any(Float::is_nan) {
        // Infinities have no vectors, but values that aren't known.
        typed(outs[0]).fill(<T::Part as Float>::nan());
        return true;
    }
    if k > FEW {
        let values: &mut [T::Part] = sized(&mut work.values, k, T::Part::zero());
        let packed = sized(&mut work.a, m * n, T::zero());
        copy_turned(a, packed, m, n);
        let packed = MatRef::from_column_major_slice(packed, m, n);
        let done = if vectors.is_some() {
            let (u, v) = (sized(&mut work.b, m * left, T::zero()), sized(&mut work.c, n * right, T::zero()));
            // (The kernel takes for zero what it doesn't write.)
            u.fill(T::zero());
            v.fill(T::zero());
            let to_u = MatMut::from_column_major_slice_mut(u, m, left);
            let done = T::singular(
                packed,
                values,
                Some(to_u),
                Some(MatMut::from_column_major_slice_mut(v, n, right)),
            );
            copy_turned(u, typed(outs[1]), left, m);
            // A right vector, conjugated, is a row.
            typed(outs[2]).iter_mut().zip(&*v).for_each(|(to, x): (&mut T, &T)| *to = x.adjoint());
            done
        } else {
            T::singular(packed, values, None, None)
        };
        typed(outs[0]).copy_from_slice(values);
        return done.is_ok();
    }
    // Of a wide matrix the conjugate transpose, whose vectors are exchanged.
    let is_wide = n > m;
    let (rows, columns) = if is_wide { (n, m) } else { (m, n) };
    let wide = if is_full { rows } else { k };
    let u = sized(&mut work.b, rows * wide, T::zero());
    let v = sized(&mut work.c, k * k, T::zero());
    for j in 0..columns {
        for i in 0..rows {
            u[j * rows + i] = if is_wide { a[j * n + i].adjoint() } else { a[i * n + j] };
        }
    }
    if !singular(rows, columns, u, typed(outs[0]), v) {
        return false;
    }
    if vectors.is_some() {
        let (to_u, to_v): (&[T], &[T]) = if is_wide { (v, u) } else { (u, v) };
        copy_turned(to_u, typed(outs[1]), left, m);
        typed(outs[2]).iter_mut().zip(to_v).for_each(|(to, x): (&mut T, &T)| *to = x.adjoint());
    }
    true
}

fn hermitian_values<T: Field>(
    crew: Crew<'_>,
    n: usize,
    is_upper: bool,
    vectors: bool,
    a: &[T],
    outs: &mut [&mut [u8]],
    work: &mut Work<T>,
) -> bool {
    if n < 2 {
        // (Of one element, whatever it is.)
        a.iter().for_each(|x| typed::<T::Part>(outs[0])[0] = x.re());
        outs.iter_mut().skip(1).for_each(|v| typed(v).fill(T::one()));
        return true;
    }
    let packed = sized(&mut work.a, n * n, T::zero());
    load_lower(n, is_upper, a, packed);
    let v = sized(&mut work.b, n * n, T::zero());
    let values: &mut [T::Part] = typed(outs[0]);
    let is_done = if n <= FEW {
        hermitian(n, packed, values, v)
    } else if n >= SHARED {
        let to = vectors.then(|| MatMut::from_column_major_slice_mut(v, n, n));
        eigen(crew, MatMut::from_column_major_slice_mut(packed, n, n), values, to)
    } else {
        let to = vectors.then(|| MatMut::from_column_major_slice_mut(v, n, n));
        T::eigen(MatMut::from_column_major_slice_mut(packed, n, n), values, to).is_ok()
    };
    if vectors {
        copy_turned(v, typed(outs[1]), n, n);
    }
    is_done
}

fn any_values<T: Field>(
    n: usize,
    vectors: bool,
    a: &[T],
    outs: &mut [&mut [u8]],
    work: &mut Work<T>,
) -> bool {
    if n == 0 {
        return true;
    }
    let values: &mut [Complex<T::Part>] = typed(outs[0]);
    let a = MatRef::from_row_major_slice(a, n, n);
    if n == 1 {
        let only = a[(0, 0)];
        values[0] = Complex::new(only.re(), only.im());
        if vectors {
            typed::<Complex<T::Part>>(outs[1])[0] = Complex::new(T::Part::one(), T::Part::zero());
        }
        return Float::is_finite(only.re()) && Float::is_finite(only.im());
    }
    if !vectors {
        return T::eigen_any(a, values, None).is_ok();
    }
    let zero = Complex::new(T::Part::zero(), T::Part::zero());
    let found = sized(&mut work.complex, n * n, zero);
    let is_done = T::eigen_any(a, values, Some(MatMut::from_column_major_slice_mut(found, n, n))).is_ok();
    // Of length 1, the largest part real.
    for column in found.chunks_exact_mut(n) {
        let most = column.iter().fold(zero, |most, x| if x.norm_sqr() > most.norm_sqr() { *x } else { most });
        let size = most.re.hypot(most.im);
        if size <= T::Part::zero() || size.is_nan() {
            continue;
        }
        let is_real = column.iter().all(|x| x.im == T::Part::zero());
        let turn = if is_real { Complex::new(size, T::Part::zero()) } else { most };
        let length = column.iter().fold(T::Part::zero(), |sum, x| sum + (*x / size).norm_sqr()).sqrt();
        for x in column.iter_mut() {
            let is_largest = *x == most && !is_real;
            *x = *x / turn / length;
            if is_largest {
                x.im = T::Part::zero();
            }
        }
    }
    for i in 0..n {
        let row = &mut typed::<Complex<T::Part>>(outs[1])[i * n..(i + 1) * n];
        row.iter_mut().enumerate().for_each(|(j, x)| *x = found[j * n + i]);
    }
    is_done
}
