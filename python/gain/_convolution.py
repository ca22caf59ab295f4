"""NumPy's convolution and correlation of samples, over sums of shifted products or products of matrices.

With few coefficients the result is one fused sum of shifted views (of few samples: a sum over a small table). With
many, the samples are rows of a matrix, and what a row adds to the result is its product with a matrix of the
coefficients in which each row is that before it, shifted.
"""

import numpy

from ._base import asarray, ufuncs
from ._creation import zeros
from ._elementwise import where
from ._ranges import arange
from ._shapes import broadcast_to, concatenate

__all__ = ["convolve", "correlate"]

# Up to as many products are a table; up to as many coefficients are a fused sum; longest row of the matrix of samples.
TABLE, FEW, ROW = 1 << 13, 16, 512
MODES = ("valid", "same", "full")


def _mode(mode):
    """The number of a mode, as NumPy has it."""
    if mode not in MODES and (type(mode) is not int or not 0 <= mode <= 2):
        numpy.correlate([1], [1], mode)  # raises what NumPy raises
    return MODES.index(mode) if isinstance(mode, str) else mode


def convolve(a, v, mode="full"):
    """`numpy.convolve`"""
    a, v = (x.reshape(1) if x.ndim == 0 else x for x in map(asarray, (a, v)))
    for name, x in (("a", a), ("v", v)):
        if len(x) == 0:
            raise ValueError(f"{name} cannot be empty")
    if len(v) > len(a):
        a, v = v, a
    mode = _mode(mode)
    if a.ndim > 1 or v.ndim > 1:
        raise ValueError("object too deep for desired array")
    return _convolved(a, v, mode)


def correlate(a, v, mode="valid"):
    """`numpy.correlate`"""
    mode = _mode(mode)
    a, v = map(asarray, (a, v))
    if a.ndim != 1 or v.ndim != 1 or not len(a) or not len(v):
        numpy.correlate(*(numpy.zeros([min(n, 1) for n in x.shape]) for x in (a, v)))  # raises what NumPy raises
        raise ValueError("object too deep for desired array")
    v = v.conj() if v.dtype.kind == "c" else v
    if len(a) >= len(v):
        return _convolved(a, v[::-1], mode)
    return _convolved(v, a[::-1], mode)[::-1].copy()


def _convolved(a, v, mode):
    """The convolution of `a` with `v`, which is not longer. NumPy doesn't look for exceptions in it."""
    if a.dtype.kind not in "fc" and v.dtype.kind not in "fc":
        return _by_size(a, v, mode)
    with numpy.errstate(all="ignore"):
        return _by_size(a, v, mode)


def _by_size(a, v, mode):
    dtype = a.dtype
    if v.dtype != dtype:
        dtype = numpy.result_type(dtype, v.dtype)
        a, v = a.astype(dtype, copy=False), v.astype(dtype, copy=False)
    reach = len(v) - 1
    # How much of the two ends, where only a part of `v` lies over `a`, belongs to the result.
    left = (0, len(v) // 2, reach)[mode]
    right = (0, reach - left, reach)[mode]
    if len(v) * (len(a) + len(v)) <= TABLE:
        return _tabled(a, v)[reach - left:len(a) + right]
    if len(v) <= FEW:
        parts = [_sum_of_shifted(a, v)]
        if left:
            parts.insert(0, _ends(a[:reach], v[:reach])[reach - left:])
        if right:
            parts.append(_ends(a[len(a) - reach:][::-1], v[1:][::-1])[::-1][:right])
        return concatenate(parts) if len(parts) > 1 else parts[0]
    if dtype.kind in "fc" and not (_finite(a) and _finite(v)):
        return _added(a, v)[reach - left:len(a) + right]
    ends = [zeros(count, dtype) for count in (left, right)]
    return _product(concatenate([ends[0], a, ends[1]]) if left or right else a, v)


def _tabled(a, v):
    """All of the convolution of few: each row of products is one further to the right than that before it."""
    width = len(a) + len(v)
    table = zeros((len(v), width), a.dtype)
    table[:, :len(a)] = v[:, None] * a
    table = table.reshape(-1)[:len(v) * (width - 1)].reshape(len(v), width - 1)
    return table.any(0) if a.dtype.kind == "b" else table.sum(0, a.dtype)


def _finite(x):
    return asarray(ufuncs["isfinite"](x)).all()


def _sum_of_shifted(a, v):
    """Where all of `v` lies over `a`: one sum, computed in one pass."""
    size = len(a) - len(v) + 1
    made = None
    for place, factor in enumerate(v[::-1]):
        term = a[place:place + size] * factor
        made = term if made is None else made + term
    return made


def _shifted(row, count):
    """A matrix of `count` rows, each of them `row` one element further to the right, around the end."""
    length = len(row)
    return broadcast_to(row, (count, length)).reshape(-1)[:count * (length - 1)].reshape(count, length - 1)


def _ends(a, v):
    """The first elements of the convolution of two that are equally long: as many as they are."""
    count = len(v)
    table = _shifted(concatenate([v, zeros(count, v.dtype)]), count)[:, :count]
    index = arange(count)
    return asarray(where(index[:, None] <= index, a[:, None] * table, v.dtype.type(0))).sum(0, v.dtype)


def _added(a, v):
    """All of the convolution, coefficient by coefficient: 0 times infinity is nowhere where they don't meet."""
    made = zeros(len(a) + len(v) - 1, a.dtype)
    for place, factor in enumerate(v):
        made[place:place + len(a)] += a * factor
        made.force()
    return made


def _product(a, v):
    """Where all of `v` lies over `a`: products of rows of `a` with shifted rows of `v`."""
    size = len(a) - len(v) + 1
    row = 32
    while row < min(len(v), ROW):
        row *= 2
    # Element c + row * q of the samples, seen from the start of a row, meets coefficient c + row * q - s in result s.
    steps = -(-(row + len(v) - 1) // row)
    rows = -(-size // row)
    rest = (rows + steps - 1) * row - len(a)
    table = (concatenate([a, zeros(rest, a.dtype)]) if rest > 0 else a[:len(a) + rest]).reshape(-1, row)
    beyond = zeros(row, v.dtype)
    behind = zeros((steps + 1) * row - len(v), v.dtype)
    v = concatenate([beyond, v[::-1], behind])
    made = None
    for step in range(steps):
        start = step * row
        taps = _shifted(concatenate([v[start + row:start + 2 * row], v[start:start + row]]), row)[:, :row]
        part = asarray(table[step:step + rows] @ taps.T)
        made = part if made is None else (made + part).force()
    return made.reshape(-1)[:size]
