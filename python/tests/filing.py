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


def binary(folder):
    random = numpy.random.default_rng(1)
    for dtype in TYPES:
        for shape in SHAPES:
            theirs = (random.normal(size=shape) * 50).astype(dtype) if dtype[0] != "c" else (random.normal(size=shape) + 2j).astype(dtype)
            theirs = numpy.asarray(theirs)
            for order in "CF":
                lying = numpy.asarray(theirs, order=order)
                one, two = folder / "ours.npy", folder / "theirs.npy"
                gain.save(one, gain.asarray(lying, order=order))
                once(lambda: numpy.save(two, lying))  # noqa: B023
                assert one.read_bytes() == two.read_bytes(), (dtype, shape, order)
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


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for part in (binary, refused, archives, mapped, own, text):
        part(pathlib.Path(sys.argv[1]))
