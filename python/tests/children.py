"""A program for ranks that start other processes: `python children.py PART`; ends with 0 if all is as it should be.

Every part ends with what the rank itself goes on with: its arrays as they were, and collective operations.
"""

import concurrent.futures
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import numpy

import gain as np

N = 60_000
TASKS = range(3)


def work(k):
    """Fused passes, a product, garbage: what it gives depends on `k` alone."""
    x = np.arange(float(N)) * k
    u = x.copy()
    u[1:-1] = (x[2:] + x[:-2]) * 0.5 + 1
    square = u[:2500].reshape(50, 50) @ x[:2500].reshape(50, 50)
    loop = [u]
    loop.append(loop)
    return np.rank(), np.ranks(), float(u.sum()), square.numpy().tolist()


def expected(k):
    x = numpy.arange(float(N)) * k
    u = x.copy()
    u[1:-1] = (x[2:] + x[:-2]) * 0.5 + 1
    square = u[:2500].reshape(50, 50) @ x[:2500].reshape(50, 50)
    return 0, 1, float(u.sum()), square.tolist()


def agree(found):
    for (rank, ranks, total, square), (*_, oracle, matrix) in zip(found, map(expected, TASKS), strict=True):
        assert (rank, ranks) == (0, 1), (rank, ranks)
        numpy.testing.assert_allclose(total, oracle, rtol=1e-12)
        numpy.testing.assert_allclose(square, matrix, rtol=1e-12)


class Arrays:
    """What the rank has before it starts others."""

    def __init__(self):
        self.large, self.small = np.arange(float(N)) + 1, np.arange(7.0) * 3
        self.lazy = self.large * 2 + self.small[1]
        self.large.force(), self.small.force()
        self.values = numpy.arange(float(N)) + 1, numpy.arange(7.0) * 3

    def go_on(self):
        large, small = self.values
        assert (self.large.numpy() == large).all() and (self.small.numpy() == small).all()
        assert (self.lazy.numpy() == large * 2 + 3).all()
        np.barrier()
        shifted = np.zeros(N)
        shifted[1:] = self.large[:-1]
        assert float(shifted.sum()) == large[:-1].sum()
        numpy.testing.assert_allclose(float(self.large @ self.large), large @ large)
        self.large[5] = 5 if self.large[5] == 6 else 6
        large[5] = 5 if large[5] == 6 else 6
        self.lazy = self.large * 2 + 3


def forked(body):
    """The exit code of a forked child that runs `body` and ends as programs do, or minus the signal."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        body()
    except AssertionError:
        import traceback

        traceback.print_exc()
        sys.exit(99)
    sys.exit(0)


def pools():
    """`multiprocessing` and `concurrent.futures`, by all ways to start."""
    arrays = Arrays()
    for method in ("fork", "forkserver", "spawn"):
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool:
            agree(pool.map(work, TASKS))
        arrays.go_on()
    with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as executor:
        agree(list(executor.map(work, TASKS)))
    arrays.go_on()


def forks():
    """Children made by `os.fork`, and all their ends."""
    arrays = Arrays()
    ranks, me = np.ranks(), np.rank()

    def compute():
        assert (np.rank(), np.ranks()) == (0, 1)
        agree(map(work, TASKS))
        np.barrier()

    def change():
        arrays.small[2] = 100
        arrays.small += 1
        assert arrays.small.numpy().tolist() == [1, 4, 101, 10, 13, 16, 19]

    def change_large():
        if ranks == 1:
            arrays.large[3:50] = -1
            arrays.large *= 2
            assert float(arrays.large.sum()) == 2 * (arrays.values[0].sum() - arrays.values[0][3:50].sum() - 47)
            assert float((arrays.lazy + 0).sum()) == float(arrays.values[0].sum() * 2 + 3 * N)
            return
        large = arrays.large
        for k, use in enumerate((
            lambda: large.sum(), lambda: large[3], lambda: str(large), lambda: (arrays.lazy + 1).force(),
            lambda: large.get(), lambda: large @ large, lambda: large.reshape(-1, 6) @ np.ones((6, 2)),
            lambda: large.__setitem__(3, 1.0) or large.force(), lambda: large.__setitem__(slice(0, 9), 1.0) or large.force(),
            lambda: large.__setitem__(slice(None), large + 1) or large.force(), lambda: large.numpy(),
            lambda: large.__iadd__(1).force(), lambda: np.sqrt(large).max(), lambda: large.tolist(),
        )):
            try:
                use()
            except RuntimeError as error:
                assert "spread over the ranks of the job that this process was forked from" in str(error), error
            else:
                raise AssertionError(f"no error from use {k}")
        assert float((np.zeros(N) + 1).sum()) == N

    for _ in range(2):
        assert forked(compute) == 0
        arrays.go_on()
        assert forked(change) == 0
        assert forked(change_large) == 0
        arrays.go_on()
    assert forked(lambda: sys.exit(5)) == 5
    assert forked(lambda: os._exit(7)) == 7
    assert forked(lambda: np.abort(8, "the child alone")) == 8
    assert forked(lambda: (compute(), np.abort(9, "the child alone"))) == 9
    assert forked(lambda: os.kill(os.getpid(), signal.SIGKILL)) == -signal.SIGKILL
    assert forked(lambda: np.finalize()) == 0
    assert forked(lambda: (compute(), np.finalize())) == 0
    # Children of children.
    assert forked(lambda: sys.exit(forked(compute) + 3)) == 3
    assert forked(lambda: (compute(), sys.exit(forked(change) + 2))) == 2
    # On one rank only: nothing is collective about it.
    if me == ranks - 1:
        assert forked(compute) == 0
        assert forked(lambda: sys.exit(4)) == 4
    arrays.go_on()
    np.finalize()
    assert forked(compute) == 0
    try:
        arrays.large.sum()
    except RuntimeError as error:
        assert "finalized" in str(error), error


def programs():
    """Other programs, started before and after arrays are used, with the environment as it is and with a copy of it."""
    text = "import gain as np; print(np.ranks(), np.rank(), float((np.arange(1e5) + 1).sum()))"

    def start(**options):
        command = [sys.executable, "-c", text]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, **options)
        assert (done.returncode, done.stdout) == (0, "1 0 5000050000.0\n"), done

    start()
    arrays = Arrays()
    start(env={**os.environ}, preexec_fn=lambda: None)
    start(close_fds=False)
    assert os.system(f"{sys.executable} -c '{text}' > {os.devnull}") == 0
    code = "import gain as np; np.zeros(9).sum(); np.abort(11, 'the program alone')"
    assert subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL).returncode == 11
    arrays.go_on()
    # A job within the job.
    launcher = [sys.executable, "-m", "gain", "run", "-n", "2", sys.executable, "-c", text]
    done = subprocess.run(launcher, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.stdout.split()[0] == "2", done
    arrays.go_on()


def again():
    """A rank that becomes another program stays the rank, if it hasn't joined the job yet."""
    if len(sys.argv) < 3:
        os.execv(sys.executable, [sys.executable, __file__, "again", "once"])
    Arrays().go_on()


def early():
    """Forked before the rank has joined the job."""
    assert forked(lambda: agree(map(work, TASKS))) == 0
    with multiprocessing.get_context("fork").Pool(2) as pool:
        agree(pool.map(work, TASKS))
    Arrays().go_on()


def outlived():
    """A child that goes on when its rank has ended, in a session of its own, with the rank's output open."""
    arrays = Arrays()
    print(np.ranks(), flush=True)
    if os.fork() == 0:
        os.setsid()
        float(work(1)[2])
        time.sleep(20)
        os._exit(1)
    arrays.go_on()


if __name__ == "__main__":
    globals()[sys.argv[1]]()
