//! TCGMSG's names in Fortran.
//!
//! Invariant: what a routine does is what the function of C's of that name does; numbers are INTEGERs.

use super::exports::{DOUBLE, draw, fail, nice, node, nodes, seed, space};
use super::{messages as by, process};
use crate::fault::Result;
use crate::guard;
use common::fortran::{self, Integer as _, Length};
use common::{exports, seconds, text};
use rma::DType;
use std::ffi::{c_char, c_void};

/// Fortran's INTEGER.
type Integer = i64;

const INTEGER: usize = size_of::<Integer>();

/// As [`guard::bare`], by the name that the program has.
fn bare<R>(name: impl Fn() -> &'static str + Copy, body: impl FnOnce() -> Result<R>) -> R {
    guard::bare(move || fortran::routine(name()), body)
}

/// Fortran's numbers combined, which are `long` if INTEGERs are.
///
/// # Safety
/// As [`by::combine`].
unsafe fn combine_integers(numbers: *mut Integer, count: i64, operator: &str) -> Result<()> {
    let dtype = if INTEGER == 8 { DType::I64 } else { DType::I32 };
    // SAFETY: the caller's promise.
    unsafe { by::combine(dtype, numbers.cast(), count, operator) }
}

exports! {
    bare;
    pbeginf_, pbginf_() = || process::begin();
    pend_() = || process::end();
    tcgready_() -> Integer = || Ok(Integer::logical(process::is_begun()));
    nodeid_() -> Integer = || node().map(Integer::narrow);
    nnodes_() -> Integer = || nodes().map(Integer::narrow);
    nxtval_(processes: *const Integer) -> Integer = || process::next_value(processes.read().wide()).map(Integer::narrow);
    snd_(kind: *const Integer, buf: *const c_void, len: *const Integer, node: *const Integer, sync: *const Integer) =
        || by::send(kind.read().wide(), buf, len.read().wide(), node.read().wide(), sync.read().wide());
    rcv_(kind: *const Integer, buf: *mut c_void, room: *const Integer, len: *mut Integer, node: *const Integer, from: *mut Integer, sync: *const Integer) = || {
        let (bytes, sender) = by::receive(kind.read().wide(), buf, room.read().wide(), node.read().wide(), sync.read().wide())?;
        len.write(Integer::narrow(bytes));
        from.write(Integer::narrow(sender));
        Ok(())
    };
    waitcom_(_node: *const Integer) = || by::wait();
    probe_(kind: *const Integer, node: *const Integer) -> Integer =
        || by::probe(kind.read().wide(), node.read().wide()).map(Integer::narrow);
    brdcst_(_kind: *const Integer, buf: *mut c_void, len: *const Integer, root: *const Integer) =
        || by::broadcast(buf, len.read().wide(), root.read().wide());
    dgop_(_kind: *const Integer, x: *mut f64, n: *const Integer, op: *const c_char, len: Length) =
        || by::combine(DType::F64, x.cast(), n.read().wide(), &fortran::string(op, len));
    igop_(_kind: *const Integer, x: *mut Integer, n: *const Integer, op: *const c_char, len: Length) =
        || combine_integers(x, n.read().wide(), &fortran::string(op, len));
    synch_(_kind: *const Integer) = || process::synchronise();
    tcgtime_() -> f64 = || Ok(seconds());
    drand48_() -> f64 = || Ok(draw());
    llog_() = || process::log();
    stats_() = || by::print_statistics();
    mtime_() -> Integer = || Ok(Integer::narrow((seconds() * 100.0) as i64));
    srand48_(number: *const Integer) = || { seed(number.read().wide()); Ok(()) };
    niceftn_(change: *const Integer) -> Integer = || Ok(Integer::narrow(nice(change.read().wide())));
    mdtob_(n: *const Integer) -> Integer = || space(n.read().wide(), DOUBLE, 1).map(Integer::narrow);
    mdtoi_(n: *const Integer) -> Integer = || space(n.read().wide(), DOUBLE, INTEGER).map(Integer::narrow);
    mitob_(n: *const Integer) -> Integer = || space(n.read().wide(), INTEGER, 1).map(Integer::narrow);
    mitod_(n: *const Integer) -> Integer = || space(n.read().wide(), INTEGER, DOUBLE).map(Integer::narrow);
    setdbg_(on: *const Integer) = || { by::debug(on.read().is_true()); Ok(()) };
    pfcopy_(_kind: *const Integer, root: *const Integer, name: *const c_char, len: Length) =
        || process::copy_file(root.read().wide(), &fortran::string(name, len));
    pfilecopy_(_kind: *const Integer, root: *const Integer, name: *const c_char) = || process::copy_file(root.read().wide(), &text(name));
    parerr_(code: *const Integer) = || fail("parerr: the program found an error", code.read().wide());
}
