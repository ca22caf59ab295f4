"""QR of a tall matrix: of blocks of its rows, of their R's one upon the other, and so on.

No block leaves its rank, but the R's do. R is brought to LAPACK's signs: those that Householder's reflections of the whole
matrix would have given follow from the first rows of Q (an elimination tells them, as Q less the signs is `V` times a triangle).
"""

import numpy

from .. import _gain
from .._joining import concatenate
from .._triangles import triu
from ._checks import alike

# Rows of a block, and how many times as many rows as columns a matrix has that is worth to be cut.
_ROWS, _RATIO = 1024, 4


def is_tall(a):
    """Whether a matrix is cut: several ranks have it."""
    return a.ndim == 2 and _gain.ranks() > 1 and not a.is_replicated and a.shape[1] > 0 and _cut(a.shape) > 1


def _cut(shape):
    """Into how many blocks of equal height to cut."""
    rows, columns = shape
    return rows // max(_ROWS, _RATIO * columns)


def _packed(a):
    """R's of the blocks and what is left of the rows, and what Q is made of."""
    count, columns = _cut(a.shape), a.shape[1]
    height = a.shape[0] // count
    blocks = a[:count * height].reshape(count, height, columns)
    return blocks, a[count * height:]


def tall_r(a):
    """R of a matrix with more rows than columns."""
    columns = a.shape[1]
    while columns and _cut(a.shape) > 1:
        blocks, rest = _packed(a)
        packed = alike("qr", blocks, 0)[0]
        a = concatenate([triu(packed[:, :columns]).reshape(-1, columns), rest])
    packed = alike("qr", a, 0)[0]
    return triu(packed[:min(a.shape)])


def tall_qr(a):
    """Q and R."""
    q, r = _pair(a)
    signs = _signs(q[:a.shape[1]].numpy())
    return q * signs, r * signs[:, None]


def _pair(a):
    columns = a.shape[1]
    if _cut(a.shape) <= 1:
        packed, _, q = alike("qr", a, columns)
        return q, triu(packed[:columns])
    blocks, rest = _packed(a)
    packed, _, q = alike("qr", blocks, columns)
    upper = triu(packed[:, :columns]).reshape(-1, columns)
    inner, r = _pair(concatenate([upper, rest]))
    above = q @ inner[:upper.shape[0]].reshape(len(blocks), columns, columns)
    return concatenate([above.reshape(-1, columns), inner[upper.shape[0]:]]), r


def _signs(top):
    """What to multiply the columns of Q with, from its first rows."""
    top = top.copy()
    signs = numpy.ones(len(top), top.dtype)
    for j in range(len(top)):
        sign = -1.0 if top[j, j].real >= 0 else 1.0
        # Householder's column is the negative multiple: its first element and R's are of opposite signs.
        top[j, j] -= sign
        signs[j] = sign
        top[j + 1:, j + 1:] -= numpy.outer(top[j + 1:, j] / top[j, j], top[j, j + 1:])
    return signs
