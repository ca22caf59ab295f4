"""Indexing by arrays, and NumPy's functions on index arrays, with NumPy as the oracle."""

import os

import numpy
import pytest

import gain
import jobs
import picks

COUNT = 30_000 if os.environ.get("GAIN_TEST_ALL") else 1500


@pytest.mark.parametrize("seed", [1, 2])
def test_random_keys(seed):
    assert picks.main(seed, COUNT) == 0


@pytest.mark.parametrize("ranks, threshold", [(2, 0), (3, 0), (3, 65536), (4, 0)])
def test_random_keys_on_several_ranks(ranks, threshold):
    done = jobs.run([jobs.HERE / "picks.py", ranks, COUNT // 10], ranks, {"GAIN_THRESHOLD": str(threshold)})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("engine", ["ucx", "ofi"])
def test_random_keys_on_two_nodes(engine):
    environment = {
        "GAIN_FAKE_NODES": "2", "GAIN_TRANSPORT": engine, "UCX_TLS": "tcp,self", "FI_PROVIDER": "tcp", "GAIN_THRESHOLD": "0",
    }
    done = jobs.run([jobs.HERE / "picks.py", 5, 60], 3, environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_last_of_several_values_is_kept():
    places = numpy.random.default_rng(3).integers(0, 1000, 200_000)
    ours, theirs = gain.zeros(1000), numpy.zeros(1000)
    ours[gain.array(places)] = gain.arange(200_000.0)
    theirs[places] = numpy.arange(200_000.0)
    assert (numpy.asarray(ours) == theirs).all()


def test_values_may_come_of_the_array_itself():
    for key in (numpy.arange(50)[::-1], numpy.arange(50) % 7 == 0):
        ours, theirs = gain.arange(50.0), numpy.arange(50.0)
        ours[key] += 1
        ours[key] = ours[key] * 2 - ours[0]
        theirs[key] += 1
        theirs[key] = theirs[key] * 2 - theirs[0]
        assert (numpy.asarray(ours) == theirs).all()


def test_nothing_is_written_if_an_index_is_outside():
    ours = gain.zeros(10)
    with pytest.raises(IndexError, match="index 12 is out of bounds for axis 0 with size 10"):
        ours[[1, 2, 12]] = 5
    assert not ours.any()


def test_views_parts_and_flat():
    theirs = numpy.arange(60.0).reshape(3, 4, 5)
    ours = gain.array(theirs)
    for x in (theirs, ours):
        x[1:][:, [0, 2]] = -1
        x.T[[1, 2], :, 0] = 7
        x.flat[[5, 50]] = 8
        x.T.flat[[1, 2]] = 9
    assert (numpy.asarray(ours) == theirs).all()
    z, w = theirs + 1j, gain.array(theirs + 1j)
    z.imag[[0, 2], 1], w.imag[[0, 2], 1] = 3, 3
    assert (numpy.asarray(w) == z).all() and (numpy.asarray(w.imag[[0, 1]]) == z.imag[[0, 1]]).all()


X = "numpy.arange(24).reshape(4, 6) * 7 % 11"
CALLS = """
np.take(x, [1, 2]); np.take(x, [[1, 0], [2, 3]], axis=1); np.take(x, 3, 0); np.take(x, [9], 0); np.take(x, [9, -1], 0, mode="clip")
np.take(x, [9, -7], 1, mode="wrap"); np.take(x, [0.5]); np.take(x, [1], 5); x.take([3, 1], 1); np.take(x, [], 0)
np.take_along_axis(x, np.array([[1], [0], [2], [5]]), 1); np.take_along_axis(x, np.array([3, 2, 1]), None)
np.take_along_axis(x, np.array([[0.5]]), 1); np.take_along_axis(x, np.array([1]), 0)
np.nonzero(x); x.nonzero(); np.nonzero(x[0]); np.nonzero(x == 99); np.flatnonzero(x > 4); np.argwhere(x > 8); np.where(x > 5)
np.where(x); np.argwhere(np.array(3)); np.compress([True, False, True], x, 1); np.compress([0, 1], x); x.compress([1, 0, 1], axis=0)
np.extract(x % 2 == 0, x); np.choose([2, 0, 1], [[1, 2, 3], [4, 5, 6], [7, 8, 9]]); np.choose([3], [[1], [2]])
np.choose([3, -1], [[1, 9], [2, 8]], mode="wrap"); np.choose([3, -1], [[1, 9], [2, 8]], mode="clip")
np.select([x > 5, x > 2], [x, -x], 99); np.select([x > 5], [x * 0.5]); np.select([], []); np.select([x], [x])
np.piecewise(x * 1.0, [x < 3, x > 8], [-1, lambda v: v * 2, 5]); np.piecewise(x * 1.0, [x < 3], [-1, -2, -3])
np.ravel_multi_index(([1, 2], [3, 4]), (4, 6)); np.ravel_multi_index(([1, 9], [3, 4]), (4, 6))
np.ravel_multi_index(([1, 9], [3, -4]), (4, 6), mode=("clip", "wrap")); np.ravel_multi_index(([1, 2], [3, 4]), (4, 6), order="F")
np.unravel_index([5, 23], (4, 6)); np.unravel_index([24], (4, 6)); np.unravel_index(7, (2, 2, 2)); np.unravel_index([7], (4, 6), order="F")
np.delete(x, 1); np.delete(x, [0, 2], 0); np.delete(x, slice(1, 5, 2), 1); np.delete(x, 9, 0); np.delete(x, -1, 1)
np.insert(x, 1, 50); np.insert(x, 2, [1, 2, 3, 4], axis=1); np.insert(x, [0, 3], 9, axis=0); np.insert(x, [3, 0], [[1], [2]], axis=0)
np.insert(x, 9, 1, axis=0); np.insert(x[0], slice(0, 4, 2), [70, 71]); np.insert(x[0], [1, 1, 0], [7, 8, 9])
"""
WRITES = """
np.put(x, [0, -1, 5], [70, 71, 72]); np.put(x, [1, 2, 3], [70, 71]); np.put(x, [50], 1); np.put(x, [50, -60], [1, 2], mode="wrap")
np.put(x, [50, -60], [1, 2], mode="clip"); x.put([1], 3); np.place(x, x > 5, [70, 71, 72]); np.place(x, x > 5, []); np.place(x, x > 99, [])
np.putmask(x, x > 5, x * 2); np.putmask(x, x > 5, [70, 71]); np.putmask(x, x > 5, -3); np.put_along_axis(x, np.array([[1], [0], [2], [5]]), 99, 1)
np.put_along_axis(x, np.array([3, 4]), [98, 99], None); np.fill_diagonal(x, 50); np.fill_diagonal(x, [50, 51]); np.fill_diagonal(x.T, 50, wrap=True)
np.fill_diagonal(x[0], 1); x[x > 5] = 0; x[x > 5] = x[x > 5] + 1; x[[0, 0, 1]] += 1; x[[0, 1], [2, 3]] = 77; x[:, [True, False] * 3] = -1
"""


def result(text, np):
    """What the text gives or raises, and the array afterwards."""
    names = {"np": np, "numpy": numpy, "x": np.array(eval(X))}
    try:
        made = None
        try:
            made = eval(text, names)
        except SyntaxError:
            exec(text, names)
        made = made if isinstance(made, tuple) else (made,)
        made = [one if one is None else (numpy.asarray(one).dtype, numpy.asarray(one).tolist()) for one in made]
    except Exception as error:
        made = type(error), str(error)
    return made, numpy.asarray(names["x"]).tolist()


@pytest.mark.parametrize("text", [call.strip() for call in (CALLS + WRITES).replace("\n", ";").split(";") if call.strip()])
def test_functions(text):
    assert result(text, gain) == result(text, numpy)


ROUNDS = """
    import numpy, gain
    # More of each than the ranks ask for, or send, at once; places come up to three times, and the last value stays.
    n = 2_200_000
    numbers = numpy.arange(n) * 104729 % (n // 2)
    base = numpy.arange(n // 2) * 0.5
    ours, indices = gain.array(base), gain.array(numbers)
    assert numpy.array_equal(numpy.asarray(ours[indices]), base[numbers])
    base[numbers] = numpy.arange(n)
    ours[indices] = gain.arange(n)
    assert numpy.array_equal(numpy.asarray(ours), base)
    base[numbers[::-1]], ours[indices[::-1]] = 7 - numpy.arange(n), 7 - gain.arange(n)
    assert numpy.array_equal(numpy.asarray(ours), base)
"""


def test_rounds_between_two_nodes():
    environment = {"GAIN_FAKE_NODES": "2", "GAIN_TRANSPORT": "ucx", "UCX_TLS": "tcp,self"}
    done = jobs.script(ROUNDS, 2, environment)
    assert done.returncode == 0, done.stdout + done.stderr
