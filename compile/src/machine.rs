//! What surrounds machine code: the table that it works on, the functions it calls, the memory it is in.

use crate::code::Generator;
use crate::depend::Class;
use crate::ir::*;
use crate::{Error, Result};
use cranelift_codegen::ir::types::{F64, I64};
use cranelift_codegen::ir::{AbiParam, Signature};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{FuncId, Linkage, Module};
use std::collections::BTreeMap;

/// Integer arguments are below this in magnitude; guards see to it.
pub(crate) const MOST: i64 = 1 << 31;
/// Extents are below this.
pub(crate) const LONGEST: i128 = 1 << 40;

/// Where things are in the table.
pub(crate) struct Layout {
    arrays: Vec<usize>,
    pub(crate) words: usize,
}

impl Layout {
    pub(crate) fn of(program: &Program) -> Self {
        let mut at = program.vars.len();
        let mut arrays = Vec::new();
        for array in &program.arrays {
            arrays.push(at);
            at += 1 + array.ndim;
        }
        Layout { arrays, words: at }
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

/// The functions of the machine that code calls.
pub(crate) const CALLS: [(Math, &str, usize); 6] = [
    (Math::Exp, "exp", 1),
    (Math::Log, "log", 1),
    (Math::Sin, "sin", 1),
    (Math::Cos, "cos", 1),
    (Math::Tan, "tan", 1),
    (Math::Pow, "pow", 2),
];

/// Compiled pieces of a program, and the memory that they are in.
pub(crate) struct Code {
    /// Holds the memory.
    pub(crate) module: JITModule,
    pub(crate) pieces: Vec<FuncId>,
}

fn wrong(error: impl std::fmt::Display) -> Error {
    Error::new(0, format!("machine code: {error}"))
}

/// Compiles each of these pieces. `may_reassociate`: sums of floats may be taken in another order.
pub(crate) fn compile(
    program: &Program,
    pieces: &[(&[S], &BTreeMap<Var, Class>)],
    may_reassociate: bool,
) -> Result<Code> {
    let mut flags = settings::builder();
    for (name, value) in [
        ("opt_level", "speed"),
        ("is_pic", "false"),
        ("enable_verifier", "false"),
        ("use_colocated_libcalls", "false"),
    ] {
        flags.set(name, value).map_err(wrong)?;
    }
    let isa =
        cranelift_native::builder().map_err(wrong)?.finish(settings::Flags::new(flags)).map_err(wrong)?;
    let mut builder = JITBuilder::with_isa(isa, cranelift_module::default_libcall_names());
    let addresses: [*const u8; 6] = [
        exp as *const u8,
        log as *const u8,
        sin as *const u8,
        cos as *const u8,
        tan as *const u8,
        pow as *const u8,
    ];
    for ((_, name, _), address) in CALLS.iter().zip(addresses) {
        builder.symbol(format!("kernel_{name}"), address);
    }
    let mut module = JITModule::new(builder);
    let mut imports = Vec::new();
    for (_, name, operands) in CALLS {
        let mut signature = module.make_signature();
        signature.params.extend(std::iter::repeat_n(AbiParam::new(F64), operands));
        signature.returns.push(AbiParam::new(F64));
        imports.push(
            module.declare_function(&format!("kernel_{name}"), Linkage::Import, &signature).map_err(wrong)?,
        );
    }
    let layout = Layout::of(program);
    let mut contexts = FunctionBuilderContext::new();
    let mut done = Vec::new();
    for (number, (body, classes)) in pieces.iter().enumerate() {
        let mut context = module.make_context();
        let mut signature: Signature = module.make_signature();
        signature.params.push(AbiParam::new(I64));
        signature.returns.push(AbiParam::new(I64));
        context.func.signature = signature.clone();
        let function =
            module.declare_function(&format!("piece{number}"), Linkage::Local, &signature).map_err(wrong)?;
        let calls = imports.iter().map(|id| module.declare_func_in_func(*id, &mut context.func)).collect();
        let b = FunctionBuilder::new(&mut context.func, &mut contexts);
        Generator::run(b, program, &layout, classes, calls, may_reassociate, body);
        module.define_function(function, &mut context).map_err(wrong)?;
        module.clear_context(&mut context);
        done.push(function);
    }
    module.finalize_definitions().map_err(wrong)?;
    Ok(Code { module, pieces: done })
}
