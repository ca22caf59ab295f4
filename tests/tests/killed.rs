//! A rank of another host is killed in each phase of a job, and a rank leaves without a word where no launcher will tell.
//!
//! Oracle: who was killed, where, and by what; each job is over within ten seconds, whichever engine it uses.

use rma::{Op, Segment, World};
use std::time::Duration;
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
