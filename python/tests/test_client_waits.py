"""Which calls of a client wait for the ranks: none whose result's shape and type follow from shapes and types; and when errors come that depend on elements."""

from test_remote import run

HEAD = """
    import numpy
    import gain as np
    session = np.connect(ranks=2)
    rng = numpy.random.default_rng(1)
    plain = rng.random((60, 60)) + numpy.eye(60)
    x, v, i = np.asarray(plain), np.arange(60.0), np.asarray(rng.integers(0, 60, 60))
    place = lambda: np._gain.remote_number(np.empty(1))
    def waits(text, names):
        before = place()
        exec(text, names)
        # (A call that is waited for takes a block of numbers.)
        return place() - before > 1000
"""


def test_what_has_a_known_shape_is_not_waited_for_and_is_right():
    """Each line is run with `gain`, without waiting, and with NumPy."""
    out = run(HEAD + """
    lines = '''
        x @ x; x @ v; np.dot(x, x); np.matmul(np.stack([x, x]), x); np.inner(x, x); np.tensordot(x, x, 1); np.einsum('ij,jk->ik', x, x); np.outer(v, v); np.kron(x[:3, :3], x[:2, :2])
        x.astype('f2') @ x.astype('f2'); np.vecdot(x, x); np.matvec(x, v); np.linalg.multi_dot([x, x, x]); np.linalg.matrix_power(x, 3); np.cov(x); np.convolve(v, v[:5])
        np.linalg.inv(x); np.linalg.solve(x, v); np.linalg.solve(x, x); np.linalg.svd(x)[1]; np.linalg.svdvals(x); np.linalg.eigvalsh(x); np.linalg.eigh(x + x.T)[0]
        np.linalg.cholesky(x @ x.T); np.linalg.qr(x).R; np.linalg.pinv(x); np.linalg.slogdet(np.stack([x, x]))[1]; np.linalg.norm(x, axis=0); np.linalg.tensorsolve(x.reshape(60, 6, 10), v)
        x[i]; x[i, i]; x[:, i]; x[[3, -1, 5]]; x[numpy.arange(5), 2]; np.take(x, i, 1); np.take_along_axis(x, np.argsort(x, 0), 0); x.copy()[i[:5]].sum(0)
        np.argmax(x, 0); x.argmin(1); np.argmax(x, axis=1, keepdims=True)
        np.median(x, 0); np.median(x, axis=1); np.percentile(x, 30, axis=0); np.percentile(x, [10, 90], axis=1); np.quantile(x, 0.25, axis=0); np.partition(x, 3, axis=0)[3]; np.argpartition(v, 5)[:5] * 0
        np.insert(v, 3, 7); np.insert(x, [1, 2], v, axis=0); np.delete(x, 4, 1); np.delete(v, [1, 2]); np.delete(v, slice(2, 9)); np.unwrap(v * 2); np.gradient(v); np.trapezoid(x); np.diff(x, axis=0)
        np.searchsorted(v, x); np.digitize(x, [0.2, 0.4, 0.9]); np.interp(x, v, v * 2); np.isin(i, [3, 4]); np.isin(i, i[:4]); np.histogram(x, bins=[0, 0.5, 1])[0]; np.histogram(x, bins=5, range=(0, 1))[0]
        np.add.reduceat(v, [0, 20, 40]); np.logical_and.reduce(x > 0); np.bincount; np.triu(x); np.block([[x, x]]); np.roll(x, 3, 0); np.sort(x, axis=None)[::7]
    '''
    theirs = {"np": numpy, "numpy": numpy, "x": plain, "v": numpy.arange(60.0), "i": i.numpy()}
    for text in [text.strip() for line in lines.strip().splitlines() for text in line.split(";")]:
        ours = dict(globals())
        if waits("found = " + text, ours):
            print("waited for:", text)
        exec("found = " + text, theirs)
        found, right = ours["found"], theirs["found"]
        if callable(right):
            continue
        if found.shape != right.shape or found.dtype != right.dtype:
            print("another shape or type:", text, found.shape, right.shape, found.dtype, right.dtype)
        elif not numpy.allclose(numpy.asarray(found), right, rtol=1e-2 if right.dtype == "f2" else 1e-7):
            print("wrong:", text)
    """)
    assert out == ""


def test_assignments_by_index_arrays_are_not_waited_for():
    out = run(HEAD + """
    y = plain.copy()
    for text in ("x[i] = v", "x[[1, 2], [3, 4]] = 5", "x[:, i] += 1", "np.put_along_axis(x, i[:, None], 7, 1)", "np.add.at(x, i, 2)", "np.put(x, [3, 5], 1)", "x[numpy.array([5, 5])] = 2"):
        if waits(text, globals()):
            print("waited for:", text)
        exec(text, {"np": numpy, "numpy": numpy, "x": y, "i": i.numpy(), "v": numpy.arange(60.0)})
    print(numpy.array_equal(x.numpy(), y))
    """)
    assert out == "True\n"


def test_uniform_draws_are_not_waited_for_and_are_numpys():
    out = run(HEAD + """
    ours, theirs = np.random.default_rng(5), numpy.random.default_rng(5)
    legacy, old = np.random.RandomState(5), numpy.random.RandomState(5)
    for text in ("ours.random(10_000)", "ours.uniform(1, 2, (100, 100))", "ours.random(9_999, dtype='f4')", "ours.random(9_999, dtype='f4')", "ours.integers(0, 2, 10_001, dtype=bool)",
                 "ours.exponential(2.0, 10, method='inv') if False else ours.standard_exponential(10_000, method='inv')", "legacy.rand(100, 100)", "legacy.uniform(0, 3, 10_000)"):
        if waits("found = " + text, globals()):
            print("waited for:", text)
        exec("right = " + text, {**globals(), "ours": theirs, "legacy": old}, place_ := {})
        if not numpy.allclose(found.numpy(), place_["right"], rtol=1e-15, atol=0):
            print("another:", text)
    # What follows is the same as well, and so are those that are waited for.
    print(numpy.array_equal(ours.normal(size=10_000).numpy(), theirs.normal(size=10_000)), ours.integers(1 << 40) == theirs.integers(1 << 40), legacy.randint(1 << 20) == old.randint(1 << 20))
    """)
    assert out == "True True True\n"


def test_errors_of_elements_come_with_the_next_answer_those_of_own_numbers_at_the_call():
    out = run(HEAD + """
    sent = session.recorded
    for wrong in (lambda: x[[1, 60]], lambda: x[numpy.array([3, -61])], lambda: x.__setitem__([70], 1), lambda: np.take(x, [99], 0), lambda: np.delete(x, 60, 0), lambda: x[numpy.array([1.5])], lambda: np.add.at(v, [60], 1)):
        try:
            wrong()
            print("nothing was raised")
        except IndexError as error:
            print(error)
    print(session.recorded - sent)
    for later in (lambda: x[i + 60], lambda: np.linalg.inv(x * 0), lambda: np.linalg.cholesky(-x), lambda: np.linalg.svd(x * np.nan)[1]):
        made = later()
        shape = made.shape
        w = v + 1
        try:
            print(float(w.sum()))
        except Exception as error:
            print(type(error).__name__, error, "|", error.__notes__[0].partition(",")[0], shape)
        try:
            made.numpy()
        except Exception as error:
            print(type(error).__name__)
        print(float(w.sum()))
    """)
    told = "raised by an earlier call"
    assert out == (
        "index 60 is out of bounds for axis 0 with size 60\nindex -61 is out of bounds for axis 0 with size 60\nindex 70 is out of bounds for axis 0 with size 60\n"
        "index 99 is out of bounds for axis 0 with size 60\nindex 60 is out of bounds for axis 0 with size 60\narrays used as indices must be of integer (or boolean) type\n"
        "index 60 is out of bounds for axis 0 with size 60\n0\n"
        + "".join(
            f"{kind} | {told} {shape}\n{kind.partition(' ')[0]}\n1830.0\n"
            for kind, shape in (
                ("IndexError index {} is out of bounds for axis 0 with size 60", (60, 60)), ("LinAlgError Singular matrix", (60, 60)),
                ("LinAlgError Matrix is not positive definite", (60, 60)), ("LinAlgError SVD did not converge", (60,)),
            )
        )
    ).replace("{}", out.partition("IndexError index ")[2].partition(" ")[0])
