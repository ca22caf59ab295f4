//! What a process has between `ARMCI_Init` and `ARMCI_Finalize`.
//!
//! Invariant: there is one at most; it is made collectively, so what ranks know of one another in it agrees. Any number of threads use it at once:
//! each part of it sees to its own, and none keeps others waiting for what another rank's program does.

use crate::address::Addresses;
use crate::end;
use crate::groups::Groups;
use crate::mail::Mail;
use crate::memory::Memory;
use crate::mutexes::Mutexes;
use crate::notes::Notes;
use crate::pending::Pending;
use common::Installed;
use rma::transport::Token;
use rma::{Error, ErrorKind, Result, World};
use std::ffi::c_int;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Everything.
pub(crate) struct Armci {
    pub(crate) world: World,
    pub(crate) addresses: Addresses,
    pub(crate) memory: Memory,
    pub(crate) groups: Groups,
    pub(crate) pending: Pending,
    pub(crate) notes: Notes,
    pub(crate) mail: Mail,
    pub(crate) mutexes: Installed<Mutexes>,
}

static ARMCI: Installed<Armci> = Installed::new();
static STARTING: Mutex<()> = Mutex::new(());

fn starting() -> MutexGuard<'static, ()> {
    STARTING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The state, if there is one.
#[inline(always)]
pub(crate) fn armci() -> Result<&'static Armci> {
    ARMCI.get().ok_or_else(missing)
}

#[cold]
fn missing() -> Error {
    Error::new(ErrorKind::Finalized, "armci", "called before ARMCI_Init or after ARMCI_Finalize")
}

/// Whether there is a state.
pub(crate) fn is_initialized() -> bool {
    ARMCI.get().is_some()
}

/// Collective, unless there is a state.
pub(crate) fn init(connect: impl FnOnce() -> Result<World>) -> Result<()> {
    let _starting = starting();
    if is_initialized() {
        return Ok(());
    }
    let world = connect()?;
    end::belongs_to(&world);
    let addresses = Addresses::new(world.size());
    ARMCI.put(Armci {
        memory: Memory::new(&world, &addresses)?,
        groups: Groups::new(&world)?,
        notes: Notes::new(&world)?,
        mail: Mail::new(&world)?,
        pending: Pending::default(),
        mutexes: Installed::new(),
        addresses,
        world,
    });
    Ok(())
}

/// Collective: ends the runtime.
pub(crate) fn finalize() -> Result<()> {
    let _starting = starting();
    let Ok(armci) = armci() else { return Ok(()) };
    armci.pending.wait_all(armci.world.transport(), None)?;
    let world = armci.world.clone();
    world.sync()?;
    // Segments are let go of, not freed one by one: their memory goes back with a later synchronisation, if the program starts anew.
    // SAFETY: a program that ends the library has no thread in a call of it.
    drop(unsafe { ARMCI.take() });
    world.pause()
}

impl Armci {
    /// Waits for one transfer.
    #[inline(always)]
    pub(crate) fn wait(&self, token: Token) -> Result<c_int> {
        if token != Token::DONE {
            self.world.transport().wait(token)?;
        }
        Ok(0)
    }

    /// Waits for several.
    pub(crate) fn wait_each(&self, tokens: Vec<Token>) -> Result<c_int> {
        tokens.into_iter().try_for_each(|token| self.wait(token).map(drop))?;
        Ok(0)
    }

    /// Leaves transfers to a handle.
    ///
    /// # Safety
    /// `handle` is null or may be read and written.
    #[inline(always)]
    pub(crate) unsafe fn keep(&self, handle: *mut c_int, proc: c_int, tokens: &[Token]) -> Result<c_int> {
        // SAFETY: the caller's promise.
        unsafe { self.pending.keep(self.world.transport(), handle, proc, tokens) }
    }

    /// A rank, if there is such a one.
    pub(crate) fn rank(&self, proc: c_int) -> Result<usize> {
        let size = self.world.size();
        let rank = usize::try_from(proc).ok().filter(|rank| *rank < size);
        rank.ok_or_else(|| {
            let message = format!("there are ranks 0 to {} only, not {proc}", size - 1);
            Error::new(ErrorKind::Rank, "rank", message)
        })
    }
}
