"""NumPy's functions over the class `ndarray`: arguments by NumPy's conventions, the work in `gain._gain`."""

import operator

import numpy

from . import _gain
from ._gain import ndarray

__all__ = [
    "all", "allclose", "any", "arange", "argmax", "argmin", "array", "array_equal", "asanyarray", "asarray",
    "ascontiguousarray", "atleast_1d", "atleast_2d", "broadcast_arrays", "broadcast_shapes", "broadcast_to", "clip",
    "concatenate", "copy", "copyto", "count_nonzero", "dot", "empty", "empty_like", "expand_dims", "eye", "flip",
    "fliplr", "flipud", "fromfunction", "full", "full_like", "hstack", "identity", "imag", "indices", "inner",
    "isclose", "linspace", "matmul", "max", "mean", "min", "moveaxis", "ndim", "ones", "ones_like", "outer",
    "prod", "ptp", "ravel", "real", "reshape", "result_type", "round", "shape", "size", "squeeze", "stack", "std",
    "sum", "swapaxes", "transpose", "var", "vdot", "vstack", "where", "zeros", "zeros_like",
]

broadcast_shapes = numpy.broadcast_shapes
_ufuncs = _gain.UFUNCS
# What NumPy must not be asked about: it would collect all of it.
_OURS = (ndarray, _gain.flatiter)
_builtin_all, _builtin_any, _builtin_sum = all, any, sum


# --- creation


def _shape(shape):
    """A shape argument as a tuple of ints."""
    try:
        shape = (operator.index(shape),)
    except TypeError:
        if isinstance(shape, (tuple, list, ndarray)):
            shape = tuple(map(operator.index, shape))
        else:
            numpy.empty(shape)  # raises what NumPy raises
            raise
    if _builtin_any(n < 0 for n in shape):
        raise ValueError("negative dimensions are not allowed")
    return shape


def _c_order(order):
    if order not in ("C", "K", "A", None):
        raise NotImplementedError(f"gain stores in C order only, not order='{order}'")


def asarray(a, dtype=None, order=None, *, copy=None):
    """`numpy.asarray`: `a` itself if it is an array of this type."""
    _c_order(order)
    made = _gain.convert(a)
    if dtype is not None:
        made = made.astype(dtype, copy=False)
    if copy and made is a:
        return made.copy()
    if copy is False and made is not a:
        raise ValueError("Unable to avoid copy while creating an array as requested.")
    return made


asanyarray = asarray


def array(object, dtype=None, *, copy=True, order="K", subok=False, ndmin=0):
    """`numpy.array`"""
    made = asarray(object, dtype, order, copy=copy)
    if made.ndim < ndmin:
        made = made.reshape((1,) * (ndmin - made.ndim) + made.shape)
    return made


def ascontiguousarray(a, dtype=None):
    """`numpy.ascontiguousarray`"""
    made = asarray(a, dtype)
    if not made.flags.c_contiguous:
        made = made.copy()
    return made.reshape(1) if made.ndim == 0 else made


def copy(a, order="K", subok=False):
    """`numpy.copy`"""
    return array(a, order=order)


def full(shape, fill_value, dtype=None, order="C"):
    """`numpy.full`"""
    _c_order(order)
    shape = _shape(shape)
    if ndim(fill_value) == 0:
        return _gain.full(shape, fill_value, dtype)
    made = _gain.empty(shape, asarray(fill_value).dtype if dtype is None else dtype)
    made[...] = fill_value
    return made


def zeros(shape, dtype=float, order="C"):
    """`numpy.zeros`"""
    _c_order(order)
    return _gain.full(_shape(shape), 0, float if dtype is None else dtype)


def ones(shape, dtype=None, order="C"):
    """`numpy.ones`"""
    _c_order(order)
    return _gain.full(_shape(shape), 1, float if dtype is None else dtype)


def empty(shape, dtype=float, order="C"):
    """`numpy.empty`: elements have no particular value."""
    _c_order(order)
    return _gain.empty(_shape(shape), dtype)


def full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None):
    """`numpy.full_like`"""
    a = asarray(a)
    made = empty(a.shape if shape is None else shape, a.dtype if dtype is None else dtype, order)
    made[...] = fill_value
    return made


def zeros_like(a, dtype=None, order="K", subok=True, shape=None):
    """`numpy.zeros_like`"""
    a = asarray(a)
    return zeros(a.shape if shape is None else shape, a.dtype if dtype is None else dtype, order)


def ones_like(a, dtype=None, order="K", subok=True, shape=None):
    """`numpy.ones_like`"""
    a = asarray(a)
    return ones(a.shape if shape is None else shape, a.dtype if dtype is None else dtype, order)


def empty_like(prototype, dtype=None, order="K", subok=True, shape=None):
    """`numpy.empty_like`"""
    a = asarray(prototype)
    return empty(a.shape if shape is None else shape, a.dtype if dtype is None else dtype, order)


def arange(start=None, stop=None, step=None, dtype=None):
    """`numpy.arange`"""
    if start is None and stop is None:
        raise TypeError("arange() requires stop to be specified.")
    if stop is None:
        start, stop = 0, start
    if step is not None and step == 0:
        (stop - start) / step  # raises what NumPy raises
    return _gain.arange(0 if start is None else start, stop, 1 if step is None else step, dtype)


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None):
    """`numpy.linspace`, for numbers as ends."""
    num = operator.index(num)
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    made = _gain.linspace(start, stop, num, endpoint, dtype)
    if not retstep:
        return made
    intervals = num - 1 if endpoint else num
    return made, (stop - start) / numpy.float64(intervals) if intervals > 0 else numpy.nan


def eye(N, M=None, k=0, dtype=float, order="C"):
    """`numpy.eye`"""
    _c_order(order)
    rows, columns = operator.index(N), operator.index(N if M is None else M)
    if rows < 0 or columns < 0:
        raise ValueError("negative dimensions are not allowed")
    return _gain.eye(rows, columns, operator.index(k), dtype)


def identity(n, dtype=None):
    """`numpy.identity`"""
    return eye(n, dtype=float if dtype is None else dtype)


def indices(dimensions, dtype=int, sparse=False):
    """`numpy.indices`; the coordinates of each axis are an array of their own in memory."""
    dimensions = _shape(dimensions)
    each = [_gain.indices(dimensions, axis).astype(dtype, copy=False) for axis in range(len(dimensions))]
    return tuple(each) if sparse else stack(each)


def fromfunction(function, shape, *, dtype=float, **keywords):
    """`numpy.fromfunction`"""
    shape = _shape(shape)
    each = [_gain.indices(shape, axis).astype(dtype, copy=False) for axis in range(len(shape))]
    return function(*each, **keywords)


# --- shapes


def shape(a):
    """`numpy.shape`"""
    return _gain.convert(a).shape if isinstance(a, _OURS) else numpy.shape(a)


def ndim(a):
    """`numpy.ndim`"""
    return len(shape(a))


def size(a, axis=None):
    """`numpy.size`"""
    extents = shape(a)
    if axis is None:
        return int(numpy.prod(extents, dtype=int))
    return extents[axis] if isinstance(axis, int) else int(numpy.prod([extents[i] for i in axis], dtype=int))


def reshape(a, /, shape, order="C", *, copy=None):
    """`numpy.reshape`"""
    return asarray(a).reshape(shape, order=order, copy=copy)


def ravel(a, order="C"):
    """`numpy.ravel`"""
    return asarray(a).ravel(order)


def transpose(a, axes=None):
    """`numpy.transpose`"""
    return asarray(a).transpose(axes)


def swapaxes(a, axis1, axis2):
    """`numpy.swapaxes`"""
    return asarray(a).swapaxes(axis1, axis2)


def _axes(axis, ndim, name=None):
    """An axis argument as a tuple of distinct, nonnegative ints."""
    return numpy.lib.array_utils.normalize_axis_tuple(axis, ndim, name)


def moveaxis(a, source, destination):
    """`numpy.moveaxis`"""
    a = asarray(a)
    source, destination = _axes(source, a.ndim, "source"), _axes(destination, a.ndim, "destination")
    if len(source) != len(destination):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    order = [axis for axis in range(a.ndim) if axis not in source]
    for place, axis in sorted(zip(destination, source)):
        order.insert(place, axis)
    return a.transpose(order)


def squeeze(a, axis=None):
    """`numpy.squeeze`"""
    return asarray(a).squeeze(axis)


def expand_dims(a, axis):
    """`numpy.expand_dims`"""
    a = asarray(a)
    axis = axis if isinstance(axis, (tuple, list)) else (axis,)
    new = _axes(axis, len(axis) + a.ndim)
    extents = iter(a.shape)
    return a.reshape([1 if i in new else next(extents) for i in range(a.ndim + len(new))])


def broadcast_to(array, shape, subok=False):
    """`numpy.broadcast_to`"""
    array, shape = asarray(array), _shape(shape)
    return array._broadcast_to(shape)


def broadcast_arrays(*args, subok=False):
    """`numpy.broadcast_arrays`"""
    arrays = [asarray(a) for a in args]
    common = broadcast_shapes(*(a.shape for a in arrays))
    return tuple(a if a.shape == common else a._broadcast_to(common) for a in arrays)


def flip(m, axis=None):
    """`numpy.flip`"""
    m = asarray(m)
    turned = range(m.ndim) if axis is None else _axes(axis, m.ndim)
    return m[tuple(slice(None, None, -1) if i in turned else slice(None) for i in range(m.ndim))]


def flipud(m):
    """`numpy.flipud`"""
    return flip(m, 0)


def fliplr(m):
    """`numpy.fliplr`"""
    return flip(m, 1)


def atleast_1d(*arys):
    """`numpy.atleast_1d`"""
    made = tuple(a if a.ndim >= 1 else a.reshape(1) for a in map(asarray, arys))
    return made[0] if len(made) == 1 else made


def atleast_2d(*arys):
    """`numpy.atleast_2d`"""
    made = tuple(a if a.ndim >= 2 else a.reshape(1, -1) for a in map(asarray, arys))
    return made[0] if len(made) == 1 else made


def concatenate(arrays, /, axis=0, out=None, *, dtype=None, casting="same_kind"):
    """`numpy.concatenate`"""
    arrays = [asarray(a) for a in arrays]
    if not arrays:
        raise ValueError("need at least one array to concatenate")
    if axis is None:
        arrays, axis = [a.ravel() for a in arrays], 0
    first = arrays[0]
    if first.ndim == 0:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    (axis,) = _axes(axis, first.ndim)
    for place, a in enumerate(arrays):
        if a.ndim != first.ndim:
            raise ValueError(
                "all the input array dimensions except for the concatenation axis must match exactly, but along "
                f"dimension 0, the array at index 0 has {first.ndim} dimension(s) and the array at index {place} "
                f"has {a.ndim} dimension(s)"
            )
        for i, (mine, theirs) in enumerate(zip(first.shape, a.shape)):
            if i != axis and mine != theirs:
                raise ValueError(
                    "all the input array dimensions except for the concatenation axis must match exactly, but along "
                    f"dimension {i}, the array at index 0 has size {mine} and the array at index {place} has size "
                    f"{theirs}"
                )
    extents = list(first.shape)
    extents[axis] = _builtin_sum(a.shape[axis] for a in arrays)
    if out is None:
        out = empty(tuple(extents), numpy.result_type(*(a.dtype for a in arrays)) if dtype is None else dtype)
    start = 0
    for a in arrays:
        stop = start + a.shape[axis]
        out[(slice(None),) * axis + (slice(start, stop),)] = a.astype(out.dtype, casting=casting, copy=False)
        start = stop
    return out


def stack(arrays, axis=0, out=None, *, dtype=None, casting="same_kind"):
    """`numpy.stack`"""
    arrays = [asarray(a) for a in arrays]
    if not arrays:
        raise ValueError("need at least one array to stack")
    if len({a.shape for a in arrays}) != 1:
        raise ValueError("all input arrays must have the same shape")
    (axis,) = _axes(axis, arrays[0].ndim + 1)
    key = (slice(None),) * axis + (None,)
    return concatenate([a[key] for a in arrays], axis, out, dtype=dtype, casting=casting)


def vstack(tup, *, dtype=None, casting="same_kind"):
    """`numpy.vstack`"""
    return concatenate([atleast_2d(a) for a in tup], 0, dtype=dtype, casting=casting)


def hstack(tup, *, dtype=None, casting="same_kind"):
    """`numpy.hstack`"""
    arrays = [atleast_1d(a) for a in tup]
    axis = 0 if arrays and arrays[0].ndim == 1 else 1
    return concatenate(arrays, axis, dtype=dtype, casting=casting)


# --- reductions


def _given(**keywords):
    """The keywords that were given."""
    return {key: value for key, value in keywords.items() if value is not None and value is not numpy._NoValue}


_ABSENT = numpy._NoValue


def sum(a, axis=None, dtype=None, out=None, keepdims=False, initial=_ABSENT, where=_ABSENT):
    """`numpy.sum`"""
    return asarray(a).sum(axis, dtype, out, bool(keepdims), **_given(initial=initial, where=where))


def prod(a, axis=None, dtype=None, out=None, keepdims=False, initial=_ABSENT, where=_ABSENT):
    """`numpy.prod`"""
    return asarray(a).prod(axis, dtype, out, bool(keepdims), **_given(initial=initial, where=where))


def min(a, axis=None, out=None, keepdims=False, initial=_ABSENT, where=_ABSENT):
    """`numpy.min`"""
    return asarray(a).min(axis, out, bool(keepdims), **_given(initial=initial, where=where))


def max(a, axis=None, out=None, keepdims=False, initial=_ABSENT, where=_ABSENT):
    """`numpy.max`"""
    return asarray(a).max(axis, out, bool(keepdims), **_given(initial=initial, where=where))


def any(a, axis=None, out=None, keepdims=False, *, where=_ABSENT):
    """`numpy.any`"""
    return asarray(a).any(axis, out, bool(keepdims), **_given(where=where))


def all(a, axis=None, out=None, keepdims=False, *, where=_ABSENT):
    """`numpy.all`"""
    return asarray(a).all(axis, out, bool(keepdims), **_given(where=where))


def mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=_ABSENT):
    """`numpy.mean`"""
    return asarray(a).mean(axis, dtype, out, bool(keepdims), **_given(where=where))


def argmin(a, axis=None, out=None, *, keepdims=False):
    """`numpy.argmin`"""
    return asarray(a).argmin(axis, out, keepdims=bool(keepdims))


def argmax(a, axis=None, out=None, *, keepdims=False):
    """`numpy.argmax`"""
    return asarray(a).argmax(axis, out, keepdims=bool(keepdims))


def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
    """`numpy.var`"""
    a = asarray(a)
    if dtype is None and a.dtype.kind in "iub":
        dtype = numpy.float64
    difference = a - a.mean(axis, dtype, None, True)
    if difference.dtype.kind == "c":
        difference = _ufuncs["absolute"](difference)
    count = a.size if axis is None else numpy.prod([a.shape[i] for i in _axes(axis, a.ndim)], dtype=int)
    total = (difference * difference).sum(axis, dtype, out, bool(keepdims))
    return _ufuncs["divide"](total, total.dtype.type(count - ddof))


def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
    """`numpy.std`"""
    return _ufuncs["sqrt"](var(a, axis, dtype, out, ddof, keepdims))


def ptp(a, axis=None, out=None, keepdims=False):
    """`numpy.ptp`"""
    a = asarray(a)
    return _ufuncs["subtract"](a.max(axis, None, keepdims), a.min(axis, None, keepdims), *([] if out is None else [out]))


def count_nonzero(a, axis=None, *, keepdims=False):
    """`numpy.count_nonzero`"""
    return (asarray(a) != 0).sum(axis, None, None, keepdims)


# --- products


def dot(a, b, out=None):
    """`numpy.dot`, for operands of up to two axes."""
    if ndim(a) == 0 and ndim(b) == 0 and not isinstance(a, _OURS) and not isinstance(b, _OURS):
        return numpy.dot(a, b)
    return asarray(a).dot(b, out)


def matmul(x1, x2, /, out=None):
    """`numpy.matmul`, for operands of one or two axes."""
    if ndim(x1) == 0 or ndim(x2) == 0:
        return numpy.matmul(numpy.zeros(shape(x1)), numpy.zeros(shape(x2)))  # raises what NumPy raises
    made = asarray(x1) @ asarray(x2)
    if out is None:
        return made
    out[...] = made
    return out


def vdot(a, b, /):
    """`numpy.vdot`"""
    return asarray(a).conj().ravel().dot(asarray(b).ravel())


def inner(a, b, /):
    """`numpy.inner`"""
    a, b = asarray(a), asarray(b)
    return a * b if a.ndim == 0 or b.ndim == 0 else a.dot(b.T)


def outer(a, b, out=None):
    """`numpy.outer`"""
    return _ufuncs["multiply"](asarray(a).ravel()[:, None], asarray(b).ravel()[None], *([] if out is None else [out]))


# --- elementwise


def where(condition, x=_ABSENT, y=_ABSENT, /):
    """`numpy.where` with three arguments."""
    if x is _ABSENT and y is _ABSENT:
        raise NotImplementedError("gain has no nonzero(), which where(condition) is")
    if x is _ABSENT or y is _ABSENT:
        raise ValueError("either both or neither of x and y should be given")
    return _gain.select(condition, x, y)


def clip(a, a_min=_ABSENT, a_max=_ABSENT, out=None, *, min=_ABSENT, max=_ABSENT, **keywords):
    """`numpy.clip`"""
    low = min if a_min is _ABSENT else a_min
    high = max if a_max is _ABSENT else a_max
    made = asarray(a)
    if low is not None and low is not _ABSENT:
        made = _ufuncs["maximum"](made, low, **keywords)
    if high is not None and high is not _ABSENT:
        made = _ufuncs["minimum"](made, high, **keywords)
    if out is None:
        return made.copy() if made is a else made
    out[...] = made
    return out


def round(a, decimals=0, out=None):
    """`numpy.round`"""
    a = asarray(a)
    if a.dtype.kind in "iub" and decimals >= 0:
        made = a.copy()
    elif decimals == 0:
        made = _ufuncs["rint"](a)
    elif decimals > 0:
        made = _ufuncs["rint"](a * 10.0**decimals) / 10.0**decimals
    else:
        made = (_ufuncs["rint"](a / 10.0**-decimals) * 10.0**-decimals).astype(a.dtype, copy=False)
    if out is None:
        return made
    out[...] = made
    return out


def real(val):
    """`numpy.real`"""
    return asarray(val).real


def imag(val):
    """`numpy.imag`"""
    return asarray(val).imag


def isclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    """`numpy.isclose`"""
    a, b = asarray(a), asarray(b)
    if b.dtype.kind in "biu":
        b = b.astype(float)
    near = (_ufuncs["absolute"](a - b) <= atol + rtol * _ufuncs["absolute"](b)) & _ufuncs["isfinite"](b) | (a == b)
    return near | (_ufuncs["isnan"](a) & _ufuncs["isnan"](b)) if equal_nan else near


def allclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    """`numpy.allclose`"""
    return bool(_ufuncs["logical_and"].reduce(asarray(isclose(a, b, rtol, atol, equal_nan)), None))


def array_equal(a1, a2, equal_nan=False):
    """`numpy.array_equal`"""
    a1, a2 = asarray(a1), asarray(a2)
    if a1.shape != a2.shape:
        return False
    same = asarray(a1 == a2)
    if equal_nan:
        same = same | (_ufuncs["isnan"](a1) & _ufuncs["isnan"](a2))
    return bool(asarray(same).all())


def copyto(dst, src, casting="same_kind", where=True):
    """`numpy.copyto`"""
    src = asarray(src).astype(dst.dtype, casting=casting, copy=False)
    dst[...] = src if where is True else _gain.select(where, src, dst)


def result_type(*arrays_and_dtypes):
    """`numpy.result_type`"""
    return numpy.result_type(*(a.dtype if isinstance(a, ndarray) else a for a in arrays_and_dtypes))


# --- what the class calls


class Flags:
    """`ndarray.flags`: what there is to know of the layout."""

    def __init__(self, array):
        extents, item = array.shape, array.itemsize

        def consecutive(axes):
            step = item
            for axis in axes:
                if extents[axis] != 1 and array.strides[axis] != step:
                    return False
                step *= extents[axis]
            return True

        axes = range(len(extents))
        self.c_contiguous = array.size == 0 or consecutive(reversed(axes))
        self.f_contiguous = array.size == 0 or consecutive(axes)
        self.owndata = array.base is None
        self.writeable = array.size <= 1 or _builtin_all(s != 0 or n == 1 for n, s in zip(extents, array.strides))
        self.aligned = True

    def __getitem__(self, name):
        return getattr(self, {"C": "c_contiguous", "F": "f_contiguous", "W": "writeable"}.get(name, name.lower()))

    def __repr__(self):
        return "\n".join(f"  {name.upper()} : {value}" for name, value in vars(self).items())


# What is a method of ndarray and has no need to be quick.
METHODS = {"clip": clip, "round": round, "std": std, "var": var}


def iterate(array):
    """Items along the first axis; elements of one axis are read in blocks, not one by one."""
    if array.ndim > 1:
        for i in range(len(array)):
            yield array[i]
    else:
        for start in range(0, len(array), 65536):
            yield from array[start : start + 65536].numpy()


def dispatch_ufunc(ufunc, method, inputs, keywords):
    """NumPy's ufunc on our arrays is ours; an `out` that is NumPy's receives a copy."""
    ours = _ufuncs.get(ufunc.__name__)
    if ours is None and ufunc is numpy.matmul and method == "__call__":
        ours = matmul
    if ours is None or method not in ("__call__", "reduce"):
        return NotImplemented
    call = ours if method == "__call__" else ours.reduce
    keywords = dict(keywords or {})
    out = keywords.pop("out", None)
    if out is None:
        return call(*inputs, **keywords)
    if _builtin_all(o is None or isinstance(o, ndarray) for o in out):
        return call(*inputs, out=out if method == "__call__" and ours is not matmul else out[0], **keywords)
    mask = keywords.pop("where", True)
    made = call(*inputs, **keywords)
    made = made if isinstance(made, tuple) else (made,)
    for target, value in zip(out, made):
        numpy.copyto(target, numpy.asarray(value), where=numpy.asarray(mask))
    return out[0] if len(out) == 1 else out


def dispatch_function(function, arguments, keywords):
    """NumPy's function on our arrays is ours, if there is one of that name."""
    import gain

    if function.__module__ != "numpy" or function.__name__ not in vars(gain):
        return NotImplemented
    return getattr(gain, function.__name__)(*arguments, **keywords)
