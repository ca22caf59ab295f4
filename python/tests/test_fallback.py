"""What is handed to NumPy is seen, and nothing is gathered in silence; what is refused says what to do instead."""

import json
import pickle
import warnings

import numpy
import pytest

import gain
import jobs


@pytest.fixture(autouse=True)
def as_it_was():
    before = gain.get_fallback()
    yield
    gain.set_fallback(before)


def test_a_warning_for_each_line():
    p = gain.array([1.0, -3.0, 2.0])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(3):
            assert gain.roots(p).tolist() == [2.0, 1.0]
        gain.roots(p), gain.poly(p)
        gain.roots([1, -3, 2])  # nothing of ours
    assert [str(one.message) for one in told] == [
        "roots gathered 24 bytes for NumPy", "roots gathered 24 bytes for NumPy", "poly gathered 24 bytes for NumPy",
    ]
    assert all(one.category is gain.FallbackWarning and one.filename == __file__ for one in told)


def test_errors_and_silence():
    p = gain.array([1.0, -3.0, 2.0])
    assert gain.set_fallback("error") == "warn" and gain.get_fallback() == "error"
    with pytest.raises(gain.FallbackError, match="roots would gather 24 bytes"):
        gain.roots(p)
    with pytest.raises(gain.FallbackError, match="polyroots would gather"):
        gain.polynomial.polynomial.polyroots(p)
    assert gain.roots([1, -3, 2]).tolist() == [2.0, 1.0]
    # Coefficients are few: what is on every rank is nobody's to gather.
    assert gain.polyval(p, gain.arange(3.0)).tolist() == [2.0, 0.0, 0.0]
    with pytest.raises(gain.FallbackError, match="polyval would gather"):
        gain.polyval(gain.zeros(100_000), 2.0)
    gain.set_fallback("silent")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gain.roots(p)
    with pytest.raises(ValueError, match="mode must be one of 'warn', 'error', or 'silent'"):
        gain.set_fallback("loud")


def test_masked_arrays_are_told_of():
    masked = numpy.ma.masked_array([1.0, 2.0], [False, True])
    with pytest.warns(gain.FallbackWarning, match="add of a MaskedArray gathered 16 bytes"):
        assert numpy.add(masked, gain.arange(2.0)).tolist() == [1.0, None]


@pytest.mark.parametrize("dtype, advice", [
    ("f16", "float64"), ("c32", "complex128"), (object, "NumPy array"), ("U3", "NumPy array"), ("S3", "NumPy array"),
    ("M8[s]", "int64"), ("m8[s]", "int64"), ([("a", int)], "field"), (">f8", "byte order"), ("V4", "field"),
])
def test_types_that_are_not_there(dtype, advice):
    theirs = numpy.zeros(3, dtype)
    for call in (
        lambda: gain.zeros(3, dtype), lambda: gain.arange(3).astype(dtype), lambda: gain.arange(4).view(dtype),
        lambda: gain.array([1, 2], dtype), lambda: gain.arange(3).getfield(dtype), lambda: gain.empty_like([1], dtype=dtype),
        lambda: gain.frombuffer(bytes(64), dtype),
    ):
        with pytest.raises(TypeError, match="gain has no arrays of dtype .*only of bools and numbers.*" + advice):
            call()
    if theirs.dtype.isnative:
        for call in (lambda: gain.array(theirs), lambda: gain.asarray(theirs)):
            with pytest.raises(TypeError, match="gain has no arrays of dtype .*" + advice):
                call()


def test_lists_of_distributed_arrays_are_not_gathered():
    done = jobs.script(
        """
        import numpy
        import gain as np
        np.set_fallback("error")
        a, b = np.arange(200_000.0), np.arange(200_000) * 2
        moved = lambda: np.stats()["bytes_moved"]
        np.barrier()
        before = moved()
        both = np.array([a, b])
        assert both.shape == (2, 200_000) and both.dtype == float and not both.is_replicated
        assert (both[0] == a).all() and (both[1] == b).all()
        nest = np.asarray([[a, b], (b, [0] * 200_000)], "f4")
        assert nest.shape == (2, 2, 200_000) and nest.dtype == np.float32 and float(nest[1, 0, -1]) == 399_998
        assert (np.stack([a, b]) == both).all() and ([a, b] == both).all() and (both + [a, b] == 2 * both).all()
        both[...] = [b, a]
        assert (both[0] == b).all()
        for wrong in ([a, b[1:]], [a, 1], [[a], b]):
            try:
                np.array(wrong)
                raise AssertionError("no error")
            except ValueError as error:
                assert "inhomogeneous" in str(error), error
        # Three times the operands cross from one rank to the other, as rows lie elsewhere than arrays do; no array thrice.
        assert moved() - before < 40e6, moved() - before
        """,
        ranks=3,
    )
    assert done.returncode == 0, done.stderr


def test_pickles_of_several_ranks_say_so():
    done = jobs.script(
        """
        import pickle, warnings
        import gain as np
        a = np.arange(200_000.0)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            text = pickle.dumps(a)
            pickle.dumps(np.arange(3))
            b = pickle.loads(text)
        assert (a == b).all()
        assert [str(one.message) for one in told] == ["pickling gathered 1600000 bytes for NumPy"], told
        np.set_fallback("error")
        try:
            pickle.dumps(a)
            raise AssertionError("no error")
        except np.FallbackError:
            pass
        try:
            a.__array_interface__
            raise AssertionError("no error")
        except AttributeError as error:
            assert "__array_interface__" in str(error)
        """,
        ranks=2,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("ranks", [0, 3])
def test_files(tmp_path, ranks):
    done = jobs.script(
        f"""
        import io, numpy, pickle
        import gain as np
        a = (np.arange(3_000_000) % 251).reshape(3, -1).astype("i4")
        theirs = a.numpy()
        np.set_fallback("silent")
        a.tofile({str(tmp_path / 'raw')!r})
        a.T[:, :2].dump({str(tmp_path / 'pickle')!r})
        a[:, :4].tofile({str(tmp_path / 'text')!r}, ", ", "%03d")
        np.barrier()
        assert (numpy.fromfile({str(tmp_path / 'raw')!r}, "i4") == theirs.ravel()).all()
        text = open({str(tmp_path / 'text')!r}).read()
        assert text == ", ".join("%03d" % x for x in theirs[:, :4].ravel()), text
        with open({str(tmp_path / 'pickle')!r}, "rb") as file:
            assert (pickle.load(file) == a.T[:, :2]).all()
        try:
            a.tofile({str(tmp_path / 'no' / 'such')!r})
            raise AssertionError("no error")
        except FileNotFoundError:
            pass
        """,
        ranks=ranks,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_iterators_that_write_are_told_of(ranks):
    """Spread arrays are gathered for them, visibly, and have what was written once they are closed."""
    done = jobs.script(
        """
        import warnings
        import gain as np, numpy
        a = np.arange(40.0).reshape(8, 5)
        np.set_fallback("error")
        try:
            np.nditer(a, op_flags=["readwrite"])
            assert np.ranks() == 1
        except np.FallbackError:
            assert np.ranks() > 1
        assert [x.item() for x in np.nditer(a.T[1:])] == numpy.arange(40).reshape(8, 5)[:, 1:].ravel().tolist()
        np.set_fallback("warn")
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            with np.nditer([a[1:], a[:-1], None], ["external_loop", "buffered"], [["readwrite"], ["readonly"], ["writeonly", "allocate"]], buffersize=7) as it:
                for x, y, z in it:
                    z[...] = x
                    x += 100
                made = it.operands[2]
            assert len(told) == (np.ranks() > 1), told
        theirs = numpy.arange(40.0).reshape(8, 5)
        assert (made == theirs[1:]).all()
        theirs[1:] += 100
        assert (a == theirs).all()
        """,
        ranks=ranks, environment={"GAIN_THRESHOLD": "0"},
    )
    assert done.returncode == 0, done.stderr


def test_overlapping_views_are_written_by_assignment_alone():
    a = gain.arange(6.0)
    v = gain.lib.stride_tricks.sliding_window_view(a, 3, writeable=True)
    for write in (lambda: v.fill(1), lambda: v.__iadd__(1), lambda: gain.add(v, 1, out=v), lambda: v.put(0, 1), lambda: gain.add.at(v, ([0], [0]), 1)):
        with pytest.raises(ValueError, match="several places|read-only"):
            write()
    assert a.tolist() == list(range(6))
    theirs = numpy.arange(6.0)
    over = gain.asarray(theirs)
    windows = gain.lib.stride_tricks.sliding_window_view(over, 2, writeable=True)
    windows[:, 0] = windows[:, 0] * 10
    windows[3:] = 7
    assert theirs.tolist() == [0, 10, 20, 7, 7, 7]


@pytest.mark.parametrize("ranks", [0, 2, 3])
def test_windows_of_large_arrays(ranks):
    """Windows over blocks of several ranks: read, reduced and written, against NumPy."""
    from test_corpus import agrees

    setup = "a = np.arange(120_000) * 7 % 1009; m = a.reshape(400, 300); window = np.lib.stride_tricks.sliding_window_view; "
    lines = [
        "window(a, 5).sum(-1)", "window(a, 5).max(1)[::100]", "window(m, (3, 3)).sum((2, 3))", "window(m, 4, axis=0)[:, ::7].min(-1)",
        "window(m, (2, 2))[::50, ::50] * 2 + 1", "window(a, 3)[::-1, ::-1][1000:1010]", "window(m, (20, 30))[::20, ::30].mean((-1, -2))",
        "window(a, 4) @ np.array([1, 2, 3, 4])", "np.lib.stride_tricks.as_strided(m, (300,), (301 * 8,))",
        "v = window(a, 3, writeable=True); v[::2, 1] = -1; v[7] = [1, 2, 3]; a",
        "v = window(a, 3, writeable=True); v[...] = np.arange(3); a", "v = window(m, (2, 2), writeable=True); v[::3] = v[::3] + 5; m",
        "np.repeat(a, a % 3)", "np.repeat(m, np.arange(300) % 2, 1)", "np.tril_indices(300)", "np.repeat(a[:70_000], np.arange(70_000) % 4)",
        "m.byteswap()", "m.T.getfield('i2', 2)", "b = m.copy(); b.resize(500, 300); b", "b = m.copy(); b.resize(100); b",
        "np.polyfit(a / 1009, m.ravel() * 1.0, 1)", "np.emath.sqrt(500 - a)", "np.polynomial.chebyshev.chebval(a / 1009, [1, 2, 3])",
        "np.polynomial.Polynomial.fit(a / 1009, a * 1.0, 1)(a[:5])", "np.polynomial.legendre.legvander(a / 1009, 3)",
    ]
    sources = [setup + line for line in lines]
    agrees(sources, [one[0] for one in jobs.outcomes("numpy", ["import numpy.polynomial; " + source for source in sources])], ranks, None, True)


def test_comparisons_of_testing():
    big = numpy.arange(100_000.0)
    cases = [
        ("assert_allclose", big, big * (1 + 1e-9)), ("assert_allclose", big, big * (1 + 1e-5)), ("assert_array_equal", big, big + 1),
        ("assert_equal", big, 5), ("assert_array_less", big, big + 1), ("assert_array_less", big, big), ("assert_equal", big, big[1:]),
        ("assert_almost_equal", big, big + 1e-9), ("assert_array_almost_equal", big, big + 1e-3), ("assert_equal", big[:3], big[:3]),
        ("assert_equal", {"a": big}, {"a": big + 1}), ("assert_equal", [big, 1], [big, 2]), ("assert_array_max_ulp", big[:3], big[:3] + 1),
    ]

    def ours(x):
        if isinstance(x, numpy.ndarray):
            return gain.array(x)
        return [ours(item) for item in x] if isinstance(x, list) else {k: ours(v) for k, v in x.items()} if isinstance(x, dict) else x

    def outcome(module, name, one, two):
        try:
            return getattr(module.testing, name)(one, two) is not None and "value"
        except AssertionError as error:
            return str(error)

    gain.set_fallback("silent")
    for name, one, two in cases:
        assert outcome(gain, name, ours(one), ours(two)) == outcome(numpy, name, one, two), name
    gain.set_fallback("error")
    gain.testing.assert_allclose(ours(big), ours(big))
    with pytest.raises(AssertionError, match="arrays differ"):
        gain.testing.assert_allclose(ours(big), ours(big + 1))


def test_modules_of_names():
    import gain.lib.stride_tricks as tricks
    from gain.polynomial.chebyshev import chebval

    assert tricks.as_strided is gain.lib.stride_tricks.as_strided and chebval(2.0, [1, 2]) == 5.0
    for name in ("stride_tricks", "array_utils", "mixins", "index_tricks", "NumpyVersion", "introspect", "scimath"):
        assert hasattr(gain.lib, name)
    assert gain.dtypes is numpy.dtypes and gain.exceptions is numpy.exceptions
    assert gain.polynomial.Polynomial([1, 2]).coef.tolist() == [1.0, 2.0]
    with pytest.raises(TypeError, match="JSON"):
        json.dumps(gain.arange(3))
    assert {name for name in dir(numpy.ndarray) if not name.startswith("_")} - {
        "argpartition", "argsort", "partition", "searchsorted", "sort",
    } <= set(dir(gain.ndarray))
    assert pickle.loads(gain.arange(3).dumps()).tolist() == [0, 1, 2]


def test_a_mixin_of_operators():
    class Length(gain.lib.mixins.NDArrayOperatorsMixin):
        def __init__(self, value):
            self.value = gain.asarray(value)

        def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
            return Length(getattr(ufunc, method)(*(x.value if isinstance(x, Length) else x for x in inputs), **keywords))

    made = -(Length([1, 2]) * 3 + gain.arange(2))
    assert isinstance(made.value, gain.ndarray) and made.value.tolist() == [-3, -7]
