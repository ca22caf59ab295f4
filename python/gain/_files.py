"""NumPy's binary files: each rank writes and reads its own part of one file.

A file that is written under a name is written beside it, and takes the name when all of it is there: an interrupted program leaves
the old one. Whatever goes wrong on a rank is an error on all of them, the first rank's that has one.
"""

import contextlib
import errno
import io
import math
import os
import pickle
import stat
import sys
import time

import numpy
from numpy.lib import format as npy

from . import _gain
from ._base import asarray
from ._creation import array
from ._gain import ndarray

__all__ = ["fromfile", "load", "memmap", "progress", "save"]

# Bytes that one rank moves at a time where it moves all.
PIECE = 1 << 24


def together(work, *arguments):
    """What `work` gives here, once it went well on all ranks; else the error of the first on which it didn't. Collective."""
    done = error = None
    try:
        done = work(*arguments)
    except Exception as caught:
        error = caught
    if _gain.ranks() > 1:
        try:
            told = b"" if error is None else pickle.dumps(error)
        except Exception:
            told = pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
        for rank, other in enumerate(_gain.everybodys(told)):
            if other:
                raise error if rank == _gain.rank() else pickle.loads(other)
    elif error is not None:
        raise error
    return done


def first(work, *arguments):
    """What `work` gives on the first rank alone, told to all. Collective."""
    done = together(lambda: work(*arguments) if _gain.rank() == 0 else None)
    return pickle.loads(_gain.everybodys(pickle.dumps(done))[0]) if _gain.ranks() > 1 else done


class _Line:
    """The line that tells of a transfer: the first rank's, once it takes longer than a second."""

    is_wanted = False

    def __init__(self, what, total):
        self.what, self.total, self.done, self.start, self.shown = what, total, 0, time.monotonic(), 0

    def __call__(self, count):
        self.done += count
        now = time.monotonic()
        if now - self.start > 1 and now - self.shown > 0.2:
            self.shown = now
            share = self.done / self.total if self.total else 1
            rate = self.done / (now - self.start) / 1e9
            print(f"\r{self.what}: {100 * share:3.0f} %, {rate:.2f} GB/s on the first rank", end="", file=sys.stderr, flush=True)

    def end(self):
        if self.shown:
            print(file=sys.stderr, flush=True)


def progress(is_wanted=True):
    """Whether files that take longer than a second to read or write say how far they are, in a line on `stderr`; returns how it was.

    (Not NumPy's.)
    """
    before, _Line.is_wanted = _Line.is_wanted, bool(is_wanted)
    return before


def line(what, len_bytes):
    """The line of a transfer of so many bytes of this rank's; None if there is none."""
    return _Line(what, len_bytes) if _Line.is_wanted and _gain.rank() == 0 else None


def moved(what, len_bytes, work):
    """Calls `work` with what is told of the bytes that were moved."""
    tell = line(what, len_bytes)
    try:
        return work(tell)
    finally:
        if tell:
            tell.end()


def share(len_bytes):
    return len_bytes // _gain.ranks()


def is_plain(file):
    """Whether this is a file of the operating system that may be written anywhere."""
    if not isinstance(file, (io.FileIO, io.BufferedReader, io.BufferedWriter, io.BufferedRandom)):
        return False
    try:
        mode = os.fstat(file.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(mode) and "a" not in file.mode


def path_of(file, ending=""):
    """The name of a file, with this ending if it has none."""
    path = os.fspath(file)
    path = os.fsdecode(path) if isinstance(path, bytes) else path
    return path if path.endswith(ending) else path + ending


def _begin(path, len_bytes):
    """The file that a path names, and a new one of so many bytes beside it, or the same where it is no plain file."""
    target = os.path.realpath(path)
    if os.path.exists(target) and not os.path.isfile(target):
        return target, target
    part = f"{target}.part-{os.getpid()}"
    mode = stat.S_IMODE(os.stat(target).st_mode) if os.path.exists(target) else None
    if mode is not None and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        if mode is not None:
            os.fchmod(descriptor, mode)
        if len_bytes:
            os.posix_fallocate(descriptor, 0, len_bytes)
    except OSError as error:
        os.unlink(part)
        raise named(error, path) from None
    finally:
        os.close(descriptor)
    return target, part


def named(error, path):
    """An error of the operating system with the path that the program knows."""
    return OSError(error.errno, os.strerror(error.errno), path) if error.errno else error


@contextlib.contextmanager
def replacing(path, len_bytes=0):
    """The name of a new file of so many bytes, which becomes `path` when the block ends well, and is gone when it doesn't. Collective."""
    target, part = first(_begin, path, len_bytes)
    try:
        yield part
    except BaseException:
        if _gain.rank() == 0 and part != target:
            os.unlink(part)
        raise
    if part != target:
        first(os.replace, part, target)


def written(part, path, write):
    """Calls `write` on each rank with the descriptor of the file `part`, which the program knows as `path`. Collective."""
    def fill():
        try:
            descriptor = os.open(part, (os.O_RDWR if os.path.isfile(part) else os.O_WRONLY) | os.O_CLOEXEC)
            try:
                write(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise named(error, path) from None

    together(fill)


def beside(path, len_bytes, write):
    """Writes a file of so many bytes next to `path`, and gives it that name; `write` gets its descriptor on each rank. Collective."""
    with replacing(path, len_bytes) as part:
        written(part, path, write)


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
        from ._archives import Archive

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
