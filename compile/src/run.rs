//! The one place that runs machine code.
//!
//! Claim: a [`Kernel`](crate::Kernel)'s pieces touch no memory but the table they are given, the arrays whose addresses
//! and extents stand in it, and their own stack: each access is guarded (`Kernel::call` has evaluated the guards on
//! the very extents of the table) or checked against these extents when it runs.
#![allow(unsafe_code)]

use crate::flags;
use crate::machine::Code;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Code may be run by any thread: nothing in it changes once it is compiled.
pub(crate) struct Runnable {
    code: Code,
}

impl Runnable {
    pub(crate) fn new(code: Code) -> Self {
        Runnable { code }
    }

    /// Runs a piece; whether it met nothing that voids the run. The table's last word gets the floating-point exceptions that it raised.
    ///
    /// # Safety
    /// The table has the words of the program's layout; the addresses in it are those of arrays of the extents that
    /// stand beside them, which nobody else uses during the call but other parts of the same loop, whose elements are others,
    /// and all guards of the program hold for it.
    pub(crate) unsafe fn run(&self, piece: usize, table: &mut [i64]) -> bool {
        let code = self.code.piece(piece);
        // SAFETY: the piece was compiled with exactly this signature, and the memory that it is in lives as long as
        // `self`.
        let function: unsafe extern "C" fn(*mut i64) -> i64 = unsafe { std::mem::transmute(code) };
        // SAFETY: the caller vouches for the table (see above).
        let (status, raised) = flags::watched(|| unsafe { function(table.as_mut_ptr()) });
        if let Some(word) = table.last_mut() {
            *word |= i64::from(raised);
        }
        status == 0
    }

    /// Adds floats to an array.
    ///
    /// # Safety
    /// As many elements are there, and nobody else uses them.
    pub(crate) unsafe fn add(address: i64, terms: &[i64]) {
        // SAFETY: the caller vouches for the memory, of doubles.
        let sums = unsafe { std::slice::from_raw_parts_mut(address as *mut f64, terms.len()) };
        sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += f64::from_bits(*term as u64));
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

impl Serialize for Runnable {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.code.bytes().serialize(to)
    }
}

impl<'de> Deserialize<'de> for Runnable {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (bytes, starts) = <(Vec<u8>, Vec<usize>)>::deserialize(from)?;
        Code::kept(&bytes, starts).map(Runnable::new).map_err(D::Error::custom)
    }
}
