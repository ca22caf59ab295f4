"""Coarrays: arrays of which every rank has its own, and reads and writes those of others by itself.

After "Co-Array Python" (Rasmussen, Sottile, Nieplocha, Numrich and Jones, Euro-Par 2004); the names of functions are Fortran's, images are ranks and
count from 0. What one rank writes another reads after both have synchronised (`sync_all`, or `sync_images` between some).
"""

import math

import numpy

from . import _gain

__all__ = ["coarray", "num_images", "sync_all", "sync_images", "this_image"]


def this_image():
    """This rank's number, from 0 on."""
    return _gain.rank()


def num_images():
    """How many ranks there are."""
    return _gain.ranks()


class coarray:
    """An array on each rank, of the same shape and type, zero at first. Collective.

    Indexing it is indexing this rank's own, which `local` is as NumPy's array; `a(rank)` stands for another rank's.
    """

    def __init__(self, shape, dtype=float):
        self.dtype = numpy.dtype(dtype)
        if self.dtype.hasobject:
            raise TypeError("a coarray has no elements that are Python objects")
        self.shape = tuple(shape) if numpy.iterable(shape) else (shape,)
        Meetings.get()
        self._window = _gain.Window(math.prod(self.shape) * self.dtype.itemsize)
        # This rank's elements, NumPy's array.
        self.local = self._mapped(_gain.rank())

    def _mapped(self, rank):
        """A rank's elements as NumPy's array of the same memory; None if that is on another node."""
        part = self._window.part(rank)
        return None if part is None else numpy.frombuffer(part, self.dtype).reshape(self.shape)

    def __call__(self, rank):
        return Image(self, rank)

    def __getitem__(self, key):
        return self.local[key]

    def __setitem__(self, key, value):
        self.local[key] = value

    def __len__(self):
        return len(self.local)

    def __array__(self, dtype=None, copy=None):
        return numpy.array(self.local, dtype, copy=copy)

    def __repr__(self):
        return f"coarray(shape={self.shape}, dtype={self.dtype}), on rank {_gain.rank()}:\n{self.local}"


class Image:
    """A coarray's elements on one rank. `image[key]` copies them from there, `image[key] = value` to there; keys are of integers,
    slices and `...`. A rank that doesn't exist is a ValueError. Not collective."""

    __slots__ = ("_array", "_mapped", "_rank")

    def __init__(self, array, rank):
        _check(rank)
        self._array, self._rank, self._mapped = array, rank, array._mapped(rank)

    def _place(self, key):
        """The elements as the own ones that lie alike, and their bytes' place in a part: offset, shape and strides."""
        mine = self._array.local
        rest = () if Ellipsis in key else (Ellipsis,)
        shown = mine[(*key, *rest, None)]  # (with one more axis, one element is an array as well)
        offset = shown.__array_interface__["data"][0] - mine.__array_interface__["data"][0]
        item = shown.itemsize
        return shown[..., 0], (offset if shown.size else 0, (*shown.shape[:-1], item), (*shown.strides[:-1], 1))

    def __getitem__(self, key):
        key = _basic(key)
        if self._mapped is not None:
            found = self._mapped[key]
            return found.copy() if isinstance(found, numpy.ndarray) else found
        shown, place = self._place(key)
        read = self._array._window.get(self._rank, *place)
        found = numpy.frombuffer(bytearray(read), shown.dtype).reshape(shown.shape)
        return found if Ellipsis in key or shown.ndim else found[()]

    def __setitem__(self, key, value):
        key = _basic(key)
        if self._mapped is not None:
            self._mapped[key] = value
            return
        shown, place = self._place(key)
        given = numpy.empty(shown.shape, self._array.dtype)
        given[...] = value
        self._array._window.put(self._rank, *place, given.reshape(-1).view(numpy.uint8))


def _basic(key):
    """The key as a tuple, of what makes a view."""
    key = key if isinstance(key, tuple) else (key,)
    for item in key:
        if not (item is None or item is Ellipsis or isinstance(item, (slice, int, numpy.integer))) or isinstance(item, bool):
            raise IndexError(f"elements of another rank are chosen by integers, slices, None and `...`, not {type(item).__name__}")
    return key


class Meetings:
    """How often this rank has met each other one, and a word on each rank by which every other one says so. Made by all ranks together."""

    made = None

    def __init__(self):
        count = _gain.ranks()
        self.window, self.met = _gain.Window(8 * count), [0] * count

    @classmethod
    def get(cls):
        cls.made = cls.made or cls()
        return cls.made


def sync_all():
    """Waits for all ranks; what was written before is there for all afterwards. Collective."""
    Meetings.get().window.fence()
    _gain.barrier()


def sync_images(images):
    """Waits for each of these ranks (a number or several) to do the same with this one. What they wrote before is there afterwards.

    Not collective. A RuntimeError before there is a coarray, or a `sync_all` was made.
    """
    if Meetings.made is None:
        raise RuntimeError("sync_images: make a coarray or call sync_all first, on all ranks")
    window, met, me = Meetings.made.window, Meetings.made.met, _gain.rank()
    images = [images] if numpy.ndim(images) == 0 else list(images)
    for image in images:
        _check(image)
    window.fence()
    for image in images:
        met[image] += 1
        window.signal(image, 8 * me)
    for image in images:
        window.wait(8 * image, met[image])


def _check(rank):
    """A ValueError for no rank."""
    count = _gain.ranks()
    if not 0 <= rank < count:
        raise ValueError(f"no rank {rank}: there are {count}, from 0 on")
