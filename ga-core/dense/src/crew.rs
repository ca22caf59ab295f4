//! Threads that share the pieces of a product, and where they write.

/// Work in numbered pieces.
type Work<'a> = &'a (dyn Fn(usize) + Sync);

/// Threads that share work.
#[derive(Clone, Copy)]
pub struct Crew<'a> {
    threads: usize,
    run: &'a (dyn Fn(usize, Work<'_>) + Sync),
}

impl<'a> Crew<'a> {
    /// `run(pieces, work)` calls `work` once with each number below `pieces`, on up to `threads` threads, and returns
    /// when all calls have.
    pub fn new(threads: usize, run: &'a (dyn Fn(usize, Work<'_>) + Sync)) -> Self {
        Crew { threads, run }
    }

    /// The calling thread alone.
    pub fn alone() -> Crew<'static> {
        Crew { threads: 1, run: &|pieces, work| (0..pieces).for_each(work) }
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Calls `work` with each number below `pieces`.
    pub fn share(&self, pieces: usize, work: Work<'_>) {
        if pieces == 1 { work(0) } else { (self.run)(pieces, work) }
    }
}

impl std::fmt::Debug for Crew<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} threads", self.threads)
    }
}

/// Where threads write their pieces, which are disjoint.
#[derive(Clone, Copy)]
pub(crate) struct Place<T>(pub(crate) *mut T);

// SAFETY: an address; who writes through it says why that is allowed.
unsafe impl<T> Sync for Place<T> {}

impl<T> Place<T> {
    /// The address so many elements further on.
    pub(crate) fn at(&self, offset: isize) -> *mut T {
        self.0.wrapping_offset(offset)
    }
}
