"""NumPy's functions on types and on single numbers: its own, asked about our arrays' types."""

import numpy
from numpy import base_repr, binary_repr, format_float_positional, format_float_scientific, isdtype

from ._gain import ndarray

__all__ = [
    "base_repr", "binary_repr", "can_cast", "common_type", "format_float_positional", "format_float_scientific", "isdtype", "min_scalar_type",
    "result_type",
]


def can_cast(from_, to, casting="safe"):
    """`numpy.can_cast`"""
    return numpy.can_cast(from_.dtype if isinstance(from_, ndarray) else from_, to, casting)


def result_type(*arrays_and_dtypes):
    """`numpy.result_type`"""
    return numpy.result_type(*(a.dtype if isinstance(a, ndarray) else a for a in arrays_and_dtypes))


def min_scalar_type(a, /):
    """`numpy.min_scalar_type`"""
    return a.dtype if isinstance(a, ndarray) and a.ndim else numpy.min_scalar_type(a[()] if isinstance(a, ndarray) else a)


def common_type(*arrays):
    """`numpy.common_type`"""
    return numpy.common_type(*(numpy.empty(0, a.dtype) if isinstance(a, ndarray) else a for a in arrays))
