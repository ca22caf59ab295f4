//! Lines that several ranks have parts of.
//!
//! A rank has at most two such parts: of the line that begins before its run, and of the one that ends behind it. It sorts each
//! in memory that all ranks may read. Some of these words cut the line into chunks that fit a cache; with how many words every part has
//! before each cut, all know where a chunk lies in the order, and who has a place of it merges what the parts have of it. A word
//! is told from its equals by where it lies, so that any line is cut evenly. Nothing is sent, and nothing in memory but the words.

use super::lines;
use super::word::{Kind, Low, Word};
use crate::algo::Cells;
use crate::error::Result;
use crate::exec::pool;
use crate::lock;
use crate::session;
use crate::stage::{Room, Run, Shown};
use bytemuck::Pod;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Mutex;

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
    /// As a result is cut.
    pub(super) fn of(n: usize, run: &Run<'_>) -> Cuts {
        Cuts { n, runs: (0..session::get().size).map(|rank| run.range_of(rank)).collect() }
    }

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
    pub(super) fn whole(&self, rank: usize) -> Range<usize> {
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
}

/// Words of a line that are merged at once, about.
const CHUNK: usize = 1 << 15;

/// Cuts of a line at most.
const MOST: usize = 1 << 12;

/// A cut of a line: a word and where it lies, which tells it from equal ones.
type Cut<W> = (W, usize);

/// Orders the lines that several ranks have parts of, of elements that lie in their runs; the last of `runs` is memory for words.
/// Collective.
pub(super) fn order<W: Low<O>, O: Pod + Send + Sync>(
    kind: Kind<W>,
    elements: &[u8],
    cuts: &Cuts,
    room: &Room<'_>,
    runs: &mut [Run<'_>],
) -> Result<()> {
    let [run, borrowed] = runs else { unreachable!("a result and memory for words") };
    let (start, n) = (run.range().start, cuts.n);
    let item = elements.len() / run.range().len().max(1);
    let parts = cuts.parts(session::get().rank);
    let own = |part: &Part| part.range.start - start..part.range.end - start;
    let words = borrowed.elements::<W>();
    for part in &parts {
        let own = own(part);
        let elements = &elements[own.start * item..own.end * item];
        lines::words(kind, elements, part.range.start - part.line * n, &mut words[own]);
    }
    let own_words: Vec<&[W]> = parts.iter().map(|part| &words[own(part)]).collect();
    let found = found(cuts, &parts, &own_words, room)?;
    let counts: Vec<u64> = parts
        .iter()
        .zip(&own_words)
        .flat_map(|(part, words)| found[&part.line].iter().map(|cut| before(part, words, cut) as u64))
        .collect();
    let counts = room.everybodys(&counts)?;
    drop(own_words);
    let shown = room.show(borrowed)?;
    let out = run.elements::<O>();
    for part in &parts {
        let chunks = Chunks::of(cuts, part.line, found[&part.line].len(), |rank| {
            let (mut skip, mut len) = (0, 0);
            for other in cuts.parts(rank) {
                len = found[&other.line].len();
                if other.line == part.line {
                    break;
                }
                skip += len;
            }
            &counts[rank][skip..skip + len]
        });
        let own = own(part);
        merge_own(kind, &chunks, &shown, part, &mut out[own])?;
    }
    Ok(())
}

/// Where each line that is shared is cut. Collective.
fn found<W: Word>(
    cuts: &Cuts,
    parts: &[Part],
    words: &[&[W]],
    room: &Room<'_>,
) -> Result<BTreeMap<usize, Vec<Cut<W>>>> {
    let most = (cuts.n / CHUNK).min(MOST);
    let (mut sample, mut about) = (Vec::<W>::new(), Vec::<[u64; 2]>::new());
    for (part, words) in parts.iter().zip(words) {
        // (As close as the cuts will be, so that between two of these lie but few of each part.)
        let count = most.min(words.len());
        for at in (0..count).map(|k| words.len() * k / count) {
            sample.push(words[at]);
            about.push([part.line as u64, (part.range.start + at) as u64]);
        }
    }
    let (sample, about) = (room.everybodys(&sample)?.concat(), room.everybodys(&about)?.concat());
    let mut found: BTreeMap<usize, Vec<Cut<W>>> =
        cuts.shared_lines().into_iter().map(|line| (line, Vec::new())).collect();
    for (&word, [line, place]) in sample.iter().zip(about) {
        found.get_mut(&(line as usize)).expect("a shared line").push((word, place as usize));
    }
    for line in found.values_mut() {
        line.sort_unstable();
        let every = line.len().div_ceil(most.max(1)).max(1);
        *line = line.iter().copied().skip(every / 2).step_by(every).collect();
    }
    Ok(found)
}

/// How many of a part's words, which are in order, belong before a cut.
fn before<W: Word>(part: &Part, words: &[W], &(word, place): &Cut<W>) -> usize {
    if part.range.contains(&place) {
        return place - part.range.start;
    }
    // (Of equal words those of an earlier part come first.)
    match part.range.end <= place {
        true => words.partition_point(|own| *own <= word),
        false => words.partition_point(|own| *own < word),
    }
}

/// A line between its cuts: what each part has of each chunk, as flat indices of the parts' words.
struct Chunks {
    /// Where each chunk begins in the order of the line, and its end.
    starts: Vec<usize>,
    /// By part the ends of its pieces, and where it begins.
    parts: Vec<Vec<usize>>,
}

impl Chunks {
    /// Of a line with so many cuts, of which each rank's part has `counts` words before each.
    fn of<'a>(cuts: &Cuts, line: usize, len: usize, counts: impl Fn(usize) -> &'a [u64]) -> Chunks {
        let parts: Vec<Vec<usize>> = cuts
            .owners(line)
            .into_iter()
            .map(|rank| {
                let range = both(&cuts.runs[rank], &(line * cuts.n..(line + 1) * cuts.n));
                let ends = counts(rank).iter().map(|&count| range.start + count as usize);
                [range.start].into_iter().chain(ends).chain([range.end]).collect()
            })
            .collect();
        let start = |k: usize| parts.iter().map(|places| places[k] - places[0]).sum();
        Chunks { starts: (0..len + 2).map(start).collect(), parts }
    }
}

/// Makes what this rank has of a line: it merges the pieces of all chunks that reach into its part.
fn merge_own<W: Low<O>, O: Pod + Send>(
    kind: Kind<W>,
    chunks: &Chunks,
    shown: &Shown<'_>,
    part: &Part,
    out: &mut [O],
) -> Result<()> {
    let first = chunks.parts.first().map_or(0, |places| places[0]);
    let own = part.range.start - first..part.range.end - first;
    let wanted = chunks.starts.partition_point(|&start| start <= own.start) - 1
        ..chunks.starts.partition_point(|&start| start < own.end);
    // (Who fetches from other nodes does so alone.)
    let threads = if session::get().is_one_node { session::get().threads } else { 1 };
    let (out, failed) = (Cells::of(out), Mutex::new(Ok(())));
    pool::split(wanted.len(), threads, &|piece| {
        let chunk = wanted.start + piece;
        let pieces = chunks.parts.iter().map(|places| shown.at::<W>(places[chunk]..places[chunk + 1]));
        let pieces = match pieces.collect::<Result<Vec<_>>>() {
            Ok(pieces) => pieces,
            Err(error) => return *lock(&failed) = Err(error),
        };
        let start = chunks.starts[chunk];
        let len = chunks.starts[chunk + 1] - start;
        pool::with_room(2 * len, |room: &mut [W]| {
            let (one, two) = room.split_at_mut(len);
            let mut ends = Vec::with_capacity(pieces.len());
            let mut end = 0;
            for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
                one[end..end + piece.len()].copy_from_slice(piece);
                end += piece.len();
                ends.push(end);
            }
            let range = both(&(start..start + len), &own);
            let words = &mut merged(one, two, ends)[range.start - start..range.end - start];
            (kind.settle)(words);
            for (place, word) in (range.start - own.start..).zip(words.iter()) {
                // SAFETY: chunks follow each other without overlap, and the place is within this rank's part.
                unsafe { out.at(place).write(word.low()) };
            }
        });
    });
    failed.into_inner().unwrap_or(Ok(()))
}

/// Words that are in order between these ends, in order as a whole: in the one memory or in the other.
fn merged<'a, W: Word>(mut from: &'a mut [W], mut to: &'a mut [W], mut ends: Vec<usize>) -> &'a mut [W] {
    while ends.len() > 1 {
        let mut start = 0;
        let mut fewer = Vec::with_capacity(ends.len().div_ceil(2));
        for pair in ends.chunks(2) {
            let end = pair[pair.len() - 1];
            merge(&from[start..pair[0]], &from[pair[0]..end], &mut to[start..end]);
            fewer.push(end);
            start = end;
        }
        ends = fewer;
        std::mem::swap(&mut from, &mut to);
    }
    from
}

/// Merges two lists of words.
fn merge<W: Word>(one: &[W], two: &[W], to: &mut [W]) {
    let (mut i, mut j) = (0, 0);
    while i < one.len() && j < two.len() {
        let (a, b) = (one[i], two[j]);
        let is_second = b < a;
        to[i + j] = if is_second { b } else { a };
        i += usize::from(!is_second);
        j += usize::from(is_second);
    }
    let rest = if i < one.len() { &one[i..] } else { &two[j..] };
    to[i + j..].copy_from_slice(rest);
}

/// What two ranges have in common; if that is nothing, an empty range in the first, or at its end.
pub(super) fn both(one: &Range<usize>, two: &Range<usize>) -> Range<usize> {
    let from = two.start.clamp(one.start, one.end);
    from..two.end.clamp(from, one.end)
}
