"""NumPy's reductions."""

import numpy

from . import _gain
from ._base import ABSENT, asarray, axes_tuple, ufuncs
from ._shapes import broadcast_to

__all__ = [
    "all", "any", "argmax", "argmin", "count_nonzero", "max", "mean", "min", "prod", "ptp", "std", "sum", "var",
]


def _given(**keywords):
    """The keywords that were given."""
    return {key: value for key, value in keywords.items() if value is not None and value is not numpy._NoValue}


def sum(a, axis=None, dtype=None, out=None, keepdims=False, initial=ABSENT, where=ABSENT):
    """`numpy.sum`"""
    if initial is ABSENT and where is ABSENT:
        return asarray(a).sum(axis, dtype, out, keepdims)
    return asarray(a).sum(axis, dtype, out, keepdims, **_given(initial=initial, where=where))


def prod(a, axis=None, dtype=None, out=None, keepdims=False, initial=ABSENT, where=ABSENT):
    """`numpy.prod`"""
    if initial is ABSENT and where is ABSENT:
        return asarray(a).prod(axis, dtype, out, keepdims)
    return asarray(a).prod(axis, dtype, out, keepdims, **_given(initial=initial, where=where))


def min(a, axis=None, out=None, keepdims=False, initial=ABSENT, where=ABSENT):
    """`numpy.min`"""
    if initial is ABSENT and where is ABSENT:
        return asarray(a).min(axis, out, keepdims)
    return asarray(a).min(axis, out, keepdims, **_given(initial=initial, where=where))


def max(a, axis=None, out=None, keepdims=False, initial=ABSENT, where=ABSENT):
    """`numpy.max`"""
    if initial is ABSENT and where is ABSENT:
        return asarray(a).max(axis, out, keepdims)
    return asarray(a).max(axis, out, keepdims, **_given(initial=initial, where=where))


def any(a, axis=None, out=None, keepdims=False, *, where=ABSENT):
    """`numpy.any`"""
    if where is ABSENT:
        return asarray(a).any(axis, out, keepdims)
    return asarray(a).any(axis, out, keepdims, **_given(where=where))


def all(a, axis=None, out=None, keepdims=False, *, where=ABSENT):
    """`numpy.all`"""
    if where is ABSENT:
        return asarray(a).all(axis, out, keepdims)
    return asarray(a).all(axis, out, keepdims, **_given(where=where))


def mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=ABSENT):
    """`numpy.mean`"""
    if where is ABSENT:
        return asarray(a).mean(axis, dtype, out, keepdims)
    return asarray(a).mean(axis, dtype, out, keepdims, **_given(where=where))


def argmin(a, axis=None, out=None, *, keepdims=False):
    """`numpy.argmin`"""
    return asarray(a).argmin(axis, out, keepdims=keepdims)


def argmax(a, axis=None, out=None, *, keepdims=False):
    """`numpy.argmax`"""
    return asarray(a).argmax(axis, out, keepdims=keepdims)


def var(
    a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=ABSENT, mean=ABSENT, correction=ABSENT
):
    """`numpy.var`"""
    if correction is not ABSENT:
        if ddof != 0:
            raise ValueError("ddof and correction can't be provided simultaneously.")
        ddof = correction
    a = asarray(a)
    dtype = dtype if dtype is None else numpy.dtype(dtype)
    is_plain = dtype is None or dtype.kind == "f"
    if out is None and where is ABSENT and mean is ABSENT and a.ndim > 0 and is_plain:
        return a._var(axis, dtype, ddof, keepdims)
    if dtype is None and a.dtype.kind in "iub":
        dtype = numpy.float64
    given = _given(where=where)
    if given:
        count = asarray(broadcast_to(asarray(where), a.shape).sum(axis, None, None, True))
    else:
        try:
            axes = range(a.ndim) if axis is None else axes_tuple(axis, a.ndim)
        except ValueError:
            numpy.add.reduce(numpy.broadcast_to(0, a.shape), axis)  # raises what NumPy raises
            raise
        count = asarray(numpy.prod([a.shape[i] for i in axes], dtype=int))
    if (count <= ddof).any():
        _gain.warn("Degrees of freedom <= 0 for slice")
    if mean is ABSENT:
        whole = asarray(a.sum(axis, dtype, None, True, **given))
        mean = asarray(ufuncs["divide"](whole, count)).astype(whole.dtype, copy=False)
    difference = asarray(a - mean)
    if difference.dtype.kind == "c":
        difference = ufuncs["absolute"](difference)
    total = asarray(asarray(difference * difference).sum(axis, dtype, out, keepdims, **given))
    over = asarray(ufuncs["maximum"](count.reshape(total.shape if given else ()) - ddof, 0))
    made = ufuncs["divide"](total, over, out=total if out is None else out, casting="unsafe")
    return made if out is not None or made.ndim or type(a) is not _gain.ndarray else made[()]


def std(
    a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=ABSENT, mean=ABSENT, correction=ABSENT
):
    """`numpy.std`"""
    return root(var(a, axis, dtype, out, ddof, keepdims, where=where, mean=mean, correction=correction), dtype, out)


def root(made, dtype, out):
    """The deviation of a variance that was computed with this type: of integers too, where that was asked for."""
    if dtype is None or numpy.dtype(dtype).kind in "fc":
        return ufuncs["sqrt"](made, out=out)
    return ufuncs["sqrt"](made, out=made) if isinstance(made, _gain.ndarray) else made.dtype.type(numpy.sqrt(made))


def ptp(a, axis=None, out=None, keepdims=False):
    """`numpy.ptp`"""
    a = asarray(a)
    return ufuncs["subtract"](a.max(axis, out, keepdims), a.min(axis, None, keepdims), *([] if out is None else [out]))


def count_nonzero(a, axis=None, *, keepdims=False):
    """`numpy.count_nonzero`"""
    a = asarray(a)
    a = a if type(a) is _gain.ndarray else a.view(_gain.ndarray)
    keepdims = bool(keepdims) if axis is None else keepdims
    if a.dtype.kind != "b":
        # (Where elements are repeated the axes of a conversion have another order than those of a comparison.)
        a = a.astype(bool) if 0 in a.strides else a != 0
    return a.sum(axis, None, None, keepdims)
