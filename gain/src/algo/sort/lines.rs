//! Lines of elements that lie on one rank as wholes: one after the other, or several at once where they are columns.

use super::large::{self, LARGE, Wanted};
use super::radix;
use super::word::{Kind, Low, Word};
use crate::algo::Cells;
use crate::exec::pool;
use crate::session;
use bytemuck::Pod;

/// Fewer elements are not worth waking a thread for.
const SERIAL: usize = 1 << 14;

/// Words of columns that are ordered together, and columns at least.
const TILE: usize = 1 << 16;
const COLUMNS: usize = 8;

/// Words between columns.
const APART: usize = 8;

/// Lines of `n` elements, neighbours of which are `inner` apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines {
    pub(super) n: usize,
    pub(super) inner: usize,
}

/// Orders the lines of `elements`, which are planes of `n` rows, into those of `out`.
pub(super) fn order<W: Low<O>, O: Pod + Send>(
    kind: Kind<W>,
    elements: &[u8],
    lines: Lines,
    wanted: &Wanted<'_>,
    out: &mut [O],
) {
    let Lines { n, inner } = lines;
    if out.is_empty() || n == 0 {
        return;
    }
    let item = elements.len() / out.len();
    let threads = if out.len() <= SERIAL { 1 } else { session::get().threads };
    let count = out.len() / n;
    if inner > 1 && n > 1 {
        return columns(kind, elements, lines, wanted, out, threads);
    }
    if n >= LARGE {
        for (elements, out) in elements.chunks_exact(n * item).zip(out.chunks_exact_mut(n)) {
            long(kind, elements, wanted, out);
        }
        return;
    }
    let together = if threads == 1 { count } else { (SERIAL / n).clamp(1, count) };
    let pieces = count.div_ceil(together);
    let out_cells = Cells::of(out);
    pool::split(pieces, threads, &|piece| {
        let range = piece * together * n..count.min((piece + 1) * together) * n;
        let elements = &elements[range.start * item..range.end * item];
        // SAFETY: pieces don't overlap, and are within the result.
        let out = unsafe { std::slice::from_raw_parts_mut(out_cells.at(range.start), range.len()) };
        let room = radix::room_for(n);
        let lines = elements.chunks_exact(n * item).zip(out.chunks_exact_mut(n));
        if has_room::<W, O>() {
            return pool::with_room(room, |room| {
                for (elements, out) in lines {
                    let words: &mut [W] = bytemuck::cast_slice_mut(out);
                    (kind.load)(elements, 0, 1, words);
                    wanted.order(words, room);
                    (kind.settle)(words);
                }
            });
        }
        pool::with_room(n + room, |words: &mut [W]| {
            let (words, room) = words.split_at_mut(n);
            for (elements, out) in lines {
                (kind.load)(elements, 0, 1, words);
                wanted.order(words, room);
                (kind.settle)(words);
                out.iter_mut().zip(&*words).for_each(|(to, word)| *to = word.low());
            }
        });
    });
}

/// Whether words fit the memory of the result.
fn has_room<W: Word, O>() -> bool {
    size_of::<W>() == size_of::<O>() && align_of::<W>() == align_of::<O>()
}

/// Orders one long line with all threads.
pub(super) fn long<W: Low<O>, O: Pod + Send>(
    kind: Kind<W>,
    elements: &[u8],
    wanted: &Wanted<'_>,
    out: &mut [O],
) {
    if has_room::<W, O>() {
        let words: &mut [W] = bytemuck::cast_slice_mut(out);
        large::order(kind, elements, 0, words, wanted, &|_, words| (kind.settle)(words));
        return;
    }
    let mut words = vec![W::zeroed(); out.len()];
    let out = Cells::of(out);
    large::order(kind, elements, 0, &mut words, wanted, &|start, words| {
        (kind.settle)(words);
        for (k, word) in words.iter().enumerate() {
            // SAFETY: these parts of words don't overlap, and there is a place for each word.
            unsafe { out.at(start + k).write(word.low()) };
        }
    });
}

/// Makes words of the elements of one line from number `at` on, however many, and orders them.
pub(super) fn words<W: Word>(kind: Kind<W>, elements: &[u8], at: usize, words: &mut [W]) {
    if words.len() >= LARGE {
        return large::order(kind, elements, at, words, &Wanted::All, &|_, _| {});
    }
    (kind.load)(elements, at, 1, words);
    pool::with_room(radix::room_for(words.len()), |room| radix::sort(words, room));
}

/// Orders columns, some neighbouring ones at a time.
fn columns<W: Low<O>, O: Pod + Send>(
    kind: Kind<W>,
    elements: &[u8],
    lines: Lines,
    wanted: &Wanted<'_>,
    out: &mut [O],
    threads: usize,
) {
    let Lines { n, inner } = lines;
    let item = elements.len() / out.len();
    let width = (TILE / n).clamp(COLUMNS, 64).min(inner);
    let (planes, across) = (out.len() / (n * inner), inner.div_ceil(width));
    let out = Cells::of(out);
    pool::split(planes * across, threads, &|tile| {
        let first = tile / across * n * inner + tile % across * width;
        let width = width.min(inner - tile % across * width);
        // (Some apart, so that rows of them don't all want the same places in the cache.)
        let apart = n + APART;
        pool::with_room(apart * width + radix::room_for(n).max(width), |words: &mut [W]| {
            let (words, room) = words.split_at_mut(apart * width);
            for i in 0..n {
                let start = (first + i * inner) * item;
                let row = &mut room[..width];
                (kind.load)(&elements[start..start + width * item], i, 0, row);
                row.iter().enumerate().for_each(|(column, &word)| words[column * apart + i] = word);
            }
            for line in words.chunks_exact_mut(apart) {
                wanted.order(&mut line[..n], room);
            }
            (kind.settle)(words);
            for i in 0..n {
                for column in 0..width {
                    // SAFETY: the tile's columns are its own, and within the result.
                    unsafe { out.at(first + i * inner + column).write(words[column * apart + i].low()) };
                }
            }
        });
    });
}
