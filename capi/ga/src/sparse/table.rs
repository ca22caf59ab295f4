//! Handles of sparse matrices, and the matrices of any type behind them.
//!
//! As in the original they are numbers of their own, the first is -1000, and the lowest free one is taken.
//!
//! Invariant: a matrix is open, and takes elements, until it is assembled; what its handle names does not change otherwise.

use crate::fault::{Fault, Result, refuse};
use crate::state::State;
use crate::types::{self, C_DBL, C_DCPL, C_FLOAT, C_INT, C_LONG, C_LONGLONG, C_SCPL};
use common::Numbered;
use ga_core::{Scalar, SparseArray, SparseBuilder};
use rma::{Complex32, Complex64, Team};
use std::collections::HashMap;
use std::ffi::c_int;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The handle of slot 0 is minus this.
const OFFSET: c_int = 1000;

static SLOTS: Numbered<Sparse> = Numbered::new();

/// A matrix before and after its assembly.
pub(super) enum Stage<T: Scalar> {
    Open(SparseBuilder<T>),
    Closed(Box<SparseArray<T>>),
}

/// A matrix of one of the types.
pub(super) enum Typed {
    I32(Mutex<Stage<i32>>),
    I64(Mutex<Stage<i64>>),
    F32(Mutex<Stage<f32>>),
    F64(Mutex<Stage<f64>>),
    C64(Mutex<Stage<Complex32>>),
    C128(Mutex<Stage<Complex64>>),
}

/// Offsets and columns of a block as `int`.
pub(super) type Narrow = (Box<[c_int]>, Box<[c_int]>);

/// What a handle names.
pub(super) struct Sparse {
    /// Its element type's number in C.
    pub(super) kind: c_int,
    pub(super) group: c_int,
    pub(super) team: Team,
    pub(super) shape: [usize; 2],
    pub(super) typed: Typed,
    /// Offsets and columns of own blocks as `int`, by column block, for those who asked.
    pub(super) narrow: Mutex<HashMap<usize, Narrow>>,
}

/// A type that sparse matrices are of.
pub(super) trait Kind: Scalar {
    fn wrap(stage: Stage<Self>) -> Typed;
    fn of(typed: &Typed) -> Option<&Mutex<Stage<Self>>>;
}

macro_rules! kinds {
    ($($t:ty: $variant:ident;)*) => {$(
        impl Kind for $t {
            fn wrap(stage: Stage<Self>) -> Typed {
                Typed::$variant(Mutex::new(stage))
            }
            fn of(typed: &Typed) -> Option<&Mutex<Stage<Self>>> {
                if let Typed::$variant(stage) = typed { Some(stage) } else { None }
            }
        }
    )*};
}

kinds! {
    i32: I32;
    i64: I64;
    f32: F32;
    f64: F64;
    Complex32: C64;
    Complex64: C128;
}

/// Runs a generic body with a type alias for the matrix's elements.
macro_rules! each {
    ($sparse:expr, |$t:ident| $body:expr) => {
        $crate::sparse::table::each!(@ $sparse, $t, $body; I32: i32, I64: i64, F32: f32, F64: f64, C64: rma::Complex32, C128: rma::Complex64)
    };
    (@ $sparse:expr, $t:ident, $body:expr; $($variant:ident: $type:ty),*) => {
        match &$sparse.typed {
            $($crate::sparse::table::Typed::$variant(_) => {
                type $t = $type;
                $body
            })*
        }
    };
}
pub(super) use each;

/// Lets go of all matrices, and makes all handles free.
pub(crate) fn clear() {
    drop(SLOTS.drain());
}

fn number(handle: c_int) -> Option<usize> {
    usize::try_from(i64::from(handle) + i64::from(OFFSET)).ok()
}

#[cold]
fn missing(handle: c_int) -> Fault {
    Fault::new(format_args!("invalid handle {handle}: no sparse matrix has it, or it was destroyed"))
}

impl Sparse {
    /// The matrix of a handle.
    pub(super) fn find(handle: c_int) -> Result<Arc<Sparse>> {
        number(handle).and_then(|number| SLOTS.get(number)).ok_or_else(|| missing(handle))
    }

    /// Makes a handle free, and gives what it named.
    pub(super) fn take(handle: c_int) -> Result<Arc<Sparse>> {
        number(handle).and_then(|number| SLOTS.take(number)).ok_or_else(|| missing(handle))
    }

    /// A handle for a matrix. On all ranks of a group the same, as all take the lowest one that is free.
    fn keep(self) -> c_int {
        SLOTS.add(self) as c_int - OFFSET
    }

    /// A new matrix without elements.
    pub(super) fn open(ga: &State, kind: c_int, shape: [usize; 2]) -> Result<c_int> {
        let (group, team) = (ga.groups.default(), ga.groups.default_team()?);
        let number = types::kind(&ga.registered, kind)?.number;
        fn builder<T: Kind>(team: &Team, shape: [usize; 2]) -> Typed {
            T::wrap(Stage::Open(SparseBuilder::new(team, shape)))
        }
        let typed = match number {
            C_INT => builder::<i32>(&team, shape),
            C_LONG | C_LONGLONG => builder::<i64>(&team, shape),
            C_FLOAT => builder::<f32>(&team, shape),
            C_DBL => builder::<f64>(&team, shape),
            C_SCPL => builder::<Complex32>(&team, shape),
            C_DCPL => builder::<Complex64>(&team, shape),
            _ => refuse!("there are no sparse matrices of {}", types::name(kind)),
        };
        Ok(Sparse { kind: number, group, team, shape, typed, narrow: Mutex::default() }.keep())
    }

    /// A handle for an assembled matrix.
    pub(super) fn close<T: Kind>(kind: c_int, group: c_int, array: SparseArray<T>) -> c_int {
        let (team, shape) = (array.team().clone(), array.shape());
        let typed = T::wrap(Stage::Closed(Box::new(array)));
        Sparse { kind, group, team, shape, typed, narrow: Mutex::default() }.keep()
    }

    /// Rows of a row block, or columns of a column block: part `number` of as many as there are ranks.
    pub(super) fn part(&self, axis: usize, number: c_int) -> Result<Range<usize>> {
        let (extent, parts) = (self.shape[axis] as u128, self.team.size());
        let Some(number) = usize::try_from(number).ok().filter(|number| *number < parts) else {
            refuse!("there are blocks 0 to {} only, not {number}", parts - 1);
        };
        // As the elements are dealt out: element i is in part i * parts / extent.
        let start = |k: usize| (k as u128 * extent).div_ceil(parts as u128) as usize;
        Ok(start(number)..start(number + 1))
    }

    /// The stage of a matrix of this type.
    pub(super) fn stage<T: Kind>(&self) -> Result<MutexGuard<'_, Stage<T>>> {
        match T::of(&self.typed) {
            Some(stage) => Ok(stage.lock().unwrap_or_else(PoisonError::into_inner)),
            None => {
                refuse!("a sparse matrix of {}, and one of {}", types::name(self.kind), types::word(T::DTYPE))
            }
        }
    }
}

impl<T: Scalar> Stage<T> {
    /// The assembled matrix.
    pub(super) fn array(&self) -> Result<&SparseArray<T>> {
        match self {
            Stage::Closed(array) => Ok(array),
            Stage::Open(_) => {
                refuse!("the sparse matrix is not assembled: NGA_Sprs_array_assemble comes first")
            }
        }
    }
}
