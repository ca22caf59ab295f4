//! Element types: their numbers in C, what they are here, and the dispatch on them.
//!
//! Invariant: a number from [`LAST`] on is a registered type; its bytes are the last axis of the array below.

use crate::fault::{Fault, Result, refuse};
use rma::DType;
use std::ffi::c_int;
use std::sync::Mutex;

/// What the numbers of types start from.
const BASE: c_int = 1000;
/// The first number of registered types.
pub(crate) const LAST: c_int = BASE + 17;
/// How many there may be, as in the original.
pub(crate) const MOST: usize = 256;

pub(crate) const C_CHAR: c_int = BASE;
pub(crate) const C_INT: c_int = BASE + 1;
pub(crate) const C_LONG: c_int = BASE + 2;
pub(crate) const C_FLOAT: c_int = BASE + 3;
pub(crate) const C_DBL: c_int = BASE + 4;
pub(crate) const C_SCPL: c_int = BASE + 6;
pub(crate) const C_DCPL: c_int = BASE + 7;
pub(crate) const C_LONGLONG: c_int = BASE + 16;
pub(crate) const F_INT: c_int = BASE + 10;
pub(crate) const F_LOG: c_int = BASE + 11;

/// Names in messages, by number.
const NAMES: [&str; 17] = [
    "char",
    "int",
    "long",
    "float",
    "double",
    "long double",
    "single complex",
    "double complex",
    "long double complex",
    "Fortran byte",
    "Fortran integer",
    "Fortran logical",
    "Fortran real",
    "Fortran double precision",
    "Fortran complex",
    "Fortran double complex",
    "long long",
];

/// An element type: its number with Fortran's mapped to C's, what elements are below, and their bytes if they are bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) number: c_int,
    pub(crate) dtype: DType,
    pub(crate) item: usize,
}

impl Kind {
    /// Bytes of an element.
    pub(crate) fn size(self) -> usize {
        self.item.max(self.dtype.size_bytes())
    }
}

/// Sizes of registered types; 0 where one was deregistered.
pub(crate) type Registered = Mutex<Vec<usize>>;

/// The name of a type, for messages.
pub(crate) fn name(number: c_int) -> String {
    let place = usize::try_from(number - BASE).ok();
    match place.and_then(|place| NAMES.get(place)) {
        Some(name) => (*name).to_owned(),
        None => format!("type {number}"),
    }
}

/// The word of C's for an element type, for messages.
pub(crate) fn word(dtype: DType) -> &'static str {
    let number = match dtype {
        DType::I32 => C_INT,
        DType::I64 => C_LONG,
        DType::F32 => C_FLOAT,
        DType::F64 => C_DBL,
        DType::C64 => C_SCPL,
        DType::C128 => C_DCPL,
        _ => C_CHAR,
    };
    NAMES[(number - BASE) as usize]
}

/// What a type's number means.
pub(crate) fn kind(registered: &Registered, number: c_int) -> Result<Kind> {
    let number = match number - BASE {
        9 => C_CHAR,
        // Fortran's integers and logicals, as C has them; Fortran says itself how long they are.
        10 | 11 => C_LONG,
        12 => C_FLOAT,
        13 => C_DBL,
        14 => C_SCPL,
        15 => C_DCPL,
        _ => number,
    };
    let (dtype, item) = match number {
        C_CHAR => (DType::U8, 0),
        C_INT => (DType::I32, 0),
        C_LONG | C_LONGLONG => (DType::I64, 0),
        C_FLOAT => (DType::F32, 0),
        C_DBL => (DType::F64, 0),
        C_SCPL => (DType::C64, 0),
        C_DCPL => (DType::C128, 0),
        // There is no arithmetic on long double; it is stored.
        1005 => (DType::U8, 16),
        1008 => (DType::U8, 32),
        _ => {
            let place = usize::try_from(number - LAST).ok();
            let sizes = registered.lock().expect("no panic holds it");
            match place.and_then(|place| sizes.get(place)).copied() {
                Some(size) if size > 0 => (DType::U8, size),
                _ => refuse!("{number} is no element type"),
            }
        }
    };
    Ok(Kind { number, dtype, item })
}

/// Runs a generic body for an array of numbers: `numbers!(array, |a: T| body)`, where `a` is a `&GlobalArray<T>`. Arrays of
/// characters and of registered types end in an error.
macro_rules! numbers {
    ($array:expr, |$a:ident: $t:ident| $body:expr) => {
        $crate::types::dispatch!($array, |$a: $t| $body; i32, i64, f32, f64, rma::Complex32, rma::Complex64)
    };
}

/// As [`numbers!`], for arrays of any type; those of registered types have one more axis there.
macro_rules! elements {
    ($array:expr, |$a:ident: $t:ident| $body:expr) => {
        $crate::types::dispatch!($array, |$a: $t| $body; i32, i64, f32, f64, rma::Complex32, rma::Complex64, u8)
    };
}

/// As [`numbers!`], without complex ones.
macro_rules! reals {
    ($array:expr, |$a:ident: $t:ident| $body:expr) => {
        $crate::types::dispatch!($array, |$a: $t| $body; i32, i64, f32, f64)
    };
}

macro_rules! dispatch {
    ($array:expr, |$a:ident: $t:ident| $body:expr; $($type:ty),*) => {{
        let array: &$crate::table::Array = $array;
        match array.raw.dtype() {
            $(<$type as rma::Element>::DTYPE => {
                #[allow(dead_code)]
                type $t = $type;
                let $a = array.raw.typed::<$type>().expect("the type was just asked for");
                $body
            })*
            _ => Err($crate::types::unfit(array.kind)),
        }
    }};
}

#[allow(unused_imports)] // for the families that need them
pub(crate) use {dispatch, elements, numbers, reals};

/// An operation there isn't for a type.
#[cold]
pub(crate) fn unfit(number: c_int) -> Fault {
    Fault::new(format_args!("there is no such operation on {}", name(number)))
}
