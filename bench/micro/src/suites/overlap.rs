//! How much of a non-blocking transfer hides behind computation.
//!
//! Three times are measured: the transfer alone, a computation of about the same length alone, and both, the computation
//! between start and wait. If nothing hides, the third is the sum of the others; if all does, it is the longer one.

use super::pair::over_sizes;
use crate::bench::{Bench, Outcome};
use crate::table::{Table, Unit, column};
use crate::timing::measure;
use rma::Result;
use std::hint::black_box;

fn compute(steps: u64) {
    let mut x = 1.0f64;
    for _ in 0..steps {
        x = black_box(x * 1.000_000_1);
    }
}

pub(crate) fn run(bench: &Bench) -> Outcome<Table> {
    let table = Table::new(&[
        column("Size", Unit::Size),
        column("Put (us)", Unit::Time),
        column("Compute (us)", Unit::Time),
        column("Both (us)", Unit::Time),
        column("Put overlap %", Unit::Percent),
        column("Get overlap %", Unit::Percent),
    ]);
    let (peer, segment, world) = (bench.peer(), &bench.segment, bench.world);
    let options = bench.settings;
    let step = measure(options, || -> Result<()> {
        compute(1000);
        Ok(())
    })?
    .median()
        / 1000.0;
    over_sizes(bench, 1, table, |size| {
        let (data, mut back) = (vec![3u8; size], vec![0u8; size]);
        let put = |steps: u64| {
            measure(options, || -> Result<()> {
                world.scope(|scope| {
                    scope.put(segment, peer, 0, &data)?;
                    compute(steps);
                    Ok(())
                })?;
                world.fence(peer)
            })
        };
        let alone = put(0)?.median();
        let steps = (alone / step) as u64;
        let computing = measure(options, || -> Result<()> {
            compute(steps);
            Ok(())
        })?
        .median();
        let both = put(steps)?.median();
        let mut get = |steps: u64| {
            measure(options, || {
                world.scope(|scope| {
                    scope.get(segment, peer, 0, &mut back)?;
                    compute(steps);
                    Ok(())
                })
            })
        };
        let get_alone = get(0)?.median();
        let get_steps = (get_alone / step) as u64;
        let get_both = get(get_steps)?.median();
        let hidden = |transfer: f64, computing: f64, both: f64| {
            (100.0 * (1.0 - (both - computing) / transfer)).clamp(0.0, 100.0)
        };
        let get_hidden = hidden(get_alone, get_steps as f64 * step, get_both);
        Ok(vec![size as f64, alone, computing, both, hidden(alone, computing, both), get_hidden])
    })
}
