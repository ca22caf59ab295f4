//! Kinds of arguments and results: what Fortran gives, and what becomes of it.
//!
//! | kind | Fortran gives | a body sees |
//! | --- | --- | --- |
//! | `int` | an INTEGER or a LOGICAL | [`Number`] |
//! | `ints` | INTEGERs to be read: bounds, subscripts, sizes | a pointer to [`Fortran`]s, for [`Index`] |
//! | `out` | the place of an INTEGER or a LOGICAL | [`Out`] |
//! | `outs` | the place of several INTEGERs | a pointer to [`Fortran`]s |
//! | `any` | elements, factors, places of whatever type | [`Any`] |
//! | `text` | a CHARACTER of any length | [`Text`] |
//! | `patch` | `ilo, ihi, jlo, jhi` | [`Corners`] |
//!
//! Invariant: what is passed on to a function of C's has the type that it wants ([`Give`]); places are written on success only.

use crate::bounds::{AXES, Fortran, Index};
use crate::fault::Result;
use crate::types;
use common::fortran::{self, Integer, Length};
use rma::{Complex32, Complex64};
use std::ffi::{CString, c_char, c_int, c_long};

/// Passing on to a parameter of another type.
pub(crate) trait Give<T> {
    fn give(&self) -> T;
}

/// An INTEGER, or a LOGICAL.
#[derive(Clone, Copy)]
pub(crate) struct Number<I>(pub(crate) I);

impl<I: Integer> Number<I> {
    #[inline(always)]
    pub(crate) fn int(self) -> c_int {
        self.0.int()
    }

    #[inline(always)]
    pub(crate) fn wide(self) -> i64 {
        self.0.wide()
    }

    #[inline(always)]
    pub(crate) fn index(self) -> Fortran<I> {
        Fortran(self.0)
    }

    #[inline(always)]
    pub(crate) fn is_true(self) -> bool {
        self.0.is_true()
    }

    /// The element type of an INTEGER.
    pub(crate) const fn integer(self) -> c_int {
        if size_of::<I>() == 4 { types::C_INT } else { types::C_LONG }
    }

    /// An element type: Fortran's integers and logicals are C's of that size.
    pub(crate) fn kind(self) -> c_int {
        match self.int() {
            types::F_INT | types::F_LOG if size_of::<I>() == 4 => types::C_INT,
            other => other,
        }
    }
}

impl<I: Integer> Give<c_int> for Number<I> {
    #[inline(always)]
    fn give(&self) -> c_int {
        self.int()
    }
}

impl<I: Integer> Give<i64> for Number<I> {
    #[inline(always)]
    fn give(&self) -> i64 {
        self.wide()
    }
}

impl<I: Integer> Give<usize> for Number<I> {
    #[inline(always)]
    fn give(&self) -> usize {
        self.wide().max(0) as usize
    }
}

impl<I: Integer> Give<Fortran<I>> for Number<I> {
    #[inline(always)]
    fn give(&self) -> Fortran<I> {
        self.index()
    }
}

/// The place of an INTEGER, or of a LOGICAL.
#[derive(Clone, Copy)]
pub(crate) struct Out<I>(pub(crate) *mut I);

impl<I: Integer> Out<I> {
    /// # Safety
    /// A Fortran program's place for a result.
    #[inline(always)]
    pub(crate) unsafe fn set(self, value: i64) {
        // SAFETY: the caller's promise.
        unsafe { self.0.write(I::narrow(value)) };
    }
}

impl<I: Integer> Give<*mut Fortran<I>> for Out<I> {
    #[inline(always)]
    fn give(&self) -> *mut Fortran<I> {
        self.0.cast()
    }
}

/// The address of something.
#[derive(Clone, Copy)]
pub(crate) struct Any(pub(crate) *mut std::ffi::c_void);

impl Any {
    pub(crate) fn at<T>(self) -> *mut T {
        self.0.cast()
    }

    /// # Safety
    /// One of this type is there.
    pub(crate) unsafe fn read<T: Copy>(self) -> T {
        // SAFETY: the caller's promise.
        unsafe { self.0.cast::<T>().read_unaligned() }
    }
}

impl<T> Give<*mut T> for Any {
    #[inline(always)]
    fn give(&self) -> *mut T {
        self.0.cast()
    }
}

impl<T> Give<*const T> for Any {
    #[inline(always)]
    fn give(&self) -> *const T {
        self.0.cast_const().cast()
    }
}

/// A text, and the place where it is.
pub(crate) struct Text {
    place: *mut c_char,
    len: Length,
    terminated: std::cell::OnceCell<CString>,
}

impl Text {
    pub(crate) fn new(place: *mut c_char, len: Length) -> Text {
        Text { place, len, terminated: std::cell::OnceCell::new() }
    }

    /// Its bytes, without the blanks behind.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: a Fortran program's text has the length that comes with it, and stays as it is during the call.
        unsafe { fortran::bytes(self.place, self.len) }
    }

    pub(crate) fn string(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// The first letter.
    pub(crate) fn letter(&self) -> c_char {
        // SAFETY: as above.
        unsafe { fortran::letter(self.place, self.len) }
    }

    /// Writes another text to the place.
    ///
    /// # Safety
    /// The program wants a result there.
    pub(crate) unsafe fn write(&self, text: &[u8]) {
        // SAFETY: the caller's promise.
        unsafe { fortran::write(self.place, self.len, text) };
    }
}

impl Give<c_char> for Text {
    fn give(&self) -> c_char {
        self.letter()
    }
}

/// With an end mark, as long as the text is there.
impl Give<*const c_char> for Text {
    fn give(&self) -> *const c_char {
        self.terminated.get_or_init(|| CString::new(self.bytes()).unwrap_or_default()).as_ptr()
    }
}

/// The bounds of a patch of a matrix, as lists. Beyond the second axis there is nothing, which is outside of any array that has a third one.
pub(crate) struct Corners<I> {
    lo: [Fortran<I>; AXES],
    hi: [Fortran<I>; AXES],
}

impl<I: Integer> Corners<I> {
    /// # Safety
    /// Four INTEGERs.
    #[inline(always)]
    pub(crate) unsafe fn read(lo: [*const I; 2], hi: [*const I; 2]) -> Corners<I> {
        // SAFETY: the caller's promise.
        unsafe { Corners { lo: filled(lo.map(|at| at.read())), hi: filled(hi.map(|at| at.read())) } }
    }

    #[inline(always)]
    pub(crate) fn lo(&self) -> *const Fortran<I> {
        self.lo.as_ptr()
    }

    #[inline(always)]
    pub(crate) fn hi(&self) -> *const Fortran<I> {
        self.hi.as_ptr()
    }
}

/// Two numbers as a list for any array: what has more axes has no element there.
#[inline(always)]
pub(crate) fn filled<I: Integer>(two: [I; 2]) -> [Fortran<I>; AXES] {
    let mut list = [Fortran::narrow(0); AXES];
    (list[0], list[1]) = (Fortran(two[0]), Fortran(two[1]));
    list
}

/// What can be a LOGICAL.
pub(crate) trait Truth {
    fn truth(self) -> bool;
}

impl Truth for bool {
    fn truth(self) -> bool {
        self
    }
}

impl Truth for c_int {
    fn truth(self) -> bool {
        self != 0
    }
}

/// What can be an INTEGER.
pub(crate) trait Whole {
    fn whole(self) -> i64;
}

macro_rules! whole {
    ($($t:ty),*) => {$(
        impl Whole for $t {
            fn whole(self) -> i64 {
                self as i64
            }
        }
    )*};
}

whole!(c_int, c_long, usize, bool);

// Results, by the word that a row begins with.

#[inline(always)]
pub(crate) fn logical<I: Integer, T: Truth>(value: Result<T>) -> Result<I> {
    value.map(|value| I::logical(value.truth()))
}

#[inline(always)]
pub(crate) fn integer<I: Integer, T: Whole>(value: Result<T>) -> Result<I> {
    value.map(|value| I::narrow(value.whole()))
}

/// Results that have nothing to do with INTEGERs; rows name one all the same.
macro_rules! own_results {
    ($($name:ident: $t:ty;)*) => {$(
        #[allow(clippy::extra_unused_type_parameters)]
        #[inline(always)]
        pub(crate) fn $name<I, T: Into<$t>>(value: Result<T>) -> Result<$t> {
            value.map(Into::into)
        }
    )*};
}

own_results! {
    subroutine: ();
    real: f32;
    double_precision: f64;
    complex: Complex32;
    double_complex: Complex64;
}
