"""`%load_ext gain`: the magic `%gain` of IPython and Jupyter."""

__all__ = ["load_ipython_extension"]

HELP = """%gain                     the session there is, or how to have one
%gain connect [N | FILE]  a session with N ranks of this machine, or with the server that wrote FILE
%gain disconnect          the end of the session
%gain status              memory of each rank, arrays, versions
%gain progress [on | off] whether what lasts says so
%%gain profile [FILE]     runs the cell, and says what took how long; FILE is for Perfetto (without a session)"""


def load_ipython_extension(ipython):
    """For `%load_ext gain`: IPython then has the magic `%gain`; `%gain help` says what it does. (Not NumPy's.)"""
    ipython.register_magic_function(lambda line, cell=None: _run(ipython, line, cell), "line_cell", "gain")


def _run(ipython, line, cell):
    """The magic; what it gives is shown."""
    import gain

    words = line.split()
    what, rest = (words[0], words[1:]) if words else ("", [])
    if cell is not None:
        if what != "profile" or len(rest) > 1:
            raise _wrong(line)
        with gain.profile() as profile:
            done = ipython.run_cell(cell)
        # (What went wrong in the cell has been shown.)
        if done.success and rest:
            profile.trace(rest[0])
        return profile if done.success else None
    known = {"connect": 1, "progress": 1, "": 0, "disconnect": 0, "status": 0, "help": 0}
    if len(rest) > known.get(what, -1):
        raise _wrong(line)
    if what == "connect":
        where = rest[0] if rest else None
        return gain.connect(ranks=int(where)) if where and where.isdigit() else gain.connect(where)
    if what == "disconnect":
        return gain.disconnect()
    if what == "status":
        return gain.status()
    if what == "progress":
        if rest and rest[0] not in ("on", "off"):
            raise _wrong(line)
        gain.progress(rest != ["off"])
        return None
    if what == "help":
        return print(HELP)
    return _session() or print("no session: %gain connect")


def _session():
    import sys

    remote = sys.modules.get("gain._remote")
    return remote and remote._session


def _wrong(line):
    return ValueError(f"%gain {line}: not known\n{HELP}")
