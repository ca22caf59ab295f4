//! The [cube](super::cube) that members are the corners of, and the exchange that goes along its edges.
//!
//! Invariant: members compute the same cube from their number and the origin; each word of a step has one writer in an exchange.

use crate::error::Result;
use crate::exchange::Exchange;
use crate::mirror::ROUNDS;
use crate::plain::{self, Plain};
use crate::session::Session;
use shm::copy;
use std::ops::Range;

/// Words of the steps.
pub(super) const FROM_GUEST: usize = 0;
pub(super) const TO_GUEST: usize = 1;
pub(super) const DOWN: usize = 2;
pub(super) const UP: usize = DOWN + ROUNDS;

/// A member's place in the cube.
pub(super) struct Cube {
    pub(super) me: usize,
    pub(super) size: usize,
    pub(super) cores: usize,
    /// The rank that is core 0.
    origin: usize,
}

/// What a member is.
pub(super) enum Role {
    /// This core, and the rank of its guest.
    Core(usize, Option<usize>),
    /// The guest of the core of this rank.
    Guest(usize),
}

impl Cube {
    pub(super) fn new(session: &Session<'_>, origin: usize) -> Cube {
        let size = session.size();
        Cube { me: session.rank(), size, cores: 1 << size.ilog2(), origin }
    }

    /// Counted from the origin, the first members are cores and guests in turn, the rest cores.
    pub(super) fn guests(&self) -> usize {
        self.size - self.cores
    }

    pub(super) fn rank(&self, place: usize) -> usize {
        (place + self.origin) % self.size
    }

    pub(super) fn role(&self) -> Role {
        let place = (self.me + self.size - self.origin) % self.size;
        match place.checked_sub(2 * self.guests()) {
            Some(beyond) => Role::Core(self.guests() + beyond, None),
            None if place.is_multiple_of(2) => Role::Core(place / 2, Some(self.rank(place + 1))),
            None => Role::Guest(self.rank(place - 1)),
        }
    }

    /// The rank of a core.
    pub(super) fn core(&self, core: usize) -> usize {
        self.rank(core + core.min(self.guests()))
    }

    /// The rank of a core's guest.
    pub(super) fn guest(&self, core: usize) -> Option<usize> {
        (core < self.guests()).then(|| self.rank(2 * core + 1))
    }

    /// Whether long arrays go by shares. Each of those has a word per member.
    pub(super) fn has_shares(&self) -> bool {
        self.size < ROUNDS && self.guests() > 0
    }

    pub(super) fn steps(&self) -> usize {
        self.cores.ilog2() as usize
    }

    /// The blocks, of as many as there are cores, that a core shares with others after `steps` halvings.
    pub(super) fn blocks(&self, core: usize, steps: usize) -> Range<usize> {
        let start = (0..steps).map(|step| (core >> step & 1) * (self.cores >> (step + 1))).sum();
        start..start + (self.cores >> steps)
    }

    /// The elements of blocks of an array of `len`, and where they begin if all blocks were full.
    pub(super) fn elements(&self, blocks: Range<usize>, len: usize) -> (Range<usize>, usize) {
        let block = len.div_ceil(self.cores);
        ((blocks.start * block).min(len)..(blocks.end * block).min(len), blocks.start * block)
    }
}

/// An exchange by the rules of a cube. Positions in inboxes are in elements.
pub(super) struct Steps<'a> {
    pub(super) cube: &'a Cube,
    op: &'static str,
    pub(super) exchange: Exchange<'a>,
}

impl<'a> Steps<'a> {
    pub(super) fn begin(session: &'a mut Session<'_>, cube: &'a Cube) -> Steps<'a> {
        let op = session.call().op.name();
        Steps { cube, op, exchange: session.exchange() }
    }

    /// Sends elements, and waits for the same step of `from`, if anybody.
    fn step<T: Plain>(
        &self,
        to: usize,
        step: usize,
        at: usize,
        data: &[T],
        from: Option<usize>,
    ) -> Result<()> {
        let (src, at, len) = (data.as_ptr().cast(), at * size_of::<T>(), size_of_val(data));
        // SAFETY: the elements are borrowed until the sending is over.
        let sending = unsafe { self.exchange.send(to, step, at, src, len) }?;
        let came = from.map_or(Ok(()), |from| self.exchange.await_step(from, step));
        self.exchange.sent(sending).and(came)
    }

    pub(super) fn send<T: Plain>(&self, to: usize, step: usize, at: usize, data: &[T]) -> Result<()> {
        self.step(to, step, at, data, None)
    }

    pub(super) fn swap<T: Plain>(&self, with: usize, step: usize, at: usize, data: &[T]) -> Result<()> {
        self.step(with, step, at, data, Some(with))
    }

    /// Sends elements to many: `(to, step, at, elements)`.
    pub(super) fn send_all<'d, T: Plain>(
        &self,
        all: impl Iterator<Item = (usize, usize, usize, &'d [T])>,
    ) -> Result<()> {
        let send = |(to, step, at, data): (usize, usize, usize, &'d [T])| {
            let (src, at, len) = (data.as_ptr().cast(), at * size_of::<T>(), size_of_val(data));
            // SAFETY: the elements are borrowed for longer than the sending, which is waited for below.
            unsafe { self.exchange.send(to, step, at, src, len) }
        };
        // All are started before any is waited for, and all that were started are.
        let started: Vec<Result<_>> = all.map(send).collect();
        started.into_iter().map(|sending| self.exchange.sent(sending?)).fold(Ok(()), Result::and)
    }

    /// Where elements lie that have come.
    fn inbox<T: Plain>(&self, at: usize, count: usize) -> *const T {
        self.exchange.inbox(at * size_of::<T>(), count * size_of::<T>()).cast()
    }

    /// Takes elements from the inbox.
    pub(super) fn take<T: Plain>(&self, at: usize, data: &mut [T]) -> Result<()> {
        let (src, len) = (self.inbox::<T>(at, data.len()), size_of_val(data));
        // SAFETY: they have come, and lie in memory of their own.
        plain::fill(self.op, data, |bytes| unsafe {
            copy::copy(bytes, src.cast(), len);
            Ok(())
        })
    }

    /// Combines `data` with elements of the inbox, which come first if they are of lower ranks.
    pub(super) fn combine<T: Plain>(
        &self,
        data: &mut [T],
        at: usize,
        is_first: bool,
        fold: &impl Fn(&mut [T], *const T) -> Result<()>,
    ) -> Result<()> {
        let other = self.inbox(at, data.len());
        if !is_first {
            return fold(data, other);
        }
        let mine = data.to_vec();
        self.take(at, data)?;
        fold(data, mine.as_ptr())
    }

    /// The first step of a core: its guest's part. What goes wrong with values is told at the end, for others wait meanwhile.
    pub(super) fn host<T: Plain>(
        &self,
        guest: Option<usize>,
        data: &mut [T],
        at: usize,
        fold: &impl Fn(&mut [T], *const T) -> Result<()>,
    ) -> Result<Result<()>> {
        let Some(guest) = guest else { return Ok(Ok(())) };
        self.exchange.await_step(guest, FROM_GUEST)?;
        Ok(self.combine(data, at, false, fold))
    }

    /// Collects the blocks that the cores have; `data` is what they are blocks of, `base` where its image begins. Who has everything,
    /// `full`, is sent none.
    pub(super) fn collect<T: Plain>(
        &self,
        core: usize,
        data: &mut [T],
        base: usize,
        full: Option<usize>,
    ) -> Result<()> {
        let (cube, len) = (self.cube, data.len());
        for step in (0..cube.steps()).rev() {
            let partner = core ^ (1 << step);
            let (mine, at) = cube.elements(cube.blocks(core, step + 1), len);
            let (theirs, from) = cube.elements(cube.blocks(partner, step + 1), len);
            let mine = if full == Some(partner) { mine.start..mine.start } else { mine };
            self.swap(cube.core(partner), UP + step, base + at, &data[mine])?;
            if full != Some(core) {
                self.take(base + from, &mut data[theirs])?;
            }
        }
        Ok(())
    }
}
