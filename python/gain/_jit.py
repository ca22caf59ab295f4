"""`jit`: functions compiled as loop nests, for the types they are called with; what isn't understood runs as it is.

A call goes through three gates: kinds of the arguments choose a compiled version, its guards are evaluated on them, and a run that meets what Python
would raise for is abandoned, with the arguments as they were. Behind each gate stands the plain function.
"""

import ast
import functools
import inspect
import itertools
import math
import operator
import textwrap

import numpy

from . import _gain

__all__ = ["jit"]

_MISSING = object()
_NEVER = itertools.repeat(_MISSING)
_OPERATORS = (ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context)


def _text(node):
    """A syntax tree as the text that the compiler reads."""
    if isinstance(node, _OPERATORS):
        return f'"{type(node).__name__}"'
    if isinstance(node, list):
        return f"[{' '.join(map(_text, node))}]"
    if isinstance(node, str):
        return '"' + node.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if node is None or isinstance(node, (bool, int, float)):
        return "~" if node is None else repr(node)
    if not isinstance(node, ast.AST):
        return "~"
    fields = [f"{name} {_text(value)}" for name, value in ast.iter_fields(node) if value is not None]
    if isinstance(node, ast.Constant) and (node.value is None or node.value is Ellipsis):
        fields.append('is "none"' if node.value is None else 'is "ellipsis"')
    return f"({type(node).__name__} {getattr(node, 'lineno', 0)} {' '.join(fields)})"


def _known(value):
    """What a global is called there; None for what is unknown, the empty text for numbers."""
    if value is math:
        return "math"
    if value is numpy or getattr(value, "__name__", None) == "gain" and hasattr(value, "newaxis"):
        return "numpy"
    if type(value) in (int, float):
        return ""
    if isinstance(value, numpy.ufunc) and getattr(numpy, value.__name__, None) is value:
        return f"numpy.{value.__name__}"
    name = getattr(value, "__name__", None)
    for module in (math, numpy):
        if isinstance(name, str) and getattr(module, name, None) is value:
            return f"{module.__name__}.{name}"
    return None


class _Jit:
    """A function and its compiled versions."""

    def __init__(self, function, strict):
        functools.update_wrapper(self, function)
        self._function, self._strict = function, strict
        self._of_meanings, self._said, self._why = {}, None, None
        try:
            lines, first = inspect.getsourcelines(function)
            tree = ast.parse(textwrap.dedent("".join(lines))).body[0]
            ast.increment_lineno(tree, first - 1)
            if not isinstance(tree, ast.FunctionDef):
                raise ValueError(0, "not a function of `def`")
            if function.__closure__:
                raise ValueError(tree.lineno, "a function that uses names of another around it")
            tree.decorator_list, tree.returns, tree.type_params = [], None, []
            for argument in tree.args.args:
                argument.annotation = None
            self._tree, self._defaults = _text(tree), bool(function.__defaults__ or function.__kwdefaults__)
            self._names = sorted(set(function.__code__.co_names))
            self._look()
        except (OSError, TypeError, SyntaxError, ValueError, RecursionError) as error:
            self._tree, self._why = None, _reason(error)

    def __call__(self, *args, **named):
        if self._tree is None or named or not args:
            return self._plain(self._why or "a call with named arguments, or without any", args, named)
        if not all(map(operator.is_, map(self._function.__globals__.get, self._names, _NEVER), self._seen)):
            self._look()
        given = (*args, *self._extra) if self._extra else args
        kinds, why = _gain.jit_kinds(given)
        if kinds is None:
            if _are_spread(args):
                version = self._of_ranks(args)
                if version is not None:
                    return self._together(version, args)
            given = self._numpys(args)
            if given is args:
                return self._plain(why, args, named)
            return self._through_copies(args, given)
        version = self._version(kinds)
        if isinstance(version, str):
            return self._plain(version, args, named, kinds)
        done, result = version.run(given)
        if not done:
            return self._plain(result, args, named, kinds)
        self._said = (kinds, None, version)
        return result

    def _of_ranks(self, args):
        """The version that ranks run together, if all that it writes to is spread over them; else None."""
        shapes = tuple(numpy.empty((0,) * arg.ndim, arg.dtype) if type(arg) is _gain.ndarray else arg for arg in args)
        kinds, _ = _gain.jit_kinds((*shapes, *self._extra))
        version = kinds and self._version(kinds)
        if not version or isinstance(version, str):
            return None
        written = version.written()
        if any(writes and not (type(arg) is _gain.ndarray and arg.flags.writeable) for arg, writes in zip(args, written)):
            return None
        return None if _overlap(args, written) else (kinds, version)

    def _together(self, version, args):
        """A call by all ranks, each of which does a part."""
        kinds, version = version
        done, result = version.run((*args, *self._extra), True)
        if not done:
            return self._plain(result, args, {}, kinds)
        self._said = (kinds, None, version)
        return _back(result, args, args)

    def _through_copies(self, args, given):
        """A call with arrays that aren't NumPy's or not in C order: on copies, and what is written goes back."""
        kinds, why = _gain.jit_kinds((*given, *self._extra))
        if kinds is None:
            return self._plain(why, args, {})
        version = self._version(kinds)
        if isinstance(version, str):
            return self._plain(version, args, {}, kinds)
        written = version.written()
        if _overlap(args, written):
            return self._plain("arguments that may overlap", args, {}, kinds)
        if any(writes and isinstance(arg, (numpy.ndarray, _gain.ndarray)) and not arg.flags.writeable for arg, writes in zip(args, written)):
            return self._plain("an argument that may not be written to", args, {}, kinds)
        done, result = version.run((*given, *self._extra))
        if not done:
            return self._plain(result, args, {}, kinds)
        for array, copy, writes in zip(args, given, written):
            if writes and copy is not array and not (type(array) is _gain.ndarray and _gain.jit_in_place(array)):
                array[...] = copy
        self._said = (kinds, None, version)
        return _back(result, args, given)

    def _version(self, kinds):
        """The version for these kinds, or why there is none."""
        version = self._versions.get(kinds)
        if version is None:
            version = self._versions[kinds] = self._compiled(kinds)
        return version

    def _plain(self, why, args, named, kinds=None):
        self._said = (kinds, why, None)
        return self._function(*args, **named)

    def _numpys(self, args):
        """The arguments, with NumPy arrays in C order for arrays that are not; the same object if there are none."""
        given = []
        for arg in args:
            if type(arg) is _gain.ndarray and _gain.jit_in_place(arg):
                given.append(numpy.asarray(arg))
            elif type(arg) is _gain.ndarray:
                given.append(numpy.array(arg.numpy(), order="C"))
            elif type(arg) is numpy.ndarray and not arg.flags.c_contiguous:
                given.append(numpy.array(arg, order="C"))
            else:
                given.append(arg)
        return args if all(map(operator.is_, args, given)) else tuple(given)

    def _look(self):
        """Finds out what the global names mean now; versions are kept for each meaning."""
        scope = self._function.__globals__
        self._seen = [scope.get(name, _MISSING) for name in self._names]
        self._meanings, extra = {}, []
        for name, value in zip(self._names, self._seen):
            if value is not _MISSING:
                known = _known(value)
                # What nobody knows, or hides a builtin, is refused where it is used.
                self._meanings[name] = "?" if known is None else known
                if known == "":
                    extra.append(value)
        self._extra = tuple(extra)
        self._versions = self._of_meanings.setdefault(tuple(self._meanings.items()), {})

    def _compiled(self, kinds):
        # (What `import gain` brings along is little.)
        from . import _kernel_cache

        if self._defaults:
            return "default values of arguments"
        try:
            name = _kernel_cache.key(self._tree, self._meanings, kinds, self._strict)
            content = _kernel_cache.load(name)
            if content is not None:
                try:
                    return _gain.Jit.kept(content, kinds)
                except ValueError:
                    pass
            version = _gain.Jit(self._tree, self._meanings, kinds, self._strict)
        except ValueError as error:
            return _reason(error)
        _kernel_cache.store(name, version.to_keep())
        _kernel_cache.note(self._tree, kinds)
        return version

    def loops(self):
        """Line and class (`parallel`, `reduction`, `carried`) of each loop of the version that ran last; None if that was the plain function."""
        return self._said and self._said[2] and self._said[2].loops()

    def source(self):
        """The versions of the function so far as Python that needs NumPy alone, with what chooses one of them: what `gain compile` writes behind it."""
        from ._source import function_text

        return function_text(self, self._function.__name__)

    def explain(self):
        """Which version ran last, or the first thing that kept the function from being compiled or run so, and the kernel as it is run."""
        name = self._function.__name__
        if self._said is None and self._tree is not None:
            return f"{name}: not called yet"
        kinds, why, version = self._said or (None, self._why, None)
        if version is None:
            return f"{name}({kinds or ''}): the plain function, because of {why}"
        loops = "".join(f"# line {line}: {what}\n" for line, what in version.loops())
        return f"{name}({kinds}): compiled\n{loops}{version.text()}"


def _overlap(args, written):
    """Whether something that is written to may have elements in common with another argument."""
    pairs = [(at, to) for at in range(len(args)) for to in range(len(args)) if at != to and written[at]]
    return any(_may_overlap(args[at], args[to]) for at, to in pairs)


def _may_overlap(one, other):
    if isinstance(one, numpy.ndarray) and isinstance(other, numpy.ndarray):
        return numpy.may_share_memory(one, other)
    if isinstance(one, _gain.ndarray) and isinstance(other, _gain.ndarray):
        return one is other or _root(one) is _root(other)
    both = (isinstance(one, _gain.ndarray), isinstance(other, _gain.ndarray))
    return any(both) and isinstance(one, (numpy.ndarray, _gain.ndarray)) and isinstance(other, (numpy.ndarray, _gain.ndarray)) and _root(one) is _root(other)


def _root(array):
    """What an array shows the elements of."""
    while getattr(array, "base", None) is not None:
        array = array.base
    return array


def _are_spread(args):
    """Whether an argument's elements are on several ranks."""
    return any(type(arg) is _gain.ndarray and arg.ndim > 0 and not arg.is_replicated for arg in args) and _gain.ranks() > 1


def _contract(out, operands, factor, masks):
    """`out += factor * product of operands`, summed over the indices that `out` doesn't have; each is an array and, for each axis, (index, first, end) or (-1, place, 0)."""
    parts = []
    for array, axes in (out, *operands):
        view = array[tuple(slice(first, end) if index >= 0 else first for index, first, end in axes)]
        parts.append((view, [index for index, _, _ in axes if index >= 0]))
    (target, letters), *factors = parts
    for whom, a, b, offset in masks:
        view, of = (target, letters) if whom is None else factors[whom]
        at = {index: place for place, index in enumerate(of)}
        apart = numpy.subtract.outer(numpy.arange(view.shape[at[a]]), numpy.arange(view.shape[at[b]])) + offset >= 0
        apart = apart if at[a] < at[b] else apart.T
        apart = apart[tuple(slice(None) if index in (a, b) else None for index in of)]
        if whom is None:
            factors.append((apart, None))
        else:
            factors[whom] = (numpy.where(apart, view, 0.0), of)
    keeps = [mask for mask, of in factors if of is None]
    factors = [part for part in factors if part[1] is not None]
    if len(factors) == 2:
        product = _product(*factors, letters)
    else:
        product = numpy.einsum(*(part for pair in factors for part in pair), letters, optimize=True)
    if factor != 1.0:
        product = numpy.multiply(product, factor)
    if any(whom is not None for whom, *_ in masks) and not numpy.isfinite(product).all():
        raise ArithmeticError("numbers that aren't finite, which zeros of a masked operand may have spread")
    if not keeps:
        target += product
        return
    where = keeps[0]
    for keep in keeps[1:]:
        where = where & keep
    numpy.add(target, product, out=target, where=where)


def _product(left, right, letters):
    """A product of two arrays with named axes, as one product of matrices where it is one."""
    (a, of_a), (b, of_b) = left, right
    summed = [index for index in of_a if index in of_b and index not in letters]
    if any(index in of_b for index in of_a if index in letters) or len(summed) + len(letters) != len({*of_a, *of_b}):
        return numpy.einsum(a, of_a, b, of_b, letters, optimize=True)
    product = numpy.tensordot(a, b, ([of_a.index(index) for index in summed], [of_b.index(index) for index in summed]))
    have = [index for index in (*of_a, *of_b) if index not in summed]
    return product.transpose([have.index(index) for index in letters])


def _reason(error):
    """Line and words of what the compiler refused."""
    if len(error.args) == 2 and isinstance(error.args[0], int):
        line, what = error.args
        return f"line {line}: {what}" if line else what
    return str(error)


def _back(result, args, given):
    """The result, with arguments in place of the copies that stood for them."""
    if isinstance(result, tuple):
        return tuple(_back(part, args, given) for part in result)
    for array, copy in zip(args, given):
        if result is copy:
            return array
    if isinstance(result, numpy.ndarray) and any(type(arg) is _gain.ndarray for arg in args):
        import gain

        return gain.asarray(result)
    return result


def jit(function=None, *, strict=False):
    """Compiles a function, for each combination of types that it is called with; `f.explain()` says what became of it.

    Understood are loops over ranges, numbers, regular lists of floats or ints, arrays of `float64` or `int64`, and NumPy's operators on them. Whatever else,
    a guard that fails, and what Python would raise for, runs as the plain function. `strict=True` forbids that sums of floats are taken in another order.
    """
    if function is None:
        return functools.partial(jit, strict=strict)
    return _Jit(function, strict)
