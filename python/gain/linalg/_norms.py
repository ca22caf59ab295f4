"""Norms of vectors and matrices, and what follows from singular values."""

import operator

import numpy
from numpy.linalg import LinAlgError

from .._base import asarray, axes_tuple, ufuncs
from .._creation import eye
from .._indexing import where
from .._reductions import count_nonzero
from .._shapes import expand_dims, moveaxis
from ._checks import common, made, plain, squares
from ._values import svd


def _real_sum(a, axis, keepdims):
    """Sums of squares."""
    if a.dtype.kind == "c":
        return (a.real ** 2 + a.imag ** 2).sum(axis, keepdims=keepdims)
    return (a * a).sum(axis, keepdims=keepdims)


def _inexact(x):
    x = asarray(x)
    return x if x.dtype.kind in "fc" else x.astype(float)


def norm(x, ord=None, axis=None, keepdims=False):
    """`numpy.linalg.norm`"""
    x = _inexact(x)
    if axis is None:
        if ord is None or ord in ("f", "fro") and x.ndim == 2 or ord == 2 and x.ndim == 1:
            made = ufuncs["sqrt"](_real_sum(x.ravel(), None, False))
            return asarray(made).reshape(x.ndim * [1]) if keepdims else made
        axis = tuple(range(x.ndim))
    elif not isinstance(axis, tuple):
        try:
            axis = (operator.index(axis),)
        except Exception as error:
            raise TypeError("'axis' must be None, an integer or a tuple of integers") from error
    if len(axis) == 1:
        return _vectors(x, ord, axis, keepdims)
    if len(axis) == 2:
        return _matrices(x, ord, axis, keepdims)
    raise ValueError("Improper number of dimensions to norm.")


def _vectors(x, ord, axis, keepdims):
    size = ufuncs["absolute"]
    if ord == numpy.inf:
        return size(x).max(axis, keepdims=keepdims, initial=0)
    if ord == -numpy.inf:
        return size(x).min(axis, keepdims=keepdims)
    if ord == 0:
        return (x != 0).astype(x.real.dtype).sum(axis, keepdims=keepdims)
    if ord == 1:
        return size(x).sum(axis, keepdims=keepdims)
    if ord is None or ord == 2:
        return ufuncs["sqrt"](_real_sum(x, axis, keepdims))
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")
    sizes = size(x)
    total = (sizes ** ord).sum(axis, keepdims=keepdims)
    return total ** numpy.reciprocal(ord, dtype=total.dtype)


def _matrices(x, ord, axis, keepdims):
    rows, columns = (axes_tuple(one, x.ndim)[0] for one in axis)
    if rows == columns:
        raise ValueError("Duplicate axes given.")
    size = ufuncs["absolute"]
    if ord in (2, -2, "nuc"):
        values = svd(moveaxis(x, (rows, columns), (-2, -1)), compute_uv=False)
        made = {2: lambda: values.max(-1, initial=0), -2: lambda: values.min(-1), "nuc": lambda: values.sum(-1)}[ord]()
    elif ord in (1, -1, numpy.inf, -numpy.inf):
        along, other = (rows, columns) if abs(ord) == 1 else (columns, rows)
        other -= other > along
        sums = size(x).sum(along)
        made = sums.max(other, initial=0) if ord > 0 else sums.min(other)
    elif ord in (None, "fro", "f"):
        made = ufuncs["sqrt"](_real_sum(x, (rows, columns), False))
    else:
        raise ValueError("Invalid norm order for matrices.")
    return expand_dims(asarray(made), tuple(sorted((rows, columns)))) if keepdims else made


def matrix_norm(x, /, *, keepdims=False, ord="fro"):
    """`numpy.linalg.matrix_norm`"""
    return norm(asarray(x), axis=(-2, -1), keepdims=keepdims, ord=ord)


def vector_norm(x, /, *, axis=None, keepdims=False, ord=2):
    """`numpy.linalg.vector_norm`"""
    x = asarray(x)
    shape = list(x.shape)
    if axis is None:
        x, along = x.ravel(), 0
    elif isinstance(axis, tuple):
        some = axes_tuple(axis, x.ndim)
        rest = [d for d in range(x.ndim) if d not in some]
        x = x.transpose(list(some) + rest)
        x = x.reshape([int(numpy.prod(x.shape[:len(some)]))] + [shape[d] for d in rest])
        along = 0
    else:
        along = axis
    made = norm(x, axis=along, ord=ord)
    if not keepdims:
        return made
    for d in range(len(shape)) if axis is None else axes_tuple(axis, len(shape)):
        shape[d] = 1
    return asarray(made).reshape(shape)


def cond(x, p=None):
    """`numpy.linalg.cond`"""
    x = asarray(x)
    if 0 in x.shape[-2:]:
        raise LinAlgError("cond is not defined on empty arrays")
    quotient = asarray(_extremes(x, p) if p is None or p in (2, -2) else _norms(squares(x), p))
    # NaN that comes of no NaN is an infinity.
    with numpy.errstate(all="ignore"):
        is_made = ufuncs["isnan"](quotient) & ~asarray(ufuncs["isnan"](x).any((-2, -1)))
    return plain(where(is_made, numpy.inf, quotient).astype(quotient.dtype, copy=False))


def _extremes(x, p):
    """The largest by the least singular value, or the other way round."""
    values = svd(x, compute_uv=False)
    with numpy.errstate(all="ignore"):
        return values[..., -1] / values[..., 0] if p == -2 else values[..., 0] / values[..., -1]


def _norms(x, p):
    """The product of the norms of matrices and their inverses; of a singular one infinity."""
    x = x.astype(common(x), copy=False)
    is_singular = made("det", x)[0] == 0
    inverse = made("inv", where(is_singular[..., None, None], eye(x.shape[-1], dtype=x.dtype), x))[0]
    with numpy.errstate(all="ignore"):
        product = asarray(norm(x, p, (-2, -1)) * norm(inverse, p, (-2, -1)))
    return where(is_singular, numpy.inf, product).astype(product.dtype, copy=False)


def matrix_rank(A, tol=None, hermitian=False, *, rtol=None):
    """`numpy.linalg.matrix_rank`"""
    if rtol is not None and tol is not None:
        raise ValueError("`tol` and `rtol` can't be both set.")
    a = asarray(A)
    if a.ndim < 2:
        return int(not bool((a == 0).all()))
    values = svd(a, compute_uv=False, hermitian=hermitian)
    if tol is None:
        rtol = max(a.shape[-2:]) * numpy.finfo(values.dtype).eps if rtol is None else asarray(rtol)[..., None]
        tol = values.max(-1, keepdims=True, initial=0) * rtol
    else:
        tol = asarray(tol)[..., None]
    return count_nonzero(values > tol, axis=-1)
