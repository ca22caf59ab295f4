"""Arrays in files, written by one of NumPy and gain and read by the other.

    filing.py FOLDER    on any number of ranks; fails where something differs
"""

import io
import os
import pathlib
import resource
import sys
import warnings

import numpy

import gain

TYPES = "? i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16".split()
SHAPES = [(), (0,), (5,), (3, 4), (2, 0, 3), (7, 3, 2), (1000,), (40, 60)]


def same(theirs, ours):
    """Whether gain has NumPy's elements, of its type but for the order of bytes."""
    ours = ours if isinstance(ours, numpy.ndarray) else ours.numpy()
    assert ours.dtype == theirs.dtype.newbyteorder("=") and ours.shape == theirs.shape, (theirs.dtype, theirs.shape, ours.dtype, ours.shape)
    assert numpy.array_equal(theirs, ours, equal_nan=theirs.dtype.kind in "fc"), (theirs, ours)


def once(work):
    """Does something on the first rank, before the others go on."""
    gain.barrier()
    if gain.rank() == 0:
        work()
    gain.barrier()


def listing(folder):
    """The names in a folder, which no rank changes while another looks."""
    gain.barrier()
    names = sorted(os.listdir(folder))
    gain.barrier()
    return names


def fails(kind, words, work):
    """Every rank gets this exception."""
    try:
        work()
    except kind as error:
        assert words in str(error), error
        return
    raise AssertionError(f"no {kind.__name__}: {words}")


def of_shapes(types):
    """Arrays of these types and of all shapes, in both orders of axes."""
    random = numpy.random.default_rng(1)
    for dtype in types:
        for shape in SHAPES:
            theirs = (random.normal(size=shape) * 50).astype(dtype) if dtype[0] != "c" else (random.normal(size=shape) + 2j).astype(dtype)
            for order in "CF":
                yield numpy.asarray(theirs, order=order), order


def binary(folder):
    for lying, order in of_shapes(TYPES):
        one, two = folder / "ours.npy", folder / "theirs.npy"
        gain.save(one, gain.asarray(lying, order=order))
        once(lambda: numpy.save(two, lying))  # noqa: B023
        assert one.read_bytes() == two.read_bytes(), (lying.dtype, lying.shape, order)
        same(lying, gain.load(two))
    for theirs in (numpy.arange(12.0).astype(">f8").reshape(3, 4), numpy.arange(6).astype(">c16"), numpy.arange(700, dtype=">i2")):
        once(lambda: numpy.save(folder / "big.npy", theirs))  # noqa: B023
        same(theirs, gain.load(folder / "big.npy"))
    for version in ((1, 0), (2, 0), (3, 0)):
        def write():
            with open(folder / "version.npy", "wb") as file:
                numpy.lib.format.write_array(file, numpy.arange(500), version)  # noqa: B023

        once(write)
        same(numpy.arange(500), gain.load(folder / "version.npy"))
    buffer = io.BytesIO()
    gain.save(buffer, gain.arange(3000.0))
    gain.save(buffer, gain.arange(5))
    buffer.seek(0)
    same(numpy.arange(3000.0), numpy.load(buffer))
    same(numpy.arange(5), gain.load(buffer))
    with open(folder / "several.npy", "w+b") as file:
        gain.barrier()
        gain.save(file, gain.arange(3000.0))
        gain.save(file, gain.arange(9))
        gain.barrier()
        file.seek(0)
        same(numpy.arange(3000.0), gain.load(file))
        same(numpy.arange(9), gain.load(file))


def refused(folder):
    """Bad files, and places where none can be."""
    path = folder / "bad.npy"

    def raw(header, data=b""):
        text = header.encode("latin1")
        text += b" " * (-(len(text) + 11) % 64) + b"\n"
        once(lambda: path.write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data))

    for shape, data in [((5,), b"x" * 39), ((2**40, 2**40), b""), ((-1,), b"x" * 8), ((2**62,), b"x" * 16), ((2**70,), b"")]:
        raw(f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}", data)
        fails(ValueError, "Failed to read all data for array", lambda: gain.load(path))
    raw("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"cos\nsystem\n(S'true'\ntR.")
    fails(ValueError, "Object arrays cannot be loaded when allow_pickle=False", lambda: gain.load(path))
    raw("{'descr': '<f8', 'fortran_order': False}")
    fails(ValueError, "Header does not contain the correct keys", lambda: gain.load(path))
    raw("__import__('os').system('true')")
    fails(ValueError, "", lambda: gain.load(path))
    once(lambda: path.write_bytes(b""))
    fails(EOFError, "No data left in file", lambda: gain.load(path))
    once(lambda: path.write_bytes(b"cos\nsystem\n(S'true'\ntR."))
    fails(ValueError, "This file contains pickled (object) data", lambda: gain.load(path))
    fails(FileNotFoundError, "nowhere", lambda: gain.load(folder / "nowhere.npy"))
    fails(FileNotFoundError, "nowhere", lambda: gain.save(folder / "nowhere" / "x.npy", gain.ones(3000)))
    fails(OSError, "No space left on device: '/dev/full", lambda: gain.savetxt("/dev/full", gain.ones(3000)))
    kept = folder / "kept.npy"
    once(lambda: numpy.save(kept, numpy.arange(3)))
    before = listing(folder)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    for write in (gain.save, gain.savetxt):
        fails(OSError, f"File too large: '{kept}'", lambda: write(kept, gain.ones(3000)))  # noqa: B023
    gain.barrier()
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    same(numpy.arange(3), gain.load(kept))
    gain.save(kept, gain.arange(2000))
    assert listing(folder) == before
    same(numpy.arange(2000), numpy.load(kept))


def archives(folder):
    one, two = numpy.arange(5000.0).reshape(50, 100), numpy.arange(7)
    for write in (gain.savez, gain.savez_compressed):
        write(folder / "ours", gain.array(one), two=gain.array(two).reshape(7, 1).T, name=numpy.array(["text"]))
        with numpy.load(folder / "ours.npz") as found:
            same(one, found["arr_0"])
            same(two.reshape(7, 1).T, found["two"])
            assert found["name"] == ["text"]
    for write in (numpy.savez, numpy.savez_compressed):
        once(lambda: write(folder / "theirs.npz", one, two=two, turned=one.T))  # noqa: B023
        with gain.load(folder / "theirs.npz") as found:
            assert sorted(found) == ["arr_0", "turned", "two"]
            same(one, found["arr_0"])
            same(two, found["two"])
            same(one.T, found["turned.npy"])
    fails(KeyError, "nothing", lambda: gain.load(folder / "theirs.npz")["nothing"])
    fails(ValueError, "Cannot use un-named variables and keyword arr_0", lambda: gain.savez(folder / "x", one, arr_0=two))


def mapped(folder):
    theirs = numpy.arange(3000.0).reshape(30, 100)
    once(lambda: (numpy.save(folder / "map.npy", theirs), theirs.tofile(folder / "raw")))
    same(theirs, gain.load(folder / "map.npy", mmap_mode="r"))
    same(theirs, gain.memmap(folder / "raw", float, "r", 0, (30, 100)))
    same(theirs.ravel()[2:], gain.memmap(folder / "raw", float, "r", 16))
    same(theirs.ravel()[3:2003], gain.fromfile(folder / "raw", count=2000, offset=24))
    same(theirs.ravel(), gain.fromfile(folder / "raw"))
    same(theirs.ravel().view("i4"), gain.fromfile(folder / "raw", "i4"))
    gain.array(theirs).tofile(folder / "again")
    gain.barrier()
    assert (folder / "again").read_bytes() == theirs.tobytes()
    if gain.ranks() == 1:
        shown = gain.memmap(folder / "raw", float, "r+", 0, (3000,))
        shown[5] = -1
        assert numpy.fromfile(folder / "raw")[5] == -1
    else:
        fails(ValueError, "writes to the file through memory", lambda: gain.load(folder / "map.npy", mmap_mode="r+"))


def own(folder):
    """What each rank has, one behind the other, is the array."""
    for shape in ((3000,), (40, 60), (7, 3, 2), (5,), ()):
        theirs = numpy.arange(numpy.prod(shape, dtype=int)).reshape(shape)
        ours = gain.array(theirs)
        mine = ours.local()
        assert mine.dtype == theirs.dtype
        if ours.is_replicated:
            same(theirs, mine)
        else:
            all_of_them = b"".join(gain._gain.everybodys(mine.tobytes()))
            assert all_of_them == theirs.tobytes(), shape
            assert mine.ndim == 1 or mine.shape[1:] == shape[1:]


def text(folder):
    random = numpy.random.default_rng(2)
    path = folder / "table.txt"
    for theirs in (random.normal(size=(3000, 4)), random.integers(0, 99, (5, 3)), random.normal(size=4000), random.normal(size=(1, 3))):
        for options in ({}, {"fmt": "%.3f", "delimiter": ",", "header": "a\nb", "footer": "end"}):
            gain.savetxt(path, gain.array(theirs), **options)
            made = io.StringIO()
            numpy.savetxt(made, theirs, **options)
            assert path.read_text() == made.getvalue()
            kept = {"delimiter": options.get("delimiter")}
            for more in ({}, {"ndmin": 2}, {"skiprows": 1}, {"usecols": 0}, {"dtype": "f4"}, {"ndmin": 1, "unpack": True}):
                same(numpy.loadtxt(path, **kept, **more), gain.loadtxt(path, **kept, **more))
            for more in ({}, {"skip_header": 3}, {"ndmin": 2}):
                same(numpy.genfromtxt(path, **kept, **more), gain.genfromtxt(path, **kept, **more))
            gain.barrier()
    lines = ["1 2 3"] * 20_000
    lines[15_000] = "1 2"
    once(lambda: path.write_text("\n".join(lines)))
    fails(ValueError, "the number of columns changed from 3 to 2 at row 15001", lambda: gain.loadtxt(path))
    lines[15_000] = "1 x 2"
    once(lambda: path.write_text("\n".join(lines)))
    fails(ValueError, "could not convert string 'x' to float64 at row 15000, column 2", lambda: gain.loadtxt(path))
    lines[15_000] = "# nothing"
    once(lambda: path.write_text("\n".join(lines)))
    same(numpy.loadtxt(path), gain.loadtxt(path))
    same(numpy.loadtxt(path, max_rows=7), gain.loadtxt(path, max_rows=7))
    same(numpy.loadtxt(["1 2", "3 4"]), gain.loadtxt(["1 2", "3 4"]))


def hdf5(folder):
    path = folder / "x.h5"
    for theirs, order in of_shapes("? i1 u8 f2 f4 f8 c8 c16".split()):
        ours = gain.asarray(theirs, order=order)
        gain.save_hdf5(ours, path, "group/plain")
        gain.save_hdf5(ours, path, "scalars", mode="a", dtype="f8" if theirs.dtype.kind != "c" else "c16")
        with h5py.File(path) as file:
            same(theirs, file["group/plain"][...])
        same(theirs, gain.load_hdf5(path, "group/plain"))
        if theirs.ndim and theirs.size:
            gain.save_hdf5(ours, path, "packed", mode="a", chunks=tuple(-(-extent // 3) for extent in theirs.shape), compression="gzip")
            with h5py.File(path) as file:
                same(theirs, file["packed"][...])
            same(theirs, gain.load_hdf5(path, "packed"))
            for slices in [slice(None, -1)], [slice(1, None, 2)], [slice(None)] * (theirs.ndim - 1) + [slice(0, 100, 3)]:
                same(theirs[tuple(slices)], gain.load_hdf5(path, "packed", slices=slices))
                same(theirs[tuple(slices)], gain.load_hdf5(path, "group/plain", slices=slices))
        gain.barrier()
    turned = numpy.arange(5000.0).astype(">f8").reshape(50, 100)

    def foreign():
        with h5py.File(path, "w") as file:
            file["turned"] = turned
            file["text"] = "text"
            file["nothing"] = h5py.Empty("f8")
            file.create_dataset("never", (30, 4), "i4", fillvalue=7)

    once(foreign)
    same(turned, gain.load_hdf5(path, "turned"))
    same(turned.astype("f4"), gain.load_hdf5(path, "turned", "f4"))
    same(numpy.full((30, 4), 7, "i4"), gain.load_hdf5(path, "never"))
    fails(KeyError, "missing", lambda: gain.load_hdf5(path, "missing"))
    fails(TypeError, "no elements of type object", lambda: gain.load_hdf5(path, "text"))
    fails(TypeError, "empty", lambda: gain.load_hdf5(path, "nothing"))
    fails(TypeError, "is a group", lambda: gain.load_hdf5(path, "/"))
    fails(ValueError, "positive", lambda: gain.load_hdf5(path, "turned", slices=slice(None, None, -1)))
    fails(IndexError, "3 slices for 2 axes", lambda: gain.load_hdf5(path, "turned", slices=[slice(None)] * 3))
    fails(OSError, "nowhere", lambda: gain.load_hdf5(folder / "nowhere.h5", "x"))
    fails(OSError, "nowhere", lambda: gain.save_hdf5(gain.ones(3), folder / "nowhere" / "x.h5", "x"))
    fails(FileExistsError, "x.h5", lambda: gain.save_hdf5(gain.ones(3), path, "x", mode="x"))
    fails(ValueError, "name already exists", lambda: gain.save_hdf5(gain.ones(3), path, "turned", mode="a"))
    before = listing(folder)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    fails(OSError, f"File too large: '{path}'", lambda: gain.save_hdf5(gain.ones(3000), path, "x"))
    fails(OSError, f"File too large: '{path}'", lambda: gain.save_hdf5(gain.arange(30_000), path, "x", chunks=(1000,)))
    gain.barrier()
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert listing(folder) == before
    same(turned, gain.load_hdf5(path, "turned"))


def zarrs(folder):
    for version in 2, 3:
        path = folder / f"zarr{version}"
        for theirs, order in of_shapes("? f4 c16".split()):
            chunks = {"chunks": tuple(-(-extent // 3) for extent in theirs.shape)} if theirs.size else {}
            gain.save_zarr(gain.asarray(theirs, order=order), path, overwrite=True, zarr_format=version, **chunks)
            same(theirs, numpy.asarray(zarr.open_array(path, mode="r")[...]))
            same(theirs, gain.load_zarr(path))
            gain.barrier()
    theirs = numpy.arange(4800).reshape(60, 80)
    path = folder / "shards"
    gain.save_zarr(theirs, path, chunks=(5, 10), shards=(20, 40), compressors=zarr.codecs.GzipCodec())
    same(theirs, numpy.asarray(zarr.open_array(path, mode="r")[...]))
    same(theirs[3:50:7, 1::3], gain.load_zarr(path, slices=(slice(3, 50, 7), slice(1, None, 3))))
    fails(FileExistsError, "shards", lambda: gain.save_zarr(gain.ones(3), path))
    once(lambda: zarr.open_group(folder / "group", mode="w").create_array("inner", data=theirs))
    same(theirs, gain.load_zarr(folder / "group", "inner"))
    fails(TypeError, "is a group", lambda: gain.load_zarr(folder / "group"))
    fails(KeyError, "missing", lambda: gain.load_zarr(folder / "group", "missing"))
    before = listing(folder)
    fails(ValueError, "", lambda: gain.save_zarr(gain.ones(3), path, overwrite=True, chunks=(1, 2, 3)))
    assert listing(folder) == before
    same(theirs, gain.load_zarr(path))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    parts = [binary, refused, archives, mapped, own, text]
    try:
        import h5py
        import zarr

        parts += [hdf5, zarrs]
    except ImportError as missing:
        print(f"HDF5 and Zarr are skipped: {missing}")
    for part in parts:
        part(pathlib.Path(sys.argv[1]))
