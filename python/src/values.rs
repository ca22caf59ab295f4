//! Python's values as bytes for a server of ranks, and back.
//!
//! What travels: numbers, texts, tuples, lists, dicts, slices, ranges, types of elements, NumPy's arrays and scalars of them,
//! arrays of the server by number, functions of the table by number. Nothing else does: an object of any other class makes the
//! whole call one that does not travel.

use crate::error::OrRaise;
use crate::flat::FlatIter;
use crate::ndarray::NdArray;
use crate::numpy::Numpy;
use gain::{Array, DType, Scalar};
use numpy::{PyArrayDescr, PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyLookupError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyComplex, PyDict, PyEllipsis, PyFloat, PyInt, PyList, PyNotImplemented, PyRange,
    PySlice, PyString, PyTuple, PyType,
};
use smallvec::SmallVec;
use wire::value::{Elements, MOST_DEPTH, Made, Value, Writer};

/// `a.flat`, of an array and a place.
const FLAT: &str = "gain.flatiter";

/// What each end does with what only it knows.
pub(crate) trait End {
    /// Writes an array of ours; false if it does not travel.
    fn array(&mut self, to: &mut Writer, array: &Bound<'_, NdArray>) -> PyResult<bool>;
    /// The number of something of the table.
    fn named(&self, object: &Bound<'_, PyAny>) -> Option<u32>;
    /// What has this number.
    fn name<'py>(&self, py: Python<'py>, number: u32) -> PyResult<Bound<'py, PyAny>>;
    /// The array of this number.
    fn known<'py>(&self, py: Python<'py>, number: u64) -> PyResult<Bound<'py, PyAny>>;
    /// A new array of the server.
    fn made<'py>(&self, py: Python<'py>, made: &Made<'_>) -> PyResult<Bound<'py, PyAny>>;
}

/// Writes `object`; false if it does not travel (what was written then is of no use).
pub(crate) fn encode(to: &mut Writer, end: &mut impl End, object: &Bound<'_, PyAny>) -> PyResult<bool> {
    nested(to, end, object, 0)
}

fn nested(to: &mut Writer, end: &mut impl End, object: &Bound<'_, PyAny>, depth: usize) -> PyResult<bool> {
    if depth >= MOST_DEPTH {
        return Ok(false);
    }
    if let Ok(array) = object.cast_exact::<NdArray>() {
        return end.array(to, array);
    } else if object.is_none() {
        to.none();
    } else if let Ok(x) = object.cast_exact::<PyInt>() {
        match x.extract::<i64>() {
            Ok(x) => to.int(x),
            Err(_) => {
                let len = x.call_method0("bit_length")?.extract::<usize>()? / 8 + 1;
                let signed = PyDict::new(object.py());
                signed.set_item("signed", true)?;
                let bytes = x.call_method("to_bytes", (len, "little"), Some(&signed))?;
                to.big(bytes.cast::<PyBytes>()?.as_bytes());
            }
        }
    } else if let Ok(x) = object.cast_exact::<PyFloat>() {
        to.float(x.value());
    } else if let Ok(items) = object.cast_exact::<PyTuple>() {
        to.tuple(items.len());
        for item in items.iter_borrowed() {
            if !nested(to, end, &item, depth + 1)? {
                return Ok(false);
            }
        }
    } else if let Ok(items) = object.cast_exact::<PyList>() {
        to.list(items.len());
        for item in items.iter() {
            if !nested(to, end, &item, depth + 1)? {
                return Ok(false);
            }
        }
    } else if let Ok(text) = object.cast_exact::<PyString>() {
        match text.to_cow() {
            Ok(text) => to.str(&text),
            Err(_) => return Ok(false),
        }
    } else if let Ok(x) = object.cast_exact::<PyBool>() {
        to.bool(x.is_true());
    } else if let Ok(slice) = object.cast_exact::<PySlice>() {
        to.slice();
        for part in ["start", "stop", "step"] {
            if !nested(to, end, &slice.getattr(part)?, depth + 1)? {
                return Ok(false);
            }
        }
    } else {
        return rare(to, end, object, depth);
    }
    Ok(true)
}

fn rare(to: &mut Writer, end: &mut impl End, object: &Bound<'_, PyAny>, depth: usize) -> PyResult<bool> {
    let py = object.py();
    if object.is(PyEllipsis::get(py)) {
        to.ellipsis();
    } else if object.is(PyNotImplemented::get(py)) {
        to.not_implemented();
    } else if let Ok(x) = object.cast_exact::<PyComplex>() {
        to.complex(x.real(), x.imag());
    } else if let Ok(bytes) = object.cast_exact::<PyBytes>() {
        to.bytes(bytes.as_bytes());
    } else if let Ok(pairs) = object.cast_exact::<PyDict>() {
        return encode_pairs(to, end, Some(pairs), depth);
    } else if let Ok(range) = object.cast_exact::<PyRange>() {
        let mut parts = [0; 3];
        for (part, name) in parts.iter_mut().zip(["start", "stop", "step"]) {
            match range.getattr(name)?.extract() {
                Ok(x) => *part = x,
                Err(_) => return Ok(false),
            }
        }
        to.range(parts);
    } else if let Some(number) = end.named(object) {
        to.named(number);
    } else if object.cast::<PyType>().is_ok() {
        let Some(name) = class_name(object)? else { return Ok(false) };
        to.class(&name);
    } else if let Ok(descr) = object.cast::<PyArrayDescr>() {
        let Some(name) = dtype_name(descr)? else { return Ok(false) };
        to.dtype(&name);
    } else if object.is_instance(Numpy::get(py).generic.bind(py))? {
        // (A scalar of a type that arrays have in the machine's order.)
        let Ok(Some(scalar)) = Numpy::value(object) else { return Ok(false) };
        let bytes = scalar.bytes();
        to.scalar(scalar.dtype().name(), &bytes[..scalar.dtype().size_bytes()]);
    } else if object.get_type().is(Numpy::get(py).ndarray.bind(py)) {
        return elements(to, object);
    } else if let Ok(flat) = object.cast_exact::<FlatIter>() {
        let (base, at) = (object.getattr("base")?, flat.try_borrow()?.place());
        to.record(FLAT, 2);
        to.int(at as i64);
        return nested(to, end, &base, depth + 1);
    } else if object.is_instance_of::<PyTuple>() && object.hasattr("_fields")? {
        // A tuple with names, of a class of NumPy's or of ours.
        let class = object.get_type();
        let module: String = class.getattr("__module__")?.extract()?;
        if !is_trusted(&module) {
            return Ok(false);
        }
        let items = object.cast::<PyTuple>()?;
        to.record(&format!("{module}:{}", class.qualname()?), items.len());
        for item in items.iter_borrowed() {
            if !nested(to, end, &item, depth + 1)? {
                return Ok(false);
            }
        }
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// Whether classes of tuples are looked up in this module.
fn is_trusted(module: &str) -> bool {
    ["numpy", "gain"]
        .iter()
        .any(|known| module.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// Writes the keywords of a call.
pub(crate) fn encode_pairs(
    to: &mut Writer,
    end: &mut impl End,
    pairs: Option<&Bound<'_, PyDict>>,
    depth: usize,
) -> PyResult<bool> {
    to.dict(pairs.map_or(0, |pairs| pairs.len()));
    for (key, value) in pairs.into_iter().flatten() {
        if !nested(to, end, &key, depth + 1)? || !nested(to, end, &value, depth + 1)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn class_name(object: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let module: String = match object.getattr("__module__") {
        Ok(module) => module.extract()?,
        Err(_) => return Ok(None),
    };
    let name: String = object.getattr("__name__")?.extract()?;
    let is_known = match &module[..] {
        "builtins" => ["bool", "int", "float", "complex", "str", "bytes", "object"].contains(&&name[..]),
        "numpy" => object.cast::<PyType>()?.is_subclass(Numpy::get(object.py()).generic.bind(object.py()))?,
        _ => false,
    };
    Ok(is_known.then(|| format!("{module}.{name}")))
}

/// NumPy's text of a type of numbers in any byte order.
fn dtype_name(descr: &Bound<'_, PyArrayDescr>) -> PyResult<Option<String>> {
    if !b"?bhilqpBHILQPefdgFDG".contains(&descr.char()) {
        return Ok(None);
    }
    descr.getattr("str")?.extract().map(Some)
}

/// The elements of a NumPy array.
fn elements(to: &mut Writer, array: &Bound<'_, PyAny>) -> PyResult<bool> {
    let mut array = array.clone();
    let found = array.cast::<PyUntypedArray>()?;
    let Some(name) = dtype_name(&found.dtype())? else { return Ok(false) };
    let is_fortran = found.is_fortran_contiguous() && !found.is_c_contiguous();
    if !found.is_c_contiguous() && !is_fortran {
        array = array.call_method0("copy")?;
    }
    let found = array.cast::<PyUntypedArray>()?;
    let len_bytes = found.len() * found.dtype().itemsize();
    let shape: SmallVec<[usize; 8]> = SmallVec::from_slice(found.shape());
    if len_bytes == 0 {
        to.buffer(&name, &shape, is_fortran, &[]);
        return Ok(true);
    }
    // SAFETY: a contiguous array (looked at above, or a copy in C order) of so many bytes, alive as long as `array`; the
    // interpreter's lock is held, so that nobody writes to it meanwhile but threads that race in NumPy, too.
    let bytes =
        unsafe { std::slice::from_raw_parts((*found.as_array_ptr()).fields.data.cast::<u8>(), len_bytes) };
    to.buffer(&name, &shape, is_fortran, bytes);
    Ok(true)
}

/// The object of a value.
pub(crate) fn decode<'py>(py: Python<'py>, end: &impl End, value: &Value<'_>) -> PyResult<Bound<'py, PyAny>> {
    let several =
        |items: &[Value<'_>]| items.iter().map(|item| decode(py, end, item)).collect::<PyResult<Vec<_>>>();
    Ok(match value {
        Value::None => py.None().into_bound(py),
        Value::Ellipsis => PyEllipsis::get(py).to_owned().into_any(),
        Value::NotImplemented => py.NotImplemented().into_bound(py),
        Value::Bool(x) => PyBool::new(py, *x).to_owned().into_any(),
        Value::Int(x) => x.into_pyobject(py)?.into_any(),
        Value::BigInt(bytes) => {
            let signed = PyDict::new(py);
            signed.set_item("signed", true)?;
            py.get_type::<PyInt>().call_method(
                "from_bytes",
                (PyBytes::new(py, bytes), "little"),
                Some(&signed),
            )?
        }
        Value::Float(x) => PyFloat::new(py, *x).into_any(),
        Value::Complex(re, im) => PyComplex::from_doubles(py, *re, *im).into_any(),
        Value::Str(text) => PyString::new(py, text).into_any(),
        Value::Bytes(bytes) => PyBytes::new(py, bytes).into_any(),
        Value::Tuple(items) => PyTuple::new(py, several(items)?)?.into_any(),
        Value::List(items) => PyList::new(py, several(items)?)?.into_any(),
        Value::Dict(pairs) => pairs_of(py, end, pairs)?.into_any(),
        Value::Slice(parts) => {
            let parts = PyTuple::new(py, several(&parts[..])?)?;
            py.get_type::<PySlice>().call1(parts)?
        }
        Value::Range(parts) => py.get_type::<PyRange>().call1((parts[0], parts[1], parts[2]))?,
        Value::Array(number) => end.known(py, *number)?,
        Value::Named(number) => end.name(py, *number)?,
        Value::DType(name) => dtype_of(py, name)?,
        Value::Class(name) => class_of(py, name)?,
        Value::Scalar(name, bytes) => {
            let dtype = DType::ALL.iter().copied().find(|dtype| dtype.name() == *name);
            let dtype = dtype.filter(|dtype| dtype.size_bytes() == bytes.len());
            let dtype = dtype.ok_or_else(|| PyValueError::new_err("no number of a known type"))?;
            let mut whole = [0; 16];
            whole[..bytes.len()].copy_from_slice(bytes);
            if dtype == DType::Bool {
                whole[0] &= 1;
            }
            Numpy::scalar(py, Scalar::from_bytes(dtype, &whole))?
        }
        Value::Buffer(elements) => array_of(py, elements)?,
        Value::Made(made) => end.made(py, made)?,
        Value::Record(class, items) => record_of(py, class, several(items)?)?,
        Value::Opaque(words) => {
            return Err(PyRuntimeError::new_err(format!("{words} cannot leave the server")));
        }
    })
}

/// A dict of these pairs.
pub(crate) fn pairs_of<'py>(
    py: Python<'py>,
    end: &impl End,
    pairs: &[(Value<'_>, Value<'_>)],
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in pairs {
        dict.set_item(decode(py, end, key)?, decode(py, end, value)?)?;
    }
    Ok(dict)
}

fn dtype_of<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let plain = name.len() <= 5 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"<>|=?".contains(&b));
    match plain {
        true => Numpy::attribute(py, "dtype")?.call1((name,)),
        false => Err(PyValueError::new_err("no type of elements")),
    }
}

fn class_of<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let (module, name) = name.split_once('.').ok_or_else(|| PyLookupError::new_err("no class"))?;
    let found = match module {
        "builtins" => py.import("builtins")?.getattr(name)?,
        "numpy" => Numpy::attribute(py, name)?,
        _ => return Err(PyLookupError::new_err("no class of elements")),
    };
    match class_name(&found) {
        Ok(Some(_)) if found.cast::<PyType>().is_ok() => Ok(found),
        _ => Err(PyLookupError::new_err("no class of elements")),
    }
}

/// NumPy's array of these elements, whose lengths are looked at here.
fn array_of<'py>(py: Python<'py>, elements: &Elements<'_>) -> PyResult<Bound<'py, PyAny>> {
    let wrong = || PyValueError::new_err("elements that do not fit their shape");
    let dtype = dtype_of(py, elements.dtype)?;
    let descr = dtype.cast::<PyArrayDescr>().map_err(|_| wrong())?;
    if dtype_name(descr)?.is_none() {
        return Err(wrong());
    }
    let mut shape: SmallVec<[usize; 8]> =
        elements.shape.iter().map(|&n| usize::try_from(n).map_err(|_| wrong())).collect::<PyResult<_>>()?;
    let len = shape.iter().try_fold(descr.itemsize(), |len, &n| len.checked_mul(n)).ok_or_else(wrong)?;
    if len != elements.data.len() || (len == 0 && shape.iter().any(|&n| n > isize::MAX as usize)) {
        return Err(wrong());
    }
    if elements.is_fortran {
        shape.reverse();
    }
    let made = Numpy::attribute(py, "empty")?.call1((PyTuple::new(py, shape)?, dtype))?;
    if len > 0 {
        // SAFETY: a new array in C order of that many bytes, which this function alone knows.
        let room = unsafe {
            let start = (*made.cast::<PyUntypedArray>()?.as_array_ptr()).fields.data.cast::<u8>();
            std::slice::from_raw_parts_mut(start, len)
        };
        room.copy_from_slice(elements.data);
    }
    if elements.is_fortran { made.getattr("T") } else { Ok(made) }
}

fn record_of<'py>(
    py: Python<'py>,
    class: &str,
    items: Vec<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    match (class, &items[..]) {
        (FLAT, [at, base]) => {
            let flat = base.getattr("flat")?;
            flat.cast::<FlatIter>()?.try_borrow_mut()?.go_to(at.extract()?);
            Ok(flat)
        }
        _ => {
            let unknown = || PyLookupError::new_err("no class of tuples");
            let (module, name) =
                class.split_once(':').filter(|(module, _)| is_trusted(module)).ok_or_else(unknown)?;
            // (Of modules that are there: none is imported for its name.)
            let found = py.import("sys")?.getattr("modules")?.get_item(module)?.getattr(name)?;
            let class = found.cast::<PyType>().map_err(|_| unknown())?;
            if !class.is_subclass_of::<PyTuple>()? || !class.hasattr("_fields")? {
                return Err(unknown());
            }
            class.call_method1("_make", (PyList::new(py, items)?,))
        }
    }
}

/// A handle of an array of the server.
pub(crate) fn handle(made: &Made<'_>) -> PyResult<NdArray> {
    let wrong = || PyValueError::new_err("an array of no known type or shape");
    let dtype = DType::ALL.iter().copied().find(|dtype| dtype.name() == made.dtype).ok_or_else(wrong)?;
    let shape: Vec<usize> =
        made.shape.iter().map(|&n| usize::try_from(n).map_err(|_| wrong())).collect::<PyResult<_>>()?;
    let mut order: Vec<usize> = (0..shape.len()).collect();
    order
        .sort_by_key(|&axis| std::cmp::Reverse(made.strides.get(axis).map_or(0, |step| step.unsigned_abs())));
    let order = (!order.is_sorted()).then_some(&order[..]);
    Ok(NdArray::flagged(Array::elsewhere(&shape, dtype, order).or_raise()?, made.is_writeable))
}
