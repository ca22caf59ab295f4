//! What ranks wait for, in words. Read from a board: by a rank that stalls, and by the launcher when a job ends badly.

pub use shm::board::{Board, Snapshot};
use std::sync::OnceLock;

/// Environment variable with the descriptor of the launcher's board; slots are by world rank.
pub const BOARD_FD: &str = "GAIN_BOARD_FD";

/// Environment variable that says that a launcher of ours watches the ranks and ends them when one fails.
pub const LAUNCHER: &str = "GAIN_LAUNCHER";

/// The operation whose record has the mutex's rank as target and as sequence number the mutex's number, with one more than
/// the world rank of its holder in the high half.
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

/// The sequence number of a wait for a mutex whose holder is known.
pub(crate) fn with_holder(sequence: u64, holder: u32) -> u64 {
    u64::from(sequence as u32) | (u64::from(holder) + 1) << 32
}

/// The line of the user's program that the calling thread is in, if bindings said how to find it. Local.
pub fn locate() -> Option<(String, u32)> {
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
        groups[group].2.extend(state.and_then(awaited));
    }
    // Those that don't wait come last: the others wait for them.
    groups.sort_by_key(|(state, ..)| state.is_none());
    let sentence = |(state, ranks, targets): (Option<&Snapshot>, Vec<usize>, Vec<usize>)| match state {
        Some(state) => format!("{} in {}{}", name_ranks(&ranks), place(state), name_awaited(state, targets)),
        None => format!("{} not waiting", name_ranks(&ranks)),
    };
    groups.into_iter().map(sentence).collect::<Vec<_>>().join("; ")
}

fn place(state: &Snapshot) -> String {
    let team = if state.team == 0 { "world".to_owned() } else { format!("{:#x}", state.team) };
    let what = match (&state.text[..], state.target) {
        (LOCK, Some(rank)) => format!("{LOCK} of mutex {} at rank {rank}", state.sequence as u32),
        (text, _) => text.to_owned(),
    };
    format!("{what} of team {team} at {}:{}", state.file, state.line)
}

/// The rank that the wait is for: a mutex's holder, or the target.
fn awaited(state: &Snapshot) -> Option<usize> {
    match &state.text[..] {
        LOCK => (state.sequence >> 32).checked_sub(1).map(|holder| holder as usize),
        _ => state.target.map(|target| target as usize),
    }
}

fn name_awaited(state: &Snapshot, mut targets: Vec<usize>) -> String {
    if targets.is_empty() {
        return String::new();
    }
    targets.sort_unstable();
    targets.dedup();
    if state.text == LOCK {
        return format!(" (held by world {})", name_ranks(&targets));
    }
    let member = if state.team == 0 { "" } else { "the team's " };
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
        let held = waiting("lock", 18, 7, Some(1))
            .map(|state| Snapshot { sequence: with_holder(state.sequence, 0), ..state });
        assert_eq!(
            describe(&[(4, held.clone()), (5, held)]),
            "ranks 4,5 in lock of mutex 3 at rank 1 of team 0x12 at a.rs:7 (held by world rank 0)"
        );
    }

    #[test]
    fn ranks_are_listed_in_runs() {
        assert_eq!(rank_list(&[0, 1, 2, 5, 7, 8]), "0-2,5,7,8");
        assert_eq!(name_ranks(&[3]), "rank 3");
    }
}
