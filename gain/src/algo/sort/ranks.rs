//! Lines that several ranks have parts of.
//!
//! A rank has at most two such parts: of the line that begins before its run, and of the one that ends behind it. A sample of
//! each line says which of its elements belong about where; they go there, are ordered, and what then lies on the wrong side of
//! a border goes over it. An element is told from its equals by its place, so that any line is cut evenly, and equal ones
//! stay in their order: parts come by rank.

use super::divide;
use super::large::Wanted;
use super::lines::{self, Lines};
use super::word::{Kind, Low, Word};
use crate::error::Result;
use crate::session;
use crate::stage::{Room, Run};
use bytemuck::Pod;
use std::collections::BTreeSet;
use std::ops::Range;

/// Elements that are looked at of each part.
const SAMPLE: usize = 512;

/// A part of a line: elements of this rank's run.
#[derive(Clone, Debug)]
struct Part {
    line: usize,
    range: Range<usize>,
}

/// Where lines of `n` elements are cut by the ranks' runs.
pub(super) struct Cuts {
    pub(super) n: usize,
    pub(super) runs: Vec<Range<usize>>,
}

impl Cuts {
    /// What a rank has of lines that others have parts of.
    fn parts(&self, rank: usize) -> Vec<Part> {
        let (n, run) = (self.n, &self.runs[rank]);
        let mut parts = Vec::new();
        if run.is_empty() {
            return parts;
        }
        let first = run.start / n;
        if !run.start.is_multiple_of(n) || run.end < (first + 1) * n {
            parts.push(Part { line: first, range: run.start..run.end.min((first + 1) * n) });
        }
        let last = run.end / n;
        if !run.end.is_multiple_of(n) && last > first {
            parts.push(Part { line: last, range: last * n..run.end });
        }
        parts
    }

    /// Lines that several ranks have parts of.
    pub(super) fn shared_lines(&self) -> BTreeSet<usize> {
        (0..self.runs.len()).flat_map(|rank| self.parts(rank)).map(|part| part.line).collect()
    }

    /// Lines that this rank has all of.
    fn whole(&self, rank: usize) -> Range<usize> {
        let run = &self.runs[rank];
        let start = run.start.next_multiple_of(self.n).min(run.end);
        start..(run.end - run.end % self.n).max(start)
    }

    /// Who has parts of a line, in order.
    fn owners(&self, line: usize) -> Vec<usize> {
        let (start, end) = (line * self.n, (line + 1) * self.n);
        let has = |run: &Range<usize>| !run.is_empty() && run.start < end && run.end > start;
        (0..self.runs.len()).filter(|&rank| has(&self.runs[rank])).collect()
    }

    /// The line that two ranks share, if they do: never more than one.
    fn shared(&self, one: usize, two: usize) -> Option<usize> {
        let parts = self.parts(one);
        parts.iter().map(|part| part.line).find(|&line| self.owners(line).contains(&two))
    }
}

/// An element of a line, by its word and its place.
type Place<W> = (W, u64);

/// Orders lines of `n` elements that lie in the ranks' runs. Collective.
pub(super) fn order<W: Low<O>, O: Pod + Send + Sync>(
    kind: Kind<W>,
    elements: &[u8],
    n: usize,
    wanted: &Wanted<'_>,
    room: &Room<'_>,
    run: &mut Run<'_>,
) -> Result<()> {
    let (size, me) = (session::get().size, session::get().rank);
    let cuts = Cuts { n, runs: (0..size).map(|rank| run.range_of(rank)).collect() };
    let start = run.range().start;
    let item = if run.range().is_empty() { 1 } else { elements.len() / run.range().len() };
    let out = run.elements::<O>();
    let whole = cuts.whole(me);
    if !whole.is_empty() {
        let own = whole.start - start..whole.end - start;
        let elements = &elements[own.start * item..own.end * item];
        lines::order(kind, elements, Lines { n, inner: 1 }, wanted, &mut out[own]);
    }
    if let Wanted::At(places) = *wanted
        && W::BITS <= 128
    {
        return divide::order(kind, elements, start, &cuts, places, room, out);
    }
    let parts = cuts.parts(me);
    let words: Vec<Vec<W>> = parts
        .iter()
        .map(|Part { line, range }| {
            let mut words = vec![W::zeroed(); range.len()];
            let elements = &elements[(range.start - start) * item..(range.end - start) * item];
            (kind.load)(elements, range.start - line * n, 1, &mut words);
            words
        })
        .collect();
    let borders = borders(&cuts, &parts, &words, room)?;
    // What belongs to each rank, to this one by line.
    let mut away: Vec<Vec<W>> = vec![Vec::new(); size];
    let mut here: Vec<Vec<Vec<W>>> = parts.iter().map(|_| vec![Vec::new(); size]).collect();
    for (k, (part, words)) in parts.iter().zip(words).enumerate() {
        let owners = cuts.owners(part.line);
        for (place, word) in (part.range.start as u64..).zip(words) {
            let owner = owners[borders[k].partition_point(|border| *border <= (word, place))];
            if owner == me { &mut here[k][me] } else { &mut away[owner] }.push(word);
        }
    }
    for (rank, words) in room.exchange(away)?.into_iter().enumerate().filter(|(rank, _)| *rank != me) {
        if let Some(k) = cuts.shared(me, rank).and_then(|line| parts.iter().position(|p| p.line == line)) {
            here[k][rank] = words;
        }
    }
    let ordered: Vec<Vec<O>> = here
        .into_iter()
        .map(|here| {
            let mut words = here.concat();
            drop(here);
            lines::words(&mut words);
            (kind.settle)(&mut words);
            words.into_iter().map(Low::low).collect()
        })
        .collect();
    deliver(&cuts, &parts, ordered, room, start, out)
}

/// For each of this rank's parts, where the line is to be cut: the first element that goes to the second owner, and so on.
/// Collective.
fn borders<W: Word>(
    cuts: &Cuts,
    parts: &[Part],
    words: &[Vec<W>],
    room: &Room<'_>,
) -> Result<Vec<Vec<Place<W>>>> {
    let (mut sample, mut about) = (Vec::<W>::new(), Vec::<[u64; 3]>::new());
    for (part, words) in parts.iter().zip(words) {
        let count = SAMPLE.min(words.len());
        for k in 0..count {
            let (from, to) = (words.len() * k / count, words.len() * (k + 1) / count);
            let at = from + session::mix(k as u64) as usize % (to - from);
            sample.push(words[at]);
            about.push([part.line as u64, (part.range.start + at) as u64, (to - from) as u64]);
        }
    }
    let (sample, about) = (room.everybodys(&sample)?.concat(), room.everybodys(&about)?.concat());
    let borders = parts.iter().map(|part| {
        let mut line: Vec<(Place<W>, u64)> = sample
            .iter()
            .zip(&about)
            .filter(|(_, about)| about[0] == part.line as u64)
            .map(|(&word, about)| ((word, about[1]), about[2]))
            .collect();
        line.sort_unstable_by_key(|(place, _)| *place);
        let mut before = 0;
        let mut ends = line.into_iter().map(|(place, stands_for)| {
            before += stands_for;
            (place, before)
        });
        let owners = cuts.owners(part.line);
        let targets = owners[1..].iter().map(|&owner| (cuts.runs[owner].start - part.line * cuts.n) as u64);
        let mut last = (W::zeroed(), 0);
        targets
            .map(|target| {
                if let Some((place, _)) = ends.by_ref().find(|(_, end)| *end > target) {
                    last = place;
                }
                last
            })
            .collect()
    });
    Ok(borders.collect())
}

/// Brings the elements of lines, which lie in order but not quite with their owners, to these. Collective.
fn deliver<O: Pod>(
    cuts: &Cuts,
    parts: &[Part],
    ordered: Vec<Vec<O>>,
    room: &Room<'_>,
    start: usize,
    out: &mut [O],
) -> Result<()> {
    let (size, me) = (session::get().size, session::get().rank);
    let counts: Vec<[u64; 2]> =
        parts.iter().zip(&ordered).map(|(part, some)| [part.line as u64, some.len() as u64]).collect();
    let counts = room.everybodys(&counts)?;
    // Where the elements of a line that a rank has now belong.
    let place = |line: usize, rank: usize| {
        let count = |of: &Vec<[u64; 2]>| {
            of.iter().filter(|c| c[0] == line as u64).map(|c| c[1] as usize).sum::<usize>()
        };
        let from = line * cuts.n + counts[..rank].iter().map(count).sum::<usize>();
        from..from + count(&counts[rank])
    };
    let both = |one: &Range<usize>, two: &Range<usize>| {
        let from = one.start.max(two.start);
        from..one.end.min(two.end).max(from)
    };
    let mut away: Vec<Vec<O>> = vec![Vec::new(); size];
    for (part, some) in parts.iter().zip(&ordered) {
        let now = place(part.line, me);
        for owner in cuts.owners(part.line) {
            let range = both(&now, &cuts.runs[owner]);
            if range.is_empty() {
                continue;
            }
            let some = &some[range.start - now.start..range.end - now.start];
            match owner == me {
                true => out[range.start - start..range.end - start].copy_from_slice(some),
                false => away[owner].extend_from_slice(some),
            }
        }
    }
    drop(ordered);
    for (rank, some) in room.exchange(away)?.into_iter().enumerate().filter(|(rank, _)| *rank != me) {
        let Some(line) = cuts.shared(me, rank) else { continue };
        let range = both(&place(line, rank), &cuts.runs[me]);
        if !range.is_empty() {
            out[range.start - start..range.end - start].copy_from_slice(&some);
        }
    }
    Ok(())
}
