"""Data sets of HDF5 files, through `h5py` where it is installed: each rank reads and writes its own rows. (Not NumPy's.)

HDF5 without MPI has one writer. So the first rank makes the data set, in one piece whose place in the file is known from then on, and closes the file; then every rank
writes its elements there itself. A packed data set, or one in chunks, the first rank writes alone, part after part.
"""

import math as _math
import os as _os

from . import _gain
from ._base import asarray as _asarray
from ._files import PIECE as _PIECE, first as _first, moved as _moved, path_of as _path_of, share as _share, together as _together

__all__ = ["load", "save"]


def _h5py():
    try:
        import h5py
    except ImportError:
        raise ImportError("gain.hdf5 needs the package h5py") from None
    return h5py


def load(path, name):
    """The data set `name` of the file `path`: each rank reads its rows. Collective.

    # Errors
    `FileNotFoundError`, `KeyError` where nothing of this name is, `TypeError` of a group and of elements that gain has not.
    """
    h5py, path = _h5py(), _path_of(path)

    def read():
        with h5py.File(path, "r") as file:
            found = file[name]
            if not isinstance(found, h5py.Dataset) or found.shape is None:
                raise TypeError(f"{name} in {path} is no data set with elements")
            dtype = found.dtype.newbyteorder("=")
            if dtype.kind not in "biufc" or dtype.itemsize > 16:
                raise TypeError(f"gain has no elements of type {found.dtype}: h5py reads {name} in {path}")
            shape, ranks, rank = found.shape, _gain.ranks(), _gain.rank()
            if not shape:
                start, mine = 0, found[()].astype(dtype).tobytes() if rank == 0 else b""
                return shape, dtype, start if rank == 0 else 1, mine
            start, stop = shape[0] * rank // ranks, shape[0] * (rank + 1) // ranks
            mine = found[start:stop].astype(dtype, copy=False)
            return shape, dtype, start * _math.prod(shape[1:]), mine.tobytes()

    return _gain.of_parts(*_together(read))


def save(path, name, a, **options):
    """Writes the data set `name`, to the file `path` if it is there and to a new one if it isn't. Collective.

    A new file takes its name when all of it is there. In an old one an interrupted program leaves a data set without all of its elements: HDF5 has no way back.
    `options` are `h5py`'s for `create_dataset`: with `chunks`, `compression` and the like the first rank writes all.

    # Errors
    `ValueError` if there is something of this name; `OSError` of the file system, with the path, on all ranks.
    """
    h5py, path, a = _h5py(), _path_of(path), _asarray(a)
    a = a.force()
    _gain.barrier()

    def begin():
        target = _os.path.realpath(path)
        return target, target if _os.path.exists(target) else f"{target}.part-{_os.getpid()}"

    target, place = _first(begin)
    try:
        offset = _first(_made, h5py, place, "r+" if place == target else "w-", name, a, options)
        if offset is not None:
            _together(_filled, place, offset, a, path)
        if place != target:
            _first(_os.replace, place, target)
    except BaseException:
        if _gain.rank() == 0 and place != target and _os.path.exists(place):
            _os.unlink(place)
        raise


def _made(h5py, place, mode, name, a, options):
    """Makes the data set; where its elements are in the file, or None if they are written."""
    try:
        with h5py.File(place, mode) as file:
            if options:
                return _rows(file.create_dataset(name, a.shape, a.dtype, **options), a)
            return _reserved(h5py, file, name, a)
    except RuntimeError as error:
        # (What HDF5 says of a disk that is full when it closes the file.)
        raise OSError(f"{place}: {error}") from None


def _reserved(h5py, file, name, a):
    """A data set in one piece, with its place in the file."""
    kind = h5py.h5p
    listed, links = kind.create(kind.DATASET_CREATE), kind.create(kind.LINK_CREATE)
    listed.set_layout(h5py.h5d.CONTIGUOUS)
    listed.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    listed.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    links.set_create_intermediate_group(True)
    space = h5py.h5s.create_simple(a.shape) if a.ndim else h5py.h5s.create(h5py.h5s.SCALAR)
    made = h5py.h5d.create(file.id, None, h5py.h5t.py_create(a.dtype, logical=True), space, listed)
    h5py.h5o.link(made, file.id, name.encode(), lcpl=links)
    return made.get_offset()


def _filled(place, offset, a, path):
    """Writes this rank's elements where the data set is."""
    descriptor = _os.open(place, _os.O_RDWR | _os.O_CLOEXEC)
    try:
        if _gain.rank() == 0:
            # A full disk is found before anything is written.
            _os.posix_fallocate(descriptor, offset, a.nbytes)
        _moved(f"hdf5.save {path}", _share(a.nbytes), lambda tell: _gain.write_own(a, descriptor, offset, tell))
    except OSError as error:
        raise OSError(error.errno, _os.strerror(error.errno), path) from None
    finally:
        _os.close(descriptor)


def _rows(made, a):
    """Writes all elements, some rows at a time."""
    if not a.ndim:
        made[()] = a.get(())
        return
    step = max(_PIECE // max(_math.prod(a.shape[1:]) * a.itemsize, 1), 1)
    for start in range(0, a.shape[0], step):
        made[start:start + step] = a.get(slice(start, start + step))
