"""Series of timings and the tables made of them, in the form that `gain-bench` prints."""

import statistics
import time

SHORT = "short"


def show(unit, value):
    """A number with its unit, three digits; times are in seconds."""
    def digits(value):
        size = abs(value)
        return f"{value:.0f}" if size >= 99.95 else f"{value:.1f}" if size >= 9.995 else f"{value:.2f}"

    if unit == "time":
        for scale, name in ((1e-9, "ns"), (1e-6, "us"), (1e-3, "ms"), (1.0, "s")):
            if abs(value) < 999.5 * scale or name == "s":
                return f"{digits(value / scale)} {name}"
    return f"{value:.2f}x" if unit == "ratio" else f"{value:.0f}"


class Row:
    """One line: what, a series of samples, and the bound its median should keep."""

    def __init__(self, what, samples, unit="time", at_most=None, at_least=None):
        self.what, self.unit, self.at_most, self.at_least = what, unit, at_most, at_least
        ordered = sorted(samples)
        self.lower, self.median, self.upper = (
            statistics.quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else ordered * 3
        )

    def cells(self):
        """The texts of the five columns."""
        reach = verdict = ""
        if self.at_most is not None:
            reach, verdict = f"<= {show(self.unit, self.at_most)}", "ok" if self.median <= self.at_most else SHORT
        if self.at_least is not None:
            reach, verdict = f">= {show(self.unit, self.at_least)}", "ok" if self.median >= self.at_least else SHORT
        quartiles = f"{show(self.unit, self.lower)} - {show(self.unit, self.upper)}"
        return [self.what, show(self.unit, self.median), quartiles, reach, verdict]


def table(title, rows):
    """A Markdown table whose columns are aligned."""
    cells = [["", "median", "quartiles", "reach", ""]] + [row.cells() for row in rows]
    widths = [max(3, *(len(line[column]) for line in cells)) for column in range(5)]
    rule = ["-" * (width - 1) + ":" if 0 < column < 4 else "-" * width for column, width in enumerate(widths)]
    text = [
        [cell.rjust(width) if 0 < column < 4 else cell.ljust(width)
         for column, (cell, width) in enumerate(zip(line, widths))]
        for line in cells
    ]
    lines = [text[0], rule, *text[1:]]
    return f"\n### {title}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines)


def per_call(call, batch, samples=25, warm=3):
    """Seconds per call: `samples` batches of `batch` calls each, after `warm` batches that do not count.

    The counts are fixed, so that every rank of a job makes the same calls.
    """
    series = []
    for number in range(warm + samples):
        start = time.perf_counter()
        for _ in range(batch):
            call()
        if number >= warm:
            series.append((time.perf_counter() - start) / batch)
    return series


def in_turn(calls, samples=9, warm=2, clock=time.perf_counter):
    """One series per call; the calls are made in turn, so that all of them see the same machine."""
    series = [[] for _ in calls]
    for number in range(warm + samples):
        for call, times in zip(calls, series):
            start = clock()
            call()
            if number >= warm:
                times.append(clock() - start)
    return series


def quotients(first, second):
    """first / second, sample by sample."""
    return [one / two for one, two in zip(first, second)]


def against_numpy(title, cases, samples=7):
    """Prints a table of cases, each a name, operands, a call of (module, operands) and the least of NumPy's time over ours."""
    import gain
    import numpy

    rows = []
    for what, operands, call, least in cases:
        theirs_of, ours_of = [operand.copy() for operand in operands], [gain.array(operand) for operand in operands]
        assert numpy.allclose(numpy.asarray(call(gain, *ours_of)), call(numpy, *theirs_of), rtol=1e-9), what
        theirs, ours = in_turn(
            [lambda: call(numpy, *theirs_of), lambda: call(gain, *ours_of).force()], samples  # noqa: B023
        )
        rows += [
            Row(f"NumPy: {what}", theirs),
            Row(f"gain: {what}", ours),
            Row(f"NumPy / gain: {what}", quotients(theirs, ours), "ratio", at_least=least),
        ]
    print(table(title, rows), flush=True)
