"""Other libraries' universal functions: each rank calls them for the elements that it has.

What the function does is its own affair; it sees NumPy's arrays of one axis, and elements that belong together. Collective.
"""

import numpy

from . import _gain
from ._base import asarray
from ._transfer import together
from ._gain import ndarray
from ._shapes import broadcast_to


def elementwise(function, inputs, keywords):
    """What a ufunc of another library gives for arrays of ours and whatever can be broadcast with them."""
    if function.signature is not None:
        raise TypeError(f"{function.__name__} is not element by element: gain has no such function")
    if bad := [name for name in keywords if name not in ("casting", "dtype")]:
        raise TypeError(f"{function.__name__} of another library takes no {bad[0]}= here")
    arrays = [asarray(x) if isinstance(x, (ndarray, _gain.flatiter)) or numpy.ndim(x) else x for x in inputs]
    shape = numpy.broadcast_shapes(*(x.shape for x in arrays if isinstance(x, ndarray)))
    # (A copy of a whole array costs nothing; that of a view lies as arrays of its size do.)
    arrays = [broadcast_to(x, shape).copy() if isinstance(x, ndarray) else x for x in arrays]
    start, mine = _own(arrays)

    def call():
        made = function(*mine, **keywords)
        for one in made if isinstance(made, tuple) else (made,):
            if one.dtype.kind not in "biufc" or one.dtype.itemsize > 16:
                raise TypeError(f"{function.__name__} gives elements of type {one.dtype}, of which gain has none")
        return made

    made = together(call)
    joined = tuple(_joined(shape, start, one) for one in (made if isinstance(made, tuple) else (made,)))
    return joined if isinstance(made, tuple) else joined[0]


def _own(arrays):
    """Where this rank's elements begin (None: it has all), and these of each array; what is no array stays as it is."""
    spread = [x for x in arrays if isinstance(x, ndarray) and not x.is_replicated]
    if _gain.ranks() == 1 or not spread:
        return None, [x.numpy() if isinstance(x, ndarray) else x for x in arrays]
    ranges = spread[0].force().distribution()
    start, stop = ranges[_gain.rank()]
    found = []
    for x in arrays:
        if isinstance(x, ndarray) and not x.is_replicated:
            x = x if x.force().distribution() == ranges else _gain.redistribute(x, ranges)
            x = _gain.own_elements(x)[1]
        elif isinstance(x, ndarray):
            x = x.numpy().reshape(-1)[start:stop]
        found.append(x)
    return start, found


def _joined(shape, start, mine):
    """The array of what the ranks have."""
    if start is None:
        return asarray(mine) if shape else mine[()]
    return _gain.of_parts(shape, mine.dtype, start, numpy.ascontiguousarray(mine).tobytes())
