"""NumPy's binary files: each rank writes and reads its own part of one file."""

import math
import os

import numpy
from numpy.lib import format as npy

from . import _gain
from ._archives import Archive
from ._base import asarray
from ._creation import array
from ._gain import ndarray
from ._npy import checked, header_of, pieces, read, read_header, readable, streamed
from ._transfer import beside, first, is_plain, moved, path_of, share, together

__all__ = ["fromfile", "load", "memmap", "save"]


def save(file, arr, allow_pickle=True):
    """`numpy.save`: each rank writes its own part."""
    if not hasattr(file, "write"):
        file = path_of(file, ".npy")
    if not isinstance(arr, (ndarray, _gain.flatiter)):
        theirs = numpy.asanyarray(arr)
        if theirs.dtype.kind not in "biufc" or theirs.dtype.itemsize > 16:
            if hasattr(file, "write"):
                return numpy.save(file, theirs, allow_pickle)
            return first(numpy.save, file, theirs, allow_pickle)
    header, a = header_of(asarray(arr))
    whole = len(header) + a.nbytes
    if not hasattr(file, "write"):
        def write(descriptor):
            if _gain.rank() == 0:
                os.pwrite(descriptor, header, 0)
            moved(f"save {file}", share(a.nbytes), lambda tell: _gain.write_own(a, descriptor, len(header), tell))

        return beside(file, whole, write)
    if not together(is_plain, file):
        a = readable(a)
        file.write(header)
        for piece in pieces(a):
            file.write(piece)
        return _gain.barrier()
    file.flush()
    start = together(file.tell)

    def write_here():
        if _gain.rank() == 0:
            os.pwrite(file.fileno(), header, start)
        moved("save", share(a.nbytes), lambda tell: _gain.write_own(a, file.fileno(), start + len(header), tell))

    together(write_here)
    file.seek(start + whole)


def load(file, mmap_mode=None, allow_pickle=False, fix_imports=True, encoding="ASCII", *, max_header_size=10000):
    """`numpy.load`: each rank reads its own part. Of several ranks none writes to the file through memory."""
    if encoding not in ("ASCII", "latin1", "bytes"):
        raise ValueError("encoding must be 'ASCII', 'latin1', or 'bytes'")
    if hasattr(file, "read"):
        return _loaded(file, mmap_mode, allow_pickle, max_header_size, False)
    path = path_of(file)
    if mmap_mode is not None:
        return _mapped(path, mmap_mode, allow_pickle, max_header_size)
    opened = together(open, path, "rb")
    made = None
    try:
        made = _loaded(opened, None, allow_pickle, max_header_size, True)
        return made
    finally:
        if not isinstance(made, numpy.lib.npyio.NpzFile):
            opened.close()


def _loaded(file, mmap_mode, allow_pickle, max_header_size, is_own):
    """The array, or the archive, of a file that is open on every rank."""
    if mmap_mode is not None:
        raise ValueError("Filename must be a string or a path-like object.  Memmap cannot use existing file handles.")

    def look():
        magic = file.read(len(npy.MAGIC_PREFIX))
        if not magic:
            raise EOFError("No data left in file")
        file.seek(-len(magic), 1)
        if magic.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            return None
        if magic != npy.MAGIC_PREFIX:
            raise ValueError(
                "This file contains pickled (object) data. If you trust the file you can load it unsafely using the `allow_pickle=` keyword "
                "argument or `pickle.load()`."
            )
        shape, is_fortran, dtype = read_header(file, 2**64 if allow_pickle else max_header_size)
        if is_plain(file):
            checked(shape, dtype, os.fstat(file.fileno()).st_size - file.tell(), allow_pickle)
        return shape, is_fortran, dtype

    found = together(look)
    if found is None:
        return together(lambda: Archive(file, own_fid=is_own, allow_pickle=allow_pickle, max_header_size=max_header_size))
    shape, is_fortran, dtype = found
    extents = shape[::-1] if is_fortran else shape
    if together(is_plain, file):
        start = file.tell()
        made = read(file.fileno(), start, extents, dtype, f"load {getattr(file, 'name', '')}")
        file.seek(start + math.prod(shape) * dtype.itemsize)
    else:
        made = streamed(file, extents, dtype, allow_pickle)
    return made.T if is_fortran else made


def _mapped(path, mode, allow_pickle, max_header_size):
    """The array whose memory the file is; of several ranks each has its part of it."""
    size = 2**64 if allow_pickle else max_header_size
    if _gain.ranks() == 1:
        return asarray(numpy.asarray(npy.open_memmap(path, mode, max_header_size=size)))
    _copied(mode)
    with together(open, path, "rb") as file:
        return _loaded(file, None, False, size, True)


def _copied(mode):
    """Refuses to write to a file through several ranks' memory."""
    if mode not in ("r", "c", "readonly", "copyonwrite"):
        raise ValueError(f"mode {mode!r} writes to the file through memory, which several ranks can't: 'r' and 'c' read it")


def memmap(filename, dtype=numpy.uint8, mode="r+", offset=0, shape=None, order="C"):
    """`numpy.memmap`: on one rank an array in the file's memory; on several ranks each reads its part, and `mode` must be `"r"` or `"c"`."""
    if _gain.ranks() == 1:
        return asarray(numpy.asarray(numpy.memmap(filename, dtype, mode, offset, shape, order)))
    path = path_of(filename)
    _copied(mode)
    dtype = numpy.dtype(dtype)
    with together(open, path, "rb") as file:
        there = os.fstat(file.fileno()).st_size - offset
        if shape is None:
            if there % dtype.itemsize:
                raise ValueError("Size of available data is not a multiple of the data-type size.")
            shape = (there // dtype.itemsize,)
        shape = (shape,) if isinstance(shape, (int, numpy.integer)) else tuple(shape)
        together(checked, shape, dtype, there, False)
        made = read(file.fileno(), offset, shape[::-1] if order == "F" else shape, dtype, f"memmap {filename}")
        return made.T if order == "F" else made


def fromfile(file, dtype=float, count=-1, sep="", offset=0, *, like=None):
    """`numpy.fromfile`: each rank reads its own part of a binary file; a text is read by all."""
    if not isinstance(file, (str, bytes, os.PathLike)):
        file.fileno  # What is no file is NumPy's AttributeError.
    dtype = numpy.dtype(dtype)
    if sep or dtype.kind not in "biufc" or dtype.itemsize > 16:
        return array(together(lambda: numpy.fromfile(file, dtype, count, sep, offset=offset)))
    is_open = hasattr(file, "read")
    opened = file if is_open else together(open, path_of(file), "rb")
    try:
        if not together(is_plain, opened):
            return array(together(lambda: numpy.fromfile(opened, dtype, count, offset=offset)))
        start = opened.tell() + offset
        there = max(os.fstat(opened.fileno()).st_size - start, 0) // dtype.itemsize
        count = there if count < 0 else min(count, there)
        made = read(opened.fileno(), start, (count,), dtype, f"fromfile {getattr(opened, 'name', '')}")
        opened.seek(start + made.nbytes)
        return made
    finally:
        if not is_open:
            opened.close()
