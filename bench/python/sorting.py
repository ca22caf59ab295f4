"""Sorting, sets and quantiles against NumPy in the same run, in turn."""

import gain
import numpy
from figures import Row, in_turn, quotients, table

N, SIDE = 10_000_000, 3000
RANDOM = numpy.random.default_rng(1)
VALUES, SQUARE = RANDOM.random(N), RANDOM.random((SIDE, SIDE))
FEWER, NUMBERS = VALUES[:1_000_000], RANDOM.integers(0, 1_000_000, 1_000_000)

# What, operands, what to compute of (module, operands), whether it is to be compared, NumPy's time over ours that is to be reached.
LARGE = [
    ("sort", [VALUES], lambda np, a: np.sort(a), True, 1.8),
    ("argsort", [VALUES], lambda np, a: np.argsort(a), True, 1.8),
    ("sort(axis=0) of 3000 x 3000", [SQUARE], lambda np, a: np.sort(a, axis=0), True, 1.8),
    ("sort(axis=1) of 3000 x 3000", [SQUARE], lambda np, a: np.sort(a, axis=1), True, 1.8),
    ("partition", [VALUES], lambda np, a: np.partition(a, N // 2), False, 1.5),
    ("argpartition", [VALUES], lambda np, a: np.argpartition(a, N // 2), False, 1.0),
    ("unique of 1e6 doubles", [FEWER], lambda np, a: np.unique(a), True, 1.8),
    ("unique of 1e6 integers", [NUMBERS], lambda np, a: np.unique(a), True, 1.8),
    ("unique of 1e6 integers, inverse", [NUMBERS], lambda np, a: np.unique(a, return_inverse=True)[1], True, 1.0),
    ("isin, 1e6 in 1e3", [NUMBERS, NUMBERS[:1000]], lambda np, a, b: np.isin(a, b), True, 1.0),
    ("median", [VALUES], lambda np, a: np.median(a), True, 1.5),
    ("median(axis=0) of 3000 x 3000", [SQUARE], lambda np, a: np.median(a, axis=0), True, 1.5),
    ("percentile([5, 50, 95])", [VALUES], lambda np, a: np.percentile(a, [5, 50, 95]), True, 1.5),
    ("nanmedian", [VALUES], lambda np, a: np.nanmedian(a), True, 1.0),
]


def small(n, least):
    """The same of few elements, a thousand times."""
    values = VALUES[:n]

    def often(call):
        return lambda *operands: [call(*operands) for _ in range(1000)][-1]

    calls = {
        "sort": lambda np, a: np.sort(a), "argsort": lambda np, a: np.argsort(a), "unique": lambda np, a: np.unique(a),
        "partition": lambda np, a: np.partition(a, n // 2), "isin": lambda np, a: np.isin(a, a),
        "median": lambda np, a: np.median(a), "percentile": lambda np, a: np.percentile(a, [5, 50, 95]),
        "intersect1d": lambda np, a: np.intersect1d(a, a),
    }
    return [
        (f"1000 times {name} of {n}", [values], often(call), name != "partition", least) for name, call in calls.items()
    ]


def forced(made):
    """A result, once it is computed."""
    return made.force() if isinstance(made, gain.ndarray) else made


def compare(title, cases):
    """Prints a table of cases."""
    rows = []
    for what, operands, call, is_compared, least in cases:
        ours_of = [gain.array(operand) for operand in operands]
        if is_compared:
            assert numpy.allclose(numpy.asarray(call(gain, *ours_of)), call(numpy, *operands), 1e-14, 0), what
        theirs, ours = in_turn(
            [lambda: call(numpy, *operands), lambda: forced(call(gain, *ours_of))], samples=7  # noqa: B023
        )
        rows += [
            Row(f"NumPy: {what}", theirs),
            Row(f"gain: {what}", ours),
            Row(f"NumPy / gain: {what}", quotients(theirs, ours), "ratio", at_least=least),
        ]
    print(table(title, rows), flush=True)


compare("Sorting, 10000000 doubles, 1 rank, all threads", LARGE)
compare("Sorting of small arrays", small(10, 0.4) + small(1000, 0.67))
