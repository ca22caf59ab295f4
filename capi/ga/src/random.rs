//! The random numbers of `GA_Rand`: one stream for each process, of its own, so that the program's `rand` is left alone.
//!
//! Invariant: the stream is SplitMix64's (Steele, Lea, Flood 2014): a counter, mixed.

use std::ffi::c_int;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What the counter goes on by.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// The next number of the stream, at least 0 and below 1. A seed above 0 begins the stream that belongs to it.
pub(crate) fn draw(seed: c_int) -> f64 {
    if seed > 0 {
        // Seeds that are neighbours begin far from one another.
        COUNTER.store(mixed(seed as u64), Relaxed);
    }
    let word = mixed(COUNTER.fetch_add(STEP, Relaxed).wrapping_add(STEP));
    (word >> 11) as f64 / (1u64 << 53) as f64
}

fn mixed(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
