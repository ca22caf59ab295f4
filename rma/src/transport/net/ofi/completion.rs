//! What comes back from the library: completions, errors, and what closing the endpoint discards.
//!
//! Invariant: an operation goes back to its list once, when the library has given it back or has discarded it.

use super::bindings::*;
use super::open;
use super::transfer::close_memory;
use super::{MESSAGE_LEN, Ofi, Op, What};
use crate::transport::net::wire::{Result, Sink};
use std::ptr::null_mut;

impl Ofi {
    /// What a completion means.
    pub(super) fn complete(&mut self, op: *mut Op, len: usize, outcome: Result<()>, sink: &mut dyn Sink) {
        // SAFETY: the library has given the operation back.
        let (what, peer, tag) = unsafe { ((*op).what, (*op).peer, (*op).tag) };
        match what {
            What::Receive(slot) => {
                if outcome.is_ok() {
                    let bytes = &self.slab[slot * MESSAGE_LEN..][..len.min(MESSAGE_LEN)];
                    sink.message(bytes, &[]);
                }
                self.unposted.push(op);
            }
            What::Send(_) => {
                self.free_sends.push(op);
                if let Err(why) = outcome {
                    sink.broken(peer, why);
                }
            }
            What::Copied(slot) => {
                // SAFETY: as above.
                unsafe { (*op).what = What::Send(slot) };
                self.free_sends.push(op);
                // SAFETY: as above.
                self.written(peer, unsafe { (*op).generation }, outcome.err(), sink);
            }
            What::Fetch(slot, len) => {
                let lost = outcome.clone().err();
                sink.fetched(tag, outcome.map(|()| &self.slab[slot * MESSAGE_LEN..][..len]));
                // SAFETY: as above.
                unsafe { (*op).what = What::Send(slot) };
                self.free_sends.push(op);
                if let Some(why) = lost {
                    sink.broken(peer, why);
                }
            }
            What::Write | What::Read => {
                // SAFETY: as above.
                close_memory(unsafe { std::mem::replace(&mut (*op).memory, null_mut()) });
                self.free_transfers.push(op);
                let lost = outcome.clone().err();
                sink.done(tag, outcome);
                if what == What::Write {
                    // SAFETY: as above.
                    self.written(peer, unsafe { (*op).generation }, lost, sink);
                } else if let Some(why) = lost {
                    sink.broken(peer, why);
                }
            }
        }
    }

    /// A write is visible at `peer`, or never will be.
    fn written(&mut self, peer: usize, generation: usize, lost: Option<String>, sink: &mut dyn Sink) {
        if let Some(entry) = self.peers.get_mut(&peer) {
            entry.writes[generation] -= 1;
            entry.failed = entry.failed.take().or(lost.clone());
            if generation != entry.generation
                && entry.writes[generation] == 0
                && let Some(flush) = entry.flush.take()
            {
                sink.done(flush, entry.failed.clone().map_or(Ok(()), Err));
            }
        }
        if let Some(why) = lost {
            sink.broken(peer, why);
        }
    }

    /// Operations that the library has.
    pub(super) fn in_flight(&self) -> impl Iterator<Item = *mut Op> + '_ {
        let is_free = |op: &*mut Op| {
            [&self.free_sends, &self.free_transfers, &self.unposted].iter().any(|free| free.contains(op))
        };
        self.ops.iter().copied().filter(move |op| !is_free(op))
    }

    /// Closes the endpoint, which alone makes a provider discard what was started: it reports nothing of it. Nobody can be reached after that.
    pub(super) fn close_down(&mut self, why: String) {
        let ops: Vec<*mut Op> = self.in_flight().collect();
        if self.memory_mode & MR_ENDPOINT != 0 {
            // Registrations that are bound to an endpoint go before it.
            self.regions.drain(..).for_each(|(_, _, memory)| close_memory(memory));
            close_memory(std::mem::replace(&mut self.slab_memory, null_mut()));
        }
        self.objects.close_endpoint();
        self.fault = Some(why);
        self.discarded = ops;
    }

    /// Says of each operation that was discarded that it is over, and of each peer that it is lost.
    pub(super) fn tell_discarded(&mut self, sink: &mut dyn Sink) -> bool {
        let Some(why) = self.fault.clone().filter(|_| self.objects.endpoint.is_null()) else { return false };
        let discarded = std::mem::take(&mut self.discarded);
        let any = !discarded.is_empty();
        for op in discarded {
            // SAFETY: the library has discarded the operation.
            let is_receive = matches!(unsafe { (*op).what }, What::Receive(_));
            if !is_receive {
                self.complete(op, 0, Err(why.clone()), sink);
            }
        }
        for peer in self.peers.keys().copied() {
            sink.broken(peer, why.clone());
        }
        any
    }

    /// Takes an error from the queue.
    pub(super) fn take_error(&mut self, sink: &mut dyn Sink) {
        let queue = self.objects.queue;
        // SAFETY: integers and pointers, of which zero is a value.
        let mut error: QueueError = unsafe { std::mem::zeroed() };
        // SAFETY: a live queue; the entry is ours, with room behind it.
        let count = unsafe { ((*(*queue).ops).readerr)(queue, &mut error, 0) };
        if count != 1 || error.op_context.is_null() {
            return;
        }
        let why = open::explain(&self.api, queue, &error);
        let op = error.op_context.cast::<Op>();
        // SAFETY: the library has given the operation back.
        let is_receive = matches!(unsafe { (*op).what }, What::Receive(_));
        // A receive is cancelled when its endpoint is closed: there is nothing to post it again for.
        if !(is_receive && error.err == ECANCELED) {
            self.complete(op, 0, Err(why), sink);
        }
    }
}
