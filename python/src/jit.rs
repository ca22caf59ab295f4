//! Kernels that the crate `compile` makes, on Python's arguments: arrays in place, lists through copies.
//!
//! A call that can't be run as compiled says why and leaves its arguments as they were; `gain._jit` then calls the
//! plain function. Nothing here decides what a kernel means.

use compile::{Arg, Give, Globals, Kernel, Kind, Slot, Ty};
use numpy::{PyArrayDyn, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyList, PyTuple};

/// Most axes of a list or array.
const AXES: usize = 8;

/// Adds what `gain._jit` needs.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Jit>()?;
    module.add_function(wrap_pyfunction!(jit_kinds, module)?)?;
    module.add_function(wrap_pyfunction!(jit_analyse, module)?)
}

fn refused(error: compile::Error) -> PyErr {
    PyValueError::new_err((error.line, error.what))
}

/// The kinds of arguments as text (`f i A2f L1i`), or why there is none: `(kinds, reason)`.
#[pyfunction]
fn jit_kinds(args: &Bound<'_, PyTuple>) -> PyResult<(Option<String>, Option<String>)> {
    let mut text = String::new();
    for (at, arg) in args.iter().enumerate() {
        match kind(&arg)? {
            Some(kind) => {
                text.push_str(&kind);
                text.push(' ');
            }
            None => {
                let name = arg.get_type().name()?;
                return Ok((None, Some(format!("argument {at} is no number, array or list of numbers of 64 bits, but {name}"))));
            }
        }
    }
    text.pop();
    Ok((Some(text), None))
}

fn kind(arg: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    if arg.is_exact_instance_of::<PyFloat>() {
        return Ok(Some("f".into()));
    }
    if arg.is_exact_instance_of::<PyInt>() {
        return Ok(Some("i".into()));
    }
    if let Ok(list) = arg.cast_exact::<PyList>() {
        let (mut ndim, mut first) = (1, list.get_item(0).ok());
        while let Some(item) = first {
            match item.cast_exact::<PyList>() {
                Ok(inner) if ndim < AXES => {
                    ndim += 1;
                    first = inner.get_item(0).ok();
                }
                _ if item.is_exact_instance_of::<PyFloat>() => return Ok(Some(format!("L{ndim}f"))),
                _ if item.is_exact_instance_of::<PyInt>() => return Ok(Some(format!("L{ndim}i"))),
                _ => return Ok(None),
            }
        }
        // Of an empty list nothing is known.
        return Ok(None);
    }
    if let Ok(array) = arg.cast::<PyArrayDyn<f64>>() {
        return Ok((is_plain(array.as_untyped())? && array.ndim() > 0).then(|| format!("A{}f", array.ndim())));
    }
    if let Ok(array) = arg.cast::<PyArrayDyn<i64>>() {
        return Ok((is_plain(array.as_untyped())? && array.ndim() > 0).then(|| format!("A{}i", array.ndim())));
    }
    let ty = arg.get_type();
    if ty.name()? == "float64" && ty.module()? == "numpy" {
        return Ok(Some("F".into()));
    }
    Ok(None)
}

/// Whether an array is NumPy's own class, in C order and the machine's order of bytes.
fn is_plain(array: &Bound<'_, PyUntypedArray>) -> PyResult<bool> {
    Ok(array.ndim() <= AXES && array.is_c_contiguous() && array.get_type().name()? == "ndarray")
}

fn kinds_of(text: &str) -> PyResult<Vec<Kind>> {
    let one = |word: &str| {
        let ty = |end: &str| if end == "i" { Ty::Int } else { Ty::Float };
        Some(match word {
            "f" | "i" => Kind::Scalar { ty: ty(word), is_numpy: false },
            "F" => Kind::Scalar { ty: Ty::Float, is_numpy: true },
            _ if word.len() == 3 => {
                let ndim = word[1..2].parse().ok().filter(|ndim| (1..=AXES).contains(ndim))?;
                Kind::Array { ty: ty(&word[2..]), ndim, is_list: word.starts_with('L') }
            }
            _ => return None,
        })
    };
    text.split_whitespace().map(|word| one(word).ok_or_else(|| PyValueError::new_err((0, format!("kind {word}"))))).collect()
}

/// Lines and classes of the loops of a source: `[(line, 'parallel' | 'reduction' | 'carried')]`.
#[pyfunction]
fn jit_analyse(text: &str, globals: Globals, kinds: &str) -> PyResult<Vec<(u32, String)>> {
    let loops = compile::analyse(text, &globals, &kinds_of(kinds)?).map_err(refused)?;
    Ok(loops.into_iter().map(|(line, class)| (line, format!("{class:?}").to_lowercase())).collect())
}

/// A list as its elements.
struct Flat {
    dims: Vec<usize>,
    words: Vec<i64>,
    /// Addresses of the lists in it.
    lists: Vec<usize>,
}

fn flatten(list: &Bound<'_, PyList>, ty: Ty, ndim: usize) -> Option<Flat> {
    let mut flat = Flat { dims: Vec::new(), words: Vec::new(), lists: Vec::new() };
    let mut dims = vec![list.len()];
    let mut first = list.get_item(0).ok();
    while dims.len() < ndim {
        let item = first?;
        let inner = item.cast_exact::<PyList>().ok()?;
        dims.push(inner.len());
        first = inner.get_item(0).ok();
    }
    flat.words.reserve(dims.iter().product());
    gather(list, ty, &dims, &mut flat)?;
    flat.dims = dims;
    Some(flat)
}

fn gather(list: &Bound<'_, PyList>, ty: Ty, dims: &[usize], flat: &mut Flat) -> Option<()> {
    if list.len() != dims[0] {
        return None;
    }
    flat.lists.push(list.as_ptr() as usize);
    for item in list.iter() {
        if dims.len() > 1 {
            gather(item.cast_exact::<PyList>().ok()?, ty, &dims[1..], flat)?;
        } else if ty == Ty::Float {
            flat.words.push(item.cast_exact::<PyFloat>().ok()?.value().to_bits() as i64);
        } else {
            flat.words.push(item.cast_exact::<PyInt>().ok()?.extract().ok()?);
        }
    }
    Some(())
}

fn number(py: Python<'_>, bits: i64, ty: Ty) -> PyResult<Bound<'_, PyAny>> {
    if ty == Ty::Float { f64::from_bits(bits as u64).into_bound_py_any(py) } else { bits.into_bound_py_any(py) }
}

fn write_back(list: &Bound<'_, PyList>, ty: Ty, dims: &[usize], words: &mut std::slice::Iter<'_, i64>) -> PyResult<()> {
    for at in 0..dims[0] {
        if dims.len() > 1 {
            write_back(list.get_item(at)?.cast::<PyList>()?, ty, &dims[1..], words)?;
        } else {
            list.set_item(at, number(list.py(), *words.next().expect("as many as were gathered"), ty)?)?;
        }
    }
    Ok(())
}

fn fresh_list<'py>(py: Python<'py>, ty: Ty, dims: &[usize], words: &mut std::slice::Iter<'_, i64>) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for _ in 0..dims[0] {
        if dims.len() > 1 {
            list.append(fresh_list(py, ty, &dims[1..], words)?)?;
        } else {
            list.append(number(py, *words.next().expect("an element for each place"), ty)?)?;
        }
    }
    Ok(list)
}

/// A function compiled for one combination of kinds.
#[pyclass(frozen, module = "gain._gain")]
pub(crate) struct Jit {
    kernel: Kernel,
}

#[pymethods]
impl Jit {
    #[new]
    fn new(text: &str, globals: Globals, kinds: &str, strict: bool) -> PyResult<Self> {
        let kernel = Kernel::compile(text, &globals, &kinds_of(kinds)?, strict).map_err(refused)?;
        Ok(Jit { kernel })
    }

    /// The kernel as it is run, as Python.
    fn text(&self) -> &str {
        self.kernel.text()
    }

    /// Lines and classes of its loops.
    fn loops(&self) -> Vec<(u32, String)> {
        self.kernel.loops().iter().map(|(line, class)| (*line, format!("{class:?}").to_lowercase())).collect()
    }

    /// Which arguments it writes to.
    fn written(&self) -> Vec<bool> {
        self.kernel.params().iter().map(|slot| matches!(slot, Slot::Array(arr) if self.kernel.writes(*arr))).collect()
    }

    /// Runs it: `(True, result)`, or `(False, reason)` with the arguments as they were.
    fn run<'py>(&self, py: Python<'py>, args: &Bound<'py, PyTuple>) -> PyResult<(bool, Bound<'py, PyAny>)> {
        let no = |reason: String| Ok((false, reason.into_bound_py_any(py)?));
        let items: Vec<Bound<'py, PyAny>> = args.iter().collect();
        let params = self.kernel.params();
        if items.len() != params.len() {
            return no("another number of arguments".into());
        }
        let mut flats: Vec<Option<Flat>> = Vec::new();
        for (at, (item, slot)) in items.iter().zip(params).enumerate() {
            let flat = match (slot, item.cast_exact::<PyList>()) {
                (Slot::Array(arr), Ok(list)) => match flatten(list, self.kernel.array(*arr).0, self.kernel.axes(*arr)) {
                    Some(flat) => Some(flat),
                    None => return no(format!("argument {at} is a list that isn't regular, or of numbers of several kinds")),
                },
                _ => None,
            };
            flats.push(flat);
        }
        if let Some(at) = self.shared(&flats) {
            return no(format!("argument {at}, which is written to, has a list in common with another, or twice"));
        }
        let mut addresses: Vec<(usize, Vec<usize>)> = Vec::new();
        for (at, (item, slot)) in items.iter().zip(params).enumerate() {
            let place = match slot {
                Slot::Scalar(_) => (0, Vec::new()),
                Slot::Array(arr) => {
                    let is_written = self.kernel.writes(*arr);
                    let read_only = || no(format!("argument {at} may not be written to"));
                    if let Some(flat) = &flats[at] {
                        (flat.words.as_ptr() as usize, flat.dims.clone())
                    } else if let Ok(array) = item.cast::<PyArrayDyn<f64>>() {
                        if is_written && array.try_readwrite().is_err() {
                            return read_only();
                        }
                        (array.data() as usize, array.shape().to_vec())
                    } else if let Ok(array) = item.cast::<PyArrayDyn<i64>>() {
                        if is_written && array.try_readwrite().is_err() {
                            return read_only();
                        }
                        (array.data() as usize, array.shape().to_vec())
                    } else {
                        return no(format!("argument {at} is of another kind"));
                    }
                }
            };
            addresses.push(place);
        }
        let mut given = Vec::new();
        for (item, (slot, (address, dims))) in items.iter().zip(params.iter().zip(&addresses)) {
            given.push(match slot {
                Slot::Array(_) => Arg::Array(*address, dims),
                Slot::Scalar(_) if item.is_instance_of::<PyFloat>() => Arg::Float(item.extract()?),
                Slot::Scalar(_) => match item.extract() {
                    Ok(value) => Arg::Int(value),
                    Err(_) => return no("an int of more than 64 bits".into()),
                },
            });
        }
        // SAFETY: addresses and extents are those of arrays of elements of eight bytes in C order, kept alive by `items`
        // and written to by nobody else while the interpreter's lock is held, or of the copies in `flats`.
        let outcome = match unsafe { self.kernel.call(&given) } {
            Ok(outcome) => outcome,
            Err(reason) => return no(reason),
        };
        for (at, slot) in params.iter().enumerate() {
            if let (Slot::Array(arr), Some(flat)) = (slot, &flats[at])
                && self.kernel.writes(*arr)
            {
                write_back(items[at].cast::<PyList>()?, self.kernel.array(*arr).0, &flat.dims, &mut flat.words.iter())?;
            }
        }
        Ok((true, self.given(py, self.kernel.give(), &items, &outcome)?))
    }
}

impl Jit {
    /// An argument that is written to and shares a list with another, or has one twice.
    fn shared(&self, flats: &[Option<Flat>]) -> Option<usize> {
        let mut lists = Vec::new();
        for (at, (flat, slot)) in flats.iter().zip(self.kernel.params()).enumerate() {
            if let (Some(flat), Slot::Array(arr)) = (flat, slot) {
                lists.extend(flat.lists.iter().map(|list| (*list, self.kernel.writes(*arr), at)));
            }
        }
        if !lists.iter().any(|list| list.1) {
            return None;
        }
        lists.sort_unstable();
        lists.windows(2).find(|pair| pair[0].0 == pair[1].0 && (pair[0].1 || pair[1].1)).map(|pair| pair[usize::from(pair[1].1)].2)
    }

    fn given<'py>(&self, py: Python<'py>, give: &Give, items: &[Bound<'py, PyAny>], outcome: &compile::Outcome) -> PyResult<Bound<'py, PyAny>> {
        match give {
            Give::Nothing => Ok(py.None().into_bound(py)),
            Give::Scalar(var, ty, is_numpy) => {
                let value = number(py, outcome.scalars[*var], *ty)?;
                if !is_numpy {
                    return Ok(value);
                }
                py.import("numpy")?.getattr(if *ty == Ty::Float { "float64" } else { "int64" })?.call1((value,))
            }
            Give::Tuple(parts) => {
                let parts = parts.iter().map(|part| self.given(py, part, items, outcome)).collect::<PyResult<Vec<_>>>()?;
                PyTuple::new(py, parts)?.into_bound_py_any(py)
            }
            Give::Array(arr) => {
                if let Some(at) = self.kernel.params().iter().position(|slot| *slot == Slot::Array(*arr)) {
                    return Ok(items[at].clone());
                }
                let made = outcome.made[*arr].as_ref().expect("an array that is no argument is the kernel's own");
                let (ty, is_list) = self.kernel.array(*arr);
                if is_list {
                    return fresh_list(py, ty, &made.dims, &mut made.words.iter())?.into_bound_py_any(py);
                }
                if ty == Ty::Float {
                    let values: Vec<f64> = made.words.iter().map(|bits| f64::from_bits(*bits as u64)).collect();
                    return numpy::PyArray1::from_vec(py, values).reshape(&made.dims[..])?.into_bound_py_any(py);
                }
                numpy::PyArray1::from_vec(py, made.words.clone()).reshape(&made.dims[..])?.into_bound_py_any(py)
            }
        }
    }
}
