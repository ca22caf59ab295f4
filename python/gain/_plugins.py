"""Functions of C libraries with a checked signature, for `ppeval` above all: it hands them to other processes by name."""

import ctypes
import re

import numpy

__all__ = ["plugin"]

# What C calls what NumPy and ctypes call so.
TYPES = {
    "char": ctypes.c_char, "signed char": ctypes.c_byte, "unsigned char": ctypes.c_ubyte, "short": ctypes.c_short,
    "unsigned short": ctypes.c_ushort, "int": ctypes.c_int, "unsigned": ctypes.c_uint, "unsigned int": ctypes.c_uint,
    "long": ctypes.c_long, "unsigned long": ctypes.c_ulong, "long long": ctypes.c_longlong,
    "unsigned long long": ctypes.c_ulonglong, "size_t": ctypes.c_size_t, "ssize_t": ctypes.c_ssize_t,
    "ptrdiff_t": ctypes.c_ssize_t, "bool": ctypes.c_bool, "_Bool": ctypes.c_bool, "float": ctypes.c_float,
    "double": ctypes.c_double,
} | {f"{sign}int{bits}_t": getattr(ctypes, f"c_{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)}
DECLARATION = re.compile(r"\s*(?P<result>[\w\s]+?)\s*\b(?P<name>\w+)\s*\((?P<parameters>[^()]*)\)\s*;?\s*")


class plugin:
    """Functions of a shared library, by their C declarations: numbers, and pointers to them.

        lib = gain.plugin("libfoo.so", "double area(double radius)", "void scale(double *x, long n, double by)")
        lib.area(2.0)

    A pointer takes an array of NumPy of exactly that type; what it points to is written to a copy, and a function of type `void` returns the copies: one, or
    a tuple, in order. With `const` before it the array itself is read. An argument that doesn't fit is a TypeError (a number that is out of range an
    OverflowError) before the call; how many elements are behind a pointer C doesn't say, so nobody checks it.

    A library that isn't found is an OSError, a function that isn't in it an AttributeError.
    """

    def __init__(self, path, *declarations):
        self._path, self._functions = path, {}
        library = ctypes.CDLL(path)
        for declaration in declarations:
            function = Function(path, declaration, library)
            self._functions[function.__name__] = function

    def __getattr__(self, name):
        try:
            return self.__dict__["_functions"][name]
        except KeyError:
            raise AttributeError(f"plugin({self._path!r}) was given no declaration of {name}") from None

    def __dir__(self):
        return [*super().__dir__(), *self._functions]

    def __repr__(self):
        return f"plugin({self._path!r}, {', '.join(repr(f.declaration) for f in self._functions.values())})"


class Function:
    """One function of a library. Pickled, it is its library's path and its declaration."""

    def __init__(self, path, declaration, library=None):
        match = DECLARATION.fullmatch(declaration)
        if not match:
            raise ValueError(f"not the declaration of a C function: {declaration!r}")
        self.path, self.declaration, self.__name__ = path, declaration, match["name"]
        result, parameters = match["result"], match["parameters"].strip()
        self._result = None if result == "void" else _type(result, declaration)
        self._parameters = [] if parameters in ("", "void") else [Parameter(p, declaration) for p in parameters.split(",")]
        self._call = getattr(library or ctypes.CDLL(path), self.__name__)
        self._call.restype = self._result
        self._call.argtypes = [p.passed for p in self._parameters]

    def __call__(self, *arguments):
        if len(arguments) != len(self._parameters):
            raise TypeError(f"{self.__name__} takes {len(self._parameters)} arguments, not {len(arguments)}")
        given = [p.checked(x, self.__name__) for p, x in zip(self._parameters, arguments)]
        made = self._call(*(p.pass_on(x) for p, x in zip(self._parameters, given)))
        if self._result is not None:
            return made
        written = tuple(x for p, x in zip(self._parameters, given) if p.is_written)
        return written[0] if len(written) == 1 else written or None

    def __reduce__(self):
        return Function, (self.path, self.declaration)

    def __repr__(self):
        return f"<{self.declaration} of {self.path}>"


class Parameter:
    """What a function takes at one place."""

    def __init__(self, text, declaration):
        words = text.replace("*", " * ").split()
        self.is_const = "const" in words
        words = [word for word in words if word not in ("const", "restrict", "__restrict")]
        self.is_pointer = "*" in words
        if words.count("*") > 1 or self.is_pointer and "*" not in words[-2:]:
            raise ValueError(f"a plugin takes numbers and pointers to numbers, not {text.strip()!r}")
        words = [word for word in words if word != "*"]
        # (The last word may be the parameter's name.)
        self.type = TYPES.get(" ".join(words)) or _type(" ".join(words[:-1]), declaration)
        self.dtype = numpy.dtype("S1" if self.type is ctypes.c_char else self.type)
        self.is_written = self.is_pointer and not self.is_const
        self.passed = ctypes.c_void_p if self.is_pointer else self.type

    def checked(self, x, function):
        """The argument as it is handed over."""
        if self.is_pointer:
            if not isinstance(x, numpy.ndarray) or x.dtype != self.dtype:
                what = f"an array of {x.dtype}" if isinstance(x, numpy.ndarray) else type(x).__name__
                raise TypeError(f"{function} takes an array of {self.dtype}, not {what}")
            return numpy.array(x, order="C") if self.is_written else numpy.ascontiguousarray(x)
        if self.dtype.kind == "S":
            return x
        number = numpy.asarray(x)
        if number.ndim or not numpy.can_cast(number.dtype, self.dtype, "same_kind" if self.dtype.kind in "fc" else "safe"):
            if number.ndim or number.dtype.kind not in "iub" or self.dtype.kind not in "iu":
                raise TypeError(f"{function} takes a number of type {self.dtype}, not {x!r}")
            limits = numpy.iinfo(self.dtype)
            if not limits.min <= int(number) <= limits.max:
                raise OverflowError(f"{function} takes a number of type {self.dtype}, which {x!r} is too large for")
        return number.item()

    def pass_on(self, x):
        """The argument as ctypes wants it."""
        return x.ctypes.data if self.is_pointer else x


def _type(words, declaration):
    """A type by its name in C."""
    found = TYPES.get(" ".join(words.split()))
    if found is None:
        raise ValueError(f"a plugin knows no type {words!r} (in {declaration!r}); it takes numbers and pointers to numbers")
    return found
