//! Algebra of whole arrays and patches.

use crate::guard::exported;
use crate::types::numbers;
use std::ffi::{c_int, c_void};

exported! {
    NGA_Fill, GA_Fill(g_a: c_int, value: *const c_void) =
        |ga| numbers!(ga.array(g_a)?, |a: T| Ok(a.fill(value.cast::<T>().read_unaligned())?));
}
