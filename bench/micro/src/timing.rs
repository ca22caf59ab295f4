//! Samples of one figure.
//!
//! What one rank does by itself is timed in batches of about a microsecond, so that the clock's own 25 ns don't show; an operation between
//! nodes is a batch of its own, and the 99th percentile is one of single operations then. What ranks do together begins at a barrier, each time.

use crate::settings::Settings;
use crate::table::{Column, Unit, detail};
use rma::{Result, World};
use std::time::{Duration, Instant};

/// Samples of what is done together, where the user doesn't say.
const TOGETHER: usize = 200;

/// Sorted samples, in microseconds per operation.
#[derive(Clone, Debug)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn new(mut samples: Vec<f64>) -> Samples {
        samples.sort_by(f64::total_cmp);
        Samples(samples)
    }

    /// What OSU's benchmarks print.
    pub(crate) fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }

    pub(crate) fn median(&self) -> f64 {
        self.at(0.5)
    }

    /// The columns of [`details`](Samples::details).
    pub(crate) const DETAILS: [Column; 5] = [
        detail("Median (us)", Unit::Time),
        detail("Min (us)", Unit::Time),
        detail("P99 (us)", Unit::Time),
        detail("Max (us)", Unit::Time),
        detail("Iterations", Unit::Number),
    ];

    /// What there is beside a mean.
    pub(crate) fn details(&self) -> [f64; 5] {
        [self.median(), self.at(0.0), self.at(0.99), self.at(1.0), self.0.len() as f64]
    }

    fn at(&self, share: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * share) as usize]
    }
}

/// Warms up and measures `op`, which this rank does by itself.
pub(crate) fn measure<E>(
    settings: &Settings,
    mut op: impl FnMut() -> std::result::Result<(), E>,
) -> std::result::Result<Samples, E> {
    let mut once = time(1, &mut op)?;
    for _ in 0..10 {
        once = once.min(time(1, &mut op)?);
    }
    let batch = (Duration::from_micros(1).as_nanos() / once.as_nanos().max(1)).clamp(1, 1000) as usize;
    let fit = Duration::from_millis(100).as_nanos() / (once.as_nanos().max(1) * batch as u128);
    let count = settings.iterations.unwrap_or((fit as usize).clamp(20, 10_000));
    for _ in 0..settings.warmup.unwrap_or(count / 10) {
        time(batch, &mut op)?;
    }
    let per_op = |spent: Duration| spent.as_secs_f64() * 1e6 / batch as f64;
    let samples = (0..count).map(|_| time(batch, &mut op).map(per_op));
    Ok(Samples::new(samples.collect::<std::result::Result<_, E>>()?))
}

fn time<E>(
    batch: usize,
    op: &mut impl FnMut() -> std::result::Result<(), E>,
) -> std::result::Result<Duration, E> {
    let start = Instant::now();
    for _ in 0..batch {
        op()?;
    }
    Ok(start.elapsed())
}

/// Number of samples of what takes `once_us`, the same on all ranks if the time is.
pub(crate) fn rounds(settings: &Settings) -> usize {
    settings.iterations.unwrap_or(TOGETHER)
}

/// Warms up and measures `op`, which all ranks do at once, each its own times. Collective. With `to_the_end` a sample lasts until the last
/// rank is done.
pub(crate) fn measure_together(
    settings: &Settings,
    world: &World,
    to_the_end: bool,
    mut op: impl FnMut() -> Result<()>,
) -> Result<Samples> {
    let count = rounds(settings);
    let warmup = settings.warmup.unwrap_or(count / 10 + 1);
    let mut times = Vec::with_capacity(count);
    for round in 0..warmup + count {
        world.barrier()?;
        let start = Instant::now();
        op()?;
        if to_the_end {
            world.barrier()?;
        }
        if round >= warmup {
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    Ok(Samples::new(times))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_statistics_are_those_of_the_sorted_samples() {
        let samples = Samples::new((1..=100).rev().map(f64::from).collect());
        assert_eq!(samples.details(), [50.0, 1.0, 99.0, 100.0, 100.0]);
        assert_eq!(samples.mean(), 50.5);
    }
}
