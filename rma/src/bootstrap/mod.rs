//! How a process learns which rank of which job it is, and the little talk the ranks have before they share memory.
//!
//! A [`Bootstrap`] is slow (tens of microseconds per message) and used at start and end only; everything else goes over
//! the node heap or a network transport. [`connect`] chooses by the environment, in this order:
//!
//! | found | then |
//! | --- | --- |
//! | the mark of another process that is the rank already | a single rank: a rank has started this process ([`claim`]) |
//! | `PMI_FD` | PMI-1 over the inherited socket: `gain run`, MPICH's `mpiexec`, `srun --mpi=pmi2`; PMI-2 if refused |
//! | `PMI_PORT` and `PMI_ID` | PMI-1 over a connection of our own: `mpiexec -pmi-port` |
//! | `PMIX_NAMESPACE` | PMIx by its own library: Open MPI's `mpiexec`, `prterun`, `srun --mpi=pmix` |
//! | Slurm or Open MPI say more than one task, and none of these is there | an error with advice: N single ranks would be a trap |
//! | nothing | a single rank |
//!
//! `GAIN_BOOTSTRAP` narrows the choice. A program that has its own way to talk gives [`crate::World::init_with`] an
//! [`Exchange`], and none of this is looked for.
//!
//! Invariant: calls are collective and come from one thread at a time; the socket may be shared with an MPI library in
//! the same process, so nobody uses it between start and end.

mod claim;
mod ends;
mod exchange;
mod frames;
mod node;
mod patience;
mod pmi1;
mod pmi2;
mod pmix;
mod secret;
mod single;
mod text;

use std::io;
use std::os::fd::OwnedFd;

pub(crate) use claim::claim_here;
pub use claim::{MARK, claim, is_child};
pub use exchange::{Abort, Allgather, Exchange};
#[cfg(test)]
pub(crate) use node::traffic;
pub use node::{Member, Node};
pub(crate) use node::{join, split};
pub use pmi1::{JOB_OF_LAUNCHER, Pmi1, field as pmi_field};
pub use pmi2::Pmi2;
pub use pmix::Pmix;
pub use secret::secret_name;
pub(crate) use secret::{PROTOCOL, Secret};
pub use single::Single;

/// Environment variable: `auto`, `pmi1`, `pmi2`, `pmix` or `single`.
const CHOICE: &str = "GAIN_BOOTSTRAP";

/// What a process manager gives every rank: who am I, exchange a few bytes, wait for all, end all.
pub trait Bootstrap: Send {
    /// This process's number in the job, below [`size`](Bootstrap::size).
    fn rank(&self) -> usize;

    /// Number of ranks in the job.
    fn size(&self) -> usize;

    /// A name no other living job on this machine has. The same on every rank.
    fn job(&self) -> &str;

    /// Whether nobody but the job's ranks can know its name, as is true of [names made for this](secret_name). If not, the ranks agree on
    /// something that nobody knows.
    fn is_secret(&self) -> bool {
        false
    }

    /// Collective: makes `mine` (nothing on ranks that have nothing to say) known to the job. Returns once every rank has
    /// called it; then any rank may [`fetch`](Bootstrap::fetch) it until it calls `publish` again.
    fn publish(&mut self, mine: Option<&[u8]>) -> io::Result<()>;

    /// Not collective: what `rank` gave to the last [`publish`](Bootstrap::publish). An error if it gave nothing.
    fn fetch(&mut self, rank: usize) -> io::Result<Vec<u8>>;

    /// Collective: every rank's bytes, in rank order. Costs each rank `size` fetches; [`Node::exchange`] is there for jobs
    /// of many ranks.
    fn allgather(&mut self, mine: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        self.publish(Some(mine))?;
        (0..self.size()).map(|rank| self.fetch(rank)).collect()
    }

    /// Collective: returns once every rank has called it.
    fn barrier(&mut self) -> io::Result<()>;

    /// Takes leave of the process manager: the process may end now, and no other method is called any more. Local.
    /// Some managers take the end of a process that has not done so for a failure.
    fn leave(&mut self) -> io::Result<()>;

    /// Not collective: asks the launcher to end all ranks with `code`. The caller exits by itself afterwards.
    fn abort(&mut self, code: i32, message: &str);
}

/// Finds the process manager of this process and registers with it. Collective over the job.
///
/// An error says what was found and what to do about it.
pub fn connect() -> io::Result<Box<dyn Bootstrap>> {
    if is_child() {
        return Ok(Box::new(Single::default()));
    }
    connect_with(|name| std::env::var(name).ok())
}

/// Whether a process manager has started this process as one of its ranks, or says so: [`connect`] would try to join the others, or be
/// an error with advice. Not collective; joins nothing.
pub fn is_managed() -> bool {
    !is_child() && is_managed_by(|name| std::env::var(name).ok())
}

fn is_managed_by(variable: impl Fn(&str) -> Option<String>) -> bool {
    let variable = |name: &str| variable(name).filter(|text| !text.is_empty());
    if variable(CHOICE).is_some_and(|chosen| chosen == "single") {
        return false;
    }
    ["PMI_FD", "PMI_PORT", "PMIX_NAMESPACE"].iter().any(|name| variable(name).is_some())
        || slurm_without_pmi(&variable).or_else(|| open_mpi(&variable)).is_some()
}

fn connect_with(variable: impl Fn(&str) -> Option<String>) -> io::Result<Box<dyn Bootstrap>> {
    // Whoever starts a launcher within another one's job can empty a variable more easily than remove it.
    let variable = |name: &str| variable(name).filter(|text| !text.is_empty());
    let chosen = variable(CHOICE).unwrap_or_else(|| "auto".to_owned());
    let is_open = |name: &str| chosen == "auto" || chosen == name;
    if !["auto", "pmi1", "pmi2", "pmix", "single"].contains(&&chosen[..]) {
        let message = format!("{CHOICE}={chosen} is none of auto, pmi1, pmi2, pmix, single");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    if let Some(fd) = variable("PMI_FD").filter(|_| is_open("pmi1") || is_open("pmi2")) {
        let (fd, rank, size) = pmi1::inherited(&fd, &variable)?;
        let id = variable("PMI_JOBID").unwrap_or_default();
        return match &chosen[..] {
            "pmi1" => Ok(Box::new(Pmi1::greet(rank, size, fd)?)),
            "pmi2" => Ok(Box::new(Pmi2::greet(rank, size, &id, fd)?)),
            _ => either(rank, size, &id, fd),
        };
    }
    if let (Some(port), Some(id), true) = (variable("PMI_PORT"), variable("PMI_ID"), is_open("pmi1")) {
        return Ok(Box::new(Pmi1::over_port(&port, &id)?));
    }
    if variable("PMIX_NAMESPACE").is_some() && is_open("pmix") {
        return Ok(Box::new(Pmix::connect()?));
    }
    if !is_open("single") {
        let message = format!("{CHOICE}={chosen}, but nothing here speaks that");
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    if let Some(advice) = slurm_without_pmi(&variable).or_else(|| open_mpi(&variable))
        && chosen == "auto"
    {
        return Err(io::Error::new(io::ErrorKind::Unsupported, advice));
    }
    Ok(Box::new(Single::default()))
}

/// PMI-1, or PMI-2 where the server refuses that.
fn either(rank: usize, size: usize, id: &str, fd: OwnedFd) -> io::Result<Box<dyn Bootstrap>> {
    match Pmi1::greet(rank, size, fd.try_clone()?) {
        Ok(session) => Ok(Box::new(session)),
        Err(older) => match Pmi2::greet(rank, size, id, fd) {
            Ok(session) => Ok(Box::new(session)),
            Err(newer) => Err(io::Error::new(older.kind(), format!("{older}; {newer}"))),
        },
    }
}

/// Advice when `srun` started several tasks that cannot find one another; `None` when this is no such task.
///
/// `SLURM_PROCID` is also set in a batch script, where there is one process however many tasks were asked for;
/// only a job step started by `srun` has `SLURM_STEP_NUM_TASKS`.
fn slurm_without_pmi(variable: &impl Fn(&str) -> Option<String>) -> Option<String> {
    variable("SLURM_PROCID")?;
    let tasks = variable("SLURM_STEP_NUM_TASKS")?;
    if tasks.trim().parse::<usize>().ok()? < 2 {
        return None;
    }
    let pmi = variable("SLURM_MPI_TYPE").unwrap_or_else(|| "none".into());
    Some(format!(
        "srun started {tasks} tasks with --mpi={pmi}, so they cannot find one another; \
         start them with `srun --mpi=pmi2` or `--mpi=pmix`, or one per node with `gain run`"
    ))
}

/// Advice when Open MPI's `mpiexec` started several tasks that can't reach its PMIx server.
fn open_mpi(variable: &impl Fn(&str) -> Option<String>) -> Option<String> {
    let tasks = variable("OMPI_COMM_WORLD_SIZE")?;
    (tasks.trim().parse::<usize>().ok()? > 1).then(|| {
        format!(
            "Open MPI started {tasks} tasks, but PMIX_NAMESPACE is not set, so they cannot find one another"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string())
    }

    #[test]
    fn nothing_found_is_a_single_rank() {
        let mut alone = connect_with(environment(&[])).unwrap();
        assert_eq!((alone.rank(), alone.size()), (0, 1));
        assert_eq!(alone.allgather(b"x").unwrap(), vec![b"x".to_vec()]);
    }

    #[test]
    fn who_is_a_rank_is_told_without_joining() {
        let managed = |pairs: &[(&str, &str)]| is_managed_by(environment(pairs));
        assert!(managed(&[("PMI_FD", "3")]) && managed(&[("PMI_PORT", "h:1")]));
        assert!(managed(&[("PMIX_NAMESPACE", "x")]));
        assert!(managed(&[("SLURM_PROCID", "1"), ("SLURM_STEP_NUM_TASKS", "4")]));
        assert!(!managed(&[]) && !managed(&[("PMI_FD", "")]) && !managed(&[("SLURM_PROCID", "0")]));
        assert!(!managed(&[("PMI_FD", "3"), ("GAIN_BOOTSTRAP", "single")]));
    }

    #[test]
    fn tasks_that_cannot_meet_are_an_error_with_advice() {
        let step = [("SLURM_PROCID", "1"), ("SLURM_STEP_NUM_TASKS", "4")];
        let error = connect_with(environment(&step)).err().unwrap();
        assert!(error.to_string().contains("srun --mpi=pmi2"), "{error}");
        let wrong = [("GAIN_BOOTSTRAP", "mpi")];
        assert!(connect_with(environment(&wrong)).err().unwrap().to_string().contains("GAIN_BOOTSTRAP=mpi"));
        let absent = [("GAIN_BOOTSTRAP", "pmix")];
        assert!(connect_with(environment(&absent)).is_err());
        let open_mpi = [("OMPI_COMM_WORLD_SIZE", "2"), ("PMIX_RANK", "0")];
        assert!(connect_with(environment(&open_mpi)).err().unwrap().to_string().contains("PMIX_NAMESPACE"));
        let batch_script = [("SLURM_PROCID", "0"), ("SLURM_NTASKS", "4")];
        assert!(connect_with(environment(&batch_script)).is_ok());
        let one_task = [("SLURM_PROCID", "0"), ("SLURM_STEP_NUM_TASKS", "1")];
        assert!(connect_with(environment(&one_task)).is_ok());
    }
}
