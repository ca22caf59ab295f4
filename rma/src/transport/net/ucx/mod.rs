//! The wire over UCX: messages are UCP's active messages, writes and reads its put and get.
//!
//! One context, one worker, an endpoint for each peer that was connected to. A short message is copied, so that it is over for
//! its sender at once; the body of a longer one is sent from where it lies. Peers that vanish are noticed by UCP (a closed
//! connection, keepalive); what is still queued when a wire is dropped is lost, so a protocol ends with its own farewell.
//!
//! Invariant: UCP is called by one thread at a time (`&mut self`, worker mode *serialized*), and everything it holds a pointer
//! to (operations, links, `Shared`) is freed after the worker.

mod bindings;
#[cfg(test)]
mod layout;
mod open;
mod ops;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::{CStr, c_void};
use std::os::fd::RawFd;
use std::ptr::{null, null_mut};
use std::time::{Duration, Instant};

use bindings::*;
use ops::{Link, Op, Shared};

use super::wire::{Key, Limits, Result, Sent, Sink, Wire};

/// Number of our active message among those of the worker, which is ours alone.
const MESSAGE_ID: u32 = 0;
/// Longest head.
const HEAD_LEN: usize = 256;
/// Longest message that is copied: with UCP's own headers it fits into one segment of TCP's 8 KiB, which goes out at once.
const COPY_LEN: usize = 8064;
/// Copies that may wait for the network.
const COPIES: usize = 256;
/// Other operations that may be under way.
const IN_FLIGHT: usize = 1024;
/// Longest message. TCP's receivers have segments of 64 KiB, headers included; up to there a message is one system call on either
/// side, and the longer the faster: 1.0, 1.5, 2.4, 3.3 GB/s at 8, 16, 32, 64 KiB.
const MESSAGE_LEN: usize = (64 << 10) - 128;
/// How long a drop waits for endpoints to close.
const CLOSING: Duration = Duration::from_millis(200);

/// The wire over UCX.
pub(crate) struct Ucx {
    shared: *mut Shared,
    context: Context,
    address: Vec<u8>,
    event_fd: Option<RawFd>,
    /// Transports with their devices, if they can be told.
    devices: Option<Vec<String>>,
    peers: HashMap<usize, Peer>,
    regions: Vec<Memory>,
    keys: Vec<Import>,
}

/// A peer that was connected to.
struct Peer {
    /// Null once it broke.
    endpoint: Endpoint,
    /// Freed after the worker.
    link: *mut Link,
}

/// A peer's region.
#[derive(Clone, Copy)]
struct Import {
    key: RemoteKey,
    base: u64,
}

// SAFETY: the worker may be used by any thread, one at a time; the raw pointers are to memory of this wire alone.
unsafe impl Send for Ucx {}

impl std::fmt::Debug for Ucx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ucx")
            .field("devices", &self.devices)
            .field("peers", &self.peers.len())
            .finish_non_exhaustive()
    }
}

impl Ucx {
    /// Opens UCX in this process, for about `peers` peers; an error says what is missing.
    pub(crate) fn open(peers: usize) -> Result<Ucx> {
        let api = open::library()?;
        let context = open::context(&api, peers)?;
        let worker = open::worker(&api, context).inspect_err(|_| {
            // SAFETY: made above, and nothing was made of it.
            unsafe { (api.ucp_cleanup)(context) }
        })?;
        let devices = open::devices(&api, context);
        let event_fd = open::event_fd(&api, worker);
        let shared = Box::into_raw(Box::new(Shared::new(api, worker)));
        // From here on the drop cleans up.
        let mut wire = Ucx {
            shared,
            context,
            address: Vec::new(),
            event_fd,
            devices,
            peers: HashMap::new(),
            regions: Vec::new(),
            keys: Vec::new(),
        };
        open::listen(wire.api(), worker, MESSAGE_ID, ops::arrived, shared.cast())?;
        wire.address = open::address(wire.api(), worker)?;
        if wire.devices.as_ref().is_some_and(Vec::is_empty) {
            return Err("UCX finds no network device".to_owned());
        }
        Ok(wire)
    }

    fn version(&self) -> Cow<'_, str> {
        // SAFETY: the answer is a static string.
        unsafe { CStr::from_ptr((self.api().ucp_get_version_string)()) }.to_string_lossy()
    }

    fn api(&self) -> &Api {
        // SAFETY: `shared` lives as long as the wire, and its `api` is never written.
        unsafe { &(*self.shared).api }
    }

    fn worker(&self) -> Worker {
        // SAFETY: as above.
        unsafe { (*self.shared).worker }
    }

    fn endpoint(&self, peer: usize) -> Result<Endpoint> {
        match self.peers.get(&peer) {
            Some(peer) if !peer.endpoint.is_null() => Ok(peer.endpoint),
            Some(_) => Err("the connection is broken".to_owned()),
            None => Err("not connected".to_owned()),
        }
    }

    /// Starts an operation whose end is reported with `tag`.
    fn start(&mut self, tag: u64, begin: impl FnOnce(&Api, &OpParams) -> StatusPtr) -> Result<Sent> {
        // SAFETY: no reference to `Shared` is held elsewhere.
        let Some(op) = (unsafe { (*self.shared).plain.take(self.shared, false) }) else {
            return Ok(Sent::Full);
        };
        // SAFETY: the operation is ours until UCP has it.
        unsafe { (*op).tag = Some(tag) };
        let begun = begin(self.api(), &params(op));
        self.begun(op, begun)
    }

    /// How an operation of the plain pool got on.
    fn begun(&mut self, op: *mut Op, begun: StatusPtr) -> Result<Sent> {
        let begun = Begun::from(begun);
        if !matches!(begun, Begun::Request(_)) {
            // SAFETY: UCP has not kept the operation. No reference to `Shared` is held elsewhere.
            unsafe { (*self.shared).plain.give(op) };
        }
        match begun {
            Begun::Complete => Ok(Sent::Done),
            Begun::Request(_) => Ok(Sent::Started),
            Begun::Failed(NO_RESOURCE) => Ok(Sent::Full),
            Begun::Failed(status) => Err(self.api().explain(status)),
        }
    }

    /// Sends a short message out of a copy.
    ///
    /// # Safety
    /// `body` is readable.
    unsafe fn send_copy(
        &mut self,
        endpoint: Endpoint,
        head: &[u8],
        body: *const u8,
        body_len: usize,
    ) -> Result<Sent> {
        // SAFETY: no reference to `Shared` is held elsewhere.
        let Some(op) = (unsafe { (*self.shared).copies.take(self.shared, true) }) else {
            return Ok(Sent::Full);
        };
        // SAFETY: the operation is ours; its buffer holds COPY_LEN bytes, and the caller has checked that they suffice.
        let begun = unsafe {
            let copy = (*op).bytes.as_mut_ptr();
            copy.copy_from_nonoverlapping(head.as_ptr(), head.len());
            if body_len > 0 {
                copy.add(head.len()).copy_from_nonoverlapping(body, body_len);
            }
            let len = head.len() + body_len;
            (self.api().ucp_am_send_nbx)(endpoint, MESSAGE_ID, null(), 0, copy.cast(), len, &params(op))
        };
        let begun = Begun::from(begun);
        if !matches!(begun, Begun::Request(_)) {
            // SAFETY: as in `begun`.
            unsafe { (*self.shared).copies.give(op) };
        }
        match begun {
            Begun::Complete | Begun::Request(_) => Ok(Sent::Done),
            Begun::Failed(NO_RESOURCE) => Ok(Sent::Full),
            Begun::Failed(status) => Err(self.api().explain(status)),
        }
    }

    /// Closes endpoints that have failed; their operations end with an error on the way.
    fn bury(&mut self) -> bool {
        let mut any = false;
        // SAFETY: no reference to `Shared` is held elsewhere, here and below.
        while let Some((peer, status)) = unsafe { (*self.shared).failed.pop() } {
            if self.part_with(peer) {
                // SAFETY: as above.
                unsafe { (*self.shared).broken(peer, status) };
                any = true;
            }
        }
        any
    }

    /// Closes the endpoint to a peer, if there is one: UCP ends its operations with an error.
    fn part_with(&mut self, peer: usize) -> bool {
        let Some(entry) = self.peers.get_mut(&peer) else { return false };
        let endpoint = std::mem::replace(&mut entry.endpoint, null_mut());
        if endpoint.is_null() {
            return false;
        }
        if let Begun::Request(request) = self.close(endpoint) {
            // SAFETY: a request of ours; UCP reuses it when it is over.
            unsafe { (self.api().ucp_request_free)(request) };
        }
        true
    }

    fn close(&self, endpoint: Endpoint) -> Begun {
        let params = OpParams { mask: OP_FLAGS, flags: CLOSE_FORCE, ..OpParams::zeroed() };
        // SAFETY: a live endpoint, not used after this.
        Begun::from(unsafe { (self.api().ucp_ep_close_nbx)(endpoint, &params) })
    }
}

/// Parameters of an operation that ends in [`ops::finished`]. It is one of many: newer versions would else have every message
/// sent from where it lies, and completed later.
fn params(op: *mut Op) -> OpParams {
    OpParams {
        mask: OP_CALLBACK | OP_DATA | OP_MULTI,
        callback: ops::finished as SendCallback as *const c_void,
        data: op.cast(),
        ..OpParams::zeroed()
    }
}

// SAFETY: UCP touches the bytes that the parameters name, until it completes the operation.
unsafe impl Wire for Ucx {
    fn name(&self) -> &'static str {
        "ucx"
    }

    /// Major and minor version, too: between minor versions UCX has changed what it puts into addresses and messages.
    fn speaks(&self) -> String {
        let version = self.version();
        let minor = version.match_indices('.').nth(1).map_or(version.len(), |(at, _)| at);
        format!("ucx {}", &version[..minor])
    }

    fn describe(&self) -> String {
        let version = self.version();
        let file = self.api().library.file(c"ucp_get_version_string").unwrap_or_default();
        let devices =
            self.devices.as_ref().map_or_else(|| "devices unknown".to_owned(), |devices| devices.join(" "));
        format!("UCX {version} ({file}), {devices}")
    }

    fn limits(&self) -> Limits {
        let is_rdma = |device: &String| device.starts_with("rc") || device.starts_with("dc");
        let is_rdma =
            self.devices.as_ref().map_or_else(open::has_adapter, |devices| devices.iter().any(is_rdma));
        let direct_len = if is_rdma { 2048 } else { usize::MAX };
        Limits {
            message_len: MESSAGE_LEN,
            is_rdma,
            direct_len,
            direct_row_len: direct_len,
            lone_len: usize::MAX,
        }
    }

    fn address(&self) -> &[u8] {
        &self.address
    }

    fn connect(&mut self, peer: usize, address: &[u8]) -> Result<()> {
        let link = Box::into_raw(Box::new(Link { shared: self.shared, peer }));
        let params = EndpointParams {
            mask: EP_ADDRESS | EP_ERROR_MODE | EP_ERROR_HANDLER,
            address: address.as_ptr().cast(),
            error_mode: ERROR_MODE_PEER,
            error_callback: Some(ops::broke),
            error_data: link.cast(),
            ..EndpointParams::zeroed()
        };
        let mut endpoint: Endpoint = null_mut();
        // SAFETY: a live worker; address and parameters live through the call; the link lives as long as the worker.
        let status = unsafe { (self.api().ucp_ep_create)(self.worker(), &params, &mut endpoint) };
        // Kept also on failure, when UCP should not, but might, still know of it.
        self.peers.insert(peer, Peer { endpoint, link });
        self.api().check("ucp_ep_create", status)
    }

    unsafe fn send(
        &mut self,
        peer: usize,
        head: &[u8],
        body: *const u8,
        body_len: usize,
        tag: u64,
    ) -> Result<Sent> {
        let endpoint = self.endpoint(peer)?;
        if head.len() + body_len <= COPY_LEN {
            // SAFETY: the caller's promise.
            return unsafe { self.send_copy(endpoint, head, body, body_len) };
        }
        // SAFETY: no reference to `Shared` is held elsewhere.
        let Some(op) = (unsafe { (*self.shared).plain.take(self.shared, false) }) else {
            return Ok(Sent::Full);
        };
        // SAFETY: the operation is ours until UCP has it; it holds a head of HEAD_LEN bytes, which slicing checks. The body is
        // readable until completion by the caller's promise.
        let begun = unsafe {
            let Op { tag: its_tag, bytes, .. } = &mut *op;
            *its_tag = Some(tag);
            bytes[..head.len()].copy_from_slice(head);
            let (kept, api) = (bytes.as_ptr().cast(), self.api());
            (api.ucp_am_send_nbx)(endpoint, MESSAGE_ID, kept, head.len(), body.cast(), body_len, &params(op))
        };
        self.begun(op, begun)
    }

    unsafe fn register(&mut self, base: *mut u8, len: usize) -> Result<Vec<u8>> {
        let params =
            MapParams { mask: MAP_ADDRESS | MAP_LENGTH, address: base.cast(), len, ..MapParams::zeroed() };
        let mut memory: Memory = null_mut();
        // SAFETY: the caller keeps the memory mapped; the result is written on success.
        let status = unsafe { (self.api().ucp_mem_map)(self.context, &params, &mut memory) };
        self.api().check("ucp_mem_map", status)?;
        let (mut packed, mut packed_len) = (null_mut(), 0);
        let status =
            // SAFETY: mapped above; the results are written on success.
            unsafe { (self.api().ucp_rkey_pack)(self.context, memory, &mut packed, &mut packed_len) };
        self.api().check("ucp_rkey_pack", status).inspect_err(|_| {
            // SAFETY: mapped above, known to nobody.
            unsafe { (self.api().ucp_mem_unmap)(self.context, memory) };
        })?;
        let mut key = (base as u64).to_le_bytes().to_vec();
        // SAFETY: the packed key has that many bytes, and is released once.
        unsafe {
            key.extend_from_slice(std::slice::from_raw_parts(packed.cast::<u8>(), packed_len));
            (self.api().ucp_rkey_buffer_release)(packed);
        }
        self.regions.push(memory);
        Ok(key)
    }

    fn import(&mut self, peer: usize, key: &[u8]) -> Result<Key> {
        let endpoint = self.endpoint(peer)?;
        let (base, packed) = key.split_first_chunk::<8>().ok_or("a remote key that is too short")?;
        let mut key: RemoteKey = null_mut();
        // SAFETY: a live endpoint; the bytes are what the peer's `register` packed; the result is written on success.
        let status = unsafe { (self.api().ucp_ep_rkey_unpack)(endpoint, packed.as_ptr().cast(), &mut key) };
        self.api().check("ucp_ep_rkey_unpack", status)?;
        self.keys.push(Import { key, base: u64::from_le_bytes(*base) });
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
        let endpoint = self.endpoint(peer)?;
        let Import { key, base } = self.keys[key.0 as usize];
        self.start(tag, |api, params| {
            // SAFETY: a live endpoint and its key; the caller keeps `src` readable, and names a range inside the region.
            unsafe { (api.ucp_put_nbx)(endpoint, src.cast(), len, base + offset, key, params) }
        })
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
        let endpoint = self.endpoint(peer)?;
        let Import { key, base } = self.keys[key.0 as usize];
        self.start(tag, |api, params| {
            // SAFETY: as in `write`, with `dst` writable and nobody else's.
            unsafe { (api.ucp_get_nbx)(endpoint, dst.cast(), len, base + offset, key, params) }
        })
    }

    fn give_up(&mut self, peer: usize) {
        self.part_with(peer);
    }

    fn flush(&mut self, peer: usize, tag: u64) -> Result<Sent> {
        let endpoint = self.endpoint(peer)?;
        self.start(tag, |api, params| {
            // SAFETY: a live endpoint.
            unsafe { (api.ucp_ep_flush_nbx)(endpoint, params) }
        })
    }

    fn progress(&mut self, sink: &mut dyn Sink) -> bool {
        // SAFETY: no reference to `Shared` is held elsewhere, nor across the calls between `meet` and `part`.
        let was_late = unsafe { (*self.shared).meet(sink) };
        // SAFETY: a live worker, used by this thread alone.
        let has_moved = unsafe { (self.api().ucp_worker_progress)(self.worker()) } != 0;
        let has_broken = self.bury();
        // SAFETY: as above.
        unsafe { (*self.shared).part() };
        was_late || has_moved || has_broken
    }

    fn event_fd(&self) -> Option<RawFd> {
        self.event_fd
    }

    fn arm(&mut self) -> Result<bool> {
        // SAFETY: a live worker.
        match unsafe { (self.api().ucp_worker_arm)(self.worker()) } {
            BUSY => Ok(false),
            status => self.api().check("ucp_worker_arm", status).map(|()| true),
        }
    }
}

impl Drop for Ucx {
    /// Closes what is open, by force, and waits for that a short while only: a peer that is gone doesn't answer.
    fn drop(&mut self) {
        let deadline = Instant::now() + CLOSING;
        let open: Vec<Endpoint> =
            self.peers.values().map(|peer| peer.endpoint).filter(|ep| !ep.is_null()).collect();
        let closing: Vec<Begun> = open.into_iter().map(|endpoint| self.close(endpoint)).collect();
        for begun in closing {
            let Begun::Request(request) = begun else { continue };
            // SAFETY: a live worker and a request of ours, given back once.
            unsafe {
                while (self.api().ucp_request_check_status)(request) == IN_PROGRESS
                    && Instant::now() < deadline
                {
                    (self.api().ucp_worker_progress)(self.worker());
                }
                (self.api().ucp_request_free)(request);
            }
        }
        // SAFETY: endpoints are closed, so no operation uses keys or regions; the worker goes before the links and `Shared`,
        // which its callbacks name, and before the context it is made of.
        unsafe {
            for import in &self.keys {
                (self.api().ucp_rkey_destroy)(import.key);
            }
            for memory in self.regions.drain(..) {
                ((*self.shared).api.ucp_mem_unmap)(self.context, memory);
            }
            (self.api().ucp_worker_destroy)(self.worker());
            (self.api().ucp_cleanup)(self.context);
            for peer in self.peers.values() {
                drop(Box::from_raw(peer.link));
            }
            drop(Box::from_raw(self.shared));
        }
    }
}
