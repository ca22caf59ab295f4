"""The table of what a client of a server may call: public functions of the package, methods of its arrays, and the functions in
Rust beneath them. Client and ranks make it alike; names are what they tell each other.
"""

import functools
import importlib
import types

import numpy

from . import _gain, _shared, _status, _tasks
from ._builtins import Builtin
from ._creation import array as _array
from ._gain import ndarray

__all__ = []

_MODULES = ("gain", "gain.linalg", "gain.fft", "gain.special", "gain.emath", "gain.lib.stride_tricks", "gain.lib.array_utils")
# What concerns this process, what follows from shapes and types alone, and what writes texts (of elements that it asks for).
_OWN = set("""
    connect disconnect Session
    init rank threads threshold finalize abort stats around_collection claim before_fork after_fork launch
    ranks call remote_table remote_number in_session leave_sessions encoded stance warn quietly extents memory_order element_name
    set_group write_own read_own read_from_neighbour write_to_neighbour open_to_neighbour open_to_network own_elements of_parts everybodys over
    ndim shape size result_type can_cast min_scalar_type common_type mintypecode iscomplexobj isrealobj isscalar issubdtype broadcast_shapes
    promote_types isfortran iterable typename shares_memory may_share_memory
    array_repr array_str array2string set_printoptions get_printoptions printoptions format_float_positional format_float_scientific
    seterr geterr seterrcall geterrcall setbufsize getbufsize errstate base_repr binary_repr
    ways test show_config show_runtime info get_include set_string_function test_fallback local get_fallback
    nested_iters vectorize frompyfunc fromregex
    ppeval pfor plugin coarray sync_all sync_images this_image num_images profile profile_begin profile_end status load_ipython_extension
""".split())
# What the server alone knows.
_ASKED = {"evaluate", "of_ranks", "begin_profile", "end_profile", "barrier", "taken", "given", "set_fallback", "is_replicated", "blocks", "distribution"}
_OWN_ATTRIBUTES = set("""
    __class_getitem__ __dir__ __doc__ __module__ __new__ __init__ __getattr__ __getattribute__ __setattr__ __delattr__ __repr__ __str__
    __format__ __iter__ __len__ __hash__ __array_function__ __array_ufunc__ __array_finalize__ __array_priority__ __array_namespace__
    __reduce__ __reduce_ex__ __getstate__ __sizeof__ __array_struct__ __array_interface__ __array_wrap__ __dlpack__ __dlpack_device__
    base get data ctypes device shape ndim size itemsize nbytes dtype strides flags flat _memory _recorded_at _repr_html_ plot_distribution local
    __dict__ __weakref__ dump dumps to_device _become
""".split())
# Attributes that can be set, which changes the array.
_SET = ("shape", "dtype", "strides", "real", "imag", "flat")


def _is_function(value):
    return isinstance(value, (types.FunctionType, types.BuiltinFunctionType, Builtin, functools.partial)) and not isinstance(value, type)


def _is_method(value):
    return isinstance(value, (types.WrapperDescriptorType, types.MethodDescriptorType, types.FunctionType))


def functions():
    """`{name: object}` of functions and ufuncs, each once, in an order that is the same everywhere."""
    found, met = {}, set()
    ufuncs = (_gain.ufunc, type(importlib.import_module("gain").matmul))
    for place in (*_MODULES, "gain._gain"):
        module = importlib.import_module(place)
        for name, value in sorted(vars(module).items()):
            is_ours = (getattr(value, "__module__", None) or "gain").startswith("gain") or place == "gain._gain"
            is_listed = not name.startswith("_") and name not in _OWN and getattr(value, "__name__", name) not in _OWN
            if id(value) in met or not is_listed or not (isinstance(value, ufuncs) or _is_function(value) and is_ours):
                continue
            met.add(id(value))
            found[f"{place}.{name}"] = value
    return found


def _own_set(name, descriptor):
    def assign(array, value):
        descriptor.__set__(array, value)

    assign.__name__ = name
    return assign


def attributes():
    """`{(class, attribute, kind): function}` of what the classes have, where kind is "method", "get" or "set"."""
    found = {}
    gufunc = type(importlib.import_module("gain").matmul)
    for cls in (ndarray, _gain.ufunc, gufunc, _gain.flatiter):
        for name, value in sorted(vars(cls).items()):
            if name in _OWN_ATTRIBUTES or cls is not ndarray and name.startswith("_") and name not in ("__call__", "__getitem__", "__setitem__", "__array__"):
                continue
            if cls is not ndarray and not _is_method(value):
                continue
            if cls in (_gain.ufunc, gufunc) and name == "resolve_dtypes":
                continue
            if _is_method(value):
                found[cls, name, "method"] = value
            elif isinstance(value, (types.GetSetDescriptorType, property)):
                found[cls, name, "get"] = value.__get__
    for name in _SET:
        found[ndarray, name, "set"] = _own_set(name, vars(ndarray)[name])
    return found


def elements(theirs):
    """What an array of a client's process is on a server."""
    return _array(theirs)


def is_asked(name):
    """Whether the server alone has the answer."""
    return name in _ASKED


@functools.cache
def table():
    """`[(name, original, place)]`: everything that may be called; the place is None for functions, else (class, attribute, kind)."""
    listed = [(name, value, None) for name, value in functions().items()]
    for (cls, name, kind), value in attributes().items():
        listed.append((f"{cls.__name__}.{name} {kind}", value, (cls, name, kind)))
    return listed + [
        ("array of elements", elements, None), ("floating-point state", numpy.seterr, None),
        ("elements.taken", _shared.take, None), ("elements.given", _shared.give, None),
        ("tasks.evaluate", _tasks.evaluate, None), ("status.of_ranks", _status.of_ranks, None),
        ("status.begin_profile", _status.begin_profile, None), ("status.end_profile", _status.end_profile, None),
    ]
