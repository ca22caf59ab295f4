//! What safe code must not reach: memory of an array behind a reference while others write to it, bytes that are no booleans, memory
//! that is the array's no longer, places outside it.

use crate::common::{RANKS, all};
use ga_core::{Distribution, ErrorKind, GlobalArray, RawArray};
use rma::{DType, World};
use tests::{Job, spmd};

fn array(world: &World, len: usize) -> GlobalArray<i64> {
    let array = GlobalArray::builder(&world.team(), &[len]).create().unwrap();
    array.fill(1).unwrap();
    array
}

/// Rank 0 has a view of its block while the others synchronise the array as they please, to write to that block.
#[test]
fn a_view_is_a_collective_call_of_its_own() {
    Job::new("a_view_is_a_collective_call_of_its_own").env("GAIN_CHECK", "1").run(&[2, 3, 4], |world| {
        let mut array = array(world, 12);
        if world.rank() == 0 {
            array.with_local(|_| panic!("nobody has a view unless all have")).unwrap_err();
            array.with_local_mut(|_| panic!("nobody has a view unless all have")).unwrap_err();
        } else {
            array.sync().unwrap_err();
            array.fill(2).unwrap_err();
        }
        // A mismatch of the beginning harms nobody.
        array.with_local_mut(|mut block| block.fill(3)).unwrap();
        assert!(all(&array).iter().all(|&v| v == 3));
        array.sync().unwrap();
    });
}

/// Rank 0 calls another collective within its view; the others, whose call that ends, must not write to its block while it looks on.
#[test]
fn who_leaves_an_epoch_that_goes_on_leaves_the_array() {
    let job = Job::new("who_leaves_an_epoch_that_goes_on_leaves_the_array").env("GAIN_CHECK", "1");
    job.run(&[2, 3, 4], |world| {
        let mut array = array(world, 12);
        let team = world.team();
        let outcome = array.with_local(|block| {
            if world.rank() == 0 {
                team.barrier().unwrap_err();
                // The others try to write meanwhile.
                team.barrier().unwrap();
                team.barrier().unwrap();
                assert!(block.iter().all(|&v| v == 1));
            }
        });
        if world.rank() > 0 {
            outcome.unwrap_err();
            team.barrier().unwrap();
            let refused = [
                array.put(0..1, &[5]),
                array.scatter(&[[0]], &[5]),
                array.accumulate(0..1, &[5], 1),
                array.read_inc(&[0], 5).map(drop),
                array.put_nb(0..1, vec![5]).map(drop),
            ];
            assert!(
                refused.iter().all(|done| done.as_ref().is_err_and(|e| e.to_string().contains("given up")))
            );
            team.barrier().unwrap();
            assert!(array.fill(5).unwrap_err().to_string().contains("given up"));
        } else {
            // The end of rank 0's own epoch meets the others' next call, which is refused.
            outcome.unwrap_err();
        }
        team.barrier().unwrap();
        drop(array);
        team.sync().unwrap();
        assert_eq!(all(&self::array(world, 9)), ndarray::ArrayD::from_elem(ndarray::IxDyn(&[9]), 1));
        team.sync().unwrap();
    });
}

/// Whatever was in the memory before.
#[test]
fn fresh_booleans_are_booleans() {
    Job::new("fresh_booleans_are_booleans").env("GAIN_HEAP_BYTES", "16777216").run(RANKS, |world| {
        let team = world.team();
        let distribution = || Distribution::regular(&[4096], &[], world.size()).unwrap();
        let dirt = RawArray::create(&team, DType::U8, distribution()).unwrap();
        dirt.typed::<u8>().unwrap().fill(0xa5).unwrap();
        dirt.destroy().unwrap();
        let raw = RawArray::create(&team, DType::Bool, distribution()).unwrap();
        for rank in 0..world.size() {
            let mut bytes = vec![7; raw.distribution().storage_len(rank)];
            // SAFETY: as many bytes as the part has.
            unsafe { raw.get_bytes(rank, 0, bytes.as_mut_ptr(), bytes.len()).unwrap() };
            assert!(bytes.iter().all(|&byte| byte == 0));
        }
        assert!(all(raw.typed::<bool>().unwrap()).iter().all(|&flag| !flag));
        let dirt = RawArray::create(&team, DType::F64, distribution()).unwrap();
        dirt.typed::<f64>().unwrap().fill(9.5).unwrap();
        dirt.destroy().unwrap();
        let zeros = RawArray::create_zeroed(&team, DType::F64, distribution()).unwrap();
        assert!(all(zeros.typed::<f64>().unwrap()).iter().all(|&v| v == 0.0));
        zeros.sync().unwrap();
    });
}

/// An array in the memory of one that was destroyed reaches none: not that of whoever has it now.
#[test]
fn an_overlay_of_a_destroyed_array_is_refused() {
    spmd(RANKS, "an_overlay_of_a_destroyed_array_is_refused", |world| {
        let (below, team) = (array(world, 100), world.team());
        // SAFETY: the two arrays are used one after the other.
        let overlay = unsafe { below.raw().overlay(DType::I64, below.distribution().clone()) }.unwrap();
        assert!(all(overlay.typed::<i64>().unwrap()).iter().all(|&v| v == 1));
        overlay.sync().unwrap();
        below.destroy().unwrap();
        let next = array(world, 100);
        let typed = overlay.typed::<i64>().unwrap();
        let refused = [
            typed.fill(7),
            typed.scale(7),
            typed.sync(),
            typed.put(0..1, &[7]),
            typed.get(0..1, &mut [7]),
            typed.scatter(&[[0]], &[7]),
            typed.gather(&[[0]], &mut [7]),
            typed.scatter_accumulate(&[[0]], &[7], 1),
            typed.update_ghosts(true),
            typed.dot(typed).map(drop),
        ];
        assert!(
            refused.iter().all(|done| done.as_ref().is_err_and(|e| e.kind() == ErrorKind::Communication))
        );
        assert!(overlay.mapped(world.rank()).is_none());
        assert!(all(&next).iter().all(|&v| v == 1), "nothing was written");
        team.sync().unwrap();
        overlay.destroy().unwrap();
    });
}

/// Sizes that wrap: the memory would be smaller than what is placed in it.
#[test]
fn sizes_beyond_any_memory_are_refused() {
    let two = Distribution::regular(&[4, 4], &[], 2).unwrap();
    for widths in [[usize::MAX / 2 + 1, 0], [usize::MAX, 1], [1 << 31, 1 << 31], [0, usize::MAX / 4]] {
        let error = two.with_ghosts(&widths).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Distribution, "{error}");
    }
    assert!(two.with_ghosts(&[3, 4]).unwrap().with_items(usize::MAX / 1000).is_err());
    assert!(two.with_items(1 << 50).unwrap().with_ghosts(&[1 << 20, 0, 0]).is_err());
    assert!(Distribution::regular(&[1 << 40, 1 << 40], &[], 2).is_err());
}
