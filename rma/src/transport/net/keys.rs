//! What is known of [direct transfers](super::direct): keys of a peer's memory, how much is under way to it, and what peers may use here.
//!
//! Invariant: `open` transfers are not locally complete, and of `writes` those after number `flushed` may not be visible yet.

use super::shape::Span;
use super::wire::Key;

/// Longest single transfer.
pub(super) const PIECE: usize = 8 << 20;

/// What goes past the messages to one peer, and comes from there.
#[derive(Default)]
pub(super) struct Direct {
    /// The peer's regions that can be used from here.
    pub(super) keys: Vec<(Span, Key)>,
    /// Keys that arrived and are not imported yet: the region, and nothing if there is none.
    pub(super) arrived: Vec<(Span, Vec<u8>)>,
    pub(super) is_asked: bool,
    /// Why the peer's memory can't be reached directly: then messages do it.
    pub(super) is_refused: bool,
    /// Transfers not locally complete.
    pub(super) open: usize,
    /// Number of writes started, and of those known to be visible there.
    pub(super) writes: u64,
    pub(super) flushed: u64,
    /// A flush under way covers the writes up to this number.
    pub(super) flushing: Option<u64>,
    pub(super) span: Span,
}

impl Direct {
    pub(super) fn is_quiet(&self) -> bool {
        self.open == 0 && self.writes == self.flushed
    }

    /// Whether transfers that may touch `span` are under way.
    pub(super) fn may_touch(&mut self, span: Span) -> bool {
        if self.is_quiet() {
            self.span = Span::EMPTY;
        }
        self.span.overlaps(span)
    }

    pub(super) fn find(&self, offset: u64) -> Option<(Span, Key)> {
        self.keys.iter().find(|(span, _)| span.start <= offset && offset < span.end).copied()
    }

    /// The peer's answer about the memory of `span`.
    pub(super) fn note_key(&mut self, span: Span, key: &[u8]) {
        self.arrived.push((span, key.to_vec()));
    }

    /// A transfer is locally complete.
    pub(super) fn note_done(&mut self) {
        self.open -= 1;
    }

    /// A flush is complete.
    pub(super) fn note_flushed(&mut self) {
        self.flushed = self.flushing.take().unwrap_or(self.flushed);
    }
}

/// This process's memory that peers may use.
#[derive(Default)]
pub(super) struct Exported(pub(super) Vec<(Span, Vec<u8>)>);
