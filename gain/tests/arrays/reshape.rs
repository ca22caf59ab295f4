//! Values that are not stored yet, met through another shape; and expressions that go on for ever.

use crate::common::{Random, doubles};
use gain::{Array, DType, Op, Operand, ReduceOp, ReduceOptions, Scalar};
use tests::Job;

fn everywhere(name: &str, body: impl Fn()) {
    for (threshold, how) in [("0", "spread"), ("65536", "replicated")] {
        Job::new(&format!("{name}_{how}")).env("GAIN_THRESHOLD", threshold).run(&[1, 2, 3], |_| body());
    }
}

/// A random shape of `size` elements, of one to four axes.
fn shape_of(r: &mut Random, mut size: usize) -> Vec<usize> {
    let mut shape = Vec::new();
    while shape.len() < 3 && !r.once_in(4) {
        let divisors: Vec<usize> = (1..=size).filter(|d| size.is_multiple_of(*d)).collect();
        let n = divisors[r.below(divisors.len())];
        shape.push(n);
        size /= n;
    }
    shape.push(size);
    shape
}

#[test]
fn lazy_values_in_another_shape() {
    everywhere("lazy_reshape", || {
        for seed in 0..60 {
            let r = &mut Random(seed * 7 + 1);
            let size = [24, 60, 2400][r.below(3)];
            let mut want: Vec<f64> = (0..size).map(|i| (i * 37 % 101) as f64).collect();
            let mut a = Array::from_slice(&shape_of(r, size), &want).unwrap();
            for _ in 0..12 {
                match r.below(4) {
                    0 => {
                        a = Array::apply(Op::Add, &[(&a).into(), Operand::Scalar(Scalar::PyFloat(1.0))])
                            .unwrap();
                        want.iter_mut().for_each(|x| *x += 1.0);
                    }
                    1 => {
                        a = a
                            .reshape(&shape_of(r, size).iter().map(|&n| n as isize).collect::<Vec<_>>())
                            .unwrap()
                    }
                    2 => {
                        let view = a
                            .reshape(&shape_of(r, size).iter().map(|&n| n as isize).collect::<Vec<_>>())
                            .unwrap();
                        let twice = Array::apply(Op::Add, &[(&view).into(), (&view).into()]).unwrap();
                        view.assign(&twice).unwrap();
                        want.iter_mut().for_each(|x| *x = (*x + *x) % 1024.0);
                        let modulus = Operand::Scalar(Scalar::PyFloat(1024.0));
                        a.assign(&Array::apply(Op::Remainder, &[(&a).into(), modulus]).unwrap()).unwrap();
                    }
                    _ => {
                        let sum = a.reduce(ReduceOp::Sum, &ReduceOptions::default()).unwrap().item().unwrap();
                        assert_eq!(sum.as_f64(), want.iter().sum::<f64>(), "seed {seed}");
                    }
                }
            }
            assert_eq!(doubles(&a), want, "seed {seed}");
        }
    });
}

#[test]
fn expressions_without_end_are_stored_on_the_way() {
    everywhere("endless", || {
        let n = 2000;
        let mask = Array::from_slice(&[n], &(0..n).map(|i| i % 2 == 0).collect::<Vec<bool>>()).unwrap();
        let b = Array::from_slice(&[n], &(0..n).map(|i| i as f64).collect::<Vec<f64>>()).unwrap();
        let mut a = Array::zeros(&[n], DType::F64).unwrap();
        for _ in 0..3000 {
            a = Array::select(&mask, (&a).into(), (&b).into()).unwrap();
        }
        let want: Vec<f64> = (0..n).map(|i| if i % 2 == 0 { 0.0 } else { i as f64 }).collect();
        assert_eq!(doubles(&a), want);
        let mut square = a.reshape(&[40, 50]).unwrap();
        for _ in 0..3000 {
            square = square.transpose(None).unwrap().copy().unwrap();
        }
        assert_eq!(doubles(&square), want);
    });
}
