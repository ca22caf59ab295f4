//! Several ranks at once: pairs of them, all with one, one with all.

use super::pair::{
    bandwidth_row, bandwidth_table, check, get_window, latency_table, pattern, put_window, window_buffers,
};
use crate::bench::{Bench, Outcome};
use crate::table::{Table, Unit, column};
use crate::timing::{Samples, measure_together, rounds};
use rma::{Op, Result};

/// Number of pairs: rank i of the first so many, and rank i plus so many.
fn pairs(bench: &Bench) -> usize {
    bench.settings.pairs.unwrap_or(bench.world.size() / 2)
}

/// The partner of this rank, if it is one that acts, and the one that acts upon it, if any.
fn partners(bench: &Bench) -> (Option<usize>, Option<usize>) {
    let (me, pairs) = (bench.world.rank(), pairs(bench));
    match me {
        _ if me < pairs => (Some(me + pairs), None),
        _ if me < 2 * pairs => (None, Some(me - pairs)),
        _ => (None, None),
    }
}

/// Puts of all pairs; the mean of what each acting rank saw.
pub(crate) fn latency(bench: &Bench) -> Outcome<Table> {
    let (world, mut table) = (bench.world, latency_table());
    let (partner, actor) = partners(bench);
    for size in bench.sizes(1) {
        let data = pattern(size);
        let mine = measure_together(bench.settings, world, false, || match partner {
            Some(rank) => {
                bench.segment.put(rank, 0, &data)?;
                world.fence(rank)
            }
            None => Ok(()),
        })?;
        if actor.is_some() {
            check(bench, world.rank(), &data)?;
        }
        let (mean, [median, min, p99, max, count]) = (mine.mean(), mine.details());
        let share = f64::from(u8::from(partner.is_some()));
        let mut sums = [mean * share, median * share, p99 * share];
        world.team().allreduce(&mut sums, Op::Sum)?;
        let mut least = [if partner.is_some() { min } else { f64::INFINITY }];
        world.team().allreduce(&mut least, Op::Min)?;
        let mut most = [max * share];
        world.team().allreduce(&mut most, Op::Max)?;
        let [mean, median, p99] = sums.map(|sum| sum / pairs(bench) as f64);
        let rate = size as f64 / median;
        table.row(&[size as f64, mean, median, least[0], p99, most[0], count, rate]);
    }
    Ok(table)
}

/// Measures windows of all acting ranks, from a barrier to a barrier.
fn rate(
    bench: &Bench,
    per_round: usize,
    mut prepare: impl FnMut(usize) -> Result<()>,
    mut act: impl FnMut() -> Result<()>,
    mut verify: impl FnMut(usize) -> Outcome<()>,
) -> Outcome<Table> {
    let mut table = bandwidth_table();
    for size in bench.sizes(1) {
        prepare(size)?;
        let samples = measure_together(bench.settings, bench.world, true, &mut act)?;
        verify(size)?;
        table.row(&bandwidth_row(size, per_round, &samples));
    }
    Ok(table)
}

pub(crate) fn put_rate(bench: &Bench) -> Outcome<Table> {
    let (partner, actor) = partners(bench);
    let data = std::cell::RefCell::new(Vec::new());
    rate(
        bench,
        pairs(bench) * bench.settings.window,
        |size| {
            data.replace(pattern(size));
            Ok(())
        },
        || partner.map_or(Ok(()), |rank| put_window(bench, rank, &data.borrow())),
        |size| actor.map_or(Ok(()), |_| check(bench, bench.world.rank(), &pattern(size))),
    )
}

pub(crate) fn get_rate(bench: &Bench) -> Outcome<Table> {
    let (partner, _) = partners(bench);
    let buffers = std::cell::RefCell::new(Vec::new());
    rate(
        bench,
        pairs(bench) * bench.settings.window,
        |size| {
            buffers.replace(window_buffers(bench, size));
            put_window(bench, bench.world.rank(), &pattern(size))
        },
        || partner.map_or(Ok(()), |rank| get_window(bench, rank, &mut buffers.borrow_mut())),
        |size| match partner.is_some() && bench.settings.validate {
            true if buffers.borrow().iter().any(|buffer| *buffer != pattern(size)) => {
                Err(format!("a get of {size} bytes brought other bytes").into())
            }
            _ => Ok(()),
        },
    )
}

/// All ranks but 0 put to rank 0, each to its own place if there is room.
pub(crate) fn fan_in(bench: &Bench) -> Outcome<Table> {
    let (me, others) = (bench.world.rank(), bench.world.size() - 1);
    let data = std::cell::RefCell::new(Vec::new());
    rate(
        bench,
        others * bench.settings.window,
        |size| {
            data.replace(pattern(size));
            Ok(())
        },
        || if me == 0 { Ok(()) } else { put_window(bench, 0, &data.borrow()) },
        |size| if me == 0 { check(bench, 0, &pattern(size)) } else { Ok(()) },
    )
}

/// Rank 0 puts a window to each of the others, and waits for all.
pub(crate) fn fan_out(bench: &Bench) -> Outcome<Table> {
    let (me, size) = (bench.world.rank(), bench.world.size());
    let data = std::cell::RefCell::new(Vec::new());
    rate(
        bench,
        (size - 1) * bench.settings.window,
        |size| {
            data.replace(pattern(size));
            Ok(())
        },
        || {
            if me != 0 {
                return Ok(());
            }
            let data = data.borrow();
            bench.world.scope(|scope| {
                (0..bench.settings.window).try_for_each(|index| {
                    let place = bench.place(index, data.len());
                    (1..size).try_for_each(|rank| scope.put(&bench.segment, rank, place, &data))
                })
            })?;
            bench.world.fence_all()
        },
        |size| if me == 0 { Ok(()) } else { check(bench, me, &pattern(size)) },
    )
}

/// Numbers that all ranks draw from one counter, as programs share out their tasks.
pub(crate) fn counter(bench: &Bench) -> Outcome<Table> {
    let (world, segment) = (bench.world, &bench.segment);
    let columns = [
        column("Ranks", Unit::Number),
        column("Latency (us)", Unit::Time),
        column("Draws/s", Unit::Operations),
    ];
    let mut table = Table::new(&[&columns[..], &Samples::DETAILS].concat());
    let draws = bench.settings.window;
    if world.rank() == 0 {
        segment.put(0, 0, &[0i64])?;
    }
    let mut last = -1;
    let samples = measure_together(bench.settings, world, true, || {
        for _ in 0..draws {
            let drawn = segment.fetch_add(0, 0, 1i64)?;
            last = if drawn > last { drawn } else { i64::MAX };
        }
        Ok(())
    })?;
    let rounds = rounds(bench.settings) + bench.settings.warmup.unwrap_or(rounds(bench.settings) / 10 + 1);
    let expected = (rounds * draws * world.size()) as i64;
    if bench.settings.validate && (last >= expected || segment.get_value::<i64>(0, 0)? != expected) {
        return Err(format!("{expected} draws from a counter gave numbers out of order or lost some").into());
    }
    let size = world.size() as f64;
    let each = samples.median() / draws as f64;
    table.row(&[&[size, each, size / each * 1e6][..], &samples.details()].concat());
    Ok(table)
}
