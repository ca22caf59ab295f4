"""Statistics, differences, convolutions and contractions: what the corpus can't say. Warnings, signatures, large arrays."""

import inspect
import warnings

import numpy
import pytest

import cases
import gain
import jobs

NAMES = """average cov corrcoef nansum nanprod nanmin nanmax nanmean nanvar nanstd nanargmin nanargmax nancumsum nancumprod
diff ediff1d gradient trapezoid convolve correlate unwrap angle sinc i0 nan_to_num fix real_if_close isreal isrealobj iscomplex
iscomplexobj isposinf isneginf isclose allclose array_equal array_equiv polyval polyadd polysub polymul polyder polyint cross
kron einsum einsum_path apply_along_axis apply_over_axes polydiv vectorize histogram_bin_edges""".split()


@pytest.mark.parametrize("name", NAMES)
def test_signature(name):
    assert str(inspect.signature(getattr(gain, name))) == str(inspect.signature(getattr(numpy, name)))


def told(np, case):
    """What is warned of."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        names = {"np": np}
        statements, last = cases.parse(case.source)
        try:
            exec(statements, names)
            made = eval(last, names)
            for one in made if isinstance(made, (tuple, list)) else [made]:
                numpy.asarray(one)
        except Exception:
            pass
        gain.barrier()
    return sorted({(one.category.__name__, str(one.message)) for one in given})


FILES = "callbacks contraction convolution differences einsum nan special statistics".split()


@pytest.mark.parametrize("name", FILES)
def test_warnings_are_numpys(name):
    for case in cases.read(cases.CORPUS / f"{name}.txt"):
        assert told(gain, case) == told(numpy, case), case.source


def test_warnings_name_the_line_of_the_program():
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        gain.nanmean(gain.array([numpy.nan]))
        gain.cross([1, 2], [3, 4])
    assert [one.filename for one in given] == [__file__] * 2
    assert given[1].lineno == given[0].lineno + 1


LARGE = [
    "np.diff(x)", "np.diff(x, 3, prepend=1)", "np.gradient(x)", "np.gradient(m, axis=0, edge_order=2)", "np.unwrap(np.floor(x * 1000), period=512)",
    "np.gradient(x, np.arange(120_000) + x / 2)", "np.trapezoid(m, axis=0)", "np.nanmean(h, 0)", "np.nanvar(h)", "np.nancumsum(np.floor(h * 1000))",
    "np.nanargmax(h, 1)", "np.nanmax(h, 0)", "np.average(m, 0, w)", "np.cov(m[:5], m[3])", "np.corrcoef(m[:4])",
    "np.convolve(x, x[:3])", "np.convolve(x, x[:16], 'same')", "np.convolve(x, x[:17], 'same')",
    "np.convolve(x, x[:200], 'valid')", "np.correlate(x[:1000], x, 'full')", "np.convolve(h.ravel(), x[:9])",
    "np.convolve(x * 1j, x[:50])", "np.einsum('ij->ji', m)", "np.einsum('ij,kj->ik', m, m[:7])", "np.einsum('ij,ij->j', m, m)",
    "np.einsum('ij,jk,kl->il', m, m.T, m, optimize=True)", "np.einsum('ii->i', m[:100, :100])", "np.einsum('ji,jk', m, m)",
    "np.einsum('abi,abj->aij', m.reshape(20, 20, 300), m.reshape(20, 20, 300)[..., :3])", "np.kron(m[:30], m[:2, :3])",
    "np.cross(m.reshape(-1, 3), m.reshape(-1, 3)[::-1])", "np.nan_to_num(h)", "np.i0(x * 30)", "np.sinc(x)",
    "np.polyval([1, 2, 3], m.T)", "np.polymul(x[:300], x)", "np.isclose(m, h, equal_nan=True)", "np.ediff1d(m, 1, [2, 3])",
    "np.histogram_bin_edges(m, 'doane')", "np.vectorize(lambda a, b: a if a > b else b - 1)(m, m[0])",
    "np.apply_over_axes(np.sum, m, [0, 1])", "np.real_if_close(m + 0j)",
]


@pytest.mark.parametrize("ranks", [0, 2, 3])
def test_large_arrays(ranks):
    """Arrays above the threshold, whose blocks are cut within and at rows."""
    from test_corpus import agrees

    setup = """
x = np.array(numpy.random.default_rng(3).random(120_000))
m = x.reshape(400, 300); h = np.where(m > 0.9, np.nan, m); w = x[:400]
"""
    sources = [f"import numpy{setup}{line}" for line in LARGE]
    agrees(sources, [one[0] for one in jobs.outcomes("numpy", sources)], ranks, None, True)


def test_polynomial_objects_stay_objects():
    p, q = numpy.poly1d([1, 2, 3]), gain.array([1, 1])
    assert gain.polymul(p, q) == p * numpy.poly1d([1, 1]) and gain.polyder(p) == p.deriv() and gain.polyint(p) == p.integ()
    assert gain.polyadd(q, p) == numpy.poly1d([1, 3, 4]) and gain.polysub(p, q) == numpy.poly1d([1, 1, 2])
    assert gain.polydiv(p, q)[0] == numpy.poly1d([1, 1])
    assert gain.polyval(q, p) == numpy.poly1d([1, 2, 4])
    x = gain.arange(5.0)
    assert isinstance(gain.polyval(p, x), gain.ndarray) and (gain.polyval(p, x) == x * x + 2 * x + 3).all()


def test_ranks_read_their_neighbours_edges_alone():
    done = jobs.script(
        """
        import gain as np
        x = np.arange(1e6) % 1000
        m = x.reshape(1000, 1000)
        h = np.where(m > 990, np.nan, m)
        k = np.arange(64.0)
        for name, made in {
            "diff": lambda: np.diff(x), "gradient": lambda: np.gradient(m, axis=0), "trapezoid": lambda: np.trapezoid(x),
            "nanvar": lambda: np.nanvar(h, 0), "nancumsum": lambda: np.nancumsum(h), "unwrap": lambda: np.unwrap(x),
            "few": lambda: np.convolve(x, k[:8]), "many": lambda: np.convolve(x, k, "same"), "sinc": lambda: np.sinc(x),
            "einsum": lambda: np.einsum("ij,ij->i", m, m), "diagonal": lambda: np.einsum("ii->i", m),
            "isclose": lambda: np.isclose(m, h), "polyval": lambda: np.polyval([1, 2, 3], x), "i0": lambda: np.i0(x),
            "vectorize": lambda: np.vectorize(lambda a: a + 1, otypes=[float])(m),
        }.items():
            np.barrier()
            before = np.stats()["bytes_moved"]
            getattr(made(), "force", int)()
            assert np.stats()["bytes_moved"] - before < 100_000, name
        """,
        ranks=2,
    )
    assert done.returncode == 0, done.stderr
