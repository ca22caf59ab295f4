//! The benchmarks. Each is a function that every rank calls; what it returns on rank 0 is printed.

pub(crate) mod atomics;
pub(crate) mod bandwidth;
pub(crate) mod collective;
pub(crate) mod compute;
pub(crate) mod latency;
pub(crate) mod messages;
pub(crate) mod overlap;
mod pair;
pub(crate) mod random_access;
pub(crate) mod several;
pub(crate) mod shapes;
