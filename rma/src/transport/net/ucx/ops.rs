//! Operations under way, and the callbacks through which UCP says how they ended.
//!
//! Invariant: a callback reaches the wire only through its [`Op`], [`Link`] or [`Arrival`], and those through the raw pointer to
//! [`Shared`]; nobody holds a reference to `Shared` or to an `Op` across a call into UCP.

use std::ffi::c_void;

use super::bindings::*;
use crate::transport::net::wire::Sink;

/// What the wire and UCP's callbacks have in common.
pub(super) struct Shared {
    pub(super) api: Api,
    pub(super) worker: Worker,
    /// Who listens: set while `progress` runs.
    sink: Option<*mut dyn Sink>,
    /// What happened while nobody listened.
    unheard: Vec<Event>,
    /// Peers whose endpoint has failed and is still open.
    pub(super) failed: Vec<(usize, Status)>,
    pub(super) plain: Pool,
    pub(super) copies: Pool,
}

/// Something a sink is to hear.
enum Event {
    Message(Vec<u8>),
    Done(u64, Status),
    Broken(usize, Status),
}

impl Shared {
    pub(super) fn new(api: Api, worker: Worker) -> Shared {
        Shared {
            api,
            worker,
            sink: None,
            unheard: Vec::new(),
            failed: Vec::new(),
            plain: Pool::new(super::HEAD_LEN, super::IN_FLIGHT),
            copies: Pool::new(super::COPY_LEN, super::COPIES),
        }
    }

    /// Tells `sink` what it missed, and has it hear everything until [`Shared::part`]. Returns whether there was anything.
    pub(super) fn meet(&mut self, sink: &mut dyn Sink) -> bool {
        let unheard = std::mem::take(&mut self.unheard);
        let any = !unheard.is_empty();
        for event in unheard {
            match event {
                Event::Message(bytes) => sink.message(&bytes, &[]),
                Event::Done(tag, status) => sink.done(tag, self.outcome(status)),
                Event::Broken(peer, status) => sink.broken(peer, self.api.explain(status)),
            }
        }
        // SAFETY: only the lifetime changes; `part` is called before the borrow ends, and a panic in a callback aborts.
        let sink = unsafe { std::mem::transmute::<*mut (dyn Sink + '_), *mut (dyn Sink + 'static)>(sink) };
        self.sink = Some(sink);
        any
    }

    pub(super) fn part(&mut self) {
        self.sink = None;
    }

    fn message(&mut self, bytes: &[u8], body: &[u8]) {
        match self.sink {
            // SAFETY: between `meet` and `part` the sink is borrowed by `progress`, which doesn't touch it meanwhile.
            Some(sink) => unsafe { &mut *sink }.message(bytes, body),
            None => self.unheard.push(Event::Message([bytes, body].concat())),
        }
    }

    fn done(&mut self, tag: u64, status: Status) {
        match self.sink {
            // SAFETY: as in `message`.
            Some(sink) => unsafe { &mut *sink }.done(tag, self.outcome(status)),
            None => self.unheard.push(Event::Done(tag, status)),
        }
    }

    pub(super) fn broken(&mut self, peer: usize, status: Status) {
        match self.sink {
            // SAFETY: as in `message`.
            Some(sink) => unsafe { &mut *sink }.broken(peer, self.api.explain(status)),
            None => self.unheard.push(Event::Broken(peer, status)),
        }
    }

    fn outcome(&self, status: Status) -> Result<(), String> {
        if status == OK { Ok(()) } else { Err(self.api.explain(status)) }
    }
}

/// One operation that UCP may still be busy with. Never moves, so that UCP can hold its address.
pub(super) struct Op {
    shared: *mut Shared,
    /// What to report at the end, if anything.
    pub(super) tag: Option<u64>,
    is_copy: bool,
    pub(super) bytes: Box<[u8]>,
}

/// Operations of one kind, each with a buffer of the same length, made on demand up to a limit and used again.
pub(super) struct Pool {
    all: Vec<*mut Op>,
    free: Vec<*mut Op>,
    buffer_len: usize,
    limit: usize,
}

impl Pool {
    fn new(buffer_len: usize, limit: usize) -> Pool {
        Pool { all: Vec::new(), free: Vec::new(), buffer_len, limit }
    }

    /// An operation of nobody else's; `None` when as many as may be are under way.
    pub(super) fn take(&mut self, shared: *mut Shared, is_copy: bool) -> Option<*mut Op> {
        if let Some(op) = self.free.pop() {
            return Some(op);
        }
        if self.all.len() == self.limit {
            return None;
        }
        let bytes = vec![0; self.buffer_len].into_boxed_slice();
        let op = Box::into_raw(Box::new(Op { shared, tag: None, is_copy, bytes }));
        self.all.push(op);
        Some(op)
    }

    /// Takes back what [`Pool::take`] gave.
    pub(super) fn give(&mut self, op: *mut Op) {
        self.free.push(op);
    }
}

impl Drop for Pool {
    /// The worker is gone by now, and with it whoever knew of an operation.
    fn drop(&mut self) {
        for &op in &self.all {
            // SAFETY: made by `Box::into_raw` in `take`, listed once.
            drop(unsafe { Box::from_raw(op) });
        }
    }
}

/// A send, write, read or flush is over.
pub(super) extern "C" fn finished(request: *mut c_void, status: Status, data: *mut c_void) {
    let op = data.cast::<Op>();
    // SAFETY: `data` is the operation that was given along; it is alive until the pool is dropped, and out of the free list, so
    // this callback, which comes once, is its only user. The wire's thread is the one that runs callbacks.
    unsafe {
        let shared = (*op).shared;
        ((*shared).api.ucp_request_free)(request);
        let tag = (*op).tag;
        if (*op).is_copy {
            (*shared).copies.give(op)
        } else {
            (*shared).plain.give(op)
        }
        if let Some(tag) = tag {
            (*shared).done(tag, status);
        }
    }
}

/// What the error handler of one endpoint knows.
pub(super) struct Link {
    pub(super) shared: *mut Shared,
    pub(super) peer: usize,
}

/// An endpoint failed. It is closed by `progress`, outside of UCP.
pub(super) extern "C" fn broke(data: *mut c_void, _: Endpoint, status: Status) {
    let link = data.cast::<Link>();
    // SAFETY: `data` is the link given when the endpoint was made; it lives as long as the worker. Callbacks run on the wire's
    // thread, and nobody holds a reference to `Shared` meanwhile.
    unsafe { (*(*link).shared).failed.push(((*link).peer, status)) };
}

/// A message whose body is fetched from its sender by rendezvous.
struct Arrival {
    shared: *mut Shared,
    head: Vec<u8>,
    body: Vec<u8>,
}

impl Arrival {
    fn tell(&self, len: usize) {
        let body = &self.body[..len];
        let (bytes, body) = if self.head.is_empty() { (body, &[][..]) } else { (&self.head[..], body) };
        // SAFETY: as in `broke`.
        unsafe { (*self.shared).message(bytes, body) };
    }
}

/// A message is there, or announced. A short one has no header of UCP's, a long one has its head there.
pub(super) extern "C" fn arrived(
    data: *mut c_void,
    head: *const c_void,
    head_len: usize,
    body: *mut c_void,
    body_len: usize,
    info: *const MessageInfo,
) -> Status {
    let shared = data.cast::<Shared>();
    let slice = |at: *const c_void, len: usize| match len {
        0 => &[][..],
        // SAFETY: UCP's buffers, which nobody changes before this returns.
        _ => unsafe { std::slice::from_raw_parts(at.cast::<u8>(), len) },
    };
    let head = slice(head, head_len);
    // SAFETY: UCP's parameters are valid during the callback.
    if unsafe { (*info).attributes } & RENDEZVOUS != 0 {
        if body_len <= super::MESSAGE_LEN {
            return fetch(shared, head, body, body_len);
        }
        // Nobody of ours announces so much. Without its body the message makes no sense, which is told to the one who sent it.
        // SAFETY: `data` is the wire's `Shared`, as in `broke`.
        unsafe { (*shared).message(head, &[]) };
        return OK;
    }
    let body = slice(body, body_len);
    let (bytes, body) = if head.is_empty() { (body, head) } else { (head, body) };
    // SAFETY: `data` is the wire's `Shared`, as in `broke`.
    unsafe { (*shared).message(bytes, body) };
    OK
}

/// Starts fetching a body of `len` bytes that `announced` stands for.
fn fetch(shared: *mut Shared, head: &[u8], announced: *mut c_void, len: usize) -> Status {
    let arrival = Box::into_raw(Box::new(Arrival { shared, head: head.to_vec(), body: vec![0; len] }));
    let params = OpParams {
        mask: OP_CALLBACK | OP_DATA,
        callback: fetched as ReceiveCallback as *const c_void,
        data: arrival.cast(),
        ..OpParams::zeroed()
    };
    // SAFETY: the buffer has `len` bytes and belongs to the arrival, which `fetched` or the arms below free.
    unsafe {
        let body = (*arrival).body.as_mut_ptr();
        match Begun::from(((*shared).api.ucp_am_recv_data_nbx)(
            (*shared).worker,
            announced,
            body.cast(),
            len,
            &params,
        )) {
            Begun::Request(_) => {}
            Begun::Complete => {
                Box::from_raw(arrival).tell(len);
            }
            // The sender, and the endpoint to it, hear of it from UCP.
            Begun::Failed(_) => drop(Box::from_raw(arrival)),
        }
    }
    IN_PROGRESS
}

/// A rendezvous is over.
extern "C" fn fetched(request: *mut c_void, status: Status, len: usize, data: *mut c_void) {
    // SAFETY: `data` is the arrival given to the one operation whose end this is; `Shared` as in `broke`.
    unsafe {
        let arrival = Box::from_raw(data.cast::<Arrival>());
        ((*arrival.shared).api.ucp_request_free)(request);
        if status == OK {
            arrival.tell(len);
        }
    }
}
