"""`polyfit`: the coefficients of the polynomial that fits, however many points there are."""

import warnings

import numpy

from ._base import asarray
from ._creation import array
from ._least import solved

__all__ = ["polyfit"]


def polyfit(x, y, deg, rcond=None, full=False, w=None, cov=False):
    """`numpy.polyfit`"""
    order = int(deg) + 1
    x, y = asarray(x) + 0.0, asarray(y) + 0.0
    if deg < 0:
        raise ValueError("expected deg >= 0")
    x, y = asarray(x), asarray(y)
    if x.ndim != 1:
        raise TypeError("expected 1D vector for x")
    if x.size == 0:
        raise TypeError("expected non-empty vector for x")
    if y.ndim < 1 or y.ndim > 2:
        raise TypeError("expected 1D or 2D array for y")
    if x.shape[0] != y.shape[0]:
        raise TypeError("expected x and y to have same length")
    if rcond is None:
        rcond = len(x) * numpy.finfo(x.dtype).eps
    x = x.astype(numpy.promote_types(x.dtype, int), copy=False)
    if y.dtype == numpy.float16:
        numpy.linalg.lstsq(numpy.ones((1, 1)), numpy.ones(1, y.dtype))  # raises what NumPy raises
    columns = [x * 0 + 1]
    for _ in range(order - 1):
        columns.insert(0, columns[0] * x)
    if w is not None:
        w = asarray(asarray(w) + 0.0)
        if w.ndim != 1:
            raise TypeError("expected a 1-d array for weights")
        if w.shape[0] != y.shape[0]:
            raise TypeError("expected w and y to have the same length")
        columns = [column * w for column in columns]
        y = y * (w if y.ndim == 1 else w[:, None])
    scale = numpy.sqrt(numpy.array([(column * column).sum() for column in columns]))
    columns = [(column / factor).force() for column, factor in zip(columns, scale)]
    found, left, rank, values = solved(columns, y, rcond)
    made = array((found.T / scale).T)
    if rank != order and not full:
        warnings.warn("Polyfit may be poorly conditioned", numpy.exceptions.RankWarning, stacklevel=2)
    if full:
        return made, array(left), rank, array(values), rcond
    if not cov:
        return made
    base = numpy.array([[(one * two).sum() for two in columns] for one in columns])
    base = numpy.linalg.inv(base) / numpy.outer(scale, scale)
    factor = 1
    if cov != "unscaled":
        if len(x) <= order:
            raise ValueError("the number of data points must exceed order to scale the covariance matrix")
        factor = left / (len(x) - order)
    return made, array((base if y.ndim == 1 else base[:, :, None]) * factor)
