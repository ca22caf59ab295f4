"""How much longer `import numpy, gain` takes than `import numpy`: fresh interpreters, in turn."""

import subprocess
import sys

from figures import Row, table

PROGRAM = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def seconds(modules):
    """One import in a fresh interpreter."""
    return float(subprocess.run([sys.executable, "-c", PROGRAM.format(modules)], check=True, capture_output=True).stdout)


def main(samples=11):
    """Prints the table."""
    for modules in ("numpy", "numpy, gain"):
        seconds(modules)
    pairs = [(seconds("numpy"), seconds("numpy, gain")) for _ in range(samples)]
    print(table("Import", [
        Row("import numpy", [alone for alone, _ in pairs]),
        Row("import gain after it", [both - alone for alone, both in pairs], at_most=0.1),
    ]))


main()
