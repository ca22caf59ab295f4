"""The order of axes in memory: `strides` and `flags` of results, and `order=`. NumPy is the oracle."""

import functools
import random

import pytest

import jobs
import test_corpus

# What an array is, with the steps of the axes along which there are any.
LAYOUT = """
def o(x):
    return x, [s for s, n in zip(x.strides, x.shape) if n > 1], x.flags.c_contiguous, x.flags.f_contiguous
"""
A = LAYOUT + "a = np.arange(24.0).reshape(4, 6) - 9; f = np.array(a, order='F'); t = np.arange(60.0).reshape(3, 4, 5).transpose(1, 2, 0)\n"

CASES = [A + text for text in [
    "o(a), o(f), o(t), o(a.T + 1), o(a.T), o((a.T + 1).T)",
    "o(f + a), o(a + f), o(f + f), o(f + np.zeros(6)), o(np.zeros((4, 1)) + f), o(-f), o(np.sqrt(abs(f)))",
    "o(f[::-1] + 1), o(f[:, ::-2] * 2), o(t[1:, ::2] + 1), o(t[None] - 1), o(t[:, :, None] - t[:, :, :, None])",
    "o(f > 0), o(f.astype(int)), o(f.astype('f4').T), o(np.where(f > 0, f, 0)), o(np.clip(f, 0, 5)), o(f.round(1))",
    "o(np.add(f, a, order='F')), o(np.add(a, a, order='F')), o(np.add(f, f, order='C')), o(np.add(f, f, order='A'))",
    "o(np.add(f, 1, out=np.zeros((4, 6)))), o(np.add(a, 1, out=np.zeros((4, 6), order='F')))",
    "o(np.add(f, 1, where=a > 0, out=np.zeros((4, 6), order='F'))), o(np.add(f, 1, dtype='f4'))",
    "[o(x) for x in np.divmod(t, 7)], [o(x) for x in np.frexp(f)]",
    "o(t.sum(axis=0)), o(t.max(axis=1)), o(t.mean(axis=2)), o(t.sum(axis=0, keepdims=True)), o(t.any(axis=-1))",
    "o(t.argmax(axis=0)), o(t.argmin(axis=2)), o(t.std(axis=0)), o(t.sum(axis=(0, 2))), o(t.prod(axis=1, dtype='f4'))",
    "o(f.copy()), o(f.copy('K')), o(f.copy('A')), o(f.copy(order='F')), o(a.copy('F')), o(np.copy(f)), o(t.copy('K'))",
    "o(np.array(f)), o(np.array(f, order='C')), o(np.array(t, order='A')), o(np.array(f[::2], order='A')), o(np.array(a, 'f4', order='F'))",
    "o(np.asarray(a, order='F')), np.asarray(f, order='F') is f, np.asarray(a, order='F') is a, np.asarray(f, order='A') is f",
    "o(np.ascontiguousarray(f)), o(np.asfortranarray(a)), np.asfortranarray(f) is f, np.asfortranarray(3.0).shape",
    "o(np.array([[1, 2, 3], [4, 5, 6]], order='F')), o(np.array(a, ndmin=4, order='F'))",
    "o(a.astype(int, order='F')), o(f.astype(float, order='C')), f.astype(float, copy=False) is f, f.astype(float, order='C', copy=False) is f",
    "o(np.zeros((2, 3), order='F')), o(np.ones((2, 3, 4), order='F')), o(np.full((2, 3), 7, order='F')), np.empty((2, 3), order='F').strides",
    "o(np.full((2, 3), [1, 2, 3], order='F')), o(np.eye(3, 4, 1, order='F')), np.zeros((2, 3), order='F').base, o(np.zeros(3, order='F'))",
    "o(np.zeros_like(f)), o(np.ones_like(t)), o(np.full_like(t, 3)), np.empty_like(f).strides, o(np.zeros_like(f, order='C'))",
    "o(np.zeros_like(a, order='F')), o(np.zeros_like(f, shape=(2, 3))), o(np.zeros_like(f, shape=(2, 3, 4))), o(np.zeros_like(f[:, ::-1]))",
    "o(np.zeros_like(np.broadcast_to(np.zeros((4, 1)), (3, 4, 5)))), o(np.ones_like(f, dtype='i2', order='A'))",
    "o(a.reshape(3, 8, order='F')), o(f.reshape(3, 8, order='F')), o(f.reshape(3, 8, order='A')), o(a.reshape(3, -1, order='A'))",
    "o(t.reshape(5, 12, order='F')), o(np.reshape(f, (2, 2, 6), order='F')), o(np.reshape(f, 24)), o(f.reshape(-1, order='F'))",
    "g = f.reshape(2, 12, order='F'); g[1, 1] = 100; o(f), f.reshape(-1, order='F').base is f",
    "o(a.ravel('F')), o(f.ravel('F')), o(f.ravel('A')), o(f.ravel('K')), o(t.ravel('K')), o(np.ravel(t, 'F')), o(t[::-1].ravel('K'))",
    "o(a.flatten('F')), o(f.flatten('A')), o(t.flatten('K')), o(f[:, ::-1].flatten('K')), o(t.flatten())",
    "f.tobytes(), f.tobytes('F'), f.tobytes('A'), a.tobytes('F')",
    "o(np.concatenate([f, f])), o(np.concatenate([f, a])), o(np.concatenate([f, f], axis=1)), o(np.stack([f, f])), o(np.stack([f, f], 1))",
    "o(np.vstack([f, f])), o(np.hstack([f, f])), o(np.concatenate([t, t], axis=2))",
    "f += 1; f[1:3] = a[::2] ; f[:, 0] *= 2; o(f), o(f[1]), o(f[:, 1:3] + 1)",
    "b = f + 1; b[2] = 0; c = b * b; b[...] = c.T[::-1].reshape(4, 6); o(b), o(c), o(f)",
    "f @ a.T, o(np.dot(f.T, f)), f.tolist(), np.outer(f, [1, 2]).strides, (f.T @ a).sum()",
    "z = np.zeros((3, 4), complex, order='F'); z.real = np.arange(4); z.imag[1] = 5; o(z), z.real.strides, o(z.real + 1), o(z.T.view(float))",
    "o(np.isclose(f, f)), o(np.real(f * 1j)), o(f.conj()), o(np.linspace(f, f + 1, 3))",
    "k = (f + a.copy('F')) * 2 - f; k2 = k + k.T.T; o(k), o(k2), k.sum(), k2.sum(axis=0)",
    "import numpy; o(np.array(numpy.asfortranarray(numpy.ones((2, 3))))), o(np.asarray(numpy.arange(24).reshape(2, 3, 4).transpose(2, 0, 1))), numpy.asarray(f).flags.f_contiguous",
    "import copy, pickle; o(copy.copy(f)), o(copy.deepcopy(f)), o(pickle.loads(pickle.dumps(f)))",
    "np.zeros(3, order='K')", "np.eye(3, order='A')", "np.full(3, 1, order='Q')", "a.reshape(8, 3, order='K')", "a.copy('X')",
    "a.ravel('Q')", "a.flatten('Q')", "a.tobytes('Q')", "np.add(a, a, order='Q')", "np.zeros_like(a, order='Q')",
    "a.astype(int, order='Q')", "np.asarray(a, order='Q')", "np.array([1], order='Q')",
]]

TEMPLATES = [
    "o({x} + 1)", "o({x} + {y})", "o({y} * {x} - {x})", "o(np.where({x} > 3, {y}, {x}))", "o({x}.astype('f4'))",
    "o({x}.copy('K'))", "o(np.zeros_like({y}))", "o({x}.sum(axis={axis}))", "o({x}.max(axis={axis}, keepdims=True))",
    "o({x}.ravel('K'))", "o({x}.ravel('F'))", "o({x}.reshape(-1, order='A'))", "o(np.add({x}, {y}, out=np.zeros(({x} + {y}).shape)))",
    "o(np.concatenate([{x}, {x} + 1], axis={axis}))", "o({x}.mean(axis={axis}))", "o(({x} + {y}).T[..., :1] + 2)",
    "o({x}.copy('F'))", "o({x}.reshape({x}.shape[::-1], order='F'))",
]


class Program:
    """An operation on random views of arrays of up to five axes."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def view(self, shape):
        """A transposed, stepped and turned view of this shape."""
        order = list(range(len(shape)))
        self.random.shuffle(order)
        steps = [self.random.choice([1, 1, 1, 2, -1]) for _ in shape]
        base = [shape[axis] * abs(steps[axis]) for axis in order]
        size = 1
        for extent in base:
            size *= extent
        keys = ", ".join(f"::{steps[axis]}" for axis in order)
        back = [order.index(axis) for axis in range(len(shape))]
        return f"(np.arange({size}) % 7.0).reshape({base})[{keys}].transpose({back})"

    def text(self):
        one = self.random.choice
        shape = [one([1, 2, 3, 3]) for _ in range(one([1, 2, 3, 4, 5]))]
        other = [extent if one([0, 1, 1]) else 1 for extent in shape][one([0, 0, 1]):]
        uses = [one(TEMPLATES).format(x="x", y="y", axis=one(range(len(shape)))) for _ in range(3)]
        return f"{LAYOUT}\nx = {self.view(shape)}; y = {self.view(other) if other else '2.0 + x'}\n({', '.join(uses)})"


@functools.cache
def sources():
    return CASES + [Program(seed).text() for seed in range(300)]


@functools.cache
def oracle():
    return [one[0] for one in jobs.outcomes("numpy", sources())]


@pytest.mark.parametrize("ranks, threshold", [(0, None), (1, 0), (2, 0), (3, 0), (2, None)])
def test_agrees_with_numpy(ranks, threshold):
    test_corpus.agrees(sources(), oracle(), ranks, threshold, texts=True)
