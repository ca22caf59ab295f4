//! Mirrored arrays, node copies and cached reads, on one node and on two.

use crate::common::{RANKS, Random, all, arrays, cut, load, numbered};
use ga_core::pointers::PatchPointers;
use ga_core::{ErrorKind, GlobalArray, Patch, ReadCache};
use ndarray::{ArrayD, IxDyn};
use rma::World;
use tests::{Job, spmd};

/// On one node, and with ranks that pretend to be on two.
fn on_nodes(name: &str, body: impl Fn(&World) + Copy) {
    spmd(RANKS, name, body);
    Job::new(&format!("{name} between nodes")).fake_nodes(2).run(&[2, 4], body);
}

/// A value of its own for each node and element; small numbers, so sums are exact.
fn of_node(node: usize, shape: &[usize]) -> ArrayD<f64> {
    let len = shape.iter().product::<usize>();
    ArrayD::from_shape_vec(IxDyn(shape), (0..len).map(|k| (k * (node + 2)) as f64 + 0.5).collect()).unwrap()
}

/// My node, and how many there are.
fn nodes(world: &World) -> (usize, usize) {
    let first = world.node_team().world_rank(0);
    let mut firsts = world.team().allgather(&[first]).unwrap();
    firsts.dedup();
    (firsts.iter().position(|&f| f == first).unwrap(), firsts.len())
}

#[test]
fn merged_copies_are_the_sum_of_all() {
    on_nodes("merged_copies_are_the_sum_of_all", |world| {
        let (node, count) = nodes(world);
        let shape = [7, 9];
        let mirrored = GlobalArray::<f64>::builder(&world.node_team(), &shape).create().unwrap();
        assert!(mirrored.is_mirrored(world));
        let sum = (0..count).fold(ArrayD::zeros(IxDyn(&shape)), |sum, node| sum + of_node(node, &shape));
        let target = GlobalArray::<f64>::builder(&world.team(), &[10, 12]).create().unwrap();
        target.fill(-1.0).unwrap();
        load(&mirrored, &of_node(node, &shape));
        let (from, to) = (Patch::from([1..6, 2..9]), Patch::from([4..9, 0..7]));
        mirrored.merge_into(world, &from, &target, &to).unwrap();
        for (at, &value) in all(&target).indexed_iter() {
            let is_in = to.contains(&[at[0], at[1]]);
            let expected = if is_in { sum[[at[0] - 3, at[1] + 2]] } else { -1.0 };
            assert_eq!(value, expected, "{at:?}");
        }
        assert_eq!(all(&mirrored), of_node(node, &shape), "merging into another array changes no copy");
        world.sync().unwrap();
        mirrored.merge_mirrored(world).unwrap();
        assert_eq!(all(&mirrored), sum);
        world.sync().unwrap();
        let kind = |result: ga_core::Result<()>| result.unwrap_err().kind();
        assert_eq!(kind(mirrored.merge_into(world, [0..1, 0..2], &target, [0..2, 0..1])), ErrorKind::Shape);
        if count > 1 {
            assert!(!target.is_mirrored(world));
            assert_eq!(kind(target.merge_mirrored(world)), ErrorKind::Team);
        }
    });
}

#[test]
fn node_copies_and_caches_say_what_the_array_says() {
    on_nodes("node_copies_and_caches_say_what_the_array_says", |world| {
        let (_, count) = nodes(world);
        for array in arrays::<i64>(world) {
            let serial = numbered(array.shape(), 3);
            load(&array, &serial);
            let copy = array.node_copy().unwrap();
            assert_eq!(copy.is_some(), count > 1);
            let copy = copy.as_ref().unwrap_or(&array);
            assert_eq!(all(copy), serial, "{array}");
            let cache = ReadCache::new(64 * 8);
            let mut random = Random::new(world.rank());
            for _ in 0..40 {
                let patch = random.patch(array.shape());
                let naive = cut(&serial, &patch);
                let mut data = vec![-1; patch.len()];
                cache.get(&array, &patch, &mut data).unwrap();
                assert_eq!(data, naive.as_slice().unwrap(), "{patch} of {array}");
                let ld: Vec<usize> = patch.shape().iter().skip(1).map(|e| e + 1).collect();
                let len = patch.shape().first().copied().unwrap_or(1) * ld.iter().product::<usize>();
                let mut wide = vec![-1; len];
                // SAFETY: the buffer has an element for each of the patch, in rows of `ld`.
                unsafe {
                    array.get_cached_ptr(&cache, patch.lo(), patch.hi(), wide.as_mut_ptr(), &ld).unwrap()
                };
                wide.retain(|&v| v != -1);
                assert_eq!(wide, data);
                assert!(cache.held_bytes() <= 64 * 8);
            }
            let error = cache.get(&array, Patch::new(vec![0; 3].as_slice(), vec![1; 3].as_slice()), &mut [0]);
            assert!(array.ndim() == 3 || error.unwrap_err().kind() == ErrorKind::Shape);
            cache.clear();
            assert_eq!(cache.held_bytes(), 0);
            array.sync().unwrap();
        }
    });
}

/// What the cache holds is what was there when it was read.
#[test]
fn a_cache_reads_each_element_once() {
    Job::new("a_cache_reads_each_element_once").fake_nodes(2).run(&[2], |world| {
        let array = GlobalArray::<i64>::builder(&world.team(), &[8]).create().unwrap();
        array.fill(1).unwrap();
        let cache = ReadCache::new(1 << 10);
        let far = array.distribution().block(1 - world.rank()).lo()[0];
        let mut data = [0; 4];
        cache.get(&array, far..far + 4, &mut data).unwrap();
        array.fill(2).unwrap();
        let mut one = [0];
        cache.get(&array, far + 2..far + 3, &mut one).unwrap();
        assert_eq!((data, one), ([1; 4], [1]), "a part of what was read before");
        cache.clear();
        cache.get(&array, far + 2..far + 3, &mut one).unwrap();
        assert_eq!(one, [2]);
        array.sync().unwrap();
    });
}
