"""What random programs are made of: names, values, views and expressions over a pool of arrays, chosen at random.

The chooser knows every shape, type and value, and marks what is rounded on different paths.
"""

import gc
import random
import warnings

import numpy

DTYPES = ["?", "i1", "u1", "i4", "i8", "u8", "f2", "f4", "f8", "f8", "f8", "c8", "c16"]
EXTENTS = [0, 1, 2, 2, 3, 3, 4, 5, 6, 7, 9]
NUMBERS = ["0", "1", "2", "3", "-1", "7", "True", "0.5", "-2.5", "0.25", "np.float32(0.5)", "np.float16(1.5)", "np.int8(3)", "(1+2j)", "100"]
ARITHMETIC = "+ + + - - * * / // %".split()
COMPARISONS = "< <= == != > >=".split()
BITS = "& | ^".split()
TWO = "add subtract multiply divide maximum minimum fmax fmin floor_divide remainder copysign arctan2 power hypot logaddexp".split()
ONE = "negative absolute square sqrt floor ceil rint trunc sign conjugate reciprocal exp sin tanh log1p arctan cbrt exp2".split()
ROUNDED = set("arctan2 power hypot logaddexp exp sin tanh log1p arctan cbrt exp2 log cos".split())
JUMPING = set("floor_divide remainder floor ceil rint trunc sign fmod maximum minimum fmax fmin copysign".split())


def values(size, dtype, step=3, modulus=11):
    """Small values of both signs, halves among floating-point ones, imaginary parts among complex ones."""
    flat = numpy.arange(size) * step % modulus
    if dtype == "?":
        return flat % 3 > 0
    if dtype[0] == "u":
        return flat.astype(dtype)
    flat = flat - modulus // 2
    if dtype[0] == "i":
        return flat.astype(dtype)
    made = (flat * 0.5).astype(dtype)
    return made + (flat[::-1] * 0.25j).astype(dtype) if dtype[0] == "c" else made


def root(array):
    """The array that owns the elements."""
    while isinstance(array.base, numpy.ndarray):
        array = array.base
    return array


def namespace(np, rank):
    """The names that statements may use, and what they told."""
    names = {"np": np, "gc": gc, "rank": rank, "box": [], "kept": [], "values": values, "told": []}

    def caught(array):
        """An array that a traceback holds for a while."""
        try:
            raise ValueError(array)
        except ValueError as error:
            names["trace"] = error

    def force(array):
        if np is not numpy:
            array.force()

    def settle(array):
        if np is not numpy:
            array.force()
            np.barrier()

    names.update(said=names["told"].append, caught=caught, force=force, settle=settle)
    return names


class Rejected(Exception):
    """A candidate that is no use here."""


class Chooser:
    """Chooses for one program; `names` are NumPy's variables as they are after it."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.large = self.random.random() < 0.12
        self.grid = self.extents()
        self.statements = []
        self.done = []
        self.names = namespace(numpy, 0)
        self.rounded = {}  # id of a root: (the root, eps of the narrowest type that was rounded)
        self.scalars = {}  # name of a scalar: its eps
        self.count = 0
        self.strict = self.random.random() < 0.3  # a check after each statement: then warnings must be the same

    # ---- choosing

    def one(self, items):
        return self.random.choice(items)

    def chance(self, probability):
        return self.random.random() < probability

    def extents(self):
        """Extents that the shapes of this program are made of."""
        while True:
            if self.large:
                grid = self.one([[300, 250], [70000], [5, 130, 120], [40, 7, 300], [2, 3, 4, 60, 60]])
                return [extent + self.random.randrange(3) for extent in grid]
            count = self.one([0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6])
            if count == 1:
                return [self.random.randrange(0, self.one([5, 40, 400, 4000]))]
            if count == 2:
                most = self.one([5, 20, 62])
                grid = [self.random.randrange(0 if self.chance(0.1) else 1, most) for _ in range(2)]
                return [grid[0], grid[0]] if self.chance(0.3) else grid
            grid = [self.one(EXTENTS) for _ in range(count)]
            if numpy.prod(grid) <= 4000 and (0 not in grid or self.chance(0.3)):
                return grid

    def shape(self):
        """A shape that mostly broadcasts with the others."""
        shape = list(self.grid)
        way = self.random.random()
        if way < 0.2 and shape:
            shape = shape[self.random.randrange(len(shape)) :]
        elif way < 0.3:
            shape = [1 if self.chance(0.4) else extent for extent in shape]
        elif way < 0.4:
            self.random.shuffle(shape)
        return tuple(shape)

    def arrays(self, condition=lambda array: True):
        return [name for name, value in self.names.items()
                if name[0] == "v" and isinstance(value, numpy.ndarray) and condition(value)]

    def variable(self, condition=lambda array: True):
        found = self.arrays(condition)
        if not found:
            raise Rejected
        return self.one(found)

    def fresh(self):
        self.count += 1
        return f"v{self.count}"

    def value(self, text):
        with warnings.catch_warnings(), numpy.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return eval(text, self.names)

    # ---- exactness

    def rounding(self, value):
        """The eps that limits how near this value is, or None if it is exact."""
        return self.rounded.get(id(root(value)), (None, None))[1] if isinstance(value, numpy.ndarray) else None

    def exact(self, value):
        return self.rounding(value) is None

    def round(self, array, eps):
        """Marks what owns the array's elements."""
        if eps is not None and isinstance(array, numpy.ndarray):
            owner = root(array)
            old = self.rounded.get(id(owner), (None, 0))[1]
            own = numpy.finfo(owner.dtype).eps if owner.dtype.kind in "fc" else 0
            self.rounded[id(owner)] = (owner, max(eps, old, own))

    @staticmethod
    def sums_exactly(array, power=1):
        """Whether sums of the values (or of products of so many of them) are exact in any order."""
        array = numpy.asarray(array)
        if array.dtype.kind not in "fc":
            return True
        parts = [array.real, array.imag] if array.dtype.kind == "c" else [array]
        scale, most = 16.0**power, {2: 2.0**10, 4: 2.0**20}.get(array.dtype.itemsize // len(parts), 2.0**48)
        with numpy.errstate(all="ignore"):
            for part in parts:
                part = numpy.asarray(part, "f8")
                if not numpy.isfinite(part).all() or (part * 16 != numpy.trunc(part * 16)).any():
                    return False
                if (numpy.abs(part).max(initial=0) * 2) ** power * scale * max(part.size, 1) > most:
                    return False
        return True

    # ---- views

    def key(self, shape, whole=0.3):
        """An index of slices, integers, `None` and `...`."""
        items, axes = [], len(shape)
        shown = self.random.randrange(axes + 1) if axes and self.chance(0.3) else axes
        for axis in range(shown):
            items.append(self.slice(shape[axis], whole))
        if shown < axes and self.chance(0.4):
            items.append("...")
        if self.chance(0.1):
            items.insert(self.random.randrange(len(items) + 1), "None")
        return ", ".join(items) or "..."

    def slice(self, extent, whole):
        way = self.random.random()
        if way < whole:
            return ":"
        if way < whole + 0.1 and extent:
            return str(self.random.randrange(-extent, extent))
        if way < whole + 0.2:
            return "::-1"
        step = self.one(["", "", "", "1", "2", "3", "-1", "-2"])
        low = self.one(["", "", "1", "2", "-2", "-1", str(self.random.randrange(-2, extent + 2))])
        high = self.one(["", "", "-1", "-2", "3", str(self.random.randrange(-2, extent + 2))])
        return f"{low}:{high}:{step}" if step else f"{low}:{high}"

    def view(self, name):
        """Text of a view of the variable (or of what NumPy has to copy for it)."""
        array = self.names[name]
        axes = array.ndim
        ways = [lambda: f"{name}[{self.key(array.shape)}]"] * 4
        if axes:
            order = list(range(axes))
            self.random.shuffle(order)
            pair = [self.random.randrange(-axes, axes) for _ in range(2)]
            ways += [
                lambda: f"{name}.T",
                lambda: f"{name}.transpose({', '.join(map(str, order))})",
                lambda: f"{name}.swapaxes({pair[0]}, {pair[1]})",
                lambda: f"np.moveaxis({name}, {pair[0]}, {pair[1]})",
                lambda: f"np.flip({name}, {pair[0]})",
                lambda: f"{name}[{self.key(array.shape)}].T",
                lambda: f"{name}.reshape({self.reshaped(array)})",
                lambda: f"{name}.ravel({self.one(['', repr('F'), repr('K'), repr('A')])})",
                lambda: f"np.expand_dims({name}, {pair[0]})",
                lambda: f"{name}.squeeze()",
            ]
        if axes < 5:
            ways.append(lambda: f"np.broadcast_to({name}, {(self.one([1, 2, 3]),) + array.shape})")
        if array.dtype.kind == "c":
            ways += [lambda: f"{name}.real", lambda: f"{name}.imag", lambda: f"{name}[{self.key(array.shape)}].imag"] * 2
        if self.exact(array) and array.dtype.kind in "iu" and self.chance(0.5):
            same = {1: ["i1", "u1"], 4: ["i4", "u4"], 8: ["i8", "u8"]}[array.dtype.itemsize] if array.dtype.itemsize in (1, 4, 8) else ["i2"]
            ways += [lambda: f"{name}.view({self.one(same)!r})", lambda: f"{name}.view({self.one(['i1', 'u1', 'i4', 'u8', 'i2', 'u2'])!r})"]
        if array.dtype.kind == "c":
            ways.append(lambda: f"{name}.view({'f4' if array.dtype.itemsize == 8 else 'f8'!r})")
        return self.one(ways)()

    def reshaped(self, array):
        """Other extents with the same product."""
        size = array.size
        ways = [(-1,), array.shape[::-1], (1,) + array.shape, array.shape + (1,)]
        for part in (2, 3, 4, 5):
            if size and size % part == 0:
                ways += [(part, size // part), (size // part, part), (-1, part)]
        if array.ndim > 1 and size:
            ways += [(array.shape[0], -1), (-1, array.shape[-1]), (array.shape[0] * array.shape[1],) + array.shape[2:]]
        order = self.one(["", "", "", ", order='F'", ", order='A'"])
        return repr(self.one(ways)) + order

    # ---- expressions: (text, eps that rounded it or None)

    def leaf(self, condition=lambda array: True):
        name = self.variable(condition)
        text = self.view(name) if self.chance(0.35) else name
        return text, self.rounding(self.names[name])

    def operand(self, beside):
        """A second operand for `beside`: a number, or an array that broadcasts with it."""
        if self.chance(0.25):
            scalars = [name for name, eps in self.scalars.items() if eps is None and isinstance(self.names.get(name), numpy.generic)]
            return self.one([*NUMBERS, *scalars, *scalars]), None
        shape = numpy.shape(self.value(beside))
        for _ in range(6):
            text, eps = self.leaf()
            try:
                numpy.broadcast_shapes(shape, numpy.shape(self.value(text)))
                self.bounded(shape, numpy.shape(self.value(text)))
                return text, eps
            except Exception:  # noqa: BLE001 - no view of this, or no such shape
                continue
        if not self.chance(0.05):
            raise Rejected
        return self.leaf()

    @staticmethod
    def bounded(*shapes):
        """Rejects shapes that together are too many elements."""
        try:
            shape = numpy.broadcast_shapes(*shapes)
        except ValueError:
            return
        if numpy.prod(shape, dtype=float) > 300_000:
            raise Rejected

    def expression(self, depth=None):
        depth = self.one([0, 1, 1, 2, 3]) if depth is None else depth
        if depth == 0:
            return self.leaf()
        one, eps = self.expression(depth - 1)
        way = self.random.random()
        if way < 0.2:
            return self.unary(one, eps)
        if way < 0.27:
            return self.converted(one, eps)
        if way < 0.33 and depth > 1:
            return self.conditional(one, eps)
        two, other = self.operand(one) if self.chance(0.7) else self.expression(depth - 1)
        if way < 0.45:
            function = self.one(TWO)
            return self.binary(f"np.{function}({one}, {two})", function, one, two, eps, other)
        if way < 0.53:
            operator = self.one(COMPARISONS)
            return self.binary(f"({one} {operator} {two})", "compare", one, two, eps, other)
        if way < 0.58:
            operator = self.one(BITS)
            return self.binary(f"({one} {operator} {two})", "bits", one, two, eps, other)
        operator = self.one(ARITHMETIC)
        function = {"*": "multiply", "/": "divide", "//": "floor_divide", "%": "remainder"}.get(operator, "add")
        if self.chance(0.2):
            one, two, eps, other = two, one, other, eps
        return self.binary(f"({one} {operator} {two})", function, one, two, eps, other)

    def binary(self, text, function, one, two, eps, other):
        """The text with its rounding, or a rejection where a rounded operand would make it jump."""
        rounded = eps is not None or other is not None
        if rounded and (function in JUMPING or function in ROUNDED or function in ("compare", "bits", "divide")):
            raise Rejected
        if eps is not None and other is not None or rounded and function in ("add", "subtract"):
            raise Rejected  # differences of near values
        eps = eps if eps is not None else other
        first, second = (numpy.asarray(self.value(operand)) for operand in (one, two))
        self.bounded(first.shape, second.shape)
        kinds = first.dtype.kind + second.dtype.kind
        if function in ROUNDED and (numpy.asarray(self.value(text)).dtype.kind in "fc" or function != "power") or function == "divide" and "c" in kinds:
            eps = self.narrowest(eps, text)
        if "c" in kinds and function == "multiply" and not (self.sums_exactly(first, 2) and self.sums_exactly(second, 2)):
            eps = self.narrowest(eps, text)
        return text, eps

    def narrowest(self, eps, text):
        """The eps of the type that computes `text`."""
        dtype = numpy.asarray(self.value(text)).dtype
        return max(eps or 0, numpy.finfo(dtype).eps if dtype.kind in "fc" else 0)

    def unary(self, one, eps):
        function = self.one(ONE)
        array = numpy.asarray(self.value(one))
        if eps is not None and (function in JUMPING or function in ROUNDED or function in ("reciprocal", "square", "sqrt")):
            raise Rejected
        text = f"(-{one})" if function == "negative" and self.chance(0.5) else f"np.{function}({one})"
        if function in ROUNDED or array.dtype.kind == "c" and function in ("absolute", "square", "sqrt", "reciprocal", "sign"):
            eps = self.narrowest(eps, text)
        return text, eps

    def converted(self, one, eps):
        """A conversion that doesn't depend on what a processor makes of numbers out of range."""
        dtype = self.one(DTYPES)
        array = numpy.asarray(self.value(one))
        self.convertible(array, numpy.dtype(dtype), eps)
        words = self.one(["", "", "", ", order='F'", ", order='C'", ", copy=False"])
        return f"{one}.astype({dtype!r}{words})", eps

    def convertible(self, array, dtype, eps):
        if dtype.kind in "biu" and array.dtype.kind in "fc":
            real = array.real
            limits = (0, 1) if dtype.kind == "b" else (numpy.iinfo(dtype).min, numpy.iinfo(dtype).max)
            with numpy.errstate(all="ignore"):
                if eps is not None or not numpy.isfinite(array).all() or not ((real >= limits[0]) & (real <= limits[1] * 0.9)).all():
                    raise Rejected

    def conditional(self, one, eps):
        two, other = self.operand(one)
        if eps is not None and other is not None:
            raise Rejected
        mask, third = self.mask(one)
        if third is not None:
            raise Rejected
        return f"np.where({mask}, {one}, {two})", eps if eps is not None else other

    def mask(self, beside):
        two, eps = self.operand(beside)
        if eps is not None:
            raise Rejected
        return f"({two} {self.one(COMPARISONS)} {self.one(NUMBERS)})", eps
