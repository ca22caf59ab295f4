"""Methods of the ufuncs that have no need to be quick: `outer`; and what a ufunc tells of itself."""

import functools

import numpy

from ._base import asarray, ufuncs
from ._fallback import few

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
    made = few("reduceat", indices)
    if isinstance(made, numpy.ndarray):
        if not numpy.can_cast(made.dtype, numpy.intp):
            raise TypeError(f"Cannot cast array data from {made.dtype!r} to dtype('int64') according to the rule 'safe'")
        if made.ndim > 1:
            raise ValueError("object too deep for desired array")
    made = numpy.array(made, dtype=numpy.intp, order="C") if numpy.shape(made) else made
    if numpy.ndim(made) == 0:
        raise ValueError("object of too small depth for desired array")
    if made.ndim > 1:
        raise ValueError("setting an array element with a sequence. The requested array would exceed the maximum number of dimension of 1.")
    return made


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
    are_numbers = [type(one) in (int, float, complex) for one in arguments[: ufunc.nin]]
    asked = [one if plain else numpy.ones(1, array.dtype) for one, plain, array in zip(arguments, are_numbers, arrays)]
    with numpy.errstate(all="ignore"):
        theirs(*asked, **given, casting=casting)
    wanted = given.get("signature", given.get("sig"))
    if isinstance(wanted, (str, bytes)):
        wanted = wanted if isinstance(wanted, str) else wanted.decode()
        wanted = tuple(map(numpy.dtype, wanted.replace("->", "")))
    weak = [type(one) if plain else array.dtype for one, plain, array in zip(arguments, are_numbers, arrays)]
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
