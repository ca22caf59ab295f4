//! Which elements statements touch, as boxes; and boxes less other boxes.
//!
//! What a box says is a bound: nothing outside is touched, but not everything within need be. Subscripts that nobody
//! knows before count as the whole axis.

use crate::cost::Scope;
use crate::ir::*;
use std::collections::BTreeMap;

/// First element and end along each axis.
pub(crate) type Patch = Vec<(i64, i64)>;

/// Boxes of what is read and of what is written.
#[derive(Default)]
pub(crate) struct Uses {
    pub(crate) reads: Vec<(Arr, Patch)>,
    pub(crate) writes: Vec<(Arr, Patch)>,
}

/// What two boxes have in common.
pub(crate) fn meet(a: &Patch, b: &Patch) -> Option<Patch> {
    let both: Patch = a.iter().zip(b).map(|(a, b)| (a.0.max(b.0), a.1.min(b.1))).collect();
    both.iter().all(|(lo, hi)| lo < hi).then_some(both)
}

/// A box without what another has of it, as disjoint boxes.
pub(crate) fn minus(a: &Patch, b: &Patch) -> Vec<Patch> {
    let Some(common) = meet(a, b) else { return vec![a.clone()] };
    let (mut left, mut rest) = (Vec::new(), a.clone());
    for axis in 0..a.len() {
        for (lo, hi) in [(rest[axis].0, common[axis].0), (common[axis].1, rest[axis].1)] {
            if lo < hi {
                let mut part = rest.clone();
                part[axis] = (lo, hi);
                left.push(part);
            }
        }
        rest[axis] = common[axis];
    }
    left
}

/// A range of the flat index of an array as boxes.
pub fn spans(dims: &[usize], from: usize, to: usize) -> Vec<Vec<(i64, i64)>> {
    let span = |from: usize, to: usize| (from as i64, to as i64);
    match dims {
        _ if from >= to => Vec::new(),
        [] => vec![Vec::new()],
        [_] => vec![vec![span(from, to)]],
        [_, rest @ ..] => {
            let row: usize = rest.iter().product();
            let (first, last) = (from / row, to / row);
            let within = |at: usize, from: usize, to: usize| {
                spans(rest, from, to).into_iter().map(move |mut patch| {
                    patch.insert(0, span(at, at + 1));
                    patch
                })
            };
            if first == last {
                return within(first, from % row, to % row).collect();
            }
            let mut found = Vec::new();
            let whole = if from.is_multiple_of(row) {
                first
            } else {
                found.extend(within(first, from % row, row));
                first + 1
            };
            if whole < last {
                let mut patch = vec![span(whole, last)];
                patch.extend(rest.iter().map(|dim| span(0, *dim)));
                found.push(patch);
            }
            found.extend(within(last, 0, to % row));
            found
        }
    }
}

/// Values of loop variables within statements: least and greatest.
type Ranges = BTreeMap<Var, (i64, i64)>;

impl Scope<'_> {
    /// What statements touch, while a loop variable has these values (least and greatest).
    pub(crate) fn uses(&self, body: &[S], var: Option<(Var, i64, i64)>) -> Uses {
        let mut uses = Uses::default();
        let mut ranges: Ranges = var.into_iter().map(|(var, least, most)| (var, (least, most))).collect();
        self.block(body, &mut ranges, &mut uses);
        uses
    }

    fn block(&self, body: &[S], ranges: &mut Ranges, uses: &mut Uses) {
        for stmt in body {
            match &stmt.kind {
                SKind::Set(_, value) => self.reads(value, ranges, uses),
                SKind::Store(access, value) => {
                    self.reads(value, ranges, uses);
                    access.index.iter().for_each(|index| self.reads(index, ranges, uses));
                    self.add(access, ranges, &mut uses.writes);
                }
                SKind::If(condition, yes, no) => {
                    self.reads(condition, ranges, uses);
                    self.block(yes, ranges, uses);
                    self.block(no, ranges, uses);
                }
                SKind::For(inner) => {
                    self.reads(&inner.lo, ranges, uses);
                    self.reads(&inner.hi, ranges, uses);
                    let (lo, hi) = (self.between(&inner.lo, ranges), self.between(&inner.hi, ranges));
                    let old = ranges.remove(&inner.var);
                    if let Some((lo, hi)) = lo.zip(hi) {
                        let range = if inner.step > 0 { (lo.0, hi.1 - 1) } else { (hi.0 + 1, lo.1) };
                        if range.0 > range.1 {
                            continue;
                        }
                        ranges.insert(inner.var, range);
                    } else {
                        // Unknown: `between` finds no range, and the whole axis counts.
                        ranges.insert(inner.var, (i64::MIN, i64::MAX));
                    }
                    self.block(&inner.body, ranges, uses);
                    ranges.remove(&inner.var);
                    ranges.extend(old.map(|old| (inner.var, old)));
                }
            }
        }
    }

    fn reads(&self, value: &E, ranges: &Ranges, uses: &mut Uses) {
        value.walk(&mut |part| {
            if let E::Load(access) = part {
                self.add(access, ranges, &mut uses.reads);
            }
        });
    }

    fn add(&self, access: &Access, ranges: &Ranges, to: &mut Vec<(Arr, Patch)>) {
        let mut patch = Patch::new();
        for (index, extent) in access.index.iter().zip(self.extents(access.arr)) {
            let (lo, hi) = self.between(index, ranges).unwrap_or((0, extent - 1));
            patch.push((lo.clamp(0, extent), hi.saturating_add(1).clamp(0, extent)));
        }
        let found = (access.arr, patch);
        if found.1.iter().all(|(lo, hi)| lo < hi) && !to.contains(&found) {
            to.push(found);
        }
    }

    /// Extents of an array.
    pub(crate) fn extents(&self, arr: Arr) -> Vec<i64> {
        let at = self.layout.array(arr) + 1;
        self.table[at..at + self.program.arrays[arr].ndim].to_vec()
    }

    /// Least and greatest value of an int, if they can be known.
    fn between(&self, value: &E, ranges: &Ranges) -> Option<(i64, i64)> {
        let known = |pair: (Option<i64>, Option<i64>)| pair.0.zip(pair.1);
        match value {
            E::Int(value) => Some((*value, *value)),
            E::Var(var) => match (&self.program.vars[*var].role, ranges.get(var)) {
                (_, Some(range)) => (range.0 != i64::MIN).then_some(*range),
                (Role::Once(value), _) => self.between(value, ranges),
                (Role::Local, _) => None,
                _ => Some((self.table[*var], self.table[*var])),
            },
            E::Dim(..) => self.int(value).map(|value| (value, value)),
            E::Neg(_, a) => {
                let a = self.between(a, ranges)?;
                known((a.1.checked_neg(), a.0.checked_neg()))
            }
            E::Bin(op, Ty::Int, a, b) => {
                let (a, b) = (self.between(a, ranges)?, self.between(b, ranges)?);
                match op {
                    Bin::Add => known((a.0.checked_add(b.0), a.1.checked_add(b.1))),
                    Bin::Sub => known((a.0.checked_sub(b.1), a.1.checked_sub(b.0))),
                    Bin::Mul => {
                        let all = [(a.0, b.0), (a.0, b.1), (a.1, b.0), (a.1, b.1)];
                        let all: Option<Vec<i64>> = all.into_iter().map(|(a, b)| a.checked_mul(b)).collect();
                        all.and_then(|all| known((all.iter().min().copied(), all.iter().max().copied())))
                    }
                    Bin::Maximum => Some((a.0.max(b.0), a.1.max(b.1))),
                    Bin::Minimum => Some((a.0.min(b.0), a.1.min(b.1))),
                    _ => None,
                }
            }
            E::If(_, a, b) => {
                let (a, b) = (self.between(a, ranges)?, self.between(b, ranges)?);
                Some((a.0.min(b.0), a.1.max(b.1)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_box_is_all_but_the_other() {
        let inside =
            |patch: &Patch, at: [i64; 2]| patch.iter().zip(at).all(|((lo, hi), at)| (*lo..*hi).contains(&at));
        let a = vec![(1, 6), (2, 7)];
        for b in [
            vec![(0, 9), (0, 9)],
            vec![(3, 4), (4, 5)],
            vec![(0, 3), (5, 9)],
            vec![(6, 9), (0, 9)],
            vec![(2, 3), (0, 9)],
        ] {
            let left = minus(&a, &b);
            for (i, j) in (0..9).flat_map(|i| (0..9).map(move |j| (i, j))) {
                let wanted = inside(&a, [i, j]) && !inside(&b, [i, j]);
                let holding = left.iter().filter(|part| inside(part, [i, j])).count();
                assert_eq!(holding, usize::from(wanted), "{b:?}: {i}, {j}");
            }
        }
    }

    #[test]
    fn a_range_is_its_boxes() {
        let dims = [3, 4, 5];
        for from in 0..=60 {
            for to in from..=60 {
                let found = spans(&dims, from, to);
                for at in 0..60 {
                    let place = [at / 20, at / 5 % 4, at % 5].map(|x| x as i64);
                    let holding = found
                        .iter()
                        .filter(|patch| patch.iter().zip(place).all(|((lo, hi), x)| (*lo..*hi).contains(&x)))
                        .count();
                    assert_eq!(holding, usize::from((from..to).contains(&at)), "{from}..{to}: {at}");
                }
            }
        }
    }
}
