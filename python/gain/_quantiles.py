"""NumPy's medians, quantiles and percentiles: the elements at places of the order, and what lies between two of them.

Of an array as a whole those elements are looked for where they lie, and nothing is moved (`_gain.selected`); along an axis lines are
partitioned. Quantiles and places are few numbers, which every rank has; where lines have NaN of their own to pass over, places are
arrays like the lines.
"""

import numpy

from . import _gain
from ._base import ABSENT, asarray, assumed, axes_tuple, of_class, ufuncs
from ._creation import full
from ._elementwise import where
from ._fallback import few
from ._indexing import take_along_axis
from ._nan import nanmean
from ._scans import cumsum
from ._shapes import broadcast_to, moveaxis, stack
from ._statistics import _weights

__all__ = ["median", "nanmedian", "nanpercentile", "nanquantile", "percentile", "quantile"]

# Fewer elements than this are as quickly ordered as looked for.
FEW = 2048


class _Ours:
    """The functions on places of lines, which are arrays of ours."""

    floor, ceil, around = ufuncs["floor"], ufuncs["ceil"], ufuncs["rint"]
    where = staticmethod(where)


def _between(alpha, beta):
    """Places that Hyndman and Fan's parameters give."""
    return lambda n, q, _: n * q + (alpha + q * (1 - alpha - beta)) - 1


def _whole(m, place, is_down):
    """The place before or behind as a whole number: before where `is_down` says so."""
    before = m.floor(place)
    return m.where(is_down(place - before, place), before, before + 1)


# For each method the place of a quantile among n elements, counted from 0, and how far on it is from the one before to the next
# (None: places are whole numbers).
METHODS = {
    "inverted_cdf": (lambda n, q, m: _whole(m, n * q - 1, lambda part, place: part == 0), None),
    "averaged_inverted_cdf": (lambda n, q, m: n * q - 1, lambda part, place, m: m.where(part == 0, 0.5, 1.0)),
    "closest_observation": (
        lambda n, q, m: _whole(m, n * q - 1 - 0.5, lambda part, place: (part == 0) & (m.floor(place) % 2 == 1)),
        None,
    ),
    "interpolated_inverted_cdf": (_between(0, 1), lambda part, place, m: part),
    "hazen": (_between(0.5, 0.5), lambda part, place, m: part),
    "weibull": (_between(0, 0), lambda part, place, m: part),
    "linear": (lambda n, q, m: (n - 1) * q, lambda part, place, m: part),
    "median_unbiased": (_between(1 / 3.0, 1 / 3.0), lambda part, place, m: part),
    "normal_unbiased": (_between(3 / 8.0, 3 / 8.0), lambda part, place, m: part),
    "lower": (lambda n, q, m: m.floor((n - 1) * q), None),
    "higher": (lambda n, q, m: m.ceil((n - 1) * q), None),
    "midpoint": (
        lambda n, q, m: 0.5 * (m.floor((n - 1) * q) + m.ceil((n - 1) * q)),
        lambda part, place, m: m.where(place % 1 == 0, 0.0, 0.5),
    ),
    "nearest": (lambda n, q, m: m.around((n - 1) * q), None),
}


def _method(name):
    try:
        return METHODS[name]
    except KeyError:
        raise ValueError(f"{name!r} is not a valid method. Use one of: {METHODS.keys()}") from None


def _lines(a, axis, weights=None):
    """The array with its lines along the first axis, or as one line; the axes that go, and the weights likewise."""
    if axis is None:
        flat = a if a.ndim == 1 else a.ravel()
        return flat, None, None if weights is None else weights.ravel()
    axes = axes_tuple(axis, a.ndim)
    if len(axes) == 1:
        return moveaxis(a, axes[0], 0), axes, None if weights is None else moveaxis(weights, axes[0], 0)
    keep = [i for i in range(a.ndim) if i not in axes]

    def joined(x):
        x = x.transpose([*keep, *sorted(axes)])
        return moveaxis(x.reshape(*x.shape[: len(keep)], -1), -1, 0)

    return joined(a), axes, None if weights is None else joined(weights)


def _delivered(made, a, axes, out, keepdims, ahead=0):
    """The result with the axes that went, or in `out`; `ahead` are the axes of the quantiles."""
    if keepdims and not (out is None and a.ndim == 0):
        extents = [1 if axes is None or i in axes else extent for i, extent in enumerate(a.shape)]
        made = asarray(made)
        made = made.reshape(made.shape[:ahead] + tuple(extents))
    if out is None:
        return made
    extents = numpy.shape(made)
    if len(extents) > out.ndim or any(n not in (m, 1) for n, m in zip(reversed(extents), reversed(out.shape))):
        raise ValueError(
            f"Wrong shape of argument 'out', shape={numpy.shape(made)} is required; got shape={tuple(out.shape)}."
        )
    out[...] = made
    return out


def _ordered(lines, places):
    """The elements at these places (ascending) of lines along the first axis."""
    if lines.ndim == 1 and lines.size > FEW and lines.dtype.kind != "c":
        return _gain.selected(lines, places)
    return _gain.sorted(lines, 0, places)[places]


def _nan_wins(made, last):
    """NaN, which is last in the order, where a line has one."""
    bad = last != last
    if not isinstance(bad, _gain.ndarray):
        return made if not bad else full(numpy.shape(made), last, made.dtype) if numpy.ndim(made) else last
    return where(bad, asarray(last).astype(made.dtype, copy=False), made) if assumed(asarray(bad).any, True) else made


@of_class
def median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    """`numpy.median`"""
    a = asarray(a)
    lines, axes, _ = _lines(a, axis)
    return _delivered(_median(lines), a, axes, out, keepdims)


def _median(lines):
    n = len(lines)
    if n == 0:
        return lines.mean(0)
    middle = [n // 2] if n % 2 else [n // 2 - 1, n // 2]
    if lines.dtype.kind not in "fc":
        return _ordered(lines, middle).mean(0)
    found = _ordered(lines, middle + [n - 1] if middle[-1] < n - 1 else middle)
    return _nan_wins(found[: len(middle)].mean(0), found[-1])


def percentile(
    a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None
):
    """`numpy.percentile`"""
    return _quantile(a, _hundredths(q), axis, out, method, keepdims, weights, type(q) in (int, float), _plain)


def quantile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None):
    """`numpy.quantile`"""
    return _quantile(a, _wholes(q), axis, out, method, keepdims, weights, type(q) in (int, float), _plain)


def nanpercentile(
    a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=ABSENT, *, weights=None
):
    """`numpy.nanpercentile`"""
    return _quantile(a, _hundredths(q), axis, out, method, keepdims, weights, type(q) in (int, float), _passing)


def nanquantile(
    a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=ABSENT, *, weights=None
):
    """`numpy.nanquantile`"""
    return _quantile(a, _wholes(q), axis, out, method, keepdims, weights, type(q) in (int, float), _passing)


def _hundredths(q):
    q = numpy.true_divide(few("percentile", q), 100, out=...)
    return _inside(q, "Percentiles must be in the range [0, 100]")


def _wholes(q):
    q = numpy.asanyarray(few("quantile", q))
    return _inside(q, "Quantiles must be in the range [0, 1]")


def _inside(q, text):
    """The quantiles, checked."""
    if q.ndim == 1 and q.size < 10:
        is_inside = all(0.0 <= one <= 1.0 for one in q.tolist())
    else:
        is_inside = q.min() >= 0 and q.max() <= 1
    return q, None if is_inside else text


def _quantile(a, checked, axis, out, method, keepdims, weights, is_weak, of_lines):
    a = asarray(a)
    if a.dtype.kind == "c":
        raise TypeError("a must be an array of real numbers")
    q, wrong = checked
    if wrong is not None:
        raise ValueError(wrong)
    if weights is not None:
        if method != "inverted_cdf":
            raise ValueError(f"Only method 'inverted_cdf' supports weights. Got: {method}.")
        if axis is not None:
            axis = axes_tuple(axis, a.ndim, "axis")
        weights = _weights(weights, a, axis)
        if asarray(weights < 0).any():
            raise ValueError("Weights must be non-negative.")
        weights = broadcast_to(weights, a.shape)
    keepdims = keepdims is not ABSENT and bool(keepdims)
    if of_lines is _passing and a.size == 0:
        return nanmean(a, axis, None, out, **({"keepdims": True} if keepdims else {}))
    if q.ndim > 2:
        raise ValueError("q must be a scalar or 1d")
    lines, axes, weights = _lines(a, axis, weights)
    made = of_lines(lines, q, method, weights, is_weak)
    return _delivered(made, a, axes, out, keepdims, q.ndim)


def _plain(lines, q, method, weights, is_weak):
    """Quantiles of lines, of which those with NaN have no other."""
    n, has_nan = len(lines), lines.dtype.kind == "f"
    if weights is not None:
        made, last = _weighted(lines, q, weights, None)
        return _nan_wins(made, last) if has_nan else made
    place_of, part_of = _method(method)
    place = numpy.asanyarray(place_of(n, q, numpy))
    if n == 0:
        raise IndexError(_nothing(place, part_of, has_nan, lines.shape[1:]))
    if part_of is None or method == "linear" and place.dtype.kind in "iu":
        rows = _Rows(lines, numpy.maximum(place.astype(numpy.intp), 0).ravel(), has_nan)
        made = rows.at(0, q.size)
    else:
        floor = numpy.floor(place)
        part = numpy.asarray(part_of(numpy.asarray(place - floor), place, numpy), dtype=place.dtype).ravel()
        before, behind = (numpy.minimum(numpy.maximum(x, 0), n - 1).astype(numpy.intp).ravel() for x in (floor, floor + 1))
        # From the one that is nearer.
        is_late = part >= 0.5
        rows = _Rows(lines, numpy.concatenate((before, behind, numpy.where(is_late, behind, before))), has_nan)
        part = numpy.where(is_late, part - 1, part)
        part = float(part[0]) if is_weak else asarray(part.reshape(part.shape + (1,) * (lines.ndim - 1)))
        low, high, near = (rows.at(k * q.size, (k + 1) * q.size) for k in range(3))
        made = near + ufuncs["subtract"](high, low) * part
    extents = q.shape + lines.shape[1:]
    made = made.reshape(extents) if extents else made[0]
    return _nan_wins(made, rows.last) if has_nan else made


class _Rows:
    """The elements at some places of the order of lines; the last ones if they are asked for."""

    def __init__(self, lines, places, has_last):
        n = len(lines)
        if lines.ndim == 1 and n > FEW:
            wanted = numpy.unique(numpy.append(places, n - 1) if has_last else places)
            ordered = _gain.selected(lines, wanted.tolist())
            places = numpy.searchsorted(wanted, places)
        else:
            ordered = _gain.sorted(lines, 0, [*places.tolist(), n - 1])
        self.rows = ordered[places]
        self.last = ordered[-1] if has_last else None

    def at(self, start, end):
        """Those from one on up to another."""
        return self.rows[start:end]


def _nothing(place, part_of, has_nan, extents):
    """What NumPy says of lines without elements."""
    if part_of is None and not has_nan and 0 not in extents:
        return "cannot do a non-empty take from an empty axes."
    index = 0 if not has_nan and place.ravel()[:1] < 0 else -1
    return f"index {index} is out of bounds for axis 0 with size 0"


def _mixed(low, high, part):
    """What lies between two, from the one that is nearer."""
    apart = ufuncs["subtract"](high, low)
    return where(part >= 0.5, high - apart * (1 - part), low + apart * part)


def _weighted(lines, q, weights, is_some):
    """Weighted quantiles of lines, and the last elements of these; `is_some` says which elements count."""
    n = len(lines)
    numbers = _gain.argsorted(lines, 0, None)
    ordered = take_along_axis(lines, numbers, 0)
    if is_some is not None:
        weights = where(is_some, weights, asarray(numpy.zeros((), weights.dtype)))
    share = cumsum(take_along_axis(weights, numbers, 0), 0, numpy.float64)
    share = share / share[-1]
    bad = asarray(share[-1] != share[-1])
    if is_some is not None:
        bad = bad & asarray(is_some.any(0))
    if bad.any():
        raise ValueError("Weights included NaN, inf or were all zero.")
    if q.dtype.kind == "f":
        share = share.astype(q.dtype)
    # (What weighs nothing is no quantile, the least one neither.)
    share = where(share == 0, share.dtype.type(-1), share)
    most = n - 1 if is_some is None else ufuncs["maximum"](asarray(is_some.sum(0)) - 1, 0)
    made = []
    for one in q.ravel():
        place = ufuncs["minimum"](asarray((share < one).sum(0)), most)
        made.append(take_along_axis(ordered, asarray(place)[None], 0)[0])
    if q.ndim == 0:
        # (NumPy gives an array of no axes.)
        return asarray(made[0]), ordered[-1]
    made = stack([asarray(one) for one in made]) if made else full((0, *lines.shape[1:]), 0, lines.dtype)
    return made.reshape(q.shape + lines.shape[1:]), ordered[-1]


def _some(lines):
    """Which elements are no NaN; None if all are. Warns of each line that has nothing else, as NumPy does."""
    if lines.dtype.kind not in "fc":
        return None
    is_some = lines == lines
    if is_some.all():
        return None
    for _ in range(lines[0].size - int(asarray(is_some.any(0)).sum())):
        _gain.warn("All-NaN slice encountered")
    return is_some


def _passing(lines, q, method, weights, is_weak):
    """Quantiles of the elements of lines that are no NaN."""
    is_some = _some(lines)
    if is_some is None:
        return _plain(lines, q, method, weights, is_weak)
    if lines.ndim == 1:
        lines, weights = lines[is_some], None if weights is None else weights[is_some]
        if lines.size == 0:
            return full(q.shape, numpy.nan, lines.dtype)[()]
        return _plain(lines, q, method, weights, is_weak)
    if weights is not None:
        made, last = _weighted(lines, q, weights, is_some)
        return where(is_some.any(0), made, made.dtype.type(numpy.nan))
    place_of, part_of = _method(method)
    ordered, counts = _gain.sorted(lines, 0, None), asarray(is_some.sum(0))
    flat = asarray(q.reshape((-1,) + (1,) * counts.ndim))
    count = counts.astype(flat.dtype) if flat.dtype.kind == "f" else counts
    place = place_of(count, flat, _Ours)
    most, least = ufuncs["maximum"](count - 1, 0), 0
    floor = ufuncs["floor"](place)
    clip = ufuncs["clip"]
    before = clip(floor, least, most).astype(numpy.intp)
    low = take_along_axis(ordered, before, 0)
    made = low
    if part_of is not None:
        behind = where(place < 0, 0, clip(floor + 1, least, most)).astype(numpy.intp)
        start = where(place >= most, -1, before)
        part = asarray(part_of(place - start, place, _Ours))
        part = part.astype(lines.dtype if is_weak and lines.dtype.kind == "f" else place.dtype)
        made = _mixed(low, take_along_axis(ordered, behind, 0), part)
    return made[0] if q.ndim == 0 else made.reshape(q.shape + counts.shape)


@of_class
def nanmedian(a, axis=None, out=None, overwrite_input=False, keepdims=ABSENT):
    """`numpy.nanmedian`"""
    a = asarray(a)
    keepdims = keepdims is not ABSENT and bool(keepdims)
    if a.size == 0:
        return nanmean(a, axis, None, out, **({"keepdims": True} if keepdims else {}))
    lines, axes, _ = _lines(a, axis)
    is_some = _some(lines)
    if is_some is None:
        made = _median(lines)
    elif lines.ndim == 1:
        some = lines[is_some]
        made = _median(some) if some.size else lines[-1]
    else:
        ordered, counts = _gain.sorted(lines, 0, None), asarray(is_some.sum(0))
        low = take_along_axis(ordered, ufuncs["maximum"](counts - 1, 0)[None] // 2, 0)[0]
        high = take_along_axis(ordered, (counts // 2)[None], 0)[0]
        made = stack([low, high]).mean(0)
        if lines.dtype.kind == "f":
            made = where(counts % 2 == 1, low, made)
        made = where(counts > 0, made, lines.dtype.type(numpy.nan))
    return _delivered(made, a, axes, out, keepdims)
