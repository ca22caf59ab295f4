//! Who failed, and what the others did meanwhile, in words.

use crate::pmi::Server;
use crate::signals;
use crate::spawn::Rank;
use rma::waits::{self, Board, name_ranks};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

/// Why a job is ended early.
#[derive(Clone, Debug)]
pub(crate) enum Cause {
    /// A rank ended with a code other than 0, or by a signal.
    Ended { rank: usize, status: ExitStatus },
    /// A rank asked for it.
    Abort { rank: usize, code: i32 },
    /// A rank ended, with code 0, before all had found one another.
    LeftStart { rank: usize },
    /// The time given was up.
    Deadline(Duration),
}

impl Cause {
    /// Whose fault it was.
    pub(crate) fn rank(&self) -> Option<usize> {
        match self {
            Cause::Ended { rank, .. } | Cause::Abort { rank, .. } | Cause::LeftStart { rank } => Some(*rank),
            Cause::Deadline(_) => None,
        }
    }

    /// The launcher's exit code.
    pub(crate) fn code(&self) -> i32 {
        match self {
            Cause::Ended { status, .. } => {
                status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
            }
            // A job that was aborted has not succeeded, whatever the rank said.
            Cause::Abort { code, .. } => {
                if *code & 0xff == 0 {
                    1
                } else {
                    *code & 0xff
                }
            }
            Cause::LeftStart { .. } => 1,
            Cause::Deadline(_) => 124,
        }
    }
}

impl Rank {
    /// Whether the rank has ended with code 0.
    pub(crate) fn has_succeeded(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }
}

/// Lines for the user.
pub(crate) fn text(cause: &Cause, ranks: &[Rank], server: &Server, board: &Board) -> String {
    let mut text = match cause {
        Cause::Ended { rank, status } => {
            format!("gain: rank {rank} (pid {}) {}\n", ranks[*rank].child.id(), end(*status))
        }
        Cause::Abort { rank, code } => {
            format!("gain: rank {rank} (pid {}) aborted the job with code {code}\n", ranks[*rank].child.id())
        }
        Cause::LeftStart { rank } => {
            let waiting: Vec<usize> = server.waiting().collect();
            let pid = ranks[*rank].child.id();
            let waiting = name_ranks(&waiting);
            format!("gain: rank {rank} (pid {pid}) ended while {waiting} waited for it to start up\n")
        }
        Cause::Deadline(limit) => format!("gain: the job was not done after {} s\n", limit.as_secs_f64()),
    };
    text.push_str(&other_ends(cause, ranks));
    text.push_str(&meanwhile(ranks, board));
    text
}

/// What the ranks that still run were doing.
fn meanwhile(ranks: &[Rank], board: &Board) -> String {
    let running = ranks.iter().enumerate().filter(|(_, rank)| rank.status.is_none());
    let states: Vec<_> = running.map(|(number, _)| (number, board.slot(number).read())).collect();
    match states.is_empty() {
        true => String::new(),
        false => format!("gain: meanwhile {}\n", waits::describe(&states)),
    }
}

/// The ends of other ranks that failed as well.
fn other_ends(cause: &Cause, ranks: &[Rank]) -> String {
    let mut ends: Vec<(ExitStatus, Vec<usize>)> = Vec::new();
    for (number, rank) in ranks.iter().enumerate() {
        let Some(status) = rank.status.filter(|status| !status.success() && cause.rank() != Some(number))
        else {
            continue;
        };
        match ends.iter_mut().find(|(other, _)| *other == status) {
            Some((_, numbers)) => numbers.push(number),
            None => ends.push((status, vec![number])),
        }
    }
    ends.iter()
        .map(|(status, numbers)| format!("gain: {} {} afterwards\n", name_ranks(numbers), end(*status)))
        .collect()
}

fn end(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(signal)) => {
            let core = if status.core_dumped() { ", core dumped" } else { "" };
            format!("was killed by signal {signal} ({}{core})", signals::name(signal))
        }
        (None, None) => format!("ended: {status}"),
    }
}
