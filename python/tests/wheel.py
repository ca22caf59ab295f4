"""The wheel in an environment that has nothing else: `wheel.py WHEEL FOLDER [LIBRARY...]`.

It is small enough, asks for no newer C library than RHEL 8 has, and there are import, `gain run` and `gain bench`, without MPI, UCX or libfabric.
The libraries for C programs and the launcher, if they are named, ask for no newer one either. What it makes it makes in FOLDER.
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
LARGEST = 15_000_000
OLDEST = (2, 28)
# What a wheel may take for granted, by name.
SYSTEM = re.compile(r"(lib(c|m|dl|rt|pthread)\.so\.\d+|ld-linux-x86-64\.so\.2|libgcc_s\.so\.1|lib(ga|armci)\.so\.0)")


def printed(*command, **environment):
    """What a command prints, which must end well; it sees no settings of ours."""
    given = {name: value for name, value in os.environ.items() if name in ("HOME", "LANG", "PATH", "PIP_INDEX_URL", "TMPDIR")}
    done = subprocess.run(list(map(str, command)), env=given | environment, capture_output=True, text=True, timeout=300)
    if done.returncode:
        sys.exit(f"wheel: {' '.join(map(str, command))} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def check_needs(library):
    """The library's names in the C library, and what else it asks for."""
    text = printed("objdump", "-p", "-T", library)
    versions = {tuple(map(int, found.split("."))) for found in re.findall(r"GLIBC_(\d[\d.]*)", text)}
    others = [name for name in re.findall(r"NEEDED\s+(\S+)", text) if not SYSTEM.fullmatch(name)]
    if not versions or max(versions) > OLDEST or others:
        sys.exit(f"wheel: {library} needs glibc {max(versions, default=None)} and {others}")


PROGRAM = """
import gain as np
a = np.arange(100_000.0) + np.ones(100_000)
assert a.sum() == 5_000_050_000, a.sum()
assert abs(np.fft.ifft(np.fft.fft(a)) - a).max() < 1e-6
assert abs(np.linalg.solve(np.eye(300) * 2, np.ones(300)) - 0.5).max() == 0
engines = [line for line in open("/proc/self/maps") if any(name in line for name in ("libmpi", "libucp", "libfabric"))]
assert not engines, engines
try:
    np._gain.of_parts([3], np.dtype(float), 0, b"")
except BaseException as error:  # an error of our own comes through the library's unwinder
    assert "PanicException" in type(error).__name__, error
print("rank", np.rank(), "of", np.ranks())
"""


def main(wheel, folder, *libraries):
    wheel, folder = Path(wheel).resolve(), Path(folder)
    if wheel.stat().st_size > LARGEST or "-cp311-abi3-manylinux_2_28_x86_64" not in wheel.name:
        sys.exit(f"wheel: {wheel.name} has {wheel.stat().st_size} bytes")
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        module = archive.extract("gain/_gain.abi3.so", folder)
        assert {"gain/py.typed", "gain/__init__.pyi"} <= set(archive.namelist())
    for library in (module, *libraries):
        check_needs(library)
    print(printed(sys.executable, HERE.parent / "make_venv.py", folder / "venv", wheel), end="")
    python, gain = folder / "venv/bin/python", folder / "venv/bin/gain"
    os.chdir(folder)
    Path("program.py").write_text(PROGRAM)
    assert printed(python, "program.py") == "rank 0 of 1\n"
    # (What other ranks print is the launcher's to show or not; that they fail is its exit code.)
    assert "rank 0 of 2\n" in printed(gain, "run", "-n", 2, python, "program.py")
    assert "put" in printed(gain, "bench", "put-latency", "-n", 2)
    for library in libraries:
        if Path(library).name == "gain":
            assert printed(library, "--version").startswith("gain")
    print(f"wheel: {wheel.name}, {wheel.stat().st_size / 1e6:.1f} MB, works in an empty environment")


if __name__ == "__main__":
    main(*sys.argv[1:])
