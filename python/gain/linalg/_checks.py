"""What functions of matrices need: NumPy's rules about types and shapes, and its errors."""

import numpy
from numpy.linalg import LinAlgError

from .. import _gain
from .._base import asarray, assumed, ufuncs

# In the order of what holds both.
_SINGLE = {numpy.dtype("f4"): "f", numpy.dtype("c8"): "F"}


def common(*arrays):
    """The type that matrices of these arrays are computed in: single if all are, else double; complex if one is."""
    is_double = is_complex = False
    for a in arrays:
        if a.dtype == numpy.float16:
            raise TypeError(f"array type {a.dtype.name} is unsupported in linalg")
        is_double |= a.dtype not in _SINGLE
        is_complex |= a.dtype.kind == "c"
    return numpy.dtype("fdFD"[is_double + 2 * is_complex])


def real(dtype):
    """The type of the parts of a number."""
    return numpy.dtype({"F": "f", "D": "d"}.get(dtype.char, dtype.char))


def matrices(a):
    """An array of stacks of matrices."""
    a = asarray(a)
    if a.ndim < 2:
        raise LinAlgError(f"{a.ndim}-dimensional array given. Array must be at least two-dimensional")
    return a


def squares(a):
    """An array of stacks of square matrices."""
    a = matrices(a)
    if a.shape[-2] != a.shape[-1]:
        raise LinAlgError("Last 2 dimensions of the array must be square")
    return a


def two(*arrays):
    """Refuses what has not two axes."""
    for a in arrays:
        if a.ndim != 2:
            raise LinAlgError(f"{a.ndim}-dimensional array given. Array must be two-dimensional")


def finite(a):
    """Refuses NaN and infinities."""
    if not assumed(lambda: ufuncs["isfinite"](a).all(), True):
        raise LinAlgError("Array must not contain infs or NaNs")


def made(task, a, *flags, b=None):
    """What the task makes of matrices, of their type; computed in double precision as NumPy does."""
    dtype = common(a) if b is None else common(a, b)
    if dtype.char in "dD":
        return alike(task, a, *flags, b=b)
    wide = numpy.dtype({"f": "d", "F": "D"}[dtype.char])
    found = alike(task, a.astype(wide), *flags, b=None if b is None else b.astype(wide))
    return tuple(x.astype({"d": "f", "D": "F"}.get(x.dtype.char, x.dtype), copy=False) for x in found)


def alike(task, a, *flags, b=None):
    """What the task makes of matrices, computed in their common type as SciPy does."""
    dtype = common(a) if b is None else common(a, b)
    a = a.astype(dtype, copy=False)
    return _gain.factorized(task, [int(flag) for flag in flags], a, None if b is None else b.astype(dtype, copy=False))


def plain(a):
    """NumPy's scalar in the place of an array without axes."""
    return a[()] if a.ndim == 0 else a


def adjoint(a):
    """The conjugate transpose of each matrix."""
    a = a.swapaxes(-1, -2)
    return a.conj() if a.dtype.kind == "c" else a
