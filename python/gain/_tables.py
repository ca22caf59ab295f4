"""Tables of numbers as text: ranks parse their part of a file, cut at line ends, and write their rows.

Each part is NumPy's to parse and to format, so its options mean what they mean there. A file that is compressed, quoted, or read with options that
concern all of it (names, footers, numbers of rows) is parsed by every rank; so is one in which a rank finds something wrong, for NumPy's own words.
"""

import io
import locale
import os
import pickle
import warnings

import numpy

from . import _gain
from ._base import asarray
from ._creation import array
from ._transfer import beside, first, is_plain, together

__all__ = ["genfromtxt", "loadtxt", "savetxt"]

# Smaller files are parsed by every rank.
SMALL = 1 << 16
# Endings of files that NumPy unpacks.
PACKED = (".gz", ".bz2", ".xz", ".lzma")
# Encodings in which the byte of a line's end is nothing else.
PLAIN = {"ascii", "latin1", "latin-1", "iso-8859-1", "utf-8", "utf8", "bytes"}


def _splits(file, encoding):
    """The name of a file that is cut for the ranks; None of one that isn't."""
    if not isinstance(file, (str, os.PathLike)) or _gain.ranks() == 1:
        return None
    path = os.fspath(file)
    encoding = encoding or locale.getpreferredencoding(False)
    splits = not path.endswith(PACKED) and "://" not in path and str(encoding).lower() in PLAIN
    look = lambda: os.path.isfile(path) and os.path.getsize(path) > SMALL
    return path if splits and first(look) else None


def _part(path, skip):
    """The lines of a file that are this rank's, behind so many that are skipped."""
    ranks, rank = _gain.ranks(), _gain.rank()
    with open(path, "rb") as file:
        for _ in range(skip):
            file.readline()
        begin, end = file.tell(), os.path.getsize(path)

        def border(k):
            """Where the line begins that is the first one from there on."""
            at = begin + (end - begin) * k // ranks
            if at <= begin or at >= end:
                return max(min(at, end), begin)
            file.seek(at - 1)
            file.readline()
            return file.tell()

        start, stop = border(rank), border(rank + 1)
        file.seek(start)
        return file.read(stop - start)


def _read(path, skip, encoding, parse):
    """The table of the ranks' rows; None if a rank finds fault with its own. Collective."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "loadtxt: input contained no data")
            warnings.filterwarnings("ignore", "genfromtxt: Empty input file")
            text = _part(path, skip)
            rows = parse(io.TextIOWrapper(io.BytesIO(text), encoding=None if encoding == "bytes" else encoding)) if text.strip() else None
        mine = (None, None) if rows is None or rows.size == 0 else (rows.shape, rows.dtype)
        wrong = rows is not None and (rows.ndim != 2 or rows.dtype.kind not in "biufc" or rows.dtype.itemsize > 16)
    except Exception:
        mine, wrong = (None, None), True
    told = [pickle.loads(one) for one in _gain.everybodys(pickle.dumps((*mine, wrong)))]
    shapes = [shape for shape, _, _ in told if shape is not None]
    kinds = {(shape[1], dtype) for shape, dtype, _ in told if shape is not None}
    if any(wrong for _, _, wrong in told) or len(kinds) != 1:
        return None
    (width, dtype), = kinds
    before = sum(shape[0] for shape, _, _ in told[:_gain.rank()] if shape is not None)
    mine = b"" if mine[0] is None else numpy.ascontiguousarray(rows).tobytes()
    return _gain.of_parts((sum(shape[0] for shape in shapes), width), dtype, before * width, mine)


def _shaped(a, ndmin, unpack):
    """A table with at least so many axes, those of one element apart."""
    if a.ndim > ndmin:
        a = a.reshape([extent for extent in a.shape if extent != 1])
    if a.ndim < ndmin:
        a = a.reshape(1, -1)[0] if ndmin == 1 else a.reshape(-1, 1).T if a.ndim < 1 else a.reshape(1, -1).T
    return a.T if unpack else a


def loadtxt(
    fname, dtype=float, comments="#", delimiter=None, converters=None, skiprows=0, usecols=None, unpack=False, ndmin=0, encoding=None,
    max_rows=None, *, quotechar=None, like=None,
):
    """`numpy.loadtxt`: ranks parse their part."""
    options = dict(comments=comments, delimiter=delimiter, converters=converters, usecols=usecols)
    path = _splits(fname, encoding) if max_rows is None and quotechar is None and ndmin in (0, 1, 2) and isinstance(skiprows, int) else None
    made = None
    if path is not None:
        parse = lambda text: numpy.loadtxt(text, dtype, ndmin=2, **options)
        made = _read(path, skiprows, encoding, parse)
    if made is not None:
        return _shaped(made, ndmin, unpack)
    whole = lambda: numpy.loadtxt(
        fname, dtype, skiprows=skiprows, unpack=unpack, ndmin=ndmin, encoding=encoding, max_rows=max_rows, quotechar=quotechar, **options
    )
    return array(together(whole))


def genfromtxt(
    fname, dtype=float, comments="#", delimiter=None, skip_header=0, skip_footer=0, converters=None, missing_values=None,
    filling_values=None, usecols=None, names=None, excludelist=None, deletechars=None, replace_space="_", autostrip=False,
    case_sensitive=True, defaultfmt="f%i", unpack=None, usemask=False, loose=True, invalid_raise=True, max_rows=None, encoding=None, *,
    ndmin=0, like=None,
):
    """`numpy.genfromtxt`: ranks parse their part."""
    options = dict(
        comments=comments, delimiter=delimiter, converters=converters, missing_values=missing_values, filling_values=filling_values,
        usecols=usecols, excludelist=excludelist, replace_space=replace_space, autostrip=autostrip, case_sensitive=case_sensitive,
        defaultfmt=defaultfmt, loose=loose, invalid_raise=invalid_raise,
    )
    if deletechars is not None:
        options["deletechars"] = deletechars
    if usemask:
        raise TypeError("gain has no MaskedArray: genfromtxt with usemask=True is numpy.genfromtxt's")
    concerns_all = dtype is None or names or skip_footer or max_rows is not None or ndmin not in (0, 1, 2)
    path = None if concerns_all else _splits(fname, encoding)
    made = None
    if path is not None:
        made = _read(path, skip_header, encoding, lambda text: numpy.genfromtxt(text, dtype, ndmin=2, **options))
    if made is not None:
        return _shaped(made, ndmin, unpack)
    whole = lambda: numpy.genfromtxt(
        fname, dtype, skip_header=skip_header, skip_footer=skip_footer, names=names, unpack=unpack, max_rows=max_rows, encoding=encoding,
        ndmin=ndmin, **options
    )
    made = together(whole)
    return [array(one) for one in made] if isinstance(made, list) else array(made)


def savetxt(fname, X, fmt="%.18e", delimiter=" ", newline="\n", header="", footer="", comments="# ", encoding=None):
    """`numpy.savetxt`: each rank writes its rows."""
    if isinstance(fname, os.PathLike):
        fname = os.fspath(fname)
    if not isinstance(fname, str) and not hasattr(fname, "write"):
        raise ValueError("fname must be a string or file handle")
    X = asarray(X).force()
    _gain.barrier()
    if X.ndim not in (1, 2):
        raise ValueError(f"Expected 1D or 2D array, got {X.ndim}D array instead")
    ranks, rank = _gain.ranks(), _gain.rank()

    def text():
        """This rank's rows; the first has the header, the last the footer."""
        rows = X.get(slice(len(X) * rank // ranks, len(X) * (rank + 1) // ranks))
        made = io.StringIO(newline="")
        numpy.savetxt(made, rows, fmt, delimiter, newline, "" if rank else header, footer if rank == ranks - 1 else "", comments)
        return made.getvalue()

    mine = together(text)
    if isinstance(fname, str) and not fname.endswith(PACKED):
        coded = together(mine.encode, encoding or locale.getpreferredencoding(False))
        if newline == "\n" and os.linesep != "\n":
            coded = coded.replace(b"\n", os.linesep.encode())
        lens = [int(one) for one in _gain.everybodys(str(len(coded)).encode())]

        def write(descriptor):
            at, rest = sum(lens[:rank]), memoryview(coded)
            while rest:
                count = os.pwrite(descriptor, rest, at)
                at, rest = at + count, rest[count:]

        return beside(fname, sum(lens), write)
    whole = "".join(one.decode() for one in _gain.everybodys(mine.encode()))

    def write_packed():
        with numpy.lib.npyio.DataSource().open(fname, "wt", encoding=encoding) as file:
            file.write(whole)

    def write_to(file):
        try:
            file.write(whole)
        except TypeError:
            file.write(whole.encode(encoding or "latin1"))

    if isinstance(fname, str):
        return first(write_packed)
    is_shared = together(lambda: is_plain(getattr(fname, "buffer", fname)))
    if is_shared:
        first(write_to, fname)
        fname.seek(0, 2)
    else:
        together(write_to, fname)
