//! Variables: what all views of one array share.

use super::{Node, drops};
use crate::dtype::{DType, Scalar};
use crate::error::Result;
use crate::lock;
use crate::session::{self, Decision};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// A variable: what all views of one array share.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) id: u64,
    pub(crate) dtype: DType,
    /// How often it was given another value, or an element of it.
    version: AtomicU64,
    value: Mutex<Arc<Node>>,
}

impl Cell {
    /// A new variable with this value.
    pub(crate) fn new(node: Arc<Node>) -> Arc<Cell> {
        node.name();
        let id = session::get().number(node.blocks.is_distributed());
        Arc::new(Cell { id, dtype: node.dtype, version: AtomicU64::new(0), value: Mutex::new(node) })
    }

    /// Its value now.
    pub(crate) fn get(&self) -> Arc<Node> {
        lock(&self.value).clone()
    }

    /// A number that every write to the variable changes, once it can be read.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Relaxed)
    }

    /// Overwrite one element where it is, if the value is stored and nobody else has it, or in open memory. Collective.
    pub(crate) fn poke(&self, at: usize, x: Scalar) -> Result<bool> {
        // The lock is not held while ranks wait for each other; it is this thread's turn, so the value stays what it is.
        let value = self.get();
        let own = value.storage().filter(|storage| storage.is_open() || Arc::strong_count(&value) == 2);
        if value.storage().is_some_and(|storage| storage.blocks().is_distributed()) {
            session::get().note(Decision::Poke, value.number, own.is_some().into(), value.origin.site);
        }
        let done = match own {
            Some(storage) => storage.poke(at, x).map(|()| true),
            None => Ok(false),
        };
        self.version.fetch_add(1, Relaxed);
        done
    }

    /// A look at the value without keeping it.
    pub(crate) fn peek<R>(&self, look: impl FnOnce(&Arc<Node>) -> R) -> R {
        look(&lock(&self.value))
    }

    /// Give it another value.
    pub(crate) fn set(&self, node: Arc<Node>) {
        node.name();
        let old = std::mem::replace(&mut *lock(&self.value), node);
        self.version.fetch_add(1, Relaxed);
        old.unname();
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        let value = self.value.get_mut().unwrap_or_else(PoisonError::into_inner);
        if !drops::takes(self.id, value) {
            value.unname();
        }
    }
}
