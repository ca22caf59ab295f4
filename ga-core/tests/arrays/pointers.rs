//! The pointer forms of put, get and accumulate on 1 to 4 ranks: blocking, with steps, and non-blocking.

use crate::common::{RANKS, Random, all, arrays, cut, load, numbered};
use ga_core::pointers::PatchPointers;
use ga_core::{Dims, ErrorKind, GlobalArray, Patch};
use ndarray::{ArrayD, IxDyn, Slice};
use tests::{Job, spmd};

/// A buffer wider than the patch, and its leading dimensions.
fn wide(random: &mut Random, extents: &[usize]) -> (ArrayD<i64>, Vec<usize>) {
    let wide = Dims::from_fn(extents.len(), |d| extents[d] + if d > 0 { random.below(3) } else { 0 });
    (ArrayD::from_elem(IxDyn(&wide), -1), wide.iter().skip(1).copied().collect())
}

/// The corner of a wide buffer where the patch is.
fn corner(buffer: &ArrayD<i64>, extents: &[usize]) -> ArrayD<i64> {
    buffer.slice_each_axis(|a| Slice::from(0..extents[a.axis.0])).to_owned()
}

fn check(array: &GlobalArray<i64>, seed: usize) {
    let serial = numbered(array.shape(), 3);
    load(array, &serial);
    let mut random = Random::new(seed);
    let mut gets = Vec::new();
    for _ in 0..20 {
        let patch = random.patch(array.shape());
        let (mut buffer, ld) = wide(&mut random, &patch.shape());
        let (lo, hi) = (patch.lo(), patch.hi());
        // SAFETY: the buffer has an element for each of the patch, in rows of `ld`; it outlives the access.
        let (pending, late) = unsafe {
            array.get_ptr(lo, hi, buffer.as_mut_ptr(), &ld).unwrap();
            let mut late = ArrayD::from_elem(buffer.raw_dim(), -1);
            (array.get_ptr_nb(lo, hi, late.as_mut_ptr(), &ld).unwrap(), late)
        };
        assert_eq!(corner(&buffer, &patch.shape()), cut(&serial, &patch), "{patch} of {array}");

        let step: Vec<usize> = (0..array.ndim()).map(|_| 1 + random.below(3)).collect();
        let stepped = cut(&serial, &patch);
        let stepped = stepped.slice_each_axis(|a| Slice::from(..).step_by(step[a.axis.0] as isize));
        let (mut sparse, ld) = wide(&mut random, stepped.shape());
        // SAFETY: the buffer has an element for each index that the steps meet.
        unsafe { array.get_steps_ptr(lo, hi, &step, sparse.as_mut_ptr(), &ld).unwrap() };
        assert_eq!(corner(&sparse, stepped.shape()), stepped, "{patch} by {step:?} of {array}");
        gets.push((patch, pending, late));
    }
    for (patch, mut pending, late) in gets.into_iter().rev() {
        while !pending.test().unwrap() {}
        assert!(pending.is_done());
        pending.wait().unwrap();
        assert_eq!(corner(&late, &patch.shape()), cut(&serial, &patch), "{patch} of {array}");
    }
    array.sync().unwrap();
}

#[test]
fn pointer_gets_agree_with_a_serial_copy() {
    spmd(RANKS, "pointer_gets_agree_with_a_serial_copy", |world| {
        arrays::<i64>(world).iter().for_each(|array| check(array, world.rank()));
    });
    Job::new("pointer gets between nodes").fake_nodes(2).run(&[2, 4], |world| {
        arrays::<i64>(world).iter().for_each(|array| check(array, world.rank()));
    });
}

#[test]
fn pointer_puts_and_accumulates_write_the_patch_alone() {
    let body = |world: &rma::World| {
        for array in arrays::<i64>(world) {
            let mut serial = numbered(array.shape(), 0);
            load(&array, &serial);
            for round in 0..12 {
                let mut random = Random::new(round * 5 + 1);
                let patch = random.patch(array.shape());
                let step: Vec<usize> =
                    (0..array.ndim()).map(|_| if round % 2 == 0 { 1 } else { 1 + random.below(3) }).collect();
                let extents = Dims::from_fn(array.ndim(), |d| patch.shape()[d].div_ceil(step[d]));
                let (mut data, ld) = wide(&mut random, &extents);
                data.iter_mut().enumerate().for_each(|(k, v)| *v = (round * 1000 + k) as i64);
                let (lo, hi, src) = (patch.lo(), patch.hi(), data.as_ptr());
                if round % world.size() == world.rank() {
                    // SAFETY: the buffer has an element for each index that the steps meet, and outlives the access.
                    unsafe {
                        match round % 4 {
                            0 => array.put_ptr_nb(lo, hi, src, &ld).unwrap().wait().unwrap(),
                            1 => array.put_steps_ptr(lo, hi, &step, src, &ld).unwrap(),
                            2 => array.put_ptr(lo, hi, src, &ld).unwrap(),
                            _ => array.accumulate_steps_ptr(lo, hi, &step, src, &ld, 3).unwrap(),
                        }
                        if round % 4 == 0 {
                            array.accumulate_ptr(lo, hi, src, &ld, 3).unwrap();
                        } else if round % 4 == 2 {
                            drop(array.accumulate_ptr_nb(lo, hi, src, &ld, 3).unwrap());
                        }
                    }
                }
                let data = corner(&data, &extents);
                let of = |a: ndarray::AxisDescription| {
                    let d = a.axis.0;
                    Slice::from(lo[d]..hi[d]).step_by(step[d] as isize)
                };
                let mut target = serial.slice_each_axis_mut(of);
                match round % 4 {
                    1 => target.assign(&data),
                    3 => target.scaled_add(3, &data),
                    _ => target.assign(&(&data * 4)),
                }
                array.sync().unwrap();
                assert_eq!(all(&array), serial, "{patch} by {step:?} of {array}");
                array.sync().unwrap();
            }
        }
    };
    spmd(RANKS, "pointer_puts_and_accumulates_write_the_patch_alone", body);
    Job::new("pointer puts between nodes").fake_nodes(2).run(&[2, 3], body);
}

#[test]
fn what_a_pointer_cannot_tell_is_all_that_is_not_checked() {
    spmd(&[2], "what_a_pointer_cannot_tell_is_all_that_is_not_checked", |world| {
        let array = GlobalArray::<f64>::builder(&world.team(), &[6, 8]).create().unwrap();
        array.zero().unwrap();
        let data = [1.0; 48];
        let refused = |result: ga_core::Result<()>, kind| assert_eq!(result.unwrap_err().kind(), kind);
        // SAFETY: all of these are refused before anything is read.
        unsafe {
            refused(array.put_ptr(&[0, 0], &[7, 8], data.as_ptr(), &[8]), ErrorKind::Range);
            refused(array.put_ptr(&[0, 0], &[6, 8], data.as_ptr(), &[7]), ErrorKind::Buffer);
            refused(array.put_ptr(&[0, 0], &[6, 8], data.as_ptr(), &[]), ErrorKind::Shape);
            refused(array.put_ptr(&[0], &[6], data.as_ptr(), &[]), ErrorKind::Shape);
            refused(array.put_steps_ptr(&[0, 0], &[6, 8], &[1, 0], data.as_ptr(), &[8]), ErrorKind::Shape);
            refused(array.put_ptr_nb(&[2, 2], &[6, 9], data.as_ptr(), &[8]).map(drop), ErrorKind::Range);
        }
        array.sync().unwrap();
        assert!(array.get_array(Patch::whole(&[6, 8])).unwrap().iter().all(|&v| v == 0.0));
    });
}
