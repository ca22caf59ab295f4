//! The C interface of Global Arrays, `libga`, on the crate `ga-core`.
//!
//! Names, argument orders, constants and types are those of the `ga.h` and `macdecls.h` of Global Arrays 5.9; the headers in
//! `../include` are what C programs see. MPI isn't needed, and is used if the program has initialized it. The library has `libarmci`
//! inside and exports its names: a process has one runtime.
//!
//! | file | what |
//! | --- | --- |
//! | [`guard`] | the macros that make an exported function: its names, the panic boundary, what an error does |
//! | [`state`] | what a process has between `GA_Initialize` and `GA_Terminate` |
//! | [`table`] | handles, and the arrays they stand for |
//! | [`types`] | element types, and the dispatch on them |
//! | [`bounds`] | C's bounds, subscripts and leading dimensions |
//! | [`groups`], [`mpi`] | processor groups, and MPI's communicators |
//! | [`create`] | creation and destruction |
//! | [`operand`] | numbers behind pointers, arrays of one type |
//! | [`algebra`] | fill, zero, scale, add, copy, dot products |
//! | [`scan`] | vectors under a mask |
//! | [`transfer`] | put, get and accumulate of patches |
//! | [`ma`] | MA, the memory allocator of `macdecls.h` |
//!
//! Invariant: what is said of pointers (valid, as long as told) is promised by the C caller; calls may come from several threads
//! at once, collective ones from one thread at a time. `docs/src/ga.md` says which semantics that gives.

#![allow(dead_code, unused_macros)] // while families are added

mod algebra;
mod bounds;
mod create;
mod fault;
mod groups;
mod guard;
mod ma;
mod mpi;
mod operand;
mod scan;
mod state;
mod table;
mod transfer;
mod types;
