"""Large arrays between a client and its ranks: through memory that has a descriptor in the client, which the ranks open.

The bytes go through no socket: the client writes them once, and each rank reads its own; or each rank writes its own, and the client
shows them where they are. Both are of one machine, and of one user.
"""

import mmap
import os

import numpy

from . import _gain
from ._transfer import together

__all__ = []


def _place(process, descriptor):
    return f"/proc/{int(process)}/fd/{int(descriptor)}"


def take(process, descriptor, dtype, shape, is_fortran):
    """On the ranks: the array of the elements in a client's memory. Collective."""
    dtype = numpy.dtype(dtype)
    extents = list(shape[::-1] if is_fortran else shape)
    file = together(os.open, _place(process, descriptor), os.O_RDONLY)
    try:
        made, error = _gain.read_own(file, 0, extents, dtype.newbyteorder("="), not dtype.isnative, None)

        def look():
            if error is not None:
                raise error

        together(look)
    finally:
        os.close(file)
    return made.T if is_fortran else made


def give(array, process, descriptor):
    """On the ranks: writes the elements of an array, in C order, to a client's memory. Collective."""
    file = together(os.open, _place(process, descriptor), os.O_RDWR)
    try:
        together(_gain.write_own, array, file, 0, None)
    finally:
        os.close(file)


def written(array):
    """In a client: memory with the elements of a NumPy array; its descriptor, and whether the first axis is the innermost."""
    is_fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    array = array if is_fortran else numpy.ascontiguousarray(array)
    file = os.memfd_create("gain")
    try:
        left = memoryview(array.T if is_fortran else array).cast("B")
        while left:
            left = left[os.write(file, left):]
    except BaseException:
        os.close(file)
        raise
    return file, is_fortran


def read(dtype, shape, give_to):
    """In a client: the NumPy array of what `give_to`, called with a descriptor, has the ranks write there."""
    len_bytes = numpy.dtype(dtype).itemsize * int(numpy.prod(shape, dtype=object))
    file = os.memfd_create("gain")
    try:
        os.truncate(file, len_bytes)
        give_to(file)
        memory = mmap.mmap(file, len_bytes, mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0))
    finally:
        os.close(file)
    return numpy.frombuffer(memory, dtype).reshape(shape)
