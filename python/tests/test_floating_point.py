"""Where operations were recorded, and NumPy's floating-point state: which warnings, with which text, at which line."""

import sys
import warnings

import numpy
import pytest

import gain
import jobs


def here():
    """The caller's line."""
    return (__file__, sys._getframe(1).f_lineno)


def test_the_line_that_recorded_a_value():
    ones = gain.ones(100_000)
    made, line = ones * 2, here()
    assert made._recorded_at() == line
    clipped, line = gain.clip(made, 0, 1), here()
    assert clipped._recorded_at() == line, "frames of the package are stepped over"
    made[3:70_000], line = 7, here()
    assert made._recorded_at() == line
    both = [ones + i for i in range(2)]
    assert both[0]._recorded_at() == both[1]._recorded_at() == (__file__, here()[1] - 1)


def test_no_frame_is_kept():
    class Marker:
        alive = 0

        def __init__(self):
            Marker.alive += 1

        def __del__(self):
            Marker.alive -= 1

    def record():
        marker = Marker()
        return gain.ones(100_000) + 1, marker

    kept = [record()[0] for _ in range(3)]
    assert Marker.alive == 0 and len(kept) == 3
    names = {"gain": gain, "marker": Marker()}
    exec("kept = gain.ones(100_000) + 1", names)
    kept = names["kept"]
    del names
    assert Marker.alive == 0 and kept._recorded_at() == ("<string>", 1)


OPERANDS = {
    "z": "np.zeros(40)", "o": "np.ones(40)", "big": "np.full(40, 1e308)", "neg": "-np.ones(40)",
    "odd": "np.array([numpy.nan, 1e300, -numpy.inf, 1.5] * 10)", "small": "np.full(40, 1e-200)",
    "i": "np.arange(-20, 20)", "u": "np.arange(40).astype('u1')", "f": "np.full(40, 1e30, 'f4')",
    "c": "np.full(40, 1e308 + 0j)", "cz": "np.zeros(40, 'c16')", "m": "np.arange(40) % 2 == 0",
}

EXPRESSIONS = """
o / z
z / z
z * numpy.inf
big * big
big * big - big * big
o * 2 + big * 10
big * 10 + o * 2
(big + big) * 0.25 + (o + o) * 0.5
((o - z) * big) * big
(big - o) * big - big * big
big * big * 0 + o / z
-(big + big) / z
np.exp(big)
np.exp(odd)
np.log(neg)
np.log(z)
np.log(odd)
np.sin(odd)
np.cos(o / 3)
np.tan(odd)
np.sqrt(neg)
np.square(big)
np.reciprocal(z)
np.reciprocal(i)
np.exp2(big)
np.expm1(big)
np.log2(z)
np.log10(neg)
np.log1p(neg)
np.log1p(2 * neg)
np.sinh(big)
np.cosh(big)
np.tanh(odd)
np.arcsin(2 * o)
np.arccosh(z)
np.arctanh(o)
np.arctanh(2 * o)
np.degrees(big)
np.cbrt(neg)
np.power(z, -1.0)
np.power(neg, 0.5)
np.power(big, 2)
big ** 2
np.float_power(big, 2)
np.hypot(odd, odd)
np.hypot(2 * big, 2 * big)
np.logaddexp(big, big)
np.arctan2(odd, odd)
np.ldexp(o, 5000)
np.nextafter(np.full(40, 1.7976931348623157e308), numpy.inf)
np.floor_divide(o, z)
np.floor_divide(z, z)
np.remainder(o, z)
np.fmod(o, z)
np.divmod(o, z)
np.modf(odd)
np.frexp(odd)
np.sign(odd)
np.rint(odd)
np.floor(odd)
abs(odd)
np.minimum(odd, 0)
np.fmax(odd, 0)
odd < 0
odd == odd
(odd < 0) & (big > 1)
np.isfinite(odd)
np.heaviside(odd, 0)
np.copysign(odd, neg)
np.clip(odd, 0, 1)
np.where(odd < 0, odd, 1)
np.where(z == 0, 0, o / z)
np.isclose(odd, odd)
i // 0
i % 0
i // i
u // u
divmod(i, 0)
np.fmod(i, 0)
np.array([-2**63] * 40) // -1
np.array([-2**63] * 40) % -1
np.array([-128] * 40, 'i1') // np.array([-1] * 40, 'i1')
i * 2**62 * 4
i << 70
abs(np.array([-128] * 40, 'i1'))
f * f
f * 1e300
f + np.float64(1e300)
f * 1e30 - f * 1e30
np.exp(f)
np.log(-f)
odd.astype(int)
odd.astype('i2')
odd.astype('u8')
odd.astype('f4')
odd.astype(bool)
(big * 10).astype('u4')
np.array([300.0, -1] * 20).astype('i1')
np.array([1e19] * 40).astype('u8')
np.array([2e19] * 40).astype('u8')
np.add(odd, 1, dtype=int, casting='unsafe')
np.add(big, 1, dtype='f4')
np.full(40, 1e300, 'f4')
c * c
c / cz
cz / cz
np.exp(c)
np.log(cz)
c.astype('c8')
np.abs(c + 1j * c)
np.sqrt(c)
np.maximum(c, c)
np.power(cz, -2.5)
cz ** c.astype('c8')
np.add.accumulate(c + 1j, dtype='f8')
np.hypot.reduce(c + 1j, dtype='f8')
np.logaddexp.reduceat(c, [0, 3], dtype='f8')
odd.sum()
np.array([numpy.inf, -numpy.inf] * 20).sum()
np.array([numpy.inf, -numpy.inf] * 20).reshape(20, 2).sum(1)
np.array([numpy.inf, -numpy.inf] * 20).reshape(20, 2).mean(axis=1)
big.sum()
big.reshape(8, 5).sum(0)
big.prod()
(big * big).sum()
(big - o).max()
odd.max()
np.fmin.reduce(odd)
np.add.reduce(f * 1e9)
(big * 3 - o).sum()
np.std(big)
np.dot(big, big)
big @ big
np.inner(big, big)
big.reshape(8, 5) @ big.reshape(5, 8)
np.dot(big.reshape(8, 5), big[:5])
(o * numpy.inf).reshape(8, 5) @ z.reshape(5, 8)
(o * numpy.nan).reshape(8, 5) @ o.reshape(5, 8)
f.reshape(8, 5) @ f.reshape(5, 8)
o.reshape(8, 5) @ o.reshape(5, 8)
np.vdot(big, big)
big.reshape(2, 4, 5) @ big.reshape(2, 5, 4)
(o * numpy.inf).reshape(2, 4, 5) @ z.reshape(2, 5, 4)
(o * numpy.nan).reshape(2, 4, 5) @ o.reshape(2, 5, 4)
o.reshape(2, 4, 5) @ o.reshape(2, 5, 4)
f.reshape(8, 5) * 1e9 @ f[:5]
np.dot(big.reshape(2, 4, 5), big.reshape(2, 5, 4))
np.inner(big.reshape(2, 4, 5), big.reshape(8, 5))
np.tensordot(big.reshape(8, 5), big.reshape(8, 5))
np.matvec(big.reshape(2, 4, 5), big[:5])
np.matvec((o * numpy.inf).reshape(2, 4, 5), z[:5])
np.matvec(f.reshape(8, 5) * 1e9, o[:5])
np.vecmat(big[:4], big.reshape(2, 4, 5))
np.vecmat((o * numpy.inf)[:4], z.reshape(2, 4, 5))
np.vecdot(big.reshape(8, 5), big[:5])
np.vecdot(big, big)
np.vecdot((o * numpy.inf).reshape(8, 5), z.reshape(8, 5))
np.vecdot((o * numpy.nan).reshape(8, 5), o.reshape(8, 5))
np.vecdot(c.reshape(8, 5), o[:5])
np.vecdot(i, i)
np.matmul(big.reshape(8, 5), o.reshape(5, 8), out=np.zeros((8, 8), 'f4'))
np.divide(o, z, where=~m, out=o.copy())
np.divide(o, np.where(m, 0.0, 1.0), where=~m, out=o.copy())
np.divide(o, np.where(m, 0.0, 1.0), where=m, out=o.copy())
np.log(np.where(m, -1.0, 1.0), where=~m, out=o.copy())
np.arctanh(o, where=~m & m, out=o.copy())
np.floor_divide(i, i, where=i != 0, out=i.copy())
np.sum(np.array([numpy.inf, -numpy.inf] * 20), where=m)
np.zeros(0).mean()
np.zeros((3, 0)).mean(axis=1)
np.zeros(0).sum()
np.linspace(0, numpy.inf, 3)
np.round(big, 2)
small * small
np.exp(-big)
""".strip().splitlines()

# What is done besides evaluating an expression: the result in an array, in place, by parts.
STATEMENTS = """
a = o.copy(); a /= 0
a = i.copy(); a //= 0
a = big.copy(); a *= a; a -= o
a = big.copy(); a = a * a + o
a = big.copy(); a = (a * 2 - a) * 3 - a * a
a = big.copy(); b = a * 2; b[3] = 1; a += b
a = np.zeros(40, int); a[:] = odd
a = np.zeros(40, int); a[3:9] = odd[:6]
a = np.zeros(40, 'f4'); a[:2] = big[:2]
a = np.zeros(40, 'f4'); a[:] = 1e300
a = np.zeros(40, 'f4'); a[1] = 1e300
a = o.copy(); a[1:-1] = (a[:-2] + a[2:]) / z[1:-1]
a = o / z; b = a + 1; c = a + 2
a = np.zeros((2, 3)); a[0] = 1; a = a / a; b = a * 2
a = tuple(o / z for k in range(3))
a = tuple((o * big) * big + k for k in range(3))
a = np.zeros(40, int); np.copyto(a, odd, casting='unsafe')
a = big.copy(); np.add.at(a, [0, 0], big[:2])
a = big.copy(); np.add.at(a, slice(None), big)
a = big.copy(); np.add.at(a.reshape(8, 5), [0, 0], big[:5])
a = o.copy(); np.divide.at(a, np.arange(3), 0.0)
a = neg.copy(); np.sqrt.at(a, [1])
a = f.copy(); np.multiply.at(a, [1], np.float64(1e30))
a = u.copy(); np.maximum.at(a, [1], np.array([3 + 1j]))
""".strip().splitlines()


def collect(np, source, line=7, **state):
    """Texts, categories and lines of the warnings that the code gives, with all that it computes evaluated."""
    names = {"np": np, "numpy": numpy}
    for name, text in OPERANDS.items():
        names[name] = eval(text, names)
    for value in list(names.values()):
        if isinstance(value, gain.ndarray):
            value.force()
    old = set(map(id, names.values()))
    with warnings.catch_warnings(record=True) as given, numpy.errstate(**state):
        warnings.simplefilter("always")
        code = "\n" * (line - 1) + (source if source.startswith("a = ") else f"made = {source}")
        exec(compile(code, "of the user", "exec"), names)
    with warnings.catch_warnings(record=True) as later:
        warnings.simplefilter("always")
        for value in list(names.values()):
            for part in value if isinstance(value, tuple) else (value,):
                if isinstance(part, gain.ndarray) and id(part) not in old:
                    part.force()
        gain.barrier()
    place = (lambda w: (w.filename, w.lineno)) if np is gain else (lambda w: ("of the user", line))
    return [(str(w.message), w.category.__name__, *place(w)) for w in given + later]


@pytest.mark.parametrize("source", EXPRESSIONS + STATEMENTS)
@pytest.mark.parametrize("state", [{}, {"all": "ignore"}, {"divide": "ignore"}, {"over": "ignore", "invalid": "warn"}], ids=str)
def test_warnings_are_numpys(source, state):
    assert sorted(collect(gain, source, **state)) == sorted(collect(numpy, source, **state))


@pytest.mark.parametrize("ranks,threshold", [(1, 0), (2, 0), (3, 0), (3, 65536)])
def test_warnings_are_numpys_on_every_rank(ranks, threshold):
    """All of them in one job: what every rank is told, and what rank 0 alone prints."""
    done = jobs.script(
        f"""
        import sys; sys.path.insert(0, {str(jobs.HERE)!r})
        import gain, numpy
        import test_floating_point as t
        wrong = []
        for source in t.EXPRESSIONS + t.STATEMENTS:
            mine, theirs = sorted(t.collect(gain, source)), sorted(t.collect(numpy, source))
            if mine != theirs: wrong.append((source, mine, theirs))
        print(*wrong, sep="\\n")
        print("rank", gain.rank(), len(wrong), "wrong", file=sys.stderr)
        """,
        ranks, {"GAIN_THRESHOLD": str(threshold)}, 120,
    )
    assert done.returncode == 0 and done.stdout.strip() == "", done.stdout + done.stderr
    assert done.stderr.count(" 0 wrong") == ranks, done.stderr


def test_the_line_is_the_one_that_recorded():
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        zeros, big = gain.zeros(100_000), gain.ones(100_000) * 1e300
        ratio, first = 1 / zeros, here()
        product, second = (
            big * big
        ), (__file__, here()[1] - 1)
        total, third = gain.sum(ratio - ratio), here()
        assert numpy.isnan(total)
        product.force()
    places = {str(w.message): (w.filename, w.lineno) for w in given}
    assert places == {
        "divide by zero encountered in divide": first,
        "invalid value encountered in subtract": third,
        "overflow encountered in multiply": second,
    }


def test_a_value_is_told_of_once():
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        ratio = 1 / gain.zeros(100_000)
        for _ in range(3):
            (ratio[5:] + 1).force()
            (ratio[:-5] * 2).force()
            ratio.sum()
    assert len(given) == 1


def test_filters_act_on_the_users_line():
    zeros = gain.zeros(100_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="divide by zero encountered in divide"):
            (1 / zeros).force()
        warnings.filterwarnings("ignore", module=__name__)
        (1 / zeros).force()
        warnings.filterwarnings("error", lineno=here()[1] + 1)
        with pytest.raises(RuntimeWarning): (1 / zeros).force()  # fmt: skip
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("default")
        for _ in range(3):
            (2 / zeros).force()
    assert len(given) == 1, "the default filter shows a line once"


@pytest.mark.parametrize("size", [3, 100_000])
def test_states(size, capsys):
    zeros = gain.zeros(size)
    target = gain.zeros(size)
    with numpy.errstate(divide="raise"):
        with pytest.raises(FloatingPointError, match="^divide by zero encountered in divide$"):
            1 / zeros  # at the call
        with pytest.raises(FloatingPointError, match="^divide by zero encountered in log$"):
            gain.log(zeros, out=target)
        assert numpy.isneginf(target.numpy()).all()
        target[:] = 1
        with pytest.raises(FloatingPointError):
            target /= zeros
        assert numpy.isinf(target.numpy()).all(), "as NumPy, which writes what it has"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            (zeros / zeros).force()
    with numpy.errstate(all="raise"):
        for call in (lambda: zeros / 0, lambda: gain.sqrt(zeros - 1), lambda: gain.full(size, 1e300) ** 2,
                     lambda: (zeros + numpy.nan).astype(int), lambda: gain.exp(zeros - 1000),
                     lambda: gain.arange(size) // 0, lambda: gain.full(size, 1e308).sum()):
            with pytest.raises(FloatingPointError):
                call()
    with numpy.errstate(all="raise"):
        recorded_under_raise = gain.ones(size) * 2
    with numpy.errstate(all="ignore"):
        ignored = 1 / zeros
    with numpy.errstate(all="raise"):
        ignored.force(), recorded_under_raise.force()
    told = []
    with numpy.errstate(all="call", call=lambda *what: told.append(what)):
        (1 / zeros).force(), gain.exp(gain.ones(size) * 1e3).force(), gain.divmod(gain.ones(size), 0)[0].force()
    assert told == [("divide by zero", 1), ("overflow", 2), ("divide by zero", 9), ("invalid value", 9)]
    class Log(list):
        write = list.append
    log = Log()
    with numpy.errstate(all="log", call=log):
        (1 / zeros).force()
    assert log == ["Warning: divide by zero encountered in divide\n"]
    with numpy.errstate(all="print"):
        (1 / zeros).force()
    assert capsys.readouterr().err == "Warning: divide by zero encountered in divide\n"
    for state, text in (("call", "python callback specified for divide by zero (in  divide) but no function found."),
                        ("log", "log specified for divide by zero (in divide) but no object with write method found.")):
        with numpy.errstate(all=state, call=None), pytest.raises(NameError) as error:
            (1 / zeros).force()
        assert str(error.value) == text


def test_the_state_is_of_a_context():
    import threading

    seen = []
    def work():
        with warnings.catch_warnings(record=True) as given:
            warnings.simplefilter("always")
            (1 / gain.zeros(3)).force()
            seen.append(len(given))
    with gain.errstate(divide="ignore"):
        thread = threading.Thread(target=work)
        thread.start(), thread.join()
    assert seen == [1]
    old = gain.seterr(all="raise")
    try:
        with pytest.raises(FloatingPointError):
            1 / gain.zeros(3)
    finally:
        gain.seterr(**old)


@pytest.mark.parametrize("ranks,threshold", [(1, 0), (2, 0), (3, 0), (3, 65536)])
def test_ranks_are_told_alike(ranks, threshold):
    """One rank has the zero: all raise and all see the warning; rank 0 alone prints."""
    done = jobs.script(
        """
        import gain as np, numpy, sys, warnings
        x = np.arange(90.0)
        for k in (0, 40, 89):
            y = x - k
            with np.errstate(divide="raise"):
                try:
                    z = 1 / y
                    raise SystemExit("not raised")
                except FloatingPointError as error:
                    assert str(error) == "divide by zero encountered in divide"
            with warnings.catch_warnings(record=True) as given:
                warnings.simplefilter("always")
                z = 1 / y
                total = z[::-1].sum()
            assert len(given) == 1 and given[0].lineno == 14, given
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                try:
                    z = 1 / y
                    z.force(), np.barrier()
                    raise SystemExit("no error")
                except RuntimeWarning:
                    pass
            left = np.ones((3, 30, 4))
            left[k % 3, k // 3, 1] = 1e308
            for product in (lambda: left @ (np.ones((4, 5)) * 3), lambda: np.vecdot(left, 3.0 * np.ones(4)),
                            lambda: np.matvec(left, 3.0 * np.ones(4)), lambda: np.dot(left, 3.0 * np.ones(4))):
                with np.errstate(over="raise"):
                    try:
                        product()
                        raise SystemExit("not raised")
                    except FloatingPointError as error:
                        assert str(error).startswith("overflow encountered in ")
        (1 / x).force()
        np.barrier()
        np.log(x - 89).force()
        """,
        ranks, {"GAIN_THRESHOLD": str(threshold)},
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if "Warning" in line]
    assert sorted(line.split("RuntimeWarning: ")[1] for line in lines) == [
        "divide by zero encountered in divide", "divide by zero encountered in log", "invalid value encountered in log",
    ], done.stderr
