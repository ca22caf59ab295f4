//! Work beside collectives: the sum of one step's residuals is added up while the next step is computed, and a bag of results is emptied in the order in which they
//! are ready.
//!
//! ```text
//! gain run -n 4 target/release/examples/later
//! ```

use rma::{Compare, Op, Result, Segment, SignalUpdate, World};
use std::io::Write;

const STEPS: usize = 20;
const LEN: usize = 1000;

pub(crate) fn main() -> Result<()> {
    let world = World::init()?;
    let (me, size, team) = (world.rank(), world.size(), world.team());

    // Newton's method for the square roots of numbers of this rank's own. Whether all are done is known one step late, and nobody has waited for it.
    let wanted: Vec<f64> = (0..LEN).map(|index| 2.0 + (me * LEN + index) as f64).collect();
    let mut roots = wanted.clone();
    let mut largest = None;
    let mut steps = 0;
    for _ in 0..STEPS {
        let mut change = 0.0f64;
        for (root, square) in roots.iter_mut().zip(&wanted) {
            let next = 0.5 * (*root + square / *root);
            change = change.max((next - *root).abs() / next);
            *root = next;
        }
        steps += 1;
        let before = largest.replace(team.iallreduce(vec![change], Op::Max)?);
        if let Some(before) = before
            && before.wait()?[0] < 1e-15
        {
            break;
        }
    }
    // The last one is under way still: all have begun it.
    let last = largest.expect("at least one step").wait()?;
    assert!(last[0] < 1e-9, "{last:?}");
    assert!(roots.iter().zip(&wanted).all(|(root, square)| (root * root / square - 1.0).abs() < 1e-12));

    // Everybody sends everybody a part of its roots; who gets them takes them as they come.
    let part = LEN / size;
    let segment = Segment::allocate_zeroed(&team, 8 * (size + part * size))?;
    let place = |rank: usize| 8 * (size + part * rank);
    for far in 0..size {
        let to = (me + far) % size;
        let mine = &roots[part * to..part * (to + 1)];
        segment.put_signal(to, place(me), mine, 8 * me, SignalUpdate::Set(1))?;
    }
    let signals: Vec<_> = (0..size).map(|rank| (8 * rank, Compare::Equal(1))).collect();
    let (mut taken, mut sum) = (vec![false; size], 0.0);
    while let Some(from) = segment.wait_until_any(&signals, Some(&taken))? {
        taken[from] = true;
        let mut theirs = vec![0.0f64; part];
        segment.get(me, place(from), &mut theirs)?;
        sum += theirs.iter().sum::<f64>();
    }
    let all = team.iallgather(vec![sum])?;
    let exact: f64 =
        (0..size * LEN).filter(|number| number % LEN < part * size).map(|n| (2.0 + n as f64).sqrt()).sum();
    let total: f64 = all.wait()?.iter().sum();
    assert!((total / exact - 1.0).abs() < 1e-9, "{total} {exact}");
    if me == 0 {
        let _ = writeln!(std::io::stdout(), "{} roots in {steps} steps", size * LEN);
    }
    segment.free()?;
    world.finalize()
}
