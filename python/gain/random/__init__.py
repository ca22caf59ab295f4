"""`numpy.random`: the same numbers for the same seeds, as arrays of `gain`.

Bit generators and seeds are NumPy's. What is large is drawn by all ranks and threads together; the page of random numbers says what of it NumPy
draws on every rank instead. Without a seed everything is seeded alike on all ranks.
"""

from numpy.random import BitGenerator
from numpy.random import MT19937 as _MT19937

from . import _legacy, mtrand
from ._generator import Generator, default_rng
from ._legacy import RandomState
from ._legacy import function as _function
from ._seeding import MT19937, PCG64, PCG64DXSM, SFC64, Philox, SeedSequence

_FUNCTIONS = (
    "beta binomial bytes chisquare choice dirichlet exponential f gamma geometric get_state gumbel hypergeometric laplace logistic lognormal logseries multinomial "
    "multivariate_normal negative_binomial noncentral_chisquare noncentral_f normal pareto permutation poisson power rand randint randn random random_integers "
    "random_sample ranf rayleigh sample set_state shuffle standard_cauchy standard_exponential standard_gamma standard_normal standard_t triangular uniform vonmises "
    "wald weibull zipf"
).split()

__all__ = [
    "BitGenerator", "Generator", "MT19937", "PCG64", "PCG64DXSM", "Philox", "RandomState", "SFC64", "SeedSequence", "default_rng", "get_bit_generator", "mtrand", "seed",
    "set_bit_generator", *_FUNCTIONS,
]

_ALIASES = {"ranf": "random_sample", "sample": "random_sample"}
for _name in _FUNCTIONS:
    globals()[_name] = _function(_ALIASES.get(_name, _name))


def seed(seed=None):
    """`numpy.random.seed`: without a seed collective."""
    state = _legacy.common()
    if isinstance(state._bit_generator, _MT19937):
        return state.seed(seed)
    state._bit_generator.state = type(state._bit_generator)(seed).state


def get_bit_generator():
    """`numpy.random.get_bit_generator`: of the state that the module's functions share."""
    return _legacy.common()._bit_generator


def set_bit_generator(bitgen):
    """`numpy.random.set_bit_generator`"""
    _legacy.common()._initialize_bit_generator(bitgen)
