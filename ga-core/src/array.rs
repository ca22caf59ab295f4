//! Typed arrays.
//!
//! Invariant: the element type of the raw array below is `T::DTYPE`.

use crate::distribution::Distribution;
use crate::error::Result;
use crate::patch::Patch;
use crate::raw::RawArray;
use rma::{Element, Team};
use std::fmt;
use std::marker::PhantomData;

/// A dense array distributed over the ranks of a team, accessible from each of them by patches.
///
/// Methods marked *collective* are called by all ranks of the team, in the same order and with the same
/// arguments. The others are one-sided: any rank, any time.
// Transparent, so that a reference to a raw array of the right type is one to a typed array.
#[repr(transparent)]
pub struct GlobalArray<T: Element> {
    raw: RawArray,
    element: PhantomData<T>,
}

impl<T: Element> GlobalArray<T> {
    /// Wraps a raw array of this element type.
    pub(crate) fn from_raw(raw: RawArray) -> Self {
        debug_assert_eq!(raw.dtype(), T::DTYPE);
        GlobalArray { raw, element: PhantomData }
    }

    /// A raw array of this element type, seen as a typed one.
    #[inline]
    pub(crate) fn from_raw_ref(raw: &RawArray) -> &Self {
        debug_assert_eq!(raw.dtype(), T::DTYPE);
        // SAFETY: the type is transparent over a raw array.
        unsafe { &*std::ptr::from_ref(raw).cast() }
    }

    /// The untyped array.
    pub fn into_raw(self) -> RawArray {
        self.raw
    }

    /// The name it was given, or nothing. `GA_Inquire_name`.
    pub fn name(&self) -> &str {
        self.raw.name()
    }

    /// Shape of the array. `NGA_Inquire`.
    #[inline]
    pub fn shape(&self) -> &[usize] {
        self.raw.shape()
    }

    /// Number of axes. `GA_Ndim`.
    #[inline]
    pub fn ndim(&self) -> usize {
        self.shape().len()
    }

    /// Number of elements of the whole array.
    pub fn len(&self) -> usize {
        self.shape().iter().product()
    }

    /// Has no elements.
    pub fn is_empty(&self) -> bool {
        self.shape().contains(&0)
    }

    /// The team it lives on. `GA_Get_pgroup`.
    #[inline]
    pub fn team(&self) -> &Team {
        self.raw.team()
    }

    /// Who owns what: `NGA_Distribution`, `NGA_Locate` and `NGA_Locate_region` are its methods.
    #[inline]
    pub fn distribution(&self) -> &Distribution {
        self.raw.distribution()
    }

    /// The block that this rank owns; empty where ranks own several ([`Distribution::own_pieces`]).
    pub fn local_patch(&self) -> Patch {
        self.distribution().block(self.team().rank())
    }

    /// The untyped array below.
    #[inline]
    pub fn raw(&self) -> &RawArray {
        &self.raw
    }

    /// Completes all my operations everywhere, then waits for the team: what anybody put before is what
    /// everybody gets after. Collective. `GA_Sync` on the array's team.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`](crate::ErrorKind::Communication) from below.
    #[track_caller]
    pub fn sync(&self) -> Result<()> {
        self.raw.sync()
    }

    /// [`GlobalArray::sync`] before or after an operation that all ranks must have called.
    #[inline]
    #[track_caller]
    pub(crate) fn sync_for(&self, op: &'static str) -> Result<()> {
        self.raw.sync_for(op)
    }

    /// Gives the memory back at once. Collective; a synchronisation. Dropping the array instead returns the
    /// memory at a later synchronisation. `GA_Destroy`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`](crate::ErrorKind::Communication) from below.
    #[track_caller]
    pub fn destroy(self) -> Result<()> {
        self.raw.destroy()
    }
}

impl RawArray {
    /// The array with its element type in its type; `None` if it has another one.
    #[inline]
    pub fn typed<T: Element>(&self) -> Option<&GlobalArray<T>> {
        (self.dtype() == T::DTYPE).then(|| GlobalArray::from_raw_ref(self))
    }
}

/// Name, element type and distribution on one line; with `{:#}`, one line more per rank.
/// `GA_Print_distribution`.
impl<T: Element> fmt::Display for GlobalArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.raw.fmt(f)
    }
}

impl<T: Element> fmt::Debug for GlobalArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GlobalArray {self}")
    }
}
