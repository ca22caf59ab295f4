"""NumPy's functions on shapes: views where NumPy gives views, and joining."""

import numpy

from . import _gain
from ._base import asarray, axes_tuple, axis_index, axis_number, extents, laid, ndim
from ._creation import empty
from ._gain import ndarray

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays", "broadcast_shapes", "broadcast_to", "concatenate",
    "expand_dims", "flip", "fliplr", "flipud", "hstack", "matrix_transpose", "moveaxis", "ravel", "reshape", "rollaxis",
    "rot90", "squeeze", "stack", "swapaxes", "transpose", "vstack",
]

broadcast_shapes = numpy.broadcast_shapes
# NumPy joins no more arrays at once.
CASTINGS = "no", "equiv", "safe", "same_kind", "unsafe"
MOST_JOINED = 2**31 - 1


def reshape(a, /, shape, order="C", *, copy=None):
    """`numpy.reshape`"""
    return asarray(a).reshape(shape, order=order, copy=copy)


def ravel(a, order="C"):
    """`numpy.ravel`"""
    return asarray(a).ravel(order)


def transpose(a, axes=None):
    """`numpy.transpose`"""
    a = asarray(a)
    try:
        return a.transpose(axes)
    except TypeError:
        numpy.broadcast_to(numpy.int8(0), a.shape).transpose(axes)  # raises what NumPy raises
        raise


def swapaxes(a, axis1, axis2):
    """`numpy.swapaxes`"""
    return asarray(a).swapaxes(axis1, axis2)


def moveaxis(a, source, destination):
    """`numpy.moveaxis`"""
    a = asarray(a)
    source, destination = axes_tuple(source, a.ndim, "source"), axes_tuple(destination, a.ndim, "destination")
    if len(source) != len(destination):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    order = [axis for axis in range(a.ndim) if axis not in source]
    for place, axis in sorted(zip(destination, source)):
        order.insert(place, axis)
    return a.transpose(order)


def rollaxis(a, axis, start=0):
    """`numpy.rollaxis`"""
    axes = list(range(a.ndim))
    axis = numpy.lib.array_utils.normalize_axis_index(axis, len(axes))
    first = start + len(axes) if start < 0 else start
    if not 0 <= first <= len(axes):
        raise numpy.exceptions.AxisError(
            f"'start' arg requires {-len(axes)} <= start < {len(axes) + 1}, but {first} was passed in"
        )
    axes.insert(first - (axis < first), axes.pop(axis))
    return asarray(a).transpose(axes)


def matrix_transpose(x, /):
    """`numpy.matrix_transpose`"""
    x = asarray(x)
    if x.ndim < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {x.ndim}")
    return x.swapaxes(-1, -2)


def squeeze(a, axis=None):
    """`numpy.squeeze`"""
    return asarray(a).squeeze(axis)


def expand_dims(a, axis):
    """`numpy.expand_dims`"""
    a = asarray(a)
    axis = axis if isinstance(axis, (tuple, list)) else (axis,)
    new = axes_tuple(axis, len(axis) + a.ndim)
    old = iter(a.shape)
    return a.reshape([1 if i in new else next(old) for i in range(a.ndim + len(new))])


def _of_class(a, subok):
    """An array, of a subclass if that is wanted."""
    a = asarray(a)
    return a if subok or type(a) is ndarray else a.view(ndarray)


def broadcast_to(array, shape, subok=False):
    """`numpy.broadcast_to`"""
    array, given = _of_class(array, subok), shape
    try:
        shape = extents(shape)
    except ValueError:
        numpy.broadcast_to(0, given)  # raises what NumPy raises
        raise
    return array._broadcast_to(shape)


def broadcast_arrays(*args, subok=False):
    """`numpy.broadcast_arrays`"""
    arrays = [_of_class(a, subok) for a in args]
    common = broadcast_shapes(*(a.shape for a in arrays))
    return tuple(a if a.shape == common else a._broadcast_to(common) for a in arrays)


def flip(m, axis=None):
    """`numpy.flip`"""
    m = asarray(m)
    turned = range(m.ndim) if axis is None else axes_tuple(axis, m.ndim)
    return m[tuple(slice(None, None, -1) if i in turned else slice(None) for i in range(m.ndim))]


def flipud(m):
    """`numpy.flipud`"""
    if ndim(m) < 1:
        raise ValueError("Input must be >= 1-d.")
    return flip(m, 0)


def fliplr(m):
    """`numpy.fliplr`"""
    if ndim(m) < 2:
        raise ValueError("Input must be >= 2-d.")
    return flip(m, 1)


def rot90(m, k=1, axes=(0, 1)):
    """`numpy.rot90`: a view."""
    axes = tuple(axes)
    if len(axes) != 2:
        raise ValueError("len(axes) must be 2.")
    m, (one, two) = asarray(m), axes
    if one == two or abs(one - two) == m.ndim:
        raise ValueError("Axes must be different.")
    if not all(-m.ndim <= axis < m.ndim for axis in axes):
        raise ValueError(f"Axes={axes} out of range for array of ndim={m.ndim}.")
    k %= 4
    if k == 0:
        return m[:]
    if k == 2:
        return flip(m, axes)
    return flip(m, two).swapaxes(one, two) if k == 1 else flip(m.swapaxes(one, two), two)


def atleast_1d(*arys):
    """`numpy.atleast_1d`"""
    made = tuple(a if a.ndim >= 1 else a.reshape(1) for a in map(asarray, arys))
    return made[0] if len(made) == 1 else made


def atleast_2d(*arys):
    """`numpy.atleast_2d`"""
    made = tuple(a if a.ndim >= 2 else a.reshape(1, -1) for a in map(asarray, arys))
    return made[0] if len(made) == 1 else made


def atleast_3d(*arys):
    """`numpy.atleast_3d`"""
    made = tuple(a if a.ndim >= 3 else a.reshape((1,) * (2 - a.ndim) + a.shape + (1,)) for a in map(asarray, arys))
    return made[0] if len(made) == 1 else made


def sequence(arrays):
    """What is to be stacked, which mustn't be an iterator."""
    if not hasattr(arrays, "__getitem__"):
        raise TypeError('arrays to stack must be passed as a "sequence" type such as list or tuple.')
    return arrays


def concatenate(arrays, /, axis=0, out=None, *, dtype=None, casting="same_kind"):
    """`numpy.concatenate`"""
    if out is dtype is None and type(axis) is int and casting in CASTINGS:
        made = _gain.joined_few(arrays, axis)
        if made is not None:
            return made
    if type(arrays) not in (tuple, list) and not (hasattr(arrays, "__getitem__") and hasattr(arrays, "__len__")):
        raise TypeError("The first input argument needs to be a sequence")
    if len(arrays) > MOST_JOINED:
        raise ValueError(f"concatenate() only supports up to {MOST_JOINED} arrays but got {len(arrays)}.")
    if casting not in CASTINGS:
        raise ValueError(f"casting must be one of {', '.join(map(repr, CASTINGS))} (got '{casting}')")
    if out is not None and dtype is not None:
        raise TypeError("concatenate() only takes `out` or `dtype` as an argument, but both were provided.")
    given = arrays
    arrays = [a if type(a) is ndarray else asarray(a) for a in arrays]
    if not arrays:
        raise ValueError("need at least one array to concatenate")
    if axis is None:
        if out is dtype is None and any(type(a) in (int, float, complex) for a in given):
            # Python's numbers take the type of what stands beside them.
            dtype = numpy.result_type(*(a if type(a) in (int, float, complex) else b.dtype for a, b in zip(given, arrays)))
        arrays, axis = [a.ravel() for a in arrays], 0
    shape, kind = arrays[0].shape, arrays[0].dtype
    if not shape:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    if isinstance(axis, bool):
        raise TypeError("an integer is required for the axis")
    axis = axis_number(axis, len(shape))
    before, after = shape[:axis], shape[axis + 1:]
    length, alike = 0, True
    for a in arrays:
        extents = a.shape
        if len(extents) != len(shape) or extents[:axis] != before or extents[axis + 1:] != after:
            raise ValueError(_mismatch(arrays, axis))
        length += extents[axis]
        alike &= a.dtype is kind
    joined = (*before, length, *after)
    if out is not None:
        if out.shape != joined:
            raise ValueError(f"Output array {'is the wrong shape' if out.ndim == len(joined) else 'has wrong dimensionality'}")
        kind = out.dtype
    else:
        if dtype is not None:
            kind = numpy.dtype(dtype)
        elif not alike:
            kind = numpy.result_type(*(a.dtype for a in arrays))
        order = None if len(shape) == 1 else _gain.joined_order(arrays)
        out = empty(joined, kind) if order is None else laid(lambda shape: empty(shape, kind), joined, order)
    if not alike or kind is not arrays[0].dtype:
        # All are refused before anything is written.
        arrays = [a.astype(kind, casting=casting, copy=False) for a in arrays]
    start, key = 0, (slice(None),) * axis
    for a in arrays:
        stop = start + a.shape[axis]
        out[(*key, slice(start, stop))] = a
        start = stop
    return out


def _mismatch(arrays, axis):
    """What is wrong with the shapes of arrays that are to be joined."""
    first = arrays[0]
    for place, a in enumerate(arrays):
        if a.ndim != first.ndim:
            return (
                "all the input arrays must have same number of dimensions, but the array at index 0 has "
                f"{first.ndim} dimension(s) and the array at index {place} has {a.ndim} dimension(s)"
            )
        for i, (mine, theirs) in enumerate(zip(first.shape, a.shape)):
            if i != axis and mine != theirs:
                return (
                    "all the input array dimensions except for the concatenation axis must match exactly, but along "
                    f"dimension {i}, the array at index 0 has size {mine} and the array at index {place} has size "
                    f"{theirs}"
                )


def stack(arrays, axis=0, out=None, *, dtype=None, casting="same_kind"):
    """`numpy.stack`"""
    arrays = [asarray(a) for a in sequence(arrays)]
    if not arrays:
        raise ValueError("need at least one array to stack")
    if len({a.shape for a in arrays}) != 1:
        raise ValueError("all input arrays must have the same shape")
    axis = axis_index(axis, arrays[0].ndim + 1)
    key = (slice(None),) * axis + (None,)
    return concatenate([a[key] for a in arrays], axis, out, dtype=dtype, casting=casting)


def vstack(tup, *, dtype=None, casting="same_kind"):
    """`numpy.vstack`"""
    return concatenate([atleast_2d(a) for a in sequence(tup)], 0, dtype=dtype, casting=casting)


def hstack(tup, *, dtype=None, casting="same_kind"):
    """`numpy.hstack`"""
    arrays = [atleast_1d(a) for a in sequence(tup)]
    axis = 0 if arrays and arrays[0].ndim == 1 else 1
    return concatenate(arrays, axis, dtype=dtype, casting=casting)
