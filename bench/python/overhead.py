"""What a call costs when there is nothing to compute: `x + 1` on 10 elements, a slice, an element, a small sum."""

import gain
import numpy
from figures import Row, per_call, table


def rows(np, name, bounds):
    """One row per small operation."""
    x = np.arange(10.0)
    big = np.zeros((1000, 1000))
    calls = {
        "x + 1": lambda: x + 1,
        "x * 2 + x": lambda: x * 2 + x,
        "numpy.sqrt(x)" if np is numpy else "gain.sqrt(x)": lambda: np.sqrt(x),
        "x[2:8]": lambda: x[2:8],
        "u[1:-1, 1:-1] of 1000 x 1000": lambda: big[1:-1, 1:-1],
        "x[3]": lambda: x[3],
        "x.sum()": lambda: x.sum(),
        "zeros(10)": lambda: np.zeros(10),
    }
    return [Row(f"{name}: {what}", per_call(call, 20000, 9), at_most=bounds.get(what)) for what, call in calls.items()]


print(table("Cost of small calls from Python, x of 10 elements, 1 rank",
            rows(numpy, "NumPy", {}) + rows(gain, "gain", {"x + 1": 1.5e-6})))
