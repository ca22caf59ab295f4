//! Operators. Each is a slot of the class that goes straight to `gain`: no Python function in between.

// What #[pymethods] writes inside a macro of ours calls unsafe functions without a block of its own.
#![allow(unsafe_op_in_unsafe_fn)]

use crate::convert::{Value, compute, plain_number, required, result, value};
use crate::error::ask_numpy;
use crate::foreign::{Stance, refusal, stance};
use crate::ndarray::NdArray;
use crate::numpy::Numpy;
use crate::subclass::like;
use gain::dtype::Category;
use gain::{Array, DType, Op, Operand, Options};
use pyo3::basic::CompareOp;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyBytes, PyComplex, PyDict, PyFloat, PyInt, PyString, PyTuple};

type Object<'py> = PyResult<Bound<'py, PyAny>>;

fn not_implemented(py: Python<'_>) -> Bound<'_, PyAny> {
    py.NotImplemented().into_bound(py)
}

/// What an operator does before it converts anything: `Some` if the operation is not ours.
#[inline]
fn left_to<'py>(
    op: Op,
    slf: &Bound<'py, NdArray>,
    other: &Bound<'py, PyAny>,
    reflected: bool,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let exact = slf.is_exact_instance_of::<NdArray>();
    match stance(other)? {
        Stance::Plain if exact => Ok(None),
        Stance::Plain => match stance(slf.as_any())? {
            Stance::Overrides => theirs(op.name(), slf, other, reflected).map(Some),
            Stance::Refuses => Ok(Some(not_implemented(slf.py()))),
            _ => Ok(None),
        },
        Stance::Overrides => theirs(op.name(), slf, other, reflected).map(Some),
        Stance::Subclass | Stance::Refuses | Stance::Outranks => Ok(Some(not_implemented(slf.py()))),
    }
}

/// The operation by NumPy's ufunc, which asks the operands' classes.
#[cold]
fn theirs<'py>(
    name: &str,
    slf: &Bound<'py, NdArray>,
    other: &Bound<'py, PyAny>,
    reflected: bool,
) -> Object<'py> {
    let ufunc = Numpy::attribute(slf.py(), name)?;
    if reflected { ufunc.call1((other, slf)) } else { ufunc.call1((slf, other)) }
}

/// A result of an operation of `slf` and `other`: of the class of the one that is of a subclass.
#[inline]
fn made_with<'py>(slf: &Bound<'py, NdArray>, other: &Bound<'py, PyAny>, array: Array) -> Object<'py> {
    if slf.is_exact_instance_of::<NdArray>()
        && !other.is_exact_instance_of::<NdArray>()
        && let Ok(other) = other.cast::<NdArray>()
    {
        return made(other, array);
    }
    made(slf, array)
}

/// A result of an operation on `slf`: without axes NumPy's scalar, unless it is of a subclass.
#[inline]
pub(crate) fn made<'py>(slf: &Bound<'py, NdArray>, array: Array) -> Object<'py> {
    if slf.is_exact_instance_of::<NdArray>() {
        return result(slf.py(), array);
    }
    Ok(like(slf, NdArray::new(array))?.into_any())
}

/// `found`, which was computed from `from` alone: of the class of that if it is a subclass.
pub(crate) fn of_class_of<'py>(from: &Bound<'py, PyAny>, found: Bound<'py, PyAny>) -> Object<'py> {
    let Ok(slf) = from.cast::<NdArray>() else { return Ok(found) };
    if slf.is_exact_instance_of::<NdArray>() {
        return Ok(found);
    }
    let array = match found.cast::<NdArray>() {
        Ok(array) => array.try_borrow()?.array.clone(),
        Err(_) => required(&found, "asarray")?.into_array()?,
    };
    made(slf, array)
}

/// [`binary`] of an array of this very class and another one, or a number of Python's own: what most operations are.
#[inline]
fn plain<'py>(
    op: Op,
    slf: &Bound<'py, NdArray>,
    other: &Bound<'py, PyAny>,
    reflected: bool,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let theirs = match other.cast_exact::<NdArray>() {
        Ok(array) => Some(array.try_borrow()?),
        Err(_) => None,
    };
    let number = if theirs.is_none() { plain_number(other)? } else { None };
    let mine = slf.try_borrow()?;
    let (first, second) = match (&theirs, number) {
        (Some(theirs), _) => (&mine.array, Operand::Array(&theirs.array)),
        (None, Some(number)) => (&mine.array, Operand::Scalar(number)),
        (None, None) => return Ok(None),
    };
    let operands = if reflected { [second, first.into()] } else { [first.into(), second] };
    let arrays = [first, theirs.as_ref().map_or(first, |theirs| &theirs.array)];
    result(slf.py(), compute(slf.py(), &arrays, || Array::apply(op, &operands))?).map(Some)
}

/// `slf op other`, or `other op slf`.
fn binary<'py>(op: Op, slf: &Bound<'py, NdArray>, other: &Bound<'py, PyAny>, reflected: bool) -> Object<'py> {
    let py = other.py();
    if slf.is_exact_instance_of::<NdArray>()
        && let Some(made) = plain(op, slf, other, reflected)?
    {
        return Ok(made);
    }
    if let Some(other) = left_to(op, slf, other, reflected)? {
        return Ok(other);
    }
    let mine = &*slf.try_borrow()?;
    let Some(other_value) = value(other)? else {
        return foreign(op, mine, other);
    };
    let (first, second) = (Operand::Array(&mine.array), other_value.operand());
    let operands = if reflected { [second, first] } else { [first, second] };
    let sizes: [&Array; 2] = match second {
        Operand::Array(array) => [&mine.array, array],
        Operand::Scalar(_) => [&mine.array, &mine.array],
    };
    made_with(slf, other, compute(py, &sizes, || Array::apply(op, &operands))?)
}

/// Beside a text NumPy raises an error of its own; to anything else we leave the operation.
#[cold]
fn foreign<'py>(op: Op, mine: &NdArray, other: &Bound<'py, PyAny>) -> Object<'py> {
    let py = other.py();
    if other.is_instance_of::<PyString>() || other.is_instance_of::<PyBytes>() {
        let like = Numpy::attribute(py, "zeros")?.call1((1, Numpy::dtype_object(py, mine.array.dtype())))?;
        return Err(ask_numpy(py, op.name(), vec![like, other.clone()]));
    }
    Ok(not_implemented(py))
}

/// `mine op= other`
fn in_place(op: Op, slf: &Bound<'_, NdArray>, other: &Bound<'_, PyAny>) -> PyResult<()> {
    let mine = &*slf.try_borrow()?;
    match stance(other)? {
        Stance::Refuses => return Err(refusal(other)),
        Stance::Overrides => {
            let out = PyDict::new(slf.py());
            out.set_item("out", (slf,))?;
            Numpy::attribute(slf.py(), op.name())?.call((slf, other), Some(&out))?;
            return Ok(());
        }
        _ => {}
    }
    let Some(other_value) = value(other)? else {
        let error = foreign(op, mine, other).err();
        let text = format!("unsupported operand type for {}: {}", op.name(), other.get_type().name()?);
        return Err(error.unwrap_or_else(|| PyTypeError::new_err(text)));
    };
    let (array, operand) = (&mine.array, other_value.operand());
    mine.writable("output array is read-only")?;
    let out = [Some(array)];
    let options = Options { out: &out, ..Options::default() };
    compute(other.py(), &[array], || Array::ufunc(op, &[array.into(), operand], &options))?;
    Ok(())
}

macro_rules! operators {
    ($($op:ident $name:ident $reflected:ident $in_place:ident;)*) => {
        #[pymethods]
        impl NdArray {$(
            fn $name<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Object<'py> {
                binary(Op::$op, slf, other, false)
            }
            fn $reflected<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Object<'py> {
                binary(Op::$op, slf, other, true)
            }
            fn $in_place(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<()> {
                in_place(Op::$op, slf, other)
            }
        )*}
    };
}

operators! {
    Add __add__ __radd__ __iadd__;
    Subtract __sub__ __rsub__ __isub__;
    Multiply __mul__ __rmul__ __imul__;
    Divide __truediv__ __rtruediv__ __itruediv__;
    FloorDivide __floordiv__ __rfloordiv__ __ifloordiv__;
    Remainder __mod__ __rmod__ __imod__;
    LeftShift __lshift__ __rlshift__ __ilshift__;
    RightShift __rshift__ __rrshift__ __irshift__;
    BitwiseAnd __and__ __rand__ __iand__;
    BitwiseOr __or__ __ror__ __ior__;
    BitwiseXor __xor__ __rxor__ __ixor__;
}

macro_rules! unary_operators {
    ($($op:ident $name:ident;)*) => {
        #[pymethods]
        impl NdArray {$(
            fn $name<'py>(slf: &Bound<'py, Self>) -> Object<'py> {
                let array = &slf.try_borrow()?.array;
                made(slf, compute(slf.py(), &[array], || Array::apply(Op::$op, &[array.into()]))?)
            }
        )*}
    };
}

unary_operators! {
    Negative __neg__;
    Positive __pos__;
    Absolute __abs__;
    Invert __invert__;
}

/// The short way to powers that have an operation of their own, as NumPy goes.
fn power(mine: &NdArray, exponent: &Bound<'_, PyAny>) -> Op {
    let inexact = matches!(gain::dtype::category(mine.array.dtype()), Category::Float | Category::Complex);
    match exponent.cast_exact::<PyInt>().map(|x| x.extract::<i64>()) {
        Ok(Ok(2)) if mine.array.dtype() != DType::Bool => return Op::Square,
        Ok(Ok(1)) if inexact => return Op::Positive,
        Ok(Ok(-1)) if inexact => return Op::Reciprocal,
        _ => {}
    }
    match exponent.cast_exact::<PyFloat>().map(|x| x.value()) {
        Ok(2.0) if inexact => Op::Square,
        Ok(1.0) if inexact => Op::Positive,
        Ok(0.5) if inexact => Op::Sqrt,
        Ok(-1.0) if inexact => Op::Reciprocal,
        _ => Op::Power,
    }
}

/// The array itself, unless it has imaginary parts.
fn conjugated<'py>(slf: &Bound<'py, NdArray>, out: Option<&Bound<'py, PyAny>>) -> Object<'py> {
    let array = &slf.try_borrow()?.array;
    if let Some(out) = out.filter(|out| !out.is_none()) {
        return slf.py().import("gain")?.getattr("conjugate")?.call1((slf, out));
    }
    match gain::dtype::category(array.dtype()) {
        Category::Complex => {
            made(slf, compute(slf.py(), &[array], || Array::apply(Op::Conjugate, &[array.into()]))?)
        }
        _ => Ok(slf.clone().into_any()),
    }
}

#[pymethods]
impl NdArray {
    #[pyo3(signature = (out = None, /))]
    fn conj<'py>(slf: &Bound<'py, Self>, out: Option<&Bound<'py, PyAny>>) -> Object<'py> {
        conjugated(slf, out)
    }

    #[pyo3(signature = (out = None, /))]
    fn conjugate<'py>(slf: &Bound<'py, Self>, out: Option<&Bound<'py, PyAny>>) -> Object<'py> {
        conjugated(slf, out)
    }

    fn __pow__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
        modulo: &Bound<'py, PyAny>,
    ) -> Object<'py> {
        let py = other.py();
        if !modulo.is_none() {
            return Ok(not_implemented(py));
        }
        let op = power(&*slf.try_borrow()?, other);
        match op {
            Op::Power => binary(Op::Power, slf, other, false),
            op => {
                let array = &slf.try_borrow()?.array;
                made(slf, compute(py, &[array], || Array::apply(op, &[array.into()]))?)
            }
        }
    }

    fn __rpow__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
        modulo: &Bound<'py, PyAny>,
    ) -> Object<'py> {
        match modulo.is_none() {
            true => binary(Op::Power, slf, other, true),
            false => Ok(not_implemented(other.py())),
        }
    }

    fn __ipow__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>, _modulo: &Bound<'_, PyAny>) -> PyResult<()> {
        in_place(Op::Power, slf, other)
    }

    fn __divmod__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Object<'py> {
        both(slf, other, false)
    }

    fn __rdivmod__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Object<'py> {
        both(slf, other, true)
    }

    fn __matmul__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Object<'py> {
        matmul(slf, other, false)
    }

    fn __rmatmul__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Object<'py> {
        matmul(slf, other, true)
    }

    fn __imatmul__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        if stance(other)? == Stance::Refuses {
            return Err(refusal(other));
        }
        let Some(other_value) = value(other)? else {
            return Err(PyTypeError::new_err("the operand of @= is not an array"));
        };
        slf.try_borrow()?.writable("output array is read-only")?;
        if slf.try_borrow()?.array.ndim() == 0 || other_value.into_array()?.ndim() == 1 {
            return Err(PyValueError::new_err(
                "inplace matrix multiplication requires the first operand to have at least one and the second at least two dimensions.",
            ));
        }
        let out = [("out", slf)].into_py_dict(slf.py())?;
        slf.py().import("gain")?.getattr("matmul")?.call((slf, other), Some(&out)).map(drop)
    }

    fn __richcmp__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
        comparison: CompareOp,
    ) -> Object<'py> {
        let op = match comparison {
            CompareOp::Lt => Op::Less,
            CompareOp::Le => Op::LessEqual,
            CompareOp::Eq => Op::Equal,
            CompareOp::Ne => Op::NotEqual,
            CompareOp::Gt => Op::Greater,
            CompareOp::Ge => Op::GreaterEqual,
        };
        let is_equality = matches!(op, Op::Equal | Op::NotEqual);
        match is_equality && stance(other)? == Stance::Plain && value(other)?.is_none() {
            true => {
                let compared = other.py().import("gain._class")?.getattr("compared")?;
                compared.call1((slf, other, op == Op::Equal))
            }
            false => binary(op, slf, other, false),
        }
    }

    fn __contains__(&self, item: &Bound<'_, PyAny>) -> PyResult<bool> {
        let Some(item_value) = value(item)? else {
            return Ok(false);
        };
        let (array, operand) = (&self.array, item_value.operand());
        compute(item.py(), &[array], || array.contains(operand))
    }

    fn __bool__(&self, py: Python<'_>) -> PyResult<bool> {
        let array = &self.array;
        match array.size() {
            1 => Ok(compute(py, &[array], || array.item())?.as_bool()),
            0 => Err(PyValueError::new_err(
                "The truth value of an empty array is ambiguous. Use `array.size > 0` to check that an array is not empty.",
            )),
            _ => Err(PyValueError::new_err(
                "The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()",
            )),
        }
    }

    fn __int__<'py>(&self, py: Python<'py>) -> Object<'py> {
        py.get_type::<PyInt>().call1((only(self, py)?,))
    }

    fn __float__<'py>(&self, py: Python<'py>) -> Object<'py> {
        py.get_type::<PyFloat>().call1((only(self, py)?,))
    }

    fn __complex__<'py>(&self, py: Python<'py>) -> Object<'py> {
        py.get_type::<PyComplex>().call1((only(self, py)?,))
    }

    fn __index__<'py>(&self, py: Python<'py>) -> Object<'py> {
        if self.array.ndim() != 0 || !gain::dtype::is_integer(self.array.dtype()) {
            return Err(PyTypeError::new_err(
                "only integer scalar arrays can be converted to a scalar index",
            ));
        }
        self.__int__(py)
    }
}

/// The element of an array of no axes, as a NumPy scalar.
fn only<'py>(mine: &NdArray, py: Python<'py>) -> Object<'py> {
    if mine.array.ndim() != 0 {
        return Err(PyTypeError::new_err("only 0-dimensional arrays can be converted to Python scalars"));
    }
    result(py, mine.array.clone())
}

/// `divmod`: both results.
fn both<'py>(slf: &Bound<'py, NdArray>, other: &Bound<'py, PyAny>, reflected: bool) -> Object<'py> {
    let py = other.py();
    if let Some(other) = left_to(Op::Divmod, slf, other, reflected)? {
        return Ok(other);
    }
    let mine = &*slf.try_borrow()?;
    let Some(other_value) = value(other)? else {
        return foreign(Op::Divmod, mine, other);
    };
    let (first, second) = (Operand::Array(&mine.array), other_value.operand());
    let operands = if reflected { [second, first] } else { [first, second] };
    let made = compute(py, &[&mine.array], || Array::ufunc(Op::Divmod, &operands, &Options::default()))?;
    let made = made.into_iter().map(|array| self::made(slf, array)).collect::<PyResult<Vec<_>>>()?;
    Ok(PyTuple::new(py, made)?.into_any())
}

/// `mine @ other`, or `other @ mine`. A number is refused: it has no axes.
fn matmul<'py>(slf: &Bound<'py, NdArray>, other: &Bound<'py, PyAny>, reflected: bool) -> Object<'py> {
    let py = other.py();
    let rules = match stance(other)? {
        Stance::Plain => stance(slf.as_any())?,
        rules => rules,
    };
    match rules {
        Stance::Plain => {}
        Stance::Overrides => return theirs("matmul", slf, other, reflected),
        _ => return Ok(not_implemented(py)),
    }
    let second = match value(other)? {
        None => return Ok(not_implemented(py)),
        Some(Value::Number(_)) => {
            let zeros = Numpy::attribute(py, "zeros")?.call1((1,))?;
            let operands = if reflected { vec![other.clone(), zeros] } else { vec![zeros, other.clone()] };
            return Err(ask_numpy(py, "matmul", operands));
        }
        Some(array) => array.into_array()?,
    };
    let mine = slf.try_borrow()?.array.clone();
    let (first, second) = if reflected { (second, mine) } else { (mine, second) };
    made_with(slf, other, compute(py, &[&first, &second], || first.matmul(&second))?)
}
