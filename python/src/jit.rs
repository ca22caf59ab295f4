//! Kernels that the crate `compile` makes, on Python's arguments: arrays in place, lists through copies.
//!
//! A call that can't be run as compiled says why and leaves its arguments as they were; `gain._jit` then calls the
//! plain function. Nothing here decides what a kernel means.

use compile::{Arg, Axis, Contract, Give, Globals, Host, Kernel, Kind, Part, Slot, Ty};
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
                return Ok((
                    None,
                    Some(format!(
                        "argument {at} is no number, array or list of numbers of 64 bits, but {name}"
                    )),
                ));
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
        return Ok(
            is_plain(array.as_untyped(), array.data() as usize)?.then(|| format!("A{}f", array.ndim()))
        );
    }
    if let Ok(array) = arg.cast::<PyArrayDyn<i64>>() {
        return Ok(
            is_plain(array.as_untyped(), array.data() as usize)?.then(|| format!("A{}i", array.ndim()))
        );
    }
    let ty = arg.get_type();
    if ty.name()? == "float64" && ty.module()? == "numpy" {
        return Ok(Some("F".into()));
    }
    Ok(None)
}

/// Whether an array is NumPy's own class, in C order, aligned, with an axis or more.
fn is_plain(array: &Bound<'_, PyUntypedArray>, address: usize) -> PyResult<bool> {
    let is_plain = (1..=AXES).contains(&array.ndim()) && array.is_c_contiguous() && address.is_multiple_of(8);
    Ok(is_plain && array.get_type().name()? == "ndarray")
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
    text.split_whitespace()
        .map(|word| one(word).ok_or_else(|| PyValueError::new_err((0, format!("kind {word}")))))
        .collect()
}

/// Lines and classes of the loops of a source: `[(line, 'parallel' | 'reduction' | 'carried')]`.
#[pyfunction]
fn jit_analyse(text: &str, globals: Globals, kinds: &str) -> PyResult<Vec<(u32, String)>> {
    let loops = compile::analyse(text, &globals, &kinds_of(kinds)?).map_err(refused)?;
    Ok(loops.into_iter().map(|(line, class)| (line, format!("{class:?}").to_lowercase())).collect())
}

/// A list as its elements.
struct Flat<'py> {
    dims: Vec<usize>,
    array: Bound<'py, PyAny>,
    /// Addresses of the lists in it.
    lists: Vec<usize>,
}

fn flatten<'py>(list: &Bound<'py, PyList>, ty: Ty, ndim: usize) -> PyResult<Option<Flat<'py>>> {
    let mut dims = vec![list.len()];
    let mut first = list.get_item(0).ok();
    while dims.len() < ndim {
        let Some(item) = first else { return Ok(None) };
        let Ok(inner) = item.cast_exact::<PyList>() else { return Ok(None) };
        dims.push(inner.len());
        first = inner.get_item(0).ok();
    }
    let mut lists = Vec::new();
    let array = if ty == Ty::Float {
        let mut values = Vec::with_capacity(dims.iter().product());
        let float = |item: &Bound<'_, PyAny>| item.cast_exact::<PyFloat>().ok().map(|x| x.value());
        if gather(list, &float, &dims, &mut values, &mut lists).is_none() {
            return Ok(None);
        }
        numpy::PyArray1::from_vec(list.py(), values).reshape(&dims[..])?.into_bound_py_any(list.py())?
    } else {
        let mut values = Vec::with_capacity(dims.iter().product());
        let int = |item: &Bound<'_, PyAny>| item.cast_exact::<PyInt>().ok()?.extract::<i64>().ok();
        if gather(list, &int, &dims, &mut values, &mut lists).is_none() {
            return Ok(None);
        }
        numpy::PyArray1::from_vec(list.py(), values).reshape(&dims[..])?.into_bound_py_any(list.py())?
    };
    Ok(Some(Flat { dims, array, lists }))
}

fn gather<T>(
    list: &Bound<'_, PyList>,
    number: &impl Fn(&Bound<'_, PyAny>) -> Option<T>,
    dims: &[usize],
    values: &mut Vec<T>,
    lists: &mut Vec<usize>,
) -> Option<()> {
    if list.len() != dims[0] {
        return None;
    }
    lists.push(list.as_ptr() as usize);
    for item in list.iter() {
        if dims.len() > 1 {
            gather(item.cast_exact::<PyList>().ok()?, number, &dims[1..], values, lists)?;
        } else {
            values.push(number(&item)?);
        }
    }
    Some(())
}

/// Elements of an array of ours, as their bits.
fn words(array: &Bound<'_, PyAny>, ty: Ty) -> PyResult<Vec<i64>> {
    if ty == Ty::Float {
        let values = array.cast::<PyArrayDyn<f64>>()?.to_vec()?;
        return Ok(values.into_iter().map(|value| value.to_bits() as i64).collect());
    }
    Ok(array.cast::<PyArrayDyn<i64>>()?.to_vec()?)
}

/// Arrays of a call, by number: arguments, and those that the kernel makes.
struct Arrays<'py> {
    py: Python<'py>,
    arrays: Vec<Option<Bound<'py, PyAny>>>,
}

impl<'py> Arrays<'py> {
    fn set(&mut self, arr: usize, array: Bound<'py, PyAny>) {
        if self.arrays.len() <= arr {
            self.arrays.resize_with(arr + 1, || None);
        }
        self.arrays[arr] = Some(array);
    }

    fn part(&self, (arr, axes): &Part) -> PyResult<Bound<'py, PyTuple>> {
        let array = self.arrays[*arr].clone().expect("every array of a call is known");
        let axes = axes.iter().map(|axis| match axis {
            Axis::Index(at, lo, hi) => (*at as i64, *lo, *hi),
            Axis::At(at) => (-1, *at, 0),
        });
        (array, axes.collect::<Vec<_>>()).into_pyobject(self.py)
    }

    fn called(&self, contract: &Contract) -> PyResult<()> {
        let operands = contract.operands.iter().map(|part| self.part(part)).collect::<PyResult<Vec<_>>>()?;
        let function = self.py.import("gain._jit")?.getattr("_contract")?;
        function.call1((self.part(&contract.out)?, operands, contract.factor, contract.masks.clone()))?;
        Ok(())
    }
}

impl Host for Arrays<'_> {
    fn make(&mut self, arr: usize, ty: Ty, dims: &[usize]) -> Result<usize, String> {
        let (array, address) = if ty == Ty::Float {
            let array = PyArrayDyn::<f64>::zeros(self.py, dims, false);
            (array.clone().into_any(), array.data() as usize)
        } else {
            let array = PyArrayDyn::<i64>::zeros(self.py, dims, false);
            (array.clone().into_any(), array.data() as usize)
        };
        self.set(arr, array);
        Ok(address)
    }

    fn contract(&mut self, contract: &Contract) -> Result<(), String> {
        self.called(contract).map_err(|error| error.to_string())
    }
}

fn number(py: Python<'_>, bits: i64, ty: Ty) -> PyResult<Bound<'_, PyAny>> {
    if ty == Ty::Float {
        f64::from_bits(bits as u64).into_bound_py_any(py)
    } else {
        bits.into_bound_py_any(py)
    }
}

fn write_back(
    list: &Bound<'_, PyList>,
    ty: Ty,
    dims: &[usize],
    words: &mut std::slice::Iter<'_, i64>,
) -> PyResult<()> {
    for at in 0..dims[0] {
        if dims.len() > 1 {
            write_back(list.get_item(at)?.cast::<PyList>()?, ty, &dims[1..], words)?;
        } else {
            list.set_item(at, number(list.py(), *words.next().expect("as many as were gathered"), ty)?)?;
        }
    }
    Ok(())
}

fn fresh_list<'py>(
    py: Python<'py>,
    ty: Ty,
    dims: &[usize],
    words: &mut std::slice::Iter<'_, i64>,
) -> PyResult<Bound<'py, PyList>> {
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
        self.kernel
            .params()
            .iter()
            .map(|slot| matches!(slot, Slot::Array(arr) if self.kernel.writes(*arr)))
            .collect()
    }

    /// Runs it: `(True, result)`, or `(False, reason)` with the arguments as they were.
    fn run<'py>(&self, py: Python<'py>, args: &Bound<'py, PyTuple>) -> PyResult<(bool, Bound<'py, PyAny>)> {
        let no = |reason: String| Ok((false, reason.into_bound_py_any(py)?));
        let items: Vec<Bound<'py, PyAny>> = args.iter().collect();
        let params = self.kernel.params();
        if items.len() != params.len() {
            return no("another number of arguments".into());
        }
        let mut flats: Vec<Option<Flat<'py>>> = Vec::new();
        let mut arrays = Arrays { py, arrays: Vec::new() };
        for (at, (item, slot)) in items.iter().zip(params).enumerate() {
            let flat = match (slot, item.cast_exact::<PyList>()) {
                (Slot::Array(arr), Ok(list)) => {
                    match flatten(list, self.kernel.array(*arr).0, self.kernel.axes(*arr))? {
                        Some(flat) => Some(flat),
                        None => {
                            return no(format!(
                                "argument {at} is a list that isn't regular, or of numbers of several kinds"
                            ));
                        }
                    }
                }
                _ => None,
            };
            flats.push(flat);
        }
        if let Some(at) = self.shared(&flats) {
            return no(format!(
                "argument {at}, which is written to, has a list in common with another, or twice"
            ));
        }
        let mut addresses: Vec<(usize, Vec<usize>)> = Vec::new();
        for (at, (item, slot)) in items.iter().zip(params).enumerate() {
            let place = match slot {
                Slot::Scalar(_) => (0, Vec::new()),
                Slot::Array(arr) => {
                    let is_written = self.kernel.writes(*arr);
                    let read_only = || no(format!("argument {at} may not be written to"));
                    let item = flats[at].as_ref().map_or(item, |flat| &flat.array);
                    arrays.set(*arr, item.clone());
                    if let Ok(array) = item.cast::<PyArrayDyn<f64>>() {
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
        // SAFETY: addresses and extents are those of arrays of elements of eight bytes in C order, kept alive by `items`,
        // `flats` and `arrays`, and written to by nobody else while the interpreter's lock is held.
        let scalars = match unsafe { self.kernel.call(&given, &mut arrays) } {
            Ok(scalars) => scalars,
            Err(reason) => return no(reason),
        };
        for (at, slot) in params.iter().enumerate() {
            if let (Slot::Array(arr), Some(flat)) = (slot, &flats[at])
                && self.kernel.writes(*arr)
            {
                let ty = self.kernel.array(*arr).0;
                write_back(items[at].cast::<PyList>()?, ty, &flat.dims, &mut words(&flat.array, ty)?.iter())?;
            }
        }
        Ok((true, self.given(py, self.kernel.give(), &items, &scalars, &arrays)?))
    }
}

impl Jit {
    /// An argument that is written to and shares a list with another, or has one twice.
    fn shared(&self, flats: &[Option<Flat<'_>>]) -> Option<usize> {
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
        lists
            .windows(2)
            .find(|pair| pair[0].0 == pair[1].0 && (pair[0].1 || pair[1].1))
            .map(|pair| pair[usize::from(pair[1].1)].2)
    }

    fn given<'py>(
        &self,
        py: Python<'py>,
        give: &Give,
        items: &[Bound<'py, PyAny>],
        scalars: &[i64],
        arrays: &Arrays<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match give {
            Give::Nothing => Ok(py.None().into_bound(py)),
            Give::Scalar(var, ty, is_numpy) => {
                let value = number(py, scalars[*var], *ty)?;
                if !is_numpy {
                    return Ok(value);
                }
                py.import("numpy")?
                    .getattr(if *ty == Ty::Float { "float64" } else { "int64" })?
                    .call1((value,))
            }
            Give::Tuple(parts) => {
                let parts = parts
                    .iter()
                    .map(|part| self.given(py, part, items, scalars, arrays))
                    .collect::<PyResult<Vec<_>>>()?;
                PyTuple::new(py, parts)?.into_bound_py_any(py)
            }
            Give::Array(arr) => {
                if let Some(at) = self.kernel.params().iter().position(|slot| *slot == Slot::Array(*arr)) {
                    return Ok(items[at].clone());
                }
                let made =
                    arrays.arrays[*arr].clone().expect("an array that is no argument is the kernel's own");
                let (ty, is_list) = self.kernel.array(*arr);
                if !is_list {
                    return Ok(made);
                }
                let dims: Vec<usize> = made.getattr("shape")?.extract()?;
                fresh_list(py, ty, &dims, &mut words(&made, ty)?.iter())?.into_bound_py_any(py)
            }
        }
    }
}
