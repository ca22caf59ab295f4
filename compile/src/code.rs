//! Machine code of loop nests, by Cranelift.
//!
//! A piece of a program becomes one function of a *table*: words that hold the scalars, then for each array its
//! address and its extents (`layout`). It returns 0, or 1 if it met what Python would raise for, or what leaves 64
//! bits: the caller then discards what was written. Invariant: every access is guarded or checked, so no table that
//! `Kernel::run` builds makes it touch other memory.

use crate::affine::{Affine, Sym};
use crate::depend::Class;
use crate::ir::*;
use crate::machine::{CALLS, LONGEST, Layout, MOST};
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::types::{F64, F64X2, I8, I64, I64X2};
use cranelift_codegen::ir::{AbiParam, Block, InstBuilder, MemFlags, SigRef, Signature, Value};
use cranelift_frontend::{FunctionBuilder, Variable};
use std::collections::BTreeMap;

/// Makes the code of one piece.
pub(crate) struct Generator<'a, 'b> {
    pub(crate) b: FunctionBuilder<'b>,
    pub(crate) program: &'a Program,
    pub(crate) classes: &'a BTreeMap<Var, Class>,
    layout: &'a Layout,
    table: Value,
    /// Of functions of one and of two floats.
    calls: [SigRef; 2],
    pub(crate) may_reassociate: bool,
    pub(crate) vars: Vec<Variable>,
    bases: Vec<Value>,
    extents: Vec<Vec<Value>>,
    /// Returns 1.
    trap: Block,
    /// Not zero once something was met.
    bad: Variable,
    pub(crate) bad_lanes: Variable,
}

impl<'a, 'b> Generator<'a, 'b> {
    pub(crate) fn run(
        mut b: FunctionBuilder<'b>,
        program: &'a Program,
        layout: &'a Layout,
        classes: &'a BTreeMap<Var, Class>,
        may_reassociate: bool,
        body: &[S],
    ) {
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
            extents.push(
                (0..array.ndim)
                    .map(|axis| b.ins().load(I64, flags, table, (8 * (at + 1 + axis)) as i32))
                    .collect(),
            );
        }
        let bad = b.declare_var(I64);
        let bad_lanes = b.declare_var(I64X2);
        let zero = b.ins().iconst(I64, 0);
        b.def_var(bad, zero);
        let lanes = b.ins().splat(I64X2, zero);
        b.def_var(bad_lanes, lanes);
        let trap = b.create_block();
        let calls = [1, 2].map(|operands| {
            let mut signature = Signature::new(b.func.signature.call_conv);
            signature.params.extend(std::iter::repeat_n(AbiParam::new(F64), operands));
            signature.returns.push(AbiParam::new(F64));
            b.import_signature(signature)
        });
        let mut generator = Generator {
            b,
            program,
            classes,
            layout,
            table,
            calls,
            may_reassociate,
            vars,
            bases,
            extents,
            trap,
            bad,
            bad_lanes,
        };
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
                    let (then, other, after) =
                        (self.b.create_block(), self.b.create_block(), self.b.create_block());
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
    pub(crate) fn interval(&self, value: &E) -> Option<(i128, i128)> {
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
                E::Math(math, _, raises) => {
                    !raises && matches!(math, Math::Sqrt | Math::Abs | Math::Floor | Math::Ceil)
                }
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

    pub(crate) fn value(&mut self, value: &E) -> Value {
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
                        let at =
                            CALLS.iter().position(|call| call.0 == *math).expect("all others are called");
                        let word = (8 * self.layout.call(at)) as i32;
                        let function = self.b.ins().load(I64, MemFlags::trusted(), self.table, word);
                        let signature = self.calls[args.len() - 1];
                        let call = self.b.ins().call_indirect(signature, function, &args);
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
    pub(crate) fn float(&mut self, op: Bin, a: Value, b: Value, is_lanes: bool) -> Value {
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
    pub(crate) fn address(&mut self, access: &Access) -> (Value, i32) {
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
                        let is_out =
                            self.b.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, value, extents[axis]);
                        self.trap_if(is_out);
                    }
                    let value = if is_last {
                        self.b.ins().ishl_imm(value, 3)
                    } else {
                        self.b.ins().imul(value, stride)
                    };
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
