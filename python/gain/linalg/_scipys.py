"""Functions of `scipy.linalg` that NumPy has no equal of, with SciPy's arguments and results."""

import numpy
from numpy.linalg import LinAlgError

from .._base import asarray, ufuncs
from .._creation import eye
from .._indexing import take_along_axis
from .._ranges import arange
from .._shapes import broadcast_to
from .._triangles import tril, triu
from ._checks import adjoint, alike, common, matrices, squares
from ._norms import norm
from ._systems import solve
from ._values import svd


def _given(a, check_finite):
    a = asarray(a)
    if check_finite and not bool(ufuncs["isfinite"](a).all()):
        raise ValueError("array must not contain infs or NaNs")
    return a


def _square(a, check_finite, name="input"):
    a = _given(a, check_finite)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"expected square matrix, but got {name} of shape {a.shape}")
    return a


def _both(a, b):
    """Matrices and right-hand sides as stacks of one shape; whether the latter are vectors."""
    if b.shape[:1] == () or b.shape[0 if b.ndim == 1 else -2] != a.shape[-1]:
        raise ValueError(f"shapes of a {a.shape} and b {b.shape} are incompatible")
    is_vector = b.ndim == 1
    b = b[:, None] if is_vector else b
    stack = numpy.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return broadcast_to(a, stack + a.shape[-2:]), broadcast_to(b, stack + b.shape[-2:]), is_vector


_TRANS = {0: (0, 0), "N": (0, 0), 1: (1, 0), "T": (1, 0), 2: (1, 1), "C": (1, 1)}


def solve_triangular(a, b, trans=0, lower=False, unit_diagonal=False, overwrite_b=False, check_finite=True):
    """`scipy.linalg.solve_triangular`"""
    a, b = _square(a, check_finite), _given(b, check_finite)
    if trans not in _TRANS:
        raise ValueError(f"trans is one of {list(_TRANS)}")
    a, b, is_vector = _both(a, b)
    (x,) = alike("triangular", a, bool(lower), bool(unit_diagonal), *_TRANS[trans], b=b)
    return x[..., 0] if is_vector else x


def _factors(a, check_finite):
    a = _given(a, check_finite)
    if a.ndim < 2:
        raise ValueError("The input array must be at least two-dimensional.")
    return alike("lu", matrices(a))


def lu(a, permute_l=False, overwrite_a=False, check_finite=True, p_indices=False):
    """`scipy.linalg.lu`: `a = p @ l @ u`"""
    packed, rows = _factors(a, check_finite)
    count, columns = packed.shape[-2:]
    least = min(count, columns)
    upper = triu(packed[..., :least, :])
    lower = tril(packed[..., :least], -1) + eye(count, least, dtype=packed.dtype)
    # Row i of the factors is row rows[i] of the matrix; places holds where each row of the matrix went.
    places = rows.argsort(-1)
    if p_indices and not permute_l:
        return places, lower, upper
    if permute_l:
            return take_along_axis(lower, places[..., None], -2), upper
    order = (places[..., None] == arange(count)).astype(packed.real.dtype)
    return order, lower, upper


def lu_factor(a, overwrite_a=False, check_finite=True):
    """`scipy.linalg.lu_factor`: packed factors, and with which row each was exchanged in turn."""
    packed, rows = _factors(a, check_finite)
    order = rows.numpy().reshape(-1, rows.shape[-1])
    exchanges = numpy.empty((len(order), min(packed.shape[-2:])), numpy.int32)
    for one, result in zip(order, exchanges):
        at, place = numpy.arange(len(one)), numpy.arange(len(one))
        for i in range(len(result)):
            j = place[one[i]]
            result[i] = j
            at[i], at[j] = at[j], at[i]
            place[at[j]], place[at[i]] = j, i
    return packed, asarray(exchanges.reshape(rows.shape[:-1] + exchanges.shape[1:]))


def lu_solve(lu_and_piv, b, trans=0, overwrite_b=False, check_finite=True):
    """`scipy.linalg.lu_solve`"""
    packed, exchanges = lu_and_piv
    packed, b = _square(packed, check_finite), _given(b, check_finite)
    packed, b, is_vector = _both(packed, b)
    pivots = asarray(exchanges).numpy()
    rows = numpy.empty(pivots.shape, numpy.int64)
    for one, result in zip(pivots.reshape(-1, pivots.shape[-1]), rows.reshape(-1, pivots.shape[-1])):
        result[:] = range(len(one))
        for i, j in enumerate(one):
            result[i], result[j] = result[j], result[i]
    rows = numpy.broadcast_to(rows, packed.shape[:-1])
    if trans not in _TRANS:
        raise ValueError(f"trans is one of {list(_TRANS)}")
    turned = _TRANS[trans]

    def triangle(x, is_lower):
        return alike("triangular", packed, is_lower, is_lower, *turned, b=x)[0]

    if not turned[0]:
        b = take_along_axis(b, asarray(rows)[..., None], -2)
        x = triangle(triangle(b, True), False)
    else:
        x = triangle(triangle(b, False), True)
        x = take_along_axis(x, asarray(rows.argsort(-1))[..., None], -2)
    return x[..., 0] if is_vector else x


def cho_factor(a, lower=False, overwrite_a=False, check_finite=True):
    """`scipy.linalg.cho_factor`; what is no part of the factor is zero here."""
    a = _square(a, check_finite)
    return alike("cholesky", a, not lower)[0], bool(lower)


def cho_solve(c_and_lower, b, overwrite_b=False, check_finite=True):
    """`scipy.linalg.cho_solve`"""
    factor, is_lower = c_and_lower
    factor, b = _square(factor, check_finite), _given(b, check_finite)
    factor, b, is_vector = _both(factor, b)
    first, second = ((0, 0), (1, 1)) if is_lower else ((1, 1), (0, 0))
    (x,) = alike("triangular", factor, bool(is_lower), False, *first, b=b)
    (x,) = alike("triangular", factor, bool(is_lower), False, *second, b=x)
    return x[..., 0] if is_vector else x


# Norms up to which the diagonal rational approximation of a degree has no more error than rounding.
_DEGREES = {3: 1.495585217958292e-2, 5: 2.539398330063230e-1, 7: 9.504178996162932e-1, 9: 2.097847961257068, 13: 4.25}
_SINGLE = {3: 4.258730016922831e-1, 5: 1.880152677804762, 7: 3.925724783138660}


def _coefficients(degree):
    """Of the numerator of the rational approximation of exp, divided by the last."""
    found = [1.0]
    for k in range(1, degree + 1):
        found.append(found[-1] * (degree - k + 1) / (k * (2 * degree - k + 1)))
    return found


def expm(A):
    """`scipy.linalg.expm`: a rational function of the matrix halved so often that its norm is small, then squared as often."""
    a = asarray(A)
    if a.ndim < 2:
        raise LinAlgError("The input array must be at least two-dimensional")
    if a.shape[-1] != a.shape[-2]:
        raise LinAlgError("Last 2 dimensions of the array must be square")
    a = squares(a).astype(common(a), copy=False)
    if a.size == 0:
        return a.copy()
    order = a.shape[-1]
    if order == 1:
        return ufuncs["exp"](a)
    largest = float(asarray(norm(a, 1, (-2, -1))).max())
    table = _SINGLE if a.dtype.char in "fF" else _DEGREES
    if not numpy.isfinite(largest):
        return a * numpy.nan
    degree, limit = next(((d, most) for d, most in table.items() if largest <= most), list(table.items())[-1])
    squarings = max(0, int(numpy.ceil(numpy.log2(largest / limit)))) if largest > limit else 0
    a = a * a.dtype.type(0.5 ** squarings)
    c = _coefficients(degree)
    unit = eye(order, dtype=a.dtype)
    square = a @ a
    even, odd, power = c[0] * unit, c[1] * unit, unit
    for k in range(2, degree + 1, 2):
        power = square if k == 2 else power @ square
        even = even + c[k] * power
        if k + 1 <= degree:
            odd = odd + c[k + 1] * power
    odd = a @ odd
    result = solve(even - odd, even + odd)
    for _ in range(squarings):
        result = result @ result
    return result


def polar(a, side="right"):
    """`scipy.linalg.polar`: `a = u @ p`, or `p @ u` of the left side."""
    if side not in ("right", "left"):
        raise ValueError("`side` must be either 'right' or 'left'")
    a = asarray(a)
    if a.ndim != 2:
        raise ValueError("`a` must be a 2-D array.")
    w, s, vh = svd(a, full_matrices=False)
    p = (adjoint(vh) * s) @ vh if side == "right" else (w * s) @ adjoint(w)
    return w @ vh, p.astype(vh.dtype, copy=False)
