"""The command `gain` that comes with the module: benchmarks, and statistics of a Python program."""

import csv
import json

from jobs import run, script


def bench(*arguments):
    """`python -m gain bench ...`, which starts ranks of its own."""
    return run(["-m", "gain", "bench", *arguments], ranks=0)


def test_benchmarks_come_with_the_module(tmp_path):
    """The list, a measurement on two ranks with options before and after its name, a picture."""
    listed = bench()
    assert listed.returncode == 0 and "\n  put-latency " in listed.stdout, listed.stderr
    picture = tmp_path / "latency.svg"
    done = bench("-m", "8:16", "put-latency", "-n", "2", "-i", "3", "-c", "--csv", "--plot", str(picture))
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [(row["Benchmark"], row["Size"], row["Iterations"]) for row in rows] == [("put-latency", size, "3") for size in ("8", "16")]
    assert "Latency (us)" in picture.read_text()


def test_ranks_of_another_launcher_measure_between_themselves():
    """`gain run python -m gain bench`, as mpiexec or srun would start it."""
    done = run(["-m", "gain", "bench", "barrier", "-i", "3", "--json"], ranks=3)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["benchmark"], document["ranks"]) == ("barrier", 3)


def test_statistics_and_a_trace_of_a_program(tmp_path):
    """A script of two ranks that knows nothing of them."""
    trace = tmp_path / "trace.json"
    text = "import gain as np\nprint(float((np.arange(200000.0) * 2).sum()))"
    done = script(text, 2, {"GAIN_STATS": "1", "GAIN_TRACE": str(trace), "GAIN_THRESHOLD": "0"})
    assert done.returncode == 0 and float(done.stdout) == 199999.0 * 200000.0, done.stderr
    assert "# gain statistics: 2 ranks" in done.stderr and " shared memory " in done.stderr
    events = json.loads(trace.read_text())["traceEvents"]
    assert {event["pid"] for event in events} == {0, 1} and any(event.get("cat") == "collective" for event in events)
