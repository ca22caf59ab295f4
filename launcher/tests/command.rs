//! The command `gain run` as users meet it: output, exit codes, signals, and that nothing is left behind.
//!
//! The programs are shell scripts; the oracle is what the same script does when the shell starts it, and `/proc`.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn gain() -> Command {
    Command::new(env!("CARGO_BIN_EXE_gain"))
}

fn run(options: &[&str], script: &str) -> Output {
    gain().arg("run").args(options).args(["sh", "-c", script]).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Living processes (no zombies) with `mark` on their command line, this test's own excepted.
fn alive(mark: &str) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        (pid != std::process::id() && line.contains(mark)).then_some(pid)
    });
    processes.collect()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(5), "{what} did not happen within 5 s");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A job of ranks that run `script`, once all have printed `ready`, which the script does when it is.
fn start(ranks: usize, options: &[&str], script: &str) -> (Child, BufReader<ChildStdout>) {
    let mut job = gain();
    job.args(["run", "-n", &ranks.to_string(), "--output", "all"]).args(options);
    job.args(["sh", "-c", script]);
    let mut job = job.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(job.stdout.take().unwrap());
    let mut line = String::new();
    for _ in 0..ranks {
        line.clear();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
    }
    (job, stdout)
}

fn kill(signal: i32, pid: u32) {
    // SAFETY: a plain system call.
    assert_eq!(unsafe { libc::kill(pid as i32, signal) }, 0);
}

#[test]
fn output_is_that_of_rank_0_or_of_all_or_headed_by_the_rank() {
    let script = "echo rank $PMI_RANK of $PMI_SIZE; printf unfinished";
    let sorted = |output: &Output| {
        let mut lines: Vec<String> = text(&output.stdout).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(text(&run(&["-n", "3", "--output", "rank0"], script).stdout), "rank 0 of 3\nunfinished");
    let prefixed = run(&["-n", "2", "--output", "prefix"], "echo rank $PMI_RANK");
    assert_eq!(sorted(&prefixed), ["[0] rank 0", "[1] rank 1"]);
    assert_eq!(sorted(&run(&["-n", "3"], "echo rank $PMI_RANK")), ["rank 0", "rank 1", "rank 2"]);
}

#[test]
fn long_output_arrives_whole() {
    let output = run(&["-n", "1"], "seq 1 200000");
    let expected: String = (1..=200_000).map(|number| format!("{number}\n")).collect();
    assert!(text(&output.stdout) == expected);
}

#[test]
fn common_error_lines_appear_once() {
    let script = "echo all alike >&2; [ $PMI_RANK -lt 2 ] && echo only two >&2; exit 0";
    let errors = || text(&run(&["-n", "4"], script).stderr);
    // On a busy machine ranks may be too far apart.
    let expected = "[ranks 0-3] all alike\n[ranks 0,1] only two\n";
    assert!((0..10).any(|_| errors() == expected), "{}", errors());
}

#[test]
fn the_exit_code_is_the_failing_rank_s() {
    assert_eq!(run(&["-n", "3"], "exit 0").status.code(), Some(0));
    let failed = run(&["-n", "3"], "[ $PMI_RANK = 2 ] && exit 7; sleep 60");
    assert_eq!(failed.status.code(), Some(7));
    assert!(text(&failed.stderr).contains("rank 2"), "{}", text(&failed.stderr));
    assert!(text(&failed.stderr).contains("exited with code 7"), "{}", text(&failed.stderr));
    let killed = run(&["-n", "2"], "[ $PMI_RANK = 1 ] && kill -SEGV $$; sleep 60");
    assert_eq!(killed.status.code(), Some(128 + libc::SIGSEGV));
    assert!(text(&killed.stderr).contains("rank 1"), "{}", text(&killed.stderr));
    assert!(text(&killed.stderr).contains("SIGSEGV"), "{}", text(&killed.stderr));
    let missing = gain().args(["run", "-n", "2", "./no-such-program"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(127));
    assert_eq!(gain().args(["run", "-n", "0", "true"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn a_job_longer_than_its_timeout_is_ended() {
    let start = Instant::now();
    assert_eq!(
        run(&["-n", "2", "--timeout", "0.3"], "trap '' TERM; sleep 60 & wait").status.code(),
        Some(124)
    );
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn ranks_get_processors_of_their_own() {
    let mask = "taskset -cp $$ | sed 's/.*: //'";
    let one = text(&run(&["-n", "1", "--bind", "none"], mask).stdout);
    assert_eq!(text(&run(&["-n", "1"], mask).stdout), one, "one rank may use all processors");
    let processors: usize = text(&run(&["-n", "1"], "nproc").stdout).trim().parse().unwrap();
    let bound = text(&run(&["-n", &processors.to_string()], "nproc").stdout);
    assert!(bound.lines().all(|line| line == "1"), "{bound}");
    let crowded = text(&run(&["-n", &(processors + 1).to_string()], mask).stdout);
    assert!(crowded.lines().all(|line| line == one.trim()), "{crowded}");
}

#[test]
fn signals_reach_every_rank() {
    let (job, mut stdout) =
        start(3, &[], "trap 'echo got USR1; exit 0' USR1; echo ready; while :; do sleep 0.01; done");
    kill(libc::SIGUSR1, job.id());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "got USR1\n".repeat(3));
    assert_eq!(job.wait_with_output().unwrap().status.code(), Some(0));

    let (job, _stdout) = start(2, &[], "echo ready; exec sleep 60");
    kill(libc::SIGTERM, job.id());
    let output = job.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(128 + libc::SIGTERM));
    assert_eq!(text(&output.stderr), "", "an end on request is no failure to report");

    let (job, _stdout) =
        start(2, &["--grace", "0.2"], "trap '' TERM; echo ready; while :; do sleep 0.01; done");
    kill(libc::SIGTERM, job.id());
    assert_eq!(job.wait_with_output().unwrap().status.code(), Some(128 + libc::SIGTERM));
}

/// The ranks have not joined the job, and never will.
#[test]
fn asking_what_ranks_wait_for_ends_none() {
    let (job, mut stdout) = start(2, &[], "echo ready; sleep 1; echo done");
    kill(libc::SIGUSR1, job.id());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    let output = job.wait_with_output().unwrap();
    assert_eq!((rest.matches("done").count(), output.status.code()), (2, Some(0)), "{rest}");
    assert_eq!(text(&output.stderr), "");
}

/// As `nohup` and shells' background jobs have it.
#[test]
fn a_signal_the_launcher_was_told_to_ignore_ends_nothing() {
    let command = "trap '' HUP; exec \"$0\" run -n 2 --grace 0.1 sh -c 'echo ready; sleep 1; echo done'";
    let mut job = Command::new("sh");
    job.args(["-c", command, env!("CARGO_BIN_EXE_gain")]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut job = job.spawn().unwrap();
    let mut stdout = BufReader::new(job.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    kill(libc::SIGHUP, job.id());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!((rest.matches("done").count(), job.wait().unwrap().code()), (2, Some(0)), "{line}{rest}");
}

#[test]
fn nothing_survives_the_launcher_s_death() {
    // Each rank has a child of its own in the background.
    let mark = "3600.25";
    let (mut job, _stdout) = start(3, &[], &format!("echo ready; sleep {mark} & sleep {mark}"));
    until("six sleeps", || alive(mark).len() >= 6);
    job.kill().unwrap();
    job.wait().unwrap();
    until("the end of all sleeps", || alive(mark).is_empty());
}

#[test]
fn nothing_survives_the_end_of_a_job() {
    let mark = "3600.75";
    let output = run(&["-n", "2"], &format!("sleep {mark} & exit 0"));
    assert_eq!(output.status.code(), Some(0));
    until("the end of all sleeps", || alive(mark).is_empty());
}

#[test]
fn rank_0_reads_what_the_command_is_given() {
    let mut job = gain();
    job.args(["run", "-n", "2", "sh", "-c", "cat; echo end"]);
    let mut job = job.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    job.stdin.take().unwrap().write_all(b"some words\n").unwrap();
    let mut lines: Vec<String> =
        text(&job.wait_with_output().unwrap().stdout).lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["end", "end", "some words"]);
}

#[test]
fn a_terminal_reaches_rank_0() {
    let (mut controller, mut terminal) = (0, 0);
    let null = std::ptr::null_mut();
    // SAFETY: writes two descriptors; the optional arguments are absent.
    let status = unsafe { libc::openpty(&mut controller, &mut terminal, null, null.cast(), null.cast()) };
    assert_eq!(status, 0);
    // SAFETY: a fresh descriptor that nobody else owns.
    let controller = unsafe { OwnedFd::from_raw_fd(controller) };
    // SAFETY: as above, the other one.
    let terminal = unsafe { OwnedFd::from_raw_fd(terminal) };
    let mut job = gain();
    job.args(["run", "-n", "2", "sh", "-c", "read line; echo \"$line\""])
        .stdin(terminal)
        .stdout(Stdio::piped());
    let job = job.spawn().unwrap();
    std::fs::File::from(controller.try_clone().unwrap()).write_all(b"typed\n").unwrap();
    let output = job.wait_with_output().unwrap();
    let mut lines: Vec<String> = text(&output.stdout).lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["", "typed"]);
}

#[test]
fn a_reader_that_leaves_ends_the_job() {
    let (job, stdout) = start(1, &[], "echo ready; while :; do echo more || exit 1; done");
    drop(stdout);
    assert_ne!(job.wait_with_output().unwrap().status.code(), Some(0));
}

#[test]
fn a_python_program_shows_rank_0_only() {
    let folder = std::env::temp_dir().join(format!("gain-test-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let script = folder.join("who.py");
    std::fs::write(&script, "import os, sys\nprint('rank', os.environ['PMI_RANK'], sys.argv[1:])\n").unwrap();
    let output =
        gain().args(["run", "-n", "3"]).arg(&script).args(["-n", "x"]).env("PYTHON", "python3").output();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(text(&output.unwrap().stdout), "rank 0 ['-n', 'x']\n");
}

/// The launcher blocks signals for itself. Not a shell script: shells clear the mask they inherit.
#[test]
fn ranks_start_with_no_signal_blocked() {
    let output = gain().args(["run", "-n", "2", "grep", "SigBlk", "/proc/self/status"]).output().unwrap();
    assert_eq!(text(&output.stdout), "SigBlk:\t0000000000000000\n".repeat(2));
}

/// A core file is told of. Oracle: what the same script comes to without the launcher.
#[test]
fn a_core_file_is_reported() {
    use std::os::unix::process::ExitStatusExt;
    let folder = std::env::temp_dir().join(format!("gain-core-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let script = "ulimit -c unlimited; kill -SEGV $$";
    let alone = Command::new("sh").args(["-c", script]).current_dir(&folder).status().unwrap();
    let job = gain().args(["run", "-n", "1", "sh", "-c", script]).current_dir(&folder).output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let said = text(&job.stderr);
    assert_eq!(said.contains("core dumped"), alone.core_dumped(), "{said}");
}

fn on_hosts(count: usize, limit: &str, shell: &str) -> (Output, Duration) {
    let hosts: Vec<String> = (0..count).map(|host| format!("h{host}:1")).collect();
    let command = format!("ulimit {limit}; exec \"$0\" run --hosts {} --rsh \"$1\" true", hosts.join(","));
    let start = Instant::now();
    let mut job = Command::new("sh");
    job.args(["-c", &command, env!("CARGO_BIN_EXE_gain"), shell]).stdin(Stdio::null());
    (job.output().unwrap(), start.elapsed())
}

/// One remote shell ends, the others neither start an agent nor end.
#[test]
fn dead_hosts_take_as_long_as_one() {
    let folder = std::env::temp_dir().join(format!("gain-hosts-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let shell = folder.join("rsh");
    std::fs::write(&shell, "[ $1 = h0 ] && exit 1; exec sleep 3600.5\n").unwrap();
    let (output, elapsed) = on_hosts(6, "-c 0", &format!("sh {}", shell.display()));
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(output.status.code(), Some(255), "{}", text(&output.stderr));
    assert!(elapsed < Duration::from_secs(14), "{elapsed:?}");
    until("the end of all shells", || alive("3600.5").is_empty());
}

/// Each host takes several descriptors.
#[test]
fn more_hosts_than_descriptors_at_first() {
    let (output, _) = on_hosts(30, "-Sn 60", "false");
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(255) && !said.contains("open files"), "{said}");
}
