//! Samples of operations that one rank does by itself.
//!
//! Short operations are timed in batches of about a microsecond, so that the clock's own 25 ns don't show; an operation between
//! nodes is a batch of its own, and the 99th percentile is one of single operations then.

use std::time::{Duration, Instant};

/// Sorted samples, in microseconds per operation.
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn median(&self) -> f64 {
        self.at(0.5)
    }

    pub(crate) fn p99(&self) -> f64 {
        self.at(0.99)
    }

    fn at(&self, share: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * share) as usize]
    }
}

/// Warms up and measures `op`: `iterations` samples, or what fits into a tenth of a second.
pub(crate) fn measure<E>(
    iterations: Option<usize>,
    mut op: impl FnMut() -> Result<(), E>,
) -> Result<Samples, E> {
    let mut once = time(1, &mut op)?;
    for _ in 0..10 {
        once = once.min(time(1, &mut op)?);
    }
    let batch = (Duration::from_micros(1).as_nanos() / once.as_nanos().max(1)).clamp(1, 1000) as usize;
    let fit = Duration::from_millis(100).as_nanos() / (once.as_nanos().max(1) * batch as u128);
    let count = iterations.unwrap_or((fit as usize).clamp(20, 10_000)).max(1);
    // A tenth of the samples again, before those that count.
    for _ in 0..count / 10 {
        time(batch, &mut op)?;
    }
    let per_op = |spent: Duration| spent.as_secs_f64() * 1e6 / batch as f64;
    let mut samples =
        (0..count).map(|_| time(batch, &mut op).map(per_op)).collect::<Result<Vec<f64>, E>>()?;
    samples.sort_by(f64::total_cmp);
    Ok(Samples(samples))
}

fn time<E>(batch: usize, op: &mut impl FnMut() -> Result<(), E>) -> Result<Duration, E> {
    let start = Instant::now();
    for _ in 0..batch {
        op()?;
    }
    Ok(start.elapsed())
}
