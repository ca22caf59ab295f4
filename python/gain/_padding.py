"""NumPy's `pad`: the array is put into the middle of a new one, whose borders are filled axis by axis."""

import typing

import numpy

from . import _gain
from ._base import asarray
from ._creation import empty
from ._elementwise import round
from ._fallback import few
from ._ranges import linspace
from ._quantiles import median
from ._reductions import max, mean, min
from ._shapes import moveaxis

__all__ = ["pad"]

# The keyword of each mode.
KEYWORDS = {
    "empty": (), "edge": (), "wrap": (), "constant": ("constant_values",), "linear_ramp": ("end_values",),
    "maximum": ("stat_length",), "mean": ("stat_length",), "median": ("stat_length",), "minimum": ("stat_length",),
    "reflect": ("reflect_type",), "symmetric": ("reflect_type",),
}
STATISTICS = {"maximum": max, "minimum": min, "mean": mean, "median": median}


def pad(array, pad_width, mode="constant", **kwargs):
    """`numpy.pad`"""
    a = asarray(array)
    if isinstance(pad_width, dict):
        pad_width = _by_axis(pad_width, a.ndim)
    if type(pad_width) is int and pad_width >= 0:
        widths = [(pad_width, pad_width)] * a.ndim
    else:
        pad_width = numpy.asarray(_host(pad_width))
        if pad_width.dtype.kind != "i":
            raise TypeError("`pad_width` must be of integral type.")
        widths = _pairs(pad_width, a.ndim, counts=True)
    if callable(mode):
        return _by_function(a, widths, mode, kwargs)
    if mode not in KEYWORDS:
        raise ValueError(f"mode '{mode}' is not supported")
    if unknown := set(kwargs) - set(KEYWORDS[mode]):
        raise ValueError(f"unsupported keyword arguments for mode '{mode}': {unknown}")
    if mode == "constant":
        values = _pairs(_host(kwargs.get("constant_values", 0)), a.ndim)
        if len({value for pair in values for value in pair}) == 1:
            return _middle(a, widths, values[0][0])[0]
    made, core = _middle(a, widths)
    if mode == "empty" or mode != "constant" and a.size == 0:
        for axis, pair in enumerate(widths):
            if mode != "empty" and a.shape[axis] == 0 and any(pair):
                raise ValueError(
                    f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'"
                )
        return made
    if mode == "linear_ramp":
        values = _pairs(_host(kwargs.get("end_values", 0)), a.ndim)
    lengths = _pairs(_host(kwargs.get("stat_length")), a.ndim, counts=True) if mode in STATISTICS else None
    for axis, pair in enumerate(widths):
        # Axes up to this one whole; of later ones, whose borders are yet to come, the middle.
        part = made[(slice(None),) * (axis + 1) + core[axis + 1:]]
        if mode == "constant":
            _fill(part, axis, pair, values[axis])
        elif mode == "edge" or mode in ("reflect", "symmetric") and a.shape[axis] == 1:
            _fill(part, axis, pair, _edges(part, axis, pair))
        elif mode == "linear_ramp":
            _fill(part, axis, pair, _ramps(part, axis, pair, values[axis]))
        elif mode in STATISTICS:
            _fill(part, axis, pair, _statistics(part, axis, pair, lengths[axis], STATISTICS[mode]))
        elif mode == "wrap":
            _wrap(part, axis, pair)
        else:
            _reflect(part, axis, pair, mode == "symmetric", kwargs.get("reflect_type", "even") == "odd")
    return made


def _host(x):
    """An argument of few numbers, as NumPy takes it."""
    return few("pad", x)


def _by_axis(widths, ndim):
    """Pairs for all axes from a dictionary of some."""
    pairs = [(0, 0)] * ndim
    for axis, width in widths.items():
        match width:
            case int(both):
                pairs[axis] = both, both
            case (int(before), int(after)) if isinstance(width, tuple):
                pairs[axis] = before, after
            case _:
                typing.assert_never(width)
    return pairs


def _pairs(x, ndim, counts=False):
    """One pair for each axis, from one number, one pair, or pairs."""
    if x is None:
        return [(None, None)] * ndim
    x = numpy.array(x)
    if counts:
        x = numpy.round(x).astype(numpy.intp, copy=False)
        if x.size and x.min() < 0:
            raise ValueError("index can't contain negative values")
    if x.ndim < 3 and x.size == 1:
        return [(x.flat[0],) * 2] * ndim
    if x.ndim < 3 and x.size == 2 and x.shape != (2, 1):
        return [tuple(x.flat)] * ndim
    return [tuple(pair) for pair in numpy.broadcast_to(x, (ndim, 2)).tolist()]


def _middle(a, widths, value=None):
    """A larger array with `a` in it (and `value` around it), and where it is."""
    shape = tuple(int(before) + extent + int(after) for extent, (before, after) in zip(a.shape, widths))
    made = empty(shape, a.dtype, "C" if _gain.memory_order(a, "A") is None else "F")
    core = tuple(slice(int(before), int(before) + extent) for extent, (before, _) in zip(a.shape, widths))
    if value is not None and shape != a.shape:
        made[...] = value
    made[core] = a
    return made, core


def _by_function(a, widths, function, keywords):
    """By a function that fills in the borders of one line, in place: it is called for every line along every axis."""
    made, _ = _middle(a, widths, 0)
    for axis, pair in enumerate(widths):
        lines = moveaxis(made, axis, -1)
        for place in numpy.ndindex(lines.shape[:-1]):
            function(lines[(*place, ...)], pair, axis, keywords)
    return made


def _items(part, axis, start, stop):
    """Items `start` to `stop` along the axis."""
    return part[(slice(None),) * axis + (slice(start, stop),)]


def _turned(part, axis, start, stop):
    """Items `start` to `stop` along the axis, the last one first."""
    return part[(slice(None),) * axis + (slice(stop - 1, start - 1 if start else None, -1),)]


def _fill(part, axis, pair, values):
    """Writes both borders along the axis."""
    before, after = pair
    end = part.shape[axis] - after
    if before:
        _items(part, axis, 0, before)[...] = values[0]
    if after:
        _items(part, axis, end, None)[...] = values[1]


def _edges(part, axis, pair):
    """The first and last items within the borders."""
    start, stop = pair[0], part.shape[axis] - pair[1]
    return _items(part, axis, start, start + 1), _items(part, axis, stop - 1, stop)


def _ramps(part, axis, pair, values):
    """Lines from each end value to the edge."""
    ramps = [
        linspace(value, _items(edge, axis, 0, 1), width, endpoint=False, dtype=part.dtype)
        for value, edge, width in zip(values, _edges(part, axis, pair), pair)
    ]
    ramps = [moveaxis(ramp, 0, axis).squeeze(axis + 1) for ramp in ramps]
    return ramps[0], _turned(ramps[1], axis, 0, pair[1]) if pair[1] else None


def _statistics(part, axis, pair, lengths, function):
    """What the function makes of so many items next to each border."""
    start, stop = pair[0], part.shape[axis] - pair[1]
    lengths = [stop - start if length is None or length > stop - start else length for length in lengths]
    if 0 in lengths and function.__name__ in ("max", "min"):
        raise ValueError("stat_length of 0 yields no value for padding")
    chunks = [_items(part, axis, start, start + lengths[0]), _items(part, axis, stop - lengths[1], stop)]
    if lengths[0] == lengths[1] == stop - start:
        del chunks[1]
    found = [function(chunk, axis, keepdims=True) for chunk in chunks]
    if part.dtype.kind in "iu":
        found = [round(one) for one in found]
    return found[0], found[-1]


def _reflect(part, axis, pair, symmetric, odd):
    """Mirrors the middle at its edges, with the edges if `symmetric`, about their values if `odd`, until both borders are full."""
    start, stop = pair[0], part.shape[axis] - pair[1]
    # So many items lie between one mirror and the next.
    period = stop - start - (not symmetric)
    while start > 0 or stop < part.shape[axis]:
        whole = (stop - start - (not symmetric)) // period * period
        before, after = _least(whole, start), _least(whole, part.shape[axis] - stop)
        skip = int(not symmetric)
        if before:
            mirrored = _turned(part, axis, start + skip, start + skip + before)
            edge = _items(part, axis, start, start + 1)
            _items(part, axis, start - before, start)[...] = 2 * edge - mirrored if odd else mirrored
        start -= before
        if after:
            mirrored = _turned(part, axis, stop - skip - after, stop - skip)
            edge = _items(part, axis, stop - 1, stop)
            _items(part, axis, stop, stop + after)[...] = 2 * edge - mirrored if odd else mirrored
        stop += after


def _wrap(part, axis, pair):
    """Repeats the middle, until both borders are full."""
    start, stop = pair[0], part.shape[axis] - pair[1]
    period = stop - start
    while start > 0 or stop < part.shape[axis]:
        whole = (stop - start) // period * period
        before, after = _least(whole, start), _least(whole, part.shape[axis] - stop)
        if before:
            _items(part, axis, start - before, start)[...] = _items(part, axis, start + whole - before, start + whole)
        if after:
            _items(part, axis, stop, stop + after)[...] = _items(part, axis, stop - whole, stop - whole + after)
        start, stop = start - before, stop + after


def _least(one, two):
    return one if one < two else two
