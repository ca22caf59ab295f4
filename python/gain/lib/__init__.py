"""`numpy.lib`: views by steps, helpers for arguments, a mixin of operators."""

import importlib as _importlib

from numpy.lib import Arrayterator, NumpyVersion, add_docstring, add_newdoc, tracemalloc_domain

from . import array_utils, index_tricks, introspect, mixins, stride_tricks

__all__ = [
    "Arrayterator", "NumpyVersion", "add_docstring", "add_newdoc", "array_utils", "index_tricks", "introspect", "mixins", "scimath",
    "stride_tricks", "tracemalloc_domain",
]


def __getattr__(name):
    if name == "scimath":
        return _importlib.import_module("gain.emath")
    raise AttributeError(f"module 'gain.lib' has no attribute {name!r}")
