//! HPC Challenge's RandomAccess: updates `T[a] ^= a` of a table spread over all ranks, `a` from the benchmark's own
//! pseudo-random sequence.
//!
//! Each rank does its share of the sequence, reading up to [`AHEAD`] entries before it writes them back (the rules allow 1024; for
//! small tables it is fewer). Updates of the same entry may then lose one another; the rules allow 1 % of wrong entries, found by
//! doing all updates again, each rank those of its own entries, and counting what is not as in the beginning.

use crate::bench::{Bench, Outcome};
use crate::table::{Table, Unit, column};
use rma::Op;
use std::time::Instant;

/// Updates that one rank has under way, at most.
const AHEAD: usize = 1024;
/// The sequence's polynomial and period.
const POLYNOMIAL: u64 = 7;
const PERIOD: i64 = 1_317_624_576_693_539_401;

/// The next number of the sequence.
fn next(a: u64) -> u64 {
    a << 1 ^ if (a as i64) < 0 { POLYNOMIAL } else { 0 }
}

/// Number `n` of the sequence, by squaring.
fn start(n: i64) -> u64 {
    let n = n.rem_euclid(PERIOD);
    if n == 0 {
        return 1;
    }
    let mut squares = [0u64; 64];
    let mut power = 1u64;
    for square in &mut squares {
        *square = power;
        power = next(next(power));
    }
    let mut a = 2u64;
    for bit in (0..63 - n.leading_zeros() as i64).rev() {
        let mut product = 0;
        for (index, square) in squares.iter().enumerate() {
            if a >> index & 1 == 1 {
                product ^= square;
            }
        }
        a = product;
        if n >> bit & 1 == 1 {
            a = next(a);
        }
    }
    a
}

pub(crate) fn run(bench: &Bench) -> Outcome<Table> {
    let (world, segment) = (bench.world, &bench.segment);
    let words = (bench.sizes(8).first().copied().unwrap_or(0) / 8).max(2);
    let local = 1usize << words.ilog2();
    let (ranks, me) = (world.size(), world.rank());
    // The table is as large as the ranks' parts together; its index is taken modulo that.
    let total = local * ranks;
    segment.put(me, 0, &(0..local).map(|i| (me * local + i) as u64).collect::<Vec<u64>>())?;
    // An update is lost to another one of the same entry under way: so often that a fifth of a percent of the entries go wrong.
    let ahead = (total / (2000 * ranks)).clamp(1, AHEAD);
    let updates = bench.settings.iterations.unwrap_or(4 * local).min(4 * local) / ahead * ahead;
    let place = |a: u64| ((a % total as u64) as usize / local, (a % total as u64) as usize % local * 8);

    world.sync()?;
    let began = Instant::now();
    let mut a = start((updates * me) as i64);
    let mut batch = vec![0u64; ahead];
    let mut values = vec![0u64; ahead];
    for _ in 0..updates / ahead {
        for slot in &mut batch {
            a = next(a);
            *slot = a;
        }
        world.scope(|scope| {
            let mut pairs = batch.iter().zip(values.iter_mut());
            pairs.try_for_each(|(a, value)| {
                let (rank, offset) = place(*a);
                scope.get(segment, rank, offset, std::slice::from_mut(value))
            })
        })?;
        for (value, a) in values.iter_mut().zip(&batch) {
            *value ^= a;
        }
        world.scope(|scope| {
            let mut pairs = batch.iter().zip(values.iter());
            pairs.try_for_each(|(a, value)| {
                let (rank, offset) = place(*a);
                scope.put(segment, rank, offset, std::slice::from_ref(value))
            })
        })?;
    }
    world.sync()?;
    let seconds = began.elapsed().as_secs_f64();

    let wrong = wrong_entries(bench, local, total, updates)?;
    let mut table = Table::new(&[
        column("Words", Unit::Number),
        column("Updates", Unit::Number),
        column("Seconds", Unit::Number),
        column("GUP/s", Unit::Number),
        column("Wrong %", Unit::Percent),
    ]);
    let done = (updates * ranks) as f64;
    let share = 100.0 * wrong as f64 / total as f64;
    if share > 1.0 {
        return Err(format!("{wrong} of {total} words are wrong, more than 1 %").into());
    }
    table.row(&[total as f64, done, seconds, done / seconds * 1e-9, share]);
    Ok(table)
}

/// Does all updates again, each rank those of its own words, and counts words that are not as in the beginning.
fn wrong_entries(bench: &Bench, local: usize, total: usize, updates: usize) -> Outcome<u64> {
    let (world, segment) = (bench.world, &bench.segment);
    let me = world.rank();
    let mut mine = vec![0u64; local];
    segment.get(me, 0, &mut mine)?;
    let mut a = start(0);
    for rank in 0..world.size() {
        a = if rank == 0 { a } else { start((updates * rank) as i64) };
        for _ in 0..updates {
            a = next(a);
            let place = (a % total as u64) as usize;
            if place / local == me {
                mine[place % local] ^= a;
            }
        }
    }
    let wrong = mine.iter().enumerate().filter(|(i, word)| **word != (me * local + i) as u64).count();
    let mut sum = [wrong as u64];
    world.team().allreduce(&mut sum, Op::Sum)?;
    Ok(sum[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_may_be_entered_anywhere() {
        let mut a = 1;
        for n in 0..500 {
            assert_eq!(start(n), a, "number {n}");
            a = next(a);
        }
    }
}
