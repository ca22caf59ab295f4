"""NumPy's reductions."""

import numpy

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
        return asarray(a).sum(axis, dtype, out, bool(keepdims))
    return asarray(a).sum(axis, dtype, out, bool(keepdims), **_given(initial=initial, where=where))


def prod(a, axis=None, dtype=None, out=None, keepdims=False, initial=ABSENT, where=ABSENT):
    """`numpy.prod`"""
    if initial is ABSENT and where is ABSENT:
        return asarray(a).prod(axis, dtype, out, bool(keepdims))
    return asarray(a).prod(axis, dtype, out, bool(keepdims), **_given(initial=initial, where=where))


def min(a, axis=None, out=None, keepdims=False, initial=ABSENT, where=ABSENT):
    """`numpy.min`"""
    if initial is ABSENT and where is ABSENT:
        return asarray(a).min(axis, out, bool(keepdims))
    return asarray(a).min(axis, out, bool(keepdims), **_given(initial=initial, where=where))


def max(a, axis=None, out=None, keepdims=False, initial=ABSENT, where=ABSENT):
    """`numpy.max`"""
    if initial is ABSENT and where is ABSENT:
        return asarray(a).max(axis, out, bool(keepdims))
    return asarray(a).max(axis, out, bool(keepdims), **_given(initial=initial, where=where))


def any(a, axis=None, out=None, keepdims=False, *, where=ABSENT):
    """`numpy.any`"""
    if where is ABSENT:
        return asarray(a).any(axis, out, bool(keepdims))
    return asarray(a).any(axis, out, bool(keepdims), **_given(where=where))


def all(a, axis=None, out=None, keepdims=False, *, where=ABSENT):
    """`numpy.all`"""
    if where is ABSENT:
        return asarray(a).all(axis, out, bool(keepdims))
    return asarray(a).all(axis, out, bool(keepdims), **_given(where=where))


def mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=ABSENT):
    """`numpy.mean`"""
    if where is ABSENT:
        return asarray(a).mean(axis, dtype, out, bool(keepdims))
    return asarray(a).mean(axis, dtype, out, bool(keepdims), **_given(where=where))


def argmin(a, axis=None, out=None, *, keepdims=False):
    """`numpy.argmin`"""
    return asarray(a).argmin(axis, out, keepdims=bool(keepdims))


def argmax(a, axis=None, out=None, *, keepdims=False):
    """`numpy.argmax`"""
    return asarray(a).argmax(axis, out, keepdims=bool(keepdims))


def var(
    a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=ABSENT, mean=ABSENT, correction=ABSENT
):
    """`numpy.var`"""
    if correction is not ABSENT:
        if ddof != 0:
            raise ValueError("ddof and correction can't be provided simultaneously.")
        ddof = correction
    a = asarray(a)
    if out is None and where is ABSENT and mean is ABSENT and a.ndim > 0:
        return a._var(axis, dtype, ddof, bool(keepdims))
    if dtype is None and a.dtype.kind in "iub":
        dtype = numpy.float64
    given = _given(where=where)
    difference = asarray(a - (a.mean(axis, dtype, None, True, **given) if mean is ABSENT else mean))
    if difference.dtype.kind == "c":
        difference = ufuncs["absolute"](difference)
    if given:
        count = broadcast_to(asarray(where), a.shape).sum(axis, None, None, bool(keepdims))
    else:
        count = a.size if axis is None else numpy.prod([a.shape[i] for i in axes_tuple(axis, a.ndim)], dtype=int)
    total = (difference * difference).sum(axis, dtype, None, bool(keepdims), **given)
    over = ufuncs["maximum"](count - ddof, 0)
    return ufuncs["divide"](total, over.astype(total.dtype), out=out, casting="unsafe")


def std(
    a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=ABSENT, mean=ABSENT, correction=ABSENT
):
    """`numpy.std`"""
    made = var(a, axis, dtype, out, ddof, keepdims, where=where, mean=mean, correction=correction)
    return ufuncs["sqrt"](made, out=out)


def ptp(a, axis=None, out=None, keepdims=False):
    """`numpy.ptp`"""
    a = asarray(a)
    return ufuncs["subtract"](a.max(axis, None, keepdims), a.min(axis, None, keepdims), *([] if out is None else [out]))


def count_nonzero(a, axis=None, *, keepdims=False):
    """`numpy.count_nonzero`"""
    a = asarray(a)
    return (a if a.dtype.kind == "b" else a != 0).sum(axis, None, None, keepdims)
