"""What all functions need: NumPy's conventions for arguments, and conversion to the class."""

import functools

import operator

import numpy

from . import _gain
from ._gain import ndarray

__all__ = ["ndim", "shape", "size"]

# Every ufunc by name.
ufuncs = _gain.UFUNCS
# What NumPy must not be asked about: it would collect all of it.
OURS = (ndarray, _gain.flatiter)
# A keyword that was not given, where None means something.
ABSENT = numpy._NoValue


# A shape argument as a tuple of ints.
extents = _gain.extents


def like(made, model):
    """`made`, as an array of the class of `model`, from which it was made."""
    made = made.view(type(model))
    if made.__array_finalize__ is not None:
        made.__array_finalize__(model)
    return made


def of_class(function, kinds=(ndarray, numpy.generic)):
    """`function`, whose results of these kinds are of the class of its array if that is a subclass."""

    @functools.wraps(function)
    def call(a, *arguments, **keywords):
        made = function(a, *arguments, **keywords)
        if type(a) is ndarray or not isinstance(a, ndarray) or not isinstance(made, kinds):
            return made
        return like(made if isinstance(made, ndarray) else _gain.convert(made), a)

    return call


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
    if type(axis) is int and -ndim <= axis < ndim:
        return (axis % ndim,)
    return numpy.lib.array_utils.normalize_axis_tuple(axis, ndim, name)


# One axis as functions that NumPy has in Python take it.
axis_index = numpy.lib.array_utils.normalize_axis_index


def axis_number(axis, ndim):
    """One axis as functions that NumPy has in C take it."""
    if isinstance(axis, bool):
        raise TypeError("an integer is required for the axis")
    return axis_index(operator.index(axis), ndim)


def host(device):
    """Refuses devices as NumPy does: there is one, `"cpu"`."""
    if device not in (None, "cpu"):
        numpy.empty(0, device=device)  # raises what NumPy raises


# Classes whose instances say nothing of themselves with `__array__`, or what is known.
_KNOWN = {bool, complex, float, int, list, tuple, numpy.ndarray, ndarray, _gain.flatiter}


def assumed(ask, otherwise):
    """The truth that `ask` finds of elements; in a client, which hasn't them, `otherwise`. For questions whose answers make no difference to
    types and shapes, or an error, which is then told by the ranks."""
    try:
        return bool(ask())
    except _gain.Elsewhere:
        return otherwise


def by_itself(a):
    """What an object of another class says it is with `__array__`, if that is one of our arrays, which NumPy would refuse; else the object."""
    if type(a) in _KNOWN or not hasattr(type(a), "__array__") or isinstance(a, (ndarray, numpy.ndarray, numpy.generic)):
        return a
    made = a.__array__()
    return made if isinstance(made, ndarray) else a


def asarray(a, dtype=None, order=None, *, device=None, copy=None, like=None):
    """What a function takes for an array: `a` itself if it is one of this type and order.

    A masked array, say, is more than its elements: functions refuse it, only `numpy.asarray` and its like take them out.
    """
    if type(a) is ndarray and dtype is order is device is copy is None:
        return a
    if isinstance(a, numpy.ndarray) and _gain.stance(a) == "subclass":
        raise TypeError(f"gain has no {type(a).__name__}: numpy.asarray(x) has the elements of one")
    host(device)
    a = a if type(a) in _KNOWN else by_itself(a)
    order = "K" if order is None else order
    made = given = _gain.convert(a, None if isinstance(a, ndarray) else dtype, copy)
    if dtype is not None or order != "K":
        made = made.astype(made.dtype if dtype is None else dtype, order, copy=False)
    if copy and made is a:
        return made.copy(order)
    if copy is False and made is not given:
        numpy.asarray((), copy=False)  # raises what NumPy raises
    return made


def shape(a):
    """`numpy.shape`"""
    return _gain.convert(a).shape if isinstance(a, OURS) else numpy.shape(a)


def ndim(a):
    """`numpy.ndim`"""
    return len(shape(a))


def size(a, axis=None):
    """`numpy.size`"""
    extents = shape(a)
    axes = range(len(extents)) if axis is None else axes_tuple(axis, len(extents))
    return int(numpy.prod([extents[i] for i in axes], dtype=int))
