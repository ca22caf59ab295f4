//! For a library that has this one inside: `libga` starts and ends it, and shares its world.
//!
//! Invariant: there is one runtime per process, whoever started it.

pub use crate::address::{Lender, Lent};
use crate::exports::transfer::Kind;
pub use crate::mail::Channel;
use crate::{end, state};
use common::Group;
use rma::{Result, Team, World};
use std::ffi::c_int;

/// The world; made by `connect` if there is none. Collective unless there is one. `ARMCI_Init`.
///
/// # Errors
/// Those of `connect`, and of the memory for ARMCI's own tables.
pub fn start(connect: impl FnOnce() -> Result<World>) -> Result<World> {
    state::init(connect)?;
    Ok(state::armci()?.world.clone())
}

/// Has memory that isn't ARMCI's asked of the caller, so that ARMCI's calls work on it, too. After [`start`].
///
/// # Errors
/// There is no runtime.
pub fn ask(lender: Lender) -> Result<()> {
    state::armci()?.addresses.ask(lender);
    Ok(())
}

/// A group of ARMCI's of these world ranks; its number. Local.
///
/// # Errors
/// There is no runtime.
pub fn add_group(team: Option<Team>, members: Vec<usize>) -> Result<i32> {
    Ok(state::armci()?.groups.add(Group { team, members }))
}

/// Forgets a group; the world is the default then if that was. Local. `ARMCI_Group_free`.
///
/// # Errors
/// There is no such group, or no runtime.
pub fn free_group(group: i32) -> Result<()> {
    state::armci()?.groups.free(group)
}

/// Makes a group the default. Local. `ARMCI_Group_set_default`.
///
/// # Errors
/// As [`free_group`].
pub fn set_default_group(group: i32) -> Result<()> {
    state::armci()?.groups.set_default(group)
}

/// Whether the runtime was started and not ended, be it by `ARMCI_Init` or by [`start`].
pub fn is_started() -> bool {
    state::is_initialized()
}

/// Ends the runtime; nothing if there is none. Collective. `ARMCI_Finalize`.
///
/// # Errors
/// A rank that died.
pub fn end() -> Result<()> {
    state::finalize()
}

/// Ends the job with a message and a code, which is 1 instead of one that would look like success. `ARMCI_Error`.
pub fn abort(code: i32, message: &str) -> ! {
    end::abort(if code & 0xff == 0 { 1 } else { code }, message)
}

/// Two-sided messages and the shared counter. Not collective but for what says so; any number of threads.
pub struct Messages(&'static state::Armci);

/// Those of the runtime.
///
/// # Errors
/// There is none.
#[inline(always)]
pub fn messages() -> Result<Messages> {
    state::armci().map(Messages)
}

impl Messages {
    /// The world they go through.
    #[inline(always)]
    pub fn world(&self) -> &World {
        &self.0.world
    }

    /// Sends a message; its bytes may be used again on return.
    ///
    /// # Errors
    /// A rank that died.
    pub fn send(&self, channel: Channel, tag: i32, bytes: &[u8], to: usize) -> Result<()> {
        self.0.mail.send(channel, tag, bytes, to)
    }

    /// As [`Messages::send`], without waiting for room.
    ///
    /// # Errors
    /// A rank that died.
    ///
    /// # Safety
    /// The bytes are readable until [`Messages::finish_sends`] is back.
    pub unsafe fn start_send(&self, channel: Channel, tag: i32, bytes: &[u8], to: usize) -> Result<()> {
        // SAFETY: the caller's promise.
        unsafe { self.0.mail.start_send(channel, tag, bytes, to) }
    }

    /// Waits until everything that was started to be sent has gone.
    ///
    /// # Errors
    /// A rank that died.
    pub fn finish_sends(&self) -> Result<()> {
        self.0.mail.finish_sends()
    }

    /// Starts to receive a message, from a rank or from anybody.
    ///
    /// # Safety
    /// The buffer is writable for the room, and nobody else uses it, until [`Messages::finish`] is back.
    pub unsafe fn start(
        &self,
        channel: Channel,
        tag: i32,
        buffer: *mut u8,
        room: usize,
        from: Option<usize>,
    ) -> u64 {
        // SAFETY: the caller's promise.
        unsafe { self.0.mail.start(channel, tag, buffer, room, from) }
    }

    /// Waits for a message; its sender and its length.
    ///
    /// # Errors
    /// It is longer than the room; a rank died.
    pub fn finish(&self, number: u64) -> Result<(usize, usize)> {
        self.0.mail.finish(number)
    }

    /// Whether such a message has come, from a rank or from anybody.
    ///
    /// # Errors
    /// A rank that died.
    pub fn probe(&self, channel: Channel, tag: i32, from: Option<usize>) -> Result<bool> {
        self.0.mail.probe(channel, tag, from)
    }

    /// The next number of the counter that all ranks share; the first is 0.
    ///
    /// # Errors
    /// A rank that died.
    #[inline(always)]
    pub fn count(&self) -> Result<i64> {
        self.0.mail.count()
    }

    /// Has the counter begin at 0 again. Collective: nobody counts meanwhile.
    ///
    /// # Errors
    /// A rank that died.
    pub fn reset_counter(&self) -> Result<()> {
        let world = self.world();
        world.barrier()?;
        if world.rank() == world.size() - 1 {
            self.0.mail.reset_counter()?;
        }
        world.barrier()
    }
}

/// Blocks of a rank's memory that others reach by their address there: those of `ARMCI_Memget`. Not collective.
pub struct Blocks(&'static state::Armci);

/// Those of the runtime.
///
/// # Errors
/// There is none.
pub fn blocks() -> Result<Blocks> {
    state::armci().map(Blocks)
}

impl Blocks {
    /// A block of this rank's; where it is.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn take(&self, bytes: usize) -> Result<usize> {
        self.0.memory.take(bytes)
    }

    /// Gives a block of this rank's back; false if that is none.
    pub fn give(&self, start: usize) -> bool {
        self.0.memory.give(start)
    }

    /// Where a rank's address is in this process; the address itself if nothing of that rank is mapped here.
    ///
    /// # Errors
    /// That rank has no such memory.
    pub fn here(&self, rank: usize, address: usize) -> Result<*mut u8> {
        Ok(self.0.addresses.attach(rank as c_int, address as *const _)?.cast())
    }

    /// Fetches bytes of a rank's memory.
    ///
    /// # Errors
    /// That rank has no such memory.
    ///
    /// # Safety
    /// The buffer is writable for so many bytes.
    pub unsafe fn get(&self, rank: usize, address: usize, to: *mut u8, len: usize) -> Result<()> {
        let place = self.here(rank, address)?;
        // SAFETY: the caller's promise.
        unsafe { self.moved(rank, Kind::Get, place, to, len) }
    }

    /// Writes bytes to a rank's memory.
    ///
    /// # Errors
    /// As [`Blocks::get`].
    ///
    /// # Safety
    /// The buffer is readable for so many bytes.
    pub unsafe fn put(&self, rank: usize, address: usize, from: *const u8, len: usize) -> Result<()> {
        let place = self.here(rank, address)?;
        // SAFETY: the caller's promise.
        unsafe { self.moved(rank, Kind::Put, from, place, len) }
    }

    /// # Safety
    /// The end that isn't of that rank's memory may be used for so many bytes.
    unsafe fn moved(&self, rank: usize, kind: Kind, from: *const u8, to: *mut u8, len: usize) -> Result<()> {
        if len > 0 {
            // SAFETY: the caller's promise, until the transfer is waited for.
            let token = unsafe { self.0.run_apart(kind, from.cast(), to.cast(), len, rank as c_int) }?;
            self.0.wait(token)?;
        }
        Ok(())
    }
}
