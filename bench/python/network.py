"""Two hosts of the rig over TCP: rma-bench beside the same operations written directly on the engine, in turn.

By hand is bench/c/ucp_direct.c on UCP, and bench/c/ofi_direct.c on libfabric. Needs root (the rig makes network namespaces),
the engines with their headers, and `make build`; says what it skips else. Each host has one processor of its own, so a target
that computes shares it with its helper thread as it would on a full node.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from figures import Row, quotients, table
from rig import RELEASE, ROOT, hosts, on

DEADLINE_SECONDS = 120
ROUNDS = 5
PROVIDER = "tcp;ofi_rxm"


def ours(launch, engine, *arguments, progress="auto"):
    """The rows of one run of rma-bench on two hosts."""
    os.environ.update(GAIN_TRANSPORT=engine, GAIN_PROGRESS=progress)
    command = [*launch, RELEASE / "rma-bench", *arguments, "--json"]
    job = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=DEADLINE_SECONDS)
    if job.returncode:
        sys.exit(f"bench: rma-bench {' '.join(arguments)} ended with code {job.returncode}")
    return json.loads(job.stdout)["rows"]


def by_hand(program, *arguments):
    """Median microseconds of the C program's blocking operations, by name and size."""
    with tempfile.TemporaryDirectory() as folder:
        book = Path(folder) / "book"
        target = on("h1", [program, 0, book, *arguments], stdout=subprocess.DEVNULL)
        origin = on("h2", [program, 1, book, *arguments], stdout=subprocess.PIPE)
        output, _ = origin.communicate(timeout=DEADLINE_SECONDS)
        target.wait(timeout=DEADLINE_SECONDS)
    lines = [line.rsplit(maxsplit=4) for line in output.splitlines() if line.endswith(" us")]
    return {(words[0].strip(), int(words[1])): float(words[2]) for words in lines}


def compiled(name, *libraries):
    """A yardstick of bench/c as a program; None where its engine has no headers."""
    program = ROOT / "target" / "bench" / name
    program.parent.mkdir(parents=True, exist_ok=True)
    command = ["cc", "-O2", ROOT / "bench/c" / f"{name}.c", *libraries, "-o", program]
    done = subprocess.run(command, capture_output=True)
    if done.returncode:
        print(f"network: bench/c/{name}.c is skipped, it does not compile here")
    return program if done.returncode == 0 else None


def seconds(samples):
    return [1e-6 * sample for sample in samples]


def measure(launch, engine, program, fenced, *arguments, has_descriptor=False):
    """Prints an engine's table; `fenced` is what its yardstick calls a put that is complete there.

    With `has_descriptor` the yardstick has an argument `wait` and does without a descriptor else. So do we where the program polls.
    """
    names = {"put": "put-latency", "get": "get-latency"}
    sizes = (8, 65536)
    mine = {(op, size): [] for op in names for size in sizes}
    direct = {key: [] for key in mine}
    polling = {key: [] for key in mine}
    waiting = {key: [] for key in mine}
    other = {what: [] for what in ("acc", "acc rate", "put rate", "strided", "put compute", "get compute", "acc compute")}
    for _ in range(ROUNDS):
        for (op, size), samples in mine.items():
            samples.append(ours(launch, engine, names[op], "-m", f"{size}:{size}")[0]["Median (us)"])
        if has_descriptor:
            for (op, size), samples in polling.items():
                row = ours(launch, engine, names[op], "-m", f"{size}:{size}", progress="poll")[0]
                samples.append(row["Median (us)"])
        for there, extra in ((direct, []), (waiting, ["wait"])):
            if program and (has_descriptor or not extra):
                found = by_hand(program, *arguments, *extra)
                for op, size in mine:
                    there[op, size].append(found[{"put": fenced, "get": "get"}[op], size])
        other["acc"].append(ours(launch, engine, "acc-latency", "-m", "8:8")[0]["Median (us)"])
        other["acc rate"].append(ours(launch, engine, "acc-bw", "-m", "4K:4K")[0]["Bandwidth (MB/s)"])
        other["put rate"].append(ours(launch, engine, "put-bw", "-m", "4K:4K")[0]["Bandwidth (MB/s)"])
        other["strided"].append(ours(launch, engine, "strided", "-m", "64:64")[0]["By row/strided"])
        for op, benchmark in (("put", "put-latency"), ("get", "get-latency"), ("acc", "acc-latency")):
            row = ours(launch, engine, benchmark, "-m", "8:8", "--target", "compute")[0]
            other[f"{op} compute"].append(row["Median (us)"])

    rows = []
    for op, size in mine:
        name = f"{op}{' + fence' if op == 'put' else ''}, {size} bytes"
        rows.append(Row(name, seconds(mine[op, size])))
        if program:
            rows.append(Row("  on the engine by hand", seconds(direct[op, size])))
            rows.append(Row("  ours / by hand", quotients(mine[op, size], direct[op, size]), "ratio", at_most=1.15))
        if program and has_descriptor:
            rows.append(Row("  by hand, with a descriptor", seconds(waiting[op, size])))
            rows.append(Row("  ours / that", quotients(mine[op, size], waiting[op, size]), "ratio", at_most=1.15))
            rows.append(Row("  ours, GAIN_PROGRESS=poll", seconds(polling[op, size])))
            rows.append(Row("  that / by hand", quotients(polling[op, size], direct[op, size]), "ratio", at_most=1.15))
    rows.append(Row("accumulate 8 bytes + fence / put 8 bytes + fence", quotients(other["acc"], mine["put", 8]), "ratio", at_most=1.1))
    rows.append(Row("accumulates / puts of 4 KiB, rate", quotients(other["acc rate"], other["put rate"]), "ratio", at_least=0.9))
    rows.append(Row("512 rows of 64 bytes: put per row / strided", other["strided"], "ratio", at_least=20))
    for op in ("put", "get", "acc"):
        rows.append(Row(f"{op} 8 bytes, target computes", seconds(other[f"{op} compute"]), at_most=60e-6))
    print(table(f"Two hosts over TCP, one processor each: {engine}", rows), flush=True)


def main():
    if os.geteuid() != 0:
        print("network: skipped, the rig needs root")
        return
    with hosts(2) as launch:
        measure(launch, "ucx", compiled("ucp_direct", "-lucp", "-lucs"), "put+flush")
        os.environ["GAIN_OFI_PROVIDER"] = PROVIDER
        measure(launch, "ofi", compiled("ofi_direct", "-lfabric"), "put+fence", PROVIDER, has_descriptor=True)


main()
