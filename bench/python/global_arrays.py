"""Global Arrays from C: bench/c/ga_bench.c on libga and, where Debian's libglobalarrays-dev and MPICH are, on the original, in turn.

Loops written by hand over the same memory are in the program; OpenBLAS with two threads in one process is the yardstick of products
where libopenblas is installed. The original runs with ARMCI_USE_WIN_ALLOCATE=0, without which its answers are wrong with this MPICH.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from figures import Row, quotients, table

ROOT = Path(__file__).resolve().parents[2]
RELEASE = ROOT / "target" / "release"
LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")
DEADLINE_SECONDS = 240
ROUNDS = 3

# What a row should take at most, in seconds, and what part of a loop by hand its rate should reach at least.
REACH = {
    "NGA_Get 1x1": 40e-9, "NGA_Put 1x1": 40e-9, "NGA_Acc 1x1": 50e-9,
    "NGA_Get 8x8": 90e-9, "NGA_Put 8x8": 90e-9, "NGA_Acc 8x8": 140e-9,
    "NGA_Get 64x64": 1.0e-6, "NGA_Put 64x64": 1.1e-6, "NGA_Acc 64x64": 1.3e-6,
    "NGA_Read_inc, remote": 30e-9, "NGA_Read_inc, both ranks": 180e-9, "GA_Lock + GA_Unlock": 60e-9, "GA_Sync": 0.3e-6,
    "GA_Dgop, 1 double": 0.35e-6, "GA_Dgop, 131072 doubles": 150e-6, "NGA_Create + GA_Destroy": 5e-6,
    "NGA_Gather, 100,000 elements": 1.2e-3, "NGA_Scatter, 100,000 elements": 1.2e-3, "NGA_Scatter_acc, 100,000 elements": 1.5e-3,
    "GA_Transpose 4096": 30e-3,
}
BY_HAND = {
    "NGA_Get 512x512": ("by hand: copy of rows 512x512", 0.95), "NGA_Get 1024x1024": ("by hand: copy of rows 1024x1024", 0.95),
    "GA_Add 4096": ("by hand: c = x a + y b", 0.9), "GA_Ddot 4096": ("by hand: dot", 0.9), "GA_Copy 4096": ("by hand: copy", 0.9),
    "GA_Scale 4096": ("by hand: scale", 0.9), "GA_Fill 4096": ("by hand: fill", 0.9),
    "GA_Dgemm 2048": ("OpenBLAS, 2 threads 2048", 0.9), "GA_Dgemm 4096": ("OpenBLAS, 2 threads 4096", 0.9),
}


def compiled(name, command):
    """bench/c/ga_bench.c as a program; None where that can't be had."""
    program = ROOT / "target" / "bench" / name
    program.parent.mkdir(parents=True, exist_ok=True)
    command = [*map(str, command), "-O2", "-march=native", ROOT / "bench/c/ga_bench.c", "-o", program]
    try:
        done = subprocess.run(command + LINKS[name], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    if done.returncode and name == "ga-ours":
        sys.exit(f"bench: ga_bench.c can't be compiled\n{done.stderr}")
    return program if done.returncode == 0 else None


LINKS = {
    "ga-ours": ["-I", ROOT / "capi/include", RELEASE / "libga.so", f"-Wl,-rpath,{ROOT / 'target' / 'bench'}", "-lm", "-ldl"],
    "ga-original": [LIBRARIES / "libga-mpich.a", LIBRARIES / "libarmci-mpich.a", "-lscalapack-mpich", LIBRARIES / "liblapack.so.3",
                    LIBRARIES / "libblas.so.3", "-lgfortran", "-lm", "-ldl"],
}


def figures(command, **environment):
    """The rows a run printed, in seconds."""
    done = subprocess.run([str(part) for part in command], env={**os.environ, **environment}, capture_output=True, text=True,
                          timeout=DEADLINE_SECONDS)
    if done.returncode:
        sys.exit(f"bench: {command} ended with code {done.returncode}\n{done.stdout}{done.stderr}")
    rows = re.findall(r"^(.+)\t([0-9.]+)$", done.stdout, re.MULTILINE)
    return {name: float(nanoseconds) * 1e-9 for name, nanoseconds in rows}


def main():
    size = sys.argv[1:]
    soname = ROOT / "target" / "bench" / "libga.so.0"
    ours, original = compiled("ga-ours", ["cc"]), compiled("ga-original", ["mpicc.mpich", "-DWITH_MPI"])
    if not soname.is_symlink():
        soname.symlink_to(RELEASE / "libga.so")
    if original is None:
        print("ga: the original (libglobalarrays-dev, mpich, gfortran, an optimised libblas3) isn't here, so there are no ratios to it")
    mine, theirs = {}, {}
    for _ in range(ROUNDS):
        # One after the other, so that both see the same machine.
        runs = [(mine, figures([RELEASE / "gain", "run", "-n", 2, ours, *size]))]
        if original:
            command = ["mpiexec.hydra", "-n", 2, original, *size]
            runs.append((theirs, figures(command, ARMCI_USE_WIN_ALLOCATE="0", OPENBLAS_NUM_THREADS="1")))
        if not size:
            runs.append((mine, figures([ours, "openblas"])))
        for series, found in runs:
            for name, seconds in found.items():
                series.setdefault(name, []).append(seconds)
    rows = []
    for name, samples in mine.items():
        rows.append(Row(name, samples, at_most=REACH.get(name)))
        if name in theirs and not name.startswith("by hand"):
            rows.append(Row("  the original", theirs[name]))
            rows.append(Row("  original / ours", quotients(theirs[name], samples), "ratio", at_least=1.0))
        hand, part = BY_HAND.get(name, (None, None))
        if hand in mine:
            rows.append(Row("  by hand / ours", quotients(mine[hand], samples), "ratio", at_least=part))
        if name.endswith(", target computes"):
            waits = mine[name.replace("computes", "waits")]
            rows.append(Row("  / target waits", quotients(samples, waits), "ratio", at_most=1.5))
    print(table("Global Arrays from C, 2 ranks, 4096 x 4096 doubles", rows), flush=True)


main()
