"""Writes docs/src/names.md, the page of the names that `gain` has, from the module itself.

    .venv/bin/python docs/names.py          writes the page
    .venv/bin/python docs/names.py --check  exits with 1 when the page is out of date
"""

import sys
import types
from pathlib import Path

import gain
import numpy

PAGE = Path(__file__).parent / "src" / "names.md"
HEAD = """# What there is

Names of NumPy's that `gain` has, with NumPy's meaning; names of its own; and names of NumPy's that it doesn't have. Asking for one of the latter raises
`AttributeError`. This page is made from the module by `docs/names.py`.
"""


def public(thing):
    """Names without an underscore that aren't modules."""
    names = (name for name in dir(thing) if not name.startswith("_"))
    return {name for name in names if not isinstance(getattr(thing, name, None), types.ModuleType)}


def kind(name):
    """The heading under which a name of NumPy's stands."""
    thing = getattr(numpy, name)
    if isinstance(thing, numpy.ufunc):
        return "Universal functions"
    if isinstance(thing, type):
        return "Types"
    return "Functions" if callable(thing) else "Constants"


def listed(names):
    """The names in one paragraph."""
    return ", ".join(f"`{name}`" for name in sorted(names, key=lambda name: (name.lower(), name))) or "none"


def page():
    """The text of the page."""
    ours, theirs = public(gain), public(numpy)
    parts = [HEAD]
    for heading in ("Universal functions", "Functions", "Types", "Constants"):
        common = {name for name in ours & theirs if kind(name) == heading}
        missing = {name for name in theirs - ours if kind(name) == heading}
        parts += [f"## {heading}", listed(common), f"Not there: {listed(missing)}."]
    parts += ["## Names of its own", listed(ours - theirs)]
    ours, theirs = public(gain.ndarray), public(numpy.ndarray)
    parts += ["## Methods and attributes of arrays", listed(ours & theirs), f"Its own: {listed(ours - theirs)}."]
    parts += [f"Not there: {listed(theirs - ours)}."]
    return "\n\n".join(part.strip() for part in parts) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if PAGE.read_text() == page() else f"{PAGE} is out of date: run docs/names.py")
    PAGE.write_text(page())
