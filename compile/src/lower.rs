//! From syntax to the normal form, for one combination of argument types: scopes and statements.
//!
//! Invariant: a name is read only where it has certainly been bound, by a binding of one type; so a scalar is one
//! variable of the machine and an array name one array. Python functions that do otherwise are refused, not guessed.

use crate::affine::Affine;
use crate::ir::*;
use crate::syntax::{Expr, ExprKind, Function, Op, Stmt, StmtKind};
use crate::values::{Array, Source, V};
use crate::{Error, Kind, Result};
use std::collections::HashMap;

/// The state of lowering.
pub(crate) struct Lower {
    pub(crate) vars: Vec<VarInfo>,
    pub(crate) arrays: Vec<ArrInfo>,
    pub(crate) guards: Vec<Guard>,
    pub(crate) names: HashMap<String, V>,
    /// Scalars by name, also of scopes that ended.
    scalars: HashMap<String, Var>,
    /// How many statements bind a name.
    bindings: HashMap<String, usize>,
    /// Statements of the block that is being lowered.
    pub(crate) out: Vec<S>,
    pub(crate) line: u32,
    pub(crate) reassociates: Option<(u32, &'static str)>,
    depth: usize,
    loop_lines: Vec<u32>,
    give: Option<Give>,
}

/// Lowers a function for these kinds of arguments.
pub(crate) fn lower(function: &Function, kinds: &[Kind]) -> Result<Program> {
    if function.params.len() != kinds.len() {
        return Err(Error::new(0, format!("{} arguments of {}", kinds.len(), function.params.len())));
    }
    let mut bindings = HashMap::new();
    count(&function.body, &mut bindings);
    let mut lower = Lower {
        vars: Vec::new(),
        arrays: Vec::new(),
        guards: Vec::new(),
        names: HashMap::new(),
        scalars: HashMap::new(),
        bindings,
        out: Vec::new(),
        line: 0,
        reassociates: None,
        depth: 0,
        loop_lines: Vec::new(),
        give: None,
    };
    let params = function.params.iter().zip(kinds).map(|(name, kind)| lower.param(name, *kind)).collect();
    lower.block(&function.body)?;
    Ok(Program {
        name: function.name.clone(),
        params,
        vars: lower.vars,
        arrays: lower.arrays,
        body: lower.out,
        give: lower.give.unwrap_or(Give::Nothing),
        guards: lower.guards,
        loop_lines: lower.loop_lines,
        reassociates: lower.reassociates,
    })
}

fn count(body: &[Stmt], counts: &mut HashMap<String, usize>) {
    let mut plain = HashMap::<String, usize>::new();
    let mut bind = |target: &Expr| {
        let mut targets = vec![target];
        while let Some(target) = targets.pop() {
            match &target.kind {
                ExprKind::Name(name) => *counts.entry(name.clone()).or_insert(0) += 1,
                ExprKind::Tuple(parts) => targets.extend(parts),
                _ => {}
            }
        }
    };
    for stmt in body {
        match &stmt.kind {
            StmtKind::Assign(targets, _) => {
                for target in targets {
                    bind(target);
                    if let ExprKind::Name(name) = &target.kind {
                        *plain.entry(format!("= {name}")).or_insert(0) += 1;
                    }
                }
            }
            StmtKind::Augment(target, ..) => bind(target),
            _ => {}
        }
    }
    for (name, number) in plain {
        *counts.entry(name).or_insert(0) += number;
    }
    for stmt in body {
        match &stmt.kind {
            StmtKind::For(name, _, body) => {
                *counts.entry(name.clone()).or_insert(0) += 1;
                count(body, counts);
            }
            StmtKind::If(_, yes, no) => {
                count(yes, counts);
                count(no, counts);
            }
            _ => {}
        }
    }
}

impl Lower {
    /// An error at the present line.
    pub(crate) fn refuse<T>(&self, what: impl Into<String>) -> Result<T> {
        Err(Error::new(self.line, what))
    }

    fn param(&mut self, name: &str, kind: Kind) -> Slot {
        match kind {
            Kind::Scalar { ty, is_numpy } => {
                let is_fixed = !self.bindings.contains_key(name);
                let role = if is_fixed { Role::Fixed } else { Role::Local };
                self.vars.push(VarInfo { name: name.into(), ty, role, is_numpy });
                let var = self.vars.len() - 1;
                self.scalars.insert(name.into(), var);
                self.names.insert(name.into(), self.scalar(E::Var(var)));
                Slot::Scalar(var)
            }
            Kind::Array { ty, ndim, is_list } => {
                self.arrays.push(ArrInfo {
                    name: name.into(),
                    ty,
                    ndim,
                    is_list,
                    dims: None,
                    is_written: false,
                });
                let arr = self.arrays.len() - 1;
                self.names.insert(name.into(), V::Array(self.whole(arr)));
                Slot::Array(arr)
            }
        }
    }

    fn block(&mut self, body: &[Stmt]) -> Result<()> {
        for stmt in body {
            self.line = stmt.line;
            if self.give.is_some() {
                return self.refuse("a statement after `return`");
            }
            self.statement(stmt)?;
        }
        Ok(())
    }

    /// A block of its own: its statements.
    fn inner(&mut self, body: &[Stmt]) -> Result<Vec<S>> {
        let outer = std::mem::take(&mut self.out);
        self.depth += 1;
        let done = self.block(body);
        self.depth -= 1;
        let inner = std::mem::replace(&mut self.out, outer);
        done.map(|()| inner)
    }

    fn statement(&mut self, stmt: &Stmt) -> Result<()> {
        match &stmt.kind {
            StmtKind::Nothing => Ok(()),
            StmtKind::Assign(targets, value) => {
                let [target] = &targets[..] else { return self.refuse("several targets of one assignment") };
                self.assign(target, value)
            }
            StmtKind::Augment(target, op, value) => self.augment(target, *op, value),
            StmtKind::For(name, range, body) => self.for_loop(name, range, body),
            StmtKind::If(condition, yes, no) => {
                let condition = self.condition(condition)?;
                let before = self.names.clone();
                let yes = self.inner(yes)?;
                let after_yes = std::mem::replace(&mut self.names, before);
                let no = self.inner(no)?;
                self.names
                    .retain(|name, value| after_yes.get(name).is_some_and(|other| other.is_same(value)));
                self.emit(SKind::If(condition, yes, no));
                Ok(())
            }
            StmtKind::Return(value) => {
                if self.depth > 0 {
                    return self.refuse("`return` within a loop or an `if`");
                }
                self.give = Some(match value {
                    None => Give::Nothing,
                    Some(Expr { kind: ExprKind::None, .. }) => Give::Nothing,
                    Some(value) => self.given(value)?,
                });
                Ok(())
            }
        }
    }

    fn given(&mut self, value: &Expr) -> Result<Give> {
        if let ExprKind::Tuple(parts) = &value.kind {
            return parts.iter().map(|part| self.given(part)).collect::<Result<_>>().map(Give::Tuple);
        }
        match self.value(value)? {
            V::Scalar(expression, is_numpy) => {
                let ty = self.ty(&expression);
                if ty == Ty::Bool {
                    return self.refuse("a truth value that is returned");
                }
                let var = match expression {
                    E::Var(var) => var,
                    other => self.fresh("result", ty, other),
                };
                Ok(Give::Scalar(var, ty, is_numpy || self.vars[var].is_numpy))
            }
            V::Array(array) => match self.whole_of(&array) {
                Some(arr) => Ok(Give::Array(arr)),
                None if array.source.is_view() => self.refuse("a view of an array that is returned"),
                None => self.materialised(&array, "result").map(Give::Array),
            },
            V::Tuple(_) => self.refuse("a shape that is returned"),
        }
    }

    pub(crate) fn emit(&mut self, kind: SKind) {
        self.out.push(S { line: self.line, kind });
    }

    pub(crate) fn ty(&self, expression: &E) -> Ty {
        expression.ty(&self.vars, &self.arrays)
    }

    /// A scalar value; Python's own if nothing says otherwise.
    pub(crate) fn scalar(&self, expression: E) -> V {
        let mut is_numpy = false;
        expression.walk(&mut |part| match part {
            E::Var(var) => is_numpy |= self.vars[*var].is_numpy,
            E::Load(access) => is_numpy |= !self.arrays[access.arr].is_list,
            _ => {}
        });
        V::Scalar(expression, is_numpy)
    }

    /// A new scalar variable with this value.
    pub(crate) fn fresh(&mut self, name: &str, ty: Ty, value: E) -> Var {
        self.vars.push(VarInfo {
            name: format!("{name}{}", self.vars.len()),
            ty,
            role: Role::Local,
            is_numpy: false,
        });
        let var = self.vars.len() - 1;
        self.emit(SKind::Set(var, value));
        var
    }

    pub(crate) fn affine(&self, expression: &E) -> Option<Affine> {
        Affine::from(expression, &self.vars)
    }

    /// Demands that a form of integers is never negative while the loops around run.
    pub(crate) fn demand(&mut self, expression: &E, what: impl Into<String>) -> Result<()> {
        let form = self.affine(expression).and_then(|form| form.extreme(false, &self.vars));
        match form {
            Some(form) => self.guard(form, false, what.into()),
            None => return self.refuse(format!("{}: not known before it runs", what.into())),
        }
        Ok(())
    }

    /// Demands that two extents are equal.
    pub(crate) fn demand_equal(&mut self, a: &E, b: &E) -> Result<()> {
        if a == b {
            return Ok(());
        }
        let difference = self.affine(a).zip(self.affine(b)).and_then(|(a, b)| a.plus(&b, -1));
        match difference {
            Some(form) if form.is_fixed(&self.vars) => {
                self.guard(form, true, "extents that have to be equal are".into())
            }
            _ => return self.refuse("extents that can't be compared before it runs"),
        }
        Ok(())
    }

    fn guard(&mut self, form: Affine, is_equality: bool, what: String) {
        let is_known =
            form.terms.is_empty() && if is_equality { form.constant == 0 } else { form.constant >= 0 };
        if !is_known
            && !self.guards.iter().any(|guard| {
                guard.form == form && guard.is_equality == is_equality && guard.instead.is_empty()
            })
        {
            self.guards.push(Guard {
                form,
                instead: Vec::new(),
                is_equality,
                what: format!("line {}: {what}", self.line),
            });
        }
    }

    /// A loop around what `body` emits; the loop variable is handed to it.
    pub(crate) fn around(
        &mut self,
        name: &str,
        lo: E,
        hi: E,
        step: i64,
        source: Option<usize>,
        body: impl FnOnce(&mut Self, Var) -> Result<()>,
    ) -> Result<()> {
        self.vars.push(VarInfo {
            name: if source.is_some() { name.into() } else { format!("{name}{}", self.vars.len()) },
            ty: Ty::Int,
            role: Role::Loop(lo.clone(), hi.clone(), step),
            is_numpy: false,
        });
        let var = self.vars.len() - 1;
        let line = self.line;
        let outer = std::mem::take(&mut self.out);
        let done = body(self, var);
        let inner = std::mem::replace(&mut self.out, outer);
        self.line = line;
        done?;
        self.emit(SKind::For(Loop { source, var, lo, hi, step, body: inner }));
        Ok(())
    }

    /// First, end and step of a range.
    pub(crate) fn range(&mut self, range: &[Expr]) -> Result<(E, E, i64)> {
        let mut parts = range.iter().map(|part| self.int(part)).collect::<Result<Vec<_>>>()?;
        let step = match parts.get(2).map(|step| self.affine(step)) {
            None => 1,
            Some(Some(form))
                if form.terms.is_empty() && form.constant != 0 && form.constant.abs() < 1 << 20 =>
            {
                form.constant
            }
            Some(_) => return self.refuse("a step of a range that is no constant"),
        };
        parts.truncate(2);
        let hi = parts.pop().unwrap_or(E::Int(0));
        Ok((parts.pop().unwrap_or(E::Int(0)), hi, step))
    }

    fn for_loop(&mut self, name: &str, range: &[Expr], body: &[Stmt]) -> Result<()> {
        let (lo, hi, step) = self.range(range)?;
        // Python evaluates bounds once; a bound that the body may change is kept.
        let mut keep = |bound: E| match self.affine(&bound) {
            Some(_) => bound,
            None => E::Var(self.fresh("bound", Ty::Int, bound)),
        };
        let (lo, hi) = (keep(lo), keep(hi));
        self.loop_lines.push(self.line);
        let source = Some(self.loop_lines.len() - 1);
        let before = self.names.clone();
        self.depth += 1;
        let done = self.around(name, lo, hi, step, source, |lower, var| {
            let value = lower.scalar(E::Var(var));
            lower.names.insert(name.into(), value);
            lower.block(body)
        });
        self.depth -= 1;
        // What a loop binds may be unbound behind it, and what it bound again is of the same type.
        self.names = before;
        self.names.remove(name);
        done
    }

    /// Binds a name to a scalar.
    fn bind(&mut self, name: &str, value: E, is_numpy: bool) -> Result<()> {
        let ty = self.ty(&value);
        if ty == Ty::Bool {
            return self.refuse(format!("`{name}` is a truth value"));
        }
        let var = match self.scalars.get(name) {
            Some(&var) => {
                if self.vars[var].ty != ty {
                    return self.refuse(format!("`{name}` is an int here and a float elsewhere"));
                }
                var
            }
            None => {
                let is_once =
                    ty == Ty::Int && self.bindings.get(name) == Some(&1) && self.affine(&value).is_some();
                let role = if is_once { Role::Once(value.clone()) } else { Role::Local };
                self.vars.push(VarInfo { name: name.into(), ty, role, is_numpy: false });
                self.scalars.insert(name.into(), self.vars.len() - 1);
                self.vars.len() - 1
            }
        };
        match self.names.get(name) {
            Some(V::Scalar(E::Var(bound), _)) if *bound == var => {}
            None => {}
            Some(_) => return self.refuse(format!("`{name}` is a loop variable or an array as well")),
        }
        self.vars[var].is_numpy |= is_numpy;
        self.emit(SKind::Set(var, value));
        let bound = self.scalar(E::Var(var));
        self.names.insert(name.into(), bound);
        Ok(())
    }

    fn assign(&mut self, target: &Expr, value: &Expr) -> Result<()> {
        match &target.kind {
            ExprKind::Tuple(targets) => {
                let values = match &value.kind {
                    ExprKind::Tuple(values) if values.len() == targets.len() => {
                        let values =
                            values.iter().map(|value| self.value(value)).collect::<Result<Vec<_>>>()?;
                        // All values are there before the first is bound.
                        values.into_iter().map(|value| self.kept(value)).collect::<Result<Vec<_>>>()?
                    }
                    _ => match self.value(value)? {
                        V::Tuple(values) if values.len() == targets.len() => values,
                        _ => return self.refuse("an assignment to several targets"),
                    },
                };
                for (target, value) in targets.iter().zip(values) {
                    self.store(target, value)?;
                }
                Ok(())
            }
            _ => {
                let value = self.value(value)?;
                self.store(target, value)
            }
        }
    }

    fn kept(&mut self, value: V) -> Result<V> {
        Ok(match value {
            V::Scalar(expression @ (E::Int(_) | E::Float(_)), is_numpy) => V::Scalar(expression, is_numpy),
            // What is made of arguments and loop variables can't change.
            V::Scalar(expression, is_numpy) if self.affine(&expression).is_some() => {
                V::Scalar(expression, is_numpy)
            }
            V::Scalar(expression, is_numpy) => {
                let ty = self.ty(&expression);
                let var = self.fresh("kept", ty, expression);
                self.vars[var].is_numpy = is_numpy;
                V::Scalar(E::Var(var), is_numpy)
            }
            V::Array(_) => return self.refuse("arrays in an assignment to several targets"),
            tuple => tuple,
        })
    }

    fn store(&mut self, target: &Expr, value: V) -> Result<()> {
        match &target.kind {
            ExprKind::Name(name) => match value {
                V::Scalar(expression, is_numpy) => self.bind(name, expression, is_numpy),
                V::Array(array) => self.bind_array(name, array),
                V::Tuple(_) => self.refuse(format!("`{name}` is a tuple")),
            },
            ExprKind::Subscript(base, index) => {
                if let Some(mask) = self.mask(base, index)? {
                    return self.store_masked(base, mask, value);
                }
                let place = match self.value(target)? {
                    V::Scalar(E::Load(access), _) => {
                        let V::Scalar(value, _) = value else {
                            return self.refuse("an array where an element goes");
                        };
                        return self.store_element(*access, value);
                    }
                    V::Array(place) => place,
                    _ => return self.refuse("an assignment to this"),
                };
                if place.is_list {
                    return self.refuse("a row or a slice of a list that is assigned to");
                }
                self.store_array(&place, value)
            }
            _ => self.refuse("an assignment to this"),
        }
    }

    pub(crate) fn store_element(&mut self, access: Access, value: E) -> Result<()> {
        let (to, from, is_list) =
            (self.arrays[access.arr].ty, self.ty(&value), self.arrays[access.arr].is_list);
        let value = match (to, from) {
            _ if to == from => value,
            // An array converts, a list would hold the int itself.
            (Ty::Float, Ty::Int) if !is_list => E::ToFloat(Box::new(value)),
            _ => return self.refuse("an element of another type than the array's"),
        };
        self.arrays[access.arr].is_written = true;
        self.emit(SKind::Store(access, value));
        Ok(())
    }

    fn bind_array(&mut self, name: &str, array: Array) -> Result<()> {
        if self.bindings.get(&format!("= {name}")).copied().unwrap_or(0) > 1 || self.names.contains_key(name)
        {
            return self.refuse(format!("`{name}` is bound to arrays more than once"));
        }
        let bound = match &array.source {
            Source::View(..) => array,
            Source::Map(_) => {
                let arr = self.materialised(&array, name)?;
                self.whole(arr)
            }
        };
        self.names.insert(name.into(), V::Array(bound));
        Ok(())
    }

    fn augment(&mut self, target: &Expr, op: Op, value: &Expr) -> Result<()> {
        let old = self.value(target)?;
        let value = self.value(value)?;
        match (&target.kind, &old) {
            (ExprKind::Name(name), V::Scalar(..)) => {
                let V::Scalar(sum, is_numpy) = self.binary(op, old, value)? else {
                    return self.refuse(format!("`{name}` becomes an array"));
                };
                self.bind(name, sum, is_numpy)
            }
            (_, V::Scalar(E::Load(access), _)) => {
                let access = access.clone();
                let V::Scalar(sum, _) = self.binary(op, old, value)? else {
                    return self.refuse("an array where an element goes");
                };
                self.store_element(*access, sum)
            }
            (_, V::Array(place)) if place.source.is_view() && !place.is_list => {
                let place = place.clone();
                let sum = self.binary(op, old, value)?;
                self.store_array(&place, sum)
            }
            _ => self.refuse("an augmented assignment to this"),
        }
    }
}
