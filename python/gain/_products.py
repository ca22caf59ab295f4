"""NumPy's products: of vectors, matrices and stacks of them."""

import math
import operator

import numpy

from . import _gain
from ._base import OURS, asarray, ndim, ufuncs
from ._gain import ndarray, quietly
from ._shapes import expand_dims, moveaxis

__all__ = ["dot", "inner", "matmul", "matvec", "outer", "tensordot", "vdot", "vecdot", "vecmat"]


# Methods of ufuncs that products don't have, as NumPy says of each.
_METHODS = "accumulate", "at", "outer", "reduce", "reduceat"


class gufunc:
    """A product with the keywords of NumPy's ufuncs. What is wrong with a call, NumPy is asked to say."""

    def __init__(self, name, signature):
        # Versions of NumPy without this product are asked about the one that all have.
        self._ours, self._numpys = getattr(_gain, name), getattr(numpy, name, numpy.matmul)
        self.__name__, self.__doc__, self.signature = name, f"`numpy.{name}`", signature
        inputs, output = signature.split("->")
        # How many of the last axes of each operand, and of the result, are the product's own.
        self._own = [len([n for n in part.split(",") if n]) for part in inputs.strip("()").split("),(")]
        self._own.append(len([n for n in output.strip("()").split(",") if n]))

    def __call__(self, *arguments, **keywords):
        if len(arguments) == 2 and not keywords:
            return self._ours(*arguments)
        stances = {_gain.stance(x) for x in arguments}
        if "overrides" in stances or "subclass" in stances or "refuses" in stances:
            return self._numpys(*arguments, **keywords)  # which asks their classes
        return self._with(arguments, keywords)

    def __repr__(self):
        return f"<ufunc '{self.__name__}'>"

    def __reduce__(self):
        return self.__name__

    def __getattr__(self, name):
        if name in ("nin", "nout", "nargs", "ntypes", "types", "identity", "__signature__", *_METHODS):
            return getattr(self._numpys, name)
        raise AttributeError(f"'{self.__name__}' has no attribute '{name}'")

    def _with(self, arguments, keywords):
        """A call with `out` or keywords."""
        out = keywords.get("out")
        if len(arguments) == 3 and "out" not in keywords:
            *arguments, out = arguments
        if isinstance(out, tuple) and len(out) == 1:
            out = out[0]
        keywords = {key: value for key, value in keywords.items() if key != "out"}
        if len(arguments) != 2 or not (out is None or isinstance(out, ndarray)):
            if not isinstance(out, numpy.ndarray):
                hollow = (_hollow(asarray(a)) for a in arguments)
                self._numpys(*hollow, *([] if out is None else [out]))  # raises what NumPy raises
            raise TypeError("return arrays must be of ArrayType")
        if out is not None and not out.flags.writeable:
            raise ValueError("output array is read-only")
        first, second = map(asarray, arguments)
        try:
            return self._product(first, second, out, **keywords)
        except (TypeError, ValueError, IndexError):
            asked = dict(keywords) if out is None else dict(keywords, out=numpy.empty(out.shape, out.dtype))
            self._numpys(_hollow(first), _hollow(second), **asked)  # raises what NumPy raises
            raise

    def _product(
        self, first, second, out, *, axes=None, axis=None, keepdims=False, dtype=None, signature=None,
        casting="same_kind", order="K", subok=True,
    ):
        own = list(self._own)
        if self.__name__ == "matmul":
            own = [min(first.ndim, 2), min(second.ndim, 2)]
            own.append(own[0] + own[1] - 2 if all(own) else 0)
        if dtype is not None:
            if signature is not None:
                raise TypeError("dtype and signature")
            signature = (None, None, numpy.dtype(dtype))
        elif isinstance(signature, str):
            signature = tuple(map(numpy.dtype, signature.replace("->", "")))
        types = (first.dtype, second.dtype, None if out is None else out.dtype)
        given = {} if signature is None else {"signature": signature}
        types = self._numpys.resolve_dtypes(types, casting=casting, **given)
        first, second = first.astype(types[0], copy=False), second.astype(types[1], copy=False)
        vectors = own == [1, 1, 0]
        if (axis is not None or keepdims) and not vectors or axis is not None and axes is not None:
            raise TypeError("axis and keepdims are for sums along one axis, axes excludes axis")
        if axis is not None:
            axes = [operator.index(axis)] * (3 if keepdims else 2)
        own[2] += bool(keepdims)
        if axes is None:
            axes = [tuple(range(-n, 0)) for n in own]
        else:
            axes = [(operator.index(entry),) if n == 1 and not isinstance(entry, tuple) else entry
                    for entry, n in zip(axes, own)]
            if len(axes) == 2 and (own[2] == 0 or keepdims):
                axes.append(tuple(range(-own[2], 0)))
            if [len(entry) for entry in axes] != own:
                raise ValueError("an entry of axes has not as many numbers as the product has axes")
            first, second = _last(first, axes[0]), _last(second, axes[1])
        made = self._ours(first, second)
        if keepdims:
            made = expand_dims(asarray(made), -1)
        if axes[2] not in ((), (-1,), (-2, -1)):
            made = moveaxis(made, tuple(range(-own[2], 0)), axes[2])
        if out is None:
            return made
        extents = numpy.shape(made) if not isinstance(made, ndarray) else made.shape
        fits = numpy.broadcast_shapes(extents, out.shape) == out.shape
        if not fits or any(extents[i] != out.shape[i] for i in axes[2]):
            raise ValueError("out has another shape")
        out[...] = made
        return out


def _last(a, axes):
    """A view with these axes at the end."""
    return moveaxis(a, axes, tuple(range(-len(axes), 0))) if axes else a


def _hollow(a):
    """A NumPy array of this type and shape that takes no memory."""
    return numpy.broadcast_to(numpy.zeros((), a.dtype), a.shape)


matmul = gufunc("matmul", "(n?,k),(k,m?)->(n?,m?)")
matvec = gufunc("matvec", "(m,n),(n)->(m)")
vecdot = gufunc("vecdot", "(n),(n)->()")
vecmat = gufunc("vecmat", "(n),(n,m)->(m)")


def dot(a, b, out=None):
    """`numpy.dot`"""
    if out is None:
        if ndim(a) == 0 and ndim(b) == 0 and not isinstance(a, OURS) and not isinstance(b, OURS):
            return numpy.dot(a, b)
        return _gain.dot(a, b)
    return asarray(a).dot(b, out)


def vdot(a, b, /):
    """`numpy.vdot`"""
    a, b = asarray(a).ravel(), asarray(b).ravel()
    if a.size != b.size:
        raise ValueError(f"cannot reshape array of size {b.size} into shape ({a.size},)")
    return quietly((a.conj() if a.dtype.kind == "c" else a).dot, b)  # as NumPy, which doesn't look


def inner(a, b, /):
    """`numpy.inner`"""
    a, b = asarray(a), asarray(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    return a.dot(b if b.ndim == 1 else b.swapaxes(-1, -2))


def outer(a, b, out=None):
    """`numpy.outer`"""
    made = ufuncs["multiply"](asarray(a).ravel()[:, None], asarray(b).ravel()[None], *([] if out is None else [out]))
    return made if out is not None or type(made) is ndarray else made.view(ndarray)


def tensordot(a, b, axes=2):
    """`numpy.tensordot`: sums over pairs of axes, as the product of two matrices."""
    try:
        left, right = axes
    except TypeError:
        left, right = range(-axes, 0), range(axes)
    left, right = ([axis] if ndim(axis) == 0 else list(axis) for axis in (left, right))
    if len(set(left)) != len(left) or len(set(right)) != len(right):
        raise ValueError("duplicate axes are not allowed in tensordot")
    a, b = asarray(a), asarray(b)
    if len(left) != len(right) or any(a.shape[i] != b.shape[j] for i, j in zip(left, right)):
        raise ValueError("shape-mismatch for sum")
    left, right = [i % a.ndim for i in left], [j % b.ndim for j in right]
    rows = [i for i in range(a.ndim) if i not in left]
    columns = [j for j in range(b.ndim) if j not in right]
    inside = math.prod(b.shape[j] for j in right)
    shape = [[a.shape[i] for i in rows], [b.shape[j] for j in columns]]
    first = a.transpose(rows + left).reshape(math.prod(shape[0]), inside)
    second = b.transpose(right + columns).reshape(inside, math.prod(shape[1]))
    return first.dot(second).reshape(shape[0] + shape[1])
