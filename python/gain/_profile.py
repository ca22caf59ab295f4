"""What took how long, and what to do about it: `profile`, and the doctor (`GAIN_DOCTOR=1`).

A profile counts what runs over many elements: passes, reductions, reads of elements and algorithms, by the line that asked for them. A
lazy expression counts where it was written, not where it was needed. Operations on few elements, which are done at once, don't appear.
"""

import atexit
import collections
import os
import sys

from . import _gain, _status

__all__ = ["profile"]

Row = collections.namedtuple("Row", "line what calls seconds elements moved allocated")
Row.__doc__ = """A line of the program (`file:number`; None if it isn't known) and a kind of work: calls, seconds without work within, elements of the results and bytes allocated over all ranks, bytes read
from other ranks."""


class profile:
    """`with gain.profile() as p: ...`: what the block takes, on this rank; `print(p)` is a table, `p.rows` what is in it.

    Kinds of work are `pass` (of a fused expression), `reduce`, `read` (elements handed to Python or NumPy) and algorithms by name. Values that
    are recorded in the block and computed after it are counted then, in no profile. One profile at a time; not collective.

    In a session with a server it is its first rank that is looked at, and all lines together: the ranks don't know the program's.
    """

    def __init__(self):
        self.rows, self._spans, self.left_out = [], [], 0

    def __enter__(self):
        _status.begin_profile()
        return self

    def __exit__(self, *error):
        if _gain.in_session():
            rows = _status.end_profile()
        else:
            rows, self._spans, self.left_out = _gain.profile_end()
        rows = [Row(line and "{}:{}".format(*line), *rest) for line, *rest in rows]
        self.rows = sorted(rows, key=lambda row: -row.seconds)

    def __str__(self):
        head = ("line", "what", "calls", "ms", "elements", "MB moved", "MB allocated")
        cells = [head] + [
            (_short(row.line), row.what, str(row.calls), f"{row.seconds * 1e3:.2f}", str(row.elements), f"{row.moved / 1e6:.2f}", f"{row.allocated / 1e6:.2f}")
            for row in self.rows
        ]
        widths = [max(map(len, column)) for column in zip(*cells)]
        return "\n".join(
            "  ".join(cell.ljust(width) if k < 2 else cell.rjust(width) for k, (cell, width) in enumerate(zip(line, widths))).rstrip() for line in cells
        )

    __repr__ = __str__

    def _repr_html_(self):
        import html

        return f"<pre>{html.escape(str(self))}</pre>"

    def trace(self, path):
        """Writes the order of the work to a file of the Trace Event Format, for Perfetto: a process for each rank. Collective."""
        import json  # (which few programs need)

        events = [
            {"name": what, "ph": "X", "ts": start * 1e6, "dur": spent * 1e6, "pid": _gain.rank(), "tid": 0, "args": {"line": line and "{}:{}".format(*line)}}
            for line, what, start, spent in self._spans
        ]
        texts = _gain.everybodys(json.dumps(events).encode()) if _gain.ranks() > 1 else [json.dumps(events)]
        if _gain.rank() == 0:
            with open(path, "w") as file:
                json.dump({"traceEvents": [event for text in texts for event in json.loads(text)]}, file)
        _gain.barrier()


def _short(line):
    return "?" if line is None else os.path.basename(line)


# So many calls of one line are a loop, results of so few elements are little for a pass, and what takes less is nobody's concern.
LOOP, FEW, SECONDS = 500, 10_000, 0.005
# A read of so many bytes of other ranks is a gather.
GATHERED = 16e6


def advice(rows):
    """What the doctor says of these rows, the dearest first: a line for each finding."""
    found = []
    for row in rows:
        if row.seconds < SECONDS:
            continue
        each = row.elements / row.calls
        where, takes = _short(row.line), f"{row.seconds * 1e3:.0f} ms"
        if row.what == "read" and row.calls >= LOOP and each <= 8:
            found.append(f"{where}: {row.calls} single elements read ({takes}): take what the loop needs at once, as NumPy's array: numpy.asarray(a[...])")
        elif row.what == "read" and row.moved >= GATHERED:
            found.append(f"{where}: {row.moved / 1e6:.0f} MB gathered from other ranks ({takes}): reduce first, or work on this rank's part: a.local()")
        elif row.what in ("setitem", "one") and row.calls >= LOOP and each <= 8:
            found.append(f"{where}: {row.calls} elements written one by one ({takes}): assign a slice, or indices and values as arrays")
        elif row.calls >= LOOP and each <= FEW and row.what != "read":
            found.append(f"{where}: {row.calls} times {row.what} of {each:.0f} elements ({takes}): more elements for each, or fewer values asked for within the loop")
    return found


def examine():
    """Has the doctor look at the whole program: at its end the first rank says on stderr what it found."""
    watched = profile()
    watched.__enter__()

    def report():
        watched.__exit__()
        found = advice(watched.rows)
        # (A process that has computed nothing is no rank.)
        if watched.rows and _gain.rank() == 0:
            lines = found[:20] or ["no line stands out"]
            print("\n".join(f"gain doctor: {line}" for line in lines), file=sys.stderr, flush=True)

    atexit.register(report)
