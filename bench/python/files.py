"""`save` and `load` against dd, which moves as many bytes to and from the page cache: files.py FOLDER GIGABYTES SAMPLES, on any number of ranks."""

import pathlib
import subprocess
import sys
import time

import gain as np
from figures import Row, quotients, table

folder, size, samples = pathlib.Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
count = int(size * 1e9 / 8)
ours, theirs = folder / "ours.npy", folder / "theirs"
blocks = ["bs=16M", f"count={count * 8 >> 24}", "status=none"]
a = (np.arange(count, dtype=float) + 1).force()
MEANINGS = {
    "save": lambda: np.save(ours, a),
    "dd from /dev/zero": lambda: subprocess.run(["dd", "if=/dev/zero", f"of={theirs}", *blocks], check=True) if np.rank() == 0 else None,
    "load": lambda: np.load(ours).force(),
    "dd to /dev/null": lambda: subprocess.run(["dd", f"if={theirs}", "of=/dev/null", *blocks], check=True) if np.rank() == 0 else None,
}
times = {what: [] for what in MEANINGS}
for number in range(samples + 1):
    for what, work in MEANINGS.items():
        np.barrier()
        start = time.perf_counter()
        work()
        np.barrier()
        if number:
            times[what].append(time.perf_counter() - start)
assert float(np.load(ours)[-1]) == count
np.barrier()
if np.rank() == 0:
    ours.unlink(), theirs.unlink()
    rows = [Row(what, series) for what, series in times.items()] + [
        Row("dd / save", quotients(times["dd from /dev/zero"], times["save"]), "ratio", at_least=0.9),
        Row("dd / load", quotients(times["dd to /dev/null"], times["load"]), "ratio", at_least=0.9),
    ]
    print(table(f"{size:g} GB of .npy, {np.ranks()} ranks", rows), flush=True)
