"""Every ufunc on a million elements against NumPy in the same run: element types, contiguous and every other element.

    ufuncs.py [ufunc ...] [--types f8,f4] [--all]

With one thread (GAIN_NUM_THREADS=1) processor time counts, and no case is to take more than 1/0.9 of NumPy's; with more
threads the clock on the wall does, and 1.5 is the reach. `--all` prints each case, by ratio; else the worst and a summary.
"""

import argparse
import os
import time

import gain
import numpy
from figures import Row, in_turn, quotients, table

N = 1_000_000
TYPES = ("f8", "f4", "i8", "i4", "u1", "c16")
DOMAINS = {
    "arcsin": (-1, 1), "arccos": (-1, 1), "arctanh": (-1, 1), "arccosh": (1, 100), "log": (0, 100), "log2": (0, 100),
    "log10": (0, 100), "log1p": (-0.9, 100), "sqrt": (0, 100), "power": (0.1, 10), "float_power": (0.1, 10),
}
SCALARS = {
    "power": (0.5, 1.5, 2, 3, -1, -2, 5), "floor_divide": (7,), "remainder": (7,), "fmod": (7,), "divmod": (7,),
    "add": (2,), "multiply": (3,), "divide": (3,), "maximum": (0,), "less": (1,), "left_shift": (3,),
}
SMALL = {"left_shift", "right_shift", "power", "float_power", "gcd", "lcm", "ldexp"}


def random(rng, name, place, dtype, length):
    """Numbers the function is defined on."""
    kind = numpy.dtype(dtype).kind
    if name == "ldexp" and place == 1:
        return rng.integers(-8, 8, length)
    if kind in "iu":
        low, high = (0, 7) if name in SMALL else (1 if place else -100 * (kind == "i"), 100)
        return rng.integers(low, high, length).astype(dtype)
    low, high = DOMAINS.get(name, (-10, 10))
    x = rng.uniform(low, high, length)
    return (x + 1j * rng.uniform(-3, 3, length) if kind == "c" else x).astype(dtype)


def cases(names, types):
    """What, ufunc and operands (NumPy's) of each case."""
    for name in names:
        theirs, rng = getattr(numpy, name), numpy.random.default_rng(1)
        for dtype in types:
            for layout, step in (("", 1), (", stride 2", 2)):
                args = [random(rng, name, i, dtype, step * N)[::step] for i in range(theirs.nin)]
                scalars = SCALARS.get(name, ()) if theirs.nin == 2 else ()
                for last in (*args[1:], *scalars) or (None,):
                    operands = args if last is None else [args[0], last]
                    constant = "" if isinstance(last, numpy.ndarray) or last is None else f" {last}"
                    try:
                        with numpy.errstate(all="ignore"):
                            theirs(*[x[:9] if isinstance(x, numpy.ndarray) else x for x in operands])
                    except (TypeError, ValueError, OverflowError):
                        continue
                    yield f"{name}{constant} {dtype}{layout}", theirs, getattr(gain, name), operands


def force(result):
    """Computes what was recorded."""
    for one in result if isinstance(result, tuple) else (result,):
        one.force()


def measure(clock, samples, names, types):
    """The quotients of each case."""
    found = []
    for what, theirs, mine, operands in cases(names, types):
        converted = []
        for x in operands:
            strided = isinstance(x, numpy.ndarray) and x.strides[0] != x.itemsize
            whole = gain.array(x.base) if strided else gain.array(x) if isinstance(x, numpy.ndarray) else x
            converted.append(whole[::2] if strided else whole)
        with numpy.errstate(all="ignore"):
            times = in_turn(
                [lambda: theirs(*operands), lambda: force(mine(*converted))], samples=samples, warm=2, clock=clock)
        found.append((what, quotients(*times), min(times[0]) / N * 1e9, min(times[1]) / N * 1e9))
    return sorted(found, key=lambda case: sorted(case[1])[len(case[1]) // 2])


def main():
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--types", default=",".join(TYPES))
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    every = [name for name in dir(numpy) if isinstance(getattr(numpy, name), numpy.ufunc) and hasattr(gain, name)
             and getattr(numpy, name).signature is None and getattr(numpy, name).__name__ == name]
    alone = os.environ.get("GAIN_NUM_THREADS") == "1"
    clock, reach = (time.process_time, 0.9) if alone else (time.perf_counter, 1.5)
    found = measure(clock, options.samples, options.names or every, options.types.split(","))
    if options.all:
        for what, ratios, theirs, ours in found:
            print(f"{sorted(ratios)[len(ratios) // 2]:7.2f}  {what:40s} {theirs:8.2f} {ours:8.2f} ns")
        return
    print(table(
        f"NumPy {numpy.__version__} / gain on {N:.0e} elements, {'1 thread' if alone else 'all threads'}: "
        f"the slowest 20 of {len(found)} cases", [
            *(Row(what, ratios, "ratio", at_least=reach) for what, ratios, *_ in found[:20]),
            Row("median of all", [sorted(ratios)[len(ratios) // 2] for _, ratios, *_ in found], "ratio"),
            Row("cases under the reach", [sum(sorted(r)[len(r) // 2] < reach for _, r, *_ in found)], "count"),
        ]))


main()
