//! Products and reductions of arrays: nests that fill an array of the kernel's own, or sum up a scalar.

use crate::Result;
use crate::ir::*;
use crate::lower::Lower;
use crate::syntax::{Expr, ExprKind, Index, Op};
use crate::values::{Array, Place, Source, V, add, arithmetic, sub};

/// A reduction.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Fold {
    Sum,
    Max,
    Min,
}

impl Lower {
    /// Notes an operation whose rounding is NumPy's own.
    pub(crate) fn reassociate(&mut self, what: &'static str) {
        self.reassociates.get_or_insert((self.line, what));
    }

    /// `a @ b`
    pub(crate) fn product(&mut self, a: V, b: V) -> Result<V> {
        let (a, b) = (self.as_view(a)?, self.as_view(b)?);
        let (m, n) = (a.dims.len(), b.dims.len());
        if !(1..=2).contains(&m) || !(1..=2).contains(&n) {
            return self.refuse("a product of arrays of other than one or two axes");
        }
        self.demand_equal(&a.dims[m - 1], &b.dims[0])?;
        self.reassociate("a product of arrays");
        let ty = if a.ty == Ty::Int && b.ty == Ty::Int { Ty::Int } else { Ty::Float };
        let mut dims: Vec<E> = a.dims[..m - 1].to_vec();
        dims.extend(b.dims[1..].iter().cloned());
        let inner = b.dims[0].clone();
        // Rows, then the sum, then columns: the last axis is the innermost loop.
        let order: Vec<E> = a.dims[..m - 1].iter().chain([&inner]).chain(&b.dims[1..]).cloned().collect();
        // Results lie where the slices they come of do, so that a triangle's rows are rows of one matrix.
        let starts: Vec<E> = (0..m - 1)
            .map(|axis| self.start(&a, axis))
            .chain((1..n).map(|axis| self.start(&b, axis)))
            .collect();
        let at = move |index: &[E]| {
            let left = a.element(&index[..m]);
            let right = b.element(&index[m - 1..]);
            arithmetic(Op::Mul, left, a.ty, right, b.ty).expect("numbers").0
        };
        self.folded(dims, &starts, ty, Fold::Sum, &order, &[m - 1], &at)
    }

    /// Where a view starts along an axis, if loops move that.
    fn start(&self, array: &Array, axis: usize) -> E {
        let Source::View(_, places) = &array.source else { return E::Int(0) };
        let start = places.iter().find_map(|place| match place {
            Place::Along(start, 1, along) if *along == axis => Some(start.clone()),
            _ => None,
        });
        let moves = |start: &E| self.affine(start).is_some_and(|form| !form.is_fixed(&self.vars));
        start.filter(moves).unwrap_or(E::Int(0))
    }

    /// A fold over axes of the domain `order`. Its elements are kept from `starts` on.
    #[allow(clippy::too_many_arguments)]
    fn folded(
        &mut self,
        dims: Vec<E>,
        starts: &[E],
        ty: Ty,
        fold: Fold,
        order: &[E],
        axes: &[usize],
        element: &dyn Fn(&[E]) -> E,
    ) -> Result<V> {
        let start = match (fold, ty) {
            (Fold::Sum, Ty::Int) => E::Int(0),
            (Fold::Sum, _) => E::Float(0.0),
            (Fold::Max, Ty::Int) => E::Int(i64::MIN),
            (Fold::Max, _) => E::Float(f64::NEG_INFINITY),
            (Fold::Min, Ty::Int) => E::Int(i64::MAX),
            (Fold::Min, _) => E::Float(f64::INFINITY),
        };
        let bin = match fold {
            Fold::Sum => Bin::Add,
            Fold::Max => Bin::Maximum,
            Fold::Min => Bin::Minimum,
        };
        if fold != Fold::Sum {
            for axis in axes {
                self.demand(
                    &sub(order[*axis].clone(), E::Int(1)),
                    "there is something to take the greatest or least of",
                )?;
            }
        }
        let join = |old: E, new: E| E::Bin(bin, ty, Box::new(old), Box::new(new));
        if dims.is_empty() {
            let var = self.fresh("sum", ty, start);
            self.vars[var].is_numpy = true;
            self.nest(order, &mut Vec::new(), &mut |lower, index| {
                lower.emit(SKind::Set(var, join(E::Var(var), element(index))));
                Ok(())
            })?;
            return Ok(V::Scalar(E::Var(var), true));
        }
        let extents = dims.iter().zip(starts).map(|(dim, start)| add(start.clone(), dim.clone())).collect();
        let arr = self.allocated("part", ty, extents, false, None)?;
        let places =
            starts.iter().enumerate().map(|(axis, start)| Place::Along(start.clone(), 1, axis)).collect();
        let part = Array { dims, ty, source: Source::View(arr, places), is_list: false };
        self.store_array(&part, V::Scalar(start, true))?;
        self.nest(order, &mut Vec::new(), &mut |lower, index| {
            let kept: Vec<E> = index
                .iter()
                .enumerate()
                .filter(|(axis, _)| !axes.contains(axis))
                .map(|(_, at)| at.clone())
                .collect();
            let access = part.access(&kept).expect("a view");
            let old = E::Load(Box::new(access.clone()));
            lower.emit(SKind::Store(access, join(old, element(index))));
            Ok(())
        })?;
        Ok(V::Array(part))
    }

    /// A fold of an array over one axis or all of them.
    pub(crate) fn fold(&mut self, fold: Fold, value: V, axis: Option<&Expr>) -> Result<V> {
        let array = match value {
            V::Array(array) if !array.is_list && array.ty != Ty::Bool => array,
            _ => return self.refuse("a reduction of this"),
        };
        if fold == Fold::Sum {
            self.reassociate("a sum over an array");
        }
        let ndim = array.dims.len() as i64;
        let axes: Vec<usize> = match axis.map(|axis| &axis.kind) {
            None | Some(ExprKind::None) => (0..array.dims.len()).collect(),
            Some(ExprKind::Int(axis)) if (-ndim..ndim).contains(axis) => {
                vec![(axis.rem_euclid(ndim)) as usize]
            }
            Some(_) => return self.refuse("an axis that is no constant"),
        };
        let dims: Vec<E> = array
            .dims
            .iter()
            .enumerate()
            .filter(|(axis, _)| !axes.contains(axis))
            .map(|(_, dim)| dim.clone())
            .collect();
        let order = array.dims.clone();
        let starts = vec![E::Int(0); dims.len()];
        self.folded(dims, &starts, array.ty, fold, &order, &axes, &move |index| array.element(index))
    }

    pub(crate) fn mean(&mut self, value: V, axis: Option<&Expr>) -> Result<V> {
        let V::Array(array) = &value else { return self.refuse("a mean of this") };
        let ndim = array.dims.len() as i64;
        let mut number = E::Int(1);
        for (at, dim) in array.dims.iter().enumerate() {
            let counts = match axis.map(|axis| &axis.kind) {
                None | Some(ExprKind::None) => true,
                Some(ExprKind::Int(axis)) => axis.rem_euclid(ndim.max(1)) == at as i64,
                _ => return self.refuse("an axis that is no constant"),
            };
            if counts {
                number = if number == E::Int(1) {
                    dim.clone()
                } else {
                    E::Bin(Bin::Mul, Ty::Int, Box::new(number), Box::new(dim.clone()))
                };
            }
        }
        let sum = self.fold(Fold::Sum, value, axis)?;
        let number = V::Scalar(E::ToFloat(Box::new(number)), true);
        self.binary(Op::Div, sum, number)
    }

    pub(crate) fn variance(&mut self, value: V, axis: Option<&Expr>) -> Result<V> {
        let array = self.as_view(value)?;
        let mean = self.mean(V::Array(array.clone()), axis)?;
        let mean = match (mean, axis.map(|axis| &axis.kind)) {
            (V::Array(mean), Some(ExprKind::Int(0))) => V::Array(mean),
            (V::Array(mean), Some(ExprKind::Int(_))) => {
                let mean = self.as_view(V::Array(mean))?;
                self.indexed(mean, &[Index::Ellipsis, Index::NewAxis])?
            }
            (V::Scalar(mean, is_numpy), _) => {
                let var = self.fresh("mean", Ty::Float, mean);
                V::Scalar(E::Var(var), is_numpy)
            }
            _ => return self.refuse("an axis that is no constant"),
        };
        let mean = match mean {
            V::Array(mean) => V::Array(self.as_view(V::Array(mean))?),
            other => other,
        };
        let apart = self.binary(Op::Sub, V::Array(array), mean)?;
        let square = self.binary(Op::Pow, apart, V::Scalar(E::Int(2), false))?;
        self.mean(square, axis)
    }
}
