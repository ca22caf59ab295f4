"""NumPy's elementwise functions that are no ufuncs."""

import numpy

from . import _gain
from ._base import ABSENT, OURS, asarray, shape, ufuncs
from ._gain import ndarray

__all__ = [
    "allclose", "array_equal", "can_cast", "clip", "copyto", "imag", "isclose", "isnat", "real", "result_type", "round", "where",
]


# What has parts of its own.
_NUMBERS = (int, float, complex, numpy.generic)


def where(condition, x=ABSENT, y=ABSENT, /):
    """`numpy.where` with three arguments."""
    if x is ABSENT and y is ABSENT:
        raise NotImplementedError("gain has no nonzero(), which where(condition) is")
    if x is ABSENT or y is ABSENT:
        raise ValueError("either both or neither of x and y should be given")
    return _gain.select(condition, x, y)


def _reachable(made, low, high):
    """What `clip` compares: the array in a type that all three share, and bounds beyond that type cut to it."""
    numbers = [bound for bound in (low, high) if isinstance(bound, (int, float, complex, numpy.generic))]
    made = made.astype(numpy.result_type(made.dtype, *numbers), copy=False)
    if made.dtype.kind in "iu":
        limits = numpy.iinfo(made.dtype)
        low = limits.min if type(low) is int and low < limits.min else low
        high = limits.max if type(high) is int and high > limits.max else high
    return made, low, high


def clip(a, a_min=ABSENT, a_max=ABSENT, out=None, *, min=ABSENT, max=ABSENT, **keywords):
    """`numpy.clip`"""
    low = min if a_min is ABSENT else a_min
    high = max if a_max is ABSENT else a_max
    made, low, high = _reachable(asarray(a), low, high)
    if low is not None and low is not ABSENT:
        made = ufuncs["maximum"](made, low, **keywords)
    if high is not None and high is not ABSENT:
        made = ufuncs["minimum"](made, high, **keywords)
    if out is None:
        return made.copy() if made is a else made
    return _into(out, made, lambda one, out: numpy.clip(one, 0, 1, out, **keywords), keywords.get("casting", "same_kind"))


def _into(out, made, function, casting="same_kind"):
    """`out`, with the elements of `made`, a result of NumPy's `function`, which says what is wrong with `out`."""
    if not isinstance(out, ndarray):
        raise TypeError("return arrays must be of ArrayType")
    if not out.flags.writeable:
        raise ValueError("output array is read-only")
    if not numpy.can_cast(made.dtype, out.dtype, casting):
        function(numpy.ones(1, made.dtype), numpy.ones(1, out.dtype))  # raises what NumPy raises
    if numpy.broadcast_shapes(made.shape, out.shape) != out.shape:
        raise ValueError(
            f"non-broadcastable output operand with shape {out.shape} doesn't match the broadcast shape {made.shape}"
        )
    out[...] = made
    return out


def round(a, decimals=0, out=None):
    """`numpy.round`"""
    a = asarray(a)
    if out is not None and shape(out) != a.shape:
        raise ValueError("invalid output shape")
    if a.dtype.kind in "iub" and decimals >= 0:
        made = a.copy()
    elif decimals == 0:
        made = ufuncs["rint"](a)
    elif decimals > 0:
        made = ufuncs["rint"](a * 10.0**decimals) / 10.0**decimals
    else:
        made = (ufuncs["rint"](a / 10.0**-decimals) * 10.0**-decimals).astype(a.dtype, copy=False)
    return made if out is None else _into(out, asarray(made), lambda one, out: numpy.round(one, decimals, out))


def real(val):
    """`numpy.real`: a view."""
    return val.real if isinstance(val, _NUMBERS) else asarray(val).real


def imag(val):
    """`numpy.imag`: a view."""
    return val.imag if isinstance(val, _NUMBERS) else asarray(val).imag


def isclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    """`numpy.isclose`"""
    a, b = asarray(a), asarray(b)
    if b.dtype.kind in "biu":
        b = b.astype(float)
    with numpy.errstate(invalid="ignore"):
        near = _near(a, b, rtol, atol)
    return near | (ufuncs["isnan"](a) & ufuncs["isnan"](b)) if equal_nan else near


def _near(a, b, rtol, atol):
    return (ufuncs["absolute"](a - b) <= atol + rtol * ufuncs["absolute"](b)) & ufuncs["isfinite"](b) | (a == b)


def isnat(x, /, *arguments, **keywords):
    """`numpy.isnat`: no array of ours has dates."""
    if isinstance(x, OURS):
        raise TypeError("ufunc 'isnat' is only defined for np.datetime64 and np.timedelta64.")
    return numpy.isnat(x, *arguments, **keywords)


def allclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    """`numpy.allclose`"""
    return bool(ufuncs["logical_and"].reduce(asarray(isclose(a, b, rtol, atol, equal_nan)), None))


def array_equal(a1, a2, equal_nan=False):
    """`numpy.array_equal`"""
    a1, a2 = asarray(a1), asarray(a2)
    if a1.shape != a2.shape:
        return False
    same = asarray(a1 == a2)
    if equal_nan:
        same = same | (ufuncs["isnan"](a1) & ufuncs["isnan"](a2))
    return bool(asarray(same).all())


def copyto(dst, src, casting="same_kind", where=True):
    """`numpy.copyto`"""
    if not isinstance(src, OURS) and numpy.ndim(src) == 0:
        # What a number may become, and within which range, NumPy knows.
        number = numpy.empty((), dst.dtype)
        numpy.copyto(number, src, casting)
        src = number[()]
    else:
        src = asarray(src, dst.dtype if isinstance(src, (list, tuple)) and casting == "unsafe" else None)
        src = src.astype(dst.dtype, casting=casting, copy=False)
    dst[...] = src if where is True else _gain.select(where, src, dst)


def can_cast(from_, to, casting="safe"):
    """`numpy.can_cast`"""
    return numpy.can_cast(from_.dtype if isinstance(from_, ndarray) else from_, to, casting)


def result_type(*arrays_and_dtypes):
    """`numpy.result_type`"""
    return numpy.result_type(*(a.dtype if isinstance(a, ndarray) else a for a in arrays_and_dtypes))
