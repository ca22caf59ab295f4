"""`ppeval` of a client: the function goes to the ranks of its server, what it returns stays there.

In the client: the function and what isn't numbers become bytes (by `cloudpickle`, where it is installed), arrays are those of the session, and
`evaluate` is called, which a session has replaced by a call of the ranks. On the ranks: they load the function, if the server was started to allow
that, and call it as those of any job do.

A list of results is two arrays: the bytes of all items, one behind the other, and where each begins. So it is spread like any array, goes
when the client drops it, and can be an argument again.
"""

import os
import pickle
import sys

import numpy

from . import _gain
from ._gain import ndarray
from ._pplist import PPList
from ._progress import Shown
from ._transfer import packed, together

__all__ = []

# Whether functions of clients are called: whoever started this server said so.
is_allowed = False
# Bytes of items that a client asks for at one time when it goes through a list.
AHEAD = 1 << 20


class _Items:
    """An argument of `ppeval` on a rank: the items of a list in two arrays."""

    def __init__(self, data, bounds):
        self.data, self.bounds, self.length = data, bounds, len(bounds) - 1

    def prepare(self):
        """Makes the items readable by each rank alone. Collective."""
        self.data = self.data.numpy() if self.data.is_replicated or _gain.ranks() == 1 else self.data.force()

    def read(self, low, high):
        """The items from one to another."""
        first, last = int(self.bounds[low]), int(self.bounds[high])
        part = self.data[first:last] if isinstance(self.data, numpy.ndarray) else self.data.get(slice(first, last))
        return _loaded(part, self.bounds[low:high + 1] - first)


def _loaded(data, bounds):
    """The items in these bytes."""
    data = memoryview(numpy.ascontiguousarray(data))
    return [pickle.loads(data[low:high]) for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist())]


class SentList(PPList):
    """A list of which the ranks of a server have the items."""

    def __init__(self, data, bounds):
        super().__init__(len(bounds) - 1, {})
        self.data, self.bounds = data, bounds

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._length))]
        at = index.__index__()
        at = at + self._length if at < 0 else at
        if not 0 <= at < self._length:
            raise IndexError("list index out of range")
        return self._items(at, at + 1)[0]

    def __iter__(self):
        at = 0
        while at < self._length:
            end = int(numpy.searchsorted(self.bounds, self.bounds[at] + AHEAD, "right")) - 1
            end = min(max(end, at + 1), self._length)
            yield from self._items(at, end)
            at = end

    def _items(self, low, high):
        bounds = self.bounds[low:high + 1]
        return _loaded(self.data[int(bounds[0]):int(bounds[-1])].numpy(), bounds - bounds[0])

    def __reduce__(self):
        return PPList, (self._length, dict(enumerate(self)))

    def __repr__(self):
        return f"<PPList of {self._length} items on the ranks of a server>"


def send(function, arguments, processes):
    """`ppeval` in a client: what the ranks make of the arguments, which are `ppsplit` and `ppbcast`."""
    kinds, values = [], []
    for argument in arguments:
        kind, *parts = _sent(argument)
        kinds.append((kind, len(parts)))
        values += parts
    with Shown() as place:
        return _received(evaluate(_code(function), kinds, processes, place, *values))


def _sent(argument):
    """An argument of `ppeval` as it travels: its kind, and arrays or bytes."""
    if hasattr(argument, "value"):
        value = argument.value
        return ("whole", value) if _travels(value) else ("whole bytes", packed(value))
    if argument.items is None:
        if _travels(argument.array):
            return "split", argument.array, argument.axis
        return "split bytes", packed(numpy.moveaxis(argument.array, argument.axis, 0))
    if isinstance(argument.items, SentList):
        return "items", argument.items.data, argument.items.bounds
    return "split bytes", packed(list(argument.items))


def _travels(value):
    return isinstance(value, ndarray) or type(value) is numpy.ndarray and value.dtype.kind in "biufc" and value.dtype.char not in "gG"


def _code(function):
    """A function as bytes."""
    try:
        import cloudpickle
    except ImportError:
        cloudpickle = None
    if cloudpickle:
        return cloudpickle.dumps(function)
    told = "functions that are no module's travel with cloudpickle, which is not installed: install it, or put the function into a module"
    if getattr(function, "__module__", None) == "__main__":
        raise TypeError(told)
    try:
        return pickle.dumps(function)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise TypeError(f"{error}: {told}") from None


def evaluate(code, kinds, processes, place, *values):
    """On the ranks: calls the function for each slice of the arguments. Collective."""
    from ._ppeval import evaluated, ppbcast, ppsplit

    if not is_allowed:
        raise PermissionError("this server calls no functions of its clients: it was started without --allow-functions")
    values = iter(values)

    def argument(kind, count):
        parts = [next(values) for _ in range(count)]
        if kind == "whole":
            return ppbcast(parts[0])
        if kind == "whole bytes":
            return ppbcast(pickle.loads(parts[0]))
        if kind == "split":
            return ppsplit(*parts)
        if kind == "items":
            bounds = parts[1].numpy() if isinstance(parts[1], ndarray) else parts[1]
            return _Items(parts[0], bounds)
        items = pickle.loads(parts[0])
        return ppsplit(items, 0) if isinstance(items, numpy.ndarray) else ppsplit(PPList(len(items), dict(enumerate(items))))

    # (The module that the program of the client is has the same name here, and nothing in it.)
    function, arguments = together(lambda: (pickle.loads(code), [argument(*kind) for kind in kinds]))
    try:
        return _told(evaluated(function, arguments, processes, place))
    except Exception as error:
        return "raised", packed(error)


def _told(result):
    """What a client is told of results."""
    if isinstance(result, tuple):
        return "several", [_told(one) for one in result]
    if isinstance(result, PPList):
        return ("list", *_spread(result))
    return "one", result


def _spread(items):
    """A list as the bytes of its items, and where each begins: each rank gives those that it has. Collective."""
    mine = {at: packed(item) for at, item in items.own()}
    told = [pickle.loads(one) for one in _gain.everybodys(pickle.dumps({at: len(text) for at, text in mine.items()}))]
    lens = numpy.zeros(len(items) + 1, numpy.int64)
    for theirs in told:
        for at, length in theirs.items():
            lens[at + 1] = length
    bounds = lens.cumsum()
    total, ranks, me = int(bounds[-1]), _gain.ranks(), _gain.rank()
    if ranks == 1:
        from ._creation import array

        return array(numpy.frombuffer(b"".join(mine[at] for at in range(len(items))), numpy.uint8)), bounds
    share = -(-total // ranks)
    first = min(me * share, total)
    window = _gain.Window(min(first + share, total) - first)
    for at, text in mine.items():
        begin, text = int(bounds[at]), memoryview(text)
        while text:
            owner = begin // share
            part = text[:(owner + 1) * share - begin]
            window.put(owner, begin - owner * share, [len(part)], [1], part)
            begin, text = begin + len(part), text[len(part):]
    window.fence()
    _gain.barrier()
    return _gain.of_parts((total,), numpy.dtype(numpy.uint8), first, bytes(window.part(me))), bounds


def _received(told):
    """In a client: what the ranks told, as `ppeval` returns it."""
    kind, *parts = told
    if kind == "raised":
        raise pickle.loads(parts[0])
    if kind == "several":
        return tuple(_received(one) for one in parts[0])
    return SentList(*parts) if kind == "list" else parts[0]


def begin(is_told, is_own):
    """Has this server call functions of its clients if it was told to, or if it is its client's own: that one's modules are then looked for where it does."""
    global is_allowed
    is_allowed, paths = is_told or is_own, os.environ.pop("GAIN_SERVE_PATH", "")
    if not is_allowed:
        return
    sys.path += [path for path in paths.split(os.pathsep) if is_own and path and path not in sys.path]
    try:
        # (Its classes are known by all ranks as the same.)
        import cloudpickle  # noqa: F401
    except ImportError:
        pass
