"""NumPy's functions that pack truth values into bytes and unpack them: eight bytes at a time, as one number.

Multiplied by the right constant, the bytes of a number that are 0 or 1 meet as bits of its highest byte; and a byte that is
repeated eight times leaves one of its bits in each.
"""

import operator

import numpy

from ._base import asarray, axis_number, ufuncs
from ._creation import zeros
from ._shapes import concatenate, moveaxis

__all__ = ["packbits", "unpackbits"]

# By order of bits: the factor that gathers bytes into bits, and which bit each byte of a number keeps.
GATHER = {"b": numpy.uint64(0x8040201008040201), "l": numpy.uint64(0x0102040810204080)}
KEPT = {"b": numpy.uint64(0x0102040810204080), "l": numpy.uint64(0x8040201008040201)}
# In each byte of a number the lowest bit, and all but the highest.
ONES, MOST = numpy.uint64(0x0101010101010101), numpy.uint64(0x7F7F7F7F7F7F7F7F)


def _last(a, axis):
    """The array with the axis last, of all elements if it is None, and which axis that is."""
    if a.ndim == 0 or axis is None:
        return a.ravel(), 0 if axis is None else axis_number(axis, 1)
    axis = axis_number(axis, a.ndim)
    return moveaxis(a, axis, -1), axis


def _longer(a, length):
    """The array with zeros along the last axis up to this length."""
    rest = length - a.shape[-1]
    return concatenate((a, zeros((*a.shape[:-1], rest), a.dtype)), -1) if rest > 0 else a


def packbits(a, /, axis=None, bitorder="big"):
    """`numpy.packbits`"""
    a = asarray(a)
    if bitorder not in ("big", "little"):
        numpy.packbits(numpy.zeros(8, bool), None, bitorder)  # raises what NumPy raises
    if axis is not None:
        axis_number(axis, max(a.ndim, 1))
    if a.dtype.kind not in "biu":
        raise TypeError("Expected an input array of integer or boolean data type")
    a, axis = _last(a, axis)
    count = -(-a.shape[-1] // 8)
    bits = _longer(a if a.dtype.kind == "b" else a != 0, 8 * count)
    bits = bits if bits.strides[-1] == 1 else bits.copy("C")
    if bits.size == 0:
        return moveaxis(zeros((*a.shape[:-1], count), "u1"), -1, axis)
    made = ufuncs["right_shift"](bits.view("u8") * GATHER[bitorder[0]], numpy.uint64(56)).astype("u1")
    return moveaxis(made, -1, axis)


def unpackbits(a, /, axis=None, count=None, bitorder="big"):
    """`numpy.unpackbits`"""
    a = asarray(a)
    if a.dtype != numpy.uint8:
        raise TypeError("Expected an input array of unsigned byte data type")
    if not isinstance(bitorder, str) or bitorder[:1] not in ("l", "b"):
        numpy.unpackbits(numpy.zeros(1, "u1"), None, None, bitorder)  # raises what NumPy raises
    count = None if count is None else operator.index(count)
    a, axis = _last(a, axis)
    length = 8 * a.shape[-1]
    if count is not None and count < -length:
        raise ValueError("-count larger than number of elements")
    each = a.astype("u8", "C") * ONES & KEPT[bitorder[0]]
    bits = (ufuncs["right_shift"](each + MOST, numpy.uint64(7)) & ONES).view("u1")
    if count is not None:
        bits = _longer(bits[..., :count], count)
    return moveaxis(bits, -1, axis)
