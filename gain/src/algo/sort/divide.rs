//! Partitions of lines that several ranks have parts of: nothing is sorted.
//!
//! The ranks find what belongs at the wanted places, count what lies between and what equals it, and with everybody's counts each
//! element has a place: those of a class follow each other, by rank. It goes to the rank that has that place.

use super::ranks::Cuts;
use super::select::{self, Words};
use super::word::{Kind, Low};
use crate::error::Result;
use crate::session;
use crate::stage::Room;
use bytemuck::Pod;
use std::ops::Range;

/// Words at once.
const WINDOW: usize = 512;

/// Puts the elements of this rank's run, which begins at `start`, of lines that it shares where they belong. Words must be told
/// apart by their upper bits. Collective.
pub(super) fn order<W: Low<O>, O: Pod + Send + Sync>(
    kind: Kind<W>,
    elements: &[u8],
    start: usize,
    cuts: &Cuts,
    places: &[usize],
    room: &Room<'_>,
    out: &mut [O],
) -> Result<()> {
    let me = session::get().rank;
    let item = elements.len() / out.len().max(1);
    for line in cuts.shared_lines() {
        let first = line * cuts.n;
        let own = both(&cuts.runs[me], &(first..first + cuts.n));
        let elements = &elements[(own.start - start) * item..(own.end - start) * item];
        let load = |range: Range<usize>, words: &mut [W]| {
            let at = own.start - first + range.start;
            (kind.load)(&elements[range.start * item..range.end * item], at, 1, words);
        };
        let tops = |range: Range<usize>, tops: &mut [u64]| {
            let mut words = [W::zeroed(); WINDOW];
            let words = &mut words[..tops.len()];
            load(range, words);
            tops.iter_mut().zip(words).for_each(|(to, word)| *to = word.top());
        };
        let values = select::find(&Words { len: own.len(), load: &tops }, cuts.n, places, room)?;
        // What is less than the first, equals it, lies between it and the second, ...
        let mut classes: Vec<Vec<O>> = vec![Vec::new(); 2 * values.len() + 1];
        for from in (0..own.len()).step_by(WINDOW) {
            let mut words = [W::zeroed(); WINDOW];
            let words = &mut words[..WINDOW.min(own.len() - from)];
            load(from..from + words.len(), words);
            let mut class = [0; WINDOW];
            for (class, word) in class.iter_mut().zip(&*words) {
                let k = values.partition_point(|value| *value < word.top());
                *class = 2 * k + usize::from(values.get(k) == Some(&word.top()));
            }
            (kind.settle)(words);
            words.iter().zip(class).for_each(|(word, class)| classes[class].push(word.low()));
        }
        let counts: Vec<u64> = classes.iter().map(|class| class.len() as u64).collect();
        let counts = room.everybodys(&counts)?;
        // By rank and class, where the elements go.
        let mut ranges = vec![Vec::new(); counts.len()];
        let mut next = first;
        for class in 0..classes.len() {
            for (ranges, counts) in ranges.iter_mut().zip(&counts) {
                ranges.push(next..next + counts[class] as usize);
                next += counts[class] as usize;
            }
        }
        let mut away: Vec<Vec<O>> = vec![Vec::new(); cuts.runs.len()];
        for (class, range) in classes.into_iter().zip(&ranges[me]) {
            for (owner, run) in cuts.runs.iter().enumerate() {
                let part = both(range, run);
                if part.is_empty() {
                    continue;
                }
                let some = &class[part.start - range.start..part.end - range.start];
                match owner == me {
                    true => out[part.start - start..part.end - start].copy_from_slice(some),
                    false => away[owner].extend_from_slice(some),
                }
            }
        }
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

/// What two ranges have in common; if that is nothing, an empty range in the first, or at its end.
fn both(one: &Range<usize>, two: &Range<usize>) -> Range<usize> {
    let from = two.start.clamp(one.start, one.end);
    from..two.end.clamp(from, one.end)
}
