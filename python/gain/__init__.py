"""A distributed NumPy: `import gain as np`.

Arrays are spread over the ranks of the job (`gain run -n 4 script.py`) and computed by all threads of each; a plain
`python script.py` is one rank. Operations are recorded and evaluated, fused, when a value is needed. Every function
is collective: all ranks run the same script; only `ndarray.get` and the attributes of an array are not.

dtypes, scalars, constants and exceptions are NumPy's own.
"""

import atexit as _atexit
import gc as _gc
import importlib as _importlib
import os as _os
import sys as _sys

import numpy as _numpy
from numpy import (
    bool_, byte, bytes_, cdouble, character, clongdouble, complex64, complex128, complexfloating, csingle, datetime64, double, dtype,
    dtypes, e, errstate,
    euler_gamma, exceptions, flexible, float16, float32, float64, floating, generic, get_printoptions, geterr, geterrcall, half, inexact,
    inf, int8, int16, int32, int64, int_, intc, integer, intp, isscalar, issubdtype, long, longdouble, longlong, nan, newaxis, number,
    object_, pi, printoptions, promote_types, set_printoptions, seterr, seterrcall, short, signedinteger, single, str_, timedelta64,
    ubyte, uint, uint8, uint16, uint32, uint64, uintc, uintp, ulong, ulonglong, unsignedinteger, ushort, void,
)

from . import _gain, _pictures, _raw
from ._about import *  # noqa: F403
from ._archives import *  # noqa: F403
from ._base import *  # noqa: F403 - the __all__ of these are NumPy's names
from ._binning import *  # noqa: F403
from ._bits import *  # noqa: F403
from ._builtins import builtin as _builtin
from ._callbacks import *  # noqa: F403
from ._coarrays import *  # noqa: F403
from ._connect import *  # noqa: F403
from ._contraction import *  # noqa: F403
from ._conversion import *  # noqa: F403
from ._convolution import *  # noqa: F403
from ._coordinates import *  # noqa: F403
from ._creation import *  # noqa: F403
from ._differences import *  # noqa: F403
from ._distribution import *  # noqa: F403
from ._distribution import local as _local
from ._einsum import *  # noqa: F403
from ._elementwise import *  # noqa: F403
from ._fallback import *  # noqa: F403
from ._files import *  # noqa: F403
from ._fitting import *  # noqa: F403
from ._gain import (
    abort, barrier, finalize, flatiter, init, ndarray, rank, ranks, stats, threads, threshold, ufunc,
)
from ._grids import *  # noqa: F403
from ._histograms import *  # noqa: F403
from ._indexing import *  # noqa: F403
from ._iteration import *  # noqa: F403
from ._jit import *  # noqa: F403
from ._joining import *  # noqa: F403
from ._memory import *  # noqa: F403
from ._nan import *  # noqa: F403
from ._notebook import *  # noqa: F403
from ._padding import *  # noqa: F403
from ._plugins import *  # noqa: F403
from ._polynomials import *  # noqa: F403
from ._ppeval import *  # noqa: F403
from ._pplist import *  # noqa: F403
from ._printing import *  # noqa: F403
from ._products import *  # noqa: F403
from ._profile import *  # noqa: F403
from ._profile import examine as _examine
from ._progress import *  # noqa: F403
from ._quantiles import *  # noqa: F403
from ._ranges import *  # noqa: F403
from ._reductions import *  # noqa: F403
from ._repeating import *  # noqa: F403
from ._scans import *  # noqa: F403
from ._sets import *  # noqa: F403
from ._shapes import *  # noqa: F403
from ._sorting import *  # noqa: F403
from ._special import *  # noqa: F403
from ._splitting import *  # noqa: F403
from ._standard import *  # noqa: F403
from ._statistics import *  # noqa: F403
from ._status import *  # noqa: F403
from ._stores import *  # noqa: F403
from ._tables import *  # noqa: F403
from ._transfer import *  # noqa: F403
from ._triangles import *  # noqa: F403
from ._types import *  # noqa: F403
from ._vectorize import *  # noqa: F403
from ._ways import *  # noqa: F403
from ._ways import instead as _instead
from ._windows import *  # noqa: F403

__version__ = "0.1.0"

# Two of them are functions in NumPy, with more arguments.
globals().update(_gain.UFUNCS | {"angle": angle, "clip": clip})  # noqa: F405
# Second names of the same functions.
for _alias, _name in {
    "abs": "absolute", "conj": "conjugate", "mod": "remainder", "pow": "power", "true_divide": "divide",
    "bitwise_not": "invert", "bitwise_invert": "invert", "bitwise_left_shift": "left_shift",
    "bitwise_right_shift": "right_shift", "acos": "arccos", "asin": "arcsin", "atan": "arctan", "atan2": "arctan2",
    "acosh": "arccosh", "asinh": "arcsinh", "atanh": "arctanh", "bool": "bool_", "amin": "min", "amax": "max",
    "around": "round", "concat": "concatenate", "permute_dims": "transpose",
}.items():
    globals()[_alias] = globals()[_name]
# Methods that are functions, with the array for their first argument.
for _name in ("diagonal", "repeat", "trace"):
    setattr(ndarray, _name, globals()[_name])
ndarray.local, ndarray.plot_distribution, ndarray._repr_html_ = _local, _pictures.plot_distribution, _pictures._repr_html_
for _name, _method in _raw.METHODS.items():
    setattr(ndarray, _name, _method)
globals().update(_builtin(globals()))
# Types that some machines have, under the names of their sizes.
globals().update({_name: getattr(_numpy, _name) for _name in ("complex256", "float128") if hasattr(_numpy, _name)})
# Modules that are loaded when they are asked for.
_MODULES = ("emath", "fft", "lib", "linalg", "polynomial", "random", "special", "starp", "testing", "typing")


def __getattr__(name):
    """Reached for names that are not there, or not yet."""
    if name in _MODULES:
        return _importlib.import_module(f"gain.{name}")
    raise AttributeError(f"module 'gain' has no attribute '{name}'{_instead(name)} ({_gain.PAGE} lists what there is)")


def _leave():
    """At exit the ranks wait for one another, unless this one leaves with an exception: then the launcher ends them."""
    if not hasattr(_sys, "last_value"):
        finalize()


# What this process starts or forks from now on is not its rank, but a job of its own.
if _claim := _gain.claim():
    _os.environ.update([_claim])
_os.register_at_fork(
    before=_gain.before_fork, after_in_parent=_gain.after_fork, after_in_child=_gain.after_fork
)
_atexit.register(_leave)
# It is for this program, not for those that it starts; unless it is the launcher.
_doctor = _os.environ.pop("GAIN_DOCTOR", "")
if _doctor not in ("", "0"):
    _examine()  # (what is registered last is done first)
_gc.callbacks.append(_gain.around_collection)
