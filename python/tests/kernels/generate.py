"""Random affine programs: loops, triangular bounds, offsets, reductions, conditions, arguments that overlap or don't fit."""

import linecache
import random

import numpy

PARAMS = "n, m, s, A, B, x, y"


class Generator:
    """Programs from one seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.loops, self.lines, self.count = [], [], 0

    def pick(self, *choices):
        return self.random.choice(choices)

    def index(self):
        """A subscript: mostly a loop variable, perhaps with an offset."""
        if not self.loops or self.random.random() < 0.08:
            return self.pick("0", "1", "n", "n", "0", "1", "n - 1", "-1")
        var = self.random.choice(self.loops)
        kind = self.random.random()
        if kind < 0.6:
            return var
        if kind < 0.85:
            return f"{var} {self.pick('+', '+', '+', '+', '+', '+', '-')} 1"
        if kind < 0.92:
            return f"n - 1 - {var}"
        return f"{var} + {self.random.choice(self.loops)}" if kind < 0.96 else f"2 * {var}"

    def element(self):
        name = self.pick("A", "A", "B", "x", "y")
        return f"{name}[{self.index()}]" + (f"[{self.index()}]" if name in "AB" else "")

    def expression(self, depth=0):
        kind = self.random.random()
        if depth > 2 or kind < 0.35:
            return self.pick(self.element(), self.element(), self.element(), "s", "1.5", "0.25", "t")
        if kind < 0.8:
            return f"({self.expression(depth + 1)} {self.pick('+', '-', '*', '*')} {self.expression(depth + 1)})"
        if kind < 0.86:
            return f"({self.expression(depth + 1)} / {self.pick('3.0', 's', self.element())})"
        if kind < 0.9:
            return f"{self.pick('max', 'min')}({self.expression(depth + 1)}, {self.expression(depth + 1)})"
        if kind < 0.94:
            return f"({self.expression(depth + 1)} if {self.condition()} else {self.expression(depth + 1)})"
        return self.pick(f"abs({self.element()})", f"(-{self.element()})", f"({self.index()} + 1.0)", f"math.sqrt({self.element()})")

    def condition(self):
        if self.loops and self.random.random() < 0.5:
            return f"{self.index()} {self.pick('<', '<=', '>', '==', '!=')} {self.index()}"
        return f"{self.element()} {self.pick('<', '>')} {self.pick('0.5', 's', self.element())}"

    def add(self, depth, text):
        self.lines.append("    " * depth + text)

    def block(self, depth):
        for _ in range(self.random.randint(1, 3)):
            kind = self.random.random()
            if kind < 0.5 and len(self.loops) < 3 and self.count < 6:
                self.count += 1
                var = "ijkl"[len(self.loops)]
                ends = ["n", "m", "n - 1", *(f"{loop} + 1" for loop in self.loops), *self.loops]
                bounds = self.pick(*ends) if self.random.random() < 0.5 else f"{self.pick('0', '1', *(f'{loop} + 1' for loop in self.loops))}, {self.pick(*ends)}"
                if self.random.random() < 0.12:
                    bounds = self.pick("n - 1, -1, -1", "0, n, 2", "n - 1, 0, -2")
                self.add(depth, f"for {var} in range({bounds}):")
                self.loops.append(var)
                self.block(depth + 1)
                self.loops.pop()
            elif kind < 0.58:
                self.add(depth, f"if {self.condition()}:")
                self.add(depth + 1, f"{self.element()} = {self.expression()}")
            elif kind < 0.68:
                self.add(depth, f"t {self.pick('=', '+=', '*=')} {self.expression(1)}")
            elif kind < 0.85:
                self.add(depth, f"{self.element()} {self.pick('+=', '-=', '*=', '+=')} {self.expression(1)}")
            else:
                self.add(depth, f"{self.element()} = {self.expression()}")

    def function(self):
        """The function and its text."""
        self.add(0, f"def program({PARAMS}):")
        self.add(1, "t = 0.5")
        self.block(1)
        self.block(1)
        self.add(1, "return t")
        text = "\n".join(self.lines) + "\n"
        name = f"<program {id(self)} {self.random.random()}>"
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)
        scope = {}
        exec(compile("import math\n" + text, name, "exec"), scope)  # (line numbers are those of the text below)
        exec(compile(text, name, "exec"), scope)
        return scope["program"], text

    def arguments(self):
        """Arguments, the same as those of the last time if the state of `random` is: lists or arrays, sometimes overlapping, ragged or of too few elements."""
        n = self.pick(0, 1, 2, 4, 5, 7, 12)
        m = self.pick(n, n, max(n - 1, 0))
        size = 2 * n + self.pick(2, 2, 2, 2, 2, 1, 0, -n)
        rng = numpy.random.default_rng(self.random.randrange(1 << 30))
        A, B, x, y = rng.random((size, size)), rng.random((size, size)), rng.random(size), rng.random(size)
        if self.random.random() < 0.1:
            x[...] = 0.0
        is_list = self.random.random() < 0.5
        if is_list:
            A, B, x, y = A.tolist(), B.tolist(), x.tolist(), y.tolist()
        trouble = self.random.random()
        if trouble < 0.06:
            B = A
        elif trouble < 0.12 and size:
            x = A[self.random.randrange(size)]
        elif trouble < 0.15 and is_list and size > 1:
            B[1] = B[0]
        elif trouble < 0.18 and is_list and size > 1:
            A[1] = A[1][:-1]
        elif trouble < 0.21 and is_list and size:
            y[0] = 1
        elif trouble < 0.25 and not is_list:
            A = A.T
        return (n, m, 0.75, A, B, x, y)


def plain(value):
    """Lists and their types, all the way down."""
    if isinstance(value, numpy.ndarray):
        return ("array", value.shape, value.tolist())
    return [plain(item) for item in value] if isinstance(value, list) else (type(value).__name__ if isinstance(value, int) else "", value)


def outcome(function, arguments):
    """What a call gives or raises, and what becomes of its arguments."""
    try:
        # A scalar is NumPy's if it may be, which a loop that never runs makes Python's.
        given = ("gives", float(function(*arguments)))
    except Exception as error:  # noqa: BLE001 - whatever it is, both have to raise it
        given = ("raises", type(error).__name__, str(error))
    return given, [plain(argument) for argument in arguments]
