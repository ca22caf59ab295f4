//! Systems of equations, inverses and eigenproblems on 1 to 4 ranks, by their residuals.

use crate::common::{RANKS, Random, load};
use ga_core::linalg::{
    Cholesky, Field, Lu, Matrix, NotDefinite, Op, Qr, Solved, Triangle, diag, diag_std, diag_values,
    llt_solve, lu_solve, solve, solve_triangular, spd_invert,
};
use ga_core::{Distribution, ErrorKind, GlobalArray, Patch};
use ndarray::{Array2, Ix2, LinalgScalar, s};
use rma::{Complex32, Complex64, World};
use std::ops::Neg;
use tests::{Job, spmd};

/// What the oracle needs to know about elements.
trait Element: Field + LinalgScalar + Neg<Output = Self> {
    const EPSILON: f64;
    fn random(random: &mut Random) -> Self;
    fn conj(self) -> Self;
    fn modulus(self) -> f64;
    fn from_real(value: Self::Real) -> Self;
    fn real(value: Self::Real) -> f64;
}

/// Between -1 and 1.
fn unit(random: &mut Random) -> f64 {
    random.below(1 << 20) as f64 / (1 << 19) as f64 - 1.0
}

macro_rules! elements {
    ($($t:ident, $real:ident: $random:expr, $conj:expr, $size:expr, $from:expr;)*) => {$(
        impl Element for $t {
            const EPSILON: f64 = $real::EPSILON as f64;
            fn random(random: &mut Random) -> Self {
                $random(random)
            }
            fn conj(self) -> Self {
                $conj(self)
            }
            fn modulus(self) -> f64 {
                $size(self)
            }
            fn from_real(value: $real) -> Self {
                $from(value)
            }
            fn real(value: $real) -> f64 {
                value.into()
            }
        }
    )*};
}

elements! {
    f32, f32: |r| unit(r) as f32, |x| x, |x: f32| x.abs().into(), |x| x;
    f64, f64: unit, |x| x, f64::abs, |x| x;
    Complex32, f32: |r: &mut Random| Complex32::new(unit(r) as f32, unit(r) as f32), |x: Complex32| Complex32::conj(&x),
        |x: Complex32| x.norm().into(), Complex32::from;
    Complex64, f64: |r: &mut Random| Complex64::new(unit(r), unit(r)), |x: Complex64| Complex64::conj(&x),
        |x: Complex64| x.norm(), Complex64::from;
}

/// Orders: none, one, one panel, several panels of which the last is narrow.
const ORDERS: [usize; 6] = [0, 1, 2, 19, 256, 300];

fn random<T: Element>(rows: usize, columns: usize, seed: usize) -> Array2<T> {
    let mut random = Random::new(seed);
    Array2::from_shape_simple_fn((rows, columns), || T::random(&mut random))
}

fn adjoint<T: Element>(a: &Array2<T>) -> Array2<T> {
    a.t().mapv(T::conj)
}

/// Hermitian, and positive definite if asked for: up to rounding as a product (which takes its time), or
/// exactly by its diagonal.
fn hermitian<T: Element>(order: usize, seed: usize, is_definite: bool) -> Array2<T> {
    let a = random::<T>(order, order, seed);
    let sum = &a + &adjoint(&a);
    match is_definite {
        false => sum,
        true if order < 100 => a.dot(&adjoint(&a)) + Array2::<T>::eye(order),
        true => sum + Array2::<T>::from_diag_elem(order, (0..3 * order).fold(T::zero(), |x, _| x + T::one())),
    }
}

fn largest<T: Element>(a: &Array2<T>) -> f64 {
    a.iter().map(|x| x.modulus()).fold(0.0, f64::max)
}

/// `a x` is `b` up to rounding; one rank's word is enough.
fn assert_solves<T: Element>(world: &World, a: &Array2<T>, x: &Array2<T>, b: &Array2<T>) {
    if world.rank() > 0 {
        return;
    }
    let error = largest(&(a.dot(x) - b));
    let scale = a.nrows() as f64 * largest(a) * largest(x) + largest(b);
    assert!(error <= 20.0 * T::EPSILON * scale, "{error:e} of {scale:e} at order {}", a.nrows());
}

/// Arrays of different layouts, one of them with the matrix inside a larger one.
fn placed<T: Element>(world: &World, serial: &Array2<T>, k: usize) -> (GlobalArray<T>, Patch) {
    let (shape, ranks) = ([serial.nrows(), serial.ncols()], world.size());
    let part = shape.map(|n| (n / 3).max(1));
    let layout = match k % 5 {
        0 => Distribution::regular(&shape, &[], ranks),
        1 => Distribution::block_cyclic(&shape, &part, ranks),
        2 => Distribution::scalapack(&shape, &part, &[1, ranks], ranks),
        3 => {
            Distribution::irregular(&shape, &[(0..ranks).map(|r| r.min(shape[0])).collect(), vec![0]], ranks)
        }
        _ => Distribution::regular(&[shape[0] + 3, shape[1] + 2], &[], ranks),
    }
    .unwrap();
    let patch = match k % 5 {
        4 => Patch::from([2..2 + shape[0], 1..1 + shape[1]]),
        _ => Patch::whole(&shape),
    };
    let array = GlobalArray::builder(&world.team(), layout.shape()).distribution(&layout).create().unwrap();
    let mut whole = Array2::from_elem((layout.shape()[0], layout.shape()[1]), T::one());
    let (lo, hi) = (patch.lo(), patch.hi());
    whole.slice_mut(s![lo[0]..hi[0], lo[1]..hi[1]]).assign(serial);
    load(&array, &whole.into_dyn());
    (array, patch)
}

/// The contents of a patch; then a synchronisation, so that it may be written to again.
fn read<T: Element>(array: &GlobalArray<T>, patch: &Patch) -> Array2<T> {
    let values = array.get_array::<Ix2>(patch).unwrap();
    array.sync().unwrap();
    values
}

fn lu_of<T: Element>(world: &World) {
    for (k, n) in ORDERS.into_iter().enumerate() {
        let serial = random::<T>(n, n, k);
        for (m, op) in [(1, Op::None), (7, Op::Transpose), (3, Op::ConjugateTranspose), (0, Op::None)] {
            let (a, whole) = placed(world, &serial, k + m);
            let applied = match op {
                Op::None => serial.clone(),
                Op::Transpose => serial.t().to_owned(),
                Op::ConjugateTranspose => adjoint(&serial),
            };
            let right = random::<T>(n, m, 99);
            let (b, columns) = placed(world, &right, m + 1);
            let matrix = Matrix::new(&a, &whole, op).unwrap();
            lu_solve(&matrix, &Matrix::new(&b, &columns, Op::None).unwrap()).unwrap();
            assert_solves(world, &applied, &read(&b, &columns), &right);
            assert_eq!(read(&a, &whole), serial, "the matrix is left alone");
            // Right-hand sides in rows, and the factors used again.
            let (b, rows) = placed(world, &right.t().to_owned(), m);
            let factors = Lu::factor(&matrix).unwrap();
            factors.solve(&Matrix::new(&b, &rows, Op::Transpose).unwrap()).unwrap();
            assert_solves(world, &applied, &read(&b, &rows).t().to_owned(), &right);
        }
    }
}

#[test]
fn lu_solves_real_systems() {
    spmd(RANKS, "lu_solves_real_systems", |world| {
        lu_of::<f32>(world);
        lu_of::<f64>(world);
    });
}

#[test]
fn lu_solves_complex_systems() {
    spmd(&[1, 3], "lu_solves_complex_systems", |world| {
        lu_of::<Complex32>(world);
        lu_of::<Complex64>(world);
    });
}

fn cholesky_of<T: Element>(world: &World) {
    for (k, n) in ORDERS.into_iter().enumerate() {
        let serial = hermitian::<T>(n, k, true);
        let mut lower = serial.clone();
        lower.indexed_iter_mut().filter(|((i, j), _)| i < j).for_each(|(_, x)| *x = T::one());
        let right = random::<T>(n, 5, 98);
        for layout in [k, k + 1] {
            let (a, whole) = placed(world, &lower, layout);
            let (b, columns) = placed(world, &right, layout + 2);
            let matrix = Matrix::new(&a, &whole, Op::None).unwrap();
            let sides = Matrix::new(&b, &columns, Op::None).unwrap();
            assert_eq!(llt_solve(&matrix, &sides).unwrap(), Ok(()));
            assert_solves(world, &serial, &read(&b, &columns), &right);
            assert_eq!(spd_invert(&matrix).unwrap(), Ok(()));
            assert_solves(world, &serial, &read(&a, &whole), &Array2::eye(n));
        }
        // With the triangles told apart, `solve` must not take Cholesky's way; with both alike it must.
        let (b, columns) = placed(world, &right, k);
        let sides = Matrix::new(&b, &columns, Op::None).unwrap();
        let (a, whole) = placed(world, &serial, k);
        assert_eq!(solve(&Matrix::new(&a, &whole, Op::None).unwrap(), &sides).unwrap(), Solved::ByCholesky);
        assert_solves(world, &serial, &read(&b, &columns), &right);
        if n > 2 {
            let (b, columns) = placed(world, &right, k);
            let sides = Matrix::new(&b, &columns, Op::None).unwrap();
            let (a, whole) = placed(world, &lower, k);
            let by = solve(&Matrix::new(&a, &whole, Op::None).unwrap(), &sides).unwrap();
            assert_eq!(by, Solved::ByLu(NotDefinite { minor: 2 }));
            assert_solves(world, &lower, &read(&b, &columns), &right);
        }
    }
}

#[test]
fn cholesky_solves_and_inverts_real_matrices() {
    spmd(RANKS, "cholesky_solves_and_inverts_real_matrices", |world| {
        cholesky_of::<f32>(world);
        cholesky_of::<f64>(world);
    });
}

#[test]
fn cholesky_solves_and_inverts_complex_matrices() {
    spmd(&[1, 3], "cholesky_solves_and_inverts_complex_matrices", |world| {
        cholesky_of::<Complex32>(world);
        cholesky_of::<Complex64>(world);
    });
}

/// `a v = s v d`, `v` is orthonormal with regard to `s`, and `d` ascends; one rank's word is enough.
fn assert_decomposes<T: Element>(
    world: &World,
    a: &Array2<T>,
    s: &Array2<T>,
    v: &Array2<T>,
    values: &[T::Real],
) {
    if world.rank() > 0 {
        return;
    }
    let n = a.nrows();
    assert!(values.windows(2).all(|pair| T::real(pair[0]) <= T::real(pair[1])), "ascending");
    let d = Array2::from_diag(&values.iter().map(|&x| T::from_real(x)).collect::<ndarray::Array1<T>>());
    // Both errors are magnified by the metric's condition, which is about its size: its least eigenvalue is 1.
    let (error, limit) =
        (largest(&(a.dot(v) - s.dot(v).dot(&d))), T::EPSILON * (n * n) as f64 * (1.0 + largest(a)));
    assert!(error <= limit * (1.0 + largest(s)), "residual {error:e} above {limit:e} at order {n}");
    let error = largest(&(adjoint(v).dot(&s.dot(v)) - Array2::<T>::eye(n)));
    let limit = T::EPSILON * (5 + n) as f64 * (1.0 + largest(s));
    assert!(error <= limit, "orthogonality {error:e} above {limit:e} at order {n}");
}

fn eigen_of<T: Element>(world: &World, orders: &[usize]) {
    for (k, &n) in orders.iter().enumerate() {
        let (a_serial, s_serial) = (hermitian::<T>(n, k, false), hermitian::<T>(n, k + 50, true));
        let ((a, a_patch), (s, s_patch)) = (placed(world, &a_serial, k), placed(world, &s_serial, k + 1));
        let (v, v_patch) = placed(world, &random::<T>(n, n, 1), k + 2);
        let a_matrix = Matrix::new(&a, &a_patch, Op::None).unwrap();
        let s_matrix = Matrix::new(&s, &s_patch, Op::None).unwrap();
        let columns = Matrix::new(&v, &v_patch, Op::None).unwrap();
        let rows = Matrix::new(&v, &v_patch, Op::Transpose).unwrap();
        let identity = Array2::eye(n);
        let values = diag_std(&a_matrix, &columns).unwrap();
        assert_decomposes(world, &a_serial, &identity, &read(&v, &v_patch), &values);
        let alone = diag_values(&a_matrix).unwrap();
        let same = |(x, y): (&T::Real, &T::Real)| {
            (T::real(*x) - T::real(*y)).abs() <= T::EPSILON * (9 * n * n) as f64
        };
        assert!(alone.iter().zip(&values).all(same), "values alone");
        let values = diag_std(&a_matrix, &rows).unwrap();
        assert_decomposes(world, &a_serial, &identity, &read(&v, &v_patch).t().to_owned(), &values);
        let values = diag(&a_matrix, &s_matrix, &columns).unwrap();
        assert_decomposes(world, &a_serial, &s_serial, &read(&v, &v_patch), &values);
        let factor = Cholesky::factor(&s_matrix).unwrap().expect("positive definite");
        // In place, and twice with one factor.
        let other = Matrix::new(&s, &s_patch, Op::None).unwrap();
        let values = factor.diag(&other, &rows).unwrap();
        assert!(values.iter().all(|&x| (T::real(x) - 1.0).abs() < 1e3 * T::EPSILON * largest(&s_serial)));
        a.sync().unwrap();
        let values = factor.diag(&a_matrix, &a_matrix).unwrap();
        assert_decomposes(world, &a_serial, &s_serial, &read(&a, &a_patch), &values);
    }
}

#[test]
fn eigenvectors_of_real_matrices() {
    spmd(RANKS, "eigenvectors_of_real_matrices", |world| {
        eigen_of::<f32>(world, &[1, 2, 50]);
        eigen_of::<f64>(world, &[0, 1, 2, 19, 70, 270]);
    });
}

#[test]
fn eigenvectors_of_complex_matrices() {
    spmd(&[1, 3], "eigenvectors_of_complex_matrices", |world| {
        eigen_of::<Complex32>(world, &[1, 2, 50]);
        eigen_of::<Complex64>(world, &[1, 2, 50]);
    });
}

/// Matrices of any extents: `q r` and `l u` are them, `q` is orthonormal, and triangles solve for what they are.
fn factors_of<T: Element>(world: &World) {
    for (k, [m, n]) in [[300, 270], [260, 330], [5, 9], [280, 280]].into_iter().enumerate() {
        let mut serial = random::<T>(m, n, k);
        // Singular: LU goes on.
        serial.column_mut(n / 2).fill(T::from_real(Default::default()));
        let (a, whole) = placed(world, &serial, k);
        let matrix = Matrix::new(&a, &whole, Op::None).unwrap();
        let limit = T::EPSILON * (20 * m.max(n)) as f64;
        let (packed, packed_patch) = placed(world, &serial, k + 1);
        let to = Matrix::new(&packed, &packed_patch, Op::None).unwrap();
        let qr = Qr::factor(&matrix).unwrap();
        qr.packed(&to).unwrap();
        let r = upper(&read(&packed, &packed_patch));
        assert_eq!(qr.factors().unwrap().len(), m.min(n));
        let (q, q_patch) = placed(world, &random::<T>(m, m, 1), k + 2);
        qr.q(&Matrix::new(&q, &q_patch, Op::None).unwrap()).unwrap();
        let q = read(&q, &q_patch);
        assert!(largest(&(q.dot(&r) - &serial)) <= limit, "q r of {m} x {n}");
        assert!(largest(&(adjoint(&q).dot(&q) - Array2::<T>::eye(m))) <= limit, "q of {m} x {n}");
        let lu = Lu::factor_any(&matrix).unwrap();
        lu.packed(&to).unwrap();
        let (packed, from) = (read(&packed, &packed_patch), lu.row_order().unwrap());
        let l = Array2::from_shape_fn((m, m), |(i, j)| match i.cmp(&j) {
            std::cmp::Ordering::Greater if j < n => packed[[i, j]],
            std::cmp::Ordering::Equal => T::one(),
            _ => T::zero(),
        });
        let moved = Array2::from_shape_fn((m, n), |(i, j)| serial[[from[i], j]]);
        assert!(largest(&(l.dot(&upper(&packed)) - moved)) <= limit, "l u of {m} x {n}");
    }
    let serial = random::<T>(290, 290, 7) + Array2::<T>::eye(290).mapv(|x| x * T::from_count(30));
    let (a, whole) = placed(world, &serial, 1);
    for (is_lower, is_unit) in [(false, false), (true, false), (false, true), (true, true)] {
        let t = Array2::from_shape_fn((290, 290), |(i, j)| match i == j {
            true if is_unit => T::one() + T::one(),
            _ if i == j || (i > j) == is_lower => serial[[i, j]],
            _ => T::zero(),
        });
        // (With ones on the diagonal a half of the matrix is solved with, so that solutions stay small.)
        let t = if is_unit { t.mapv(|x| x / T::from_count(64)) } else { t };
        let (a, whole) = if is_unit { placed(world, &t, 1) } else { placed(world, &read(&a, &whole), 1) };
        let mut known = t.clone();
        if is_unit {
            (0..290).for_each(|i| known[[i, i]] = T::one());
        }
        let right = random::<T>(290, 3, 5);
        let (b, columns) = placed(world, &right, 2);
        let kind = Triangle { is_lower, is_unit };
        let solved = solve_triangular(
            &Matrix::new(&a, &whole, Op::None).unwrap(),
            kind,
            &Matrix::new(&b, &columns, Op::None).unwrap(),
        );
        solved.unwrap();
        let x = read(&b, &columns);
        assert!(largest(&(known.dot(&x) - &right)) <= T::EPSILON * 3e4 * (1.0 + largest(&x)), "{kind:?}");
    }
}

/// What is not below the diagonal.
fn upper<T: Element>(a: &Array2<T>) -> Array2<T> {
    Array2::from_shape_fn(a.dim(), |(i, j)| if i <= j { a[[i, j]] } else { T::zero() })
}

#[test]
fn factors_of_any_matrix() {
    spmd(&[1, 3], "factors_of_any_matrix", factors_of::<f64>);
}

/// Panels are fetched, not read in place.
#[test]
fn solvers_across_nodes() {
    let job = Job::new("solvers_across_nodes").fake_nodes(2);
    job.run(&[2, 3], |world| {
        lu_of::<f64>(world);
        cholesky_of::<f64>(world);
        factors_of::<f64>(world);
        eigen_of::<f64>(world, &[270]);
    });
}

#[test]
fn what_cannot_be_solved_is_refused_alike() {
    spmd(&[1, 2, 3], "what_cannot_be_solved_is_refused_alike", |world| {
        for n in [5, 300] {
            let serial = random::<f64>(n, n, 3);
            let right = random::<f64>(n, 2, 4);
            let (b, columns) = placed(world, &right, 0);
            let sides = Matrix::new(&b, &columns, Op::None).unwrap();
            let mut singular = Array2::from_diag_elem(n, 1.0);
            singular[[3, 3]] = 0.0;
            let (a, whole) = placed(world, &singular, 1);
            let error = lu_solve(&Matrix::new(&a, &whole, Op::None).unwrap(), &sides).unwrap_err();
            assert!(error.kind() == ErrorKind::Numeric && error.to_string().contains("pivot 3"), "{error}");
            // Minor `at` is the first that isn't positive.
            for at in [1, n / 2, n] {
                let mut definite = hermitian::<f64>(n, 5, true);
                definite[[at - 1, at - 1]] = -1.0;
                let (a, whole) = placed(world, &definite, 0);
                let matrix = Matrix::new(&a, &whole, Op::None).unwrap();
                let not = NotDefinite { minor: at };
                assert_eq!(llt_solve(&matrix, &sides).unwrap(), Err(not));
                assert_eq!(spd_invert(&matrix).unwrap(), Err(not));
                assert_eq!(read(&a, &whole), definite, "left alone");
                let error = diag(&matrix, &matrix, &matrix).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Numeric);
                let (c, columns) = placed(world, &right, 3);
                let by = solve(&matrix, &Matrix::new(&c, &columns, Op::None).unwrap()).unwrap();
                assert_eq!(by, Solved::ByLu(not));
                assert_solves(world, &definite, &read(&c, &columns), &right);
            }
            assert_eq!(read(&b, &columns), right, "nothing was written");
            let (a, whole) = placed(world, &serial, 0);
            a.sync().unwrap();
            let matrix = Matrix::new(&a, &whole, Op::None).unwrap();
            let refused =
                |result: ga_core::Result<()>| assert_eq!(result.unwrap_err().kind(), ErrorKind::Shape);
            refused(lu_solve(&sides, &sides));
            refused(lu_solve(&matrix, &Matrix::new(&b, &columns, Op::Transpose).unwrap()));
            refused(spd_invert(&sides).map(drop));
            refused(diag_std(&matrix, &sides).map(drop));
            // Not a number: an error of the eigenvalues, and an answer without an end to wait for elsewhere.
            let (nan, all_of_it) = placed(world, &Array2::from_elem((n, n), f64::NAN), 2);
            let matrix = Matrix::new(&nan, &all_of_it, Op::None).unwrap();
            assert_eq!(diag_std(&matrix, &matrix).unwrap_err().kind(), ErrorKind::Numeric);
            assert_eq!(llt_solve(&matrix, &sides).unwrap(), Err(NotDefinite { minor: 1 }));
            lu_solve(&matrix, &sides).unwrap();
            assert!(read(&b, &columns).iter().all(|x| x.is_nan()));
        }
    });
}
