//! The threads of a rank. The calling thread does the first share itself; the others come from one `rayon` pool.
//!
//! Shares are contiguous. Who has finished takes pieces from the far end of another's share, so that a thread that
//! was not scheduled, or got the slower memory, delays nobody; what is computed doesn't depend on who does it.
//! A forked child has none of its parent's threads, and makes a pool of its own when it needs one.

use bytemuck::Pod;
use rayon::ThreadPool;
use rma::fork::PerProcess;
use smallvec::SmallVec;
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

static POOL: PerProcess<Option<ThreadPool>> = PerProcess::new();

/// Workers beside the calling thread; `None` when there is one processor or threads can't be had.
fn pool() -> Option<&'static ThreadPool> {
    POOL.get_or_init(|| {
        let workers = std::thread::available_parallelism().map_or(1, usize::from).saturating_sub(1);
        let name = |k| format!("gain-{}", k + 1);
        (workers > 0)
            .then(|| rayon::ThreadPoolBuilder::new().num_threads(workers).thread_name(name).build().ok())
            .flatten()
    })
    .as_ref()
}

/// Pieces `[from, to)` not yet taken: `from` in the low half, `to` in the high half. Relaxed throughout: a piece is
/// claimed by the exchange itself, and results reach the caller through the end of the scope.
struct Share(AtomicU64);

impl Share {
    fn new(from: usize, to: usize) -> Share {
        Share(AtomicU64::new(from as u64 | (to as u64) << 32))
    }

    /// Claims the first piece left, or the last.
    fn take(&self, first: bool) -> Option<usize> {
        let split = |both: u64| (both & 0xffff_ffff, both >> 32);
        let claimed = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |both| {
            let (from, to) = split(both);
            (from < to).then(|| if first { both + 1 } else { both - (1 << 32) })
        });
        let (from, to) = split(claimed.ok()?);
        Some(if first { from as usize } else { to as usize - 1 })
    }
}

/// Calls `work` once for each of `pieces`, on `threads` threads. Returns when all are done.
pub(crate) fn split(pieces: usize, threads: usize, work: &(impl Fn(usize) + Sync)) {
    let Some(pool) = pool().filter(|_| threads > 1) else { return (0..pieces).for_each(work) };
    assert!(u32::try_from(pieces).is_ok(), "{pieces} pieces");
    let bound = |t: usize| pieces * t / threads;
    let shares: SmallVec<[Share; 8]> = (0..threads).map(|t| Share::new(bound(t), bound(t + 1))).collect();
    let run = |t: usize| {
        while let Some(piece) = shares[t].take(true) {
            work(piece);
        }
        for other in (1..threads).map(|k| &shares[(t + k) % threads]) {
            while let Some(piece) = other.take(false) {
                work(piece);
            }
        }
    };
    pool.in_place_scope(|scope| {
        let run = &run;
        for t in 1..threads {
            scope.spawn(move |_| run(t));
        }
        run(0);
    });
}

/// Calls `work` with room for so many elements, with anything in them, which the thread keeps for the next time.
pub(crate) fn with_room<T: Pod, R>(len: usize, work: impl FnOnce(&mut [T]) -> R) -> R {
    /// Bytes of it that are kept.
    const KEPT: usize = 4 << 20;
    thread_local! {
        static ROOM: RefCell<Vec<u128>> = const { RefCell::new(Vec::new()) };
    }
    if len == 0 {
        return work(&mut []);
    }
    let mut room = ROOM.take();
    let needed = (len * size_of::<T>()).div_ceil(16).next_multiple_of(2);
    if room.len() < needed {
        room = vec![0; needed];
    }
    let done = work(&mut bytemuck::cast_slice_mut(&mut room[..needed])[..len]);
    if room.len() * 16 <= KEPT {
        ROOM.set(room);
    }
    done
}
