"""Random programs, run by NumPy and by gain: `fuzz.py [SEED [COUNT [RANKS]]]`; the exit code is the number that differ.

Each is a few lines over two arrays of random types and shapes: an operation, a view, an assignment, a reduction with
odd keywords, or printing. Values and classes of errors must agree; a program that ends NumPy itself is left out, and
where NumPy finds a number too large, or an array where a complex number should be, any error will do: which one it
finds first depends on the path it takes.
"""

import random
import sys

import cases
import jobs
import test_corpus

NUMBERS = ["0", "1", "-1", "2", "3", "300", "-129", "2**40", "2**62", "True", "0.5", "-2.5", "1j", "np.int16(7)"]
BINARY = "+ - * / // % & | ^ < <= == != > >= @".split()
UNARY = "np.sqrt np.abs np.floor np.exp np.isnan np.square np.sign np.logical_not -1* +".split()
REDUCTIONS = "sum prod min max any all mean argmin argmax std var ptp".split()
EXTENTS = [0, 1, 1, 2, 3, 3, 4, 7]


class Program:
    """One random program."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self, items):
        return self.random.choice(items)

    def shape(self):
        return tuple(self.one(EXTENTS) for _ in range(self.one([0, 1, 1, 2, 2, 3])))

    def array(self, shape):
        """An array of small values whatever its type."""
        dtype = self.one(cases.DTYPES)
        size = 1
        for extent in shape:
            size *= extent
        return f"(np.arange({size}) * {self.one([1, 3, 5])} % 11).astype({dtype!r}).reshape({shape})"

    def item(self):
        bound = lambda: self.one(["", "", "0", "1", "2", "-1", "-2", "9"])  # noqa: E731 - drawn anew each time
        return self.one(["0", "-1", "1", "...", "None", f"{bound()}:{bound()}:{self.one(['', '1', '2', '-1', '-2'])}", ":"])

    def key(self):
        return ", ".join(self.item() for _ in range(self.one([1, 1, 2, 3])))

    def axis(self):
        return self.one(["None", "0", "-1", "1", "2", "(0,)", "(0, 1)", "()", "(0, 0)", "(-1, 0)"])

    def reduction(self):
        name = self.one(REDUCTIONS)
        axis = self.one(["None", "0", "-1", "1", "3"]) if name.startswith("arg") else self.axis()
        words = [f"axis={axis}"]
        if self.one([0, 0, 1]):
            words.append(f"keepdims={self.one([True, False])}")
        if self.one([0, 0, 1]) and name in ("sum", "prod", "mean", "std", "var"):
            words.append(f"dtype={self.one(['f8', 'c16', 'f4', 'f2'])!r}")
        if self.one([0, 0, 1]) and name in ("sum", "prod", "min", "max"):
            words.append(f"initial={self.one([0, 1, 5])}")
        return f"np.{name}(a, {', '.join(words)})"

    def expression(self):
        return self.one([
            lambda: f"a {self.one(BINARY)} b",
            lambda: f"a {self.one(BINARY)} {self.one(NUMBERS)}",
            lambda: f"{self.one(NUMBERS)} {self.one(BINARY)} a",
            lambda: f"{self.one(UNARY)}(a)",
            lambda: f"a[{self.key()}]",
            lambda: f"a[{self.key()}] {self.one(BINARY)} b[{self.key()}]",
            lambda: f"np.where(a > 3, a, {self.one(['b', *NUMBERS])})",
            lambda: f"a.reshape({self.one(['-1', '-1, 2', '3, -1', '2, 3', '1, -1, 1'])})",
            lambda: f"a.transpose({self.one(['', '1, 0', '0, 2, 1', '-1, 0'])})",
            lambda: f"np.clip(a, {self.one(NUMBERS)}, {self.one(NUMBERS)})",
            lambda: f"np.concatenate([a, b], axis={self.one(['0', '1', '-1', 'None'])})",
            lambda: f"np.broadcast_to(a, {self.shape()})",
            lambda: f"a.astype({self.one(cases.DTYPES)!r}, casting={self.one(['unsafe', 'safe', 'same_kind'])!r})",
            self.reduction,
            self.reduction,
            lambda: f"{self.one(['repr', 'str'])}(a)",
        ])()

    def statement(self):
        return self.one([
            lambda: "",
            lambda: "",
            lambda: f"a[{self.key()}] = {self.one([*NUMBERS, 'b', 'a', f'b[{self.key()}]'])}; ",
            lambda: f"a {self.one(BINARY[:9])}= {self.one([*NUMBERS, 'b'])}; ",
            lambda: f"a[{self.key()}] {self.one(BINARY[:9])}= {self.one([*NUMBERS, 'b'])}; ",
        ])()

    def text(self):
        shape = self.shape()
        second = self.one([shape, shape, self.shape()])
        return f"a = {self.array(shape)}; b = {self.array(second)}; {self.statement()}{self.expression()}"


def main(seed=1, count=3000, ranks=0):
    """How many programs differ; each is printed."""
    sources = [Program(seed * 1_000_003 + number).text() for number in range(count)]
    theirs = [outcome[0] for outcome in jobs.outcomes("numpy", sources)]
    mine = jobs.outcomes("gain", sources, ranks, {"GAIN_THRESHOLD": "0"} if ranks else {})
    differ = 0
    for source, expected, outcomes in zip(sources, theirs, mine):
        if expected[0] == "died":
            continue
        if "for arrays of up to 2 axes" in str(outcomes[0]):
            continue  # refused, not wrong
        late = expected[0] == "error" and (expected[1] == "OverflowError" or expected[2].startswith("only 0-dim"))
        if late and all(outcome[0] == "error" for outcome in outcomes):
            continue
        text = next(filter(None, (test_corpus.difference(outcome, expected, False) for outcome in outcomes)), None)
        if text is not None:
            differ += 1
            print(f"{source}\n    {text}")
    return differ


if __name__ == "__main__":
    sys.exit(min(main(*map(int, sys.argv[1:])), 100))
