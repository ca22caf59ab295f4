//! The kinds of distributions, and what can be changed about them.
//!
//! Invariant: what is refused here can't be; all that is not refused is a valid [`Distribution`].

use super::axis::Axis;
use super::plan::{Deal, Plan};
use super::{Distribution, Inner, Members, grid};
use crate::dims::{Dims, checked_volume};
use crate::error::{Error, ErrorKind, Result};
use crate::sight::Sight;
use std::sync::Arc;

impl Distribution {
    /// Regular blocks on the process grid that Global Arrays would choose. `chunk[d]` is the least extent of
    /// a block along axis `d`: 0 leaves the axis to the library, `shape[d]` or more keeps it whole; an empty
    /// slice leaves all axes to the library. `NGA_Create`'s `chunk[]`.
    ///
    /// # Errors
    /// [`ErrorKind::Distribution`] when `chunk` has another number of axes, there are no ranks, or the number
    /// of elements overflows.
    pub fn regular(shape: &[usize], chunk: &[usize], ranks: usize) -> Result<Self> {
        let op = "Distribution::regular";
        if !chunk.is_empty() && chunk.len() != shape.len() {
            return Err(Error::numbered(ErrorKind::Distribution, op, |by| {
                let shape = (shape.len(), by.extents(shape));
                format!("{} minimum chunks for {} axes of shape {}", chunk.len(), shape.0, shape.1)
            }));
        }
        check_size(op, shape, ranks)?;
        let chunk = Dims::from_fn(shape.len(), |d| chunk.get(d).map_or(0, |&c| c.min(shape[d])));
        let grid = grid::choose_grid(shape, &chunk, ranks);
        let axes = (0..shape.len()).map(|d| Axis::even(shape[d], chunk[d], grid[d])).collect();
        Self::dealt(shape, axes, Deal::OneEach, ranks)
    }

    /// Irregular blocks: `starts[d]` lists where each part of axis `d` begins. The first is 0, they never
    /// decrease, and equal neighbours make an empty part. `NGA_Create_irreg`'s `map[]`/`nblock[]`, 0-based.
    ///
    /// # Errors
    /// [`ErrorKind::Distribution`] when the lists are not like that, or make more blocks than there are
    /// ranks.
    pub fn irregular(shape: &[usize], starts: &[impl AsRef<[usize]>], ranks: usize) -> Result<Self> {
        let op = "Distribution::irregular";
        let axes = axes_from(op, shape, starts, ranks)?;
        let counts = Dims::from_fn(axes.len(), |d| axes[d].parts());
        if checked_volume(&counts).is_none_or(|blocks| blocks > ranks) {
            let message = |by: Sight| format!("{} blocks for {ranks} ranks", by.extents(&counts));
            return Err(Error::numbered(ErrorKind::Distribution, op, message));
        }
        Self::dealt(shape, axes, Deal::OneEach, ranks)
    }

    /// Blocks of `block[d]` indices along axis `d`, dealt out to the ranks in turn, row-major; a rank holds
    /// its blocks one after the other. `GA_Set_block_cyclic`.
    ///
    /// # Errors
    /// [`ErrorKind::Distribution`] for a block extent of 0 or a missing one, and as [`Distribution::regular`].
    pub fn block_cyclic(shape: &[usize], block: &[usize], ranks: usize) -> Result<Self> {
        let axes = equal_axes("Distribution::block_cyclic", shape, block, ranks)?;
        Self::dealt(shape, axes, Deal::Cyclic, ranks)
    }

    /// Blocks of `block[d]` indices along axis `d`, dealt out cyclically along each axis of a process grid
    /// whose last axis is the fastest; a rank's blocks together are one row-major array, as a local matrix
    /// of ScaLAPACK. `GA_Set_block_cyclic_proc_grid`.
    ///
    /// # Errors
    /// [`ErrorKind::Distribution`] unless the grid has `ranks` cells, and as [`Distribution::block_cyclic`].
    pub fn scalapack(shape: &[usize], block: &[usize], grid: &[usize], ranks: usize) -> Result<Self> {
        let axes = equal_axes("Distribution::scalapack", shape, block, ranks)?;
        Self::dealt(shape, axes, Deal::Scalapack(Dims::from(grid)), ranks)
    }

    /// Tiles of `tile[d]` indices along axis `d`, dealt out cyclically along each axis of a process grid
    /// whose last axis is the fastest; a rank holds its tiles one after the other.
    /// `GA_Set_tiled_proc_grid`.
    ///
    /// # Errors
    /// As [`Distribution::scalapack`].
    pub fn tiled(shape: &[usize], tile: &[usize], grid: &[usize], ranks: usize) -> Result<Self> {
        let axes = equal_axes("Distribution::tiled", shape, tile, ranks)?;
        Self::dealt(shape, axes, Deal::Tiles(Dims::from(grid)), ranks)
    }

    /// [`Distribution::tiled`] with tiles that begin where `starts[d]` says; the rules for these are those of
    /// [`Distribution::irregular`], but there may be more tiles than ranks. `GA_Set_tiled_irreg_proc_grid`.
    ///
    /// # Errors
    /// As [`Distribution::irregular`] and [`Distribution::scalapack`].
    pub fn tiled_irregular(
        shape: &[usize],
        starts: &[impl AsRef<[usize]>],
        grid: &[usize],
        ranks: usize,
    ) -> Result<Self> {
        let axes = axes_from("Distribution::tiled_irregular", shape, starts, ranks)?;
        Self::dealt(shape, axes, Deal::Tiles(Dims::from(grid)), ranks)
    }

    /// The same blocks on some ranks of a larger team: what rank `k` held is held by `members[k]` of `ranks`.
    /// `GA_Set_restricted`.
    ///
    /// # Errors
    /// [`ErrorKind::Distribution`] unless there is one different rank below `ranks` for each.
    pub fn restricted(&self, members: &[usize], ranks: usize) -> Result<Self> {
        let mut member_of = vec![None; ranks];
        let all_different =
            members.iter().enumerate().all(|(k, &rank)| rank < ranks && member_of[rank].replace(k).is_none());
        if members.len() != self.ranks() || !all_different {
            let message =
                format!("members {members:?} of {ranks} ranks, for {} different ones", self.ranks());
            return Err(Error::new(ErrorKind::Distribution, "Distribution::restricted", message));
        }
        let members = Members { ranks: members.into(), member_of: member_of.into() };
        self.rebuilt(|inner| {
            inner.ranks = ranks;
            inner.members = Some(members);
            Ok(())
        })
    }

    /// The same with `widths[d]` ghost cells on either side of each block along axis `d`: memory beside the
    /// block for copies of its neighbours' elements. `NGA_Create_ghosts`' `width[]`.
    ///
    /// # Errors
    /// [`ErrorKind::Distribution`] for a missing width, or if a rank may hold several blocks.
    pub fn with_ghosts(&self, widths: &[usize]) -> Result<Self> {
        if widths.len() != self.ndim() {
            return Err(Error::numbered(ErrorKind::Distribution, "Distribution::with_ghosts", |by| {
                format!("ghost widths {} for shape {}", by.list(widths), by.extents(self.shape()))
            }));
        }
        self.rebuilt(|inner| {
            inner.plan =
                Plan::new(inner.plan.deal.clone(), &inner.axes, Dims::from(widths), inner.plan.members())?;
            Ok(())
        })
    }

    /// The same with each element made of `width` items: one more axis, the innermost, which is never
    /// divided. An array of any fixed-size type is an array of bytes distributed so, and a field of the type
    /// is a range of the new axis. `NGA_Register_type`.
    ///
    /// # Errors
    /// [`ErrorKind::Distribution`] when the number of items overflows.
    pub fn with_items(&self, width: usize) -> Result<Self> {
        let append = |dims: &[usize], last: usize| {
            Dims::from_fn(dims.len() + 1, |d| dims.get(d).copied().unwrap_or(last))
        };
        self.rebuilt(|inner| {
            inner.shape = append(&inner.shape, width);
            check_size("Distribution::with_items", &inner.shape, inner.ranks)?;
            inner.axes.push(Axis::from_starts(&[0], width));
            let deal = match &inner.plan.deal {
                Deal::Tiles(grid) => Deal::Tiles(append(grid, 1)),
                Deal::Scalapack(grid) => Deal::Scalapack(append(grid, 1)),
                alone => alone.clone(),
            };
            let ghosts = append(inner.plan.ghosts(), 0);
            inner.plan = Plan::new(deal, &inner.axes, ghosts, inner.plan.members())?;
            Ok(())
        })
    }

    /// A distribution without ghost cells over all of `ranks`.
    fn dealt(shape: &[usize], axes: Vec<Axis>, deal: Deal, ranks: usize) -> Result<Self> {
        let plan = Plan::new(deal, &axes, Dims::filled(0, shape.len()), ranks)?;
        Ok(Self::of(Inner { is_plain: false, ranks, shape: Dims::from(shape), axes, plan, members: None }))
    }

    /// A changed copy.
    fn rebuilt(&self, change: impl FnOnce(&mut Inner) -> Result<()>) -> Result<Self> {
        let now = &*self.0;
        let mut inner = Inner {
            is_plain: false,
            ranks: now.ranks,
            shape: now.shape.clone(),
            axes: now.axes.clone(),
            plan: Plan::new(
                now.plan.deal.clone(),
                &now.axes,
                Dims::from(now.plan.ghosts()),
                now.plan.members(),
            )?,
            members: now.members.clone(),
        };
        change(&mut inner)?;
        Ok(Self::of(inner))
    }

    fn of(mut inner: Inner) -> Self {
        let bare = inner.plan.ghosts().iter().all(|&g| g == 0);
        inner.is_plain = inner.plan.deal == Deal::OneEach && bare && inner.members.is_none();
        Distribution(Arc::new(inner))
    }
}

/// Axes cut at given starts.
fn axes_from(
    op: &'static str,
    shape: &[usize],
    starts: &[impl AsRef<[usize]>],
    ranks: usize,
) -> Result<Vec<Axis>> {
    // Asked once: what is used is what was checked.
    let starts: Vec<&[usize]> = starts.iter().map(AsRef::as_ref).collect();
    if starts.len() != shape.len() {
        return Err(Error::numbered(ErrorKind::Distribution, op, |by| {
            format!("{} lists of block starts for shape {}", starts.len(), by.extents(shape))
        }));
    }
    check_size(op, shape, ranks)?;
    for (d, list) in starts.iter().enumerate() {
        if list.first() != Some(&0) || !list.is_sorted() || list.last() > Some(&shape[d]) {
            return Err(Error::numbered(ErrorKind::Distribution, op, |by| {
                let list: Vec<String> = list.iter().map(|start| by.number(*start).to_string()).collect();
                let (list, axis, first) = (list.join(", "), by.axis(d, shape.len()), by.number(0usize));
                let rule = format!("must begin with {first}, never decrease, and not pass the extent");
                format!("block starts [{list}] of axis {axis} (extent {}) {rule}", shape[d])
            }));
        }
    }
    Ok(starts.iter().zip(shape).map(|(s, &extent)| Axis::from_starts(s, extent)).collect())
}

/// Axes cut into equal parts, but for the last.
fn equal_axes(op: &'static str, shape: &[usize], block: &[usize], ranks: usize) -> Result<Vec<Axis>> {
    if block.len() != shape.len() || block.contains(&0) {
        return Err(Error::numbered(ErrorKind::Distribution, op, |by| {
            let (block, shape) = (by.extents(block), by.extents(shape));
            format!("blocks of {block} for shape {shape}; each extent is at least 1")
        }));
    }
    check_size(op, shape, ranks)?;
    let starts = |d: usize| -> Vec<usize> { (0..shape[d].max(1)).step_by(block[d]).collect() };
    Ok((0..shape.len()).map(|d| Axis::from_starts(&starts(d), shape[d])).collect())
}

fn check_size(op: &'static str, shape: &[usize], ranks: usize) -> Result<()> {
    if ranks == 0 {
        return Err(Error::new(ErrorKind::Distribution, op, "a team without ranks"));
    }
    match checked_volume(shape) {
        // Offsets are kept in `isize` where strides are signed; 16 bytes is the largest element.
        Some(n) if n <= isize::MAX as usize / 16 => Ok(()),
        _ => Err(Error::numbered(ErrorKind::Distribution, op, |by| {
            format!("shape {} has too many elements", by.extents(shape))
        })),
    }
}
