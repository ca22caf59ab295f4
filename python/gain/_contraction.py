"""NumPy's products of vectors along an axis, and of all blocks of two arrays."""

import numpy

from . import _floating
from ._base import asarray, axes_tuple, ufuncs
from ._creation import empty
from ._shapes import moveaxis

__all__ = ["cross", "kron"]


def cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """`numpy.cross`"""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = asarray(a), asarray(b)
    if a.ndim < 1 or b.ndim < 1:
        raise ValueError("At least one array has zero dimension")
    (axisa,), (axisb,) = axes_tuple(axisa, a.ndim, "axisa"), axes_tuple(axisb, b.ndim, "axisb")
    a, b = moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ValueError("incompatible dimensions for cross product\n(dimension must be 2 or 3)")
    if a.shape[-1] == 2 or b.shape[-1] == 2:
        _floating.deprecated(
            "Arrays of 2-dimensional vectors are deprecated. Use arrays of 3-dimensional vectors instead. (deprecated "
            "in NumPy 2.0)"
        )
    common = numpy.broadcast_shapes(a.shape[:-1], b.shape[:-1])
    flat = a.shape[-1] == b.shape[-1] == 2
    if not flat:
        (axisc,) = axes_tuple(axisc, len(common) + 1, "axisc")
    (a0, a1, a2), (b0, b1, b2) = (
        [x[..., i] if i < x.shape[-1] else None for i in range(3)] for x in (a, b)
    )
    last = a0 * b1 - a1 * b0
    if flat:
        return asarray(last)
    # A third component that isn't there is zero.
    parts = [_difference(a1, b2, a2, b1), _difference(a2, b0, a0, b2), last]
    made = empty(common + (3,), numpy.promote_types(a.dtype, b.dtype))
    for place, part in enumerate(parts):
        made[..., place] = part
    return moveaxis(made, -1, axisc)


def _difference(one, two, three, four):
    """`one * two - three * four`, where a product with None is zero."""
    if one is None or two is None:
        return -(three * four)
    return one * two if three is None or four is None else one * two - three * four


def kron(a, b):
    """`numpy.kron`"""
    a, b = asarray(a), asarray(b)
    if a.ndim == 0 or b.ndim == 0:
        return ufuncs["multiply"](a, b)
    axes = max(a.ndim, b.ndim)
    mine = (1,) * (axes - a.ndim) + a.shape
    theirs = (1,) * (axes - b.ndim) + b.shape
    a = a.reshape([extent for one in mine for extent in (one, 1)])
    b = b.reshape([extent for one in theirs for extent in (1, one)])
    return (a * b).reshape([one * two for one, two in zip(mine, theirs)])
