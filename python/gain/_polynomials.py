"""NumPy's polynomials: the class, and the functions, which take coefficients or objects of the class.

Roots are eigenvalues of a small matrix, which NumPy computes.
"""

import functools

import numpy

from . import _coefficients
from ._base import asarray
from ._creation import array
from ._fallback import few, handed
from ._gain import ndarray

__all__ = ["poly", "poly1d", "polyadd", "polyder", "polydiv", "polyint", "polymul", "polysub", "polyval", "roots"]


def poly(seq_of_zeros):
    """`numpy.poly`, by NumPy."""
    (given,) = handed("poly", seq_of_zeros)
    made = numpy.poly(given)
    return asarray(made) if isinstance(made, numpy.ndarray) else made


def roots(p):
    """`numpy.roots`, by NumPy."""
    (given,) = handed("roots", p)
    return asarray(numpy.roots(given))


class poly1d(numpy.poly1d):
    """`numpy.poly1d` with coefficients that are an array of ours."""

    __hash__ = None
    __module__ = "gain"

    def __init__(self, c_or_r, r=False, variable=None):
        if not isinstance(c_or_r, numpy.poly1d):
            c_or_r = asarray(poly(c_or_r) if r else c_or_r)
        super().__init__(c_or_r, False, variable)
        if not isinstance(self._coeffs, ndarray):
            self._coeffs = array(self._coeffs)

    def __call__(self, val):
        return polyval(self.coeffs, val)

    @property
    def roots(self):
        """The roots."""
        return roots(self._coeffs)

    r = roots

    def __array__(self, t=None, copy=None):
        return numpy.array(few("poly1d", self.coeffs), t)


def objects(made):
    """What a function of NumPy's gave for polynomials, with ours in the place of NumPy's."""
    if isinstance(made, tuple):
        return tuple(map(objects, made))
    return poly1d(made) if type(made) is numpy.poly1d else made


def _ours(name):
    """The method of NumPy's class, for results of ours."""
    theirs = getattr(numpy.poly1d, name)

    @functools.wraps(theirs)
    def method(self, *arguments, **keywords):
        return objects(theirs(self, *arguments, **keywords))

    return method


for _name in ("__neg__", "__mul__", "__rmul__", "__add__", "__radd__", "__pow__", "__sub__", "__rsub__", "__truediv__", "__rtruediv__", "integ", "deriv"):
    setattr(poly1d, _name, _ours(_name))


def polyval(p, x):
    """`numpy.polyval`"""
    p = few("polyval", p.coeffs if isinstance(p, numpy.poly1d) else p)
    if isinstance(x, numpy.poly1d):
        return objects(numpy.polyval(p, numpy.poly1d(few("polyval", x.coeffs))))
    return _coefficients.value(numpy.asarray(p), asarray(x))


def _also_of_objects(name):
    """The function of coefficients, which leaves NumPy's `poly1d` objects to NumPy."""
    function = getattr(_coefficients, name)

    @functools.wraps(function)
    def call(*arguments, **keywords):
        if any(isinstance(x, numpy.poly1d) for x in arguments):
            arguments = [few(name, x) for x in arguments]
            return objects(getattr(numpy, name)(*arguments, **keywords))
        return function(*arguments, **keywords)

    return call


for _name in ("polyadd", "polyder", "polydiv", "polyint", "polymul", "polysub"):
    globals()[_name] = _also_of_objects(_name)
