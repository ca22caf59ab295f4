"""What the corpus can't say: the module's own names, what a call costs, printing, interruption, exit codes."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy
import pytest

import gain
import jobs


def test_missing_name_says_where_the_list_is():
    with pytest.raises(AttributeError, match="'gain' has no attribute 'busday_count'.*docs/"):
        gain.busday_count
    with pytest.raises(AttributeError, match="no attribute 'nothing'.*docs/"):
        gain.zeros(3).nothing


def test_the_page_of_names_and_the_stubs_are_up_to_date():
    for page in ("docs/names.py", "python/stubs.py"):
        assert subprocess.run([sys.executable, jobs.HERE.parents[1] / page, "--check"], timeout=60).returncode == 0


def test_the_table_of_ways_has_every_name():
    from gain import _ways

    table = gain.ways()
    names = {name for name in dir(numpy) if not name.startswith("_") and not isinstance(getattr(numpy, name), type(numpy))}
    assert names <= set(table) and {way for way, _ in table.values()} <= set(_ways.MEANINGS)
    assert not [name for name, (way, _) in table.items() if way == "refused" and hasattr(gain, name)]
    assert set(_ways.NOTES) <= set(table)
    with pytest.raises(AttributeError, match="has no attribute 'matrix': use arrays of two axes .*docs/"):
        gain.matrix


def test_numpy_functions_stay_ours():
    x = gain.arange(6.0)
    for made in (numpy.sqrt(x), numpy.add(x, 1), numpy.arange(6) + x, numpy.reshape(x, (2, 3)), numpy.float64(2) * x):
        assert isinstance(made, gain.ndarray)
    assert numpy.sum(x) == 15.0
    assert numpy.add.reduce(x) == 15.0
    with pytest.raises(TypeError, match="no implementation found for 'numpy.fft.fft'"):
        numpy.fft.fft(x)


def test_numpy_arrays_take_results():
    target = numpy.zeros(3)
    numpy.add(gain.arange(3.0), 1, out=target)
    assert target.tolist() == [1, 2, 3]
    target += gain.arange(3)
    assert target.tolist() == [1, 3, 5]
    target[:] = gain.arange(3) * 2
    assert target.tolist() == [0, 2, 4]


def test_array_makes_a_copy():
    source = numpy.arange(4.0)
    x = gain.array(source)
    source[0] = 9
    assert x[0] == 0
    x.numpy()[1] = 9
    assert x[1] == 1
    for layout in (source[::-1], source.reshape(2, 2).T, source.astype(">f8"), source.astype("f4")[::2]):
        assert numpy.array_equal(gain.asarray(layout).numpy(), layout)


def test_get_reads_a_part():
    x = gain.arange(24).reshape(4, 6) * 2
    x.force()
    assert numpy.array_equal(x.get((slice(1, 3), 2)), (numpy.arange(24).reshape(4, 6) * 2)[1:3, 2])


def test_unsupported_is_refused_not_wrong():
    with pytest.raises(TypeError, match="dtype"):
        gain.array(["a", "b"])
    with pytest.raises(TypeError):
        gain.zeros(3, dtype=object)


def test_import_brings_few_modules():
    text = "import sys, numpy; before = set(sys.modules); import gain; print(*set(sys.modules) - before)"
    names = {name for name in jobs.script(text, ranks=0).stdout.split() if name.partition(".")[0] != "gain"}
    assert names <= {"_locale", "_string", "atexit", "colorsys", "errno", "gc", "locale", "string"}, names


def test_printing_moves_what_is_printed():
    done = jobs.script(
        """
        import gain as np
        a = np.zeros((2000, 2000)) + 1
        a.force()
        before = np.stats()["bytes_moved"]
        text = repr(a)
        assert "shape=(2000, 2000)" in text, text
        assert np.stats()["bytes_moved"] - before < 10000, np.stats()
        """,
        ranks=2,
    )
    assert done.returncode == 0, done.stderr


def test_steady_state_allocates_nothing():
    done = jobs.script(
        """
        import gain as np
        u = np.zeros((500, 400))
        u[0] = 1
        def sweep():
            old = u.copy()
            u[1:-1, 1:-1] = (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:]) * 0.25
            v = (u - old).flat
            return np.sqrt(np.dot(v, v))
        for _ in range(5): sweep()
        before = np.stats()
        for _ in range(20): sweep()
        after = np.stats()
        assert after["arrays_created"] == before["arrays_created"], (before, after)
        assert after["bytes_allocated"] == before["bytes_allocated"], (before, after)
        assert after["passes"] - before["passes"] == 20, (before, after)
        """,
        ranks=2,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_laplace(ranks):
    """The example with its one line changed, against NumPy, error norms and all."""
    text = (jobs.HERE.parents[1] / "examples" / "laplace.py").read_text()
    lines = []
    for module, count in (("numpy", 0), ("gain", ranks)):
        program = text.replace("import numpy as np\n", f"import {module} as np\n")
        done = jobs.script(program.replace("*map(int, sys.argv[1:3])", "300, 40"), ranks=count)
        assert done.returncode == 0, done.stderr
        lines.append(done.stdout.split(", ")[:2])
    assert lines[0] == lines[1]


def test_error_on_one_rank_ends_the_job():
    done = jobs.script(
        """
        import gain as np
        a = np.arange(100000.0)
        if np.rank() == 1:
            raise ValueError("only here")
        print(a.sum(), np.barrier())
        """,
        ranks=3,
        deadline=20,
    )
    assert done.returncode == 1
    assert "only here" in done.stderr


def test_keyboard_interrupt():
    program = textwrap.dedent(
        """
        import gain as np
        u = np.zeros((1000, 1000))
        print("ready", flush=True)
        try:
            while True:
                u[1:] = u[:-1] + 1
                u[0, 0] + 0
        except KeyboardInterrupt:
            print("interrupted", u.shape)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=10)
    assert out == "interrupted (1000, 1000)\n" and process.returncode == 0


def test_keyboard_interrupt_of_a_job():
    """Every rank says KeyboardInterrupt, the one that waited for the other, too."""
    process = subprocess.Popen(
        [str(jobs.GAIN), "run", "-n", "2", sys.executable, "-c", "import gain, time; gain.rank() or print('ready', flush=True); gain.rank() and time.sleep(60); gain.barrier()"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "KeyboardInterrupt" in err and "lost sys.stderr" not in err


def test_garbage_cycles_differ_between_ranks():
    """Arrays that only the cycle collector frees, at times of its own on each rank, don't upset the order of things."""
    done = jobs.script(
        """
        import gc
        import gain as np
        total = 0.0
        for i in range(200):
            x = np.arange(2000.0) + i
            loop = [x]
            loop.append(loop)
            del loop
            if (i * 7 + np.rank() * 3) % 11 == 0:
                gc.collect()
            total += float(x.sum())
        print(total)
        """,
        ranks=3,
        environment={"GAIN_THRESHOLD": "0"},
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == sum(numpy.arange(2000.0).sum() + 2000 * i for i in range(200))


def test_threads_may_share_arrays():
    from concurrent.futures import ThreadPoolExecutor

    x = gain.arange(100000.0)
    with ThreadPoolExecutor(4) as pool:
        sums = list(pool.map(lambda i: float((x * i + 1).sum()), range(16)))
    expected = numpy.arange(100000.0)
    assert sums == pytest.approx([float((expected * i + 1).sum()) for i in range(16)], rel=1e-13)


def test_command_line():
    done = subprocess.run([str(jobs.GAIN), "--help"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and "run" in done.stdout + done.stderr


@pytest.mark.parametrize("ranks", [1, 3])
def test_hpc_challenge(ranks):
    done = jobs.run([jobs.HERE.parents[1] / "examples" / "hpcc.py", "-p", 1, 300], ranks, {"GAIN_THRESHOLD": "0"})
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["HPL", "FFT", "STREAM", "DGEMM", "PTRANS"]
    assert all(line.endswith(" ok") for line in lines), done.stdout
