//! Vectors and masks: numbering, segmented scans, packing, bins.
//!
//! ```text
//! gain run -n 4 target/release/examples/vectors
//! ```

use ga_core::{GlobalArray, World};
use ndarray::{Array1, Ix1, s};
use std::error::Error;

/// Length of the vectors.
const N: usize = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let world = World::init()?;
    run(&world)?;
    world.finalize()?;
    Ok(())
}

pub(crate) fn run(world: &World) -> Result<(), Box<dyn Error>> {
    let team = world.team();
    let numbers = GlobalArray::<i64>::zeros(&team, N)?;
    numbers.enumerate(0..N, 10, 3)?;
    let serial: Array1<i64> = (0..N as i64).map(|k| 10 + 3 * k).collect();
    assert_eq!(numbers.to_array::<Ix1>()?, serial);

    // Sums that begin anew at each mark.
    let marked = |i: usize| i.is_multiple_of(7);
    let mask = GlobalArray::from_shape_fn(&team, N, marked)?;
    let sums = GlobalArray::<i64>::zeros(&team, N)?;
    sums.scan_add_from(&numbers, &mask, 0..N, false)?;
    let expected = serial.indexed_iter().scan(0, |sum, (i, v)| {
        *sum = if marked(i) { *v } else { *sum + v };
        Some(*sum)
    });
    assert_eq!(sums.to_array::<Ix1>()?, expected.collect::<Array1<i64>>());

    // The marked ones side by side, and back to their places.
    let packed = GlobalArray::<i64>::zeros(&team, N)?;
    let count = packed.pack_from(&numbers, &mask, 0..N)?;
    assert_eq!(packed.get_array::<Ix1>(..count)?, serial.slice(s![..;7]));
    packed.sync()?;
    let unpacked = GlobalArray::<i64>::zeros(&team, N)?;
    assert_eq!(unpacked.unpack_from(&packed, &mask, 0..N)?, count);
    let places = serial.indexed_iter().map(|(i, v)| if marked(i) { *v } else { 0 });
    assert_eq!(unpacked.to_array::<Ix1>()?, places.collect::<Array1<i64>>());
    unpacked.sync()?;
    Ok(())
}
