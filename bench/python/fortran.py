"""Global Arrays from Fortran beside C: bench/c/fortran_bench.F and its half in C on libga, 2 ranks. What Fortran adds to a patch, and what a block of MA costs."""

import re
import subprocess
import sys
from pathlib import Path

from figures import Row, table

ROOT = Path(__file__).resolve().parents[2]
RELEASE = ROOT / "target" / "release"
DEADLINE_SECONDS = 120
ROUNDS = 5

# What Fortran may add to a call of C's, and what a push and a pop may take, in seconds.
ADDED = 5e-9
PUSH_AND_POP = 120e-9


def program():
    """The program, linked with libga; None without gfortran."""
    folder = ROOT / "target" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    soname = folder / "libga.so.0"
    if not soname.is_symlink():
        soname.symlink_to(RELEASE / "libga.so")
    half, whole = folder / "fortran_bench.o", folder / "fortran_bench"
    include = ["-I", ROOT / "capi/include", "-O2", "-march=native"]
    commands = [
        ["cc", *include, "-c", ROOT / "bench/c/fortran_bench.c", "-o", half],
        ["gfortran", *include, "-fdefault-integer-8", "-std=legacy", "-w", "-ffixed-line-length-132", ROOT / "bench/c/fortran_bench.F", half,
         RELEASE / "libga.so", f"-Wl,-rpath,{folder}", "-o", whole],
    ]
    for command in commands:
        try:
            subprocess.run([str(part) for part in command], check=True)
        except FileNotFoundError:
            return None
    return whole


def main():
    bench = program()
    if bench is None:
        print("fortran: there is no gfortran")
        return
    found = {}
    for _ in range(ROUNDS):
        done = subprocess.run([RELEASE / "gain", "run", "-n", "2", bench], capture_output=True, text=True, timeout=DEADLINE_SECONDS)
        if done.returncode:
            sys.exit(f"bench: {bench} ended with code {done.returncode}\n{done.stdout}{done.stderr}")
        for name, text in re.findall(r"([a-zA-Z_]+(?: \+ [a-z_]+)? \d+x\d+)\t([0-9.]+)$", done.stdout, re.MULTILINE):
            found.setdefault(name, []).append(float(text) * 1e-9)
    rows = []
    for name, samples in found.items():
        rows.append(Row(name, samples, at_most=PUSH_AND_POP if name.startswith("ma_") else None))
        twin = re.sub("^n?ga_(.)", lambda start: f"NGA_{start[1].upper()}", name)
        if twin != name and twin in found:
            rows.append(Row("  beyond C", [mine - theirs for mine, theirs in zip(samples, found[twin])], at_most=ADDED))
    print(table("Global Arrays from Fortran, 2 ranks", rows), flush=True)


main()
