"""What moves between ranks and files: what all ranks do together, lines of progress, files that replace others.

A file that is written under a name is written beside it, and takes the name when all of it is there: an interrupted program leaves
the old one. Whatever goes wrong on a rank is an error on all of them, the first rank's that has one.
"""

import contextlib
import errno
import io
import os
import pickle
import stat
import sys

from . import _gain
from ._progress import bar

__all__ = []

# Bytes that one rank moves at a time where it moves all.
PIECE = 1 << 24


def packed(value):
    """A value as bytes for other processes; with `cloudpickle`, where a program has loaded it, that may be of any class."""
    return getattr(sys.modules.get("cloudpickle"), "dumps", pickle.dumps)(value)


def portable(error):
    """The exception if other processes can have it, else a RuntimeError that says what it says."""
    try:
        pickle.loads(packed(error))
    except Exception:
        told = RuntimeError(f"{type(error).__name__}: {error}")
        for note in getattr(error, "__notes__", ()):
            told.add_note(note)
        return told
    return error


def together(work, *arguments):
    """What `work` gives here, once it went well on all ranks; else the error of the first on which it didn't. Collective."""
    done = error = None
    try:
        done = work(*arguments)
    except Exception as caught:
        error = caught
    if _gain.ranks() > 1:
        told = b"" if error is None else packed(portable(error))
        for rank, other in enumerate(_gain.everybodys(told)):
            if other:
                raise error if rank == _gain.rank() else pickle.loads(other)
    elif error is not None:
        raise error
    return done


def first(work, *arguments):
    """What `work` gives on the first rank alone, told to all. Collective."""
    done = together(lambda: work(*arguments) if _gain.rank() == 0 else None)
    return pickle.loads(_gain.everybodys(pickle.dumps(done))[0]) if _gain.ranks() > 1 else done


def moved(what, len_bytes, work):
    """Calls `work` with what is told of the bytes that were moved."""
    tell = bar(what, len_bytes, True)
    try:
        return work(tell)
    finally:
        if tell:
            tell.end()


def share(len_bytes):
    return len_bytes // _gain.ranks()


def is_plain(file):
    """Whether this is a file of the operating system that may be written anywhere."""
    if not isinstance(file, (io.FileIO, io.BufferedReader, io.BufferedWriter, io.BufferedRandom)):
        return False
    try:
        mode = os.fstat(file.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(mode) and "a" not in file.mode


def path_of(file, ending=""):
    """The name of a file, with this ending if it has none."""
    path = os.fspath(file)
    path = os.fsdecode(path) if isinstance(path, bytes) else path
    return path if path.endswith(ending) else path + ending


def _begin(path, len_bytes):
    """The file that a path names, and a new one of so many bytes beside it, or the same where it is no plain file."""
    target = os.path.realpath(path)
    if os.path.exists(target) and not os.path.isfile(target):
        return target, target
    part = f"{target}.part-{os.getpid()}"
    mode = stat.S_IMODE(os.stat(target).st_mode) if os.path.exists(target) else None
    if mode is not None and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        if mode is not None:
            os.fchmod(descriptor, mode)
        if len_bytes:
            os.posix_fallocate(descriptor, 0, len_bytes)
    except OSError as error:
        os.unlink(part)
        raise named(error, path) from None
    finally:
        os.close(descriptor)
    return target, part


def named(error, path):
    """An error of the operating system with the path that the program knows."""
    return OSError(error.errno, os.strerror(error.errno), path) if error.errno else error


@contextlib.contextmanager
def replacing(path, len_bytes=0):
    """The name of a new file of so many bytes, which becomes `path` when the block ends well, and is gone when it doesn't. Collective."""
    target, part = first(_begin, path, len_bytes)
    try:
        yield part
    except BaseException:
        if _gain.rank() == 0 and part != target:
            os.unlink(part)
        raise
    if part != target:
        first(os.replace, part, target)


def written(part, path, write):
    """Calls `write` on each rank with the descriptor of the file `part`, which the program knows as `path`. Collective."""
    def fill():
        try:
            descriptor = os.open(part, (os.O_RDWR if os.path.isfile(part) else os.O_WRONLY) | os.O_CLOEXEC)
            try:
                write(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise named(error, path) from None

    together(fill)


def beside(path, len_bytes, write):
    """Writes a file of so many bytes next to `path`, and gives it that name; `write` gets its descriptor on each rank. Collective."""
    with replacing(path, len_bytes) as part:
        written(part, path, write)
