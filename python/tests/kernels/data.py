"""Arguments of the kernels: random, of sizes that differ where the kernel allows it."""

import numpy as np


def arguments(name, n, seed=1):
    """NumPy arguments of a kernel at size `n`."""
    rng = np.random.default_rng(seed)
    r = rng.random
    m, k, l = n + 2, n + 1, n + 3  # noqa: E741
    if name in ("lu", "ludcmp", "cholesky", "trisolv"):
        a = r((n, n))
        square = a @ a.T + n * np.eye(n)
    makers = {
        "gemm": lambda: (1.5, 1.2, r((n, m)), r((n, k)), r((k, m))),
        "syrk": lambda: (1.5, 1.2, r((n, n)), r((n, m))),
        "syr2k": lambda: (1.5, 1.2, r((n, n)), r((n, m)), r((n, m))),
        "symm": lambda: (1.5, 1.2, r((n, m)), r((n, n)), r((n, m))),
        "trmm": lambda: (1.5, r((n, n)), r((n, m))),
        "gemver": lambda: (1.5, 1.2, r((n, n)), *(r(n) for _ in range(8))),
        "gesummv": lambda: (1.5, 1.2, r((n, n)), r((n, n)), r(n), r(n), r(n)),
        "mvt": lambda: (r(n), r(n), r(n), r(n), r((n, n))),
        "atax": lambda: (r((m, n)), r(n), r(n), r(m)),
        "bicg": lambda: (r((n, m)), r(m), r(n), r(m), r(n)),
        "two_mm": lambda: (1.5, 1.2, r((n, m)), r((n, k)), r((k, m)), r((m, l)), r((n, l))),
        "three_mm": lambda: (r((n, k)), r((k, m)), r((m, l)), r((l, n)), r((n, m)), r((m, n)), r((n, n))),
        "doitgen": lambda: (r((n, m, k)), r((k, k)), r(k)),
        "cholesky": lambda: (square,),
        "lu": lambda: (square,),
        "ludcmp": lambda: (square, r(n), r(n), r(n)),
        "trisolv": lambda: (square, r(n), r(n)),
        "durbin": lambda: (r(n) / (2 * n + 2), r(n)),
        "gramschmidt": lambda: (r((m, n)), r((n, n)), r((m, n))),
        "correlation": lambda: (r((m, n)), r((n, n)), r(n), r(n)),
        "covariance": lambda: (r((m, n)), r((n, n)), r(n)),
        "jacobi_1d": lambda: (3, r(n), r(n)),
        "jacobi_2d": lambda: (3, r((n, n)), r((n, n))),
        "seidel_2d": lambda: (2, r((n, n))),
        "heat_3d": lambda: (2, r((n, n, n)), r((n, n, n))),
        "fdtd_2d": lambda: (r((n, m)), r((n, m)), r((n, m)), r(3)),
        "adi": lambda: (2, r((n, n)), r((n, n)), r((n, n)), r((n, n))),
        "deriche": lambda: (0.25, r((n, m)), r((n, m)), r((n, m)), r((n, m))),
        "floyd_warshall": lambda: (r((n, n)),),
        "nussinov": lambda: (rng.integers(0, 4, n), np.zeros((n, n), int)),
    }
    return makers[name]()


NAMES = """gemm syrk syr2k symm trmm gemver gesummv mvt atax bicg two_mm three_mm doitgen cholesky lu ludcmp trisolv durbin gramschmidt correlation covariance jacobi_1d
jacobi_2d seidel_2d heat_3d fdtd_2d adi deriche floyd_warshall nussinov""".split()


def lists(arguments):
    """The same arguments, lists for arrays."""
    return tuple(x.tolist() if isinstance(x, np.ndarray) else x for x in arguments)


def copied(arguments):
    """Copies of arrays and lists."""
    return tuple(x.copy() if isinstance(x, np.ndarray) else np.array(x).tolist() if isinstance(x, list) else x for x in arguments)
