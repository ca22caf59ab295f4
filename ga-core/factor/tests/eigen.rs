//! Eigenvalues and vectors by the tridiagonal form, by their residuals: alone and by two threads.

use ga_dense::{Accum, Conj, Crew, MatMut, MatRef};
use ga_factor::{Number, eigen};
use num_complex::Complex;
use num_traits::{Float, ToPrimitive};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Two threads that share pieces.
fn share(pieces: usize, work: &(dyn Fn(usize) + Sync)) {
    let next = AtomicUsize::new(0);
    let run = || {
        loop {
            match next.fetch_add(1, Ordering::Relaxed) {
                piece if piece < pieces => work(piece),
                _ => break,
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(run);
        run();
    });
}

fn matrix<T: Number>(n: usize, size: f64) -> Vec<T> {
    let mut state = n as u64 + 1;
    let mut random = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        <T::Part as num_traits::NumCast>::from(((state >> 33) as f64 / (1u64 << 31) as f64 - 0.5) * size)
            .unwrap()
    };
    let mut a = vec![T::zero(); n * n];
    for j in 0..n {
        a[j * n + j] = T::of(random());
        for i in j + 1..n {
            a[j * n + i] = T::from_parts(random(), random());
            a[i * n + j] = a[j * n + i].adjoint();
        }
    }
    a
}

fn check<T: Number>(n: usize, size: f64, crew: Crew<'_>, make: impl Fn(&mut [T])) {
    let mut a = matrix::<T>(n, size);
    make(&mut a);
    let zero = T::zero().re();
    // What is above the diagonal isn't looked at.
    let mut packed = a.clone();
    (0..n).for_each(|j| packed[j * n..j * n + j].fill(T::of(Float::nan())));
    let (mut values, mut alone) = (vec![zero; n], vec![zero; n]);
    let mut v = vec![T::zero(); n * n];
    let mut again = packed.clone();
    let to = MatMut::from_column_major_slice_mut(&mut v, n, n);
    assert!(eigen(crew, MatMut::from_column_major_slice_mut(&mut packed, n, n), &mut values, Some(to)));
    assert!(eigen(crew, MatMut::from_column_major_slice_mut(&mut again, n, n), &mut alone, None));
    let number = |x: T::Part| x.to_f64().unwrap();
    let slack = 20.0 * n as f64 * number(Float::epsilon());
    let most = a.iter().fold(0.0f64, |most, x| most.max(number(x.length())));
    let (a, q) = (MatRef::from_column_major_slice(&a, n, n), MatRef::from_column_major_slice(&v, n, n));
    for (j, (value, other)) in values.iter().zip(&alone).enumerate() {
        assert!(j == 0 || values[j - 1] <= *value, "ascending");
        assert!(number(*value - *other).abs() <= slack * most, "{n}: {value:?} {other:?}");
    }
    let mut product = vec![T::zero(); n * n];
    let to = MatMut::from_column_major_slice_mut(&mut product, n, n);
    T::product(to, Accum::Replace, T::one(), (a, Conj::No), (q, Conj::No));
    for j in 0..n {
        for i in 0..n {
            let off = product[j * n + i] - v[j * n + i] * T::of(values[j]);
            assert!(number(off.length()) <= slack * most, "residual of {j} of {n}");
        }
    }
    let to = MatMut::from_column_major_slice_mut(&mut product, n, n);
    T::product(to, Accum::Replace, T::one(), (q.transpose(), Conj::Yes), (q, Conj::No));
    for j in 0..n {
        product[j * n + j] -= T::one();
        (0..n).for_each(|i| assert!(number(product[j * n + i].length()) <= slack, "{i} and {j} of {n}"));
    }
}

fn all<T: Number>(crew: Crew<'_>) {
    for n in [1, 2, 3, 9, 31, 32, 33, 64, 65, 97, 130, 300] {
        check::<T>(n, 1.0, crew, |_| ());
    }
    check::<T>(70, 1.0, crew, |a| a.fill(T::zero()));
    check::<T>(70, 1.0, crew, |a| a.fill(T::one()));
    check::<T>(70, 1.0, crew, |a| {
        a.fill(T::zero());
        (0..70).for_each(|j| a[71 * j] = T::one());
    });
    // Of low rank: all but three values are rounding.
    check::<T>(200, 1.0, crew, |a| {
        let rows: Vec<T> = a[..600].to_vec();
        for j in 0..200 {
            for i in 0..200 {
                a[j * 200 + i] =
                    (0..3).fold(T::zero(), |sum, k| sum + rows[3 * i + k] * rows[3 * j + k].adjoint());
            }
        }
    });
    let huge = Float::max_value();
    let size: f64 = <T::Part as ToPrimitive>::to_f64(&huge).unwrap();
    check::<T>(80, size / 300.0, crew, |_| ());
    check::<T>(80, 30.0 / size.sqrt() / size.sqrt(), crew, |_| ());
}

#[test]
fn real_matrices() {
    all::<f64>(Crew::alone());
    all::<f64>(Crew::new(2, &share));
    all::<f32>(Crew::new(2, &share));
}

#[test]
fn complex_matrices() {
    all::<Complex<f64>>(Crew::new(2, &share));
    all::<Complex<f32>>(Crew::alone());
}

#[test]
fn what_is_not_finite_is_refused() {
    for bad in [f64::NAN, f64::INFINITY] {
        let mut a = matrix::<f64>(40, 1.0);
        a[5] = bad;
        assert!(!eigen(
            Crew::alone(),
            MatMut::from_column_major_slice_mut(&mut a, 40, 40),
            &mut [0.0; 40],
            None
        ));
    }
}
