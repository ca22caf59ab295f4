"""NumPy's differences, gradients and integrals of samples."""

import numpy

from ._base import ABSENT, asarray, axes_tuple, axis_index, ufuncs
from ._creation import array, empty_like
from ._elementwise import where
from ._shapes import broadcast_to, concatenate

__all__ = ["diff", "ediff1d", "gradient", "trapezoid", "unwrap"]


def _part(axis, start, stop):
    """The index of a slice along one axis."""
    return (slice(None),) * axis + (slice(start, stop),)


def diff(a, n=1, axis=-1, prepend=ABSENT, append=ABSENT):
    """`numpy.diff`"""
    if n == 0:
        return a
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n!r}")
    a = asarray(a)
    if a.ndim == 0:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = axis_index(axis, a.ndim)
    parts = [a]
    for place, more in ((0, prepend), (len(parts), append)):
        if more is ABSENT:
            continue
        more = asarray(more)
        if more.ndim == 0:
            more = broadcast_to(more, a.shape[:axis] + (1,) + a.shape[axis + 1:])
        parts.insert(place if place == 0 else len(parts), more)
    if len(parts) > 1:
        a = concatenate(parts, axis)
    step = ufuncs["not_equal" if a.dtype.kind == "b" else "subtract"]
    for _ in range(n):
        a = step(a[_part(axis, 1, None)], a[_part(axis, None, -1)])
    return a


def ediff1d(ary, to_end=None, to_begin=None):
    """`numpy.ediff1d`"""
    ary = asarray(ary).ravel()
    parts = {"to_begin": to_begin, "to_end": to_end}
    for name, more in parts.items():
        if more is None:
            continue
        more = asarray(more)
        if not numpy.can_cast(more.dtype, ary.dtype, "same_kind"):
            raise TypeError(
                f"dtype of `{name}` must be compatible with input `ary` under the `same_kind` rule."
            )
        parts[name] = more.ravel()
    steps = ufuncs["subtract"](ary[1:], ary[:-1])
    joined = [part for part in (parts["to_begin"], steps, parts["to_end"]) if part is not None]
    return steps if len(joined) == 1 else concatenate(joined, dtype=ary.dtype)


def _spacings(f, axes, given):
    """The steps along each axis: numbers, or arrays of one axis where they are not all alike."""
    if not given:
        return [1.0] * len(axes)
    if len(given) == 1 and numpy.ndim(given[0]) == 0:
        return list(given) * len(axes)
    if len(given) != len(axes):
        raise TypeError("invalid number of arguments")
    steps = list(given)
    for place, places in enumerate(given):
        places = asarray(places)
        if places.ndim == 0:
            continue
        if places.ndim != 1:
            raise ValueError("distances must be either scalars or 1d")
        if len(places) != f.shape[axes[place]]:
            raise ValueError("when 1d, distances must match the length of the corresponding dimension")
        if places.dtype.kind in "iu":
            places = places.astype(numpy.float64)
        step = diff(places)
        steps[place] = step[0] if (step == step[0]).all() else step
    return steps


def gradient(f, *varargs, axis=None, edge_order=1):
    """`numpy.gradient`"""
    f = asarray(f)
    axes = tuple(range(f.ndim)) if axis is None else axes_tuple(axis, f.ndim)
    steps = _spacings(f, axes, varargs)
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    if f.dtype.kind in "iu":
        f = f.astype(numpy.float64)
    dtype = f.dtype if f.dtype.kind in "fc" else numpy.dtype(numpy.float64)
    made = []
    for axis, step in zip(axes, steps):
        if f.shape[axis] < edge_order + 1:
            raise ValueError(
                "Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) elements are "
                "required."
            )
        made.append(_slope(f, axis, step, edge_order, empty_like(f, dtype)))
    return made[0] if len(axes) == 1 else tuple(made)


def _slope(f, axis, step, edge_order, out):
    """The gradient along one axis, into `out`: second order within, first or second order at the two ends."""
    def at(start, stop=None):
        return f[_part(axis, start, stop)]

    inside, left, right = _part(axis, 1, -1), _part(axis, 0, 1), _part(axis, -1, None)
    even = numpy.ndim(step) == 0
    if even:
        out[inside] = (at(2) - at(0, -2)) / (2.0 * step)
    else:
        lined = (slice(None),) + (None,) * (f.ndim - axis - 1)
        one, two = step[:-1][lined], step[1:][lined]
        out[inside] = (
            -two / (one * (one + two)) * at(0, -2) + (two - one) / (one * two) * at(1, -1)
            + one / (two * (one + two)) * at(2)
        )
    if edge_order == 1:
        out[left] = (at(1, 2) - at(0, 1)) / (step if even else step[0])
        out[right] = (at(-1) - at(-2, -1)) / (step if even else step[-1])
        return out
    if even:
        weights = [-1.5 / step, 2.0 / step, -0.5 / step], [0.5 / step, -2.0 / step, 1.5 / step]
    else:
        one, two = step[0], step[1]
        near = [-(2.0 * one + two) / (one * (one + two)), (one + two) / (one * two), -one / (two * (one + two))]
        one, two = step[-2], step[-1]
        weights = near, [two / (one * (one + two)), -(two + one) / (one * two), (2.0 * two + one) / (two * (one + two))]
    a, b, c = weights[0]
    out[left] = a * at(0, 1) + b * at(1, 2) + c * at(2, 3)
    a, b, c = weights[1]
    out[right] = a * at(-3, -2) + b * at(-2, -1) + c * at(-1)
    return out


def trapezoid(y, x=None, dx=1.0, axis=-1):
    """`numpy.trapezoid`"""
    y, x = asarray(y), x if x is None else asarray(x)
    step = dx if x is None else diff(x) if x.ndim == 1 else diff(x, axis=axis)
    extents = [1] * y.ndim
    extents[axis] = -1  # raises what NumPy raises
    axis = axis_index(axis, y.ndim)
    if x is not None and x.ndim == 1:
        step = step.reshape(extents)
    return asarray(step * (y[_part(axis, 1, None)] + y[_part(axis, None, -1)]) / 2.0).sum(axis)


def unwrap(p, discont=None, axis=-1, *, period=2 * numpy.pi):
    """`numpy.unwrap`"""
    p = asarray(p)
    steps = diff(p, axis=axis)
    discont = period / 2 if discont is None else discont
    dtype = numpy.result_type(steps.dtype, period)
    if dtype.kind in "iu":
        high, rest = divmod(period, 2)
        ambiguous = rest == 0
    else:
        high, ambiguous = period / 2, True
    low = -high
    turned = ufuncs["remainder"](steps - low, period) + low
    if ambiguous:
        turned = where((turned == low) & (steps > 0), high, turned)
    correction = where(ufuncs["absolute"](steps) < discont, 0, turned - steps)
    axis = axis_index(axis, p.ndim)
    up = array(p, dtype=dtype, copy=True)
    later = _part(axis, 1, None)
    up[later] = p[later] + asarray(correction).cumsum(axis)
    return up
