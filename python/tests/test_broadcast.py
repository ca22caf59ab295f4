"""`gain run --broadcast-imports`: programs see the same modules, and ranks other than the first hardly ask the file system for them."""

import os
import re
import shutil
import subprocess
import sys
import textwrap

import pytest

import jobs

NODES = {"GAIN_FAKE_NODES": "2", "GAIN_TRANSPORT": "ucx", "UCX_TLS": "tcp,self"}


def ran(program, *arguments, ranks=3, environment=None, before=(), options=("--broadcast-imports",)):
    """The program's own arguments behind it."""
    command = [*before, str(jobs.GAIN), "run", "-n", str(ranks), "--output", "all", "--timeout", "60", *options, sys.executable, *program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHON": sys.executable} | (environment or {}), timeout=90)


PROGRAM = """
    import sys
    import own.inner, own.without.deep
    import numpy, gain
    import inspect, json, decimal
    assert own.inner.VALUE == 7 and own.inner.__file__.endswith("inner.py") and own.inner.__package__ == "own"
    assert own.without.deep.NAME == "own.without.deep" and own.without.__spec__.submodule_search_locations
    assert "VALUE = 7" in inspect.getsource(own.inner)
    assert numpy.linalg.inv(2 * numpy.eye(3))[0, 0] == 0.5
    assert numpy.random.default_rng(1).random() == numpy.random.Generator(numpy.random.PCG64(1)).random()
    x = gain.arange(1000.0)
    assert float(x.sum()) == 499500
    # Modules of one rank alone; one that isn't there; one with an error in it.
    if gain.rank() == gain.ranks() - 1:
        import fractions
        assert fractions.Fraction(1, 2) * 2 == 1
    for name, kind in (("own.nothing", ModuleNotFoundError), ("nothing", ModuleNotFoundError), ("own.broken", SyntaxError)):
        try:
            __import__(name)
            raise SystemExit("imported " + name)
        except kind:
            pass
    try:
        own.inner.fail()
    except ZeroDivisionError:
        import traceback
        assert "1 / 0" in traceback.format_exc()
    finder = type(next(one for one in sys.meta_path if getattr(one, "__name__", type(one).__name__) in ("Finder", "PathFinder"))).__name__
    print(gain.rank(), sys.argv[1:], __name__, finder if gain.rank() else "-", flush=True)
"""


@pytest.fixture
def folder(tmp_path):
    """A program and modules beside it."""
    (tmp_path / "own/without").mkdir(parents=True)
    (tmp_path / "own/__init__.py").write_text("")
    (tmp_path / "own/inner.py").write_text("VALUE = 7\n\n\ndef fail():\n    return 1 / 0\n")
    (tmp_path / "own/without/deep.py").write_text("NAME = __name__\n")
    (tmp_path / "own/broken.py").write_text("def\n")
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM))
    return tmp_path


@pytest.mark.parametrize("ranks, environment", [(1, {}), (3, {}), (2, NODES)])
def test_a_program_sees_the_same_modules(folder, ranks, environment):
    done = ran([folder / "program.py"], "a", "b", ranks=ranks, environment=environment)
    assert done.returncode == 0, done.stderr
    kinds = ["-" if rank == 0 else "Finder" for rank in range(ranks)]
    assert sorted(done.stdout.splitlines()) == [f"{rank} ['a', 'b'] __main__ {kind}" for rank, kind in enumerate(kinds)]


def test_modules_and_texts_are_programs_too(folder):
    environment = {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}
    done = ran(["-m", "program"], "c", ranks=2, environment=environment)
    assert done.returncode == 0 and sorted(done.stdout.splitlines())[1] == "1 ['c'] __main__ Finder", done.stderr
    done = ran(["-c", "import sys, gain; print(gain.rank(), sys.argv); sys.exit(gain.rank() and 3)"], "d", ranks=2)
    assert done.returncode == 3 and "1 ['-c', 'd']" in done.stdout
    assert ran(["-O", folder / "program.py"], ranks=2).returncode != 0
    assert "is for Python programs" in subprocess.run([str(jobs.GAIN), "run", "-n", "2", "--broadcast-imports", "true"], capture_output=True, text=True).stderr


CALLS = re.compile(r"^(?:\d+ +)?(openat|open|stat|lstat|newfstatat|statx|access|faccessat2?|readlink|readlinkat)\(")


def test_other_ranks_ask_the_file_system_for_little(folder):
    """The calls of each rank from the program's first line on, with and without; and of files that may be shared, from before the runtime starts on.
    (`newfstatat` of an open file has no name, and asks nobody where that is.)"""
    strace = shutil.which("strace")
    if not strace or subprocess.run([strace, "-o", "/dev/null", "true"], capture_output=True).returncode:
        pytest.skip("strace is not installed, or may not be used here: nothing is counted")
    program = folder / "count.py"
    program.write_text("import os\nos.access('/begin', 0)\nimport numpy, gain, json, decimal, own.inner\nx = float(gain.arange(10.0).sum())\nos.access(f'/end/{gain.rank()}', 0)\n")

    def counted(mark, *options):
        traces = folder / "traces"
        shutil.rmtree(traces, ignore_errors=True)
        traces.mkdir()
        before = [strace, "-ff", "-o", str(traces / "of"), "-e", "trace=%file,openat,newfstatat,statx"]
        done = ran([program], ranks=2, before=before, options=options)
        assert done.returncode == 0, done.stderr
        found = {}
        for trace in traces.iterdir():
            lines = trace.read_text(errors="replace").splitlines()
            begin = next((k for k, line in enumerate(lines) if mark in line), None)
            if begin is not None and any('"/end/' in line for line in lines):
                end, rank = next((k, re.search(r'"/end/(\d+)"', line)[1]) for k, line in enumerate(lines) if '"/end/' in line)
                calls = [line for line in lines[begin + 1:end] if CALLS.match(line) and '""' not in line]
                found[int(rank)] = calls
        return found

    plain, broadcast = counted('"/begin"'), counted('"/begin"', "--broadcast-imports")
    assert len(plain[1]) > 500, "nothing to save"
    assert len(broadcast[1]) < 50, "\n".join(broadcast[1])
    shared = [call for call in counted("/_gain.abi3.so", "--broadcast-imports")[1] if not re.search(r'"/(proc|sys|dev)/', call)]
    assert len(shared) < 50, "\n".join(shared)
