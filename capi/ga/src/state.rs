//! What a process has between `GA_Initialize` and `GA_Terminate`.
//!
//! Invariant: there is one at most; it is made collectively and never freed, so that a reference to it is good for ever.

use crate::bounds::Index;
use crate::cluster::Nodes;
use crate::create::Lent;
use crate::fault::{Result, refuse};
use crate::groups::Groups;
use crate::guard::{bare, exported};
use crate::memory;
use crate::mpi::{self, Comm};
use crate::nonblocking::Waiting;
use crate::random;
use crate::sparse;
use crate::spec::Specs;
use crate::sync::Locks;
use crate::table;
use crate::types::Registered;
use rma::World;
use std::ffi::{CStr, c_char, c_int};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Instant;

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
    is_owner: bool,
}

static STATE: AtomicPtr<State> = AtomicPtr::new(null_mut());
static STARTING: Mutex<()> = Mutex::new(());

/// The state, if there is one.
#[inline(always)]
pub(crate) fn get() -> Option<&'static State> {
    // SAFETY: null or leaked.
    unsafe { STATE.load(Ordering::Acquire).as_ref() }
}

/// How the ranks find one another.
enum Start {
    /// MPI_COMM_WORLD if MPI is up, else whatever started the ranks.
    Found,
    Of(Comm),
}

fn initialize(start: Start, limit: usize) -> Result<()> {
    let _starting = STARTING.lock().expect("no panic holds it");
    if get().is_some() {
        return Ok(());
    }
    mpi::check_link_order()?;
    let is_owner = !armci::host::is_started();
    let comm = match start {
        Start::Of(comm) => Some(comm),
        Start::Found => mpi::is_up().then(mpi::world),
    };
    let world = armci::host::start(|| match comm {
        // Ranks that MPI takes for single ones may have found one another through our launcher.
        Some(comm) if matches!(start, Start::Of(_)) || comm.size().is_ok_and(|size| size > 1) => {
            mpi::connect(comm)
        }
        _ => World::init(),
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
        locks: Locks::default(),
        is_debugging: AtomicI32::new(0),
        is_owner,
        world,
    };
    if limit > 0 {
        memory::limit(limit);
    }
    armci::host::ask(crate::access::lend)?;
    STATE.store(Box::into_raw(Box::new(state)), Ordering::Release);
    Ok(())
}

fn terminate() -> Result<()> {
    let _starting = STARTING.lock().expect("no panic holds it");
    let Some(state) = get() else { return Ok(()) };
    state.world.sync()?;
    // What the program didn't destroy is let go of: its memory goes back with a later synchronisation, if the program starts anew.
    table::clear();
    sparse::clear();
    state.lent.lock().expect("no panic holds it").clear();
    STATE.store(null_mut(), Ordering::Release);
    state.groups.end()?;
    if state.is_owner {
        armci::host::end()?;
    }
    Ok(())
}

/// A terminated text of the caller's.
///
/// # Safety
/// Null, or terminated and readable.
pub(crate) unsafe fn text(message: *const c_char) -> String {
    if message.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned()
}

/// Seconds since the first call.
fn seconds() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}

/// Exported functions that may be called without a state.
macro_rules! always {
    ($($($name:ident),+ ($($arg:ident: $ty:ty),*) $(-> $ret:ty)? = $body:expr;)*) => {$(
        always! { @each [$($name)+] ($($arg: $ty),*) ($($ret)?) $body }
    )*};
    (@each [] $args:tt $ret:tt $body:expr) => {};
    (@each [$name:ident $($more:ident)*] ($($arg:ident: $ty:ty),*) ($($ret:ty)?) $body:expr) => {
        #[allow(non_snake_case, unused_unsafe)]
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($arg: $ty),*) $(-> $ret)? {
            $(let _ = &$arg;)*
            // SAFETY: pointers are what the header says they must be: the C caller's promise.
            bare(stringify!($name), || unsafe { $body })
        }
        always! { @each [$($more)*] ($($arg: $ty),*) ($($ret)?) $body }
    };
}

always! {
    NGA_Initialize, GA_Initialize() = initialize(Start::Found, 0);
    GA_Initialize_args(argc: *mut c_int, argv: *mut *mut *mut c_char) = initialize(Start::Found, 0);
    NGA_Initialize_ltd, GA_Initialize_ltd(limit: usize) = initialize(Start::Found, limit);
    NGA_Initialize_comm, GA_Initialize_comm(comm: usize) -> c_int = initialize(Start::Of(Comm::from_c(comm)), 0).map(|()| 1);
    NGA_Initialized, GA_Initialized() -> c_int = Ok(get().is_some().into());
    NGA_Terminate, GA_Terminate() = terminate();
    NGA_Wtime, GA_Wtime() -> f64 = Ok(seconds());
    NGA_Rand, GA_Rand(seed: c_int) -> f64 = Ok(random::draw(seed));
    NGA_Version, GA_Version(major: *mut c_int, minor: *mut c_int, patch: *mut c_int) = {
        for (to, number) in [(major, 5), (minor, 9), (patch, 2)] {
            to.write(c_int::narrow(number));
        }
        Ok(())
    };
    NGA_Error, GA_Error(message: *const c_char, code: c_int) = {
        let message = text(message);
        armci::host::abort(code, &format!("GA_Error: {message} ({code})"))
    };
    NGA_Set_memory_limit, GA_Set_memory_limit(bytes: usize) = { memory::limit(bytes); Ok(()) };
    GA_Uses_fapi() -> c_int = Ok(0);
    NGA_Uses_ma, GA_Uses_ma() -> c_int = Ok(0);
}

exported! {
    NGA_Set_debug, GA_Set_debug(flag: c_int) = |ga| { ga.is_debugging.store(flag, Ordering::Relaxed); Ok(()) };
    NGA_Get_debug, GA_Get_debug() -> c_int = |ga| Ok(ga.is_debugging.load(Ordering::Relaxed));
}
