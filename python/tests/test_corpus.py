"""Every case of the corpus, run by NumPy and by gain: value, dtype and shape must agree, on every rank."""

import functools
import itertools

import numpy
import pytest

import cases
import jobs

CASES = cases.load()
GROUPS = {
    name: [number for number, _ in members]
    for name, members in itertools.groupby(enumerate(CASES), key=lambda item: item[1].group)
}
# ranks (0: plain python), GAIN_THRESHOLD
SETTINGS = [(0, None), (0, 0), (1, 0), (2, 0), (2, None), (3, 0), (4, 0), (4, None)]


@functools.cache
def oracle():
    """What NumPy says."""
    return [one[0] for one in jobs.outcomes("numpy", [case.source for case in CASES])]


@functools.cache
def subject(ranks, threshold):
    """What gain says, rank by rank."""
    environment = {} if threshold is None else {"GAIN_THRESHOLD": str(threshold)}
    return jobs.outcomes("gain", [case.source for case in CASES], ranks, environment, deadline=300)


def close(mine, theirs, ulps=16):
    """Equal up to rounding: relative to each element, or, for sums of many, to the largest."""
    if mine.dtype.kind not in "fc" or mine.size == 0:
        return numpy.array_equal(mine, theirs)
    epsilon = numpy.finfo(mine.dtype).eps
    with numpy.errstate(all="ignore"):
        finite = theirs[numpy.isfinite(theirs)]
        largest = numpy.max(numpy.abs(finite), initial=0)
        return numpy.allclose(mine, theirs, rtol=ulps * epsilon, atol=largest * epsilon, equal_nan=True)


def difference(mine, theirs, text):
    """None if the outcomes agree, else what is wrong."""
    if mine[0] != theirs[0]:
        return f"{mine} instead of {theirs}"
    if mine[0] == "error":
        same = mine[1] == theirs[1] and (not text or mine[2].replace("gain.", "numpy.") == theirs[2])
        return None if same else f"{mine[1]}: {mine[2]!r} instead of {theirs[1]}: {theirs[2]!r}"
    if mine[0] == "value":
        return difference(mine[1], theirs[1], text)
    if mine[0] in ("array", "scalar"):
        if mine[1:3] != theirs[1:3]:
            return f"dtype and shape {mine[1:3]} instead of {theirs[1:3]}"
        return None if close(mine[3], theirs[3]) else f"{mine[3]!r} instead of {theirs[3]!r}"
    if mine[0] in ("tuple", "list"):
        if len(mine[1]) != len(theirs[1]):
            return f"{mine} instead of {theirs}"
        return next(filter(None, (difference(a, b, text) for a, b in zip(mine[1], theirs[1]))), None)
    if mine[0] == "builtin" and isinstance(theirs[1], float) and isinstance(mine[1], float):
        return None if close(numpy.array(mine[1]), numpy.array(theirs[1])) else f"{mine[1]} instead of {theirs[1]}"
    return None if mine == theirs else f"{mine[1]!r} instead of {theirs[1]!r}"


def agrees(sources, expected, ranks, threshold, texts):
    """Fails unless each program has NumPy's outcome on each rank; of errors the texts count if so said."""
    environment = {} if threshold is None else {"GAIN_THRESHOLD": str(threshold)}
    wrong = []
    for source, right, outcomes in zip(sources, expected, jobs.outcomes("gain", sources, ranks, environment)):
        differences = enumerate(difference(mine, right, texts) for mine in outcomes)
        wrong += [f"{source}\n    rank {rank}: {text}" for rank, text in differences if text][:1]
    assert not wrong, "\n".join([f"{len(wrong)} of {len(sources)} differ:", *wrong[:8]])


def identify(value):
    return f"{value[0] or 'plain'}-{'default' if value[1] is None else value[1]}" if isinstance(value, tuple) else value


@pytest.mark.parametrize("setting", SETTINGS, ids=identify)
@pytest.mark.parametrize("group", GROUPS)
def test_agrees_with_numpy(setting, group):
    wrong = []
    for number in GROUPS[group]:
        case, expected = CASES[number], oracle()[number]
        for rank, mine in enumerate(subject(*setting)[number]):
            if text := difference(mine, expected, case.text):
                wrong.append(f"{case.source}\n    rank {rank}: {text}")
                break
    assert not wrong, "\n".join([f"{len(wrong)} of {len(GROUPS[group])} differ:", *wrong[:12]])
