//! Random one-sided operations against a serial model, with fences at random places.
//!
//! Each rank has a stretch of its own in everybody's part, and does there what it likes: operations of one rank to one target take
//! effect in the order of issue, so every get shows what the model says, fence or no fence. Besides, all ranks accumulate
//! and count in a stretch they share, where only sums are known, at the end.

#![allow(missing_docs)]

use rma::{Op, Segment, SignalUpdate, Strided, Vector, World};
use tests::everywhere;

/// Elements of one rank's stretch.
const STRETCH: usize = 3000;
/// Elements of the shared one.
const SHARED: usize = 64;

/// Deterministic noise.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }
}

struct Walk<'a> {
    world: &'a World,
    segment: Segment,
    random: Random,
    /// This rank's stretch at every target.
    model: Vec<Vec<i64>>,
    /// What this rank has added to the shared stretches, by target.
    added: Vec<Vec<i64>>,
}

impl Walk<'_> {
    /// Byte offset of element `index` of this rank's stretch.
    fn at(&self, index: usize) -> usize {
        8 * (SHARED + self.world.rank() * STRETCH + index)
    }

    fn data(&mut self, len: usize) -> Vec<i64> {
        (0..len).map(|_| self.random.below(1 << 20) as i64).collect()
    }

    /// A run: start and length, short ones and long ones.
    fn run(&mut self) -> (usize, usize) {
        let longest = [1, 8, 300, STRETCH][self.random.below(4)];
        let len = 1 + self.random.below(longest);
        (self.random.below(STRETCH - len + 1), len)
    }

    fn step(&mut self) {
        let target = self.random.below(self.world.size());
        let (start, len) = self.run();
        let data = self.data(len);
        let offset = self.at(start);
        let segment = self.segment.clone();
        match self.random.below(12) {
            0 => {
                segment.put(target, offset, &data).unwrap();
                self.model[target][start..start + len].copy_from_slice(&data);
            }
            1 => {
                let request = segment.put_nb(target, offset, data.clone()).unwrap();
                self.model[target][start..start + len].copy_from_slice(&data);
                // A get that overtakes it would show.
                self.check(target, start, len);
                assert_eq!(request.wait().unwrap(), data);
            }
            2 => {
                segment.accumulate(target, offset, &data, 3).unwrap();
                let to = self.model[target][start..start + len].iter_mut();
                to.zip(&data).for_each(|(to, from)| *to += 3 * from);
            }
            3 | 4 => self.strided(target),
            5 => {
                let old = segment.fetch_add(target, offset, 7i64).unwrap();
                assert_eq!(old, self.model[target][start]);
                self.model[target][start] += 7;
            }
            6 => {
                let (old, expected) = (self.model[target][start], data[0] % 2 + self.model[target][start]);
                assert_eq!(segment.compare_swap(target, offset, expected, -1).unwrap(), old);
                self.model[target][start] = if old == expected { -1 } else { old };
            }
            7 => {
                // The signal is the stretch's first element.
                let update = SignalUpdate::Set(data[0] as u64);
                segment.put_signal(target, offset, &data, self.at(0), update).unwrap();
                self.model[target][start..start + len].copy_from_slice(&data);
                self.model[target][0] = data[0];
            }
            8 => {
                let index = self.random.below(SHARED / 2);
                segment.accumulate(target, 8 * index, &[data[0]], 1).unwrap();
                self.added[target][index] += data[0];
                segment.fetch_add(target, 8 * (SHARED / 2 + index), 1i64).unwrap();
                self.added[target][SHARED / 2 + index] += 1;
            }
            9 => self.vector(target),
            10 => self.world.fence(target).unwrap(),
            _ => self.check(target, start, len),
        }
        if self.random.below(50) == 0 {
            self.world.fence_all().unwrap();
        }
    }

    fn check(&self, target: usize, start: usize, len: usize) {
        let mut seen = vec![0; len];
        self.segment.get(target, self.at(start), &mut seen).unwrap();
        assert_eq!(seen, self.model[target][start..start + len], "target {target} from {start}");
    }

    /// A box of rows, put or accumulated, and got back.
    fn strided(&mut self, target: usize) {
        let (width, rows) = (1 + self.random.below(40), 1 + self.random.below(30));
        let pitch = width + self.random.below(40);
        let start = self.random.below(STRETCH - pitch * rows + 1);
        let data = self.data(width * rows);
        let counts = [8 * width, rows];
        let (remote, local) = ([8 * pitch as isize], [8 * width as isize]);
        let shape =
            Strided { counts: &counts, remote_strides: &remote, local_strides: &local, local_offset: 0 };
        let is_sum = self.random.below(2) == 0;
        match is_sum {
            true => self.segment.accumulate_strided(target, self.at(start), shape, &data, 2).unwrap(),
            false => self.segment.put_strided(target, self.at(start), shape, &data).unwrap(),
        }
        for (index, value) in data.iter().enumerate() {
            let to = &mut self.model[target][start + index / width * pitch + index % width];
            *to = if is_sum { *to + 2 * value } else { *value };
        }
        let mut back = vec![0; width * rows];
        self.segment.get_strided(target, self.at(start), shape, &mut back).unwrap();
        for (index, value) in back.iter().enumerate() {
            assert_eq!(*value, self.model[target][start + index / width * pitch + index % width]);
        }
    }

    /// Scattered runs of four elements.
    fn vector(&mut self, target: usize) {
        let runs = 1 + self.random.below(20);
        let places: Vec<usize> = (0..runs).map(|_| 4 * self.random.below(STRETCH / 4)).collect();
        let data = self.data(4 * runs);
        let remote: Vec<usize> = places.iter().map(|place| self.at(*place)).collect();
        let local: Vec<usize> = (0..runs).map(|run| 32 * run).collect();
        let runs = Vector { remote: &remote, local: &local, len_bytes: 32 };
        self.segment.put_vector(target, runs, &data).unwrap();
        for (place, values) in places.iter().zip(data.chunks(4)) {
            self.model[target][*place..place + 4].copy_from_slice(values);
        }
        let mut back = vec![0; data.len()];
        self.segment.get_vector(target, runs, &mut back).unwrap();
        for (place, values) in places.iter().zip(back.chunks(4)) {
            assert_eq!(values, &self.model[target][*place..place + 4]);
        }
    }
}

#[test]
fn operations_of_one_rank_take_effect_in_order() {
    everywhere(&[1, 2, 3, 4], "operations_of_one_rank_take_effect_in_order", |world| {
        let (me, size) = (world.rank(), world.size());
        for seed in 1..4 {
            let segment = Segment::allocate_zeroed(&world.team(), 8 * (SHARED + size * STRETCH)).unwrap();
            let random = Random(seed * 100 + me as u64);
            let (model, added) = (vec![vec![0; STRETCH]; size], vec![vec![0; SHARED]; size]);
            let mut walk = Walk { world, segment, random, model, added };
            (0..300).for_each(|_| walk.step());
            world.sync().unwrap();
            // The owners see what all have done to their parts.
            let models = world.team().alltoallv(&walk.model).unwrap();
            let mut mine = vec![0; size * STRETCH];
            walk.segment.get(me, 8 * SHARED, &mut mine).unwrap();
            assert_eq!(mine, models.concat(), "seed {seed}");
            let mut sums = walk.added.concat();
            world.team().allreduce(&mut sums, Op::Sum).unwrap();
            let mut shared = [0; SHARED];
            walk.segment.get(me, 0, &mut shared).unwrap();
            assert_eq!(shared, sums[me * SHARED..][..SHARED], "seed {seed}");
            walk.segment.free().unwrap();
        }
    });
}
