//! The one place that runs machine code.
//!
//! Claim: a [`Kernel`](crate::Kernel)'s pieces touch no memory but the table they are given, the arrays whose addresses
//! and extents stand in it, and their own stack: each access is guarded (`Kernel::call` has evaluated the guards on
//! the very extents of the table) or checked against these extents when it runs.
#![allow(unsafe_code)]

use crate::machine::Code;

/// Code may be run by any thread: nothing in it changes once it is compiled. Its memory stays until the process ends, as
/// kernels do that are compiled once for a program.
pub(crate) struct Runnable {
    code: Code,
}

// SAFETY: `Code` holds a module that is finalized; `run` reads a code pointer from it and changes nothing, and the
// tables that code writes to belong to the calls.
unsafe impl Send for Runnable {}
// SAFETY: as above; no method takes the module mutably.
unsafe impl Sync for Runnable {}

impl Runnable {
    pub(crate) fn new(code: Code) -> Self {
        Runnable { code }
    }

    /// Runs a piece; whether it met nothing that voids the run.
    ///
    /// # Safety
    /// The table has the words of the program's layout; the addresses in it are those of arrays of the extents that
    /// stand beside them, which nobody else uses during the call, and all guards of the program hold for it.
    pub(crate) unsafe fn run(&self, piece: usize, table: &mut [i64]) -> bool {
        let code = self.code.module.get_finalized_function(self.code.pieces[piece]);
        // SAFETY: the piece was compiled with exactly this signature, and the module that owns its memory lives as
        // long as `self`.
        let function: unsafe extern "C" fn(*mut i64) -> i64 = unsafe { std::mem::transmute(code) };
        // SAFETY: the caller vouches for the table (see above).
        unsafe { function(table.as_mut_ptr()) == 0 }
    }

    /// Bytes of an array, to be put back if a run is void.
    ///
    /// # Safety
    /// `words` words are there.
    pub(crate) unsafe fn saved(address: i64, words: usize) -> Vec<i64> {
        // SAFETY: the caller vouches for the memory; elements of eight bytes are words.
        unsafe { std::slice::from_raw_parts(address as *const i64, words).to_vec() }
    }

    /// Puts them back.
    ///
    /// # Safety
    /// As for `saved`, and nobody else uses the memory.
    pub(crate) unsafe fn restore(address: i64, words: &[i64]) {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(address as *mut i64, words.len()).copy_from_slice(words) }
    }
}
