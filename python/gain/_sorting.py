"""NumPy's sorting and partial sorting along an axis. Every kind of sort is the same here, and stable."""

import operator

import numpy

from . import _gain
from ._base import asarray, axes_tuple, of_class
from ._fallback import few
from ._gain import ndarray
from ._indexing import take_along_axis
from ._shapes import flip

__all__ = ["argpartition", "argsort", "lexsort", "partition", "sort", "sort_complex"]


def _checked(kind, order, stable):
    """Refuses what NumPy's sorts refuse."""
    if kind is not None or order is not None or stable is not None:
        numpy.sort(numpy.zeros(0), kind=kind, order=order, stable=stable)  # raises what NumPy raises


def _number(axis):
    """An axis as an int."""
    if isinstance(axis, float):
        raise TypeError("integer argument expected, got float")
    return operator.index(axis)


def _places(kth, kind="introselect", order=None):
    """The places of a partition as a list."""
    if type(kth) is int and kind == "introselect" and order is None:
        return [kth]
    kth = few("partition", kth)
    numpy.partition(numpy.zeros(0), kth, kind=kind, order=order)  # raises what NumPy raises
    return numpy.ravel(kth).tolist()


@of_class
def sort(a, axis=-1, kind=None, order=None, *, stable=None, descending=False):
    """`numpy.sort`; `descending` is the array API's: the largest first, NaN before it."""
    if type(a) is ndarray and kind is order is stable is None and type(axis) is int and not descending:
        return _gain.sorted(a, axis, None)
    a = asarray(a)
    _checked(kind, order, stable)
    if axis is None:
        a, axis = a.ravel(), -1
    made = _gain.sorted(a, _number(axis), None)
    return flip(made, axis) if descending and made.ndim else made


def sort_in_place(a, axis=-1, kind=None, order=None, *, stable=None):
    """`ndarray.sort`"""
    _checked(kind, order, stable)
    axis = _number(axis)
    _writable(a, "sort")
    a[...] = _gain.sorted(a, axis, None)


def _writable(a, name):
    if not a.flags.writeable:
        raise ValueError(f"{name} array is read-only")


@of_class
def argsort(a, axis=-1, kind=None, order=None, *, stable=None, descending=False):
    """`numpy.argsort`; `descending` is the array API's: the largest first, and the first of equals."""
    if type(a) is ndarray and kind is order is stable is None and type(axis) is int and a.ndim and not descending:
        return _gain.argsorted(a, axis, None)
    a = asarray(a)
    _checked(kind, order, stable)
    if axis is None or a.ndim == 0:
        a, axis = a.ravel(), -1 if axis is None else axis
    if descending:
        # The last of equals in the reversed order is the first of them.
        axis, = axes_tuple(_number(axis), a.ndim)
        return a.shape[axis] - 1 - flip(_gain.argsorted(flip(a, axis), axis, None), axis)
    return _gain.argsorted(a, _number(axis), None)


def partition(a, kth, axis=-1, kind="introselect", order=None):
    """`numpy.partition`"""
    if type(a) is ndarray and type(kth) is type(axis) is int and kind == "introselect" and order is None:
        return _gain.sorted(a, axis, [kth])
    a, axis = _axis_first(a, axis)
    return _gain.sorted(a, axis, _places(kth, kind, order))


def partition_in_place(a, kth, axis=-1, kind="introselect", order=None):
    """`ndarray.partition`"""
    axis = _number(axis)
    _writable(a, "partition")
    a[...] = _gain.sorted(a, axis, _places(kth, kind, order))


def argpartition(a, kth, axis=-1, kind="introselect", order=None):
    """`numpy.argpartition`"""
    a = asarray(a)
    a, axis = _axis_first(a if a.ndim else a.ravel(), axis)
    return _gain.argsorted(a, axis, _places(kth, kind, order))


def _axis_first(a, axis):
    """The array to be ordered, and along which axis: that it has one is asked before the places are."""
    a = asarray(a)
    if axis is None:
        a, axis = a.ravel(), -1
    axis = _number(axis)
    axes_tuple(axis, a.ndim)
    return a, axis


def sort_complex(a):
    """`numpy.sort_complex`"""
    made = sort(asarray(a))
    if made.dtype.kind == "c":
        return made
    return made.astype(numpy.complex64 if made.dtype.char in "bhBH" else numpy.complex128)


def lexsort(keys, axis=-1):
    """`numpy.lexsort`"""
    try:
        count = len(keys)
    except TypeError:
        count = 0
    if count == 0:
        raise TypeError("need sequence of keys with len > 0 in lexsort")
    axis, keys = _number(axis), [asarray(key) for key in keys]
    if any(key.shape != keys[0].shape for key in keys):
        raise ValueError("all keys need to be the same shape")
    if keys[0].ndim == 0:
        if axis not in (0, -1):
            axes_tuple(axis, 0)  # raises what NumPy raises
        return numpy.int64(0)
    made = _gain.argsorted(keys[0], axis, None)
    for key in keys[1:]:
        if key.ndim == 1:
            made = made[_gain.argsorted(key[made], 0, None)]
        else:
            made = take_along_axis(made, _gain.argsorted(take_along_axis(key, made, axis), axis, None), axis)
    return made
