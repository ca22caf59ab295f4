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

from . import _calls, _gain, _status, _tasks, _where

# Calls after which cyclic garbage is looked for, on all ranks at the same one.
_COLLECTED = 20_000


class _Session:
    """What the ranks know of a client."""

    def __init__(self, memory):
        self.arrays = {}
        # What they take, of so many bytes that they may.
        self.holding = _gain.Holding(memory)
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

    def __init__(self, seat, memory, teller=None):
        self.seat, self.memory = seat, memory
        # Whom to say what is done, for the page of the server.
        self.teller = teller
        self.names, functions, _ = zip(*_calls.table())
        self.functions = list(functions)
        self.table = _gain.Table(self.functions)
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
            session = self.sessions[number] = _Session(self.memory)
        if session is not self.present:
            self.present = session
            _status.present = session.arrays
            numpy.seterr(**session.errors)
        while True:
            try:
                command = batch.next(self.table, session.holding, session.arrays, session.failed, self.seterr)
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
            message = batch.answer(answer, then, self.table, session.holding, session.arrays)
        except Exception as error:  # noqa: BLE001 - it is the answer, on all ranks
            message = batch.answer((1, _words(error), None), then, self.table, session.holding, session.arrays)
        self.seat.reply(number, then, message)

    def reason(self, session, error):
        """Why arguments could not be had: what failed when they were to be made."""
        text = str(error)
        if isinstance(error, LookupError) and text.startswith("no array "):
            return session.failed.get(int(text.removeprefix("no array ")), error)
        return error


def type_of(warned):
    """The class of a warning, by name."""
    return f"{warned.category.__module__}:{warned.category.__qualname__}"


def _machine():
    """Which machine this rank is on, as far as it concerns sockets; pretended ones are told apart as well."""
    pretended = os.environ.get("GAIN_FAKE_NODES")
    part = f"#{gain.rank() * min(int(pretended), gain.ranks()) // gain.ranks()}" if pretended else ""
    return _where.machine() + part


def _said(mine):
    """What every rank says, by rank. Collective."""
    return [json.loads(told) for told in _gain.everybodys(json.dumps(mine).encode())]


def _seat(given, welcome, is_owned):
    """This rank's end of the connections; and, on rank 0, where clients find it. Collective.

    Ranks of rank 0's machine are connected with it by Unix sockets; of every other machine one rank is, over the network, and the others
    of that with it.
    """
    rank, machines = gain.rank(), _said(_machine())
    mine = [other for other, machine in enumerate(machines) if machine == machines[rank]]
    leaders = sorted({machines.index(machine) for machine in machines})
    seat = beside = told = None
    if rank == 0:
        if is_owned:
            address, secret = os.environ["GAIN_SERVE_ADDRESS"], bytes.fromhex(os.environ["GAIN_SERVE_TOKEN"])
        else:
            address, secret = "gain-server-" + secrets.token_hex(16), secrets.token_bytes(32)
        is_near = len(leaders) == 1
        welcome |= {
            "machine": _where.machine() if is_near else None, "launcher": os.getppid() if is_near else None,
            "grace": 0 if is_owned else given.reattach,
        }
        seat = _gain.Seat.first(
            address, secret, _gain.encoded(welcome), len(mine) - 1 + len(leaders) - 1, given.idle, welcome["grace"], is_owned
        )
        told = {"address": address, "machine": _where.machine(), "token": secret.hex(), "port": None, "key": "", "hosts": _where.addresses()}
        if given.listen or not is_near:
            host, port = _listen(given.listen or "tcp://0.0.0.0:0")
            told["port"], key = _gain.open_to_network(f"{host}:{port}", address)
            told["key"] = key.hex()
            told["token"] += f".{key.hex()}"
            if host not in ("0.0.0.0", "[::]"):
                told["hosts"] = [host]
    elif rank == mine[0] and len(mine) > 1:
        beside = _gain.Beside(f"gain-server-{os.getpid()}-{secrets.token_hex(16)}")
    everybody = _said(told if rank == 0 else beside and beside.address)
    told = everybody[0]
    secret = bytes.fromhex(told["token"].partition(".")[0])
    if rank == 0:
        return seat, told
    if mine[0] == 0:
        places = [(told["address"], b"")]
    elif mine[0] == rank:
        places = [(f"tcp://{host}:{told['port']}", bytes.fromhex(told["key"])) for host in told["hosts"]]
    else:
        places = [(everybody[mine[0]], b"")]
    return _gain.Seat.other(places, secret, beside, len(mine) - 1), told


def _listen(text):
    """`tcp://host:port`: the host and the port."""
    host, _, port = text.removeprefix("tcp://").rpartition(":")
    if not text.startswith("tcp://") or not host or not port.isdigit():
        raise ValueError(f"--listen {text}: it is tcp://host:port; port 0 is any that is free")
    return host, int(port)


def _welcome():
    """What clients are told first."""
    return {"version": gain.__version__, "ranks": gain.ranks(), "names": [name for name, _, _ in _calls.table()]}


def main():
    """Serves until the clients are gone. The environment says where, and to whom, if `connect` starts the ranks."""
    parser = argparse.ArgumentParser(prog="gain serve")
    parser.add_argument("--file")
    parser.add_argument("--idle", type=float, default=0)
    parser.add_argument("--listen", default=os.environ.pop("GAIN_SERVE_LISTEN", None))
    parser.add_argument("--reattach", type=float, default=0)
    parser.add_argument("--memory", type=int, default=1 << 63)
    parser.add_argument("--allow-functions", action="store_true")
    parser.add_argument("--status-port")
    given = parser.parse_args()
    _tasks.begin(given.allow_functions, not given.file)
    # (What it needs takes long to load.)
    teller = importlib.import_module("gain._page").begin(given.status_port) if given.status_port else None
    rank, ranks, path = gain.rank(), gain.ranks(), given.file
    try:
        seat, told = _seat(given, _welcome(), path is None)
    except (OSError, ValueError) as error:
        print(f"gain: rank {rank}: the server can't be started: {error}", file=sys.stderr, flush=True)
        os._exit(1)
    for name in ("GAIN_SERVE_ADDRESS", "GAIN_SERVE_TOKEN"):
        os.environ.pop(name, None)
    if rank == 0 and path:
        _where.write(path, told)
        at = f", also at tcp://{told['hosts'][0]}:{told['port']}" if told["port"] else ""
        print(f"gain: {ranks} rank{'s' * (ranks != 1)} for clients that connect({path!r}){at}", flush=True)
    elif rank == 0 and given.listen:
        print(_where.SAID.decode() + json.dumps({name: told[name] for name in ("address", "machine", "port", "key", "hosts")}), flush=True)
    # Collections come upon all ranks at the same command.
    gc.disable()
    try:
        _Ranks(seat, given.memory, teller).serve()
    except ConnectionError as error:
        print(f"gain: rank {rank}: {error}", file=sys.stderr)
        os._exit(1)
    finally:
        if rank == 0 and path:
            os.unlink(path)


if __name__ == "__main__":
    main()
