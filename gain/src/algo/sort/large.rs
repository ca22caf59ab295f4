//! Many words, with all threads of the rank: a sample says where to cut, threads put the words of each part together, and each
//! part is sorted where it fits a cache.
//!
//! The words of one part stay in the order in which they came, which is theirs by what is in their low bits.

use super::radix;
use super::word::{Kind, Word};
use crate::algo::Cells;
use crate::exec::pool;
use crate::session;
use std::ops::Range;

/// So many words are cut into parts.
pub(super) const LARGE: usize = 1 << 16;

/// Parts, and how many words are looked at for each.
pub(super) const PARTS: usize = 256;
const SAMPLE: usize = 16;

/// Words at once that a thread makes of elements.
const WINDOW: usize = 512;

/// What is wanted of the order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted<'a> {
    /// All of it.
    All,
    /// What belongs at these places, in ascending order, and on which side of them everything else is.
    At(&'a [usize]),
}

impl Wanted<'_> {
    /// The places among those of a range, counted from its beginning; all of them if all is wanted.
    fn within(&self, range: &Range<usize>) -> Option<impl Iterator<Item = usize>> {
        match *self {
            Wanted::All => None,
            Wanted::At(places) => {
                let places = &places[places.partition_point(|&place| place < range.start)..];
                let (start, end) = (range.start, range.end);
                Some(places.iter().take_while(move |&&place| place < end).map(move |&place| place - start))
            }
        }
    }

    /// Orders words, which are few, with [`radix::room_for`] as many.
    pub(super) fn order<W: Word>(&self, words: &mut [W], room: &mut [W]) {
        match self.within(&(0..words.len())) {
            None => radix::sort(words, room),
            Some(places) => radix::choose(words, places),
        }
    }
}

/// Where to cut: the greatest words of all parts but the last, by their upper bits.
pub(super) struct Cuts {
    /// In order, from place 1 on.
    ordered: [u64; PARTS],
    /// The same as a tree: behind place k come places 2 k and 2 k + 1.
    tree: [u64; PARTS],
}

impl Cuts {
    /// From words of which each stands for as many others.
    pub(super) fn of(sample: &mut [u64]) -> Cuts {
        sample.sort_unstable();
        let (mut ordered, mut tree) = ([0; PARTS], [0; PARTS]);
        for k in 1..PARTS {
            ordered[k] = sample[k * sample.len() / PARTS];
            let below = k.trailing_zeros() + 1;
            tree[(PARTS >> below) + (k >> below)] = ordered[k];
        }
        Cuts { ordered, tree }
    }

    /// The greatest word of a part, if it has one.
    #[inline]
    pub(super) fn greatest(&self, part: usize) -> Option<u64> {
        self.ordered.get(part + 1).copied()
    }

    /// The parts of words.
    #[inline]
    pub(super) fn parts<W: Word>(&self, words: &[W], parts: &mut [u8]) {
        const TOGETHER: usize = 8;
        let (mut eights, mut into) = (words.chunks_exact(TOGETHER), parts.chunks_exact_mut(TOGETHER));
        for (words, parts) in (&mut eights).zip(&mut into) {
            let mut at = [1; TOGETHER];
            for _ in 0..PARTS.ilog2() {
                for (at, word) in at.iter_mut().zip(words) {
                    *at = 2 * *at + usize::from(word.top() > self.tree[*at & (PARTS - 1)]);
                }
            }
            parts.iter_mut().zip(at).for_each(|(part, at)| *part = (at - PARTS) as u8);
        }
        for (word, part) in eights.remainder().iter().zip(into.into_remainder()) {
            let mut at = 1;
            for _ in 0..PARTS.ilog2() {
                at = 2 * at + usize::from(word.top() > self.tree[at & (PARTS - 1)]);
            }
            *part = (at - PARTS) as u8;
        }
    }
}

/// Makes words of `elements`, the first of which is number `at` of its line, orders them, and calls `finish` with the place of the
/// first and the words, for parts of them that follow each other.
pub(super) fn order<W: Word>(
    kind: Kind<W>,
    elements: &[u8],
    at: usize,
    words: &mut [W],
    wanted: &Wanted<'_>,
    finish: &(dyn Fn(usize, &mut [W]) + Sync),
) {
    let n = words.len();
    let item = elements.len() / n;
    let load = |range: Range<usize>, words: &mut [W]| {
        (kind.load)(&elements[range.start * item..range.end * item], at + range.start, 1, words);
    };
    let mut sample: Vec<u64> = (0..PARTS * SAMPLE)
        .map(|k| {
            // (Not at even distances, which the elements may have a pattern for.)
            let stride = n / (PARTS * SAMPLE);
            let place = k * stride + session::mix(k as u64) as usize % stride;
            let mut word = [W::zeroed()];
            load(place..place + 1, &mut word);
            word[0].top()
        })
        .collect();
    let cuts = Cuts::of(&mut sample);
    let threads = session::get().threads;
    let pieces = (threads * 4).min(n / LARGE).max(1);
    let piece = |k: usize| n * k / pieces..n * (k + 1) / pieces;
    let mut parts = vec![0u8; n];
    let mut places = vec![[0usize; PARTS]; pieces];
    {
        let (parts, places) = (Cells::of(&mut parts), Cells::of(&mut places));
        pool::split(pieces, threads, &|k| {
            let range = piece(k);
            // SAFETY: each piece has elements and counts of its own.
            let (parts, counts) = unsafe {
                (std::slice::from_raw_parts_mut(parts.at(range.start), range.len()), &mut *places.at(k))
            };
            let mut words = [W::zeroed(); WINDOW];
            for (w, parts) in parts.chunks_mut(WINDOW).enumerate() {
                let start = range.start + w * WINDOW;
                let words = &mut words[..parts.len()];
                load(start..start + parts.len(), words);
                cuts.parts(words, parts);
                parts.iter().for_each(|&part| counts[usize::from(part)] += 1);
            }
        });
    }
    // Where each piece's words of each part begin, and where each part does.
    let mut starts = [0; PARTS + 1];
    let mut sum = 0;
    for part in 0..PARTS {
        starts[part] = sum;
        for counts in &mut places {
            (counts[part], sum) = (sum, sum + counts[part]);
        }
    }
    starts[PARTS] = n;
    let words = Cells::of(words);
    pool::split(pieces, threads, &|k| {
        let range = piece(k);
        let mut next = places[k];
        let mut window = [W::zeroed(); WINDOW];
        for start in range.clone().step_by(WINDOW) {
            let end = range.end.min(start + WINDOW);
            let window = &mut window[..end - start];
            load(start..end, window);
            for (&word, &part) in window.iter().zip(&parts[start..end]) {
                let place = &mut next[usize::from(part)];
                // SAFETY: the places of a piece's words of a part are its own, and all are less than `n`: they were
                // counted with the same parts.
                unsafe { words.at(*place).write(word) };
                *place += 1;
            }
        }
    });
    drop(parts);
    pool::split(PARTS, threads, &|part| {
        let range = starts[part]..starts[part + 1];
        // SAFETY: parts don't overlap, and are within the words.
        let words = unsafe { std::slice::from_raw_parts_mut(words.at(range.start), range.len()) };
        match wanted.within(&range) {
            None => pool::with_room(radix::room_for(words.len()), |room| radix::sort(words, room)),
            Some(places) => radix::choose(words, places),
        }
        finish(range.start, words);
    });
}
