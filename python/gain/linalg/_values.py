"""Eigenvalues and singular values, with their vectors."""

from typing import Any, NamedTuple

import numpy
from numpy.linalg import LinAlgError

from .._base import asarray, assumed, ufuncs
from .._creation import eye, full
from .._indexing import take_along_axis, where
from .._shapes import stack
from .._sorting import argsort, sort
from .._triangles import tril, triu
from ._checks import adjoint, alike, common, finite, made, matrices, real, squares
from ._polar import is_large, singular
from ._tall import is_tall, tall_qr, tall_r


# Orders that the kernel of singular values doesn't take apart.
_SURE = 100


def _with_infinite(make, a, seen=asarray):
    """What is made of matrices: NaN for values of those that have infinities in the part seen, and any vectors, as LAPACK leaves
    them; an error if one has NaN. The values come first."""
    try:
        return make(a)
    except LinAlgError:
        is_infinite = asarray(ufuncs["isinf"](seen(a)).any((-2, -1)))
        if not bool(is_infinite.any()) or bool(ufuncs["isnan"](seen(a)).any()):
            raise
    found = make(where(is_infinite[..., None, None], 0, a).astype(a.dtype, copy=False))
    values = where(is_infinite[..., None], numpy.nan, found[0]).astype(found[0].dtype, copy=False)
    return (values, *found[1:])


class EigResult(NamedTuple):
    eigenvalues: Any
    eigenvectors: Any


class EighResult(NamedTuple):
    eigenvalues: Any
    eigenvectors: Any


class SVDResult(NamedTuple):
    U: Any
    S: Any
    Vh: Any


def svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    """`numpy.linalg.svd`"""
    a = asarray(a)
    if hermitian:
        if not compute_uv:
            return sort(ufuncs["absolute"](eigvalsh(a)))[..., ::-1]
        values, u = eigh(a)
        sizes = ufuncs["absolute"](values)
        order = argsort(sizes)[..., ::-1]
        signs = take_along_axis(where(values < 0, -1.0, 1.0), order, -1)
        u = take_along_axis(u, order[..., None, :], -1)
        return SVDResult(u, take_along_axis(sizes, order, -1), adjoint(u * signs[..., None, :].astype(u.dtype, copy=False)))
    a = matrices(a)
    dtype = common(a)
    is_cut = is_tall(a) and not (compute_uv and full_matrices)
    if is_cut or is_large(a):
        if bool(ufuncs["isnan"](a).any()):
            raise LinAlgError("SVD did not converge")
        if bool(ufuncs["isinf"](a).any()):
            k = min(a.shape)
            values = full(k, numpy.nan, real(dtype))
            left, right = a.shape if full_matrices else (k, k)
            return SVDResult(eye(a.shape[0], left, dtype=dtype), values, eye(right, a.shape[1], dtype=dtype)) if compute_uv else values
        a = a.astype(numpy.promote_types(dtype, "d"), copy=False)
        if not is_cut:
            values, u, vh = singular(a, compute_uv, full_matrices)
            values = values.astype(real(dtype), copy=False)
            return SVDResult(u.astype(dtype, copy=False), values, vh.astype(dtype, copy=False)) if compute_uv else values
        if not compute_uv:
            return made("svd", tall_r(a))[0].astype(real(dtype), copy=False)
        q, r = tall_qr(a)
        values, u, vh = made("svd", r, True, False)
        return SVDResult((q @ u).astype(dtype, copy=False), values.astype(real(dtype), copy=False), vh.astype(dtype, copy=False))
    wide = a.astype(numpy.promote_types(dtype, "d"), copy=False)
    flags = (True, bool(full_matrices)) if compute_uv else ()
    found = _with_infinite(lambda a: alike("svd", a, *flags), wide)
    if min(a.shape[-2:]) > _SURE and not _fits(wide, found[0]):
        if a.ndim > 2:
            parts = [svd(one, full_matrices, compute_uv) for one in a.reshape(-1, *a.shape[-2:])]
            parts = zip(*parts) if compute_uv else [parts]
            found = [stack(part).reshape(*a.shape[:-2], *part[0].shape) for part in parts]
            return SVDResult(*found) if compute_uv else found[0]
        values, u, vh = singular(wide, compute_uv, full_matrices)
        found = (values, u, vh)
    values = found[0].astype(real(dtype), copy=False)
    return SVDResult(found[1].astype(dtype, copy=False), values, found[2].astype(dtype, copy=False)) if compute_uv else values


def _fits(a, values):
    """Whether the squares of singular values come to those of the elements: where the kernel's halves have many values that
    are zero they don't always."""
    slack = 1e3 * numpy.finfo(values.dtype).eps
    squares, found = (ufuncs["absolute"](a) ** 2).sum((-2, -1)), (values ** 2).sum(-1)
    return assumed(lambda: not (ufuncs["absolute"](squares - found) > slack * squares).any(), True)


def svdvals(x, /):
    """`numpy.linalg.svdvals`"""
    return svd(x, compute_uv=False)


def _triangle(uplo):
    uplo = uplo.upper()
    if uplo not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return uplo == "U"


def eigh(a, UPLO="L"):
    """`numpy.linalg.eigh`"""
    is_upper = _triangle(UPLO)
    seen = triu if is_upper else tril
    return EighResult(*_with_infinite(lambda a: made("eigh", a, is_upper, True), squares(a), seen))


def eigvalsh(a, UPLO="L"):
    """`numpy.linalg.eigvalsh`"""
    is_upper = _triangle(UPLO)
    return made("eigh", squares(a), is_upper, False)[0]


def _real_if(is_real, a, dtype):
    return a.real.astype(real(dtype)) if is_real else a


def _any(a, vectors):
    a = squares(a)
    dtype = common(a)
    finite(a)
    found = made("eig", a, vectors)
    # Of real matrices whose eigenvalues are all real everything is.
    is_real = dtype.kind != "c" and bool((found[0].imag == 0).all())
    return [_real_if(is_real, x, dtype) for x in found]


def eig(a):
    """`numpy.linalg.eig`"""
    return EigResult(*_any(a, True))


def eigvals(a):
    """`numpy.linalg.eigvals`"""
    return _any(a, False)[0]
