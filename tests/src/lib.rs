//! Harness of the multi-rank tests.
