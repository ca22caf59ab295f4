"""Factorizations of kernels in blocks, in place: most of the work is products of matrices.

They raise an ArithmeticError for what a kernel would divide by or not be able to take the root of; the kernel is run as it is written then.
"""

import numpy

__all__ = []

# Rows of what is done without blocks.
LEAST = 48


def lu(array, n):
    """LU without pivoting of the first `n` rows and columns: L below the diagonal, which is U's."""
    with numpy.errstate(all="ignore"):
        _lu(array[:n, :n])
    _check(array[:n, :n], array[:n, :n].diagonal() != 0)


def cholesky(array, n):
    """Cholesky's factor below the diagonal; what is above it stays."""
    part = array[:n, :n]
    try:
        factor = numpy.linalg.cholesky(part)
    except numpy.linalg.LinAlgError:
        raise ArithmeticError("a matrix that isn't positive definite") from None
    _check(factor, factor.diagonal() > 0)
    rows = numpy.arange(n)
    numpy.copyto(part, factor, where=rows[:, None] >= rows)


def _check(factor, diagonal):
    if not diagonal.all() or not numpy.isfinite(factor).all():
        raise ArithmeticError("a factorization that isn't finite")


def _lu(a):
    n = len(a)
    if n <= LEAST:
        for k in range(n - 1):
            a[k + 1:, k] /= a[k, k]
            a[k + 1:, k + 1:] -= a[k + 1:, k, None] * a[k, k + 1:]
        return
    h = n // 2
    _lu(a[:h, :h])
    _lower(a[:h, :h], a[:h, h:])
    _upper(a[:h, :h], a[h:, :h])
    a[h:, h:] -= a[h:, :h] @ a[:h, h:]
    _lu(a[h:, h:])


def _lower(l, b):  # noqa: E741
    """`b` becomes the solution of `L x = b`, with ones on L's diagonal."""
    n = len(l)
    if n <= LEAST:
        for k in range(1, n):
            b[k] -= l[k, :k] @ b[:k]
        return
    h = n // 2
    _lower(l[:h, :h], b[:h])
    b[h:] -= l[h:, :h] @ b[:h]
    _lower(l[h:, h:], b[h:])


def _upper(u, b):
    """`b` becomes the solution of `x U = b`."""
    n = len(u)
    if n <= LEAST:
        for k in range(n):
            b[:, k] -= b[:, :k] @ u[:k, k]
            b[:, k] /= u[k, k]
        return
    h = n // 2
    _upper(u[:h, :h], b[:, :h])
    b[:, h:] -= b[:, :h] @ u[:h, h:]
    _upper(u[h:, h:], b[:, h:])
