"""`gain.jit` beyond one call on one thread: loops in parts for threads and ranks, arrays in place, factorizations, warnings, kernels on disk, and `gain compile`."""

import concurrent.futures
import os
import subprocess
import sys
import textwrap
import warnings

import gain
import jobs
import numpy as np
import pytest
from gain import _factors, _gain, _source
from kernels import arrays, data, lists
from test_jit import both, programs

SPREAD = jobs.HERE / "kernels" / "spread.py"


@pytest.fixture
def grain():
    """Every loop that can be is handed out, however little there is to do."""
    before = _gain.jit_grain(0)
    yield
    _gain.jit_grain(before)


@pytest.mark.filterwarnings("ignore")
def test_parts_for_threads(grain):
    before = _gain.jit_counts()[0]
    for name in data.NAMES:
        for module, strict in ((lists, False), (lists, True), (arrays, False)):
            function = getattr(module, name)
            compiled = gain.jit(function, strict=strict)
            for n in (1, 5, 9):
                if n == 9 and name in ("doitgen", "heat_3d", "adi"):
                    continue
                raised = both(function, compiled, data.arguments(name, n))
                assert n < 5 or (raised is None and ": compiled" in compiled.explain())
    if gain._gain.threads() > 1:
        assert _gain.jit_counts()[0] > before + 1000


def test_random_programs_in_parts(grain):
    assert programs(20000, 20060) > 60


@pytest.mark.skipif("GAIN_TEST_ALL" not in os.environ, reason="many random programs: GAIN_TEST_ALL=1")
def test_many_random_programs_in_parts(grain):
    assert programs(30000, 33000) > 3000


def on_ranks(ranks, *arguments, deadline=120):
    """Calls that ran compiled, and elements that rank 0 fetched."""
    done = jobs.run([SPREAD, *arguments], ranks, {"GAIN_THRESHOLD": "0"}, deadline)
    assert done.returncode == 0, done.stdout + done.stderr
    return tuple(map(int, done.stdout.split()))


def test_parts_for_ranks():
    ran, fetched = on_ranks(2, "kernels", "gemm", "trmm", "gemver", "atax", "jacobi_2d", "lu", "adi")
    assert ran > 35 and fetched > 5000
    ran, _ = on_ranks(3, "programs", 0, 25)
    assert ran >= 5


@pytest.mark.skipif("GAIN_TEST_ALL" not in os.environ, reason="all kernels and many programs on ranks: GAIN_TEST_ALL=1")
@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_all_on_ranks(ranks):
    assert on_ranks(ranks, "kernels", deadline=600)[0] > 300
    assert ranks == 1 or on_ranks(ranks, "programs", 1000, 2000, deadline=900)[0] > 300


def shift(x, y):
    for i in range(len(x) - 1):
        y[i + 1] += 2.0 * x[i]


def test_arrays_of_gain_are_computed_where_they_are():
    x, y = gain.arange(2000.0), gain.zeros(2000)
    address = np.asarray(y).__array_interface__["data"][0]
    compiled = gain.jit(shift)
    compiled(x, y)
    assert ": compiled" in compiled.explain(), compiled.explain()
    assert np.asarray(y).__array_interface__["data"][0] == address
    assert y.numpy()[1:].tolist() == (2.0 * np.arange(1999.0)).tolist() and x.numpy().tolist() == np.arange(2000.0).tolist()
    copy = y.copy()
    compiled(x, copy)
    assert y[5] == 8.0 and copy[5] == 16.0
    # Parts of one array: each turn reads what an earlier one wrote.
    ours, theirs = gain.arange(50.0), np.arange(50.0)
    compiled(ours[:-1], ours[1:])
    shift(theirs[:-1], theirs[1:])
    assert ours.numpy().tolist() == theirs.tolist() and "overlap" in compiled.explain()


@pytest.mark.parametrize("module", [lists, arrays])
@pytest.mark.parametrize("name", ["lu", "cholesky", "ludcmp"])
def test_factorizations(name, module, monkeypatch):
    kind, calls = "cholesky" if name == "cholesky" else "lu", []
    blocked = getattr(_factors, kind)
    monkeypatch.setattr(_factors, kind, lambda *given: calls.append(given) or blocked(*given))
    function = getattr(module, name)
    compiled = gain.jit(function)
    arguments = data.arguments(name, 120)
    ours, theirs = data.copied(arguments), data.copied(arguments)
    compiled(*ours)
    arrays_form = getattr(arrays, name)
    arrays_form(*theirs)
    assert ": compiled" in compiled.explain() and f"= {kind}(A[:" in compiled.explain() and len(calls) == 1, compiled.explain()
    for mine, other in zip(ours, theirs):
        np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-9)
    # What can't be factored is done, or refused, as it is written.
    singular = np.zeros((120, 120))
    rest = data.copied(arguments[1:])
    outcomes = []
    for call in (compiled, arrays_form if module is arrays else function):
        if module is lists:
            given = (singular.tolist(), *data.lists(rest))
        else:
            given = (singular.copy(), *data.copied(rest))
        try:
            with np.errstate(all="ignore"):
                call(*given)
            outcomes.append(repr(np.asarray(given[0])))
        except Exception as error:  # noqa: BLE001 - whatever Python raises
            outcomes.append(repr(error))
    assert outcomes[0] == outcomes[1] and "plain function" in compiled.explain()


def grows(x):
    for i in range(len(x)):
        x[i] = x[i] * 1e200


def differs(x):
    for i in range(1, len(x)):
        x[i] = x[i] - x[i - 1]


def test_warnings_are_numpys():
    compiled, other = gain.jit(grows), gain.jit(differs)
    for call, values, words in ((compiled, [1e200, 1.0], "overflow"), (other, [np.inf, np.inf], "invalid value")):
        with pytest.warns(RuntimeWarning, match=words) as found:
            call(np.array(values))
        assert ": compiled" in call.explain() and found[0].filename == __file__
        with np.errstate(all="raise"), pytest.raises(FloatingPointError, match=words):
            call(np.array(values))
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error")
            call(np.array(values))
        # Python's own floats say nothing, and neither do numbers that are small, or not exact.
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            call(list(values))
            call(np.array([0.1, 1e-300]))


PROGRAM = """
    import numpy as np
    import gain
    from gain import _gain

    made, plain = [], _gain.Jit

    class Counted:
        kept = staticmethod(plain.kept)
        def __new__(cls, *args):
            made.append(args)
            return plain(*args)
    _gain.Jit = Counted

    @gain.jit
    def total(x, y):
        s = 0.0
        for i in range(len(x)):
            s += x[i] * y[i]
        return s

    x = np.arange(1000.0)
    assert total(x, x) == float((x * x).sum()), total.explain()
    assert total(x.tolist(), x.tolist()) == float((x * x).sum())
    print(len(made))
"""


def test_kernels_on_disk(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))
    place = tmp_path / "cache"

    def run(folder=place):
        done = jobs.run([program], 0, {"GAIN_CACHE_DIR": str(folder)})
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        # Two at once find nothing, or what the other has just put there.
        assert all(0 <= made <= 2 for made in pool.map(lambda _: run(), range(2)))
    assert run() == 0
    files = sorted((place / "kernels").iterdir())
    assert len(files) == 3 and not any(file.suffix for file in files)
    for file in files:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 0x55
        file.write_bytes(content)
    assert run() == 2 and run() == 0
    for file in files:
        file.write_bytes(file.read_bytes()[:30])
    assert run() == 2 and run() == 0
    # A folder that others may write to isn't trusted, and an empty name is nowhere.
    (place / "kernels").chmod(0o777)
    assert run() == 2 and run("") == 2


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", data.NAMES)
def test_source(name):
    for form, module in (("lists", lists), ("loops over arrays", lists), ("arrays", arrays)):
        function = getattr(module, name)
        compiled = gain.jit(function)
        sizes = {n: data.arguments(name, n) for n in (0, 1, 5, 8)}
        if form == "lists":
            sizes = {n: data.lists(arguments) for n, arguments in sizes.items()}
        compiled(*data.copied(sizes[5]))
        plain = []

        def original(*given, function=function, plain=plain):
            plain.append(given)
            return function(*given)

        scope = {name: original}
        exec(compile(_source.PRELUDE.read_text() + "\n" + compiled.source(), f"<{name}>", "exec"), scope)
        made = scope[name]
        for n, arguments in sizes.items():
            plain.clear()
            both(function, made_explained(made), arguments)
            assert n < 5 or not plain, compiled.source()


def made_explained(function):
    """A function with what `both` asks of a compiled one."""

    def call(*given):
        return function(*given)

    call.explain = lambda: "source"
    return call


MODULE = '''
"""Kernels."""
from __future__ import annotations

import gain
import numpy as np

SCALE = 2.0


@gain.jit
def scaled(x: list[float], y: "float64[:]", at: int):
    for i in range(len(x)):
        y[i] = SCALE * x[i] + at


@gain.jit
def unknown(x):
    return x


def main():
    y = np.zeros(3)
    scaled([1.0, 2.0, 3.0], y, 4)
    print(y.tolist())


if __name__ == "__main__":
    main()
'''


def test_gain_compile(tmp_path):
    source = tmp_path / "kernel.py"
    source.write_text(MODULE)
    done = subprocess.run([sys.executable, "-m", "gain._source", source], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "scaled: L1f A1f i" in done.stdout and "unknown: as it is" in done.stdout, done.stdout + done.stderr
    made = (tmp_path / "kernel_gain.py").read_text()
    done = subprocess.run([sys.executable, tmp_path / "kernel_gain.py"], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[6.0, 8.0, 10.0]\n", done.stderr
    assert "@gain.jit" not in made and "import gain" not in made and made.index("__future__") < made.index("import numpy as _np")
