"""Python functions called for each element: every rank calls them for its own elements, and nothing is gathered.

An array below the threshold is on every rank, and so every rank calls the function for all of it: what it returns must
depend on its arguments alone, and it must not use arrays. An exception on one rank is raised on all.
"""

import math

import numpy

from . import _gain
from ._base import OURS, asarray, axis_index
from ._creation import asanyarray, empty
from ._elementwise import _into
from ._gain import ndarray
from ._shapes import broadcast_to, expand_dims, moveaxis
from ._transfer import together

__all__ = ["apply_along_axis", "apply_over_axes", "frompyfunc"]

# Elements that are Python objects at one time.
CHUNK = 1 << 16
LETTERS = "?bhilqBHILQefdFD"


def apply_along_axis(func1d, axis, arr, *args, **kwargs):
    """`numpy.apply_along_axis`: all ranks call the function together, with an array for each line."""
    arr = asarray(arr)
    axis = axis_index(axis, arr.ndim)
    lines = moveaxis(arr, axis, -1)
    if 0 in lines.shape[:-1]:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    made, cls = None, type(arr)
    for index in numpy.ndindex(*lines.shape[:-1]):
        one = func1d(lines[index], *args, **kwargs)
        if made is None and isinstance(one, ndarray):
            cls = type(one)
        one = asarray(one)
        if made is None:
            made = empty(lines.shape[:-1] + one.shape, one.dtype)
        made[index] = one
    outer = lines.ndim - 1
    made = made if cls is ndarray else made.view(cls)
    return moveaxis(made, range(outer, made.ndim), range(axis, axis + made.ndim - outer))


def apply_over_axes(func, a, axes):
    """`numpy.apply_over_axes`"""
    count = a.ndim
    made = asarray(a)
    for axis in (axes,) if numpy.ndim(axes) == 0 else axes:
        axis = axis + count if axis < 0 else axis
        before, made = made, func(made, axis)
        if made.ndim != before.ndim:
            made = expand_dims(made, axis)
            if made.ndim != before.ndim:
                raise ValueError("function is not returning an array of the correct shape")
    return made


def _of_each(value):
    """The integer that each rank has, on all of them."""
    count = _gain.ranks()
    if count == 1:
        return numpy.array([value])
    mine = _gain.convert(numpy.full(count, value))
    return _gain.redistribute(mine, list(range(count))).numpy()


def _agreed(error):
    """Raises on all ranks what was raised on the first of those that raised something."""
    def tell():
        if error is not None:
            raise error

    together(tell)


def common_shape(operands):
    """The shape that the operands are broadcast to."""
    shapes = [a.shape for a in operands]
    if shapes.count(shapes[0]) == len(shapes):
        return shapes[0]
    try:
        return numpy.broadcast_shapes(*shapes)
    except ValueError:
        listed = "".join(f"{shape} ".replace(", ", ",") for shape in shapes)
        raise ValueError(f"operands could not be broadcast together with shapes {listed}") from None


def called(function, operands, shape, convert, first=()):
    """What `function` returns for each element of the operands, which are broadcast to this shape.

    This rank's part alone: `convert` makes of a list of what was returned what is kept of it. The parts, and the run of
    the flat index that they are for. What is known for the first element may be handed in.
    """
    place = _gain.empty(shape, bool)
    whole = place.is_replicated
    start, stop = (0, place.size) if whole or _gain.ranks() == 1 else place.blocks[_gain.rank()]
    columns = [a.item() if a.size == 1 else (a if a.shape == shape else broadcast_to(a, shape)).ravel() for a in operands]
    if whole:
        columns = [c.numpy() if isinstance(c, ndarray) else c for c in columns]
    else:
        columns = [c.force() if isinstance(c, ndarray) else c for c in columns]
        _gain.barrier()
    parts, error = [], None
    try:
        for low in range(start, stop, CHUNK):
            high = min(low + CHUNK, stop)
            values = [_listed(c, low, high) for c in columns]
            if low == 0 and first:
                rest = map(function, *(column[1:] for column in values))
                parts.append(convert([first[0], *rest]))
            else:
                parts.append(convert(list(map(function, *values))))
    except Exception as raised:
        error = raised
    if not whole:
        _agreed(error)
    elif error is not None:
        raise error
    return parts, start, stop


def _listed(column, low, high):
    """The elements of a part as Python's numbers."""
    if isinstance(column, ndarray):
        return column.get(slice(low, high)).tolist()
    return column[low:high].tolist() if isinstance(column, numpy.ndarray) else [column] * (high - low)


def spread(parts, dtype, shape, start, stop):
    """An array of which each rank has given its part."""
    size = math.prod(shape)
    if len(parts) == 1 and len(parts[0]) == size:
        return _gain.convert(parts[0].astype(dtype, copy=False).reshape(shape), None, True)
    whole = numpy.empty(size, dtype)  # of which only this rank's pages are touched
    place = start
    for part in parts:
        whole[place:place + len(part)] = part
        place += len(part)
    return _gain.convert(whole.reshape(shape), None, True)


def objects(values):
    """The values as NumPy's array of objects, whatever they are."""
    return numpy.fromiter(values, object, len(values))


def numbers(values):
    """The values as an array of the type that they have together."""
    made = numpy.array(values) if values else numpy.empty(0, bool)
    if made.ndim != 1 or made.dtype.char not in LETTERS:
        raise TypeError(
            f"gain has no arrays of objects: a function of frompyfunc must return numbers, not {type(values[0]).__name__}"
        )
    return made


class frompyfunc:
    """`numpy.frompyfunc`: results are arrays of numbers, of the type that the returned values have together."""

    def __init__(self, *arguments, **keywords):
        self._theirs = theirs = numpy.frompyfunc(*arguments, **keywords)  # raises what NumPy raises
        self._function = arguments[0]
        self.nin, self.nout, self.nargs, self.identity = theirs.nin, theirs.nout, theirs.nargs, theirs.identity
        self.ntypes, self.types, self.signature = theirs.ntypes, theirs.types, theirs.signature
        self.__name__, self.__doc__ = theirs.__name__, theirs.__doc__

    def __repr__(self):
        return f"<ufunc '{self.__name__}'>"

    def __call__(self, *args, out=None):
        if len(args) > self.nin:
            if out is not None or len(args) > self.nargs:
                self._theirs(*args, **({} if out is None else {"out": out}))  # raises what NumPy raises
            args, out = args[:self.nin], args[self.nin:]
        if len(args) < self.nin or not any(isinstance(x, OURS) for x in args) and all(numpy.ndim(x) == 0 for x in args):
            return self._theirs(*args) if out is None else self._theirs(*args, out=out)
        operands = [asanyarray(x) for x in args]
        shape = common_shape(operands)
        if not shape:
            made = self._function(*(a.item() for a in operands))
            made = made if isinstance(made, tuple) and self.nout > 1 else (made,)
        else:
            made = self._arrays(operands, shape)
        if out is not None:
            given = out if isinstance(out, tuple) else (out,)
            made = [m if o is None else _into(o, asarray(m), numpy.positive, "unsafe") for m, o in zip(made, given)]
        return made[0] if self.nout == 1 else tuple(made)

    def _arrays(self, operands, shape):
        def split(values):
            if self.nout == 1:
                return [numbers(values)]
            return [numbers([each[i] for each in values]) for i in range(self.nout)]

        parts, start, stop = called(self._function, operands, shape, split)
        made = []
        for i in range(self.nout):
            mine = [part[i] for part in parts]
            known = numpy.result_type(*mine).char if mine else None
            codes = _of_each(-1 if known is None else LETTERS.index(known))
            dtype = numpy.result_type(*[LETTERS[code] for code in codes if code >= 0] or ["d"])
            made.append(spread(mine, dtype, shape, start, stop))
        return made

    def outer(self, a, b, /):
        """All pairs of elements."""
        a, b = asarray(a), asarray(b)
        return self(a[(...,) + (None,) * b.ndim], b)

    def _refuse(self, *arguments, **keywords):
        """Not there: folds by a Python function."""
        raise NotImplementedError("gain folds by its own ufuncs, not by Python functions")

    reduce = accumulate = reduceat = at = _refuse
