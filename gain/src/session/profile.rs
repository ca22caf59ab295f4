//! What took how long, by the line of the program that asked for it.
//!
//! Off it costs a look at a flag for each pass or algorithm. On, each of them is a span; spans of one line and kind are summed up, and the
//! first ones are kept for a picture of their order.

use super::state::get;
use crate::lock;
use crate::status::site::{self, Site};
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Spans that are kept one by one.
const KEPT: usize = 1 << 18;

static IS_ON: AtomicBool = AtomicBool::new(false);
static PROFILE: Mutex<Option<Profile>> = Mutex::new(None);

thread_local! {
    /// What spans within the one that is open took.
    static INNER: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// A pass or an algorithm.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Its kind: `pass`, `reduce`, `read`, or the algorithm's name.
    pub what: &'static str,
    /// The line that asked for it.
    pub site: Site,
    /// When it began, from the beginning of the profile.
    pub start: Duration,
    /// How long it took, waiting included.
    pub spent: Duration,
}

/// All spans of one line and kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    /// How many.
    pub calls: u64,
    /// What they took, without spans within.
    pub own: Duration,
    /// Elements of their results, over all ranks.
    pub elements: u64,
    /// Bytes read from the memory of other ranks.
    pub moved: u64,
    /// Bytes of buffers newly allocated, over all ranks.
    pub allocated: u64,
}

/// A profile.
#[derive(Debug)]
pub struct Profile {
    began: Instant,
    /// By line and kind.
    pub sums: HashMap<(Site, &'static str), Sum>,
    /// The first spans, in the order in which they ended.
    pub spans: Vec<Span>,
    /// How many more there were.
    pub left_out: u64,
}

/// Begins a profile of this rank; one that was begun before is thrown away. Not collective.
pub fn begin() {
    let began = Instant::now();
    *lock(&PROFILE) = Some(Profile { began, sums: HashMap::new(), spans: Vec::new(), left_out: 0 });
    IS_ON.store(true, Relaxed);
}

/// Ends the profile and hands it over, if there is one. Not collective.
pub fn end() -> Option<Profile> {
    IS_ON.store(false, Relaxed);
    lock(&PROFILE).take()
}

/// A span that ends when this is dropped.
pub(crate) struct Open {
    what: &'static str,
    site: Site,
    elements: usize,
    start: Instant,
    before: Duration,
    moved: u64,
    allocated: u64,
}

/// Begins a span, if there is a profile.
#[inline]
pub(crate) fn span(what: &'static str, place: impl FnOnce() -> (Site, usize)) -> Option<Open> {
    if IS_ON.load(Relaxed) { Some(open(what, place())) } else { None }
}

#[cold]
fn open(what: &'static str, (site, elements): (Site, usize)) -> Open {
    let site = if site == Site::UNKNOWN { site::current().site } else { site };
    let counters = &get().counters;
    let (moved, allocated) = (counters.bytes_moved.load(Relaxed), counters.bytes_allocated.load(Relaxed));
    Open {
        what,
        site,
        elements,
        start: Instant::now(),
        before: INNER.replace(Duration::ZERO),
        moved,
        allocated,
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let spent = self.start.elapsed();
        let own = spent.saturating_sub(INNER.replace(self.before + spent));
        let counters = &get().counters;
        let mut profile = lock(&PROFILE);
        let Some(profile) = profile.as_mut() else { return };
        let sum = profile.sums.entry((self.site, self.what)).or_default();
        sum.calls += 1;
        sum.own += own;
        sum.elements += self.elements as u64;
        sum.moved += counters.bytes_moved.load(Relaxed) - self.moved;
        sum.allocated += counters.bytes_allocated.load(Relaxed) - self.allocated;
        if profile.spans.len() == KEPT {
            profile.left_out += 1;
            return;
        }
        let start = self.start.saturating_duration_since(profile.began);
        profile.spans.push(Span { what: self.what, site: self.site, start, spent });
    }
}
