"""NumPy's iterators over several arrays at once, `nditer` and `nested_iters`.

NumPy's own iterators do the work: on one rank over the arrays' memory, on several over copies that every rank has whole, which is
told of (`set_fallback`). What was written to copies goes to the arrays when the iteration is over or closed, or its operands are
asked for. Arrays that are spread over ranks and only read come block by block instead.
"""

import math

import numpy

from . import _gain
from ._base import asarray
from ._fallback import tell
from ._gain import ndarray
from ._shapes import broadcast_to

__all__ = ["nditer", "nested_iters"]

_WRITING = {"readwrite", "writeonly"}
# Flags that an iteration by blocks has; where elements are buffered nobody sees.
_FLAGS = {
    "buffered", "c_index", "common_dtype", "copy_if_overlap", "delay_bufalloc", "external_loop", "f_index", "grow_inner", "growinner",
    "multi_index", "ranged", "refs_ok", "reduce_ok", "zerosize_ok",
}


class _Operands:
    """What is iterated over: the arrays that were given, and the memory that NumPy has for each."""

    def __init__(self, op, op_flags):
        given = list(op) if isinstance(op, (tuple, list)) else [op]
        self.given = [one if one is None else asarray(one) for one in given]
        self._spread = [a for a in self.given if a is not None and not a.is_replicated]
        flags = list(op_flags or ())
        flags = [flags] * len(given) if flags and isinstance(flags[0], str) else flags
        self._written = [a is None for a in self.given]
        for place, names in enumerate(flags[:len(given)]):
            self._written[place] |= not _WRITING.isdisjoint(names)
        self._is_apart = _gain.ranks() > 1 or _gain.in_session()

    def read_apart(self):
        """Whether some operand is spread over ranks, and all are only read."""
        return self._is_apart and bool(self._spread) and not any(self._written)

    def is_written(self):
        """Whether elements of some operand are written."""
        return any(self._written)

    def memory(self):
        """The operands as NumPy has them."""
        if self._is_apart:
            tell("nditer", sum(a.nbytes for a in self._spread))
        found, wholes = {}, {}
        for a in self.given:
            if a is not None and id(a) not in found:
                found[id(a)] = self._copy(a, wholes) if self._is_apart else numpy.asarray(a)
        self._theirs = [a if a is None else found[id(a)] for a in self.given]
        return self._theirs

    def _copy(self, a, wholes):
        """An array's elements, with its steps; where something is written arrays of common memory have it here, too."""
        base = a.base
        if any(self._written) and a.size and type(base) is ndarray and base.dtype == a.dtype:
            (_, place, _), (key, first, _) = a._memory(), base._memory()
            whole = wholes.setdefault(key, base.numpy() if key not in wholes else None)
            made = numpy.ndarray(a.shape, a.dtype, whole.ravel("K"), place - first, a.strides)
        else:
            made = _laid(a)
            wholes[a._memory()[0]] = made
        made.flags.writeable = a.flags.writeable
        return made

    def shown(self, place, theirs):
        """Operand `place`, which NumPy has as `theirs`."""
        given = self.given[place]
        if given is None:
            # Allocated by NumPy: on several ranks what is written there later is copied, too.
            given, self._theirs[place] = _gain.over(theirs), theirs
            self.given[place] = given
        return given if theirs is self._theirs[place] else theirs if self._is_apart else _gain.over(theirs)

    def settle(self):
        """The arrays get what was written to copies of them."""
        if self._is_apart and self.is_written():
            for a, theirs, is_written in zip(self.given, self._theirs, self._written):
                if is_written and theirs is not None:
                    a[...] = theirs


def _laid(a):
    """A copy of an array's elements whose axes lie in memory as the array's do."""
    if a.ndim == 0:
        return a.numpy()
    order = sorted(range(a.ndim), key=lambda axis: -abs(a.strides[axis]))
    turned = tuple(slice(None, None, -1 if step < 0 else None) for step in a.strides)
    return a[turned].transpose(order).numpy().transpose(numpy.argsort(order))[turned]


class _Blocks:
    """The part of NumPy's iterator that reads, over arrays spread over ranks, block by block."""

    def __init__(self, arrays, flags, op_dtypes, order, casting):
        self._flags = set(flags)
        if op_dtypes is not None:
            dtypes = list(op_dtypes) if isinstance(op_dtypes, (tuple, list)) else [op_dtypes] * len(arrays)
            arrays = [a if dtype is None else a.astype(dtype, casting=casting, copy=False) for a, dtype in zip(arrays, dtypes)]
        elif "common_dtype" in self._flags:
            dtype = numpy.result_type(*(a.dtype for a in arrays))
            arrays = [a.astype(dtype, copy=False) for a in arrays]
        numpy.nditer([numpy.broadcast_to(numpy.int8(0), a.shape) for a in arrays], ["zerosize_ok"])  # raises what NumPy raises
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
        numpy.nditer(numpy.int8(0), order=order)  # raises what NumPy raises
        alike = [a for a in self.operands if a.shape == self.shape]
        found = _gain.joined_order(alike) if alike and len(self.shape) > 1 else None
        return tuple(axes if found is None else found)

    def reset(self):
        """Starts again."""
        self.iterindex, self.is_begun = 0, False
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

    def __next__(self):
        if self.finished:
            raise StopIteration
        # The place is that of what was given until more is asked for.
        if self.is_begun and not self.iternext():
            raise StopIteration
        self.is_begun = True
        return self.value

    def __getitem__(self, key):
        if self.finished:
            raise ValueError("Iterator is past the end")
        return self._value[key]

    def close(self):
        """Ends the iteration: nothing was written."""


class nditer:
    """`numpy.nditer`. The elements are NumPy's arrays where something is written, else ours."""

    __slots__ = ("__weakref__", "_again", "_inner", "_operands")

    def __init__(
        self, op, flags=None, op_flags=None, op_dtypes=None, order="K", casting="safe", op_axes=None, itershape=None,
        buffersize=0,
    ):
        operands = self._operands = _Operands(op, op_flags)
        self._again = lambda: numpy.nditer(
            operands.memory(), flags, op_flags, op_dtypes, order, casting, op_axes, itershape, buffersize,
        )
        if op_axes is None and itershape is None and operands.read_apart() and _FLAGS.issuperset(flags or ()):
            self._inner = _Blocks(operands.given, flags or (), op_dtypes, order, casting)
        else:
            self._inner = self._again()

    @classmethod
    def _over(cls, operands, inner):
        """An iterator of NumPy's over these operands."""
        self = cls.__new__(cls)
        self._operands, self._inner, self._again = operands, inner, None
        return self

    def _theirs(self):
        """NumPy's own iterator, for what an iteration by blocks doesn't have."""
        if isinstance(self._inner, _Blocks):
            blocks, self._inner = self._inner, self._again()
            if blocks.iterindex:
                self._inner.iterindex = blocks.iterindex
            if blocks.is_begun:
                next(self._inner)
        return self._inner

    def _ours(self, value):
        """Elements, as they are given out."""
        if isinstance(self._inner, _Blocks) or self._operands.is_written():
            return value
        return tuple(map(_gain.over, value)) if isinstance(value, tuple) else _gain.over(value)

    @property
    def operands(self):
        """The arrays; what has been written to them is there."""
        if isinstance(self._inner, _Blocks):
            return self._inner.operands
        shown = tuple(self._operands.shown(place, theirs) for place, theirs in enumerate(self._inner.operands))
        self._operands.settle()
        return shown

    @property
    def value(self):
        """The present elements."""
        return self._ours(self._inner.value)

    @property
    def itviews(self):
        """The arrays with their axes in the order of the iteration."""
        return self._ours(self._inner.itviews)

    def iternext(self):
        """Goes on; whether there is more. Collective if something is written."""
        is_more = self._inner.iternext()
        if not is_more:
            self._operands.settle()
        return is_more

    def __next__(self):
        try:
            return self._ours(next(self._inner))
        except StopIteration:
            self._operands.settle()
            raise

    def copy(self):
        """Another iterator that is at the same place."""
        return self._over(self._operands, self._theirs().copy())

    __copy__ = copy

    def close(self):
        """Ends the iteration, and writes what is still to be written. Collective if something is written."""
        self._inner.close()
        self._operands.settle()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def __iter__(self):
        return self

    def __len__(self):
        return self.nop

    def __getitem__(self, key):
        return self._ours(self._inner[key])

    def __setitem__(self, key, value):
        self._theirs()[key] = value


def _attribute(name, is_settable):
    """An attribute of NumPy's iterator."""
    write = (lambda self, value: setattr(self._theirs(), name, value)) if is_settable else None
    return property(lambda self: getattr(self._inner, name), write, None, f"`numpy.nditer.{name}`")


def _method(name):
    """A method of NumPy's iterator that moves no element."""
    def call(self, *arguments):
        return getattr(self._inner if hasattr(self._inner, name) else self._theirs(), name)(*arguments)

    call.__name__, call.__doc__ = name, f"`numpy.nditer.{name}`"
    return call


for _name in ("dtypes", "finished", "has_delayed_bufalloc", "has_index", "has_multi_index", "iterationneedsapi", "itersize", "ndim", "nop", "shape"):
    setattr(nditer, _name, _attribute(_name, False))
for _name in ("index", "iterindex", "iterrange", "multi_index"):
    setattr(nditer, _name, _attribute(_name, True))
for _name in ("debug_print", "enable_external_loop", "remove_axis", "remove_multi_index", "reset"):
    setattr(nditer, _name, _method(_name))


def nested_iters(op, axes, flags=None, op_flags=None, op_dtypes=None, order="K", casting="safe", buffersize=0):
    """`numpy.nested_iters`: iterators of which each begins anew where the one before it goes on."""
    operands = _Operands(op, op_flags)
    found = numpy.nested_iters(operands.memory(), axes, flags, op_flags, op_dtypes, order, casting, buffersize)
    return tuple(nditer._over(operands, inner) for inner in found)
