//! The letter box of a process: a ring in its arena, into which the ranks of its node drop letters.
//!
//! ```text
//! ring    0    128 slots of 1 KiB
//! slot    0    turn: 2 * lap while free for letter `lap * 128 + slot`, then one more while it is there
//!         8    the letter, 968 bytes at most; its stamp says how long it is
//!      1016    unused
//! ```
//!
//! Where a rank's ring is stands beside its [bell](crate::bell); 0 means that it has none yet. Any number of writers claim slots by moving `next`, which
//! lies there as well; one reader at a time takes letters, in the order of claims. Zeroed memory is the initial state.
//!
//! | word | who writes | who reads | order |
//! | --- | --- | --- | --- |
//! | next | writers, by compare-and-swap | writers | relaxed |
//! | turn: odd | who claimed the slot, after the letter | the reader | release, acquire |
//! | turn: even | the reader, when it has copied the letter | writers | release, acquire |

use crate::transport::letter::STAMP_LEN;
use shm::copy;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

const SLOTS: u64 = 128;

/// Bytes of a slot behind its turn.
const ROOM: usize = 1024 - 8;

/// Longest letter.
pub(crate) const LETTER_LEN: usize = 968 + STAMP_LEN;

const _: () = assert!(LETTER_LEN <= ROOM && LETTER_LEN.is_multiple_of(8));

#[repr(C, align(64))]
struct Slot {
    turn: AtomicU64,
    letter: std::cell::UnsafeCell<[u8; ROOM]>,
}

/// Bytes of a ring.
pub(crate) const RING_LEN: usize = SLOTS as usize * size_of::<Slot>();

/// A ring as a process sees it.
#[derive(Clone, Copy)]
pub(crate) struct Ring<'a> {
    slots: NonNull<Slot>,
    next: &'a AtomicU64,
}

// SAFETY: slots are shared memory, mapped for the life of the process; the protocol orders accesses.
unsafe impl Send for Ring<'_> {}
// SAFETY: as above.
unsafe impl Sync for Ring<'_> {}

impl<'a> Ring<'a> {
    /// # Safety
    /// A zeroed block of [`RING_LEN`] bytes is mapped there, aligned to 64, which only rings use and which stays; `next` belongs to it.
    pub(crate) unsafe fn new(base: NonNull<u8>, next: &'a AtomicU64) -> Ring<'a> {
        Ring { slots: base.cast(), next }
    }

    fn slot(&self, number: u64) -> &Slot {
        // SAFETY: below the number of slots, mapped by the promise of `new`; atomics and bytes that follow the protocol.
        unsafe { self.slots.add((number % SLOTS) as usize).as_ref() }
    }

    /// Drops a letter in, given in pieces of at most [`LETTER_LEN`] bytes together. False if there is no room.
    pub(crate) fn push(&self, pieces: &[&[u8]]) -> bool {
        let mut number = self.next.load(Ordering::Relaxed);
        let slot = loop {
            let slot = self.slot(number);
            let (free, turn) = (number / SLOTS * 2, slot.turn.load(Ordering::Acquire));
            if turn < free {
                return false;
            }
            if turn > free {
                // Another one has claimed it meanwhile.
                number = self.next.load(Ordering::Relaxed);
                continue;
            }
            match self.next.compare_exchange_weak(number, number + 1, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => break slot,
                Err(now) => number = now,
            }
        };
        let mut at = 0;
        for piece in pieces {
            assert!(piece.len() <= LETTER_LEN - at, "a letter too long");
            // SAFETY: inside the slot, which is this writer's until it publishes the turn.
            unsafe { copy::copy(slot.letter.get().cast::<u8>().add(at), piece.as_ptr(), piece.len()) };
            at += piece.len();
        }
        slot.turn.store(number / SLOTS * 2 + 1, Ordering::Release);
        true
    }

    /// Copies letter `number` into `to`, if it is there; `len` tells from its stamp how long it is. Letters are taken in the order of their numbers, by one
    /// reader at a time.
    pub(crate) fn pop(&self, number: u64, to: &mut Vec<u8>, len: impl Fn(&[u8]) -> usize) -> bool {
        let slot = self.slot(number);
        if slot.turn.load(Ordering::Acquire) != number / SLOTS * 2 + 1 {
            return false;
        }
        let from = slot.letter.get().cast::<u8>();
        to.resize(STAMP_LEN, 0);
        // SAFETY: inside the slot, which its writer has published and nobody writes before it is free again.
        unsafe { copy::copy(to.as_mut_ptr(), from, STAMP_LEN) };
        let len = len(to).clamp(STAMP_LEN, LETTER_LEN);
        to.resize(len, 0);
        // SAFETY: as above.
        unsafe { copy::copy(to.as_mut_ptr(), from, len) };
        slot.turn.store(number / SLOTS * 2 + 2, Ordering::Release);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Oracle: each writer's own count.
    #[test]
    fn letters_of_each_writer_come_in_order_and_none_is_lost() {
        let mut memory: Vec<u128> = vec![0; RING_LEN / 16 + 4];
        let next = AtomicU64::new(0);
        let base = memory.as_mut_ptr().cast::<u8>();
        let base = NonNull::new(base.wrapping_add(base.align_offset(64))).unwrap();
        // SAFETY: zeroed memory of that length, aligned, used by this ring only.
        let ring = unsafe { Ring::new(base, &next) };
        const EACH: u64 = 20_000;
        std::thread::scope(|scope| {
            for writer in 0..3u64 {
                scope.spawn(move || {
                    for count in 0..EACH {
                        let len = 8 * (count % 100);
                        let mut stamp = [0u8; STAMP_LEN];
                        stamp[..8].copy_from_slice(&writer.to_ne_bytes());
                        stamp[8..16].copy_from_slice(&count.to_ne_bytes());
                        stamp[16..24].copy_from_slice(&len.to_ne_bytes());
                        let contents = vec![count as u8; len as usize];
                        while !ring.push(&[&stamp, &contents]) {
                            std::thread::yield_now();
                        }
                    }
                });
            }
            let word = |letter: &[u8], at: usize| u64::from_ne_bytes(letter[at..at + 8].try_into().unwrap());
            let (mut seen, mut letter) = ([0; 3], Vec::new());
            for number in 0..3 * EACH {
                while !ring.pop(number, &mut letter, |stamp| STAMP_LEN + word(stamp, 16) as usize) {
                    std::thread::yield_now();
                }
                let (writer, count) = (word(&letter, 0) as usize, word(&letter, 8));
                assert_eq!(count, seen[writer]);
                assert!(letter[STAMP_LEN..].iter().all(|&byte| byte == count as u8));
                assert_eq!(letter.len() as u64, STAMP_LEN as u64 + 8 * (count % 100));
                seen[writer] += 1;
            }
        });
    }
}
