//! Atomic operations: a histogram without owners' help, a board of free places, and an average that all ranks keep.
//!
//! ```text
//! gain run -n 4 target/release/examples/atomics
//! ```

use rma::{Result, Segment, World};
use std::io::Write;

/// Byte offsets in each rank's part: the places taken, the running sum and the largest value, then the bins.
const TAKEN: usize = 0;
const SUM: usize = 8;
const LARGEST: usize = 16;
const BINS: usize = 64;

/// Bins of each rank.
const MINE: usize = 16;
const SAMPLES: usize = 1000;

pub(crate) fn main() -> Result<()> {
    let world = World::init()?;
    let (me, size) = (world.rank(), world.size());
    let segment = Segment::allocate_zeroed(&world.team(), BINS + 4 * MINE)?;

    // A place on the board of rank 0: the lowest bit that is clear, set by who finds it so.
    let mut taken: u64 = segment.atomic_load(0, TAKEN)?;
    let place = loop {
        let free = taken.trailing_ones();
        let before = segment.fetch_or(0, TAKEN, 1u64 << free)?;
        if before >> free & 1 == 0 {
            break free;
        }
        taken = before;
    };
    assert!((place as usize) < size, "as many places as ranks");

    // Counts of 32 bits, spread over the ranks. Nobody waits for one: a message each between nodes.
    let mut state = me as u64 + 1;
    for _ in 0..SAMPLES {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let bin = (state >> 33) as usize % (size * MINE);
        segment.atomic_add(bin / MINE, BINS + 4 * (bin % MINE), 1u32)?;
        let value = bin as f64;
        segment.atomic_add(0, SUM, value)?;
        let mut largest: f64 = segment.atomic_load(0, LARGEST)?;
        while largest < value {
            match segment.compare_swap(0, LARGEST, largest, value)? {
                found if found == largest => break,
                found => largest = found,
            }
        }
    }
    world.sync()?;

    let mut counts = Vec::new();
    for rank in 0..size {
        let mut part = [0u32; MINE];
        segment.get(rank, BINS, &mut part)?;
        counts.extend(part);
    }
    assert_eq!(counts.iter().sum::<u32>() as usize, SAMPLES * size);
    let sum: f64 = counts.iter().enumerate().map(|(bin, count)| bin as f64 * f64::from(*count)).sum();
    assert_eq!(segment.atomic_load::<f64>(0, SUM)?, sum);
    let last = counts.iter().rposition(|count| *count > 0).unwrap_or(0);
    assert_eq!(segment.atomic_load::<f64>(0, LARGEST)?, last as f64);
    if me == 0 {
        let average = sum / (SAMPLES * size) as f64;
        // Nobody reads any more: there is nobody to tell.
        let _ = writeln!(std::io::stdout(), "{} samples, on average {average:.2}", SAMPLES * size);
    }
    segment.free()?;
    world.finalize()
}
