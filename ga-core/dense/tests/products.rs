//! Products of all types, layouts, shapes and crews, against the definition.

use ga_dense::{Accum, Conj, Crew, Dense, MatMut, MatRef};
use num_complex::{Complex32, Complex64};

/// Small integers, of which sums of products are exact in any order.
trait Small: Dense + std::fmt::Debug + PartialEq {
    fn small(n: i64) -> Self;
    fn plus_product(self, a: Self, b: Self) -> Self;
}

macro_rules! small {
    ($($t:ty: $make:expr;)*) => {$(
        impl Small for $t {
            fn small(n: i64) -> Self {
                let make: fn(i64) -> Self = $make;
                make(n)
            }

            fn plus_product(self, a: Self, b: Self) -> Self {
                self + a * b
            }
        }
    )*};
}

small! {
    f32: |n| n as f32;
    f64: |n| n as f64;
    Complex32: |n| Complex32::new(n as f32, ((n * 3) % 5) as f32);
    Complex64: |n| Complex64::new(n as f64, ((n * 3) % 5) as f64);
}

/// A matrix in a buffer with room to spare: its elements are apart, in any order and direction.
struct Spread<T> {
    buffer: Vec<T>,
    first: usize,
    shape: [usize; 2],
    strides: [isize; 2],
}

impl<T: Small> Spread<T> {
    fn new(shape @ [rows, columns]: [usize; 2], layout: usize, seed: i64) -> Self {
        let (gap, pad) = if layout & 4 > 0 { (2, 3) } else { (1, 0) };
        let mut strides = match layout & 1 {
            0 => [(columns * gap + pad) as isize, gap as isize],
            _ => [gap as isize, (rows * gap + pad) as isize],
        };
        let reach: usize = shape.iter().zip(strides).map(|(&n, s)| n.saturating_sub(1) * s as usize).sum();
        let mut first = 0;
        if layout & 2 > 0 {
            strides = strides.map(|s| -s);
            first = reach;
        }
        let buffer = (0..=reach as i64).map(|i| T::small((i * 7 + seed) % 7 - 3)).collect();
        Spread { buffer, first, shape, strides }
    }

    fn at(&self, i: usize, j: usize) -> usize {
        (self.first as isize + i as isize * self.strides[0] + j as isize * self.strides[1]) as usize
    }

    fn matrix(&self) -> MatRef<'_, T> {
        let first = self.buffer.as_ptr().wrapping_add(self.first);
        // SAFETY: `buffer` reaches from the first element in memory to the last.
        unsafe {
            MatRef::from_raw_parts(first, self.shape[0], self.shape[1], self.strides[0], self.strides[1])
        }
    }

    fn matrix_mut(&mut self) -> MatMut<'_, T> {
        let first = self.buffer.as_mut_ptr().wrapping_add(self.first);
        // SAFETY: as above, and elements of different places don't coincide.
        unsafe {
            MatMut::from_raw_parts_mut(first, self.shape[0], self.shape[1], self.strides[0], self.strides[1])
        }
    }
}

fn check<T: Small>(size @ [m, n, k]: [usize; 3], layouts: [usize; 3], crew: Crew<'_>) {
    let a = Spread::<T>::new([m, k], layouts[0], 1);
    let b = Spread::<T>::new([k, n], layouts[1], 2);
    let alpha = T::small(2);
    for how in [Accum::Replace, Accum::Add] {
        for conj in [[Conj::No, Conj::No], [Conj::Yes, Conj::No], [Conj::No, Conj::Yes], [Conj::Yes; 2]] {
            let mut c = Spread::<T>::new([m, n], layouts[2], 3);
            let mut want = c.buffer.clone();
            let turn = |x: T, conj| if matches!(conj, Conj::Yes) { x.conjugate() } else { x };
            for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                let sum = (0..k).fold(T::small(0), |sum, l| {
                    sum.plus_product(turn(a.buffer[a.at(i, l)], conj[0]), turn(b.buffer[b.at(l, j)], conj[1]))
                });
                let place = &mut want[c.at(i, j)];
                let start = if matches!(how, Accum::Add) { *place } else { T::small(0) };
                *place = start.plus_product(alpha, sum);
            }
            T::product_by(crew, c.matrix_mut(), how, alpha, (a.matrix(), conj[0]), (b.matrix(), conj[1]));
            assert!(c.buffer == want, "{size:?} in layouts {layouts:?}, {how:?}, {conj:?}, {crew:?}");
        }
    }
}

/// Threads in any order: the pieces backwards, as if others had been quicker.
fn backwards(pieces: usize, work: &(dyn Fn(usize) + Sync)) {
    (0..pieces).rev().for_each(work);
}

fn everywhere<T: Small>() {
    let crew = Crew::new(2, &backwards);
    for size in [[1, 1, 1], [3, 2, 5], [1, 7, 9], [9, 1, 70], [5, 6, 0], [0, 3, 2], [20, 17, 33]] {
        for layouts in 0..512 {
            check::<T>(size, [layouts & 7, layouts >> 3 & 7, layouts >> 6], Crew::alone());
        }
    }
    for size in [[130, 70, 40], [6, 7, 9000], [700, 1, 300], [1, 300, 700], [2, 1, 50_000], [300, 16, 90]] {
        for layouts in [[0, 0, 0], [1, 0, 0], [0, 1, 1], [1, 1, 0], [5, 2, 4], [3, 6, 7]] {
            check::<T>(size, layouts, crew);
        }
    }
}

#[test]
fn singles() {
    everywhere::<f32>();
}

#[test]
fn doubles() {
    everywhere::<f64>();
}

#[test]
fn single_complex() {
    everywhere::<Complex32>();
}

#[test]
fn double_complex() {
    everywhere::<Complex64>();
}

#[test]
fn a_nan_is_not_lost() {
    let (a, b) = ([0.0, 1.0, f64::NAN, 0.0], [f64::INFINITY, 0.0, 0.0, 1.0]);
    let mut c = [7.0; 4];
    let at = |x| MatRef::from_row_major_slice(x, 2, 2);
    let to = MatMut::from_row_major_slice_mut(&mut c, 2, 2);
    f64::product(to, Accum::Replace, 1.0, (at(&a), Conj::No), (at(&b), Conj::No));
    assert!(c[0].is_nan() && c[1] == 1.0 && c[2].is_nan() && c[3].is_nan(), "{c:?}");
}
