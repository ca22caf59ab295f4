"""NumPy's `einsum`: sums of products, two operands at a time.

What is to be done follows from subscripts and shapes alone and is kept for the next call; `_contract.py` does it.
"""

import functools
import string

import numpy

from ._base import OURS, asarray
from ._contract import program
from ._gain import ndarray, quietly

__all__ = ["einsum", "einsum_path"]


def _hollow(a):
    """A NumPy array of this type and shape that takes no memory, in the place of an operand."""
    if isinstance(a, OURS):
        a = asarray(a)
        return numpy.broadcast_to(numpy.zeros((), a.dtype), a.shape)
    return a


def einsum_path(*operands, optimize="greedy", einsum_call=False):
    """`numpy.einsum_path`: which asks for nothing but shapes."""
    return numpy.einsum_path(*map(_hollow, operands), optimize=optimize, einsum_call=einsum_call)


def einsum(*operands, out=None, optimize=False, **kwargs):
    """`numpy.einsum`: three operands and more are taken two by two also with `optimize=False`."""
    text, arrays = _subscripts(operands)
    kind = (text, tuple([a.shape for a in arrays]), tuple([a.dtype.char for a in arrays]))
    plan = None
    if text is not None:
        plan = (_plan if isinstance(optimize, (bool, str)) else _plan.__wrapped__)(*kind, optimize)
    if plan is None or kwargs and not (set(kwargs) <= {"dtype", "order", "casting"}) or not (out is None or isinstance(out, ndarray)):
        _refuse(operands, out, optimize, kwargs)
    shape, dtype, alike, is_view, is_product, result = plan
    if is_view and out is None:
        # A view, whatever else is asked for.
        if kwargs:
            numpy.einsum("", 0, **kwargs)  # raises what NumPy raises
        made = result.make(arrays)
        return made[...] if made.ndim else made[()]
    order = None
    if kwargs or out is not None:
        casting, order = kwargs.get("casting", "safe"), kwargs.get("order", "K")
        if kwargs.get("dtype") is not None:
            dtype = numpy.dtype(kwargs["dtype"])
        elif out is not None:
            dtype = numpy.result_type(*kind[2], out.dtype)
        alike = all([a.dtype == dtype for a in arrays])
        # (Only steps by products write into an output of whatever type.)
        is_plain = optimize is False or len(arrays) == 1
        if casting == "same_value" or not (alike or all([numpy.can_cast(a.dtype, dtype, casting) for a in arrays])) or out is not None and (
            out.shape != shape or is_plain and not numpy.can_cast(dtype, out.dtype, casting)
        ):
            _refuse(operands, out, optimize, kwargs)
    if not alike and (optimize is False or len(arrays) == 1 or "dtype" in kwargs):
        arrays = [a if a.dtype == dtype else a.astype(dtype) for a in arrays]
    # Else two operands have at each step the type of these two.
    if optimize is False and dtype.kind in "fc":
        if alike and result.number is not None and order is None and out is None:
            return quietly(result.number, arrays)
        made = quietly(result.make, arrays)  # as NumPy, which doesn't look
    else:
        made = result.make(arrays)
    if made.dtype != dtype:
        made = made.astype(dtype)
    if out is not None:
        out[...] = made
        return out
    if order not in ("K", "k", None):
        if order in ("A", "a"):
            order = "F" if all([a.flags.f_contiguous for a in arrays]) else "C"
        made = asarray(made, None, order)
    return made if made.ndim or is_product and optimize is not False else made[()]


def _refuse(operands, out, optimize, kwargs):
    """Raises what NumPy raises."""
    asked = dict(kwargs, optimize=optimize)
    if out is not None:
        asked["out"] = numpy.empty(out.shape, out.dtype) if isinstance(out, ndarray) else out
    numpy.einsum(*map(_hollow, operands), **asked)
    raise ValueError("these subscripts don't fit the operands of einsum")


def _subscripts(operands):
    """The subscripts as text, None if they are none, and the operands."""
    if not operands:
        return None, []
    if isinstance(operands[0], (str, bytes)):
        text = operands[0]
        return text.decode("latin1") if isinstance(text, bytes) else text, [asarray(a) for a in operands[1:]]
    lists = [*operands[1::2], *([operands[-1]] if len(operands) % 2 else [])]
    arrays = [asarray(a) for a in operands[:-1:2]]
    try:
        texts = ["".join(["..." if one is Ellipsis else string.ascii_letters[_within(one)] for one in each]) for each in lists]
    except (TypeError, IndexError):
        return None, arrays
    return ",".join(texts[:len(arrays)]) + ("->" + texts[-1] if len(operands) % 2 else ""), arrays


def _within(number):
    """A label of the form with lists."""
    if not 0 <= number < 52:
        raise IndexError
    return number


@functools.lru_cache(512)
def _plan(text, shapes, types, optimize):
    """Shape and type of the result, whether that is the type of all, whether the result is a view, whether a product of two is last,
    what makes it; None: they don't fit."""
    types = tuple(map(numpy.dtype, types))
    parsed = _parsed(text, shapes, optimize)
    extents = None if parsed is None else _extents(parsed[0], shapes)
    if extents is None:
        return None
    terms, output = parsed
    path = _path(terms, output, shapes, optimize)
    shape = tuple(extents[label] for label in output)
    is_view = len(shapes) == 1 and set(output) == set(terms[0])
    dtype, half = numpy.result_type(*types), any([one == numpy.float16 for one in types])
    return shape, dtype, set(types) == {dtype}, is_view, *program(terms, output, shapes, path, half)


def _parsed(text, shapes, optimize):
    """The labels of each operand and of the result, one character for each axis; None if they don't fit."""
    inputs, arrow, output = text.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(shapes):
        return None
    # The axes under an ellipsis are labels, too, counted from the last one.
    widths = [len(shape) - len(term.replace("...", "", 1)) for term, shape in zip(terms, shapes)]
    unused = [letter for letter in string.ascii_letters if letter not in text] + list(map(chr, range(256, 320)))
    hidden = "".join(unused[:max(widths)] if max(widths) > 0 else "")
    full = []
    for term, width in zip(terms, widths):
        if width < 0 or width and "..." not in term:
            return None
        full.append(term.replace("...", hidden[len(hidden) - width:], 1))
    letters = "".join(full)
    if not arrow:
        output = hidden + "".join(sorted(x for x in set(letters) - set(hidden) if letters.count(x) == 1))
    else:
        if hidden and "..." not in output and optimize is False:
            return None
        output = output.replace("...", hidden, 1)
    if not all(x in string.ascii_letters or x in hidden for x in letters + output):
        return None
    if len(set(output)) != len(output) or not set(output) <= set(letters):
        return None
    return full, output


def _extents(terms, shapes):
    """How long the axis of each label is; None if operands differ in that."""
    extents = {}
    for term, shape in zip(terms, shapes):
        mine = {}
        for label, extent in zip(term, shape):
            if mine.setdefault(label, extent) != extent:
                return None
            if extents.setdefault(label, extent) != extent:
                if extents[label] != 1 and extent != 1:
                    return None
                extents[label] = extent if extents[label] == 1 else extents[label]
    return extents


def _path(terms, output, shapes, optimize):
    """Which operands are contracted at each step; what that makes is the last operand of the next one."""
    if optimize is False and len(shapes) <= 2:
        return [tuple(range(len(shapes)))]
    if any(ord(label) > 127 for label in "".join(terms)):
        return [tuple(range(len(shapes)))]
    hollow = [numpy.broadcast_to(0.0, shape) for shape in shapes]
    optimize = "greedy" if optimize is False else optimize
    path = numpy.einsum_path(",".join(terms) + "->" + output, *hollow, optimize=optimize)[0]
    return path[1:]
