"""Products and sums of matrices under the names of `numpy.linalg`, powers, chains, and systems of tensors."""

import math
import operator

from numpy.linalg import LinAlgError

from .. import _contraction, _products, _shapes, _triangles
from .._base import asarray
from .._creation import eye
from ._checks import squares, two
from ._systems import inv, solve


def matmul(x1, x2, /):
    """`numpy.linalg.matmul`"""
    return _products.matmul(x1, x2)


def vecdot(x1, x2, /, *, axis=-1):
    """`numpy.linalg.vecdot`"""
    return _products.vecdot(x1, x2, axis=axis)


def tensordot(x1, x2, /, *, axes=2):
    """`numpy.linalg.tensordot`"""
    return _products.tensordot(x1, x2, axes=axes)


def outer(x1, x2, /):
    """`numpy.linalg.outer`"""
    x1, x2 = asarray(x1), asarray(x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise ValueError(
            f"Input arrays must be one-dimensional, but they are x1.ndim={x1.ndim} and x2.ndim={x2.ndim}."
        )
    return _products.outer(x1, x2)


def cross(x1, x2, /, *, axis=-1):
    """`numpy.linalg.cross`"""
    x1, x2 = asarray(x1), asarray(x2)
    if x1.shape[axis] != 3 or x2.shape[axis] != 3:
        raise ValueError(
            "Both input arrays must be (arrays of) 3-dimensional vectors, "
            f"but they are {x1.shape[axis]} and {x2.shape[axis]} dimensional instead."
        )
    return _contraction.cross(x1, x2, axis=axis)


def matrix_transpose(x, /):
    """`numpy.linalg.matrix_transpose`"""
    return _shapes.matrix_transpose(x)


def diagonal(x, /, *, offset=0):
    """`numpy.linalg.diagonal`"""
    return _triangles.diagonal(x, offset, axis1=-2, axis2=-1)


def trace(x, /, *, offset=0, dtype=None):
    """`numpy.linalg.trace`"""
    return _triangles.trace(x, offset, axis1=-2, axis2=-1, dtype=dtype)


def matrix_power(a, n):
    """`numpy.linalg.matrix_power`: by squares."""
    a = squares(a)
    try:
        n = operator.index(n)
    except TypeError as error:
        raise TypeError("exponent must be an integer") from error
    if n == 0:
        return _shapes.broadcast_to(eye(a.shape[-1], dtype=a.dtype), a.shape).copy()
    if n < 0:
        a, n = inv(a), -n
    if n == 1:
        return a.copy()
    made = None
    while n:
        if n & 1:
            made = a if made is None else made @ a
        n >>= 1
        if n:
            a = a @ a
    return made


def multi_dot(arrays, *, out=None):
    """`numpy.linalg.multi_dot`: in the order that multiplies the least."""
    if len(arrays) < 2:
        raise ValueError("Expecting at least two arrays.")
    arrays = [asarray(a) for a in arrays]
    if len(arrays) == 2:
        return _products.dot(*arrays, out)
    is_row, is_column = arrays[0].ndim == 1, arrays[-1].ndim == 1
    if is_row:
        arrays[0] = arrays[0][None]
    if is_column:
        arrays[-1] = arrays[-1][:, None]
    two(*arrays)
    for one, next_ in zip(arrays, arrays[1:]):
        if one.shape[1] != next_.shape[0]:
            _products.dot(one, next_)  # raises what NumPy raises
    best = _order([a.shape[0] for a in arrays] + [arrays[-1].shape[1]])

    def chain(first, last):
        if first == last:
            return arrays[first]
        cut = best[first, last]
        target = out if (first, last) == (0, len(arrays) - 1) and not is_row and not is_column else None
        return _products.dot(chain(first, cut), chain(cut + 1, last), *([] if target is None else [target]))

    made = chain(0, len(arrays) - 1)
    if not is_row and not is_column:
        return made
    made = made[0, 0] if is_row and is_column else made.ravel()
    if out is None:
        return made
    out[...] = made
    return out


def _order(extents):
    """Behind which matrix to cut each chain of them."""
    count = len(extents) - 1
    cost, best = {(i, i): 0 for i in range(count)}, {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            cost[i, j], best[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + extents[i] * extents[k + 1] * extents[j + 1], k) for k in range(i, j)
            )
    return best


def tensorsolve(a, b, axes=None):
    """`numpy.linalg.tensorsolve`"""
    a, b = asarray(a), asarray(b)
    if axes is not None:
        order = list(range(a.ndim))
        for axis in axes:
            order.remove(axis)
            order.append(axis)
        a = a.transpose(order)
    shape = a.shape[-(a.ndim - b.ndim):]
    columns = math.prod(shape)
    if a.size != columns ** 2:
        raise LinAlgError("Input arrays must satisfy the requirement             prod(a.shape[b.ndim:]) == prod(a.shape[:b.ndim])")
    return solve(a.reshape(columns, columns), b.ravel()).reshape(shape)


def tensorinv(a, ind=2):
    """`numpy.linalg.tensorinv`"""
    a = asarray(a)
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    rows = math.prod(a.shape[ind:])
    return inv(a.reshape(rows, -1)).reshape(a.shape[ind:] + a.shape[:ind])
