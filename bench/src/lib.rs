//! Harness of the microbenchmarks.
//!
//! The program `gain-bench` is one SPMD program; each of its suites is started under the launcher by `bench/run.sh`
//! (`gain run -n 2 gain-bench rma`), or by any other launcher the runtime knows, so the same figures can be had on a
//! cluster. How a figure is made: [`sample`] (warm-up, batches, repetitions), [`report`] (median and quartiles beside
//! the figure to reach). `microbench::machine` says where it was made.

pub mod report;
pub mod sample;
pub mod yardstick;
