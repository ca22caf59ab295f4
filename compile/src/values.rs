//! Values of expressions while lowering: scalars, arrays that nobody has computed yet, and arithmetic on them.
//!
//! An array value is extents and a rule that gives the expression of an element; slices and element-wise operations
//! only make new rules. Invariant: a rule holds no statement, so it may be used any number of times at its place.

use crate::ir::*;
use crate::lower::Lower;
use crate::syntax::{Expr, ExprKind, Index, Op};
use crate::{Error, Result};
use std::rc::Rc;

/// Most nodes of an expression.
const LARGEST: usize = 3000;

/// A value.
#[derive(Clone)]
pub(crate) enum V {
    /// A number, and whether it is NumPy's.
    Scalar(E, bool),
    Array(Array),
    Tuple(Vec<V>),
}

/// An array value.
#[derive(Clone)]
pub(crate) struct Array {
    pub(crate) dims: Vec<E>,
    pub(crate) ty: Ty,
    pub(crate) source: Source,
    pub(crate) is_list: bool,
}

/// The expression of an element.
pub(crate) type Rule = Rc<dyn Fn(&[E]) -> E>;

/// Where elements come from.
#[derive(Clone)]
pub(crate) enum Source {
    /// A part of an array: for each of its axes, where.
    View(Arr, Vec<Place>),
    Map(Rule),
}

/// Where along an axis of the array.
#[derive(Clone, PartialEq)]
pub(crate) enum Place {
    At(E),
    /// From there, by a step, along an axis of the view.
    Along(E, i64, usize),
}

impl Source {
    pub(crate) fn is_view(&self) -> bool {
        matches!(self, Source::View(..))
    }
}

impl V {
    /// Whether both are certainly one thing.
    pub(crate) fn is_same(&self, other: &V) -> bool {
        match (self, other) {
            (V::Scalar(a, _), V::Scalar(b, _)) => a == b,
            (V::Array(a), V::Array(b)) => match (&a.source, &b.source) {
                (Source::View(x, p), Source::View(y, q)) => x == y && p == q && a.dims == b.dims,
                _ => false,
            },
            _ => false,
        }
    }
}

impl Array {
    /// The expression of an element.
    pub(crate) fn element(&self, index: &[E]) -> E {
        match &self.source {
            Source::View(..) => E::Load(Box::new(self.access(index).expect("a view"))),
            Source::Map(rule) => rule(index),
        }
    }

    /// The place of an element of a view.
    pub(crate) fn access(&self, index: &[E]) -> Option<Access> {
        let Source::View(arr, places) = &self.source else { return None };
        let index = places.iter().map(|place| match place {
            Place::At(at) => at.clone(),
            Place::Along(start, step, axis) => add(start.clone(), times(index[*axis].clone(), *step)),
        });
        Some(Access { arr: *arr, index: index.collect(), is_checked: false })
    }

    /// By this rule.
    pub(crate) fn by(dims: Vec<E>, ty: Ty, rule: impl Fn(&[E]) -> E + 'static) -> V {
        V::Array(Array { dims, ty, source: Source::Map(Rc::new(rule)), is_list: false })
    }
}

/// The sum of two ints, simplified.
pub(crate) fn add(a: E, b: E) -> E {
    match (a, b) {
        (E::Int(0), other) | (other, E::Int(0)) => other,
        (E::Int(a), E::Int(b)) if a.checked_add(b).is_some() => E::Int(a + b),
        (a, b) => E::Bin(Bin::Add, Ty::Int, Box::new(a), Box::new(b)),
    }
}

/// The difference of two ints, simplified.
pub(crate) fn sub(a: E, b: E) -> E {
    match (a, b) {
        (other, E::Int(0)) => other,
        (E::Int(a), E::Int(b)) if a.checked_sub(b).is_some() => E::Int(a - b),
        (a, b) => E::Bin(Bin::Sub, Ty::Int, Box::new(a), Box::new(b)),
    }
}

pub(crate) fn times(a: E, factor: i64) -> E {
    if factor == 1 { a } else { E::Bin(Bin::Mul, Ty::Int, Box::new(E::Int(factor)), Box::new(a)) }
}

/// A float of a number.
pub(crate) fn float(a: E, ty: Ty) -> E {
    match a {
        E::Int(value) if value.abs() < 1 << 53 => E::Float(value as f64),
        other if ty == Ty::Int => E::ToFloat(Box::new(other)),
        other => other,
    }
}

/// The operation on numbers of two types; the reason why there is none.
pub(crate) fn arithmetic(op: Op, a: E, ta: Ty, b: E, tb: Ty) -> std::result::Result<(E, Ty), &'static str> {
    if ta == Ty::Bool || tb == Ty::Bool {
        return Err("arithmetic with truth values");
    }
    let ty = if ta == Ty::Int && tb == Ty::Int && op != Op::Div { Ty::Int } else { Ty::Float };
    if op == Op::Pow {
        return match (ty, &b) {
            (Ty::Int, E::Int(power @ 0..=8)) => {
                let mut product = E::Int(1);
                for step in 0..*power {
                    product = if step == 0 {
                        a.clone()
                    } else {
                        E::Bin(Bin::Mul, Ty::Int, Box::new(product), Box::new(a.clone()))
                    };
                }
                Ok((product, Ty::Int))
            }
            (Ty::Int, _) => Err("a power of ints"),
            _ => Ok((E::Math(Math::Pow, vec![float(a, ta), float(b, tb)], true), Ty::Float)),
        };
    }
    let bin = match (op, ty) {
        (Op::Add, _) => Bin::Add,
        (Op::Sub, _) => Bin::Sub,
        (Op::Mul, _) => Bin::Mul,
        (Op::Div, _) => Bin::Div,
        (Op::FloorDiv, Ty::Int) => Bin::FloorDiv,
        (Op::Mod, Ty::Int) => Bin::Mod,
        (Op::FloorDiv | Op::Mod, _) => return Err("`//` or `%` of floats"),
        (Op::MatMul | Op::Pow, _) => return Err("`@` of numbers"),
    };
    if bin == Bin::Div && ta == Ty::Int && tb == Ty::Int {
        // Python divides ints exactly; so do doubles as long as both are.
        let exact = |a: E| Box::new(E::Math(Math::Exact, vec![a], true));
        return Ok((E::Bin(bin, Ty::Float, exact(a), exact(b)), Ty::Float));
    }
    if ty == Ty::Int {
        return Ok((
            match bin {
                Bin::Add => add(a, b),
                Bin::Sub => sub(a, b),
                _ => E::Bin(bin, ty, Box::new(a), Box::new(b)),
            },
            ty,
        ));
    }
    Ok((E::Bin(bin, ty, Box::new(float(a, ta)), Box::new(float(b, tb))), ty))
}

impl Lower {
    /// All of an array.
    pub(crate) fn whole(&self, arr: Arr) -> Array {
        let info = &self.arrays[arr];
        let dims = (0..info.ndim).map(|axis| E::Dim(arr, axis)).collect();
        let dims = info
            .dims
            .as_ref()
            .map_or(dims, |own| own.iter().map(crate::affine::Affine::expression).collect());
        let places = (0..info.ndim).map(|axis| Place::Along(E::Int(0), 1, axis)).collect();
        Array { dims, ty: info.ty, source: Source::View(arr, places), is_list: info.is_list }
    }

    /// The array that a value is all of.
    pub(crate) fn whole_of(&self, array: &Array) -> Option<Arr> {
        let Source::View(arr, places) = &array.source else { return None };
        let is_whole =
            places.iter().enumerate().all(|(axis, place)| *place == Place::Along(E::Int(0), 1, axis));
        (is_whole && array.dims.len() == places.len() && array.dims == self.whole(*arr).dims).then_some(*arr)
    }

    /// A number; arrays are refused.
    pub(crate) fn number(&mut self, expression: &Expr) -> Result<E> {
        match self.value(expression)? {
            V::Scalar(value, _) => Ok(value),
            _ => self.refuse("an array where a number goes"),
        }
    }

    /// An int; other numbers are refused.
    pub(crate) fn int(&mut self, expression: &Expr) -> Result<E> {
        let value = self.number(expression)?;
        if self.ty(&value) == Ty::Int { Ok(value) } else { self.refuse("a float where an int goes") }
    }

    /// The truth of an expression.
    pub(crate) fn condition(&mut self, expression: &Expr) -> Result<E> {
        let value = self.number(expression)?;
        Ok(match self.ty(&value) {
            Ty::Bool => value,
            Ty::Int => E::Compare(Compare::Ne, Ty::Int, Box::new(value), Box::new(E::Int(0))),
            Ty::Float => E::Compare(Compare::Ne, Ty::Float, Box::new(value), Box::new(E::Float(0.0))),
        })
    }

    /// The value, unless it has grown too large: powers and the greater of two use their operands more than once.
    fn bounded(&self, value: V) -> Result<V> {
        let mut size = 0;
        match &value {
            V::Scalar(expression, _) => expression.walk(&mut |_| size += 1),
            V::Array(Array { dims, source: Source::Map(rule), .. }) => {
                let marks: Vec<E> = (0..dims.len()).map(|axis| E::Var(usize::MAX - axis)).collect();
                rule(&marks).walk(&mut |_| size += 1);
            }
            _ => {}
        }
        if size > LARGEST { self.refuse("an expression that is too large") } else { Ok(value) }
    }

    /// A part that Python may skip: no statements may come of it.
    fn skippable<T>(&mut self, part: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let before = self.out.len();
        let value = part(self)?;
        if self.out.len() > before {
            self.refuse("an operation on arrays in a part that may be skipped")
        } else {
            Ok(value)
        }
    }

    /// The value of an expression; what it needs to have computed before is emitted.
    pub(crate) fn value(&mut self, expression: &Expr) -> Result<V> {
        match &expression.kind {
            ExprKind::Name(name) => match self.names.get(name) {
                Some(value) => Ok(value.clone()),
                None => self
                    .refuse(format!("`{name}` may be unbound here, or is a loop variable behind its loop")),
            },
            ExprKind::Int(value) => Ok(V::Scalar(E::Int(*value), false)),
            ExprKind::Float(value) => Ok(V::Scalar(E::Float(*value), false)),
            ExprKind::Bool(value) => Ok(V::Scalar(E::Bool(*value), false)),
            ExprKind::Binary(op, a, b) => {
                if let Some(made) = self.list_made(*op, a, b)? {
                    return Ok(made);
                }
                let (a, b) = (self.value(a)?, self.value(b)?);
                let value = self.binary(*op, a, b)?;
                self.bounded(value)
            }
            ExprKind::Negative(a) => match self.value(a)? {
                V::Scalar(value, is_numpy) => match self.ty(&value) {
                    Ty::Bool => self.refuse("`-` of a truth value"),
                    ty => Ok(V::Scalar(E::Neg(ty, Box::new(value)), is_numpy)),
                },
                V::Array(array) if !array.is_list && array.ty != Ty::Bool => {
                    let ty = array.ty;
                    Ok(Array::by(array.dims.clone(), ty, move |index| {
                        E::Neg(ty, Box::new(array.element(index)))
                    }))
                }
                _ => self.refuse("`-` of this"),
            },
            ExprKind::Not(a) => Ok(V::Scalar(E::Not(Box::new(self.condition(a)?)), false)),
            ExprKind::Compare(op, a, b) => {
                let (a, b) = (self.value(a)?, self.value(b)?);
                let op = *op;
                self.zipped(a, b, &move |a, ta, b, tb| match (ta, tb) {
                    (Ty::Bool, _) | (_, Ty::Bool) => Err("a comparison of truth values"),
                    (Ty::Int, Ty::Int) => Ok((E::Compare(op, Ty::Int, Box::new(a), Box::new(b)), Ty::Bool)),
                    _ => Ok((
                        E::Compare(op, Ty::Float, Box::new(float(a, ta)), Box::new(float(b, tb))),
                        Ty::Bool,
                    )),
                })
            }
            ExprKind::And(parts) | ExprKind::Or(parts) => {
                let is_and = matches!(expression.kind, ExprKind::And(_));
                let mut whole = None;
                for part in parts {
                    let part = self.skippable(|lower| lower.number(part))?;
                    if self.ty(&part) != Ty::Bool {
                        return self.refuse("`and` or `or` of what is no truth value");
                    }
                    whole = Some(match whole {
                        None => part,
                        Some(whole) if is_and => E::And(Box::new(whole), Box::new(part)),
                        Some(whole) => E::Or(Box::new(whole), Box::new(part)),
                    });
                }
                Ok(V::Scalar(whole.unwrap_or(E::Bool(is_and)), false))
            }
            ExprKind::IfElse(condition, yes, no) => {
                let condition = self.condition(condition)?;
                let yes = self.skippable(|lower| lower.number(yes))?;
                let no = self.skippable(|lower| lower.number(no))?;
                if self.ty(&yes) != self.ty(&no) {
                    return self.refuse("an int or a float, as a condition says");
                }
                Ok(self.scalar(E::If(Box::new(condition), Box::new(yes), Box::new(no))))
            }
            ExprKind::Call(callee, args, named) => {
                let value = self.call(callee, args, named)?;
                self.bounded(value)
            }
            ExprKind::Subscript(base, index) => match self.subscripted(base)? {
                V::Array(array) => {
                    let part = self.indexed(array, index)?;
                    self.demand_places(&part)?;
                    Ok(part)
                }
                V::Tuple(items) => match &index[..] {
                    [Index::At(Expr { kind: ExprKind::Int(at), .. })] => {
                        let at = if *at < 0 { *at + items.len() as i64 } else { *at };
                        let item = usize::try_from(at).ok().and_then(|at| items.get(at).cloned());
                        item.ok_or_else(|| Error::new(self.line, "a subscript of a shape"))
                    }
                    _ => self.refuse("a subscript of a shape"),
                },
                V::Scalar(..) => self.refuse("a subscript of a number"),
            },
            ExprKind::Attribute(base, name) => {
                let value = self.value(base)?;
                match (value, name.as_str()) {
                    (V::Array(array), _) if array.is_list => self.refuse(format!("`.{name}` of a list")),
                    (V::Array(array), "shape") => {
                        Ok(V::Tuple(array.dims.iter().map(|dim| V::Scalar(dim.clone(), false)).collect()))
                    }
                    (V::Array(array), "ndim") => Ok(V::Scalar(E::Int(array.dims.len() as i64), false)),
                    (V::Array(array), "T") => Ok(V::Array(self.transposed(array))),
                    _ => self.refuse(format!("`.{name}`")),
                }
            }
            ExprKind::Comprehension(element, name, range) => self.comprehension(element, name, range),
            ExprKind::Tuple(parts) => {
                parts.iter().map(|part| self.value(part)).collect::<Result<_>>().map(V::Tuple)
            }
            ExprKind::List(_) => self.refuse("a list of this kind"),
            ExprKind::None => self.refuse("`None` as a value"),
            ExprKind::Known(name) => self.refuse(format!("`{name}` as a value")),
        }
    }

    /// `[0.0] * n`
    fn list_made(&mut self, op: Op, a: &Expr, b: &Expr) -> Result<Option<V>> {
        let (ExprKind::List(items), Op::Mul) = (&a.kind, op) else { return Ok(None) };
        let [item] = &items[..] else { return self.refuse("a list of this kind") };
        let value = self.number(item)?;
        let ty = self.ty(&value);
        if !matches!(value, E::Int(_) | E::Float(_)) {
            return self.refuse("a list of what is no constant");
        }
        let extent = self.int(b)?;
        self.demand(&extent, "the length of a list is not negative")?;
        let arr = self.allocated("list", ty, vec![extent], true, Some(value))?;
        Ok(Some(V::Array(self.whole(arr))))
    }

    /// `[[0.0] * n for i in range(m)]`, nested any number of times.
    fn comprehension(&mut self, element: &Expr, name: &str, range: &[Expr]) -> Result<V> {
        let mut extents = Vec::new();
        let (mut element, mut name, mut range) = (element, name, range);
        loop {
            let (lo, hi, step) = self.range(range)?;
            if lo != E::Int(0) || step != 1 {
                return self.refuse("a comprehension over a range that doesn't start at 0");
            }
            extents.push(hi);
            match &element.kind {
                ExprKind::Comprehension(inner, inner_name, inner_range) => {
                    (element, name, range) = (inner, inner_name, inner_range)
                }
                _ => break,
            }
        }
        let _ = name;
        let value = match &element.kind {
            ExprKind::Binary(Op::Mul, list, length) => match &list.kind {
                ExprKind::List(items) if items.len() == 1 => {
                    extents.push(self.int(length)?);
                    self.number(&items[0])?
                }
                _ => self.number(element)?,
            },
            _ => self.number(element)?,
        };
        let ty = self.ty(&value);
        if !matches!(value, E::Int(_) | E::Float(_)) {
            return self.refuse("a comprehension of what is no constant");
        }
        for extent in &extents {
            self.demand(extent, "the length of a list is not negative")?;
        }
        let arr = self.allocated("list", ty, extents, true, Some(value))?;
        Ok(V::Array(self.whole(arr)))
    }

    /// A binary operation.
    pub(crate) fn binary(&mut self, op: Op, a: V, b: V) -> Result<V> {
        if op == Op::MatMul {
            return self.product(a, b);
        }
        // NumPy has short ways for powers of arrays, of other rounding than `pow`.
        if let (Op::Pow, V::Array(array), V::Scalar(power, _)) = (op, &a, &b) {
            let power = match power {
                E::Int(power) => *power as f64,
                E::Float(power) => *power,
                _ => f64::NAN,
            };
            let (dims, array) = (array.dims.clone(), array.clone());
            if array.ty == Ty::Float && !array.is_list {
                if power == 2.0 {
                    return Ok(Array::by(dims, Ty::Float, move |index| {
                        E::Bin(
                            Bin::Mul,
                            Ty::Float,
                            Box::new(array.element(index)),
                            Box::new(array.element(index)),
                        )
                    }));
                }
                if power == 0.5 {
                    return Ok(Array::by(dims, Ty::Float, move |index| {
                        E::Math(Math::Sqrt, vec![array.element(index)], false)
                    }));
                }
            }
        }
        if op == Op::Pow && (matches!(a, V::Array(_)) || matches!(b, V::Array(_))) {
            self.reassociate("a power of an array, whose last place NumPy rounds in its own way");
        }
        self.zipped(a, b, &move |a, ta, b, tb| arithmetic(op, a, ta, b, tb))
    }

    /// An operation element by element, with broadcasting.
    pub(crate) fn zipped(&mut self, a: V, b: V, op: &Zip) -> Result<V> {
        let wrong = |line: u32| move |what: &'static str| Error::new(line, what);
        match (a, b) {
            (V::Scalar(a, x), V::Scalar(b, y)) => {
                let (ta, tb) = (self.ty(&a), self.ty(&b));
                let (value, _) = op(a, ta, b, tb).map_err(wrong(self.line))?;
                Ok(V::Scalar(value, x || y))
            }
            (V::Tuple(_), _) | (_, V::Tuple(_)) => self.refuse("an operation on a tuple"),
            (a, b) => {
                let (a, b) = (self.as_array(a)?, self.as_array(b)?);
                let ndim = a.dims.len().max(b.dims.len());
                let mut dims = Vec::new();
                let (mut from_a, mut from_b) = (Vec::new(), Vec::new());
                for axis in 0..ndim {
                    let of = |array: &Array| (axis + array.dims.len()).checked_sub(ndim);
                    let (x, y) = (of(&a), of(&b));
                    let (dx, dy) = (x.map(|x| a.dims[x].clone()), y.map(|y| b.dims[y].clone()));
                    let stretches = |dim: &Option<E>| matches!(dim, None | Some(E::Int(1)));
                    let dim = match (stretches(&dx), stretches(&dy)) {
                        (true, _) => dy.clone().or(dx.clone()),
                        (_, true) => dx.clone(),
                        _ => {
                            self.demand_equal(
                                dx.as_ref().expect("an extent"),
                                dy.as_ref().expect("an extent"),
                            )?;
                            dx.clone()
                        }
                    };
                    if x.is_some() {
                        from_a.push((!stretches(&dx) || stretches(&dy)).then_some(axis));
                    }
                    if y.is_some() {
                        from_b.push((!stretches(&dy) || stretches(&dx)).then_some(axis));
                    }
                    dims.push(dim.expect("one of them has the axis"));
                }
                let (ta, tb) = (a.ty, b.ty);
                // The type, and whether there is such an operation, is known without elements.
                let (_, ty) = op(E::Var(usize::MAX), ta, E::Var(usize::MAX), tb).map_err(wrong(self.line))?;
                let rule = op.clone_box();
                let at = |from: &[Option<usize>], index: &[E]| -> Vec<E> {
                    from.iter().map(|axis| axis.map_or(E::Int(0), |axis| index[axis].clone())).collect()
                };
                Ok(Array::by(dims, ty, move |index| {
                    let (x, y) = (a.element(&at(&from_a, index)), b.element(&at(&from_b, index)));
                    rule(x, ta, y, tb).expect("was asked before").0
                }))
            }
        }
    }

    fn as_array(&self, value: V) -> Result<Array> {
        match value {
            V::Array(array) if array.is_list => self.refuse("arithmetic with a list"),
            V::Array(array) => Ok(array),
            V::Scalar(value, _) => {
                let ty = self.ty(&value);
                Ok(Array {
                    dims: Vec::new(),
                    ty,
                    source: Source::Map(Rc::new(move |_| value.clone())),
                    is_list: false,
                })
            }
            V::Tuple(_) => self.refuse("an operation on a tuple"),
        }
    }

    /// A function of each element.
    pub(crate) fn mapped(&mut self, value: V, ty: Ty, rule: impl Fn(E, Ty) -> E + 'static) -> Result<V> {
        match value {
            V::Scalar(value, _) => {
                let from = self.ty(&value);
                Ok(V::Scalar(rule(value, from), true))
            }
            value => {
                let array = self.as_array(value)?;
                let from = array.ty;
                Ok(Array::by(array.dims.clone(), ty, move |index| rule(array.element(index), from)))
            }
        }
    }
}

/// An operation on two numbers, given their types: expression and type, or why there is none.
pub(crate) trait ZipFn: Fn(E, Ty, E, Ty) -> std::result::Result<(E, Ty), &'static str> {
    /// Itself, to be kept.
    fn clone_box(&self) -> Box<Zip>;
}

/// As a trait object.
pub(crate) type Zip = dyn ZipFn;

impl<F: Fn(E, Ty, E, Ty) -> std::result::Result<(E, Ty), &'static str> + Clone + 'static> ZipFn for F {
    fn clone_box(&self) -> Box<Zip> {
        Box::new(self.clone())
    }
}
