"""`Generator` and `default_rng`.

Invariant: numbers and states are those of NumPy's generator on the same bit generator, so that the two may take turns.
"""

import functools
import math
import operator
import sys
import warnings

import numpy
from numpy import random as _theirs

from .._base import OURS, asarray, extents
from .._creation import empty, full
from .._gain import ndarray
from .._indexing import take, take_along_axis
from .._shapes import moveaxis
from . import _drawing, _seeding
from ._drawing import draw, is_known, is_scalar, plain, shape_of, wrapped
from ._seeding import PCG64
from ._serial import NUMBERS, VECTORS, WHOLE, method

__all__ = ["Generator", "default_rng"]

_DOUBLE, _FLOAT = numpy.dtype(numpy.float64), numpy.dtype(numpy.float32)


def probe():
    """A generator of NumPy's that raises what NumPy raises for wrong arguments, of whose numbers nothing is kept."""
    return _theirs.Generator(_theirs.PCG64(0))


def _restored(bit_generator, cls=None):
    """The generator of a pickle: of a bit generator, or of the name of its class."""
    bit_generator = getattr(_seeding, bit_generator)(0) if isinstance(bit_generator, str) else bit_generator
    return (cls or Generator)(bit_generator)


class Generator(_theirs.Generator):
    """`numpy.random.Generator`: its methods give arrays of `gain`, of the same numbers. Collective."""

    def __init__(self, bit_generator):
        super().__init__(bit_generator)
        self._numpy = _theirs.Generator(bit_generator)

    def __reduce__(self):
        return _restored, (self.bit_generator, *(() if type(self) is Generator else (type(self),))), None

    def __getstate__(self):
        return None

    def __setstate__(self, state):
        pass

    def _state(self):
        return self.bit_generator.state

    def _set_state(self, state):
        self.bit_generator.state = state

    def _is_large(self, shape):
        """Whether all ranks and threads together draw an array of this shape."""
        return is_known(self.bit_generator) and math.prod(shape) > _drawing.FEW

    def _filled(self, name, size, dtype, out, numbers=(), **keywords):
        """A method with `dtype=` and `out=`."""
        theirs = getattr(self._numpy, name)
        if out is not None and not isinstance(out, ndarray):
            return theirs(size=size, dtype=dtype, out=out, **keywords)
        kind = numpy.dtype(dtype)
        shape = shape_of(size) if out is None else out.shape
        if kind not in (_DOUBLE, _FLOAT) or not kind.isnative:
            return theirs(size=0, dtype=dtype, **keywords)  # raises what NumPy raises
        if out is not None:
            _drawing.check_output(out, kind, size)
        if not self._is_large(shape):
            if out is None:
                return wrapped(theirs(size=size, dtype=dtype, **keywords))
            made = theirs(size=shape, dtype=dtype, **keywords)
        else:
            kinds = {"random": "random", "standard_normal": "normal"}
            by = keywords.get("method", "zig")
            if by not in ("zig", "inv"):
                by = "inv"
            name = kinds.get(name, "exponential" if by == "zig" else "inverse")
            made, _ = draw(self.bit_generator, shape, name + ("32" if kind == _FLOAT else ""))
        if out is None:
            return made
        if out.flags.f_contiguous and not out.flags.c_contiguous:
            # (NumPy goes through its memory.)
            made = asarray(made).reshape(shape[::-1]).T
        out[...] = made
        return out

    def random(self, size=None, dtype=numpy.float64, out=None):
        """`numpy.random.Generator.random`"""
        return self._filled("random", size, dtype, out)

    def standard_normal(self, size=None, dtype=numpy.float64, out=None):
        """`numpy.random.Generator.standard_normal`"""
        return self._filled("standard_normal", size, dtype, out)

    def standard_exponential(self, size=None, dtype=numpy.float64, method="zig", out=None):
        """`numpy.random.Generator.standard_exponential`"""
        return self._filled("standard_exponential", size, dtype, out, method=method)

    def _linear(self, name, kind, size, values, numbers):
        """A distribution that moves and scales one of the standard: `numbers` of its parameters."""
        if size is None and is_scalar(*values):
            return getattr(self._numpy, name)(*values)
        if is_scalar(*values) and self._is_large(shape := extents(size)):
            getattr(probe(), name)(*values)
            return draw(self.bit_generator, shape, kind, numbers(*map(float, values)))[0]
        if not is_scalar(*values) and self._is_large(shape := _drawing.common(size, values)):
            are_ends = kind == "uniform"
            standard = "random" if are_ends else kind
            made = _drawing.linear(shape, values, lambda shape: draw(self.bit_generator, shape, standard)[0], are_ends)
            if made is not None:
                return made
        return _SERIAL[name](self, *values, size)

    def uniform(self, low=0.0, high=1.0, size=None):
        """`numpy.random.Generator.uniform`"""
        return self._linear("uniform", "uniform", size, (low, high), lambda low, high: (low, high - low))

    def normal(self, loc=0.0, scale=1.0, size=None):
        """`numpy.random.Generator.normal`"""
        return self._linear("normal", "normal", size, (loc, scale), lambda *numbers: numbers)

    def exponential(self, scale=1.0, size=None):
        """`numpy.random.Generator.exponential`"""
        return self._linear("exponential", "exponential", size, (scale,), lambda *numbers: numbers)

    def integers(self, low, high=None, size=None, dtype=numpy.int64, endpoint=False):
        """`numpy.random.Generator.integers`"""
        if size is None or not is_scalar(low, high) or not self._is_large(shape := extents(size)):
            return _SERIAL["integers"](self, low, high, size, dtype, endpoint)
        probe().integers(low, high, 1, dtype, endpoint)
        return between(self.bit_generator, shape, low, high, dtype, endpoint, False)

    def bytes(self, length):
        """`numpy.random.Generator.bytes`: on every rank."""
        count = (operator.index(length) - 1) // 4 + 1
        if not self._is_large((max(count, 0),)):
            return self._numpy.bytes(length)
        return self.integers(0, 1 << 32, count, numpy.uint32).numpy().astype("<u4").tobytes()[:length]

    def permutation(self, x, axis=0):
        """`numpy.random.Generator.permutation`"""
        if isinstance(x, (int, numpy.integer)):
            return permuted_range(self._numpy, self.bit_generator, x)
        x = asarray(x)
        axis = numpy.lib.array_utils.normalize_axis_index(axis, x.ndim)
        return take(x, permuted_range(self._numpy, self.bit_generator, x.shape[axis]), axis)

    def shuffle(self, x, axis=0):
        """`numpy.random.Generator.shuffle`"""
        if isinstance(x, ndarray):
            shuffle(self._numpy, self.bit_generator, x, axis)
        else:
            theirs(self._numpy.shuffle, x, axis)

    def permuted(self, x, *, axis=None, out=None):
        """`numpy.random.Generator.permuted`"""
        x = asarray(x)
        if out is not None:
            if not isinstance(out, ndarray):
                raise TypeError("out must be a numpy array")
            if not out.flags.writeable:
                raise ValueError("output array is read-only")
            if out.shape != x.shape:
                raise ValueError("out must have the same shape as x")
            if not numpy.can_cast(x.dtype, out.dtype, "safe"):
                numpy.copyto(numpy.empty(0, out.dtype), numpy.empty(0, x.dtype), casting="safe")
        made = self._permuted(x, axis, x if out is None else out)
        if out is None:
            return made
        out[...] = made
        return out

    def _permuted(self, x, axis, like):
        if axis is None:
            if like.ndim > 1 and like.flags.f_contiguous and not like.flags.c_contiguous:
                # (NumPy goes through the memory.)
                return self._permuted(x.T, None, empty(x.shape[::-1], bool)).T
            return take(x.ravel(), permuted_range(self._numpy, self.bit_generator, x.size)).reshape(x.shape)
        axis = numpy.lib.array_utils.normalize_axis_index(axis, x.ndim)
        lines = moveaxis(x, axis, -1)
        if x.size == 0:
            return x.copy()
        rows, count = x.size // x.shape[axis], x.shape[axis]
        if is_known(self.bit_generator):
            places = _drawing.shuffles(self.bit_generator, rows, count)
        else:
            places = numpy.tile(numpy.arange(count), (rows, 1))
            for row in places:
                self._numpy.shuffle(row)
            places = asarray(places)
        return moveaxis(take_along_axis(lines, places.reshape(lines.shape), -1), -1, axis)

    def choice(self, a, size=None, replace=True, p=None, axis=0, shuffle=True):
        """`numpy.random.Generator.choice`"""
        shape = shape_of(size)
        is_array = isinstance(a, OURS) and a.ndim > 0
        if not replace or size is None or not self._is_large(shape):
            if not is_array:
                return wrapped(self._numpy.choice(plain(a), size, replace, plain(p), axis, shuffle))
            if size is None or a.shape[axis] == 0:
                return chosen(self._numpy.choice(a.shape[axis], size, replace, plain(p), shuffle=shuffle) if a.shape[axis] else
                              self._numpy.choice(numpy.empty(a.shape), size, replace, plain(p), axis, shuffle), a, axis)
            return chosen(self._numpy.choice(a.shape[axis], size, replace, plain(p), shuffle=shuffle), a, axis)
        theirs = a if is_array else numpy.asarray(plain(a))
        count = theirs.shape[axis] if theirs.ndim else a
        probability = plain(p)
        # (What is wrong with the arguments NumPy says, of a generator that nobody needs.)
        probe().choice(numpy.empty((0,)) if theirs.ndim and count == 0 else count, 1, replace, probability)
        count = operator.index(count.item() if hasattr(count, "item") else count)
        if probability is None:
            places = self.integers(0, count, shape)
        else:
            sums = numpy.asarray(probability, float).cumsum()
            sums /= sums[-1]
            places = asarray(sums).searchsorted(self.random(shape), "right")
        return chosen(places, a, axis) if theirs.ndim else places


def chosen(places, a, axis=0):
    """The elements at places along an axis: of one place the element itself."""
    return take(asarray(a), places if isinstance(places, (int, numpy.integer)) else asarray(places), axis)


def between(bit_generator, shape, low, high, dtype, endpoint, is_masked):
    """Integers within bounds that NumPy has found right."""
    low, high = (0, low) if high is None else (low, high)
    low, kind = int(numpy.asarray(low)), numpy.dtype(dtype)
    span = int(numpy.asarray(high)) - (not endpoint) - low
    if span == 0:
        return full(shape, low, kind)
    return draw(bit_generator, shape, "integers", integers=(kind, low % (1 << 64), span, is_masked))[0]


def permuted_range(generator, bit_generator, count):
    """A permutation of 0, 1, 2, ...; of few NumPy's `generator` makes it."""
    count = operator.index(count)
    if is_known(bit_generator) and count > _drawing.FEW:
        return _drawing.shuffles(bit_generator, 1, count).reshape(count)
    return asarray(generator.permutation(count))


def shuffle(generator, bit_generator, x, axis):
    """Shuffles an array of ours in place."""
    if x.ndim == 0:
        raise TypeError("len() of unsized object")
    if not x.flags.writeable:
        raise ValueError("array is read-only")
    axis = numpy.lib.array_utils.normalize_axis_index(axis, x.ndim)
    if x.size:
        x[...] = take(x, permuted_range(generator, bit_generator, x.shape[axis]), axis)


def theirs(function, *arguments):
    """Calls a function of NumPy's, whose warnings are about the program's line."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        function(*arguments)
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("gain.random"):
        frame, level = frame.f_back, level + 1
    for one in told:
        warnings.warn(str(one.message), one.category, level)


_SERIAL = {name: method(_theirs.Generator, name) for name in (*NUMBERS, *VECTORS, *WHOLE) if hasattr(_theirs.Generator, name)}
for _name, _method in _SERIAL.items():
    if _name not in vars(Generator):
        setattr(Generator, _name, _method)


@functools.wraps(_theirs.default_rng)
def default_rng(seed=None):
    """`numpy.random.default_rng`: without a seed collective."""
    if isinstance(seed, Generator):
        return seed
    if isinstance(seed, _theirs.Generator):
        return Generator(seed.bit_generator)
    if isinstance(seed, _theirs.RandomState):
        return Generator(seed._bit_generator)
    return Generator(seed if hasattr(seed, "capsule") else PCG64(seed))
