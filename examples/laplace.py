"""Laplace's equation on a square grid, by Jacobi sweeps.

    python laplace.py [points per side] [sweeps]

The program of Prabhu Ramachandran's "A beginner's guide to using Python for performance computing", in NumPy.
Change the import to `import gain as np` and the same text runs on every core, or on several processes:

    gain run -n 4 laplace.py 4000 100
"""

import sys
import time

import numpy as np


class Grid:
    """A rectangular grid: its geometry, the solution and the solution one sweep ago."""

    def __init__(self, nx=10, ny=10, xmin=0.0, xmax=1.0, ymin=0.0, ymax=1.0):
        self.xmin, self.xmax, self.ymin, self.ymax = xmin, xmax, ymin, ymax
        self.dx = (xmax - xmin) / (nx - 1)
        self.dy = (ymax - ymin) / (ny - 1)
        self.u = np.zeros((nx, ny), "d")
        self.old_u = self.u.copy()

    def setBCFunc(self, func):
        """Sets the boundary values to `func(x, y)`."""
        nx, ny = self.u.shape
        x = np.linspace(self.xmin, self.xmax, nx)
        y = np.linspace(self.ymin, self.ymax, ny)
        self.u[0, :] = func(self.xmin, y)
        self.u[-1, :] = func(self.xmax, y)
        self.u[:, 0] = func(x, self.ymin)
        self.u[:, -1] = func(x, self.ymax)

    def computeError(self):
        """The 2-norm of what the last sweep changed."""
        v = (self.u - self.old_u).flat
        return np.sqrt(np.dot(v, v))


class LaplaceSolver:
    """Sweeps over a grid until the change is small."""

    def __init__(self, grid):
        self.grid = grid

    def numericTimeStep(self, dt=0.0):
        """One sweep: every interior point becomes the weighted mean of its four neighbours."""
        g = self.grid
        dx2, dy2 = g.dx**2, g.dy**2
        dnr_inv = 0.5 / (dx2 + dy2)
        u = g.u
        g.old_u = u.copy()
        u[1:-1, 1:-1] = ((u[0:-2, 1:-1] + u[2:, 1:-1])*dy2 +
                         (u[1:-1, 0:-2] + u[1:-1, 2:])*dx2)*dnr_inv
        return g.computeError()

    def solve(self, n_iter=0, eps=1.0e-16):
        """Sweeps `n_iter` times, or (0) until the error is below `eps`; the last error and the sweeps made."""
        error = self.numericTimeStep()
        count = 1
        while error > eps and (n_iter == 0 or count < n_iter):
            error = self.numericTimeStep()
            count += 1
        return error, count


def boundary(x, y):
    """The values on the border: also the exact solution."""
    return x**2 - y**2


def main(n=500, n_iter=100):
    """Solves on n x n points and prints error and time; the solver, for whoever wants the solution."""
    grid = Grid(n, n)
    grid.setBCFunc(boundary)
    solver = LaplaceSolver(grid)
    start = time.perf_counter()
    error, count = solver.solve(n_iter)
    seconds = time.perf_counter() - start
    print(f"{n} x {n}, {count} sweeps: error {error:.10g}, {seconds:.3f} s")
    return solver


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
