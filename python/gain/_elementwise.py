"""NumPy's elementwise functions that are no ufuncs."""

import operator

import numpy

from . import _gain
from ._base import ABSENT, OURS, asarray, shape, ufuncs
from ._gain import ndarray

__all__ = [
    "allclose", "angle", "array_equal", "array_equiv", "clip", "copyto", "imag", "isclose", "isnat", "real", "round",
]


# What has parts of its own.
_NUMBERS = (int, float, complex, numpy.generic)


def where(condition, x=ABSENT, y=ABSENT, /):
    """`numpy.where` with three arguments."""
    if x is ABSENT or y is ABSENT:
        raise ValueError("either both or neither of x and y should be given")
    return _gain.select(condition, x, y)


def clip(a, a_min=ABSENT, a_max=ABSENT, out=None, *, min=ABSENT, max=ABSENT, **keywords):
    """`numpy.clip`"""
    if a_min is ABSENT and a_max is ABSENT:
        a_min = None if min is ABSENT else min
        a_max = None if max is ABSENT else max
    elif a_min is ABSENT or a_max is ABSENT:
        raise TypeError(f"clip() missing 1 required positional argument: 'a_{'min' if a_min is ABSENT else 'max'}'")
    elif min is not ABSENT or max is not ABSENT:
        raise ValueError(
            "Passing `min` or `max` keyword argument when `a_min` and `a_max` are provided is forbidden."
        )
    return clipped(a if isinstance(a, ndarray) else asarray(a), a_min, a_max, out, **keywords)


def clipped(a, min=None, max=None, out=None, **keywords):
    """`ndarray.clip`"""
    if a.dtype.kind in "iu":
        # Bounds that no element is beyond.
        limits = numpy.iinfo(a.dtype)
        min = None if type(min) is int and min <= limits.min else min
        max = None if type(max) is int and max >= limits.max else max
    if min is None and max is None:
        return ufuncs["positive"](a, out=out, **keywords)
    if min is None:
        return ufuncs["minimum"](a, max, out=out, **keywords)
    if max is None:
        return ufuncs["maximum"](a, min, out=out, **keywords)
    return ufuncs["clip"](a, min, max, out=out, **keywords)


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
    decimals = operator.index(decimals)
    if a.dtype.kind == "b" and decimals:
        numpy.ones(1, bool).round(decimals)  # raises what NumPy raises
    if a.dtype.kind in "iu" and decimals >= 0:
        made = a.copy("K") if a.ndim else a[()]
    elif decimals == 0:
        made = ufuncs["rint"](a)
    elif a.dtype.kind == "c":
        made = a.copy("K")
        made.real, made.imag = round(a.real, decimals), round(a.imag, decimals)
        made = made if a.ndim else made[()]
    elif decimals > 0:
        made = ufuncs["rint"](a * 10.0**decimals) / 10.0**decimals
    else:
        made = (ufuncs["rint"](a / 10.0**-decimals) * 10.0**-decimals).astype(a.dtype, copy=False)
    return made if out is None else _into(out, asarray(made), lambda one, out: numpy.round(one, decimals, out))


def angle(z, deg=False):
    """`numpy.angle`"""
    made = ufuncs["angle"](asarray(z))
    return made * (180 / numpy.pi) if deg else made


def real(val):
    """`numpy.real`: a view."""
    return val.real if isinstance(val, _NUMBERS) else asarray(val).real


def imag(val):
    """`numpy.imag`: a view."""
    return val.imag if isinstance(val, _NUMBERS) else asarray(val).imag


def isclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    """`numpy.isclose`"""
    a, b, rtol, atol = (x if isinstance(x, (int, float, complex)) else asarray(x) for x in (a, b, rtol, atol))
    if not asarray(ufuncs["isfinite"](rtol) & ufuncs["isfinite"](atol)).all():
        _gain.warn(f"One of rtol or atol is not valid, atol: {atol}, rtol: {rtol}")
    if isinstance(b, ndarray):
        b = b.astype(numpy.result_type(b.dtype, 1.0), copy=False)
    elif isinstance(b, int):
        b = float(b)
    with numpy.errstate(invalid="ignore"):
        near = ufuncs["less_equal"](abs(a - b), atol + rtol * abs(b)) & ufuncs["isfinite"](b) | (a == b)
        return near | ufuncs["isnan"](a) & ufuncs["isnan"](b) if equal_nan else near


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
    given = a1, a2
    try:
        a1, a2 = asarray(a1), asarray(a2)
    except Exception:  # of what is no array here, unlike any that is one
        return not any(isinstance(a, OURS) for a in given) and numpy.array_equal(*given, equal_nan)
    if a1.shape != a2.shape:
        return False
    same = asarray(a1 == a2)
    if equal_nan:
        same = same | (ufuncs["isnan"](a1) & ufuncs["isnan"](a2))
    return bool(asarray(same).all())


def array_equiv(a1, a2):
    """`numpy.array_equiv`"""
    given = a1, a2
    try:
        a1, a2 = asarray(a1), asarray(a2)
    except Exception:
        return not any(isinstance(a, OURS) for a in given) and numpy.array_equiv(*given)
    try:
        numpy.broadcast_shapes(a1.shape, a2.shape)
    except ValueError:
        return False
    return bool(asarray(a1 == a2).all())


def copyto(dst, src, casting="same_kind", where=True):
    """`numpy.copyto`"""
    if not isinstance(dst, ndarray):
        raise TypeError(f"copyto() argument 1 must be a numpy.ndarray, not {type(dst).__name__}")
    if not dst.flags.writeable:
        raise ValueError("assignment destination is read-only")
    if not isinstance(src, OURS) and numpy.ndim(src) == 0:
        # What a number may become, and within which range, NumPy knows; what is lost on the way is told of the user's line.
        src = src[()] if isinstance(src, numpy.ndarray) else src
        if casting != "unsafe":
            with numpy.errstate(all="ignore"):
                numpy.copyto(numpy.empty((), dst.dtype), src, casting)
        src = _gain.full((), src, dst.dtype)
    else:
        src = asarray(src, dst.dtype if isinstance(src, (list, tuple)) and casting == "unsafe" else None)
        src = src.astype(dst.dtype, casting=casting, copy=False)
    if where is True:
        dst[...] = src
        return
    where = asarray(where)
    _check_fits(src.shape, dst.shape, "input array")
    _check_fits(where.shape, dst.shape, "where mask")
    dst[...] = _gain.select(where, src, dst)


def _check_fits(shape, target, name):
    """Refuses what doesn't broadcast into a shape."""
    if len(shape) > len(target) or any(one not in (1, other) for one, other in zip(reversed(shape), reversed(target))):
        one, two = (str(tuple(extents)).replace(" ", "") for extents in (shape, target))
        raise ValueError(f"could not broadcast {name} from shape {one} into shape {two}")
