//! Wires against one another: two in one process, or one in a process of its own that is then killed.
//!
//! Addresses are of network devices only, so this is TCP on the loopback device wherever there is no better network.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::*;

const DEADLINE: Duration = Duration::from_secs(20);

#[test]
fn devices_are_unknown_where_a_print_looks_otherwise() {
    let local = "#      resource 0  :  md 0  dev 0  flags -- self/memory0\n#      resource 1  :  md 1  dev 1  flags -- posix/memory\n";
    let remote = "#      resource 2  :  md 2  dev 2  flags -- tcp/eth0\n#\n";
    assert_eq!(
        open::listed(&format!("#     component 1  :  tcp\n#\n{local}{remote}")),
        Some(vec!["tcp/eth0".to_owned()])
    );
    assert_eq!(open::listed(local), Some(vec![]));
    assert_eq!(open::listed("# UCP context\n#     device 0: tcp eth0\n"), None);
    assert_eq!(open::listed(""), None);
}

/// What a wire has told.
#[derive(Default)]
struct Heard {
    messages: Vec<Vec<u8>>,
    done: HashMap<u64, Result<()>>,
    broken: Vec<(usize, String)>,
}

impl Sink for Heard {
    fn message(&mut self, bytes: &[u8], body: &[u8]) {
        self.messages.push([bytes, body].concat());
    }

    fn fetched(&mut self, tag: u64, outcome: Result<&[u8]>) {
        self.messages.extend(outcome.as_ref().map(|bytes| bytes.to_vec()));
        self.done(tag, outcome.map(drop));
    }

    fn done(&mut self, tag: u64, outcome: Result<()>) {
        assert!(self.done.insert(tag, outcome).is_none(), "{tag} is reported twice");
    }

    fn broken(&mut self, peer: usize, why: String) {
        self.broken.push((peer, why));
    }
}

/// A wire and what it has told.
struct End {
    wire: Ucx,
    heard: Heard,
}

impl End {
    /// `None`, and a line that says so, where there is no UCX.
    fn open() -> Option<End> {
        match Ucx::open(2) {
            Ok(wire) => Some(End { wire, heard: Heard::default() }),
            Err(why) => {
                eprintln!("skipped: {why}");
                None
            }
        }
    }

    /// Two, each of which knows the other as peer 1.
    fn pair() -> Option<(End, End)> {
        let (mut a, mut b) = (End::open()?, End::open()?);
        a.wire.connect(1, b.wire.address()).unwrap();
        b.wire.connect(1, a.wire.address()).unwrap();
        Some((a, b))
    }

    fn progress(&mut self) {
        self.wire.progress(&mut self.heard);
    }
}

/// Moves both on until `is_over`.
fn drive(a: &mut End, b: &mut End, mut is_over: impl FnMut(&End, &End) -> bool) {
    let start = Instant::now();
    while !is_over(a, b) {
        a.progress();
        b.progress();
        assert!(start.elapsed() < DEADLINE, "not over in time");
    }
}

/// Bytes that differ from place to place and from seed to seed.
fn pattern(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(step).collect()
}

/// Every length near a change of path, with heads of several lengths; what arrives is compared with what was sent.
#[test]
fn messages_of_all_sizes_arrive_whole() {
    let Some((mut a, mut b)) = End::pair() else { return };
    let longest = a.wire.limits().message_len;
    let mut sent = Vec::new();
    for head_len in [8, 40, HEAD_LEN] {
        for around in [head_len, 64, 1024, COPY_LEN, 16 << 10, longest] {
            for len in around - 2..=around + 2 {
                if len >= head_len && len <= longest {
                    let mut bytes = pattern(len, sent.len() as u64);
                    bytes[..8].copy_from_slice(&(sent.len() as u64).to_le_bytes());
                    sent.push((head_len, bytes));
                }
            }
        }
    }
    let mut started = Vec::new();
    for (tag, (head_len, bytes)) in sent.iter().enumerate() {
        let (head, body) = bytes.split_at(*head_len);
        // SAFETY: `sent` outlives both wires' progress below, which waits for every tag.
        while match unsafe { a.wire.send(1, head, body.as_ptr(), body.len(), tag as u64) }.unwrap() {
            Sent::Done => false,
            Sent::Started => {
                started.push(tag as u64);
                false
            }
            Sent::Full => true,
        } {
            a.progress();
            b.progress();
        }
    }
    drive(&mut a, &mut b, |a, b| b.heard.messages.len() == sent.len() && a.heard.done.len() == started.len());
    for tag in started {
        assert_eq!(a.heard.done[&tag], Ok(()));
    }
    for message in &b.heard.messages {
        let number = u64::from_le_bytes(message[..8].try_into().unwrap()) as usize;
        assert_eq!(*message, sent[number].1, "message {number}");
        sent[number].1.clear();
    }
    assert!(sent.iter().all(|(_, bytes)| bytes.is_empty()), "one came twice, another not at all");
}

/// The same when every message is fetched by its receiver.
#[test]
fn messages_arrive_by_rendezvous_too() {
    run_alone("messages_of_all_sizes_arrive_whole", &[("UCX_RNDV_THRESH", "0")]);
}

/// A sender far ahead of its receiver is told to wait, and nothing is lost.
#[test]
fn a_sender_that_runs_ahead_finds_it_full() {
    const COUNT: u64 = 20_000;
    let Some((mut a, mut b)) = End::pair() else { return };
    let body = pattern(1000, 7);
    let mut times_full = 0;
    for number in 0..COUNT {
        // SAFETY: `body` outlives the wire.
        while unsafe { a.wire.send(1, &number.to_le_bytes(), body.as_ptr(), body.len(), number) }.unwrap()
            == Sent::Full
        {
            times_full += 1;
            a.progress();
            b.progress();
        }
    }
    drive(&mut a, &mut b, |_, b| b.heard.messages.len() as u64 == COUNT);
    assert!(times_full > 0);
    let mut numbers: Vec<u64> =
        b.heard.messages.iter().map(|message| u64::from_le_bytes(message[..8].try_into().unwrap())).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..COUNT));
    assert!(b.heard.messages.iter().all(|message| message[8..] == body));
}

/// Writes become visible by a flush, reads bring what is there; the oracle is a copy of the memory.
#[test]
fn writes_and_reads_move_the_bytes_named() {
    let Some((mut a, mut b)) = End::pair() else { return };
    let mut memory = pattern(3 << 20, 1);
    let mut expected = memory.clone();
    // SAFETY: `memory` outlives the wire, which is dropped below.
    let key = unsafe { b.wire.register(memory.as_mut_ptr(), memory.len()) }.unwrap();
    let key = a.wire.import(1, &key).unwrap();
    let mut tag = 0;
    let mut finish = |a: &mut End, b: &mut End, start: &mut dyn FnMut(&mut Ucx, u64) -> Result<Sent>| {
        tag += 1;
        match start(&mut a.wire, tag).unwrap() {
            Sent::Done => {}
            Sent::Started => drive(a, b, |a, _| a.heard.done.get(&tag) == Some(&Ok(()))),
            Sent::Full => panic!("full with one operation"),
        }
    };
    for (at, len) in [(0, 0), (1, 1), (8, 8), (100, 3000), (5000, 8192), (20_000, 65_537), (1 << 20, 2 << 20)]
    {
        let (source, mut back) = (pattern(len, at as u64 + 2), vec![0; len]);
        expected[at..at + len].copy_from_slice(&source);
        finish(&mut a, &mut b, &mut |wire, tag| {
            // SAFETY: `source` is alive until local completion, which is waited for; the range is inside.
            unsafe { wire.write(1, key, at as u64, source.as_ptr(), len, tag) }
        });
        finish(&mut a, &mut b, &mut |wire, tag| wire.flush(1, tag));
        assert!(memory == expected, "after {len} bytes at {at}");
        finish(&mut a, &mut b, &mut |wire, tag| {
            // SAFETY: `back` is alive, and nobody else's, until completion, which is waited for; the range is inside.
            unsafe { wire.read(1, key, at as u64, back.as_mut_ptr(), len, tag) }
        });
        assert!(back == source, "{len} bytes read at {at}");
    }
    drop((a, b));
}

/// Who sleeps on the descriptor wakes when a message comes.
#[test]
fn an_armed_descriptor_wakes_for_a_message() {
    let Some((mut a, mut b)) = End::pair() else { return };
    let ready = |fd: RawFd, timeout_ms: i32| {
        let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry, alive through the call.
        unsafe { libc::poll(&mut poll, 1, timeout_ms) == 1 }
    };
    let hello = |end: &mut End, tag| {
        // SAFETY: there is no body.
        let sent = unsafe { end.wire.send(1, b"hello", std::ptr::dangling(), 0, tag) };
        assert_eq!(sent, Ok(Sent::Done));
    };
    hello(&mut a, 1);
    drive(&mut a, &mut b, |_, b| b.heard.messages.len() == 1);
    let fd = b.wire.event_fd().unwrap();
    let start = Instant::now();
    // What is left of connecting comes first.
    while !b.wire.arm().unwrap() || ready(fd, 0) {
        a.progress();
        b.progress();
        assert!(start.elapsed() < DEADLINE, "there is always something");
    }
    hello(&mut a, 2);
    a.progress();
    assert!(ready(fd, DEADLINE.as_millis() as i32));
    drive(&mut a, &mut b, |_, b| b.heard.messages.len() == 2);
}

/// A peer that is killed is reported, operations to it fail, and the drop doesn't wait for it.
#[test]
fn a_killed_peer_is_reported() {
    let Some(mut a) = End::open() else { return };
    let mut peer = PeerProcess::start(a.wire.address());
    a.wire.connect(1, &peer.address).unwrap();
    let start = Instant::now();
    while a.heard.messages.is_empty() {
        a.progress();
        assert!(start.elapsed() < DEADLINE, "the peer doesn't answer");
    }
    peer.process.kill().unwrap();
    let start = Instant::now();
    while a.heard.broken.is_empty() {
        a.progress();
        assert!(start.elapsed() < DEADLINE, "the end of the peer isn't noticed");
    }
    assert_eq!(a.heard.broken[0].0, 1);
    // SAFETY: there is no body.
    assert!(unsafe { a.wire.send(1, b"late", std::ptr::dangling(), 0, 9) }.is_err());
    let start = Instant::now();
    drop(a);
    assert!(start.elapsed() < Duration::from_secs(2));
}

/// Another process with a wire; killed at the end.
struct PeerProcess {
    process: Child,
    address: Vec<u8>,
}

impl PeerProcess {
    fn start(address: &[u8]) -> PeerProcess {
        let mut process = alone("the_other_process", &[("GAIN_TEST_PEER", &hex(address))]);
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines.map_while(|line| {
            line.ok()?.strip_prefix("address ").map(unhex).map_or(Some(None), |a| Some(Some(a)))
        });
        let address = address.flatten().next().expect("the peer prints its address");
        PeerProcess { process, address }
    }
}

impl Drop for PeerProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Not a test by itself: the process of [`PeerProcess`], which sends one message and then moves things on until it is killed.
#[test]
fn the_other_process() {
    let Ok(address) = std::env::var("GAIN_TEST_PEER") else { return };
    let mut end = End::open().unwrap();
    end.wire.connect(1, &unhex(&address)).unwrap();
    let mut out = std::io::stdout();
    writeln!(out, "\naddress {}", hex(end.wire.address())).unwrap();
    out.flush().unwrap();
    // SAFETY: there is no body.
    unsafe { end.wire.send(1, b"hello", std::ptr::dangling(), 0, 1) }.unwrap();
    let start = Instant::now();
    while start.elapsed() < DEADLINE {
        end.progress();
    }
}

/// Loading the library leaves the program's signal handlers, its environment and, where no adapter needs it, the C library's
/// functions as they are.
#[test]
fn the_program_stays_as_it_was() {
    if std::env::var_os("GAIN_TEST_ALONE").is_none() {
        return run_alone("the_program_stays_as_it_was", &[("GAIN_TEST_ALONE", "1")]);
    }
    let state = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let caught = status.lines().find(|line| line.starts_with("SigCgt")).unwrap().to_owned();
        // SAFETY: the first bytes of a function, which is longer.
        let code = unsafe { *(libc::munmap as *const [u8; 8]) };
        (caught, code, std::env::vars_os().collect::<Vec<_>>())
    };
    let before = state();
    let Some(end) = End::open() else { return };
    let has_adapter =
        std::fs::read_dir("/sys/class/infiniband").is_ok_and(|mut devices| devices.next().is_some());
    let same = |now: (String, [u8; 8], Vec<_>)| {
        assert_eq!(now.0, before.0);
        assert!(now.2 == before.2, "the environment has changed");
        assert!(has_adapter || now.1 == before.1, "munmap is patched");
    };
    same(state());
    drop(end);
    same(state());
}

/// Starts one test of this file in a process of its own, with additions to the environment.
fn alone(test: &str, environment: &[(&str, &str)]) -> Child {
    let module = module_path!().split_once("::").unwrap().1;
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("{module}::{test}"), "--nocapture"])
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs one test of this file in a process of its own.
fn run_alone(test: &str, environment: &[(&str, &str)]) {
    let output = alone(test, environment).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}
