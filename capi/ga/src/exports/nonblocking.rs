//! Non-blocking transfers.
//!
//! A handle of 0 stands for a transfer that was complete when it was started, as all are on one node; others are numbers in a table.
//!
//! Invariant: handles are written when a transfer starts, and never again: programs wait for handles in memory that is somebody else's by then.

use crate::fault::Result;
use crate::guard::{plain, wide};
use crate::operand::scalar;

use super::transfer::{Shape, shortly};
use crate::state::State;
use crate::statistics::count;
use crate::types::{elements, numbers};
use ga_core::pointers::PatchPointers;
use ga_core::{Operation, Pending};
use std::ffi::{c_int, c_long, c_void};

impl State {
    /// Gives a transfer its handle. Without a place for it there is nothing to wait by, so it is waited for here.
    ///
    /// # Safety
    /// Null or writable.
    #[inline(always)]
    pub(crate) unsafe fn keep(&self, mut pending: Pending, handle: *mut c_long) -> Result<()> {
        if handle.is_null() {
            return Ok(pending.wait()?);
        }
        let number = if pending.is_done() { 0 } else { self.waiting.enter(pending) };
        // SAFETY: the caller's promise.
        unsafe { handle.write(number) };
        Ok(())
    }

    /// Where nothing is left under way: the handle says so, before the transfer.
    ///
    /// # Safety
    /// Null or writable.
    #[inline(always)]
    unsafe fn settle(&self, handle: *mut c_long) {
        if !handle.is_null() {
            // SAFETY: the caller's promise.
            unsafe { handle.write(0) };
        }
    }
}

plain! {
    NGA_NbWait(handle: *mut c_long) = |ga| {
        if !handle.is_null() && *handle != 0 {
            ga.waiting.wait(*handle)?;
        }
        Ok(())
    };
    NGA_NbTest(handle: *mut c_long) -> c_int = |ga| Ok((handle.is_null() || *handle == 0 || ga.waiting.test(*handle)?).into());
}

wide! {
    NGA_NbPut / NGA_NbPut64(g_a: c_int, lo: *const Int, hi: *const Int, buf: *const c_void, ld: *const Int, handle: *mut c_long) = |ga| {
        let array = ga.target(g_a)?;
        if array.is_near {
            ga.settle(handle);
            shortly!(elements, Put, array, (lo, hi, buf, ld), |a: T, few| a.put_short(&few.lo, &few.hi, buf.cast::<T>(), few.ld()));
        }
        let Shape { patch, ld } = Shape::read(array, (lo, hi), buf, ld)?;
        count(Operation::Put, patch.bytes(array));
        let pending = elements!(array, |a: T| Ok(a.put_ptr_nb(patch.lo(), patch.hi(), buf.cast::<T>(), ld.list())?))?;
        ga.keep(pending, handle)
    };
    NGA_NbGet / NGA_NbGet64(g_a: c_int, lo: *const Int, hi: *const Int, buf: *mut c_void, ld: *const Int, handle: *mut c_long) = |ga| {
        let array = ga.array(g_a)?;
        if array.is_near {
            ga.settle(handle);
            shortly!(elements, Get, array, (lo, hi, buf, ld), |a: T, few| a.get_short(&few.lo, &few.hi, buf.cast::<T>(), few.ld()));
        }
        let Shape { patch, ld } = Shape::read(array, (lo, hi), buf, ld)?;
        count(Operation::Get, patch.bytes(array));
        let pending = elements!(array, |a: T| Ok(a.get_ptr_nb(patch.lo(), patch.hi(), buf.cast::<T>(), ld.list())?))?;
        ga.keep(pending, handle)
    };
    NGA_NbAcc / NGA_NbAcc64(g_a: c_int, lo: *const Int, hi: *const Int, buf: *const c_void, ld: *const Int, alpha: *const c_void, handle: *mut c_long) = |ga| {
        let array = ga.target(g_a)?;
        if array.is_near {
            ga.settle(handle);
            shortly!(numbers, Accumulate, array, (lo, hi, buf, ld), |a: T, few| {
                a.accumulate_short(&few.lo, &few.hi, buf.cast::<T>(), few.ld(), scalar("alpha", alpha)?)
            });
        }
        let Shape { patch, ld } = Shape::read(array, (lo, hi), buf, ld)?;
        count(Operation::Accumulate, patch.bytes(array));
        let pending = numbers!(array, |a: T| {
            let alpha = scalar::<T>("alpha", alpha)?;
            Ok(a.accumulate_ptr_nb(patch.lo(), patch.hi(), buf.cast::<T>(), ld.list(), alpha)?)
        })?;
        ga.keep(pending, handle)
    };
}
