"""What calls for slices returned, put together: arrays, or a `PPList` of what makes none.

Each rank has the results of its own calls. All learn of what kind they are; results of one shape are put where an array's rank wants them,
and others stay where they are, to be fetched by who asks.
"""

import math
import pickle

import numpy

from . import _gain
from ._base import asarray
from ._shapes import moveaxis
from ._transfer import packed, portable

__all__ = ["PPList"]


class PPList:
    """A list of which each rank has some items (arrays of unequal shapes, or any objects): `len`, indexing, slices, iteration. An item that another
    rank has is fetched when it is asked for, as a copy. `ppeval` makes it, and splits it item by item. Using it is not collective."""

    def __init__(self, length, own, places=(), window=None):
        self._length, self._own, self._places, self._window = length, own, places, window

    def __len__(self):
        return self._length

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._length))]
        at = index.__index__()
        at = at + self._length if at < 0 else at
        if not 0 <= at < self._length:
            raise IndexError("list index out of range")
        if at in self._own:
            return self._own[at]
        rank, offset, size, kind = self._places[at]
        read = self._window.get(rank, offset, [size], [1])
        if kind is None:
            return pickle.loads(read)
        return numpy.frombuffer(bytearray(read), kind[0]).reshape(kind[1])

    def __iter__(self):
        return (self[i] for i in range(self._length))

    def own(self):
        """`(place, item)` of the items that this rank has."""
        return self._own.items()

    def __repr__(self):
        return f"<PPList of {self._length} items, {len(self._own)} of them on rank {_gain.rank()}>"


def listed(length, results, error):
    """What `ppeval` returns for this rank's results, by slice; raises the exception of the first slice that has one. Collective."""
    everybody = _told((None, *_summary(results)) if error is None else ((error[0], portable(error[1])), None, None))
    if errors := [error for error, _, _ in everybody if error]:
        raise min(errors, key=lambda error: error[0])[1]
    told = [(width, kinds) for _, width, kinds in everybody if kinds]
    widths = {width for width, _ in told}
    if len(widths) != 1:  # (entries and single results are no columns)
        return _apart(length, results)
    (width,) = widths
    if width is None:
        return _column(length, results, [kinds[0] for _, kinds in told])
    columns = ({at: result[k] for at, result in results.items()} for k in range(width))
    return tuple(_column(length, column, [kinds[k] for _, kinds in told]) for k, column in enumerate(columns))


def _told(mine):
    """What each rank tells."""
    if _gain.ranks() == 1:
        return [mine]
    return [pickle.loads(text) for text in _gain.everybodys(packed(mine))]


def _summary(results):
    """How many entries this rank's results have (None: they aren't all tuples of one length), and the kinds of each entry; no kinds if
    there are no results."""
    widths = {len(result) if isinstance(result, tuple) else None for result in results.values()}
    if not results:
        return None, []
    if len(widths) > 1 or widths == {None}:
        return None, [_kinds(results.values())]
    (width,) = widths
    return width, [_kinds(result[k] for result in results.values()) for k in range(width)]


def _kinds(values):
    """The one shape and the common type of these values if they have that; "nothing" if all are None; else None."""
    shapes, types, none = set(), set(), False
    for value in values:
        kind = _kind(value)
        none = none or value is None
        if kind is None and value is not None or len(shapes) > 1:
            return None
        if kind is not None:
            types.add(kind[0])
            shapes.add(kind[1])
    if none or len(shapes) != 1:
        return "nothing" if none and not shapes else None
    return numpy.result_type(*types), shapes.pop()


def _kind(value):
    """Type and shape of what can be elements of an array, else None."""
    if isinstance(value, (bool, int, float, complex)):
        value = numpy.asarray(value)
    if isinstance(value, (numpy.ndarray, numpy.generic)) and value.dtype.kind in "biufc" and value.dtype.char not in "gG":
        return value.dtype, value.shape
    return None


def _column(length, mine, kinds):
    """The results of all ranks as an array, or a list."""
    if all(kind == "nothing" for kind in kinds):
        return None
    if None in kinds or "nothing" in kinds or len({shape for _, shape in kinds}) > 1:
        return _apart(length, mine)
    return _stacked(length, mine, numpy.result_type(*(dtype for dtype, _ in kinds)), kinds[0][1])


def _stacked(length, mine, dtype, shape):
    """Results of one shape as an array that has them along its last axis."""
    size, ranks = math.prod(shape), _gain.ranks()
    if ranks == 1:
        made = numpy.array([mine[at] for at in range(length)], dtype)
        return moveaxis(asarray(made), 0, -1)
    me, share = _gain.rank(), math.ceil(length / ranks)
    first = min(me * share, length)
    window = _gain.Window((min(first + share, length) - first) * size * dtype.itemsize)
    for low, high in _runs(sorted(mine), share):
        run = numpy.array([mine[at] for at in range(low, high)], dtype)
        owner = low // share
        offset = (low - owner * share) * size * dtype.itemsize
        window.put(owner, offset, [run.nbytes], [1], run.reshape(-1).view(numpy.uint8))
    window.fence()
    _gain.barrier()
    made = _gain.of_parts((length, *shape), dtype, first * size, bytes(window.part(me)))
    return moveaxis(made, 0, -1)


def _runs(places, share):
    """Places that follow one another and belong to one rank."""
    low = None
    for place, after in zip(places, [*places[1:], None]):
        low = place if low is None else low
        if after != place + 1 or after % share == 0:
            yield low, place + 1
            low = None


def _apart(length, mine):
    """Results as a list of which each rank keeps its own."""
    if _gain.ranks() == 1:
        return PPList(length, mine)
    texts, places, offset, me = [], {}, 0, _gain.rank()
    for at, result in mine.items():
        kind = _kind(result) if isinstance(result, numpy.ndarray) else None
        texts.append(packed(result) if kind is None else numpy.ascontiguousarray(result).tobytes())
        places[at] = me, offset, len(texts[-1]), kind
        offset += len(texts[-1])
    window = _gain.Window(offset)
    window.part(me)[:] = b"".join(texts)
    everybody = {at: place for told in _told(places) for at, place in told.items()}
    return PPList(length, mine, everybody, window)
