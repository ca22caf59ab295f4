"""The array API standard: every function of it, with its own arguments, against `array_api_strict`; and the libraries that are written to it."""

import math
import operator

import numpy
import pytest

import gain

strict = pytest.importorskip("array_api_strict", reason="array-api-strict is not installed (python/requirements.txt): no second oracle")

KINDS = {
    "bool": ["bool"], "integer": ["int8", "int64", "uint8", "uint32"], "floating": ["float32", "float64"],
    "complex": ["complex64", "complex128"],
}
REAL, NUMERIC = KINDS["integer"] + KINDS["floating"], KINDS["integer"] + KINDS["floating"] + KINDS["complex"]
INEXACT, ALL = KINDS["floating"] + KINDS["complex"], KINDS["bool"] + NUMERIC


def values(dtype, shape=(3, 4), seed=0):
    """A few numbers of a type, small and of both signs where it has them."""
    random = numpy.random.default_rng(seed)
    made = random.integers(0, 2, shape) if dtype == "bool" else random.integers(1, 9, shape)
    if dtype in INEXACT:
        made = made / 8 - 0.6
    if dtype in KINDS["complex"]:
        made = made + 1j * random.random(shape)
    return made.astype(dtype)


def both(theirs):
    """The same elements as an array of the oracle and as one of ours."""
    return strict.asarray(theirs), gain.asarray(theirs)


def plain(x):
    return numpy.asarray(x.numpy() if isinstance(x, gain.ndarray) else x)


def same(made, wanted, text):
    """Shape, type and elements are equal, of what may be several arrays."""
    if isinstance(wanted, (tuple, list)):
        assert len(made) == len(wanted), text
        for name in getattr(wanted, "_fields", ()):
            same(getattr(made, name), getattr(wanted, name), f"{text}.{name}")
        for one, other in zip(made, wanted):
            same(one, other, text)
    elif hasattr(wanted, "shape"):
        right = numpy.asarray(wanted)
        assert plain(made).dtype == right.dtype and plain(made).shape == right.shape, (text, made, wanted)
        single = right.dtype.char in "fF"
        numpy.testing.assert_allclose(plain(made), right, rtol=2e-5 if single else 1e-12, atol=1e-5 if single else 1e-12, err_msg=text)
    else:
        assert made == wanted, (text, made, wanted)


UNARY = {
    "abs": NUMERIC, "acos": INEXACT, "acosh": INEXACT, "asin": INEXACT, "asinh": INEXACT, "atan": INEXACT, "atanh": INEXACT,
    "bitwise_invert": KINDS["bool"] + KINDS["integer"], "ceil": REAL, "conj": NUMERIC, "cos": INEXACT, "cosh": INEXACT, "exp": INEXACT, "expm1": INEXACT,
    "floor": REAL, "imag": KINDS["complex"], "isfinite": NUMERIC, "isinf": NUMERIC, "isnan": NUMERIC, "log": INEXACT, "log10": INEXACT, "log1p": INEXACT,
    "log2": INEXACT, "logical_not": ["bool"], "negative": NUMERIC, "positive": NUMERIC, "real": NUMERIC, "reciprocal": INEXACT, "round": NUMERIC, "sign": NUMERIC,
    "signbit": KINDS["floating"], "sin": INEXACT, "sinh": INEXACT, "sqrt": INEXACT, "square": NUMERIC, "tan": INEXACT, "tanh": INEXACT, "trunc": REAL,
    "count_nonzero": ALL, "nonzero": ALL, "unique_all": REAL, "unique_counts": REAL, "unique_inverse": REAL, "unique_values": REAL, "matrix_transpose": ALL,
    "linalg.matrix_transpose": ALL, "linalg.svdvals": KINDS["floating"], "fft.fftshift": INEXACT, "fft.ifftshift": INEXACT, "unstack": ALL, "flip": ALL,
}
BITS, LOGIC = KINDS["bool"] + KINDS["integer"], ["bool"]
BINARY = {
    "add": NUMERIC, "atan2": KINDS["floating"], "bitwise_and": BITS, "bitwise_left_shift": ["int8", "int64"], "bitwise_or": BITS, "bitwise_right_shift": KINDS["integer"],
    "bitwise_xor": BITS, "copysign": KINDS["floating"], "divide": INEXACT, "equal": ALL, "floor_divide": REAL, "greater": REAL, "greater_equal": REAL,
    "hypot": KINDS["floating"], "less": REAL, "less_equal": REAL, "logaddexp": KINDS["floating"], "logical_and": LOGIC, "logical_or": LOGIC, "logical_xor": LOGIC,
    "maximum": REAL, "minimum": REAL, "multiply": NUMERIC, "nextafter": KINDS["floating"], "not_equal": ALL, "pow": NUMERIC, "remainder": REAL, "subtract": NUMERIC,
    "linalg.vecdot": NUMERIC, "vecdot": NUMERIC,
}
OPERATORS = {
    "add": NUMERIC, "sub": NUMERIC, "mul": NUMERIC, "truediv": INEXACT, "floordiv": REAL, "mod": REAL, "pow": NUMERIC, "and_": BITS, "or_": BITS, "xor": BITS,
    "lshift": ["int64"], "rshift": ["int64"], "lt": REAL, "le": REAL, "gt": REAL, "ge": REAL, "eq": ALL, "ne": ALL,
}
# Name, types, and calls of (namespace, array): with the standard's positions and keywords.
CALLS = {
    "all": (ALL, [lambda f, x: f(x), lambda f, x: f(x, axis=1, keepdims=True), lambda f, x: f(x, axis=(0, 1))]),
    "any": (ALL, [lambda f, x: f(x), lambda f, x: f(x, axis=-1)]),
    "argmax": (REAL, [lambda f, x: f(x), lambda f, x: f(x, axis=0, keepdims=True)]),
    "argmin": (REAL, [lambda f, x: f(x), lambda f, x: f(x, axis=1)]),
    "argsort": (REAL, [lambda f, x: f(x), lambda f, x: f(x, axis=0, descending=True), lambda f, x: f(x, axis=-2, descending=True, stable=True)]),
    "sort": (REAL, [lambda f, x: f(x), lambda f, x: f(x, axis=0, descending=True), lambda f, x: f(x, axis=-1, descending=False, stable=False)]),
    "astype": (KINDS["integer"], [lambda f, x: f(x, x.dtype, copy=False), lambda f, x: f(x, x.dtype, copy=True, device=None)]),
    "broadcast_to": (ALL, [lambda f, x: f(x, (2, 3, 4))]),
    "clip": (REAL, [lambda f, x: f(x, 2, 5), lambda f, x: f(x, min=2), lambda f, x: f(x, max=3), lambda f, x: f(x)]),
    "cumulative_prod": (NUMERIC, [lambda f, x: f(x, axis=0), lambda f, x: f(x, axis=1, include_initial=True)]),
    "cumulative_sum": (NUMERIC, [lambda f, x: f(x, axis=0), lambda f, x: f(x, axis=1, include_initial=True)]),
    "diff": (NUMERIC, [lambda f, x: f(x), lambda f, x: f(x, axis=0, n=2)]),
    "empty_like": (ALL, [lambda f, x: f(x).shape, lambda f, x: f(x, dtype=x.dtype, device=None).shape]),
    "expand_dims": (ALL, [lambda f, x: f(x, axis=0), lambda f, x: f(x, axis=1), lambda f, x: f(x, axis=(0, -1))]),
    "flip": (ALL, [lambda f, x: f(x, axis=0), lambda f, x: f(x, axis=(0, 1))]),
    "full_like": (NUMERIC, [lambda f, x: f(x, 3), lambda f, x: f(x, 3, dtype=x.dtype, device=None)]),
    "max": (REAL, [lambda f, x: f(x), lambda f, x: f(x, axis=0, keepdims=True)]),
    "min": (REAL, [lambda f, x: f(x), lambda f, x: f(x, axis=(0, 1), keepdims=True)]),
    "mean": (INEXACT, [lambda f, x: f(x), lambda f, x: f(x, axis=0, keepdims=True)]),
    "moveaxis": (ALL, [lambda f, x: f(x, 0, 1), lambda f, x: f(x, (0, 1), (1, 0))]),
    "ones_like": (ALL, [lambda f, x: f(x), lambda f, x: f(x, dtype=x.dtype, device=None)]),
    "permute_dims": (ALL, [lambda f, x: f(x, (1, 0)), lambda f, x: f(x, axes=(-1, 0))]),
    "prod": (NUMERIC, [lambda f, x: f(x), lambda f, x: f(x, axis=0, keepdims=True), lambda f, x: f(x, dtype=x.dtype)]),
    "repeat": (ALL, [lambda f, x: f(x, 2), lambda f, x: f(x, 3, axis=0)]),
    "reshape": (ALL, [lambda f, x: f(x, (4, 3)), lambda f, x: f(x, (-1,), copy=True), lambda f, x: f(x, shape=(2, 6))]),
    "roll": (ALL, [lambda f, x: f(x, 2), lambda f, x: f(x, (1, 2), axis=(0, 1))]),
    "squeeze": (ALL, [lambda f, x: f(x[:1, ...], 0), lambda f, x: f(x[:1, ...], axis=(0,))]),
    "std": (KINDS["floating"], [lambda f, x: f(x), lambda f, x: f(x, axis=0, correction=1.0, keepdims=True)]),
    "var": (KINDS["floating"], [lambda f, x: f(x), lambda f, x: f(x, axis=1, correction=1)]),
    "sum": (NUMERIC, [lambda f, x: f(x), lambda f, x: f(x, axis=0, keepdims=True), lambda f, x: f(x, dtype=x.dtype)]),
    "tile": (ALL, [lambda f, x: f(x, (2, 1)), lambda f, x: f(x, (2, 1, 2))]),
    "tril": (NUMERIC, [lambda f, x: f(x), lambda f, x: f(x, k=1)]),
    "triu": (NUMERIC, [lambda f, x: f(x), lambda f, x: f(x, k=-1)]),
    "unstack": (ALL, [lambda f, x: f(x, axis=1)]),
    "zeros_like": (ALL, [lambda f, x: f(x), lambda f, x: f(x, dtype=x.dtype, device=None)]),
    "count_nonzero": (ALL, [lambda f, x: f(x, axis=0, keepdims=True)]),
    "concat": (ALL, [lambda f, x: f([x, x]), lambda f, x: f((x, x), axis=1), lambda f, x: f((x, x), axis=None)]),
    "stack": (ALL, [lambda f, x: f([x, x]), lambda f, x: f((x, x), axis=-1)]),
    "meshgrid": (ALL, [lambda f, x: f(x[0, ...], x[:, 0]), lambda f, x: f(x[0, ...], x[:, 0], indexing="ij")]),
    "broadcast_arrays": (ALL, [lambda f, x: f(x, x[0, ...])]),
    "matmul": (NUMERIC, [lambda f, x: f(x, x.T)]),
    "tensordot": (NUMERIC, [lambda f, x: f(x, x.T, axes=1), lambda f, x: f(x, x, axes=((0, 1), (0, 1)))]),
    "isin": (KINDS["integer"], [lambda f, x: f(x, x[0, ...]), lambda f, x: f(2, x), lambda f, x: f(x, 2)]),
    "where": (NUMERIC, [lambda f, x: f(x == x, x, x), lambda f, x: f(x != x, x, 2), lambda f, x: f(x == x, 1, x)]),
    "result_type": (NUMERIC, [lambda f, x: str(f(x, x)).rpartition(".")[2], lambda f, x: str(f(x, 1)).rpartition(".")[2]]),
    "linalg.cross": (NUMERIC, [lambda f, x: f(x[:, :3], x[:, 1:]), lambda f, x: f(x[:3, :3].T, x[:, :3].T, axis=-2)]),
    "linalg.diagonal": (ALL, [lambda f, x: f(x), lambda f, x: f(x, offset=1)]),
    "linalg.matmul": (NUMERIC, [lambda f, x: f(x, x.T)]),
    "linalg.matrix_norm": (INEXACT, [lambda f, x: f(x), lambda f, x: f(x, ord="nuc", keepdims=True), lambda f, x: f(x, ord=math.inf)]),
    "linalg.matrix_rank": (KINDS["floating"], [lambda f, x: f(x), lambda f, x: f(x, rtol=0.1)]),
    "linalg.outer": (NUMERIC, [lambda f, x: f(x[0, ...], x[:, 0])]),
    "linalg.pinv": (KINDS["floating"], [lambda f, x: f(x), lambda f, x: f(x, rtol=0.1)]),
    "linalg.tensordot": (NUMERIC, [lambda f, x: f(x, x, axes=((1,), (1,)))]),
    "linalg.trace": (NUMERIC, [lambda f, x: f(x), lambda f, x: f(x, offset=-1, dtype=x.dtype)]),
    "linalg.vector_norm": (INEXACT, [lambda f, x: f(x), lambda f, x: f(x, axis=0, ord=1, keepdims=True), lambda f, x: f(x, axis=(0, 1), ord=math.inf)]),
    **{f"fft.{name}": (KINDS["complex"], [lambda f, x: f(x), lambda f, x: f(x, n=6, axis=0, norm="ortho")]) for name in ("fft", "ifft", "irfft", "hfft")},
    **{f"fft.{name}": (KINDS["floating"], [lambda f, x: f(x), lambda f, x: f(x, n=6, axis=0, norm="forward")]) for name in ("rfft", "ihfft")},
    **{f"fft.{name}": (KINDS["complex"], [lambda f, x: f(x), lambda f, x: f(x, s=(2, 6), axes=(0, 1), norm="ortho")]) for name in ("fftn", "ifftn", "irfftn")},
    "fft.rfftn": (KINDS["floating"], [lambda f, x: f(x), lambda f, x: f(x, s=(2, 6), axes=(0, 1), norm="ortho")]),
    "fft.fftshift": (INEXACT, [lambda f, x: f(x, axes=(0,)), lambda f, x: f(x, axes=1)]),
    "fft.ifftshift": (INEXACT, [lambda f, x: f(x, axes=0)]),
}


def wide(x):
    """Eigenvalues in order, and as complex numbers: which ours are only if one of them isn't real, as NumPy's."""
    return numpy.sort_complex(plain(x)).astype(complex)


# Calls of square and symmetric positive matrices, whose result is one.
SQUARE = {
    "linalg.cholesky": [lambda f, x: f(x), lambda f, x: f(x, upper=True)], "linalg.det": [lambda f, x: f(x)], "linalg.inv": [lambda f, x: f(x)],
    "linalg.matrix_power": [lambda f, x: f(x, 3), lambda f, x: f(x, -1)], "linalg.slogdet": [lambda f, x: f(x)], "linalg.eigvalsh": [lambda f, x: f(x)],
    "linalg.solve": [lambda f, x: f(x, x), lambda f, x: f(x, x[0, ...])], "linalg.qr": [lambda f, x: f(x), lambda f, x: f(x, mode="complete")],
    "linalg.eigh": [lambda f, x: f(x).eigenvalues], "linalg.svd": [lambda f, x: f(x).S, lambda f, x: f(x, full_matrices=False).S],
    "linalg.eig": [lambda f, x: wide(f(x).eigenvalues)], "linalg.eigvals": [lambda f, x: wide(f(x))],
}
# Calls of the namespace alone.
FREE = {
    "arange": [lambda f, t: f(5), lambda f, t: f(1, 7, 2, dtype=t.float32, device=None)],
    "asarray": [lambda f, t: f([[1, 2], [3, 4]]), lambda f, t: f(3.5, dtype=t.float32, device=None, copy=True)],
    "empty": [lambda f, t: f((2, 3), dtype=t.int8, device=None).shape],
    "eye": [lambda f, t: f(3), lambda f, t: f(3, 4, k=1, dtype=t.int8, device=None)],
    "full": [lambda f, t: f((2, 3), 4), lambda f, t: f(3, 1.5, dtype=t.float32, device=None)],
    "linspace": [lambda f, t: f(0, 1, 5), lambda f, t: f(0, 1, num=4, dtype=t.float32, device=None, endpoint=False)],
    "ones": [lambda f, t: f((2, 3)), lambda f, t: f(3, dtype=t.int16, device=None)],
    "zeros": [lambda f, t: f((2, 3)), lambda f, t: f(3, dtype=t.int16, device=None)],
    "broadcast_shapes": [lambda f, t: f((3, 1), (4,)), lambda f, t: f()],
    "can_cast": [lambda f, t: f(t.int8, t.int16), lambda f, t: f(t.zeros(3, dtype=t.int16), t.int8)],
    "finfo": [lambda f, t: (f(t.float32).bits, float(f(t.float32).eps)), lambda f, t: float(f(t.zeros(3, dtype=t.float32)).max)],
    "iinfo": [lambda f, t: (f(t.int8).bits, f(t.int8).min, f(t.int8).max), lambda f, t: f(t.zeros(3, dtype=t.int16)).max],
    "isdtype": [lambda f, t: f(t.int8, "signed integer"), lambda f, t: f(t.float32, ("integral", "complex floating")), lambda f, t: f(t.int8, t.int8)],
    "searchsorted": [
        lambda f, t: f(t.asarray([1.0, 2.0, 4.0]), t.asarray([[0.0, 2.0], [3.0, 9.0]]), side="right"),
        lambda f, t: f(t.asarray([4.0, 1.0, 2.0]), t.asarray([2.0]), sorter=t.asarray([1, 2, 0])),
        lambda f, t: f(t.asarray([1.0, 2.0, 4.0]), 2.0),
    ],
    "take": [lambda f, t: f(t.asarray([[1, 2], [3, 4]]), t.asarray([1, 0]), axis=1)],
    "take_along_axis": [lambda f, t: f(t.asarray([[1, 2], [3, 4]]), t.asarray([[1, 0], [0, 0]]), axis=1), lambda f, t: f(t.asarray([[1, 2]]), t.asarray([[1]]))],
    "fft.fftfreq": [lambda f, t: f(5), lambda f, t: f(6, d=0.5, dtype=t.float32, device=None)],
    "fft.rfftfreq": [lambda f, t: f(5), lambda f, t: f(6, d=0.5, dtype=t.float32, device=None)],
}
# What is about devices and foreign memory has tests of its own below.
APART = {"__array_namespace_info__", "from_dlpack"}


def found(module, name):
    return operator.attrgetter(name)(module)


def names_of_the_standard():
    for prefix, module in (("", strict), ("linalg.", strict.linalg), ("fft.", strict.fft)):
        for name in module.__all__:
            if callable(getattr(module, name)) and not isinstance(getattr(module, name), type) and "strict" not in name:
                yield prefix + name


@pytest.mark.filterwarnings("ignore")
def test_every_function_is_here_and_tried():
    tried = {*UNARY, *BINARY, *CALLS, *SQUARE, *FREE, *APART}
    assert [name for name in names_of_the_standard() if name not in tried] == []
    constants = "e inf nan newaxis pi bool complex64 complex128 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64".split()
    assert [name for name in [*tried, *constants] if operator.attrgetter(name)(gain) is None] == ["newaxis"]


def compare(name, call, operands, text):
    """The call of both; where the oracle refuses, nothing is asked of ours."""
    with numpy.errstate(all="ignore"):
        wanted = call(found(strict, name), *[one for one, _ in operands])
        made = call(found(gain, name), *[one for _, one in operands])
    same(made, wanted, text)


@pytest.mark.filterwarnings("ignore")
def test_elementwise_functions():
    for table, count in ((UNARY, 1), (BINARY, 2)):
        for name, dtypes in table.items():
            for dtype in dtypes:
                for shape in ((3, 4), (0, 4), ()) if "." not in name and name not in ("matrix_transpose", "unstack", "nonzero", "vecdot") else ((3, 4),):
                    operands = [both(values(dtype, shape, seed)) for seed in range(count)]
                    compare(name, lambda f, *x: f(*x), operands, f"{name} of {dtype} {shape}")
    for name, dtypes in BINARY.items():
        if "vecdot" not in name and dtypes is not LOGIC:
            for dtype in dtypes:
                scalar = {"b": True, "i": 2, "u": 2}.get(numpy.dtype(dtype).kind, 2.0)
                for call in (lambda f, x: f(x, scalar), lambda f, x: f(scalar, x)):  # noqa: B023
                    compare(name, call, [both(values(dtype))], f"{name} of {dtype} and a number")


@pytest.mark.filterwarnings("ignore")
def test_other_functions():
    for name, (dtypes, calls) in CALLS.items():
        for dtype in dtypes:
            for number, call in enumerate(calls):
                compare(name, call, [both(values(dtype))], f"{name}, call {number}, of {dtype}")
    for name, calls in SQUARE.items():
        for dtype in ("float32", "float64"):
            a = values(dtype, (4, 4))
            for number, call in enumerate(calls):
                compare(name, call, [both(a @ a.T + 4 * numpy.eye(4, dtype=dtype))], f"{name}, call {number}, of {dtype}")
    for name, calls in FREE.items():
        for number, call in enumerate(calls):
            same(call(found(gain, name), gain), call(found(strict, name), strict), f"{name}, call {number}")


@pytest.mark.filterwarnings("ignore")
def test_operators_and_attributes():
    for name, dtypes in OPERATORS.items():
        for dtype in dtypes:
            call = getattr(operator, name)
            (a, mine), (b, other) = both(values(dtype)), both(values(dtype, seed=1))
            scalar = {"b": True, "i": 2, "u": 2}.get(numpy.dtype(dtype).kind, 2.0)
            with numpy.errstate(all="ignore"):
                for made, wanted in (
                    (call(mine, other), call(a, b)), (call(mine, scalar), call(a, scalar)), (call(scalar, mine), call(scalar, a)),
                ):
                    same(made, wanted, f"{name} of {dtype}")
    a, mine = both(values("float64", (2, 3, 4)))
    for name in ("ndim", "shape", "size"):
        assert getattr(a, name) == getattr(mine, name)
    same(mine.mT, a.mT, "mT")
    same(mine[0, ...].T, a[0, ...].T, "T")
    assert mine.device == "cpu" and mine.to_device("cpu", stream=None) is mine
    with pytest.raises(ValueError, match="Unsupported device"):
        mine.to_device("gpu")
    for dtype, call in (("bool", bool), ("int64", int), ("float64", float), ("complex128", complex), ("int64", operator.index)):
        one, other = both(values(dtype, ()))
        assert call(one) == call(other)
    for key in (0, -1, (1, 2), (slice(None), 1), (..., None, 2), slice(None, None, -1), (0, slice(1, 3), slice(None, None, 2))):
        key = key if isinstance(key, tuple) and (Ellipsis in key or len(key) == 3) else (*(key if isinstance(key, tuple) else (key,)), ...)
        same(mine[key], a[key], f"{key}")
    same(mine[mine > 0], a[a > 0], "mask")


def test_inspection():
    info, wanted = gain.__array_namespace_info__(), strict.__array_namespace_info__()
    assert gain.__array_api_version__ == strict.__array_api_version__ == "2025.12"
    assert info.capabilities() == wanted.capabilities()
    assert info.default_device() == "cpu" and info.devices() == ("cpu",)
    assert list(info.default_dtypes()) == list(wanted.default_dtypes())
    for kind in (None, "bool", "signed integer", "unsigned integer", "integral", "real floating", "complex floating", "numeric", ("bool", "integral")):
        assert {name: str(x) for name, x in info.dtypes(kind=kind, device="cpu").items()} == {
            name: str(x).rpartition(".")[2] for name, x in wanted.dtypes(kind=kind).items()
        }
    with pytest.raises(ValueError):
        info.dtypes(device="gpu")
    a = gain.zeros(3)
    for version in (None, "2021.12", "2022.12", "2023.12", "2024.12", "2025.12"):
        assert a.__array_namespace__(api_version=version) is gain
    with pytest.raises(ValueError, match="1999.12"):
        a.__array_namespace__(api_version="1999.12")
    assert gain.from_dlpack(strict.asarray([1.0, 2.0]), device=None, copy=None).tolist() == [1.0, 2.0]
    assert strict.asarray(strict.from_dlpack(gain.arange(3.0))).shape == (3,)


def test_sorting_downwards():
    for values_ in ([3, 1, 2, 3, 1], [], [2.0, math.nan, -0.0, 1.0]):
        a = gain.asarray(numpy.asarray(values_, float))
        assert numpy.array_equal(gain.sort(a, descending=True).numpy(), numpy.sort(a.numpy())[::-1], equal_nan=True)
    assert gain.argsort(gain.asarray([3, 1, 2, 3, 1]), descending=True).tolist() == [0, 3, 2, 1, 4]
    assert gain.argsort(gain.asarray(7), descending=True).tolist() == [0]
    with pytest.raises(ValueError, match="real floating-point"):
        gain.fft.fftfreq(4, dtype=int)


def test_array_api_compat():
    compat = pytest.importorskip("array_api_compat", reason="array-api-compat is not installed (python/requirements.txt)")
    a = gain.arange(6.0).reshape(2, 3)
    assert compat.array_namespace(a, a + 1, 2.0, None) is gain and compat.array_namespace(a, api_version="2024.12") is gain
    assert compat.is_array_api_obj(a) and not compat.is_numpy_array(a) and compat.is_writeable_array(a)
    assert compat.device(a) == "cpu" and compat.to_device(a, "cpu") is a and compat.size(a) == 6 and not compat.is_lazy_array(a)
    assert not compat.is_numpy_namespace(gain)
    with pytest.raises(TypeError, match="Multiple namespaces"):
        compat.array_namespace(a, strict.asarray([1.0]))
