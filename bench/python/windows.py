"""Sliding windows, counts for each item and polynomials against NumPy in the same run, in turn."""

import gain
import numpy
from figures import Row, in_turn, quotients, table

N = 10_000_000
RANDOM = numpy.random.default_rng(1)
VALUES, FEW = RANDOM.random(N), RANDOM.random(1_000_000)
COUNTS = RANDOM.integers(0, 3, len(FEW))
IMAGE = RANDOM.random((2000, 2000))


def windows(np, *arguments):
    """The view, by the name that both modules have it under."""
    return np.lib.stride_tricks.sliding_window_view(*arguments)


# What, operands, what to compute of (module, operands), and NumPy's time over ours that is to be reached.
CASES = [
    ("window(x, 5).sum(-1)", [VALUES], lambda np, x: windows(np, x, 5).sum(-1), 1.5),
    ("window(m, (3, 3)).mean((2, 3)), 2000 x 2000", [IMAGE], lambda np, m: windows(np, m, (3, 3)).mean((2, 3)), 1.5),
    ("repeat(x, counts), 1e6", [FEW, COUNTS], lambda np, x, n: np.repeat(x, n), 1),
    ("polyval of degree 5", [VALUES], lambda np, x: np.polyval([1, 2, 3, 4, 5, 6], x), 1.5),
    ("polyfit of degree 3, 1e6", [FEW, FEW[::-1]], lambda np, x, y: np.polyfit(x, y, 3), 1.5),
    ("byteswap", [VALUES], lambda np, x: x.byteswap(), 0.8),
]


def compare(title, cases):
    """Prints a table of cases."""
    rows = []
    for what, operands, call, least in cases:
        theirs_of, ours_of = [operand.copy() for operand in operands], [gain.array(operand) for operand in operands]
        assert numpy.allclose(numpy.asarray(call(gain, *ours_of)), call(numpy, *theirs_of), equal_nan=True), what
        theirs, ours = in_turn(
            [lambda: call(numpy, *theirs_of), lambda: call(gain, *ours_of).force()], samples=7  # noqa: B023
        )
        rows += [
            Row(f"NumPy: {what}", theirs),
            Row(f"gain: {what}", ours),
            Row(f"NumPy / gain: {what}", quotients(theirs, ours), "ratio", at_least=least),
        ]
    print(table(title, rows), flush=True)


compare("Windows, repeats and polynomials, 10000000 doubles, 1 rank, all threads", CASES)
