//! Synchronising: barriers, and the last meeting of a world.

use crate::call::{Call, OpCode};
use crate::error::Result;
use crate::signature::Signature;
use crate::team::Team;

impl Team {
    /// Returns when every member has entered. A full synchronisation.
    ///
    /// Collective. Puts to memory of the own node are visible to all members afterwards; across nodes use [`Team::sync`].
    /// Stands for `MPI_Barrier`. Errors: `Mismatch`, `Died`, `Finalized`.
    #[track_caller]
    pub fn barrier(&self) -> Result<()> {
        let call = Call::new(OpCode::Barrier);
        self.rendezvous(call, Signature::new(call.op))
    }

    /// Fence to all ranks, then barrier: whatever any member did before is visible to every member. A full synchronisation.
    ///
    /// Collective. Stands for `GA_Pgroup_sync`, `ARMCI_Barrier`. Errors as [`Team::barrier`].
    #[track_caller]
    pub fn sync(&self) -> Result<()> {
        self.sync_over(0, "")
    }

    /// [`Team::sync`] with a number and a purpose that are the same on all ranks.
    #[inline]
    #[track_caller]
    pub(crate) fn sync_over(&self, number: usize, purpose: &str) -> Result<()> {
        let call = Call::new(OpCode::Sync);
        self.0.world.alive("sync")?;
        self.0.world.transport.fence_all()?;
        self.rendezvous(call, Signature::new(call.op).purpose(purpose).count(number))
    }

    /// The last meeting. Each member says a word; whether all say the same, and not 0.
    #[track_caller]
    pub(crate) fn finalize(&self, word: u64) -> Result<bool> {
        let call = Call::new(OpCode::Finalize);
        let mut session = self.session(call)?;
        session.meet(Signature::new(call.op), &[word])?;
        let is_agreed = word != 0 && (0..self.size()).all(|rank| session.word(rank, 0) == word);
        session.complete();
        Ok(is_agreed)
    }

    fn rendezvous(&self, call: Call, signature: Signature) -> Result<()> {
        let mut session = self.session(call)?;
        session.meet(signature, &[])?;
        session.complete();
        Ok(())
    }
}
