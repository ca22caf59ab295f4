//! Arrays on some of the ranks: teams, copies between them, and arrays with a copy on each node.
//!
//! ```text
//! gain run -n 4 target/release/examples/groups
//! ```

use ga_core::{GlobalArray, World};
use ndarray::{Array1, Ix1};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let world = World::init()?;
    run(&world)?;
    world.finalize()?;
    Ok(())
}

pub(crate) fn run(world: &World) -> Result<(), Box<dyn Error>> {
    let (team, ranks) = (world.team(), world.size());
    // Even and odd ranks, each with an array of their own. Errors of both floors go through one `?`.
    let half =
        team.split(Some(world.rank() as u32 % 2), world.rank() as i64)?.ok_or("a color gives a team")?;
    let mine = GlobalArray::from_elem(&half, 10, 1.0 + (world.rank() % 2) as f64)?;
    mine.accumulate(.., &[1.0; 10], 1.0)?;
    mine.sync()?;
    let expected = 1.0 + (world.rank() % 2 + half.size()) as f64;
    assert_eq!(mine.to_array::<Ix1>()?, Array1::from_elem(10, expected));

    // The even ranks' array goes to one of all ranks: collective over the smaller team.
    let all = GlobalArray::<f64>::zeros(&team, 10)?;
    if world.rank().is_multiple_of(2) {
        all.copy_from(&mine)?;
    }
    all.sync()?;
    assert_eq!(all.to_array::<Ix1>()?, Array1::from_elem(10, 1.0 + ranks.div_ceil(2) as f64));
    all.sync()?;

    // A mirrored array lives on each node; each copy gets what its node adds, and merging makes all of them the sum.
    let mirrored = GlobalArray::<i64>::zeros(&world.node_team(), 6)?;
    assert!(mirrored.is_mirrored(world));
    mirrored.accumulate(.., &[1; 6], 1)?;
    mirrored.merge_mirrored(world)?;
    assert_eq!(mirrored.to_array::<Ix1>()?, Array1::from_elem(6, ranks as i64));
    world.sync()?;
    Ok(())
}
