//! Timing: warm-up, batches long enough for the clock, many repetitions; order statistics instead of means.
//!
//! Invariant: a collective operation is called equally often on every rank. The lengths of warm-up and batches are
//! therefore counts that rank 0 chose and told the others, never a time limit that each rank reads off its own clock.

use std::time::{Duration, Instant};

/// Order statistics of one series.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// A quarter of the samples lies beneath.
    pub lower: f64,
    /// Half of the samples lies beneath.
    pub median: f64,
    /// Three quarters of the samples lie beneath.
    pub upper: f64,
}

impl Spread {
    /// The quartiles of `samples`, by linear interpolation. Panics on an empty series.
    pub fn of(mut samples: Vec<f64>) -> Spread {
        samples.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = share * (samples.len() - 1) as f64;
            let (below, part) = (place.floor() as usize, place.fract());
            samples[below] + part * (samples[(below + 1).min(samples.len() - 1)] - samples[below])
        };
        Spread { lower: at(0.25), median: at(0.5), upper: at(0.75) }
    }

    /// The spread of `factor / sample`: a time becomes a rate.
    pub fn inverse(self, factor: f64) -> Spread {
        Spread { lower: factor / self.upper, median: factor / self.median, upper: factor / self.lower }
    }

    /// The spread of `sample * factor`.
    pub fn scaled(self, factor: f64) -> Spread {
        Spread { lower: self.lower * factor, median: self.median * factor, upper: self.upper * factor }
    }
}

/// Batches at least this long make the clock's own 20-30 ns invisible.
const BATCH: Duration = Duration::from_micros(20);
/// Time spent on the samples of one figure.
const BUDGET: Duration = Duration::from_millis(60);
/// Fewest and most samples of one figure.
const SAMPLES: (usize, usize) = (9, 501);

/// How long is a batch, how many batches.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Calls timed together.
    pub batch: usize,
    /// Batches.
    pub samples: usize,
}

impl Plan {
    /// Chooses a plan by calling `op` until it is warm; every caller gets its own, so not for collective operations.
    pub fn by_trying(op: &mut impl FnMut()) -> Plan {
        let mut batch = 1;
        loop {
            let spent = trial(batch, op);
            if spent >= BATCH || batch >= 1 << 20 {
                return Plan::from_trial(batch, spent);
            }
            batch *= 2;
        }
    }

    /// The plan when `batch` calls took `spent`.
    pub fn from_trial(batch: usize, spent: Duration) -> Plan {
        let one = (spent.as_nanos() as f64 / batch as f64).max(0.1);
        let batch = (BATCH.as_nanos() as f64 / one).ceil().max(1.0);
        let samples = BUDGET.as_nanos() as f64 / (batch * one);
        Plan { batch: batch as usize, samples: (samples as usize).clamp(SAMPLES.0, SAMPLES.1) }
    }
}

/// The shortest of three batches: one that was interrupted says nothing about the operation.
pub fn trial(batch: usize, op: &mut impl FnMut()) -> Duration {
    (0..3).map(|_| time_batch(batch, op)).min().expect("three")
}

/// The time of `batch` calls.
pub fn time_batch(batch: usize, op: &mut impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..batch {
        op();
    }
    start.elapsed()
}

/// Nanoseconds per call of an operation that one rank does alone.
pub fn alone(mut op: impl FnMut()) -> Spread {
    let plan = Plan::by_trying(&mut op);
    repeat(plan, &mut op)
}

/// Nanoseconds per call under a plan that is already agreed.
pub fn repeat(plan: Plan, op: &mut impl FnMut()) -> Spread {
    let per_call = |spent: Duration| spent.as_nanos() as f64 / plan.batch as f64;
    Spread::of((0..plan.samples).map(|_| per_call(time_batch(plan.batch, op))).collect())
}

/// Two operations in turn, batch by batch, so that both see the same machine: the spreads of each (ns per call) and of
/// the quotient first / second of neighbouring batches.
pub fn in_turn(mut first: impl FnMut(), mut second: impl FnMut()) -> (Spread, Spread, Spread) {
    let plans = [Plan::by_trying(&mut first), Plan::by_trying(&mut second)];
    let samples = (plans[0].samples.min(plans[1].samples)).max(SAMPLES.0);
    let mut series = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..samples {
        let one = time_batch(plans[0].batch, &mut first).as_nanos() as f64 / plans[0].batch as f64;
        let two = time_batch(plans[1].batch, &mut second).as_nanos() as f64 / plans[1].batch as f64;
        series.0.push(one);
        series.1.push(two);
        series.2.push(one / two);
    }
    (Spread::of(series.0), Spread::of(series.1), Spread::of(series.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_those_of_the_sorted_series() {
        let spread = Spread::of(vec![5.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!((spread.lower, spread.median, spread.upper), (2.0, 3.0, 4.0));
        let spread = Spread::of(vec![1.0, 2.0]);
        assert_eq!((spread.lower, spread.median, spread.upper), (1.25, 1.5, 1.75));
    }

    #[test]
    fn a_rate_keeps_its_quartiles_in_order() {
        let rate = Spread::of(vec![1.0, 2.0, 4.0]).inverse(8.0);
        assert!(rate.lower < rate.median && rate.median < rate.upper);
        assert_eq!(rate.median, 4.0);
    }

    #[test]
    fn a_plan_has_batches_longer_than_the_clock_is_coarse() {
        let plan = Plan::from_trial(1000, Duration::from_micros(10));
        assert_eq!(plan.batch, 2000);
        assert_eq!(plan.samples, SAMPLES.1);
        let slow = Plan::from_trial(1, Duration::from_secs(1));
        assert_eq!((slow.batch, slow.samples), (1, SAMPLES.0));
    }

    #[test]
    fn operations_in_turn_are_called_equally_often_but_for_the_batch() {
        let (mut a, mut b) = (0_u64, 0_u64);
        let (_, _, ratio) = in_turn(|| a += std::hint::black_box(1), || b += std::hint::black_box(1));
        assert!(ratio.median > 0.0 && a > 0 && b > 0);
    }
}
