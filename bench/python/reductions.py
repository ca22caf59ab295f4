"""Reductions against NumPy in the same run, in turn: over axes of tall, wide and deep arrays, of small ones, in k-means."""

import gain
import numpy
from figures import Row, in_turn, per_call, quotients, table


def numbers(shape, dtype="f8"):
    """The same numbers for both modules."""
    return (numpy.random.default_rng(1).random(shape) * 100).astype(dtype)


def compare(title, cases):
    """A table of cases: name, operands, what to compute of (module, operands), and the least ratio."""
    rows = []
    for what, operands, call, least in cases:
        ours = [gain.array(operand) for operand in operands]
        assert numpy.allclose(numpy.asarray(call(gain, *ours)), call(numpy, *operands), rtol=1e-4), what
        theirs, mine = in_turn(
            [lambda: call(numpy, *operands), lambda: force(call(gain, *ours))], samples=7, warm=2  # noqa: B023
        )
        rows += [
            Row(f"NumPy: {what}", theirs),
            Row(f"gain: {what}", mine),
            Row(f"NumPy / gain: {what}", quotients(theirs, mine), "ratio", at_least=least),
        ]
    print(table(title, rows), flush=True)


def force(made):
    """Computes a lazy array now; numbers are computed already."""
    return made.force() if isinstance(made, gain.ndarray) else made


def nearest(np, x, c):
    """One round of k-means: to which of the rows of `c` each row of `x` is nearest, and the means of those."""
    near = ((x * x).sum(axis=1)[:, None] - 2 * np.dot(x, c.T) + (c * c).sum(axis=1)).argmin(axis=1)
    one = (near[:, None] == np.arange(len(c))).astype(float)
    return np.dot(one.T, x) / one.sum(axis=0)[:, None]


def fallen(np, x, y, z):
    """Five steps of bodies that attract each other: forces along each axis from arrays of every pair."""
    places, speeds = [x, y, z], [x * 0, y * 0, z * 0]
    for _ in range(5):
        apart = [place[:, None] - place[None, :] for place in places]
        distance = np.sqrt(apart[0] ** 2 + apart[1] ** 2 + apart[2] ** 2 + 1e-3)
        force = 1.0 / (distance * distance)
        speeds = [v - (d / distance * force).sum(axis=1) * 1e-3 for v, d in zip(speeds, apart)]
        places = [place + v * 1e-3 for place, v in zip(places, speeds)]
    return places[0]


def over(operation, axis):
    """What `numpy.operation(x, axis)` computes."""
    return lambda np, x: getattr(np, operation)(x, axis)


compare("Reductions over axes, 1 rank, all threads", [
    ("sum(0) of 100000 x 50", [numbers((100_000, 50))], over("sum", 0), 1.5),
    ("sum(0) of 1000000 x 10", [numbers((1_000_000, 10))], over("sum", 0), 1.5),
    ("sum(0) of 2000 x 3000", [numbers((2000, 3000))], over("sum", 0), 1.5),
    ("mean(0) of 20000 x 300", [numbers((20_000, 300))], over("mean", 0), 1.5),
    ("sum(1) of 2000000 x 3", [numbers((2_000_000, 3))], over("sum", 1), 1.5),
    ("sum(1) of 1000000 x 10", [numbers((1_000_000, 10))], over("sum", 1), 1.5),
    ("max(1) of 1000000 x 10", [numbers((1_000_000, 10))], over("max", 1), 1.5),
    ("argmin(1) of 1000000 x 10", [numbers((1_000_000, 10))], over("argmin", 1), 1.0),
    ("argmax(0) of 2000 x 3000", [numbers((2000, 3000))], over("argmax", 0), 1.0),
    ("var(0) of 20000 x 300", [numbers((20_000, 300))], over("var", 0), 1.0),
    ("sum(1) of 200 x 100 x 200", [numbers((200, 100, 200))], over("sum", 1), 1.0),
    ("sum(0) of 2000 x 3000 float32", [numbers((2000, 3000), "f4")], over("sum", 0), 1.0),
    ("count_nonzero of 10000000 bools", [numbers(10_000_000) > 50], lambda np, x: np.count_nonzero(x), 1.0),
    ("sum of 20000000", [numbers(20_000_000)], over("sum", None), 1.0),
    ("one round of k-means, 1000000 x 10", [numbers((1_000_000, 10)), numbers((10, 10))], nearest, 4.0),
    ("n-body, 2000 bodies, 5 steps", [numbers(2000), numbers(2000), numbers(2000)], fallen, 10.0),
])

rows = []
for size in (10, 100, 1000, 2000):
    for what, call, least in (
        ("x.sum()", lambda x: x.sum(), 0.8), ("(x*2 + 1).sum()", lambda x: (x * 2 + 1).sum(), 1.0),
        ("x.max()", lambda x: x.max(), 0.8), ("x.mean()", lambda x: x.mean(), 1.0),
    ):
        series = [
            per_call(lambda: call(x), 2000, 9)  # noqa: B023
            for x in (numbers(size), gain.array(numbers(size)))
        ]
        rows += [
            Row(f"gain: {what}, n = {size}", series[1]),
            Row(f"NumPy / gain: {what}, n = {size}", quotients(*series), "ratio", at_least=least),
        ]
print(table("Reductions of small arrays, 1 rank", rows))
