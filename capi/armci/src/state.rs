//! What a process has between `ARMCI_Init` and `ARMCI_Finalize`.
//!
//! Invariant: there is one at most; it is made collectively, so what ranks know of one another in it agrees.

use crate::address::Addresses;
use crate::atomic::Notes;
use crate::group::Groups;
use crate::guard::{exported, start};
use crate::mail::Mail;
use crate::memory::Memory;
use crate::pending::Pending;
use rma::bootstrap::Exchange;
use rma::{Error, ErrorKind, MutexSet, Result, World};
use std::cell::UnsafeCell;
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::io;
use std::sync::OnceLock;

/// Everything.
pub(crate) struct Armci {
    pub(crate) world: World,
    pub(crate) addresses: Addresses,
    pub(crate) memory: Memory,
    pub(crate) groups: Groups,
    pub(crate) pending: Pending,
    pub(crate) notes: Notes,
    pub(crate) mail: Mail,
    pub(crate) mutexes: Option<MutexSet>,
}

struct Holder(UnsafeCell<Option<Armci>>);

// SAFETY: calls come from one thread at a time, as the headers say.
unsafe impl Sync for Holder {}

static ARMCI: Holder = Holder(UnsafeCell::new(None));
static WORLD: OnceLock<World> = OnceLock::new();

/// The state, if there is one.
///
/// # Safety
/// Nobody else uses it as long as the reference lives.
#[inline(always)]
pub(crate) unsafe fn armci() -> Result<&'static mut Armci> {
    // SAFETY: the caller's promise.
    match unsafe { &mut *ARMCI.0.get() } {
        Some(armci) => Ok(armci),
        None => Err(missing()),
    }
}

#[cold]
fn missing() -> Error {
    Error::new(ErrorKind::Finalized, "armci", "called before ARMCI_Init or after ARMCI_Finalize")
}

/// The world, once there was one.
pub(crate) fn world() -> Option<&'static World> {
    WORLD.get()
}

fn holder() -> &'static mut Option<Armci> {
    // SAFETY: calls come from one thread at a time, and init and finalize are not called by other exported functions.
    unsafe { &mut *ARMCI.0.get() }
}

/// Whether there is a state.
pub(crate) fn is_initialized() -> bool {
    holder().is_some()
}

pub(crate) fn init(connect: impl FnOnce() -> Result<World>) -> Result<()> {
    if holder().is_some() {
        return Ok(());
    }
    let world = connect()?;
    let _ = WORLD.set(world.clone());
    let mut addresses = Addresses::new(world.size());
    let armci = Armci {
        memory: Memory::new(&world, &mut addresses)?,
        groups: Groups::new(&world)?,
        notes: Notes::new(&world)?,
        mail: Mail::new(&world)?,
        pending: Pending::default(),
        mutexes: None,
        addresses,
        world,
    };
    *holder() = Some(armci);
    Ok(())
}

/// Collective: ends the runtime.
pub(crate) fn finalize(armci: &mut Armci) -> Result<()> {
    armci.wait_all(None)?;
    let world = armci.world.clone();
    world.sync()?;
    // Segments are let go of, not freed one by one: their memory goes back with a later synchronisation, if the program starts anew.
    *holder() = None;
    world.pause()
}

/// An allgather of the caller's: `bytes` of everybody, in rank order, to `all`; 0 if it worked.
type Gather =
    unsafe extern "C" fn(mine: *const c_void, bytes: c_int, all: *mut c_void, context: *mut c_void) -> c_int;

/// A C function and its context, which the C caller lends until the job ends.
struct Lent(Gather, *mut c_void);

// SAFETY: the world calls it from one thread at a time, which is all the caller has to allow.
unsafe impl Send for Lent {}

impl Lent {
    fn gather(&self, mine: &[u8], size: usize) -> io::Result<Vec<u8>> {
        let mut all = vec![0; mine.len() * size];
        // SAFETY: buffers of the lengths told; the function is the caller's.
        let status =
            unsafe { self.0(mine.as_ptr().cast(), mine.len() as c_int, all.as_mut_ptr().cast(), self.1) };
        if status == 0 { Ok(all) } else { Err(io::Error::other(format!("the allgather gave {status}"))) }
    }
}

fn init_with(rank: c_int, size: c_int, gather: Gather, context: *mut c_void) -> Result<()> {
    let (rank, ranks) = (rank as usize, size as usize);
    let lent = Lent(gather, context);
    let gather = move |mine: &[u8]| {
        let lent = &lent;
        let lens = lent.gather(&(mine.len() as u64).to_le_bytes(), ranks)?;
        let lens: Vec<usize> =
            lens.chunks(8).map(|b| u64::from_le_bytes(b.try_into().expect("eight bytes")) as usize).collect();
        let longest = lens.iter().copied().max().unwrap_or(0).max(1);
        let mut padded = mine.to_vec();
        padded.resize(longest, 0);
        let all = lent.gather(&padded, ranks)?;
        Ok(all.chunks(longest).zip(lens).map(|(bytes, len)| bytes[..len].to_vec()).collect())
    };
    let failed = |error: io::Error| Error::new(ErrorKind::Bootstrap, "init", error.to_string());
    let exchange = Exchange::new(rank, ranks, Box::new(gather)).map_err(failed)?;
    init(|| World::init_with(Box::new(exchange)))
}

/// MPI's levels of threads: the last lets several call at once, which isn't so here.
const MULTIPLE: c_int = 3;

/// Refuses a level of threads that isn't true.
fn grant(level: c_int) -> Result<()> {
    if level < MULTIPLE {
        return Ok(());
    }
    let message =
        format!("thread level {level}: calls come from one thread at a time, which is MPI_THREAD_SERIALIZED");
    Err(Error::new(ErrorKind::Unsupported, "init", message))
}

/// For `ARMCI_Init_thread_comm`, which is the program's own code: 0 if the level is granted.
#[unsafe(no_mangle)]
extern "C" fn ARMCIX_Thread_level(level: c_int) -> c_int {
    start("ARMCI_Init_thread", || grant(level))
}

/// The exported starts: they run without a state.
macro_rules! starts {
    ($($name:ident / $profiling:ident ($($arg:ident: $ty:ty),*) = $body:expr;)*) => {$(
        #[allow(non_snake_case)]
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $profiling($($arg: $ty),*) -> c_int {
            $(let _ = &$arg;)*
            start(stringify!($name), || $body)
        }
        #[allow(non_snake_case)]
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($arg: $ty),*) -> c_int {
            // SAFETY: the same promises.
            unsafe { $profiling($($arg),*) }
        }
    )*};
}

starts! {
    ARMCI_Init / PARMCI_Init() = init(World::init);
    ARMCI_Init_args / PARMCI_Init_args(argc: *mut c_int, argv: *mut *mut *mut c_char) = init(World::init);
    ARMCI_Init_thread / PARMCI_Init_thread(level: c_int) = { grant(level)?; init(World::init) };
    ARMCIX_Init_allgather / PARMCIX_Init_allgather(rank: c_int, size: c_int, gather: Gather, context: *mut c_void) =
        init_with(rank, size, gather, context);
}

#[unsafe(no_mangle)]
extern "C" fn PARMCI_Initialized() -> c_int {
    is_initialized().into()
}

#[unsafe(no_mangle)]
extern "C" fn ARMCI_Initialized() -> c_int {
    PARMCI_Initialized()
}

#[unsafe(no_mangle)]
extern "C" fn PARMCI_Finalize() -> c_int {
    match holder() {
        Some(_) => crate::guard::call(|| "ARMCI_Finalize", |armci| finalize(armci).map(|()| 0)),
        None => 0,
    }
}

#[unsafe(no_mangle)]
extern "C" fn ARMCI_Finalize() -> c_int {
    PARMCI_Finalize()
}

/// Nothing of a job outlives its processes, so there is nothing to clean up.
#[unsafe(no_mangle)]
extern "C" fn ARMCI_Cleanup() {}

#[unsafe(no_mangle)]
extern "C" fn armci_msg_init(_argc: *mut c_int, _argv: *mut *mut *mut c_char) {
    if start("armci_msg_init", || init(World::init)) != 0 {
        std::process::exit(1);
    }
}

#[unsafe(no_mangle)]
extern "C" fn armci_msg_finalize() {
    PARMCI_Finalize();
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
    unsafe { std::ffi::CStr::from_ptr(message) }.to_string_lossy().into_owned()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ARMCI_Error(message: *const c_char, code: c_int) {
    // SAFETY: the caller's promise.
    let message = unsafe { text(message) };
    crate::guard::abort(code, &format!("ARMCI_Error: {message} ({code})"))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn dassertp_fail(
    condition: *const c_char,
    file: *const c_char,
    function: *const c_char,
    line: c_uint,
    code: c_int,
) -> c_int {
    // SAFETY: the caller's promise, for all three.
    let [condition, file, function] = [condition, file, function].map(|message| unsafe { text(message) });
    crate::guard::abort(code, &format!("{file}:{line}: {function}: not true: {condition} ({code})"))
}

#[unsafe(no_mangle)]
extern "C" fn armci_msg_abort(code: c_int) {
    crate::guard::abort(code, &format!("armci_msg_abort: code {code}"))
}

exported! {
    armci_msg_me() -> c_int = |armci| Ok(armci.world.rank() as c_int);
    armci_msg_nproc() -> c_int = |armci| Ok(armci.world.size() as c_int);
}
