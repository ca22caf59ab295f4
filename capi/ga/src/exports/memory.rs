//! How much memory arrays take, and how much they may.
//!
//! Invariant: the counting is `ga_core`'s, of all arrays of this process.

use crate::guard::plain;
use ga_core::memory;
use std::ffi::c_int;

plain! {
    NGA_Inquire_memory, GA_Inquire_memory() -> usize = |_ga| Ok(memory::in_use() as usize);
    NGA_Memory_avail, GA_Memory_avail() -> usize = |ga| Ok(memory::available(&ga.world) as usize);
    NGA_Memory_limited, GA_Memory_limited() -> c_int = |_ga| Ok(memory::limit().is_some().into());
    // There is no stack of the program's that arrays could come from.
    GA_Register_stack_memory(_alloc: *const u8, _free: *const u8) = |_ga| Ok(());
}
