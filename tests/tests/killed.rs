//! A rank of another host is killed in each phase of a job; and a rank leaves without a word, where no launcher will tell, in each collective.
//!
//! Oracle: who was killed, where, and by what; each job is over within ten seconds, whichever engine it uses.

use rma::{ErrorKind, Op, Result, Segment, World};
use std::time::{Duration, Instant};
use tests::{Fragile, Job};

const LIMIT: Duration = Duration::from_secs(10);

/// Who is killed: a member of the second host, not its leader.
const VICTIM: usize = 3;

fn kill_me() -> ! {
    // SAFETY: plain system calls; the signal can't be caught.
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    unreachable!("SIGKILL ends this process")
}

/// Kills the victim in a moment, whatever it does then.
fn soon(world: &World) {
    if world.rank() == VICTIM {
        std::thread::spawn(|| {
            std::thread::sleep(Duration::from_millis(200));
            kill_me();
        });
    }
}

/// Two ranks on each of two hosts, the victim killed in one of these ways, over both engines.
fn killed(name: &str, engine: &'static str, start: fn() -> rma::Result<World>, body: impl Fn(&World)) {
    let job = Job::new(name).hosts(2).over(engine).starting(start).deadline(2 * LIMIT);
    if !job.is_possible() {
        return;
    }
    let outcome = job.outcome(4, body);
    assert_eq!((outcome.code, outcome.culprit), (128 + libc::SIGKILL, Some(VICTIM)), "{outcome}");
    assert!(outcome.elapsed < LIMIT, "{outcome}");
    assert!(outcome.stderr.contains("rank 3 on h2 (pid "), "{outcome}");
    assert!(outcome.stderr.contains("was killed by signal 9 (SIGKILL)"), "{outcome}");
}

macro_rules! phases {
    ($($name:ident, $engine:literal, $start:expr, $body:expr;)*) => {$(
        #[test]
        fn $name() {
            killed(stringify!($name), $engine, $start, $body);
        }
    )*};
}

phases! {
    in_its_first_words_to_the_manager, "ucx", || Fragile::start(VICTIM, 1, kill_me), |_| {};
    between_the_words_to_the_manager, "ofi", || Fragile::start(VICTIM, 3, kill_me), |_| {};
    in_the_exchange_of_addresses, "ucx", || Fragile::start(VICTIM, 4, kill_me), |_| {};
    while_others_put_to_it_over_ucx, "ucx", World::init, puts;
    while_others_put_to_it_over_ofi, "ofi", World::init, puts;
    in_collectives_over_ucx, "ucx", World::init, collectives;
    in_collectives_over_ofi, "ofi", World::init, collectives;
    in_finalize_over_ucx, "ucx", World::init, finalize;
    in_finalize_over_ofi, "ofi", World::init, finalize;
}

/// Everybody puts to the victim, which puts to rank 0.
fn puts(world: &World) {
    let segment = Segment::allocate_zeroed(&world.team(), 1 << 16).unwrap();
    soon(world);
    loop {
        segment.put(VICTIM * usize::from(world.rank() != VICTIM), 0, &[1u64; 5000]).unwrap();
        world.fence_all().unwrap();
    }
}

fn collectives(world: &World) {
    soon(world);
    loop {
        world.team().allreduce(&mut [1.0; 5000], Op::Sum).unwrap();
    }
}

/// The others are in finalize by then.
fn finalize(world: &World) {
    world.barrier().unwrap();
    if world.rank() == VICTIM {
        std::thread::sleep(Duration::from_millis(200));
        kill_me();
    }
    world.finalize().unwrap();
}

/// The environment's name of the collective of a job.
const WHICH: &str = "GAIN_TEST_COLLECTIVE";

/// What it is called, and how it is made.
type Collective = (&'static str, fn(&World) -> Result<()>);

/// Every collective, short and long ones of those that go different ways.
const COLLECTIVES: [Collective; 24] = [
    ("barrier", |world| world.barrier()),
    ("short allreduce", |world| world.team().allreduce(&mut [1.0], Op::Sum)),
    ("sync", |world| world.sync()),
    ("long broadcast", |world| world.team().broadcast(&mut vec![1u64; 50_000], 0)),
    ("short broadcast", |world| world.team().broadcast(&mut [1u64], 1)),
    ("long allreduce", |world| world.team().allreduce(&mut vec![1.0; 50_000], Op::Sum)),
    ("reduce", |world| world.team().reduce(&mut [1.0; 1000], Op::Max, 0)),
    ("scan", |world| world.team().scan(&mut [1.0; 1000], Op::Sum)),
    ("exclusive_scan", |world| world.team().exclusive_scan(&mut [1.0], Op::Sum)),
    ("short allgather", |world| world.team().allgather(&[1u64]).map(drop)),
    ("long allgather", |world| world.team().allgather(&vec![1u64; 50_000]).map(drop)),
    ("allgatherv", |world| world.team().allgatherv(&vec![1u64; 100 * world.rank()]).map(drop)),
    ("gather", |world| world.team().gather(&[1u64; 100], 2).map(drop)),
    ("scatter", |world| world.team().scatter(&[1u64; 300], 0).map(drop)),
    ("alltoall", |world| world.team().alltoall(&[1u64; 300]).map(drop)),
    ("alltoallv", |world| world.team().alltoallv(&vec![vec![1u64; 100]; 3]).map(drop)),
    ("split", |world| world.team().split(Some(0), 0).map(drop)),
    ("subset", |world| world.team().subset(&[2, 0]).map(drop)),
    ("team_of", |world| world.team_of(&[0, 1, 2]).map(drop)),
    ("allocate and free", |world| Segment::allocate(&world.team(), 4096)?.free()),
    ("ibarrier", |world| world.team().ibarrier()?.wait()),
    ("iallreduce", |world| world.team().iallreduce(vec![1.0; 1000], Op::Sum)?.wait().map(drop)),
    ("iallgather", |world| world.team().iallgather(vec![1u64; 1000])?.wait().map(drop)),
    ("ialltoall", |world| world.team().ialltoall(vec![1u64; 300])?.wait().map(drop)),
];

/// Of three ranks on two nodes one ends well, in the middle of a collective that all make again and again: the others find out by themselves.
fn left(name: &str, engine: &'static str, which: impl Fn(usize) -> bool) {
    let job = Job::new(name).fake_nodes(2).over(engine).deadline(3 * LIMIT);
    if !job.is_possible() {
        return;
    }
    for index in (0..COLLECTIVES.len()).filter(|index| tests::is_rank() || which(*index)) {
        let (what, _) = COLLECTIVES[index];
        let outcome = job.clone().env(WHICH, index.to_string()).outcome(3, leave);
        assert_eq!(outcome.code, 0, "{what}: {outcome}");
    }
}

fn leave(world: &World) {
    let index: usize = std::env::var(WHICH).ok().and_then(|text| text.parse().ok()).expect("set by the test");
    let (what, collective) = COLLECTIVES[index];
    world.barrier().unwrap();
    // The leader of a node that others are on, a member, and one that is alone on its node.
    if world.rank() == index % 3 {
        std::thread::spawn(|| {
            std::thread::sleep(Duration::from_millis(100));
            // SAFETY: ends the process at once, without a word to anybody.
            unsafe { libc::_exit(0) };
        });
    }
    let start = Instant::now();
    let error = loop {
        if let Err(error) = collective(world) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::Died, "{what}: {error}");
    // Over libfabric only silence tells of some.
    assert!(start.elapsed() < 2 * LIMIT, "{what} took {:?}: {error}", start.elapsed());
    // SAFETY: as above.
    unsafe { libc::_exit(0) };
}

#[test]
fn some_leave_in_collectives_over_ucx() {
    left("some_leave_in_collectives_over_ucx", "ucx", |index| index == 1);
}

#[test]
fn some_leave_in_collectives_over_ofi() {
    left("some_leave_in_collectives_over_ofi", "ofi", |index| index == 5);
}

#[test]
#[ignore = "two seconds for each collective"]
fn each_collective_is_left_over_ucx() {
    left("each_collective_is_left_over_ucx", "ucx", |_| true);
}

#[test]
#[ignore = "two seconds for each collective"]
fn each_collective_is_left_over_ofi() {
    left("each_collective_is_left_over_ofi", "ofi", |_| true);
}
