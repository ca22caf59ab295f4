//! Faults: each ends the job within five seconds, with a message that names the culprit, and leaves nothing behind.
//!
//! The oracle is what was done to the job: which rank was killed, by what, and where the others were by then.

use rma::{Compare, ErrorKind, MutexSet, Segment, SignalUpdate, World};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tests::{Job, Outcome};

const LIMIT: Duration = Duration::from_secs(5);

/// Kills this process after a moment, from another thread.
fn kill_me_soon() {
    std::thread::spawn(|| {
        std::thread::sleep(Duration::from_millis(300));
        kill_me();
    });
}

fn kill_me() -> ! {
    // SAFETY: plain system calls; the signal can't be caught.
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    unreachable!("SIGKILL ends this process")
}

/// Names in the folders where shared memory and temporary files would be left.
fn leftovers() -> Vec<String> {
    let names = |folder: &str| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let ours = names("/dev/shm").chain(names("/tmp")).map(|path| path.display().to_string());
    let mut ours: Vec<String> = ours.filter(|path| path.contains("gain")).collect();
    ours.sort();
    ours
}

/// Runs a job that fails, and checks what every failing job must satisfy.
fn fails(job: Job, ranks: usize, body: impl Fn(&World)) -> Outcome {
    let before = leftovers();
    let outcome = job.outcome(ranks, body);
    assert_ne!(outcome.code, 0, "{outcome}");
    assert!(outcome.elapsed < LIMIT, "{outcome}");
    assert_eq!(leftovers(), before);
    for pid in &outcome.processes {
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "process {pid} is left");
    }
    outcome
}

/// [`fails`], with rank 1 killed by SIGKILL.
fn rank_1_is_killed(name: &str, ranks: usize, body: impl Fn(&World)) -> Outcome {
    let outcome = fails(Job::new(name), ranks, body);
    assert_eq!((outcome.code, outcome.culprit), (128 + libc::SIGKILL, Some(1)), "{outcome}");
    assert!(outcome.stderr.contains("gain: rank 1 (pid "), "{outcome}");
    assert!(outcome.stderr.contains("was killed by signal 9 (SIGKILL)"), "{outcome}");
    outcome
}

#[test]
fn killed_in_a_barrier() {
    let outcome = rank_1_is_killed("killed_in_a_barrier", 3, |world| {
        match world.rank() {
            0 => std::thread::sleep(Duration::from_secs(60)),
            1 => kill_me_soon(),
            _ => {}
        }
        world.barrier().unwrap();
    });
    assert!(outcome.stderr.contains("meanwhile rank 2 in barrier of team world at "), "{outcome}");
    assert!(outcome.stderr.contains("faults.rs:"), "{outcome}");
    assert!(outcome.stderr.contains("rank 0 not waiting"), "{outcome}");
}

#[test]
fn killed_in_a_put_loop() {
    let outcome = rank_1_is_killed("killed_in_a_put_loop", 3, |world| {
        let segment = Segment::allocate(&world.team(), 8 * 1024).unwrap();
        if world.rank() == 1 {
            kill_me_soon();
            loop {
                segment.put(0, 0, &[1.0f64; 1024]).unwrap();
            }
        }
        world.barrier().unwrap();
    });
    assert!(outcome.stderr.contains("ranks 0,2 in barrier of team world"), "{outcome}");
}

#[test]
fn killed_while_holding_a_lock() {
    let outcome = rank_1_is_killed("killed_while_holding_a_lock", 3, |world| {
        let locks = MutexSet::create(&world.team(), 1).unwrap();
        if world.rank() == 1 {
            locks.lock(0, 0).unwrap();
            world.barrier().unwrap();
            std::thread::sleep(Duration::from_millis(300));
            kill_me();
        }
        world.barrier().unwrap();
        locks.lock(0, 0).unwrap();
    });
    assert!(
        outcome.stderr.contains("[ranks 0,2]") && outcome.stderr.contains("rank 1 died holding the lock"),
        "{outcome}"
    );
}

#[test]
fn killed_in_an_accumulate_loop() {
    let outcome = rank_1_is_killed("killed_in_an_accumulate_loop", 3, |world| {
        let segment = Segment::allocate(&world.team(), 8 << 20).unwrap();
        if world.rank() == 1 {
            kill_me_soon();
        }
        // Rank 0 computes; the others meet in its locks, which one of them may hold when it dies.
        while world.rank() != 0 {
            segment.accumulate(0, 0, &vec![1.0f64; 1 << 20], 2.0).unwrap();
        }
        world.barrier().unwrap();
    });
    assert!(outcome.stderr.contains("rank 0 in barrier of team world"), "{outcome}");
}

/// No launcher tells anybody: who waits for the lock finds out from the lock itself.
#[test]
fn a_lock_whose_owner_left_is_an_error() {
    tests::spmd(&[3], "a_lock_whose_owner_left_is_an_error", |world| {
        let locks = MutexSet::create(&world.team(), 4).unwrap();
        if world.rank() == 1 {
            locks.lock(2, 3).unwrap();
            world.barrier().unwrap();
            std::process::exit(0);
        }
        world.barrier().unwrap();
        let error = locks.lock(2, 3).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Died, "{error}");
        assert!(error.to_string().contains("world rank 1"), "{error}");
        std::process::exit(0);
    });
}

#[test]
fn killed_in_the_middle_of_an_allocation() {
    let outcome = rank_1_is_killed("killed_in_the_middle_of_an_allocation", 2, |world| {
        if world.rank() == 1 {
            kill_me_soon();
        }
        loop {
            let segment = Segment::allocate(&world.team(), 64 << 20).unwrap();
            segment.free().unwrap();
        }
    });
    // In a wait, or at work on memory of its own.
    assert!(outcome.stderr.contains("meanwhile rank 0 "), "{outcome}");
}

#[test]
fn a_panic_ends_the_others() {
    let outcome = fails(Job::new("a_panic_ends_the_others"), 3, |world| {
        assert!(world.rank() != 2, "rank {} has had enough", world.rank());
        world.barrier().unwrap();
    });
    assert_eq!((outcome.code, outcome.culprit), (101, Some(2)), "{outcome}");
    assert!(outcome.stderr.contains("rank 2 has had enough"), "{outcome}");
    assert!(outcome.stderr.contains("exited with code 101"), "{outcome}");
}

#[test]
fn abort_ends_all_with_its_code() {
    let outcome = fails(Job::new("abort_ends_all_with_its_code"), 3, |world| {
        if world.rank() == 1 {
            world.abort(17, "the input is damaged");
        }
        world.barrier().unwrap();
    });
    assert_eq!((outcome.code, outcome.culprit), (17, Some(1)), "{outcome}");
    assert!(outcome.stderr.contains("the input is damaged"), "{outcome}");
}

/// Nobody kills the job here (the launcher takes code 0 for a good end): the survivors find out by themselves.
#[test]
fn a_rank_that_leaves_early_is_named_by_those_who_wait() {
    let outcome = fails(Job::new("a_rank_that_leaves_early_is_named_by_those_who_wait"), 3, |world| {
        if world.rank() == 1 {
            std::process::exit(0);
        }
        let error = world.barrier().unwrap_err();
        assert_eq!((error.kind(), error.rank()), (ErrorKind::Died, Some(1)));
        panic!("{error}");
    });
    assert!(outcome.stderr.contains("barrier (rank 1): world rank 1 "), "{outcome}");
}

/// A program may end without a word. Oracle: who waits for the others only gets what it waits for.
#[test]
fn a_rank_that_leaves_early_is_no_matter_to_those_who_do_not_need_it() {
    let outcome =
        Job::new("a_rank_that_leaves_early_is_no_matter_to_those_who_do_not_need_it").outcome(3, |world| {
            let segment = Segment::allocate_zeroed(&world.team(), 8).unwrap();
            let locks = MutexSet::create(&world.team(), 1).unwrap();
            let team = world.team().subset(&[0, 2]).unwrap();
            if world.rank() == 2 {
                locks.lock(0, 0).unwrap();
            }
            world.barrier().unwrap();
            let Some(team) = team else { std::process::exit(0) };
            if world.rank() == 2 {
                // Longer than ranks leave the launcher.
                std::thread::sleep(Duration::from_millis(2500));
                locks.unlock(0, 0).unwrap();
                segment.put_signal(0, 0, &[0u8; 0], 0, SignalUpdate::Set(5)).unwrap();
                team.barrier().unwrap();
            } else {
                std::thread::scope(|threads| {
                    threads.spawn(|| locks.lock(0, 0).unwrap());
                    threads.spawn(|| assert_eq!(segment.wait_signal(0, Compare::NotEqual(0)).unwrap(), 5));
                    team.barrier().unwrap();
                });
            }
            std::process::exit(0);
        });
    assert_eq!((outcome.code, outcome.culprit), (0, None), "{outcome}");
}

#[test]
fn a_wait_stays_on_the_board_when_that_of_another_thread_ends() {
    let job = Job::new("a_wait_stays_on_the_board_when_that_of_another_thread_ends");
    let outcome = fails(job.deadline(Duration::from_secs(2)), 2, |world| {
        let segment = Segment::allocate_zeroed(&world.team(), 8).unwrap();
        if world.rank() == 1 {
            std::thread::sleep(Duration::from_secs(60));
        }
        std::thread::scope(|threads| {
            threads.spawn(|| {
                std::thread::sleep(Duration::from_millis(200));
                threads.spawn(|| segment.wait_signal(0, Compare::Equal(1)).unwrap());
                std::thread::sleep(Duration::from_millis(300));
                segment.put_signal(0, 0, &[0u8; 0], 0, SignalUpdate::Set(1)).unwrap();
            });
            world.barrier().unwrap();
        });
    });
    assert_eq!(outcome.code, 124, "{outcome}");
    assert!(outcome.stderr.contains("meanwhile rank 0 in barrier of team world at "), "{outcome}");
}

#[test]
fn who_waits_for_a_mutex_says_who_holds_it() {
    let job = Job::new("who_waits_for_a_mutex_says_who_holds_it").env("GAIN_STALL_SECONDS", "0.5");
    let outcome = fails(job.deadline(Duration::from_secs(4)), 3, |world| {
        let locks = MutexSet::create(&world.team(), 2).unwrap();
        if world.rank() == 2 {
            locks.lock(0, 1).unwrap();
        }
        world.barrier().unwrap();
        if world.rank() == 2 {
            std::thread::sleep(Duration::from_secs(60));
        }
        locks.lock(0, 1).unwrap();
    });
    let said = |line: &str| {
        line.contains("no progress for 0.5 s: ")
            && line.contains("in lock of mutex 1 at rank 0 of team world at ")
            && line.contains(" (held by world rank 2)")
    };
    assert!(outcome.stderr.lines().any(said), "{outcome}");
}

#[test]
fn different_collectives_name_both_sides() {
    let outcome = fails(Job::new("different_collectives_name_both_sides"), 2, |world| match world.rank() {
        0 => world.barrier().unwrap(),
        _ => drop(world.team().allgather(&[1.0]).unwrap()),
    });
    assert_eq!(outcome.code, 101, "{outcome}");
    assert!(outcome.stderr.contains("barrier(") && outcome.stderr.contains("allgather("), "{outcome}");
}

/// A hang across two teams, which no check of arguments can find: only the stall report tells.
#[test]
fn ranks_that_wait_for_ever_say_where() {
    let job = Job::new("ranks_that_wait_for_ever_say_where").env("GAIN_STALL_SECONDS", "0.5");
    let outcome = fails(job.deadline(Duration::from_secs(4)), 3, |world| {
        let team = world.team().subset(&[1, 2]).unwrap();
        match world.rank() {
            1 => team.unwrap().barrier().unwrap(),
            _ => world.barrier().unwrap(),
        }
    });
    assert_eq!((outcome.code, outcome.culprit), (124, None), "{outcome}");
    let reports: Vec<&str> =
        outcome.stderr.lines().filter(|line| line.contains("no progress for 0.5 s: ")).collect();
    // One merged line, or on a busy machine a few.
    assert!((1..=3).contains(&reports.len()), "{outcome}");
    for report in reports {
        assert!(report.contains("ranks 0,2 in barrier of team world at "), "{outcome}");
        assert!(report.contains("rank 1 in barrier of team 0x"), "{outcome}");
    }
    assert!(outcome.stderr.contains("gain: meanwhile ranks 0,2 in barrier of team world"), "{outcome}");
}

/// Two ranks that make two teams, not in one order: which of them each is in.
#[test]
fn teams_of_common_members_come_in_one_order() {
    let job = Job::new("teams_of_common_members_come_in_one_order").env("GAIN_STALL_SECONDS", "0.5");
    let outcome = fails(job.deadline(Duration::from_secs(3)), 3, |world| {
        let mut lists = [&[0, 1][..], &[0, 1, 2]];
        if world.rank() == 1 {
            lists.reverse();
        }
        for list in lists.iter().filter(|list| list.contains(&world.rank())) {
            world.team_of(list).unwrap();
        }
    });
    assert_eq!((outcome.code, outcome.culprit), (124, None), "{outcome}");
    let line = outcome.stderr.lines().find(|line| line.contains("no progress for 0.5 s: "));
    let line = line.unwrap_or_else(|| panic!("{outcome}"));
    let teams: Vec<&str> = line.split("of team ").skip(1).filter_map(|rest| rest.split(' ').next()).collect();
    assert!(line.contains("rank 0 in team_of of team 0x"), "{outcome}");
    assert!(line.contains("in team_of of team 0x") && teams.len() == 2 && teams[0] != teams[1], "{outcome}");
}

#[test]
fn sigusr1_shows_what_each_rank_waits_for() {
    let outcome = Job::new("sigusr1_shows_what_each_rank_waits_for").outcome(2, |world| {
        // What the bindings of a scripting language do.
        rma::waits::set_locator(|| Some(("script.py".to_owned(), 7)));
        let pids = world.team().allgather(&[std::process::id()]).unwrap();
        if world.rank() == 1 {
            std::thread::sleep(Duration::from_secs(1));
            for pid in pids {
                // SAFETY: a plain system call.
                unsafe { libc::kill(pid as i32, libc::SIGUSR1) };
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        world.barrier().unwrap();
    });
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.stderr.contains("[rank 1] gain: rank 1 is not waiting"), "{outcome}");
    let expected = "[rank 0] gain: asked by SIGUSR1: rank 0 in barrier of team world at script.py:7 (waiting";
    assert!(outcome.stderr.contains(expected), "{outcome}");
    assert!(outcome.stderr.contains("(waiting for rank 1); rank 1 not waiting"), "{outcome}");
}

#[test]
fn exhausted_memory_is_an_error_on_every_rank() {
    Job::new("exhausted").env("GAIN_HEAP_BYTES", "268435456").run(&[1, 2, 3], |world| {
        let team = world.team();
        // One rank alone asks for too much.
        let asked = if world.rank() + 1 == world.size() { 1 << 30 } else { 4096 };
        let error = Segment::allocate(&team, asked).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Memory);
        assert!(error.to_string().contains("1073741824"), "{error}");
        let segment = Segment::allocate(&team, 4096).unwrap();
        segment.put(0, 8 * world.rank(), &[world.rank() as u64]).unwrap();
        world.sync().unwrap();
        let mut all = vec![0u64; world.size()];
        segment.get(0, 0, &mut all).unwrap();
        assert!(all.iter().enumerate().all(|(rank, value)| rank as u64 == *value));
        world.barrier().unwrap();
        segment.free().unwrap();
    });
}

const LAUNCHES: &str = "GAIN_TEST_LAUNCHES";

/// This test's executable is started a second time as the launcher of a job, and that process is killed.
#[test]
fn the_launcher_killed() {
    let job = Job::new("the_launcher_killed").deadline(Duration::from_secs(30));
    if tests::is_rank() {
        job.run(&[], |world| {
            writeln!(std::io::stdout(), "pid {}", std::process::id()).unwrap();
            loop {
                world.barrier().unwrap();
            }
        });
    }
    if std::env::var_os(LAUNCHES).is_some() {
        job.launcher_job(3).run().unwrap();
        return;
    }
    let before = leftovers();
    let mut launcher = Command::new(std::env::current_exe().unwrap())
        .args(["the_launcher_killed", "--exact", "--nocapture"])
        .env(LAUNCHES, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(launcher.stdout.take().unwrap());
    let pid =
        |line: std::io::Result<String>| Some(line.unwrap().split_once("pid ")?.1.parse::<u32>().unwrap());
    let pids: Vec<u32> = stdout.lines().filter_map(pid).take(3).collect();
    assert_eq!(pids.len(), 3);
    launcher.kill().unwrap();
    launcher.wait().unwrap();
    let start = Instant::now();
    while pids.iter().any(|pid| is_running(*pid)) {
        assert!(start.elapsed() < LIMIT, "a rank outlives its launcher by {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(leftovers(), before);
}

/// Whether there is such a process that is no zombie.
fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}
