//! A graph spread over all ranks: every edge tells the owner of its end, and each rank has edges to all others. One message for each would be all that is done.
//!
//! ```text
//! gain run -n 4 target/release/examples/batch
//! ```

use rma::{Batch, Op, Result, Segment, World};
use std::io::Write;

/// Nodes of the graph at each rank, and edges.
const NODES: usize = 500;
const EDGES: usize = 20_000;

pub(crate) fn main() -> Result<()> {
    let world = World::init()?;
    let (me, size) = (world.rank(), world.size());
    let degrees = Segment::allocate_zeroed(&world.team(), 4 * NODES)?;
    let seen = Segment::allocate_zeroed(&world.team(), NODES)?;
    world.barrier()?;

    let mut batch = Batch::new(&world);
    let mut state = me as u64 + 1;
    let mut ends = vec![0u32; NODES * size];
    for _ in 0..EDGES {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let end = (state >> 33) as usize % (NODES * size);
        batch.accumulate(&degrees, end / NODES, 4 * (end % NODES), &[1u32], 1)?;
        // All put the same there.
        batch.put(&seen, end / NODES, end % NODES, &[1u8])?;
        ends[end] += 1;
    }
    batch.flush()?;
    world.sync()?;

    world.team().allreduce(&mut ends, Op::Sum)?;
    let (mut counts, mut marks) = ([0u32; NODES], [0u8; NODES]);
    degrees.get(me, 0, &mut counts)?;
    seen.get(me, 0, &mut marks)?;
    assert_eq!(counts[..], ends[me * NODES..(me + 1) * NODES]);
    assert!(marks.iter().zip(counts).all(|(mark, count)| (*mark == 1) == (count > 0)));
    if me == 0 {
        let most = ends.iter().max().copied().unwrap_or(0);
        let _ = writeln!(std::io::stdout(), "{} edges, {most} at one node", EDGES * size);
    }
    world.sync()?;
    degrees.free()?;
    seen.free()?;
    world.finalize()
}
