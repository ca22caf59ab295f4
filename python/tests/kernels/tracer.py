"""What loops do when they run: an interpreter of kernels that notes every access and says what each loop carries.

The oracle of the compiler's dependence test. A loop is `parallel` if no place is touched by two of its iterations, one of which writes; `reduction` if all that
touch it so are accumulations of one operation; else `carried`. Scalars that every iteration assigns before it reads them don't count.
"""

import ast
import inspect
import math
import textwrap

ORDER = ["parallel", "reduction", "carried"]
FOLDS = {ast.Add: "+", ast.Sub: "+", ast.Mult: "*"}
BINARY = {
    ast.Add: lambda a, b: a + b, ast.Sub: lambda a, b: a - b, ast.Mult: lambda a, b: a * b, ast.Div: lambda a, b: a / b, ast.Pow: lambda a, b: a**b,
    ast.FloorDiv: lambda a, b: a // b, ast.Mod: lambda a, b: a % b,
}
COMPARE = {
    ast.Lt: lambda a, b: a < b, ast.LtE: lambda a, b: a <= b, ast.Gt: lambda a, b: a > b, ast.GtE: lambda a, b: a >= b, ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
}


def same(a, b):
    """Whether two expressions are the same text."""
    return ast.unparse(a) == ast.unparse(b)


def within(whole, part):
    """Whether the text of an expression is in another."""
    return any(isinstance(node, type(part)) and same(node, part) for node in ast.walk(whole))


def fold_of(target, value):
    """The operation by which `target = value` accumulates, or None."""
    if isinstance(value, ast.BinOp) and type(value.op) in FOLDS:
        if same(value.left, target) and not within(value.right, target):
            return FOLDS[type(value.op)]
        if same(value.right, target) and not within(value.left, target) and not isinstance(value.op, ast.Sub):
            return FOLDS[type(value.op)]
    pair = name = None
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in ("max", "min") and len(value.args) == 2:
        pair, name = value.args, value.func.id
    if isinstance(value, ast.IfExp) and isinstance(value.test, ast.Compare) and type(value.test.ops[0]) in (ast.Lt, ast.Gt):
        if same(value.test.left, value.body) and same(value.test.comparators[0], value.orelse):
            pair, name = (value.body, value.orelse), "min" if isinstance(value.test.ops[0], ast.Lt) else "max"
    if pair:
        one, other = (same(part, target) for part in pair)
        if one and not within(pair[1], target) or other and not within(pair[0], target):
            return name
    return None


class Tracer:
    """Runs a function on lists."""

    def __init__(self, function):
        self.tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        self.loops = []
        self.number(self.tree.body)
        self.classes = dict.fromkeys(range(len(self.loops)), "parallel")
        self.active = []

    def number(self, body):
        for node in body:
            if isinstance(node, ast.For):
                node.index = len(self.loops)
                self.loops.append(node)
            for field in ("body", "orelse"):
                self.number(getattr(node, field, []))

    def run(self, *arguments):
        """Runs it; the class of each loop, in the order of the source, over all runs so far."""
        self.names = dict(zip((arg.arg for arg in self.tree.args.args), arguments))
        self.block(self.tree.body)
        return [self.classes[at] for at in range(len(self.loops))]

    def touch(self, place, is_write, fold):
        for notes, iteration in self.active:
            notes.setdefault(place, {}).setdefault(iteration, []).append((is_write, fold))

    def block(self, body):
        for node in body:
            self.statement(node)

    def statement(self, node):
        if isinstance(node, ast.For):
            values = [self.value(arg) for arg in node.iter.args]
            notes = {}
            for iteration, value in enumerate(range(*values)):
                self.active.append((notes, iteration))
                self.names[node.target.id] = value
                self.block(node.body)
                self.active.pop()
            self.judge(node.index, notes)
        elif isinstance(node, ast.If):
            self.block(node.body if self.value(node.test) else node.orelse)
        elif isinstance(node, ast.Assign):
            target = node.targets[0]
            if isinstance(target, ast.Tuple):
                for one, value in zip(target.elts, [self.value(value) for value in node.value.elts]):
                    self.store(one, value, None)
                return
            fold = fold_of(target, node.value)
            self.store(target, self.value(node.value, fold and (target, fold)), fold)
        elif isinstance(node, ast.AugAssign):
            fold = FOLDS.get(type(node.op)) if not within(node.value, node.target) else None
            old = self.value(node.target, fold and (node.target, fold))
            self.store(node.target, BINARY[type(node.op)](old, self.value(node.value)), fold)
        elif not isinstance(node, (ast.Expr, ast.Pass)):
            raise NotImplementedError(ast.unparse(node))

    def judge(self, index, notes):
        worst = "parallel"
        for place, iterations in notes.items():
            if len(iterations) < 2 or not any(is_write for uses in iterations.values() for is_write, _ in uses):
                continue
            if isinstance(place, str):
                if all(uses[0][0] for uses in iterations.values()):
                    continue
                folds = {fold for uses in iterations.values() for _, fold in uses}
                found = "reduction" if len(folds) == 1 and None not in folds else "carried"
            else:
                found = "parallel"
                for one, uses in iterations.items():
                    for other, others in iterations.items():
                        if one < other:
                            for (w, f) in set(uses):
                                for (v, g) in set(others):
                                    if w or v:
                                        this = "reduction" if f is not None and f == g else "carried"
                                        found = max(found, this, key=ORDER.index)
            worst = max(worst, found, key=ORDER.index)
        self.classes[index] = max(self.classes[index], worst, key=ORDER.index)

    def place(self, node):
        """The list and the subscript of an element."""
        base = node.value
        held = self.row(base)
        index = self.value(node.slice)
        return held, index + len(held) if index < 0 else index

    def row(self, node):
        if isinstance(node, ast.Subscript):
            return self.row(node.value)[self.value(node.slice)]
        return self.names[node.id]

    def store(self, target, value, fold):
        if isinstance(target, ast.Name):
            if not isinstance(value, list):
                self.touch(target.id, True, fold)
            self.names[target.id] = value
            return
        held, index = self.place(target)
        self.touch((id(held), index), True, fold)
        held[index] = value

    def value(self, node, accumulating=None):
        of = lambda part: self.value(part, accumulating)  # noqa: E731
        fold = accumulating[1] if accumulating and type(node) is type(accumulating[0]) and same(node, accumulating[0]) else None
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            value = self.names[node.id]
            is_loop = any(loop.target.id == node.id for loop in self.loops)
            if not isinstance(value, list) and not is_loop:
                self.touch(node.id, False, fold)
            return value
        if isinstance(node, ast.Subscript):
            held, index = self.place(node)
            if not isinstance(held[index], list):
                self.touch((id(held), index), False, fold)
            return held[index]
        if isinstance(node, ast.BinOp):
            if isinstance(node.left, ast.List):
                return [of(node.left.elts[0])] * of(node.right)
            return BINARY[type(node.op)](of(node.left), of(node.right))
        if isinstance(node, ast.UnaryOp):
            return not of(node.operand) if isinstance(node.op, ast.Not) else -of(node.operand)
        if isinstance(node, ast.Compare):
            return all(COMPARE[type(op)](of(a), of(b)) for op, a, b in zip(node.ops, [node.left, *node.comparators], node.comparators))
        if isinstance(node, ast.BoolOp):
            return all(map(of, node.values)) if isinstance(node.op, ast.And) else any(map(of, node.values))
        if isinstance(node, ast.IfExp):
            return of(node.body) if of(node.test) else of(node.orelse)
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                return getattr(math, node.func.attr)(*map(of, node.args))
            if node.func.id == "len":
                return len(self.row(node.args[0]))
            return {"max": max, "min": min, "float": float, "abs": abs}[node.func.id](*map(of, node.args))
        raise NotImplementedError(ast.unparse(node))
