//! put, get and accumulate of patches on 1 to 4 ranks, against a serial array that replays what all ranks
//! did.

use crate::common::{RANKS, Random, all, arrays, cut, load, numbered};
use ga_core::{Dims, ErrorKind, GlobalArray, Patch};
use ndarray::{ArrayD, Axis, IxDyn, Slice};
use std::ops::Range;
use tests::spmd;

#[test]
fn get_reads_any_patch() {
    spmd(RANKS, "get_reads_any_patch", |world| {
        for array in arrays::<i64>(world) {
            let serial = numbered(array.shape(), 100);
            load(&array, &serial);
            let mut random = Random::new(world.rank());
            for _ in 0..50 {
                let patch = random.patch(array.shape());
                let mut data = vec![-1; patch.len()];
                array.get(&patch, &mut data).unwrap();
                assert_eq!(data, cut(&serial, &patch).into_raw_vec_and_offset().0, "{patch} of {array}");
                assert_eq!(array.get_array(&patch).unwrap(), cut(&serial, &patch));
            }
        }
    });
}

#[test]
fn put_writes_the_patch_and_nothing_else() {
    spmd(RANKS, "put_writes_the_patch_and_nothing_else", |world| {
        for array in arrays::<i64>(world) {
            let mut serial = numbered(array.shape(), 0);
            load(&array, &serial);
            for round in 0..12 {
                // One rank at a time, so that the outcome is defined; the others replay it.
                let patch = Random::new(round * 7 + 1).patch(array.shape());
                let data = numbered(&patch.shape(), 1000 * round as i64);
                if round % world.size() == world.rank() {
                    array.put(&patch, data.as_slice().unwrap()).unwrap();
                }
                serial
                    .slice_each_axis_mut(|a| Slice::from(patch.lo()[a.axis.0]..patch.hi()[a.axis.0]))
                    .assign(&data);
                array.sync().unwrap();
                assert_eq!(all(&array), serial, "{patch} of {array}");
                array.sync().unwrap();
            }
        }
    });
}

#[test]
fn accumulate_adds_atomically_from_all_ranks() {
    spmd(RANKS, "accumulate_adds_atomically_from_all_ranks", |world| {
        for array in arrays::<f64>(world) {
            array.fill(0.5).unwrap();
            let mut serial = ArrayD::from_elem(IxDyn(array.shape()), 0.5);
            for rank in 0..world.size() {
                let mut random = Random::new(rank + 40);
                for round in 0..30 {
                    let patch = random.patch(array.shape());
                    let data = numbered(&patch.shape(), round).mapv(|v| v as f64);
                    if rank == world.rank() {
                        array.accumulate(&patch, data.as_slice().unwrap(), 0.25).unwrap();
                    }
                    let mut target = serial
                        .slice_each_axis_mut(|a| Slice::from(patch.lo()[a.axis.0]..patch.hi()[a.axis.0]));
                    // Multiples of 1/4 far below 2^51: the sums are exact in any order.
                    target.scaled_add(0.25, &data);
                }
            }
            array.sync().unwrap();
            assert_eq!(all(&array), serial, "{array}");
            array.sync().unwrap();
        }
    });
}

#[test]
fn leading_dimensions_and_views_address_the_buffer() {
    spmd(RANKS, "leading_dimensions_and_views_address_the_buffer", |world| {
        for array in arrays::<i64>(world) {
            let serial = numbered(array.shape(), 7);
            load(&array, &serial);
            let ndim = array.ndim();
            let mut random = Random::new(world.rank() + 9);
            for _ in 0..20 {
                let patch = random.patch(array.shape());
                // A wider array, of which the patch goes into a corner: rows are longer than the patch's.
                let wide =
                    Dims::from_fn(ndim, |d| patch.shape()[d] + if d > 0 { random.below(3) } else { 0 });
                let ld: Vec<usize> = wide.iter().skip(1).copied().collect();
                let mut buffer = ArrayD::from_elem(IxDyn(&wide), -1);
                array.get_ld(&patch, buffer.as_slice_mut().unwrap(), &ld).unwrap();
                let mut naive = ArrayD::from_elem(IxDyn(&wide), -1);
                let corner = |a: ndarray::AxisDescription| Slice::from(0..patch.shape()[a.axis.0]);
                naive.slice_each_axis_mut(corner).assign(&cut(&serial, &patch));
                assert_eq!(buffer, naive, "{patch} of {array}, wide {wide:?}");

                // Views: transposed and reversed.
                let mut turned = ArrayD::from_elem(IxDyn(&patch.shape()), -1).reversed_axes();
                let mut view = turned.view_mut().reversed_axes();
                (0..ndim).for_each(|d| view.invert_axis(Axis(d)));
                array.get_view(&patch, &mut view).unwrap();
                assert_eq!(view, cut(&serial, &patch));
            }
            array.sync().unwrap();
            if world.rank() == world.size() - 1 {
                let patch = random.patch(array.shape());
                let mut backwards = cut(&serial, &patch);
                (0..ndim).for_each(|d| backwards.invert_axis(Axis(d)));
                array.put_view(&patch, &backwards).unwrap();
                assert_eq!(array.get_array(&patch).unwrap(), backwards);
                let ld: Vec<usize> = patch.shape().iter().skip(1).map(|e| e + 2).collect();
                let len =
                    Dims::from_fn(ndim, |d| patch.shape()[d] + if d > 0 { 2 } else { 0 }).iter().product();
                array.put_ld(&patch, &vec![5; len], &ld).unwrap();
                array.accumulate_ld(&patch, &vec![2; len], &ld, 10).unwrap();
                array.accumulate_view(&patch, &ArrayD::from_elem(IxDyn(&patch.shape()), 1), 3).unwrap();
                assert!(array.get_array::<IxDyn>(&patch).unwrap().iter().all(|&v| v == 28));
            }
            array.sync().unwrap();
        }
    });
}

#[test]
fn steps_visit_every_nth_index() {
    spmd(RANKS, "steps_visit_every_nth_index", |world| {
        for array in arrays::<i64>(world) {
            let mut serial = numbered(array.shape(), 3);
            load(&array, &serial);
            let mut random = Random::new(77);
            for round in 0..25 {
                let patch = random.patch(array.shape());
                let step = Dims::from_fn(array.ndim(), |_| 1 + random.below(4));
                let pick = |a: ndarray::AxisDescription| {
                    let d = a.axis.0;
                    Slice::new(patch.lo()[d] as isize, Some(patch.hi()[d] as isize), step[d] as isize)
                };
                let expected = serial.slice_each_axis(pick).to_owned();
                let mut data = vec![-1; expected.len()];
                array.get_steps(&patch, &step, &mut data).unwrap();
                assert_eq!(
                    data,
                    expected.iter().copied().collect::<Vec<_>>(),
                    "{patch} by {step:?} of {array}"
                );
                array.sync().unwrap();
                let fresh = numbered(expected.shape(), 500 * round);
                if world.rank() == 0 {
                    array.put_steps(&patch, &step, fresh.as_slice().unwrap()).unwrap();
                }
                array.sync().unwrap();
                array.accumulate_steps(&patch, &step, fresh.as_slice().unwrap(), 2).unwrap();
                array.sync().unwrap();
                let factor = 1 + 2 * world.size() as i64;
                serial.slice_each_axis_mut(pick).assign(&fresh.mapv(|v| v * factor));
                assert_eq!(all(&array), serial, "{patch} by {step:?} of {array}");
                array.sync().unwrap();
            }
        }
    });
}

#[test]
fn bad_input_is_refused_with_its_numbers_and_writes_nothing() {
    spmd(&[1, 3], "bad_input_is_refused_with_its_numbers_and_writes_nothing", |world| {
        let team = world.team();
        let array = GlobalArray::<i64>::builder(&team, &[6, 8]).name("u").create().unwrap();
        let serial = numbered(&[6, 8], 0);
        load(&array, &serial);
        let refused = |result: ga_core::Result<()>, kind: ErrorKind, numbers: &[&str]| {
            let error = result.unwrap_err();
            let text = error.to_string();
            assert!(error.kind() == kind && numbers.iter().all(|n| text.contains(n)), "{error:?}");
        };
        let data = [9; 64];
        refused(array.put([0..7, 0..8], &data[..56]), ErrorKind::Range, &["axis 0", "0..7 of 6"]);
        refused(array.put([0..2, 7..10], &data[..6]), ErrorKind::Range, &["axis 1", "7..10 of 8"]);
        refused(array.put([Range { start: 3, end: 2 }, 0..1], &data[..0]), ErrorKind::Range, &["3..2"]);
        refused(array.put(0..2, &data[..2]), ErrorKind::Shape, &["[6, 8]"]);
        refused(array.put([0..2, 0..2], &data[..5]), ErrorKind::Buffer, &["5 elements", "[2, 2]"]);
        refused(array.accumulate([0..2, 0..2], &data[..3], 1), ErrorKind::Buffer, &["3 elements"]);
        refused(array.put_ld([0..2, 0..4], &data, &[3]), ErrorKind::Buffer, &["[3]", "[2, 4]"]);
        refused(array.put_ld([0..2, 0..4], &data[..8], &[5]), ErrorKind::Buffer, &["8 elements"]);
        refused(array.put_ld([0..2, 0..4], &data, &[usize::MAX]), ErrorKind::Buffer, &["[2, 4]"]);
        refused(array.put_ld([0..2, 0..4], &data, &[4, 4]), ErrorKind::Shape, &["2 leading dimensions"]);
        refused(array.put_steps([0..2, 0..4], &[1, 0], &data[..8]), ErrorKind::Shape, &["[1, 0]"]);
        refused(array.put_steps([0..2, 0..4], &[1], &data[..8]), ErrorKind::Shape, &["[1]"]);
        refused(array.put_steps([0..2, 0..4], &[1, 2], &data[..8]), ErrorKind::Buffer, &["[2, 2]"]);
        let view = ArrayD::from_elem(IxDyn(&[2, 3]), 9);
        refused(array.put_view([0..2, 0..4], &view), ErrorKind::Buffer, &["[2, 3]"]);
        array.put([2..2, 0..8], &[]).unwrap();
        array.sync().unwrap();
        assert_eq!(all(&array), serial);

        let team = world.team();
        let message =
            GlobalArray::<f32>::builder(&team, &[4, 4]).chunk(&[1]).create().err().unwrap().to_string();
        assert!(message.contains("1 minimum chunks for 2 axes"), "{message}");
        let given = ga_core::Distribution::regular(&[4], &[], world.size() + 1).unwrap();
        let error = GlobalArray::<f32>::builder(&team, &[4]).distribution(&given).create().err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Team);
        let error = GlobalArray::<f32>::builder(&team, &[5]).distribution(&given).create().err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Shape);
        assert!(Patch::whole(&[2]).contains(&[1]));
    });
}

#[test]
fn arrays_live_on_teams() {
    spmd(&[2, 4], "arrays_live_on_teams", |world| {
        let odd = world.rank() % 2;
        let team = world.team().split(Some(odd as u32), 0).unwrap().unwrap();
        let array = GlobalArray::<i64>::builder(&team, &[10, 3]).name("half").create().unwrap();
        let serial = numbered(&[10, 3], 1000 * odd as i64);
        load(&array, &serial);
        assert_eq!(all(&array), serial, "the two teams' arrays don't mix");
        assert!(array.to_string().starts_with("half (int64): 10x3 over"), "{array}");
        array.destroy().unwrap();
    });
}
