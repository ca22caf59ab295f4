"""NumPy's averages and covariances."""

import numpy

from . import _gain
from ._base import ABSENT, asarray, axes_tuple, ufuncs
from ._creation import array, empty
from ._shapes import broadcast_to, concatenate

__all__ = ["average", "corrcoef", "cov"]


def average(a, axis=None, weights=None, returned=False, *, keepdims=ABSENT):
    """`numpy.average`"""
    a = asarray(a)
    if axis is not None:
        axis = axes_tuple(axis, a.ndim, "axis")
    keepdims = False if keepdims is ABSENT else keepdims
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
    rows -= means[:, None]
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
