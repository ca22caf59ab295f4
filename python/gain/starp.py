"""Names of Star-P for Python (Interactive Supercomputing, 2008), for programs that were written for it: `import gain.starp as starp`.

`starp.numpy` is `gain`, with its `linalg`, `fft` and `random`; tasks are `ppeval`, `ppsplit`, `ppbcast` and `PPList`. All ranks run the program.
"""

import gain as numpy
from ._ppeval import ppbcast, ppeval, ppsplit
from ._pplist import PPList

__all__ = ["PPList", "numpy", "ppbcast", "ppeval", "ppsplit"]
