//! Non-blocking operations that borrow their buffer, inside a scope that completes them all.
//!
//! Invariant: the scope's function returns only when every transfer started in it is locally complete, whether its closure
//! returned or panicked; so a buffer borrowed for `'env` outlives the transfer, and nothing rests on a drop.

use super::Strided;
use crate::error::Result;
use crate::plain::Plain;
use crate::segment::Segment;
use crate::transport::Token;
use crate::world::World;
use bytemuck::AnyBitPattern;
use shm::Element;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Where non-blocking operations on borrowed buffers are started.
pub struct Scope<'scope, 'env: 'scope> {
    started: RefCell<Vec<(Segment, Token)>>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl std::fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scope with {} transfers", self.started.borrow().len())
    }
}

impl World {
    /// Runs `work`, which may start non-blocking operations on buffers of the surroundings; returns when all of them are
    /// locally complete.
    ///
    /// Not collective. Stands for `ARMCI_WaitAll`, `MPI_Waitall`. The first error of `work` or of a transfer is returned.
    ///
    /// ```
    /// # use rma::{Segment, World};
    /// # let world = World::init()?;
    /// # let segment = Segment::allocate_zeroed(&world.team(), 64)?;
    /// let (mut halo, edge) = ([0.0; 4], [1.0; 4]);
    /// world.scope(|s| {
    ///     s.get(&segment, world.rank(), 0, &mut halo)?;
    ///     s.put(&segment, world.rank(), 32, &edge)
    /// })?;
    /// assert_eq!(halo, [0.0; 4]);
    /// # Ok::<(), rma::Error>(())
    /// ```
    ///
    /// A buffer stays borrowed until the scope ends, so what could still change is not read:
    ///
    /// ```compile_fail,E0502
    /// # use rma::{Segment, World};
    /// # let world = World::init()?;
    /// # let segment = Segment::allocate_zeroed(&world.team(), 64)?;
    /// let mut halo = [0.0; 4];
    /// world.scope(|s| {
    ///     s.get(&segment, world.rank(), 0, &mut halo)?;
    ///     assert_eq!(halo[0], 0.0);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), rma::Error>(())
    /// ```
    ///
    /// nor does a buffer that lives shorter than the scope go in:
    ///
    /// ```compile_fail,E0597
    /// # use rma::{Segment, World};
    /// # let world = World::init()?;
    /// # let segment = Segment::allocate_zeroed(&world.team(), 64)?;
    /// world.scope(|s| {
    ///     let edge = [1.0; 4];
    ///     s.put(&segment, world.rank(), 0, &edge)
    /// })?;
    /// # Ok::<(), rma::Error>(())
    /// ```
    pub fn scope<'env, R>(
        &self,
        work: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> Result<R>,
    ) -> Result<R> {
        let scope = Scope { started: RefCell::default(), scope: PhantomData, env: PhantomData };
        let result = catch_unwind(AssertUnwindSafe(|| work(&scope)));
        let completed = scope.complete();
        match result {
            Ok(result) => completed.and(result),
            Err(panic) => resume_unwind(panic),
        }
    }
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// Starts [`Segment::put`].
    pub fn put<T: Plain>(
        &'scope self,
        segment: &Segment,
        rank: usize,
        offset: usize,
        src: &'env [T],
    ) -> Result<()> {
        // SAFETY: the scope waits for the transfer before 'env ends.
        let token = unsafe { segment.start_put(rank, offset, src.as_ptr().cast(), size_of_val(src)) }?;
        self.add(segment, token);
        Ok(())
    }

    /// Starts [`Segment::get`], for types any bytes are a value of (so not `bool`, whose bytes could not be checked on arrival).
    pub fn get<T: Plain + AnyBitPattern>(
        &'scope self,
        segment: &Segment,
        rank: usize,
        offset: usize,
        dst: &'env mut [T],
    ) -> Result<()> {
        // SAFETY: the scope waits for the transfer before 'env ends; the borrow keeps everybody else away until then.
        let token = unsafe { segment.start_get(rank, offset, dst.as_mut_ptr().cast(), size_of_val(dst)) }?;
        self.add(segment, token);
        Ok(())
    }

    /// Starts [`Segment::put_strided`].
    pub fn put_strided<T: Plain>(
        &'scope self,
        segment: &Segment,
        rank: usize,
        offset: usize,
        shape: Strided<'_>,
        src: &'env [T],
    ) -> Result<()> {
        shape.check::<T>("put_strided", rank, src.len())?;
        let start = src.as_ptr().cast::<u8>().wrapping_add(shape.local_offset);
        // SAFETY: local rows were checked; else as put.
        let token = unsafe { segment.start_put_strided(rank, offset, shape.rows(), start) }?;
        self.add(segment, token);
        Ok(())
    }

    /// Starts [`Segment::get_strided`], for types any bytes are a value of.
    pub fn get_strided<T: Plain + AnyBitPattern>(
        &'scope self,
        segment: &Segment,
        rank: usize,
        offset: usize,
        shape: Strided<'_>,
        dst: &'env mut [T],
    ) -> Result<()> {
        shape.check::<T>("get_strided", rank, dst.len())?;
        let start = dst.as_mut_ptr().cast::<u8>().wrapping_add(shape.local_offset);
        // SAFETY: local rows were checked; else as get.
        let token = unsafe { segment.start_get_strided(rank, offset, shape.rows(), start) }?;
        self.add(segment, token);
        Ok(())
    }

    /// Starts [`Segment::accumulate`].
    #[track_caller]
    pub fn accumulate<T: Element>(
        &'scope self,
        segment: &Segment,
        rank: usize,
        offset: usize,
        src: &'env [T],
        alpha: T,
    ) -> Result<()> {
        segment.accumulate(rank, offset, src, alpha)
    }

    /// Waits for everything started so far.
    pub fn wait_all(&'scope self) -> Result<()> {
        self.complete()
    }

    fn add(&self, segment: &Segment, token: Token) {
        if token != Token::DONE {
            self.started.borrow_mut().push((segment.clone(), token));
        }
    }

    /// Waits for all, the failed ones included; the first error.
    fn complete(&self) -> Result<()> {
        let waits = self.started.take().into_iter().map(|(segment, token)| segment.wait(token));
        waits.fold(Ok(()), Result::and)
    }
}
