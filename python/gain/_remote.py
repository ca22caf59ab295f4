"""`connect`: the module's functions drive a server of ranks, where the arrays are.

While a session is on, the functions of the table (`_calls`) are replaced in all modules of the package, and methods of the classes, by
ones that run here over arrays of which shape and type alone are known, and are sent (`_gain.call`).
"""

import atexit
import functools
import importlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import types
import warnings

import numpy

from . import _calls, _gain, _shared, _where
from ._gain import ndarray

__all__ = []

_HERE = str(pathlib.Path(__file__).parent)
# The session that is on.
_session = None
# Seconds within which a server that this process starts is there.
_PATIENCE = 120


def modes():
    """What to do about floating-point exceptions, as far as it travels: functions of the client's are not called by ranks."""
    return {kind: mode if mode in ("ignore", "raise") else "warn" for kind, mode in numpy.geterr().items()}


def lost(why):
    """What to say of a server that is gone."""
    return _session.told(why) if _session else why


def exception(words):
    """The exception that the ranks raised."""
    name, text, notes = words
    module, _, qualname = name.partition(":")
    cls = None
    if module == "builtins" or module.partition(".")[0] in ("numpy", "gain"):
        cls = functools.reduce(lambda found, part: getattr(found, part, None), qualname.split("."), sys.modules.get(module))
    if not (isinstance(cls, type) and issubclass(cls, Exception)):
        cls = RuntimeError
    made = cls.__new__(cls, text)
    try:
        made.__init__(text)
    except TypeError:
        # One that is made of other things than its text.
        cls = next(base for base in cls.__mro__ if base.__module__ == "builtins")
        made = cls(text)
    for note in notes:
        made.add_note(note)
    return made


def warn(warned):
    """Tells the warnings of the ranks, at the program's line."""
    frame, level = sys._getframe(1), 2
    while frame is not None and frame.f_code.co_filename.startswith(_HERE):
        frame, level = frame.f_back, level + 1
    for name, text in warned:
        module, _, qualname = name.partition(":")
        cls = getattr(sys.modules.get(module), qualname, None)
        if not (isinstance(cls, type) and issubclass(cls, Warning)):
            cls = RuntimeWarning
        warnings.warn(text, cls, stacklevel=level)


def _wrapper(at, original, arity=None):
    """A function that calls the table's function at this place."""
    call = _gain.call
    if arity == 1:
        def wrapper(a):
            return call(at, (a,))
    elif arity == 2:
        def wrapper(a, b):
            return call(at, (a, b))
    else:
        def wrapper(*arguments, **keywords):
            return call(at, arguments, keywords or None)
    for name in ("__name__", "__qualname__", "__doc__", "__module__"):
        value = getattr(original, name, None)
        if isinstance(value, str):
            setattr(wrapper, name, value)
    if not isinstance(original, types.WrapperDescriptorType):
        wrapper.__wrapped__ = original
    return wrapper


class _Patches:
    """What is replaced while a session is on. Made once."""

    def __init__(self):
        # Modules that are loaded when they are asked for: what they take from others they take before it is replaced.
        for name in sys.modules["gain"]._MODULES:
            importlib.import_module(f"gain.{name}")
        # (module or class, name, original, replacement)
        self.places = []
        table, wrappers, properties = [], {}, {}
        for at, (name, original, place) in enumerate(_calls.table()):
            if callable(original) and place is None and not isinstance(original, type) and not hasattr(original, "nin"):
                wrapper = _wrapper(at, original)
                if name in ("elements.taken", "elements.given"):
                    setattr(self, name.rpartition(".")[2], wrapper)
                elif original not in (numpy.seterr, _calls.elements):
                    wrappers[id(original)] = (original, wrapper)
            elif place is None:
                wrapper = original
            else:
                cls, attribute, kind = place
                arity = {"get": 1, "set": 2}.get(kind)
                if isinstance(original, types.WrapperDescriptorType) and attribute not in ("__call__", "__pow__", "__rpow__", "__ipow__", "__setitem__"):
                    arity = 1 if original.__text_signature__ == "($self, /)" else 2
                wrapper = _wrapper(at, original, arity)
                if attribute == "resize":
                    wrapper = _resize_of(wrapper)
                if cls is ndarray and attribute in ("numpy", "__array__", "tobytes"):
                    wrapper = _read_of(attribute, wrapper)
                if kind == "method":
                    self.places.append((cls, attribute, vars(cls)[attribute], wrapper))
                else:
                    properties.setdefault((cls, attribute), {})[kind] = wrapper
            asked = _calls.is_asked(name.rpartition(".")[2].partition(" ")[0])
            table.append((original, wrapper, asked))
        for (cls, attribute), kinds in properties.items():
            own = vars(cls)[attribute]
            getter = kinds.get("get") or own.__get__
            setter = kinds.get("set") or getattr(own, "__set__", None)
            self.places.append((cls, attribute, own, property(getter, setter)))
        for name in ("__array_struct__", "__array_interface__"):
            own = vars(ndarray).get(name)
            if own is not None:
                self.places.append((ndarray, name, own, property(_memory(own))))
        # These go through what is replaced, and are no calls of their own.
        self.places.append((ndarray, "get", vars(ndarray)["get"], _get))
        own_format = vars(ndarray)["__format__"]
        self.places.append((ndarray, "__format__", own_format, _format_of(own_format)))
        self.places.append((_gain, "own_elements", _gain.own_elements, lambda array: (0, array.numpy().reshape(-1))))
        gain = sys.modules["gain"]
        self.places.append((gain, "ranks", gain.ranks, lambda: _session.ranks))
        self.places.append((ndarray, "__iter__", vars(ndarray)["__iter__"], _iterate))
        own_next = vars(_gain.flatiter)["__next__"]
        self.places.append((_gain.flatiter, "__next__", own_next, _next_of(own_next)))
        for module in [module for name, module in sorted(sys.modules.items()) if name.partition(".")[0] == "gain"]:
            if module.__name__ in ("gain._remote", "gain._calls", "gain._server"):
                continue
            for name, value in list(vars(module).items()):
                if id(value) in wrappers and wrappers[id(value)][0] is value:
                    self.places.append((module, name, value, wrappers[id(value)][1]))
        _gain.remote_table(table)

    def put(self):
        for where, name, _, replacement in self.places:
            setattr(where, name, replacement)

    def take_back(self):
        for where, name, original, _ in self.places:
            setattr(where, name, original)


def _memory(descriptor):
    """An attribute that shows the memory of an array, which one on a server hasn't."""
    def get(array):
        if _gain.remote_number(array):
            raise AttributeError("the elements of this array are on a server")
        return descriptor.__get__(array)

    return get


def _get(array, key=None):
    """`a.get(key)`: what is read is there, since all ranks read it together."""
    part = array if key is None else array[key]
    return part.numpy() if isinstance(part, ndarray) else numpy.asarray(part)


def _iterate(array):
    """`iter(a)`: views; of one axis elements, read in blocks, and again once something was recorded."""
    if array.ndim == 0:
        raise TypeError("iteration over a 0-d array")
    return _views(array) if array.ndim > 1 else _elements(array)


def _views(array):
    for at in range(len(array)):
        yield array[at]


def _elements(array):
    at, block, start, recorded, ahead = 0, (), 0, None, 64
    while at < len(array):
        now = _session.recorded if _session else None
        if now != recorded or at - start >= len(block):
            ahead = 1 if recorded is not None and now != recorded else min(8 * ahead, 1 << 16)
            block, start = array[at:at + ahead].numpy(), at
            recorded = _session.recorded if _session else None
        yield block[at - start]
        at += 1


def _format_of(own):
    def formatted(array, specification):
        return format(array.item(), specification) if array.ndim == 0 else own(array, specification)

    return formatted


def uploaded(arguments):
    """The arguments, with arrays of the ranks in the place of large arrays of NumPy's."""
    way = _session.way
    return tuple(way.upload(one) if type(one) is numpy.ndarray and one.nbytes > way.little and one.dtype.kind in "biufc" else one for one in arguments)


def _read_of(name, sent):
    """What reads all elements: large arrays come another way."""
    def elements(array, *arguments, **keywords):
        if not _gain.remote_number(array) or array.nbytes <= _session.way.little:
            return sent(array, *arguments, **keywords)
        is_fortran = array.flags.fnc
        made = _session.way.download(array.T if is_fortran else array)
        made = made.T if is_fortran else made
        if name == "tobytes":
            return made.tobytes(*arguments, **keywords)
        return made if name == "numpy" else numpy.asarray(made, *arguments, **{key: value for key, value in keywords.items() if key == "dtype"})

    return elements


def _resize_of(sent):
    def resize(array, *shape, refcheck=True):
        # (A name of the caller's, one here, and one of the count itself. The ranks don't count.)
        is_shared = sys.getrefcount(array) > 3
        sent(array, *shape, refcheck=bool(refcheck) and is_shared)

    return resize


def _next_of(own):
    def following(flat):
        if not _gain.remote_number(flat.base):
            return own(flat)
        at = flat.index
        if at >= flat.base.size:
            raise StopIteration
        item = flat[at]
        flat._go_to(at + 1)
        return item

    return following


@functools.cache
def _patches():
    return _Patches()


class Session:
    """A connection to a server of ranks; `connect` makes it. A context manager: at its end the session is over.

    `ranks` is how many there are. Arrays of the session are lost when it is over.
    """

    def __init__(self, server, process=None, errors=None):
        self._process, self._errors = process, errors
        patches = _patches()
        self._link, welcome = server.open()
        self.ranks, self.version = welcome["ranks"], welcome["version"]
        self._grace = welcome["grace"]
        places = {name: number for number, name in enumerate(welcome["names"])}
        own = places["array of elements"], places["floating-point state"]
        self._link.know([places.get(name) for name, _, _ in _calls.table()], *own)
        is_near = welcome["machine"] == _where.machine()
        self.way = _shared.Way(welcome["launcher"] if is_near else None, patches.taken, patches.given)
        self._is_open = True
        self._patches = patches

    @property
    def recorded(self):
        """A number that changes with every call that is sent."""
        return self._link.recorded

    def told(self, why):
        """Why the server is lost, and with it what was there."""
        said = ""
        if self._process is not None:
            try:
                self._process.wait(2)
            except subprocess.TimeoutExpired:
                pass
            said = self._said()
        if self._is_open and self._link.may_come_back and self._grace:
            return f"{why}; for {self._grace:g} s the ranks keep the arrays of this session for its reattach()"
        return f"{why}; the arrays of this session are lost" + (f"\n{said}" if said else "")

    def _said(self):
        self._errors.seek(0)
        return self._errors.read()[-4000:].decode(errors="replace").strip()

    def reattach(self):
        """Connects again once the connection is lost: the session goes on, with all its arrays and calls. The answer that was waited for is
        not had; ask again.
        """
        if not self._is_open:
            raise RuntimeError("this session is over")
        if not self._link.may_come_back:
            raise ConnectionError("the ranks of this machine are gone, and the arrays of this session with them")
        try:
            self._link.come_back()
        except FileNotFoundError:
            raise ConnectionError("the session is over, and its arrays are lost: the ranks have waited long enough, or are others") from None
        except OSError as error:
            raise ConnectionError(f"the server isn't found: {error}") from None

    def _enter(self):
        global _session
        if _session is not None:
            _session._link.leave()
        else:
            self._patches.put()
        _session = self
        self._link.enter()

    def close(self):
        """Ends the session. A server that `connect` started ends, too."""
        global _session
        if not self._is_open:
            return
        self._is_open = False
        self._link.close()
        if _session is self:
            _session = None
            self._patches.take_back()
        if self._process is not None:
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.terminate()
                self._process.wait()
            self._process.stdin.close()
            self._errors.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __repr__(self):
        return f"<gain session with {self.ranks} rank{'s' * (self.ranks != 1)}{'' if self._is_open else ', over'}>"


def _launch(command, server):
    """Starts a server, and connects with it."""
    errors = tempfile.TemporaryFile()
    # (Its standard input ends with this process: then it waits for nobody.)
    process = subprocess.Popen(command, env=os.environ | server.environment() | {"GAIN_SERVE_PATH": os.pathsep.join(sys.path)}, stdin=subprocess.PIPE, stdout=errors, stderr=errors, start_new_session=True)
    patience = time.monotonic() + _PATIENCE
    try:
        while True:
            errors.seek(0)
            if server.is_told(errors):
                try:
                    return Session(server, process, errors)
                except (ConnectionRefusedError, ConnectionResetError):
                    pass
            if process.poll() is not None or time.monotonic() > patience:
                errors.seek(0)
                said = errors.read().decode(errors="replace").strip()
                raise ConnectionError(f"the ranks did not start\n{said}")
            time.sleep(0.003)
    except BaseException:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdin.close()
        errors.close()
        raise


def connect(where, ranks, nodes, token):
    """`gain.connect`"""
    if _session is not None:
        raise RuntimeError("there is a session already: disconnect() first")
    if _gain.ranks() > 1:
        raise RuntimeError("connect() is for a process by itself: this one is a rank of a job")
    kind = _where.kind(where)
    if kind in ("file", "tcp") and (ranks or nodes) is not None:
        raise TypeError("how many ranks a server has was said when it was started")
    if nodes is not None and kind != "slurm":
        raise TypeError("nodes are asked for with connect('slurm', nodes=...)")
    if token is not None and kind != "tcp":
        raise TypeError("a token is for connect('tcp://host:port', token=...)")
    if kind in ("file", "tcp"):
        server = _where.told(where) if kind == "file" else _where.named(where, token)
        try:
            session = Session(server)
        except ConnectionRefusedError:
            raise ConnectionError(f"there is no server any more that wrote {where}" if kind == "file" else f"nobody listens at {where}") from None
    else:
        session = _launch(*_where.started(kind, where, ranks, nodes))
    session._enter()
    return session


def disconnect():
    """`gain.disconnect`"""
    if _session is not None:
        _session.close()


def _forked():
    global _session
    if _session is not None:
        _session._is_open = False
        _session._patches.take_back()
        _session = None
    _gain.leave_sessions()


atexit.register(disconnect)
os.register_at_fork(after_in_child=_forked)
