"""Strided transfers between two nodes: rows packed into messages, rows one by one, and what the runtime chooses, in turn.

Runs over both engines on two hosts of the rig (needs root), or by any command that starts two ranks on two nodes, over the engine that is chosen there:

    BENCH_LAUNCH="srun --mpi=pmi2 -N 2 -n 2" python bench/run.py crossover

Each figure is the best of several processes' medians: processes differ by more than the ways do near the crossover.
GAIN_RDMA_ROW_BYTES is best set to the shortest row that is quicker by itself than packed.
"""

import json
import os
import shlex
import subprocess
import sys

from rig import RELEASE, hosts

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
DEADLINE_SECONDS = 120
PROVIDER = "tcp;ofi_rxm"
# GAIN_RDMA_ROW_BYTES of each column; nothing is what the runtime chooses.
WAYS = {"packed": "never", "by row": "1", "chosen": None}
COLUMNS = {"put": "Strided put (us)", "get": "Strided get (us)"}


def rows(launch, way):
    """Microseconds of a put + fence and of a get, by length of a row."""
    environment = {**os.environ, **({"GAIN_RDMA_ROW_BYTES": WAYS[way]} if WAYS[way] else {})}
    command = [*launch, RELEASE / "rma-bench", "strided", "-m", "64:64K", "--json"]
    command += ["--iterations", "10"]
    job = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=DEADLINE_SECONDS)
    if job.returncode:
        sys.exit(f"bench: rma-bench strided ended with code {job.returncode}")
    return {int(row["Row"]): row for row in json.loads(job.stdout)["rows"]}


def measure(title, launch):
    """Prints an engine's table."""
    samples = {}
    for _ in range(ROUNDS):
        for way in WAYS:
            for length, row in rows(launch, way).items():
                for what, column in COLUMNS.items():
                    samples.setdefault((length, what, way), []).append(row[column])
    print(f"\n### 512 rows: {title}\n")
    ends = [f"{what} {column}" for what in COLUMNS for column in (*WAYS, "chosen / better")]
    print("| row | " + " | ".join(ends) + " |")
    print("| ---: |" + " ---: |" * len(ends))
    for length in sorted({key[0] for key in samples}):
        cells = []
        for what in COLUMNS:
            best = {way: min(samples[length, what, way]) for way in WAYS}
            better = min(best["packed"], best["by row"])
            cells += [f"{best[way]:.0f} us" for way in WAYS] + [f"{best['chosen'] / better:.2f}"]
        print(f"| {length} | " + " | ".join(cells) + " |", flush=True)


def main():
    if launch := os.environ.get("BENCH_LAUNCH"):
        measure(launch, shlex.split(launch))
    elif os.geteuid() != 0:
        print("crossover: skipped, the rig needs root, and BENCH_LAUNCH is not set")
    else:
        with hosts(2) as launch:
            os.environ["GAIN_OFI_PROVIDER"] = PROVIDER
            for engine in ("ucx", "ofi"):
                os.environ["GAIN_TRANSPORT"] = engine
                measure(f"{engine}, two hosts over TCP, one processor each", launch)


main()
