"""`progress`: a line on `stderr` about what lasts longer than a second (in a notebook, below its cell): how much of it is done, or else for how long it has been
waited for.

Who knows how far it is (files, `ppeval`) says so to a `Bar`. In a session with a server a thread looks, four times a second, whether the program waits for an
answer, and for which; `ppeval`'s share comes through eight bytes of memory that the first rank writes to.
"""

import os
import sys
import time

from . import _gain

__all__ = ["progress"]

# Seconds before anything is said, and between two looks.
QUIET, EACH = 1.0, 0.25
WIDTH = 24

_is_wanted = False
_watcher = None
# In a client: the memory to which `ppeval` on the ranks writes how much is done, and of how much.
_shown = None


def progress(is_wanted=True):
    """Whether what lasts longer than a second says how far it is, in a line on `stderr`: files that are read or written, `ppeval`, and in a session with a
    server whatever is waited for. Returns how it was.

    (Not NumPy's.)
    """
    global _is_wanted, _watcher
    import threading  # (which is loaded when it is needed, as are the others here)

    before, _is_wanted = _is_wanted, bool(is_wanted)
    if is_wanted and (_watcher is None or not _watcher.is_alive()):
        _watcher = threading.Thread(target=_watch, name="gain progress", daemon=True)
        _watcher.start()
    return before


class Bar:
    """The line about something of `total` parts; without, about something of which only the time is known."""

    def __init__(self, what, total=None, rate=None):
        self.what, self.total, self.rate = what, total, rate
        self.count, self.start, self.drawn, self.width = 0, time.monotonic(), 0.0, 0

    def add(self, count):
        """So many parts more are done."""
        self.reach(self.count + count)

    __call__ = add

    def reach(self, count):
        """So many parts are done."""
        self.count = count
        now = time.monotonic()
        if now - self.start >= QUIET and now - self.drawn >= EACH:
            self.drawn = now
            self.draw(now - self.start)

    def draw(self, seconds):
        """Writes the line anew."""
        text = f"{self.what}: "
        if self.total:
            share = min(self.count / self.total, 1)
            full = int(share * WIDTH)
            text += f"[{'#' * full}{'.' * (WIDTH - full)}] {100 * share:3.0f} %, "
        text += f"{seconds:.0f} s"
        if self.rate:
            text += f", {self.count / seconds / 1e9:.2f} GB/s on the first rank"
        print("\r" + text.ljust(self.width), end="", file=sys.stderr, flush=True)
        self.width = len(text)

    def end(self):
        """Leaves the line, if there is one."""
        if self.drawn:
            print(file=sys.stderr, flush=True)


def bar(what, total, rate=None):
    """A bar if this rank is to draw one."""
    return Bar(what, total, rate) if _is_wanted and _gain.rank() == 0 else None


class Shown:
    """In a client: memory for what `ppeval` on the ranks has done."""

    def __enter__(self):
        global _shown
        if _is_wanted:
            import mmap

            self.file = os.memfd_create("gain progress")
            os.truncate(self.file, 16)
            _shown = mmap.mmap(self.file, 16)
            return os.getpid(), self.file
        return None

    def __exit__(self, *_):
        global _shown
        if _shown is not None:
            _shown = None
            os.close(self.file)


def remote(place, total):
    """On a rank of a server: what tells the client how much is done; None if it doesn't want to know, or is on another machine."""
    if place is None or _gain.rank() != 0:
        return None
    import mmap
    import struct

    try:
        file = os.open(f"/proc/{int(place[0])}/fd/{int(place[1])}", os.O_RDWR)
    except OSError:
        return None
    try:
        memory = mmap.mmap(file, 16)
    finally:
        os.close(file)
    return lambda count: struct.pack_into("=2Q", memory, 0, min(count, total), total)


def _waited_for():
    """What this client waits for: its name, and a number that is another for each call; None if it doesn't wait."""
    remote = sys.modules.get("gain._remote")
    session = remote and remote._session
    if session is None:
        return None
    import threading

    frame = sys._current_frames().get(threading.main_thread().ident)
    while frame is not None and frame.f_code.co_filename.startswith(remote._HERE):
        if frame.f_code.co_name == "wrapper" and frame.f_code.co_filename == remote.__file__:
            at = frame.f_locals.get("at")
            name = remote._calls.table()[at][0].partition(" ")[0]
            return "ppeval" if name == "tasks.evaluate" else name, session.recorded
        frame = frame.f_back
    return None


def _watch():
    import struct

    line = before = None
    while _is_wanted or line is not None:
        time.sleep(EACH)
        now = _waited_for()
        if now != before and line is not None:
            line.end()
            line = None
        if now is not None:
            line = line or Bar(f"gain: {now[0].removeprefix('gain.')}")
            shown = _shown
            count, line.total = struct.unpack_from("=2Q", shown, 0) if shown is not None else (0, None)
            line.reach(count)
        before = now
