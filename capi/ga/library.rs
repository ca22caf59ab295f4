//! `libga` and `libga_i4`: what is in the crate `ga_body`, under the names that programs link with.
//!
//! C's names are the same in both, and are exported where they are defined. Fortran's, which mean something else for integers of another size, are here: a jump each, of
//! which `build.rs` makes a list from the table in `src/fortran/`.
//!
//! Invariant: a jump changes nothing: arguments, return address and result are the routine's own.

use ga_body as _;

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
