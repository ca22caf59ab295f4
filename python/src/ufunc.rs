//! The class `ufunc`: one object per operation, called or reduced.

use crate::convert::{Value, compute, is_number, plain_number, required, result, value};
use crate::error::ask_numpy;
use crate::flag::Keep;
use crate::folds::{binary, one_of};
use crate::foreign::{Stance, refusal, stance};
use crate::ndarray::NdArray;
use crate::number::{made, of_class_of};
use crate::numpy::Numpy;
use crate::read::casting_rule;
use crate::reduce::{Keywords, Reduction, mask, no_identity, out, reduce};
use crate::views::layout;
use gain::dtype::Casting;
use gain::{Array, Layout, MAX_INPUTS, Op, Operand, Options, ReduceOp};
use pyo3::exceptions::{PyTypeError, PyUserWarning, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyString, PyTuple, PyType};
use smallvec::SmallVec;

type Object<'py> = PyResult<Bound<'py, PyAny>>;

// `gain.ufunc`. (A doc comment would stand before what each of them has in `__doc__`.)
#[pyclass(name = "ufunc", module = "gain", frozen)]
pub(crate) struct Ufunc {
    pub(crate) op: Op,
    theirs: PyOnceLock<Py<PyAny>>,
}

/// Adds the dict of every ufunc by NumPy's name; second names are given in the package.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let ufuncs = PyDict::new(module.py());
    for op in Op::all().filter(|op| !matches!(op, Op::Real | Op::Imag | Op::Where)) {
        ufuncs.set_item(op.name(), Ufunc { op, theirs: PyOnceLock::new() })?;
    }
    module.add("UFUNCS", ufuncs)
}

/// Keywords of a call, converted.
struct Call<'py> {
    outs: Vec<Option<PyRef<'py, NdArray>>>,
    mask: Option<Array>,
    dtype: Option<gain::DType>,
    casting: Casting,
    order: Layout,
}

impl Ufunc {
    /// NumPy's ufunc of this name.
    fn numpys<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAny>> {
        let find = || Numpy::ufunc(py, self.op).map(Bound::unbind);
        Ok(self.theirs.get_or_try_init(py, find)?.bind(py))
    }

    /// Splits `arguments` into inputs and positional `out`, and reads the keywords.
    fn keywords<'py>(
        &self,
        arguments: &Bound<'py, PyTuple>,
        keywords: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Call<'py>> {
        let (inputs, outputs) = (self.op.inputs(), self.op.outputs());
        let mut given: Vec<Bound<'py, PyAny>> = arguments.iter().skip(inputs).collect();
        let is_told = !given.is_empty();
        let mut call =
            Call { outs: Vec::new(), mask: None, dtype: None, casting: Casting::SameKind, order: Layout::K };
        for (key, object) in keywords.into_iter().flatten() {
            match key.extract::<String>()?.as_str() {
                "out" if object.is_none() => {}
                "out" if !given.is_empty() => {
                    return Err(PyTypeError::new_err(
                        "cannot specify 'out' as both a positional and keyword argument",
                    ));
                }
                "out" => {
                    given = match object.cast::<PyTuple>() {
                        Ok(tuple) if tuple.len() == outputs => tuple.iter().collect(),
                        Ok(_) => {
                            return Err(PyValueError::new_err(
                                "The 'out' tuple must have exactly one entry per ufunc output",
                            ));
                        }
                        Err(_) if outputs > 1 => {
                            return Err(PyTypeError::new_err("'out' must be a tuple of arrays"));
                        }
                        Err(_) => vec![object],
                    }
                }
                "where" => call.mask = mask(Some(&object))?,
                "dtype" => call.dtype = Numpy::parse_dtype(&object)?,
                "casting" => call.casting = casting_rule(&text_of(&object, "casting")?)?,
                "order" if object.is_none() => {}
                "order" => call.order = layout(Some(&text_of(&object, "order")?), Layout::K)?,
                "subok" => {}
                other => {
                    let name = self.op.name();
                    return Err(PyTypeError::new_err(format!(
                        "{name}() got an unexpected keyword argument '{other}'"
                    )));
                }
            }
        }
        if call.mask.is_some()
            && !is_told
            && !keywords.is_some_and(|keywords| keywords.contains("out").unwrap_or(false))
        {
            let text = c"'where' used without 'out', expect uninitialized memory in output. If this is intended, use out=None.";
            PyErr::warn(arguments.py(), &arguments.py().get_type::<PyUserWarning>(), text, 1)?;
        }
        for object in &given {
            call.outs.push(if object.is_none() { None } else { out(Some(object))? });
        }
        Ok(call)
    }

    /// The result, if one of the arguments has rules of its own: then NumPy's ufunc asks their classes.
    #[inline]
    fn left_to<'py>(
        &self,
        py: Python<'py>,
        arguments: &Bound<'py, PyTuple>,
        keywords: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut is_theirs = false;
        for object in arguments.iter_borrowed() {
            match stance(&object)? {
                Stance::Plain | Stance::Outranks => {}
                Stance::Subclass | Stance::Overrides => is_theirs = true,
                Stance::Refuses => return Err(refusal(&object)),
            }
        }
        match is_theirs {
            true => self.numpys(py)?.call(arguments, keywords).map(Some),
            false => Ok(None),
        }
    }

    fn check_count(&self, count: usize) -> PyResult<()> {
        let (inputs, outputs) = (self.op.inputs(), self.op.outputs());
        if (inputs..=inputs + outputs).contains(&count) {
            return Ok(());
        }
        let were = if count == 1 { "was" } else { "were" };
        Err(PyTypeError::new_err(format!(
            "{}() takes from {inputs} to {} positional arguments but {count} {were} given",
            self.op.name(),
            inputs + outputs
        )))
    }
}

#[pymethods]
impl Ufunc {
    #[pyo3(signature = (*arguments, **keywords))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        arguments: &Bound<'py, PyTuple>,
        keywords: Option<&Bound<'py, PyDict>>,
    ) -> Object<'py> {
        self.check_count(arguments.len())?;
        let inputs = self.op.inputs();
        if keywords.is_none() && arguments.len() == inputs && self.op.outputs() == 1 {
            // Arrays of this very class and Python's own numbers, nothing else.
            let exact = |place: usize| -> PyResult<_> {
                let object = arguments.get_borrowed_item(place)?;
                let array = object.cast_exact::<NdArray>().ok().map(|array| array.try_borrow());
                Ok(array.transpose()?)
            };
            match inputs {
                1 => {
                    if let Some(one) = exact(0)? {
                        let one = &one.array;
                        return result(py, compute(py, &[one], || Array::apply(self.op, &[one.into()]))?);
                    }
                }
                2 => {
                    let (one, two) = (exact(0)?, exact(1)?);
                    let number =
                        |place: usize| arguments.get_item(place).and_then(|object| plain_number(&object));
                    let (first, second) = match (&one, &two) {
                        (Some(one), Some(two)) => (Some((&one.array).into()), Some((&two.array).into())),
                        (Some(one), None) => (Some((&one.array).into()), number(1)?.map(Operand::Scalar)),
                        (None, Some(two)) => (number(0)?.map(Operand::Scalar), Some((&two.array).into())),
                        (None, None) => (None, None),
                    };
                    if let (Some(first), Some(second)) = (first, second) {
                        let [one, two] = [&one, &two].map(|array| array.as_ref().map(|handle| &handle.array));
                        let arrays = [one.or(two).expect("one is"), two.or(one).expect("one is")];
                        return result(py, compute(py, &arrays, || Array::apply(self.op, &[first, second]))?);
                    }
                }
                _ => {}
            }
        }
        // Numbers among themselves are NumPy's affair.
        if arguments.len() == inputs && keywords.is_none_or(|keywords| !has_arrays(keywords)) {
            let mut are_numbers = true;
            for object in arguments.iter_borrowed() {
                are_numbers = are_numbers && is_number(&object)?;
            }
            if are_numbers {
                return self.numpys(py)?.call(arguments, keywords);
            }
        }
        if keywords.is_some_and(is_rare)
            || arguments.iter_borrowed().skip(inputs).any(|object| object.is(py.Ellipsis()))
        {
            let me = Py::new(py, Ufunc { op: self.op, theirs: PyOnceLock::new() })?;
            return py.import("gain._methods")?.getattr("rare_call")?.call1((me, arguments, keywords));
        }
        if let Some(theirs) = self.left_to(py, arguments, keywords)? {
            return Ok(theirs);
        }
        let mut values: [Option<Value<'py>>; MAX_INPUTS] = [const { None }; MAX_INPUTS];
        for (place, object) in arguments.iter().take(inputs).enumerate() {
            values[place] = value(&object)?;
            if values[place].is_none() {
                return Err(ask_numpy(py, self.op.name(), stand_ins(arguments, inputs)?));
            }
        }
        let plain = arguments.len() == inputs && keywords.is_none_or(|k| k.is_empty());
        if plain && values.iter().flatten().all(|v| matches!(v, Value::Number(_))) {
            return self.numpys(py)?.call1(arguments);
        }
        let operands: SmallVec<[Operand<'_>; MAX_INPUTS]> =
            values.iter().flatten().map(Value::operand).collect();
        let operands = &operands[..];
        let arrays: Vec<&Array> =
            operands.iter().filter_map(|o| if let Operand::Array(a) = o { Some(*a) } else { None }).collect();
        // Results are of the class of the first argument of a subclass.
        let model =
            arguments.iter_borrowed().take(inputs).find_map(|object| match object.cast::<NdArray>() {
                Ok(array) if !array.is_exact_instance_of::<NdArray>() => Some(array.to_owned()),
                _ => None,
            });
        let result = |array: Array| match &model {
            Some(model) => made(model, array),
            None => result(py, array),
        };
        if plain && self.op.outputs() == 1 {
            return result(compute(py, &arrays, || Array::apply(self.op, operands))?);
        }
        let call = self.keywords(arguments, keywords)?;
        let outs: Vec<Option<&Array>> =
            call.outs.iter().map(|o| o.as_ref().map(|handle| &handle.array)).collect();
        if let [Some(one), Some(two)] = outs[..]
            && one.shape() != two.shape()
        {
            return Err(unlike(py, &arrays, [one, two])?);
        }
        let options = Options {
            out: &outs,
            mask: call.mask.as_ref(),
            dtype: call.dtype,
            casting: call.casting,
            order: call.order,
        };
        let made = compute(py, &arrays, || Array::ufunc(self.op, operands, &options))?;
        let results = made.into_iter().enumerate().map(|(place, array)| match call.outs.get(place) {
            Some(Some(handle)) => Ok(handle.into_pyobject(py)?.to_owned().into_any()),
            _ => result(array),
        });
        let mut results = results.collect::<PyResult<Vec<_>>>()?;
        match results.len() {
            1 => Ok(results.remove(0)),
            _ => Ok(PyTuple::new(py, results)?.into_any()),
        }
    }

    #[pyo3(signature = (array, axis = Axis::Number(0), dtype = None, out = None, keepdims = Keep(false), initial = Initial::Absent, r#where = None))]
    #[allow(clippy::too_many_arguments)]
    fn reduce<'py>(
        &self,
        py: Python<'py>,
        array: &Bound<'py, PyAny>,
        axis: Axis<'py>,
        dtype: Option<&Bound<'py, PyAny>>,
        out: Option<&Bound<'py, PyAny>>,
        keepdims: Keep,
        initial: Initial<'py>,
        r#where: Option<&Bound<'py, PyAny>>,
    ) -> Object<'py> {
        binary(self.op, "reduce")?;
        let object = array;
        let array = required(array, self.op.name())?.into_array()?;
        let axis = match axis {
            Axis::Number(n) => n.into_pyobject(py)?.into_any(),
            Axis::Other(object) => object,
        };
        let one = one_of(out.filter(|object| !object.is_none()))?;
        let out = one.as_ref();
        let wants_array = out.is_some_and(|object| object.is(py.Ellipsis()));
        let initial = match initial {
            Initial::Absent => None,
            Initial::Given(object) => Some(object),
        };
        let no_value = Numpy::attribute(py, "_NoValue")?;
        let initial = initial.as_ref().filter(|object| !object.is(&no_value));
        let given = Keywords {
            axis: Some(&axis),
            dtype,
            out: out.filter(|_| !wants_array),
            keepdims: keepdims.0,
            initial,
            mask: r#where,
        };
        if initial.is_some_and(|object| object.is_none()) {
            no_identity(&array, self.op.name(), &given)?;
        }
        let reduction = ReduceOp::of(self.op).map_or(Reduction::Ordered(self.op), Reduction::Fold);
        let made = reduce(py, &array, reduction, &given)?;
        if wants_array {
            Ok(Bound::new(py, NdArray::new(required(&made, "asarray")?.into_array()?))?.into_any())
        } else if given.out.is_some_and(|out| !out.is_none()) {
            Ok(made)
        } else {
            of_class_of(object, made)
        }
    }

    #[getter]
    fn __name__(&self) -> &'static str {
        self.op.name()
    }

    #[getter]
    fn nin(&self) -> usize {
        self.op.inputs()
    }

    #[getter]
    fn nout(&self) -> usize {
        self.op.outputs()
    }

    #[getter]
    fn nargs(&self) -> usize {
        self.op.inputs() + self.op.outputs()
    }

    #[getter]
    fn identity<'py>(&self, py: Python<'py>) -> Object<'py> {
        Numpy::ufunc(py, self.op)?.getattr("identity")
    }

    /// For `inspect.signature`.
    #[getter]
    fn __signature__<'py>(&self, py: Python<'py>) -> Object<'py> {
        self.numpys(py)?.getattr("__signature__")
    }

    fn __repr__(&self) -> String {
        format!("<ufunc '{}'>", self.op.name())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        (py.import("gain._methods")?.getattr("named")?, (self.op.name(),)).into_pyobject(py)
    }
}

/// The error of two outputs of different shapes.
fn unlike(py: Python<'_>, inputs: &[&Array], outs: [&Array; 2]) -> PyResult<PyErr> {
    let text = |shape: &Bound<'_, PyAny>| Ok::<_, PyErr>(shape.repr()?.to_string().replace(' ', ""));
    let (one, two) = (PyTuple::new(py, outs[0].shape())?, PyTuple::new(py, outs[1].shape())?);
    let common = Numpy::attribute(py, "broadcast_shapes")?.call1((&one, &two));
    Ok(PyValueError::new_err(match common {
        Ok(common) => format!(
            "non-broadcastable output operand with shape {} doesn't match the broadcast shape {}",
            text(if one.eq(&common)? { &two } else { &one })?,
            text(&common)?
        ),
        Err(_) => {
            let mut all = String::new();
            for array in inputs.iter().chain(&outs) {
                all += &format!("{} ", text(PyTuple::new(py, array.shape())?.as_any())?);
            }
            format!("operands could not be broadcast together with shapes {all}")
        }
    }))
}

/// The text of a keyword that takes one.
fn text_of(object: &Bound<'_, PyAny>, name: &str) -> PyResult<String> {
    let Ok(text) = object.cast::<PyString>() else {
        let class = object.get_type();
        let module = class.module()?.to_string();
        let known = if module.starts_with("numpy") { "numpy." } else { "" };
        return Err(PyTypeError::new_err(format!("{name} must be str, not {known}{}", class.name()?)));
    };
    text.extract()
}

/// Whether a keyword may be one of our arrays, or is to give one.
fn has_arrays(keywords: &Bound<'_, PyDict>) -> bool {
    keywords.iter().any(|(_, object)| {
        let is_plain =
            object.is_none() || object.is_instance_of::<PyBool>() || object.is_instance_of::<PyString>();
        let is_type = || {
            object.is_instance_of::<PyType>()
                || object.get_type().name().is_ok_and(|name| name.to_string().ends_with("DType"))
        };
        let is_signature = || {
            object.cast::<PyTuple>().is_ok_and(|tuple| {
                tuple.iter().all(|item| item.cast::<NdArray>().is_err() && !item.is(object.py().Ellipsis()))
            })
        };
        !is_plain && !is_type() && !is_signature()
    })
}

/// Keywords that the package sees to, in Python.
fn is_rare(keywords: &Bound<'_, PyDict>) -> bool {
    let py = keywords.py();
    let has = |name| keywords.contains(name).unwrap_or(false);
    let is_ellipsis = |object: Bound<'_, PyAny>| {
        object.is(py.Ellipsis())
            || object.cast::<PyTuple>().is_ok_and(|tuple| tuple.iter().any(|item| item.is(py.Ellipsis())))
    };
    has("signature") || has("sig") || keywords.get_item("out").ok().flatten().is_some_and(is_ellipsis)
}

/// `axis` of `reduce`, whose default is 0 and not `None`. (A bool is no number of an axis.)
pub(crate) enum Axis<'py> {
    Number(isize),
    Other(Bound<'py, PyAny>),
}

impl<'py> FromPyObject<'_, 'py> for Axis<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(match object.extract() {
            Ok(number) if !object.is_instance_of::<PyBool>() => Axis::Number(number),
            _ => Axis::Other(object.to_owned()),
        })
    }
}

/// `initial` of `reduce`: `None` says that there is none, also where the operation has an identity.
pub(crate) enum Initial<'py> {
    Absent,
    Given(Bound<'py, PyAny>),
}

impl<'py> FromPyObject<'_, 'py> for Initial<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(Initial::Given(object.to_owned()))
    }
}

/// The inputs with a small NumPy array in place of each of ours.
fn stand_ins<'py>(arguments: &Bound<'py, PyTuple>, inputs: usize) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let py = arguments.py();
    let stand_in = |object: Bound<'py, PyAny>| match object.cast::<NdArray>() {
        Ok(array) => {
            let dtype = Numpy::dtype_object(py, array.try_borrow()?.array.dtype());
            Numpy::attribute(py, "ones")?.call1((1, dtype))
        }
        Err(_) => Ok(object),
    };
    arguments.iter().take(inputs).map(stand_in).collect()
}
