"""Mathematical functions, powers and divisions against wider arithmetic and NumPy: last digits, special values, places."""

import warnings

import numpy
import pytest

import gain

rng = numpy.random.default_rng(11)
N = 20_011  # many chunks and a rest

# Units in the last place that a result may be away from the true one.
UNARY = {
    "exp": 1, "exp2": 1, "log": 1, "log2": 1, "log10": 1, "sin": 1, "cos": 1, "cbrt": 1, "expm1": 2, "log1p": 2,
    "arccos": 2, "tan": 3, "arcsin": 3, "arctan": 3, "sinh": 3, "cosh": 3, "tanh": 3, "arcsinh": 3, "arccosh": 3,
    "arctanh": 4,
}
SINGLE = UNARY | {"log2": 3, "log10": 3}
BINARY = {"arctan2": 3, "hypot": 1, "power": 2}
EXACT = ["fmod", "remainder", "floor_divide"]

SPECIAL = [
    0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 8.0, 10.0, 100.0, 1000.0, numpy.inf, numpy.nan, 5e-324, 1e-310, 2.3e-308, 1e-300,
    1e300, 1.7e308, 709.78, 709.79, 710.47, 710.48, 745.1, 745.2, 1023.9, 1024.0, 1074.0, 1076.0, 1e5, 1e6, 1e15, 1e22,
    88.72, 88.73, 89.41, 89.42, 103.9, 104.0, 128.0, 149.0, 150.0, 1e-45, 1e-40, 1e-38, 1e38, 3.4e38, 1 - 2**-53,
    1 + 2**-52, 1 - 2**-24, 1 + 2**-23, 1e-8, 1e-16, 1e-20, 19.1, 22.0, 9.1,
]


def wide(dtype):
    """A type in which NumPy's result counts as the true one."""
    if dtype == "f4":
        return numpy.float64
    if numpy.finfo(numpy.longdouble).nmant < 63:
        pytest.skip("no wider type than double")
    return numpy.longdouble


def spread(low, high):
    """Numbers of all sizes between two."""
    return numpy.exp(rng.uniform(numpy.log(low), numpy.log(high), N))


def arguments(name, dtype):
    """Where a function of one number is interesting."""
    top = {"exp": 709.0, "exp2": 1023.0, "expm1": 709.0, "sinh": 710.0, "cosh": 710.0} if dtype == "f8" else {
        "exp": 88.0, "exp2": 127.0, "expm1": 88.0, "sinh": 89.0, "cosh": 89.0}
    both = rng.choice([-1, 1], N)
    if name in top:
        return [rng.uniform(-top[name], top[name], N), rng.uniform(-1, 1, N), spread(1e-12, 1) * both]
    if name.startswith("log"):
        return [rng.uniform(0.5, 2, N), rng.uniform(0, 100, N), spread(1e-37, 1e38), 1 + rng.uniform(-1e-3, 1e-3, N)]
    if name in ("sin", "cos", "tan"):
        multiples = numpy.arange(N) * (numpy.pi / 2)
        return [rng.uniform(-10, 10, N), rng.uniform(-3e5, 3e5, N), multiples, multiples + rng.uniform(-1e-4, 1e-4, N)]
    if name in ("arcsin", "arccos", "arctanh"):
        return [rng.uniform(-1, 1, N), spread(1e-10, 1) * both, 1 - spread(1e-15, 1)]
    if name == "arccosh":
        return [rng.uniform(1, 2, N), spread(1, 1e30), 1 + spread(1e-10, 1)]
    return [rng.uniform(-10, 10, N), spread(1e-10, 1) * both, spread(1, 1e30) * both]


def pairs(name):
    """Where a function of two numbers is interesting."""
    both = rng.choice([-1, 1], N)
    if name == "power":
        return [(rng.uniform(0, 10, N), rng.uniform(-10, 10, N)), (spread(1e-30, 1e30), rng.uniform(-1.2, 1.2, N)),
                (1 + rng.uniform(-1e-3, 1e-3, N), rng.uniform(-3e4, 3e4, N)),
                (rng.uniform(-10, 10, N), numpy.round(rng.uniform(-9, 9, N)))]
    if name in EXACT:
        return [(rng.uniform(-10, 10, N), rng.uniform(-10, 10, N)), (spread(1e-5, 1e20) * both, spread(1e-5, 1e5)),
                (numpy.round(rng.uniform(-99, 99, N)), numpy.round(rng.uniform(1, 9, N)))]
    return [(rng.uniform(-10, 10, N), rng.uniform(-10, 10, N)), (spread(1e-19, 1e18) * both, spread(1e-19, 1e18) * both)]


def units(found, true, dtype):
    """How far results are from the true ones, in units in the last place; 0 where either is not finite."""
    info = numpy.finfo(dtype)
    unit = numpy.ldexp(numpy.ones(1, true.dtype), numpy.maximum(numpy.frexp(true)[1] - info.nmant - 1,
                                                               int(info.minexp) - info.nmant))
    finite = numpy.isfinite(found) & numpy.isfinite(true.astype(dtype))
    return numpy.where(finite, numpy.abs(found.astype(true.dtype) - true) / unit, 0)


def same(x, y):
    """Equal with the same sign, or both not a number."""
    return ((x == y) & (numpy.signbit(x) == numpy.signbit(y))) | (numpy.isnan(x) & numpy.isnan(y))


def compare(name, dtype, inputs, most):
    """Accuracy, and that an element's result does not depend on its place or layout."""
    inputs = [x.astype(dtype) for x in inputs]
    ours, theirs = getattr(gain, name), getattr(numpy, name)
    with numpy.errstate(all="ignore"):
        found = ours(*[gain.asarray(x) for x in inputs]).numpy()
        true = theirs(*[x.astype(wide(dtype)) for x in inputs])
        distance = units(found, true, dtype)
        at = distance.argmax()
        assert distance[at] <= most, (name, [x[at] for x in inputs], found[at], true[at], distance[at])
        assert (numpy.isnan(found) == numpy.isnan(true)).all()
        assert (numpy.isinf(found) == numpy.isinf(true.astype(dtype))).all()
        shifted = ours(*[gain.asarray(x)[5:] for x in inputs]).numpy()
        assert same(shifted, found[5:]).all()
        strided = ours(*[gain.asarray(x)[::-3] for x in inputs]).numpy()
        assert same(strided, found[::-3]).all()
        few = ours(*[gain.asarray(x[:7].copy()) for x in inputs]).numpy()
        assert same(few, found[:7]).all()


def special(name, dtype, count, most):
    """Numbers at which functions have poles, overflow, or lose their digits: as NumPy's results, to the last sign."""
    with numpy.errstate(all="ignore"):
        one = numpy.array(SPECIAL + [-x for x in SPECIAL]).astype(dtype)
        inputs = [one] if count == 1 else [numpy.repeat(one, len(one)), numpy.tile(one, len(one))]
        found = getattr(gain, name)(*[gain.asarray(x) for x in inputs]).numpy()
        expected = getattr(numpy, name)(*inputs)
        true = getattr(numpy, name)(*[x.astype(wide(dtype)) for x in inputs])
        close = (units(found, true, dtype) <= most) & (numpy.isfinite(found) == numpy.isfinite(true.astype(dtype)))
        close &= (numpy.signbit(found) == numpy.signbit(expected)) & ~numpy.isnan(found)
        wrong = ~(same(found, expected) | close)
        assert not wrong.any(), (name, [x[wrong][:4] for x in inputs], found[wrong][:4], expected[wrong][:4])


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_number(name, dtype):
    most = (UNARY if dtype == "f8" else SINGLE)[name]
    for x in arguments(name, dtype):
        compare(name, dtype, [x], most)
    special(name, dtype, 1, most)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_numbers(name, dtype):
    for inputs in pairs(name):
        compare(name, dtype, inputs, BINARY[name])
    special(name, dtype, 2, BINARY[name])


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("name", EXACT)
def test_remainders_of_floats(name, dtype):
    with numpy.errstate(all="ignore"):
        for x, y in [*pairs(name), (numpy.repeat(SPECIAL, len(SPECIAL)), numpy.tile(SPECIAL, len(SPECIAL)))]:
            for x, y in ((x, y), (-x, y), (x, -y)):
                x, y = x.astype(dtype), y.astype(dtype)
                found, expected = (getattr(np, name)(np.asarray(x), np.asarray(y)) for np in (gain, numpy))
                wrong = ~same(found.numpy(), expected)
                # NumPy rounds quotients of more digits than their type has.
                wrong &= ~((name == "floor_divide") & (numpy.abs(expected) > 1 / numpy.finfo(dtype).eps))
                assert not wrong.any(), (x[wrong][:4], y[wrong][:4], found.numpy()[wrong][:4], expected[wrong][:4])


@pytest.mark.parametrize("exponent", [0, 0.5, 1, 1.5, 2, 3, -1, -2, 5, 0.3, numpy.inf, -numpy.inf, numpy.nan])
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_powers_by_one_exponent(dtype, exponent):
    special_bases = numpy.array(SPECIAL + [-x for x in SPECIAL])
    with numpy.errstate(all="ignore"):
        for x in (rng.uniform(-10, 10, N), spread(1e-30, 1e30), special_bases):
            x = x.astype(dtype)
            found, expected = gain.power(gain.asarray(x), exponent).numpy(), numpy.power(x, exponent)
            true = numpy.power(x.astype(wide(dtype)), numpy.dtype(dtype).type(exponent).astype(wide(dtype)))
            close = (units(found, true, dtype) <= 2) & numpy.isfinite(found) & numpy.isfinite(expected)
            wrong = ~(same(found, expected) | close)
            assert not wrong.any(), (x[wrong][:4], found[wrong][:4], expected[wrong][:4])


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"])
def test_divisions_of_integers(dtype):
    info = numpy.iinfo(dtype)
    edges = [0, 1, 2, 3, 5, 7, 10, info.max, info.max - 1, info.max // 2, info.max // 2 + 1, info.min, info.min + 1]
    edges += [-1, -2, -3, -7] * (info.min < 0) + [1 << k for k in range(info.bits - 1)]
    edges = numpy.unique(numpy.array(edges, dtype))
    x = numpy.concatenate([edges, rng.integers(info.min, info.max, 300, dtype, True)])
    with numpy.errstate(all="ignore"):
        for name in ("floor_divide", "remainder", "fmod", "divmod"):
            ours, theirs = getattr(gain, name), getattr(numpy, name)
            for divisor in x[::3]:
                found, expected = ours(gain.asarray(x), divisor), theirs(x, divisor)
                assert numpy.array_equal(numpy.asarray(found), numpy.asarray(expected)), (name, divisor)
            each = numpy.repeat(x, len(edges)), numpy.tile(edges, len(x))
            found, expected = ours(*map(gain.asarray, each)), theirs(*each)
            assert numpy.array_equal(numpy.asarray(found), numpy.asarray(expected)), name


@pytest.mark.parametrize("name", ["logical_and", "logical_or", "logical_xor"])
def test_only_the_truth_of_a_number_counts(name):
    """Of Python integers that the array's type can't hold, too."""
    for dtype in ("u2", "i1", "?", "u8", "f4"):
        theirs, ours = numpy.array([1, 0, 1], dtype), gain.array(numpy.array([1, 0, 1], dtype))
        for number in (-1, 300, 0, 2**63 - 1, -(2**63)):
            for one, two in ((theirs, ours), (numpy.tile(theirs, 40_000), gain.array(numpy.tile(theirs, 40_000)))):
                expected = getattr(numpy, name)(one, number)
                for found in (getattr(gain, name)(two, number), getattr(gain, name)(number, two)):
                    numpy.testing.assert_array_equal(numpy.asarray(found), expected, strict=True)


def test_all_outputs_of_a_call_are_made_by_one_pass():
    x, y = rng.uniform(-9, 9, N), rng.integers(1, 9, N)
    calls = {
        "divmod": lambda np, x, y: np.divmod(x, y), "modf": lambda np, x, y: np.modf(x),
        "frexp": lambda np, x, y: np.frexp(y), "into": lambda np, x, y: np.divmod(x, 3, dtype="f4"),
    }
    mine = [gain.array(x), gain.array(y)]
    for name, call in calls.items():
        for first in (0, 1):
            made = call(gain, *mine)
            before = gain.stats()["passes"]
            made[first].force()
            made[1 - first].force()
            assert gain.stats()["passes"] == before + 1, name
            for ours, theirs in zip(made, call(numpy, x, y)):
                assert ours.dtype == theirs.dtype and numpy.array_equal(ours.numpy(), theirs), name
        total, kept = sum(call(gain, *mine)), call(gain, *mine)[1]
        assert numpy.array_equal(total.numpy(), sum(call(numpy, x, y))), name
        assert numpy.array_equal(kept.numpy(), call(numpy, x, y)[1]), name


def test_outputs_of_different_calls_warn_apart():
    def warned(np):
        ones, zeros = np.ones(N), np.zeros(N)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            first, _ = np.divmod(ones, zeros)
            _, second = np.divmod(ones, zeros)
            numpy.asarray(first + second)
            quotient, rest = np.divmod(ones, zeros)
            numpy.asarray(quotient + rest)
        return sorted((str(one.message), one.lineno) for one in caught if "divmod" in str(one.message))

    assert warned(gain) == warned(numpy)
