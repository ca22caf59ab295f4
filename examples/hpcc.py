"""The HPC Challenge in NumPy: HPL, FFT, STREAM, DGEMM and PTRANS, a few lines each, every result checked as HPCC checks it.

    python hpcc.py N                 # gain on one rank, with a thread for each processor
    python hpcc.py -p RANKS N        # gain on this many ranks
    python hpcc.py -p 0 N            # NumPy

N is the order of the matrices; FFT and STREAM take vectors of N * N elements. Rates are in units of 10^9 operations, or
bytes, a second: 2/3 n^3 + 2 n^2 operations for HPL, 5 n log2(n) for FFT, 24 n bytes for STREAM's triad, 2 n^3 operations
for DGEMM, 8 n^2 bytes for PTRANS. A residual over 16 is a failure, as in HPCC.
"""

import argparse
import math
import pathlib
import subprocess
import sys
import time

EPS = 2.0**-52
LIMIT = 16.0


def timed(work, done):
    """What `work` returns, and the seconds it takes until it is computed; the second of two runs counts."""
    for _ in range(2):
        start = time.perf_counter()
        made = done(work())
        seconds = time.perf_counter() - start
    return made, seconds


def hpl(np, n, done):
    """Solves A x = b: rate, scaled residual."""
    a = done(np.random.rand(n, n) - 0.5)
    b = done(np.random.rand(n) - 0.5)
    x, seconds = timed(lambda: np.linalg.solve(a, b), done)
    left = abs(a @ x - b).max()
    scale = EPS * (abs(a).sum(axis=1).max() * abs(x).max() + abs(b).max()) * n
    return (2 / 3 * n**3 + 2 * n**2) / seconds, left / scale


def fft(np, n, done):
    """The transform of a vector, and back."""
    z = done(np.random.rand(n) + 1j * np.random.rand(n))
    made, seconds = timed(lambda: np.fft.fft(z), done)
    left = abs(np.fft.ifft(made) - z).max()
    return 5 * n * math.log2(n) / seconds, left / (EPS * math.log2(n))


def stream(np, n, done):
    """The triad s * a + b."""
    a, b, s = done(np.random.rand(n)), done(np.random.rand(n)), 3.0
    made, seconds = timed(lambda: s * a + b, done)
    return 24 * n / seconds, abs(made - b - s * a).max() / (EPS * (abs(s) + 1))


def dgemm(np, n, done):
    """The product of two matrices, checked by another one with a vector."""
    a, b, v = done(np.random.rand(n, n)), done(np.random.rand(n, n)), done(np.random.rand(n))
    made, seconds = timed(lambda: a @ b, done)
    left = abs(made @ v - a @ (b @ v)).max()
    scale = EPS * n * (abs(a).sum(axis=1).max() * abs(b).sum(axis=1).max() * abs(v).max())
    return 2 * n**3 / seconds, left / scale


def ptrans(np, n, done):
    """The sum of a matrix with the transposed of another."""
    a, b = done(np.random.rand(n, n)), done(np.random.rand(n, n))
    made, seconds = timed(lambda: a.T + b, done)
    return 8 * n**2 / seconds, abs(made.T - b.T - a).max() / (EPS * 2)


TESTS = [
    ("HPL", hpl, "Gflop/s"), ("FFT", fft, "Gflop/s"), ("STREAM", stream, "GB/s"), ("DGEMM", dgemm, "Gflop/s"),
    ("PTRANS", ptrans, "GB/s"),
]


def run(np, n, done, is_first):
    """All tests with this NumPy; the table, from the first rank. How many residuals are too large."""
    np.random.seed(1)
    failures = 0
    for name, test, unit in TESTS:
        rate, left = test(np, n * n if test in (fft, stream) else n, done)
        failures += not left <= LIMIT
        if is_first:
            print(f"{name:8}{rate / 1e9:10.2f} {unit:8} residual {float(left):9.2e}  {'ok' if left <= LIMIT else 'FAILED'}", flush=True)
    return failures


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description="The HPC Challenge in NumPy")
    parser.add_argument("-p", dest="ranks", type=int, default=1, help="ranks of gain; 0 is NumPy")
    parser.add_argument("n", type=int, help="order of the matrices")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.ranks < 0 or given.n < 2:
        parser.error("RANKS is 0 or more, N is 2 or more")
    if given.ranks == 0:
        import numpy

        sys.exit(run(numpy, given.n, lambda x: x, True) > 0)
    if given.ranks > 1 and not given.here:
        gain = pathlib.Path(sys.executable).with_name("gain")
        command = [gain, "run", "-n", given.ranks, sys.executable, __file__, "-p", given.ranks, "--here", given.n]
        sys.exit(subprocess.run(list(map(str, command))).returncode)
    import gain

    sys.exit(run(gain, given.n, lambda x: x.force(), gain.rank() == 0) > 0)


if __name__ == "__main__":
    main()
