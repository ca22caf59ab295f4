//! An engine between two processes of one address space that does what engines may do: messages overtake one another, are refused, and
//! are read from the caller's buffer as late as allowed.

use super::super::wire::{Key, Limits, Result, Sent, Sink, Wire};
use std::os::fd::RawFd;
use std::sync::{Arc, Mutex};

/// A few pseudo-random numbers.
#[derive(Debug)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % sides
    }
}

/// Where messages lie until they are fetched, by receiver.
pub(super) type Post = Arc<Mutex<Vec<Vec<Vec<u8>>>>>;

#[derive(Debug)]
pub(super) struct Unruly {
    post: Post,
    me: usize,
    dice: Dice,
    /// What was started and is not locally complete, with its tag.
    started: Vec<(Started, u64)>,
    /// Writes that are locally complete and not yet visible: where, and what.
    late: Vec<(usize, Vec<u8>)>,
    /// Peers' regions.
    keys: Vec<usize>,
    is_rdma: bool,
    is_cut_off: bool,
}

/// Addresses are numbers here, for the sake of `Send`.
#[derive(Debug)]
enum Started {
    /// Receiver, head, body.
    Message(usize, Vec<u8>, usize, usize),
    /// To, from, length.
    Write(usize, usize, usize),
    Read(usize, usize, usize),
    /// From, length.
    Fetch(usize, usize),
    Flush,
}

// SAFETY: bodies are read before `done` is called.
unsafe impl Wire for Unruly {
    fn name(&self) -> &'static str {
        "unruly"
    }
    fn describe(&self) -> String {
        "memory".into()
    }
    fn limits(&self) -> Limits {
        let direct_len = if self.is_rdma { 2048 } else { usize::MAX };
        let lone_len = if self.is_rdma { 1 } else { usize::MAX };
        Limits { message_len: 2048, is_rdma: self.is_rdma, direct_len, direct_row_len: direct_len, lone_len }
    }
    fn address(&self) -> &[u8] {
        b"here"
    }
    fn connect(&mut self, _peer: usize, address: &[u8]) -> Result<()> {
        assert_eq!(address, b"here");
        Ok(())
    }
    unsafe fn send(
        &mut self,
        peer: usize,
        head: &[u8],
        body: *const u8,
        len: usize,
        tag: u64,
    ) -> Result<Sent> {
        assert!(head.len() + len <= 2048);
        if self.is_cut_off {
            return Err("cut off".into());
        }
        match self.dice.below(4) {
            0 => return Ok(Sent::Full),
            1 => {
                self.started.push((Started::Message(peer, head.to_vec(), body as usize, len), tag));
                return Ok(Sent::Started);
            }
            _ => {}
        }
        self.post.lock().unwrap()[peer].push(whole(head, body, len));
        Ok(Sent::Done)
    }
    unsafe fn register(&mut self, base: *mut u8, _len: usize) -> Result<Vec<u8>> {
        Ok((base as usize).to_ne_bytes().to_vec())
    }
    fn import(&mut self, _peer: usize, key: &[u8]) -> Result<Key> {
        self.keys.push(usize::from_ne_bytes(key.try_into().unwrap()));
        Ok(Key(self.keys.len() as u32 - 1))
    }
    unsafe fn write(
        &mut self,
        _: usize,
        key: Key,
        offset: u64,
        src: *const u8,
        len: usize,
        tag: u64,
    ) -> Result<Sent> {
        let there = self.keys[key.0 as usize] + offset as usize;
        self.begin(Started::Write(there, src as usize, len), tag)
    }
    unsafe fn read(
        &mut self,
        _: usize,
        key: Key,
        offset: u64,
        dst: *mut u8,
        len: usize,
        tag: u64,
    ) -> Result<Sent> {
        let there = self.keys[key.0 as usize] + offset as usize;
        self.begin(Started::Read(dst as usize, there, len), tag)
    }
    fn fetch(&mut self, _: usize, key: Key, offset: u64, len: usize, tag: u64) -> Result<Sent> {
        assert!(len <= 2048);
        self.begin(Started::Fetch(self.keys[key.0 as usize] + offset as usize, len), tag)
    }
    /// Everything is over in time here.
    fn give_up(&mut self, _peer: usize) {}
    fn flush(&mut self, _peer: usize, tag: u64) -> Result<Sent> {
        self.begin(Started::Flush, tag)
    }
    fn progress(&mut self, sink: &mut dyn Sink) -> bool {
        let mut any = false;
        while !self.late.is_empty() && self.dice.below(3) == 0 {
            self.apply_late();
        }
        while !self.started.is_empty() && self.dice.below(3) > 0 {
            let at = self.dice.below(self.started.len());
            let (started, tag) = self.started.swap_remove(at);
            match started {
                Started::Message(peer, head, body, len) => {
                    self.post.lock().unwrap()[peer].push(whole(&head, body as *const u8, len));
                }
                Started::Write(there, here, len) => {
                    self.late.push((there, whole(&[], here as *const u8, len)))
                }
                // SAFETY: both blocks live, and nobody else uses the destination.
                Started::Read(here, there, len) => unsafe {
                    shm::copy::copy(here as *mut u8, there as *const u8, len);
                },
                Started::Fetch(there, len) => {
                    sink.fetched(tag, Ok(&whole(&[], there as *const u8, len)));
                    any = true;
                    continue;
                }
                Started::Flush => {
                    // Those started before it and not locally complete are not rare; then it has to wait.
                    if self.started.iter().any(|(started, _)| matches!(started, Started::Write(..))) {
                        self.started.push((Started::Flush, tag));
                        continue;
                    }
                    while !self.late.is_empty() {
                        self.apply_late();
                    }
                }
            }
            sink.done(tag, Ok(()));
            any = true;
        }
        loop {
            let mut post = self.post.lock().unwrap();
            let waiting = &mut post[self.me];
            if waiting.is_empty() || self.dice.below(8) == 0 {
                return any;
            }
            let next = waiting.swap_remove(self.dice.below(waiting.len()));
            drop(post);
            sink.message(&next, &[]);
            any = true;
        }
    }
    fn event_fd(&self) -> Option<RawFd> {
        None
    }
    fn arm(&mut self) -> Result<bool> {
        Ok(false)
    }
}

impl Unruly {
    /// That of process `me` of two.
    pub(super) fn new(post: Post, me: usize, seed: u64) -> Unruly {
        Unruly {
            post,
            me,
            dice: Dice(seed ^ me as u64),
            started: Vec::new(),
            late: Vec::new(),
            keys: Vec::new(),
            is_rdma: seed.is_multiple_of(2),
            is_cut_off: false,
        }
    }

    fn begin(&mut self, what: Started, tag: u64) -> Result<Sent> {
        if self.dice.below(4) == 0 {
            return Ok(Sent::Full);
        }
        self.started.push((what, tag));
        Ok(Sent::Started)
    }

    /// Lets any of the late writes become visible.
    fn apply_late(&mut self) {
        let at = self.dice.below(self.late.len());
        let (there, bytes) = self.late.swap_remove(at);
        // SAFETY: a part of the peer's block, which lives as long as its heap.
        unsafe { shm::copy::copy(there as *mut u8, bytes.as_ptr(), bytes.len()) };
    }
}

fn whole(head: &[u8], body: *const u8, len: usize) -> Vec<u8> {
    let mut bytes = head.to_vec();
    if len > 0 {
        // SAFETY: the sender keeps the body until it is told that it is no longer needed.
        bytes.extend(unsafe { std::slice::from_raw_parts(body, len) });
    }
    bytes
}
