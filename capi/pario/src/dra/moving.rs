//! One rank's share of a transfer between memory and disk.
//!
//! Its pieces are work for the threads, one by one: each is fetched from memory in C's order, turned round if that is wanted, and written row by row; or the other way round. Rows that
//! are short and near one another are read together. What isn't turned round, and lies in the memory of the node in long rows, goes between there and the file with no buffer between.
//!
//! Invariant: nothing but the elements of the section is written, so ranks write next to one another.

use super::Memory;
use super::boxes::{Patch, reverse};
use super::format::{DATA, Header};
use crate::Result;
use crate::code::{self, because, failed};
use crate::engine::Request;
use crate::file::{File, Lent, Way, outcome};
use std::cell::RefCell;
use std::sync::Arc;

/// Bytes between two rows that are read along with them.
const GAP: usize = 4096;
/// Bytes that are read at once, gaps included.
const SPAN: usize = 1 << 20;

/// What a rank has to move.
pub(super) struct Share {
    pub(super) files: Arc<Vec<File>>,
    pub(super) header: Header,
    pub(super) memory: Arc<dyn Memory>,
    pub(super) memory_lo: Vec<usize>,
    pub(super) disk_lo: Vec<usize>,
    pub(super) is_turned: bool,
    pub(super) pieces: Vec<Patch>,
    pub(super) way: Way,
}

thread_local! {
    /// Buffers of a thread, aligned for any element.
    static BUFFERS: RefCell<[Vec<u64>; 3]> = const { RefCell::new([Vec::new(), Vec::new(), Vec::new()]) };
}

fn fit(buffer: &mut Vec<u64>, len: usize) -> &mut [u8] {
    let words = len.div_ceil(8);
    if buffer.len() < words {
        buffer.resize(words, 0);
    }
    // SAFETY: words are bytes, and bytes are words.
    unsafe { &mut buffer.align_to_mut::<u8>().1[..len] }
}

impl Share {
    /// Has the threads begin.
    pub(super) fn begin(self) -> Request {
        let (request, share) = (Request::default(), Arc::new(self));
        for number in 0..share.pieces.len() {
            let share = share.clone();
            request.add(move || {
                outcome(BUFFERS.with_borrow_mut(|buffers| share.transfer(&share.pieces[number], buffers)))
            });
        }
        request
    }

    fn transfer(&self, piece: &Patch, [straight, turned, span]: &mut [Vec<u64>; 3]) -> Result<()> {
        let len = piece.len() * self.header.item;
        let there = piece.turned(&self.disk_lo, &self.memory_lo, self.is_turned);
        if !self.is_turned
            && let Some(places) = self.memory.places(&there.lo, &there.hi)
        {
            return self.direct(piece, places);
        }
        let (straight, extents) = (fit(straight, len), piece.extents());
        match (self.way, self.is_turned) {
            (Way::Write, false) => {
                self.memory.get(&there.lo, &there.hi, straight).map_err(in_memory)?;
                self.write(piece, straight)
            }
            (Way::Write, true) => {
                let turned = fit(turned, len);
                self.memory.get(&there.lo, &there.hi, turned).map_err(in_memory)?;
                reverse(turned, &there.extents(), self.header.item, straight);
                self.write(piece, straight)
            }
            (Way::Read, false) => {
                self.read(piece, straight, span)?;
                self.memory.put(&there.lo, &there.hi, straight).map_err(in_memory)?;
                self.memory.complete().map_err(in_memory)
            }
            (Way::Read, true) => {
                let turned = fit(turned, len);
                self.read(piece, straight, span)?;
                reverse(straight, &extents, self.header.item, turned);
                self.memory.put(&there.lo, &there.hi, turned).map_err(in_memory)?;
                self.memory.complete().map_err(in_memory)
            }
        }
    }

    /// Moves a piece between its places in memory and the file.
    fn direct(&self, piece: &Patch, places: Vec<Lent>) -> Result<()> {
        let (starts, len) = piece.runs(&self.header.dims);
        let mut places = places.into_iter();
        let mut rest = Lent::NOTHING;
        let mut some = Vec::new();
        for start in starts {
            self.each(start, len, |file, offset, part| {
                some.clear();
                let mut wanted = part.len();
                while wanted > 0 {
                    if rest.1 == 0 {
                        rest = places.next().expect("as many bytes in memory as in the file");
                    }
                    let (taken, left) = rest.split(wanted);
                    some.push(taken);
                    (wanted, rest) = (wanted - taken.1, left);
                }
                // SAFETY: the section in memory is the library's until the request is over.
                unsafe { file.transfer_all(self.way, offset, &mut some) }
            })?;
        }
        Ok(())
    }

    /// Writes a piece's rows.
    fn write(&self, piece: &Patch, bytes: &[u8]) -> Result<()> {
        let (starts, len) = piece.runs(&self.header.dims);
        let row = len * self.header.item;
        for (start, bytes) in starts.into_iter().zip(bytes.chunks_exact(row)) {
            self.each(start, len, |file, offset, part| {
                file.write(offset, &bytes[part]).map_err(failed(code::WRITE))
            })?;
        }
        Ok(())
    }

    /// Reads a piece's rows, several at once where they are near.
    fn read(&self, piece: &Patch, bytes: &mut [u8], span: &mut Vec<u64>) -> Result<()> {
        let (starts, len) = piece.runs(&self.header.dims);
        let item = self.header.item;
        let row = len * item;
        let mut rows = bytes.chunks_exact_mut(row);
        let mut at = 0;
        while at < starts.len() {
            let first = starts[at];
            let is_near = |next: usize| {
                let gap = (starts[next] - starts[next - 1] - len) * item;
                gap <= GAP.max(row) && row < GAP && (starts[next] - first + len) * item <= SPAN
            };
            let end = (at + 1..starts.len()).find(|next| !is_near(*next)).unwrap_or(starts.len());
            if end == at + 1 {
                let row = rows.next().expect("a row for each run");
                self.fill(first, len, row)?;
            } else {
                let count = starts[end - 1] - first + len;
                let span = fit(span, count * item);
                self.fill(first, count, span)?;
                for start in &starts[at..end] {
                    let from = (start - first) * item;
                    rows.next().expect("a row for each run").copy_from_slice(&span[from..from + row]);
                }
            }
            at = end;
        }
        Ok(())
    }

    /// Reads elements that are neighbours.
    fn fill(&self, start: usize, len: usize, bytes: &mut [u8]) -> Result<()> {
        self.each(start, len, |file, offset, part| {
            let wanted = part.len();
            let found = file.read(offset, &mut bytes[part]).map_err(failed(code::READ))?;
            if found < wanted {
                return Err(because(code::END, format!("{found} of {wanted} bytes from {offset}")));
            }
            Ok(())
        })
    }

    /// Elements that are neighbours, by the files they are in: where in the file, and which bytes of them.
    fn each(
        &self,
        start: usize,
        len: usize,
        mut f: impl FnMut(&File, u64, std::ops::Range<usize>) -> Result<()>,
    ) -> Result<()> {
        let (item, end) = (self.header.item, start + len);
        let mut at = start;
        // A share too many or too few is found by the loop.
        let mut index = (start as u128 * self.header.files as u128 / self.header.elements() as u128) as usize;
        while at < end {
            let (first, next) = (self.header.first(index), self.header.first(index + 1));
            if at >= next {
                index += 1;
                continue;
            }
            let stop = end.min(next);
            let offset = DATA + ((at - first) * item) as u64;
            f(&self.files[index], offset, (at - start) * item..(stop - start) * item)?;
            at = stop;
        }
        Ok(())
    }
}

fn in_memory(text: String) -> crate::Error {
    because(code::DRA_OTHER, text)
}
