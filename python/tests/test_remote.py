"""A client of a server of ranks: the corpus against NumPy, who dies with whom, and what is an error."""

import functools
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import textwrap

import pytest

import cases
import jobs
import test_corpus

ALL = bool(os.environ.get("GAIN_TEST_ALL"))
# Ranks behind the client, GAIN_THRESHOLD.
SETTINGS = [(2, 0), (3, None), (2, None), (1, 0)] if ALL else [(2, 0)]
# Without GAIN_TEST_ALL each so many cases one.
EVERY = 1 if ALL else 12
DEADLINE = 600 if ALL else 60


@functools.cache
def chosen():
    """The cases that are run, and what NumPy says."""
    sources = [case for number, case in enumerate(cases.load()) if number % EVERY == 0]
    return sources, [one[0] for one in jobs.outcomes("numpy", [case.source for case in sources])]


@pytest.mark.parametrize("setting", SETTINGS, ids=test_corpus.identify)
def test_a_client_agrees_with_numpy(setting):
    sources, expected = chosen()
    ranks, threshold = setting
    environment = {} if threshold is None else {"GAIN_THRESHOLD": str(threshold)}
    found = jobs.outcomes(f"gain@{ranks}", [case.source for case in sources], 0, environment, deadline=300)
    wrong = []
    for case, right, mine in zip(sources, expected, found):
        if text := test_corpus.difference(mine[0], right, case.text):
            wrong.append(f"{case.source}\n    {text}")
    assert not wrong, "\n".join([f"{len(wrong)} of {len(sources)} differ:", *wrong[:12]])


def client(text, *arguments, **more):
    """Starts a client that runs this text."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(text), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **more
    )


def run(text, *arguments, **environment):
    """What a client that runs this text prints."""
    process = client(text, *arguments, env=os.environ | environment)
    try:
        out, err = process.communicate(timeout=DEADLINE)
    finally:
        process.kill()
    assert process.returncode == 0, err
    return out


def below(pid):
    """The processes that a process started, and those that they did."""
    found = []
    try:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *below(child)]
    except (FileNotFoundError, ProcessLookupError):
        # (It has ended meanwhile.)
        pass
    return found


def command(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


class Gone:
    """Waits for processes that are not our children."""

    def __init__(self, pids):
        self.files = {os.pidfd_open(pid): pid for pid in pids}

    def wait(self, seconds=20):
        """Those that are left."""
        left = dict(self.files)
        while left:
            ready = select.select(list(left), [], [], seconds)[0]
            if not ready:
                break
            for file in ready:
                del left[file]
        for file in self.files:
            os.close(file)
        return list(left.values())


# A client that says when it has its ranks, and then does what it is told.
VICTIM = """
    import sys
    import gain as np
    session = np.connect(ranks=2)
    x = np.arange(1000.0)
    print(float(x.sum()), flush=True)
    sys.stdin.readline()
    try:
        {work}
    except ConnectionError as error:
        print(str(error).partition("\\n")[0], flush=True)
"""


def started(work):
    """A client, its launcher and its ranks."""
    process = client(VICTIM.format(work=work), stdin=subprocess.PIPE)
    assert process.stdout.readline() == "499500.0\n", process.stderr.read()
    servers = below(process.pid)
    ranks = [pid for pid in servers if "gain._server" in command(pid) and "run" not in command(pid)]
    launcher = next(pid for pid in servers if "run" in command(pid))
    return process, launcher, ranks, servers


@pytest.mark.parametrize("is_busy", [False, True] if ALL else [False])
def test_ranks_die_with_their_client(is_busy):
    process, _, ranks, servers = started("np.linalg.svd(np.random.rand(3000, 3000))")
    assert len(ranks) == 2
    gone = Gone(servers)
    if is_busy:
        process.stdin.write("\n")
        process.stdin.flush()
        # (Once a rank computes.)
        ticks = lambda: sum(int(pathlib.Path(f"/proc/{pid}/stat").read_text().split()[13]) for pid in ranks)  # noqa: E731
        before = ticks()
        while ticks() < before + 30:
            os.sched_yield()
    process.kill()
    process.communicate()
    assert gone.wait() == []


@pytest.mark.parametrize("whom", ["rank 0", "rank 1", "launcher"])
def test_a_server_that_is_killed_is_an_error(whom):
    process, launcher, ranks, servers = started("print(float(x.sum()))")
    gone = Gone(servers)
    os.kill({"rank 0": ranks[0], "rank 1": ranks[1], "launcher": launcher}[whom], signal.SIGKILL)
    assert gone.wait() == []
    out, err = process.communicate("\n", timeout=DEADLINE)
    assert "the arrays of this session are lost" in out, (out, err)
    assert process.returncode == 0


def test_an_interrupt_ends_the_waiting_alone():
    out = run("""
        import os, signal, threading
        import gain as np
        session = np.connect(ranks=2)
        x = np.random.rand(300, 300)
        y = x + 1
        threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        try:
            while True:
                np.linalg.svd(x)
        except KeyboardInterrupt:
            print("interrupted")
        print(bool(((y - x).round() == 1).all()))
    """)
    assert out == "interrupted\nTrue\n"


def test_sessions_come_and_go():
    out = run("""
        import os
        import numpy
        import gain as np
        add, there = np.ndarray.__add__, len(os.listdir("/proc/self/fd"))
        before = np.arange(4.0)
        for ranks in (1, 2):
            with np.connect(ranks=ranks) as session:
                x = np.ones(4) + before
                print(np.ranks(), session.ranks, x, numpy.asarray(x[1:]).tolist(), type(x) is np.ndarray)
                try:
                    np.connect()
                except RuntimeError as error:
                    print(error)
            try:
                x + 1
                print(x)
            except BaseException as error:
                print(type(error).__name__)
        np.disconnect()
        # (A session keeps its sockets until it is forgotten.)
        del session
        print(np.ndarray.__add__ is add, np.ranks(), np.ones(2) + 1, before, len(os.listdir("/proc/self/fd")) - there)
    """)
    once = "[1. 2. 3. 4.] [2.0, 3.0, 4.0] True\nthere is a session already: disconnect() first\nElsewhere\n"
    assert out == f"1 1 {once}2 2 {once}True 1 [2. 2.] [0. 1. 2. 3.] 0\n"


def test_errors_are_raised_at_the_call_or_told_later():
    out = run("""
        import warnings
        import gain as np
        session = np.connect(ranks=2)
        x, sent = np.arange(6.0), session.recorded
        for wrong in (lambda: x.reshape(4), lambda: x + np.ones, lambda: x[7], lambda: np.concatenate([x, x], axis=1)):
            try:
                wrong()
            except Exception as error:
                print(type(error).__name__)
        print(session.recorded - sent)
        try:
            float(np.linalg.inv(np.zeros((2, 2)))[0, 0])
        except np.linalg.LinAlgError as error:
            print(error)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            y = 1 / np.zeros(3)
            y.tolist()
            print([str(one.message) for one in told], told[0].filename)
        with np.errstate(all="raise"):
            try:
                1 / np.zeros(3)
            except FloatingPointError as error:
                print(error)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error")
            print((1 / np.zeros(3)).tolist())
    """)
    assert out == (
        "ValueError\nTypeError\nIndexError\nAxisError\n1\nSingular matrix\n"
        "['divide by zero encountered in divide'] <string>\ndivide by zero encountered in divide\n[inf, inf, inf]\n"
    )


def test_what_is_dropped_goes_on_the_ranks():
    out = run("""
        import gain as np
        session = np.connect(ranks=2)
        for _ in range(100):
            x = np.random.rand(1 << 17)
            y = x * 2
            y[:5] = 1
            float(y[9])
        print("room enough")
    """)
    assert out == "room enough\n"


def test_only_the_tables_functions_are_called():
    from gain import _calls

    names = [name for name, _, _ in _calls.table()]
    assert len(names) == len(set(names)) > 500
    assert not {"exec", "eval", "launch", "finalize", "abort"} & {name.rpartition(".")[2] for name in names}
    assert {"gain.arange", "gain.linalg.solve", "ndarray.__add__ method", "ndarray.T get", "ufunc.reduce method"} <= set(names)


class Server:
    """A server that `gain serve` starts, with a connection file in this folder."""

    def __init__(self, folder, *options):
        self.file = folder / "server.json"
        command = [str(jobs.GAIN), "serve", "-n", "2", "--file", str(self.file), *options]
        environment = os.environ | {"PYTHON": sys.executable}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True)

    def __enter__(self):
        assert "2 ranks for clients" in self.process.stdout.readline(), self.process.stderr.read()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            jobs.end(self.process)
        self.process.communicate()


def test_clients_of_one_server_have_sessions_of_their_own(tmp_path):
    program = """
        import sys
        import gain as np
        with np.connect(sys.argv[1]) as session:
            mine = float(sys.argv[2])
            x = np.full(1000, mine)
            total = 0.0
            with np.errstate(divide="raise" if mine == 2 else "ignore"):
                for step in range(200):
                    x[step] += step
                    total = float(x.sum())
                try:
                    told = (1 / np.zeros(2)).tolist()
                except FloatingPointError as error:
                    told = str(error)
            print(total, np._gain.remote_number(x) > 0, told)
    """
    with Server(tmp_path, "--idle", "0.5") as server:
        assert server.file.stat().st_mode & 0o777 == 0o600
        start = lambda number: subprocess.Popen(  # noqa: E731
            [sys.executable, "-c", textwrap.dedent(program), str(server.file), str(number)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        clients = [start(number) for number in (1, 2)]
        said = [one.communicate(timeout=DEADLINE) for one in clients]
        assert [out for out, _ in said] == ["20900.0 True [inf, inf]\n", "21900.0 True divide by zero encountered in divide\n"], said
        # Without clients it ends, and takes its file along.
        assert server.process.wait(DEADLINE) == 0
        assert not server.file.exists()


def test_who_may_connect(tmp_path):
    import gain

    with Server(tmp_path) as server:
        text = server.file.read_text()
        server.file.chmod(0o644)
        with pytest.raises(PermissionError, match="nobody else may read"):
            gain.connect(server.file)
        server.file.chmod(0o600)
        server.file.write_text(text.replace('"token": "', '"token": "00'))
        with pytest.raises(PermissionError, match="the token is not this server's"):
            gain.connect(server.file)
        for version in (1, 3):
            server.file.write_text(text.replace('"version": 2', f'"version": {version}'))
            with pytest.raises(ConnectionError, match="another version"):
                gain.connect(server.file)
        server.file.write_text(text.replace(json.loads(text)["machine"], "another"))
        with pytest.raises(ConnectionError, match="started without --listen"):
            gain.connect(server.file)
        server.file.write_text(text)
        with gain.connect(server.file) as session:
            assert session.ranks == 2 and float(gain.ones(5).sum()) == 5
        # What only others of its sessions have.
        assert server.process.poll() is None
    server.file.write_text(text)
    with pytest.raises(ConnectionError, match="no server any more"):
        gain.connect(server.file)


def test_large_arrays_go_through_shared_memory():
    out = run("""
        import numpy
        import gain as np
        plain = numpy.random.default_rng(1).random((700, 400))
        with np.connect(ranks=2) as session:
            for theirs in (plain, numpy.asfortranarray(plain), plain[::-1, ::2], plain > 0.5, (1e6 * plain).astype("i4"), plain.astype("c8")):
                x = np.array(theirs)
                y = x[1:, ::3]
                same = [numpy.array_equal(x.numpy(), theirs), numpy.array_equal(numpy.asarray(y), theirs[1:, ::3]), x.tobytes() == theirs.tobytes()]
                print(x.dtype == theirs.dtype, x.strides == theirs.copy("K").strides, *same)
            x = np.zeros((700, 400))
            x[...] = plain
            x += plain
            print(numpy.array_equal(x, 2 * plain))
    """)
    assert out == "True True True True True\n" * 6 + "True\n"


def test_memory_of_what_was_read_is_used_again_once_nobody_has_it():
    out = run("""
        import numpy
        import gain as np
        with np.connect(ranks=2):
            x = np.arange(300_000.0)
            first = numpy.asarray(x)
            place = first.ctypes.data
            again = numpy.asarray(x + 1)
            print(again.ctypes.data == place, first[7], again[7])
            place, part = again.ctypes.data, again[5:9].reshape(2, 2).T
            del again
            again = numpy.asarray(x + 2)
            print(again.ctypes.data == place, part.tolist(), again[7])
            place, seen = again.ctypes.data, memoryview(again)
            del again
            again = numpy.asarray(x + 3)
            print(again.ctypes.data == place, seen[7], again[7])
            place = again.ctypes.data
            del again
            again = numpy.asarray((x + 4).reshape(300, 1000))
            print(again.ctypes.data == place, again[0, 7])
    """)
    assert out == "False 7.0 8.0\nFalse [[6.0, 8.0], [7.0, 9.0]] 9.0\nFalse 9.0 10.0\nTrue 11.0\n"


def test_what_has_a_known_shape_is_not_waited_for():
    out = run("""
        import gain as np
        session = np.connect(ranks=2)
        x, v, i = np.ones((60, 60)), np.arange(60.0), np.arange(60)
        place = lambda: np._gain.remote_number(np.empty(1))
        for text in (
            "x + v", "x.T[1:]", "x.sum(0)", "x.mean(axis=1)", "x.std(0)", "np.where(x > 1, x, 0)", "np.concatenate([x, x])", "np.stack([v, v])", "x.astype('f4')",
            "np.pad(x, 1)", "np.roll(v, 2)", "np.linspace(0, 1, 9)", "x.__setitem__(slice(3), v)", "x.__iadd__(1)", "np.einsum('ij->i', x)", "x.reshape(-1)",
            "np.sort(x)", "np.argsort(x, 0)", "np.cumsum(v)", "np.fft.fft(v)",
        ):
            before = place()
            eval(text)
            # (A call that is waited for takes a block of numbers.)
            if place() - before > 1000:
                print(text)
    """)
    assert out == ""


def test_a_forked_child_has_no_part_in_the_session():
    out = run("""
        import os, sys
        import gain as np
        session = np.connect(ranks=2)
        x = np.arange(10.0)
        child = os.fork()
        if child == 0:
            print(np.ones(3) + 1, flush=True)
            del x
            sys.exit(3)
        print(os.waitpid(child, 0)[1] >> 8, float(x.sum()))
    """)
    assert out == "[2. 2. 2.]\n3 45.0\n"
