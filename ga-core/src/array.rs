//! Typed arrays and their builder.
//!
//! Invariant: the element type of the raw array below is `T::DTYPE`.

use crate::distribution::Distribution;
use crate::error::{Error, ErrorKind, Result};
use crate::patch::Patch;
use crate::raw::RawArray;
use rma::{Element, Team};
use std::fmt;
use std::marker::PhantomData;

/// A dense array distributed over the ranks of a team, accessible from each of them by patches.
///
/// Methods marked *collective* are called by all ranks of the team, in the same order and with the same
/// arguments. The others are one-sided: any rank, any time.
pub struct GlobalArray<T: Element> {
    raw: RawArray,
    name: String,
    element: PhantomData<T>,
}

/// Describes an array to be created; see [`GlobalArray::builder`].
pub struct ArrayBuilder<'a, T> {
    team: &'a Team,
    shape: &'a [usize],
    name: &'a str,
    layout: Layout<'a>,
    element: PhantomData<T>,
}

enum Layout<'a> {
    Regular(&'a [usize]),
    Irregular(Vec<Vec<usize>>),
    Given(Distribution),
}

impl<'a, T: Element> ArrayBuilder<'a, T> {
    /// A name for messages. Without one the array is called by its shape.
    pub fn name(mut self, name: &'a str) -> Self {
        self.name = name;
        self
    }

    /// Least extent of a block along each axis; see [`Distribution::regular`].
    pub fn chunk(mut self, chunk: &'a [usize]) -> Self {
        self.layout = Layout::Regular(chunk);
        self
    }

    /// Where the blocks of each axis start; see [`Distribution::irregular`].
    pub fn irregular(mut self, starts: Vec<Vec<usize>>) -> Self {
        self.layout = Layout::Irregular(starts);
        self
    }

    /// The distribution of another array, say; it must be of the same shape and for as many ranks.
    pub fn distribution(mut self, distribution: &Distribution) -> Self {
        self.layout = Layout::Given(distribution.clone());
        self
    }

    /// Creates the array. Its contents are unspecified, except that those of `bool` are `false`.
    ///
    /// Collective. On return all parts are there. `NGA_Create_config`, `NGA_Create_irreg_config`.
    ///
    /// # Errors
    /// [`ErrorKind::Distribution`] for a description that can't be, [`ErrorKind::Shape`] for a distribution
    /// of another shape, [`ErrorKind::Memory`] on all ranks when the memory is not there on one.
    #[track_caller]
    pub fn create(self) -> Result<GlobalArray<T>> {
        let ranks = self.team.size();
        let distribution = match self.layout {
            Layout::Regular(chunk) => Distribution::regular(self.shape, chunk, ranks)?,
            Layout::Irregular(starts) => Distribution::irregular(self.shape, &starts, ranks)?,
            Layout::Given(given) if given.shape() == self.shape => given,
            Layout::Given(given) => {
                let message =
                    format!("a distribution of shape {:?} for an array of {:?}", given.shape(), self.shape);
                return Err(Error::new(ErrorKind::Shape, "create", message));
            }
        };
        GlobalArray::from_raw(RawArray::create(self.team, T::DTYPE, distribution)?, self.name.to_owned())
    }
}

impl<T: Element> GlobalArray<T> {
    /// Begins the description of an array of this shape on a team.
    pub fn builder<'a>(team: &'a Team, shape: &'a [usize]) -> ArrayBuilder<'a, T> {
        ArrayBuilder { team, shape, name: "", layout: Layout::Regular(&[]), element: PhantomData }
    }

    /// Wraps a fresh raw array of this element type.
    #[track_caller]
    pub(crate) fn from_raw(raw: RawArray, name: String) -> Result<Self> {
        debug_assert_eq!(raw.dtype(), T::DTYPE);
        let array = GlobalArray { raw, name, element: PhantomData };
        if T::DTYPE == rma::DType::Bool {
            // Not every byte is a `bool`; what was in the memory before must not be read as one.
            array.zero()?;
        }
        Ok(array)
    }

    /// The name it was given. `GA_Inquire_name`.
    pub fn name(&self) -> &str {
        &self.name
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

    /// The block that this rank owns.
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
    /// [`ErrorKind::Communication`] from below.
    #[track_caller]
    pub fn sync(&self) -> Result<()> {
        self.raw.sync()
    }

    /// Gives the memory back at once. Collective; a synchronisation. Dropping the array instead returns the
    /// memory at a later synchronisation. `GA_Destroy`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`] from below.
    #[track_caller]
    pub fn destroy(self) -> Result<()> {
        self.raw.destroy()
    }
}

/// Name, element type and distribution on one line; with `{:#}`, one line more per rank.
/// `GA_Print_distribution`.
impl<T: Element> fmt::Display for GlobalArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.name.is_empty() {
            write!(f, "{} ", self.name)?;
        }
        write!(f, "({}): ", T::DTYPE)?;
        self.distribution().fmt(f)
    }
}

impl<T: Element> fmt::Debug for GlobalArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GlobalArray {self}")
    }
}
