//! Long reductions and broadcasts between few leaders of nodes whose number is no power of two: guests of a [cube](super::cube) would wait while all
//! bytes pass through their cores.
//!
//! Each member has a share of the array. For a reduction everybody sends everybody its share, and each member combines its own, in the
//! order of the cube's tree; for a broadcast the root sends each its share. Then everybody sends its share to everybody.
//!
//! Inbox: an image of the array for what comes first (share number r is from rank r), and another for what is collected.

use super::steps::{DOWN, Steps, UP};
use crate::error::Result;
use crate::plain::Plain;
use std::ops::Range;

/// How an array is divided.
struct Shares {
    len: usize,
    /// Elements of a share, but of the last ones.
    full: usize,
    size: usize,
    me: usize,
}

impl Shares {
    fn of<T>(steps: &Steps<'_>, data: &[T]) -> Shares {
        let (size, len) = (steps.cube.size, data.len());
        Shares { len, full: len.div_ceil(size), size, me: steps.cube.me }
    }

    fn range(&self, rank: usize) -> Range<usize> {
        (rank * self.full).min(self.len)..((rank + 1) * self.full).min(self.len)
    }

    /// The others, each member beginning with another one.
    fn others(&self) -> impl Iterator<Item = usize> {
        let (me, size) = (self.me, self.size);
        (1..size).map(move |far| (me + far) % size)
    }

    /// Where what is collected begins in the inbox.
    fn second(&self) -> usize {
        self.size * self.full
    }
}

/// As [`super::cube::reduce`], of one piece.
pub(super) fn reduce<T: Plain>(
    steps: &Steps<'_>,
    data: &mut [T],
    fold: &impl Fn(&mut [T], *const T) -> Result<()>,
) -> Result<()> {
    let shares = Shares::of(steps, data);
    steps.send_all(
        shares.others().map(|to| (to, DOWN + shares.me, shares.me * shares.full, &data[shares.range(to)])),
    )?;
    shares.others().try_for_each(|from| steps.exchange.await_step(from, DOWN + from))?;
    let folded = combine(steps, &shares, data, fold);
    collect(steps, &shares, data, None)?;
    folded
}

/// Makes the own share that of the combination of all members' copies.
fn combine<T: Plain>(
    steps: &Steps<'_>,
    shares: &Shares,
    data: &mut [T],
    fold: &impl Fn(&mut [T], *const T) -> Result<()>,
) -> Result<()> {
    let (cube, mine) = (steps.cube, shares.range(shares.me));
    let part = |rank: usize| {
        let mut part = data[mine.clone()].to_vec();
        let taken = if rank == shares.me { Ok(()) } else { steps.take(rank * shares.full, &mut part) };
        taken.map(|()| part)
    };
    // Of groups of 2^k cores, the last of each size that has no neighbour yet.
    let mut groups: Vec<Vec<T>> = Vec::new();
    for core in 0..cube.cores {
        let mut sum = part(cube.core(core))?;
        if let Some(guest) = cube.guest(core) {
            fold(&mut sum, part(guest)?.as_ptr())?;
        }
        for _ in 0..(core + 1).trailing_zeros() {
            let mut left = groups.pop().expect("a group for each bit of the number of cores so far");
            fold(&mut left, sum.as_ptr())?;
            sum = left;
        }
        groups.push(sum);
    }
    data[mine].copy_from_slice(&groups[0]);
    Ok(())
}

/// Everybody's share to everybody; but `full`, who has everything, is only told.
fn collect<T: Plain>(steps: &Steps<'_>, shares: &Shares, data: &mut [T], full: Option<usize>) -> Result<()> {
    let (mine, at) = (shares.range(shares.me), shares.second() + shares.me * shares.full);
    steps.send_all(shares.others().map(|to| {
        let wanted = if full == Some(to) { mine.start..mine.start } else { mine.clone() };
        (to, UP + shares.me, at, &data[wanted])
    }))?;
    for from in shares.others() {
        steps.exchange.await_step(from, UP + from)?;
        if full != Some(shares.me) {
            steps.take(shares.second() + from * shares.full, &mut data[shares.range(from)])?;
        }
    }
    Ok(())
}

/// As [`super::cube::broadcast`], of one piece.
pub(super) fn broadcast<T: Plain>(steps: &Steps<'_>, data: &mut [T], root: usize) -> Result<()> {
    let shares = Shares::of(steps, data);
    if shares.me == root {
        steps.send_all(shares.others().map(|to| (to, DOWN, 0, &data[shares.range(to)])))?;
    } else {
        steps.exchange.await_step(root, DOWN)?;
        steps.take(0, &mut data[shares.range(shares.me)])?;
    }
    collect(steps, &shares, data, Some(root))
}
