"""Hosts of the test rig, each with one processor of its own, as figures between nodes are measured on them. Needs root."""

import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RIG = ROOT / "tests" / "rig"
RELEASE = ROOT / "target" / "release"


def words(host, command):
    """The command line that runs a command on a host, on that host's processor."""
    processor = (int(host[1:]) - 1) % os.cpu_count()
    return [str(word) for word in (RIG / "on", host, "taskset", "-c", processor, *command)]


def on(host, command, **keywords):
    """A command under way on a host."""
    return subprocess.Popen(words(host, command), text=True, **keywords)


@contextmanager
def hosts(count):
    """A rig while the block runs; its value is the command line, less the program, that starts one rank on each host."""
    holder = subprocess.Popen([RIG / "rig", "hold", str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        os.environ["RIG"] = holder.stdout.readline().strip()
        os.environ.setdefault("UCX_TLS", "tcp,self")
        with tempfile.TemporaryDirectory() as folder:
            shell = Path(folder) / "rsh"
            shell.write_text(f'#!/bin/sh\nhost=$1; shift\nexec {RIG}/on "$host" taskset -c $(( (${{host#h}} - 1) % {os.cpu_count()} )) sh -c "$*"\n')
            shell.chmod(0o755)
            places = ",".join(f"h{number + 1}:1" for number in range(count))
            yield words("h1", [RELEASE / "gain", "run", "--hosts", places, "--rsh", shell, "-n", count])
    finally:
        holder.stdin.close()
        holder.wait()
