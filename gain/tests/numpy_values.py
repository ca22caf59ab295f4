"""What NumPy answers: one line per operation and operand types, read by numpy_values.rs.

    op;input types;inputs in hex;output types;outputs in hex        or        op;input types;;error type;text
"""
import sys

import numpy as np

DTYPES = [
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64", "complex64", "complex128",
]
OPS = sys.argv[1].split(",")
HELPERS = {"real", "imag", "angle"}
FUNCTIONS = {name: getattr(np, name) for name in OPS} | {"clip": np._core.umath.clip}
N = 67  # four chunks and a rest
rng = np.random.default_rng(7)


def values(op, dtype, place):
    d = np.dtype(dtype)
    if d.kind == "b":
        return rng.integers(0, 2, N).astype(bool)
    if d.kind in "iu":
        info = np.iinfo(d)
        if op in ("left_shift", "right_shift") and place == 1:
            return rng.integers(0, 2 * info.bits, N).astype(d)
        if op in ("power", "float_power") and place == 1:
            return rng.integers(0, 9, N).astype(d)
        edges = np.array([0, 1, 2, 3, info.max, info.max - 1, info.min, info.min + 1], d)
        if op == "ldexp":
            return rng.integers(0, 40, N).astype(d)
        if op in ("gcd", "lcm"):
            edges = np.array([0, 1, 12, 18], d)
        small = rng.integers(max(info.min, -20), 20, N).astype(d)
        wide = rng.integers(info.min, info.max, N, dtype=d, endpoint=True)
        x = np.where(rng.random(N) < 0.5, small, wide if op not in ("gcd", "lcm") else small)
        at = rng.permutation(N)[: len(edges)]
        x[at] = edges
        return x
    special = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.5, np.inf, -np.inf, np.nan]
    if d.kind == "f":
        x = rng.normal(0, 4, N)
        if op in ("logaddexp", "logaddexp2"):
            special = special[:7]
        x[rng.permutation(N)[: len(special)]] = special
        return x.astype(d)
    x = rng.normal(0, 2, N) + 1j * rng.normal(0, 2, N)
    exact = "add subtract multiply negative positive conjugate square isnan isinf isfinite equal not_equal".split()
    if op in exact or op.startswith(("less", "greater", "max", "min", "fm", "logical")):
        x[rng.permutation(N)[:5]] = [0, 1, -1j, complex(np.nan, 1), complex(np.inf, 2)]
    return x.astype(d)


def line(op, types):
    f = FUNCTIONS[op]
    inputs = [values(op, t, i) for i, t in enumerate(types)]
    head = f"{op};{','.join(types)};"
    try:
        out = f(*inputs)
    except Exception as error:
        kind = [k.__name__ for k in type(error).__mro__ if k.__module__ == "builtins"][0]
        return f"{head};{kind};{error}"
    outputs = out if isinstance(out, tuple) else (out,)
    if any(o.dtype.name not in DTYPES for o in outputs):
        return None
    ins = ",".join(x.tobytes().hex() for x in inputs)
    return f"{head}{ins};{','.join(o.dtype.name for o in outputs)};{','.join(o.tobytes().hex() for o in outputs)}"


def pairs():
    for a in DTYPES:
        for b in DTYPES:
            yield a, b


with np.errstate(all="ignore"):
    print(np.__version__)
    for name in OPS:
        if name == "where":
            every = (("bool", *pair) for pair in pairs())
        elif name == "clip":
            every = ((a, b, c) for a, b in pairs() for c in ("int8", "float16", b))
        elif name in HELPERS or FUNCTIONS[name].nin == 1:
            every = ((d,) for d in DTYPES)
        else:
            every = pairs()
        for types in every:
            if text := line(name, types):
                print(text)
