//! Several threads of one rank at once: on arrays of their own, and on one array.

use crate::common;
use gain::{Array, DType, DistArray, Index, Op, ReduceOp, ReduceOptions, s};
use ndarray::{Array2, Ix2};
use tests::Job;

const THREADS: usize = 4;

/// Run `body` for each thread number, all at once, with arrays in the heap and in private memory.
fn at_once(name: &str, body: impl Fn(usize) + Sync) {
    for threshold in ["0", "12", "65536"] {
        let job = Job::new(&format!("{name}_{threshold}")).env("GAIN_THRESHOLD", threshold);
        job.run(&[1], |_| {
            std::thread::scope(|scope| {
                let body = &body;
                (0..THREADS).for_each(|t| drop(scope.spawn(move || body(t))));
            });
        });
    }
}

#[test]
fn each_on_its_own() {
    at_once("each_on_its_own", |t| {
        for seed in 0..25 {
            common::random_program((1000 * t + seed) as u64, 40, 7);
        }
    });
}

#[test]
fn rows_of_one_array() {
    let (rounds, columns) = (150usize, 9usize);
    for threshold in ["0", "65536"] {
        Job::new(&format!("rows_{threshold}")).env("GAIN_THRESHOLD", threshold).run(&[1], |_| {
            let shared = Array::zeros(&[THREADS, columns], DType::F64).unwrap();
            let work = |t: usize| {
                let row = shared.index(&[Index::At(t as isize)]).unwrap();
                let mut want = vec![0.0; columns];
                for round in 0..rounds {
                    // One element, all elements from a read of the row, a sum, and what the whole array holds here.
                    let at = (round * 5 + t) % columns;
                    row.set(&[Index::At(at as isize)], round as f64).unwrap();
                    want[at] = round as f64;
                    row.assign(&Array::apply(Op::Add, &[(&row).into(), 1.0.into()]).unwrap()).unwrap();
                    want.iter_mut().for_each(|x| *x += 1.0);
                    let sum = row.reduce(ReduceOp::Sum, &ReduceOptions::default()).unwrap().item().unwrap();
                    assert_eq!(sum.as_f64(), want.iter().sum::<f64>());
                    let all = shared.to_vec::<f64>().unwrap();
                    assert_eq!(all[t * columns..][..columns], want);
                }
            };
            std::thread::scope(|scope| {
                let work = &work;
                (0..THREADS).for_each(|t| drop(scope.spawn(move || work(t))));
            });
        });
    }
}

#[test]
fn sums_into_one_typed_array() {
    for threshold in ["0", "65536"] {
        Job::new(&format!("typed_{threshold}")).env("GAIN_THRESHOLD", threshold).run(&[1], |_| {
            let total = DistArray::<f64, Ix2>::zeros((5, 6)).unwrap();
            std::thread::scope(|scope| {
                for t in 0..THREADS {
                    let mut total = total.clone();
                    scope.spawn(move || {
                        for round in 0..100 {
                            let part = DistArray::<f64, Ix2>::from_elem((5, 6), (t * round) as f64).unwrap();
                            total += &part;
                            let mut head = total.slice(s![..2, ..]);
                            head += 1.0;
                        }
                    });
                }
            });
            let rounds: usize = (0..100).sum();
            let threads: usize = (0..THREADS).sum();
            let mut want = Array2::from_elem((5, 6), (rounds * threads) as f64);
            want.slice_mut(s![..2, ..]).mapv_inplace(|x| x + (100 * THREADS) as f64);
            assert_eq!(total.to_ndarray().unwrap(), want);
        });
    }
}
