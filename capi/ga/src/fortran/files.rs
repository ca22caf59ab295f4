//! Files of one process and files that all share: `eaf.fh`, `sf.fh`.
//!
//! Invariant: codes, handles and requests are those of C's functions.

use super::table::fortran;
use crate::pario::files::{KIND, NONE, lent, lent_by, say, stat, wait_all};
use crate::pario::{code, stored};
use ::pario::code::{EAF_END, text};
use ::pario::file::{Mode, Way};
use ::pario::{exclusive as eaf, shared as sf};
use common::fortran::Integer;
use std::ffi::c_int;

/// The INTEGER of a code.
fn narrow<I: Integer>(code: c_int) -> I {
    I::narrow(code.into())
}

fortran! {
    integer eaf_open_(name: text, kind: int, fd: out) bare = stored(eaf::open(&name.string(), kind.int()), fd.0, narrow);
    integer eaf_close_(fd: int) bare = code(eaf::close(fd.int()));
    integer eaf_read_(fd: int, offset: any, buf: any, bytes: int) bare =
        code(eaf::transfer(fd.int(), Way::Read, offset.read(), lent(buf.0, bytes.wide())?));
    integer eaf_write_(fd: int, offset: any, buf: any, bytes: int) bare =
        code(eaf::transfer(fd.int(), Way::Write, offset.read(), lent(buf.0, bytes.wide())?));
    integer eaf_aread_(fd: int, offset: any, buf: any, bytes: int, request: out) bare =
        stored(eaf::start(fd.int(), Way::Read, offset.read(), lent(buf.0, bytes.wide())?), request.0, narrow);
    integer eaf_awrite_(fd: int, offset: any, buf: any, bytes: int, request: out) bare =
        stored(eaf::start(fd.int(), Way::Write, offset.read(), lent(buf.0, bytes.wide())?), request.0, narrow);
    integer eaf_wait_(fd: int, request: int) bare = code(eaf::wait(fd.int(), request.int()));
    integer eaf_probe_(request: int, status: out) bare = stored(eaf::is_over(request.int()), status.0, |is_over| narrow(i32::from(!is_over)));
    integer eaf_delete_(name: text) bare = code(eaf::delete(&name.string()));
    integer eaf_length_(fd: int, length: any) bare = stored(eaf::length(fd.int()), length.at::<f64>(), |length| length as f64);
    integer eaf_truncate_(fd: int, length: any) bare = code(eaf::truncate(fd.int(), length.read()));
    integer eaf_stat_(path: text, room_kb: out, kind: text) bare = {
        let found = stat(&path.string(), room_kb.0, |room| <Integer as common::fortran::Integer>::narrow(room as i64))?;
        if found == 0 {
            kind.write(KIND.as_bytes());
        }
        Ok(found)
    };
    // False for the code of a file that ends too early, as the original has it.
    logical eaf_eof_(found: int) bare = Ok(found.int() != EAF_END);
    subroutine eaf_errmsg_(found: int, message: text) bare = { message.write(text(found.int()).as_bytes()); Ok(()) };
    subroutine eaf_print_stats_(fd: int) bare = { say(&eaf::statistics(fd.int())); Ok(()) };
    integer eaf_util_szint_() bare = Ok(size_of::<Integer>());
    double_precision eaf_util_random_(seed: int) bare = Ok(crate::tcgmsg::random(seed.wide()));

    integer sf_create_(name: text, hard: any, soft: any, typical: any, handle: out) =
        |ga| stored(sf::create(ga.groups.default_team()?, &name.string(), None), handle.0, narrow);
    integer sf_create_suffix_(name: text, hard: any, soft: any, typical: any, handle: out, suffix: int) =
        |ga| stored(sf::create(ga.groups.default_team()?, &name.string(), Some(suffix.int())), handle.0, narrow);
    integer sf_destroy_(handle: int) bare = code(sf::destroy(handle.int()));
    integer sf_open_(handle: int) bare = code(sf::open(handle.int(), Mode::ReadWrite));
    integer sf_rwtor_(handle: int) bare = code(sf::open(handle.int(), Mode::Read));
    integer sf_close_(handle: int) bare = code(sf::close(handle.int()));
    integer sf_fsync_(handle: int) bare = code(sf::sync(handle.int()));
    integer sf_write_(handle: int, offset: any, bytes: any, buf: any, request: out) bare =
        stored(sf::start(handle.int(), Way::Write, offset.read(), lent_by(buf.0, bytes.read())?), request.0, narrow);
    integer sf_read_(handle: int, offset: any, bytes: any, buf: any, request: out) bare =
        stored(sf::start(handle.int(), Way::Read, offset.read(), lent_by(buf.0, bytes.read())?), request.0, narrow);
    // Read first: the place is where the end of the request is noted.
    integer sf_wait_(request: out) bare = {
        let found = code(sf::wait(narrow_of(request.0.read())))?;
        request.set(NONE.into());
        Ok(found)
    };
    integer sf_waitall_(list: outs, count: int) bare = wait_all(list.cast::<Integer>(), count.wide(), narrow_of, narrow(NONE));
    subroutine sf_errmsg_(found: int, message: text) bare = { message.write(text(found.int()).as_bytes()); Ok(()) };
}

/// The number that C has for an INTEGER.
fn narrow_of<I: Integer>(number: I) -> c_int {
    number.int()
}
