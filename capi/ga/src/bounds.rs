//! From a program's arrays of numbers to boxes and indices.
//!
//! Bounds are inclusive. C's are `int` or `int64_t`, begin with 0, and are listed from the first axis on; Fortran's are INTEGERs, begin with 1, and
//! are listed from the axis on whose elements lie side by side, which is the last one here. What reads them is written once, against [`Index`].
//!
//! Invariant: a [`Bounds`] lies in its array; `hi` is exclusive.
//! An upper bound one below the lower one makes an empty box, which is legal, and so are C's -1 and -2, which is what a rank without
//! elements is told that it has (0 and -1 in Fortran); one further below is a mistake.

use crate::fault::{Fault, Result, refuse};
use crate::table::Array;
use common::fortran::Integer;
use ga_core::Region;
use std::ffi::c_int;
use std::fmt::{self, Display};

/// Most axes, C's and that of items.
pub(crate) const AXES: usize = 8;
/// `GA_MAX_DIM`
pub(crate) const MAX_DIM: usize = 7;

/// A number as a language has it: C's `int` and `int64_t`, Fortran's INTEGER.
pub(crate) trait Index: Copy + Display + 'static {
    /// Of the language, not of C.
    const IS_FORTRAN: bool = false;

    fn wide(self) -> i64;
    fn narrow(value: i64) -> Self;

    /// What the first element of an axis, or of a list, has for a number.
    const BASE: i64 = Self::IS_FORTRAN as i64;

    /// A place, from 0.
    #[inline(always)]
    fn at(self) -> i64 {
        self.wide().wrapping_sub(Self::BASE)
    }

    /// Where a list of `len` numbers has that of axis `d`, and which axis its `d`-th number is about.
    #[inline(always)]
    fn place(d: usize, len: usize) -> usize {
        if Self::IS_FORTRAN { len - 1 - d } else { d }
    }

    /// The number of axis `d` in a list.
    ///
    /// # Safety
    /// `len` of them are readable.
    #[inline(always)]
    unsafe fn read(list: *const Self, d: usize, len: usize) -> Self {
        // SAFETY: the caller's promise.
        unsafe { list.add(Self::place(d, len)).read() }
    }

    /// The number of an axis of `ndim`, for messages.
    fn axis(d: usize, ndim: usize) -> i64 {
        Self::place(d, ndim) as i64 + Self::BASE
    }

    /// An element of a list, for messages.
    fn element(what: &str, place: usize) -> String {
        if Self::IS_FORTRAN { format!("{what}({})", place + 1) } else { format!("{what}[{place}]") }
    }

    /// Extents, for messages.
    fn extents(shape: &[usize]) -> String {
        let texts: Vec<String> =
            (0..shape.len()).map(|place| shape[Self::place(place, shape.len())].to_string()).collect();
        texts.join(" x ")
    }

    /// A list, for messages.
    fn listed(numbers: &[Self]) -> String {
        let texts: Vec<String> = numbers.iter().map(Self::to_string).collect();
        let text = texts.join(", ");
        if Self::IS_FORTRAN { format!("({text})") } else { format!("{{{text}}}") }
    }
}

macro_rules! of_c {
    ($($t:ty),*) => {$(
        impl Index for $t {
            #[inline(always)]
            fn wide(self) -> i64 {
                Integer::wide(self)
            }
            #[inline(always)]
            fn narrow(value: i64) -> $t {
                Integer::narrow(value)
            }
        }
    )*};
}

of_c!(c_int, i64);

/// An INTEGER of Fortran's, of 8 bytes or 4.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Fortran<I>(pub(crate) I);

impl<I: Integer> Display for Fortran<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<I: Integer> Index for Fortran<I> {
    const IS_FORTRAN: bool = true;

    #[inline(always)]
    fn wide(self) -> i64 {
        self.0.wide()
    }
    #[inline(always)]
    fn narrow(value: i64) -> Fortran<I> {
        Fortran(I::narrow(value))
    }
}

/// A box of an array, in its own axes; those of items are whole.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    lo: [usize; AXES],
    hi: [usize; AXES],
    axes: usize,
}

impl Bounds {
    #[inline(always)]
    pub(crate) fn lo(&self) -> &[usize] {
        &self.lo[..self.axes]
    }

    #[inline(always)]
    pub(crate) fn hi(&self) -> &[usize] {
        &self.hi[..self.axes]
    }

    /// Elements along an axis.
    #[inline(always)]
    pub(crate) fn extent(&self, axis: usize) -> usize {
        self.hi[axis] - self.lo[axis]
    }

    /// Bytes of its elements.
    #[inline(always)]
    pub(crate) fn bytes(&self, array: &Array) -> usize {
        (0..self.axes).fold(array.raw.dtype().size_bytes(), |bytes, d| bytes * self.extent(d))
    }

    /// Has no elements.
    pub(crate) fn is_empty(&self) -> bool {
        (0..self.axes).any(|d| self.hi[d] == self.lo[d])
    }

    /// The whole array.
    pub(crate) fn whole(array: &Array) -> Bounds {
        let shape = array.raw.shape();
        let mut bounds = Bounds { lo: [0; AXES], hi: [0; AXES], axes: shape.len() };
        bounds.hi[..shape.len()].copy_from_slice(shape);
        bounds
    }

    /// The box of one element, whose index is checked.
    pub(crate) fn element(array: &Array, index: &[usize; AXES]) -> Bounds {
        let mut bounds = Bounds { lo: *index, hi: index.map(|number| number + 1), axes: array.ndim };
        if array.item > 0 {
            (bounds.lo[array.ndim], bounds.hi[array.ndim]) = (0, array.item);
            bounds.axes += 1;
        }
        bounds
    }

    /// The same with another range of the last axis.
    pub(crate) fn with_last(mut self, lo: usize, hi: usize) -> Bounds {
        (self.lo[self.axes - 1], self.hi[self.axes - 1]) = (lo, hi);
        self
    }

    /// The box of a program's bounds.
    ///
    /// # Safety
    /// Both have a readable number for each axis of the array.
    #[inline(always)]
    pub(crate) unsafe fn read<I: Index>(array: &Array, lo: *const I, hi: *const I) -> Result<Bounds> {
        let mut bounds = Bounds { lo: [0; AXES], hi: [0; AXES], axes: array.ndim };
        let mut is_inside = !lo.is_null() && !hi.is_null();
        if is_inside {
            for (d, &extent) in array.shape().iter().enumerate() {
                // SAFETY: both pointers are there, and have a number for axis `d`: the caller's promise.
                let (from, to) =
                    unsafe { (I::read(lo, d, array.ndim).at(), I::read(hi, d, array.ndim).at()) };
                let to = to.wrapping_add(1);
                is_inside &= from >= 0 && from <= to && to as u64 <= extent as u64;
                (bounds.lo[d], bounds.hi[d]) = (from as usize, to as usize);
            }
        }
        if !is_inside {
            // SAFETY: as above.
            unsafe { outside(array, lo, hi) }?;
            (bounds.lo, bounds.hi) = ([0; AXES], [0; AXES]);
        }
        if array.item > 0 {
            bounds.hi[array.ndim] = array.item;
            bounds.axes += 1;
        }
        Ok(bounds)
    }
}

/// A patch of few axes and the leading dimensions of its buffer, as a program gives them. Nothing is checked: what can't be becomes bounds that are
/// in no array, or rows that are too short.
pub(crate) struct Few<const N: usize> {
    pub(crate) lo: [usize; N],
    pub(crate) hi: [usize; N],
    ld: [usize; N],
}

impl<const N: usize> Few<N> {
    /// Nothing, if there is nothing to read.
    ///
    /// # Safety
    /// Bounds have a readable number for each axis, `ld` one less.
    #[inline(always)]
    pub(crate) unsafe fn read<I: Index>(lo: *const I, hi: *const I, ld: *const I) -> Option<Few<N>> {
        if lo.is_null() || hi.is_null() || (N > 1 && ld.is_null()) {
            return None;
        }
        let mut few = Few { lo: [0; N], hi: [0; N], ld: [0; N] };
        for d in 0..N {
            // SAFETY: the caller's promise.
            unsafe {
                few.lo[d] = I::read(lo, d, N).at() as usize;
                few.hi[d] = I::read(hi, d, N).at().wrapping_add(1) as usize;
                if d + 1 < N {
                    few.ld[d] = I::read(ld, d, N - 1).wide().max(0) as usize;
                }
            }
        }
        Some(few)
    }

    #[inline(always)]
    pub(crate) fn ld(&self) -> &[usize] {
        &self.ld[..N - 1]
    }

    /// Elements, where the bounds are right.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        (0..N).fold(1, |len, d| len * (self.hi[d] - self.lo[d]))
    }
}

/// What ga-core takes for a patch.
impl Region for Bounds {
    #[inline(always)]
    fn with_bounds<R>(&self, _shape: &[usize], f: impl FnOnce(&[usize], &[usize]) -> R) -> R {
        f(self.lo(), self.hi())
    }
}

/// Refuses a leading dimension that is too small, if there is a second row to be found by it: programs give any number for a single
/// row, as the original doesn't look at it.
#[cold]
pub(crate) fn counts<I: Index>(
    (d, ndim): (usize, usize),
    row: i64,
    extent: i64,
    extents: impl Fn(usize) -> i64,
) -> Result<()> {
    if (0..=d).any(|axis| extents(axis) > 1) {
        let (ld, axis) = (I::element("ld", I::place(d, ndim - 1)), I::axis(d + 1, ndim));
        refuse!("{ld} is {row}, and the patch has {extent} elements along axis {axis}");
    }
    Ok(())
}

/// Says what is wrong with bounds; nothing if they are those of a rank without elements, as `NGA_Distribution` tells them.
///
/// # Safety
/// As [`Bounds::read`]; either may be null.
#[cold]
#[inline(never)]
unsafe fn outside<I: Index>(array: &Array, lo: *const I, hi: *const I) -> Result<()> {
    if lo.is_null() || hi.is_null() {
        refuse!("lo or hi is a null pointer");
    }
    let ndim = array.ndim;
    // SAFETY: the caller's promise.
    let (los, his) = unsafe { (std::slice::from_raw_parts(lo, ndim), std::slice::from_raw_parts(hi, ndim)) };
    if los.iter().all(|lo| lo.at() == -1) && his.iter().all(|hi| hi.at() == -2) {
        return Ok(());
    }
    let text = format!("lo {}, hi {}", I::listed(los), I::listed(his));
    for place in 0..ndim {
        let (from, to, axis) = (los[place].at(), his[place].at(), place as i64 + I::BASE);
        let extent = array.shape()[I::place(place, ndim)] as i64;
        if from > to.wrapping_add(1) {
            refuse!("{text}: lo is above hi on axis {axis}");
        }
        if from < 0 || to >= extent {
            refuse!("{text}: axis {axis} goes from {} to {}", I::BASE, extent - 1 + I::BASE);
        }
    }
    refuse!("{text}")
}

/// Numbers in braces, as C has them.
pub(crate) fn listed<T: Display>(numbers: &[T]) -> String {
    let texts: Vec<String> = numbers.iter().map(T::to_string).collect();
    format!("{{{}}}", texts.join(", "))
}

/// A program's numbers that must not be negative, by axis; the axes that they lack are those of items.
pub(crate) struct Sizes {
    list: [usize; AXES],
    len: usize,
}

impl Sizes {
    #[inline(always)]
    pub(crate) fn list(&self) -> &[usize] {
        &self.list[..self.len]
    }

    pub(crate) fn none() -> Sizes {
        Sizes { list: [0; AXES], len: 0 }
    }

    /// Leading dimensions of a buffer for boxes of the array of which every `step(d)`-th element of axis `d` counts: one for each axis
    /// but the first, items' included.
    ///
    /// # Safety
    /// As many readable numbers as the array has axes, less one.
    #[inline(always)]
    pub(crate) unsafe fn leading<I: Index>(
        array: &Array,
        ld: *const I,
        bounds: &Bounds,
        step: impl Fn(usize) -> usize,
    ) -> Result<Sizes> {
        let mut sizes = Sizes { list: [0; AXES], len: array.ndim - 1 };
        for d in 0..sizes.len {
            if ld.is_null() {
                refuse!("ld is a null pointer, and there are {} axes", array.ndim);
            }
            // SAFETY: not null, and has a number for each axis but one: the caller's promise.
            let row = unsafe { I::read(ld, d, array.ndim - 1) }.wide();
            let extent = bounds.extent(d + 1).div_ceil(step(d + 1));
            if row < extent as i64 && !bounds.is_empty() {
                counts::<I>((d, array.ndim), row, extent as i64, |axis| {
                    bounds.extent(axis).div_ceil(step(axis)) as i64
                })?;
            }
            sizes.list[d] = row.max(extent as i64) as usize;
        }
        if array.item > 0 {
            sizes.list[sizes.len] = array.item;
            sizes.len += 1;
        }
        Ok(sizes)
    }

    /// Numbers of which each is at least `least`.
    ///
    /// # Safety
    /// `len` of them are readable.
    pub(crate) unsafe fn read<I: Index>(what: &str, list: *const I, len: usize, least: i64) -> Result<Sizes> {
        if list.is_null() {
            refuse!("{what} is a null pointer");
        }
        if len > AXES {
            refuse!("{len} axes, and {MAX_DIM} are the most");
        }
        let mut sizes = Sizes { list: [0; AXES], len };
        for d in 0..len {
            // SAFETY: the caller's promise.
            let number = unsafe { I::read(list, d, len).wide() };
            if number < least {
                refuse!("{} is {number}, and {least} is the least", I::element(what, I::place(d, len)));
            }
            sizes.list[d] = number as usize;
        }
        Ok(sizes)
    }

    /// The same of places, from 0 on.
    ///
    /// # Safety
    /// As [`Sizes::read`].
    pub(crate) unsafe fn places<I: Index>(what: &str, list: *const I, len: usize) -> Result<Sizes> {
        // SAFETY: the caller's promise.
        let mut sizes = unsafe { Sizes::read(what, list, len, I::BASE) }?;
        sizes.list[..len].iter_mut().for_each(|number| *number -= I::BASE as usize);
        Ok(sizes)
    }

    /// Another number at the end.
    pub(crate) fn set_last(&mut self, number: usize) {
        self.list[self.len - 1] = number;
    }

    /// One more at the end.
    pub(crate) fn push(&mut self, number: usize) {
        self.list[self.len] = number;
        self.len += 1;
    }
}

/// An index of an array: one number per axis, which lies in it; 0 along that of items.
///
/// # Safety
/// A readable number for each axis.
#[inline(always)]
pub(crate) unsafe fn index<I: Index>(array: &Array, subscript: *const I) -> Result<[usize; AXES]> {
    let mut index = [0; AXES];
    let mut is_inside = !subscript.is_null();
    if is_inside {
        for (d, &extent) in array.shape().iter().enumerate() {
            // SAFETY: the caller's promise.
            index[d] = unsafe { I::read(subscript, d, array.ndim).at() } as usize;
            is_inside &= index[d] < extent;
        }
    }
    // SAFETY: the caller's promise.
    if is_inside { Ok(index) } else { Err(unsafe { no_element(array, subscript) }) }
}

/// Says which index there isn't.
///
/// # Safety
/// As [`index`]; may be null.
#[cold]
#[inline(never)]
unsafe fn no_element<I: Index>(array: &Array, subscript: *const I) -> Fault {
    if subscript.is_null() {
        return Fault::new("the subscript is a null pointer");
    }
    // SAFETY: the caller's promise.
    let index = unsafe { std::slice::from_raw_parts(subscript, array.ndim) };
    Fault::new(format_args!("there is no element {}", I::listed(index)))
}

/// Writes numbers of all axes to a list of the program's.
///
/// # Safety
/// Writable for as many.
pub(crate) unsafe fn write<I: Index, N>(to: *mut I, numbers: N)
where
    N: IntoIterator<Item = i64>,
    N::IntoIter: ExactSizeIterator,
{
    let numbers = numbers.into_iter();
    let len = numbers.len();
    for (d, number) in numbers.enumerate() {
        // SAFETY: the caller's promise.
        unsafe { to.add(I::place(d, len)).write(I::narrow(number)) };
    }
}

/// The same for places, which are told as the language numbers them.
///
/// # Safety
/// As [`write()`].
pub(crate) unsafe fn write_places<I: Index, N>(to: *mut I, places: N)
where
    N: IntoIterator<Item = i64>,
    N::IntoIter: ExactSizeIterator,
{
    // SAFETY: the caller's promise.
    unsafe { write(to, places.into_iter().map(|at| at + I::BASE)) };
}
