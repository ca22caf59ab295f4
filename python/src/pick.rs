//! Keys of `a[key]` with arrays, lists or bools in them: copies of what they name, or assignment to it.

use crate::convert::{self, compute};
use crate::index::{self, invalid};
use crate::ndarray::NdArray;
use crate::numpy::Numpy;
use gain::view::{Index, MAX_AXES};
use gain::{Array, DType, Item, Operand};
use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PySlice, PyTuple};

/// One item between the brackets.
enum Entry {
    Basic(Index),
    Array(Array),
    Truth(bool),
}

/// A parsed key.
pub(crate) struct Picks(Vec<Entry>);

impl Picks {
    /// From what Python passes to `__getitem__`.
    pub(crate) fn parse(key: &Bound<'_, PyAny>) -> PyResult<Picks> {
        let Ok(tuple) = key.cast::<PyTuple>() else { return Ok(Picks(vec![entry(key)?])) };
        let (mut entries, mut wrong) = (Vec::with_capacity(tuple.len()), None);
        for item in tuple.iter_borrowed() {
            match entry(&item) {
                Ok(entry) => entries.push(entry),
                // Bounds of slices are looked at last.
                Err(error) if item.is_instance_of::<PySlice>() => wrong = wrong.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        wrong.map_or(Ok(Picks(entries)), Err)
    }

    /// Whether there are integers only.
    pub(crate) fn are_places(&self) -> bool {
        self.0.iter().all(|entry| matches!(entry, Entry::Basic(Index::At(_))))
    }

    /// Refuses more arrays and bools than NumPy can go through together.
    fn check_count(&self, array: &Array) -> PyResult<()> {
        let (mut arrays, mut axes) = (0, 0);
        for entry in &self.0 {
            let (more, of_array) = match entry {
                Entry::Basic(Index::At(_) | Index::Slice(_)) => (0, 1),
                Entry::Basic(_) => (0, 0),
                Entry::Truth(_) => (1, 0),
                Entry::Array(array) if array.dtype() == DType::Bool => (array.ndim(), array.ndim()),
                Entry::Array(_) => (1, 1),
            };
            (arrays, axes) = (arrays + more, axes + of_array);
        }
        let text = match arrays {
            // What is wrong with its axes comes first.
            _ if axes > array.ndim() => return Ok(()),
            0..MAX_AXES => return Ok(()),
            MAX_AXES if array.size() > 1 => return Ok(()),
            MAX_AXES => {
                "when no subspace is given, the number of index arrays cannot be above 63, but 64 index arrays found"
            }
            _ => {
                "too many advanced (array) indices. This probably means you are indexing with too many booleans. (more than 64 found)"
            }
        };
        Err(PyIndexError::new_err(text))
    }

    /// The items, borrowed.
    pub(crate) fn items(&self) -> Vec<Item<'_>> {
        let item = |entry| match entry {
            &Entry::Basic(index) => Item::Basic(index),
            Entry::Array(array) => Item::Array(array),
            &Entry::Truth(truth) => Item::Truth(truth),
        };
        self.0.iter().map(item).collect()
    }

    /// `array[key]`
    pub(crate) fn get(&self, py: Python<'_>, array: &Array) -> PyResult<Array> {
        self.check_count(array)?;
        compute(py, &[array], || array.picked(&self.items()))
    }

    /// `array[key] = value`
    pub(crate) fn set(&self, array: &Array, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.check_count(array)?;
        let converted = match index::direct(value)? {
            Some(converted) => converted,
            None => convert::required(&convert::asarray_as(value, Some(array.dtype()))?, "float64")?,
        };
        let operand = converted.operand();
        if let ([Entry::Array(mask)], Operand::Array(values)) = (&self.0[..], &operand)
            && mask.dtype() == DType::Bool
            && mask.ndim() == array.ndim()
            && values.ndim() > 1
        {
            return Err(PyTypeError::new_err(format!(
                "NumPy boolean array indexing assignment requires a 0 or 1-dimensional input, input has {} dimensions",
                values.ndim()
            )));
        }
        compute(value.py(), &[array], || array.set_picked(&self.items(), operand))
    }
}

fn entry(object: &Bound<'_, PyAny>) -> PyResult<Entry> {
    if let Some(index) = index::basic(object)? {
        return Ok(Entry::Basic(index));
    }
    if let Ok(truth) = object.cast::<PyBool>() {
        return Ok(Entry::Truth(truth.is_true()));
    }
    if let Ok(array) = object.cast::<NdArray>() {
        let array = array.try_borrow()?.array.clone();
        if array.ndim() > 0 || array.dtype() != DType::Bool {
            return Ok(Entry::Array(array));
        }
        return Ok(Entry::Truth(compute(object.py(), &[&array], || array.item())?.as_bool()));
    }
    if let Some(joined) = convert::joined(object, None)? {
        return Ok(Entry::Array(joined.try_borrow()?.array.clone()));
    }
    let py = object.py();
    let is_array = object.is_instance(Numpy::get(py).ndarray.bind(py))?;
    let mut made = if is_array { object.clone() } else { convert::asarray_as(object, None)? };
    let size: usize = made.getattr(intern!(py, "size"))?.extract()?;
    if size == 0 && !is_array {
        made = made.call_method1(intern!(py, "astype"), (Numpy::dtype_object(py, DType::I64),))?;
    }
    let kind: String = made.getattr(intern!(py, "dtype"))?.getattr(intern!(py, "kind"))?.extract()?;
    let has_axes = made.getattr(intern!(py, "ndim"))?.extract::<usize>()? > 0;
    match (&kind[..], has_axes) {
        ("b", false) => Ok(Entry::Truth(made.is_truthy()?)),
        ("i" | "u", false) => made.extract().map(|at| Entry::Basic(Index::At(at))),
        ("b" | "i" | "u", true) => match convert::import(&made)? {
            Some(array) => Ok(Entry::Array(array)),
            None => Err(invalid()),
        },
        (_, true) if is_array && kind != "U" && kind != "S" => {
            Err(PyIndexError::new_err("arrays used as indices must be of integer (or boolean) type"))
        }
        _ => Err(invalid()),
    }
}

/// `numpy.nonzero` and `numpy.flatnonzero`, the latter if `flat`.
#[pyfunction(name = "nonzero")]
pub(crate) fn nonzero<'py>(array: &Bound<'py, NdArray>, flat: bool) -> PyResult<Bound<'py, PyAny>> {
    let py = array.py();
    let array = array.try_borrow()?.array.clone();
    if flat {
        let made = compute(py, &[&array], || array.flat_nonzero())?;
        return Ok(Bound::new(py, NdArray::new(made))?.into_any());
    }
    let made = compute(py, &[&array], || array.nonzero())?;
    let made: Vec<_> =
        made.into_iter().map(|one| Bound::new(py, NdArray::new(one))).collect::<PyResult<_>>()?;
    Ok(PyTuple::new(py, made)?.into_any())
}

/// `numpy.repeat` by one number, along an axis that the array has.
#[pyfunction]
pub(crate) fn repeated_evenly<'py>(
    array: &Bound<'py, NdArray>,
    times: usize,
    axis: usize,
) -> PyResult<Bound<'py, NdArray>> {
    let py = array.py();
    let array = array.try_borrow()?.array.clone();
    let made = compute(py, &[&array], || array.repeated_evenly(times, axis))?;
    Bound::new(py, NdArray::new(made))
}

/// `numpy.repeat` of an array of one axis, by an array of counts.
#[pyfunction]
pub(crate) fn repeated<'py>(
    array: &Bound<'py, NdArray>,
    counts: &Bound<'py, NdArray>,
) -> PyResult<Bound<'py, NdArray>> {
    let py = array.py();
    let (array, counts) = (array.try_borrow()?.array.clone(), counts.try_borrow()?.array.clone());
    let made = compute(py, &[&array, &counts], || array.repeated(&counts))?;
    Bound::new(py, NdArray::new(made))
}
