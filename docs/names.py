"""Writes docs/src/names.md, the page of the names that `gain` has, from the module itself and its table of ways.

    .venv/bin/python docs/names.py          writes the page
    .venv/bin/python docs/names.py --check  exits with 1 when the page is out of date
"""

import sys
import types
from pathlib import Path

import gain
import numpy
from gain import _ways

PAGE = Path(__file__).parent / "src" / "names.md"
HEAD = """# What there is

Names of NumPy's that `gain` has, with NumPy's meaning, by chapters of NumPy's manual: how each is computed, and what differs. `gain.ways()` is the same as a
dictionary. Then names of its own, and names of NumPy's that it doesn't have: asking for one of these raises `AttributeError`. This page is made from the module by `docs/names.py`.
"""


def public(thing):
    """Names without an underscore that aren't modules."""
    names = (name for name in dir(thing) if not name.startswith("_"))
    return {name for name in names if not isinstance(getattr(thing, name, None), types.ModuleType)}


def listed(names):
    """The names in one paragraph."""
    return ", ".join(f"`{name}`" for name in sorted(names, key=lambda name: (name.lower(), name))) or "none"


def is_there(name):
    """Whether gain has it, in one of its modules perhaps."""
    thing = gain
    for part in name.split("."):
        thing = getattr(thing, part, None)
    return thing is not None or name == "newaxis"


def chapter(entries):
    """The table of a chapter: names that go the same way, with nothing to be said of them, in one row."""
    rows = {}
    for name, (_, way, note) in entries.items():
        rows.setdefault((way, note), []).append(name)
    order = list(_ways.MEANINGS)
    lines = sorted(rows.items(), key=lambda row: (order.index(row[0][0]), row[0][1] != "", row[1]))
    return "\n".join(["| names | how | what differs |", "| --- | --- | --- |"] + [f"| {listed(names)} | {way} | {note} |" for (way, note), names in lines])


def page():
    """The text of the page."""
    ours, theirs = public(gain), public(numpy)
    table = _ways._table()
    there = {name: entry for name, entry in table.items() if is_there(name)}
    parts = [HEAD, "## How"]
    parts += ["\n".join(["| how | |", "| --- | --- |"] + [f"| {way} | {meaning} |" for way, meaning in _ways.MEANINGS.items()])]
    for heading in dict.fromkeys(["Universal functions", *_ways.CHAPTERS]):
        entries = {name: entry for name, entry in there.items() if entry[0] == heading}
        if entries:
            parts += [f"## {heading}", chapter(entries)]
    parts += ["## Modules", MODULES]
    parts += ["## Names of its own", listed(ours - theirs)]
    mine, numpys = public(gain.ndarray), public(numpy.ndarray)
    parts += ["## Methods and attributes of arrays", listed(mine & numpys), f"Its own: {listed(mine - numpys)}."]
    parts += [f"Not there: {listed(numpys - mine)}."]
    parts += ["## Not there", f"{listed(theirs - ours)}."]
    return "\n\n".join(part.strip() for part in parts) + "\n"


MODULES = """`lib` (`stride_tricks`, `array_utils`, `mixins`, `index_tricks`, `introspect`, `NumpyVersion`), `emath`, `fft`, `linalg`, `random`, `polynomial` with its six families and
classes, `special` (SciPy's universal functions), `testing` (comparisons of distributed arrays where they are), `typing`, and NumPy's own `dtypes` and `exceptions`. Not there: `ma`, `char`, `strings`, `rec`, `ctypeslib`, `f2py`."""

if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if PAGE.read_text() == page() else f"{PAGE} is out of date: run docs/names.py")
    PAGE.write_text(page())
