//! Transfers that are not contiguous: 1024 rows, dense here and 8 KiB apart at the neighbour, and a list of 1000 pieces
//! of 8 bytes. The loop of row copies beside them is written by hand over the same memory.

use super::{Outcome, on_rank_0, show};
use bench::report::{Row, Unit};
use bench::sample::{self, Spread};
use bench::yardstick;
use rma::{Segment, Strided, Vector, World};
use std::hint::black_box;

const ROWS: usize = 1024;
const STRIDE: usize = 8 << 10;
const PIECES: usize = 1000;
/// Bytes of a row; GB/s that a put and an accumulate should reach.
const WIDTHS: [(usize, f64, f64); 2] = [(64, 10.0, 7.0), (512, 18.0, 15.0)];

/// Every rank calls it; rank 0 measures.
pub(super) fn run(world: &World) -> Outcome {
    let segment = Segment::allocate(&world.team(), ROWS * STRIDE)?;
    let neighbour = world.size() - 1;
    let far = segment.mapped(neighbour).ok_or("the neighbour is not on this node")?.as_ptr();
    let rows = on_rank_0(world, || {
        let mut rows =
            WIDTHS.iter().flat_map(|&width| strided(&segment, neighbour, far, width)).collect::<Vec<_>>();
        rows.extend(vector(&segment, neighbour));
        rows
    })?;
    let title = format!("{ROWS} rows at a stride of {} KiB at the target, and lists of pieces", STRIDE >> 10);
    show(world, &title, &rows.unwrap_or_default());
    segment.free()?;
    Ok(())
}

fn strided(
    segment: &Segment,
    rank: usize,
    far: *mut u8,
    (width, put_bound, add_bound): (usize, f64, f64),
) -> Vec<Row> {
    let mut near = vec![0.5_f64; ROWS * width / 8];
    let counts = [width, ROWS];
    let shape = || {
        black_box(Strided {
            counts: &counts,
            remote_strides: &[STRIDE as isize],
            local_strides: if width == 64 { &[64] } else { &[512] },
            local_offset: 0,
        })
    };
    let source = near.as_ptr().cast::<u8>();
    let (put, by_hand, _) = sample::in_turn(
        || segment.put_strided(rank, 0, shape(), black_box(&near)).expect("in range"),
        // SAFETY: ROWS rows of `width` bytes lie in the neighbour's part and in the buffer; the neighbour waits.
        || unsafe { yardstick::copy_rows(far, STRIDE, source, width, black_box(width), black_box(ROWS)) },
    );
    let add = sample::alone(|| {
        segment.accumulate_strided(rank, 0, shape(), black_box(&near), 1e-9).expect("in range")
    });
    let get =
        sample::alone(|| segment.get_strided(rank, 0, shape(), black_box(&mut near)).expect("in range"));
    let rate = |what: &str, spread: Spread| {
        Row::new(format!("{what}, rows of {width} B"), Unit::Rate, spread.inverse((ROWS * width) as f64))
    };
    vec![
        rate("strided put", put).at_least(put_bound),
        rate("row copies by hand", by_hand),
        rate("strided get", get),
        rate("strided accumulate f64", add).at_least(add_bound),
    ]
}

fn vector(segment: &Segment, rank: usize) -> Vec<Row> {
    let mut near = vec![0.5_f64; PIECES];
    let local: Vec<usize> = (0..PIECES).map(|piece| piece * 8).collect();
    // A permutation of places 64 bytes apart, since a list in order would be a strided transfer.
    let remote: Vec<usize> = (0..PIECES).map(|piece| piece * 389 % PIECES * 64).collect();
    let runs = || black_box(Vector { remote: &remote, local: &local, len_bytes: 8 });
    let put = sample::alone(|| segment.put_vector(rank, runs(), black_box(&near)).expect("in range"));
    let add =
        sample::alone(|| segment.accumulate_vector(rank, runs(), black_box(&near), 1e-9).expect("in range"));
    let get = sample::alone(|| segment.get_vector(rank, runs(), black_box(&mut near)).expect("in range"));
    let row = |what: &str, spread| Row::new(format!("{what}, {PIECES} pieces of 8 B"), Unit::Time, spread);
    vec![row("vector put", put).at_most(3e3), row("vector get", get), row("vector accumulate f64", add)]
}
