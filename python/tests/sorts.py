"""Random arrays sorted, partitioned, taken as sets and asked for their quantiles, by NumPy and by gain.

    sorts.py SEED COUNT    on any number of ranks; prints what differs, and fails if anything does
"""

import sys
import warnings

import numpy

import gain

TYPES = "? i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16".split()
METHODS = [
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull", "linear",
    "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest",
]


def array_for(random, shape, dtype):
    """Elements of a type, many of them equal, some of them special."""
    spread = random.choice([2, 50, 1e4])
    if dtype == "?":
        return random.random(shape) < 0.5
    made = random.normal(size=shape) * spread
    if dtype[0] == "u":
        made = abs(made)
    if dtype[0] in "iu":
        info = numpy.iinfo(dtype)
        return numpy.clip(made, info.min, info.max).astype(dtype)
    made = made.round() if spread == 50 else made
    if dtype[0] == "c":
        made = made + 1j * random.integers(-2, 3, shape)
    made = numpy.array(made.astype(dtype))
    for special in (numpy.nan, numpy.inf, -numpy.inf, 0.0):
        made[random.random(shape) < 0.05] = special
    if dtype[0] == "c":
        made.imag[random.random(shape) < 0.1] = numpy.nan
    return made


def view(array, kind, np):
    """The same elements, or some of them, in another order in memory."""
    if kind == 1:
        return array[::-1]
    if kind == 2:
        return array.T
    if kind == 3:
        return array[..., ::2]
    return np.asfortranarray(array) if kind == 4 else array


def outcome(call):
    """What the call gives or raises."""
    try:
        with warnings.catch_warnings(), numpy.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            made = call()
    except Exception as error:
        return type(error), str(error)
    return [numpy.asarray(one) for one in (made if isinstance(made, tuple) else (made,))]


def agree(theirs, ours):
    """Whether two outcomes are the same but for rounding."""
    if isinstance(theirs, tuple) or isinstance(ours, tuple):
        return theirs == ours
    if len(theirs) != len(ours):
        return False
    for one, two in zip(theirs, ours):
        if one.dtype != two.dtype or one.shape != two.shape:
            return False
        if one.dtype.kind in "fc":
            with numpy.errstate(all="ignore"):
                most = numpy.max(abs(one[numpy.isfinite(one)]), initial=0).astype(float)
                tolerance = float(4 * numpy.finfo(one.dtype).eps * max(most, 1e-30))
            if not numpy.allclose(one, two, rtol=1e-14, atol=tolerance, equal_nan=True):
                return False
        elif not numpy.array_equal(one, two):
            return False
    return True


def partitioned(np, x, places, axis, name):
    """What a partition promises: the elements at the places, and those before and behind, each of them in order."""
    made = numpy.asarray(getattr(np, name)(x, places, axis))
    if name == "argpartition":
        made = numpy.take_along_axis(numpy.asarray(x), made, axis)
    ends = sorted({place % x.shape[axis] for place in numpy.ravel(places)})
    parts = [numpy.sort(part, axis, kind="stable") for part in numpy.split(made, [at for end in ends for at in (end, end + 1)], axis)]
    return numpy.concatenate(parts, axis)


def calls(random, x, other):
    """Names and calls of (module, array, other array)."""
    axes = x.ndim
    axis = int(random.integers(-axes, axes)) if random.random() < 0.9 else None
    yield "sort", lambda np, x, y: np.sort(x, axis, kind="stable")
    yield "argsort", lambda np, x, y: np.argsort(x, axis, kind="stable")
    some = axis if axis is not None else -1
    if x.shape[some]:
        places = random.integers(-x.shape[some], x.shape[some], random.integers(1, 4)).tolist()
        yield "partition", lambda np, x, y: partitioned(np, x, places, some, "partition")
        yield "argpartition", lambda np, x, y: partitioned(np, x, places, some, "argpartition")
    yield "lexsort", lambda np, x, y: np.lexsort((x, x > 0, y[: len(x)] if x.ndim == 1 and len(y) >= len(x) else x), some)
    yield "in place", lambda np, x, y: (x := x.copy(), x.sort(some, kind="stable"), x)[2]
    given = {name: bool(random.integers(0, 2)) for name in ("return_index", "return_inverse", "return_counts", "equal_nan")}
    # (Which of several NaN is which NumPy leaves open, unless the first of each is asked for.)
    given["return_index"] |= given["return_inverse"] and not given["equal_nan"]
    yield "unique", lambda np, x, y: np.unique(x, **given)
    if axis is not None and x.dtype.kind != "c":
        yield "unique along", lambda np, x, y: np.unique(numpy.nan_to_num(x) if np is numpy else np.nan_to_num(x), axis=axis, **given)
    for name in ("intersect1d", "union1d", "setdiff1d", "setxor1d"):
        yield name, lambda np, x, y, name=name: getattr(np, name)(x, y)
    yield "indices", lambda np, x, y: np.intersect1d(x, y, return_indices=True)
    invert = bool(random.integers(0, 2))
    yield "isin", lambda np, x, y: np.isin(x, y, invert=invert)
    axis = axis if random.random() < 0.7 else (0, -1) if axes > 1 else None
    keepdims = bool(random.integers(0, 2))
    yield "median", lambda np, x, y: np.median(x, axis, keepdims=keepdims)
    # (Of complex infinities NumPy's depends on the lines' number.)
    if x.dtype.kind != "c":
        yield "nanmedian", lambda np, x, y: np.nanmedian(x, axis, keepdims=keepdims)
    if x.dtype.kind in "iuf":
        q = [0.3, [0.0, 0.5, 1.0], [[0.1, 0.9]], numpy.float32(0.25)][random.integers(0, 4)]
        method = str(random.choice(METHODS))
        for name in ("quantile", "nanquantile") if numpy.ndim(q) < 2 else ("quantile",):
            yield f"{name} {method}", lambda np, x, y, name=name: getattr(np, name)(x, q, axis, method=method, keepdims=keepdims)
        weights = random.integers(0, 3, x.shape) + (random.random() < 0.5)
        name = str(random.choice(["percentile", "nanpercentile"]))
        if numpy.ndim(q) < 2:
            yield f"{name} weights", lambda np, x, y: getattr(np, name)(
                x, numpy.array(q) * 100, axis, method="inverted_cdf", weights=np.asarray(weights), keepdims=keepdims
            )


def main(seed, count):
    """Compares; the number of differences."""
    random, wrong = numpy.random.default_rng(seed), 0
    for number in range(count):
        axes = int(random.integers(1, 4))
        shape = tuple(int(n) for n in random.integers(0, [300, 30, 9][axes - 1], axes))
        dtype, kind = TYPES[number % len(TYPES)], int(random.integers(0, 5))
        array, other = array_for(random, shape, dtype), array_for(random, int(random.integers(0, 60)), dtype)
        theirs_of, ours_of = view(array, kind, numpy), view(gain.array(array), kind, gain)
        for name, call in calls(random, theirs_of, other):
            theirs = outcome(lambda: call(numpy, theirs_of, other))
            ours = outcome(lambda: call(gain, ours_of, gain.array(other)))
            if not agree(theirs, ours):
                wrong += 1
                if gain.rank() == 0 and wrong < 20:
                    print(name, shape, dtype, kind, theirs, ours, sep="\n   ")
    return wrong


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:3])) > 0)
