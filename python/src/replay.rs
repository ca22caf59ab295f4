//! The ranks of a server: frames become calls, results become answers.
//!
//! Every rank decodes each frame by itself, in the same order; what the calls are is the business of `gain._server`.

use crate::ndarray::NdArray;
use crate::values::{End, decode, encode, pairs_of};
use pyo3::exceptions::{PyConnectionError, PyLookupError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};
use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use wire::command::{Command, Then};
use wire::hub::{Event, Follower, Hub, Rules};
use wire::value::{Made, Reader, Writer};

/// The server's end of values, for one call.
struct Server<'py> {
    functions: Bound<'py, PyList>,
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
        self.objects.set_item(number, array)?;
        let me = array.try_borrow()?;
        let shown = &me.array;
        to.made(number, shown.dtype().name(), shown.shape(), &shown.strides_bytes(), me.is_flagged_writeable());
        Ok(true)
    }

    fn named(&self, object: &Bound<'_, PyAny>) -> Option<u32> {
        self.functions.iter().position(|function| function.is(object)).map(|at| at as u32)
    }

    fn name<'py>(&self, py: Python<'py>, number: u32) -> PyResult<Bound<'py, PyAny>> {
        let function = self.functions.get_item(number as usize);
        Ok(function.map_err(|_| PyLookupError::new_err("an unknown function"))?.unbind().into_bound(py))
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
    at: usize,
    met: Vec<(Py<PyAny>, u64)>,
}

#[pymethods]
impl Batch {
    /// The next command: `(function, arguments, keywords, then)`, where `then` has the numbers of the results, or is the first
    /// number of an answer; `(None, numbers, None, None)` for arrays that go; `None` at the end. In the place of arguments that
    /// cannot be had is the exception that says why.
    fn next<'py>(
        &mut self,
        py: Python<'py>,
        functions: &Bound<'py, PyList>,
        objects: &Bound<'py, PyDict>,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let mut reader = Reader::new(&self.bytes[self.at..]);
        let command = Command::next(&mut reader).map_err(|error| PyValueError::new_err(error.to_string()))?;
        self.at = self.bytes.len() - reader.left();
        let none = py.None().into_bound(py);
        let (function, then, arguments, keywords) = match command {
            None => return Ok(None),
            Some(Command::Drop(numbers)) => {
                let numbers = PyList::new(py, numbers)?.into_any();
                return PyTuple::new(py, [none.clone(), numbers, none.clone(), none]).map(Some);
            }
            Some(Command::Call { function, then, arguments, keywords }) => (function, then, arguments, keywords),
        };
        let end =
            Server { functions: functions.clone(), objects: objects.clone(), met: RefCell::default(), next: 0 };
        let pairs = match &keywords {
            wire::value::Value::Dict(pairs) => &pairs[..],
            _ => &[],
        };
        let made = decode(py, &end, &arguments).and_then(|all| Ok((all, pairs_of(py, &end, pairs)?)));
        let (arguments, keywords) = match made {
            Ok((arguments, keywords)) => (arguments, keywords.into_any()),
            Err(error) => (error.into_value(py).into_bound(py).into_any(), none),
        };
        let then = match then {
            Then::Keep(numbers) => PyList::new(py, numbers)?.into_any(),
            Then::Tell(first) => first.into_pyobject(py)?.into_any(),
        };
        drop(reader);
        self.met = end.met.into_inner().into_iter().map(|(met, number)| (met.unbind(), number)).collect();
        PyTuple::new(py, [function.into_pyobject(py)?.into_any(), arguments, keywords, then]).map(Some)
    }

    /// The answer to the last command: its status, value and warnings. Arrays that are new get numbers from `first` on.
    fn answer<'py>(
        &mut self,
        py: Python<'py>,
        answer: (i64, Bound<'py, PyAny>, Bound<'py, PyAny>),
        first: u64,
        functions: &Bound<'py, PyList>,
        objects: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let met = self.met.drain(..).map(|(met, number)| (met.into_bound(py), number)).collect();
        let mut end =
            Server { functions: functions.clone(), objects: objects.clone(), met: RefCell::new(met), next: first };
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
        Ok(PyBytes::new(py, &to.bytes))
    }
}

/// A rank's end of the connections of a server.
#[pyclass(module = "gain", frozen)]
struct Seat {
    place: Mutex<Place>,
}

enum Place {
    First(Box<Hub>),
    Other(Follower),
}

#[pymethods]
impl Seat {
    /// Rank 0's, which listens at an address.
    #[staticmethod]
    fn first(address: &str, token: Vec<u8>, welcome: Vec<u8>, followers: usize, idle: f64) -> PyResult<Seat> {
        let idle = Duration::try_from_secs_f64(idle).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let hub = Hub::listen(address, Rules { token, welcome, followers, idle })?;
        Ok(Seat { place: Mutex::new(Place::First(Box::new(hub))) })
    }

    /// Another rank's, once rank 0 listens.
    #[staticmethod]
    fn other(address: &str, token: &[u8]) -> PyResult<Seat> {
        Ok(Seat { place: Mutex::new(Place::Other(Follower::connect(address, token)?)) })
    }

    /// What to do next: `("batch", session, commands)`, `("closed", session, None)` or `("end", 0, None)`. Sleeps until then.
    fn next(&self, py: Python<'_>) -> PyResult<(&'static str, u64, Option<Batch>)> {
        loop {
            let event = py.detach(|| {
                let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
                match &mut *place {
                    Place::First(hub) => hub.next(),
                    Place::Other(follower) => follower.next(),
                }
            });
            match event.map_err(|error| PyConnectionError::new_err(error.to_string()))? {
                Event::Batch(session, bytes) => {
                    return Ok(("batch", session, Some(Batch { bytes, at: 0, met: Vec::new() })));
                }
                Event::Closed(session) => return Ok(("closed", session, None)),
                Event::End => return Ok(("end", 0, None)),
                Event::Interrupted => py.check_signals()?,
            }
        }
    }

    /// Answers a client; other ranks have nothing to say.
    fn reply(&self, py: Python<'_>, session: u64, message: &[u8]) {
        py.detach(|| {
            if let Place::First(hub) = &mut *self.place.lock().unwrap_or_else(PoisonError::into_inner) {
                hub.reply(session, message);
            }
        });
    }

    /// Ends a session whose client sent what is no message.
    fn expel(&self, session: u64) {
        if let Place::First(hub) = &mut *self.place.lock().unwrap_or_else(PoisonError::into_inner) {
            hub.expel(session);
        }
    }
}

/// Gives the arrays of a result the numbers that the client gave them; false if these are more or fewer.
#[pyfunction]
fn keep_results(result: &Bound<'_, PyAny>, numbers: Vec<u64>, objects: &Bound<'_, PyDict>) -> PyResult<bool> {
    let mut left = numbers.into_iter();
    Ok(keep(result, &mut left, objects)? && left.next().is_none())
}

fn keep(
    result: &Bound<'_, PyAny>,
    numbers: &mut std::vec::IntoIter<u64>,
    objects: &Bound<'_, PyDict>,
) -> PyResult<bool> {
    if result.cast_exact::<NdArray>().is_ok() {
        match numbers.next() {
            None => return Ok(false),
            Some(0) => {}
            Some(number) => objects.set_item(number, result)?,
        }
    } else if let Ok(items) = result.cast::<PyTuple>() {
        for item in items.iter_borrowed() {
            if !keep(&item, numbers, objects)? {
                return Ok(false);
            }
        }
    } else if let Ok(items) = result.cast_exact::<PyList>() {
        for item in items.iter() {
            if !keep(&item, numbers, objects)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Adds the classes.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Batch>()?;
    module.add_class::<Seat>()?;
    module.add_function(wrap_pyfunction!(keep_results, module)?)
}
