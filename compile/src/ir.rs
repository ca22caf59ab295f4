//! The normal form: typed loop nests over arrays, into which both styles of kernel are lowered.
//!
//! A statement writes one scalar or one element, from an expression of reads, within loops over ranges. Invariant:
//! every expression has one type, no name is left, and what Python would raise for is either ruled out by a guard of
//! the call or noticed by a check that abandons the run.

pub(crate) use crate::syntax::Compare;

use serde::{Deserialize, Serialize};

/// Number of a scalar variable.
pub(crate) type Var = usize;
/// Number of an array.
pub(crate) type Arr = usize;

/// Type of a scalar, and of elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Ty {
    /// Python's int, within 64 bits; what goes beyond abandons the run.
    Int,
    /// A double.
    Float,
    /// The outcome of a comparison.
    Bool,
}

/// An operation on two operands of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Bin {
    Add,
    Sub,
    Mul,
    /// Floats only; a divisor of zero abandons the run.
    Div,
    /// Ints only, rounded down.
    FloorDiv,
    /// Ints only, with the sign of the divisor.
    Mod,
    /// NumPy's `maximum` and `minimum`: a NaN wins.
    Maximum,
    Minimum,
}

impl Bin {
    /// Python's operator, and how tightly it binds; none of functions.
    pub(crate) fn sign(self) -> Option<(&'static str, usize)> {
        Some(match self {
            Bin::Add => ("+", 4),
            Bin::Sub => ("-", 4),
            Bin::Mul => ("*", 5),
            Bin::Div => ("/", 5),
            Bin::FloorDiv => ("//", 5),
            Bin::Mod => ("%", 5),
            Bin::Maximum | Bin::Minimum => return None,
        })
    }
}

/// Functions of floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Math {
    /// Of NumPy: NaN for negative numbers.
    Sqrt,
    Abs,
    Floor,
    Ceil,
    Exp,
    Log,
    Sin,
    Cos,
    Tan,
    Pow,
    /// Of an int that has to be exact as a double.
    Exact,
}

/// An expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum E {
    Int(i64),
    Float(f64),
    Bool(bool),
    Var(Var),
    /// Extent of an axis.
    Dim(Arr, usize),
    Load(Box<Access>),
    Bin(Bin, Ty, Box<E>, Box<E>),
    Neg(Ty, Box<E>),
    ToFloat(Box<E>),
    Compare(Compare, Ty, Box<E>, Box<E>),
    And(Box<E>, Box<E>),
    Or(Box<E>, Box<E>),
    Not(Box<E>),
    If(Box<E>, Box<E>, Box<E>),
    /// The last one says whether a result that isn't finite, of finite operands, abandons the run (Python raises).
    Math(Math, Vec<E>, bool),
}

/// One element of an array.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Access {
    pub(crate) arr: Arr,
    pub(crate) index: Vec<E>,
    /// Whether the subscripts are compared with the extents when it runs; otherwise guards have done it.
    pub(crate) is_checked: bool,
}

impl PartialEq for Access {
    fn eq(&self, other: &Self) -> bool {
        self.arr == other.arr && self.index == other.index
    }
}

/// A statement and its line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct S {
    pub(crate) line: u32,
    pub(crate) kind: SKind,
}

/// What a statement does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum SKind {
    Set(Var, E),
    Store(Access, E),
    For(Loop),
    If(E, Vec<S>, Vec<S>),
}

/// A loop over a range.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Loop {
    /// Which loop of the source it is, in order; `None` for those of array operations.
    pub(crate) source: Option<usize>,
    pub(crate) var: Var,
    pub(crate) lo: E,
    pub(crate) hi: E,
    pub(crate) step: i64,
    pub(crate) body: Vec<S>,
}

/// What a scalar variable is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct VarInfo {
    pub(crate) name: String,
    pub(crate) ty: Ty,
    pub(crate) role: Role,
    /// NumPy's scalar rather than Python's, once it has been computed with an element of an array.
    pub(crate) is_numpy: bool,
}

/// Where a scalar's value comes from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Role {
    /// An argument that nothing assigns to.
    Fixed,
    /// The variable of a loop: first, end, step.
    Loop(E, E, i64),
    /// Assigned to once, from this.
    Once(E),
    /// Anything else.
    Local,
}

/// What an array is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ArrInfo {
    pub(crate) name: String,
    pub(crate) ty: Ty,
    pub(crate) ndim: usize,
    pub(crate) is_list: bool,
    /// Extents of one that the kernel makes itself; `None` for arguments.
    pub(crate) dims: Option<Vec<crate::affine::Affine>>,
    pub(crate) is_written: bool,
}

/// Where an argument goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Slot {
    /// A scalar, by its number.
    Scalar(usize),
    /// An array, by its number.
    Array(usize),
}

/// What the function returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Give {
    /// `None`
    Nothing,
    /// A scalar: its number, its type, and whether it is NumPy's.
    Scalar(usize, Ty, bool),
    /// An array by its number.
    Array(usize),
    /// Several.
    Tuple(Vec<Give>),
}

/// What has to hold of the arguments: an affine form that is zero, or not negative.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Guard {
    pub(crate) form: crate::affine::Affine,
    /// It is as good if one of these isn't negative.
    pub(crate) instead: Vec<crate::affine::Affine>,
    pub(crate) is_equality: bool,
    pub(crate) what: String,
}

/// A kernel in normal form, for one combination of types.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) params: Vec<Slot>,
    pub(crate) vars: Vec<VarInfo>,
    pub(crate) arrays: Vec<ArrInfo>,
    pub(crate) body: Vec<S>,
    pub(crate) give: Give,
    pub(crate) guards: Vec<Guard>,
    /// Line of each loop of the source.
    pub(crate) loop_lines: Vec<u32>,
    /// Why a strict compilation refuses it: a line and the operation whose order of rounding is NumPy's own.
    #[serde(skip)]
    pub(crate) reassociates: Option<(u32, &'static str)>,
}

impl E {
    /// Its type.
    pub(crate) fn ty(&self, vars: &[VarInfo], arrays: &[ArrInfo]) -> Ty {
        match self {
            E::Int(_) | E::Dim(..) => Ty::Int,
            E::Float(_) | E::ToFloat(_) | E::Math(..) => Ty::Float,
            E::Bool(_) | E::Compare(..) | E::And(..) | E::Or(..) | E::Not(_) => Ty::Bool,
            E::Var(var) => vars[*var].ty,
            E::Load(access) => arrays[access.arr].ty,
            E::Bin(_, ty, ..) | E::Neg(ty, _) => *ty,
            E::If(_, yes, _) => yes.ty(vars, arrays),
        }
    }

    /// Calls for it and everything within.
    pub(crate) fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a E)) {
        visit(self);
        match self {
            E::Int(_) | E::Float(_) | E::Bool(_) | E::Var(_) | E::Dim(..) => {}
            E::Load(access) => access.index.iter().for_each(|index| index.walk(visit)),
            E::Bin(_, _, a, b) | E::Compare(_, _, a, b) | E::And(a, b) | E::Or(a, b) => {
                a.walk(visit);
                b.walk(visit);
            }
            E::Neg(_, a) | E::ToFloat(a) | E::Not(a) => a.walk(visit),
            E::If(a, b, c) => [a, b, c].into_iter().for_each(|part| part.walk(visit)),
            E::Math(_, args, _) => args.iter().for_each(|arg| arg.walk(visit)),
        }
    }

    /// The same with every part rewritten, from the leaves up.
    pub(crate) fn map(self, change: &mut impl FnMut(E) -> E) -> E {
        let boxed = |part: Box<E>, change: &mut _| Box::new(Self::map(*part, change));
        let whole = match self {
            E::Load(mut access) => {
                access.index = access.index.into_iter().map(|index| index.map(change)).collect();
                E::Load(access)
            }
            E::Bin(op, ty, a, b) => E::Bin(op, ty, boxed(a, change), boxed(b, change)),
            E::Compare(op, ty, a, b) => E::Compare(op, ty, boxed(a, change), boxed(b, change)),
            E::And(a, b) => E::And(boxed(a, change), boxed(b, change)),
            E::Or(a, b) => E::Or(boxed(a, change), boxed(b, change)),
            E::Neg(ty, a) => E::Neg(ty, boxed(a, change)),
            E::ToFloat(a) => E::ToFloat(boxed(a, change)),
            E::Not(a) => E::Not(boxed(a, change)),
            E::If(a, b, c) => E::If(boxed(a, change), boxed(b, change), boxed(c, change)),
            E::Math(math, args, raises) => {
                E::Math(math, args.into_iter().map(|arg| arg.map(change)).collect(), raises)
            }
            leaf => leaf,
        };
        change(whole)
    }

    /// The elements it reads.
    pub(crate) fn loads(&self) -> Vec<&Access> {
        let mut found = Vec::new();
        self.walk(&mut |part| {
            if let E::Load(access) = part {
                found.push(&**access);
            }
        });
        found
    }
}
