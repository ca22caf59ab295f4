//! The heart of the Laplace program: numbers, and what a sweep costs.
// `1..-1` is a slice up to the last element, as in Python, not a range of integers.
#![allow(clippy::reversed_empty_ranges)]

use gain::{Array, DistArray, s};
use ndarray::{Array2, Ix2};
use tests::Job;

fn sweep(u: &DistArray<f64, Ix2>) -> f64 {
    let old = u.copy().unwrap();
    let (up, down) = (u.slice(s![..-2, 1..-1]), u.slice(s![2.., 1..-1]));
    let (left, right) = (u.slice(s![1..-1, ..-2]), u.slice(s![1..-1, 2..]));
    let next = &(&(&(&up + &down) * 0.5) + &(&(&left + &right) * 0.5)) * 0.5;
    u.slice(s![1..-1, 1..-1]).assign(&next).unwrap();
    let v = (u - &old).flatten().unwrap();
    v.dot(&v).unwrap().item().unwrap().as_f64().sqrt()
}

fn sweep_oracle(u: &mut Array2<f64>) -> f64 {
    let old = u.clone();
    for i in 1..u.nrows() - 1 {
        for j in 1..u.ncols() - 1 {
            let vertical = (old[[i - 1, j]] + old[[i + 1, j]]) * 0.5;
            u[[i, j]] = (vertical + (old[[i, j - 1]] + old[[i, j + 1]]) * 0.5) * 0.5;
        }
    }
    (&*u - &old).mapv(|x| x * x).sum().sqrt()
}

#[test]
fn sweeps_cost_one_pass_and_no_memory() {
    Job::new("laplace").env("GAIN_THRESHOLD", "0").run(&[1, 2, 3, 4], |_| {
        let n = 37;
        let mut want =
            Array2::from_shape_fn((n, n), |(i, j)| if i == 0 || j == 0 { (i + j) as f64 } else { 0.0 });
        let u = DistArray::from_ndarray(&want).unwrap();
        for _ in 0..4 {
            sweep(&u);
            sweep_oracle(&mut want);
        }
        let before = gain::stats();
        for _ in 0..10 {
            let (got, want) = (sweep(&u), sweep_oracle(&mut want));
            assert!((got - want).abs() <= 1e-12 * want, "{got} {want}");
        }
        let after = gain::stats();
        assert_eq!(after.passes - before.passes, 10);
        assert_eq!(after.arrays_created - before.arrays_created, 0);
        assert_eq!(after.barriers - before.barriers, 0);
        assert_eq!(u.to_ndarray().unwrap(), want);
    });
}

#[test]
fn a_sweep_without_norm_needs_no_copy() {
    Job::new("jacobi").env("GAIN_THRESHOLD", "0").run(&[1, 2, 3, 4], |_| {
        let n = 20;
        let mut want = Array2::from_shape_fn((n, n), |(i, j)| ((i * 7 + j * 3) % 5) as f64);
        let u = Array::from_slice(&[n, n], want.as_slice().unwrap()).unwrap();
        let u = DistArray::<f64, Ix2>::from_array(u).unwrap();
        for _ in 0..30 {
            let (up, down) = (u.slice(s![..-2, 1..-1]), u.slice(s![2.., 1..-1]));
            let (left, right) = (u.slice(s![1..-1, ..-2]), u.slice(s![1..-1, 2..]));
            let next = &(&(&(&up + &down) * 0.5) + &(&(&left + &right) * 0.5)) * 0.5;
            u.slice(s![1..-1, 1..-1]).assign(&next).unwrap();
            sweep_oracle(&mut want);
        }
        assert_eq!(u.to_ndarray().unwrap(), want);
    });
}

#[test]
fn rows_updated_from_their_neighbours_stay_in_place() {
    Job::new("rows").env("GAIN_THRESHOLD", "0").run(&[1, 2, 3], |_| {
        let n = 20;
        let mut want = Array2::from_shape_fn((n, n), |(i, j)| ((i * 7 + j * 3) % 5) as f64);
        let u = DistArray::from_ndarray(&want).unwrap();
        let mut before = gain::stats();
        for round in 0..3 {
            for i in 1..n - 1 {
                let vertical = &u.slice(s![i - 1, 1..-1]) + &u.slice(s![i + 1, 1..-1]);
                let next = &(&vertical + &(&u.slice(s![i, ..-2]) + &u.slice(s![i, 2..]))) * 0.25;
                u.slice(s![i, 1..-1]).assign(&next).unwrap();
                let row: Vec<f64> = (1..n - 1)
                    .map(|j| {
                        let vertical = want[[i - 1, j]] + want[[i + 1, j]];
                        (vertical + (want[[i, j - 1]] + want[[i, j + 1]])) * 0.25
                    })
                    .collect();
                want.slice_mut(s![i, 1..-1]).assign(&ndarray::Array1::from(row));
            }
            if round == 0 {
                before = gain::stats();
            }
        }
        let after = gain::stats();
        assert_eq!(u.to_ndarray().unwrap(), want);
        assert_eq!(after.arrays_created - before.arrays_created, 0);
        assert!(after.passes - before.passes <= 3 * 2 * (n as u64 - 2));
    });
}
