"""Parts of NumPy's format for arrays in files: headers, checked against what there is, and the elements, of which each rank has its own."""

import io
import math
import sys

import numpy
from numpy.lib import format as npy

from . import _gain
from ._transfer import PIECE, moved, share, together


def header_of(a):
    """The header of an array's file, and the array as its elements lie in C order there."""
    is_fortran = a.flags.f_contiguous and not a.flags.c_contiguous
    facts = {"shape": a.shape, "fortran_order": is_fortran, "descr": npy.dtype_to_descr(a.dtype)}
    made = io.BytesIO()
    try:
        npy.write_array_header_1_0(made, facts)
    except ValueError:
        made = io.BytesIO()
        npy.write_array_header_2_0(made, facts)
    return made.getvalue(), a.T if is_fortran else a


def pieces(a):
    """The bytes of an array in C order, piece by piece, for one rank; the array is stored and nobody writes meanwhile."""
    flat = a.reshape(-1)
    step = max(PIECE // a.itemsize, 1)
    for start in range(0, a.size, step):
        yield flat.get(slice(start, start + step)).tobytes()


def readable(a):
    """An array in C order that each rank may read alone. Collective."""
    a = a.reshape(-1).force()
    _gain.barrier()
    return a


def read_header(file, max_header_size):
    """Shape, whether in Fortran's order, and type of the array whose file begins here."""
    version = npy.read_magic(file)
    if version == (1, 0):
        return npy.read_array_header_1_0(file, max_header_size)
    if version == (2, 0):
        return npy.read_array_header_2_0(file, max_header_size)
    if version != (3, 0):
        raise ValueError(f"we only support format version (1,0), (2,0), and (3,0), not {version}")
    # As the second, but for the text's encoding.
    length = file.read(4)
    text = file.read(int.from_bytes(length, "little")).decode("utf8")
    plain = text.encode("latin1", "backslashreplace")
    made = io.BytesIO(len(plain).to_bytes(4, "little") + plain)
    return npy.read_array_header_2_0(made, max_header_size)


def checked(shape, dtype, available, allow_pickle):
    """Refuses an array that isn't in so many bytes."""
    if dtype.hasobject and not allow_pickle:
        raise ValueError("Object arrays cannot be loaded when allow_pickle=False")
    if dtype.kind not in "biufc" or dtype.itemsize > 16:
        raise TypeError(f"gain has no elements of type {dtype}: numpy.load reads such files")
    count = math.prod(shape)
    there = available // dtype.itemsize
    if count > there or any(extent < 0 for extent in shape):
        raise ValueError(
            f"Failed to read all data for array. Expected {shape} = {count} elements, could only read {min(max(there, 0), max(count, 0) or there)} "
            "elements. (file seems not fully written?)"
        )


def read(descriptor, offset, shape, dtype, what):
    """The array of these elements of an open file, of which each rank reads its own. Collective."""
    native = dtype.newbyteorder("=")
    len_bytes = math.prod(shape) * dtype.itemsize
    work = lambda tell: _gain.read_own(descriptor, offset, shape, native, not dtype.isnative, tell)
    made, error = moved(what, share(len_bytes), work)

    def look():
        if error is not None:
            raise error

    together(look)
    return made


def streamed(file, shape, dtype, allow_pickle):
    """The array of elements that come next in what each rank reads for itself, of which each keeps a part. Collective."""
    def keep():
        checked(shape, dtype, sys.maxsize, allow_pickle)
        count, item = math.prod(shape), dtype.itemsize
        ranks, rank = _gain.ranks(), _gain.rank()
        start, end = count * rank // ranks * item, count * (rank + 1) // ranks * item
        kept, at = bytearray(), 0
        while at < count * item:
            piece = file.read(min(PIECE, count * item - at))
            if not piece:
                checked(shape, dtype, at, allow_pickle)
            kept += piece[max(start - at, 0):max(end - at, 0)]
            at += len(piece)
        mine = numpy.frombuffer(bytes(kept), dtype)
        return start // item, mine.astype(dtype.newbyteorder("="), copy=False).tobytes()

    start, mine = together(keep)
    return _gain.of_parts(shape, dtype.newbyteorder("="), start, mine)
