"""Runs every measurement and prints the tables: `make bench`, or `python bench/run.py [suite ...]`.

The suites of `gain-bench` (Rust) run under the launcher with 2 and 4 ranks; the Python ones with the interpreter that
runs this file. Laplace is measured against bench/c/laplace.c, compiled here with `cc`, process by process in turn.
Needs `make build` and, for the Python suites, the module `gain` installed beside this interpreter.
"""

import platform
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RELEASE = ROOT / "target" / "release"
sys.path.insert(0, str(ROOT / "bench" / "python"))

from figures import SHORT, Row, quotients, table  # noqa: E402

DEADLINE_SECONDS = 600
THREADS = 2


def run(command, **environment):
    """Runs one program to its end and returns what it printed; ends this one if it fails."""
    command = [str(part) for part in command]
    settings = {"PATH": subprocess.os.environ.get("PATH", ""), **subprocess.os.environ, **environment}
    try:
        done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=DEADLINE_SECONDS)
    except subprocess.TimeoutExpired:
        sys.exit(f"bench: {' '.join(command)} did not end within {DEADLINE_SECONDS} s")
    if done.returncode:
        sys.exit(f"bench: {' '.join(command)} ended with code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def ranks(count, program, *args, **environment):
    """Runs a program under the launcher."""
    return run([RELEASE / "gain", "run", "-n", count, program, *args], **environment)


def compiled_yardstick():
    """bench/c/laplace.c as a program."""
    program = ROOT / "target" / "bench" / "laplace-c"
    program.parent.mkdir(parents=True, exist_ok=True)
    run(["cc", "-O3", "-march=native", "-fopenmp", ROOT / "bench/c/laplace.c", "-o", program, "-lm"])
    return program


def series(text):
    """The repetitions a laplace program printed, and its other lines as a dictionary."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    times = [float(line[0]) for line in lines if len(line) == 1]
    return times, {line[0]: float(line[1]) for line in lines if len(line) == 2}


def laplace(n, sweeps, rounds):
    """laplace.py against the C loop: each round runs C, gain with threads, gain with ranks; NumPy runs once."""
    c_program, script = compiled_yardstick(), ROOT / "bench/python/laplace.py"
    both = {"OMP_NUM_THREADS": str(THREADS), "OMP_PROC_BIND": "true"}
    times, norms, arrays = {"c": [], "threads": [], "ranks": []}, {}, {}
    for _ in range(rounds):
        outputs = {
            "c": run([c_program, n, sweeps, 1], **both),
            "threads": run([sys.executable, script, "gain", n, sweeps, 1]),
            "ranks": ranks(2, script, "gain", n, sweeps, 1),
        }
        for who, output in outputs.items():
            repetitions, facts = series(output)
            times[who] += repetitions
            norms[who], arrays[who] = facts["norm"], facts.get("arrays")
    numpy_times, _ = series(run([sys.executable, script, "numpy", n, max(6, sweeps // 20), 1]))
    worst = max(abs(norms[who] / norms["c"] - 1) for who in norms)
    if worst > 1e-9:
        sys.exit(f"bench: laplace {n}: the error norms differ: {norms}")
    print(table(f"laplace.py {n} x {n}, per sweep with the error norm every sweep ({sweeps} sweeps)", [
        Row(f"C, fused, double-buffered, OpenMP, {THREADS} threads", times["c"]),
        Row(f"gain, 1 rank, {THREADS} threads", times["threads"]),
        Row("gain, 2 ranks", times["ranks"]),
        Row("NumPy", numpy_times),
        Row("gain, 1 rank / C", quotients(times["threads"], times["c"]), "ratio", at_most=1.15),
        Row("gain, 2 ranks / C", quotients(times["ranks"], times["c"]), "ratio", at_most=1.15),
        Row("arrays created per sweep, 1 rank", [arrays["threads"]], "count", at_most=0),
        Row("arrays created per sweep, 2 ranks", [arrays["ranks"]], "count", at_most=0),
    ]), flush=True)


def armci():
    """The node-local figures through libarmci from C, beside those of the suite `rma`."""
    program = ROOT / "target" / "bench" / "armci-latency"
    program.parent.mkdir(parents=True, exist_ok=True)
    run(["cc", "-O2", ROOT / "bench/c/armci_latency.c", "-I", ROOT / "capi/include", RELEASE / "libarmci.so",
         f"-Wl,-rpath,{RELEASE}", "-o", program])
    lines = [line.split() for line in ranks(2, program).splitlines() if line.strip()]
    print(table("Through libarmci, from C: 8 bytes to the other rank, 1000 runs of 8 and of 64 bytes, and the barrier", [
        Row(name, [float(nanoseconds) * 1e-9]) for name, nanoseconds in lines
    ]), flush=True)


def openblas():
    """bench/c/openblas.c as a program, or nothing where the library is missing."""
    program = ROOT / "target" / "bench" / "openblas"
    program.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["cc", "-O2", ROOT / "bench/c/openblas.c", "-l:libopenblas.so.0", "-o", program],
                          capture_output=True, text=True)
    return program if done.returncode == 0 else None


def linalg(routine, n, rounds, flops, at_least=None):
    """A routine on two ranks against OpenBLAS on two threads, process by process in turn; the best of each counts."""
    program, times = openblas(), {"ranks": [], "openblas": []}
    for _ in range(rounds):
        output = ranks(2, RELEASE / "linalg-bench", routine, n, 3)
        times["ranks"] += series(output)[0]
        if program:
            environment = {"OPENBLAS_NUM_THREADS": str(THREADS)}
            times["openblas"] += series(run([program, routine, n, 3], **environment))[0]
    best = {who: min(series) for who, series in times.items() if series}
    rows = [Row("ours, 2 ranks", times["ranks"]), Row("GFLOP/s", [flops / best["ranks"] / 1e9], "count")]
    if program:
        rows += [Row(f"OpenBLAS, {THREADS} threads", times["openblas"]),
                 Row("GFLOP/s", [flops / best["openblas"] / 1e9], "count"),
                 Row("ours / OpenBLAS, best of each", [best["openblas"] / best["ranks"]], "ratio", at_least=at_least)]
    print(table(f"{routine} on {n} x {n} doubles", rows), flush=True)


def linear_algebra():
    """Products, systems of equations and eigenvectors."""
    for n in (2048, 4096):
        linalg("gemm", n, 5, 2 * n**3, at_least=0.9)
    linalg("lu", 4096, 3, 2 / 3 * 4096**3)
    linalg("cholesky", 4096, 3, 1 / 3 * 4096**3)
    linalg("eigen", 1024, 3, 9 * 1024**3)


def python_script(name):
    """A suite that is one Python script and prints its own tables."""
    print(run([sys.executable, ROOT / "bench/python" / f"{name}.py"]), end="", flush=True)


def ufuncs():
    """Every ufunc against NumPy, with one thread and with all."""
    for threads in ("1", str(THREADS)):
        script = ROOT / "bench/python/ufuncs.py"
        print(run([sys.executable, script], GAIN_NUM_THREADS=threads), end="", flush=True)


def stencils():
    """Small stencils: against NumPy on one thread, and on two ranks with every array distributed."""
    script = ROOT / "bench/python/stencils.py"
    print(run([sys.executable, script], GAIN_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"), end="", flush=True)
    times, _ = series(ranks(2, sys.executable, script, "sweep", 100, GAIN_THRESHOLD="0", GAIN_NUM_THREADS="1"))
    print(table("The same sweep over 100 x 100, distributed", [Row("gain, 2 ranks", times)]), flush=True)


def stream():
    """STREAM's triad through `s * a + b` against the C loop, process by process in turn."""
    program, script, n = ROOT / "target" / "bench" / "stream-c", ROOT / "bench/python/stream.py", 20_000_000
    program.parent.mkdir(parents=True, exist_ok=True)
    run(["cc", "-O3", "-march=native", "-fopenmp", ROOT / "bench/c/stream.c", "-o", program])
    times = {"c": [], "threads": [], "ranks": []}
    for _ in range(5):
        for who, output in (
            ("c", run([program, n, 5], OMP_NUM_THREADS=str(THREADS), OMP_PROC_BIND="true")),
            ("threads", run([sys.executable, script, n, 5])), ("ranks", ranks(2, script, n, 5)),
        ):
            repetitions, facts = series(output)
            if facts["check"] != 5.0:
                sys.exit(f"bench: stream: {who} has {facts['check']}")
            times[who] += repetitions
    print(table(f"STREAM's triad of {n} doubles", [
        Row(f"C, OpenMP, {THREADS} threads", times["c"]), Row(f"gain, 1 rank, {THREADS} threads", times["threads"]), Row("gain, 2 ranks", times["ranks"]),
        Row("C / gain, 1 rank", quotients(times["c"], times["threads"]), "ratio", at_least=0.95),
        Row("C / gain, 2 ranks", quotients(times["c"], times["ranks"]), "ratio", at_least=0.95),
        Row("GB/s of 24 bytes an element, 1 rank", [24 * n / t / 1e9 for t in times["threads"]], "count"),
    ]), flush=True)


def files(gigabytes=4):
    """Saving and loading against dd, in the page cache."""
    script, folder = ROOT / "bench/python/files.py", ROOT / "target" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    for output in (run([sys.executable, script, folder, gigabytes, 3]), ranks(2, sys.executable, script, folder, gigabytes, 3)):
        print(output, end="", flush=True)


def of_libga(name, *args):
    """bench/c/NAME.c, linked with libga, on 2 ranks."""
    program = ROOT / "target" / "bench" / name
    program.parent.mkdir(parents=True, exist_ok=True)
    run(["cc", "-O2", ROOT / "bench/c" / f"{name}.c", "-I", ROOT / "capi/include", RELEASE / "libga.so", f"-Wl,-rpath,{RELEASE}", "-o", program])
    print(ranks(2, program, *args), end="", flush=True)


SUITES = {
    "rma": lambda: print(ranks(2, RELEASE / "gain-bench", "rma"), end="", flush=True),
    "armci": armci,
    "sync": lambda: [print(ranks(n, RELEASE / "gain-bench", "sync"), end="", flush=True) for n in (2, 4)],
    "arrays": lambda: print(ranks(2, RELEASE / "gain-bench", "arrays"), end="", flush=True),
    "algebra": lambda: print(ranks(2, RELEASE / "gain-bench", "algebra"), end="", flush=True),
    "linalg": linear_algebra,
    "laplace": lambda: [laplace(1000, 100, 5), laplace(4000, 100, 3)],
    "expressions": lambda: python_script("expressions"),
    "stencils": stencils,
    "products": lambda: python_script("products"),
    "factorizations": lambda: python_script("factorizations"),
    "indexing": lambda: python_script("indexing"),
    "windows": lambda: python_script("windows"),
    "kernels": lambda: python_script("kernels"),
    "binning": lambda: python_script("binning"),
    "sorting": lambda: python_script("sorting"),
    "fft": lambda: python_script("fft"),
    "stream": stream,
    "files": files,
    "randoms": lambda: python_script("randoms"),
    "reductions": lambda: python_script("reductions"),
    "ufuncs": ufuncs,
    "overhead": lambda: python_script("overhead"),
    "import": lambda: python_script("import_time"),
    "connect": lambda: python_script("connect"),
    "tasks": lambda: python_script("tasks"),
    "network": lambda: python_script("network"),
    "crossover": lambda: python_script("crossover"),
    "ga": lambda: python_script("global_arrays"),
    "fortran": lambda: python_script("fortran"),
    "tcgmsg": lambda: of_libga("tcgmsg"),
    "disk": lambda: of_libga("disk", ROOT / "target" / "bench" / "array"),
}


def main(names):
    """Runs the suites called `names`, all of them by default, and counts what falls short."""
    unknown = [name for name in names if name not in SUITES]
    if unknown:
        sys.exit(f"bench: no suite {', '.join(unknown)}; there are {', '.join(SUITES)}")
    start = time.perf_counter()
    compiler = run(["cc", "--version"]).splitlines()[0]
    print(f"{compiler} (-O3 -march=native -fopenmp), Python {platform.python_version()}", flush=True)
    for name in names or SUITES:
        SUITES[name]()
    print(f"\n{time.perf_counter() - start:.0f} s; rows that end in '{SHORT}' miss their figure.")


main(sys.argv[1:])
