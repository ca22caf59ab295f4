"""STREAM's triad as `s * a + b`: stream.py N SAMPLES prints the seconds of each sample, of the slowest rank, as stream-c does."""

import sys
import time

import gain as np

n, samples = int(sys.argv[1]), int(sys.argv[2])
a, b, s = np.full(n, 1.0).force(), np.full(n, 2.0).force(), 3.0
for number in range(samples + 2):
    np.barrier()
    start = time.perf_counter()
    c = (s * a + b).force()
    np.barrier()
    if number >= 2 and np.rank() == 0:
        print(f"{time.perf_counter() - start:.9f}")
last = float(c[-1])
if np.rank() == 0:
    print(f"check {last:.1f}")
