//! Segments: unequal parts, freeing now and later, and what happens when there is no more memory.

#![allow(missing_docs)]

use rma::{ErrorKind, Segment};
use tests::{Job, everywhere};

const RANKS: &[usize] = &[1, 2, 3, 4];

#[test]
fn parts_may_have_any_length() {
    everywhere(RANKS, "parts_may_have_any_length", |world| {
        let len = |rank: usize| rank * 1000;
        let segment = Segment::allocate_zeroed(&world.team(), len(world.rank())).unwrap();
        for rank in 0..world.size() {
            assert_eq!(segment.len_bytes(rank), len(rank));
            let address = segment.mapped(rank).map_or(0, |address| address.as_ptr() as usize);
            assert_eq!(address % 64, 0);
            let mut all = vec![1u8; len(rank)];
            segment.get(rank, 0, &mut all).unwrap();
            assert!(all.iter().all(|byte| *byte == 0), "zeroed");
            let beyond = segment.put(rank, len(rank), &[1u8]).unwrap_err();
            assert_eq!(beyond.kind(), ErrorKind::Range);
        }
        segment.free().unwrap();
    });
}

#[test]
fn reserved_memory_is_there_where_it_was_committed() {
    let job = Job::new("reserved_memory_is_there_where_it_was_committed").env("GAIN_HEAP_BYTES", "67108864");
    job.everywhere(RANKS, |world| {
        let (team, me) = (world.team(), world.rank() as u64);
        // Of all ranks together far more than there is.
        let segment = Segment::reserve(&team, 100 << 20).unwrap();
        assert_eq!(segment.commit(100 << 20, 1).unwrap_err().kind(), ErrorKind::Range);
        assert_eq!(segment.commit(0, 100 << 20).unwrap_err().kind(), ErrorKind::Memory);
        team.barrier().unwrap();
        segment.commit((50 << 20) - 8, 16).unwrap();
        team.sync().unwrap();
        let right = (world.rank() + 1) % world.size();
        segment.put(right, (50 << 20) - 8, &[me, me + 1]).unwrap();
        team.sync().unwrap();
        let left = ((world.rank() + world.size() - 1) % world.size()) as u64;
        let mut words = [0u64; 2];
        segment.get(world.rank(), (50 << 20) - 8, &mut words).unwrap();
        assert_eq!(words, [left, left + 1]);
        segment.free().unwrap();
    });
}

/// So a raw address means one thing on the whole node, which ARMCI's programs rely on.
#[test]
fn memory_is_at_one_address_in_all_processes_of_a_node() {
    everywhere(RANKS, "memory_is_at_one_address_in_all_processes_of_a_node", |world| {
        let team = world.team();
        let segments: Vec<Segment> =
            [100, 1 << 20, 5000].map(|len| Segment::allocate(&team, len).unwrap()).into();
        let mapped = |segment: &Segment, rank| segment.mapped(rank).map(|at| at.as_ptr() as u64);
        for segment in &segments {
            let owns = team.allgather(&[mapped(segment, world.rank()).unwrap()]).unwrap();
            let mut near = (0..world.size()).filter_map(|rank| Some((rank, mapped(segment, rank)?)));
            assert!(near.all(|(rank, here)| here == owns[rank]), "{owns:x?}");
        }
        segments.into_iter().for_each(|segment| segment.free().unwrap());
    });
}

/// With 64 MiB for all ranks together, thousands of segments of 4 MiB per rank only fit if each is given back.
#[test]
fn freed_and_dropped_memory_is_used_again() {
    let job = Job::new("freed_and_dropped_memory_is_used_again").env("GAIN_HEAP_BYTES", "67108864");
    job.everywhere(RANKS, |world| {
        let team = world.team();
        for round in 0..300 {
            let segment = Segment::allocate(&team, 4 << 20).unwrap();
            let right = (world.rank() + 1) % world.size();
            segment.put_value(right, round * 8, round).unwrap();
            match round % 3 {
                0 => segment.free().unwrap(),
                1 => drop(segment),
                _ => {
                    let other = segment.clone();
                    drop(segment);
                    team.barrier().unwrap();
                    assert_eq!(
                        other.get_value::<usize>(right, round * 8).unwrap(),
                        round,
                        "a handle is left"
                    );
                    drop(other);
                }
            }
        }
    });
}

/// One member frees while another of its threads may be in the middle of a put, through a handle of its own: what is allocated since is
/// untouched. In the end all of it has come back, or 24 MiB would not do for rounds of 1 MiB per rank.
#[test]
fn freed_memory_rests_while_a_member_has_another_handle() {
    let job =
        Job::new("freed_memory_rests_while_a_member_has_another_handle").env("GAIN_HEAP_BYTES", "25165824");
    job.everywhere(RANKS, |world| {
        let team = world.team();
        const LEN: usize = 1 << 20;
        let (last, right) = (world.size() - 1, (world.rank() + 1) % world.size());
        for _ in 0..100 {
            let first = Segment::allocate(&team, LEN).unwrap();
            let late = (world.rank() == last).then(|| first.clone());
            let under_way = first.mapped(right);
            first.free().unwrap();
            let second = Segment::allocate_zeroed(&team, LEN).unwrap();
            if let Some(late) = late {
                assert_eq!(late.put_value(right, 0, 1u8).unwrap_err().kind(), ErrorKind::Foreign);
                assert_eq!(late.sync().unwrap_err().kind(), ErrorKind::Foreign);
                assert!(late.mapped(right).is_none());
                if let Some(memory) = under_way {
                    // SAFETY: memory of the segment, which has a handle left.
                    unsafe { memory.write_bytes(0xff, LEN) };
                }
            } else {
                // What the late one's call is refused by.
                team.barrier().unwrap_err();
            }
            team.barrier().unwrap();
            let mut mine = vec![1u8; LEN];
            second.get(world.rank(), 0, &mut mine).unwrap();
            assert!(mine.iter().all(|byte| *byte == 0));
            second.free().unwrap();
            team.barrier().unwrap();
        }
    });
}

/// What was dropped must not be handed out before everybody has synchronised: a rank that still reads sees its data.
#[test]
fn dropped_memory_rests_until_everybody_has_synchronised() {
    everywhere(&[2, 3, 4], "dropped_memory_rests_until_everybody_has_synchronised", |world| {
        let team = world.team();
        for round in 0..50u64 {
            let segment = Segment::allocate(&team, 8 * 512).unwrap();
            let right = (world.rank() + 1) % world.size();
            segment.put(right, 0, &[round; 512]).unwrap();
            team.barrier().unwrap();
            // Ranks drop one after another; those who come late still read.
            std::thread::sleep(std::time::Duration::from_micros(50 * world.rank() as u64));
            let mut there = [0u64; 512];
            segment.get(right, 0, &mut there).unwrap();
            assert_eq!(there, [round; 512]);
            drop(segment);
        }
    });
}

/// Rank 0 drops at once, the others much later and write there until then: what rank 0 has allocated since is untouched. In the end all
/// of it has come back, or 16 MiB would not do for rounds of 1 MiB per rank.
#[test]
fn a_part_outlives_its_owners_handle_while_others_have_one() {
    let job = Job::new("a_part_outlives_its_owners_handle_while_others_have_one")
        .env("GAIN_HEAP_BYTES", "25165824");
    job.everywhere(RANKS, |world| {
        let team = world.team();
        const LEN: usize = 1 << 20;
        for _ in 0..100 {
            let first = Segment::allocate(&team, LEN).unwrap();
            let late = (world.rank() > 0).then_some(first);
            team.barrier().unwrap();
            let second = Segment::allocate_zeroed(&team, LEN).unwrap();
            team.barrier().unwrap();
            if let Some(first) = late {
                first.put(0, 0, &[0xffu8; 4096]).unwrap();
            }
            team.barrier().unwrap();
            let mut bytes = [1u8; 4096];
            second.get(0, 0, &mut bytes).unwrap();
            assert_eq!(bytes, [0; 4096]);
            drop(second);
        }
    });
}

/// The same of segments of a team that all but its segments' late users have dropped.
#[test]
fn a_team_s_memory_outlives_its_owners_handles_while_others_have_one() {
    let job = Job::new("a_team_s_memory_outlives_its_owners_handles_while_others_have_one")
        .env("GAIN_HEAP_BYTES", "33554432");
    job.everywhere(RANKS, |world| {
        let team = world.team();
        const LEN: usize = 1 << 20;
        for _ in 0..100 {
            let child = team.split(Some(0), 0).unwrap().unwrap();
            let inner = child.split(Some(0), 0).unwrap().unwrap();
            // Large enough for outboxes beyond those of the rows.
            child.allreduce(&mut vec![1.0; 4000], rma::Op::Sum).unwrap();
            let first = Segment::allocate(&inner, LEN).unwrap();
            let late = (world.rank() > 0).then_some(first);
            drop((child, inner));
            team.barrier().unwrap();
            let second = Segment::allocate_zeroed(&team, LEN).unwrap();
            team.barrier().unwrap();
            if let Some(first) = late {
                first.put(0, 0, &[0xffu8; 4096]).unwrap();
            }
            team.barrier().unwrap();
            let mut bytes = vec![1u8; LEN];
            second.get(0, 0, &mut bytes).unwrap();
            assert!(bytes.iter().all(|byte| *byte == 0));
            drop(second);
        }
    });
}

/// More segments at once than there are slots for the handles' bits.
#[test]
fn thousands_of_segments_at_once() {
    everywhere(&[1, 2], "thousands_of_segments_at_once", |world| {
        let team = world.team();
        for _ in 0..2 {
            let all: Vec<Segment> = (0..3000).map(|_| Segment::allocate(&team, 8).unwrap()).collect();
            for (index, segment) in all.iter().enumerate() {
                segment.put_value((world.rank() + 1) % world.size(), 0, index).unwrap();
            }
            team.barrier().unwrap();
            for (index, segment) in all.iter().enumerate() {
                assert_eq!(segment.get_value::<usize>(world.rank(), 0).unwrap(), index);
            }
        }
    });
}

#[test]
fn no_memory_on_one_rank_is_an_error_on_all() {
    let job = Job::new("no_memory_on_one_rank_is_an_error_on_all").env("GAIN_HEAP_BYTES", "50331648");
    job.everywhere(RANKS, |world| {
        let team = world.team();
        let last = world.size() - 1;
        for zeroed in [false, true] {
            let asked: usize = if world.rank() == last { 1 << 40 } else { 1 << 10 };
            let error = match zeroed {
                true => Segment::allocate_zeroed(&team, asked).unwrap_err(),
                false => Segment::allocate(&team, asked).unwrap_err(),
            };
            assert_eq!((error.kind(), error.rank()), (ErrorKind::Memory, Some(last)));
            assert!(
                error.to_string().contains("1099511627776") && error.to_string().contains("50331648"),
                "{error}"
            );
        }
        // The job goes on, with all of the memory.
        let segment = Segment::allocate(&team, (16 << 20) / world.size()).unwrap();
        segment.put_value(last, 0, 1u8).unwrap();
    });
}

/// As many segments and teams at a time as a team's first slots are not enough for, twice over: the last ones are as safe as the first. Rank 0
/// drops its handles, the others write on. Oracle: what rank 0 has allocated since.
#[test]
fn any_number_of_segments_keeps_its_memory_as_long_as_a_handle() {
    const MANY: usize = 2200;
    let job = Job::new("any_number_of_segments_keeps_its_memory_as_long_as_a_handle");
    job.deadline(std::time::Duration::from_secs(120)).everywhere(&[2, 3], |world| {
        let team = world.team();
        for round in 0..2u64 {
            let segments: Vec<Segment> = (0..MANY).map(|_| Segment::allocate(&team, 512).unwrap()).collect();
            let teams: Vec<_> = (0..3).map(|_| team.split(Some(0), 0).unwrap().unwrap()).collect();
            let late = (world.rank() > 0).then_some((segments, teams));
            team.barrier().unwrap();
            // Larger than all that was dropped: it would be found there if that were free.
            let fresh: Vec<Segment> =
                (0..40).map(|_| Segment::allocate_zeroed(&team, 64 * 512).unwrap()).collect();
            team.barrier().unwrap();
            if let Some((segments, teams)) = late {
                segments.iter().step_by(7).for_each(|segment| segment.put(0, 0, &[u64::MAX; 64]).unwrap());
                assert!(teams.iter().all(|team| team.size() == world.size()));
            }
            world.sync().unwrap();
            for segment in &fresh {
                let mut data = vec![1u64; 64 * 64];
                segment.get(world.rank(), 0, &mut data).unwrap();
                assert!(data.iter().all(|word| *word == 0), "round {round}");
            }
            world.sync().unwrap();
        }
        // And it comes back in the end.
        for _ in 0..3 {
            team.barrier().unwrap();
        }
        let segment = Segment::allocate(&team, 512).unwrap();
        segment.free().unwrap();
    });
}
