//! Floating-point exceptions that operations found, told as NumPy tells them.
//!
//! Called with the interpreter's lock once an operation is over and its turn given up: warnings, functions and objects
//! of the user's are Python code that may do anything.

use crate::site;
use gain::status::site::Origin;
use gain::status::{ALL, DIVIDE, Event, IMAGINARY, INVALID, Mode, OVER, Place, UNDER};
use pyo3::exceptions::{PyFloatingPointError, PyNameError};
use pyo3::prelude::*;

/// NumPy's text where complex numbers become real ones.
const DISCARDS: &str = "Casting complex values to real discards the imaginary part";

/// Tells what this thread's last operation found.
///
/// # Errors
/// What was asked to be raised, and what the user's code raises.
#[inline]
pub(crate) fn tell(py: Python<'_>) -> PyResult<()> {
    if gain::status::has_events() { tell_all(py, &gain::status::take()) } else { Ok(()) }
}

#[cold]
fn tell_all(py: Python<'_>, events: &[Event]) -> PyResult<()> {
    events.iter().try_for_each(|event| {
        if event.bits == IMAGINARY {
            return warn_at(py, "ComplexWarning", DISCARDS, place(py, event));
        }
        let mut kinds = ALL.iter().filter(|&&kind| event.bits & kind != 0);
        kinds.try_for_each(|&kind| tell_one(py, event, kind))
    })
}

/// Tells of exceptions that something other than an array's operation raised, at the present line of the user's.
pub(crate) fn raised(py: Python<'_>, name: &str, bits: u8) -> PyResult<()> {
    let Origin { site, policy } = site::capture(py);
    let bits = bits & policy.wanted();
    if bits == 0 {
        return Ok(());
    }
    tell_all(py, &[Event { name: name.to_owned().into(), bits, policy, place: Place::Here(site) }])
}

fn tell_one(py: Python<'_>, event: &Event, kind: u8) -> PyResult<()> {
    let (name, what) = (&event.name, words(kind));
    let callee = || site::callee(py, event.policy);
    match event.policy.mode(kind) {
        Mode::Ignore => Ok(()),
        Mode::Raise => Err(PyFloatingPointError::new_err(format!("{what} encountered in {name}"))),
        Mode::Warn => {
            warn_at(py, "RuntimeWarning", &format!("{what} encountered in {name}"), place(py, event))
        }
        Mode::Print => py
            .import("gain._floating")?
            .getattr("show")?
            .call1((format!("Warning: {what} encountered in {name}\n"),))
            .map(drop),
        Mode::Call => match callee() {
            Some(function) => function.call1((what, numpys(event.bits))).map(drop),
            None => Err(PyNameError::new_err(format!(
                "python callback specified for {what} (in  {name}) but no function found."
            ))),
        },
        Mode::Log => match callee() {
            Some(object) => {
                object.call_method1("write", (format!("Warning: {what} encountered in {name}\n"),)).map(drop)
            }
            None => Err(PyNameError::new_err(format!(
                "log specified for {what} (in {name}) but no object with write method found."
            ))),
        },
    }
}

/// File, line and module of the line that an event is of.
type Line = Option<(String, u32, Option<String>)>;

fn place(py: Python<'_>, event: &Event) -> Line {
    match &event.place {
        Place::Here(site) => site::place(py, *site),
        Place::There(file, line) => Some((file.clone(), *line, None)),
    }
}

/// A RuntimeWarning at the present line of the user's.
#[pyfunction]
pub(crate) fn warn(py: Python<'_>, text: &str) -> PyResult<()> {
    warn_at(py, "RuntimeWarning", text, site::place(py, site::capture(py).site))
}

fn warn_at(py: Python<'_>, category: &str, text: &str, place: Line) -> PyResult<()> {
    let (file, line, module) = place.unwrap_or(("<unknown>".into(), 0, None));
    py.import("gain._floating")?.getattr("warn")?.call1((category, text, file, line, module)).map(drop)
}

fn words(kind: u8) -> &'static str {
    match kind {
        DIVIDE => "divide by zero",
        OVER => "overflow",
        UNDER => "underflow",
        _ => "invalid value",
    }
}

/// The exceptions as NumPy numbers them.
fn numpys(bits: u8) -> u8 {
    let number = |kind, number| if bits & kind != 0 { number } else { 0 };
    number(DIVIDE, 1) | number(OVER, 2) | number(UNDER, 4) | number(INVALID, 8)
}
