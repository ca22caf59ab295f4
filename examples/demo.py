"""Runs laplace.py with NumPy, with gain on one rank, and with gain on two; compares results and times, draws a picture.

    python demo.py [--points 2000] [--sweeps 50] [--output target/demo/laplace.png]

The gain runs use the same text with one line changed. `--solve SCRIPT RESULT` is what each run executes: it writes
the solution and which rank owns which rows.
"""

import argparse
import pathlib
import re
import runpy
import subprocess
import sys

import numpy

HERE = pathlib.Path(__file__).parent
GAIN = pathlib.Path(sys.executable).with_name("gain")


def solve(script, result, points, sweeps):
    """One run of the program, on this rank."""
    program = runpy.run_path(script, run_name="laplace")
    grid = program["main"](points, sweeps).grid
    solution = numpy.asarray(grid.u)
    if not isinstance(grid.u, numpy.ndarray):
        import gain

        rows = [stop // points for _, stop in grid.u.blocks]
        if gain.rank() == 0:
            numpy.savez(result, u=solution, rows=rows)
    else:
        numpy.savez(result, u=solution, rows=[])


def run(script, folder, ranks, points, sweeps):
    """Runs the program on `ranks` ranks (0: without the launcher): its time, its solution, where blocks end."""
    result = folder / "solution.npz"
    command = [sys.executable, __file__, "--solve", script, result, "--points", points, "--sweeps", sweeps]
    if ranks:
        command = [GAIN, "run", "-n", ranks, *command]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, timeout=600)
    if done.returncode:
        raise SystemExit(f"demo: {' '.join(map(str, command))} ended with {done.returncode}")
    seconds = float(re.search(r"([0-9.]+) s$", done.stdout.strip())[1])
    with numpy.load(result) as content:
        found = seconds, content["u"], content["rows"]
    result.unlink()
    return found


def draw(path, solution, rows):
    """The solution, and lines where the blocks of the ranks meet."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 5), layout="constrained")
    image = axes.imshow(solution, extent=(0, 1, 1, 0), cmap="RdBu_r")
    edges = [0, *rows]
    for rank, (start, stop) in enumerate(zip(edges, rows)):
        axes.text(0.03, (start + stop) / 2 / len(solution), f"rank {rank}", va="center")
        if rank:
            axes.axhline(start / len(solution), color="black", linewidth=1)
    axes.set(xlabel="y", ylabel="x", title="Laplace's equation, $u = x^2 - y^2$ on the border")
    figure.colorbar(image, label="u")
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=2000, help="points per side of the grid")
    parser.add_argument("--sweeps", type=int, default=50)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("laplace.png"))
    parser.add_argument("--solve", nargs=2, metavar=("SCRIPT", "RESULT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.solve:
        return solve(*options.solve, options.points, options.sweeps)

    folder = options.output.parent
    folder.mkdir(parents=True, exist_ok=True)
    plain, changed = HERE / "laplace.py", folder / "laplace_gain.py"
    text = plain.read_text()
    changed.write_text(text.replace("import numpy as np\n", "import gain as np\n", 1))

    print(f"laplace.py, {options.points} x {options.points} points, {options.sweeps} sweeps", flush=True)
    size = options.points, options.sweeps
    expected = None
    for name, script, ranks in (
        ("NumPy", plain, 0),
        ("gain, one rank, all threads", changed, 0),
        ("gain run -n 2", changed, 2),
    ):
        seconds, solution, _ = run(script, folder, ranks, *size)
        if expected is None:
            expected, reference = solution, seconds
        if not numpy.allclose(solution, expected, rtol=1e-13, atol=1e-13):
            worst = numpy.abs(solution - expected).max()
            raise SystemExit(f"demo: {name} differs from NumPy by up to {worst}")
        print(f"  {name:<28} {seconds:8.3f} s   {reference / seconds:5.1f} x NumPy", flush=True)
    print("  all three agree")

    _, solution, rows = run(changed, folder, 4, 300, 20000)
    draw(options.output, solution, rows)
    print(f"  {options.output}: the solution on 300 x 300 points after 20000 sweeps on four ranks")


if __name__ == "__main__":
    main()
