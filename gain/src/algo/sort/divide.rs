//! Partitions of lines that several ranks have parts of: nothing is sorted.
//!
//! The ranks find what belongs at the wanted places, count what lies between and what equals it, and with everybody's counts each
//! element has a place: those of a class follow each other, by rank. It goes to the rank that has that place.

use super::ranks::{Cuts, both};
use super::select::{self, Words};
use super::word::{Kind, Low};
use crate::error::Result;
use crate::session;
use crate::stage::{Room, Run};
use bytemuck::Pod;
use std::ops::Range;

/// Words at once.
const WINDOW: usize = 512;

/// What words are compared by.
type Key = (u64, u64);

/// A rank's part of a line.
struct Part<'a, W> {
    len: usize,
    load: &'a (dyn Fn(Range<usize>, &mut [W]) + Sync),
}

impl<W: super::word::Word> Part<'_, W> {
    /// Calls `work` with all words, some at a time.
    fn each(&self, mut work: impl FnMut(&mut [W])) {
        for from in (0..self.len).step_by(WINDOW) {
            let mut words = [W::zeroed(); WINDOW];
            let words = &mut words[..WINDOW.min(self.len - from)];
            (self.load)(from..from + words.len(), words);
            work(words);
        }
    }

    /// The keys of what belongs at these places of a line of `n`. Collective.
    fn find(&self, n: usize, places: &[usize], room: &Room<'_>) -> Result<Vec<Key>> {
        let tops = |range: Range<usize>, tops: &mut [u64]| {
            let mut words = [W::zeroed(); WINDOW];
            let words = &mut words[..tops.len()];
            (self.load)(range, words);
            tops.iter_mut().zip(words).for_each(|(to, word)| *to = word.top());
        };
        let tops = select::find(&Words { len: self.len, load: &tops }, n, places, room)?;
        let mut keys: Vec<Key> = tops.into_iter().map(|top| (top, 0)).collect();
        if W::BITS <= 128 {
            return Ok(keys);
        }
        // Among words with the same upper bits, by what is behind these.
        for at in 0..keys.len() {
            if at > 0 && keys[at].0 == keys[at - 1].0 {
                continue;
            }
            let top = keys[at].0;
            let same = keys[at..].partition_point(|key| key.0 == top);
            let (mut less, mut next) = (0u64, Vec::new());
            self.each(|words| {
                for word in words {
                    less += u64::from(word.top() < top);
                    if word.top() == top {
                        next.push(word.next());
                    }
                }
            });
            let all = room.everybodys(&[[less, next.len() as u64]])?.concat();
            let less: u64 = all.iter().map(|one| one[0]).sum();
            let total: u64 = all.iter().map(|one| one[1]).sum();
            let places: Vec<usize> =
                places[at..at + same].iter().map(|place| place - less as usize).collect();
            let load = |range: Range<usize>, to: &mut [u64]| to.copy_from_slice(&next[range]);
            let found = select::find(&Words { len: next.len(), load: &load }, total as usize, &places, room)?;
            keys[at..at + same].iter_mut().zip(found).for_each(|(key, next)| key.1 = next);
        }
        Ok(keys)
    }
}

/// The class of a word: those that are less than the first key, equal it, lie between it and the second, ...
#[inline]
fn class<W: super::word::Word>(keys: &[Key], word: W) -> usize {
    let own = (word.top(), word.next());
    let before = match keys.len() <= 8 {
        // (Without a branch.)
        true => keys.iter().map(|key| usize::from(*key < own)).sum(),
        false => keys.partition_point(|key| *key < own),
    };
    2 * before + usize::from(keys.get(before) == Some(&own))
}

/// Puts the elements of this rank's run of lines that it shares where they belong. Collective.
pub(super) fn order<W: Low<O>, O: Pod + Send + Sync>(
    kind: Kind<W>,
    elements: &[u8],
    cuts: &Cuts,
    places: &[usize],
    room: &Room<'_>,
    run: &mut Run<'_>,
) -> Result<()> {
    let me = session::get().rank;
    let start = run.range().start;
    let out = run.elements::<O>();
    let item = elements.len() / out.len().max(1);
    for line in cuts.shared_lines() {
        let first = line * cuts.n;
        let own = both(&cuts.runs[me], &(first..first + cuts.n));
        let elements = &elements[(own.start - start) * item..(own.end - start) * item];
        let load = |range: Range<usize>, words: &mut [W]| {
            let at = own.start - first + range.start;
            (kind.load)(&elements[range.start * item..range.end * item], at, 1, words);
        };
        let part = Part { len: own.len(), load: &load };
        let keys = part.find(cuts.n, places, room)?;
        let mut counts = vec![0u64; 2 * keys.len() + 1];
        part.each(|words| words.iter().for_each(|&word| counts[class(&keys, word)] += 1));
        let counts = room.everybodys(&counts)?;
        // By rank and class, where the elements go.
        let mut ranges = vec![Vec::new(); counts.len()];
        let mut next = first;
        for class in 0..2 * keys.len() + 1 {
            for (ranges, counts) in ranges.iter_mut().zip(&counts) {
                ranges.push(next..next + counts[class] as usize);
                next += counts[class] as usize;
            }
        }
        // By owner, what goes there, class by class.
        let lens = cuts.runs.iter().enumerate().map(|(owner, run)| match owner == me {
            true => 0,
            false => ranges[me].iter().map(|range| both(range, run).len()).sum(),
        });
        let mut away: Vec<Vec<O>> = lens.map(|len| vec![O::zeroed(); len]).collect();
        let mut filled = vec![0; away.len()];
        // By class, where its next element goes: to whom, up to which place, and where in what this rank sends there.
        struct Next {
            place: usize,
            owner: usize,
            end: usize,
            at: usize,
        }
        let mut nexts: Vec<Next> = Vec::new();
        let mut targets = Vec::new();
        for range in &ranges[me] {
            let parts: Vec<Next> = cuts
                .runs
                .iter()
                .enumerate()
                .map(|(owner, run)| (owner, both(range, run)))
                .filter(|(_, part)| !part.is_empty())
                .map(|(owner, part)| {
                    let at = filled[owner];
                    filled[owner] += part.len();
                    Next { place: part.start, owner, end: part.end, at }
                })
                .collect();
            let mut parts = parts.into_iter();
            nexts.push(parts.next().unwrap_or(Next { place: 0, owner: me, end: 0, at: 0 }));
            targets.push(parts);
        }
        part.each(|words| {
            let mut classes = [0; WINDOW];
            classes.iter_mut().zip(&*words).for_each(|(to, &word)| *to = class(&keys, word));
            (kind.settle)(words);
            for (word, class) in words.iter().zip(classes) {
                let next = &mut nexts[class];
                if next.place == next.end {
                    *next = targets[class].next().expect("a place for every element");
                }
                match next.owner == me {
                    true => out[next.place - start] = word.low(),
                    false => away[next.owner][next.at] = word.low(),
                }
                next.place += 1;
                next.at += 1;
            }
        });
        for (rank, some) in room.exchange(away)?.into_iter().enumerate().filter(|(rank, _)| *rank != me) {
            let mut some = &some[..];
            for part in ranges[rank].iter().map(|range| both(range, &cuts.runs[me])) {
                let (these, rest) = some.split_at(part.len());
                if !these.is_empty() {
                    out[part.start - start..part.end - start].copy_from_slice(these);
                }
                some = rest;
            }
        }
    }
    Ok(())
}
