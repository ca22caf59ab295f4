"""What the class `ndarray` calls of the package, and NumPy's dispatch to it."""


import numpy

from . import _elementwise, _gain, _products, _reductions
from ._base import ufuncs
from ._gain import ndarray

# What is a method of ndarray and has no need to be quick.
METHODS = {"clip": _elementwise.clip, "round": _elementwise.round, "std": _reductions.std, "var": _reductions.var}


class Flags:
    """`ndarray.flags`: what there is to know of the layout."""

    def __init__(self, array):
        extents, item = array.shape, array.itemsize

        def consecutive(axes):
            step = item
            for axis in axes:
                if extents[axis] != 1 and array.strides[axis] != step:
                    return False
                step *= extents[axis]
            return True

        axes = range(len(extents))
        self.c_contiguous = array.size == 0 or consecutive(reversed(axes))
        self.f_contiguous = array.size == 0 or consecutive(axes)
        self.owndata = array.base is None
        self.writeable = array.size <= 1 or all(s != 0 or n == 1 for n, s in zip(extents, array.strides))
        self.aligned = True

    def __getitem__(self, name):
        return getattr(self, {"C": "c_contiguous", "F": "f_contiguous", "W": "writeable"}.get(name, name.lower()))

    def __repr__(self):
        return "\n".join(f"  {name.upper()} : {value}" for name, value in vars(self).items())


def iterate(array):
    """Items along the first axis; elements of one axis are read in blocks, not one by one."""
    if array.ndim > 1:
        for i in range(len(array)):
            yield array[i]
    else:
        for start in range(0, len(array), 65536):
            yield from array[start : start + 65536].numpy()


def dispatch_ufunc(ufunc, method, inputs, keywords):
    """NumPy's ufunc on our arrays is ours; an `out` that is NumPy's receives a copy."""
    ours = ufuncs.get(ufunc.__name__)
    if ours is None and method == "__call__":
        ours = _products.PRODUCTS.get(ufunc)
    if ours is None or method not in ("__call__", "reduce"):
        return NotImplemented
    call = ours if method == "__call__" else ours.reduce
    keywords = dict(keywords or {})
    out = keywords.pop("out", None)
    if out is None:
        return call(*inputs, **keywords)
    if all(o is None or isinstance(o, ndarray) for o in out):
        return call(*inputs, out=out if method == "__call__" else out[0], **keywords)
    mask = keywords.pop("where", True)
    made = call(*inputs, **keywords)
    made = made if isinstance(made, tuple) else (made,)
    for target, value in zip(out, made):
        numpy.copyto(target, numpy.asarray(value), where=numpy.asarray(mask))
    return out[0] if len(out) == 1 else out


def dispatch_function(function, arguments, keywords):
    """NumPy's function on our arrays is ours, if there is one of that name."""
    import gain

    if function.__module__ != "numpy" or function.__name__ not in vars(gain):
        return NotImplemented
    return getattr(gain, function.__name__)(*arguments, **keywords)
