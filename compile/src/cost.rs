//! How much there is to do in statements, for the arguments of a call, and where to cut a loop into parts of equal work.
//!
//! A unit is about a nanosecond. Bounds that nobody knows before count as a few iterations; no decision here changes a
//! result but for the order of sums.

use crate::ir::*;
use crate::machine::Layout;
use serde::{Deserialize, Serialize};

/// Of statements: what each costs, and loops.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Cost {
    flat: f64,
    loops: Vec<(Var, E, E, i64, Cost)>,
}

/// Scalars and extents of a call.
pub(crate) struct Scope<'a> {
    pub(crate) program: &'a Program,
    pub(crate) layout: &'a Layout,
    pub(crate) table: &'a mut [i64],
}

/// Whether an int is known before the statements around it run: made of arguments, extents, loop variables.
pub(crate) fn is_known(value: &E, vars: &[VarInfo]) -> bool {
    let mut is_all = true;
    value.walk(&mut |part| {
        is_all &= match part {
            E::Load(_) | E::Math(..) | E::ToFloat(_) | E::Float(_) => false,
            E::Var(var) => match &vars[*var].role {
                Role::Fixed | Role::Loop(..) => vars[*var].ty == Ty::Int,
                Role::Once(value) => is_known(value, vars),
                Role::Local => false,
            },
            _ => true,
        }
    });
    is_all
}

impl Scope<'_> {
    /// An int, if it is known.
    pub(crate) fn int(&self, value: &E) -> Option<i64> {
        match value {
            E::Int(value) => Some(*value),
            E::Var(var) => match &self.program.vars[*var].role {
                Role::Once(value) => self.int(value),
                Role::Local => None,
                _ => Some(self.table[*var]),
            },
            E::Dim(arr, axis) => Some(self.table[self.layout.array(*arr) + 1 + axis]),
            E::Neg(_, a) => self.int(a)?.checked_neg(),
            E::Bin(op, Ty::Int, a, b) => {
                let (a, b) = (self.int(a)?, self.int(b)?);
                match op {
                    Bin::Add => a.checked_add(b),
                    Bin::Sub => a.checked_sub(b),
                    Bin::Mul => a.checked_mul(b),
                    Bin::Maximum => Some(a.max(b)),
                    Bin::Minimum => Some(a.min(b)),
                    Bin::FloorDiv if b > 0 => Some(a.div_euclid(b)),
                    Bin::Mod if b > 0 => Some(a.rem_euclid(b)),
                    _ => None,
                }
            }
            E::If(condition, yes, no) => {
                let E::Compare(op, Ty::Int, a, b) = &**condition else { return None };
                let (a, b) = (self.int(a)?, self.int(b)?);
                let holds = match op {
                    Compare::Lt => a < b,
                    Compare::Le => a <= b,
                    Compare::Gt => a > b,
                    Compare::Ge => a >= b,
                    Compare::Eq => a == b,
                    Compare::Ne => a != b,
                };
                self.int(if holds { yes } else { no })
            }
            _ => None,
        }
    }

    /// First value and number of iterations of a loop, if its bounds are known.
    pub(crate) fn range(&self, lo: &E, hi: &E, step: i64) -> Option<(i64, i64)> {
        let (lo, hi) = (self.int(lo)?, self.int(hi)?);
        let (from, to) = if step > 0 { (lo, hi) } else { (hi, lo) };
        let count = if from < to { to.checked_sub(from)?.checked_sub(1)? / step.abs() + 1 } else { 0 };
        Some((lo, count))
    }

    /// What it costs. Loop variables stand in the middle of their ranges afterwards.
    pub(crate) fn cost(&mut self, cost: &Cost) -> f64 {
        let mut sum = cost.flat;
        for (var, lo, hi, step, body) in &cost.loops {
            let (first, count) = self.range(lo, hi, *step).unwrap_or((0, 8));
            if count > 0 {
                self.table[*var] = first + count / 2 * step;
                sum += count as f64 * (0.5 + self.cost(body));
            }
        }
        sum
    }

    /// Numbers of iterations `0 = c[0] <= c[1] <= ... = count`, so that each part has about the same to do.
    pub(crate) fn cuts(
        &mut self,
        inner: &Loop,
        cost: &Cost,
        first: i64,
        count: i64,
        parts: usize,
    ) -> Vec<i64> {
        let even =
            |pieces: i64, k: i64| i64::try_from(i128::from(count) * i128::from(k) / i128::from(pieces));
        let even = |pieces: usize, k: usize| even(pieces as i64, k as i64).unwrap_or(count);
        if !cost.depends_on(inner.var, self.program) {
            return (0..=parts).map(|k| even(parts, k)).collect();
        }
        let samples = count.min(64) as usize;
        let ends: Vec<i64> = (0..=samples).map(|k| even(samples, k)).collect();
        let mut sums = vec![0.0];
        for pair in ends.windows(2) {
            self.table[inner.var] = first + (pair[0] + pair[1]) / 2 * inner.step;
            let one = self.cost(cost);
            sums.push(sums.last().copied().unwrap_or(0.0) + one * (pair[1] - pair[0]) as f64);
        }
        let total = sums[samples];
        let mut cuts = vec![0];
        for k in 1..parts {
            let wanted = total * k as f64 / parts as f64;
            let at = sums.partition_point(|sum| *sum < wanted).clamp(1, samples);
            let share = (wanted - sums[at - 1]) / (sums[at] - sums[at - 1]).max(f64::MIN_POSITIVE);
            let cut = ends[at - 1] + ((ends[at] - ends[at - 1]) as f64 * share.clamp(0.0, 1.0)) as i64;
            cuts.push(cut.max(cuts[k - 1]));
        }
        cuts.push(count);
        cuts
    }
}

impl Cost {
    /// Of these statements.
    pub(crate) fn of(body: &[S]) -> Cost {
        let mut cost = Cost::default();
        cost.add(body);
        cost
    }

    fn add(&mut self, body: &[S]) {
        for stmt in body {
            match &stmt.kind {
                SKind::Set(_, value) => self.flat += value_cost(value),
                SKind::Store(access, value) => {
                    self.flat += 0.3 + value_cost(value) + access.index.iter().map(value_cost).sum::<f64>();
                }
                SKind::If(condition, yes, no) => {
                    self.flat += 0.5 + value_cost(condition);
                    self.add(yes);
                    self.add(no);
                }
                SKind::For(inner) => {
                    let within = Cost::of(&inner.body);
                    self.loops.push((inner.var, inner.lo.clone(), inner.hi.clone(), inner.step, within));
                }
            }
        }
    }

    fn depends_on(&self, var: Var, program: &Program) -> bool {
        self.loops.iter().any(|(_, lo, hi, _, body)| {
            mentions(lo, var, program) || mentions(hi, var, program) || body.depends_on(var, program)
        })
    }
}

fn mentions(value: &E, var: Var, program: &Program) -> bool {
    let mut is_in = false;
    value.walk(&mut |part| {
        if let E::Var(other) = part {
            is_in |= *other == var
                || matches!(&program.vars[*other].role, Role::Once(value) if mentions(value, var, program));
        }
    });
    is_in
}

fn value_cost(value: &E) -> f64 {
    let mut sum = 0.0;
    value.walk(&mut |part| {
        sum += match part {
            E::Math(Math::Sqrt, ..) | E::Bin(Bin::Div | Bin::FloorDiv | Bin::Mod, ..) => 2.0,
            E::Math(Math::Abs | Math::Floor | Math::Ceil | Math::Exact, ..) => 0.3,
            E::Math(..) => 10.0,
            E::Load(_) | E::Bin(_, Ty::Float, ..) | E::If(..) => 0.15,
            _ => 0.0,
        };
    });
    sum
}
