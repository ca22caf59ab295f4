"""NumPy's own tests on gain: `own.py [check | write | show | writeshow] [-n RANKS] [FILE... | quick | named]`.

Runs the test files that NumPy's wheel carries (`own_plugin`), a job for each, and holds the verdicts against `own_expected.txt`, the list of tests that fail and why: `check` (the default) says what
fails without being in the list, and what is in it and passes; `write` writes the list and docs/src/numpy-tests.md anew; `show` prints each failure. On several ranks, where every array is spread, the verdicts
must be the same but for those that the list says fail only there (`write -n 3` notes them). A test that takes longer than its time, or ends its job, has failed, and the job goes on behind it.
"""

import collections
import fnmatch
import functools
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import numpy

import jobs

HERE = pathlib.Path(__file__).parent
EXPECTED = HERE / "own_expected.txt"
PAGE = HERE.parent.parent / "docs" / "src" / "numpy-tests.md"
ROOT = pathlib.Path(numpy.__file__).parent.parent
CORE, FFT, LIB, LINALG, RANDOM = (f"numpy/{part}/tests/" for part in ("_core", "fft", "lib", "linalg", "random"))
# Files that the quick run has.
QUICK = [CORE + "test_indexing.py", CORE + "test_shape_base.py"] + [
    LIB + f"test_{name}.py" for name in ("shape_base", "index_tricks", "stride_tricks", "twodim_base")
] + [RANDOM + "test_direct.py"]
# Files about what arrays do here, which run on several ranks, too.
NAMED = QUICK + [CORE + f"test_{name}.py" for name in ("einsum", "numeric", "ufunc", "umath")] + [
    LIB + f"test_{name}.py" for name in ("arraysetops", "function_base", "histograms", "nanfunctions")
] + [RANDOM + f"test_{name}.py" for name in ("generator_mt19937", "randomstate")]
# Files that are about what gain doesn't have, or about NumPy's inside: not run.
APART = {
    "text": "_core defchararray, strings, stringdtype, unicode; lib _iotools, loadtxt",
    "dates": "_core datetime",
    "structured types": "_core records; lib recfunctions",
    "files": "_core memmap; lib _datasource, format, io",
    "NumPy's build, C interface and inside": "_core api, argparse, array_api_info, arraymethod, casting_unittests, cpu_dispatcher, cpu_features, custom_dtypes, cython, extint128, hashtable, "
    "limited_api, mem_policy, nditer, overrides, simd, simd_module; lib _version, arrayterator, utils; random extending",
    "NumPy's scalars and types, which are taken as they are": "_core _exceptions, abc, dtype, finfo, getlimits, longdouble, numerictypes, print, scalar_ctors, scalar_methods, scalarbuffer, "
    "scalarinherit, scalarmath, scalarprint; lib mixins",
    "threads": "_core multiprocessing, multithreading",
    "the class at length, through all types and NumPy's memory": "_core multiarray",
}
# Reasons that the failure itself doesn't tell: patterns of test names.
REASONS = {
    "test_umath.py::TestDivisionIntegerOverflowsAndDivideByZero::*": "never computed",
    "test_umath.py::TestPower::test_zero_power_nonzero": "never computed",
    "test_casting_floatingpoint_errors.py::*str-to-f2*": "string",
    "test_casting_floatingpoint_errors.py::*int-to-f4*": "object",
    "test_casting_floatingpoint_errors.py::*": "long double",
    "test_umath.py::*::test_precision": "long double",
    "test_umath.py::TestSpecialMethods::*wrap*": "__array_wrap__",
    "test_umath.py::TestSpecialMethods::test_priority*": "__array_wrap__",
    "test_umath.py::TestAddDocstring::*": "NumPy's inside",
    "test_umath.py::TestAdd_newdoc_ufunc::*": "NumPy's inside",
    "test_umath.py::TestRationalFunctions::test_decimal": "object",
    "test_umath.py::TestRoundingFunctions::test_fraction": "object",
    "test_ufunc.py::TestLowlevelAPIAccess::*": "NumPy's inside",
    "test_ufunc.py::TestUfunc::test_pickle_*": "NumPy's inside",
    "test_nanfunctions.py::test__replace_nan": "NumPy's inside",
    "test_direct.py::*legacy_pickle*": "NumPy's inside",
    "test_generator_mt19937.py::*legacy_pickle*": "NumPy's inside",
    "test_index*.py::*subclass_writeable*": "structured",
}
# What stands before the reason of a test that fails on several ranks alone.
ONLY_RANKS = "several ranks: "
# Reasons that are about elements which arrays don't have here, or other classes of arrays.
ELSEWHERE = {"object", "string", "datetime", "structured", "long double", "byte order", "masked", "matrix"}
# Seconds for one test, and for a job to start and read its files.
LIMIT, START = 120, 120


def apart():
    """File -> the reason why it isn't run."""
    found = {}
    for reason, text in APART.items():
        for part in text.split("; "):
            folder, _, names = part.partition(" ")
            found |= {f"numpy/{folder}/tests/test_{name}.py": reason for name in names.split(", ")}
    return found


def every():
    """All files that are run."""
    folders = (CORE, FFT, LIB, LINALG, RANDOM)
    files = [f"{folder}{path.name}" for folder in folders for path in sorted((ROOT / folder).glob("test_*.py"))]
    return [file for file in files if file not in apart()]


def lines(path):
    """What a rank wrote, as far as it came."""
    try:
        with open(path) as file:
            return [json.loads(line) for line in file if line.endswith("\n")]
    except FileNotFoundError:
        return []


def job(files, ranks, start, folder, environment):
    """One job, until it ends or a test takes too long; the lines of each rank."""
    prefix = os.path.join(folder, f"results{start}")
    command = [sys.executable, HERE / "own_plugin.py", folder, prefix, str(start), *files]
    if ranks:
        command = [jobs.GAIN, "run", "-n", str(ranks), "--output", "rank0", *command]
    paths = [f"{prefix}.{rank}" for rank in range(max(ranks, 1))]
    with open(os.path.join(folder, "output"), "w+") as output:
        process = subprocess.Popen(list(map(str, command)), stdout=output, stderr=output, env=environment, start_new_session=True)
        size, deadline = 0, time.monotonic() + START
        try:
            while process.poll() is None:
                try:
                    process.wait(0.5)
                except subprocess.TimeoutExpired:
                    grown = sum(os.path.getsize(path) for path in paths if os.path.exists(path))
                    if grown != size:
                        size, deadline = grown, time.monotonic() + LIMIT
                    elif time.monotonic() > deadline:
                        return [lines(path) for path in paths], "took too long"
        finally:
            if process.poll() is None:
                jobs.end(process)
        output.seek(0)
        return [lines(path) for path in paths], f"ended its job ({process.returncode}): {output.read()[-800:]}"


def run(files, ranks=0, environment=None):
    """Test -> (verdict, kind of error, text, line); with several ranks the verdict they agree on, or "ranks differ"."""
    environment = {**os.environ, **({"GAIN_THRESHOLD": "0"} if ranks > 1 else {}), **(environment or {})}
    verdicts, start, total = {}, 0, None
    while total is None or start < total:
        with tempfile.TemporaryDirectory() as folder:
            found, end = job(files, ranks, start, folder, environment)
        for line in found[0]:
            total = line.get("collected", total)
            if line.get("kind") == "collection":
                verdicts[line["id"]] = ("failed", "collection", line["text"], "")
        done = [[line for line in one if "verdict" in line and line["kind"] != "collection"] for one in found]
        reached = min(map(len, done))
        for same in zip(*(one[:reached] for one in done)):
            first = same[0]
            verdict = (first["verdict"], first["kind"], first["text"], first["line"])
            if len({(line["id"], line["verdict"], line["kind"]) for line in same}) > 1:
                verdict = ("failed", "ranks differ", str([(line["id"], line["verdict"], line["kind"], line["text"]) for line in same]), "")
            verdicts[unique(first["id"], verdicts)] = verdict
        start += reached
        if total is None or (start + reached < total and not any("start" in line for line in found[0])):
            raise SystemExit(f"{files}: {end}")
        if start < total:
            print(f"{files[0]}: test {start} {end}", file=sys.stderr, flush=True)
            begun = [line["start"] for line in found[0] if "start" in line]
            if 0 < len(begun) <= reached:
                continue
            identity = begun[reached] if len(begun) > reached else f"{files[0]}::?{start}"
            verdicts[unique(identity, verdicts)] = ("failed", "job", end, "")
            start += 1
    return verdicts


def unique(identity, verdicts):
    """The name of a test, numbered if an earlier one has it."""
    count, name = 1, identity
    while name in verdicts:
        count += 1
        name = f"{identity}#{count}"
    return name


DTYPE = re.compile(r"gain has no arrays of dtype (.*?)(?:, only of|: |$)|no arrays of dtype")
NAME = re.compile(r"module 'gain' has no attribute '(\w+)'|'gain\.(?:ndarray|ufunc|flatiter)' object has no attribute '(\w+)'")


def reason(identity, failure):
    """Why a test fails, in few words."""
    for pattern, said in REASONS.items():
        if fnmatch.fnmatchcase(identity.rpartition("/")[2], pattern):
            return said
    _, kind, text, _ = failure
    if kind in ("job", "ranks differ"):
        return "time" if text.startswith("took") else kind
    if found := NAME.search(text):
        if (found[1] or "") in ("rec", "recarray", "record"):
            return "structured"
        if "matrix" in (found[1] or "") or found[1] == "bmat":
            return "matrix"
        return f"no {found[1] or found[2]}"
    if "ranks decided differently" in text:
        return "ranks differ"
    if "no one memory to show" in text:
        return "memory"
    if "gain has no MaskedArray" in text:
        return "masked"
    if found := DTYPE.search(text):
        return family(found[1] or "")
    return "differs"


def family(name):
    """What a dtype's name is of."""
    if "object" in name:
        return "object"
    if "datetime" in name or "timedelta" in name or re.match(r"[<>|=]?[mM]8", name):
        return "datetime"
    if "StringDType" in name or re.match(r"[<>|=]?[SUT]", name):
        return "string"
    if "float128" in name or "complex256" in name:
        return "long double"
    if name.startswith(">"):
        return "byte order"
    return "structured"


@functools.cache
def expected():
    """Pattern -> reason, from the list: the name of a test, or of a file, class or function all of whose tests fail."""
    found = {}
    if EXPECTED.exists():
        for line in EXPECTED.read_text().splitlines():
            if line and not line.startswith("#"):
                why, _, identity = line.partition(" | ")
                found[identity] = why.strip()
    return found


def parents(identity):
    """The test and what it belongs to: parametrized function, class, file."""
    yield identity
    if "[" in identity:
        identity = identity.partition("[")[0]
        yield identity
    while "::" in identity:
        identity = identity.rpartition("::")[0]
        yield identity


def listed(identity, ranks):
    """The reason why a test fails, if it is in the list."""
    whys = (expected().get(name) for name in parents(identity))
    return next((why for why in whys if why and (ranks > 1 or not why.startswith(ONLY_RANKS))), None)


def gathered(failures, verdicts):
    """The list's lines: each class, function or file that fails whole for one reason is one."""
    tests = collections.defaultdict(set)
    for identity, verdict in verdicts.items():
        if verdict[0] != "skipped":
            for name in parents(identity):
                tests[name].add(failures.get(identity))
    found = {}
    for identity, why in failures.items():
        name = [name for name in parents(identity) if tests[name] == {why}][-1]
        found[name] = why
    return found


def complaints(verdicts, ranks=0):
    """What is not as the list has it."""
    for identity, (verdict, kind, text, line) in verdicts.items():
        if verdict == "failed" and listed(identity, ranks) is None:
            yield f"{identity} line {line} fails: {kind}: {text}"
        elif verdict == "passed" and listed(identity, ranks) is not None:
            yield f"{identity} passes, but is in the list"


def page(verdicts):
    """The text of the page, anew for the files that have run."""
    text = [HEAD]
    lines = PAGE.read_text().splitlines() if PAGE.exists() else []
    rows = {f"numpy/{line.split('`')[1]}": line for line in lines if line.startswith("| `")}
    files = collections.defaultdict(list)
    for identity, verdict in verdicts.items():
        files[identity.partition("::")[0]].append((identity, verdict))
    for file, tests in files.items():
        count = collections.Counter(verdict[0] for _, verdict in tests)
        whys = collections.Counter(reason(identity, verdict) for identity, verdict in tests if verdict[0] == "failed")
        ran = count["passed"] + count["failed"]
        other = sum(number for why, number in whys.items() if why in ELSEWHERE)
        percent = f"{100 * count['passed'] / ran:.1f}" if ran else ""
        among = f"{100 * count['passed'] / (ran - other):.1f}" if ran > other else ""
        names = ", ".join(f"{why} {number}" for why, number in whys.most_common())
        rows[file] = f"| `{file.removeprefix('numpy/')}` | {count['passed']} | {count['failed']} | {percent} | {among} | {names} |"
    text.append("\n".join(["| file | passed | failed | % | % of numbers | reasons |", "| --- | ---: | ---: | ---: | ---: | --- |", *(rows[file] for file in every() if file in rows)]))
    text.append(TAIL)
    text.append("\n".join(f"- {why}: {names}." for why, names in APART.items()))
    return "\n\n".join(part.strip() for part in text) + "\n"


HEAD = """# NumPy's own tests

NumPy's wheel carries its tests. They run on `gain` by giving them its names for their imports (`python/tests/own_names.py`), unchanged otherwise; `make test` runs seven of the files, `make test-all` all of these, and
seventeen of them on three ranks with every array spread, where the verdicts must be the same. Tests that NumPy leaves out itself (too much memory, other processors) are not counted. This page is made by `python/tests/own.py write`; which tests fail is in
`python/tests/own_expected.txt`.

Reasons: `object`, `string`, `datetime`, `structured`, `long double`, `byte order` are types of elements that arrays don't have here, `masked` and `matrix` other classes of arrays; `no name` is a name that isn't there. The second percentage is of the tests
that don't fail for such a type or class; many use one beside numbers. `never computed` is a
warning of a value that nobody uses; `memory` asks for the one memory that an array on several ranks hasn't; `ranks differ` is a function given to `vectorize` that
uses arrays itself; `NumPy's inside` is about NumPy's own objects; `time` is a test that takes more than two minutes.
"""
TAIL = "Files that are not run, because they are about something else:"


def main(*arguments):
    arguments = list(arguments)
    ranks = 0
    if "-n" in arguments:
        place = arguments.index("-n")
        ranks = int(arguments[place + 1])
        del arguments[place : place + 2]
    mode = arguments.pop(0) if arguments and arguments[0] in ("check", "write", "show", "writeshow") else "check"
    if importlib.util.find_spec("hypothesis") is None and arguments != ["quick"]:
        sys.exit("own.py: hypothesis, with which some of the files are written, isn't installed")
    files = [next((known for known in every() if known.endswith(f"/{name}")), name) for name in arguments] or every()
    files = {"quick": QUICK, "named": NAMED}.get(files[0], files)
    verdicts = {}
    for file in files:
        begun = time.monotonic()
        one = run([file], ranks)
        verdicts |= one
        count = collections.Counter(verdict[0] for verdict in one.values())
        total = count["passed"] + count["failed"]
        print(f"{file}: {count['passed']} of {total}, {100 * count['passed'] / max(total, 1):.1f} %, {time.monotonic() - begun:.1f} s", flush=True)
        if "show" in mode:
            for identity, verdict in one.items():
                if verdict[0] == "failed":
                    print(f"  {identity.partition('::')[2]} ({reason(identity, verdict)}) line {verdict[3]}: {verdict[1]}: {verdict[2]}")
    failures = {identity: reason(identity, verdict) for identity, verdict in verdicts.items() if verdict[0] == "failed"}
    if "write" in mode:
        note(failures, verdicts, ranks)
        if ranks < 2:
            PAGE.write_text(page(verdicts))
    if mode == "check":
        wrong = list(complaints(verdicts, ranks))
        print("\n".join(wrong))
        sys.exit(f"{len(wrong)} not as listed" if wrong else 0)


def note(failures, verdicts, ranks):
    """Writes the list, anew for the files that have run."""
    ran = {identity.partition("::")[0] for identity in verdicts}
    old = {name: why for name, why in expected().items() if name.partition("::")[0] not in ran}
    mine = {name: why for name, why in expected().items() if name not in old and why.startswith(ONLY_RANKS) == (ranks < 2)}
    if ranks > 1:
        failures = {name: f"{ONLY_RANKS}{why}" for name, why in failures.items() if listed(name, 0) is None}
    lines = [f"{why:<20} | {name}" for name, why in sorted({**old, **mine, **gathered(failures, verdicts)}.items())]
    EXPECTED.write_text("\n".join([LIST, *lines]) + "\n")


LIST = """# Tests of NumPy's that fail on gain, and why. Written by `own.py write`; a test that fails and is not here, and one that passes and is, are errors."""

if __name__ == "__main__":
    main(*sys.argv[1:])
