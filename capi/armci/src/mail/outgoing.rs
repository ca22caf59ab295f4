//! What is on its way out: a stream of messages for each rank, of which what finds no room waits here.
//!
//! Invariant: messages for a rank leave in the order in which they were sent; the bytes of one that waits are lent by who sends it.

use super::UNIT;
use rma::Result;
use std::collections::VecDeque;

/// What this rank knows of what it sends to another. Held by the thread that sends.
#[derive(Default)]
pub(super) struct Outgoing {
    pub(super) sent: u64,
    /// Of these so many were taken when it was last looked.
    pub(super) taken: u64,
    /// It can't read this process's memory.
    pub(super) is_refused: bool,
    waiting: VecDeque<Waiting>,
}

/// A message that waits for room.
struct Waiting {
    header: [u8; UNIT],
    body: *const u8,
    len: usize,
    /// Bytes of header and body that have gone.
    gone: usize,
}

// SAFETY: the bytes are readable until the message has gone, by the promise of who sends it, whichever thread reads them.
unsafe impl Send for Waiting {}

impl Outgoing {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Has a message wait.
    ///
    /// # Safety
    /// Its bytes are readable until it has gone.
    pub(super) unsafe fn push(&mut self, header: [u8; UNIT], body: &[u8]) {
        self.waiting.push_back(Waiting { header, body: body.as_ptr(), len: body.len(), gone: 0 });
    }

    /// Sends on what waits as far as there is room, by a function that says how many bytes it took.
    pub(super) fn advance(
        &mut self,
        mut put: impl FnMut(&mut Outgoing, &[u8]) -> Result<usize>,
    ) -> Result<()> {
        while let Some(mut first) = self.waiting.pop_front() {
            while let Some(rest) = first.rest() {
                // SAFETY: as the invariant has it.
                let went = put(self, unsafe { &*rest })?;
                first.gone += went;
                if went == 0 {
                    self.waiting.push_front(first);
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

impl Waiting {
    /// What is next in a row, if there is more.
    fn rest(&self) -> Option<*const [u8]> {
        if self.gone < UNIT {
            return Some(&raw const self.header[self.gone..]);
        }
        let gone = self.gone - UNIT;
        // SAFETY: inside the message's bytes.
        (gone < self.len)
            .then(|| std::ptr::slice_from_raw_parts(unsafe { self.body.add(gone) }, self.len - gone))
    }
}
