"""NumPy's windows."""

import numpy

from ._base import ufuncs
from ._creation import ones, zeros
from ._elementwise import where
from ._ranges import arange

__all__ = ["bartlett", "blackman", "hamming", "hanning", "kaiser"]


def _window(M, formula):
    """A window of M points: `formula` of the odd or even numbers from `1 - M` to `M - 1` and of the last of them."""
    M = numpy.array([0.0, M])[1]
    if M < 1:
        return zeros(0)
    if M == 1:
        return ones(1)
    return formula(arange(1 - M, M, 2), M - 1)


def bartlett(M):
    """`numpy.bartlett`"""
    return _window(M, lambda n, last: where(n <= 0, 1 + n / last, 1 - n / last))


def blackman(M):
    """`numpy.blackman`"""
    cos = ufuncs["cos"]
    return _window(M, lambda n, last: 0.42 + 0.5 * cos(numpy.pi * n / last) + 0.08 * cos(2 * numpy.pi * n / last))


def hamming(M):
    """`numpy.hamming`"""
    return _window(M, lambda n, last: 0.54 + 0.46 * ufuncs["cos"](numpy.pi * n / last))


def hanning(M):
    """`numpy.hanning`"""
    return _window(M, lambda n, last: 0.5 + 0.5 * ufuncs["cos"](numpy.pi * n / last))


def kaiser(M, beta):
    """`numpy.kaiser`"""
    _, M, beta = numpy.array([0.0, M, beta])
    if M == 1:
        return ones(1)
    middle = (M - 1) / 2.0
    n = (arange(0, M) - middle) / middle
    return _bessel(beta * ufuncs["sqrt"](1 - n * n), beta) / _bessel(beta, beta)


def _bessel(x, most):
    """The modified Bessel function of order 0 of numbers up to `most`: its power series."""
    # So many terms reach the last digit; what needs more is infinite.
    total, y = 1.0, x * x / 4
    for k in range(int(min(1.5 * abs(most), 1100.0)) + 20, 0, -1):
        total = 1 + y / (k * k) * total
    return total
