//! ARMCI's C interface, `libarmci`, on the crate `rma`.
//!
//! Names, argument orders, constants and layouts are those of the `armci.h` and `message.h` that Global Arrays installs; the
//! headers in `include/` are what C programs see. Nothing of MPI is needed.
//!
//! Each knows the ones above it in this table:
//!
//! | file | what |
//! | --- | --- |
//! | [`end`] | how a job ends in the middle of a call |
//! | [`inside`], [`address`] | raw addresses of ranks to segments, and which thread may use what was found last |
//! | [`memory`], [`pool`] | allocations, collective and not |
//! | [`groups`], [`notes`], [`mutexes`], [`mail`], [`pending`], [`selection`] | groups and domains; notifications; mutexes; messages; handles of non-blocking operations; the reduction that picks a rank |
//! | [`state`] | what a process has between `ARMCI_Init` and `ARMCI_Finalize` |
//! | [`guard`] | what every exported function goes through: the panic boundary, what an error does |
//! | [`exports`] | the functions |
//! | [`host`] | what `libga`, which has this library inside, starts and ends it by |
//!
//! Invariant: any number of threads are in calls at once. What is said of pointers there (valid, of the length
//! told) is promised by the C caller. `docs/src/armci.md` says which semantics that gives.

mod address;
mod end;
mod exports;
mod groups;
mod guard;
mod inside;
mod mail;
mod memory;
mod mutexes;
mod notes;
mod pending;
mod pool;
mod selection;
mod state;

pub mod host;
