"""Sums over axes of what is computed from much smaller arrays: recorded, and made together when one is wanted."""

import numpy
import pytest

import gain
import jobs

N = 300


def bodies(np):
    """Places of bodies, and how far they are apart along each axis."""
    random = numpy.random.default_rng(5)
    places = [np.array(random.random(N)) for _ in range(3)]
    return places, [place[:, None] - place[None, :] for place in places]


def pulls(np, apart, axis=1):
    """A sum for each axis, of what is computed from all three."""
    distance = np.sqrt(apart[0] ** 2 + apart[1] ** 2 + apart[2] ** 2 + 1e-3)
    force = 1.0 / (distance * distance)
    return [(d / distance * force).sum(axis=axis) for d in apart]


def same(ours, theirs):
    """Whether arrays agree but for rounding, and in their types and shapes."""
    ours = numpy.asarray(ours)
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    numpy.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("axis", [0, 1])
def test_one_pass_makes_them_all(axis):
    expected = pulls(numpy, bodies(numpy)[1], axis)
    found = pulls(gain, bodies(gain)[1], axis)
    before = gain.stats()["passes"]
    same(found[1], expected[1])
    assert gain.stats()["passes"] == before + 1
    same(found[0], expected[0])
    same(found[2], expected[2])
    assert gain.stats()["passes"] == before + 1


def test_what_nobody_wants_is_not_made():
    found = pulls(gain, bodies(gain)[1])
    before = gain.stats()["passes"]
    del found
    assert gain.stats()["passes"] == before


def test_later_assignments_come_too_late():
    (x, y, z), apart = bodies(gain)
    expected = pulls(numpy, bodies(numpy)[1])
    found = pulls(gain, apart)
    x[:] = 0.0
    y += 1.0
    z[5] = numpy.nan
    for ours, theirs in zip(found, expected):
        same(ours, theirs)


AXES = (0, 1, 2, (0, 2), (1, 2), -1)
NAMES = {"sum": AXES, "prod": (1,), "max": AXES, "min": AXES, "mean": AXES, "any": AXES, "all": AXES, "argmax": (0, 1, 2)}
OF_NUMBERS = {"var": AXES, "ptp": AXES}
CASES = [
    (name, axis, dtype) for dtype in ("f8", "f4", "i4", "u1", "c16", "?", "f2")
    for name, axes in ({**NAMES, **OF_NUMBERS} if dtype in ("f8", "f4", "i4") else NAMES).items() for axis in axes
]


@pytest.mark.parametrize("name, axis, dtype", CASES)
def test_values(name, axis, dtype):
    def made(np):
        x = np.array((numpy.arange(40) % 7).astype(dtype))
        y, z = x[:32] if dtype == "?" else x[:32] + x[1:33], x[:33]
        cube = x[:, None, None] * y[None, :, None]
        cube = cube | z if dtype == "?" else cube + z
        call = getattr(np, name)
        return [call(cube, axis=axis), call(cube, axis=axis, keepdims=True)]

    with numpy.errstate(all="ignore"):
        expected = made(numpy)
    with gain.errstate(all="ignore"):
        for ours, theirs in zip(made(gain), expected):
            ours = numpy.asarray(ours)
            assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
            digits = {"f2": 2e-2, "f4": 1e-4}.get(dtype, 1e-10)
            numpy.testing.assert_allclose(ours, theirs, rtol=digits)


def test_sums_of_sums_and_steps_that_need_the_last():
    def moved(np):
        (x, y, z), _ = bodies(np)
        for _ in range(4):
            places = [x, y, z]
            pull = pulls(np, [place[:, None] - place[None, :] for place in places])
            x, y, z = (place - 1e-4 * p for place, p in zip(places, pull))
        return x, y, z

    for ours, theirs in zip(moved(gain), moved(numpy)):
        same(ours, theirs)


def test_warnings_name_the_line_of_the_sum():
    x = gain.array(numpy.full(N, 1e300))
    with gain.errstate(over="warn"):
        product = x[:, None] * numpy.full(N, 1e8)
        total = product.sum(axis=1)  # The line that is named.
    with pytest.warns(RuntimeWarning, match="overflow encountered in reduce") as told:
        total.force()
    assert [warning.lineno for warning in told] == [test_warnings_name_the_line_of_the_sum.__code__.co_firstlineno + 4]


def test_what_raises_is_made_at_the_call():
    x = gain.array(numpy.full(N, 1e300))
    with gain.errstate(over="raise"), pytest.raises(FloatingPointError, match="overflow encountered in reduce"):
        (x[:, None] * numpy.full(N, 1e8)).sum(axis=1)


@pytest.mark.parametrize("ranks", [2, 3])
def test_of_several_ranks_one_may_look_alone(ranks):
    done = jobs.script(
        """
        import gain, numpy

        def sums(np):
            x = np.array(numpy.arange(300.0))
            apart = np.sqrt((x[:, None] - x[None, :]) ** 2 + 1)
            return [(apart * x).sum(axis=0), (apart + x).max(axis=1)]

        found, expected = sums(gain), sums(numpy)
        if gain.rank() == 0:
            print(found[1][3] == expected[1][3])
        assert all(numpy.allclose(numpy.asarray(a), b) for a, b in zip(found, expected))
        """,
        ranks,
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
