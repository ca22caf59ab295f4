"""NumPy's functions that make arrays of what Python has, with conditions."""

import numpy

from ._base import ufuncs
from ._creation import array, asanyarray, asarray
from ._gain import ndarray

__all__ = ["asarray_chkfinite", "astype", "fromiter", "fromstring", "require"]

# The flags that `require` knows, by their names.
REQUIREMENTS = {
    "C": "C", "C_CONTIGUOUS": "C", "CONTIGUOUS": "C", "F": "F", "F_CONTIGUOUS": "F", "FORTRAN": "F", "A": "A",
    "ALIGNED": "A", "W": "W", "WRITEABLE": "W", "O": "O", "OWNDATA": "O", "E": "E", "ENSUREARRAY": "E",
}


def asarray_chkfinite(a, dtype=None, order=None):
    """`numpy.asarray_chkfinite`"""
    a = asarray(a, dtype, order)
    if a.dtype.kind in "fc" and not ufuncs["isfinite"](a).all():
        raise ValueError("array must not contain infs or NaNs")
    return a


def astype(x, dtype, /, *, copy=True, device=None):
    """`numpy.astype`"""
    if not isinstance(x, (ndarray, numpy.ndarray, numpy.generic)):
        raise TypeError(f"Input should be a NumPy array or scalar. It is a {type(x)} instead.")
    if device not in (None, "cpu"):
        raise ValueError(f'Device not understood. Only "cpu" is allowed, but received: {device}')
    return (asarray(x) if isinstance(x, numpy.ndarray) else x).astype(dtype, copy=copy)


def same_value(a, dtype, order, subok, copy):
    """`ndarray.astype` with `casting="same_value"`: an error if some element would be another number."""
    with numpy.errstate(all="ignore"):
        made = a.astype(dtype, order or "K", "unsafe", subok, copy)
        back = made.astype(a.dtype, subok=False)
    plain = asarray(a)
    bad = back != plain
    if plain.dtype.kind in "fc":
        bad = bad & ~((back != back) & (plain != plain))
    bad = asarray(bad)
    if bad.any():
        plain[bad][:1].numpy().astype(dtype, casting="same_value")  # raises what NumPy raises
    return made


def fromiter(iter, dtype, count=-1, *, like=None):
    """`numpy.fromiter`: every rank goes through the iterator, of which each has its own."""
    return array(numpy.fromiter(iter, dtype, count))


def fromstring(string, dtype=float, count=-1, *, sep="", like=None):
    """`numpy.fromstring`"""
    return array(numpy.fromstring(string, dtype, count, sep=sep))


def require(a, dtype=None, requirements=None, *, like=None):
    """`numpy.require`"""
    if not requirements:
        return asanyarray(a, dtype)
    wanted = {REQUIREMENTS[name.upper()] for name in requirements}
    if wanted >= {"C", "F"}:
        raise ValueError('Cannot specify both "C" and "F" order')
    order = "F" if "F" in wanted else "C" if "C" in wanted else "A"
    convert = asarray if "E" in wanted else asanyarray
    made = convert(a, dtype, order)
    return made if all(made.flags[name] for name in wanted - {"C", "F", "E"}) else made.copy(order)
