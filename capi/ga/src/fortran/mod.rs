//! Fortran's names of Global Arrays: the table, and what its rows go through.
//!
//! A row of [`fortran!`](macro@table::fortran) is a routine as a Fortran program sees it, with the names that the linker sees:
//!
//! ```text
//! subroutine nga_get_(g_a: int, lo: ints, hi: ints, buf: any, ld: ints) => NGA_Get;
//! logical ga_locate_(g_a: int, i: int, j: int, owner: out) = |ga| found(ga, g_a, &[i, j], owner);
//! double_precision ga_wtime_, nga_wtime_() bare = Ok(seconds());
//! ```
//!
//! The first passes its arguments on to the function of `ga.h` named there; the second is by hand; the third may be called at any time. Fortran is the third
//! column of [`crate::bounds::Index`], beside C's two, so that a function that takes bounds takes Fortran's.
//! What an argument is says its kind: [`pass`] lists them. Everything is there twice, for INTEGERs of 8 bytes and of 4: modules `i8` and `i4` of each chapter, with names that
//! are Rust's. The crates `libga` and `libga_i4` export one of the two under the names of the table, which they and the headers' test read in these files.
//!
//! | chapter | routines |
//! | --- | --- |
//! | [`start`] | start, end, ranks, memory |
//! | [`create`] | arrays: made, described, destroyed, asked |
//! | [`locality`] | who owns what |
//! | [`access`] | memory by index into COMMON blocks |
//! | [`transfer`] | get, put, accumulate, single elements |
//! | [`algebra`] | whole arrays and patches, element by element |
//! | [`matrix`] | matrices: products, solvers, diagonals |
//! | [`collective`] | broadcasts, reductions, groups, locks |
//! | [`ghosts`] | ghost cells |
//! | [`vector`] | vectors under a mask, bins |
//! | [`print`] | arrays as text |
//! | [`ma`] | MA |
//! | [`messages`] | TCGMSG |
//! | [`disk`], [`files`] | arrays on disk; files of one process, shared files |
//!
//! Invariant: matrices lie in memory as Fortran has them, so a matrix of m by n here is an array of n by m to `ga-core`: whatever has rows and columns says so in its row.

pub mod access;
pub mod algebra;
pub mod collective;
pub mod create;
pub mod disk;
pub mod files;
pub mod ghosts;
pub mod locality;
pub mod ma;
pub mod matrix;
pub mod messages;
mod pass;
pub mod print;
pub mod start;
mod table;
pub mod transfer;
pub mod vector;
