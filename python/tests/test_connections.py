"""How clients reach a server and lose it: over networks, on several machines, again after a cut, with so much memory, and a thousand times."""

import json
import os
import pathlib
import socket
import subprocess
import textwrap
import threading

import pytest

import jobs
from test_remote import ALL, DEADLINE, Gone, Server, below, client, command, run


def test_over_the_network(tmp_path):
    program = """
        import json, os, sys
        import numpy
        import gain as np
        file, where = sys.argv[1:]
        told = json.load(open(file))
        plain = numpy.random.default_rng(1).random((1500, 1800))
        def used(session):
            x = np.asarray(plain)
            same = numpy.array_equal(x.numpy(), plain), numpy.array_equal(np.asarray(plain.T).numpy(), plain.T)
            print(session.ranks, float(np.arange(5.0).sum()), *same, x[3:5, 7].tolist() == plain[3:5, 7].tolist())
        with np.connect(where, token=told["token"]) as session:
            used(session)
        os.environ["GAIN_CONNECT_TOKEN"] = told["token"]
        with np.connect(where) as session:
            used(session)
        # As another machine sees the file.
        told["machine"] = "another"
        with open(os.open("elsewhere.json", os.O_WRONLY | os.O_CREAT, 0o600), "w") as other:
            json.dump(told, other)
        with np.connect("elsewhere.json") as session:
            used(session)
        secret, key = told["token"].split(".")
        for token in ("00" + secret[2:] + "." + key, secret + "." + "00" * 32, secret, "none", ""):
            try:
                np.connect(where, token=token)
            except OSError as error:
                print(type(error).__name__, str(error)[:33].rstrip())
        del os.environ["GAIN_CONNECT_TOKEN"]
        try:
            np.connect(where)
        except PermissionError as error:
            print("GAIN_CONNECT_TOKEN" in str(error))
    """
    with Server(tmp_path, "--listen", "tcp://127.0.0.1:0") as server:
        told = json.loads(server.file.read_text())
        out = run(f"import os; os.chdir({str(tmp_path)!r})\n" + textwrap.dedent(program), server.file, f"tcp://localhost:{told['port']}")
        used = "2 10.0 True True True\n"
        denied = "PermissionError the token is not this server's\n"
        unreachable = "PermissionError this is no token of a server that\n"
        assert out == 3 * used + denied + "OSError it is another server: its key is\n" + 3 * unreachable + "True\n", out


class Wire:
    """Passes on what goes to a port, until it is cut."""

    def __init__(self, port):
        self.far, self.listener, self.ends = port, socket.create_server(("127.0.0.1", 0)), []
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection(("127.0.0.1", self.far))
            self.ends += [near, far]
            for ends in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, near, far):
        try:
            while came := near.recv(1 << 16):
                far.sendall(came)
        except OSError:
            pass

    def cut(self):
        for end in self.ends:
            end.shutdown(socket.SHUT_RDWR)
        self.ends.clear()


def test_a_lost_connection_is_an_error_and_the_arrays_are_found_again(tmp_path):
    program = """
        import sys
        import gain as np
        session = np.connect(sys.argv[1], token=sys.argv[2])
        x = np.arange(1000.0)
        print(float(x.sum()), flush=True)
        sys.stdin.readline()
        try:
            while True:
                float(x.sum())
        except ConnectionError as error:
            print(str(error), flush=True)
        sys.stdin.readline()
        try:
            session.reattach()
            x += 1
            print(float(x.sum()), flush=True)
        except ConnectionError as error:
            print(str(error), flush=True)
    """
    for grace in ("30", "0.01") if ALL else ("30",):
        with Server(tmp_path, "--listen", "tcp://127.0.0.1:0", "--reattach", grace, "--idle", "60") as server:
            told = json.loads(server.file.read_text())
            wire = Wire(told["port"])
            process = client(program, f"tcp://127.0.0.1:{wire.port}", told["token"], stdin=subprocess.PIPE)
            try:
                assert process.stdout.readline() == "499500.0\n", process.stderr.read()
                wire.cut()
                process.stdin.write("\n")
                process.stdin.flush()
                lost = process.stdout.readline()
                assert "the ranks keep the arrays of this session for its reattach()" in lost, lost
                if grace != "30":
                    # (Another session begins behind the end of that one.)
                    assert run("import sys; import gain as np; print(float(np.connect(sys.argv[1]) and np.ones(3).sum()))", server.file) == "3.0\n"
                out, err = process.communicate("\n", timeout=DEADLINE)
                assert out == "500500.0\n" if grace == "30" else "the session is over" in out, (out, err)
            finally:
                process.kill()


def test_a_session_has_so_much_memory(tmp_path):
    with Server(tmp_path, "--memory", "1M") as server:
        out = run("""
            import sys
            import gain as np
            np.connect(sys.argv[1])
            x = np.ones(100_000)
            y = np.ones(100_000)
            try:
                float(y.sum())
            except MemoryError as error:
                print(error)
            del x, y
            for _ in range(10):
                z = np.ones(40_000) + 1
                print(end="%d " % z[:1000].sum())
        """, server.file)
        assert out == "an array of 800000 bytes is more than a session may have: 800000 of 1048576 bytes are taken\n" + 10 * "2000 ", out


@pytest.mark.parametrize("ranks", [4] if not ALL else [2, 3, 4])
def test_ranks_of_several_nodes(ranks):
    out = run("""
        import sys
        import numpy
        import gain as np
        with np.connect(ranks=int(sys.argv[1])) as session:
            plain = numpy.random.default_rng(1).random((700, 400))
            x = np.asarray(plain)
            print(session.ranks, float((np.arange(1000.0) + 1).sum()), numpy.array_equal(x.numpy(), plain))
    """, ranks, GAIN_FAKE_NODES="2", GAIN_TRANSPORT="ucx", UCX_TLS="tcp,self")
    assert out == f"{ranks} 500500.0 True\n"


def test_ranks_that_other_programs_start(tmp_path):
    """Remote shells and Slurm, for which programs of this machine stand."""
    (tmp_path / "ssh").write_text('#!/bin/sh\nwhile [ "${1#-}" != "$1" ]; do shift; done\nshift\nexec sh -c "$*"\n')
    (tmp_path / "srun").write_text(f"#!/bin/sh\n[ $1 = --mpi=pmi2 ] && [ $2 = -N ] || exit 9\nshift 3\nexec {jobs.GAIN} run --output all \"$@\"\n")
    for program in ("ssh", "srun"):
        (tmp_path / program).chmod(0o755)
    for how in ("np.connect('h1:1,h2:1')", "np.connect('slurm', nodes=2)"):
        out = run(f"""
            import gain as np
            with {how} as session:
                print(session.ranks, float(np.arange(10.0).sum()))
        """, PATH=f"{tmp_path}:{os.environ['PATH']}")
        assert out == "2 45.0\n"
    if not ALL:
        return
    with Server(tmp_path, "--hosts", "h1:1,h2:1", "--rsh", str(tmp_path / "ssh")) as server:
        out = run("import sys; import gain as np; s = np.connect(sys.argv[1]); print(s.ranks, float(np.ones(4).sum()))", server.file)
        assert out == "2 4.0\n"


def _state(pid):
    """Descriptors, threads and bytes of a process."""
    folder = pathlib.Path(f"/proc/{pid}")
    pages = int((folder / "statm").read_text().split()[1])
    return len(list((folder / "fd").iterdir())), len(list((folder / "task").iterdir())), pages * os.sysconf("SC_PAGE_SIZE")


def test_clients_leave_nothing_behind(tmp_path):
    """1000 of them with `GAIN_TEST_ALL`; half of them over the network."""
    program = """
        import json, os, sys
        import gain as np
        file, count = sys.argv[1], int(sys.argv[2])
        told = json.load(open(file))
        for turn in range(count):
            where = dict(where=file) if turn % 2 else dict(where=f"tcp://127.0.0.1:{told['port']}", token=told["token"])
            with np.connect(**where) as session:
                x = np.ones(1000)
                assert float(x.sum()) == 1000
        print(len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")))
    """
    with Server(tmp_path, "--listen", "tcp://127.0.0.1:0", "--idle", "60") as server:
        ranks = [pid for pid in below(server.process.pid) if "gain._server" in command(pid)]
        assert len(ranks) == 2
        first = run(program, server.file, 4)
        before = [_state(pid) for pid in ranks]
        last = run(program, server.file, 1000 if ALL else 20)
        # (What the last session had goes when the next one has come and gone.)
        assert run(program, server.file, 4) == first == last
        for then, now in zip(before, (_state(pid) for pid in ranks)):
            assert now[0] <= then[0] + 2 and now[1] <= then[1] + 2, (then, now)
            assert now[2] < then[2] + (32 << 20), (then, now)


@pytest.mark.parametrize("stage", ["launched", "ranks"])
def test_a_client_that_is_killed_before_it_has_its_ranks(stage):
    process = client("import gain as np; np.connect(ranks=2)")
    is_there = lambda pid: "gain._server" in (told := command(pid)) and (stage == "launched" or "run" not in told)  # noqa: E731
    while not any(is_there(pid) for pid in below(process.pid)):
        assert process.poll() is None
    gone = Gone(below(process.pid))
    process.kill()
    process.communicate()
    assert gone.wait() == []
