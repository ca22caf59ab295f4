"""Lists and tuples with distributed arrays in them become an array without being collected anywhere."""

import numpy

from . import _gain
from ._creation import empty
from ._gain import ndarray


def joined(nest, dtype=None):
    """The array of a nest of lists and tuples, of this type if one is named; None where NumPy has an array of other things than numbers."""
    shape = _shape(nest)
    types = []
    if dtype is None:
        _types(nest, types)
    if shape is None:
        # NumPy says what is wrong, of outlines of the arrays, before it would look at an element.
        numpy.array(_outlines(nest))
        return None
    made = empty(shape, numpy.result_type(*types) if dtype is None else dtype)
    _fill(made, nest, dtype)
    return made


def _is_nest(x):
    return isinstance(x, (list, tuple))


def _shape(x):
    """The shape, or None if the parts don't have one in common."""
    if not _is_nest(x):
        return x.shape if isinstance(x, ndarray) else numpy.shape(x)
    inner = {_shape(item) for item in x}
    if len(inner) != 1:
        return None if inner else (0,)
    (inner,) = inner
    return None if inner is None else (len(x), *inner)


def _types(x, found):
    """The types of all parts."""
    if not _is_nest(x):
        found.append(x.dtype if isinstance(x, ndarray) else numpy.asarray(x).dtype)
        return
    if not any(_is_nest(item) or isinstance(item, ndarray) for item in x):
        found.append(numpy.asarray(x).dtype)
        return
    for item in x:
        _types(item, found)


def _outlines(x):
    """The nest with arrays of no memory in the place of ours."""
    if isinstance(x, ndarray):
        return numpy.broadcast_to(numpy.zeros((), x.dtype), x.shape)
    return [_outlines(item) for item in x] if _is_nest(x) else x


def _fill(made, nest, dtype):
    for place, item in enumerate(nest):
        if _is_nest(item) and any(_is_nest(one) or isinstance(one, ndarray) for one in item):
            _fill(made[place], item, dtype)
        else:
            # (Numbers beside arrays are looked at as NumPy looks at them, of a type that is named.)
            made[place] = item if isinstance(item, ndarray) else _gain.convert(item, dtype)
