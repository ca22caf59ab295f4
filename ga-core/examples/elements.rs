//! Single elements: gather and scatter, a shared counter that hands out work, and a mutex.
//!
//! ```text
//! gain run -n 4 target/release/examples/elements
//! ```

use ga_core::{GlobalArray, Mutexes, World};
use ndarray::Ix1;
use std::error::Error;

/// Cells of a histogram.
const CELLS: usize = 16;
/// Numbers that are counted.
const NUMBERS: usize = 1000;

/// Number `k` of a sequence that looks random.
fn number(k: usize) -> usize {
    k.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40
}

fn main() -> Result<(), Box<dyn Error>> {
    let world = World::init()?;
    run(&world)?;
    world.finalize()?;
    Ok(())
}

pub(crate) fn run(world: &World) -> Result<(), Box<dyn Error>> {
    let team = world.team();
    let histogram = GlobalArray::<i64>::zeros(&team, CELLS)?;
    let next = GlobalArray::<i64>::zeros(&team, 1)?;

    // Whoever is free takes the next hundred numbers, and counts them where their cells live.
    loop {
        let first = next.read_inc(&[0], 100)? as usize;
        if first >= NUMBERS {
            break;
        }
        let cells: Vec<[usize; 1]> = (first..first + 100).map(|k| [number(k) % CELLS]).collect();
        histogram.scatter_accumulate(&cells, &[1; 100], 1)?;
    }
    histogram.sync()?;
    let mut serial = [0; CELLS];
    (0..NUMBERS).for_each(|k| serial[number(k) % CELLS] += 1);
    assert_eq!(histogram.to_array::<Ix1>()?.as_slice(), Some(&serial[..]));
    let mut some = [0; 3];
    histogram.gather(&[[7], [0], [15]], &mut some)?;
    assert_eq!(some, [serial[7], serial[0], serial[15]]);
    histogram.sync()?;

    // What takes a read and a write is done under a mutex.
    let mutexes = Mutexes::create(&team, 1)?;
    for _ in 0..10 {
        mutexes.lock(0)?;
        let mut largest = [0];
        histogram.get(3..4, &mut largest)?;
        histogram.put(3..4, &[largest[0] * 2 % 1009])?;
        histogram.fence()?;
        mutexes.unlock(0)?;
    }
    histogram.sync()?;
    let doubled = (0..10 * world.size()).fold(serial[3], |value, _| value * 2 % 1009);
    assert_eq!(histogram.get_array::<Ix1>(3..=3)?[0], doubled);
    mutexes.destroy()?;
    Ok(())
}
