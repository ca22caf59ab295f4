"""NumPy's archives of arrays, `.npz`: written by the first rank, which asks the others for piece after piece; read by all.

What isn't compressed each rank reads where it lies in the file; what is, each rank unpacks, and keeps its part.
"""

import os

import numpy
from numpy.lib import format as npy

from . import _gain
from ._base import asarray
from ._npy import checked, header_of, pieces, read, read_header, readable, streamed
from ._transfer import first, is_plain, path_of, together
from ._gain import ndarray

__all__ = ["savez", "savez_compressed"]

# As `zipfile`, which takes long to load, has them.
STORED, DEFLATED = 0, 8


class Archive(numpy.lib.npyio.NpzFile):
    """`numpy.lib.npyio.NpzFile` of arrays of ours."""

    def __getitem__(self, key):
        try:
            name = self._files[key]
        except KeyError:
            raise KeyError(f"{key} is not a file in the archive") from None
        with self.zip.open(name) as member:
            if member.read(len(npy.MAGIC_PREFIX)) != npy.MAGIC_PREFIX:
                return super().__getitem__(key)
        file = self.zip.fp
        size = 2**64 if self.allow_pickle else self.max_header_size

        def look():
            info = self.zip.getinfo(name)
            with self.zip.open(name) as member:
                shape, is_fortran, dtype = read_header(member, size)
                begun = member.tell()
            checked(shape, dtype, info.file_size - begun, self.allow_pickle)
            if info.compress_type != STORED or not is_plain(file):
                return shape, is_fortran, dtype, begun, None
            # The member's own header: its name and what is added to that may be longer than in the directory.
            head = os.pread(file.fileno(), 30, info.header_offset)
            start = info.header_offset + 30 + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
            checked(shape, dtype, os.fstat(file.fileno()).st_size - start - begun, self.allow_pickle)
            return shape, is_fortran, dtype, begun, start + begun

        shape, is_fortran, dtype, begun, start = together(look)
        extents = shape[::-1] if is_fortran else shape
        if start is not None:
            made = read(file.fileno(), start, extents, dtype, f"load {name}")
        else:
            with self.zip.open(name) as member:
                member.read(begun)
                made = streamed(member, extents, dtype, self.allow_pickle)
        return made.T if is_fortran else made


def _written(file, arrays, names, compression, allow_pickle):
    """Writes the archive: the first rank to a name, every rank to an object of its own."""
    import zipfile

    for key in names:
        if key in (f"arr_{k}" for k in range(len(arrays))):
            raise ValueError(f"Cannot use un-named variables and keyword {key}")
    arrays = {**names, **{f"arr_{k}": one for k, one in enumerate(arrays)}}
    prepared = []
    for key, one in arrays.items():
        theirs = one if isinstance(one, (ndarray, _gain.flatiter)) else numpy.asanyarray(one)
        if isinstance(theirs, numpy.ndarray) and (theirs.dtype.kind not in "biufc" or theirs.dtype.itemsize > 16):
            prepared.append((key, None, theirs))
        else:
            header, lying = header_of(asarray(one))
            prepared.append((key, header, readable(lying)))

    def write(target):
        with zipfile.ZipFile(target, "w", compression, allowZip64=True) as archive:
            for key, header, one in prepared:
                with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                    if header is None:
                        npy.write_array(member, one, allow_pickle=allow_pickle)
                        continue
                    member.write(header)
                    for piece in pieces(one):
                        member.write(piece)

    def write_beside(path):
        target = os.path.realpath(path)
        if os.path.exists(target) and not os.path.isfile(target):
            return write(target)
        part = f"{target}.part-{os.getpid()}"
        try:
            write(part)
            if os.path.exists(target):
                os.chmod(part, os.stat(target).st_mode & 0o7777)
            os.replace(part, target)
        except BaseException as error:
            if os.path.exists(part):
                os.unlink(part)
            if isinstance(error, OSError):
                raise OSError(error.errno, os.strerror(error.errno), path) from None
            raise

    if not hasattr(file, "write"):
        return first(write_beside, path_of(file, ".npz"))
    if together(lambda: hasattr(file, "fileno") and is_plain(file)):
        first(write, file)
        file.seek(0, 2)
    else:
        together(write, file)


def savez(file, *args, allow_pickle=True, **kwds):
    """`numpy.savez`"""
    _written(file, args, kwds, STORED, allow_pickle)


def savez_compressed(file, *args, allow_pickle=True, **kwds):
    """`numpy.savez_compressed`"""
    _written(file, args, kwds, DEFLATED, allow_pickle)
