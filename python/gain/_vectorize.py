"""NumPy's `vectorize`."""

import functools
import re

import numpy

from ._base import ABSENT, asarray
from ._callbacks import LETTERS, called, common_shape, objects, spread
from ._creation import empty
from ._shapes import broadcast_to

__all__ = ["vectorize"]

_AXES = r"\([^()]*\)"
_LIST = rf"{_AXES}(?:,{_AXES})*"


def _signature(text):
    """The names of the axes of each input and each output."""
    text = re.sub(r"\s+", "", text)
    if not re.fullmatch(rf"{_LIST}->{_LIST}", text) or not re.fullmatch(r"[\w,()>-]*", text):
        raise ValueError(f"not a valid gufunc signature: {text}")
    sides = text.split("->")
    return [[tuple(x for x in one[1:-1].split(",") if x) for one in re.findall(_AXES, side)] for side in sides]


class vectorize:
    """`numpy.vectorize`: the function is called on each rank for the elements that it has.

    With `signature` it is called on all ranks for each item, with arrays.
    """

    def __init__(self, pyfunc=ABSENT, otypes=None, doc=None, excluded=None, cache=False, signature=None):
        if pyfunc is not ABSENT and not callable(pyfunc):
            raise TypeError("When used as a decorator, only accepts keyword arguments.")
        self.pyfunc, self.cache, self.signature = pyfunc, cache, signature
        self._doc = doc
        if isinstance(otypes, str):
            for char in otypes:
                if char not in numpy.typecodes["All"]:
                    raise ValueError(f"Invalid otype specified: {char}")
        elif numpy.iterable(otypes):
            otypes = [numpy.dtype(x).char for x in otypes]
        elif otypes is not None:
            raise ValueError("Invalid otype specification")
        self.otypes = None if otypes is None else "".join(otypes)
        self.excluded = set() if excluded is None else set(excluded)
        self._axes = None if signature is None else _signature(signature)
        if pyfunc is not ABSENT:
            self._of(pyfunc)

    def _of(self, function):
        self.pyfunc = function
        self.__name__ = getattr(function, "__name__", None) or self.__class__.__name__
        self.__doc__ = self._doc if self._doc is not None else getattr(function, "__doc__", None)
        if hasattr(function, "__wrapped__") or hasattr(function, "__module__"):
            self.__wrapped__ = function

    def __get__(self, instance, owner=None):
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args, **kwargs):
        if self.pyfunc is ABSENT:
            self._of(*args, **kwargs)
            return self
        if not kwargs and not self.excluded:
            return self._over(self.pyfunc, args)
        names = [name for name in kwargs if name not in self.excluded]
        places = [i for i in range(len(args)) if i not in self.excluded]

        def function(*varying):
            given, keywords = list(args), dict(kwargs)
            for place, value in zip(places, varying):
                given[place] = value
            keywords.update(zip(names, varying[len(places):]))
            return self.pyfunc(*given, **keywords)

        return self._over(function, [args[i] for i in places] + [kwargs[name] for name in names])

    def _over(self, function, args):
        if self._axes is not None:
            return self._over_items(function, args)
        if not args:
            return function()
        operands = [asarray(x) for x in args]
        shape = common_shape(operands)
        types, first = (self.otypes, ()) if self.otypes is not None else self._types(function, operands)

        def split(values):
            columns = zip(*values) if len(types) > 1 else [values]
            return [objects(list(column)).astype(dtype) for column, dtype in zip(columns, types)]

        parts, start, stop = called(function, operands, shape, split, first if self.cache else ())
        made = [spread([part[i] for part in parts], dtype, shape, start, stop) for i, dtype in enumerate(types)]
        return made[0] if len(made) == 1 else tuple(made)

    @staticmethod
    def _types(function, operands):
        """The types of the results for the first element, and these."""
        if any(a.size == 0 for a in operands):
            raise ValueError("cannot call `vectorize` on size 0 inputs unless `otypes` is set")
        first = function(*(a[(0,) * a.ndim] if a.ndim else a[()] for a in operands))
        types = "".join(numpy.asarray(x).dtype.char for x in (first if isinstance(first, tuple) else (first,)))
        for char in types:
            if char not in LETTERS:
                empty(0, char)  # refuses what arrays can't be of
        return types, [first]

    def _over_items(self, function, args):
        """With a signature: the function takes arrays of some axes each, and all ranks call it together."""
        inputs, outputs = self._axes
        if len(args) != len(inputs):
            raise TypeError(f"wrong number of positional arguments: expected {len(inputs)!r}, got {len(args)!r}")
        operands, extents, loops = [asarray(x) for x in args], {}, []
        for a, axes in zip(operands, inputs):
            loops.append(a.shape[:self._bind(a, axes, extents)])
        loop = numpy.broadcast_shapes(*loops)
        operands = [broadcast_to(a, loop + a.shape[a.ndim - len(axes):]) for a, axes in zip(operands, inputs)]
        made = None
        for index in numpy.ndindex(*loop):
            results = function(*(a[index] for a in operands))
            count = len(results) if isinstance(results, tuple) else 1
            if count != len(outputs):
                raise ValueError(f"wrong number of outputs from pyfunc: expected {len(outputs)!r}, got {count!r}")
            results = [asarray(x) for x in ((results,) if count == 1 and not isinstance(results, tuple) else results)]
            if made is None:
                for x, axes in zip(results, outputs):
                    self._bind(x, axes, extents)
                made = self._new(loop, outputs, extents, [x.dtype for x in results])
            for target, x in zip(made, results):
                target[index] = x
        if made is None:
            if self.otypes is None:
                raise ValueError("cannot call `vectorize` on size 0 inputs unless `otypes` is set")
            if any(name not in extents for axes in outputs for name in axes):
                raise ValueError(
                    "cannot call `vectorize` with a signature including new output dimensions on size 0 inputs"
                )
            made = self._new(loop, outputs, extents, self.otypes)
        return made[0] if len(made) == 1 else tuple(made)

    def _new(self, loop, outputs, extents, types):
        types = types if self.otypes is None else self.otypes
        return [empty(loop + tuple(extents[name] for name in axes), t) for axes, t in zip(outputs, types)]

    @staticmethod
    def _bind(a, axes, extents):
        """Learns the extents of the named axes, the last ones of `a`; how many others there are."""
        if a.ndim < len(axes):
            raise ValueError(
                f"{a.ndim}-dimensional argument does not have enough dimensions for all core dimensions {axes!r}"
            )
        for name, extent in zip(axes, a.shape[a.ndim - len(axes):]):
            if extents.setdefault(name, extent) != extent:
                raise ValueError(f"inconsistent size for core dimension {name!r}: {extent!r} vs {extents[name]!r}")
        return a.ndim - len(axes)
