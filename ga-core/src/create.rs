//! Arrays with contents from the start, and arrays of `ndarray` from and to global ones.
//!
//! Names are those of `ndarray`. Invariant: each rank writes its own elements, and a synchronisation follows, so on return of a
//! collective function all elements are there for every rank.

use crate::array::GlobalArray;
use crate::builder::ArrayBuilder;
use crate::dims::Dims;
use crate::error::{Error, ErrorKind, Result};
use crate::number::Number;
use crate::sight::Sight;
use ndarray::{Array, ArrayRef, Dimension, IntoDimension, Slice};
use rma::{Element, Team};

impl<T: Element> GlobalArray<T> {
    /// An array of zeros (of `false`), regularly distributed; for other layouts see [`GlobalArray::builder`]. Collective.
    ///
    /// ```
    /// use ga_core::{GlobalArray, World};
    /// let world = World::init()?;
    /// let u = GlobalArray::<f64>::zeros(&world.team(), (4, 6))?;
    /// assert_eq!(u.to_array()?, ndarray::Array2::zeros((4, 6)));
    /// # u.sync()?;
    /// # Ok::<(), ga_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Memory`] on all ranks when the memory is not there on one; [`ErrorKind::Distribution`] for a shape of too many elements.
    #[track_caller]
    pub fn zeros(team: &Team, shape: impl IntoDimension) -> Result<Self> {
        Self::builder(team, shape.into_dimension().slice()).zeros()
    }

    /// An array of ones. Collective.
    ///
    /// # Errors
    /// As [`GlobalArray::zeros`].
    #[track_caller]
    pub fn ones(team: &Team, shape: impl IntoDimension) -> Result<Self>
    where
        T: Number,
    {
        Self::from_elem(team, shape, T::ONE)
    }

    /// An array of one value, the same on all ranks. Collective.
    ///
    /// # Errors
    /// As [`GlobalArray::zeros`].
    #[track_caller]
    pub fn from_elem(team: &Team, shape: impl IntoDimension, elem: T) -> Result<Self> {
        Self::builder(team, shape.into_dimension().slice()).elem(elem)
    }

    /// An array whose elements are a function of their index, called by each rank for its own. Collective.
    ///
    /// ```
    /// use ga_core::{GlobalArray, World};
    /// let world = World::init()?;
    /// let table = GlobalArray::from_shape_fn(&world.team(), (3, 3), |(i, j)| (1 + i as i64) * (1 + j as i64))?;
    /// assert_eq!(table.to_array()?, ndarray::arr2(&[[1, 2, 3], [2, 4, 6], [3, 6, 9]]));
    /// # table.sync()?;
    /// # Ok::<(), ga_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`GlobalArray::zeros`].
    #[track_caller]
    pub fn from_shape_fn<S: IntoDimension>(
        team: &Team,
        shape: S,
        f: impl FnMut(<S::Dim as Dimension>::Pattern) -> T,
    ) -> Result<Self> {
        let array = Self::builder(team, shape.into_dimension().slice()).create()?;
        array.set_own::<S::Dim>("from_shape_fn", f)?;
        Ok(array)
    }

    /// An array with the elements of one that all ranks have; each takes its own. Collective.
    ///
    /// # Errors
    /// As [`GlobalArray::zeros`].
    #[track_caller]
    pub fn from_array<D: Dimension>(team: &Team, array: &ArrayRef<T, D>) -> Result<Self> {
        Self::builder(team, array.shape()).array(array)
    }

    /// All elements as an array of this rank: of as many axes as the type says that is wanted, or any number for
    /// [`IxDyn`](type@ndarray::IxDyn). Not collective; complete on return.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for another number of axes.
    pub fn to_array<D: Dimension>(&self) -> Result<Array<T, D>> {
        self.get_array(..)
    }

    /// Sets every element to that of an array of the same shape that all ranks have; each takes its own. Collective.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] for another shape.
    #[track_caller]
    pub fn assign<D: Dimension>(&self, array: &ArrayRef<T, D>) -> Result<()> {
        if array.shape() != self.shape() {
            return Err(Error::numbered(ErrorKind::Shape, "assign", |by| {
                format!("an array of shape {} to {}", by.extents(array.shape()), by.array(self.raw()))
            }));
        }
        self.sync_for("assign")?;
        self.take_own("assign", array)
    }

    /// Sets every element to `f` of itself, called by each rank for its own. Collective.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`] from below.
    #[track_caller]
    pub fn mapv_inplace(&self, f: impl FnMut(T) -> T) -> Result<()> {
        self.sync_for("mapv_inplace")?;
        let mut f = f;
        self.each_own(|_, place| {
            // SAFETY: an element of mine, which nobody else writes to before the synchronisation.
            unsafe { place.write(f(place.read())) }
        });
        self.sync_for("mapv_inplace")
    }

    /// Sets my elements to those of an array of the same shape, and synchronises.
    #[track_caller]
    fn take_own<D: Dimension>(&self, op: &'static str, array: &ArrayRef<T, D>) -> Result<()> {
        for piece in self.distribution().own_pieces(self.team().rank(), ..)? {
            let (lo, hi) = (piece.patch.lo(), piece.patch.hi());
            let own = array.slice_each_axis(|axis| Slice::from(lo[axis.axis.index()]..hi[axis.axis.index()]));
            self.put_view(&piece.patch, &own)?;
        }
        self.sync_for(op)
    }

    /// Sets each of my elements to `f` of its index, and synchronises.
    #[track_caller]
    fn set_own<D: Dimension>(&self, op: &'static str, mut f: impl FnMut(D::Pattern) -> T) -> Result<()> {
        let mut at = D::zeros(self.ndim());
        self.each_own(|index, place| {
            at.slice_mut().copy_from_slice(index);
            let value = f(at.clone().into_pattern());
            // SAFETY: an element of mine, which nobody else accesses before the synchronisation.
            unsafe { place.write(value) };
        });
        self.sync_for(op)
    }

    /// Calls `f(index, place)` for each of my elements.
    fn each_own(&self, mut f: impl FnMut(&[usize], *mut T)) {
        let nothing = Dims::filled(0, self.ndim());
        for part in self.own_parts(&nothing, self.shape()) {
            let extents = part.patch.shape();
            let (mut index, mut ahead) = (Dims::from(part.patch.lo()), Dims::filled(0, self.ndim()));
            for _ in 0..part.patch.len() {
                let offset = (0..ahead.len()).map(|d| ahead[d] * part.strides[d]).sum();
                f(&index, part.first.wrapping_add(offset));
                for d in (0..ahead.len()).rev() {
                    ahead[d] += 1;
                    index[d] += 1;
                    if ahead[d] < extents[d] {
                        break;
                    }
                    (ahead[d], index[d]) = (0, part.patch.lo()[d]);
                }
            }
        }
    }
}

/// What an array holds when it has been created.
impl<T: Element> ArrayBuilder<'_, T> {
    /// Creates the array, of zeros (of `false`). Collective.
    ///
    /// # Errors
    /// As [`ArrayBuilder::create`].
    #[track_caller]
    pub fn zeros(self) -> Result<GlobalArray<T>> {
        self.create_with(true)
    }

    /// Creates the array with every element this value, the same on all ranks. Collective.
    ///
    /// # Errors
    /// As [`ArrayBuilder::create`].
    #[track_caller]
    pub fn elem(self, elem: T) -> Result<GlobalArray<T>> {
        let array = self.create()?;
        array.fill(elem)?;
        Ok(array)
    }

    /// Creates the array with elements that are a function of their index, called by each rank for its own: `shape_fn::<Ix2>(|(i, j)| ..)`.
    /// Collective.
    ///
    /// # Errors
    /// As [`ArrayBuilder::create`]; [`ErrorKind::Shape`] for another number of axes.
    #[track_caller]
    pub fn shape_fn<D: Dimension>(self, f: impl FnMut(D::Pattern) -> T) -> Result<GlobalArray<T>> {
        check_axes::<D>("shape_fn", self.shape())?;
        let array = self.create()?;
        array.set_own::<D>("shape_fn", f)?;
        Ok(array)
    }

    /// Creates the array with the elements of one of the same shape that all ranks have. Collective.
    ///
    /// # Errors
    /// As [`ArrayBuilder::create`]; [`ErrorKind::Shape`] for another shape.
    #[track_caller]
    pub fn array<D: Dimension>(self, array: &ArrayRef<T, D>) -> Result<GlobalArray<T>> {
        if array.shape() != self.shape() {
            return Err(Error::numbered(ErrorKind::Shape, "array", |by| {
                format!(
                    "an array of shape {} for one of {}",
                    by.extents(array.shape()),
                    by.extents(self.shape())
                )
            }));
        }
        let created = self.create()?;
        created.take_own("array", array)?;
        Ok(created)
    }
}

/// Refuses a type for another number of axes.
pub(crate) fn check_axes<D: Dimension>(op: &'static str, shape: &[usize]) -> Result<()> {
    match D::NDIM {
        Some(axes) if axes != shape.len() => {
            let message = |by: Sight| format!("{axes} axes wanted of {} {}", shape.len(), by.extents(shape));
            Err(Error::numbered(ErrorKind::Shape, op, message))
        }
        _ => Ok(()),
    }
}
