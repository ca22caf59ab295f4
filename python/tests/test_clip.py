"""`clip`, the ufunc of three inputs, `where`, and what ufuncs tell of themselves."""

import copy
import itertools
import pickle
import warnings

import numpy
import pytest

import gain
import jobs

TYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]
UFUNCS = [name for name, thing in vars(gain).items() if isinstance(thing, gain.ufunc) and isinstance(getattr(numpy, name, None), numpy.ufunc)]


def outcome(text, np, **names):
    """The value, or the exception, and the warnings."""
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        try:
            made = eval(text, {"np": np, "clip": np._core.umath.clip if np is numpy else np._elementwise.ufuncs["clip"], **names})
            made = made.numpy() if isinstance(made, gain.ndarray) else made
        except Exception as error:  # noqa: BLE001 - compared with NumPy's
            made = error
    return made, sorted({str(one.message) for one in log})


def agree(text, **names):
    ours = {key: gain.array(x) if isinstance(x, numpy.ndarray) else x for key, x in names.items()}
    theirs = {key: x.copy() if isinstance(x, numpy.ndarray) else x for key, x in names.items()}
    expected, warned = outcome(text, numpy, **theirs)
    found, told = outcome(text, gain, **ours)
    if isinstance(expected, Exception):
        assert type(found).__name__ == type(expected).__name__ and str(found) == str(expected), (text, found, expected)
        return
    assert not isinstance(found, Exception), (text, found)
    assert told == warned, text
    if isinstance(expected, (numpy.ndarray, numpy.generic)):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape), (text, found.dtype, expected.dtype)
        is_float = expected.dtype.kind in "fc"
        assert numpy.array_equal(found, expected, equal_nan=is_float), (text, found, expected)
        if expected.dtype.kind == "f":
            numbers = ~numpy.isnan(expected)
            assert (numpy.signbit(found) == numpy.signbit(expected))[numbers].all(), (text, found, expected)
    else:
        assert found == expected, text
    for key, x in theirs.items():
        if isinstance(x, numpy.ndarray):
            assert numpy.array_equal(ours[key].numpy(), x, equal_nan=x.dtype.kind in "fc"), (text, key)


@pytest.mark.parametrize("dtype", TYPES)
def test_every_type(dtype):
    a = (numpy.arange(24).reshape(4, 6) % 7 - (0 if dtype[0] in "?u" else 3)).astype(dtype)
    low, high = a[::-1] // 2 if dtype[0] in "iu" else a[::-1], a[:, ::-1]
    for one, two in itertools.product(("1", "None", "low", "0.5", "np.int8(1)", "low[0]", "1j"), ("2", "None", "high", "2.5", "np.float32(2)", "high[:, :1]")):
        agree(f"np.clip(a, {one}, {two})", a=a, low=low, high=high)
        agree(f"a.clip({one}, {two})", a=a, low=low, high=high)
        agree(f"a.T[::2].clip(max={two})", a=a, low=low, high=high)
    for other in TYPES:
        like = (a if other[0] == "c" else a.real).astype(other)
        agree("np.clip(a, low, high)", a=a, low=like, high=like[0])
        agree("clip(a, low, high)", a=a, low=low, high=numpy.arange(6).astype(other))


@pytest.mark.parametrize("text", [
    "np.clip(u, -1, 300)", "np.clip(u, 300, 400)", "np.clip(u, -5, -3)", "np.clip(u, 0, 255)", "clip(u, -1, 300)", "np.clip(i, 2**70, None)",
    "np.clip(i, -2**63, 2**63)", "np.clip(f, 2**70, None)", "np.clip(n, 0, 1)", "np.clip(n, np.nan, 1)", "np.clip(n, 0, np.nan)",
    "np.clip(n, n[::-1], 2)", "np.clip(z, -0.0, 0.0)", "np.clip(z, z[::-1], 1.0)", "np.clip(z, -1.0, z[::-1])", "np.clip(f, 3, 1)",
    "np.clip(f, min=1)", "np.clip(f, max=2)", "np.clip(f, min=1, max=2)", "np.clip(f)", "np.clip(f, 1)", "np.clip(f, a_max=1)", "np.clip(f, 1, 2, min=1)",
    "np.clip(i, 0.5, 2.5)", "np.clip(i, 1, 2, out=f)", "np.clip(f, 1, 2, out=i)", "np.clip(f, 1, 2, out=i, casting='unsafe')", "np.clip(i, 0.5, 2.5, i, casting='unsafe')",
    "np.clip(f, 1, 2, out=f)", "np.clip(f, 1, 2, out=f, where=f > 2)", "np.clip(f, 1, 2, dtype='f4')", "np.clip(i, 1, 2, dtype='f8')", "np.clip(f, 1, 2, dtype='i4')",
    "np.clip(f, 1, 2, dtype='i4', casting='unsafe')", "np.clip(f, None, None)", "np.clip(i, None, None, out=f)", "np.clip(f, 1, 2, order='F')", "np.clip(3, 1, 2)",
    "np.clip([1, 5, 2], 2, 4)", "np.clip(f, [1, 2, 3, 4, 5], 4)", "np.clip(f, [1, 2], 3)", "np.clip(f, 1, 2, 3)", "np.clip(f, 1, 2, out=f[:2])", "np.clip(i, 1, 2, casting='no')",
    "np.clip(c, 1+1j, 2)", "np.clip(b, False, True)", "np.clip(b, 0, 1)", "clip(f, 1)", "clip(f, 1, 2, f, f)", "clip(f, 1, 2, out=(f,))", "clip(f, 'a', 2)", "clip(1, 2, 3)", "clip.reduce(f)",
    "clip.at(f, [0], 1)", "clip.outer(f, f)", "clip.accumulate(f)", "clip(i, 1, 2, casting='safe', out=i)", "np.add(w, w, out=g, where=w < 2)", "np.positive(w * 1, out=g, where=w < 2)",
    "np.clip(w, 0, None, out=g, where=w < 2)", "np.where(i > 1, i, 300)", "np.where(u > 1, u, 300)", "np.where(i > 1, 2.5, i)", "np.where([True, False], 1, 2)", "np.where(f, f, i)",
    "np.where(i > 1, f, c)", "np.where(b, u, i)", "np.where(b, 1j, f)", "np.where(b[:, None], f, i)", "np.where(f > 2, 1, f).T", "f.clip()", "f.clip(2)", "f.clip(None, 2)", "f.clip(1, 2, f)",
])  # fmt: skip
def test_bounds_types_and_keywords(text):
    agree(
        text, u=numpy.arange(250, 255).astype("u1"), i=numpy.arange(5), f=numpy.arange(5.0), n=numpy.array([0.5, numpy.nan, -numpy.inf, 3, 0]),
        z=numpy.array([0.0, -0.0, 0.0, -0.0]), c=numpy.arange(5) * (1 + 1j), b=numpy.arange(5) % 2 > 0, w=numpy.array([1, 1e300, 2, 0, 5]), g=numpy.zeros(5, "f4"),
    )  # fmt: skip


def test_it_is_one_operation():
    """Three inputs in one loop, recorded and fused; NumPy's ufunc on our arrays is ours."""
    a = gain.arange(300_000.0)
    made = (gain.clip(a + 1, 2, a * 0.5) * 2)[::-1]
    x = numpy.arange(300_000.0)
    assert numpy.array_equal(made.numpy(), (numpy.clip(x + 1, 2, x * 0.5) * 2)[::-1])
    ours = numpy._core.umath.clip(a, 2, 5)
    assert isinstance(ours, gain.ndarray) and ours.sum() == x.clip(2, 5).sum()
    assert isinstance(numpy.clip(a, 2, 5), gain.ndarray)
    clip = gain._elementwise.ufuncs["clip"]
    assert (clip.nin, clip.nout, clip.nargs, clip.identity, clip.signature) == (3, 1, 4, None, None)
    assert repr(clip) == "<ufunc 'clip'>"


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_on_several_ranks(ranks):
    made = jobs.script(
        """
        import numpy, gain as np
        x = numpy.arange(600).reshape(20, 30) % 17 - 5.0
        a = np.array(x)
        same = lambda one, two: numpy.array_equal(numpy.asarray(one), two) or exit((one, two))
        same(np.clip(a, -1, a[::-1]), numpy.clip(x, -1, x[::-1]))
        same(np.clip(a.T, a.T[0], 4)[::2], numpy.clip(x.T, x.T[0], 4)[::2])
        same(np.where(a > a[::-1], a, -a[:, ::-1]).sum(0), numpy.where(x > x[::-1], x, -x[:, ::-1]).sum(0))
        a[2:9].clip(0, 3, out=a[2:9]); x[2:9].clip(0, 3, out=x[2:9])
        same(a, x)
        np.clip(a, 1, 2, out=a, where=a[:, ::-1] > 3); numpy.clip(x, 1, 2, out=x, where=x[:, ::-1] > 3)
        same(a, x)
        """,
        ranks, {"GAIN_THRESHOLD": "0"},
    )
    assert made.returncode == 0, made.stderr


def test_ufuncs_tell_what_numpys_do():
    ours = set("?bhilqBHILQefdFD->")
    for name, (mine, theirs) in {**{name: (getattr(gain, name), getattr(numpy, name)) for name in UFUNCS},
                                 "clip": (gain._elementwise.ufuncs["clip"], numpy._core.umath.clip)}.items():
        for attribute in ("nin", "nout", "nargs", "identity", "signature", "__name__", "__doc__"):
            assert getattr(mine, attribute) == getattr(theirs, attribute), (name, attribute)
        assert mine.types == [loop for loop in theirs.types if set(loop) <= ours], name
        assert mine.ntypes == len(mine.types)
        assert pickle.loads(pickle.dumps(mine)) is copy.copy(mine) is mine


@pytest.mark.parametrize("name", UFUNCS)
def test_types_resolve_as_they_compute(name):
    """`resolve_dtypes` is NumPy's; what operations give is what it says."""
    mine, theirs = getattr(gain, name), getattr(numpy, name)
    weak = {int: 1, float: 1.0, complex: 1j}
    for given in itertools.product([*map(numpy.dtype, TYPES), *weak], repeat=theirs.nin):
        if all(one in weak for one in given):
            continue
        outputs = (None,) * theirs.nout
        results = []
        for ufunc in (theirs, mine):
            try:
                results.append(ufunc.resolve_dtypes(given + outputs))
            except TypeError as error:
                results.append(str(error))
        assert results[0] == results[1], (name, given)
        operands = [weak[one] if one in weak else gain.ones(2, one) for one in given]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                made = mine(*operands)
        except TypeError:
            assert isinstance(results[0], str) or "g" in "".join(one.char for one in results[0]), (name, given, results[0])
            continue
        assert not isinstance(results[0], str), (name, given, results[0])
        made = made if isinstance(made, tuple) else (made,)
        assert tuple(one.dtype for one in made) == results[0][theirs.nin:], (name, given)


def test_resolution_with_keywords():
    i2, f4 = numpy.dtype("i2"), numpy.dtype("f4")
    for name, given, keywords in [
        ("add", (i2, f4, None), {}), ("add", (i2, f4, None), {"signature": (numpy.dtype("f8"), None, None)}), ("add", (f4, f4, i2), {}),
        ("add", (f4, f4, i2), {"casting": "unsafe"}), ("add", (None, i2, None), {"reduction": True}), ("add", (i2, int, None), {}),
        ("logical_and", (None, f4, None), {"reduction": True}), ("subtract", (numpy.dtype("?"), numpy.dtype("?"), None), {}), ("add", (i2, f4), {}),
        ("less", (i2, f4, None), {"casting": "no"}), ("sin", (i2, None), {}), ("sin", (numpy.dtype("i1"), None), {}), ("divmod", (i2, f4, None, None), {}),
    ]:  # fmt: skip
        results = []
        for np in (numpy, gain):
            try:
                results.append(getattr(np, name).resolve_dtypes(given, **keywords))
            except Exception as error:  # noqa: BLE001 - compared
                results.append((type(error), str(error)))
        assert results[0] == results[1]


def test_dates_are_refused():
    for dtype in TYPES:
        with pytest.raises(TypeError, match="ufunc 'isnat' is only defined for np.datetime64 and np.timedelta64."):
            gain.isnat(gain.ones(2, dtype))
        with pytest.raises(TypeError, match="ufunc 'isnat' is only defined for np.datetime64 and np.timedelta64."):
            numpy.isnat(gain.ones(2, dtype))
