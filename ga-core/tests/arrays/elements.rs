//! gather, scatter, scatter_accumulate, read_inc and non-blocking patches on 1 to 4 ranks.

use crate::common;
use crate::common::{RANKS, Random, all, arrays, load, numbered};
use ga_core::pointers::ElementPointers;
use ga_core::{ErrorKind, GlobalArray};
use ndarray::IxDyn;
use rma::World;
use tests::{Job, spmd};

/// Random places of an array, with repetitions.
fn places(random: &mut Random, shape: &[usize], count: usize) -> Vec<Vec<usize>> {
    if shape.contains(&0) {
        return Vec::new();
    }
    (0..count).map(|_| shape.iter().map(|&n| random.below(n)).collect()).collect()
}

#[test]
fn gather_reads_single_elements() {
    let body = |world: &World| {
        for array in arrays::<i64>(world) {
            let serial = numbered(array.shape(), 5);
            load(&array, &serial);
            for count in [0, 1, 63, 64, 200] {
                let indices = places(&mut Random::new(world.rank() + count), array.shape(), count);
                let mut values = vec![-1; indices.len()];
                array.gather(&indices, &mut values).unwrap();
                assert!(indices.iter().zip(&values).all(|(i, &v)| serial[IxDyn(i)] == v), "{array}");
                let mut again = vec![-1; indices.len()];
                let index = |k: usize, numbers: &mut [usize]| numbers.copy_from_slice(&indices[k]);
                // SAFETY: as many values as indices.
                unsafe { array.gather_with(indices.len(), index, again.as_mut_ptr()).unwrap() };
                assert_eq!(again, values, "{array}");
            }
        }
    };
    spmd(RANKS, "gather_reads_single_elements", body);
    Job::new("gather_reads_single_elements between nodes").fake_nodes(2).run(&[2], body);
}

#[test]
fn scatter_writes_single_elements_and_the_last_value_stays() {
    let body = |world: &World| {
        for array in arrays::<i64>(world) {
            let mut serial = numbered(array.shape(), 0);
            load(&array, &serial);
            for writer in 0..world.size() {
                let indices = places(&mut Random::new(writer), array.shape(), 150);
                let values: Vec<i64> = (0..indices.len() as i64).map(|k| 1000 + k).collect();
                indices.iter().zip(&values).for_each(|(i, &v)| serial[IxDyn(i)] = v);
                if writer == world.rank() {
                    let index = |k: usize, numbers: &mut [usize]| numbers.copy_from_slice(&indices[k]);
                    match writer % 2 {
                        0 => array.scatter(&indices, &values).unwrap(),
                        // SAFETY: as many values as indices.
                        _ => unsafe { array.scatter_with(indices.len(), index, values.as_ptr()).unwrap() },
                    }
                }
                array.sync().unwrap();
                assert_eq!(all(&array), serial, "{array}");
                array.sync().unwrap();
            }
        }
    };
    spmd(RANKS, "scatter_writes_single_elements_and_the_last_value_stays", body);
    Job::new("scatter_writes_single_elements_and_the_last_value_stays between nodes")
        .fake_nodes(2)
        .run(&[2], body);
}

#[test]
fn scatter_accumulate_loses_nothing() {
    let body = |world: &World| {
        for array in arrays::<f64>(world) {
            array.fill(1.0).unwrap();
            let mut serial = numbered(array.shape(), 0).mapv(|_| 1.0);
            for rank in 0..world.size() {
                let indices = places(&mut Random::new(rank + 3), array.shape(), 300);
                let values: Vec<f64> = (0..indices.len()).map(|k| k as f64).collect();
                indices.iter().zip(&values).for_each(|(i, v)| serial[IxDyn(i)] += 0.5 * v);
                if rank == world.rank() {
                    let index = |k: usize, numbers: &mut [usize]| numbers.copy_from_slice(&indices[k]);
                    match rank % 2 {
                        0 => array.scatter_accumulate(&indices, &values, 0.5).unwrap(),
                        // SAFETY: as many values as indices.
                        _ => unsafe {
                            let (count, values) = (indices.len(), values.as_ptr());
                            array.scatter_accumulate_with(count, index, values, 0.5).unwrap()
                        },
                    }
                }
            }
            array.sync().unwrap();
            assert_eq!(all(&array), serial, "{array}");
            array.sync().unwrap();
        }
    };
    spmd(RANKS, "scatter_accumulate_loses_nothing", body);
    Job::new("scatter_accumulate_loses_nothing between nodes").fake_nodes(2).run(&[2], body);
}

#[test]
fn read_inc_hands_out_each_number_once() {
    spmd(RANKS, "read_inc_hands_out_each_number_once", |world| {
        const DRAWS: usize = 500;
        let team = world.team();
        let counters = GlobalArray::<i64>::builder(&team, &[3, 5]).create().unwrap();
        counters.zero().unwrap();
        for at in [[0, 0], [2, 4]] {
            let mine: Vec<i64> = (0..DRAWS).map(|_| counters.read_inc(&at, 2).unwrap()).collect();
            assert!(mine.is_sorted_by(|a, b| a < b));
            let mut drawn = team.allgather(&mine).unwrap();
            drawn.sort();
            let expected: Vec<i64> = (0..(DRAWS * world.size()) as i64).map(|k| 2 * k).collect();
            assert_eq!(drawn, expected);
        }
        assert_eq!(counters.read_inc(&[3, 0], 1).unwrap_err().kind(), ErrorKind::Range);
        let small = GlobalArray::<i32>::builder(&team, &[4]).create().unwrap();
        small.fill(7).unwrap();
        let drawn = team.allgather(&[small.read_inc(&[3], -1).unwrap()]).unwrap();
        assert_eq!(drawn.iter().sum::<i32>(), (0..world.size() as i32).map(|k| 7 - k).sum::<i32>());
    });
}

#[test]
fn requests_give_the_buffer_back() {
    spmd(RANKS, "requests_give_the_buffer_back", |world| {
        for array in arrays::<i64>(world) {
            let serial = numbered(array.shape(), 0);
            load(&array, &serial);
            let mut random = Random::new(world.rank());
            let patches: Vec<_> = (0..10).map(|_| random.patch(array.shape())).collect();
            let gets: Vec<_> = patches.iter().map(|p| array.get_nb(p, vec![-1; p.len()]).unwrap()).collect();
            for (patch, mut get) in patches.iter().zip(gets) {
                while !get.test().unwrap() {}
                let naive = common::cut(&serial, patch).into_raw_vec_and_offset().0;
                assert_eq!(get.wait().unwrap(), naive);
            }
            array.sync().unwrap();
            if world.rank() == 0 {
                let patch = random.patch(array.shape());
                let sent = vec![7; patch.len()];
                assert_eq!(array.put_nb(&patch, sent.clone()).unwrap().wait().unwrap(), sent);
                drop(array.accumulate_nb(&patch, sent, 3).unwrap());
                assert!(array.get_array(&patch).unwrap().iter().all(|&v| v == 28));
                let refused = array.get_nb(&patch, vec![0; patch.len() + 1]).err().unwrap();
                assert_eq!(refused.kind(), ErrorKind::Buffer);
            }
            array.sync().unwrap();
        }
    });
}

#[test]
fn bad_indices_are_refused_before_anything_is_written() {
    spmd(&[1, 3], "bad_indices_are_refused_before_anything_is_written", |world| {
        let team = world.team();
        let array = GlobalArray::<i64>::builder(&team, &[6, 8]).create().unwrap();
        array.zero().unwrap();
        let refused = |result: ga_core::Result<()>, kind: ErrorKind, text: &str| {
            let error = result.unwrap_err();
            assert!(error.kind() == kind && error.to_string().contains(text), "{error:?}");
        };
        refused(array.scatter(&[[0, 0], [5, 8]], &[1, 2]), ErrorKind::Range, "axis 1 asks 8 of 8");
        refused(
            array.scatter_accumulate(&[[0, 0], [6, 0]], &[1, 2], 1),
            ErrorKind::Range,
            "axis 0 asks 6 of 6",
        );
        refused(array.scatter(&[vec![0, 0], vec![1]], &[1, 2]), ErrorKind::Shape, "[1]");
        refused(array.scatter(&[[0, 0]], &[1, 2]), ErrorKind::Buffer, "2 values for 1 indices");
        let mut values = [3];
        refused(array.gather(&[[0, 9]], &mut values), ErrorKind::Range, "9 of 8");
        array.sync().unwrap();
        assert!(values == [3] && all(&array).iter().all(|&v| v == 0));
    });
}
