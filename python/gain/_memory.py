"""NumPy's functions on memory: arrays over that of others, and which arrays have memory in common."""

import numpy

from . import _gain
from ._base import host
from ._gain import ndarray

__all__ = ["from_dlpack", "frombuffer", "may_share_memory", "shares_memory"]


def frombuffer(buffer, dtype=float, count=-1, offset=0, *, like=None):
    """`numpy.frombuffer`: over the buffer's memory on one rank, else a copy."""
    _gain.element_name(dtype)  # refuses what arrays can't be of
    if isinstance(buffer, ndarray):
        if not buffer.flags.c_contiguous:
            raise ValueError("ndarray is not C-contiguous")
        if _gain.ranks() > 1:
            elements = buffer.numpy()
            elements.flags.writeable = buffer.flags.writeable
            buffer = elements
    return _gain.over(numpy.frombuffer(buffer, dtype, count, offset))


def from_dlpack(x, /, *, device=None, copy=None):
    """`numpy.from_dlpack`: over the same memory on one rank, else a copy."""
    if isinstance(x, ndarray):
        host(device)
        return x.copy() if copy else x.view(ndarray)
    return _gain.over(numpy.from_dlpack(x, device=device, copy=None if copy else copy), copy)


def shares_memory(a, b, /, max_work=-1):
    """`numpy.shares_memory`"""
    return _ask(numpy.shares_memory, a, b, max_work)


def may_share_memory(a, b, /, max_work=0):
    """`numpy.may_share_memory`"""
    return _ask(numpy.may_share_memory, a, b, max_work)


def _ask(function, a, b, max_work):
    """NumPy's answer on outlines of the two; memory that nobody else may have is nobody else's."""
    a, b = (x if isinstance(x, (ndarray, numpy.ndarray)) else numpy.asarray(x) for x in (a, b))
    ours = [x._memory() if isinstance(x, ndarray) else None for x in (a, b)]
    if all(ours) and ours[0][0] == ours[1][0]:
        places = [(1 << 40) + offset for _, offset, _ in ours]
    else:
        places = [memory[2] if memory else x.__array_interface__["data"][0] for x, memory in zip((a, b), ours)]
    if None in places:
        return False
    return function(*(numpy.asarray(_Outline(x, place)) for x, place in zip((a, b), places)), max_work)


class _Outline:
    """Shape, steps and place of an array, for NumPy to reason about: nobody reads there."""

    def __init__(self, array, place):
        self.__array_interface__ = {
            "version": 3, "shape": array.shape, "strides": array.strides, "typestr": array.dtype.str, "data": (place, True),
        }
