//! Bad input: an error value with the numbers in it, and nothing written.

#![allow(missing_docs)]

use rma::{Complex64, ErrorKind, MutexSet, Op, Result, Segment, SignalUpdate, Strided, Vector, World};
use tests::{Job, everywhere};

const RANKS: &[usize] = &[1, 2, 3, 4];

#[track_caller]
fn refused<T>(result: Result<T>, kind: ErrorKind, numbers: &[&str]) {
    let Err(error) = result else { panic!("accepted") };
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    for number in numbers {
        assert!(text.contains(number), "{number} is missing in: {text}");
    }
}

#[test]
fn ranges_ranks_and_alignment_are_checked() {
    everywhere(RANKS, "ranges_ranks_and_alignment_are_checked", |world| {
        use ErrorKind::{Alignment, Range, Rank, Shape, Type};
        let segment = Segment::allocate_zeroed(&world.team(), 100).unwrap();
        let me = world.rank();
        refused(segment.put(world.size(), 0, &[1u8]), Rank, &[&world.size().to_string()]);
        refused(segment.put(me, 93, &[1.0]), Range, &["8 bytes", "offset 93", "100 bytes"]);
        refused(segment.put(me, usize::MAX, &[1.0]), Range, &["18446744073709551615"]);
        refused(segment.get(me, 101, &mut [0u8; 0]), Range, &["101"]);
        refused(segment.get(me, 0, &mut [0u8; 101]), Range, &["101", "100"]);
        refused(segment.put_nb(me, 96, vec![1.0]), Range, &["96"]);
        refused(segment.get_value::<f64>(me, 93), Range, &["93"]);
        refused(segment.accumulate(me, 96, &[1.0], 1.0), Range, &["96"]);
        refused(segment.accumulate(me, 4, &[1.0], 1.0), Alignment, &["4", "8 bytes"]);
        refused(segment.fetch_add(me, 4, 1i64), Alignment, &["4"]);
        refused(segment.fetch_add(me, 100, 1i32), Range, &["100"]);
        refused(segment.swap(world.size() + 5, 0, 1u64), Rank, &[]);
        refused(segment.compare_swap(me, 2, 1i32, 2), Alignment, &["2"]);
        refused(segment.put_signal(me, 0, &[1u8], 4, SignalUpdate::Set(1)), Alignment, &["4"]);
        refused(segment.put_signal(me, 0, &[1u8], 96, SignalUpdate::Set(1)), Range, &["96"]);
        refused(segment.wait_signal(96, rma::Compare::Equal(0)), Range, &["96"]);

        let shape = |counts, remote_strides, local_strides| Strided {
            counts,
            remote_strides,
            local_strides,
            local_offset: 0,
        };
        let ones = [1.0; 8];
        refused(segment.put_strided(me, 0, shape(&[8, 4], &[32], &[8]), &ones), Range, &["104", "100"]);
        refused(segment.put_strided(me, 0, shape(&[8, 4], &[-16], &[8]), &ones), Range, &["48"]);
        refused(segment.put_strided(me, 0, shape(&[8, 2], &[16], &[64]), &ones), Range, &["64"]);
        refused(segment.put_strided(me, 0, shape(&[8, 2], &[16], &[-8]), &ones), Range, &[]);
        refused(segment.put_strided(me, 0, shape(&[8, 2], &[16, 3], &[8]), &ones), Shape, &["2"]);
        refused(segment.put_strided(me, 0, shape(&[], &[], &[]), &ones), Shape, &["0"]);
        refused(segment.put_strided(me, 0, shape(&[4, 2], &[16], &[8]), &ones), Shape, &["4", "8 bytes"]);
        refused(
            segment.put_strided(me, 0, shape(&[8, usize::MAX], &[isize::MAX], &[0]), &ones),
            Range,
            &["overflow"],
        );
        refused(
            segment.accumulate_strided(me, 0, shape(&[8, 2], &[12], &[8]), &ones, 1.0),
            Alignment,
            &["8 bytes"],
        );
        refused(segment.get_strided(me, 0, shape(&[1; 10], &[1; 9], &[1; 9]), &mut [0u8; 9]), Shape, &["10"]);

        let runs = |remote, local| Vector { remote, local, len_bytes: 8 };
        refused(segment.put_vector(me, runs(&[0, 8], &[0]), &ones), Shape, &["2", "1"]);
        refused(segment.put_vector(me, runs(&[0, 96], &[0, 8]), &ones), Range, &["96"]);
        refused(segment.put_vector(me, runs(&[0, 8], &[0, 64]), &ones), Range, &["64"]);
        refused(segment.put_vector(me, runs(&[0], &[4]), &ones), Range, &["4"]);
        refused(segment.accumulate_vector(me, runs(&[4], &[0]), &ones, 1.0), Alignment, &["4"]);

        refused(world.team().allreduce(&mut [Complex64::default()], Op::Max), Type, &["complex128", "max"]);
        refused(world.team().broadcast(&mut [1u8], world.size()), Rank, &[]);
        refused(world.team().subset(&[0, 0]), Rank, &["twice"]);
        refused(world.team().subset(&[world.size()]), Rank, &[]);
        refused(world.fence(world.size()), Rank, &[]);
        refused(world.team().alltoallv(&vec![vec![1u8]; world.size() + 1]), Shape, &[]);
        if world.size() > 1 {
            refused(world.team().alltoall(&vec![1u8; world.size() + 1]), Shape, &[]);
        }

        refused(MutexSet::create(&world.team(), usize::MAX / 2), ErrorKind::Memory, &[]);
        let set = MutexSet::create(&world.team(), 2).unwrap();
        refused(set.lock(0, 2), Range, &["2"]);
        refused(set.lock(world.size(), 0), Rank, &[]);
        refused(set.unlock(me, 0), ErrorKind::Foreign, &["nobody"]);
        set.lock(me, 1).unwrap();
        refused(set.lock(me, 1), ErrorKind::Foreign, &["already"]);
        set.unlock(me, 1).unwrap();

        // Two is no bool.
        segment.put(me, 50, &[2u8]).unwrap();
        let mut flags = [true; 3];
        refused(segment.get(me, 49, &mut flags), Type, &["bool"]);
        refused(segment.get_nb(me, 50, vec![true; 3]).unwrap().wait(), Type, &["bool"]);
        let rows = shape(&[1, 2], &[1], &[1]);
        refused(segment.get_strided_nb(me, 50, rows, vec![true; 2]).unwrap().wait(), Type, &["bool"]);
        segment.put(me, 50, &[0u8]).unwrap();
        let mut all = [1u8; 100];
        segment.get(me, 0, &mut all).unwrap();
        assert_eq!(all, [0; 100], "nothing was written");
    });
}

#[test]
fn stale_handles_are_refused() {
    everywhere(RANKS, "stale_handles_are_refused", |world| {
        let segment = Segment::allocate_zeroed(&world.team(), 64).unwrap();
        let stale = segment.clone();
        segment.free().unwrap();
        refused(stale.put(0, 0, &[1u8]), ErrorKind::Foreign, &["freed"]);
        refused(stale.fetch_add(0, 0, 1u64), ErrorKind::Foreign, &["freed"]);
        refused(stale.free(), ErrorKind::Foreign, &["freed"]);
        let set = MutexSet::create(&world.team(), 1).unwrap();
        let stale = set.clone();
        set.free().unwrap();
        refused(stale.lock(0, 0), ErrorKind::Foreign, &["freed"]);
    });
}

#[test]
fn nothing_works_after_finalize() {
    everywhere(RANKS, "nothing_works_after_finalize", |world| {
        use ErrorKind::Finalized;
        let segment = Segment::allocate_zeroed(&world.team(), 64).unwrap();
        let set = MutexSet::create(&world.team(), 1).unwrap();
        let team = world.team();
        world.finalize().unwrap();
        refused(segment.put(0, 0, &[1u8]), Finalized, &[]);
        refused(segment.get(0, 0, &mut [1u8]), Finalized, &[]);
        refused(segment.accumulate(0, 0, &[1.0], 1.0), Finalized, &[]);
        refused(segment.fetch_add(0, 0, 1u64), Finalized, &[]);
        refused(segment.wait_signal(0, rma::Compare::Equal(0)), Finalized, &[]);
        refused(set.lock(0, 0), Finalized, &[]);
        refused(team.barrier(), Finalized, &[]);
        refused(team.sync(), Finalized, &[]);
        refused(team.allreduce(&mut [1.0], Op::Sum), Finalized, &[]);
        refused(team.split(None, 0), Finalized, &[]);
        refused(Segment::allocate(&team, 8), Finalized, &[]);
        refused(segment.free(), Finalized, &[]);
        refused(world.fence(0), Finalized, &[]);
        refused(World::init(), Finalized, &[]);
    });
}

/// Rank 0 calls one thing, the others another: an error that names both on every rank, and the job can go on.
#[test]
fn different_collectives_are_told_apart() {
    let job = Job::new("different_collectives_are_told_apart").env("GAIN_CHECK", "1");
    job.everywhere(&[2, 3, 4], |world| {
        use ErrorKind::Mismatch;
        let team = world.team();
        let odd = world.rank() == 0;
        let call = if odd { team.barrier() } else { team.allreduce(&mut [1.0; 3], Op::Sum) };
        refused(call, Mismatch, &["barrier(", "allreduce(sum, float64, count 3", "misuse.rs:"]);
        refused(
            team.allreduce(&mut vec![1.0; 2 + world.rank().min(1)], Op::Sum),
            Mismatch,
            &["count 2", "count 3"],
        );
        refused(
            team.allreduce(&mut vec![1.0; 9000 + world.rank().min(1)], Op::Sum),
            Mismatch,
            &["count 9000", "count 9001"],
        );
        let call =
            if odd { team.allreduce(&mut [1i64], Op::Sum) } else { team.allreduce(&mut [1f64], Op::Sum) };
        refused(call, Mismatch, &["int64", "float64"]);
        refused(team.allreduce(&mut [1], if odd { Op::Min } else { Op::Max }), Mismatch, &["min", "max"]);
        refused(team.broadcast(&mut [1], world.rank().min(1)), Mismatch, &["root 0", "root 1"]);
        refused(team.allgather(&vec![1u16; 4 + world.rank().min(1)]), Mismatch, &["count 4", "count 5"]);
        let call = if odd { Segment::allocate(&team, 8).map(drop) } else { team.sync() };
        refused(call, Mismatch, &["allocate", "sync"]);
        let call = if odd { team.split(None, 0).map(drop) } else { team.scan(&mut [1], Op::Sum) };
        refused(call, Mismatch, &["split", "scan"]);
        let (one, other) = (Segment::allocate(&team, 8).unwrap(), Segment::allocate(&team, 8).unwrap());
        refused(if odd { one.clone() } else { other.clone() }.free(), Mismatch, &["free"]);
        one.put_value(0, 0, 1u8).unwrap();
        one.free().unwrap();
        other.free().unwrap();
        assert_eq!(team.allgather(&[world.rank()]).unwrap(), (0..world.size()).collect::<Vec<_>>());
    });
}

/// One rank alone gives a wrong argument: it is told what is wrong, the others whose call differs, and the job can go on.
#[test]
fn a_wrong_argument_on_one_rank_leaves_nobody_waiting() {
    everywhere(&[2, 3, 4], "a_wrong_argument_on_one_rank_leaves_nobody_waiting", |world| {
        use ErrorKind::{Mismatch, Rank, Shape, Type};
        let (team, size) = (world.team(), world.size());
        let odd = world.rank() + 1 == size;
        let root = if odd { size + 7 } else { 0 };
        let (kind, number) =
            if odd { (Rank, (size + 7).to_string()) } else { (Mismatch, format!("root {}", size + 7)) };
        let numbers = &[&number[..]];
        refused(team.broadcast(&mut [1u8], root), kind, numbers);
        refused(team.broadcast(&mut vec![1u8; 100_000], root), kind, numbers);
        refused(team.reduce(&mut [1.0], Op::Sum, root), kind, numbers);
        refused(team.reduce_with(&mut [1.0; 9], f64::max, root), kind, numbers);
        refused(team.gather(&[1u8], root), kind, numbers);
        refused(team.gatherv(&[1u8], root), kind, numbers);
        refused(team.scatter(&vec![1u8; size], root), kind, numbers);
        // A number whose low half is a rank is no rank either.
        refused(team.broadcast(&mut [1u8], if odd { 1 << 32 } else { 0 }), kind, &[]);

        let kind = if odd { Type } else { Mismatch };
        refused(team.allreduce(&mut [1.0], if odd { Op::Xor } else { Op::Sum }), kind, &["xor"]);
        let kind = if odd { Shape } else { Mismatch };
        refused(team.alltoallv(&vec![vec![1u8]; if odd { 0 } else { size }]), kind, &[]);
        refused(team.alltoall(&vec![1u8; if odd { size + 1 } else { size }]), Mismatch, &["alltoall"]);
        let kind = if odd { Rank } else { Mismatch };
        refused(team.subset(if odd { &[0, 9] } else { &[0, 1] }), kind, &[]);
        refused(team.subset(if odd { &[0, 0] } else { &[0, 1] }), kind, &[]);
        // Good lists, but not the same.
        refused(team.subset(if odd { &[1, 0] } else { &[0, 1] }), Mismatch, &["subset"]);
        assert_eq!(team.allgather(&[world.rank()]).unwrap(), (0..size).collect::<Vec<_>>());
    });
}
