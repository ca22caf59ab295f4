"""Linear algebra, with NumPy or the defining property as the oracle (`linears`)."""

import os

import numpy
import pytest

import gain
import jobs
import linears


def test_all_names_are_there():
    assert not set(numpy.linalg.__all__) - set(dir(gain.linalg))


def test_matrices():
    assert linears.main() == 0


PLACES = [(2, 0), (3, 65536)] if not os.environ.get("GAIN_TEST_ALL") else [(2, 0), (3, 0), (3, 65536), (4, 0), (2, 65536)]


@pytest.mark.parametrize("ranks, threshold", PLACES)
def test_matrices_on_several_ranks(ranks, threshold):
    done = jobs.run([jobs.HERE / "linears.py", ranks], ranks, {"GAIN_THRESHOLD": str(threshold)})
    assert done.returncode == 0, done.stdout + done.stderr
