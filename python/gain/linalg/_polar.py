"""Singular values of one large matrix on several ranks: by its polar factors, `a = u h`, and the eigenvalues of `h`.

The unitary factor is the limit of means of a matrix and its inverse (Newton's iteration, scaled as Byers and Xu 2008 do): seven
or eight steps. Of a matrix that is singular, or nearly, it is that of an iteration of QR and Cholesky factorizations and products
(dynamically weighted Halley iteration, Nakatsukasa, Bai and Gygi 2010): six steps at most, of twice the work.
"""

import math

import numpy
from numpy.linalg import LinAlgError

from .. import _gain
from .._base import ufuncs
from .._creation import eye
from .._joining import concatenate
from .._triangles import triu
from ._checks import adjoint, alike

# Orders up to which one rank is as fast: it has its work to do once, all ranks together have it four times.
_SMALL, _SMALL_OF_FEW, _FEW = 256, 2048, 4
# Largest values by least that inverses are exact enough for.
_REGULAR = 1e10


def is_large(a):
    """Whether all ranks work on a matrix."""
    least = _SMALL_OF_FEW if _gain.ranks() < _FEW else _SMALL
    return a.ndim == 2 and _gain.ranks() > 1 and not a.is_replicated and min(a.shape) > least


def _bound(a):
    """No singular value is larger."""
    size = ufuncs["absolute"](a)
    return math.sqrt(float(size.sum(0).max()) * float(size.sum(1).max()))


def _regular(x, most):
    """The unitary polar factor of a matrix with values up to `most`; None if it is too near to a singular one."""
    try:
        (inverse,) = alike("inv", x)
    except LinAlgError:
        return None
    least = 1 / _bound(inverse)
    if not most <= _REGULAR * least:
        return None
    while True:
        # Scaled, the least value is as far below 1 as the largest is above.
        scale = 1 / math.sqrt(most * least)
        x = x * (scale / 2) + adjoint(inverse) / (2 * scale)
        most, least = (most * scale + 1 / (most * scale)) / 2, 1.0
        if most - 1 <= 10 * numpy.finfo(x.dtype).eps:
            return x
        (inverse,) = alike("inv", x)


def _qr(a, columns):
    packed, _, q = alike("qr", a, columns)
    return q, triu(packed[:a.shape[1]])


def _unitary(a):
    """The unitary polar factor of a square matrix; what the matrix maps to nothing, the factor maps to less than its length."""
    order, bound = a.shape[0], _bound(a)
    if bound == 0:
        return a
    made = _regular(a / bound, 1.0)
    if made is not None:
        return made
    eps = numpy.finfo(a.dtype).eps
    # All singular values are at most 1, and those that count at least this.
    x, least = a / bound, float(eps)
    unit = eye(order, dtype=a.dtype)
    while abs(1 - least) > 10 * eps:
        square = least * least
        d = (4 * (1 - square) / square ** 2) ** (1 / 3)
        root = math.sqrt(1 + d)
        p = root + math.sqrt(8 - 4 * d + 8 * (2 - square) / (square * root)) / 2
        q = (p - 1) ** 2 / 4
        r = p + q - 1
        if r > 100:
            both, _ = _qr(concatenate([x * math.sqrt(r), unit]), order)
            step = (both[:order] @ adjoint(both[order:])) * ((p - q / r) / math.sqrt(r))
        else:
            (factor,) = alike("cholesky", unit + (adjoint(x) @ x) * r, 0)
            (half,) = alike("triangular", factor, 1, 0, 0, 0, b=adjoint(x))
            (step,) = alike("triangular", factor, 1, 0, 1, 1, b=half)
            step = adjoint(step) * (p - q / r)
        x = x * (q / r) + step
        least = min(1.0, least * (p + q * square) / (1 + r * square))
    return x


def _square(a, vectors):
    """Values, and left and right vectors, of a square matrix."""
    order = a.shape[0]
    u = _unitary(a)
    h = adjoint(u) @ a
    h = (h + adjoint(h)) / 2
    found = alike("eigh", h, 0, int(vectors))
    # (Values below zero are rounding.)
    values = ufuncs["maximum"](found[0][::-1], 0)
    if not vectors:
        return values, None, None
    v = found[1][:, ::-1]
    left = u @ v
    lengths = float((ufuncs["absolute"](u) ** 2).sum())
    if abs(lengths - order) > 1e3 * order * numpy.finfo(a.dtype).eps:
        # Of a matrix that is singular, or nearly, some are missing: what completes the others.
        left, r = _qr(left, order)
        left = left * ((r.diagonal().real >= 0).astype(left.dtype) * 2 - 1)
    return values, left, v


def singular(a, vectors, is_full):
    """Values, descending, and left and conjugated right vectors if asked for; of a matrix of finite numbers."""
    rows, columns = a.shape
    if rows < columns:
        values, u, vh = singular(adjoint(a), vectors, is_full)
        return values, *((adjoint(vh), adjoint(u)) if vectors else (None, None))
    if rows == columns:
        values, u, v = _square(a, vectors)
        return values, u, adjoint(v) if vectors else None
    q, r = _qr(a, (rows if is_full else columns) if vectors else 0)
    values, u, v = _square(r, vectors)
    if not vectors:
        return values, None, None
    left = q[:, :columns] @ u
    return values, concatenate([left, q[:, columns:]], 1) if is_full else left, adjoint(v)
