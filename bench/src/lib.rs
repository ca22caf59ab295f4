//! Harness of the microbenchmarks.
