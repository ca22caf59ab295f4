//! Mutexes, signals and teams on 1 to 4 ranks.

#![allow(missing_docs)]

use rma::{Compare, ErrorKind, MutexSet, Op, Segment, SignalUpdate};
use tests::everywhere;

const RANKS: &[usize] = &[1, 2, 3, 4];

#[test]
fn a_mutex_lets_one_in() {
    everywhere(RANKS, "a_mutex_lets_one_in", |world| {
        let team = world.team();
        let set = MutexSet::create(&team, 3).unwrap();
        let counters = Segment::allocate_zeroed(&team, 3 * 8).unwrap();
        world.barrier().unwrap();
        for turn in 0..300 {
            let (rank, index) = (turn % world.size(), turn % 3);
            let guard = set.guard(rank, index).unwrap();
            let count = counters.get_value::<u64>(rank, 8 * index).unwrap();
            counters.put_value(rank, 8 * index, count + 1).unwrap();
            drop(guard);
        }
        world.sync().unwrap();
        let mut sum = [0u64];
        for index in 0..3 {
            sum[0] += counters.get_value::<u64>(world.rank(), 8 * index).unwrap();
        }
        team.allreduce(&mut sum, Op::Sum).unwrap();
        assert_eq!(sum[0], 300 * world.size() as u64);
        if world.rank() == 0 {
            set.lock(0, 0).unwrap();
            assert!(!set.try_lock(0, 0).unwrap(), "taken");
            set.unlock(0, 0).unwrap();
            assert!(set.try_lock(0, 0).unwrap(), "free");
            set.unlock(0, 0).unwrap();
        }
        set.free().unwrap();
    });
}

/// A token goes round; each rank adds to it. Who sees the signal must see the data.
#[test]
fn a_signal_comes_after_its_data() {
    everywhere(RANKS, "a_signal_comes_after_its_data", |world| {
        const LAPS: u64 = 50;
        let segment = Segment::allocate_zeroed(&world.team(), 16 * 1024).unwrap();
        world.barrier().unwrap();
        let (me, size) = (world.rank(), world.size());
        let right = (me + 1) % size;
        let mut token = vec![0u64; 1000];
        for lap in 1..=LAPS {
            if me > 0 || lap > 1 {
                let arrived = if me == 0 { lap - 1 } else { lap };
                assert_eq!(segment.wait_signal(0, Compare::AtLeast(arrived)).unwrap(), arrived);
                segment.get(me, 64, &mut token).unwrap();
            }
            let expected = (lap - 1) * size as u64 + me as u64;
            assert!(token.iter().all(|value| *value == expected), "lap {lap}: {} for {expected}", token[0]);
            token.iter_mut().for_each(|value| *value += 1);
            let update = if lap % 2 == 0 { SignalUpdate::Set(lap) } else { SignalUpdate::Add(1) };
            segment.put_signal(right, 64, &token, 0, update).unwrap();
        }
        if me == 0 {
            segment.wait_signal(0, Compare::Equal(LAPS)).unwrap();
        }
        world.barrier().unwrap();
    });
}

/// Several threads of each rank wait for different signals of one sender that takes its time.
#[test]
fn any_number_of_threads_may_wait() {
    everywhere(&[1, 2, 3], "any_number_of_threads_may_wait", |world| {
        let segment = Segment::allocate_zeroed(&world.team(), 1024).unwrap();
        world.barrier().unwrap();
        let right = (world.rank() + 1) % world.size();
        std::thread::scope(|threads| {
            for signal in 0..4 {
                let segment = &segment;
                threads.spawn(move || segment.wait_signal(8 * signal, Compare::NotEqual(0)).unwrap());
            }
            for signal in (0..4).rev() {
                std::thread::sleep(std::time::Duration::from_millis(20));
                segment.put_signal(right, 512, &[1u8], 8 * signal, SignalUpdate::Set(7)).unwrap();
            }
        });
    });
}

#[test]
fn teams_are_split_by_colour_and_ordered_by_key() {
    everywhere(RANKS, "teams_are_split_by_colour_and_ordered_by_key", |world| {
        let (me, size) = (world.rank(), world.size());
        let color = (me % 2) as u32;
        let team = world.team().split(Some(color), -(me as i64)).unwrap().unwrap();
        let mut expected: Vec<usize> = (0..size).filter(|rank| rank % 2 == me % 2).collect();
        expected.reverse();
        let members: Vec<usize> = (0..team.size()).map(|rank| team.world_rank(rank)).collect();
        assert_eq!(members, expected);
        assert_eq!(team.world_rank(team.rank()), me);
        // Both teams work at the same time, each on its own.
        for round in 0..50 + 20 * me % 2 {
            assert_eq!(
                team.allgather(&[me + round]).unwrap(),
                expected.iter().map(|m| m + round).collect::<Vec<_>>()
            );
        }
        let segment = Segment::allocate_zeroed(&team, 800_000).unwrap();
        let mut large = vec![1.0; 100_000];
        team.allreduce(&mut large, Op::Sum).unwrap();
        assert!(large.iter().all(|x| *x == team.size() as f64));
        segment.put_value((team.rank() + 1) % team.size(), 0, me as u64).unwrap();
        team.sync().unwrap();
        let left = expected[(team.rank() + team.size() - 1) % team.size()];
        assert_eq!(segment.get_value::<u64>(team.rank(), 0).unwrap(), left as u64);
        let none = world.team().split((me == 0).then_some(1), 0).unwrap();
        assert_eq!(none.map(|team| team.size()), (me == 0).then_some(1));
    });
}

#[test]
fn subsets_have_the_listed_order() {
    everywhere(RANKS, "subsets_have_the_listed_order", |world| {
        let (me, size) = (world.rank(), world.size());
        let list: Vec<usize> = (0..size).rev().filter(|rank| *rank != 1).collect();
        let team = world.team().subset(&list).unwrap();
        assert_eq!(team.is_some(), me != 1);
        if let Some(team) = team {
            assert_eq!(team.allgather(&[me]).unwrap(), list);
            // A team of a team.
            let inner = team.subset(&[team.size() - 1]).unwrap();
            assert_eq!(inner.map(|inner| inner.world_rank(0)), (me == 0).then_some(0));
        }
        assert!(world.team().subset(&[]).unwrap().is_none());
        // What is mapped is on the own node.
        let segment = Segment::allocate(&world.team(), 8).unwrap();
        let here: Vec<usize> = (0..size).filter(|rank| segment.mapped(*rank).is_some()).collect();
        let node = world.node_team();
        assert_eq!((0..node.size()).map(|rank| node.world_rank(rank)).collect::<Vec<_>>(), here);
        assert_eq!(node.allgather(&[me]).unwrap(), here);
    });
}

/// The others are in a barrier meanwhile.
#[test]
fn teams_are_founded_by_their_members_alone() {
    everywhere(RANKS, "teams_are_founded_by_their_members_alone", |world| {
        let (me, size) = (world.rank(), world.size());
        let members: Vec<usize> = (0..size).rev().filter(|rank| *rank + 1 < size || size == 1).collect();
        if !members.contains(&me) {
            assert_eq!(world.team_of(&members).unwrap_err().kind(), ErrorKind::Rank, "not listed");
            return world.barrier().unwrap();
        }
        assert_eq!(world.team_of(&[me, me]).unwrap_err().kind(), ErrorKind::Rank, "twice");
        assert_eq!(world.team_of(&[me, size]).unwrap_err().kind(), ErrorKind::Rank, "outside");
        for round in 0..30 {
            let team = world.team_of(&members).unwrap();
            let listed: Vec<usize> = (0..team.size()).map(|rank| team.world_rank(rank)).collect();
            assert_eq!((listed, team.world_rank(team.rank())), (members.clone(), me));
            assert_eq!(
                team.allgather(&[me + round]).unwrap(),
                members.iter().map(|m| m + round).collect::<Vec<_>>()
            );
            if round % 10 == 0 {
                let segment = Segment::allocate_zeroed(&team, 800_000).unwrap();
                let mut large = vec![1.0; 100_000];
                team.allreduce(&mut large, Op::Sum).unwrap();
                assert!(large.iter().all(|x| *x == team.size() as f64));
                segment.put_value((team.rank() + 1) % team.size(), 0, me as u64).unwrap();
                team.sync().unwrap();
                let left = members[(team.rank() + team.size() - 1) % team.size()];
                assert_eq!(segment.get_value::<u64>(team.rank(), 0).unwrap(), left as u64);
                let part = team.split(Some((me % 2) as u32), 0).unwrap().unwrap();
                assert_eq!(part.allgather(&[me % 2]).unwrap(), vec![me % 2; part.size()]);
            }
        }
        // Who lists the same ranks in another order is told.
        if size > 2 {
            let mut others = members.clone();
            if me == 0 {
                others.reverse();
            }
            assert_eq!(world.team_of(&others).unwrap_err().kind(), ErrorKind::Mismatch);
        }
        world.barrier().unwrap();
    });
}

/// Every pair of neighbours, one after the other; the world meets only at the end.
#[test]
fn founded_teams_give_their_memory_back_without_the_others() {
    everywhere(RANKS, "founded_teams_give_their_memory_back_without_the_others", |world| {
        let (me, size) = (world.rank(), world.size());
        let mut before = 0;
        for round in 0..150 {
            for first in 0..size.saturating_sub(1) {
                let pair = if round % 2 == 0 { [first, first + 1] } else { [first + 1, first] };
                if pair.contains(&me) {
                    let team = world.team_of(&pair).unwrap();
                    let segment = Segment::allocate(&team, 10_000).unwrap();
                    segment.put_value(1 - team.rank(), 8, me).unwrap();
                    team.sync().unwrap();
                    assert_eq!(segment.get_value::<usize>(team.rank(), 8).unwrap(), pair[1 - team.rank()]);
                }
            }
            if round == 50 {
                before = world.heap_committed_bytes();
            }
        }
        let grown = world.heap_committed_bytes() - before;
        // A hundred rounds took sixty kilobytes and more each, if nothing came back.
        assert!(grown < 3_000_000, "{grown} bytes");
        world.barrier().unwrap();
    });
}

/// Making and dropping teams for ever costs no memory.
#[test]
fn teams_give_their_memory_back() {
    tests::Job::new("teams_give_their_memory_back").env("GAIN_HEAP_BYTES", "33554432").everywhere(
        &[1, 2, 4],
        |world| {
            for round in 0..400 {
                let team = world.team().split(Some(0), 0).unwrap().unwrap();
                if round % 4 == 0 {
                    team.allreduce(&mut vec![1u8; 100_000], Op::Max).unwrap();
                }
                drop(team);
                world.barrier().unwrap();
            }
        },
    );
}

/// A signal that was changed without ringing the bell ends the wait, too.
#[test]
fn a_signal_changed_by_an_atomic_is_noticed() {
    everywhere(&[1, 2, 3], "a_signal_changed_by_an_atomic_is_noticed", |world| {
        let segment = Segment::allocate_zeroed(&world.team(), 8).unwrap();
        std::thread::scope(|threads| {
            if world.rank() + 1 == world.size() {
                threads.spawn(|| {
                    // Long enough for the waiter to be asleep.
                    std::thread::sleep(std::time::Duration::from_millis(300));
                    segment.fetch_add(0, 0, 7u64).unwrap();
                });
            }
            if world.rank() == 0 {
                assert_eq!(segment.wait_signal(0, Compare::AtLeast(7)).unwrap(), 7);
            }
        });
        world.barrier().unwrap();
    });
}

/// Numbers of nodes that are no powers of two; many meetings in a row, with words and without. Oracle: what each rank says in each
/// is a function of rank and number.
#[test]
fn no_meeting_is_mistaken_for_another() {
    everywhere(&[5, 7], "no_meeting_is_mistaken_for_another", |world| {
        let (me, size, team) = (world.rank() as u64, world.size() as u64, world.team());
        let odd = team.split(Some((me % 2) as u32), -(me as i64)).unwrap().unwrap();
        for number in 0..60 {
            let said = |rank: u64| [rank * 1000 + number, !rank];
            assert_eq!(team.allgather(&said(me)).unwrap(), (0..size).flat_map(said).collect::<Vec<_>>());
            (0..number % 4).for_each(|_| team.barrier().unwrap());
            let members = (0..odd.size()).map(|rank| odd.world_rank(rank) as u64);
            let expected: u64 = members.map(|rank| rank * number).sum();
            let mut sum = [me * number];
            odd.allreduce(&mut sum, Op::Sum).unwrap();
            assert_eq!(sum, [expected]);
            let mut data = vec![me + number; 30];
            team.broadcast(&mut data, (number % size) as usize).unwrap();
            assert_eq!(data, [number % size + number; 30]);
        }
    });
}

/// The members tell one another who they are by some means of their own, here another team's. Oracle: who is in it, and in which order.
#[test]
fn a_team_is_made_of_who_an_allgather_brings() {
    everywhere(&[1, 2, 3, 4], "a_team_is_made_of_who_an_allgather_brings", |world| {
        let (me, size) = (world.rank(), world.size());
        // All but the last, backwards; that one is in a barrier of its own meanwhile, if it isn't alone.
        let part = world.team().split((me + 1 < size || size == 1).then_some(0), -(me as i64)).unwrap();
        if let Some(part) = &part {
            let others = |mine: &[u8]| part.allgatherv(mine).map_err(std::io::Error::other);
            let team = world.team_by(others).unwrap();
            assert_eq!((team.rank(), team.size()), (part.rank(), part.size()));
            assert!((0..team.size()).all(|rank| team.world_rank(rank) == part.world_rank(rank)));
            let mut sum = [me as u64];
            team.allreduce(&mut sum, Op::Sum).unwrap();
            assert_eq!(sum, [(0..part.size() as u64).sum::<u64>()]);
            let short = |_: &[u8]| Ok(vec![vec![0u8; 3]]);
            assert_eq!(world.team_by(short).unwrap_err().kind(), ErrorKind::Bootstrap);
            let failing = |_: &[u8]| Err(std::io::Error::other("no way"));
            assert_eq!(world.team_by(failing).unwrap_err().kind(), ErrorKind::Bootstrap);
        }
        world.barrier().unwrap();
    });
}
