"""NumPy's functions on sets: unique elements, and what arrays have in common."""

import typing

import numpy

from . import _gain
from ._base import asarray, axes_tuple, of_class, ufuncs
from ._creation import empty, zeros
from ._gain import ndarray
from ._scans import cumsum
from ._shapes import concatenate, moveaxis
from ._sorting import argsort, lexsort, sort

__all__ = [
    "intersect1d", "isin", "setdiff1d", "setxor1d", "union1d", "unique", "unique_all", "unique_counts", "unique_inverse",
    "unique_values",
]


class UniqueAllResult(typing.NamedTuple):
    """What `unique_all` gives."""

    values: ndarray
    indices: ndarray
    inverse_indices: ndarray
    counts: ndarray


class UniqueCountsResult(typing.NamedTuple):
    """What `unique_counts` gives."""

    values: ndarray
    counts: ndarray


class UniqueInverseResult(typing.NamedTuple):
    """What `unique_inverse` gives."""

    values: ndarray
    inverse_indices: ndarray


def _firsts(ordered, equal_nan):
    """Where the elements of an ordered array, or its rows, differ from the one before."""
    found = empty(len(ordered), bool)
    found[:1] = True
    if len(ordered) > 1:
        one, two = ordered[1:], ordered[:-1]
        differ = one != two
        if ordered.ndim > 1:
            differ = differ.any(1)
        elif equal_nan and ordered.dtype.kind in "fc":
            # NaN is last: the first of them differs.
            differ &= two == two
        found[1:] = differ
    return found


def _chosen(ordered, firsts, numbers, return_index, return_inverse, return_counts):
    """The results of `unique` from ordered elements, where new ones begin, and which ones they were."""
    made = (ordered[firsts],)
    if return_index:
        made += (numbers[firsts],)
    if return_inverse:
        inverse = empty(firsts.shape, numpy.int64)
        inverse[numbers] = cumsum(firsts) - 1
        made += (inverse,)
    if return_counts:
        starts = _gain.nonzero(firsts, True)
        made += (concatenate((starts[1:], asarray([firsts.size])))[: starts.size] - starts,)
    return made


@of_class
def unique(
    ar, return_index=False, return_inverse=False, return_counts=False, axis=None, *, equal_nan=True, sorted=True
):
    """`numpy.unique`; in order, whatever `sorted` says."""
    ar = asarray(ar)
    wanted = return_index, return_inverse, return_counts
    if axis is not None and ar.ndim == 1:
        numpy.lib.array_utils.normalize_axis_index(axis, 1)
        axis = None
    if axis is None:
        flat = ar if ar.ndim == 1 else ar.ravel()
        if not (return_index or return_inverse or return_counts):
            made = _gain.distinct_now(flat, bool(equal_nan))
            if made is not None:
                return made
        if return_index or return_inverse:
            numbers = _gain.argsorted(flat, 0, None)
            ordered = flat[numbers]
        else:
            numbers, ordered = None, _gain.sorted(flat, 0, None)
        made = _chosen(ordered, _firsts(ordered, equal_nan), numbers, *wanted)
        if return_inverse and ar.ndim != 1:
            at = 1 + bool(return_index)
            made = made[:at] + (made[at].reshape(ar.shape),) + made[at + 1:]
        return made if len(made) > 1 else made[0]
    (axis,) = axes_tuple(axis, ar.ndim)
    moved = moveaxis(ar, axis, 0)
    count = len(moved)
    rows = moved.reshape(count, -1 if moved.size else int(numpy.prod(moved.shape[1:], dtype=int)))
    if rows.shape[1] > 0 and count > 0:
        numbers = lexsort([rows[:, k] for k in reversed(range(rows.shape[1]))])
    else:
        numbers = argsort(zeros(count, bool))
    ordered = rows[numbers]
    made = _chosen(ordered, _firsts(ordered, False), numbers, *wanted)
    values = moveaxis(made[0].reshape(len(made[0]), *moved.shape[1:]), 0, axis)
    return (values,) + made[1:] if len(made) > 1 else values


def unique_all(x):
    """`numpy.unique_all`"""
    return UniqueAllResult(*unique(x, True, True, True, equal_nan=False))


def unique_counts(x):
    """`numpy.unique_counts`"""
    return UniqueCountsResult(*unique(x, return_counts=True, equal_nan=False))


def unique_inverse(x):
    """`numpy.unique_inverse`"""
    return UniqueInverseResult(*unique(x, return_inverse=True, equal_nan=False))


def unique_values(x):
    """`numpy.unique_values`"""
    return unique(x, equal_nan=False)


def intersect1d(ar1, ar2, assume_unique=False, return_indices=False):
    """`numpy.intersect1d`"""
    one, two = asarray(ar1), asarray(ar2)
    if one.dtype != two.dtype:
        dtype = numpy.result_type(one.dtype, two.dtype)
        one, two = one.astype(dtype, copy=False), two.astype(dtype, copy=False)
    if not assume_unique:
        return _common(one, two, return_indices)
    one, two = one.ravel(), two.ravel()
    both = concatenate((one, two))
    if not return_indices:
        both = sort(both)
        return both[:-1][both[1:] == both[:-1]]
    numbers = argsort(both)
    both = both[numbers]
    same = both[1:] == both[:-1]
    return both[:-1][same], numbers[:-1][same], numbers[1:][same] - one.size


def _common(one, two, return_indices):
    """The elements that two arrays have in common, in order, and where they are first."""
    ordered, others = unique(one), unique(two)
    made = ordered[_placed(ordered, others)[1]] if others.size else others
    del ordered, others
    # (One array's order after the other's: no more in memory than is needed.)
    return (made, _first_places(one, made), _first_places(two, made)) if return_indices else made


def _first_places(elements, wanted):
    """Where elements that there are come first."""
    ordered, places = unique(elements, return_index=True)
    return places[ordered.searchsorted(wanted)]


def union1d(ar1, ar2):
    """`numpy.union1d`"""
    return unique(concatenate((ar1, ar2), axis=None))


def setdiff1d(ar1, ar2, assume_unique=False):
    """`numpy.setdiff1d`"""
    one, two = asarray(ar1), asarray(ar2)
    one, two = (one.ravel(), two) if assume_unique else (unique(one), unique(two))
    return one[isin(one, two, assume_unique=True, invert=True)]


def setxor1d(ar1, ar2, assume_unique=False):
    """`numpy.setxor1d`"""
    if not assume_unique:
        ar1, ar2 = unique(ar1), unique(ar2)
    both = concatenate((ar1, ar2), axis=None)
    if both.size == 0:
        return both
    both = sort(both)
    # (Of two that are the same neither differs from both neighbours.)
    firsts = _firsts(both, False)
    lasts = empty(both.size, bool)
    lasts[-1:] = True
    lasts[:-1] = firsts[1:]
    return both[firsts & lasts]


# Of so many elements every rank looks at all.
FEW = 1 << 16


def _placed(elements, ordered):
    """Where elements would be among ordered ones, of which there are some, and whether they are there."""
    places = ordered.searchsorted(elements)
    places = asarray(ufuncs["minimum"](places, ordered.size - 1))
    return places, asarray(ordered[places] == elements)


def isin(element, test_elements, assume_unique=False, invert=False, *, kind=None):
    """`numpy.isin`"""
    element, tests = asarray(element), asarray(test_elements).ravel()
    if kind not in (None, "sort", "table"):
        raise ValueError(f"Invalid kind: '{kind}'. Please use None, 'sort' or 'table'.")
    if kind == "table" and not (element.dtype.kind in "biu" and tests.dtype.kind in "biu"):
        raise ValueError(
            "The 'table' method is only supported for boolean or integer arrays. Please select 'sort' or None for kind."
        )
    if kind == "table" and tests.dtype.kind in "iu" and tests.size:
        if int(tests.max()) - int(tests.min()) > numpy.iinfo(tests.dtype).max:
            raise RuntimeError(
                "You have specified kind='table', but the range of values in `ar2` or `ar1` exceed the maximum integer of the "
                "datatype. Please set `kind` to None or 'sort'."
            )
    if element.dtype != tests.dtype:
        dtype = numpy.result_type(element.dtype, tests.dtype)
        element, tests = element.astype(dtype, copy=False), tests.astype(dtype, copy=False)
    if tests.size <= FEW:
        return _gain.is_among(element, tests, not invert)
    _, same = _placed(element, sort(tests))
    return ~same if invert else same
