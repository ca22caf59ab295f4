//! How new values are spread: on every rank if they are small, over all ranks, over a group, or as others are.

use super::Blocks;
use crate::lock;
use crate::session;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// How a value of this shape is spread that is computed from those: as the program spread one of them that has the shape,
/// else as usual.
pub(crate) fn blocks_like<'a>(
    shape: &[usize],
    mut others: impl Iterator<Item = (Blocks, &'a [usize])>,
) -> Blocks {
    let custom = others.find(|(blocks, other)| blocks.is_custom() && *other == shape);
    match custom {
        Some((blocks, _)) if !session::is_private() => blocks,
        _ => blocks_for(shape),
    }
}

/// How an array of this shape is spread: replicated up to the threshold.
pub(crate) fn blocks_for(shape: &[usize]) -> Blocks {
    let len: usize = shape.iter().product();
    if is_small(len) || session::is_private() {
        Blocks::replicated(len)
    } else if HAS_GROUP.load(Relaxed) {
        in_group(shape)
    } else {
        Blocks::distributed(shape, session::get().size)
    }
}

/// Ranks that new arrays are spread over, if not all.
static GROUP: Mutex<Vec<usize>> = Mutex::new(Vec::new());
static HAS_GROUP: AtomicBool = AtomicBool::new(false);

/// See [`crate::set_group`].
pub(crate) fn set_group(ranks: Option<&[usize]>) {
    *lock(&GROUP) = ranks.unwrap_or_default().to_vec();
    HAS_GROUP.store(ranks.is_some_and(|ranks| ranks.len() < session::get().size), Relaxed);
}

/// The runs of an array that the group's ranks have alone.
#[cold]
fn in_group(shape: &[usize]) -> Blocks {
    let group = lock(&GROUP);
    let even = Blocks::distributed(shape, group.len());
    let before = |rank: usize| group.iter().take_while(|&&member| member < rank).count();
    Blocks::beginning_at((0..session::get().size).map(|rank| even.start(before(rank))), even.len())
}

/// Whether so many elements are held, and computed, by every rank alike. One element always is.
pub(crate) fn is_small(len: usize) -> bool {
    len <= session::get().threshold.max(1)
}
