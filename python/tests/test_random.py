"""Random numbers: NumPy's bits and states, whoever draws them."""

import os

import numpy
import pytest

import draws
import gain
import jobs

ALL = bool(os.environ.get("GAIN_TEST_ALL"))
COUNT = 2000 if ALL else 100


@pytest.mark.parametrize("seed", [1, 2])
def test_random_calls(seed):
    assert draws.main(seed, COUNT) == 0


@pytest.mark.parametrize("ranks, threshold", [(2, 0), (3, 0), (3, 65536), (4, 0)])
def test_random_calls_on_several_ranks(ranks, threshold):
    done = jobs.run([jobs.HERE / "draws.py", ranks, COUNT // 8], ranks, {"GAIN_THRESHOLD": str(threshold)}, 600)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("engine", ["ucx", "ofi"])
def test_random_calls_on_two_nodes(engine):
    environment = {
        "GAIN_FAKE_NODES": "2", "GAIN_TRANSPORT": engine, "UCX_TLS": "tcp,self", "FI_PROVIDER": "tcp", "GAIN_THRESHOLD": "0",
    }
    done = jobs.run([jobs.HERE / "draws.py", 5, 4], 3, environment)
    assert done.returncode == 0, done.stdout + done.stderr


LARGE = """
    import numpy, gain, warnings
    np = numpy
    warnings.simplefilter("ignore", gain.FallbackWarning)
    from gain.random import _drawing
    _drawing.CHUNK = 10_000
    n = 700_001
    for kind in ("PCG64", "SFC64"):
        bits = getattr(numpy.random, kind)(7), getattr(gain.random, kind)(7)
        theirs, ours = numpy.random.Generator(bits[0]), gain.random.Generator(bits[1])
        scales = numpy.arange(30_000) / 7
        for call in (
            lambda rng, np: rng.standard_normal(n), lambda rng, np: rng.standard_exponential(n, np.float32), lambda rng, np: rng.integers(0, 700, (n // 7, 7)),
            lambda rng, np: rng.integers(0, 200, n, np.uint8), lambda rng, np: rng.integers(3, 1 << 40, n), lambda rng, np: rng.random(n),
            lambda rng, np: rng.gamma(2.0, 3.0, 31_234), lambda rng, np: rng.multinomial(9, [0.1, 0.2, 0.7], 9_999),
            lambda rng, np: rng.normal(0.5, np.asarray(scales)), lambda rng, np: rng.exponential(np.asarray(scales), (3, 30_000)),
            lambda rng, np: rng.uniform(np.asarray(-scales), 1, (2, 30_000)), lambda rng, np: rng.uniform(-1, np.asarray(scales)), lambda rng, np: rng.poisson(np.asarray(scales), (2, 30_000)),
            lambda rng, np: rng.permutation(n // 7), lambda rng, np: rng.choice(np.asarray(scales), 50_000),
        ):
            one, two = call(theirs, numpy), call(ours, gain)
            assert type(two) is gain.ndarray
            assert one.dtype == two.dtype and one.tobytes() == two.numpy().tobytes(), kind
            assert str(bits[0].state) == str(bits[1].state)
    old, new = numpy.random.RandomState(3), gain.random.RandomState(3)
    for call in (lambda r: r.randn(n), lambda r: r.randint(0, 700, n), lambda r: r.normal(1, 2, n), lambda r: r.rand(n // 3, 3), lambda r: r.normal(np.arange(9000), 2), lambda r: r.uniform(np.arange(9000), 9000, (2, 9000)),
        lambda r: r.permutation(n // 7)):
        assert call(old).tobytes() == call(new).numpy().tobytes()
        assert str(old.get_state(legacy=False)) == str(new.get_state(legacy=False))
"""


@pytest.mark.parametrize("ranks", [1, 3])
def test_large_arrays(ranks):
    done = jobs.script(LARGE, ranks, {"GAIN_THRESHOLD": "0"}, 300)
    assert done.returncode == 0, done.stdout + done.stderr


UNSEEDED = """
    import pickle
    import gain
    made = [
        gain.random.default_rng(), gain.random.default_rng(gain.random.PCG64()), gain.random.default_rng(gain.random.SeedSequence()),
        gain.random.default_rng(gain.random.Philox()), gain.random.RandomState(), gain.random,
    ]
    gain.random.seed()
    numbers = [float(one.standard_normal()) for one in made] + [float(gain.random.rand())]
    assert len(set(numbers)) == len(numbers)
    places = gain.redistribute(gain.array([numbers] * gain.ranks()), list(range(gain.ranks())))
    assert (places.numpy() == places.numpy()[0]).all()
    if gain.rank() == 0:
        # Nobody else is asked for anything by this.
        assert pickle.loads(pickle.dumps(made[0])).random() == pickle.loads(pickle.dumps(made[0])).random()
        assert [child.random() for child in made[0].spawn(2)]
        assert gain.random.PCG64(gain.random.SeedSequence(5).spawn(3)[1]).state
"""


def test_what_has_no_seed_is_alike_on_all_ranks():
    done = jobs.script(UNSEEDED, 3)
    assert done.returncode == 0, done.stdout + done.stderr


def test_numpy_and_gain_take_turns():
    bits = numpy.random.PCG64(11)
    ours, theirs, alone = gain.random.default_rng(bits), numpy.random.Generator(bits), numpy.random.default_rng(11)
    for n in (10_000, 5, 20_001):
        for rng in (ours, theirs):
            assert (numpy.asarray(rng.standard_normal(n)) == alone.standard_normal(n)).all()
            assert (numpy.asarray(rng.integers(0, 9, n, "i4")) == alone.integers(0, 9, n, "i4")).all()


def test_results_into_arrays():
    one, two = numpy.random.default_rng(3), gain.random.default_rng(3)
    for shape, order in (((50, 200), "C"), ((50, 200), "F"), ((7,), "C")):
        theirs, ours = numpy.empty(shape, order=order), gain.empty(shape, order=order)
        for name in ("random", "standard_normal", "standard_exponential"):
            assert getattr(two, name)(out=ours) is ours
            assert (getattr(one, name)(out=theirs) == ours.numpy()).all()
    for out, keywords, error in ((gain.empty(5000)[::2], {}, ValueError), (gain.empty(5000), {"dtype": "f4"}, TypeError), (gain.empty(5000), {"size": 9}, ValueError)):
        with pytest.raises(error) as ours:
            two.random(out=out, **keywords)
        with pytest.raises(error) as theirs:
            one.random(out=numpy.empty(5000)[::2] if out.size == 2500 else out.numpy(), **keywords)
        assert str(ours.value) == str(theirs.value)


def test_errors_leave_the_state():
    rng = gain.random.default_rng(3)
    before = str(rng.bit_generator.state)
    for call in (
        lambda: rng.normal(0, -1, 10_000), lambda: rng.integers(5, 5, 10_000), lambda: rng.uniform(0, numpy.inf, 10_000), lambda: rng.integers(0, 300, 10_000, "u1"),
        lambda: rng.exponential(-1.0, 10_000), lambda: rng.random(10_000, "i4"), lambda: rng.choice(5, 10_000, p=[1, 1]), lambda: rng.random((5000, -1)),
        lambda: rng.poisson(numpy.where(numpy.arange(600_000) == 599_999, -1.0, 1.0)), lambda: rng.choice(0, 10_000),
    ):
        with pytest.raises((ValueError, OverflowError, TypeError)):
            call()
        assert str(rng.bit_generator.state) == before


def test_shuffling_in_place():
    one, two = numpy.random.default_rng(3), gain.random.default_rng(3)
    theirs = numpy.arange(30_000.0).reshape(10_000, 3)
    ours = gain.array(theirs)
    one.shuffle(theirs[::2]), two.shuffle(ours[::2])
    one.shuffle(theirs, axis=1), two.shuffle(ours, axis=1)
    assert (theirs == ours.numpy()).all()
    cards = list(range(20)), list(range(20))
    one.shuffle(cards[0]), two.shuffle(cards[1])
    assert cards[0] == cards[1]
    with pytest.raises(ValueError, match="read-only"):
        two.shuffle(gain.broadcast_to(ours, (2, 10_000, 3)))
