"""Made by python/stubs.py: not to be edited."""

from typing import Any, TypeAlias, TypeVar

import numpy
from numpy.typing import ArrayLike as ArrayLike, DTypeLike as DTypeLike

from ._gain import ndarray

_T = TypeVar("_T", bound=numpy.generic)
NDArray: TypeAlias = ndarray[Any, numpy.dtype[_T]]
