"""NumPy's running sums and products."""

import numpy

from ._base import asarray, axis_number, ufuncs
from ._gain import ndarray
from ._shapes import concatenate

__all__ = ["cumprod", "cumsum", "cumulative_prod", "cumulative_sum"]


def cumsum(a, axis=None, dtype=None, out=None):
    """`numpy.cumsum`"""
    return _along("add", a, axis, dtype, out)


def cumprod(a, axis=None, dtype=None, out=None):
    """`numpy.cumprod`"""
    return _along("multiply", a, axis, dtype, out)


def _along(name, a, axis, dtype, out):
    a = asarray(a)
    if axis is None or a.ndim == 0:
        axis = 0 if axis is None else axis
        a = a.ravel()
    axis = axis_number(axis, a.ndim)
    if out is not None and not isinstance(out, ndarray):
        raise TypeError("output must be an array")
    return ufuncs[name].accumulate(a, axis, dtype, out)


def cumulative_sum(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
    """`numpy.cumulative_sum`"""
    return _cumulative("add", x, axis, dtype, out, include_initial)


def cumulative_prod(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
    """`numpy.cumulative_prod`"""
    return _cumulative("multiply", x, axis, dtype, out, include_initial)


def _cumulative(name, x, axis, dtype, out, include_initial):
    x = asarray(x)
    if x.ndim == 0:
        x = x.ravel()
    if axis is None:
        if x.ndim > 1:
            raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
        axis = 0
    if out is not None and include_initial:
        item = [slice(None)] * x.ndim
        item[axis] = slice(1, None)
        ufuncs[name].accumulate(x, axis, dtype, out[tuple(item)])
        item[axis] = slice(None, 1)
        out[tuple(item)] = ufuncs[name].identity
        return out
    made = ufuncs[name].accumulate(x, axis, dtype, out)
    if not include_initial:
        return made
    extents = list(x.shape)
    extents[axis] = 1
    first = asarray(numpy.full(extents, ufuncs[name].identity, made.dtype))
    return concatenate((first, made), axis)
