"""float16: every half there is, against NumPy; sums, products, conversions, warnings; the same on several ranks."""

import warnings

import numpy
import pytest

import gain
import jobs

rng = numpy.random.default_rng(5)
ALL = numpy.arange(65536, dtype="u2").view("f2")
NUMBERS = ALL[~(numpy.isnan(ALL))]
TYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]
# Which NumPy computes with operations that are exact, or exact but for one rounding.
EXACT = """negative positive absolute fabs sign rint floor ceil trunc sqrt square reciprocal isnan isinf isfinite signbit
logical_not conjugate degrees radians deg2rad rad2deg spacing modf frexp""".split()
FUNCTIONS = """cbrt exp exp2 expm1 log log2 log10 log1p sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh
arctanh""".split()
PAIRS = """add subtract multiply divide maximum minimum fmax fmin fmod heaviside copysign nextafter less less_equal
greater greater_equal equal not_equal logical_and logical_or logical_xor remainder divmod""".split()


def same(found, expected, steps=0):
    """Bits alike, NaNs apart, up to so many steps from half to half."""
    found, expected = numpy.asarray(found), numpy.asarray(expected)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    if expected.dtype != numpy.float16:
        return numpy.allclose(found, expected, 1e-13 if steps else 0, 0, equal_nan=expected.dtype.kind == "f")
    numbers = ~numpy.isnan(expected)
    if not (numpy.isnan(found) == ~numbers).all():
        return False
    found, expected = found[numbers].view("i2").astype(int), expected[numbers].view("i2").astype(int)
    return (abs(found - expected) <= steps).all()


def both(name, *inputs):
    with numpy.errstate(all="ignore"):
        found = getattr(gain, name)(*[gain.asarray(x) if isinstance(x, numpy.ndarray) else x for x in inputs])
        expected = getattr(numpy, name)(*inputs)
    return (found, expected) if isinstance(expected, tuple) else ((found,), (expected,))


def views(array):
    """Layouts of one array."""
    yield array
    yield array[::-3]
    yield array[5:]
    yield array[:7]
    yield array[: len(array) // 16 * 16].reshape(-1, 16).T


@pytest.mark.parametrize("name", EXACT + FUNCTIONS)
def test_functions_of_every_half(name):
    for x in views(ALL):
        for found, expected in zip(*both(name, x)):
            assert same(found, expected, 0 if name in EXACT else 1), name


@pytest.mark.parametrize("name", [*PAIRS, "floor_divide", "power", "arctan2", "hypot", "logaddexp", "logaddexp2", "float_power"])
def test_functions_of_two_halves(name):
    special = numpy.array([0, 1, -1, 0.5, 2, 3, 65504, 65488, 6e-8, 6.1e-5, 6.104e-5, numpy.inf, numpy.nan], "f2")
    special = numpy.concatenate([special, -special])
    pairs = [(rng.permutation(ALL), rng.permutation(ALL)), (numpy.repeat(special, 26), numpy.tile(special, 26))]
    for one, two in pairs:
        for x, y in zip(views(one), views(two)):
            for found, expected in zip(*both(name, x, y)):
                assert same(found, expected, 0 if name in PAIRS else 1), name
        for number in (2.0, 3, numpy.float16(0.1), -1.5):
            for given in ((one, number), (number, two)):
                for found, expected in zip(*both(name, *given)):
                    assert same(found, expected, 0 if name in PAIRS else 1), (name, number)


def test_ldexp_and_frexp():
    exponents = rng.integers(-40, 40, len(ALL)).astype("i4")
    for found, expected in zip(*both("ldexp", ALL, exponents)):
        assert same(found, expected)
    mantissas, powers = gain.frexp(gain.asarray(NUMBERS))
    assert (powers.dtype, mantissas.dtype) == (numpy.int32, numpy.float16)
    assert same(gain.ldexp(mantissas, powers), NUMBERS)


def test_an_expression_is_rounded_at_every_operation():
    x, y, z = (rng.standard_normal(5000).astype("f2") for _ in range(3))
    a, b, c = map(gain.asarray, (x, y, z))
    for by_us, by_numpy in [
        (a * b + c, x * y + z), ((a + b) * 0.5 - c / 3, (x + y) * 0.5 - z / 3), (a * b * c + a - b, x * y * z + x - y),
        (0.25 * (a[:-2] + a[2:]) + 0.25 * (b[:-2] + b[2:]), 0.25 * (x[:-2] + x[2:]) + 0.25 * (y[:-2] + y[2:])),
        (gain.sqrt(abs(a)) // b, numpy.sqrt(abs(x)) // y), (gain.where(a > b, a * c, -b), numpy.where(x > y, x * z, -y)),
        (gain.clip(a * b, -1, c), numpy.clip(x * y, -1, z)),
    ]:
        assert same(by_us, by_numpy)


@pytest.mark.parametrize("dtype", TYPES)
def test_conversions(dtype):
    with numpy.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = ALL if dtype[0] in "?fc" else NUMBERS[abs(NUMBERS) < min(numpy.iinfo(dtype).max, 65504)]
        if dtype[0] == "u":
            whole = whole[whole >= 0]
        for x in views(whole):
            assert numpy.array_equal(gain.asarray(x).astype(dtype).numpy(), x.astype(dtype), equal_nan=dtype[0] in "fc")
        if dtype == "f2":
            back = ALL
        elif dtype[0] in "fc":
            middles = NUMBERS[:-1].astype(dtype) / 2 + NUMBERS[1:].astype(dtype) / 2
            eps = numpy.finfo(dtype).eps
            back = numpy.concatenate([middles, middles * (1 + eps), middles * (1 - eps), rng.standard_normal(999) * 1e-7, [1e5, 65519.99, 65520, 1e300, -1e300, 2.98e-8, 2.9802322387695312e-08, 2.9802322387695316e-08]]).astype(dtype)
        elif dtype == "?":
            back = numpy.arange(33) % 2 > 0
        else:
            limits = numpy.iinfo(dtype)
            back = rng.integers(limits.min, limits.max, 5000, dtype, True)
            back = numpy.concatenate([back, back >> (limits.bits // 2), back[:999] % 70000 if limits.bits > 16 else back]).astype(dtype)
        for x in views(back):
            assert same(gain.asarray(x).astype("f2"), x.astype("f2")), dtype


@pytest.mark.parametrize("dtype", TYPES)
def test_types_beside_other_types(dtype):
    one, two = numpy.arange(6).astype("f2"), numpy.arange(1, 7).astype(dtype)
    for name in ("add", "divide", "power", "less", "arctan2", "maximum", "subtract"):
        if name == "arctan2" and dtype[0] == "c":
            continue
        for x, y in ((one, two), (two, one), (one, two[0]), (one[1], two)):
            (found,), (expected,) = both(name, x, y)
            numpy.testing.assert_allclose(numpy.asarray(found), expected, 1e-3)
            assert numpy.asarray(found).dtype == expected.dtype
    assert gain.result_type(gain.asarray(one), gain.asarray(two)) == numpy.result_type(one, two)
    assert gain.where(gain.asarray(one) > 2, gain.asarray(one), gain.asarray(two)).dtype == numpy.result_type(one, two)
    assert gain.concatenate([gain.asarray(one), gain.asarray(two)]).dtype == numpy.result_type(one, two)
    for number in (True, 3, 2.5, 1j, numpy.int8(3), numpy.int16(3), numpy.float16(1), numpy.float32(2), numpy.float64(2)):
        found, expected = gain.asarray(one) + number, one + number
        assert found.dtype == expected.dtype and numpy.array_equal(found.numpy(), expected)


@pytest.mark.parametrize("name", "sum prod min max mean argmin argmax any all var std ptp count_nonzero cumsum cumprod".split())
def test_reductions(name):
    array = (rng.integers(-8, 9, (5, 7, 6)) / 4).astype("f2")
    if name in ("prod", "cumprod"):
        array = (1 + array / 64).astype("f2")
    holey = array.copy()
    holey[2, 3, 1] = numpy.nan
    for x in (array, array.T, array[::2, :, ::-1], holey):
        for axis in (None, 0, 1, 2, -1) + (((0, 1), (0, 2)) if name[:3] not in ("arg", "cum", "cou") else ()):
            with numpy.errstate(all="ignore"):
                found = numpy.asarray(getattr(gain, name)(gain.asarray(x), axis))
                expected = numpy.asarray(getattr(numpy, name)(x, axis))
            assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
            numpy.testing.assert_allclose(found, expected, 2e-2 if name in ("var", "std", "cumprod", "prod") else 2e-3, 2e-3)
    many = numpy.full(100_000, 0.1, "f2")
    assert gain.asarray(many).mean() == numpy.float16(0.1)
    assert gain.asarray(many[:50000]).sum() == numpy.float16(50000 * numpy.float16(0.1).astype(float))
    assert abs(gain.asarray(many).reshape(-1, 2)[:25000].sum(0).numpy() / 2500 - 1).max() < 2e-3  # NumPy's stop at 256


def test_methods_of_ufuncs():
    x = (rng.integers(-8, 9, (6, 5)) / 4).astype("f2")
    a = gain.asarray(x)
    for name in ("add", "multiply", "maximum", "minimum", "subtract", "fmax", "logical_and", "hypot"):
        theirs, ours = getattr(numpy, name), getattr(gain, name)
        for axis in (0, 1):
            steps = 1 if name == "hypot" else 0
            assert same(ours.accumulate(a, axis), theirs.accumulate(x, axis), steps), name
            assert same(ours.reduceat(a, [0, 3, 1], axis), theirs.reduceat(x, [0, 3, 1], axis), steps), name
            numpy.testing.assert_allclose(ours.reduce(a, axis).numpy(), theirs.reduce(x, axis), 1e-2)
        assert same(ours.outer(a[0], a[1]), theirs.outer(x[0], x[1]), steps)
    b, y = gain.asarray(x.copy()), x.copy()
    gain.add.at(b, ([0, 1, 0], [1, 1, 1]), gain.asarray(x[0, :3].copy()))
    numpy.add.at(y, ([0, 1, 0], [1, 1, 1]), x[0, :3])
    assert same(b, y)
    assert gain.add.reduce(a, 0, initial=2.5).dtype == numpy.float16
    assert same(gain.add.reduce(a, 0, where=a > 0), numpy.add.reduce(x, 0, where=x > 0))
    assert gain.sum(gain.ones(5), dtype="f2").dtype == numpy.float16


@pytest.mark.parametrize("name", "matmul dot inner vecdot outer tensordot".split())
def test_products(name):
    for m, k, n in ((1, 1, 1), (3, 4, 5), (40, 30, 20)):
        x, y = rng.standard_normal((m, k)).astype("f2"), rng.standard_normal((k, n)).astype("f2")
        if name in ("inner", "vecdot"):
            y = y.T[:1]
        given = (x, y) if name != "tensordot" else (x, y, 1)
        (found,), (expected,) = both(name, *given)
        assert found.dtype == expected.dtype == numpy.float16
        numpy.testing.assert_allclose(numpy.asarray(found), expected, 2e-3, 4e-3)
    assert (gain.asarray(x) @ gain.asarray(x)[0]).dtype == numpy.float16


def test_creation_printing_and_scalars():
    for text in (
        "np.zeros(3, 'e')", "np.ones((2, 2), np.float16)", "np.full(3, 0.1, 'f2')", "np.arange(5, dtype='float16')",
        "np.arange(0, 1, 0.1, dtype=np.half)", "np.linspace(0, 1, 7, dtype='f2')", "np.array([0.1, 65504, 6e-8, np.nan], 'f2')",
        "np.array([np.float16(0.1), np.float16(3)])", "np.eye(3, dtype='f2')", "np.zeros_like(np.ones(2, 'f2'))",
        "np.array([1.5, 2], 'f2').tolist()", "np.array([0.1], 'f2')[0]", "np.array(0.1, 'f2')", "np.array([0.1], 'f2').item()",
        "np.array([1, 2, 3], 'f2').view('u2')", "np.array([15360], 'u2').view('f2')", "np.array([0.1, 0.2], 'f2').tobytes()",
        "np.array([1, 2], 'f2').nbytes", "np.finfo(np.float16).max", "np.array([0.1, 1000], 'f2') * np.float16(3)",
        "np.float16(2) * np.array([1, 2], 'f2')", "np.array([1, 2], 'f2') + 1e-3", "[x for x in np.array([0.1, 2], 'f2')]",
        "np.array([1, 2], 'f2') == np.array([1, 3], 'f2')", "np.copy(np.array([.3], 'f2'))", "np.full(2, np.float16(0.3))",
        "np.array([1j], 'c8').real.astype('f2')", "np.isclose(np.array([1], 'f2'), 1.001)", "np.round(np.array([0.126], 'f2'), 2)",
        "np.angle(np.array([-1, 1], 'f2'))", "np.array([3, 1], 'f2').clip(1, 2)", "np.array([.5], 'f2').astype('f8').astype('f2')",
    ):
        found, expected = (repr(eval(text, {"np": np})) for np in (gain, numpy))
        assert found == expected, text
    a = gain.zeros(4, "f2")
    a[1] = 0.1
    a[2:] = [1, 2]
    a[0] = numpy.float64(1e-3)
    assert same(a, numpy.array([1e-3, 0.1, 1, 2], "f2"))
    a += 1
    a *= numpy.float16(0.1)
    y = numpy.array([1e-3, 0.1, 1, 2], "f2")
    y += 1
    y *= numpy.float16(0.1)
    assert same(a, y)
    with pytest.raises(TypeError):
        a += 1j
    with pytest.raises(TypeError):
        a & a
    assert gain.half is gain.float16 is numpy.float16


@pytest.mark.parametrize("text", [
    "h * h", "h + h", "h.sum()", "t.sum(1)", "t.sum()", "h.prod()", "np.arange(70000).astype('f2')", "np.exp(np.full(3, 12, 'f2'))",
    "h[:2] @ h[:2]", "t @ t.T", "np.array([1e30, 1]).astype('f2')", "np.full(3, 1e5, 'f2')", "np.ones(3, 'f2') * 1e5", "h.cumsum()",
    "np.ones(3, 'f2') + 100000", "np.nextafter(np.array([65504], 'f2'), np.float16(np.inf))",
    "np.spacing(np.array([65504, 1], 'f2'))", "np.spacing(np.array([np.inf, 1], 'f2'))", "np.sqrt(-np.ones(2, 'f2'))", "1 / np.zeros(3, 'f2')",
    "np.log(np.zeros(3, 'f2'))", "np.array([np.inf, 2], 'f2').astype(int)", "np.array([np.nan, 2], 'f2').astype('u1')", "h < 1", "h.max()", "-h",
    "np.power(h, 2)", "h ** 3", "np.dot(t, h[:2])", "h.mean()", "t.mean(0)", "np.ones(3, 'f2') // np.zeros(3, 'f2')", "np.ldexp(h, 3)",
    "np.array([1e5], 'f4').astype('f2')", "np.array([1e300], 'f8').astype('f2')", "np.add(h.astype('f4'), h, out=np.zeros(4, 'f2'), casting='same_kind')",
    "np.add(1, h.astype('f4') * 2, out=np.zeros(4, 'f2'), where=h < 0)", "np.cosh(np.full(3, 12, 'f2'))", "np.hypot(h, h)", "np.expm1(np.full(40, 12, 'f2'))",
])
def test_warnings_are_numpys(text):
    told = []
    for np in (numpy, gain):
        names = {"np": np, "h": np.array([6e4, 6e4, -6e4, 3], "f2"), "t": np.array([[6e4, 6e4], [1, 2]], "f2")}
        with warnings.catch_warnings(record=True) as log:
            warnings.simplefilter("always")
            made = eval(text, names)
            if isinstance(made, gain.ndarray):
                made.force()
        told.append(sorted({str(one.message) for one in log}))
    assert told[0] == told[1], text


RANKS = """
import numpy, gain as np
rng = numpy.random.default_rng(3)
x, y = (rng.integers(-8, 9, (37, 11)) / 4).astype("f2"), (rng.integers(1, 9, (11, 37)) / 4).astype("f2")
a, b = np.array(x), np.array(y)
def same(found, expected):
    found = numpy.asarray(found)
    assert found.dtype == expected.dtype and numpy.array_equal(found, expected), (found, expected)
same(a * 3 + b.T, x * 3 + y.T)
same(np.where(a > 0, a, -b.T)[::-2], numpy.where(x > 0, x, -y.T)[::-2])
same(a.sum(), x.sum()); same(a.sum(0), x.sum(0)); same(a.sum(1), x.sum(1)); same(a.mean(1), x.mean(1)); same(a.max(0), x.max(0))
same(a.argmin(), x.argmin()); same(a.argmax(1), x.argmax(1)); same(np.minimum.reduce(a, 1), x.min(1))
same(a.cumsum(1), x.cumsum(1)); same(np.clip(a, -1, b.T), numpy.clip(x, -1, y.T)); same((a @ b).astype("f4") > 2, (x @ y).astype("f4") > 2)
a[3:9, ::2] = b.T[3:9, ::2]; x[3:9, ::2] = y.T[3:9, ::2]
same(a, x); same(a.view("u2"), x.view("u2")); same(a.astype("i8"), x.astype("i8")); same(a.T.copy(), x.T.copy())
assert str(a) == str(x) and repr(b[0]) == repr(y[0])
"""


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_on_several_ranks(ranks):
    made = jobs.script(RANKS, ranks, {"GAIN_THRESHOLD": "0"})
    assert made.returncode == 0, made.stderr
