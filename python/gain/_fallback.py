"""What is handed to NumPy, and how that is seen: `set_fallback`.

A few functions of small, one-dimensional things (the roots of a polynomial, say) are NumPy's own here. The arrays that they
get are gathered on every rank, and each is told of once for a source line: with the bytes that came together for it. Arguments
that are few by their nature (coefficients, counts, widths) are told of only if they are distributed.
"""

import os
import sys
import warnings

import numpy

from . import _floating, _gain
from ._base import OURS
from ._gain import ndarray

__all__ = ["FallbackError", "FallbackWarning", "get_fallback", "set_fallback"]

_MODES = ("warn", "error", "silent")
_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep


class FallbackWarning(UserWarning):
    """Elements of arrays were gathered for a function of NumPy's."""


class FallbackError(TypeError):
    """Elements of arrays were not gathered for a function of NumPy's, as `set_fallback("error")` asks."""


class _State:
    """How it is told, and what has been: by file, line and function, under the filters of warnings that there were."""

    mode = "warn"
    told = set()
    filters = warnings.filters


def set_fallback(mode):
    """How it is seen that elements are gathered for a function of NumPy's; returns how it was before.

    `"warn"`, the default, gives a `FallbackWarning`, once for each source line; `"error"` raises a `FallbackError` instead
    of gathering; `"silent"` says nothing. The same on every rank.
    """
    if mode not in _MODES:
        raise ValueError(f"mode must be one of 'warn', 'error', or 'silent' (got {mode!r})")
    before, _State.mode = _State.mode, mode
    _State.told.clear()
    return before


def get_fallback():
    """What `set_fallback` was last called with."""
    return _State.mode


def tell(name, count):
    """Says, or refuses, that so many bytes are gathered for a function."""
    if _State.mode == "silent" or count == 0:
        return
    if _State.mode == "error":
        raise FallbackError(f"{name} would gather {count} bytes for NumPy: set_fallback('warn') lets it")
    if warnings.filters is not _State.filters:
        _State.filters = warnings.filters
        _State.told.clear()
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_FOLDER):
        frame = frame.f_back
    key = frame.f_code.co_filename, frame.f_lineno, name
    if key not in _State.told:
        text = f"{name} gathered {count} bytes for NumPy"
        _floating.warn(FallbackWarning, text, *key[:2], frame.f_globals.get("__name__"))
        _State.told.add(key)


def handed(name, *values):
    """The arguments of a function that NumPy has: arrays of ours as NumPy's, everything else as it is."""
    tell(name, sum(_bytes(x) for x in values))
    return [_plain(x) for x in values]


def _plain(x):
    """NumPy's arrays in the place of ours, also within lists."""
    if isinstance(x, (list, tuple)):
        return [_plain(item) for item in x] if _bytes(x) else x
    return x.numpy() if isinstance(x, ndarray) else numpy.asarray(x) if isinstance(x, OURS) else x


def few(name, x):
    """An argument that is few numbers by its nature as NumPy has it."""
    if not isinstance(x, OURS):
        return x
    if not getattr(x, "is_replicated", True):
        tell(name, _bytes(x))
    return _plain(x)


def _bytes(x):
    """How much of an argument is gathered."""
    if isinstance(x, (list, tuple)):
        return sum(_bytes(item) for item in x if isinstance(item, (list, tuple, *OURS)))
    x = x.base if isinstance(x, _gain.flatiter) else x
    return x.nbytes if isinstance(x, OURS) else 0

