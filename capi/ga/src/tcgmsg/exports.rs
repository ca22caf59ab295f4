//! The functions of `tcgmsg.h` (`tcg_snd`) and `sndrcv.h` (`SND_`).
//!
//! Invariant: the two have one body each; all numbers are `long`.

use super::{messages as by, process};
use crate::fault::{Result, refuse};
use crate::guard::bare;
use armci::host;
use common::fortran::{self, Length};
use common::{exports, seconds, text};
use rma::DType;
use std::ffi::{c_char, c_int, c_long, c_uint, c_void};

pub(crate) fn node() -> Result<i64> {
    Ok(process::Peers::get()?.messages.world().rank() as i64)
}

pub(crate) fn nodes() -> Result<i64> {
    Ok(process::Peers::get()?.messages.world().size() as i64)
}

unsafe extern "C" {
    safe fn random() -> c_long;
    safe fn srandom(seed: c_uint);
}

pub(crate) fn draw() -> f64 {
    random() as f64 * (1.0 / 2_147_483_648.0)
}

pub(crate) fn seed(seed: i64) {
    srandom(seed as c_uint);
}

/// A random number of C's stream, which a seed other than 0 begins anew.
pub(crate) fn random_by(number: i64) -> f64 {
    if number != 0 {
        seed(number);
    }
    draw()
}

pub(crate) fn nice(change: i64) -> i64 {
    // SAFETY: a function without conditions.
    unsafe { libc::nice(change as c_int) }.into()
}

pub(crate) fn fail(message: &str, code: i64) -> Result<()> {
    let word = c_int::try_from(code).unwrap_or(1);
    host::abort(word, &format!("{message} ({code})"))
}

/// Bytes of so many things of `size`, or as many things of `per` as hold them.
pub(crate) fn space(count: i64, size: usize, per: usize) -> Result<i64> {
    if count < 0 {
        refuse!("the size of {count} numbers");
    }
    Ok((count * size as i64 + per as i64 - 1) / per as i64)
}

const LONG: usize = size_of::<c_long>();
pub(crate) const DOUBLE: usize = size_of::<f64>();

// C, by value.
exports! {
    bare;
    tcg_alt_pbegin, tcgi_alt_pbegin(argc: *mut c_int, argv: *mut *mut *mut c_char) = || process::begin();
    tcg_pbegin, tcgi_pbegin(argc: c_int, argv: *mut *mut c_char) = || process::begin();
    tcg_pbeginf, tcg_pbginf, PBEGINF_, PBGINF_() = || process::begin();
    tcg_pend, PEND_() = || process::end();
    tcg_ready, TCGREADY_() -> c_long = || Ok(process::is_begun().into());
    tcg_nodeid, NODEID_() -> c_long = || node();
    tcg_nnodes, NNODES_() -> c_long = || nodes();
    tcg_nxtval(processes: c_long) -> c_long = || process::next_value(processes);
    tcg_snd(kind: c_long, buf: *const c_void, len: c_long, node: c_long, sync: c_long) = || by::send(kind, buf, len, node, sync);
    tcg_rcv(kind: c_long, buf: *mut c_void, room: c_long, len: *mut c_long, node: c_long, from: *mut c_long, sync: c_long) = || {
        let (bytes, sender) = by::receive(kind, buf, room, node, sync)?;
        len.write(bytes);
        from.write(sender);
        Ok(())
    };
    tcg_waitcom(_node: c_long) = || by::wait();
    tcg_probe(kind: c_long, node: c_long) -> c_long = || by::probe(kind, node);
    tcg_brdcst(_kind: c_long, buf: *mut c_void, len: c_long, root: c_long) = || by::broadcast(buf, len, root);
    tcg_dgop(_kind: c_long, x: *mut f64, n: c_long, op: *const c_char) = || by::combine(DType::F64, x.cast(), n, &text(op));
    tcg_igop(_kind: c_long, x: *mut c_long, n: c_long, op: *const c_char) = || by::combine(DType::I64, x.cast(), n, &text(op));
    tcg_synch(_kind: c_long) = || process::synchronise();
    tcg_time, TCGTIME_() -> f64 = || Ok(seconds());
    tcg_mtime, MTIME_() -> c_long = || Ok((seconds() * 100.0) as c_long);
    tcg_drand48, DRAND48_() -> f64 = || Ok(draw());
    tcg_srand48(number: c_long) = || { seed(number); Ok(()) };
    tcg_niceftn(change: c_long) -> c_long = || Ok(nice(change));
    tcg_llog, LLOG_() = || process::log();
    tcg_mdtob(n: c_long) -> c_long = || space(n, DOUBLE, 1);
    tcg_mdtoi(n: c_long) -> c_long = || space(n, DOUBLE, LONG);
    tcg_mitob(n: c_long) -> c_long = || space(n, LONG, 1);
    tcg_mitod(n: c_long) -> c_long = || space(n, LONG, DOUBLE);
    tcg_setdbg(on: c_long) = || { by::debug(on != 0); Ok(()) };
    tcg_stats, STATS_() = || by::print_statistics();
    tcg_pfcopy(_kind: c_long, root: c_long, name: *const c_char) = || process::copy_file(root, &text(name));
    tcg_parerr(code: c_long) = || fail("tcg_parerr: the program found an error", code);
    tcg_error, Error(message: *const c_char, code: c_long) = || fail(&text(message), code);
}

// C, by reference.
exports! {
    bare;
    NXTVAL_(processes: *const c_long) -> c_long = || process::next_value(processes.read());
    SND_(kind: *const c_long, buf: *const c_void, len: *const c_long, node: *const c_long, sync: *const c_long) =
        || by::send(kind.read(), buf, len.read(), node.read(), sync.read());
    RCV_(kind: *const c_long, buf: *mut c_void, room: *const c_long, len: *mut c_long, node: *const c_long, from: *mut c_long, sync: *const c_long) = || {
        let (bytes, sender) = by::receive(kind.read(), buf, room.read(), node.read(), sync.read())?;
        len.write(bytes);
        from.write(sender);
        Ok(())
    };
    WAITCOM_(_node: *const c_long) = || by::wait();
    PROBE_(kind: *const c_long, node: *const c_long) -> c_long = || by::probe(kind.read(), node.read());
    BRDCST_(_kind: *const c_long, buf: *mut c_void, len: *const c_long, root: *const c_long) = || by::broadcast(buf, len.read(), root.read());
    DGOP_(_kind: *const c_long, x: *mut f64, n: *const c_long, op: *const c_char, len: Length) =
        || by::combine(DType::F64, x.cast(), n.read(), &fortran::string(op, len));
    IGOP_(_kind: *const c_long, x: *mut c_long, n: *const c_long, op: *const c_char, len: Length) =
        || by::combine(DType::I64, x.cast(), n.read(), &fortran::string(op, len));
    SYNCH_(_kind: *const c_long) = || process::synchronise();
    SRAND48_(number: *const c_long) = || { seed(number.read()); Ok(()) };
    NICEFTN_(change: *const c_long) -> c_long = || Ok(nice(change.read()));
    MDTOB_(n: *const c_long) -> c_long = || space(n.read(), DOUBLE, 1);
    MDTOI_(n: *const c_long) -> c_long = || space(n.read(), DOUBLE, LONG);
    MITOB_(n: *const c_long) -> c_long = || space(n.read(), LONG, 1);
    MITOD_(n: *const c_long) -> c_long = || space(n.read(), LONG, DOUBLE);
    SETDBG_(on: *const c_long) = || { by::debug(on.read() != 0); Ok(()) };
    PFILECOPY_(_kind: *const c_long, root: *const c_long, name: *const c_char) = || process::copy_file(root.read(), &text(name));
    PFCOPY_(_kind: *const c_long, root: *const c_long, name: *const c_char, len: Length) =
        || process::copy_file(root.read(), &fortran::string(name, len));
    PARERR_(code: *const c_long) = || fail("PARERR: the program found an error", code.read());
}
