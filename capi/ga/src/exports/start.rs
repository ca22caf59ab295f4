//! Start and end; what may be called without a state.

use super::access;
use crate::bounds::Index;
use crate::fault::{Result, refuse};
use crate::groups::Groups;
use crate::guard::{Call, bare, plain};
use crate::locks::Locks;
use crate::mpi::{self, Comm};
use crate::random;
use crate::sparse;
use crate::specs::Specs;
use crate::state::{self, Lent, State};
use crate::table;
use crate::types::Registered;
use crate::waiting::Waiting;
use common::{Nodes, exports, seconds, text};
use ga_core::memory;
use rma::World;
use std::ffi::{c_char, c_int};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, Ordering};

static STARTING: Mutex<()> = Mutex::new(());

/// How the ranks find one another.
pub(crate) enum Start {
    /// MPI_COMM_WORLD if MPI is up, else whatever started the ranks.
    Found,
    Of(Comm),
}

pub(crate) fn initialize(start: Start, bytes: usize) -> Result<()> {
    let _starting = STARTING.lock().expect("no panic holds it");
    if state::get().is_some() {
        return Ok(());
    }
    mpi::check_link_order()?;
    let is_owner = !armci::host::is_started();
    let comm = match start {
        Start::Of(comm) => Some(comm),
        Start::Found => mpi::is_up().then(mpi::world),
    };
    let world = armci::host::start(|| match start {
        Start::Of(comm) => mpi::connect(comm),
        Start::Found => mpi::found(World::init),
    })?;
    let is_same = |comm: &Comm| comm.size().is_ok_and(|size| size == world.size());
    if let (Start::Of(_), Some(false)) = (&start, comm.as_ref().map(is_same)) {
        refuse!("the communicator has other ranks than ARMCI, which was initialized before");
    }
    let state = State {
        groups: Groups::new(&world, comm.filter(is_same))?,
        nodes: Nodes::new(&world)?,
        registered: Registered::default(),
        specs: Specs::default(),
        lent: Lent::default(),
        waiting: Waiting::default(),
        locks: Locks::new(),
        is_debugging: AtomicI32::new(0),
        is_owner,
        world,
    };
    if bytes > 0 {
        limit(bytes);
    }
    armci::host::ask(access::lend)?;
    state::begin(state);
    Ok(())
}

/// Ends the library; nothing if it isn't begun. Collective.
pub(crate) fn terminate() -> Result<()> {
    let _starting = STARTING.lock().expect("no panic holds it");
    let Some(state) = state::get() else { return Ok(()) };
    state.world.sync()?;
    // What the program didn't destroy is let go of: its memory goes back with a later synchronisation, if the program starts anew.
    table::clear();
    sparse::clear();
    state.groups.end()?;
    let is_owner = state.is_owner;
    // SAFETY: a program that ends the library has no thread in a call of it.
    unsafe { state::end() };
    if is_owner {
        armci::host::end()?;
    }
    Ok(())
}

/// Limits the bytes of this rank's parts of arrays; 0 is no limit.
pub(crate) fn limit(bytes: usize) {
    memory::set_limit((bytes > 0).then_some(bytes as u64));
}

exports! {
    bare;
    NGA_Initialize, GA_Initialize() = || initialize(Start::Found, 0);
    GA_Initialize_args(_argc: *mut c_int, _argv: *mut *mut *mut c_char) = || initialize(Start::Found, 0);
    NGA_Initialize_ltd, GA_Initialize_ltd(limit: usize) = || initialize(Start::Found, limit);
    NGA_Initialize_comm, GA_Initialize_comm(comm: usize) -> c_int = || initialize(Start::Of(Comm::from_c(comm)), 0).map(|()| 1);
    NGA_Initialized, GA_Initialized() -> c_int = || Ok(state::get().is_some().into());
    NGA_Terminate, GA_Terminate() = || terminate();
    NGA_Wtime, GA_Wtime() -> f64 = || Ok(seconds());
    NGA_Rand, GA_Rand(seed: c_int) -> f64 = || Ok(random::draw(seed));
    NGA_Version, GA_Version(major: *mut c_int, minor: *mut c_int, patch: *mut c_int) = || {
        for (to, number) in [(major, 5), (minor, 9), (patch, 2)] {
            to.write(c_int::narrow(number));
        }
        Ok(())
    };
    NGA_Error, GA_Error(message: *const c_char, code: c_int) = || {
        let message = text(message);
        armci::host::abort(code, &format!("GA_Error: {message} ({code})"))
    };
    NGA_Set_memory_limit, GA_Set_memory_limit(bytes: usize) = || { limit(bytes); Ok(()) };
    GA_Uses_fapi() -> c_int = || Ok(0);
    NGA_Uses_ma, GA_Uses_ma() -> c_int = || Ok(0);
}

/// `GA_Set_debug`
pub(crate) fn debugging(ga: &Call, is_on: bool) {
    ga.is_debugging.store(is_on.into(), Ordering::Relaxed);
}

plain! {
    NGA_Set_debug, GA_Set_debug(flag: c_int) = |ga| { ga.is_debugging.store(flag, Ordering::Relaxed); Ok(()) };
    NGA_Get_debug, GA_Get_debug() -> c_int = |ga| Ok(ga.is_debugging.load(Ordering::Relaxed));
}
