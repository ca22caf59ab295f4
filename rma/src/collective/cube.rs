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

use super::ops::Wanted;
use super::shares;
use super::steps::{Cube, DOWN, FROM_GUEST, Role, Steps, TO_GUEST};
use crate::error::Result;
use crate::plain::Plain;
use crate::session::Session;

/// What is at most so long, in bytes, goes whole. Twice the steps with half the bytes pay beyond.
const SHORT: usize = 32 * 1024;

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
