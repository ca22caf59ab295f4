"""`scipy.special` of distributed arrays, where SciPy is installed: its universal functions, each called by every rank for the elements that it has.

Other functions of it are not here. With `SCIPY_ARRAY_API=1` in the environment `scipy.special.erf(a)` comes here; without it NumPy's dispatch leads to the same.
"""

import functools as _functools

import numpy as _numpy

from . import _blocks


@_functools.cache
def _function(name):
    import scipy.special

    function = getattr(scipy.special, name, None)
    # (With SCIPY_ARRAY_API that is what asks for ours.)
    function = getattr(function, "__wrapped__", function)
    if not isinstance(function, _numpy.ufunc) or function.signature is not None:
        return None

    @_functools.wraps(function)
    def call(*arguments, **keywords):
        return _blocks.elementwise(function, arguments, keywords)

    return call


def __getattr__(name):
    found = None
    if not name.startswith("_"):
        try:
            found = _function(name)
        except ImportError:
            raise AttributeError(f"module 'gain.special' has no attribute '{name}': SciPy is not installed") from None
    if found is None:
        raise AttributeError(f"module 'gain.special' has no attribute '{name}': it has the universal functions of scipy.special")
    return found
