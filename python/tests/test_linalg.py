"""Linear algebra, with NumPy or the defining property as the oracle (`linears`)."""

import copy
import inspect
import os
import pickle

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


def test_functions_of_c_are_no_methods():
    class Holder:
        array = gain.array
        zeros = gain.zeros

    assert Holder().array([1, 2]).shape == (2,) and Holder().zeros(3).shape == (3,)
    assert pickle.loads(pickle.dumps(gain.array)) is gain.array and copy.deepcopy(gain.zeros) is gain.zeros
    assert "dtype" in inspect.signature(gain.array).parameters and gain.array.__name__ == "array"
