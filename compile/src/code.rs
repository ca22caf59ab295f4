//! Machine code of loop nests, by Cranelift.
//!
//! A piece of a program becomes one function of a *table*: words that hold the scalars, then for each array its
//! address and its extents (`layout`). It returns 0, or 1 if it met what Python would raise for, or what leaves 64
//! bits: the caller then discards what was written. Invariant: every access is guarded or checked, so no table that
//! `Kernel::run` builds makes it touch other memory.

use crate::affine::{Affine, Sym};
use crate::depend::Class;
use crate::ir::*;
use crate::{Error, Result};
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::types::{F64, F64X2, I8, I64, I64X2};
use cranelift_codegen::ir::{AbiParam, Block, FuncRef, InstBuilder, MemFlags, Signature, Value};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Variable};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{FuncId, Linkage, Module};
use std::collections::BTreeMap;

/// Integer arguments are below this in magnitude; guards see to it.
pub(crate) const MOST: i64 = 1 << 31;
/// Extents are below this.
const LONGEST: i128 = 1 << 40;

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
const CALLS: [(Math, &str, usize); 6] =
    [(Math::Exp, "exp", 1), (Math::Log, "log", 1), (Math::Sin, "sin", 1), (Math::Cos, "cos", 1), (Math::Tan, "tan", 1), (Math::Pow, "pow", 2)];

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
pub(crate) fn compile(program: &Program, pieces: &[(&[S], &BTreeMap<Var, Class>)], may_reassociate: bool) -> Result<Code> {
    let mut flags = settings::builder();
    for (name, value) in [("opt_level", "speed"), ("is_pic", "false"), ("enable_verifier", "false"), ("use_colocated_libcalls", "false")] {
        flags.set(name, value).map_err(wrong)?;
    }
    let isa = cranelift_native::builder().map_err(wrong)?.finish(settings::Flags::new(flags)).map_err(wrong)?;
    let mut builder = JITBuilder::with_isa(isa, cranelift_module::default_libcall_names());
    let addresses: [*const u8; 6] =
        [exp as *const u8, log as *const u8, sin as *const u8, cos as *const u8, tan as *const u8, pow as *const u8];
    for ((_, name, _), address) in CALLS.iter().zip(addresses) {
        builder.symbol(format!("kernel_{name}"), address);
    }
    let mut module = JITModule::new(builder);
    let mut imports = Vec::new();
    for (_, name, operands) in CALLS {
        let mut signature = module.make_signature();
        signature.params.extend(std::iter::repeat_n(AbiParam::new(F64), operands));
        signature.returns.push(AbiParam::new(F64));
        imports.push(module.declare_function(&format!("kernel_{name}"), Linkage::Import, &signature).map_err(wrong)?);
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
        let function = module.declare_function(&format!("piece{number}"), Linkage::Local, &signature).map_err(wrong)?;
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

struct Generator<'a, 'b> {
    b: FunctionBuilder<'b>,
    program: &'a Program,
    classes: &'a BTreeMap<Var, Class>,
    calls: Vec<FuncRef>,
    may_reassociate: bool,
    vars: Vec<Variable>,
    bases: Vec<Value>,
    extents: Vec<Vec<Value>>,
    /// Returns 1.
    trap: Block,
    /// Not zero once something was met.
    bad: Variable,
    bad_lanes: Variable,
}

/// What a loop over lanes keeps: accumulators of each scalar.
type Sums = BTreeMap<Var, Vec<Variable>>;

/// Copies of the body in one iteration of a loop over lanes.
const COPIES: usize = 4;

impl<'a, 'b> Generator<'a, 'b> {
    fn run(mut b: FunctionBuilder<'b>, program: &'a Program, layout: &Layout, classes: &'a BTreeMap<Var, Class>, calls: Vec<FuncRef>, may_reassociate: bool, body: &[S]) {
        let entry = b.create_block();
        b.append_block_params_for_function_params(entry);
        b.switch_to_block(entry);
        b.seal_block(entry);
        let table = b.block_params(entry)[0];
        let flags = MemFlags::trusted();
        let mut vars = Vec::new();
        for (at, var) in program.vars.iter().enumerate() {
            let ty = if var.ty == Ty::Float { F64 } else { I64 };
            let variable = b.declare_var(ty);
            let value = b.ins().load(ty, flags, table, (8 * at) as i32);
            b.def_var(variable, value);
            vars.push(variable);
        }
        let (mut bases, mut extents) = (Vec::new(), Vec::new());
        for (arr, array) in program.arrays.iter().enumerate() {
            let at = layout.array(arr);
            bases.push(b.ins().load(I64, flags, table, (8 * at) as i32));
            extents.push((0..array.ndim).map(|axis| b.ins().load(I64, flags, table, (8 * (at + 1 + axis)) as i32)).collect());
        }
        let bad = b.declare_var(I64);
        let bad_lanes = b.declare_var(I64X2);
        let zero = b.ins().iconst(I64, 0);
        b.def_var(bad, zero);
        let lanes = b.ins().splat(I64X2, zero);
        b.def_var(bad_lanes, lanes);
        let trap = b.create_block();
        let mut generator = Generator { b, program, classes, calls, may_reassociate, vars, bases, extents, trap, bad, bad_lanes };
        generator.block(body);
        let b = &mut generator.b;
        let mut written = Vec::new();
        assigned(body, &mut written);
        written.sort_unstable();
        written.dedup();
        for var in written {
            let value = b.use_var(generator.vars[var]);
            b.ins().store(flags, value, table, (8 * var) as i32);
        }
        let (bad, lanes) = (b.use_var(bad), b.use_var(bad_lanes));
        let (first, second) = (b.ins().extractlane(lanes, 0), b.ins().extractlane(lanes, 1));
        let all = b.ins().bor(bad, first);
        let all = b.ins().bor(all, second);
        let status = b.ins().icmp_imm(IntCC::NotEqual, all, 0);
        let status = b.ins().uextend(I64, status);
        b.ins().return_(&[status]);
        b.switch_to_block(trap);
        b.seal_block(trap);
        let one = b.ins().iconst(I64, 1);
        b.ins().return_(&[one]);
        generator.b.finalize();
    }

    fn block(&mut self, body: &[S]) {
        for stmt in body {
            match &stmt.kind {
                SKind::Set(var, value) => {
                    let value = self.value(value);
                    self.b.def_var(self.vars[*var], value);
                }
                SKind::Store(access, value) => {
                    let value = self.value(value);
                    let (address, offset) = self.address(access);
                    self.b.ins().store(MemFlags::trusted(), value, address, offset);
                }
                SKind::If(condition, yes, no) => {
                    let condition = self.value(condition);
                    let (then, other, after) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
                    self.b.ins().brif(condition, then, &[], other, &[]);
                    for (block, body) in [(then, yes), (other, no)] {
                        self.b.switch_to_block(block);
                        self.b.seal_block(block);
                        self.block(body);
                        self.b.ins().jump(after, &[]);
                    }
                    self.b.switch_to_block(after);
                    self.b.seal_block(after);
                }
                SKind::For(inner) => self.for_loop(inner),
            }
        }
    }

    /// Leaves if the condition holds.
    fn trap_if(&mut self, condition: Value) {
        let after = self.b.create_block();
        self.b.ins().brif(condition, self.trap, &[], after, &[]);
        self.b.switch_to_block(after);
        self.b.seal_block(after);
    }

    /// Notes that the run is void if the condition holds.
    fn note_if(&mut self, condition: Value) {
        let wide = self.b.ins().uextend(I64, condition);
        let bad = self.b.use_var(self.bad);
        let bad = self.b.ins().bor(bad, wide);
        self.b.def_var(self.bad, bad);
    }

    fn for_loop(&mut self, inner: &Loop) {
        let (mut lo, hi) = (self.value(&inner.lo), self.value(&inner.hi));
        for (bound, value) in [(&inner.lo, lo), (&inner.hi, hi)] {
            if self.interval(bound).is_none() {
                // The last step past the end has to stay within 64 bits.
                let moved = self.b.ins().iadd_imm(value, 1 << 62);
                let out = self.b.ins().icmp_imm(IntCC::SignedLessThan, moved, 0);
                self.trap_if(out);
            }
        }
        if let Some(sums) = self.lanes(inner) {
            lo = self.lane_loop(inner, lo, hi, &sums);
        }
        let (body, after) = (self.b.create_block(), self.b.create_block());
        let goes_on = if inner.step > 0 { IntCC::SignedLessThan } else { IntCC::SignedGreaterThan };
        let var = self.vars[inner.var];
        self.b.def_var(var, lo);
        let is_run = self.b.ins().icmp(goes_on, lo, hi);
        self.b.ins().brif(is_run, body, &[], after, &[]);
        self.b.switch_to_block(body);
        self.block(&inner.body);
        let here = self.b.use_var(var);
        let next = self.b.ins().iadd_imm(here, inner.step);
        self.b.def_var(var, next);
        let is_run = self.b.ins().icmp(goes_on, next, hi);
        self.b.ins().brif(is_run, body, &[], after, &[]);
        self.b.seal_block(body);
        self.b.seal_block(after);
        self.b.switch_to_block(after);
    }

    /// Bounds of an int that hold without a look at the data.
    fn interval(&self, value: &E) -> Option<(i128, i128)> {
        let within = |(a, b): (i128, i128)| (a >= -(1 << 62) && b <= 1 << 62).then_some((a, b));
        match value {
            E::Int(value) => within((i128::from(*value), i128::from(*value))),
            E::Dim(..) => Some((0, LONGEST)),
            E::Var(var) => match &self.program.vars[*var].role {
                Role::Fixed => Some((-i128::from(MOST), i128::from(MOST))),
                Role::Loop(lo, hi, _) => {
                    let (lo, hi) = (self.interval(lo)?, self.interval(hi)?);
                    Some((lo.0.min(hi.0), lo.1.max(hi.1)))
                }
                Role::Once(value) => self.interval(value),
                Role::Local => None,
            },
            E::Neg(_, a) => self.interval(a).and_then(|(a, b)| within((-b, -a))),
            E::Bin(op, Ty::Int, a, b) => {
                let ((a, b), (c, d)) = (self.interval(a)?, self.interval(b)?);
                match op {
                    Bin::Add => within((a + c, b + d)),
                    Bin::Sub => within((a - d, b - c)),
                    Bin::Mul => {
                        let all = [a * c, a * d, b * c, b * d];
                        within((all.into_iter().min()?, all.into_iter().max()?))
                    }
                    Bin::Maximum => Some((a.max(c), b.max(d))),
                    Bin::Minimum => Some((a.min(c), b.min(d))),
                    Bin::FloorDiv if c > 0 => Some((a.min(0), b.max(0))),
                    Bin::Mod if c > 0 => Some((0, d)),
                    _ => None,
                }
            }
            E::If(_, a, b) => {
                let (a, b) = (self.interval(a)?, self.interval(b)?);
                Some((a.0.min(b.0), a.1.max(b.1)))
            }
            _ => None,
        }
    }

    /// Whether it may be computed though nobody needs it: nothing in it is checked.
    fn is_harmless(&self, value: &E) -> bool {
        let mut is_harmless = true;
        value.walk(&mut |part| {
            is_harmless &= match part {
                E::Load(access) => !access.is_checked,
                E::Bin(Bin::Div | Bin::FloorDiv | Bin::Mod, ..) => false,
                E::Bin(_, Ty::Int, ..) | E::Neg(Ty::Int, _) => self.interval(part).is_some(),
                E::Math(math, _, raises) => !raises && matches!(math, Math::Sqrt | Math::Abs | Math::Floor | Math::Ceil),
                _ => true,
            }
        });
        is_harmless
    }

    fn choice(&mut self, condition: Value, yes: &E, no: &E) -> Value {
        if self.is_harmless(yes) && self.is_harmless(no) {
            let (yes, no) = (self.value(yes), self.value(no));
            return self.b.ins().select(condition, yes, no);
        }
        let ty = match yes.ty(&self.program.vars, &self.program.arrays) {
            Ty::Float => F64,
            Ty::Int => I64,
            Ty::Bool => I8,
        };
        let result = self.b.declare_var(ty);
        let (then, other, after) = (self.b.create_block(), self.b.create_block(), self.b.create_block());
        self.b.ins().brif(condition, then, &[], other, &[]);
        for (block, part) in [(then, yes), (other, no)] {
            self.b.switch_to_block(block);
            self.b.seal_block(block);
            let value = self.value(part);
            self.b.def_var(result, value);
            self.b.ins().jump(after, &[]);
        }
        self.b.switch_to_block(after);
        self.b.seal_block(after);
        self.b.use_var(result)
    }

    fn value(&mut self, value: &E) -> Value {
        match value {
            E::Int(value) => self.b.ins().iconst(I64, *value),
            E::Float(value) => self.b.ins().f64const(*value),
            E::Bool(value) => self.b.ins().iconst(I8, i64::from(*value)),
            E::Var(var) => self.b.use_var(self.vars[*var]),
            E::Dim(arr, axis) => self.extents[*arr][*axis],
            E::Load(access) => {
                let ty = if self.program.arrays[access.arr].ty == Ty::Float { F64 } else { I64 };
                let (address, offset) = self.address(access);
                self.b.ins().load(ty, MemFlags::trusted(), address, offset)
            }
            E::Bin(op, Ty::Float, a, b) => {
                let (a, b) = (self.value(a), self.value(b));
                self.float(*op, a, b, false)
            }
            E::Bin(op, _, a, b) => {
                let is_small = self.interval(value).is_some();
                let is_positive = self.interval(b).is_some_and(|range| range.0 > 0);
                let (a, b) = (self.value(a), self.value(b));
                self.int(*op, a, b, is_small, is_positive)
            }
            E::Neg(Ty::Float, a) => {
                let a = self.value(a);
                self.b.ins().fneg(a)
            }
            E::Neg(_, a) => {
                let is_small = self.interval(value).is_some();
                let a = self.value(a);
                let zero = self.b.ins().iconst(I64, 0);
                self.int(Bin::Sub, zero, a, is_small, false)
            }
            E::ToFloat(a) => {
                let a = self.value(a);
                self.b.ins().fcvt_from_sint(F64, a)
            }
            E::Compare(op, Ty::Float, a, b) => {
                let (a, b) = (self.value(a), self.value(b));
                self.b.ins().fcmp(float_condition(*op), a, b)
            }
            E::Compare(op, _, a, b) => {
                let (a, b) = (self.value(a), self.value(b));
                let op = match op {
                    Compare::Lt => IntCC::SignedLessThan,
                    Compare::Le => IntCC::SignedLessThanOrEqual,
                    Compare::Gt => IntCC::SignedGreaterThan,
                    Compare::Ge => IntCC::SignedGreaterThanOrEqual,
                    Compare::Eq => IntCC::Equal,
                    Compare::Ne => IntCC::NotEqual,
                };
                self.b.ins().icmp(op, a, b)
            }
            E::And(a, b) => {
                let a = self.value(a);
                self.choice(a, b, &E::Bool(false))
            }
            E::Or(a, b) => {
                let a = self.value(a);
                self.choice(a, &E::Bool(true), b)
            }
            E::Not(a) => {
                let a = self.value(a);
                self.b.ins().bxor_imm(a, 1)
            }
            E::If(condition, yes, no) => {
                let condition = self.value(condition);
                self.choice(condition, yes, no)
            }
            E::Math(Math::Exact, args, _) => {
                let is_small = self.interval(&args[0]).is_some_and(|(a, b)| a >= -(1 << 53) && b <= 1 << 53);
                let a = self.value(&args[0]);
                if !is_small {
                    let moved = self.b.ins().iadd_imm(a, 1 << 53);
                    let is_out = self.b.ins().icmp_imm(IntCC::UnsignedGreaterThan, moved, 1 << 54);
                    self.note_if(is_out);
                }
                self.b.ins().fcvt_from_sint(F64, a)
            }
            E::Math(math, args, raises) => {
                let args: Vec<Value> = args.iter().map(|arg| self.value(arg)).collect();
                let result = match math {
                    Math::Sqrt => self.b.ins().sqrt(args[0]),
                    Math::Abs => self.b.ins().fabs(args[0]),
                    Math::Floor => self.b.ins().floor(args[0]),
                    Math::Ceil => self.b.ins().ceil(args[0]),
                    _ => {
                        let at = CALLS.iter().position(|call| call.0 == *math).expect("all others are called");
                        let call = self.b.ins().call(self.calls[at], &args);
                        self.b.inst_results(call)[0]
                    }
                };
                if *raises {
                    // Not finite, of finite operands: x - x is zero for finite x alone.
                    let mut sum = self.b.ins().fsub(args[0], args[0]);
                    for arg in &args[1..] {
                        let none = self.b.ins().fsub(*arg, *arg);
                        sum = self.b.ins().fadd(sum, none);
                    }
                    let none = self.b.ins().fsub(result, result);
                    let finite = self.b.ins().fcmp(FloatCC::Equal, sum, sum);
                    let odd = self.b.ins().fcmp(FloatCC::NotEqual, none, none);
                    let is_bad = self.b.ins().band(finite, odd);
                    // Infinite operands may raise as well; Python decides.
                    let nan = self.b.ins().fcmp(FloatCC::NotEqual, result, result);
                    let mut numbers = self.b.ins().fcmp(FloatCC::Equal, args[0], args[0]);
                    for arg in &args[1..] {
                        let number = self.b.ins().fcmp(FloatCC::Equal, *arg, *arg);
                        numbers = self.b.ins().band(numbers, number);
                    }
                    let made_nan = self.b.ins().band(nan, numbers);
                    let is_bad = self.b.ins().bor(is_bad, made_nan);
                    self.note_if(is_bad);
                }
                result
            }
        }
    }

    /// An operation of floats, or of two lanes of floats.
    fn float(&mut self, op: Bin, a: Value, b: Value, is_lanes: bool) -> Value {
        match op {
            Bin::Add => self.b.ins().fadd(a, b),
            Bin::Sub => self.b.ins().fsub(a, b),
            Bin::Mul => self.b.ins().fmul(a, b),
            Bin::Maximum => self.b.ins().fmax(a, b),
            Bin::Minimum => self.b.ins().fmin(a, b),
            Bin::Div | Bin::FloorDiv | Bin::Mod => {
                let zero = self.b.ins().f64const(0.0);
                if is_lanes {
                    let zero = self.b.ins().splat(F64X2, zero);
                    let is_zero = self.b.ins().fcmp(FloatCC::Equal, b, zero);
                    let bad = self.b.use_var(self.bad_lanes);
                    let bad = self.b.ins().bor(bad, is_zero);
                    self.b.def_var(self.bad_lanes, bad);
                } else {
                    let is_zero = self.b.ins().fcmp(FloatCC::Equal, b, zero);
                    self.note_if(is_zero);
                }
                self.b.ins().fdiv(a, b)
            }
        }
    }

    fn int(&mut self, op: Bin, a: Value, b: Value, is_small: bool, is_positive: bool) -> Value {
        let ins = |this: &mut Self, op: Bin| match op {
            Bin::Add => this.b.ins().iadd(a, b),
            Bin::Sub => this.b.ins().isub(a, b),
            _ => this.b.ins().imul(a, b),
        };
        match op {
            Bin::Add | Bin::Sub | Bin::Mul if is_small => ins(self, op),
            Bin::Add | Bin::Sub | Bin::Mul => {
                let (value, over) = match op {
                    Bin::Add => self.b.ins().sadd_overflow(a, b),
                    Bin::Sub => self.b.ins().ssub_overflow(a, b),
                    _ => self.b.ins().smul_overflow(a, b),
                };
                self.trap_if(over);
                value
            }
            Bin::Maximum => self.b.ins().smax(a, b),
            Bin::Minimum => self.b.ins().smin(a, b),
            Bin::FloorDiv | Bin::Mod | Bin::Div => {
                if !is_positive {
                    // Zero raises; of -1 one quotient doesn't fit.
                    let moved = self.b.ins().iadd_imm(b, 1);
                    let is_odd = self.b.ins().icmp_imm(IntCC::UnsignedLessThanOrEqual, moved, 1);
                    self.trap_if(is_odd);
                }
                let quotient = self.b.ins().sdiv(a, b);
                let product = self.b.ins().imul(quotient, b);
                let rest = self.b.ins().isub(a, product);
                let signs = self.b.ins().bxor(rest, b);
                let differ = self.b.ins().icmp_imm(IntCC::SignedLessThan, signs, 0);
                let some = self.b.ins().icmp_imm(IntCC::NotEqual, rest, 0);
                let is_off = self.b.ins().band(differ, some);
                if op == Bin::Mod {
                    let up = self.b.ins().iadd(rest, b);
                    self.b.ins().select(is_off, up, rest)
                } else {
                    let down = self.b.ins().iadd_imm(quotient, -1);
                    self.b.ins().select(is_off, down, quotient)
                }
            }
        }
    }

    /// Address of an element and a constant distance from it. What stays the same in inner loops is added up first.
    fn address(&mut self, access: &Access) -> (Value, i32) {
        let rank = access.index.len();
        let extents = self.extents[access.arr].clone();
        let mut stride = self.b.ins().iconst(I64, 8);
        // (how far in, value)
        let mut parts: Vec<(usize, Value)> = Vec::new();
        let mut offset = 0i64;
        for axis in (0..rank).rev() {
            let is_last = axis + 1 == rank;
            let form = Affine::from(&access.index[axis], &self.program.vars);
            let scaled = |this: &mut Self, value: Value| {
                if is_last { this.b.ins().ishl_imm(value, 3) } else { this.b.ins().imul(value, stride) }
            };
            match form {
                Some(form) if !access.is_checked => {
                    for (sym, factor) in &form.terms {
                        let (depth, value) = match sym {
                            Sym::Var(var) => {
                                let is_loop = matches!(self.program.vars[*var].role, Role::Loop(..));
                                (if is_loop { var + 1 } else { 0 }, self.b.use_var(self.vars[*var]))
                            }
                            Sym::Dim(arr, axis) => (0, self.extents[*arr][*axis]),
                        };
                        let value = if *factor == 1 { value } else { self.b.ins().imul_imm(value, *factor) };
                        let value = scaled(self, value);
                        parts.push((depth, value));
                    }
                    if is_last && form.constant.abs() < 1 << 24 {
                        offset = 8 * form.constant;
                    } else if form.constant != 0 {
                        let value = self.b.ins().iconst(I64, form.constant);
                        let value = scaled(self, value);
                        parts.push((0, value));
                    }
                }
                _ => {
                    let value = self.value(&access.index[axis]);
                    if access.is_checked {
                        let is_out = self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, value, extents[axis]);
                        self.trap_if(is_out);
                    }
                    let value = if is_last { self.b.ins().ishl_imm(value, 3) } else { self.b.ins().imul(value, stride) };
                    parts.push((usize::MAX, value));
                }
            }
            if axis > 0 {
                stride = self.b.ins().imul(stride, extents[axis]);
            }
        }
        parts.sort_by_key(|part| part.0);
        let mut address = self.bases[access.arr];
        for (_, part) in parts {
            address = self.b.ins().iadd(address, part);
        }
        (address, offset as i32)
    }

    // ---- loops over two lanes ----

    /// Whether the loop may run over lanes, and then which scalars it sums up.
    fn lanes(&mut self, inner: &Loop) -> Option<Sums> {
        let class = self.classes.get(&inner.var).copied()?;
        if class == Class::Carried || inner.step != 1 || self.interval(&inner.hi).is_none() || self.interval(&inner.lo).is_none() {
            return None;
        }
        let mut set = Vec::new();
        let mut is_wide = false;
        for stmt in &inner.body {
            let SKind::Set(var, _) = &stmt.kind else { continue };
            set.push(*var);
        }
        let mut sums = Sums::new();
        for stmt in &inner.body {
            match &stmt.kind {
                SKind::Store(access, value) => {
                    if self.program.arrays[access.arr].ty != Ty::Float || self.stride(access, inner.var)? != 1 || !self.fits(value, inner.var, &set, &mut is_wide) {
                        return None;
                    }
                    is_wide = true;
                }
                SKind::Set(var, value) => {
                    if self.program.vars[*var].ty != Ty::Float || !self.may_reassociate || set.iter().filter(|other| *other == var).count() > 1 {
                        return None;
                    }
                    let E::Bin(op @ (Bin::Add | Bin::Sub), Ty::Float, ..) = value else { return None };
                    let (_, term) = crate::depend::accumulation(&E::Var(*var), value)?;
                    if !self.fits(term, inner.var, &set, &mut is_wide) {
                        return None;
                    }
                    let _ = op;
                    sums.insert(*var, Vec::new());
                }
                _ => return None,
            }
        }
        // Lanes that are all gathered one by one gain nothing; but several sums at once do.
        if !is_wide && sums.is_empty() {
            return None;
        }
        let zero = self.b.ins().f64const(0.0);
        for lanes in sums.values_mut() {
            for _ in 0..COPIES {
                let variable = self.b.declare_var(F64X2);
                let none = self.b.ins().splat(F64X2, zero);
                self.b.def_var(variable, none);
                lanes.push(variable);
            }
        }
        Some(sums)
    }

    /// Elements from one iteration to the next: 0, 1, or 2 for any other.
    fn stride(&self, access: &Access, var: Var) -> Option<i64> {
        if access.is_checked {
            return None;
        }
        let mut stride = 0;
        for (axis, index) in access.index.iter().enumerate() {
            let factor = Affine::from(index, &self.program.vars)?.coefficient(Sym::Var(var));
            if factor != 0 {
                stride = if axis + 1 == access.index.len() && factor == 1 && stride == 0 { 1 } else { 2 };
            }
        }
        Some(stride)
    }

    fn fits(&self, value: &E, var: Var, set: &[Var], is_wide: &mut bool) -> bool {
        match value {
            E::Float(_) => true,
            E::Var(other) => !set.contains(other) && *other != var && self.program.vars[*other].ty == Ty::Float,
            E::Load(access) => {
                let stride = self.stride(access, var);
                *is_wide |= stride == Some(1);
                stride.is_some() && self.program.arrays[access.arr].ty == Ty::Float
            }
            E::Bin(Bin::Add | Bin::Sub | Bin::Mul | Bin::Div | Bin::Maximum | Bin::Minimum, Ty::Float, a, b) => {
                self.fits(a, var, set, is_wide) && self.fits(b, var, set, is_wide)
            }
            E::Neg(Ty::Float, a) => self.fits(a, var, set, is_wide),
            E::Math(Math::Sqrt | Math::Abs, args, raises) => !raises && self.fits(&args[0], var, set, is_wide),
            // Of ints: the same in all lanes if the loop variable isn't in it.
            E::ToFloat(a) => {
                let mut is_fixed = true;
                a.walk(&mut |part| is_fixed &= !matches!(part, E::Load(_)) && *part != E::Var(var) && !matches!(part, E::Var(v) if set.contains(v)));
                is_fixed && !matches!(&**a, E::Var(v) if matches!(self.program.vars[*v].role, Role::Once(_)))
            }
            _ => false,
        }
    }

    /// The loop over lanes; where the rest begins.
    fn lane_loop(&mut self, inner: &Loop, lo: Value, hi: Value, sums: &Sums) -> Value {
        let wide = 2 * COPIES as i64;
        let var = self.vars[inner.var];
        let last = self.b.ins().iadd_imm(hi, -(wide - 1));
        let (body, after) = (self.b.create_block(), self.b.create_block());
        self.b.def_var(var, lo);
        let is_run = self.b.ins().icmp(IntCC::SignedLessThan, lo, last);
        self.b.ins().brif(is_run, body, &[], after, &[]);
        self.b.switch_to_block(body);
        for copy in 0..COPIES {
            for stmt in &inner.body {
                match &stmt.kind {
                    SKind::Store(access, value) => {
                        let value = self.lane_value(value, inner.var, copy);
                        let (address, offset) = self.address(access);
                        self.b.ins().store(lane_flags(), value, address, offset + 16 * copy as i32);
                    }
                    SKind::Set(scalar, value) => {
                        let (_, term) = crate::depend::accumulation(&E::Var(*scalar), value).expect("was asked");
                        let term = self.lane_value(term, inner.var, copy);
                        let sum = self.b.use_var(sums[scalar][copy]);
                        let is_sub = matches!(value, E::Bin(Bin::Sub, ..));
                        let sum = if is_sub { self.b.ins().fsub(sum, term) } else { self.b.ins().fadd(sum, term) };
                        self.b.def_var(sums[scalar][copy], sum);
                    }
                    _ => {}
                }
            }
        }
        let here = self.b.use_var(var);
        let next = self.b.ins().iadd_imm(here, wide);
        self.b.def_var(var, next);
        let is_run = self.b.ins().icmp(IntCC::SignedLessThan, next, last);
        self.b.ins().brif(is_run, body, &[], after, &[]);
        self.b.seal_block(body);
        self.b.seal_block(after);
        self.b.switch_to_block(after);
        for (scalar, lanes) in sums {
            let values: Vec<Value> = lanes.iter().map(|lane| self.b.use_var(*lane)).collect();
            let total = values.into_iter().reduce(|a, b| self.b.ins().fadd(a, b)).expect("some copies");
            let (first, second) = (self.b.ins().extractlane(total, 0), self.b.ins().extractlane(total, 1));
            let both = self.b.ins().fadd(first, second);
            let old = self.b.use_var(self.vars[*scalar]);
            let new = self.b.ins().fadd(old, both);
            self.b.def_var(self.vars[*scalar], new);
        }
        self.b.use_var(var)
    }

    fn lane_value(&mut self, value: &E, var: Var, copy: usize) -> Value {
        match value {
            E::Load(access) => match self.stride(access, var) {
                Some(1) => {
                    let (address, offset) = self.address(access);
                    self.b.ins().load(F64X2, lane_flags(), address, offset + 16 * copy as i32)
                }
                Some(0) => {
                    let value = self.value(value);
                    self.b.ins().splat(F64X2, value)
                }
                _ => {
                    // The loop variable is moved for each lane.
                    let here = self.b.use_var(self.vars[var]);
                    let mut lanes = Vec::new();
                    for lane in 0..2 {
                        let moved = self.b.ins().iadd_imm(here, (2 * copy + lane) as i64);
                        self.b.def_var(self.vars[var], moved);
                        lanes.push(self.value(value));
                    }
                    self.b.def_var(self.vars[var], here);
                    let both = self.b.ins().splat(F64X2, lanes[0]);
                    self.b.ins().insertlane(both, lanes[1], 1)
                }
            },
            E::Bin(op, _, a, b) => {
                let (a, b) = (self.lane_value(a, var, copy), self.lane_value(b, var, copy));
                self.float(*op, a, b, true)
            }
            E::Neg(_, a) => {
                let a = self.lane_value(a, var, copy);
                self.b.ins().fneg(a)
            }
            E::Math(math, args, _) => {
                let a = self.lane_value(&args[0], var, copy);
                if *math == Math::Sqrt { self.b.ins().sqrt(a) } else { self.b.ins().fabs(a) }
            }
            fixed => {
                let value = self.value(fixed);
                self.b.ins().splat(F64X2, value)
            }
        }
    }
}

/// Two lanes begin at any element, so nothing may rely on their alignment.
fn lane_flags() -> MemFlags {
    let mut flags = MemFlags::new();
    flags.set_notrap();
    flags
}

fn float_condition(op: Compare) -> FloatCC {
    match op {
        Compare::Lt => FloatCC::LessThan,
        Compare::Le => FloatCC::LessThanOrEqual,
        Compare::Gt => FloatCC::GreaterThan,
        Compare::Ge => FloatCC::GreaterThanOrEqual,
        Compare::Eq => FloatCC::Equal,
        Compare::Ne => FloatCC::NotEqual,
    }
}

/// Scalars that statements assign.
fn assigned(body: &[S], found: &mut Vec<Var>) {
    for stmt in body {
        match &stmt.kind {
            SKind::Set(var, _) => found.push(*var),
            SKind::Store(..) => {}
            SKind::If(_, yes, no) => {
                assigned(yes, found);
                assigned(no, found);
            }
            SKind::For(inner) => assigned(&inner.body, found),
        }
    }
}
