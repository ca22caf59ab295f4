"""`ppeval`, `pfor`, `plugin` and coarrays, on one rank and on several, on one node and on two pretended ones."""

import subprocess

import jobs
import pytest

NODES = {"GAIN_FAKE_NODES": "2", "GAIN_TRANSPORT": "ucx", "UCX_TLS": "tcp,self"}
PLACES = pytest.mark.parametrize(
    "ranks, environment", [(1, {}), (3, {}), (3, {"GAIN_THRESHOLD": "0"}), (4, NODES | {"GAIN_THRESHOLD": "0"})]
)


def ran(text, ranks, environment):
    done = jobs.script(text, ranks, environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@PLACES
def test_tasks(ranks, environment):
    ran(
        """
        import gain as np, numpy
        x = numpy.random.default_rng(1).random((7, 5, 40))
        g = np.asarray(x)
        u, s, v = np.ppeval(numpy.linalg.svd, g)
        for k in range(40):
            for ours, theirs in zip((u, s, v), numpy.linalg.svd(x[..., k])):
                assert numpy.array_equal(ours[..., k].numpy(), theirs)
        m = np.ppeval(numpy.mean, np.ppsplit(g, 0))
        assert m.shape == (7,) and numpy.allclose(m.numpy(), x.mean(axis=(1, 2)))
        big = np.arange(30000).reshape(300, 100)
        r = np.ppeval(lambda column, k: column * k, big, np.ppbcast(3))
        assert r.dtype == big.dtype and r.shape == big.shape and (r == big * 3).all()
        assert np.ppeval(lambda a, b: a.sum() > b, big.T[::-1], numpy.arange(300)).dtype == bool
        # The type is the one that all results have together, whoever has them.
        mixed = np.ppeval(lambda i: 2.5 if i == 0 else int(i), numpy.arange(50))
        assert mixed.dtype == float and mixed.tolist() == [2.5, *range(1, 50)]
        assert np.ppeval(lambda i: None, numpy.arange(5)) is None
        assert np.ppeval(lambda a: a, numpy.zeros((1, 0, 1))) is not None
        one = np.ppeval(lambda row: row.sum(), numpy.ones((1, 5, 1)))   # the last axis longer than one
        assert one.tolist() == [1.0] * 5
        lengths = [3, 1, 4, 1, 5, 9]
        items = np.ppeval(lambda n: numpy.arange(n), lengths)
        assert isinstance(items, np.PPList) and [x.tolist() for x in items] == [list(range(n)) for n in lengths]
        assert items[-1].size == 9 and [x.size for x in items[1:3]] == [1, 4]
        assert np.ppeval(len, items).tolist() == lengths
        texts = np.ppeval(lambda i: "ab"[i % 2] * int(i), numpy.arange(6))
        assert list(texts) == ["", "b", "aa", "bbb", "aaaa", "bbbbb"]
        assert list(np.ppeval(lambda i: (i, i) if i else None, numpy.arange(3))) == [None, (1, 1), (2, 2)]

        @np.pfor(range(10))
        def squares(i):
            return i * i
        assert squares.tolist() == [i * i for i in range(10)]
        """,
        ranks,
        environment,
    )


@PLACES
def test_exceptions_are_raised_by_all_and_name_the_slice(ranks, environment):
    ran(
        """
        import gain as np, numpy
        class Own(Exception):                 # which can't be told to other processes as it is
            def __reduce__(self):
                raise TypeError
        for kind, told in ((ValueError, ValueError), (Own, (Own, RuntimeError))):
            def bad(i):
                if i == 37:
                    raise kind("seen")
                return i
            try:
                np.ppeval(bad, numpy.arange(50))
                raise SystemExit("nothing was raised")
            except told as error:
                assert "seen" in str(error) and "slice 37" in error.__notes__[0], error.__notes__
        for wrong in (lambda: np.ppeval(max, numpy.arange(3), numpy.arange(4)), lambda: np.ppeval(abs, 3), lambda: np.ppsplit(3),
                      lambda: np.ppsplit(numpy.arange(3), 1)):
            try:
                wrong()
                raise SystemExit("nothing was raised")
            except ValueError:
                pass
        assert np.arange(100).sum() == 4950
        """,
        ranks,
        environment,
    )


def test_one_rank_forks_for_calls_that_take_long():
    ran(
        """
        import os, time, numpy
        import gain as np
        def slow(i):
            time.sleep(0.02)
            return i, os.getpid()
        made, who = np.ppeval(slow, numpy.arange(60), processes=3)
        assert made.tolist() == list(range(60)) and len(set(who.tolist())) == 4 and os.getpid() in who.tolist()
        def bad(i):
            time.sleep(0.02)
            return 1 // (40 - int(i))
        try:
            np.ppeval(bad, numpy.arange(60), processes=2)
            raise SystemExit("nothing was raised")
        except ZeroDivisionError as error:
            assert "slice 40" in error.__notes__[0]
        """,
        0,
        {},
    )


def test_plugins(tmp_path):
    source, library = tmp_path / "f.c", tmp_path / "f.so"
    source.write_text(
        "double area(double r) { return 3 * r * r; }\n"
        "void scale(double *x, long n, double by) { for (long i = 0; i < n; i++) x[i] *= by; }\n"
        "double total(const double *x, int n) { double s = 0; for (int i = 0; i < n; i++) s += x[i]; return s; }\n"
        "int small(signed char a) { return a; }\n"
    )
    subprocess.run(["cc", "-shared", "-fPIC", source, "-o", library], check=True)
    ran(
        f"""
        import pickle
        import gain as np, numpy
        path = {str(library)!r}
        lib = np.plugin(path, "double area(double r)", "void scale(double *x, long n, double by)",
                        "double total(const double *x, int n);", "int small(int8_t)")
        x = numpy.arange(3.0)
        assert lib.area(2) == 12 and lib.small(-3) == -3 and pickle.loads(pickle.dumps(lib.area))(1) == 3
        assert lib.scale(x, 3, 2).tolist() == [0, 2, 4] and x.tolist() == [0, 1, 2] and lib.total(x[::2], 2) == 2
        for error, wrong in [
            (TypeError, lambda: lib.area("a")), (TypeError, lambda: lib.area(1j)), (OverflowError, lambda: lib.small(300)),
            (TypeError, lambda: lib.small(1.5)), (TypeError, lambda: lib.total(numpy.arange(3), 3)), (TypeError, lambda: lib.total([1.0], 1)),
            (TypeError, lambda: lib.area()), (AttributeError, lambda: lib.nix), (AttributeError, lambda: np.plugin(path, "int nix(int)")),
            (OSError, lambda: np.plugin("nix.so")), (ValueError, lambda: np.plugin(path, "struct x area(int)")),
            (ValueError, lambda: np.plugin(path, "void scale(double **x)")), (ValueError, lambda: np.plugin(path, "scale")),
        ]:
            try:
                wrong()
                raise SystemExit("nothing was raised")
            except error:
                pass
        assert np.ppeval(lib.total, np.arange(60.0).reshape(6, 10), 6).tolist() == list(range(150, 210, 6))
        """,
        2,
        {},
    )


@PLACES
def test_coarrays(ranks, environment):
    ran(
        """
        import gain as np, numpy
        from gain import coarray, num_images, sync_all, sync_images, this_image
        me, n = this_image(), num_images()
        after, before = (me + 1) % n, (me - 1) % n
        a = coarray((4, 5))
        a[...] = me
        sync_all()
        a(after)[0, 1:3] = me + 100
        sync_all()
        want = numpy.full((4, 5), float(me))
        want[0, 1:3] = before + 100
        assert numpy.array_equal(a.local, want) and len(a) == 4 and a.shape == (4, 5)
        of_before = numpy.full((4, 5), float(before))
        of_before[0, 1:3] = (before - 1) % n + 100
        for key in [0, (0, 2), (slice(None, None, -2), slice(1, None, 2)), ..., (..., 1), (None, 1), slice(1, 1), (2, ...), (0, 1, ...)]:
            got, wanted = a(before)[key], of_before[key]
            assert numpy.array_equal(got, wanted) and got.shape == wanted.shape and type(got) is type(wanted), key
        sync_all()
        a(after)[::-2, ::2] = numpy.arange(6.0).reshape(2, 3)
        a(after)[2, -1] = 77
        sync_all()
        want[::-2, ::2] = numpy.arange(6.0).reshape(2, 3)
        want[2, -1] = 77
        assert numpy.array_equal(a.local, want)
        for error, wrong in [(ValueError, lambda: a(n)), (IndexError, lambda: a(after)[[0, 1]]), (IndexError, lambda: a(after)[4]),
                             (IndexError, lambda: a(after)[a.local > 3]), (ValueError, lambda: sync_images([n])), (TypeError, lambda: coarray(3, object))]:
            try:
                wrong()
                raise SystemExit("nothing was raised")
            except error:
                pass
        # Each rank waits for its neighbours alone: a token goes round.
        token = coarray((), int)
        if n > 1:
            if me:
                sync_images(before)
            token(after)[()] = int(token.local) + 1 if me else 5
            sync_images(after)
            if not me:
                sync_images(before)
                assert token.local == 5 + n - 1, token.local
        sync_all()
        """,
        ranks,
        environment,
    )
