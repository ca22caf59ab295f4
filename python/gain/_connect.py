"""`connect` and `disconnect`; what they need (`_remote`) is loaded when they are called."""

import importlib
import sys

__all__ = ["connect", "disconnect"]


def connect(where=None, *, ranks=None, nodes=None, token=None):
    """Has ranks compute: from now on the module's functions make their arrays there. Returns the session, which `close`, `disconnect` or
    the end of a `with` block ends.

    Ranks that it starts end with the session, and with this process: without `where` on this machine, as many as there are processors or
    `ranks`; with `where` "node1:16,node2:16" on these hosts, as `gain run --hosts` does; with "slurm" on so many `nodes`, by `srun`.

    Others are those of a server that `gain serve` started, which other clients may use, too: `where` is the connection file that it wrote,
    or "tcp://host:port", with the `token` that stands in that file, or in the environment variable `GAIN_CONNECT_TOKEN`.
    """
    return importlib.import_module("gain._remote").connect(where, ranks, nodes, token)


def disconnect():
    """Ends the session that is on, if there is one."""
    if "gain._remote" in sys.modules:
        sys.modules["gain._remote"].disconnect()
