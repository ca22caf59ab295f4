"""Products besides their values, which the corpus compares: what is in `out`, whose class the result has, who is asked."""

import itertools

import numpy
import pytest

import gain


def outputs(np):
    """Arrays of all kinds that may be given as `out` of a product of 3x3 matrices."""
    closed = np.zeros((3, 3))
    closed.flags.writeable = False
    yield from (np.zeros((3, 3)), np.zeros((3, 3), "f4"), np.zeros((3, 3), int), np.zeros((3, 3), complex), np.zeros((3, 4)))
    yield from (np.zeros((3, 3), order="F"), np.zeros((6, 6))[::2, ::2], np.zeros((2, 3, 3)), np.zeros(3), closed, [1.0])
    yield np.zeros((3, 3), complex).real


def outcome(call, out):
    try:
        assert call() is out
        return numpy.asarray(out).tolist()
    except Exception as error:
        return type(error).__name__.removeprefix("_"), str(error)


@pytest.mark.parametrize("name", ["matmul", "dot"])
def test_out_is_numpys_or_refused_as_there(name):
    for ours, theirs in itertools.zip_longest(outputs(gain), outputs(numpy)):
        a, b = gain.arange(9.0).reshape(3, 3), numpy.arange(9.0).reshape(3, 3)
        got = outcome(lambda: getattr(gain, name)(a, a, out=ours), ours)
        wanted = outcome(lambda: getattr(numpy, name)(b, b, out=theirs), theirs)
        assert got == wanted or got[1] == wanted[1] and "Error" in got[0], (got, wanted)


def test_products_in_place_need_an_array_that_can_be_written():
    a = gain.arange(9.0).reshape(3, 3)
    a @= a
    assert (numpy.asarray(a) == numpy.arange(9.0).reshape(3, 3) @ numpy.arange(9.0).reshape(3, 3)).all()
    a.flags.writeable = False
    with pytest.raises(ValueError, match="output array is read-only"):
        a @= a
    whole = gain.arange(4).reshape(2, 2)
    with pytest.raises(TypeError, match="same_kind"):
        whole @= gain.ones((2, 2))


@pytest.mark.parametrize("name", ["matmul", "matvec", "vecmat", "vecdot", "dot", "inner"])
def test_operands_are_seen_through_lenses_and_in_any_order(name):
    def factors(np):
        z = (np.arange(18) + 1j * np.arange(18, 36)).reshape(2, 3, 3)
        words = np.arange(9.0).reshape(3, 3)
        square = np.asarray(z[0].imag.T + 0, order="F")
        yield from (z.real, z.imag, z.real[:, ::-1], z[0].imag, z[1].real.T, words.view("i8") % 7, square, z[0, 0].imag)

    ours, theirs = list(factors(gain)), list(factors(numpy))
    for i, j in itertools.product(range(len(ours)), repeat=2):
        try:
            wanted = getattr(numpy, name)(theirs[i], theirs[j])
        except ValueError:
            with pytest.raises(ValueError):
                getattr(gain, name)(ours[i], ours[j])
            continue
        got = numpy.asarray(getattr(gain, name)(ours[i], ours[j]))
        assert got.dtype == wanted.dtype and got.shape == wanted.shape and numpy.allclose(got, wanted), (name, i, j)


class Asked:
    """A class with rules of its own."""

    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        return ufunc.__name__, method, len(inputs), sorted(keywords)


class Own(gain.ndarray):
    pass


def test_classes_with_rules_of_their_own_are_asked():
    a, asked = gain.ones((2, 2)), Asked()
    assert a @ asked == gain.matmul(a, asked) == ("matmul", "__call__", 2, [])
    assert gain.matmul(a, asked, out=gain.ones((2, 2))) == ("matmul", "__call__", 2, ["out"])
    for name in ("matvec", "vecmat", "vecdot"):
        assert getattr(gain, name)(a, asked) == (name, "__call__", 2, [])
    masked = numpy.ma.masked_array(numpy.ones((2, 2)), [[0, 1], [0, 0]])
    assert isinstance(a @ masked, numpy.ma.MaskedArray)
    with pytest.raises(TypeError):
        gain.dot(a, masked)


def test_results_are_of_the_subclass():
    a, own = gain.ones((2, 2)), gain.ones((2, 2)).view(Own)
    for made in (own @ a, a @ own, gain.matmul(a, own), gain.matvec(own, a[0]), gain.vecdot(own, a)):
        assert type(made) is Own
    assert type(a @ a) is gain.ndarray


def test_one_rank_makes_a_large_product_in_one_pass():
    x, c = gain.ones((100_000, 3)).force(), gain.ones((4, 3)).force()
    before = gain.stats()["passes"]
    made = gain.dot(x, c.T)
    assert gain.stats()["passes"] == before + 1
    assert (numpy.asarray(made) == 3).all()
