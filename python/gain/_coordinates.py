"""NumPy's functions that give the indices of parts of a matrix: of its diagonal, of a triangle, of what a function leaves."""

from ._base import asarray, ufuncs
from ._creation import ones
from ._indexing import nonzero
from ._ranges import arange
from ._triangles import tri

__all__ = [
    "diag_indices", "diag_indices_from", "mask_indices", "tril_indices", "tril_indices_from", "triu_indices", "triu_indices_from",
]


def _number(n):
    """A number of items, which an array of axes is not, were it of one element."""
    if getattr(n, "ndim", 0) > 0 and n.size == 1:
        raise TypeError("only 0-dimensional arrays can be converted to Python scalars")
    return n


def diag_indices(n, ndim=2):
    """`numpy.diag_indices`"""
    _number(n)
    return (arange(n),) * ndim


def diag_indices_from(arr):
    """`numpy.diag_indices_from`"""
    if not arr.ndim >= 2:
        raise ValueError("input array must be at least 2-d")
    if any(extent != arr.shape[0] for extent in arr.shape):
        raise ValueError("All dimensions of input must be of equal length")
    return diag_indices(arr.shape[0], arr.ndim)


def mask_indices(n, mask_func, k=0):
    """`numpy.mask_indices`"""
    return nonzero(asarray(mask_func(ones((n, n), int), k)) != 0)


def tril_indices(n, k=0, m=None):
    """`numpy.tril_indices`"""
    return nonzero(tri(_number(n), m, k, bool))


def triu_indices(n, k=0, m=None):
    """`numpy.triu_indices`"""
    return nonzero(ufuncs["logical_not"](tri(_number(n), m, k - 1, bool)))


def _of_matrix(indices, arr, k):
    if arr.ndim != 2:
        raise ValueError("input array must be 2-d")
    return indices(arr.shape[-2], k, arr.shape[-1])


def tril_indices_from(arr, k=0):
    """`numpy.tril_indices_from`"""
    return _of_matrix(tril_indices, arr, k)


def triu_indices_from(arr, k=0):
    """`numpy.triu_indices_from`"""
    return _of_matrix(triu_indices, arr, k)
