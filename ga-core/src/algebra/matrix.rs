//! Diagonals, rows and columns of matrices; symmetrize.

use super::cell::Cell;
use super::scalar::Scalar;
use super::transpose;
use super::view::View;
use crate::array::GlobalArray;
use crate::dims::Dims;
use crate::error::{Error, ErrorKind, Result};
use crate::number::Number;
use crate::sight::Sight;
use rma::Element;
use std::ops::Range;

impl<T: Element> GlobalArray<T> {
    /// Sets the diagonal to a vector, an array of one axis and of the diagonal's length on the same team.
    /// Collective. `GA_Set_diagonal`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for other than a matrix and such a vector, [`ErrorKind::Team`] for a vector of
    /// another team.
    #[track_caller]
    pub fn set_diagonal(&self, vector: &Self) -> Result<()> {
        let op = "set_diagonal";
        self.check_diagonal(op, vector)?;
        self.diagonal_with(op, vector, |_, value| value)
    }

    /// Sets a vector, an array of one axis and of the diagonal's length on the same team, to the diagonal.
    /// Collective. `GA_Get_diag`.
    ///
    /// # Errors
    /// As [`GlobalArray::set_diagonal`].
    #[track_caller]
    pub fn get_diagonal(&self, vector: &Self) -> Result<()> {
        let op = "get_diagonal";
        self.check_diagonal(op, vector)?;
        // Here the owners of the matrix compute: each of their pieces is one put.
        self.epoch(op, || {
            self.diagonal_pieces(|at, first, stride| {
                // SAFETY: the piece has `at.len()` elements at that stride, and nobody writes to them between the synchronisations.
                let element = |i| unsafe { *first.wrapping_add(i * stride) };
                let values: Vec<T> = (0..at.len()).map(element).collect();
                vector.put(at, &values)
            })
        })
    }

    /// Sets the diagonal to zero. Collective. `GA_Zero_diagonal`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for other than a matrix.
    #[track_caller]
    pub fn zero_diagonal(&self) -> Result<()> {
        self.diagonal_alone("zero_diagonal", |_| T::default())
    }

    /// Sets each element of the diagonal to `f` of itself.
    #[track_caller]
    fn diagonal_alone(&self, op: &'static str, f: impl Fn(T) -> T) -> Result<()> {
        self.check_matrix(op)?;
        self.epoch(op, || {
            self.diagonal_pieces(|at, first, stride| {
                for i in 0..at.len() {
                    let place = first.wrapping_add(i * stride);
                    // SAFETY: one of the piece's elements, which are mine between the synchronisations.
                    unsafe { *place = f(*place) };
                }
                Ok(())
            })
        })
    }

    /// Sets each element of the diagonal to `f` of itself and the vector's.
    #[track_caller]
    fn diagonal_with(&self, op: &'static str, vector: &Self, f: impl Fn(T, T) -> T) -> Result<()> {
        self.epoch(op, || {
            self.diagonal_pieces(|at, first, stride| {
                let mut values = vec![T::default(); at.len()];
                vector.get(at, &mut values)?;
                for (i, value) in values.into_iter().enumerate() {
                    let place = first.wrapping_add(i * stride);
                    // SAFETY: one of the piece's elements, which are mine between the synchronisations.
                    unsafe { *place = f(*place, value) };
                }
                Ok(())
            })
        })
    }

    /// Calls `f` for each of my pieces of the diagonal of a matrix: the places along the diagonal, the first
    /// element, and from one to the next.
    fn diagonal_pieces(&self, mut f: impl FnMut(Range<usize>, *mut T, usize) -> Result<()>) -> Result<()> {
        let whole = self.everything();
        for part in self.own_parts(whole.lo(), whole.hi()) {
            let (lo, hi) = (part.patch.lo(), part.patch.hi());
            let (start, end) = (lo[0].max(lo[1]), hi[0].min(hi[1]));
            if start < end {
                let ahead = (start - lo[0]) * part.strides[0] + (start - lo[1]) * part.strides[1];
                let stride = part.strides[0] + part.strides[1];
                f(start..end, part.first.wrapping_add(ahead), stride)?;
            }
        }
        Ok(())
    }

    fn check_matrix(&self, op: &'static str) -> Result<()> {
        if self.ndim() == 2 {
            return Ok(());
        }
        let message = |by: Sight| format!("a matrix is wanted, not {}", by.array(self.raw()));
        Err(Error::numbered(ErrorKind::Shape, op, message))
    }

    fn check_diagonal(&self, op: &'static str, vector: &Self) -> Result<()> {
        self.check_matrix(op)?;
        self.check_vector(op, vector, self.shape()[0].min(self.shape()[1]))
    }

    fn check_vector(&self, op: &'static str, vector: &Self, len: usize) -> Result<()> {
        if vector.shape() != [len] {
            return Err(Error::numbered(ErrorKind::Shape, op, |by| {
                let [array, other] = [self, vector].map(|array| by.array(array.raw()));
                format!("a vector of {len} elements is wanted for {array}, not {other}")
            }));
        }
        self.check_team(op, vector)
    }
}

impl<T: Number> GlobalArray<T> {
    /// Adds a vector, an array of one axis and of the diagonal's length on the same team, to the diagonal.
    /// Collective. `GA_Add_diagonal`.
    ///
    /// # Errors
    /// As [`GlobalArray::set_diagonal`].
    #[track_caller]
    pub fn add_diagonal(&self, vector: &Self) -> Result<()> {
        self.check_diagonal("add_diagonal", vector)?;
        self.diagonal_with("add_diagonal", vector, T::plus)
    }

    /// Adds a constant to each element of the diagonal. Collective, with the same constant everywhere.
    /// `GA_Shift_diagonal`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for other than a matrix.
    #[track_caller]
    pub fn shift_diagonal(&self, constant: T) -> Result<()> {
        self.diagonal_alone("shift_diagonal", |value| value.plus(constant))
    }

    /// Multiplies row `i` by `vector[i]`, for all rows; the vector is an array of one axis on the same team.
    /// Collective. `GA_Scale_rows`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for other than a matrix and a vector with an element for each row,
    /// [`ErrorKind::Team`] for a vector of another team.
    #[track_caller]
    pub fn scale_rows(&self, vector: &Self) -> Result<()> {
        self.scale_along("scale_rows", 0, vector)
    }

    /// Multiplies column `j` by `vector[j]`, for all columns; the vector is an array of one axis on the same
    /// team. Collective. `GA_Scale_cols`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for other than a matrix and a vector with an element for each column,
    /// [`ErrorKind::Team`] for a vector of another team.
    #[track_caller]
    pub fn scale_cols(&self, vector: &Self) -> Result<()> {
        self.scale_along("scale_cols", 1, vector)
    }

    #[track_caller]
    fn scale_along(&self, op: &'static str, axis: usize, vector: &Self) -> Result<()> {
        self.check_matrix(op)?;
        self.check_vector(op, vector, self.shape()[axis])?;
        let whole = self.everything();
        self.epoch(op, || {
            for part in self.own_parts(whole.lo(), whole.hi()) {
                let at = part.patch.lo()[axis]..part.patch.hi()[axis];
                let mut factors = vec![T::ZERO; at.len()];
                vector.get(at, &mut factors)?;
                for (i, (offset, len)) in part.rows().enumerate() {
                    for j in 0..len {
                        let place = part.first.wrapping_add(offset + j);
                        let factor = factors[if axis == 0 { i } else { j }];
                        // SAFETY: an element of my part, which nobody else accesses between the synchronisations.
                        unsafe { *place = (*place).times(factor) };
                    }
                }
            }
            Ok(())
        })
    }
}

impl<T: Scalar> GlobalArray<T> {
    /// Sets a square matrix to the mean of itself and its transpose, nothing being conjugated; of an array
    /// of more axes, the first two are exchanged. Means of integers are cut towards zero. Collective.
    /// `GA_Symmetrize`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for an array of fewer than two axes or different extents along the first two,
    /// [`ErrorKind::Memory`] when there is none for a copy.
    #[track_caller]
    pub fn symmetrize(&self) -> Result<()> {
        if self.ndim() < 2 || self.shape()[0] != self.shape()[1] {
            let message = |by: Sight| format!("a square matrix is wanted, not {}", by.array(self.raw()));
            return Err(Error::numbered(ErrorKind::Shape, "symmetrize", message));
        }
        let (whole, mirror) = (self.everything(), self.duplicate()?);
        let mut axes = Dims::from_fn(self.ndim(), |d| d);
        axes.swap(0, 1);
        mirror.epoch("symmetrize", || {
            // SAFETY: a cell's elements are there, and those of the copy are mine; nobody writes to this array between the synchronisations, and
            // the two don't overlap.
            let cell = |cell: Cell<T, 1>| unsafe { transpose::cell(&cell) };
            mirror.sweep(&whole, &[View::new(self, whole.lo(), axes)], cell)
        })?;
        let views = [
            self.operand("symmetrize", &whole, (self, &whole), true)?,
            self.operand("symmetrize", &whole, (&mirror, &whole), true)?,
        ];
        let two = T::ONE.plus(T::ONE);
        self.map("symmetrize", &whole, views, |[value, mirrored]| value.plus(mirrored).over(two))
    }
}
