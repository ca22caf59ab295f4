//! Values that were recorded and will each be made by a pass of their own, unless one pass can make several.
//!
//! Nothing is kept alive here: a value that nobody wants any more is never made.

use crate::lock;
use std::any::Any;
use std::sync::{Arc, Mutex, Weak};

/// A recorded value; whose it is knows what it is.
type Value = dyn Any + Send + Sync;

/// So many are remembered: the oldest ones are made alone.
const MOST: usize = 16;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Pending(Mutex<Vec<Weak<Value>>>);

impl Pending {
    /// One more.
    pub(crate) fn add(&self, value: Weak<Value>) {
        let mut all = lock(&self.0);
        all.retain(|known| known.strong_count() > 0);
        if all.len() == MOST {
            all.remove(0);
        }
        all.push(value);
    }

    /// Those that somebody wants, oldest first.
    pub(crate) fn alive(&self) -> Vec<Arc<Value>> {
        lock(&self.0).iter().filter_map(Weak::upgrade).collect()
    }
}
