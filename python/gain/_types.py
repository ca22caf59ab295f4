"""NumPy's functions and tables of types and of single numbers: its own, asked about our arrays' types."""

import numpy
from numpy import (
    ScalarType, False_, True_, base_repr, binary_repr, format_float_positional, format_float_scientific, isdtype, iterable, little_endian,
    mintypecode, sctypeDict, typecodes, typename,
)

from ._base import asarray
from ._gain import ndarray

__all__ = [
    "False_", "ScalarType", "True_", "base_repr", "binary_repr", "can_cast", "common_type", "finfo", "format_float_positional",
    "format_float_scientific", "iinfo", "isdtype", "isfortran", "iterable", "little_endian", "min_scalar_type", "mintypecode", "result_type",
    "sctypeDict", "typecodes", "typename",
]


def _type_of(x):
    """The type of an array, which the array API lets stand for it; anything else as it is."""
    return x.dtype if isinstance(x, (ndarray, numpy.ndarray)) else x


class finfo(numpy.finfo):
    """`numpy.finfo`, of an array's type as well."""

    def __new__(cls, dtype):
        return numpy.finfo(_type_of(dtype))


class iinfo(numpy.iinfo):
    """`numpy.iinfo`, of an array's type as well."""

    def __init__(self, int_type):
        super().__init__(_type_of(int_type))


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


def isfortran(a):
    """`numpy.isfortran`"""
    return a.flags.fnc
