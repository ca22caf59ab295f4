//! Runs the trees of a plan: loops in parts, by as many threads as the host has.
//!
//! A part is a run of the loop's code with a table of its own. What parts leave behind is put together in the order of
//! the iterations, so that a result depends on the number of parts alone, and not at all where nothing is summed up.

use crate::affine::{Affine, Sym};
use crate::cost::Scope;
use crate::depend::Fold;
use crate::host::Host;
use crate::ir::*;
use crate::machine::{self, MOST};
use crate::run::Runnable;
use crate::spread::{Node, Plan, Spread};
use std::sync::Mutex;

/// What is said of a run that Python has to do again.
pub(crate) const VOID: &str = "something happened that Python raises or warns for, or that leaves 64 bits";

/// Parts for each thread, so that one that starts late delays nobody.
const PARTS: usize = 4;

impl Plan {
    /// Runs a step in parts if there is enough to do; `None` if there isn't. The table is that of the kernel, whose
    /// arrays come behind so many scalars.
    ///
    /// # Safety
    /// As for `Runnable::run`.
    #[allow(unsafe_code)]
    pub(crate) unsafe fn run(
        &self,
        step: usize,
        table: &mut [i64],
        scalars: usize,
        host: &mut dyn Host,
    ) -> Option<Result<(), String>> {
        let nodes = &self.steps[step];
        if !nodes.iter().any(Node::has_spread) {
            return None;
        }
        let mut own = self.table(table, scalars);
        let mut scratch = own.clone();
        if !self.is_worth(nodes, &mut scratch, host.grain()) || host.threads() < 2 {
            return None;
        }
        let code = match self.code() {
            Ok(code) => code,
            Err(reason) => return Some(Err(reason)),
        };
        // SAFETY: the caller's promise; the plan's table has the same arrays.
        let done = unsafe { Run { plan: self, code, table: &mut own, host }.nodes(nodes) };
        self.back(&own, table);
        Some(done)
    }

    /// What a step costs.
    pub(crate) fn cost(&self, step: usize, table: &[i64], scalars: usize) -> f64 {
        let mut table = self.table(table, scalars);
        Scope { program: &self.program, layout: &self.layout, table: &mut table }.cost(&self.costs[step])
    }

    /// The table as the plan's code has it: with more scalars.
    pub(crate) fn table(&self, table: &[i64], scalars: usize) -> Vec<i64> {
        let mut own = self.layout.table();
        own[..self.scalars].copy_from_slice(&table[..self.scalars]);
        let arrays = table.len() - scalars;
        let at = own.len() - arrays;
        own[at..].copy_from_slice(&table[scalars..]);
        own
    }

    /// What a run leaves behind in its table: scalars, and exceptions.
    pub(crate) fn back(&self, own: &[i64], table: &mut [i64]) {
        table[..self.scalars].copy_from_slice(&own[..self.scalars]);
        if let (Some(to), Some(from)) = (table.last_mut(), own.last()) {
            *to |= from;
        }
    }

    /// A form of what stays the same during a call.
    pub(crate) fn value(&self, form: &Affine, table: &[i64]) -> Option<i64> {
        form.value(|sym| match sym {
            Sym::Var(var) => table[var],
            Sym::Dim(arr, axis) => table[self.layout.array(arr) + 1 + axis],
        })
    }

    /// The code of its pieces.
    pub(crate) fn code(&self) -> Result<&Runnable, String> {
        self.code.get_or_init(|| self.compiled()).as_ref().map_err(Clone::clone)
    }

    fn compiled(&self) -> Result<Runnable, String> {
        let found: Vec<_> =
            self.pieces.iter().map(|body| crate::depend::classify(&self.program, body)).collect();
        let pieces: Vec<_> =
            self.pieces.iter().zip(&found).map(|(body, found)| (&body[..], &found.class)).collect();
        let code = machine::compile(&self.program, &pieces, self.may_reassociate);
        code.map(Runnable::new).map_err(|error| error.to_string())
    }

    /// Whether there is a loop among these whose entry has so much to do.
    fn is_worth(&self, nodes: &[Node], table: &mut [i64], grain: f64) -> bool {
        nodes.iter().any(|node| match node {
            Node::Code(_) => false,
            Node::Spread(spread) => {
                let mut scope = Scope { program: &self.program, layout: &self.layout, table };
                let inner = &spread.inner;
                let Some((first, count)) = scope.range(&inner.lo, &inner.hi, inner.step) else {
                    return false;
                };
                scope.table[inner.var] = first + count / 2 * inner.step;
                count > 1 && count as f64 * scope.cost(&spread.cost) >= grain
            }
            Node::Repeat { inner, nodes, .. } => {
                let scope = Scope { program: &self.program, layout: &self.layout, table };
                let Some((first, count)) = scope.range(&inner.lo, &inner.hi, inner.step) else {
                    return false;
                };
                table[inner.var] = first + count / 2 * inner.step;
                count > 0 && self.is_worth(nodes, table, grain)
            }
        })
    }
}

/// A run of a plan.
pub(crate) struct Run<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) code: &'a Runnable,
    pub(crate) table: &'a mut Vec<i64>,
    pub(crate) host: &'a mut dyn Host,
}

#[allow(unsafe_code)]
impl Run<'_> {
    /// # Safety
    /// As for `Runnable::run`.
    unsafe fn nodes(&mut self, nodes: &[Node]) -> Result<(), String> {
        for node in nodes {
            match node {
                // SAFETY: the caller's promise.
                Node::Code(piece) => unsafe { self.piece(*piece) }?,
                // SAFETY: as above.
                Node::Spread(spread) => unsafe { self.spread(spread) }?,
                Node::Repeat { piece, inner, nodes } => {
                    if !self.is_worth(node) {
                        // SAFETY: as above.
                        unsafe { self.piece(*piece) }?;
                        continue;
                    }
                    let (first, count) = self.range(inner)?;
                    for k in 0..count {
                        self.table[inner.var] = first + k * inner.step;
                        // SAFETY: as above.
                        unsafe { self.nodes(nodes) }?;
                    }
                }
            }
        }
        Ok(())
    }

    /// # Safety
    /// As for `Runnable::run`.
    pub(crate) unsafe fn piece(&mut self, piece: usize) -> Result<(), String> {
        // SAFETY: the caller's promise.
        if unsafe { self.code.run(piece, self.table) } { Ok(()) } else { Err(VOID.into()) }
    }

    pub(crate) fn range(&mut self, inner: &Loop) -> Result<(i64, i64), String> {
        let scope = Scope { program: &self.plan.program, layout: &self.plan.layout, table: self.table };
        scope.range(&inner.lo, &inner.hi, inner.step).ok_or_else(|| "a loop of unknown length".into())
    }

    /// Whether it is worth going through a node loop by loop.
    pub(crate) fn is_worth(&self, node: &Node) -> bool {
        let mut scratch = self.table.clone();
        self.plan.is_worth(std::slice::from_ref(node), &mut scratch, self.host.grain())
    }

    /// What so many iterations cost.
    pub(crate) fn work(&self, spread: &Spread, first: i64, count: i64) -> f64 {
        let mut scratch = self.table.clone();
        let mut scope = Scope { program: &self.plan.program, layout: &self.plan.layout, table: &mut scratch };
        scope.table[spread.inner.var] = first + count / 2 * spread.inner.step;
        count as f64 * scope.cost(&spread.cost)
    }

    /// # Safety
    /// As for `Runnable::run`.
    unsafe fn spread(&mut self, spread: &Spread) -> Result<(), String> {
        let (first, count) = self.range(&spread.inner)?;
        // SAFETY: the caller's promise.
        if count == 0 { Ok(()) } else { unsafe { self.part(spread, first, count) } }
    }

    /// So many iterations of a loop from one on, at least one.
    ///
    /// # Safety
    /// As for `Runnable::run`.
    pub(crate) unsafe fn part(&mut self, spread: &Spread, first: i64, count: i64) -> Result<(), String> {
        let plan = self.plan;
        let inner = &spread.inner;
        let end = first.saturating_add(count.saturating_mul(inner.step));
        if first.abs() >= MOST || end.abs() >= MOST {
            return Err("a loop that leaves 31 bits".into());
        }
        let all = self.work(spread, first, count);
        let mut scratch = self.table.clone();
        let mut scope = Scope { program: &plan.program, layout: &plan.layout, table: &mut scratch };
        let words: usize = spread.folded.iter().map(|arr| self.words(*arr)).sum();
        let threads = self.host.threads();
        let per = if spread.folded.is_empty() { PARTS } else { 1 };
        let mut parts = (threads * per).min(usize::try_from(count).unwrap_or(usize::MAX));
        // Copies that are cleared and added up have to be small beside what is done.
        if all < self.host.grain() || (words * parts) as f64 * 2.0 > all {
            parts = 1;
        }
        let cuts = scope.cuts(inner, &spread.cost, first, count, parts);
        let (from, to) = plan.part;
        let table = |k: usize| {
            let mut table = self.table.clone();
            table[from] = first + cuts[k] * inner.step;
            table[to] = first + cuts[k + 1] * inner.step;
            if k > 0 {
                for (var, fold) in &spread.sums {
                    table[*var] = neutral(*fold, plan.program.vars[*var].ty);
                }
            }
            table
        };
        let (mut tables, mut copies) = (Vec::new(), Vec::new());
        for k in 0..parts {
            let mut table = table(k);
            let mut own = Vec::new();
            if k > 0 {
                for arr in &spread.folded {
                    let mut copy = vec![(-0.0f64).to_bits() as i64; self.words(*arr)];
                    table[plan.layout.array(*arr)] = copy.as_mut_ptr() as i64;
                    own.push((*arr, copy));
                }
            }
            tables.push(Mutex::new((table, true)));
            copies.push(own);
        }
        let work = |k: usize| {
            let mut part = tables[k].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let (table, is_sound) = &mut *part;
            // SAFETY: the caller's promise; parts touch different elements, or copies of their own of the same extents, which
            // live until all have ended.
            *is_sound = unsafe { self.code.run(spread.piece, table) };
        };
        if all < self.host.grain() {
            (0..parts).for_each(work);
        } else {
            self.host.each(parts, &work);
        }
        for (k, (part, copies)) in tables.into_iter().zip(copies).enumerate() {
            let (part, is_sound) = part.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
            if !is_sound {
                return Err(VOID.into());
            }
            let raised = part.last().copied().unwrap_or(0);
            if let Some(word) = self.table.last_mut() {
                *word |= raised;
            }
            for (var, fold) in &spread.sums {
                let ty = plan.program.vars[*var].ty;
                self.table[*var] =
                    if k == 0 { part[*var] } else { merged(*fold, ty, self.table[*var], part[*var])? };
            }
            if k + 1 == parts {
                for var in &spread.last {
                    self.table[*var] = part[*var];
                }
            }
            for (arr, copy) in copies {
                // SAFETY: an array of as many elements as its copy; no part runs any more.
                unsafe { Runnable::add(self.table[plan.layout.array(arr)], &copy) };
            }
        }
        Ok(())
    }

    /// Elements of an array.
    pub(crate) fn words(&self, arr: Arr) -> usize {
        let at = self.plan.layout.array(arr);
        let dims = &self.table[at + 1..at + 1 + self.plan.program.arrays[arr].ndim];
        dims.iter().map(|dim| *dim as usize).product()
    }
}

/// What changes nothing when it is put together with something.
pub(crate) fn neutral(fold: Fold, ty: Ty) -> i64 {
    match (fold, ty) {
        (Fold::Add, Ty::Float) => (-0.0f64).to_bits() as i64,
        (Fold::Mul, Ty::Float) => 1.0f64.to_bits() as i64,
        _ => 0,
    }
}

/// What one part and the next have accumulated, together.
pub(crate) fn merged(fold: Fold, ty: Ty, a: i64, b: i64) -> Result<i64, String> {
    let (x, y) = (f64::from_bits(a as u64), f64::from_bits(b as u64));
    match (fold, ty) {
        (Fold::Add, Ty::Float) => Ok((x + y).to_bits() as i64),
        (Fold::Mul, Ty::Float) => Ok((x * y).to_bits() as i64),
        _ => a.checked_add(b).ok_or_else(|| VOID.to_owned()),
    }
}
