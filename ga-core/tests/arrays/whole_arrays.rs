//! Collective operations on whole arrays, and blocks in place, on 1 to 4 ranks against `ndarray`.

use crate::common::{RANKS, all, arrays, cut, load, numbered};
use ga_core::{ErrorKind, GlobalArray};
use ndarray::IxDyn;
use rma::{Complex64, World};
use tests::spmd;

#[test]
fn fill_zero_scale() {
    spmd(RANKS, "fill_zero_scale", |world| {
        for array in arrays::<i64>(world) {
            array.fill(6).unwrap();
            assert!(all(&array).iter().all(|&v| v == 6));
            array.sync().unwrap();
            array.scale(-7).unwrap();
            assert!(all(&array).iter().all(|&v| v == -42));
            array.sync().unwrap();
            array.zero().unwrap();
            assert!(all(&array).iter().all(|&v| v == 0));
            array.sync().unwrap();
        }
        let team = world.team();
        let flags = GlobalArray::<bool>::builder(&team, &[9]).create().unwrap();
        assert!(all(&flags).iter().all(|&v| !v), "fresh booleans are false");
        flags.sync().unwrap();
        flags.fill(true).unwrap();
        assert!(all(&flags).iter().all(|&v| v));
        let bytes = GlobalArray::<u8>::builder(&team, &[7]).create().unwrap();
        bytes.fill(200).unwrap();
        bytes.scale(3).unwrap();
        assert!(all(&bytes).iter().all(|&v| v == 88), "integers wrap");
        bytes.sync().unwrap();
    });
}

/// Arrays of one shape, distributed in four ways.
fn four_ways(world: &World, shape: [usize; 2]) -> Vec<GlobalArray<i64>> {
    let team = world.team();
    let starts = (0..world.size()).map(|r| (r * r).min(shape[0])).collect();
    let build = || GlobalArray::<i64>::builder(&team, &shape);
    vec![
        build().create().unwrap(),
        build().chunk(&[0, shape[1]]).create().unwrap(),
        build().chunk(&[shape[0], 0]).create().unwrap(),
        build().irregular(vec![starts, vec![0]]).create().unwrap(),
    ]
}

#[test]
fn copy_between_distributions() {
    spmd(RANKS, "copy_between_distributions", |world| {
        let (sources, targets) = (four_ways(world, [11, 14]), four_ways(world, [11, 14]));
        for (s, source) in sources.iter().enumerate() {
            let serial = numbered(&[11, 14], 100 * s as i64);
            load(source, &serial);
            for target in &targets {
                target.fill(-1).unwrap();
                target.copy_from(source).unwrap();
                assert_eq!(all(target), serial);
                target.sync().unwrap();
            }
            let twin = source.duplicate().unwrap();
            assert!(twin.distribution() == source.distribution());
            twin.copy_from(source).unwrap();
            twin.copy_from(&twin).unwrap();
            assert_eq!(all(&twin), serial);
            twin.sync().unwrap();
        }
    });
}

#[test]
fn add_and_dot() {
    spmd(RANKS, "add_and_dot", |world| {
        let (xs, ys) = (four_ways(world, [9, 10]), four_ways(world, [9, 10]));
        let (x_serial, y_serial) = (numbered(&[9, 10], -20), numbered(&[9, 10], 3));
        for (x, y) in xs.iter().flat_map(|x| ys.iter().map(move |y| (x, y))) {
            load(x, &x_serial);
            load(y, &y_serial);
            let dot: i64 = x_serial.iter().zip(&y_serial).map(|(a, b)| a * b).sum();
            assert_eq!(x.dot(y).unwrap(), dot);
            let z = x.duplicate().unwrap();
            z.add(2, x, -3, y).unwrap();
            assert_eq!(all(&z), &x_serial * 2 - &y_serial * 3);
            z.sync().unwrap();
            x.add(5, x, 1, y).unwrap();
            assert_eq!(all(x), &x_serial * 5 + &y_serial);
            x.sync().unwrap();
            y.add(1, x, 1, y).unwrap();
            assert_eq!(all(y), &x_serial * 5 + &y_serial * 2);
            y.sync().unwrap();
        }
        for array in arrays::<f64>(world) {
            array.fill(0.5).unwrap();
            let bits = array.dot(&array).unwrap();
            assert_eq!(bits, 0.25 * array.len() as f64);
            array.add(1.0, &array, 3.0, &array).unwrap();
            assert!(all(&array).iter().all(|&v| v == 2.0));
            array.sync().unwrap();
        }
        let team = world.team();
        let waves = GlobalArray::<Complex64>::builder(&team, &[40]).create().unwrap();
        waves.fill(Complex64::new(1.0, 2.0)).unwrap();
        assert_eq!(waves.dot(&waves).unwrap(), Complex64::new(-120.0, 160.0), "not conjugated");
    });
}

#[test]
fn transpose_exchanges_the_axes() {
    spmd(RANKS, "transpose_exchanges_the_axes", |world| {
        for (n, m) in [(1, 1), (11, 14), (33, 70), (6, 0)] {
            let (sources, targets) = (four_ways(world, [n, m]), four_ways(world, [m, n]));
            let serial = numbered(&[n, m], 9);
            for (source, target) in sources.iter().flat_map(|s| targets.iter().map(move |t| (s, t))) {
                load(source, &serial);
                target.transpose_from(source).unwrap();
                assert_eq!(all(target), serial.t());
                target.sync().unwrap();
            }
        }
    });
}

#[test]
fn blocks_are_seen_and_changed_in_place() {
    spmd(RANKS, "blocks_are_seen_and_changed_in_place", |world| {
        let one_block = |array: &GlobalArray<i64>| array.distribution().is_one_block();
        for mut array in arrays::<i64>(world).into_iter().filter(one_block) {
            let serial = numbered(array.shape(), 0);
            load(&array, &serial);
            let mine = array.local_patch();
            let owns = array.distribution().len_of(world.rank()) > 0;
            array
                .with_local(|block| match owns {
                    true => assert_eq!(block, cut(&serial, &mine)),
                    false => assert!(block.is_empty()),
                })
                .unwrap();
            array.with_local_mut(|mut block| block.mapv_inplace(|v| 10 * v)).unwrap();
            assert_eq!(all(&array), &serial * 10);
            for rank in 0..world.size() {
                // SAFETY: nobody writes before the sync below.
                let Some(block) = (unsafe { array.block_view(rank) }) else {
                    assert_ne!(rank, world.rank(), "the own block is always there");
                    continue;
                };
                if array.distribution().len_of(rank) > 0 {
                    assert_eq!(block, cut(&serial, &array.distribution().block(rank)) * 10);
                }
            }
            array.sync().unwrap();
        }
    });
}

#[test]
fn arrays_that_do_not_match_are_refused() {
    spmd(&[2], "arrays_that_do_not_match_are_refused", |world| {
        let team = world.team();
        let other_team = team.subset(&[0, 1]).unwrap().unwrap();
        let make = |shape: &[usize]| GlobalArray::<f64>::builder(&team, shape).create().unwrap();
        let (a, b, c) = (make(&[4, 5]), make(&[5, 4]), make(&[4]));
        let foreign = GlobalArray::<f64>::builder(&other_team, &[4, 5]).create().unwrap();
        a.fill(1.0).unwrap();
        let refused = |result: ga_core::Result<()>, kind: ErrorKind, text: &str| {
            let error = result.unwrap_err();
            assert!(error.kind() == kind && error.to_string().contains(text), "{error:?}");
        };
        refused(a.copy_from(&b), ErrorKind::Shape, "shapes [4, 5] and [5, 4]");
        refused(a.add(1.0, &a, 1.0, &b), ErrorKind::Shape, "[5, 4]");
        refused(a.dot(&c).map(drop), ErrorKind::Shape, "[4]");
        refused(a.add(1.0, &a, 1.0, &foreign), ErrorKind::Team, "different teams of 2 and 2 ranks");
        let alone = |rank: usize| team.subset(&[rank]).unwrap();
        let mine = [alone(0), alone(1)].into_iter().flatten().next().unwrap();
        let single = GlobalArray::<f64>::builder(&mine, &[4, 5]).create().unwrap();
        single.fill(2.0).unwrap();
        single.copy_from(&a).unwrap();
        assert_eq!(all(&single), all(&a), "a team within another");
        refused(a.transpose_from(&c), ErrorKind::Shape, "[4, 5] from [4]");
        refused(make(&[3, 3]).transpose_from(&make(&[3, 2])), ErrorKind::Shape, "[3, 3] from [3, 2]");
        let square = make(&[3, 3]);
        refused(square.transpose_from(&square), ErrorKind::Shape, "the same array");
        assert_eq!(all(&a), ndarray::ArrayD::from_elem(IxDyn(&[4, 5]), 1.0), "nothing was written");
    });
}
