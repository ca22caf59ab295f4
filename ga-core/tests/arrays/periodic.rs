//! Periodic put, get and accumulate on 1 to 4 ranks: the oracle takes each index modulo the extent.

use crate::common::{RANKS, Random, all, arrays, load, numbered};
use ga_core::pointers::BlockPointers;
use ga_core::{ErrorKind, GlobalArray};
use ndarray::{ArrayD, Dimension, IxDyn};
use tests::{Job, spmd};

/// A patch that leaves the array on either side, now and then more than once round it.
fn beyond(random: &mut Random, shape: &[usize]) -> (Vec<isize>, Vec<isize>) {
    let lo: Vec<isize> = shape.iter().map(|&n| random.below(4 * n + 1) as isize - 2 * n as isize).collect();
    let hi = lo.iter().zip(shape).map(|(l, &n)| l + random.below((2 * n).min(n + 4) + 1) as isize).collect();
    (lo, hi)
}

fn extents(lo: &[isize], hi: &[isize]) -> Vec<usize> {
    lo.iter().zip(hi).map(|(l, h)| (h - l) as usize).collect()
}

/// The element that place `at` of the patch stands for.
fn wrapped(shape: &[usize], lo: &[isize], at: &[usize]) -> Vec<usize> {
    let one = |d: usize| (lo[d] + at[d] as isize).rem_euclid(shape[d] as isize) as usize;
    (0..shape.len()).map(one).collect()
}

fn check(world: &rma::World) {
    for array in arrays::<i64>(world) {
        let shape = array.shape().to_vec();
        let mut serial = numbered(&shape, 10);
        load(&array, &serial);
        let mut random = Random::new(world.rank() + 70);
        for _ in 0..25 {
            let (lo, hi) = beyond(&mut random, &shape);
            let extents = extents(&lo, &hi);
            let naive = ArrayD::from_shape_fn(IxDyn(&extents), |at| {
                serial[IxDyn(&wrapped(&shape, &lo, at.as_array_view().as_slice().unwrap()))]
            });
            let mut data = vec![-1; naive.len()];
            array.get_periodic(&lo, &hi, &mut data).unwrap();
            assert_eq!(data, naive.clone().into_raw_vec_and_offset().0, "{lo:?}..{hi:?} of {array}");
            let ld: Vec<usize> = extents.iter().skip(1).map(|e| e + 1).collect();
            let len = extents.first().copied().unwrap_or(1) * ld.iter().product::<usize>();
            let mut buffer = vec![-1; len];
            // SAFETY: the buffer has an element for each of the patch, in rows of `ld`.
            unsafe { array.get_periodic_ptr(&lo, &hi, buffer.as_mut_ptr(), &ld).unwrap() };
            buffer.retain(|&v| v != -1);
            assert_eq!(buffer, data);
        }
        array.sync().unwrap();
        for round in 0..8 {
            let mut random = Random::new(round);
            let (lo, hi) = beyond(&mut random, &shape);
            let data = numbered(&extents(&lo, &hi), 100 * round as i64);
            let accumulates = round % 2 == 1;
            for (at, &v) in data.indexed_iter() {
                let to = &mut serial[IxDyn(&wrapped(&shape, &lo, at.as_array_view().as_slice().unwrap()))];
                *to = if accumulates { *to + 5 * v } else { v };
            }
            if round % world.size() == world.rank() {
                let data = data.as_slice().unwrap();
                match accumulates {
                    true => array.accumulate_periodic(&lo, &hi, data, 5).unwrap(),
                    // A patch that goes round more than once writes some elements twice; the last stays.
                    false => array.put_periodic(&lo, &hi, data).unwrap(),
                }
            }
            array.sync().unwrap();
            assert_eq!(all(&array), serial, "{lo:?}..{hi:?} of {array}");
            array.sync().unwrap();
        }
    }
}

#[test]
fn periodic_patches_wrap_round() {
    spmd(RANKS, "periodic_patches_wrap_round", check);
    Job::new("periodic patches between nodes").fake_nodes(2).run(&[3], check);
}

#[test]
fn periodic_patches_are_checked() {
    spmd(&[1, 2], "periodic_patches_are_checked", |world| {
        let team = world.team();
        let array = GlobalArray::<f32>::builder(&team, &[4, 5]).create().unwrap();
        let nothing = GlobalArray::<f32>::builder(&team, &[4, 0]).create().unwrap();
        let refused = |result: ga_core::Result<()>, kind| assert_eq!(result.unwrap_err().kind(), kind);
        refused(array.get_periodic(&[-1], &[3], &mut [0.0; 4]), ErrorKind::Shape);
        refused(array.get_periodic(&[0, 3], &[1, 2], &mut [0.0; 4]), ErrorKind::Range);
        refused(array.get_periodic(&[0, isize::MIN], &[1, isize::MAX], &mut [0.0]), ErrorKind::Range);
        refused(array.put_periodic(&[-2, -2], &[0, 0], &[0.0; 5]), ErrorKind::Buffer);
        refused(nothing.put_periodic(&[0, 0], &[1, 1], &[0.0]), ErrorKind::Range);
        nothing.put_periodic(&[-1, 0], &[7, 0], &[]).unwrap();
        // SAFETY: refused before anything is read.
        unsafe { refused(array.put_periodic_ptr(&[0, 0], &[2, 3], &0.0, &[2]), ErrorKind::Buffer) };
    });
}
