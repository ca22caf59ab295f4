"""Products against NumPy in the same run: squares, thin ones, vectors, stacks. Its own process, so that NumPy chooses."""

import gain
import numpy
from figures import Row, in_turn, quotients, table


def operands(shapes, seed=3):
    """Uniform numbers in these shapes, in both modules."""
    rng = numpy.random.default_rng(seed)
    theirs = [rng.random(shape) for shape in shapes]
    return theirs, [gain.array(a) for a in theirs]


PRODUCTS = (
    ("a @ a, 32 x 32", [(32, 32)], lambda np, a: a @ a, 1000, 0.8),
    ("a @ a, 256 x 256", [(256, 256)], lambda np, a: a @ a, 20, None),
    ("a @ a, 2048 x 2048", [(2048, 2048)], lambda np, a: a @ a, 1, 0.95),
    ("a @ a, 4096 x 4096", [(4096, 4096)], lambda np, a: a @ a, 1, 0.95),
    ("a.T @ a, 1024 x 1024", [(1024, 1024)], lambda np, a: a.T @ a, 1, None),
    ("dot(x, c.T), 1e6 x 10, 10 x 10", [(1_000_000, 10), (10, 10)], lambda np, x, c: np.dot(x, c.T), 1, 2.0),
    ("dot(y.T, x), 1e6 x 10, 1e6 x 10", [(1_000_000, 10), (1_000_000, 10)], lambda np, y, x: np.dot(y.T, x), 1, 2.0),
    ("a @ v, 2000 x 2000", [(2000, 2000), (2000,)], lambda np, a, v: a @ v, 10, None),
    ("v @ a, 2000 x 2000", [(2000,), (2000, 2000)], lambda np, v, a: v @ a, 10, None),
    ("stack of 100000 of 3 x 3", [(100_000, 3, 3), (100_000, 3, 3)], lambda np, a, b: a @ b, 1, None),
    ("stack of 1000 of 40 x 40", [(1000, 40, 40), (1000, 40, 40)], lambda np, a, b: a @ b, 1, None),
    ("vecdot, 100000 x 10", [(100_000, 10), (100_000, 10)], lambda np, a, b: np.vecdot(a, b), 1, None),
)


def main():
    """Checks that the numbers agree, then prints the table."""
    rows = []
    for what, shapes, call, batch, bound in PRODUCTS:
        theirs, ours = operands(shapes)
        want, got = call(numpy, *theirs), numpy.asarray(call(gain, *ours))
        assert numpy.allclose(want, got, rtol=1e-9), what
        del want, got

        def repeated(np, arrays):
            for _ in range(batch):
                made = call(np, *arrays)
                if np is gain:
                    made.force()

        samples = 5 if max(map(max, shapes)) > 4000 else 9
        times = in_turn(
            [lambda: repeated(numpy, theirs), lambda: repeated(gain, ours)], samples=samples, warm=1 if batch == 1 else 2
        )
        rows += [
            Row(f"NumPy: {what}", [t / batch for t in times[0]]),
            Row(f"gain: {what}", [t / batch for t in times[1]]),
            Row(f"NumPy / gain: {what}", quotients(*times), "ratio", at_least=bound),
        ]
    print(table(f"Products of doubles, 1 rank, {gain.threads()} threads, against NumPy {numpy.__version__}", rows))


main()
