//! The suites. Each is a function that every rank calls; rank 0 measures and prints, the others answer or wait.

mod algebra;
mod arrays;
mod contention;
mod shapes;
mod sync;
mod transfer;

use bench::report;
use microbench::machine;
use rma::World;

/// What a suite returns.
pub(crate) type Outcome = Result<(), Box<dyn std::error::Error>>;
/// A suite as the table below holds it.
pub(crate) type Suite = fn(&World) -> Outcome;

const SUITES: &[(&str, Suite)] =
    &[("rma", rma), ("sync", sync::run), ("arrays", arrays::run), ("algebra", algebra::run)];

/// The suite called `name`.
pub(crate) fn by_name(name: &str) -> Option<Suite> {
    SUITES.iter().find(|suite| suite.0 == name).map(|suite| suite.1)
}

/// All names.
pub(crate) fn names() -> Vec<&'static str> {
    SUITES.iter().map(|suite| suite.0).collect()
}

/// Joins the job, says where it runs, runs the suite, leaves.
pub(crate) fn run(suite: Suite) -> Outcome {
    let world = World::init()?;
    if world.size() < 2 {
        return Err("these are measurements between ranks: start it as `gain run -n 2 gain-bench ...`".into());
    }
    if world.rank() == 0 {
        print(&format!("\n{} ranks; {}\n", world.size(), machine::describe()));
    }
    suite(&world)?;
    world.finalize()?;
    Ok(())
}

fn rma(world: &World) -> Outcome {
    transfer::run(world)?;
    shapes::run(world)?;
    contention::run(world)
}

/// Prints a table from rank 0.
pub(crate) fn show(world: &World, title: &str, rows: &[report::Row]) {
    if world.rank() == 0 {
        print(&report::table(title, rows));
    }
}

/// Runs `measure` on rank 0 while the others wait in a barrier.
pub(crate) fn on_rank_0<T>(world: &World, measure: impl FnOnce() -> T) -> rma::Result<Option<T>> {
    world.barrier()?;
    let result = (world.rank() == 0).then(measure);
    world.barrier()?;
    Ok(result)
}

#[allow(clippy::print_stdout, reason = "the tables are what this program is for")]
fn print(text: &str) {
    print!("{text}");
}
