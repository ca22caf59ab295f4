"""No function needs more than three times its operands' bytes beyond what its result is: `memory_rule.py [-n RANKS] [PART_OF_A_LINE...]`; the exit code says whether one does.

Each line of the table is a call with large operands. It runs in a forked child, whose idle memory is none: what the kernel says that memory came to at most while
the call ran, over what it was before, is held against the bytes of the operands and of the result. On several ranks each call is a job of its own, whose ranks pretend to be on
as many nodes: none has another one's memory among its own, and what each needs is held against what it has of operands and result.
"""

import os
import pickle
import sys
import tempfile

import gain as np
import jobs

# Elements of the operands: large beside what a process needs anyhow, small beside the machine.
SIDE = 1024 if np.ranks() == 1 else 2048
SIZE = SIDE * SIDE
# What threads, tables of the size of a cache, and Python's own objects may take.
SLACK = 24 << 20
TIMES = 3
# Calls whose operand is the matrix that they are about, not the points of which it is made.
OF_A_MATRIX = {"np.polyfit(s / SIZE, y, 3)": 4}

# Operands by the names that the calls use; what each call is given tells its operands.
OPERANDS = {
    "x": lambda: np.arange(float(SIZE)) * 7919 % 1000003, "y": lambda: np.arange(float(SIZE)) * 104729 % 1000003, "f": lambda: (np.arange(SIZE * 2) % 1009).astype("f4"),
    "z": lambda: (np.arange(float(SIZE)) * 7919 % 1000003) * (1 + 2j), "i": lambda: np.arange(SIZE) * 7919 % SIZE, "n": lambda: np.arange(SIZE) * 31 % 1000, "b": lambda: (np.arange(SIZE * 8) % 8).astype("u1"),
    "m": lambda: (np.arange(float(SIZE)) * 7919 % 1000003).reshape(SIDE, -1), "k": lambda: (np.arange(float(SIZE)) * 104729 % 1000003).reshape(SIDE, -1), "t": lambda: np.arange(SIZE) % 3 == 0,
    "s": lambda: np.arange(float(SIZE)), "c": lambda: np.arange(float(SIZE)).reshape(64, 128, -1), "h": lambda: np.arange(SIZE * 4).astype("f2"), "w": lambda: np.arange(SIZE) * 0 + 2,
}
CALLS = """
np.sort(x); np.sort(f); np.sort(z); np.sort(b); np.sort(i); np.sort(h); np.sort(m, 0); np.sort(m, 1); np.sort(c, 1); np.argsort(x); np.argsort(f); np.argsort(z); np.argsort(i); np.argsort(b); np.argsort(m, 0); np.argsort(m, 1)
np.lexsort((x, n)); np.partition(x, SIZE // 2); np.partition(z, SIZE // 2); np.partition(m, 9, 0); np.argpartition(x, SIZE // 2); np.argpartition(f, [7, SIZE]); np.sort_complex(z)
np.unique(x); np.unique(n); np.unique(z); np.unique(x, return_inverse=True); np.unique(x, True, True, True); np.unique(m, axis=0); np.unique(n, return_counts=True); np.unique_counts(x)
np.intersect1d(x, y); np.union1d(x, y); np.setdiff1d(x, y); np.setxor1d(x, y); np.isin(x, y); np.isin(i, n); np.intersect1d(x, y, return_indices=True)
np.median(x); np.median(m, 0); np.median(m, 1); np.median(z); np.percentile(x, [5, 50, 95]); np.percentile(m, 30, 0); np.quantile(f, .3); np.nanmedian(x); np.nanmedian(m, 0); np.nanpercentile(m, 30, 1); np.quantile(x, .5, weights=y, method='inverted_cdf')
np.searchsorted(s, x); np.searchsorted(s, x, sorter=i); np.digitize(x, s); np.interp(x, s, y); np.interp(z.real, s, z)
np.bincount(n); np.bincount(i); np.bincount(i, x); np.histogram(x, 100); np.histogram(x, 100, weights=y); np.histogram2d(x, y, 50); np.histogramdd((x, y), 20); np.histogram_bin_edges(x, 'auto'); np.histogram(x, s[::9])
x[i]; x[t]; x[i % 7]; m[n]; m[:, n]; m[i.reshape(1024, -1) % 1024, 5]; z[i]; b[i]; np.take(x, i); np.take(m, n, 1); np.take_along_axis(m, np.argsort(m, 1), 1); np.compress(t, x); np.extract(t, x); np.nonzero(t); np.argwhere(t); np.flatnonzero(x); np.where(t, x, y); np.where(m > 5)
x.__setitem__(i, y); x.__setitem__(t, 3.0); x.__setitem__(t, y[t]); np.put(x, i, y); np.place(x, t, y); np.putmask(x, t, y); np.copyto(x, y, where=t); np.put_along_axis(m, np.argsort(m, 1), k, 1); np.add.at(x, i, y); np.add.at(x, n, 1.0); np.fill_diagonal(m, 3); m.__setitem__(n % 1024, 5.0)
np.choose(n % 2, (x, y)); np.select([t, x > 5], [x, y], 0); np.piecewise(x, [x < 5, x > 9], [lambda v: v + 1, lambda v: v * 2]); np.delete(x, i[:9]); np.delete(x, t); np.insert(x, 5, 3.0); np.insert(m, [1, 2], 3.0, 1); np.append(x, y); np.trim_zeros(x)
np.concatenate((x, y)); np.stack((x, y)); np.stack((m, k), 2); np.hstack((m, k)); np.dstack((m, k)); np.column_stack((x, y)); np.block([[m, k], [k, m]]); np.split(x, 4); np.tile(x, 3); np.tile(m, (2, 2)); np.repeat(x, 3); np.repeat(x, w); np.repeat(m, 2, 1); np.repeat(m, w[:len(m)], 0); np.roll(x, 77); np.roll(m, 5, 1); np.rot90(m).copy(); np.flip(m).copy()
np.pad(x, 9); np.pad(m, 9, 'edge'); np.pad(m, 9, 'reflect'); np.pad(m, 9, 'wrap'); np.pad(m, 9, 'linear_ramp'); np.pad(m, 9, 'mean'); np.pad(m, 9, 'median'); np.resize(x, SIZE * 2); np.tril(m); np.triu(m); np.diag(m); np.diagonal(m).copy(); np.meshgrid(x[:1024], y[:1024]); m.T.copy(); c.transpose(2, 0, 1).copy(); np.moveaxis(c, 0, -1).copy(); np.ravel(m.T); m.T.reshape(-1); np.packbits(t); np.unpackbits(b)
np.cumsum(x); np.cumsum(m, 0); np.cumsum(m, 1); np.cumprod(x); np.nancumsum(x); np.diff(x); np.diff(m, 2, 0); np.ediff1d(x); np.gradient(x); np.gradient(m); np.trapezoid(x, y); np.convolve(x, y[:50]); np.convolve(x, y[:3000]); np.correlate(x, y[:50]); np.unwrap(x); np.angle(z); np.add.reduceat(x, [0, 7, 99]); np.maximum.accumulate(x); np.logical_and.accumulate(t)
x.sum(); x.mean(); x.var(); x.std(); m.var(0); m.std(1); z.var(); m.sum(0); x.max(); np.ptp(m, 0); np.argmax(x); np.argmin(m, 1); np.count_nonzero(m, 0); np.average(x, weights=y); np.nanmean(m, 0); np.nanstd(m, 1); np.nanvar(x); np.nanargmax(m, 0); np.cov(m[:64]); np.corrcoef(m[:64]); np.all(t); np.prod(m, 0)
x + y; np.sqrt(x); np.exp(z); x * 2 + y; np.clip(x, 3, 9); np.round(x, 2); np.nan_to_num(x); np.real_if_close(z); np.isclose(x, y); np.allclose(x, y); np.array_equal(x, y); np.sinc(x); np.i0(x[:99999]); np.divmod(x, 3); np.modf(x); np.frexp(x); x.astype('f4'); x.astype('c16'); b.astype('f8'); x.copy(); x.tobytes(); x.byteswap(); np.fix(x); np.heaviside(x, y); np.power(x, 3); np.float_power(x, y)
m @ k; np.dot(x, y); np.dot(m, k[0]); np.inner(m, k); np.outer(x[:1024], y[:1024]); np.tensordot(m, k, 1); np.tensordot(c, c, ([1, 2], [1, 2])); np.einsum('ij,jk->ik', m, k); np.einsum('ij,ij->i', m, k); np.einsum('ij->ji', m).copy(); np.einsum('ijk->ki', c); np.kron(m[:32, :32], k[:32, :32]); np.vdot(z, z); np.cross(x[:SIZE // 3 * 3].reshape(-1, 3), y[:SIZE // 3 * 3].reshape(-1, 3)); np.matvec(m, k[0]); np.vecdot(m, k); m.trace(); f.reshape(2, 1024, -1) @ f.reshape(2, -1, 1024)
np.lib.stride_tricks.sliding_window_view(x, 5).sum(1); np.apply_along_axis(np.sum, 1, m[:40]); np.polyval([1, 2, 3], x); np.polyfit(s / SIZE, y, 3); np.vander(x[:99999], 3); np.ravel_multi_index((n, n), (1000, 1000)); np.unravel_index(i, (1024, SIZE)); np.indices((512, 512)); np.polynomial.chebyshev.chebval(x, [1, 2, 3]); np.frompyfunc(float, 1, 1)(x[:99999]); np.vectorize(float)(x[:99999]); np.ix_(t); np.broadcast_arrays(m, m[0]); np.array([x, y]); np.asarray(x, 'f4'); np.linspace(0, 1, SIZE); np.fromiter(range(99999), float)
"""


def bytes_of(made):
    """The bytes of arrays in a result, as far as this rank has them."""
    if isinstance(made, (tuple, list)):
        return sum(map(bytes_of, made))
    if isinstance(made, np.ndarray) and not made.is_replicated:
        return -(-made.nbytes // np.ranks())
    return getattr(made, "nbytes", len(made) if isinstance(made, bytes) else 0)


def status(name):
    """A line of the process's status, in bytes."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith(name))


def stored(value):
    """Elements are in memory."""
    for one in value if isinstance(value, (tuple, list)) else [value]:
        if isinstance(one, np.ndarray):
            one.force()
    return value


def needed(call):
    """What a call needs beyond what there was, what its operands have, and what its result has; in a child."""
    code, names = prepared(call)
    read, write = os.pipe()
    if child := os.fork():
        os.close(write)
        with os.fdopen(read, "rb") as file:
            text = file.read()
        os.waitpid(child, 0)
        return (*pickle.loads(text), sum(map(bytes_of, names.values())))
    os.write(write, pickle.dumps(measured(code, names)))
    os._exit(0)


def prepared(call):
    """The call as code, and its operands by name."""
    code = compile(call, "<call>", "eval")
    used = code.co_names + tuple(name for one in code.co_consts if hasattr(one, "co_names") for name in one.co_names)
    return code, {name: OPERANDS[name]().force() for name in used if name in OPERANDS}


def measured(code, names):
    """What the call needs at most beyond what there was, and the bytes of its result."""
    try:
        stored(np.arange(9.0) + 1)
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        before = status("VmRSS")
        made = stored(eval(code, {"np": np, "SIZE": SIZE, **names}))
        return status("VmHWM") - before, bytes_of(made)
    except BaseException as error:  # noqa: BLE001 - the parent says it
        return error, 0


def on_ranks(call, ranks):
    """The same of the rank that needs most, in a job of its own."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {"GAIN_FAKE_NODES": str(ranks), "UCX_TLS": "tcp,self", "FI_PROVIDER": "tcp"}
        job = jobs.run([__file__, "--in", folder, call], ranks, environment)
        found = []
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as file:
                found.append(pickle.load(file))
    if job.returncode or len(found) < ranks:
        return RuntimeError(f"the job ended ({job.returncode}): {job.stderr[-500:]}"), 0, 1
    return max(found, key=lambda one: float("inf") if isinstance(one[0], BaseException) else one[0] - one[1] - TIMES * one[2])


def in_job(folder, call):
    """One rank's part of it."""
    code, names = prepared(call)
    np.barrier()
    answer = (*measured(code, names), sum(map(bytes_of, names.values())))
    with open(os.path.join(folder, str(np.rank())), "wb") as file:
        pickle.dump(answer, file)


def main(*parts):
    ranks, parts = (int(parts[1]), parts[2:]) if parts[:1] == ("-n",) else (0, parts)
    wrong = 0
    for call in (call.strip() for line in CALLS.splitlines() for call in line.split(";")):
        if not call or parts and not any(part in call for part in parts):
            continue
        peak, result, operands = on_ranks(call, ranks) if ranks else needed(call)
        operands *= OF_A_MATRIX.get(call, 1)
        if isinstance(peak, BaseException):
            wrong += 1
            print(f"{call}: {type(peak).__name__}: {peak}", flush=True)
        elif peak > TIMES * operands + result + SLACK:
            wrong += 1
            print(f"{call}: {(peak - result) / operands:.1f} times its operands ({peak >> 20} MiB for {operands >> 20}, the result has {result >> 20})", flush=True)
    sys.exit(f"{wrong} calls" if wrong else 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--in"]:
        in_job(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
