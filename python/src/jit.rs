//! Kernels that the crate `compile` makes, on Python's arguments: arrays in place, lists through copies.
//!
//! A call that can't be run as compiled says why and leaves its arguments as they were; `gain._jit` then calls the
//! plain function. Nothing here decides what a kernel means.

use crate::convert::released;
use crate::ndarray::NdArray;
use crate::regular::{Flat, flatten, fresh_list, number, words, write_back};
use crate::status;
use crate::together::Shared;
use compile::flags;
use compile::{
    Arg, Axis, Contract, Factoring, Give, Globals, Host, Kernel, Kind, Outcome, Part, Slot, Team, Ty,
};
use gain::Array;
use gain::status::{DIVIDE, INVALID, OVER};
use numpy::{PyArrayDyn, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyFloat, PyInt, PyList, PyTuple};
use std::sync::atomic::{AtomicU64, Ordering};

/// Most axes of a list or array.
const AXES: usize = 8;

/// Adds what `gain._jit` needs.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Jit>()?;
    module.add_function(wrap_pyfunction!(jit_kinds, module)?)?;
    module.add_function(wrap_pyfunction!(jit_analyse, module)?)?;
    module.add_function(wrap_pyfunction!(jit_counts, module)?)?;
    module.add_function(wrap_pyfunction!(jit_grain, module)?)?;
    module.add_function(wrap_pyfunction!(jit_in_place, module)?)?;
    module.add_function(wrap_pyfunction!(jit_processor, module)?)
}

/// The processor that kernels are compiled for.
#[pyfunction]
fn jit_processor() -> PyResult<String> {
    compile::processor().map_err(refused)
}

/// Whether NumPy can have an array's own memory, in C order: on one rank, and if it isn't in another job.
#[pyfunction]
fn jit_in_place(array: &Bound<'_, NdArray>) -> PyResult<bool> {
    let array = &array.try_borrow()?.array;
    Ok(gain::session::size() == 1 && array.ndim() > 0 && !array.is_elsewhere() && array.is_contiguous())
}

/// Nanoseconds of work from which a loop is handed out in parts.
static GRAIN: AtomicU64 = AtomicU64::new(100_000);

/// Parts of loops handed out to threads, and elements fetched from ranks, so far.
static PARTS: AtomicU64 = AtomicU64::new(0);
static FETCHED: AtomicU64 = AtomicU64::new(0);

/// How many parts of loops went to threads, and how many elements ranks fetched.
#[pyfunction]
fn jit_counts() -> (u64, u64) {
    (PARTS.load(Ordering::Relaxed), FETCHED.load(Ordering::Relaxed))
}

/// Sets from how many nanoseconds of work on a loop is handed out in parts; what it was before.
#[pyfunction]
fn jit_grain(nanoseconds: u64) -> u64 {
    GRAIN.swap(nanoseconds, Ordering::Relaxed)
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

fn is_numpys(kind: &Kind) -> bool {
    matches!(kind, Kind::Array { is_list: false, .. } | Kind::Scalar { is_numpy: true, .. })
}

/// Lines and classes of the loops of a source: `[(line, 'parallel' | 'reduction' | 'carried')]`.
#[pyfunction]
fn jit_analyse(text: &str, globals: Globals, kinds: &str) -> PyResult<Vec<(u32, String)>> {
    let loops = compile::analyse(text, &globals, &kinds_of(kinds)?).map_err(refused)?;
    Ok(loops.into_iter().map(|(line, class)| (line, format!("{class:?}").to_lowercase())).collect())
}

/// Arrays of a call, by number: arguments, and those that the kernel makes.
struct Arrays<'py> {
    py: Python<'py>,
    arrays: Vec<Option<Bound<'py, PyAny>>>,
    /// By number, those of which ranks that run together have different parts.
    shared: Vec<Option<Shared<'py>>>,
    is_together: bool,
    /// Arrays that are returned.
    given: Vec<usize>,
    /// What ended the run that isn't the kernel's doing.
    raised: Option<PyErr>,
}

impl<'py> Arrays<'py> {
    fn new(py: Python<'py>, is_together: bool, give: &Give) -> Self {
        let mut given = Vec::new();
        arrays_of(give, &mut given);
        Arrays { py, arrays: Vec::new(), shared: Vec::new(), is_together, given, raised: None }
    }

    fn share(&mut self, arr: usize, shared: Shared<'py>) {
        if self.shared.len() <= arr {
            self.shared.resize_with(arr + 1, || None);
        }
        self.set(arr, shared.local.clone());
        self.shared[arr] = Some(shared);
    }

    fn shared(&self, arr: usize) -> Option<&Shared<'py>> {
        self.shared.get(arr)?.as_ref()
    }

    /// The words of an error, which ends the call.
    fn ended<T>(&mut self, done: PyResult<T>) -> Result<T, String> {
        done.map_err(|error| {
            let words = error.to_string();
            self.raised.get_or_insert(error);
            words
        })
    }

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

fn arrays_of(give: &Give, found: &mut Vec<usize>) {
    match give {
        Give::Array(arr) => found.push(*arr),
        Give::Tuple(parts) => parts.iter().for_each(|part| arrays_of(part, found)),
        Give::Nothing | Give::Scalar(..) => {}
    }
}

impl Team for Arrays<'_> {
    fn place(&self) -> (usize, usize) {
        (gain::session::rank(), gain::session::size())
    }

    fn is_shared(&self, arr: usize) -> bool {
        self.shared(arr).is_some()
    }

    fn is_outside(&self, arr: usize) -> bool {
        self.shared(arr).is_some_and(|shared| shared.source.is_some())
    }

    fn wanted(&self, arr: usize) -> Vec<Vec<(i64, i64)>> {
        self.shared(arr).map(|shared| shared.wanted.clone()).unwrap_or_default()
    }

    fn fetch(&mut self, arr: usize, from: Option<usize>, patch: &[(i64, i64)]) -> Result<(), String> {
        let done = self.shared(arr).map_or(Ok(()), |shared| shared.fetch(from, patch));
        let words: i64 = patch.iter().map(|(lo, hi)| hi - lo).product();
        FETCHED.fetch_add(words.max(0) as u64, Ordering::Relaxed);
        self.ended(done)
    }

    fn tell(&mut self, words: &[i64]) -> Result<Vec<Vec<i64>>, String> {
        let said = released(self.py, || gain::told_by_all(bytemuck::cast_slice(words)));
        let said = self.ended(said)?;
        let word = |bytes: &[u8]| i64::from_ne_bytes(bytes.try_into().expect("chunks of eight"));
        Ok(said.iter().map(|bytes| bytes.chunks_exact(8).map(word).collect()).collect())
    }
}

impl Host for Arrays<'_> {
    fn team(&mut self) -> Option<&mut dyn Team> {
        if self.is_together { Some(self) } else { None }
    }

    fn make(&mut self, arr: usize, ty: Ty, dims: &[usize]) -> Result<usize, String> {
        if self.is_together {
            let made = Shared::new(self.py, ty, dims, None);
            let mut made = self.ended(made)?;
            if self.given.contains(&arr) {
                made.wanted = vec![made.whole()];
            }
            let address = made.address();
            self.share(arr, made);
            return Ok(address);
        }
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

    fn factor(&mut self, kind: Factoring, arr: usize, n: usize) -> Result<(), String> {
        let array = self.arrays[arr].clone().expect("every array of a call is known");
        let name = match kind {
            Factoring::Lu => "lu",
            Factoring::Cholesky => "cholesky",
        };
        let function = self
            .py
            .import("gain._factors")
            .and_then(|module| module.getattr(name))
            .map_err(|e| e.to_string())?;
        function.call1((array, n)).map(drop).map_err(|error| error.to_string())
    }

    fn threads(&self) -> usize {
        gain::threads_for_parts()
    }

    fn each(&mut self, parts: usize, work: &(dyn Fn(usize) + Sync)) {
        PARTS.fetch_add(parts as u64, Ordering::Relaxed);
        self.py.detach(|| if parts == 1 { work(0) } else { gain::each_part(parts, work) });
    }

    fn grain(&self) -> f64 {
        GRAIN.load(Ordering::Relaxed) as f64
    }
}

/// A function compiled for one combination of kinds.
#[pyclass(frozen, module = "gain._gain")]
pub(crate) struct Jit {
    kernel: Kernel,
    /// Whether an argument is NumPy's, whose operations warn.
    has_numpys: bool,
}

#[pymethods]
impl Jit {
    #[new]
    fn new(text: &str, globals: Globals, kinds: &str, strict: bool) -> PyResult<Self> {
        let found = kinds_of(kinds)?;
        let kernel = Kernel::compile(text, &globals, &found, strict).map_err(refused)?;
        Ok(Jit { kernel, has_numpys: found.iter().any(is_numpys) })
    }

    /// A version that `to_keep` gave, of this build and for this processor.
    #[staticmethod]
    fn kept(bytes: &[u8], kinds: &str) -> PyResult<Self> {
        // SAFETY: `gain._kernel_cache` hands over what it finds whole, in a folder that only this user writes to, under a name made of
        // this build and the processor.
        let kernel = unsafe { Kernel::from_bytes(bytes) }.map_err(refused)?;
        Ok(Jit { kernel, has_numpys: kinds_of(kinds)?.iter().any(is_numpys) })
    }

    /// The version as bytes to be kept.
    fn to_keep<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.kernel.to_bytes().map_err(refused)?))
    }

    /// The kernel as it is run, as Python.
    fn text(&self) -> &str {
        self.kernel.text()
    }

    /// The kernel as a Python function of this name that computes with NumPy.
    fn python(&self, name: &str) -> String {
        self.kernel.python(name)
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

    /// Runs it: `(True, result)`, or `(False, reason)` with the arguments as they were. With several ranks, which call it `together`,
    /// arguments may be arrays of `gain`, and those that are written to are.
    #[pyo3(signature = (args, together = false))]
    fn run<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        together: bool,
    ) -> PyResult<(bool, Bound<'py, PyAny>)> {
        let no = |reason: String| Ok((false, reason.into_bound_py_any(py)?));
        let items: Vec<Bound<'py, PyAny>> = args.iter().collect();
        let params = self.kernel.params();
        if items.len() != params.len() {
            return no("another number of arguments".into());
        }
        let mut flats: Vec<Option<Flat<'py>>> = Vec::new();
        let mut arrays = Arrays::new(py, together, self.kernel.give());
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
                    if let (true, Ok(handle)) = (together, item.cast::<NdArray>()) {
                        let shared = self.shared_argument(py, *arr, &handle.try_borrow()?.array)?;
                        addresses.push((shared.address(), shared.local.getattr("shape")?.extract()?));
                        arrays.share(*arr, shared);
                        continue;
                    }
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
        // `flats` and `arrays`, so that nobody can move them. As with NumPy's own functions, a program that writes to them in another
        // thread meanwhile, which the interpreter's lock may allow, gets elements of either.
        let Outcome { scalars, raised } = match unsafe { self.kernel.call(&given, &mut arrays) } {
            Ok(outcome) => outcome,
            Err(reason) => return arrays.raised.map_or_else(|| no(reason), Err),
        };
        if together {
            self.assign(py, &items, &arrays)?;
        }
        for (at, slot) in params.iter().enumerate() {
            if let (Slot::Array(arr), Some(flat)) = (slot, &flats[at])
                && self.kernel.writes(*arr)
            {
                let ty = self.kernel.array(*arr).0;
                write_back(items[at].cast::<PyList>()?, ty, &flat.dims, &mut words(&flat.array, ty)?.iter())?;
            }
        }
        let given = self.given(py, self.kernel.give(), &items, &scalars, &arrays)?;
        // Python's own floats overflow in silence.
        if raised & !flags::UNDERFLOW != 0 && self.has_numpys {
            let bit = |flag: u8, bit: u8| if raised & flag != 0 { bit } else { 0 };
            let bits = bit(flags::INVALID, INVALID) | bit(flags::DIVIDE, DIVIDE) | bit(flags::OVERFLOW, OVER);
            status::raised(py, self.kernel.name(), bits)?;
        }
        Ok((true, given))
    }
}

impl Jit {
    /// Room for an argument that ranks work on together. Collective.
    fn shared_argument<'py>(&self, py: Python<'py>, arr: usize, array: &Array) -> PyResult<Shared<'py>> {
        released(py, || array.force())?;
        let mut shared = Shared::new(py, self.kernel.array(arr).0, array.shape(), Some(array.clone()))?;
        if self.kernel.writes(arr) {
            // What an array of this shape has here, as which the result is assigned.
            let like = released(py, || Array::zeros(array.shape(), array.dtype()))?;
            let blocks = like.blocks();
            let mine = if blocks.len() > 1 { blocks[gain::session::rank()].clone() } else { 0..array.size() };
            shared.wanted = compile::spans(array.shape(), mine.start, mine.end);
        }
        Ok(shared)
    }

    /// Assigns what was computed together to the arguments that are written to. Collective.
    fn assign(&self, py: Python<'_>, items: &[Bound<'_, PyAny>], arrays: &Arrays<'_>) -> PyResult<()> {
        for (item, slot) in items.iter().zip(self.kernel.params()) {
            let Slot::Array(arr) = slot else { continue };
            let (Some(shared), true) = (arrays.shared(*arr), self.kernel.writes(*arr)) else { continue };
            let made = crate::convert::import(&shared.local)?;
            let array = item.cast::<NdArray>()?.try_borrow()?.array.clone();
            if let Some(made) = made {
                released(py, || array.assign(&made))?;
            }
        }
        Ok(())
    }

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
                    // What ranks have made together is in a window, which ends with the call.
                    if arrays.is_together {
                        return made.call_method0("copy");
                    }
                    return Ok(made);
                }
                let dims: Vec<usize> = made.getattr("shape")?.extract()?;
                fresh_list(py, ty, &dims, &mut words(&made, ty)?.iter())?.into_bound_py_any(py)
            }
        }
    }
}
