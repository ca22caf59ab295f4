//! The job: ranks, counters, the ends of it, and the launcher's command line.

use crate::convert::released;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::ffi::OsString;
use std::path::PathBuf;

/// Where it is written what this module has of NumPy.
pub(crate) const PAGE: &str = "docs/src/names.md";

/// Adds the functions.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("PAGE", PAGE)?;
    module.add_function(wrap_pyfunction!(init, module)?)?;
    module.add_function(wrap_pyfunction!(rank, module)?)?;
    module.add_function(wrap_pyfunction!(ranks, module)?)?;
    module.add_function(wrap_pyfunction!(threads, module)?)?;
    module.add_function(wrap_pyfunction!(threshold, module)?)?;
    module.add_function(wrap_pyfunction!(barrier, module)?)?;
    module.add_function(wrap_pyfunction!(finalize, module)?)?;
    module.add_function(wrap_pyfunction!(abort, module)?)?;
    module.add_function(wrap_pyfunction!(stats, module)?)?;
    module.add_function(wrap_pyfunction!(profile_begin, module)?)?;
    module.add_function(wrap_pyfunction!(profile_end, module)?)?;
    module.add_function(wrap_pyfunction!(around_collection, module)?)?;
    module.add_function(wrap_pyfunction!(claim, module)?)?;
    module.add_function(wrap_pyfunction!(before_fork, module)?)?;
    module.add_function(wrap_pyfunction!(after_fork, module)?)?;
    module.add_function(wrap_pyfunction!(launch, module)?)
}

/// Starts the runtime. Collective.
#[pyfunction]
fn init(py: Python<'_>) -> PyResult<()> {
    released(py, gain::session::init)
}

/// This process's number among the ranks.
#[pyfunction]
fn rank(py: Python<'_>) -> PyResult<usize> {
    released(py, gain::session::init)?;
    Ok(gain::session::rank())
}

/// How many ranks there are. (`size` is NumPy's function.)
#[pyfunction]
fn ranks(py: Python<'_>) -> PyResult<usize> {
    released(py, gain::session::init)?;
    Ok(gain::session::size())
}

/// How many threads this rank computes with.
#[pyfunction]
fn threads(py: Python<'_>) -> PyResult<usize> {
    released(py, gain::session::init)?;
    Ok(gain::session::threads())
}

/// Arrays of at most this many elements are kept whole on every rank (`GAIN_THRESHOLD`).
#[pyfunction]
fn threshold(py: Python<'_>) -> PyResult<usize> {
    released(py, gain::session::init)?;
    Ok(gain::session::threshold())
}

/// Waits for all ranks. Collective.
#[pyfunction]
fn barrier(py: Python<'_>) -> PyResult<()> {
    released(py, gain::session::barrier)
}

/// Waits for all ranks and leaves the job; arrays can't be used afterwards. Collective.
#[pyfunction]
fn finalize(py: Python<'_>) -> PyResult<()> {
    released(py, gain::session::finalize)
}

/// Ends all ranks with this exit code.
#[pyfunction]
fn abort(py: Python<'_>, code: i32, message: String) {
    py.detach(|| gain::session::abort(code, &message))
}

/// What was done so far, of this rank: buffers and bytes allocated, passes over memory, bytes read from other ranks.
#[pyfunction]
fn stats(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    released(py, gain::session::init)?;
    let stats = gain::stats();
    let counters = PyDict::new(py);
    counters.set_item("arrays_created", stats.arrays_created)?;
    counters.set_item("bytes_allocated", stats.bytes_allocated)?;
    counters.set_item("passes", stats.passes)?;
    counters.set_item("bytes_moved", stats.bytes_moved)?;
    counters.set_item("barriers", stats.barriers)?;
    Ok(counters)
}

/// Begins a profile of this rank.
#[pyfunction]
fn profile_begin() {
    gain::session::profile::begin();
}

/// File and line.
type Line = Option<(String, u32)>;
/// Line, kind, calls, seconds, elements, bytes moved, bytes allocated.
type Row = (Line, &'static str, u64, f64, u64, u64, u64);
/// Line, kind, beginning, duration.
type Mark = (Line, &'static str, f64, f64);

/// Ends the profile: its rows, its first spans (in seconds), and how many there were besides.
#[pyfunction]
fn profile_end() -> (Vec<Row>, Vec<Mark>, u64) {
    let Some(profile) = gain::session::profile::end() else { return Default::default() };
    let rows = profile.sums.iter().map(|(&(site, what), sum)| {
        let seconds = sum.own.as_secs_f64();
        (site.resolve(), what, sum.calls, seconds, sum.elements, sum.moved, sum.allocated)
    });
    let spans = profile
        .spans
        .iter()
        .map(|span| (span.site.resolve(), span.what, span.start.as_secs_f64(), span.spent.as_secs_f64()));
    (rows.collect(), spans.collect(), profile.left_out)
}

/// For `gc.callbacks`: a collection finds garbage at times that differ between ranks, so what it drops is set aside
/// until all ranks have dropped it.
#[pyfunction]
fn around_collection(phase: &str, _info: &Bound<'_, PyAny>) {
    gain::hold_drops(phase == "start");
}

/// Name and value of the variable by which processes that this one starts know that they are not its rank; `None` if there is none.
#[pyfunction]
fn claim() -> Option<(&'static str, String)> {
    gain::session::claim()
}

/// For `os.register_at_fork`: no other thread is in the middle of an operation.
#[pyfunction]
fn before_fork(py: Python<'_>) {
    py.detach(gain::session::hold);
}

/// For `os.register_at_fork`, in both processes.
#[pyfunction]
fn after_fork() {
    gain::session::release();
}

/// The command `gain`; the exit code. `interpreter` runs `.py` programs.
#[pyfunction]
fn launch(py: Python<'_>, arguments: Vec<OsString>, interpreter: PathBuf) -> i32 {
    py.detach(|| launcher::main(arguments, Some(interpreter)))
}
