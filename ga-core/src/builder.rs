//! Describing an array to be created.

use crate::array::GlobalArray;
use crate::distribution::Distribution;
use crate::error::{Error, ErrorKind, Result};
use crate::raw::RawArray;
use rma::{Element, Team};
use std::marker::PhantomData;

/// Describes an array to be created; see [`GlobalArray::builder`]. Of several layouts the last counts; [`ghosts`](ArrayBuilder::ghosts) and
/// [`restricted`](ArrayBuilder::restricted) are added to any.
pub struct ArrayBuilder<'a, T> {
    team: &'a Team,
    shape: &'a [usize],
    name: &'a str,
    ghosts: &'a [usize],
    members: Option<&'a [usize]>,
    layout: Layout<'a>,
    element: PhantomData<T>,
}

enum Layout<'a> {
    Regular(&'a [usize]),
    Irregular(Vec<Vec<usize>>),
    BlockCyclic(&'a [usize]),
    Scalapack(&'a [usize], &'a [usize]),
    Tiled(&'a [usize], &'a [usize]),
    TiledIrregular(Vec<Vec<usize>>, &'a [usize]),
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

    /// Blocks of these extents, dealt out to the ranks in turn; see [`Distribution::block_cyclic`].
    pub fn block_cyclic(mut self, block: &'a [usize]) -> Self {
        self.layout = Layout::BlockCyclic(block);
        self
    }

    /// Blocks of these extents, dealt out over a grid of ranks as ScaLAPACK does; see [`Distribution::scalapack`].
    pub fn scalapack(mut self, block: &'a [usize], grid: &'a [usize]) -> Self {
        self.layout = Layout::Scalapack(block, grid);
        self
    }

    /// Tiles of these extents, dealt out over a grid of ranks; see [`Distribution::tiled`].
    pub fn tiled(mut self, tile: &'a [usize], grid: &'a [usize]) -> Self {
        self.layout = Layout::Tiled(tile, grid);
        self
    }

    /// Tiles that start there, dealt out over a grid of ranks; see [`Distribution::tiled_irregular`].
    pub fn tiled_irregular(mut self, starts: Vec<Vec<usize>>, grid: &'a [usize]) -> Self {
        self.layout = Layout::TiledIrregular(starts, grid);
        self
    }

    /// Any distribution, that of another array for instance; it must be of the same shape and for as many ranks.
    pub fn distribution(mut self, distribution: &Distribution) -> Self {
        self.layout = Layout::Given(distribution.clone());
        self
    }

    /// Ghost cells on either side of each block, `widths[d]` along axis `d`; see
    /// [`Distribution::with_ghosts`].
    pub fn ghosts(mut self, widths: &'a [usize]) -> Self {
        self.ghosts = widths;
        self
    }

    /// Only these ranks of the team hold elements, in this order: the layout is for as many; see [`Distribution::restricted`].
    pub fn restricted(mut self, members: &'a [usize]) -> Self {
        self.members = Some(members);
        self
    }

    /// Creates the array. Its contents are unspecified, except that those of `bool` are `false`; see also [`zeros`](ArrayBuilder::zeros),
    /// [`elem`](ArrayBuilder::elem), [`shape_fn`](ArrayBuilder::shape_fn) and [`array`](ArrayBuilder::array).
    ///
    /// Collective. On return all parts are there. `NGA_Create_config`, `NGA_Create_irreg_config`, `GA_Allocate`.
    ///
    /// # Errors
    /// [`ErrorKind::Distribution`] for a description that can't be, [`ErrorKind::Shape`] for a distribution
    /// of another shape, [`ErrorKind::Memory`] on all ranks when the memory is not there on one.
    #[track_caller]
    pub fn create(self) -> Result<GlobalArray<T>> {
        self.create_with(false)
    }

    #[track_caller]
    pub(crate) fn create_with(self, is_zeroed: bool) -> Result<GlobalArray<T>> {
        let (team, name) = (self.team, self.name);
        let distribution = self.distributed()?;
        let raw = match is_zeroed {
            true => RawArray::create_zeroed(team, T::DTYPE, distribution)?,
            false => RawArray::create(team, T::DTYPE, distribution)?,
        };
        Ok(GlobalArray::from_raw(raw.named(name)))
    }

    /// Extents of the array described.
    pub(crate) fn shape(&self) -> &'a [usize] {
        self.shape
    }

    /// The distribution described.
    fn distributed(self) -> Result<Distribution> {
        let (shape, team) = (self.shape, self.team.size());
        let ranks = self.members.map_or(team, <[usize]>::len);
        let mut distribution = match self.layout {
            Layout::Regular(chunk) => Distribution::regular(shape, chunk, ranks)?,
            Layout::Irregular(starts) => Distribution::irregular(shape, &starts, ranks)?,
            Layout::BlockCyclic(block) => Distribution::block_cyclic(shape, block, ranks)?,
            Layout::Scalapack(block, grid) => Distribution::scalapack(shape, block, grid, ranks)?,
            Layout::Tiled(tile, grid) => Distribution::tiled(shape, tile, grid, ranks)?,
            Layout::TiledIrregular(starts, grid) => {
                Distribution::tiled_irregular(shape, &starts, grid, ranks)?
            }
            Layout::Given(given) if given.shape() == shape => given,
            Layout::Given(given) => {
                return Err(Error::numbered(ErrorKind::Shape, "create", |by| {
                    let [given, shape] = [given.shape(), shape].map(|list| by.extents(list));
                    format!("a distribution of shape {given} for an array of {shape}")
                }));
            }
        };
        if !self.ghosts.is_empty() {
            distribution = distribution.with_ghosts(self.ghosts)?;
        }
        match self.members {
            Some(members) => distribution.restricted(members, team),
            None => Ok(distribution),
        }
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
            members: None,
            layout: Layout::Regular(&[]),
            element: PhantomData,
        }
    }
}
