//! Variables: what all views of one array share.
//!
//! A variable has a value ([`Node`]), which others may have as well, or few elements that are *its own*: a shape and
//! memory of this process's, of which nobody else knows. Those need no node, no buffer, no numbers and no care when the
//! variable goes. They become a value, in the place where they are, as soon as somebody asks for one ([`Cell::get`],
//! [`Cell::peek`]): when something is recorded over them, when they are shared, or shown to others.
//!
//! Invariant: what is its own is replicated and at most as large as what is computed when asked for (`array::direct`).

use super::{Node, drops};
use crate::dtype::{DType, Scalar};
use crate::error::Result;
use crate::lock;
use crate::memory::{Memory, Storage};
use crate::session::{self, Decision};
use crate::view::Dims;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// A variable: what all views of one array share.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) dtype: DType,
    /// How often it was given another value, or an element of it.
    version: AtomicU64,
    /// Where the elements begin, if that is known to be in this process's own memory; else null. Follows `value`.
    home: AtomicPtr<u8>,
    value: Mutex<Value>,
}

/// What a variable has.
#[derive(Debug)]
enum Value {
    /// A value, and the variable's number in what ranks tell each other of their drops.
    Known { number: u64, node: Arc<Node> },
    /// Elements of its own, in C order.
    Own { shape: Dims, memory: Memory },
}

impl Value {
    /// The value.
    #[inline]
    fn node(&mut self, dtype: DType) -> &Arc<Node> {
        if let Value::Own { .. } = self {
            self.become_known(dtype);
        }
        match self {
            Value::Known { node, .. } => node,
            Value::Own { .. } => unreachable!("it was made known"),
        }
    }

    #[cold]
    fn become_known(&mut self, dtype: DType) {
        if let Value::Own { shape, memory } = self {
            let memory = std::mem::replace(memory, Memory::nowhere());
            let storage = Storage::of_own(memory, shape.iter().product(), dtype.size_bytes());
            *self = Value::known(Node::stored_once(std::mem::take(shape), dtype, storage));
        }
    }

    /// A variable more has this value.
    fn known(node: Arc<Node>) -> Value {
        node.name();
        Value::Known { number: session::get().number(node.blocks.is_distributed()), node }
    }
}

impl Cell {
    /// A new variable with this value.
    pub(crate) fn new(node: Arc<Node>) -> Arc<Cell> {
        let (dtype, home) = (node.dtype, AtomicPtr::new(address(&node)));
        let value = Mutex::new(Value::known(node));
        Arc::new(Cell { dtype, version: AtomicU64::new(0), home, value })
    }

    /// A new variable with these elements, which nobody else has: few, in C order, the same on every rank.
    #[inline]
    pub(crate) fn own(shape: Dims, dtype: DType, memory: Memory) -> Arc<Cell> {
        let home = AtomicPtr::new(memory.base(0));
        Arc::new(Cell {
            dtype,
            version: AtomicU64::new(0),
            home,
            value: Mutex::new(Value::Own { shape, memory }),
        })
    }

    /// Its value now.
    pub(crate) fn get(&self) -> Arc<Node> {
        lock(&self.value).node(self.dtype).clone()
    }

    /// A number that every write to the variable changes, once it can be read.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Relaxed)
    }

    /// Overwrite one element where it is, if the value is stored and nobody else has it, or in open memory. Collective.
    pub(crate) fn poke(&self, at: usize, x: Scalar) -> Result<bool> {
        if let Some(home) = self.own_home() {
            let size = self.dtype.size_bytes();
            // SAFETY: an element of the variable's own, which has that size; it is this thread's turn.
            unsafe {
                std::ptr::copy_nonoverlapping(x.bytes().as_ptr(), home.wrapping_add(at * size), size);
            }
            self.mark_changed();
            return Ok(true);
        }
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
        self.mark_changed();
        done
    }

    /// Elements of the value were overwritten where they are.
    pub(crate) fn mark_changed(&self) {
        self.version.fetch_add(1, Relaxed);
    }

    /// A look at the value without keeping it.
    pub(crate) fn peek<R>(&self, look: impl FnOnce(&Arc<Node>) -> R) -> R {
        look(lock(&self.value).node(self.dtype))
    }

    /// As [`Cell::peek`], of a value that others may have; `None` if the elements are the variable's own.
    #[inline]
    pub(crate) fn peek_known<R>(&self, look: impl FnOnce(&Arc<Node>) -> R) -> Option<R> {
        match &*lock(&self.value) {
            Value::Known { node, .. } => Some(look(node)),
            Value::Own { .. } => None,
        }
    }

    /// Where the elements begin, if they are in this process's own memory. They stay there while it is this thread's turn.
    #[inline]
    pub(crate) fn home(&self) -> Option<*mut u8> {
        let home = self.home.load(Relaxed);
        if home.is_null() { self.look_for_home() } else { Some(home) }
    }

    /// A recorded value may have been stored since.
    fn look_for_home(&self) -> Option<*mut u8> {
        self.peek_known(|node| {
            let home = node.home()?;
            self.home.store(home, Relaxed);
            Some(home)
        })?
    }

    /// Where the elements begin, if they are the variable's own.
    #[inline]
    pub(crate) fn own_home(&self) -> Option<*mut u8> {
        match &*lock(&self.value) {
            Value::Own { memory, .. } => Some(memory.base(0)),
            Value::Known { .. } => None,
        }
    }

    /// Where the elements begin, if they are in this process's own memory and nobody else has or sees them.
    #[inline]
    pub(crate) fn home_alone(&self) -> Option<*mut u8> {
        match &*lock(&self.value) {
            Value::Own { memory, .. } => Some(memory.base(0)),
            Value::Known { node, .. } if Arc::strong_count(node) == 1 && !node.is_open() => node.home(),
            Value::Known { .. } => None,
        }
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        match &*lock(&self.value) {
            Value::Known { node, .. } => node.len(),
            Value::Own { shape, .. } => shape.iter().product(),
        }
    }

    /// Give it another value.
    pub(crate) fn set(&self, node: Arc<Node>) {
        let mut value = lock(&self.value);
        self.home.store(address(&node), Relaxed);
        let old = match &mut *value {
            Value::Known { node: old, .. } => {
                node.name();
                Some(std::mem::replace(old, node))
            }
            own => {
                *own = Value::known(node);
                None
            }
        };
        drop(value);
        self.version.fetch_add(1, Relaxed);
        if let Some(old) = old {
            old.unname();
        }
    }
}

/// Where the elements of a value begin in this process's own memory; null elsewhere.
fn address(node: &Node) -> *mut u8 {
    node.home().unwrap_or(std::ptr::null_mut())
}

impl Drop for Cell {
    #[inline]
    fn drop(&mut self) {
        let value = self.value.get_mut().unwrap_or_else(PoisonError::into_inner);
        // (What is its own nobody can miss, whenever it goes.)
        if let Value::Known { number, node } = value
            && !drops::takes(*number, node)
        {
            node.unname();
        }
    }
}
