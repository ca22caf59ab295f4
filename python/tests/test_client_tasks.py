"""`ppeval` and `pfor` of a client, whose functions the ranks call: against the same loop in plain Python."""

import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

import jobs
from test_remote import DEADLINE, Server, client, run

pytest.importorskip("cloudpickle", reason="cloudpickle is not installed (python/requirements.txt): functions of a program don't travel")
RANKS = pytest.mark.parametrize("ranks", [1, 2, 3] if os.environ.get("GAIN_TEST_ALL") else [3])


@RANKS
def test_the_ranks_call_functions_of_the_client(ranks):
    out = run(f"""
        import os
        import numpy
        import gain as np
        plain = numpy.random.default_rng(1).random((7, 5, 40))
        lengths = [3, 1, 4, 1, 5, 9]
        factor = 3
        class Own(Exception):
            pass
        with np.connect(ranks={ranks}) as session:
            x = np.asarray(plain)
            u, s, v = np.ppeval(numpy.linalg.svd, x)
            assert type(s) is np.ndarray and np._gain.remote_number(s) > 0
            for k in range(40):
                for ours, theirs in zip((u, s, v), numpy.linalg.svd(plain[..., k])):
                    assert numpy.array_equal(ours[..., k].numpy(), theirs)
            assert numpy.allclose(np.ppeval(numpy.mean, np.ppsplit(x, 0)).numpy(), plain.mean(axis=(1, 2)))
            # A function of this program, and what it refers to; of an array of NumPy's, one large enough to go through memory.
            for n in (300, 300_000):
                big = numpy.arange(n).reshape(-1, 100)
                made = np.ppeval(lambda column, k: column * k * factor, big, np.ppbcast(2))
                assert made.dtype == big.dtype and numpy.array_equal(made.numpy(), big * 6)
            # The processes are the ranks'.
            pids = np.ppeval(lambda i: os.getpid(), numpy.arange(40)).tolist()
            assert os.getpid() not in pids
            assert np.ppeval(lambda i: None, numpy.arange(5)) is None
            weights = numpy.arange(7.0)
            sums = np.ppeval(lambda a, w: float(a @ w), np.ppsplit(x[:, 0], 1), np.ppbcast(np.asarray(weights)))
            assert numpy.allclose(sums.numpy(), [plain[:, 0, k] @ weights for k in range(40)])
            # Lists stay there, are read on demand, and are arguments again.
            items = np.ppeval(lambda n: numpy.arange(n), lengths)
            assert isinstance(items, np.PPList) and len(items) == 6 and items[-1].size == 9 and items[1:3][1].tolist() == [0, 1, 2, 3]
            assert [one.tolist() for one in items] == [list(range(n)) for n in lengths]
            assert np.ppeval(len, items).tolist() == lengths
            texts = np.ppeval(lambda i: "ab"[i % 2] * int(i), numpy.arange(6))
            assert list(texts) == ["", "b", "aa", "bbb", "aaaa", "bbbbb"] and texts[5] == "bbbbb"
            assert np.ppeval(lambda text, n: len(text) == n, texts, list(range(6))).tolist() == [True] * 6
            assert list(np.ppeval(lambda a: a, np.ppsplit(["one", 2, None]))) == ["one", 2, None]
            many = np.ppeval(lambda i: "x" * 1000 * int(i % 3), numpy.arange(3000))
            assert [len(text) for text in many] == [1000 * (i % 3) for i in range(3000)]

            @np.pfor(range(10))
            def squares(i):
                return i * i * factor
            assert squares.tolist() == [3 * i * i for i in range(10)]

            # An exception is the client's own class, and says which slice.
            def bad(i):
                if i == 37:
                    raise Own("seen")
                return i
            try:
                np.ppeval(bad, numpy.arange(50))
                raise SystemExit("nothing was raised")
            except Own as error:
                assert str(error) == "seen" and "slice 37" in error.__notes__[0]
            for wrong in (lambda: np.ppeval(max, numpy.arange(3), numpy.arange(4)), lambda: np.ppeval(abs, 3)):
                try:
                    wrong()
                    raise SystemExit("nothing was raised")
                except ValueError:
                    pass
            assert float(np.arange(100).sum()) == 4950
        print("done")
    """)
    assert out == "done\n"


def test_a_server_calls_no_functions_unless_it_was_told_to(tmp_path):
    program = """
        import sys
        import gain as np
        with np.connect(sys.argv[1]):
            try:
                print(np.ppeval(lambda i: i + 1, [1, 2, 3]).tolist())
            except PermissionError as error:
                print(error)
            print(float(np.ones(3).sum()))
    """
    for options, said in (([], "this server calls no functions of its clients: it was started without --allow-functions\n"), (["--allow-functions"], "[2, 3, 4]\n")):
        with Server(tmp_path, *options) as server:
            done = subprocess.run(
                [sys.executable, "-c", textwrap.dedent(program), str(server.file)], capture_output=True, text=True, timeout=DEADLINE
            )
            assert done.stdout == said + "3.0\n", done.stderr


def test_without_cloudpickle_functions_of_modules_travel():
    out = run("""
        import sys
        sys.modules["cloudpickle"] = None  # as if it weren't installed
        import math
        import gain as np
        with np.connect(ranks=2):
            print(np.ppeval(math.floor, [1.5, 2.5]).tolist())
            for wrong in (lambda x: x, np.connect.__class__(compile("1", "", "eval"), {"__name__": "__main__"})):
                try:
                    np.ppeval(wrong, [1.5])
                except TypeError as error:
                    print("cloudpickle, which is not installed" in str(error))
    """)
    assert out == "[1, 2]\nTrue\nTrue\n"


def test_a_rank_that_is_killed_while_it_calls_is_an_error():
    process = client("""
        import os, signal
        import numpy
        import gain as np
        with np.connect(ranks=2) as session:
            def end(i):
                if i == 30:
                    os.kill(os.getpid(), signal.SIGKILL)
                return i
            try:
                np.ppeval(end, numpy.arange(50))
            except ConnectionError as error:
                print("lost" in str(error))
    """)
    out, err = process.communicate(timeout=DEADLINE)
    assert out == "True\n" and process.returncode == 0, (out, err)


def test_the_programs_for_star_p():
    program = pathlib.Path(__file__).parents[2] / "examples/starp.py"
    page = (program.parents[1] / "docs/src/starp.md").read_text()
    block = page.partition("```python\n")[2].partition("```")[0]
    # What the page shows is in the file.
    assert {line for line in block.splitlines() if line} <= set(program.read_text().splitlines()) | {"import numpy"}
    for ranks, arguments in ((0, []), (2, []), (0, ["-s"])):
        done = jobs.run([program, *arguments], ranks)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == ["True", "True", "True", "(20, 20, 50) (20, 50) True", "True", "True", "[[0, 1, 2], [0], [0, 1]]"], done.stdout
