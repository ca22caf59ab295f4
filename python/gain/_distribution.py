"""Where elements are: a program's own distribution, and groups of ranks. (Not NumPy's; the names are those of the GAiN paper.)"""

import contextlib

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
