//! Non-blocking transfers.
//!
//! A handle of 0 stands for a transfer that was complete when it was started, as all are on one node; others are numbers in a table.
//!
//! Invariant: a number is given to one transfer only, so that waiting twice, or for what another thread waited for, is no mistake. Handles
//! are written when a transfer starts, and never again: programs wait for handles in memory that is somebody else's by then.

use crate::fault::Result;
use crate::guard::{exported, wide};
use crate::operand::scalar;
use crate::print::count;
use crate::state::State;
use crate::transfer::{Shape, shortly};
use crate::types::{elements, numbers};
use ga_core::pointers::PatchPointers;
use ga_core::{Operation, Pending};
use std::collections::HashMap;
use std::ffi::{c_int, c_long, c_void};
use std::sync::Mutex;

/// Transfers that somebody has to wait for.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<(c_long, HashMap<c_long, Pending>)>);

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
        let number = if pending.is_done() { 0 } else { self.enter(pending) };
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

    #[cold]
    fn enter(&self, pending: Pending) -> c_long {
        let mut waiting = self.waiting.0.lock().expect("no panic holds it");
        waiting.0 += 1;
        let number = waiting.0;
        waiting.1.insert(number, pending);
        number
    }

    fn leave(&self, number: c_long) -> Option<Pending> {
        self.waiting.0.lock().expect("no panic holds it").1.remove(&number)
    }

    #[cold]
    fn wait(&self, number: c_long) -> Result<()> {
        self.leave(number).map_or(Ok(()), |mut pending| Ok(pending.wait()?))
    }

    #[cold]
    fn test(&self, number: c_long) -> Result<bool> {
        let mut waiting = self.waiting.0.lock().expect("no panic holds it");
        let Some(pending) = waiting.1.get_mut(&number) else { return Ok(true) };
        let is_done = pending.test()?;
        if is_done {
            waiting.1.remove(&number);
        }
        Ok(is_done)
    }
}

exported! {
    NGA_NbWait(handle: *mut c_long) = |ga| {
        if !handle.is_null() && *handle != 0 {
            ga.wait(*handle)?;
        }
        Ok(())
    };
    NGA_NbTest(handle: *mut c_long) -> c_int = |ga| Ok((handle.is_null() || *handle == 0 || ga.test(*handle)?).into());
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
