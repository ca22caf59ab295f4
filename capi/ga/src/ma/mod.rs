//! MA, the memory allocator that comes with Global Arrays: one arena of a size told at the start, with a heap
//! that grows up from its beginning and a stack that grows down from its end.
//!
//! | file | what |
//! | --- | --- |
//! | [`types`] | the datatypes, their sizes, and the base arrays that indices count from |
//! | [`arena`] | the arena: where blocks lie, their guards, how much room there is |
//! | [`state`] | the one arena of the process, its switches, and what an error does |
//! | [`exports`] | the functions of `macdecls.h`; [`crate::fortran::ma`] has those of `mafdecls.fh` |
//!
//! Invariant: descriptors of blocks are kept outside the arena, so a program that writes beyond a block damages
//! guards and other blocks, never the allocator. Nothing here needs Global Arrays to be initialised.

mod arena;
pub(crate) mod exports;
pub(crate) mod state;
mod types;

pub(crate) use arena::{Name, Room};
pub(crate) use state::{Result, State, call};
pub(crate) use types::{Common, base};
