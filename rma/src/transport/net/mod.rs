//! The transport between nodes: one protocol of active messages over a network engine.

pub(crate) mod wire;
