//! Put, get and accumulate in all forms, for every element type, on 1 to 4 ranks, over both ways: mapped memory, and the
//! transport's verbs (`GAIN_DIRECT=0`). The oracle is the same operation on a plain vector.

#![allow(missing_docs)]

use rma::transport::Capabilities;
use rma::{AtomicInteger, Complex32, Complex64, Element, Segment, Strided, Vector, World};
use tests::Job;

/// Bytes of each part.
const LEN: usize = 1 << 16;

fn on_both_ways(name: &str, body: impl Fn(&World)) {
    Job::new(name).everywhere(&[1, 2, 3, 4], &body);
    if !tests::is_rank() {
        Job::new(name).env("GAIN_DIRECT", "0").run(&[1, 3], &body);
    }
}

/// Deterministic noise.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }

    fn values<T: Element>(&mut self, count: usize) -> Vec<T> {
        let values = [0, 1, 2, 3].map(small::<T>);
        (0..count).map(|_| values[self.below(4)]).collect()
    }
}

/// A small number of any type: sums of few of them are exact.
fn small<T: Element>(number: usize) -> T {
    let byte = number as u8;
    let bytes = match T::DTYPE.name() {
        "bool" => vec![byte % 2],
        "float32" => f32::from(byte).to_ne_bytes().to_vec(),
        "float64" => f64::from(byte).to_ne_bytes().to_vec(),
        "complex64" => [f32::from(byte), 1.0].map(f32::to_ne_bytes).concat(),
        "complex128" => [f64::from(byte), 1.0].map(f64::to_ne_bytes).concat(),
        _ => (0..size_of::<T>()).map(|place| if place == 0 { byte } else { 0 }).collect(),
    };
    bytemuck::checked::pod_read_unaligned(&bytes)
}

trait Arithmetic: Element {
    fn add_scaled(self, alpha: Self, other: Self) -> Self;
}

macro_rules! arithmetic {
    ($($t:ty),*) => {$(
        impl Arithmetic for $t {
            fn add_scaled(self, alpha: $t, other: $t) -> $t {
                self + alpha * other
            }
        }
    )*};
}

arithmetic!(i8, i16, i32, i64, u8, u16, u32, u64, f32, f64, Complex32, Complex64);

impl Arithmetic for bool {
    fn add_scaled(self, alpha: bool, other: bool) -> bool {
        self | (alpha & other)
    }
}

/// This rank's third of the right neighbour's part belongs to it alone; `model` is what is there.
struct Field<T: Element> {
    segment: Segment,
    target: usize,
    model: Vec<T>,
    random: Random,
}

impl<T: Arithmetic> Field<T> {
    fn new(world: &World) -> Field<T> {
        let segment = Segment::allocate_zeroed(&world.team(), LEN).unwrap();
        let mut random = Random(world.rank() as u64 + 17);
        let model = random.values(LEN / size_of::<T>());
        let target = (world.rank() + 1) % world.size();
        segment.put(target, 0, &model).unwrap();
        Field { segment, target, model, random }
    }

    fn check(&self, what: &str) {
        let mut there = vec![small::<T>(0); self.model.len()];
        self.segment.get(self.target, 0, &mut there).unwrap();
        assert!(there == self.model, "{} {what}", T::DTYPE);
    }

    fn contiguous(&mut self) {
        let size = size_of::<T>();
        for count in [0, 1, 2, 3, 7, 8, 9, 63, 64, 65, 1000] {
            let first = self.random.below(self.model.len() - count);
            let data = self.random.values::<T>(count);
            self.segment.put(self.target, first * size, &data).unwrap();
            self.model[first..first + count].copy_from_slice(&data);
            self.check("put");
            let mut back = vec![small::<T>(1); count];
            self.segment.get(self.target, first * size, &mut back).unwrap();
            assert_eq!(back, data);
            let alpha = small::<T>(self.random.below(3));
            let data = self.random.values::<T>(count);
            self.segment.accumulate(self.target, first * size, &data, alpha).unwrap();
            let to = self.model[first..].iter_mut();
            to.zip(&data).for_each(|(to, from)| *to = to.add_scaled(alpha, *from));
            self.check("accumulate");
        }
        let value = small::<T>(3);
        self.segment.put_value(self.target, 5 * size, value).unwrap();
        self.model[5] = value;
        assert_eq!(self.segment.get_value::<T>(self.target, 5 * size).unwrap(), value);
        self.check("put_value");
    }

    /// Boxes of up to 4 levels with negative strides on both sides.
    fn strided(&mut self) {
        let size = size_of::<T>();
        for _ in 0..20 {
            let levels = 1 + self.random.below(4);
            let extents: Vec<usize> = (0..levels).map(|_| 1 + self.random.below(6)).collect();
            let mut sign = || if self.random.below(2) == 0 { 1 } else { -1 };
            let signs: Vec<(isize, isize)> = (1..levels).map(|_| (sign(), sign())).collect();
            // A row of a level is 7 elements apart at the target, 6 locally, per level below.
            let stride = |base: usize, level: usize| base.pow(level as u32 + 1) as isize;
            let remote: Vec<isize> = signs.iter().enumerate().map(|(l, s)| s.0 * stride(7, l)).collect();
            let local: Vec<isize> = signs.iter().enumerate().map(|(l, s)| s.1 * stride(6, l)).collect();
            let low = |strides: &[isize]| -> usize {
                let reach = strides.iter().zip(&extents[1..]).map(|(s, n)| (*s).min(0) * (*n as isize - 1));
                reach.sum::<isize>().unsigned_abs()
            };
            let (remote_first, local_first) = (low(&remote), low(&local));
            let in_bytes = |strides: &[isize]| strides.iter().map(|s| s * size as isize).collect::<Vec<_>>();
            let (remote_bytes, local_bytes) = (in_bytes(&remote), in_bytes(&local));
            let mut counts = extents.clone();
            counts[0] *= size;
            let shape = Strided {
                counts: &counts,
                remote_strides: &remote_bytes,
                local_strides: &local_bytes,
                local_offset: local_first * size,
            };
            // All elements of the box as (index at the target, index here).
            let mut pairs = vec![(remote_first as isize, local_first as isize)];
            for (level, extent) in extents.iter().enumerate() {
                let (r, l) = if level == 0 { (1, 1) } else { (remote[level - 1], local[level - 1]) };
                let step =
                    |(a, b): (isize, isize)| (0..*extent as isize).map(move |i| (a + i * r, b + i * l));
                pairs = pairs.into_iter().flat_map(step).collect();
            }
            let data = self.random.values::<T>(6usize.pow(levels as u32));
            self.segment.put_strided(self.target, remote_first * size, shape, &data).unwrap();
            pairs.iter().for_each(|(r, l)| self.model[*r as usize] = data[*l as usize]);
            self.check("put_strided");
            let blank = self.random.values::<T>(data.len());
            let mut back = blank.clone();
            self.segment.get_strided(self.target, remote_first * size, shape, &mut back).unwrap();
            let mut expected = blank.clone();
            pairs.iter().for_each(|(_, l)| expected[*l as usize] = data[*l as usize]);
            assert_eq!(back, expected, "get_strided");
            let request =
                self.segment.get_strided_nb(self.target, remote_first * size, shape, blank).unwrap();
            assert_eq!(request.wait().unwrap(), expected, "get_strided_nb");
            let alpha = small::<T>(1);
            self.segment.accumulate_strided(self.target, remote_first * size, shape, &data, alpha).unwrap();
            for (r, l) in &pairs {
                let to = &mut self.model[*r as usize];
                *to = to.add_scaled(alpha, data[*l as usize]);
            }
            self.check("accumulate_strided");
            let request = self
                .segment
                .accumulate_strided_nb(self.target, remote_first * size, shape, data.clone(), alpha)
                .unwrap();
            assert_eq!(request.wait().unwrap(), data, "the buffer comes back");
            for (r, l) in &pairs {
                let to = &mut self.model[*r as usize];
                *to = to.add_scaled(alpha, data[*l as usize]);
            }
            self.check("accumulate_strided_nb");
        }
    }

    fn vector(&mut self) {
        let size = size_of::<T>();
        for run in [1, 2, 3, 5] {
            // Disjoint runs at the target in any order, any runs here.
            let mut remote: Vec<usize> = (0..200).map(|i| i * 8 * size).collect();
            (0..200).for_each(|i| remote.swap(i, self.random.below(200)));
            let local: Vec<usize> = (0..200).map(|_| self.random.below(300 - run) * size).collect();
            let runs = Vector { remote: &remote, local: &local, len_bytes: run * size };
            let data = self.random.values::<T>(300);
            self.segment.put_vector(self.target, runs, &data).unwrap();
            let pairs: Vec<(usize, usize)> =
                remote.iter().zip(&local).map(|(r, l)| (r / size, l / size)).collect();
            for (r, l) in &pairs {
                self.model[*r..r + run].copy_from_slice(&data[*l..l + run]);
            }
            self.check("put_vector");
            let tight: Vec<usize> = (0..200).map(|i| i * run * size).collect();
            let mut back = vec![small::<T>(0); 200 * run];
            self.segment.get_vector(self.target, Vector { local: &tight, ..runs }, &mut back).unwrap();
            let expected: Vec<T> =
                pairs.iter().flat_map(|(r, _)| &self.model[*r..r + run]).copied().collect();
            assert_eq!(back, expected, "get_vector");
            let alpha = small::<T>(2);
            self.segment.accumulate_vector(self.target, runs, &data, alpha).unwrap();
            for (r, l) in &pairs {
                let to = self.model[*r..r + run].iter_mut();
                to.zip(&data[*l..]).for_each(|(to, from)| *to = to.add_scaled(alpha, *from));
            }
            self.check("accumulate_vector");
        }
    }

    fn requests(&mut self) {
        let size = size_of::<T>();
        let data = self.random.values::<T>(100);
        let mut request = self.segment.put_nb(self.target, 10 * size, data.clone()).unwrap();
        while !request.test().unwrap() {}
        assert_eq!(request.wait().unwrap(), data, "the buffer comes back");
        self.model[10..110].copy_from_slice(&data);
        self.check("put_nb");
        let request = self.segment.get_nb(self.target, 10 * size, vec![small::<T>(0); 100]).unwrap();
        assert_eq!(request.wait().unwrap(), data, "get_nb");
        let request =
            self.segment.accumulate_nb(self.target, 10 * size, data.clone(), small::<T>(1)).unwrap();
        drop(request);
        let to = self.model[10..110].iter_mut();
        to.zip(&data).for_each(|(to, from)| *to = to.add_scaled(small::<T>(1), *from));
        self.check("accumulate_nb");
    }
}

fn all_forms<T: Arithmetic>(world: &World) {
    let mut field = Field::<T>::new(world);
    field.contiguous();
    field.strided();
    field.vector();
    field.requests();
    field.segment.free().unwrap();
}

#[test]
fn every_form_does_what_a_vector_does() {
    on_both_ways("every_form_does_what_a_vector_does", |world| {
        all_forms::<bool>(world);
        all_forms::<i8>(world);
        all_forms::<i16>(world);
        all_forms::<i32>(world);
        all_forms::<i64>(world);
        all_forms::<u8>(world);
        all_forms::<u16>(world);
        all_forms::<u32>(world);
        all_forms::<u64>(world);
        all_forms::<f32>(world);
        all_forms::<f64>(world);
        all_forms::<Complex32>(world);
        all_forms::<Complex64>(world);
    });
}

/// What the transport says of itself holds: the bits are the ones the forms above have just used.
#[test]
fn capabilities_tell_the_truth() {
    on_both_ways("capabilities_tell_the_truth", |world| {
        let has = |capability| world.transport().capabilities().has(capability);
        let segment = Segment::allocate_zeroed(&world.team(), 64).unwrap();
        let node = world.node_team();
        let is_here = |rank| (0..node.size()).any(|member| node.world_rank(member) == rank);
        for rank in 0..world.size() {
            let expected = rank == world.rank() || has(Capabilities::MAPPED) && is_here(rank);
            assert_eq!(segment.mapped(rank).is_some(), expected, "rank {rank}");
            let rows =
                Strided { counts: &[8, 2], remote_strides: &[16], local_strides: &[8], local_offset: 0 };
            assert_eq!(segment.put_strided(rank, 0, rows, &[0.0; 2]).is_ok(), has(Capabilities::STRIDED));
            assert_eq!(segment.accumulate(rank, 0, &[0.0], 1.0).is_ok(), has(Capabilities::ACCUMULATE));
            assert_eq!(segment.fetch_add(rank, 32, 0u64).is_ok(), has(Capabilities::ATOMICS));
        }
    });
}

#[test]
fn borrowed_buffers_are_done_when_the_scope_ends() {
    on_both_ways("borrowed_buffers_are_done_when_the_scope_ends", |world| {
        let segment = Segment::allocate_zeroed(&world.team(), 4096).unwrap();
        let right = (world.rank() + 1) % world.size();
        let edge: Vec<f64> = (0..64).map(|i| (world.rank() * 100 + i) as f64).collect();
        let rows = Strided { counts: &[16, 4], remote_strides: &[32], local_strides: &[16], local_offset: 0 };
        let (mut back, mut corner) = (vec![0.0; 64], vec![0.0; 8]);
        world
            .scope(|s| {
                s.put(&segment, right, 0, &edge)?;
                s.wait_all()?;
                s.get(&segment, right, 0, &mut back)?;
                s.get_strided(&segment, right, 0, rows, &mut corner)?;
                s.accumulate(&segment, right, 1024, &edge, 2.0)?;
                s.put_strided(&segment, right, 2048, rows, &edge)
            })
            .unwrap();
        assert_eq!(back, edge);
        assert_eq!(corner, [0, 1, 4, 5, 8, 9, 12, 13].map(|i| edge[i]));
        world.sync().unwrap();
        let left = (world.rank() + world.size() - 1) % world.size();
        let mut here = [0.0; 2];
        segment.get(world.rank(), 1024 + 8 * 63, &mut here[..1]).unwrap();
        segment.get(world.rank(), 2048 + 32, &mut here[1..]).unwrap();
        assert_eq!(here, [2.0 * (left * 100 + 63) as f64, (left * 100 + 2) as f64]);
    });
}

/// Everybody accumulates everywhere at once, short and long, contiguous and strided: nothing is lost.
#[test]
fn concurrent_accumulates_lose_nothing() {
    on_both_ways("concurrent_accumulates_lose_nothing", |world| {
        const COUNT: usize = 20_000;
        let segment = Segment::allocate_zeroed(&world.team(), COUNT * 8).unwrap();
        world.barrier().unwrap();
        let ones = vec![1.0; COUNT];
        let evens =
            Strided { counts: &[8, COUNT / 2], remote_strides: &[16], local_strides: &[8], local_offset: 0 };
        for round in 0..20 {
            for rank in 0..world.size() {
                segment.accumulate(rank, 0, &ones, 1.0).unwrap();
                segment.accumulate(rank, 8 * (round * 10), &ones[..1], 1.0).unwrap();
                segment.accumulate_strided(rank, 0, evens, &ones, 2.0).unwrap();
            }
        }
        world.sync().unwrap();
        let mut sums = vec![0.0; COUNT];
        segment.get(world.rank(), 0, &mut sums).unwrap();
        for (index, sum) in sums.iter().enumerate() {
            let even = if index % 2 == 0 { 40.0 } else { 0.0 };
            let single = if index % 10 == 0 && index < 200 { 1.0 } else { 0.0 };
            assert_eq!(*sum, world.size() as f64 * (20.0 + even + single), "element {index}");
        }
    });
}

fn counters<T: AtomicInteger + From<Small>>(world: &World) {
    let segment = Segment::allocate_zeroed(&world.team(), 64).unwrap();
    world.barrier().unwrap();
    let one = T::from(Small(1));
    const TURNS: usize = 60;
    let seen: Vec<T> = (0..TURNS).map(|_| segment.fetch_add(0, 8, one).unwrap()).collect();
    let all: Vec<u64> = seen.iter().map(|value| format!("{value:?}").parse().unwrap()).collect();
    let mut all = world.team().allgather(&all).unwrap();
    all.sort_unstable();
    assert!(all.iter().enumerate().all(|(index, ticket)| *ticket == index as u64), "each ticket once");
    // A lock of compare_swap and swap around a plain counter.
    for _ in 0..TURNS {
        while segment.compare_swap(0, 16, T::from(Small(0)), one).unwrap() != T::from(Small(0)) {
            std::thread::yield_now();
        }
        let count = segment.get_value::<u64>(0, 24).unwrap();
        segment.put_value(0, 24, count + 1).unwrap();
        assert_eq!(segment.swap(0, 16, T::from(Small(0))).unwrap(), one);
    }
    world.sync().unwrap();
    assert_eq!(segment.get_value::<u64>(0, 24).unwrap(), (TURNS * world.size()) as u64);
    segment.free().unwrap();
}

/// A number every integer type has.
#[derive(Clone, Copy)]
struct Small(u8);

macro_rules! from_positive {
    ($($t:ty),*) => {$(
        impl From<Small> for $t {
            fn from(value: Small) -> $t {
                value.0.into()
            }
        }
    )*};
}

from_positive!(i32, i64, u64);

#[test]
fn integers_are_updated_atomically() {
    on_both_ways("integers_are_updated_atomically", |world| {
        counters::<i32>(world);
        counters::<i64>(world);
        counters::<u64>(world);
    });
}
