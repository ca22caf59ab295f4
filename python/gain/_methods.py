"""Methods of the ufuncs that have no need to be quick: `outer`, `at`; and what a ufunc tells of itself."""

import functools

import numpy

from . import _gain
from ._base import asarray, ufuncs
from ._fallback import few
from ._gain import ndarray
from ._elementwise import where
from ._shapes import broadcast_to

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
    """The indices of `reduceat` as a list."""
    return numpy.atleast_1d(numpy.array(few("reduceat", indices), dtype=numpy.intp, ndmin=1)).tolist()


def rare_call(ufunc, arguments, keywords):
    """A call with `signature=`, or with `out=...`, which asks for arrays also where there are no axes."""
    keywords = dict(keywords or {})
    if any(one is ... for one in arguments[ufunc.nin :]):
        raise TypeError("out=... is only allowed as a keyword argument.")
    out = keywords.get("out")
    if isinstance(out, tuple) and any(one is ... for one in out):
        raise TypeError("must use `...` as `out=...` and not per-operand/in a tuple")
    if out is ...:
        del keywords["out"]
        made = ufunc(*arguments, **keywords)
        return tuple(map(asarray, made)) if isinstance(made, tuple) else asarray(made)
    theirs, given = getattr(numpy, ufunc.__name__), {}
    for name in ("signature", "sig", "dtype"):
        if name in keywords:
            given[name] = keywords.pop(name)
    arrays = [asarray(one) for one in arguments[: ufunc.nin]]
    casting = keywords.get("casting", "same_kind")
    # What is wrong with them NumPy says, of one element.
    theirs(*(numpy.ones(1, one.dtype) for one in arrays), **given, casting=casting)
    wanted = given.get("signature", given.get("sig"))
    if isinstance(wanted, (str, bytes)):
        wanted = wanted if isinstance(wanted, str) else wanted.decode()
        wanted = tuple(map(numpy.dtype, wanted.replace("->", "")))
    weak = [type(one) if type(one) in (int, float, complex) else array.dtype for one, array in zip(arguments, arrays)]
    types = theirs.resolve_dtypes((*weak, *(None,) * ufunc.nout), signature=wanted, casting=casting)
    inputs = [array.astype(dtype, copy=False) for array, dtype in zip(arrays, types)]
    return ufunc(*inputs, *arguments[ufunc.nin :], **keywords)


def outer(ufunc, a, b, **keywords):
    """`ufunc.outer(a, b)`: all pairs of elements."""
    a, b = asarray(a), asarray(b)
    if a.ndim + b.ndim > 64:
        raise ValueError(
            f"maximum supported dimension for an ndarray is 64, but `{ufunc.__name__}.outer()` result would have {a.ndim + b.ndim}."
        )
    return ufunc(a[(...,) + (None,) * b.ndim], b, **keywords)


def at(ufunc, a, indices, b):
    """`ufunc.at(a, indices, b)`: in place, once for each time that an element is named."""
    if ufunc.nout != 1:
        raise ValueError("Only single output ufuncs supported at this time")
    if not isinstance(a, ndarray):
        raise TypeError("first operand must be array")
    if ufunc.nin > 2:
        raise ValueError("Only unary and binary ufuncs supported at this time")
    if ufunc.nin == 1 and b is not None:
        raise ValueError("second operand provided when ufunc is unary")
    if ufunc.nin == 2 and b is None:
        raise ValueError("second operand needed for ufunc")
    b = None if b is None else asarray(b)
    types = (a.dtype,) if b is None else (a.dtype, b.dtype)
    ufunc.resolve_dtypes((*types, None))  # raises what NumPy raises
    flat = asarray(flat_indices(a.shape, indices if isinstance(indices, tuple) else (indices,)))
    if b is not None:
        while b.ndim > flat.ndim and b.shape[0] == 1:
            b = b[0]
        try:
            b = broadcast_to(b, flat.shape)
        except ValueError:
            raise ValueError("array is not broadcastable to correct shape") from None
    _gain.update_at(ufunc, a, flat, b)


def flat_indices(extents, items):
    """The flat indices that an index of an array of these extents names.

    Arrays of ours, one for each axis, stay spread over the ranks; anything else every rank works out for itself.
    """
    if len(items) != len(extents) or not all(isinstance(item, ndarray) and item.dtype.kind in "iu" for item in items):
        items = tuple(few("ufunc.at", item) for item in items)
        return numpy.arange(int(numpy.prod(extents, dtype=int))).reshape(extents)[items]
    flat = 0
    for axis, (item, extent) in enumerate(zip(items, extents)):
        for extreme in (item.min(), item.max()) if item.size else ():
            if not -extent <= int(extreme) < extent:
                raise IndexError(f"index {extreme} is out of bounds for axis {axis} with size {extent}")
        item = item.astype(numpy.int64)
        flat = flat * extent + where(item < 0, item + extent, item)
    return flat
