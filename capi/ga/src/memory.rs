//! How much memory arrays take, and how much they may.
//!
//! Invariant: `used` counts the bytes of this rank's parts of arrays; without a limit nothing is compared with it.

use crate::fault::Result;
use crate::guard::exported;
use rma::{Op, Team};
use std::ffi::c_int;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The limit when there is none.
const NONE: usize = usize::MAX;

/// Of this rank.
pub(crate) struct Memory {
    limit: AtomicUsize,
    used: AtomicUsize,
}

impl Memory {
    /// A limit of 0 is none.
    pub(crate) fn new(limit: usize) -> Memory {
        Memory { limit: AtomicUsize::new(if limit == 0 { NONE } else { limit }), used: AtomicUsize::new(0) }
    }

    fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// Whether every rank of the team may have its bytes. Collective if there is a limit, which all ranks have or none.
    pub(crate) fn has_room(&self, team: &Team, bytes: usize) -> Result<bool> {
        if self.limit() == NONE {
            return Ok(true);
        }
        let mut fits = [i32::from(bytes <= self.available())];
        team.allreduce(&mut fits, Op::Min)?;
        Ok(fits[0] == 1)
    }

    pub(crate) fn took(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn gave(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn available(&self) -> usize {
        match self.limit() {
            NONE => NONE,
            limit => limit.saturating_sub(self.used()),
        }
    }
}

exported! {
    NGA_Inquire_memory, GA_Inquire_memory() -> usize = |ga| Ok(ga.memory.used());
    NGA_Memory_avail, GA_Memory_avail() -> usize = |ga| Ok(ga.memory.available());
    NGA_Memory_limited, GA_Memory_limited() -> c_int = |ga| Ok((ga.memory.limit() != NONE).into());
    NGA_Set_memory_limit, GA_Set_memory_limit(limit: usize) =
        |ga| { ga.memory.limit.store(if limit == 0 { NONE } else { limit }, Ordering::Relaxed); Ok(()) };
    GA_Register_stack_memory(_alloc: *const u8, _free: *const u8) = |_ga| Ok(());
}
