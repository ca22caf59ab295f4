//! Heat that spreads on a torus: each rank updates its own block from the ghost cells around it.
//!
//! ```text
//! gain run -n 4 target/release/examples/ghosts
//! ```

use ga_core::{GlobalArray, World};
use ndarray::{Array2, Ix2, s};
use std::error::Error;

const STEPS: usize = 10;

/// One step on a block with one more row or column on each side.
fn step(u: &Array2<f64>) -> Array2<f64> {
    let (rows, columns) = (u.nrows() - 1, u.ncols() - 1);
    let around = &u.slice(s![..rows - 1, 1..columns])
        + &u.slice(s![2.., 1..columns])
        + u.slice(s![1..rows, ..columns - 1])
        + u.slice(s![1..rows, 2..]);
    &u.slice(s![1..rows, 1..columns]) * 0.5 + around * 0.125
}

fn main() -> Result<(), Box<dyn Error>> {
    let world = World::init()?;
    run(&world)?;
    world.finalize()?;
    Ok(())
}

pub(crate) fn run(world: &World) -> Result<(), Box<dyn Error>> {
    let start = |(i, j): (usize, usize)| ((3 * i + 5 * j) % 11) as f64;
    let (shape, team) = ([24, 18], world.team());
    let mut u = GlobalArray::builder(&team, &shape).ghosts(&[1, 1]).shape_fn::<Ix2>(start)?;
    for _ in 0..STEPS {
        u.update_ghosts(false)?;
        let around = u.ghost_array::<Ix2>()?;
        // A rank without elements has no ghost cells either.
        let next = (!around.is_empty()).then(|| step(&around));
        u.with_local_mut(|mut block| next.iter().for_each(|next| block.assign(next)))?;
    }

    let mut serial = Array2::from_shape_fn(shape, start);
    for _ in 0..STEPS {
        let wrapped = |at: usize, n: usize| (at + n - 1) % n;
        let around = Array2::from_shape_fn((26, 20), |(i, j)| serial[[wrapped(i, 24), wrapped(j, 18)]]);
        serial = step(&around);
    }
    assert_eq!(u.to_array::<Ix2>()?, serial);
    u.sync()?;

    // Periodic patches go on beyond the borders without ghost cells.
    let mut corner = [0.0; 4];
    u.get_periodic(&[-1, -1], &[1, 1], &mut corner)?;
    assert_eq!(corner, [serial[[23, 17]], serial[[23, 0]], serial[[0, 17]], serial[[0, 0]]]);
    u.sync()?;
    Ok(())
}
