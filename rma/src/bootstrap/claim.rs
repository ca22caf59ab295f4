//! Which process is the rank: the launcher's variables are inherited by everything that a rank starts.
//!
//! The place that the launcher has made for a rank is taken by the first process that asks for it. That process leaves a *mark* in its
//! environment, [`MARK`]: who it is, and which place it has taken. A process that finds the mark of another one for the place that
//! its own variables describe was started by a rank, in whatever way, and is a job of its own.
//!
//! | the mark | this process |
//! | --- | --- |
//! | is not there | is the rank, if there is a place |
//! | names this process (it may have become another program) | is the rank |
//! | names another process, and the same place | is no rank |
//! | names another process, and another place | was started by a launcher within a rank: is that one's rank |
//!
//! A place is described by the values of the launchers' variables and, as other launchers may give out the same ones again, by the
//! socket itself. Our own launcher takes the mark away.

use crate::fork;
use std::os::fd::RawFd;

/// Environment variable: `<process> <its start> <socket> <place>` of the process that is the rank.
pub const MARK: &str = "GAIN_RANK_PROCESS";

/// What describes a place.
const PLACE: [&str; 12] = [
    "PMI_FD",
    "PMI_RANK",
    "PMI_SIZE",
    "PMI_PORT",
    "PMI_ID",
    "PMI_JOBID",
    "PMIX_NAMESPACE",
    "PMIX_RANK",
    "SLURM_JOB_ID",
    "SLURM_STEP_ID",
    "SLURM_PROCID",
    "OMPI_COMM_WORLD_RANK",
];

/// One of these is there when a launcher has made a place.
const LAUNCHERS: [&str; 5] =
    ["PMI_FD", "PMI_PORT", "PMIX_NAMESPACE", "SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE"];

/// The parts of a mark.
#[derive(PartialEq, Eq, Debug)]
struct Mark {
    process: String,
    socket: u64,
    place: String,
}

impl Mark {
    /// The mark that this process would leave; nothing if no launcher has made a place.
    fn own(variable: &impl Fn(&str) -> Option<String>) -> Option<Mark> {
        let value = |name: &str| variable(name).filter(|text| !text.is_empty());
        LAUNCHERS.iter().find_map(|name| value(name))?;
        let place: Vec<String> = PLACE.iter().map(|name| value(name).unwrap_or_default()).collect();
        let fd = value("PMI_FD").and_then(|text| text.trim().parse().ok());
        let socket = fd.and_then(fork::socket).unwrap_or(0);
        Some(Mark { process: process(), socket, place: place.join("|") })
    }

    fn parse(text: &str) -> Option<Mark> {
        let mut parts = text.splitn(4, ' ');
        let process = format!("{} {}", parts.next()?, parts.next()?);
        Some(Mark { process, socket: parts.next()?.parse().ok()?, place: parts.next()?.to_owned() })
    }

    fn text(&self) -> String {
        format!("{} {} {}", self.process, self.socket, self.place)
    }

    /// Whether `self` was left by another process that has the place described by `own`.
    fn excludes(&self, own: &Mark) -> bool {
        // Without the socket, the place is all there is: it was closed on the way to this process.
        self.process != own.process
            && self.place == own.place
            && (own.socket == 0 || own.socket == self.socket)
    }
}

/// A name for this process that is not used twice.
fn process() -> String {
    let id = std::process::id();
    format!("{id} {}", shm::start_ticks(id))
}

/// Whether this process was started, in whatever way, by a rank, and is none itself. Local.
pub fn is_child() -> bool {
    fork::count() > 0 || is_marked(&|name: &str| std::env::var(name).ok())
}

fn is_marked(variable: &impl Fn(&str) -> Option<String>) -> bool {
    let (Some(mark), Some(own)) = (variable(MARK), Mark::own(variable)) else { return false };
    Mark::parse(&mark).is_some_and(|mark| mark.excludes(&own))
}

/// What a rank adds to its environment (name and value) as soon as it knows that it will be one, so that the programs it starts know that
/// they are none. Nothing without a launcher, in a child of a rank, and where it is there already. From now on forked children, too, are jobs
/// of their own. Local.
///
/// [`World::init`](crate::World::init) adds it by itself; this is for bindings of languages that have an environment of their own, or want it earlier.
pub fn claim() -> Option<(&'static str, String)> {
    fork::watch();
    if is_child() {
        return None;
    }
    let mark = Mark::own(&|name: &str| std::env::var(name).ok())?.text();
    if let Some(fd) = std::env::var("PMI_FD").ok().and_then(|text| text.trim().parse::<RawFd>().ok()) {
        fork::close_in_child(&fd);
    }
    (std::env::var(MARK).ok().as_ref() != Some(&mark)).then_some((MARK, mark))
}

/// [`claim`], and the mark left.
pub(crate) fn claim_here() {
    if let Some((name, value)) = claim() {
        // SAFETY: Rust's own readers of the environment are locked out. Code in C that reads it at this moment in another thread
        // would be wrong; `World::init` asks for a time without that, as `MPI_Init`, which does the same, does.
        unsafe { std::env::set_var(name, value) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    type Variables = Vec<(&'static str, String)>;

    fn place(fd: i32, rank: usize) -> Variables {
        vec![("PMI_FD", fd.to_string()), ("PMI_RANK", rank.to_string()), ("PMI_SIZE", "3".into())]
    }

    fn look(variables: &Variables) -> impl Fn(&str) -> Option<String> + '_ {
        |name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone())
    }

    /// As left by another process that had the place of `variables`.
    fn left_by_another(variables: &Variables) -> String {
        let mark = Mark { process: "1 7".into(), ..Mark::own(&look(variables)).unwrap() };
        assert_eq!(Mark::parse(&mark.text()), Some(Mark { process: "1 7".into(), ..mark }));
        Mark { process: "1 7".into(), ..Mark::own(&look(variables)).unwrap() }.text()
    }

    fn is_child_with(mut variables: Variables, mark: String) -> bool {
        variables.push((MARK, mark));
        is_marked(&look(&variables))
    }

    #[test]
    fn a_mark_of_another_process_for_the_same_place_makes_a_child() {
        let (mine, theirs) = UnixStream::pair().unwrap();
        let (fd, other) = (mine.as_raw_fd(), theirs.as_raw_fd());
        let here = place(fd, 1);
        assert!(!is_marked(&look(&here)));
        let own = Mark::own(&look(&here)).unwrap();
        assert!(!is_child_with(here.clone(), own.text()), "a rank that became another program");
        assert!(is_child_with(here.clone(), left_by_another(&here)));
        // Started without the descriptor.
        let null = std::fs::File::open("/dev/null").unwrap();
        for fd in [1 << 20, null.as_raw_fd()] {
            let mark = Mark { process: "1 7".into(), socket: 99, ..Mark::own(&look(&place(fd, 1))).unwrap() };
            assert!(is_child_with(place(fd, 1), mark.text()));
        }
        // Launchers within a rank.
        assert!(!is_child_with(here.clone(), left_by_another(&place(fd, 0))));
        let same_number = Mark { socket: fork::socket(other).unwrap(), ..own };
        let mark = Mark { process: "1 7".into(), ..same_number }.text();
        assert!(!is_child_with(here, mark));
        assert!(!is_child_with(Vec::new(), left_by_another(&place(fd, 0))), "no launcher");
        assert!(!is_child_with(place(fd, 0), "damaged".into()));
    }

    #[test]
    fn namespaces_are_places_too() {
        let rank = |n: &str| vec![("PMIX_NAMESPACE", "prterun-1".to_owned()), ("PMIX_RANK", n.to_owned())];
        assert!(is_child_with(rank("2"), left_by_another(&rank("2"))));
        assert!(!is_child_with(rank("2"), left_by_another(&rank("1"))));
    }
}
