"""Fourier transforms against NumPy, and where they are installed pyFFTW with two threads and measured plans and scipy.fft with two workers, in the same run, in turn."""

import gain
import numpy
from figures import Row, in_turn, quotients, table

try:
    import pyfftw
except ImportError:
    pyfftw = None

try:
    import scipy.fft as scipys
except ImportError:
    scipys = None

RANDOM = numpy.random.default_rng(1)


def complex_of(*shape):
    return RANDOM.random(shape) + 1j * RANDOM.random(shape)


# What, its operand, name, its arguments, NumPy's time over ours that is to be reached, pyFFTW's.
CASES = [
    ("fft of 2^22", complex_of(1 << 22), "fft", {}, 2, 0.9),
    ("fft of 2^24", complex_of(1 << 24), "fft", {}, 2, 0.9),
    ("rfft of 2^24", RANDOM.random(1 << 24), "rfft", {}, 2, 0.9),
    ("fft2 of 4096 x 4096", complex_of(4096, 4096), "fft2", {}, 2, 0.9),
    ("fft of 1000 x 1000, rows", complex_of(1000, 1000), "fft", {}, 2, 0.9),
    ("fft of 1000 x 1000, columns", complex_of(1000, 1000), "fft", {"axis": 0}, 2, 0.9),
    ("rfft of 1000 x 1000, rows", RANDOM.random((1000, 1000)), "rfft", {}, 2, 0.9),
    ("irfft of 1000 x 1000, rows", complex_of(1000, 1000), "irfft", {}, 2, 0.9),
]


def others(name, theirs, keywords):
    """The transform by pyFFTW, planned beforehand."""
    if pyfftw is None:
        return None
    builder = getattr(pyfftw.builders, name)
    plan = builder(theirs, threads=2, planner_effort="FFTW_MEASURE", **keywords)
    return lambda: plan(theirs)


for what, theirs, name, keywords, least, least_of_fftw in CASES:
    ours = gain.array(theirs)
    by_numpy = lambda: getattr(numpy.fft, name)(theirs, **keywords)  # noqa: B023
    by_gain = lambda: getattr(gain.fft, name)(ours, **keywords).force()  # noqa: B023
    assert numpy.allclose(by_numpy(), by_gain().numpy(), 1e-9, 1e-9 * theirs.size), what
    fftw = others(name, theirs.copy(), keywords)
    by_scipy = scipys and (lambda: getattr(scipys, name)(theirs, workers=2, **keywords))  # noqa: B023
    nothing = lambda: None
    series = in_turn([by_numpy, by_gain, fftw or nothing, by_scipy or nothing], samples=5)
    rows = [Row("NumPy", series[0]), Row("gain", series[1]), Row("NumPy / gain", quotients(series[0], series[1]), "ratio", at_least=least)]
    if fftw:
        rows += [Row("pyFFTW", series[2]), Row("pyFFTW / gain", quotients(series[2], series[1]), "ratio", at_least=least_of_fftw)]
    if by_scipy:
        rows += [Row("scipy.fft, 2 workers", series[3]), Row("scipy.fft / gain", quotients(series[3], series[1]), "ratio")]
    print(table(f"{what}, 1 rank, all threads", rows), flush=True)

for count in (10, 1000):
    theirs = RANDOM.random(count)
    ours = gain.array(theirs)
    often = lambda np, a: [np.fft.fft(a) for _ in range(1000)][-1]
    series = in_turn([lambda: often(numpy, theirs), lambda: often(gain, ours)], samples=9)  # noqa: B023
    rows = [Row("NumPy", series[0]), Row("gain", series[1]), Row("NumPy / gain", quotients(*series), "ratio", at_least=0.4)]
    print(table(f"1000 times fft of {count}", rows), flush=True)
