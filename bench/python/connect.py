"""What a client of ranks on this machine costs: the start, a call that is recorded, a value read, large arrays, a server without work,
and examples/laplace.py beside `gain run` with as many ranks, in turn."""

import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

import numpy

import gain

ROOT = pathlib.Path(__file__).resolve().parents[2]
RANKS = 2
FEW, LARGE = 10, 1 << 27
SIDES = {1000: (200, 1.15), 4000: (20, 1.03)}


def row(what, value, unit, reach):
    print(f"| {what} | {value:.3g} {unit} | {reach} |", flush=True)


def each(work, count, rounds=7):
    """Microseconds of one of so many calls: the median of some rounds."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(count):
            work()
        taken.append((time.perf_counter() - start) / count * 1e6)
    return statistics.median(taken)


def rate(work, len_bytes, rounds=5):
    """Bytes per second: the median of some rounds."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return len_bytes / statistics.median(taken)


def below(pid):
    """The processes that a process started, and those that they did."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *below(child)]
    return found


def worked(pids):
    """Seconds of processor time."""
    tasks = [task for pid in pids for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def session():
    start = time.perf_counter()
    with gain.connect(ranks=RANKS):
        x = gain.ones(FEW)
        float(x.sum())
        row("`connect()` to first result", time.perf_counter() - start, "s", 0.8)
        row("`x + 1` on 10 elements recorded", each(lambda: x + 1, 3000), "us", 3)
        row("a value read back", each(lambda: float(x[0]), 300), "us", 60)
        elements = numpy.random.default_rng(1).random(LARGE // 8)
        other = numpy.zeros_like(elements)
        plain = rate(lambda: numpy.copyto(other, elements), LARGE)
        del other
        row(f"upload of {LARGE >> 20} MiB, of memcpy's rate", rate(lambda: gain.asarray(elements), LARGE) / plain, "", 0.7)
        large = gain.asarray(elements)
        row(f"download of {LARGE >> 20} MiB, of memcpy's rate", rate(lambda: large.numpy(), LARGE) / plain, "", 0.7)
        servers = below(os.getpid())
        time.sleep(1)
        start, before = time.perf_counter(), worked(servers)
        time.sleep(5)
        row("server without work, of a core", 100 * (worked(servers) - before) / (time.perf_counter() - start), "%", 0.1)


def laplace():
    text = (ROOT / "examples/laplace.py").read_text().replace("import numpy as np", "import gain as np")
    own, served = [sys.executable, "-c", text], [sys.executable, "-c", f"import gain; gain.connect(ranks={RANKS})\n{text}"]
    for side, (sweeps, reach) in SIDES.items():
        taken = {"run": [], "served": []}
        for _ in range(5):
            for name, command in ("run", [sys.executable, "-m", "gain", "run", "-n", str(RANKS), *own]), ("served", served):
                said = subprocess.run([*command, str(side), str(sweeps)], capture_output=True, text=True, check=True).stdout
                taken[name].append(float(re.search(r"([\d.]+) s$", said, re.M)[1]))
        row(f"laplace.py {side}, of the time of `gain run`", statistics.median(taken["served"]) / statistics.median(taken["run"]), "", reach)


if __name__ == "__main__":
    print(f"| a client of {RANKS} ranks | measured | to be reached |\n| --- | ---: | ---: |")
    session()
    laplace()
