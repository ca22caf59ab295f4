//! New arrays.

use super::{Array, Operand, direct};
use crate::dtype::{Category, DType, Element, Scalar, category, promote, result_type};
use crate::error::{Error, Kind, Result, cannot_allocate};
use crate::memory::Memory;
use crate::ops::Op;
use crate::record::{Expr, Node};
use crate::session;
use crate::stage::Fresh;
use crate::status::site::{self, Origin};
use crate::status::{self, Policy};
use crate::view::{Dims, checked_size};
use smallvec::SmallVec;

/// Memory of a new array, without elements yet.
#[derive(Debug)]
pub struct Unfilled(Fresh);

impl Unfilled {
    /// The array of these elements: in C order, in native byte order, the same on every rank. Nobody is waited for.
    pub fn filled(self, bytes: &[u8]) -> Result<Array> {
        let Unfilled(fresh) = self;
        let (size, item) = (checked_size(&fresh.shape)?, fresh.dtype.size_bytes());
        if bytes.len() != size * item {
            let text = format!("{} bytes do not make {size} elements of {}", bytes.len(), fresh.dtype);
            return Err(Error::new(Kind::Value, text));
        }
        let is_bool = fresh.dtype == DType::Bool;
        Ok(Array::from_node(fresh.written(|run| {
            let range = run.range();
            let bytes = &bytes[range.start * item..range.end * item];
            match is_bool {
                // Of the bytes of others' bools any but 0 is true; the kernels know 0 and 1 only.
                true => run.bytes().iter_mut().zip(bytes).for_each(|(to, &from)| *to = u8::from(from != 0)),
                false => run.bytes().copy_from_slice(bytes),
            }
        })))
    }
}

/// # Creation
impl Array {
    /// From elements in C order, in native byte order; every rank passes the same bytes. They are copied.
    pub fn from_bytes(dtype: DType, shape: &[usize], bytes: &[u8]) -> Result<Array> {
        let _turn = session::take_turn("array")?;
        Array::unfilled(dtype, shape)?.filled(bytes)
    }

    /// Memory for an array whose elements come next: what [`Array::from_bytes`] waits for others for. Collective.
    pub fn unfilled(dtype: DType, shape: &[usize]) -> Result<Unfilled> {
        let _turn = session::take_turn("array")?;
        checked_size(shape)?;
        Fresh::new(shape, dtype).map(Unfilled)
    }

    /// From elements in C order; every rank passes the same.
    pub fn from_slice<T: Element>(shape: &[usize], elements: &[T]) -> Result<Array> {
        let len_bytes = size_of_val(elements);
        // SAFETY: an `Element` is plain data without padding, so its bytes may be read.
        let bytes = unsafe { std::slice::from_raw_parts(elements.as_ptr().cast::<u8>(), len_bytes) };
        Array::from_bytes(T::DTYPE, shape, bytes)
    }

    /// An array of no axes (`np.array(x)`).
    pub fn scalar(value: Scalar) -> Result<Array> {
        session::check("array")?;
        let value = value.convert(value.dtype())?;
        let item = value.dtype().size_bytes();
        let memory = Memory::private(item)?;
        // SAFETY: the new memory has room for 16 bytes.
        unsafe { memory.base(0).cast::<[u8; 16]>().write(value.bytes()) };
        Ok(Array::of_own(Dims::new(), value.dtype(), memory))
    }

    /// `np.full(shape, value, dtype)`; `dtype` `None` is the value's own. `zeros`, `ones` and `empty` are this.
    ///
    /// Memory is taken when the array is first written or read element by element, of a small one at once. More than there can be is an error
    /// at the call.
    pub fn full(shape: &[usize], value: Scalar, dtype: Option<DType>) -> Result<Array> {
        let dtype = match dtype {
            Some(dtype) => dtype,
            None => value.own_type()?,
        };
        prepare("full", shape, dtype)?;
        let value = match (value, dtype) {
            (Scalar::F64(_), DType::F64) => value,
            _ => status::converted(value, value.convert(dtype)?),
        };
        Ok(match direct::filled(shape, value)? {
            Some(done) => done,
            None => Array::from_node(Node::lazy(SmallVec::from_slice(shape), dtype, Expr::Fill(value))),
        })
    }

    /// As [`Array::full`], of a number that has a type and few elements of that; `None` of others. Not collective: nothing is decided.
    /// The shape is one that an array may have.
    pub fn full_now(shape: &[usize], value: Scalar) -> Option<Array> {
        let is_weak = matches!(value, Scalar::PyInt(_) | Scalar::PyFloat(_) | Scalar::PyComplex(_));
        if is_weak || session::check("full").is_err() {
            return None;
        }
        direct::filled(shape, value).ok()?
    }

    /// `np.zeros(shape, dtype)`
    pub fn zeros(shape: &[usize], dtype: DType) -> Result<Array> {
        Array::full(shape, Scalar::zero(dtype), Some(dtype))
    }

    /// `np.ones(shape, dtype)`
    pub fn ones(shape: &[usize], dtype: DType) -> Result<Array> {
        Array::full(shape, Scalar::one(dtype), Some(dtype))
    }

    /// `np.empty(shape, dtype)`: elements have no particular value.
    pub fn empty(shape: &[usize], dtype: DType) -> Result<Array> {
        Array::zeros(shape, dtype)
    }

    /// `np.arange(start, stop, step, dtype)`
    pub fn arange(start: Scalar, stop: Scalar, step: Scalar, dtype: Option<DType>) -> Result<Array> {
        let _turn = session::take_turn("arange")?;
        let count = range_len(start, stop, step)?;
        let dtype = match dtype {
            Some(dtype) => dtype,
            None => range_type(&[start, stop, step])?,
        };
        if dtype == DType::Bool {
            if count > 2 {
                let text = "arange() is only supported for booleans when the result has at most length 2.";
                return Err(Error::new(Kind::Type, text));
            }
            return Ok(Array::arange(start, stop, step, Some(DType::I64))?.cast_to(dtype));
        }
        prepare("arange", &[count], dtype)?;
        // As NumPy: the first two elements are assigned, the rest follow by their difference.
        let next = match (start.as_i128(), step.as_i128()) {
            (Some(from), Some(by)) => Scalar::PyInt(from.saturating_add(by)),
            _ if [start, step].iter().any(|s| category(s.dtype()) == crate::dtype::Category::Complex) => {
                Scalar::PyComplex(start.as_c128() + step.as_c128())
            }
            _ => Scalar::PyFloat(start.as_f64() + step.as_f64()),
        };
        let first = if count > 0 { start.assigned(dtype)? } else { Scalar::zero(dtype) };
        let second = if count > 1 { next.assigned(dtype)? } else { first };
        let difference = match (first, second) {
            (Scalar::F16(a), Scalar::F16(b)) => Scalar::F32(b.to_f32() - a.to_f32()),
            (Scalar::F32(a), Scalar::F32(b)) => Scalar::F32(b - a),
            (Scalar::F64(a), Scalar::F64(b)) => Scalar::F64(b - a),
            (a, b) if matches!(category(dtype), crate::dtype::Category::Complex) => {
                Scalar::C128(b.as_c128() - a.as_c128()).cast(dtype)
            }
            (a, b) => Scalar::I64(b.as_i64().wrapping_sub(a.as_i64())).cast(dtype),
        };
        if let Some(made) = direct::ramp(count, first, difference)? {
            return Ok(made);
        }
        // Halves are rounded once.
        let working = difference.dtype();
        let index = Array::indices(&[count], 0)?;
        let scaled = Array::apply(Op::Multiply, &[(&index.cast_to(working)).into(), difference.into()])?;
        let made = Array::apply(Op::Add, &[(&scaled).into(), first.cast(working).into()])?;
        if working == dtype {
            return Ok(made);
        }
        let Origin { site, .. } = site::current();
        Ok(site::at(Origin { site, policy: Policy::IGNORE }, || made.cast_to(dtype)))
    }

    /// `np.linspace(start, stop, num, endpoint, dtype=dtype)` for scalar ends.
    pub fn linspace(
        start: Scalar,
        stop: Scalar,
        num: usize,
        endpoint: bool,
        dtype: Option<DType>,
    ) -> Result<Array> {
        let result = result_type(&[start.operand(), stop.operand(), Scalar::PyFloat(0.0).operand()]);
        let _turn = session::take_turn("linspace")?;
        prepare("linspace", &[num], dtype.unwrap_or(result))?;
        let intervals = if endpoint { num.saturating_sub(1) } else { num };
        let index = Array::indices(&[num], 0)?.cast_to(result);
        let (from, to) = (start.cast(result), stop.cast(result));
        // Differences and quotients of narrow numbers are those of doubles, rounded.
        let span = match category(result) {
            Category::Complex => Scalar::C128(to.as_c128() - from.as_c128()),
            _ => Scalar::F64(to.as_f64() - from.as_f64()),
        }
        .cast(result);
        let by = |a: Scalar, n: f64| match category(result) {
            Category::Complex => Scalar::C128(a.as_c128() / n).cast(result),
            _ => Scalar::F64(a.as_f64() / n).cast(result),
        };
        let scaled = if intervals > 0 {
            Array::apply(Op::Multiply, &[(&index).into(), by(span, intervals as f64).into()])?
        } else {
            Array::apply(Op::Multiply, &[(&index).into(), span.into()])?
        };
        let mut line = Array::apply(Op::Add, &[(&scaled).into(), from.into()])?;
        if endpoint && num > 1 {
            line.set(&[crate::Index::At(-1)], to)?;
        }
        let dtype = dtype.unwrap_or(result);
        if crate::dtype::is_integer(dtype) {
            line = Array::apply(Op::Floor, &[(&line).into()])?;
        }
        Ok(line.cast_to(dtype))
    }

    /// `np.eye(rows, cols, k, dtype)`
    pub fn eye(rows: usize, cols: usize, k: isize, dtype: DType) -> Result<Array> {
        let _turn = session::take_turn("eye")?;
        prepare("eye", &[rows, cols], dtype)?;
        let row = Array::indices(&[rows, cols], 0)?;
        let col = Array::indices(&[rows, cols], 1)?;
        let shifted = Array::apply(Op::Add, &[(&row).into(), Operand::Scalar(Scalar::I64(k as i64))])?;
        Ok(Array::apply(Op::Equal, &[(&shifted).into(), (&col).into()])?.cast_to(dtype))
    }

    /// The coordinate along `axis` of each element of an array of this shape (`np.indices(shape)[axis]`), `int64`.
    pub fn indices(shape: &[usize], axis: usize) -> Result<Array> {
        prepare("indices", shape, DType::I64)?;
        if axis >= shape.len() {
            return Err(Error::axis(axis as isize, shape.len()));
        }
        Ok(match direct::coordinates(shape, axis)? {
            Some(done) => done,
            None => {
                Array::from_node(Node::lazy(SmallVec::from_slice(shape), DType::I64, Expr::Coordinate(axis)))
            }
        })
    }

    /// `np.fromfunction`: `f` is given the coordinates, one array per axis.
    pub fn from_function(shape: &[usize], f: impl FnOnce(&[Array]) -> Result<Array>) -> Result<Array> {
        let axes = (0..shape.len())
            .map(|axis| Ok(Array::indices(shape, axis)?.cast_to(DType::F64)))
            .collect::<Result<Vec<_>>>()?;
        f(&axes)
    }
}

/// How many elements `arange` has.
fn range_len(start: Scalar, stop: Scalar, step: Scalar) -> Result<usize> {
    let too_many = || Error::new(Kind::Value, "Maximum allowed size exceeded");
    if let (Some(from), Some(to), Some(by)) = (start.as_i128(), stop.as_i128(), step.as_i128()) {
        let span = if by > 0 { to.checked_sub(from) } else { from.checked_sub(to) };
        let span = span.filter(|_| by != 0).ok_or_else(too_many)?;
        let count = if span > 0 { (span - 1) / by.checked_abs().unwrap_or(i128::MAX) + 1 } else { 0 };
        return isize::try_from(count).map(|n| n as usize).map_err(|_| too_many());
    }
    let is_complex = |s: &Scalar| category(s.dtype()) == crate::dtype::Category::Complex;
    let count = if [start, stop, step].iter().any(is_complex) {
        let steps = (stop.as_c128() - start.as_c128()) / step.as_c128();
        if steps.re.is_nan() || steps.im.is_nan() { f64::NAN } else { steps.re.ceil().min(steps.im.ceil()) }
    } else {
        ((stop.as_f64() - start.as_f64()) / step.as_f64()).ceil()
    };
    if count.is_nan() {
        return Err(Error::new(Kind::Value, "arange: cannot compute length"));
    }
    if count > isize::MAX as f64 { Err(too_many()) } else { Ok(count.max(0.0) as usize) }
}

/// The type of `arange` where none is asked for: at least `int64`, and what holds all three numbers.
fn range_type(numbers: &[Scalar; 3]) -> Result<DType> {
    numbers.iter().try_fold(DType::I64, |dtype, number| Ok(promote(dtype, number.own_type()?)))
}

/// Whether an array of this shape and type may be recorded: the runtime runs, and the heap could hold it if nothing else
/// were there. Decided from what all ranks know alike. An array this large is distributed whatever the threshold.
fn prepare(operation: &str, shape: &[usize], dtype: DType) -> Result<()> {
    session::check(operation)?;
    let len_bytes = checked_size(shape)? as u64 * dtype.size_bytes() as u64;
    if len_bytes <= session::get().limit_bytes {
        return Ok(());
    }
    Err(Error::new(Kind::Memory, format!("{} and data type {dtype}", cannot_allocate(len_bytes, shape))))
}
