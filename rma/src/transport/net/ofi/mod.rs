//! The wire over libfabric: messages are sends to posted receives, writes and reads its remote memory access.
//!
//! One endpoint for everything, one completion queue. Messages are short (16 KiB) and are copied, so that they are over for their sender
//! at once; so are short writes. Writes ask for *delivery complete*: their completion means that they are visible at the target, so a flush
//! waits for those of its peer. The provider makes no progress of its own that we rely on: [`Wire::progress`] drives it.
//!
//! Where a provider wants local buffers registered, the slab and the node heap are registered once, and other buffers for one transfer:
//! providers keep a cache of their own of such registrations, which sees memory that is unmapped.
//!
//! Invariant: an operation's [`Op`] belongs to the library from the call that started it until its completion; slots of the slab are in
//! the same hands as their operation. What the completion queue reports as an error of a send or transfer means that the peer is lost.

mod bindings;
mod completion;
#[cfg(test)]
mod layout;
mod open;
#[cfg(test)]
mod tests;
mod transfer;

use std::collections::HashMap;
use std::ffi::c_void;
use std::os::fd::RawFd;
use std::ptr::null_mut;

use bindings::*;
use open::Objects;
use transfer::close_memory;

use super::wire::{Key, Limits, Result, Sent, Sink, Wire};

/// Longest message: what `ofi_rxm` sends eagerly.
const MESSAGE_LEN: usize = 16 << 10;
/// Receives that are posted, and copies that may wait for the network, at most.
const SLOTS: usize = 128;
/// Transfers that may be under way.
const TRANSFERS: usize = 512;
/// From this length on the remote memory access of a provider without an adapter is faster than our messages, which are copied.
const SOFTWARE_DIRECT_LEN: usize = 32 << 10;
/// Where neither is: from which length on each of many rows of one transfer is written by itself.
const SOFTWARE_DIRECT_ROW_LEN: usize = 32 << 10;
/// What the protocol above asks of one write or read, at most.
const LONGEST_TRANSFER: usize = super::keys::PIECE;
/// Completions taken from the queue at once.
const BATCH: usize = 16;

/// An operation in the library's hands; its address is the operation's context.
#[repr(C)]
struct Op {
    context: Context,
    what: What,
    peer: usize,
    tag: u64,
    /// Which of its peer's counts of writes it is in.
    generation: usize,
    /// Registration of the local buffer, for this operation only.
    memory: *mut Memory,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// Into this slot of the slab.
    Receive(usize),
    /// Out of this slot of the slab.
    Send(usize),
    /// A write out of this slot of the slab, locally complete from the start.
    Copied(usize),
    /// A read of so many bytes into this slot of the slab.
    Fetch(usize, usize),
    Write,
    Read,
}

/// A peer that was connected to.
struct Peer {
    address: u64,
    /// Writes that are not visible there yet: those since the last flush at `generation`, those before it at the other place.
    writes: [usize; 2],
    generation: usize,
    /// The flush that waits for the writes before it.
    flush: Option<u64>,
    /// Why a write failed.
    failed: Option<String>,
}

/// A peer's region.
#[derive(Clone, Copy)]
struct Import {
    key: u64,
    base: u64,
}

/// The wire over libfabric.
pub(crate) struct Ofi {
    api: Api,
    objects: Objects,
    address: Vec<u8>,
    names: String,
    memory_mode: i32,
    inject_len: usize,
    /// Longest message or transfer.
    most_len: usize,
    next_key: u64,
    peers: HashMap<usize, Peer>,
    /// Buffers for messages that come, then for those that go.
    slab: Box<[u8]>,
    /// Registration of the slab where the provider wants one.
    slab_memory: *mut Memory,
    /// Receives that the library had no room for.
    unposted: Vec<*mut Op>,
    /// What was in the library's hands when the endpoint was closed, and has not been told.
    discarded: Vec<*mut Op>,
    /// Why receives can't be posted any more, or nobody can be reached.
    fault: Option<String>,
    free_sends: Vec<*mut Op>,
    free_transfers: Vec<*mut Op>,
    transfers: usize,
    /// All operations, freed after the endpoint.
    ops: Vec<*mut Op>,
    /// This process's regions: first address, length, registration.
    regions: Vec<(usize, usize, *mut Memory)>,
    keys: Vec<Import>,
}

// SAFETY: the library's objects may be used by any thread, one at a time; the raw pointers are to memory of this wire alone.
unsafe impl Send for Ofi {}

impl std::fmt::Debug for Ofi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ofi")
            .field("names", &self.names)
            .field("peers", &self.peers.len())
            .finish_non_exhaustive()
    }
}

impl Ofi {
    /// Opens libfabric in this process, for about `peers` peers; an error says what is missing. With `has_sleepers` there is a descriptor
    /// to sleep on, which costs every message: providers wake it whether somebody sleeps or not.
    pub(crate) fn open(peers: usize, has_sleepers: bool) -> Result<Ofi> {
        let api = open::library()?;
        let info = open::provider(&api)?;
        // SAFETY: what the library offered is whole.
        let (memory_mode, inject_len, most_len, most_receives) = unsafe {
            let inject_len = (*(*info).tx_attr).inject_size;
            let most_len = (*(*info).ep_attr).max_msg_size;
            ((*(*info).domain_attr).mr_mode, inject_len, most_len, (*(*info).rx_attr).size)
        };
        let objects = Objects::open(&api, info, peers, has_sleepers)?;
        let receives = SLOTS.min(most_receives.max(1));
        let mut wire = Ofi {
            names: objects.names(),
            address: Vec::new(),
            memory_mode,
            inject_len,
            most_len,
            next_key: 1,
            peers: HashMap::new(),
            slab: vec![0; (receives + SLOTS) * MESSAGE_LEN].into(),
            slab_memory: null_mut(),
            unposted: Vec::new(),
            discarded: Vec::new(),
            fault: None,
            free_sends: Vec::new(),
            free_transfers: Vec::new(),
            transfers: 0,
            ops: Vec::new(),
            regions: Vec::new(),
            keys: Vec::new(),
            api,
            objects,
        };
        wire.address = wire.objects.address(&wire.api)?;
        if memory_mode & MR_LOCAL != 0 {
            let (base, len) = (wire.slab.as_mut_ptr(), wire.slab.len());
            // SAFETY: the slab lives until the endpoint is closed.
            wire.slab_memory = unsafe { wire.register_with(base, len, SEND | RECEIVE | WRITE | READ) }?;
        }
        for slot in 0..receives {
            let op = wire.new_op(What::Receive(slot));
            wire.unposted.push(op);
        }
        wire.post_receives();
        if let Some(why) = &wire.fault {
            return Err(why.clone());
        }
        for slot in receives..receives + SLOTS {
            let op = wire.new_op(What::Send(slot));
            wire.free_sends.push(op);
        }
        Ok(wire)
    }

    fn new_op(&mut self, what: What) -> *mut Op {
        let op = Op { context: Context::default(), what, peer: 0, tag: 0, generation: 0, memory: null_mut() };
        let op = Box::into_raw(Box::new(op));
        self.ops.push(op);
        op
    }

    fn slot(&mut self, index: usize) -> *mut u8 {
        self.slab[index * MESSAGE_LEN..][..MESSAGE_LEN].as_mut_ptr()
    }

    /// The library's handle of the slab, null if it wants none.
    fn slab_handle(&self) -> *mut c_void {
        // SAFETY: null, or a registration of ours.
        if self.slab_memory.is_null() { null_mut() } else { unsafe { (*self.slab_memory).mem_desc } }
    }

    /// Posts the receives that the library has room for. It makes room as it looks at its queue, in progress.
    fn post_receives(&mut self) {
        while let Some(op) = self.unposted.pop() {
            // SAFETY: the operation is ours until the library has it.
            let What::Receive(slot) = (unsafe { (*op).what }) else { continue };
            let (buffer, handle, endpoint) = (self.slot(slot), self.slab_handle(), self.objects.endpoint);
            // SAFETY: a live endpoint; buffer and operation stay until the completion.
            let code = unsafe {
                ((*(*endpoint).msg).recv)(endpoint, buffer.cast(), MESSAGE_LEN, handle, ANYBODY, op.cast())
            };
            if code == -EAGAIN {
                self.unposted.push(op);
                return;
            } else if code != 0 {
                self.fault = Some(format!("fi_recv: {}", self.api.explain(code as i32)));
            }
        }
    }

    /// What to send to needs: the peer, and receives for its answers.
    fn peer(&mut self, peer: usize) -> Result<&mut Peer> {
        if let Some(why) = &self.fault {
            return Err(why.clone());
        }
        self.peers.get_mut(&peer).ok_or_else(|| "not connected".to_owned())
    }
}

// SAFETY: libfabric touches the bytes that an operation names, until it reports the completion.
unsafe impl Wire for Ofi {
    fn name(&self) -> &'static str {
        "ofi"
    }

    fn speaks(&self) -> String {
        format!("ofi by {}", self.objects.speaks())
    }

    fn describe(&self) -> String {
        // SAFETY: takes nothing, returns a number.
        let version = unsafe { (self.api.fi_version)() };
        let file = self.api.library.file(c"fi_version").unwrap_or_default();
        let (major, minor, names) = (version >> 16, version & 0xffff, &self.names);
        let [inject, most] = [self.inject_len, self.most_len];
        format!(
            "libfabric {major}.{minor} ({file}), {names}, sends {inject} bytes inline, transfers up to {most}"
        )
    }

    fn limits(&self) -> Limits {
        // What the others call remote memory access is messages to a thread of the provider, or none at all.
        let is_rdma = ["cxi", "efa", "verbs", "opx"].iter().any(|name| self.names.starts_with(name));
        Limits {
            message_len: MESSAGE_LEN,
            is_rdma,
            direct_len: if is_rdma { 2048 } else { SOFTWARE_DIRECT_LEN },
            direct_row_len: if is_rdma { 2048 } else { SOFTWARE_DIRECT_ROW_LEN },
            lone_len: if is_rdma { usize::MAX } else { 1 },
        }
    }

    fn address(&self) -> &[u8] {
        &self.address
    }

    fn connect(&mut self, peer: usize, address: &[u8]) -> Result<()> {
        let vector = self.objects.addresses;
        let mut number = 0;
        // SAFETY: a live address vector; the address is what the peer's endpoint said; the result is written on success.
        let count = unsafe {
            ((*(*vector).ops).insert)(vector, address.as_ptr().cast(), 1, &mut number, 0, null_mut())
        };
        if count != 1 {
            return Err(format!("fi_av_insert: {}", self.api.explain(count)));
        }
        let entry = Peer { address: number, writes: [0; 2], generation: 0, flush: None, failed: None };
        self.peers.insert(peer, entry);
        Ok(())
    }

    unsafe fn send(
        &mut self,
        peer: usize,
        head: &[u8],
        body: *const u8,
        body_len: usize,
        _tag: u64,
    ) -> Result<Sent> {
        let (address, endpoint, len) =
            (self.peer(peer)?.address, self.objects.endpoint, head.len() + body_len);
        let Some(op) = self.free_sends.pop() else { return Ok(Sent::Full) };
        // SAFETY: the operation is ours until the library has it.
        let What::Send(slot) = (unsafe { (*op).what }) else { return Err("not a send".into()) };
        let (handle, buffer) = (self.slab_handle(), self.slot(slot));
        assert!(len <= MESSAGE_LEN, "a message of {len} bytes");
        // SAFETY: the slot holds the message, as was just checked; the body is readable by the caller's promise; slot and operation
        // stay until the completion, or are free again at once (inject).
        let code = unsafe {
            buffer.copy_from_nonoverlapping(head.as_ptr(), head.len());
            if body_len > 0 {
                buffer.add(head.len()).copy_from_nonoverlapping(body, body_len);
            }
            (*op).peer = peer;
            let message = &*(*endpoint).msg;
            if len <= self.inject_len {
                let code = (message.inject)(endpoint, buffer.cast(), len, address);
                self.free_sends.push(op);
                code
            } else {
                let code = (message.send)(endpoint, buffer.cast(), len, handle, address, op.cast());
                if code != 0 {
                    self.free_sends.push(op);
                }
                code
            }
        };
        match code {
            0 => Ok(Sent::Done),
            code if code == -EAGAIN => Ok(Sent::Full),
            code => Err(self.api.explain(code as i32)),
        }
    }

    unsafe fn register(&mut self, base: *mut u8, len: usize) -> Result<Vec<u8>> {
        if self.most_len < LONGEST_TRANSFER {
            return Err(format!("transfers of {} bytes at most are not worth it", self.most_len));
        }
        let access = REMOTE_READ | REMOTE_WRITE | READ | WRITE;
        // SAFETY: the caller's promise.
        let memory = unsafe { self.register_with(base, len, access) }?;
        // SAFETY: just made.
        let key = unsafe { (*memory).key };
        let origin = if self.memory_mode & MR_VIRT_ADDR != 0 { base as u64 } else { 0 };
        self.regions.push((base as usize, len, memory));
        let blob = [key.to_le_bytes(), origin.to_le_bytes()].concat();
        Ok(blob)
    }

    fn import(&mut self, _peer: usize, key: &[u8]) -> Result<Key> {
        let (words, []) = key.as_chunks::<8>() else { return Err("a memory key of a wrong length".into()) };
        let [key, base] = words else { return Err("a memory key of a wrong length".into()) };
        self.keys.push(Import { key: u64::from_le_bytes(*key), base: u64::from_le_bytes(*base) });
        Ok(Key(self.keys.len() as u32 - 1))
    }

    unsafe fn write(
        &mut self,
        peer: usize,
        key: Key,
        offset: u64,
        src: *const u8,
        len: usize,
        tag: u64,
    ) -> Result<Sent> {
        if len <= MESSAGE_LEN
            && let Some(op) = self.free_sends.pop()
        {
            // SAFETY: the caller's promise; the operation is one of the slab that is not in use.
            return unsafe { self.write_copy(op, peer, key, offset, src, len) };
        }
        // SAFETY: the caller's promise; a write only reads the local buffer.
        unsafe { self.transfer(What::Write, peer, key, offset, src.cast_mut(), len, tag) }
    }

    unsafe fn read(
        &mut self,
        peer: usize,
        key: Key,
        offset: u64,
        dst: *mut u8,
        len: usize,
        tag: u64,
    ) -> Result<Sent> {
        // SAFETY: the caller's promise.
        unsafe { self.transfer(What::Read, peer, key, offset, dst, len, tag) }
    }

    fn fetch(&mut self, peer: usize, key: Key, offset: u64, len: usize, tag: u64) -> Result<Sent> {
        let address = self.peer(peer)?.address;
        let Some(op) = self.free_sends.pop() else { return Ok(Sent::Full) };
        self.fetch_into(op, peer, address, key, offset, len, tag)
    }

    fn give_up(&mut self, peer: usize) {
        // SAFETY: operations of ours; the library doesn't change what they are.
        let is_of_caller =
            |op: *mut Op| unsafe { (*op).peer == peer && matches!((*op).what, What::Write | What::Read) };
        // What uses memory of ours may go on for ever.
        if self.in_flight().any(is_of_caller) {
            self.close_down(format!(
                "the connections were closed, since rank {peer} is lost in the middle of a transfer"
            ));
        }
    }

    fn flush(&mut self, peer: usize, tag: u64) -> Result<Sent> {
        let peer = self.peer(peer)?;
        if peer.flush.is_some() {
            return Ok(Sent::Full);
        }
        if peer.writes[peer.generation] == 0 {
            return Ok(Sent::Done);
        }
        peer.flush = Some(tag);
        peer.generation ^= 1;
        Ok(Sent::Started)
    }

    fn progress(&mut self, sink: &mut dyn Sink) -> bool {
        if self.objects.endpoint.is_null() {
            return self.tell_discarded(sink);
        }
        let queue = self.objects.queue;
        let mut entries: [QueueEntry; BATCH] =
            std::array::from_fn(|_| QueueEntry { op_context: null_mut(), flags: 0, len: 0 });
        // SAFETY: a live queue of this format; the array has room for BATCH entries.
        let count = unsafe { ((*(*queue).ops).read)(queue, entries.as_mut_ptr().cast(), BATCH) };
        let any = match count {
            1.. => {
                for entry in &entries[..count as usize] {
                    self.complete(entry.op_context.cast(), entry.len, Ok(()), sink);
                }
                true
            }
            code if code == -EAVAIL => {
                self.take_error(sink);
                true
            }
            _ => false,
        };
        self.post_receives();
        any
    }

    fn event_fd(&self) -> Option<RawFd> {
        self.objects.event_fd.filter(|_| !self.objects.endpoint.is_null())
    }

    fn arm(&mut self) -> Result<bool> {
        // After the endpoint nothing may be asked of what it was bound to.
        if self.objects.event_fd.is_none() || self.objects.endpoint.is_null() {
            return Ok(true);
        }
        let mut fid: *mut Fid = self.objects.queue.cast();
        // SAFETY: a live fabric and a list of one live queue.
        match unsafe { ((*(*self.objects.fabric).ops).trywait)(self.objects.fabric, &mut fid, 1) } {
            0 => Ok(true),
            code if code as isize == -EAGAIN => Ok(false),
            code => Err(self.api.explain(code)),
        }
    }
}

impl Drop for Ofi {
    fn drop(&mut self) {
        // An endpoint that registrations are bound to goes after them; else it goes first, as its operations use them.
        if self.memory_mode & MR_ENDPOINT == 0 {
            self.objects.close_endpoint();
        }
        for (_, _, memory) in self.regions.drain(..) {
            close_memory(memory);
        }
        close_memory(std::mem::replace(&mut self.slab_memory, null_mut()));
        for op in self.ops.drain(..) {
            // SAFETY: made by `new_op`, freed once; the endpoint that could use it is closed.
            close_memory(unsafe { Box::from_raw(op) }.memory);
        }
        self.objects.close(&self.api);
    }
}
