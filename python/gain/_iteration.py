"""NumPy's iterators over elements and indices. They read ahead, and the elements are as they are when their turn comes.

Every rank goes through all elements, one by one, in Python. `nditer` reads; what writes is refused with what to do instead.
"""

import math

import numpy
from numpy import ndindex

from . import _gain
from ._base import asarray
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


# What flags of an `nditer` that reads ask for. Where elements are buffered nobody sees.
_FLAGS = {
    "buffered", "c_index", "common_dtype", "copy_if_overlap", "delay_bufalloc", "external_loop", "f_index", "grow_inner", "growinner",
    "multi_index", "ranged", "refs_ok", "reduce_ok", "zerosize_ok",
}
_READING = {"readonly", "aligned", "contig", "nbo", "copy"}


class nditer:
    """`numpy.nditer` that reads: the elements of arrays at one place, as arrays of no axes, or all of them as one array each
    (`external_loop`)."""

    def __init__(
        self, op, flags=None, op_flags=None, op_dtypes=None, order="K", casting="safe", op_axes=None, itershape=None,
        buffersize=0,
    ):
        operands = list(op) if isinstance(op, (tuple, list)) else [op]
        self._flags = set(flags or ())
        if unknown := self._flags - _FLAGS:
            raise ValueError(f'Unexpected iterator global flag "{min(unknown)}"')
        if not operands:
            raise ValueError("Must provide at least one operand")
        self._check(operands, op_flags, op_axes, itershape)
        arrays = [asarray(a) for a in operands]
        if op_dtypes is not None:
            dtypes = list(op_dtypes) if isinstance(op_dtypes, (tuple, list)) else [op_dtypes] * len(arrays)
            arrays = [a if dtype is None else a.astype(dtype, casting=casting, copy=False) for a, dtype in zip(arrays, dtypes)]
        elif "common_dtype" in self._flags:
            dtype = numpy.result_type(*(a.dtype for a in arrays))
            arrays = [a.astype(dtype, copy=False) for a in arrays]
        numpy.nditer([_outline(a.shape) for a in arrays], ["zerosize_ok"])  # raises what NumPy raises
        self.shape = numpy.broadcast_shapes(*(a.shape for a in arrays))
        self.itersize = math.prod(self.shape)
        if self.itersize == 0 and "zerosize_ok" not in self._flags:
            raise ValueError("Iteration of zero-sized operands is not enabled")
        self.operands = tuple(arrays)
        self.dtypes = tuple(a.dtype for a in arrays)
        self.nop = len(arrays)
        self.has_multi_index = "multi_index" in self._flags
        self.has_index = bool(self._flags & {"c_index", "f_index"})
        if "external_loop" in self._flags and (self.has_index or self.has_multi_index):
            raise ValueError("Iterator flag EXTERNAL_LOOP cannot be used if an index or multi-index is being tracked")
        self.has_delayed_bufalloc = self.iterationneedsapi = False
        self._axes = self._order(order)
        self._turned = [broadcast_to(a, self.shape).transpose(self._axes) for a in arrays]
        self.reset()

    @staticmethod
    def _check(operands, op_flags, op_axes, itershape):
        """Refuses what writes, and iterations in other ways than broadcasting."""
        flags = op_flags or []
        flags = [flags] if flags and isinstance(flags[0], str) else flags
        named = {name for one in flags for name in one}
        if any(one is None for one in operands) or named - _READING:
            raise NotImplementedError(
                "gain.nditer reads its operands: for what writes or allocates them use ufuncs, or assign to parts of an array"
            )
        if op_axes is not None or itershape is not None:
            raise NotImplementedError("gain.nditer has no op_axes and itershape: transpose and broadcast_to the operands")

    def _order(self, order):
        """The axes from the outermost to the innermost."""
        axes = range(len(self.shape))
        if order in ("C", "c"):
            return tuple(axes)
        if order in ("F", "f"):
            return tuple(reversed(axes))
        if order in ("A", "a"):
            orders = [_gain.memory_order(a, "A") for a in self.operands]
            return tuple(axes) if None in orders else tuple(reversed(axes))
        numpy.nditer(_outline((1,)), order=order)  # raises what NumPy raises
        alike = [a for a in self.operands if a.shape == self.shape]
        found = _gain.joined_order(alike) if alike and len(self.shape) > 1 else None
        return tuple(axes if found is None else found)

    def reset(self):
        """Starts again."""
        self.iterindex, self._is_begun = 0, False
        self._iters = [a.flat for a in self._turned]
        self._move()

    def _move(self):
        """The next elements become the value."""
        self.finished = self.iterindex >= self.itersize
        if self.finished:
            return
        if "external_loop" in self._flags:
            self._value = tuple(a.ravel() for a in self._turned)
        else:
            self._value = tuple(asarray(next(one)) for one in self._iters)

    def iternext(self):
        """Goes on; whether there is more."""
        self.iterindex += self.itersize if "external_loop" in self._flags else 1
        self._move()
        return not self.finished

    def _coordinates(self):
        """The place, by axes of the operands."""
        rest, found = self.iterindex, [0] * len(self.shape)
        for axis in reversed(self._axes):
            rest, found[axis] = divmod(rest, self.shape[axis])
        return tuple(found)

    @property
    def multi_index(self):
        """The coordinates of the present elements."""
        if not self.has_multi_index:
            raise ValueError("Iterator is not tracking a multi-index")
        if self.finished:
            raise ValueError("Iterator is past the end")
        return self._coordinates()

    @property
    def index(self):
        """The number of the present elements in C or Fortran order."""
        if not self.has_index:
            raise ValueError("Iterator does not have an index")
        if self.finished:
            raise ValueError("Iterator is past the end")
        order = "C" if "c_index" in self._flags else "F"
        return int(numpy.ravel_multi_index(self._coordinates(), self.shape, order=order)) if self.shape else 0

    ndim = property(lambda self: len(self.shape))
    iterrange = property(lambda self: (0, self.itersize))
    itviews = property(lambda self: tuple(self._turned))

    @property
    def value(self):
        """The present elements."""
        if self.finished:
            raise ValueError("Iterator is past the end")
        return self._value[0] if self.nop == 1 else self._value

    def __getitem__(self, key):
        if self.finished:
            raise ValueError("Iterator is past the end")
        return self._value[key]

    def __len__(self):
        return self.nop

    def __iter__(self):
        return self

    def __next__(self):
        if self.finished:
            raise StopIteration
        # The place is that of what was given until more is asked for.
        if self._is_begun and not self.iternext():
            raise StopIteration
        self._is_begun = True
        return self.value

    def close(self):
        """Ends the iteration: nothing was written."""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return None


def nested_iters(op, axes, flags=None, op_flags=None, op_dtypes=None, order="K", casting="safe", buffersize=0):
    """`numpy.nested_iters`, which isn't there."""
    raise NotImplementedError("gain has no nested iterators: loop over numpy.ndindex(a.shape[:1]) and take the part a[index]")
