"""NumPy's functions that make arrays."""

import operator

import numpy

from . import _base, _gain
from ._base import extents, host, laid, ndim, new
from ._gain import ndarray

__all__ = [
    "array", "asanyarray", "asarray", "ascontiguousarray", "asfortranarray", "copy", "empty", "empty_like", "eye", "fromfunction", "full",
    "full_like", "identity", "ones", "ones_like", "zeros", "zeros_like",
]


def asanyarray(a, dtype=None, order=None, *, device=None, copy=None, like=None):
    """`numpy.asanyarray`: `a` itself if it is an array of this class or a subclass. Others give their elements."""
    a = numpy.asarray(a) if isinstance(a, numpy.ndarray) else a
    return _base.asarray(a, dtype, order, device=device, copy=copy)


def asarray(a, dtype=None, order=None, *, device=None, copy=None, like=None):
    """`numpy.asarray`: `a` itself if it is an array of this type."""
    if type(a) is ndarray and dtype is order is device is copy is None:
        return a
    a = a.view(ndarray) if isinstance(a, ndarray) and type(a) is not ndarray else a
    made = asanyarray(a, dtype, order, device=device, copy=copy)
    return made if type(made) is ndarray else made.view(ndarray)


def array(object, dtype=None, *, copy=True, order="K", subok=False, ndmin=0, ndmax=0, like=None):
    """`numpy.array`"""
    if not 0 <= ndmax <= 64:
        raise ValueError("ndmax must be in the range [0, NPY_MAXDIMS (64)] ")
    if ndmin > (ndmax or 64):
        raise ValueError(f"ndmin must be <= ndmax ({ndmax or 64})")
    if type(object) in (list, tuple) and ndmin == ndmax == 0 and order in ("K", "C") and copy in (True, None):
        return _gain.convert(object, dtype)
    made = asanyarray(object, dtype, order, copy=copy) if subok else asarray(object, dtype, order, copy=copy)
    if ndmax and made.ndim > ndmax and isinstance(object, (list, tuple)):
        raise ValueError(
            "setting an array element with a sequence. The requested array would exceed the maximum number of dimension "
            f"of {ndmax}."
        )
    if made.ndim < ndmin:
        made = made.reshape((1,) * (ndmin - made.ndim) + made.shape)
    return made


def ascontiguousarray(a, dtype=None, *, like=None):
    """`numpy.ascontiguousarray`"""
    made = asarray(a, dtype, "C")
    return made.reshape(1) if made.ndim == 0 else made


def asfortranarray(a, dtype=None, *, like=None):
    """`numpy.asfortranarray`"""
    made = asarray(a, dtype, "F")
    return made.reshape(1) if made.ndim == 0 else made


def copy(a, order="K", subok=False):
    """`numpy.copy`"""
    return array(a, order=order)


def full(shape, fill_value, dtype=None, order="C", *, device=None, like=None, distribution=None):
    """`numpy.full`"""
    if distribution is not None:
        return _gain.redistribute(full(shape, fill_value, dtype, order, device=device), distribution)
    host(device)
    shape = extents(shape)
    if ndim(fill_value) == 0:
        return new(lambda shape: _gain.full(shape, fill_value, dtype), shape, order)
    made = empty(shape, asarray(fill_value).dtype if dtype is None else dtype, order)
    made[...] = asarray(fill_value)
    return made


zeros, ones, empty = _gain.zeros, _gain.ones, _gain.empty


def _like(make, prototype, dtype, order, shape, device, subok):
    """An array like the prototype, made by `make(shape, dtype)`."""
    host(device)
    a = asarray(prototype)
    shape = a.shape if shape is None else extents(shape)
    dtype = a.dtype if dtype is None else dtype
    axes = _gain.memory_order(a, order)
    if len(shape) != a.ndim:
        fortran = order in ("F", "f") or order in ("A", "a") and axes is not None
        axes = range(len(shape))[::-1] if fortran else None
    made = laid(lambda shape: make(shape, dtype), shape, axes)
    return _base.like(made, prototype) if subok and isinstance(prototype, ndarray) and type(prototype) is not ndarray else made


def full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, *, device=None):
    """`numpy.full_like`"""
    return _like(lambda shape, dtype: full(shape, fill_value, dtype), a, dtype, order, shape, device, subok)


def zeros_like(a, dtype=None, order="K", subok=True, shape=None, *, device=None):
    """`numpy.zeros_like`"""
    return _like(lambda shape, dtype: _gain.full(shape, 0, dtype), a, dtype, order, shape, device, subok)


def ones_like(a, dtype=None, order="K", subok=True, shape=None, *, device=None):
    """`numpy.ones_like`"""
    return _like(lambda shape, dtype: _gain.full(shape, 1, dtype), a, dtype, order, shape, device, subok)


def empty_like(prototype, dtype=None, order="K", subok=True, shape=None, *, device=None):
    """`numpy.empty_like`"""
    return _like(_gain.empty, prototype, dtype, order, shape, device, subok)


def eye(N, M=None, k=0, dtype=float, order="C", *, device=None, like=None):
    """`numpy.eye`"""
    host(device)
    if isinstance(N, bool) or isinstance(M, bool):
        numpy.empty((True,))  # raises what NumPy raises
    extents = operator.index(N), operator.index(N if M is None else M)
    k = extents[1] if k >= extents[1] else operator.index(k)
    if order in ("F", "f"):
        return _gain.laid(_gain.eye(extents[::-1], -k, dtype), [1, 0])
    return new(lambda shape: _gain.eye(shape, k, dtype), extents, order)


def identity(n, dtype=None, *, like=None):
    """`numpy.identity`"""
    return eye(n, dtype=float if dtype is None else dtype)


def fromfunction(function, shape, *, dtype=float, like=None, **keywords):
    """`numpy.fromfunction`"""
    shape = extents(shape)
    each = [_gain.indices(shape, axis).astype(dtype, copy=False) for axis in range(len(shape))]
    return function(*each, **keywords)
