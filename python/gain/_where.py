"""Where servers are: what `connect` is told, connection files, and which machine this is.

A server has a random secret, which its clients and ranks know. One that is reached from other machines has a key pair as well; a *token* is
its secret and its public key, so that whoever knows the token also knows the server. A connection file has all that, for its user alone.
"""

import fcntl
import json
import os
import re
import secrets
import socket
import struct
import sys

from . import _gain

__all__ = []

_HOSTS = re.compile(r"[^\s/,:]+(:\d+)?(,[^\s/,:]+(:\d+)?)*")
# What a server that `connect` starts on other machines says of itself, before a line of JSON.
SAID = b"gain-server: "
# The format of connection files.
VERSION = 2


def machine():
    """What tells machines apart: processes of one see each other's Unix sockets and numbers."""
    with open("/proc/sys/kernel/random/boot_id") as file:
        boot = file.read().strip()
    return ".".join([boot, *(str(os.stat(f"/proc/self/ns/{kind}").st_ino) for kind in ("net", "pid"))])


def addresses():
    """By what names this machine may be found by others, the best first."""
    found = [socket.gethostname()]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for _, name in socket.if_nameindex():
            try:
                # SIOCGIFADDR: the IPv4 address of an interface.
                told = fcntl.ioctl(asked, 0x8915, struct.pack("256s", name.encode()[:15]))
            except OSError:
                continue
            found.append(socket.inet_ntoa(told[20:24]))
    near = [one for one in found if one.startswith(("127.", "localhost"))]
    return list(dict.fromkeys([one for one in found if one not in near] + near))


class Server:
    """A server as a client knows it: places `(address, key)`, one of which leads to it, and the secret."""

    def __init__(self, places, secret):
        self.places, self.secret = places, secret

    def open(self):
        """A session, and what the server says of itself."""
        failed = ConnectionError("no address is known of this server")
        for address, key in self.places:
            try:
                return _gain.Session.open(address, key, self.secret)
            except PermissionError:
                raise
            except OSError as error:
                # (Another name may lead there; a server that answers is the one.)
                if isinstance(error, ConnectionRefusedError) or not isinstance(failed, ConnectionRefusedError):
                    failed = error
        try:
            raise failed
        finally:
            # (It refers to this frame.)
            del failed

    def environment(self):
        """What its ranks are told if we start them."""
        (address, _), = self.places
        return {"GAIN_SERVE_ADDRESS": address, "GAIN_SERVE_TOKEN": self.secret.hex()}

    def is_told(self, _):
        """Whether it is known where it is."""
        return True


class _Elsewhere(Server):
    """A server that we start on other machines: where it is it says itself, in what it prints."""

    def __init__(self, name, host):
        super().__init__([(name, b"")], secrets.token_bytes(32))
        self.host, self.is_found = host, False

    def environment(self):
        return super().environment() | {"GAIN_SERVE_LISTEN": "tcp://0.0.0.0:0"}

    def is_told(self, printed):
        if not self.is_found:
            line = next((line for line in printed.read().splitlines(True) if line.startswith(SAID) and line.endswith(b"\n")), None)
            if line is None:
                return False
            told = json.loads(line.removeprefix(SAID))
            near = [(told["address"], b"")] if told["machine"] == machine() else []
            self.places = near + _places(told, self.host)
            self.is_found = True
        return True


def _places(told, host=None):
    key = bytes.fromhex(told["key"])
    return [(f"tcp://{name}:{told['port']}", key) for name in dict.fromkeys(([host] if host else []) + told["hosts"])]


def kind(where):
    """What `connect` is asked for."""
    if where is None:
        return "here"
    text = os.fspath(where)
    if text.startswith("tcp://"):
        return "tcp"
    if "://" in text:
        raise ValueError(f"{text}: servers are found by tcp://, by a connection file, by hosts, or by 'slurm'")
    if text == "slurm":
        return "slurm"
    is_hosts = isinstance(where, str) and _HOSTS.fullmatch(text) and (":" in text or "," in text)
    return "hosts" if is_hosts and not os.path.exists(text) else "file"


def told(path):
    """The server of a connection file, which must be this user's alone: who can write it could have our calls."""
    with open(path) as file:
        status = os.fstat(file.fileno())
        if status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise PermissionError(f"{path} must belong to you, and nobody else may read or write it")
        told = json.load(file)
    if not isinstance(told, dict) or told.get("version") != VERSION:
        raise ConnectionError(f"{path} is of another version of gain")
    if told["machine"] == machine():
        return Server([(told["address"], b"")], bytes.fromhex(told["token"].partition(".")[0]))
    if told["port"] is None:
        raise ConnectionError(f"the server that wrote {path} is on another machine, {told['hosts'][0]}, and was started without --listen")
    return Server(_places(told), bytes.fromhex(told["token"].partition(".")[0]))


def named(address, token):
    """The server at an address, of a token."""
    token = token if token is not None else os.environ.get("GAIN_CONNECT_TOKEN")
    if token is None:
        raise PermissionError(f"connect({address!r}) needs the server's token: token=... or GAIN_CONNECT_TOKEN; it stands in the server's connection file")
    if not re.fullmatch(r"tcp://.+:\d+/?", address):
        raise ValueError(f"{address} is not tcp://host:port")
    secret, key = re.fullmatch(r"([0-9a-f]*)\.?([0-9a-f]*)", token.strip()).groups() if re.fullmatch(r"[0-9a-f.]*", token.strip()) else ("", "")
    if len(secret) % 2 or len(key) != 64:
        raise PermissionError("this is no token of a server that others can reach: the connection file has it, under \"token\"")
    return Server([(address.rstrip("/"), bytes.fromhex(key))], bytes.fromhex(secret))


def started(kind, where, ranks, nodes):
    """The command that starts the ranks, and their server."""
    name = f"gain-server-{os.getpid()}-{secrets.token_hex(8)}"
    serve = [sys.executable, "-m", "gain._server"]
    launch = [sys.executable, "-m", "gain", "run", "--output", "all"]
    count = [] if ranks is None else ["-n", str(int(ranks))]
    if kind == "here":
        count = count or ["-n", str(len(os.sched_getaffinity(0)))]
        return [*launch, *count, *serve], Server([(name, b"")], secrets.token_bytes(32))
    if kind == "hosts":
        first = where.split(",")[0].partition(":")[0].rpartition("@")[2]
        return [*launch, "--hosts", where, *count, *serve], _Elsewhere(name, first)
    count = ["-N", str(int(nodes or 1)), *(count or ["-n", str(int(nodes or 1))])]
    return ["srun", "--mpi=pmi2", *count, *serve], _Elsewhere(name, None)


def write(path, told):
    """The connection file: there all at once, and for this user alone."""
    aside = f"{path}.{os.getpid()}"
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
        json.dump({"version": VERSION} | told, file)
    os.replace(aside, path)
