"""`status`: what the ranks are and have, for a person, and for the page of a server (`_page`)."""

import os
import pickle
import sys

import numpy

from . import _gain
from ._pictures import _amount, shown

__all__ = ["status"]

# On a rank of a server: the arrays of the client whose calls are carried out.
present = None


def memory(process="self"):
    """Bytes of memory that a process has, shared ones included; 0 of one that is gone."""
    try:
        with open(f"/proc/{process}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def mine():
    """What a rank says of itself."""
    counters = _gain.stats()
    said = {
        "rank": _gain.rank(), "host": os.uname().nodename, "pid": os.getpid(), "threads": _gain.threads(), "memory": memory(),
        "passes": counters["passes"], "moved": counters["bytes_moved"], "allocated": counters["bytes_allocated"],
    }
    if present is not None:
        # (Views share the memory of an array.)
        whole = {id(memory): memory for memory in map(shown, present.values())}
        said |= {"arrays": len(present), "bytes": sum(memory.nbytes for memory in whole.values())}
    return said


def of_ranks():
    """What all ranks say of themselves. Collective."""
    return [pickle.loads(one) for one in _gain.everybodys(pickle.dumps(mine()))]


def begin_profile():
    """On the ranks of a server: a profile begins."""
    _gain.profile_begin()


def end_profile():
    """The rows of this rank's profile, by kind of work: the lines are not the client's."""
    rows, _, _ = _gain.profile_end()
    sums = {}
    for _, what, *numbers in rows:
        sums[what] = [a + b for a, b in zip(sums.get(what, [0] * 5), numbers)]
    return [(None, what, *numbers) for what, numbers in sums.items()]


class Status:
    """What `status` returns: `ranks`, a dict for each, and `versions`; printed, and in a notebook, a table."""

    COLUMNS = {
        "rank": "rank", "host": "host", "pid": "process", "threads": "threads", "memory": "memory", "passes": "passes",
        "moved": "read from others", "allocated": "allocated so far",
    }

    def __init__(self, ranks, versions):
        self.ranks, self.versions = ranks, versions

    def _rows(self):
        yield list(self.COLUMNS.values())
        for rank in self.ranks:
            yield [_amount(rank[key]) if key in ("memory", "moved", "allocated") else str(rank[key]) for key in self.COLUMNS]

    def _foot(self):
        text = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        first = self.ranks[0]
        return text if "arrays" not in first else f"{text}; arrays of this session: {first['arrays']}, {_amount(first['bytes'])}"

    def __str__(self):
        rows = list(self._rows())
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in rows]
        return "\n".join([*lines, self._foot()])

    __repr__ = __str__

    def _repr_html_(self):
        head, *rows = ("".join(f"<{tag}>{cell}</{tag}>" for cell in row) for tag, row in zip(["th", *["td"] * len(self.ranks)], self._rows()))
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><tr>{head}</tr>{body}</table><div>{self._foot()}</div>"


def status():
    """Memory of each rank, what it did so far, arrays of the session, and versions; an object to be printed.

    Collective under `gain run`. (Not NumPy's.)
    """
    import gain

    versions = {"gain": gain.__version__, "numpy": numpy.__version__, "python": sys.version.partition(" ")[0]}
    if _gain.in_session():
        versions["gain of the server"] = sys.modules["gain._remote"]._session.version
    return Status(of_ranks(), versions)
