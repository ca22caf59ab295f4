"""Several threads, garbage that only the collector finds, memory that isn't there, and the ends of the runtime."""

import numpy
import pytest

import gain
import jobs


@pytest.mark.parametrize("threshold", [0, 500, 65536])
def test_threads_compute_at_once(threshold):
    """Work of their own, small and large, and rows of shared arrays, against NumPy."""
    done = jobs.script(
        """
        import random, sys, threading
        import gain, numpy

        sys.setswitchinterval(1e-4)
        shared, rows = gain.zeros((4, 700)), numpy.zeros((4, 700))
        small, cells = gain.zeros(4), numpy.zeros(4)
        wrong = []

        def program(np, seed):
            r, out = random.Random(seed), []
            a = np.arange(float(r.choice((7, 300, 40000))))
            for step in range(60):
                what = r.randrange(8)
                if what == 0: a = a * 0.5 + step
                elif what == 1: a[r.randrange(len(a))] = step
                elif what == 2: a[1:] = a[:-1] * 2 - a[1:]
                elif what == 3: out.append(float(a[r.randrange(len(a))]))
                elif what == 4: a += a[::-1]
                elif what == 5: out.append(float((a > step).sum()))
                elif what == 6: a = np.asarray(numpy.arange(float(len(a)))) - a
                else: b = a.copy(); b[:3] = 0; out.append(float(b.max()))
                a = a.clip(-1000, 1000) if hasattr(a, "clip") else a
                a = np.minimum(np.maximum(a, -1000), 1000)
            return out, numpy.asarray(a).tolist()

        def work(me):
            try:
                for round in range(12):
                    seed = 100 * me + round
                    if program(gain, seed) != program(numpy, seed):
                        wrong.append(("program", seed))
                    for np, whole, few in ((gain, shared, small), (numpy, rows, cells)):
                        whole[me] += np.arange(700.0) * round
                        whole[me, round] = -me
                        few[me] = few[me] + round
                    if numpy.asarray(shared[me]).tolist() != rows[me].tolist():
                        wrong.append(("row", me, round))
                    assert few[me] == small[me]
            except BaseException as error:
                wrong.append(error)

        threads = [threading.Thread(target=work, args=(me,)) for me in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert not wrong, wrong
        assert shared.numpy().tolist() == rows.tolist() and small.tolist() == cells.tolist()
        """,
        environment={"GAIN_THRESHOLD": str(threshold)},
    )
    assert done.returncode == 0, done.stderr


def test_one_thread_computes_and_another_collects():
    """On several ranks arrays are one thread's; the collector may run in any, at any time."""
    done = jobs.script(
        """
        import gc, threading
        import gain as np
        gc.disable()
        over, totals = threading.Event(), []
        def work():
            for i in range(50):
                x = np.arange(3000.0) + i
                loop = [x, x * 2]
                loop.append(loop)
                u = x.copy()
                u[1:-1] = (x[2:] + x[:-2]) * 0.5
                totals.append(float(u.sum()))
            over.set()
        thread = threading.Thread(target=work)
        thread.start()
        while not over.is_set():
            gc.collect()
            over.wait(0.001 * (1 + np.rank()))
        thread.join()
        print(sum(totals))
        """,
        ranks=2,
        environment={"GAIN_THRESHOLD": "0"},
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == sum(numpy.arange(3000.0).sum() + 3000 * i for i in range(50))


def test_garbage_of_small_arrays_does_not_stay():
    """Small arrays never bring the ranks together, so what the collector frees can't wait for that."""
    done = jobs.script(
        """
        import gc, resource
        import gain as np
        def cycle(i):
            x = np.arange(4000.0) + i
            y = x * 2 + x                       # recorded
            z = (np.zeros(300) + 1) * i
            z.force(); y.force() if i % 2 else None
            loop = [x, y, z, y[1:]]
            loop.append(loop)
        def rounds(n):
            for i in range(n):
                cycle(i)
                if (i * 7 + np.rank() * 3) % 23 == 0: gc.collect()
        gc.disable()
        rounds(500)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        rounds(3000)                            # 100 MB, were it kept
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 10_000, f"{grown} KiB"
        """,
        ranks=2,
    )
    assert done.returncode == 0, done.stderr


def test_reading_a_small_array_on_one_rank_upsets_nothing():
    """Not to be relied on, but done: such reads must not count towards what the ranks do together."""
    done = jobs.script(
        """
        import gc
        import gain as np
        total, small = 0.0, np.arange(5.0) + 1
        for i in range(300):
            x = np.arange(100000.0) + i
            loop = [x]
            loop.append(loop)
            del loop
            if np.rank() == i % 3:
                str(small), small.sum(), float(small[i % 5] * 2)
            if (i * 7 + np.rank() * 3) % 11 == 0: gc.collect()
            total += float(x[::1000].sum())
            del x
        print(total)
        assert np.stats()["arrays_created"] < 60, np.stats()
        """,
        ranks=3,
    )
    assert done.returncode == 0, done.stderr
    x = numpy.arange(100000.0)[::1000]
    assert float(done.stdout) == sum((x + i).sum() for i in range(300))


@pytest.mark.parametrize("ranks", [1, 2])
def test_too_large_is_refused_at_the_call(ranks):
    done = jobs.script(
        """
        import gain as np
        makers = [
            (lambda: np.zeros(10**12), "7.28 TiB", "(1000000000000,)", "float64"),
            (lambda: np.ones((10**6, 10**6), dtype="f4"), "3.64 TiB", "(1000000, 1000000)", "float32"),
            (lambda: np.full((10**12, 1), 2), "7.28 TiB", "(1000000000000, 1)", "int64"),
            (lambda: np.empty(10**12, dtype=complex), "14.6 TiB", "(1000000000000,)", "complex128"),
            (lambda: np.arange(1e12), "7.28 TiB", "(1000000000000,)", "float64"),
            (lambda: np.eye(10**6), "7.28 TiB", "(1000000, 1000000)", "float64"),
        ]
        for make, size, shape, dtype in makers:
            try:
                make()
                raise SystemExit("no error")
            except MemoryError as error:
                text = f"Unable to allocate {size} for an array with shape {shape} and data type {dtype}"
                assert str(error) == text, error
        # An expression is refused where it would be stored; a sum of it needs no memory.
        rows, columns = np.zeros((20000, 1)), np.zeros((1, 20000)) + 1
        assert float((rows + columns).sum()) == 4e8
        try:
            (rows + columns).force()
            raise SystemExit("no error")
        except MemoryError as error:
            assert "Unable to allocate 2.98 GiB for an array with shape (20000, 20000): " in str(error), error
        assert float(np.zeros(10).sum()) == 0
        """,
        ranks=ranks,
        environment={"GAIN_HEAP_BYTES": "1G"},
    )
    assert done.returncode == 0, done.stderr + done.stdout


def test_memory_that_one_rank_lacks_ends_the_job():
    done = jobs.script(
        """
        import resource
        import gain as np
        np.barrier()
        if np.rank() == 1:
            pages = int(open("/proc/self/statm").read().split()[0])
            resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + 40_000_000,) * 2)
        x = np.zeros(10_000_000) + 1
        x.force()
        np.barrier()
        """,
        ranks=2,
        environment={"GAIN_THRESHOLD": "100000000"},
        deadline=20,
    )
    assert done.returncode == 1, done.stderr
    assert "rank 1: abort: Unable to allocate 80000000 bytes" in done.stderr


def test_use_after_the_end_names_the_operation():
    done = jobs.script(
        """
        import gain as np
        x, big = np.arange(3.0) + 0, np.zeros(100000) + 1
        x.force()
        np.finalize()
        np.finalize()
        assert x.shape == (3,) and x[1:].shape == (2,)
        uses = {
            "add": lambda: x + 1, "multiply": lambda: np.multiply(big, 2), "assignment": lambda: x.__setitem__(0, 1),
            "read": lambda: x.numpy(), "item": lambda: float(x[0]), "full": lambda: np.zeros(3),
            "array": lambda: np.array([1.0]), "copy": lambda: x.copy(), "barrier": np.barrier, "dot": lambda: np.dot(x, x),
            "arange": lambda: np.arange(3), "mean": lambda: x.mean(), "get": lambda: x.get(), "force": lambda: x.force(),
        }
        for name, use in uses.items():
            try:
                use()
                raise SystemExit(f"no error from {name}")
            except RuntimeError as error:
                assert str(error) == f"{name}: gain has been finalized", error
        """,
        ranks=2,
    )
    assert done.returncode == 0, done.stderr + done.stdout


@pytest.mark.parametrize(
    "environment",
    [
        {"PMI_FD": "77", "PMI_RANK": "0", "PMI_SIZE": "2"},
        {"PMI_FD": "nonsense"},
        {"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "4"},
    ],
)
def test_a_start_that_fails_is_an_error_at_any_first_use(environment):
    uses = ["np.zeros(3)", "np.rank()", "np.array([1, 2])", "np.init()", "np.threads()", "np.stats()", "np.arange(3.0)",
            "np.add([1], [2])", "np.barrier()"]
    done = jobs.script(
        f"""
        import gain as np
        texts = set()
        for use in {uses!r}:
            try:
                eval(use)
            except RuntimeError as error:
                texts.add(str(error))
            else:
                raise SystemExit("no error from " + use)
        assert len(texts) == 1 and "start of the job" in texts.pop()
        """,
        ranks=0,
        environment=environment,
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr


@pytest.mark.parametrize("ranks", [1, 2])
def test_small_parts_do_not_keep_large_arrays(ranks):
    done = jobs.script(
        """
        import gain as np
        u = np.zeros((400, 400))
        u[0] = 7
        rows = []
        for i in range(30):
            rows.append(u[5].copy())
            rows.append(u[:, 3] * 2 + u[:, 4])
            rows.append(np.where(u[7] > 0, u[7], 1))
            u[1:-1, 1:-1] = (u[:-2, 1:-1] + u[2:, 1:-1]) * .5
            rows.append((np.arange(160000.0).reshape(400, 400) * 2)[3].copy())
        u.force()
        assert np.stats()["arrays_created"] <= 4, np.stats()
        print(sum(float(row.sum()) for row in rows))
        """,
        ranks=ranks,
    )
    assert done.returncode == 0, done.stderr
    u = numpy.zeros((400, 400))
    u[0] = 7
    total = 0.0
    for _ in range(30):
        total += u[5].sum() + (u[:, 3] * 2 + u[:, 4]).sum() + numpy.where(u[7] > 0, u[7], 1).sum()
        u[1:-1, 1:-1] = (u[:-2, 1:-1] + u[2:, 1:-1]) * 0.5
        total += (numpy.arange(160000.0).reshape(400, 400) * 2)[3].sum()
    assert float(done.stdout) == pytest.approx(total, rel=1e-12)
