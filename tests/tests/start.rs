//! Starts that the system makes hard.

use rma::Op;
use tests::{Job, is_rank};

/// Puts this thread, and the jobs that it starts, into a network of their own where sockets that listen have short queues. False without
/// the right to.
fn in_a_network_with_short_queues() -> bool {
    // SAFETY: a system call that concerns this thread only.
    let is_apart = unsafe { libc::unshare(libc::CLONE_NEWNET) } == 0;
    is_apart && std::fs::write("/proc/sys/net/core/somaxconn", "2").is_ok()
}

/// Oracle: the sum of all ranks.
#[test]
fn a_node_may_have_more_ranks_than_a_queue_has_places() {
    if !is_rank() && !in_a_network_with_short_queues() {
        return eprintln!("skipped: no network of its own can be made");
    }
    Job::new("a_node_may_have_more_ranks_than_a_queue_has_places").run(&[12], |world| {
        let mut sum = [world.rank() as u64];
        world.team().allreduce(&mut sum, Op::Sum).unwrap();
        assert_eq!(sum, [66]);
    });
}

/// One rank doesn't come to the start.
#[test]
fn who_waits_for_a_start_that_does_not_come_says_for_what() {
    let start = || {
        if std::env::var("PMI_RANK").is_ok_and(|rank| rank == "1") {
            std::thread::sleep(std::time::Duration::from_secs(20));
        }
        rma::World::init()
    };
    let job =
        Job::new("who_waits_for_a_start_that_does_not_come_says_for_what").env("GAIN_START_SECONDS", "0.5");
    let outcome = job.starting(start).outcome(3, |_| unreachable!());
    assert_ne!(outcome.code, 0);
    let expected =
        "PMI request `barrier_in`: waited 0.5 s (GAIN_START_SECONDS) for an answer of the process manager";
    assert!(outcome.stderr.contains(expected), "{outcome}");
}
