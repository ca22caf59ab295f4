//! Texts of C's, and its clocks.

use std::ffi::{CStr, c_char};
use std::sync::OnceLock;
use std::time::Instant;

/// A terminated text of the caller's; nothing for null.
///
/// # Safety
/// Null, or terminated and readable.
pub unsafe fn text(message: *const c_char) -> String {
    if message.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned()
}

/// Seconds since the first call.
pub fn seconds() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}
