"""`numpy.typing`: `NDArray[T]` is an array of ours."""

import types
import typing

import numpy
from numpy.typing import ArrayLike, DTypeLike

from ._gain import ndarray

__all__ = ["ArrayLike", "DTypeLike", "NDArray"]

_T = typing.TypeVar("_T", bound=numpy.generic)
NDArray = types.GenericAlias(ndarray, (typing.Any, types.GenericAlias(numpy.dtype, (_T,))))
