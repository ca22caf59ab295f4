//! Memory of the program's own in which each rank has a part that every rank reads and writes without its owner's doing.
//!
//! Arrays are made and changed by all ranks together; a window is for what one rank does alone: coarrays, counters from which
//! work is handed out, results that go to whoever keeps them.
//!
//! Invariant: elements are bytes here; who shares a window agrees on what they are, and on when they may be read.

use crate::error::{Error, Kind, Result};
use crate::session::{self, Purpose};
use rma::{Compare, Segment, SignalUpdate, Strided};
use smallvec::SmallVec;
use std::ptr::NonNull;

/// Which bytes of a part are meant: the first at `offset`, the others by shape and strides. (Of wide elements the last axis is an element's bytes.)
#[derive(Clone, Copy, Debug)]
pub struct Patch<'a> {
    /// The part's rank.
    pub rank: usize,
    /// Where the first is in the part.
    pub offset: usize,
    /// How many along each axis.
    pub shape: &'a [usize],
    /// From one to the next along each axis; may be negative.
    pub strides: &'a [isize],
}

impl Patch<'_> {
    fn len_bytes(&self) -> usize {
        self.shape.iter().product()
    }

    /// They as rows, innermost axis first, against bytes in C order. There is at least one.
    fn with_rows<R>(&self, run: impl FnOnce(Strided<'_>) -> R) -> R {
        let mut counts: SmallVec<[usize; 9]> = SmallVec::from_slice(&[1]);
        let (mut remote, mut local): (SmallVec<[isize; 8]>, SmallVec<[isize; 8]>) = Default::default();
        let mut packed = 1;
        for (&n, &stride) in self.shape.iter().zip(self.strides).rev() {
            if counts.len() == 1 && stride == packed {
                counts[0] *= n;
            } else if n > 1 {
                counts.push(n);
                remote.push(stride);
                local.push(packed);
            }
            packed *= n as isize;
        }
        run(Strided { counts: &counts, remote_strides: &remote, local_strides: &local, local_offset: 0 })
    }
}

/// A part on each rank.
#[derive(Debug)]
pub struct Window(Segment);

impl Window {
    /// A window of `len_bytes` zero bytes on this rank; ranks may differ. Collective.
    ///
    /// # Errors
    /// `MemoryError` on all ranks if a node hasn't so much.
    pub fn new(len_bytes: usize) -> Result<Window> {
        let _turn = session::take_turn("window")?;
        let session = session::get();
        let made = session
            .together(Purpose::Allocate, || Ok(Segment::allocate_zeroed(session.team(), len_bytes)?))?
            .expect("only who is cautious goes on alone");
        Ok(Window(made))
    }

    /// Bytes of `rank`'s part. Not collective.
    ///
    /// # Errors
    /// `ValueError` for no rank.
    pub fn len_bytes(&self, rank: usize) -> Result<usize> {
        self.check(rank)?;
        Ok(self.0.len_bytes(rank))
    }

    /// Where `rank`'s part begins in the memory of this process, if it is there: the own one is, and those of ranks on the same node.
    /// Others read and write it at any time. Not collective.
    ///
    /// # Errors
    /// `ValueError` for no rank.
    pub fn mapped(&self, rank: usize) -> Result<Option<NonNull<u8>>> {
        self.check(rank)?;
        Ok(self.0.mapped(rank))
    }

    /// Writes bytes, which `from` has in C order. They may be under way on return, until a [`Window::fence`]. Not collective.
    ///
    /// # Errors
    /// `RuntimeError` for what isn't in the part, or too many axes (8); then nothing was written.
    pub fn put(&self, to: &Patch<'_>, from: &[u8]) -> Result<()> {
        self.check(to.rank)?;
        match from.len() == to.len_bytes() {
            true if from.is_empty() => Ok(()),
            true => Ok(to.with_rows(|rows| self.0.put_strided(to.rank, to.offset, rows, from))?),
            false => Err(uneven(from.len(), to)),
        }
    }

    /// Reads bytes into `to`, in C order. Not collective.
    ///
    /// # Errors
    /// As [`Window::put`].
    pub fn get(&self, from: &Patch<'_>, to: &mut [u8]) -> Result<()> {
        self.check(from.rank)?;
        match to.len() == from.len_bytes() {
            true if to.is_empty() => Ok(()),
            true => Ok(from.with_rows(|rows| self.0.get_strided(from.rank, from.offset, rows, to))?),
            false => Err(uneven(to.len(), from)),
        }
    }

    /// Adds to the 64-bit integer at this byte of `rank`'s part, and returns what was there. Atomic. Not collective.
    ///
    /// # Errors
    /// `RuntimeError` for what isn't in the part.
    pub fn fetch_add(&self, rank: usize, offset: usize, value: i64) -> Result<i64> {
        self.check(rank)?;
        Ok(self.0.fetch_add(rank, offset, value)?)
    }

    /// Waits until the 64-bit integer at this byte of the own part is `least` or more. Not collective.
    ///
    /// # Errors
    /// `RuntimeError` for what isn't in the part, and when a rank has died that it may wait for.
    pub fn wait(&self, offset: usize, least: u64) -> Result<()> {
        session::check("window")?;
        self.0.wait_signal(offset, Compare::AtLeast(least))?;
        Ok(())
    }

    /// Adds one to the 64-bit integer at this byte of `rank`'s part, and wakes who waits for it there: after all that was written
    /// to that part before. Not collective.
    ///
    /// # Errors
    /// `RuntimeError` for what isn't in the part.
    pub fn signal(&self, rank: usize, offset: usize) -> Result<()> {
        self.check(rank)?;
        Ok(self.0.put_signal::<u8>(rank, 0, &[], offset, SignalUpdate::Add(1))?)
    }

    /// Returns when all that this rank has written is where it belongs. Not collective.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn fence(&self) -> Result<()> {
        session::check("window")?;
        let team = self.0.team();
        (0..team.size()).try_for_each(|rank| Ok(team.fence(rank)?))
    }

    fn check(&self, rank: usize) -> Result<()> {
        session::check("window")?;
        match self.0.team().size() {
            size if rank < size => Ok(()),
            size => Err(Error::new(Kind::Value, format!("rank {rank} of {size}"))),
        }
    }
}

#[cold]
fn uneven(len: usize, place: &Patch<'_>) -> Error {
    Error::new(Kind::Value, format!("{len} bytes for a patch of {}", place.len_bytes()))
}
