//! Affine forms of integers: a constant plus multiples of arguments, extents and loop variables.
//!
//! What subscripts, bounds of loops and guards are made of. A coefficient that would leave 64 bits makes the form
//! unknown (`None`), never wrong.

use crate::ir::{Arr, Bin, E, Role, Var, VarInfo};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an affine form is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Sym {
    /// A scalar.
    Var(Var),
    /// Extent of an array's axis.
    Dim(Arr, usize),
}

/// `constant + sum of coefficient * symbol`; no coefficient is zero.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Affine {
    pub(crate) terms: BTreeMap<Sym, i64>,
    pub(crate) constant: i64,
}

impl Affine {
    pub(crate) fn constant(constant: i64) -> Self {
        Affine { terms: BTreeMap::new(), constant }
    }

    pub(crate) fn of(sym: Sym) -> Self {
        Affine { terms: [(sym, 1)].into(), constant: 0 }
    }

    /// `self + factor * other`
    pub(crate) fn plus(&self, other: &Affine, factor: i64) -> Option<Affine> {
        let mut sum = self.clone();
        sum.constant = sum.constant.checked_add(other.constant.checked_mul(factor)?)?;
        for (sym, coefficient) in &other.terms {
            let entry = sum.terms.entry(*sym).or_insert(0);
            *entry = entry.checked_add(coefficient.checked_mul(factor)?)?;
            if *entry == 0 {
                sum.terms.remove(sym);
            }
        }
        Some(sum)
    }

    pub(crate) fn coefficient(&self, sym: Sym) -> i64 {
        self.terms.get(&sym).copied().unwrap_or(0)
    }

    /// With a symbol replaced by a form.
    pub(crate) fn substitute(&self, sym: Sym, by: &Affine) -> Option<Affine> {
        let coefficient = self.coefficient(sym);
        let mut rest = self.clone();
        rest.terms.remove(&sym);
        rest.plus(by, coefficient)
    }

    /// The form of an expression, if it has one. Variables that are assigned to once stand for their value.
    pub(crate) fn from(expression: &E, vars: &[VarInfo]) -> Option<Affine> {
        match expression {
            E::Int(value) => Some(Self::constant(*value)),
            E::Dim(arr, axis) => Some(Self::of(Sym::Dim(*arr, *axis))),
            E::Var(var) => match &vars[*var].role {
                Role::Fixed | Role::Loop(..) => Some(Self::of(Sym::Var(*var))),
                Role::Once(value) => Self::from(value, vars),
                Role::Local => None,
            },
            E::Neg(_, a) => Self::default().plus(&Self::from(a, vars)?, -1),
            E::Bin(op, _, a, b) => {
                let (a, b) = (Self::from(a, vars)?, Self::from(b, vars)?);
                match op {
                    Bin::Add => a.plus(&b, 1),
                    Bin::Sub => a.plus(&b, -1),
                    Bin::Mul if a.terms.is_empty() => Self::default().plus(&b, a.constant),
                    Bin::Mul if b.terms.is_empty() => Self::default().plus(&a, b.constant),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The least (or, with `is_greatest`, the greatest) value while loop variables run over their ranges, as a form of
    /// what stays the same during a call. A bound of the true one where ranges may be empty.
    pub(crate) fn extreme(&self, is_greatest: bool, vars: &[VarInfo]) -> Option<Affine> {
        let mut form = self.clone();
        // Inner loops have the higher numbers, and bounds of outer variables only.
        while let Some((&sym, &coefficient)) = form.terms.iter().rev().find(|(sym, _)| is_loop(sym, vars)) {
            let Sym::Var(var) = sym else { return None };
            let Role::Loop(lo, hi, step) = &vars[var].role else { return None };
            let (lo, hi) = (Self::from(lo, vars)?, Self::from(hi, vars)?);
            let (first, last) = if *step > 0 {
                (lo, hi.plus(&Self::constant(1), -1)?)
            } else {
                (hi.plus(&Self::constant(1), 1)?, lo)
            };
            form = form.substitute(sym, if (coefficient > 0) == is_greatest { &last } else { &first })?;
        }
        Some(form)
    }

    /// Whether it stays the same during a call.
    pub(crate) fn is_fixed(&self, vars: &[VarInfo]) -> bool {
        !self.terms.keys().any(|sym| is_loop(sym, vars))
    }

    /// Its value in a call; beyond 64 bits there is none.
    pub(crate) fn value(&self, of: impl Fn(Sym) -> i64) -> Option<i64> {
        let sum = self.terms.iter().map(|(sym, factor)| i128::from(*factor) * i128::from(of(*sym)));
        i64::try_from(i128::from(self.constant) + sum.sum::<i128>()).ok()
    }

    /// The expression of it.
    pub(crate) fn expression(&self) -> E {
        let ty = crate::ir::Ty::Int;
        let mut sum = None;
        for (sym, factor) in &self.terms {
            let leaf = match sym {
                Sym::Var(var) => E::Var(*var),
                Sym::Dim(arr, axis) => E::Dim(*arr, *axis),
            };
            let term = if *factor == 1 {
                leaf
            } else {
                E::Bin(Bin::Mul, ty, Box::new(E::Int(*factor)), Box::new(leaf))
            };
            sum = Some(match sum {
                None => term,
                Some(sum) => E::Bin(Bin::Add, ty, Box::new(sum), Box::new(term)),
            });
        }
        match sum {
            None => E::Int(self.constant),
            Some(sum) if self.constant == 0 => sum,
            Some(sum) => E::Bin(Bin::Add, ty, Box::new(sum), Box::new(E::Int(self.constant))),
        }
    }
}

fn is_loop(sym: &Sym, vars: &[VarInfo]) -> bool {
    matches!(sym, Sym::Var(var) if matches!(vars[*var].role, Role::Loop(..)))
}
