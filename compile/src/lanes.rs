//! Loops over two lanes of floats, four times in an iteration: of independent iterations, and sums.
//!
//! A loop that carries nothing but sums may run its iterations in any order, hence eight at a time: elements that lie side
//! by side are loaded and stored in pairs, others one by one; sums are kept in lanes and added up behind the loop. The
//! loop that remains for the rest is the ordinary one.

use crate::affine::{Affine, Sym};
use crate::code::Generator;
use crate::depend::{Class, accumulation};
use crate::ir::*;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::F64X2;
use cranelift_codegen::ir::{InstBuilder, MemFlags, Value};
use cranelift_frontend::Variable;
use std::collections::BTreeMap;

/// What a loop over lanes keeps: accumulators of each scalar.
pub(crate) type Sums = BTreeMap<Var, Vec<Variable>>;

/// Copies of the body in one iteration of a loop over lanes.
const COPIES: usize = 4;

impl Generator<'_, '_> {
    /// Whether the loop may run over lanes, and then which scalars it sums up.
    pub(crate) fn lanes(&mut self, inner: &Loop) -> Option<Sums> {
        let class = self.classes.get(&inner.var).copied()?;
        if class == Class::Carried
            || inner.step != 1
            || self.interval(&inner.hi).is_none()
            || self.interval(&inner.lo).is_none()
        {
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
                    if self.program.arrays[access.arr].ty != Ty::Float
                        || self.stride(access, inner.var)? != 1
                        || !self.fits(value, inner.var, &set, &mut is_wide)
                    {
                        return None;
                    }
                    is_wide = true;
                }
                SKind::Set(var, value) => {
                    if self.program.vars[*var].ty != Ty::Float
                        || !self.may_reassociate
                        || set.iter().filter(|other| *other == var).count() > 1
                    {
                        return None;
                    }
                    let E::Bin(op @ (Bin::Add | Bin::Sub), Ty::Float, ..) = value else { return None };
                    let (_, term) = accumulation(&E::Var(*var), value)?;
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
            E::Var(other) => {
                !set.contains(other) && *other != var && self.program.vars[*other].ty == Ty::Float
            }
            E::Load(access) => {
                let stride = self.stride(access, var);
                *is_wide |= stride == Some(1);
                stride.is_some() && self.program.arrays[access.arr].ty == Ty::Float
            }
            E::Bin(
                Bin::Add | Bin::Sub | Bin::Mul | Bin::Div | Bin::Maximum | Bin::Minimum,
                Ty::Float,
                a,
                b,
            ) => self.fits(a, var, set, is_wide) && self.fits(b, var, set, is_wide),
            E::Neg(Ty::Float, a) => self.fits(a, var, set, is_wide),
            E::Math(Math::Sqrt | Math::Abs, args, raises) => {
                !raises && self.fits(&args[0], var, set, is_wide)
            }
            // Of ints: the same in all lanes if the loop variable isn't in it.
            E::ToFloat(a) => {
                let mut is_fixed = true;
                a.walk(&mut |part| {
                    is_fixed &= !matches!(part, E::Load(_))
                        && *part != E::Var(var)
                        && !matches!(part, E::Var(v) if set.contains(v))
                });
                is_fixed && !matches!(&**a, E::Var(v) if matches!(self.program.vars[*v].role, Role::Once(_)))
            }
            _ => false,
        }
    }

    /// The loop over lanes; where the rest begins.
    pub(crate) fn lane_loop(&mut self, inner: &Loop, lo: Value, hi: Value, sums: &Sums) -> Value {
        let wide = 2 * COPIES as i64;
        let var = self.vars[inner.var];
        let last = self.b.ins().iadd_imm(hi, -(wide - 1));
        let (body, after) = (self.b.create_block(), self.b.create_block());
        self.b.def_var(var, lo);
        let is_run = self.b.ins().icmp(IntCC::SignedLessThan, lo, last);
        self.b.ins().brif(is_run, body, &[], after, &[]);
        self.b.switch_to_block(body);
        for copy in 0..COPIES as i32 {
            for stmt in &inner.body {
                match &stmt.kind {
                    SKind::Store(access, value) => {
                        let value = self.lane_value(value, inner.var, copy);
                        let (address, offset) = self.address(access);
                        self.b.ins().store(lane_flags(), value, address, offset + 16 * copy);
                    }
                    SKind::Set(scalar, value) => {
                        let (_, term) = accumulation(&E::Var(*scalar), value).expect("was asked");
                        let term = self.lane_value(term, inner.var, copy);
                        let sum = self.b.use_var(sums[scalar][copy as usize]);
                        let is_sub = matches!(value, E::Bin(Bin::Sub, ..));
                        let sum =
                            if is_sub { self.b.ins().fsub(sum, term) } else { self.b.ins().fadd(sum, term) };
                        self.b.def_var(sums[scalar][copy as usize], sum);
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

    fn lane_value(&mut self, value: &E, var: Var, copy: i32) -> Value {
        match value {
            E::Load(access) => match self.stride(access, var) {
                Some(1) => {
                    let (address, offset) = self.address(access);
                    self.b.ins().load(F64X2, lane_flags(), address, offset + 16 * copy)
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
                        let moved = self.b.ins().iadd_imm(here, i64::from(2 * copy + lane));
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
