//! What the benchmarks of two ranks have in common: what the others do meanwhile, test data, columns.

use crate::bench::{Bench, Outcome};
use crate::settings::Target;
use crate::table::{Column, Role, Table, Unit, column};
use crate::timing::Samples;
use rma::Result;

/// Byte offset of the word by which rank 0 tells a computing target that it is done; it lies behind all data.
fn stop_word(bench: &Bench) -> usize {
    bench.segment.len_bytes(0) - 8
}

/// A row of `table` for each size, in multiples of `unit` bytes. Rank 0 makes it by `row`; meanwhile the others wait in a barrier, or compute
/// without calling the library. Collective.
pub(crate) fn over_sizes(
    bench: &Bench,
    unit: usize,
    mut table: Table,
    mut row: impl FnMut(usize) -> Outcome<Vec<f64>>,
) -> Outcome<Table> {
    let (world, segment) = (bench.world, &bench.segment);
    for (turn, size) in (1u64..).zip(bench.sizes(unit)) {
        world.barrier()?;
        let mut outcome = Ok(());
        if world.rank() == 0 {
            outcome = row(size).map(|numbers| table.row(&numbers));
            for rank in 1..world.size() {
                segment.put(rank, stop_word(bench), &[turn])?;
            }
            world.fence_all()?;
        } else if bench.settings.target == Target::Compute {
            compute_until(bench, turn);
        }
        world.barrier()?;
        outcome?;
    }
    Ok(table)
}

/// Computes until rank 0 is done with its turn of this number.
fn compute_until(bench: &Bench, turn: u64) {
    let base = bench.segment.mapped(bench.world.rank()).expect("a rank's own part is mapped");
    let word = base.as_ptr().wrapping_add(stop_word(bench)).cast::<u64>();
    let mut x = 1.0f64;
    // SAFETY: an aligned word of the own part, which rank 0 writes as a whole; read afresh each time.
    while unsafe { word.read_volatile() } != turn {
        for _ in 0..1000 {
            x = std::hint::black_box(x * 1.000_000_1);
        }
    }
}

/// Bytes that differ from size to size.
pub(crate) fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i * 7 + size) as u8).collect()
}

/// Under `--validation`: an error unless the first bytes of `rank` are `expected`.
pub(crate) fn check(bench: &Bench, rank: usize, expected: &[u8]) -> Outcome<()> {
    if !bench.settings.validate {
        return Ok(());
    }
    let mut found = vec![0u8; expected.len()];
    bench.segment.get(rank, 0, &mut found)?;
    match found.iter().zip(expected).position(|(a, b)| a != b) {
        None => Ok(()),
        Some(at) => {
            Err(format!("byte {at} of {} is {}, not {}", expected.len(), found[at], expected[at]).into())
        }
    }
}

/// One window of puts, complete at the target.
pub(crate) fn put_window(bench: &Bench, rank: usize, data: &[u8]) -> Result<()> {
    bench.world.scope(|scope| {
        (0..bench.settings.window)
            .try_for_each(|index| scope.put(&bench.segment, rank, bench.place(index, data.len()), data))
    })?;
    bench.world.fence(rank)
}

/// One window of gets; each has a buffer of its own.
pub(crate) fn get_window(bench: &Bench, rank: usize, buffers: &mut [Vec<u8>]) -> Result<()> {
    bench.world.scope(|scope| {
        buffers.iter_mut().enumerate().try_for_each(|(index, buffer)| {
            scope.get(&bench.segment, rank, bench.place(index, buffer.len()), buffer)
        })
    })
}

/// A buffer for each get of a window.
pub(crate) fn window_buffers(bench: &Bench, size: usize) -> Vec<Vec<u8>> {
    vec![vec![0u8; size]; bench.settings.window]
}

const LATENCY: Column = column("Latency (us)", Unit::Time);
const BANDWIDTH: Column = column("Bandwidth (MB/s)", Unit::Rate);

/// Latency over size.
pub(crate) fn latency_table() -> Table {
    let mut details = Samples::DETAILS;
    details[0].role = Role::Beside;
    let rate = Column { role: Role::Detail, ..BANDWIDTH };
    Table::new(&[&[column("Size", Unit::Size), LATENCY][..], &details, &[rate]].concat())
}

/// A row of [`latency_table`].
pub(crate) fn latency_row(size: usize, samples: &Samples) -> Vec<f64> {
    let rate = size as f64 / samples.median();
    [&[size as f64, samples.mean()][..], &samples.details(), &[rate]].concat()
}

/// Bandwidth over size.
pub(crate) fn bandwidth_table() -> Table {
    let columns = [column("Size", Unit::Size), BANDWIDTH, column("Messages/s", Unit::Operations)];
    Table::new(&[&columns[..], &Samples::DETAILS].concat())
}

/// A row of [`bandwidth_table`]: each sample moved `count` times `size` bytes. The rate is that of the median.
pub(crate) fn bandwidth_row(size: usize, count: usize, samples: &Samples) -> Vec<f64> {
    let rate = count as f64 / samples.median();
    [&[size as f64, rate * size as f64, rate * 1e6][..], &samples.details()].concat()
}
