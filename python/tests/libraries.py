"""SciPy and scikit-learn on arrays of gain, with themselves on NumPy's arrays as the oracle.

    libraries.py    on any number of ranks, with SCIPY_ARRAY_API=1; fails where something differs
"""

import warnings

import numpy
import scipy.fft
import scipy.signal
import scipy.special
import scipy.stats
import sklearn
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge
from sklearn.metrics import accuracy_score, f1_score, mean_squared_error, pairwise, r2_score
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import Binarizer, MaxAbsScaler, MinMaxScaler, Normalizer, PolynomialFeatures, StandardScaler

import gain

RANDOM = numpy.random.default_rng(0)
X = RANDOM.normal(size=(200, 6))
LABELS = (X[:, 0] + X[:, 1] > 0).astype(int)
TARGETS = X @ RANDOM.normal(size=(6, 2))


def plain(x):
    """NumPy's arrays for ours."""
    return x.numpy() if isinstance(x, gain.ndarray) else x


def same(made, wanted, is_ours=True, atol=1e-8):
    assert isinstance(made, gain.ndarray) or not is_ours, type(made)
    numpy.testing.assert_allclose(plain(made), wanted, rtol=1e-6, atol=atol)


def estimators():
    for model, method, target in [
        *((model, "transform", None) for model in (StandardScaler(), MinMaxScaler(), MaxAbsScaler(), Normalizer(), Binarizer(), PolynomialFeatures())),
        (PCA(n_components=3, svd_solver="full"), "transform", None), (PCA(n_components=3, svd_solver="covariance_eigh"), "transform", None),
        (Ridge(solver="svd"), "predict", TARGETS), (LinearDiscriminantAnalysis(solver="svd"), "predict", LABELS), (GaussianNB(), "predict", LABELS),
        (GaussianMixture(n_components=2, random_state=0, init_params="random"), "predict", None),
    ]:
        with sklearn.config_context(array_api_dispatch=True):
            fitted = model.fit(gain.asarray(X), *([] if target is None else [gain.asarray(target)]))
            made = getattr(fitted, method)(gain.asarray(X))
        same(made, getattr(model.fit(X, *([] if target is None else [target])), method)(X))
    for score, one, other in (
        (r2_score, TARGETS, TARGETS + 1), (mean_squared_error, TARGETS, TARGETS + 1), (accuracy_score, LABELS, 1 - LABELS), (f1_score, LABELS, LABELS[::-1].copy()),
    ):
        with sklearn.config_context(array_api_dispatch=True):
            made = score(gain.asarray(one), gain.asarray(other))
        same(made, score(one, other), False)
    for distances in (pairwise.euclidean_distances, pairwise.cosine_similarity, pairwise.rbf_kernel):
        with sklearn.config_context(array_api_dispatch=True):
            made = distances(gain.asarray(X), gain.asarray(X))
        # (Where the distance is 0, rounding of the squares shows as its root.)
        same(made, distances(X), atol=1e-6)


def special():
    x = numpy.linspace(0.1, 3, 3000).reshape(60, 50)
    a = gain.asarray(x)
    uneven = gain.redistribute(a, [0] + [7] * (gain.ranks() - 1)) if gain.ranks() > 1 else a
    for name, arguments in (
        ("erf", (a,)), ("gammaln", (a,)), ("digamma", (a,)), ("xlogy", (a, a[0])), ("jv", (1.0, a)), ("betainc", (a[:3, :2], 2.0, a[:3, :2])), ("gammainc", (a, 2)),
        ("xlogy", (a.T.copy(), a.T)), ("rel_entr", (uneven, a[::-1])), ("airy", (a,)), ("expit", (gain.zeros((0, 4)),)), ("erf", (gain.ones(3000, "f4"),)),
        ("ellipj", (a, 0.5)), ("erf", (a[:2, :3].tolist(),)),
    ):
        wanted = getattr(scipy.special, name)(*map(plain, arguments))
        for made in (getattr(scipy.special, name)(*arguments), getattr(gain.special, name)(*arguments)):
            for one, other in zip(made if isinstance(made, tuple) else (made,), wanted if isinstance(wanted, tuple) else (wanted,), strict=True):
                assert plain(one).dtype == other.dtype
                numpy.testing.assert_array_equal(plain(one), other)
    same(scipy.special.softmax(a, axis=1), scipy.special.softmax(x, axis=1))
    same(scipy.special.logsumexp(a, axis=0), scipy.special.logsumexp(x, axis=0))
    # NumPy's dispatch, as without SCIPY_ARRAY_API.
    bare = scipy.special._ufuncs.erf
    same(bare(a), bare(x))
    for refused in (lambda: bare(a, out=a), lambda: numpy.frompyfunc(abs, 1, 1)(a), lambda: gain.special.erf(a, where=True), lambda: gain.special.erf("x")):
        try:
            refused()
        except TypeError:
            continue
        raise AssertionError("not refused")
    assert not hasattr(gain.special, "no_such") and not hasattr(gain.special, "comb")
    same(scipy.stats.zscore(a), scipy.stats.zscore(x))
    same(scipy.stats.skew(a), scipy.stats.skew(x))
    same(scipy.signal.detrend(a), scipy.signal.detrend(x))


def transforms():
    a = gain.asarray(X)
    calls = [("fft", {}), ("ifft", {"n": 4, "axis": 0}), ("rfft", {"norm": "ortho"}), ("fftn", {"s": (8, 5)}), ("ifft2", {}), ("irfftn", {"workers": 2}), ("fftshift", {"axes": 0})]
    with scipy.fft.set_backend(gain.fft):
        within = [getattr(scipy.fft, name)(a, **given) for name, given in calls]
        assert isinstance(scipy.fft.fft(X), numpy.ndarray)
    scipy.fft.set_global_backend(gain.fft)
    for made, (name, given) in zip(within, calls):
        wanted = getattr(scipy.fft, name)(X, **given)
        same(made, wanted)
        same(getattr(scipy.fft, name)(a, **given), wanted)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for part in (estimators, special, transforms):
        part()
