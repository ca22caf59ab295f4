//! ARMCI's C interface, `libarmci`, on the crate `rma`.
//!
//! Names, argument orders, constants and layouts are those of the `armci.h` and `message.h` that Global Arrays installs; the
//! headers in `include/` are what C programs see. Nothing of MPI is needed.
//!
//! | file | what |
//! | --- | --- |
//! | [`guard`] | the macro that makes an exported function: both its names, the panic boundary, what an error does |
//! | [`inside`] | one thread at a time |
//! | [`state`] | what a process has between `ARMCI_Init` and `ARMCI_Finalize` |
//! | [`address`] | raw addresses of ranks to segments |
//! | [`memory`] | allocation, collective and not |
//! | [`transfer`], [`vector`], [`pending`] | put, get, accumulate in every shape; handles of non-blocking ones |
//! | [`parallel`] | put, get and accumulate that are waited for, by several threads at once |
//! | [`atomic`] | read-modify-write, mutexes, flags and notifications |
//! | [`group`] | groups and domains |
//! | [`message`], [`reduction`], [`mail`] | `message.h`: collectives, and send and receive |
//! | [`extras`] | what ARMCI-MPI adds |
//! | [`host`] | what `libga`, which has this library inside, starts and ends it by |
//!
//! Invariant: one thread at a time is inside, which programs are to see to, as with the original; others wait. What is said of pointers there (valid, of the length
//! told) is promised by the C caller. `docs/src/armci.md` says which semantics that gives.

mod address;
mod atomic;
mod extras;
mod group;
mod guard;
mod inside;
mod mail;
mod memory;
mod message;
mod parallel;
mod pending;
mod pool;
mod reduction;
mod state;
mod transfer;
mod vector;

pub mod host;
