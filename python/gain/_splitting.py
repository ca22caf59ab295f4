"""NumPy's functions that cut arrays into parts, which are views."""

from ._base import asarray, axes_tuple, ndim
from ._shapes import moveaxis

__all__ = ["array_split", "dsplit", "hsplit", "split", "unstack", "vsplit"]


def array_split(ary, indices_or_sections, axis=0):
    """`numpy.array_split`"""
    try:
        extent = ary.shape[axis]
    except AttributeError:
        extent = len(ary)
    try:
        len(indices_or_sections)
        bounds = [0, *indices_or_sections, extent]
    except TypeError:
        sections = int(indices_or_sections)
        if sections <= 0:
            raise ValueError("number sections must be larger than 0.") from None
        length, longer = divmod(extent, sections)
        bounds = [i * length + min(i, longer) for i in range(sections + 1)]
    ary = asarray(ary)
    (axis,) = axes_tuple(axis, ary.ndim, "axis1")
    before = (slice(None),) * axis
    return [ary[before + (slice(start, stop),)] for start, stop in zip(bounds, bounds[1:])]


def split(ary, indices_or_sections, axis=0):
    """`numpy.split`"""
    try:
        len(indices_or_sections)
    except TypeError:
        if ary.shape[axis] % indices_or_sections:
            raise ValueError("array split does not result in an equal division") from None
    return array_split(ary, indices_or_sections, axis)


def hsplit(ary, indices_or_sections):
    """`numpy.hsplit`"""
    if ndim(ary) == 0:
        raise ValueError("hsplit only works on arrays of 1 or more dimensions")
    return split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


def vsplit(ary, indices_or_sections):
    """`numpy.vsplit`"""
    if ndim(ary) < 2:
        raise ValueError("vsplit only works on arrays of 2 or more dimensions")
    return split(ary, indices_or_sections, 0)


def dsplit(ary, indices_or_sections):
    """`numpy.dsplit`"""
    if ndim(ary) < 3:
        raise ValueError("dsplit only works on arrays of 3 or more dimensions")
    return split(ary, indices_or_sections, 2)


def unstack(x, /, *, axis=0):
    """`numpy.unstack`: views."""
    if x.ndim == 0:
        raise ValueError("Input array must be at least 1-d.")
    return tuple(moveaxis(x, axis, 0))
