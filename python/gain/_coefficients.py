"""NumPy's functions of polynomials, as arrays of coefficients from the highest power to the lowest; `_polynomials` makes them public."""

import numpy

from ._base import asarray, ufuncs
from ._convolution import convolve
from ._creation import zeros, zeros_like
from ._elementwise import isclose
from ._ranges import arange
from ._shapes import atleast_1d, concatenate


def value(p, x):
    """The values at `x` of a polynomial whose coefficients are NumPy's."""
    made = zeros_like(x)
    for coefficient in p:
        made = made * x + coefficient
    return made


def _joined(name, a1, a2):
    a1, a2 = atleast_1d(a1), atleast_1d(a2)
    missing = len(a2) - len(a1)
    if missing > 0:
        a1 = concatenate((zeros(missing, a1.dtype), a1))
    elif missing < 0:
        a2 = concatenate((zeros(-missing, a2.dtype), a2))
    return ufuncs[name](a1, a2)


def polyadd(a1, a2):
    """`numpy.polyadd`"""
    return _joined("add", a1, a2)


def polysub(a1, a2):
    """`numpy.polysub`"""
    return _joined("subtract", a1, a2)


def _trimmed(p):
    """The coefficients from the first that isn't zero."""
    p = atleast_1d(p)
    if p.ndim > 1:
        raise ValueError("Polynomial must be 1d only.")
    nonzero = p != 0
    if len(p) == 0 or not nonzero.any():
        return zeros(1, p.dtype)
    return p[int(nonzero.argmax()):]


def polymul(a1, a2):
    """`numpy.polymul`"""
    return convolve(_trimmed(a1), _trimmed(a2))


def polydiv(u, v):
    """`numpy.polydiv`"""
    u, v = atleast_1d(u) + 0.0, atleast_1d(v) + 0.0
    dtype = numpy.result_type(u.dtype, v.dtype)
    places = max(len(u) - len(v) + 1, 1)
    factor = 1.0 / v[0]
    quotient, rest = zeros(places, dtype), u.astype(dtype)
    for place in range(len(u) - len(v) + 1):
        quotient[place] = factor * rest[place]
        rest[place:place + len(v)] -= quotient[place] * v
    nonzero = ~isclose(rest, 0, rtol=1e-14)
    return quotient, rest[min(int(nonzero.argmax()) if nonzero.any() else len(rest), len(rest) - 1):]


def polyder(p, m=1):
    """`numpy.polyder`"""
    m = int(m)
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    p = asarray(p)
    len(p)  # raises what NumPy raises
    for _ in range(m):
        p = p[:-1] * arange(len(p) - 1, 0, -1)
    if p.ndim > 1:
        p[:-1] * arange(len(p) - 1, 0, -1)  # raises what NumPy raises, which goes one step further than it has to
    return p


def polyint(p, m=1, k=None):
    """`numpy.polyint`"""
    m = int(m)
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    k = zeros(m) if k is None else atleast_1d(k)
    if len(k) == 1 and m > 1:
        k = k[0] * numpy.ones(m)
    if len(k) < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    p = asarray(p)
    for place in range(m):
        p = concatenate((p / arange(len(p), 0, -1), asarray(k[place:place + 1])))
    return p
