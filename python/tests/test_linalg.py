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


LACKING = """
    import resource
    import numpy
    import gain as np

    n, last = 700, np._gain.rank() == np._gain.ranks() - 1
    a = numpy.random.default_rng(1).normal(size=(n, n))
    a = a + a.T
    ours, line = np.array(a), np.ones(131101)
    np.linalg.eigh(np.array(a[:300, :300])), np.linalg.svd(np.array(a[:300, :300])), np.fft.fft(line[:100])
    pages = int(open("/proc/self/statm").read().split()[0])
    most = resource.getrlimit(resource.RLIMIT_AS)
    works = [lambda: np.linalg.eigh(ours)[0], lambda: np.linalg.eig(ours), lambda: np.linalg.svd(ours), lambda: np.fft.fft(line)]
    for work in works:
        if last:
            resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (8 << 20), most[1]))
        try:
            work()
        except MemoryError as error:
            assert "Unable to allocate" in str(error), error
        else:
            # (One rank may have had it all to do.)
            assert np._gain.ranks() > 1, work
        finally:
            resource.setrlimit(resource.RLIMIT_AS, most)
    assert abs(numpy.asarray(works[0]()) - numpy.linalg.eigvalsh(a)).max() < 1e-10
    print("on")
"""


@pytest.mark.parametrize("ranks", [0, 2])
def test_memory_that_kernels_lack(ranks):
    done = jobs.script(LACKING, ranks)
    assert done.returncode == 0 and done.stdout == "on\n", done.stdout + done.stderr


def test_functions_of_c_are_no_methods():
    class Holder:
        array = gain.array
        zeros = gain.zeros

    assert Holder().array([1, 2]).shape == (2,) and Holder().zeros(3).shape == (3,)
    assert pickle.loads(pickle.dumps(gain.array)) is gain.array and copy.deepcopy(gain.zeros) is gain.zeros
    assert "dtype" in inspect.signature(gain.array).parameters and gain.array.__name__ == "array"
