"""Compiled kernels on disk: a second run of a program reads what the first one compiled.

A file is named after all that its content follows from: the syntax tree, what global names mean, the kinds of arguments, `strict`, this build of the module, and the
processor. It is written beside and renamed, so that nobody sees half of one, and begins with a digest of the rest: what isn't whole is as if it weren't there. It has
machine code; so the folder has to be this user's, and nobody else may write to it.

`GAIN_CACHE_DIR` says where (empty: nowhere), else `XDG_CACHE_HOME` or `~/.cache`, with `gain` in it.
"""

import contextlib
import functools
import hashlib
import json
import os
import stat
import threading

from . import _gain

__all__ = []

# Files that are kept; the oldest go.
MOST = 4096


def folder():
    """Where kernels are kept; None if nowhere."""
    place = os.environ.get("GAIN_CACHE_DIR")
    if place == "":
        return None
    if place is None:
        home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        if not os.path.isabs(home):
            return None
        place = os.path.join(home, "gain")
    return os.path.join(place, "kernels")


@functools.cache
def _stamp():
    """This build of the module, and the processor."""
    found = os.stat(_gain.__file__)
    return f"{found.st_size} {found.st_mtime_ns} {_gain.jit_processor()}"


def _digest(*parts):
    digest = hashlib.blake2b(digest_size=20)
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode()
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest


def key(tree, meanings, kinds, strict):
    """The name of a kernel's file."""
    return _digest(tree, json.dumps(sorted(meanings.items())), kinds, str(strict), _stamp()).hexdigest()


def load(name):
    """What is kept under this name, or None."""
    place = folder()
    if place is None:
        return None
    try:
        if not _is_ours(place):
            return None
        with open(os.path.join(place, name), "rb") as file:
            data = file.read()
    except OSError:
        return None
    digest, content = data[:20], data[20:]
    return content if digest == _digest(name, content).digest() else None


def store(name, content):
    """Keeps it, if that can be done."""
    place = folder()
    if place is None:
        return
    part = os.path.join(place, f"{name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        os.makedirs(place, mode=0o700, exist_ok=True)
        if not _is_ours(place):
            return
        with open(part, "wb") as file:
            file.write(_digest(name, content).digest() + content)
        os.replace(part, os.path.join(place, name))
        _prune(place)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(part)


def kinds_of(tree):
    """Kinds of arguments that a function was called with in earlier runs."""
    content = load(_digest("kinds", tree).hexdigest())
    return json.loads(content) if content else []


def note(tree, kinds):
    """Notes kinds that it was called with."""
    known = kinds_of(tree)
    if kinds not in known:
        store(_digest("kinds", tree).hexdigest(), json.dumps([*known, kinds][-16:]).encode())


def _is_ours(place):
    found = os.stat(place)
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _prune(place):
    names = os.listdir(place)
    if len(names) <= MOST:
        return
    files = [os.path.join(place, name) for name in names]

    def age(path):
        try:
            return os.stat(path).st_mtime
        except OSError:
            return 0

    for path in sorted(files, key=age)[: len(files) - MOST + MOST // 8]:
        with contextlib.suppress(OSError):
            os.unlink(path)
