//! Handles of non-blocking operations.
//!
//! A handle is an `int`: 0 for what is complete, else the number of a list of transfers. An aggregate handle's list takes more transfers
//! until it is waited for. A null handle is implicit: `ARMCI_WaitProc` and `ARMCI_WaitAll` wait for it (and for all others).
//!
//! Invariant: a transfer is in one list exactly, from its start until somebody knows that it is locally complete; so who waits for it, by whichever
//! call and in whichever thread, returns no sooner. Nobody waits with the lock.

use rma::Result;
use rma::transport::{Token, Transport};
use std::collections::{HashMap, HashSet};
use std::ffi::c_int;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Implicit transfers are looked through whenever there are so many more.
const SWEEP: usize = 256;

/// A transfer to or from a world rank.
type Transfer = (c_int, Token);

/// What is under way.
#[derive(Default)]
pub(crate) struct Pending {
    lists: Mutex<Lists>,
    /// How many transfers without a handle and how many handles there are.
    count: AtomicUsize,
}

#[derive(Default)]
struct Lists {
    implicit: Vec<Transfer>,
    explicit: HashMap<c_int, List>,
    last: c_int,
}

#[derive(Default)]
struct List {
    is_aggregate: bool,
    transfers: Vec<Transfer>,
}

impl List {
    fn is_over(&self) -> bool {
        self.transfers.is_empty() && !self.is_aggregate
    }
}

impl Pending {
    /// Nothing is under way. Within a node that is always so, and costs no lock.
    #[inline(always)]
    fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    fn with<R>(&self, f: impl FnOnce(&mut Lists) -> R) -> R {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = f(&mut lists);
        self.count.store(lists.implicit.len() + lists.explicit.len(), Ordering::Relaxed);
        outcome
    }

    /// Leaves transfers to a handle.
    ///
    /// # Safety
    /// `handle` is null or may be read and written.
    #[inline(always)]
    pub(crate) unsafe fn keep(
        &self,
        transport: &dyn Transport,
        handle: *mut c_int,
        proc: c_int,
        tokens: &[Token],
    ) -> Result<c_int> {
        if self.is_empty() && tokens.iter().all(|token| *token == Token::DONE) {
            if !handle.is_null() {
                // SAFETY: the caller's promise.
                unsafe { handle.write(0) };
            }
            return Ok(0);
        }
        // SAFETY: the caller's promise.
        unsafe { self.enter(transport, handle, proc, tokens) }
    }

    /// # Safety
    /// As [`Pending::keep`].
    #[inline(never)]
    unsafe fn enter(
        &self,
        transport: &dyn Transport,
        handle: *mut c_int,
        proc: c_int,
        tokens: &[Token],
    ) -> Result<c_int> {
        let transfers = tokens.iter().filter(|token| **token != Token::DONE).map(|token| (proc, *token));
        self.with(|lists| {
            if handle.is_null() {
                lists.implicit.extend(transfers);
                if lists.implicit.len() >= SWEEP && lists.implicit.len().is_multiple_of(SWEEP) {
                    lists.sweep(transport)?;
                }
                return Ok(0);
            }
            // SAFETY: the caller's promise. A handle that was never set may hold anything, which at worst is an aggregate's number.
            let number = unsafe { handle.read() };
            if let Some(list) = lists.explicit.get_mut(&number).filter(|list| list.is_aggregate) {
                list.transfers.extend(transfers);
                return Ok(0);
            }
            let transfers: Vec<Transfer> = transfers.collect();
            let number = if transfers.is_empty() { 0 } else { lists.open(false, transfers) };
            // SAFETY: the caller's promise.
            unsafe { handle.write(number) };
            Ok(0)
        })
    }

    /// Waits for a handle's transfers.
    pub(crate) fn wait_handle(&self, transport: &dyn Transport, number: c_int) -> Result<c_int> {
        if self.is_empty() {
            return Ok(0);
        }
        let transfers = self.with(|lists| lists.explicit.get(&number).map(|list| list.transfers.clone()));
        let Some(transfers) = transfers else { return Ok(0) };
        wait_each(transport, &transfers)?;
        self.with(|lists| {
            let Some(list) = lists.explicit.get_mut(&number) else { return };
            // What other threads have added to an aggregate meanwhile stays.
            forget(&mut list.transfers, &transfers);
            if list.transfers.is_empty() {
                lists.explicit.remove(&number);
            }
        });
        Ok(0)
    }

    /// Not zero when complete.
    pub(crate) fn test_handle(&self, transport: &dyn Transport, number: c_int) -> Result<c_int> {
        if self.is_empty() {
            return Ok(1);
        }
        self.with(|lists| {
            let Some(list) = lists.explicit.get_mut(&number) else { return Ok(1) };
            while let Some((_, token)) = list.transfers.last() {
                if !transport.test(*token)? {
                    return Ok(0);
                }
                list.transfers.pop();
            }
            lists.explicit.remove(&number);
            Ok(1)
        })
    }

    /// Waits for all transfers, or those of one rank.
    #[inline]
    pub(crate) fn wait_all(&self, transport: &dyn Transport, proc: Option<c_int>) -> Result<c_int> {
        if self.is_empty() { Ok(0) } else { self.wait_some(transport, proc) }
    }

    fn wait_some(&self, transport: &dyn Transport, proc: Option<c_int>) -> Result<c_int> {
        let is_meant = |transfer: &&Transfer| proc.is_none_or(|proc| proc == transfer.0);
        let transfers: Vec<Transfer> = self.with(|lists| {
            let lists = lists.explicit.values().map(|list| &list.transfers).chain([&lists.implicit]);
            lists.flatten().filter(is_meant).copied().collect()
        });
        wait_each(transport, &transfers)?;
        self.with(|lists| {
            forget(&mut lists.implicit, &transfers);
            lists.explicit.values_mut().for_each(|list| forget(&mut list.transfers, &transfers));
            lists.explicit.retain(|_, list| !list.is_over());
        });
        Ok(0)
    }

    /// A handle that takes transfers until it is waited for.
    pub(crate) fn aggregate(&self) -> c_int {
        self.with(|lists| lists.open(true, Vec::new()))
    }

    /// Makes it one like others.
    pub(crate) fn separate(&self, number: c_int) {
        self.with(|lists| {
            if let Some(list) = lists.explicit.get_mut(&number) {
                list.is_aggregate = false;
            }
        });
    }
}

impl Lists {
    fn open(&mut self, is_aggregate: bool, transfers: Vec<Transfer>) -> c_int {
        loop {
            self.last = if self.last == c_int::MAX { 1 } else { self.last + 1 };
            if !self.explicit.contains_key(&self.last) {
                self.explicit.insert(self.last, List { is_aggregate, transfers });
                return self.last;
            }
        }
    }

    fn sweep(&mut self, transport: &dyn Transport) -> Result<()> {
        let mut left = Vec::new();
        for (proc, token) in std::mem::take(&mut self.implicit) {
            if !transport.test(token)? {
                left.push((proc, token));
            }
        }
        self.implicit = left;
        Ok(())
    }
}

fn wait_each(transport: &dyn Transport, transfers: &[Transfer]) -> Result<()> {
    transfers.iter().try_for_each(|(_, token)| transport.wait(*token))
}

/// Takes what is complete off a list.
fn forget(list: &mut Vec<Transfer>, done: &[Transfer]) {
    if list.is_empty() || list.as_slice() == done {
        return list.clear();
    }
    let done: HashSet<u64> = done.iter().map(|(_, token)| token.number()).collect();
    list.retain(|(_, token)| !done.contains(&token.number()));
}
