//! The threads of a rank. The calling thread does the first share itself; the others come from one `rayon` pool.

use rayon::ThreadPool;
use std::ops::Range;
use std::sync::OnceLock;

/// Workers beside the calling thread; `None` when there is one processor or threads can't be had.
fn pool() -> Option<&'static ThreadPool> {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    POOL.get_or_init(|| {
        let workers = std::thread::available_parallelism().map_or(1, usize::from).saturating_sub(1);
        let name = |k| format!("gain-{}", k + 1);
        (workers > 0)
            .then(|| rayon::ThreadPoolBuilder::new().num_threads(workers).thread_name(name).build().ok())
            .flatten()
    })
    .as_ref()
}

/// Deals `pieces` to `threads` in contiguous shares; each gets the matching part of `results` (or nothing, when
/// `results` is empty). Returns when all are done.
pub(crate) fn split<R: Send>(
    pieces: usize,
    threads: usize,
    results: &mut [R],
    work: &(impl Fn(Range<usize>, &mut [R]) + Sync),
) {
    let Some(pool) = pool() else { return work(0..pieces, results) };
    let bound = |t: usize| pieces * t / threads;
    let has_results = !results.is_empty();
    pool.in_place_scope(|scope| {
        let (own, mut rest) = results.split_at_mut(if has_results { bound(1) } else { 0 });
        for t in 1..threads {
            let (from, to) = (bound(t), bound(t + 1));
            let (share, later) = rest.split_at_mut(if has_results { to - from } else { 0 });
            rest = later;
            scope.spawn(move |_| work(from..to, share));
        }
        work(0..bound(1), own);
    });
}
