//! Ghost cells on 1 to 4 ranks: each is compared with the element of a serial array that it stands for.

use crate::common::{RANKS, Random, load, numbered};
use ga_core::pointers::BlockPointers;
use ga_core::{Distribution, ErrorKind, GlobalArray};
use ndarray::{ArrayD, Dimension, IxDyn};
use tests::{Job, spmd};

/// Where nothing was written.
const NOTHING: i64 = -77;

/// Arrays with ghost cells: narrow, wide, along some axes, wider than a block, on blocks of different extents.
fn arrays(world: &rma::World) -> Vec<GlobalArray<i64>> {
    let (team, ranks) = (world.team(), world.size());
    let with = |shape: &[usize], widths: &[usize]| {
        GlobalArray::builder(&team, shape).name("ghosts").ghosts(widths).create().unwrap()
    };
    let starts = vec![vec![0], (0..ranks).map(|r| (3 * r).min(9)).collect()];
    let uneven = Distribution::irregular(&[4, 9], &starts, ranks).unwrap().with_ghosts(&[1, 2]).unwrap();
    vec![
        with(&[17], &[1]),
        with(&[3], &[4]),
        with(&[8, 9], &[1, 1]),
        with(&[8, 9], &[0, 3]),
        with(&[8, 9], &[0, 0]),
        with(&[5, 6, 7], &[1, 2, 1]),
        with(&[0, 4], &[1, 1]),
        with(&[4, 4, 4, 4], &[1, 0, 2, 1]),
        GlobalArray::builder(&team, &[4, 9]).distribution(&uneven).create().unwrap(),
    ]
}

/// My block with its ghost cells.
fn memory(array: &GlobalArray<i64>) -> ArrayD<i64> {
    ArrayD::from_shape_fn(IxDyn(&array.ghost_block().extents), |at| {
        let element = array.ghost_element(at.as_array_view().as_slice().unwrap()).unwrap();
        // SAFETY: an element of my memory, which nobody writes meanwhile.
        unsafe { element.read() }
    })
}

/// Marks my ghost cells as not written, and gives the elements their values.
fn reset(array: &GlobalArray<i64>, serial: &ArrayD<i64>) {
    array.sync().unwrap();
    let block = array.ghost_block();
    for k in 0..block.extents.iter().product() {
        // SAFETY: my memory is that long, and dense with its ghost cells.
        unsafe { block.first.add(k).write(NOTHING) };
    }
    load(array, serial);
}

/// Compares my memory with the serial array: `is_filled` says of which directions ghost cells were to be filled.
fn compare(array: &GlobalArray<i64>, serial: &ArrayD<i64>, is_filled: impl Fn(&[isize]) -> bool) {
    let (block, widths) = (array.local_patch(), array.distribution().ghosts());
    for (at, &value) in memory(array).indexed_iter() {
        let index = |d: usize| (block.lo()[d] + at[d]) as isize - widths[d] as isize;
        let direction: Vec<isize> = (0..array.ndim())
            .map(|d| match index(d) {
                i if i < block.lo()[d] as isize => -1,
                i => (i >= block.hi()[d] as isize) as isize,
            })
            .collect();
        let wrapped: Vec<usize> =
            (0..array.ndim()).map(|d| index(d).rem_euclid(array.shape()[d] as isize) as usize).collect();
        let is_own = direction.iter().all(|&d| d == 0);
        let expected = if is_own || is_filled(&direction) { serial[IxDyn(&wrapped)] } else { NOTHING };
        assert_eq!(value, expected, "{at:?}, direction {direction:?}, of {array}");
    }
}

fn check(world: &rma::World) {
    for array in arrays(world) {
        let serial = numbered(array.shape(), 1);
        let away = |direction: &[isize]| direction.iter().filter(|&&d| d != 0).count();
        reset(&array, &serial);
        array.update_ghosts(true).unwrap();
        compare(&array, &serial, |_| true);
        reset(&array, &serial);
        array.update_ghosts(false).unwrap();
        compare(&array, &serial, |direction| away(direction) == 1);
        reset(&array, &serial);
        let mut pending = array.update_ghosts_nb(true).unwrap();
        pending.wait().unwrap();
        compare(&array, &serial, |_| true);
        for axis in 0..array.ndim() {
            for (after, corners) in [(false, false), (true, false), (true, true)] {
                reset(&array, &serial);
                array.update_ghost_dir(axis, after, corners).unwrap();
                compare(&array, &serial, |direction| {
                    direction[axis] == if after { 1 } else { -1 } && (corners || away(direction) == 1)
                });
            }
        }
        let mut mask = vec![0; array.ndim()];
        (mask[0], mask[array.ndim() - 1]) = (-1, 1);
        reset(&array, &serial);
        array.get_ghost_dir_nb(&mask).unwrap().wait().unwrap();
        compare(&array, &serial, |direction| direction == &mask[..]);
        array.sync().unwrap();
    }
}

#[test]
fn ghost_cells_are_copies_of_the_neighbours() {
    spmd(RANKS, "ghost_cells_are_copies_of_the_neighbours", check);
    Job::new("ghost cells between nodes").fake_nodes(2).run(&[2, 4], check);
}

#[test]
fn ghost_blocks_are_read_in_place_or_from_the_owners() {
    spmd(RANKS, "ghost_blocks_are_read_in_place_or_from_the_owners", |world| {
        for array in arrays(world).into_iter().filter(|array| !array.is_empty()) {
            let serial = numbered(array.shape(), 1);
            reset(&array, &serial);
            let (block, widths) = (array.local_patch(), array.distribution().ghosts().to_vec());
            let mut random = Random::new(world.rank());
            for round in 0..30 {
                // Within the ghost cells, one beyond them, or anywhere.
                let lo: Vec<isize> = (0..array.ndim())
                    .map(|d| {
                        (block.lo()[d] + random.below(3)) as isize
                            - widths[d] as isize
                            - (round % 3 == 2) as isize
                    })
                    .collect();
                let hi: Vec<isize> =
                    (0..array.ndim()).map(|d| lo[d] + random.below(block.shape()[d] + 2) as isize).collect();
                let is_inside = (0..array.ndim()).all(|d| {
                    lo[d] >= block.lo()[d] as isize - widths[d] as isize
                        && hi[d] <= (block.hi()[d] + widths[d]) as isize
                }) && !block.is_empty();
                let extents: Vec<usize> = lo.iter().zip(&hi).map(|(l, h)| (h - l) as usize).collect();
                let naive = ArrayD::from_shape_fn(IxDyn(&extents), |at| {
                    let at = at.as_array_view();
                    let index = |d: usize| lo[d] + at[d] as isize;
                    let is_ghost = (0..array.ndim())
                        .any(|d| index(d) < block.lo()[d] as isize || index(d) >= block.hi()[d] as isize);
                    let wrapped: Vec<usize> = (0..array.ndim())
                        .map(|d| index(d).rem_euclid(array.shape()[d] as isize) as usize)
                        .collect();
                    // Not updated: what is read in place shows so.
                    if is_inside && is_ghost { NOTHING } else { serial[IxDyn(&wrapped)] }
                });
                let mut data = vec![0; naive.len()];
                array.get_ghost_block(&lo, &hi, &mut data).unwrap();
                assert_eq!(data, naive.as_slice().unwrap(), "{lo:?}..{hi:?} of {array}");
                let ld: Vec<usize> = extents.iter().skip(1).map(|e| e + 1).collect();
                let mut wide = vec![0; extents[0] * ld.iter().product::<usize>()];
                // SAFETY: the buffer has an element for each of the patch, in rows of `ld`.
                unsafe { array.get_ghost_block_ptr(&lo, &hi, wide.as_mut_ptr(), &ld).unwrap() };
                wide.retain(|&v| v != 0);
                assert_eq!(wide, data);
            }
            array.sync().unwrap();
        }
    });
}

#[test]
fn ghost_cells_that_there_are_not_are_refused() {
    spmd(&[1, 2], "ghost_cells_that_there_are_not_are_refused", |world| {
        let array = GlobalArray::<f64>::builder(&world.team(), &[6, 8]).ghosts(&[1, 1]).create().unwrap();
        let kind = |result: ga_core::Result<()>| result.unwrap_err().kind();
        assert_eq!(kind(array.update_ghost_dir(2, true, true)), ErrorKind::Range);
        assert_eq!(kind(array.get_ghost_dir_nb(&[0, 2]).map(drop)), ErrorKind::Shape);
        assert_eq!(kind(array.get_ghost_dir_nb(&[0]).map(drop)), ErrorKind::Shape);
        assert_eq!(kind(array.ghost_element(&[8, 0]).map(drop)), ErrorKind::Range);
        assert_eq!(kind(array.ghost_element(&[0]).map(drop)), ErrorKind::Shape);
        assert_eq!(kind(array.get_ghost_block(&[0, 0], &[2, 2], &mut [0.0; 3])), ErrorKind::Buffer);
    });
}
