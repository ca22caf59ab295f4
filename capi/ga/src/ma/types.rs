//! The datatypes of MA, and the arrays that indices count from.
//!
//! Invariant: every base is aligned to the largest element, so an address that is aligned as its elements are is
//! a whole number of them away from its base.

use std::cell::UnsafeCell;
use std::ffi::c_long;

/// What element `i` of a base array would be: `base[index]` is the first element of a block.
#[repr(align(64))]
struct Base<const BYTES: usize>(UnsafeCell<[u8; BYTES]>);

// SAFETY: the library only takes the address; what C programs do with the elements is up to them.
unsafe impl<const BYTES: usize> Sync for Base<BYTES> {}

/// Room for two elements each, as in the original. A program that names one may have it in its own memory, so the
/// library asks the loader for the address, too.
macro_rules! bases {
    ($($name:ident: $bytes:literal;)*) => {$(
        #[unsafe(no_mangle)]
        #[allow(non_upper_case_globals)]
        static $name: Base<{ 2 * $bytes }> = Base(UnsafeCell::new([0; 2 * $bytes]));
    )*};
}

bases! {
    ma_cb_char: 1;
    ma_cb_int: 4;
    ma_cb_long: 8;
    ma_cb_longlong: 8;
    ma_cb_float: 4;
    ma_cb_dbl: 8;
    ma_cb_ldbl: 16;
    ma_cb_scpl: 8;
    ma_cb_dcpl: 16;
    ma_cb_ldcpl: 32;
}

/// A datatype of MA.
#[derive(Clone, Copy)]
pub(super) struct Type {
    /// Bytes of an element; a power of two.
    pub(super) size: usize,
    pub(super) name: &'static str,
    /// Where indices count from.
    pub(super) base: usize,
}

/// The number of the first datatype, `MT_BASE`.
const FIRST: c_long = 1000;

/// The largest element there is.
pub(super) const LARGEST: usize = 32;

impl Type {
    /// The datatype with a number of `MT_`.
    pub(super) fn of(number: c_long) -> Option<Type> {
        let address = |base: *const u8| base as usize;
        let (size, name, base) = match number - FIRST {
            0 => (1, "char", address((&raw const ma_cb_char).cast())),
            1 => (4, "int", address((&raw const ma_cb_int).cast())),
            2 => (8, "long int", address((&raw const ma_cb_long).cast())),
            3 => (4, "float", address((&raw const ma_cb_float).cast())),
            4 => (8, "double", address((&raw const ma_cb_dbl).cast())),
            5 => (16, "long double", address((&raw const ma_cb_ldbl).cast())),
            6 => (8, "single precision complex", address((&raw const ma_cb_scpl).cast())),
            7 => (16, "double precision complex", address((&raw const ma_cb_dcpl).cast())),
            8 => (32, "long double precision complex", address((&raw const ma_cb_ldcpl).cast())),
            9 => (1, "byte", address((&raw const ma_cb_char).cast())),
            10 => (8, "integer", address((&raw const ma_cb_long).cast())),
            11 => (8, "logical", address((&raw const ma_cb_long).cast())),
            12 => (4, "real", address((&raw const ma_cb_float).cast())),
            13 => (8, "double precision", address((&raw const ma_cb_dbl).cast())),
            14 => (8, "single precision complex", address((&raw const ma_cb_scpl).cast())),
            15 => (16, "double precision complex", address((&raw const ma_cb_dcpl).cast())),
            16 => (8, "long long", address((&raw const ma_cb_longlong).cast())),
            _ => return None,
        };
        Some(Type { size, name, base })
    }
}
