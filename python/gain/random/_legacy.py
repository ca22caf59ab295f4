"""`RandomState`, and the functions of the module, which are methods of one.

Invariant: numbers and states are NumPy's, the normal variate that is kept for the next call among them.
"""

import functools
import math
import operator

import numpy
from numpy import random as _theirs

from .._base import OURS, asarray, extents
from .._gain import ndarray
from . import _drawing, _seeding
from ._drawing import common as common_shape
from ._drawing import draw, is_known, is_scalar, plain, shape_of, wrapped
from ._generator import between, chosen, permuted_range, shuffle, theirs
from ._seeding import MT19937, entropy
from ._serial import NUMBERS, VECTORS, WHOLE, method

__all__ = ["RandomState"]


def probe():
    """As that of `Generator`."""
    return _theirs.RandomState(0)


def _restored(bit_generator="MT19937", cls=None):
    """The generator of a pickle: of a bit generator, or of the name of its class."""
    bit_generator = getattr(_seeding, bit_generator)(0) if isinstance(bit_generator, str) else bit_generator
    return (cls or RandomState)(bit_generator)


class RandomState(_theirs.RandomState):
    """`numpy.random.RandomState`: its methods give arrays of `gain`, of the same numbers. Collective."""

    def __init__(self, seed=None):
        bit_generator = seed if hasattr(seed, "capsule") else MT19937(0 if seed is not None else None)
        super().__init__(bit_generator)
        self._numpy = _theirs.RandomState(bit_generator)
        if seed is not None and bit_generator is not seed:
            self._numpy.seed(plain(seed))

    def _initialize_bit_generator(self, bit_generator):
        """From here on, words come from another one."""
        super().__init__(bit_generator)
        self._numpy = _theirs.RandomState(bit_generator)

    def __reduce__(self):
        kind = () if type(self) is RandomState else (type(self),)
        return _restored, (self._bit_generator, *kind), self.get_state(legacy=False)

    def __getstate__(self):
        return self.get_state(legacy=False)

    def __setstate__(self, state):
        self.set_state(state)

    def seed(self, seed=None):
        """`numpy.random.RandomState.seed`: without a seed collective."""
        if seed is None:
            value = entropy()
            seed = [value >> 32 * place & 0xFFFFFFFF for place in range(4)]
        self._numpy.seed(plain(seed))

    def get_state(self, legacy=True):
        """`numpy.random.RandomState.get_state`"""
        return self._numpy.get_state(legacy)

    def set_state(self, state):
        """`numpy.random.RandomState.set_state`"""
        self._numpy.set_state(plain(state))

    _set_state = set_state

    def _state(self):
        return self.get_state(legacy=False)

    def _is_large(self, shape):
        return is_known(self._bit_generator) and math.prod(shape) > _drawing.FEW

    def random_sample(self, size=None):
        """`numpy.random.RandomState.random_sample`"""
        if not self._is_large(shape := shape_of(size)):
            return wrapped(self._numpy.random_sample(size))
        return draw(self._bit_generator, shape, "random")[0]

    def random(self, size=None):
        """`numpy.random.RandomState.random`"""
        return self.random_sample(size)

    def rand(self, *args):
        """`numpy.random.RandomState.rand`"""
        return self.random_sample(size=args) if args else self.random_sample()

    def randn(self, *args):
        """`numpy.random.RandomState.randn`"""
        return self.standard_normal(size=args) if args else self.standard_normal()

    def _polar(self, shape, numbers):
        state = self._state()
        made, kept = draw(self._bit_generator, shape, "polar", numbers, kept=state["gauss"] if state["has_gauss"] else None)
        after = self._state()
        after |= {"has_gauss": int(kept is not None), "gauss": 0.0 if kept is None else kept}
        self._numpy.set_state(after)
        return made

    def standard_normal(self, size=None):
        """`numpy.random.RandomState.standard_normal`"""
        if not self._is_large(shape := shape_of(size)):
            return wrapped(self._numpy.standard_normal(size))
        return self._polar(shape, ())

    def normal(self, loc=0.0, scale=1.0, size=None):
        """`numpy.random.RandomState.normal`"""
        if not self._is_large(shape := common_shape(size, (loc, scale))):
            return _SERIAL["normal"](self, loc, scale, size)
        if not is_scalar(loc, scale):
            made = _drawing.linear(shape, (loc, scale), lambda shape: self._polar(shape, ()))
            return _SERIAL["normal"](self, loc, scale, size) if made is None else made
        probe().normal(loc, scale)
        return self._polar(shape, (float(loc), float(scale)))

    def uniform(self, low=0.0, high=1.0, size=None):
        """`numpy.random.RandomState.uniform`"""
        if not self._is_large(shape := common_shape(size, (low, high))):
            return _SERIAL["uniform"](self, low, high, size)
        if not is_scalar(low, high):
            made = _drawing.linear(shape, (low, high), lambda shape: draw(self._bit_generator, shape, "random")[0], True)
            return _SERIAL["uniform"](self, low, high, size) if made is None else made
        probe().uniform(low, high)
        return draw(self._bit_generator, shape, "uniform", (float(low), float(high) - float(low)))[0]

    def standard_exponential(self, size=None):
        """`numpy.random.RandomState.standard_exponential`"""
        return wrapped(_SERIAL["standard_exponential"](self, size))

    def randint(self, low, high=None, size=None, dtype=int):
        """`numpy.random.RandomState.randint`"""
        if size is None or not is_scalar(low, high) or not self._is_large(shape := extents(size)):
            return _SERIAL["randint"](self, low, high, size, dtype)
        probe().randint(low, high, 1, dtype)
        return between(self._bit_generator, shape, low, high, dtype, False, True)

    def bytes(self, length):
        """`numpy.random.RandomState.bytes`: on every rank."""
        return self._numpy.bytes(length)

    def shuffle(self, x):
        """`numpy.random.RandomState.shuffle`"""
        if isinstance(x, ndarray):
            shuffle(self._numpy, self._bit_generator, x, 0)
        else:
            theirs(self._numpy.shuffle, x)

    def permutation(self, x):
        """`numpy.random.RandomState.permutation`"""
        if isinstance(x, (int, numpy.integer)):
            return permuted_range(self._numpy, self._bit_generator, x)
        x = asarray(x)
        if x.ndim < 1:
            raise IndexError("x must be an integer or at least 1-dimensional")
        return chosen(permuted_range(self._numpy, self._bit_generator, x.shape[0]), x)

    def choice(self, a, size=None, replace=True, p=None):
        """`numpy.random.RandomState.choice`"""
        shape = shape_of(size)
        among = a if isinstance(a, OURS) else numpy.asarray(plain(a))
        if among.ndim > 1 or among.size == 0:
            return wrapped(self._numpy.choice(numpy.empty(among.shape), size, replace, plain(p)))
        count = among.shape[0] if among.ndim else a
        if not replace or size is None or not self._is_large(shape):
            if not isinstance(a, OURS) or not a.ndim:
                return wrapped(self._numpy.choice(plain(a), size, replace, plain(p)))
            return chosen(self._numpy.choice(count, size, replace, plain(p)), a)
        probability = plain(p)
        probe().choice(count, 1, replace, probability)
        if probability is None:
            places = self.randint(0, operator.index(count), shape)
        else:
            sums = numpy.asarray(probability, float).cumsum()
            sums /= sums[-1]
            places = asarray(sums).searchsorted(self.random_sample(shape), "right")
        return chosen(places, a) if among.ndim else places


_SERIAL = {name: method(_theirs.RandomState, name) for name in (*NUMBERS, *VECTORS, *WHOLE) if hasattr(_theirs.RandomState, name)}
for _name, _method in _SERIAL.items():
    if _name not in vars(RandomState):
        setattr(RandomState, _name, _method)


@functools.cache
def common():
    """The state that the module's functions share, with a seed of rank 0's until there is another. Collective."""
    return RandomState()


def function(name):
    """The function of the module that is the method of its state."""

    def call(*arguments, **keywords):
        return getattr(common(), name)(*arguments, **keywords)

    call.__name__ = call.__qualname__ = name
    call.__module__ = "gain.random"
    call.__doc__ = getattr(_theirs, name).__doc__
    return call
