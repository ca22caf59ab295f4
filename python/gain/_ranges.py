"""NumPy's ranges of numbers."""

import operator

import numpy

from . import _gain
from ._base import asarray, axes_tuple, host, ndim, ufuncs
from ._gain import ndarray
from ._shapes import expand_dims, moveaxis

__all__ = ["arange", "geomspace", "linspace", "logspace"]

_REAL = (int, float, numpy.floating)


def arange(start=None, stop=None, step=None, dtype=None, *, device=None, like=None):
    """`numpy.arange`"""
    host(device)
    if start is None and stop is None:
        raise TypeError("arange() requires stop to be specified.")
    if stop is None:
        start, stop = 0, start
    if not all(one is None or type(one) in (int, float) or isinstance(one, (numpy.generic, ndarray)) for one in (start, stop, step)):
        numpy.arange(*(one.numpy() if isinstance(one, ndarray) else one for one in (start, stop, 1 if step is None else step)), dtype=dtype)  # raises what NumPy raises
    if any(isinstance(one, ndarray) and one.ndim for one in (start, stop, step)):
        numpy.arange(*(numpy.ones(numpy.shape(one)) if isinstance(one, ndarray) else one for one in (start, stop, 1 if step is None else step)))  # raises what NumPy raises
    if step is not None and step == 0:
        (stop - start) / step  # raises what NumPy raises
    return _gain.arange(0 if start is None else start, stop, 1 if step is None else step, dtype)


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, *, device=None):
    """`numpy.linspace`"""
    host(device)
    num = operator.index(num)
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    if ndim(start) or ndim(stop) or _are_near(start, stop):
        made, step = _lines(start, stop, num, endpoint)
        made = moveaxis(made, 0, axis)
        if dtype is not None:
            made = (ufuncs["floor"](made) if numpy.issubdtype(dtype, numpy.integer) else made).astype(dtype, copy=False)
        return (made, step) if retstep else made
    axes_tuple(axis, 1, "destination")
    made = _gain.linspace(start, stop, num, endpoint, dtype)
    if not retstep:
        return made
    intervals = num - 1 if endpoint else num
    return made, numpy.true_divide(stop - start, intervals) if intervals > 0 else numpy.nan


def _are_near(start, stop):
    """Whether the steps between two numbers may be too small for their type."""
    return isinstance(start, _REAL) and isinstance(stop, _REAL) and 0 < abs(stop - start) < 1e-30


def _lines(start, stop, num, endpoint):
    """`linspace` between the elements of arrays, along a new first axis; the steps."""
    dtype = numpy.result_type(*(x if isinstance(x, (int, float, complex)) else asarray(x).dtype for x in (start, stop)))
    dtype = dtype if dtype.kind in "fc" else numpy.dtype(float)
    start, stop = asarray(start).astype(dtype, copy=False), asarray(stop).astype(dtype, copy=False)
    span = stop - start
    index = arange(num, dtype=dtype).reshape((num,) + (1,) * span.ndim)
    intervals = num - 1 if endpoint else num
    step = span / intervals if intervals > 0 else numpy.nan
    if intervals > 0:
        # As NumPy has it: steps too small for their type would stand still.
        made = index / intervals * span if (step == 0).any() else index * step
    else:
        made = index * span
    made = made + start
    if endpoint and num > 1:
        made[-1] = stop
    return made, step


def logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
    """`numpy.logspace`"""
    if ndim(base):
        start, stop, base = map(asarray, (start, stop, base))
        axes = max(start.ndim, stop.ndim, base.ndim)
        start, stop, base = (a.reshape((1,) * (axes - a.ndim) + a.shape) for a in (start, stop, base))
        base = expand_dims(base, axis)
    made = ufuncs["power"](base, linspace(start, stop, num, endpoint, axis=axis))
    return made if dtype is None else made.astype(dtype, copy=False)


def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """`numpy.geomspace`"""
    first, last = asarray(start), asarray(stop)
    if not (first.all() and last.all()):
        raise ValueError("Geometric sequence cannot include zero")
    wide = numpy.result_type(first.dtype, last.dtype, float(num), float if dtype is None else dtype)
    first, last = first.astype(wide), last.astype(wide)
    sign = ufuncs["sign"](first)
    first, last = asarray(first / sign), asarray(last / sign)
    logs = (ufuncs["log10"](one) for one in (first, last))
    made = logspace(*logs, num, endpoint, dtype=wide)
    if num > 0:
        made[0] = first
        if num > 1 and endpoint:
            made[-1] = last
    return moveaxis(made * sign, 0, axis).astype(wide if dtype is None else dtype, copy=False)
