//! The same programs on 1 to 4 ranks, with everything distributed, some of it, and nothing.
// `1..-1` is a slice up to the last element, as in Python, not a range of integers.
#![allow(clippy::reversed_empty_ranges)]

use crate::common;
use gain::{Array, DType, Index, Op, Options, ReduceOp, ReduceOptions, Scalar};
use ndarray::{Array2, ArrayD, Axis, Dimension};
use tests::Job;

/// Run a body on 1 to 4 ranks, with everything distributed, with some, and with nothing.
fn everywhere(name: &str, body: impl Fn()) {
    for (threshold, how) in [("0", "spread"), ("12", "mixed"), ("65536", "replicated")] {
        let job = Job::new(&format!("{name}_{how}")).env("GAIN_THRESHOLD", threshold);
        job.run(&[1, 2, 3, 4], |_| body());
    }
}

#[test]
fn random_programs() {
    everywhere("random_programs", || {
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
    everywhere("reductions", || {
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
    everywhere("products", || {
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

/// Every entry by the definition; shapes are of the operands with their stacks' axes alike.
fn product_of(a: &ArrayD<f64>, b: &ArrayD<f64>) -> ArrayD<f64> {
    let axes = a.ndim() - 2;
    let stack: Vec<usize> =
        (0..axes).map(|d| if a.shape()[d] == 1 { b.shape()[d] } else { a.shape()[d] }).collect();
    let own = |x: &ArrayD<f64>, at: &[usize], last: [usize; 2]| {
        let stack = (0..axes).map(|d| if x.shape()[d] == 1 { 0 } else { at[d] });
        x[&stack.chain(last).collect::<Vec<_>>()[..]]
    };
    let shape: Vec<usize> = stack.iter().copied().chain([a.shape()[axes], b.shape()[axes + 1]]).collect();
    ArrayD::from_shape_fn(shape, |at| {
        let at = at.slice();
        (0..a.shape()[axes + 1]).map(|l| own(a, at, [at[axes], l]) * own(b, at, [l, at[axes + 1]])).sum()
    })
}

#[test]
fn products_of_stacks() {
    everywhere("stacks", || {
        for (left, right) in [
            (&[3, 30][..], &[30, 50][..]), // few rows: cut by columns
            (&[2, 200], &[200, 3]),        // a long sum: cut along it
            (&[5, 4, 3], &[5, 3, 6]),
            (&[1, 4, 3], &[7, 3, 2]),
            (&[2, 3, 90], &[2, 90, 4]),
            (&[2, 1, 3, 2], &[1, 3, 2, 9]),
            (&[4, 1, 5], &[4, 5, 1]),
            (&[3, 2, 0], &[3, 0, 2]),
            (&[0, 2, 3], &[1, 3, 2]),
        ] {
            let filled = |shape: &[usize], seed: usize| {
                let mut n = seed;
                ArrayD::from_shape_simple_fn(shape, || {
                    n += 1;
                    ((n * 31) % 23) as f64 - 11.0
                })
            };
            let ours = |a: &ArrayD<f64>| Array::from_slice(a.shape(), a.as_slice().unwrap()).unwrap();
            let (a, b) = (filled(left, 3), filled(right, 8));
            let want = product_of(&a, &b);
            let got = ours(&a).matmul(&ours(&b)).unwrap();
            assert_eq!(got.shape(), want.shape());
            assert_eq!(got.to_vec::<f64>().unwrap(), want.as_slice().unwrap(), "{left:?} {right:?}");
            // The same from operands that lie the other way round, backwards, and between others.
            let turned = |a: &ArrayD<f64>| {
                let mut order: Vec<isize> = (0..a.ndim() as isize).collect();
                order.swap(a.ndim() - 1, a.ndim() - 2);
                let mut t = a.clone();
                t.swap_axes(a.ndim() - 1, a.ndim() - 2);
                ours(&t.as_standard_layout().into_owned()).transpose(Some(&order)).unwrap()
            };
            let got = turned(&a).matmul(&turned(&b)).unwrap();
            assert_eq!(got.to_vec::<f64>().unwrap(), want.as_slice().unwrap(), "{left:?} {right:?} turned");
        }
    });
}

#[test]
fn creation() {
    everywhere("creation", || {
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
    everywhere("corners", || {
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
        gain::session::barrier().unwrap();
        if world.rank() == world.size() - 1 {
            let mut bytes = [0; 9 * 4 * 8];
            b.transpose(None).unwrap().get_bytes(&mut bytes).unwrap();
            let got: Vec<f64> =
                bytes.chunks_exact(8).map(|b| f64::from_ne_bytes(b.try_into().unwrap())).collect();
            let want: Vec<f64> = want.t().iter().map(|x| x + 1.0).collect();
            assert_eq!(got, want);
        }
        gain::session::barrier().unwrap();
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
                gain::hold_drops(true);
                kept = None;
                gain::hold_drops(false);
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

#[test]
fn out_and_where() {
    everywhere("out_and_where", || {
        let (a, b) = (grid(7, 6), grid(7, 6).mapv(|x| x * 2.0 - 3.0));
        let (x, y) = (array(&a), array(&b));
        let mask = Array::apply(Op::Less, &[(&x).into(), 0.0.into()]).unwrap();
        // Into a transposed view of another array.
        let target = Array::zeros(&[6, 7], DType::F64).unwrap();
        let out = target.transpose(None).unwrap();
        let options = Options { out: &[Some(&out)], mask: Some(&mask), ..Options::default() };
        Array::ufunc(Op::Add, &[(&x).into(), (&y).into()], &options).unwrap();
        let want =
            Array2::from_shape_fn((6, 7), |(j, i)| if a[[i, j]] < 0.0 { a[[i, j]] + b[[i, j]] } else { 0.0 });
        assert_eq!(target.to_vec::<f64>().unwrap(), want.as_slice().unwrap());
        // Into an operand, shifted against the other one.
        let options = Options { out: &[Some(&y)], ..Options::default() };
        let reversed =
            y.index(&[Index::Slice(gain::Slice { step: Some(-1), ..Default::default() })]).unwrap();
        Array::ufunc(Op::Subtract, &[(&reversed).into(), (&x).into()], &options).unwrap();
        let want = Array2::from_shape_fn((7, 6), |(i, j)| b[[6 - i, j]] - a[[i, j]]);
        assert_eq!(y.to_vec::<f64>().unwrap(), want.as_slice().unwrap());
        // A float result does not go into an integer array.
        let whole = Array::zeros(&[7, 6], DType::I64).unwrap();
        let options = Options { out: &[Some(&whole)], ..Options::default() };
        let error = Array::ufunc(Op::Add, &[(&x).into(), (&y).into()], &options).unwrap_err();
        assert_eq!(error.kind(), gain::Kind::Casting);
        // Both outputs of one operation.
        let both = Array::ufunc(Op::Divmod, &[(&x).into(), 4.0.into()], &Options::default()).unwrap();
        let (quotient, rest) = (a.mapv(|x| (x / 4.0).floor()), a.mapv(|x| x.rem_euclid(4.0)));
        assert_eq!(both[0].to_vec::<f64>().unwrap(), quotient.as_slice().unwrap());
        assert_eq!(both[1].to_vec::<f64>().unwrap(), rest.as_slice().unwrap());
    });
}

#[test]
fn masked_and_initial_reductions() {
    everywhere("masked", || {
        let a = grid(9, 4);
        let x = array(&a);
        let mask = Array::apply(Op::Greater, &[(&x).into(), 0.0.into()]).unwrap();
        for axis in [0usize, 1] {
            let axes = [axis as isize];
            let options = ReduceOptions {
                axes: Some(&axes),
                keepdims: true,
                mask: Some(&mask),
                initial: Some(Scalar::F64(2.0)),
                ..ReduceOptions::default()
            };
            let got = x.reduce(ReduceOp::Max, &options).unwrap();
            let want = a.fold_axis(Axis(axis), 2.0, |m, &x| if x > 0.0 { f64::max(*m, x) } else { *m });
            assert_eq!(got.shape(), want.clone().insert_axis(Axis(axis)).shape());
            assert_eq!(got.to_vec::<f64>().unwrap(), want.to_vec());
        }
        // Counting in int64, over both axes of a broadcast view.
        let three = mask.broadcast_to(&[3, 9, 4]).unwrap();
        let count = three.reduce(ReduceOp::Sum, &ReduceOptions::default()).unwrap().item().unwrap();
        assert_eq!(count, Scalar::I64(3 * a.iter().filter(|&&x| x > 0.0).count() as i64));
        // Nothing to take the smallest of.
        let none = Array::zeros(&[0, 3], DType::F64).unwrap();
        assert!(none.reduce(ReduceOp::Min, &ReduceOptions::default()).is_err());
        let over_rows = ReduceOptions { axes: Some(&[0]), ..ReduceOptions::default() };
        let sums = none.reduce(ReduceOp::Sum, &over_rows).unwrap();
        assert_eq!(sums.to_vec::<f64>().unwrap(), [0.0; 3]);
    });
}

#[test]
fn overlapping_assignments() {
    everywhere("overlapping", || {
        let step = |s: isize| Index::Slice(gain::Slice { step: Some(s), ..Default::default() });
        for n in [1usize, 2, 5, 40] {
            let mut want: Vec<f64> = (0..n).map(|i| (i * i % 17) as f64).collect();
            let a = Array::from_slice(&[n], &want).unwrap();
            // a[1:] = a[:-1]
            let head = a.index(&[Index::range(None, -1)]).unwrap();
            a.set(&[Index::range(1, None)], &head).unwrap();
            want.copy_within(0..n - 1, 1);
            assert_eq!(a.to_vec::<f64>().unwrap(), want);
            // a[::-1] += a
            let back = a.index(&[step(-1)]).unwrap();
            let sum = Array::apply(Op::Add, &[(&back).into(), (&a).into()]).unwrap();
            a.set(&[step(-1)], &sum).unwrap();
            want = (0..n).map(|i| want[i] + want[n - 1 - i]).collect();
            assert_eq!(a.to_vec::<f64>().unwrap(), want);
            // a[::2] = a[1::2] shifted by one, where there are as many
            let even = a.index(&[Index::range(0, n as isize / 2 * 2)]).unwrap().index(&[step(2)]).unwrap();
            let odd = a.index(&[Index::range(1, None)]).unwrap().index(&[step(2)]).unwrap();
            even.assign(&odd).unwrap();
            (0..n / 2).for_each(|k| want[2 * k] = want[2 * k + 1]);
            assert_eq!(a.to_vec::<f64>().unwrap(), want);
        }
    });
}

#[test]
fn an_expression_overwrites_what_only_it_needs() {
    Job::new("overwrites").env("GAIN_THRESHOLD", "0").run(&[1, 2, 3], |_| {
        let mut want = grid(9, 4);
        let mut a = array(&want);
        let add = |a: &Array, b: gain::Operand<'_>| Array::apply(Op::Add, &[a.into(), b]).unwrap();
        let created = || gain::stats().arrays_created;
        let before = created();
        for _ in 0..9 {
            // In place by out=, and by giving the name away; on several ranks what was given away comes back with the next
            // synchronisation.
            Array::ufunc(
                Op::Add,
                &[(&a).into(), 1.0.into()],
                &Options { out: &[Some(&a)], ..Options::default() },
            )
            .unwrap();
            a.force().unwrap();
            a = Array::apply(Op::Multiply, &[(&add(&a, (&a).into())).into(), 0.5.into()]).unwrap();
            a.force().unwrap();
            want.mapv_inplace(|x| x + 1.0);
        }
        assert!(created() <= before + if gain::session::size() == 1 { 0 } else { 2 });
        // Not while somebody else sees the old elements, or where they are read in another order.
        let old = a.copy().unwrap();
        a.assign(&add(&a, 2.0.into())).unwrap();
        a.force().unwrap();
        assert_eq!(old.to_vec::<f64>().unwrap(), want.as_slice().unwrap());
        want.mapv_inplace(|x| x + 2.0);
        assert_eq!(a.to_vec::<f64>().unwrap(), want.as_slice().unwrap());
        drop(old);
        let back = a.index(&[Index::Slice(gain::Slice { step: Some(-1), ..Default::default() })]).unwrap();
        let sum = add(&a, (&back).into());
        drop((a, back));
        let want = &want + &want.slice(ndarray::s![..;-1, ..]);
        assert_eq!(sum.to_vec::<f64>().unwrap(), want.as_slice().unwrap());
    });
}

#[test]
fn one_element_of_an_expression_is_computed_alone() {
    Job::new("element").env("GAIN_THRESHOLD", "0").run(&[1, 2, 3], |_| {
        let mut want = grid(40, 30);
        let a = array(&want);
        let before = gain::stats().arrays_created;
        let b = Array::apply(Op::Multiply, &[(&a).into(), 3.0.into()]).unwrap();
        let at = |array: &Array, i: isize, j: isize| {
            array.index(&[Index::At(i), Index::At(j)]).unwrap().item().unwrap().as_f64()
        };
        assert_eq!(at(&b, 17, 4), want[[17, 4]] * 3.0);
        assert_eq!(gain::stats().arrays_created, before);
        // The expression keeps what it was made of, and is stored when it is needed again.
        a.set(&[Index::At(17)], -1.0).unwrap();
        assert_eq!(at(&b, 17, 4), want[[17, 4]] * 3.0);
        assert_eq!(at(&a, 17, 4), -1.0);
        assert_eq!(b.to_vec::<f64>().unwrap(), want.mapv(|x| x * 3.0).as_slice().unwrap());
        want.row_mut(17).fill(-1.0);
        assert_eq!(a.to_vec::<f64>().unwrap(), want.as_slice().unwrap());
    });
}
