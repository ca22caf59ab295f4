"""Starts programs under `gain run`, each with a deadline that ends the whole job."""

import os
import pathlib
import pickle
import signal
import subprocess
import sys
import tempfile
import textwrap

GAIN = pathlib.Path(sys.executable).with_name("gain")
HERE = pathlib.Path(__file__).parent


def end(process):
    """Ends a job: its session, first kindly."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run(arguments, ranks=1, environment=None, deadline=120):
    """Runs `python arguments` on `ranks` ranks (0: without the launcher); the completed process, as text."""
    command = [sys.executable, *map(str, arguments)]
    if ranks:
        command = [str(GAIN), "run", "-n", str(ranks), "--output", "rank0", *command]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(
            command, stdout=out, stderr=err, env={**os.environ, **(environment or {})}, start_new_session=True
        )
        try:
            code = process.wait(deadline)
        except subprocess.TimeoutExpired:
            end(process)
            code = "deadline"
        out.seek(0), err.seek(0)
        return subprocess.CompletedProcess(command, code, out.read(), err.read())


def script(text, ranks=1, environment=None, deadline=60):
    """Runs the Python text on `ranks` ranks."""
    return run(["-c", textwrap.dedent(text)], ranks, environment, deadline)


def results(path):
    """The outcomes one rank wrote, as far as it came."""
    found = {}
    try:
        with open(path, "rb") as file:
            while True:
                number, outcome = pickle.load(file)
                found[number] = outcome
    except (EOFError, FileNotFoundError, pickle.UnpicklingError):
        return found


def outcomes(module, sources, ranks=0, environment=None, runner="runner.py", deadline=120):
    """Runs every case on `ranks` ranks: a list of what each rank had for it.

    A case that ends the job is charged with that ("died", text), and the job goes on behind it.
    """
    done = [None] * len(sources)
    start, restarts = 0, 0
    while start < len(sources):
        with tempfile.TemporaryDirectory() as folder:
            cases, prefix = os.path.join(folder, "cases"), os.path.join(folder, "results")
            with open(cases, "wb") as file:
                pickle.dump(sources[start:], file)
            job = run([HERE / runner, module, cases, prefix], ranks, environment, deadline)
            found = [results(f"{prefix}.{rank}") for rank in range(max(ranks, 1))]
        reached = min(map(len, found))
        for number in range(reached):
            done[start + number] = [outcome[number] for outcome in found]
        start += reached
        if start < len(sources):
            text = f"the job ended ({job.returncode}) in this case: {job.stderr[-1500:]}"
            restarts += 1
            done[start] = [("died", text)]
            start += 1
            if restarts == 40:
                done[start:] = [[("died", "not run: too many cases before it ended their job")]] * (len(sources) - start)
                break
    return done
