"""NumPy's reductions and scans that pass over NaN."""


import functools

import numpy

from . import _gain, _reductions
from ._base import ABSENT, asarray, of_class, ufuncs
from ._elementwise import where as select
from ._scans import cumprod, cumsum

__all__ = [
    "nanargmax", "nanargmin", "nancumprod", "nancumsum", "nanmax", "nanmean", "nanmin", "nanprod", "nanstd", "nansum",
    "nanvar",
]


def _filled(a, value):
    """`a` with `value` in the place of NaN, and where that is; None for types that have none."""
    a = asarray(a)
    if a.dtype.kind not in "fc":
        return a, None
    mask = asarray(ufuncs["isnan"](a))
    return asarray(select(mask, a.dtype.type(value), a)), mask


def _given(**keywords):
    """The keywords that were given."""
    return {key: value for key, value in keywords.items() if value is not ABSENT}


@of_class
def nansum(a, axis=None, dtype=None, out=None, keepdims=ABSENT, initial=ABSENT, where=ABSENT):
    """`numpy.nansum`"""
    return _reductions.sum(_filled(a, 0)[0], axis, dtype, out, **_given(keepdims=keepdims, initial=initial, where=where))


@of_class
def nanprod(a, axis=None, dtype=None, out=None, keepdims=ABSENT, initial=ABSENT, where=ABSENT):
    """`numpy.nanprod`"""
    return _reductions.prod(_filled(a, 1)[0], axis, dtype, out, **_given(keepdims=keepdims, initial=initial, where=where))


@of_class
def nancumsum(a, axis=None, dtype=None, out=None):
    """`numpy.nancumsum`"""
    return cumsum(_filled(a, 0)[0], axis, dtype, out)


@of_class
def nancumprod(a, axis=None, dtype=None, out=None):
    """`numpy.nancumprod`"""
    return cumprod(_filled(a, 1)[0], axis, dtype, out)


def _extreme(name, a, axis, out, keywords):
    is_array = isinstance(a, (_gain.ndarray, numpy.ndarray))
    a = asarray(a)
    if not is_array and (a.size == 0 or a.ndim == 0):
        # (Of what is no array NumPy asks the other pair, without NaN.)
        name = {"fmin": "minimum", "fmax": "maximum"}[name]
    made = ufuncs[name].reduce(a, axis, out=out, **keywords)
    if made.dtype.kind in "fc" and asarray(ufuncs["isnan"](made)).any():
        _gain.warn(f"All-NaN {'slice' if is_array else 'axis'} encountered")
    return made


@of_class
def nanmin(a, axis=None, out=None, keepdims=ABSENT, initial=ABSENT, where=ABSENT):
    """`numpy.nanmin`"""
    return _extreme("fmin", a, axis, out, _given(keepdims=keepdims, initial=initial, where=where))


@of_class
def nanmax(a, axis=None, out=None, keepdims=ABSENT, initial=ABSENT, where=ABSENT):
    """`numpy.nanmax`"""
    return _extreme("fmax", a, axis, out, _given(keepdims=keepdims, initial=initial, where=where))


def _place(find, a, value, axis, out, keepdims):
    a, mask = _filled(a, value)
    if mask is not None and mask.size and asarray(mask.all(axis)).any():
        raise ValueError("All-NaN slice encountered")
    return find(a, axis, out, **_given(keepdims=keepdims))


@functools.partial(of_class, kinds=_gain.ndarray)
def nanargmin(a, axis=None, out=None, *, keepdims=ABSENT):
    """`numpy.nanargmin`"""
    return _place(_reductions.argmin, a, numpy.inf, axis, out, keepdims)


@functools.partial(of_class, kinds=_gain.ndarray)
def nanargmax(a, axis=None, out=None, *, keepdims=ABSENT):
    """`numpy.nanargmax`"""
    return _place(_reductions.argmax, a, -numpy.inf, axis, out, keepdims)


def _inexact(dtype, out):
    """Refuses types that can't hold a mean."""
    if dtype is not None and not issubclass(numpy.dtype(dtype).type, numpy.inexact):
        raise TypeError("If a is inexact, then dtype must be inexact")
    if out is not None and not issubclass(out.dtype.type, numpy.inexact):
        raise TypeError("If a is inexact, then out must be inexact")


def _quotient(total, count, out):
    """`total / count` in the type of `total`."""
    if out is not None:
        return ufuncs["divide"](total, count, out=out, casting="unsafe")
    made = asarray(ufuncs["divide"](total, count)).astype(total.dtype, copy=False)
    return made if made.ndim else made[()]


@of_class
def nanmean(a, axis=None, dtype=None, out=None, keepdims=ABSENT, *, where=ABSENT):
    """`numpy.nanmean`"""
    a, mask = _filled(a, 0)
    given = _given(keepdims=keepdims, where=where)
    if mask is None:
        return _reductions.mean(a, axis, dtype, out, **given)
    _inexact(dtype, out)
    count = _reductions.sum(~mask, axis, numpy.intp, **given)
    total = _reductions.sum(a, axis, dtype, out, **given)
    with numpy.errstate(invalid="ignore", divide="ignore"):
        mean = _quotient(total, count, out)
    if asarray(count == 0).any():
        _gain.warn("Mean of empty slice")
    return mean


@of_class
def nanvar(
    a, axis=None, dtype=None, out=None, ddof=0, keepdims=ABSENT, *, where=ABSENT, mean=ABSENT, correction=ABSENT
):
    """`numpy.nanvar`"""
    a, mask = _filled(a, 0)
    if mask is None:
        given = _given(keepdims=keepdims, where=where, mean=mean, correction=correction)
        return _reductions.var(a, axis, dtype, out, ddof, **given)
    if correction is not ABSENT:
        if ddof != 0:
            raise ValueError("ddof and correction can't be provided simultaneously.")
        ddof = correction
    _inexact(dtype, out)
    mine = _given(where=where)
    with numpy.errstate(invalid="ignore", divide="ignore"):
        if mean is ABSENT:
            whole = asarray(_reductions.sum(a, axis, dtype, keepdims=True, **mine))
            mean = _quotient(whole, _reductions.sum(~mask, axis, numpy.intp, keepdims=True, **mine), None)
    difference = asarray(a - mean)
    with numpy.errstate(invalid="ignore", divide="ignore"):
        difference = asarray(select(mask, a.dtype.type(0), difference.astype(a.dtype, copy=False)))
        if difference.dtype.kind == "c":
            square = asarray(ufuncs["multiply"](difference, difference.conj())).real
        else:
            square = ufuncs["multiply"](difference, difference)
        mine |= _given(keepdims=keepdims)
        total = _reductions.sum(square, axis, dtype, out, **mine)
        freedom = _reductions.sum(~mask, axis, numpy.intp, **mine) - ddof
        made = _quotient(total, freedom, None)
    bad = asarray(freedom <= 0)
    if bad.any():
        _gain.warn("Degrees of freedom <= 0 for slice.")
        made = asarray(select(bad, numpy.nan, made)).astype(made.dtype, copy=False)
        made = made if made.ndim else made[()]
    if out is None:
        return made
    out[...] = made
    return out


@of_class
def nanstd(
    a, axis=None, dtype=None, out=None, ddof=0, keepdims=ABSENT, *, where=ABSENT, mean=ABSENT, correction=ABSENT
):
    """`numpy.nanstd`"""
    made = nanvar(a, axis, dtype, out, ddof, keepdims, where=where, mean=mean, correction=correction)
    return _reductions.root(made, dtype, out)
