//! Send, receive and probe, also without waiting; operations of all ranks.
//!
//! Invariant: what was started and not waited for is in [`STARTED`]; [`wait`] ends all of it.

use super::process::Peers;
use crate::fault::{Result, refuse};
use armci::host::Channel;
use common::{Operator, reduce};
use rma::DType;
use std::ffi::{CString, c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

const TCGMSG: Channel = Channel(1);

/// Whether every message is told of, and how many there were: sent, their bytes, received, their bytes.
static IS_DEBUGGING: AtomicBool = AtomicBool::new(false);
static COUNTS: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];

/// Receives that were started.
static STARTED: Mutex<Vec<u64>> = Mutex::new(Vec::new());

/// What a message of so many bytes of the caller's is.
///
/// # Safety
/// Readable for the length.
unsafe fn bytes<'a>(buffer: *const c_void, len: i64) -> Result<&'a [u8]> {
    let Ok(bytes) = usize::try_from(len) else { refuse!("a message of {len} bytes") };
    if bytes == 0 {
        return Ok(&[]);
    }
    if buffer.is_null() {
        refuse!("the buffer of {len} bytes is a null pointer");
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(buffer.cast(), bytes) })
}

fn tag(kind: i64) -> Result<c_int> {
    match c_int::try_from(kind) {
        Ok(tag) => Ok(tag),
        Err(_) => refuse!("{kind} is no type of messages"),
    }
}

/// Sends a message of a type to a rank; with `sync` 0 the buffer is lent until [`wait`].
///
/// # Safety
/// The buffer is readable for the length.
pub(crate) unsafe fn send(kind: i64, buffer: *const c_void, len: i64, node: i64, sync: i64) -> Result<()> {
    let peers = Peers::get()?;
    let to = peers.rank(node)?;
    // SAFETY: the caller's promises.
    unsafe {
        let bytes = bytes(buffer, len)?;
        match sync {
            0 => peers.messages.start_send(TCGMSG, tag(kind)?, bytes, to)?,
            _ => peers.messages.send(TCGMSG, tag(kind)?, bytes, to)?,
        }
    }
    let me = peers.messages.world().rank();
    note(0, len as usize, || format!("{me}: snd: type {kind}, {len} bytes, to {to}, sync {sync}"));
    Ok(())
}

/// Receives a message of a type from a rank, or from anybody; its length and its sender. With `sync` 0 it says -1 and who was asked for, and the buffer is lent until
/// [`wait`].
///
/// # Safety
/// The buffer is writable for the length.
pub(crate) unsafe fn receive(
    kind: i64,
    buffer: *mut c_void,
    room: i64,
    node: i64,
    sync: i64,
) -> Result<(i64, i64)> {
    let peers = Peers::get()?;
    let from = match node {
        -1 => None,
        _ => Some(peers.rank(node)?),
    };
    // SAFETY: the caller's promise.
    unsafe { bytes(buffer, room) }?;
    // SAFETY: writable for what was just checked, until it is waited for.
    let number = unsafe { peers.messages.start(TCGMSG, tag(kind)?, buffer.cast(), room as usize, from) };
    if sync == 0 {
        STARTED.lock().unwrap_or_else(PoisonError::into_inner).push(number);
        return Ok((-1, node));
    }
    let (from, len) = peers.messages.finish(number)?;
    let me = peers.messages.world().rank();
    note(2, len, || format!("{me}: rcv: type {kind}, {len} bytes, from {from}, sync {sync}"));
    Ok((len as i64, from as i64))
}

/// Waits for everything that was started, whoever it is for.
pub(crate) fn wait() -> Result<()> {
    let peers = Peers::get()?;
    let started = std::mem::take(&mut *STARTED.lock().unwrap_or_else(PoisonError::into_inner));
    for number in started {
        let (from, len) = peers.messages.finish(number)?;
        let me = peers.messages.world().rank();
        note(2, len, || format!("{me}: rcv: {len} bytes, from {from}, sync 0"));
    }
    Ok(peers.messages.finish_sends()?)
}

/// Whether a message of a type has come from a rank, or, for a negative one, from anybody.
pub(crate) fn probe(kind: i64, node: i64) -> Result<i64> {
    let peers = Peers::get()?;
    let from = if node < 0 { None } else { Some(peers.rank(node)?) };
    Ok(peers.messages.probe(TCGMSG, tag(kind)?, from)?.into())
}

/// One rank's bytes to all. Collective.
///
/// # Safety
/// The buffer is readable and writable for the length.
pub(crate) unsafe fn broadcast(buffer: *mut c_void, len: i64, root: i64) -> Result<()> {
    let peers = Peers::get()?;
    let root = peers.rank(root)?;
    // SAFETY: the caller's promise.
    let count = unsafe { bytes(buffer, len) }?.len();
    if count == 0 {
        return Ok(());
    }
    // SAFETY: the caller's promise; nobody else has the buffer during the call.
    let bytes = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), count) };
    Ok(peers.messages.world().team().broadcast(bytes, root)?)
}

/// Everybody's numbers combined. Collective.
///
/// # Safety
/// So many numbers of the type can be read and written.
pub(crate) unsafe fn combine(dtype: DType, numbers: *mut c_void, count: i64, operator: &str) -> Result<()> {
    let peers = Peers::get()?;
    let Ok(len) = usize::try_from(count) else { refuse!("{count} numbers") };
    let Some(named) = Operator::named(operator) else {
        refuse!("there is no operator \"{}\"", operator.trim())
    };
    // SAFETY: the caller's promise.
    Ok(unsafe { reduce(&peers.messages.world().team(), dtype, numbers, len, named) }?)
}

/// Has every message told of on standard error, or no longer.
pub(crate) fn debug(on: bool) {
    IS_DEBUGGING.store(on, Ordering::Relaxed);
}

#[inline(always)]
fn note(which: usize, bytes: usize, text: impl FnOnce() -> String) {
    for (count, more) in COUNTS[which..which + 2].iter().zip([1, bytes as u64]) {
        // Of several threads' messages some may be missed; nobody waits for this.
        count.store(count.load(Ordering::Relaxed) + more, Ordering::Relaxed);
    }
    if IS_DEBUGGING.load(Ordering::Relaxed) {
        eprintln!("{}", text());
    }
}

/// Prints what this process has sent and received.
pub(crate) fn print_statistics() -> Result<()> {
    let rank = Peers::get()?.messages.world().rank();
    let [sent, sent_bytes, received, received_bytes] =
        COUNTS.each_ref().map(|count| count.load(Ordering::Relaxed));
    let text = format!(
        "{rank}: snd {sent} messages, {sent_bytes} bytes; rcv {received} messages, {received_bytes} bytes"
    );
    let text = CString::new(text).expect("no zeros");
    // SAFETY: a terminated text; by C's streams, so that it comes in order with what the program prints.
    unsafe { libc::puts(text.as_ptr()) };
    Ok(())
}
