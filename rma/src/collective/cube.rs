//! Reductions and broadcasts between the leaders of nodes, and short reductions of the many members of a node, in steps whose number is the logarithm of theirs.
//!
//! A power of two of the members (*cores*) are the corners of a cube; step `k` pairs cores whose numbers differ in bit `k`. The others are
//! *guests*, each of the core before it, which takes its part.
//!
//! | what | how |
//! | --- | --- |
//! | reduction, short | recursive doubling: pairs swap what they have so far |
//! | reduction, long | Rabenseifner: pairs halve what they share, so each core ends with the sum of one block; then the same steps backwards collect the blocks |
//! | the same, 3 to 15 members that are no power of two | by [`shares`] |
//! | broadcast, short | binomial tree |
//! | broadcast, long | the halves go down the tree; then the blocks are collected as above |
//!
//! Order: in step `k` a pair combines what two neighbouring groups of `2^k` cores have, the lower ranks' first, whichever of the two
//! computes it. So every element is `f(f(x0, x1), f(x2, x3))` and so on, whatever the length: bit for bit the same on all members, and
//! right for functions that aren't commutative.
//!
//! All but the tree have the property that nobody is done before all have begun, so they may follow one another ([`crate::exchange`]).

use super::reduce::Wanted;
use super::shares;
use crate::error::Result;
use crate::exchange::Exchange;
use crate::mirror::ROUNDS;
use crate::plain::{self, Plain};
use crate::session::Session;
use shm::copy;
use std::ops::Range;

/// What is at most so long, in bytes, goes whole. Twice the steps with half the bytes pay beyond.
const SHORT: usize = 32 * 1024;

/// Words of the steps.
const FROM_GUEST: usize = 0;
const TO_GUEST: usize = 1;
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
enum Role {
    /// This core, and the rank of its guest.
    Core(usize, Option<usize>),
    /// The guest of the core of this rank.
    Guest(usize),
}

impl Cube {
    fn new(session: &Session<'_>, origin: usize) -> Cube {
        let size = session.size();
        Cube { me: session.rank(), size, cores: 1 << size.ilog2(), origin }
    }

    /// Counted from the origin, the first members are cores and guests in turn, the rest cores.
    fn guests(&self) -> usize {
        self.size - self.cores
    }

    fn rank(&self, place: usize) -> usize {
        (place + self.origin) % self.size
    }

    fn role(&self) -> Role {
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
    fn has_shares(&self) -> bool {
        self.size < ROUNDS && self.guests() > 0
    }

    fn steps(&self) -> usize {
        self.cores.ilog2() as usize
    }

    /// The blocks, of as many as there are cores, that a core shares with others after `steps` halvings.
    fn blocks(&self, core: usize, steps: usize) -> Range<usize> {
        let start = (0..steps).map(|step| (core >> step & 1) * (self.cores >> (step + 1))).sum();
        start..start + (self.cores >> steps)
    }

    /// The elements of blocks of an array of `len`, and where they begin if all blocks were full.
    fn elements(&self, blocks: Range<usize>, len: usize) -> (Range<usize>, usize) {
        let block = len.div_ceil(self.cores);
        ((blocks.start * block).min(len)..(blocks.end * block).min(len), blocks.start * block)
    }
}

/// Whether a reduction goes by the cube: if everybody wants the result, or if it is short.
pub(super) fn may_reduce<T>(session: &Session<'_>, data: &[T], wanted: Wanted) -> bool {
    let is_light = match wanted {
        Wanted::ByAll => true,
        Wanted::ByRoot(_) => size_of_val(data) <= SHORT,
        _ => false,
    };
    is_light && session.is_among_leaders()
}

/// Whether the many members of a node reduce an array by the cube: in steps whose number is the logarithm of theirs, instead of reading everybody's.
pub(super) fn is_for_crowd<T>(session: &Session<'_>, data: &[T], wanted: Wanted) -> bool {
    session.is_crowded()
        && matches!(wanted, Wanted::ByAll | Wanted::ByRoot(_))
        && (1..=session.capacity::<u8>()).contains(&((Cube::new(session, 0).steps() + 1) * size_of_val(data)))
}

/// Bytes of an outbox that a reduction of an array wants at once: enough for the short way, or for a piece of the long one.
pub(super) fn room<T: Plain>(session: &Session<'_>, data: &[T]) -> usize {
    let cube = Cube::new(session, 0);
    match size_of_val(data) {
        short if short <= SHORT => short * (cube.steps() + 1),
        long => 2 * (long + cube.size * size_of::<T>()),
    }
}

/// Elements of a piece of the long ways, of which two images lie in an inbox; 0 if there is no room for a piece.
fn piece<T: Plain>(session: &Session<'_>, cube: &Cube) -> usize {
    (session.capacity::<T>() / 2).saturating_sub(cube.size)
}

/// Whether there is room in the outboxes for reductions, and for broadcasts, of elements of this type.
pub(super) fn fits<T: Plain>(session: &Session<'_>) -> bool {
    size_of::<T>() > 0 && piece::<T>(session, &Cube::new(session, 0)) > 0
}

/// Makes `data` the combination of all members' in rank order, at all of them; `fold(acc, src)` sets `acc` to `f(acc, src)`.
pub(super) fn reduce<T: Plain>(
    session: &mut Session<'_>,
    data: &mut [T],
    fold: &impl Fn(&mut [T], *const T) -> Result<()>,
) -> Result<()> {
    let cube = Cube::new(session, 0);
    let len = size_of_val(data);
    if len <= SHORT && (cube.steps() + 1) * len <= session.capacity::<u8>() {
        return reduce_whole(&Steps::begin(session, &cube), data, fold);
    }
    let piece = piece::<T>(session, &cube);
    data.chunks_mut(piece).try_for_each(|part| {
        let steps = Steps::begin(session, &cube);
        if cube.has_shares() { shares::reduce(&steps, part, fold) } else { reduce_halves(&steps, part, fold) }
    })
}

/// Makes everybody's `data` that of `root`. One piece, or all of them without a meeting between.
pub(super) fn broadcast<T: Plain>(session: &mut Session<'_>, data: &mut [T], root: usize) -> Result<()> {
    let cube = Cube::new(session, root);
    let len = size_of_val(data);
    if len <= SHORT.min(session.capacity::<u8>()) {
        return broadcast_from_core(&Steps::begin(session, &cube), data, false);
    }
    let piece = piece::<T>(session, &cube);
    data.chunks_mut(piece).try_for_each(|part| {
        let steps = Steps::begin(session, &cube);
        if cube.has_shares() {
            shares::broadcast(&steps, part, root)
        } else {
            broadcast_from_core(&steps, part, true)
        }
    })
}

/// An exchange by the rules of a cube. Positions in inboxes are in elements.
pub(super) struct Steps<'a> {
    pub(super) cube: &'a Cube,
    op: &'static str,
    pub(super) exchange: Exchange<'a>,
}

impl<'a> Steps<'a> {
    fn begin(session: &'a mut Session<'_>, cube: &'a Cube) -> Steps<'a> {
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

    fn send<T: Plain>(&self, to: usize, step: usize, at: usize, data: &[T]) -> Result<()> {
        self.step(to, step, at, data, None)
    }

    fn swap<T: Plain>(&self, with: usize, step: usize, at: usize, data: &[T]) -> Result<()> {
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
    fn combine<T: Plain>(
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
    fn host<T: Plain>(
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
    fn collect<T: Plain>(&self, core: usize, data: &mut [T], base: usize, full: Option<usize>) -> Result<()> {
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

/// Inbox: what came in step k is copy number k; the guest's is the one after the last.
fn reduce_whole<T: Plain>(
    steps: &Steps<'_>,
    data: &mut [T],
    fold: &impl Fn(&mut [T], *const T) -> Result<()>,
) -> Result<()> {
    let (cube, len) = (steps.cube, data.len());
    match cube.role() {
        Role::Guest(host) => {
            steps.send(host, FROM_GUEST, cube.steps() * len, data)?;
            steps.exchange.await_step(host, TO_GUEST)?;
            steps.take(0, data)
        }
        Role::Core(core, guest) => {
            let mut folded = steps.host(guest, data, cube.steps() * len, fold)?;
            for step in 0..cube.steps() {
                let partner = core ^ (1 << step);
                steps.swap(cube.core(partner), DOWN + step, step * len, data)?;
                folded = folded.and(steps.combine(data, step * len, partner < core, fold));
            }
            guest.map_or(Ok(()), |guest| steps.send(guest, TO_GUEST, 0, data))?;
            folded
        }
    }
}

/// Inbox: two images of the array with full blocks. In the first, what came lies where the other half of the pair was, which no later
/// step uses; the second takes the guest's part, and later what is collected.
fn reduce_halves<T: Plain>(
    steps: &Steps<'_>,
    data: &mut [T],
    fold: &impl Fn(&mut [T], *const T) -> Result<()>,
) -> Result<()> {
    let (cube, len) = (steps.cube, data.len());
    let second = len.div_ceil(cube.cores) * cube.cores;
    match cube.role() {
        Role::Guest(host) => {
            steps.send(host, FROM_GUEST, second, data)?;
            steps.exchange.await_step(host, TO_GUEST)?;
            steps.take(second, data)
        }
        Role::Core(core, guest) => {
            let mut folded = steps.host(guest, data, second, fold)?;
            for step in 0..cube.steps() {
                let partner = core ^ (1 << step);
                let (mine, there) = cube.elements(cube.blocks(core, step + 1), len);
                let (theirs, here) = cube.elements(cube.blocks(partner, step + 1), len);
                steps.swap(cube.core(partner), DOWN + step, there, &data[theirs])?;
                folded = folded.and(steps.combine(&mut data[mine], here, partner < core, fold));
            }
            steps.collect(core, data, second, None)?;
            guest.map_or(Ok(()), |guest| steps.send(guest, TO_GUEST, second, data))?;
            folded
        }
    }
}

/// Inbox: an image of the array; with full blocks if it goes in `blocks`, where a guest says that it has begun.
fn broadcast_from_core<T: Plain>(steps: &Steps<'_>, data: &mut [T], blocks: bool) -> Result<()> {
    let (cube, len) = (steps.cube, data.len());
    let part = |core, halvings| match blocks {
        true => cube.elements(cube.blocks(core, halvings), len),
        false => (0..len, 0),
    };
    let (core, guest) = match cube.role() {
        Role::Guest(host) => {
            if blocks {
                steps.send::<T>(host, FROM_GUEST, 0, &[])?;
            }
            steps.exchange.await_step(host, TO_GUEST)?;
            return steps.take(0, data);
        }
        Role::Core(core, guest) => (core, guest),
    };
    let first = bits(core);
    if let Some(step) = first.checked_sub(1) {
        steps.exchange.await_step(cube.core(core ^ (1 << step)), DOWN + step)?;
        let (mine, at) = part(core, first);
        steps.take(at, &mut data[mine])?;
    }
    for step in first..cube.steps() {
        let other = core | 1 << step;
        let (theirs, at) = part(other, step + 1);
        steps.send(cube.core(other), DOWN + step, at, &data[theirs])?;
    }
    if blocks {
        steps.collect(core, data, 0, Some(0))?;
    }
    let Some(guest) = guest else { return Ok(()) };
    if blocks {
        steps.exchange.await_step(guest, FROM_GUEST)?;
    }
    steps.send(guest, TO_GUEST, 0, data)
}

/// After how many steps of a broadcast a core has something: the bits of its number.
fn bits(core: usize) -> usize {
    (usize::BITS - core.leading_zeros()) as usize
}
