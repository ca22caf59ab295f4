//! Batches: many small puts and accumulates to all ranks, sent together; inside a node and between nodes. The oracle is the same on plain vectors.

#![allow(missing_docs)]

use rma::{Batch, Complex64, Element, ErrorKind, Segment, World};
use tests::everywhere;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }
}

/// Elements that belong to each rank in each part.
const EACH: usize = 3000;

/// Everybody changes a stretch of its own of every rank's part, in a batch and in a model.
fn changes<T: Element>(world: &World, number: impl Fn(usize) -> T, add: impl Fn(T, T, T) -> T) {
    let (me, size) = (world.rank(), world.size());
    let segment = Segment::allocate_zeroed(&world.team(), size_of::<T>() * EACH * size).unwrap();
    let mut random = Random(me as u64 + 5);
    let mut model = vec![vec![number(0); EACH]; size];
    let mut batch = Batch::new(world);
    for step in 0..4000 {
        let (rank, longest) = (random.below(size), if step % 500 == 7 { EACH } else { 9 });
        let len = random.below(longest + 1);
        let first = random.below(EACH - len + 1);
        let values: Vec<T> = (0..len).map(|_| number(random.below(4))).collect();
        let offset = size_of::<T>() * (EACH * me + first);
        let there = &mut model[rank][first..first + len];
        if random.below(2) == 0 {
            batch.put(&segment, rank, offset, &values).unwrap();
            there.copy_from_slice(&values);
        } else {
            let alpha = number(random.below(3));
            batch.accumulate(&segment, rank, offset, &values, alpha).unwrap();
            there.iter_mut().zip(values).for_each(|(to, value)| *to = add(*to, alpha, value));
        }
        if step % 1500 == 0 {
            batch.flush().unwrap();
        }
    }
    batch.flush().unwrap();
    world.sync().unwrap();
    for (rank, expected) in model.iter().enumerate() {
        let mut there = vec![number(0); EACH];
        segment.get(rank, size_of::<T>() * EACH * me, &mut there).unwrap();
        assert!(there == *expected, "{} at {rank}", T::DTYPE);
    }
    world.sync().unwrap();
    segment.free().unwrap();
}

#[test]
fn a_batch_does_what_its_operations_do() {
    everywhere(&[1, 2, 3, 4], "a_batch_does_what_its_operations_do", |world| {
        changes(world, |n| n as u8, |to, alpha, value| to.wrapping_add(alpha.wrapping_mul(value)));
        changes(world, |n| n as i32 * 1000, |to, alpha, value| to.wrapping_add(alpha.wrapping_mul(value)));
        changes(world, |n| n as f64 * 0.5, |to, alpha, value| to + alpha * value);
        changes(world, |n| Complex64::new(n as f64, -(n as f64)), |to, alpha, value| to + alpha * value);
        changes(world, |n| n > 1, |to, alpha, value| to | (alpha & value));
    });
}

/// Oracle: the number of ranks, and of what each adds.
#[test]
fn what_all_accumulate_adds_up() {
    everywhere(&[2, 4], "what_all_accumulate_adds_up", |world| {
        let segment = Segment::allocate_zeroed(&world.team(), 8 * 100).unwrap();
        let mut batch = Batch::new(world);
        for turn in 0..2000 {
            for rank in 0..world.size() {
                batch.accumulate(&segment, rank, 8 * (turn % 100), &[1i64], 2).unwrap();
            }
        }
        // A place that isn't there changes nothing, and harms nothing.
        let error = batch.put(&segment, 0, 8 * 100, &[1u8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Range);
        let error = batch.accumulate(&segment, world.size() - 1, 4, &[1i64], 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Alignment);
        // Dropped, it is flushed.
        drop(batch);
        world.sync().unwrap();
        let mut there = [0i64; 100];
        segment.get(world.rank(), 0, &mut there).unwrap();
        assert_eq!(there, [40 * world.size() as i64; 100]);
        world.sync().unwrap();
        // Memory that is in a batch is not given back under it.
        let mut batch = Batch::new(world);
        let right = (world.rank() + 1) % world.size();
        batch.put(&segment, right, 0, &[7u8; 800]).unwrap();
        segment.free().unwrap();
        let other = Segment::allocate_zeroed(&world.team(), 8 * 100).unwrap();
        batch.flush().unwrap();
        world.sync().unwrap();
        let mut there = [1u8; 800];
        other.get(world.rank(), 0, &mut there).unwrap();
        assert_eq!(there, [0; 800]);
        world.sync().unwrap();
        other.free().unwrap();
    });
}
