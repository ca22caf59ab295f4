"""`connect` and `disconnect`; what they need (`_remote`) is loaded when they are called."""

import importlib
import sys

__all__ = ["connect", "disconnect"]


def connect(where=None, *, ranks=None):
    """Has ranks compute: from now on the module's functions make their arrays there. Returns the session, which `close`, `disconnect` or
    the end of a `with` block ends.

    Without `where` ranks are started on this machine, as many as there are processors or `ranks`; they end with the session, and with
    this process. With `where`, the connection file that `gain serve` wrote, they are those of that server, which other clients may use, too.
    """
    return importlib.import_module("gain._remote").connect(where, ranks)


def disconnect():
    """Ends the session that is on, if there is one."""
    if "gain._remote" in sys.modules:
        sys.modules["gain._remote"].disconnect()
