"""Seconds per sweep of examples/laplace.py, error norm every sweep, under NumPy or under gain.

    laplace.py numpy|gain N SWEEPS REPETITIONS

The solver's own text runs; only its import line is changed. Prints the seconds per sweep of each repetition, one a
line, then `norm` and the last error norm, and for gain `arrays`: how many arrays were created per sweep.
"""

import sys
import time
import types
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "laplace.py"
IMPORT = "import numpy as np"


def load(module):
    """The example as a module that computes with `module`."""
    text = EXAMPLE.read_text()
    assert text.count(IMPORT) == 1, f"{EXAMPLE} no longer has the line {IMPORT!r}"
    laplace = types.ModuleType("laplace")
    exec(compile(text.replace(IMPORT, f"import {module} as np"), EXAMPLE, "exec"), laplace.__dict__)
    return laplace


def main(module, n, sweeps, repetitions):
    """Runs and prints."""
    laplace = load(module)
    stats = getattr(laplace.np, "stats", None) if module == "gain" else None
    for _ in range(repetitions):
        grid = laplace.Grid(n, n)
        grid.setBCFunc(laplace.boundary)
        solver = laplace.LaplaceSolver(grid)
        warm = min(3, sweeps - 1)
        for _ in range(warm):
            float(solver.numericTimeStep())
        before = stats() if stats else None
        start = time.perf_counter()
        for _ in range(sweeps - warm):
            error = float(solver.numericTimeStep())
        seconds = time.perf_counter() - start
        after = stats() if stats else None
        print(f"{seconds / (sweeps - warm):.9f}", flush=True)
    print(f"norm {error:.17g}")
    if stats:
        print(f"arrays {(after['arrays_created'] - before['arrays_created']) / (sweeps - warm):g}")


main(sys.argv[1], *map(int, sys.argv[2:5]))
