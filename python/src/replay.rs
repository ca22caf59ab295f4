//! The ranks of a server: frames become calls, results become answers.
//!
//! Every rank decodes each frame by itself, in the same order; what the calls are is the business of `gain._server`.

use crate::ndarray::NdArray;
use crate::values::{End, decode, encode, pairs_of};
use pyo3::exceptions::{
    PyConnectionError, PyException, PyLookupError, PyMemoryError, PyRuntimeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use wire::command::{Command, Then};
use wire::follower::{Follower, Leader};
use wire::hub::{Event, Hub, Rules};
use wire::place::Place;
use wire::tls::{self, Identity};
use wire::value::{Made, Reader, Value, Writer};

/// The functions that clients call, by number, and the numbers.
#[pyclass(module = "gain", frozen)]
struct Table {
    functions: Vec<Py<PyAny>>,
    numbers: HashMap<usize, u32>,
}

#[pymethods]
impl Table {
    #[new]
    fn new(functions: Vec<Py<PyAny>>) -> Table {
        let numbers =
            functions.iter().zip(0..).map(|(function, at)| (function.as_ptr().addr(), at)).collect();
        Table { functions, numbers }
    }
}

/// What a session's arrays take: bytes of those that are nobody's views, and how many they may be.
#[pyclass(module = "gain")]
struct Holding {
    sizes: HashMap<u64, u64>,
    #[pyo3(get)]
    held: u64,
    most: u64,
}

#[pymethods]
impl Holding {
    #[new]
    fn new(most: u64) -> Holding {
        Holding { sizes: HashMap::new(), held: 0, most }
    }
}

impl Holding {
    fn forget(&mut self, number: u64) {
        self.held -= self.sizes.remove(&number).unwrap_or(0);
    }

    /// Whether there is room for another array; it is then one of the session's.
    fn take(&mut self, number: u64, array: &NdArray) -> PyResult<()> {
        if array.is_view() {
            return Ok(());
        }
        let bytes = (array.array.size() * array.array.dtype().size_bytes()) as u64;
        if self.held.saturating_add(bytes) > self.most {
            return Err(PyMemoryError::new_err(format!(
                "an array of {bytes} bytes is more than a session may have: {} of {} bytes are taken",
                self.held, self.most
            )));
        }
        self.held += bytes;
        self.sizes.insert(number, bytes);
        Ok(())
    }
}

/// The server's end of values, for one call.
struct Server<'py> {
    table: Bound<'py, Table>,
    holding: Bound<'py, Holding>,
    /// The session's arrays by number.
    objects: Bound<'py, PyDict>,
    /// Arrays that are arguments of the call.
    met: RefCell<Vec<(Bound<'py, PyAny>, u64)>>,
    /// The number of the next array that is new.
    next: u64,
}

impl End for Server<'_> {
    fn array(&mut self, to: &mut Writer, array: &Bound<'_, NdArray>) -> PyResult<bool> {
        if let Some((_, number)) = self.met.borrow().iter().find(|(met, _)| met.is(array)) {
            to.array(*number);
            return Ok(true);
        }
        let number = self.next;
        self.next += 1;
        let me = array.try_borrow()?;
        self.holding.try_borrow_mut()?.take(number, &me)?;
        self.objects.set_item(number, array)?;
        let shown = &me.array;
        to.made(
            number,
            shown.dtype().name(),
            shown.shape(),
            &shown.strides_bytes(),
            me.is_flagged_writeable(),
        );
        Ok(true)
    }

    fn named(&self, object: &Bound<'_, PyAny>) -> Option<u32> {
        self.table.get().numbers.get(&object.as_ptr().addr()).copied()
    }

    fn name<'py>(&self, py: Python<'py>, number: u32) -> PyResult<Bound<'py, PyAny>> {
        let function = self.table.get().functions.get(number as usize);
        function
            .map(|function| function.bind(py).clone())
            .ok_or_else(|| PyLookupError::new_err("an unknown function"))
    }

    fn known<'py>(&self, py: Python<'py>, number: u64) -> PyResult<Bound<'py, PyAny>> {
        let Some(found) = self.objects.get_item(number)? else {
            return Err(PyLookupError::new_err(format!("no array {number}")));
        };
        self.met.borrow_mut().push((found.clone(), number));
        Ok(found.unbind().into_bound(py))
    }

    fn made<'py>(&self, _py: Python<'py>, _made: &Made<'_>) -> PyResult<Bound<'py, PyAny>> {
        Err(PyValueError::new_err("a client makes no arrays of the server"))
    }
}

/// The commands of a frame.
#[pyclass(module = "gain")]
struct Batch {
    bytes: Vec<u8>,
    /// Whether its client has cancelled it: calls give nothing.
    is_cancelled: bool,
    at: usize,
    /// Arrays that are arguments of the command that was given out last.
    met: Vec<(Py<PyAny>, u64)>,
    done: usize,
}

impl Batch {
    fn new(bytes: Vec<u8>, is_cancelled: bool) -> Batch {
        Batch { bytes, is_cancelled, at: 0, met: Vec::new(), done: 0 }
    }
}

#[pymethods]
impl Batch {
    /// Carries out calls whose results nobody waits for, and forgets what the client dropped, up to a command that is not of these:
    /// `(function, arguments, keywords, then)`, where `then` is the first number of an answer, or has the numbers of results that are
    /// not had: then the exception stands in the place of the arguments, without keywords. Calls of `left` are left to the caller.
    /// `None` at the end.
    #[allow(clippy::too_many_arguments)]
    fn next<'py>(
        &mut self,
        py: Python<'py>,
        table: &Bound<'py, Table>,
        holding: &Bound<'py, Holding>,
        objects: &Bound<'py, PyDict>,
        failed: &Bound<'py, PyDict>,
        left: u32,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let none = py.None().into_bound(py);
        self.met.clear();
        loop {
            let mut reader = Reader::new(&self.bytes[self.at..]);
            let command =
                Command::next(&mut reader).map_err(|error| PyValueError::new_err(error.to_string()))?;
            self.at = self.bytes.len() - reader.left();
            let (function, then, arguments, keywords) = match command {
                None => return Ok(None),
                Some(Command::Drop(numbers)) => {
                    for number in numbers {
                        // (A call that failed gave none.)
                        let _ = objects.del_item(number);
                        holding.try_borrow_mut()?.forget(number);
                        if !failed.is_empty() {
                            let _ = failed.del_item(number);
                        }
                    }
                    continue;
                }
                Some(Command::Call { function, then, arguments, keywords }) => {
                    (function, then, arguments, keywords)
                }
            };
            self.done += 1;
            let end = Server {
                table: table.clone(),
                holding: holding.clone(),
                objects: objects.clone(),
                met: RefCell::default(),
                next: 0,
            };
            let pairs = match &keywords {
                Value::Dict(pairs) => &pairs[..],
                _ => &[],
            };
            let made = match self.is_cancelled && function != left {
                true => Err(PyRuntimeError::new_err("cancelled by an interrupt, before the ranks began it")),
                false => decode(py, &end, &arguments).and_then(|all| Ok((all, pairs_of(py, &end, pairs)?))),
            };
            let failure = |error: PyErr| error.into_value(py).into_bound(py).into_any();
            let (arguments, keywords, then) = match (made, then) {
                (Ok((arguments, keywords)), Then::Keep(numbers)) if function != left => {
                    let function = end.name(py, function);
                    let done = function.and_then(|function| {
                        function
                            .call(arguments.cast::<PyTuple>()?, Some(&keywords).filter(|all| !all.is_empty()))
                    });
                    let kept = done.and_then(|result| keep_results(&result, &numbers, objects, holding));
                    match kept {
                        Ok(()) => continue,
                        Err(error) if !error.is_instance_of::<PyException>(py) => return Err(error),
                        Err(error) => (failure(error), none, PyList::new(py, numbers)?.into_any()),
                    }
                }
                (Ok((arguments, keywords)), Then::Keep(numbers)) => {
                    (arguments, keywords.into_any(), PyList::new(py, numbers)?.into_any())
                }
                (Ok((arguments, keywords)), Then::Tell(first)) => {
                    (arguments, keywords.into_any(), first.into_pyobject(py)?.into_any())
                }
                (Err(error), Then::Keep(numbers)) => {
                    (failure(error), none, PyList::new(py, numbers)?.into_any())
                }
                (Err(error), Then::Tell(first)) => {
                    (failure(error), none, first.into_pyobject(py)?.into_any())
                }
            };
            self.met = end.met.into_inner().into_iter().map(|(met, number)| (met.unbind(), number)).collect();
            return PyTuple::new(py, [function.into_pyobject(py)?.into_any(), arguments, keywords, then])
                .map(Some);
        }
    }

    /// How many calls there were so far.
    #[getter]
    fn done(&self) -> usize {
        self.done
    }

    /// The answer to the last command: its status, value and warnings. Arrays that are new get numbers from `first` on.
    fn answer<'py>(
        &mut self,
        py: Python<'py>,
        answer: (i64, Bound<'py, PyAny>, Bound<'py, PyAny>),
        first: u64,
        table: &Bound<'py, Table>,
        holding: &Bound<'py, Holding>,
        objects: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let met = self.met.drain(..).map(|(met, number)| (met.into_bound(py), number)).collect();
        let mut end = Server {
            table: table.clone(),
            holding: holding.clone(),
            objects: objects.clone(),
            met: RefCell::new(met),
            next: first,
        };
        let (status, value, warnings) = answer;
        let mut to = Writer::default();
        to.tuple(3);
        to.int(status);
        let before = to.bytes.len();
        if !encode(&mut to, &mut end, &value)? {
            to.bytes.truncate(before);
            to.opaque(&format!("an object of class {}", value.get_type().name()?));
        }
        if !encode(&mut to, &mut end, &warnings)? {
            return Err(PyRuntimeError::new_err("warnings are texts"));
        }
        if to.bytes.len() > wire::frame::MOST {
            return Err(PyValueError::new_err("what was asked for is too large to be told"));
        }
        Ok(PyBytes::new(py, &to.bytes))
    }
}

/// A rank's end of the connections of a server.
#[pyclass(module = "gain", frozen)]
struct Seat {
    place: Mutex<Connections>,
}

/// Where a rank that hands on what rank 0 says is found by those beside it.
#[pyclass(module = "gain", frozen)]
struct Beside {
    leader: Leader,
    #[pyo3(get)]
    address: String,
}

#[pymethods]
impl Beside {
    #[new]
    fn new(address: String) -> PyResult<Beside> {
        Ok(Beside { leader: Leader::listen(&address)?, address })
    }
}

/// Opens a server of this machine to others, at `host:port`: the port, and the key that the server is known by.
#[pyfunction]
fn open_to_network(address: &str, server: &str) -> PyResult<(u16, Vec<u8>)> {
    let identity = Identity::new()?;
    let key = identity.key.to_vec();
    Ok((tls::front(address, identity, server)?, key))
}

enum Connections {
    First(Box<Hub>),
    Other(Follower),
}

#[pymethods]
impl Seat {
    /// Rank 0's, which listens at an address of this machine; `is_owned` by the first client, or open to any.
    #[staticmethod]
    #[allow(clippy::too_many_arguments)]
    fn first(
        address: &str,
        token: Vec<u8>,
        welcome: Vec<u8>,
        followers: usize,
        idle: f64,
        grace: f64,
        is_owned: bool,
    ) -> PyResult<Seat> {
        let seconds = |seconds: f64| {
            Duration::try_from_secs_f64(seconds).map_err(|error| PyValueError::new_err(error.to_string()))
        };
        let (idle, grace) = (seconds(idle)?, seconds(grace)?);
        let hub = Hub::listen(address, Rules { token, welcome, followers, idle, grace, is_owned })?;
        Ok(Seat { place: Mutex::new(Connections::First(Box::new(hub))) })
    }

    /// Another rank's, once rank 0 listens at one of these places (each an address and a key). So many other ranks hear of this one what
    /// rank 0 says, at an address of this machine that `beside` listens at.
    #[staticmethod]
    fn other(
        py: Python<'_>,
        places: Vec<(String, Vec<u8>)>,
        token: &[u8],
        beside: Option<&Beside>,
        count: usize,
    ) -> PyResult<Seat> {
        let places = places.iter().map(|(address, key)| Place::new(address, key));
        let places = places.collect::<std::io::Result<Vec<_>>>()?;
        let follower = py.detach(|| {
            let mut follower = Follower::connect(&places, token)?;
            if let Some(beside) = beside {
                follower.lead(&beside.leader, count, token)?;
            }
            std::io::Result::Ok(follower)
        })?;
        Ok(Seat { place: Mutex::new(Connections::Other(follower)) })
    }

    /// What to do next: `("batch", session, commands)`, `("closed", session, None)` or `("end", 0, None)`. Sleeps until then.
    fn next(&self, py: Python<'_>) -> PyResult<(&'static str, u64, Option<Batch>)> {
        loop {
            let event = py.detach(|| {
                let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
                match &mut *place {
                    Connections::First(hub) => hub.event(),
                    Connections::Other(follower) => follower.event(),
                }
            });
            match event.map_err(|error| PyConnectionError::new_err(error.to_string()))? {
                Event::Batch(session, bytes) => {
                    return Ok(("batch", session, Some(Batch::new(bytes, false))));
                }
                Event::Cancelled(session, bytes) => {
                    return Ok(("batch", session, Some(Batch::new(bytes, true))));
                }
                Event::Closed(session) => return Ok(("closed", session, None)),
                Event::End => return Ok(("end", 0, None)),
                Event::Interrupted => py.check_signals()?,
            }
        }
    }

    /// Answers a call of a client; other ranks have nothing to say.
    fn reply(&self, py: Python<'_>, session: u64, call: u64, message: &[u8]) {
        py.detach(|| {
            if let Connections::First(hub) = &mut *self.place.lock().unwrap_or_else(PoisonError::into_inner) {
                hub.reply(session, call, message);
            }
        });
    }

    /// Ends a session whose client sent what is no message.
    fn expel(&self, session: u64) {
        if let Connections::First(hub) = &mut *self.place.lock().unwrap_or_else(PoisonError::into_inner) {
            hub.expel(session);
        }
    }
}

/// Gives the arrays of a result the numbers that the client gave them.
fn keep_results(
    result: &Bound<'_, PyAny>,
    numbers: &[u64],
    objects: &Bound<'_, PyDict>,
    holding: &Bound<'_, Holding>,
) -> PyResult<()> {
    let mut left = numbers.iter().copied();
    match keep(result, &mut left, objects, holding)? && left.next().is_none() {
        true => Ok(()),
        false => Err(PyRuntimeError::new_err("a call gave other arrays than its client expected")),
    }
}

fn keep(
    result: &Bound<'_, PyAny>,
    numbers: &mut impl Iterator<Item = u64>,
    objects: &Bound<'_, PyDict>,
    holding: &Bound<'_, Holding>,
) -> PyResult<bool> {
    if let Ok(array) = result.cast_exact::<NdArray>() {
        match numbers.next() {
            None => return Ok(false),
            Some(0) => {}
            Some(number) => {
                holding.try_borrow_mut()?.take(number, &*array.try_borrow()?)?;
                objects.set_item(number, result)?;
            }
        }
    } else if let Ok(items) = result.cast::<PyTuple>() {
        for item in items.iter_borrowed() {
            if !keep(&item, numbers, objects, holding)? {
                return Ok(false);
            }
        }
    } else if let Ok(items) = result.cast_exact::<PyList>() {
        for item in items.iter() {
            if !keep(&item, numbers, objects, holding)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Adds the classes.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Batch>()?;
    module.add_class::<Table>()?;
    module.add_class::<Holding>()?;
    module.add_class::<Beside>()?;
    module.add_class::<Seat>()?;
    module.add_function(wrap_pyfunction!(open_to_network, module)?)
}
