//! One rank's random walk over all operations, beside a serial model of what they do.
//!
//! Each rank has a stretch of its own in everybody's part, and does there what it likes: operations of one rank to one target take
//! effect in the order of issue, so every get shows what the model says, fence or no fence. Besides, all ranks add, count and
//! signal in a stretch they share, where only sums are known, at the end.

use rma::{Compare, MutexSet, Op, Segment, SignalUpdate, Strided, Vector, World};
use std::io::Write;

/// Elements of one rank's stretch.
const STRETCH: usize = 3000;
/// Elements of the shared one: sums, counters, elements under mutexes, and the signal.
const SHARED: usize = 2 * SUMS + LOCKS + 1;
const SUMS: usize = 32;
const LOCKS: usize = 4;
/// Byte offset of the word that counts signals.
const SIGNAL: usize = 8 * (SHARED - 1);

/// Deterministic noise.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }
}

/// One rank's walk. Says its seed if it ends in a panic.
pub(crate) struct Walk<'a> {
    world: &'a World,
    segment: Segment,
    locks: MutexSet,
    seed: u64,
    random: Random,
    /// The same on all ranks.
    agreed: Random,
    /// This rank's stretch at every target.
    model: Vec<Vec<i64>>,
    /// What this rank has added to the shared stretches, by target.
    added: Vec<Vec<i64>>,
    /// Signals sent, by target.
    signalled: Vec<u64>,
}

impl<'a> Walk<'a> {
    /// Collective.
    pub(crate) fn start(world: &'a World, seed: u64) -> Walk<'a> {
        let (team, size) = (world.team(), world.size());
        Walk {
            segment: Segment::allocate_zeroed(&team, 8 * (SHARED + size * STRETCH)).unwrap(),
            locks: MutexSet::create(&team, LOCKS).unwrap(),
            world,
            seed,
            random: Random(seed * 100 + world.rank() as u64),
            agreed: Random(!seed),
            model: vec![vec![0; STRETCH]; size],
            added: vec![vec![0; SHARED]; size],
            signalled: vec![0; size],
        }
    }

    /// Collective: so many operations of each rank, then a meeting of all.
    pub(crate) fn stretch_of(&mut self, steps: usize) {
        (0..steps).for_each(|_| self.step());
        self.meet();
    }

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
        match self.random.below(14) {
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
                let index = self.random.below(SUMS);
                segment.accumulate(target, 8 * index, &[data[0]], 1).unwrap();
                self.added[target][index] += data[0];
                segment.fetch_add(target, 8 * (SUMS + index), 1i64).unwrap();
                self.added[target][SUMS + index] += 1;
            }
            9 => self.vector(target),
            10 => self.world.fence(target).unwrap(),
            11 => {
                let lock = self.random.below(LOCKS);
                let place = 2 * SUMS + lock;
                let guard = self.locks.guard(target, lock).unwrap();
                let value = segment.get_value::<i64>(target, 8 * place).unwrap();
                segment.put_value(target, 8 * place, value + data[0]).unwrap();
                drop(guard);
                self.added[target][place] += data[0];
            }
            12 => {
                segment.put_signal(target, offset, &data, SIGNAL, SignalUpdate::Add(1)).unwrap();
                self.model[target][start..start + len].copy_from_slice(&data);
                self.signalled[target] += 1;
                self.added[target][SHARED - 1] += 1;
            }
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
    /// What all do together; everybody knows what comes out.
    fn meet(&mut self) {
        let (team, me, size) = (self.world.team(), self.world.rank(), self.world.size());
        let (root, len) = (self.agreed.below(size), self.agreed.below(4000));
        let salt = self.agreed.below(1 << 20) as i64;
        let said = |rank: usize, index: usize| salt * (rank as i64 + 1) + index as i64;
        let words = |rank: usize, len: usize| (0..len).map(|index| said(rank, index)).collect::<Vec<_>>();
        match self.agreed.below(8) {
            0 => team.barrier().unwrap(),
            1 => team.sync().unwrap(),
            2 => {
                let sent = team.alltoall(&self.signalled).unwrap();
                let until = Compare::AtLeast(sent.iter().sum());
                self.segment.wait_signal(SIGNAL, until).unwrap();
            }
            3 => {
                let mut data = words(me, len);
                team.broadcast(&mut data, root).unwrap();
                assert_eq!(data, words(root, len));
            }
            4 => {
                let mut data = words(me, len);
                team.allreduce(&mut data, Op::Sum).unwrap();
                let sum = |index| (0..size).map(|rank| said(rank, index)).sum::<i64>();
                assert_eq!(data, (0..len).map(sum).collect::<Vec<_>>());
            }
            5 => {
                let to: Vec<Vec<i64>> = (0..size).map(|rank| words(me, len * rank / size)).collect();
                let from: Vec<Vec<i64>> = (0..size).map(|rank| words(rank, len * me / size)).collect();
                assert_eq!(team.alltoallv(&to).unwrap(), from);
            }
            6 => {
                let members: Vec<usize> = (0..=root).rev().collect();
                if let Some(part) = team.subset(&members).unwrap() {
                    let all: Vec<i64> = members.iter().flat_map(|rank| words(*rank, len / 4)).collect();
                    assert_eq!(part.allgather(&words(me, len / 4)).unwrap(), all);
                }
            }
            _ => {
                let segment = Segment::allocate(&team, 8 * len).unwrap();
                segment.put((me + 1) % size, 0, &words(me, len)).unwrap();
                team.sync().unwrap();
                let mut seen = vec![0; len];
                segment.get(me, 0, &mut seen).unwrap();
                assert_eq!(seen, words((me + size - 1) % size, len));
                segment.free().unwrap();
            }
        }
    }

    /// Collective: the owners see what all have done to their parts.
    pub(crate) fn finish(self) {
        let (team, me, size) = (self.world.team(), self.world.rank(), self.world.size());
        team.sync().unwrap();
        let models = team.alltoallv(&self.model).unwrap();
        let mut mine = vec![0; size * STRETCH];
        self.segment.get(me, 8 * SHARED, &mut mine).unwrap();
        assert_eq!(mine, models.concat());
        let mut sums = self.added.concat();
        team.allreduce(&mut sums, Op::Sum).unwrap();
        let mut shared = [0; SHARED];
        self.segment.get(me, 0, &mut shared).unwrap();
        assert_eq!(shared, sums[me * SHARED..][..SHARED]);
        // Nobody's memory goes while somebody still looks.
        team.barrier().unwrap();
    }
}

impl Drop for Walk<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let line = format!("rank {}: this walk's seed was {}\n", self.world.rank(), self.seed);
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }
}
