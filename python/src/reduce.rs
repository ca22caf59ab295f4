//! Reductions: the methods of the class, and `reduce` of the ufuncs.

// What #[pymethods] writes inside a macro of ours calls unsafe functions without a block of its own.
#![allow(unsafe_op_in_unsafe_fn)]

use crate::convert::{Value, compute, import_as, number, required, result};
use crate::flag::{Flag, Keep};
use crate::folds::no_such_axis;
use crate::ndarray::{NdArray, axes};
use crate::number::{made, of_class_of};
use crate::numpy::Numpy;
use crate::status;
use gain::{Array, DType, Op, ReduceOp, ReduceOptions, Scalar};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyList, PyTuple};

type Object<'py> = PyResult<Bound<'py, PyAny>>;
type Argument<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

/// Keywords that all reductions share, as Python passed them.
#[derive(Default)]
pub(crate) struct Keywords<'a, 'py> {
    pub(crate) axis: Argument<'a, 'py>,
    pub(crate) dtype: Argument<'a, 'py>,
    pub(crate) out: Argument<'a, 'py>,
    pub(crate) keepdims: bool,
    pub(crate) initial: Argument<'a, 'py>,
    pub(crate) mask: Argument<'a, 'py>,
}

impl Keywords<'_, '_> {
    /// Whether there is none but an axis.
    fn are_absent(&self) -> bool {
        let given = [self.dtype, self.out, self.initial, self.mask];
        !self.keepdims && given.iter().flatten().all(|object| object.is_none())
    }
}

/// What a reduction computes.
#[derive(Clone, Copy)]
pub(crate) enum Reduction {
    Fold(ReduceOp),
    /// With an operation that no fused reduction is for.
    Ordered(Op),
    Mean,
}

/// Reduces `array`; without axes left the result is a NumPy scalar.
pub(crate) fn reduce<'py>(
    py: Python<'py>,
    array: &Array,
    reduction: Reduction,
    keywords: &Keywords<'_, 'py>,
) -> Object<'py> {
    let mut axes = axes(keywords.axis)?;
    let are_all = match axes.as_deref() {
        None => true,
        Some(axes) => array.ndim() == 1 && matches!(axes, [0 | -1]),
    };
    if are_all
        && keywords.are_absent()
        && let Some(number) = compute(py, &[array], || match reduction {
            Reduction::Fold(op) => array.reduce_now(op),
            Reduction::Ordered(_) => Ok(None),
            Reduction::Mean => array.mean_now(),
        })?
    {
        return Numpy::scalar(py, number);
    }
    if array.ndim() == 0
        && !matches!(reduction, Reduction::Mean)
        && let Some([axis]) = axes.as_deref()
        && keywords.axis.is_some_and(|object| object.cast::<PyTuple>().is_err())
    {
        // An array of no axes counts as one element in a row, as long as it is a number that names the axis.
        match axis {
            0 | -1 => axes = None,
            _ => {
                let is_index = matches!(reduction, Reduction::Fold(op) if op.is_index());
                return Err(no_such_axis(*axis, is_index.into()));
            }
        }
    }
    let present = |argument: Argument<'_, 'py>| argument.filter(|object| !object.is_none()).cloned();
    let dtype = keywords.dtype.map(Numpy::parse_dtype).transpose()?.flatten();
    let out = out(present(keywords.out).as_ref())?;
    let initial = match present(keywords.initial) {
        None => None,
        Some(object) => Some(scalar(&object)?),
    };
    let mask = mask(keywords.mask)?;
    let dtype = match (dtype, out.as_ref().map(|handle| handle.array.dtype()), reduction) {
        (None, Some(out), Reduction::Fold(op)) if !op.is_index() => beside_out(py, op.op(), array, out)?,
        (None, Some(out), Reduction::Ordered(op)) => beside_out(py, Some(op), array, out)?,
        (None, Some(out), Reduction::Mean) => mean_beside_out(py, array, out)?,
        (dtype, ..) => dtype,
    };
    let options = ReduceOptions {
        axes: axes.as_deref(),
        keepdims: keywords.keepdims,
        dtype,
        initial,
        mask: mask.as_ref(),
        out: out.as_ref().map(|handle| &handle.array),
    };
    if matches!(reduction, Reduction::Mean)
        && (array.size() == 0 || mask.is_some())
        && compute(py, &[array], || array.averages_none(&options))?
    {
        status::warn(py, "Mean of empty slice")?;
    }
    let made = compute(py, &[array], || match reduction {
        Reduction::Fold(op) => array.reduce(op, &options),
        Reduction::Ordered(op) => array.fold(op, &options),
        Reduction::Mean => array.mean(&options),
    })?;
    match present(keywords.out) {
        Some(object) => Ok(object),
        None => result(py, made),
    }
}

/// The type in which elements are combined that go to an array of another type: of the loop that takes both. (That is NumPy's to
/// know.) `None` where it is the operation's own.
pub(crate) fn beside_out(
    py: Python<'_>,
    op: Option<Op>,
    array: &Array,
    out: DType,
) -> PyResult<Option<DType>> {
    let Some(op) = op.filter(|op| !matches!(op, Op::LogicalAnd | Op::LogicalOr | Op::LogicalXor)) else {
        return Ok(None);
    };
    let types = (Numpy::dtype_object(py, out), Numpy::dtype_object(py, array.dtype()), py.None());
    let found = Numpy::ufunc(py, op)?.getattr("resolve_dtypes")?.call1((types,))?;
    let (first, second) =
        (Numpy::parse_dtype(&found.get_item(0)?)?, Numpy::parse_dtype(&found.get_item(1)?)?);
    // (Comparisons, and what takes two types, have their own texts.)
    Ok(second.filter(|_| {
        first == second
            && found.get_item(2).is_ok_and(|made| made.eq(found.get_item(1).ok()).unwrap_or(false))
    }))
}

/// The same of a mean, which is summed as doubles if the elements are no floats, and as singles if they are halves.
fn mean_beside_out(py: Python<'_>, array: &Array, out: DType) -> PyResult<Option<DType>> {
    match array.dtype() {
        DType::F32 | DType::F64 | DType::C64 | DType::C128 => beside_out(py, Some(Op::Add), array, out),
        _ => Ok(None),
    }
}

/// A method of the class that reduces: the result is of the class of `slf`, also without axes if that is a subclass.
fn reduced<'py>(slf: &Bound<'py, NdArray>, reduction: Reduction, given: &Keywords<'_, 'py>) -> Object<'py> {
    let name = match reduction {
        Reduction::Fold(ReduceOp::Any) => "_any",
        Reduction::Fold(ReduceOp::All) => "_all",
        Reduction::Mean => "_mean",
        _ => "",
    };
    if given.initial.is_some_and(|object| !object.is_none()) && !name.is_empty() {
        return Err(PyTypeError::new_err(format!("{name}() got an unexpected keyword argument 'initial'")));
    }
    let found = reduce(slf.py(), &slf.try_borrow()?.array, reduction, given)?;
    let is_index =
        matches!(reduction, Reduction::Fold(op) if op.is_index()) && !found.is_instance_of::<NdArray>();
    if is_index || given.out.is_some_and(|object| !object.is_none()) {
        return Ok(found);
    }
    of_class_of(slf.as_any(), found)
}

/// What NumPy says where `initial=None` takes away the identity that it would need.
pub(crate) fn no_identity(array: &Array, name: &str, keywords: &Keywords<'_, '_>) -> PyResult<()> {
    if mask(keywords.mask)?.is_some() {
        return Err(PyValueError::new_err(format!(
            "reduction operation '{name}' does not have an identity, so to use a where mask one has to specify 'initial'"
        )));
    }
    let ndim = array.ndim() as isize;
    let all = || (0..ndim).collect();
    let reduced: Vec<isize> = axes(keywords.axis)?.map_or_else(all, |axes| axes.to_vec());
    let is_empty = |&axis: &isize| array.shape().get(axis.rem_euclid(ndim.max(1)) as usize) == Some(&0);
    if reduced.iter().any(is_empty) && array.size() == 0 {
        return Err(PyValueError::new_err(format!(
            "zero-size array to reduction operation {name} which has no identity"
        )));
    }
    Ok(())
}

/// `out=`: one of our arrays.
pub(crate) fn out<'py>(object: Argument<'_, 'py>) -> PyResult<Option<PyRef<'py, NdArray>>> {
    match object {
        None => Ok(None),
        Some(object) => match object.cast::<NdArray>() {
            Ok(array) => {
                let array = array.try_borrow()?;
                array.writable("output array is read-only")?;
                Ok(Some(array))
            }
            Err(_) => Err(PyTypeError::new_err("return arrays must be of ArrayType")),
        },
    }
}

/// `where=`: an array, unless it is plainly true.
pub(crate) fn mask(object: Argument<'_, '_>) -> PyResult<Option<Array>> {
    let Some(object) = object else { return Ok(None) };
    if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() {
        // Each element is made a bool.
        return import_as(object, Some(gain::DType::Bool));
    }
    match required(object, "bool_")? {
        Value::Number(Scalar::Bool(true)) => Ok(None),
        other => {
            let array = other.into_array()?;
            if array.dtype() != gain::DType::Bool {
                return Err(PyTypeError::new_err(format!(
                    "Cannot cast array data from dtype('{}') to dtype('bool') according to the rule 'safe'",
                    array.dtype()
                )));
            }
            Ok(Some(array))
        }
    }
}

/// A number, also from an array of one element.
fn scalar(object: &Bound<'_, PyAny>) -> PyResult<Scalar> {
    if let Some(value) = number(object)? {
        return Ok(value);
    }
    number(&object.call_method0("item")?)?.ok_or_else(|| PyValueError::new_err("initial must be a number"))
}

/// The keywords of `argmin` and `argmax`, which go along one axis or all.
fn of_place<'a, 'py>(
    axis: Argument<'a, 'py>,
    out: Argument<'a, 'py>,
    keepdims: Flag,
) -> PyResult<Keywords<'a, 'py>> {
    if let Some(axis) = axis.filter(|axis| !axis.is_none()) {
        if axis.is_instance_of::<PyBool>() {
            return Err(PyTypeError::new_err("an integer is required for the axis"));
        }
        axis.extract::<isize>()?;
    }
    if out.is_some_and(|out| !out.is_none() && out.cast::<NdArray>().is_err()) {
        return Err(PyTypeError::new_err("output must be an array"));
    }
    Ok(Keywords { axis, out, keepdims: keepdims.0, ..Keywords::default() })
}

macro_rules! reductions {
    ($($name:ident $reduction:expr, ($($argument:ident),*);)*) => {
        #[pymethods]
        impl NdArray {$(
            #[pyo3(signature = ($($argument = None,)* keepdims = Keep(false), initial = None, r#where = None))]
            #[allow(clippy::too_many_arguments)]
            fn $name<'py>(
                slf: &Bound<'py, Self>,
                $($argument: Argument<'_, 'py>,)*
                keepdims: Keep,
                initial: Argument<'_, 'py>,
                r#where: Argument<'_, 'py>,
            ) -> Object<'py> {
                let mut given = Keywords { keepdims: keepdims.0, initial, mask: r#where, ..Keywords::default() };
                $(given.$argument = $argument;)*
                reduced(slf, $reduction, &given)
            }
        )*}
    };
}

reductions! {
    sum Reduction::Fold(ReduceOp::Sum), (axis, dtype, out);
    prod Reduction::Fold(ReduceOp::Prod), (axis, dtype, out);
    min Reduction::Fold(ReduceOp::Min), (axis, out);
    max Reduction::Fold(ReduceOp::Max), (axis, out);
    any Reduction::Fold(ReduceOp::Any), (axis, out);
    all Reduction::Fold(ReduceOp::All), (axis, out);
    mean Reduction::Mean, (axis, dtype, out);
}

#[pymethods]
impl NdArray {
    #[pyo3(signature = (axis = None, out = None, *, keepdims = Flag(false)))]
    fn argmin<'py>(
        slf: &Bound<'py, Self>,
        axis: Argument<'_, 'py>,
        out: Argument<'_, 'py>,
        keepdims: Flag,
    ) -> Object<'py> {
        reduced(slf, Reduction::Fold(ReduceOp::ArgMin), &of_place(axis, out, keepdims)?)
    }

    #[pyo3(signature = (axis = None, out = None, *, keepdims = Flag(false)))]
    fn argmax<'py>(
        slf: &Bound<'py, Self>,
        axis: Argument<'_, 'py>,
        out: Argument<'_, 'py>,
        keepdims: Flag,
    ) -> Object<'py> {
        reduced(slf, Reduction::Fold(ReduceOp::ArgMax), &of_place(axis, out, keepdims)?)
    }

    /// `numpy.var` without `out=`, `where=`, `mean=`.
    fn _var<'py>(
        slf: &Bound<'py, Self>,
        axis: Argument<'_, 'py>,
        dtype: Argument<'_, 'py>,
        ddof: f64,
        keepdims: Keep,
    ) -> Object<'py> {
        let axes = axes(axis)?;
        let dtype = dtype.map(Numpy::parse_dtype).transpose()?.flatten();
        let options =
            ReduceOptions { axes: axes.as_deref(), keepdims: keepdims.0, dtype, ..Default::default() };
        let (py, handle) = (slf.py(), slf.try_borrow()?);
        let array = &handle.array;
        let shape = array.shape();
        let extent = |&axis: &isize| {
            let axis = if axis < 0 { axis + shape.len() as isize } else { axis };
            usize::try_from(axis).ok().and_then(|axis| shape.get(axis)).copied().unwrap_or(1)
        };
        let count = axes.as_deref().map_or(array.size(), |axes| axes.iter().map(extent).product());
        if count as f64 <= ddof {
            status::warn(py, "Degrees of freedom <= 0 for slice")?;
        }
        made(slf, compute(py, &[array], || array.var(&options, ddof))?)
    }

    /// `numpy.dot(self, other)`
    #[pyo3(signature = (other, out = None))]
    fn dot<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>, out: Argument<'_, 'py>) -> Object<'py> {
        let py = other.py();
        let second = required(other, "dot")?.into_array()?;
        let handle = slf.try_borrow()?;
        let first = &handle.array;
        let made = compute(py, &[first, &second], || first.dot(&second))?;
        match out {
            None => of_class_of(slf.as_any(), result(py, made)?),
            Some(out) => {
                let Ok(target) = out.cast::<NdArray>() else {
                    return Err(PyTypeError::new_err("'out' must be an array"));
                };
                let target = target.try_borrow()?;
                let is_writable = target.is_writeable();
                let target = &target.array;
                let is_of_kind = target.dtype() == made.dtype() && target.ndim() == made.ndim();
                if !is_of_kind || !is_writable || !target.is_contiguous() {
                    return Err(PyValueError::new_err(
                        "output array is not acceptable (must have the right datatype, number of dimensions, and be a C-Array)",
                    ));
                }
                if target.shape() != made.shape() {
                    return Err(PyValueError::new_err("output array has wrong dimensions"));
                }
                compute(py, &[target], || target.assign(&made))?;
                Ok(out.clone())
            }
        }
    }
}
