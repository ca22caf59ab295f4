"""`numpy.fft`: discrete Fourier transforms of distributed arrays.

Lines that a rank has all of are transformed where they are; along an axis that is divided among the ranks elements are exchanged
once in each direction, and one line over several ranks becomes a matrix. Types, norms and errors are NumPy's.
"""

import operator as _operator
import warnings as _warnings

import numpy as _numpy

from . import _gain
from ._base import asarray as _asarray, axes_tuple as _axes_tuple, host as _host
from ._creation import empty as _empty
from ._gain import ndarray as _ndarray
from ._ranges import arange as _arange
from ._repeating import roll as _roll

__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifft2", "ifftn", "ifftshift", "ihfft", "irfft", "irfft2", "irfftn",
    "rfft", "rfft2", "rfftfreq", "rfftn",
]

# Forms of transforms, as `_gain.fourier` has them.
_COMPLEX, _FROM_REAL, _TO_REAL = range(3)
# Types of which a form has something to say.
_OTHERWISE = ("e", "eFD", "e")
_OTHER_WAY = {"backward": "forward", None: "forward", "ortho": "ortho", "forward": "backward"}


def _turned(norm):
    """The norm of the other direction."""
    try:
        return _OTHER_WAY[norm]
    except KeyError:
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".') from None


def _scale(a, n, norm):
    """What a transform of `n` elements is multiplied with, as precise as NumPy has it."""
    if norm is None or norm == "backward":
        return 1.0
    real = _numpy.result_type(_numpy.empty(0, a.dtype).real.dtype, 1.0)
    if norm == "ortho":
        return float(_numpy.reciprocal(_numpy.sqrt(n, dtype=real)))
    if norm == "forward":
        return float(_numpy.reciprocal(n, dtype=real))
    raise ValueError(f'Invalid norm value {norm}; should be "backward","ortho" or "forward".')


def _theirs(form, is_inverse):
    """NumPy's function of this form."""
    return (_numpy.fft.ifft if is_inverse else _numpy.fft.fft, _numpy.fft.rfft, _numpy.fft.irfft)[form]


def _one(a, form, is_inverse, n, axis, norm, out):
    """One transform along one axis."""
    if norm is out is None and type(a) is _ndarray and type(axis) is int and (n is None or type(n) is int):
        if a.dtype.char not in _OTHERWISE[form] and -a.ndim <= axis < a.ndim:
            return _gain.fourier(a, form, is_inverse, n, axis, None)
    a = _asarray(a)
    if n is None:
        n = a.shape[axis]
        n = 2 * (n - 1) if form == _TO_REAL else n
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    scale = _scale(a, n, _turned(norm) if is_inverse else norm)
    n = _operator.index(n)
    axis, = _axes_tuple(axis, a.ndim)
    if form == _FROM_REAL and a.dtype.kind == "c":
        _numpy.fft.rfft(_numpy.zeros(n, a.dtype))  # raises what NumPy raises
    if out is None:
        made = _gain.fourier(a, form, is_inverse, n, axis, scale)
        return made.astype(a.dtype) if form == _TO_REAL and a.dtype.char == "e" else made
    return _into(out, a, form, is_inverse, n, axis, scale)


def _into(out, a, form, is_inverse, n, axis, scale):
    """The same with a place for it."""
    count = n // 2 + 1 if form == _FROM_REAL else n
    if (shape := getattr(out, "shape", None)) is not None and (len(shape) != a.ndim or shape[axis] != count):
        raise ValueError("output array has wrong shape.")
    result = a.shape[:axis] + (count,) + a.shape[axis + 1:]
    if not isinstance(out, _ndarray):
        raise TypeError("return arrays must be of ArrayType")
    real = _numpy.result_type(_numpy.empty(0, a.dtype).real.dtype, 1.0, _numpy.float32)
    dtype = real if form == _TO_REAL else _numpy.result_type(real, 1j)
    if out.shape != result or not _numpy.can_cast(dtype, out.dtype, "same_kind"):
        few = lambda x, shape: _numpy.zeros([min(extent, 2) for extent in shape], x.dtype)
        small = few(a, a.shape)
        # Raises what NumPy raises of a place of another type.
        _theirs(form, is_inverse)(small, small.shape[axis], axis, out=few(out, _theirs(form, is_inverse)(small, small.shape[axis], axis).shape))
        raise ValueError(f"output array has shape {out.shape}, not {result}")
    if not out.flags.writeable:
        raise ValueError("output array is read-only")
    out[...] = _gain.fourier(a, form, is_inverse, n, axis, scale)
    return out


def fft(a, n=None, axis=-1, norm=None, out=None):
    """`numpy.fft.fft`"""
    return _one(a, _COMPLEX, False, n, axis, norm, out)


def ifft(a, n=None, axis=-1, norm=None, out=None):
    """`numpy.fft.ifft`"""
    return _one(a, _COMPLEX, True, n, axis, norm, out)


def rfft(a, n=None, axis=-1, norm=None, out=None):
    """`numpy.fft.rfft`"""
    return _one(a, _FROM_REAL, False, n, axis, norm, out)


def irfft(a, n=None, axis=-1, norm=None, out=None):
    """`numpy.fft.irfft`"""
    return _one(a, _TO_REAL, True, n, axis, norm, out)


def hfft(a, n=None, axis=-1, norm=None, out=None):
    """`numpy.fft.hfft`"""
    a = _asarray(a)
    if n is None:
        n = (a.shape[axis] - 1) * 2
    return irfft(_gain.UFUNCS["conjugate"](a), n, axis, _turned(norm), out)


def ihfft(a, n=None, axis=-1, norm=None, out=None):
    """`numpy.fft.ihfft`"""
    a = _asarray(a)
    if n is None:
        n = a.shape[axis]
    made = rfft(a, n, axis, _turned(norm), out)
    return _gain.UFUNCS["conjugate"](made, out=made)


def _lengths(a, s, axes, to_real=False):
    """The lengths and axes of a transform along several."""
    is_shapeless = s is None
    if is_shapeless:
        try:
            s = a.shape if axes is None else [a.shape[axis] for axis in axes]
        except (IndexError, TypeError):
            s = _numpy.take(a.shape, axes).tolist()  # raises what NumPy raises
    s = list(s)
    if axes is None:
        if not is_shapeless:
            text = (
                "`axes` should not be `None` if `s` is not `None` (Deprecated in NumPy 2.0). In a future version of NumPy, this will "
                "raise an error and `s[i]` will correspond to the size along the transformed axis specified by `axes[i]`. To retain "
                "current behaviour, pass a sequence [0, ..., k-1] to `axes` for an array of dimension k."
            )
            _warnings.warn(text, DeprecationWarning, stacklevel=3)
        axes = list(range(-len(s), 0))
    if len(s) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    if to_real and is_shapeless:
        s[-1] = (a.shape[axes[-1]] - 1) * 2
    if None in s:
        text = (
            "Passing an array containing `None` values to `s` is deprecated in NumPy 2.0 and will raise an error in a future version of "
            "NumPy. To use the default behaviour of the corresponding 1-D transform, pass the value matching the default for its `n` "
            "parameter. To use the default behaviour for every axis, the `s` argument can be omitted."
        )
        _warnings.warn(text, DeprecationWarning, stacklevel=3)
    s = [a.shape[axis] if n == -1 else n for n, axis in zip(s, axes)]
    return s, axes


def _several(a, s, axes, is_inverse, norm, out):
    """Complex transforms along several axes, the last one first."""
    a = _asarray(a)
    s, axes = _lengths(a, s, axes)
    for n, axis in zip(reversed(s), reversed(axes)):
        a = _one(a, _COMPLEX, is_inverse, n, axis, norm, out)
    return a


def fftn(a, s=None, axes=None, norm=None, out=None):
    """`numpy.fft.fftn`"""
    return _several(a, s, axes, False, norm, out)


def ifftn(a, s=None, axes=None, norm=None, out=None):
    """`numpy.fft.ifftn`"""
    return _several(a, s, axes, True, norm, out)


def fft2(a, s=None, axes=(-2, -1), norm=None, out=None):
    """`numpy.fft.fft2`"""
    return _several(a, s, axes, False, norm, out)


def ifft2(a, s=None, axes=(-2, -1), norm=None, out=None):
    """`numpy.fft.ifft2`"""
    return _several(a, s, axes, True, norm, None)


def rfftn(a, s=None, axes=None, norm=None, out=None):
    """`numpy.fft.rfftn`"""
    a = _asarray(a)
    s, axes = _lengths(a, s, axes)
    a = rfft(a, s[-1], axes[-1], norm, out)
    for n, axis in zip(s[-2::-1], axes[-2::-1]):
        a = fft(a, n, axis, norm, out)
    return a


def rfft2(a, s=None, axes=(-2, -1), norm=None, out=None):
    """`numpy.fft.rfft2`"""
    return rfftn(a, s, axes, norm, out)


def irfftn(a, s=None, axes=None, norm=None, out=None):
    """`numpy.fft.irfftn`"""
    a = _asarray(a)
    s, axes = _lengths(a, s, axes, True)
    for n, axis in zip(s[:-1], axes):
        a = ifft(a, n, axis, norm)
    return irfft(a, s[-1], axes[-1], norm, out)


def irfft2(a, s=None, axes=(-2, -1), norm=None, out=None):
    """`numpy.fft.irfft2`"""
    return irfftn(a, s, axes, norm, None)


def _shifted(x, axes, sign):
    """All elements moved by half of their axes."""
    x = _asarray(x)
    if axes is None:
        axes = tuple(range(x.ndim))
        shift = [sign * (extent // 2) for extent in x.shape]
    elif isinstance(axes, (int, _numpy.integer)):
        shift = sign * (x.shape[axes] // 2)
    else:
        shift = [sign * (x.shape[axis] // 2) for axis in axes]
    return _roll(x, shift, axes)


def fftshift(x, axes=None):
    """`numpy.fft.fftshift`"""
    return _shifted(x, axes, 1)


def ifftshift(x, axes=None):
    """`numpy.fft.ifftshift`"""
    return _shifted(x, axes, -1)


def _whole(n):
    if not isinstance(n, (int, _numpy.integer)):
        raise ValueError("n should be an integer")


def _of_type(made, dtype):
    """Frequencies of a type that was asked for."""
    if dtype is None:
        return made
    if _numpy.dtype(dtype).kind != "f":
        raise ValueError(f"dtype must be a real floating-point type, not {_numpy.dtype(dtype)}")
    return made.astype(dtype)


def fftfreq(n, d=1.0, device=None, *, dtype=None):
    """`numpy.fft.fftfreq`; `dtype` is the array API's."""
    _whole(n)
    unit = 1.0 / (n * d)
    _host(device)
    results = _empty(n, int)
    middle = (n - 1) // 2 + 1
    results[:middle] = _arange(0, middle, dtype=int)
    results[middle:] = _arange(-(n // 2), 0, dtype=int)
    return _of_type(results * unit, dtype)


def rfftfreq(n, d=1.0, device=None, *, dtype=None):
    """`numpy.fft.rfftfreq`; `dtype` is the array API's."""
    _whole(n)
    unit = 1.0 / (n * d)
    _host(device)
    return _of_type(_arange(0, n // 2 + 1, dtype=int) * unit, dtype)


# Of which functions of SciPy's this module is a backend: `scipy.fft.set_global_backend(gain.fft)`.
__ua_domain__ = "numpy.scipy.fft"


def __ua_function__(method, args, kwargs):
    """A function of `scipy.fft` of an array of ours; what is of others' arrays, or isn't here, is SciPy's own."""
    function = globals().get(method.__name__) if method.__name__ in __all__ else None
    names = ("x", "axes") if "shift" in method.__name__ else ("x", "n", "axis", "norm", "overwrite_x", "workers")
    if "2" in method.__name__ or method.__name__.endswith("n"):
        names = ("x", "s", "axes", "norm", "overwrite_x", "workers")
    given = dict(zip(names, args), **kwargs)
    if function is None or not isinstance(given.get("x"), _ndarray):
        try:
            import scipy.fft
        except ImportError:
            return NotImplemented
        # (As the global backend there is none behind this one.)
        with scipy.fft.set_backend("scipy", only=True):
            return method(*args, **kwargs)
    if given.pop("plan", None) is not None:
        raise NotImplementedError("Passing a precomputed plan is not yet supported by scipy.fft functions")
    given.pop("overwrite_x", None)
    given.pop("workers", None)
    return function(given.pop("x"), **given)
