//! A compiled kernel: guards, table, calls.
//!
//! Invariant: machine code runs only after every guard of the program was found to hold for the arguments at hand;
//! a run that turns out void leaves arguments as they were.

use crate::affine::{Affine, Sym};
use crate::depend::{self, Class};
use crate::drive::{Run, VOID};
use crate::factor::{Factor, Factoring};
use crate::flags;
use crate::host::{Arg, Axis, Contract, Host, Outcome};
use crate::idiom::{self, Along, Contraction, Step};
use crate::ir::*;
use crate::machine::{self, Layout, MOST};
use crate::run::Runnable;
use crate::spread::Plan;
use crate::syntax::Globals;
use crate::team::TeamRun;
use crate::void::{has_extremes, may_be_void};
use crate::{Error, Kind, Result, bounds, emit, expand, lower, promote, show, syntax, tree};
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};

/// A function, compiled for one combination of types.
#[derive(Serialize, Deserialize)]
pub struct Kernel {
    program: Program,
    layout: Layout,
    code: Runnable,
    classes: Vec<(u32, Class)>,
    may_be_void: bool,
    has_extremes: bool,
    text: String,
    /// Pieces of code, in order, and what may be called instead.
    steps: Vec<Vec<Contraction>>,
    /// Which of them are factorizations.
    factors: Vec<Option<Factor>>,
    /// Their statements.
    bodies: Vec<Vec<S>>,
    is_strict: bool,
    /// The steps as loops that can be handed out.
    plan: Plan,
    /// The same without arrays that have a place for each iteration, for when these would be large.
    small: Option<Box<Kernel>>,
}

/// Elements that arrays of the kernel's own may have, beyond four times those of the arguments, where there is a choice.
const ROOM: usize = 1 << 22;

/// Rows from which a factorization by a library pays.
const LARGE: usize = 96;

/// Operations from which a library call pays.
const WORTH: i64 = 40 * 40 * 40;

/// The program of a source, before it is compiled.
fn program(text: &str, globals: &Globals, kinds: &[Kind]) -> Result<Program> {
    let function = syntax::function(&tree::read(text)?, globals)?;
    let mut program = lower::lower(&function, kinds)?;
    bounds::place(&mut program);
    Ok(program)
}

/// Lines and classes of the loops of a source.
fn classes_of(program: &Program) -> Vec<(u32, Class)> {
    let found = depend::classify(program, &program.body);
    let mut classes = vec![Class::Parallel; program.loop_lines.len()];
    loops(&program.body, &mut |inner| {
        if let Some(source) = inner.source {
            classes[source] = found.class[&inner.var];
        }
    });
    program.loop_lines.iter().copied().zip(classes).collect()
}

fn loops(body: &[S], visit: &mut impl FnMut(&Loop)) {
    for stmt in body {
        match &stmt.kind {
            SKind::For(inner) => {
                visit(inner);
                loops(&inner.body, visit);
            }
            SKind::If(_, yes, no) => {
                loops(yes, visit);
                loops(no, visit);
            }
            _ => {}
        }
    }
}

/// Line and class of each loop of a source, in its order.
pub fn analyse(text: &str, globals: &Globals, kinds: &[Kind]) -> Result<Vec<(u32, Class)>> {
    program(text, globals, kinds).map(|program| classes_of(&program))
}

/// The program with a place for each iteration's own, if that makes more of it library calls.
fn better(program: &Program) -> Option<Program> {
    let calls = |program: &Program| {
        idiom::steps(program).iter().filter(|step| matches!(step, Step::Contract(..))).count()
    };
    let expanded = idiom::is_promising(program).then(|| expand::expanded(program))??;
    (calls(&expanded) > calls(program)).then_some(expanded)
}

impl Kernel {
    /// Compiles a function, given as the text of its syntax tree, for these kinds of arguments. `is_strict` forbids
    /// that sums of floats are taken in another order than written.
    pub fn compile(text: &str, globals: &Globals, kinds: &[Kind], is_strict: bool) -> Result<Kernel> {
        let program = program(text, globals, kinds)?;
        if let (true, Some((line, what))) = (is_strict, program.reassociates) {
            return Err(Error::new(line, format!("{what}, which `strict` forbids")));
        }
        let classes = classes_of(&program);
        let better = if is_strict { None } else { better(&program) };
        match better {
            None => Self::built(program, classes, is_strict, None),
            Some(better) => {
                let small = Self::built(program, classes.clone(), is_strict, None)?;
                Self::built(better, classes, is_strict, Some(Box::new(small)))
            }
        }
    }

    /// The kernel with its code, to be kept in a file for processors of the same kind ([`crate::processor`]).
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        postcard::to_stdvec(self).map_err(|error| Error::new(0, error.to_string()))
    }

    /// A kernel that was kept.
    ///
    /// # Safety
    /// The bytes are those that `to_bytes` gave, for this kind of processor, in this version of the crate.
    #[allow(unsafe_code)]
    pub unsafe fn from_bytes(bytes: &[u8]) -> Result<Kernel> {
        postcard::from_bytes(bytes).map_err(|error| Error::new(0, error.to_string()))
    }

    fn built(
        mut program: Program,
        classes: Vec<(u32, Class)>,
        is_strict: bool,
        small: Option<Box<Kernel>>,
    ) -> Result<Kernel> {
        let steps = if is_strict { vec![Step::Code(program.body.clone())] } else { idiom::steps(&program) };
        let (mut bodies, mut contractions, mut factors) = (Vec::new(), Vec::new(), Vec::new());
        for step in steps {
            let (body, found, factor) = match step {
                Step::Code(body) => (body, Vec::new(), None),
                Step::Contract(found, body) => (body, found, None),
                Step::Factor(factor, body) => (body, Vec::new(), Some(factor)),
            };
            factors.push(factor);
            bodies.push(body);
            contractions.push(found);
        }
        let plan = Plan::of(&program, &bodies, !is_strict);
        let before = bodies.clone();
        let bodies: Vec<_> =
            bodies.into_iter().map(|body| promote::promote(&mut program, body, &mut Vec::new())).collect();
        let found: Vec<_> = bodies.iter().map(|body| depend::classify(&program, body)).collect();
        let pieces: Vec<_> =
            bodies.iter().zip(&found).map(|(body, found)| (&body[..], &found.class)).collect();
        let code = machine::compile(&program, &pieces, !is_strict)?;
        let may_be_void = bodies.iter().any(|body| may_be_void(&program, body));
        let has_extremes = bodies.iter().any(|body| has_extremes(body));
        let text = show::text(&program, &bodies, &contractions, &factors, &plan.spread_vars());
        Ok(Kernel {
            layout: Layout::of(&program),
            program,
            code: Runnable::new(code),
            classes,
            may_be_void,
            has_extremes,
            text,
            steps: contractions,
            factors,
            bodies: before,
            is_strict,
            plan,
            small,
        })
    }

    /// Line and class of each loop of the source, in its order.
    pub fn loops(&self) -> &[(u32, Class)] {
        &self.classes
    }

    /// The function's name.
    pub fn name(&self) -> &str {
        &self.program.name
    }

    /// The kernel as it is run, as readable Python.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The kernel as a Python function of this name that computes with NumPy.
    pub fn python(&self, name: &str) -> String {
        emit::function(&self.program, name, &self.bodies, &self.steps, !self.is_strict)
    }

    /// Where the arguments go.
    pub fn params(&self) -> &[Slot] {
        &self.program.params
    }

    /// What it returns.
    pub fn give(&self) -> &Give {
        &self.program.give
    }

    /// Whether it writes to the array.
    pub fn writes(&self, arr: usize) -> bool {
        self.program.arrays[arr].is_written
    }

    /// Whether elements of the array are ints, and whether it is a list.
    pub fn array(&self, arr: usize) -> (Ty, bool) {
        (self.program.arrays[arr].ty, self.program.arrays[arr].is_list)
    }

    /// Number of axes of the array.
    pub fn axes(&self, arr: usize) -> usize {
        self.program.arrays[arr].ndim
    }

    /// Runs it. An error says why it can't be run on these arguments,
    /// which are then as they were.
    ///
    /// # Safety
    /// Each array argument is memory of its extents, which nobody else writes to during the call, nor reads if the kernel
    /// writes to it. What the host makes is memory of the extents asked for, and stays until the call ends.
    #[allow(unsafe_code)]
    pub unsafe fn call(&self, args: &[Arg<'_>], host: &mut dyn Host) -> std::result::Result<Outcome, String> {
        let mut table = self.layout.table();
        let mut spans: Vec<(Arr, i64, usize)> = Vec::new();
        if args.len() != self.program.params.len() {
            return Err("another number of arguments".into());
        }
        for (slot, arg) in self.program.params.iter().zip(args) {
            match (*slot, *arg) {
                (Slot::Scalar(var), Arg::Int(value)) if self.program.vars[var].ty == Ty::Int => {
                    if !(-MOST..MOST).contains(&value) {
                        return Err(format!("`{}` has more than 31 bits", self.program.vars[var].name));
                    }
                    table[var] = value;
                }
                (Slot::Scalar(var), Arg::Float(value)) if self.program.vars[var].ty == Ty::Float => {
                    table[var] = value.to_bits() as i64
                }
                (Slot::Array(arr), Arg::Array(address, dims))
                    if dims.len() == self.program.arrays[arr].ndim =>
                {
                    let at = self.layout.array(arr);
                    table[at] = address as i64;
                    let mut words = 1usize;
                    for (axis, dim) in dims.iter().enumerate() {
                        table[at + 1 + axis] = *dim as i64;
                        words = words.saturating_mul(*dim);
                    }
                    spans.push((arr, address as i64, words));
                }
                _ => return Err("an argument of another kind".into()),
            }
        }
        let value = |form: &Affine, table: &[i64]| {
            form.value(|sym| match sym {
                Sym::Var(var) => table[var],
                Sym::Dim(arr, axis) => table[self.layout.array(arr) + 1 + axis],
            })
        };
        for guard in &self.program.guards {
            let holds = |form| {
                value(form, &table)
                    .is_some_and(|value| if guard.is_equality { value == 0 } else { value >= 0 })
            };
            if !holds(&guard.form) && !guard.instead.iter().any(holds) {
                return Err(format!("not so: {}", guard.what));
            }
        }
        for (arr, address, words) in &spans {
            let overlaps = |other: &(Arr, i64, usize)| {
                other.0 != *arr
                    && *words > 0
                    && other.2 > 0
                    && *address < other.1 + 8 * other.2 as i64
                    && other.1 < address + 8 * *words as i64
            };
            if self.program.arrays[*arr].is_written
                && let Some(other) = spans.iter().find(|other| overlaps(other))
            {
                return Err(format!(
                    "`{}`, which is written to, overlaps `{}`",
                    self.program.arrays[*arr].name, self.program.arrays[other.0].name
                ));
            }
        }
        let mut own = Vec::new();
        for (arr, array) in self.program.arrays.iter().enumerate() {
            let Some(forms) = &array.dims else { continue };
            let mut dims = Vec::new();
            let mut number = 1usize;
            for form in forms {
                let dim = value(form, &table)
                    .and_then(|dim| usize::try_from(dim.max(0)).ok())
                    .filter(|dim| *dim < 1 << 40);
                let dim = dim.ok_or("an extent that is too large")?;
                number = number
                    .checked_mul(dim)
                    .filter(|number| *number < 1 << 40)
                    .ok_or("an array that is too large")?;
                dims.push(dim);
            }
            own.push((arr, dims, number));
        }
        let given: usize = spans.iter().map(|span| span.2).sum();
        let wanted: usize = own.iter().map(|own| own.2).sum();
        if let (Some(small), true) = (&self.small, wanted > given.saturating_mul(4).saturating_add(ROOM)) {
            // SAFETY: what the caller vouches for; the arguments are the same.
            return unsafe { small.call(args, host) };
        }
        for (arr, dims, _) in own {
            let at = self.layout.array(arr);
            table[at] = host.make(arr, self.program.arrays[arr].ty, &dims)? as i64;
            for (axis, dim) in dims.iter().enumerate() {
                table[at + 1 + axis] = *dim as i64;
            }
        }
        if let Some(place) = host.team().map(|team| team.place()) {
            // SAFETY: the caller's promise; guards hold, and what is written overlaps nothing.
            unsafe { self.together(&mut table, place, host) }?;
            return Ok(self.outcome(table));
        }
        let mut saved = Vec::new();
        if self.may_be_void
            || self.steps.iter().any(|step| !step.is_empty())
            || self.factors.iter().any(Option::is_some)
        {
            for (arr, address, words) in &spans {
                if self.program.arrays[*arr].is_written && *words > 0 {
                    // SAFETY: the caller vouches for the arguments' memory.
                    saved.push((*address, unsafe { Runnable::saved(*address, *words) }));
                }
            }
        }
        let mut failed = None;
        for (piece, contractions) in self.steps.iter().enumerate() {
            let calls: Option<Vec<Contract>> = contractions
                .iter()
                .map(|one| self.contract(one, |form| value(form, &table), &table))
                .collect();
            let factor = self.factor(piece, |form| value(form, &table));
            if let Some((kind, arr, n)) = factor {
                failed = host.factor(kind, arr, n).err();
            } else if let (false, Some(calls)) = (contractions.is_empty(), calls) {
                failed = calls.iter().find_map(|call| host.contract(call).err());
            } else {
                // SAFETY: table and layout are of this program; its addresses are the caller's arrays and those made above,
                // its extents theirs; all guards hold; what is written to overlaps nothing.
                failed = unsafe { self.step(piece, &mut table, host) }.err();
            }
            if failed.is_some() {
                break;
            }
        }
        if let Some(reason) = failed {
            for (address, words) in &saved {
                // SAFETY: as when it was saved.
                unsafe { Runnable::restore(*address, words) };
            }
            return Err(reason);
        }
        Ok(self.outcome(table))
    }

    fn outcome(&self, mut table: Vec<i64>) -> Outcome {
        let mut raised = table.last().map_or(0, |word| *word as u8);
        // The processor's maximum of a NaN is "invalid", which NumPy's isn't.
        if self.has_extremes {
            raised &= !flags::INVALID;
        }
        table.truncate(self.program.vars.len());
        Outcome { scalars: table, raised }
    }

    /// The factorization that a step is: of which array, and of how many rows, if they are enough.
    fn factor(
        &self,
        step: usize,
        value: impl Fn(&Affine) -> Option<i64>,
    ) -> Option<(Factoring, usize, usize)> {
        let factor = self.factors[step].as_ref()?;
        let n = usize::try_from(value(&factor.n)?).ok()?;
        (n >= LARGE).then_some((factor.kind, factor.arr, n))
    }

    /// Runs all steps on several ranks.
    ///
    /// # Safety
    /// As for `Runnable::run`.
    #[allow(unsafe_code)]
    unsafe fn together(
        &self,
        table: &mut [i64],
        place: (usize, usize),
        host: &mut dyn Host,
    ) -> std::result::Result<(), String> {
        let mut own = self.plan.table(table, self.program.vars.len());
        let (plan, code) = (&self.plan, self.plan.code()?);
        let mut run = TeamRun::new(Run { plan, code, table: &mut own, host }, place);
        for (step, (nodes, contractions)) in plan.steps.iter().zip(&self.steps).enumerate() {
            let now = run.table();
            let calls: Option<Vec<Contract>> = contractions
                .iter()
                .map(|one| self.contract(one, |form| plan.value(form, &now), &now))
                .collect();
            if let Some((kind, arr, n)) = self.factor(step, |form| plan.value(form, &now)) {
                run.factor(kind, arr, n)?;
                continue;
            }
            match calls {
                Some(calls) if !calls.is_empty() => calls.iter().try_for_each(|call| run.contract(call))?,
                // SAFETY: the caller's promise.
                _ => unsafe { run.nodes(nodes) }?,
            }
        }
        run.end()?;
        plan.back(&own, table);
        Ok(())
    }

    /// Runs the code of a step: in parts where that is worth it.
    ///
    /// # Safety
    /// As for `Runnable::run`.
    #[allow(unsafe_code)]
    unsafe fn step(
        &self,
        step: usize,
        table: &mut Vec<i64>,
        host: &mut dyn Host,
    ) -> std::result::Result<(), String> {
        let scalars = self.program.vars.len();
        if self.plan.cost(step, table, scalars) < host.grain() {
            // SAFETY: the caller's promise.
            return if unsafe { self.code.run(step, table) } { Ok(()) } else { Err(VOID.into()) };
        }
        // SAFETY: as above.
        if let Some(done) = unsafe { self.plan.run(step, table, scalars, host) } {
            return done;
        }
        let state = Mutex::new((table, false));
        host.each(1, &|_| {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            // SAFETY: as above.
            state.1 = unsafe { self.code.run(step, state.0) };
        });
        let is_sound = state.into_inner().unwrap_or_else(PoisonError::into_inner).1;
        if is_sound { Ok(()) } else { Err(VOID.into()) }
    }

    /// The library call, if there is enough to do; an empty one has code that does nothing.
    fn contract(
        &self,
        one: &Contraction,
        value: impl Fn(&Affine) -> Option<i64>,
        table: &[i64],
    ) -> Option<Contract> {
        let bounds =
            one.bounds.iter().map(|(lo, hi)| value(lo).zip(value(hi))).collect::<Option<Vec<_>>>()?;
        let work = bounds.iter().try_fold(1i64, |work, (lo, hi)| work.checked_mul((hi - lo).max(0)))?;
        if work < WORTH {
            return None;
        }
        let part = |(arr, axes): &(Arr, Vec<Along>)| {
            let axes = axes.iter().map(|axis| {
                Some(match axis {
                    Along::Index(at, offset) => {
                        let offset = value(offset)?;
                        Axis::Index(*at, bounds[*at].0 + offset, bounds[*at].1 + offset)
                    }
                    Along::Fixed(form) => Axis::At(value(form)?),
                })
            });
            Some((*arr, axes.collect::<Option<Vec<_>>>()?))
        };
        let mut factor = if one.is_subtracted { -1.0 } else { 1.0 };
        for scalar in &one.factors {
            factor *= match scalar {
                E::Var(var) => f64::from_bits(table[*var] as u64),
                E::Float(value) => *value,
                _ => return None,
            };
        }
        let masks = one
            .masks
            .iter()
            .map(|(whom, a, b, offset)| Some((*whom, *a, *b, value(offset)? + bounds[*a].0 - bounds[*b].0)));
        Some(Contract {
            out: part(&one.out)?,
            operands: one.operands.iter().map(part).collect::<Option<_>>()?,
            factor,
            masks: masks.collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests;
