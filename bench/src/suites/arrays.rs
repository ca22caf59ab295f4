//! Patches of a 4096 x 4096 array of doubles at the neighbour, beside a loop of row copies written by hand over the
//! same memory; creating and destroying such an array; random elements.

use super::sync::together;
use super::{Outcome, on_rank_0, show};
use bench::report::{Row, Unit};
use bench::{sample, yardstick};
use ga_core::GlobalArray;
use rma::World;
use std::hint::black_box;

const N: usize = 4096;
/// Side of a square patch, and what a blocking put or get of it may take.
const PATCHES: [(usize, Option<f64>); 5] =
    [(1, Some(40.0)), (8, Some(90.0)), (64, None), (512, None), (1024, None)];
const ELEMENTS: usize = 100_000;

/// Every rank calls it.
pub(super) fn run(world: &World) -> Outcome {
    let team = world.team();
    let array = GlobalArray::<f64>::builder(&team, &[N, N]).name("bench").create()?;
    array.fill(1.0)?;
    array.sync()?;
    let rows = on_rank_0(world, || patches(&array))?;
    show(
        world,
        "Square patches of a 4096 x 4096 array of doubles at the neighbour",
        &rows.unwrap_or_default(),
    );
    let rows = on_rank_0(world, || elements(&array))?;
    show(world, "Single elements of the array at random places", &rows.unwrap_or_default());
    array.destroy()?;

    let cycle = together(world, || {
        let array = GlobalArray::<f64>::builder(&team, &[N, N]).create().expect("memory for 128 MiB");
        array.destroy().expect("no operation is pending");
    })?;
    let row = Row::new("create + destroy a 4096 x 4096 array", Unit::Time, cycle).at_most(4e3);
    show(world, "Life of an array", &[row]);
    Ok(())
}

fn patches(array: &GlobalArray<f64>) -> Vec<Row> {
    let neighbour = array.team().size() - 1;
    let block = array.distribution().block(neighbour);
    let (top, left) = (block.lo()[0] + 8, block.lo()[1] + 8);
    let ld = block.hi()[1] - block.lo()[1];
    let base = array.raw().mapped(neighbour).expect("the neighbour is on this node").as_ptr().cast::<f64>();
    // SAFETY: the block is dense with rows of `ld` elements; row 8, column 8 lies in it.
    let corner = unsafe { base.add(8 * ld + 8) };
    let mut rows = Vec::new();
    for (side, bound) in PATCHES {
        let mut memory = vec![0.5_f64; side * side];
        let local = memory.as_mut_ptr();
        let place = |offset: usize| [top + offset..top + offset + side, left..left + side];
        let (near, width) = (local.cast::<u8>(), side * 8);
        // SAFETY: `memory` lives as long as the closures that use it, and they run one after the other. Both ways use the same
        // bytes: where a vector happens to begin makes a difference of a third.
        let buffer = || unsafe { std::slice::from_raw_parts_mut(local, side * side) };
        let by_hand = |to: *mut u8, to_stride: usize, from: *const u8, from_stride: usize| {
            // SAFETY: `side` rows of `side` doubles lie in the neighbour's block and in `memory`; the neighbour waits.
            unsafe {
                yardstick::copy_rows(to, to_stride, from, from_stride, black_box(width), black_box(side))
            }
        };
        let (put, _, slowness) = sample::in_turn(
            || array.put(black_box(place(0)), black_box(&*buffer())).expect("in range"),
            || by_hand(corner.cast(), ld * 8, near, width),
        );
        rows.extend(pair("put", side, put, slowness, bound));
        let (get, _, slowness) = sample::in_turn(
            || array.get(black_box(place(0)), black_box(buffer())).expect("in range"),
            || by_hand(near, width, corner.cast(), ld * 8),
        );
        rows.extend(pair("get", side, get, slowness, bound));
        let add = sample::alone(|| {
            array.accumulate(black_box(place(0)), black_box(&*buffer()), 1e-9).expect("in range")
        });
        rows.push(Row::new(format!("accumulate {side} x {side}"), Unit::Time, add));
    }
    rows
}

/// The time of a patch; from 64 x 64 on its speed beside the loop of row copies.
fn pair(
    what: &str,
    side: usize,
    spread: sample::Spread,
    slowness: sample::Spread,
    bound: Option<f64>,
) -> Vec<Row> {
    let time = Row::new(format!("{what} {side} x {side}"), Unit::Time, spread);
    let Some(bound) = bound else {
        let speed =
            Row::new(format!("{what} {side} x {side} / row copies"), Unit::Ratio, slowness.inverse(1.0));
        return vec![time, speed.at_least(0.9)];
    };
    vec![time.at_most(bound)]
}

/// Gather and scatter of elements anywhere, and the shared counter.
fn elements(array: &GlobalArray<f64>) -> Vec<Row> {
    let mut state = 1_u64;
    let mut next = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % N
    };
    let places: Vec<[usize; 2]> = (0..ELEMENTS).map(|_| [next(), next()]).collect();
    let mut values = vec![0.0_f64; ELEMENTS];
    let gather =
        sample::alone(|| array.gather(black_box(&places), black_box(&mut values)).expect("in range"));
    let scatter = sample::alone(|| array.scatter(black_box(&places), black_box(&values)).expect("in range"));
    let add = sample::alone(|| {
        array.scatter_accumulate(black_box(&places), black_box(&values), 1e-9).expect("in range");
    });
    let row = |what: &str, spread| Row::new(format!("{what} {ELEMENTS} random elements"), Unit::Time, spread);
    vec![
        row("gather", gather).at_most(1.2e6),
        row("scatter", scatter).at_most(1.2e6),
        row("scatter_accumulate", add),
    ]
}
