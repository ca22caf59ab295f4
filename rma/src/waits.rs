//! What ranks wait for, in words. Read from a board: by a rank that stalls, and by the launcher when a job ends badly.

pub use shm::board::{Board, Snapshot};
use std::sync::OnceLock;

/// Environment variable with the descriptor of the launcher's board; slots are by world rank.
pub const BOARD_FD: &str = "GAIN_BOARD_FD";

/// Environment variable that says that a launcher of ours watches the ranks and ends them when one fails.
pub const LAUNCHER: &str = "GAIN_LAUNCHER";

/// The operation whose record has the mutex's number as sequence number and its rank as target.
const LOCK: &str = "lock";

/// Finds the line of the user's program that the calling thread is in.
pub type Locator = fn() -> Option<(String, u32)>;

static LOCATOR: OnceLock<Locator> = OnceLock::new();

/// For bindings of other languages, whose users know nothing of lines in Rust: from now on `locator` is asked once a wait
/// of this process has lasted for a tenth of a second, in the thread that waits. The first one given stays. Local.
pub fn set_locator(locator: Locator) {
    // One module of bindings per process; a second one has no better claim.
    let _ = LOCATOR.set(locator);
}

/// What the locator says.
pub(crate) fn locate() -> Option<(String, u32)> {
    LOCATOR.get()?()
}

/// What each of some ranks waits for, `None` for one that doesn't, as in
/// `ranks 0,2 in barrier of team world at a.rs:7 (waiting for rank 1); rank 1 not waiting`.
///
/// Ranks that wait in the same operation at the same line are named together.
pub fn describe(states: &[(usize, Option<Snapshot>)]) -> String {
    let mut groups: Vec<(Option<&Snapshot>, Vec<usize>, Vec<usize>)> = Vec::new();
    for (rank, state) in states {
        let state = state.as_ref();
        let found = groups.iter().position(|(other, ..)| match (other, state) {
            (None, None) => true,
            (Some(a), Some(b)) => place(a) == place(b),
            _ => false,
        });
        let group = found.unwrap_or_else(|| {
            groups.push((state, Vec::new(), Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push(*rank);
        groups[group].2.extend(state.and_then(|state| state.target).map(|target| target as usize));
    }
    // Those that don't wait come last: the others wait for them.
    groups.sort_by_key(|(state, ..)| state.is_none());
    let sentence = |(state, ranks, targets): (Option<&Snapshot>, Vec<usize>, Vec<usize>)| match state {
        Some(state) if state.text == LOCK => format!("{} in {}", name_ranks(&ranks), place(state)),
        Some(state) => format!("{} in {}{}", name_ranks(&ranks), place(state), awaited(state.team, targets)),
        None => format!("{} not waiting", name_ranks(&ranks)),
    };
    groups.into_iter().map(sentence).collect::<Vec<_>>().join("; ")
}

fn place(state: &Snapshot) -> String {
    let team = if state.team == 0 { "world".to_owned() } else { format!("{:#x}", state.team) };
    let what = match (&state.text[..], state.target) {
        (LOCK, Some(rank)) => format!("{LOCK} of mutex {} at rank {rank}", state.sequence),
        (text, _) => text.to_owned(),
    };
    format!("{what} of team {team} at {}:{}", state.file, state.line)
}

fn awaited(team: u64, mut targets: Vec<usize>) -> String {
    if targets.is_empty() {
        return String::new();
    }
    targets.sort_unstable();
    targets.dedup();
    let member = if team == 0 { "" } else { "the team's " };
    format!(" (waiting for {member}{})", name_ranks(&targets))
}

/// `0-2,5` for ranks 0, 1, 2 and 5, given in increasing order.
pub fn rank_list(ranks: &[usize]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &rank in ranks {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == rank => *last = rank,
            _ => runs.push((rank, rank)),
        }
    }
    let run = |(first, last): &(usize, usize)| match last - first {
        0 => format!("{first}"),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    };
    runs.iter().map(run).collect::<Vec<_>>().join(",")
}

/// `rank 3` or `ranks 0-2,5`.
pub fn name_ranks(ranks: &[usize]) -> String {
    let noun = if ranks.len() == 1 { "rank" } else { "ranks" };
    format!("{noun} {}", rank_list(ranks))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(text: &str, team: u64, line: u32, target: Option<u32>) -> Option<Snapshot> {
        let (text, file) = (text.to_owned(), "a.rs".to_owned());
        Some(Snapshot { op: 1, team, target, sequence: 3, text, file, line, since_ns: 1, pid: 2 })
    }

    #[test]
    fn ranks_in_the_same_place_are_named_together_and_others_apart() {
        let states = [
            (0, waiting("barrier", 0, 7, Some(1))),
            (1, waiting("allreduce", 0, 9, Some(0))),
            (2, waiting("barrier", 0, 7, Some(1))),
            (3, None),
        ];
        assert_eq!(
            describe(&states),
            "ranks 0,2 in barrier of team world at a.rs:7 (waiting for rank 1); \
             rank 1 in allreduce of team world at a.rs:9 (waiting for rank 0); rank 3 not waiting"
        );
        assert_eq!(
            describe(&[(4, waiting("lock", 18, 7, Some(1)))]),
            "rank 4 in lock of mutex 3 at rank 1 of team 0x12 at a.rs:7"
        );
    }

    #[test]
    fn ranks_are_listed_in_runs() {
        assert_eq!(rank_list(&[0, 1, 2, 5, 7, 8]), "0-2,5,7,8");
        assert_eq!(name_ranks(&[3]), "rank 3");
    }
}
