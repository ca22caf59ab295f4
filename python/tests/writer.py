"""Writes random programs: statements over a pool of arrays, made while NumPy runs them. See programs.py."""

import warnings

import numpy

from chooser import Chooser, DTYPES, namespace, NUMBERS, Rejected, ROUNDED


class Writer(Chooser):
    """Writes one program. A method that writes statements returns `(text, names it sets, names of arrays it writes into, eps)`."""

    def creates(self):
        dtype, shape, name = self.one(DTYPES), self.shape(), self.fresh()
        step, modulus = self.one([1, 3, 5, 7]), self.one([5, 7, 11, 23])
        size = int(numpy.prod(shape, dtype=int))
        made = f"np.array(values({size}, {dtype!r}, {step}, {modulus})).reshape({shape})"
        return self.one([
            f"{name} = {made}",
            f"{name} = {made}",
            f"{name} = {made}",
            f"{name} = np.array({made}, order='F')",
            f"{name} = np.zeros({shape}, {dtype!r}, order={self.one('CF')!r})",
            f"{name} = np.full({shape}, {self.one(['1', '2', '0', '3'])}, {dtype!r})",
            f"{name} = np.ones({shape})",
            f"{name} = np.arange({size}).reshape({shape})",
            f"{name} = np.arange({size}, dtype={'f8' if dtype == '?' else 'i4' if dtype in ('i1', 'u1') else dtype!r}).reshape({shape})",
        ]), [name], [], None

    def computes(self):
        text, eps = self.expression()
        name = self.one([self.fresh(), self.fresh(), self.variable()])
        if self.chance(0.1):
            return f"with np.errstate(all='ignore'): {name} = {text}", [name], [], eps
        return f"{name} = {text}", [name], [], eps

    def views(self):
        source, name = self.variable(), self.fresh()
        return f"{name} = {self.view(source)}", [name], [], self.rounding(self.names[source])

    def aliases(self):
        source = self.variable()
        way = self.one(["{}", "{}[...]", "{}.copy()", "{}.copy('K')", "{}.copy('F')", "+{}", "np.array({})", "np.ascontiguousarray({})", "np.asfortranarray({})",
                        "{}.flatten()", "{}.copy().T", "np.copy({})", "np.asarray({})", "{}.view()", "{}[()]"])
        name = self.fresh()
        return f"{name} = {way.format(source)}", [name], [], self.rounding(self.names[source])

    def target(self):
        """A writeable variable, or a view of one."""
        name = self.variable(lambda array: array.flags.writeable)
        return (f"{name}[{self.key(self.names[name].shape)}]" if self.chance(0.6) else f"{name}[...]"), name

    def assigned(self, target, name, text, eps):
        """Checks that the value can be assigned."""
        value = numpy.asarray(self.value(text))
        self.convertible(value, self.names[name].dtype, eps)
        if self.names[name].dtype.kind not in "fc" and eps is not None:
            raise Rejected
        if self.strict and numpy.size(self.value(target)) == 0:
            raise Rejected  # nothing is computed, so nothing is told of
        try:
            numpy.broadcast_to(value, numpy.shape(self.value(target)))
        except ValueError:
            if not self.chance(0.03):
                raise Rejected from None

    def assigns(self):
        target, name = self.target()
        text, eps = (self.one(NUMBERS), None) if self.chance(0.25) else self.expression()
        self.assigned(target, name, text, eps)
        return f"{target} = {text}", [], [name], eps

    def overlaps(self):
        """A variable is set from shifted, reversed and transposed views of itself."""
        name = self.variable(lambda array: array.flags.writeable and array.ndim and array.size)
        array = self.names[name]
        if not self.exact(array):
            raise Rejected
        shifts = [self.one([0, 1, 1, 2]) if extent > 4 else 0 for extent in array.shape]
        inner = ", ".join(f"{shift}:-{shift}" if shift else ":" for shift in shifts)

        def neighbour():
            keys = []
            for shift in shifts:
                low = self.random.randrange(2 * shift + 1)
                keys.append(f"{low}:{low - 2 * shift or ''}" if shift else self.one([":", ":", "::-1"]))
            text = f"{name}[{', '.join(keys)}]"
            shape = self.value(text).shape
            if len(shape) > 1 and self.chance(0.2):
                text += f".swapaxes({self.random.randrange(len(shape))}, -1)"
            return text

        terms = [neighbour() for _ in range(self.one([1, 2, 2, 3, 4]))]
        text = f" {self.one('+-')} ".join(terms)
        if array.dtype.kind in "fc":
            text = f"({text}) * {self.one(['0.25', '0.5', '1'])}"
        target = f"{name}[{inner}]"
        self.assigned(target, name, text, None)
        return f"{target} {self.one(['=', '=', '=', '+='])} {text}", [], [name], None

    def augments(self):
        target, name = self.target()
        if self.chance(0.3):
            target = name
        text, eps = self.operand(target) if self.chance(0.6) else self.expression()
        operator = self.one(["+", "+", "-", "*", "*", "/", "//", "%", "&", "|", "^"])
        function = {"*": "multiply", "/": "divide", "//": "floor_divide", "%": "remainder", "&": "bits", "|": "bits", "^": "bits"}.get(operator, "add")
        _, eps = self.binary(f"({target} {operator} {text})", function, target, text, self.rounding(self.names[name]), eps)
        return f"{target} {operator}= {text}", [], [name], eps

    def outs(self):
        """Ufuncs with out=, where=, dtype=, order=, casting=."""
        one, eps = self.leaf()
        if self.chance(0.3):
            function = self.one(["negative", "absolute", "square", "sqrt", "exp", "floor", "conjugate", "isnan", "logical_not"])
            two, arguments, other = "0", one, None
            text, eps = self.unary_like(function, one, eps)
        else:
            function = self.one(["add", "subtract", "multiply", "divide", "maximum", "minimum", "less", "equal", "logical_and", "floor_divide", "power"])
            two, other = self.operand(one)
            arguments = f"{one}, {two}"
            like = "compare" if function in ("less", "equal", "logical_and") else function
            text, eps = self.binary(f"np.{function}({arguments})", like, one, two, eps, other)
        words, sets, writes = [], [], []
        value = numpy.asarray(self.value(text))
        if self.chance(0.7):
            target, name = self.target()
            wanted = [other for other in self.arrays(lambda array: array.flags.writeable and array.shape == value.shape)]
            if wanted and self.chance(0.7):
                target = name = self.one(wanted)
            if numpy.shape(self.value(target)) != value.shape and not self.chance(0.05):
                raise Rejected
            if not self.exact(self.names[name]) or eps is not None and self.names[name].dtype.kind not in "fc":
                raise Rejected
            words.append(f"out={target}")
            writes = [name]
            # (Where operands overlap an output of another type, NumPy 2.4 writes what `where` leaves out.)
            if self.chance(0.4) and value.dtype == self.names[name].dtype:
                mask, _ = self.mask(target)
                words.append(f"where={mask}")
            if self.chance(0.3):
                words.append(f"casting={self.one(['unsafe', 'same_kind', 'safe'])!r}")
                self.convertible(value, self.names[name].dtype, eps)
        if self.chance(0.25) and eps is None:
            words.append(f"dtype={self.one(['f8', 'f8', 'f4', 'f2', 'c16', 'i8'])!r}")
        if self.chance(0.2):
            # (What 'A' gives depends on which operands NumPy copies to convert them, which depends on their sizes.)
            words.append(f"order={self.one('CFK')!r}")
        call = f"np.{function}({', '.join([arguments, *words])})"
        if "dtype" in call and ("c16" in call or eps is not None or function in ROUNDED):
            eps = 1e-7
        if writes and self.chance(0.7):
            return call, [], writes, eps
        name = self.fresh()
        return f"{name} = {call}", [name], writes, eps

    def unary_like(self, function, one, eps):
        array = numpy.asarray(self.value(one))
        if eps is not None and function != "negative":
            raise Rejected
        text = f"np.{function}({one})"
        if function in ROUNDED or array.dtype.kind == "c" and function in ("absolute", "square", "sqrt"):
            eps = self.narrowest(eps, text)
        return text, eps

    def reduces(self):
        one, eps = self.expression(self.one([0, 0, 1]))
        array = numpy.asarray(self.value(one))
        if eps is not None:
            raise Rejected
        function = self.one("sum sum sum prod min max any all mean argmin argmax ptp count_nonzero std var".split())
        axes = array.ndim
        axis = self.one(["None", *[str(number) for number in range(-axes, axes)]])
        if axes > 1 and self.chance(0.3) and not function.startswith("arg"):
            axis = repr(tuple(sorted(self.random.sample(range(axes), self.random.randrange(1, axes + 1)))))
        words = [f"axis={axis}"]
        if self.chance(0.3):
            words.append("keepdims=True")
        if function in ("sum", "prod", "min", "max") and self.chance(0.15):
            words.append(f"initial={self.one(['0', '1', '2'])}")
        if function in ("sum", "prod", "min", "max", "any", "all", "mean") and self.chance(0.12):
            mask, _ = self.mask(one)
            words.append(f"where={mask}")
            if function in ("min", "max") and "initial" not in "".join(words):
                words.append("initial=1")
        if function in ("sum", "prod") and self.chance(0.1):
            words.append(f"dtype={self.one(['f8', 'c16', 'i8', 'f4'])!r}")
        call = f"np.{function}({', '.join([one, *words])})"
        if self.chance(0.2) and function in ("sum", "min", "max", "any", "mean", "prod"):
            call = f"{one}.{function}({', '.join(words)})"
        value = numpy.asarray(self.value(call))
        if value.dtype.kind in "fc" and function in ("sum", "mean", "ptp") and not self.sums_exactly(array):
            eps = numpy.finfo(value.dtype).eps * max(array.size, 1) ** 0.5
            if numpy.isfinite(value).all() and numpy.isfinite(array).all():
                if numpy.abs(value).max(initial=1) < 1e-3 * numpy.abs(array).max(initial=0):
                    raise Rejected  # what is left of a sum that cancels
            else:
                raise Rejected
        if value.dtype.kind in "fc" and function == "prod":
            if not numpy.isfinite(value).all():
                raise Rejected
            logs = numpy.log2(numpy.abs(array[array != 0]).astype("f8"))
            if max(logs[logs > 0].sum(), -logs[logs < 0].sum()) > numpy.finfo(value.dtype).maxexp - 3:
                raise Rejected  # in some order it overflows, or is lost, on its way
            eps = numpy.finfo(value.dtype).eps * 8
        if function in ("std", "var"):
            if not self.sums_exactly(array, 2) or value.dtype.kind not in "fc":
                raise Rejected
            eps = numpy.finfo(value.dtype).eps * 64
        if "dtype='f4'" in call or "dtype='i8'" in call:
            if function == "prod" or array.dtype.kind == "c" or not self.sums_exactly(array.astype("f4")):
                raise Rejected
        if array.dtype.kind == "c" and function in ("min", "max", "argmin", "argmax", "ptp") and not numpy.isfinite(array).all():
            raise Rejected
        out = self.arrays(lambda other: other.flags.writeable and other.shape == value.shape and other.dtype == value.dtype)
        if out and self.chance(0.3) and function not in ("count_nonzero",) and eps is None:
            target = self.one(out)
            if not numpy.shares_memory(self.names[target], array, max_work=1000) and self.exact(self.names[target]):
                return call[:-1] + f", out={target})", [], [target], eps
        name = self.fresh()
        return f"{name} = {call}", [name], [], eps

    def joins(self):
        one, eps = self.leaf(lambda array: array.ndim)
        two, other = self.leaf(lambda array: array.ndim)
        name = self.fresh()
        first, second = numpy.shape(self.value(one)), numpy.shape(self.value(two))
        if len(first) != len(second):
            two, second, other = one, first, eps
        axis = self.random.randrange(-len(first), len(first))
        function = self.one(["concatenate", "concatenate", "stack", "hstack", "vstack"])
        if numpy.prod(first) > 2000 and not self.large:
            raise Rejected
        arguments = f"[{one}, {two}, {one}]" if self.chance(0.2) else f"({one}, {two})"
        words = f", axis={axis}" if function in ("concatenate", "stack") else ""
        if eps is None and other is None and self.chance(0.1):
            words += ", dtype='c16'"
        return f"{name} = np.{function}({arguments}{words})", [name], [], max(eps or 0, other or 0) or None

    def clips(self):
        one, eps = self.leaf()
        if eps is not None or self.value(one).dtype.kind == "c" and not numpy.isfinite(self.value(one)).all():
            raise Rejected
        bounds = []
        for numbers in (["-1", "0", "None", "0.5", "-300"], ["2", "3.5", "None", "100", "70000"]):
            bound, other = self.operand(one) if self.chance(0.4) else (self.one(numbers), None)
            value = numpy.asarray(self.value(bound))
            if other is not None or value.dtype.kind == "c" and not numpy.isfinite(value).all():
                raise Rejected
            bounds.append(bound)
        low, high = bounds
        name = self.fresh()
        way = self.one(["np.clip({}, {}, {})", "{}.clip({}, {})", "np.clip({}, min={}, max={})", "out", "round"])
        if way == "round":
            text = f"np.round({one}, 1)" if self.value(one).dtype.kind == "i" else f"np.clip({one}, 0, 1)"
            return f"{name} = {text}", [name], [], eps
        if way == "out":
            value = numpy.asarray(self.value(f"np.clip({one}, {low}, {high})"))
            into = self.arrays(lambda array: array.flags.writeable and array.shape == value.shape and self.exact(array))
            if not into:
                raise Rejected
            into = self.one(into)
            self.convertible(value, self.names[into].dtype, eps)
            return f"np.clip({one}, {low}, {high}, out={into}, casting={self.one(['unsafe', 'same_kind'])!r})", [], [into], eps
        return f"{name} = {way.format(one, low, high)}", [name], [], eps

    def products(self):
        one, eps = self.leaf(lambda array: array.ndim in (1, 2))
        two, other = self.leaf(lambda array: array.ndim in (1, 2))
        first, second = self.value(one), self.value(two)
        if eps is not None or other is not None or first.ndim > 2 or second.ndim > 2 or not first.ndim or not second.ndim:
            raise Rejected
        if first.shape[-1] != second.shape[0]:
            two, second = f"{one}.T", first.T
        if first.size * second.shape[-1] > 3e6:
            raise Rejected
        call = self.one([f"{one} @ {two}", f"np.dot({one}, {two})", f"{one}.dot({two})", f"np.matmul({one}, {two})", f"np.inner({one}, {two}.T)"])
        if self.chance(0.15):
            if first.size * second.size > 4000:
                raise Rejected
            call = f"np.outer({one}, {two})"
        value = numpy.asarray(self.value(call))
        if value.dtype.kind in "fc" and not (self.sums_exactly(first, 2) and self.sums_exactly(second, 2)):
            if not numpy.isfinite(value).all() or not numpy.isfinite(first).all() or not numpy.isfinite(second).all():
                raise Rejected
            with numpy.errstate(all="ignore"):
                most = numpy.abs(first).max(initial=0) * numpy.abs(second).max(initial=0)
            if numpy.abs(value).max(initial=0) < most * 1e-3:
                raise Rejected
            eps = numpy.finfo(value.dtype).eps * 64
        name = self.fresh()
        return f"{name} = {call}", [name], [], eps

    def reads(self):
        """Elements, iteration, printing: what a program sees of an array."""
        one, eps = self.leaf()
        array = numpy.asarray(self.value(one))
        index = ", ".join(str(self.random.randrange(-extent, extent)) for extent in array.shape if extent)
        if eps is not None:
            raise Rejected
        ways = [f"{one}.sum() > 0" if array.dtype.kind != "c" and self.sums_exactly(array) else "0"]
        if array.size:
            ways += [f"{one}[{index or '()'}].item()", f"{one}[{index or '...'}].tolist()"]
        if array.size == 1:
            ways += [f"bool({one})", f"{one}.item()", f"complex({one})"]
        if array.size < 2000:
            ways += [f"{one}.tolist()", f"str({one})", f"repr({one})", f"[x for x in {one}.flat]", f"{one}.tobytes()"]
            if array.ndim and array.shape[0] < 50:
                ways += [f"[x.tolist() for x in {one}]", f"len({one})", f"1 in {one}", f"any(x is None for x in {one})"]
        else:
            ways += [f"str({one})"] * 2
        return f"said({self.one(ways)})", [], [], None

    def sets(self):
        """One element."""
        name = self.variable(lambda array: array.flags.writeable and array.size)
        array = self.names[name]
        index = ", ".join(str(self.random.randrange(-extent, extent)) for extent in array.shape) or "()"
        number = self.one(["0", "1", "5", "2"])
        if self.chance(0.1):
            return f"{name}.fill({number})", [], [name], None
        return f"{name}[{index}] {self.one(['=', '=', '+='] if array.dtype.kind != 'b' else ['='])} {number}", [], [name], None

    def drops(self):
        name = self.variable()
        return f"del {name}", [], [], None

    def handles(self):
        """Containers, cycles, references that one rank keeps, collections at times of a rank's own."""
        name, new, rank = self.variable(), self.fresh(), self.random.randrange(4)
        eps = self.rounding(self.names[name])
        if not self.names["box"]:
            return f"box.append({name})", [], [], None
        last = self.names["box"][-1]
        return self.one([
            (f"box.append({name})", [], [], None),
            (f"box.append({name}[{self.key(self.names[name].shape)}])", [], [], None),
            (f"{new} = box[-1]", [new], [], self.rounding(last)),
            (f"{new} = box.pop()", [new], [], self.rounding(last)),
            ("box.clear()", [], [], None),
            (f"loop = [{name}]; loop.append(loop); del loop", [], [], None),
            (f"loop = [{name}]; loop.append(loop); del loop, {name}", [], [], None),
            (f"if rank == {rank}: gc.collect()", [], [], None),
            (f"if rank == {rank}: kept.append({name})", [], [], None),
            (f"if rank == {rank}: kept.append({name}[{self.key(self.names[name].shape)}])", [], [], None),
            (f"if rank == {rank}: kept.clear()", [], [], None),
            (f"{new} = (lambda t: [t + 1, t][0])({name})", [new], [], eps if eps is None else 1e-3),
            (f"caught({name})", [], [], None),
            (f"{name} = {name}", [name], [], eps),
        ])

    def peeks(self):
        """One rank looks at what is stored and synchronised."""
        one = self.variable(lambda array: array.size and self.exact(array))
        array = self.names[one]
        index = ", ".join(str(self.random.randrange(-extent, extent)) for extent in array.shape) or "()"
        look = self.one([f"str({one})", f"{one}[{index}].item()", f"{one}[{index}].item()"])
        return f"settle({one}); (said({look}) if rank == {self.random.randrange(4)} else None)", [], [], None

    def forces(self):
        return f"force({self.variable()})", [], [], None

    def raises(self):
        """Under errstate of `raise`; an exception leaves no new value."""
        text, eps = self.expression(1)
        name = self.fresh()
        return f"with np.errstate({self.one(['divide', 'invalid', 'over'])}='raise'): {name} = {text}", [name], [], eps

    def loops(self):
        """A few statements, again and again: what is planned once is used again, and buffers change their owners."""
        steps = []
        for _ in range(self.one([1, 1, 2, 3])):
            text, sets, writes, eps = self.one([self.overlaps, self.overlaps, self.augments, self.assigns, self.sets])()
            if eps is not None or " *" in text and "* 0.25" not in text and "* 0.5" not in text:
                raise Rejected
            steps.append((text, sets, writes))
        name, source = self.fresh(), self.one(steps)[2][0]
        extra = self.one(["", "", f"; {name} = {source}.copy()", f"; {name} = {source} + 1", f"; {name} = {source}[::-1]" if self.names[source].ndim else ""])
        text = f"for turn in range({self.one([2, 3, 5])}): {'; '.join(step[0] for step in steps)}{extra}"
        if not all(self.exact(self.names[written]) for step in steps for written in step[2]):
            raise Rejected
        return text, [name] if extra else [], [written for step in steps for written in step[2]], None

    def parts(self):
        """Setting real and imaginary parts, `copyto`, functions with two results, arrays like others."""
        name, new, other = self.variable(), self.fresh(), self.fresh()
        array = self.names[name]
        way = self.one(["part", "copyto", "two", "like", "like"])
        if way == "part":
            name = self.variable(lambda array: array.dtype.kind == "c" and array.flags.writeable)
            text, eps = self.expression(1)
            target = f"{name}.{self.one(['real', 'imag'])}"
            value = numpy.asarray(self.value(text))
            if value.dtype.kind == "c":
                raise Rejected
            self.assigned(target, name, text, eps)
            return f"{target} = {text}", [], [name], eps
        if way == "copyto":
            name = self.variable(lambda array: array.flags.writeable)
            text, eps = self.expression(1)
            self.assigned(name, name, text, eps)
            words = f", where={self.mask(name)[0]}" if self.chance(0.4) else ""
            return f"np.copyto({name}, {text}, casting={self.one(['unsafe', 'same_kind'])!r}{words})", [], [name], eps
        if way == "two":
            if not self.exact(array) or array.dtype.kind not in "f":
                raise Rejected
            return f"{new}, {other} = np.{self.one(['modf', 'frexp', 'divmod'])}({name})".replace(
                f"divmod({name})", f"divmod({name}, {self.one(['2', '-3', '0.5'])})"), [new, other], [], None
        function = self.one(["zeros_like", "ones_like", "full_like"])
        words = ", 2" if function == "full_like" else ""
        if self.chance(0.3):
            words += f", dtype={self.one(DTYPES)!r}"
        return f"{new} = np.{function}({name}{words}, order={self.one('CFAK')!r})", [new], [], None

    def fails(self):
        name = self.variable()
        array = self.names[name]
        return self.one([
            f"{name}[{array.shape[0] + 3 if array.ndim else 0}]",
            f"{name}.reshape({array.size + 1})",
            f"{name}[{', '.join([':'] * (array.ndim + 1))}]",
            f"np.sum({name}, axis={array.ndim + 1})",
            f"{name} += np.ones((17, 3))",
            f"{name} & 0.5",
            f"{name}.astype('i4', casting='safe')" if array.dtype.kind in "fc" else f"{name}[None, 'x']",
        ]), [], [], None

    def statement(self):
        """Appends one statement that NumPy has run."""
        kinds = {
            "creates": 8, "computes": 24, "views": 16, "aliases": 9, "assigns": 16, "overlaps": 9, "augments": 13, "outs": 8,
            "reduces": 10, "joins": 3, "clips": 2, "products": 4, "reads": 5, "sets": 5, "drops": 7, "handles": 10, "peeks": 3,
            "forces": 4, "loops": 14, "parts": 12, "raises": 1, "fails": 1.5,
        }  # fmt: skip
        for _ in range(200):
            kind = self.random.choices(list(kinds), kinds.values())[0]
            if len(self.arrays()) > 7:
                kind = "drops"
            if len(self.arrays()) < 2:
                kind = "creates"
            try:
                text, sets, writes, eps = getattr(self, kind)()
                self.tried(text, sets, writes, eps)
                return
            except Exception:  # noqa: BLE001 - no such view, no such operation: another
                continue
        raise RuntimeError("no statement is possible")

    def tried(self, text, sets, writes, eps):
        """Runs the statement and keeps it, or takes back what it did."""
        error, told = self.ran(text, sets, writes, eps)
        # What is told of a value that nobody wants: the statement failed, or wrote something else over it.
        is_lost = self.strict and told and (error is not None or text.startswith("for ") and ";" in text)
        if is_lost:
            error = OverflowError()
        if error is None and self.useful(text, sets, writes, eps):
            self.done.append((text, sets, writes, eps))
        elif error is not None and self.chance(0.5 if text[:4] == "with" else 0.04) and not isinstance(error, (OverflowError, ZeroDivisionError)):
            self.done.append((text, sets, writes, eps))
        else:
            self.names, self.rounded, self.scalars = namespace(numpy, 0), {}, {}
            for step in self.done:
                self.ran(*step)
            raise Rejected
        self.statements.append(text)

    def ran(self, text, sets, writes, eps):
        """Runs the statement and notes what is rounded; the exception that it raised, and the warnings."""
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                exec(text, self.names)
            except Exception as error:  # noqa: BLE001 - may be what the program is about
                return error, told
        for name in {*sets, *writes}:
            self.round(self.names.get(name), eps)
            if isinstance(self.names.get(name), numpy.generic):
                self.scalars[name] = eps
        return None, told

    def useful(self, text, sets, writes, eps):
        """Whether values stay small, and numbers."""
        for name in {*sets, *writes}:
            value = self.names.get(name)
            if not isinstance(value, (numpy.ndarray, numpy.generic)) or value.dtype.char in "gGO":
                return False
            if value.ndim > 6 or value.size > (250000 if self.large else 9000):
                return False
            if value.dtype.kind in "fc":
                with numpy.errstate(all="ignore"):
                    odd = numpy.count_nonzero(~(numpy.abs(value) < 1e30))
                if odd and (not self.exact(value) or odd > numpy.size(value) / 3 and not self.chance(0.02)):
                    return False
        return True

    def check(self):
        eps = {}
        for name, value in self.names.items():
            if name[0] == "v" and name[1:].isdigit():
                found = self.scalars.get(name) if isinstance(value, numpy.generic) else self.rounding(value)
                if found is not None:
                    eps[name] = float(found)
        self.statements.append(f"check({eps}, {self.strict})")

    def program(self):
        """The statements."""
        while len(self.statements) < 3:
            try:
                self.tried(*self.creates())
            except Rejected:
                continue
        length = self.one([6, 12, 20, 30])
        every = 1 if self.strict else self.one([2, 3, 5, 8])
        for number in range(length if not self.large else min(length, 12)):
            self.statement()
            if number % every == every - 1:
                self.check()
        self.check()
        return self.statements


def program(seed):
    """The program of this seed."""
    return Writer(seed).program()


# ---- running
