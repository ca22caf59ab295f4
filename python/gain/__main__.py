"""The command `gain`, also as `python -m gain`: see `gain --help`."""

import atexit
import os
import sys

from . import _doctor, _gain, _leave


def main():
    """Runs the launcher in this process; the exit code."""
    # Who starts ranks is none of them, and has no job to leave; a rank that measures leaves by itself.
    atexit.unregister(_leave)
    if _doctor:
        os.environ["GAIN_DOCTOR"] = _doctor
    sys.exit(_gain.launch(["gain", *sys.argv[1:]], sys.executable))


if __name__ == "__main__":
    main()
