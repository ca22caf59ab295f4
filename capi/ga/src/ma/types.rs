//! The datatypes of MA, and the arrays that indices count from.
//!
//! Invariant: every base is aligned to the largest element, or to its own in Fortran's COMMON blocks, so an address that is aligned as its elements are is
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

unsafe extern "C" {
    static mbc_byte_: u8;
    static mbc_int_: u8;
    static mbc_log_: u8;
    static mbc_real_: u8;
    static mbc_dbl_: u8;
    static mbc_scpl_: u8;
    static mbc_dcpl_: u8;
}

/// The arrays in Fortran's COMMON blocks: `byte_mb`, `int_mb` and so on. A program that has such a block has it in its own memory, as above; of others
/// there is one in the library, as long as its INTEGERs want it.
#[derive(Clone, Copy)]
pub(crate) enum Common {
    Byte,
    Int,
    Log,
    Real,
    Double,
    Complex,
    DoubleComplex,
}

/// Where indices into such an array count from.
pub(crate) fn base(common: Common) -> usize {
    match common {
        Common::Byte => (&raw const mbc_byte_) as usize,
        Common::Int => (&raw const mbc_int_) as usize,
        Common::Log => (&raw const mbc_log_) as usize,
        Common::Real => (&raw const mbc_real_) as usize,
        Common::Double => (&raw const mbc_dbl_) as usize,
        Common::Complex => (&raw const mbc_scpl_) as usize,
        Common::DoubleComplex => (&raw const mbc_dcpl_) as usize,
    }
}

/// A datatype of MA.
#[derive(Clone, Copy)]
pub(crate) struct Type {
    /// Bytes of an element; a power of two.
    pub(crate) size: usize,
    pub(crate) name: &'static str,
    /// Where indices count from.
    pub(crate) base: usize,
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
            9 => (1, "byte", base(Common::Byte)),
            10 => (8, "integer", base(Common::Int)),
            11 => (8, "logical", base(Common::Log)),
            12 => (4, "real", base(Common::Real)),
            13 => (8, "double precision", base(Common::Double)),
            14 => (8, "single precision complex", base(Common::Complex)),
            15 => (16, "double precision complex", base(Common::DoubleComplex)),
            16 => (8, "long long", address((&raw const ma_cb_longlong).cast())),
            _ => return None,
        };
        Some(Type { size, name, base })
    }

    /// The same as a Fortran program with INTEGERs of so many bytes means it.
    pub(crate) fn of_fortran(number: c_long, bytes: usize) -> Option<Type> {
        let datatype = Type::of(number)?;
        Some(if matches!(number - FIRST, 10 | 11) { Type { size: bytes, ..datatype } } else { datatype })
    }
}
