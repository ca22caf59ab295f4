"""NumPy's iterators over elements and indices. They read ahead, and the elements are as they are when their turn comes.

Every rank goes through all elements, one by one, in Python.
"""

import math

import numpy
from numpy import ndindex

from ._base import asarray
from ._nditer import nditer, nested_iters
from ._shapes import broadcast_to

__all__ = ["broadcast", "ndenumerate", "ndindex", "nditer", "nested_iters"]


class ndenumerate:
    """`numpy.ndenumerate`: coordinates and elements, in C order."""

    def __init__(self, arr):
        self.iter = asarray(arr).flat

    def __next__(self):
        return self.iter.coords, next(self.iter)

    def __iter__(self):
        return self


def _outline(shape):
    """A NumPy array of this shape with no memory to speak of, for NumPy to reason about."""
    return numpy.broadcast_to(numpy.int8(0), shape)


class broadcast:
    """`numpy.broadcast`: the elements of several arrays that stand at one place of the common shape."""

    __slots__ = ("_arrays", "index", "iters", "shape")
    __hash__ = object.__hash__

    def __init__(self, *args):
        arrays = []
        for a in args:
            arrays.extend(a._arrays if isinstance(a, broadcast) else [asarray(a)])
        self.shape = numpy.broadcast(*(_outline(a.shape) for a in arrays)).shape  # raises what NumPy raises
        self._arrays = arrays
        self.reset()

    ndim = property(lambda self: len(self.shape))
    nd = ndim
    numiter = property(lambda self: len(self._arrays))
    size = property(lambda self: math.prod(self.shape))

    def reset(self):
        """Starts again."""
        self.index = 0
        self.iters = tuple(broadcast_to(a, self.shape).flat for a in self._arrays)

    def __iter__(self):
        return self

    def __next__(self):
        if self.index >= self.size:
            raise StopIteration
        self.index += 1
        return tuple(next(one) for one in self.iters)
