//! Data that isn't contiguous: rows at a stride, and scattered runs.

use crate::pair::against_target;
use crate::table::Table;
use crate::timing::measure;
use crate::{Bench, Outcome};
use rma::{Result, Strided, Vector};

/// Rows or runs of one transfer.
const ROWS: usize = 512;

fn row_sizes(bench: &Bench) -> Vec<usize> {
    let most = bench.options.memory_bytes / (2 * ROWS);
    bench.sizes((8, 8 << 10)).into_iter().filter(|size| *size <= most).collect()
}

pub(crate) fn strided(bench: &Bench) -> Outcome<Table> {
    let columns =
        ["Row", "Strided put (us)", "Strided get (us)", "Puts by row (us)", "One put (us)", "By row/strided"];
    let mut table = Table::new(
        "512 rows, each at twice its length, with fence; beside them the same bytes in one put",
        &columns,
    );
    against_target(bench, || {
        let (peer, segment, world) = (bench.peer(), &bench.segment, &bench.world);
        for row in row_sizes(bench) {
            let data: Vec<u8> = (0..ROWS * row).map(|i| (i * 13 + row) as u8).collect();
            let shape = Strided {
                counts: &[row, ROWS],
                remote_strides: &[2 * row as isize],
                local_strides: &[row as isize],
                local_offset: 0,
            };
            let put = measure(bench.options.iterations, || -> Result<()> {
                segment.put_strided(peer, 0, shape, &data)?;
                world.fence(peer)
            })?;
            let mut back = vec![0u8; ROWS * row];
            let get = measure(bench.options.iterations, || segment.get_strided(peer, 0, shape, &mut back))?;
            if bench.options.validate && back != data {
                return Err(format!("rows of {row} bytes came back as others").into());
            }
            let by_row = measure(bench.options.iterations, || -> Result<()> {
                for (index, bytes) in data.chunks(row).enumerate() {
                    segment.put(peer, 2 * index * row, bytes)?;
                }
                world.fence(peer)
            })?;
            let whole = measure(bench.options.iterations, || -> Result<()> {
                segment.put(peer, 0, &data)?;
                world.fence(peer)
            })?;
            let [put, get, by_row, whole] = [put, get, by_row, whole].map(|samples| samples.median());
            table.row(&[row as f64, put, get, by_row, whole, by_row / put]);
        }
        Ok(table)
    })
}

pub(crate) fn vector(bench: &Bench) -> Outcome<Table> {
    let columns = ["Run", "Vector put (us)", "Vector get (us)", "MB/s"];
    let mut table = Table::new("512 scattered runs, with fence", &columns);
    against_target(bench, || {
        let (peer, segment) = (bench.peer(), &bench.segment);
        for run in row_sizes(bench) {
            // A permutation of the runs' places: 5 and 512 have no common divisor.
            let remote: Vec<usize> = (0..ROWS).map(|index| 2 * run * (index * 5 % ROWS)).collect();
            let local: Vec<usize> = (0..ROWS).map(|index| run * index).collect();
            let runs = Vector { remote: &remote, local: &local, len_bytes: run };
            let data: Vec<u8> = (0..ROWS * run).map(|i| (i * 11 + run) as u8).collect();
            let put = measure(bench.options.iterations, || -> Result<()> {
                segment.put_vector(peer, runs, &data)?;
                bench.world.fence(peer)
            })?;
            let mut back = vec![0u8; ROWS * run];
            let get = measure(bench.options.iterations, || segment.get_vector(peer, runs, &mut back))?;
            if bench.options.validate && back != data {
                return Err(format!("runs of {run} bytes came back as others").into());
            }
            table.row(&[run as f64, put.median(), get.median(), (ROWS * run) as f64 / put.median()]);
        }
        Ok(table)
    })
}
