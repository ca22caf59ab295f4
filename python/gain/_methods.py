"""Methods of the ufuncs that have no need to be quick: `outer`; and what a ufunc tells of itself."""

import functools

import numpy

from ._base import asarray, ufuncs
from ._gain import ndarray

# The letters of the types that our arrays have.
LETTERS = set("?bhilqBHILQefdFD")


@functools.cache
def types(theirs):
    """`ufunc.types`: NumPy's, as far as we have them."""
    return [loop for loop in theirs.types if set(loop) <= LETTERS | set("->")]


def named(name):
    """The ufunc of this name, as pickles have it."""
    return ufuncs[name]


def segments(indices):
    """The indices of `reduceat`, in a row."""
    indices = indices.numpy() if isinstance(indices, ndarray) else indices
    made = numpy.array(indices, dtype=numpy.intp, order="C", ndmin=1)
    if made.ndim > 1:
        raise ValueError("object too deep for desired array")
    return made


def outer(ufunc, a, b, **keywords):
    """`ufunc.outer(a, b)`: all pairs of elements."""
    a, b = asarray(a), asarray(b)
    return ufunc(a[(...,) + (None,) * b.ndim], b, **keywords)
