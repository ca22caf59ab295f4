"""Views by steps of one's own: `as_strided`, windows that slide over an array, and writing where elements overlap.

Such a view is one like any other: nothing is moved, and operations on it are fused. Its elements must lie in the array.
Where an element of memory stands at several places of a view, assignments to it go by the place of each element, one after
another: the last value stays, as in NumPy. Other ways to write to it are refused.
"""

import numpy

from . import _gain
from ._base import asarray
from ._creation import array
from ._gain import ndarray
from ._ranges import arange

__all__ = []


def as_strided(x, shape=None, strides=None, subok=False, writeable=True):
    """`numpy.lib.stride_tricks.as_strided`: of elements that lie in the array that `x` shows."""
    x = array(x, copy=None, subok=subok)
    shape = x.shape if shape is None else tuple(shape)
    made = x._strided(_gain.extents(shape), x.strides if strides is None else tuple(strides))
    if not writeable:
        made.setflags(write=False)
    return made


def sliding_window_view(x, window_shape, axis=None, *, subok=False, writeable=False):
    """`numpy.lib.stride_tricks.sliding_window_view`"""
    window_shape = tuple(window_shape) if numpy.iterable(window_shape) else (window_shape,)
    x = array(x, copy=None, subok=subok)
    if any(extent < 0 for extent in window_shape):
        raise ValueError("`window_shape` cannot contain negative values")
    if axis is None:
        axis = tuple(range(x.ndim))
        if len(window_shape) != len(axis):
            raise ValueError(
                "Since axis is `None`, must provide window_shape for all dimensions of `x`; "
                f"got {len(window_shape)} window_shape elements and `x.ndim` is {x.ndim}."
            )
    else:
        axis = numpy.lib.array_utils.normalize_axis_tuple(axis, x.ndim, allow_duplicate=True)
        if len(window_shape) != len(axis):
            raise ValueError(
                "Must provide matching length window_shape and axis; "
                f"got {len(window_shape)} window_shape elements and {len(axis)} axes elements."
            )
    outer = list(x.shape)
    for along, extent in zip(axis, window_shape):
        if outer[along] < extent:
            raise ValueError("window shape cannot be larger than input array shape")
        outer[along] -= extent - 1
    strides = x.strides + tuple(x.strides[along] for along in axis)
    return as_strided(x, (*outer, *window_shape), strides, subok=subok, writeable=writeable)


def assign(view, key, value):
    """`view[key] = value` where the view has elements of memory at several places."""
    root = view if view.base is None else view.base
    if isinstance(root, ndarray):
        start = view._memory()[1] - root._memory()[1]
    else:
        # Memory of another library: all of it as an array.
        root = _gain.over(numpy.asarray(root))
        start = view._memory()[2] - root._memory()[2]
    memory = root.ravel("K")
    item = view.itemsize
    if memory.base is not root and memory is not root or start % item or any(step % item for step in view.strides):
        raise ValueError("elements of this view stand at several places: write to the array that it shows")
    memory = memory if memory.dtype == view.dtype else memory.view(view.dtype)
    places = arange(memory.size)
    places = places[start // item:]._strided(view.shape, tuple(step // item * places.itemsize for step in view.strides))
    places = asarray(places[key])
    value = asarray(value).astype(view.dtype, copy=False)
    memory[places.ravel()] = value._broadcast_to(places.shape).ravel() if value.ndim else value
