//! Who failed, and what the others did meanwhile, in words.

use crate::member::Member;
use crate::pmi::Server;
use crate::signals;
use rma::waits::{self, name_ranks};
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
    /// A host can't be reached any more, or couldn't be from the start.
    Lost { host: usize, reason: String },
    /// The time given was up.
    Deadline(Duration),
}

impl Cause {
    /// Whose fault it was.
    pub(crate) fn rank(&self) -> Option<usize> {
        match self {
            Cause::Ended { rank, .. } | Cause::Abort { rank, .. } | Cause::LeftStart { rank } => Some(*rank),
            Cause::Lost { .. } | Cause::Deadline(_) => None,
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
            // As ssh has it.
            Cause::Lost { .. } => 255,
            Cause::Deadline(_) => 124,
        }
    }
}

/// What there is to know about a job that failed.
pub(crate) struct Facts<'a> {
    pub(crate) members: &'a [Member],
    pub(crate) server: &'a Server,
    /// Names of the hosts; none for this machine.
    pub(crate) hosts: Vec<Option<&'a str>>,
}

/// Lines for the user.
pub(crate) fn text(cause: &Cause, facts: &Facts<'_>) -> String {
    let mut text = match cause {
        Cause::Ended { rank, status } => format!("gain: {} {}\n", facts.who(*rank), end(*status)),
        Cause::Abort { rank, code } => {
            format!("gain: {} aborted the job with code {code}\n", facts.who(*rank))
        }
        Cause::LeftStart { rank } => {
            let waiting: Vec<usize> = facts.server.waiting().collect();
            let waiting = name_ranks(&waiting);
            format!("gain: {} ended while {waiting} waited for it to start up\n", facts.who(*rank))
        }
        Cause::Lost { host, reason } => {
            let name = facts.hosts[*host].unwrap_or("this machine");
            let ranks = name_ranks(&facts.ranks(|member| member.host == *host));
            format!("gain: host {name} with {ranks} was lost: {reason}\n")
        }
        Cause::Deadline(limit) => format!("gain: the job was not done after {} s\n", limit.as_secs_f64()),
    };
    text.push_str(&facts.other_ends(cause));
    text.push_str(&facts.meanwhile());
    text
}

impl Facts<'_> {
    fn ranks(&self, is_meant: impl Fn(&Member) -> bool) -> Vec<usize> {
        (0..self.members.len()).filter(|rank| is_meant(&self.members[*rank])).collect()
    }

    /// A rank with what identifies its process.
    fn who(&self, rank: usize) -> String {
        let member = &self.members[rank];
        let host = self.hosts[member.host].map_or(String::new(), |host| format!(" on {host}"));
        format!("rank {rank}{host} (pid {})", member.process)
    }

    /// What the ranks that still run were doing.
    fn meanwhile(&self) -> String {
        let running = self.members.iter().enumerate().filter(|(_, member)| !member.is_gone());
        let states: Vec<_> =
            running.filter_map(|(rank, member)| member.state.clone().map(|state| (rank, state))).collect();
        let silent = self.ranks(|member| !member.is_gone() && member.state.is_none());
        let mut text = String::new();
        if !states.is_empty() {
            text = format!("gain: meanwhile {}\n", waits::describe(&states));
        }
        if !silent.is_empty() {
            text += &format!("gain: nothing is known of {}\n", name_ranks(&silent));
        }
        text
    }

    /// The ends of other ranks that failed as well.
    fn other_ends(&self, cause: &Cause) -> String {
        let mut ends: Vec<(ExitStatus, Vec<usize>)> = Vec::new();
        for (number, member) in self.members.iter().enumerate() {
            let Some(status) =
                member.status.filter(|status| !status.success() && cause.rank() != Some(number))
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
