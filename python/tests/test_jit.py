"""`gain.jit`: kernels in loops and in NumPy's operators against plain Python, their loops against an interpreter that traces, random programs, each guard, and what
isn't understood.
"""

import math
import os
import warnings

import gain
import numpy as np
import pytest
from kernels import arrays, data, generate, lists, tracer

SIZES = (0, 1, 5, 45)

# What is on disk would keep the compiler from being tested.
os.environ["GAIN_CACHE_DIR"] = ""


def same(ours, theirs):
    """Whether arguments of two calls are alike, up to the order of sums."""
    assert type(ours) is type(theirs)
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-11)


def both(function, compiled, arguments):
    """Calls both on copies: what they raise (nothing: None), and what becomes of the arguments, has to be the same."""
    ours, theirs = data.copied(arguments), data.copied(arguments)
    outcomes = []
    for call, given in ((compiled, ours), (function, theirs)):
        try:
            call(*given)
            outcomes.append(None)
        except Exception as error:  # noqa: BLE001 - whatever Python raises
            outcomes.append((type(error), str(error)))
    assert outcomes[0] == outcomes[1], compiled.explain()
    for one, other in zip(ours, theirs):
        same(one, other)
    return outcomes[0]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", data.NAMES)
def test_kernels(name):
    for form, module in (("lists", lists), ("loops over arrays", lists), ("arrays", arrays)):
        function = getattr(module, name)
        compiled = gain.jit(function)
        for n in SIZES:
            # Plain Python takes its time; at the largest size products are handed to libraries.
            if n == 45 and (form == "lists" or name in ("doitgen", "heat_3d", "nussinov", "durbin", "adi")):
                continue
            arguments = data.arguments(name, n)
            raised = both(function, compiled, data.lists(arguments) if form == "lists" else arguments)
            if n >= 5:
                is_compiled = ": compiled" in compiled.explain()
                assert raised is None and is_compiled, compiled.explain()


def test_loops_are_what_they_do():
    total = 0
    for name in data.NAMES:
        function = getattr(lists, name)
        trace = tracer.Tracer(function)
        compiled = gain.jit(function)
        for n in (5,):
            arguments = data.lists(data.arguments(name, n))
            found = trace.run(*data.copied(arguments))
            compiled(*arguments)
        assert [what for _, what in compiled.loops()] == found, name
        total += len(found)
    assert total > 140


def programs(first, end):
    """How many calls of random programs ran compiled; all have to do what plain Python does, bit for bit."""
    compiled = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(first, end):
            generator = generate.Generator(seed)
            function, text = generator.function()
            ours = gain.jit(function, strict=True)
            for _ in range(3):
                state = generator.random.getstate()
                expected = generate.outcome(function, generator.arguments())
                generator.random.setstate(state)
                got = generate.outcome(ours, generator.arguments())
                assert repr(got) == repr(expected), f"seed {seed}\n{text}\n{ours.explain()}"
                compiled += ": compiled" in ours.explain()
    return compiled


def test_random_programs():
    assert programs(0, 100) > 100


@pytest.mark.skipif("GAIN_TEST_ALL" not in os.environ, reason="many random programs: GAIN_TEST_ALL=1")
def test_many_random_programs():
    assert programs(1000, 11000) > 10000


# ---- what keeps a call from being run compiled ----


def axpy(a, x, y):
    for i in range(len(x)):
        y[i] += a * x[i]


def shifted(n, x, y):
    for i in range(n):
        y[i] = x[i - 1]


def indexed(x, at, y):
    for i in range(len(at)):
        y[i] = x[at[i]]


def divided(x, y):
    for i in range(len(x)):
        y[i] = y[i] / x[i]


def rooted(x):
    for i in range(len(x)):
        x[i] = math.sqrt(x[i])


def added(n, total):
    for i in range(n):
        total = total + total
    return total


def matrix(a, b):
    b[:] = 2.0 * a


def sliced(k, a, b):
    b[: k + 1] = a[k:]


def two_rows(a):
    for i in range(len(a)):
        for j in range(len(a[0])):
            a[i][j] = a[i][j] + a[0][j]


def bounded_and_not(a, x):
    for i in range(len(x)):
        for j in range(i):
            x[i] += a[i - 1]
    for i in range(len(x)):
        x[i] += a[i - 1]


F = [1.0, 2.0, 3.0, 4.0]
ROW = [1.0, 2.0]
OVERLAP = np.arange(8.0)
CASES = [
    ("no number, array or list", axpy, lambda: (2.0, "text", [1.0])),
    ("no number, array or list", axpy, lambda: (True, list(F), list(F))),
    ("no number, array or list", axpy, lambda: (2.0, np.ones(3, np.float32), np.ones(3, np.float32))),
    ("no number, array or list", axpy, lambda: (2.0, [], [])),
    ("several kinds", axpy, lambda: (2.0, [1.0, 2], [1.0, 2.0])),
    ("isn't regular", two_rows, lambda: ([[1.0, 2.0], [3.0]],)),
    ("in common", two_rows, lambda: ([ROW, ROW],)),
    ("in common", axpy, lambda: (2.0, F, F)),
    ("overlaps", axpy, lambda: (2.0, OVERLAP[:-1], OVERLAP[1:])),
    ("may overlap", axpy, lambda: (2.0, OVERLAP[::2], OVERLAP[::-2])),
    ("written to", axpy, lambda: (2.0, np.ones(3), np.frombuffer(b"\0" * 24))),
    ("within it", axpy, lambda: (2.0, list(F), [1.0])),
    ("within it", shifted, lambda: (4, list(F), list(F))),
    ("within it", bounded_and_not, lambda: (list(F), list(F))),
    ("or that leaves 64 bits", indexed, lambda: (list(F), [0, 3, -1], [0.0, 0.0, 0.0])),
    ("or that leaves 64 bits", indexed, lambda: (list(F), [0, 4], [0.0, 0.0])),
    ("raises or warns", divided, lambda: ([1.0, 0.0], [1.0, 2.0])),
    ("raises or warns", divided, lambda: (np.array([1.0, 0.0]), np.array([1.0, 2.0]))),
    ("raises or warns", rooted, lambda: ([4.0, -1.0, 9.0],)),
    ("leaves 64 bits", added, lambda: (80, 1)),
    ("31 bits", added, lambda: (2, 1 << 40)),
    ("equal", matrix, lambda: (np.ones((1, 3)), np.ones((2, 3)))),
    ("slice", sliced, lambda: (-1, np.arange(4.0), np.zeros(4))),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("reason, function, make", CASES)
def test_guards(reason, function, make):
    compiled = gain.jit(function)
    outcomes = []
    for call in (compiled, function):
        arguments = make()
        copies = data.copied(arguments) if function not in (two_rows, axpy) else arguments
        held = [np.array(x) if isinstance(x, np.ndarray) else x for x in copies]
        before = OVERLAP.copy(), list(F), list(ROW)
        try:
            given = call(*copies)
        except Exception as error:  # noqa: BLE001 - whatever Python raises
            given = type(error), str(error)
        outcomes.append(repr((given, copies, OVERLAP, F, ROW, len(held))))
        OVERLAP[:], F[:], ROW[:] = before
    assert outcomes[0] == outcomes[1]
    assert reason in compiled.explain() and "the plain function" in compiled.explain(), compiled.explain()


def while_loop(n):
    while n > 3:
        n -= 1
    return n


def caught(x):
    try:
        return x[0]
    except IndexError:
        return None


def several_types(n):
    total = 0
    for i in range(n):
        total = total + 0.5
    return total


def behind(n):
    i = 5
    for i in range(n):
        pass
    return i


def sorts(x):
    return np.sort(x)


def early(x):
    for i in range(len(x)):
        if x[i] > 1.0:
            return i
    return -1


def grows(x):
    return max(max(max(max(max(max(max(max(max(max(max(max(x, 1), 2), 3), 4), 5), 6), 7), 8), 9), 10), 11), 12)


@pytest.mark.parametrize(
    "function, argument, line",
    [(grows, 3, 1), (while_loop, 9, 1), (caught, [1.0], 1), (several_types, 3, 3), (behind, 3, 4), (sorts, np.arange(3.0)[::-1], 1), (early, [0.5, 2.0], 3)],
)
def test_what_is_not_understood_runs_as_it_is(function, argument, line):
    compiled = gain.jit(function)
    assert np.array_equal(compiled(argument), function(argument))
    line += function.__code__.co_firstlineno
    assert f"line {line}:" in compiled.explain() and "plain function" in compiled.explain(), compiled.explain()


def dot(x, y):
    total = 0.0
    for i in range(len(x)):
        total += x[i] * y[i]
    return total


def product(a, b):
    return a @ b


def test_strict_keeps_the_order_of_sums():
    x, y = np.random.default_rng(1).random((2, 10001))
    assert gain.jit(dot, strict=True)(x, y) == dot(x, y)
    assert abs(gain.jit(dot)(x, y) - dot(x, y)) < 1e-9
    compiled = gain.jit(product, strict=True)
    assert np.array_equal(compiled(x, y), x @ y) and "strict" in compiled.explain()
    triangle, plain = gain.jit(lists.gemm, strict=True), lists.gemm
    arguments = data.arguments("gemm", 60)
    ours, theirs = data.copied(arguments), data.copied(arguments)
    triangle(*ours)
    plain(*theirs)
    assert np.array_equal(ours[2], theirs[2])


def of_ints(a, b, c):
    for i in range(len(a)):
        c[i] = a[i] // b[i] + 3 * (a[i] % b[i]) - (i * i) // 7 + max(a[i], b[i]) + abs(a[i])


def ratios(a, b, c):
    for i in range(len(a)):
        c[i] = a[i] / b[i] + (a[i] < b[i]) * 0.0 if a[i] != b[i] else 1.0


def halves(a, b, c):
    for i in range(len(a)):
        c[i] = a[i] / b[i] + i / 3


def test_ints_are_python_s():
    values = [-(2**62), -7, -6, -1, 0, 1, 5, 6, 7, 2**53 + 1, 2**62]
    a, b = [[x for x in values for _ in values], [x for _ in values for x in values]]
    for function in (of_ints, halves, ratios):
        compiled = gain.jit(function)
        ran = 0
        for x, y in zip(a, b):
            for kind in (list, np.array):
                outcomes = []
                for call in (compiled, function):
                    c = kind([0.0 if function is not of_ints else 0])
                    try:
                        with np.errstate(all="ignore"):
                            call(kind([x]), kind([y]), c)
                        outcomes.append(c.tolist() if kind is np.array else c)
                    except Exception as error:  # noqa: BLE001 - whatever Python raises
                        outcomes.append(repr(error))
                assert repr(outcomes[0]) == repr(outcomes[1]), (function, x, y, compiled.explain())
                ran += ": compiled" in compiled.explain()
        assert ran > 60 or function is ratios


SLICES = """
a[1:] = a[:-1]
a[:-1] += a[1:]
a[::-1] = a
a[::2] = b[1::2]
a[1:-1] = b[:-2] * 2.0 - b[2:]
a[:] = b[::-1]
a[1:] = np.maximum(a[:-1], b[1:])
m[1:, 1:] = m[:-1, :-1] + 1.0
m[:] = m.T
m += a
m *= a[:, np.newaxis]
m[:, 0] = m[0]
m[1:-1, ::2] = b[0]
m[:] = a[:, None] * b + m[:, ::-1]
a[:] = m[1] @ m
a[:] = m @ a
a[:] = m.sum(axis=1) - m.max(axis=0) + m.min(1) + m.mean(0)
m[:] = np.where(m > 0.5, m, b) * np.triu(m) - np.tril(m, -1)
m[m < 0.5] = 0.25
a[a > b] = 0.0
m[:] = m @ m.T
m[..., 1] = np.outer(a, b)[2] ** 2
a[:] = np.sqrt(np.abs(m[-1])) / (1.0 + b)
a[0] = a @ b + np.sum(m) + m[-1, -2]
m[2:, :3] = np.dot(m[2:, :4], m[:4, :3])
a[1:4][::-1] = b[2:5]
""".strip().split("\n")


@pytest.mark.parametrize("line", SLICES)
def test_slices(line):
    text = f"def function(a, b, m):\n    {line}\n"
    name = f"<{line}>"
    generate.linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    scope = {"np": np}
    exec(compile(text, name, "exec"), scope)
    function = scope["function"]
    compiled = gain.jit(function)
    for n in (0, 1, 2, 6, 9, 17, 50):
        rng = np.random.default_rng(n)
        raised = both(function, compiled, (rng.random(n), rng.random(n), rng.random((n, n))))
        odd = line.startswith("a[::2]")  # (lengths of which halves are taken aren't compared)
        assert n < 6 or odd or (raised is None and ": compiled" in compiled.explain()), compiled.explain()


def makes(n, m):
    table = [[0.0] * m for _ in range(n)]
    for i in range(n):
        for j in range(m):
            table[i][j] = i - 0.5 * j
    return table, n * m


def scaled(a, factor):
    result = np.zeros(a.shape)
    for i in range(a.shape[0]):
        result[i] = a[i] * factor + np.maximum(a[i], 0.5) - np.where(a[i] > 0.25, a[i], 1.0)
    return result


def test_results():
    assert gain.jit(makes)(3, 4) == makes(3, 4)
    a = np.random.default_rng(2).random((5, 7))
    compiled = gain.jit(scaled)
    for given in (a, a.T, a[::2, ::-1], np.asfortranarray(a)):
        got = compiled(given, 3.0)
        assert type(got) is np.ndarray and np.array_equal(got, scaled(given, 3.0))
        assert ": compiled" in compiled.explain(), compiled.explain()
    ours = compiled(gain.asarray(a), 3.0)
    assert isinstance(ours, gain.ndarray) and np.array_equal(ours.numpy(), scaled(a, 3.0))


def test_arrays_of_gain_are_written_to():
    arguments = data.arguments("jacobi_2d", 12)
    theirs = data.copied(arguments)
    arrays.jacobi_2d(*theirs)
    ours = [gain.array(x) if isinstance(x, np.ndarray) else x for x in arguments]
    gain.jit(arrays.jacobi_2d)(*ours)
    assert np.array_equal(ours[1].numpy(), theirs[1]) and np.array_equal(ours[2].numpy(), theirs[2])


SCALE = 2.0


def scaled_by_a_global(x):
    for i in range(len(x)):
        x[i] = x[i] * SCALE


def test_globals_are_looked_up_at_each_call(monkeypatch):
    compiled = gain.jit(scaled_by_a_global)
    x = np.ones(3)
    compiled(x)
    monkeypatch.setitem(globals(), "SCALE", 5.0)
    compiled(x)
    assert x.tolist() == [10.0] * 3 and ": compiled" in compiled.explain()
    monkeypatch.setitem(globals(), "SCALE", "no number")
    with pytest.raises(TypeError):
        compiled([1.0])


def test_numbers_that_are_not_finite_stay_where_they_are():
    # The triangular product is computed in full and masked; zeros must not spread what isn't finite.
    alpha, a, b = data.arguments("trmm", 60)
    b[0] = np.inf
    a[np.triu_indices(60, 1)] = np.nan
    ours, theirs = b.copy(), b.copy()
    with np.errstate(all="ignore"):
        gain.jit(lists.trmm)(alpha, a, ours)
        lists.trmm(alpha, a, theirs)
    np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-11)
