"""NumPy's histograms and the rules for their bins."""

import math
import operator

import numpy

from . import _gain
from ._base import OURS, asarray, ndim
from ._binning import bincount
from ._differences import diff
from ._ranges import linspace
from ._shapes import atleast_2d

__all__ = ["histogram", "histogram2d", "histogram_bin_edges", "histogramdd"]


def _raveled(a, weights):
    """The elements and their weights, with one axis."""
    a = asarray(a)
    if a.dtype.kind == "b":
        _gain.warn(f"Converting input from {a.dtype} to {numpy.uint8} for compatibility.")
        a = a.astype(numpy.uint8)
    if weights is not None:
        weights = asarray(weights)
        if weights.shape != a.shape:
            raise ValueError("weights should have the same shape as a.")
        weights = weights.ravel()
    return a.ravel(), weights


def _span(first, last):
    """From one edge to another; of integers that is one, however far apart they are."""
    are_integers = all(isinstance(edge, (int, numpy.integer)) for edge in (first, last))
    return int(last) - int(first) if are_integers else last - first


def _ptp(x):
    return _span(x.min(), x.max())


def _sqrt(x, first, last):
    return _ptp(x) / numpy.sqrt(x.size)


def _sturges(x, first, last):
    return _ptp(x) / (numpy.log2(x.size) + 1.0)


def _rice(x, first, last):
    return _ptp(x) / (2.0 * x.size ** (1.0 / 3))


def _scott(x, first, last):
    return (24.0 * numpy.pi**0.5 / x.size) ** (1.0 / 3.0) * asarray(x).std()


def _doane(x, first, last):
    count = x.size
    deviation = x.std()
    if count <= 2 or not deviation > 0:
        return 0.0
    scale = math.sqrt(6.0 * (count - 2) / ((count + 1.0) * (count + 3)))
    skewness = asarray(asarray((x - x.mean()) / deviation) ** 3).mean()
    return _ptp(x) / (1.0 + numpy.log2(count) + numpy.log2(1.0 + abs(skewness) / scale))


def _stone(x, first, last):
    count, span = x.size, _ptp(x)
    if count <= 1 or span == 0:
        return 0

    def loss(bins):
        shares = histogram(x, bins, (first, last))[0] / count
        return (2 - (count + 1) * shares.dot(shares)) / (span / bins)

    most = max(100, int(numpy.sqrt(count)))
    bins = min(range(1, most + 1), key=loss)
    if bins == most:
        _gain.warn("The number of bins estimated may be suboptimal.")
    return span / bins


def _fd(x, first, last):
    import gain

    upper, lower = gain.percentile(x, [75, 25])
    return 2.0 * (upper - lower) * x.size ** (-1.0 / 3.0)


def _auto(x, first, last):
    return min(max(_fd(x, first, last), _sqrt(x, first, last) / 2), _sturges(x, first, last))


# The width of a bin by each rule, of elements between two edges.
RULES = {
    "stone": _stone, "auto": _auto, "doane": _doane, "fd": _fd, "rice": _rice, "scott": _scott, "sqrt": _sqrt,
    "sturges": _sturges,
}


def _estimated(rule, a, limits):
    """How many bins a rule gives, and their outer edges."""
    first, last = _outer_edges(a, limits)
    if limits is not None:
        inside = asarray(asarray(a >= first) & (a <= last))
        if not inside.all():
            a = a[inside]
    if a.size == 0:
        return 1, first, last
    width = RULES[rule](a, first, last)
    if not width:
        return 1, first, last
    if a.dtype.kind in "iu" and width < 1:
        width = 1
    return int(numpy.ceil(_span(first, last) / width)), first, last


def _outer_edges(a, limits):
    """The first and the last edge of the bins."""
    if limits is not None:
        first, last = limits
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


def _edges(a, bins, limits, weights):
    """The edges, and whether they are those of bins of one width."""
    if isinstance(bins, str):
        if bins not in RULES:
            raise ValueError(f"{bins!r} is not a valid estimator for `bins`")
        if weights is not None:
            raise TypeError("Automated estimation of the number of bins is not supported for weighted data")
        count, first, last = _estimated(bins, a, limits)
    elif ndim(bins) == 0:
        try:
            count = operator.index(bins)
        except TypeError as error:
            raise TypeError("`bins` must be an integer, a string, or an array") from error
        if count < 1:
            raise ValueError("`bins` must be positive, when an integer")
        first, last = _outer_edges(a, limits)
    elif ndim(bins) == 1:
        edges = asarray(bins)
        if asarray(edges[:-1] > edges[1:]).any():
            raise ValueError("`bins` must increase monotonically, when an array")
        return edges, False
    else:
        raise ValueError("`bins` must be 1d, when an array")
    dtype = numpy.result_type(first, last, a.dtype)
    if dtype.kind in "iu":
        dtype = numpy.result_type(dtype, float)
    edges = linspace(first, last, count + 1, dtype=dtype)
    if asarray(edges[:-1] >= edges[1:]).any():
        raise ValueError(f"Too many bins for data range. Cannot create {count} finite-sized bins.")
    return edges, True


def histogram_bin_edges(a, bins=10, range=None, weights=None):
    """`numpy.histogram_bin_edges`"""
    a, weights = _raveled(a, weights)
    return _edges(a, bins, range, weights)[0]


def histogram(a, bins=10, range=None, density=None, weights=None):
    """`numpy.histogram`"""
    a, weights = _raveled(a, weights)
    edges, are_equal = _edges(a, bins, range, weights)
    if weights is not None and weights.dtype.kind == "b" and not are_equal and a.size:
        sums = numpy.zeros(1, bool)
        sums += sums.cumsum()  # raises what NumPy raises
    counts = _gain.histogram(a, edges, are_equal, weights)
    if weights is not None:
        counts = counts.astype(weights.dtype, copy=False)
    if density:
        return counts / asarray(diff(edges)).astype(float) / counts.sum(), edges
    return counts, edges


def _columns(sample):
    """The coordinates of points, an array for each axis."""
    if getattr(sample, "ndim", None) == 2:
        sample = asarray(sample)
    elif isinstance(sample, (list, tuple)) and any(isinstance(part, OURS) for part in sample):
        parts = [asarray(part) for part in sample]
        if all(part.ndim == 1 and part.shape == parts[0].shape for part in parts):
            dtype = numpy.result_type(*(part.dtype for part in parts))
            return [part.astype(dtype, copy=False) for part in parts]
        sample = atleast_2d(sample).T
    else:
        sample = atleast_2d(sample).T
    _, axes = sample.shape
    return [sample[:, axis] for axis in range(axes)]


def _edges_along(axis, bins, column, limits):
    """The edges along one axis of a histogram of several."""
    if ndim(bins) == 0:
        if bins < 1:
            raise ValueError(f"`bins[{axis}]` must be positive, when an integer")
        first, last = _outer_edges(column, limits)
        try:
            count = operator.index(bins)
        except TypeError as error:
            raise TypeError(f"`bins[{axis}]` must be an integer, when a scalar") from error
        return linspace(first, last, count + 1)
    if ndim(bins) != 1:
        raise ValueError(f"`bins[{axis}]` must be a scalar or 1d array")
    edges = asarray(bins)
    if asarray(edges[:-1] > edges[1:]).any():
        raise ValueError(f"`bins[{axis}]` must be monotonically increasing, when an array")
    return edges


def histogramdd(sample, bins=10, range=None, density=None, weights=None):
    """`numpy.histogramdd`"""
    columns = _columns(sample)
    axes = len(columns)
    weights = None if weights is None else asarray(weights)
    try:
        if len(bins) != axes:
            raise ValueError("The dimension of bins must be equal to the dimension of the sample x.")
    except TypeError:
        bins = axes * [bins]
    if range is None:
        range = (None,) * axes
    elif len(range) != axes:
        raise ValueError("range argument must have one entry per dimension")
    edges = [_edges_along(axis, *given) for axis, given in enumerate(zip(bins, columns, range))]
    # One bin more on each side, for what is outside.
    extents = [len(along) + 1 for along in edges]
    numpy.ravel_multi_index((0,) * axes, extents)  # raises what NumPy raises
    place = 0
    for column, along, extent in zip(columns, edges, extents):
        # What is on the last edge belongs to the last bin.
        found = _gain.searchsorted(along, column, "right", None) - (column == along[-1])
        place = place * extent + found
    counts = bincount(place, weights, math.prod(extents))
    counts = counts.reshape(extents).astype(float)[axes * (slice(1, -1),)]
    if density:
        total = counts.sum()
        for axis, along in enumerate(edges):
            counts = counts / diff(along).reshape([-1 if k == axis else 1 for k in numpy.arange(axes)])
        counts = counts / total
    return counts, edges


def histogram2d(x, y, bins=10, range=None, density=None, weights=None):
    """`numpy.histogram2d`"""
    if len(x) != len(y):
        raise ValueError("x and y must have the same length.")
    try:
        count = len(bins)
    except TypeError:
        count = 1
    if count not in (1, 2):
        bins = [asarray(bins)] * 2
    counts, edges = histogramdd([x, y], bins, range, density, weights)
    return counts, edges[0], edges[1]
