"""Large arrays between a client and its ranks.

On one machine each rank copies what is its own between the client's memory and its own, all at the same time; where the system forbids
that, both open a file in memory of the client's. From another machine they go through the connection, in pieces.
"""

import mmap
import os
import weakref

import numpy

from . import _gain
from ._transfer import together

__all__ = []

# Bytes of an array that goes with its call within a machine; and of what goes through a connection at a time.
LITTLE = 1 << 20
# Bytes that are kept at most of what was read, for what is read next: the first touch of new memory takes longer than all the rest.
KEPT = 1 << 30
PIECE = 1 << 24


def take(process, address, descriptor, dtype, shape, is_fortran):
    """On the ranks: the array of the elements in a client's memory, or in its file. Collective."""
    dtype = numpy.dtype(dtype)
    extents = list(shape[::-1] if is_fortran else shape)
    place = extents, dtype.newbyteorder("="), not dtype.isnative
    if descriptor is None:
        made, error = _gain.read_from_neighbour(int(process), int(address), *place)
        together(_look, error)
    else:
        file = together(os.open, _place(process, descriptor), os.O_RDONLY)
        try:
            made, error = _gain.read_own(file, 0, *place, None)
            together(_look, error)
        finally:
            os.close(file)
    return made.T if is_fortran else made


def give(array, process, address, descriptor):
    """On the ranks: writes the elements of an array, in C order, to a client's memory, or to its file. Collective."""
    if descriptor is None:
        together(_gain.write_to_neighbour, array, int(process), int(address))
        return
    file = together(os.open, _place(process, descriptor), os.O_RDWR)
    try:
        together(_gain.write_own, array, file, 0, None)
    finally:
        os.close(file)


def _place(process, descriptor):
    return f"/proc/{int(process)}/fd/{int(descriptor)}"


def _look(error):
    if error is not None:
        raise error


class Way:
    """In a client: how large arrays go to the ranks and come from them; `taken` and `given` are what has the ranks call `take` and `give`.

    `launcher` is the process above the ranks if they are of this machine.
    """

    def __init__(self, launcher, taken, given):
        self.taken, self.given = taken, given
        # Memory that ranks may still write to: of calls that were interrupted.
        self.pinned = []
        # Memory of what was read last, and whether somebody has that still.
        self.kept = None
        self.lent = lambda: None
        self.is_near = launcher is not None
        self.is_direct = self.is_near
        # Bytes of arrays that go with their call.
        self.little = LITTLE if self.is_near else PIECE
        if self.is_near:
            _gain.open_to_neighbour(launcher)

    def upload(self, array):
        """The ranks' array of the elements of a NumPy array."""
        is_fortran = array.flags.f_contiguous and not array.flags.c_contiguous
        array = array if is_fortran else numpy.ascontiguousarray(array)
        if not self.is_near:
            return _upload_pieces(array, is_fortran)
        rest = array.dtype, array.shape, is_fortran
        if self.is_direct:
            try:
                return self.taken(os.getpid(), array.ctypes.data, None, *rest)
            except ConnectionError:
                raise
            except OSError:
                self.is_direct = False
        file = os.memfd_create("gain")
        try:
            left = memoryview(array.T if is_fortran else array).cast("B")
            while left:
                left = left[os.write(file, left):]
            return self.taken(os.getpid(), 0, file, *rest)
        finally:
            os.close(file)

    def download(self, array):
        """A NumPy array of the elements of the ranks' array, in C order."""
        if not self.is_near:
            return _download_pieces(array)
        if self.is_direct:
            made = self._room(array.shape, array.dtype, array.nbytes)
            try:
                self.given(array, os.getpid(), made.ctypes.data, None)
                # (Ranks do one call after the other.)
                self.pinned.clear()
                return made
            except ConnectionError:
                raise
            except OSError:
                self.is_direct = False
            except BaseException:
                self.pinned.append(made)
                raise
        file = os.memfd_create("gain")
        try:
            os.truncate(file, array.nbytes)
            self.given(array, os.getpid(), 0, file)
            memory = mmap.mmap(file, array.nbytes, mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0))
        finally:
            os.close(file)
        return numpy.frombuffer(memory, array.dtype).reshape(array.shape)

    def _room(self, shape, dtype, len_bytes):
        """A new NumPy array, in the memory of an earlier one if nobody has that any more."""
        if len_bytes > KEPT:
            return numpy.empty(shape, dtype)
        if self.kept is None or not len_bytes <= self.kept.nbytes <= 2 * len_bytes or self.lent() is not None:
            self.kept = numpy.empty(len_bytes, "u1")
        # All views of what is given have this one for their base, so they are gone when it is.
        lent = numpy.frombuffer(memoryview(self.kept)[:len_bytes], dtype)
        self.lent = weakref.ref(lent)
        return lent.reshape(shape)


def _upload_pieces(array, is_fortran):
    from . import empty

    flat = (array.T if is_fortran else array).reshape(-1)
    made = empty(flat.shape, flat.dtype)
    for piece in _pieces(flat):
        made[piece] = flat[piece]
    made = made.reshape((array.T if is_fortran else array).shape)
    return made.T if is_fortran else made


def _download_pieces(array):
    flat = array.reshape(-1)
    made = numpy.empty(flat.shape, flat.dtype)
    for piece in _pieces(made):
        made[piece] = flat[piece].numpy()
    return made.reshape(array.shape)


def _pieces(flat):
    step = PIECE // flat.itemsize
    return [slice(start, start + step) for start in range(0, flat.size, step)]
