"""Series of the six families of polynomials that `numpy.polynomial` has: evaluated, as matrices, fitted.

Points stay distributed; coefficients are few, and NumPy's. A family is known by two recurrences: upwards, from one polynomial to
the next, and downwards, which sums a series (Clenshaw's, of which Horner's is one).
"""

import functools
import operator
import typing
import warnings

import numpy

from ._base import asarray
from ._creation import array, empty
from ._fallback import few
from ._gain import ndarray
from ._least import solved
from ._shapes import moveaxis


class Family(typing.NamedTuple):
    """How the polynomials of a family follow one another."""

    # The prefix of the functions' names.
    prefix: str
    # The polynomial of degree 1.
    first: typing.Callable
    # The one of degree n, of x and the two before.
    up: typing.Callable
    # What is taken from the next coefficient, and what the present sum becomes, of x, the sum and n.
    down: typing.Callable


FAMILIES = {
    "chebyshev": Family("cheb", lambda x: x, lambda n, x, one, two: one * (2 * x) - two, lambda n, x, c: (c, c * (2 * x))),
    "legendre": Family(
        "leg", lambda x: x, lambda n, x, one, two: (one * x * (2 * n - 1) - two * (n - 1)) / n,
        lambda n, x, c: (c * ((n - 1) / n), c * x * ((2 * n - 1) / n)),
    ),
    "laguerre": Family(
        "lag", lambda x: 1 - x, lambda n, x, one, two: (one * (2 * n - 1 - x) - two * (n - 1)) / n,
        lambda n, x, c: ((c * (n - 1)) / n, (c * ((2 * n - 1) - x)) / n),
    ),
    "hermite": Family(
        "herm", lambda x: 2 * x, lambda n, x, one, two: one * (2 * x) - two * (2 * (n - 1)),
        lambda n, x, c: (c * (2 * (n - 1)), c * (2 * x)),
    ),
    "hermite_e": Family(
        "herme", lambda x: x, lambda n, x, one, two: one * x - two * (n - 1), lambda n, x, c: (c * (n - 1), c * x),
    ),
    "polynomial": Family("poly", lambda x: x, lambda n, x, one, two: one * x, None),
}


def _sum(family, x, c):
    """The sum of the series with the coefficients `c[0]`, `c[1]`, ... at `x`."""
    if family.down is None:
        made = c[-1] + x * 0
        for place in range(2, len(c) + 1):
            made = c[-place] + made * x
        return made
    if len(c) == 1:
        return c[0] + 0 * family.first(x)
    low, high = c[-2], c[-1]
    for place in range(3, len(c) + 1):
        taken, kept = family.down(len(c) - place + 2, x, high)
        low, high = c[-place] - taken, low + kept
    return low + high * family.first(x)


def _coefficients(name, c):
    c = numpy.array(few(name, c), ndmin=1, copy=None)
    return c.astype(numpy.double) if c.dtype.kind in "?biu" else c


def points(x):
    """Arrays of ours for lists and NumPy's; anything else, numbers and series among it, as it is."""
    return asarray(x) if isinstance(x, (list, tuple, numpy.ndarray)) else x


def _series(family, x, c, tensor):
    """The series at `x`, for each further axis of `c` and, if `tensor`, each point."""
    if isinstance(x, ndarray) and tensor and c.ndim > 1:
        c = c.reshape(c.shape + (1,) * x.ndim)
    return _sum(family, x, c)


def value(family, x, c, tensor=True):
    """`polyval(x, c)` and its kin."""
    made = _series(family, points(x), _coefficients(family.prefix + "val", c), tensor)
    return points(made)


def values(family, c, *points):
    """`polyval2d(x, y, c)`, `polyval3d` and their kin."""
    points = [asarray(x) for x in points]
    if any(x.shape != points[0].shape for x in points):
        raise ValueError(f"{'x, y' if len(points) == 2 else 'x, y, z'} are incompatible")
    made = _series(family, points[0], _coefficients(family.prefix + "val", c), True)
    for x in points[1:]:
        made = _series(family, x, made if made.ndim else asarray(made).reshape(1), False)
    return made[()] if made.ndim == 0 else made


def grid(family, c, *axes):
    """`polygrid2d(x, y, c)`, `polygrid3d` and their kin."""
    made = _coefficients(family.prefix + "grid", c)
    for x in axes:
        made = _series(family, points(x), made, True)
    return made


def _polynomials(family, x, degree):
    """The polynomials of the degrees from 0 on at `x`."""
    found = [x * 0 + 1]
    if degree > 0:
        found.append(asarray(family.first(x)))
    for n in range(2, degree + 1):
        found.append(family.up(n, x, found[-1], found[-2]))
    return found


def matrix(family, x, deg):
    """`polyvander(x, deg)` and its kin."""
    try:
        degree = operator.index(deg)
    except TypeError as error:
        raise TypeError(f"deg must be an integer, received {deg}") from error
    if degree < 0:
        raise ValueError("deg must be non-negative")
    x = array(x, copy=None, ndmin=1) + 0.0
    made = empty((degree + 1, *x.shape), x.dtype)
    for n, row in enumerate(_polynomials(family, x, degree)):
        made[n] = row
    return moveaxis(made, 0, -1)


def matrices(family, deg, *points):
    """`polyvander2d(x, y, deg)`, `polyvander3d` and their kin."""
    if len(points) != len(deg):
        raise ValueError(f"Expected {len(points)} dimensions of degrees, got {len(deg)}")
    points = array(points) + 0.0
    made = None
    for x, degree in zip(points, deg):
        one = matrix(family, x, degree)
        made = one if made is None else (made[..., :, None] * one[..., None, :]).reshape(*one.shape[:-1], -1)
    return made


def fit(family, x, y, deg, rcond=None, full=False, w=None):
    """`polyfit(x, y, deg)` of the package `polynomial` and its kin."""
    x, y = asarray(asarray(x) + 0.0), asarray(asarray(y) + 0.0)
    deg = numpy.asarray(few(family.prefix + "fit", deg))
    if deg.ndim > 1 or deg.dtype.kind not in "iu" or deg.size == 0:
        raise TypeError("deg must be an int or non-empty 1-D array of int")
    if deg.min() < 0:
        raise ValueError("expected deg >= 0")
    if x.ndim != 1:
        raise TypeError("expected 1D vector for x")
    if x.size == 0:
        raise TypeError("expected non-empty vector for x")
    if y.ndim < 1 or y.ndim > 2:
        raise TypeError("expected 1D or 2D array for y")
    if len(x) != len(y):
        raise TypeError("expected x and y to have same length")
    degrees = range(int(deg) + 1) if deg.ndim == 0 else sorted(deg.tolist())
    polynomials = _polynomials(family, x, degrees[-1])
    columns = [polynomials[degree] for degree in degrees]
    if w is not None:
        w = asarray(asarray(w) + 0.0)
        if w.ndim != 1:
            raise TypeError("expected 1D vector for w")
        if len(x) != len(w):
            raise TypeError("expected x and w to have same length")
        columns = [column * w for column in columns]
        y = y * (w if y.ndim == 1 else w[:, None])
    if rcond is None:
        rcond = len(x) * numpy.finfo(x.dtype).eps
    scale = numpy.sqrt(numpy.array([(column * column.conj()).real.sum() for column in columns]))
    scale[scale == 0] = 1
    columns = [(column / factor).force() for column, factor in zip(columns, scale)]
    found, left, rank, singular = solved(columns, y, rcond)
    found = (found.T / scale).T
    if deg.ndim > 0:
        some, found = found, numpy.zeros((degrees[-1] + 1, *found.shape[1:]), found.dtype)
        found[list(degrees)] = some
    if rank != len(columns) and not full:
        warnings.warn("The fit may be poorly conditioned", numpy.exceptions.RankWarning, stacklevel=3)
    return (array(found), [array(left), rank, array(singular), rcond]) if full else array(found)


def from_roots(x, r, tensor=True):
    """`numpy.polynomial.polynomial.polyvalfromroots`"""
    r, x = _coefficients("polyvalfromroots", r), points(x)
    if isinstance(x, ndarray):
        if tensor:
            r = r.reshape(r.shape + (1,) * x.ndim)
        elif x.ndim >= r.ndim:
            raise ValueError("x.ndim must be < r.ndim when tensor == False")
    return functools.reduce(operator.mul, [x - root for root in r]) if len(r) else x * 0 + 1.0
