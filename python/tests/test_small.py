"""Few elements, which are computed when asked for: types, layouts, assignments and exceptions beside NumPy.

The same program runs with the small arrays as they are and, with a threshold of 0, through passes over distributed ones.
"""

import warnings

import numpy
import pytest

import gain
import jobs

PROGRAM = """
    import itertools, operator, random, warnings
    import gain, numpy

    TYPES = ["?", "i1", "u2", "i4", "i8", "u8", "f4", "f8", "c8", "c16"]

    def layouts(np, dtype, seed):
        # Arrays of this type that show the same elements in both modules, by name.
        flat = (numpy.random.default_rng(seed).integers(-9, 10, 240) * 0.75).astype(dtype)
        base = np.array(flat)
        cube = base[:120].reshape(4, 5, 6)
        square = base[:30].reshape(5, 6)
        made = {
            "row": base[:6], "steps": base[0:12:2], "backwards": base[17:5:-2], "matrix": square,
            "turned": base[:30].reshape(6, 5).T, "inside": base[:80].reshape(8, 10)[1:6, 2:8], "column": base[:5].reshape(5, 1),
            "one": base[7:8], "none": base[3:3], "single": base[:1].reshape(1, 1), "repeated": np.broadcast_to(base[:6], (5, 6)),
            "cube": cube, "mixed": cube.transpose(1, 0, 2)[:, 1:3], "outside in": cube.transpose(2, 0, 1),
            "fortran": square.copy(order="F"), "empty": base[:0].reshape(0, 6),
        }
        if flat.dtype.kind == "c":
            made["parts"] = square.imag
        if flat.dtype.itemsize == 8:
            made["seen"] = square.view("u1")[:, 8:14]
        return made

    def same(ours, theirs, what):
        assert type(ours).__name__ == type(theirs).__name__ or not isinstance(theirs, numpy.ndarray), (what, type(ours), type(theirs))
        got = ours.numpy() if isinstance(ours, gain.ndarray) else numpy.asarray(ours)
        want = numpy.asarray(theirs)
        if want.dtype == "f2" != got.dtype:
            return
        assert (got.dtype, got.shape) == (want.dtype, want.shape), (what, got.dtype, got.shape, want.dtype, want.shape)
        if want.dtype.kind in "fc":
            near = numpy.isclose(got, want, 1e-5 if want.dtype.itemsize // (1 + (want.dtype.kind == "c")) == 4 else 1e-12, 0, equal_nan=True)
        else:
            near = got == want
        assert near.all(), (what, got, want)
        if isinstance(ours, gain.ndarray) and theirs.size > 1 and 1 not in theirs.shape:
            assert ours.strides == theirs.strides or 0 in theirs.strides, (what, ours.strides, theirs.strides)

    def outcome(work, np):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                made = work(np)
                if isinstance(made, gain.ndarray):
                    made.force()
            except (TypeError, ValueError, OverflowError) as error:
                return type(error).__name__, None, None
        return None, made, sorted({(w.category.__name__, str(w.message).split(" encountered")[0]) for w in told})

    def compare(what, work):
        ours, theirs = outcome(work, gain), outcome(work, numpy)
        assert ours[0] == theirs[0], (what, ours, theirs)
        if theirs[0] is None:
            same(ours[1], theirs[1], what)
            # Between ranks they are told when the ranks next meet.
            if gain.ranks() == 1 and what[0] != "power":
                assert ours[2] == theirs[2], (what, ours[2], theirs[2])

    ARITHMETIC = ["add", "subtract", "multiply", "divide", "floor_divide", "maximum", "less", "equal", "arctan2", "bitwise_xor", "power", "hypot"]
    ALONE = ["negative", "absolute", "sqrt", "square", "isfinite", "logical_not", "invert", "reciprocal", "conjugate"]
    NUMBERS = [2, -1, 0.5, 1e30, 3j, True, 300, numpy.float32(1.5), numpy.int8(3)]
    """

OPERATIONS = PROGRAM + """
    choose = random.Random({seed})
    for round in range({rounds}):
        op, one, two = choose.choice(ARITHMETIC), choose.choice(TYPES), choose.choice(TYPES)
        names = choose.choice(list(layouts(numpy, one, 1))), choose.choice(list(layouts(numpy, two, 2)))
        number, alone = choose.choice(NUMBERS), choose.choice(ALONE)
        first = lambda np: layouts(np, one, 1)[names[0]]
        second = lambda np: layouts(np, two, 2)[names[1]]
        compare((op, one, two, names), lambda np: getattr(np, op)(first(np), second(np)))
        compare((op, one, number, names), lambda np: getattr(np, op)(first(np), number))
        compare((op, number, two, names), lambda np: getattr(np, op)(number, second(np)))
        compare((alone, one, names), lambda np: getattr(np, alone)(first(np)))
        compare(("astype", one, two, names), lambda np: first(np).astype(two))
        compare(("copy", one, names), lambda np: first(np).copy("K"))
        compare(("dot", one, two, names), lambda np: np.dot(first(np).ravel()[:6], second(np).ravel()[:6]))

        def updated(np):
            a = first(np).copy("K")
            b = a.T
            a += number
            a *= second(np)
            return b
        compare(("updated", one, two, number, names), updated)
"""

ASSIGNMENTS = PROGRAM + """
    KEYS = [slice(None), slice(1, 4), slice(None, None, -1), slice(0, 5, 2), 2, -1, (slice(1, 4), slice(2, 5)), (slice(None), 3), (Ellipsis, 0),
            (slice(None, None, 2), slice(None, None, -2)), (slice(0, 0), slice(None)), (None, slice(1, 2))]
    choose = random.Random({seed})

    def program(np, script):
        # A few arrays that are views of one another, copies, and values that were asked for before a write.
        kept = []
        first, other = np.array(numpy.arange(30.0)).astype(script[0]).reshape(5, 6), np.array(numpy.arange(30)).astype(script[1]).reshape(5, 6) * 3
        arrays = [first, first.T, first[1:4], other, first.copy()]
        for step, a, b, key, other_key, number in script[2]:
            x, y = arrays[a % len(arrays)], arrays[b % len(arrays)]
            try:
                if step == "number":
                    x[key] = number
                elif step == "part":
                    x[key] = y[other_key]
                elif step == "shifted":
                    x[1:] = x[:-1]
                elif step == "turned":
                    x[...] = x[::-1]
                elif step == "sum":
                    x[key] = x[key] + y[key]
                elif step == "in place":
                    x[key] += 1
                elif step == "copy":
                    kept.append(x.copy())
                elif step == "later":
                    kept.append(x[key] * 2 + y[key])
                elif step == "new":
                    arrays.append(y[key].copy() if number else y.copy())
                elif step == "drop" and len(arrays) > 4:
                    del arrays[4]
                elif step == "out":
                    np.add(x, y, out=x)
                elif step == "picked":
                    x[[0, -1, 0]] = y[[1, 0, 2]]
                elif step == "repeated":
                    kept.append(np.repeat(x, [2, 0, 3][number % 3], [None, 0, -1][a % 3]))
                elif step == "fill":
                    x.fill(number)
            except (ValueError, TypeError, IndexError, OverflowError) as error:
                kept.append(numpy.array(type(error).__name__ == "TypeError"))
        return arrays + kept

    STEPS = ["number", "part", "shifted", "turned", "sum", "in place", "copy", "later", "new", "drop", "out", "fill", "picked", "repeated"]
    for round in range({rounds}):
        script = (choose.choice(["i4", "f8", "f4", "c16", "u1"]), choose.choice(["i2", "f8", "f4"]), [
            (choose.choice(STEPS), choose.randrange(8), choose.randrange(8), choose.choice(KEYS), choose.choice(KEYS), choose.choice([0, 1, 7]))
            for _ in range(14)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ours, theirs = program(gain, script), program(numpy, script)
            assert len(ours) == len(theirs), script
            for number, (a, b) in enumerate(zip(ours, theirs)):
                got = a.numpy() if isinstance(a, gain.ndarray) else numpy.asarray(a)
                assert got.dtype == numpy.asarray(b).dtype and numpy.array_equal(got, b, equal_nan=got.dtype.kind in "fc"), (script, number, got, b)
"""


@pytest.mark.parametrize("ranks,threshold,rounds", [(1, None, 400), (1, "0", 60), (2, None, 60), (3, "0", 25), (4, None, 25)])
@pytest.mark.parametrize("program", [OPERATIONS, ASSIGNMENTS], ids=["operations", "assignments"])
def test_few_elements_are_numpys(program, ranks, threshold, rounds):
    environment = {"GAIN_THRESHOLD": threshold} if threshold else {}
    text = program.replace("{seed}", str(ranks)).replace("{rounds}", str(rounds))
    done = jobs.script(text, ranks=ranks, environment=environment, deadline=120)
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_copy_is_a_copy_whatever_is_written():
    import gain
    import numpy

    for np in numpy, gain:
        u = np.zeros((6, 6))
        old, row = u.copy(), u[2]
        u[1:-1, 1:-1] = 3
        row[0] = 5
        newer = u.copy()
        u[2, 0] = 7
        assert float(old.sum()) == 0 and float(newer.sum()) == 53 and float(row[0]) == 7, np


def test_a_part_of_memory_seen_as_bytes_is_summed_from_where_it_begins():
    import gain
    import numpy

    a = gain.arange(4.0) + 1
    a.force()
    assert a.view("u1")[8:].sum() == (numpy.arange(4.0) + 1).view("u1")[8:].sum()


def test_what_a_variable_has_alone_is_overwritten_shared_and_shown():
    for np in numpy, gain:
        i = np.arange(5)
        i[i] = i[::-1]
        assert [int(x) for x in i] == [4, 3, 2, 1, 0], np
        i[i] = i
        assert [int(x) for x in i] == [0, 1, 2, 3, 4], np
        truth = np.array([True, False, True])
        truth[truth] = False
        assert not truth.any(), np
        u = np.zeros(4)
        before = u.copy()
        shown = numpy.asarray(memoryview(u))
        u[1], shown[0] = 2, 1
        after = u.copy()
        shown[2] = 3
        assert [float(x) for x in u] == [1, 2, 3, 0] and [float(x) for x in after] == [1, 2, 0, 0], np
        assert float(before.sum()) == 0 and float((u + after)[2]) == 3, np


def test_products_that_numpy_does_not_look_at_raise_nothing():
    for np in numpy, gain:
        x = np.array([1e200, numpy.inf])
        with np.errstate(all="raise"):
            assert float(np.einsum("i,i", x, x)) == float(np.vdot(x, x)) == numpy.inf, np
            with pytest.raises(FloatingPointError):
                x[:1] * x[:1]


def test_versions_change_with_every_write():
    """What prints elements one by one relies on it."""
    import gain

    u = gain.zeros(10)
    taken = iter(u)
    assert float(next(taken)) == 0
    u[1:3] = 4
    assert [float(x) for x in taken] == [4, 4, 0, 0, 0, 0, 0, 0, 0]


def test_numbers_given_to_functions_are_numpys():
    import gain
    import numpy

    for arguments in [(2.0,), (numpy.float32(2),), (4,)]:
        got = gain.sqrt(*arguments)
        assert type(got) is type(numpy.sqrt(*arguments)) and got == numpy.sqrt(*arguments)
    x = gain.arange(3.0)
    assert gain.maximum(x, 1).tolist() == gain.maximum(1.0, x).tolist() == [1, 1, 2]
    with pytest.raises(OverflowError):
        gain.add(gain.arange(3, dtype="u1"), 300)


def test_an_output_of_a_larger_shape_warns_once():
    """What few elements raise is told once, whichever way they are computed."""
    counts = []
    for np in numpy, gain:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            out = np.zeros((2, 3))
            np.divide(np.ones(3), np.zeros(3), out=out)
            assert numpy.isinf(numpy.asarray(out)).all()
        counts.append([str(one.message) for one in told])
    assert counts[0] == counts[1] == ["divide by zero encountered in divide"]
