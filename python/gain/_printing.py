"""Printing: NumPy's formatting, of the corner of the array that is printed; nothing else is collected."""

import numpy

from ._gain import ndarray

__all__ = ["array2string", "array_repr", "array_str"]


def _shown(array, threshold=None, edge=None):
    """A NumPy array that prints as `array` does, and the options to print it with (none: print it as it is)."""
    if not isinstance(array, ndarray):
        return array, {}
    options = numpy.get_printoptions()
    threshold = options["threshold"] if threshold is None else threshold
    if array.size <= threshold or array.size == 0:
        return array.numpy(), {}
    edge = max(options["edgeitems"] if edge is None else edge, 1)
    corner = array._corner(edge)
    for axis, length in enumerate(array.shape):
        if length > 2 * edge:
            # NumPy leaves out the middle of an axis if there is one: any item will do.
            corner = numpy.insert(corner, edge, corner.take(0, axis), axis)
    return corner, {"threshold": 0}


def array_str(a, max_line_width=None, precision=None, suppress_small=None):
    """`numpy.array_str`"""
    shown, options = _shown(a)
    if not options:
        return numpy.array_str(shown, max_line_width, precision, suppress_small)
    return numpy.array2string(shown, max_line_width, precision, suppress_small, " ", "", **options)


def array_repr(arr, max_line_width=None, precision=None, suppress_small=None):
    """`numpy.array_repr`"""
    shown, options = _shown(arr)
    if not options:
        return numpy.array_repr(shown, max_line_width, precision, suppress_small)
    text = "array(" + numpy.array2string(
        shown, max_line_width, precision, suppress_small, ", ", "array(", suffix=")", **options
    )
    # What NumPy adds, it would derive from the corner: the shape (since 2.2) and a dtype that can't be guessed.
    extras = []
    if numpy.lib.NumpyVersion(numpy.__version__) >= "2.2.0":
        extras.append(f"shape={arr.shape}")
    if arr.dtype not in (numpy.bool_, numpy.int_, numpy.float64, numpy.complex128):
        extras.append(f"dtype={arr.dtype.name}")
    if not extras:
        return text + ")"
    extra = ", ".join(extras) + ")"
    used = len(text) + 1 - (text.rfind("\n") + 1)
    width = numpy.get_printoptions()["linewidth"] if max_line_width is None else max_line_width
    return text + ("," + "\n      " if used + len(extra) + 1 > width else ", ") + extra


def array2string(
    a, max_line_width=None, precision=None, suppress_small=None, separator=" ", prefix="", *, formatter=None, threshold=None,
    edgeitems=None, sign=None, floatmode=None, suffix="", legacy=None,
):
    """`numpy.array2string`"""
    shown, options = _shown(a, threshold, edgeitems)
    return numpy.array2string(
        shown, max_line_width, precision, suppress_small, separator, prefix, formatter=formatter, edgeitems=edgeitems, sign=sign,
        floatmode=floatmode, suffix=suffix, legacy=legacy, **({"threshold": threshold} | options),
    )
