"""Zarr and HDF5, with the packages zarr and h5py as those who read or write the other end.

    stores.py FOLDER    on any number of ranks; fails where something differs. What isn't installed is left out, and said.
"""

import json
import os
import pathlib
import resource
import sys
import zlib

import numpy

import gain
from filing import fails, listing, once, same

TYPES = "? i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16".split()
SHAPES = [(), (0,), (5,), (3, 4), (2, 0, 3), (7, 3, 2), (1000,), (40, 60)]


def some(dtype, shape):
    random = numpy.random.default_rng(1)
    return numpy.asarray((random.normal(size=shape) * 50 + (2j if dtype[0] == "c" else 0)).astype(dtype))


def alone(folder):
    """What is written is read, in all types, shapes, chunks and versions."""
    for version in (2, 3):
        for dtype in TYPES:
            for shape in SHAPES:
                theirs = some(dtype, shape)
                for codec in ("gzip", None) if dtype in ("f8", "?") else ("gzip",):
                    for chunks in (None, [max(1, n // 2 + 1) for n in shape]):
                        gain.zarr.save(folder / "own", gain.asarray(theirs), version=version, codec=codec, chunks=chunks)
                        same(theirs, gain.zarr.load(folder / "own"))
    theirs = some("f8", (300, 70))
    gain.zarr.save(folder / "own", gain.array(theirs).T[::-1], chunks=(9, 100), attributes={"unit": "m"})
    same(theirs.T[::-1], gain.zarr.load(folder / "own"))
    assert json.loads((folder / "own" / "zarr.json").read_text())["attributes"] == {"unit": "m"}
    # Chunks that aren't there.
    gain.zarr.save(folder / "own", gain.array(theirs), chunks=(100, 70), fill_value=numpy.nan)
    once(lambda: os.unlink(folder / "own" / "c" / "1" / "0"))
    wanted = theirs.copy()
    wanted[100:200] = numpy.nan
    same(wanted, gain.zarr.load(folder / "own"))


def refused(folder):
    path = folder / "bad"
    good = {
        "zarr_format": 3, "node_type": "array", "shape": [6], "data_type": "float64", "fill_value": 0, "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [3]}}, "chunk_key_encoding": {"name": "default"},
    }
    once(lambda: (path.mkdir(), (path / "c").mkdir()))
    gzip = [*good["codecs"], {"name": "gzip", "configuration": {"level": 1}}]
    shard = {"name": "sharding_indexed", "configuration": {"chunk_shape": [2], "codecs": good["codecs"], "index_codecs": good["codecs"]}}
    for change, words in [
        ({"shape": [-1]}, "no array has the shape"), ({"shape": [2**62]}, "too large"), ({"shape": "x"}, "no array has the shape"), ({"shape": [6, 6]}, "no array has the shape"),
        ({"shape": [True]}, "no array has the shape"), ({"data_type": "object"}, "elements of type object"), ({"node_type": "group"}, "this is a group"), ({"fill_value": "x"}, "fill value 'x'"),
        ({"fill_value": [1, 2]}, "fill value"), ({"codecs": []}, "no codec makes bytes"), ({"codecs": [{"name": "none"}]}, "codec 'none'"), ({"secret": {"name": "x"}}, "extensions"),
        ({"codecs": [{"name": "transpose", "configuration": {"order": [1]}}]}, "transpose"), ({"codecs": [shard]}, "shards of shape"), ({"codecs": None}, "TypeError"),
        ({"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [0]}}}, "no array has the shape"), ({"chunk_key_encoding": {"name": "default", "configuration": {"separator": "../"}}}, "named"),
    ]:
        once(lambda: (path / "zarr.json").write_text(json.dumps({**good, **change})))  # noqa: B023
        fails(ValueError, words, lambda: gain.zarr.load(path))
    once(lambda: (path / "zarr.json").write_text("{"))
    fails(ValueError, "bad/zarr.json", lambda: gain.zarr.load(path))
    for codecs, data, words in [
        (good["codecs"], b"x" * 23, "a chunk of 24 bytes has 23"), (gzip, b"x" * 24, "can't be unpacked"), (gzip, b"", "a chunk of 24 bytes has 0"),
        # A megabyte of zeros: no more is unpacked than the chunk may have.
        (gzip, (lambda pack: pack.compress(bytes(1 << 20)) + pack.flush())(zlib.compressobj(9, zlib.DEFLATED, 31)), "a chunk of 24 bytes has more"),
    ]:
        once(lambda: ((path / "zarr.json").write_text(json.dumps({**good, "codecs": codecs})), (path / "c" / "0").write_bytes(data)))  # noqa: B023
        fails(ValueError, words, lambda: gain.zarr.load(path))
    fails(FileNotFoundError, "nowhere", lambda: gain.zarr.load(folder / "nowhere"))
    fails(FileNotFoundError, "nowhere", lambda: gain.zarr.save(folder / "nowhere" / "x", gain.ones(3)))
    once(lambda: ((folder / "other").mkdir(), (folder / "file").write_text("x")))
    for name in ("other", "file"):
        fails(FileExistsError, name, lambda: gain.zarr.save(folder / name, gain.ones(3)))  # noqa: B023
    fails(ValueError, "version must be 2 or 3", lambda: gain.zarr.save(folder / "x", gain.ones(3), version=4))
    fails(ValueError, "no array has the shape", lambda: gain.zarr.save(folder / "x", gain.ones(3), chunks=(2, 2)))
    # A limit on the size of files stands for a full disk: the old array stays.
    kept = folder / "kept"
    gain.zarr.save(kept, gain.arange(3))
    before = listing(folder)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    fails(OSError, f"File too large: '{kept}'", lambda: gain.zarr.save(kept, gain.ones(3000), codec=None))
    gain.barrier()
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert listing(folder) == before
    same(numpy.arange(3), gain.zarr.load(kept))


def with_zarr(folder):
    """The package reads ours, and we read what it writes."""
    try:
        import zarr
        from zarr.codecs import BloscCodec, BytesCodec, GzipCodec, TransposeCodec, ZstdCodec
    except ImportError:
        return print("stores: zarr is not installed (python/requirements-libraries.txt)")
    for shape in ((), (5,), (40, 60), (7, 3, 2)):
        theirs = some("f8", shape)
        for version in (2, 3):
            for codec in ("gzip", "zstd", "blosc", None):
                gain.zarr.save(folder / "ours", gain.asarray(theirs), version=version, codec=codec, chunks=[n // 2 + 1 for n in shape])
                found = zarr.open_array(str(folder / "ours"), mode="r")
                assert found.metadata.zarr_format == version
                same(theirs, numpy.asarray(found[...]))
                gain.barrier()
    theirs = some("f4", (40, 60))

    def made(**options):
        def write():
            at = zarr.create_array(str(folder / "theirs"), shape=theirs.shape, dtype=theirs.dtype, overwrite=True, **options)
            at[...] = theirs

        once(write)
        same(theirs, gain.zarr.load(folder / "theirs"))

    made(chunks=(7, 60))
    for codecs in (BloscCodec(), GzipCodec(), ZstdCodec(), [ZstdCodec(), GzipCodec()], None):
        made(chunks=(11, 13), compressors=codecs)
    made(chunks=(5, 10), shards=(20, 30))
    made(chunks=(11, 13), filters=[TransposeCodec(order=(1, 0))])
    made(chunks=(11, 13), serializer=BytesCodec(endian="big"))
    for options in ({}, {"order": "F"}, {"compressors": None}):
        made(chunks=(11, 13), zarr_format=2, **options)


def with_h5py(folder):
    try:
        import h5py
    except ImportError:
        return print("stores: h5py is not installed (python/requirements-libraries.txt)")
    path = folder / "x.h5"
    number = 0
    for dtype in TYPES:
        for shape in SHAPES:
            theirs, name = some(dtype, shape), f"group/{number}"
            number += 1
            gain.hdf5.save(path, name, gain.asarray(theirs))
            gain.barrier()
            with h5py.File(path, "r") as file:
                same(theirs, numpy.asarray(file[name]))
            same(theirs, gain.hdf5.load(path, name))
    theirs = some("f8", (300, 70))
    gain.hdf5.save(path, "packed", gain.array(theirs).T, compression="gzip", chunks=(7, 30))
    same(theirs.T, gain.hdf5.load(path, "packed"))
    fails(KeyError, "nothing", lambda: gain.hdf5.load(path, "nothing"))
    fails(TypeError, "no data set", lambda: gain.hdf5.load(path, "group"))
    fails(FileNotFoundError, "nowhere", lambda: gain.hdf5.load(folder / "nowhere", "x"))
    fails(Exception, "", lambda: gain.hdf5.save(path, "packed", gain.ones(3)))

    def text():
        with h5py.File(path, "a") as file:
            file["text"] = "a text"

    once(text)
    fails(TypeError, "no elements of type", lambda: gain.hdf5.load(path, "text"))
    before = listing(folder)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, limits[1]))
    fails(OSError, "new.h5", lambda: gain.hdf5.save(folder / "new.h5", "x", gain.ones(3000)))
    gain.barrier()
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert listing(folder) == before


if __name__ == "__main__":
    for part in (alone, refused, with_zarr, with_h5py):
        part(pathlib.Path(sys.argv[1]))
