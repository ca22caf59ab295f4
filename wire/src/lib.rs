//! What a client and a server of ranks say to each other.
//!
//! | module | what it owns |
//! | --- | --- |
//! | [`value`] | arguments and results as bytes |
//! | [`command`] | what a client asks for, in order: calls by number, drops of arrays |
//! | [`frame`] | lengths and kinds of messages, the greeting |
//! | [`channel`] | the client's end: batches, the thread that sends them, replies |
//! | [`hub`] | the server's end: rank 0 takes the frames of all clients in turn and hands them to the other ranks |
//!
//! It knows nothing of arrays or Python. Whatever comes from a peer is checked field by field: lengths against what is there,
//! nesting and counts against limits. A wrong frame is an error, and never more memory than its own length times a constant.

pub mod channel;
pub mod command;
pub mod frame;
pub mod hub;
pub mod value;

/// What both ends must agree on; raised with every change of the encoding.
pub const VERSION: u16 = 1;
