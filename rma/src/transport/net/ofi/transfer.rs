//! Writes and reads of a peer's memory, and what memory has to be registered for them.
//!
//! Invariant: a registration made for one transfer is kept in its operation, and closed with its completion or when it could not be
//! started.

use super::bindings::*;
use super::{Import, MESSAGE_LEN, Ofi, Op, TRANSFERS, What};
use crate::transport::net::wire::{Key, Result, Sent};
use std::ffi::c_void;
use std::ptr::null_mut;

impl Ofi {
    /// # Safety
    /// The memory stays mapped until the registration is closed.
    pub(super) unsafe fn register_with(
        &mut self,
        base: *mut u8,
        len: usize,
        access: u64,
    ) -> Result<*mut Memory> {
        let key = self.next_key;
        self.next_key += 1;
        let mut memory = null_mut();
        // SAFETY: a live domain; the caller's promise; the result is written on success.
        unsafe {
            let domain = self.objects.domain;
            let register = (*(*domain).mr).reg;
            let code = register(domain.cast(), base.cast(), len, access, 0, key, 0, &mut memory, null_mut());
            self.api.check("fi_mr_reg", code)?;
            if self.memory_mode & MR_ENDPOINT != 0 {
                let fid = memory.cast::<Fid>();
                let ops = &*(*fid).ops;
                let bound = match (ops.bind)(fid, self.objects.endpoint.cast(), 0) {
                    0 => (ops.control)(fid, ENABLE, null_mut()),
                    code => code,
                };
                self.api.check("fi_mr_enable", bound).inspect_err(|_| close_memory(memory))?;
            }
        }
        Ok(memory)
    }

    /// Starts a write or a read.
    ///
    /// # Safety
    /// As [`Wire::write`] or [`Wire::read`].
    #[expect(clippy::too_many_arguments, reason = "those of the trait's functions, and which of them it is")]
    pub(super) unsafe fn transfer(
        &mut self,
        what: What,
        peer: usize,
        key: Key,
        offset: u64,
        local: *mut u8,
        len: usize,
        tag: u64,
    ) -> Result<Sent> {
        let entry = self.peer(peer)?;
        let (address, generation) = (entry.address, entry.generation);
        if self.free_transfers.is_empty() {
            if self.transfers == TRANSFERS {
                return Ok(Sent::Full);
            }
            self.transfers += 1;
            let op = self.new_op(what);
            self.free_transfers.push(op);
        }
        let (mut memory, start) = (null_mut(), local as usize);
        let known = self.regions.iter().find(|(base, size, _)| *base <= start && start + len <= base + size);
        // SAFETY: a registration of ours.
        let mut handle = known.map_or(null_mut(), |(_, _, region)| unsafe { (**region).mem_desc });
        if self.memory_mode & MR_LOCAL != 0 && known.is_none() {
            let access = if what == What::Write { WRITE } else { READ };
            // SAFETY: the caller keeps the buffer until completion, when the registration is closed.
            memory = unsafe { self.register_with(local, len, access) }?;
            // SAFETY: just made.
            handle = unsafe { (*memory).mem_desc };
        }
        let Some(op) = self.free_transfers.pop() else { return Ok(Sent::Full) };
        let Import { key, base } = self.keys[key.0 as usize];
        let endpoint = self.objects.endpoint;
        // SAFETY: the operation is ours until the library has it; a live endpoint; the caller's promise on both sides.
        let code = unsafe {
            ((*op).what, (*op).peer, (*op).tag, (*op).memory) = (what, peer, tag, memory);
            (*op).generation = generation;
            if what == What::Read {
                ((*(*endpoint).rma).read)(
                    endpoint,
                    local.cast(),
                    len,
                    handle,
                    address,
                    base + offset,
                    key,
                    op.cast(),
                )
            } else {
                let there = RmaVector { addr: base + offset, len, key };
                self.write_from(op, address, local, handle, there)
            }
        };
        if code == 0 {
            if what == What::Write {
                self.peer(peer)?.writes[generation] += 1;
            }
            return Ok(Sent::Started);
        }
        close_memory(memory);
        self.free_transfers.push(op);
        if code == -EAGAIN { Ok(Sent::Full) } else { Err(self.api.explain(code as i32)) }
    }

    /// Starts a write out of a copy in the slot of `op`, which is locally complete at once.
    ///
    /// # Safety
    /// As [`Wire::write`]; nobody uses the operation; `len` is at most that of a slot.
    pub(super) unsafe fn write_copy(
        &mut self,
        op: *mut Op,
        peer: usize,
        key: Key,
        offset: u64,
        src: *const u8,
        len: usize,
    ) -> Result<Sent> {
        let handle = self.slab_handle();
        let Import { key, base } = self.keys[key.0 as usize];
        let there = RmaVector { addr: base + offset, len, key };
        // SAFETY: the caller's promise.
        let slot = unsafe { (*op).what };
        let entry = self.peer(peer).map(|entry| (entry.address, entry.generation));
        let (Ok((address, generation)), What::Send(index)) = (&entry, slot) else {
            self.free_sends.push(op);
            return entry.map(|_| Sent::Full);
        };
        let buffer = self.slot(index);
        // SAFETY: the caller's promise on both sides; slot and operation stay until the completion.
        let code = unsafe {
            buffer.copy_from_nonoverlapping(src, len);
            ((*op).what, (*op).peer, (*op).generation) = (What::Copied(index), peer, *generation);
            self.write_from(op, *address, buffer, handle, there)
        };
        if code == 0 {
            self.peer(peer)?.writes[*generation] += 1;
            return Ok(Sent::Done);
        }
        // SAFETY: the library has not kept it.
        unsafe { (*op).what = slot };
        self.free_sends.push(op);
        if code == -EAGAIN { Ok(Sent::Full) } else { Err(self.api.explain(code as i32)) }
    }

    /// Starts a read into the slot of `op`, which nobody uses.
    #[expect(clippy::too_many_arguments, reason = "those of the trait's function, its operation and address")]
    pub(super) fn fetch_into(
        &mut self,
        op: *mut Op,
        peer: usize,
        address: u64,
        key: Key,
        offset: u64,
        len: usize,
        tag: u64,
    ) -> Result<Sent> {
        let (handle, endpoint) = (self.slab_handle(), self.objects.endpoint);
        let Import { key, base } = self.keys[key.0 as usize];
        // SAFETY: an operation of the slab.
        let What::Send(slot) = (unsafe { (*op).what }) else { return Err("not a slot".into()) };
        let buffer = self.slot(slot);
        assert!(len <= MESSAGE_LEN, "a fetch of {len} bytes");
        // SAFETY: the operation is ours until the library has it; a live endpoint; slot and operation stay until the completion.
        let code = unsafe {
            ((*op).what, (*op).peer, (*op).tag) = (What::Fetch(slot, len), peer, tag);
            let read = (*(*endpoint).rma).read;
            read(endpoint, buffer.cast(), len, handle, address, base + offset, key, op.cast())
        };
        if code == 0 {
            return Ok(Sent::Started);
        }
        // SAFETY: the library has not kept it.
        unsafe { (*op).what = What::Send(slot) };
        self.free_sends.push(op);
        if code == -EAGAIN { Ok(Sent::Full) } else { Err(self.api.explain(code as i32)) }
    }

    /// Gives a write to the library: the code that it answers.
    ///
    /// # Safety
    /// The operation and what it names on both sides are the library's until its completion.
    unsafe fn write_from(
        &self,
        op: *mut Op,
        address: u64,
        local: *mut u8,
        mut handle: *mut c_void,
        there: RmaVector,
    ) -> isize {
        let vector = libc::iovec { iov_base: local.cast(), iov_len: there.len };
        let message = RmaMessage {
            msg_iov: &vector,
            desc: &mut handle,
            iov_count: 1,
            addr: address,
            rma_iov: &there,
            rma_iov_count: 1,
            context: op.cast(),
            data: 0,
        };
        let endpoint = self.objects.endpoint;
        // SAFETY: a live endpoint, and the caller's promise.
        unsafe { ((*(*endpoint).rma).writemsg)(endpoint, &message, COMPLETION | DELIVERY_COMPLETE) }
    }
}

pub(super) fn close_memory(memory: *mut Memory) {
    if !memory.is_null() {
        let fid = memory.cast::<Fid>();
        // SAFETY: a registration of ours, closed once.
        unsafe { ((*(*fid).ops).close)(fid) };
    }
}
