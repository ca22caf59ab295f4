//! The same programs on 1 to 4 ranks, with everything distributed and with the default threshold.

mod common;

use gain::{Array, DType, Index, Op, ReduceOp, ReduceOptions, Scalar};
use ndarray::{Array2, Axis};
use tests::Job;

/// Run a body on 1 to 4 ranks, with everything distributed and with small arrays replicated.
fn both(name: &str, body: impl Fn()) {
    for (threshold, name) in [("0", format!("{name}_spread")), ("65536", format!("{name}_default"))] {
        Job::new(&name).env("GAIN_THRESHOLD", threshold).run(&[1, 2, 3, 4], |_| body());
    }
}

#[test]
fn random_programs() {
    both("random_programs", || {
        for seed in 0..60 {
            common::random_program(seed, 40, 7);
        }
    });
}

#[test]
fn memory_that_is_not_mapped_is_fetched() {
    Job::new("fetched").env("GAIN_THRESHOLD", "0").env("GAIN_DIRECT", "0").run(&[2, 3], |_| {
        for seed in 500..540 {
            common::random_program(seed, 40, 7);
        }
        let (a, b) = (grid(6, 5), grid(5, 7));
        let got = array(&a).matmul(&array(&b)).unwrap();
        assert_eq!(got.to_vec::<f64>().unwrap(), a.dot(&b).as_slice().unwrap());
    });
}

fn grid(rows: usize, cols: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, cols), |(i, j)| ((i * 31 + j * 17) % 23) as f64 - 11.0)
}

fn array(a: &Array2<f64>) -> Array {
    Array::from_slice(a.shape(), a.as_slice().unwrap()).unwrap()
}

#[test]
fn reductions() {
    both("reductions", || {
        for (rows, cols) in [(1, 1), (7, 5), (2, 40), (40, 2), (13, 1)] {
            let want = grid(rows, cols);
            let a = array(&want);
            for axis in [0, 1] {
                for (op, oracle) in [
                    (ReduceOp::Sum, want.sum_axis(Axis(axis))),
                    (ReduceOp::Min, want.fold_axis(Axis(axis), f64::INFINITY, |a, b| a.min(*b))),
                    (ReduceOp::Max, want.fold_axis(Axis(axis), f64::NEG_INFINITY, |a, b| a.max(*b))),
                    (ReduceOp::ArgMax, want.map_axis(Axis(axis), |lane| argmax(lane.iter()) as f64)),
                ] {
                    let axes = [axis as isize];
                    let options = ReduceOptions { axes: Some(&axes), ..ReduceOptions::default() };
                    let got = a.reduce(op, &options).unwrap();
                    assert_eq!(common::doubles(&got), oracle.to_vec(), "{op:?} of {rows}x{cols} over {axis}");
                }
            }
            let all = ReduceOptions::default();
            assert_eq!(a.reduce(ReduceOp::Sum, &all).unwrap().item().unwrap(), Scalar::F64(want.sum()));
            let index = a.reduce(ReduceOp::ArgMax, &all).unwrap().item().unwrap();
            assert_eq!(index, Scalar::I64(argmax(want.iter()) as i64));
            let mean = a.mean(&all).unwrap().item().unwrap();
            assert_eq!(mean, Scalar::F64(want.sum() / want.len() as f64));
        }
    });
}

fn argmax<'a>(elements: impl Iterator<Item = &'a f64>) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (i, &x) in elements.enumerate() {
        if x > best.1 {
            best = (i, x);
        }
    }
    best.0
}

#[test]
fn products() {
    both("products", || {
        for (m, k, n) in [(1, 1, 1), (5, 7, 3), (1, 9, 6), (8, 3, 1), (2, 30, 4)] {
            let (a, b) = (grid(m, k), grid(k, n));
            let got = array(&a).matmul(&array(&b)).unwrap();
            let want = a.dot(&b);
            assert_eq!(got.shape(), want.shape());
            assert_eq!(got.to_vec::<f64>().unwrap(), want.as_slice().unwrap());
            let transposed =
                array(&b).transpose(None).unwrap().dot(&array(&a).transpose(None).unwrap()).unwrap();
            let want: Vec<f64> = want.t().iter().copied().collect();
            assert_eq!(transposed.to_vec::<f64>().unwrap(), want);
            let v = array(&b).index(&[Index::ALL, Index::At(0)]).unwrap();
            let want = a.dot(&b.column(0));
            assert_eq!(array(&a).dot(&v).unwrap().to_vec::<f64>().unwrap(), want.to_vec());
            let square = v.dot(&v).unwrap().item().unwrap();
            assert_eq!(square, Scalar::F64(b.column(0).dot(&b.column(0))));
        }
    });
}

#[test]
fn creation() {
    both("creation", || {
        let a = Array::arange(2i64.into(), 20i64.into(), 3i64.into(), None).unwrap();
        assert_eq!(a.to_vec::<i64>().unwrap(), [2, 5, 8, 11, 14, 17]);
        let b = Array::linspace(0.0.into(), 1.0.into(), 5, true, None).unwrap();
        assert_eq!(b.to_vec::<f64>().unwrap(), [0.0, 0.25, 0.5, 0.75, 1.0]);
        let c = Array::eye(3, 4, 1, DType::F64).unwrap();
        let want = Array2::from_shape_fn((3, 4), |(i, j)| f64::from(u8::from(i + 1 == j)));
        assert_eq!(c.to_vec::<f64>().unwrap(), want.as_slice().unwrap());
        let d = Array::indices(&[3, 2], 1).unwrap();
        assert_eq!(d.to_vec::<i64>().unwrap(), [0, 1, 0, 1, 0, 1]);
    });
}

#[test]
fn corners() {
    both("corners", || {
        let want = grid(20, 9);
        let (shape, bytes) = array(&want).corner(3).unwrap();
        assert_eq!(shape, [6, 6]);
        let got: Vec<f64> =
            bytes.chunks_exact(8).map(|b| f64::from_ne_bytes(b.try_into().unwrap())).collect();
        let rows = want.select(Axis(0), &[0, 1, 2, 17, 18, 19]);
        let want = rows.select(Axis(1), &[0, 1, 2, 6, 7, 8]);
        assert_eq!(got, want.iter().copied().collect::<Vec<_>>());
    });
}

#[test]
fn any_rank_gets_on_its_own() {
    Job::new("get").env("GAIN_THRESHOLD", "0").run(&[1, 2, 3], |world| {
        let want = grid(9, 4);
        let a = array(&want);
        let b = Array::apply(Op::Add, &[(&a).into(), 1.0.into()]).unwrap();
        if world.size() > 1 {
            assert_eq!(b.get_bytes(&mut [0; 9 * 4 * 8]).unwrap_err().kind(), gain::Kind::Runtime);
        }
        b.force().unwrap();
        gain::world::barrier().unwrap();
        if world.rank() == world.size() - 1 {
            let mut bytes = [0; 9 * 4 * 8];
            b.transpose(None).unwrap().get_bytes(&mut bytes).unwrap();
            let got: Vec<f64> =
                bytes.chunks_exact(8).map(|b| f64::from_ne_bytes(b.try_into().unwrap())).collect();
            let want: Vec<f64> = want.t().iter().map(|x| x + 1.0).collect();
            assert_eq!(got, want);
        }
        gain::world::barrier().unwrap();
    });
}

#[test]
fn drops_at_different_times_are_settled_together() {
    Job::new("limbo").env("GAIN_THRESHOLD", "0").run(&[1, 2, 4], |world| {
        let want = grid(12, 5);
        let mut kept = Some(array(&want));
        let mut a = array(&want);
        for step in 0..200 {
            if step == 10 + 30 * world.rank() {
                gain::world::hold_drops(true);
                kept = None;
                gain::world::hold_drops(false);
            }
            let b = Array::apply(Op::Add, &[(&a).into(), 1.0.into()]).unwrap();
            let c = b.index(&[Index::range(1, None)]).unwrap();
            a.set(&[Index::range(None, -1)], &c).unwrap();
            a.reduce(ReduceOp::Sum, &ReduceOptions::default()).unwrap();
            a = a.copy().unwrap();
        }
        assert!(kept.is_none());
        let mut oracle = want;
        for _ in 0..200 {
            let shifted = &oracle.slice(ndarray::s![1.., ..]) + 1.0;
            oracle.slice_mut(ndarray::s![..-1, ..]).assign(&shifted);
        }
        assert_eq!(a.to_vec::<f64>().unwrap(), oracle.as_slice().unwrap());
    });
}
