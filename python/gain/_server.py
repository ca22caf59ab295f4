"""The ranks of a server: each carries out the calls of all clients, in one order. `python -m gain._server` on every rank, which
`connect` and `gain serve` start.

Rank 0 has the connections (`_gain.Seat`), and answers. Arrays are known by their numbers; a call that fails leaves its exception in
the place of what it would have given, and the next answer tells it.
"""

import argparse
import gc
import importlib
import json
import os
import secrets
import sys
import warnings

import numpy

import gain

from . import _calls, _gain, _status, _tasks

# Calls after which cyclic garbage is looked for, on all ranks at the same one.
_COLLECTED = 20_000


class _Session:
    """What the ranks know of a client."""

    def __init__(self):
        self.arrays = {}
        self.failed = {}
        # The first failure that no answer has told, and its function.
        self.untold = None
        self.errors = numpy.geterr()


def _words(error):
    """An exception as it travels: its class, its text, its notes."""
    cls = type(error)
    return f"{cls.__module__}:{cls.__qualname__}", str(error), list(getattr(error, "__notes__", ()))


class _Ranks:
    """What one rank does."""

    def __init__(self, seat, teller=None):
        self.seat = seat
        # Whom to say what is done, for the page of the server.
        self.teller = teller
        self.names, functions, _ = zip(*_calls.table())
        self.functions = list(functions)
        self.seterr = self.names.index("floating-point state")
        self.sessions = {}
        # The one whose floating-point state is set, and calls since garbage was looked for.
        self.present = None
        self.done = 0

    def serve(self):
        """Until the server ends."""
        with warnings.catch_warnings(record=True) as self.warned:
            warnings.simplefilter("always")
            while True:
                what, number, batch = self.seat.next()
                if what == "end":
                    return
                if what == "closed":
                    self.sessions.pop(number, None)
                    gc.collect()
                else:
                    self.tell(f"calls of session {number}")
                    self.carry_out(number, batch)
                self.tell("")
                # (Nothing of it is kept until the next one comes.)
                batch = None

    def tell(self, what):
        """Says what is done from now on."""
        if self.teller:
            self.teller.clients = len(self.sessions)
            self.teller.tell(what, sum(len(session.arrays) for session in self.sessions.values()))

    def carry_out(self, number, batch):
        session = self.sessions.get(number)
        if session is None:
            session = self.sessions[number] = _Session()
        if session is not self.present:
            self.present = session
            _status.present = session.arrays
            numpy.seterr(**session.errors)
        while True:
            try:
                command = batch.next(self.functions, session.arrays, session.failed, self.seterr)
            except ValueError:
                # On all ranks alike: the bytes are the same.
                self.seat.expel(number)
                return
            if command is None:
                break
            self.call(number, session, batch, *command)
            command = None
        self.done += batch.done
        if self.done >= _COLLECTED:
            self.done = 0
            gc.collect()

    def call(self, number, session, batch, function, arguments, keywords, then):
        error = result = None
        if keywords is None:
            error = self.reason(session, arguments)
            error.__traceback__ = error.__context__ = error.__cause__ = None
        elif function == self.seterr:
            numpy.seterr(**keywords)
            session.errors = numpy.geterr()
            return
        else:
            self.tell(self.names[function].removesuffix(" method"))
            try:
                result = self.functions[function](*arguments, **keywords)
            except Exception as raised:  # noqa: BLE001 - it is the answer
                error = raised.with_traceback(None)
                error.__context__ = error.__cause__ = None
        if isinstance(then, list):
            session.failed.update((name, error) for name in then if name)
            session.untold = session.untold or (error, self.names[function])
            return
        if session.untold and session.untold[0] is not error:
            error, name = session.untold
            error.add_note(f"raised by an earlier call, {name}, which the ranks carried out later; what it would have given is lost")
        session.untold = None
        warned = [(type_of(one), str(one.message)) for one in self.warned] or None
        self.warned.clear()
        answer = (0, result, warned) if error is None else (1, _words(error), warned)
        try:
            message = batch.answer(answer, then, self.functions, session.arrays)
        except Exception as error:  # noqa: BLE001 - it is the answer, on all ranks
            message = batch.answer((1, _words(error), None), then, self.functions, session.arrays)
        self.seat.reply(number, message)

    def reason(self, session, error):
        """Why arguments could not be had: what failed when they were to be made."""
        text = str(error)
        if isinstance(error, LookupError) and text.startswith("no array "):
            return session.failed.get(int(text.removeprefix("no array ")), error)
        return error


def type_of(warned):
    """The class of a warning, by name."""
    return f"{warned.category.__module__}:{warned.category.__qualname__}"


def _place(path):
    """The address and the token of a server, which rank 0 makes up and all ranks know."""
    mine = json.dumps(["gain-server-" + secrets.token_hex(16), secrets.token_hex(32)]) if gain.rank() == 0 else ""
    address, token = json.loads(_gain.everybodys(mine.encode())[0])
    return address, bytes.fromhex(token), path


def _write(path, address, token):
    """The connection file: there all at once, and for this user alone."""
    aside = f"{path}.{os.getpid()}"
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
        json.dump({"version": 1, "address": address, "token": token.hex()}, file)
    os.replace(aside, path)


def main():
    """Serves until the clients are gone. The environment says where, and to whom, if `connect` starts the ranks."""
    parser = argparse.ArgumentParser(prog="gain serve")
    parser.add_argument("--file")
    parser.add_argument("--idle", type=float, default=0)
    parser.add_argument("--allow-functions", action="store_true")
    parser.add_argument("--status-port")
    given = parser.parse_args()
    _tasks.begin(given.allow_functions, not given.file)
    # (What it needs takes long to load.)
    teller = importlib.import_module("gain._page").begin(given.status_port) if given.status_port else None
    if given.file:
        address, token, path = _place(given.file)
    else:
        address, token, path = os.environ.pop("GAIN_SERVE_ADDRESS"), bytes.fromhex(os.environ.pop("GAIN_SERVE_TOKEN")), None
    rank, ranks = gain.rank(), gain.ranks()
    names = [name for name, _, _ in _calls.table()]
    if rank == 0:
        welcome = _gain.encoded({"version": gain.__version__, "ranks": ranks, "names": names})
        seat = _gain.Seat.first(address, token, welcome, ranks - 1, given.idle, path is None)
    gain.barrier()
    if rank != 0:
        seat = _gain.Seat.other(address, token)
    elif path:
        _write(path, address, token)
        print(f"gain: {ranks} rank{'s' * (ranks != 1)} for clients that connect({path!r})", flush=True)
    # Collections come upon all ranks at the same command.
    gc.disable()
    try:
        _Ranks(seat, teller).serve()
    except ConnectionError as error:
        print(f"gain: rank {rank}: {error}", file=sys.stderr)
        os._exit(1)
    finally:
        if rank == 0 and path:
            os.unlink(path)


if __name__ == "__main__":
    main()
