//! Scattered elements, and the shared counter.
//!
//! Invariant: a list of subscripts is read in place, whatever its form; elements of registered types go one by one.

use crate::bounds::{AXES, Bounds, Index, index};
use crate::fault::{Fault, Result, refuse};
use crate::guard::{plain, wide};
use crate::kept::writable;
use crate::operand::scalar;
use crate::statistics::count as tally;
use crate::table::Array;
use crate::types::{elements, numbers, unfit};
use ga_core::pointers::{ElementPointers, PatchPointers};
use ga_core::{GlobalArray, Operation};
use rma::DType;
use std::ffi::{c_int, c_long, c_void};

/// Subscripts as C lists them.
#[derive(Clone, Copy)]
enum List<I> {
    /// One pointer for each element.
    Pointers(*const *const I),
    /// All numbers in a row.
    Flat(*const I),
}

impl<I: Index> List<I> {
    /// Refuses a null pointer where there are elements.
    fn check(self, values: *const c_void, count: usize) -> Result<()> {
        let is_null = match self {
            List::Pointers(list) => list.is_null(),
            List::Flat(list) => list.is_null(),
        };
        if count > 0 && (is_null || values.is_null()) {
            refuse!("the {} are a null pointer", if is_null { "subscripts" } else { "values" });
        }
        Ok(())
    }

    /// The subscript of an element.
    ///
    /// # Safety
    /// There are so many.
    #[inline(always)]
    unsafe fn at(self, element: usize, ndim: usize) -> *const I {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                List::Pointers(list) => list.add(element).read(),
                List::Flat(list) => list.add(element * ndim),
            }
        }
    }

    /// Writes the index of an element, which may lie anywhere.
    ///
    /// # Safety
    /// There are so many; each has a number for each axis.
    #[inline(always)]
    unsafe fn write(self, element: usize, to: &mut [usize]) {
        // SAFETY: the caller's promise.
        unsafe {
            let ndim = to.len();
            let subscript = self.at(element, ndim);
            for (d, number) in to.iter_mut().enumerate() {
                *number = I::read(subscript, d, ndim).at() as usize;
            }
        }
    }
}

/// How many elements; a negative number is none.
fn count(number: impl Index) -> Result<usize> {
    match usize::try_from(number.wide()) {
        Ok(count) => Ok(count),
        Err(_) => refuse!("{number} elements"),
    }
}

/// Calls `act` with the bytes, the index and the number of each element of an array of a registered type.
///
/// # Safety
/// The list has so many subscripts of the array's axes.
unsafe fn each<I: Index>(
    array: &Array,
    list: List<I>,
    count: usize,
    mut act: impl FnMut(&GlobalArray<u8>, &Bounds, usize) -> ga_core::Result<()>,
) -> Result<()> {
    let Some(bytes) = array.raw.typed::<u8>() else { return Err(unfit(array.kind)) };
    for element in 0..count {
        // SAFETY: the caller's promise.
        let place = unsafe { index(array, list.at(element, array.ndim)) }?;
        act(bytes, &Bounds::element(array, &place), element)?;
    }
    Ok(())
}

/// What was wrong with a list: Fortran is told its own numbers of the first subscript that is outside.
///
/// # Safety
/// The list has so many subscripts of the array's axes.
#[cold]
unsafe fn explained<I: Index>(array: &Array, list: List<I>, count: usize, error: ga_core::Error) -> Fault {
    let wrong = |element: usize| {
        // SAFETY: the caller's promise.
        let fault = unsafe { index(array, list.at(element, array.ndim)) }.err()?;
        Some(fault.of(format_args!("element {}", element + 1)))
    };
    let found = if I::IS_FORTRAN { (0..count).find_map(wrong) } else { None };
    found.unwrap_or_else(|| error.into())
}

/// Leading dimensions of one element.
fn dense(array: &Array) -> ([usize; AXES], usize) {
    let mut ld = [1; AXES];
    ld[array.ndim - 1] = array.item;
    (ld, array.ndim)
}

/// # Safety
/// The list has so many subscripts, and `v` room for so many elements.
unsafe fn gather<I: Index>(array: &Array, list: List<I>, v: *mut c_void, number: impl Index) -> Result<()> {
    let count = count(number)?;
    list.check(v, count)?;
    tally(Operation::Gather, count * array.size());
    // SAFETY: the caller's promises.
    unsafe {
        if array.item > 0 {
            let (ld, axes) = dense(array);
            return each(array, list, count, |bytes, place, element| {
                bytes.get_ptr(place.lo(), place.hi(), v.cast::<u8>().add(element * array.item), &ld[..axes])
            });
        }
        elements!(array, |a: T| {
            let done = a.gather_with(count, |element, to| list.write(element, to), v.cast::<T>());
            done.map_err(|error| explained(array, list, count, error))
        })
    }
}

/// # Safety
/// The list has so many subscripts, and `v` so many elements.
unsafe fn scatter<I: Index>(
    array: &Array,
    list: List<I>,
    v: *const c_void,
    number: impl Index,
) -> Result<()> {
    let (array, count) = (writable(array)?, count(number)?);
    list.check(v, count)?;
    tally(Operation::Scatter, count * array.size());
    // SAFETY: the caller's promises.
    unsafe {
        if array.item > 0 {
            let (ld, axes) = dense(array);
            return each(array, list, count, |bytes, place, element| {
                bytes.put_ptr(place.lo(), place.hi(), v.cast::<u8>().add(element * array.item), &ld[..axes])
            });
        }
        elements!(array, |a: T| {
            let done = a.scatter_with(count, |element, to| list.write(element, to), v.cast::<T>());
            done.map_err(|error| explained(array, list, count, error))
        })
    }
}

/// # Safety
/// As [`scatter`]; `alpha` is readable as an element.
unsafe fn scatter_acc<I: Index>(
    array: &Array,
    list: List<I>,
    v: *const c_void,
    number: impl Index,
    alpha: *const c_void,
) -> Result<()> {
    let (array, count) = (writable(array)?, count(number)?);
    list.check(v, count)?;
    tally(Operation::Scatter, count * array.size());
    // SAFETY: the caller's promises.
    unsafe {
        numbers!(array, |a: T| {
            let alpha = scalar::<T>("alpha", alpha)?;
            let done =
                a.scatter_accumulate_with(count, |element, to| list.write(element, to), v.cast::<T>(), alpha);
            done.map_err(|error| explained(array, list, count, error))
        })
    }
}

/// # Safety
/// A readable number for each axis.
#[inline(always)]
unsafe fn read_inc<I: Index>(array: &Array, subscript: *const I, inc: c_long) -> Result<c_long> {
    // SAFETY: the caller's promise.
    let place = unsafe { index(array, subscript) }?;
    let place = &place[..array.ndim];
    tally(Operation::ReadInc, array.size());
    match array.raw.dtype() {
        DType::I64 => Ok(array.raw.typed::<i64>().map_or(Ok(0), |a| a.read_inc(place, inc))?),
        DType::I32 => Ok(array.raw.typed::<i32>().map_or(Ok(0), |a| a.read_inc(place, inc as i32))?.into()),
        _ => Err(unfit(array.kind)),
    }
}

plain! {
    // There are no buffers to make or to keep.
    NGA_Alloc_gatscat_buf(_elements: c_int) = |_ga| Ok(());
    NGA_Free_gatscat_buf() = |_ga| Ok(());
}

wide! {
    NGA_Gather / NGA_Gather64(g_a: c_int, v: *mut c_void, list: *const *const Int, n: Int) =
        |ga| gather(ga.array(g_a)?, List::Pointers(list), v, n);
    NGA_Gather_flat / NGA_Gather_flat64(g_a: c_int, v: *mut c_void, list: *const Int, n: Int) =
        |ga| gather(ga.array(g_a)?, List::Flat(list), v, n);
    NGA_Scatter / NGA_Scatter64(g_a: c_int, v: *const c_void, list: *const *const Int, n: Int) =
        |ga| scatter(ga.array(g_a)?, List::Pointers(list), v, n);
    NGA_Scatter_flat / NGA_Scatter_flat64(g_a: c_int, v: *const c_void, list: *const Int, n: Int) =
        |ga| scatter(ga.array(g_a)?, List::Flat(list), v, n);
    NGA_Scatter_acc / NGA_Scatter_acc64(g_a: c_int, v: *const c_void, list: *const *const Int, n: Int, alpha: *const c_void) =
        |ga| scatter_acc(ga.array(g_a)?, List::Pointers(list), v, n, alpha);
    NGA_Scatter_acc_flat / NGA_Scatter_acc_flat64(g_a: c_int, v: *const c_void, list: *const Int, n: Int, alpha: *const c_void) =
        |ga| scatter_acc(ga.array(g_a)?, List::Flat(list), v, n, alpha);
    NGA_Read_inc / NGA_Read_inc64(g_a: c_int, subscript: *const Int, inc: c_long) -> c_long =
        |ga| read_inc(ga.target(g_a)?, subscript, inc);
}
