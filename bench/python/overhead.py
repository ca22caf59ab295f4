"""What a call costs when there is nothing to compute: `x + 1` on 10 elements, a slice, an element, a small sum.

Processor time, NumPy and gain in turn."""

import time

import gain
import numpy
from figures import Row, in_turn, quotients, table

#: NumPy's time over ours that is to be reached, and our time at most.
REACH = {"sqrt(x)": 0.8, "x[2:8]": 0.8, "zeros(10)": 0.8, "x.sum()": 0.8}
AT_MOST = {"x + 1": 0.8e-6}
CALLS = 20000


def calls(np):
    """The small operations, by name."""
    x = np.arange(10.0)
    big = np.zeros((1000, 1000))
    return {
        "x + 1": lambda: x + 1,
        "x * 2 + x": lambda: x * 2 + x,
        "sqrt(x)": lambda: np.sqrt(x),
        "x[2:8]": lambda: x[2:8],
        "u[1:-1, 1:-1] of 1000 x 1000": lambda: big[1:-1, 1:-1],
        "x[3]": lambda: x[3],
        "x.sum()": lambda: x.sum(),
        "zeros(10)": lambda: np.zeros(10),
    }


def repeated(call):
    """A function that makes many calls."""
    def all_of_them():
        for _ in range(CALLS):
            call()
    return all_of_them


def main():
    """The table."""
    theirs, ours, lines = calls(numpy), calls(gain), []
    for what in theirs:
        series = in_turn([repeated(theirs[what]), repeated(ours[what])], clock=time.process_time)
        numpy_times, gain_times = [[seconds / CALLS for seconds in one] for one in series]
        lines += [
            Row(f"NumPy: {what}", numpy_times),
            Row(f"gain: {what}", gain_times, at_most=AT_MOST.get(what)),
            Row(f"NumPy / gain: {what}", quotients(numpy_times, gain_times), "ratio", at_least=REACH.get(what)),
        ]
    print(table("Cost of small calls from Python, x of 10 elements, 1 rank, processor time", lines))


main()
