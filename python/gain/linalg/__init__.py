"""`numpy.linalg` for distributed arrays, and what of `scipy.linalg` programs call every day.

The tasks themselves (factorizations of a matrix, or of each of a stack) are `_gain.factorized`; here is what NumPy calls them:
signs, modes, tolerances, names of results. Every function is collective.
"""

from numpy.linalg import LinAlgError

from ._norms import cond, matrix_norm, matrix_rank, norm, vector_norm
from ._products import (
    cross, diagonal, matmul, matrix_power, matrix_transpose, multi_dot, outer, tensordot, tensorinv, tensorsolve, trace, vecdot,
)
from ._scipys import cho_factor, cho_solve, expm, lu, lu_factor, lu_solve, polar, solve_triangular
from ._systems import cholesky, det, inv, lstsq, pinv, qr, slogdet, solve
from ._values import eig, eigh, eigvals, eigvalsh, svd, svdvals

__all__ = [
    "LinAlgError", "cho_factor", "cho_solve", "cholesky", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh",
    "expm", "inv", "lstsq", "lu", "lu_factor", "lu_solve", "matmul", "matrix_norm", "matrix_power", "matrix_rank",
    "matrix_transpose", "multi_dot", "norm", "outer", "pinv", "polar", "qr", "slogdet", "solve", "solve_triangular", "svd",
    "svdvals", "tensordot", "tensorinv", "tensorsolve", "trace", "vecdot", "vector_norm",
]
