"""Random calls of random methods, by NumPy and by gain: the same bits, and the same states afterwards.

    draws.py SEED COUNT    on any number of ranks; prints what differs, and fails if anything does
"""

import pickle
import sys
import warnings

import numpy

import gain
from gain.random import _drawing

KINDS = ["PCG64", "PCG64DXSM", "Philox", "SFC64", "MT19937"]
INTEGERS = "? i1 i2 i4 i8 u1 u2 u4 u8".split()
# Parameters of the distributions of which NumPy draws all.
SERIAL = {
    "beta": [(2.0, 0.5), (0.3, 0.4)], "binomial": [(10, 0.3), (1000, 0.5)], "chisquare": [(3.0,)], "f": [(3.0, 5.0)], "gamma": [(2.0, 3.0), (0.5,)],
    "geometric": [(0.3,)], "gumbel": [(), (1.0, 2.0)], "hypergeometric": [(10, 20, 15)], "laplace": [()], "logistic": [()], "lognormal": [(0.1, 0.5)],
    "logseries": [(0.7,)], "negative_binomial": [(5, 0.5)], "noncentral_chisquare": [(3.0, 2.0)], "noncentral_f": [(3.0, 4.0, 1.0)], "pareto": [(2.0,)],
    "poisson": [(3.0,), (100.0,)], "power": [(2.0,)], "rayleigh": [(2.0,)], "standard_cauchy": [()], "standard_gamma": [(0.5,), (3.0,)],
    "standard_t": [(3.0,)], "triangular": [(-1.0, 0.5, 2.0)], "vonmises": [(0.5, 2.0)], "wald": [(1.0, 2.0)], "weibull": [(2.0,)], "zipf": [(2.5,)],
    "multinomial": [(20, [0.2, 0.3, 0.5])], "dirichlet": [([1.0, 2.0, 3.0],)], "multivariate_normal": [([0.0, 1.0], [[2.0, 0.5], [0.5, 1.0]])],
}
ONLY_NEW = {"multivariate_hypergeometric": [([5, 6, 7], 4)]}


def same(one, two):
    """Whether two results have the same types, shapes and bits."""
    if type(two) is gain.ndarray:
        two = two.numpy()
    if isinstance(one, numpy.ndarray):
        return type(two) is type(one) and one.dtype == two.dtype and one.shape == two.shape and one.tobytes() == two.tobytes()
    return type(one) is type(two) and numpy.array_equal(one, two, equal_nan=isinstance(one, float))


def known(state):
    """A state that compares."""
    return pickle.dumps({key: known(value) if isinstance(value, dict) else numpy.asarray(value).tolist() for key, value in sorted(state.items())})


def pick(random, items):
    return items[random.integers(len(items))]


def bounds(random, dtype):
    """Bounds of integers: any, near powers of two, or all that there are."""
    if dtype == "?":
        return 0, 2
    info = numpy.iinfo(dtype)
    least, most = int(info.min), int(info.max)
    how = random.integers(5)
    if how == 0:
        return least, most + 1
    if how == 1:
        span = int(random.integers(1, 100))
    elif how == 2:
        span = 1 << int(random.integers(info.bits))
    elif how == 3:
        span = (1 << int(random.integers(info.bits))) + 1
    else:
        span = int(random.uniform(2, float(1 << info.bits)))
    span = min(span, most - least)
    low = min(max(least, int(random.integers(-100, 100))), most + 1 - span)
    return low, low + span


def new_call(random):
    """A method of Generator, and its arguments; arrays among them as lists of NumPy's."""
    size = pick_size(random)
    kind = random.integers(16)
    dtype = pick(random, ["f8", "f4"])
    if kind < 2:
        return pick(random, ["random", "standard_normal"]), (size, dtype), {}
    if kind == 2:
        return "standard_exponential", (size, dtype), {"method": pick(random, ["zig", "inv"])}
    if kind == 3:
        return "normal", (1.5, 2.0, size), {}
    if kind == 4:
        return pick(random, ["uniform", "exponential"]), (0.7,), {"size": size}
    if kind == 5:
        return "uniform", (-1.0, 2.5, size), {}
    if kind in (6, 7, 8):
        dtype = pick(random, INTEGERS)
        low, high = bounds(random, dtype)
        endpoint = bool(random.integers(2))
        return "integers", (low, high - endpoint, size), {"dtype": dtype, "endpoint": endpoint}
    if kind == 9:
        return "permutation", (count_for(random),), {}
    if kind == 10:
        array = numpy.arange(count_for(random) * 6).reshape(pick(random, [(-1, 6), (6, -1), (2, -1, 3), (-1,)]))
        return pick(random, ["permutation", "permuted", "shuffle"]), (array,), {"axis": int(random.integers(-array.ndim, array.ndim))}
    if kind == 11:
        array = numpy.arange(count_for(random) * 6).reshape(2, -1, 3)
        return "permuted", (pick(random, [array, array.T]),), {}
    if kind == 12:
        p = random.dirichlet(numpy.ones(11)) if random.integers(2) else None
        return "choice", (pick(random, [11, numpy.arange(11) * 3, numpy.arange(33).reshape(11, 3)]), size), {"p": p, "replace": True}
    if kind == 13:
        count = count_for(random)
        return "choice", (count, count // pick(random, [1, 2, 30])), {"replace": False, "shuffle": bool(random.integers(2))}
    if kind == 14:
        return "bytes", (count_for(random),), {}
    name = pick(random, [*SERIAL, *ONLY_NEW])
    return name, pick(random, (SERIAL | ONLY_NEW)[name]), {"size": size}


def pick_size(random):
    count = count_for(random)
    return pick(random, [None, count, (count,), (max(count // 7, 1), 7), (3, max(count // 12, 1), 4), count, (0, 3)])


def count_for(random):
    return int(10 ** random.uniform(0.5, 4.9))


def old_call(random):
    """A method of RandomState."""
    size = pick_size(random)
    kind = random.integers(12)
    if kind < 2:
        return pick(random, ["random_sample", "standard_normal", "random", "standard_exponential"]), (size,), {}
    if kind == 2:
        return pick(random, ["rand", "randn"]), (count_for(random), 2), {}
    if kind == 3:
        return "normal", (1.5, 2.0, size), {}
    if kind == 4:
        return "uniform", (-1.0, 2.5, size), {}
    if kind in (5, 6):
        dtype = pick(random, INTEGERS)
        return "randint", (*bounds(random, dtype), size, dtype), {}
    if kind == 7:
        return "permutation", (count_for(random),), {}
    if kind == 8:
        return pick(random, ["permutation", "shuffle"]), (numpy.arange(count_for(random) * 6).reshape(pick(random, [(-1, 6), (-1,)])),), {}
    if kind == 9:
        p = random.dirichlet(numpy.ones(11)) if random.integers(2) else None
        return "choice", (pick(random, [11, numpy.arange(11) * 3]), size), {"p": p}
    if kind == 10:
        return "bytes", (count_for(random),), {}
    name = pick(random, [name for name in SERIAL])
    return name, pick(random, SERIAL[name]), {"size": size}


def done(generator, call, convert):
    """What a call gives, or raises; of `shuffle` what it was given."""
    name, arguments, keywords = call
    arguments = [convert(value) if isinstance(value, numpy.ndarray) else value for value in arguments]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = getattr(generator, name)(*arguments, **keywords)
    except Exception as error:  # noqa: BLE001
        return type(error), str(error)
    return arguments[0] if name == "shuffle" else made


def is_same(theirs, ours):
    if isinstance(theirs, tuple) or isinstance(ours, tuple):
        return theirs == ours
    return same(theirs, ours)


def main(seed, count):
    """How many of so many sequences of calls differ; few elements are drawn by all together, too."""
    few, _drawing.FEW = _drawing.FEW, 8
    try:
        return differing(seed, count)
    finally:
        _drawing.FEW = few


def differing(seed, count):
    random, wrong = numpy.random.default_rng(seed), 0
    for _ in range(count):
        start = int(random.integers(1 << 30))
        if random.integers(3):
            kind = pick(random, KINDS)
            theirs = numpy.random.Generator(getattr(numpy.random, kind)(start))
            ours = gain.random.Generator(getattr(gain.random, kind)(start))
            calls = [new_call(random) for _ in range(3)]
            states = lambda: (known(theirs.bit_generator.state), known(ours.bit_generator.state))
        else:
            kind, theirs, ours = "RandomState", numpy.random.RandomState(start), gain.random.RandomState(start)
            calls = [old_call(random) for _ in range(3)]
            states = lambda: (known(theirs.get_state(legacy=False)), known(ours.get_state(legacy=False)))
        for call in calls:
            one = done(theirs, call, numpy.copy)
            two = done(ours, call, lambda array: gain.array(array))
            before, after = states()
            if not is_same(one, two) or before != after:
                wrong += 1
                if gain.rank() == 0:
                    shown = [item.shape if isinstance(item, numpy.ndarray) else item for item in call[1]]
                    two = two.numpy() if isinstance(two, gain.ndarray) else two
                    print(f"{kind}({start}).{call[0]}{shown}{call[2]}: {'' if before == after else 'states differ; '}{one!r:.300} and {two!r:.300}")
                break
    return wrong


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])) > 0)
