//! Collectives over a team's meetings ([`crate::control`]).
//!
//! | size of a member's share | how |
//! | --- | --- |
//! | up to 5 words | in the line of the meeting itself: one cache line per member |
//! | up to an outbox | one meeting, everybody reads the outboxes it needs in place |
//! | more | in pieces of an outbox, which the first such call of a team makes large; a large allreduce has every member reduce its share of the piece, then everybody reads all shares |
//!
//! On a node with many members (see [`crate::control`]) short reductions go by [`cube`], too.
//!
//! A team that spans nodes brings what everybody wants together node by node, and moves it between the nodes' leaders only ([`tiers`]), which
//! reduce and broadcast in a number of steps that is the logarithm of theirs ([`cube`]).
//! What is different for each member (scatter, gather, alltoall, scans) every member fetches by itself, wherever it is.
//!
//! Non-blocking collectives are another thing altogether: schedules that go on by letters ([`later`]).
//!
//! Invariant: every member computes from the same bytes in the same order, or reads what one member computed, so results are
//! bit for bit the same everywhere.

mod barrier;
mod cube;
mod flat;
mod gather;
mod later;
mod ops;
mod reduce;
mod shares;
mod split;
mod spread;
mod steps;
mod tiers;

pub use crate::operator::Op;
pub use later::Pending;
pub use ops::Reducible;

use crate::plain::Plain;
use crate::signature::Signature;
use shm::DType;

/// The number of an element type in a signature.
fn dtype_kind(dtype: DType) -> u16 {
    dtype as u16 + 1
}

/// The number of any plain type in a signature: its size.
fn plain_kind<T: Plain>() -> u16 {
    0x1000 + size_of::<T>().min(0xe000) as u16
}

/// Adds type and count.
fn typed<T: Plain>(signature: Signature, count: usize) -> Signature {
    signature.element(plain_kind::<T>()).count(count)
}
