"""`gain.jit` on the thirty kernels of python/tests/kernels, in loops and in NumPy's operators, against NumPy, and against Numba's serial loops where it is installed."""

import os
import sys
import time
from pathlib import Path

import gain
from figures import Row, in_turn, quotients, table
from gain import _gain

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python" / "tests"))
from kernels import arrays, data, lists  # noqa: E402

try:
    import numba
except ImportError:
    numba = None

# What an earlier run compiled would be read from disk.
os.environ["GAIN_CACHE_DIR"] = ""

# Sizes at which NumPy's form takes a tenth of a second to a few.
SIZES = {
    "gemm": 1000, "syrk": 400, "syr2k": 300, "symm": 250, "trmm": 250, "gemver": 1500, "gesummv": 1500, "mvt": 2000, "atax": 2000, "bicg": 2000, "two_mm": 800,
    "three_mm": 800, "doitgen": 60, "cholesky": 400, "lu": 300, "ludcmp": 300, "trisolv": 2000, "durbin": 2000, "gramschmidt": 300, "correlation": 700, "covariance": 700,
    "jacobi_1d": 500_000, "jacobi_2d": 1000, "seidel_2d": 400, "heat_3d": 100, "fdtd_2d": 1000, "adi": 300, "deriche": 1000, "floyd_warshall": 300, "nussinov": 150,
}
# What is to be reached against NumPy's form, where it isn't 1.
REACH = {"correlation": 40, "covariance": 60, "symm": 30, "syr2k": 40, "syrk": 20, "trmm": 20, "doitgen": 3}


def calls(function, arguments):
    """A call on arguments that start the same each time, and that compute the same if nothing goes wrong."""
    given = data.copied(arguments)

    def call():
        for one, other in zip(given, arguments):
            if hasattr(one, "shape"):
                one[...] = other
        function(*given)

    return call


chosen = sys.argv[1:] or data.NAMES
rows, loops = [], []
for name in chosen:
    arguments = data.arguments(name, SIZES[name])
    numpys, plain = getattr(arrays, name), getattr(lists, name)
    operators, explicit = gain.jit(numpys), gain.jit(plain)
    theirs, ours, looped = in_turn([calls(f, arguments) for f in (numpys, operators, explicit)], samples=3)
    kinds = " ".join("" if ": compiled" in f.explain() else "(plain function)" for f in (operators, explicit)).strip()
    rows += [
        Row(f"NumPy: {name} {SIZES[name]}", theirs),
        Row(f"jit, operators: {name} {kinds}", ours),
        Row(f"NumPy / jit, operators: {name}", quotients(theirs, ours), "ratio", at_least=REACH.get(name, 1)),
        Row(f"NumPy / jit, loops: {name}", quotients(theirs, looped), "ratio", at_least=REACH.get(name, 1)),
    ]
    if numba:
        compiled = numba.njit(plain)
        numbas = calls(compiled, arguments)
        numbas()
        theirs, looped = in_turn([numbas, calls(explicit, arguments)], samples=3)
        loops += [Row(f"Numba / jit, loops: {name}", quotients(theirs, looped), "ratio", at_least=1)]
print(table("gain.jit against NumPy's form of the kernels, 1 rank", rows), flush=True)
if loops:
    print(table(f"gain.jit against Numba {numba.__version__}, one thread, loops", loops), flush=True)

parts = []
for name in ("jacobi_2d", "heat_3d", "fdtd_2d", "deriche", "adi"):
    if name not in chosen:
        continue
    spread = calls(gain.jit(getattr(lists, name)), data.arguments(name, SIZES[name]))

    def alone(spread=spread):
        """The same on one thread: no loop is worth more."""
        before = _gain.jit_grain(1 << 62)
        spread()
        _gain.jit_grain(before)

    one, several = in_turn([alone, spread], samples=5)
    parts.append(Row(f"one thread / all: {name} {SIZES[name]}", quotients(one, several), "ratio", at_least=1.8 if _gain.threads() > 1 else None))
if parts:
    print(table(f"gain.jit on {_gain.threads()} threads, loops", parts), flush=True)

small = gain.jit(lists.jacobi_1d)
arguments = data.arguments("jacobi_1d", 4)[1:]
start = time.perf_counter()
small(0, *arguments)
compiled = time.perf_counter() - start


def batch(function, *given):
    """Seconds of a call, of many."""
    start = time.perf_counter()
    for _ in range(2000):
        function(*given)
    return (time.perf_counter() - start) / 2000


fallback = [batch(small, 0, [1, 2.5], arguments[1]) - batch(lists.jacobi_1d, 0, [1, 2.5], arguments[1]) for _ in range(5)]
print(table("Costs of gain.jit", [
    Row("first call of jacobi_1d: analysis and machine code", [compiled]),
    Row("a call with nothing to do", [batch(small, 0, *arguments) for _ in range(5)], at_most=2e-6),
    Row("a call that falls back, over the plain one", fallback, at_most=2e-6),
]), flush=True)
