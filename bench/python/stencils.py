"""Small stencils, whose sweeps cost more than their arithmetic, in processor time on one thread.

    stencils.py            against NumPy, in turn
    stencils.py sweep N    seconds of this rank per sweep, for a job of several; alone it makes none of the tables

Between ranks a sweep includes what they make sure of: that all decided alike.
"""

import sys
import time

import gain
import numpy
from figures import Row, in_turn, quotients, table

#: Points per side, sweeps per sample, and NumPy's time over ours that is to be reached.
SIZES = ((30, 400, 1.0), (100, 200, 3.0), (300, 30, 5.0))


def stencil(np, n):
    """A function that makes one sweep over a grid of its own and returns the norm of the change."""
    u = np.full((n, n), 0.5)
    u[0], u[:, 0] = 1.0, 2.0
    dx2, dy2 = 1.0 / n**2, 1.5 / n**2
    k = 0.5 / (dx2 + dy2)

    def sweep():
        old = u.copy()
        u[1:-1, 1:-1] = ((u[:-2, 1:-1] + u[2:, 1:-1]) * dy2 + (u[1:-1, :-2] + u[1:-1, 2:]) * dx2) * k
        change = (u - old).ravel()
        return float(np.sqrt(np.dot(change, change)))

    return sweep


def chain(np, n):
    """Five operations on n elements."""
    a, b = np.arange(n) * 1.5, np.arange(n) + 2.0
    return lambda: computed((a * b + a - b) * 2.0 + 1.0)


def line(np, n):
    """Two operations on n elements."""
    a = np.arange(n) * 1.5
    return lambda: computed(a * 2 + 1)


def total(np, n):
    """A small expression and its sum."""
    a = np.arange(n) * 1.5
    return lambda: float((a * 2 + 1).sum())


def computed(array):
    """A lazy array, computed now."""
    return array.force() if isinstance(array, gain.ndarray) else array


def repeat(call, times):
    """A function that makes that many calls."""
    def all_of_them():
        for _ in range(times):
            call()
    return all_of_them


def rows(what, make, times, bound):
    """NumPy, gain and the quotient."""
    theirs, ours = make(numpy), make(gain)
    for _ in range(3):
        mine, other = ours(), theirs()
    if isinstance(mine, float):
        assert abs(mine - other) <= 1e-9 * abs(other), (what, mine, other)
    series = in_turn([repeat(theirs, times), repeat(ours, times)], clock=time.process_time)
    numpy_times, gain_times = [[seconds / times for seconds in one] for one in series]
    return [
        Row(f"NumPy: {what}", numpy_times),
        Row(f"gain: {what}", gain_times),
        Row(f"NumPy / gain: {what}", quotients(numpy_times, gain_times), "ratio", at_least=bound),
    ]


def main():
    """The tables of one rank."""
    lines = []
    for n, sweeps, bound in SIZES:
        lines += rows(f"a sweep over {n} x {n} with its norm", lambda np: stencil(np, n), sweeps, bound)
    lines += rows("(a*b + a - b)*2 + 1, n = 100", lambda np: chain(np, 100), 2000, 1.0)
    for n in (100, 500, 2000):
        lines += rows(f"(a*2 + 1).sum(), n = {n}", lambda np: total(np, n), 2000, 1.0)
    for n in (2000, 10000):
        lines += rows(f"a*2 + 1, n = {n}", lambda np: line(np, n), 1000, 1.0)
    print(table("Small stencils and vectors, 1 rank, 1 thread, processor time", lines))


def between_ranks(n, sweeps=200, samples=9):
    """Prints this job's seconds per sweep, as the slowest rank sees it."""
    sweep = stencil(gain, n)
    repeat(sweep, 20)()
    for _ in range(samples):
        start = time.perf_counter()
        repeat(sweep, sweeps)()
        seconds = float(gain.array([(time.perf_counter() - start) / sweeps]).max())
        if gain.rank() == 0:
            print(f"{seconds:.9f}", flush=True)


if sys.argv[1:2] == ["sweep"]:
    between_ranks(int(sys.argv[2]))
else:
    main()
