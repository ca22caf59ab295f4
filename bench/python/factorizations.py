"""Factorizations against NumPy in the same run: large matrices, and stacks of small ones. Its own process, so that NumPy chooses."""

import gain
import numpy
from figures import Row, in_turn, quotients, table


def square(n, count=None):
    rng = numpy.random.default_rng(n)
    return rng.standard_normal((n, n) if count is None else (count, n, n))


def definite(n, count=None):
    a = square(n, count)
    return a @ a.swapaxes(-1, -2) / n + numpy.eye(n)


def symmetric(n, count=None):
    a = square(n, count)
    return a + a.swapaxes(-1, -2)


LARGE = (
    ("solve, 4096", lambda: (square(4096), numpy.ones(4096)), lambda np, a, b: np.linalg.solve(a, b), 0.9),
    ("cholesky, 4096", lambda: (definite(4096),), lambda np, a: np.linalg.cholesky(a), 0.9),
    ("inv, 2048", lambda: (square(2048),), lambda np, a: np.linalg.inv(a), 0.9),
    ("qr, 2048", lambda: (square(2048),), lambda np, a: np.linalg.qr(a), 0.9),
    ("lstsq, 100000 x 50", lambda: (numpy.random.default_rng(1).random((100_000, 50)), numpy.ones(100_000)), lambda np, a, b: np.linalg.lstsq(a, b), 1.2),
    ("eigh, 1024", lambda: (symmetric(1024),), lambda np, a: np.linalg.eigh(a), 0.9),
    ("eigh, 2048", lambda: (symmetric(2048),), lambda np, a: np.linalg.eigh(a), 0.9),
    ("svd, 1024", lambda: (square(1024),), lambda np, a: np.linalg.svd(a), 0.9),
    ("eigvals, 512", lambda: (square(512),), lambda np, a: np.linalg.eigvals(a), 0.5),
)
STACKS = tuple(
    (f"{name}, {count} of {n} x {n}", lambda n=n, count=count, make=make, two=name == "solve": (make(n, count),) * (1 + two), call, 2.0)
    for n, count in ((3, 100_000), (16, 10_000))
    for name, make, call in (
        ("det", square, lambda np, a: np.linalg.det(a)),
        ("inv", square, lambda np, a: np.linalg.inv(a)),
        ("solve", square, lambda np, a, b: np.linalg.solve(a, b)),
        ("svd", square, lambda np, a: np.linalg.svd(a)),
        ("eigh", symmetric, lambda np, a: np.linalg.eigh(a)),
    )
)


def main():
    """Prints the table; that answers are right is what the tests are for."""
    rows = []
    for what, make, call, bound in LARGE + STACKS:
        theirs = make()
        ours = [gain.array(a) for a in theirs]
        times = in_turn([lambda: call(numpy, *theirs), lambda: call(gain, *ours)], samples=3, warm=1)
        rows += [
            Row(f"NumPy: {what}", times[0]), Row(f"gain: {what}", times[1]),
            Row(f"NumPy / gain: {what}", quotients(*times), "ratio", at_least=bound),
        ]
    print(table(f"Linear algebra of doubles, 1 rank, {gain.threads()} threads, against NumPy {numpy.__version__}", rows))


main()
