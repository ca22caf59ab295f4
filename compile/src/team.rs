//! Runs a kernel on several ranks, which all call it with the same arguments.
//!
//! Each rank has memory for whole arrays and in it what it needs: the boxes that its part of a loop touches are fetched
//! from whoever wrote them last, one-sidedly, when they are first needed. What isn't a loop that can be handed out all ranks
//! do alike. Every rank computes every rank's boxes, so nobody has to be told where something is.
//!
//! Invariant: an element that isn't within `stale` has the value that one rank alone would have computed by then; one that
//! is has it where `stale` says. A loop is handed out only if what its parts write are disjoint boxes. What a rank reads of
//! others it reads between two meetings: after these have written, and before they write again.

use crate::boxes::{Patch, Uses, meet, minus};
use crate::cost::Scope;
use crate::drive::{Run, VOID, merged, neutral};
use crate::factor::Factoring;
use crate::host::{Axis, Contract, Part};
use crate::ir::*;
use crate::spread::{Node, Plan, Spread};

/// Ranks that run a kernel together.
pub trait Team {
    /// This one's number, and how many there are.
    fn place(&self) -> (usize, usize);
    /// Whether ranks have different parts of the array; others have all of it all the time.
    fn is_shared(&self, arr: usize) -> bool;
    /// Whether the array's elements are still where they were before the call.
    fn is_outside(&self, arr: usize) -> bool;
    /// Boxes of the array that this rank has to have in the end.
    fn wanted(&self, arr: usize) -> Vec<Vec<(i64, i64)>>;
    /// Fetches a box from a rank, or from where it was before the call. Not collective.
    fn fetch(&mut self, arr: usize, from: Option<usize>, patch: &[(i64, i64)]) -> Result<(), String>;
    /// What every rank says, by rank; all have come so far then. Collective.
    fn tell(&mut self, words: &[i64]) -> Result<Vec<Vec<i64>>, String>;
}

/// A run on several ranks.
pub(crate) struct TeamRun<'a> {
    run: Run<'a>,
    place: (usize, usize),
    /// Boxes that this rank hasn't got, and which rank has them (`None`: they are where they were before the call).
    stale: Vec<(Arr, Patch, Option<usize>)>,
    is_void: bool,
    reason: Option<String>,
}

const MET: &str = "ranks that aren't there";

#[allow(unsafe_code)]
impl<'a> TeamRun<'a> {
    pub(crate) fn new(run: Run<'a>, place: (usize, usize)) -> Self {
        let mut stale = Vec::new();
        let arrays = run.plan.program.arrays.len();
        let mut this = TeamRun { run, place, stale: Vec::new(), is_void: false, reason: None };
        for arr in 0..arrays {
            let extents = this.scope(|scope| scope.extents(arr));
            if this.team().is_ok_and(|team| team.is_outside(arr)) && !extents.contains(&0) {
                stale.push((arr, extents.into_iter().map(|extent| (0, extent)).collect(), None));
            }
        }
        this.stale = stale;
        this
    }

    /// The table as it is now.
    pub(crate) fn table(&self) -> Vec<i64> {
        self.run.table.clone()
    }

    fn team(&mut self) -> Result<&mut dyn Team, String> {
        self.run.host.team().ok_or_else(|| MET.to_owned())
    }

    fn scope<R>(&mut self, look: impl FnOnce(&mut Scope<'_>) -> R) -> R {
        let plan: &Plan = self.run.plan;
        look(&mut Scope { program: &plan.program, layout: &plan.layout, table: &mut self.run.table.clone() })
    }

    /// Waits for all ranks.
    fn meet(&mut self) -> Result<(), String> {
        self.team()?.tell(&[]).map(drop)
    }

    /// Fetches what isn't here of these boxes.
    fn bring(&mut self, boxes: &[(Arr, Patch)]) -> Result<(), String> {
        for (arr, patch) in boxes {
            let mut at = 0;
            while at < self.stale.len() {
                let common = (self.stale[at].0 == *arr).then(|| meet(&self.stale[at].1, patch)).flatten();
                let Some(common) = common else {
                    at += 1;
                    continue;
                };
                let (_, whole, from) = self.stale.swap_remove(at);
                self.team()?.fetch(*arr, from, &common)?;
                self.stale.extend(minus(&whole, &common).into_iter().map(|rest| (*arr, rest, from)));
            }
        }
        Ok(())
    }

    /// Notes that these boxes were written, by a rank or by all.
    fn written(&mut self, boxes: &[(Arr, Patch)], by: Option<usize>) -> Result<(), String> {
        for (arr, patch) in boxes {
            if !self.team()?.is_shared(*arr) {
                continue;
            }
            let mut left = Vec::new();
            for (other, whole, from) in std::mem::take(&mut self.stale) {
                if other == *arr {
                    left.extend(minus(&whole, patch).into_iter().map(|rest| (other, rest, from)));
                } else {
                    left.push((other, whole, from));
                }
            }
            self.stale = left;
            if by.is_some_and(|rank| rank != self.place.0) {
                self.stale.push((*arr, patch.clone(), by));
            }
        }
        Ok(())
    }

    /// Runs a step, of which `nodes` are the tree.
    ///
    /// # Safety
    /// As for `Runnable::run`.
    pub(crate) unsafe fn nodes(&mut self, nodes: &[Node]) -> Result<(), String> {
        for node in nodes {
            match node {
                // SAFETY: the caller's promise.
                Node::Code(piece) => unsafe { self.alike(*piece) }?,
                // SAFETY: as above.
                Node::Spread(spread) => unsafe { self.spread(spread) }?,
                Node::Repeat { piece, inner, nodes } => {
                    if !self.run.is_worth(node) {
                        // SAFETY: as above.
                        unsafe { self.alike(*piece) }?;
                        continue;
                    }
                    let (first, count) = self.run.range(inner)?;
                    for k in 0..count {
                        self.run.table[inner.var] = first + k * inner.step;
                        // SAFETY: as above.
                        unsafe { self.nodes(nodes) }?;
                    }
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, done: Result<(), String>) {
        if let Err(reason) = done {
            self.is_void = true;
            self.reason.get_or_insert(reason);
        }
    }

    /// A piece that all ranks run.
    ///
    /// # Safety
    /// As for `Runnable::run`.
    unsafe fn alike(&mut self, piece: usize) -> Result<(), String> {
        let plan: &'a Plan = self.run.plan;
        let Uses { reads, writes } = self.scope(|scope| scope.uses(&plan.pieces[piece], None));
        self.bring(&reads)?;
        self.bring(&writes)?;
        if !writes.is_empty() {
            // Others may still be fetching what is written now.
            self.meet()?;
        }
        // SAFETY: the caller's promise.
        let done = unsafe { self.run.piece(piece) };
        self.note(done);
        self.written(&writes, None)
    }

    /// # Safety
    /// As for `Runnable::run`.
    unsafe fn spread(&mut self, spread: &Spread) -> Result<(), String> {
        let inner = &spread.inner;
        let (first, count) = self.run.range(inner)?;
        if count == 0 {
            return Ok(());
        }
        let (rank, ranks) = self.place;
        let cuts = self.scope(|scope| scope.cuts(inner, &spread.cost, first, count, ranks));
        let of = |this: &mut Self, from: i64, to: i64| -> Uses {
            if from == to {
                return Uses::default();
            }
            let ends = (first + from * inner.step, first + (to - 1) * inner.step);
            this.scope(|scope| {
                scope.uses(&inner.body, Some((inner.var, ends.0.min(ends.1), ends.0.max(ends.1))))
            })
        };
        let uses: Vec<Uses> = cuts.windows(2).map(|pair| of(self, pair[0], pair[1])).collect();
        let words: usize = spread.folded.iter().map(|arr| self.run.words(*arr)).sum();
        let all = self.run.work(spread, first, count);
        let is_worth = all >= self.run.host.grain() && (words * ranks) as f64 * 4.0 <= all;
        if !is_worth || !are_disjoint(&uses, &spread.folded) {
            let whole = of(self, 0, count);
            self.bring(&whole.reads)?;
            self.bring(&whole.writes)?;
            self.meet()?;
            // SAFETY: the caller's promise.
            let done = unsafe { self.run.part(spread, first, count) };
            self.note(done);
            return self.written(&whole.writes, None);
        }
        self.bring(&uses[rank].reads)?;
        self.bring(&uses[rank].writes)?;
        let whole: Vec<(Arr, Patch)> = uses
            .iter()
            .flat_map(|uses| uses.writes.iter().filter(|used| spread.folded.contains(&used.0)).cloned())
            .collect();
        self.bring(&whole)?;
        self.meet()?;
        let ty = |this: &Self, var: Var| this.run.plan.program.vars[var].ty;
        if rank > 0 {
            for (var, fold) in &spread.sums {
                self.run.table[*var] = neutral(*fold, ty(self, *var));
            }
        }
        // What is added to arrays: beside them, until all know of all.
        let mut copies: Vec<(Arr, i64, Vec<i64>)> = Vec::new();
        for arr in &spread.folded {
            let mut copy = vec![(-0.0f64).to_bits() as i64; self.run.words(*arr)];
            let at = self.run.plan.layout.array(*arr);
            let address = std::mem::replace(&mut self.run.table[at], copy.as_mut_ptr() as i64);
            copies.push((*arr, address, copy));
        }
        let (from, to) = (cuts[rank], cuts[rank + 1]);
        if from < to {
            // SAFETY: the caller's promise; copies have the extents of their arrays.
            let done = unsafe { self.run.part(spread, first + from * inner.step, to - from) };
            self.note(done);
        }
        let mut words: Vec<i64> = vec![i64::from(self.is_void)];
        words.extend(spread.sums.iter().map(|(var, _)| self.run.table[*var]));
        words.extend(spread.last.iter().map(|var| self.run.table[*var]));
        for (arr, address, copy) in &copies {
            self.run.table[self.run.plan.layout.array(*arr)] = *address;
            words.extend(copy);
        }
        let said = self.team()?.tell(&words)?;
        let sums = spread.sums.len();
        if said.iter().any(|words| words[0] != 0) {
            self.note(Err(VOID.into()));
        }
        for (at, (var, fold)) in spread.sums.iter().enumerate() {
            let mut value = said[0][1 + at];
            for words in &said[1..] {
                match merged(*fold, ty(self, *var), value, words[1 + at]) {
                    Ok(sum) => value = sum,
                    Err(reason) => self.note(Err(reason)),
                }
            }
            self.run.table[*var] = value;
        }
        // The rank that had the last iteration.
        let last = (0..ranks).rev().find(|rank| cuts[*rank] < cuts[rank + 1]).unwrap_or(0);
        for (at, var) in spread.last.iter().enumerate() {
            self.run.table[*var] = said[last][1 + sums + at];
        }
        let mut at = 1 + sums + spread.last.len();
        for (_, address, copy) in copies {
            for words in &said {
                // SAFETY: an array of as many elements as its copy, which only this rank uses between two meetings.
                unsafe { crate::run::Runnable::add(address, &words[at..at + copy.len()]) };
            }
            at += copy.len();
        }
        for (by, uses) in uses.iter().enumerate() {
            let (folded, own): (Vec<_>, Vec<_>) =
                uses.writes.iter().cloned().partition(|used| spread.folded.contains(&used.0));
            self.written(&own, Some(by))?;
            self.written(&folded, None)?;
        }
        Ok(())
    }

    /// A library call, of which each rank does a part of the result.
    pub(crate) fn contract(&mut self, whole: &Contract) -> Result<(), String> {
        let (rank, ranks) = self.place;
        let index = whole.out.1.iter().find_map(|axis| match axis {
            Axis::Index(index, lo, hi) => Some((*index, *lo, *hi)),
            Axis::At(_) => None,
        });
        let (parts, by): (Vec<Contract>, Option<usize>) = match index {
            Some((index, lo, hi)) => {
                let cut = |k: usize| (hi - lo) * k as i64 / ranks as i64;
                ((0..ranks).map(|k| part_of(whole, index, cut(k), cut(k + 1))).collect(), Some(rank))
            }
            None => (vec![whole.clone(); ranks], None),
        };
        let mine = &parts[rank];
        let patch = |part: &Part| -> (Arr, Patch) {
            let axes = part.1.iter().map(|axis| match axis {
                Axis::Index(_, lo, hi) => (*lo, *hi),
                Axis::At(at) => (*at, at + 1),
            });
            (part.0, axes.collect())
        };
        let is_empty = |part: &Part| patch(part).1.iter().any(|(lo, hi)| lo >= hi);
        if !is_empty(&mine.out) {
            let needed: Vec<_> = mine.operands.iter().chain([&mine.out]).map(patch).collect();
            self.bring(&needed)?;
        }
        self.meet()?;
        if !is_empty(&mine.out) {
            let done = self.run.host.contract(mine);
            self.note(done);
        }
        self.meet()?;
        for (other, part) in parts.iter().enumerate() {
            if !is_empty(&part.out) {
                self.written(&[patch(&part.out)], by.map(|_| other))?;
            }
        }
        Ok(())
    }

    /// A factorization, which all ranks do.
    pub(crate) fn factor(&mut self, kind: Factoring, arr: Arr, n: usize) -> Result<(), String> {
        let whole = vec![(arr, vec![(0, n as i64); 2])];
        self.bring(&whole)?;
        self.meet()?;
        let done = self.run.host.factor(kind, arr, n);
        self.note(done);
        self.written(&whole, None)
    }

    /// Fetches what each rank has to have in the end; whether all ranks' runs are sound.
    pub(crate) fn end(mut self) -> Result<(), String> {
        for arr in 0..self.run.plan.program.arrays.len() {
            let wanted: Vec<_> = self.team()?.wanted(arr).into_iter().map(|patch| (arr, patch)).collect();
            self.bring(&wanted)?;
        }
        let is_void = i64::from(self.is_void);
        let raised = self.run.table.last().copied().unwrap_or(0);
        let said = self.team()?.tell(&[is_void, raised])?;
        if let Some(word) = self.run.table.last_mut() {
            *word = said.iter().fold(0, |all, words| all | words[1]);
        }
        match said.iter().any(|words| words[0] != 0) {
            true => Err(self.reason.unwrap_or_else(|| VOID.to_owned())),
            false => Ok(()),
        }
    }
}

/// Whether no rank writes what another one does.
fn are_disjoint(uses: &[Uses], folded: &[Arr]) -> bool {
    uses.iter().enumerate().all(|(k, one)| {
        one.writes.iter().filter(|used| !folded.contains(&used.0)).all(|(arr, patch)| {
            uses[k + 1..]
                .iter()
                .flat_map(|other| &other.writes)
                .all(|(other, theirs)| other != arr || meet(patch, theirs).is_none())
        })
    })
}

/// A library call for part of an index only: from one place to another, counted from its first.
fn part_of(whole: &Contract, index: usize, from: i64, to: i64) -> Contract {
    let part = |(arr, axes): &Part| {
        let axes = axes.iter().map(|axis| match *axis {
            Axis::Index(at, lo, _) if at == index => Axis::Index(at, lo + from, lo + to),
            axis => axis,
        });
        (*arr, axes.collect())
    };
    let masks = whole.masks.iter().map(|&(whom, a, b, offset)| {
        let moved = if a == index { from } else { 0 } - if b == index { from } else { 0 };
        (whom, a, b, offset + moved)
    });
    Contract {
        out: part(&whole.out),
        operands: whole.operands.iter().map(part).collect(),
        factor: whole.factor,
        masks: masks.collect(),
    }
}
