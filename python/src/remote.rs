//! The client of a server of ranks: calls of the table's functions are run here over arrays of which shape and type alone are
//! known ([`gain::Array::elsewhere`]), and sent. What fails here fails at once, and nothing is sent; what succeeds here is sent
//! without waiting; where elements would have been needed the server is asked.
//!
//! A call within a call is not sent: the ranks make it themselves. Calls whose arguments don't travel (functions, files, objects)
//! are made as if they were the program's own, and the calls inside them are sent.

use crate::convert::export;
use crate::error::Elsewhere;
use crate::ndarray::NdArray;
use crate::numpy::Numpy;
use crate::site;
use crate::values::{self, End, decode, encode, encode_pairs};
use gain::status::Policy;
use numpy::{PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyConnectionError, PyLookupError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyTuple};
use smallvec::SmallVec;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use wire::channel::Channel;
use wire::command;
use wire::place::Place;
use wire::value::{Made, Reader, Value, Writer};

/// Elements that are computed in this process at most for a call that is sent.
const LITTLE: usize = 1 << 12;
/// Arrays that the answer to one call has at most.
const ROOM: u64 = 1 << 16;
/// Bytes of an array of NumPy's that doesn't go through the socket.
const LARGE: usize = 1 << 20;
/// Bits of an array's number that are its session's.
const KEY_SHIFT: u32 = 44;

/// A function that both sides have.
struct Entry {
    original: Py<PyAny>,
    /// What stands for it while a session is on.
    wrapper: Py<PyAny>,
    /// Whether the server alone knows the answer.
    is_asked: bool,
}

/// The server's number of each function of the table, if it has it; and the reverse.
type Numbers = (Vec<Option<u32>>, HashMap<u32, usize>);

static TABLE: PyOnceLock<(Vec<Entry>, HashMap<usize, usize>)> = PyOnceLock::new();
static CURRENT: Mutex<Option<Arc<Link>>> = Mutex::new(None);
static LINKS: Mutex<Vec<(u64, Weak<Link>)>> = Mutex::new(Vec::new());
static SESSIONS: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// Whether this thread is within a call that is sent.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    static SCRATCH: RefCell<Writer> = RefCell::new(Writer::default());
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A session with a server.
struct Link {
    key: u64,
    channel: Channel,
    next: AtomicU64,
    /// What was recorded so far: it changes with every call.
    recorded: AtomicU64,
    /// The server's number of each function of the table, if it has it; and the reverse.
    numbers: OnceLock<Numbers>,
    /// The server's numbers of what makes an array of elements, and of what sets the floating-point state.
    own: OnceLock<[u32; 2]>,
    /// The floating-point state that the server was told.
    policy: Mutex<Policy>,
}

impl Link {
    fn numbers(&self, count: u64) -> u64 {
        self.key << KEY_SHIFT | self.next.fetch_add(count, Relaxed)
    }

    fn record(&self, py: Python<'_>, write: impl FnOnce(&mut Writer)) -> PyResult<()> {
        self.recorded.fetch_add(1, Relaxed);
        // (Waits at most for room in the socket; the thread that sends takes no interpreter's lock.)
        self.channel.record(write).map_err(|why| lost(py, &why))
    }
}

impl Link {
    /// Sends an array of this process's: its elements, and under which number they are known.
    #[cold]
    fn adopt(&self, array: &Bound<'_, NdArray>) -> PyResult<u64> {
        let py = array.py();
        let own = self.own.get().ok_or_else(|| PyRuntimeError::new_err("the server makes no arrays"))?;
        let mine = array.try_borrow()?;
        if mine.array.is_elsewhere() {
            return Err(PyRuntimeError::new_err(
                "the elements of this array were on a server, in a session that is over",
            ));
        }
        let mut elements = Writer::default();
        elements.tuple(1);
        encode(&mut elements, &mut Nobody, &export(py, &mine.array)?)?;
        elements.dict(0);
        let number = self.numbers(1);
        self.record(py, |to| {
            command::call(to, own[0], &[number]);
            to.bytes.extend_from_slice(&elements.bytes);
        })?;
        mine.tie.0.store(number, Relaxed);
        Ok(number)
    }

    /// Tells the server the floating-point state, if it has another one.
    #[inline]
    fn tell_state(&self, py: Python<'_>) -> PyResult<()> {
        let policy = site::capture(py).policy;
        if *lock(&self.policy) == policy { Ok(()) } else { self.tell_new_state(py, policy) }
    }

    #[cold]
    fn tell_new_state(&self, py: Python<'_>, policy: Policy) -> PyResult<()> {
        let Some(own) = self.own.get() else { return Ok(()) };
        let modes = py.import("gain._remote")?.getattr("modes")?.call0()?;
        let mut keywords = Writer::default();
        encode_pairs(&mut keywords, &mut Nobody, Some(modes.cast()?), 0)?;
        self.record(py, |to| {
            command::call(to, own[1], &[]);
            to.tuple(0);
            to.bytes.extend_from_slice(&keywords.bytes);
        })?;
        *lock(&self.policy) = policy;
        Ok(())
    }
}

/// The exception for a server that is gone.
fn lost(py: Python<'_>, why: &str) -> PyErr {
    let told = py
        .import("gain._remote")
        .and_then(|module| module.getattr("lost")?.call1((why,))?.extract::<String>());
    PyConnectionError::new_err(told.unwrap_or_else(|_| why.to_owned()))
}

/// An array's number on a server; it is told when the array goes.
#[derive(Default)]
pub(crate) struct Tie(AtomicU64);

impl Tie {
    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Drop for Tie {
    #[inline]
    fn drop(&mut self) {
        if *self.0.get_mut() != 0 {
            forget(*self.0.get_mut());
        }
    }
}

#[cold]
fn forget(number: u64) {
    let links = lock(&LINKS);
    let link = links.iter().find(|(key, _)| *key == number >> KEY_SHIFT).and_then(|(_, link)| link.upgrade());
    drop(links);
    if let Some(link) = link {
        link.channel.forget(number);
    }
}

fn current() -> Option<Arc<Link>> {
    lock(&CURRENT).clone()
}

/// The client's end of values.
struct Client<'a> {
    link: &'a Link,
    /// Arguments that are arrays of the server.
    met: usize,
    arguments: Option<&'a Bound<'a, PyTuple>>,
    keywords: Option<&'a Bound<'a, PyDict>>,
}

impl End for Client<'_> {
    fn array(&mut self, to: &mut Writer, array: &Bound<'_, NdArray>) -> PyResult<bool> {
        let number = array.try_borrow()?.tie.get();
        let number = if number >> KEY_SHIFT == self.link.key { number } else { self.link.adopt(array)? };
        self.met += 1;
        to.array(number);
        Ok(true)
    }

    fn named(&self, object: &Bound<'_, PyAny>) -> Option<u32> {
        let (_, places) = TABLE.get(object.py())?;
        let at = places.get(&object.as_ptr().addr())?;
        self.link.numbers.get()?.0[*at]
    }

    fn name<'py>(&self, py: Python<'py>, number: u32) -> PyResult<Bound<'py, PyAny>> {
        let at = self.link.numbers.get().and_then(|(_, places)| places.get(&number));
        let entry = at.and_then(|&at| TABLE.get(py)?.0.get(at));
        entry
            .map(|entry| entry.wrapper.bind(py).clone())
            .ok_or_else(|| PyLookupError::new_err("an unknown function"))
    }

    fn known<'py>(&self, py: Python<'py>, number: u64) -> PyResult<Bound<'py, PyAny>> {
        let found = self.arguments.and_then(|all| find(all.as_any(), number));
        let found = found.or_else(|| self.keywords.and_then(|all| find(all.as_any(), number)));
        match found {
            Some(found) => Ok(found.into_any().unbind().into_bound(py)),
            None => Err(PyLookupError::new_err("the server names an array that was no argument")),
        }
    }

    fn made<'py>(&self, py: Python<'py>, made: &Made<'_>) -> PyResult<Bound<'py, PyAny>> {
        if made.number >> KEY_SHIFT != self.link.key {
            return Err(PyLookupError::new_err("the server names an array of another session"));
        }
        let handle = values::handle(made)?;
        handle.tie.0.store(made.number, Relaxed);
        Ok(Bound::new(py, handle)?.into_any())
    }
}

/// The array of this number within lists, tuples and dicts.
fn find<'py>(within: &Bound<'py, PyAny>, number: u64) -> Option<Bound<'py, NdArray>> {
    if let Ok(array) = within.cast::<NdArray>() {
        return (array.try_borrow().ok()?.tie.get() == number).then(|| array.clone());
    }
    if let Ok(items) = within.cast::<PyTuple>() {
        return items.iter().find_map(|item| find(&item, number));
    }
    if let Ok(items) = within.cast::<PyList>() {
        return items.iter().find_map(|item| find(&item, number));
    }
    within.cast::<PyDict>().ok()?.values().iter().find_map(|item| find(&item, number))
}

/// Gives numbers to the arrays of a result, in their order; 0 to those that have one. Their elements are the server's.
fn collect(link: &Link, result: &Bound<'_, PyAny>, numbers: &mut SmallVec<[u64; 4]>) -> PyResult<()> {
    if let Ok(array) = result.cast_exact::<NdArray>() {
        let array = array.try_borrow()?;
        if array.tie.get() >> KEY_SHIFT == link.key {
            numbers.push(0);
            return Ok(());
        }
        let number = link.numbers(1);
        array.array.estrange();
        array.tie.0.store(number, Relaxed);
        numbers.push(number);
    } else if let Ok(items) = result.cast::<PyTuple>() {
        for item in items.iter_borrowed() {
            collect(link, &item, numbers)?;
        }
    } else if let Ok(items) = result.cast_exact::<PyList>() {
        for item in items.iter() {
            collect(link, &item, numbers)?;
        }
    }
    Ok(())
}

/// Calls the function at this place of the table.
#[pyfunction]
#[pyo3(signature = (at, arguments, keywords = None))]
fn call<'py>(
    py: Python<'py>,
    at: usize,
    arguments: &Bound<'py, PyTuple>,
    keywords: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let entry =
        &TABLE.get(py).ok_or_else(|| PyRuntimeError::new_err("there is no table of functions"))?.0[at];
    let original = entry.original.bind(py);
    if INSIDE.get() {
        return original.call(arguments, keywords);
    }
    let Some(link) = current() else { return original.call(arguments, keywords) };
    let number = link.numbers.get().and_then(|(numbers, _)| numbers[at]);
    let Some(number) = number else {
        return Err(PyRuntimeError::new_err(
            "the server is of another version of gain, which has no such function",
        ));
    };
    link.tell_state(py)?;
    // (An array of NumPy's that is large goes another way first.)
    let uploaded;
    let arguments = match arguments.iter_borrowed().any(|one| is_large(&one)) {
        false => arguments,
        true => {
            uploaded = py
                .import("gain._remote")?
                .getattr("uploaded")?
                .call1((arguments,))?
                .cast_into::<PyTuple>()?;
            &uploaded
        }
    };
    let mut scratch = SCRATCH.take();
    scratch.bytes.clear();
    let mut end = Client { link: &link, met: 0, arguments: Some(arguments), keywords };
    if !(encode(&mut scratch, &mut end, arguments.as_any())?
        && encode_pairs(&mut scratch, &mut end, keywords, 0)?)
    {
        return original.call(arguments, keywords);
    }
    if scratch.bytes.len() > wire::frame::MOST / 2 {
        return Err(PyValueError::new_err(
            "these arguments are too large to be sent: make arrays of them first",
        ));
    }
    if !entry.is_asked {
        let done = inside(|| original.call(arguments, keywords));
        match done {
            Ok(result) => {
                let mut numbers = SmallVec::new();
                collect(&link, &result, &mut numbers)?;
                if end.met > 0 || !numbers.is_empty() {
                    link.record(py, |to| {
                        command::call(to, number, &numbers);
                        to.bytes.extend_from_slice(&scratch.bytes);
                    })?;
                }
                SCRATCH.set(scratch);
                return Ok(result);
            }
            Err(error) if error.is_instance_of::<Elsewhere>(py) => {}
            Err(error) => return Err(error),
        }
    }
    let first = link.numbers(ROOM);
    link.recorded.fetch_add(1, Relaxed);
    let asked = link.channel.ask(first, |to| {
        command::ask(to, number, first);
        to.bytes.extend_from_slice(&scratch.bytes);
    });
    asked.map_err(|why| lost(py, &why))?;
    SCRATCH.set(scratch);
    let answer = wait(py, &link, first)?;
    told(py, &end, &answer)
}

/// Whether this is an array of NumPy's of very many bytes.
#[inline]
fn is_large(object: &Bound<'_, PyAny>) -> bool {
    object.get_type_ptr() == Numpy::get(object.py()).ndarray.as_ptr().cast()
        && object.cast::<PyUntypedArray>().is_ok_and(|array| array.len() * array.dtype().itemsize() > LARGE)
}

/// Runs `work`, in which calls are not sent, and no more than a little is computed.
fn inside<R>(work: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            INSIDE.set(self.0);
        }
    }
    let _restore = Restore(INSIDE.replace(true));
    gain::bounded(LITTLE, work)
}

/// The answer to a call. An interrupt ends the waiting, and cancels what the ranks have not begun.
fn wait(py: Python<'_>, link: &Link, call: u64) -> PyResult<Vec<u8>> {
    loop {
        match py.detach(|| link.channel.answer(call)).map_err(|why| lost(py, &why))? {
            Some(answer) => return Ok(answer),
            None => py.check_signals().inspect_err(|_| py.detach(|| link.channel.abandon(call)))?,
        }
    }
}

/// What an answer says: its warnings are told, then its error raised, or its value returned.
fn told<'py>(py: Python<'py>, end: &Client<'_>, answer: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let malformed = |error: wire::value::Malformed| PyConnectionError::new_err(error.to_string());
    let Value::Tuple(parts) = Reader::new(answer).value().map_err(malformed)? else {
        return Err(PyConnectionError::new_err("an answer of no known form"));
    };
    let [Value::Int(status), value, warnings] = &parts[..] else {
        return Err(PyConnectionError::new_err("an answer of no known form"));
    };
    let module = py.import("gain._remote")?;
    if !matches!(warnings, Value::None) {
        module.getattr("warn")?.call1((decode(py, end, warnings)?,))?;
    }
    let value = decode(py, end, value)?;
    match status {
        0 => Ok(value),
        _ => Err(PyErr::from_value(module.getattr("exception")?.call1((value,))?)),
    }
}

/// The table of functions: for each the original, what stands for it during a session, and whether the server alone can answer.
#[pyfunction]
fn remote_table(py: Python<'_>, table: Vec<(Py<PyAny>, Py<PyAny>, bool)>) -> PyResult<()> {
    let mut places = HashMap::new();
    for (at, (original, wrapper, _)) in table.iter().enumerate() {
        places.insert(original.as_ptr().addr(), at);
        places.insert(wrapper.as_ptr().addr(), at);
    }
    let entries =
        table.into_iter().map(|(original, wrapper, is_asked)| Entry { original, wrapper, is_asked });
    TABLE.set(py, (entries.collect(), places)).map_err(|_| PyRuntimeError::new_err("the table is made once"))
}

/// A session with a server.
#[pyclass(module = "gain", frozen)]
struct Session {
    link: Arc<Link>,
}

#[pymethods]
impl Session {
    /// Connects to the server at an address, which is known by its key if it is on another machine; also returns what it says of itself.
    #[staticmethod]
    fn open<'py>(
        py: Python<'py>,
        address: &str,
        key: &[u8],
        token: &[u8],
    ) -> PyResult<(Session, Bound<'py, PyAny>)> {
        let place = Place::new(address, key)?;
        let (channel, welcome) = py.detach(|| Channel::connect(place, token))?;
        let link = Arc::new(Link {
            key: SESSIONS.fetch_add(1, Relaxed),
            channel,
            next: AtomicU64::new(1),
            recorded: AtomicU64::new(0),
            numbers: OnceLock::new(),
            own: OnceLock::new(),
            policy: Mutex::new(Policy::IGNORE),
        });
        lock(&LINKS).push((link.key, Arc::downgrade(&link)));
        let end = Client { link: &link, met: 0, arguments: None, keywords: None };
        let value = Reader::new(&welcome).value().map_err(|e| PyConnectionError::new_err(e.to_string()))?;
        let welcome = decode(py, &end, &value)?;
        Ok((Session { link }, welcome))
    }

    /// The server's number of each function of the table, `None` of those it doesn't have; of what makes an array of elements, and
    /// of what sets the floating-point state.
    fn know(&self, numbers: Vec<Option<u32>>, array: u32, state: u32) {
        let _ = self.link.own.set([array, state]);
        let places = numbers.iter().enumerate().filter_map(|(at, number)| Some(((*number)?, at))).collect();
        let _ = self.link.numbers.set((numbers, places));
    }

    /// Whether the session can be found again once the connection is lost.
    #[getter]
    fn may_come_back(&self) -> bool {
        self.link.channel.may_come_back()
    }

    /// Connects again, if the connection is lost.
    fn come_back(&self, py: Python<'_>) -> PyResult<()> {
        Ok(py.detach(|| self.link.channel.come_back())?)
    }

    /// Makes it the session that calls go to.
    fn enter(&self) {
        *lock(&CURRENT) = Some(self.link.clone());
    }

    /// Calls go to no session any more, if they went to this one.
    fn leave(&self) {
        let mut current = lock(&CURRENT);
        if current.as_ref().is_some_and(|link| Arc::ptr_eq(link, &self.link)) {
            *current = None;
        }
    }

    /// Sends what was recorded.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.link.channel.flush()).map_err(|why| lost(py, &why))
    }

    /// Ends the connection.
    fn close(&self, py: Python<'_>) {
        self.leave();
        lock(&LINKS).retain(|(key, _)| *key != self.link.key);
        py.detach(|| self.link.channel.close());
    }

    /// A number that changes with every call that is sent.
    #[getter]
    fn recorded(&self) -> u64 {
        self.link.recorded.load(Relaxed)
    }
}

/// The number of an array on its server; 0 of one that is in this process.
#[pyfunction]
fn remote_number(array: &Bound<'_, NdArray>) -> PyResult<u64> {
    Ok(array.try_borrow()?.tie.get())
}

/// Whether calls go to a server.
#[pyfunction]
fn in_session() -> bool {
    lock(&CURRENT).is_some()
}

/// In a forked child: the sessions are the parent's. Nothing is sent, and no connection ended, whatever goes here.
#[pyfunction]
fn leave_sessions() {
    let links = std::mem::take(&mut *lock(&LINKS));
    links.into_iter().filter_map(|(_, link)| link.upgrade()).for_each(std::mem::forget);
    if let Some(link) = lock(&CURRENT).take() {
        std::mem::forget(link);
    }
}

/// A value as bytes, arrays and functions apart.
#[pyfunction]
fn encoded(py: Python<'_>, object: &Bound<'_, PyAny>) -> PyResult<Py<pyo3::types::PyBytes>> {
    let mut to = Writer::default();
    match encode(&mut to, &mut Nobody, object)? {
        true => Ok(pyo3::types::PyBytes::new(py, &to.bytes).unbind()),
        false => Err(PyValueError::new_err("this does not travel")),
    }
}

/// An end that has no arrays and no table.
struct Nobody;

impl End for Nobody {
    fn array(&mut self, _to: &mut Writer, _array: &Bound<'_, NdArray>) -> PyResult<bool> {
        Ok(false)
    }

    fn named(&self, _object: &Bound<'_, PyAny>) -> Option<u32> {
        None
    }

    fn name<'py>(&self, _py: Python<'py>, _number: u32) -> PyResult<Bound<'py, PyAny>> {
        Err(PyLookupError::new_err("there is no table"))
    }

    fn known<'py>(&self, _py: Python<'py>, _number: u64) -> PyResult<Bound<'py, PyAny>> {
        Err(PyLookupError::new_err("there are no arrays"))
    }

    fn made<'py>(&self, _py: Python<'py>, _made: &Made<'_>) -> PyResult<Bound<'py, PyAny>> {
        Err(PyLookupError::new_err("there are no arrays"))
    }
}

/// Adds the functions.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Session>()?;
    module.add_function(wrap_pyfunction!(call, module)?)?;
    module.add_function(wrap_pyfunction!(remote_table, module)?)?;
    module.add_function(wrap_pyfunction!(remote_number, module)?)?;
    module.add_function(wrap_pyfunction!(in_session, module)?)?;
    module.add_function(wrap_pyfunction!(leave_sessions, module)?)?;
    module.add_function(wrap_pyfunction!(encoded, module)?)
}
