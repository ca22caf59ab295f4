//! Atomic operations of every kind and type, alone against the language's operators, and many ranks at once on one word, the owner of which
//! updates it through memory: over shared memory, the transport's verbs (`GAIN_DIRECT=0`), and between nodes.

#![allow(missing_docs)]

use rma::{Atomic, AtomicInteger, ErrorKind, Segment, World};
use tests::Job;

fn on_all_ways(name: &str, body: impl Fn(&World)) {
    Job::new(name).everywhere(&[1, 2, 3, 4], &body);
    if !tests::is_rank() {
        Job::new(name).env("GAIN_DIRECT", "0").run(&[1, 3], &body);
    }
}

/// A word of the right neighbour's that nobody else uses, and what is there.
struct Word<'a, T> {
    segment: &'a Segment,
    rank: usize,
    offset: usize,
    model: T,
}

impl<T: Atomic + PartialEq> Word<'_, T> {
    /// The operation `fetch` returns what was there, `change` does the same unheard; both leave `new`.
    fn step(
        &mut self,
        what: &str,
        fetch: impl Fn(&Segment, usize, usize) -> rma::Result<T>,
        change: impl Fn(&Segment, usize, usize) -> rma::Result<()>,
        new: impl Fn(T) -> T,
    ) {
        let Word { segment, rank, offset, .. } = *self;
        assert_eq!(fetch(segment, rank, offset).unwrap(), self.model, "{} {what}", T::DTYPE);
        self.model = new(self.model);
        change(segment, rank, offset).unwrap();
        self.model = new(self.model);
        assert_eq!(segment.atomic_load::<T>(rank, offset).unwrap(), self.model, "{} {what}", T::DTYPE);
    }
}

fn numbers<'a, T: Atomic + PartialEq + std::ops::Add<Output = T>>(
    world: &World,
    segment: &'a Segment,
    [a, b]: [T; 2],
) -> Word<'a, T> {
    let rank = (world.rank() + 1) % world.size();
    let mut word = Word { segment, rank, offset: 24, model: T::ZERO };
    segment.atomic_store(rank, 24, T::ZERO).unwrap();
    word.step("add", |s, r, o| s.fetch_add(r, o, a), |s, r, o| s.atomic_add(r, o, a), |old| old + a);
    word.step("store", |s, r, o| s.swap(r, o, b), |s, r, o| s.atomic_store(r, o, b), |_| b);
    assert_eq!(segment.compare_swap(rank, 24, a, a).unwrap(), b);
    assert_eq!(segment.compare_swap(rank, 24, b, a).unwrap(), b);
    word.model = a;
    word
}

macro_rules! integers {
    ($($name:ident: $t:ty;)*) => {$(
        fn $name(world: &World, segment: &Segment) {
            let (a, b) = (<$t>::MAX / 3 * 2, 0x5a as $t);
            let mut word = numbers::<$t>(world, segment, [1, a]);
            word.step("or", |s, r, o| s.fetch_or(r, o, b), |s, r, o| s.atomic_or(r, o, b), |old| old | b);
            word.step("and", |s, r, o| s.fetch_and(r, o, a), |s, r, o| s.atomic_and(r, o, a), |old| old & a);
        }
    )*};
}

/// What is changed twice in the same way is as before.
fn xors<T: AtomicInteger>(world: &World, segment: &Segment, [a, b]: [T; 2]) {
    let rank = (world.rank() + 1) % world.size();
    segment.atomic_store(rank, 32, a).unwrap();
    assert_eq!(segment.fetch_xor(rank, 32, b).unwrap(), a);
    segment.atomic_xor(rank, 32, b).unwrap();
    assert_eq!(segment.fetch_xor(rank, 32, a).unwrap(), a);
    assert_eq!(segment.atomic_load::<T>(rank, 32).unwrap(), T::ZERO);
}

integers! { an_i32: i32; a_u32: u32; an_i64: i64; a_u64: u64; }

#[test]
fn every_operation_does_what_its_operator_does() {
    on_all_ways("every_operation_does_what_its_operator_does", |world| {
        let segment = Segment::allocate_zeroed(&world.team(), 64).unwrap();
        an_i32(world, &segment);
        a_u32(world, &segment);
        an_i64(world, &segment);
        a_u64(world, &segment);
        xors(world, &segment, [-7i32, 0x1234]);
        xors(world, &segment, [7u32, 0xffff_0000]);
        xors(world, &segment, [-7i64, i64::MIN]);
        xors(world, &segment, [7u64, u64::MAX]);
        numbers(world, &segment, [0.5f32, -3.25]);
        numbers(world, &segment, [0.1f64, 1e300]);
        // Bits are compared.
        let right = (world.rank() + 1) % world.size();
        segment.atomic_store(right, 40, -0.0f64).unwrap();
        assert!(segment.compare_swap(right, 40, 0.0, 1.0f64).unwrap().is_sign_negative());
        assert_eq!(segment.compare_swap(right, 40, -0.0, 1.0f64).unwrap(), 0.0);
        assert_eq!(segment.swap(right, 40, 0.0f64).unwrap(), 1.0);
        for (kind, offset) in [(ErrorKind::Alignment, 4), (ErrorKind::Range, 64)] {
            assert_eq!(segment.atomic_add(right, offset, 1.0f64).unwrap_err().kind(), kind);
            assert_eq!(segment.fetch_xor(right, offset, 1u64).unwrap_err().kind(), kind);
        }
        segment.free().unwrap();
    });
}

const TURNS: usize = 60;

/// Tickets: everybody adds ones to one number, and nobody sees what another one saw.
fn tickets<T: Atomic + Into<f64>>(world: &World, segment: &Segment, one: T) {
    world.barrier().unwrap();
    let seen: Vec<f64> = (0..TURNS).map(|_| segment.fetch_add(0, 8, one).unwrap().into()).collect();
    let mut all = world.team().allgather(&seen).unwrap();
    all.sort_unstable_by(f64::total_cmp);
    assert!(all.iter().enumerate().all(|(index, ticket)| *ticket == index as f64), "each ticket once");
    for _ in 0..TURNS {
        segment.atomic_add(0, 8, one).unwrap();
        // By compare-and-swap as well.
        let mut old = segment.atomic_load::<T>(0, 8).unwrap();
        loop {
            // What is there is exact.
            let new = add(old, one);
            let found = segment.compare_swap(0, 8, old, new).unwrap();
            if bytemuck::bytes_of(&found) == bytemuck::bytes_of(&old) {
                break;
            }
            old = found;
        }
    }
    world.sync().unwrap();
    let total: f64 = segment.atomic_load::<T>(0, 8).unwrap().into();
    assert_eq!(total, (3 * TURNS * world.size()) as f64);
    world.barrier().unwrap();
    if world.rank() == 0 {
        segment.atomic_store(0, 8, T::ZERO).unwrap();
    }
    world.sync().unwrap();
}

/// `a + b`, by the operation under test on memory of one's own.
fn add<T: Atomic>(mut a: T, b: T) -> T {
    // SAFETY: a number on the stack.
    unsafe { T::fetch_add(&mut a, b) };
    a
}

#[test]
fn nothing_is_lost_when_all_update_one_number() {
    on_all_ways("nothing_is_lost_when_all_update_one_number", |world| {
        let segment = Segment::allocate_zeroed(&world.team(), 64).unwrap();
        tickets(world, &segment, 1i32);
        tickets(world, &segment, 1u32);
        tickets(world, &segment, 1f32);
        tickets(world, &segment, 1f64);
        // Each rank has a bit, which it sets and clears; it finds it as it left it.
        let bit = 1u64 << world.rank();
        for turn in 0..TURNS {
            assert_eq!(segment.fetch_or(0, 16, bit).unwrap() & bit, 0, "turn {turn}");
            assert_eq!(segment.fetch_and(0, 16, !bit).unwrap() & bit, bit, "turn {turn}");
            segment.atomic_xor(0, 16, bit).unwrap();
            assert_eq!(segment.fetch_xor(0, 16, bit).unwrap() & bit, bit, "turn {turn}");
        }
        segment.atomic_or(0, 16, bit).unwrap();
        world.sync().unwrap();
        assert_eq!(segment.atomic_load::<u64>(0, 16).unwrap(), (1 << world.size()) - 1);
        segment.free().unwrap();
    });
}
