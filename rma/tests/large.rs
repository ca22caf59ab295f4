//! Transfers of more than 2 GiB, where 32 bits would not do. They need 5 GiB of memory for some seconds, so they run when asked for.

#![allow(missing_docs)]

use rma::{Segment, Strided, World};
use std::time::Duration;
use tests::Job;

/// Words of what goes over: 2 GiB and a bit.
const WORDS: usize = (1 << 28) + 4099;

/// What the word at `index` is, whoever asks.
fn word(index: usize) -> u64 {
    (index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn is_right(seen: impl IntoIterator<Item = u64>) -> bool {
    seen.into_iter().enumerate().all(|(index, value)| value == word(index))
}

/// Rank 0 puts and gets at rank 1, which looks at its own memory in between.
fn contiguous(world: &World) {
    let segment = Segment::allocate_zeroed(&world.team(), 8 * WORDS * world.rank() + 8).unwrap();
    let mut data: Vec<u64> = Vec::new();
    if world.rank() == 0 {
        data.extend((0..WORDS).map(word));
        segment.put(1, 8, &data).unwrap();
    }
    world.sync().unwrap();
    if world.rank() == 1 {
        assert_eq!(segment.get_value::<u64>(1, 0).unwrap(), 0);
        let mut piece = vec![0u64; 1 << 20];
        for start in (0..WORDS).step_by(piece.len()) {
            let piece = &mut piece[..(WORDS - start).min(1 << 20)];
            segment.get(1, 8 + 8 * start, piece).unwrap();
            assert!(piece.iter().enumerate().all(|(index, value)| *value == word(start + index)), "{start}");
        }
    } else {
        data.fill(0);
        segment.get(1, 8, &mut data).unwrap();
        assert!(is_right(data));
    }
    world.barrier().unwrap();
}

/// The same with rows that lie apart by an eighth of their length.
fn strided(world: &World) {
    const ROW: usize = 1 << 17;
    const PITCH: usize = ROW + ROW / 8;
    let rows = WORDS.div_ceil(ROW);
    let segment = Segment::allocate_zeroed(&world.team(), 8 * PITCH * rows * world.rank()).unwrap();
    let counts = [8 * ROW, rows];
    let shape = Strided {
        counts: &counts,
        remote_strides: &[8 * PITCH as isize],
        local_strides: &[8 * ROW as isize],
        local_offset: 0,
    };
    let mut data: Vec<u64> = Vec::new();
    if world.rank() == 0 {
        data.extend((0..ROW * rows).map(word));
        segment.put_strided(1, 0, shape, &data).unwrap();
    }
    world.sync().unwrap();
    if world.rank() == 1 {
        let mut row = vec![0u64; PITCH];
        for index in 0..rows {
            segment.get(1, 8 * PITCH * index, &mut row).unwrap();
            let (full, gap) = row.split_at(ROW);
            assert!(full.iter().enumerate().all(|(at, value)| *value == word(index * ROW + at)), "{index}");
            assert!(gap.iter().all(|value| *value == 0), "{index}");
        }
    } else {
        data.fill(0);
        segment.get_strided(1, 0, shape, &mut data).unwrap();
        assert!(is_right(data));
    }
    world.barrier().unwrap();
}

fn both(name: &str, job: impl Fn(Job) -> Job) {
    job(Job::new(name)).deadline(Duration::from_secs(300)).run(&[2], |world| {
        contiguous(world);
        strided(world);
    });
}

#[test]
#[ignore = "needs 5 GiB"]
fn more_than_2_gib_inside_a_node() {
    both("more_than_2_gib_inside_a_node", |job| job);
}

#[test]
#[ignore = "needs 5 GiB"]
fn more_than_2_gib_over_the_verbs_of_shared_memory() {
    both("more_than_2_gib_over_the_verbs_of_shared_memory", |job| job.env("GAIN_DIRECT", "0"));
}

#[test]
#[ignore = "needs 5 GiB"]
fn more_than_2_gib_over_ucx() {
    both("more_than_2_gib_over_ucx", |job| job.over("ucx").fake_nodes(2));
}

#[test]
#[ignore = "needs 5 GiB"]
fn more_than_2_gib_over_ofi() {
    both("more_than_2_gib_over_ofi", |job| job.over("ofi").fake_nodes(2));
}

/// Past the messages, by the engine's own writes and reads.
#[test]
#[ignore = "needs 5 GiB"]
fn more_than_2_gib_by_direct_transfers() {
    both("more_than_2_gib_by_direct_transfers", |job| {
        job.over("ucx").fake_nodes(2).env("GAIN_RDMA_BYTES", "65536")
    });
}
