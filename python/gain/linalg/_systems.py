"""Systems of equations, inverses, determinants, Cholesky and QR."""

import warnings
from typing import Any, NamedTuple

import numpy
from numpy.linalg import LinAlgError

from .._base import asarray, ufuncs
from .._creation import empty, zeros
from .._indexing import where
from .._shapes import broadcast_to
from .._triangles import triu
from ._checks import adjoint, common, made, matrices, plain, real, squares, two
from ._tall import is_tall, tall_qr, tall_r


class QRResult(NamedTuple):
    Q: Any
    R: Any


class SlogdetResult(NamedTuple):
    sign: Any
    logabsdet: Any


def solve(a, b):
    """`numpy.linalg.solve`"""
    a, b = squares(a), asarray(b)
    common(a, b)
    is_vector = b.ndim == 1
    if b.ndim == 0:
        numpy.linalg.solve(numpy.eye(1), 0.0)  # raises what NumPy raises
    columns = b[:, None] if is_vector else b
    if columns.shape[-2] != a.shape[-1]:
        signature = "(m,m),(m)->(m)" if is_vector else "(m,m),(m,n)->(m,n)"
        name = "solve1" if is_vector else "solve"
        raise ValueError(
            f"{name}: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature {signature} "
            f"(size {columns.shape[-2]} is different from {a.shape[-1]})"
        )
    stack = numpy.broadcast_shapes(a.shape[:-2], columns.shape[:-2])
    width = columns.shape[-1]
    if not is_vector and stack == columns.shape[:-2] and a.ndim == 2 and columns.ndim > 2:
        # One matrix for all right-hand sides is factorized once.
        flat = columns.swapaxes(-1, -2).reshape(-1, a.shape[-1]).T if columns.size else columns.reshape(a.shape[-1], 0)
        (x,) = made("solve", a, b=flat)
        return x.T.reshape(*stack, width, a.shape[-1]).swapaxes(-1, -2)
    (x,) = made(
        "solve", broadcast_to(a, stack + a.shape[-2:]), b=broadcast_to(columns, stack + columns.shape[-2:])
    )
    return x[..., 0] if is_vector else x


def inv(a):
    """`numpy.linalg.inv`"""
    return made("inv", squares(a))[0]


def det(a):
    """`numpy.linalg.det`"""
    return plain(made("det", squares(a))[2])


def slogdet(a):
    """`numpy.linalg.slogdet`"""
    sign, log, _ = made("det", squares(a))
    return SlogdetResult(plain(sign), plain(log))


def cholesky(a, /, *, upper=False):
    """`numpy.linalg.cholesky`"""
    return made("cholesky", squares(a), bool(upper))[0]


# Names of modes that NumPy had once.
_OLD = {
    "f": ("reduced", "The 'full' option is deprecated in favor of 'reduced'.\nFor backward compatibility let mode default."),
    "e": ("economic", "The 'economic' option is deprecated."),
}


def qr(a, mode="reduced"):
    """`numpy.linalg.qr`: signs and packed vectors are LAPACK's."""
    if mode not in ("reduced", "complete", "r", "raw"):
        if mode not in ("f", "full", "e", "economic"):
            raise ValueError(f"Unrecognized mode '{mode}'")
        mode, text = _OLD[mode[0]]
        warnings.warn(text, DeprecationWarning, stacklevel=2)
    a = matrices(a)
    dtype = common(a)
    rows, columns = a.shape[-2:]
    least = min(rows, columns)
    if mode in ("reduced", "r") and is_tall(a):
        wide = a.astype(numpy.promote_types(dtype, "d"), copy=False)
        # (The signs of R are known from Q.)
        found = [x.astype(dtype, copy=False) for x in tall_qr(wide)]
        return found[1] if mode == "r" else QRResult(*found)
    wanted = {"reduced": least, "complete": rows}.get(mode, 0)
    packed, tau, q = made("qr", a, wanted)
    if mode == "raw":
        return packed.swapaxes(-1, -2), tau
    if mode == "economic":
        return packed
    r = triu(packed if mode == "complete" else packed[..., :least, :])
    return r if mode == "r" else QRResult(q, r)


def lstsq(a, b, rcond=None):
    """`numpy.linalg.lstsq`: of a tall matrix R of `[a b]`, then singular values of what is small."""
    from ._values import svd

    a, b = asarray(a), asarray(b)
    is_vector = b.ndim == 1
    b = b[:, None] if is_vector else b
    two(a, b)
    (rows, columns), width = a.shape, b.shape[-1]
    if rows != b.shape[0]:
        raise LinAlgError("Incompatible dimensions")
    given = common(a, b)
    dtype = numpy.promote_types(given, "d")
    eps = numpy.finfo(dtype).eps
    # (LAPACK's rounding, in place of what is no fraction.)
    rcond = eps * max(rows, columns) if rcond is None else rcond if 0 < rcond < 1 else eps / 2
    a, b = a.astype(dtype, copy=False), b.astype(dtype, copy=False)
    residuals = None
    if rows > columns:
        both = empty((rows, columns + width), dtype)
        both[:, :columns] = a
        both[:, columns:] = b
        r = tall_r(both)
        a, rest = r[:columns, :columns], r[columns:, columns:]
        b = r[:columns, columns:]
        residuals = (ufuncs["absolute"](rest) ** 2).sum(0)
    try:
        u, values, vh = svd(a, False)
        host = values.numpy()
        if numpy.isnan(host).any():
            raise LinAlgError
    except LinAlgError:
        raise LinAlgError("SVD did not converge in Linear Least Squares") from None
    rank = int((host > rcond * host.max(initial=0)).sum())
    if rank:
        x = adjoint(vh[:rank]) @ ((adjoint(u[:, :rank]) @ b) / values[:rank, None])
    else:
        x = zeros((columns, width), dtype)
    if residuals is None or rank < columns:
        residuals = zeros(0)
    x, residuals = x.astype(given, copy=False), residuals.astype(real(given), copy=False)
    return x[:, 0] if is_vector else x, residuals, numpy.int32(rank), values.astype(real(given), copy=False)


def pinv(a, rcond=None, hermitian=False, *, rtol=numpy._NoValue):
    """`numpy.linalg.pinv`"""
    from ._values import svd

    a = asarray(a)
    if rcond is None:
        if rtol is numpy._NoValue:
            rcond = 1e-15
        else:
            rcond = max(a.shape[-2:]) * numpy.finfo(common(a)).eps if rtol is None else rtol
    elif rtol is not numpy._NoValue:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    rcond = asarray(rcond)
    if 0 in a.shape[-2:]:
        return empty(a.shape[:-2] + (a.shape[-1], a.shape[-2]), a.dtype)
    u, values, vh = svd(a, full_matrices=False, hermitian=hermitian)
    # (They descend.)
    cut = rcond[..., None] * values[..., :1]
    is_large = values > cut
    factors = (1 / where(is_large, values, 1) * is_large).astype(values.dtype, copy=False)
    return adjoint(vh) @ (factors[..., None] * adjoint(u))
