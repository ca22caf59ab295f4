//! How an array is divided among the ranks: one array of `ndarray` in every layout there is.
//!
//! ```text
//! gain run -n 4 target/release/examples/layouts
//! ```
#![allow(clippy::print_stdout)]

use ga_core::{ErrorKind, GlobalArray, World};
use ndarray::{Array2, Ix2};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let world = World::init()?;
    run(&world)?;
    world.finalize()?;
    Ok(())
}

pub(crate) fn run(world: &World) -> Result<(), Box<dyn Error>> {
    let (team, ranks) = (world.team(), world.size());
    let table = Array2::from_shape_fn((12, 9), |(i, j)| (100 * i + j) as i64);
    let (shape, column) = ([12, 9], [ranks, 1]);
    let build = || GlobalArray::<i64>::builder(&team, &shape);
    let reversed: Vec<usize> = (0..ranks).rev().collect();
    let starts = (0..ranks).map(|rank| rank * rank).collect();

    let arrays = [
        GlobalArray::from_array(&team, &table)?,
        build().name("whole rows").chunk(&[0, 9]).array(&table)?,
        build().name("growing blocks").irregular(vec![starts, vec![0]]).array(&table)?,
        build().name("blocks in turn").block_cyclic(&[2, 4]).array(&table)?,
        build().name("a matrix of ScaLAPACK").scalapack(&[2, 4], &column).array(&table)?,
        build().name("tiles").tiled(&[5, 3], &column).array(&table)?,
        build().name("with ghost cells").ghosts(&[1, 2]).array(&table)?,
        build().name("the other way round").restricted(&reversed).array(&table)?,
        build().name("on one rank").restricted(&[ranks - 1]).array(&table)?,
    ];
    for array in &arrays {
        if world.rank() == 0 {
            println!("{} {array:#}", array.name());
        }
        assert_eq!(array.to_array::<Ix2>()?, table);
        let mine = array.distribution().own_pieces(world.rank(), ..)?;
        let counted: usize = mine.map(|piece| piece.patch.len()).sum();
        assert_eq!(counted, array.distribution().len_of(world.rank()));
    }
    // What can't be is refused on all ranks alike, with the numbers.
    let error = build().scalapack(&[2, 4], &[ranks, 2]).create().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Distribution);
    world.sync()?;
    Ok(())
}
