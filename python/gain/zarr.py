"""Arrays in Zarr's format, versions 2 and 3: each rank reads and writes its own chunks. (Not NumPy's.)

An array is a folder with a description in JSON and a file for each chunk. It is written beside the place that it is to have, and takes that when all of it
is there: an interrupted program leaves the old one. Elements move a chunk at a time, so all of this is Python; the packing is done by compiled libraries.
"""

import json as _json
import math as _math
import os as _os
import shutil as _shutil

import numpy as _numpy

from . import _gain
from ._base import asarray as _asarray
from ._codecs import Pipeline as _Pipeline
from ._files import first as _first, path_of as _path_of, together as _together

__all__ = ["load", "save"]

# Bytes of a chunk, if nobody says.
_CHUNK = 1 << 22
_TYPES = set("bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128".split())
_KEYS = set("zarr_format node_type shape data_type chunk_grid chunk_key_encoding fill_value codecs attributes dimension_names storage_transformers".split())


class _Layout:
    """What a description says: shape, type, chunks, and how these are named and packed."""

    def __init__(self, shape, chunks, dtype, fill, codecs, prefix, separator):
        whole = all(type(n) is int for n in (*shape, *chunks))
        if not whole or len(shape) != len(chunks) or min(shape, default=0) < 0 or min(chunks, default=1) < 1:
            raise ValueError(f"no array has the shape {shape} and chunks {chunks}")
        if _math.prod(shape) * dtype.itemsize >= 2**63 or _math.prod(chunks) * dtype.itemsize >= 2**63:
            raise ValueError(f"an array of shape {shape} in chunks of {chunks} is too large")
        if separator not in (".", "/"):
            raise ValueError(f"chunks can't be named with {separator!r}")
        self.shape, self.chunks, self.dtype, self.prefix, self.separator = tuple(shape), tuple(chunks), dtype, prefix, separator
        self.fill = _number(fill, dtype)
        self.pipeline = _Pipeline(codecs, self.chunks, dtype, self.fill)
        self.grid = tuple(-(-extent // n) for extent, n in zip(self.shape, self.chunks))

    def name(self, at):
        """The name of a chunk in the folder."""
        return self.separator.join([*self.prefix, *map(str, at)]) or "0"

    def box(self, at):
        """Where its elements are in the array, and where in the chunk."""
        box = tuple(slice(i * n, min((i + 1) * n, extent)) for i, n, extent in zip(at, self.chunks, self.shape))
        return box, tuple(slice(0, part.stop - part.start) for part in box)


def _number(fill, dtype):
    """The value of elements that are in no chunk."""
    if isinstance(fill, list) and dtype.kind == "c" and len(fill) == 2:
        part = _numpy.empty(0, dtype).real.dtype
        return dtype.type(complex(_number(fill[0], part), _number(fill[1], part)))
    if isinstance(fill, str) and dtype.kind in "fc":
        if fill.startswith("0x") and dtype.kind == "f":
            return _numpy.frombuffer(int(fill, 16).to_bytes(dtype.itemsize, "little"), dtype.newbyteorder("<"))[0].astype(dtype.newbyteorder("="))
        if fill in ("NaN", "Infinity", "-Infinity"):
            return dtype.type(float(fill.replace("Infinity", "inf")))
    if fill is None:
        return dtype.type(0)
    if isinstance(fill, (bool, int, float)):
        return dtype.type(fill)
    raise ValueError(f"fill value {fill!r} is none of type {dtype}")


def _text(fill):
    """The same as JSON has it."""
    if isinstance(fill, complex):
        return [_text(fill.real), _text(fill.imag)]
    if isinstance(fill, float) and not _math.isfinite(fill):
        return "NaN" if fill != fill else "Infinity" if fill > 0 else "-Infinity"
    return fill


def _described(path):
    """The layout of the array in this folder."""
    for name, read in (("zarr.json", _third), (".zarray", _second)):
        try:
            with open(_os.path.join(path, name), "rb") as file:
                text = file.read()
        except (FileNotFoundError, NotADirectoryError):
            continue
        try:
            found = _json.loads(text)
            return read(found)
        except (AttributeError, IndexError, KeyError, OverflowError, TypeError, UnicodeDecodeError, ValueError) as error:
            told = f"{type(error).__name__}: {error}" if isinstance(error, (AttributeError, IndexError, KeyError, TypeError)) else str(error)
            raise ValueError(f"{_os.path.join(path, name)}: {told}") from None
    raise FileNotFoundError(2, "no Zarr array, which has zarr.json or .zarray,", path)


def _second(found):
    """A description of version 2."""
    if found["zarr_format"] != 2 or not isinstance(found["dtype"], str):
        raise ValueError(f"elements of type {found['dtype']} in format {found['zarr_format']} are not read")
    dtype = _numpy.dtype(found["dtype"])
    if dtype.newbyteorder("=").name not in _TYPES:
        raise ValueError(f"elements of type {dtype} are not read")
    codecs = [{"name": "transpose", "configuration": {"order": "F"}}] if found["order"] == "F" else []
    codecs.append({"name": "bytes", "configuration": {"endian": "big" if found["dtype"].startswith(">") else "little"}})
    for codec in [*(found.get("filters") or []), *([found["compressor"]] if found["compressor"] else [])]:
        codecs.append({"name": codec["id"], "configuration": {key: value for key, value in codec.items() if key != "id"}})
    return _Layout(found["shape"], found["chunks"], dtype.newbyteorder("="), found["fill_value"], codecs, (), found.get("dimension_separator", "."))


def _third(found):
    """A description of version 3."""
    if found["zarr_format"] != 3 or found["node_type"] != "array":
        raise ValueError(f"this is a {found['node_type']}, not an array")
    unknown = [key for key, value in found.items() if key not in _KEYS and not (isinstance(value, dict) and value.get("must_understand") is False)]
    grid, keys = found["chunk_grid"], found["chunk_key_encoding"]
    if unknown or found.get("storage_transformers") or grid["name"] != "regular" or keys["name"] not in ("default", "v2"):
        raise ValueError(f"the array has extensions that are not known: {unknown or [grid['name'], keys['name']]}")
    if found["data_type"] not in _TYPES:
        raise ValueError(f"elements of type {found['data_type']} are not read")
    separator = (keys.get("configuration") or {}).get("separator", "/" if keys["name"] == "default" else ".")
    prefix = ("c",) if keys["name"] == "default" else ()
    shape, chunks = found["shape"], grid["configuration"]["chunk_shape"]
    return _Layout(shape, chunks, _numpy.dtype(found["data_type"]), found["fill_value"], found["codecs"], prefix, separator)


def load(path):
    """The array in the folder `path`, of either version. Each rank unpacks its own chunks: whole rows of them, as long as there are as many rows as ranks. Collective.

    Chunks that aren't there have the fill value. Codecs other than `zlib`, `gzip`, `bz2` and `lzma` need the package `numcodecs`; shards of version 3 are read.

    # Errors
    `FileNotFoundError` where no array is; `ValueError` of a description or a chunk that is damaged, and of what is not known.
    """
    path = _path_of(path)
    layout = _together(_described, path)
    shape, ranks, rank = layout.shape, _gain.ranks(), _gain.rank()
    rows, step = (shape[0], layout.chunks[0]) if shape else (1, 1)
    of_chunks = layout.grid[0] if shape else 1

    def border(rank):
        return min(rows, of_chunks * rank // ranks * step) if of_chunks >= ranks else rows * rank // ranks

    start, stop = border(rank), border(rank + 1) if rank + 1 < ranks else rows

    def read():
        mine = _numpy.full((stop - start, *shape[1:]), layout.fill, layout.dtype)
        if mine.size == 0:
            return mine
        grid = layout.grid[1:]
        for row in range(start // step, -(-stop // step)):
            for rest in _numpy.ndindex(*grid):
                at = (row, *rest) if shape else ()
                try:
                    with open(_os.path.join(path, layout.name(at)), "rb") as file:
                        chunk = layout.pipeline.decode(file.read())
                except FileNotFoundError:
                    continue
                except ValueError as error:
                    raise ValueError(f"{_os.path.join(path, layout.name(at))}: {error}") from None
                if not shape:
                    mine[0] = chunk
                    continue
                box = layout.box(at)[0]
                low, high = max(start, box[0].start), min(stop, box[0].stop)
                taken = (slice(low - row * step, high - row * step), *(slice(0, part.stop - part.start) for part in box[1:]))
                mine[(slice(low - start, high - start), *box[1:])] = chunk[taken]
        return mine

    mine = _together(read)
    return _gain.of_parts(shape, layout.dtype, start * _math.prod(shape[1:]), mine.tobytes())


def _chunks(shape, itemsize):
    """Chunks of some megabytes: whole rows, if these are not too long."""
    made = [max(extent, 1) for extent in shape]
    for axis in range(len(made)):
        rest = _math.prod(made[axis + 1:]) * itemsize
        made[axis] = min(made[axis], max(_CHUNK // rest, 1))
        if made[axis] > 1:
            break
    return made


def _description(a, chunks, version, codec, level, fill, attributes):
    """The files that describe an array, and its layout."""
    little = a.dtype.newbyteorder("<")
    given = {} if codec is None else {"level": level} if codec != "blosc" else {"cname": "zstd", "clevel": level, "shuffle": "shuffle" if version == 3 else 1, "blocksize": 0}
    if version == 2:
        found = {
            "zarr_format": 2, "shape": list(a.shape), "chunks": chunks, "dtype": little.str, "order": "C", "filters": None, "fill_value": _text(fill),
            "compressor": None if codec is None else {"id": codec, **given},
        }
        return {".zarray": found, ".zattrs": attributes or {}}, _second(found)
    if version != 3:
        raise ValueError(f"version must be 2 or 3 (got {version!r})")
    codecs = [{"name": "bytes", "configuration": {"endian": "little"}} if a.itemsize > 1 else {"name": "bytes"}]
    if codec == "blosc":
        given["typesize"] = a.itemsize
    if codec == "zstd":
        given["checksum"] = False
    codecs += [] if codec is None else [{"name": codec, "configuration": given}]
    found = {
        "zarr_format": 3, "node_type": "array", "shape": list(a.shape), "data_type": a.dtype.name, "fill_value": _text(fill), "codecs": codecs, "attributes": attributes or {},
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}}, "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    }
    return {"zarr.json": found}, _third(found)


def save(path, a, *, chunks=None, version=3, codec="gzip", level=1, fill_value=0, attributes=None):
    """Writes an array to the folder `path`, in the place of an array that is there. Each rank packs and writes its own chunks. Collective.

    `chunks` is the shape of a chunk (some megabytes, if nothing is said); `codec` is `"gzip"` (version 3) or `"zlib"` (either name in version 2), one that `numcodecs` has
    (`"zstd"`, `"blosc"`), or `None`; `attributes` is a dictionary.

    # Errors
    `FileExistsError` where something else is than an array; `OSError` of the file system, with the path, on all ranks: then the old array is untouched.
    """
    path, a = _path_of(path), _asarray(a)
    codec = {(2, "gzip"): "zlib", (3, "zlib"): "gzip"}.get((version, codec), codec)
    chunks = _chunks(a.shape, a.itemsize) if chunks is None else [int(n) for n in _numpy.atleast_1d(chunks)]
    fill = _numpy.asarray(fill_value, a.dtype).item()
    files, layout = _description(a, chunks, version, codec, level, fill, attributes)
    a = a.force()
    _gain.barrier()

    def begin():
        target = _os.path.realpath(path)
        is_ours = any(_os.path.isfile(_os.path.join(target, name)) for name in ("zarr.json", ".zarray"))
        if is_ours:
            try:
                _described(target)
            except ValueError:
                is_ours = not _os.path.isdir(target)
        if _os.path.lexists(target) and not is_ours:
            raise FileExistsError(17, "there is something else than a Zarr array", path)
        part = f"{target}.part-{_os.getpid()}"
        _os.mkdir(part)
        for name, text in files.items():
            with open(_os.path.join(part, name), "w") as file:
                _json.dump(text, file)
        return target, part

    def write():
        count, ranks, rank = _math.prod(layout.grid), _gain.ranks(), _gain.rank()
        for number in range(count * rank // ranks, count * (rank + 1) // ranks):
            at = tuple(map(int, _numpy.unravel_index(number, layout.grid))) if layout.grid else ()
            box, taken = layout.box(at)
            chunk = _numpy.asarray(a.get(box))
            if chunk.shape != layout.chunks:
                padded = _numpy.full(layout.chunks, fill, a.dtype)
                padded[taken] = chunk
                chunk = padded
            name = _os.path.join(part, layout.name(at))
            _os.makedirs(_os.path.dirname(name), exist_ok=True)
            try:
                with open(name, "wb") as file:
                    file.write(layout.pipeline.encode(chunk))
            except OSError as error:
                raise OSError(error.errno, _os.strerror(error.errno), path) from None

    def finish():
        old = f"{target}.old-{_os.getpid()}"
        is_replaced = _os.path.isdir(target)
        if is_replaced:
            _os.rename(target, old)
        _os.rename(part, target)
        if is_replaced:
            _shutil.rmtree(old)

    target, part = _first(begin)
    try:
        _together(write)
    except BaseException:
        if _gain.rank() == 0:
            _shutil.rmtree(part, ignore_errors=True)
        raise
    _first(finish)
