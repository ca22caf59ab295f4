"""`numpy.testing`: its functions that compare arrays take ours, without gathering distributed ones as long as they agree.

What differs is gathered for NumPy's message, and that is told (`set_fallback`). Everything else is NumPy's.
"""

import functools
import inspect

import numpy
import numpy.testing as _theirs

from ._base import OURS, asarray, ufuncs
from ._elementwise import isclose
from ._fallback import FallbackError, few
from ._gain import ndarray

__all__ = list(_theirs.__all__)


def _is_spread(x):
    return isinstance(x, ndarray) and not x.is_replicated


def _plain(name, x):
    """Arrays of ours, also within lists and dictionaries, as NumPy's; of distributed ones it is told."""
    if isinstance(x, OURS):
        return few(name, x)
    if type(x) in (list, tuple):
        return type(x)(_plain(name, item) for item in x)
    return {key: _plain(name, item) for key, item in x.items()} if type(x) is dict else x


def _both_nan(x, y):
    return ufuncs["logical_and"](x != x, y != y)


def _equal(x, y, **_):
    return (x == y) | _both_nan(x, y)


def _close(x, y, rtol=1e-7, atol=0, equal_nan=True, **_):
    return isclose(x, y, rtol, atol, equal_nan)


def _almost(x, y, decimal=6, **_):
    return (ufuncs["absolute"](x - y) < 1.5 * 10.0**-decimal) | _equal(x, y)


def _less(x, y, **_):
    return (x < y) | _both_nan(x, y)


def _hold(test, one, two, strict, given):
    """Whether the test holds for all elements, which are distributed."""
    try:
        x, y = asarray(one), asarray(two)
        if x.shape != y.shape and (strict or () not in (x.shape, y.shape)) or strict and x.dtype != y.dtype:
            return False
        with numpy.errstate(all="ignore"):
            return bool(asarray(test(x, y, **given)).all())
    except (TypeError, ValueError):
        return False


def _comparing(name, test):
    """The function of this name, which asks `test` first where distributed arrays are compared."""
    theirs = getattr(_theirs, name)
    signature = inspect.signature(theirs)
    one, two = list(signature.parameters)[:2]

    @functools.wraps(theirs)
    def compare(*arguments, **keywords):
        __tracebackhide__ = True
        bound = signature.bind(*arguments, **keywords)
        given = bound.arguments
        if test is not None and (_is_spread(given[one]) or _is_spread(given[two])):
            options = {key: value for key, value in given.items() if key not in (one, two, "strict", "err_msg", "verbose")}
            if _hold(test, given[one], given[two], given.get("strict", False), options):
                return None
        elif name in ("assert_equal", "assert_almost_equal") and type(given[one]) is type(given[two]):
            # Part by part, as each may be distributed.
            rest = {key: value for key, value in given.items() if key not in (one, two, "err_msg")}
            text = given.get("err_msg", "")
            if type(given[two]) is dict and given[one].keys() == given[two].keys():
                for key, item in given[one].items():
                    compare(item, given[two][key], err_msg=f"key={key!r}\n{text}", **rest)
                return None
            if type(given[two]) in (list, tuple) and len(given[one]) == len(given[two]):
                for place, pair in enumerate(zip(given[one], given[two])):
                    compare(*pair, err_msg=f"item={place!r}\n{text}", **rest)
                return None
        try:
            given[one], given[two] = _plain(name, given[one]), _plain(name, given[two])
        except FallbackError as error:
            raise AssertionError(f"arrays differ, and {error}") from None
        return theirs(*bound.args, **bound.kwargs)

    return compare


for _name, _test in {
    "assert_equal": _equal, "assert_array_equal": _equal, "assert_allclose": _close, "assert_array_almost_equal": _almost,
    "assert_almost_equal": lambda x, y, decimal=7, **_: _almost(x, y, decimal), "assert_array_less": _less,
    "assert_approx_equal": None, "assert_array_almost_equal_nulp": None, "assert_array_max_ulp": None,
}.items():
    globals()[_name] = _comparing(_name, _test)


def assert_array_compare(comparison, x, y, *arguments, **keywords):
    """`numpy.testing.assert_array_compare`"""
    __tracebackhide__ = True
    name = "assert_array_compare"
    return _theirs.assert_array_compare(comparison, _plain(name, x), _plain(name, y), *arguments, **keywords)


def __getattr__(name):
    return getattr(_theirs, name)
