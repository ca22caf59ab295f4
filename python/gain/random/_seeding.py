"""Bit generators and seeds: NumPy's own, of which those without a seed are alike on all ranks.

Invariant: what is not told a seed has one that rank 0 drew from its machine. Making it is collective therefore; everything else (pickles,
`spawn`, `jumped`, states) is NumPy's and concerns nobody else.
"""

import numpy
from numpy import random as _theirs
from numpy.random.bit_generator import ISeedSequence

from .. import _gain
from .._base import OURS

__all__ = ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64", "SeedSequence"]


def told(words):
    """What rank 0 says, which all ranks give integers for. Collective."""
    ranks = _gain.ranks()
    if ranks == 1:
        return words
    row = numpy.array(words, numpy.int64)
    rows = _gain.redistribute(_gain.convert(numpy.tile(row, (ranks, 1))), list(range(ranks)))
    return rows.numpy()[0].tolist()


def entropy():
    """128 bits from the machine of rank 0. Collective."""
    mine = _theirs.SeedSequence().generate_state(4).tolist() if _gain.rank() == 0 else [0] * 4
    return sum(word << 32 * place for place, word in enumerate(told(mine)))


def plain(seed):
    """A seed as NumPy takes it."""
    return seed.numpy() if isinstance(seed, OURS) else seed


def agreed(seed):
    """A seed for all ranks alike."""
    return seed if isinstance(seed, ISeedSequence) else SeedSequence(seed)


class SeedSequence(_theirs.SeedSequence):
    """`numpy.random.SeedSequence`: without an entropy collective, of rank 0's."""

    def __init__(self, entropy=None, *, spawn_key=(), pool_size=4, n_children_spawned=0):
        entropy = globals()["entropy"]() if entropy is None else plain(entropy)
        super().__init__(entropy, spawn_key=spawn_key, pool_size=pool_size, n_children_spawned=n_children_spawned)


def _restored(cls):
    """A bit generator whose state comes next: with any seed, which asks nobody."""
    return cls(0)


class _Agreed:
    """What bit generators here add to NumPy's."""

    def __reduce__(self):
        return _restored, (type(self),), super().__reduce__()[2]

    def jumped(self, jumps=1):
        """As NumPy's."""
        made = _restored(type(self))
        made.state = super().jumped(jumps).state | {"bit_generator": type(self).__name__}
        return made


class MT19937(_Agreed, _theirs.MT19937):
    """`numpy.random.MT19937`: without a seed collective."""

    def __init__(self, seed=None):
        super().__init__(agreed(seed))


class PCG64(_Agreed, _theirs.PCG64):
    """`numpy.random.PCG64`: without a seed collective."""

    def __init__(self, seed=None):
        super().__init__(agreed(seed))


class PCG64DXSM(_Agreed, _theirs.PCG64DXSM):
    """`numpy.random.PCG64DXSM`: without a seed collective."""

    def __init__(self, seed=None):
        super().__init__(agreed(seed))


class SFC64(_Agreed, _theirs.SFC64):
    """`numpy.random.SFC64`: without a seed collective."""

    def __init__(self, seed=None):
        super().__init__(agreed(seed))

    def __getattribute__(self, name):
        # (It is the one that cannot jump: NumPy has no such name either.)
        if name == "jumped":
            raise AttributeError(f"'{type(self).__name__}' object has no attribute 'jumped'")
        return super().__getattribute__(name)


class Philox(_Agreed, _theirs.Philox):
    """`numpy.random.Philox`: without a seed or key collective."""

    def __init__(self, seed=None, counter=None, key=None):
        seed = agreed(seed) if key is None else plain(seed)
        super().__init__(seed, plain(counter), plain(key))
