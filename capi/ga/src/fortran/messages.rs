//! TCGMSG: messages between processes, the shared counter, files copied to everybody.
//!
//! Invariant: what a routine does is what the function of C's of that name does; numbers are INTEGERs.

use super::pass::{Any, Text};
use super::table::fortran;
use crate::fault::Result;
use crate::tcgmsg::exports::{DOUBLE, draw, fail, nice, node, nodes, seed, space};
use crate::tcgmsg::{messages as by, process};
use common::{seconds, text};
use rma::DType;

/// INTEGERs of this many bytes combined.
///
/// # Safety
/// So many are there.
unsafe fn combine(size: usize, numbers: Any, count: i64, operator: &Text) -> Result<()> {
    let dtype = if size == 8 { DType::I64 } else { DType::I32 };
    // SAFETY: the caller's promise.
    unsafe { by::combine(dtype, numbers.0, count, &operator.string()) }
}

fortran! {
    subroutine pbeginf_, pbginf_() bare = process::begin();
    subroutine pend_() bare = process::end();
    integer tcgready_() bare = Ok(process::is_begun());
    integer nodeid_() bare = node();
    integer nnodes_() bare = nodes();
    integer nxtval_(processes: int) bare = process::next_value(processes.wide());
    subroutine snd_(kind: int, buf: any, len: int, node: int, sync: int) bare = by::send(kind.wide(), buf.0, len.wide(), node.wide(), sync.wide());
    subroutine rcv_(kind: int, buf: any, room: int, len: out, node: int, from: out, sync: int) bare = {
        let (bytes, sender) = by::receive(kind.wide(), buf.0, room.wide(), node.wide(), sync.wide())?;
        len.set(bytes);
        from.set(sender);
        Ok(())
    };
    subroutine waitcom_(node: int) bare = by::wait();
    integer probe_(kind: int, node: int) bare = by::probe(kind.wide(), node.wide());
    subroutine brdcst_(kind: int, buf: any, len: int, root: int) bare = by::broadcast(buf.0, len.wide(), root.wide());
    subroutine dgop_(kind: int, x: any, n: int, op: text) bare = by::combine(DType::F64, x.0, n.wide(), &op.string());
    subroutine igop_(kind: int, x: any, n: int, op: text) bare = combine(size_of::<Integer>(), x, n.wide(), &op);
    subroutine synch_(kind: int) bare = process::synchronise();
    double_precision tcgtime_() bare = Ok(seconds());
    integer mtime_() bare = Ok((seconds() * 100.0) as i64);
    double_precision drand48_() bare = Ok(draw());
    subroutine srand48_(number: int) bare = { seed(number.wide()); Ok(()) };
    integer niceftn_(change: int) bare = Ok(nice(change.wide()));
    subroutine llog_() bare = process::log();
    subroutine stats_() bare = by::print_statistics();
    integer mdtob_(n: int) bare = space(n.wide(), DOUBLE, 1);
    integer mdtoi_(n: int) bare = space(n.wide(), DOUBLE, size_of::<Integer>());
    integer mitob_(n: int) bare = space(n.wide(), size_of::<Integer>(), 1);
    integer mitod_(n: int) bare = space(n.wide(), size_of::<Integer>(), DOUBLE);
    subroutine setdbg_(on: int) bare = { by::debug(on.is_true()); Ok(()) };
    subroutine pfcopy_(kind: int, root: int, name: text) bare = process::copy_file(root.wide(), &name.string());
    // A name with an end mark, as C programs give it.
    subroutine pfilecopy_(kind: int, root: int, name: any) bare = process::copy_file(root.wide(), &text(name.give()));
    subroutine parerr_(code: int) bare = fail("parerr: the program found an error", code.wide());
}
