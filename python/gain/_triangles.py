"""NumPy's functions on diagonals and triangles of matrices.

A diagonal is a view wherever it can be said in slices and shapes of the memory: of every array of two axes, and of one
of more whose two axes follow one another in memory (stacks of matrices in C order). Else it is a copy, read-only as
NumPy's view is, which doesn't follow later writes to the array.
"""

import math
import operator

import numpy

from . import _gain
from ._base import asarray, axes_tuple, ufuncs
from ._creation import empty, eye, zeros
from ._gain import ndarray
from ._ranges import arange
from ._shapes import broadcast_to

__all__ = ["diag", "diagflat", "diagonal", "trace", "tri", "tril", "triu", "vander"]


def tri(N, M=None, k=0, dtype=float, *, like=None):
    """`numpy.tri`"""
    M = N if M is None else M
    rows, columns = arange(N, dtype=numpy.int64), arange(-k, M - k, dtype=numpy.int64)
    return (rows[:, None] >= columns).astype(dtype, copy=False)


def tril(m, k=0):
    """`numpy.tril`"""
    m = asarray(m)
    return _gain.select(tri(*m.shape[-2:], k=k, dtype=bool), m, m.dtype.type(0))


def triu(m, k=0):
    """`numpy.triu`"""
    m = asarray(m)
    return _gain.select(tri(*m.shape[-2:], k=k - 1, dtype=bool), m.dtype.type(0), m)


def vander(x, N=None, increasing=False):
    """`numpy.vander`"""
    x = asarray(x)
    if x.ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    made = empty((len(x), len(x) if N is None else N), numpy.promote_types(x.dtype, int))
    powers = made if increasing else made[:, ::-1]
    powers[:, :1] = 1
    if made.shape[1] > 1:
        factors = broadcast_to(x.astype(made.dtype)[:, None], (len(x), made.shape[1] - 1))
        powers[:, 1:] = ufuncs["multiply"].accumulate(factors, 1)
    return made


def diag(v, k=0):
    """`numpy.diag`: of a matrix its diagonal, as `diagonal` has it."""
    v = asarray(v)
    if v.ndim not in (1, 2):
        raise ValueError("Input must be 1- or 2-d.")
    return diagflat(v, k) if v.ndim == 1 else diagonal(v, k)


def diagflat(v, k=0):
    """`numpy.diagflat`"""
    v = asarray(v).ravel()
    extent = v.size + abs(k)
    made = zeros((extent, extent), v.dtype)
    start = k if k >= 0 else -k * extent
    made.ravel()[start:start + v.size * (extent + 1):extent + 1] = v
    return made


def diagonal(a, offset=0, axis1=0, axis2=1):
    """`numpy.diagonal`: read-only."""
    made = writeable_diagonal(asarray(a), offset, axis1, axis2)
    made.setflags(write=False)
    return made


def writeable_diagonal(a, offset, axis1, axis2):
    """The diagonal, which shows later writes and passes them on if it is a view."""
    matrices, first = _matrices(a, offset, axis1, axis2)
    made = _view(matrices, first)
    return _copy(matrices, first) if made is None else made


def trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    """`numpy.trace`"""
    if isinstance(offset, float):
        raise TypeError("integer argument expected, got float")
    matrices, first = _matrices(asarray(a), offset, axis1, axis2)
    made = _view(matrices, first)
    if made is not None:
        total = made.sum(-1, dtype, out)
    else:
        square = _square(matrices, first)
        total = square.sum((-2, -1), dtype, out, where=eye(square.shape[-1], dtype=bool))
    return total if total.ndim or out is not None else total[()]


def _matrices(a, offset, axis1, axis2):
    """`a` with the two axes last, and where the diagonal begins: row and column."""
    offset, axis1, axis2 = map(operator.index, (offset, axis1, axis2))
    if a.ndim < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    (axis1,), (axis2,) = axes_tuple(axis1, a.ndim, "axis1"), axes_tuple(axis2, a.ndim, "axis2")
    if axis1 == axis2:
        raise ValueError("axis1 and axis2 cannot be the same")
    first = (-offset, 0) if offset < 0 else (0, offset)
    if (axis1, axis2) == (a.ndim - 2, a.ndim - 1):
        return a, first
    rest = [axis for axis in range(a.ndim) if axis not in (axis1, axis2)]
    return a.transpose(*rest, axis1, axis2), first


def _length(shape, first):
    """How many elements the diagonal of matrices has."""
    return max(min(shape[-2] - first[0], shape[-1] - first[1]), 0)


def _square(matrices, first):
    """The part of the matrices of which the diagonal is the main one."""
    extent = _length(matrices.shape, first)
    row, column = first if extent else (0, 0)
    return matrices[..., row:row + extent, column:column + extent]


def _view(matrices, first):
    """The diagonal as a view; None if there is no way to say it."""
    *rest, rows, columns = matrices.shape
    extent = _length(matrices.shape, first)
    if extent < 2 or 0 in rest:
        return _square(matrices, first)[..., 0] if extent else _square(matrices, first).reshape(*rest, 0)
    if not isinstance(matrices.base, (ndarray, type(None))):
        return _gain.over(numpy.asarray(_square(matrices, first)).diagonal(0, -2, -1))
    *_, down, right = matrices.strides
    for flat, step, (row, column) in ((matrices, columns, first), (matrices.swapaxes(-1, -2), rows, first[::-1])):
        if (down == step * right if flat is matrices else right == step * down):
            start = row * step + column
            flat = flat.reshape(*rest, rows * columns)
            return flat[..., start:start + extent * (step + 1):step + 1]
    return _line(_square(matrices, first)) if math.prod(rest) == 1 else None


def _line(square):
    """The diagonal of one matrix as every so-manieth element of the memory."""
    root, item, extent = square.base, square.itemsize, square.shape[-1]
    memory = root.ravel("K")
    if memory.base is not root:
        return None
    start, step = square._memory()[1] - root._memory()[1], square.strides[-1] + square.strides[-2]
    if start % item or step % item or step == 0:
        return None
    start, step = start // item, step // item
    stop = start + extent * step
    return memory.view(square.dtype)[start:None if stop < 0 else stop:step].reshape(*square.shape[:-1])


def _copy(matrices, first):
    """The diagonal of a copy."""
    return _view(_square(matrices, first).copy("C"), (0, 0))
