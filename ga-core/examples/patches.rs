//! Any patch of an array from any rank: put, get, accumulate, with views, steps, and requests that are waited for later.
//!
//! ```text
//! gain run -n 4 target/release/examples/patches
//! ```

use ga_core::{GlobalArray, World};
use ndarray::{Array2, Ix2, s};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let world = World::init()?;
    run(&world)?;
    world.finalize()?;
    Ok(())
}

pub(crate) fn run(world: &World) -> Result<(), Box<dyn Error>> {
    let team = world.team();
    let u = GlobalArray::<f64>::zeros(&team, (20, 30))?;
    let mut serial = Array2::<f64>::zeros((20, 30));

    // One rank writes where it likes; regions are ranges of any kind, one for each axis.
    if world.rank() == world.size() - 1 {
        u.put((2..4, ..=2), &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
        u.put_view((10.., 28..), &Array2::from_elem((10, 2), 7.0))?;
        u.put_steps((0, ..), &[1, 10], &[-1.0, -2.0, -3.0])?;
    }
    serial.slice_mut(s![2..4, ..=2]).assign(&ndarray::arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
    serial.slice_mut(s![10.., 28..]).fill(7.0);
    serial.slice_mut(s![0, ..;10]).assign(&ndarray::arr1(&[-1.0, -2.0, -3.0]));
    u.sync()?;
    assert_eq!(u.to_array::<Ix2>()?, serial);
    u.sync()?;

    // All ranks add to one patch at once; nothing is lost.
    u.accumulate((5..=6, 5..=6), &[1.0; 4], 0.5)?;
    u.sync()?;
    serial.slice_mut(s![5..=6, 5..=6]).map_inplace(|v| *v += 0.5 * world.size() as f64);
    assert_eq!(u.get_array::<Ix2>((4..8, 4..8))?, serial.slice(s![4..8, 4..8]));

    // A get that is under way while the rank does something else.
    let request = u.get_nb((..2, ..), vec![0.0; 60])?;
    let column = u.get_array::<Ix2>((.., 5))?;
    assert_eq!(column.sum(), serial.column(5).sum());
    assert_eq!(request.wait()?, serial.slice(s![..2, ..]).iter().copied().collect::<Vec<_>>());
    u.sync()?;
    Ok(())
}
