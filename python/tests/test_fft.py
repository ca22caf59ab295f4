"""Fourier transforms, with NumPy as the oracle."""

import os

import sys

import numpy
import pytest

import gain
import jobs
import transforms

COUNT = 3000 if os.environ.get("GAIN_TEST_ALL") else 300
NODES = {"GAIN_FAKE_NODES": "2", "UCX_TLS": "tcp,self", "FI_PROVIDER": "tcp", "GAIN_TRANSPORT": "ucx"}


def test_random_arrays():
    assert transforms.main(1, COUNT) == 0


def test_long_lines():
    assert transforms.main(2, 0, True) == 0


@pytest.mark.parametrize("ranks, environment", [(2, {"GAIN_THRESHOLD": "0"}), (3, {}), (4, {"GAIN_THRESHOLD": "0"}), (3, {"GAIN_THRESHOLD": "0", **NODES})])
def test_on_several_ranks(ranks, environment):
    code = f"import transforms; assert transforms.main({ranks}, {COUNT // 8}) == 0; assert transforms.main(3, 0, True) == 0"
    done = jobs.run(["-c", f"import sys; sys.path.insert(0, {str(jobs.HERE)!r}); {code}"], ranks, environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_results_at_a_place():
    theirs = numpy.arange(24.0).reshape(4, 6)
    ours = gain.array(theirs)
    for name, shape, dtype in [("fft", (4, 6), "c16"), ("rfft", (4, 4), "c16"), ("irfft", (4, 10), "f8"), ("ihfft", (4, 4), "c16"), ("fft2", (4, 6), "c16"), ("fft", (4, 6), "c8")]:
        one, two = numpy.zeros(shape, dtype), gain.zeros(shape, dtype)
        getattr(numpy.fft, name)(theirs, out=one)
        assert getattr(gain.fft, name)(ours, out=two) is two
        assert numpy.allclose(one, two.numpy(), 1e-6 if dtype == "c8" else 1e-13)
    with pytest.raises(ValueError, match="output array has wrong shape."):
        gain.fft.fft(ours, out=gain.zeros((4, 5), complex))
    for bad in (gain.zeros((4, 6)), gain.zeros((3, 6), complex)):
        with pytest.raises((TypeError, ValueError)) as ours_of:
            gain.fft.fft(ours, out=bad)
        with pytest.raises((TypeError, ValueError)) as theirs_of:
            numpy.fft.fft(theirs, out=bad.numpy())
        assert ours_of.type is theirs_of.type


def test_frequencies():
    for n in (1, 2, 7, 8):
        for d in (1.0, 0.25):
            for name in ("fftfreq", "rfftfreq"):
                one, two = getattr(numpy.fft, name)(n, d), getattr(gain.fft, name)(n, d)
                assert (one == two.numpy()).all() and one.dtype == two.dtype
    with pytest.raises(ValueError, match="n should be an integer"):
        gain.fft.fftfreq(2.5)


def test_what_it_takes():
    for call in (
        lambda np: np.fft.fft([1, 2, 3]), lambda np: np.fft.fftn(5.0), lambda np: np.fft.fft(5.0), lambda np: np.fft.rfft([1j, 2]),
        lambda np: np.fft.fft([1, 2], axis=1.5), lambda np: np.fft.fft([1, 2], n=2.5), lambda np: np.fft.fft([1, 2], n=0),
        lambda np: np.fft.fft2([1, 2]), lambda np: np.fft.fftn([[1, 2]], s=[2], axes=[0, 1]), lambda np: np.fft.fft(np.ones((2, 3)), axis=2),
        lambda np: np.fft.ifft([1, 2], norm="x"), lambda np: np.fft.irfft([1]), lambda np: np.fft.irfft([1], n=3), lambda np: np.fft.fft([]),
    ):
        theirs, ours = transforms.outcome(lambda: call(numpy)), transforms.outcome(lambda: call(gain))  # noqa: B023
        assert transforms.agree(theirs, ours), (theirs, ours)


def test_the_result_lies_as_the_array_does():
    theirs = numpy.random.default_rng(1).random((3, 4, 5))
    for turn in [(0, 1, 2), (2, 0, 1), (2, 1, 0)]:
        for name, axis in [("fft", 0), ("rfft", 1), ("irfft", 2), ("fft", -1)]:
            one = getattr(numpy.fft, name)(theirs.transpose(turn), axis=axis)
            two = getattr(gain.fft, name)(gain.array(theirs).transpose(turn), axis=axis)
            assert one.strides == two.strides and numpy.allclose(one, two.numpy())


def test_scipys_functions_come_here(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)

    def call(name, *args, **kwargs):
        return gain.fft.__ua_function__(getattr(numpy.fft, name, numpy.sum), args, kwargs)

    theirs = numpy.arange(12.0).reshape(3, 4)
    ours = gain.array(theirs)
    assert gain.fft.__ua_domain__ == "numpy.scipy.fft"
    assert numpy.allclose(call("fft", ours, 5, 0, "ortho", True, 2).numpy(), numpy.fft.fft(theirs, 5, 0, "ortho"))
    assert numpy.allclose(call("rfftn", ours, axes=[0], workers=2, plan=None).numpy(), numpy.fft.rfftn(theirs, axes=[0]))
    assert call("fft", theirs) is NotImplemented and call("sum", ours) is NotImplemented
