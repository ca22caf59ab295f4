//! The class `ndarray`: indexing, shapes and views of it. Slicing moves nothing; `reshape` copies where NumPy does.

use crate::convert::{self, compute, result};
use crate::creation::too_many;
use crate::elements::Elements;
use crate::error::OrRaise;
use crate::flag::Copying;
use crate::index::{self, Key};
use crate::ndarray::{NdArray, axes};
use crate::numpy::Numpy;
use crate::pick::Picks;
use crate::subclass::like;
use gain::view::Index;
use gain::{DType, Item, Layout};
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyTuple, PyType};

/// `f(3, 4)` and `f((3, 4))` alike.
fn spread(arguments: &Bound<'_, PyTuple>) -> PyResult<Vec<isize>> {
    let has_bool =
        |items: &Bound<'_, PyTuple>| items.iter_borrowed().any(|item| item.is_instance_of::<PyBool>());
    if has_bool(arguments) && arguments.len() > 1 {
        return Err(PyTypeError::new_err("an integer is required"));
    }
    if arguments.len() == 1 {
        let only = arguments.get_item(0)?;
        if only.is_instance_of::<PyBool>() {
            let text = format!("expected a sequence of integers or a single integer, got '{only}'");
            return Err(PyTypeError::new_err(text));
        }
        if only.cast::<PyTuple>().is_ok_and(has_bool) {
            return Err(PyTypeError::new_err("an integer is required"));
        }
        return match only.extract::<isize>() {
            Ok(n) => Ok(vec![n]),
            Err(error) if error.is_instance_of::<PyOverflowError>(only.py()) => {
                Err(too_many(only.py(), error))
            }
            Err(_) => only.extract().map_err(|error| too_many(only.py(), error)),
        };
    }
    let mut extents = Vec::with_capacity(arguments.len());
    for item in arguments.iter_borrowed() {
        extents.push(item.extract::<isize>().map_err(|error| too_many(arguments.py(), error))?);
    }
    Ok(extents)
}

/// # Shapes and views
#[pymethods]
impl NdArray {
    fn __getitem__<'py>(slf: &Bound<'py, Self>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let me = slf.try_borrow()?;
        if let Some(x) = index::coordinates(key).and_then(|at| me.array.element_at_hand(&at)) {
            return Numpy::scalar(slf.py(), x);
        }
        if key.cast::<PyTuple>().is_err() {
            // One item: the common case, without a list of them.
            if let Ok(index) = key.cast_exact::<NdArray>()
                && slf.is_exact_instance_of::<NdArray>()
            {
                let index = index.try_borrow()?;
                let (array, index) = (&me.array, &index.array);
                if index.ndim() > 0 && index.dtype() != DType::Bool {
                    let made = compute(slf.py(), &[array], || array.picked(&[Item::Array(index)]))?;
                    return Ok(Bound::new(slf.py(), NdArray::new(made))?.into_any());
                }
            }
            let Some(item) = index::basic(key)? else { return picked(slf, key) };
            let array = me.array.index(&[item]).or_raise()?;
            if array.ndim() == 0 && matches!(item, Index::At(_)) {
                drop(me);
                return result(slf.py(), array);
            }
            let made = me.handle(slf, array);
            drop(me);
            return Ok(like(slf, made)?.into_any());
        }
        let Some(key) = Key::parse(key)? else { return picked(slf, key) };
        let array = me.array.index(&key.items).or_raise()?;
        drop(me);
        if key.is_element && array.ndim() == 0 {
            return result(slf.py(), array);
        }
        Ok(NdArray::derived(slf, array)?.into_any())
    }

    fn __setitem__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let me = slf.try_borrow()?;
        if !me.is_flagged_writeable() {
            return me.writable("assignment destination is read-only");
        }
        if let Some(at) = index::coordinates(key)
            && let Some(x) = convert::typed(value)?
            && me.array.set_element_at_hand(&at, x)
        {
            return Ok(());
        }
        let parsed = Key::parse(key)?;
        if me.overlaps() {
            let region = parsed.as_ref().map(|key| me.array.index(&key.items)).transpose().or_raise()?;
            if region.is_none_or(|region| region.view().overlaps()) {
                drop(me);
                let assign = slf.py().import("gain._strides")?.getattr("assign")?;
                return assign.call1((slf, key, value)).map(drop);
            }
        }
        match parsed {
            Some(key) => index::assign(&me.array, &key, value),
            None => Picks::parse(key)?.set(&me.array, value),
        }
    }

    fn __delitem__(&self, _key: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(PyValueError::new_err("cannot delete array elements"))
    }

    #[pyo3(signature = (*shape, order = None, copy = Copying(None)))]
    fn reshape<'py>(
        slf: &Bound<'py, Self>,
        shape: &Bound<'py, PyTuple>,
        order: Option<&str>,
        copy: Copying,
    ) -> PyResult<Bound<'py, NdArray>> {
        let Copying(copy) = copy;
        if shape.is_empty() {
            return Err(PyTypeError::new_err("reshape() takes exactly 1 argument (0 given)"));
        }
        let layout = layout(order, Layout::C)?;
        if layout == Layout::K {
            return Err(PyValueError::new_err("order 'K' is not permitted for reshaping"));
        }
        let shape = spread(shape)?;
        let me = slf.try_borrow()?;
        if layout == Layout::C && copy.is_none() && me.array.is_contiguous() {
            let made = me.handle(slf, me.array.reshape(&shape).or_raise()?);
            drop(me);
            return like(slf, made);
        }
        let mine = me.array.clone();
        drop(me);
        let mut array = compute(slf.py(), &[&mine], || mine.reshape_in(&shape, layout))?;
        match (copy, array.base_id() == mine.base_id()) {
            (Some(false), false) => {
                return Err(PyValueError::new_err("Unable to avoid creating a copy while reshaping."));
            }
            (Some(true), true) => array = compute(slf.py(), &[&mine], || array.copy_in(Layout::K))?,
            _ => {}
        }
        NdArray::derived(slf, array)
    }

    #[pyo3(signature = (order = None))]
    fn ravel<'py>(slf: &Bound<'py, Self>, order: Option<&str>) -> PyResult<Bound<'py, NdArray>> {
        let layout = layout(order, Layout::C)?;
        let me = slf.try_borrow()?;
        if layout == Layout::C && me.array.is_contiguous() {
            let made = me.handle(slf, me.array.ravel().or_raise()?);
            drop(me);
            return like(slf, made);
        }
        let mine = me.array.clone();
        drop(me);
        let array = compute(slf.py(), &[&mine], || mine.ravel_in(layout))?;
        NdArray::derived(slf, array)
    }

    #[pyo3(signature = (order = None))]
    fn flatten<'py>(slf: &Bound<'py, Self>, order: Option<&str>) -> PyResult<Bound<'py, NdArray>> {
        let layout = layout(order, Layout::C)?;
        let array = slf.try_borrow()?.array.clone();
        like(slf, NdArray::new(compute(slf.py(), &[&array], || array.ravel_in(layout)?.copy())?))
    }

    #[pyo3(signature = (*axes))]
    fn transpose<'py>(slf: &Bound<'py, Self>, axes: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, NdArray>> {
        let none = axes.is_empty() || (axes.len() == 1 && axes.get_item(0)?.is_none());
        let order = if none { None } else { Some(spread(axes)?) };
        let array = slf.try_borrow()?.array.transpose(order.as_deref()).or_raise()?;
        NdArray::derived(slf, array)
    }

    fn swapaxes<'py>(slf: &Bound<'py, Self>, axis1: isize, axis2: isize) -> PyResult<Bound<'py, NdArray>> {
        let mine = slf.try_borrow()?.array.clone();
        let ndim = mine.ndim() as isize;
        let place = |axis: isize, name: &str| match axis {
            axis if axis < -ndim || axis >= ndim => Err(gain::Error::new(
                gain::error::Kind::Axis,
                format!("{name}: axis {axis} is out of bounds for array of dimension {ndim}"),
            )),
            axis => Ok(axis.rem_euclid(ndim) as usize),
        };
        let mut order: Vec<isize> = (0..ndim).collect();
        order.swap(place(axis1, "axis1").or_raise()?, place(axis2, "axis2").or_raise()?);
        NdArray::derived(slf, mine.transpose(Some(&order)).or_raise()?)
    }

    #[pyo3(signature = (axis = None))]
    fn squeeze<'py>(
        slf: &Bound<'py, Self>,
        axis: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, NdArray>> {
        let me = slf.try_borrow()?;
        // (Of no axes one may be named, by a number alone.)
        let is_spared =
            me.array.ndim() == 0 && axis.is_some_and(|axis| matches!(axis.extract::<isize>(), Ok(0 | -1)));
        let axes = if is_spared { None } else { axes(axis)? };
        let array = me.array.squeeze(axes.as_deref()).or_raise()?;
        drop(me);
        NdArray::derived(slf, array)
    }

    /// `numpy.broadcast_to(self, shape)`, read-only; Python's `broadcast_to` calls it.
    fn _broadcast_to<'py>(slf: &Bound<'py, Self>, shape: Vec<usize>) -> PyResult<Bound<'py, NdArray>> {
        let array = slf.try_borrow()?.array.broadcast_to(&shape).or_raise()?;
        let made = NdArray::derived(slf, array)?;
        made.try_borrow_mut()?.set_writeable(slf.py(), false)?;
        Ok(made)
    }

    /// `numpy.lib.stride_tricks.as_strided(self, shape, strides)`
    fn _strided<'py>(
        slf: &Bound<'py, Self>,
        shape: Vec<usize>,
        strides: Vec<isize>,
    ) -> PyResult<Bound<'py, NdArray>> {
        let array = slf.try_borrow()?.array.strided(&shape, &strides).or_raise()?;
        NdArray::derived(slf, array)
    }

    /// Changes shape and size in place: `gain._class.resized` makes the new elements, and refuses, for how many the object is
    /// referred to, what NumPy refuses.
    #[pyo3(signature = (*new_shape, refcheck = None))]
    fn resize(
        slf: &Bound<'_, Self>,
        new_shape: &Bound<'_, PyTuple>,
        refcheck: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        // SAFETY: `slf` is a live object, and the interpreter's lock is held.
        let count = unsafe { pyo3::ffi::Py_REFCNT(slf.as_ptr()) };
        let is_checked = refcheck.map_or(Ok(true), |flag| flag.is_truthy())?;
        let resized = slf.py().import("gain._class")?.getattr("resized")?;
        let made = resized.call1((slf, new_shape, if is_checked { count } else { 0 }))?;
        if !made.is_none() {
            Self::_become(slf, made.cast::<NdArray>()?)?;
        }
        Ok(())
    }

    /// The object gets the array of another one.
    fn _become(slf: &Bound<'_, Self>, other: &Bound<'_, NdArray>) -> PyResult<()> {
        let array = other.try_borrow()?.array.clone();
        slf.try_borrow_mut()?.become_array(array);
        Ok(())
    }

    /// Another array object that shows the same elements, or the same memory as elements of another type; as an instance of
    /// a subclass if one is given.
    #[pyo3(signature = (dtype = None, r#type = None))]
    fn view<'py>(
        slf: &Bound<'py, Self>,
        dtype: Option<&Bound<'py, PyAny>>,
        r#type: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, NdArray>> {
        let py = slf.py();
        let ours = |object: &Bound<'py, PyAny>| -> PyResult<Option<Bound<'py, PyType>>> {
            let Ok(class) = object.cast::<PyType>() else { return Ok(None) };
            if class.is_subclass(Numpy::get(py).ndarray.bind(py))? {
                return Ok(Some(py.get_type::<NdArray>()));
            }
            Ok(class.is_subclass_of::<NdArray>()?.then(|| class.clone()))
        };
        let mut class = None;
        if let Some(object) = r#type.filter(|class| !class.is_none()) {
            class = ours(object)?;
            if class.is_none() {
                return Err(PyValueError::new_err("Type must be a sub-type of ndarray type"));
            }
        }
        let mut array = slf.try_borrow()?.array.clone();
        if let Some(object) = dtype {
            match ours(object)? {
                Some(found) => class = class.or(Some(found)),
                None => {
                    if let Some(dtype) = Numpy::parse_dtype(object)? {
                        array = array.view_as(dtype).or_raise()?;
                    }
                }
            }
        }
        match class {
            Some(class) => NdArray::derived_as(slf, array, &class),
            None => NdArray::derived(slf, array),
        }
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let array = slf.try_borrow()?.array.clone();
        match array.ndim() {
            0 => return Err(PyTypeError::new_err("iteration over a 0-d array")),
            1 => return Ok(Bound::new(slf.py(), Elements::new(array))?.into_any()),
            _ => {}
        }
        slf.py().import("gain._class")?.getattr("iterate")?.call1((slf,))
    }
}

/// `slf[key]` where the key has arrays in it.
fn picked<'py>(slf: &Bound<'py, NdArray>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let array = slf.try_borrow()?.array.clone();
    let picks = Picks::parse(key)?;
    let made = picks.get(slf.py(), &array)?;
    if made.ndim() == 0 && picks.are_places() {
        return result(slf.py(), made);
    }
    if slf.is_exact_instance_of::<NdArray>() {
        return Ok(Bound::new(slf.py(), NdArray::new(made))?.into_any());
    }
    // What a subclass shows is the copy.
    let copy = Bound::new(slf.py(), NdArray::new(made.clone()))?.into_any().unbind();
    Ok(like(slf, NdArray::over(made, copy, true))?.into_any())
}

/// `order=`, which is `default` where it isn't given.
pub(crate) fn layout(order: Option<&str>, default: Layout) -> PyResult<Layout> {
    let Some(name) = order else { return Ok(default) };
    Layout::from_name(name).ok_or_else(|| {
        PyValueError::new_err(format!("order must be one of 'C', 'F', 'A', or 'K' (got '{name}')"))
    })
}
