//! Two wires in one process against one another, over whatever provider is best here: TCP on most machines.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::*;

const DEADLINE: Duration = Duration::from_secs(20);

/// What a wire has told.
#[derive(Default)]
struct Heard {
    messages: Vec<Vec<u8>>,
    done: HashMap<u64, Result<()>>,
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
        panic!("peer {peer} broke: {why}");
    }
}

struct End {
    wire: Ofi,
    heard: Heard,
}

/// Two, each of which knows the other as peer 1; `None`, and a line that says so, where there is no libfabric.
fn pair() -> Option<(End, End)> {
    let open = || match Ofi::open(2, true) {
        Ok(wire) => Some(End { wire, heard: Heard::default() }),
        Err(why) => {
            eprintln!("skipped: {why}");
            None
        }
    };
    let (mut a, mut b) = (open()?, open()?);
    a.wire.connect(1, b.wire.address()).unwrap();
    b.wire.connect(1, a.wire.address()).unwrap();
    Some((a, b))
}

fn drive(a: &mut End, b: &mut End, mut is_over: impl FnMut(&mut End, &mut End) -> bool) {
    let start = Instant::now();
    while !is_over(a, b) {
        a.wire.progress(&mut a.heard);
        b.wire.progress(&mut b.heard);
        assert!(start.elapsed() < DEADLINE, "not over in time");
    }
}

fn pattern(len: usize, seed: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + seed * 7) as u8).collect()
}

#[test]
fn messages_of_all_lengths_arrive_whole() {
    let Some((mut a, mut b)) = pair() else { return };
    let lens = [0, 1, 63, 64, 200, 1000, 4096, 8192, MESSAGE_LEN - 64];
    let mut expected = Vec::new();
    for round in 0..40 {
        for len in lens {
            let (head, body) = (pattern(64, round), pattern(len, round));
            // SAFETY: messages are copied, or refused.
            drive(&mut a, &mut b, |a, _| unsafe {
                a.wire.send(1, &head, body.as_ptr(), body.len(), 0).unwrap() != Sent::Full
            });
            expected.push([head, body].concat());
        }
    }
    drive(&mut a, &mut b, |_, b| b.heard.messages.len() == expected.len());
    b.heard.messages.sort();
    expected.sort();
    assert_eq!(b.heard.messages, expected);
}

#[test]
fn writes_are_there_after_a_flush_and_reads_bring_them_back() {
    let Some((mut a, mut b)) = pair() else { return };
    let mut there = vec![0u8; 3 << 20];
    // SAFETY: the memory outlives the wires, which are dropped below.
    let key = unsafe { b.wire.register(there.as_mut_ptr(), there.len()) }.unwrap();
    let key = a.wire.import(1, &key).unwrap();
    for (round, len) in [1, 8, 4096, 100_000, 2 << 20].into_iter().enumerate() {
        let (mut src, mut back, at) = (pattern(len, round), vec![0u8; len], 17 * round);
        let tags = [1, 2, 3].map(|tag| 10 * round as u64 + tag);
        // SAFETY: the buffers live until their tags are reported; the range lies in the region.
        drive(&mut a, &mut b, |a, _| unsafe {
            // The connection may have to be made first.
            let sent = a.wire.write(1, key, at as u64, src.as_ptr(), len, tags[0]).unwrap();
            // What is short may be overwritten at once.
            assert!(sent != if len <= MESSAGE_LEN { Sent::Started } else { Sent::Done });
            sent != Sent::Full
        });
        if len <= MESSAGE_LEN {
            src.fill(0xff);
        }
        let flush = a.wire.flush(1, tags[1]).unwrap();
        drive(&mut a, &mut b, |a, _| flush == Sent::Done || a.heard.done.contains_key(&tags[1]));
        assert_eq!(there[at..at + len], pattern(len, round));
        // SAFETY: as above.
        unsafe { a.wire.read(1, key, at as u64, back.as_mut_ptr(), len, tags[2]) }.unwrap();
        drive(&mut a, &mut b, |a, _| a.heard.done.contains_key(&tags[2]));
        assert_eq!(back, pattern(len, round));
        if len <= MESSAGE_LEN {
            let tag = 10 * round as u64 + 4;
            assert_eq!(a.wire.fetch(1, key, at as u64, len, tag), Ok(Sent::Started));
            drive(&mut a, &mut b, |a, _| a.heard.done.contains_key(&tag));
            assert_eq!(a.heard.messages.pop(), Some(back));
        }
    }
    assert!(a.heard.done.values().all(Result::is_ok));
    drop((a, b));
}

#[test]
fn an_armed_descriptor_wakes_for_a_message() {
    let Some((mut a, mut b)) = pair() else { return };
    let Some(fd) = b.wire.event_fd() else { return eprintln!("skipped: the provider has no descriptor") };
    // The first message makes the connection.
    for round in 0..3 {
        drive(&mut a, &mut b, |_, b| b.wire.arm().unwrap());
        let mut sent = false;
        let start = Instant::now();
        while b.heard.messages.len() == round {
            let head = [round as u8; 64];
            // SAFETY: the message is copied, or refused.
            sent = sent || unsafe { a.wire.send(1, &head, std::ptr::null(), 0, 0) }.unwrap() != Sent::Full;
            a.wire.progress(&mut a.heard);
            let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
            // SAFETY: one initialised pollfd.
            if unsafe { libc::poll(&mut poll, 1, 10) } == 1 || !b.wire.arm().unwrap() {
                b.wire.progress(&mut b.heard);
            }
            assert!(start.elapsed() < DEADLINE, "nothing woke");
        }
    }
}
