"""Random programs over a pool of arrays, run by NumPy and by gain side by side: `programs.py FIRST COUNT [RANKS [NAME=VALUE...]]`.

A program is a list of statements. `Writer` makes it while NumPy runs it, so that it knows every shape, type and value,
and most statements mean something: views of views, assignments that overlap what they read, several handles to one
variable, handles that go, cycles that are collected, references that one rank keeps, elements that one rank reads.
After every few statements each rank compares all variables for itself: values, types, shapes, the order of strides,
what was printed or read, and warnings; and after each statement whether both raised, and what class.

Values are compared to the last bit. What is rounded on different paths (sums of what doesn't add up exactly, functions
of the mathematical library, products of complex numbers) is marked by the writer: variables that it reached are
compared up to rounding and stay out of everything that would jump (comparisons, conversions to integers, printing).

Left out, because gain is different by design (docs/src/numpy.md): products of more than two axes,
 indices by arrays, which warning comes of what is never computed, the sign of zeros and of NaN.

With OPEN_MEMORY=1 in the environment (on one rank) arrays are, at random times, shown to others, or replaced by arrays over
memory of NumPy's: nothing else may change, and whoever has the memory sees what the program sees.

A program that differs is shrunk: statements are left out as long as it still differs.
"""

import os
import pickle
import random
import sys
import warnings

import numpy

import jobs
from chooser import namespace
from writer import program


def attempt(text, number, names):
    """Runs one statement; the class of the exception, if one comes, and its text."""
    try:
        exec(compile(text, f"<{number}>", "exec"), names)
    except Exception as error:  # noqa: BLE001 - compared with NumPy's
        return type(error).__name__, str(error)
    return None


def same(mine, theirs, eps):
    """Equal: up to rounding if there is an eps, else to the last bit (but for the sign of zeros)."""
    if theirs.dtype.kind == "c":
        return same(mine.real, theirs.real, eps) and same(mine.imag, theirs.imag, eps) if eps is None else near(mine, theirs, eps)
    if theirs.dtype.kind != "f":
        return numpy.array_equal(mine, theirs)
    return numpy.array_equal(mine, theirs, equal_nan=True) if eps is None else near(mine, theirs, eps)


def near(mine, theirs, eps):
    largest = numpy.abs(theirs[numpy.isfinite(theirs)]).max(initial=0)
    return numpy.allclose(mine, theirs, rtol=256 * eps, atol=256 * eps * float(largest), equal_nan=True)


def unlike(name, mine, theirs, np, eps):
    """How the two variables differ, or None."""
    expected = np.ndarray if isinstance(theirs, numpy.ndarray) else type(theirs)
    if not isinstance(mine, expected):
        return f"{name} is {type(mine)} instead of {type(theirs)}"
    if not isinstance(theirs, (numpy.ndarray, numpy.generic)):
        return None
    if (mine.dtype, mine.shape) != (theirs.dtype, theirs.shape):
        return f"{name}: {mine.dtype}, {mine.shape} instead of {theirs.dtype}, {theirs.shape}"
    content = numpy.asarray(mine)
    with numpy.errstate(all="ignore"):
        if not same(content, numpy.asarray(theirs), eps):
            wrong = ~numpy.asarray(content == theirs).ravel()
            places = numpy.flatnonzero(wrong)[:4].tolist()
            got, want = content.ravel()[wrong][:4].tolist(), numpy.ravel(theirs)[wrong][:4].tolist()
            return f"{name}: {got} instead of {want} at {places} ({wrong.sum()} in all) of {theirs.shape} {theirs.dtype}"
    if isinstance(theirs, numpy.ndarray) and theirs.size:
        axes = [axis for axis, extent in enumerate(theirs.shape) if extent > 1]
        if [mine.strides[axis] for axis in axes] != [theirs.strides[axis] for axis in axes]:
            return f"{name}: strides {mine.strides} instead of {theirs.strides} of {theirs.shape}"
        if mine.flags.writeable != theirs.flags.writeable:
            return f"{name}: writeable is {mine.flags.writeable}"
    return None


def told(value):
    """What a statement said, as text."""
    return repr([one.item() if isinstance(one, numpy.generic) else one for one in value] if isinstance(value, list) else value)


class Others:
    """Those who have memory of a program's arrays."""

    def __init__(self, np, seed):
        self.np, self.random, self.views = np, random.Random(seed), []

    def meddle(self, text, names):
        """After a statement: one variable is shown to somebody, another one moves to memory of NumPy's, a few are let go."""
        arrays = {name: x for name, x in names.items() if name[0] == "v" and isinstance(x, self.np.ndarray)}
        made = text.split(" = ")[0]
        if made in arrays and arrays[made].base is None and self.random.random() < 0.3:
            mine = arrays[made]
            if sum(x is mine or x.base is mine for x in arrays.values()) == 1 and sys.getrefcount(mine) == 4 and mine.size:
                theirs = numpy.array(mine, copy=True, order="K")
                names[made] = arrays[made] = self.np.asarray(theirs)
                names[made].flags.writeable = mine.flags.writeable
                self.views.append((arrays[made], theirs))
                assert self.np.shares_memory(arrays[made], theirs)
        if arrays and self.random.random() < 0.5:
            mine = self.random.choice(sorted(arrays))
            self.views.append((arrays[mine], numpy.asarray(arrays[mine])))
        while len(self.views) > 6 or self.views and self.random.random() < 0.2:
            del self.views[self.random.randrange(len(self.views))]

    def wrong(self):
        """What somebody sees that isn't there."""
        for mine, theirs in self.views:
            if not isinstance(mine, self.np.ndarray) or mine.shape != theirs.shape or mine.dtype != theirs.dtype:
                continue  # (It was given another shape.)
            if mine.tobytes() != theirs.tobytes():
                return f"memory shown is {theirs} instead of {mine}"
        return None


def run(statements, np):
    """Runs the program by both on this rank: None, or the first difference. Always runs to the end, as all ranks must."""
    rank = np.rank()
    theirs, mine = namespace(numpy, rank), namespace(np, rank)
    first, warned, hers = None, set(), set()
    others = Others(np, len(statements)) if os.environ.get("OPEN_MEMORY") else None
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        for number, text in enumerate(statements):
            found = None
            if text.startswith("check("):
                eps, is_strict = eval(text, {"check": lambda *both: both})
                names = sorted(name for name in theirs if name[0] == "v" and name[1:].isdigit())
                missing = [name for name in names if name not in mine]
                found = f"no {missing}" if missing else None
                for name in names:
                    found = (unlike(name, mine[name], theirs[name], np, eps.get(name)) if name in mine else None) or found
                for one, two in zip(map(told, mine["told"]), map(told, theirs["told"])):
                    if one != two:
                        found = found or f"told {one[:300]} instead of {two[:300]}"
                if len(mine["told"]) != len(theirs["told"]):
                    found = found or "told another number of things"
                warned |= seen(log, None)
                if warned - hers or is_strict and hers - warned:
                    found = found or f"warned {sorted(warned - hers)} not {sorted(hers - warned)}"
            else:
                want = attempt(text, number, theirs)
                hers |= seen(log, f"<{number}>")
                got = attempt(text, number, mine)
                warned |= seen(log, None)
                if (got and got[0]) != (want and want[0]):
                    found = f"raised {got} instead of {want}"
                if others:
                    found = found or others.wrong()
                    others.meddle(text, mine)
                    warned |= seen(log, None)
            if found and not first:
                first = f"[{number}] {text}\n    rank {rank}: {found}"
    mine.clear()
    theirs.clear()
    return first


def seen(log, line):
    """The warnings since the last time. Those that Python code of NumPy's gives are of the `line` of the user's."""
    found = {(line or one.filename, one.category.__name__, str(one.message).replace("scalar ", "")) for one in log}
    log.clear()
    return found


def serve(cases, results):
    """Runs the programs of a file, and writes the outcome of each, rank by rank, as it comes."""
    import gain

    with open(cases, "rb") as file:
        programs = pickle.load(file)
    with open(f"{results}.{gain.rank()}", "wb") as file:
        for number, statements in enumerate(programs):
            if isinstance(statements, int):
                statements = program(statements)
            pickle.dump((number, run(statements, gain)), file)
            file.flush()


def differences(programs, ranks=0, environment=None, deadline=120):
    """For each program (statements, or a seed) None or how it differs on the first rank where it does."""
    found = jobs.outcomes("gain", programs, ranks, environment, "programs.py", deadline)
    return [next((one[1] if isinstance(one, tuple) else one for one in outcome if one), None) for outcome in found]


def shrunk(statements, text, ranks, environment):
    """The program without the statements that it differs without."""
    died = text.startswith("the job ended")
    part = max(1, len(statements) // 2)
    while part:
        candidates = [statements[:start] + statements[start + part :] for start in range(0, len(statements), part)]
        candidates = [candidate for candidate in candidates if candidate]
        found = differences(candidates, ranks, environment, 60)
        alike = [candidate for candidate, other in zip(candidates, found) if other and other.startswith("the job ended") == died]
        better = alike[0] if alike else None
        if better is None:
            part //= 2
        else:
            statements = better
            part = min(part, max(1, len(statements) // 2))
    return statements


def main(first=1, count=100, ranks=0, *settings):
    """How many programs differ; each is printed, shrunk."""
    environment = dict(setting.split("=", 1) for setting in settings)
    differ, seeds = 0, list(range(int(first), int(first) + int(count)))
    for start in range(0, len(seeds), 100):
        part = seeds[start : start + 100]
        for seed, text in zip(part, differences(part, int(ranks), environment)):
            if text is None:
                continue
            differ += 1
            print(f"==== seed {seed}: {text}", flush=True)
            small = shrunk(program(seed), text, int(ranks), environment)
            again = differences([small], int(ranks), environment)[0]
            print("\n".join(["---- shrunk:", *small]), f"\n---- {again}", flush=True)
    print(f"{differ} of {count} programs differ")
    return min(differ, 100)


if __name__ == "__main__":
    sys.exit(serve(*sys.argv[2:]) if sys.argv[1:2] == ["gain"] else main(*sys.argv[1:]))
