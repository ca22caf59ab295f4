"""NumPy's averages, covariances and the edges of histograms."""

import math
import operator

import numpy

from . import _gain
from ._base import ABSENT, asarray, axes_tuple, ufuncs
from ._creation import array, empty
from ._ranges import linspace
from ._shapes import broadcast_to, concatenate

__all__ = ["average", "corrcoef", "cov", "histogram_bin_edges"]


def average(a, axis=None, weights=None, returned=False, *, keepdims=ABSENT):
    """`numpy.average`"""
    a = asarray(a)
    if axis is not None:
        axis = axes_tuple(axis, a.ndim, "axis")
    keepdims = keepdims is not ABSENT and bool(keepdims)
    if weights is None:
        mean = a.mean(axis, None, None, keepdims)
        whole = asarray(mean)
        total = whole.dtype.type(a.size / whole.size)  # of no means: raises what NumPy raises
    else:
        weights = _weights(weights, a, axis)
        types = (a.dtype, weights.dtype) + ((numpy.float64,) if a.dtype.kind in "biu" else ())
        dtype = numpy.result_type(*types)
        total = weights.sum(axis, dtype, None, keepdims)
        if asarray(total == 0.0).any():
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        whole = mean = asarray(ufuncs["multiply"](a, weights, dtype=dtype)).sum(axis, None, None, keepdims) / total
        whole = asarray(whole)
    if not returned:
        return mean
    if numpy.shape(total) != whole.shape:
        total = array(broadcast_to(total, whole.shape))
    return mean, total


def _weights(weights, a, axis):
    """The weights as an array that broadcasts against `a`."""
    weights = asarray(weights)
    if weights.shape == a.shape:
        return weights
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    if weights.shape != tuple(a.shape[i] for i in axis):
        raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
    weights = weights.transpose(sorted(range(len(axis)), key=axis.__getitem__))
    return weights.reshape([extent if i in axis else 1 for i, extent in enumerate(a.shape)])


def _counted(weights, name, samples):
    """Weights of observations, checked."""
    weights = asarray(weights, float)
    if name == "fweights" and not asarray(weights == ufuncs["rint"](weights)).all():
        raise TypeError("fweights must be integer")
    if weights.ndim > 1:
        raise RuntimeError(f"cannot handle multidimensional {name}")
    if weights.shape[0] != samples:
        raise RuntimeError(f"incompatible numbers of samples and {name}")
    if asarray(weights < 0).any():
        raise ValueError(f"{name} cannot be negative")
    return weights


def cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):
    """`numpy.cov`"""
    if ddof is not None and ddof != int(ddof):
        raise ValueError("ddof must be integer")
    m = asarray(m)
    if m.ndim > 2:
        raise ValueError("m has more than 2 dimensions")
    if y is not None:
        y = asarray(y)
        if y.ndim > 2:
            raise ValueError("y has more than 2 dimensions")
    if dtype is None:
        dtype = numpy.result_type(*(part.dtype for part in (m, y) if part is not None), numpy.float64)
    rows = array(m, dtype, ndmin=2)
    if not rowvar and m.ndim != 1:
        rows = rows.T
    if rows.shape[0] == 0:
        return empty((0, 0))
    if y is not None:
        y = array(y, dtype, ndmin=2, copy=None)
        rows = concatenate((rows, y.T if not rowvar and y.shape[0] != 1 else y), 0)
    ddof = int(bias == 0) if ddof is None else ddof
    weights = None
    if fweights is not None:
        weights = _counted(fweights, "fweights", rows.shape[1])
    if aweights is not None:
        aweights = _counted(aweights, "aweights", rows.shape[1])
        weights = aweights if weights is None else weights * aweights
    means, total = average(rows, 1, weights, True)
    total = total[0]
    if weights is None:
        over = rows.shape[1] - ddof
    elif ddof == 0 or aweights is None:
        over = total - ddof
    else:
        over = total - ddof * asarray(weights * aweights).sum() / total
    if over <= 0:
        _gain.warn("Degrees of freedom <= 0 for slice")
        over = 0.0
    rows = rows - means[:, None]
    other = rows if weights is None else rows * weights
    made = asarray(rows.dot(other.T.conj()))
    made *= ufuncs["divide"](1, over)
    return made.squeeze()


def corrcoef(x, y=None, rowvar=True, *, dtype=None):
    """`numpy.corrcoef`"""
    made = asarray(cov(x, y, rowvar, dtype=dtype))
    if made.ndim == 0:
        return made / made
    deviation = ufuncs["sqrt"](made.ravel()[::len(made) + 1].real)
    made = made / deviation[:, None] / deviation[None, :]
    parts = (made.real, made.imag) if made.dtype.kind == "c" else (made,)
    for part in parts:
        part[...] = ufuncs["clip"](part, -1, 1)
    return made


def _skewness(mean, centred, deviation, count):
    """Doane's correction of the number of bins."""
    if count <= 2 or not deviation > 0:
        return None
    scale = math.sqrt(6.0 * (count - 2) / ((count + 1.0) * (count + 3)))
    return 1.0 + numpy.log2(count) + numpy.log2(1.0 + abs(mean(asarray(centred / deviation) ** 3)) / scale)


def _width(rule, a, inside, count, span):
    """The width of a bin by one of the rules that need no sorting; `inside` says which elements count."""
    given = {} if inside is True else {"where": inside}
    if rule == "sqrt":
        return span / numpy.sqrt(count)
    if rule == "sturges":
        return span / (numpy.log2(count) + 1.0)
    if rule == "rice":
        return span / (2.0 * count ** (1.0 / 3))
    deviation = asarray(a).std(**given)
    if rule == "scott":
        return (24.0 * numpy.pi**0.5 / count) ** (1.0 / 3.0) * deviation
    centred = a - asarray(a).mean(**given)
    bins = _skewness(lambda x: x.mean(**given), centred, deviation, count)
    return 0.0 if bins is None else span / bins


RULES = ("auto", "doane", "fd", "rice", "scott", "sqrt", "stone", "sturges")


def _estimated(rule, a, first, last, given):
    """How many bins a rule gives."""
    if rule not in RULES:
        raise ValueError(f"{rule!r} is not a valid estimator for `bins`")
    if rule in ("auto", "fd", "stone"):
        raise NotImplementedError(f"gain has no bins={rule!r}: give a number of bins, or 'sqrt', 'rice', 'scott', ...")
    inside, count = True, a.size
    if given:
        inside = (a >= first) & (a <= last)
        count = int(asarray(inside).sum())
    if count == 0:
        return 1
    # The span of what counts.
    span = a.max(**({} if inside is True else {"where": inside, "initial": first})) - a.min(
        **({} if inside is True else {"where": inside, "initial": last})
    ) if a.dtype.kind != "b" else 1
    width = _width(rule, a, inside, count, numpy.float64(span))
    if not width:
        return 1
    if a.dtype.kind in "iu" and width < 1:
        width = 1
    return int(numpy.ceil((last - first) / width))


def histogram_bin_edges(a, bins=10, range=None, weights=None):
    """`numpy.histogram_bin_edges`: of the rules those that need no sorting."""
    a = asarray(a)
    if a.dtype.kind == "b":
        _gain.warn(f"Converting input from {a.dtype} to {numpy.uint8} for compatibility.")
        a = a.astype(numpy.uint8)
    if weights is not None and asarray(weights).shape != a.shape:
        raise ValueError("weights should have the same shape as a.")
    a = a.ravel()
    if isinstance(bins, str):
        if bins in RULES and weights is not None:
            raise TypeError("Automated estimation of the number of bins is not supported for weighted data")
        count = None
        first, last = outer_edges(a, range)
        count = _estimated(bins, a, first, last, range is not None) if a.size or bins not in RULES else 1
    elif numpy.ndim(bins) == 0:
        try:
            count = operator.index(bins)
        except TypeError as error:
            raise TypeError("`bins` must be an integer, a string, or an array") from error
        if count < 1:
            raise ValueError("`bins` must be positive, when an integer")
        first, last = outer_edges(a, range)
    elif numpy.ndim(bins) == 1:
        edges = asarray(bins)
        if asarray(edges[:-1] > edges[1:]).any():
            raise ValueError("`bins` must increase monotonically, when an array")
        return edges
    else:
        raise ValueError("`bins` must be 1d, when an array")
    dtype = numpy.result_type(first, last, a.dtype)
    if dtype.kind in "iu":
        dtype = numpy.result_type(dtype, float)
    edges = linspace(first, last, count + 1, dtype=dtype)
    if asarray(edges[:-1] >= edges[1:]).any():
        raise ValueError(f"Too many bins for data range. Cannot create {count} finite-sized bins.")
    return edges


def outer_edges(a, range):
    """The first and the last edge of the bins."""
    if range is not None:
        first, last = range
        if first > last:
            raise ValueError("max must be larger than min in range parameter.")
        if not (numpy.isfinite(first) and numpy.isfinite(last)):
            raise ValueError(f"supplied range of [{first}, {last}] is not finite")
    elif a.size == 0:
        first, last = 0, 1
    else:
        first, last = a.min(), a.max()
        if not (numpy.isfinite(first) and numpy.isfinite(last)):
            raise ValueError(f"autodetected range of [{first}, {last}] is not finite")
    if first == last:
        first, last = first - 0.5, last + 0.5
    return first, last
