"""NumPy's grids of coordinates, and objects that are indexed to make arrays."""

import math

import numpy

from . import _gain
from ._base import OURS, asarray, extents, ndim
from ._creation import array, empty
from ._indexing import flatnonzero
from ._ranges import arange, linspace
from ._shapes import broadcast_arrays, concatenate

__all__ = ["c_", "index_exp", "indices", "ix_", "meshgrid", "mgrid", "ogrid", "r_", "s_"]

index_exp, s_ = numpy.index_exp, numpy.s_


def _along(a, axis, ndim):
    """An array of one axis as one of `ndim`, all but this of extent 1."""
    return a.reshape((1,) * axis + (a.size,) + (1,) * (ndim - axis - 1))


def indices(dimensions, dtype=int, sparse=False):
    """`numpy.indices`"""
    shape = extents(tuple(dimensions))
    if sparse:
        return tuple(_along(arange(extent, dtype=dtype), axis, len(shape)) for axis, extent in enumerate(shape))
    made = empty((len(shape), *shape), dtype)
    for axis in range(len(shape)):
        made[axis] = _gain.indices(shape, axis)
    return made


def meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    """`numpy.meshgrid`: with `copy=False` read-only views."""
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    places = list(range(len(xi)))
    if indexing == "xy" and len(xi) > 1:
        places[:2] = 1, 0
    made = [_along(asarray(x).ravel(), place, len(xi)) for x, place in zip(xi, places)]
    if not sparse:
        made = broadcast_arrays(*made)
    return tuple(a.copy("C") for a in made) if copy else made


def ix_(*args):
    """`numpy.ix_`"""
    made = []
    for place, given in enumerate(args):
        one = asarray(given)
        if one.size == 0 and not isinstance(given, (numpy.ndarray, *OURS)):
            one = one.astype(numpy.intp)
        if one.ndim != 1:
            raise ValueError("Cross index must be 1 dimensional")
        if one.dtype.kind == "b":
            one = flatnonzero(one)
        made.append(_along(one, place, len(args)))
    return tuple(made)


def _limits(item):
    """Start, stop and step of a slice."""
    step, stop, start = item.step, item.stop, item.start
    return 0 if start is None else start, stop, 1 if step is None else step


def _is_count(step):
    """Whether a slice's step says how many numbers there are, as `5j` does."""
    return isinstance(step, (complex, numpy.complexfloating))


class _Grid:
    """`numpy.mgrid` and, `sparse`, `numpy.ogrid`."""

    __slots__ = ("sparse",)

    def __init__(self, sparse):
        self.sparse = sparse

    def __getitem__(self, key):
        if not isinstance(key, tuple):
            return self._range(key)
        limits, types = [], [0]
        for item in key:
            start, stop, step = _limits(item)
            if _is_count(step):
                types += [start, stop, abs(step)]
                count = int(abs(step))
                step = count if count == 1 else (stop - start) / float(count - 1)
            else:
                types += [start, stop, step]
                count = math.ceil((stop - start) / step)
            limits.append((start, step, count))
        dtype, shape = numpy.result_type(*types), tuple(count for _, _, count in limits)
        if self.sparse:
            return tuple(
                _along(arange(count, dtype=dtype) * step + start, axis, len(shape))
                for axis, (start, step, count) in enumerate(limits)
            )
        made = empty((len(shape), *shape), dtype)
        for axis, (start, step, _) in enumerate(limits):
            made[axis] = _gain.indices(shape, axis).astype(dtype, copy=False) * step + start
        return made

    @staticmethod
    def _range(key):
        """The numbers of one slice."""
        start, stop, step = _limits(key)
        if not _is_count(step):
            return arange(start, stop, step)
        count = int(abs(step))
        dtype = numpy.result_type(start, stop, abs(step))
        step = count if count == 1 else (stop - start) / float(count - 1)
        return arange(0, count, 1, dtype) * step + start


class _Joiner:
    """`numpy.r_` and `numpy.c_`."""

    __slots__ = ("axis", "ndmin", "place")

    def __init__(self, axis=0, ndmin=1, place=-1):
        self.axis, self.ndmin, self.place = axis, ndmin, place

    def __len__(self):
        return 0

    def __getitem__(self, key):
        axis, ndmin, place = self.axis, self.ndmin, self.place
        if isinstance(key, str):
            _no_matrix()
        parts, types = [], []
        for number, item in enumerate(key if isinstance(key, tuple) else (key,)):
            if isinstance(item, str):
                if number:
                    raise ValueError("special directives must be the first entry.")
                axis, ndmin, place = _directive(item, axis, ndmin, place)
            elif type(item) in numpy.ScalarType:
                parts.append(item)
                types.append(item)
            else:
                parts.append(_range(item, ndmin, place) if isinstance(item, slice) else _lifted(item, ndmin, place))
                types.append(parts[-1].dtype)
        if types:
            dtype = numpy.result_type(*types)
            parts = [array(part, dtype, copy=None, ndmin=ndmin) for part in parts]
        return concatenate(parts, axis)


def _no_matrix():
    raise NotImplementedError("gain has no matrix, which this directive asks for: numpy.r_ has it")


def _directive(text, axis, ndmin, place):
    """What a text as the first entry says: along which axis, how many axes at least, and where those of fewer go."""
    if text in ("r", "c"):
        _no_matrix()
    if "," in text:
        numbers = text.split(",")
        try:
            axis, ndmin = map(int, numbers[:2])
            return axis, ndmin, int(numbers[2]) if len(numbers) == 3 else place
        except Exception as error:
            raise ValueError(f"unknown special directive {text!r}") from error
    try:
        return int(text), ndmin, place
    except (ValueError, TypeError) as error:
        raise ValueError("unknown special directive") from error


def _range(item, ndmin, place):
    """The numbers of a slice."""
    start, stop, step = _limits(item)
    made = linspace(start, stop, int(abs(step))) if _is_count(step) else arange(start, stop, step)
    if ndmin > 1:
        made = array(made, copy=None, ndmin=ndmin)
        made = made if place == -1 else made.swapaxes(-1, place)
    return made


def _lifted(item, ndmin, place):
    """An array with at least `ndmin` axes, its own from `place` on."""
    missing = ndmin - ndim(item)
    made = array(item, copy=None, ndmin=ndmin)
    if place == -1 or missing <= 0:
        return made
    first = place + missing + 1 if place < 0 else place
    axes = list(range(ndmin))
    return made.transpose(axes[:first] + axes[missing:] + axes[first:missing])


mgrid, ogrid = _Grid(sparse=False), _Grid(sparse=True)
r_, c_ = _Joiner(), _Joiner(axis=-1, ndmin=2, place=0)
