//! Handles of non-blocking operations.
//!
//! A handle is an `int`: 0 for what is complete, else the number of a list of transfers. An aggregate handle's list takes more transfers
//! until it is waited for. A null handle is implicit: `ARMCI_WaitProc` and `ARMCI_WaitAll` wait for it (and for all others).
//!
//! Invariant: a transfer is in one list exactly until it is known to be locally complete.

use crate::guard::profiled;
use crate::state::Armci;
use rma::Result;
use rma::transport::Token;
use std::collections::HashMap;
use std::ffi::c_int;

/// Implicit transfers are looked through whenever there are so many more.
const SWEEP: usize = 256;

/// A transfer to or from a world rank.
type Transfer = (c_int, Token);

/// What is under way.
#[derive(Default)]
pub(crate) struct Pending {
    implicit: Vec<Transfer>,
    explicit: HashMap<c_int, List>,
    last: c_int,
}

#[derive(Default)]
struct List {
    is_aggregate: bool,
    transfers: Vec<Transfer>,
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
    pub(crate) unsafe fn keep(
        &mut self,
        handle: *mut c_int,
        proc: c_int,
        tokens: impl IntoIterator<Item = Token>,
    ) -> Result<c_int> {
        let transfers = tokens.into_iter().filter(|token| *token != Token::DONE).map(|token| (proc, token));
        let pending = &mut self.pending;
        if handle.is_null() {
            pending.implicit.extend(transfers);
            if pending.implicit.len() >= SWEEP && pending.implicit.len().is_multiple_of(SWEEP) {
                self.sweep()?;
            }
            return Ok(0);
        }
        // SAFETY: the caller's promise. A handle that was never set may hold anything, which at worst is an aggregate's number.
        let number = unsafe { handle.read() };
        if let Some(list) = pending.explicit.get_mut(&number).filter(|list| list.is_aggregate) {
            list.transfers.extend(transfers);
            return Ok(0);
        }
        let transfers: Vec<Transfer> = transfers.collect();
        let number = if transfers.is_empty() { 0 } else { pending.open(false, transfers) };
        // SAFETY: the caller's promise.
        unsafe { handle.write(number) };
        Ok(0)
    }

    fn sweep(&mut self) -> Result<()> {
        let mut left = Vec::new();
        for (proc, token) in std::mem::take(&mut self.pending.implicit) {
            if !self.world.transport().test(token)? {
                left.push((proc, token));
            }
        }
        self.pending.implicit = left;
        Ok(())
    }

    /// # Safety
    /// `handle` may be read.
    unsafe fn wait_handle(&mut self, handle: *mut c_int) -> Result<c_int> {
        // SAFETY: the caller's promise.
        let number = unsafe { handle.read() };
        if let Some(list) = self.pending.explicit.remove(&number) {
            list.transfers.into_iter().try_for_each(|(_, token)| self.wait(token).map(drop))?;
        }
        Ok(0)
    }

    /// Not zero when complete.
    ///
    /// # Safety
    /// `handle` may be read.
    unsafe fn test_handle(&mut self, handle: *mut c_int) -> Result<c_int> {
        // SAFETY: the caller's promise.
        let number = unsafe { handle.read() };
        let Some(mut list) = self.pending.explicit.remove(&number) else { return Ok(1) };
        while let Some((proc, token)) = list.transfers.pop() {
            if !self.world.transport().test(token)? {
                list.transfers.push((proc, token));
                self.pending.explicit.insert(number, list);
                return Ok(0);
            }
        }
        Ok(1)
    }

    /// Waits for all transfers, or those of one rank.
    #[inline]
    pub(crate) fn wait_all(&mut self, proc: Option<c_int>) -> Result<c_int> {
        // Within a node that is so.
        if self.pending.implicit.is_empty() && self.pending.explicit.is_empty() {
            return Ok(0);
        }
        self.wait_some(proc)
    }

    fn wait_some(&mut self, proc: Option<c_int>) -> Result<c_int> {
        let mut transfers = std::mem::take(&mut self.pending.implicit);
        for list in self.pending.explicit.values_mut() {
            transfers.append(&mut list.transfers);
            // Those of other ranks stay where they belong.
            let (mine, others): (Vec<_>, Vec<_>) =
                transfers.drain(..).partition(|transfer| proc.is_none_or(|proc| proc == transfer.0));
            list.transfers = others;
            for (_, token) in mine {
                self.world.transport().wait(token)?;
            }
        }
        for (owner, token) in transfers {
            match proc {
                Some(proc) if proc != owner => self.pending.implicit.push((owner, token)),
                _ => drop(self.wait(token)?),
            }
        }
        self.pending.explicit.retain(|_, list| list.is_aggregate || !list.transfers.is_empty());
        Ok(0)
    }
}

impl Pending {
    fn open(&mut self, is_aggregate: bool, transfers: Vec<Transfer>) -> c_int {
        loop {
            self.last = if self.last == c_int::MAX { 1 } else { self.last + 1 };
            if !self.explicit.contains_key(&self.last) {
                self.explicit.insert(self.last, List { is_aggregate, transfers });
                return self.last;
            }
        }
    }

    fn aggregate(&mut self) -> c_int {
        self.open(true, Vec::new())
    }

    fn separate(&mut self, number: c_int) {
        if let Some(list) = self.explicit.get_mut(&number) {
            list.is_aggregate = false;
        }
    }
}

profiled! {
    ARMCI_Wait / PARMCI_Wait(handle: *mut c_int) -> c_int = |armci| armci.wait_handle(handle);
    ARMCI_Test / PARMCI_Test(handle: *mut c_int) -> c_int = |armci| armci.test_handle(handle);
    ARMCI_WaitAll / PARMCI_WaitAll() -> c_int = |armci| armci.wait_all(None);
    ARMCI_WaitProc / PARMCI_WaitProc(proc: c_int) -> c_int = |armci| armci.wait_all(Some(proc));
    ARMCI_SET_AGGREGATE_HANDLE / PARMCI_SET_AGGREGATE_HANDLE(handle: *mut c_int) =
        |armci| { handle.write(armci.pending.aggregate()); Ok(()) };
    ARMCI_UNSET_AGGREGATE_HANDLE / PARMCI_UNSET_AGGREGATE_HANDLE(handle: *mut c_int) =
        |armci| { armci.pending.separate(handle.read()); Ok(()) };
}
