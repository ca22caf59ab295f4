"""Arrays in HDF5 files and Zarr stores, which `h5py` and `zarr` open: each rank reads and writes its own part. (Not NumPy's.)

Both packages serve one process at a time; what makes them serve many ranks is here. The elements of an HDF5 dataset without chunks lie in
one piece of the file, in which each rank writes and reads at its own place. Chunks of a Zarr store are files of their own, each of which
one rank writes.
"""

import contextlib
import importlib
import itertools
import math
import os

import numpy

from . import _gain
from ._base import asarray
from ._creation import array
from ._npy import checked, read
from ._transfer import first, moved, named, replacing, share, together, written

__all__ = ["load_hdf5", "load_zarr", "save_hdf5", "save_zarr"]

# What makes a dataset of HDF5 one of chunks.
CHUNKING = ("chunks", "compression", "shuffle", "fletcher32", "scaleoffset", "maxshape")


def _remove(folder, ignore_errors=False):
    """Removes a folder with all that is in it."""
    import shutil  # takes long to load

    shutil.rmtree(folder, ignore_errors=ignore_errors)


def _package(name):
    """A package that is needed for these files alone."""
    def load():
        try:
            return importlib.import_module(name)
        except ImportError as error:
            raise ImportError(f"files of this kind need the package {name}: pip install {name}") from error

    together(load)
    return load()


def _numbers(dtype):
    """Refuses elements that are no numbers of ours."""
    if dtype.kind not in "biufc" or dtype.itemsize > 16:
        raise TypeError(f"gain has no elements of type {dtype}")
    return dtype


def _chosen(data, dtype):
    """An array that each rank may read alone. Collective."""
    data = asarray(data)
    data = (data if dtype is None else data.astype(dtype)).force()
    _gain.barrier()
    return data


def _ranges(shape, slices):
    """The indices of each axis that slices choose."""
    slices = () if slices is None else (slices,) if isinstance(slices, slice) else tuple(slices)
    if len(slices) > len(shape):
        raise IndexError(f"{len(slices)} slices for {len(shape)} axes")
    slices = [slice(None) if one is None else one for one in slices] + [slice(None)] * (len(shape) - len(slices))
    if not all(isinstance(one, slice) for one in slices):
        raise TypeError("slices are a tuple of slices and None, one for each axis")
    chosen = [range(extent)[one] for extent, one in zip(shape, slices)]
    if any(one.step < 1 for one in chosen):
        raise ValueError("steps of slices must be positive")
    return chosen


def _dealt(chosen, chunks):
    """The axis along which ranks share a dataset's elements, and where each one's begin: no chunk is read by two of them."""
    axis = next((axis for axis, one in enumerate(chosen) if len(one) != 1), 0)
    one, ranks = chosen[axis], _gain.ranks()
    whole = chunks[axis] if chunks else 1
    begin = lambda rank: -(-(one.start + one.step * (len(one) * rank // ranks)) // whole) * whole
    starts = [min(max(-(-(begin(rank) - one.start) // one.step), 0), len(one)) for rank in range(1, ranks)]
    return axis, [0, *starts, len(one)]


def _slabs(source, slices, what):
    """The array of a dataset's elements, of which each rank reads some. Collective."""
    def mine():
        dtype = _numbers(numpy.dtype(source.dtype))
        chosen = _ranges(source.shape, slices)
        if not chosen:
            return dtype, (), 0, numpy.asarray(source[()], dtype)
        axis, starts = _dealt(chosen, source.chunks)
        rank = _gain.rank()
        shape = tuple(map(len, chosen))
        own = list(chosen)
        own[axis] = own[axis][starts[rank]:starts[rank + 1]]
        if all(map(len, own)):
            part = source[tuple(slice(one.start, one[-1] + 1, one.step) for one in own)]
        else:
            part = numpy.empty(0, dtype)
        return dtype, shape, starts[rank] * math.prod(shape[axis + 1:]), numpy.ascontiguousarray(part)

    dtype, shape, start, part = together(mine)
    native = dtype.newbyteorder("=")
    if not shape:
        return array(part.astype(native))
    part = part.astype(native, copy=False).tobytes()
    return moved(what, len(part), lambda tell: _gain.of_parts(shape, native, start, part))


def _place(h5py, dataset):
    """Where in its file a dataset's elements lie one behind the other as they lie in memory; None if they don't."""
    facts, offset, dtype = dataset.id.get_create_plist(), dataset.id.get_offset(), dataset.dtype
    plain = facts.get_layout() == h5py.h5d.CONTIGUOUS and facts.get_external_count() == 0 and dataset.file.userblock_size == 0
    numbers = dtype.kind in "biufc" and dataset.id.get_type().get_size() == dtype.itemsize
    return offset if plain and numbers and offset is not None else None


def load_hdf5(path, dataset, dtype=None, slices=None):
    """The array of a dataset of an HDF5 file: each rank reads its own part, in whole chunks.

    `slices` is a tuple of slices with positive steps (or None), one for each axis, of what is read. The result has the dataset's type, or `dtype`.
    `KeyError` if there is no such dataset, `TypeError` if its elements are no numbers, `OSError` if it can't be read: on all ranks. Needs `h5py`.
    The name is HeAT's. Collective.
    """
    h5py = _package("h5py")
    path = os.fspath(path)

    def look():
        with h5py.File(path, "r") as file:
            found = file[dataset]
            if not isinstance(found, h5py.Dataset):
                raise TypeError(f"{dataset!r} in {path} is a group, not a dataset")
            if found.shape is None:
                raise TypeError(f"{dataset!r} in {path} is empty: it has no shape")
            return found.shape, numpy.dtype(_numbers(found.dtype).str), _place(h5py, found)

    shape, found, place = first(look)
    if place is not None and slices is None:
        with together(open, path, "rb") as file:
            together(checked, shape, found, os.fstat(file.fileno()).st_size - place, False)
            made = read(file.fileno(), place, shape, found, f"load {path}")
    else:
        with together(h5py.File, path, "r") as file:
            made = _slabs(file[dataset], slices, f"load {path}")
    return made if dtype is None else made.astype(dtype)


def save_hdf5(data, path, dataset, mode="w", dtype=None, **kwargs):
    """Writes an array as a dataset of an HDF5 file, which every reader of HDF5 opens.

    `mode` is `h5py.File`'s: `"w"` a new file, which takes the old one's place when all of it is there, `"x"` and `"w-"` one that must not exist,
    `"a"` and `"r+"` one to which a dataset is added: who is interrupted then leaves it with a dataset of zeros. `kwargs` go to h5py's `create_dataset`.
    Each rank writes its own part; with chunks (`chunks`, `compression`, `maxshape`, ...) the first rank writes, and asks the others for chunk
    after chunk. Errors are h5py's, and `OSError` with the path for a full disk, which is found before anything is written but by `compression` and
    by the modes that add: on all ranks. Needs `h5py`. The name is HeAT's. Collective.
    """
    h5py = _package("h5py")
    path = os.fspath(path)
    if mode not in ("w", "x", "w-", "a", "r+"):
        raise ValueError("mode must be one of 'w', 'x', 'w-', 'a', 'r+'")
    data = _chosen(data, dtype)
    is_chunked = any(kwargs.get(name) not in (None, False) for name in CHUNKING)

    def create(part):
        with h5py.File(part, "w" if mode in ("w", "x", "w-") else mode) as file:
            facts = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            if not is_chunked:
                facts.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
                facts.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
            made = file.create_dataset(dataset, data.shape, data.dtype, dcpl=facts, **kwargs)
            place = None if is_chunked else made.id.get_offset()
            if place is None and data.size:
                for region in made.iter_chunks() if made.chunks else [...]:
                    made[region] = data.get(region)
        if place is not None:
            with open(part, "r+b") as file:
                os.posix_fallocate(file.fileno(), place, data.nbytes)
        return place

    def told(part):
        try:
            return create(part)
        except OSError as error:
            raise named(error, path) from None
        except RuntimeError as error:
            # Which is what h5py makes of a disk that is found full when the file is closed.
            raise OSError(f"{error}: {path!r}") from None

    if mode in ("x", "w-"):
        first(_absent, path)
    with replacing(path, 0 if kwargs.get("compression") else data.nbytes) if mode in ("w", "x", "w-") else contextlib.nullcontext(path) as part:
        place = first(told, part)
        if place is not None:
            write = lambda descriptor: moved(f"save {path}", share(data.nbytes), lambda tell: _gain.write_own(data, descriptor, place, tell))
            written(part, path, write)


def _absent(path):
    if os.path.exists(path):
        raise FileExistsError(f"{path} exists")


def load_zarr(path, variable=None, slices=None):
    """The array of a Zarr store, version 2 or 3, or of the array `variable` in a store's group: each rank reads its own part, in whole chunks.

    `slices` is a tuple of slices with positive steps (or None), one for each axis, of what is read. Errors are zarr's, and `TypeError` if the
    elements are no numbers: on all ranks. Needs `zarr`. The name is HeAT's. Collective.
    """
    zarr = _package("zarr")
    path = os.fspath(path)

    def find():
        found = zarr.open(path, mode="r")
        found = found if variable is None else found[variable]
        if not isinstance(found, zarr.Array):
            raise TypeError(f"{path} is a group: variable= names an array of it")
        return found

    return _slabs(_Whole(together(find)), slices, f"load {path}")


class _Whole:
    """A Zarr array, with its shards, where it has some, for chunks: they are what is read whole."""

    def __init__(self, source):
        self.source, self.shape, self.dtype = source, source.shape, source.dtype
        self.chunks = getattr(source, "shards", None) or source.chunks

    def __getitem__(self, key):
        return self.source[key]


def save_zarr(data, path, overwrite=False, **kwargs):
    """Writes an array as a Zarr store, a folder; `kwargs` (`chunks`, `shards`, `compressors`, `zarr_format`, ...) go to zarr's `create_array`.

    Each chunk (or shard) is written by the rank that has its first elements. The store is written beside, and takes the name when all of
    it is there; an old one is kept till then, and refused with `FileExistsError` without `overwrite`. Needs `zarr`. The name is HeAT's. Collective.
    """
    zarr = _package("zarr")
    path = os.fspath(path)
    data = _chosen(data, None)

    def begin():
        target = os.path.realpath(path)
        if os.path.exists(target) and not overwrite:
            raise FileExistsError(f"{path} exists, and overwrite is False")
        part = f"{target}.part-{os.getpid()}"
        _remove(part, ignore_errors=True)
        try:
            zarr.create_array(part, shape=data.shape, dtype=data.dtype, **kwargs)
        except BaseException:
            _remove(part, ignore_errors=True)
            raise
        return target, part

    def fill(tell):
        made = zarr.open_array(part, mode="r+")
        steps = getattr(made, "shards", None) or made.chunks
        ranks, rank = _gain.ranks(), _gain.rank()
        for corner in itertools.product(*(range(0, extent, step) for extent, step in zip(data.shape, steps))):
            at = int(numpy.ravel_multi_index(corner, data.shape)) if corner else 0
            if at * ranks // max(data.size, 1) == rank:
                region = tuple(slice(start, min(start + step, extent)) for start, step, extent in zip(corner, steps, data.shape))
                piece = data.get(region)
                made[region] = piece
                if tell:
                    tell(piece.nbytes)

    target, part = first(begin)
    try:
        together(moved, f"save {path}", share(data.nbytes), fill)
    except BaseException:
        if _gain.rank() == 0:
            _remove(part, ignore_errors=True)
        raise
    first(_take, part, target)


def _take(part, target):
    """Gives a folder this name; what had it goes."""
    old = f"{target}.old-{os.getpid()}"
    if os.path.lexists(target):
        os.rename(target, old)
    os.rename(part, target)
    if os.path.isdir(old):
        _remove(old)
    elif os.path.lexists(old):
        os.unlink(old)
