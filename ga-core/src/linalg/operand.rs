//! Operands of a product: a matrix within an array, and its parts as local memory.
//!
//! Invariant: rows and columns named here are those of the operand as it enters the product, that is after
//! transposition, and begin at 0.

use super::Field;
use crate::array::GlobalArray;
use crate::dims::Dims;
use crate::error::{Error, ErrorKind, Result};
use crate::nonblocking::PatchRequest;
use crate::patch::Patch;
use crate::region::Region;
use ga_dense::{Conj, Crew};
use std::ops::Range;

/// How a matrix enters a product. `GA_Dgemm`'s `transa` and `transb`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    /// As it is: `'n'`.
    None,
    /// Rows and columns exchanged: `'t'`.
    Transpose,
    /// The same with every element conjugated: `'c'`.
    ConjugateTranspose,
}

/// A matrix that is a patch of an array: at most two of its extents differ from 1.
pub struct Matrix<'a, T: Field> {
    array: &'a GlobalArray<T>,
    patch: Patch,
    /// The axes that rows and columns run along, before transposition.
    axes: [usize; 2],
    op: Op,
    crew: Crew<'static>,
}

/// Extent below which a piece in place costs the kernel more than fetching it with its neighbours.
const SMALL: usize = 64;

/// A part of an operand in memory: which rows and columns, its first element, and strides in elements.
pub(super) struct Tile<P> {
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
    pub(super) first: P,
    pub(super) strides: [isize; 2],
}

/// A part of an operand on its way.
pub(super) struct Fetch<T: Field> {
    request: PatchRequest<T>,
    rows: Range<usize>,
    columns: Range<usize>,
    strides: [isize; 2],
}

impl<'a, T: Field> Matrix<'a, T> {
    /// The matrix in a region of an array. Of an array with more than two axes, rows and columns run along
    /// the two whose extents differ from 1 (the innermost ones, where there are fewer). `NGA_Matmul_patch`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] when the array has fewer than two axes, or more than two extents differ from 1;
    /// [`ErrorKind::Range`] when the region leaves the array.
    pub fn new(array: &'a GlobalArray<T>, region: impl Region, op: Op) -> Result<Self> {
        let patch = region.with_bounds(array.shape(), |lo, hi| {
            array.distribution().check_bounds("Matrix", lo, hi)?;
            Ok::<_, Error>(Patch::new(lo, hi))
        })?;
        let shape = patch.shape();
        // Innermost first, wide axes before others.
        let mut axes: Vec<usize> = (0..shape.len()).rev().collect();
        axes.sort_by_key(|&d| shape[d] == 1);
        if axes.len() < 2 || axes[2..].iter().any(|&d| shape[d] != 1) {
            return Err(Error::numbered(ErrorKind::Shape, "Matrix", |by| {
                format!("{} of {} is no matrix", by.patch(patch.lo(), patch.hi()), by.array(array.raw()))
            }));
        }
        let axes = [axes[0].min(axes[1]), axes[0].max(axes[1])];
        Ok(Matrix { array, patch, axes, op, crew: Crew::alone() })
    }

    /// The same, to be factorized by these threads on the rank that says so: each rank's part of the work is its crew's.
    #[must_use]
    pub fn by(mut self, crew: Crew<'static>) -> Self {
        self.crew = crew;
        self
    }

    pub(super) fn crew(&self) -> Crew<'static> {
        self.crew
    }

    /// All of a matrix. `GA_Dgemm`.
    ///
    /// # Errors
    /// As [`Matrix::new`].
    pub fn whole(array: &'a GlobalArray<T>, op: Op) -> Result<Self> {
        Self::new(array, Patch::whole(array.shape()), op)
    }

    /// The array it lies in.
    pub fn array(&self) -> &'a GlobalArray<T> {
        self.array
    }

    /// The region it is, in the array's indices.
    pub fn patch(&self) -> &Patch {
        &self.patch
    }

    /// How it enters a product.
    pub fn op(&self) -> Op {
        self.op
    }

    /// Rows and columns, after transposition.
    pub fn shape(&self) -> [usize; 2] {
        let shape = self.patch.shape();
        let [row, column] = self.sides();
        [shape[row], shape[column]]
    }

    pub(super) fn conj(&self) -> Conj {
        if self.op == Op::ConjugateTranspose { Conj::Yes } else { Conj::No }
    }

    /// The array's axes along which rows and columns run, after transposition.
    fn sides(&self) -> [usize; 2] {
        let [first, second] = self.axes;
        if self.op == Op::None { [first, second] } else { [second, first] }
    }

    /// The part of the array that is these rows and columns.
    pub(super) fn region(&self, rows: &Range<usize>, columns: &Range<usize>) -> Patch {
        let [row, column] = self.sides();
        let (mut lo, mut hi) = (Dims::from(self.patch.lo()), Dims::from(self.patch.hi()));
        hi[row] = lo[row] + rows.end;
        lo[row] += rows.start;
        hi[column] = lo[column] + columns.end;
        lo[column] += columns.start;
        Patch::new(lo, hi)
    }

    /// Where along its rows (side 0) or columns (side 1) blocks begin, if blocks are worth to be told apart.
    pub(super) fn cuts(&self, side: usize) -> Vec<usize> {
        let axis = self.sides()[side];
        let (start, end) = (self.patch.lo()[axis], self.patch.hi()[axis]);
        let distribution = self.array.distribution();
        if !distribution.is_one_block() {
            return Vec::new();
        }
        distribution.starts(axis).filter(|&cut| start < cut && cut < end).map(|cut| cut - start).collect()
    }

    /// A piece of the array as a tile, given its memory and strides there.
    fn tile<P>(&self, patch: &Patch, first: P, strides: &[usize]) -> Tile<P> {
        let [row, column] = self.sides();
        let range = |axis: usize| {
            let start = self.patch.lo()[axis];
            patch.lo()[axis] - start..patch.hi()[axis] - start
        };
        let strides = [strides[row] as isize, strides[column] as isize];
        Tile { rows: range(row), columns: range(column), first, strides }
    }

    /// These rows and columns in place, if all of it is mapped in this process in pieces of some size.
    pub(super) fn in_place(
        &self,
        rows: &Range<usize>,
        columns: &Range<usize>,
    ) -> Option<Vec<Tile<*const T>>> {
        let region = self.region(rows, columns);
        let pieces = self.array.distribution().pieces(region.lo(), region.hi());
        pieces
            .map(|piece| {
                let memory = self.array.raw().mapped(piece.rank)?.cast::<T>().as_ptr();
                // An offset within the owner's part.
                let first = memory.wrapping_add(piece.offset).cast_const();
                let tile = self.tile(&piece.patch, first, &piece.strides);
                let fits = |part: &Range<usize>, all: &Range<usize>| part.len() >= SMALL.min(all.len());
                (fits(&tile.rows, rows) && fits(&tile.columns, columns)).then_some(tile)
            })
            .collect()
    }

    /// The parts of these rows and columns that this rank owns, to be changed.
    pub(super) fn own(&self) -> Vec<Tile<*mut T>> {
        let parts = self.array.own_parts(self.patch.lo(), self.patch.hi());
        parts.map(|part| self.tile(&part.patch, part.first, &part.strides)).collect()
    }

    /// Strides along rows and columns of a dense buffer with the elements of a region.
    pub(super) fn dense_strides(&self, region: &Patch) -> [isize; 2] {
        let dense = Dims::row_major_strides(&region.shape());
        self.sides().map(|axis| dense[axis] as isize)
    }

    /// Starts to fetch these rows and columns.
    pub(super) fn fetch(
        &self,
        rows: Range<usize>,
        columns: Range<usize>,
        mut buffer: Vec<T>,
    ) -> Result<Fetch<T>> {
        let region = self.region(&rows, &columns);
        buffer.resize(region.len(), T::ZERO);
        let request = self.array.get_nb(&region, buffer)?;
        let strides = self.dense_strides(&region);
        Ok(Fetch { request, rows, columns, strides })
    }
}

impl<T: Field> Fetch<T> {
    /// Waits for the data: the buffer, and the tile that it is.
    pub(super) fn wait(self) -> Result<(Vec<T>, Tile<*const T>)> {
        let Fetch { request, rows, columns, strides } = self;
        let buffer = request.wait()?;
        let first = buffer.as_ptr();
        Ok((buffer, Tile { rows, columns, first, strides }))
    }
}
