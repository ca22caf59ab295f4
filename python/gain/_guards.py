# What the versions of functions below need: kinds of arguments, lists as arrays and back, arguments as they were where a version gives up.
import numpy as _np


class _Refused(Exception):
    """What a version needs of its arguments isn't so."""


def _kinds_of(*args):
    """Kinds of arguments: `f` and `i` for floats and ints, `A2f` for an array of two axes, `L2f` for a list of lists."""
    kinds = []
    for arg in args:
        ndim, first = 0, arg
        while type(first) is list:
            ndim, first = ndim + 1, first[0] if first else None
        if ndim:
            kinds.append(f"L{ndim}{'f' if type(first) is float else 'i' if type(first) is int else '?'}")
        elif type(arg) is _np.ndarray and arg.ndim and arg.dtype in (_np.float64, _np.int64) and arg.dtype.isnative:
            kinds.append(f"A{arg.ndim}{'f' if arg.dtype == _np.float64 else 'i'}")
        else:
            kinds.append({float: "f", int: "i", _np.float64: "F"}.get(type(arg), "?"))
    return " ".join(kinds)


def _attempt(version, args, writes):
    """`(True, result)` of a version, or `(False, None)` with the arguments as they were."""
    try:
        arrays = [_array(arg) if type(arg) is list else arg for arg in args]
    except (ValueError, OverflowError):
        return False, None
    rows = [_rows(arg) for arg in args]
    for at in writes:
        if not arrays[at].flags.writeable or len(set(rows[at])) < len(rows[at]):
            return False, None
        for to in range(len(args)):
            if at != to and isinstance(arrays[to], _np.ndarray) and _np.may_share_memory(arrays[at], arrays[to]) or at != to and set(rows[at]) & set(rows[to]):
                return False, None
    before = {at: arrays[at].copy() for at in writes if type(args[at]) is not list}
    try:
        with _np.errstate(all="raise", under="ignore"):
            result = version(*arrays)
    except (_Refused, ArithmeticError, IndexError, ValueError, _np.linalg.LinAlgError):
        for at, values in before.items():
            arrays[at][...] = values
        return False, None
    for at in writes:
        if type(args[at]) is list:
            _assign(args[at], arrays[at].tolist())
    return True, _back(result, args, arrays)


def _at(index, extent):
    """A subscript that isn't negative and within."""
    if not 0 <= index < extent:
        raise IndexError
    return index


def _exact(x):
    """An int as the float that it is."""
    if abs(x) > 2**53:
        raise OverflowError
    return float(x)


def _finite(product):
    """A product in which zeros of a masked operand have spread nothing."""
    if not _np.isfinite(product).all():
        raise ArithmeticError
    return product


def _array(values):
    """A regular list of floats, or of ints, as an array."""
    kind, rows = None, [values]
    while rows and type(rows[0]) is list:
        if len({len(row) for row in rows}) != 1 or any(type(row) is not list for row in rows):
            raise ValueError
        rows = [item for row in rows for item in row]
        kind = {type(item) for item in rows}
    if kind not in ({float}, {int}):
        raise ValueError
    return _np.array(values, _np.float64 if kind == {float} else _np.int64)


def _rows(arg):
    """Which lists an argument is made of."""
    if type(arg) is not list:
        return []
    return [id(arg), *(row for item in arg if type(item) is list for row in _rows(item))]


def _assign(values, results):
    for at, result in enumerate(results):
        if type(result) is list:
            _assign(values[at], result)
        else:
            values[at] = result


def _back(result, args, arrays):
    """The result, with arguments in place of the arrays that stood for them."""
    if type(result) is tuple:
        return tuple(_back(part, args, arrays) for part in result)
    return next((arg for arg, array in zip(args, arrays) if result is array), result)
