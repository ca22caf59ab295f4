"""Processes that ranks start or fork are jobs of their own, and leave the rank's alone."""

import os
import pathlib
import subprocess
import sys
import time

import pytest

import jobs

CHILDREN = pathlib.Path(__file__).with_name("children.py")


def part(name, ranks, **environment):
    """Runs a part of `children.py`, which checks everything by itself; 0 ranks: without the launcher."""
    done = jobs.run([CHILDREN, name], ranks, {"GAIN_THRESHOLD": "500", **environment})
    if "no network engine can be used here" in done.stderr:
        pytest.skip("no network engine")
    assert done.returncode == 0, done.stderr + done.stdout
    return done


@pytest.mark.parametrize("name, ranks", [("pools", 0), ("pools", 1), ("pools", 3), ("forks", 0), ("forks", 2), ("forks", 4)])
def test_children_compute_alone_and_the_job_goes_on(name, ranks):
    part(name, ranks)


@pytest.mark.parametrize("ranks", [0, 2])
@pytest.mark.parametrize("name", ["programs", "again", "early"])
def test_who_is_the_rank(name, ranks):
    part(name, ranks)


def test_children_of_ranks_on_several_nodes():
    part("forks", 3, GAIN_FAKE_NODES="2")


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_child_that_outlives_its_rank_holds_nobody_up(ranks):
    start = time.monotonic()
    assert part("outlived", ranks).stdout == f"{ranks}\n"
    assert time.monotonic() - start < 15


def test_a_rank_that_dies_is_noticed_though_its_child_lives():
    done = jobs.script(
        """
        import os, signal, time
        import gain as np
        np.barrier()
        if np.rank() == 1:
            if os.fork() == 0:
                time.sleep(20)
                os._exit(0)
            os.kill(os.getpid(), signal.SIGKILL)
        (np.zeros(100_000) + 1).sum()
        np.barrier()
        """,
        ranks=3,
        deadline=15,
    )
    assert done.returncode == 128 + 9 and "rank 1" in done.stderr, done


def test_a_signal_for_the_ranks_spares_their_children():
    """`kill -USR1` of the launcher asks ranks what they wait for; other programs die of that signal."""
    done = jobs.script(
        """
        import os, signal, subprocess, sys, time
        import gain as np
        np.barrier()
        children = [subprocess.Popen(["sleep", "60"])]
        if (pid := os.fork()) == 0:
            time.sleep(60)
        np.barrier()
        if np.rank() == 0:
            for _ in range(10):     # the other one waits by the last of them
                os.kill(os.getppid(), signal.SIGUSR1)
                time.sleep(0.1)
        np.barrier()
        assert children[0].poll() is None and os.waitpid(pid, os.WNOHANG) == (0, 0)
        print("alive")
        """,
        ranks=2,
    )
    assert (done.returncode, done.stdout) == (0, "alive\n"), done
    assert "gain: rank 0 is not waiting" in done.stderr and "rank 1 in barrier" in done.stderr, done.stderr
    assert all("] gain: " in line for line in done.stderr.splitlines()), done.stderr


def test_a_fork_waits_for_a_thread_that_computes():
    done = jobs.script(
        """
        import os, threading
        import gain as np
        x, over = np.arange(400_000.0), threading.Event()
        def compute():
            while not over.is_set():
                y = x * 2 + 1
                y[1:-1] = (y[2:] + y[:-2]) * 0.5
                assert float(y.sum()) == 159999600000.0 + 400_000
        thread = threading.Thread(target=compute)
        thread.start()
        for i in range(40):
            pid = os.fork()
            if pid == 0:
                os._exit(0 if float((x + i).sum()) == 79999800000.0 + i * 400_000 else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        over.set()
        thread.join()
        """,
        ranks=1,
    )
    assert done.returncode == 0, done.stderr


def test_no_variable_is_left_without_a_launcher():
    text = "import os, gain; gain.zeros(3).sum(); print([name for name in os.environ if name.startswith('GAIN_RANK')])"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, env={**os.environ})
    assert (done.returncode, done.stdout) == (0, "[]\n"), done
