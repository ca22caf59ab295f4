"""Reductions: accuracy whatever the axis, the layout and the number of ranks; numbers that small paths must agree on."""

import warnings

import numpy
import pytest

import gain
import jobs


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_sums_are_pairwise_over_any_axis(ranks):
    """float32 and complex64 against float64; one after the other, 2^18 numbers near 0.1 lose three digits."""
    done = jobs.script(
        """
        import sys
        import gain, numpy

        N, EPSILON = 1 << 18, 2.0**-23
        wrong = []
        for dtype in (numpy.float32, numpy.complex64):
            near = 0.1 + numpy.random.default_rng(1).random(4 * N) * 1e-3
            flat = (near * (1 + 2j) if dtype is numpy.complex64 else near).astype(dtype)
            views = {
                "tall": (lambda x: x[:2 * N].reshape(N, 2), (0,)),
                "wide": (lambda x: x[:2 * N].reshape(2, N), (1,)),
                "tall, transposed": (lambda x: x[:2 * N].reshape(N, 2).T, (1,)),
                "middle": (lambda x: x[:2 * N].reshape(2, N // 4, 4), (1,)),
                "outer two": (lambda x: x[:2 * N].reshape(512, N // 512, 2), (0, 1)),
                "every second row": (lambda x: x.reshape(2 * N, 2)[::2], (0,)),
                "every second column": (lambda x: x[:2 * N].reshape(N // 2, 4)[:, ::2], (0,)),
                "backwards": (lambda x: x[:2 * N].reshape(N, 2)[::-1], (0,)),
                "all": (lambda x: x[:N], None),
            }
            ours = gain.array(flat)
            for name, (view, axes) in views.items():
                wide = view(flat).astype(numpy.complex128)
                exact = wide.sum(axes)
                count = wide.size / exact.size
                bound = EPSILON * (8 + 2 * numpy.log2(count)) * numpy.abs(wide).sum(axes)
                for what, made, times in (
                    ("sum", view(ours).sum(axes), 1), ("mean", view(ours).mean(axes), count),
                    ("sum of an expression", (view(ours) * 2).sum(axes), 0.5),
                ):
                    if not (numpy.abs(numpy.asarray(made) * times - exact) <= bound).all():
                        wrong.append((dtype.__name__, name, what))
        norms = numpy.asarray((gain.array(near.astype("f4").reshape(-1, 2)) ** 2).sum(0))
        if not numpy.allclose(norms, (near.astype("f4").reshape(-1, 2).astype(float) ** 2).sum(0), rtol=3e-6):
            wrong.append("norm")
        sys.exit(str(wrong) if wrong else 0)
        """,
        ranks,
        {"GAIN_THRESHOLD": "0"},
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("dtype", ["?", "i1", "u8", "f2", "f4", "f8", "c16"])
@pytest.mark.parametrize("size", [1, 10, 100, 1000, 2049, 20000])
def test_small_and_large_agree_with_numpy(dtype, size):
    """Sizes on both sides of what is computed at once: values and types."""
    numbers = numpy.random.default_rng(size).integers(0, 7, size).astype(dtype)
    ours = gain.array(numbers)
    for name in ("sum", "min", "max", "any", "all", "mean", "argmin", "argmax", "var", "count_nonzero"):
        for keywords in ({}, {"axis": 0}, {"axis": -1}, {"axis": None}):
            with numpy.errstate(all="ignore"):
                want, made = getattr(numpy, name)(numbers, **keywords), getattr(gain, name)(ours, **keywords)
            if (name, dtype) == ("var", "f2"):
                want = numpy.var(numbers.astype("f4")).astype(dtype)  # NumPy's sum of squares overflows
            close = 1e-2 if want.dtype == "f2" else 1e-5
            assert numpy.allclose(want, made, rtol=close) and numpy.asarray(made).dtype == numpy.asarray(want).dtype, name
    with pytest.raises(numpy.exceptions.AxisError):
        ours.sum(axis=1)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "c16"])
def test_extremes_of_nans(dtype):
    """`fmin` and `fmax` of nothing but NaNs are NaN; a NaN is where `argmin` and `argmax` point."""
    numbers = numpy.arange(24.0).reshape(2, 3, 4).astype(dtype)
    numbers[:, 1, 2] = numpy.nan
    numbers[0, :, 3] = numpy.nan
    numbers[1, 2] = numpy.nan
    ours = gain.array(numbers)
    for axis in (0, 1, 2):
        for name in ("fmin", "fmax"):
            want = getattr(numpy, name).reduce(numbers, axis)
            assert numpy.array_equal(want, numpy.asarray(getattr(gain, name).reduce(ours, axis)), equal_nan=True)
        for name in ("argmin", "argmax"):
            want = getattr(numpy, name)(numbers, axis)
            assert numpy.array_equal(want, numpy.asarray(getattr(gain, name)(ours, axis)))


@pytest.mark.parametrize("axes", range(1, 8))
def test_indices_of_views_of_many_axes(axes):
    """`argmin` and `argmax` of stepped, turned and permuted views, with equal elements, over all axes and each."""
    random = numpy.random.default_rng(axes)
    numbers = random.integers(0, 3, (5,) * axes if axes < 5 else (3,) * axes)
    ours = gain.array(numbers)
    key = tuple(slice(None, None, [2, -1, 1][axis % 3]) for axis in range(axes))
    order = tuple(int(axis) for axis in random.permutation(axes))
    numbers, ours = numbers[key].transpose(order), ours[key].transpose(order)
    for axis in (None, *range(axes)):
        for name in ("argmin", "argmax"):
            want, made = getattr(numpy, name)(numbers, axis), getattr(gain, name)(ours, axis)
            assert numpy.array_equal(want, numpy.asarray(made)), (name, axis)


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("dtype", ["?", "i4", "f2", "f4", "f8", "c8", "c16"])
def test_variances(dtype, ddof):
    """`var` and `std` over axes, kept or not, and with a type asked for."""
    numbers = numpy.random.default_rng(3).integers(0, 9, (6, 50, 7))
    numbers = (numbers * (1 + 0.5j) if dtype[0] == "c" else numbers).astype(dtype)
    ours = gain.array(numbers)
    for axis in (None, 0, 1, 2, (0, 2), ()):
        if axis == () and ddof == 1:
            continue  # Nothing is left to divide by.
        for keepdims in (False, True):
            for name in ("var", "std"):
                want = getattr(numpy, name)(numbers, axis, ddof=ddof, keepdims=keepdims)
                made = numpy.asarray(getattr(gain, name)(ours, axis, ddof=ddof, keepdims=keepdims))
                assert made.shape == want.shape and made.dtype == want.dtype, (name, axis)
                assert numpy.allclose(made, want, rtol={"e": 1e-2, "f": 1e-4}.get(want.dtype.char, 1e-12)), (name, axis)
    if dtype[0] != "c":
        assert gain.var(ours, 1, "f4").dtype == numpy.float32


def outcome(module, call):
    """The warnings of a computation, sorted, and its error, if any."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            numpy.asarray(call(module))
        except Exception as error:
            return type(error), str(error)
    return sorted({str(warning.message) for warning in told})


@pytest.mark.parametrize("shape", [(5,), (300,), (70_000,), (3, 4), (7, 300), (400, 400), (5000, 3), (2, 100_000), (9, 30, 40)])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "c8", "c16"])
def test_floating_point_exceptions(dtype, shape):
    """Of small rows, strips, and pieces of a reduced axis; of what lies in memory and of expressions."""
    large = numpy.full(shape, numpy.finfo(dtype).max * 0.9, dtype)
    with_nan = numpy.ones(shape, dtype)
    with_nan.flat[0] = numpy.nan
    for axis in (None, *range(len(shape))):
        opposite = numpy.ones(shape, dtype)
        opposite[(0,) * len(shape)] = numpy.inf
        opposite[tuple(-1 if axis in (None, d) else 0 for d in range(len(shape)))] = -numpy.inf
        for numbers in (large, with_nan, opposite):
            for name in ("sum", "mean", "min", "max", "argmax"):
                for call in (
                    lambda m: getattr(m.asarray(numbers), name)(axis=axis),  # noqa: B023
                    lambda m: getattr(m.asarray(numbers) * 2, name)(axis=axis),  # noqa: B023
                ):
                    assert outcome(gain, call) == outcome(numpy, call), (name, axis, numbers.flat[0])


def ignored(m):
    """A product that may overflow, in a sum that may not."""
    with numpy.errstate(all="ignore"):
        products = m.asarray(numpy.full(3000, 1e200)) * m.asarray(numpy.full(3000, 1e200))
    return products.sum()


def raised(m):
    """A sum that may not overflow at all."""
    with numpy.errstate(all="raise"):
        return m.sum(m.asarray(numpy.full((500, 500), 1e308)), axis=0)


@pytest.mark.parametrize("call", [
    ignored,
    raised,
    lambda m: m.var(m.arange(4.0), ddof=4),
    lambda m: m.var(m.ones(4), ddof=5),
    lambda m: m.var(m.ones((0, 3)), axis=0),
    lambda m: m.argmax(m.ones((3, 4)), axis=0, out=m.zeros(4)),
    lambda m: m.argmax(m.ones((3, 4)), axis=0, out=m.zeros(3)),
    lambda m: m.argmin(m.ones((3, 4)), axis=0, out=m.zeros(4, "u8")),
    lambda m: m.argmin(m.ones((3, 4)), axis=0, out=m.zeros(4, "i4")),
    lambda m: m.max(m.arange(3), initial=numpy.nan),
    lambda m: m.sum(m.arange(3), initial=numpy.inf),
    lambda m: m.max(m.arange(3), initial=1e30),
    lambda m: m.max(m.arange(3), initial=2.5),
    lambda m: m.max(m.arange(3), initial=2j),
    lambda m: m.min(m.arange(3, dtype="i1"), initial=numpy.float64(300)),
])
def test_warnings_and_errors(call):
    """As NumPy's, in text and class."""
    assert outcome(gain, call) == outcome(numpy, call)
