//! The transport inside a node: every verb is done by the calling processor before it returns.
//!
//! World rank and node rank are the same while all ranks live on one node.

use super::{Amo, Capabilities, Remote, Rows, Token, Transport};
use crate::call::OpCode;
use crate::error::{Error, ErrorKind, Result};
use crate::stall::{Waiting, Watch};
use ::shm::atomics::AtomicInteger;
use ::shm::board::Record;
use ::shm::sync::{SpinPolicy, WaitContext};
use ::shm::{DType, Heap, accumulate, copy};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

/// Loads and stores on the node heap.
#[derive(Debug)]
pub(crate) struct Shm {
    heap: Arc<Heap>,
    watch: Arc<Watch>,
    policy: SpinPolicy,
    /// Whether peers' memory counts as mapped. If not, everything goes through the verbs, as it would between nodes.
    direct: bool,
}

impl Shm {
    pub(crate) fn new(heap: Arc<Heap>, watch: Arc<Watch>, policy: SpinPolicy, direct: bool) -> Shm {
        Shm { heap, watch, policy, direct }
    }

    fn address(&self, place: Remote) -> *mut u8 {
        self.heap.address(place.rank, place.offset)
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
        let is_mapped = self.direct || place.rank == self.heap.rank();
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
        let target = accumulate::Target { heap: &self.heap, rank: to.rank, offset: to.offset };
        let record = Record {
            op: OpCode::Accumulate as u32,
            team: 0,
            target: Some(to.rank as u32),
            sequence: 0,
            text: OpCode::Accumulate.name(),
            file: file!(),
            line: line!(),
        };
        let hook = Waiting::new(&self.watch, record);
        let context = WaitContext { hook: &hook, me: self.heap.rank() as u32, policy: self.policy };
        // SAFETY: the caller's promise on every row and on alpha.
        let done = unsafe {
            let (remote, local) = (rows.remote_strides, rows.local_strides);
            accumulate::accumulate_strided_dyn(
                target,
                dtype,
                remote,
                src,
                local,
                rows.counts,
                alpha,
                &context,
            )
        };
        let died = |e| Error::at(ErrorKind::Died, "accumulate", to.rank, format!("{e}"));
        done.map(|()| Token::DONE).map_err(died)
    }

    unsafe fn amo(&self, at: Remote, amo: Amo, len: usize, operand: u64, comparand: u64) -> Result<u64> {
        let target = self.address(at);
        // SAFETY: aligned and mapped by the caller's promise; other ranks access it atomically or race by their own fault.
        Ok(unsafe {
            match len {
                4 => apply(amo, target.cast::<i32>(), operand as i32, comparand as i32) as u32 as u64,
                _ => apply(amo, target.cast::<u64>(), operand, comparand),
            }
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

/// # Safety
/// As [`AtomicInteger::fetch_add`].
unsafe fn apply<T: AtomicInteger>(amo: Amo, target: *mut T, operand: T, comparand: T) -> T {
    // SAFETY: the caller's promise.
    unsafe {
        match amo {
            Amo::FetchAdd => T::fetch_add(target, operand),
            Amo::Swap => T::swap(target, operand),
            Amo::CompareSwap => T::compare_swap(target, comparand, operand),
        }
    }
}
