//! Where variates go: each rank walks a stretch of the words that holds about the elements it has, the ranks tell each other how many
//! there were, and what came to lie a little beside its place is moved.
//!
//! 1. Stretches are whole pieces, dealt out in proportion to the elements; each rank guesses that a variate begins where its stretch does.
//! 2. Everybody says where its walk left its stretch and how many steps it had. Each finds where the walk of the rank before falls into step
//!    with its own, and says that, with the marks of its pieces: then all know the number of every step.
//! 3. A rank moves what it has by the difference, and walks from a mark for what it lacks at either end.
//!
//! Invariant: at the end each element is that of one walk through the stream from its beginning on, whatever was guessed. Where two walks
//! don't meet soon everybody walks through all words and keeps its own elements.

use super::decode::{Decode, Each};
use super::walk::{Until, piece, steps_from, units, walk};
use super::words::{Stream, Unit, Units};
use crate::algo::Cells;
use crate::error::Result;
use crate::session;
use crate::stage::{Room, Run};
use bytemuck::Pod;
use std::marker::PhantomData;
use std::ops::Range;

/// Steps within which two walks have to meet.
const SOON: usize = 256;

/// What a draw came to: how many units it took, and what its last step made.
pub(super) struct Drawn<M> {
    pub(super) units: u64,
    pub(super) last: Option<M>,
}

/// Steps and elements: a step makes some elements of type `V`, together an `M`; the result has `lead` elements before those of the first step.
struct Frame<V, M> {
    lead: usize,
    own: Range<usize>,
    kinds: PhantomData<fn() -> (V, M)>,
}

impl<V: Pod + Send, M: Pod> Frame<V, M> {
    const EACH: usize = size_of::<M>() / size_of::<V>();

    fn new(lead: usize, own: Range<usize>) -> Frame<V, M> {
        Frame { lead, own, kinds: PhantomData }
    }

    /// The step that makes an element, or the first if none does.
    fn step_of(&self, element: usize) -> u64 {
        (element.saturating_sub(self.lead) / Self::EACH) as u64
    }

    /// The steps that make elements of this rank.
    fn own_steps(&self) -> Range<u64> {
        let end = self.own.end.saturating_sub(self.lead).div_ceil(Self::EACH) as u64;
        self.step_of(self.own.start).min(end)..end
    }

    /// The element that a step makes first, counted from this rank's first one.
    fn place(&self, step: u64) -> isize {
        (self.lead + Self::EACH * step as usize) as isize - self.own.start as isize
    }

    /// Which of `count` elements from the first of a step on are this rank's, and where the first of those is among its own.
    fn clip(&self, first: u64, count: usize) -> (Range<usize>, usize) {
        let (at, len) = (self.place(first), self.own.len() as isize);
        let from = (-at).clamp(0, count as isize);
        let to = (len - at).clamp(from, count as isize);
        (from as usize..to as usize, (at + from) as usize)
    }

    /// Writes what steps made to this rank's elements among those.
    fn put(&self, out: &Cells<V>, first: u64, made: &[M]) {
        let values: &[V] = bytemuck::cast_slice(made);
        let (part, at) = self.clip(first, values.len());
        if !part.is_empty() {
            // SAFETY: `at` and as many as the part has behind it are elements of this rank; a step is put by one thread, and not while
            // others are moved.
            unsafe { std::ptr::copy_nonoverlapping(values[part.clone()].as_ptr(), out.at(at), part.len()) };
        }
    }
}

/// Fills a result of `len` elements with what a stream's units make, one each; the stream stays as it is. Returns how many those were.
pub(super) fn draw_each<E: Each>(decode: &E, stream: &Stream, len: usize, run: &mut Run<'_>) -> u64 {
    let frame = Frame::<E::Value, E::Made>::new(0, run.range());
    let out = Cells::of(run.elements::<E::Value>());
    let own = frame.own_steps();
    let before = own.start / E::Unit::PER_WORD * E::Unit::PER_WORD;
    let mut stream = stream.clone();
    E::Unit::skip(&mut stream, before);
    units::<E::Unit>(&stream, own.end - before, session::get().threads, &|first, units| {
        if size_of::<E::Made>() != size_of::<E::Value>() {
            let steps = (before + first..).zip(units);
            steps.for_each(|(step, &unit)| frame.put(&out, step, &[decode.of(unit)]));
            return;
        }
        let (part, at) = frame.clip(before + first, units.len());
        if !part.is_empty() {
            // SAFETY: these are elements of this rank, each made of a unit of its own, and those by one thread. A step makes one element, of
            // the same size, and any bits make one.
            let out = unsafe { std::slice::from_raw_parts_mut(out.at(at).cast::<E::Made>(), part.len()) };
            out.iter_mut().zip(&units[part]).for_each(|(to, &unit)| *to = decode.of(unit));
        }
    });
    (len as u64).div_ceil(Frame::<E::Value, E::Made>::EACH as u64)
}

/// Fills a result of `len` elements from a stream, which stays as it is; elements before `lead` are left to the caller. Collective.
pub(super) fn draw<D: Decode>(
    decode: &D,
    stream: &Stream,
    lead: usize,
    len: usize,
    room: &Room<'_>,
    run: &mut Run<'_>,
) -> Result<Drawn<D::Made>> {
    let frame = Frame::<D::Value, D::Made>::new(lead, run.range());
    let threads = session::get().threads;
    let steps = (len - lead).div_ceil(Frame::<D::Value, D::Made>::EACH) as u64;
    if !run.is_shared() {
        let out = Cells::of(run.elements::<D::Value>());
        let walked = walk(decode, stream, Until::Steps(steps), threads, &|first, made| {
            frame.put(&out, first, made);
        });
        return Ok(Drawn { units: walked.exit, last: walked.last });
    }
    shared(decode, &frame, stream, steps, threads, room, run)
}

/// A rank's stretch: its pieces, and what is told of it.
struct Stretch {
    pieces: Range<usize>,
    exit: u64,
    steps: u64,
    /// Steps of the true walk, and of this rank's, up to where they meet.
    met: [u64; 2],
    marks: Vec<[u64; 2]>,
    /// The number of its first step, if that were one of the true walk.
    first: i64,
}

/// As [`draw`], where ranks have shares.
fn shared<D: Decode>(
    decode: &D,
    frame: &Frame<D::Value, D::Made>,
    stream: &Stream,
    steps: u64,
    threads: usize,
    room: &Room<'_>,
    run: &mut Run<'_>,
) -> Result<Drawn<D::Made>> {
    let (rank, ranks) = (session::get().rank, session::get().size);
    let len = piece::<D::Unit>() as u64;
    let pieces = (steps as f64 * decode.rate() / len as f64) as usize + 1;
    let bound = |r: usize| match r == ranks {
        true => pieces,
        false => {
            let before = u128::from(frame.step_of(run.range_of(r).start));
            (pieces as u128 * before / u128::from(steps.max(1))).min(pieces as u128) as usize
        }
    };
    let bounds: Vec<usize> = (0..=ranks).map(bound).collect();
    let mine = bounds[rank]..bounds[rank + 1];
    let mut here = stream.clone();
    D::Unit::skip(&mut here, mine.start as u64 * len);
    let out = Cells::of(run.elements::<D::Value>());
    let own = frame.own_steps();
    let walked = walk(decode, &here, Until::Pieces(mine.len()), threads, &|first, made| {
        frame.put(&out, own.start + first, made);
    });
    let told = room.everybodys(&[walked.exit, walked.steps])?;
    let mut stretches: Vec<Stretch> = Vec::new();
    for (r, told) in told.iter().enumerate() {
        let pieces = bounds[r]..bounds[r + 1];
        let exit = match pieces.is_empty() {
            true => stretches.last().map_or(0, |before| before.exit),
            false => pieces.start as u64 * len + told[0],
        };
        stretches.push(Stretch { pieces, exit, steps: told[1], met: [0; 2], marks: Vec::new(), first: 0 });
    }
    let entry = if rank > 0 { stretches[rank - 1].exit } else { 0 };
    let met = match mine.is_empty() {
        true => Some([0; 2]),
        false => meet(decode, &here, entry - mine.start as u64 * len, walked.exit),
    };
    let mut said = vec![u64::from(met.is_some())];
    said.extend(met.unwrap_or_default());
    said.extend(walked.marks.iter().flatten());
    let said = room.everybodys(&said)?;
    if said.iter().any(|said| said[0] == 0) {
        let walked = walk(decode, stream, Until::Steps(steps), threads, &|first, made| {
            frame.put(&out, first, made);
        });
        return Ok(Drawn { units: walked.exit, last: walked.last });
    }
    let mut known = vec![[0u64; 2]];
    let mut before = 0;
    for (stretch, said) in stretches.iter_mut().zip(&said) {
        if stretch.pieces.is_empty() {
            continue;
        }
        stretch.met = [said[1], said[2]];
        stretch.marks = said[3..].chunks_exact(2).map(|mark| [mark[0], mark[1]]).collect();
        stretch.first = before + stretch.met[0] as i64 - stretch.met[1] as i64;
        before = stretch.first + stretch.steps as i64;
        let start = stretch.pieces.start as u64 * len;
        let marks = stretch.marks.iter().filter(|mark| mark[1] >= stretch.met[1]);
        known.extend(marks.map(|mark| [start + mark[0], (mark[1] as i64 + stretch.first) as u64]));
    }
    let mark = |step: u64| known[known.partition_point(|mark| mark[1] <= step) - 1];
    let kept = moved(frame, &stretches[rank], &own, run.elements::<D::Value>());
    let out = Cells::of(run.elements::<D::Value>());
    for lacking in [own.start..kept.start, kept.end..own.end] {
        if !lacking.is_empty() {
            let mark = mark(lacking.start);
            steps_from(decode, stream, mark, lacking.start, lacking.end, |step, made| {
                frame.put(&out, step, std::slice::from_ref(made));
            });
        }
    }
    let (mut units, mut last) = (0, None);
    if steps > 0 {
        let mark = mark(steps - 1);
        units = steps_from(decode, stream, mark, steps - 1, steps, |_, made| last = Some(*made));
    }
    Ok(Drawn { units, last })
}

/// How many steps the true walk, which enters the stretch at `entry`, and that from its beginning have until they meet, if they do soon and
/// before `exit`.
fn meet<D: Decode>(decode: &D, here: &Stream, entry: u64, exit: u64) -> Option<[u64; 2]> {
    if entry == 0 {
        return Some([0; 2]);
    }
    let mut guessed = Units::new(&[], here.clone());
    let mut places = vec![0];
    while places.len() < SOON && guessed.at as u64 != exit {
        decode.step(&mut guessed);
        places.push(guessed.at);
    }
    let mut true_one = Units::new(&[], here.clone());
    true_one.at = usize::try_from(entry).ok().filter(|&entry| entry <= SOON * 8)?;
    (0..SOON as u64).find_map(|steps| {
        let found = places.binary_search(&true_one.at).ok();
        decode.step(&mut true_one);
        found.map(|place| [steps, place as u64])
    })
}

/// Moves what this rank's walk put to its elements to where it belongs; returns the steps that are right then.
fn moved<V: Pod + Send, M: Pod>(
    frame: &Frame<V, M>,
    stretch: &Stretch,
    own: &Range<u64>,
    out: &mut [V],
) -> Range<u64> {
    let none = own.start..own.start;
    // Steps of which all elements were written.
    let whole = ((frame.own.end.saturating_sub(frame.lead)) / Frame::<V, M>::EACH) as u64;
    let from = stretch.met[1].max(u64::from(frame.place(own.start) < 0));
    let to = stretch.steps.min(whole.saturating_sub(own.start));
    if from >= to {
        return none;
    }
    let by = stretch.first - own.start as i64;
    let each = Frame::<V, M>::EACH as isize;
    let (low, high) = (frame.place(own.start + from), frame.place(own.start + to));
    let shift = by as isize * each;
    let (to_low, to_high) = ((low + shift).max(0), (high + shift).min(out.len() as isize));
    if to_low >= to_high {
        return none;
    }
    if shift != 0 {
        out.copy_within((to_low - shift) as usize..(to_high - shift) as usize, to_low as usize);
    }
    let true_step = |step: u64| (step as i64 + stretch.first).clamp(own.start as i64, own.end as i64) as u64;
    true_step(from)..true_step(to)
}
