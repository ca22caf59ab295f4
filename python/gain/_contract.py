"""Contraction of several arrays by labels of their axes, two at a time, for `einsum`.

Where labels are summed over that both have, it is a product of (stacks of) matrices; else a product of broadcast
arrays, which is recorded and fused with the sum, if there is one.
"""

import math

from ._base import asarray
from ._triangles import writeable_diagonal


class Sketch:
    """An array to be: its labels, its shape, and the function that makes it of the operands."""

    __slots__ = ("labels", "make", "number", "shape")

    def __init__(self, labels, shape, make, number=None):
        # `number` makes NumPy's scalar, where that is at hand before the array of no axes.
        self.labels, self.shape, self.make, self.number = labels, tuple(shape), make, number

    def then(self, labels, shape, step):
        """What a step makes of it."""
        make = self.make
        return Sketch(labels, shape, lambda arrays: step(make(arrays)))

    def extent(self, label):
        """How long the axis of this label is."""
        return self.shape[self.labels.index(label)]

    def transposed(self, labels):
        """With the axes in another order."""
        if labels == self.labels:
            return self
        order = [self.labels.index(label) for label in labels]
        return self.then(labels, map(self.extent, labels), lambda a: a.transpose(order))

    def reshaped(self, labels, shape):
        """With other axes over the same elements."""
        shape = tuple(shape)
        if shape == self.shape:
            return Sketch(labels, shape, self.make)
        return self.then(labels, shape, lambda a: a.reshape(shape))

    def picked(self, labels, key):
        """Without some axes of one element, or with more of them."""
        shape = [extent for extent, item in zip(self.shape, key) if item != 0]
        return self.then(labels, shape, lambda a: a[key])

    def summed(self, gone):
        """The sum over the axes of some labels, in the type of the operand."""
        if not gone:
            return self
        axes = tuple(self.labels.index(label) for label in gone)
        rest = [label for label in self.labels if label not in gone]
        return self.then("".join(rest), map(self.extent, rest), lambda a: _sum(a, axes if rest else None))


def _sum(a, axes):
    if a.dtype.kind == "b":
        return asarray(a.any(axes))
    return asarray(a.sum(axes) if a.dtype.kind in "fc" else a.sum(axes, a.dtype))


def program(terms, output, shapes, path, half):
    """Whether the last step has two operands and sums over labels of both, and the sketch of the result."""
    parts = [
        _diagonal(labels, shape, lambda arrays, place=place: arrays[place])
        for place, (labels, shape) in enumerate(zip(terms, shapes))
    ]
    is_product = False
    for step in path:
        taken = [parts[place] for place in step]
        parts = [part for place, part in enumerate(parts) if place not in step]
        is_product = len(taken) == 2 and bool(set(taken[0].labels) & set(taken[1].labels) - set(output))
        while len(taken) > 1:
            wanted = set(output).union(*(part.labels for part in taken[2:] + parts))
            taken[:2] = [_pair(taken[0], taken[1], wanted, half)]
        parts.append(taken[0])
    (made,) = parts
    return is_product, made.summed([label for label in made.labels if label not in output]).transposed(output)


def _diagonal(labels, shape, make):
    """An operand with each of its labels once."""
    a = Sketch(labels, shape, make)
    while len(set(a.labels)) != len(a.labels):
        labels = a.labels
        first = next(i for i, label in enumerate(labels) if label in labels[i + 1:])
        second = labels.index(labels[first], first + 1)
        kept = [i for i in range(len(labels)) if i not in (first, second)] + [first]
        a = a.then(
            "".join(labels[i] for i in kept), [a.shape[i] for i in kept],
            lambda x, first=first, second=second: writeable_diagonal(x, 0, first, second),
        )
    return a


def _single(a, b):
    """`a` without its axes of one element of which `b` has more: that one is for all of these."""
    gone = [x for x, extent in zip(a.labels, a.shape) if extent == 1 and x in b.labels and b.extent(x) != 1]
    if not gone:
        return a
    key = tuple([0 if x in gone else slice(None) for x in a.labels])
    return a.picked("".join(x for x in a.labels if x not in gone), key)


def _alone(a, b, wanted):
    """`a` summed over what nobody else has and nobody wants."""
    return a.summed([x for x in a.labels if x not in b.labels and x not in wanted])


def _grouped(a, *groups):
    """`a` with its axes in groups, each of which is one axis but for the first."""
    a = a.transposed("".join(groups))
    shape = [*map(a.extent, groups[0]), *(math.prod(map(a.extent, group)) for group in groups[1:])]
    return a.reshaped(a.labels, shape)


def _pair(a, b, wanted, half):
    """The product of two, summed over the labels that are not wanted any more."""
    a, b = _single(a, b), _single(b, a)
    a, b = _alone(a, b, wanted), _alone(b, a, wanted)
    inner = "".join(x for x in a.labels if x in b.labels and x not in wanted)
    stack = "".join(x for x in a.labels if x in b.labels and x in wanted)
    rows = "".join(x for x in a.labels if x not in b.labels)
    columns = "".join(x for x in b.labels if x not in a.labels)
    extents = {x: part.extent(x) for part in (a, b) for x in part.labels}
    if not inner or stack and not rows and not columns and not half:
        return _multiplied(a, b, columns, extents).summed(list(inner))
    labels = stack + rows + columns
    shape = tuple([extents[x] for x in labels])
    if not labels:
        one, two = _grouped(a, "", inner).make, _grouped(b, "", inner).make
        return Sketch(
            "", (), lambda arrays: asarray(one(arrays).dot(two(arrays))), lambda arrays: one(arrays).dot(two(arrays)))
    one, two = _grouped(a, stack, rows, inner), _grouped(b, stack, inner, columns)
    whole = Sketch(labels, (*one.shape[:-1], two.shape[-1]), _product(one.make, two.make))
    return whole.reshaped(labels, shape)


def _product(one, two):
    return lambda arrays: asarray(one(arrays) @ two(arrays))


def _multiplied(a, b, columns, extents):
    """All products of the elements of two, with the labels of the first and these."""
    labels = a.labels + columns
    b = b.transposed("".join(x for x in labels if x in b.labels))
    widen = (...,) + (None,) * len(columns)
    key = tuple([slice(None) if x in b.labels else None for x in labels])
    one, two, is_whole = a.make, b.make, b.labels == labels
    if not columns and is_whole:
        return Sketch(labels, a.shape, lambda arrays: asarray(one(arrays) * two(arrays)))
    shape = [extents[x] for x in labels]
    return Sketch(labels, shape, lambda arrays: asarray(one(arrays)[widen] * two(arrays)[key]))
