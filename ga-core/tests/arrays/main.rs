//! Global arrays on one to four ranks against serial copies: one test program, since all of it shares an oracle.

mod common;
mod elements;
mod ghosts;
mod matrices;
mod mirrored;
mod mutexes;
mod patch_algebra;
mod patches;
mod periodic;
mod pointers;
mod products;
mod queries;
mod scans;
mod solvers;
mod sound;
mod sparse;
mod whole_arrays;
