//! Walks through the words of a stream: threads take pieces of it in turn, each decodes its own as if a variate began where the piece does,
//! and they are joined in order.
//!
//! A variate of the piece before may end within this one. Then the true walk enters later, is walked from there until it falls into step with
//! the one that was guessed, and what was found behind that place is right. Invariant: what goes out is the true walk from the stream's
//! beginning on; places and counts are of units and steps since then.

use super::decode::{Decode, TOGETHER};
use super::words::{Stream, Unit, Units};
use crate::exec::pool;
use crate::lock;
use bytemuck::Zeroable;
use std::sync::{Condvar, Mutex};

/// So many words of 64 bits are a piece: with what is made of them they stay in a thread's cache.
const WORDS: usize = 4096;

/// The first steps of a piece whose places are known.
const KNOWN: usize = 64;

/// Units in a piece.
pub(super) const fn piece<U>() -> usize {
    8 * WORDS / size_of::<U>()
}

/// Where a walk ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Until {
    /// After so many steps.
    Steps(u64),
    /// With the first step that ends outside so many pieces.
    Pieces(usize),
}

/// What a walk came to.
pub(super) struct Walked<M> {
    /// Where the last step ended.
    pub(super) exit: u64,
    pub(super) steps: u64,
    /// Where the walk entered each piece, and after how many steps.
    pub(super) marks: Vec<[u64; 2]>,
    /// What the last of a number of steps made.
    pub(super) last: Option<M>,
}

/// Pieces not yet taken.
struct Source {
    stream: Stream,
    next: usize,
}

impl Source {
    /// The next piece: its number, and whether its units are in `memory`. If so the stream is what comes behind them; else it is the one to fill
    /// the memory from, without the lock.
    fn take<U: Unit>(&mut self, memory: &mut [u64]) -> (usize, Stream, bool) {
        let number = self.next;
        self.next += 1;
        if self.stream.jumps() {
            let stream = self.stream.clone();
            U::skip(&mut self.stream, piece::<U>() as u64);
            return (number, stream, false);
        }
        U::fill(&mut self.stream, memory);
        (number, self.stream.clone(), true)
    }
}

/// Takes pieces up to `count`, fills them, and calls `work` with number, units and the stream behind them until it has enough.
fn pieces<U: Unit, M>(
    stream: &Stream,
    count: usize,
    threads: usize,
    work: &(impl Fn(usize, &[U], Stream, &mut Vec<M>) -> bool + Sync),
) {
    let source = Mutex::new(Source { stream: stream.clone(), next: 0 });
    let threads = threads.min(count).max(1);
    pool::split(threads, threads, &|_| {
        let mut memory = vec![0u64; WORDS];
        let mut made = Vec::new();
        loop {
            let mut held = lock(&source);
            if held.next >= count {
                return;
            }
            let (number, mut after, is_full) = held.take::<U>(&mut memory);
            drop(held);
            if !is_full {
                U::fill(&mut after, &mut memory);
            }
            if !work(number, bytemuck::cast_slice(&memory), after, &mut made) {
                return;
            }
        }
    });
}

/// The units of a stream from its beginning on, `count` of them: `sink` gets the number of a first one and it with those behind it.
pub(super) fn units<U: Unit>(
    stream: &Stream,
    count: u64,
    threads: usize,
    sink: &(impl Fn(u64, &[U]) + Sync),
) {
    let len = piece::<U>();
    pieces::<U, ()>(stream, count.div_ceil(len as u64) as usize, threads, &|number, near, _, _| {
        let first = (number * len) as u64;
        sink(first, &near[..(count - first).min(len as u64) as usize]);
        true
    });
}

/// How far the true walk is.
struct Chain<M> {
    turn: usize,
    exit: u64,
    steps: u64,
    marks: Vec<[u64; 2]>,
    last: Option<M>,
    is_done: bool,
}

/// Walks from the stream's beginning on; `sink` gets the number of a first step and what it and those behind it made.
pub(super) fn walk<D: Decode>(
    decode: &D,
    stream: &Stream,
    until: Until,
    threads: usize,
    sink: &(impl Fn(u64, &[D::Made]) + Sync),
) -> Walked<D::Made> {
    let chain = Mutex::new(Chain {
        turn: 0,
        exit: 0,
        steps: 0,
        marks: Vec::new(),
        last: None,
        is_done: until == Until::Steps(0),
    });
    let next = Condvar::new();
    let len = piece::<D::Unit>();
    let (wanted, count) = match until {
        Until::Steps(steps) => (steps, if steps == 0 { 0 } else { usize::MAX }),
        Until::Pieces(count) => (u64::MAX, count),
    };
    // More threads than there are pieces to expect would only wait.
    let expected = (wanted as f64 * decode.rate() / len as f64).ceil();
    let threads = threads.min(expected.min(1e6) as usize).max(1);
    pieces::<D::Unit, D::Made>(stream, count, threads, &|number, near, after, made| {
        let mut units = Units::new(near, after);
        let (mut known, mut places) = ([0usize; KNOWN], 0);
        // (As long as it may get; `count` of it are made.)
        made.resize(len, D::Made::zeroed());
        let mut count = 0;
        while units.at < len && places < KNOWN {
            known[places] = units.at;
            places += 1;
            made[count] = decode.step(&mut units);
            count += 1;
        }
        if decode.is_even() {
            count += evenly(decode, &mut units, &mut made[count..]);
        }
        while units.at < len {
            made[count] = decode.step(&mut units);
            count += 1;
        }
        let mut exit = units.at;
        let mut held = lock(&chain);
        while held.turn != number {
            held = next.wait(held).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        held.turn += 1;
        if held.is_done {
            next.notify_all();
            return false;
        }
        let start = (number * len) as u64;
        let entry = (held.exit - start) as usize;
        // From the true entry until in step with the guess.
        let (mut head, mut from) = (Vec::new(), 0);
        if entry > 0 {
            units.at = entry;
            from = loop {
                if let Ok(step) = known[..places].binary_search(&units.at) {
                    break step;
                }
                if units.at >= len {
                    exit = units.at;
                    break count;
                }
                head.push(decode.step(&mut units));
            };
        }
        let first = held.steps;
        let found = (head.len() + count - from) as u64;
        let entry_mark = held.exit;
        held.marks.push([entry_mark, first]);
        let mut keep = found;
        if wanted - first <= found {
            keep = wanted - first;
            units.at = entry;
            for _ in 0..keep {
                held.last = Some(decode.step(&mut units));
            }
            exit = units.at;
            held.is_done = true;
        }
        held.exit = start + exit as u64;
        held.steps = first + keep;
        let is_done = held.is_done;
        drop(held);
        next.notify_all();
        let in_head = (head.len() as u64).min(keep);
        sink(first, &head[..in_head as usize]);
        sink(first + in_head, &made[from..from + (keep - in_head) as usize]);
        !is_done
    });
    let chain = chain.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    Walked { exit: chain.exit, steps: chain.steps, marks: chain.marks, last: chain.last }
}

/// Steps as long as many can be tried at once; how many it were.
#[inline(never)]
fn evenly<D: Decode>(decode: &D, units: &mut Units<'_, D::Unit>, made: &mut [D::Made]) -> usize {
    let mut groups = made.chunks_exact_mut(TOGETHER);
    let mut count = 0;
    while let Some((near, group)) = units.near(TOGETHER).zip(groups.next()) {
        let near: &[D::Unit; TOGETHER] = near.try_into().expect("as many");
        let group: &mut [D::Made; TOGETHER] = group.try_into().expect("as many");
        if decode.try_each(near, &mut *group) {
            units.at += TOGETHER;
        } else {
            group.iter_mut().for_each(|made| *made = decode.step(units));
        }
        count += TOGETHER;
    }
    count
}

/// From a mark on: what the steps `from..to` of the whole walk make goes to `sink`, one after the other; returns where the walk is then.
/// `stream` is the one of which the mark's place is counted.
pub(super) fn steps_from<D: Decode>(
    decode: &D,
    stream: &Stream,
    mark: [u64; 2],
    from: u64,
    to: u64,
    mut sink: impl FnMut(u64, &D::Made),
) -> u64 {
    let [place, first] = mark;
    let whole = place / D::Unit::PER_WORD * D::Unit::PER_WORD;
    let mut stream = stream.clone();
    D::Unit::skip(&mut stream, whole);
    let mut units = Units::new(&[], stream);
    for _ in whole..place {
        units.next();
    }
    for step in first..to {
        let made = decode.step(&mut units);
        if step >= from {
            sink(step, &made);
        }
    }
    whole + units.at as u64
}
