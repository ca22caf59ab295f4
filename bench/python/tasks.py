"""What calls by `ppeval` cost in a session with two ranks, beside a loop in this process and `multiprocessing.Pool`, in turn. NumPy's own threads are
off everywhere: they would take the ranks' processors."""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import multiprocessing
import statistics
import time

import numpy

import gain

RANKS, ROUNDS = 2, 5
MATRICES, ORDER, CALLS = 1000, 50, 200_000


def row(what, value, unit, reach):
    print(f"| {what} | {value:.3g} {unit} | {reach} |", flush=True)


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def nothing(i):
    return None


def main():
    print(f"| tasks of {RANKS} ranks | measured | to be reached |\n| --- | ---: | ---: |")
    plain = numpy.random.default_rng(1).random((ORDER, ORDER, MATRICES))
    with multiprocessing.Pool(RANKS) as pool, gain.connect(ranks=RANKS):
        x, numbers = gain.asarray(plain), numpy.arange(CALLS)
        ways = {
            "loop": lambda: [numpy.linalg.svd(plain[..., k]) for k in range(MATRICES)],
            "pool": lambda: pool.map(numpy.linalg.svd, [plain[..., k] for k in range(MATRICES)]),
            "ppeval": lambda: gain.ppeval(numpy.linalg.svd, x),
        }
        taken = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, work in ways.items():
                taken[name].append(seconds(work))
        taken = {name: statistics.median(times) for name, times in taken.items()}
        what = f"`svd` of {MATRICES} matrices of {ORDER} x {ORDER}"
        row(f"{what}, times as fast as a loop", taken["loop"] / taken["ppeval"], "", 1.8)
        row(f"{what}, times as fast as `multiprocessing.Pool({RANKS})`", taken["pool"] / taken["ppeval"], "", 1)
        each = statistics.median(seconds(lambda: gain.ppeval(nothing, numbers)) for _ in range(ROUNDS)) / CALLS * 1e6
        row("a call of an empty function", each, "us", 5)


if __name__ == "__main__":
    main()
