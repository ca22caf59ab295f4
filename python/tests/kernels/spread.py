"""Kernels on arrays of `gain`, by all ranks: `gain run -n N spread.py kernels`, or `spread.py programs FIRST END`; every rank compares with plain Python on NumPy's arrays.

What is printed at the end is how many calls ran compiled, and how many elements this rank fetched.
"""

import os
import pathlib
import sys
import warnings

os.environ.setdefault("GAIN_CACHE_DIR", "")
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import numpy as np  # noqa: E402
from kernels import arrays, data, generate, lists  # noqa: E402

import gain  # noqa: E402
from gain import _gain  # noqa: E402

SLOW = ("doitgen", "heat_3d", "nussinov", "durbin", "adi")


def compared(name, function, arguments, strict):
    """Whether a call ran compiled; what it leaves behind is what the plain function does."""
    compiled = gain.jit(function, strict=strict)
    theirs = data.copied(arguments)
    ours = [gain.array(x) if isinstance(x, np.ndarray) else x for x in arguments]
    function(*theirs)
    compiled(*ours)
    if ": compiled" not in compiled.explain():
        return False
    for mine, other in zip(ours, theirs):
        if isinstance(other, np.ndarray):
            mine = mine.numpy()
            same = np.array_equal(mine, other) if strict else np.allclose(mine, other, rtol=1e-11, atol=1e-11)
            assert same, f"{name}, strict={strict}, rank {gain.rank()}: {np.argwhere(mine != other)[:5].tolist()}\n{compiled.explain()}"
    return True


def kernels(*names):
    """These kernels, or all, in both forms."""
    count = 0
    for name in names or data.NAMES:
        for module in (lists, arrays):
            for n in (1, 5, 9) if name in SLOW else (0, 5, 14) if names else (0, 1, 5, 14, 45):
                if n == 45 and module is lists and name in ("floyd_warshall", "seidel_2d"):
                    continue
                for strict in (False, True):
                    arguments = data.arguments(name, n)
                    try:
                        getattr(module, name)(*data.copied(arguments))
                    except Exception:  # noqa: BLE001 - sizes that a kernel isn't for
                        continue
                    # (What runs as the plain function takes elements one by one from all ranks.)
                    if strict and module is arrays:
                        continue
                    count += compared(name, getattr(module, name), arguments, strict)
    return count


def spread(arguments):
    """Arrays of gain that overlap as these arguments do."""
    made = {}
    for arg in arguments:
        if isinstance(arg, np.ndarray):
            root = arg if arg.base is None else arg.base
            made.setdefault(id(root), gain.array(root))
    ours = []
    for arg in arguments:
        if not isinstance(arg, np.ndarray):
            ours.append(arg)
            continue
        root = arg if arg.base is None else arg.base
        whole = made[id(root)]
        if arg is root:
            ours.append(whole)
        elif arg.ndim == root.ndim:
            ours.append(whole.T)
        else:
            ours.append(whole[(arg.__array_interface__["data"][0] - root.__array_interface__["data"][0]) // root.strides[0]])
    return ours


def programs(first, end):
    """Random programs, bit for bit."""
    count = 0
    for seed in range(first, end):
        generator = generate.Generator(seed)
        function, text = generator.function()
        compiled = gain.jit(function, strict=True)
        for _ in range(2):
            arguments = generator.arguments()
            if not all(isinstance(arg, (np.ndarray, int, float)) for arg in arguments):
                continue
            ours = spread(arguments)
            version = compiled._of_ranks(ours) if gain.ranks() > 1 else None
            if version is None and gain.ranks() > 1:
                continue
            if gain.ranks() > 1:
                # What can't be run compiled would take elements one by one: that isn't what is tried here.
                done, result = version[1].run((*ours, *compiled._extra), True)
                if not done:
                    continue
            else:
                result = compiled(*ours)
            expected = generate.outcome(function, arguments)
            if expected[0][0] == "raises":
                assert gain.ranks() == 1, f"seed {seed}\n{text}"
                continue
            got = ("gives", float(result)), [generate.plain(arg.numpy() if isinstance(arg, gain.ndarray) else arg) for arg in ours]
            assert repr(got) == repr(expected), f"seed {seed}, rank {gain.rank()}\n{text}\n{got}\n{expected}"
            count += 1
    return count


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    _gain.jit_grain(0)
    ran = kernels(*sys.argv[2:]) if sys.argv[1] == "kernels" else programs(*map(int, sys.argv[2:]))
    print(ran, _gain.jit_counts()[1])
