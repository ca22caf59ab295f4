"""Matrices factorized by gain, held against NumPy or the property that defines the answer.

    linears.py [SEED]    on any number of ranks; fails where anything is off
"""

import itertools
import os
import sys
import warnings

import numpy

import gain

TYPES = "f4 f8 c8 c16".split()
L = gain.linalg


def host(x):
    return numpy.asarray(x)


def slack(one, two, size):
    return 60 * max(size, 4) * max(numpy.finfo(x.dtype if x.dtype.kind in "fc" else float).eps for x in (one, two))


def close(one, two, size=8, scale=None):
    one, two = host(one), host(two)
    assert one.shape == two.shape, (one.shape, two.shape)
    if one.size:
        scale = max(float(abs(two).max()), 1e-30) if scale is None else scale
        assert abs(one - two).max() <= slack(one, two, size) * scale, abs(one - two).max() / scale


def made(random, shape, dtype):
    x = random.normal(size=shape)
    return (x + 1j * random.normal(size=shape) if dtype[0] == "c" else x).astype(dtype)


def turned(x):
    return x.conj().swapaxes(-1, -2)


def orthonormal(q):
    q = host(q)
    close(turned(q) @ q, numpy.broadcast_to(numpy.eye(q.shape[-1], dtype=q.dtype), q.shape[:-2] + (q.shape[-1],) * 2), q.shape[-2])


def squares(random, n, stack, dtype):
    a = made(random, stack + (n, n), dtype)
    ours = gain.array(a)
    for width in (None, 1, 3):
        b = made(random, (n,) if width is None else stack + (n, width), dtype)
        x = L.solve(ours, gain.array(b))
        assert x.dtype == a.dtype
        theirs = numpy.linalg.solve(a, b)
        assert x.shape == theirs.shape
        product = a @ (host(x)[..., None] if width is None else host(x))
        close(product, numpy.broadcast_to(b[..., None] if width is None else b, product.shape), n, scale=1 + abs(host(x)).max(initial=0) * n if n else 1)
    inverse = L.inv(ours)
    close(a @ host(inverse), numpy.broadcast_to(numpy.eye(n, dtype=dtype), a.shape), n, scale=1 + n * abs(host(inverse)).max(initial=0) if n else 1)
    sign, log = L.slogdet(ours)
    theirs = numpy.linalg.slogdet(a)
    assert type(sign) is type(theirs[0]) or stack
    close(log, theirs[1], n, scale=10 + n)
    close(sign, theirs[0], n * 20)
    with numpy.errstate(all="ignore"):
        if numpy.isfinite(numpy.linalg.det(a)).all():
            close(L.det(ours), numpy.linalg.det(a), n * 20)
    definite = a @ turned(a) + numpy.eye(n, dtype=dtype)
    # Imaginary parts on a diagonal that is real by rights aren't looked at.
    imaginary = (1j if dtype[0] == "c" else 0) * numpy.diag(numpy.arange(n)).astype(dtype)
    for upper in (False, True):
        factor = L.cholesky(gain.array(definite + imaginary), upper=upper)
        close(factor, numpy.linalg.cholesky(definite, upper=upper), n)
    for p in (None, -2, 1, -numpy.inf, "fro") if n else ():
        theirs = numpy.linalg.cond(a, p)
        close(L.cond(ours, p), theirs, n, scale=n * (1 + abs(theirs).max(initial=0)) ** 2)
    symmetric = (a + turned(a)) / 2
    for uplo in "LU":
        # The other triangle isn't looked at.
        seen = (numpy.tril if uplo == "L" else numpy.triu)(symmetric) + imaginary
        values, vectors = L.eigh(gain.array(seen), uplo)
        close(values, numpy.linalg.eigvalsh(symmetric), n)
        orthonormal(vectors)
        close(symmetric @ host(vectors), host(vectors) * host(values)[..., None, :], n, scale=abs(symmetric).max(initial=1) * n)
        close(L.eigvalsh(gain.array(seen), uplo), values, n)
    if dtype in ("f8", "c16") or n <= 8:
        values, vectors = map(host, L.eig(ours))
        assert values.dtype == numpy.linalg.eigvals(a).dtype
        close(a @ vectors, vectors * values[..., None, :], n * 4, scale=n * abs(a).max(initial=1))
        close((abs(vectors) ** 2).sum(-2), numpy.ones(values.shape, abs(vectors).dtype), n)
        close(host(L.eigvals(ours)).sum(-1), values.sum(-1), n * 20, scale=n * abs(a).max(initial=1))
    if dtype == "f8" or not stack:
        p, lower, upper = map(host, L.lu(ours))
        close(p @ lower @ upper, a, n)
        b = made(random, stack + (n, 2), dtype)
        for trans, matrix in ((0, a), (1, a.swapaxes(-1, -2)), (2, turned(a))):
            x = host(L.lu_solve(L.lu_factor(ours), gain.array(b), trans))
            close(matrix @ x, b, n, scale=1 + abs(x).max(initial=0) * n)
        x = host(L.cho_solve(L.cho_factor(gain.array(definite)), gain.array(b)))
        close(definite @ x, b, n, scale=1 + abs(definite).max(initial=0) * abs(x).max(initial=0) * n)
        for lower, unit, trans in itertools.product((False, True), (False, True), (0, 1, 2)):
            triangle = (numpy.tril if lower else numpy.triu)(a / 8, 0) + 3 * numpy.eye(n, dtype=dtype)
            x = host(L.solve_triangular(gain.array(triangle), gain.array(b), trans, lower, unit))
            if unit:
                triangle = triangle - numpy.eye(n) * triangle + numpy.eye(n)
            matrix = (triangle, triangle.swapaxes(-1, -2), turned(triangle))[trans]
            close(matrix @ x, b, n, scale=1 + abs(x).max(initial=0) * n)


def oblongs(random, m, n, stack, dtype):
    a = made(random, stack + (m, n), dtype)
    ours = gain.array(a)
    k = min(m, n)
    for mode in ("reduced", "complete"):
        q, r = L.qr(ours, mode)
        theirs = numpy.linalg.qr(a, mode)
        orthonormal(q)
        close(host(q) @ host(r), a, m)
        close(r, theirs.R, m * 4)
        close(host(q)[..., :k], theirs.Q[..., :k], m * 20)
    close(L.qr(ours, "r"), numpy.linalg.qr(a, "r"), m * 4)
    for one, two in zip(L.qr(ours, "raw"), numpy.linalg.qr(a, "raw")):
        close(one, two, m * 20)
    for full in (False, True):
        u, s, vh = map(host, L.svd(ours, full))
        orthonormal(u), orthonormal(turned(vh))
        close((u[..., :k] * s[..., None, :]) @ vh[..., :k, :], a, m + n)
        close(s, numpy.linalg.svd(a, compute_uv=False), m + n)
    close(L.svdvals(ours), s, m + n)
    inverse = host(L.pinv(ours, rcond=1e-3))
    close(inverse, numpy.linalg.pinv(a, rcond=1e-3), (m + n) * 40, scale=1 + abs(inverse).max(initial=0) * 30)
    ranks = L.matrix_rank(ours)
    assert (host(ranks) == numpy.linalg.matrix_rank(a)).all()
    for order in (None, "fro", "nuc", 1, -1, 2, -2, numpy.inf, -numpy.inf):
        if order in (-1, -2, -numpy.inf) and not a.size:
            continue
        close(L.norm(ours, order, (-2, -1), True), numpy.linalg.norm(a, order, (-2, -1), True), m + n)
    for order in (None, 0, 1, -1, 2, 3, 0.5, numpy.inf, -numpy.inf):
        if a.shape[-1]:
            close(L.vector_norm(ours, axis=-1, ord=2 if order is None else order), numpy.linalg.norm(a, order, -1), m + n)
    if not stack:
        for width in (None, 2):
            b = made(random, (m,) if width is None else (m, width), dtype)
            found, theirs = L.lstsq(ours, gain.array(b)), numpy.linalg.lstsq(a, b)
            assert found[2] == theirs[2]
            for one, two in zip(found, theirs):
                close(one, numpy.asarray(two), (m + n) * 40, scale=1 + 30 * abs(numpy.asarray(two)).max(initial=0))
        if a.size:
            for side in ("right", "left"):
                u, p = map(host, L.polar(ours, side))
                close(u @ p if side == "right" else p @ u, a, m + n)
                close(p, turned(p), m + n)


def refused(random):
    singular = numpy.stack([numpy.eye(3)] * 9)
    singular[4, 1] = singular[4, 0]
    n = numpy.nan
    for name, a in (
        ("inv", singular), ("cholesky", -singular), ("cholesky", numpy.full((40, 40), n)), ("svd", numpy.full((3, 3), n)), ("svd", numpy.full((40, 30), n)),
        ("eigh", numpy.full((3, 3), n)), ("eigh", numpy.full((50, 50), n)), ("eig", numpy.full((20, 20), numpy.inf)), ("inv", numpy.ones((3, 2))),
        ("det", numpy.ones(3)), ("inv", numpy.zeros((300, 300))), ("cholesky", -numpy.eye(300)),
    ):
        try:
            getattr(L, name)(gain.array(a))
        except L.LinAlgError as error:
            try:
                getattr(numpy.linalg, name)(a)
            except numpy.linalg.LinAlgError as theirs:
                assert str(error) == str(theirs), (name, str(error), str(theirs))
        else:
            raise AssertionError(f"{name} of {a.shape} is not refused")
    assert L.det(gain.zeros((300, 300))) == 0 and L.slogdet(gain.zeros((300, 300))) == (0, -numpy.inf)
    assert L.det(gain.array(singular)).shape == (9,)
    for name in ("solve", "inv", "qr", "det"):
        made_ = getattr(L, name)(*[gain.array(numpy.full((40, 40), n))] * (2 if name == "solve" else 1))
        assert numpy.isnan(host(made_[1] if name == "qr" else made_)).any()
    for name in ("solve", "qr", "det", "eigh", "svd", "inv"):
        arguments = [numpy.ones((3, 3), "f2")] * (2 if name == "solve" else 1)
        try:
            getattr(L, name)(*map(gain.array, arguments))
        except TypeError as error:
            assert "float16 is unsupported" in str(error)
        else:
            raise AssertionError(name)
    assert L.inv(gain.array([[2, 0], [0, 4]])).dtype == "f8"
    # Ill-conditioned: a Hilbert matrix.
    hilbert = 1 / (numpy.arange(12)[:, None] + numpy.arange(12) + 1.0)
    assert L.cond(gain.array(hilbert)) > 1e15 and L.matrix_rank(gain.array(hilbert)) in (11, 12)
    x = host(L.solve(gain.array(hilbert), gain.ones(12)))
    assert abs(hilbert @ x - 1).max() < 1e-5
    rank_two = made(random, (40, 2), "f8") @ made(random, (2, 30), "f8")
    assert L.matrix_rank(gain.array(rank_two)) == 2
    found = L.lstsq(gain.array(rank_two), gain.ones(40))
    close(found[0], numpy.linalg.lstsq(rank_two, numpy.ones(40))[0], 1000)
    assert found[2] == 2 and found[1].shape == (0,)


def others(random):
    a = made(random, (5, 5), "f8")
    for n in (-3, -1, 0, 1, 2, 7):
        close(L.matrix_power(gain.array(a), n), numpy.linalg.matrix_power(a, n), 2000)
    for p in (None, 1, -1, 2, -2, "fro", numpy.inf):
        close(L.cond(gain.array(a), p), numpy.linalg.cond(a, p), 2000)
    stack = made(random, (7, 3, 3), "f8")
    stack[2] = 0
    with numpy.errstate(all="ignore"):
        for p in (1, "fro"):
            theirs, ours = numpy.linalg.cond(stack, p), host(L.cond(gain.array(stack), p))
            assert (numpy.isinf(theirs) == numpy.isinf(ours)).all()
    for shapes in ([(3, 4), (4, 5)], [(3, 4), (4, 50), (50, 2)], [(4,), (4, 5), (5, 6), (6,)], [(9, 2), (2, 30), (30, 1), (1, 7)]):
        arrays = [made(random, shape, "f8") for shape in shapes]
        close(L.multi_dot(list(map(gain.array, arrays))), numpy.linalg.multi_dot(arrays), 100)
    t = made(random, (6, 4, 2, 3, 4), "f8")
    b = made(random, (6, 4), "f8")
    close(L.tensorsolve(gain.array(t), gain.array(b)), numpy.linalg.tensorsolve(t, b), 5000)
    t = made(random, (4, 6, 8, 3), "f8")
    close(L.tensorinv(gain.array(t)), numpy.linalg.tensorinv(t), 5000)
    # The exponential against its series, and of what commutes.
    for dtype, scale in itertools.product(TYPES, (1e-3, 0.3, 4)):
        x = made(random, (6, 6), dtype) * numpy.asarray(scale / 3, dtype)
        wide = x.astype("c16")
        total, term = numpy.eye(6, dtype="c16"), numpy.eye(6, dtype="c16")
        for k in range(1, 120):
            term = term @ wide / k
            total = total + term
        close(L.expm(gain.array(x)), total.astype(dtype), 100)
    assert L.pinv(gain.zeros((0, 3, 2), int)).dtype == float
    x = made(random, (3, 4, 4), "f8")
    close(host(L.expm(gain.array(x))) @ host(L.expm(gain.array(-x))), numpy.broadcast_to(numpy.eye(4), x.shape), 5000)
    for dtype in ("f8", "c16"):
        tall = made(random, (9000, 7), dtype)
        q, r = L.qr(gain.array(tall))
        theirs = numpy.linalg.qr(tall)
        close(q, theirs.Q, 100), close(r, theirs.R, 100)
        close(L.qr(gain.array(tall), "r"), theirs.R, 100)
        u, s, vh = map(host, L.svd(gain.array(tall), False))
        close((u * s) @ vh, tall, 100)
        orthonormal(u)
        b = made(random, (9000, 2), dtype)
        for one, two in zip(L.lstsq(gain.array(tall), gain.array(b)), numpy.linalg.lstsq(tall, b)):
            close(one, numpy.asarray(two), 1000)


def large(random, n):
    """One matrix on all ranks."""
    for dtype in ("f8", "c8"):
        a = made(random, (n, n), dtype)
        ours = gain.array(a)
        b = made(random, (n, 3), dtype)
        x = host(L.solve(ours, gain.array(b)))
        close(a @ x, b, n, scale=n * abs(x).max())
        inverse = host(L.inv(ours))
        close(a @ inverse, numpy.eye(n, dtype=dtype), n, scale=n * abs(inverse).max())
        sign, log = L.slogdet(ours)
        theirs = numpy.linalg.slogdet(a)
        close(sign, theirs[0], n * 10), close(log, theirs[1], n)
        definite = a @ turned(a) / n + numpy.eye(n, dtype=dtype)
        imaginary = (1j if dtype[0] == "c" else 0) * numpy.eye(n, dtype=dtype)
        for upper in (False, True):
            close(L.cholesky(gain.array(definite + imaginary), upper=upper), numpy.linalg.cholesky(definite, upper=upper), n)
        pair = numpy.stack([a, definite])
        close(host(L.inv(gain.array(pair)))[1], numpy.linalg.inv(definite), n)


def large_others(random, m, n, dtype):
    """One matrix of any extents on all ranks: its properties, and NumPy's signs."""
    a = made(random, (m, n), dtype)
    ours, k = gain.array(a), min(m, n)
    for mode in ("reduced", "complete"):
        q, r = L.qr(ours, mode)
        theirs = numpy.linalg.qr(a, mode)
        orthonormal(q)
        close(host(q) @ host(r), a, m)
        close(r, theirs.R, 4 * m), close(host(q)[:, :k], theirs.Q[:, :k], 20 * m)
    for one, two in zip(L.qr(ours, "raw"), numpy.linalg.qr(a, "raw")):
        close(one, two, 20 * m)
    close(L.qr(ours, "r"), r[:k], m)
    for broken in (False, True):
        if broken:
            a[:, n // 3] = a[:, 0]
            a[:, n // 2:n // 2 + 70] = 0
        p, lower, upper = map(host, L.lu(gain.array(a)))
        close(p @ lower @ upper, a, m)
        # (Of complex numbers the sum of the sizes of both parts counts.)
    assert abs(lower).max() <= 1.5 and not numpy.tril(upper, -1).any() and not numpy.triu(lower, 1).any()
    for matrix in [a, made(random, (m, n), dtype)][:2 if gain.ranks() == 1 else 1]:
        singulars(random, matrix, m, n)


def singulars(random, a, m, n):
    ours, k = gain.array(a), min(m, n)
    theirs = numpy.linalg.svd(a, compute_uv=False)
    for full in (False, True) if gain.ranks() == 1 else (m > n,):
        u, s, vh = map(host, L.svd(ours, full))
        assert u.shape == (m, m if full else k) and vh.shape == (n if full else k, n)
        orthonormal(u), orthonormal(turned(vh))
        close((u[:, :k] * s) @ vh[:k], a, m + n)
        close(s, theirs, m + n)
        assert (numpy.diff(s) <= 0).all() and (s >= 0).all()
    close(L.svdvals(ours), theirs, m + n)


def triangles(random, n, dtype):
    a, b = made(random, (n, n), dtype), made(random, (n, 5), dtype)
    for lower, unit, trans in itertools.product((False, True), (False, True), (0, 1, 2)):
        triangle = (numpy.tril if lower else numpy.triu)(a / (2 * n), 0) + 3 * numpy.eye(n, dtype=dtype)
        x = host(L.solve_triangular(gain.array(triangle + (a - numpy.tril(a) if lower else a - numpy.triu(a))), gain.array(b), trans, lower, unit))
        if unit:
            triangle = triangle - numpy.diag(numpy.diag(triangle)) + numpy.eye(n, dtype=dtype)
        matrix = (triangle, triangle.T, turned(triangle))[trans]
        close(matrix @ x, b, n, scale=1 + abs(x).max() * 4)
    for trans, matrix in ((0, a), (1, a.T), (2, turned(a))):
        x = host(L.lu_solve(L.lu_factor(gain.array(a)), gain.array(b), trans))
        close(matrix @ x, b, n, scale=n * abs(x).max())
    try:
        L.solve_triangular(gain.array(numpy.zeros((n, n))), gain.ones(n))
    except L.LinAlgError as error:
        assert "singular" in str(error)
    else:
        raise AssertionError("a singular triangle is not refused")


def spectra(random, n, dtype):
    a = made(random, (n, n), dtype)
    symmetric = (a + turned(a)) / 2
    single = numpy.eye(n, dtype=dtype) * 3
    low = (a[:, :3] @ turned(a[:, :3])).astype(dtype)
    huge = symmetric * numpy.asarray(1e30 if dtype in ("f4", "c8") else 1e250, dtype).real
    for matrix, sides in some(random, [(symmetric, "LU"), (single, "L"), (low, "U"), (huge, "L")])[:4 if gain.ranks() == 1 else 1]:
        for uplo in sides:
            seen = gain.array((numpy.tril if uplo == "L" else numpy.triu)(matrix))
            values, vectors = L.eigh(seen, uplo)
            size = abs(matrix).max()
            close(values, numpy.linalg.eigvalsh(matrix), n, scale=size * n)
            orthonormal(vectors)
            close((matrix / size) @ host(vectors), host(vectors) * (host(values) / size), n, scale=n)
            close(L.eigvalsh(seen, uplo), values, n, scale=size * n)
    if gain.ranks() != 2:
        pair = L.eigh(gain.array(numpy.stack([symmetric, low])))
        close(pair[0], numpy.linalg.eigvalsh(numpy.stack([symmetric, low])), n * n)
    for bad, names in ((numpy.nan, ("eigh", "eigvalsh", "svd", "eig")), (numpy.inf, ("eigvalsh", "eig"))):
        symmetric[n - 1, 2] = bad
        for name in names:
            try:
                getattr(L, name)(gain.array(symmetric))
            except L.LinAlgError:
                continue
            raise AssertionError(name)
    # Infinities have values that are none, and any vectors.
    for name in ("eigh", "svd"):
        parts = [host(part) for part in getattr(L, name)(gain.array(symmetric))]
        assert numpy.isnan(parts[name == "svd"]).all() and numpy.isfinite(parts[name == "eigh"]).all()
    assert not host(L.pinv(gain.array(symmetric))).any()
    symmetric[n - 1, 2] = numpy.inf
    assert numpy.isnan(host(L.svdvals(gain.array(symmetric)))).all() and L.matrix_rank(gain.array(symmetric)) == 0


def where_finite(a, b):
    return numpy.where(numpy.isfinite(a), host(b), 0)


def infinite(random):
    """Infinities in one matrix, alone and in a stack, as NumPy's LAPACK leaves them."""
    for n, stack, dtype in itertools.product((1, 3, 20), ((), (3,)), ("f8", "c16")):
        a = made(random, stack + (n, n), dtype)
        a = a + turned(a)
        # (Where nothing is to be exchanged before the infinity is met the signs are known.)
        (a[1] if stack else a)[n // 2, n // 2] = numpy.inf
        ours = gain.array(a)
        for full in (True, False):
            u, s, vh = map(host, L.svd(ours, full))
            assert numpy.isfinite(u).all() and numpy.isfinite(vh).all()
            assert (numpy.isnan(s) == numpy.isnan(numpy.linalg.svd(a, compute_uv=False))).all()
        # (NumPy's is NaN where its vectors are.)
        theirs = numpy.linalg.pinv(a)
        close(where_finite(theirs, L.pinv(ours)), where_finite(theirs, theirs), n, scale=100)
        values, vectors = map(host, L.eigh(ours))
        assert (numpy.isnan(values) == numpy.isnan(numpy.linalg.eigh(a)[0])).all() and numpy.isfinite(vectors).all()
        assert (numpy.isinf(values) == numpy.isinf(numpy.linalg.eigh(a)[0])).all()
        if dtype == "f8":
            a = numpy.broadcast_to(numpy.diag([2.0, 3, numpy.inf]), stack + (3, 3))
            for one, two in zip(L.slogdet(gain.array(a)), numpy.linalg.slogdet(a)):
                assert (host(one) == two).all()
            assert (host(L.det(gain.array(a))) == numpy.inf).all()
    a = numpy.ones((5, 3))
    a[2, 1] = numpy.inf
    for bad in (a, a * numpy.nan):
        try:
            L.lstsq(gain.array(bad), gain.ones(5))
        except L.LinAlgError as error:
            assert str(error) == "SVD did not converge in Linear Least Squares"
        else:
            raise AssertionError("values that are none make no least squares")


def some(random, cases):
    """All cases; on several ranks, where each of many small steps is a meeting, a few of them that are drawn alike."""
    cases = list(cases)
    count = len(cases) if gain.ranks() == 1 or os.environ.get("GAIN_TEST_ALL") else 7
    return [cases[i] for i in random.permutation(len(cases))[:count]]


def main(seed=1):
    random = numpy.random.default_rng(seed)
    warnings.simplefilter("ignore")
    for n, stack, dtype in some(random, itertools.product((0, 1, 2, 3, 7, 20), ((), (5,), (2, 3)), TYPES)):
        squares(random, n, stack, dtype)
    for n, stack, dtype in some(random, [(70, (), "f8"), (45, (3,), "c16"), (3, (700,), "f8"), (2, (0,), "f8")]):
        squares(random, n, stack, dtype)
    shapes = ((0, 3), (3, 0), (1, 4), (4, 1), (5, 3), (3, 8), (20, 9))
    for (m, n), stack, dtype in some(random, itertools.product(shapes, ((), (4,)), TYPES)):
        oblongs(random, m, n, stack, dtype)
    for m, n, stack, dtype in some(random, [(90, 70, (), "f8"), (33, 75, (2,), "c16"), (200, 12, (), "f4")]):
        oblongs(random, m, n, stack, dtype)
    refused(random)
    infinite(random)
    others(random)
    if gain.ranks() > 1:
        # (What all ranks do together of matrices that few ranks would leave to one of them.)
        gain.linalg._polar._SMALL_OF_FEW = 256
    large(random, 300)
    if gain.ranks() == 1:
        a = made(random, (300, 300), "f8")
        a[:, 150:225] = 0
        singulars(random, a, 300, 300)
    is_alone, is_all = gain.ranks() == 1, bool(os.environ.get("GAIN_TEST_ALL"))
    shapes = some(random, [(280, 280, "f8"), (320, 270, "f8"), (260, 300, "c16"), (330, 260, "c8")])
    for m, n, dtype in shapes[:4 if is_alone or is_all else 1]:
        large_others(random, m, n, dtype)
    for dtype in some(random, TYPES)[:4 if is_all else 2 if is_alone else 1]:
        triangles(random, 270, dtype)
        spectra(random, 270, dtype)
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
