"""A plugin of pytest that runs test files of NumPy's on gain: `own_plugin.py FOLDER RESULTS START FILE...`.

Started plainly, or by `gain run` on every rank. A file is read from NumPy's wheel and executed with gain's names for its imports (`own_names`). What a file computes while it is read (arguments
of `parametrize`, module-level values) may need what gain lacks: each such piece then fails the tests that depend on it, and no others. One line of JSON
in RESULTS.<rank> says when a test starts, and one how it ended, so that whoever reads the file after a crash knows which test it was. The first START tests are left out.
"""

import ast
import builtins
import fnmatch
import json
import os
import resource
import sys
import types
import warnings

import gain
import numpy
import pytest

import own_names

# Tests that take minutes, because they make thousands of arrays to ask NumPy's inside about each: not run.
SLOW = ["test_mem_overlap.py::test_may_share_memory_*_fuzz"]
# Private memory of a rank, beside what gain's heap reserves.
MEMORY = 6 << 30


class Broken:
    """A module-level value that could not be made."""

    def __init__(self, error):
        self._error = error

    def _fail(self, *arguments, **keywords):
        raise self._error

    __call__ = __iter__ = __len__ = __getitem__ = _fail

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._error


def broken_case(error, count):
    """A set of `count` arguments whose test fails with `error`."""
    return pytest.param(*[error] * count, marks=pytest.mark.own_broken(error))


def case_list(values, count):
    """All of what `values` yields, as far as it comes."""
    made = []
    try:
        made.extend(values)
    except Exception as error:  # noqa: BLE001
        made.append(broken_case(error, count))
    return made


def argument_count(node):
    names = ast.literal_eval(node)
    return len([name for name in names.split(",") if name.strip()]) if isinstance(names, str) else len(names)


class Apart(ast.NodeTransformer):
    """Puts each piece that is computed while the file is read into a `try` of its own."""

    def __init__(self):
        self.count = 0

    def tried(self, value, otherwise):
        """Statements that compute `value` into a new name, and the name; on failure it is `otherwise`, an expression of `error`."""
        name = f"_own_{self.count}"
        self.count += 1
        target = ast.Name(name, ast.Store())
        handler = ast.ExceptHandler(
            ast.Name("Exception", ast.Load()), "_own_error",
            [ast.Assign([target], ast.parse(otherwise.replace("error", "_own_error"), mode="eval").body)],
        )
        attempt = ast.Try([ast.Assign([target], value)], [handler], [], [])
        ast.copy_location(attempt, value)
        return attempt, ast.copy_location(ast.Name(name, ast.Load()), value)

    def decorator(self, node):
        before = []
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.parametrize" and len(node.args) > 1:
            values = node.args[1]
            try:
                count = argument_count(node.args[0])
            except ValueError:
                count = None
            if count and isinstance(values, (ast.List, ast.Tuple)):
                for place, value in enumerate(values.elts):
                    if isinstance(value, (ast.Constant, ast.Starred)):
                        continue
                    attempt, values.elts[place] = self.tried(value, f"_own_case(error, {count})")
                    before.append(attempt)
            elif count:
                call = ast.Call(ast.Name("_own_list", ast.Load()), [values, ast.Constant(count)], [])
                node.args[1] = ast.copy_location(call, values)
        attempt, name = self.tried(node, "pytest.mark.own_broken(error)")
        return [*before, attempt], name

    def visit_FunctionDef(self, node):
        before = []
        for place, decorator in enumerate(node.decorator_list):
            attempt, node.decorator_list[place] = self.decorator(decorator)
            before += attempt
        if isinstance(node, ast.ClassDef):
            node.body = self.statements(node.body)
        return [*before, node]

    visit_ClassDef = visit_FunctionDef

    def statements(self, body):
        """The statements of a module or class."""
        done = []
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                done += self.visit_FunctionDef(node)
            elif isinstance(node, ast.Assign) and all(isinstance(target, ast.Name) for target in node.targets):
                attempt, name = self.tried(node.value, "_own_broken_value(error)")
                done += [attempt, ast.copy_location(ast.Assign(node.targets, name), node)]
            elif isinstance(node, ast.Expr):
                done.append(self.tried(node.value, "None")[0])
            else:
                done.append(node)
        return done


class File(pytest.Module):
    """A test file of NumPy's."""

    def _getobj(self):
        tree = ast.parse(self.path.read_text())
        tree.body = Apart().statements(tree.body)
        code = compile(ast.fix_missing_locations(tree), str(self.path), "exec")
        name = ".".join(self.path.relative_to(self.config.rootpath).with_suffix("").parts)
        module = types.ModuleType(name)
        module.__dict__.update(
            __file__=str(self.path), __builtins__={**vars(builtins), "__import__": own_names.importing},
            _own_case=broken_case, _own_list=case_list, _own_broken_value=Broken,
        )
        sys.modules[name] = module
        exec(code, module.__dict__)
        return module


class Plugin:
    """Collects, and writes down what comes out."""

    def __init__(self, results, start):
        self.file = open(results, "a")
        self.start = start
        self.failure = None

    def say(self, **line):
        print(json.dumps(line), file=self.file, flush=True)

    def pytest_configure(self, config):
        for mark in ("own_broken", "slow", "parallel_threads", "iterations", "thread_unsafe", "leaks_references", "valgrind_error"):
            config.addinivalue_line("markers", mark)

    def pytest_pycollect_makemodule(self, module_path, parent):
        return File.from_parent(parent, path=module_path)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items):
        # NumPy's files name some tests twice in the same way.
        items[:] = [item for item in items if not any(fnmatch.fnmatchcase(item.nodeid.rpartition("/")[2], slow) for slow in SLOW)]
        if not self.start:
            self.say(collected=len(items))
        del items[: self.start]

    def pytest_collectreport(self, report):
        if report.failed and not self.start:
            self.say(id=report.nodeid, verdict="failed", kind="collection", text=str(report.longrepr)[-2000:])

    def pytest_runtest_logstart(self, nodeid):
        self.failure = None
        self.verdict = None
        self.say(start=nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item):
        own_names.seeded()
        for mark in item.iter_markers("own_broken"):
            raise mark.args[0]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = yield
        if report.skipped or report.outcome == "skipped":
            self.verdict = self.verdict or "skipped"
        elif report.failed:
            self.verdict = "failed"
            error = call.excinfo.value if call.excinfo else None
            self.failure = self.failure or [type(error).__name__, str(error)[-2000:], where(call.excinfo)]
        return report

    def pytest_runtest_logfinish(self, nodeid):
        kind, text, line = self.failure or ("", "", "")
        self.say(id=nodeid, verdict=self.verdict or "passed", kind=kind, text=text, line=line)
        if "ranks decided differently" in text:
            # Nothing that comes after would tell anything: the job is started anew.
            os._exit(3)


def where(info):
    """The last line of the test file in the traceback."""
    if not info:
        return ""
    lines = [entry.lineno + 1 for entry in info.traceback if "/numpy/" in str(entry.path) and "/tests/" in str(entry.path)]
    return lines[-1] if lines else ""


def limit_memory():
    gain.barrier()
    with open("/proc/self/status") as status:
        reserved = next(int(line.split()[1]) << 10 for line in status if line.startswith("VmData"))
    resource.setrlimit(resource.RLIMIT_DATA, (reserved + MEMORY,) * 2)


def main(folder, results, start, *files):
    limit_memory()
    os.environ["NPY_AVAILABLE_MEM"] = "2 GB"
    os.environ["NUMPY_EXPERIMENTAL_DTYPE_API"] = "1"
    os.chdir(folder)
    root = os.path.dirname(os.path.dirname(numpy.__file__))
    own_names.Random.is_tested = all(file.startswith("numpy/random/") for file in files)
    plugin = Plugin(f"{results}.{gain.rank()}", int(start))
    try:
        import hypothesis

        hypothesis.settings.register_profile("own", deadline=None, database=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck))
        hypothesis.settings.load_profile("own")
    except ImportError:
        warnings.warn("without hypothesis some files can't be read")
    arguments = ["-q", "--noconftest", "--continue-on-collection-errors", f"--rootdir={root}", "-p", "no:cacheprovider", "-p", "no:logging", "--tb=short", "-o", "addopts="]
    arguments += [f"--basetemp={folder}/tmp.{gain.rank()}", *(os.path.join(root, file) for file in files)]
    pytest.main(arguments, plugins=[plugin])


if __name__ == "__main__":
    main(*sys.argv[1:])
