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

/// Room for two elements each in Fortran's COMMON blocks, which are no longer than a program has them: the linker makes one of both.
macro_rules! commons {
    ($($name:ident: $element:ty, $alignment:ty;)*) => {$(
        #[unsafe(no_mangle)]
        #[allow(non_upper_case_globals)]
        static $name: Block<$element, $alignment> = Block(UnsafeCell::new([0; 2]), []);
    )*};
}

/// A COMMON block, aligned as gfortran has it where a size allows that.
#[repr(C)]
struct Block<T, A>(UnsafeCell<[T; 2]>, [A; 0]);

// SAFETY: as `Base`.
unsafe impl<T, A> Sync for Block<T, A> {}

/// An alignment of 16 bytes.
#[repr(align(16))]
struct Sixteen;

/// An alignment of 32 bytes.
#[repr(align(32))]
struct ThirtyTwo;

commons! {
    mbc_byte_: u8, u8;
    mbc_int_: u64, Sixteen;
    mbc_log_: u64, Sixteen;
    mbc_real_: u32, u64;
    mbc_dbl_: u64, Sixteen;
    mbc_scpl_: u64, Sixteen;
    mbc_dcpl_: u128, ThirtyTwo;
}

/// The arrays in Fortran's COMMON blocks: `byte_mb`, `int_mb` and so on. A program that has such a block has it in its own memory, as above.
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
    let address = |base: *const u8| base as usize;
    match common {
        Common::Byte => address((&raw const mbc_byte_).cast()),
        Common::Int => address((&raw const mbc_int_).cast()),
        Common::Log => address((&raw const mbc_log_).cast()),
        Common::Real => address((&raw const mbc_real_).cast()),
        Common::Double => address((&raw const mbc_dbl_).cast()),
        Common::Complex => address((&raw const mbc_scpl_).cast()),
        Common::DoubleComplex => address((&raw const mbc_dcpl_).cast()),
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
