"""Telling of floating-point exceptions: Python's warnings, as if the user's line had given them, and plain lines.

Every rank is told the same and handles it alike, so that filters and recorders of warnings act alike on all of them;
what would be printed is printed by rank 0.
"""

import sys
import warnings

import numpy

from . import _gain

# Where warnings were given, for files that no loaded module is made from.
_registries = {}
_PRINTS = getattr(warnings, "_showwarnmsg_impl", None)


def _registry(file, module):
    """The dict in which the module keeps which of its warnings were given."""
    names = vars(sys.modules.get(module, warnings))
    if module in sys.modules and names.get("__file__", file) == file:
        return names.setdefault("__warningregistry__", {})
    return _registries.setdefault((file, module), {})


def _would_print():
    """Whether a warning that passes the filters goes to standard error, and nowhere else."""
    original = getattr(warnings, "_showwarning_orig", warnings.showwarning)
    return warnings.showwarning is original and getattr(warnings, "_showwarnmsg_impl", None) is _PRINTS


_CATEGORIES = {
    "RuntimeWarning": RuntimeWarning, "ComplexWarning": numpy.exceptions.ComplexWarning,
    "DeprecationWarning": DeprecationWarning,
}


def warn(category, text, file, line, module):
    """Gives a warning, of a class or of the name of one, for this line."""
    if module is None:
        module = file.removesuffix(".py") or "<unknown>"
    given = (text, _CATEGORIES.get(category, category), file, line, module, _registry(file, module))
    if _gain.rank() == 0 or not _would_print():
        return warnings.warn_explicit(*given)
    stream, sys.stderr = sys.stderr, None  # warnings without a stream are lost
    try:
        return warnings.warn_explicit(*given)
    finally:
        sys.stderr = stream


def deprecated(text):
    """Gives a DeprecationWarning for the line that called the function which calls this one."""
    frame = sys._getframe(2)
    warn("DeprecationWarning", text, frame.f_code.co_filename, frame.f_lineno, frame.f_globals.get("__name__"))


def show(line):
    """Prints a line, once."""
    if _gain.rank() == 0 and sys.stderr is not None:
        sys.stderr.write(line)
