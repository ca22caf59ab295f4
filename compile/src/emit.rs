//! A kernel as a Python function that computes with NumPy: source to source.
//!
//! Loops whose iterations are independent become slices, sums become sums of slices or products of matrices, the rest
//! stays loops. The function expects arrays for lists, raises for a guard that doesn't hold and, under
//! `numpy.errstate(all="raise")`, for what Python would raise for: its caller then runs the original.

use crate::affine::{Affine, Sym};
use crate::depend::{self, Class, Fold, accumulation};
use crate::idiom::{self, Contraction};
use crate::ir::*;
use std::collections::{BTreeMap, BTreeSet};

/// Writes one function.
pub(crate) struct Writer<'a> {
    pub(crate) program: &'a Program,
    classes: BTreeMap<Var, Class>,
    names: Vec<String>,
    pub(crate) arrays: Vec<String>,
    may_reassociate: bool,
    lines: Vec<String>,
    outer: Vec<Var>,
}

/// A loop that becomes an axis of slices.
struct Axis {
    var: Var,
    lo: Affine,
    hi: Affine,
}

const WORDS: [&str; 38] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield", "_np",
    "float", "range",
];

/// The function of these steps of a program, called `name`.
pub(crate) fn function(
    program: &Program,
    name: &str,
    steps: &[Vec<S>],
    contractions: &[Vec<Contraction>],
    may_reassociate: bool,
) -> String {
    let mut taken: BTreeSet<String> = WORDS.iter().map(|word| (*word).to_owned()).collect();
    let mut fresh = |wanted: &str| {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let plain: String = wanted.chars().map(|c| if is_name(c) { c } else { '_' }).collect();
        let plain =
            if plain.starts_with(|c: char| c.is_ascii_alphabetic()) { plain } else { format!("v{plain}") };
        let mut name = plain.clone();
        let mut number = 1;
        while !taken.insert(name.clone()) {
            number += 1;
            name = format!("{plain}_{number}");
        }
        name
    };
    let arrays = program.arrays.iter().map(|array| fresh(&array.name)).collect();
    let names = program.vars.iter().map(|var| fresh(&var.name)).collect();
    let mut writer = Writer {
        program,
        classes: BTreeMap::new(),
        names,
        arrays,
        may_reassociate,
        lines: Vec::new(),
        outer: Vec::new(),
    };
    writer.head(name);
    for (body, found) in steps.iter().zip(contractions) {
        writer.classes = depend::classify(program, body).class;
        let calls: Option<Vec<Vec<String>>> = found.iter().map(|one| writer.contraction(one)).collect();
        match calls {
            Some(calls) if !calls.is_empty() => {
                calls.into_iter().flatten().for_each(|call| writer.line(1, call))
            }
            _ => writer.block(body, 1),
        }
    }
    let given = writer.given(&program.give);
    writer.line(1, format!("return {given}"));
    writer.lines.join("\n") + "\n"
}

impl Writer<'_> {
    fn line(&mut self, depth: usize, text: impl AsRef<str>) {
        self.lines.push(format!("{}{}", "    ".repeat(depth), text.as_ref()));
    }

    fn head(&mut self, name: &str) {
        let program = self.program;
        let params: Vec<&str> = program
            .params
            .iter()
            .map(|slot| match slot {
                Slot::Scalar(var) => self.names[*var].as_str(),
                Slot::Array(arr) => self.arrays[*arr].as_str(),
            })
            .collect();
        let head = format!("def {name}({}):", params.join(", "));
        self.line(0, head);
        for guard in &program.guards {
            let sign = if guard.is_equality { "==" } else { ">=" };
            let mut holds = vec![format!("{} {sign} 0", self.form(&guard.form))];
            holds.extend(guard.instead.iter().map(|form| format!("{} {sign} 0", self.form(form))));
            self.line(1, format!("if not ({}):  # {}", holds.join(" or "), guard.what));
            self.line(2, format!("raise _Refused({:?})", guard.what));
        }
        for (arr, array) in program.arrays.iter().enumerate() {
            if let Some(dims) = &array.dims {
                let dims: Vec<String> =
                    dims.iter().map(|dim| format!("max({}, 0),", self.form(dim))).collect();
                let dtype = if array.ty == Ty::Float { "" } else { ", _np.int64" };
                let text = format!("{} = _np.zeros(({}){dtype})", self.arrays[arr], dims.join(" "));
                self.line(1, text);
            }
        }
    }

    fn given(&self, give: &Give) -> String {
        match give {
            Give::Nothing => "None".into(),
            Give::Scalar(var, ty, is_numpy) => {
                let class = match (ty, is_numpy) {
                    (Ty::Float, true) => "_np.float64",
                    (Ty::Float, false) => "float",
                    (_, true) => "_np.int64",
                    (Ty::Bool, _) => "bool",
                    (Ty::Int, false) => "int",
                };
                format!("{class}({})", self.names[*var])
            }
            Give::Array(arr) => {
                let array = &self.program.arrays[*arr];
                let is_made = array.dims.is_some() && array.is_list;
                format!("{}{}", self.arrays[*arr], if is_made { ".tolist()" } else { "" })
            }
            Give::Tuple(parts) => {
                format!("({},)", parts.iter().map(|part| self.given(part)).collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// An affine form as one writes it: what is added first, then what is subtracted.
    pub(crate) fn form(&self, form: &Affine) -> String {
        let mut text = String::new();
        let mut terms: Vec<(&Sym, &i64)> = form.terms.iter().collect();
        terms.sort_by_key(|(_, factor)| **factor < 0);
        for (sym, factor) in terms {
            let leaf = match sym {
                Sym::Var(var) => E::Var(*var),
                Sym::Dim(arr, axis) => E::Dim(*arr, *axis),
            };
            let leaf = self.value(&leaf, 9);
            let size = factor.unsigned_abs();
            let term = if size == 1 { leaf } else { format!("{size} * {leaf}") };
            text += match (text.is_empty(), *factor < 0) {
                (true, false) => "",
                (true, true) => "-",
                (false, false) => " + ",
                (false, true) => " - ",
            };
            text += &term;
        }
        match (text.is_empty(), form.constant) {
            (true, constant) => constant.to_string(),
            (false, 0) => text,
            (false, constant) if constant < 0 => format!("{text} - {}", constant.unsigned_abs()),
            (false, constant) => format!("{text} + {constant}"),
        }
    }

    fn block(&mut self, body: &[S], depth: usize) {
        if body.is_empty() {
            self.line(depth, "pass");
        }
        for stmt in body {
            match &stmt.kind {
                SKind::Set(var, value) => {
                    let text = self.assignment(&self.names[*var].clone(), &E::Var(*var), value);
                    self.line(depth, text);
                }
                SKind::Store(access, value) => {
                    let target = E::Load(Box::new(access.clone()));
                    let text = self.assignment(&self.value(&target, 9), &target, value);
                    self.line(depth, text);
                }
                SKind::If(condition, yes, no) => {
                    let text = format!("if {}:", self.value(condition, 0));
                    self.line(depth, text);
                    self.block(yes, depth + 1);
                    if !no.is_empty() {
                        self.line(depth, "else:");
                        self.block(no, depth + 1);
                    }
                }
                SKind::For(_) => {
                    let parts = idiom::distributed(self.program, stmt.clone(), &mut self.outer.clone());
                    parts.iter().for_each(|part| self.nest(part, depth));
                }
            }
        }
    }

    /// `x = x + e` as `x += e`.
    fn assignment(&self, place: &str, target: &E, value: &E) -> String {
        if let E::Bin(op @ (Bin::Add | Bin::Sub | Bin::Mul | Bin::Div), _, a, b) = value
            && **a == *target
        {
            let sign = match op {
                Bin::Add => "+=",
                Bin::Sub => "-=",
                Bin::Div => "/=",
                _ => "*=",
            };
            return format!("{place} {sign} {}", self.value(b, 0));
        }
        format!("{place} = {}", self.value(value, 0))
    }

    fn nest(&mut self, stmt: &S, depth: usize) {
        let SKind::For(inner) = &stmt.kind else { return self.block(std::slice::from_ref(stmt), depth) };
        if let Some((lines, checks)) = self.sliced(stmt) {
            let mut depth = depth;
            if !checks.is_empty() {
                self.line(depth, format!("if {}:", checks.join(" and ")));
                depth += 1;
            }
            lines.into_iter().for_each(|line| self.line(depth, line));
            return;
        }
        let step = if inner.step == 1 { String::new() } else { format!(", {}", inner.step) };
        let text = format!(
            "for {} in range({}, {}{step}):",
            self.names[inner.var],
            self.value(&inner.lo, 0),
            self.value(&inner.hi, 0)
        );
        self.line(depth, text.replace("range(0, ", "range("));
        self.outer.push(inner.var);
        self.block(&inner.body, depth + 1);
        self.outer.pop();
    }

    /// A nest around one statement as slices, and what has to hold for it to run at all.
    fn sliced(&self, stmt: &S) -> Option<(Vec<String>, Vec<String>)> {
        let vars = &self.program.vars;
        let (mut axes, mut at, mut summed): (Vec<Axis>, &S, Option<usize>) = (Vec::new(), stmt, None);
        while let SKind::For(inner) = &at.kind {
            let [only] = &inner.body[..] else { return None };
            match self.classes.get(&inner.var)? {
                Class::Parallel => {}
                Class::Reduction if self.may_reassociate && summed.is_none() => summed = Some(axes.len()),
                _ => return None,
            }
            let (lo, hi) = (Affine::from(&inner.lo, vars)?, Affine::from(&inner.hi, vars)?);
            let moves = |form: &Affine| axes.iter().any(|axis| form.coefficient(Sym::Var(axis.var)) != 0);
            if inner.step != 1 || moves(&lo) || moves(&hi) {
                return None;
            }
            axes.push(Axis { var: inner.var, lo, hi });
            at = only;
        }
        let mut checks = Vec::new();
        for axis in &axes {
            let is_sure = axis.lo == Affine::constant(0)
                && axis.hi.constant >= 0
                && axis.hi.terms.iter().all(|(sym, factor)| matches!(sym, Sym::Dim(..)) && *factor > 0);
            if !is_sure {
                let check = format!("{} < {}", self.form(&axis.lo), self.form(&axis.hi));
                if !checks.contains(&check) {
                    checks.push(check);
                }
            }
        }
        let (target, place, value) = match &at.kind {
            SKind::Store(access, value) => (E::Load(Box::new(access.clone())), Some(access), value),
            SKind::Set(var, value) => (E::Var(*var), None, value),
            _ => return None,
        };
        if target.ty(vars, &self.program.arrays) != Ty::Float {
            return None;
        }
        // The axes in the order in which the target has them, and behind them the one that is summed over.
        let mut order: Vec<usize> = Vec::new();
        if let Some(access) = place {
            for index in &access.index {
                let form = Affine::from(index, vars)?;
                order.extend((0..axes.len()).filter(|at| form.coefficient(Sym::Var(axes[*at].var)) != 0));
            }
        }
        let kept = order.len();
        if let Some(summed) = summed {
            if order.contains(&summed) {
                return None;
            }
            order.push(summed);
        }
        if order.len() != axes.len() || (0..axes.len()).any(|at| !order.contains(&at)) {
            return None;
        }
        let axes: Vec<&Axis> = order.iter().map(|at| &axes[*at]).collect();
        let place = match place {
            Some(access) => self.slice(access, &axes[..kept], false)?,
            None => self.value(&target, 9),
        };
        if summed.is_none() {
            if let Some((Fold::Add | Fold::Mul, term)) = accumulation(&target, value)
                && let E::Bin(op, ..) = value
            {
                let sign = match op {
                    Bin::Add => "+=",
                    Bin::Sub => "-=",
                    _ => "*=",
                };
                return Some((vec![format!("{place} {sign} {}", self.vector(term, &axes, 0)?)], checks));
            }
            if let E::Bin(Bin::Div, _, from, by) = value
                && **from == target
            {
                return Some((vec![format!("{place} /= {}", self.vector(by, &axes, 0)?)], checks));
            }
            return Some((vec![format!("{place} = {}", self.vector(value, &axes, 0)?)], checks));
        }
        let (Fold::Add, term) = accumulation(&target, value)? else { return None };
        let sign = if matches!(value, E::Bin(Bin::Sub, ..)) { "-=" } else { "+=" };
        let sum = match term {
            // One product of slices.
            E::Bin(Bin::Mul, _, a, b)
                if kept == 0
                    && matches!((&**a, &**b), (E::Load(_), E::Load(_)))
                    && moves(a, &axes)
                    && moves(b, &axes) =>
            {
                format!("{} @ {}", self.vector(a, &axes, 6)?, self.vector(b, &axes, 6)?)
            }
            term => {
                let axis = if kept == 0 { "" } else { ", axis=-1" };
                format!("_np.sum({}{axis})", self.full(term, &axes)?)
            }
        };
        Some((vec![format!("{place} {sign} {sum}")], checks))
    }

    /// A term that has all axes, as a sum over the last one needs it.
    fn full(&self, term: &E, axes: &[&Axis]) -> Option<String> {
        let last = axes.last()?;
        let mut has_last = false;
        term.walk(&mut |part| {
            if let E::Load(access) = part {
                has_last |= access.index.iter().any(|index| {
                    Affine::from(index, &self.program.vars)
                        .is_some_and(|form| form.coefficient(Sym::Var(last.var)) != 0)
                });
            }
        });
        if has_last { self.vector(term, axes, 0) } else { None }
    }

    /// Elements along axes as one slice, with axes of one for those that it doesn't have if it is an operand.
    fn slice(&self, access: &Access, axes: &[&Axis], is_operand: bool) -> Option<String> {
        if access.is_checked {
            return None;
        }
        let (mut parts, mut have): (Vec<String>, Vec<usize>) = (Vec::new(), Vec::new());
        for (dim, index) in access.index.iter().enumerate() {
            let form = Affine::from(index, &self.program.vars)?;
            let used: Vec<usize> =
                (0..axes.len()).filter(|at| form.coefficient(Sym::Var(axes[*at].var)) != 0).collect();
            match used[..] {
                [] => parts.push(self.value(index, 0)),
                [at] if form.coefficient(Sym::Var(axes[at].var)) == 1 && !have.contains(&at) => {
                    let rest = form.plus(&Affine::of(Sym::Var(axes[at].var)), -1)?;
                    let (lo, hi) = (axes[at].lo.plus(&rest, 1)?, axes[at].hi.plus(&rest, 1)?);
                    let lo = if lo == Affine::constant(0) { String::new() } else { self.form(&lo) };
                    let is_end = hi == crate::bounds::extent(self.program, access.arr, dim);
                    let hi = if is_end { String::new() } else { self.form(&hi) };
                    have.push(at);
                    parts.push(format!("{lo}:{hi}"));
                }
                _ => return None,
            }
        }
        let name = &self.arrays[access.arr];
        if !is_operand {
            let in_order = have.len() == axes.len() && have.is_sorted();
            return in_order.then(|| format!("{name}[{}]", parts.join(", ")));
        }
        if have.is_sorted() {
            // Axes of one for those missing between and behind.
            let mut with = Vec::new();
            let mut next = have.first().copied().unwrap_or(axes.len());
            let mut slices = have.iter();
            for part in parts {
                if part.contains(':') {
                    let at = *slices.next()?;
                    with.extend((next..at).map(|_| "None".to_owned()));
                    next = at + 1;
                }
                with.push(part);
            }
            if !have.is_empty() {
                with.extend((next..axes.len()).map(|_| "None".to_owned()));
            }
            return Some(format!("{name}[{}]", with.join(", ")));
        }
        let is_turned = have.len() == 2 && axes.len() == 2;
        is_turned.then(|| format!("{name}[{}].T", parts.join(", ")))
    }

    /// An expression over slices.
    fn vector(&self, value: &E, axes: &[&Axis], level: usize) -> Option<String> {
        let moves = |value: &E| moves(value, axes);
        let (text, own) = match value {
            E::Load(access) if moves(value) => (self.slice(access, axes, true)?, 9),
            value if !moves(value) => {
                let mut is_plain = true;
                value.walk(&mut |part| {
                    is_plain &= !matches!(part, E::Var(var) if axes.iter().any(|axis| axis.var == *var))
                });
                return is_plain.then(|| self.value(value, level));
            }
            E::Bin(op @ (Bin::Add | Bin::Sub | Bin::Mul | Bin::Div), Ty::Float, a, b) => {
                let (sign, own) = op.sign()?;
                (format!("{} {sign} {}", self.vector(a, axes, own)?, self.vector(b, axes, own + 1)?), own)
            }
            E::Bin(op @ (Bin::Maximum | Bin::Minimum), Ty::Float, a, b) => {
                let name = if *op == Bin::Maximum { "maximum" } else { "minimum" };
                (format!("_np.{name}({}, {})", self.vector(a, axes, 0)?, self.vector(b, axes, 0)?), 9)
            }
            E::Neg(Ty::Float, a) => (format!("-{}", self.vector(a, axes, 6)?), 6),
            E::If(condition, yes, no) => {
                let E::Compare(op, Ty::Float, a, b) = &**condition else { return None };
                let condition =
                    format!("{} {} {}", self.vector(a, axes, 4)?, compare(*op), self.vector(b, axes, 4)?);
                (
                    format!(
                        "_np.where({condition}, {}, {})",
                        self.vector(yes, axes, 0)?,
                        self.vector(no, axes, 0)?
                    ),
                    9,
                )
            }
            E::Math(math, args, false) if *math != Math::Exact && *math != Math::Pow => {
                (format!("_np.{}({})", function_name(*math)?, self.vector(args.first()?, axes, 0)?), 9)
            }
            E::Math(Math::Sqrt, args, true) => {
                (format!("_np.sqrt({})", self.vector(args.first()?, axes, 0)?), 9)
            }
            _ => return None,
        };
        Some(if own < level { format!("({text})") } else { text })
    }

    /// An expression of one iteration.
    pub(crate) fn value(&self, value: &E, level: usize) -> String {
        let (text, own) = match value {
            E::Int(value) => (value.to_string(), if *value < 0 { 6 } else { 9 }),
            E::Float(value) if value.is_infinite() || value.is_nan() => (format!("float('{value}')"), 9),
            E::Float(value) => (format!("{value:?}"), if *value < 0.0 { 6 } else { 9 }),
            E::Bool(value) => ((if *value { "True" } else { "False" }).to_owned(), 9),
            E::Var(var) => (self.names[*var].clone(), 9),
            E::Dim(arr, axis) => (format!("{}.shape[{axis}]", self.arrays[*arr]), 9),
            E::Load(access) => {
                let index = access.index.iter().enumerate().map(|(axis, index)| {
                    let text = self.value(index, 0);
                    match access.is_checked {
                        true => format!("_at({text}, {}.shape[{axis}])", self.arrays[access.arr]),
                        false => text,
                    }
                });
                (format!("{}[{}]", self.arrays[access.arr], index.collect::<Vec<_>>().join(", ")), 9)
            }
            E::Bin(op, _, a, b) => match op.sign() {
                Some((sign, own)) => {
                    (format!("{} {sign} {}", self.value(a, own), self.value(b, own + 1)), own)
                }
                None => {
                    let name = if *op == Bin::Maximum { "maximum" } else { "minimum" };
                    (format!("_np.{name}({}, {})", self.value(a, 0), self.value(b, 0)), 9)
                }
            },
            E::Neg(_, a) => (format!("-{}", self.value(a, 6)), 6),
            E::ToFloat(a) => (format!("float({})", self.value(a, 0)), 9),
            E::Compare(op, _, a, b) => {
                (format!("{} {} {}", self.value(a, 4), compare(*op), self.value(b, 4)), 3)
            }
            E::And(a, b) => (format!("{} and {}", self.value(a, 2), self.value(b, 2)), 1),
            E::Or(a, b) => (format!("{} or {}", self.value(a, 1), self.value(b, 1)), 0),
            E::Not(a) => (format!("not {}", self.value(a, 3)), 2),
            E::If(condition, yes, no) => {
                let (yes, condition) = (self.value(yes, 1), self.value(condition, 1));
                (format!("{yes} if {condition} else {}", self.value(no, 1)), 0)
            }
            E::Math(Math::Exact, args, _) => (format!("_exact({})", self.value(&args[0], 0)), 9),
            E::Math(Math::Pow, args, _) => {
                (format!("_np.float64({}) ** {}", self.value(&args[0], 0), self.value(&args[1], 7)), 7)
            }
            E::Math(math, args, _) => {
                let args: Vec<String> = args.iter().map(|arg| self.value(arg, 0)).collect();
                (format!("_np.{}({})", function_name(*math).unwrap_or("abs"), args.join(", ")), 9)
            }
        };
        if own < level { format!("({text})") } else { text }
    }
}

fn moves(value: &E, axes: &[&Axis]) -> bool {
    let mut is_moving = false;
    value.walk(&mut |part| {
        is_moving |= matches!(part, E::Var(var) if axes.iter().any(|axis| axis.var == *var))
    });
    is_moving
}

fn compare(op: Compare) -> &'static str {
    match op {
        Compare::Lt => "<",
        Compare::Le => "<=",
        Compare::Gt => ">",
        Compare::Ge => ">=",
        Compare::Eq => "==",
        Compare::Ne => "!=",
    }
}

fn function_name(math: Math) -> Option<&'static str> {
    Some(match math {
        Math::Sqrt => "sqrt",
        Math::Abs => "abs",
        Math::Floor => "floor",
        Math::Ceil => "ceil",
        Math::Exp => "exp",
        Math::Log => "log",
        Math::Sin => "sin",
        Math::Cos => "cos",
        Math::Tan => "tan",
        Math::Pow | Math::Exact => return None,
    })
}
