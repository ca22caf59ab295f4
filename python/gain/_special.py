"""NumPy's tests and functions of single elements that are no ufuncs: what is real, infinite, or to be replaced."""

import functools
import math

import numpy

from ._base import asarray, ufuncs
from ._creation import array, zeros
from ._elementwise import imag, where

__all__ = [
    "fix", "i0", "iscomplex", "iscomplexobj", "isneginf", "isposinf", "isreal", "isrealobj", "nan_to_num",
    "real_if_close", "sinc",
]


def _value(a):
    """An array, or the element of one of no axes, as functions give it."""
    return a[()] if a.ndim == 0 else a


def iscomplexobj(x):
    """`numpy.iscomplexobj`"""
    dtype = getattr(x, "dtype", None)
    return issubclass((asarray(x).dtype if dtype is None else dtype).type, numpy.complexfloating)


def isrealobj(x):
    """`numpy.isrealobj`"""
    return not iscomplexobj(x)


def iscomplex(x):
    """`numpy.iscomplex`"""
    x = asarray(x)
    if x.dtype.kind != "c":
        made = zeros(x.shape, bool)
        return made if made.ndim else made[()]
    return ufuncs["not_equal"](x.imag, 0)


def isreal(x):
    """`numpy.isreal`"""
    return imag(x) == 0


def real_if_close(a, tol=100):
    """`numpy.real_if_close`"""
    a = asarray(a)
    if a.dtype.kind != "c":
        return a
    if tol > 1:
        tol = numpy.finfo(a.dtype).eps * tol
    small = ufuncs["absolute"](a.imag) < tol
    return a.real if asarray(small).all() else a


def _infinite(x, out, name, signed):
    x = asarray(x)
    if x.dtype.kind == "c":
        raise TypeError(f"This operation is not supported for {x.dtype} values because it would be ambiguous.")
    return ufuncs["logical_and"](ufuncs["isinf"](x), signed(x), *([] if out is None else [out]))


def isposinf(x, out=None):
    """`numpy.isposinf`"""
    return _infinite(x, out, "isposinf", lambda x: ~ufuncs["signbit"](x))


def isneginf(x, out=None):
    """`numpy.isneginf`"""
    return _infinite(x, out, "isneginf", ufuncs["signbit"])


def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    """`numpy.nan_to_num`"""
    x = array(x, copy=copy)
    if x.dtype.kind not in "fc":
        return _value(x)
    limits = numpy.finfo(x.dtype)
    values = nan, limits.max if posinf is None else posinf, limits.min if neginf is None else neginf
    values = [asarray(value).astype(limits.dtype, copy=False) for value in values]
    for part in (x.real, x.imag) if x.dtype.kind == "c" else (x,):
        old = part.copy()
        made = where(ufuncs["isnan"](old), values[0], old)
        for infinity, value in ((numpy.inf, values[1]), (-numpy.inf, values[2])):
            made = where(old == infinity, value, made)
        part[...] = made
    return _value(x)


def fix(x, out=None):
    """`numpy.fix`"""
    return ufuncs["trunc"](asarray(x), out=out)


def sinc(x):
    """`numpy.sinc`"""
    x = asarray(x)
    tiny = numpy.finfo(x.dtype).eps if x.dtype.kind == "f" else 1e-20
    x = where(x == 0, tiny, x) * numpy.pi
    return ufuncs["sin"](x) / x


@functools.cache
def _tail(terms=25, points=400):
    """Coefficients in Chebyshev polynomials of 16/x - 1 of `exp(-x) sqrt(x) i0(x)` for x from 8 on.

    i0(x) is the mean of exp(x cos(t)) over a turn; the mean over equal steps has all digits of it.
    """
    turn = 2 * numpy.sin((numpy.arange(points) - points // 2) * (numpy.pi / points)) ** 2  # 1 - cos, of twice that
    nodes = (numpy.arange(2 * terms) + 0.5) * (numpy.pi / (2 * terms))
    x = 16 / (numpy.cos(nodes) + 1)
    # Far out only a few points would count; there its own series is exact.
    values = []
    for one in x.tolist():
        if one < 500:
            values.append(math.fsum(numpy.exp(-one * turn)) / points * math.sqrt(one))
            continue
        term, terms_of_it = 1.0, []
        for k in range(1, 20):
            terms_of_it.append(term)
            term *= (2 * k - 1) ** 2 / (8 * k * one)
        values.append(math.fsum(terms_of_it) / math.sqrt(2 * math.pi))
    # They differ little: what they have in common would only add its rounding.
    middle = values[terms]
    made = [math.fsum(numpy.cos(k * nodes) * (numpy.array(values) - middle)) / terms for k in range(terms)]
    return [made[0] / 2 + middle, *made[1:]]


def i0(x):
    """`numpy.i0`"""
    x = asarray(x)
    if x.dtype.kind == "c":
        raise TypeError("i0 not supported for complex values")
    if x.dtype.kind != "f":
        x = x.astype(float)
    x = asarray(ufuncs["absolute"](x))
    # The series of squares, all of whose terms are positive.
    square = ufuncs["minimum"](x, 8) ** 2 / 4
    near = 1 / math.factorial(26) ** 2
    for k in range(25, -1, -1):
        near = near * square + 1 / math.factorial(k) ** 2
    far = ufuncs["maximum"](x, 8)
    # Clenshaw's recurrence.
    place = 32 / far - 2
    one = two = 0.0
    first, *others = _tail()
    for number in reversed(others):
        one, two = place * one - two + number, one
    far = ufuncs["exp"](far) * (place / 2 * one - two + first) / ufuncs["sqrt"](far)
    return asarray(where(x <= 8, near, far))
