//! Collectives that bring members' data together: allgather, gather, and their forms with lengths of their own.

use super::{flat, tiers, typed};
use crate::call::{Call, OpCode};
use crate::error::Result;
use crate::plain::{self, Plain};
use crate::row::WORDS;
use crate::session::Session;
use crate::signature::Signature;
use crate::team::Team;
use std::ops::Range;

impl Team {
    /// Everybody's `data`, which must be of one length, one after another in rank order. A full synchronisation.
    ///
    /// Collective. Stands for `MPI_Allgather`. Errors: `Mismatch`, `Type`, `Died`, `Finalized`.
    #[track_caller]
    pub fn allgather<T: Plain>(&self, data: &[T]) -> Result<Vec<T>> {
        let mut session = self.session(Call::new(OpCode::Allgather))?;
        let signature = typed::<T>(Signature::new(OpCode::Allgather), data.len());
        if session.spread().is_some() && size_of_val(data) <= WORDS * 8 {
            let everybody = 0..session.size();
            let all = in_words(&mut session, data, signature, everybody)?;
            session.complete();
            return Ok(all);
        }
        let lens = vec![data.len(); session.size()];
        let all = collect_all(&mut session, data, signature, &lens)?;
        session.complete();
        Ok(all.into_iter().flatten().collect())
    }

    /// Everybody's `data`, of any length, by rank. A full synchronisation.
    ///
    /// Collective. Stands for `MPI_Allgatherv`. Errors as [`Team::allgather`].
    #[track_caller]
    pub fn allgatherv<T: Plain>(&self, data: &[T]) -> Result<Vec<Vec<T>>> {
        let mut session = self.session(Call::new(OpCode::Allgatherv))?;
        let signature = typed::<T>(Signature::new(OpCode::Allgatherv), 0);
        let lens = exchange_lens(&mut session, signature, data.len())?;
        let all = collect_all(&mut session, data, signature, &lens)?;
        session.complete();
        Ok(all)
    }

    /// At `root` everybody's `data` (of one length) in rank order; an empty vector at the others.
    ///
    /// Collective. Stands for `MPI_Gather`. Errors: as [`Team::allgather`], and `Rank`.
    #[track_caller]
    pub fn gather<T: Plain>(&self, data: &[T], root: usize) -> Result<Vec<T>> {
        let call = Call::new(OpCode::Gather);
        let signature = typed::<T>(Signature::new(call.op), data.len()).root(root);
        self.check_root(call, signature, root)?;
        let mut session = self.session(call)?;
        let lens = vec![data.len(); session.size()];
        let wanted = session.rank() == root;
        let all = flat::collect(&mut session, data, signature, &lens, wanted)?;
        Ok(all.into_iter().flatten().collect())
    }

    /// At `root` everybody's `data`, of any length, by rank; an empty vector at the others.
    ///
    /// Collective. Stands for `MPI_Gatherv`. Errors as [`Team::gather`].
    #[track_caller]
    pub fn gatherv<T: Plain>(&self, data: &[T], root: usize) -> Result<Vec<Vec<T>>> {
        let call = Call::new(OpCode::Gatherv);
        let signature = typed::<T>(Signature::new(call.op), 0).root(root);
        self.check_root(call, signature, root)?;
        let mut session = self.session(call)?;
        let lens = exchange_lens(&mut session, signature, data.len())?;
        let wanted = session.rank() == root;
        flat::collect(&mut session, data, signature, &lens, wanted)
    }
}

/// Tells everybody this member's length.
fn exchange_lens(session: &mut Session<'_>, signature: Signature, len: usize) -> Result<Vec<usize>> {
    session.meet(signature, &[len as u64])?;
    Ok((0..session.size()).map(|rank| session.word(rank, 0) as usize).collect())
}

/// Few bytes of everybody travel in the lines of a meeting; returns those of `ranks`. For teams that span nodes: inside a node outboxes are as quick.
pub(super) fn in_words<T: Plain>(
    session: &mut Session<'_>,
    data: &[T],
    signature: Signature,
    ranks: Range<usize>,
) -> Result<Vec<T>> {
    let len = size_of_val(data);
    let mut words = [0u64; WORDS];
    bytemuck::bytes_of_mut(&mut words)[..len].copy_from_slice(bytemuck::cast_slice::<T, u8>(data));
    let used = len.div_ceil(8);
    session.meet(signature, &words[..used])?;
    let mut all = Vec::with_capacity(data.len() * ranks.len());
    for rank in ranks {
        for (index, word) in words[..used].iter_mut().enumerate() {
            *word = session.word(rank, index);
        }
        for element in bytemuck::bytes_of(&words)[..len].chunks(size_of::<T>().max(1)) {
            // SAFETY: the bytes of one element.
            all.push(unsafe { plain::read(session.call().op.name(), element.as_ptr()) }?);
        }
    }
    Ok(all)
}

/// Brings all members' data to everybody.
fn collect_all<T: Plain>(
    session: &mut Session<'_>,
    data: &[T],
    signature: Signature,
    lens: &[usize],
) -> Result<Vec<Vec<T>>> {
    match session.tiers(signature)? {
        Some(tiers) => tiers::collect(tiers, session, data, signature, lens),
        None => flat::collect(session, data, signature, lens, true),
    }
}
