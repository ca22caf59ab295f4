//! Algebra on patches: fill, scale, add, copy, dot and the element-wise family on 1 to 4 ranks, over every
//! layout, with operands laid out otherwise, of other shapes, and in the way of the result.

use crate::common::{RANKS, Random, all, arrays, cut, load, numbered};
use ga_core::{Dims, Distribution, ErrorKind, GlobalArray, Patch, Scalar};
use ndarray::{ArrayD, ArrayViewMutD, IxDyn, Slice};
use rma::{Complex32, Complex64, Element, Team, World};
use tests::{Job, spmd};

/// The patch of a serial array, to be changed.
fn cut_mut<'a, T: Element>(serial: &'a mut ArrayD<T>, patch: &Patch) -> ArrayViewMutD<'a, T> {
    serial.slice_each_axis_mut(|axis| Slice::from(patch.lo()[axis.axis.0]..patch.hi()[axis.axis.0]))
}

/// A serial array in another shape, in row-major order.
fn reshaped<T: Element>(serial: ArrayD<T>, shape: &[usize]) -> ArrayD<T> {
    ArrayD::from_shape_vec(IxDyn(shape), serial.iter().copied().collect()).unwrap()
}

/// An array with a place for each element of a patch: of the patch's shape and a margin, cyclic, or long and
/// thin, or one that has the axes in reverse order; and that place.
fn beside<T: Element>(team: &Team, patch: &Patch, kind: usize) -> (GlobalArray<T>, Patch) {
    let shape = patch.shape();
    let ndim = shape.len();
    let extents: Vec<usize> = match kind {
        0 | 1 => shape.to_vec(),
        2 => vec![1, patch.len(), 1],
        _ => shape.iter().rev().copied().collect(),
    };
    let wide: Vec<usize> = extents.iter().map(|extent| extent + 2).collect();
    let lo = Dims::filled(1, wide.len());
    let place = Patch::new(lo.clone(), Dims::from_fn(wide.len(), |d| lo[d] + extents[d]));
    let layout = match kind {
        1 if ndim > 0 => Distribution::block_cyclic(&wide, &vec![2; wide.len()], team.size()),
        _ => Distribution::regular(&wide, &[], team.size()),
    };
    let array = GlobalArray::builder(team, &wide).distribution(&layout.unwrap()).create().unwrap();
    (array, place)
}

/// Another patch of the same extents.
fn elsewhere(random: &mut Random, shape: &[usize], patch: &Patch) -> Patch {
    let extents = patch.shape();
    let lo = Dims::from_fn(shape.len(), |d| random.below(shape[d] - extents[d] + 1));
    Patch::new(lo.clone(), Dims::from_fn(shape.len(), |d| lo[d] + extents[d]))
}

/// Runs a test on one node, and on two that pretend.
fn everywhere(name: &str, body: fn(&World)) {
    spmd(RANKS, name, body);
    Job::new(&format!("{name} between nodes")).fake_nodes(2).run(&[3], body);
}

/// Runs `check(array, serial, random)` for several rounds over all layouts.
fn rounds(world: &World, mut check: impl FnMut(&GlobalArray<i64>, &mut ArrayD<i64>, &mut Random, usize)) {
    // Where the network is real work, each kind of layout once is enough.
    let every = if world.node_team().size() < world.size() { 3 } else { 1 };
    for (number, array) in arrays::<i64>(world).iter().enumerate().step_by(every) {
        let mut serial = numbered(array.shape(), -30);
        load(array, &serial);
        let mut random = Random::new(number);
        for round in 0..8 {
            check(array, &mut serial, &mut random, round);
            assert_eq!(all(array), serial, "round {round} of {array}");
            array.sync().unwrap();
        }
    }
}

#[test]
fn fill_zero_and_scale_patches() {
    spmd(RANKS, "fill_zero_and_scale_patches", |world| {
        rounds(world, |array, serial, random, round| {
            let patch = random.patch(array.shape());
            let mut target = cut_mut(serial, &patch);
            match round % 4 {
                0 => {
                    array.fill_patch(&patch, 7).unwrap();
                    target.fill(7);
                }
                1 => {
                    array.zero_patch(&patch).unwrap();
                    target.fill(0);
                }
                2 => {
                    array.scale_patch(&patch, -3).unwrap();
                    target.mapv_inplace(|v| -3 * v);
                }
                _ => {
                    array.add_constant_patch(&patch, 11).unwrap();
                    target.mapv_inplace(|v| v + 11);
                }
            }
        });
    });
}

#[test]
fn add_patches_of_any_layout_and_shape() {
    everywhere("add_patches_of_any_layout_and_shape", |world| {
        rounds(world, |array, serial, random, round| {
            let patch = random.patch(array.shape());
            let (a, at_a) = beside::<i64>(&world.team(), &patch, round % 4);
            let (b, at_b) = beside::<i64>(&world.team(), &patch, (round + 1) % 3);
            let (serial_a, serial_b) = (numbered(a.shape(), 5), numbered(b.shape(), -9));
            load(&a, &serial_a);
            load(&b, &serial_b);
            array.add_patch(&patch, 2, (&a, &at_a), -1, (&b, &at_b)).unwrap();
            let x = reshaped(cut(&serial_a, &at_a), &patch.shape());
            let y = reshaped(cut(&serial_b, &at_b), &patch.shape());
            cut_mut(serial, &patch).assign(&(x * 2 - y));
        });
    });
}

#[test]
fn operands_may_be_the_result() {
    everywhere("operands_may_be_the_result", |world| {
        rounds(world, |array, serial, random, round| {
            let patch = random.patch(array.shape());
            let here = if round % 2 == 0 { patch.clone() } else { elsewhere(random, array.shape(), &patch) };
            let there = elsewhere(random, array.shape(), &patch);
            array.add_patch(&patch, 2, (array, &here), 1, (array, &there)).unwrap();
            let sum = cut(serial, &here) * 2 + cut(serial, &there);
            cut_mut(serial, &patch).assign(&sum);
            let there = elsewhere(random, array.shape(), &patch);
            array.copy_patch_from(&patch, array, &there, false).unwrap();
            let moved = cut(serial, &there);
            cut_mut(serial, &patch).assign(&moved);
        });
    });
}

#[test]
fn copy_patches_reshaped_and_transposed() {
    everywhere("copy_patches_reshaped_and_transposed", |world| {
        rounds(world, |array, serial, random, round| {
            let patch = random.patch(array.shape());
            for transposed in [false, true] {
                let (source, at) = beside::<i64>(&world.team(), &patch, round % 4);
                let serial_source = numbered(source.shape(), 1000);
                load(&source, &serial_source);
                array.copy_patch_from(&patch, &source, &at, transposed).unwrap();
                let taken = cut(&serial_source, &at);
                let taken = if transposed { taken.reversed_axes() } else { taken };
                cut_mut(serial, &patch).assign(&reshaped(taken, &patch.shape()));

                // And back, into a place of another shape.
                source.copy_patch_from(&at, array, &patch, transposed).unwrap();
                let mut naive = serial_source.clone();
                let given = cut(serial, &patch);
                let given = if transposed { given.reversed_axes() } else { given };
                cut_mut(&mut naive, &at).assign(&reshaped(given, &at.shape()));
                assert_eq!(all(&source), naive, "{at} of {source} from {patch} of {array}, {transposed}");
                source.sync().unwrap();
            }
        });
    });
}

/// Larger than the scratch for what another node has.
#[test]
fn large_operands_come_by_panels() {
    let body = |world: &World| {
        let (team, shape) = (world.team(), [700, 500]);
        let rows = GlobalArray::<f64>::builder(&team, &shape).chunk(&[0, 500]).create().unwrap();
        let columns = GlobalArray::<f64>::builder(&team, &shape).chunk(&[700, 0]).create().unwrap();
        let turned = GlobalArray::<f64>::builder(&team, &[500, 700]).chunk(&[0, 700]).create().unwrap();
        let serial = numbered(&shape, 0).mapv(|v| v as f64);
        load(&rows, &serial);
        load(&columns, &(&serial * 3.0));
        turned.transpose_from(&rows).unwrap();
        assert_eq!(all(&turned), serial.t());
        turned.sync().unwrap();
        rows.add(1.0, &rows, 2.0, &columns).unwrap();
        assert_eq!(all(&rows), &serial * 7.0);
        rows.sync().unwrap();
        // Sums of whole numbers below 2^53 are exact.
        let naive: f64 = columns.len() as f64 * 3.0;
        turned.fill(0.5).unwrap();
        rows.fill(6.0).unwrap();
        assert_eq!(rows.dot_patch([0..700, 0..500], false, &turned, [0..500, 0..700], true).unwrap(), naive);
    };
    everywhere("large_operands_come_by_panels", body);
}

#[test]
fn copies_between_a_team_and_a_part_of_it() {
    spmd(&[1, 3, 4], "copies_between_a_team_and_a_part_of_it", |world| {
        let team = world.team();
        let ranks: Vec<usize> = (0..world.size()).rev().step_by(2).collect();
        let part = team.subset(&ranks).unwrap();
        let large = GlobalArray::<i64>::builder(&team, &[12, 10]).create().unwrap();
        let serial = numbered(&[12, 10], 3);
        load(&large, &serial);
        if let Some(part) = part {
            let small = GlobalArray::<i64>::builder(&part, &[10, 12]).create().unwrap();
            let other = GlobalArray::<i64>::builder(&part, &[12, 10]).create().unwrap();
            other.copy_from(&large).unwrap();
            assert_eq!(all(&other), serial);
            small.copy_patch_from([0..10, 0..12], &large, [0..12, 0..10], true).unwrap();
            assert_eq!(all(&small), serial.t());
            small.scale(-1).unwrap();
            large.copy_patch_from([0..2, 0..10], &small, [4..6, 1..11], false).unwrap();
            large.copy_patch_from([2..5, 0..10], &small, [0..10, 9..12], true).unwrap();
            large.copy_patch_from([5..6, 0..6], &small, [0..3, 0..2], false).unwrap();
        }
        large.sync().unwrap();
        let backwards: Vec<usize> = (0..world.size()).rev().collect();
        let turned = team.subset(&backwards).unwrap().unwrap();
        let mirror = GlobalArray::<i64>::builder(&turned, &[12, 10]).create().unwrap();
        mirror.copy_from(&large).unwrap();
        assert_eq!(all(&mirror), all(&large), "the same ranks in another order");
        mirror.sync().unwrap();
        let (small, mut naive) = (serial.t().mapv(|v| -v).into_dyn(), serial.clone());
        let rows = |lo: usize, hi: usize| Patch::from([lo..hi, 0..10]);
        cut_mut(&mut naive, &rows(0, 2)).assign(&cut(&small, &Patch::from([4..6, 1..11])));
        cut_mut(&mut naive, &rows(2, 5)).assign(&cut(&small, &Patch::from([0..10, 9..12])).reversed_axes());
        let corner = reshaped(cut(&small, &Patch::from([0..3, 0..2])), &[1, 6]);
        cut_mut(&mut naive, &Patch::from([5..6, 0..6])).assign(&corner);
        assert_eq!(all(&large), naive);
        large.sync().unwrap();
    });
}

#[test]
fn dots_of_patches() {
    everywhere("dots_of_patches", |world| {
        rounds(world, |array, serial, random, round| {
            let patch = random.patch(array.shape());
            let (other, at) = beside::<i64>(&world.team(), &patch, round % 4);
            let serial_other = numbered(other.shape(), -4);
            load(&other, &serial_other);
            for transposed in [false, true] {
                for other_transposed in [false, true] {
                    let dot = array.dot_patch(&patch, transposed, &other, &at, other_transposed).unwrap();
                    let theirs = cut(&serial_other, &at);
                    let theirs = if transposed != other_transposed { theirs.reversed_axes() } else { theirs };
                    let naive: i64 = cut(serial, &patch).iter().zip(&theirs).map(|(a, b)| a * b).sum();
                    assert_eq!(dot, naive);
                }
            }
        });
    });
}

/// All element types: the element-wise family against its definition, whole arrays and patches.
fn family<T: Scalar>(world: &World, value: impl Fn(i64) -> T) {
    type Whole<T> = fn(&GlobalArray<T>, &GlobalArray<T>, &GlobalArray<T>) -> ga_core::Result<()>;
    let greater = |a: T, b: T| if b.magnitude_order() < a.magnitude_order() { a } else { b };
    let smaller = |a: T, b: T| if a.magnitude_order() < b.magnitude_order() { a } else { b };
    type Pair<'a, T> = (Whole<T>, Box<dyn Fn(T, T) -> T + 'a>);
    let pairs: [Pair<'_, T>; 4] = [
        (GlobalArray::elem_multiply, Box::new(T::times)),
        (GlobalArray::elem_divide, Box::new(T::over)),
        (GlobalArray::elem_maximum, Box::new(greater)),
        (GlobalArray::elem_minimum, Box::new(smaller)),
    ];
    for array in arrays::<T>(world) {
        let shape = array.shape().to_vec();
        let len: usize = shape.iter().product();
        let serial = |from: i64, step: i64| {
            let values = (0..len as i64).map(|i| value((i * step + from) % 23 - 11));
            ArrayD::from_shape_vec(IxDyn(&shape), values.collect()).unwrap()
        };
        let twin = GlobalArray::<T>::builder(&world.team(), &shape).create().unwrap();
        let (a, b) = (serial(3, 7), serial(1, 5).mapv(|v| if v == T::ZERO { T::ONE } else { v }));
        for (whole, naive) in &pairs {
            load(&array, &a);
            load(&twin, &b);
            whole(&array, &array, &twin).unwrap();
            let expected = ndarray::Zip::from(&a).and(&b).map_collect(|&x, &y| naive(x, y));
            assert_eq!(all(&array), expected, "{array}");
            array.sync().unwrap();
        }
        load(&array, &a);
        array.elem_median(&array, &twin, &twin).unwrap();
        assert_eq!(all(&array), b);
        array.sync().unwrap();
        array.abs_value().unwrap();
        assert_eq!(all(&array), b.mapv(T::absolute));
        array.sync().unwrap();
        array.recip().unwrap();
        assert_eq!(all(&array), b.mapv(|v| T::ONE.over(v.absolute())));
        array.sync().unwrap();
    }
}

/// The order of the family: by value, or by magnitude if complex.
trait MagnitudeOrder: Scalar {
    fn magnitude_order(self) -> f64 {
        let is_complex = matches!(Self::DTYPE, rma::DType::C64 | rma::DType::C128);
        let is_negative = !is_complex && self.absolute() != self;
        if is_negative { -self.magnitude() } else { self.magnitude() }
    }
}

impl<T: Scalar> MagnitudeOrder for T {}

#[test]
fn element_wise_family_of_all_types() {
    spmd(&[1, 3], "element_wise_family_of_all_types", |world| {
        family::<i32>(world, |v| v as i32);
        family::<i64>(world, |v| v);
        family::<f32>(world, |v| v as f32);
        family::<f64>(world, |v| v as f64);
        family::<Complex32>(world, |v| Complex32::new(v as f32, (v % 2) as f32));
        family::<Complex64>(world, |v| Complex64::new(v as f64, (v % 2) as f64));
    });
}

#[test]
fn element_wise_family_of_patches() {
    spmd(RANKS, "element_wise_family_of_patches", |world| {
        rounds(world, |array, serial, random, round| {
            let patch = random.patch(array.shape());
            let there = elsewhere(random, array.shape(), &patch);
            let (other, at) = beside::<i64>(&world.team(), &patch, round % 4);
            let serial_other = numbered(other.shape(), -4).mapv(|v| if v == 0 { 3 } else { v % 20 });
            let serial_other = serial_other.mapv(|v| if v == 0 { 1 } else { v });
            load(&other, &serial_other);
            let (a, b) = ((array, &there), (&other, &at));
            let x = cut(serial, &there);
            let y = reshaped(cut(&serial_other, &at), &patch.shape());
            let naive: fn(i64, i64) -> i64 = match round {
                0 | 1 => {
                    array.elem_multiply_patch(&patch, a, b).unwrap();
                    |x, y| x * y
                }
                2 => {
                    array.elem_divide_patch(&patch, a, b).unwrap();
                    |x, y| x / y
                }
                3 => {
                    array.elem_maximum_patch(&patch, a, b).unwrap();
                    i64::max
                }
                4 => {
                    array.elem_minimum_patch(&patch, a, b).unwrap();
                    i64::min
                }
                5 => {
                    array.elem_median_patch(&patch, a, b, (array, &patch)).unwrap();
                    let z = cut(serial, &patch);
                    let mut target = cut_mut(serial, &patch);
                    ndarray::Zip::from(&mut target).and(&x).and(&y).and(&z).for_each(|t, &x, &y, &z| {
                        let mut three = [x, y, z];
                        three.sort();
                        *t = three[1];
                    });
                    return;
                }
                6 => {
                    array.abs_value_patch(&patch).unwrap();
                    cut_mut(serial, &patch).mapv_inplace(i64::abs);
                    return;
                }
                _ => {
                    if cut(serial, &patch).iter().all(|&v| v != 0) {
                        array.recip_patch(&patch).unwrap();
                        cut_mut(serial, &patch).mapv_inplace(|v| 1 / v);
                    } else {
                        let error = array.recip_patch(&patch).unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::Value, "{error}");
                    }
                    return;
                }
            };
            let result = ndarray::Zip::from(&x).and(&y).map_collect(|&x, &y| naive(x, y));
            cut_mut(serial, &patch).assign(&result);
        });
    });
}
