"""Random programs agree with NumPy on every number of ranks; those that once didn't, too. See programs.py."""

import functools

import pytest

import jobs
import programs
import writer

# ranks (0: plain python), GAIN_THRESHOLD, first seed
SETTINGS = [(0, None, 0), (0, 0, 0), (1, 0, 0), (2, 0, 0), (2, None, 60), (3, 0, 60), (3, None, 0), (4, 0, 0), (4, None, 60)]
COUNT = 60

# Each differed once, or ended its job; shrunk.
KEPT = {
    "a clip without bounds is a scalar, too": """
        v1 = np.array(values(1, 'f4', 1, 23)).reshape(())
        v2 = np.clip(v1, None, None)
        check({}, True)""",
    "rounded integers keep their order of axes": """
        v1 = np.zeros((7, 7, 1), 'i4', order='F')
        v2 = np.round(v1, 1)
        v3 = np.round(v1[0, 0, 0:1].reshape(()))
        check({}, True)""",
    "quotients of NaN are not invalid": """
        v1 = np.full((6, 12), np.nan, 'f4')
        v2 = v1.T // -2.5
        v3 = v1 % v1[0]
        v4 = np.divmod(v1, 2.5)[0]
        check({}, True)""",
    "the sign of a complex zero is not invalid": """
        v1 = np.full((9, 2), 0, 'c16')
        v2 = np.sign(v1 * np.int8(3))
        check({}, True)""",
    "imaginary parts are not lost in silence": """
        v1 = np.array(values(12, 'c16'))
        v2, v3 = np.zeros(12), np.zeros(12, 'i4')
        v2[...] = v1
        v3[::2] = v1[::-2]
        v4 = v1.astype('f4')
        v5 = v1.astype('?')
        np.add(v1, v1, out=v3, casting='unsafe')
        np.multiply(v1, 2, out=v2, where=v2 > 0, casting='unsafe')
        v6 = np.add(v1, v1, dtype='f8', casting='unsafe')
        v7 = np.sum(v1, dtype='f8')
        v2[3:4] = v1[5]
        v2.fill(v1[4])
        np.copyto(v2, v1, casting='unsafe')
        v8 = np.full(3, 2 + 1j, 'f8')
        v9 = np.array(v1, 'u1')
        v10 = np.concatenate([v1, v2], dtype='f4', casting='unsafe')
        check({}, True)""",
    "full_like takes what no cast keeps": """
        v1 = np.full_like(np.zeros(3, 'i4'), 2.75)
        v2 = np.full_like(np.zeros((2, 3), 'f4', order='F'), 1e300)
        v3 = np.full((2, 3), 1e300, 'f4')
        v4 = np.full_like(np.zeros(3, int), 1j)
        check({}, True)""",
    "deviations of nothing": """
        v1 = np.zeros((2, 0, 3))
        v2 = np.std(v1, axis=(0, 2))
        v3 = np.var(v1, axis=1, keepdims=True)
        v4 = np.var(v1)
        v5 = np.var(np.ones((1, 4)), axis=0, ddof=1)
        v6 = np.std(np.array(values(12, 'c16')).reshape(3, 4), axis=0)
        check({'v6': 1e-15}, True)""",
}


def kept():
    return [[line.strip() for line in text.strip().splitlines()] for text in KEPT.values()]


@functools.cache
def written(first):
    return [programs.program(seed) for seed in range(first, first + COUNT)]


def wrong(ranks, environment, first, count=COUNT):
    """What differs: of those kept by name, of the others by seed."""
    found = programs.differences([*kept(), *written(first)[:count]], ranks, environment)
    names = [*KEPT, *(f"programs.program({seed})" for seed in range(first, first + count))]
    return [f"{name}: {text}" for name, text in zip(names, found) if text]


@pytest.mark.parametrize("ranks, threshold, first", SETTINGS, ids=lambda value: "default" if value is None else str(value))
def test_programs_agree_with_numpy(ranks, threshold, first):
    differing = wrong(ranks, {} if threshold is None else {"GAIN_THRESHOLD": str(threshold)}, first)
    assert not differing, "\n".join(differing[:8])


def test_programs_agree_with_numpy_between_nodes():
    """Two pretended nodes, or, where no network engine is found, everything through the transport of one node."""
    environment = {"GAIN_FAKE_NODES": "2", "GAIN_THRESHOLD": "0"}
    probe = jobs.script("import gain as np; np.zeros(9).sum()", 2, environment)
    if probe.returncode != 0:
        environment = {"GAIN_DIRECT": "0", "GAIN_THRESHOLD": "0"}
    differing = wrong(3, environment, 0, 25)
    assert not differing, "\n".join(differing[:8])


@pytest.mark.parametrize("threshold", [None, 0])
def test_programs_agree_with_numpy_on_memory_of_others(threshold):
    environment = {"OPEN_MEMORY": "1"} | ({} if threshold is None else {"GAIN_THRESHOLD": str(threshold)})
    differing = wrong(0, environment, 120 if threshold is None else 180)
    assert not differing, "\n".join(differing[:8])


def test_the_writer_is_reproducible():
    """A seed is a program, wherever it is written."""
    assert written(0)[:5] == [writer.Writer(seed).program() for seed in range(5)]
