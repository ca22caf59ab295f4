"""Shapes that can't be: too many axes, extents or elements are refused where a shape is made, in NumPy's words."""

import jobs
import numpy
import pytest

import gain

MANY = "(1,) * 64"

# What NumPy refuses. Nothing here may allocate.
REFUSED = """
np.zeros(0).reshape(2**32, 2**32)
np.zeros(0).reshape(0, 2**32, 2**32)
np.zeros(0).reshape(2**32, 2**32, 0)
np.zeros(0).reshape(2**62, 2, 2)
np.zeros(0).reshape(2**32, 2**32, -1)
np.zeros(0).reshape(-1, 0)
np.zeros(0).reshape(2**63)
np.zeros(0).reshape((2**63, 1))
np.zeros(6).reshape(2**64)
np.zeros(6).reshape(2**32, 2**32, 6)
np.zeros(1).reshape((1,) * 65)
np.zeros((0, 5)).reshape(2**40, 2**40, 0)
np.zeros((2**40, 0)).reshape(2**32, 2**32)
np.broadcast_to(1.0, (2**32, 2**32))
np.broadcast_to(1.0, (2**31, 2**31))
np.broadcast_to(1.0, (2**60,))
np.broadcast_to(1.0, (0, 2**32, 2**32))
np.broadcast_to(1.0, (2**63,))
np.broadcast_to(1.0, (-1,))
np.broadcast_to(1.0, (1,) * 65)
np.broadcast_to(np.zeros((2, 3)), (3,))
np.broadcast_to(np.zeros((2, 3)), (2, 4))
np.broadcast_to(1.0, (2**32, 1)) + np.broadcast_to(1.0, (1, 2**32))
np.broadcast_to(1.0, (2**31, 1)) + np.broadcast_to(1.0, (1, 2**31))
np.add(np.broadcast_to(1.0, (2**32, 1)), np.broadcast_to(1.0, (1, 2**32)))
np.where(True, np.broadcast_to(1.0, (2**32, 1)), np.broadcast_to(1.0, (1, 2**32)))
np.zeros((0, 2**32, 1)) + np.broadcast_to(1.0, (2**32,))
np.zeros(MANY)[None]
np.zeros(MANY)[None, ...]
np.zeros(3)[(None,) * 64]
np.expand_dims(np.zeros(MANY), 0)
np.expand_dims(np.zeros((1,) * 63), (0, 1))
np.stack([np.zeros(MANY)])
np.zeros((1,) * 65)
np.empty((1,) * 65)
np.ones((1,) * 65)
np.full((1,) * 65, 1)
np.zeros((2**32, 2**32))
np.zeros((2**32, 2**32, 0))
np.zeros((0, 2**31, 2**31))
np.zeros(2**63)
np.zeros(2**64)
np.zeros((2, 2**63))
np.zeros(2**62)
np.zeros(-1)
np.zeros((2, -1))
np.zeros(2.5)
np.zeros('a')
np.zeros((2, 2.5))
np.zeros({1, 2})
np.zeros(None)
np.zeros(True)
np.zeros((2, True))
np.full((2**32, 2**32), 1)
np.full_like(np.zeros(3), 1, shape=(2**32, 2**32))
np.zeros_like(np.zeros(3), shape=-1)
np.ones_like(np.zeros(3), shape=(2**32, 2**32))
np.empty_like(np.zeros(3), shape=(1,) * 65)
np.eye(2**32)
np.eye(2**62)
np.eye(2**63)
np.eye(-1)
np.identity(2**62)
np.indices((2**32, 2**32))
np.indices(MANY)
np.indices((2**63,))
np.arange(2**62)
np.arange(2**64)
np.arange(1e300)
np.linspace(0, 1, 2**62)
np.array(1, ndmin=65)
np.array(DEEP)
np.asarray(DEEP)
np.zeros(3) + DEEP
np.transpose(np.zeros((2, 3)), (0, 1, 2))
np.zeros((2**40, 0)) @ np.zeros((0, 2**40))
""".split("\n")[1:-1]

ALLOWED = """
np.zeros(1).reshape(MANY).ndim
np.zeros(0).reshape(0, 2**20, 2**20).shape
np.zeros((2**40, 0)).T.reshape(-1).shape
np.zeros((2**40, 0)).reshape(0, 2**30).shape
np.zeros(6).reshape(-5, 6)
np.broadcast_to(1.0, MANY).shape
np.broadcast_to(1.0, (2**40,)).shape
np.broadcast_to(1.0, (2**40,))[2**39]
np.zeros(MANY)[0, None].ndim
np.zeros((0, 2**40))[:, 5].shape
(np.zeros((1,) * 40) + np.ones(MANY)).shape
np.eye(2**40, 0).shape
np.array(1, ndmin=64).ndim
np.atleast_2d(np.zeros(MANY)).ndim
np.zeros(3)[::2**62]
np.zeros(())
np.zeros([2, 3])
np.zeros(np.array([2, 3]))
np.zeros(range(3)).shape
np.zeros(np.int64(3))
np.zeros(3, None), np.ones(2, None), np.empty(0, 'i4')
np.zeros(shape=2, dtype='i2', order='C'), np.ones((2, 1), order='C')
""".split("\n")[1:-1]

DEEP = 1
for _ in range(65):
    DEEP = [DEEP]


def outcome(module, source):
    names = {"np": module, "MANY": (1,) * 64, "DEEP": DEEP}
    try:
        value = eval(source, names)
    except Exception as error:
        return type(error), str(error).replace("()", "")
    return numpy.asarray(value) if not isinstance(value, tuple) else tuple(map(str, map(numpy.asarray, value)))


# The classes agree; these say it in other words.
OTHER_WORDS = {
    "np.indices(MANY)": "currently 64, found 65",
    "np.zeros((2**40, 0)) @ np.zeros((0, 2**40))": "too big",
}


@pytest.mark.parametrize("source", REFUSED)
def test_refused(source):
    ours, theirs = outcome(gain, source), outcome(numpy, source)
    assert isinstance(theirs, tuple) and isinstance(ours, tuple), (ours, theirs)
    assert ours[0] is theirs[0], (ours, theirs)
    assert ours[1] == theirs[1] or OTHER_WORDS.get(source, "no") in ours[1], (ours, theirs)


@pytest.mark.parametrize("source", ALLOWED)
def test_allowed(source):
    ours, theirs = outcome(gain, source), outcome(numpy, source)
    assert str(ours) == str(theirs)


def test_an_element_of_an_impossible_shape_is_not_reached():
    done = jobs.script(
        """
        import gain as np
        try:
            np.zeros(0).reshape(2**32, 2**32)[5, 5]
        except ValueError as error:
            print(error)
        """
    )
    assert (done.returncode, done.stdout) == (0, "cannot reshape array of size 0 into shape (4294967296,4294967296)\n")
