//! Synchronisation that works across processes: every type is `#[repr(C)]`, lives in shared memory, and
//! zeroed memory is its initial state, so `ptr.cast::<Lock>().as_ref()` on zeroed heap memory is how one is
//! made.

mod barrier;
mod doorbell;
mod lock;
mod sequence;
mod spin;
mod wait;

pub use barrier::{Barrier, BarrierRow};
pub use doorbell::Doorbell;
pub use lock::Lock;
pub use sequence::{Counter, Sequence};
pub use spin::{SpinGuard, SpinLock};
pub use wait::{Crank, NoHook, SpinPolicy, WaitContext, WaitError, WaitHook, wait_until, wait_with};
