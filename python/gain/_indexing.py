"""NumPy's functions on index arrays: taking, putting, choosing, and finding where."""

import functools
import math
import operator
import warnings

import numpy

from . import _gain
from ._base import ABSENT, asarray, axis_index, axis_number, ufuncs
from ._creation import empty, zeros
from ._elementwise import where as _where
from ._fallback import few
from ._gain import ndarray
from ._ranges import arange
from ._repeating import resize
from ._shapes import broadcast_arrays, broadcast_to, concatenate

__all__ = [
    "argwhere", "choose", "compress", "delete", "extract", "fill_diagonal", "flatnonzero", "insert", "nonzero", "place",
    "piecewise", "put", "put_along_axis", "putmask", "ravel_multi_index", "select", "take", "take_along_axis",
    "unravel_index", "where",
]


def where(condition, x=ABSENT, y=ABSENT, /):
    """`numpy.where`"""
    return nonzero(condition) if x is ABSENT and y is ABSENT else _where(condition, x, y)


def nonzero(a):
    """`numpy.nonzero`"""
    a = asarray(a)
    if a.ndim == 0:
        numpy.zeros((), a.dtype).nonzero()  # raises what NumPy raises
    return _gain.nonzero(a if a.dtype.kind == "b" else a != 0, False)


def flatnonzero(a):
    """`numpy.flatnonzero`"""
    a = asarray(a).ravel()
    return _gain.nonzero(a if a.dtype.kind == "b" else a != 0, True)


def argwhere(a):
    """`numpy.argwhere`"""
    a = asarray(a)
    if a.ndim == 0:
        return empty((int(bool(a)), 0), numpy.int64)
    found = nonzero(a)
    return concatenate([one[None] for one in found], axis=0).T


def _check_integers(array, rule="safe"):
    if array.dtype.kind not in "iub":
        kind = numpy.dtype(numpy.int64)
        raise TypeError(f"Cannot cast array data from {array.dtype!r} to {kind!r} according to the rule '{rule}'")


def _wrapped(indices, extent, mode, rule="safe"):
    """Indices that are inside, by one of NumPy's ways to make them so."""
    if not isinstance(indices, (ndarray, numpy.ndarray)):
        indices = numpy.array(indices, numpy.int64)
    indices = asarray(indices)
    _check_integers(indices, rule)
    indices = indices.astype(numpy.int64)
    if mode == "raise":
        return indices
    if extent == 0 and indices.size > 0:
        raise IndexError("cannot do a non-empty take from an empty axes.")
    if mode == "wrap":
        return indices % max(extent, 1)
    return ufuncs["clip"](indices, 0, max(extent - 1, 0))


def _known_mode(mode):
    """The name of a way, which NumPy also knows by number; refuses what is none."""
    if type(mode) is str and mode in ("raise", "wrap", "clip"):
        return mode
    numpy.take([0], 0, mode=mode)  # raises what NumPy raises
    if mode is None:
        return "raise"
    return mode.decode() if isinstance(mode, bytes) else ("clip", "wrap", "raise")[mode]


def _check_safe(values, dtype):
    """Refuses arrays that become another type only with loss."""
    if isinstance(values, (ndarray, numpy.ndarray)) and not numpy.can_cast(values.dtype, dtype, "safe"):
        what = "array data" if values.ndim else "scalar"
        raise TypeError(f"Cannot cast {what} from {values.dtype!r} to {dtype!r} according to the rule 'safe'")


def _as_elements(values, a):
    """Values that `a` is to get: what Python has as elements of its type, and arrays, which are converted when they are written."""
    return asarray(values) if isinstance(values, (ndarray, numpy.ndarray, numpy.generic)) else asarray(values, a.dtype)


# What NumPy says of keys of `a.flat`.
_NO_KEY = "only integers, slices (`:`), ellipsis (`...`) and integer or boolean arrays are valid indices"
_NO_BOOLS = (
    "boolean indices for iterators are not supported because of previous behavior that was confusing "
    "(valid boolean indices are expected to work in the future)"
)
_OLD_BOOL = (
    "Indexing flat iterators with a 0-dimensional boolean index is deprecated and may be removed in a future version. "
    "(Deprecated NumPy 2.4)"
)
_OLD_KEY = (
    "Invalid non-array indices for iterator objects are deprecated and will be removed in a future version. "
    "(Deprecated NumPy 2.4)"
)


def flat_key(key, size, is_target):
    """The key of `a.flat[key]` as an integer, a slice or an array of integers or of as many bools as there are elements."""
    is_alone = not isinstance(key, tuple)
    if not is_alone:
        if is_target and key in ((), (...,)):
            raise IndexError("Assigning to a flat iterator with a 0-D index is not supported")
        if len(key) > 1:
            if any(one is None or one is ... for one in key):
                raise IndexError(_NO_KEY)
            raise IndexError(_too_many(len(key)))
        key = key[0] if key else ...
    if key is ...:
        return slice(None)
    if key is None:
        raise IndexError(_NO_KEY)
    if isinstance(key, slice):
        return key
    is_array = isinstance(key, (ndarray, numpy.ndarray))
    if isinstance(key, bool) and is_alone or is_array and key.ndim == 0 and key.dtype.kind == "b":
        warnings.warn(_OLD_BOOL, DeprecationWarning, stacklevel=2)
        return 0 if key else numpy.empty(0, numpy.int64)
    if isinstance(key, _gain.flatiter):
        key, is_array = asarray(key), True
    if not is_array:
        return _listed(key)
    if key.dtype.kind == "b":
        if key.ndim > 1:
            raise IndexError(_too_many(key.ndim))
        if key.size != size:
            text = f"size of axis is {size} but size of corresponding boolean axis is {key.size}"
            raise IndexError(f"boolean index did not match indexed flat iterator along axis 0; {text}")
        return key
    if key.dtype.kind not in "iu":
        raise IndexError("arrays used as indices must be of integer (or boolean) type")
    return key if key.ndim else int(key)


def flat_values(value, key, flat):
    """What `a.flat[key] = value` writes to the raveled array: the elements of `value` in C order, over and over."""
    if isinstance(key, slice):
        count = len(range(*key.indices(flat.size)))
    else:
        count = numpy.count_nonzero(key) if key.dtype.kind == "b" else key.size
    if isinstance(value, (bool, int, float, complex)):
        return value
    value = asarray(value, None if isinstance(value, (ndarray, numpy.ndarray)) else flat.dtype).ravel()
    if value.size == 1 or value.size == count:
        return value if value.size == count else value[0]
    return resize(value, count) if value.size else flat[key]


def _too_many(count):
    return f"too many indices for flat iterator: flat iterator is 1-dimensional, but {count} were indexed"


def _listed(key):
    """What is no array as an integer or an array of integers."""
    if isinstance(key, (bool, numpy.bool_)):
        raise IndexError(_NO_BOOLS)
    try:
        return operator.index(key)
    except TypeError:
        pass
    made = numpy.asarray([one.numpy() if isinstance(one, ndarray) else one for one in key] if isinstance(key, list) else key)
    if made.dtype.kind == "b":
        raise IndexError(_NO_BOOLS)
    if made.dtype.kind in "US":
        raise IndexError(_NO_KEY)
    if made.dtype.kind not in "iu" and made.size:
        is_known = made.dtype.kind != "O"
        made = made.astype(numpy.int64)
        if is_known:
            warnings.warn(_OLD_KEY, DeprecationWarning, stacklevel=3)
    return made.astype(numpy.int64) if made.ndim else int(made)


def take(a, indices, axis=None, out=None, mode="raise"):
    """`numpy.take`"""
    a = asarray(a)
    plain = out is None and mode == "raise" and axis in (None, 0) and a.ndim == 1 and a.size
    if plain and type(indices) is ndarray and indices.ndim and indices.dtype.kind == "i":
        return a[indices]
    mode = _known_mode(mode)
    if axis is None:
        a, axis = a.ravel(), 0
    axis = axis_number(axis, max(a.ndim, 1))
    a = a.reshape(1) if a.ndim == 0 else a
    extent = a.shape[axis]
    indices = asarray(_wrapped(indices, extent, mode, "same_kind"))
    if out is not None and not isinstance(out, ndarray):
        raise TypeError("output must be an array")
    if extent == 0 and indices.size > 0:
        raise IndexError("cannot do a non-empty take from an empty axes.")
    made = a[(slice(None),) * axis + (indices,)]
    if out is None:
        # (Of one index it is a view.)
        return made.copy() if indices.ndim == 0 and isinstance(made, ndarray) else made
    if getattr(out, "shape", None) != numpy.shape(made):
        raise ValueError("output array does not match result of ndarray.take")
    # (NumPy fills a copy of the array's type, which begins with what is in `out`.)
    _check_safe(out, a.dtype)
    out[...] = made
    return out


def put(a, ind, v, mode="raise"):
    """`numpy.put`"""
    if not isinstance(a, ndarray):
        raise TypeError(f"argument 1 must be numpy.ndarray, not {type(a)}")
    mode = _known_mode(mode)
    if a.size == 0 and not isinstance(ind, slice) and numpy.size(ind):
        raise IndexError("cannot replace elements of an empty array")
    ind = asarray(_wrapped(ind, a.size, mode)).ravel()
    if not a.flags.writeable:
        raise ValueError("put: output array is read-only")
    v = _as_elements(v, a).ravel()
    if ind.size == 0:
        return
    if v.size == 0:
        return
    if v.size != ind.size:
        v = v[arange(ind.size) % v.size]
    try:
        a.flat[ind] = v
    except IndexError as error:
        raise IndexError(str(error).replace("for size", "for axis 0 with size")) from None


def _along(arr, indices, axis):
    """The key that picks along one axis what `indices` say, everything else where it is."""
    extents = tuple(arr.shape)
    key = []
    for i in range(arr.ndim):
        if i == axis:
            key.append(indices)
        else:
            shape = [1] * arr.ndim
            shape[i] = extents[i]
            key.append(arange(extents[i]).reshape(shape))
    return tuple(key)


def _checked_along(arr, indices, axis):
    is_flat = axis is None
    axis = 0 if is_flat else axis_index(axis, arr.ndim)
    if is_flat and indices.ndim != 1:
        raise ValueError("when axis=None, `indices` must have a single dimension.")
    if indices.dtype.kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    arr, indices = asarray(arr), asarray(indices)
    if is_flat:
        return arr.ravel(), indices, 0
    if arr.ndim != indices.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    return arr, indices, axis


def take_along_axis(arr, indices, axis=-1):
    """`numpy.take_along_axis`"""
    arr, indices, axis = _checked_along(arr, indices, axis)
    return arr[_along(arr, indices, axis)]


def put_along_axis(arr, indices, values, axis):
    """`numpy.put_along_axis`"""
    flat, indices, at = _checked_along(arr, indices, axis)
    if axis is None:
        arr.flat[indices] = values
    else:
        arr[_along(flat, indices, at)] = values


def compress(condition, a, axis=None, out=None):
    """`numpy.compress`"""
    a, condition = asarray(a), asarray(condition)
    if condition.ndim != 1:
        raise ValueError("condition must be a 1-d array")
    return take(a, flatnonzero(condition), axis, out)


def method_compress(a, condition, axis=None, out=None):
    """`ndarray.compress`"""
    return compress(condition, a, axis, out)


def extract(condition, arr):
    """`numpy.extract`"""
    return take(asarray(arr).ravel(), flatnonzero(condition))


def place(arr, mask, vals):
    """`numpy.place`"""
    if not isinstance(arr, ndarray):
        raise TypeError(f"place() argument 1 must be numpy.ndarray, not {type(arr).__name__}")
    mask = asarray(mask)
    if not arr.flags.writeable:
        raise ValueError("WRITEBACKIFCOPY base is read-only")
    if mask.size != arr.size:
        raise ValueError("place: mask and data must be the same size")
    _check_safe(vals, arr.dtype)
    vals = asarray(vals).ravel().astype(arr.dtype)
    at = flatnonzero(mask)
    if at.size == 0:
        return
    if vals.size == 0:
        raise ValueError("Cannot insert from an empty array!")
    arr.flat[at] = vals if vals.size in (1, at.size) else vals[arange(at.size) % vals.size]


def putmask(a, /, mask, values):
    """`numpy.putmask`"""
    if not isinstance(a, ndarray):
        raise TypeError("putmask: first argument must be an array")
    mask = asarray(mask)
    if not a.flags.writeable:
        raise ValueError("putmask: output array is read-only")
    if mask.size != a.size:
        raise ValueError("putmask: mask and data must be the same size")
    _check_safe(values, a.dtype)
    values = _as_elements(values, a).ravel()
    if values.size == 0:
        return
    mask = mask.reshape(a.shape).astype(bool)
    if values.size == a.size:
        a[...] = _where(mask, values.reshape(a.shape).astype(a.dtype), a)
    elif values.size == 1:
        a[mask] = values[0]
    else:
        at = flatnonzero(mask)
        a.flat[at] = values[at % values.size]


def choose(a, choices, out=None, mode="raise"):
    """`numpy.choose`"""
    mode = _known_mode(mode)
    a = asarray(a)
    choices = list(choices)
    if not choices:
        raise ValueError("0-length sequence.")
    dtype = numpy.result_type(*(c if type(c) in (int, float, complex) else asarray(c).dtype for c in choices))
    choices = [asarray(c).astype(dtype, copy=False) for c in choices]
    extent = len(choices)
    _check_safe(a, numpy.dtype(numpy.int64))
    *choices, a = broadcast_arrays(*choices, a)
    if mode == "raise":
        if a.size and (int(a.min()) < 0 or int(a.max()) >= extent):
            raise ValueError("invalid entry in choice array")
    else:
        a = asarray(_wrapped(a, extent, mode))
    made = choices[0].astype(dtype)
    for k in range(1, extent):
        made = _where(a == k, choices[k], made)
    if out is None:
        return made[()] if made.ndim == 0 else made
    if out.shape != made.shape:
        raise TypeError("choose: invalid shape for output array.")
    out[...] = made
    return out


def select(condlist, choicelist, default=0):
    """`numpy.select`"""
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if len(condlist) == 0:
        raise ValueError("select with an empty condition list is not possible")
    conditions = [asarray(c) for c in condlist]
    for k, condition in enumerate(conditions):
        if condition.dtype.kind != "b":
            raise TypeError(f"invalid entry {k} in condlist: should be boolean ndarray")
    weak = [c if type(c) in (int, float, complex) else asarray(c) for c in (*choicelist, default)]
    try:
        dtype = numpy.result_type(*(c if type(c) in (int, float, complex) else c.dtype for c in weak))
    except TypeError as error:
        raise TypeError(f"Choicelist and default value do not have a common dtype: {error}") from None
    arrays = [asarray(c) for c in weak]
    of_all = numpy.broadcast_shapes(*(c.shape for c in conditions)), numpy.broadcast_shapes(*(c.shape for c in arrays))
    shape = numpy.broadcast_shapes(*of_all)
    made = broadcast_to(arrays[-1].astype(dtype), shape)
    for condition, choice in zip(reversed(conditions), reversed(arrays[:-1])):
        made = _where(condition, choice.astype(dtype), made)
    return made.copy() if made.base is not None else made


def piecewise(x, condlist, funclist, *args, **kw):
    """`numpy.piecewise`"""
    x = asarray(x)
    count = len(funclist)
    is_single = numpy.isscalar(condlist) or (not isinstance(condlist[0], (list, ndarray, numpy.ndarray)) and x.ndim != 0)
    conditions = [condlist] if is_single else list(condlist)
    conditions = [asarray(c).astype(bool) for c in conditions]
    if len(conditions) == count - 1:
        conditions.append(ufuncs["logical_not"](functools.reduce(ufuncs["logical_or"], conditions)))
    elif len(conditions) != count:
        n = len(conditions)
        raise ValueError(f"with {n} condition(s), either {n} or {n + 1} functions are expected")
    made = zeros(x.shape, x.dtype)
    for condition, function in zip(conditions, funclist):
        if not callable(function):
            made[condition] = function
        else:
            picked = x[condition]
            if picked.size > 0:
                made[condition] = function(picked, *args, **kw)
    return made


def _coordinates(given):
    """What may be taken for coordinates or flat indices, as an array."""
    made = asarray(given)
    if made.dtype.kind not in "iub":
        if made.size == 0 and not isinstance(given, (ndarray, numpy.ndarray)):
            raise TypeError(
                "indices must be integral: the provided empty sequence was inferred as float. "
                "Wrap it with 'np.array(indices, dtype=np.intp)'"
            )
        raise TypeError("only int indices permitted")
    return made.astype(numpy.int64, copy=False)


def _from_innermost(count, order):
    """The axes in the order in which their steps grow."""
    if order is None:
        order = "C"
    if order not in ("C", "F", "c", "f"):
        numpy.array([], order=order)  # raises what NumPy raises
        raise ValueError("only 'C' or 'F' order is permitted")
    return reversed(range(count)) if order in "Cc" else range(count)


def ravel_multi_index(multi_index, dims, mode="raise", order="C"):
    """`numpy.ravel_multi_index`"""
    dims = tuple(map(operator.index, dims)) if numpy.iterable(dims) else (operator.index(dims),)
    modes = mode if isinstance(mode, (tuple, list)) else (mode,) * len(dims)
    if len(modes) != len(dims):
        raise ValueError(f"list of clipmodes has wrong length ({len(modes)} instead of {len(dims)})")
    modes = [_known_mode(one) for one in modes]
    steps, step = [0] * len(dims), 1
    for axis in _from_innermost(len(dims), order):
        steps[axis] = step
        step *= dims[axis]
    if step > numpy.iinfo(numpy.intp).max:
        raise ValueError("invalid dims: array size defined by dims is larger than the maximum possible size.")
    given = list(multi_index)
    if len(given) != len(dims):
        raise ValueError(f"parameter multi_index must be a sequence of length {len(dims)}")
    indices = [_coordinates(one) for one in given]
    if step == 0 and any(one.size for one in indices):
        raise ValueError("cannot unravel if shape has zero entries (is empty).")
    flat = zeros((), numpy.int64)[()]
    for one, extent, how, by in zip(indices, dims, modes, steps):
        if how == "raise" and one.size and (int(one.min()) < 0 or int(one.max()) >= extent):
            raise ValueError("invalid entry in coordinates array")
        flat = flat + asarray(_wrapped(one, extent, how)) * by
    return flat


def unravel_index(indices, shape, order="C"):
    """`numpy.unravel_index`"""
    given, indices = indices, _coordinates(indices)
    shape = tuple(map(operator.index, shape)) if numpy.iterable(shape) else (operator.index(shape),)
    axes, size = list(_from_innermost(len(shape), order)), math.prod(shape)
    if size > numpy.iinfo(numpy.intp).max:
        raise ValueError(
            "dimensions are too large; arrays and shapes with a total size greater than 'intp' are not supported."
        )
    for extreme in (int(indices.min()), int(indices.max())) if indices.size else ():
        if not 0 <= extreme < size:
            raise ValueError(f"index {extreme} is out of bounds for array with size {size}")
    if not shape and numpy.iterable(given):
        raise ValueError("multiple indices are not supported for 0d arrays")
    rest, found = indices, [None] * len(shape)
    for axis in axes:
        found[axis] = rest % max(shape[axis], 1)
        rest = rest // max(shape[axis], 1)
    return tuple(one[()] if one.ndim == 0 else one for one in found)


def fill_diagonal(a, val, wrap=False):
    """`numpy.fill_diagonal`"""
    if a.ndim < 2:
        raise ValueError("array must be at least 2-d")
    end = None
    if a.ndim == 2:
        step = a.shape[1] + 1
        if not wrap:
            end = a.shape[1] * a.shape[1]
    else:
        if any(extent != a.shape[0] for extent in a.shape):
            raise ValueError("All dimensions of input must be of equal length")
        step = 1 + int(numpy.cumprod(a.shape[:-1]).sum())
    places = numpy.arange(a.size)[:end:step]
    val = (val if isinstance(val, (ndarray, numpy.ndarray)) else asarray(val, a.dtype)).ravel()
    if val.size == 0:
        return
    if val.size not in (1, places.size):
        val = val[numpy.arange(places.size) % val.size]
    a.flat[places] = val


def _told(call, axis):
    """What the call gives; if it finds an index outside, of this axis."""
    try:
        return call()
    except IndexError as error:
        raise IndexError(str(error).replace("for axis 0", f"for axis {axis}")) from None


def delete(arr, obj, axis=None):
    """`numpy.delete`"""
    arr = asarray(arr)
    if axis is None:
        arr = arr.ravel()
        axis = arr.ndim - 1
    else:
        axis = axis_index(axis, arr.ndim)
    extent = arr.shape[axis]
    if isinstance(obj, slice):
        gone = numpy.arange(extent)[obj]
    else:
        obj = few("delete", obj)
        # NumPy says what is wrong with it.
        kept = _told(lambda: numpy.delete(numpy.arange(extent), obj), axis)
        gone = numpy.setdiff1d(numpy.arange(extent), kept, assume_unique=True)
    kept = numpy.ones(extent, bool)
    kept[gone] = False
    kept = numpy.flatnonzero(kept)
    if arr.flags.fnc:
        return arr.T[(slice(None),) * (arr.ndim - 1 - axis) + (kept,)].T
    return arr[(slice(None),) * axis + (kept,)]


def insert(arr, obj, values, axis=None):
    """`numpy.insert`"""
    arr = asarray(arr)
    if axis is None:
        arr = arr.ravel()
        axis = arr.ndim - 1
    else:
        axis = axis_index(axis, arr.ndim)
    extent = arr.shape[axis]
    obj = few("insert", obj)
    values = (values if isinstance(values, (ndarray, numpy.ndarray)) else asarray(values, arr.dtype))
    values = asarray(values).astype(arr.dtype)
    given = numpy.arange(extent)[obj] if isinstance(obj, slice) else numpy.asarray(obj)
    given = numpy.flatnonzero(given) if given.dtype == bool else given
    # Where the old ones and the new ones come to lie, NumPy finds out with their numbers; it says what is wrong with them, too.
    at, count = obj, given.size
    if count == 1:
        # All values go to one place, along the axis.
        if values.ndim < arr.ndim:
            values = values.reshape((1,) * (arr.ndim - values.ndim) + values.shape)
        if given.ndim == 0:
            order = list(range(values.ndim))
            order.insert(axis, order.pop(0))
            values = values.transpose(order)
        at, count = given.item(), values.shape[axis]
    if isinstance(obj, (int, numpy.integer)) or not isinstance(at, int) or -extent <= at <= extent:
        numbers = _told(lambda: numpy.insert(numpy.arange(extent), at, numpy.full(count, -1)), axis)
    else:
        raise IndexError(f"index {obj} is out of bounds for axis {axis} with size {extent}")
    shape = list(arr.shape)
    shape[axis] = len(numbers)
    made = empty(tuple(shape), arr.dtype, "F" if arr.flags.fnc else "C")
    before = (slice(None),) * axis
    made[before + (numpy.flatnonzero(numbers >= 0),)] = arr
    new = numpy.flatnonzero(numbers < 0)
    if at is obj and given.ndim == 1 and given.size == len(new):
        # The values are in the order of the numbers that were given, not of the places.
        given = numpy.where(given < 0, given + extent, given)
        new = new[numpy.argsort(numpy.argsort(given, kind="stable"), kind="stable")]
    made[before + (new,)] = values
    return made
