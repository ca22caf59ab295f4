//! Put, get and accumulate of patches: blocking, strided and periodic.
//!
//! Invariant: bounds and leading dimensions are checked before anything moves.

use crate::bounds::{AXES, Bounds, Index, Sizes, counts};
use crate::fault::{Result, refuse};
use crate::guard::wide;
use crate::kept;
use crate::operand::scalar;
use crate::statistics::count;
use crate::table::Array;
use crate::types::{elements, numbers};
use ga_core::Operation;
use ga_core::pointers::{BlockPointers, PatchPointers};
use std::ffi::{c_int, c_void};

/// A patch, and how its elements lie in a buffer.
pub(crate) struct Shape {
    pub(crate) patch: Bounds,
    pub(crate) ld: Sizes,
}

impl Shape {
    /// # Safety
    /// Bounds have a readable number for each axis, `ld` one less.
    #[inline(always)]
    pub(crate) unsafe fn read<I: Index>(
        array: &Array,
        (lo, hi): (*const I, *const I),
        buf: *const c_void,
        ld: *const I,
    ) -> Result<Shape> {
        // SAFETY: the caller's promises.
        unsafe {
            let patch = Bounds::read(array, lo, hi)?;
            present(buf, &patch)?;
            let ld = Sizes::leading(array, ld, &patch, |_| 1)?;
            Ok(Shape { patch, ld })
        }
    }

    /// As [`Shape::read`] for every `skip[d]`-th element of axis `d`; the steps come with it.
    ///
    /// # Safety
    /// As there; `skip` has a readable number for each axis.
    unsafe fn stepped<I: Index>(
        array: &Array,
        (lo, hi): (*const I, *const I),
        skip: *const I,
        buf: *const c_void,
        ld: *const I,
    ) -> Result<(Shape, Sizes)> {
        // SAFETY: the caller's promises.
        unsafe {
            let patch = Bounds::read(array, lo, hi)?;
            present(buf, &patch)?;
            let mut skip = Sizes::read("skip", skip, array.ndim, 1)?;
            let ld = Sizes::leading(array, ld, &patch, |axis| skip.list()[axis])?;
            if array.item > 0 {
                skip.push(1);
            }
            Ok((Shape { patch, ld }, skip))
        }
    }
}

/// Refuses a null pointer where there is something to move.
#[inline(always)]
fn present(buf: *const c_void, patch: &Bounds) -> Result<()> {
    if buf.is_null() && !patch.is_empty() {
        refuse!("the buffer is a null pointer");
    }
    Ok(())
}

/// A patch that goes round the ends of its array: bounds may be anything.
pub(crate) struct Round {
    lo: [isize; AXES],
    hi: [isize; AXES],
    axes: usize,
    pub(crate) ld: Sizes,
}

impl Round {
    /// # Safety
    /// As [`Shape::read`].
    pub(crate) unsafe fn read<I: Index>(
        array: &Array,
        lo: *const I,
        hi: *const I,
        ld: *const I,
    ) -> Result<Round> {
        if lo.is_null() || hi.is_null() {
            refuse!("lo or hi is a null pointer");
        }
        let mut round = Round { lo: [0; AXES], hi: [0; AXES], axes: array.ndim, ld: Sizes::none() };
        for d in 0..array.ndim {
            // SAFETY: the caller's promise.
            let (lo, hi) = unsafe { (I::read(lo, d, array.ndim), I::read(hi, d, array.ndim)) };
            let (from, to) = (lo.at(), hi.at());
            if to < from.wrapping_sub(1) {
                refuse!("lo is {lo} and hi is {hi} along axis {}", I::axis(d, array.ndim));
            }
            (round.lo[d], round.hi[d]) = (from as isize, to as isize + 1);
            if d > 0 {
                let extent = round.hi[d] - round.lo[d];
                let row = match ld.is_null() {
                    true => -1,
                    // SAFETY: the caller's promise.
                    false => unsafe { I::read(ld, d - 1, array.ndim - 1) }.wide(),
                };
                if row < extent as i64 {
                    let extents = |axis: usize| (round.hi[axis] - round.lo[axis]) as i64;
                    counts::<I>((d - 1, array.ndim), row, extent as i64, extents)?;
                }
                round.ld.push(row.max(extent as i64) as usize);
            }
        }
        if array.item > 0 {
            round.hi[array.ndim] = array.item as isize;
            round.axes += 1;
            round.ld.push(array.item);
        }
        Ok(round)
    }

    pub(crate) fn lo(&self) -> &[isize] {
        &self.lo[..self.axes]
    }

    pub(crate) fn hi(&self) -> &[isize] {
        &self.hi[..self.axes]
    }
}

/// The patches that are nearly all: of up to three axes, with one owner. `$move` moves the patch `$few` of array `$a` and returns from the
/// exported function if that is possible. Everything else goes on, whatever may be wrong with it.
macro_rules! shortly {
    ($types:ident, $operation:ident, $array:ident, ($lo:ident, $hi:ident, $buf:ident, $ld:ident), |$a:ident: $t:ident, $few:ident| $move:expr) => {
        match $array.ndim {
            2 => $crate::exports::transfer::shortly! { 2, $types, $operation, $array, ($lo, $hi, $buf, $ld), |$a: $t, $few| $move },
            1 => $crate::exports::transfer::shortly! { 1, $types, $operation, $array, ($lo, $hi, $buf, $ld), |$a: $t, $few| $move },
            3 => $crate::exports::transfer::shortly! { 3, $types, $operation, $array, ($lo, $hi, $buf, $ld), |$a: $t, $few| $move },
            _ => {}
        }
    };
    ($n:literal, $types:ident, $operation:ident, $array:ident, ($lo:ident, $hi:ident, $buf:ident, $ld:ident), |$a:ident: $t:ident, $few:ident| $move:expr) => {
        if let Some($few) = &$crate::bounds::Few::<$n>::read($lo, $hi, $ld)
            && !$buf.is_null()
            && let Some(done) = $types!($array, |$a: $t| Ok($move))?
        {
            $crate::statistics::count(Operation::$operation, $few.len() * $array.raw.dtype().size_bytes());
            return Ok(done?);
        }
    };
}

pub(crate) use shortly;

wide! {
    NGA_Put / NGA_Put64(g_a: c_int, lo: *const Int, hi: *const Int, buf: *const c_void, ld: *const Int) = |ga| {
        let array = ga.target(g_a)?;
        shortly!(elements, Put, array, (lo, hi, buf, ld), |a: T, few| a.put_short(&few.lo, &few.hi, buf.cast::<T>(), few.ld()));
        let Shape { patch, ld } = Shape::read(array, (lo, hi), buf, ld)?;
        count(Operation::Put, patch.bytes(array));
        elements!(array, |a: T| Ok(a.put_ptr(patch.lo(), patch.hi(), buf.cast::<T>(), ld.list())?))
    };
    NGA_Get / NGA_Get64(g_a: c_int, lo: *const Int, hi: *const Int, buf: *mut c_void, ld: *const Int) = |ga| {
        let array = ga.array(g_a)?;
        let is_plain = array.property.is_none();
        if is_plain {
            shortly!(elements, Get, array, (lo, hi, buf, ld), |a: T, few| a.get_short(&few.lo, &few.hi, buf.cast::<T>(), few.ld()));
        }
        let Shape { patch, ld } = Shape::read(array, (lo, hi), buf, ld)?;
        count(Operation::Get, patch.bytes(array));
        if !is_plain {
            return kept::get(array, &patch, &ld, buf);
        }
        elements!(array, |a: T| Ok(a.get_ptr(patch.lo(), patch.hi(), buf.cast::<T>(), ld.list())?))
    };
    NGA_Acc / NGA_Acc64(g_a: c_int, lo: *const Int, hi: *const Int, buf: *const c_void, ld: *const Int, alpha: *const c_void) = |ga| {
        let array = ga.target(g_a)?;
        shortly!(numbers, Accumulate, array, (lo, hi, buf, ld), |a: T, few| {
            a.accumulate_short(&few.lo, &few.hi, buf.cast::<T>(), few.ld(), scalar("alpha", alpha)?)
        });
        let Shape { patch, ld } = Shape::read(array, (lo, hi), buf, ld)?;
        count(Operation::Accumulate, patch.bytes(array));
        numbers!(array, |a: T| {
            let alpha = scalar::<T>("alpha", alpha)?;
            Ok(a.accumulate_ptr(patch.lo(), patch.hi(), buf.cast::<T>(), ld.list(), alpha)?)
        })
    };
    NGA_Strided_put / NGA_Strided_put64(g_a: c_int, lo: *const Int, hi: *const Int, skip: *const Int, buf: *const c_void, ld: *const Int) = |ga| {
        let array = ga.target(g_a)?;
        let (Shape { patch, ld }, skip) = Shape::stepped(array, (lo, hi), skip, buf, ld)?;
        elements!(array, |a: T| Ok(a.put_steps_ptr(patch.lo(), patch.hi(), skip.list(), buf.cast::<T>(), ld.list())?))
    };
    NGA_Strided_get / NGA_Strided_get64(g_a: c_int, lo: *const Int, hi: *const Int, skip: *const Int, buf: *mut c_void, ld: *const Int) = |ga| {
        let array = ga.array(g_a)?;
        let (Shape { patch, ld }, skip) = Shape::stepped(array, (lo, hi), skip, buf, ld)?;
        elements!(array, |a: T| Ok(a.get_steps_ptr(patch.lo(), patch.hi(), skip.list(), buf.cast::<T>(), ld.list())?))
    };
    NGA_Strided_acc / NGA_Strided_acc64(g_a: c_int, lo: *const Int, hi: *const Int, skip: *const Int, buf: *const c_void, ld: *const Int, alpha: *const c_void) = |ga| {
        let array = ga.target(g_a)?;
        let (Shape { patch, ld }, skip) = Shape::stepped(array, (lo, hi), skip, buf, ld)?;
        numbers!(array, |a: T| {
            let alpha = scalar::<T>("alpha", alpha)?;
            Ok(a.accumulate_steps_ptr(patch.lo(), patch.hi(), skip.list(), buf.cast::<T>(), ld.list(), alpha)?)
        })
    };
    NGA_Periodic_put / NGA_Periodic_put64(g_a: c_int, lo: *const Int, hi: *const Int, buf: *const c_void, ld: *const Int) = |ga| {
        let array = ga.target(g_a)?;
        let round = Round::read(array, lo, hi, ld)?;
        elements!(array, |a: T| Ok(a.put_periodic_ptr(round.lo(), round.hi(), buf.cast::<T>(), round.ld.list())?))
    };
    NGA_Periodic_get / NGA_Periodic_get64(g_a: c_int, lo: *const Int, hi: *const Int, buf: *mut c_void, ld: *const Int) = |ga| {
        let array = ga.array(g_a)?;
        let round = Round::read(array, lo, hi, ld)?;
        elements!(array, |a: T| Ok(a.get_periodic_ptr(round.lo(), round.hi(), buf.cast::<T>(), round.ld.list())?))
    };
    NGA_Periodic_acc / NGA_Periodic_acc64(g_a: c_int, lo: *const Int, hi: *const Int, buf: *const c_void, ld: *const Int, alpha: *const c_void) = |ga| {
        let array = ga.target(g_a)?;
        let round = Round::read(array, lo, hi, ld)?;
        numbers!(array, |a: T| {
            let alpha = scalar::<T>("alpha", alpha)?;
            Ok(a.accumulate_periodic_ptr(round.lo(), round.hi(), buf.cast::<T>(), round.ld.list(), alpha)?)
        })
    };
}
