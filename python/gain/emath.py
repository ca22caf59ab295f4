"""`numpy.emath`: functions whose result is complex where that of a real number would not be real.

Whether it is, is a question about all elements: one reduction. Then the function of the one type or the other is recorded.
"""

import numpy

from ._base import asarray, ufuncs

__all__ = ["arccos", "arcsin", "arctanh", "log", "log10", "log2", "logn", "power", "sqrt"]

# Their complex counterparts have single precision.
_SINGLE = (
    numpy.single, numpy.byte, numpy.short, numpy.ubyte, numpy.ushort, numpy.csingle,
)


def _complex(a):
    return a.astype(numpy.csingle if issubclass(a.dtype.type, _SINGLE) else numpy.cdouble)


def _has(a, test):
    """Whether the test holds for some element that is real."""
    held = test(a.real)
    if a.dtype.kind == "c":
        held = ufuncs["logical_and"](a.imag == 0, held)
    return bool(asarray(held).any())


def _fixed(x, test):
    a = asarray(x)
    return _complex(a) if a.dtype.kind != "c" and _has(a, test) else a


def _plain(a):
    """An element for an array of no axes, as NumPy's functions give it."""
    return a[()] if a.ndim == 0 else a


def _negative(x):
    return x < 0


def _beyond(x):
    return ufuncs["absolute"](x) > 1


def sqrt(x):
    """`numpy.emath.sqrt`"""
    return ufuncs["sqrt"](_plain(_fixed(x, _negative)))


def log(x):
    """`numpy.emath.log`"""
    return ufuncs["log"](_plain(_fixed(x, _negative)))


def log10(x):
    """`numpy.emath.log10`"""
    return ufuncs["log10"](_plain(_fixed(x, _negative)))


def log2(x):
    """`numpy.emath.log2`"""
    return ufuncs["log2"](_plain(_fixed(x, _negative)))


def logn(n, x):
    """`numpy.emath.logn`"""
    return log(x) / log(n)


def power(x, p):
    """`numpy.emath.power`"""
    x, p = _fixed(x, _negative), asarray(p)
    if p.dtype.kind in "iu" and _has(p, _negative):
        p = p * 1.0
    return ufuncs["power"](_plain(x), _plain(p))


def arccos(x):
    """`numpy.emath.arccos`"""
    return ufuncs["arccos"](_plain(_fixed(x, _beyond)))


def arcsin(x):
    """`numpy.emath.arcsin`"""
    return ufuncs["arcsin"](_plain(_fixed(x, _beyond)))


def arctanh(x):
    """`numpy.emath.arctanh`"""
    return ufuncs["arctanh"](_plain(_fixed(x, _beyond)))
