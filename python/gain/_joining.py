"""NumPy's functions that join arrays, but for `concatenate` and `stack`."""

import warnings

import numpy

from . import _gain
from ._base import asarray, laid, ndim, size
from ._creation import empty
from ._gain import ndarray
from ._shapes import atleast_3d, concatenate, sequence, vstack

__all__ = ["append", "block", "column_stack", "dstack", "row_stack"]

# NumPy joins up to so many elements (times the depth of the lists) step by step, and says so in what it raises.
STEPWISE = 2 * 512 * 512


def append(arr, values, axis=None):
    """`numpy.append`"""
    arr = asarray(arr)
    if axis is None:
        arr, values, axis = arr.ravel(), asarray(values).ravel(), 0
    return concatenate((arr, values), axis)


def column_stack(tup):
    """`numpy.column_stack`"""
    arrays = [asarray(a) for a in sequence(tup)]
    return concatenate([a if a.ndim > 1 else a.reshape(-1, 1) for a in arrays], 1)


def dstack(tup):
    """`numpy.dstack`"""
    return concatenate([atleast_3d(a) for a in sequence(tup)], 2)


def row_stack(tup, *, dtype=None, casting="same_kind"):
    """`numpy.row_stack`, NumPy's deprecated name of `vstack`."""
    warnings.warn("`row_stack` alias is deprecated. Use `np.vstack` directly.", DeprecationWarning, stacklevel=2)
    return vstack(tup, dtype=dtype, casting=casting)


def block(arrays):
    """`numpy.block`"""
    path, axes, elements = _survey(arrays, ())
    if path and path[-1] is None:
        raise ValueError(f"List at {_named(path)} cannot be empty")
    depth = len(path)
    axes = max(axes, depth)
    shape, leaves = _arrange(arrays, depth, axes, depth * elements <= STEPWISE)
    parts = [part for _, part in leaves]
    if depth == 0:
        return parts[0].copy()
    dtype = numpy.result_type(*(part.dtype for part in parts))
    made = laid(lambda shape: empty(shape, dtype), shape, _gain.joined_order(parts))
    for corner, part in leaves:
        made[tuple(slice(start, start + extent) for start, extent in zip(corner, part.shape))] = part
    return made


def _named(path):
    """How a list within the lists is called in errors."""
    return "arrays" + "".join(f"[{i}]" for i in path if i is not None)


def _survey(arrays, path):
    """The place of the first leaf (a None after that of an empty list), the most axes of a leaf, and how many elements there are."""
    if isinstance(arrays, tuple):
        raise TypeError(
            f"{_named(path)} is a tuple. Only lists can be used to arrange blocks, and np.block does not allow "
            "implicit conversion from tuple to ndarray."
        )
    if isinstance(arrays, ndarray):
        return path, arrays.ndim, arrays.size
    if not isinstance(arrays, list):
        return path, ndim(arrays), size(arrays)
    if not arrays:
        return (*path, None), 0, 0
    first, axes, elements = _survey(arrays[0], (*path, 0))
    for i, one in enumerate(arrays[1:], 1):
        place, more, count = _survey(one, (*path, i))
        axes, elements = max(axes, more), elements + count
        if len(place) != len(first):
            raise ValueError(
                f"List depths are mismatched. First element was at depth {len(first)}, but there is an element at "
                f"depth {len(place)} ({_named(place)})"
            )
        if place[-1] is None:
            first = place
    return first, axes, elements


def _arrange(arrays, depth, axes, stepwise):
    """The shape of a list of blocks `depth` levels above the leaves, and its leaves, each with its first corner."""
    if depth == 0:
        leaf = asarray(arrays)
        leaf = leaf if leaf.ndim == axes else leaf.reshape((1,) * (axes - leaf.ndim) + leaf.shape)
        return leaf.shape, [((0,) * axes, leaf)]
    axis = axes - depth
    parts = [_arrange(one, depth - 1, axes, stepwise) for one in arrays]
    shapes = [shape for shape, _ in parts]
    if any(shape[:axis] + shape[axis + 1:] != shapes[0][:axis] + shapes[0][axis + 1:] for shape in shapes[1:]):
        if stepwise:
            numpy.concatenate([numpy.broadcast_to(0, shape) for shape in shapes], -depth)  # raises what NumPy raises
        raise ValueError(f"Mismatched array shapes in block along axis {axis}.")
    leaves, start = [], 0
    for shape, found in parts:
        leaves += [((*at[:axis], at[axis] + start, *at[axis + 1:]), leaf) for at, leaf in found]
        start += shape[axis]
    return shapes[0][:axis] + (start,) + shapes[0][axis + 1:], leaves
