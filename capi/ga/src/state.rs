//! What a process has between `GA_Initialize` and `GA_Terminate`, but for the arrays ([`crate::table`]).
//!
//! Invariant: there is one at most; it is made collectively. Any number of threads use it at once.

use crate::groups::Groups;
use crate::locks::Locks;
use crate::specs::Specs;
use crate::types::Registered;
use crate::waiting::Waiting;
use common::{Installed, Nodes};
use ga_core::RawArray;
use rma::World;
use std::collections::HashMap;
use std::sync::atomic::AtomicI32;
use std::sync::{Arc, Mutex};

/// Memory of `GA_Getmem`, by where this rank's begins.
pub(crate) type Lent = Mutex<HashMap<usize, Arc<RawArray>>>;

/// Everything but the arrays.
pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) groups: Groups,
    pub(crate) registered: Registered,
    pub(crate) specs: Specs,
    pub(crate) lent: Lent,
    pub(crate) nodes: Nodes,
    pub(crate) waiting: Waiting,
    pub(crate) locks: Locks,
    pub(crate) is_debugging: AtomicI32,
    /// `GA_Terminate` ends the runtime, because `GA_Initialize` started it.
    pub(crate) is_owner: bool,
}

static STATE: Installed<State> = Installed::new();

/// The state, if there is one.
#[inline(always)]
pub(crate) fn get() -> Option<&'static State> {
    STATE.get()
}

/// There is a state from now on.
pub(crate) fn begin(state: State) {
    STATE.put(state);
}

/// There is none any more.
///
/// # Safety
/// No thread uses it.
pub(crate) unsafe fn end() {
    // SAFETY: the caller's promise.
    drop(unsafe { STATE.take() });
}
