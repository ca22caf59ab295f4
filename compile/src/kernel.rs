//! A compiled kernel: guards, table, calls.
//!
//! Invariant: machine code runs only after every guard of the program was found to hold for the arguments at hand;
//! a run that turns out void leaves arguments as they were.

use crate::affine::{Affine, Sym};
use crate::code::{self, Layout, MOST};
use crate::depend::{self, Class};
use crate::ir::*;
use crate::run::Runnable;
use crate::syntax::Globals;
use crate::{Error, Kind, Result, bounds, lower, promote, show, syntax, tree};

/// An argument of a call.
#[derive(Debug, Clone, Copy)]
pub enum Arg<'a> {
    /// An int.
    Int(i64),
    /// A float.
    Float(f64),
    /// Address and extents of an array in C order, of elements of eight bytes.
    Array(usize, &'a [usize]),
}

/// An array that a kernel made.
#[derive(Debug, Clone)]
pub struct Made {
    /// Extents.
    pub dims: Vec<usize>,
    /// Elements, as their bits.
    pub words: Vec<i64>,
}

/// What a call gave.
#[derive(Debug)]
pub struct Outcome {
    /// Scalars, by number, as their bits.
    pub scalars: Vec<i64>,
    /// Arrays of the kernel's own, by number.
    pub made: Vec<Option<Made>>,
}

/// A function, compiled for one combination of types.
pub struct Kernel {
    program: Program,
    layout: Layout,
    code: Runnable,
    classes: Vec<(u32, Class)>,
    may_be_void: bool,
    text: String,
}

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

impl Kernel {
    /// Compiles a function, given as the text of its syntax tree, for these kinds of arguments. `is_strict` forbids
    /// that sums of floats are taken in another order than written.
    pub fn compile(text: &str, globals: &Globals, kinds: &[Kind], is_strict: bool) -> Result<Kernel> {
        let mut program = program(text, globals, kinds)?;
        if let (true, Some((line, what))) = (is_strict, program.reassociates) {
            return Err(Error::new(line, format!("{what}, which `strict` forbids")));
        }
        let classes = classes_of(&program);
        let body = std::mem::take(&mut program.body);
        program.body = promote::promote(&mut program, body, &mut Vec::new());
        let found = depend::classify(&program, &program.body);
        let code = code::compile(&program, &[(&program.body, &found.class)], !is_strict)?;
        let may_be_void = may_be_void(&program, &program.body);
        let text = show::text(&program);
        Ok(Kernel { layout: Layout::of(&program), program, code: Runnable::new(code), classes, may_be_void, text })
    }

    /// Line and class of each loop of the source, in its order.
    pub fn loops(&self) -> &[(u32, Class)] {
        &self.classes
    }

    /// The kernel as it is run, as readable Python.
    pub fn text(&self) -> &str {
        &self.text
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

    /// Runs it. An error says why it can't be run on these arguments, which are then as they were.
    ///
    /// # Safety
    /// Each array argument is memory of its extents, which nobody else writes to during the call, nor reads if the kernel
    /// writes to it.
    #[allow(unsafe_code)]
    pub unsafe fn call(&self, args: &[Arg<'_>]) -> std::result::Result<Outcome, String> {
        let mut table = vec![0i64; self.layout.words];
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
                (Slot::Scalar(var), Arg::Float(value)) if self.program.vars[var].ty == Ty::Float => table[var] = value.to_bits() as i64,
                (Slot::Array(arr), Arg::Array(address, dims)) if dims.len() == self.program.arrays[arr].ndim => {
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
            let holds = value(&guard.form, &table).is_some_and(|value| if guard.is_equality { value == 0 } else { value >= 0 });
            if !holds {
                return Err(format!("not so: {}", guard.what));
            }
        }
        for (arr, address, words) in &spans {
            let overlaps = |other: &(Arr, i64, usize)| {
                other.0 != *arr && *words > 0 && other.2 > 0 && *address < other.1 + 8 * other.2 as i64 && other.1 < address + 8 * *words as i64
            };
            if self.program.arrays[*arr].is_written
                && let Some(other) = spans.iter().find(|other| overlaps(other))
            {
                return Err(format!("`{}`, which is written to, overlaps `{}`", self.program.arrays[*arr].name, self.program.arrays[other.0].name));
            }
        }
        let mut made = Vec::new();
        for (arr, array) in self.program.arrays.iter().enumerate() {
            let Some(forms) = &array.dims else {
                made.push(None);
                continue;
            };
            let mut dims = Vec::new();
            let mut number = 1usize;
            for form in forms {
                let dim = value(form, &table).and_then(|dim| usize::try_from(dim.max(0)).ok()).filter(|dim| *dim < 1 << 40);
                let dim = dim.ok_or("an extent that is too large")?;
                number = number.checked_mul(dim).filter(|number| *number < 1 << 40).ok_or("an array that is too large")?;
                dims.push(dim);
            }
            made.push(Some(Made { dims, words: vec![0; number] }));
            let at = self.layout.array(arr);
            let own = made[arr].as_mut().expect("just made");
            table[at] = own.words.as_mut_ptr() as i64;
            for (axis, dim) in own.dims.iter().enumerate() {
                table[at + 1 + axis] = *dim as i64;
            }
        }
        let mut saved = Vec::new();
        if self.may_be_void {
            for (arr, address, words) in &spans {
                if self.program.arrays[*arr].is_written && *words > 0 {
                    // SAFETY: the caller vouches for the arguments' memory.
                    saved.push((*address, unsafe { Runnable::saved(*address, *words) }));
                }
            }
        }
        // SAFETY: table and layout are of this program; its addresses are the caller's arrays and those made above, its
        // extents theirs; all guards hold; what is written to overlaps nothing.
        let is_sound = unsafe { self.code.run(0, &mut table) };
        if !is_sound {
            for (address, words) in &saved {
                // SAFETY: as when it was saved.
                unsafe { Runnable::restore(*address, words) };
            }
            return Err("something happened that Python raises or warns for, or that leaves 64 bits".into());
        }
        table.truncate(self.program.vars.len());
        Ok(Outcome { scalars: table, made })
    }
}

/// Whether a run may turn out void.
fn may_be_void(program: &Program, body: &[S]) -> bool {
    let odd = |value: &E| {
        // Guarded subscripts are affine, and small.
        let bare = value.clone().map(&mut |part| match part {
            E::Load(mut access) if !access.is_checked => {
                access.index.clear();
                E::Load(access)
            }
            part => part,
        });
        let mut is_odd = false;
        bare.walk(&mut |part| {
            is_odd |= match part {
                E::Load(access) => access.is_checked,
                E::Bin(Bin::Div | Bin::FloorDiv | Bin::Mod, ..) | E::Math(_, _, true) => true,
                // Ints that are no subscripts may leave 64 bits.
                E::Bin(_, Ty::Int, ..) | E::Neg(Ty::Int, _) => true,
                _ => false,
            }
        });
        is_odd
    };
    let is_affine = |bound: &E| Affine::from(bound, &program.vars).is_some();
    body.iter().any(|stmt| match &stmt.kind {
        SKind::Set(_, value) => odd(value),
        SKind::Store(access, value) => access.is_checked || odd(value),
        SKind::If(condition, yes, no) => odd(condition) || may_be_void(program, yes) || may_be_void(program, no),
        SKind::For(inner) => !is_affine(&inner.lo) || !is_affine(&inner.hi) || may_be_void(program, &inner.body),
    })
}
