"""Searches, counts and histograms: what the corpus can't say. Signatures, large arrays, edges met exactly, what is moved."""

import inspect
import warnings

import numpy
import pytest

import gain
import jobs

NAMES = "searchsorted digitize interp bincount histogram histogram2d histogramdd histogram_bin_edges".split()


@pytest.mark.parametrize("name", NAMES)
def test_signature(name):
    assert str(inspect.signature(getattr(gain, name))) == str(inspect.signature(getattr(numpy, name)))


LARGE = """
np.searchsorted(t, x) | np.searchsorted(t, x, 'right') | np.searchsorted(t, t[::-1], 'right') | np.searchsorted(t[:7], h)
np.searchsorted(t, [0.5, np.nan, -1]) | np.searchsorted(t.astype('f4'), x[:50_000].reshape(500, 100)) | np.searchsorted(n, m, 'right')
np.searchsorted(x[:70_000], t[:1000], sorter=np.asarray(numpy.argsort(numpy.asarray(x)[:70_000])))
np.digitize(x, t[::1000]) | np.digitize(x, t[::-1000], True) | np.interp(x, t, x) | np.interp(m, t[::100], x[::100] * 1j, left=3)
np.bincount(k) | np.bincount(k, x) | np.bincount(k % 7, np.floor(x * 1000), 100_000) | np.bincount(k * 11 % 300_007) | np.bincount(k * 11 % 300_007, x)
np.bincount(k[:5], x[:5], 70_000) | np.bincount(k[::-3], m.ravel()[::-3]) | np.bincount((k % 200).astype('u1')) | np.bincount(k * 200)
np.histogram(x, 100) | np.histogram(h, 30, (0, 0.9), weights=m) | np.histogram(m, 100_000) | np.histogram(x, t[::1200], weights=k)
np.histogram(k, 37, density=True) | np.histogram(x.astype('f4'), 1000) | np.histogram(h, [0, 0.5, 1], weights=k * 1j) | np.histogram(x, 'doane')
np.histogram2d(x, k, [20, 30]) | np.histogramdd(m.reshape(-1, 3), 5, weights=x[:40_000]) | np.histogramdd([x, k, x * k], (4, 5, 300))
a = np.zeros(1000); np.add.at(a, k % 1000, x); a | a = np.zeros(120_000); np.add.at(a, k - 500, x); a
a = np.zeros((400, 300)); np.add.at(a, (k % 400, k % 300), 1); a | a = np.ones(1000); np.multiply.at(a, -(k % 1000), 1 + x / 1000); a
a = np.zeros(90_000, 'f4'); np.maximum.at(a, k[::-1], x); a | a = m.copy(); np.add.at(a.T, k % 300, np.ones(400)); a
a = np.zeros(70_000, 'i4'); np.add.at(a, np.asarray([1, -1, 1]), 3); a | a = np.zeros(120_000); np.power.at(a, k, 0.5); a
a = x.copy(); np.sqrt.at(a, k); a | a = np.zeros(500) > 0; np.logical_or.at(a, k % 500, x > 0.999); a
"""
LARGE = [line for text in LARGE.strip().splitlines() for line in text.split(" | ")]


@pytest.mark.parametrize("ranks, threshold", [(0, None), (1, None), (2, None), (3, 500), (4, None)])
def test_large_arrays(ranks, threshold):
    """Arrays above the threshold; tables and bins above it and below."""
    from test_corpus import agrees

    setup = """
x = np.array(numpy.random.default_rng(3).random(120_000))
t = np.array(numpy.sort(numpy.random.default_rng(4).random(120_000)))
m = x.reshape(400, 300); h = np.where(x > 0.9, np.nan, x); k = np.arange(120_000) ** 2 % 60_013
n = np.where(np.arange(120_000) > 119_000, np.nan, t)
"""
    sources = [f"import numpy{setup}{line}" for line in LARGE]
    agrees(sources, [one[0] for one in jobs.outcomes("numpy", sources)], ranks, threshold, True)


def test_elements_on_edges_are_in_the_bin_behind_them():
    rng = numpy.random.default_rng(1)
    for dtype in ("f2", "f4", "f8"):
        for bins in (1, 3, 10, 49, 100):
            first, last = sorted(rng.uniform(-3, 9, 2).astype(dtype).tolist())
            edges = numpy.linspace(first, last, bins + 1, dtype=dtype)
            near = [edges, numpy.nextafter(edges, edges.dtype.type(-9)), numpy.nextafter(edges, edges.dtype.type(9))]
            values = numpy.concatenate(near)
            if (edges[:-1] >= edges[1:]).any():
                continue
            theirs, ours = numpy.histogram(values, bins, (first, last)), gain.histogram(gain.array(values), bins, (first, last))
            numpy.testing.assert_array_equal(ours[1].numpy(), theirs[1])
            numpy.testing.assert_array_equal(ours[0].numpy(), theirs[0])
    integers = rng.integers(-1000, 1000, 5000)
    for bins in (7, 64, 500):
        numpy.testing.assert_array_equal(gain.histogram(gain.array(integers), bins)[0].numpy(), numpy.histogram(integers, bins)[0])


def test_narrow_lines_are_numpys():
    for dtype in ("f2", "f4", "f8", "c16"):
        first, last = numpy.array([0.1, 0.7], dtype) * numpy.array(1 + (0.5j if dtype[0] == "c" else 0), dtype)
        for count in (1, 2, 11, 97):
            theirs, ours = numpy.linspace(first, last, count), gain.linspace(first, last, count)
            assert ours.dtype == theirs.dtype
            numpy.testing.assert_array_equal(ours.numpy(), theirs)


def test_what_is_told():
    for call in (lambda np: np.bincount([1.0, 2.0]), lambda np: np.histogram([True, False])):
        told = []
        for np in (numpy, gain):
            with warnings.catch_warnings(record=True) as given:
                warnings.simplefilter("always")
                call(np)
            told.append([(one.category, str(one.message)) for one in given])
        assert told[0] == told[1]


def test_numpys_functions_of_ours_are_ours():
    x = gain.arange(10.0)
    assert isinstance(numpy.searchsorted(x, x), gain.ndarray) and isinstance(numpy.histogram(x)[0], gain.ndarray)
    assert isinstance(numpy.bincount(x.astype(int)), gain.ndarray) and isinstance(numpy.interp(x, x, x), gain.ndarray)


def test_counts_alone_are_moved():
    done = jobs.script(
        """
        import gain as np
        x = np.arange(1e6) % 1000 / 7
        k = np.arange(1_000_000) % 1000
        t = np.arange(50.0)
        z = np.zeros(1000)
        for name, made in {
            "bincount": lambda: np.bincount(k), "weights": lambda: np.bincount(k, x), "histogram": lambda: np.histogram(x, 100)[0],
            "edges": lambda: np.histogram(x, t)[0], "search": lambda: np.searchsorted(t, x), "digitize": lambda: np.digitize(x, t),
            "interp": lambda: np.interp(x, t, t), "plane": lambda: np.histogram2d(x, x, 20)[0], "at": lambda: np.add.at(z, k, x),
        }.items():
            np.barrier()
            before = np.stats()["bytes_moved"]
            getattr(made(), "force", int)()
            assert np.stats()["bytes_moved"] - before < 100_000, name
        assert z[7] == x[7::1000].sum() or abs(z[7] - x[7::1000].sum()) < 1e-6
        """,
        ranks=2,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("ranks, nodes", [(0, 0), (3, 0), (4, 2)])
def test_tables_and_counts_that_are_spread(ranks, nodes):
    """`interp` in a table of several nodes, of which it asks for what it needs, and `repeat` by an array of counts."""
    network = {"GAIN_FAKE_NODES": str(nodes), "GAIN_TRANSPORT": "ofi", "FI_PROVIDER": "tcp"} if nodes else {}
    done = jobs.script(
        """
        import gain as np, numpy
        np.set_fallback("error")
        places = numpy.arange(70000) * 1.5
        x = numpy.concatenate([numpy.linspace(-5, 112000, 977), places[::999], [numpy.nan, numpy.inf, -numpy.inf]])
        for values in (numpy.cos(places), numpy.cos(places) * (1 + 2j), numpy.cos(places).astype("f4")):
            for ends in ({}, {"left": -7.0, "right": 9.0}):
                mine, theirs = np.interp(*map(np.array, (x, places, values)), **ends), numpy.interp(x, places, values, **ends)
                assert mine.dtype == theirs.dtype and numpy.array_equal(mine.numpy(), theirs, equal_nan=True)
        random = numpy.random.default_rng(0)
        for size in (0, 1, 2, 5, 3000, 70001):
            for most in (1, 2, 6, 40):
                values, counts = (random.random(size) * 5).astype("c16" if most == 6 else "f4"), random.integers(0, most, size)
                want = numpy.repeat(values, counts)
                for given in (counts, np.array(counts), np.array(counts).astype("u1")):
                    made = np.repeat(np.array(values), given)
                    assert made.dtype == want.dtype and (made.numpy() == want).all()
        try:
            np.repeat(np.arange(6000), np.array([1, -1, 2] * 2000))
            raise AssertionError("no error")
        except ValueError as error:
            assert str(error) == "repeats may not contain negative values."
        """,
        ranks=ranks, environment={"GAIN_THRESHOLD": "0", **network},
    )
    assert done.returncode == 0, done.stderr
