"""The command `gain`, also as `python -m gain`: see `gain --help`."""

import sys

from . import _gain


def main():
    """Runs the launcher in this process; the exit code."""
    sys.exit(_gain.launch(["gain", *sys.argv[1:]], sys.executable))


if __name__ == "__main__":
    main()
