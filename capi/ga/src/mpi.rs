//! MPI, if the program has it: found among the symbols of the process when it is needed, so that this library is built without.
//!
//! Invariant: a [`Comm`] came from MPI, or is `MPI_COMM_WORLD`; MPI was initialized. MPICH and what shares its binary interface
//! have handles that are numbers, Open MPI has pointers: both travel in one word here.

use crate::fault::{Fault, Result, refuse};
use ga_core::Sight;
use rma::bootstrap::Exchange;
use rma::{Error, ErrorKind, World};
use std::ffi::{CStr, c_int, c_void};
use std::io;
use std::ptr::{null, null_mut};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// A communicator.
#[derive(Clone, Copy)]
pub(crate) struct Comm(pub(crate) usize);

/// A handle of MPI's in one word: an `int` of MPICH's, a pointer of Open MPI's.
type Handle = usize;

fn symbol(name: &CStr) -> *mut c_void {
    // SAFETY: the name is terminated.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    if !found.is_null() {
        return found;
    }
    match hidden() {
        // SAFETY: the handle of an object that stays loaded; the name is terminated.
        Some(library) => unsafe { libc::dlsym(library as *mut c_void, name.as_ptr()) },
        None => found,
    }
}

/// MPI's library, if it was loaded in a way that hides its names from others (`RTLD_LOCAL`), as mpi4py's is. Looked for once it may be
/// there.
fn hidden() -> Option<usize> {
    static FOUND: OnceLock<usize> = OnceLock::new();
    if let Some(found) = FOUND.get() {
        return Some(*found);
    }
    let mut found = None;
    // SAFETY: the function is called with what `found` points to, while it lives.
    unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut found).cast()) };
    found.map(|found| *FOUND.get_or_init(|| found))
}

/// Whether a loaded object has MPI, or was loaded with it; then the search is over.
///
/// # Safety
/// As [`hidden`] has it called.
unsafe extern "C" fn look(info: *mut libc::dl_phdr_info, _size: usize, found: *mut c_void) -> c_int {
    // SAFETY: the loader's description of an object, whose name is terminated.
    let name = unsafe { (*info).dlpi_name };
    // SAFETY: as above.
    if name.is_null() || !unsafe { CStr::from_ptr(name) }.to_string_lossy().to_lowercase().contains("mpi") {
        return 0;
    }
    // SAFETY: an object that is loaded already, which is to stay so.
    let library = unsafe { libc::dlopen(name, libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
    // SAFETY: a handle, and a terminated name.
    if library.is_null() || unsafe { libc::dlsym(library, c"MPI_Initialized".as_ptr()) }.is_null() {
        return 0;
    }
    // SAFETY: where the caller wants it.
    unsafe { found.cast::<Option<usize>>().write(Some(library as usize)) };
    1
}

/// A function of MPI's.
fn function(name: &CStr) -> Result<*mut c_void> {
    let found = symbol(name);
    if found.is_null() {
        refuse!("the program has no {}", name.to_string_lossy());
    }
    Ok(found)
}

/// Calls a function of MPI's whose result is a status: `mpi!(c"MPI_Name", (types) arguments)`.
macro_rules! mpi {
    ($name:expr, $(($ty:ty) $arg:expr),*) => {{
        let found = function($name)?;
        // SAFETY: MPI's binary interface: handles in registers, as words; places for results are the caller's.
        let status = unsafe {
            let call: unsafe extern "C" fn($($ty),*) -> c_int = std::mem::transmute(found);
            call($($arg),*)
        };
        if status != 0 {
            refuse!("{} gave {status}", $name.to_string_lossy());
        }
    }};
}

/// A flag that one of MPI's questions gives; false if there is no MPI.
fn asks(name: &CStr) -> bool {
    let ask = || -> Result<bool> {
        let mut flag: c_int = 0;
        mpi!(name, (*mut c_int) &raw mut flag);
        Ok(flag != 0)
    };
    ask().unwrap_or(false)
}

/// Whether MPI can be called.
pub(crate) fn is_up() -> bool {
    asks(c"MPI_Initialized") && !asks(c"MPI_Finalized")
}

/// Whether [`start`] was what initialized MPI.
static IS_OURS: AtomicBool = AtomicBool::new(false);

/// Initializes MPI, if the program has it and nobody did. Collective.
pub(crate) fn start() -> Result<()> {
    if symbol(c"MPI_Init").is_null() || asks(c"MPI_Initialized") {
        return Ok(());
    }
    mpi!(c"MPI_Init", (*mut c_int) null_mut(), (*mut c_void) null_mut());
    IS_OURS.store(true, Ordering::Release);
    Ok(())
}

/// Finalizes MPI, if [`start`] began it. Collective.
pub(crate) fn finish() -> Result<()> {
    if IS_OURS.swap(false, Ordering::AcqRel) && is_up() {
        let found = function(c"MPI_Finalize")?;
        // SAFETY: MPI's binary interface.
        let status = unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> c_int>(found)() };
        if status != 0 {
            refuse!("MPI_Finalize gave {status}");
        }
    }
    Ok(())
}

/// A world of MPI's ranks if MPI is up and has several, else another. Collective.
pub(crate) fn found(other: impl FnOnce() -> rma::Result<World>) -> rma::Result<World> {
    match is_up().then(world) {
        // Ranks that MPI takes for single ones may have found one another through our launcher.
        Some(comm) if comm.size().is_ok_and(|size| size > 1) => connect(comm),
        _ => other(),
    }
}

/// Open MPI's predefined handles are addresses of its variables.
fn predefined(open: &CStr, number: usize) -> Handle {
    match symbol(open) {
        found if found.is_null() => number,
        found => found as Handle,
    }
}

/// `MPI_COMM_WORLD`
pub(crate) fn world() -> Comm {
    Comm(predefined(c"ompi_mpi_comm_world", 0x4400_0000))
}

fn byte() -> Handle {
    predefined(c"ompi_mpi_byte", 0x4c00_010d)
}

/// A result's place: MPICH writes half of the word only.
fn place() -> Handle {
    0
}

impl Comm {
    /// A communicator that C gave; the upper half of a word with a number is anything.
    pub(crate) fn from_c(word: usize) -> Comm {
        if symbol(c"ompi_mpi_comm_world").is_null() { Comm(word as u32 as usize) } else { Comm(word) }
    }

    /// A communicator that Fortran gave, whose handles are numbers in every MPI.
    pub(crate) fn from_fortran(number: c_int) -> Result<Comm> {
        if symbol(c"ompi_mpi_comm_world").is_null() {
            return Ok(Comm::from_c(number as usize));
        }
        let found = function(c"MPI_Comm_f2c")?;
        // SAFETY: Open MPI's function of that name.
        let convert: unsafe extern "C" fn(c_int) -> usize = unsafe { std::mem::transmute(found) };
        // SAFETY: the program's handle.
        Ok(Comm(unsafe { convert(number) }))
    }

    /// The same for Fortran.
    pub(crate) fn to_fortran(self) -> Result<c_int> {
        if symbol(c"ompi_mpi_comm_world").is_null() {
            return Ok(self.0 as c_int);
        }
        let found = function(c"MPI_Comm_c2f")?;
        // SAFETY: Open MPI's function of that name.
        let convert: unsafe extern "C" fn(usize) -> c_int = unsafe { std::mem::transmute(found) };
        // SAFETY: a communicator of MPI's.
        Ok(unsafe { convert(self.0) })
    }

    pub(crate) fn size(self) -> Result<usize> {
        let mut size: c_int = 0;
        mpi!(c"MPI_Comm_size", (Handle) self.0, (*mut c_int) &raw mut size);
        Ok(size as usize)
    }

    pub(crate) fn rank(self) -> Result<usize> {
        let mut rank: c_int = 0;
        mpi!(c"MPI_Comm_rank", (Handle) self.0, (*mut c_int) &raw mut rank);
        Ok(rank as usize)
    }

    /// Everybody's bytes, which are as many everywhere.
    fn allgather(self, mine: &[u8], ranks: usize) -> Result<Vec<u8>> {
        let mut all = vec![0u8; mine.len() * ranks];
        let len = mine.len() as c_int;
        mpi!(c"MPI_Allgather", (*const u8) mine.as_ptr(), (c_int) len, (Handle) byte(), (*mut u8) all.as_mut_ptr(),
            (c_int) len, (Handle) byte(), (Handle) self.0);
        Ok(all)
    }

    /// Everybody's bytes, in rank order.
    fn gather(self, mine: &[u8], ranks: usize) -> Result<Vec<Vec<u8>>> {
        if !is_up() {
            refuse!("MPI_Finalize came before GA_Terminate");
        }
        common::gather(mine, |bytes| self.allgather(bytes, ranks))
    }

    fn abort(self, code: c_int) {
        let call = || -> Result<()> {
            mpi!(c"MPI_Abort", (Handle) self.0, (c_int) code);
            Ok(())
        };
        let _ = call();
    }
}

/// A world of a communicator's ranks, in its order. Collective over it.
pub(crate) fn connect(comm: Comm) -> rma::Result<World> {
    let failed = |text: String| Error::new(ErrorKind::Bootstrap, "init", text);
    let (rank, ranks) = match (comm.rank(), comm.size()) {
        (Ok(rank), Ok(ranks)) => (rank, ranks),
        (Err(fault), _) | (_, Err(fault)) => return Err(failed(fault.seen(Sight::C))),
    };
    let gather =
        move |mine: &[u8]| comm.gather(mine, ranks).map_err(|fault| io::Error::other(fault.seen(Sight::C)));
    let exchange = Exchange::new(rank, ranks, Box::new(gather)).map_err(|e| failed(e.to_string()))?;
    let exchange = exchange.on_abort(Box::new(move |code, _message| comm.abort(code)));
    World::init_with(Box::new(exchange))
}

/// A communicator of these ranks of another one, in this order. Collective over them.
pub(crate) fn group(comm: Comm, ranks: &[usize]) -> Result<Comm> {
    let list: Vec<c_int> = ranks.iter().map(|rank| *rank as c_int).collect();
    let (mut all, mut some, mut made) = (place(), place(), place());
    mpi!(c"MPI_Comm_group", (Handle) comm.0, (*mut Handle) &raw mut all);
    mpi!(c"MPI_Group_incl", (Handle) all, (c_int) list.len() as c_int, (*const c_int) list.as_ptr(), (*mut Handle) &raw mut some);
    mpi!(c"MPI_Comm_create_group", (Handle) comm.0, (Handle) some, (c_int) 0x4741, (*mut Handle) &raw mut made);
    mpi!(c"MPI_Group_free", (*mut Handle) &raw mut some);
    mpi!(c"MPI_Group_free", (*mut Handle) &raw mut all);
    Ok(Comm(made))
}

/// A communicator of the same ranks. Collective over it.
pub(crate) fn duplicate(comm: Comm) -> Result<Comm> {
    let mut made = place();
    mpi!(c"MPI_Comm_dup", (Handle) comm.0, (*mut Handle) &raw mut made);
    Ok(Comm(made))
}

/// Frees what [`group`] or [`duplicate`] made. Collective over it.
pub(crate) fn free(comm: Comm) -> Result<()> {
    let mut handle = comm.0;
    mpi!(c"MPI_Comm_free", (*mut Handle) &raw mut handle);
    Ok(())
}

/// Whether the ARMCI of the program is the one in this library: with `-larmci` before `-lga` it would be another runtime.
pub(crate) fn check_link_order() -> Result<()> {
    let theirs = symbol(c"ARMCI_Init");
    let ours = check_link_order as *const c_void;
    match (home(theirs), home(ours)) {
        (Some(theirs), Some(ours)) if theirs != ours => Err(Fault::new(
            "ARMCI_Init is another library's, and a process has one runtime: link with -lga before -larmci, or with -lga alone",
        )),
        _ => Ok(()),
    }
}

/// Where the file that a symbol comes from begins in memory.
fn home(symbol: *const c_void) -> Option<*mut c_void> {
    let mut info =
        libc::Dl_info { dli_fname: null(), dli_fbase: null_mut(), dli_sname: null(), dli_saddr: null_mut() };
    // SAFETY: a place for the result.
    let is_known = !symbol.is_null() && unsafe { libc::dladdr(symbol, &raw mut info) } != 0;
    is_known.then_some(info.dli_fbase)
}
