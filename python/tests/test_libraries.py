"""Libraries beside NumPy, of which `make test` installs none: they are python/requirements-libraries.txt, for `make test-all`."""

import os
import subprocess
import sys

import jobs
import pytest


@pytest.mark.parametrize("ranks, threshold", [(0, 65536), (3, 0)])
def test_scipy_and_scikit_learn(ranks, threshold):
    for name in ("scipy", "sklearn"):
        pytest.importorskip(name, reason=f"{name} is not installed (python/requirements-libraries.txt)")
    done = jobs.run([jobs.HERE / "libraries.py"], ranks, {"GAIN_THRESHOLD": str(threshold), "SCIPY_ARRAY_API": "1"})
    assert done.returncode == 0, done.stdout + done.stderr


def test_type_checkers_know_the_package(tmp_path):
    pytest.importorskip("mypy", reason="mypy is not installed (python/requirements-libraries.txt)")
    root = jobs.HERE.parents[1]
    typed = tmp_path / "typed.py"
    typed.write_text("""
import numpy
import gain as np
from gain.typing import ArrayLike, NDArray

def mean(x: ArrayLike) -> NDArray[np.float64]:
    made: np.ndarray = np.asarray(x) + np.zeros(3)
    shape: tuple[int, ...] = made.shape
    return np.reshape(np.sqrt(made).mean(), shape)

mean(np.ones(3)); mean([1, 2]); mean(numpy.ones(3))
made: numpy.ndarray = np.arange(3).numpy()
""")
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import gain as np\nnp.no_such_name\nnp.zeros()\nx: str = np.ones(3)\n")
    command = [sys.executable, "-m", "mypy", "--cache-dir", tmp_path / "cache", "--ignore-missing-imports"]
    environment = {**os.environ, "MYPYPATH": str(root / "python")}
    sources = [*(root / "examples").glob("*.py"), *(root / "python/gain").glob("*.pyi"), typed]
    done = subprocess.run([*command, *sources], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run([*command, wrong], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and done.stdout.count("error:") == 3, done.stdout + done.stderr
