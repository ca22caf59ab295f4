"""Fourier transforms of random arrays, by NumPy and by gain.

    transforms.py SEED COUNT [LONG]    on any number of ranks; prints what differs, and fails if anything does
"""

import sys

import numpy

import gain
from sorts import outcome, view

TYPES = "? i1 i4 u8 f2 f4 f8 c8 c16".split()
LENGTHS = [0, 1, 2, 3, 4, 5, 7, 8, 12, 13, 16, 31, 48, 97, 128, 250]
ONE = "fft ifft rfft irfft hfft ihfft".split()
MANY = "fft2 ifft2 fftn ifftn rfft2 irfft2 rfftn irfftn".split()


def array_for(random, shape, dtype):
    """Numbers of a type."""
    made = random.normal(size=shape) * 8
    if dtype[0] == "c":
        made = made + 1j * random.normal(size=shape)
    return (abs(made) if dtype[0] == "u" else made).astype(dtype)


def agree(theirs, ours):
    """Whether two outcomes are the same but for rounding of their types."""
    if isinstance(theirs, tuple) or isinstance(ours, tuple):
        return theirs == ours
    one, two = theirs[0], ours[0]
    if one.dtype != two.dtype or one.shape != two.shape:
        return False
    if one.size == 0:
        return True
    most = numpy.max(abs(one[numpy.isfinite(one)]), initial=0).astype(float)
    if one.dtype.kind not in "fc":
        return (one == two).all()
    return numpy.allclose(one, two, 0, numpy.finfo(one.dtype).eps * (1 + most) * 30, equal_nan=True)


def some(random, values):
    return values[random.integers(len(values))]


def case(random):
    """What is done, and with which array: a call of (module, array), and its text."""
    shape = [int(some(random, LENGTHS[:12])) for _ in range(random.integers(1, 4))]
    if len(shape) == 1:
        shape = [int(some(random, LENGTHS + [1000, 2500]))]
    array = array_for(random, shape, some(random, TYPES))
    ndim = len(shape)
    kind = random.integers(0, 6)
    norm = some(random, [None, None, None, "ortho", "forward", "backward", "other"] if random.random() < 0.6 else [None])
    choice = random.random()
    if choice < 0.55:
        name = some(random, ONE)
        n = some(random, [None, None, None] + LENGTHS)
        axis = int(random.integers(-ndim, ndim)) if random.random() < 0.95 else ndim
        arguments = (n, axis, norm)
    elif choice < 0.85:
        name = some(random, MANY)
        axes = [int(a) for a in random.integers(-ndim, ndim, random.integers(1, 3))] if random.random() < 0.7 else None
        s = None if axes is None or random.random() < 0.6 else [int(some(random, [-1] + LENGTHS)) for _ in axes]
        arguments = (s, axes, norm)
    else:
        name = some(random, ["fftshift", "ifftshift"])
        arguments = (some(random, [None, int(random.integers(-ndim, ndim))]),)
    return lambda np, a: getattr(np.fft, name)(view(a, kind, np), *arguments), f"{name}{arguments} of {array.dtype}{shape}, view {kind}", array


def long(random):
    """Lines that are long, or that are long and few."""
    for shape, axis in [((20_000,), 0), ((1 << 15,), 0), ((3, 9973), 1), ((9973 * 2, 2), 0), ((2, 1 << 14), -1), ((64, 3000), 0), ((65_537,), 0), ((30_030,), 0)]:
        for name, dtype in [("fft", "c16"), ("ifft", "f8"), ("rfft", "f8"), ("irfft", "c16"), ("fft", "c8"), ("rfft", "f4"), ("irfft", "c8")]:
            for n in (None, 17_001) if shape == (20_000,) else (None,):
                array = array_for(random, shape, dtype)
                yield lambda np, a: getattr(np.fft, name)(a, n, axis, "ortho"), f"{name}({n}, {axis}) of {dtype}{shape}", array


def main(seed, count, is_long=False):
    random = numpy.random.default_rng(seed)
    wrong = 0
    for call, text, array in [*(case(random) for _ in range(count)), *(long(random) if is_long else ())] if not is_long else long(random):
        theirs = outcome(lambda: call(numpy, array))
        ours = outcome(lambda: call(gain, gain.array(array)))
        if not agree(theirs, ours):
            wrong += 1
            if gain.rank() == 0:
                print(f"{text}\n    NumPy: {str(theirs)[:600]}\n    gain:  {str(ours)[:600]}")
    return wrong


if __name__ == "__main__":
    wrong = main(int(sys.argv[1]), int(sys.argv[2]), len(sys.argv) > 3)
    sys.exit(f"{wrong} differ" if wrong else 0)
