"""Where elements are: a program's own distribution, and groups of ranks. (Not NumPy's; the names are those of the GAiN paper.)"""

import contextlib

import numpy

from . import _gain
from ._base import asarray

__all__ = ["group", "redistribute"]

# The groups of the `with` blocks that the program is in.
_groups = []


def redistribute(a, distribution):
    """A copy of `a` that is spread over the ranks as `distribution` says.

    `distribution` has an entry for each rank: its first row (the first axis is cut at whole rows), or the range
    `(start, stop)` of the flat index in C order that it has, as `a.distribution()` says. What is computed from the copy
    element by element is spread alike. Collective.
    """
    return _gain.redistribute(asarray(a), distribution)


def local(a):
    """The elements that this rank has of an array, as an array of NumPy's: whole rows of the first axis, or else a part of the flat index
    as an array of one axis. Of a replicated array all.

    On one rank they are the array's own memory, as `numpy.asarray` shows it; on several ranks a copy. Collective.
    """
    if _gain.ranks() == 1:
        return numpy.asarray(a)
    start, mine = _gain.own_elements(a)
    row = a.size // len(a) if a.ndim and len(a) else 0
    if row and start % row == 0 and mine.size % row == 0:
        return mine.reshape(-1, *a.shape[1:])
    return mine.reshape(a.shape) if mine.size == a.size else mine


@contextlib.contextmanager
def group(ranks):
    """`with gain.group([0, 2]): ...`: arrays made in the block are spread over these ranks alone.

    They stay so, and what is computed from them element by element is spread alike. Small arrays are on every rank as
    ever, and every rank calls every function. Blocks may be nested. Collective.
    """
    ranks = sorted({int(rank) for rank in ranks})
    _gain.set_group(ranks)
    _groups.append(ranks)
    try:
        yield
    finally:
        _groups.pop()
        _gain.set_group(_groups[-1] if _groups else None)
