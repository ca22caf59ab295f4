"""What is done with the memory of arrays as bytes: other byte orders, fields, pickles and files.

Files and pickles have all elements, which every rank gathers; a file is written by one rank.
"""

import os
import pickle

import numpy

from . import _gain
from ._base import asarray
from ._fallback import tell
from ._gain import ndarray

__all__ = []

# Elements that are gathered at one time.
CHUNK = 1 << 20


def _turned(a):
    """The elements with their bytes in the other order: shifts of integers of the size, one fused pass."""
    width = 8 * a.dtype.itemsize
    bits = a.view(f"u{a.dtype.itemsize}")
    step = 8
    while step < width:
        # Neighbouring groups of `step` bits change places.
        mask = sum(((1 << step) - 1) << at for at in range(0, width, 2 * step))
        low = bits.dtype.type(mask)
        by = bits.dtype.type(step)
        bits = ((bits & low) << by) | ((bits >> by) & low)
        step *= 2
    return bits.view(a.dtype)


def byteswap(a, inplace=False):
    """`ndarray.byteswap`"""
    if inplace and not a.flags.writeable:
        raise ValueError("array to be byte-swapped is read-only")
    made = a if inplace else a.copy("A")
    if a.dtype.kind == "c":
        made.real, made.imag = _turned(made.real.copy()), _turned(made.imag.copy())
    elif a.dtype.itemsize > 1:
        made[...] = _turned(made.copy())
    return made


def getfield(a, dtype, offset=0):
    """`ndarray.getfield`: a view of some bytes of each element as another type."""
    _gain.element_name(dtype)  # refuses what arrays can't be of
    size = numpy.dtype(dtype).itemsize
    if offset < 0:
        raise ValueError("offset is negative")
    if size > a.itemsize:
        raise ValueError("new type is larger than original type")
    if size + offset > a.itemsize:
        raise ValueError("new type plus offset is larger than original type")
    return a[..., None].view(numpy.uint8)[..., offset:offset + size].view(dtype)[..., 0]


def setfield(a, val, dtype, offset=0):
    """`ndarray.setfield`"""
    if not a.flags.writeable:
        raise ValueError("assignment destination is read-only")
    getfield(a, dtype, offset)[...] = val


def dump(a, file):
    """`ndarray.dump`: one rank writes the file, or each rank its own open one."""
    if hasattr(file, "write"):
        pickle.dump(a, file, protocol=2)
        return
    _by_one_rank(file, lambda: [pickle.dumps(a, protocol=2)])


def dumps(a):
    """`ndarray.dumps`"""
    return pickle.dumps(a, protocol=2)


def tofile(a, fid, sep="", format="%s"):
    """`ndarray.tofile`: part after part of the elements is gathered, and written by one rank."""
    flat = a.ravel()

    def parts():
        for start in range(0, a.size, CHUNK):
            part = flat[start:start + CHUNK].numpy()
            if sep == "":
                yield part.tobytes()
            else:
                text = sep.join(format % (item,) for item in part.tolist())
                yield ((sep if start else "") + text).encode()

    _by_one_rank(fid, parts)


def _by_one_rank(file, parts):
    """Writes what all ranks make together; an error of the one that writes is raised on all."""
    from ._callbacks import _agreed

    mine, error = None, None
    if _gain.rank() == 0:
        try:
            mine = file if hasattr(file, "write") else open(os.fspath(file), "wb")
        except OSError as found:
            error = found
    _agreed(error)
    try:
        for part in parts():
            if mine is not None and error is None:
                try:
                    mine.write(part)
                except OSError as found:
                    error = found
    finally:
        if mine is not None and mine is not file:
            mine.close()
    _agreed(error)


def reduce(a):
    """`ndarray.__reduce__`: all elements, which every rank gathers and is told of."""
    if _gain.ranks() > 1 and not a.is_replicated:
        tell("pickling", a.nbytes)
    return a._reduce()


def setstate(a, state):
    """`ndarray.__setstate__`: of what NumPy's arrays are pickled as."""
    theirs = numpy.empty(0)
    theirs.__setstate__(state)
    a._become(asarray(theirs).copy())


def wrap(a, array, context=None, return_scalar=False):
    """`ndarray.__array_wrap__`"""
    if not isinstance(array, (ndarray, numpy.ndarray)):
        raise TypeError(f"__array_wrap__() argument 1 must be numpy.ndarray, not {type(array).__name__}")
    if return_scalar and array.ndim == 0:
        return array[()]
    made = asarray(array)
    return made if type(a) is ndarray or type(made) is type(a) else made.view(type(a))


def interface(a):
    """`ndarray.__array_interface__`: of the memory, on one rank."""
    return _shown(a, "__array_interface__")


def struct(a):
    """`ndarray.__array_struct__`: of the memory, on one rank."""
    return _shown(a, "__array_struct__")


def _shown(a, name):
    if _gain.ranks() > 1:
        raise AttributeError(
            f"on several ranks an array has no one memory, and so no {name}: numpy.asarray(x) has a copy of its elements"
        )
    return getattr(numpy.asarray(memoryview(a)) if a.size else numpy.empty(a.shape, a.dtype), name)


# What the class gets, by name.
METHODS = {
    "__array_interface__": property(interface), "__array_struct__": property(struct), "__array_wrap__": wrap,
    "__reduce__": reduce, "__setstate__": setstate, "byteswap": byteswap, "dump": dump, "dumps": dumps, "getfield": getfield, "setfield": setfield,
    "tofile": tofile,
}
