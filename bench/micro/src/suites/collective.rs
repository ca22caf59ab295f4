//! Collectives of all ranks. Every rank measures; the first figure is the mean of all ranks' means, as OSU's.

use crate::bench::{Bench, Outcome};
use crate::table::{Column, Role, Table, Unit, column, detail};
use crate::timing::measure_together;
use rma::{Op, Result};

/// Mean over all ranks of the mean time of a call, and of the medians; least and greatest mean of a rank; samples.
fn measure(bench: &Bench, call: impl FnMut() -> Result<()>) -> Outcome<[f64; 5]> {
    let samples = measure_together(bench.settings, bench.world, false, call)?;
    let [median, .., count] = samples.details();
    let all = bench.world.team().allgather(&[samples.mean(), median])?;
    let means = all.iter().step_by(2);
    let least = means.clone().copied().fold(f64::INFINITY, f64::min);
    let most = means.clone().copied().fold(0.0, f64::max);
    let mean = |values: &mut dyn Iterator<Item = &f64>| values.sum::<f64>() / (all.len() / 2) as f64;
    Ok([mean(&mut means.clone()), mean(&mut all.iter().skip(1).step_by(2)), least, most, count])
}

fn new_table() -> Table {
    Table::new(&[
        column("Size", Unit::Size),
        column("Avg Latency (us)", Unit::Time),
        Column { role: Role::Beside, ..detail("Median (us)", Unit::Time) },
        detail("Min Latency (us)", Unit::Time),
        detail("Max Latency (us)", Unit::Time),
        detail("Iterations", Unit::Number),
    ])
}

/// A row for each size of `call`, which is given the words of a rank and says what is wrong with the result, if anything.
fn over_sizes(bench: &Bench, mut call: impl FnMut(usize) -> Outcome<[f64; 5]>) -> Outcome<Table> {
    let mut table = new_table();
    for size in bench.sizes(8) {
        let figures = call(size / 8)?;
        table.row(&[&[size as f64][..], &figures].concat());
    }
    Ok(table)
}

/// Under `--validation`: an error unless the words are `expected(index)`.
fn check<T: PartialEq + std::fmt::Debug>(
    bench: &Bench,
    found: &[T],
    expected: impl Fn(usize) -> T,
) -> Outcome<()> {
    let is_wrong = |index: &usize| found[*index] != expected(*index);
    match (0..found.len()).find(is_wrong).filter(|_| bench.settings.validate) {
        None => Ok(()),
        Some(index) => {
            let name = bench.benchmark.name;
            Err(format!("{name}: word {index} is {:?}, not {:?}", found[index], expected(index)).into())
        }
    }
}

fn root(bench: &Bench) -> usize {
    bench.settings.root.unwrap_or(0)
}

/// The words that rank `rank` contributes: each says whose it is, and which.
fn word(rank: usize, index: usize) -> u64 {
    (rank << 32 | index) as u64
}

fn words(rank: usize, count: usize) -> Vec<u64> {
    (0..count).map(|index| word(rank, index)).collect()
}

pub(crate) fn barrier(bench: &Bench) -> Outcome<Table> {
    once(bench, || bench.world.barrier())
}

pub(crate) fn sync(bench: &Bench) -> Outcome<Table> {
    once(bench, || bench.world.sync())
}

fn once(bench: &Bench, call: impl FnMut() -> Result<()>) -> Outcome<Table> {
    let mut table = new_table();
    let figures = measure(bench, call)?;
    table.row(&[&[0.0][..], &figures].concat());
    Ok(table)
}

pub(crate) fn broadcast(bench: &Bench) -> Outcome<Table> {
    let (team, root) = (bench.world.team(), root(bench));
    over_sizes(bench, |count| {
        let mut data = words(team.rank(), count);
        let figures = measure(bench, || team.broadcast(&mut data, root))?;
        check(bench, &data, |index| word(root, index))?;
        Ok(figures)
    })
}

/// What each rank contributes to a sum, and what ranks 0 to `last` come to.
fn term(rank: usize) -> f64 {
    rank as f64 + 1.0
}

fn sum_to(last: usize) -> f64 {
    (0..=last).map(term).sum()
}

fn sums(bench: &Bench, expected: Option<f64>, call: impl Fn(&mut [f64]) -> Result<()>) -> Outcome<Table> {
    let mine = term(bench.world.rank());
    over_sizes(bench, |count| {
        let mut data = vec![mine; count];
        let figures = measure(bench, || {
            data.fill(mine);
            call(&mut data)
        })?;
        if let Some(expected) = expected {
            check(bench, &data, |_| expected)?;
        }
        Ok(figures)
    })
}

pub(crate) fn reduce(bench: &Bench) -> Outcome<Table> {
    let (team, root) = (bench.world.team(), root(bench));
    let expected = (team.rank() == root).then(|| sum_to(team.size() - 1));
    sums(bench, expected, |data| team.reduce(data, Op::Sum, root))
}

pub(crate) fn allreduce(bench: &Bench) -> Outcome<Table> {
    let team = bench.world.team();
    sums(bench, Some(sum_to(team.size() - 1)), |data| team.allreduce(data, Op::Sum))
}

pub(crate) fn scan(bench: &Bench) -> Outcome<Table> {
    let team = bench.world.team();
    sums(bench, Some(sum_to(team.rank())), |data| team.scan(data, Op::Sum))
}

pub(crate) fn gather(bench: &Bench) -> Outcome<Table> {
    let (team, root) = (bench.world.team(), root(bench));
    collected(bench, team.rank() == root, |data| team.gather(data, root))
}

pub(crate) fn allgather(bench: &Bench) -> Outcome<Table> {
    let team = bench.world.team();
    collected(bench, true, |data| team.allgather(data))
}

/// Everybody's words, in order of rank, at ranks that get them.
fn collected(bench: &Bench, has_all: bool, call: impl Fn(&[u64]) -> Result<Vec<u64>>) -> Outcome<Table> {
    over_sizes(bench, |count| {
        let (data, mut all) = (words(bench.world.rank(), count), Vec::new());
        let figures = measure(bench, || {
            all = call(&data)?;
            Ok(())
        })?;
        if has_all {
            if all.len() != count * bench.world.size() {
                return Err(format!("{} words of {} ranks came", all.len(), bench.world.size()).into());
            }
            check(bench, &all, |index| word(index / count, index % count))?;
        }
        Ok(figures)
    })
}

pub(crate) fn scatter(bench: &Bench) -> Outcome<Table> {
    let (team, root) = (bench.world.team(), root(bench));
    over_sizes(bench, |count| {
        let data = if team.rank() == root { words(root, count * team.size()) } else { Vec::new() };
        let mut mine = Vec::new();
        let figures = measure(bench, || {
            mine = team.scatter(&data, root)?;
            Ok(())
        })?;
        check(bench, &mine, |index| word(root, team.rank() * count + index))?;
        Ok(figures)
    })
}

pub(crate) fn alltoall(bench: &Bench) -> Outcome<Table> {
    let team = bench.world.team();
    over_sizes(bench, |count| {
        let (data, mut received) = (words(team.rank(), count * team.size()), Vec::new());
        let figures = measure(bench, || {
            received = team.alltoall(&data)?;
            Ok(())
        })?;
        check(bench, &received, |index| word(index / count, team.rank() * count + index % count))?;
        Ok(figures)
    })
}

pub(crate) fn alltoallv(bench: &Bench) -> Outcome<Table> {
    let team = bench.world.team();
    over_sizes(bench, |count| {
        let of = |rank: usize| (0..count).map(|index| word(team.rank(), rank * count + index)).collect();
        let data: Vec<Vec<u64>> = (0..team.size()).map(of).collect();
        let mut received = Vec::new();
        let figures = measure(bench, || {
            received = team.alltoallv(&data)?;
            Ok(())
        })?;
        check(bench, &received.concat(), |index| word(index / count, team.rank() * count + index % count))?;
        Ok(figures)
    })
}
