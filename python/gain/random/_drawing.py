"""The door to random arrays: those that all ranks and threads draw together, and those of which each rank runs NumPy's generator.

Invariant: elements and the state of the bit generator afterwards are NumPy's. Its lock is held while its state is away. An error leaves the
state as it was.
"""

import math

import numpy
from numpy import random as _theirs

from .. import _gain
from .._base import OURS, extents, ndim
from .._creation import asarray
from .._gain import ndarray
from .._shapes import broadcast_to

# Fewer elements than these NumPy draws, on every rank.
FEW = 4096
# Elements that NumPy draws at one time.
CHUNK = 1 << 18

_KINDS = {cls.__name__: cls for cls in (_theirs.PCG64, _theirs.PCG64DXSM, _theirs.Philox, _theirs.SFC64, _theirs.MT19937)}
# The words of each kind's state.
_WORDS = {"Philox": (("counter", 4), ("key", 2)), "SFC64": (("state", 4),)}


def is_known(bit_generator):
    """Whether it is one of those whose words are made here."""
    return isinstance(bit_generator, _KINDS.get(type(bit_generator).__name__, ()))


def _packed(state):
    """A bit generator's `state` for `_gain`."""
    name, inner = state["bit_generator"], state["state"]
    if name in ("PCG64", "PCG64DXSM"):
        words = inner["state"].to_bytes(16, "little") + inner["inc"].to_bytes(16, "little")
    elif name == "Philox":
        words = b"".join(numpy.asarray(part, "<u8").tobytes() for part in (inner["counter"], inner["key"], state["buffer"], [state["buffer_pos"]]))
    elif name == "SFC64":
        words = numpy.asarray(inner["state"], "<u8").tobytes()
    else:
        return name, numpy.append(inner["key"].astype("<u4"), numpy.uint32(inner["pos"])).tobytes(), False, 0
    return name, words, bool(state["has_uint32"]), state["uinteger"]


def _unpacked(name, after):
    """The `state` of what `_gain` gives back."""
    words, has_half, half = after
    state = {"bit_generator": name, "has_uint32": int(has_half), "uinteger": half}
    if name in ("PCG64", "PCG64DXSM"):
        inner = {"state": int.from_bytes(words[:16], "little"), "inc": int.from_bytes(words[16:], "little")}
    elif name == "MT19937":
        key = numpy.frombuffer(words, "<u4")
        return {"bit_generator": name, "state": {"key": key[:-1], "pos": int(key[-1])}}
    else:
        numbers = numpy.frombuffer(words, "<u8").astype(numpy.uint64)
        if name == "SFC64":
            return state | {"state": {"state": numbers}}
        inner = {"counter": numbers[:4], "key": numbers[4:6]}
        state |= {"buffer": numbers[6:10], "buffer_pos": int(numbers[10])}
    return state | {"state": inner}


def draw(bit_generator, shape, name, numbers=(), integers=None, kept=None):
    """An array drawn by all together, and the normal variate left over. Collective."""
    with bit_generator.lock:
        state = bit_generator.state
        made, after, kept = _gain.drawn(_packed(state), shape, name, list(numbers), integers, kept)
        bit_generator.state = _unpacked(state["bit_generator"], after)
    return made, kept


def shuffles(bit_generator, rows, count):
    """Rows of permutations of 0, 1, 2, ..., as `shuffle` of each row in turn gives them. Collective."""
    with bit_generator.lock:
        state = bit_generator.state
        made, after = _gain.shuffles(_packed(state), rows, count)
        bit_generator.state = _unpacked(state["bit_generator"], after)
    return made


def shape_of(size):
    """`size=` as a shape."""
    return () if size is None else extents(size)


def check_output(out, dtype, size, is_c_order=False):
    """NumPy's rules for `out=`."""
    if not (out.flags.writeable and (out.flags.c_contiguous or out.flags.f_contiguous and not is_c_order)):
        order = "C-" if is_c_order else ""
        raise ValueError(f"Supplied output array must be {order}contiguous, writable, aligned, and in machine byte-order.")
    if out.dtype != dtype:
        raise TypeError(f"Supplied output array has the wrong type. Expected {numpy.dtype(dtype)}, got {out.dtype}")
    if size is not None and extents(size) != out.shape:
        raise ValueError("size must match out.shape when used together")


def is_scalar(*values):
    """Whether none of a distribution's parameters is an array."""
    return all(ndim(value) == 0 and not isinstance(value, OURS) for value in values)


def wrapped(made):
    """NumPy's result as ours."""
    return asarray(made) if isinstance(made, numpy.ndarray) else made


def plain(value):
    """A parameter as NumPy takes it: arrays of ours are gathered."""
    if isinstance(value, OURS):
        return value.numpy() if isinstance(value, ndarray) else numpy.asarray(value)
    if isinstance(value, (list, tuple)) and any(isinstance(item, (*OURS, list, tuple)) for item in value):
        return type(value)(map(plain, value))
    return value


def common(size, values):
    """The shape of what is drawn for parameters that may be arrays."""
    shapes = [getattr(value, "shape", None) if isinstance(value, OURS) else numpy.shape(value) for value in values]
    if size is None:
        return numpy.broadcast_shapes(*shapes)
    wanted = extents(size)
    shape = numpy.broadcast_shapes(wanted, *shapes)
    if shape != wanted:
        raise ValueError(f"Output size {wanted} is not compatible with broadcast dimensions of inputs {shape}.")
    return wanted


def linear(shape, values, standard, are_ends=False):
    """`offset + scale * x`, or `scale * x`, of arrays of parameters, for what `standard(shape)` draws; of two ends the scale is their distance.

    None if NumPy has something to say of them.
    """
    values = [asarray(value) for value in values]
    if any(value.dtype.kind not in "biuf" for value in values):
        return None
    values = [value.astype(numpy.float64, copy=False) for value in values]
    values = [values[0], values[1] - values[0]] if are_ends else values
    if not bool(((values[-1] >= 0) & (values[-1] < numpy.inf)).all()):
        return None
    made = values[-1] * standard(shape)
    return made if len(values) == 1 else values[0] + made


class _Kept:
    """This rank's part of an array that comes in pieces, in C order."""

    def __init__(self, shape, dtype):
        self.shape = shape
        place = _gain.empty(shape, dtype)
        self.start, self.stop = (0, place.size) if place.is_replicated else place.blocks[_gain.rank()]
        self.whole = numpy.empty(place.size, dtype)  # of which only this rank's pages are touched

    def take(self, at, part):
        """The elements from `at` on."""
        low, high = max(at, self.start), min(at + part.size, self.stop)
        if low < high:
            self.whole[low:high] = part.reshape(-1)[low - at:high - at]

    def array(self):
        """All of it. Collective."""
        return _gain.convert(self.whole.reshape(self.shape), None, True)


def restoring(method):
    """A method of a generator that leaves the state as it was if it raises an error after it has drawn something."""

    def call(owner, *arguments):
        before = owner._state()
        try:
            return method(owner, *arguments)
        except Exception:
            owner._set_state(before)
            raise

    return call


@restoring
def chunked(owner, function, values, shape, tail, dtype):
    """`function(*values, size)` of NumPy's for a shape, a chunk after the other; each rank keeps its part. `tail` is the shape of one variate."""
    each, count = math.prod(tail), math.prod(shape)
    columns = values
    if not is_scalar(*values) and not tail:
        columns = [value if is_scalar(value) else broadcast_to(asarray(value), shape).ravel() for value in values]
    kept = None
    step = max(CHUNK // max(each, 1), 1)
    for low in range(0, count, step):
        high = min(low + step, count)
        now = [column[low:high].numpy() if isinstance(column, ndarray) else column for column in columns]
        part = function(*now, high - low)
        if kept is None:
            kept = _Kept(shape + tail, dtype or part.dtype)
        kept.take(low * each, part)
    return kept.array()
