"""NumPy's searches in sorted arrays and its counts of numbers."""

import operator

import numpy

from . import _gain
from ._base import OURS, asarray, by_itself
from ._gain import ndarray
from ._shapes import concatenate

__all__ = ["bincount", "digitize", "interp", "searchsorted"]


def searchsorted(a, v, side="left", sorter=None):
    """`numpy.searchsorted`"""
    if not isinstance(side, str):
        numpy.searchsorted((), 0, side=side)  # raises what NumPy raises
    return _gain.searchsorted(a, v, side, sorter)


def digitize(x, bins, right=False):
    """`numpy.digitize`"""
    return _gain.digitize(x, bins, bool(right))


def _uncast(dtype, to):
    """The error of an array that isn't converted to a narrower type."""
    return TypeError(f"Cannot cast array data from {dtype!r} to {numpy.dtype(to)!r} according to the rule 'safe'")


def _doubles(values):
    """What NumPy makes doubles of."""
    if type(values) is ndarray and values.dtype.kind != "c":
        return values
    if isinstance(values, OURS):
        values = asarray(values)
        if values.dtype.kind == "c":
            raise _uncast(values.dtype, float)
        return values
    if isinstance(values, numpy.ndarray):
        if not numpy.can_cast(values.dtype, float):
            raise _uncast(values.dtype, float)
        return asarray(values)
    return asarray(numpy.asarray(values, float))


def interp(x, xp, fp, left=None, right=None, period=None):
    """`numpy.interp`"""
    if type(fp) is not ndarray:
        fp = fp if isinstance(fp, OURS) else numpy.asarray(fp)
        fp = asarray(fp) if fp.dtype.kind == "c" else _doubles(fp)
    if period is None:
        return _gain.interp(_doubles(x), _doubles(xp), fp, left, right)
    if period == 0:
        raise ValueError("period must be a non-zero value")
    period = abs(period)
    x, xp = asarray(x, float), asarray(xp, float)
    if xp.ndim != 1 or fp.ndim != 1:
        raise ValueError("Data points must be 1-D sequences")
    if xp.shape[0] != fp.shape[0]:
        raise ValueError("fp and xp are not of the same length")
    xp = xp % period
    order = xp.argsort()
    xp, fp = xp[order], fp[order]
    xp = concatenate((xp[-1:] - period, xp, xp[:1] + period))
    return _gain.interp(x % period, xp, concatenate((fp[-1:], fp, fp[:1])), None, None)


def bincount(x, /, weights=None, minlength=0):
    """`numpy.bincount`"""
    if type(x) is not ndarray:
        x = by_itself(x)
        if isinstance(x, (*OURS, numpy.ndarray)):
            x = asarray(x)
        else:
            numbers = numpy.asarray(x)
            if numbers.ndim != 1 or numbers.dtype.kind not in "bui":
                numpy.bincount(x)  # warns of or raises what NumPy does
            x = asarray(numbers.astype(numpy.intp))
    if x.ndim != 1:
        raise ValueError(f"object {'too deep' if x.ndim else 'of too small depth'} for desired array")
    if x.dtype.kind not in "iub":
        raise _uncast(x.dtype, numpy.intp)
    if minlength is None:
        raise TypeError("use 0 instead of None for minlength")
    least = operator.index(minlength)
    if least < 0:
        raise ValueError("'minlength' must not be negative")
    if weights is not None:
        weights = None if x.size == 0 else _doubles(weights)
    return _gain.bincount(x, weights, least)
