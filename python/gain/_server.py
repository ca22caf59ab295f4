"""The ranks of a server: each carries out the calls of all clients, in one order. `python -m gain._server` on every rank.

Rank 0 has the connections (`_gain.Seat`), and answers. Arrays are known by their numbers; a call that fails leaves its exception in
the place of what it would have given, and the next answer tells it.
"""

import gc
import os
import sys
import warnings

import numpy

import gain

from . import _calls, _gain

# Commands after which cyclic garbage is looked for, on all ranks at the same one.
_COLLECTED = 20_000


class _Failed:
    """What stands for an array that a call did not give."""

    def __init__(self, error):
        self.error = error


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

    def __init__(self, seat):
        self.seat = seat
        self.names, functions, _ = zip(*_calls.table())
        self.functions = list(functions)
        self.seterr = self.names.index("floating-point state")
        self.sessions = {}
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
                    self.carry_out(number, batch)
                # (Nothing of it is kept until the next one comes.)
                batch = None

    def carry_out(self, number, batch):
        session = self.sessions.setdefault(number, _Session())
        numpy.seterr(**session.errors)
        while True:
            try:
                command = batch.next(self.functions, session.arrays)
            except ValueError:
                # On all ranks alike: the bytes are the same.
                self.seat.expel(number)
                return
            if command is None:
                return
            function, arguments, keywords, then = command
            if function is None:
                for gone in arguments:
                    session.arrays.pop(gone, None)
                    session.failed.pop(gone, None)
            else:
                self.call(number, session, batch, function, arguments, keywords, then)
            command = arguments = None
            self.done += 1
            if self.done % _COLLECTED == 0:
                gc.collect()

    def call(self, number, session, batch, function, arguments, keywords, then):
        error = result = None
        if keywords is None:
            error = self.reason(session, arguments)
        else:
            try:
                result = self.functions[function](*arguments, **keywords)
                if function == self.seterr:
                    session.errors, result = numpy.geterr(), None
            except Exception as raised:  # noqa: BLE001 - it is the answer
                error = raised.with_traceback(None)
                error.__context__ = error.__cause__ = None
        if isinstance(then, list):
            if error is None and not _gain.keep_results(result, then, session.arrays):
                error = RuntimeError(f"{self.names[function]} gave other arrays than its client expected")
            if error is not None:
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
        self.seat.reply(number, batch.answer(answer, then, self.functions, session.arrays))

    def reason(self, session, error):
        """Why arguments could not be had: what failed when they were to be made."""
        text = str(error)
        if isinstance(error, LookupError) and text.startswith("no array "):
            return session.failed.get(int(text.removeprefix("no array ")), error)
        return error


def type_of(warned):
    """The class of a warning, by name."""
    return f"{warned.category.__module__}:{warned.category.__qualname__}"


def main():
    """Serves until the clients are gone. The environment says where, and to whom."""
    address, token = os.environ.pop("GAIN_SERVE_ADDRESS"), bytes.fromhex(os.environ.pop("GAIN_SERVE_TOKEN"))
    idle = float(os.environ.pop("GAIN_SERVE_IDLE", "0"))
    rank, ranks = gain.rank(), gain.ranks()
    names = [name for name, _, _ in _calls.table()]
    if rank == 0:
        welcome = _gain.encoded({"version": gain.__version__, "ranks": ranks, "names": names})
        seat = _gain.Seat.first(address, token, welcome, ranks - 1, idle)
    gain.barrier()
    if rank != 0:
        seat = _gain.Seat.other(address, token)
    # Collections come upon all ranks at the same command.
    gc.disable()
    try:
        _Ranks(seat).serve()
    except ConnectionError as error:
        print(f"gain: rank {rank}: {error}", file=sys.stderr)
        os._exit(1)


if __name__ == "__main__":
    main()
