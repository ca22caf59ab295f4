//! Operands: what may stand beside an array, and what arrays become when they leave.
//!
//! In: our arrays, Python numbers (weak, as NEP 50 has it), NumPy scalars (typed), and whatever `numpy.asarray` makes
//! a numeric array of. Out: our class, a NumPy scalar for an array of no axes, a NumPy array for `numpy()`.

use crate::error::{OrRaise, ask_numpy, exception};
use crate::flat::FlatIter;
use crate::foreign::{Stance, stance};
use crate::ndarray::NdArray;
use crate::numpy::Numpy;
use crate::{site, status};
use gain::dtype::Complex64;
use gain::{Array, DType, Operand, Scalar};
use numpy::{PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyComplex, PyFloat, PyInt, PyList, PyTuple, PyType};

/// A converted operand; [`Value::operand`] borrows it.
pub(crate) enum Value<'py> {
    /// One of our arrays.
    Handle(PyRef<'py, NdArray>),
    /// An array made for this call from something else.
    Made(Array),
    /// A number.
    Number(Scalar),
}

impl Value<'_> {
    /// The operand for a call of `gain`.
    pub(crate) fn operand(&self) -> Operand<'_> {
        match self {
            Value::Handle(handle) => Operand::Array(&handle.array),
            Value::Made(array) => Operand::Array(array),
            Value::Number(scalar) => Operand::Scalar(*scalar),
        }
    }

    /// The operand as an array.
    pub(crate) fn into_array(self) -> PyResult<Array> {
        match self {
            Value::Handle(handle) => Ok(handle.array.clone()),
            Value::Made(array) => Ok(array),
            Value::Number(number @ Scalar::PyInt(x)) if i64::try_from(x).is_err() => {
                Array::full(&[], number, None).or_raise()
            }
            Value::Number(scalar) => Array::scalar(scalar).or_raise(),
        }
    }
}

/// Whether this is a Python number or a NumPy scalar.
#[inline]
pub(crate) fn is_number(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let is_plain = object.is_exact_instance_of::<PyFloat>() || object.is_exact_instance_of::<PyInt>();
    Ok(is_plain || object.is_instance(Numpy::get(object.py()).generic.bind(object.py()))?)
}

/// The value of an `int` or `float` itself.
#[inline]
pub(crate) fn plain_number(object: &Bound<'_, PyAny>) -> PyResult<Option<Scalar>> {
    if let Ok(x) = object.cast_exact::<PyInt>() {
        return weak_integer(x.as_any()).map(Some);
    }
    Ok(object.cast_exact::<PyFloat>().ok().map(|x| Scalar::PyFloat(x.value())))
}

/// The value of an `int`, a `float` or a NumPy scalar.
#[inline]
pub(crate) fn typed(object: &Bound<'_, PyAny>) -> PyResult<Option<Scalar>> {
    match plain_number(object)? {
        None if object.is_instance(Numpy::get(object.py()).generic.bind(object.py()))? => {
            Numpy::value(object)
        }
        plain => Ok(plain),
    }
}

/// The value of a Python number or NumPy scalar, `None` for anything else.
pub(crate) fn number(object: &Bound<'_, PyAny>) -> PyResult<Option<Scalar>> {
    if let Some(scalar) = plain_number(object)? {
        return Ok(Some(scalar));
    }
    if let Ok(x) = object.cast_exact::<PyBool>() {
        return Ok(Some(Scalar::Bool(x.is_true())));
    }
    if let Ok(x) = object.cast_exact::<PyComplex>() {
        return Ok(Some(Scalar::PyComplex(Complex64::new(x.real(), x.imag()))));
    }
    let py = object.py();
    if object.is_instance(Numpy::get(py).generic.bind(py))? {
        return Numpy::value(object);
    }
    if object.is_instance_of::<PyInt>() {
        return weak_integer(object).map(Some);
    }
    if object.is_instance_of::<PyFloat>() {
        return Ok(Some(Scalar::PyFloat(object.extract()?)));
    }
    Ok(None)
}

fn weak_integer(object: &Bound<'_, PyAny>) -> PyResult<Scalar> {
    match object.extract::<i64>() {
        Ok(x) => Ok(Scalar::PyInt(x.into())),
        Err(_) => match object.extract::<i128>() {
            Ok(x) => Ok(Scalar::PyInt(x)),
            Err(_) => Err(PyOverflowError::new_err("Python int too large to convert to C long")),
        },
    }
}

/// `object` as an operand; `None` if NumPy makes no numeric array of it.
pub(crate) fn value<'py>(object: &Bound<'py, PyAny>) -> PyResult<Option<Value<'py>>> {
    if let Ok(array) = object.cast::<NdArray>() {
        return Ok(Some(Value::Handle(array.try_borrow()?)));
    }
    if let Some(scalar) = number(object)? {
        return Ok(Some(Value::Number(scalar)));
    }
    if let Ok(flat) = object.cast::<FlatIter>() {
        return Ok(Some(Value::Made(flat.try_borrow()?.raveled(object.py())?)));
    }
    Ok(import(object)?.map(Value::Made))
}

/// As [`value`], for a place where something must be had: raises what NumPy raises.
/// What is more than its elements (a masked array) is refused.
pub(crate) fn required<'py>(object: &Bound<'py, PyAny>, function: &str) -> PyResult<Value<'py>> {
    if stance(object)? == Stance::Subclass {
        let class = object.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "gain has no {class}: numpy.asarray(x) has the elements of one"
        )));
    }
    match value(object)? {
        Some(value) => Ok(value),
        None => Err(ask_numpy(object.py(), function, vec![object.clone()])),
    }
}

/// `numpy.asarray(object, dtype)`: of the type asked for NumPy checks each element, an array's apart.
pub(crate) fn asarray_as<'py>(
    object: &Bound<'py, PyAny>,
    dtype: Option<DType>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    let plain = match by_itself(object)? {
        Some(array) => array,
        None => nested(object)?,
    };
    match dtype {
        None => Numpy::asarray(&plain),
        Some(dtype) => Numpy::attribute(py, "asarray")?.call1((plain, Numpy::dtype_object(py, dtype))),
    }
}

/// What an object of another class says it is with `__array__`, in NumPy's class: it may be one of our arrays, which NumPy would refuse.
fn by_itself<'py>(object: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let (py, name) = (object.py(), pyo3::intern!(object.py(), "__array__"));
    let is_known = object.is_instance_of::<PyList>()
        || object.is_instance_of::<PyTuple>()
        || is_number(object)?
        || object.is_instance(Numpy::get(py).ndarray.bind(py))?
        || object.is_instance_of::<NdArray>()
        || object.is_instance_of::<FlatIter>()
        || object.is_instance_of::<PyType>();
    if is_known || !object.get_type().hasattr(name)? {
        return Ok(None);
    }
    let made = object.call_method0(name)?;
    match made.cast::<NdArray>() {
        Ok(array) => export(py, &array.try_borrow()?.array).map(Some),
        Err(_) => Ok(made.is_instance(Numpy::get(py).ndarray.bind(py))?.then_some(made)),
    }
}

/// A new array from what `numpy.asarray` makes of `object`; `None` if its elements are of no type we have.
pub(crate) fn import(object: &Bound<'_, PyAny>) -> PyResult<Option<Array>> {
    import_as(object, None)
}

/// As [`import`], with elements of this type.
pub(crate) fn import_as(object: &Bound<'_, PyAny>, wanted: Option<DType>) -> PyResult<Option<Array>> {
    let py = object.py();
    if let Some(joined) = joined(object, wanted)? {
        return Ok(Some(joined.try_borrow()?.array.clone()));
    }
    let mut array = asarray_as(object, wanted)?;
    let found = array.cast::<PyUntypedArray>()?;
    let Some(dtype) = Numpy::of_number(found.dtype().num()) else {
        return Ok(None);
    };
    if found.dtype().is_native_byteorder() == Some(false) {
        array = array.call_method1("astype", (Numpy::dtype_object(py, dtype),))?;
    }
    let order = memory_order(array.cast()?);
    if let Some(order) = &order {
        array = array.call_method1(pyo3::intern!(py, "transpose"), (order.clone(),))?;
    }
    // In C order, without a copy where it is so already.
    if !array.cast::<PyUntypedArray>()?.is_c_contiguous() {
        array = array.call_method0(pyo3::intern!(py, "copy"))?;
    }
    let lying = array.cast::<PyUntypedArray>()?;
    let shape = lying.shape().to_vec();
    let len_bytes = lying.len() * dtype.size_bytes();
    // SAFETY: an array object, alive as long as `array` is; the interpreter's lock is held.
    let start = unsafe { (*lying.as_array_ptr()).fields.data.cast::<u8>() };
    // Others may have to be waited for until there is memory: not with the interpreter's lock.
    let is_alone = gain::session::init().is_ok() && gain::session::size() == 1;
    let room = if is_alone { None } else { Some(released(py, || Array::unfilled(dtype, &shape))?) };
    attached(py, || {
        let room = room.map_or_else(|| Array::unfilled(dtype, &shape), Ok)?;
        if len_bytes == 0 {
            return room.filled(&[]);
        }
        // SAFETY: `array` is held until after the last use of `bytes`; it is C-contiguous (looked at above, or a copy), so that
        // its elements are as many bytes from `start` on. Nobody writes to it meanwhile: the interpreter's lock is held in here,
        // and threads that write to it without that lock race in NumPy, too.
        let bytes = unsafe { std::slice::from_raw_parts(start, len_bytes) };
        room.filled(bytes)
    })
    .map(|made| Some(if let Some(order) = order { made.in_order(&order) } else { made }))
}

/// The axes of a NumPy array from the widest step to the narrowest, unless they stand so.
fn memory_order(array: &Bound<'_, PyUntypedArray>) -> Option<Vec<usize>> {
    let strides = array.strides();
    if strides.len() < 2 {
        return None;
    }
    let mut order: Vec<usize> = (0..strides.len()).collect();
    order.sort_by_key(|&axis| std::cmp::Reverse(strides[axis].unsigned_abs()));
    (!order.is_sorted()).then_some(order)
}

/// The array of a list or tuple with distributed arrays in it, which stay distributed, with elements of this type; `None` of
/// anything else.
pub(crate) fn joined<'py>(
    object: &Bound<'py, PyAny>,
    wanted: Option<DType>,
) -> PyResult<Option<Bound<'py, NdArray>>> {
    if (object.cast::<PyList>().is_err() && object.cast::<PyTuple>().is_err()) || !has_spread(object, 0)? {
        return Ok(None);
    }
    let py = object.py();
    let wanted = wanted.map(|dtype| Numpy::dtype_object(py, dtype));
    let made = py.import("gain._nesting")?.getattr("joined")?.call1((object, wanted))?;
    Ok(if made.is_none() { None } else { Some(made.cast_into()?) })
}

/// Whether there is a distributed array somewhere within lists and tuples.
fn has_spread(object: &Bound<'_, PyAny>, depth: usize) -> PyResult<bool> {
    if let Ok(array) = object.cast::<NdArray>() {
        return Ok(!array.try_borrow()?.array.is_replicated());
    }
    if depth > gain::view::MAX_AXES {
        return Ok(false);
    }
    match (object.cast::<PyList>(), object.cast::<PyTuple>()) {
        (Ok(list), _) => {
            list.iter().try_fold(false, |found, item| Ok(found || has_spread(&item, depth + 1)?))
        }
        (_, Ok(tuple)) => {
            tuple.iter().try_fold(false, |found, item| Ok(found || has_spread(&item, depth + 1)?))
        }
        _ => Ok(false),
    }
}

/// Lists and tuples with our arrays in them, with NumPy arrays in their place; anything else as it is.
pub(crate) fn nested<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    within(object, 0)
}

fn within<'py>(object: &Bound<'py, PyAny>, depth: usize) -> PyResult<Bound<'py, PyAny>> {
    let is_array = |item: &Bound<'_, PyAny>| item.cast::<NdArray>().is_ok();
    let is_nest = |item: &Bound<'_, PyAny>| {
        is_array(item) || item.cast::<PyList>().is_ok() || item.cast::<PyTuple>().is_ok()
    };
    let items: Vec<Bound<'py, PyAny>> = match (object.cast::<PyList>(), object.cast::<PyTuple>()) {
        (Ok(list), _) if list.iter().any(|item| is_nest(&item)) => list.iter().collect(),
        (_, Ok(tuple)) if tuple.iter().any(|item| is_nest(&item)) => tuple.iter().collect(),
        _ => return Ok(object.clone()),
    };
    if depth > gain::view::MAX_AXES {
        return Ok(object.clone());
    }
    let mut is_changed = false;
    let plain = items.into_iter().map(|item| match item.cast::<NdArray>() {
        Ok(array) => {
            is_changed = true;
            export(item.py(), &array.try_borrow()?.array)
        }
        Err(_) => {
            let plain = within(&item, depth + 1)?;
            is_changed |= !plain.is(&item);
            Ok(plain)
        }
    });
    let plain = plain.collect::<PyResult<Vec<_>>>()?;
    if !is_changed {
        return Ok(object.clone());
    }
    Ok(PyList::new(object.py(), plain)?.into_any())
}

/// All elements as a NumPy array, on every rank. Collective.
pub(crate) fn export<'py>(py: Python<'py>, array: &Array) -> PyResult<Bound<'py, PyAny>> {
    match array.is_fortran() && !array.is_contiguous() {
        false => export_with(py, array, |bytes| array.copy_to_bytes(bytes)),
        // As it lies, and so it is there.
        true => {
            let turned = array.transpose(None).or_raise()?;
            export_with(py, &turned, |bytes| turned.copy_to_bytes(bytes))?.getattr(pyo3::intern!(py, "T"))
        }
    }
}

/// A NumPy array of the array's type and shape whose bytes `fill` writes, without the interpreter's lock.
pub(crate) fn export_with<'py>(
    py: Python<'py>,
    array: &Array,
    fill: impl FnOnce(&mut [u8]) -> gain::Result<()> + Send,
) -> PyResult<Bound<'py, PyAny>> {
    let made = Numpy::zeros(py, array.shape(), array.dtype())?;
    let len_bytes = array.size() * array.dtype().size_bytes();
    if len_bytes == 0 {
        released(py, || fill(&mut []))?;
    } else {
        // SAFETY: `made` was created above and is known to this function only, which keeps it: nobody else reads or writes its
        // memory, which are the zeroed, contiguous, writable elements of this type and shape.
        let bytes = unsafe {
            let start = (*made.as_array_ptr()).fields.data.cast::<u8>();
            std::slice::from_raw_parts_mut(start, len_bytes)
        };
        compute(py, &[array], || fill(bytes))?;
    }
    Ok(made.into_any())
}

/// What an operation returns to Python: an array, or for one without axes NumPy's scalar.
pub(crate) fn result(py: Python<'_>, array: Array) -> PyResult<Bound<'_, PyAny>> {
    if array.ndim() == 0 {
        return Numpy::scalar(py, compute(py, &[&array], || array.item())?);
    }
    Ok(Bound::new(py, NdArray::new(array))?.into_any())
}

/// Runs `work` of `gain`, without the interpreter's lock unless it is too little to be worth it (some 100 us at most)
/// and nobody else is at work.
pub(crate) fn compute<T: Send>(
    py: Python<'_>,
    arrays: &[&Array],
    work: impl FnOnce() -> gain::Result<T> + Send,
) -> PyResult<T> {
    const SMALL: usize = 1 << 14;
    let is_small = |a: &&Array| a.size() <= SMALL && (!a.is_view() || a.pending() <= SMALL);
    if arrays.iter().all(is_small) && gain::session::init().is_ok() && gain::session::size() == 1 {
        let mut work = Some(work);
        let once = |work: &mut Option<_>| work.take().expect("run once");
        return match gain::session::if_free(|| gain::status::site::on_demand(once(&mut work))) {
            Ok(done) => told(py, done.or_raise()),
            Err(_) => released(py, once(&mut work)),
        };
    }
    released(py, work)
}

/// Runs `work` of `gain` with the interpreter's lock, once no other thread is at work: that is not waited for with the lock.
pub(crate) fn attached<T>(py: Python<'_>, work: impl FnOnce() -> gain::Result<T>) -> PyResult<T> {
    let origin = site::capture(py);
    let mut work = move || gain::status::site::at(origin, work);
    loop {
        match gain::session::if_free(work) {
            Ok(done) => return told(py, done.or_raise()),
            Err(unused) => work = unused,
        }
        py.detach(|| gain::session::in_turn(|| ()));
    }
}

/// Runs `work` of `gain` without the interpreter's lock.
pub(crate) fn released<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> gain::Result<T> + Send,
) -> PyResult<T> {
    let origin = site::capture(py);
    let done = py.detach(|| gain::status::site::at(origin, work)).or_else(|error| {
        // A wait that an interrupt of all ranks ended fails because of the others: that is not what to tell.
        py.check_signals()?;
        Err(exception(error))
    });
    told(py, done)
}

/// What work gave, once its floating-point exceptions are told; an error of its own goes first.
#[inline]
fn told<T>(py: Python<'_>, done: PyResult<T>) -> PyResult<T> {
    match done {
        Ok(value) => status::tell(py).map(|()| value),
        Err(error) => {
            drop(gain::status::take());
            Err(error)
        }
    }
}
