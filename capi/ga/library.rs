//! `libga` and `libga_i4`: what is in the crate `ga_body`, under the names that programs link with.
//!
//! C's names are the same in both, and are exported where they are defined. Fortran's, which mean something else for integers of another size, are here: a jump each, of
//! which `build.rs` makes a list from the table in `src/fortran/`.
//!
//! Here are MA's COMMON blocks as well, whose length depends on INTEGERs.
//!
//! Invariant: a jump changes nothing: arguments, return address and result are the routine's own. A COMMON block is as long as a program's.

use ga_body as _;
use std::cell::UnsafeCell;

/// A name of Fortran's, and the routine behind it.
macro_rules! name {
    ($name:ident = $($routine:tt)+) => {
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        extern "C" fn $name() {
            #[cfg(target_arch = "x86_64")]
            core::arch::naked_asm!("jmp {}", sym $($routine)+);
            #[cfg(target_arch = "aarch64")]
            core::arch::naked_asm!("b {}", sym $($routine)+);
        }
    };
}

include!(concat!(env!("OUT_DIR"), "/names.rs"));

/// Room for two elements each in Fortran's COMMON blocks, which are no longer than a program has them: the linker makes one of both.
macro_rules! commons {
    ($($name:ident: $element:ty, $alignment:ty;)*) => {$(
        #[unsafe(no_mangle)]
        #[allow(non_upper_case_globals, missing_docs)]
        pub static $name: Block<$element, $alignment> = Block(UnsafeCell::new([0; 2]), []);
    )*};
}

/// A COMMON block, aligned as gfortran has it where a size allows that.
#[repr(C)]
pub struct Block<T, A>(UnsafeCell<[T; 2]>, [A; 0]);

// SAFETY: the library only takes the address; what programs do with the elements is up to them.
unsafe impl<T, A> Sync for Block<T, A> {}

/// An alignment of 16 bytes.
#[repr(align(16))]
pub struct Sixteen;

/// An alignment of 32 bytes.
#[repr(align(32))]
pub struct ThirtyTwo;

commons! {
    mbc_byte_: u8, u8;
    mbc_int_: Integer, Alignment;
    mbc_log_: Integer, Alignment;
    mbc_real_: u32, u64;
    mbc_dbl_: u64, Sixteen;
    mbc_scpl_: u64, Sixteen;
    mbc_dcpl_: u128, ThirtyTwo;
}
