//! Contiguous put, get and accumulate from rank 0 to its neighbour: latency of 8 bytes, then 4 KiB to 16 MiB beside
//! `memcpy` of the same size between the same two mappings, batch by batch in turn.

use super::{Outcome, on_rank_0, show};
use bench::report::{Row, Unit};
use bench::{sample, yardstick};
use rma::{Segment, World};
use std::hint::black_box;

const LARGEST: usize = 16 << 20;
const SIZES: [usize; 6] = [4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, LARGEST];

/// Every rank calls it; rank 0 measures.
pub(super) fn run(world: &World) -> Outcome {
    let segment = Segment::allocate(&world.team(), LARGEST)?;
    let neighbour = world.size() - 1;
    let near = segment.mapped(world.rank()).ok_or("a rank's own part is not mapped")?;
    let far = segment.mapped(neighbour).ok_or("the neighbour is not on this node")?;
    world.barrier()?;
    // SAFETY: the part has LARGEST bytes, aligned to the cache line, and only this rank touches its own.
    let source = unsafe { std::slice::from_raw_parts_mut(near.as_ptr().cast::<f64>(), LARGEST / 8) };
    source.fill(0.5);

    let rows = on_rank_0(world, || latencies(&segment, neighbour))?;
    show(world, "8 bytes to the neighbour, blocking", &rows.unwrap_or_default());
    let rows = on_rank_0(world, || rates(&segment, neighbour, near.as_ptr(), far.as_ptr()))?;
    show(world, "Contiguous transfers against memcpy between the same mappings", &rows.unwrap_or_default());
    segment.free()?;
    Ok(())
}

fn latencies(segment: &Segment, rank: usize) -> Vec<Row> {
    let mut value = [1.0_f64];
    let put = sample::alone(|| segment.put(rank, black_box(64), black_box(&[1.0_f64])).expect("in range"));
    let get = sample::alone(|| {
        segment.get(rank, black_box(64), &mut value).expect("in range");
        black_box(&value);
    });
    let accumulate = sample::alone(|| {
        segment.accumulate(rank, black_box(64), black_box(&[1.0_f64]), 2.0).expect("in range")
    });
    let row = |what: &str, spread| Row::new(what, Unit::Time, spread);
    vec![
        row("put 8 B", put).at_most(8.0),
        row("get 8 B", get).at_most(8.0),
        row("accumulate one f64", accumulate).at_most(15.0),
    ]
}

/// `near` and `far`: this rank's part and the neighbour's, where they are mapped.
fn rates(segment: &Segment, rank: usize, near: *mut u8, far: *mut u8) -> Vec<Row> {
    let mut rows = Vec::new();
    for len in SIZES {
        let count = len / 8;
        // SAFETY: `near` and `far` are two parts of LARGEST bytes each, aligned to the cache line, and len <= LARGEST; no
        // reference to them lives across a call; the other rank waits in a barrier. The same holds for all closures here.
        let put = || unsafe { segment.put_bytes(rank, 0, black_box(near), len).expect("in range") };
        // SAFETY: as above.
        let get = || unsafe { segment.get_bytes(rank, 0, black_box(near), len).expect("in range") };
        // SAFETY: as above.
        let source = || unsafe { std::slice::from_raw_parts(black_box(near).cast::<f64>(), count) };
        let add = || segment.accumulate(rank, 0, source(), 1e-9).expect("in range");
        // SAFETY: as above.
        let there = || unsafe { yardstick::copy(far, near, black_box(len)) };
        // SAFETY: as above.
        let back = || unsafe { yardstick::copy(near, far, black_box(len)) };
        let (to, from) = (far.cast(), near.cast());
        // SAFETY: as above.
        let add_by_hand = || unsafe { yardstick::accumulate(to, from, black_box(count), 1e-9) };

        let (rate, _, slowness) = sample::in_turn(put, there);
        rows.extend(pair("put", len, rate, slowness, Some(0.95)));
        let (rate, _, slowness) = sample::in_turn(get, back);
        rows.extend(pair("get", len, rate, slowness, Some(0.95)));
        let (rate, _, slowness) = sample::in_turn(add, there);
        rows.extend(pair("accumulate f64", len, rate, slowness, (len >= 64 << 10).then_some(0.95)));
        let (_, _, slowness) = sample::in_turn(add, add_by_hand);
        rows.push(Row::new(
            format!("accumulate f64 {} / loop by hand", size(len)),
            Unit::Ratio,
            slowness.inverse(1.0),
        ));
    }
    rows
}

/// The rate itself and its quotient to memcpy's.
fn pair(
    what: &str,
    len: usize,
    spread: sample::Spread,
    slowness: sample::Spread,
    bound: Option<f64>,
) -> [Row; 2] {
    let size = size(len);
    let ratio = Row::new(format!("{what} {size} / memcpy"), Unit::Ratio, slowness.inverse(1.0));
    let ratio = if let Some(bound) = bound { ratio.at_least(bound) } else { ratio };
    [Row::new(format!("{what} {size}"), Unit::Rate, spread.inverse(len as f64)), ratio]
}

/// `64 KiB`.
fn size(len: usize) -> String {
    if len < 1 << 20 { format!("{} KiB", len >> 10) } else { format!("{} MiB", len >> 20) }
}
