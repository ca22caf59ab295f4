//! One-sided communication between the ranks of one program.
//!
//! A program starts as one or many processes ([`World::init`] finds out); each is a *rank*. Ranks form [`Team`]s. A team
//! allocates a [`Segment`]: memory of every member that every member may read, write, accumulate into and lock. On one
//! node that memory is mapped by all, so an operation is a bounds check, one branch, and loads or stores.
//!
//! # Words
//! These words mean the same everywhere in this project:
//!
//! | word | meaning |
//! | --- | --- |
//! | *local completion* | my buffer may be reused |
//! | *remote completion* | the operation's effect is visible at the target |
//! | [`fence(rank)`](World::fence) | remote completion of all my operations to that rank |
//! | [`barrier`](Team::barrier) | every rank of the team entered before any left |
//! | [`sync`](Team::sync) | fence to all ranks, then barrier |
//! | *epoch* | the time between two full synchronisations of a team; [`Team::epoch`] counts them |
//!
//! # Order and completion
//! - A blocking get returns with the data. A blocking put or accumulate is locally complete on return.
//! - Operations of one rank to overlapping memory of one target take effect in issue order.
//! - Accumulates to the same element are atomic with regard to one another, whoever issues them; so are the atomic operations
//!   (`fetch_add`, `swap`, `compare_swap`, the bitwise ones) among themselves. The two families are not atomic with regard to each other.
//! - A put and a get (or two puts) of different ranks to overlapping bytes without a synchronisation between them race: the
//!   bytes read are some mixture of old and new ones. Nothing else breaks.
//!
//! # Collective calls
//! Functions whose text says *collective* must be called by every rank of the team, in the same order. Calls that don't match
//! (another operation, element type, count or root) are found at the first meeting and are an error on all ranks, which names
//! both sides. An error of one rank's arguments is found before anything is sent.
//!
//! ```
//! use rma::{Segment, World};
//! let world = World::init()?;
//! let segment = Segment::allocate(&world.team(), 8 * 100)?;
//! let right = (world.rank() + 1) % world.size();
//! segment.put(right, 0, &[world.rank() as f64])?;
//! world.sync()?;
//! let mut left = [0.0];
//! segment.get(world.rank(), 0, &mut left)?;
//! assert_eq!(left[0], ((world.rank() + world.size() - 1) % world.size()) as f64);
//! segment.free()?;
//! # Ok::<(), rma::Error>(())
//! ```

mod active;
mod bell;
pub mod bootstrap;
mod call;
mod card;
mod cause;
mod collective;
mod control;
mod departure;
mod directory;
mod error;
mod exchange;
pub mod fork;
mod founding;
mod helper;
mod law;
mod layout;
mod library;
mod mirror;
mod mutex;
pub mod observe;
mod onesided;
mod operator;
mod outbox;
mod outboxes;
mod plain;
mod post;
mod report;
mod retired;
mod row;
mod rows;
#[cfg(test)]
mod scale;
mod segment;
mod series;
mod session;
mod shared;
mod signature;
mod spot;
mod stall;
mod start;
mod team;
pub mod transport;
mod wait;
pub mod waits;
mod world;

pub use active::{Answered, Handler, Reply};
pub use collective::{Op, Pending, Reducible};
pub use error::{Error, ErrorKind, Result};
pub use mutex::{MutexGuard, MutexSet};
pub use onesided::{Batch, Compare, Request, Scope, Strided, Vector};
pub use plain::Plain;
pub use post::{Message, Place};
pub use segment::Segment;
pub use shm::atomics::{Atomic, AtomicInteger};
pub use shm::element::{Complex32, Complex64, DType, Element, f16};
pub use team::Team;
pub use transport::SignalUpdate;
pub use world::World;
