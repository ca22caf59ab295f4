"""`numpy.lib.array_utils`"""

import numpy
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from .._gain import ndarray

__all__ = ["byte_bounds", "normalize_axis_index", "normalize_axis_tuple"]


def byte_bounds(a):
    """`numpy.lib.array_utils.byte_bounds`: addresses, which there are on one rank."""
    if not isinstance(a, ndarray):
        return numpy.lib.array_utils.byte_bounds(a)
    low = high = a.__array_interface__["data"][0]
    for extent, step in zip(a.shape, a.strides):
        low, high = (low + (extent - 1) * step, high) if step < 0 else (low, high + (extent - 1) * step)
    return low, high + a.itemsize
