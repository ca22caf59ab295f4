"""NumPy's `einsum`: sums of products, two operands at a time.

Where labels are summed over that both have, it is a product of (stacks of) matrices; else a product of broadcast
arrays, which is recorded and fused with the sum, if there is one.
"""

import math
import string

import numpy

from ._base import OURS, asarray
from ._gain import ndarray

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
    def refuse():
        asked = dict(kwargs, optimize=optimize)
        if out is not None:
            asked["out"] = numpy.empty(out.shape, out.dtype) if isinstance(out, ndarray) else out
        numpy.einsum(*map(_hollow, operands), **asked)  # raises what NumPy raises
        raise ValueError("these subscripts don't fit the operands of einsum")

    if not set(kwargs) <= {"dtype", "order", "casting"}:
        refuse()
    parsed = _parsed(operands, optimize)
    if parsed is None or out is not None and not isinstance(out, ndarray):
        refuse()
    terms, output, arrays = parsed
    extents = _extents(terms, arrays)
    if extents is None:
        refuse()
    if len(arrays) == 1 and out is None and set(output) == set(terms[0]):
        _path(terms, output, arrays, optimize)
        # A view, whatever else is asked for.
        numpy.einsum("", 0, **kwargs)  # raises what NumPy raises
        made = _contracted(terms, output, arrays, [(0,)])[0]
        return made[...] if made.ndim else made[()]
    dtype, casting, order = kwargs.get("dtype"), kwargs.get("casting", "safe"), kwargs.get("order", "K")
    if dtype is None:
        dtype = numpy.result_type(*(a.dtype for a in arrays), *(() if out is None else (out.dtype,)))
    dtype = numpy.dtype(dtype)
    if not all(numpy.can_cast(a.dtype, dtype, casting) for a in arrays):
        refuse()
    if out is not None and (
        out.shape != tuple(extents[label] for label in output)
        or optimize is False and not numpy.can_cast(dtype, out.dtype, casting)
    ):
        refuse()
    path = _path(terms, output, arrays, optimize)
    if optimize is False or len(arrays) == 1 or "dtype" in kwargs:
        arrays = [a.astype(dtype, copy=False) for a in arrays]
    # Else two operands have at each step the type of these two.
    made, is_product = _contracted(terms, output, arrays, path)
    made = made.astype(dtype, copy=False)
    if out is not None:
        out[...] = made
        return out
    if order != "K":
        made = asarray(made, None, order)
    return made if made.ndim or is_product and optimize is not False else made[()]


def _parsed(operands, optimize):
    """The labels of each operand and of the result, one character for each axis, and the operands; None if they don't fit."""
    if not operands:
        return None
    if isinstance(operands[0], (str, bytes)):
        text, arrays = operands[0], [asarray(a) for a in operands[1:]]
        text = text.decode("latin1") if isinstance(text, bytes) else text
    else:
        arrays = [asarray(a) for a in operands[:-1:2]]
        lists = [*operands[1::2], *([operands[-1]] if len(operands) % 2 else [])]
        try:
            lists = ["".join("..." if one is Ellipsis else string.ascii_letters[_within(one)] for one in each) for each in lists]
        except (TypeError, IndexError):
            return None
        text = ",".join(lists[:len(arrays)]) + ("->" + lists[-1] if len(operands) % 2 else "")
    inputs, arrow, output = text.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(arrays) or not arrays:
        return None
    # The axes under an ellipsis are labels, too, counted from the last one.
    widths = [a.ndim - len(term.replace("...", "", 1)) for term, a in zip(terms, arrays)]
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
    return full, output, arrays


def _within(number):
    """A label of the form with lists."""
    if not 0 <= number < 52:
        raise IndexError
    return number


def _extents(terms, arrays):
    """How long the axis of each label is; None if operands differ in that."""
    extents = {}
    for term, a in zip(terms, arrays):
        mine = {}
        for label, extent in zip(term, a.shape):
            if mine.setdefault(label, extent) != extent:
                return None
            if extents.setdefault(label, extent) != extent:
                if extents[label] != 1 and extent != 1:
                    return None
                extents[label] = extent if extents[label] == 1 else extents[label]
    return extents


def _path(terms, output, arrays, optimize):
    """Which operands are contracted at each step; what that makes is the last operand of the next one."""
    if optimize is False and len(arrays) <= 2:
        return [tuple(range(len(arrays)))]
    if any(ord(label) > 127 for label in "".join(terms)):
        return [tuple(range(len(arrays)))]
    optimize = "greedy" if optimize is False else optimize
    path = numpy.einsum_path(",".join(terms) + "->" + output, *map(_hollow, arrays), optimize=optimize)[0]
    return path[1:]


def _contracted(terms, output, arrays, path):
    """The sum of products, as an array of the axes of the output; whether the last step had two operands with sums over both."""
    is_product = False
    parts = [_diagonal(a, term) for a, term in zip(arrays, terms)]
    for step in path:
        taken = [parts[place] for place in step]
        parts = [part for place, part in enumerate(parts) if place not in step]
        is_product = len(taken) == 2 and bool(set(taken[0][1]) & set(taken[1][1]) - set(output))
        while len(taken) > 1:
            wanted = set(output).union(*(labels for _, labels in taken[2:] + parts))
            taken[:2] = [_pair(*taken[0], *taken[1], wanted)]
        parts.append(taken[0])
    (a, labels), = parts
    a, labels = _summed(a, labels, [label for label in labels if label not in output])
    return a.transpose([labels.index(label) for label in output]) if labels != output else a, is_product


def _diagonal(a, labels):
    """The operand with each of its labels once: a step of one more than a row goes along a diagonal."""
    while len(set(labels)) != len(labels):
        first = next(i for i, label in enumerate(labels) if label in labels[i + 1:])
        second = labels.index(labels[first], first + 1)
        rest = [i for i in range(a.ndim) if i not in (first, second)]
        extent = a.shape[first]
        a = a.transpose(rest + [first, second]).reshape([a.shape[i] for i in rest] + [extent * extent])
        a = a[..., ::extent + 1]
        labels = "".join(labels[i] for i in rest) + labels[first]
    return a, labels


def _summed(a, labels, gone):
    """The sum over the axes of some labels, in the type of the operand."""
    if not gone:
        return a, labels
    axes = tuple(labels.index(label) for label in gone)
    a = asarray(a.any(axes) if a.dtype.kind == "b" else a.sum(axes, a.dtype))
    return a, "".join(label for label in labels if label not in gone)


def _alone(a, labels, others, wanted):
    """The operand without the axes that nobody else has and nobody wants."""
    return _summed(a, labels, [label for label in labels if label not in others and label not in wanted])


def _single(a, mine, b, theirs):
    """The operand without its axes of one element of which the other has more: that one is for all of theirs."""
    gone = [i for i, x in enumerate(mine) if a.shape[i] == 1 and x in theirs and b.shape[theirs.index(x)] != 1]
    if not gone:
        return a, mine
    return a[tuple(0 if i in gone else slice(None) for i in range(a.ndim))], "".join(
        x for i, x in enumerate(mine) if i not in gone
    )


def _arranged(a, labels, groups):
    """The operand with its axes in groups, each of which is one axis but for the first."""
    order = [labels.index(label) for label in "".join(groups)]
    extents = [a.shape[labels.index(label)] for label in groups[0]]
    extents += [math.prod(a.shape[labels.index(label)] for label in group) for group in groups[1:]]
    a = a.transpose(order) if order != sorted(order) else a
    return a.reshape(extents) if list(a.shape) != extents else a


def _pair(a, mine, b, theirs, wanted):
    """The product of two operands, summed over the labels that are not wanted any more; its labels."""
    (a, left), (b, right) = _single(a, mine, b, theirs), _single(b, theirs, a, mine)
    (a, mine), (b, theirs) = _alone(asarray(a), left, right, wanted), _alone(asarray(b), right, left, wanted)
    inner = "".join(label for label in mine if label in theirs and label not in wanted)
    stack = "".join(label for label in mine if label in theirs and label in wanted)
    rows = "".join(label for label in mine if label not in theirs)
    columns = "".join(label for label in theirs if label not in mine)
    if not inner or stack and not rows and not columns and a.dtype != numpy.float16:
        labels = mine + columns
        order = [theirs.index(label) for label in labels if label in theirs]
        b = b.transpose(order) if order != sorted(order) else b
        key = tuple(slice(None) if label in theirs else None for label in labels)
        made = asarray(a[(...,) + (None,) * len(columns)] * b[key])
        return _summed(made, labels, list(inner))
    shape = [a.shape[mine.index(x)] for x in stack + rows] + [b.shape[theirs.index(x)] for x in columns]
    if not stack and not rows and not columns:
        return asarray(_arranged(a, mine, ["", inner]).dot(_arranged(b, theirs, ["", inner]))), ""
    made = _arranged(a, mine, [stack, rows, inner]) @ _arranged(b, theirs, [stack, inner, columns])
    return asarray(made).reshape(shape), stack + rows + columns
