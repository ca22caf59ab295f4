"""Random calls of every public function, method and ufunc, by NumPy and by gain side by side, to look through by hand: `audit.py FIRST COUNT [RANKS [NAME=VALUE...]]`; the exit code is the number that differ.

A call's arguments are drawn by the names of the parameters in NumPy's signature: arrays of all types, shapes (none, one or six axes, nothing, one element) and layouts
(either order, steps, backwards, repeated), axes within and out of range, `out=` of the right shape or another, `where=`, types, castings, and now and then something that means nothing there.
What differs is a number, a type or a shape, of the result or of an operand afterwards, or that one of the two raises. STRICT=1 in the environment asks for more: the order of strides,
classes and texts of exceptions, and warnings; where several arguments are wrong at once, which is told of first depends on the path. ONLY=name is one function alone.

Left out, because gain is different by design (docs/src/numpy.md): objects, texts and dates, the order of what index arrays pick and partitions leave, signs of zeros and NaN; and what NumPy
leaves to chance: elements that nobody wrote, results of conversions to integers that are out of range.
"""

import inspect
import math
import os
import pickle
import random
import sys
import warnings

import numpy

import jobs
from cases import parse

DTYPES = "? i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16".split()
SHAPES = [(), (0,), (1,), (3,), (5,), (12,), (2, 3), (3, 1), (1, 4), (4, 4), (0, 3), (3, 0), (1, 1), (7, 2), (2, 3, 4), (2, 0, 3), (3, 1, 2), (2, 2, 2, 2), (2, 1, 2, 1, 3, 2), (1,) * 6]
NONSENSE = ["None", "'x'", "[]", "()", "{}", "1.5", "(1, 2)", "[[1, 2], [3]]", "True", "-1", "2**70", "1j", "object", "np.nan", "[None]", "-7", "3", "b'x'", "np.float32(2.5)", "np.int8(1)", "slice(2)", "...", "np.zeros(0)", "[1.0, 2]", "np.array(1)", "[True]"]
NOT_HERE = """array2string array_repr array_str bmat asmatrix busday_count busday_offset datetime_as_string datetime_data fromfile fromregex genfromtxt get_include info is_busday load loadtxt
save savetxt savez savez_compressed show_config show_runtime test seterr seterrcall setbufsize set_printoptions printoptions getbufsize geterr geterrcall get_printoptions frompyfunc nested_iters
empty empty_like from_dlpack shares_memory may_share_memory frombuffer fromstring fromiter apply_along_axis apply_over_axes fromfunction mask_indices piecewise require isnat issubdtype partition argpartition unique_values polydiv""".split()
METHODS_NOT_HERE = "ctypes data device dump dumps tofile to_device getfield setfield setflags base flat flags byteswap resize partition argpartition searchsorted strides".split()
STRICT = bool(os.environ.get("STRICT"))


class Draw:
    """One random call: `text`, a line of Python."""

    def __init__(self, seed, names):
        self.random = random.Random(seed)
        self.shape = self.one(SHAPES)
        self.dtype = self.one(DTYPES)
        self.lines = []
        self.name = names[seed % len(names)]
        self.text = self.line()

    def one(self, items):
        return self.random.choice(items)

    def chance(self, share):
        return self.random.random() < share

    def values(self, count, dtype):
        """So many elements of a type, as text."""
        step = self.one((3, 5, 7))
        text = f"np.arange({count}) * {step} % 11"
        kind = dtype[0]
        if kind == "?":
            return f"({text} > 4)"
        if kind == "u":
            text = f"({text})" if self.chance(0.8) else f"({text} * 37)"
        elif kind == "i":
            text = f"({text} - 5)" if self.chance(0.8) else f"({text} - 5) * 37"
        elif kind == "f":
            text = f"({text} - 5) * {self.one((0.25, 0.75, 1, 1))}"
            if self.chance(0.15):
                text = f"np.where(np.arange({count}) % 4 == {self.one((0, 1))}, {self.one(('np.nan', 'np.inf', '-np.inf'))}, {text})"
            return f"({text}).astype('{dtype}')"
        else:
            return f"(({text} - 5) * {self.one(('(1+0.5j)', '(0.25-2j)', '1j', '1'))}).astype('{dtype}')"
        return f"({text}).astype('{dtype}')"

    def array(self, shape=None, dtype=None, layouts="CCCCFTsnNpbl"):
        """An array, as text."""
        shape = self.shape if shape is None else shape
        dtype = dtype or (self.dtype if self.chance(0.7) else self.one(DTYPES))
        layout = self.one(layouts)
        count = math.prod(shape)
        if layout == "F":
            return f"{self.values(count, dtype)}.reshape({shape}, order='F')"
        if layout == "T":
            return f"{self.values(count, dtype)}.reshape({shape[::-1]}).T"
        if layout == "s" and shape:
            return f"{self.values(2 * count, dtype)}.reshape({(*shape[:-1], shape[-1] * 2)})[..., ::2]"
        if layout == "n" and shape:
            return f"{self.values(count, dtype)}.reshape({shape})[::-1]"
        if layout == "N" and shape:
            return f"{self.values(count, dtype)}.reshape({shape})[..., ::-1]"
        if layout == "p" and len(shape) > 1:
            order = self.random.sample(range(len(shape)), len(shape))
            inner = [0] * len(shape)
            for place, axis in enumerate(order):
                inner[axis] = shape[place]
            return f"{self.values(count, dtype)}.reshape({tuple(inner)}).transpose({tuple(order)})"
        if layout == "b" and shape:
            part = tuple(1 if self.chance(0.5) else extent for extent in shape)
            return f"np.broadcast_to({self.values(math.prod(part), dtype)}.reshape({part}), {shape})"
        if layout == "l" and dtype in ("f8", "i8", "?", "c16"):
            return f"{self.values(count, dtype)}.reshape({shape}).tolist()"
        if not shape and self.chance(0.4):
            return f"np.array({self.values(1, dtype)}[0])" if self.chance(0.5) else f"{self.values(1, dtype)}[0]"
        return f"{self.values(count, dtype)}.reshape({shape})"

    def operand(self):
        """An array that mostly goes together with the others."""
        how = self.random.random()
        shape = list(self.shape)
        if how < 0.5:
            return self.array()
        if how < 0.7:
            return self.array(tuple(1 if self.chance(0.4) else extent for extent in shape)[self.random.randrange(len(shape) + 1) if self.chance(0.4) else 0:])
        if how < 0.85:
            return self.one(["2", "-1", "0", "True", "2.5", "1j", "300", "np.float32(1.5)", "np.int8(3)", "np.uint8(200)", "np.nan", "2**40", "1e300"])
        return self.array(self.one(SHAPES))

    def axis(self):
        count = len(self.shape)
        how = self.random.random()
        if how < 0.65:
            return str(self.random.randrange(-count, count)) if count else self.one(["0", "-1"])
        if how < 0.75:
            return "None"
        if how < 0.9:
            return str(tuple(self.random.randrange(-max(count, 1), max(count, 1)) for _ in range(self.random.randrange(3))))
        return self.one([str(count), str(-count - 1), "1.0", "'x'", "True", "np.int8(0)", "(0, 9)", "[0]"])

    def index(self):
        most = max(self.shape[:1] if self.chance(0.6) else self.shape, default=1) + 1
        if self.chance(0.3):
            return str(self.random.randrange(-most, most))
        count = self.random.randrange(5)
        found = [self.random.randrange(1 - most if self.chance(0.2) else 0, max(most - 1, 1)) for _ in range(count)]
        return str(found) if self.chance(0.5) else f"np.array({found}, '{self.one(['i8', 'i4', 'u1', 'i8', 'f8', '?'])}')"

    def dims(self):
        how = self.random.random()
        if how < 0.2:
            return str(self.random.randrange(6))
        if how < 0.9:
            return str(self.one(SHAPES))
        return self.one(["(2, -1)", "-1", "(2.0,)", "'x'", "None", "[2, 3]", "(2**40, 2**40)", "np.array([2, 2])", "(3, None)"])

    def mask(self):
        return self.one([self.array(dtype="?"), self.array(dtype="?"), "True", "False", "np.array(False)", self.array(self.shape[1:], "?"), self.array()])

    def type(self):
        return self.one([*(f"'{one}'" for one in DTYPES), "float", "int", "bool", "np.float32", "None", "complex", "np.dtype('f4')"] * 2 + ["'O'", "'U3'", "'x9'", "object", "'M8[s]'", "'>f4'", "3"])

    def argument(self, name):
        """What the parameter of this name may be."""
        if self.chance(0.03):
            return self.one(NONSENSE)
        return getattr(self, f"for_{name}", self.operand)()

    def for_axis(self):
        return self.axis()

    for_axis1 = for_axis2 = for_axisa = for_axisb = for_axisc = for_source = for_destination = for_start_axis = for_axis

    def for_axes(self):
        count = len(self.shape)
        return self.one([str(tuple(self.random.sample(range(count), count))), str(tuple(self.random.sample(range(count), count))), "None", self.axis(), "1", "2", "([0], [0])", "(0, 1)", "(-1, 0)"])

    def for_dtype(self):
        return self.type()

    for_to = for_from_ = for_type1 = for_type2 = for_dtype

    def for_out(self):
        return self.array(layouts="CCFTs")

    for_dst = for_out

    def for_keepdims(self):
        return self.one(["True", "False", "True", "1", "0", "None", "np.True_"])

    def flag(self):
        return self.one(["True", "False", "True", "False", "0", "1", "None"])

    for_deg = for_right = for_density = for_invert = for_return_index = for_return_inverse = for_return_counts = for_equal_nan = for_rowvar = for_bias = for_returned = flag
    for_endpoint = for_retstep = for_increasing = for_sparse = for_include_initial = for_return_indices = for_full = for_wrap = for_stable = for_unique = flag
    for_fractional = for_sign = for_inplace = flag

    def for_where(self):
        return self.mask()

    for_mask = for_condition = for_where

    def for_condlist(self):
        return f"[{self.array(dtype='?')}, {self.array(dtype='?')}]"

    def for_choicelist(self):
        return f"[{self.operand()}, {self.operand()}]"

    def for_choices(self):
        return f"[{self.operand()}, {self.operand()}, {self.operand()}]"

    def for_initial(self):
        return self.one(["0", "1", "2.5", "-3", "1j", "True", "np.float32(9)", "np.inf", "300", "None"])

    def for_order(self):
        return self.one(["'C'", "'F'", "'A'", "'K'", "'K'", "'x'", "None"])

    def for_casting(self):
        return self.one(["'no'", "'equiv'", "'safe'", "'same_kind'", "'unsafe'", "'unsafe'", "'x'", "'same_value'"])

    def for_shape(self):
        if self.chance(0.5):
            return self.one([str(self.shape[::-1]), "-1", str((*self.shape, 1)), str((1, -1)), str((math.prod(self.shape),)), "(2, -1)"])
        return self.dims()

    for_new_shape = for_dims = for_dimensions = for_shape

    def for_subok(self):
        return self.one(["True", "False"])

    def for_device(self):
        return self.one(["None", "'cpu'", "'gpu'"])

    def for_like(self):
        return "None"

    def number(self):
        return self.one(["0", "1", "2", "3", "-1", "5", "-2", "2.0", "np.int16(2)", "True"])

    for_n = for_N = for_M = for_k = for_offset = for_ndim = for_start = for_decimals = for_ddof = for_minlength = for_num = for_m = for_deg_ = for_cols = for_edge_order = for_ndmin = for_correction = for_tol = number
    for_discont = for_period = for_count = for_precision = for_padding = for_base = for_width = for_left = for_posinf = for_neginf = for_nan = for_fill_value = for_rtol = for_atol = for_max_work = for_beta = for_dx = number

    def for_deg(self):
        return self.one(["1", "2", "0", "True", "-1", "3", "[0, 2]"])

    def for_indices(self):
        return self.index()

    for_ind = for_obj = for_indices_ = for_indices

    def for_indices_or_sections(self):
        return self.one(["1", "2", "3", "[1]", "[1, 2]", "0", "-1", "[2, 1]", "[]", "2.0", "[-1]", "np.array([1, 2])"])

    def for_multi_index(self):
        return f"({self.index()}, {self.index()})"

    def for_mode(self):
        return self.one(["'raise'", "'wrap'", "'clip'", "'full'", "'same'", "'valid'", "'x'", "'constant'", "'edge'", "'reflect'", "'symmetric'", "'mean'", "'linear_ramp'", "'median'", "'maximum'"])

    def for_side(self):
        return self.one(["'left'", "'right'", "'x'", "None"])

    def for_kind(self):
        return self.one(["None", "'quicksort'", "'stable'", "'mergesort'", "'heapsort'", "'x'", "'introselect'", "'table'", "'sort'", "'numeric'", "'bool'"])

    def for_kth(self):
        return self.one(["0", "1", "-1", "2", "[0, 1]", "[0, -1]", "9", "-9", "[]", "1.0", "True"])

    def for_repeats(self):
        return self.one(["2", "0", "1", "[1, 2, 0]", "[1, 2]", "-1", "np.array([2])", "np.arange(3)", "1.5", "[0, 1, 2, 0, 1]", "np.array(3, 'u1')"])

    for_reps = for_repeats

    def for_shift(self):
        return self.one(["1", "-2", "9", "(1, 2)", "0", "[1]", "1.5"])

    def for_pad_width(self):
        return self.one(["1", "(1, 2)", "0", "((1, 2),)", "((1, 0), (2, 1))", "-1", "[[0, 1]]", "1.5"])

    def for_bins(self):
        return self.one(["3", "10", "[0, 1, 3]", "np.arange(5)", "'auto'", "0", "'x'", "[3, 1]", "(2, 3)", "[1]", "np.array([0.0, 1, 1, 2])", "1.5", "'sturges'", "[5, 3, 1]"])

    def for_range(self):
        return self.one(["None", "(0, 5)", "(-1, 1)", "(2, 1)", "(0, np.inf)", "((0, 1), (0, 2))", "(1, 1)"])

    def for_q(self):
        return self.one(["0", "1", "0.5", "50", "[0.25, 0.5]", "[[10, 20], [30, 40]]", "-1", "101", "np.float32(0.5)", "[]", "True", "np.array(30)"])

    def for_method(self):
        return self.one("'linear' 'lower' 'higher' 'nearest' 'midpoint' 'inverted_cdf' 'median_unbiased' 'hazen' 'closest_observation' 'weibull' 'x'".split())

    def for_arrays(self):
        how = self.random.random()
        if how < 0.7:
            return f"({', '.join(self.array() for _ in range(self.one((1, 2, 2, 3))))},)"
        if how < 0.9:
            return f"[{self.operand()}, {self.operand()}]"
        return self.one(["()", self.array(), "[]", "3"])

    for_tup = for_keys = for_arrays

    def for_sample(self):
        return self.array()

    # (Which promise something that random arguments don't keep, or allow anything.)
    def for_assume_unique(self):
        return "False"

    for_overwrite_input = for_assume_unique

    def for_copy(self):
        return "True"

    def for_sorted(self):
        return "True"

    def for_sorter(self):
        return self.one(["None", f"np.arange({math.prod(self.shape)})", "[0, 1]", f"np.arange({math.prod(self.shape)})[::-1]"])

    def for_weights(self):
        return self.one(["None", self.array(), self.array(self.shape[:1]), self.array((math.prod(self.shape),))])

    for_w = for_fweights = for_aweights = for_weights

    def for_trim(self):
        return self.one(["'f'", "'b'", "'fb'", "'x'", "''"])

    def for_bitorder(self):
        return self.one(["'big'", "'little'", "'x'"])

    def for_requirements(self):
        return self.one(["'C'", "'F'", "['W', 'O']", "'x'"])

    def for_indexing(self):
        return self.one(["'xy'", "'ij'", "'x'"])

    def for_typechars(self):
        return self.one(["'fd'", "'iD'", "'?'"])

    for_char = for_typechars

    def for_optimize(self):
        return self.one(["True", "False", "'greedy'", "'optimal'"])

    def for_number(self):
        return self.one(["5", "-5", "0", "255", "2.5"])

    def for_correction_(self):
        return "1"

    def given(self, function, skip=0):
        """Arguments of a call by its signature."""
        found, named = [], False
        for parameter in list(inspect.signature(function).parameters.values())[skip:]:
            if parameter.name in ("legacy", "like", "refcheck", "einsum_call", "ldict", "gdict"):
                named = True
                continue
            if parameter.kind == parameter.VAR_KEYWORD:
                continue
            if parameter.kind == parameter.VAR_POSITIONAL:
                found += [self.star(parameter.name) for _ in range(self.random.randrange(4))]
                named = True
                continue
            if parameter.default is not parameter.empty and not self.chance(0.75 if parameter.name in ("axis", "axes") else 0.22):
                named = True
                continue
            if parameter.name == "out":
                found.append("out=OUT")
                named = True
                continue
            is_array = parameter.default is parameter.empty and parameter.name == "m"
            value = self.array() if is_array else self.argument(parameter.name)
            by_name = named or parameter.kind == parameter.KEYWORD_ONLY or parameter.kind == parameter.POSITIONAL_OR_KEYWORD and parameter.default is not parameter.empty and self.chance(0.7)
            named = named or by_name
            found.append(f"{parameter.name}={value}" if by_name else value)
        if self.chance(0.01):
            extra = self.one(["nothing=3", "axis=0", "out=None", "dtype='f4'"])
            if not any(one.startswith(extra.split("=")[0] + "=") for one in found):
                found.append(extra)
        return found

    def sensible(self, name):
        """Arguments that mean something, for functions that random ones seldom fit."""
        n, m = self.one((0, 1, 3, 5, 12)), self.one((1, 2, 4))
        line = lambda dtype="f8": f"np.cumsum(np.arange({n}) % 3).astype('{dtype}')"  # noqa: E731
        shape = self.shape or (3,)
        axis = self.random.randrange(-len(shape), len(shape))
        few = tuple(m if place == axis % len(shape) else extent for place, extent in enumerate(shape))
        picks = f"(np.arange({math.prod(few)}) * 5 % {max(shape[axis], 1)}).reshape({few})"
        pairs = ["ij,jk->ik", "ij,jk", "ij->ji", "ij->i", "ii->i", "ii", "ij,ij->", "...i,...i->...", "i,j->ij", "ij,kl->ik", "a...->...a", "ijk->ki", "ij,jk,kl->il", "ij->", "...,...", "ii->ij", "ij,k"]
        return {
            "interp": [self.operand(), line(), self.array((n,))],
            "polyfit": [self.array((m + 2,), self.one(("f8", "i4", "f4"))), self.array((m + 2, *self.one(((), (2,))))), self.one(("1", "2"))],
            "isdtype": [f"np.dtype({self.type()})", self.one(("'bool'", "'integral'", "('real floating', 'bool')", "np.float64", "'numeric'", "'x'"))],
            "unpackbits": [self.array(dtype="u1"), *self.one(([], ["axis=-1"], ["0"], ["axis=0", "count=5"], ["bitorder='little'"]))],
            "packbits": [self.array(dtype=self.one(("?", "u1", "i4"))), *self.one(([], ["axis=-1"], ["0"], ["bitorder='little'"]))],
            "einsum": [(subscripts := self.one(pairs)).__repr__(), *(self.array(self.one(((4, 4), (4, 4), (4,), (2, 4, 4)))) for _ in range(subscripts.count(",") + 1)), *self.one(([], [], ["optimize=True"], ["dtype='f8'"], ["out=OUT"], ["order='F'"]))],
            "take_along_axis": [self.array(shape), picks, f"axis={axis}"],
            "put_along_axis": [self.array(shape, layouts="CFTsn"), picks, self.one(("3", self.array(few))), f"axis={axis}"],
            "ravel_multi_index": [f"({picks}, {picks})", f"({shape[axis]}, {shape[axis] + 1})", *self.one(([], ["mode='wrap'"], ["order='F'"]))],
            "unravel_index": [self.array(dtype="i4"), "(5, 7)", *self.one(([], ["order='F'"]))],
            "compress": [self.array((shape[axis],), "?"), self.array(shape), f"axis={axis}", *self.one(([], ["out=OUT"]))],
            "bincount": [self.array((n,), self.one(("u1", "?", "u4"))), *self.one(([], [f"weights={self.array((n,))}"], ["minlength=9"]))],
            "searchsorted": [line(self.dtype), self.operand(), *self.one(([], ["side='right'"]))],
            "digitize": [self.operand(), line(self.dtype), *self.one(([], ["right=True"]))],
            "histogram2d": [self.array((n,)), self.array((n,)), *self.one(([], ["4"], ["[3, 2]"], ["density=True"]))],
            "histogramdd": [self.array((n, m)), *self.one(([], ["4"], ["density=True"]))],
            "repeat": [self.array(shape), f"np.arange({shape[axis]}) % 3", f"axis={axis}"],
            "choose": [self.array(shape, self.one(("?", "u1", "i8"))), f"[{self.operand()}, {self.operand()}]", *self.one(("mode='clip'", "mode='wrap'", "mode='raise'", "mode=1")).split("|"), *self.one(([], ["out=OUT"]))],
            "cross": [self.array((m, 3)), self.array(self.one(((3,), (m, 3), (m, 2))))],
            "correlate": [self.array((n,)), self.array((m,)), *self.one(([], ["'full'"], ["'same'"]))],
            "convolve": [self.array((n,)), self.array((m,)), *self.one(([], ["'valid'"], ["'same'"]))],
            "polydiv": [self.array((n,)), self.array((m,))],
            "lexsort": [self.array((m, n)), *self.one(([], ["axis=0"], ["0"]))],
            "fill_diagonal": [self.array((m, m), layouts="CFTsn"), self.one(("3", "[1, 2]", "2.5", "1j")), *self.one(([], ["wrap=True"]))],
            "diag_indices_from": [self.array((m,) * self.one((2, 3)))],
            "insert": [self.array(shape), self.one(("0", "[0]", "slice(None)", "[0, 0]")), self.operand(), f"axis={axis}"],
            "delete": [self.array(shape), self.one(("0", "[0]", "slice(1, None)", "[0, 0]", f"{self.array((shape[axis],), '?')}", "slice(None, None, 2)", "-1", "slice(None, None, -2)")), f"axis={axis}"],
            "extract": [self.array(shape, "?"), self.array(shape)],
            "place": [self.array(shape, layouts="CFTsn"), self.array(shape, "?"), self.one(("[1, 2]", self.array((n,))))],
            "putmask": [self.array(shape, layouts="CFTsn"), self.array(shape, "?"), self.one(("[1, 2]", self.array((n,))))],
            "pad": [self.array(shape), self.for_pad_width(), self.for_mode()],
            "quantile": [self.array(), self.one(("0.5", "[0.1, 0.9]", "[[0, 1]]", "0.3")), f"axis={self.axis()}", *self.one(([], [f"method={self.for_method()}"], ["keepdims=True"], ["out=OUT"]))],
            "select": [f"[{self.array(shape, '?')}, {self.array(shape, '?')}]", f"[{self.array(shape)}, {self.operand()}]", *self.one(([], ["2.5"], [self.operand()]))],
            "block": [f"[[{self.array((m, 2))}, {self.array((m, 3))}]]"],
            "tensordot": [self.array((m, 3)), self.array((3, m)), *self.one((["1"], [], ["([1], [0])"], ["axes=0"]))],
            "tile": [self.array(), str(tuple(self.random.randrange(3) for _ in range(self.one((1, 2, 3)))))],
            "meshgrid": [self.array((n,)), self.array((m,)), *self.one(([], ["indexing='ij'"], ["sparse=True"], ["copy=False"]))],
            "ix_": [self.array((n,)), self.array((m,))],
            "average": [self.array(shape), *self.one(([], [f"weights={self.array(shape)}"], [f"axis={axis}", f"weights={self.array((shape[axis],))}"])), *self.one(([], ["returned=True"], ["keepdims=True"]))],
            "cov": [self.array((m, n)), *self.one(([], ["rowvar=False"], ["ddof=0"], ["bias=True"], [f"fweights=np.arange({n})"], [f"aweights=np.arange({n})"], ["dtype='f4'"]))],
            "gradient": [self.array(shape), *self.one(([], ["2.0"], [f"axis={axis}"], ["edge_order=2"]))],
        }.get(name)

    def star(self, name):
        if name in ("axes", "new_shape", "shape", "args"):
            return str(self.random.randrange(-1, 5))
        return self.operand()

    def ufunc(self, function):
        """Arguments of a ufunc."""
        found = [self.operand() if place else self.array() for place in range(function.nin)]
        if self.chance(0.02):
            found = found[1:] if self.chance(0.5) else [*found, self.operand(), self.operand()]
        if self.chance(0.25):
            found.append("out=OUT")
        for name, share in (("where", 0.5 if "out=OUT" in found else 0), ("dtype", 0.15), ("casting", 0.15), ("order", 0.1), ("keepdims", 0.01)):
            if self.chance(share):
                found.append(f"{name}={self.argument(name)}")
        return found

    def line(self):
        """The whole line."""
        kind, _, name = self.name.rpartition(":")
        if kind == "ufunc":
            call = self.call_of(f"np.{name}", self.ufunc(getattr(numpy, name)))
        elif kind in ("reduce", "accumulate", "reduceat", "outer", "at"):
            call = self.call_of(f"np.{name}.{kind}", self.of_method(kind))
        elif kind == "method":
            function = getattr(numpy.ndarray, name)
            target = self.bound("a", self.array(self.shape or (1,), layouts="CCCCFTsnNpb"))
            call = self.call_of(f"{target}.{name}", self.given(function, 1)) if callable(function) else f"{target}.{name}"
        elif kind == "operator":
            target = self.bound("a", self.array(layouts="CCCFTsnNpb"))
            if name.endswith("=") and name not in ("==", "!=", "<=", ">="):
                call = f"{target} {name} {self.operand()}; {target}"
            else:
                other = self.operand()
                call = f"{target} {name} {other}" if self.chance(0.7) else f"{other} {name} {target}"
        elif kind == "key":
            target = self.bound("a", self.array(layouts="CCCFTsnNpb"))
            key = ", ".join(self.one([":", "0", "-1", "::-1", "1:", "...", "None", self.index(), "::2", "9", "5:1:-1"]) for _ in range(self.one((1, 1, 2, 3))))
            key = self.array(dtype="?") if self.chance(0.15) else key
            call = f"{target}[{key}]" if name == "get" else f"{target}[{key}] = {self.operand()}; {target}"
        else:
            sensible = self.sensible(name) if self.chance(0.6) else None
            call = self.call_of(f"np.{name}", sensible or self.given(getattr(numpy, name)))
        return "; ".join([*self.lines, call])

    def of_method(self, kind):
        """Arguments of a ufunc's method."""
        first = self.array()
        if kind == "outer":
            return [first, self.array(self.one(SHAPES[:9]))] + ([f"dtype={self.type()}"] if self.chance(0.1) else [])
        if kind == "at":
            index = self.index() if self.chance(0.6) else self.one(["[0, 0]", "0", "[0, -1, 0]", "slice(None)", "...", "(0, ...)"])
            unary = getattr(numpy, self.name.split(":")[1]).nin == 1
            return [self.bound("a", self.array(layouts="CCCFTsnN")), index, *([self.operand()] if self.chance(0.05 if unary else 0.95) else [])]
        found = [first] + ([self.index()] if kind == "reduceat" else [])
        for name, share in (("axis", 0.7), ("dtype", 0.2), ("out", 0.25), *((("keepdims", 0.25), ("initial", 0.2), ("where", 0.2)) if kind == "reduce" else ())):
            if self.chance(share):
                found.append("out=OUT" if name == "out" else f"{name}={self.argument(name)}")
        return found

    def bound(self, name, text):
        """A variable of this value."""
        self.lines.append(f"{name} = {text}")
        return name

    def call_of(self, name, arguments):
        """The call; arrays have names, so that they are looked at afterwards, and `out=` is made for the result if there is one."""
        letters = iter("bcdefgh")
        for place, text in enumerate(arguments):
            if text.startswith(("np.arange", "(np.arange", "((np.arange", "np.broadcast_to", "np.where", "(np.where")):
                arguments[place] = self.bound(next(letters), text)
        if "out=OUT" not in arguments:
            return f"{name}({', '.join(arguments)})"
        place = arguments.index("out=OUT")
        made = quietly("; ".join([*self.lines, f"{name}({', '.join(arguments[:place] + arguments[place + 1:])})"]))
        # (Of these NumPy doesn't look at the shape in all ways, and then writes beside the array.)
        unchecked = any(part in name for part in ("cum", "accumulate", "reduceat", "choose"))
        if unchecked and made is None:
            return f"{name}({', '.join(arguments[:place] + arguments[place + 1:])})"
        outs = [self.fitting(one, unchecked) for one in made] if isinstance(made, tuple) and made and self.chance(0.9) else [self.fitting(made, unchecked)]
        self.lines += [f"o{number} = {text}" for number, text in enumerate(outs)]
        arguments[place] = f"out={'o0' if len(outs) == 1 and self.chance(0.7) else '(' + ''.join(f'o{number}, ' for number in range(len(outs))) + ')'}"
        return f"{name}({', '.join(arguments)})"

    def fitting(self, made, is_exact):
        """An array for a result to go to, as text."""
        shape, dtype = getattr(made, "shape", self.shape), getattr(made, "dtype", None)
        dtype = dtype.str[1:] if dtype is not None and dtype.str[1:] in DTYPES else "?" if dtype is not None and dtype == bool else self.dtype
        if self.chance(0.25) and "choose" not in self.name:
            dtype = self.one(DTYPES)
        if not is_exact and self.chance(0.15):
            shape = self.one([(*shape, 1), (1, *shape), (2, *shape), shape[1:], tuple(extent + 1 for extent in shape), shape[::-1], *SHAPES[:6]])
        return self.array(shape, dtype, "C" if "choose" in self.name else "CCCFTsn") if self.chance(0.97) else self.one(["3", "[0]", "'x'"])


def quietly(source):
    """NumPy's result, or None."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            statements, last = parse(source)
            names = {"np": numpy}
            exec(statements, names)
            return eval(last, names)
    except Exception:  # noqa: BLE001
        return None


def names(only=None):
    """What is called, each as kind:name."""
    found = []
    here = set(dir(__import__("gain")))
    for name in sorted(dir(numpy)):
        function = getattr(numpy, name)
        if name.startswith("_") or name not in here or name in NOT_HERE:
            continue
        if isinstance(function, numpy.ufunc):
            if function.__name__ != name or any(kind in "OMm" for kind in function.types[0][: function.nin]) and len(function.types) == 1:
                continue
            found += [f"ufunc:{name}"] * 2
            if function.nin == 2 and function.nout == 1 and function.signature is None:
                found += [f"{method}:{name}" for method in ("reduce", "accumulate", "reduceat", "outer", "at")]
            elif function.nout == 1 and function.signature is None:
                found.append(f"at:{name}")
        elif callable(function) and not isinstance(function, type):
            found += [f"function:{name}"] * 3
    for name in sorted(dir(numpy.ndarray)):
        if not name.startswith("_") and name not in METHODS_NOT_HERE:
            found += [f"method:{name}"] * 2
    found += [f"operator:{name}" for name in "+ - * / // % ** @ & | ^ << >> == != < <= > >= += -= *= /= //= %= **= &= |= ^= <<= >>= @=".split()] * 2
    found += ["key:get", "key:set"] * 20
    random.Random(1).shuffle(found)
    return [name for name in found if not only or name.split(":")[1] == only or name == only]


NAMES = names(os.environ.get("ONLY"))


def shown(value, np, depth=0):
    """A value as something to compare: (what, details...), arrays with what they have."""
    if isinstance(value, (numpy.ndarray, np.ndarray)):
        axes = [axis for axis, extent in enumerate(value.shape) if extent > 1] if 0 not in value.shape else []
        strides = tuple(value.strides[axis] for axis in axes)
        kind = "array" if isinstance(value, np.ndarray) else f"{type(value)}"
        return (kind, value.dtype.str, tuple(value.shape), strides, value.flags.writeable, numpy.array(value))
    if isinstance(value, numpy.generic):
        return ("scalar", value.dtype.str, (), (), True, numpy.array(value))
    if isinstance(value, (tuple, list)) and depth < 4:
        return (type(value).__name__, [shown(one, np, depth + 1) for one in value])
    if isinstance(value, float):
        return ("scalar", "float", (), (), True, numpy.array(value))
    if isinstance(value, complex):
        return ("scalar", "complex", (), (), True, numpy.array(value))
    return ("other", type(value).__name__, repr(value).replace("gain.", "numpy."))


def unlike(mine, theirs, path=""):
    """How they differ, or None."""
    if mine[0] != theirs[0] or len(mine) != len(theirs):
        return f"{path}{mine} instead of {theirs}"
    if mine[0] in ("array", "scalar"):
        if mine[1] != theirs[1]:
            return f"{path}type {mine[1]} instead of {theirs[1]}"
        if mine[2] != theirs[2]:
            return f"{path}shape {mine[2]} instead of {theirs[2]}"
        if not near(mine[5], theirs[5]):
            return f"{path}VALUE {mine[5]!r} instead of {theirs[5]!r}"
        if STRICT and mine[3] != theirs[3]:
            return f"{path}strides {mine[3]} instead of {theirs[3]} of {theirs[2]}"
        if mine[4] != theirs[4]:
            return f"{path}writeable {mine[4]} instead of {theirs[4]}"
        return None
    if isinstance(theirs[1], list):
        if len(mine[1]) != len(theirs[1]):
            return f"{path}{len(mine[1])} items instead of {len(theirs[1])}"
        return next(filter(None, (unlike(one, two, f"{path}[{place}]") for place, (one, two) in enumerate(zip(mine[1], theirs[1])))), None)
    return None if mine == theirs else f"{path}{mine} instead of {theirs}"


def near(mine, theirs):
    if theirs.dtype.kind not in "fc":
        return numpy.array_equal(mine, theirs)
    with numpy.errstate(all="ignore"):
        eps = numpy.finfo(theirs.dtype).eps
        largest = numpy.abs(theirs[numpy.isfinite(theirs)]).max(initial=0)
        if theirs.dtype.kind == "c" and not numpy.isfinite(theirs).all():
            return near(mine.real, theirs.real) and near(mine.imag, theirs.imag)
        return numpy.allclose(mine, theirs, rtol=64 * eps, atol=16 * eps * float(largest), equal_nan=True)


def outcome(statements, last, np):
    """What a call gives, what its operands are afterwards, and what was warned of."""
    names = {"np": np}
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        if hasattr(np, "barrier"):
            np.set_fallback("silent")
        try:
            exec(statements, names)
            result = ("value", shown(eval(last, names), np))
        except RecursionError:
            raise
        except Exception as error:  # noqa: BLE001
            result = ("error", type(error).__name__, str(error))
        after = {name: shown(value, np) for name, value in sorted(names.items()) if len(name) < 3 and name != "np"}
        if hasattr(np, "barrier"):
            np.barrier()
    told = {(one.category.__name__, str(one.message).replace("scalar ", "")) for one in log}
    return result, after, told


def has_objects(value):
    """Something that isn't there: objects, texts, dates."""
    if value[0] in ("array", "scalar"):
        return value[1][1:2] in ("O", "U", "S", "M", "m", "V", "g", "G") and value[1] not in ("float", "complex") or value[1].startswith(">")
    return isinstance(value[1], list) and any(map(has_objects, value[1]))


def compared(source, np):
    """None, or how gain's outcome differs from NumPy's; always runs to the end."""
    statements, last = parse(source)
    theirs, after, told = outcome(statements, last, numpy)
    mine, mine_after, mine_told = outcome(statements, last, np)
    if theirs[0] == "value" and has_objects(theirs[1]) or any(map(has_objects, after.values())):
        return None
    if mine[0] == "error" and mine[2].startswith("gain has no arrays of dtype"):
        return None
    if mine[0] != theirs[0]:
        return f"{brief(mine)} instead of {brief(theirs)}"
    if theirs[0] == "error":
        if STRICT and mine[1] != theirs[1]:
            return f"CLASS {mine[1:]} instead of {theirs[1:]}"
        if STRICT and mine[2].replace("gain.", "numpy.") != theirs[2]:
            return f"text {mine[2]!r} instead of {theirs[2]!r}"
        # (Nothing is written here where something is raised; NumPy may have begun.)
        return None
    if text := unlike(mine[1], theirs[1]):
        return text
    for name, value in after.items():
        if name not in mine_after:
            return f"no {name} afterwards"
        if text := unlike(mine_after[name], value, f"{name} afterwards: "):
            return text
    if STRICT and mine_told != told:
        return f"warned {sorted(mine_told - told)} not {sorted(told - mine_told)}"
    return None


def brief(result):
    return str(result)[:400]


def serve(cases, results):
    """Runs the calls of a file, and writes the outcome of each, rank by rank, as it comes."""
    import gain

    with open(cases, "rb") as file:
        sources = pickle.load(file)
    with open(f"{results}.{gain.rank()}", "wb") as file:
        for number, source in enumerate(sources):
            pickle.dump((number, compared(source, gain)), file)
            file.flush()


def main(first=1, count=100, ranks=0, *settings):
    """How many calls differ; each is printed."""
    environment = dict(setting.split("=", 1) for setting in settings)
    differ, seeds = 0, list(range(int(first), int(first) + int(count)))
    for start in range(0, len(seeds), 500):
        sources = [Draw(seed, NAMES).text for seed in seeds[start : start + 500]]
        for seed, source, found in zip(seeds[start:], sources, jobs.outcomes("gain", sources, int(ranks), environment, "audit.py")):
            text = next((one[1] if isinstance(one, tuple) else one for one in found if one), None)
            if text:
                differ += 1
                print(f"{seed} {source}\n    {text}", flush=True)
    print(f"{differ} of {count} calls differ")
    return min(differ, 100)


if __name__ == "__main__":
    sys.exit(serve(*sys.argv[2:]) if sys.argv[1:2] == ["gain"] else main(*sys.argv[1:]))
