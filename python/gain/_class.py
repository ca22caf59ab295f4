"""What the class `ndarray` calls of the package, and NumPy's dispatch to it."""

import functools
import math
import operator

import numpy

from . import _blocks, _elementwise, _fallback, _gain, _indexing, _reductions, _scans, _sorting
from ._gain import ndarray

# What is a method of ndarray and has no need to be quick.
METHODS = {
    "argpartition": _sorting.argpartition, "argsort": _sorting.argsort, "partition": _sorting.partition_in_place,
    "sort": _sorting.sort_in_place,
    "clip": _elementwise.clipped, "cumprod": _scans.cumprod, "cumsum": _scans.cumsum, "round": _elementwise.round,
    "choose": _indexing.choose, "compress": _indexing.method_compress, "nonzero": _indexing.nonzero, "put": _indexing.put,
    "std": _reductions.std, "take": _indexing.take, "var": _reductions.var,
}


class Flags:
    """`ndarray.flags`: what there is to know of the layout, by NumPy's names. `writeable` can be set."""

    __slots__ = ("_array", "aligned", "c_contiguous", "f_contiguous", "owndata", "writebackifcopy", "_writeable")

    def __init__(self, array, writeable):
        extents, strides, item = array.shape, array.strides, array.itemsize

        def consecutive(axes):
            step = item
            for axis in axes:
                if extents[axis] != 1 and strides[axis] != step:
                    return False
                step *= extents[axis]
            return True

        axes = range(len(extents))
        self._array = array
        self.c_contiguous = array.size == 0 or consecutive(reversed(axes))
        self.f_contiguous = array.size == 0 or consecutive(axes)
        self.owndata = array.base is None
        self.aligned = True
        self.writebackifcopy = False
        self._writeable = writeable

    def __setattr__(self, name, value):
        if name == "writeable":
            self._array.setflags(write=value)
            name = "_writeable"
        elif hasattr(self, name):
            if name == "aligned":
                return self._array.setflags(align=value)
            if name == "writebackifcopy":
                return self._array.setflags(uic=value)
            raise AttributeError(f"attribute '{name}' of 'gain.flagsobj' objects is not writable")
        object.__setattr__(self, name, bool(value) if name == "_writeable" else value)

    writeable = property(lambda self: self._writeable)
    contiguous = property(lambda self: self.c_contiguous)
    fortran = property(lambda self: self.f_contiguous)
    fnc = property(lambda self: self.f_contiguous and not self.c_contiguous)
    forc = property(lambda self: self.f_contiguous or self.c_contiguous)
    behaved = property(lambda self: self.aligned and self.writeable)
    carray = property(lambda self: self.behaved and self.c_contiguous)
    farray = property(lambda self: self.behaved and self.fnc)
    num = property(
        lambda self: self.c_contiguous | self.f_contiguous << 1 | self.owndata << 2 | self.aligned << 8
        | self.writeable << 10
    )

    def __getitem__(self, name):
        if name not in FLAGS:
            raise KeyError("Unknown flag")
        return getattr(self, FLAGS[name])

    def __setitem__(self, name, value):
        if FLAGS.get(name) not in ("writeable", "aligned", "writebackifcopy"):
            raise KeyError("Unknown flag")
        setattr(self, FLAGS[name], value)

    def __eq__(self, other):
        return self.num == other.num if isinstance(other, Flags) else NotImplemented

    __hash__ = None

    def __repr__(self):
        names = "c_contiguous", "f_contiguous", "owndata", "writeable", "aligned", "writebackifcopy"
        return "".join(f"  {name.upper()} : {getattr(self, name)}\n" for name in names)


# What may stand between the brackets of `flags[...]`.
FLAGS = {name.upper(): name for name in (
    "c_contiguous", "f_contiguous", "owndata", "writeable", "aligned", "writebackifcopy", "contiguous", "fortran",
    "fnc", "forc", "behaved", "carray", "farray",
)} | {
    "C": "c_contiguous", "F": "f_contiguous", "O": "owndata", "W": "writeable", "A": "aligned",
    "X": "writebackifcopy", "B": "behaved", "CA": "carray", "FA": "farray",
}


def iterate(array):
    """Items along the first axis of an array of several."""
    for i in range(len(array)):
        yield array[i]


def _number(x, are_whole):
    """What an element of an array of objects is compared as: a number, or None. No integer of ours is one beyond 64 bits."""
    if not isinstance(x, (bool, int, float, complex, numpy.number, numpy.bool)):
        return None
    if isinstance(x, int) and not -(2**63) <= x < 2**64:
        return None if are_whole else float(x)
    return x


def compared(array, other, for_equality):
    """`array == other`, or `!=`, of what makes no array of numbers: what is no number equals none."""
    theirs = numpy.asarray(other) if isinstance(other, (list, tuple, numpy.ndarray)) else numpy.array(None)
    is_text = theirs.dtype.kind in "US"
    numbers = [None if is_text else _number(x, array.dtype.kind in "biu") for x in theirs.astype(object).flat]
    if all(x is None for x in numbers):
        return _gain.full(numpy.broadcast_shapes(array.shape, theirs.shape), not for_equality, bool)
    are_numbers = _gain.convert([x is not None for x in numbers]).reshape(theirs.shape)
    numbers = _gain.convert([0 if x is None else x for x in numbers]).reshape(theirs.shape)
    return (array == numbers) & are_numbers if for_equality else (array != numbers) | ~are_numbers


def resized(array, new_shape, references):
    """What `ndarray.resize` makes of the array; None if it is to stay as it is. `references` is how many there are to it if
    that matters: others than the variable and the call would see it change."""
    if len(new_shape) == 0:
        return None
    if len(new_shape) == 1 and not isinstance(new_shape[0], (int, numpy.integer)):
        new_shape = new_shape[0]
    if new_shape is None:
        return None
    if not numpy.iterable(new_shape):
        raise TypeError(f"expected a sequence of integers or a single integer, got '{new_shape}'")
    shape = tuple(operator.index(extent) for extent in new_shape)
    if any(extent < 0 for extent in shape):
        raise ValueError("negative dimensions not allowed")
    flags = array.flags
    if not flags.forc:
        raise ValueError("resize only works on single-segment arrays")
    size = math.prod(shape)
    if size != array.size:
        if array.base is not None:
            raise ValueError("cannot resize this array: it does not own its data")
        if references > 2:
            raise ValueError(
                "cannot resize an array that references or is referenced\nby another object in this way.\n"
                "Use the np.resize function to get a new resized copy or\n set refcheck=False to disable this check"
            )
    order = "F" if flags.fnc else "C"
    old = array.ravel("K")
    made = _gain.zeros((size,), array.dtype)
    kept = min(size, old.size)
    made[:kept] = old[:kept]
    return made.reshape(shape, order=order)


def instance(cls, elements, attributes):
    """An instance of a subclass, as it was pickled."""
    import gain

    made = gain.array(elements).view(cls)
    vars(made).update(attributes)
    return made


def dispatch_ufunc(ufunc, method, inputs, keywords):
    """NumPy's ufunc on our arrays is ours; an `out` that is NumPy's receives a copy.

    Where a class with rules of its own takes part, these hold: `__array_ufunc__` of its own is asked next, and a
    subclass of NumPy's array gets NumPy arrays in the place of ours.
    """
    keywords = dict(keywords or {})
    out = keywords.pop("out", None)
    stances = {_gain.stance(x) for x in (*inputs, *(out or ()))}
    if "overrides" in stances or "refuses" in stances:
        return NotImplemented
    if "subclass" in stances and not any(isinstance(x, ndarray) for x in out or ()):
        name = f"{ufunc.__name__} of a {next(type(x).__name__ for x in (*inputs, *(out or ())) if _gain.stance(x) == 'subclass')}"
        given = dict(zip(keywords, _fallback.handed(name, *keywords.values())))
        given |= {"out": out} if out else {}
        return getattr(ufunc, method)(*_fallback.handed(name, *inputs), **given)
    ours = ufunc if isinstance(ufunc, _gain.ufunc) else _table(numpy.ufunc).get(ufunc)
    if ours is None and method == "__call__" and out is None and _is_another(ufunc):
        return _blocks.elementwise(ufunc, inputs, keywords)
    if ours is None or method not in ("__call__", "reduce", "accumulate", "reduceat", "outer", "at"):
        return NotImplemented
    # Elements are all that is wanted of a subclass whose result goes into one of our arrays.
    inputs = tuple(numpy.asarray(x) if _gain.stance(x) == "subclass" else x for x in inputs)
    call = ours if method == "__call__" else getattr(ours, method, None)
    if call is None:
        return NotImplemented
    if out is None:
        return call(*inputs, **keywords)
    if all(o is None or isinstance(o, ndarray) for o in out):
        return call(*inputs, out=out if method == "__call__" else out[0], **keywords)
    mask = keywords.pop("where", True)
    made = call(*inputs, **keywords)
    made = made if isinstance(made, tuple) else (made,)
    for target, value in zip(out, made):
        numpy.copyto(target, numpy.asarray(value), where=numpy.asarray(mask))
    return out[0] if len(out) == 1 else out


@functools.cache
def _table(kind):
    """Our functions by NumPy's of this kind: by the object, as other libraries have functions of the same names."""
    import gain

    named = [(getattr(numpy, name, None), ours) for name, ours in vars(gain).items() if not name.startswith("_")]
    named.append((numpy._core.umath.clip, _gain.UFUNCS["clip"]))
    return {theirs: ours for theirs, ours in named if _is_function(theirs, kind) and theirs is not ours}


def _is_function(theirs, kind):
    return callable(theirs) and not isinstance(theirs, type) and isinstance(theirs, kind)


def _is_another(ufunc):
    """Whether this is another library's function of numbers, element by element."""
    if not isinstance(ufunc, numpy.ufunc):
        return False
    return ufunc.signature is None and getattr(numpy, ufunc.__name__, None) is not ufunc and any("O" not in types for types in ufunc.types)


def dispatch_function(function, types, arguments, keywords):
    """NumPy's function on our arrays is ours, if we have it and no class with a way of its own takes part."""
    for cls in types:
        if not issubclass(cls, ndarray) and not (
            cls.__array_function__ is numpy.ndarray.__array_function__ and _is_plain(cls)
        ):
            return NotImplemented
    ours = _table(object).get(function)
    return NotImplemented if ours is None else ours(*arguments, **keywords)


def _is_plain(cls):
    """Whether instances of this class of NumPy's arrays are elements and nothing else."""
    priority = cls.__array_priority__
    return cls is numpy.ndarray or isinstance(priority, float) and priority < 0
