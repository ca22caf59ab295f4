//! Every collective against the naive serial version, on 1 to 4 ranks, on one node and on several, for every element type and for lengths that take each
//! of the ways: words of the meeting, small outbox, pieces of the large one.

#![allow(missing_docs)]

use rma::{Complex32, Complex64, Element, ErrorKind, Op, Plain, Reducible, Team, World};
use tests::everywhere;

const RANKS: &[usize] = &[1, 2, 3, 4];
const LENGTHS: &[usize] = &[0, 1, 5, 6, 900, 7000, 40_001];

/// The long ones for a few types only.
fn lengths<T: Element>() -> &'static [usize] {
    let is_first = ["bool", "float64", "complex128"].contains(&T::DTYPE.name());
    if is_first { LENGTHS } else { &LENGTHS[..5] }
}

/// Small values, so that floating-point results are exact in any order.
fn value<T: Element>(number: u8) -> T {
    let bytes: Vec<u8> = match T::DTYPE.name() {
        "bool" => vec![number % 2],
        "float32" => f32::from(number).to_ne_bytes().to_vec(),
        "float64" => f64::from(number).to_ne_bytes().to_vec(),
        "complex64" => [f32::from(number), 1.0].map(f32::to_ne_bytes).concat(),
        "complex128" => [f64::from(number), 1.0].map(f64::to_ne_bytes).concat(),
        _ => {
            let mut bytes = vec![0; size_of::<T>()];
            bytes[0] = number;
            bytes
        }
    };
    bytemuck::checked::pod_read_unaligned(&bytes)
}

fn share<T: Element>(rank: usize, len: usize) -> Vec<T> {
    let values = [1, 2, 3, 4, 5].map(value::<T>);
    (0..len).map(|index| values[(rank * 7 + index * 3) % 5]).collect()
}

/// The naive serial reduction of the ranks' shares.
fn folded<T: Reducible>(ranks: std::ops::Range<usize>, len: usize, op: Op) -> Vec<T> {
    let first = share::<T>(ranks.start, len);
    ranks.skip(1).fold(first, |acc, rank| {
        acc.into_iter().zip(share::<T>(rank, len)).map(|(a, b)| T::combine(op, a, b)).collect()
    })
}

fn reductions<T: Reducible>(team: &Team) {
    let (me, size) = (team.rank(), team.size());
    let ops = [Op::Sum, Op::Prod, Op::Min, Op::Max, Op::And, Op::Or, Op::Xor];
    for op in ops.into_iter().filter(|op| T::has(*op)) {
        for &len in lengths::<T>().iter().filter(|len| **len < 100 || matches!(op, Op::Sum | Op::Or)) {
            let context = format!("{} {op:?} {len}", T::DTYPE);
            let mut all = share::<T>(me, len);
            team.allreduce(&mut all, op).unwrap();
            assert_eq!(all, folded(0..size, len, op), "allreduce {context}");
            let mut with = share::<T>(me, len);
            team.allreduce_with(&mut with, |a, b| T::combine(op, a, b)).unwrap();
            assert_eq!(with, all, "allreduce_with {context}");
            let root = len % size;
            let mut at_root = share::<T>(me, len);
            team.reduce(&mut at_root, op, root).unwrap();
            assert_eq!(at_root, if me == root { all } else { share(me, len) }, "reduce {context}");
            let mut prefix = share::<T>(me, len);
            team.scan(&mut prefix, op).unwrap();
            assert_eq!(prefix, folded(0..me + 1, len, op), "scan {context}");
            let mut before = share::<T>(me, len);
            team.exclusive_scan(&mut before, op).unwrap();
            assert_eq!(
                before,
                if me == 0 { share(0, len) } else { folded(0..me, len, op) },
                "exclusive_scan {context}"
            );
        }
    }
    for op in ops.into_iter().filter(|op| !T::has(*op)) {
        assert_eq!(team.allreduce(&mut share::<T>(me, 3), op).unwrap_err().kind(), ErrorKind::Type);
    }
}

fn moves<T: Element>(team: &Team) {
    let (me, size) = (team.rank(), team.size());
    for &len in lengths::<T>() {
        let context = format!("{} {len}", T::DTYPE);
        let root = (len + 1) % size;
        let mut data = share::<T>(me, len);
        team.broadcast(&mut data, root).unwrap();
        assert_eq!(data, share(root, len), "broadcast {context}");
        let all: Vec<T> = (0..size).flat_map(|rank| share(rank, len)).collect();
        assert_eq!(team.allgather(&share::<T>(me, len)).unwrap(), all, "allgather {context}");
        let gathered = team.gather(&share::<T>(me, len), root).unwrap();
        assert_eq!(gathered, if me == root { all } else { Vec::new() }, "gather {context}");
        // Lengths of their own: rank r has r times len.
        let uneven: Vec<Vec<T>> = (0..size).map(|rank| share(rank, rank * len)).collect();
        assert_eq!(team.allgatherv(&uneven[me]).unwrap(), uneven, "allgatherv {context}");
        let gathered = team.gatherv(&uneven[me], root).unwrap();
        let expected: Vec<Vec<T>> = if me == root { uneven } else { vec![Vec::new(); size] };
        assert_eq!(gathered, expected, "gatherv {context}");
        // Part r of rank s is share(s * size + r).
        let parts =
            |from: usize| (0..size).flat_map(move |to| share::<T>(from * size + to, len)).collect::<Vec<T>>();
        let scattered = team.scatter(&if me == root { parts(root) } else { Vec::new() }, root).unwrap();
        assert_eq!(scattered, share(root * size + me, len), "scatter {context}");
        let exchanged: Vec<T> = (0..size).flat_map(|from| share(from * size + me, len)).collect();
        assert_eq!(team.alltoall(&parts(me)).unwrap(), exchanged, "alltoall {context}");
        let block = |from: usize, to: usize| share::<T>(from * size + to, (from + 2 * to) * len / 4);
        let blocks: Vec<Vec<T>> = (0..size).map(|to| block(me, to)).collect();
        let expected: Vec<Vec<T>> = (0..size).map(|from| block(from, me)).collect();
        assert_eq!(team.alltoallv(&blocks).unwrap(), expected, "alltoallv {context}");
    }
}

macro_rules! for_every_type {
    ($check:ident, $team:expr) => {{
        $check::<bool>($team);
        $check::<i8>($team);
        $check::<i16>($team);
        $check::<i32>($team);
        $check::<i64>($team);
        $check::<u8>($team);
        $check::<u16>($team);
        $check::<u32>($team);
        $check::<u64>($team);
        $check::<f32>($team);
        $check::<f64>($team);
        $check::<Complex32>($team);
        $check::<Complex64>($team);
    }};
}

#[test]
fn reductions_are_those_of_the_serial_program() {
    everywhere(RANKS, "reductions_are_those_of_the_serial_program", |world| {
        for_every_type!(reductions, &world.team())
    });
}

#[test]
fn data_arrives_where_the_serial_program_puts_it() {
    everywhere(RANKS, "data_arrives_where_the_serial_program_puts_it", |world| {
        for_every_type!(moves, &world.team())
    });
}

/// Sums whose rounding depends on the order: compared bit by bit between the ranks.
#[test]
fn allreduce_is_bitwise_the_same_everywhere() {
    everywhere(RANKS, "allreduce_is_bitwise_the_same_everywhere", |world| {
        let team = world.team();
        for &len in LENGTHS {
            let mut data: Vec<f64> =
                (0..len).map(|i| ((i * 37 + world.rank() * 11) as f64).sin() * 1e3).collect();
            team.allreduce(&mut data, Op::Sum).unwrap();
            let bits: Vec<u64> = data.iter().map(|x| x.to_bits()).collect();
            let mut of_root = bits.clone();
            team.broadcast(&mut of_root, 0).unwrap();
            assert_eq!(bits, of_root, "length {len}");
        }
    });
}

/// What a team with one member on each node makes of numbers whose sums are all rounded differently: neighbours in pairs, then
/// pairs of pairs; ranks beyond a power of two are added to the one before them first.
fn tree(parts: &[f64], f: impl Fn(f64, f64) -> f64 + Copy) -> f64 {
    let guests = parts.len() - (1 << parts.len().ilog2());
    let (paired, alone) = parts.split_at(2 * guests);
    let mut level: Vec<f64> =
        paired.chunks(2).map(|pair| f(pair[0], pair[1])).chain(alone.to_vec()).collect();
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| f(pair[0], pair[1])).collect();
    }
    level[0]
}

/// Short and long ways, one piece and several, all roots, one after another without anything between: the next call begins while the last
/// one is still on its way elsewhere.
#[test]
fn leaders_of_nodes_combine_in_one_tree_and_pass_on_in_another() {
    let name = "leaders_of_nodes_combine_in_one_tree_and_pass_on_in_another";
    everywhere(&[2, 3, 4, 5, 7], name, |world| {
        let (me, size, team) = (world.rank(), world.size(), world.team());
        let is_alone = size > 1 && team.allgather(&[world.node_team().size()]).unwrap() == vec![1; size];
        let value = |rank: usize, i: usize| ((i * 37 + rank * 11) as f64).sin() * 1e3;
        let parts = |i: usize| (0..size).map(move |rank| value(rank, i)).collect::<Vec<f64>>();
        let not_commutative = |a: f64, b: f64| 0.5 * a + b;
        for len in [6, 7, 500, 1100, 4096, 4097, 40_001, 6] {
            let mine: Vec<f64> = (0..len).map(|i| value(me, i)).collect();
            let (mut sum, mut user) = (mine.clone(), mine.clone());
            team.allreduce(&mut sum, Op::Sum).unwrap();
            let mut at_root = mine.clone();
            team.reduce(&mut at_root, Op::Sum, len % size).unwrap();
            team.allreduce_with(&mut user, not_commutative).unwrap();
            for root in 0..size {
                let mut data = mine.clone();
                team.broadcast(&mut data, root).unwrap();
                assert!((0..len).all(|i| data[i] == value(root, i)), "broadcast of {len} from {root}");
            }
            assert!(me == len % size || at_root == mine, "only the root's data may change");
            if is_alone {
                let is_tree = |(i, x): (usize, &f64)| x.to_bits() == tree(&parts(i), |a, b| a + b).to_bits();
                assert!(sum.iter().enumerate().all(is_tree), "allreduce {len}");
                assert!(me != len % size || len * 8 > 32 << 10 || at_root == sum, "reduce {len}");
                let is_tree =
                    |(i, x): (usize, &f64)| x.to_bits() == tree(&parts(i), not_commutative).to_bits();
                assert!(user.iter().enumerate().all(is_tree), "allreduce_with {len}");
            }
            let is_close = |(i, x): (usize, &f64)| (x - parts(i).iter().sum::<f64>()).abs() < 1e-9;
            assert!(sum.iter().enumerate().all(is_close), "allreduce {len}");
        }
    });
}

#[test]
fn a_nan_wins_minimum_and_maximum() {
    everywhere(RANKS, "a_nan_wins_minimum_and_maximum", |world| {
        for op in [Op::Min, Op::Max] {
            let mut data = [if world.rank() == world.size() / 2 { f64::NAN } else { 1.0 }];
            world.team().allreduce(&mut data, op).unwrap();
            assert!(data[0].is_nan());
        }
    });
}

/// A plain type that is no element, and a function that isn't commutative: composition of affine maps x -> a x + b (mod p).
#[test]
fn users_types_and_functions() {
    #[derive(Clone, Copy, PartialEq, Debug)]
    #[repr(C)]
    struct Affine {
        a: u64,
        b: u64,
    }
    // SAFETY: two u64 in a row: no padding.
    unsafe impl bytemuck::NoUninit for Affine {}
    // SAFETY: all zeros are two zeros.
    unsafe impl bytemuck::Zeroable for Affine {}
    // SAFETY: any bytes are two u64.
    unsafe impl bytemuck::AnyBitPattern for Affine {}
    fn is_plain<T: Plain>() {}
    is_plain::<Affine>();
    const P: u64 = 1_000_003;
    let after = |f: Affine, g: Affine| Affine { a: f.a * g.a % P, b: (g.a * f.b + g.b) % P };
    let map = |rank: usize, i: usize| Affine { a: (rank + i + 2) as u64, b: (3 * rank + i) as u64 };
    everywhere(RANKS, "users_types_and_functions", |world| {
        let (me, size) = (world.rank(), world.size());
        for &len in LENGTHS {
            let mut data: Vec<Affine> = (0..len).map(|i| map(me, i)).collect();
            world.team().allreduce_with(&mut data, after).unwrap();
            let expected = |i| (1..size).fold(map(0, i), |f, rank| after(f, map(rank, i)));
            assert!(data.iter().enumerate().all(|(i, f)| *f == expected(i)), "allreduce_with {len}");
            let mut scanned: Vec<Affine> = (0..len).map(|i| map(me, i)).collect();
            world.team().scan_with(&mut scanned, after).unwrap();
            let expected = |i| (1..me + 1).fold(map(0, i), |f, rank| after(f, map(rank, i)));
            assert!(scanned.iter().enumerate().all(|(i, f)| *f == expected(i)), "scan_with {len}");
        }
    });
}

#[test]
fn synchronisations_are_counted_alike() {
    everywhere(RANKS, "synchronisations_are_counted_alike", |world: &World| {
        let team = world.team();
        let start = team.epoch();
        team.barrier().unwrap();
        team.sync().unwrap();
        team.allreduce(&mut [1.0], Op::Sum).unwrap();
        team.allgather(&[1u8]).unwrap();
        team.allgatherv(&[1u8]).unwrap();
        team.alltoall(&vec![1u8; team.size()]).unwrap();
        team.alltoallv(&vec![vec![1u8]; team.size()]).unwrap();
        team.broadcast(&mut [1u8], 0).unwrap();
        assert_eq!(team.epoch(), start + 7, "broadcast is no full synchronisation, the others are");
    });
}

/// Deterministic noise, the same on all ranks.
fn noise(seed: &mut u64, bound: usize) -> usize {
    *seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    (*seed >> 33) as usize % bound
}

/// Some of the ranks in some order: members of a node are anywhere in the team.
#[test]
fn teams_of_any_ranks_in_any_order() {
    everywhere(&[2, 3, 4], "teams_of_any_ranks_in_any_order", |world| {
        for seed in 0..3 {
            let seed = &mut (seed + 1);
            let mut list: Vec<usize> = (0..world.size()).collect();
            (1..list.len()).rev().for_each(|last| list.swap(last, noise(seed, last + 1)));
            list.truncate(1 + noise(seed, list.len()) + usize::from(*seed % 3 > 0));
            let team = world.team().subset(&list).unwrap();
            let colour = (noise(seed, world.size()) <= world.rank()) as u32;
            let half =
                world.team().split(Some(colour), noise(seed, 2) as i64 * -(world.rank() as i64)).unwrap();
            for team in [team, half].iter().flatten() {
                reductions::<bool>(team);
                reductions::<i16>(team);
                moves::<f64>(team);
                in_rank_order(team);
            }
        }
        world.barrier().unwrap();
    });
}

/// A function that doesn't commute: of two elements the left one's first half and the right one's second.
fn in_rank_order(team: &Team) {
    let (me, size) = (team.rank() as u64, team.size() as u64);
    let ends = |a: u64, b: u64| a & 0xffff_ffff | b >> 32 << 32;
    for len in [1, 5, 6, 2000, 70_000] {
        let mine: Vec<u64> = (0..len).map(|index| (me * len + index) << 32 | (me * 7 + index)).collect();
        let mut data = mine.clone();
        team.allreduce_with(&mut data, ends).unwrap();
        let last = size - 1;
        let expected = |index: u64| (last * len + index) << 32 | index;
        assert!((0..len).all(|index| data[index as usize] == expected(index)), "allreduce_with {len}");
        let mut at_root = mine.clone();
        let root = len % size;
        team.reduce_with(&mut at_root, ends, root as usize).unwrap();
        assert_eq!(at_root, if me == root { data } else { mine }, "reduce_with {len}");
    }
}

/// Two fit an outbox, so four members take turns.
#[test]
fn all_to_all_of_elements_of_which_not_one_per_member_fits() {
    type Large = [u64; 12_000];
    everywhere(RANKS, "all_to_all_of_elements_of_which_not_one_per_member_fits", |world| {
        let (team, me, size) = (world.team(), world.rank(), world.size());
        let element = |from: usize, to: usize, index: usize| -> Large {
            [(from * 100 + to * 10 + index) as u64; 12_000]
        };
        let blocks = |from: usize| (0..size).flat_map(move |to| [element(from, to, 0), element(from, to, 1)]);
        let expected: Vec<Large> =
            (0..size).flat_map(|from| [element(from, me, 0), element(from, me, 1)]).collect();
        assert!(team.alltoall(&blocks(me).collect::<Vec<Large>>()).unwrap() == expected);
        let block = |from: usize, to: usize| vec![element(from, to, 0); (from + to) % 3];
        let uneven: Vec<Vec<Large>> = (0..size).map(|to| block(me, to)).collect();
        let expected: Vec<Vec<Large>> = (0..size).map(|from| block(from, me)).collect();
        assert!(team.alltoallv(&uneven).unwrap() == expected);
    });
}

fn small_ones(world: &World) {
    let team = world.team();
    reductions::<f64>(&team);
    reductions::<i16>(&team);
    moves::<i16>(&team);
    let (me, size) = (team.rank(), team.size());
    // In rank order, with an operation that isn't commutative.
    let join = |[a, n]: [u64; 2], [b, m]: [u64; 2]| [a * 10u64.pow(m as u32) + b, n + m];
    let whole = (1..=size as u64).fold(0, |line, digit| line * 10 + digit);
    let mut digits = [[me as u64 + 1, 1]];
    team.allreduce_with(&mut digits, join).unwrap();
    assert_eq!(digits, [[whole, size as u64]]);
    // Who differs is found by all, whoever it is.
    for odd in 0..size {
        let mut one = [1u64];
        let outcome = if me == odd { team.barrier() } else { team.allreduce(&mut one, Op::Sum) };
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Mismatch);
        assert_eq!(one, [1]);
    }
    for _ in 0..50 {
        let mut ones = [1u64, me as u64];
        team.allreduce(&mut ones, Op::Sum).unwrap();
        assert_eq!(ones, [size as u64, (size * (size - 1) / 2) as u64]);
    }
}

/// What the many members of a large node do, whatever this machine has.
#[test]
fn members_that_meet_in_rounds_get_the_same() {
    let job = tests::Job::new("members_that_meet_in_rounds_get_the_same").env("GAIN_MEETINGS", "rounds");
    job.run(&[2, 3, 5], small_ones);
}

/// What a team of very many does, whatever its size.
#[test]
fn few_words_that_go_by_nodes_give_the_same() {
    let job = tests::Job::new("few_words_that_go_by_nodes_give_the_same").env("GAIN_MEETINGS", "tree");
    job.fake_nodes(2).over("ofi").run(&[2, 3, 5], small_ones);
}
