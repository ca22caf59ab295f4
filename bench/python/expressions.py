"""Long vectors against NumPy in the same run: `a*b + c*d - exp(e)`, sum and dot at n = 2e7, in turn."""

import gain
import numpy
from figures import Row, in_turn, quotients, table

N = 20_000_000


def operands(np):
    """Five vectors, the same numbers in both modules."""
    ramp = np.linspace(0.0, 1.0, N)
    return [ramp * scale + shift for scale, shift in ((1.0, 0.5), (2.0, 0.0), (0.5, 1.0), (1.5, 0.0), (1.0, -0.5))]


def expression(np, a, b, c, d, e):
    """The fused one."""
    return a * b + c * d - np.exp(e)


def main():
    """Checks that the numbers agree, then prints the table."""
    ours, theirs = operands(gain), operands(numpy)
    sums = float(expression(gain, *ours).sum()), float(expression(numpy, *theirs).sum())
    assert abs(sums[0] - sums[1]) <= 1e-9 * abs(sums[1]), sums

    rows = []
    for what, call, bound in (
        ("a*b + c*d - exp(e)", lambda np, a: force(np, expression(np, *a)), 6.0),
        ("sum(a*b + c*d - exp(e))", lambda np, a: float(expression(np, *a).sum()), None),
        ("a + b", lambda np, a: force(np, a[0] + a[1]), None),
        ("sum(a)", lambda np, a: float(a[0].sum()), None),
        ("dot(a, b)", lambda np, a: float(np.dot(a[0], a[1])), None),
    ):
        numpy_times, gain_times = in_turn([lambda: call(numpy, theirs), lambda: call(gain, ours)], samples=5, warm=4)
        rows += [
            Row(f"NumPy: {what}", numpy_times),
            Row(f"gain: {what}", gain_times),
            Row(f"NumPy / gain: {what}", quotients(numpy_times, gain_times), "ratio", at_least=bound),
        ]
    print(table(f"Vectors of {N:.0e} doubles, 1 rank, all threads, against NumPy {numpy.__version__}", rows))


def force(np, array):
    """Computes a lazy array now; NumPy's arrays are computed already."""
    return array if np is numpy else array.force()


main()
