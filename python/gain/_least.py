"""Least squares with a matrix of few long columns, which stay distributed.

The columns are made orthonormal one after another (Gram and Schmidt, each twice, which is exact to rounding; one that depends on those
before it has none for itself); what is left is a
problem of as many numbers as there are columns, which is NumPy's on every rank.
"""

import math

import numpy

from ._base import asarray
from ._creation import zeros
from ._products import vdot
from ._reductions import sum


def solved(columns, y, rcond):
    """As `numpy.linalg.lstsq` has it, all of it NumPy's: the solution, sums of squares of what is left, the rank, singular values."""
    count = len(columns)
    size = len(y)
    factors = numpy.zeros((count, count), numpy.result_type(*(column.dtype for column in columns)))
    basis = []
    for place, column in enumerate(columns):
        rest, before = column, math.sqrt(vdot(column, column).real)
        for _ in range(2):
            along = [vdot(q, rest) for q in basis]
            for k, (q, factor) in enumerate(zip(basis, along)):
                rest = rest - q * factor
                factors[k, place] += factor
            rest.force()
        norm = math.sqrt(vdot(rest, rest).real)
        # What is left of a column that depends on the others is rounding, of no direction.
        if norm <= numpy.finfo(column.dtype).eps * math.sqrt(count) * before:
            basis.append(zeros(size, column.dtype))
            continue
        factors[place, place] = norm
        basis.append(rest / column.dtype.type(norm))
    right = numpy.array([_product(q, y) for q in basis])
    solution, _, rank, values = numpy.linalg.lstsq(factors, right, rcond)
    left = numpy.array([], values.dtype)
    if rank == count and size > count:
        rest = y
        for column, factor in zip(columns, solution):
            rest = rest - (column * factor if y.ndim == 1 else column[:, None] * asarray(factor))
        left = numpy.atleast_1d(_host(sum((rest * rest.conj()).real, 0)))
    return solution, left, rank, values[:min(count, size)]


def _product(q, y):
    return vdot(q, y) if y.ndim == 1 else _host(q.conj() @ y)


def _host(x):
    return x.numpy() if hasattr(x, "numpy") else x
