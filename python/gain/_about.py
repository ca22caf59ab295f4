"""What NumPy's functions tell of the installation, and of one array."""

import sys

import numpy
from numpy import get_include, getbufsize, setbufsize, show_config

from . import _gain
from ._gain import ndarray

__all__ = ["get_include", "getbufsize", "info", "setbufsize", "show_config", "show_runtime"]


def show_runtime():
    """`numpy.show_runtime`, after what there is to know of the job."""
    print({"gain": {"ranks": _gain.ranks(), "threads": _gain.threads(), "threshold": _gain.threshold()}})
    numpy.show_runtime()


def info(object=None, maxwidth=76, output=None, toplevel="gain"):
    """`numpy.info`: of an array of ours its layout, and where it is instead of an address."""
    if not isinstance(object, ndarray):
        if object is None:
            object = info
        return numpy.info(object, maxwidth, output, toplevel)
    flags = object.flags
    lines = {
        "class: ": type(object).__name__, "shape: ": object.shape, "strides: ": object.strides, "itemsize: ": object.itemsize,
        "aligned: ": flags.aligned, "contiguous: ": flags.contiguous, "fortran: ": flags.fortran,
        "distribution: ": "on every rank" if object.is_replicated else object.distribution(), "byteorder:  ": sys.byteorder,
        "byteswap: ": False,
    }
    file = sys.stdout if output is None else output
    for name, value in lines.items():
        print(name, value, file=file)
    print(f"type: {object.dtype}", file=file)
