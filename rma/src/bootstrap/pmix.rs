//! PMIx client over `libpmix.so.2`, loaded when it is needed: Open MPI's `mpiexec`, `prterun`, `srun --mpi=pmix`.
//!
//! The few bindings are written by hand. They hold for every library of that name: the sizes and numbers below are the same
//! in the headers of 4.2 and of 7.0, and a test compares them with the headers that are installed.
//!
//! The library counts initialisations, so an MPI in the same process may come and go before us, after us or meanwhile.

use super::Bootstrap;
use crate::library::Library;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::{io, mem, ptr};

/// Environment variable: where the library is, when the dynamic linker doesn't find it.
const LIBRARY: &str = "GAIN_PMIX_LIB";

const SUCCESS: c_int = 0;
const GLOBAL: u8 = 3;
const BOOL: u16 = 1;
const UINT32: u16 = 14;
const BYTE_OBJECT: u16 = 27;
const RANK_WILDCARD: u32 = u32::MAX - 1;
const COLLECT_DATA: &CStr = c"pmix.collect";
const JOB_SIZE: &CStr = c"pmix.job.size";

#[repr(C)]
#[derive(Clone, Copy)]
struct Proc {
    nspace: [c_char; 256],
    rank: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct ByteObject {
    bytes: *mut c_char,
    size: usize,
}

#[repr(C)]
union Data {
    flag: bool,
    uint32: u32,
    bytes: ByteObject,
    whole: [u64; 3],
}

#[repr(C)]
struct Value {
    kind: u16,
    data: Data,
}

#[repr(C)]
struct Info {
    key: [c_char; 512],
    flags: u32,
    value: Value,
}

const _: () = assert!(size_of::<Proc>() == 260 && size_of::<Value>() == 32 && size_of::<Info>() == 552);

type Init = unsafe extern "C" fn(*mut Proc, *mut Info, usize) -> c_int;
type Finalize = unsafe extern "C" fn(*const Info, usize) -> c_int;
type Put = unsafe extern "C" fn(u8, *const c_char, *mut Value) -> c_int;
type Commit = unsafe extern "C" fn() -> c_int;
type Fence = unsafe extern "C" fn(*const Proc, usize, *const Info, usize) -> c_int;
type Get = unsafe extern "C" fn(*const Proc, *const c_char, *const Info, usize, *mut *mut Value) -> c_int;
type AbortJob = unsafe extern "C" fn(c_int, *const c_char, *mut Proc, usize) -> c_int;
type ErrorString = unsafe extern "C" fn(c_int) -> *const c_char;

#[derive(Clone, Copy)]
struct Functions {
    init: Init,
    finalize: Finalize,
    put: Put,
    commit: Commit,
    fence: Fence,
    get: Get,
    abort: AbortJob,
    error_string: ErrorString,
}

/// A session with a PMIx server.
pub struct Pmix {
    functions: Functions,
    me: Proc,
    size: usize,
    job: String,
    exchange: usize,
}

impl std::fmt::Debug for Pmix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rank {} of {} in PMIx namespace {}", self.me.rank, self.size, self.job)
    }
}

impl Functions {
    fn load() -> Result<Functions, String> {
        let library = Library::load(LIBRARY, c"libpmix.so.2")?;
        macro_rules! function {
            ($name:literal, $kind:ty) => {{
                let address = library.symbol($name)?;
                // SAFETY: the library's function of that name has the type of the field this is stored in, by pmix.h.
                unsafe { mem::transmute::<ptr::NonNull<c_void>, $kind>(address) }
            }};
        }
        Ok(Functions {
            init: function!(c"PMIx_Init", Init),
            finalize: function!(c"PMIx_Finalize", Finalize),
            put: function!(c"PMIx_Put", Put),
            commit: function!(c"PMIx_Commit", Commit),
            fence: function!(c"PMIx_Fence", Fence),
            get: function!(c"PMIx_Get", Get),
            abort: function!(c"PMIx_Abort", AbortJob),
            error_string: function!(c"PMIx_Error_string", ErrorString),
        })
    }

    fn check(&self, what: &str, status: c_int) -> io::Result<()> {
        if status == SUCCESS {
            return Ok(());
        }
        // SAFETY: the library's own terminated string for a status, never null.
        let text = unsafe { CStr::from_ptr((self.error_string)(status)) };
        Err(io::Error::other(format!("PMIx_{what}: {} ({status})", text.to_string_lossy())))
    }
}

impl Pmix {
    /// Registers with the server that the environment names.
    pub(super) fn connect() -> io::Result<Pmix> {
        let missing = |error| {
            let message = format!(
                "this job was started with PMIx, whose library can't be used: {error}; {LIBRARY} may name it"
            );
            io::Error::new(io::ErrorKind::Unsupported, message)
        };
        let functions = Functions::load().map_err(missing)?;
        let mut me = Proc { nspace: [0; 256], rank: 0 };
        // SAFETY: the library writes one Proc; no infos are given.
        functions.check("Init", unsafe { (functions.init)(&mut me, ptr::null_mut(), 0) })?;
        // SAFETY: the library terminates the name within its 256 bytes.
        let job = unsafe { CStr::from_ptr(me.nspace.as_ptr()) }.to_string_lossy().into_owned();
        let mut session = Pmix { functions, me, size: 0, job, exchange: 0 };
        session.size = session.get(RANK_WILDCARD, JOB_SIZE, |value| {
            if value.kind != UINT32 {
                return None;
            }
            // SAFETY: the kind says which member is set.
            Some(unsafe { value.data.uint32 } as usize)
        })?;
        if session.size <= session.me.rank as usize {
            return Err(io::Error::other(format!("PMIx says rank {} of {}", session.me.rank, session.size)));
        }
        Ok(session)
    }

    /// Reads a value of a rank of this job.
    fn get<T>(&self, rank: u32, key: &CStr, read: impl FnOnce(&Value) -> Option<T>) -> io::Result<T> {
        let proc = Proc { rank, ..self.me };
        let mut value = ptr::null_mut();
        // SAFETY: a whole Proc, a terminated key, no infos, and room for one pointer.
        let status = unsafe { (self.functions.get)(&proc, key.as_ptr(), ptr::null(), 0, &mut value) };
        self.functions.check("Get", status)?;
        // SAFETY: after success the library has allocated a value, which is ours.
        let found = read(unsafe { &*value });
        // SAFETY: both were allocated with malloc by the library for the caller, who frees them.
        unsafe {
            if (*value).kind == BYTE_OBJECT {
                libc::free((*value).data.bytes.bytes.cast());
            }
            libc::free(value.cast());
        }
        found.ok_or_else(|| io::Error::other(format!("PMIx has another type for {key:?} than expected")))
    }

    fn key(&self) -> CString {
        CString::new(format!("gain-{}", self.exchange)).expect("no zero inside")
    }

    /// A fence of all ranks; what was put travels along.
    fn fence(&self) -> io::Result<()> {
        let all = Proc { rank: RANK_WILDCARD, ..self.me };
        let mut key = [0; 512];
        for (place, letter) in key.iter_mut().zip(COLLECT_DATA.to_bytes()) {
            *place = *letter as c_char;
        }
        let mut collect = Info { key, flags: 0, value: Value { kind: BOOL, data: Data { whole: [0; 3] } } };
        collect.value.data.flag = true;
        // SAFETY: one Proc and one Info, alive during the call.
        self.functions.check("Fence", unsafe { (self.functions.fence)(&all, 1, &collect, 1) })
    }
}

impl Bootstrap for Pmix {
    fn rank(&self) -> usize {
        self.me.rank as usize
    }

    fn size(&self) -> usize {
        self.size
    }

    fn job(&self) -> &str {
        &self.job
    }

    fn publish(&mut self, mine: Option<&[u8]>) -> io::Result<()> {
        self.exchange += 1;
        if let Some(mine) = mine {
            let bytes = ByteObject { bytes: mine.as_ptr().cast_mut().cast(), size: mine.len() };
            let mut value = Value { kind: BYTE_OBJECT, data: Data { bytes } };
            // SAFETY: a terminated key and a value whose bytes outlive the call; the library copies and doesn't write them.
            let status = unsafe { (self.functions.put)(GLOBAL, self.key().as_ptr(), &mut value) };
            self.functions.check("Put", status)?;
            // SAFETY: no arguments.
            self.functions.check("Commit", unsafe { (self.functions.commit)() })?;
        }
        self.fence()
    }

    fn fetch(&mut self, rank: usize) -> io::Result<Vec<u8>> {
        self.get(rank as u32, &self.key(), |value| {
            if value.kind != BYTE_OBJECT {
                return None;
            }
            // SAFETY: the kind says which member is set.
            let found = unsafe { value.data.bytes };
            if found.size == 0 {
                return Some(Vec::new());
            }
            // SAFETY: the library's object says how many bytes there are.
            Some(unsafe { std::slice::from_raw_parts(found.bytes.cast::<u8>(), found.size) }.to_vec())
        })
    }

    fn barrier(&mut self) -> io::Result<()> {
        self.fence()
    }

    fn leave(&mut self) -> io::Result<()> {
        // SAFETY: no infos.
        self.functions.check("Finalize", unsafe { (self.functions.finalize)(ptr::null(), 0) })
    }

    fn abort(&mut self, code: i32, message: &str) {
        let message = CString::new(message.replace('\0', " ")).expect("zeros were replaced");
        // The caller ends whether or not the server hears it.
        // SAFETY: a terminated string; no procs means all of the job.
        let _ = unsafe { (self.functions.abort)(code, message.as_ptr(), ptr::null_mut(), 0) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// The oracle is the C compiler with the installed header.
    #[test]
    fn sizes_offsets_and_numbers_are_the_header_s() {
        let include = "/usr/lib/x86_64-linux-gnu/pmix2/include";
        if !std::path::Path::new(include).join("pmix.h").exists() {
            return eprintln!("skipped: no PMIx header (Debian package libpmix-dev)");
        }
        let facts = [
            ("sizeof(pmix_proc_t)", size_of::<Proc>()),
            ("offsetof(pmix_proc_t, rank)", mem::offset_of!(Proc, rank)),
            ("sizeof(pmix_value_t)", size_of::<Value>()),
            ("offsetof(pmix_value_t, data)", mem::offset_of!(Value, data)),
            ("sizeof(((pmix_value_t *)0)->type)", size_of::<u16>()),
            ("sizeof(pmix_byte_object_t)", size_of::<ByteObject>()),
            ("offsetof(pmix_byte_object_t, size)", mem::offset_of!(ByteObject, size)),
            ("sizeof(pmix_info_t)", size_of::<Info>()),
            ("offsetof(pmix_info_t, flags)", mem::offset_of!(Info, flags)),
            ("offsetof(pmix_info_t, value)", mem::offset_of!(Info, value)),
            ("PMIX_SUCCESS", SUCCESS as usize),
            ("PMIX_GLOBAL", GLOBAL.into()),
            ("PMIX_BOOL", BOOL.into()),
            ("PMIX_UINT32", UINT32.into()),
            ("PMIX_BYTE_OBJECT", BYTE_OBJECT.into()),
            ("(pmix_rank_t)(PMIX_RANK_WILDCARD)", RANK_WILDCARD as usize),
        ];
        let mut source = "#include <stddef.h>\n#include <pmix.h>\n#include <string.h>\n".to_owned();
        for (text, number) in facts {
            source += &format!("_Static_assert({text} == {number}u, \"{text}\");\n");
        }
        for (name, value) in [("PMIX_COLLECT_DATA", COLLECT_DATA), ("PMIX_JOB_SIZE", JOB_SIZE)] {
            let value = value.to_str().unwrap();
            source += &format!("_Static_assert(sizeof({name}) == sizeof(\"{value}\"), \"{name}\");\n");
        }
        let file = std::env::temp_dir().join(format!("pmix-facts-{}.c", std::process::id()));
        std::fs::write(&file, source).unwrap();
        let output = Command::new("cc").args(["-fsyntax-only", "-I", include]).arg(&file).output().unwrap();
        std::fs::remove_file(&file).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
