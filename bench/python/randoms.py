"""Random numbers against NumPy in the same run, in turn: the same bits, and NumPy's time over ours."""

import gain
import numpy
from figures import Row, in_turn, quotients, table

N, FEWER = 100_000_000, 10_000_000

# What, elements, what to draw from (module, generator, legacy generator), NumPy's time over ours that is to be reached.
CASES = [
    ("random(1e8)", lambda rng, old, n: rng.random(n), N, 1.8),
    ("random(1e8), float32", lambda rng, old, n: rng.random(n, numpy.float32), N, 1.8),
    ("standard_normal(1e8)", lambda rng, old, n: rng.standard_normal(n), N, 1.8),
    ("standard_normal(1e8), float32", lambda rng, old, n: rng.standard_normal(n, numpy.float32), N, 1.8),
    ("standard_exponential(1e8)", lambda rng, old, n: rng.standard_exponential(n), N, 1.8),
    ("integers(0, 1000, 1e8)", lambda rng, old, n: rng.integers(0, 1000, n), N, 1.8),
    ("integers(0, 256, 1e8), uint8", lambda rng, old, n: rng.integers(0, 256, n, numpy.uint8), N, 1.8),
    ("permutation(1e7)", lambda rng, old, n: rng.permutation(n), FEWER, 1.0),
    ("choice(1000, 1e7)", lambda rng, old, n: rng.choice(1000, n), FEWER, 1.0),
    ("rand(1e7), legacy", lambda rng, old, n: old.rand(n), FEWER, 1.0),
    ("randn(1e7), legacy", lambda rng, old, n: old.randn(n), FEWER, 1.0),
    ("randint(0, 1000, 1e7), legacy", lambda rng, old, n: old.randint(0, 1000, n), FEWER, 1.0),
]


def compare():
    """Prints the table."""
    rows = []
    for what, call, n, least in CASES:
        theirs_of = numpy.random.default_rng(1), numpy.random.RandomState(1)
        ours_of = gain.random.default_rng(1), gain.random.RandomState(1)
        assert (call(*theirs_of, n // 100) == call(*ours_of, n // 100).numpy()).all(), what
        theirs, ours = in_turn(
            [lambda: call(*theirs_of, n), lambda: call(*ours_of, n).force()], samples=5  # noqa: B023
        )
        rows += [Row(f"NumPy: {what}", theirs), Row(f"gain: {what}", ours), Row(f"NumPy / gain: {what}", quotients(theirs, ours), "ratio", at_least=least)]
    print(table("Random numbers, 1 rank, all threads", rows), flush=True)


compare()
