"""NumPy's functions that repeat elements and move them around: copies, each made by one pass or by a few assignments."""

import itertools
import math

import numpy

from . import _gain
from ._base import asarray, axes_tuple, axis_number, extents, of_class
from ._binning import bincount
from ._creation import array, empty, empty_like, zeros
from ._fallback import few
from ._gain import ndarray
from ._scans import cumsum

__all__ = ["repeat", "resize", "roll", "tile", "trim_zeros"]


def _spread(a, places, shape):
    """A copy of shape `shape` of an array that is repeated along new axes: `places` has (axis, times), by axis."""
    repeated, wider = list(a.shape), list(a.shape)
    for axis, times in reversed(places):
        repeated.insert(axis, 1)
        wider.insert(axis, times)
    made = a.reshape(repeated)._broadcast_to(wider).reshape(shape)
    return made if made.base is None else made.copy("C")


def tile(A, reps):
    """`numpy.tile`"""
    try:
        reps = tuple(reps)
    except TypeError:
        reps = (reps,)
    if all(times == 1 for times in reps):
        return array(A, copy=True, ndmin=len(reps))
    a = array(A, copy=None, ndmin=len(reps))
    reps = (1,) * (a.ndim - len(reps)) + reps
    shape = extents(tuple(extent * times for extent, times in zip(a.shape, reps)))
    return _spread(a, [(axis, times) for axis, times in enumerate(reps) if times != 1], shape)


# Elements of which the places that they go to are found one by one.
_FEW = 2048


def repeat(a, repeats, axis=None):
    """`numpy.repeat`"""
    a = asarray(a)
    if axis is None:
        a, axis = a.ravel(), 0
    else:
        axis = axis_number(axis, max(a.ndim, 1))
        a = a if a.ndim else a.reshape(1)
    times = _count(repeats, a.shape[axis])
    if isinstance(times, (ndarray, numpy.ndarray)):
        if a.ndim == 1 and (a.size > _FEW or not a.is_replicated) and (isinstance(times, ndarray) or times.dtype.kind in "bi"):
            return _gain.repeated(a if type(a) is ndarray else a.view(ndarray), asarray(times))
        return a[(slice(None),) * axis + (_places(times, a.shape[axis]),)]
    return _gain.repeated_evenly(a, times, axis)


def _count(repeats, extent):
    """The one number that an argument of counts for `extent` items is, or else the counts; spread ones stay spread."""
    if type(repeats) is int and 0 <= repeats < 2**63:
        return repeats
    if isinstance(repeats, ndarray) and not repeats.is_replicated and repeats.shape == (extent,) and repeats.dtype.kind in "biu":
        return repeats
    counts = few("repeat", repeats)
    if numpy.ndim(counts) == 1 and numpy.size(counts) != 1:
        if len(counts) != extent:
            raise ValueError(f"operands could not be broadcast together with shape ({extent},) ({len(counts)},)")
        return numpy.asarray(counts, None if len(counts) else numpy.intp)
    numpy.repeat(numpy.empty(0), counts)  # raises what NumPy raises for what is no integer
    times = int(numpy.array(counts, numpy.intp).reshape(()))
    if times < 0:
        raise ValueError("negative dimensions are not allowed")
    return times


def _places(counts, extent):
    """Which item stands at each place of the result."""
    if not isinstance(counts, ndarray):
        return numpy.repeat(numpy.arange(extent), counts)  # raises what NumPy raises
    if counts.min() < 0:
        raise ValueError("repeats may not contain negative values.")
    # After the last place of each item the next one begins.
    return cumsum(bincount(cumsum(counts, dtype=numpy.int64))[:-1])


@of_class
def roll(a, shift, axis=None):
    """`numpy.roll`"""
    a = asarray(a)
    if axis is None:
        return roll(a.ravel(), shift, 0).reshape(a.shape)
    axis = numpy.lib.array_utils.normalize_axis_tuple(axis, a.ndim, allow_duplicate=True)
    pairs = numpy.broadcast(few("roll", shift), axis)
    if pairs.ndim > 1:
        raise ValueError("'shift' and 'axis' should be scalars or 1D sequences")
    shifts = [0] * a.ndim
    for distance, i in pairs:
        shifts[i] += int(distance)
    # For each axis the parts of it: where they come from, and where they go.
    moves = [[(slice(None), slice(None))]] * a.ndim
    for i, extent in enumerate(a.shape):
        if distance := shifts[i] % (extent or 1):
            moves[i] = [
                (slice(None, -distance), slice(distance, None)), (slice(-distance, None), slice(None, distance)),
            ]
    made = empty(a.shape, a.dtype) if a.ndim == 1 else empty_like(a)
    for parts in itertools.product(*moves):
        made[tuple(target for _, target in parts)] = a[tuple(source for source, _ in parts)]
    return made


def resize(a, new_shape):
    """`numpy.resize`: the function, which repeats elements."""
    if isinstance(new_shape, (int, numpy.integer)):
        new_shape = (new_shape,)
    if any(extent < 0 for extent in new_shape):
        raise ValueError("all elements of `new_shape` must be non-negative")
    a, shape = asarray(a).ravel(), extents(tuple(new_shape))
    count = math.prod(shape)
    if a.size == 0 or count == 0:
        return zeros(shape, a.dtype)
    made = empty(count, a.dtype)
    rounds, rest = divmod(count, a.size)
    made[:count - rest].reshape(rounds, a.size)[...] = a
    made[count - rest:] = a[:rest]
    return made.reshape(shape)


def trim_zeros(filt, trim="fb", axis=None):
    """`numpy.trim_zeros`"""
    a, trim = asarray(filt), trim.lower()
    if trim not in ("fb", "bf", "f", "b"):
        raise ValueError(f"unexpected character(s) in `trim`: {trim!r}")
    axes = tuple(range(a.ndim)) if axis is None else axes_tuple(axis, a.ndim, "axis")
    if not axes:
        return filt
    nonzero = a if a.dtype.kind == "b" else a != 0
    key = [slice(None)] * a.ndim
    for i in axes:
        lines = asarray(nonzero.any(tuple(j for j in range(a.ndim) if j != i))) if a.ndim > 1 else nonzero
        if a.size == 0 or not lines.any():
            key[i] = slice(0, 0)
            continue
        first = int(lines.argmax()) if "f" in trim else None
        key[i] = slice(first, len(lines) - int(lines[::-1].argmax()) if "b" in trim else None)
    return filt[key[0] if a.ndim == 1 else tuple(key)]
