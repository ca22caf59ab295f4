//! Messages of every kind with numbers from anywhere, and some bytes changed on the way: those that make sense take effect in the receiver's arena,
//! the others break off the talk with who sent them; nothing else happens. As they are, and brought by real engines.
//!
//! `make test-all` runs these under AddressSanitizer, a million messages in all.

use super::super::core::Core;
use super::super::message::{Head, Kind, Packed};
use super::super::ofi::Ofi;
use super::super::shape::Shape;
use super::super::ucx::Ucx;
use super::super::wire::{Result, Sent, Sink, Wire};
use super::unruly::Dice;
use super::{JOB, pair};
use crate::transport::bundle::{Bundle, Entry};
use crate::transport::letter::{Sort, Stamp};
use crate::transport::{Remote, Transport};
use shm::DType;

/// Messages that one pair of processes gets, and one of these tests.
const EACH: usize = 2000;

fn messages() -> usize {
    if std::env::var_os("GAIN_TEST_ALL").is_some() { 350_000 } else { 10_000 }
}

/// A message to process 0, whose arena has `arena` bytes and whose request is `token`.
fn forge(dice: &mut Dice, number: &mut u64, token: u64, block: u64, arena: u64) -> Vec<u8> {
    let numbers = [0, 1, 7, 8, 64, 255, 256, 4096, block, arena, u64::MAX - 3];
    let mut any = || numbers[dice.below(numbers.len())].wrapping_add(dice.below(3) as u64);
    let (offset, len, at, value, given) = (any(), any(), any(), any(), any());
    // What a key says only an engine knows.
    let kind = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17][dice.below(16)];
    *number += u64::from(dice.below(8) > 0);
    let head = Head {
        kind,
        flags: dice.below(32) as u8,
        variant: dice.below(16) as u8,
        source: if dice.below(32) == 0 { 7 } else { 1 },
        number: if kind > 10 || dice.below(50) == 0 { 0 } else { *number },
        ack: dice.below(3) as u64,
        offset: if dice.below(2) == 0 { block } else { offset },
        token: if dice.below(2) == 0 { token } else { given },
        len: if dice.below(2) == 0 { 8 } else { len },
        at: if dice.below(2) == 0 { 0 } else { at },
        value,
        job: JOB,
        ..Head::new(Kind::Nothing, 1)
    };
    let mut shape = Shape::run(8);
    shape.levels = if dice.below(3) == 0 { dice.below(4) } else { 0 };
    for level in 0..shape.levels {
        shape.counts[level] = numbers[dice.below(numbers.len())] as usize;
        shape.strides[level] = numbers[dice.below(numbers.len())] as isize;
    }
    let mut bytes = Packed::new(head, (kind == 3).then_some([0; 16]), Some(&shape)).bytes().to_vec();
    if kind == Kind::Letter as u8 && dice.below(4) > 0 {
        let stamp = Stamp {
            sort: dice.below(6) as u8,
            handler: dice.below(3) as u32,
            header_len: [0, 8, 64, 65, 255][dice.below(5)],
            len: [0, 8, 192, u32::MAX][dice.below(4)],
            rest: numbers[dice.below(numbers.len())],
            ..Stamp::new(Sort::Message, if dice.below(8) == 0 { 7 } else { 1 })
        };
        bytes.extend(bytemuck::bytes_of(&stamp));
    }
    if kind == Kind::Bundle as u8 && dice.below(4) > 0 {
        let mut bundle = Bundle::default();
        for _ in 0..dice.below(4) {
            let offset = numbers[dice.below(numbers.len())].min(u64::MAX >> 1);
            let scale = (dice.below(2) == 0).then(|| (DType::ALL[dice.below(DType::ALL.len())], [1; 16]));
            bundle.push(&Entry { offset, scale, data: &[3; 64][..[0, 8, 13, 64][dice.below(4)]] });
        }
        bytes.extend(bundle.bytes());
    }
    bytes.extend(vec![dice.below(256) as u8; [0, 8, 16, 24, 256, 1000, 12_000][dice.below(7)]]);
    if dice.below(16) == 0 {
        bytes.truncate(dice.below(bytes.len()));
    }
    // Not the kind: a key must come from an engine.
    for _ in 0..dice.below(12).saturating_sub(8) {
        if bytes.len() > 1 {
            let at = 1 + dice.below(bytes.len() - 1);
            bytes[at] = dice.below(256) as u8;
        }
    }
    bytes
}

/// Has `deliver` bring forged messages to a process, talk after talk.
fn withstand(seed: u64, mut deliver: impl FnMut(&mut Core, &[u8])) {
    let mut dice = Dice(seed);
    let (total, mut talks) = (messages(), 0);
    for round in 0..total.div_ceil(EACH) {
        let ([a, _b], [heap, _], block) = pair(4096, round as u64);
        // The requests are never closed.
        let wanted = Box::leak(Box::new([0u8; 256]));
        let mut ask = || {
            // SAFETY: lives for ever, and is looked at by nobody.
            unsafe { a.get(Remote { rank: 1, offset: block }, wanted.as_mut_ptr(), 256) }.unwrap().number()
        };
        let (mut token, mut number) = (ask(), 0);
        for _ in 0..EACH {
            let bytes = forge(&mut dice, &mut number, token, block as u64, heap.arena_len() as u64);
            let mut engine = a.inside();
            deliver(&mut engine.core, &bytes);
            engine.progress();
            if engine.core.peers.get(&1).is_some_and(|peer| peer.broken.is_some()) {
                talks += 1;
                // A new one, to which what the engine still sends for the old one is an answer as well.
                let gone = engine.core.peers.remove(&1);
                engine.core.peer(1).answering = gone.map_or(0, |peer| peer.answering);
                drop(engine);
                (token, number) = (ask(), 0);
            }
        }
    }
    assert!(talks > total / 100, "{talks} talks were broken off");
}

#[test]
fn whatever_a_peer_says_is_an_effect_or_an_error() {
    withstand(99, |core, bytes| core.message(bytes, &[]));
}

/// The same by way of an engine, in one piece and in two.
fn brought_by(open: impl Fn() -> Result<Box<dyn Wire>>) {
    let (mut from, mut to) = match (open(), open()) {
        (Ok(from), Ok(to)) => (from, to),
        (Err(why), _) | (_, Err(why)) => return eprintln!("skipped: {why}"),
    };
    from.connect(1, to.address()).unwrap();
    to.connect(1, from.address()).unwrap();
    let mut nobody = Unheard;
    let mut seen = 0;
    withstand(7, |core, bytes| {
        // Nothing is no message to an engine.
        if bytes.is_empty() {
            return;
        }
        let (head, body) = bytes.split_at(bytes.len().min(80));
        let (before, start) = (seen, std::time::Instant::now());
        let mut relay = Relay { core, seen: &mut seen };
        let mut is_sent = false;
        while *relay.seen == before {
            // SAFETY: the body is there until the message has arrived, hence is no longer needed.
            is_sent =
                is_sent || unsafe { from.send(1, head, body.as_ptr(), body.len(), 0) }.unwrap() != Sent::Full;
            from.progress(&mut nobody);
            to.progress(&mut relay);
            assert!(start.elapsed().as_secs() < 20, "message {before} of {} bytes did not come", bytes.len());
        }
    });
}

#[test]
fn whatever_ucx_brings_is_an_effect_or_an_error() {
    brought_by(|| Ok(Box::new(Ucx::open(2)?)));
}

#[test]
fn whatever_libfabric_brings_is_an_effect_or_an_error() {
    brought_by(|| Ok(Box::new(Ofi::open(2, false)?)));
}

/// Hears what the engine of the sender has to say.
struct Unheard;

impl Sink for Unheard {
    fn message(&mut self, _: &[u8], _: &[u8]) {}
    fn fetched(&mut self, _: u64, _: Result<&[u8]>) {}
    fn done(&mut self, _: u64, outcome: Result<()>) {
        outcome.unwrap();
    }
    fn broken(&mut self, peer: usize, why: String) {
        panic!("{peer}: {why}");
    }
}

/// Passes messages on, and counts them.
struct Relay<'a> {
    core: &'a mut Core,
    seen: &'a mut usize,
}

impl Sink for Relay<'_> {
    fn message(&mut self, bytes: &[u8], body: &[u8]) {
        *self.seen += 1;
        self.core.message(bytes, body);
    }
    fn fetched(&mut self, _: u64, _: Result<&[u8]>) {}
    fn done(&mut self, _: u64, _: Result<()>) {}
    fn broken(&mut self, peer: usize, why: String) {
        panic!("{peer}: {why}");
    }
}
