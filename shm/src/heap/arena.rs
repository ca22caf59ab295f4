//! One rank's arena: gives out blocks, and sees to it that what it gives out has pages.
//!
//! Only the owner allocates and frees here, so all bookkeeping is private memory: a rank killed in the middle
//! leaves nothing half done for the others. Pages come and go in chunks of 2 MiB. Invariant: every chunk that
//! a used block touches is committed, or about to be by a thread that allocates, but for blocks that were [reserved](Arena::reserve), which
//! share no chunk with others; and the node-wide counter holds the sum of all these chunks. In the steady state neither allocating nor freeing
//! makes a system call.
//!
//! Making pages takes long, so it is done without the arena: a thread takes a block, asks for the block's [`Growth`], and comes
//! back with it when the pages are there. A chunk grows once at a time: another block that touches it waits.

use super::OutOfMemory;
use super::root::{CHUNK, Header};
use super::space::Space;
use crate::atomic::Ordering::Relaxed;
use crate::os::{self, HugePages, Mapping};
use std::collections::BTreeSet;
use std::ops::Range;

/// The arena of this process.
#[derive(Debug)]
pub(super) struct Arena {
    /// Where it begins in the mapping.
    start: usize,
    len: usize,
    space: Space,
    /// One bit per chunk: it has pages.
    chunks: Vec<u64>,
    /// One bit per chunk: it keeps its pages for good.
    pinned: Vec<u64>,
    /// Runs of chunks that get pages at this moment, and the process that sees to it.
    growing: Vec<(Range<usize>, u32)>,
    committed_bytes: usize,
    /// Blocks that were reserved, and the bytes of their chunks that have no pages, nor are about to.
    reserved: BTreeSet<usize>,
    hollow_bytes: usize,
    /// Most committed bytes kept for later when nobody uses them.
    keep_bytes: usize,
    pressure_seen: u32,
    huge: HugePages,
}

/// What a block lacks.
pub(super) enum Need {
    Nothing,
    /// Pages that another thread is about to make.
    Others,
    Pages(Growth),
}

/// Chunks that the caller makes pages for.
pub(super) struct Growth {
    start: usize,
    runs: Vec<Range<usize>>,
    /// Whether they are of a block that was reserved.
    is_part: bool,
    huge: HugePages,
}

impl Growth {
    /// Makes the pages; false if that is not possible.
    pub(super) fn populate(&self, memory: &Mapping) -> bool {
        self.runs.iter().all(|run| {
            let (start, len) = (self.start + run.start * CHUNK, run.len() * CHUNK);
            let is_done = memory.populate(start, len).is_ok();
            if is_done && self.huge == HugePages::Collapse {
                memory.collapse(start, len);
            }
            is_done
        })
    }
}

impl Arena {
    pub(super) fn new(start: usize, len: usize, header: &Header, huge: HugePages) -> Arena {
        let fair_share = (header.limit / header.ranks) as usize;
        Arena {
            start,
            len,
            space: Space::new(len),
            chunks: Vec::new(),
            pinned: Vec::new(),
            growing: Vec::new(),
            committed_bytes: 0,
            reserved: BTreeSet::new(),
            hollow_bytes: 0,
            keep_bytes: (fair_share / 4).max(fair_share.min(256 << 20)),
            pressure_seen: header.pressure.load(Relaxed),
            huge,
        }
    }

    /// Takes a block, which has no pages yet; returns offset and length.
    pub(super) fn take(
        &mut self,
        memory: &Mapping,
        header: &Header,
        len: usize,
        align: usize,
    ) -> Result<(usize, usize), OutOfMemory> {
        self.heed_pressure(memory, header);
        self.space.take(len, align).ok_or_else(|| self.out_of_memory(header, len))
    }

    /// What a block, or a part of a reserved one, lacks in pages. An error if the memory isn't there: then it is no block any more, unless it
    /// was reserved.
    pub(super) fn need(
        &mut self,
        memory: &Mapping,
        header: &Header,
        block: (usize, usize),
        is_part: bool,
    ) -> Result<Need, OutOfMemory> {
        let (offset, len) = block;
        let (first, end) = (offset / CHUNK, (offset + len).div_ceil(CHUNK));
        if self.chunks.len() * 64 < end {
            self.chunks.resize(end.div_ceil(64), 0);
        }
        if (first..end).all(|chunk| self.is_committed(chunk)) {
            return Ok(Need::Nothing);
        }
        let growing = self.growing();
        let is_growing = |chunk: usize| growing.iter().any(|run| run.contains(&chunk));
        let missing = runs(first..end, |chunk| !self.is_committed(chunk) && !is_growing(chunk));
        if missing.is_empty() {
            return Ok(Need::Others);
        }
        let bytes = missing.iter().map(|run| run.len()).sum::<usize>() * CHUNK;
        let hollow = if is_part { bytes } else { 0 };
        self.hollow_bytes -= hollow;
        if !self.book(memory, header, bytes) {
            self.give_up(offset, is_part, hollow);
            return Err(self.out_of_memory(header, len));
        }
        self.growing.extend(missing.iter().map(|run| (run.clone(), std::process::id())));
        Ok(Need::Pages(Growth { start: self.start, runs: missing, is_part, huge: self.huge }))
    }

    /// Runs of chunks that threads of this process make pages for. Those of the process that this one was forked from are nobody's.
    fn growing(&mut self) -> Vec<Range<usize>> {
        let me = std::process::id();
        self.growing.retain(|(_, process)| *process == me);
        self.growing.iter().map(|(run, _)| run.clone()).collect()
    }

    /// What has come of the pages for a block. If they couldn't be had, it is no block any more, unless it was reserved.
    pub(super) fn grown(
        &mut self,
        memory: &Mapping,
        header: &Header,
        block: (usize, usize),
        growth: Growth,
        is_populated: bool,
    ) -> Result<(), OutOfMemory> {
        let bytes = growth.runs.iter().map(|run| run.len()).sum::<usize>() * CHUNK;
        self.growing.retain(|(run, _)| !growth.runs.contains(run));
        header.growing.fetch_sub(bytes as u64, Relaxed);
        if !is_populated {
            for run in &growth.runs {
                let _ = memory.release(self.start + run.start * CHUNK, run.len() * CHUNK);
            }
            header.committed.fetch_sub(bytes as u64, Relaxed);
            self.give_up(block.0, growth.is_part, bytes);
            return Err(self.out_of_memory(header, block.1));
        }
        for chunk in growth.runs.into_iter().flatten() {
            self.chunks[chunk / 64] |= 1 << (chunk % 64);
        }
        self.committed_bytes += bytes;
        Ok(())
    }

    /// Takes a block of whole chunks, which have pages where [`Arena::need`] has been asked for them as a part; returns offset and length.
    pub(super) fn reserve(&mut self, header: &Header, len: usize) -> Result<(usize, usize), OutOfMemory> {
        let whole = len.max(1).checked_next_multiple_of(CHUNK);
        let Some((offset, taken)) = whole.and_then(|len| self.space.take(len, CHUNK)) else {
            return Err(self.out_of_memory(header, len));
        };
        self.reserved.insert(offset);
        self.hollow_bytes += self.missing_bytes(offset, taken);
        Ok((offset, taken))
    }

    /// There are no pages for a block, or for a part with so many hollow bytes.
    fn give_up(&mut self, offset: usize, is_part: bool, hollow: usize) {
        match is_part {
            true => self.hollow_bytes += hollow,
            false => drop(self.space.give_back(offset)),
        }
    }

    /// Frees the block at `offset`; false when there is none.
    pub(super) fn free(&mut self, memory: &Mapping, header: &Header, offset: usize) -> bool {
        let found = self.give_back(offset);
        if self.unused_bytes() > self.keep_bytes {
            // Down to half, so that a program around the mark does not come here each time.
            self.shrink(memory, header, self.unused_bytes() - self.keep_bytes / 2);
        }
        self.heed_pressure(memory, header);
        found
    }

    fn give_back(&mut self, offset: usize) -> bool {
        let Some(len) = self.space.give_back(offset) else { return false };
        if self.reserved.remove(&offset) {
            self.hollow_bytes -= self.missing_bytes(offset, len);
        }
        true
    }

    fn unused_bytes(&self) -> usize {
        (self.committed_bytes + self.hollow_bytes).saturating_sub(self.space.used_bytes())
    }

    /// Bytes of the chunks under `[offset, offset + len)` that have no pages.
    fn missing_bytes(&self, offset: usize, len: usize) -> usize {
        let chunks = offset / CHUNK..(offset + len).div_ceil(CHUNK);
        chunks.filter(|chunk| !self.is_committed(*chunk)).count() * CHUNK
    }

    fn out_of_memory(&self, header: &Header, asked: usize) -> OutOfMemory {
        let uncommitted = header.limit.saturating_sub(header.committed.load(Relaxed));
        let free = uncommitted.min(available(header)) + self.unused_bytes() as u64;
        OutOfMemory { asked: asked as u64, free: free.min(self.len as u64), limit: header.limit }
    }

    /// Books `bytes` more, if need be with what is kept unused.
    fn book(&mut self, memory: &Mapping, header: &Header, bytes: usize) -> bool {
        if reserve(header, bytes as u64) {
            return true;
        }
        // What we keep unused may be all that is missing; and the other ranks are asked for theirs. Blocks count as used while their
        // chunks are still missing.
        let growing = self.growing().iter().map(|run| run.len()).sum::<usize>() * CHUNK;
        let surplus = (self.committed_bytes + self.hollow_bytes + growing + bytes)
            .saturating_sub(self.space.used_bytes());
        self.shrink(memory, header, surplus);
        header.pressure.fetch_add(1, Relaxed);
        self.pressure_seen = header.pressure.load(Relaxed);
        reserve(header, bytes as u64)
    }

    /// Keeps the pages of the chunk at `offset` for good, and of its neighbours that have pages and are not kept yet, as far as they are
    /// in the same multiple of `longest` bytes. Returns the bytes newly kept, as `[start, end)`; `None` if there are no pages, or they were
    /// kept already.
    pub(super) fn pin(&mut self, offset: usize, longest: usize) -> Option<(usize, usize)> {
        let middle = offset / CHUNK;
        let together = (longest / CHUNK).max(1);
        let is_new = |chunk: usize| {
            chunk / together == middle / together && self.is_committed(chunk) && !is_set(&self.pinned, chunk)
        };
        if !is_new(middle) {
            return None;
        }
        let first = (0..middle).rev().take_while(|&chunk| is_new(chunk)).last().unwrap_or(middle);
        let end = (middle..).find(|&chunk| !is_new(chunk)).unwrap_or(middle + 1);
        self.pinned.resize(self.chunks.len(), 0);
        for chunk in first..end {
            self.pinned[chunk / 64] |= 1 << (chunk % 64);
        }
        Some((first * CHUNK, end * CHUNK))
    }

    fn is_committed(&self, chunk: usize) -> bool {
        is_set(&self.chunks, chunk)
    }

    fn heed_pressure(&mut self, memory: &Mapping, header: &Header) {
        let pressure = header.pressure.load(Relaxed);
        if pressure != self.pressure_seen {
            self.pressure_seen = pressure;
            self.shrink(memory, header, self.unused_bytes());
        }
    }

    /// Returns whole free chunks to the kernel, highest first, up to `surplus` bytes.
    fn shrink(&mut self, memory: &Mapping, header: &Header, surplus: usize) {
        let top = self.chunks.len() * 64;
        let mut released = Vec::new();
        let mut surplus = surplus / CHUNK;
        for (offset, len) in self.space.free_from_the_top() {
            let (first, end) = (offset.div_ceil(CHUNK), ((offset + len) / CHUNK).min(top));
            let may_go = |chunk: usize| self.is_committed(chunk) && !is_set(&self.pinned, chunk);
            for run in runs(first..end, may_go).into_iter().rev() {
                let count = run.len().min(surplus);
                let run = run.end - count..run.end;
                if count > 0 && memory.release(self.start + run.start * CHUNK, count * CHUNK).is_ok() {
                    surplus -= count;
                    released.push(run);
                }
            }
            if surplus == 0 {
                break;
            }
        }
        for chunk in released.into_iter().flatten() {
            self.chunks[chunk / 64] &= !(1 << (chunk % 64));
            self.committed_bytes -= CHUNK;
            header.committed.fetch_sub(CHUNK as u64, Relaxed);
        }
    }
}

/// The runs of chunks in `range` for which `holds`.
fn runs(range: Range<usize>, holds: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for chunk in range.filter(|&chunk| holds(chunk)) {
        match runs.last_mut() {
            Some(run) if run.end == chunk => run.end += 1,
            _ => runs.push(chunk..chunk + 1),
        }
    }
    runs
}

fn is_set(bits: &[u64], index: usize) -> bool {
    bits.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
}

/// Memory the system would give us: what it says, less what ranks are populating at this moment, less a
/// reserve so that we get an error before the system starts killing.
fn available(header: &Header) -> u64 {
    const RESERVE: u64 = 64 << 20;
    os::available_bytes().saturating_sub(header.growing.load(Relaxed)).saturating_sub(RESERVE)
}

/// Books `bytes` as committed and growing, if the limit and the system allow.
fn reserve(header: &Header, bytes: u64) -> bool {
    let fits = |now: u64| now.checked_add(bytes).filter(|sum| *sum <= header.limit);
    if header.committed.fetch_update(Relaxed, Relaxed, fits).is_err() {
        return false;
    }
    if available(header) < bytes {
        header.committed.fetch_sub(bytes, Relaxed);
        return false;
    }
    header.growing.fetch_add(bytes, Relaxed);
    true
}
