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
//! | [`operand`] | numbers behind pointers, arrays of one type |
//! | [`algebra`], [`patches`] | fill, zero, scale, add, copy, dot products; of patches |
//! | [`elementwise`], [`matrix`] | element by element; diagonals, rows, norms, chosen and random elements |
//! | [`linalg`], [`solve`] | products; solvers, inverses, eigenvalues |
//! | [`sparse`] | sparse matrices |
//! | [`scan`], [`random`] | vectors under a mask; random numbers |
//! | [`spec`], [`create`] | what an array is going to be; creation and destruction |
//! | [`transfer`], [`nonblocking`], [`field`] | put, get and accumulate of patches, and of fields of their elements |
//! | [`elements`] | gather, scatter, the shared counter |
//! | [`access`], [`ghosts`] | direct access to memory; ghost cells |
//! | [`locality`], [`inquire`], [`cluster`], [`memory`] | who owns what, what an array is, which ranks share a node, how much memory |
//! | [`mirror`], [`property`] | arrays with a copy per node; read-only and cached arrays |
//! | [`print`] | arrays as text |
//! | [`sync`], [`collective`] | fences and mutexes; broadcasts and reductions |
//! | [`ma`] | MA, the memory allocator of `macdecls.h` |
//!
//! Invariant: what is said of pointers (valid, as long as told) is promised by the C caller; calls may come from several threads
//! at once, collective ones from one thread at a time. `docs/src/ga.md` says which semantics that gives.

mod access;
mod algebra;
mod bounds;
mod cluster;
mod collective;
mod create;
mod elements;
mod elementwise;
mod fault;
mod field;
mod ghosts;
mod groups;
mod guard;
mod inquire;
mod linalg;
mod locality;
mod ma;
mod matrix;
mod memory;
mod mirror;
mod mpi;
mod nonblocking;
mod operand;
mod patches;
mod print;
mod property;
mod random;
mod scan;
mod solve;
mod sparse;
mod spec;
mod state;
mod sync;
mod table;
mod transfer;
mod types;
