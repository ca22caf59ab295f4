//! The transport inside a node: every verb is done by the calling processor before it returns.
//!
//! It reaches the ranks of this node only; a place elsewhere given to a verb is a bug of the caller's.

use super::verbs::{Amo, Capabilities, Held, Remote, Rows, SignalUpdate, Token, Transport, apply_amo};
use crate::bell::bell;
use crate::call::OpCode;
use crate::cause::{Cause, Needs};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Layout;
use crate::stall::{Waiting, Watch};
use ::shm::atomics::Atomic;
use ::shm::sync::{Lock, SpinPolicy, WaitContext, WaitError};
use ::shm::{DType, Heap, accumulate, copy};
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

/// Loads and stores on the node heap.
#[derive(Debug)]
pub(crate) struct Shm {
    heap: Arc<Heap>,
    layout: Arc<Layout>,
    watch: Arc<Watch>,
    policy: SpinPolicy,
    /// Whether peers' memory counts as mapped. If not, everything goes through the verbs, as it would between nodes.
    direct: bool,
}

impl Shm {
    pub(crate) fn new(
        heap: Arc<Heap>,
        layout: Arc<Layout>,
        watch: Arc<Watch>,
        policy: SpinPolicy,
        direct: bool,
    ) -> Shm {
        Shm { heap, layout, watch, policy, direct }
    }

    fn address(&self, place: Remote) -> *mut u8 {
        self.heap.address(self.layout.index(place.rank), place.offset)
    }

    /// # Safety
    /// As [`Transport::lock`].
    unsafe fn lock_at(&self, place: Remote) -> &Lock {
        // SAFETY: a lock of a segment by the caller's promise, mapped as long as the heap; a lock is made of atomics.
        unsafe { &*self.address(place).cast::<Lock>() }
    }

    /// Runs `wait` with a context that says what is waited for.
    fn waiting<R>(
        &self,
        op: OpCode,
        rank: usize,
        caller: &'static Location<'static>,
        wait: impl FnOnce(&WaitContext<'_>) -> std::result::Result<R, WaitError>,
    ) -> Result<R> {
        let hook = Waiting::new(&self.watch, Cause::at(op, rank, caller, Needs::Owner));
        let me = self.layout.me() as u32;
        let context = WaitContext { hook: &hook, me, policy: self.policy };
        wait(&context).map_err(|e| Error::at(ErrorKind::Died, op.name(), rank, format!("{e}")))
    }
}

// SAFETY: each verb copies between the named places before it returns and keeps no pointer.
unsafe impl Transport for Shm {
    fn name(&self) -> &'static str {
        "shm"
    }

    fn capabilities(&self) -> Capabilities {
        let verbs = Capabilities::STRIDED.with(Capabilities::ACCUMULATE).with(Capabilities::ATOMICS);
        if self.direct { verbs.with(Capabilities::MAPPED) } else { verbs }
    }

    fn mapped(&self, place: Remote) -> Option<NonNull<u8>> {
        let is_mapped = match self.layout.local(place.rank) {
            Some(index) => self.direct || index == self.heap.rank(),
            None => false,
        };
        if is_mapped { NonNull::new(self.address(place)) } else { None }
    }

    unsafe fn put(&self, to: Remote, src: *const u8, len: usize) -> Result<Token> {
        // SAFETY: the caller's promise; a segment's memory is mapped as long as the heap.
        unsafe { copy::copy(self.address(to), src, len) };
        Ok(Token::DONE)
    }

    unsafe fn get(&self, from: Remote, dst: *mut u8, len: usize) -> Result<Token> {
        // SAFETY: as put.
        unsafe { copy::copy(dst, self.address(from), len) };
        Ok(Token::DONE)
    }

    unsafe fn put_strided(&self, to: Remote, rows: Rows<'_>, src: *const u8) -> Result<Token> {
        // SAFETY: as put, row by row.
        unsafe {
            copy::copy_strided(self.address(to), rows.remote_strides, src, rows.local_strides, rows.counts)
        };
        Ok(Token::DONE)
    }

    unsafe fn get_strided(&self, from: Remote, rows: Rows<'_>, dst: *mut u8) -> Result<Token> {
        // SAFETY: as put, row by row.
        unsafe {
            copy::copy_strided(dst, rows.local_strides, self.address(from), rows.remote_strides, rows.counts)
        };
        Ok(Token::DONE)
    }

    unsafe fn accumulate(
        &self,
        to: Remote,
        rows: Rows<'_>,
        dtype: DType,
        src: *const u8,
        alpha: *const u8,
    ) -> Result<Token> {
        let index = self.layout.index(to.rank);
        let target = accumulate::Target { heap: &self.heap, rank: index, offset: to.offset };
        let (remote, local) = (rows.remote_strides, rows.local_strides);
        self.waiting(OpCode::Accumulate, to.rank, Location::caller(), |context| {
            // SAFETY: the caller's promise on every row and on alpha.
            unsafe {
                accumulate::accumulate_strided_dyn(
                    target,
                    dtype,
                    remote,
                    src,
                    local,
                    rows.counts,
                    alpha,
                    context,
                )
            }
        })?;
        Ok(Token::DONE)
    }

    unsafe fn amo(&self, at: Remote, amo: Amo, len: usize, operand: u64, comparand: u64) -> Result<u64> {
        // SAFETY: aligned and mapped by the caller's promise; other ranks access it atomically or race by their own fault.
        Ok(unsafe { apply_amo(self.address(at), amo, len, operand, comparand) })
    }

    unsafe fn signal(&self, at: Remote, update: SignalUpdate) -> Result<()> {
        let word = self.address(at).cast::<u64>();
        // SAFETY: an aligned, mapped word of atomics by the caller's promise.
        unsafe {
            match update {
                SignalUpdate::Set(value) => u64::store_release(word, value),
                SignalUpdate::Add(value) => drop(u64::fetch_add(word, value)),
            }
        }
        bell(&self.heap, self.layout.index(at.rank)).add(1);
        Ok(())
    }

    unsafe fn lock(&self, at: Remote, wait: bool, caller: &'static Location<'static>) -> Result<Held> {
        let me = self.layout.me();
        // SAFETY: the caller's promise.
        let lock = unsafe { self.lock_at(at) };
        if lock.try_lock(me as u32) {
            return Ok(Held::Done);
        }
        match lock.owner() {
            Some(owner) if !wait || owner as usize == me => Ok(Held::By(owner as usize)),
            None if !wait => Ok(Held::Free),
            _ => {
                self.waiting(OpCode::Lock, at.rank, caller, |context| lock.lock(context)).map(|()| Held::Done)
            }
        }
    }

    unsafe fn unlock(&self, at: Remote) -> Result<Held> {
        let me = self.layout.me() as u32;
        // SAFETY: the caller's promise.
        let lock = unsafe { self.lock_at(at) };
        Ok(match lock.owner() {
            Some(owner) if owner == me => {
                lock.unlock(me);
                Held::Done
            }
            Some(owner) => Held::By(owner as usize),
            None => Held::Free,
        })
    }

    fn test(&self, _token: Token) -> Result<bool> {
        Ok(true)
    }

    fn wait(&self, _token: Token) -> Result<()> {
        Ok(())
    }

    fn fence(&self, _rank: usize) -> Result<()> {
        fence(Ordering::SeqCst);
        Ok(())
    }

    fn fence_all(&self) -> Result<()> {
        fence(Ordering::SeqCst);
        Ok(())
    }
}
