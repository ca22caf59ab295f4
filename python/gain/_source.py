"""`gain compile`: a file of kernels as another Python file, which needs NumPy alone.

Each function of `gain.jit` is followed by its versions, in slices and products of matrices where its loops can be, and by a function of its name that chooses one: by the
kinds of arguments, then by guards; else, and whenever a version meets what Python would raise for, it calls the original, with the arguments as they were. Kinds are
those of annotations (`float`, `int`, `list[list[float]]`, `"float64[:, :]"`), and those that the function was called with in earlier runs.
"""

import argparse
import ast
import importlib.util
import inspect
import pathlib
import re
import sys

from . import _gain, _jit, _kernel_cache

__all__ = []

PRELUDE = pathlib.Path(__file__).with_name("_guards.py")


def kinds_of_hints(function):
    """Kinds that annotations say, as text; None if a parameter has none that says one."""
    kinds = []
    for name in inspect.signature(function).parameters:
        hint = function.__annotations__.get(name)
        kind = _kind(hint if isinstance(hint, str) else getattr(hint, "__name__", "") if "[" not in str(hint) else str(hint))
        if kind is None:
            return None
        kinds.append(kind)
    return " ".join(kinds)


def _kind(hint):
    hint = hint.strip("'\" ")
    if hint in ("float", "int"):
        return hint[0]
    if hint == "float64":
        return "F"
    array = re.fullmatch(r"(float|int)64\[(\s*:\s*(?:,\s*:\s*)*)\]", hint)
    if array:
        return f"A{array[2].count(':')}{array[1][0]}"
    nest = re.fullmatch(r"((?:list\[)+)(float|int)(\]+)", hint, re.IGNORECASE)
    if nest and nest[1].count("[") == len(nest[3]):
        return f"L{len(nest[3])}{nest[2][0]}"
    return None


def versions(jitted):
    """`[(kinds, version)]`: of calls, of annotations, of earlier runs."""
    if jitted._tree is None:
        return []
    jitted._look()
    known = list(jitted._versions)
    hinted = kinds_of_hints(jitted._function)
    if hinted and jitted._extra:
        hinted = f"{hinted} {_gain.jit_kinds(jitted._extra)[0]}"
    wanted = [*known, *([hinted] if hinted else []), *_kernel_cache.kinds_of(jitted._tree)]
    found = {}
    for kinds in wanted:
        version = jitted._version(kinds)
        if not isinstance(version, str):
            found[kinds] = version
    return list(found.items())


def function_text(jitted, name):
    """The versions of a function and what chooses one, as text to follow the function of this name; empty if there are none."""
    found = versions(jitted)
    if not found:
        return ""
    parameters = list(inspect.signature(jitted._function).parameters)
    given = ", ".join([*parameters, *(name for name in jitted._names if jitted._meanings.get(name) == "")])
    lines = [f"_{name} = {name}  # the original", "", ""]
    for number, (_, version) in enumerate(found, 1):
        lines += [*version.python(f"_{name}_{number}").rstrip().split("\n"), "", ""]
    lines += [f"def {name}({', '.join(parameters)}):", f"    kinds = _kinds_of({given})"]
    for number, (kinds, version) in enumerate(found, 1):
        written = tuple(at for at, writes in enumerate(version.written()) if writes)
        lines += [
            f"    if kinds == {kinds!r}:",
            f"        done, result = _attempt(_{name}_{number}, ({given},), writes={written})",
            "        if done:",
            "            return result",
        ]
    lines += [f"    return _{name}({', '.join(parameters)})", ""]
    return "\n".join(lines)


def module_text(text, jitted, origin):
    """The text of a file in which these functions, by name, are followed by their versions."""
    tree = ast.parse(text)
    lines, out, at = text.split("\n"), [], 0
    decorators = [part for node in tree.body if isinstance(node, ast.FunctionDef) for part in filter(_is_jit, node.decorator_list)]
    marks = {id(part) for decorator in decorators for part in ast.walk(decorator)}
    used = {part.id for part in ast.walk(tree) if isinstance(part, ast.Name) and id(part) not in marks}
    for node in tree.body:
        if _is_for_decorators(node, used):
            out += lines[at:node.lineno - 1]
            at = node.end_lineno
            continue
        if not isinstance(node, ast.FunctionDef) or node.name not in jitted:
            continue
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
        kept = [decorator for decorator in node.decorator_list if not _is_jit(decorator)]
        out += lines[at:first]
        for decorator in kept:
            out += ["@" + ast.get_source_segment(text, decorator)]
        out += [*lines[node.lineno - 1:node.end_lineno], "", ""]
        out += function_text(jitted[node.name], node.name).split("\n")
        at = node.end_lineno
    out += lines[at:]
    head = f'# Made by `gain compile {origin}`: kernels as NumPy computes them fast, behind guards; the original is behind them.\n'
    future = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    if future:
        end = future[-1].end_lineno
        rest = "\n".join(out).split("\n")
        return "\n".join(rest[:end]) + "\n" + head + PRELUDE.read_text() + "\n\n" + "\n".join(rest[end:])
    return head + PRELUDE.read_text() + "\n\n" + "\n".join(out)


def _is_for_decorators(node, used):
    """Whether it imports gain, or `jit` of it, for nothing else."""
    is_ours = isinstance(node, ast.ImportFrom) and node.module == "gain" or isinstance(node, ast.Import) and all(alias.name == "gain" for alias in node.names)
    return is_ours and not any((alias.asname or alias.name) in used for alias in node.names)


def _is_jit(decorator):
    name = decorator.func if isinstance(decorator, ast.Call) else decorator
    return name.attr == "jit" if isinstance(name, ast.Attribute) else isinstance(name, ast.Name) and name.id == "jit"


def main(arguments):
    """Writes the file; the exit code."""
    parser = argparse.ArgumentParser("gain compile")
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("-o", "--output", type=pathlib.Path)
    options = parser.parse_args(arguments)
    output = options.output or options.file.with_name(options.file.stem + "_gain.py")
    sys.path.insert(0, str(options.file.parent.resolve()))
    spec = importlib.util.spec_from_file_location(options.file.stem, options.file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[options.file.stem] = module
    spec.loader.exec_module(module)
    jitted = {name: value for name, value in vars(module).items() if isinstance(value, _jit._Jit)}
    if not jitted:
        print(f"gain compile: {options.file} has no function of gain.jit", file=sys.stderr)
        return 1
    output.write_text(module_text(options.file.read_text(), jitted, options.file.name))
    for name, function in jitted.items():
        kinds = [kinds for kinds, _ in versions(function)]
        why = function._why or next((why for why in function._versions.values() if isinstance(why, str)), "its kinds of arguments aren't known: annotate them, or call it once")
        print(f"{name}: {'; '.join(kinds) if kinds else f'as it is, because of {why}'}")
    print(output)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
