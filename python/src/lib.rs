//! Python module `gain._gain`: the class `ndarray`, the ufuncs and what needs speed of call.
//!
//! The package `gain` (pure Python, beside this crate) adds NumPy's functions whose cost is not the call. Everything
//! here converts arguments, calls the crate `gain` and wraps its result; no rule of NumPy is decided here that
//! `gain` knows.
//!
//! Two locks meet here: the interpreter's and the turn of `gain` (one thread at a time computes). Nobody waits for the
//! turn while holding the interpreter's lock, hence whoever has the turn may wait for that one (to name the line of a
//! long wait, say). All calls that may compute or wait go through `convert`: they release the interpreter's lock, or
//! keep it if the turn is free and the work small.

mod binning;
mod caller;
mod convert;
mod creation;
mod distribution;
mod elements;
mod error;
mod fft;
mod files;
mod flag;
mod flat;
mod folds;
mod foreign;
mod index;
mod jit;
mod job;
mod joining;
mod linalg;
mod lists;
mod memory;
mod methods;
mod ndarray;
mod neighbour;
mod number;
mod numpy;
mod pick;
mod products;
mod random;
mod read;
mod reduce;
mod regular;
mod remote;
mod replay;
mod runtime;
mod site;
mod sort;
mod status;
mod subclass;
mod together;
mod ufunc;
mod values;
mod views;
mod window;

use pyo3::prelude::*;

#[pymodule]
fn _gain(module: &Bound<'_, PyModule>) -> PyResult<()> {
    caller::register();
    site::register(module)?;
    numpy::Numpy::load(module.py())?;
    module.add_class::<ndarray::NdArray>()?;
    module.add_class::<flat::FlatIter>()?;
    module.add_class::<ufunc::Ufunc>()?;
    module.add_function(wrap_pyfunction!(foreign::stance_name, module)?)?;
    module.add_function(wrap_pyfunction!(memory::over_made, module)?)?;
    module.add_function(wrap_pyfunction!(pick::nonzero, module)?)?;
    module.add_function(wrap_pyfunction!(pick::repeated, module)?)?;
    module.add_function(wrap_pyfunction!(pick::repeated_evenly, module)?)?;
    module.add_function(wrap_pyfunction!(site::quietly, module)?)?;
    module.add_function(wrap_pyfunction!(status::warn, module)?)?;
    ufunc::register(module)?;
    joining::register(module)?;
    creation::register(module)?;
    binning::register(module)?;
    linalg::register(module)?;
    products::register(module)?;
    random::register(module)?;
    distribution::register(module)?;
    fft::register(module)?;
    files::register(module)?;
    jit::register(module)?;
    neighbour::register(module)?;
    sort::register(module)?;
    window::register(module)?;
    remote::register(module)?;
    replay::register(module)?;
    module.add("Elsewhere", module.py().get_type::<error::Elsewhere>())?;
    runtime::register(module)
}
