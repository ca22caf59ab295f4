//! Collectives that hand data out: broadcast, scatter, alltoall.

use super::{cube, tiers, typed};
use crate::call::{Call, OpCode};
use crate::error::{Error, ErrorKind, Result};
use crate::plain::{self, Plain};
use crate::row::WORDS;
use crate::session::Session;
use crate::signature::Signature;
use crate::team::Team;

/// Few bytes of the root's travel in its line of a meeting.
fn few<T: Plain>(session: &mut Session<'_>, data: &mut [T], signature: Signature, root: usize) -> Result<()> {
    let (len, is_root) = (size_of_val(data), session.rank() == root);
    let mut words = [0u64; WORDS];
    if is_root {
        bytemuck::bytes_of_mut(&mut words)[..len].copy_from_slice(bytemuck::cast_slice::<T, u8>(data));
    }
    let words = &mut words[..len.div_ceil(8)];
    session.meet(signature, words)?;
    if is_root {
        return Ok(());
    }
    words.iter_mut().enumerate().for_each(|(index, word)| *word = session.word(root, index));
    plain::fill(session.call().op.name(), data, |to| {
        // SAFETY: the words hold so many bytes, and so does the data.
        unsafe { to.copy_from_nonoverlapping(words.as_ptr().cast(), len) };
        Ok(())
    })
}

impl Team {
    /// Everybody's `data` becomes that of `root`, whose own isn't written to.
    ///
    /// Collective, with the same length everywhere. Stands for `MPI_Bcast`, `GA_Brdcst`. Errors: `Rank`, `Mismatch`, `Type`, `Died`, `Finalized`.
    #[track_caller]
    pub fn broadcast<T: Plain>(&self, data: &mut [T], root: usize) -> Result<()> {
        let call = Call::new(OpCode::Broadcast);
        self.broadcast_as(call, data, root)
    }

    pub(super) fn broadcast_as<T: Plain>(&self, call: Call, data: &mut [T], root: usize) -> Result<()> {
        let signature = typed::<T>(Signature::new(call.op), data.len()).root(root);
        self.check_root(call, signature, root)?;
        let mut session = self.session(call)?;
        if data.is_empty() {
            return session.meet(signature, &[]);
        }
        if size_of_val(data) <= WORDS * 8 && !session.is_wide() {
            return few(&mut session, data, signature, root);
        }
        if let Some(tiers) = session.tiers(signature)? {
            return tiers::broadcast(tiers, &session, data, root);
        }
        session.make_room(size_of_val(data), signature)?;
        if session.is_among_leaders() && cube::fits::<T>(&session) {
            session.meet_for_exchanges(signature)?;
            return cube::broadcast(&mut session, data, root);
        }
        let piece = session.capacity::<T>();
        for part in data.chunks_mut(piece) {
            if session.rank() == root {
                session.post(0, part);
            }
            session.meet(signature, &[])?;
            if session.rank() != root {
                let len = part.len();
                session.fetch(part, std::iter::once((root, 0, 0..len)))?;
            }
        }
        Ok(())
    }

    /// Rank r gets the r-th of `size` equal parts of `root`'s `data`; the others' `data` is not looked at.
    ///
    /// Collective. Stands for `MPI_Scatter`. Errors: `Rank`; `Shape` on every member when the length is no multiple of the team's size;
    /// `Mismatch`, `Type`, `Died`, `Finalized`.
    #[track_caller]
    pub fn scatter<T: Plain>(&self, data: &[T], root: usize) -> Result<Vec<T>> {
        let call = Call::new(OpCode::Scatter);
        let signature = typed::<T>(Signature::new(call.op), 0).root(root);
        self.check_root(call, signature, root)?;
        let mut session = self.session(call)?;
        let (me, size) = (session.rank(), session.size());
        session.meet(signature, &[data.len() as u64])?;
        let len = session.word(root, 0) as usize;
        if !len.is_multiple_of(size) {
            let message = format!("{len} elements at the root don't divide among {size} ranks");
            return Err(Error::at(ErrorKind::Shape, call.op.name(), root, message));
        }
        let share = len / size;
        let blocks: Vec<&[T]> = match me == root {
            true => (0..size).map(|rank| &data[rank * share..][..share]).collect(),
            false => Vec::new(),
        };
        let expected = |rank| if rank == root { share } else { 0 };
        let mut out = hand_out(&mut session, signature, &blocks, share, expected)?;
        Ok(out.swap_remove(root))
    }

    /// Member r gets the r-th of `size` equal parts of everybody's `data`, in rank order. A full synchronisation.
    ///
    /// Collective, with the same length everywhere. Stands for `MPI_Alltoall`. Errors: `Shape` when the length is no multiple of
    /// the team's size; `Mismatch`, `Type`, `Died`, `Finalized`.
    #[track_caller]
    pub fn alltoall<T: Plain>(&self, data: &[T]) -> Result<Vec<T>> {
        let call = Call::new(OpCode::Alltoall);
        let size = self.size();
        let mut session = self.session(call)?;
        let signature = typed::<T>(Signature::new(call.op), data.len());
        if !data.len().is_multiple_of(size) {
            // The others learn of it as well: either they have the same length, or theirs doesn't match.
            session.meet(signature, &[])?;
            let message = format!("{} elements don't divide among {size} ranks", data.len());
            return Err(Error::new(ErrorKind::Shape, call.op.name(), message));
        }
        let share = data.len() / size;
        let blocks: Vec<&[T]> = (0..size).map(|rank| &data[rank * share..][..share]).collect();
        let all = hand_out(&mut session, signature, &blocks, share, |_| share)?;
        session.complete();
        Ok(all.into_iter().flatten().collect())
    }

    /// Member r gets everybody's `data[r]`, by rank; blocks may have any length. A full synchronisation.
    ///
    /// Collective. Stands for `MPI_Alltoallv`. Errors: `Shape` when `data` has not one block per member; `Mismatch`, `Type`, `Died`, `Finalized`.
    #[track_caller]
    pub fn alltoallv<T: Plain>(&self, data: &[Vec<T>]) -> Result<Vec<Vec<T>>> {
        let call = Call::new(OpCode::Alltoallv);
        let size = self.size();
        // The number of blocks is the count, so that others learn of a wrong one.
        let signature = typed::<T>(Signature::new(call.op), data.len());
        if data.len() != size {
            let message = format!("{} blocks for {size} ranks", data.len());
            let error = Error::new(ErrorKind::Shape, call.op.name(), message);
            return Err(self.refuse(call, signature, error));
        }
        let mut session = self.session(call)?;
        // Everybody's lengths, through the outboxes as well: one row of `size` words per member.
        let rows: Vec<u64> = data.iter().map(|block| block.len() as u64).collect();
        let blocks: Vec<&[u64]> = rows.chunks(1).collect();
        let lens = hand_out(&mut session, signature, &blocks, 1, |_| 1)?;
        let mine = rows.iter().copied().max().unwrap_or(0);
        session.meet(signature, &[mine])?;
        let longest = (0..size).map(|rank| session.word(rank, 0)).max().unwrap_or(0) as usize;
        let blocks: Vec<&[T]> = data.iter().map(Vec::as_slice).collect();
        let all = hand_out(&mut session, signature, &blocks, longest, |rank| lens[rank][0] as usize)?;
        session.complete();
        Ok(all)
    }
}

/// Passes blocks to their members: each outbox is cut into one stripe per member, and pieces of a stripe's length travel in
/// each meeting. Where there are more members than elements fit, each meeting is for as many of them as do. `longest` is the longest block of all
/// members, `expected(rank)` the length of the one from `rank` to here; a member without `blocks` hands nothing out.
fn hand_out<T: Plain>(
    session: &mut Session<'_>,
    signature: Signature,
    blocks: &[&[T]],
    longest: usize,
    expected: impl Fn(usize) -> usize,
) -> Result<Vec<Vec<T>>> {
    let (me, size) = (session.rank(), session.size());
    session.make_room(longest.saturating_mul(size).saturating_mul(size_of::<T>()), signature)?;
    let capacity = session.capacity::<T>();
    let stripe = (capacity / size).clamp(1, longest.max(1));
    let group = (capacity / stripe).min(size);
    let mut received: Vec<Vec<T>> = (0..size).map(|rank| Vec::with_capacity(expected(rank))).collect();
    for start in (0..longest.max(1)).step_by(stripe) {
        for first in (0..size).step_by(group) {
            for (place, block) in blocks.iter().skip(first).take(group).enumerate() {
                let piece = &block[start.min(block.len())..(start + stripe).min(block.len())];
                session.post(place * stripe, piece);
            }
            session.meet(signature, &[])?;
            let mine = (first..first + group).contains(&me);
            let wanted = |rank| match mine {
                true => ((me - first) * stripe, expected(rank).min(start + stripe).saturating_sub(start)),
                false => (0, 0),
            };
            session.append(&mut received, wanted)?;
        }
    }
    Ok(received)
}
