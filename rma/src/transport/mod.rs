//! The ways to other ranks' memory: [`verbs`] says what each has to offer, [`shm`](self::shm) reaches the ranks of this node, [`net`] those of the others.

pub(crate) mod bundle;
pub(crate) mod letter;
pub(crate) mod net;
mod shm;
pub(crate) mod verbs;

pub use self::net::choose::{Engine, engines};
pub(crate) use self::shm::Shm;
pub(crate) use self::verbs::apply_amo;
pub use self::verbs::{Amo, Capabilities, Held, Moving, Remote, Rows, Runs, SignalUpdate, Token, Transport};
