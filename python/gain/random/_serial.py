"""Methods that have no way of their own: NumPy's generator runs on every rank, a chunk at a time, and each rank keeps its part.

The numbers are NumPy's, and so is the time; memory is a chunk, but for those in `WHOLE`, whose arrays every rank has for a moment.
"""

import functools
import inspect
import math

import numpy

from .._base import OURS, extents
from .._fallback import tell
from .._gain import ndarray
from ._drawing import CHUNK, check_output, chunked, common, is_scalar, plain, wrapped

# A variate is a number.
NUMBERS = (
    "beta binomial chisquare exponential f gamma geometric gumbel hypergeometric integers laplace logistic lognormal logseries negative_binomial "
    "noncentral_chisquare noncentral_f normal pareto poisson power rayleigh randint random_integers standard_cauchy standard_exponential standard_gamma "
    "standard_t tomaxint triangular uniform vonmises wald weibull zipf"
).split()
# A variate is a vector, as long as a parameter.
VECTORS = {"dirichlet": 0, "multinomial": 1, "multivariate_hypergeometric": 0}
# The arithmetic goes through all at once.
WHOLE = ("multivariate_normal",)
# Their words are cut into variates across elements, so that chunks are others.
_NARROW = ("int8", "int16", "uint8", "uint16", "bool")


def tell_of(name, values):
    """Tells of parameters that are gathered, though distributed."""
    tell(f"random.{name}", sum(value.nbytes for value in values if isinstance(value, ndarray) and not value.is_replicated))


def whole(theirs, arguments):
    """What NumPy's method gives, all of it on every rank for a moment."""
    return wrapped(theirs(**arguments))


def method(cls, name):
    """The method `name` of a class of NumPy's for ours."""
    signature = inspect.signature(getattr(cls, name))
    names = list(signature.parameters)[1:]

    @functools.wraps(getattr(cls, name))
    def call(self, *given, **keywords):
        theirs = getattr(self._numpy, name)
        try:
            bound = signature.bind(self, *given, **keywords)
        except TypeError:
            return theirs(*given, **keywords)  # raises what NumPy raises
        bound.apply_defaults()
        arguments = dict(list(bound.arguments.items())[1:])
        return serial(self, name, theirs, names, arguments)

    return call


def into(theirs, arguments, out):
    """NumPy's method with `out=`: an array of ours is written by its part of what comes."""
    if not isinstance(out, OURS):
        return theirs(**arguments)
    check_output(out, arguments["dtype"], arguments["size"], True)
    out[...] = theirs(**arguments | {"out": numpy.empty(out.shape, out.dtype)})
    return out


def serial(self, name, theirs, names, arguments):
    """The call, once its arguments have names."""
    if arguments.get("out") is not None:
        return into(theirs, {key: plain(value) if key != "out" else value for key, value in arguments.items()}, arguments["out"])
    size = arguments["size"]
    split = names.index("size")
    values = [arguments[key] for key in names[:split]]
    rest = {key: arguments[key] for key in names[split + 1:]}
    if size is not None:
        count = math.prod(extents(size))
    else:
        count = 1
    narrow = name in ("integers", "randint") and numpy.dtype(rest["dtype"]).name in _NARROW
    if name in NUMBERS and not is_scalar(*values):
        count = max(count, *(value.size if isinstance(value, OURS) else numpy.size(value) for value in values if value is not None))
    tell_of(name, values)
    if count <= CHUNK or narrow or name in WHOLE:
        return whole(theirs, {key: plain(value) for key, value in arguments.items()})

    if name in VECTORS:
        values = [plain(value) for value in values]
        vector = numpy.asarray(values[VECTORS[name]])
        if vector.ndim != 1 or not is_scalar(*(value for place, value in enumerate(values) if place != VECTORS[name])):
            return whole(theirs, {key: plain(value) for key, value in arguments.items()})
        shape, tail = extents(size), vector.shape
    else:
        if name in ("integers", "randint", "random_integers") and values[1] is None:
            shape, tail = common(size, values[:1]), ()
        else:
            shape, tail = common(size, values), ()

    def function(*now):
        return theirs(**dict(zip(names[:split + 1], now)), **rest)

    return chunked(self, function, values, shape, tail, None)
