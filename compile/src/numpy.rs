//! The knowledge base: what NumPy's functions, `math` and the builtins are as loop nests.
//!
//! For each function: domain, rule of an element, reduced axes. Element-wise functions become rules of array values;
//! products and reductions emit a nest that fills an array of the kernel's own. What isn't here is refused by name.

use crate::Result;
use crate::fold::Fold;
use crate::ir::*;
use crate::lower::Lower;
use crate::syntax::{Expr, ExprKind, Index, Op};
use crate::values::{Array, V, float, sub};

impl Lower {
    /// Loops over these extents around what `body` emits.
    pub(crate) fn nest(
        &mut self,
        dims: &[E],
        index: &mut Vec<E>,
        body: &mut dyn FnMut(&mut Self, &[E]) -> Result<()>,
    ) -> Result<()> {
        let Some(dim) = dims.get(index.len()) else { return body(self, &index.clone()) };
        if *dim == E::Int(1) {
            index.push(E::Int(0));
            let done = self.nest(dims, index, body);
            index.pop();
            return done;
        }
        let dim = dim.clone();
        self.around("i", E::Int(0), dim, 1, None, |lower, var| {
            index.push(E::Var(var));
            let done = lower.nest(dims, index, body);
            index.pop();
            done
        })
    }

    /// An array of the kernel's own; filled, if it is said with what.
    pub(crate) fn allocated(
        &mut self,
        name: &str,
        ty: Ty,
        dims: Vec<E>,
        is_list: bool,
        fill: Option<E>,
    ) -> Result<Arr> {
        let mut extents = Vec::new();
        for dim in &dims {
            match self.affine(dim).and_then(|form| form.extreme(true, &self.vars)) {
                Some(form) => extents.push(form),
                None => return self.refuse("extents of an array that aren't known before it runs"),
            }
        }
        let name = format!(
            "{name}{}",
            if matches!(name, "list" | "result" | "part") {
                self.arrays.len().to_string()
            } else {
                String::new()
            }
        );
        self.arrays.push(ArrInfo {
            name,
            ty,
            ndim: dims.len(),
            is_list,
            dims: Some(extents),
            is_written: true,
        });
        let arr = self.arrays.len() - 1;
        if let Some(fill) = fill {
            self.nest(&dims, &mut Vec::new(), &mut |lower, index| {
                lower.emit(SKind::Store(
                    Access { arr, index: index.to_vec(), is_checked: false },
                    fill.clone(),
                ));
                Ok(())
            })?;
        }
        Ok(arr)
    }

    /// The value of an array of the kernel's own with these extents (it may have been allocated larger).
    pub(crate) fn own(&self, arr: Arr, dims: Vec<E>) -> Array {
        Array { dims, ..self.whole(arr) }
    }

    /// An array of the kernel's own with these elements.
    pub(crate) fn materialised(&mut self, array: &Array, name: &str) -> Result<Arr> {
        if array.ty == Ty::Bool {
            return self.refuse("an array of truth values that is kept");
        }
        if array.is_list {
            return self.refuse("a list that is copied");
        }
        let arr = self.allocated(name, array.ty, array.dims.clone(), false, None)?;
        let place = self.own(arr, array.dims.clone());
        self.store_array(&place, V::Array(array.clone()))?;
        Ok(arr)
    }

    /// A view: the value itself, or a copy of what has to be computed.
    pub(crate) fn as_view(&mut self, value: V) -> Result<Array> {
        match value {
            V::Array(array) if array.is_list => self.refuse("an operation on a list"),
            V::Array(array) if array.source.is_view() => Ok(array),
            V::Array(array) => {
                let arr = self.materialised(&array, "part")?;
                Ok(self.own(arr, array.dims))
            }
            _ => self.refuse("a number where an array goes"),
        }
    }

    /// Assigns to the elements of a view.
    pub(crate) fn store_array(&mut self, place: &Array, value: V) -> Result<()> {
        let value = match value {
            V::Scalar(value, _) => {
                // One value for all, computed once.
                let ty = self.ty(&value);
                let value = if matches!(value, E::Int(_) | E::Float(_) | E::Var(_)) {
                    value
                } else {
                    E::Var(self.fresh("kept", ty, value))
                };
                return self.nest(&place.dims, &mut Vec::new(), &mut |lower, index| {
                    lower.store_element(place.access(index).expect("a view"), value.clone())
                });
            }
            V::Array(array) if !array.is_list => array,
            _ => return self.refuse("an assignment of this to an array"),
        };
        let Some(lead) = place.dims.len().checked_sub(value.dims.len()) else {
            return self.refuse("an assignment of an array with more axes");
        };
        let mut stretched = Vec::new();
        for (axis, dim) in value.dims.clone().iter().enumerate() {
            let to = place.dims[lead + axis].clone();
            stretched.push(*dim == E::Int(1) && to != E::Int(1));
            if !stretched[axis] {
                self.demand_equal(dim, &to)?;
            }
        }
        let of = |index: &[E]| -> Vec<E> {
            index[lead..]
                .iter()
                .zip(&stretched)
                .map(|(at, is_stretched)| if *is_stretched { E::Int(0) } else { at.clone() })
                .collect()
        };
        let marks: Vec<E> = (0..place.dims.len()).map(|axis| E::Var(usize::MAX - axis)).collect();
        let target = place.access(&marks).expect("a view");
        let clashes =
            value.element(&of(&marks)).loads().iter().any(|load| load.arr == target.arr && **load != target);
        let value = if clashes {
            let arr = self.materialised(&value, "part")?;
            self.own(arr, value.dims)
        } else {
            value
        };
        self.nest(&place.dims, &mut Vec::new(), &mut |lower, index| {
            lower.store_element(place.access(index).expect("a view"), value.element(&of(index)))
        })
    }

    /// The mask of `x[mask]`, if the subscript is one.
    pub(crate) fn mask(&mut self, base: &Expr, index: &[Index]) -> Result<Option<Array>> {
        let [Index::At(at)] = index else { return Ok(None) };
        if !matches!(at.kind, ExprKind::Compare(..)) {
            return Ok(None);
        }
        let _ = base;
        match self.value(at)? {
            V::Array(mask) if mask.ty == Ty::Bool => Ok(Some(mask)),
            _ => Ok(None),
        }
    }

    /// `x[mask] = number`
    pub(crate) fn store_masked(&mut self, base: &Expr, mask: Array, value: V) -> Result<()> {
        let (V::Array(place), V::Scalar(value, _)) = (self.value(base)?, value) else {
            return self.refuse("an assignment by a mask of more than a number");
        };
        if place.is_list || !place.source.is_view() || place.dims.len() != mask.dims.len() {
            return self.refuse("an assignment by a mask");
        }
        for (a, b) in place.dims.clone().iter().zip(&mask.dims) {
            self.demand_equal(a, b)?;
        }
        let marks: Vec<E> = (0..place.dims.len()).map(|axis| E::Var(usize::MAX - axis)).collect();
        let target = place.access(&marks).expect("a view");
        if mask.element(&marks).loads().iter().any(|load| load.arr == target.arr && **load != target) {
            return self.refuse("a mask of other elements than those assigned to");
        }
        let ty = self.ty(&value);
        let value = E::Var(self.fresh("kept", ty, value));
        self.nest(&place.dims, &mut Vec::new(), &mut |lower, index| {
            let outer = std::mem::take(&mut lower.out);
            let done = lower.store_element(place.access(index).expect("a view"), value.clone());
            let inner = std::mem::replace(&mut lower.out, outer);
            done?;
            lower.emit(SKind::If(mask.element(index), inner, Vec::new()));
            Ok(())
        })
    }

    /// A function of one float.
    pub(crate) fn math(&mut self, math: Math, value: V, raises: bool) -> Result<V> {
        if let V::Scalar(value, is_numpy) = &value {
            let ty = self.ty(value);
            if ty == Ty::Bool {
                return self.refuse("a function of a truth value");
            }
            return Ok(V::Scalar(
                E::Math(math, vec![float(value.clone(), ty)], raises),
                !raises || *is_numpy,
            ));
        }
        self.mapped(value, Ty::Float, move |x, ty| E::Math(math, vec![float(x, ty)], raises))
    }

    /// Extents given as a number or a tuple.
    fn extents(&mut self, shape: &Expr) -> Result<Vec<E>> {
        let dims = match self.value(shape)? {
            V::Scalar(extent, _) => vec![extent],
            V::Tuple(items) => {
                let mut dims = Vec::new();
                for item in items {
                    let V::Scalar(extent, _) = item else { return self.refuse("a shape of this kind") };
                    dims.push(extent);
                }
                dims
            }
            V::Array(_) => return self.refuse("a shape of this kind"),
        };
        for dim in &dims {
            if self.ty(dim) != Ty::Int {
                return self.refuse("an extent that is no int");
            }
            self.demand(dim, "an extent is not negative")?;
        }
        Ok(dims)
    }

    fn dtype(&mut self, named: &[(String, Expr)], otherwise: Ty) -> Result<Ty> {
        let [(name, value)] = named else {
            return if named.is_empty() { Ok(otherwise) } else { self.refuse("arguments of this kind") };
        };
        match (name.as_str(), &value.kind) {
            ("dtype", ExprKind::Known(ty)) if ty == "numpy.float64" || ty == "float" => Ok(Ty::Float),
            ("dtype", ExprKind::Known(ty)) if ty == "numpy.int64" || ty == "int" => Ok(Ty::Int),
            ("dtype", ExprKind::Attribute(base, attribute)) if attribute == "dtype" => {
                match self.value(base)? {
                    V::Array(array) => Ok(array.ty),
                    _ => self.refuse("`.dtype` of this"),
                }
            }
            _ => self.refuse(format!("argument `{name}`")),
        }
    }

    /// A call of a function, or of a method.
    pub(crate) fn call(&mut self, callee: &Expr, args: &[Expr], named: &[(String, Expr)]) -> Result<V> {
        let (name, mut values) = match &callee.kind {
            ExprKind::Known(name) => (name.clone(), Vec::new()),
            ExprKind::Attribute(base, method) => match self.value(base)? {
                V::Array(array) if !array.is_list => (format!("numpy.{method}"), vec![V::Array(array)]),
                _ => return self.refuse(format!("method `{method}` of this")),
            },
            _ => return self.refuse("a call of this"),
        };
        let refuse_named = |lower: &Self| match named.first() {
            Some((argument, _)) => lower.refuse(format!("argument `{argument}` of `{name}`")),
            None => Ok(()),
        };
        let is_method = !values.is_empty();
        match name.as_str() {
            "numpy.zeros" | "numpy.ones" | "numpy.empty" | "numpy.full" if !is_method => {
                let Some(shape) = args.first() else { return self.refuse("no shape") };
                let dims = self.extents(shape)?;
                let ty = self.dtype(named, Ty::Float)?;
                let fill = match name.as_str() {
                    "numpy.full" if args.len() == 2 => {
                        let value = self.number(&args[1])?;
                        let of = self.ty(&value);
                        if of == Ty::Int && named.is_empty() {
                            return self.refuse("`full` of an int");
                        }
                        Some(E::Var(self.fresh("kept", Ty::Float, float(value, of))))
                    }
                    _ if args.len() > 1 => return self.refuse("arguments of this kind"),
                    "numpy.zeros" => Some(if ty == Ty::Int { E::Int(0) } else { E::Float(0.0) }),
                    "numpy.ones" => Some(if ty == Ty::Int { E::Int(1) } else { E::Float(1.0) }),
                    _ => None,
                };
                let arr = self.allocated("part", ty, dims.clone(), false, fill)?;
                return Ok(V::Array(self.own(arr, dims)));
            }
            "numpy.zeros_like" | "numpy.ones_like" | "numpy.empty_like" if args.len() == 1 => {
                let V::Array(array) = self.value(&args[0])? else { return self.refuse("an array like this") };
                if array.is_list {
                    return self.refuse("an array like a list");
                }
                let ty = self.dtype(named, array.ty)?;
                let one = if ty == Ty::Int { E::Int(1) } else { E::Float(1.0) };
                let zero = if ty == Ty::Int { E::Int(0) } else { E::Float(0.0) };
                let fill = match name.as_str() {
                    "numpy.zeros_like" => Some(zero),
                    "numpy.ones_like" => Some(one),
                    _ => None,
                };
                let arr = self.allocated("part", ty, array.dims.clone(), false, fill)?;
                return Ok(V::Array(self.own(arr, array.dims)));
            }
            _ => {}
        }
        for arg in args {
            if is_method
                && matches!(
                    name.as_str(),
                    "numpy.sum" | "numpy.max" | "numpy.min" | "numpy.mean" | "numpy.std" | "numpy.var"
                )
            {
                break;
            }
            if values.len() == 1
                && matches!(
                    name.as_str(),
                    "numpy.sum"
                        | "numpy.max"
                        | "numpy.min"
                        | "numpy.mean"
                        | "numpy.amax"
                        | "numpy.amin"
                        | "numpy.std"
                        | "numpy.var"
                )
            {
                break;
            }
            values.push(self.value(arg)?);
        }
        // Reductions take an axis.
        if let "numpy.sum" | "numpy.max" | "numpy.min" | "numpy.amax" | "numpy.amin" | "numpy.mean"
        | "numpy.std" | "numpy.var" = name.as_str()
        {
            let rest = if is_method { args } else { args.get(1..).unwrap_or(&[]) };
            let axis = match (rest, named) {
                ([], []) => None,
                ([axis], []) => Some(axis),
                ([], [(argument, axis)]) if argument == "axis" => Some(axis),
                _ => return self.refuse(format!("arguments of `{name}`")),
            };
            if values.len() != 1 {
                return self.refuse(format!("arguments of `{name}`"));
            }
            let value = values.remove(0);
            return match name.as_str() {
                "numpy.sum" => self.fold(Fold::Sum, value, axis),
                "numpy.max" | "numpy.amax" => self.fold(Fold::Max, value, axis),
                "numpy.min" | "numpy.amin" => self.fold(Fold::Min, value, axis),
                "numpy.mean" => self.mean(value, axis),
                "numpy.var" => self.variance(value, axis),
                _ => {
                    let variance = self.variance(value, axis)?;
                    self.math(Math::Sqrt, variance, false)
                }
            };
        }
        refuse_named(self)?;
        let number = values.len();
        let mut values = values.into_iter();
        let mut next = || values.next().expect("was counted");
        match (name.as_str(), number) {
            ("len", 1) => match next() {
                V::Array(array) if !array.dims.is_empty() => Ok(V::Scalar(array.dims[0].clone(), false)),
                _ => self.refuse("`len` of this"),
            },
            ("numpy.dot" | "numpy.matmul", 2) => {
                let (a, b) = (next(), next());
                self.product(a, b)
            }
            ("numpy.outer", 2) => {
                let (a, b) = (self.as_view(next())?, self.as_view(next())?);
                if a.dims.len() != 1 || b.dims.len() != 1 {
                    return self.refuse("`outer` of arrays with other than one axis");
                }
                let column = self.indexed(a, &[Index::Ellipsis, Index::NewAxis])?;
                self.binary(Op::Mul, column, V::Array(b))
            }
            ("numpy.copy", 1) => {
                let V::Array(array) = next() else { return self.refuse("a copy of this") };
                if array.is_list {
                    return self.refuse("a copy of a list");
                }
                let arr = self.materialised(&array, "part")?;
                Ok(V::Array(self.own(arr, array.dims)))
            }
            ("numpy.transpose", 1) => match next() {
                V::Array(array) if !array.is_list => Ok(V::Array(self.transposed(array))),
                _ => self.refuse("a transpose of this"),
            },
            ("numpy.triu" | "numpy.tril", 1 | 2) => {
                let V::Array(array) = next() else { return self.refuse("a triangle of this") };
                let shift = if number == 2 { next() } else { V::Scalar(E::Int(0), false) };
                let V::Scalar(shift, _) = shift else { return self.refuse("a triangle of this") };
                if array.is_list
                    || array.dims.len() != 2
                    || array.ty == Ty::Bool
                    || self.ty(&shift) != Ty::Int
                {
                    return self.refuse("a triangle of this");
                }
                let zero = if array.ty == Ty::Int { E::Int(0) } else { E::Float(0.0) };
                let op = if name == "numpy.triu" { Compare::Ge } else { Compare::Le };
                Ok(Array::by(array.dims.clone(), array.ty, move |index| {
                    let away = sub(index[1].clone(), index[0].clone());
                    let is_in = E::Compare(op, Ty::Int, Box::new(away), Box::new(shift.clone()));
                    E::If(Box::new(is_in), Box::new(array.element(index)), Box::new(zero.clone()))
                }))
            }
            ("numpy.maximum" | "numpy.minimum", 2) => {
                let bin = if name == "numpy.maximum" { Bin::Maximum } else { Bin::Minimum };
                let (a, b) = (next(), next());
                let value = self.zipped(a, b, &move |a: E, ta: Ty, b: E, tb: Ty| match (ta, tb) {
                    (Ty::Bool, _) | (_, Ty::Bool) => Err("the greater of truth values"),
                    (Ty::Int, Ty::Int) => Ok((E::Bin(bin, Ty::Int, Box::new(a), Box::new(b)), Ty::Int)),
                    _ => Ok((
                        E::Bin(bin, Ty::Float, Box::new(float(a, ta)), Box::new(float(b, tb))),
                        Ty::Float,
                    )),
                })?;
                Ok(numpys(value))
            }
            ("numpy.where", 3) => {
                let (mask, yes, no) = (next(), next(), next());
                let V::Array(mask) = mask else { return self.refuse("`where` of a number") };
                if mask.ty != Ty::Bool {
                    return self.refuse("`where` of what is no truth value");
                }
                // Of three operands two are joined first; floats only, so that the type is plain.
                let both =
                    self.zipped(yes.clone(), no.clone(), &|a: E, ta: Ty, b: E, tb: Ty| match (ta, tb) {
                        (Ty::Bool, _) | (_, Ty::Bool) => Err("`where` of truth values"),
                        (Ty::Int, Ty::Int) => Err("`where` of ints"),
                        _ => Ok((
                            E::Bin(Bin::Add, Ty::Float, Box::new(float(a, ta)), Box::new(float(b, tb))),
                            Ty::Float,
                        )),
                    })?;
                let chosen = self.zipped(V::Array(mask), both, &|mask: E, _: Ty, both: E, _: Ty| {
                    // Both choices are the operands of the sum that joined them.
                    let E::Bin(Bin::Add, ty, yes, no) = both else {
                        return Ok((mask, Ty::Float));
                    };
                    Ok((E::If(Box::new(mask), yes, no), ty))
                })?;
                Ok(chosen)
            }
            ("numpy.power", 2) => {
                let (a, b) = (next(), next());
                Ok(numpys(self.binary(Op::Pow, a, b)?))
            }
            ("numpy.add", 2) => self.ufunc(Op::Add, next(), next()),
            ("numpy.subtract", 2) => self.ufunc(Op::Sub, next(), next()),
            ("numpy.multiply", 2) => self.ufunc(Op::Mul, next(), next()),
            ("numpy.divide" | "numpy.true_divide", 2) => self.ufunc(Op::Div, next(), next()),
            ("numpy.sqrt", 1) => self.math(Math::Sqrt, next(), false),
            ("numpy.exp", 1) => self.inexact(Math::Exp, next()),
            ("numpy.log", 1) => self.inexact(Math::Log, next()),
            ("numpy.sin", 1) => self.inexact(Math::Sin, next()),
            ("numpy.cos", 1) => self.inexact(Math::Cos, next()),
            ("numpy.tan", 1) => self.inexact(Math::Tan, next()),
            ("numpy.floor", 1) => self.math(Math::Floor, next(), false),
            ("numpy.ceil", 1) => self.math(Math::Ceil, next(), false),
            ("numpy.abs" | "numpy.absolute" | "numpy.fabs" | "abs", 1) => {
                let value = next();
                let is_builtin = name == "abs";
                let ty = match &value {
                    V::Scalar(value, _) => self.ty(value),
                    V::Array(array) => array.ty,
                    V::Tuple(_) => Ty::Bool,
                };
                match ty {
                    Ty::Bool => self.refuse("`abs` of this"),
                    Ty::Int if name == "numpy.fabs" => self.refuse("`fabs` of ints"),
                    Ty::Int => {
                        let value = self.mapped(value, Ty::Int, |x, _| {
                            let turned = E::Neg(Ty::Int, Box::new(x.clone()));
                            E::Bin(Bin::Maximum, Ty::Int, Box::new(x), Box::new(turned))
                        })?;
                        Ok(value)
                    }
                    Ty::Float if is_builtin => match value {
                        V::Scalar(value, is_numpy) => {
                            Ok(V::Scalar(E::Math(Math::Abs, vec![value], false), is_numpy))
                        }
                        value => self.math(Math::Abs, value, false),
                    },
                    Ty::Float => self.math(Math::Abs, value, false),
                }
            }
            ("math.sqrt", 1) => self.of_number(Math::Sqrt, next()),
            ("math.exp", 1) => self.of_number(Math::Exp, next()),
            ("math.log", 1) => self.of_number(Math::Log, next()),
            ("math.sin", 1) => self.of_number(Math::Sin, next()),
            ("math.cos", 1) => self.of_number(Math::Cos, next()),
            ("math.tan", 1) => self.of_number(Math::Tan, next()),
            ("math.fabs", 1) => self.of_number(Math::Abs, next()),
            ("math.pow", 2) => match (next(), next()) {
                (V::Scalar(a, _), V::Scalar(b, _)) => {
                    let (ta, tb) = (self.ty(&a), self.ty(&b));
                    Ok(V::Scalar(E::Math(Math::Pow, vec![float(a, ta), float(b, tb)], true), false))
                }
                _ => self.refuse("`math.pow` of an array"),
            },
            ("float" | "numpy.float64", 1) => match next() {
                V::Scalar(value, _) if self.ty(&value) != Ty::Bool => {
                    let ty = self.ty(&value);
                    Ok(V::Scalar(float(value, ty), name != "float"))
                }
                _ => self.refuse("`float` of this"),
            },
            ("int", 1) => match next() {
                V::Scalar(value, _) if self.ty(&value) == Ty::Int => Ok(V::Scalar(value, false)),
                _ => self.refuse("`int` of this"),
            },
            ("min" | "max", 2..) => {
                let op = if name == "max" { Compare::Gt } else { Compare::Lt };
                let mut best = next();
                for _ in 1..number {
                    let (V::Scalar(a, x), V::Scalar(b, y)) = (best, next()) else {
                        return self.refuse(format!("`{name}` of arrays"));
                    };
                    let (ta, tb) = (self.ty(&a), self.ty(&b));
                    if ta != tb || ta == Ty::Bool {
                        return self.refuse(format!("`{name}` of an int and a float"));
                    }
                    let is_other = E::Compare(op, ta, Box::new(b.clone()), Box::new(a.clone()));
                    best = V::Scalar(E::If(Box::new(is_other), Box::new(b), Box::new(a)), x || y);
                }
                Ok(best)
            }
            _ => self.refuse(format!("`{name}` with {number} arguments")),
        }
    }

    fn ufunc(&mut self, op: Op, a: V, b: V) -> Result<V> {
        Ok(numpys(self.binary(op, a, b)?))
    }

    /// Functions that NumPy has loops of its own for, which may differ from the C library's in the last place.
    fn inexact(&mut self, math: Math, value: V) -> Result<V> {
        self.reassociate("a function whose last place NumPy rounds in its own way");
        self.math(math, value, false)
    }

    /// A function of `math`: of one number, a float in the end.
    fn of_number(&mut self, math: Math, value: V) -> Result<V> {
        let V::Scalar(value, _) = value else { return self.refuse("a function of `math` of an array") };
        match self.ty(&value) {
            Ty::Bool => self.refuse("a function of a truth value"),
            ty => Ok(V::Scalar(E::Math(math, vec![float(value, ty)], true), false)),
        }
    }
}

fn numpys(value: V) -> V {
    match value {
        V::Scalar(value, _) => V::Scalar(value, true),
        other => other,
    }
}
