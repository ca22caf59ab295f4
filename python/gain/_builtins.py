"""Functions that NumPy has in C: put into a class, they stay what they are, where a function of Python becomes a method."""

import functools
import types

import numpy


class Builtin(functools.partial):
    """A function that is no method of the classes it is put into."""

    def __new__(cls, function):
        self = super().__new__(cls, function)
        functools.update_wrapper(self, function)
        self.__module__ = "gain"
        return self

    def __get__(self, instance, owner=None):
        return self

    def __repr__(self):
        return f"<built-in function {self.__name__}>"

    def __reduce__(self):
        return self.__name__

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


def builtin(names):
    """Those of the functions that NumPy has in C."""
    return {
        name: Builtin(function)
        for name, function in names.items()
        if isinstance(function, types.FunctionType) and isinstance(getattr(numpy, name, None), types.BuiltinFunctionType)
    }
