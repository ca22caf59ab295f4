"""Writes the stubs of the package, python/gain/*.pyi, from the module itself: what type checkers and editors know of it.

    .venv/bin/python python/stubs.py          writes them
    .venv/bin/python python/stubs.py --check  exits with 1 when they are out of date

Parameters and defaults are those of the functions; types are by the names of parameters, which mean the same everywhere. What a function gives is
`Any` unless it is always an array.
"""

import inspect
import keyword
import sys
import types
from pathlib import Path

import gain
import numpy
from gain import _gain

FOLDER = Path(__file__).parent / "gain"
HEAD = '"""Made by python/stubs.py: not to be edited."""\n\n'
ARRAYS = "a a1 a2 ap ar arr array arrays ary b condition m p v val values x x1 x2 xp y".split()
TYPES = {
    **dict.fromkeys(ARRAYS, "ArrayLike"), "dtype": "DTypeLike | None", "keepdims": "SupportsIndex", "order": "str | None", "device": "str | None",
    "axis": "SupportsIndex | Sequence[SupportsIndex] | None", "out": "ndarray | tuple[ndarray | None, ...] | None",
}
# What always gives an array.
MAKERS = set("""
    arange array asanyarray asarray ascontiguousarray asfortranarray astype atleast_1d atleast_2d atleast_3d broadcast_to column_stack concat concatenate copy diag diagflat
    empty empty_like expand_dims eye flip fliplr flipud from_dlpack frombuffer fromfile fromfunction fromiter full full_like geomspace hstack identity linspace logspace
    moveaxis ones ones_like outer permute_dims ravel redistribute repeat reshape resize roll rollaxis rot90 sliding_window_view sort stack swapaxes tile transpose tri tril triu
    vander vstack zeros zeros_like
""".split())
METHODS = {
    **dict.fromkeys("astype copy flatten force ravel repeat reshape swapaxes transpose view diagonal __array_wrap__".split(), "ndarray"),
    "__array__": "numpy.ndarray[Any, Any]", "__array_namespace__": "ModuleType", "__bool__": "bool", "__complex__": "complex", "__contains__": "bool", "__float__": "float",
    "__dlpack_device__": "tuple[int, int]", "__index__": "int", "__int__": "int", "__iter__": "Iterator[Any]", "__len__": "int", "__repr__": "str", "__str__": "str", "__format__": "str",
    "__delitem__": "None", "__setitem__": "None", "__init__": "None", "distribution": "list[tuple[int, int]]", "get": "numpy.ndarray[Any, Any]", "local": "numpy.ndarray[Any, Any]",
    "numpy": "numpy.ndarray[Any, Any]", "item": "Any", "to_device": "Self", "tobytes": "bytes", "tofile": "None", "__hash__": "int", "__sizeof__": "int", "__new__": "Self",
}
ATTRIBUTES = {
    "shape": "tuple[int, ...]", "strides": "tuple[int, ...]", "ndim": "int", "size": "int", "nbytes": "int", "itemsize": "int", "dtype": "numpy.dtype[Any]", "device": "str",
    "T": "ndarray", "mT": "ndarray", "real": "ndarray", "imag": "ndarray", "is_replicated": "bool", "flat": "flatiter", "nin": "int", "nout": "int", "nargs": "int", "ntypes": "int",
    "types": "list[str]",
}
OPERATORS = "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift divmod".split()
COMPARISONS = "lt le gt ge eq ne".split()
# What `object` has as well, and nobody asks a stub for.
SILENT = set(dir(object)) - {"__eq__", "__ne__", "__hash__", "__format__"} | {"__module__", "__dict__", "__weakref__", "__annotations__", "__text_signature__"}
IMPORTS = """from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any, Generic, Self, SupportsIndex

import numpy
from numpy.typing import ArrayLike, DTypeLike
from typing_extensions import TypeVar
"""


def parameter(one):
    """A parameter with its type; that there is a default is said, not which."""
    name = one.name + ("_" if keyword.iskeyword(one.name) else "")
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}.get(one.kind, "")
    kind = "Any" if stars else TYPES.get(one.name, "Any")
    return f"{stars}{name}: {kind}" + ("" if one.default is inspect.Parameter.empty else " = ...")


def parameters(function, is_method=False):
    """The list of parameters."""
    try:
        given = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return ("self, " if is_method else "") + "*args: Any, **kwargs: Any"
    text, is_before = [], False
    for place, one in enumerate(given):
        if is_before and one.kind != inspect.Parameter.POSITIONAL_ONLY:
            text.append("/")
        if one.kind == inspect.Parameter.KEYWORD_ONLY and not any(x.startswith("*") for x in text):
            text.append("*")
        is_before = one.kind == inspect.Parameter.POSITIONAL_ONLY
        text.append("self" if is_method and place == 0 else parameter(one))
    return ", ".join(text + ["/"] * is_before)


def method(name, function):
    """A method of a class."""
    bare = name.strip("_")
    operator = bare[1:] if bare[:1] in "ri" and bare[1:] in OPERATORS else bare
    if name.startswith("__") and operator in OPERATORS:
        result = "Self" if operator != bare and bare[0] == "i" else "Any" if operator == "divmod" else "ndarray"
        modulo = ", modulo: Any = ..." if operator == "pow" else ""
        return f"    def {name}(self, other: Any, /{modulo}) -> {result}: ..." + ("  # type: ignore[misc]" if bare == "ipow" else "")
    if name.startswith("__") and bare in COMPARISONS:
        return f"    def {name}(self, other: Any, /) -> Any: ..." + ("  # type: ignore[override]" if bare in ("eq", "ne") else "")
    return f"    def {name}({parameters(function, True)}) -> {METHODS.get(name, 'Any')}: ..."


def described(name, cls):
    """A class with its attributes and methods."""
    bases = "(Generic[_Shape, _Type])" if name == "ndarray" else ""
    lines = [f"class {name}{bases}:"]
    for key in sorted(set(dir(cls)) - SILENT):
        value = inspect.getattr_static(cls, key)
        if key.startswith("_") and not key.startswith("__"):
            continue
        if key == "__hash__" and cls.__hash__ is None:
            lines.append("    __hash__ = None  # type: ignore[assignment]")
        elif isinstance(value, (types.GetSetDescriptorType, types.MemberDescriptorType, property)) or not callable(getattr(cls, key)):
            lines.append(f"    {key}: {ATTRIBUTES.get(key, 'Any')}")
        elif isinstance(value, (staticmethod, classmethod, types.ClassMethodDescriptorType)):
            lines += ["    @classmethod", f"    def {key}(cls, *args: Any, **kwargs: Any) -> Any: ..."]
        else:
            lines.append(method(key, value))
    if name == "ndarray" or "__new__" in vars(cls):
        lines.insert(1, "    def __new__(cls, *args: Any, **kwargs: Any) -> Self: ...")
    return "\n".join(lines + ["    ..."] * (len(lines) == 1))


def function(name, value):
    return f"def {name}({parameters(value)}) -> {'ndarray' if name in MAKERS else 'Any'}: ..."


def compiled():
    """The stub of the compiled module."""
    parts = [HEAD + IMPORTS, '_Shape = TypeVar("_Shape", covariant=True, default=Any)\n_Type = TypeVar("_Type", covariant=True, default=Any)']
    others = []
    for name in sorted(vars(_gain)):
        value = getattr(_gain, name)
        if name.startswith("__"):
            continue
        if isinstance(value, type):
            parts.append(described(name, value))
        elif callable(value) and not isinstance(value, _gain.ufunc):
            others.append(function(name, value))
        else:
            others.append(f"{name}: Any")
    return "\n\n".join(parts + ["\n".join(others)]) + "\n"


def package():
    """The stub of the package: NumPy's own names are NumPy's, ufuncs are ours, functions have their parameters."""
    from_numpy, from_gain, named, others = [], [], [], []
    for name in sorted(name for name in dir(gain) if not name.startswith("_")):
        value = getattr(gain, name)
        if isinstance(value, types.ModuleType):
            if value.__name__ == f"numpy.{name}":
                from_numpy.append(name)
        elif value is not None and getattr(_gain, name, None) is value:
            from_gain.append(name)
        elif isinstance(value, _gain.ufunc):
            named.append(f"{name}: ufunc")
        elif isinstance(value, type) and value.__module__.startswith("gain"):
            base = "numpy." + name if isinstance(getattr(numpy, name, None), type) and issubclass(value, getattr(numpy, name)) else ""
            given = f"({base})" if base in ("numpy.finfo", "numpy.iinfo") else ""
            named.append(f"class {name}{given}:\n    def __init__(self, *args: Any, **kwargs: Any) -> None: ..." + ("" if given else "\n    def __getattr__(self, name: str) -> Any: ..."))
        elif getattr(numpy, name, None) is value and not inspect.isfunction(value) and not isinstance(value, (float, types.NoneType)):
            from_numpy.append(name)
        elif callable(value) and not isinstance(value, type) and (inspect.isfunction(value) or hasattr(value, "__wrapped__")):
            others.append(function(name, value))
        else:
            named.append(f"{name}: {type(value).__name__ if isinstance(value, (float, bool, str)) else 'Any'}")
    modules = [name for name in gain._MODULES]
    same = lambda names: ", ".join(f"{name} as {name}" for name in names)
    return "\n\n".join([
        HEAD + IMPORTS + f"from numpy import {same(from_numpy)}",
        f"from . import {same(modules)}\nfrom ._gain import {same(from_gain)}",
        '__version__: str\n__array_api_version__: str\ndef __array_namespace_info__() -> Any: ...',
        "\n".join(named), "\n".join(others),
    ]) + "\n"


TYPING = HEAD + '''from typing import Any, TypeAlias, TypeVar

import numpy
from numpy.typing import ArrayLike as ArrayLike, DTypeLike as DTypeLike

from ._gain import ndarray

_T = TypeVar("_T", bound=numpy.generic)
NDArray: TypeAlias = ndarray[Any, numpy.dtype[_T]]
'''

if __name__ == "__main__":
    pages = {"_gain.pyi": compiled(), "__init__.pyi": package(), "typing.pyi": TYPING, "py.typed": ""}
    if sys.argv[1:] == ["--check"]:
        old = [name for name, text in pages.items() if not (FOLDER / name).exists() or (FOLDER / name).read_text() != text]
        sys.exit(f"{', '.join(old)}: out of date, run python/stubs.py" if old else 0)
    for name, text in pages.items():
        (FOLDER / name).write_text(text)
