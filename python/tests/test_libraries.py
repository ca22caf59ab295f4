"""Libraries beside NumPy, of which `make test` installs none: they are python/requirements-libraries.txt, for `make test-all`."""

import jobs
import pytest


@pytest.mark.parametrize("ranks, threshold", [(0, 65536), (3, 0)])
def test_scipy_and_scikit_learn(ranks, threshold):
    for name in ("scipy", "sklearn"):
        pytest.importorskip(name, reason=f"{name} is not installed (python/requirements-libraries.txt)")
    done = jobs.run([jobs.HERE / "libraries.py"], ranks, {"GAIN_THRESHOLD": str(threshold), "SCIPY_ARRAY_API": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
