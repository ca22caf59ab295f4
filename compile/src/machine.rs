//! What surrounds machine code: the table that it works on, the functions it calls, the memory it is in.
//!
//! Code names no address: what it calls it finds in the table. Hence it runs wherever it lies, and can be kept in a file.

use crate::code::Generator;
use crate::depend::Class;
use crate::ir::*;
use crate::{Error, Result};
use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{AbiParam, Signature};
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use memmap2::{Mmap, MmapMut};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Integer arguments are below this in magnitude; guards see to it.
pub(crate) const MOST: i64 = 1 << 31;
/// Extents are below this.
pub(crate) const LONGEST: i128 = 1 << 40;

/// Where things are in the table: scalars, for each array its address and extents, addresses of functions, and in
/// the last word the floating-point exceptions raised so far.
#[derive(Serialize, Deserialize)]
pub(crate) struct Layout {
    arrays: Vec<usize>,
    calls: usize,
    words: usize,
}

impl Layout {
    pub(crate) fn of(program: &Program) -> Self {
        let mut at = program.vars.len();
        let mut arrays = Vec::new();
        for array in &program.arrays {
            arrays.push(at);
            at += 1 + array.ndim;
        }
        Layout { arrays, calls: at, words: at + CALLS.len() + 1 }
    }

    /// A table in which nothing is but the functions.
    pub(crate) fn table(&self) -> Vec<i64> {
        let mut table = vec![0; self.words];
        for (word, (_, function)) in table[self.calls..].iter_mut().zip(CALLS) {
            *word = match function {
                Function::One(function) => function as usize as i64,
                Function::Two(function) => function as usize as i64,
            };
        }
        table
    }

    /// Word of the address of a function, by its number among [`CALLS`].
    pub(crate) fn call(&self, number: usize) -> usize {
        self.calls + number
    }

    /// Word of an array's address; its extents follow.
    pub(crate) fn array(&self, arr: Arr) -> usize {
        self.arrays[arr]
    }
}

extern "C" fn exp(x: f64) -> f64 {
    x.exp()
}
extern "C" fn log(x: f64) -> f64 {
    x.ln()
}
extern "C" fn sin(x: f64) -> f64 {
    x.sin()
}
extern "C" fn cos(x: f64) -> f64 {
    x.cos()
}
extern "C" fn tan(x: f64) -> f64 {
    x.tan()
}
extern "C" fn pow(x: f64, y: f64) -> f64 {
    x.powf(y)
}

/// A function that code calls.
#[derive(Clone, Copy)]
pub(crate) enum Function {
    One(extern "C" fn(f64) -> f64),
    Two(extern "C" fn(f64, f64) -> f64),
}

/// The functions of the machine that code calls.
pub(crate) const CALLS: [(Math, Function); 6] = [
    (Math::Exp, Function::One(exp)),
    (Math::Log, Function::One(log)),
    (Math::Sin, Function::One(sin)),
    (Math::Cos, Function::One(cos)),
    (Math::Tan, Function::One(tan)),
    (Math::Pow, Function::Two(pow)),
];

/// Compiled pieces of a program, in the memory that they run in.
pub(crate) struct Code {
    memory: Mmap,
    /// Where each piece begins.
    starts: Vec<usize>,
}

/// Pieces begin at multiples of this, which is as much as any of their constants asks for.
const ALIGNMENT: usize = 64;

impl Code {
    /// Code as it was kept.
    pub(crate) fn kept(bytes: &[u8], starts: Vec<usize>) -> Result<Code> {
        if starts.iter().any(|start| !start.is_multiple_of(ALIGNMENT) || *start >= bytes.len()) {
            return Err(wrong("kept code that isn't whole"));
        }
        let mut memory = MmapMut::map_anon(bytes.len().max(1)).map_err(wrong)?;
        memory[..bytes.len()].copy_from_slice(bytes);
        Ok(Code { memory: memory.make_exec().map_err(wrong)?, starts })
    }

    /// All of it, and where each piece begins.
    pub(crate) fn bytes(&self) -> (&[u8], &[usize]) {
        (&self.memory, &self.starts)
    }

    /// Where a piece begins in memory.
    pub(crate) fn piece(&self, number: usize) -> *const u8 {
        self.memory[self.starts[number]..].as_ptr()
    }
}

fn wrong(error: impl std::fmt::Display) -> Error {
    Error::new(0, format!("machine code: {error}"))
}

/// The processor that code is made for, as text: its kind and what it can do.
pub fn processor() -> Result<String> {
    let isa = isa()?;
    let can: Vec<String> = isa.isa_flags().iter().map(ToString::to_string).collect();
    Ok(format!("{} {} {}", isa.triple(), cranelift_codegen::VERSION, can.join(" ")))
}

fn isa() -> Result<OwnedTargetIsa> {
    let mut flags = settings::builder();
    for (name, value) in [("opt_level", "speed"), ("is_pic", "false"), ("enable_verifier", "false")] {
        flags.set(name, value).map_err(wrong)?;
    }
    cranelift_native::builder().map_err(wrong)?.finish(settings::Flags::new(flags)).map_err(wrong)
}

/// Compiles each of these pieces. `may_reassociate`: sums of floats may be taken in another order.
pub(crate) fn compile(
    program: &Program,
    pieces: &[(&[S], &BTreeMap<Var, Class>)],
    may_reassociate: bool,
) -> Result<Code> {
    let isa = isa()?;
    let layout = Layout::of(program);
    let mut contexts = FunctionBuilderContext::new();
    let (mut bytes, mut starts): (Vec<u8>, Vec<usize>) = (Vec::new(), Vec::new());
    for (body, classes) in pieces {
        let mut context = Context::new();
        let mut signature = Signature::new(isa.default_call_conv());
        signature.params.push(AbiParam::new(I64));
        signature.returns.push(AbiParam::new(I64));
        context.func.signature = signature;
        let b = FunctionBuilder::new(&mut context.func, &mut contexts);
        Generator::run(b, program, &layout, classes, may_reassociate, body);
        let code = context
            .compile(&*isa, &mut ControlPlane::default())
            .map_err(|error| wrong(format!("{error:?}")))?;
        if !code.buffer.relocs().is_empty() {
            return Err(wrong("a function that this processor has no instruction for"));
        }
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        starts.push(bytes.len());
        bytes.extend_from_slice(code.code_buffer());
    }
    Code::kept(&bytes, starts)
}
