//! Counters of this process: how often, how many bytes, how long, by operation and path; and how much to whom.
//!
//! Invariant: a counter only grows. Readers see each by itself, not all at one moment.

use super::{Event, Kind, Observer, Path};
use crate::call::OpCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A row of the table: what, and which way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Row {
    pub(crate) op: OpCode,
    pub(crate) is_wait: bool,
    pub(crate) path: Path,
}

impl Row {
    /// All rows there can be, in the order of the table.
    pub(crate) fn all() -> Vec<Row> {
        let of = |is_wait| {
            let rows =
                OpCode::ALL.iter().flat_map(move |op| Path::ALL.map(|path| Row { op: *op, is_wait, path }));
            rows.filter(move |row| !is_wait || row.path == Path::None)
        };
        of(false).chain(of(true)).collect()
    }

    /// Its place among [`Row::all`].
    fn index(self) -> usize {
        match self.is_wait {
            false => self.op as usize * Path::ALL.len() + self.path as usize,
            true => OpCode::ALL.len() * Path::ALL.len() + self.op as usize,
        }
    }

    pub(crate) fn name(self) -> String {
        match (self.is_wait, self.op) {
            (false, op) => op.name().to_owned(),
            (true, OpCode::Wait) => "wait for a transfer".to_owned(),
            (true, op) => format!("wait in {}", op.name()),
        }
    }
}

/// What there is to say of a row.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Count {
    pub(crate) calls: u64,
    pub(crate) bytes: u64,
    pub(crate) nanoseconds: u64,
    pub(crate) longest: u64,
}

#[derive(Default)]
struct Cell {
    calls: AtomicU64,
    bytes: AtomicU64,
    nanoseconds: AtomicU64,
    longest: AtomicU64,
}

/// Everything counted here.
pub(crate) struct Stats {
    cells: Box<[Cell]>,
    /// Calls and bytes by world rank, if they are wanted.
    peers: Box<[[AtomicU64; 2]]>,
}

impl Stats {
    /// With counters for so many peers; none are kept if that is 0.
    pub(crate) fn new(peers: usize) -> Stats {
        Stats {
            cells: Row::all().iter().map(|_| Cell::default()).collect(),
            peers: (0..peers).map(|_| Default::default()).collect(),
        }
    }

    /// The counts, as [`Row::all`] has the rows.
    pub(crate) fn counts(&self) -> Vec<Count> {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let count = |cell: &Cell| Count {
            calls: read(&cell.calls),
            bytes: read(&cell.bytes),
            nanoseconds: read(&cell.nanoseconds),
            longest: read(&cell.longest),
        };
        self.cells.iter().map(count).collect()
    }

    /// Calls and bytes by world rank; empty if nobody wanted to know.
    pub(crate) fn peers(&self) -> Vec<[u64; 2]> {
        self.peers.iter().map(|peer| [0, 1].map(|i: usize| peer[i].load(Ordering::Relaxed))).collect()
    }
}

impl Observer for Stats {
    fn end(&self, event: &Event, _: Instant, spent: Duration) {
        let is_wait = event.kind == Kind::Wait;
        let path = if is_wait { Path::None } else { event.path };
        let cell = &self.cells[Row { op: event.op, is_wait, path }.index()];
        let nanoseconds = spent.as_nanos() as u64;
        cell.calls.fetch_add(1, Ordering::Relaxed);
        cell.bytes.fetch_add(event.bytes as u64, Ordering::Relaxed);
        cell.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        cell.longest.fetch_max(nanoseconds, Ordering::Relaxed);
        if let (Kind::Operation, Some(peer)) = (event.kind, event.peer.and_then(|rank| self.peers.get(rank)))
        {
            peer[0].fetch_add(1, Ordering::Relaxed);
            peer[1].fetch_add(event.bytes as u64, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_counter_of_its_own() {
        let rows = Row::all();
        assert!(rows.iter().enumerate().all(|(index, row)| row.index() == index));
        let stats = Stats::new(3);
        for (number, row) in rows.iter().enumerate() {
            let kind = if row.is_wait { Kind::Wait } else { Kind::Operation };
            let event = Event { path: row.path, bytes: number, peer: Some(2), ..Event::new(row.op, kind) };
            for spent in [5, 7] {
                stats.end(&event, Instant::now(), Duration::from_nanos(spent));
            }
        }
        for (number, count) in stats.counts().into_iter().enumerate() {
            let expected = Count { calls: 2, bytes: 2 * number as u64, nanoseconds: 12, longest: 7 };
            assert_eq!(count, expected, "{:?}", rows[number]);
        }
        let operations = rows.iter().filter(|row| !row.is_wait).count() as u64;
        assert_eq!(stats.peers()[2][0], 2 * operations);
        assert_eq!(stats.peers()[0], [0, 0]);
    }
}
