"""Random keys with arrays in them: what `a[key]`, `a[key] = v`, `a[key] += v` and `np.add.at(a, key, v)` do with NumPy and with gain, `a` an array or a view of one.

    picks.py SEED COUNT    on any number of ranks; prints what differs, and fails if anything does
"""

import sys

import numpy

import gain

TYPES = ["f8", "i4", "u1", "c16", "?", "f4", "f2"]
VIEWS = [lambda a: a, lambda a: a, lambda a: a.T, lambda a: a[::-1], lambda a: a[..., ::2], lambda a: a[1:].swapaxes(0, -1)]


def write(np, array, key, value):
    """`array[key] = value`"""
    array[key] = value


def add(np, array, key, value):
    """`array[key] += value`: of several values for one element one counts."""
    array[key] += value


def multiply(np, array, key, value):
    """`array[key] *= value`"""
    array[key] *= value


def add_at(np, array, key, value):
    """All values for an element count."""
    np.add.at(array, key, value)


CHANGES = [write, write, write, add, multiply, add_at]


def key_for(random, shape):
    """Any key: integers, slices, `...`, None, bools, and arrays and lists of integers or bools."""
    items, axis, has_dots = [], 0, False
    common = [int(random.integers(0, 4)) for _ in range(random.integers(0, 3))]
    while axis < len(shape):
        extent, kind = shape[axis], int(random.integers(0, 11))
        if kind == 0 and not has_dots:
            items.append(...)
            has_dots = True
            axis += int(random.integers(0, len(shape) - axis + 1))
        elif kind == 1:
            items.append(None)
        elif kind == 2:
            ends = [None if random.random() < 0.4 else int(random.integers(-extent - 1, extent + 2)) for _ in range(2)]
            items.append(slice(*ends, int(random.choice([-2, -1, 1, 2, 3]))))
            axis += 1
        elif kind == 3 and extent:
            items.append(int(random.integers(-extent, extent)))
            axis += 1
        elif kind in (4, 5, 6, 7):
            own = [n if random.random() < 0.8 else 1 for n in common[int(random.integers(0, len(common) + 1)):]]
            out = int(random.random() < 0.03)
            low, high = -extent - out, max(extent + out, -extent - out + 1)
            array = random.integers(low, high, own).astype(random.choice(["i8", "i4", "i2"]))
            items.append(array if random.random() < 0.7 else array.tolist())
            axis += 1
        elif kind == 8:
            axes = int(random.integers(1, len(shape) - axis + 1))
            items.append(random.random(shape[axis:axis + axes]) < 0.4)
            axis += axes
        elif kind == 9:
            items.append(bool(random.integers(0, 2)))
        else:
            break
    return tuple(items) if len(items) != 1 or random.random() < 0.3 else items[0]


def given(key, np):
    """The key with some of its NumPy arrays as arrays of ours."""
    def one(item):
        return np.array(item) if isinstance(item, numpy.ndarray) and item.ndim and item.size % 3 else item

    if np is numpy:
        return key
    return tuple(map(one, key)) if isinstance(key, tuple) else one(key)


def outcome(call):
    """What the call gives or raises."""
    try:
        made = numpy.asarray(call())
        return made.dtype, made.shape, made.tobytes()
    except Exception as error:
        return type(error).__name__, str(error)


def changed(np, change, array, view, key, value):
    """The array after a change of a view of it, which another variable of the same value doesn't notice."""
    other = array.copy()
    before = numpy.array(other)
    change(np, view(array), given(key, np), value)
    assert (numpy.asarray(other) == before).all()
    return array


def main(seed, count):
    """Compares; the number of differences."""
    random, wrong = numpy.random.default_rng(seed), 0
    for number in range(count):
        shape = tuple(int(n) for n in random.integers(0, 6, random.integers(1, 5)))
        array = (random.random(shape) * 50).round().astype(random.choice(TYPES))  # (Sums are exact, whatever their order.)
        view, change = VIEWS[number % len(VIEWS)], CHANGES[number // len(VIEWS) % len(CHANGES)]
        key = key_for(random, view(array).shape)
        theirs = outcome(lambda: view(array)[key])
        ours = outcome(lambda: view(gain.array(array))[given(key, gain)])
        if theirs != ours:
            wrong += 1
            report("get", array, key, theirs, ours)
        if len(theirs) == 2:
            continue
        wanted = theirs[1]
        values = [(random.random(s) * 9).round().astype(array.dtype) for s in (wanted, wanted[1:], (*wanted, 2))] + [3]
        value = values[int(random.choice(4, p=[0.4, 0.3, 0.05, 0.25]))]
        axes = numpy.ndim(value)
        if change is add_at and (axes > len(wanted) or view(array).ndim == 1 and 0 < axes < len(wanted)):
            # (NumPy's `at` then writes beside the list of the extents, or reads behind the values, and says anything.)
            continue
        theirs = outcome(lambda: changed(numpy, change, numpy.array(array), view, key, value))
        mine = gain.array(value) if number % 2 and isinstance(value, numpy.ndarray) else value
        ours = outcome(lambda: changed(gain, change, gain.array(array), view, key, mine))
        # (Of a complex element NumPy says in other words that it can't be a sequence.)
        if theirs != ours and not (theirs[0] == "TypeError" and array.dtype.kind == "c"):
            wrong += 1
            report(f"{change.__name__}, view {number % len(VIEWS)}", array, key, theirs, ours)
    return wrong


def report(what, array, key, theirs, ours):
    """Says what differs."""
    if gain.rank() == 0:
        print(what, array.shape, array.dtype, key, theirs[:2], ours[:2], sep="\n   ")


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:3])) > 0)
