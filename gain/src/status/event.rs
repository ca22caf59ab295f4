//! Floating-point exceptions that were found, until the binding takes them from this thread.

use super::site::{self, Origin, Site};
use super::{IMAGINARY, INVALID, OVER, Policy};
use crate::dtype::{Category, DType, Scalar, category};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};

/// Where an operation was recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// By this process.
    Here(Site),
    /// File and line, told by another rank.
    There(String, u32),
}

/// Exceptions of one operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// The operation, as NumPy names it.
    pub name: Cow<'static, str>,
    /// The exceptions, each of which its policy wants to know of.
    pub bits: u8,
    /// What to do about them.
    pub policy: Policy,
    /// The line that asked for the operation.
    pub place: Place,
}

thread_local! {
    static HAS: Cell<bool> = const { Cell::new(false) };
    static FOUND: RefCell<Vec<Event>> = const { RefCell::new(Vec::new()) };
}

/// Whether operations of this thread have events that were not taken yet.
#[inline]
pub fn has_events() -> bool {
    HAS.get()
}

/// The events of operations of this thread, once.
#[inline]
pub fn take() -> Vec<Event> {
    if HAS.replace(false) { FOUND.take() } else { Vec::new() }
}

/// For this thread to take.
pub(crate) fn tell(event: Event) {
    HAS.set(true);
    FOUND.with_borrow_mut(|found| found.push(event));
}

/// An operation that was done at once, the same on every rank, raised these.
#[cold]
pub(crate) fn raised(name: &'static str, bits: u8) {
    let Origin { site, policy } = site::current();
    if bits & policy.wanted() != 0 {
        let bits = bits & policy.wanted();
        tell(Event { name: name.into(), bits, policy, place: Place::Here(site) });
    }
}

/// Elements of type `from` become elements of type `to`: what is known at the call, the same on every rank.
#[inline]
pub(crate) fn converts(from: DType, to: DType) {
    if category(from) == Category::Complex && !matches!(category(to), Category::Complex | Category::Bool) {
        discards();
    }
}

#[cold]
fn discards() {
    let place = Place::Here(site::current().site);
    tell(Event { name: "".into(), bits: IMAGINARY, policy: Policy::IGNORE, place });
}

/// The number `x` was converted to `y`.
#[inline]
pub(crate) fn converted(x: Scalar, y: Scalar) -> Scalar {
    converts(x.dtype(), y.dtype());
    if let Scalar::F16(_) | Scalar::F32(_) | Scalar::C64(_) = y
        && !y.as_c128().is_finite()
        && x.as_c128().is_finite()
    {
        raised("cast", OVER);
    }
    if is_beyond(x, y.dtype()) {
        raised("cast", INVALID);
    }
    y
}

/// Whether the processor has no integer of this type for the number: smaller ones are made of `i32`, and `u32` of `i64`.
fn is_beyond(x: Scalar, to: DType) -> bool {
    const END: f64 = 9223372036854775808.0;
    if !matches!(category(x.dtype()), Category::Float | Category::Complex) {
        return false;
    }
    let x = x.as_f64();
    match to {
        DType::I8 | DType::U8 | DType::I16 | DType::U16 | DType::I32 => {
            !(x > -2147483649.0 && x < 2147483648.0)
        }
        DType::I64 | DType::U32 => !(-END..END).contains(&x),
        DType::U64 => !(-END..2.0 * END).contains(&x),
        _ => false,
    }
}
