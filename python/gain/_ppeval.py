"""`ppeval`: a Python function called for each slice of arrays, by all ranks (the task parallelism of Star-P), and `pfor`, the same for a loop.

Which rank calls it for which slices is decided as they go: chunks of slices are handed out by a counter that all ranks add to. On one
rank forked processes take that place, once the first calls have shown that it is worth it.

Invariant: what is returned depends on the arguments alone, never on who called. All ranks leave with the same results, or the same exception: that of the first slice that raised
one of those that were called for.
"""

import itertools
import math
import pickle
import time
import warnings

import numpy

from . import _gain, _tasks
from ._gain import ndarray
from ._pplist import PPList, listed
from ._progress import bar, remote
from ._shapes import moveaxis
from ._transfer import packed, portable

__all__ = ["pfor", "ppbcast", "ppeval", "ppsplit"]

# How many chunks a rank is to take part in, if all calls take as long.
CHUNKS = 16
# Calls are made by this process alone until they have taken so long; they go on so if the rest won't take longer than that.
SERIAL_SECONDS, WORTH_SECONDS = 0.02, 0.1


class ppsplit:
    """An argument of `ppeval` of which each call gets a slice: along `axis`, or else the last axis longer than one."""

    def __init__(self, x, axis=None):
        self.items = x if isinstance(x, (PPList, list, tuple)) and axis is None and not _is_numbers(x) else None
        if self.items is not None:
            self.length = len(self.items)
            return
        self.array = x if isinstance(x, ndarray) else numpy.asarray(x)
        shape = self.array.shape
        if not shape:
            raise ValueError("ppsplit: a single number has no slices: ppbcast gives all of it to each call")
        if axis is None:
            axis = max((k for k, n in enumerate(shape) if n != 1), default=len(shape) - 1)
        self.axis = numpy.lib.array_utils.normalize_axis_index(axis, len(shape))
        self.length = shape[self.axis]

    def prepare(self):
        """Makes the elements readable by each rank alone. Collective."""
        if self.items is None and isinstance(self.array, ndarray):
            moved = moveaxis(self.array, self.axis, 0)
            self.array = moved.numpy() if moved.is_replicated or _gain.ranks() == 1 else moved.copy().force()
        elif self.items is None:
            self.array = numpy.moveaxis(self.array, self.axis, 0)

    def read(self, low, high):
        """The slices from one to another."""
        if self.items is not None:
            return [self.items[i] for i in range(low, high)]
        part = self.array[low:high] if isinstance(self.array, numpy.ndarray) else self.array.get(slice(low, high))
        return part if part.ndim > 1 else list(part)


class ppbcast:
    """An argument of `ppeval` that each call gets as a whole."""

    def __init__(self, x):
        self.value = x

    def prepare(self):
        """An array of ours becomes NumPy's, on every rank. Collective."""
        if isinstance(self.value, ndarray):
            self.value = self.value.numpy()

    def read(self, low, high):
        """The same for each."""
        return itertools.repeat(self.value, high - low)


def _is_numbers(x):
    """Whether it makes an array of numbers."""
    if isinstance(x, PPList):
        return False
    try:
        return numpy.asarray(x).dtype.kind in "biufc"
    except ValueError:
        return False


def _argument(x):
    """Arrays are split, everything else is given to each call."""
    if isinstance(x, (ppsplit, ppbcast)):
        return x
    if isinstance(x, PPList) or isinstance(x, (ndarray, numpy.ndarray)) and x.ndim:
        return ppsplit(x)
    if isinstance(x, (list, tuple)) and x and _is_numbers(x):
        return ppsplit(x)
    return ppbcast(x)


def ppeval(function, *args, processes=None):
    """Calls `function(*slices)` for each slice of the arguments, on all ranks at once, and puts together what it returns.

    Arrays (and lists of numbers) are split along their last axis longer than one, a `PPList` item by item, and all other arguments are given to
    each call; `ppsplit(x, axis)` and `ppbcast(x)` say otherwise. What is split has as many slices each. The function gets NumPy's
    arrays, and must not use arrays of gain: each rank calls it by itself.

    What is returned: if the results are numbers or arrays of one shape, an array with them along its last axis (so that
    `ppeval(f, x)` of an `x` of shape `(m, n)` is split and put together the same way), else a `PPList`. For a function that returns a
    tuple a tuple of these, one for each entry; None if it returns nothing. An exception is raised on all ranks, with a note that says for which slice.

    In a session with a server its ranks call the function, which goes there with `cloudpickle`, and the results stay there.

    On one rank, calls that take long are made by `processes` forked processes, `gain.threads()` unless said.

    Collective. After `ppeval` of Star-P (Interactive Supercomputing, 2008).
    """
    arguments = [_argument(x) for x in args]
    if _gain.in_session():
        _length(arguments)
        return _tasks.send(function, arguments, processes)
    return evaluated(function, arguments, processes)


def _length(arguments):
    """How many slices there are."""
    lengths = [a.length for a in arguments if not isinstance(a, ppbcast)]
    if not lengths:
        raise ValueError("ppeval: no argument has slices; ppsplit says which has")
    if min(lengths) != max(lengths):
        raise ValueError(f"ppeval: arguments have different numbers of slices: {lengths}")
    return lengths[0]


def evaluated(function, arguments, processes, place=None):
    """`ppeval` of arguments that say how they are split; of a client's, `place` is where it looks how much is done. Collective."""
    length = _length(arguments)
    for argument in arguments:
        argument.prepare()
    line = bar(f"ppeval of {_name(function)}", length)
    tell = line.reach if line else remote(place, length) or _nobody
    try:
        if _gain.ranks() > 1:
            results, error = _shared(function, arguments, length, tell)
        else:
            results, error = _alone(function, arguments, length, processes or _gain.threads(), tell)
    finally:
        if line:
            line.end()
    return listed(length, results, error)


def _nobody(count):
    """Whom nobody tells how much is done."""


def pfor(iterable, processes=None):
    """A loop whose turns are taken by all ranks: `@pfor(range(n))` before `def body(i): ...` runs it and leaves in `body` what the
    turns returned, put together as by `ppeval`. Collective."""
    items = list(iterable)

    def run(body):
        arguments = [ppsplit(PPList(len(items), dict(enumerate(items))))]
        return _tasks.send(body, arguments, processes) if _gain.in_session() else evaluated(body, arguments, processes)

    return run


def _calls(function, arguments, low, high, results):
    """Calls for some slices; an exception says for which."""
    at = low
    try:
        for values in zip(*(a.read(low, high) for a in arguments)):
            results[at] = function(*values)
            at += 1
    except Exception as error:
        error.add_note(f"ppeval: in the call for slice {at} of {_name(function)}")
        return at, error
    return None


def _name(function):
    return getattr(function, "__qualname__", None) or repr(function)


def _shared(function, arguments, length, tell):
    """This rank's results by slice, and the first exception with its slice. Chunks are as large as is even, and smaller at the end."""
    counter = _gain.Window(8)
    _gain.barrier()  # (what is read is there)
    results, error, ranks = {}, None, _gain.ranks()
    chunk = max(1, length // (ranks * CHUNKS))
    while error is None:
        low = counter.fetch_add(0, 0, chunk)
        tell(min(low, length))
        if low >= length:
            break
        error = _calls(function, arguments, low, min(low + chunk, length), results)
    if error is not None:
        counter.fetch_add(0, 0, length)  # (nobody goes on)
    return results, error


def _alone(function, arguments, length, processes, tell):
    """The same on one rank, with forked processes if that is worth it."""
    results, begin = {}, time.perf_counter()
    done, chunk = 0, 1
    while done < length:
        high = min(done + chunk, length)
        if error := _calls(function, arguments, done, high, results):
            return results, error
        tell(high)
        done, chunk = high, min(2 * chunk, max(1, length // CHUNKS))
        taken = time.perf_counter() - begin
        if processes > 1 and taken > SERIAL_SECONDS and taken / done * (length - done) > WORTH_SECONDS:
            return _forked(function, arguments, done, length, processes, results, tell)
    return results, None


# What forked processes call, which they have as it was when they were forked.
_task = None


def _chunk(bounds):
    """Runs in a forked process."""
    results = {}
    error = _calls(*_task, *bounds, results)
    if error is not None:
        return packed((results, (error[0], portable(error[1]))))
    try:
        return packed((results, None))
    except Exception as failure:
        return pickle.dumps(({}, (bounds[0], portable(failure))))


def _forked(function, arguments, done, length, processes, results, tell):
    import multiprocessing  # (which takes long to load, for what few programs need)

    global _task
    _task = function, arguments
    step = max(1, math.ceil((length - done) / (processes * CHUNKS)))
    chunks = [(low, min(low + step, length)) for low in range(done, length, step)]
    try:
        with warnings.catch_warnings():
            # (Python warns of forks of processes with threads; a child of ours begins with threads of its own.)
            warnings.simplefilter("ignore", DeprecationWarning)
            pool = multiprocessing.get_context("fork").Pool(min(processes, len(chunks)))
        with pool:
            for told in pool.imap(_chunk, chunks):
                theirs, error = pickle.loads(told)
                results.update(theirs)
                tell(len(results))
                if error is not None:
                    return results, error
    finally:
        _task = None
    return results, None
