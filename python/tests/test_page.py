"""The page of a server: what it says of the ranks, to whom, and that the server does what it did."""

import http.client
import json
import re
import socket
import subprocess
import sys
import time

from test_remote import DEADLINE, Server


class WithPage(Server):
    """A server whose page is at a port that was free."""

    def __init__(self, folder, *options):
        super().__init__(folder, "--status-port", "0", *options)

    def __enter__(self):
        told = self.process.stdout.readline()
        self.port = int(re.fullmatch(r"gain: what the ranks do is at http://127\.0\.0\.1:(\d+)\n", told)[1])
        return super().__enter__()

    def get(self, path, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read()

    def until(self, holds):
        """Waits until this holds of what the page says."""
        end = time.monotonic() + DEADLINE
        while not holds(now := json.loads(self.get("/status.json")[2])):
            assert time.monotonic() < end, now


def test_the_page_says_what_the_ranks_do(tmp_path):
    import gain

    with WithPage(tmp_path) as server:
        status, kind, page = server.get("/")
        assert status == 200 and kind == "text/html; charset=utf-8" and b"status.json" in page
        status, kind, text = server.get("/status.json")
        before = json.loads(text)
        assert status == 200 and kind == "application/json" and before["version"] == gain.__version__
        assert [rank["rank"] for rank in before["ranks"]] == [0, 1] and before["clients"] == 0
        assert all(rank["running"] is None and rank["memory"] > 1 << 20 for rank in before["ranks"])
        with gain.connect(server.file):
            x = gain.ones(1000)
            y = x + 1
            assert float(y.sum()) == 2000
            # (Another rank may still be at it when the first one has answered.)
            server.until(lambda now: now["clients"] == 1 and all(rank["arrays"] >= 2 and rank["running"] is None for rank in now["ranks"]))
            # While it computes it says what: seen at the latest when it has been at it for long enough.
            asking = subprocess.Popen(
                [sys.executable, "-c", "import sys, gain\nwith gain.connect(sys.argv[1]):\n    x = gain.random.rand(700, 700)\n    while True:\n        gain.linalg.det(x)", str(server.file)]
            )
            try:
                server.until(lambda now: any((rank["running"] or "").endswith("det") for rank in now["ranks"]))
                assert asking.poll() is None
            finally:
                asking.kill()
                asking.wait()
        assert server.get("/other")[0] == 404
        # A page of others that a browser was sent to by name isn't answered.
        assert server.get("/status.json", Host="example.org")[0] == 403 and server.get("/status.json", Host="localhost:1")[0] == 200
        # What is no request ends itself alone.
        with socket.create_connection(("127.0.0.1", server.port)) as stranger:
            stranger.sendall(b"\0" * 100 + b"\r\n\r\n")
            stranger.recv(1000)
        assert server.get("/status.json")[0] == 200
