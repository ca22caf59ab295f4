"""Sorting, sets and quantiles, with NumPy as the oracle."""

import os

import numpy
import pytest

import gain
import jobs
import sorts

COUNT = 4000 if os.environ.get("GAIN_TEST_ALL") else 150


@pytest.mark.parametrize("seed", [1, 2])
def test_random_arrays(seed):
    assert sorts.main(seed, COUNT) == 0


@pytest.mark.parametrize("ranks, threshold", [(2, 0), (3, 0), (3, 65536), (4, 0)])
def test_random_arrays_on_several_ranks(ranks, threshold):
    done = jobs.run([jobs.HERE / "sorts.py", ranks, COUNT // 15], ranks, {"GAIN_THRESHOLD": str(threshold)})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("engine", ["ucx", "ofi"])
def test_random_arrays_on_two_nodes(engine):
    environment = {
        "GAIN_FAKE_NODES": "2", "GAIN_TRANSPORT": engine, "UCX_TLS": "tcp,self", "FI_PROVIDER": "tcp", "GAIN_THRESHOLD": "0",
    }
    done = jobs.run([jobs.HERE / "sorts.py", 5, 5], 3, environment)
    assert done.returncode == 0, done.stdout + done.stderr


LARGE = """
    import numpy, gain
    random = numpy.random.default_rng(7)
    for dtype in ("f8", "f4", "i8", "i2", "?", "u1", "c16"):
        for make in (lambda n: random.normal(size=n) * 1000, lambda n: random.integers(0, 4, n), lambda n: random.normal(size=n) ** 9):
            theirs = make(200_003)
            theirs = (theirs > 1 if dtype == "?" else theirs % 200 if dtype == "u1" else theirs).astype(dtype)
            if dtype == "f8":
                theirs[random.integers(0, len(theirs), 99)] = numpy.nan
            ours, ordered = gain.array(theirs), numpy.sort(theirs, kind="stable")
            assert numpy.array_equal(numpy.asarray(gain.sort(ours)), ordered, equal_nan=dtype[0] in "fc"), dtype
            numbers = numpy.asarray(gain.argsort(ours))
            assert (numbers == numpy.argsort(theirs, kind="stable")).all(), dtype
            parted = numpy.asarray(gain.partition(ours, [1000, 77_000]))
            assert (parted[[1000, 77_000]] == ordered[[1000, 77_000]]).all(), dtype
            assert (numpy.sort(parted[:1000]) == ordered[:1000]).all(), dtype
            if dtype in ("f8", "i2"):
                for one, two in zip(numpy.unique(theirs, True, True, True), gain.unique(ours, True, True, True)):
                    assert numpy.array_equal(one, numpy.asarray(two), equal_nan=dtype == "f8")
                assert numpy.array_equal(numpy.nanmedian(theirs), gain.nanmedian(ours))
                q = [0, 3, 50, 99.9, 100]
                assert numpy.allclose(numpy.nanpercentile(theirs, q), numpy.asarray(gain.nanpercentile(ours, q)), 1e-14)
            square = theirs[:199_794].reshape(402, -1)
            for axis in (0, 1):
                made = numpy.asarray(gain.sort(gain.array(square), axis))
                assert numpy.array_equal(made, numpy.sort(square, axis, kind="stable"), equal_nan=dtype[0] in "fc"), (dtype, axis)
"""


@pytest.mark.parametrize("ranks", [0, 2])
def test_large_arrays(ranks):
    done = jobs.script(LARGE, ranks)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_result_lies_as_the_array_does():
    for order in "CF":
        theirs = numpy.array(numpy.arange(12)[::-1].reshape(3, 4), order=order)
        for axis in (0, 1):
            made = gain.sort(gain.asarray(theirs, order=order), axis)
            assert made.strides == numpy.sort(theirs, axis).strides


def test_a_view_is_sorted_in_place():
    theirs = numpy.arange(24)[::-1].reshape(4, 6).copy()
    ours = gain.array(theirs)
    for x in (theirs, ours):
        x[1:, ::2].sort(0)
        x[0].partition(3)
        x.T[1].sort()
    ours = numpy.asarray(ours)
    assert (ours[1:] == theirs[1:]).all() and ours[0, 3] == theirs[0, 3]
    frozen = gain.arange(5)
    frozen.setflags(write=False)
    with pytest.raises(ValueError, match="sort array is read-only"):
        frozen.sort()


def test_many_against_many():
    random = numpy.random.default_rng(3)
    one, two = random.integers(0, 300_000, 100_000), random.integers(0, 300_000, 90_000)
    for invert in (False, True):
        found = gain.isin(gain.array(one), gain.array(two), invert=invert)
        assert (numpy.asarray(found) == numpy.isin(one, two, invert=invert)).all()
