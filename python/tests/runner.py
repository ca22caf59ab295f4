"""Runs cases in this process: `runner.py MODULE CASES RESULTS`; started plainly, or by `gain run` on every rank. `gain@2` for the module
is a client of two ranks.

CASES is a pickle of source texts. The outcome of each is appended to RESULTS.<rank> as soon as it is known, so that
whoever reads the file after a crash or a deadline knows which case it was.
"""

import importlib
import pickle
import sys
import warnings

import numpy

from cases import parse


def portable(value, np):
    """`value` as builtins and NumPy arrays: the same for NumPy's result and for gain's."""
    if isinstance(value, np.ndarray):
        content = numpy.asarray(value)
        return ("array", value.dtype.str, tuple(value.shape), content)
    if isinstance(value, numpy.ndarray):
        return ("NumPy's array", repr(value))
    if isinstance(value, numpy.generic):
        return ("scalar", value.dtype.str, (), numpy.asarray(value))
    if isinstance(value, (tuple, list)):
        return (type(value).__name__ if not hasattr(value, "_fields") else "tuple", [portable(item, np) for item in value])
    if isinstance(value, (bool, int, float, complex, str, bytes, type(None))):
        return ("builtin", value)
    return ("other", repr(value))


def outcome(source, np):
    """What the case gives: ("value", portable) or ("error", type, text)."""
    names = {"np": np}
    try:
        statements, last = parse(source)
        exec(statements, names)
        return ("value", portable(eval(last, names), np))
    except Exception as error:  # noqa: BLE001 - whatever it raises is the result
        return ("error", type(error).__name__, str(error))


def main(module, cases, results):
    warnings.simplefilter("ignore")
    module, _, served = module.partition("@")
    np = importlib.import_module(module)
    if served:
        np.connect(ranks=int(served))
    with open(cases, "rb") as file:
        sources = pickle.load(file)
    rank = np.rank() if module == "gain" else 0
    with open(f"{results}.{rank}", "wb") as file:
        for number, source in enumerate(sources):
            pickle.dump((number, outcome(source, np)), file)
            file.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
