//! The verbs a transport has to offer, and nothing of what is built from them.
//!
//! A remote place is `(world rank, byte offset in that rank's arena)`. A verb that starts a transfer returns a [`Token`];
//! the transfer is locally complete when [`Transport::wait`] returns, remotely after [`Transport::fence`]. What [`Transport::mapped`]
//! maps is never given to the verbs by the floor above, except through the conformance tests: loads and stores are quicker.
//!
//! A capability bit that lies is a bug; the conformance tests check them all.

use super::bundle::Bundle;
use crate::error::{Error, ErrorKind, Result};
use ::shm::DType;
pub use ::shm::atomics::Amo;
use ::shm::atomics::{update_u32, update_u64};
use std::panic::Location;
use std::ptr::NonNull;
use std::time::Duration;

/// Memory of some rank.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Remote {
    /// World rank of the owner.
    pub rank: usize,
    /// Byte offset in the owner's arena.
    pub offset: usize,
}

impl Remote {
    /// The place so many bytes further on.
    #[inline]
    pub(crate) fn plus(self, bytes: usize) -> Remote {
        Remote { rank: self.rank, offset: self.offset.wrapping_add(bytes) }
    }
}

/// A transfer under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token(u64);

impl Token {
    /// The token of a transfer that was complete when its verb returned.
    pub const DONE: Token = Token(0);

    /// A transport's own number for a transfer; 0 is [`Token::DONE`].
    pub const fn new(number: u64) -> Token {
        Token(number)
    }

    /// The transport's number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// What a transport does by itself; the rest is built above it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capabilities(u32);

impl Capabilities {
    /// Some peers' memory is mapped.
    pub const MAPPED: Capabilities = Capabilities(1);
    /// Strided transfers in one verb.
    pub const STRIDED: Capabilities = Capabilities(2);
    /// Accumulate of every element type.
    pub const ACCUMULATE: Capabilities = Capabilities(4);
    /// Read-modify-write of words of 32 and 64 bits.
    pub const ATOMICS: Capabilities = Capabilities(8);

    /// Both sets together.
    pub const fn with(self, other: Capabilities) -> Capabilities {
        Capabilities(self.0 | other.0)
    }

    /// Whether all of `other` is in this set.
    pub const fn has(self, other: Capabilities) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A strided box as [`shm::copy::copy_strided`](::shm::copy::copy_strided) takes it: everything in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Strides at the target.
    pub remote_strides: &'a [isize],
    /// Strides in local memory.
    pub local_strides: &'a [isize],
    /// Contiguous bytes, then repetitions per stride.
    pub counts: &'a [usize],
}

/// Many runs of one length: run `i` lies at byte `remote[i]` from a place of the target and at byte `local[i]` of local memory.
#[derive(Clone, Copy, Debug)]
pub struct Runs<'a> {
    /// Where runs begin at the target.
    pub remote: &'a [usize],
    /// Where they begin here; as many.
    pub local: &'a [usize],
    /// Bytes of each.
    pub len: usize,
}

/// What happens to runs.
#[derive(Clone, Copy, Debug)]
pub enum Moving {
    /// They are written there.
    Put,
    /// They are read from there.
    Get,
    /// `target += alpha * src`, elements of a type.
    Accumulate {
        /// That type.
        dtype: DType,
        /// One element.
        alpha: *const u8,
    },
}

/// What happens to the word of a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignalUpdate {
    /// It becomes this value.
    Set(u64),
    /// This value is added (wrapping).
    Add(u64),
}

/// How an attempt to take or release a mutex ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Held {
    /// As wanted: it is this rank's now, or no longer.
    Done,
    /// It isn't, and belongs to this world rank.
    By(usize),
    /// It belongs to nobody.
    Free,
}

/// Begins the [reason](Transport::death) why a rank is given up that only said nothing for long.
pub(crate) const SILENCE: &str = "no sign of life";

/// A way to reach other ranks' memory.
///
/// # Safety
/// An implementation touches exactly the bytes named, and local memory not after [`Transport::wait`] (or `test`) said so.
pub unsafe trait Transport: Send + Sync + std::fmt::Debug {
    /// Short name, as in `"shm"`.
    fn name(&self) -> &'static str;

    /// Library, version and device, for people.
    fn describe(&self) -> String {
        self.name().to_owned()
    }

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Where a remote place is mapped in this process, if it is.
    fn mapped(&self, place: Remote) -> Option<NonNull<u8>>;

    /// Starts writing `len` bytes.
    ///
    /// # Safety
    /// `src` is readable until the transfer is locally complete; the target is part of a segment.
    unsafe fn put(&self, to: Remote, src: *const u8, len: usize) -> Result<Token>;

    /// Starts reading `len` bytes.
    ///
    /// # Safety
    /// `dst` is writable, and nobody else's, until the transfer is complete; the source is part of a segment.
    unsafe fn get(&self, from: Remote, dst: *mut u8, len: usize) -> Result<Token>;

    /// Starts writing a strided box.
    ///
    /// # Safety
    /// As [`Transport::put`], for every row.
    unsafe fn put_strided(&self, to: Remote, rows: Rows<'_>, src: *const u8) -> Result<Token>;

    /// Starts reading a strided box.
    ///
    /// # Safety
    /// As [`Transport::get`], for every row.
    unsafe fn get_strided(&self, from: Remote, rows: Rows<'_>, dst: *mut u8) -> Result<Token>;

    /// Starts `target += alpha * src` on a strided box of elements; a contiguous run is a box without strides.
    ///
    /// # Safety
    /// As [`Transport::put_strided`]; `alpha` points to one element of `dtype`; rows are aligned to elements.
    unsafe fn accumulate(
        &self,
        to: Remote,
        rows: Rows<'_>,
        dtype: DType,
        src: *const u8,
        alpha: *const u8,
    ) -> Result<Token>;

    /// Moves runs together, if that is quicker than one by one; false means that it isn't, and nothing was done. Locally complete on
    /// return.
    ///
    /// # Safety
    /// As [`Transport::put`], [`Transport::get`] or [`Transport::accumulate`] for every run.
    unsafe fn move_runs(&self, base: Remote, runs: Runs<'_>, local: *mut u8, moving: Moving) -> Result<bool> {
        let _ = (base, runs, local, moving);
        Ok(false)
    }

    /// An atomic operation on a word of `len` (4 or 8) bytes; returns the old value.
    ///
    /// # Safety
    /// The target is an aligned part of a segment.
    unsafe fn amo(&self, at: Remote, amo: Amo, len: usize, operand: u64, comparand: u64) -> Result<u64>;

    /// [`Transport::amo`] of which nobody wants to know the old value. Locally complete on return.
    ///
    /// # Safety
    /// As there.
    unsafe fn amo_unheard(&self, at: Remote, amo: Amo, len: usize, operand: u64) -> Result<()> {
        // SAFETY: the caller's promise.
        unsafe { self.amo(at, amo, len, operand, operand) }.map(drop)
    }

    /// Changes the word at `at` once everything this process started to that rank before is visible there, then rings that
    /// rank's bell. Locally complete on return.
    ///
    /// # Safety
    /// The target is an aligned word of a segment, which everybody accesses atomically.
    unsafe fn signal(&self, at: Remote, update: SignalUpdate) -> Result<()>;

    /// [`Transport::put`] and then [`Transport::signal`] of the word at offset `word` of the same rank's arena.
    ///
    /// # Safety
    /// As for both.
    unsafe fn put_then_signal(
        &self,
        to: Remote,
        src: *const u8,
        len: usize,
        word: usize,
        update: SignalUpdate,
    ) -> Result<Token> {
        // SAFETY: the caller's promises.
        unsafe {
            let token = self.put(to, src, len)?;
            self.signal(Remote { rank: to.rank, offset: word }, update).map(|()| token)
        }
    }

    /// [`Transport::put_then_signal`], in one message where that is possible.
    ///
    /// # Safety
    /// As there.
    unsafe fn put_signal(
        &self,
        to: Remote,
        src: *const u8,
        len: usize,
        word: usize,
        update: SignalUpdate,
    ) -> Result<Token> {
        // SAFETY: the caller's promises.
        unsafe { self.put_then_signal(to, src, len, word, update) }
    }

    /// Takes the mutex at `at` in the name of this world rank, waiting for it if told so; `caller` is for stall reports. Without waiting, or when this rank
    /// holds it already, the answer may be [`Held::By`].
    ///
    /// # Safety
    /// The target is a [`Lock`](::shm::sync::Lock) of a segment.
    unsafe fn lock(&self, at: Remote, wait: bool, caller: &'static Location<'static>) -> Result<Held>;

    /// Releases the mutex at `at`; if this rank doesn't hold it, the answer says who does.
    ///
    /// # Safety
    /// As [`Transport::lock`].
    unsafe fn unlock(&self, at: Remote) -> Result<Held>;

    /// Sends a bundle of at most [`Transport::bundle_len`] bytes to a rank of another node, whose entries take effect in their order, in order with everything else that goes
    /// there. It has been copied on return; the transfer is complete when it has gone.
    ///
    /// # Safety
    /// As [`Transport::put`] and [`Transport::accumulate`] for every entry.
    #[expect(private_interfaces, reason = "bundles are made by this crate only")]
    unsafe fn send_bundle(&self, to: usize, bundle: &Bundle) -> Result<Token> {
        let _ = bundle;
        Err(Error::at(ErrorKind::Unsupported, "flush", to, "no bundles go this way"))
    }

    /// Longest bundle.
    fn bundle_len(&self) -> usize {
        1024
    }

    /// Sends a letter of at most [`Transport::letter_len`] bytes to a rank of another node, in order with everything else that goes there. It has been copied on return.
    fn send_letter(&self, to: usize, letter: &[u8]) -> Result<()> {
        let _ = letter;
        Err(Error::at(ErrorKind::Unsupported, "am", to, "no letters go this way"))
    }

    /// Longest letter.
    fn letter_len(&self) -> usize {
        1024
    }

    /// Tells a rank how many of its letters were read here, all in all.
    fn tell_read(&self, to: usize, count: u64) {
        let _ = (to, count);
    }

    /// Moves things on without waiting. Returns whether anything happened.
    fn progress(&self) -> bool {
        false
    }

    /// The longest a process that waits in shared memory may sleep without [`Transport::progress`]; `None` if a helper makes progress.
    fn longest_sleep(&self) -> Option<Duration> {
        None
    }

    /// Sleeps until a message may have arrived here, or `ready` holds, which only messages make true; at most as long as told.
    fn doze(&self, longest: Duration, ready: &mut dyn FnMut() -> bool) {
        let _ = (longest, ready);
    }

    /// Ends the threads that work for it, before the process ends: no peer needs this one any more.
    fn stop(&self) {}

    /// Why a rank of another node can't be reached any more; `None` as long as it can. Asked every tenth of a second by waits that
    /// depend on it; finding out may take some seconds.
    fn death(&self, rank: usize) -> Option<String> {
        let _ = rank;
        None
    }

    /// Whether a transfer is locally complete. Makes progress.
    fn test(&self, token: Token) -> Result<bool>;

    /// Waits for local completion. After an error, too, the transport is done with the local memory.
    fn wait(&self, token: Token) -> Result<()>;

    /// Waits for remote completion of everything to `rank`.
    fn fence(&self, rank: usize) -> Result<()>;

    /// Waits for remote completion of everything to everybody.
    fn fence_all(&self) -> Result<()>;
}

/// Does an atomic operation on a word of `len` (4 or 8) bytes; returns the old value.
///
/// # Safety
/// `target` is aligned and mapped for writing; others access it atomically.
pub(crate) unsafe fn apply_amo(target: *mut u8, amo: Amo, len: usize, operand: u64, comparand: u64) -> u64 {
    // SAFETY: the caller's promise.
    unsafe {
        match len {
            4 => update_u32(target.cast(), amo, operand as u32, comparand as u32).into(),
            _ => update_u64(target.cast(), amo, operand, comparand),
        }
    }
}
