//! Whole-array operations, owner computes: fill, zero, scale, add, dot.
//!
//! All are collective and synchronise on both sides, so whatever was put before takes part and whatever is
//! put after comes after; `GA_Mask_sync` has no counterpart. Invariant: within, each rank writes its own
//! block only.

use crate::array::GlobalArray;
use crate::error::{Error, ErrorKind, Result};
use crate::kernels;
use crate::number::Number;
use crate::patch::Patch;
use rma::{Element, Op, Reducible};

impl<T: Element> GlobalArray<T> {
    /// Sets every element. Collective, with the same value everywhere. `GA_Fill`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`] from below.
    #[track_caller]
    pub fn fill(&self, value: T) -> Result<()> {
        self.produce(|_, tile| tile.fill(value))
    }

    /// Sets every element to zero (`false`). Collective. `GA_Zero`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`] from below.
    #[track_caller]
    pub fn zero(&self) -> Result<()> {
        self.fill(T::default())
    }

    /// Multiplies every element. Collective, with the same factor everywhere. `GA_Scale`.
    ///
    /// # Errors
    /// [`ErrorKind::Communication`] from below.
    #[track_caller]
    pub fn scale(&self, factor: T) -> Result<()>
    where
        T: Number,
    {
        self.sync()?;
        // SAFETY: my block has that many elements, and each rank works on its own between the two
        // synchronisations.
        unsafe { kernels::scale(self.local_ptr(), self.local_len(), factor) };
        self.sync()
    }

    /// Sets this array to `alpha * a + beta * b`; it may be `a` or `b`. The arrays have one shape and one
    /// team; one that is distributed otherwise is redistributed first. Collective. `GA_Add`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] and [`ErrorKind::Team`] for arrays that don't match.
    #[track_caller]
    pub fn add(&self, alpha: T, a: &Self, beta: T, b: &Self) -> Result<()>
    where
        T: Number,
    {
        self.check_match("add", a)?;
        self.check_match("add", b)?;
        let (a_alike, b_alike) = (self.alike(a)?, self.alike(b)?);
        let (a, b) = (a_alike.as_ref().unwrap_or(a), b_alike.as_ref().unwrap_or(b));
        self.produce(|start, tile| {
            // SAFETY: a and b are distributed as self is, and a tile lies in my block; nobody writes to
            // either between the two synchronisations but this very loop, which has read an element before
            // `produce` writes it.
            let (a, b) = unsafe { (a.local_ptr().add(start), b.local_ptr().add(start)) };
            for (i, value) in tile.iter_mut().enumerate() {
                // SAFETY: as above.
                *value = unsafe { alpha.times(*a.add(i)).plus(beta.times(*b.add(i))) };
            }
        })
    }

    /// The sum of the products of the elements of two arrays of one shape and one team, the same bits on
    /// every rank; no element is conjugated. Collective. `GA_Ddot`, `GA_Zdot`.
    ///
    /// # Errors
    /// [`ErrorKind::Shape`] and [`ErrorKind::Team`] for arrays that don't match.
    #[track_caller]
    pub fn dot(&self, other: &Self) -> Result<T>
    where
        T: Number + Reducible,
    {
        self.check_match("dot", other)?;
        let alike = self.alike(other)?;
        let other = alike.as_ref().unwrap_or(other);
        self.sync()?;
        let mut total = [self.dot_alike(other)];
        let reduced = self.team().allreduce(&mut total, Op::Sum);
        reduced.map_err(|e| Error::from_rma("dot", e))?;
        Ok(total[0])
    }

    /// My share of the sum, between two synchronisations; `other` is distributed as this array is.
    fn dot_alike(&self, other: &Self) -> T
    where
        T: Number,
    {
        if !self.distribution().has_ghosts() {
            // SAFETY: both have that many elements in my memory; between the synchronisations (the reduction
            // is the second) nobody writes to them.
            return unsafe { kernels::dot(self.local_ptr(), other.local_ptr(), self.local_len()) };
        }
        let whole = Patch::whole(self.shape());
        let (mine, its) = (self.own_parts(whole.lo(), whole.hi()), other.own_parts(whole.lo(), whole.hi()));
        let rows = mine.zip(its).flat_map(|(a, b)| {
            a.rows()
                .map(move |(row, len)| {
                    // SAFETY: the row lies in both parts, which have one layout; nobody writes, as above.
                    unsafe { kernels::dot(a.first.add(row), b.first.add(row), len) }
                })
                .collect::<Vec<T>>()
        });
        rows.fold(T::ZERO, T::plus)
    }

    /// Sets each element of my block, between two synchronisations.
    #[track_caller]
    fn produce(&self, compute: impl FnMut(usize, &mut [T])) -> Result<()> {
        self.sync()?;
        // SAFETY: my block has that many elements, and each rank works on its own between the two
        // synchronisations.
        unsafe { kernels::produce(self.local_ptr(), self.local_len(), compute) };
        self.sync()
    }

    /// `other`, redistributed as this array is, unless it is already. Collective.
    #[track_caller]
    fn alike(&self, other: &Self) -> Result<Option<Self>> {
        if self.distribution() == other.distribution() {
            return Ok(None);
        }
        let copy = self.duplicate()?;
        copy.copy_from(other)?;
        Ok(Some(copy))
    }

    /// Number of elements that I have memory for.
    pub(crate) fn local_len(&self) -> usize {
        self.distribution().storage_len(self.team().rank())
    }

    /// Refuses another shape or another team.
    pub(crate) fn check_match(&self, op: &'static str, other: &Self) -> Result<()> {
        if self.shape() != other.shape() {
            let message = format!("shapes {:?} and {:?}", self.shape(), other.shape());
            return Err(Error::new(ErrorKind::Shape, op, message));
        }
        self.check_team(op, other)
    }

    /// Refuses another team.
    pub(crate) fn check_team(&self, op: &'static str, other: &Self) -> Result<()> {
        let (a, b) = (self.team(), other.team());
        if !a.is_same(b) {
            let message = format!(
                "arrays {self} and {other} of different teams of {} and {} ranks",
                a.size(),
                b.size()
            );
            return Err(Error::new(ErrorKind::Team, op, message));
        }
        Ok(())
    }
}
