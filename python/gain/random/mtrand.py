"""`numpy.random.mtrand`: where the state is that the module's functions share."""

from ._legacy import RandomState, common

__all__ = ["RandomState"]


def __getattr__(name):
    from .. import random

    if name == "_rand":
        return common()
    if name in random.__all__:
        return getattr(random, name)
    raise AttributeError(f"module 'gain.random.mtrand' has no attribute {name!r}")
