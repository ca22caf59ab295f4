//! Start and end, of the runtime and of the job.

use crate::end::abort;
use crate::guard::{call, outside, start};
use crate::state::{finalize, init, is_initialized};
use common::{exports, text};
use rma::bootstrap::Exchange;
use rma::{Error, ErrorKind, Result, World};
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::io;

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
        let (mine, len, to) = (mine.as_ptr().cast(), mine.len() as c_int, all.as_mut_ptr().cast());
        // SAFETY: buffers of the lengths told; the function is the caller's.
        let status = unsafe { self.0(mine, len, to, self.1) };
        if status == 0 { Ok(all) } else { Err(io::Error::other(format!("the allgather gave {status}"))) }
    }
}

fn init_with(rank: c_int, size: c_int, gather: Gather, context: *mut c_void) -> Result<()> {
    let (rank, ranks) = (rank as usize, size as usize);
    let lent = Lent(gather, context);
    let gather = move |mine: &[u8]| {
        let lent = &lent;
        common::gather(mine, |bytes| lent.gather(bytes, ranks))
    };
    let failed = |error: io::Error| Error::new(ErrorKind::Bootstrap, "init", error.to_string());
    let exchange = Exchange::new(rank, ranks, Box::new(gather)).map_err(failed)?;
    init(|| World::init_with(Box::new(exchange)))
}

/// MPI's levels of threads: 0 to 3, of which the last, `MPI_THREAD_MULTIPLE`, is what there is.
fn grant(level: c_int) -> Result<()> {
    if (0..=3).contains(&level) {
        return Ok(());
    }
    let message = format!("there is no thread level {level}: 3 is MPI_THREAD_MULTIPLE");
    Err(Error::new(ErrorKind::Unsupported, "init", message))
}

exports! {
    start;
    PARMCI_Init, ARMCI_Init() -> c_int = || init(World::init);
    PARMCI_Init_args, ARMCI_Init_args(argc: *mut c_int, argv: *mut *mut *mut c_char) -> c_int = || init(World::init);
    PARMCI_Init_thread, ARMCI_Init_thread(level: c_int) -> c_int = || { grant(level)?; init(World::init) };
    PARMCIX_Init_allgather, ARMCIX_Init_allgather(rank: c_int, size: c_int, gather: Gather, context: *mut c_void) -> c_int =
        || init_with(rank, size, gather, context);
    // For `ARMCI_Init_thread_comm`, which is the program's own code: 0 if the level is granted.
    ARMCIX_Thread_level(level: c_int) -> c_int = || grant(level);
}

exports! {
    outside;
    PARMCI_Initialized, ARMCI_Initialized() -> c_int = || Ok(is_initialized().into());
    PARMCI_Finalize, ARMCI_Finalize() -> c_int = || finalize().map(|()| 0);
    armci_msg_finalize() = finalize;
    armci_msg_init(argc: *mut c_int, argv: *mut *mut *mut c_char) = || init(World::init);
    // Nothing of a job outlives its processes, so there is nothing to clean up.
    ARMCI_Cleanup() = || Ok(());
    ARMCI_Error(message: *const c_char, code: c_int) = || abort(code, &format!("ARMCI_Error: {} ({code})", text(message)));
    armci_msg_abort(code: c_int) = || abort(code, &format!("armci_msg_abort: code {code}"));
    dassertp_fail(condition: *const c_char, file: *const c_char, function: *const c_char, line: c_uint, code: c_int) -> c_int = || {
        let [condition, file, function] = [condition, file, function].map(|message| text(message));
        abort(code, &format!("{file}:{line}: {function}: not true: {condition} ({code})"))
    };
}

exports! {
    call;
    armci_msg_me() -> c_int = |armci| Ok(armci.world.rank() as c_int);
    armci_msg_nproc() -> c_int = |armci| Ok(armci.world.size() as c_int);
}
