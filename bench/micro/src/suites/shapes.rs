//! Data that isn't contiguous: rows at a stride, and scattered runs.

use super::pair::over_sizes;
use crate::bench::{Bench, Outcome};
use crate::table::{Table, Unit, column};
use crate::timing::measure;
use rma::{Result, Strided, Vector};

/// Rows or runs of one transfer.
pub(crate) const ROWS: usize = 512;

/// Each row at twice its length, with fence; beside it the same bytes in one put.
pub(crate) fn strided(bench: &Bench) -> Outcome<Table> {
    let table = Table::new(&[
        column("Row", Unit::Size),
        column("Strided put (us)", Unit::Time),
        column("Strided get (us)", Unit::Time),
        column("Puts by row (us)", Unit::Time),
        column("One put (us)", Unit::Time),
        column("By row/strided", Unit::Number),
    ]);
    let (peer, segment, world) = (bench.peer(), &bench.segment, bench.world);
    over_sizes(bench, 1, table, |row| {
        let data: Vec<u8> = (0..ROWS * row).map(|i| (i * 13 + row) as u8).collect();
        let shape = Strided {
            counts: &[row, ROWS],
            remote_strides: &[2 * row as isize],
            local_strides: &[row as isize],
            local_offset: 0,
        };
        let put = measure(bench.settings, || -> Result<()> {
            segment.put_strided(peer, 0, shape, &data)?;
            world.fence(peer)
        })?;
        let mut back = vec![0u8; ROWS * row];
        let get = measure(bench.settings, || segment.get_strided(peer, 0, shape, &mut back))?;
        if bench.settings.validate && back != data {
            return Err(format!("rows of {row} bytes came back as others").into());
        }
        let by_row = measure(bench.settings, || -> Result<()> {
            for (index, bytes) in data.chunks(row).enumerate() {
                segment.put(peer, 2 * index * row, bytes)?;
            }
            world.fence(peer)
        })?;
        let whole = measure(bench.settings, || -> Result<()> {
            segment.put(peer, 0, &data)?;
            world.fence(peer)
        })?;
        let [put, get, by_row, whole] = [put, get, by_row, whole].map(|samples| samples.median());
        Ok(vec![row as f64, put, get, by_row, whole, by_row / put])
    })
}

/// With fence.
pub(crate) fn vector(bench: &Bench) -> Outcome<Table> {
    let table = Table::new(&[
        column("Run", Unit::Size),
        column("Vector put (us)", Unit::Time),
        column("Vector get (us)", Unit::Time),
        column("Bandwidth (MB/s)", Unit::Rate),
    ]);
    let (peer, segment) = (bench.peer(), &bench.segment);
    over_sizes(bench, 1, table, |run| {
        // A permutation of the runs' places: 5 and 512 have no common divisor.
        let remote: Vec<usize> = (0..ROWS).map(|index| 2 * run * (index * 5 % ROWS)).collect();
        let local: Vec<usize> = (0..ROWS).map(|index| run * index).collect();
        let runs = Vector { remote: &remote, local: &local, len_bytes: run };
        let data: Vec<u8> = (0..ROWS * run).map(|i| (i * 11 + run) as u8).collect();
        let put = measure(bench.settings, || -> Result<()> {
            segment.put_vector(peer, runs, &data)?;
            bench.world.fence(peer)
        })?;
        let mut back = vec![0u8; ROWS * run];
        let get = measure(bench.settings, || segment.get_vector(peer, runs, &mut back))?;
        if bench.settings.validate && back != data {
            return Err(format!("runs of {run} bytes came back as others").into());
        }
        Ok(vec![run as f64, put.median(), get.median(), (ROWS * run) as f64 / put.median()])
    })
}
