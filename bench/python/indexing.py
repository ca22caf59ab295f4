"""Indexing by arrays and masks against NumPy in the same run, in turn."""

import numpy
from figures import against_numpy

N, SIDE = 10_000_000, 3000
RANDOM = numpy.random.default_rng(1)
VALUES, OTHERS, SQUARE = RANDOM.random(N), RANDOM.random(N), RANDOM.random((SIDE, SIDE))
ORDER, COLUMNS = RANDOM.permutation(N), RANDOM.integers(0, SIDE, SIDE)


def put(array, key, values):
    """An assignment, as a call."""
    array[key] = values
    return array


# What, operands, what to compute of (module, operands), and NumPy's time over ours that is to be reached.
LARGE = [
    ("a[a > 0.5]", [VALUES], lambda np, a: a[a > 0.5], 1.8),
    ("a[i], a permutation", [VALUES, ORDER], lambda np, a, i: a[i], 1.5),
    ("y[i] = v, a permutation", [VALUES, ORDER, OTHERS], lambda np, y, i, v: put(y, i, v), 1.5),
    ("where(m, a, b)", [VALUES > 0.5, VALUES, OTHERS], lambda np, m, a, b: np.where(m, a, b), 4.0),
    ("take(axis=1) of 3000 x 3000", [SQUARE, COLUMNS], lambda np, a, i: np.take(a, i, axis=1), 2.0),
    ("y[m] = 0", [VALUES, VALUES > 0.5], lambda np, y, m: put(y, m, 0), 1.5),
]


def small(n, least):
    """The same of few elements, a thousand times."""
    values, order = VALUES[:n], numpy.argsort(VALUES[:n])

    def often(call):
        return lambda *operands: [call(*operands) for _ in range(1000)][-1]

    return [
        (f"1000 times a[i] of {n}", [values, order], often(lambda np, a, i: a[i]), least),
        (f"1000 times a[m] of {n}", [values, values > 0.5], often(lambda np, a, m: a[m]), least),
        (f"1000 times y[i] = v of {n}", [values, order, values], often(lambda np, y, i, v: put(y, i, v)), least),
    ]


against_numpy("Indexing by arrays, 10000000 doubles, 1 rank, all threads", LARGE)
against_numpy("Indexing of small arrays", small(10, 0.4) + small(1000, 0.67))
