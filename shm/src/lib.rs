//! Memory that several processes of one node share.
//!
//! The bottom floor: it knows the operating system and nothing else. Two processes that map the same
//! [`heap::Heap`] name a place in it by `(node rank, byte offset)`; everything else in this crate works on
//! such places:
//!
//! | module | what it owns |
//! | --- | --- |
//! | [`element`] | the list of element types |
//! | [`heap`] | the node heap: one memory file, one arena per rank, the allocator |
//! | [`sync`] | locks, barriers, doorbells and sequence counters that work across processes, and the one wait engine below them |
//! | [`board`] | what each rank waits for, readable by others even after it died |
//! | [`copy`] | all bulk moves, contiguous and strided, and the contract about races |
//! | [`accumulate`] | `dst += alpha * src`, atomic element by element |
//! | [`atomics`] | fetch-and-add, swap and compare-and-swap on integers in the heap |
//!
//! Under `--cfg loom` the crate is [`sync`] alone, on loom's atomics, for `tests/loom.rs`.

#[cfg(not(loom))]
pub mod accumulate;
mod atomic;
#[cfg(not(loom))]
pub mod atomics;
#[cfg(not(loom))]
pub mod board;
#[cfg(not(loom))]
pub mod copy;
pub mod element;
#[cfg(not(loom))]
mod error;
#[cfg(not(loom))]
pub mod heap;
mod os;
pub mod sync;

pub use element::{Complex32, Complex64, DType, Element, f16};
#[cfg(not(loom))]
pub use error::{Error, Result};
#[cfg(not(loom))]
pub use heap::{Block, Busy, Heap, HeapConfig, OutOfMemory};
pub use os::clock_ns;
#[cfg(not(loom))]
pub use os::start_ticks;
