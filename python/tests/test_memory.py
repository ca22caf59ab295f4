"""Memory in common with others: arrays over NumPy's memory and buffers, and ours shown to others, against NumPy."""

import array
import ctypes
import gc
import itertools
import os
import sys
import threading
import weakref

import jobs
import numpy
import pytest

import gain

DTYPES = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16"]
LAYOUTS = {
    "plain": lambda x: x,
    "backwards": lambda x: x[::-1],
    "turned": lambda x: x.T,
    "stepped": lambda x: x[::2, ::-3],
    "inner": lambda x: x[1:-1, 2:5],
    "row": lambda x: x[2],
    "column": lambda x: x[:, 3],
    "element": lambda x: x[1:2, 1:2],
    "permuted": lambda x: x[None].transpose(2, 0, 1),
    "no axes": lambda x: x[1, 2, ...],
    "fortran": lambda x: numpy.asfortranarray(x),
}


def numbers(dtype, shape=(6, 7)):
    flat = numpy.arange(numpy.prod(shape, dtype=int)) * 3 % 11
    return (flat % 3 > 0 if dtype == "?" else flat.astype(dtype)).reshape(shape)


def alike(mine, theirs):
    assert (mine.dtype, mine.shape) == (theirs.dtype, theirs.shape)
    assert mine.tolist() == theirs.tolist()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_over_memory_of_numpys(dtype, layout):
    whole = numbers(dtype)
    other = whole.copy()
    theirs, right = LAYOUTS[layout](whole), LAYOUTS[layout](other)
    mine = gain.asarray(theirs)
    alike(mine, right)
    assert mine.base is theirs and not mine.flags.owndata and mine.flags.writeable
    wide = [axis for axis, extent in enumerate(theirs.shape) if extent > 1]
    assert [mine.strides[axis] for axis in wide] == [theirs.strides[axis] for axis in wide]
    assert mine.flags.c_contiguous == theirs.flags.c_contiguous and mine.flags.f_contiguous == theirs.flags.f_contiguous
    assert gain.shares_memory(mine, theirs) and numpy.shares_memory(numpy.asarray(mine), theirs)
    # Written by one, seen by the other.
    for statement in (
        "x[...] = x[::-1]", "x[..., :2] = 1", "x.flat[0] = 0", "x[...] = x.T.reshape(x.shape)", "x[...] = 1 - x[..., ::-1].real",
        "x += x", "x *= x.reshape(-1)[::-1].reshape(x.shape)", "x[-1:] = x[:1]", "x.real = 1", "x[...] = (x != 0)",
    ):
        names, more = {"x": mine}, {"x": right}
        try:
            exec(statement, more)
        except Exception as error:  # noqa: BLE001 - as with NumPy
            with pytest.raises(type(error)):
                exec(statement, names)
        else:
            exec(statement, names)
        alike(theirs, right)
        alike(mine, right)
    theirs[...] = 1
    alike(mine, theirs)
    assert bool((mine == 1).all())
    if theirs.base is None:
        return
    # And nothing beside it.
    theirs[...] = right
    assert whole.tolist() == other.tolist()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,), (5,), (3, 4), (2, 3, 4)])
def test_memory_shown_to_numpy(dtype, shape):
    theirs = numbers(dtype, shape)
    mine = gain.array(theirs)
    for view in (lambda x: x, lambda x: x.T, lambda x: x[..., None][::-1] if x.ndim else x, lambda x: x.real):
        shown, right = numpy.asarray(view(mine)), view(theirs)
        alike(shown, right)
        assert shown.strides == right.strides or 1 in shown.shape or shown.size == 0
        assert memoryview(view(mine)).format == memoryview(right).format
        # Others might write bytes that are no bools.
        assert shown.flags.writeable == (dtype != "?")
        alike(numpy.from_dlpack(view(mine)), right)
    shown = numpy.asarray(mine)
    mine[...] = 1
    assert (shown == 1).all()
    if dtype == "?":
        mine[...] = 0
    else:
        shown[...] = 0
    assert mine.tolist() == shown.tolist() and not (shown == 1).any()
    mine[(slice(None, None, -1),) if shape else ()] = numpy.ones(shape, dtype)
    assert mine.tolist() == shown.tolist()
    assert shown.size == 0 or gain.shares_memory(shown, mine) and not gain.shares_memory(shown, mine.copy())


def test_nothing_is_left_to_be_computed_from_it():
    theirs = numpy.arange(5000.0).reshape(50, 100)
    right = theirs.copy()
    mine = gain.asarray(theirs)
    into, into_part = gain.zeros((50, 100)), gain.zeros((60, 100))
    into[...] = mine
    into_part[5:55] = mine * 2
    made = {
        "sum": mine + 1, "copy": mine.copy(), "cast": mine.astype("f4"), "same": mine.astype("f8"), "where": gain.where(mine > 7, mine, 0),
        "turned": mine.T.copy(), "ravel": mine.T.ravel(), "divmod": gain.divmod(mine, 7)[1], "array": gain.array(mine),
        "into": into, "into_part": into_part[5:55], "mask": gain.add(mine, 1, where=mine > 3), "order": mine.copy("F"), "flatten": mine.flatten(),
        "real": mine.astype(complex).imag, "bits": mine.view("i8") + 0, "spread": gain.full((50, 100), 1.0) * mine, "max": gain.maximum(mine, 3),
        "mean": mine.mean(0), "accumulate": gain.add.accumulate(mine), "matmul": mine @ mine.T, "stack": gain.stack([mine, mine]),
        "clip": gain.clip(mine, 2, 9), "round": gain.round(mine), "like": gain.full_like(mine, 2) + mine, "square": mine**2, "reshape": (mine[::2].reshape(-1) + 0),
    }
    theirs[...] = -1
    x, y = right, numpy.zeros((50, 100))
    expected = {
        "sum": x + 1, "copy": x, "cast": x.astype("f4"), "same": x, "where": numpy.where(x > 7, x, 0), "turned": x.T, "ravel": x.T.ravel(),
        "divmod": x % 7, "array": x, "into": x, "into_part": x * 2, "order": x, "flatten": x.flatten(), "real": y, "bits": x.view("i8"),
        "mask": numpy.where(x > 3, x + 1, 0), "spread": x, "max": numpy.maximum(x, 3), "mean": x.mean(0), "accumulate": x.cumsum(0), "matmul": x @ x.T, "stack": numpy.stack([x, x]),
        "clip": numpy.clip(x, 2, 9), "round": x, "like": x + 2, "square": x * x, "reshape": x[::2].reshape(-1),
    }
    assert made.keys() == expected.keys()
    for name, value in made.items():
        assert numpy.allclose(numpy.asarray(value), expected[name], rtol=1e-12 if name != "cast" else 1e-6), name


@pytest.mark.parametrize("size", [60, 6000, 150_000])
def test_what_was_recorded_before_memory_was_shown(size):
    a = gain.arange(float(size))
    twice, copy, part = a * 2, a.copy(), a[3:9].copy()
    shown = numpy.asarray(a)
    later, again = a + 1, a.copy()
    shown[:] = -5
    assert float(twice[10]) == 20 and float(copy[10]) == 10 and float(part[1]) == 4
    assert float(later[10]) == 11 and float(again[10]) == 10 and float(a[10]) == -5 and float(a.sum()) == -5 * size
    copy[:] = 7
    assert (shown == -5).all() and float(copy[size - 1]) == 7
    a[1:] = a[:-1] + gain.arange(1, size)
    assert shown.tolist() == a.tolist() == [-5, *(i - 5 for i in range(1, size))]
    # Once it is shown to nobody, what is recorded waits again.
    del shown
    gc.collect()
    last = a + 1
    a[:] = 0
    assert float(last[5]) == 1 and float(a[5]) == 0


def test_two_arrays_over_overlapping_memory():
    """Assignments read before they write, whichever array they go through."""
    for first, second, dtype in itertools.product(["plain", "backwards", "turned", "stepped"], ["plain", "backwards", "turned", "stepped"], ["f8", "c16", "u1"]):
        for i, j in ((slice(None), slice(None)), (slice(1, None), slice(None, -1)), (slice(0, 2), slice(1, 3))):
            whole = numbers(dtype, (6, 6))
            right = whole.copy()
            views = [LAYOUTS[name](whole) for name in (first, second)]
            others = [LAYOUTS[name](right) for name in (first, second)]
            for x, y in ([gain.asarray(view) for view in views], views and [gain.asarray(views[0]), gain.asarray(memoryview(views[1]))]):
                a, b = x[i], y[j]
                c, d = others[0][i], others[1][j]
                try:
                    c[...] = d * 2
                except ValueError:
                    continue
                a[...] = b * 2
                assert whole.tolist() == right.tolist()
                a[...] = b
                c[...] = d
                assert whole.tolist() == right.tolist()
                numpy.add(c, d, out=c)
                gain.add(a, b, out=a)
                assert whole.tolist() == right.tolist()


def test_our_own_memory_comes_back():
    a = gain.arange(100.0)
    b = gain.asarray(numpy.asarray(a)[::-1])
    assert gain.shares_memory(a, b) and not gain.shares_memory(a[::2], b[::2]) and gain.may_share_memory(a[::2], b[::2])
    b[1:] = a[1:]
    right = numpy.arange(100.0)
    right[::-1][1:] = right[1:].copy()
    assert a.tolist() == right.tolist() and b.tolist() == right[::-1].tolist()


def test_several_results_into_operands():
    for outs in ((0, None), (None, 0), (0, 1), (1, 0)):
        theirs, right = [numpy.arange(10.0) + 0.25, numpy.ones(10)], [numpy.arange(10.0) + 0.25, numpy.ones(10)]
        mine = [gain.asarray(x) for x in theirs]
        made = gain.divmod(mine[0], 3, out=tuple(None if i is None else mine[i] for i in outs))
        want = numpy.divmod(right[0], 3, out=tuple(None if i is None else right[i] for i in outs))
        assert [x.tolist() for x in made] == [x.tolist() for x in want] and [x.tolist() for x in theirs] == [x.tolist() for x in right]


class Buffer(bytearray):
    """A buffer that can be watched."""


def test_memory_lives_as_long_as_it_is_used():
    def watched():
        theirs = numpy.frombuffer(Buffer(800)).view()
        return theirs, weakref.ref(theirs.base.obj if isinstance(theirs.base, memoryview) else theirs.base.base.obj)

    theirs, alive = watched()
    mine = gain.asarray(theirs)
    part = mine[10:20]
    del theirs, mine
    gc.collect()
    part += 3
    assert alive() is not None and part.tolist() == [3.0] * 10
    result = part * 2
    del part
    gc.collect()
    assert alive() is None and result.tolist() == [6.0] * 10
    theirs, alive = watched()
    for way in (gain.asarray, gain.asanyarray, gain.from_dlpack, lambda x: gain.frombuffer(x), lambda x: gain.array(x, copy=None), gain.ravel, lambda x: gain.transpose(x).T):
        before = sys.getrefcount(theirs)
        mine = way(theirs)
        assert gain.shares_memory(mine, theirs) and mine.base is not None, way
        theirs[0] += 1
        assert float(mine[0]) == theirs[0]
        assert alive() is not None
        del mine
        gc.collect()
        assert sys.getrefcount(theirs) == before
    # Ours, seen by others.
    for way in (numpy.asarray, memoryview, numpy.from_dlpack, lambda x: x.__array__(), lambda x: x.data, lambda x: x.ctypes):
        mine = gain.arange(50.0)
        alive, shown = weakref.ref(mine), way(mine)
        assert mine._memory()[2] is not None
        del mine
        gc.collect()
        assert alive() is not None
        if not hasattr(shown, "data_as"):
            assert float(shown[49]) == 49
        del shown
        gc.collect()
        assert alive() is None
    # Memory is shown no longer than it is had.
    mine = gain.arange(10.0)
    one, two = memoryview(mine), numpy.asarray(mine[2:])
    one.release()
    assert mine._memory()[2] is not None
    del two
    gc.collect()
    assert mine._memory()[2] is None


def test_buffers():
    for make in (lambda: bytearray(range(48)), lambda: bytes(range(48)), lambda: array.array("d", range(6)), lambda: memoryview(bytearray(48))):
        for dtype, count, offset in (("u1", -1, 0), ("f8", -1, 0), ("f4", 3, 8), ("c16", 1, 16), ("i2", -1, 2), ("f8", 2, 3), ("?", -1, 1), ("u1", 0, 5)):
            one, two = make(), make()
            mine, theirs = gain.frombuffer(one, dtype, count, offset), numpy.frombuffer(two, dtype, count, offset)
            alike(mine, theirs)
            assert mine.flags.writeable == theirs.flags.writeable
            if theirs.flags.writeable and theirs.flags.aligned and theirs.size:
                mine[...] = theirs[...] = 1
                assert bytes(one) == bytes(two)
            with pytest.raises(ValueError):
                gain.frombuffer(bytes(9), "f8")
    for arguments in ((b"12345678", "f8", 9), (b"123", "f8"), (3,), (bytearray(16), "f8", -1, 3), (b"12345678", "f8", -1, 9)):
        with pytest.raises(Exception) as want:  # noqa: B017 - as NumPy's
            numpy.frombuffer(*arguments)
        with pytest.raises(type(want.value)) as got:
            gain.frombuffer(*arguments)
        assert str(got.value) == str(want.value)
    for dtype in (">f8", "g", "M8[s]", "S4"):
        with pytest.raises(TypeError, match="gain has no arrays of dtype"):
            gain.frombuffer(bytes(16), dtype)
    grown = bytearray(16)
    held = gain.frombuffer(grown, "f8")
    with pytest.raises(BufferError):
        grown.append(1)
    del held
    grown.append(1)
    # The constructor, too.
    memory = bytearray(48)
    mine = gain.ndarray((2, 3), "i2", memory, 4, (12, 4))
    mine[1, 2] = 513
    assert numpy.ndarray((2, 3), "i2", memory, 4, (12, 4))[1, 2] == 513 and not mine.flags.owndata
    # True is any byte but zero.
    odd = gain.frombuffer(bytearray([0, 1, 2, 255]), "?")
    assert odd.tolist() == [False, True, True, True] and (~odd).tolist() == [True, False, False, False]
    assert int(odd.sum()) == 3 and (odd & True).tolist() == odd.tolist() and (odd == odd.copy()).all()


def test_read_only_memory():
    theirs = numpy.arange(6.0)
    theirs.flags.writeable = False
    for mine in (gain.asarray(theirs), gain.from_dlpack(theirs), gain.frombuffer(bytes(48)), gain.asarray(theirs)[1:], gain.asarray(numpy.broadcast_to(theirs, (2, 6)))):
        assert not mine.flags.writeable
        for statement in ("x[0] = 1", "x += 1", "x.fill(3)", "x.flat[0] = 1", "x[...] = x", "g.add(x, 1, out=x)"):
            with pytest.raises(ValueError, match="read-only"):
                exec(statement, {"x": mine, "g": gain})
        with pytest.raises(ValueError, match="cannot set WRITEABLE flag to True of this array"):
            mine.flags.writeable = True
        assert (mine + 1).flags.writeable and mine.copy().flags.writeable
    # Whatever writes: not into memory that nobody may write.
    memory = numpy.arange(1.0, 7).astype(complex).tobytes()
    for statement in (
        "x.real = 1", "x.imag = 1", "x.flat = 1", "x[...] = 0", "x[0] = 0", "x.fill(0)", "x += 1", "x.real += 1", "x.real[0] = 9", "x.view('f8')[0] = 9", "m.add.at(x, [0], 1)",
        "m.cumsum(x, out=x)", "m.dot(x, x, out=x[0, ...])", "m.matmul(m.eye(6), x, out=x)", "m.sum(x, out=x[0:1].reshape(()))", "x.clip(0, 1, out=x)", "m.round(x, out=x)",
        "m.concatenate([x], out=x)", "m.stack([x], out=x[None])", "m.modf(x.real, out=(x.real, None))", "m.modf(x.real, out=(None, x.real))", "x.mean(out=x[0, ...])",
        "m.add.accumulate(x, out=x)", "m.add.reduceat(x, [0, 1, 2, 3, 4, 5], out=x)", "m.negative(x, x)", "m.add(x, 1, where=x.real > 2, out=x)", "m.var(x, out=x.real[0, ...])",
        "m.add.reduce(x, out=x[0, ...])", "m.multiply.outer(x[:1], x, out=x[None])", "x.sum(out=x[0, ...])", "m.prod(x, out=x[0, ...])", "x.T[...] = 1", "x[::-1] *= 2",
    ):
        mine = gain.frombuffer(memory, "c16")
        try:
            exec(statement, {"x": mine, "m": gain})
        except (ValueError, TypeError):
            pass
        else:
            assert False, statement
        assert memory == numpy.arange(1.0, 7).astype(complex).tobytes(), statement
    mine = gain.asarray(theirs)
    theirs.flags.writeable = True
    mine.flags.writeable = True
    mine[0] = 9
    assert theirs[0] == 9
    # And ours.
    own = gain.arange(6.0)
    own.flags.writeable = False
    for reader in (own, gain.broadcast_to(own, (3, 6))):
        assert memoryview(reader).readonly and not numpy.asarray(reader).flags.writeable
        with pytest.raises(BufferError):
            reader.__dlpack__()
        assert not numpy.from_dlpack(reader).flags.writeable
        with pytest.raises(TypeError):
            (ctypes.c_char * 8).from_buffer(reader)


def test_what_cannot_be_shared_is_copied():
    record = numpy.zeros(5, [("a", "u1"), ("b", "f8"), ("c", "u1")])
    padded = numpy.zeros(5, [("a", "c16"), ("b", "f8")])
    windows = numpy.ndarray((4, 3), "f8", numpy.arange(6.0), strides=(8, 8))
    for theirs in (record["b"], numpy.arange(4).astype(">i4"), padded["a"]):
        mine = gain.asarray(theirs)
        assert mine.tolist() == theirs.tolist() and mine.base is None and mine.flags.writeable
        with pytest.raises(ValueError, match="Unable to avoid copy while creating an array as requested"):
            gain.asarray(theirs, copy=False)
    aligned = numpy.zeros(5, [("a", "f8"), ("b", "f8")])
    mine = gain.asarray(aligned["b"])
    mine[:] = 3
    assert aligned["b"].tolist() == [3] * 5 and aligned["a"].tolist() == [0] * 5
    # One element at several places is not written by several threads.
    mine = gain.asarray(windows)
    assert mine.tolist() == windows.tolist() and not mine.flags.writeable and gain.shares_memory(mine, windows)
    with pytest.raises(ValueError, match="cannot set WRITEABLE flag to True of this array"):
        mine.flags.writeable = True


@pytest.mark.parametrize("call", [
    "m.asarray(x, copy=False)", "m.asarray(x, copy=True)", "m.asarray(x, copy=None)", "m.array(x, copy=False)", "m.array(x, copy=None)", "m.array(x)",
    "m.asarray(x, 'f4', copy=False)", "m.asarray(x, 'f4')", "m.asarray(x, order='F')", "m.asarray(x, order='F', copy=False)", "m.asarray(x.T, order='F', copy=False)",
    "m.asarray([1, 2], copy=False)", "m.asarray(3, copy=False)", "m.asarray(memoryview(x), copy=False)", "m.asarray(x, 'f8', copy=False)", "m.asanyarray(x, copy=False)",
    "m.ascontiguousarray(x)", "m.asfortranarray(x)", "m.asarray(H(x))", "m.asarray(H(x), copy=False)", "m.asarray(I(x), copy=False)", "m.copy(x)", "m.asarray([x, x])",
    "m.ravel(x)", "m.reshape(x, (3, 2))", "m.transpose(x)", "m.squeeze(x)", "m.broadcast_to(x, (2, 2, 3))", "m.atleast_1d(x)", "m.moveaxis(x, 0, 1)",
    "m.from_dlpack(x)", "m.from_dlpack(x, copy=True)", "m.from_dlpack(x, copy=False)", "m.from_dlpack(x, device='cpu')", "m.from_dlpack(x, device='gpu')", "m.from_dlpack(3)",
    "m.from_dlpack(x.astype('>f8'))",
])
def test_copy_means_what_numpy_means(call):
    class HasArray:
        def __init__(self, x):
            self.x = x

        def __array__(self, dtype=None, copy=None):
            return numpy.array(self.x, dtype, copy=copy)

    class HasInterface:
        def __init__(self, x):
            self.x, self.__array_interface__ = x, x.__array_interface__

    def outcome(m):
        x = numpy.arange(6.0).reshape(2, 3)
        try:
            made = eval(call, {"m": m, "x": x, "H": HasArray, "I": HasInterface})
        except Exception as error:  # noqa: BLE001 - compared
            return type(error), str(error)
        return made.tolist(), made.dtype, bool(m.shares_memory(made, x)), made.flags.writeable

    assert outcome(gain) == outcome(numpy)


@pytest.mark.filterwarnings("ignore")
def test_functions_share_what_numpys_share():
    wrong = []
    for name in sorted(set(dir(gain)) & set(dir(numpy)) - {"broadcast_arrays"}):
        ours, theirs = getattr(gain, name), getattr(numpy, name)
        if name.startswith("_") or not callable(ours) or isinstance(ours, type):
            continue
        makers = (numpy.arange(6.0).reshape(2, 3), numpy.arange(6).reshape(2, 3), numpy.arange(6) > 2, numpy.arange(6) * 1j, numpy.array(3.0))
        for maker, more in itertools.product(makers, ((), (1,), (0,), ((3, 2),), (0, 1), ("f8",), (None, None))):
            x, y = maker.copy(), maker.copy()
            try:
                with numpy.errstate(all="ignore"):
                    made, want = ours(x, *more), theirs(y, *more)
            except Exception:  # noqa: BLE001, S112 - other tests compare errors
                continue
            for a, b in zip(*(value if isinstance(value, (tuple, list)) else [value] for value in (made, want))):
                if isinstance(b, numpy.ndarray) and isinstance(a, gain.ndarray):
                    found, right = (gain.shares_memory(a, x), a.flags.writeable), (numpy.shares_memory(b, y), b.flags.writeable)
                    wrong += [(name, x.dtype, x.shape, more, found, right)] if found != right else []
    assert not wrong


def test_errors_of_the_buffer_protocol():
    def asked(x, flags):
        view = (ctypes.c_byte * 256)()
        try:
            ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(x), view, flags)
        except Exception as error:  # noqa: BLE001 - compared
            return type(error), str(error)
        ctypes.pythonapi.PyBuffer_Release(view)
        return "had"

    views = [lambda x: x, lambda x: x[:, ::2], lambda x: x.T, lambda x: x[1:2], lambda x: x[0:0], lambda x: x[1, 2:3]]
    for view, flags in itertools.product(views, (0, 1, 4, 8, 0x18, 0x38, 0x58, 0x98, 0x9D, 0x11C, 0x11D)):
        for writeable in (True, False):
            both = [view(gain.array(numpy.ones((3, 4)))), view(numpy.ones((3, 4)))]
            for x in both:
                x.flags.writeable = writeable
            assert asked(both[0], flags) == asked(both[1], flags), (flags, both[1])
    gc.collect()
    kept = gain.arange(3.0)
    asked(kept, 0)
    assert kept._memory()[2] is None and bytes(kept) == numpy.arange(3.0).tobytes()


def test_iteration_sees_what_others_write():
    theirs = numpy.arange(1000)
    mine = gain.asarray(theirs)
    for walk in (iter(mine), mine.flat):
        theirs[:] = numpy.arange(1000)
        found = []
        for at, element in enumerate(walk):
            found.append(int(element))
            theirs[at + 1 : at + 3] = -at
        assert found == [0, *(-at for at in range(999))]


def test_threads():
    """Own memory shown and let go, foreign memory read and written, by several threads at once."""
    failures = []

    def work(number):
        try:
            for turn in range(60):
                size = 10 + 997 * (turn % 3) + number
                theirs = numpy.full(size, float(number))
                mine, own = gain.asarray(theirs), gain.full(size, 2.0)
                shown = numpy.asarray(own)
                mine += own
                own[...] = mine * 2
                other = own + mine
                shown += 1
                assert (theirs == number + 2).all() and (shown == 2 * number + 5).all() and float(other.sum()) == size * (3 * number + 6)
                del shown
                assert float((own - mine)[size - 1]) == number + 3
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    # All read one array that everybody sees.
    common = gain.zeros(2000)
    seen = numpy.asarray(common)

    def count():
        for _ in range(100):
            common[...] += 1
            assert float(common[0]) <= 100 and seen[1999] <= 100

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)] + [threading.Thread(target=count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures and (seen == 100).all()


def test_forks():
    theirs = numpy.arange(100.0)
    mine, own = gain.asarray(theirs), gain.arange(200_000.0)
    shown = numpy.asarray(own)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            mine += 1
            own[...] = own * 2
            shown[0] = 5
            code = 0 if theirs[99] == 100 and shown[10] == 20 and float(own[0]) == 5 and float(mine.sum()) == 5050 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert theirs[99] == 99 and shown[10] == 10 and float(own[0]) == 0


def test_memory_outlives_the_runtime():
    done = jobs.script(
        """
        import numpy, gain as np
        x, small = np.arange(300_000.0), np.arange(5.0)
        seen, little, foreign = numpy.asarray(x), memoryview(small), np.asarray(numpy.ones(4))
        np.finalize()
        print(seen[299_999], little[4], seen.sum() == 299_999 * 150_000)
        """,
        0,
    )
    assert (done.returncode, done.stdout.split()) == (0, ["299999.0", "4.0", "True"]), done.stderr


def test_shares_memory():
    a, n = gain.arange(24.0).reshape(4, 6), numpy.arange(24.0).reshape(4, 6)
    views = [lambda x: x, lambda x: x[::2], lambda x: x[1::2], lambda x: x[:, 1:3], lambda x: x[:, 3:], lambda x: x.T, lambda x: x[0:0], lambda x: x.view("i4")[:, ::2], lambda x: x.view("i4")[:, 1::2], lambda x: x[::-1, 2]]
    for one, two in itertools.product(views, views):
        for name in ("shares_memory", "may_share_memory"):
            assert getattr(gain, name)(one(a), two(a)) == getattr(numpy, name)(one(n), two(n))
            assert getattr(numpy, name)(one(a), two(a)) == getattr(numpy, name)(one(n), two(n))
    assert not gain.shares_memory(a, n) and not gain.shares_memory(a, a.copy()) and gain.shares_memory(n, n)
    assert gain.shares_memory(a, numpy.asarray(a)) and gain.shares_memory(gain.asarray(n), n[1:]) and not gain.shares_memory(gain.asarray(n[0]), n[1:])


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
@pytest.mark.parametrize("threshold", [None, 0])
def test_on_several_ranks_copies_are_made(ranks, threshold):
    done = jobs.script(
        """
        import numpy, gain as np
        ranks = np.ranks()
        is_shared = ranks == 1
        def raises(kind, text, call):
            try:
                call()
            except kind as error:
                assert text in str(error), error
            else:
                assert is_shared
        theirs = numpy.arange(60.0).reshape(6, 10)
        frozen = theirs[::2]
        frozen.flags.writeable = False
        for view in (theirs, theirs.T, theirs[::-1, ::3], frozen):
            mine = np.asarray(view)
            right, made = view.copy(), mine + 1
            assert mine.tolist() == right.tolist() and mine.flags.writeable == view.flags.writeable
            assert np.shares_memory(mine, view) == is_shared
            theirs += 1
            assert (mine.tolist() == view.tolist()) == is_shared and made.tolist() == (right + 1).tolist()
            raises(ValueError, "Unable to avoid copy while creating an array as requested.", lambda: np.asarray(view, copy=False))
            raises(ValueError, "Unable to avoid copy while creating an array as requested.", lambda: np.from_dlpack(view, copy=False))
        assert not np.frombuffer(bytes(16)).flags.writeable and np.frombuffer(bytearray(16)).flags.writeable
        own = np.arange(60.0).reshape(6, 10) * 2
        right = numpy.arange(60.0).reshape(6, 10) * 2
        text = "on several ranks"
        raises(BufferError, text, lambda: memoryview(own))
        raises(BufferError, text, lambda: own.data)
        raises(BufferError, text, lambda: own.ctypes)
        raises(BufferError, text, lambda: own.__dlpack__(copy=False))
        raises(ValueError, "Unable to avoid copy while creating an array as requested.", lambda: own.__array__(copy=False))
        raises(ValueError, "Unable to avoid copy while creating an array as requested.", lambda: numpy.asarray(own, copy=False))
        for way in (numpy.asarray, numpy.from_dlpack, lambda x: x.__array__(), lambda x: numpy.from_dlpack(x, copy=True), numpy.array, lambda x: x.numpy()):
            shown = way(own)
            assert shown.tolist() == right.tolist() and shown.flags.writeable
            kept = shown[0, 0]
            own[0, 0] = -1
            assert shown[0, 0] == (-1 if is_shared and numpy.shares_memory(shown, numpy.asarray(own)) else kept)
            own[0, 0] = kept
        again = np.from_dlpack(own)
        again[1] = 3
        right[1] = 3
        assert own.tolist() == right.tolist() and np.shares_memory(again, own) and not np.shares_memory(np.from_dlpack(own, copy=True), own)
        assert np.shares_memory(own[1:], own[:2]) and not np.shares_memory(own[1:], own[:1])
        np.barrier()
        print("done")
        """,
        ranks,
        {} if threshold is None else {"GAIN_THRESHOLD": str(threshold)},
    )
    assert (done.returncode, done.stdout.split()) == (0, ["done"]), done.stderr
