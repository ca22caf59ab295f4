//! What a network engine has to offer: unordered messages, and reads and writes of registered memory.
//!
//! Everything else (order, acknowledgement, flow control, strided shapes, accumulate, atomics, mutexes) is one protocol above,
//! in [`super`]. UCX and libfabric each implement this table and nothing more.
//!
//! Invariant: one thread at a time calls a wire, so an implementation takes no lock of its own. A wire never blocks: what can't
//! go now is [`Sent::Full`], and is offered again after [`Wire::progress`].

use std::os::fd::RawFd;

/// Who turns the crank while the program computes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Progress {
    /// A helper thread.
    Thread,
    /// The program, which calls often enough; the helper gives signs of life only.
    Poll,
}

/// Why something went wrong, in the C library's words where it has any.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// How far an operation got in the call that started it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sent {
    /// Locally complete: the buffer may be reused. Its tag is not reported.
    Done,
    /// Under way; [`Sink::done`] will report its tag.
    Started,
    /// Not begun: the engine has no room. Progress, then try again.
    Full,
}

/// What an engine can do on this fabric.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Longest message, head and body together, that is sent without asking the receiver first. At least 2 KiB.
    pub(crate) message_len: usize,
    /// Whether [`Wire::write`] and [`Wire::read`] complete without the target's processor.
    pub(crate) is_rdma: bool,
    /// From which length on a [`Wire::write`] or [`Wire::read`] is faster than messages, as measured.
    pub(crate) direct_len: usize,
    /// The same for each of many rows of one transfer: messages carry many rows at once, so they are harder to beat.
    pub(crate) direct_row_len: usize,
    /// The same for a single run that is waited for alone, of at most the length of a message: a [`Wire::fetch`], or a write with a fence
    /// behind it. Without end where there is no fetch.
    pub(crate) lone_len: usize,
}

/// A peer's region, ready for use from here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key(pub(crate) u32);

/// Who hears what a wire has to tell, during [`Wire::progress`] only.
pub(crate) trait Sink {
    /// A message arrived, in one piece or in two: `bytes` is all of it, head and body, and `body` empty; or `bytes` is the head
    /// that was sent, and `body` its body, which the engine has elsewhere. The bytes are gone when this returns.
    fn message(&mut self, bytes: &[u8], body: &[u8]);

    /// What [`Wire::fetch`] was to read, started with `tag`. The bytes are gone when this returns.
    fn fetched(&mut self, tag: u64, outcome: Result<&[u8]>);

    /// The operation started with `tag` is over.
    fn done(&mut self, tag: u64, outcome: Result<()>);

    /// Nothing more can be sent to or expected from `peer`. What was started to it is still reported by [`Sink::done`], when the
    /// engine no longer uses its buffer.
    fn broken(&mut self, peer: usize, why: String);
}

/// A network engine.
///
/// Peers are numbered by the caller (world ranks); a wire keeps nothing for a peer it was not told to connect to.
///
/// # Safety
/// An implementation touches exactly the bytes named, and a local buffer not after `Sent::Done` or [`Sink::done`].
pub(crate) unsafe trait Wire: Send + std::fmt::Debug {
    /// Short name, as in `"ucx"`.
    fn name(&self) -> &'static str;

    /// What peers need alike to understand one another.
    fn speaks(&self) -> String {
        self.name().to_owned()
    }

    /// Library version, device and provider, for people.
    fn describe(&self) -> String;

    /// What it can do here.
    fn limits(&self) -> Limits;

    /// What a peer needs to connect to this process. Fixed from the start; usually under 300 bytes.
    fn address(&self) -> &[u8];

    /// Makes `peer` reachable. Called once per peer, before anything else names it; returns at once, and what can't be
    /// reached shows later as [`Sink::broken`] or as a failed operation.
    fn connect(&mut self, peer: usize, address: &[u8]) -> Result<()>;

    /// Sends one message of at most [`Limits::message_len`] bytes: `head` (at most 256 bytes, copied before this returns), then
    /// `body_len` bytes at `body`. Messages may overtake one another.
    ///
    /// # Safety
    /// `body` is readable until the message is locally complete.
    unsafe fn send(
        &mut self,
        peer: usize,
        head: &[u8],
        body: *const u8,
        body_len: usize,
        tag: u64,
    ) -> Result<Sent>;

    /// Lets peers read and write `len` bytes at `base`; the answer is what a peer gives to [`Wire::import`].
    ///
    /// # Safety
    /// The memory stays mapped, with the same pages, until the wire is dropped.
    unsafe fn register(&mut self, base: *mut u8, len: usize) -> Result<Vec<u8>>;

    /// Makes a region of a connected peer usable from here.
    fn import(&mut self, peer: usize, key: &[u8]) -> Result<Key>;

    /// Starts writing `len` bytes at byte `offset` of the peer's region. Writes may overtake one another; `Done` and `done` mean
    /// local completion.
    ///
    /// # Safety
    /// `src` is readable until local completion; the target range is inside the region.
    unsafe fn write(
        &mut self,
        peer: usize,
        key: Key,
        offset: u64,
        src: *const u8,
        len: usize,
        tag: u64,
    ) -> Result<Sent>;

    /// Starts reading `len` bytes at byte `offset` of the peer's region; complete means that the data is there.
    ///
    /// # Safety
    /// `dst` is writable, and nobody else's, until completion; the source range is inside the region.
    unsafe fn read(
        &mut self,
        peer: usize,
        key: Key,
        offset: u64,
        dst: *mut u8,
        len: usize,
        tag: u64,
    ) -> Result<Sent>;

    /// Starts reading at most [`Limits::message_len`] bytes, which [`Sink::fetched`] reports: unlike a read it uses no memory of the caller,
    /// who may lose interest. Done is never the answer.
    fn fetch(&mut self, _peer: usize, _key: Key, _offset: u64, _len: usize, _tag: u64) -> Result<Sent> {
        Err("this engine fetches nothing".into())
    }

    /// Nothing is expected of `peer` any more. What was started to it is over soon, whatever the peer does: [`Sink::done`] or [`Sink::fetched`] says
    /// so, once the engine no longer uses its buffer. Other peers may be lost by that, if there is no other way.
    fn give_up(&mut self, peer: usize);

    /// Starts remote completion of all writes to `peer`: complete means that they are visible there.
    fn flush(&mut self, peer: usize, tag: u64) -> Result<Sent>;

    /// Moves things on and reports what happened. Returns whether anything did.
    fn progress(&mut self, sink: &mut dyn Sink) -> bool;

    /// A descriptor that turns readable when there is something to progress after [`Wire::arm`]; `None` if the engine has
    /// none, then it must be polled.
    fn event_fd(&self) -> Option<RawFd>;

    /// Prepares [`Wire::event_fd`]. False: something has happened already; progress first, then arm again.
    fn arm(&mut self) -> Result<bool>;
}
