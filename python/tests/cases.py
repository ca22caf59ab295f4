"""The corpus: every case is a line of Python whose last expression's value NumPy and gain must agree on.

Lines come from `corpus/*.txt` and, for the products of functions and types, from `generated()`. In a text file `#`
opens a comment, and `#! word ...` sets how the lines after it are compared: `text` compares the texts of exceptions
as well as their types.
"""

import ast
import dataclasses
import itertools
import math
import pathlib
import random

CORPUS = pathlib.Path(__file__).parent / "corpus"

DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]

UNARY = """negative positive absolute fabs sign rint floor ceil trunc sqrt cbrt square reciprocal exp exp2 expm1 log
log2 log10 log1p sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh degrees radians deg2rad
rad2deg invert logical_not isnan isinf isfinite signbit spacing modf frexp conjugate bitwise_count""".split()

BINARY = """add subtract multiply divide floor_divide remainder divmod power float_power logaddexp logaddexp2
arctan2 hypot maximum minimum fmax fmin fmod gcd lcm bitwise_and bitwise_or bitwise_xor left_shift right_shift
logical_and logical_or logical_xor equal not_equal less less_equal greater greater_equal copysign nextafter ldexp
heaviside""".split()


@dataclasses.dataclass(frozen=True)
class Case:
    """Cases of one `group` are one pytest item, `source` is run, `text` says whether the texts of exceptions count."""

    group: str
    source: str
    text: bool = False


def read(path):
    """The cases of one text file."""
    text = False
    for line in path.read_text().splitlines():
        if line.startswith("#!"):
            text = "text" in line[2:].split()
        elif line and not line.startswith("#"):
            yield Case(f"{path.stem}: {line}", line, text)


FIRST = {"?": [0, 1, 0, 1, 1], "u": [0, 1, 2, 3, 7], "": [-2, -1, 0, 1, 3]}
SECOND = {"?": [1, 1, 0, 0, 1], "u": [3, 0, 2, 1, 5], "": [3, 2, -1, -3, 0]}
FACTOR = {"f2": " * np.float16(0.375)", "f4": " * np.float32(0.375)", "f8": " * 0.375", "c8": " * np.complex64(0.375+0.25j)", "c16": " * (0.375+0.25j)"}


def operand(dtype, values):
    """Text of an array of this type: small values, of both signs where there are signs, a zero among them."""
    return f"np.array({values.get(dtype[0], values[''])}).astype('{dtype}'){FACTOR.get(dtype, '')}"


def generated():
    """Every ufunc on every type it may meet: one case per function and type, or per function and pair of types."""
    for name, dtype in itertools.product(UNARY, DTYPES):
        yield name, f"np.{name}({operand(dtype, FIRST)})"
    for name, dtype in itertools.product(BINARY, DTYPES):
        yield name, f"np.{name}({operand(dtype, FIRST)}, {operand(dtype, SECOND)})"
    for name in ("add", "divide", "power", "less", "left_shift", "arctan2", "maximum"):
        for one, two in itertools.product(DTYPES, DTYPES):
            if one != two:
                yield f"{name} of two types", f"np.{name}(np.arange(1, 5).astype('{one}'), np.arange(3, 7).astype('{two}'))"
    for dtype, scalar in itertools.product(DTYPES, ("True", "3", "2.5", "1j", "np.int16(3)", "np.float32(2.5)")):
        yield "array + scalar", f"np.arange(3).astype('{dtype}') + {scalar}"
        yield "scalar * array", f"{scalar} * np.arange(3).astype('{dtype}')"
    for one, two in itertools.product(DTYPES, DTYPES):
        yield "astype", f"np.arange(5).astype('{one}').astype('{two}')"
        yield "assignment of another type", f"a = np.zeros(4, '{one}'); a[1:3] = np.arange(1, 3).astype('{two}'); a"
    for name, dtype in itertools.product(("sum", "prod", "min", "max", "any", "all", "mean", "argmin", "argmax"), DTYPES):
        yield name, f"(np.arange(1, 13) % 5).astype('{dtype}').reshape(3, 4).{name}()"
        yield name, f"(np.arange(1, 13) % 5).astype('{dtype}').reshape(3, 4).{name}(0)"
        yield name, f"(np.arange(1, 13) % 5).astype('{dtype}').reshape(3, 4).{name}(1)"
    yield from products()
    yield from arrangements()
    yield from binning()


# Views that leave the elements in their order of axes but not of memory, and repeated ones.
LAYOUTS = ("{}", "{}[..., ::-1]", "np.array({}.T).T", "np.concatenate([{0}, {0}], -1)[..., ::2]", "{}[::-1]")


def products():
    """Products of random shapes of up to four axes, types and layouts; not all of them fit."""
    rng = random.Random(7)

    def factor(shape, dtype):
        layout = rng.choice(LAYOUTS if shape else LAYOUTS[:1])
        if "concatenate" in layout and dtype[0] == "?":
            layout = LAYOUTS[1]
        count = math.prod(shape)
        part = " * (1 + 0.5j)" if dtype[0] == "c" else ""
        return layout.format(f"((np.arange({count}) * {rng.choice((3, 5, 7))} % 11 - {0 if dtype[0] in '?u' else 5}).reshape({shape}){part}).astype('{dtype}')")

    for name in ("matmul", "dot", "inner", "vecdot", "matvec", "vecmat"):
        for number in range(70):
            sizes = (0, 1, 2, 3, 17, 40)
            m, n, k = (rng.choice(sizes) for _ in range(3))
            stack = [rng.choice((1, 2, 3)) for _ in range(rng.choice((0, 0, 1, 2)))]
            left, right = ([1 if rng.random() < 0.3 else extent for extent in stack] for _ in range(2))
            left, right = left[rng.randrange(len(left) + 1):], right[rng.randrange(len(right) + 1):]
            if name in ("matmul", "dot", "matvec", "inner"):
                left = left + [m]
            left = left + [k]
            right = right + {"inner": [n, k], "vecdot": [k], "matvec": [k]}.get(name, [k, n])
            if rng.random() < 0.15:
                (left, right)[rng.randrange(2)].pop(0)
            dtype = DTYPES[number % len(DTYPES)]
            other = dtype if rng.random() < 0.8 else rng.choice(DTYPES)
            yield f"products: {name}", f"np.{name}({factor(tuple(left), dtype)}, {factor(tuple(right), other)})"


MODES = """constant edge linear_ramp maximum mean median minimum reflect symmetric wrap""".split()

ARRANGED = """tile(a, 2) | tile(a, (2, 1, 3)) | repeat(a, 2) | repeat(a, 3, 1) | roll(a, 2) | roll(a, (1, -1), (0, 1)) | rot90(a)
rot90(a, 3) | resize(a, (5, 4)) | tril(a) | triu(a, 1) | diagonal(a) | diagonal(a, -1) | diag(a, 1) | diag(a[1])
diagflat(a) | trace(a) | trace(a, 1) | vander(a[:, 1], 3) | block([[a, a], [a, a]]) | column_stack((a, a[:, 0]))
dstack((a, a)) | append(a, a[:1], 0) | append(a, 2) | r_[a, a[:1]] | c_[a, a[:, 1]] | trim_zeros(a)
array_split(a, 3, 1) | unstack(a, axis=1) | meshgrid(a[0], a[:, 1]) | ix_(a[0] + 1, a[1] + 1) | atleast_3d(a)
rollaxis(a, 1) | matrix_transpose(a) | require(a, 'f8', 'C') | linspace(a[0], a[1], 3)"""
ARRANGED = [line for text in ARRANGED.splitlines() for line in text.split(" | ")]


def arrangements():
    """Functions that move elements, on every type and on views: of axes in any order, with steps, and of one row; random borders."""
    rng = random.Random(12)
    for text, dtype in itertools.product(ARRANGED, DTYPES):
        layout = rng.choice(LAYOUTS if dtype[0] != "?" else LAYOUTS[:2])
        a = layout.format(f"(np.arange(12) * 5 % 7).reshape(3, 4).astype('{dtype}')")
        yield f"arrangements: {text}", f"a = {a}; np.{text}"
    for mode, dtype in itertools.product(MODES, DTYPES):
        for _ in range(2):
            shape = [rng.choice((1, 2, 3, 4, 7)) for _ in range(rng.choice((1, 2, 2, 3)))]
            a = f"(np.arange({math.prod(shape)}) * 5 % 7).astype('{dtype}').reshape({shape})"
            widths = [(rng.randrange(6), rng.randrange(6)) for _ in shape]
            keyword = {"constant": "constant_values", "linear_ramp": "end_values"}.get(mode, "stat_length" if mode[0] == "m" else None)
            pairs = [(rng.randrange(1, 5), rng.randrange(1, 5)) for _ in shape]
            given = f", {keyword}={pairs}" if keyword and rng.random() < 0.6 else ""
            given = ", reflect_type='odd'" if mode in ("reflect", "symmetric") and dtype != "?" and rng.random() < 0.5 else given
            yield f"pad: {mode}", f"np.pad({a}, {widths}, '{mode}'{given})"
    for _ in range(80):
        shape = [rng.choice((0, 1, 2, 3, 5)) for _ in range(rng.choice((1, 2, 3)))]
        a = f"(np.arange({math.prod(shape)}) * 1.5).reshape({shape})"
        axes = [rng.randrange(-len(shape), len(shape)) for _ in range(rng.choice((1, 2)))]
        yield "roll of random axes", f"np.roll({a}, {[rng.randrange(-9, 9) for _ in axes]}, {tuple(axes)})"
        yield "tile of random times", f"np.tile({a}, {[rng.randrange(4) for _ in range(rng.choice((1, 2, 3, 4)))]})"
        shape = [rng.choice((1, 2, 3, 4)) for _ in range(rng.choice((2, 2, 3, 4)))]
        key = ", ".join(rng.choice((":", "::-1", ":", "::2", "1:")) for _ in shape)
        a = f"np.arange({math.prod(shape)}).reshape({shape}, order='{rng.choice('CF')}')[{key}]"
        one, two = rng.sample(range(-len(shape), 0), 2)
        for name in ("diagonal", "trace"):
            yield f"{name} of random views", f"a = {a}; np.{name}(a, {rng.randrange(-3, 4)}, {one}, {two})"


def binning():
    """Searches and counts, on every type."""
    for one, two in itertools.product(DTYPES, DTYPES):
        side = "left" if (DTYPES.index(one) + DTYPES.index(two)) % 2 else "right"
        yield "searchsorted of two types", f"np.searchsorted(np.array([0, 1, 1, 3, 6]).astype('{one}'), np.array([[1, 0, 2], [7, 3, 1]]).astype('{two}'), '{side}')"
    for dtype in DTYPES:
        a = f"(np.arange(40) * 7 % 31).astype('{dtype}')"
        if dtype[0] != "c":
            yield "histogram", f"np.histogram({a}, 7)"
            yield "histogram", f"np.histogram({a}, 6, (2, 20), weights={a})"
            yield "digitize", f"np.digitize({a}, np.array([0, 1, 8, 9, 30]).astype('{dtype}'))"
            yield "interp", f"np.interp({a}, np.array([0, 1, 8, 9, 30]).cumsum().astype('{dtype}') * 1.0, [5, 1, 2, 8, 3])"
        yield "histogram", f"np.histogram({a}, np.array([0, 1, 8, 9, 31]).astype('{dtype}'))"
        if dtype[0] in "?iu":
            yield "bincount", f"np.bincount({a})"
            yield "bincount", f"np.bincount({a}, {a} + 1, 50)"
    for name, dtype in itertools.product(("add", "multiply", "maximum", "logical_or", "subtract", "power", "hypot"), DTYPES):
        yield f"{name}.at", f"a = (np.arange(12) % 5).astype('{dtype}'); np.{name}.at(a, [3, -1, 3, 0, 7], {operand(dtype, FIRST)}); a"


def parse(source):
    """The case as two code objects: its statements and its last expression."""
    tree = ast.parse(source)
    last = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else ast.parse("None", mode="eval")
    return compile(tree, source, "exec"), compile(last, source, "eval")


def load():
    """All cases, files first."""
    cases = [case for path in sorted(CORPUS.glob("*.txt")) for case in read(path)]
    return cases + [Case(f"generated: {group}", source) for group, source in generated()]
