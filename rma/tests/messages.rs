//! Active messages: short, medium and long ones, replies, floods, chains, and what handlers may not do; inside a node and between nodes.

#![allow(missing_docs)]

use rma::{ErrorKind, Reply, Segment, World};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tests::{Job, everywhere};

/// Runs handlers until it holds.
fn until(world: &World, holds: impl Fn() -> bool) {
    while !holds() {
        if !world.progress().unwrap() {
            std::thread::yield_now();
        }
    }
}

fn contents(source: usize, number: u64, len: usize) -> Vec<u32> {
    (0..len as u32).map(|i| i.wrapping_mul(2654435761).wrapping_add(source as u32) ^ number as u32).collect()
}

/// Lengths around those at which messages take another letter.
const LENGTHS: [usize; 12] = [0, 1, 2, 224, 241, 242, 243, 300, 4000, 4096, 20_000, 100_000];

/// Oracle: what every sender sends, in its order; and what it put before.
#[test]
fn messages_run_in_the_order_in_which_each_rank_sent_them() {
    everywhere(&[1, 2, 3, 4], "messages_run_in_the_order_in_which_each_rank_sent_them", |world| {
        const ROUNDS: u64 = 3;
        let (me, size) = (world.rank(), world.size());
        let segment = Segment::allocate_zeroed(&world.team(), 8 * size).unwrap();
        let seen = Arc::new(Mutex::new(vec![0u64; size]));
        let handler = {
            let (seen, segment) = (seen.clone(), segment.clone());
            world
                .register(move |message| {
                    let source = message.source();
                    let mut seen = seen.lock().unwrap();
                    let [number, len] = message.header::<[u64; 2]>().unwrap();
                    assert_eq!(number, seen[source], "of rank {source}");
                    assert!(message.contents::<u32>().unwrap() == contents(source, number, len as usize));
                    assert!(message.place().is_none() && !message.is_call());
                    let put: u64 = segment.get_value(me, 8 * source).unwrap();
                    assert!(put > number, "what was put before is there: {put}");
                    seen[source] += 1;
                })
                .unwrap()
        };
        let mut number = 0;
        for _ in 0..ROUNDS {
            for len in LENGTHS {
                for rank in 0..size {
                    segment.put_value(rank, 8 * me, number + 1).unwrap();
                    world.am(rank, handler, &[number, len as u64], &contents(me, number, len)).unwrap();
                }
                number += 1;
            }
        }
        until(world, || seen.lock().unwrap().iter().all(|count| *count == ROUNDS * LENGTHS.len() as u64));
        world.sync().unwrap();
        segment.free().unwrap();
    });
}

/// Oracle: the handler's own arithmetic.
#[test]
fn replies_come_to_their_calls() {
    everywhere(&[1, 2, 4], "replies_come_to_their_calls", |world| {
        let (me, size) = (world.rank(), world.size());
        let square = world
            .register(|message| {
                let factor: u64 = message.header().unwrap();
                let numbers: Vec<u64> = message.contents().unwrap();
                let squares: Vec<u64> = numbers.iter().map(|number| factor * number * number).collect();
                assert!(message.is_call());
                message.reply(&(factor as u32), &squares).unwrap();
                assert_eq!(message.reply(&(), &[0u8]).unwrap_err().kind(), ErrorKind::Unsupported);
            })
            .unwrap();
        let silent = world.register(|_| {}).unwrap();
        let call = |index: u64| -> Reply {
            let rank = (me + index as usize) % size;
            let numbers: Vec<u64> = (0..index * 37 % 5000).collect();
            world.am_call(rank, square, &index, &numbers).unwrap()
        };
        let mut replies: Vec<(u64, Reply)> = (0..300).map(|index| (index, call(index))).collect();
        // In another order than they were asked for; some are given up.
        replies.reverse();
        for (index, mut reply) in replies {
            if index % 7 == 3 {
                continue;
            }
            if index % 5 == 0 {
                while !reply.test().unwrap() {}
            }
            let answer = reply.wait().unwrap();
            assert_eq!(answer.header::<u32>().unwrap(), index as u32);
            let expected: Vec<u64> = (0..index * 37 % 5000).map(|number| index * number * number).collect();
            assert!(answer.contents::<u64>().unwrap() == expected, "call {index}");
            assert_eq!(answer.header::<u64>().unwrap_err().kind(), ErrorKind::Type);
        }
        let answer = world.am_call((me + 1) % size, silent, &(), &[1u8]).unwrap().wait().unwrap();
        assert!(answer.bytes().is_empty());
        world.barrier().unwrap();
    });
}

/// Everybody writes to everybody, far more than there is room for, and reads only while it waits for room or for the end. Oracle: the sums.
#[test]
fn a_flood_in_all_directions_drains() {
    everywhere(&[2, 4], "a_flood_in_all_directions_drains", |world| {
        const EACH: u64 = 1500;
        let size = world.size();
        let (count, sum) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let handler = {
            let (count, sum) = (count.clone(), sum.clone());
            world
                .register(move |message| {
                    count.fetch_add(1, Relaxed);
                    sum.fetch_add(message.header::<u64>().unwrap() + message.bytes().len() as u64, Relaxed);
                })
                .unwrap()
        };
        for number in 0..EACH {
            for rank in 0..size {
                let bytes = [1u8; 700];
                world.am(rank, handler, &number, &bytes[..(number % 700) as usize]).unwrap();
            }
        }
        until(world, || count.load(Relaxed) == EACH * size as u64);
        let each: u64 = (0..EACH).map(|number| number + number % 700).sum();
        assert_eq!(sum.load(Relaxed), each * size as u64);
        world.barrier().unwrap();
        assert_eq!(count.load(Relaxed), EACH * size as u64);
    });
}

/// Handlers send on: each message goes through all ranks many times; two go with each that comes back, at first. Oracle: the number of hops.
#[test]
fn handlers_send_messages_of_their_own() {
    everywhere(&[1, 3], "handlers_send_messages_of_their_own", |world| {
        const HOPS: u64 = 150;
        const CHAINS: u64 = 300;
        let (me, size) = (world.rank(), world.size());
        let (seen, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        // The handler's own number is known when it runs.
        let own = Arc::new(Mutex::new(None));
        let handler = {
            let (seen, ended, own, world) = (seen.clone(), ended.clone(), own.clone(), world.clone());
            world
                .clone()
                .register(move |message| {
                    seen.fetch_add(1, Relaxed);
                    let left: u64 = message.header().unwrap();
                    let next = (world.rank() + 1) % world.size();
                    match left {
                        0 => drop(ended.fetch_add(1, Relaxed)),
                        _ => {
                            let handler = own.lock().unwrap().expect("set before the first message");
                            world.am(next, handler, &(left - 1), &[0u64; 40]).unwrap();
                        }
                    }
                })
                .unwrap()
        };
        *own.lock().unwrap() = Some(handler);
        world.barrier().unwrap();
        for _ in 0..CHAINS {
            world.am((me + 1) % size, handler, &HOPS, &[0u64; 40]).unwrap();
        }
        // Each rank's chains end at one and the same rank.
        until(world, || ended.load(Relaxed) == CHAINS);
        world.barrier().unwrap();
        // Others may have been behind in their barrier: all have ended by now, and every rank saw as many.
        let all = world.team().allgather(&[seen.load(Relaxed)]).unwrap();
        assert_eq!(all.iter().sum::<u64>(), CHAINS * (HOPS + 1) * size as u64);
    });
}

/// Oracle: what was put.
#[test]
fn long_messages_leave_their_contents_in_the_segment() {
    everywhere(&[1, 3], "long_messages_leave_their_contents_in_the_segment", |world| {
        const LEN: usize = 40_000;
        let (me, size) = (world.rank(), world.size());
        let segment = Segment::allocate_zeroed(&world.team(), 4 * LEN * size).unwrap();
        let handler = {
            let segment = segment.clone();
            world
                .register(move |message| {
                    let place = message.place().expect("a long message");
                    assert!(message.bytes().is_empty());
                    let mut there = vec![0u32; place.len_bytes / 4];
                    segment.get(me, place.offset, &mut there).unwrap();
                    let [number] = message.header::<[u64; 1]>().unwrap();
                    assert!(there == contents(message.source(), number, there.len()));
                    if message.is_call() {
                        message.reply(&there.len(), &[] as &[u8]).unwrap();
                    }
                })
                .unwrap()
        };
        for number in 0..5u64 {
            for rank in 0..size {
                let bytes = contents(me, number, LEN - number as usize);
                let at = (&segment, rank, 4 * LEN * me);
                let reply = world.am_call_long(at, handler, &[number], &bytes).unwrap();
                assert_eq!(reply.wait().unwrap().header::<usize>().unwrap(), LEN - number as usize);
            }
        }
        let last = contents(me, 9, 3);
        world.am_long((&segment, me, 4 * LEN * me), handler, &[9u64], &last).unwrap();
        assert!(world.am_long((&segment, me, 4 * LEN * size), handler, &[9u64], &last).is_err());
        world.sync().unwrap();
        drop(segment);
    });
}

#[test]
fn what_is_wrong_is_told_and_harms_nobody() {
    everywhere(&[1, 2], "what_is_wrong_is_told_and_harms_nobody", |world| {
        let (me, size) = (world.rank(), world.size());
        let kinds = Arc::new(Mutex::new(Vec::new()));
        let tries = {
            let (kinds, world) = (kinds.clone(), world.clone());
            let segment = Segment::allocate_zeroed(&world.team(), 64).unwrap();
            world
                .clone()
                .register(move |_| {
                    let mut kinds = kinds.lock().unwrap();
                    let outcomes = [
                        world.barrier(),
                        segment.wait_signal(0, rma::Compare::AtLeast(1)).map(drop),
                        world.team_of(&[world.rank()]).map(drop),
                    ];
                    kinds.extend(outcomes.map(|outcome| outcome.unwrap_err().kind()));
                    // What waits for nobody is fine.
                    segment.fetch_add((world.rank() + 1) % world.size(), 8, 1u64).unwrap();
                })
                .unwrap()
        };
        let reply = world.am_call((me + 1) % size, tries, &(), &[] as &[u8]).unwrap();
        reply.wait().unwrap();
        until(world, || kinds.lock().unwrap().len() == 3);
        assert!(kinds.lock().unwrap().iter().all(|kind| *kind == ErrorKind::Handler));
        assert_eq!(world.am(size, tries, &(), &[0u8]).unwrap_err().kind(), ErrorKind::Rank);
        // Another place in the program on one rank.
        if size > 1 {
            let made = if me == 0 { world.register(|_| {}) } else { world.register(|_| {}) };
            assert_eq!(made.unwrap_err().kind(), ErrorKind::Mismatch);
        }
        let good = world.register(|message| message.reply(&7u8, &[] as &[u8]).unwrap()).unwrap();
        let reply = world.am_call((me + 1) % size, good, &(), &[0u8]).unwrap();
        assert_eq!(reply.wait().unwrap().header::<u8>().unwrap(), 7);
        world.barrier().unwrap();
    });
}

/// Rank 1 ends while the others wait for its replies.
fn dead_targets(job: Job) {
    let outcome = job.deadline(Duration::from_secs(20)).outcome(3, |world| {
        let handler = world.register(|_| {}).unwrap();
        world.barrier().unwrap();
        if world.rank() == 1 {
            std::process::exit(0);
        }
        let told = (0..).find_map(|_| match world.am_call(1, handler, &(), &[0u8; 3000]) {
            Err(error) => Some(error),
            Ok(reply) => reply.wait().err(),
        });
        let error = told.unwrap();
        assert_eq!(error.kind(), ErrorKind::Died, "{error}");
        eprintln!("told: {error}");
        std::process::exit(0);
    });
    outcome.expect_survivors("told: ");
}

#[test]
fn a_wait_for_a_reply_ends_with_its_rank() {
    dead_targets(Job::new("a_wait_for_a_reply_ends_with_its_rank"));
}

#[test]
fn a_wait_for_a_reply_ends_with_its_rank_elsewhere() {
    dead_targets(Job::new("a_wait_for_a_reply_ends_with_its_rank_elsewhere").fake_nodes(3));
}
