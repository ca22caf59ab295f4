//! A host is cut off: somebody pulls its network cable, and no process ends, so nobody reports anything.
//!
//! Oracle: who was cut off, and that both sides find out within ten seconds: each rank names a rank with its host.

use rma::{ErrorKind, Op, Result, Segment, World};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tests::rig::{Network, Rig};
use tests::{Job, is_rank};

const LIMIT: Duration = Duration::from_secs(10);

/// A network of these tests' own, since it is broken now and then.
const NETWORK: Network = Network { delay_us: 1, jitter_us: 0, loss_ppm: 0 };

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What `h2` does in a rank of its own.
fn pull_cable() {
    let done = Command::new("ip").args(["link", "set", "eth0", "down"]).status();
    assert!(done.is_ok_and(|status| status.success()), "this host has no cable");
}

/// Two ranks on each of two hosts do `work` again and again; the second host's cable is pulled after a moment, or before the
/// first message.
fn cut(job: Job, is_early: bool, work: impl Fn(&World, &Segment) -> Result<()>) {
    let job = job.hosts(2).network(NETWORK).deadline(3 * LIMIT);
    if is_early {
        // Rank 3 is the last one to hear the others' addresses.
        let start = || {
            if std::env::var("PMI_RANK").is_ok_and(|rank| rank == "3") {
                pull_cable();
            }
            World::init()
        };
        return check(job.starting(start), |world| world.barrier());
    }
    check(job, |world| {
        let segment = Segment::allocate_zeroed(&world.team(), 1 << 16)?;
        world.barrier()?;
        if world.rank() == 3 {
            std::thread::spawn(|| {
                std::thread::sleep(Duration::from_millis(300));
                pull_cable();
            });
        }
        loop {
            work(world, &segment)?;
        }
    });
}

fn check(job: Job, body: impl Fn(&World) -> Result<()>) {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if !is_rank() {
        if !job.is_possible() {
            return;
        }
        plug_in();
    }
    let outcome = job.outcome(4, |world| {
        let start = Instant::now();
        let error = body(world).expect_err("half of the ranks can't be reached");
        assert_eq!(error.kind(), ErrorKind::Died, "{error}");
        // A leader that has ended for that reason may be the first thing a member notices.
        let other = if world.rank() < 2 { "on host h2" } else { "on host h1" };
        let is_member = world.rank() % 2 == 1;
        let text = error.to_string();
        assert!(text.contains(other) || is_member && text.contains("on host h"), "{error}");
        assert!(start.elapsed() < LIMIT, "it took {:?}: {error}", start.elapsed());
        std::process::exit(0);
    });
    plug_in();
    assert_eq!(outcome.code, 0, "{outcome}");
}

fn plug_in() {
    let rig = Rig::with(NETWORK).expect("there was one");
    assert!(rig.command("link").args(["h2", "up"]).status().unwrap().success());
}

fn put(world: &World, segment: &Segment) -> Result<()> {
    segment.put((world.rank() + 2) % 4, 8 * world.rank(), &[1u64])?;
    world.fence_all()
}

fn allreduce(world: &World, _: &Segment) -> Result<()> {
    world.team().allreduce(&mut [1.0; 1000], Op::Sum)
}

#[test]
#[ignore = "takes as long as a silent peer is waited for"]
fn in_one_sided_operations_over_ucx() {
    cut(Job::new("in_one_sided_operations_over_ucx").over("ucx"), false, put);
}

#[test]
#[ignore = "takes as long as a silent peer is waited for"]
fn in_one_sided_operations_over_ofi() {
    cut(Job::new("in_one_sided_operations_over_ofi").over("ofi"), false, put);
}

#[test]
#[ignore = "takes as long as a silent peer is waited for"]
fn in_collectives_over_ucx() {
    cut(Job::new("in_collectives_over_ucx").over("ucx"), false, allreduce);
}

#[test]
fn in_collectives_over_ofi() {
    cut(Job::new("in_collectives_over_ofi").over("ofi"), false, allreduce);
}

#[test]
fn without_a_helper_over_ucx() {
    cut(Job::new("without_a_helper_over_ucx").over("ucx").env("GAIN_PROGRESS", "poll"), false, put);
}

#[test]
#[ignore = "takes as long as a silent peer is waited for"]
fn without_a_helper_over_ofi() {
    cut(Job::new("without_a_helper_over_ofi").over("ofi").env("GAIN_PROGRESS", "poll"), false, allreduce);
}

#[test]
fn before_the_first_message_over_ucx() {
    cut(Job::new("before_the_first_message_over_ucx").over("ucx"), true, put);
}

#[test]
#[ignore = "takes as long as a silent peer is waited for"]
fn before_the_first_message_over_ofi() {
    cut(Job::new("before_the_first_message_over_ofi").over("ofi"), true, put);
}
