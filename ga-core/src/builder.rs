//! Describing an array to be created.

use crate::array::GlobalArray;
use crate::distribution::Distribution;
use crate::error::{Error, ErrorKind, Result};
use crate::raw::RawArray;
use rma::{Element, Team};
use std::marker::PhantomData;

/// Describes an array to be created; see [`GlobalArray::builder`].
pub struct ArrayBuilder<'a, T> {
    team: &'a Team,
    shape: &'a [usize],
    name: &'a str,
    ghosts: &'a [usize],
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

    /// Ghost cells on either side of each block, `widths[d]` along axis `d`; see
    /// [`Distribution::with_ghosts`].
    pub fn ghosts(mut self, widths: &'a [usize]) -> Self {
        self.ghosts = widths;
        self
    }

    /// Any distribution, that of another array for instance; it must be of the same shape and for as many ranks.
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
        let distribution =
            if self.ghosts.is_empty() { distribution } else { distribution.with_ghosts(self.ghosts)? };
        Ok(GlobalArray::from_raw(RawArray::create(self.team, T::DTYPE, distribution)?.named(self.name)))
    }
}

impl<T: Element> GlobalArray<T> {
    /// Begins the description of an array of this shape on a team.
    pub fn builder<'a>(team: &'a Team, shape: &'a [usize]) -> ArrayBuilder<'a, T> {
        ArrayBuilder {
            team,
            shape,
            name: "",
            ghosts: &[],
            layout: Layout::Regular(&[]),
            element: PhantomData,
        }
    }
}
