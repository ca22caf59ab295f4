"""Searches, counts, histograms, running sums and joins against NumPy in the same run, in turn."""

import numpy
from figures import against_numpy

N, SIDE, SEARCHED = 10_000_000, 3000, 1_000_000
RANDOM = numpy.random.default_rng(1)
VALUES, OTHERS, SQUARE, LARGE_SQUARE = RANDOM.random(N), RANDOM.random(N), RANDOM.random((SIDE, SIDE)), RANDOM.random((4000, 4000))
TABLE, NEEDLES, EDGES = numpy.sort(RANDOM.random(SEARCHED)), RANDOM.random(SEARCHED), numpy.sort(RANDOM.random(101))
PLACES = RANDOM.integers(0, 1000, N)


def changed(np, array, places, values):
    """`add.at`, as a call with a result."""
    np.add.at(array, places, values)
    return array


# What, operands, what to compute of (module, operands), and NumPy's time over ours that is to be reached.
LARGE = [
    ("searchsorted of 1000000 in 1000000", [TABLE, NEEDLES], lambda np, t, x: np.searchsorted(t, x), 1.8),
    ("searchsorted of 1000000 in order", [TABLE, numpy.sort(NEEDLES)], lambda np, t, x: np.searchsorted(t, x), 1.8),
    ("digitize, 100 bins", [VALUES, EDGES], lambda np, x, e: np.digitize(x, e), 1.8),
    ("interp of 1000000 in 1000000", [NEEDLES, TABLE, OTHERS[:SEARCHED]], lambda np, x, t, y: np.interp(x, t, y), 1.8),
    ("bincount of 1000 numbers", [PLACES], lambda np, k: np.bincount(k), 1.8),
    ("bincount with weights", [PLACES, VALUES], lambda np, k, w: np.bincount(k, w), 1.8),
    ("histogram(bins=100)", [VALUES], lambda np, x: np.histogram(x, 100)[0], 4.0),
    ("histogram of 100 given bins", [VALUES, EDGES], lambda np, x, e: np.histogram(x, e)[0], 4.0),
    ("add.at of 1000000 into 1000", [numpy.zeros(1000), PLACES[:SEARCHED], NEEDLES], changed, 1.5),
    ("cumsum", [VALUES], lambda np, x: np.cumsum(x), 1.5),
    ("cumsum(axis=0) of 3000 x 3000", [SQUARE], lambda np, x: np.cumsum(x, axis=0), 2.0),
    ("diff", [VALUES], lambda np, x: np.diff(x), 3.0),
    ("concatenate", [VALUES, OTHERS], lambda np, x, y: np.concatenate((x, y)), 1.5),
    ("tile", [VALUES], lambda np, x: np.tile(x, 2), 1.5),
    ("roll", [VALUES], lambda np, x: np.roll(x, 1000), 1.5),
    ("pad", [VALUES], lambda np, x: np.pad(x, 100), 1.5),
    ("a.T.copy() of 4000 x 4000", [LARGE_SQUARE], lambda np, x: x.T.copy(), 1.5),
]


def small(n, least):
    """The same of few elements, a thousand times."""
    values, table, places = VALUES[:n], numpy.sort(VALUES[:n]), PLACES[:n] % n

    def often(call):
        return lambda *operands: [call(*operands) for _ in range(1000)][-1]

    return [
        (f"1000 times searchsorted of {n}", [table, values], often(lambda np, t, x: np.searchsorted(t, x)), least),
        (f"1000 times digitize of {n}", [values, table], often(lambda np, x, t: np.digitize(x, t)), least),
        (f"1000 times interp of {n}", [values, table, values], often(lambda np, x, t, y: np.interp(x, t, y)), least),
        (f"1000 times bincount of {n}", [places], often(lambda np, k: np.bincount(k)), least),
        (f"1000 times bincount with weights of {n}", [places, values], often(lambda np, k, w: np.bincount(k, w)), least),
        (f"1000 times histogram of {n}", [values], often(lambda np, x: np.histogram(x)[0]), least),
        (f"1000 times add.at of {n}", [numpy.zeros(n), places, values], often(changed), least),
        (f"1000 times diff of {n}", [values], often(lambda np, x: np.diff(x)), least),
        (f"1000 times concatenate of {n}", [values, values], often(lambda np, x, y: np.concatenate((x, y))), least),
    ]


against_numpy("Searches, counts and scans, 10000000 doubles unless said, 1 rank, all threads", LARGE)
against_numpy("Searches and counts of small arrays", small(10, 0.4) + small(1000, 0.67))
