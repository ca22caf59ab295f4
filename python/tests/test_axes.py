"""Every function, on arrays of 0 to 9 axes and on views of them: NumPy's values and exceptions, and never a panic."""

import numpy
import pytest

import gain
import jobs

LAYOUTS = {
    "whole": lambda a: a,
    "transposed": lambda a: a.T,
    "stepped": lambda a: a[(slice(None, None, 2),) * a.ndim],
    "reversed": lambda a: a[(slice(None, None, -1),) * a.ndim],
    "part of a transposed": lambda a: a.T[(slice(None, 1),) + (slice(None, None, -1),) * (a.ndim - 1)] if a.ndim else a,
}

# No functions of arrays, or not comparable: the job's, settings, what is in memory by chance.
OTHERS = """abort barrier finalize init rank ranks stats threads threshold can_cast errstate get_printoptions geterr
geterrcall isscalar issubdtype printoptions promote_types set_printoptions seterr seterrcall result_type empty empty_like
array_str array_repr array2string fromfunction group redistribute base_repr binary_repr common_type
format_float_positional format_float_scientific fromiter fromstring isdtype iterable min_scalar_type mintypecode row_stack
typename jit get_fallback set_fallback info ways show_config show_runtime getbufsize setbufsize get_include progress load_hdf5 save_hdf5 load_zarr
save_zarr connect disconnect status load_ipython_extension num_images pfor ppeval sync_all sync_images this_image""".split()


def functions():
    """Names of all functions of the module that take arrays."""
    names = [name for name in dir(gain) if not name.startswith("_") and name not in OTHERS]
    return [name for name in names if callable(getattr(gain, name)) and not isinstance(getattr(gain, name), type)]


def calls(name, array, np):
    """The ways the function is called with this array."""
    function, ndim = getattr(np, name), array.ndim
    if name in PRODUCTS:
        turned = array.swapaxes(-1, -2) if ndim > 1 else array
        yield lambda: function(array, array)
        yield lambda: function(array, turned)
        yield lambda: function(array[..., None], array[..., None, :])
    elif isinstance(function, (numpy.ufunc, gain.ufunc)):
        yield lambda: function(*[array] * function.nin)
        yield lambda: function(*[array[..., None]] * function.nin)
        if name in FOLDING:
            for axis in {None, 0, ndim - 1, ndim // 2}:
                yield lambda axis=axis: function.reduce(array, axis)
    elif name in (
        "concat", "concatenate", "stack", "hstack", "vstack", "dstack", "column_stack", "block"
    ):
        yield lambda: function([array, array])
    elif name in ("array_split", "split", "hsplit", "vsplit", "dsplit", "tile", "repeat", "roll", "pad", "resize", "append"):
        yield lambda: function(array, 2)
        yield lambda: function(array, array if name == "append" else 0 if name == "repeat" else (1, 2))
        if name in ("repeat", "roll", "split", "array_split"):
            yield lambda: function(array, 1, ndim - 1)
        if name == "pad":
            for mode in ("edge", "reflect", "wrap", "linear_ramp", "maximum"):
                yield lambda mode=mode: function(array, 1, mode)
    elif name in ("diagonal", "trace", "rollaxis", "rot90"):
        yield lambda: function(array, 0)
        yield lambda: function(array, 1, *([] if name == "rollaxis" else [(0, 2)] if name == "rot90" else [0, ndim - 1]))
    elif name in ("logspace", "geomspace"):
        yield lambda: function(abs(array) + 1, 2, 3)
    elif name in ("zeros", "ones", "full", "indices", "eye", "identity", "arange", "linspace", "tri"):
        sizes = array.shape if name in ("zeros", "ones", "full", "indices") else (3,)
        yield lambda: function(sizes if len(sizes) != 1 else 3, *([1.5] if name == "full" else [7] if name == "linspace" else []))
    elif name in ("broadcast_to", "reshape"):
        yield lambda: function(array, (2,) + array.shape if name == "broadcast_to" else array.shape[::-1])
        yield lambda: function(array, -1)
    elif name in ("broadcast_shapes",):
        yield lambda: function(array.shape, array.shape[-1:])
    elif name in ("outer", "isclose", "allclose", "array_equal", "full_like", "copyto"):
        if name == "copyto":
            target = array.copy()
            yield lambda: (function(target, -array), target)[1:]
            return
        yield lambda: function(array, array if name != "full_like" else 1)
    elif name in ("where",):
        yield lambda: function(array > 1, array, -array)
    elif name == "clip":
        yield lambda: function(array, 1, 4)
    elif name in ("moveaxis", "swapaxes"):
        yield lambda: function(array, 0, ndim - 1)
    elif name == "unique_values":
        yield lambda: numpy.sort(numpy.asarray(function(array)))  # (in no order that is promised)
    elif name == "expand_dims":
        yield lambda: function(array, ndim // 2)
    else:
        yield lambda: function(array)
        yield lambda: function(array[..., None])
        if name in REDUCTIONS:
            for axis in range(-1, ndim + 1):
                yield lambda axis=axis: function(array, axis=axis)
            yield lambda: function(array, axis=0, keepdims=True)


# What gain reduces with.
FOLDING = """add multiply minimum maximum fmin fmax logical_and logical_or logical_xor bitwise_and bitwise_or
bitwise_xor""".split()
PRODUCTS = "dot inner matmul matvec tensordot vdot vecdot vecmat".split()
REDUCTIONS = "all any amax amin argmax argmin count_nonzero max mean min prod ptp std sum var".split()


def outcome(call):
    """Class of the exception, or the values."""
    try:
        with numpy.errstate(all="ignore"):
            made = call()
        made = made if isinstance(made, (tuple, list)) else (made,)
        return [numpy.asarray(part) for part in made]
    except Exception as error:  # a panic is a BaseException, and ends the test
        return type(error).__name__


def differences(name, ndim, dtype="f8"):
    """What differs from NumPy."""
    extents = ([2, 3, 2, 1, 2, 2, 1, 2, 2])[:ndim]
    plain = (numpy.arange(numpy.prod(extents, dtype=int)) * 7 % 11 - 3).astype(dtype).reshape(extents)
    ours = gain.asarray(plain)
    for layout, view in LAYOUTS.items():
        theirs, mine = calls(name, view(plain), numpy), calls(name, view(ours), gain)
        for number, (their, my) in enumerate(zip(theirs, mine)):
            expected, found = outcome(their), outcome(my)
            if isinstance(expected, str) or isinstance(found, str):
                same = isinstance(expected, str) and isinstance(found, str) and expected == found
            else:
                same = len(expected) == len(found) and all(
                    a.shape == b.shape and numpy.allclose(a, b, rtol=1e-12, atol=1e-12, equal_nan=True)
                    for a, b in zip(expected, found)
                )
            if not same:
                yield f"{name}, {ndim} axes, {layout}, call {number}: {found} instead of {expected}"


@pytest.mark.parametrize("name", functions())
def test_every_function_of_every_number_of_axes(name):
    cases = [("f8", ndim) for ndim in range(10)] + [("i4", ndim) for ndim in (0, 2, 6)]
    wrong = [text for dtype, ndim in cases for text in differences(name, ndim, dtype)]
    assert not wrong, "\n".join(wrong[:8])


@pytest.mark.parametrize("ranks,threshold", [(1, 0), (3, 0)])
def test_on_several_ranks(ranks, threshold):
    done = jobs.script(
        f"""
        import sys; sys.path.insert(0, {str(jobs.HERE)!r})
        import test_axes as t
        for name in t.functions():
            for ndim in (0, 1, 2, 5, 7):
                for text in t.differences(name, ndim): print(text)
        """,
        ranks, {"GAIN_THRESHOLD": str(threshold)}, 120,
    )
    assert done.returncode == 0 and done.stdout == "", done.stdout[:3000] + done.stderr[-3000:]


def test_reductions_that_are_not_there():
    """By type: an exception of NumPy's class and text, where a panic was."""
    for name, dtype, asked in [("bitwise_and", "f8", None), ("bitwise_or", "c16", None), ("bitwise_xor", "f4", None),
                               ("bitwise_and", "i4", float), ("logical_or", "i4", float), ("logical_and", "f8", int)]:
        texts = []
        for np in (numpy, gain):
            with pytest.raises(TypeError) as error:
                getattr(np, name).reduce(np.ones(3, dtype), dtype=asked)
            texts.append(str(error.value))
        assert texts[0] == texts[1]


@pytest.mark.parametrize("exponent", ["-i", "-1", "np.where(i > 2, i, -i)"])
@pytest.mark.parametrize("where", ["i > 2", "i < 0", "False", "True"])
@pytest.mark.parametrize("threshold", [0, 65536])
def test_power_judges_what_is_selected(exponent, where, threshold):
    source = f"i = np.arange(1, 6); made = np.power(i, {exponent}, where={where}, out=i * 0)"
    found = []
    for np in (numpy, gain):
        names = {"np": np}
        try:
            exec(source, names)
            found.append(names["made"].tolist())
        except ValueError as error:
            found.append(str(error))
    assert found[0] == found[1]


@pytest.mark.parametrize("name", ["fmin", "fmax", "minimum", "maximum"])
@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "c8", "c16"])
def test_extremes_of_nothing_but_nans(name, dtype):
    for extents, axis in [((5,), 0), ((3, 4), 0), ((3, 4), 1), ((3, 4), None), ((2, 3, 4), (0, 2)), ((300, 400), 1)]:
        for places in (slice(None), 0, (slice(None), 1) if len(extents) > 1 else 1):
            for initial in ({}, {"initial": 2}):
                a = (numpy.arange(numpy.prod(extents)) % 9999).reshape(extents).astype(dtype)
                a[places] = numpy.nan
                expected = getattr(numpy, name).reduce(a, axis, **initial)
                found = getattr(gain, name).reduce(gain.asarray(a), axis, **initial)
                assert numpy.array_equal(numpy.asarray(found), expected, equal_nan=True), (extents, axis, places)
