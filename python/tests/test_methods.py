"""`reduce`, `accumulate`, `reduceat`, `outer` and `at` of every binary ufunc against NumPy's, on 1 to 4 ranks."""

import pathlib
import warnings

import jobs
import numpy
import pytest

import gain

HERE = pathlib.Path(__file__)

BINARY = [
    ufunc for name, ufunc in sorted(vars(numpy).items())
    if isinstance(ufunc, numpy.ufunc) and ufunc.nin == 2 and ufunc.nout == 1 and ufunc.signature is None
    and ufunc.__name__ == name and name in vars(gain) and name != "ldexp"
]
# Along the innermost axis NumPy's own loops for these read elements before earlier ones are combined.
HASTY = "arctan2", "power"
TYPES = "?bHiqQefdFD"


def elements(shape, letter, seed):
    """Small numbers, none of them zero, so that divisions and powers stay in bounds."""
    rng = numpy.random.default_rng(seed)
    made = rng.integers(1, 4, shape)
    if letter == "?":
        return made > 2
    if letter in "efdFD":
        made = made + rng.integers(0, 4, shape) / 4
    if letter in "FD":
        made = made + 1j * rng.integers(0, 4, shape) / 4
    return made.astype(letter)


def layouts(array, make):
    """The same elements in different layouts, by NumPy and by us."""
    yield array, make(array)
    yield array.T, make(array).T
    wide = numpy.repeat(numpy.repeat(array, 2, -1), 2, 0)
    yield wide[::2, ..., ::-2], make(wide)[::2, ..., ::-2]


def outcome(function):
    with warnings.catch_warnings(), numpy.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return function()
        except Exception as error:
            return error


def agree(expected, found, what):
    if isinstance(expected, Exception):
        assert isinstance(found, Exception) and isinstance(expected, type(found)), (what, expected, found)
        # Which of its two texts NumPy has for a missing loop depends on what it was asked before.
        missing = ("did not contain a loop", "No loop matching")
        are_missing = all(any(text in str(error) for text in missing) for error in (found, expected))
        assert are_missing or str(found) == str(expected), (what, expected, found)
        return
    assert not isinstance(found, Exception), (what, found)
    expected, found = numpy.asarray(expected), numpy.asarray(found)
    half = expected.dtype == numpy.float16
    assert found.dtype == expected.dtype, (what, found.dtype, expected.dtype)
    assert found.shape == expected.shape, (what, found.shape, expected.shape)
    if expected.dtype.kind in "biu":
        numpy.testing.assert_array_equal(found, expected, str(what))
    else:
        rtol = 2e-2 if half else 2e-5 if expected.dtype.char in "fF" else 1e-12
        numpy.testing.assert_allclose(found, expected, rtol, err_msg=str(what))


def check_reduce(theirs, ours, a, b, what):
    if theirs.__name__ in HASTY:
        for axis in (0, -1, 1):
            agree(
                outcome(lambda: theirs.accumulate(a, axis).take(-1, axis)), outcome(lambda: ours.reduce(b, axis)),
                (*what, "reduce", axis),
            )
        return
    for axis in (0, -1, 1, None, (0, 1), (), 5):
        for given in ({}, {"keepdims": True}):
            agree(
                outcome(lambda: theirs.reduce(a, axis, **given)), outcome(lambda: ours.reduce(b, axis, **given)),
                (*what, "reduce", axis, given),
            )
    mask = numpy.arange(a.size).reshape(a.shape) % 3 > 0
    for given in ({"initial": 2}, {"where": mask}, {"initial": 2, "where": mask}):
        agree(
            outcome(lambda: theirs.reduce(a, 1, **given)), outcome(lambda: ours.reduce(b, 1, **given)),
            (*what, "reduce", given),
        )


def check_along(theirs, ours, a, b, what):
    for axis in (0, -1, 1, 5):
        agree(
            outcome(lambda: theirs.accumulate(a, axis)), outcome(lambda: ours.accumulate(b, axis)),
            (*what, "accumulate", axis),
        )
        for indices in () if theirs.__name__ in HASTY else ([1, 0, 2, 2, 1], [], [0, 77], [-1]):
            agree(
                outcome(lambda: theirs.reduceat(a, indices, axis)), outcome(lambda: ours.reduceat(b, indices, axis)),
                (*what, "reduceat", axis, indices),
            )


def check_outer(theirs, ours, a, b, what):
    agree(outcome(lambda: theirs.outer(a[0], a)), outcome(lambda: ours.outer(b[0], b)), (*what, "outer"))


def check_at(theirs, ours, a, b, what, make):
    places = numpy.array([0, 2, 2, -1, 0, 1, 2])
    columns = numpy.array([1, 1, 1, 0, 1, 0, 1])
    mask = a.real > 2
    for name, index, mine in [
        ("rows", places, places), ("pairs", (places, columns), (make(places), make(columns))),
        ("mask", mask, make(mask)), ("slice", slice(0, 2), slice(0, 2)), ("item", (1, 1), (1, 1)),
        ("mixed", (slice(None), columns), (slice(None), make(columns))), ("outside", ([99],), ([99],)),
    ]:
        def by_numpy():
            changed = a.copy()
            theirs.at(changed, index, a[0, 0])
            return changed

        def by_us():
            changed = b.copy()
            ours.at(changed, mine, make(a[0, 0]))
            return changed.numpy()

        agree(outcome(by_numpy), outcome(by_us), (*what, "at", name))


def check_all(ufuncs, letters, shape, make, few=False):
    for ufunc in ufuncs:
        ours = getattr(gain, ufunc.__name__)
        for seed, letter in enumerate(letters):
            plain = elements(shape, letter, seed)
            for place, (a, b) in enumerate(layouts(plain, make)):
                if few and place != seed:
                    continue
                what = ufunc.__name__, letter, place
                check_reduce(ufunc, ours, a, b, what)
                check_along(ufunc, ours, a, b, what)
                if place == 0 or few:
                    check_outer(ufunc, ours, a, b, what)
                    check_at(ufunc, ours, a, b, what, make)


@pytest.mark.parametrize("ufunc", BINARY, ids=lambda ufunc: ufunc.__name__)
def test_methods(ufunc):
    check_all([ufunc], TYPES, (4, 3), gain.asarray)
    check_all([ufunc], "id", (3, 2, 5), gain.asarray)


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_methods_of_ranks(ranks):
    done = jobs.run([HERE], ranks, {"GAIN_THRESHOLD": "0"})
    assert done.returncode == 0 and done.stdout.endswith("OK\n"), done.stdout + done.stderr


def long_axes():
    """Runs that begin and end anywhere in rows and planes, and lines longer than what is looked at at once."""
    rng = numpy.random.default_rng(5)
    for shape in ((1,), (7,), (70001,), (3, 23001), (23001, 3), (2, 5, 3), (5, 2, 7), (1, 9), (9, 1), (0, 3), (3, 0)):
        a = rng.integers(-9, 9, shape)
        for x in (a, a / 8, (a % 5).astype("b"), a > 0):
            b = gain.asarray(x)
            for axis in range(x.ndim):
                for name in ("add", "maximum", "hypot", "subtract"):
                    if name == "hypot" and x.itemsize == 1:
                        continue
                    theirs, ours = getattr(numpy, name), getattr(gain, name)
                    what = name, shape, x.dtype, axis
                    agree(outcome(lambda: theirs.accumulate(x, axis)), outcome(lambda: ours.accumulate(b, axis)), what)
                    agree(outcome(lambda: theirs.reduce(x, axis)), outcome(lambda: ours.reduce(b, axis)), what)
                indices = [i for i in (0, 3, 1) if i < x.shape[axis]]
                agree(
                    outcome(lambda: numpy.add.reduceat(x, indices, axis)),
                    outcome(lambda: gain.add.reduceat(b, indices, axis)), ("reduceat", shape, axis),
                )
    counts = numpy.zeros(1001)
    places = rng.integers(-1001, 1001, 20000)
    numpy.add.at(counts, places, 1)
    ours = gain.zeros(1001)
    gain.add.at(ours, gain.asarray(places), 1)
    numpy.testing.assert_array_equal(ours.numpy(), counts)
    few = gain.zeros(3)
    gain.add.at(few, gain.asarray(places % 3), 1)
    assert few.sum() == 20000


def test_long_axes():
    long_axes()


def test_running_sums():
    for a in (numpy.arange(12.0).reshape(3, 4), numpy.arange(6, dtype="b"), numpy.array([True, False, True]), 5.0):
        for name in ("cumsum", "cumprod", "cumulative_sum", "cumulative_prod"):
            theirs, ours = getattr(numpy, name), getattr(gain, name)
            for given in ({}, {"axis": 0}, {"axis": -1}, {"axis": 0, "dtype": "f"}, {"axis": 0, "include_initial": True}):
                if name in ("cumsum", "cumprod") and "include_initial" in given:
                    continue
                agree(outcome(lambda: theirs(a, **given)), outcome(lambda: ours(gain.asarray(a), **given)), (name, given))
    a = numpy.arange(12.0).reshape(3, 4).T
    b = gain.asarray(numpy.arange(12.0).reshape(3, 4)).T
    assert b.cumsum(0).strides == a.cumsum(0).strides
    into = gain.zeros((4, 3))
    assert b.cumsum(1, out=into) is into
    agree(a.cumsum(1), into, "out")
    agree(numpy.cumsum(a), numpy.cumsum(b), "NumPy's function")
    agree(numpy.subtract.accumulate(a), numpy.subtract.accumulate(b), "NumPy's ufunc")


def test_exceptions_name_the_method():
    big = [1e308, 1e308]
    for name, call in {
        "accumulate": lambda np, a: np.add.accumulate(a), "reduceat": lambda np, a: np.add.reduceat(a, [0]),
        "reduce": lambda np, a: np.divide.reduce(np.asarray([1.0, 0.0])), "add": lambda np, a: np.add.at(a, [0], 1e308),
        "cumsum": lambda np, a: np.cumsum(a),
        "floor": lambda np, a: np.floor_divide.accumulate(np.asarray([1, 0])),
    }.items():
        said = []
        for np in (numpy, gain):
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                call(np, np.asarray(big))
            said.append([str(one.message) for one in told])
        assert said[0] == said[1], name
    with numpy.errstate(over="raise"), pytest.raises(FloatingPointError, match="overflow encountered in accumulate"):
        gain.add.accumulate(gain.asarray(big))


def test_what_is_refused():
    one = gain.ones(3)
    for call in (
        lambda np, a: np.negative.reduce(a), lambda np, a: np.divmod.reduce(a), lambda np, a: np.negative.accumulate(a),
        lambda np, a: np.divmod.reduceat(a, [0]), lambda np, a: np.negative.outer(a, a),
        lambda np, a: np.add.accumulate(a.reshape(3, 1), axis=None), 
        lambda np, a: np.add.reduceat(a.reshape(3, 1), [0], axis=(0, 1)),
        lambda np, a: np.add.accumulate(a.sum()), lambda np, a: np.subtract.reduce(a.reshape(3, 1), axis=None),
        lambda np, a: np.power.accumulate(np.asarray([2, -1])), lambda np, a: np.power.reduce(np.asarray([2, -1])),
        lambda np, a: np.divmod.at(a, [1], 1.5), lambda np, a: np.negative.at(a, [1], 3.0),
        lambda np, a: np.add.at(a, [1]), lambda np, a: np.add.at(a, [1, 2], np.asarray([1, 2, 3])),
        lambda np, a: np.add.at(a, [1.5], 1), lambda np, a: np.add.at([1, 2], [1], 1),
        lambda np, a: np.add.at(a, np.asarray([0, 7]), 1), lambda np, a: np.add.at(a, np.asarray([0, -4]), 1),
        lambda np, a: np.isnat(a), lambda np, a: np.add.accumulate(a, out=np.zeros((3, 3)).sum()),
        lambda np, a: np.cumulative_sum(np.ones((2, 2))),
    ):
        agree(outcome(lambda: call(numpy, numpy.ones(3))), outcome(lambda: call(gain, one)), call)


def test_a_ufunc_tells_of_itself():
    for ufunc in BINARY:
        ours = getattr(gain, ufunc.__name__)
        assert ours.__doc__ == ufunc.__doc__ and ours.signature is None
        assert (ours.nin, ours.nout, ours.nargs, ours.identity) == (ufunc.nin, ufunc.nout, ufunc.nargs, ufunc.identity)
        assert set(ours.types) < set(ufunc.types) and ours.ntypes == len(ours.types)


if __name__ == "__main__":
    # A few of each kind, one type for each layout: ranks wait for each other often enough.
    names = "add", "equal", "gcd", "hypot", "logical_and", "maximum", "power", "subtract"
    check_all([getattr(numpy, name) for name in names], "qdf", (4, 3), gain.asarray, few=True)
    long_axes()
    if gain.rank() == 0:
        print("OK")
