//! Transfers of several threads at once: put, get and accumulate, contiguous and strided, that are waited for.
//!
//! As long as one thread calls, transfers go the way of all calls, [inside](crate::inside). From the first call of another thread on they are done outside, whoever is inside and
//! waits for whatever: each thread keeps what its last addresses were found in, as long as nothing is allocated or freed, and else looks in the lists. Only addresses of
//! another library's memory are asked for inside. What a thread knows it keeps from being given back; memory that was freed goes back when the threads that used it call again or end.

use crate::address::{Part, changes, look_up};
use crate::guard::{call, outside, typed};
use crate::inside::{Inside, is_shared};
use crate::state;
use crate::transfer::{Kind, Shape, add, length, start_rows, start_run};
use rma::transport::Token;
use rma::{Result, Segment};
use std::cell::RefCell;
use std::ffi::{c_int, c_void};

/// Ranks whose memory a thread remembers a part of.
const REMEMBERED: usize = 16;

thread_local! {
    static KNOWN: RefCell<[Option<Known>; REMEMBERED]> = const { RefCell::new([const { None }; REMEMBERED]) };
}

struct Known {
    changes: u64,
    proc: c_int,
    part: Part,
}

/// The part of an address that isn't ARMCI's own; or what there is to be said of it.
fn lent(proc: c_int, remote: *const c_void) -> Result<Part> {
    let _inside = Inside::enter();
    // SAFETY: inside, and this is the only reference.
    unsafe { state::armci() }?.addresses.lent(proc, remote)
}

/// Does `work` with the place of an address.
fn at<R>(
    proc: c_int,
    remote: *const c_void,
    work: impl FnOnce(&Segment, usize, usize) -> Result<R>,
) -> Result<R> {
    KNOWN.with_borrow_mut(|known| {
        let slot = &mut known[proc as usize % REMEMBERED];
        let now = changes();
        let is_known = |known: &Known| known.changes == now && known.proc == proc;
        if let Some(known) = slot.as_ref().filter(|known| is_known(known))
            && let Some((segment, rank, offset)) = known.part.place(remote as usize)
        {
            return work(segment, rank, offset);
        }
        *slot = None;
        let own = look_up(proc, remote);
        let is_lasting = own.is_some();
        let part = match own {
            Some(part) => part,
            None => lent(proc, remote)?,
        };
        let (segment, rank, offset) = part.place(remote as usize).expect("where it was found");
        let outcome = work(segment, rank, offset);
        if is_lasting {
            *slot = Some(Known { changes: now, proc, part });
        }
        outcome
    })
}

fn wait(segment: &Segment, token: Token) -> Result<c_int> {
    segment.wait(token).map(|()| 0)
}

/// The memory at the target of a transfer.
fn remote(kind: Kind, src: *const c_void, dst: *mut c_void) -> *const c_void {
    if matches!(kind, Kind::Get) { src } else { dst }
}

/// A contiguous transfer, if threads share the library.
///
/// # Safety
/// As of the function it is for.
#[inline(always)]
pub(crate) unsafe fn run(
    name: &'static str,
    kind: Option<Kind>,
    src: *const c_void,
    dst: *mut c_void,
    bytes: c_int,
    proc: c_int,
) -> Option<c_int> {
    if !is_shared() {
        return None;
    }
    let kind = kind?;
    Some(outside(name, || {
        let len = length("a length", bytes)?;
        if len == 0 {
            return Ok(0);
        }
        at(proc, remote(kind, src, dst), |segment, rank, offset| {
            // SAFETY: the caller's promise; waited for at once.
            wait(segment, unsafe { start_run(segment, rank, offset, kind, src, dst, len) }?)
        })
    }))
}

/// A strided one.
///
/// # Safety
/// As of the function it is for.
#[allow(clippy::too_many_arguments)] // ARMCI's own shape
pub(crate) unsafe fn rows(
    name: &'static str,
    kind: Option<Kind>,
    src: *const c_void,
    src_strides: *const c_int,
    dst: *mut c_void,
    dst_strides: *const c_int,
    count: *const c_int,
    levels: c_int,
    proc: c_int,
) -> Option<c_int> {
    if !is_shared() {
        return None;
    }
    let kind = kind?;
    Some(outside(name, || {
        // SAFETY: readable: the caller's promise.
        let Some(shape) = unsafe { Shape::read(src_strides, dst_strides, count, levels) }? else {
            return Ok(0);
        };
        at(proc, remote(kind, src, dst), |segment, rank, offset| {
            // SAFETY: the caller's promise; waited for at once.
            wait(segment, unsafe { start_rows(segment, rank, offset, kind, &shape, src, dst) }?)
        })
    }))
}

/// An accumulate's kind; nothing if there is no such type, of which the other way tells.
pub(crate) fn adding(optype: c_int, scale: *const c_void) -> Option<Kind> {
    add(optype, scale).ok()
}

/// Transfers that threads may do at once: `name / profiling name (arguments) = run or rows(how, of what), body;`. Both names, as in [`crate::guard`]; the body is
/// what a single thread does.
macro_rules! parallel {
    ($($name:ident / $profiling:ident ($($arg:ident: $ty:ty),*) = $way:ident($($how:expr),*), $body:expr;)*) => {$(
        #[allow(non_snake_case, unused_unsafe)]
        #[unsafe(no_mangle)]
        #[inline(never)]
        unsafe extern "C" fn $profiling($($arg: $ty),*) -> c_int {
            // SAFETY: pointers are what the headers say they must be: the C caller's promise.
            unsafe {
                match $way(stringify!($name), $($how),*) {
                    Some(value) => value,
                    None => call(|| stringify!($name), |armci| typed($body, armci)),
                }
            }
        }
        #[allow(non_snake_case)]
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($arg: $ty),*) -> c_int {
            // SAFETY: the same promises.
            unsafe { $profiling($($arg),*) }
        }
    )*};
}

parallel! {
    ARMCI_Put / PARMCI_Put(src: *const c_void, dst: *mut c_void, bytes: c_int, proc: c_int) = run(Some(Kind::Put), src, dst, bytes, proc), |armci| { let token = armci.run(Kind::Put, src, dst, bytes, proc)?; armci.wait(token) };
    ARMCI_Get / PARMCI_Get(src: *const c_void, dst: *mut c_void, bytes: c_int, proc: c_int) = run(Some(Kind::Get), src, dst, bytes, proc), |armci| { let token = armci.run(Kind::Get, src, dst, bytes, proc)?; armci.wait(token) };
    ARMCI_Acc / PARMCI_Acc(optype: c_int, scale: *const c_void, src: *const c_void, dst: *mut c_void, bytes: c_int, proc: c_int) = run(adding(optype, scale), src, dst, bytes, proc), |armci| armci.add_run(add(optype, scale)?, src, dst, bytes, proc);
    ARMCI_PutS / PARMCI_PutS(src: *const c_void, src_strides: *const c_int, dst: *mut c_void, dst_strides: *const c_int, count: *const c_int, levels: c_int, proc: c_int) = rows(Some(Kind::Put), src, src_strides, dst, dst_strides, count, levels, proc), |armci| { let token = armci.rows(Kind::Put, src, src_strides, dst, dst_strides, count, levels, proc)?; armci.wait(token) };
    ARMCI_GetS / PARMCI_GetS(src: *const c_void, src_strides: *const c_int, dst: *mut c_void, dst_strides: *const c_int, count: *const c_int, levels: c_int, proc: c_int) = rows(Some(Kind::Get), src, src_strides, dst, dst_strides, count, levels, proc), |armci| { let token = armci.rows(Kind::Get, src, src_strides, dst, dst_strides, count, levels, proc)?; armci.wait(token) };
    ARMCI_AccS / PARMCI_AccS(optype: c_int, scale: *const c_void, src: *const c_void, src_strides: *const c_int, dst: *mut c_void, dst_strides: *const c_int, count: *const c_int, levels: c_int, proc: c_int) = rows(adding(optype, scale), src, src_strides, dst, dst_strides, count, levels, proc), |armci| { let token = armci.rows(add(optype, scale)?, src, src_strides, dst, dst_strides, count, levels, proc)?; armci.wait(token) };
}
