"""The examples of NumPy's docstrings, run by NumPy and by gain: `docstrings.py [NAME...]`; the exit code says whether any differ.

Each statement is run by both, and what it prints must be the same, whatever the docstring says of it. What is about elements, classes or modules that aren't
here is left out by its text, and what differs on purpose by the name of the function.
"""

import contextlib
import doctest
import io
import re
import sys
import warnings

import numpy

import gain

CLASSES = "ndarray ufunc poly1d nditer flatiter broadcast ndindex vectorize finfo polynomial.Polynomial polynomial.Chebyshev".split()
MODULES = [
    "lib.stride_tricks", "lib.array_utils", "emath", "polynomial",
    *(f"polynomial.{name}" for name in ("polynomial", "chebyshev", "legendre", "hermite", "hermite_e", "laguerre")),
]
# Statements that are about other things than arrays of numbers.
APART = re.compile(
    r"matplotlib|plt\.|timeit|%|\bfig\b|ax\.|datetime|timedelta|busday|M8|memmap|\.tofile|fromfile|dtype=\[\(|\('x', int\)|np\.rec|np\.ma\b|matrix|bmat|chararray|object|'[SU]\d|"
    r"dtype=.U|id\(|np\.info|np\.test|show_config|\bsave|loadtxt|genfromtxt|ctypes|np\.load|newbyteorder|0o|names\)|surnames|b'ceg'|\('[a-z]', |None\)|'A string'|'[abc]', '|np\.typing|npt|"
    r"__array_namespace_info__|np\.r_\['r'|NDArrayInt|TypeVar|polyutils|ZoneInfo|assert not|_umath_linalg"
)
# Functions with examples whose outcome is not to be the same.
UNLIKE = {
    "empty": "memory as it is", "empty_like": "memory as it is", "ndarray": "memory as it is", "ndarray.setflags": "memory here is aligned", "partition": "order within parts",
    "ufunc.types": "our types", "ufunc.ntypes": "our types", "cumsum": "rounding", "cumulative_sum": "rounding", "mean": "rounding", "std": "rounding", "var": "rounding",
    "polynomial.polynomial.polyfit": "rounding", "seterr": "one state for both", "seterrcall": "one state for both", "i0": "one state for both", "typing": "types of arguments",
    "polyfit": "rounding", "polynomial.Polynomial._fit": "rounding", "unique_values": "in order", "ndarray.partition": "order within parts", "argpartition": "order within parts",
    "ndarray.byteswap": "bytes in the machine's order", "isreal": "texts", "unique": "texts", "isin": "sets", "datetime_data": "dates", "polynomial.polynomial.polydomain": "memory as it is",
    "polynomial.chebyshev.chebinterpolate": "rounding", "fromfile": "files", "__array_namespace_info__": "not here", "array": "matrix", "datetime_as_string": "dates", "lexsort": "texts", "vander": "rounding",
}


def printed(source, names):
    """What a statement prints, or raises."""
    out, shown = io.StringIO(), sys.displayhook
    sys.displayhook = lambda value: None if value is None else print(repr(value))
    try:
        with contextlib.redirect_stdout(out), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(source, "<example>", "single"), names)
    except Exception as error:  # noqa: BLE001 - an example may be of an error
        print(f"{type(error).__name__}: {error}", file=out)
    finally:
        sys.displayhook = shown
    text = re.sub(r"\b(gain|numpy)\.", "", out.getvalue())
    return re.sub(r"0x[0-9a-f]+", "0x", re.sub(r"\s+", " ", text)).strip()


def documented():
    """Name -> docstring with examples, each once."""
    found = {}
    places = [("", numpy, numpy.__all__)]
    for path in CLASSES + MODULES:
        place = numpy
        for part in path.split("."):
            place = getattr(place, part)
        places.append((f"{path}.", place, getattr(place, "__all__", None) or dir(place)))
    for prefix, place, names in places:
        for name in sorted(names):
            text = getattr(getattr(place, name, None), "__doc__", None)
            if isinstance(text, str) and ">>>" in text and text not in found.values():
                found[prefix + name] = text
    return found


def differences(name, text):
    """Each example of a docstring that differs."""
    try:
        examples = doctest.DocTestParser().get_examples(text)
    except ValueError:
        return
    theirs, mine = {"np": numpy, "numpy": numpy}, {"np": gain, "numpy": gain}
    for module in (numpy, gain):
        module.random.seed(1)
    for example in examples:
        source = example.source
        if APART.search(source) or APART.search(example.want):
            continue
        want = printed(source, theirs)
        source = re.sub(r"import numpy(?! as np)(\.[\w.]+ as)", r"import gain\1", source)
        source = re.sub(r"import numpy as np\b|\bimport numpy\b(?!\.)", "pass", source)
        got = printed(re.sub(r"from numpy(\.[\w.]+)? import", r"from gain\1 import", source), mine)
        if got != want:
            yield f"{name}\n>>> {example.source}numpy: {want}\ngain:  {got}\n"


def main(*names):
    gain.set_fallback("silent")
    for module in (numpy.random, gain.random):
        module.default_rng = lambda seed=1, made=module.default_rng: made(seed)
    wrong = [text for name, doc in documented().items() if (not names or name in names) and (names or name not in UNLIKE) for text in differences(name, doc)]
    print("\n".join(wrong))
    sys.exit(f"{len(wrong)} examples differ" if wrong else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
