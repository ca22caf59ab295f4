//! Many small operations to many ranks, sent together.
//!
//! To ranks of this node operations are done at once: nothing is cheaper. For each rank of another node a [`Bundle`] is kept, which goes as one message when it is
//! full, and when the batch is flushed.

use crate::call::OpCode;
use crate::error::Result;
use crate::observe::{self, Event, Kind, Path};
use crate::plain::Plain;
use crate::segment::Segment;
use crate::shared::Shared;
use crate::spot::Spot;
use crate::transport::Token;
use crate::transport::bundle::{Bundle, Entry, entry_len};
use crate::world::World;
use shm::{DType, Element};
use std::collections::HashMap;
use std::sync::Arc;

/// Puts and accumulates that are collected and sent together.
///
/// Operations of one batch to one rank take effect in the order in which they were added. Until [`Batch::flush`] nobody else may rely on any of them, and
/// nothing is said of their order with operations that don't go through the batch; after it they are as operations that have returned: a fence completes them. A batch that is
/// dropped is flushed, but an error is not told then. It keeps the segments it was used with until it is flushed.
///
/// ```
/// # use rma::{Batch, Segment, World};
/// # let world = World::init()?;
/// # let segment = Segment::allocate_zeroed(&world.team(), 8 * 100)?;
/// let mut batch = Batch::new(&world);
/// for number in 0..100 {
///     batch.accumulate(&segment, number % world.size(), 8 * number, &[1.0], 0.5)?;
/// }
/// batch.flush()?;
/// world.sync()?;
/// # segment.free()?;
/// # Ok::<(), rma::Error>(())
/// ```
#[derive(Debug)]
pub struct Batch {
    shared: Arc<Shared>,
    longest: usize,
    bundles: HashMap<usize, Bundle>,
    segments: Vec<Segment>,
    /// Messages under way, whose number is bounded by the windows of their targets.
    started: Vec<Token>,
}

impl Batch {
    /// An empty one. Not collective.
    pub fn new(world: &World) -> Batch {
        let shared = world.shared.clone();
        let longest = shared.transport.bundle_len();
        Batch { shared, longest, bundles: HashMap::new(), segments: Vec::new(), started: Vec::new() }
    }

    /// [`Segment::put`], some time until [`Batch::flush`]. `src` may be reused on return. Errors as there, of those added before as well.
    #[inline]
    pub fn put<T: Plain>(&mut self, segment: &Segment, rank: usize, offset: usize, src: &[T]) -> Result<()> {
        let spot = segment.spot("put", rank, offset, size_of_val(src))?;
        if !spot.mapped.is_null() {
            return segment.put(rank, offset, src);
        }
        if entry_len(size_of_val(src), false) > self.longest {
            self.send(spot.place.rank)?;
            return segment.put(rank, offset, src);
        }
        self.add(segment, spot, None, bytemuck::cast_slice(src))
    }

    /// [`Segment::accumulate`], some time until [`Batch::flush`]; else as [`Batch::put`].
    #[inline]
    #[track_caller]
    pub fn accumulate<T: Element>(
        &mut self,
        segment: &Segment,
        rank: usize,
        offset: usize,
        src: &[T],
        alpha: T,
    ) -> Result<()> {
        let spot = segment.spot("accumulate", rank, offset, size_of_val(src))?;
        if !spot.mapped.is_null() {
            return segment.accumulate(rank, offset, src, alpha);
        }
        // What else is to be said about the place the operation itself says.
        if !offset.is_multiple_of(size_of::<T>()) || entry_len(size_of_val(src), true) > self.longest {
            self.send(spot.place.rank)?;
            return segment.accumulate(rank, offset, src, alpha);
        }
        let mut bytes = [0; 16];
        bytes[..size_of::<T>()].copy_from_slice(bytemuck::bytes_of(&alpha));
        self.add(segment, spot, Some((T::DTYPE, bytes)), bytemuck::cast_slice(src))
    }

    /// Sends everything; returns when it has gone. Visible at the targets after a [fence](World::fence).
    ///
    /// Not collective. Errors: `Died`; what was meant for the other ranks has gone.
    pub fn flush(&mut self) -> Result<()> {
        let shared = self.shared.clone();
        let _span = observe::span(|| {
            let bytes = self.bundles.values().map(|bundle| bundle.bytes().len()).sum();
            Event { path: Path::Messages, bytes, ..Event::new(OpCode::Flush, Kind::Operation) }
        });
        // All of them, whatever becomes of one.
        let mut outcome = Ok(());
        let ranks: Vec<usize> = self.bundles.keys().copied().collect();
        for rank in ranks {
            outcome = outcome.and(self.send(rank));
        }
        for token in std::mem::take(&mut self.started) {
            outcome = outcome.and(shared.transport.wait(token));
        }
        self.segments.clear();
        outcome
    }

    fn add(
        &mut self,
        segment: &Segment,
        spot: Spot,
        scale: Option<(DType, [u8; 16])>,
        data: &[u8],
    ) -> Result<()> {
        let rank = spot.place.rank;
        let len = entry_len(data.len(), scale.is_some());
        if self.bundles.get(&rank).is_some_and(|bundle| bundle.bytes().len() + len > self.longest) {
            self.send(rank)?;
        }
        if !self.segments.iter().any(|known| known.is_same(segment)) {
            self.segments.push(segment.clone());
        }
        let entry = Entry { offset: spot.place.offset as u64, scale, data };
        self.bundles.entry(rank).or_default().push(&entry);
        Ok(())
    }

    /// Sends what is collected for a rank.
    fn send(&mut self, rank: usize) -> Result<()> {
        let Some(bundle) = self.bundles.get_mut(&rank).filter(|bundle| !bundle.bytes().is_empty()) else {
            return Ok(());
        };
        self.shared.alive(OpCode::Flush.name())?;
        // SAFETY: every entry was checked to lie in a segment, which is kept until it has gone.
        let token = unsafe { self.shared.transport.send_bundle(rank, bundle) };
        bundle.clear();
        match token? {
            Token::DONE => Ok(()),
            // What has to wait is one message to each rank at most.
            token if self.started.len() < self.bundles.len() => {
                self.started.push(token);
                Ok(())
            }
            token => self.shared.transport.wait(token),
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // Whoever wants to know flushes.
        let _ = self.flush();
    }
}
