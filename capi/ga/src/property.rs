//! What a program promises of an array: that nobody writes to it, or that what was read before is still so.
//!
//! `read_only` keeps a copy on every node that has not all of the array, and refuses writes; `read_cache` keeps what was read from
//! other nodes, and a rank that writes forgets its own. On one node neither costs or changes anything.
//!
//! Invariant: properties change collectively, between synchronisations; `kind` says what `held` may be.

use ga_core::RawArray;
use std::any::Any;
use std::sync::RwLock;
use std::sync::atomic::{AtomicU8, Ordering};

pub(crate) const NONE: u8 = 0;
pub(crate) const READ_ONLY: u8 = 1;
pub(crate) const READ_CACHE: u8 = 2;

/// What stands beside an array.
pub(crate) enum Held {
    /// A copy on this node.
    Copy(RawArray),
    /// A `ReadCache` of the array's type.
    Cache(Box<dyn Any + Send + Sync>),
}

/// An array's property.
#[derive(Default)]
pub(crate) struct Property {
    kind: AtomicU8,
    pub(crate) held: RwLock<Option<Held>>,
}

impl Property {
    /// There is none, so the array itself is to be read.
    #[inline(always)]
    pub(crate) fn is_none(&self) -> bool {
        self.kind.load(Ordering::Relaxed) == NONE
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.kind.load(Ordering::Relaxed) == READ_ONLY
    }

    pub(crate) fn set(&self, kind: u8, held: Option<Held>) -> Option<Held> {
        self.kind.store(kind, Ordering::Relaxed);
        std::mem::replace(&mut *self.held.write().expect("no panic holds it"), held)
    }
}
