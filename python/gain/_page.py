"""The page of a server of ranks: `gain serve --status-port`. Rank 0 serves it from a thread; each rank writes what there is to know of it to its part of
a window before and after what it carries out, so that nobody is asked, or woken, for it.

It is read only, names functions and never values, and is for who can reach the port: by default this machine alone. Requests under other names than the
machine's own addresses (pages of others that a browser has been sent to) are refused.
"""

import http.server
import ipaddress
import json
import os
import socket
import struct
import threading
import time

from . import _gain, _status
from ._transfer import together

__all__ = []

# Process, memory, bytes read from others, bytes allocated, passes, arrays, calls, whether it is at work, since when; then the name of what it does.
FORM = struct.Struct("=8Qd")
NAME = 64
# How long what a rank says of its memory is true enough, in seconds.
FRESH = 0.2

PAGE = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>gain</title><style>
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em; color: #222; background: #fff }
table { border-collapse: collapse } td, th { padding: .25em .9em; text-align: right; white-space: nowrap; border-bottom: 1px solid #ddd }
.bar { background: #eee; width: 10em; height: .7em; display: inline-block } .bar i { background: #4a8; height: 100%; display: block }
#lost { color: #a00 }
</style></head><body>
<h1>gain <span id="version"></span></h1><p id="told"></p><p id="lost"></p>
<table><thead><tr><th>rank</th><th>process</th><th>does</th><th>for</th><th>memory</th><th></th><th>read from others</th><th>allocated so far</th><th>passes</th><th>arrays</th></tr></thead><tbody id="ranks"></tbody></table>
<script>
const amount = n => { let k = 0; while (n >= 1024 && k < 4) { n /= 1024; k++ } return n.toPrecision(3) * 1 + " " + ["B", "KiB", "MiB", "GiB", "TiB"][k] };
const count = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;
async function look() {
  try {
    const now = await (await fetch("status.json")).json();
    document.getElementById("version").textContent = now.version;
    document.getElementById("told").textContent = `${count(now.ranks.length, "rank")} on ${now.host}, ${count(now.clients, "client")}`;
    const body = document.getElementById("ranks");
    body.replaceChildren(...now.ranks.map(rank => {
      const row = document.createElement("tr");
      const cells = [rank.rank, rank.pid, rank.running || "waits", rank.running ? rank.seconds.toFixed(1) + " s" : "", amount(rank.memory), null, amount(rank.moved), amount(rank.allocated), rank.passes, rank.arrays];
      for (const text of cells) {
        const cell = row.appendChild(document.createElement("td"));
        if (text !== null) { cell.textContent = text; continue }
        const bar = cell.appendChild(document.createElement("span"));
        bar.className = "bar";
        bar.appendChild(document.createElement("i")).style.width = 100 * Math.min(1, rank.memory / now.memory) + "%";
      }
      return row;
    }));
    document.getElementById("lost").textContent = "";
  } catch (error) { document.getElementById("lost").textContent = "The server does not answer." }
  setTimeout(look, 1000);
}
look();
</script></body></html>
"""


class Teller:
    """Each rank's end: says what it does. Collective to make."""

    def __init__(self):
        self.window = _gain.Window(FORM.size + NAME)
        self.part = self.window.part(_gain.rank())
        self.clients = self.calls = 0
        self.looked = 0.0
        self.numbers = {}
        self.tell("")

    def tell(self, what, arrays=0):
        """This rank does `what` from now on; nothing if it is empty."""
        now = time.time()
        if now - self.looked > FRESH:
            self.looked, counters = now, _gain.stats()
            self.numbers = _status.memory(), counters["bytes_moved"], counters["bytes_allocated"], counters["passes"]
        name = what.encode()[:NAME]
        self.part[FORM.size:] = name.ljust(NAME, b"\0")
        self.part[:FORM.size] = FORM.pack(os.getpid(), *self.numbers, arrays, self.calls, bool(what), now)


def _read(part):
    """What a rank has told, as a dict."""
    pid, memory, moved, allocated, passes, arrays, _, is_busy, since = FORM.unpack(part[:FORM.size])
    running = bytes(part[FORM.size:]).rstrip(b"\0").decode(errors="replace") if is_busy else None
    return {
        "pid": pid, "memory": memory, "moved": moved, "allocated": allocated, "passes": passes, "arrays": arrays, "running": running,
        "seconds": time.time() - since if is_busy else 0.0,
    }


def _is_own(host):
    """Whether a request's `Host` is an address, or this machine's name: a page of others that a browser was sent to has another."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return name in ("localhost", socket.gethostname())
    return True


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # noqa: N802 - the name is the library's
        if not _is_own(self.headers.get("Host", "")):
            self.send_error(403)
        elif self.path == "/":
            self._send("text/html; charset=utf-8", PAGE)
        elif self.path == "/status.json":
            self._send("application/json", json.dumps(self.server.look()).encode())
        else:
            self.send_error(404)

    def _send(self, kind, body):
        self.send_response(200)
        for name, value in {"Content-Type": kind, "Content-Length": len(body), "Cache-Control": "no-store", "X-Frame-Options": "DENY"}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nobody reads it."""


class Page(http.server.ThreadingHTTPServer):
    """Rank 0's end: answers browsers."""

    daemon_threads = True

    def __init__(self, place, teller):
        import gain

        address, _, port = place.rpartition(":")
        address = address.strip("[]") or "127.0.0.1"
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, int(port)), _Handler)
        self.teller, self.version = teller, gain.__version__
        # (Of ranks on other nodes the parts are fetched.)
        self.parts = [teller.window.part(rank) for rank in range(_gain.ranks())]
        self.total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        threading.Thread(target=self.serve_forever, name="gain status", daemon=True).start()

    @property
    def address(self):
        """Where to look."""
        host, port = self.server_address[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def look(self):
        """All there is to say."""
        size = FORM.size + NAME
        told = [part if part is not None else self.teller.window.get(rank, 0, [size], [1]) for rank, part in enumerate(self.parts)]
        ranks = [{"rank": rank, **_read(part)} for rank, part in enumerate(told)]
        for rank, part in zip(ranks, self.parts):
            # (Of this node's the memory is that of now, whatever they are in the middle of.)
            if part is not None:
                rank["memory"] = _status.memory(rank["pid"]) or rank["memory"]
        return {"version": self.version, "host": socket.gethostname(), "clients": self.teller.clients, "memory": self.total, "ranks": ranks}


def begin(place):
    """The page at a place of the form `[ADDRESS:]PORT`, and what this rank says to it. Collective."""
    teller = Teller()
    # (It answers until this process ends.)
    page = together(lambda: Page(place, teller) if _gain.rank() == 0 else None)
    if page:
        print(f"gain: what the ranks do is at {page.address}", flush=True)
    return teller
