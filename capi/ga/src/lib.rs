//! The interface of Global Arrays for C and Fortran on the crate `ga-core`. `libga` and `libga_i4` are this and Fortran's names for INTEGERs of 8 bytes or 4 (`../library.rs`).
//!
//! Names, argument orders, constants and types are those of the `ga.h` and `macdecls.h` of Global Arrays 5.9; the headers in
//! `../include` are what C programs see. MPI isn't needed, and is used if the program has initialized it. The library has `libarmci`
//! inside and exports its names: a process has one runtime.
//!
//! Each knows the ones above it in this table:
//!
//! | file | what |
//! | --- | --- |
//! | [`fault`], [`random`], [`statistics`] | what ends a call; the stream of `GA_Rand`; how often what was called |
//! | [`types`], [`property`] | element types, and the dispatch on them; what a program promises of an array |
//! | [`table`] | handles, and the arrays they stand for |
//! | [`bounds`], [`operand`] | C's bounds, subscripts and leading dimensions; numbers behind pointers, arrays of one type |
//! | [`kept`] | what is read instead of an array that has a property |
//! | [`mpi`], [`groups`] | MPI's communicators; processor groups |
//! | [`specs`], [`waiting`], [`locks`] | what an array is going to be; transfers under way; mutexes and fences |
//! | [`state`] | what a process has between `GA_Initialize` and `GA_Terminate` |
//! | [`guard`] | what every exported function goes through: the panic boundary, what an error does |
//! | [`exports`] | the functions, a file for each family |
//! | [`sparse`] | sparse matrices |
//! | [`tcgmsg`] | TCGMSG: messages |
//! | [`gp`] | arrays of pointers to blocks of memory |
//! | [`mod@pario`] | arrays on disk, files of one process, shared files |
//! | [`ma`] | MA, the memory allocator of `macdecls.h`; it knows nothing of the rest |
//! | [`fortran`] | Fortran's names for them |
//!
//! Invariant: what is said of pointers (valid, as long as told) is promised by the C caller; any number of threads are in calls at once, collective ones of
//! one group from one thread at a time. `docs/src/ga.md` says which semantics that gives.

mod bounds;
mod exports;
mod fault;
pub mod fortran;
mod gp;
mod groups;
mod guard;
mod kept;
mod locks;
mod ma;
mod mpi;
mod operand;
mod pario;
mod property;
mod random;
mod sparse;
mod specs;
mod state;
mod statistics;
mod table;
mod tcgmsg;
mod types;
mod waiting;
