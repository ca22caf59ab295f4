//! Diagonals, rows, columns, norms, extremes, random elements and steps on 1 to 4 ranks, over every layout.

use crate::common::{RANKS, all, arrays, load, numbered};
use ga_core::{ErrorKind, Extreme, GlobalArray, StepBounds};
use ndarray::{ArrayD, Dimension, IxDyn};
use rma::{Complex64, World};
use tests::spmd;

/// All layouts of matrices.
fn matrices(world: &World) -> Vec<GlobalArray<i64>> {
    arrays::<i64>(world).into_iter().filter(|array| array.ndim() == 2).collect()
}

fn vector(world: &World, len: usize, start: i64) -> (GlobalArray<i64>, ArrayD<i64>) {
    let vector = GlobalArray::builder(&world.team(), &[len]).create().unwrap();
    let serial = numbered(&[len], start);
    load(&vector, &serial);
    (vector, serial)
}

#[test]
fn diagonals() {
    spmd(RANKS, "diagonals", |world| {
        for array in matrices(world) {
            let len = array.shape()[0].min(array.shape()[1]);
            let mut serial = numbered(array.shape(), 4);
            load(&array, &serial);
            let (values, naive) = vector(world, len, 1000);
            array.add_diagonal(&values).unwrap();
            (0..len).for_each(|i| serial[[i, i]] += naive[[i]]);
            array.shift_diagonal(-7).unwrap();
            (0..len).for_each(|i| serial[[i, i]] -= 7);
            assert_eq!(all(&array), serial);
            array.sync().unwrap();
            array.get_diagonal(&values).unwrap();
            assert!(all(&values).iter().enumerate().all(|(i, &v)| v == serial[[i, i]]));
            values.sync().unwrap();
            array.zero_diagonal().unwrap();
            (0..len).for_each(|i| serial[[i, i]] = 0);
            assert_eq!(all(&array), serial);
            array.sync().unwrap();
            load(&values, &naive);
            array.set_diagonal(&values).unwrap();
            (0..len).for_each(|i| serial[[i, i]] = naive[[i]]);
            assert_eq!(all(&array), serial);
            let (wrong, _) = vector(world, len + 1, 0);
            assert_eq!(array.add_diagonal(&wrong).unwrap_err().kind(), ErrorKind::Shape);
            assert_eq!(wrong.shift_diagonal(1).unwrap_err().kind(), ErrorKind::Shape);
        }
    });
}

#[test]
fn rows_and_columns() {
    spmd(RANKS, "rows_and_columns", |world| {
        for array in matrices(world) {
            let mut serial = numbered(array.shape(), -3);
            load(&array, &serial);
            let ((rows, r), (columns, c)) =
                (vector(world, array.shape()[0], 2), vector(world, array.shape()[1], -5));
            array.scale_rows(&rows).unwrap();
            array.scale_cols(&columns).unwrap();
            serial.indexed_iter_mut().for_each(|(at, v)| *v *= r[[at[0]]] * c[[at[1]]]);
            assert_eq!(all(&array), serial);
            let sum = |it: &mut dyn Iterator<Item = &i64>| it.map(|v| v.abs() as f64).sum::<f64>();
            let most = |it: &mut dyn Iterator<Item = &i64>| it.map(|v| v.abs()).max().unwrap_or(0) as f64;
            assert_eq!(array.norm1().unwrap(), sum(&mut serial.iter()));
            assert_eq!(array.norm_infinity().unwrap(), most(&mut serial.iter()));
            assert_eq!(rows.norm1().unwrap(), sum(&mut r.iter()));
            assert_eq!(rows.norm_infinity().unwrap(), most(&mut r.iter()));
        }
    });
}

#[test]
fn symmetrize_and_transpose() {
    spmd(RANKS, "symmetrize_and_transpose", |world| {
        for array in arrays::<i64>(world) {
            let serial = numbered(array.shape(), 0) * 2;
            load(&array, &serial);
            if array.ndim() < 2 || array.shape()[0] != array.shape()[1] {
                assert_eq!(array.symmetrize().unwrap_err().kind(), ErrorKind::Shape);
            } else {
                let mut turned = serial.clone();
                turned.swap_axes(0, 1);
                array.symmetrize().unwrap();
                assert_eq!(all(&array), (&serial + &turned) / 2);
                array.sync().unwrap();
                load(&array, &serial);
            }
            if array.ndim() == 2 {
                let shape = [array.shape()[1], array.shape()[0]];
                let target = GlobalArray::<i64>::builder(&world.team(), &shape).create().unwrap();
                target.transpose_from(&array).unwrap();
                assert_eq!(all(&target), serial.t());
                target.sync().unwrap();
                array.zero().unwrap();
                array.transpose_from(&target).unwrap();
                assert_eq!(all(&array), serial);
                array.sync().unwrap();
            }
        }
    });
}

#[test]
fn extreme_elements() {
    spmd(RANKS, "extreme_elements", |world| {
        for array in arrays::<i64>(world) {
            let len: usize = array.shape().iter().product();
            // Each extreme several times: the first counts.
            let values = (0..len).map(|i| ((i * 7 + 3) % 11) as i64 - 5).collect();
            let serial = ArrayD::from_shape_vec(IxDyn(array.shape()), values).unwrap();
            load(&array, &serial);
            for extreme in [Extreme::Min, Extreme::Max] {
                let sign = if extreme == Extreme::Min { 1 } else { -1 };
                match serial.indexed_iter().min_by_key(|(_, v)| sign * **v) {
                    None => {
                        assert_eq!(array.select_elem(extreme).unwrap_err().kind(), ErrorKind::Value);
                    }
                    Some((at, &value)) => {
                        let (found, index) = array.select_elem(extreme).unwrap();
                        assert_eq!((found, &index[..]), (value, at.as_array_view().as_slice().unwrap()));
                    }
                }
            }
        }
        let waves = GlobalArray::<Complex64>::builder(&world.team(), &[7]).create().unwrap();
        let value = |i: i64| Complex64::new((i - 3) as f64, if i == 5 { f64::NAN } else { 1.0 });
        load(&waves, &numbered(&[7], 0).mapv(value));
        let (found, index) = waves.select_elem(Extreme::Min).unwrap();
        assert_eq!((found, index[0]), (Complex64::new(0.0, 1.0), 3));
        let (found, index) = waves.select_elem(Extreme::Max).unwrap();
        assert_eq!((found, index[0]), (Complex64::new(-3.0, 1.0), 0));
    });
}

#[test]
fn random_elements_depend_on_the_seed_alone() {
    spmd(RANKS, "random_elements_depend_on_the_seed_alone", |world| {
        let plain = |seed| {
            let alone = GlobalArray::<f64>::builder(&world.team(), &[13, 17]).create().unwrap();
            alone.randomize(seed, 3.0).unwrap();
            all(&alone)
        };
        let expected = plain(5);
        assert!(expected.iter().all(|&v| (0.0..3.0).contains(&v)));
        assert!((expected.mean().unwrap() - 1.5).abs() < 0.2);
        assert_ne!(expected, plain(6));
        // Whatever the number of ranks.
        assert_eq!((expected[[0, 0]], expected[[12, 16]]), (FIRST, LAST));
        for array in arrays::<f64>(world).iter().filter(|array| array.shape() == [13, 17]) {
            array.randomize(5, 3.0).unwrap();
            assert_eq!(all(array), expected, "{array}");
            array.sync().unwrap();
        }
    });
}

/// Elements of a 13 x 17 array of seed 5, of numbers below 3; worked out by hand from SplitMix64.
const FIRST: f64 = 1.2502411913545366;
const LAST: f64 = 2.4949586501694263;

#[test]
fn steps_to_the_bounds() {
    spmd(RANKS, "steps_to_the_bounds", |world| {
        for array in arrays::<f64>(world) {
            let shape = array.shape().to_vec();
            let make = || GlobalArray::<f64>::builder(&world.team(), &shape).create().unwrap();
            let (direction, lower, upper) = (make(), make(), make());
            let x = numbered(&shape, 0).mapv(|i| (i % 7) as f64);
            let v = numbered(&shape, 0).mapv(|i| (i % 5) as f64 - 2.0);
            let (low, high) = (x.mapv(|x| x / 2.0), x.mapv(|x| x + 1.0));
            load(&array, &x);
            load(&direction, &v);
            load(&lower, &low);
            load(&upper, &high);
            let far = 1.0e307;
            let (mut step, mut bounds) =
                (far, StepBounds { bound_min: far, wolfe_min: far, bound_max: 0.0f64 });
            for (i, &x) in x.indexed_iter() {
                let (v, low, high) = (v[&i], low[&i], high[&i]);
                if v < 0.0 {
                    step = f64::min(step, x / -v);
                }
                let moves = if v > 0.0 {
                    (high - x) / v
                } else if v < 0.0 {
                    (x - low) / -v
                } else {
                    far
                };
                let bound = if v == 0.0 && (x == low || x == high) { 0.0 } else { moves };
                bounds.wolfe_min = bounds.wolfe_min.min(moves);
                bounds.bound_min = bounds.bound_min.min(bound);
                bounds.bound_max = bounds.bound_max.max(bound);
            }
            assert_eq!(array.step_max(&direction).unwrap(), step);
            assert_eq!(array.step_max(&array).unwrap(), far);
            assert_eq!(array.step_bound_info(&direction, &lower, &upper).unwrap(), bounds);
            let patch = ga_core::Patch::whole(&shape);
            assert_eq!(array.step_max_patch(&patch, &direction, &patch).unwrap(), step);
            let found =
                array.step_bound_info_patch(&patch, (&direction, &patch), (&lower, &patch), (&upper, &patch));
            assert_eq!(found.unwrap(), bounds);
            if !array.is_empty() {
                let error = array.step_bound_info(&direction, &upper, &upper).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Value);
                direction.fill(-1.0).unwrap();
                assert_eq!(direction.step_max(&array).unwrap_err().kind(), ErrorKind::Value);
            }
        }
    });
}
