//! Jobs on several hosts of a rig, started by our launcher: who is where, what is reported, and that nothing is left.
//!
//! The ranks here don't share memory, so they speak PMI only; what they do over a network is tested with the transports.
//! Oracles: the blockwise layout computed here, and `/proc`, which shows the processes of all hosts.

use launcher::{Host, Job};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tests::Outcome;
use tests::rig::{Network, Rig};

fn rig() -> Option<&'static Rig> {
    Rig::with(Network::default())
        .map_err(|reason| eprintln!("skipped: tests on several hosts: {reason}"))
        .ok()
}

/// A job of two ranks on each of two hosts.
fn job(rig: &Rig, script: &str) -> Job {
    let host = |name: &str| Host { name: name.to_owned(), places: 2 };
    let agent = [env!("CARGO_BIN_EXE_test-agent")];
    let job = Job::new("sh", 4).args(["-c", script]).hosts(["h1", "h2"].map(host));
    job.remote_shell(rig.words("rsh")).agent(agent).deadline(Duration::from_secs(20))
}

/// Living processes with `mark` in their environment, on any host.
fn alive(mark: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let environment = std::fs::read(entry.ok()?.path().join("environ")).ok()?;
        String::from_utf8_lossy(&environment).contains(mark).then_some(())
    });
    processes.count()
}

fn until_none(mark: &str) {
    let start = Instant::now();
    while alive(mark) > 0 {
        assert!(start.elapsed() < Duration::from_secs(10), "processes are left");
        std::thread::yield_now();
    }
}

#[test]
fn ranks_are_where_they_belong() {
    let Some(rig) = rig() else { return };
    let script = "echo $PMI_RANK $PMI_SIZE $(hostname) $MPI_LOCALRANKID $MARK; echo oops >&2";
    let outcome = Outcome::of(job(rig, script).env("MARK", "here"));
    let mut lines: Vec<&str> = outcome.stdout.lines().collect();
    lines.sort();
    assert_eq!(lines, ["0 4 h1 0 here", "1 4 h1 1 here", "2 4 h2 0 here", "3 4 h2 1 here"], "{outcome}");
    assert!(outcome.code == 0 && outcome.stderr.matches("oops").count() <= 4, "{outcome}");
}

/// The harness's own way: this executable is agent and rank.
#[test]
fn the_ranks_of_a_host_share_memory() {
    tests::Job::new("the_ranks_of_a_host_share_memory").hosts(1).run(&[1, 3], |world| {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        assert_eq!(name, "h1\n");
        let mut sum = [1u64];
        world.team().allreduce(&mut sum, rma::Op::Sum).unwrap();
        assert_eq!(sum, [world.size() as u64]);
    });
}

#[test]
fn a_failing_rank_is_named_with_its_host_and_all_end() {
    let Some(rig) = rig() else { return };
    let outcome = Outcome::of(job(rig, "[ $PMI_RANK = 3 ] && kill -9 $$; sleep 60").env("MARK", "failing"));
    assert_eq!((outcome.code, outcome.culprit), (128 + libc::SIGKILL, Some(3)), "{outcome}");
    assert!(outcome.stderr.contains("gain: rank 3 on h2 (pid "), "{outcome}");
    assert!(
        outcome.stderr.contains("SIGKILL") && outcome.stderr.contains("ranks 0-2 not waiting"),
        "{outcome}"
    );
    assert!(outcome.elapsed < Duration::from_secs(5), "{outcome}");
    until_none("MARK=failing");
}

#[test]
fn a_deadline_ends_all_hosts() {
    let Some(rig) = rig() else { return };
    let job = job(rig, "trap '' TERM; sleep 60 & wait; sleep 60").env("MARK", "late");
    let outcome = Outcome::of(job.deadline(Duration::from_millis(500)));
    assert_eq!(outcome.code, 124, "{outcome}");
    until_none("MARK=late");
}

#[test]
fn a_host_whose_agent_is_killed_is_lost() {
    let Some(rig) = rig() else { return };
    let kill_agent = "[ $PMI_RANK = 2 ] && kill -9 $PPID; sleep 60";
    let outcome = Outcome::of(job(rig, kill_agent).env("MARK", "orphan"));
    assert_eq!(outcome.code, 255, "{outcome}");
    assert!(outcome.stderr.contains("gain: host h2 with ranks 2,3 was lost"), "{outcome}");
    until_none("MARK=orphan");
}

#[test]
fn a_host_that_cannot_be_reached_is_named() {
    let Some(rig) = rig() else { return };
    let hosts = ["h1", "h77"].map(|name| Host { name: name.to_owned(), places: 2 });
    let outcome = Outcome::of(job(rig, "sleep 60").hosts(hosts).env("MARK", "nowhere"));
    assert_eq!(outcome.code, 255, "{outcome}");
    assert!(outcome.stderr.contains("h77: on: no host"), "{outcome}");
    assert!(outcome.stderr.contains("gain: host h77 with ranks 2,3 was lost"), "{outcome}");
    until_none("MARK=nowhere");
}

#[test]
fn what_the_remote_shell_says_is_shown() {
    let hosts = [Host { name: "h1".to_owned(), places: 1 }];
    // Its standard output ends before it has said all.
    let refuse = ["sh", "-c", "echo first >&2; exec >&-; sleep 0.05; printf 'no newline' >&2; exit 5"];
    let outcome = Outcome::of(Job::new("true", 1).hosts(hosts).remote_shell(refuse));
    assert_eq!(outcome.code, 255, "{outcome}");
    assert!(
        outcome.stderr.contains("h1: first\n") && outcome.stderr.contains("h1: no newline\n"),
        "{outcome}"
    );
    assert!(outcome.stderr.contains("host h1 with rank 0 was lost"), "{outcome}");
}

#[test]
fn a_program_that_is_missing_is_an_error_with_the_host() {
    let Some(rig) = rig() else { return };
    let hosts = [Host { name: "h2".to_owned(), places: 1 }];
    let job = Job::new("./no-such-program", 1).hosts(hosts).remote_shell(rig.words("rsh"));
    let error = job.agent([env!("CARGO_BIN_EXE_test-agent")]).run().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    assert!(error.to_string().contains("on h2"), "{error}");
}

#[test]
fn a_slow_network_is_slow_and_a_pulled_cable_is_silent() {
    let network = Network { delay_us: 3000, ..Network::default() };
    let rig = match Rig::with(network) {
        Ok(rig) => rig,
        Err(reason) => return eprintln!("skipped: a slow network: {reason}"),
    };
    // The time a connection takes is a round trip at least.
    let connect = "import socket, time; s = time.time()\ntry: socket.create_connection(('h2', 1), 1)\n\
                   except ConnectionRefusedError: print('refused', time.time() - s)\nexcept OSError: print('silence')";
    let python = |rig: &Rig| {
        let output = rig.command("on").args(["h1", "python3", "-c", connect]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let answer = python(rig);
    let seconds: f64 = answer.trim().strip_prefix("refused ").unwrap().parse().unwrap();
    assert!(seconds >= 0.006, "{answer}");
    let link = |state: &str| assert!(rig.command("link").args(["h2", state]).status().unwrap().success());
    link("down");
    assert_eq!(python(rig), "silence\n");
    link("up");
    assert!(python(rig).starts_with("refused"));
}

#[test]
fn a_rig_ends_with_its_holder() {
    if rig().is_none() {
        return;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/rig/rig");
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec sleep 60 | exec \"$0\" hold 2", script]).env("MARK", "rig").process_group(0);
    let mut shell = shell.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line.split_whitespace().count(), 4, "{line}");
    // SAFETY: a plain system call; the group's leader is our child, not yet waited for.
    unsafe { libc::kill(-(shell.id() as i32), libc::SIGKILL) };
    shell.wait().unwrap();
    until_none("MARK=rig");
}

/// What users do on two hosts: start, put, end. A rank that dies is named with its host, and what the others waited for.
#[test]
fn ranks_of_two_hosts_share_a_world() {
    tests::Job::new("ranks_of_two_hosts_share_a_world").hosts(2).run(&[2, 4], |world| {
        let mut sum = [1u64];
        world.team().allreduce(&mut sum, rma::Op::Sum).unwrap();
        assert_eq!(sum, [world.size() as u64]);
    });
}

#[test]
fn a_rank_killed_on_another_host_is_reported_with_the_waits_of_all() {
    let job = tests::Job::new("a_rank_killed_on_another_host_is_reported_with_the_waits_of_all").hosts(2);
    if !job.is_possible() {
        return;
    }
    let outcome = job.outcome(4, |world| {
        world.barrier().unwrap();
        if world.rank() == 3 {
            // Long enough for the others' waits to be on the boards.
            std::thread::sleep(Duration::from_millis(500));
            // SAFETY: plain system calls.
            unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
        }
        world.barrier().unwrap();
    });
    assert!(outcome.code != 0 && outcome.elapsed < Duration::from_secs(10), "{outcome}");
    assert!(outcome.stderr.contains("rank 3 on h2 (pid "), "{outcome}");
    assert!(outcome.stderr.contains("in barrier of team world at "), "{outcome}");
}

/// From the launcher's start to the first put of the last rank. The target is half a second on an idle machine; the limit
/// here leaves room for a busy one. Run it with `--nocapture` to see the figure.
#[test]
fn eight_ranks_on_four_hosts_start_quickly() {
    const START: &str = "GAIN_TEST_START";
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let job =
        tests::Job::new("eight_ranks_on_four_hosts_start_quickly").hosts(4).env(START, now().to_string());
    if !job.is_possible() {
        return;
    }
    // The rig is there now, and the clock starts again.
    let outcome = job.env(START, now().to_string()).outcome(8, |world| {
        let segment = rma::Segment::allocate(&world.team(), 8).unwrap();
        segment.put((world.rank() + 3) % 8, 0, &[1u64]).unwrap();
        world.fence_all().unwrap();
        let start: u128 = std::env::var(START).unwrap().parse().unwrap();
        use std::io::Write;
        writeln!(std::io::stdout(), "put after {} ms", now() - start).unwrap();
        world.barrier().unwrap();
    });
    let words =
        outcome.stdout.lines().filter_map(|line| line.split_once("put after ")?.1.strip_suffix(" ms"));
    let slowest = words.map(|word| word.parse::<u64>().unwrap()).max();
    eprintln!("8 ranks on 4 hosts: {slowest:?} ms to the first put of all");
    assert!(outcome.code == 0 && slowest.is_some_and(|slowest| slowest < 5000), "{outcome}");
}

/// Tells this executable to be a launcher that will be killed.
const LAUNCHES: &str = "GAIN_TEST_LAUNCHES";

#[test]
fn ranks_on_other_hosts_end_with_a_killed_launcher() {
    let Some(rig) = rig() else { return };
    if std::env::var_os(LAUNCHES).is_some() {
        job(rig, "echo ready; sleep 60").env("MARK", "widowed").run().unwrap();
        return;
    }
    let mut launcher = Command::new(std::env::current_exe().unwrap())
        .args(["ranks_on_other_hosts_end_with_a_killed_launcher", "--exact", "--nocapture"])
        .env(LAUNCHES, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(launcher.stdout.take().unwrap()).lines();
    assert_eq!(lines.filter(|line| line.as_ref().unwrap().contains("ready")).take(4).count(), 4);
    launcher.kill().unwrap();
    launcher.wait().unwrap();
    until_none("MARK=widowed");
}

#[test]
#[ignore = "takes as long as a silent host is waited for"]
fn a_host_that_falls_silent_is_lost() {
    let Some(rig) = rig() else { return };
    let stop_agent = "[ $PMI_RANK = 2 ] && kill -STOP $PPID; sleep 60";
    let outcome = Outcome::of(job(rig, stop_agent).env("MARK", "silent"));
    assert_eq!(outcome.code, 255, "{outcome}");
    assert!(
        outcome.stderr.contains("host h2 with ranks 2,3 was lost: nothing was heard of it for 8 s"),
        "{outcome}"
    );
    assert!(outcome.elapsed < Duration::from_secs(14), "{outcome}");
}
