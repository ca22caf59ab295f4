"""The names that NumPy's `lib` had under `index_tricks`."""

from .._coordinates import diag_indices, diag_indices_from
from .._grids import c_, index_exp, ix_, mgrid, ogrid, r_, s_
from .._indexing import fill_diagonal, ravel_multi_index, unravel_index
from .._iteration import ndenumerate, ndindex

__all__ = [
    "c_", "diag_indices", "diag_indices_from", "fill_diagonal", "index_exp", "ix_", "mgrid", "ndenumerate", "ndindex", "ogrid", "r_",
    "ravel_multi_index", "s_", "unravel_index",
]
