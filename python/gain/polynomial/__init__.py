"""`numpy.polynomial`: series of points that stay distributed, with few coefficients.

Evaluating, the matrices of points and fitting are computed here. What is done with coefficients alone is NumPy's: the classes
keep theirs in NumPy's arrays, functions give arrays of ours, and of those that they are given it is told (`set_fallback`).
"""

import functools as _functools
import inspect as _inspect
import sys as _sys
import types as _types

import numpy as _numpy
import numpy.polynomial as _theirs
from numpy.polynomial import set_default_printstyle

from .. import _series
from .._base import asarray as _asarray
from .._creation import array as _array
from .._fallback import few as _few, handed as _handed
from .._ranges import linspace as _linspace

__all__ = [
    "Chebyshev", "Hermite", "HermiteE", "Laguerre", "Legendre", "Polynomial", "chebyshev", "hermite", "hermite_e", "laguerre",
    "legendre", "polynomial", "set_default_printstyle",
]


def _ours(made):
    """What NumPy gave, as arrays of ours."""
    if isinstance(made, tuple):
        return tuple(map(_ours, made))
    return _array(made) if isinstance(made, _numpy.ndarray) else made


def _of_coefficients(theirs):
    """A function of NumPy's on few numbers."""
    @_functools.wraps(theirs)
    def call(*arguments, **keywords):
        given = dict(zip(keywords, _handed(theirs.__name__, *keywords.values())))
        return _ours(theirs(*_handed(theirs.__name__, *arguments), **given))

    return call


def _of_points(theirs, family):
    """The function of this name that is computed here; None if there is none."""
    last_first = lambda function: lambda *arguments: function(family, arguments[-1], *arguments[:-1])
    return {
        "val": _functools.partial(_series.value, family), "val2d": last_first(_series.values), "val3d": last_first(_series.values),
        "grid2d": last_first(_series.grid), "grid3d": last_first(_series.grid), "vander": _functools.partial(_series.matrix, family),
        "vander2d": last_first(_series.matrices), "vander3d": last_first(_series.matrices), "fit": _functools.partial(_series.fit, family),
        "valfromroots": _series.from_roots, "weight": lambda x: theirs(_asarray(x)),
    }.get(theirs.__name__.removeprefix(family.prefix))


def _named(function, theirs):
    """The function with the name and arguments of NumPy's, whichever are given by name."""
    signature = _inspect.signature(theirs)

    @_functools.wraps(theirs)
    def call(*arguments, **keywords):
        bound = signature.bind(*arguments, **keywords)
        return function(*bound.args, **bound.kwargs)

    return call


def _class(theirs, family):
    """The class of a family's series, whose points are ours."""
    class Series(theirs):
        _val = staticmethod(lambda x, c: _series.value(family, x, c))

        @staticmethod
        def _fit(x, y, deg, rcond=None, full=False, w=None):
            made = _series.fit(family, x, y, deg, rcond, full, w)
            return [made[0].numpy(), made[1]] if full else made.numpy()

        def __init__(self, coef, domain=None, window=None, symbol="x"):
            name = type(self).__name__
            super().__init__(_few(name, coef), _few(name, domain), _few(name, window), symbol)

        def __call__(self, arg):
            off, scl = self.mapparms()
            return self._val(off + scl * _series.points(arg), self.coef)

        @classmethod
        def fit(cls, x, y, deg, domain=None, rcond=None, full=False, w=None, window=None, symbol="x"):
            x = _asarray(x)
            if domain is None:
                domain = _domain(x)
            elif isinstance(domain, list) and len(domain) == 0:
                domain = cls.domain
            window = cls.window if window is None else window
            domain, window = _few("fit", domain), _few("fit", window)
            off, scl = _theirs.polyutils.mapparms(domain, window)
            made = cls._fit(off + scl * x, y, deg, w=w, rcond=rcond, full=full)
            series = cls(made[0] if full else made, domain=domain, window=window, symbol=symbol)
            return (series, made[1]) if full else series

        @classmethod
        def fromroots(cls, roots, domain=[], window=None, symbol="x"):
            return super().fromroots(_few("fromroots", roots), domain, window, symbol)

        def linspace(self, n=100, domain=None):
            domain = self.domain if domain is None else _few("linspace", domain)
            x = _linspace(domain[0], domain[1], n)
            return x, self(x)

        def roots(self):
            return _array(super().roots())

    Series.__name__ = Series.__qualname__ = theirs.__name__
    Series.__doc__, Series.__module__ = f"`numpy.polynomial.{theirs.__name__}`", __name__
    return Series


def _domain(x):
    """The smallest interval with all points in it, with some width."""
    if x.dtype.kind == "c":
        made = _numpy.array([complex(part.real, other.real) for part, other in ((x.real.min(), x.imag.min()), (x.real.max(), x.imag.max()))])
    else:
        made = _numpy.array([x.min(), x.max()]) + 0.0
    if made[0] == made[1]:
        made += [-1, 1]
    return made


def _module(name):
    """The module of a family, and its class."""
    family, theirs = _series.FAMILIES[name], getattr(_theirs, name)
    module = _types.ModuleType(f"{__name__}.{name}", f"`numpy.polynomial.{name}`")
    module.__all__ = list(theirs.__all__)
    constants = {}
    for key in module.__all__:
        thing = getattr(theirs, key)
        if isinstance(thing, type):
            made = _class(thing, family)
        elif not callable(thing):
            constants[key] = thing
            continue
        else:
            made = _of_points(thing, family)
            made = _of_coefficients(thing) if made is None else _named(made, thing)
        setattr(module, key, made)

    def __getattr__(key):
        if key in constants:
            return _array(constants[key])
        raise AttributeError(f"module {module.__name__!r} has no attribute {key!r}")

    module.__getattr__ = __getattr__
    _sys.modules[module.__name__] = module
    return module


for _name in _series.FAMILIES:
    _made = globals()[_name] = _module(_name)
    globals().update({_key: vars(_made)[_key] for _key in _made.__all__ if isinstance(vars(_made).get(_key), type)})
