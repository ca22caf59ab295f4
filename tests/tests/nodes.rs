//! Faults between nodes: a rank of another node ends in each phase, and nobody else tells the survivors.
//!
//! The rank ends with code 0, which our launcher takes for a good end, so it doesn't end the job. Each survivor prints what it was told,
//! and ends in the same way; a job that hangs runs into its deadline. Oracle: who ended, and what the others did then.

use rma::{Compare, ErrorKind, MutexSet, Op, Result, Segment, SignalUpdate, World};
use std::time::Duration;
use tests::{Fragile, Job, Outcome};

/// Four ranks on two nodes; `gone` ends after everybody has met, the others call `then`, and must be told of a death.
fn ends(name: &str, gone: usize, then: impl Fn(&World, &Segment, &MutexSet) -> Result<()>) -> Outcome {
    let job = Job::new(name).fake_nodes(2).deadline(Duration::from_secs(20));
    let outcome = job.outcome(4, |world| {
        let segment = Segment::allocate_zeroed(&world.team(), 1 << 16).unwrap();
        let locks = MutexSet::create(&world.team(), 1).unwrap();
        // Everybody knows everybody.
        (0..world.size()).for_each(|rank| segment.put(rank, 8 * world.rank(), &[1u64]).unwrap());
        if world.rank() == gone {
            locks.lock(0, 0).unwrap();
        }
        world.sync().unwrap();
        if world.rank() == gone {
            std::process::exit(0);
        }
        let outcome = then(world, &segment, &locks);
        let error = outcome.expect_err("a rank is gone");
        assert_eq!(error.kind(), ErrorKind::Died, "{error}");
        eprintln!("told: {error}");
        std::process::exit(0);
    });
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.elapsed < Duration::from_secs(10), "{outcome}");
    outcome
}

/// What a survivor was told. The launcher prints equal lines of several ranks once.
fn told(outcome: &Outcome, rank: usize) -> &str {
    let is_of = |line: &&str| {
        let ranks = line.strip_prefix("[rank").and_then(|rest| rest.split(']').next()).unwrap_or("");
        let digits = ranks.trim_start_matches('s').trim();
        line.contains("told: ")
            && digits.split(',').any(|part| match part.split_once('-') {
                Some((first, last)) => (first.parse().unwrap()..=last.parse().unwrap()).contains(&rank),
                None => part.parse() == Ok(rank),
            })
    };
    outcome.stderr.lines().find(is_of).unwrap_or_else(|| panic!("rank {rank} was told nothing\n{outcome}"))
}

fn names(line: &str, rank: usize) -> bool {
    line.contains(&format!("world rank {rank} on host "))
}

#[test]
fn a_leader_gone_before_a_barrier() {
    let outcome = ends("a_leader_gone_before_a_barrier", 2, |world, _, _| world.barrier());
    assert!((0..2).chain([3]).all(|rank| names(told(&outcome, rank), 2)), "{outcome}");
}

/// The other node hears of it through the leader, which ends for that reason.
#[test]
fn a_member_gone_before_a_barrier() {
    let outcome = ends("a_member_gone_before_a_barrier", 3, |world, _, _| world.barrier());
    assert!(names(told(&outcome, 2), 3), "{outcome}");
    assert!((0..2).all(|rank| names(told(&outcome, rank), 2)), "{outcome}");
}

#[test]
fn a_leader_gone_before_an_allreduce() {
    let outcome = ends("a_leader_gone_before_an_allreduce", 0, |world, _, _| {
        world.team().allreduce(&mut vec![1.0; 5000], Op::Sum)
    });
    assert!((1..4).all(|rank| names(told(&outcome, rank), 0)), "{outcome}");
}

#[test]
fn gone_while_others_get() {
    let outcome = ends("gone_while_others_get", 3, |world, segment, _| match world.rank() {
        2 => world.barrier(),
        _ => loop {
            segment.get(3, 8, &mut [0u64; 100])?;
        },
    });
    assert!((0..3).all(|rank| names(told(&outcome, rank), 3)), "{outcome}");
}

#[test]
fn gone_with_a_mutex_of_another_node() {
    let outcome = ends("gone_with_a_mutex_of_another_node", 3, |_, _, locks| locks.lock(0, 0));
    assert!((0..3).all(|rank| told(&outcome, rank).contains("world rank ")), "{outcome}");
}

/// A rank may also be told of one that has ended for that reason.
#[test]
fn gone_before_finalize() {
    let outcome = ends("gone_before_finalize", 2, |world, _, _| world.finalize());
    let are_named = [0, 1, 3].map(|rank| (0..4).any(|other| names(told(&outcome, rank), other)));
    assert!(are_named == [true; 3] && outcome.stderr.contains("world rank 2 on host "), "{outcome}");
}

/// Everything is over but for the last words to the process manager, and one rank doesn't speak them. Oracle: the job ends.
#[test]
fn gone_in_the_last_words_of_finalize() {
    let job = Job::new("gone_in_the_last_words_of_finalize").fake_nodes(2).deadline(Duration::from_secs(20));
    let outcome = job
        .starting(|| Fragile::start(3, 5, || std::process::exit(0)))
        .outcome(4, |world| world.finalize().unwrap());
    assert!(outcome.elapsed < Duration::from_secs(10), "{outcome}");
    assert!(outcome.code != 0 && outcome.stderr.contains("rank 3"), "{outcome}");
}

/// Ranks of one node wait in a barrier for those of the other, which sleep.
#[test]
fn ranks_that_wait_for_another_node_say_so() {
    let job = Job::new("ranks_that_wait_for_another_node_say_so").env("GAIN_STALL_SECONDS", "0.5");
    let outcome = job.fake_nodes(2).outcome(4, |world| {
        world.barrier().unwrap();
        if world.rank() > 1 {
            std::thread::sleep(Duration::from_millis(1500));
        }
        world.barrier().unwrap();
    });
    assert_eq!(outcome.code, 0, "{outcome}");
    let line = outcome.stderr.lines().find(|line| line.contains("no progress for 0.5 s on host "));
    let line = line.unwrap_or_else(|| panic!("{outcome}"));
    assert!(line.contains("ranks 0,1 in barrier of team world at "), "{outcome}");
    assert!(line.contains("(waiting for ranks 0,2)"), "{outcome}");
}

/// A rank of the own node is done and gone, and the one that is asked is stopped for a while: that is no death. Oracle: what is
/// read in the end.
fn waits_for_whom_it_asked(engine: &'static str) {
    let job = Job::new(&format!("waits_for_whom_it_asked_{engine}")).fake_nodes(2).over(engine);
    let outcome = job.deadline(Duration::from_secs(30)).outcome(4, |world| {
        let segment = Segment::allocate_zeroed(&world.team(), 1 << 18).unwrap();
        let pid = u64::from(std::process::id());
        segment.put(world.rank(), 0, &vec![world.rank() as u64; 1 << 15]).unwrap();
        world.sync().unwrap();
        if world.rank() == 2 {
            segment.put(3, 0, &[pid]).unwrap();
        }
        world.sync().unwrap();
        match world.rank() {
            0 => {
                // The other ones are gone, or stopped, by the time the answer is missed.
                for len in [8, 1 << 12, 1 << 15] {
                    let mut data = vec![0u64; len];
                    segment.get(2, 0, &mut data).unwrap();
                    assert!(data.iter().all(|&word| word == 2), "{len}");
                }
            }
            2 => {
                // SAFETY: stops this process, until rank 3 wakes it.
                unsafe { libc::raise(libc::SIGSTOP) };
                std::thread::sleep(Duration::from_secs(3));
            }
            3 => {
                let mut pid = [0u64];
                segment.get(3, 0, &mut pid).unwrap();
                std::thread::sleep(Duration::from_secs(3));
                // SAFETY: a signal to a rank of this job, which is stopped.
                unsafe { libc::kill(pid[0] as i32, libc::SIGCONT) };
            }
            _ => {}
        }
        std::process::exit(0);
    });
    assert_eq!(outcome.code, 0, "{outcome}");
}

#[test]
fn waits_for_whom_it_asked_over_ucx() {
    waits_for_whom_it_asked("ucx");
}

#[test]
fn waits_for_whom_it_asked_over_ofi() {
    waits_for_whom_it_asked("ofi");
}

/// A rank is stopped for good in the middle of transfers that an engine makes out of, and into, memory of those that wait. Oracle: each wait ends
/// with that rank's silence, and what the others do then is untouched.
fn gives_up_who_is_silent(engine: &'static str) {
    let job = Job::new(&format!("gives_up_who_is_silent_{engine}")).fake_nodes(2).over(engine);
    let job = job.env("GAIN_RDMA_BYTES", "32768").deadline(Duration::from_secs(40));
    let outcome = job.outcome(4, |world| {
        const LEN: usize = 32 << 20;
        let segment = Segment::allocate_zeroed(&world.team(), LEN).unwrap();
        let pid = Segment::allocate_zeroed(&world.team(), 8).unwrap();
        // Everybody has everybody's keys.
        (0..4).for_each(|rank| segment.put(rank, 0, &vec![0u8; 1 << 16]).unwrap());
        if world.rank() == 2 {
            (0..4).for_each(|rank| pid.put(rank, 0, &[u64::from(std::process::id())]).unwrap());
        }
        world.sync().unwrap();
        let stopped = pid.get_value::<u64>(world.rank(), 0).unwrap() as i32;
        match world.rank() {
            // SAFETY: stops this process for good; rank 1 ends it.
            2 => drop(unsafe { libc::raise(libc::SIGSTOP) }),
            3 => {}
            rank => {
                std::thread::sleep(Duration::from_millis(200));
                let mut data = vec![rank as u8; LEN];
                let outcome = if rank == 0 { segment.put(2, 0, &data) } else { segment.get(2, 0, &mut data) };
                let error = outcome.and_then(|()| world.fence(2)).expect_err("the rank is silent");
                assert!(
                    error.kind() == ErrorKind::Died && error.to_string().contains("no sign of life"),
                    "{error}"
                );
                // The memory is this rank's own again.
                data.fill(9);
                std::thread::sleep(Duration::from_millis(200));
                assert!(data.iter().all(|&byte| byte == 9));
                eprintln!("told: {error}");
                if rank == 1 {
                    std::thread::sleep(Duration::from_secs(2));
                    // SAFETY: a signal to a rank of this job, which is stopped.
                    unsafe { libc::kill(stopped, libc::SIGKILL) };
                }
            }
        }
        std::process::exit(0);
    });
    assert!((0..2).all(|rank| names(told(&outcome, rank), 2)), "{outcome}");
}

#[test]
fn gives_up_who_is_silent_over_ucx() {
    gives_up_who_is_silent("ucx");
}

#[test]
fn gives_up_who_is_silent_over_ofi() {
    gives_up_who_is_silent("ofi");
}

/// Who makes pages for much memory still hands out the keys of what it has. Oracle: what it finds there when it has the pages.
#[test]
fn who_allocates_much_is_there_for_others() {
    const WORDS: usize = 1 << 13;
    let job = Job::new("who_allocates_much_is_there_for_others").fake_nodes(2).over("ofi");
    job.env("GAIN_RDMA_BYTES", "32768").run(&[2], |world| {
        let segment = Segment::allocate_zeroed(&world.team(), 8 * WORDS + 8).unwrap();
        world.sync().unwrap();
        if world.rank() == 0 {
            segment.put_signal(1, 0, &[0u64; 0], 8 * WORDS, SignalUpdate::Set(1)).unwrap();
            drop(Segment::allocate(&world.node_team(), 2 << 30).unwrap());
            let mut data = vec![0u64; WORDS];
            segment.get(0, 0, &mut data).unwrap();
            assert!(data.iter().all(|&word| word == 7), "the put came later");
        } else {
            segment.wait_signal(8 * WORDS, Compare::AtLeast(1)).unwrap();
            segment.put(0, 0, &vec![7u64; WORDS]).unwrap();
            world.fence(0).unwrap();
        }
        world.sync().unwrap();
    });
}

/// Whether this process has the thread that makes progress.
fn has_helper() -> bool {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let mut names = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.any(|name| name.trim_end() == "gain-progress")
}

/// Runs when the process ends, after everything that was registered later, and before libraries are torn down.
extern "C" fn expect_no_helper() {
    if has_helper() {
        eprintln!("told: the helper is there");
        // SAFETY: ends the process at once.
        unsafe { libc::_exit(7) };
    }
}

/// Nothing of ours is inside a library that is torn down, however a rank ends. Oracle: the process's threads.
fn ends_without_helper(name: &str, progress: &str, then: fn(&World)) {
    let start = || {
        // SAFETY: a function of this program.
        unsafe { libc::atexit(expect_no_helper) };
        World::init()
    };
    let job = Job::new(name).fake_nodes(2).env("GAIN_PROGRESS", progress).starting(start);
    let outcome = job.outcome(2, |world| {
        world.barrier().unwrap();
        // (A thread names itself, so it may be there without its name for a moment.)
        while !has_helper() {
            std::thread::yield_now();
        }
        then(world);
    });
    assert_eq!(outcome.code, 0, "{outcome}");
}

#[test]
fn no_helper_is_left_by_a_rank_that_finalizes() {
    ends_without_helper("no_helper_is_left_by_a_rank_that_finalizes", "thread", |world| {
        world.finalize().unwrap();
        assert!(!has_helper());
    });
}

/// Others put to it meanwhile, so the helper has work.
#[test]
fn no_helper_is_left_by_a_rank_that_exits() {
    ends_without_helper("no_helper_is_left_by_a_rank_that_exits", "thread", |world| {
        let segment = Segment::allocate_zeroed(&world.team(), 1 << 16).unwrap();
        if world.rank() == 0 {
            while segment.put(1, 0, &[1u64; 1000]).and_then(|()| world.fence(1)).is_ok() {}
        } else {
            while segment.get_value::<u64>(1, 0).unwrap() == 0 {
                std::thread::yield_now();
            }
        }
        std::process::exit(0);
    });
}

#[test]
fn no_helper_is_left_by_a_rank_that_polls_and_exits() {
    ends_without_helper("no_helper_is_left_by_a_rank_that_polls_and_exits", "poll", |_| {
        std::process::exit(0)
    });
}

/// Its helper answers, even when the first message of all meets a rank that computes. And where nobody waits, nobody is
/// silent for too long. Oracle: the barriers.
#[test]
#[ignore = "takes longer than a silent peer is waited for"]
fn who_computes_for_long_is_alive() {
    const LONG: Duration = Duration::from_secs(9);
    let job = Job::new("who_computes_for_long_is_alive").fake_nodes(2);
    job.run(&[3], |world| {
        let start = std::time::Instant::now();
        while world.rank() == 1 && start.elapsed() < LONG {
            std::hint::spin_loop();
        }
        world.barrier().unwrap();
        std::thread::sleep(LONG);
        world.barrier().unwrap();
    });
}
