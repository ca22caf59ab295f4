//! Scans, packing, enumeration and bins on 1 to 4 ranks, against loops over a vector.

use crate::common::{RANKS, Random, all, load};
use ga_core::{Distribution, ErrorKind, GlobalArray};
use ndarray::Array1;
use rma::{Complex64, Element, World};
use std::ops::Range;
use tests::{Job, spmd};

const LEN: usize = 41;

/// Distributions of a vector: in blocks, cyclic, with empty blocks, on one rank.
fn distributions(ranks: usize) -> Vec<Distribution> {
    let starts: Vec<usize> = (0..ranks).map(|r| if r < 2 { 0 } else { 20 + r }).collect();
    vec![
        Distribution::regular(&[LEN], &[], ranks).unwrap(),
        Distribution::block_cyclic(&[LEN], &[3], ranks).unwrap(),
        Distribution::irregular(&[LEN], &[starts], ranks).unwrap(),
        Distribution::regular(&[LEN], &[], 1).unwrap().restricted(&[ranks - 1], ranks).unwrap(),
    ]
}

fn vector<T: Element>(world: &World, distribution: &Distribution, values: &[T]) -> GlobalArray<T> {
    let array =
        GlobalArray::builder(&world.team(), &[values.len()]).distribution(distribution).create().unwrap();
    load(&array, &Array1::from(values.to_vec()).into_dyn());
    array
}

/// Marks and ranges: sparse and dense ones, whole and partial ones, nothing marked, nothing in the range.
fn cases() -> Vec<(Vec<i32>, Range<usize>)> {
    let mut random = Random::new(5);
    let ranges = [0..LEN, 3..30, 20..21, 8..8, LEN - 5..LEN];
    let density = [1, 2, 9, 1000];
    let marks = |random: &mut Random, d: usize| (0..LEN).map(|_| -((random.below(d) == 0) as i32)).collect();
    ranges.iter().flat_map(|r| density.map(|d| (marks(&mut random, d), r.clone()))).collect()
}

fn check_scans(world: &World) {
    let source: Vec<i64> = (0..LEN as i64).map(|k| k * k - 7).collect();
    let old = vec![-1; LEN];
    for (d, distribution) in distributions(world.size()).iter().enumerate() {
        for (marks, range) in cases() {
            let target = vector(world, distribution, &old);
            let mask = vector(world, &distributions(world.size())[(d + 1) % 4], &marks);
            let from = vector(world, &distributions(world.size())[(d + 2) % 4], &source);
            let naive = |copies: bool, is_exclusive: bool| {
                let (mut expected, mut state) = (old.clone(), None);
                for i in range.clone() {
                    let before = state;
                    state = match (marks[i] != 0, copies) {
                        (true, _) => Some(source[i]),
                        (false, true) => state,
                        (false, false) => state.map(|sum: i64| sum + source[i]),
                    };
                    let shown = match (copies, is_exclusive) {
                        (true, _) => Some(state.unwrap_or(0)),
                        (false, false) => state,
                        (false, true) => {
                            if marks[i] != 0 {
                                Some(0)
                            } else {
                                before
                            }
                        }
                    };
                    expected[i] = shown.unwrap_or(expected[i]);
                }
                expected
            };
            target.scan_copy_from(&from, &mask, range.clone()).unwrap();
            assert_eq!(all(&target).as_slice().unwrap(), naive(true, false), "{marks:?} {range:?} {target}");
            for is_exclusive in [false, true] {
                target.sync().unwrap();
                load(&target, &Array1::from(old.clone()).into_dyn());
                target.scan_add_from(&from, &mask, range.clone(), is_exclusive).unwrap();
                let expected = naive(false, is_exclusive);
                assert_eq!(all(&target).as_slice().unwrap(), expected, "{marks:?} {range:?} {target}");
            }
            target.sync().unwrap();
        }
    }
}

#[test]
fn scans_agree_with_a_loop() {
    Job::new("scans_agree_with_a_loop").deadline(std::time::Duration::from_secs(120)).run(RANKS, check_scans);
    Job::new("scans between nodes").fake_nodes(2).run(&[2], check_scans);
}

#[test]
fn packing_and_unpacking_agree_with_a_loop() {
    spmd(RANKS, "packing_and_unpacking_agree_with_a_loop", |world| {
        let source: Vec<f64> = (0..LEN).map(|k| k as f64 + 0.5).collect();
        for (d, distribution) in distributions(world.size()).iter().enumerate() {
            for (marks, range) in cases() {
                let mask = vector(world, &distributions(world.size())[(d + 1) % 4], &marks);
                let from = vector(world, distribution, &source);
                let packed = vector(world, &distributions(world.size())[(d + 3) % 4], &[0.0; LEN]);
                let chosen: Vec<usize> = range.clone().filter(|&i| marks[i] != 0).collect();
                assert_eq!(packed.pack_from(&from, &mask, range.clone()).unwrap(), chosen.len());
                let mut expected = vec![0.0; LEN];
                chosen.iter().enumerate().for_each(|(k, &i)| expected[k] = source[i]);
                assert_eq!(all(&packed).as_slice().unwrap(), expected, "{marks:?} {range:?} {from}");
                let target = vector(world, distribution, &[-1.0; LEN]);
                assert_eq!(target.unpack_from(&packed, &mask, range.clone()).unwrap(), chosen.len());
                let mut expected = vec![-1.0; LEN];
                chosen.iter().for_each(|&i| expected[i] = source[i]);
                assert_eq!(all(&target).as_slice().unwrap(), expected, "{marks:?} {range:?} {target}");
                target.sync().unwrap();
            }
        }
        let short = GlobalArray::<f64>::builder(&world.team(), &[2]).create().unwrap();
        let regular = &distributions(world.size())[0];
        let (from, mask) = (vector(world, regular, &source), vector(world, regular, &[1_u8; LEN]));
        assert_eq!(short.pack_from(&from, &mask, 0..3).unwrap_err().kind(), ErrorKind::Range);
        assert_eq!(short.pack_from(&from, &mask, 0..LEN + 1).unwrap_err().kind(), ErrorKind::Range);
        assert_eq!(short.scan_copy_from(&from, &mask, 0..2).unwrap_err().kind(), ErrorKind::Shape);
    });
}

#[test]
fn enumeration_counts_from_the_start_of_the_range() {
    spmd(RANKS, "enumeration_counts_from_the_start_of_the_range", |world| {
        for distribution in distributions(world.size()) {
            let array = vector(world, &distribution, &[Complex64::default(); LEN]);
            let (start, step) = (Complex64::new(1.0, 2.0), Complex64::new(0.5, -1.0));
            array.enumerate(5..33, start, step).unwrap();
            for (i, &value) in all(&array).iter().enumerate() {
                let is_in = (5..33).contains(&i);
                let k = i as f64 - 5.0;
                assert_eq!(value, if is_in { start + step * k } else { Complex64::default() });
            }
            array.sync().unwrap();
            let numbers = vector(world, &distribution, &[0_i32; LEN]);
            numbers.enumerate(0..LEN, 7, -3).unwrap();
            assert!(all(&numbers).iter().enumerate().all(|(i, &v)| v == 7 - 3 * i as i32));
            numbers.sync().unwrap();
        }
    });
}

#[test]
fn bins_are_filled_and_sorted() {
    spmd(RANKS, "bins_are_filled_and_sorted", |world| {
        let (team, ranks) = (world.team(), world.size());
        let of = |rank: usize| -> Vec<(usize, i64)> {
            let mut random = Random::new(rank);
            (0..10).map(|_| (random.below(6), random.below(100) as i64)).collect()
        };
        let mut serial: Vec<Vec<i64>> = vec![Vec::new(); 6];
        (0..ranks).flat_map(of).for_each(|(bin, value)| serial[bin].push(value));
        let counts: Vec<i32> = serial.iter().map(|bin| bin.len() as i32).collect();
        let offsets: Vec<i32> = (0..6).map(|b| counts[..b].iter().sum()).collect();
        let six = Distribution::regular(&[6], &[], ranks).unwrap();
        let (g_offsets, g_counts) = (vector(world, &six, &offsets), vector(world, &six, &counts));
        let bins = GlobalArray::<i64>::builder(&team, &[10 * ranks]).create().unwrap();
        let (numbers, values): (Vec<usize>, Vec<i64>) = of(world.rank()).into_iter().unzip();
        bins.fill_bins(&g_offsets, &values, &numbers).unwrap();
        assert_eq!(all(&bins).as_slice().unwrap(), serial.concat());
        bins.sort_bins(&g_offsets, &g_counts).unwrap();
        serial.iter_mut().for_each(|bin| bin.sort());
        assert_eq!(all(&bins).as_slice().unwrap(), serial.concat());
        bins.sync().unwrap();
        assert_eq!(bins.fill_bins(&g_offsets, &[1], &[6]).unwrap_err().kind(), ErrorKind::Range);
        assert_eq!(bins.fill_bins(&g_offsets, &[], &[0]).unwrap_err().kind(), ErrorKind::Buffer);
    });
}
