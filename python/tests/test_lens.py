"""Arrays that show another's memory as something else: real and imaginary parts, `view(dtype)`. NumPy is the oracle."""

import functools
import random

import pytest

import jobs
import test_corpus

Z = "z = (np.arange(24).reshape(4, 6) + 0.5) * (1 + 2j); "
F = "f = np.arange(24.0).reshape(4, 6) - 7.5; "
B = "b = (np.arange(96) * 37 % 251).astype('u1').reshape(4, 24); "

CASES = [
    # Small reductions begin where the bytes do.
    "a = np.arange(4.0).view('u1'); (a[8:].sum(), a[8:].mean(), a[24:].max(), a[9:].prod(), np.count_nonzero(a[8:]))",
    "a = np.array([0, 1, 2, 255], 'u1').view('?'); (a.sum(), a[1:].sum(), a.argmax(), a[2:].mean(), np.count_nonzero(a))",
    # Parts are views, whatever they are views of.
    Z + "z.real[0] = 9; z",
    Z + "z.imag[:] = 5; z",
    Z + "z.real = 3; z",
    Z + "z.imag = np.arange(6); z",
    Z + "z.real = [1, 2]; z",
    Z + "z.real[1, 2] = -0.0; z.imag[1, 2] = np.inf; z",
    Z + "r = z.real; z += 1; r[::2, ::-1], r.strides, r.base is z, r.dtype",
    Z + "i = z[1:, ::-2].imag.T; i[1] += 10; z, i, i.strides, i.base is z",
    Z + "z.real.T[...] = z.imag.T; z",
    Z + "z.real[:, 1:] = z.real[:, :-1] + z.imag[:, 1:]; z",
    Z + "z.imag[::-1] = z.real; z",
    Z + "w = z.copy(); z.real *= 2; w.imag = 0; z, w",
    Z + "np.add(z.real, 1, out=z.imag); z",
    Z + "np.multiply(z, 2).real.sum(), z.imag.sum(axis=0), z.real.argmax(), z.imag.max(axis=1)",
    Z + "z.real.copy().base, z.real.astype('f4'), (z.real > z.imag).any()",
    Z + "np.real(z)[2] = 0; np.imag(z)[...] = np.real(z); z",
    Z + "z.astype('c8').real, z.astype('c8').real.strides",
    Z + "y = z.astype('c8'); y.imag[1:3, 1:3] = 7.5; y.real = np.arange(24).reshape(4, 6); y",
    Z + "(z.real @ z.imag.T), z.real.tolist(), z.imag[2, 3].item()",
    Z + "z.real.reshape(-1)[5:9], z.real.ravel()[::5], z.imag.T.reshape(3, 8)",
    Z + "[z.real[i] for i in range(4)], z[0].real[2], z[:, 0].imag",
    Z + "np.where(z.real > 4, z.imag, z.real), np.sqrt(z.real), z.real * 2 + z.imag",
    Z + "(z * 2 + 1).real, (z * z).imag[1], np.conj(z).imag.sum()",
    Z + "z.real[...] = 1; z.real[...] = z.imag + 1; z.imag[...] = z.real * 2; z",
    "z = np.zeros((3, 4), complex); z.real = 1; z.imag[1] = 2; z",
    "z = np.zeros((), complex); z.real = 1; z.imag[...] = 2; z, z.real, z.real.shape",
    "z = np.zeros((0, 3), complex); z.real = 1; z.imag[...] = 2; z, z.real.shape",
    "z = np.zeros(3, complex); z.real = 'x'",
    F + "f.real is f, np.real(f) is f, f.imag, f.imag.flags.writeable",
    F + "f.real = 2; f",
    F + "f.imag = 2",
    F + "f.imag[0] = 2",
    "np.real(3), np.imag(3.5), np.imag(2j), np.real([1, 2j])",
    # Other types of the same size.
    F + "f.view('u8'), f.view('i8')[1, ::2], f.view(np.int64).strides, f.view('u8').base is f",
    F + "f.view('u8')[1] = 0; f.view('u8')[2, ::2] ^= 1 << 63; f",
    F + "f.view('u8').view('f8')[0] = 1; f, f.view('u8').view('f8').base is f",
    F + "g = f[::-1, ::3].view('i8').T; g[0] += 1; f, g.strides, g.shape",
    F + "f.view(), f.view(None).shape, f.view(np.ndarray).shape, f.view(type=np.ndarray).shape",
    F + "f.view('f8', np.ndarray)[0] = 3; f",
    F + "(f + 1).view('u8'), np.zeros((2, 3)).view('i8'), np.arange(5).view('f8')",
    "np.array(3.5).view('i8'), np.array(1, 'f4').view('u4').shape",
    "a = np.arange(5, dtype='i4'); a.view('u4')[1:] -= 3; a, a.view('f4')[0]",
    "a = np.arange(6, dtype='u1'); a.view(bool), a.view(bool).sum(), ~a.view(bool), a.view(bool).view('u1')",
    "a = np.arange(6, dtype='u1'); a.view(bool)[1:4] = [True, False, True]; a",
    "a = np.arange(6) > 2; a.view('i1'), a.view('i1').sum(), a.view('u1') * 3",
    # Smaller ones.
    F + "f.view('f4').shape, f.view('u1').shape, f.view('u1').strides, f.view('u2')",
    F + "f.view('u1')[1, 3:9] = 255; f.view('u1')",
    F + "f.view('u4')[:, 1::2] = f.view('u4')[::-1, ::2]; f.view('u4')",
    F + "f[1:3].view('i4').T[::-1].copy(), f[:, 2:5].view('u2').strides",
    Z + "z.view(float)[1, 3] = 99; z.view(float)[2] = np.arange(12); z, z.view('f8').shape",
    Z + "z.view(float)[:, 1::2] *= -1; z.view('f8')[...] += 1; z",
    Z + "z.view('f4').view('c16')[0] = 0; z, z.view('f4').view('c16').base is z",
    # Larger ones.
    F + "f.view('c16').shape, f.view(complex)[1:, ::2], f.view('c16').strides",
    F + "f.view(complex)[1] = 1 + 2j; f.view(complex).real[0] = 5; f.view(complex).imag[:, 1] = 6; f",
    F + "f[:, 1:5].view(complex) * 2, f[:, 1:3].view(complex).strides",
    F + "f[:, 1:5].view(complex)[...] = [[1, 2j]]; f",
    F + "f[:, 1:5].view(complex).imag = [[5, 6]]; f",
    B + "b.view('u8'), b.view('i4'), b.view('u2').sum(), b.view('u8').strides",
    B + "b.view('i4')[1:3, ::2] = 7; b",
    B + "b[:, 1:17].view('i8'), b[::-1, 3:7].view('f4').shape, b[:, 1:3].view('u2').T[0]",
    B + "b[:, 1:17].view('i8')[...] = -2; b[1:, 21:23].view('u2')[...] = 258; b",
    B + "b[:, 1:17].view('i8')[::-1] = b[:, 2:18].view('i8'); b",
    B + "b.ravel()[3:83].view('u8')[::3] += 1; b",
    B + "c = b.ravel()[1:89].view('f4'); c.view('u1')[1:4] = 0; c.view('i8').shape, c.view('u1')[:8]",
    # What NumPy refuses.
    "np.zeros(()).view('i4')",
    "np.zeros((3, 4))[:, ::2].view('i4')",
    "np.zeros((3, 4)).T.view('i4')",
    "np.broadcast_to(np.zeros(1), (3,)).view('i4')",
    "np.zeros((3, 3)).view('c16')",
    "np.zeros(7, 'u1').view('u2')",
    "np.zeros((3, 4)).view(3)",
    "np.zeros((3, 4)).view(int, int)",
    "np.zeros((3, 1)).T.T.view('i4').shape, np.zeros((0, 4)).view('i4').shape, np.zeros((4, 0)).view('c16').shape",
    F + "g = f.view(); g.dtype = 'u8'; g[0] = 0; f, g.shape, g.dtype",
    # Handles to one variable, some of them held while others write.
    F + "u = f.view('u8'); old = f.copy(); held = f + 1; u[1] = 0; f[2] = 3; f, u, old, held",
    Z + "r, i = z.real, z.imag; keep = r + i; r[1:3] = i[:2]; i[...] = keep; z[0] = 1j; r, i, keep, z",
    "a = np.zeros((30, 20)); u = a.view('u4'); u[:, ::2] = 5; b = a.copy(); u[...] = 9; a[3] = 1; u[:5], b.view('u4')[:5]",
]

TYPES = {"c16": 16, "c8": 8, "f8": 8, "f4": 4, "i8": 8, "u4": 4, "i2": 2, "f2": 2, "u1": 1}


class Program:
    """Views of views of one variable, each read and written; views that NumPy refuses end the program alike."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self, items):
        return self.random.choice(items)

    def item(self):
        return self.one([":", ":", "1:", ":-1", "::2", "::-1", "2:14", "1:9", "...", "None"])

    def step(self, name):
        return self.one([
            lambda: f"{name}[{', '.join(self.item() for _ in range(self.one([1, 1, 2])))}]",
            lambda: f"{name}.view({self.one(list(TYPES))!r})",
            lambda: f"{name}.view({self.one(list(TYPES))!r})",
            lambda: f"{name}.real" if self.one([0, 1]) else f"{name}.imag if {name}.dtype.kind == 'c' else {name}.T",
            lambda: f"{name}.T",
            lambda: f"{name}.reshape(-1)",
        ])()

    def text(self):
        dtype = self.one(list(TYPES))
        shape = self.one([(48,), (6, 16), (3, 4, 8), (2, 3, 2, 8)])
        size = 1
        for extent in shape:
            size *= extent
        lines = [f"a = (np.arange({size}) % 5 + 1).astype({dtype!r}).reshape({shape})"]
        names = ["a"]
        for place in range(self.one([2, 3, 4, 5])):
            source = self.one(names)
            lines.append(f"v{place} = {self.step(source)}")
            names.append(f"v{place}")
            write = self.one([
                lambda name: f"{name}[...] = 3",
                lambda name: f"{name}[:1] = {name}[-1:]",
                lambda name: f"{name}[::2] = {self.one(['1', '2.5', '7'])}",
                lambda name: f"held = {name} * 1",
                lambda name: f"held = {name}.copy()",
                lambda name: "pass",
            ])
            if self.one([0, 1]):
                lines.append(f"if {names[-1]}.ndim and {names[-1]}.size: {write(names[-1])}")
        shown = ", ".join(f"{name}, {name}.size > 1 and {name}.strides" for name in names)
        bytes_of = "np.ascontiguousarray(a).view('u1')"
        return "\n".join(lines) + f"\n({bytes_of}, {shown})"


@functools.cache
def sources():
    return CASES + [Program(seed).text() for seed in range(250)]


@functools.cache
def oracle():
    return [one[0] for one in jobs.outcomes("numpy", sources())]


@pytest.mark.parametrize("ranks, threshold", [(0, None), (1, 0), (2, 0), (3, 0), (2, None)])
def test_agrees_with_numpy(ranks, threshold):
    test_corpus.agrees(sources(), oracle(), ranks, threshold, texts=False)
