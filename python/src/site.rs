//! Lines of the user's program as numbers, and the floating-point state of NumPy at them.
//!
//! What an operation costs for this is 20 ns, so everything is compared by pointer: code objects with the few used
//! last, the state with the one seen last. Code objects are kept for as long as the interpreter lives: their addresses
//! are their names, and lines are looked up in them when somebody asks. There is a limit, beyond which new code has no
//! name, so that a program that makes code for ever does not fill the memory.

use gain::status::site::{Hooks, Origin, Site};
use gain::status::{Mode, Policy};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::c_int;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Code objects that get a name.
const MOST_CODES: usize = 1 << 16;

/// Code objects found without a table.
const RECENT: usize = 8;

// SAFETY: exported by every CPython from 3.11 on, with these signatures; not among the declarations of `pyo3::ffi` for
// the stable ABI.
unsafe extern "C" {
    fn PyFrame_GetLasti(frame: *mut ffi::PyFrameObject) -> c_int;
    fn PyFrame_GetBack(frame: *mut ffi::PyFrameObject) -> *mut ffi::PyFrameObject;
    fn PyFrame_GetGlobals(frame: *mut ffi::PyFrameObject) -> *mut ffi::PyObject;
    fn PyCode_Addr2Line(code: *mut ffi::PyObject, offset: c_int) -> c_int;
    fn PyContextVar_Get(
        variable: *mut ffi::PyObject,
        default: *mut ffi::PyObject,
        value: *mut *mut ffi::PyObject,
    ) -> c_int;
}

/// A code object that was met.
struct Code {
    code: Py<PyAny>,
    /// Belongs to this package: the line that counts is its caller's.
    is_package: bool,
    /// `__name__` of its module, for filters of warnings.
    module: Option<String>,
}

#[derive(Default)]
struct Codes {
    /// Number `k` is at `k - 1`.
    list: Vec<Code>,
    numbers: HashMap<usize, u32>,
}

static CODES: Mutex<Option<Codes>> = Mutex::new(None);
/// The folder of this package, with its last slash.
static FOLDER: Mutex<Option<String>> = Mutex::new(None);
/// The functions and objects that states name, each once.
static CALLEES: Mutex<Vec<Py<PyAny>>> = Mutex::new(Vec::new());

struct Cache {
    /// Address, number and whether it is the package's.
    codes: [(usize, u32, bool); RECENT],
    variable: Option<Py<PyAny>>,
    /// The state seen last, kept so that its address is not another's.
    state: Option<Py<PyAny>>,
    policy: Policy,
}

thread_local! {
    /// Whether exceptions are ignored whatever NumPy's state is.
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static CACHE: RefCell<Cache> = const {
        RefCell::new(Cache { codes: [(0, 0, false); RECENT], variable: None, state: None, policy: Policy::IGNORE })
    };
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells `gain` whom to ask.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let package: String = module.py().import("gain")?.getattr("__file__")?.extract()?;
    *lock(&FOLDER) = package.rfind('/').map(|slash| package[..=slash].to_owned());
    gain::status::site::register(Hooks { capture: attached, resolve });
    Ok(())
}

/// The present line and state, for a caller that has the interpreter's lock.
pub(crate) fn capture(py: Python<'_>) -> Origin {
    CACHE.with(|cache| match cache.try_borrow_mut() {
        Ok(mut cache) => {
            let policy = if QUIET.get() { Policy::IGNORE } else { policy(py, &mut cache) };
            Origin { site: site(py, &mut cache), policy }
        }
        // Asked while asking: something that was run for a new state records operations itself.
        Err(_) => Origin::default(),
    })
}

/// What a function of the package returns that ignores all floating-point exceptions, as under `numpy.errstate(all="ignore")`: to
/// enter and leave that costs more than an operation on few elements.
#[pyfunction]
pub(crate) fn quietly<'py>(
    function: &Bound<'py, PyAny>,
    argument: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            QUIET.set(self.0);
        }
    }
    let _restore = Restore(QUIET.replace(true));
    function.call1((argument,))
}

/// As [`capture`]; called by `gain` in `on_demand` only, that is with the lock.
fn attached() -> Origin {
    // SAFETY: `convert` runs work with `on_demand` only while this thread holds the interpreter's lock.
    capture(unsafe { Python::assume_attached() })
}

/// The innermost line outside of this package.
fn site(py: Python<'_>, cache: &mut Cache) -> Site {
    // SAFETY: the interpreter's lock is held. `PyEval_GetFrame` lends the frame that runs; `PyFrame_GetBack` and
    // `PyFrame_GetCode` give references of our own, which are given back below; a frame's own reference keeps its code
    // alive while it runs.
    unsafe {
        let mut frame = ffi::PyEval_GetFrame();
        if frame.is_null() {
            return Site::UNKNOWN;
        }
        ffi::Py_INCREF(frame.cast());
        let mut found = Site::UNKNOWN;
        while !frame.is_null() {
            let code = ffi::PyFrame_GetCode(frame).cast::<ffi::PyObject>();
            let recent = &mut cache.codes[code.addr() >> 6 & (RECENT - 1)];
            if recent.0 != code.addr() {
                let (number, is_package) = intern(py, code, frame);
                *recent = (code.addr(), number, is_package);
            }
            let (_, number, is_package) = *recent;
            ffi::Py_DECREF(code);
            if !is_package {
                if number != 0 {
                    found = Site::new(number, PyFrame_GetLasti(frame).max(0) as u32);
                }
                ffi::Py_DECREF(frame.cast());
                break;
            }
            let back = PyFrame_GetBack(frame);
            ffi::Py_DECREF(frame.cast());
            frame = back;
        }
        found
    }
}

/// Number of a code object, a new one if it has none, and whether it is the package's.
///
/// # Safety
/// `code` and `frame` are live objects, `code` that of `frame`.
#[cold]
unsafe fn intern(py: Python<'_>, code: *mut ffi::PyObject, frame: *mut ffi::PyFrameObject) -> (u32, bool) {
    let mut codes = lock(&CODES);
    let codes = codes.get_or_insert_default();
    if let Some(&number) = codes.numbers.get(&code.addr()) {
        return (number, codes.list[number as usize - 1].is_package);
    }
    // SAFETY: a live object.
    let object = unsafe { Bound::from_borrowed_ptr(py, code) };
    let file = object.getattr("co_filename").and_then(|name| name.extract::<String>()).unwrap_or_default();
    let is_package = lock(&FOLDER).as_ref().is_some_and(|folder| file.starts_with(folder));
    if codes.list.len() == MOST_CODES {
        return (0, is_package);
    }
    // SAFETY: a live frame; the function returns a new reference to its dictionary.
    let globals = unsafe { Bound::from_owned_ptr_or_opt(py, PyFrame_GetGlobals(frame)) };
    let name = globals.and_then(|globals| globals.cast_into::<PyDict>().ok()?.get_item("__name__").ok()?);
    let module = name.and_then(|name| Some(name.cast::<PyString>().ok()?.to_string()));
    codes.list.push(Code { code: object.unbind(), is_package, module });
    let number = codes.list.len() as u32;
    codes.numbers.insert(code.addr(), number);
    (number, is_package)
}

/// NumPy's state in this context.
fn policy(py: Python<'_>, cache: &mut Cache) -> Policy {
    let Some(variable) = &cache.variable else { return first_policy(py, cache) };
    let mut state = std::ptr::null_mut();
    // SAFETY: the interpreter's lock is held, the first argument is a context variable that `cache` keeps; on success a
    // new reference (or null) is written to `state`.
    let state = unsafe {
        if PyContextVar_Get(variable.as_ptr(), std::ptr::null_mut(), &mut state) < 0 {
            ffi::PyErr_Clear();
        }
        Bound::from_owned_ptr_or_opt(py, state)
    };
    match state {
        None => Policy::default(),
        Some(state) if cache.state.as_ref().is_some_and(|seen| seen.as_ptr() == state.as_ptr()) => {
            cache.policy
        }
        Some(state) => {
            cache.policy = parse(py).unwrap_or_default();
            cache.state = Some(state.unbind());
            cache.policy
        }
    }
}

#[cold]
fn first_policy(py: Python<'_>, cache: &mut Cache) -> Policy {
    let umath = py.import("numpy._core.umath");
    match umath.and_then(|umath| umath.getattr("_extobj_contextvar")) {
        Ok(variable) => {
            cache.variable = Some(variable.unbind());
            policy(py, cache)
        }
        // A NumPy that keeps its state elsewhere: `geterr` knows.
        Err(_) => parse(py).unwrap_or_default(),
    }
}

/// The state as `numpy.geterr` and `numpy.geterrcall` tell it.
#[cold]
fn parse(py: Python<'_>) -> PyResult<Policy> {
    let numpy = py.import("numpy")?;
    let told = numpy.call_method0("geterr")?;
    let mut modes = [Mode::Ignore; 4];
    for (mode, kind) in modes.iter_mut().zip(["divide", "over", "under", "invalid"]) {
        *mode = match told.get_item(kind)?.extract::<String>()?.as_str() {
            "warn" => Mode::Warn,
            "raise" => Mode::Raise,
            "call" => Mode::Call,
            "print" => Mode::Print,
            "log" => Mode::Log,
            _ => Mode::Ignore,
        };
    }
    let callee = numpy.call_method0("geterrcall")?;
    Ok(Policy::new(modes, if callee.is_none() { 0 } else { number_of(callee) }))
}

fn number_of(callee: Bound<'_, PyAny>) -> u16 {
    let mut callees = lock(&CALLEES);
    let at = callees.iter().position(|known| known.as_ptr() == callee.as_ptr()).unwrap_or_else(|| {
        callees.push(callee.unbind());
        callees.len() - 1
    });
    u16::try_from(at + 1).unwrap_or(0)
}

/// The function or object that a policy names.
pub(crate) fn callee(py: Python<'_>, policy: Policy) -> Option<Bound<'_, PyAny>> {
    let at = usize::from(policy.callee()).checked_sub(1)?;
    lock(&CALLEES).get(at).map(|callee| callee.bind(py).clone())
}

/// File, line and module of a site.
pub(crate) fn place(py: Python<'_>, site: Site) -> Option<(String, u32, Option<String>)> {
    let (code, module) = {
        let codes = lock(&CODES);
        let known = codes.as_ref()?.list.get((site.code() as usize).checked_sub(1)?)?;
        (known.code.clone_ref(py), known.module.clone())
    };
    let file = code.getattr(py, "co_filename").and_then(|name| name.extract::<String>(py)).ok()?;
    // SAFETY: a live code object; any offset has a line or none, which is negative.
    let line = unsafe { PyCode_Addr2Line(code.as_ptr(), site.offset() as c_int) };
    Some((file, line.max(0) as u32, module))
}

fn resolve(site: Site) -> Option<(String, u32)> {
    Python::try_attach(|py| place(py, site)).flatten().map(|(file, line, _)| (file, line))
}
