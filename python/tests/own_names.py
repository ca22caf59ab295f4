"""What NumPy's test files get for their imports, so that they test gain.

`importing` stands in for `__import__` in such a file: names of NumPy's are gain's where gain has them. A public name that gain lacks is lacking: asking for it raises
what gain raises, at the use. What is no part of the package's surface (private helpers, modules of exceptions or random data) is NumPy's own; arrays of random numbers
come as gain's, from generators that are seeded, so that all ranks see the same. `numpy.testing` is NumPy's and sees gain's arrays as NumPy's.
"""

import builtins
import functools
import importlib
import inspect
import random
import sys
import types

import gain
import numpy

# Packages of public functions, gain's if it has them; other modules are looked into name by name.
REFUSED = {"char", "emath", "fft", "linalg", "matlib", "polynomial", "rec", "strings"}
# Modules of NumPy's that are for its tests alone, in C.
INSIDE = {"_umath_tests", "_operand_flag_tests", "_multiarray_tests", "_struct_ufunc_tests"}
# One of them asks by Python's protocol of sequences, which is ours to answer.
SEQUENCE = {"array_indexing"}
# Functions of `numpy.testing` whose arguments are not compared.
UNTOUCHED = {"assert_raises", "assert_raises_regex", "assert_warns", "assert_no_warnings", "assert_no_gc_cycles"}


class Missing:
    """A public name that gain lacks, imported but not there."""

    def __init__(self, name):
        self.__name__ = name

    def _refuse(self, *arguments, **keywords):
        return getattr(gain, self.__name__)

    __call__ = __iter__ = __len__ = _refuse

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse()


def plain(value):
    """`value` with NumPy's arrays in the place of gain's."""
    if isinstance(value, gain.ndarray):
        return value.numpy()
    if hasattr(type(value), "__array__") and not isinstance(value, (numpy.ndarray, numpy.generic, gain.flatiter)):
        made = value.__array__()
        return made.numpy() if isinstance(made, gain.ndarray) else value
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    if type(value) is dict:
        return {key: plain(item) for key, item in value.items()}
    return value


def comparing(function):
    """`function` of numpy.testing, for gain's arrays."""

    @functools.wraps(function)
    def compare(*arguments, **keywords):
        return function(*map(plain, arguments), **plain(keywords))

    return compare


def ours(value):
    """Random numbers as gain's arrays, generators as ones that give such."""
    if type(value) is numpy.ndarray:
        return gain.array(value)
    return Drawing(value) if isinstance(value, (numpy.random.Generator, numpy.random.RandomState)) else value


class Drawing:
    """A generator of random numbers whose arrays are gain's."""

    def __init__(self, generator):
        self._generator = generator

    def __getattr__(self, name):
        value = getattr(self._generator, name)
        return (lambda *a, **k: ours(value(*map(plain, a), **plain(k)))) if callable(value) else value


class Random:
    """Whether random numbers are what is tested: then `numpy.random` is gain's."""

    is_tested = False


class Either:
    """What arrays are instances of in the files about random numbers: states have NumPy's, everything else gain's."""

    def __instancecheck__(self, value):
        return isinstance(value, (gain.ndarray, numpy.ndarray))

    def __mro_entries__(self, bases):
        return (gain.ndarray,)

    def __call__(self, *arguments, **keywords):
        return gain.ndarray(*arguments, **keywords)

    def __getattr__(self, name):
        return getattr(gain.ndarray, name)


def seeded():
    """Starts the common generators anew."""
    random.seed(1)
    numpy.random.seed(1)
    if Random.is_tested:
        gain.random.seed(1)


def random_name(name):
    value = getattr(numpy.random, name)
    if Random.is_tested:
        return getattr(gain.random, name, value) if not name.startswith("_") else value
    if name == "default_rng":
        return lambda seed=1: ours(value(seed))
    if not callable(value):
        return value
    return lambda *a, **k: ours(value(*map(plain, a), **plain(k)))


class Names(types.ModuleType):
    """The module `original` of NumPy's with gain's names; `lacking` turns names that gain lacks into objects."""

    def __init__(self, original, lacking=False):
        super().__init__(original.__name__, original.__doc__)
        self.__dict__.update(_original=original, _lacking=lacking)
        for name in ("__file__", "__path__", "__all__", "__version__"):
            if hasattr(original, name):
                self.__dict__[name] = getattr(original, name)

    def __dir__(self):
        return [name for name in dir(gain) if not name.startswith("_")] if self._original is numpy else dir(self._original)

    def __getattr__(self, name):
        original = self._original
        if name.startswith("__"):
            return getattr(original, name)
        if original is numpy.random:
            return random_name(name)
        if original is numpy.testing and name.startswith("assert_") and name not in UNTOUCHED:
            return comparing(getattr(original, name))
        if name == "_gen_alignment_data":
            return aligned
        if original is numpy and name == "ndarray" and Random.is_tested:
            return Either()
        if original is numpy and hasattr(gain, name) and not isinstance(getattr(gain, name), types.ModuleType):
            return getattr(gain, name)
        theirs = getattr(original, name)
        is_inside = original.__name__.rpartition(".")[2] in INSIDE and name not in SEQUENCE
        if is_inside and callable(theirs) and not isinstance(theirs, type):
            return Inside(theirs)
        if isinstance(theirs, types.ModuleType):
            part = theirs.__name__.partition(".")[2]
            return refused(part, self._lacking) if part in REFUSED else module(theirs)
        if original is numpy or (getattr(numpy, name, None) is theirs and inspect.getmodule(theirs) is not numpy.testing):
            return refused(name, self._lacking)
        if callable(theirs) and not name.startswith("_") and original.__name__.startswith(("numpy.lib", "numpy._core", "numpy.linalg")):
            return getattr(found(original.__name__), name, getattr(gain, name, theirs))
        return theirs


def aligned(*arguments, **keywords):
    """`_gen_alignment_data` of numpy.testing, of gain's arrays."""
    for case in numpy.testing._private.utils._gen_alignment_data(*arguments, **keywords):
        yield tuple(gain.asarray(one) if isinstance(one, numpy.ndarray) else one for one in case)


class Inside:
    """A function of NumPy's own test modules, for gain's arrays."""

    def __init__(self, function):
        self._function = function

    def __call__(self, *arguments, **keywords):
        out = keywords.get("out")
        targets = [one for one in (*arguments, *(out if isinstance(out, tuple) else (out,))) if isinstance(one, gain.ndarray)]
        copies = {id(one): one.numpy() for one in targets}

        def instead(value):
            if isinstance(value, tuple):
                return tuple(map(instead, value))
            return copies[id(value)] if id(value) in copies else plain(value)

        made = self._function(*map(instead, arguments), **{key: instead(value) for key, value in keywords.items()})
        for one in targets:
            # What it wrote.
            if one.flags.writeable and one.numpy().tobytes() != copies[id(one)].tobytes():
                one[...] = gain.array(copies[id(one)])
        for one in targets:
            if made is copies[id(one)]:
                return one
        return gain.array(made) if type(made) is numpy.ndarray and made.dtype.kind in "biufc" else made

    def __getattr__(self, name):
        value = getattr(self._function, name)
        return Inside(value) if callable(value) else value


def found(dotted):
    """gain's module of the public name of NumPy's module, if it has it."""
    here = gain
    for part in dotted.split(".")[1:]:
        here = getattr(here, part.strip("_").removesuffix("_impl"), None)
    return here


def refused(name, lacking):
    if hasattr(gain, name):
        return getattr(gain, name)
    if name.startswith("_"):
        return getattr(numpy, name)
    return Missing(name) if lacking else getattr(gain, name)


@functools.cache
def module(original, lacking=False):
    return Names(original, lacking)


def importing(name, names=None, scope=None, wanted=(), level=0):
    """`__import__` as a test file of NumPy's sees it."""
    if level or name.partition(".")[0] != "numpy":
        return builtins.__import__(name, names, scope, wanted, level)
    inside = importlib.import_module(name)
    if not wanted:
        if name.rpartition(".")[2].startswith("_"):
            # (`import numpy.linalg._inside as it` looks for what gain's module hasn't among the imported modules.)
            sys.modules.setdefault("gain" + name.removeprefix("numpy"), module(inside))
        return module(numpy)
    for part in wanted:
        try:
            importlib.import_module(f"{name}.{part}")
        except ImportError:
            pass
    return module(importlib.import_module(name), True)
