"""What all functions need: NumPy's conventions for arguments, and conversion to the class."""

import operator

import numpy

from . import _gain
from ._gain import ndarray

__all__ = ["asanyarray", "asarray", "ndim", "shape", "size"]

# Every ufunc by name.
ufuncs = _gain.UFUNCS
# What NumPy must not be asked about: it would collect all of it.
OURS = (ndarray, _gain.flatiter)
# A keyword that was not given, where None means something.
ABSENT = numpy._NoValue


def extents(shape):
    """A shape argument as a tuple of ints."""
    try:
        shape = (operator.index(shape),)
    except TypeError:
        if isinstance(shape, (tuple, list, ndarray)):
            shape = tuple(map(operator.index, shape))
        else:
            numpy.empty(shape)  # raises what NumPy raises
            raise
    if any(n < 0 for n in shape):
        raise ValueError("negative dimensions are not allowed")
    return shape


def new(make, shape, order):
    """What `make` makes of a shape, for `order=` of a new array."""
    if order in ("C", "c", None) or len(shape) < 2:
        if order not in ("C", "F", "c", "f", None):
            numpy.empty(0, order=order)  # raises what NumPy raises
        return make(shape)
    if order in ("F", "f"):
        return laid(make, shape, range(len(shape))[::-1])
    numpy.empty(0, order=order)  # raises what NumPy raises


def laid(make, shape, order):
    """What `make` makes of a shape, with these axes from the outermost in memory to the innermost (None: as they are)."""
    return make(shape) if order is None else _gain.laid(make(tuple(shape[axis] for axis in order)), list(order))


def axes_tuple(axis, ndim, name=None):
    """An axis argument as a tuple of distinct, nonnegative ints."""
    return numpy.lib.array_utils.normalize_axis_tuple(axis, ndim, name)


def host(device):
    """Refuses devices as NumPy does: there is one, `"cpu"`."""
    if device not in (None, "cpu"):
        numpy.empty(0, device=device)  # raises what NumPy raises


def asarray(a, dtype=None, order=None, *, device=None, copy=None, like=None):
    """`numpy.asarray`: `a` itself if it is an array of this type and order."""
    host(device)
    order = "K" if order is None else order
    made = _gain.convert(a)
    if dtype is not None or order != "K":
        made = made.astype(made.dtype if dtype is None else dtype, order, copy=False)
    if copy and made is a:
        return made.copy(order)
    if copy is False and made is not a:
        raise ValueError("Unable to avoid copy while creating an array as requested.")
    return made


asanyarray = asarray


def shape(a):
    """`numpy.shape`"""
    return _gain.convert(a).shape if isinstance(a, OURS) else numpy.shape(a)


def ndim(a):
    """`numpy.ndim`"""
    return len(shape(a))


def size(a, axis=None):
    """`numpy.size`"""
    extents = shape(a)
    if axis is None:
        return int(numpy.prod(extents, dtype=int))
    return extents[axis] if isinstance(axis, int) else int(numpy.prod([extents[i] for i in axis], dtype=int))
