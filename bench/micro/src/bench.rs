//! What a benchmark is, and what it finds when it runs.

use crate::settings::Settings;
use crate::table::Table;
use rma::{Segment, World};

/// One benchmark.
#[derive(Debug)]
pub struct Benchmark {
    /// What it is called.
    pub name: &'static str,
    /// What others call it.
    pub(crate) also: &'static [&'static str],
    pub(crate) family: Family,
    /// What it measures, in a line.
    pub line: &'static str,
    /// Fewest ranks it makes sense for.
    pub least_ranks: usize,
    /// Sizes from and to, in bytes, where the user doesn't say.
    pub(crate) sizes: (usize, usize),
    /// Memory at the target for each byte of the size.
    pub(crate) bytes_per_size: usize,
    /// Has something to do in a process before that joins the job.
    pub(crate) works_before_start: bool,
    pub(crate) run: fn(&Bench) -> Outcome<Table>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    Pair,
    Several,
    Collective,
    Process,
}

/// As `bytes_per_size`: the size isn't the user's choice.
pub(crate) const WORD: usize = 0;

/// What can go wrong: the message says it.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What every benchmark has: the ranks, memory at each, and what the user asked for.
pub(crate) struct Bench<'a> {
    pub(crate) world: &'a World,
    pub(crate) segment: Segment,
    pub(crate) settings: &'a Settings,
    /// Whether it is the first, and the last, of those that are run, and how many there are.
    pub(crate) place: Place,
    pub(crate) benchmark: &'static Benchmark,
    /// Seconds that joining the job took.
    pub(crate) start_seconds: f64,
    /// Median time of a fixed piece of work before there was a world, where the benchmark asks for it.
    pub(crate) alone_us: f64,
}

impl Bench<'_> {
    /// The rank that rank 0 talks to.
    pub(crate) fn peer(&self) -> usize {
        self.settings.peer.unwrap_or(self.world.size() - 1)
    }

    /// Sizes from the options or the catalogue, doubling, in multiples of `unit` bytes.
    pub(crate) fn sizes(&self, unit: usize) -> Vec<usize> {
        let (least, most) = self.benchmark.sizes(self.settings);
        let most =
            most.min((self.segment.len_bytes(self.world.rank()) - 8) / self.benchmark.bytes_per_size());
        std::iter::successors(Some(least.max(1).next_multiple_of(unit)), |size| size.checked_mul(2))
            .take_while(|size| *size <= most)
            .collect()
    }

    /// Where number `index` of a window of transfers of `size` bytes goes: all to the same place, or each to its own.
    pub(crate) fn place(&self, index: usize, size: usize) -> usize {
        let room = self.segment.len_bytes(self.peer()) - 8;
        if self.settings.has_many_buffers() { index * size % (room / size * size) } else { 0 }
    }
}

/// Where a benchmark stands among those that are run.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) index: usize,
    pub(crate) count: usize,
}

impl Benchmark {
    /// Bounds of its sizes under `settings`.
    pub(crate) fn sizes(&self, settings: &Settings) -> (usize, usize) {
        if self.bytes_per_size == WORD {
            return self.sizes;
        }
        let (least, most) = settings.sizes.unwrap_or_default();
        (least.unwrap_or(self.sizes.0.min(most.unwrap_or(usize::MAX))), most.unwrap_or(self.sizes.1))
    }

    pub(crate) fn bytes_per_size(&self) -> usize {
        self.bytes_per_size.max(1)
    }

    /// Memory of each rank.
    pub(crate) fn memory(&self, settings: &Settings) -> usize {
        let each = self.sizes(settings).1.saturating_mul(self.bytes_per_size());
        let wanted = if settings.has_many_buffers() { each.saturating_mul(settings.window) } else { each };
        wanted.saturating_add(8).clamp(1 << 20, settings.memory_bytes.max(1 << 20)).next_multiple_of(8)
    }
}
