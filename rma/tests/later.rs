//! Non-blocking collectives and waits for several signals, inside a node and between nodes.

#![allow(missing_docs)]

use rma::{Compare, ErrorKind, Op, Pending, Segment, SignalUpdate, Team};
use std::time::Duration;
use tests::{Job, everywhere};

/// A number of rank, collective and element.
fn number(rank: usize, which: usize, index: usize) -> i64 {
    (rank as i64 + 1) * 1_000_003 + which as i64 * 7919 + index as i64 * 31
}

fn numbers(rank: usize, which: usize, len: usize) -> Vec<i64> {
    (0..len).map(|index| number(rank, which, index)).collect()
}

/// Many collectives at once on one team, waited for in another order. Oracle: arithmetic on everybody's numbers.
fn many(team: &Team, len: usize) {
    let (me, size) = (team.rank(), team.size());
    let root = |which: usize| which % size;
    let mut pending: Vec<(usize, Pending<Vec<i64>>)> = Vec::new();
    let mut barriers = Vec::new();
    const COUNT: usize = 20;
    for which in 0..COUNT {
        let mine = numbers(me, which, len);
        pending.push((
            which,
            match which % 5 {
                0 => team.ibroadcast(mine, root(which)),
                1 => team.ireduce(mine, Op::Sum, root(which)),
                2 => team.iallreduce(mine, Op::Max),
                3 => team.iallgather(mine),
                _ => team.ialltoall(numbers(me, which, len * size)),
            }
            .unwrap(),
        ));
        if which % 4 == 0 {
            barriers.push(team.ibarrier().unwrap());
        }
    }
    // Each member in an order of its own.
    pending.rotate_left(3 * me % COUNT);
    if me % 2 == 1 {
        pending.reverse();
    }
    for (which, request) in pending {
        if which % 3 == 0 {
            while !request.test().unwrap() {
                std::thread::yield_now();
            }
        }
        let result = request.wait().unwrap();
        let expected: Vec<i64> = match which % 5 {
            0 => numbers(root(which), which, len),
            1 if me != root(which) => Vec::new(),
            1 => (0..len).map(|index| (0..size).map(|rank| number(rank, which, index)).sum()).collect(),
            2 => numbers(size - 1, which, len),
            3 => (0..size).flat_map(|rank| numbers(rank, which, len)).collect(),
            _ => (0..size)
                .flat_map(|rank| numbers(rank, which, len * size)[me * len..(me + 1) * len].to_vec())
                .collect(),
        };
        assert!(result == expected, "collective {which} of {len} on {size}");
    }
    barriers.into_iter().for_each(|barrier| barrier.wait().unwrap());
}

#[test]
fn many_collectives_are_under_way_at_once() {
    everywhere(&[1, 2, 3, 4], "many_collectives_are_under_way_at_once", |world| {
        let team = world.team();
        [0, 1, 50, 3000].into_iter().for_each(|len| many(&team, len));
        // Parts, in two orders of ranks, together with the team of all.
        let part = team.split(Some(world.rank() as u32 % 2), -(world.rank() as i64)).unwrap().unwrap();
        let around = team.iallreduce(vec![world.rank() as u64], Op::Sum).unwrap();
        many(&part, 7);
        many(&world.node_team(), 7);
        let sum = (0..world.size() as u64).sum::<u64>();
        assert_eq!(around.wait().unwrap(), [sum]);
        drop(part);
        world.sync().unwrap();
    });
}

/// Oracle: a barrier that a member has not begun is not over.
#[test]
fn a_barrier_waits_for_all_and_nobody_waits_to_begin() {
    everywhere(&[2, 3], "a_barrier_waits_for_all_and_nobody_waits_to_begin", |world| {
        let team = world.team();
        let segment = Segment::allocate_zeroed(&team, 64).unwrap();
        let (me, size) = (world.rank(), world.size());
        if me == size - 1 {
            // The others have begun theirs, and looked at them.
            segment.wait_signal(0, Compare::AtLeast(size as u64 - 1)).unwrap();
            team.ibarrier().unwrap().wait().unwrap();
        } else {
            let barrier = team.ibarrier().unwrap();
            for _ in 0..100 {
                assert!(!barrier.test().unwrap());
            }
            segment.put_signal(size - 1, 8, &[] as &[u8], 0, SignalUpdate::Add(1)).unwrap();
            barrier.wait().unwrap();
        }
        // What is dropped goes on.
        drop(team.iallreduce(vec![1i32; 10], Op::Sum).unwrap());
        let sum = team.iallreduce(vec![me as u64], Op::Sum).unwrap().wait().unwrap();
        assert_eq!(sum, [(0..size as u64).sum::<u64>()]);
        world.barrier().unwrap();
        segment.free().unwrap();
    });
}

#[test]
fn what_differs_is_an_error() {
    everywhere(&[2], "what_differs_is_an_error", |world| {
        let team = world.team();
        let length = 3 + world.rank();
        let error = team.iallreduce(vec![0.5; length], Op::Sum).unwrap().wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
        assert_eq!(team.iallreduce(vec![0.5], Op::Xor).unwrap_err().kind(), ErrorKind::Type);
        assert_eq!(team.ibroadcast(vec![0.5], 2).unwrap_err().kind(), ErrorKind::Rank);
        assert_eq!(team.ialltoall(vec![0u8; 3]).unwrap_err().kind(), ErrorKind::Shape);
        assert_eq!(team.iallgather(vec![world.rank()]).unwrap().wait().unwrap(), [0, 1]);
        world.barrier().unwrap();
    });
}

fn dead_member(job: Job) {
    let outcome = job.deadline(Duration::from_secs(20)).outcome(3, |world| {
        world.team().ibarrier().unwrap().wait().unwrap();
        world.barrier().unwrap();
        if world.rank() == 1 {
            std::process::exit(0);
        }
        let error = world.team().iallreduce(vec![1u8], Op::Sum).and_then(Pending::wait).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Died, "{error}");
        eprintln!("told: {error}");
        std::process::exit(0);
    });
    outcome.expect_survivors("told: ");
}

#[test]
fn a_member_that_is_gone_ends_the_wait() {
    dead_member(Job::new("a_member_that_is_gone_ends_the_wait"));
}

#[test]
fn a_member_that_is_gone_elsewhere_ends_the_wait() {
    dead_member(Job::new("a_member_that_is_gone_elsewhere_ends_the_wait").fake_nodes(3));
}

/// Everybody signals everybody; words 0.. are by sender. Oracle: who has signalled, and what it put.
#[test]
fn signals_are_waited_for_together() {
    everywhere(&[1, 2, 3, 4], "signals_are_waited_for_together", |world| {
        let (me, size) = (world.rank(), world.size());
        let segment = Segment::allocate_zeroed(&world.team(), 16 * size).unwrap();
        let at = |rank: usize| (8 * rank, Compare::Above(0));
        let signals: Vec<_> = (0..size).map(at).collect();
        assert_eq!(segment.test_any(&signals, None).unwrap(), None);
        assert!(
            segment.test_some(&signals, None).unwrap().is_empty() && !segment.test_all(&signals).unwrap()
        );
        let all_out = vec![true; size];
        assert_eq!(segment.wait_until_any(&signals, Some(&all_out)).unwrap(), None);
        assert_eq!(segment.wait_until_any(&[], None).unwrap(), None);
        assert!(segment.wait_until_some(&signals, Some(&all_out)).unwrap().is_empty());
        segment.wait_until_all(&[]).unwrap();
        world.barrier().unwrap();
        let value = |from: usize, to: usize| (from * 100 + to) as u64;
        for to in 0..size {
            let request = segment
                .put_signal_nb(to, 8 * (size + me), vec![value(me, to)], 8 * me, SignalUpdate::Set(1))
                .unwrap();
            assert_eq!(request.wait().unwrap(), [value(me, to)]);
        }
        let check = |from: usize| {
            let there: u64 = segment.get_value(me, 8 * (size + from)).unwrap();
            assert_eq!(there, value(from, me));
        };
        let mut seen = vec![false; size];
        while let Some(from) = segment.wait_until_any(&signals, Some(&seen)).unwrap() {
            assert!(!std::mem::replace(&mut seen[from], true), "one that is left out");
            check(from);
        }
        assert!(seen.iter().all(|seen| *seen));
        // Of several that hold, each is returned some time.
        let mut returned = vec![false; size];
        while !returned.iter().all(|is| *is) {
            returned[segment.wait_until_any(&signals, None).unwrap().unwrap()] = true;
        }
        world.sync().unwrap();
        let second: Vec<_> = (0..size).map(|rank| (8 * rank, Compare::Equal(2))).collect();
        for to in 0..size {
            segment.put_signal(to, 8 * (size + me), &[value(me, to)], 8 * me, SignalUpdate::Add(1)).unwrap();
        }
        let mut left = vec![false; size];
        loop {
            let some = segment.wait_until_some(&second, Some(&left)).unwrap();
            if some.is_empty() {
                break;
            }
            for from in some {
                assert!(!std::mem::replace(&mut left[from], true));
                check(from);
            }
        }
        segment.wait_until_all(&second).unwrap();
        assert!(
            segment.test_all(&second).unwrap() && segment.test_some(&second, None).unwrap().len() == size
        );
        let word = |compare| [(8 * me, compare)];
        for (compare, holds) in [
            (Compare::Below(2), false),
            (Compare::AtMost(2), true),
            (Compare::Above(2), false),
            (Compare::AtLeast(2), true),
            (Compare::NotEqual(2), false),
        ] {
            assert_eq!(segment.test_all(&word(compare)).unwrap(), holds, "{compare:?}");
        }
        assert_eq!(segment.test_any(&signals, Some(&[])).unwrap_err().kind(), ErrorKind::Shape);
        assert_eq!(segment.test_all(&[(4, Compare::Above(0))]).unwrap_err().kind(), ErrorKind::Alignment);
        world.barrier().unwrap();
        segment.free().unwrap();
    });
}
